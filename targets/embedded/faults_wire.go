package embedded

import (
	"bytes"
	"net/http"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

func wireFaults() []Fault {
	return []Fault{
		{Name: "long-prefix-unknown", Rule: model.WireProtocol,
			Describe: "The long X-Amz-Target prefix is not understood.",
			start:    forgetful(refuses(codeUnknown, func(c *call) bool { return c.request.OtherTarget }))},
		{Name: "error-without-code", Rule: model.WireErrorShape,
			Describe: "Errors have a message and no code.",
			start: replying(func(_ model.Request, p *response) {
				if p.status == http.StatusBadRequest {
					p.body = p.body.With("__type", value.Value{})
				}
			})},
		{Name: "errors-with-200", Rule: model.WireErrorStatus,
			Describe: "Errors have HTTP status 200.",
			start:    replying(func(_ model.Request, p *response) { p.status = http.StatusOK })},
		{Name: "not-enabled-with-200", Rule: model.WireErrorStatus,
			Describe: "InsightNotEnabledException alone has HTTP status 200.",
			start: replying(func(_ model.Request, p *response) {
				if p.body.Get("__type").Text() == codeNotEnabled {
					p.status = http.StatusOK
				}
			})},
		{Name: "misspells-trail-arn", Rule: model.WireMembers,
			Describe: "Put and Get answer TrailArn instead of TrailARN.",
			start:    misspelling("TrailARN", "TrailArn")},
		{Name: "misspells-insight-selectors", Rule: model.WireMembers,
			Describe: "Put and Get answer insightSelectors instead of InsightSelectors.",
			start:    misspelling("InsightSelectors", "insightSelectors")},
		{Name: "misspells-event-categories", Rule: model.WireMembers,
			Describe: "Put and Get answer eventCategories instead of EventCategories.",
			start:    misspelling("EventCategories", "eventCategories")},
		{Name: "answers-201", Rule: model.WireMembers,
			Describe: "A successful Put has HTTP status 201.",
			start: replying(func(r model.Request, p *response) {
				if r.Op == model.OpPut && p.status == http.StatusOK {
					p.status = http.StatusCreated
				}
			})},
		{Name: "unknown-members-wrong-code", Rule: model.WireUnknownMembers,
			Describe: "An unknown member is refused with " + codeUnlisted + ".",
			start: forgetful(refuses(codeUnlisted, func(c *call) bool {
				return readsMembers(c.request) && c.unknownMember() && len(c.broken()) == 0
			}))},
		{Name: "unknown-members-crash", Rule: model.WireNoCrash,
			Describe: "An unknown member of a Put or Get makes the server fail with 500.",
			start:    crashes(func(r model.Request) bool { return readsMembers(r) && (&call{request: r}).unknownMember() })},
		{Name: "missing-members-crash", Rule: model.WireNoCrash,
			Describe: "A Put or Get that lacks a member makes the server fail with 500 and HTML.",
			start: crashes(func(r model.Request) bool {
				in := r.Input
				lacksList := r.Op == model.OpPut && !in.Get("InsightSelectors").Given()
				lacksOwner := !in.Get("TrailName").Given() && !in.Get("EventDataStore").Given()
				return readsMembers(r) && (lacksList || lacksOwner)
			})},
		{Name: "malformed-json-crash", Rule: model.WireNoCrash,
			Describe: "A body that is no JSON object makes the server fail with 500.",
			start:    crashes(func(r model.Request) bool { return r.Raw != nil })},
		{Name: "malformed-json-drops-connection", Rule: model.WireNoCrash,
			Describe: "A body that is no JSON object gets no answer: the connection is closed.",
			start:    replying(func(r model.Request, p *response) { p.drop = r.Raw != nil })},
		{Name: "plain-text-errors", Rule: model.WireNoCrash,
			Describe: "TrailNotFoundException is answered as plain text.",
			start: replying(func(r model.Request, p *response) {
				if readsMembers(r) && p.body.Get("__type").Text() == codeTrailNotFound {
					p.contentType, p.raw = "text/plain", []byte("trail not found\n")
				}
			})},
	}
}

// readsMembers reports whether the request is a well-formed one of the operations under test.
func readsMembers(r model.Request) bool {
	return r.Op.Insights() && !r.Malformed()
}

func crashes(about func(model.Request) bool) start {
	return replying(func(r model.Request, p *response) {
		if about(r) {
			p.status, p.contentType = http.StatusInternalServerError, "text/html; charset=utf-8"
			p.raw = []byte("<!doctype html>\n<title>500 Internal Server Error</title>\n<h1>Internal Server Error</h1>\n")
		}
	})
}

// misspelling renames a member of Put's and Get's successes, at the top and within selectors.
func misspelling(from, to string) start {
	return replying(func(r model.Request, p *response) {
		if r.Op.Insights() && p.status == http.StatusOK {
			p.raw = bytes.ReplaceAll(p.bytes(), []byte(`"`+from+`":`), []byte(`"`+to+`":`))
		}
	})
}

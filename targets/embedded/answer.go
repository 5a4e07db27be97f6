package embedded

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets/wire"
)

// The error codes that this package needs by name.
const (
	codeBadEvents     = "InvalidEventSelectorsException"
	codeCombination   = "InvalidParameterCombinationException"
	codeNotEnabled    = "InsightNotEnabledException"
	codeParameter     = "InvalidParameterException"
	codeSelectors     = "InvalidInsightSelectorsException"
	codeSerialization = "SerializationException"
	codeStoreNotFound = "EventDataStoreNotFoundException"
	codeTrailARN      = "CloudTrailARNInvalidException"
	codeTrailExists   = "TrailAlreadyExistsException"
	codeTrailName     = "InvalidTrailNameException"
	codeTrailNotFound = "TrailNotFoundException"
	codeNotPermitted  = "OperationNotPermittedException"
	codeUnknown       = "UnknownOperationException"
	codeUnsupported   = "UnsupportedOperationException"
)

// response is an answer on its way to the wire.
type response struct {
	status      int
	contentType string
	body        value.Value
	raw         []byte // sent instead of body where not nil
	drop        bool   // closes the connection instead
}

func (p *response) bytes() []byte {
	if p.raw != nil {
		return p.raw
	}
	return p.body.AppendJSON(make([]byte, 0, 256))
}

func refusal(code, message string) response {
	return response{status: http.StatusBadRequest, contentType: wire.ContentType, body: value.Obj("__type", code, "Message", message)}
}

func success(body value.Value) response {
	return response{status: http.StatusOK, contentType: wire.ContentType, body: body}
}

func render(a model.Answer, r model.Request, before, after model.State) response {
	if a.Outcome == model.Refused {
		return refusal(a.Code, message(a.Code, before, r))
	}
	return success(wire.Body(a, r, after))
}

// message explains a refusal by the rule behind it, where there is one.
func message(code string, s model.State, r model.Request) string {
	for _, id := range model.Broken(s, r) {
		rule := model.RuleOf(id)
		if rule.Code == code {
			return rule.Statement + " [" + string(id) + "]"
		}
	}
	text, ok := messages[code]
	if !ok {
		return "The request cannot be carried out."
	}
	if strings.HasSuffix(text, ": ") {
		const longest = 160
		name := cmp.Or(givenTrail(r), r.Input.Get("EventDataStore").Text(), "(none)")
		if len(name) > longest {
			name = "(none)"
		}
		text += name
	}
	return text
}

// messages explain codes without a rule; after a colon comes the name of the resource.
var messages = map[string]string{
	codeNotEnabled:    "Insights is not enabled on this resource.",
	codeTrailNotFound: "No such trail: ",
	codeTrailExists:   "The trail exists already: ",
	codeTrailName:     "Not a trail name: ",
	codeTrailARN:      "Not the ARN of a trail: ",
	codeStoreNotFound: "No such event data store: ",
	codeSerialization: "The request is not understood.",
	codeBadEvents:     "The event selectors are missing or empty.",
}

// definite takes the code that the service would give where any refusal would do.
func definite(a model.Answer, s model.State, r model.Request) model.Answer {
	if a.Outcome == model.AnyRefusal || a.Outcome == model.AnyAnswer { // any answer will do only where the resource is not there
		return model.Refusal(plausibleCode(s, r))
	}
	return a
}

func plausibleCode(s model.State, r model.Request) string {
	store, trail := r.Input.Get("EventDataStore").Text(), givenTrail(r)
	isARN := strings.HasPrefix(trail, "arn:")
	switch ofStore := strings.Contains(string(r.Op), "EventDataStore"); {
	case r.Malformed():
		return codeSerialization
	case r.Op == model.OpCreateStore, ofStore && store == "":
		return codeParameter
	case ofStore && findStore(s, r, "EventDataStore") < 0:
		return codeStoreNotFound
	case ofStore:
		return codeNotPermitted
	case !isARN && !model.ValidTrailName(trail):
		return codeTrailName
	case isARN && !strings.Contains(trail, ":trail/"):
		return codeTrailARN
	case findTrail(s, r) < 0 && r.Op != model.OpCreate:
		return codeTrailNotFound
	case findTrail(s, r) >= 0 && r.Op == model.OpPutEvents:
		return codeBadEvents
	}
	return codeNotPermitted
}

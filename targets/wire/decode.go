package wire

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
)

// DecodeAnswer reads the HTTP answer to a request. Of a malformed request any 4xx will do.
func DecodeAnswer(r model.Request, status int, header http.Header, body []byte) targets.Reply {
	d := decoder{status: status, header: header}
	d.reply.Status = status
	d.reply.Received = body
	if len(body) > targets.MaxKept {
		d.reply.Received = append([]byte(nil), body[:targets.MaxKept]...) // lets go of the rest
	}
	if v, err := value.Parse(body); err == nil {
		d.isJSON = true
		if v.Kind() == value.Object {
			d.body, d.isObject = v, true
		}
	}
	d.readCode()
	d.reply.Body = d.body
	d.decide(r.Op, r.Malformed(), len(body) == 0)
	return d.reply
}

type decoder struct {
	status   int
	header   http.Header
	body     value.Value
	isJSON   bool
	isObject bool

	code       string   // of an error, as on the wire
	shape      []string // how the error differs from {"__type", "Message"}
	typed      string   // __type, where it is a string
	hasMessage bool

	reply targets.Reply
}

func (d *decoder) note(text string) { d.reply.Notes = append(d.reply.Notes, text) }

func (d *decoder) object(o model.Objection) { d.reply.Objections = append(d.reply.Objections, o) }

// Where the code of an error may stand, in the order in which SDKs look.
var codeMembers = []string{"__type", "code", "Code", "errorCode", "ErrorCode", "errorType"}

var messageMembers = []string{"Message", "message", "errorMessage"}

func (d *decoder) readCode() {
	body := d.body
	if nested := nestedError(d.body); nested.Kind() == value.Object {
		body = nested
		d.shape = append(d.shape, "error within a member of its own")
	}
	raw, from := "", ""
	for _, name := range codeMembers {
		if v := body.Get(name); v.Kind() == value.String && v.Text() != "" {
			raw, from = v.Text(), name
			break
		}
	}
	if from == "__type" {
		d.typed = raw
	}
	if h := d.header.Get(headerName); h != "" {
		if from != "__type" {
			d.shape = append(d.shape, "error code in "+headerName)
		} else if plain(h) != plain(raw) {
			d.shape = append(d.shape, headerName+" differs from __type")
		}
		raw, from = h, headerName
	} else if from != "" && from != "__type" {
		d.shape = append(d.shape, "error code under "+from)
	}
	if d.code = plain(raw); d.code == "ValidationError" {
		d.code = "ValidationException" // the same by another name
	}
	if from != headerName && strings.Contains(raw, "#") {
		d.shape = append(d.shape, "namespace before the error code")
	}
	for _, name := range messageMembers {
		if body.Get(name).Kind() == value.String {
			d.hasMessage = true
			if name != "Message" {
				d.shape = append(d.shape, "error message under "+name)
			}
			return
		}
	}
	d.shape = append(d.shape, "error without a message")
}

// headerName is the header that may carry the code of an error.
const headerName = "X-Amzn-ErrorType"

// nestedError finds {"Error": {"Code": …}}, which servers of the query protocol send.
func nestedError(body value.Value) value.Value {
	if body.Get("__type").Kind() == value.String {
		return value.Value{}
	}
	if v := body.Get("Error"); v.Kind() == value.Object {
		return v
	}
	return body.Get("error")
}

// plain cuts a namespace and a URI off an error code.
func plain(code string) string {
	code, _, _ = strings.Cut(code, ":")
	if i := strings.LastIndexByte(code, '#'); i >= 0 {
		code = code[i+1:]
	}
	return strings.TrimSpace(code)
}

func (d *decoder) decide(op model.Op, malformed, empty bool) {
	switch {
	case d.status >= 500 && (d.status != http.StatusNotImplemented || malformed):
		d.crash("")
		if Repeatable(d.code) {
			d.reply.Answer.Code = d.code
		}
	case d.status == http.StatusNotImplemented:
		d.refuseAbsent()
	case d.status >= 400 && (malformed || d.isObject || d.status == http.StatusNotFound):
		d.refuse(malformed)
	case d.status >= 400:
		d.crash("the body is no JSON object")
	case d.status >= 300 && malformed:
		// Nothing but a crash is held against the answer to a malformed request, and this is none.
		d.reply.Answer = model.Refusal("")
		d.note("HTTP " + strconv.Itoa(d.status))
	case d.status >= 300:
		d.crash("a redirect, which is not followed")
	case d.status < 200:
		d.crash("no final answer")
	case d.isObject && d.isError():
		d.reply.Answer = model.Refusal(d.code)
		d.reply.Notes = append(d.reply.Notes, d.shape...)
		d.object(model.Objection{Rule: model.WireErrorStatus, Level: model.Documented, Expected: "400", Actual: strconv.Itoa(d.status)})
	case d.isObject || empty:
		d.succeed(op, empty)
	case malformed:
		d.reply.Answer.Outcome = model.Succeeded
		d.note("a success whose body is no JSON object")
	case d.isJSON:
		d.crash("the body is no JSON object")
		d.object(model.Objection{Rule: model.WireMembers, Level: model.Documented, Expected: "a JSON object", Actual: "other JSON"})
	default:
		d.crash("the body is no JSON object")
	}
}

// isError tells an error that was sent with a 2xx from a success. A __type alone is not enough:
// some servers name the shape of a success there.
func (d *decoder) isError() bool {
	if d.code == "" {
		return false
	}
	if d.header.Get(headerName) != "" {
		return true
	}
	if d.typed == "" {
		return d.hasMessage
	}
	for _, suffix := range []string{"Response", "Result", "Output"} {
		if strings.HasSuffix(d.code, suffix) {
			return false
		}
	}
	return true
}

func (d *decoder) succeed(op model.Op, empty bool) {
	if empty {
		d.body = value.Obj()
		d.reply.Body = d.body
		d.note("a success with an empty body")
	}
	answer, objections, notes := ReadSuccess(op, d.body)
	d.reply.Answer = answer
	for _, o := range objections {
		if o.Level == 0 {
			o.Level = model.Documented
		}
		d.object(o)
	}
	d.reply.Notes = append(d.reply.Notes, notes...)
	if d.status != http.StatusOK {
		d.object(model.Objection{Rule: model.WireMembers, Level: model.Documented, Expected: "HTTP 200",
			Actual: "HTTP " + strconv.Itoa(d.status)})
	}
}

func (d *decoder) refuse(malformed bool) {
	d.reply.Answer = model.Refusal(d.code)
	if malformed {
		return
	}
	if d.status == http.StatusNotFound && (d.code == "" || Absent(d.code)) {
		d.refuseAbsent()
		return
	}
	d.reply.Notes = append(d.reply.Notes, d.shape...)
	if d.code == "" {
		d.object(model.Objection{Rule: model.WireErrorShape, Level: model.Observed, Expected: "an error code", Actual: "none"})
	}
	if busy := d.code == Busy && d.status == http.StatusConflict; d.status != http.StatusBadRequest && !busy && !Repeatable(d.code) {
		d.object(model.Objection{Rule: model.WireErrorStatus, Level: model.Inferred, Expected: "400", Actual: strconv.Itoa(d.status)})
	}
}

// refuseAbsent reads an answer that says that the operation is not there. A 501 tells no more by
// its code: some servers send InternalFailure with it.
func (d *decoder) refuseAbsent() {
	d.reply.Answer = model.Refusal("")
	note := "HTTP " + strconv.Itoa(d.status)
	if d.code != "" {
		note += ", " + Printable(d.code)
		if d.status == http.StatusNotFound {
			d.reply.Answer.Code = d.code
		}
	}
	d.note(note)
}

func (d *decoder) crash(why string) {
	d.reply.Answer.Outcome = model.Crashed
	problem := "HTTP " + strconv.Itoa(d.status)
	if media := mediaType(d.header); media != "" {
		problem += ", " + media
	}
	if d.isObject && d.code != "" {
		problem += ", " + Printable(d.code)
	}
	if why != "" {
		problem += ": " + why
	}
	d.reply.Problem = problem
}

// mediaType is the answer's media type without parameters, or without anything else that a server
// may have put there.
func mediaType(header http.Header) string {
	media, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return Printable(media)
}

// Printable keeps foreign text short and on one line.
func Printable(s string) string {
	const limit = 120
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return '?'
		}
		return r
	}, s)
	if len(clean) > limit {
		clean = strings.ToValidUTF8(clean[:limit], "") + "…"
	}
	return clean
}

package wire

import (
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
)

// DecodeAnswer reads the HTTP answer to a request. Of a malformed request any 4xx will do.
func DecodeAnswer(r model.Request, status int, header http.Header, body []byte) targets.Reply {
	d := decoder{header: header, reply: targets.Reply{Status: status, Received: body}}
	if len(body) > targets.MaxKept {
		d.reply.Received = slices.Clone(body[:targets.MaxKept]) // lets go of the rest
	}
	if v, err := value.Parse(body); err == nil && v.Kind() == value.Object {
		d.reply.Body, d.isObject = v, true
	} else {
		d.isJSON = err == nil
	}
	d.readCode()
	d.decide(r.Op, r.Malformed(), len(body) == 0)
	return d.reply
}

type decoder struct {
	header   http.Header
	isObject bool // the body
	isJSON   bool // but no object

	code       string   // of an error, as on the wire
	shape      []string // how the error differs from {"__type", "Message"}
	typed      bool     // the code is __type
	hasMessage bool

	reply targets.Reply
}

func (d *decoder) note(texts ...string) { d.reply.Notes = append(d.reply.Notes, texts...) }

func (d *decoder) object(rule model.ID, level model.Level, expected, actual string) {
	d.reply.Objections = append(d.reply.Objections, model.Objection{Rule: rule, Level: level, Expected: expected, Actual: actual})
}

// Where the code of an error may stand, in the order in which SDKs look.
var codeMembers = []string{"__type", "code", "Code", "errorCode", "ErrorCode", "errorType"}

var messageMembers = []string{"Message", "message", "errorMessage"}

// text finds the first of some members that is a string, and not empty where it must be filled.
func text(body value.Value, names []string, filled bool) (member, text string) {
	for _, name := range names {
		if v := body.Get(name); v.Kind() == value.String && (v.Text() != "" || !filled) {
			return name, v.Text()
		}
	}
	return "", ""
}

func (d *decoder) readCode() {
	body := d.reply.Body
	if nested := nestedError(body); nested.Kind() == value.Object {
		body = nested
		d.shape = append(d.shape, "error within a member of its own")
	}
	from, raw := text(body, codeMembers, true)
	d.typed = from == "__type"
	if h := d.header.Get(headerName); h != "" {
		if !d.typed {
			d.shape = append(d.shape, "error code in "+headerName)
		} else if plain(h) != plain(raw) {
			d.shape = append(d.shape, headerName+" differs from __type")
		}
		raw = h
	} else {
		if from != "" && !d.typed {
			d.shape = append(d.shape, "error code under "+from)
		}
		if strings.Contains(raw, "#") {
			d.shape = append(d.shape, "namespace before the error code")
		}
	}
	if d.code = plain(raw); d.code == "ValidationError" {
		d.code = "ValidationException" // the same by another name
	}
	switch from, _ = text(body, messageMembers, false); from {
	case "Message":
	case "":
		d.shape = append(d.shape, "error without a message")
	default:
		d.shape = append(d.shape, "error message under "+from)
	}
	d.hasMessage = from != ""
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
	status := d.reply.Status
	switch {
	case status >= 500 && (status != http.StatusNotImplemented || malformed):
		d.crash("")
		if Repeatable(d.code) {
			d.reply.Answer.Code = d.code
		}
	case status == http.StatusNotImplemented:
		d.refuseAbsent()
	case status >= 400 && (malformed || d.isObject || status == http.StatusNotFound):
		d.refuse(malformed)
	case status >= 300 && status < 400 && malformed:
		// Nothing but a crash is held against the answer to a malformed request, and this is none.
		d.reply.Answer = model.Refusal("")
		d.note("HTTP " + strconv.Itoa(status))
	case status >= 300 && status < 400:
		d.crash("a redirect, which is not followed")
	case status < 200:
		d.crash("no final answer")
	case status < 300 && d.isObject && d.isError():
		d.reply.Answer = model.Refusal(d.code)
		d.note(d.shape...)
		d.object(model.WireErrorStatus, model.Documented, "400", strconv.Itoa(status))
	case status < 300 && (d.isObject || empty):
		d.succeed(op, empty)
	case status < 300 && malformed:
		d.reply.Answer.Outcome = model.Succeeded
		d.note("a success whose body is no JSON object")
	default:
		d.crash("the body is no JSON object")
		if status < 300 && d.isJSON {
			d.object(model.WireMembers, model.Documented, "a JSON object", "other JSON")
		}
	}
}

// isError tells an error with a 2xx from a success, which some servers give a __type too.
func (d *decoder) isError() bool {
	switch {
	case d.code == "":
		return false
	case d.header.Get(headerName) != "":
		return true
	case !d.typed:
		return d.hasMessage
	}
	return !slices.ContainsFunc([]string{"Response", "Result", "Output"}, func(end string) bool { return strings.HasSuffix(d.code, end) })
}

func (d *decoder) succeed(op model.Op, empty bool) {
	if empty {
		d.reply.Body = value.Obj()
		d.note("a success with an empty body")
	}
	answer, objections, notes := ReadSuccess(op, d.reply.Body)
	d.reply.Answer, d.reply.Objections = answer, append(d.reply.Objections, objections...)
	d.note(notes...)
	if d.reply.Status != http.StatusOK {
		d.object(model.WireMembers, model.Documented, "HTTP 200", "HTTP "+strconv.Itoa(d.reply.Status))
	}
}

func (d *decoder) refuse(malformed bool) {
	status := d.reply.Status
	d.reply.Answer = model.Refusal(d.code)
	switch {
	case malformed:
		return
	case status == http.StatusNotFound && !known(d.code):
		d.refuseAbsent()
		return
	}
	d.note(d.shape...)
	if d.code == "" {
		d.object(model.WireErrorShape, model.Observed, "an error code", "none")
	}
	busy := d.code == Busy && status == http.StatusConflict
	if status != http.StatusBadRequest && !busy && !Repeatable(d.code) {
		d.object(model.WireErrorStatus, model.Inferred, "400", strconv.Itoa(status))
	}
}

// refuseAbsent reads that the operation is not there. Of a 501 the code says nothing: some send InternalFailure.
func (d *decoder) refuseAbsent() {
	d.reply.Answer = model.Refusal("")
	note := "HTTP " + strconv.Itoa(d.reply.Status)
	if d.code != "" {
		note += ", " + Printable(d.code)
		if d.reply.Status == http.StatusNotFound {
			d.reply.Answer.Code = d.code
		}
	}
	d.note(note)
}

func (d *decoder) crash(why string) {
	d.reply.Answer.Outcome = model.Crashed
	problem := "HTTP " + strconv.Itoa(d.reply.Status)
	if media, _, err := mime.ParseMediaType(d.header.Get("Content-Type")); err == nil { // without what else a server may have put there
		problem += ", " + Printable(media)
	}
	if d.isObject && d.code != "" {
		problem += ", " + Printable(d.code)
	}
	if why != "" {
		problem += ": " + why
	}
	d.reply.Problem = problem
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

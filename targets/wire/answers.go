package wire

import (
	"cmp"
	"mime"
	"net/http"
	"regexp"
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
		reading.Lock()
		defer reading.Unlock()
	}
	if v, err := value.Parse(body); err == nil && v.Kind() == value.Object {
		d.reply.Body, d.isObject = v, true
	} else {
		d.isJSON = err == nil
	}
	d.readCode()
	d.decide(r.Op, r.Malformed(), len(body) == 0)
	if _, modelled := r.Op.Needs(); modelled { // of others, targets read lists
		return Brief(d.reply, targets.MaxKept)
	}
	return d.reply
}

type decoder struct {
	header   http.Header
	isObject bool // the body
	isJSON   bool // but no object

	code       string // of an error, as on the wire
	spelling   []model.Objection
	typed      bool // the code is __type
	hasMessage bool

	reply targets.Reply
}

func (d *decoder) object(rule model.ID, level model.Level, expected, actual string) {
	d.reply.Objections = objecting(d.reply.Objections, model.Objection{Rule: rule, Level: level, Expected: expected, Actual: actual})
}

// Where the code of an error may stand, in the order in which SDKs look, and where it is read although they do not.
var (
	codeMembers    = []string{"__type", "code"}
	strangeMembers = []string{"Code", "errorCode", "ErrorCode", "errorType"}
)

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
	header := d.header.Get(headerName)
	place, raw := codeIn(d.reply.Body)
	d.typed = place == "__type"
	if d.code = strings.Clone(plain(cmp.Or(header, raw))); d.code == "ValidationError" {
		d.code = "ValidationException" // the same by another name
	}
	d.code, d.spelling = Spelling(d.code)
	if d.code != "" && header == "" && !slices.Contains(codeMembers, place) {
		d.spelling = append(d.spelling, model.Objection{Rule: model.WireErrorShape, Level: model.Observed,
			Expected: Placed, Actual: "the error code in " + place})
	}
	body := d.reply.Body
	if within, _, nested := strings.Cut(place, "."); nested {
		body = body.Get(within)
	}
	from, _ := text(body, messageMembers, false)
	d.hasMessage = from != ""
}

// headerName is the header that may carry the code of an error.
const headerName = "X-Amzn-ErrorType"

// codeIn finds the code of an error in a body, and where it stands: maybe in {"Error": {"Code": …}}, which servers of the
// query protocol send.
func codeIn(body value.Value) (place, code string) {
	if place, code = text(body, codeMembers, true); place != "" {
		return place, code
	}
	all := slices.Concat(codeMembers, strangeMembers)
	for _, within := range []string{"Error", "error"} {
		if nested := body.Get(within); nested.Kind() == value.Object {
			place, code = text(nested, all, true)
			return within + "." + place, code
		}
	}
	return text(body, all, true)
}

// RawCode is the code of an error as its body spells it.
func RawCode(body value.Value) string {
	_, raw := codeIn(body)
	return plain(raw)
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
	case status == http.StatusNotImplemented, status >= 300 && status < 400 && malformed:
		// Of a 501 the code says nothing: some send InternalFailure. And nothing but a crash is held against the
		// answer to a malformed request, which a redirect is not.
		d.reply.Answer = model.Refusal("")
	case status >= 400 && (malformed || d.isObject || status == http.StatusNotFound):
		d.refuse(malformed)
	case status >= 300 && status < 400:
		d.crash("a redirect, which is not followed")
	case status < 200:
		d.crash("no final answer")
	case status < 300 && d.isObject && d.isError():
		d.reply.Answer = model.Refusal(d.code)
		d.reply.Objections = objecting(d.reply.Objections, d.spelling...)
		d.object(model.WireErrorStatus, model.Documented, "400", strconv.Itoa(status))
	case status < 300 && (d.isObject || empty):
		d.succeed(op, empty)
	case status < 300 && malformed:
		d.reply.Answer.Outcome = model.Succeeded
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
	}
	answer, objections := ReadSuccess(op, d.reply.Body)
	d.reply.Answer, d.reply.Objections = answer, objecting(d.reply.Objections, objections...)
	if d.reply.Status != http.StatusOK {
		d.object(model.WireMembers, model.Documented, "HTTP 200", "HTTP "+strconv.Itoa(d.reply.Status))
	}
}

func (d *decoder) refuse(malformed bool) {
	status := d.reply.Status
	d.reply.Answer = model.Refusal(d.code)
	if malformed || status == http.StatusNotFound && !known(d.code) { // then the operation is not there
		return
	}
	if d.code == "" {
		d.object(model.WireErrorShape, model.Observed, "an error code", "none")
	}
	d.reply.Objections = objecting(d.reply.Objections, d.spelling...)
	busy := d.code == Busy && status == http.StatusConflict
	if status != http.StatusBadRequest && !busy && !Repeatable(d.code) {
		d.object(model.WireErrorStatus, model.Inferred, "400", strconv.Itoa(status))
	}
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

// private is what a URL has before its host, and behind its path, however wrong it is.
var private = regexp.MustCompile(`(?s)^([A-Za-z]*://)?.*(@|%40)|([?#]).+$`)

// WithoutUser is a URL as it may be shown: user name, password and query belong in no output.
func WithoutUser(url string) string { return private.ReplaceAllString(url, "$1$3…$2") }

// ReadSuccess reads the body of a success. Objections name misspelt members, which are read as meant.
func ReadSuccess(op model.Op, body value.Value) (a model.Answer, objections []model.Objection) {
	a.Outcome = model.Succeeded
	m := memberReader{body: body}
	switch op {
	case model.OpPut, model.OpGet:
		a.TrailARN = m.text("TrailARN")
		a.StoreARN = m.text("EventDataStoreArn")
		a.Destination = m.text("InsightsDestination")
		readSelectors(&m, &a)
	case model.OpTrail:
		trail := body.Get("Trail")
		a.TrailARN = trail.Get("TrailARN").Text()
		a.HasInsights = Truth(trail.Get("HasInsightSelectors").True())
	case model.OpStatus:
		a.Logging = Truth(body.Get("IsLogging").True())
	case model.OpGetEvents, model.OpGetStore:
		a.StoreARN = body.Get("EventDataStoreArn").Text()
		a.Logs = model.ShownLogs(body)
	default:
		a.TrailARN = body.Get("TrailARN").Text()
		a.StoreARN = body.Get("EventDataStoreArn").Text()
	}
	return a, m.objections
}

// Truth is that of a boolean.
func Truth(b bool) model.Truth {
	if b {
		return model.Yes
	}
	return model.No
}

// memberReader finds members by their right spelling, and by letter case alone where that is missing.
type memberReader struct {
	body       value.Value
	objections []model.Objection
}

func (m *memberReader) object(expected, actual string) {
	m.objections = objecting(m.objections, model.Objection{Rule: model.WireMembers, Level: model.Documented,
		Expected: expected, Actual: actual})
}

func (m *memberReader) get(name string) value.Value {
	member, v := Find(m.body, name)
	if v.Kind() != value.Absent && member != name {
		m.object(name, member)
	}
	return v
}

// Find finds a member by its right spelling, or by letter case alone where that is missing, and how it is spelt.
func Find(body value.Value, name string) (spelt string, v value.Value) {
	if v := body.Get(name); v.Kind() != value.Absent {
		return name, v
	}
	for _, member := range body.Members() {
		if strings.EqualFold(strings.ReplaceAll(member.Name, "_", ""), name) {
			return member.Name, member.Value
		}
	}
	return "", value.Value{}
}

func (m *memberReader) text(name string) string {
	v := m.get(name)
	if v.Given() && v.Kind() != value.String {
		m.object(name+" as a string", kindNames[v.Kind()])
	}
	return v.Text()
}

var kindNames = [...]string{"absent", "null", "a boolean", "a number", "a string", "a list", "an object"}

func readSelectors(m *memberReader, a *model.Answer) {
	list := m.get("InsightSelectors")
	if list.Given() && list.Kind() != value.List {
		m.object("InsightSelectors as a list", kindNames[list.Kind()])
	}
	alien := func(v value.Value) {
		if a.Alien == "" {
			a.Alien = cmp.Or(v.String(), "nothing")
		}
	}
	for _, item := range list.Items() {
		entry := memberReader{body: item}
		name := entry.get("InsightType")
		categories := entry.get("EventCategories")
		m.objections = objecting(m.objections, entry.objections...)
		kind := slices.Index(model.TypeNames[:], name.Text())
		if kind < 0 {
			alien(name)
			continue
		}
		c := model.Management
		if categories.Given() {
			c = 0
			for _, v := range categories.Items() {
				i := slices.Index(model.CategoryNames[:], v.Text())
				if i < 0 {
					alien(v)
					continue
				}
				a.Repeated = a.Repeated || c&(1<<i) != 0
				c |= 1 << i
			}
			if categories.Kind() != value.List {
				alien(categories)
			}
		}
		one := model.Entry(model.Type(kind), c)
		a.Repeated = a.Repeated || a.Selectors&one != 0
		a.Selectors |= one
	}
}

// Body is the inverse of ReadSuccess: the members of a reference answer to a request. The state after the
// request supplies what the answer shows beyond the model's claims.
func Body(a model.Answer, r model.Request, after model.State) value.Value {
	if r.Op.Insights() {
		selectors := a.Selectors.Value()
		if items := selectors.Items(); a.Repeated && len(items) > 0 {
			selectors = value.ListOf(append(items, items[0])...)
		}
		return value.Obj("TrailARN", given(a.TrailARN), "EventDataStoreArn", given(a.StoreARN),
			"InsightSelectors", selectors, "InsightsDestination", given(a.Destination))
	}
	switch trail, store := after.Find(model.Resource(after, r)); {
	case trail >= 0:
		return trailBody(a, r.Op, after.World, after.Trails[trail])
	case store >= 0:
		return storeBody(after.World, after.Stores[store])
	}
	return value.Obj()
}

func given(s string) value.Value {
	if s == "" {
		return value.Value{}
	}
	return value.Str(s)
}

func trailBody(a model.Answer, op model.Op, w *model.World, t model.Trail) value.Value {
	arn := w.TrailARN(t.Home, t.Name)
	switch op {
	case model.OpCreate, model.OpUpdate:
		return value.Obj("Name", t.Name, "TrailARN", arn, "IsMultiRegionTrail", t.MultiRegion)
	case model.OpStatus:
		return value.Obj("IsLogging", a.Logging == model.Yes)
	case model.OpTrail:
		return value.Obj("Trail", value.Obj("Name", t.Name, "TrailARN", arn, "HomeRegion", t.Home, "IsMultiRegionTrail", t.MultiRegion,
			"HasInsightSelectors", a.HasInsights == model.Yes))
	case model.OpGetEvents, model.OpPutEvents:
		return eventsBody(t.Events).With("TrailARN", value.Str(arn))
	}
	return value.Obj()
}

// eventsBody shows event selectors with their defaults filled in; a new trail has one that is all defaults.
func eventsBody(stored string) value.Value {
	defaults := value.Obj("ReadWriteType", "All", "IncludeManagementEvents", true, "DataResources", value.ListOf(),
		"ExcludeManagementEventSources", value.ListOf())
	if stored == "" {
		return value.Obj("EventSelectors", value.ListOf(defaults))
	}
	events, _ := value.Parse([]byte(stored))
	var basic []value.Value
	for _, selector := range events.Get("EventSelectors").Items() {
		filled := defaults
		for _, m := range selector.Members() {
			if m.Value.Given() {
				filled = filled.With(m.Name, m.Value)
			}
		}
		basic = append(basic, filled)
	}
	if basic != nil {
		events = events.With("EventSelectors", value.ListOf(basic...))
	}
	return events
}

func storeBody(w *model.World, x model.Store) value.Value {
	status := "ENABLED"
	if x.Pending {
		status = "PENDING_DELETION"
	} else if !x.Ingesting {
		status = "STOPPED_INGESTION"
	}
	body := value.Obj("EventDataStoreArn", w.StoreARN(x.Home, x.ID), "Status", status)
	if x.Events != "" {
		body = body.With("AdvancedEventSelectors", eventsBody(x.Events).Get("AdvancedEventSelectors"))
	}
	return body
}

package recorded

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets/naming"
	"github.com/insightconform/conform/targets/wire"
)

const (
	maxRecord = 8 << 20          // bytes of one record; the service writes at most 1 MiB
	delivery  = 15 * time.Minute // after an event, at most, its record is delivered
)

// events reads the records of log files and of lookup-events: an object with a list of them, a list alone, or one
// record after another.
func (r *reader) events(file int, in io.Reader) error {
	s := newStream(in, maxRecord)
	number := 0
	each := func() error {
		raw, err := s.value()
		if err != nil {
			return err
		}
		number++
		return r.event(file, number, raw)
	}
	for {
		s.budget.left = s.budget.most
		var err error
		switch s.PeekKind() {
		case '{':
			err = r.page(s, each, func(raw []byte) error { number++; return r.event(file, number, raw) })
		case '[':
			err = s.list(each)
		case 0:
			if _, err = s.ReadToken(); err == io.EOF {
				return nil
			}
		default:
			err = errors.New("no record")
		}
		if err != nil {
			return err
		}
	}
}

// page reads an object: a list of records, or a record itself.
func (r *reader) page(s *stream, each func() error, whole func([]byte) error) error {
	record, isPage := []byte{'{'}, false
	err := s.members(func(name string) error {
		if (name == "Records" || name == "Events") && s.PeekKind() == '[' {
			isPage = true
			return s.list(each)
		} else if isPage {
			return s.skip()
		}
		v, err := s.value()
		if len(record) > 1 {
			record = append(record, ',')
		}
		record, _ = jsontext.AppendQuote(record, name)
		record = append(append(record, ':'), v...)
		if err == nil && len(record) > maxRecord {
			err = errTooLarge
		}
		return err
	})
	if err != nil || isPage {
		return err
	}
	return whole(append(record, '}'))
}

// record is what counts of a record of CloudTrail. The values are parts of what was read.
type record struct {
	time, source, name, region, account, category, kind, code, id, shared, identity jsontext.Value
	request, response                                                               jsontext.Value
}

// place is the field for a member, whose letter case Athena's exports do not keep.
func (e *record) place(name string) *jsontext.Value {
	switch strings.ToLower(name) {
	case "eventtime":
		return &e.time
	case "eventsource":
		return &e.source
	case "eventname":
		return &e.name
	case "awsregion":
		return &e.region
	case "recipientaccountid":
		return &e.account
	case "eventcategory":
		return &e.category
	case "eventtype":
		return &e.kind
	case "errorcode":
		return &e.code
	case "eventid":
		return &e.id
	case "sharedeventid":
		return &e.shared
	case "useridentity":
		return &e.identity
	case "requestparameters":
		return &e.request
	case "responseelements":
		return &e.response
	}
	return nil
}

// event reads one record, be it within an event of lookup-events.
func (r *reader) event(file, number int, raw []byte) error {
	r.sum.Read++
	var e record
	var wrapped, source, name jsontext.Value
	isObject := fields(raw, func(member string, v jsontext.Value) {
		switch member {
		case "CloudTrailEvent":
			wrapped = v
		case "EventSource":
			source = v
		case "EventName":
			name = v
		}
		if p := e.place(member); p != nil {
			*p = v
		}
	})
	format := r.files[file].format
	if wrapped != nil {
		format, e = FormatLookup, record{}
		isObject = isObject && fields([]byte(textOf(wrapped)), func(member string, v jsontext.Value) {
			if p := e.place(member); p != nil {
				*p = v
			}
		})
		r.looked.note(textOf(name), raw)
	}
	at := func() string { return r.at(file, number) }
	if !isObject || textOf(e.source) == "" {
		if s := textOf(source); s != "" && !isCloudTrail(s) {
			r.sum.Others++
			return nil
		}
		r.skip("a record of another shape", at())
		g := Gap{At: at(), Account: accountOf(&e), Region: textOf(e.region), Why: "a record of another shape"}
		if when, ok := r.when(&e); ok {
			g.From, g.To = when, when.Add(time.Second-1)
		}
		r.gap(g)
		return nil
	}
	of := scope{accountOf(&e), textOf(e.region)}
	when, timed := r.when(&e)
	if category := textOf(e.category); timed && (category == "" || category == "Management") {
		r.see(of, format, when.Unix())
	}
	r.goesOn(format, timed, when)
	op := model.Op(textOf(e.name))
	_, modelled := op.Needs()
	if kind := textOf(e.kind); !isCloudTrail(textOf(e.source)) || !modelled || kind != "" && kind != "AwsApiCall" {
		r.sum.Others++
		return nil
	}
	code := plainCode(textOf(e.code))
	c := &loggedCall{op: op, record: &e, of: of, at: at, code: code,
		harmless: op.Reads() || code != "" && !wire.Unavailable(code)}
	if !timed {
		r.unknown(c, "a record whose time cannot be right", Gap{})
		return nil
	}
	c.when, c.format = when, format
	return r.logged(c, file, number)
}

// goesOn notes what is missing if a file of lookup-events is cut off after an event: the older ones.
func (r *reader) goesOn(format string, timed bool, when time.Time) {
	switch l := r.lost; {
	case format != FormatLookup, !timed, l != nil && when.After(l.To):
		r.lost, r.disorder = nil, true
	case !r.disorder:
		r.lost = &Gap{From: earliest, To: when}
	}
}

func isCloudTrail(source string) bool {
	return source == "cloudtrail.amazonaws.com" || source == "cloudtrail.amazonaws.com.cn"
}

// loggedCall is a record of one of the operations.
type loggedCall struct {
	*record
	op       model.Op
	of       scope
	at       func() string
	code     string
	harmless bool // it cannot have changed anything
	when     time.Time
	format   string
}

// unknown passes a record over. If it may have changed something, calls are missing there.
func (r *reader) unknown(c *loggedCall, why string, g Gap) {
	r.skip(why, c.at())
	if !c.harmless {
		g.At, g.Account, g.Region, g.Why = c.at(), c.of.account, c.of.region, why
		r.gap(g)
	}
}

// logged adds the call that a record tells of.
func (r *reader) logged(c *loggedCall, file, number int) error {
	input, lacking := members(c.request)
	if lacking == "" {
		lacking = needed(c.op, input, c.code == "")
	}
	if lacking != "" {
		r.unknown(c, lacking, Gap{From: c.when, To: c.when.Add(time.Second - 1)})
		return nil
	}
	e := entry{ID: cmp.Or(textOf(c.shared), textOf(c.id)), Format: c.format, Service: true,
		Account: c.of.account, Region: c.of.region, Method: "POST", Target: wire.ShortPrefix + string(c.op), Sent: input.AppendJSON(nil), Known: byLog, Code: c.code,
		Start: c.when.UnixNano(), End: c.when.Add(time.Second - 1).UnixNano()}
	if c.code == "" {
		answer, lacking := members(c.response)
		list := answer.Get("InsightSelectors").Kind() == value.List
		if lacking != "" || c.op == model.OpPut && !list || c.op == model.OpCreateStore && answer.Get("EventDataStoreArn").Text() == "" {
			e.Known = barely
		} else {
			e.Body = answer.AppendJSON(nil)
		}
	}
	return r.add(&e, file, number)
}

// needed says what a record lacks that the request must have had.
func needed(op model.Op, in value.Value, succeeded bool) string {
	list := func(name string) bool { return in.Get(name).Kind() == value.List }
	switch {
	case op == model.OpPut && !list("InsightSelectors"):
		return "a record of PutInsightSelectors without insightSelectors" // an empty list may be left out
	case !succeeded, op == model.OpCreateStore:
		return ""
	case op == model.OpPutEvents && !list("EventSelectors") && !list("AdvancedEventSelectors"):
		return "a record of PutEventSelectors without selectors"
	case in.Get("Name").Text() == "" && in.Get("TrailName").Text() == "" && in.Get("EventDataStore").Text() == "":
		return "a record that does not say what was called upon"
	}
	return ""
}

// hidden stands in records in place of what they do not tell.
const hidden = "HIDDEN_DUE_TO_SECURITY_REASONS"

// members reads requestParameters or responseElements as members of the wire, or says why that cannot be.
func members(raw jsontext.Value) (v value.Value, lacking string) {
	if text := textOf(raw); strings.HasPrefix(text, "{") { // as Athena has it
		raw = []byte(text)
	}
	if bytes.Contains(raw, []byte(hidden)) {
		return v, "a record of which something is hidden"
	}
	v, err := value.Parse(raw)
	switch {
	case len(raw) == 0 || err == nil && v.Kind() == value.Null:
		return v, "a record without requestParameters"
	case err != nil || v.Kind() != value.Object:
		return v, "a record of another shape"
	case v.Get("omitted").True():
		return v, "a record whose request was too large for it"
	}
	return onWire(v), ""
}

// onWire spells the members of a value as the wire does: the log begins them with a small letter.
func onWire(v value.Value) value.Value {
	switch v.Kind() {
	case value.List:
		items := make([]value.Value, 0, len(v.Items()))
		for _, item := range v.Items() {
			items = append(items, onWire(item))
		}
		return value.ListOf(items...)
	case value.Object:
		out := make([]value.Member, 0, len(v.Members()))
		for _, m := range v.Members() {
			name := capital(m.Name)
			if !slices.ContainsFunc(out, func(x value.Member) bool { return x.Name == name }) {
				out = append(out, value.Member{Name: name, Value: onWire(m.Value)})
			}
		}
		return value.ObjectOf(out...)
	}
	return v
}

func capital(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	if !unicode.IsLower(first) {
		return s
	}
	return string(unicode.ToUpper(first)) + s[size:]
}

// plainCode is an error code as the wire has it: a log may put a namespace, or whose fault it was, before it.
func plainCode(code string) string {
	code = wire.RawCode(value.Obj("__type", code))
	for _, side := range []string{"Client.", "Server."} {
		code = strings.TrimPrefix(code, side)
	}
	code, _ = wire.Spelling(code)
	return code
}

// accountOf is the account that a record is delivered to, in which the call was made.
func accountOf(e *record) string {
	account := textOf(e.account)
	if account == "" && e.identity.Kind() == '{' {
		fields(e.identity, func(name string, v jsontext.Value) {
			if name == "accountId" {
				account = textOf(v)
			}
		})
	}
	if !naming.IsAccount(account) {
		return ""
	}
	return account
}

// earliest is when CloudTrail began.
var earliest = time.Date(2013, 11, 1, 0, 0, 0, 0, time.UTC)

// when is the second of a record.
func (r *reader) when(e *record) (time.Time, bool) {
	text := textOf(e.time)
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02 15:04:05 MST"} { // each takes fractions
		if t, err := time.Parse(layout, text); err == nil {
			t = t.UTC().Truncate(time.Second)
			return t, t.After(earliest) && t.Before(r.latest)
		}
	}
	return time.Time{}, false
}

package wire

import (
	"cmp"
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// ReadSuccess reads the body of a success. Objections name misspelt members, which are read as meant; notes
// list unknown members of the operations under test.
func ReadSuccess(op model.Op, body value.Value) (a model.Answer, objections []model.Objection, notes []string) {
	a.Outcome = model.Succeeded
	m := memberReader{body: body}
	switch op {
	case model.OpPut, model.OpGet:
		a.TrailARN = m.text("TrailARN")
		a.StoreARN = m.text("EventDataStoreArn")
		a.Destination = m.text("InsightsDestination")
		readSelectors(&m, &a)
		for _, member := range body.Members() {
			if !slices.Contains(m.names, member.Name) {
				notes = append(notes, "unknown member "+member.Name)
			}
		}
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
	return a, m.objections, notes
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
	names      []string
	objections []model.Objection
}

func (m *memberReader) object(expected, actual string) {
	m.objections = append(m.objections, model.Objection{Rule: model.WireMembers, Level: model.Documented,
		Expected: expected, Actual: actual})
}

func (m *memberReader) get(name string) value.Value {
	m.names = append(m.names, name)
	if v := m.body.Get(name); v.Kind() != value.Absent {
		return v
	}
	for _, member := range m.body.Members() {
		if member.Name != name && strings.EqualFold(strings.ReplaceAll(member.Name, "_", ""), name) {
			m.names = append(m.names, member.Name)
			m.object(name, member.Name)
			return member.Value
		}
	}
	return value.Value{}
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
	alien := func(v value.Value) { a.Alien = cmp.Or(a.Alien, v.String(), "nothing") }
	for _, item := range list.Items() {
		entry := memberReader{body: item}
		name := entry.get("InsightType")
		categories := entry.get("EventCategories")
		m.objections = append(m.objections, entry.objections...)
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

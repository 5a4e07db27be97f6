package model

import (
	"cmp"
	"slices"
	"strings"

	"github.com/insightconform/conform/model/value"
)

// Objection is what a wire or answer rule has against one answer, whatever state the target is in.
type Objection struct {
	Rule     ID
	Level    Level
	Expected string
	Actual   string
}

// ReadSuccess normalises the body of a success. Objections name misspelt members, which are read as
// meant; notes list unknown members of the operations under test.
func ReadSuccess(op Op, body value.Value) (a Answer, objections []Objection, notes []string) {
	a.Outcome = Succeeded
	m := memberReader{body: body}
	switch op {
	case OpPut, OpGet:
		a.TrailARN = m.text("TrailARN")
		a.StoreARN = m.text("EventDataStoreArn")
		a.Destination = m.text("InsightsDestination")
		readSelectors(&m, &a)
		for _, member := range body.Members() {
			if !slices.Contains(m.names, member.Name) {
				notes = append(notes, "unknown member "+member.Name)
			}
		}
	case OpCreate, OpUpdate:
		a.TrailARN = body.Get("TrailARN").Text()
	case OpTrail:
		trail := body.Get("Trail")
		a.TrailARN = trail.Get("TrailARN").Text()
		a.HasInsights = truth(trail.Get("HasInsightSelectors").True())
	case OpStatus:
		a.Logging = truth(body.Get("IsLogging").True())
	case OpGetEvents:
		a.Events = canonicalEvents(body)
	case OpGetStore:
		a.StoreARN = body.Get("EventDataStoreArn").Text()
		a.Events = canonicalEvents(body)
	case OpCreateStore, OpUpdateStore, OpRestoreStore:
		a.StoreARN = body.Get("EventDataStoreArn").Text()
	}
	return a, m.objections, notes
}

// memberReader finds members by their right spelling, and by letter case alone where that is missing.
type memberReader struct {
	body       value.Value
	names      []string
	objections []Objection
}

func (m *memberReader) get(name string) value.Value {
	m.names = append(m.names, name)
	if v := m.body.Get(name); v.Kind() != value.Absent {
		return v
	}
	for _, member := range m.body.Members() {
		if member.Name != name && strings.EqualFold(strings.ReplaceAll(member.Name, "_", ""), name) {
			m.names = append(m.names, member.Name)
			m.objections = append(m.objections, Objection{Rule: WireMembers, Expected: name, Actual: member.Name})
			return member.Value
		}
	}
	return value.Value{}
}

func (m *memberReader) text(name string) string {
	v := m.get(name)
	if v.Given() && v.Kind() != value.String {
		m.objections = append(m.objections, Objection{Rule: WireMembers, Expected: name + " as a string",
			Actual: kindNames[v.Kind()]})
	}
	return v.Text()
}

var kindNames = [...]string{"absent", "null", "a boolean", "a number", "a string", "a list", "an object"}

func readSelectors(m *memberReader, a *Answer) {
	list := m.get("InsightSelectors")
	if list.Given() && list.Kind() != value.List {
		m.objections = append(m.objections, Objection{Rule: WireMembers, Expected: "InsightSelectors as a list",
			Actual: kindNames[list.Kind()]})
	}
	alien := func(v value.Value) { a.Alien = cmp.Or(a.Alien, v.String(), "nothing") }
	for _, item := range list.Items() {
		entry := memberReader{body: item}
		name := entry.get("InsightType")
		categories := entry.get("EventCategories")
		m.objections = append(m.objections, entry.objections...)
		t, ok := parseType(name.Text())
		if !ok {
			alien(name)
			continue
		}
		c := Management
		if categories.Given() {
			c = 0
			for _, v := range categories.Items() {
				one, ok := parseCategory(v.Text())
				if !ok {
					alien(v)
				}
				if c&one != 0 {
					a.Repeated = true
				}
				c |= one
			}
			if categories.Kind() != value.List {
				alien(categories)
			}
		}
		if a.Selectors&Entry(t, c) != 0 {
			a.Repeated = true
		}
		a.Selectors |= Entry(t, c)
	}
}

// Body is the inverse of ReadSuccess: the members of a reference answer to the request r. state is
// the state after the request; it supplies what the answer shows beyond the model's claims.
func (a Answer) Body(r Request, state State) value.Value {
	switch r.Op {
	case OpPut, OpGet:
		selectors := a.Selectors.Value()
		if items := selectors.Items(); a.Repeated && len(items) > 0 {
			selectors = value.ListOf(append(items, items[0])...)
		}
		return value.Obj("TrailARN", given(a.TrailARN), "EventDataStoreArn", given(a.StoreARN),
			"InsightSelectors", selectors, "InsightsDestination", given(a.Destination))
	case OpCreate, OpUpdate, OpTrail, OpStatus, OpGetEvents, OpPutEvents:
		return trailBody(a, r, state)
	case OpCreateStore, OpGetStore, OpUpdateStore, OpRestoreStore:
		return storeBody(a, r, state)
	}
	return value.Obj()
}

func given(s string) value.Value {
	if s == "" {
		return value.Value{}
	}
	return value.Str(s)
}

func trailBody(a Answer, r Request, state State) value.Value {
	i := state.namedTrail(r)
	if i < 0 {
		return value.Obj()
	}
	t := state.Trails[i]
	arn := state.World.TrailARN(t.Home, t.Name)
	switch r.Op {
	case OpStatus:
		return value.Obj("IsLogging", a.Logging == Yes)
	case OpTrail:
		return value.Obj("Trail", value.Obj("Name", t.Name, "TrailARN", arn, "HomeRegion", t.Home, "IsMultiRegionTrail", t.MultiRegion,
			"HasInsightSelectors", a.HasInsights == Yes))
	case OpGetEvents, OpPutEvents:
		if t.Events == "" {
			return value.Obj("TrailARN", arn, "EventSelectors", value.ListOf(value.Obj("ReadWriteType", "All", "IncludeManagementEvents", true,
				"DataResources", value.ListOf(), "ExcludeManagementEventSources", value.ListOf())))
		}
		events, _ := value.Parse([]byte(t.Events))
		return events.With("TrailARN", value.Str(arn))
	}
	return value.Obj("Name", t.Name, "TrailARN", arn, "IsMultiRegionTrail", t.MultiRegion)
}

func storeBody(a Answer, r Request, state State) value.Value {
	i := len(state.Stores) - 1
	if r.Op != OpCreateStore {
		i = state.namedStore(r)
	}
	if i < 0 {
		return value.Obj()
	}
	x := state.Stores[i]
	status := "ENABLED"
	if x.Pending {
		status = "PENDING_DELETION"
	} else if !x.Ingesting {
		status = "STOPPED_INGESTION"
	}
	body := value.Obj("EventDataStoreArn", state.World.StoreARN(x.Home, x.ID), "Status", status)
	if x.Events != "" {
		events, _ := value.Parse([]byte(x.Events))
		body = body.With("AdvancedEventSelectors", events.Get("AdvancedEventSelectors"))
	}
	return body
}

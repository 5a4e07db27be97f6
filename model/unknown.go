package model

import (
	"slices"
	"strings"
)

// What was before the first call of a recording is not known. A trail or store is then in one of several states, and the
// answers narrow them: only what none of them allows contradicts a rule.

// elsewhere is the Region of a trail that is in none of those that calls have named.
const elsewhere = "elsewhere"

// UnknownTrail lists the states of a trail name of which nothing is known when a call to a Region names it: there is such
// a trail there or not, and another one in some other Region or not.
func UnknownTrail(w *World, region, name string) (states []State) {
	none := NewState(w)
	away := []State{none, none.with(Trail{Name: name, Home: elsewhere}), none.with(Trail{Name: name, Home: elsewhere, MultiRegion: true})}
	for _, s := range away[:2] { // beside a trail of all Regions there is no other one of its name
		states = append(states, s.withEither(region, name, false)...)
	}
	return append(states, away...)
}

// with adds a trail of which nothing else is known.
func (s State) with(t Trail) State {
	t.Unread, t.Open, t.HasEither = true, ManagementEvents|DataEvents, !t.Logging
	return s.WithTrail(-1, t)
}

// withEither adds a trail that is logging, or is not.
func (s State) withEither(region, name string, multi bool) []State {
	t := Trail{Name: name, Home: region, MultiRegion: multi}
	stopped := s.with(t)
	t.Logging = true
	return []State{s.with(t), stopped}
}

// FoundIn lists the states that a state may be where a call names another Region, in which a trail that is elsewhere may be.
func (s State) FoundIn(region, name string) (states []State) {
	i := s.trail(elsewhere, name)
	if states = []State{s}; i < 0 || s.trail(region, name) >= 0 {
		return states
	}
	multi := s.Trails[i].MultiRegion
	gone := s
	gone.Trails = slices.Delete(slices.Clone(s.Trails), i, i+1)
	if states = append(states, gone.withEither(region, name, multi)...); !multi {
		states = append(states, s.withEither(region, name, false)...)
	}
	return states
}

// UnknownStore lists the states of an event data store of which nothing is known: it is active, idle, not there or
// pending deletion.
func UnknownStore(w *World, region, id string) []State {
	x := Store{ID: id, Home: region, Open: ManagementEvents | InsightEvents, Unread: true, Ingesting: true}
	idle, pending := x, x
	idle.Ingesting, pending.Ingesting, pending.Pending = false, false, true
	none := NewState(w)
	return []State{none.WithStore(-1, x), none.WithStore(-1, idle), none, none.WithStore(-1, pending)}
}

// Beside joins a state with one of other trails and stores.
func (s State) Beside(o State) State {
	s.Trails, s.Stores = slices.Concat(s.Trails, o.Trails), slices.Concat(s.Stores, o.Stores)
	s.gone = new(s.past() + o.past())
	return s
}

// Known reports whether it is known what is stored for a resource, and what it logs.
func (s State) Known(resource string) bool {
	switch trail, store := s.Find(resource); {
	case trail >= 0:
		return !s.Trails[trail].Unread && s.Trails[trail].Open == 0
	case store >= 0:
		return !s.Stores[store].Unread && s.Stores[store].Open == 0
	}
	return true
}

// Extremes lists states between which an unknown one is: what is not known of a resource is nothing, or all.
func (s State) Extremes(resource string) []State {
	all := s
	switch trail, store := s.Find(resource); {
	case s.Known(resource):
		return []State{s}
	case trail >= 0:
		t := s.Trails[trail]
		if t.Unread {
			t.Insights = MakeSelectors(Management|Data, Management|Data)
		}
		t.Logs |= t.Open
		all = s.WithTrail(trail, t)
	case store >= 0:
		x := s.Stores[store]
		if x.Unread {
			x.Insights = MakeSelectors(Management, Management)
		}
		x.Logs |= x.Open
		all = s.WithStore(store, x)
	}
	return []State{s, all}
}

// Revealed is the state in which an unread resource has what the answer to a Get shows. That a trail is off says nothing
// while it is stopped.
func (s State) Revealed(r Request, a Answer) State {
	if !s.World.Partial || r.Op != OpGet || r.Malformed() || a.Outcome != Succeeded && a.Code != codeNotEnabled {
		return s
	}
	set, off := a.Selectors, a.Outcome == Refused
	switch trail, store := s.Find(Resource(s, r)); {
	case trail >= 0 && s.Trails[trail].Unread && (!off || s.Trails[trail].Logging):
		t := s.Trails[trail]
		t.Insights, t.Repeats, t.Unread = set, a.Repeated, false
		return s.WithTrail(trail, t)
	case store >= 0 && s.Stores[store].Unread && (!off || s.Stores[store].Ingesting):
		x := s.Stores[store]
		x.Insights, x.Repeats, x.Unread = set, a.Repeated, false
		_, x.Destination, _ = strings.Cut(a.Destination, ":eventdatastore/")
		return s.WithStore(store, x)
	}
	return s
}

// anything is what may be stored where that is not known.
func anything(unread bool) (all Selectors) {
	if unread {
		all = ^all
	}
	return all
}

// Mention is a trail or store that a request names.
type Mention struct {
	Region, Name string // of a store, its ID
	Account      string // of an ARN; empty where the request gives a name
	Store        bool
}

// Mentions lists the trails and stores that a request to a Region names. What is spelt as no name is none.
func Mentions(r Request, region string) (list []Mention) {
	if r.Malformed() {
		return nil
	}
	add := func(text, kind string) {
		m := Mention{Region: region, Name: text, Store: kind == "eventdatastore"}
		if strings.HasPrefix(text, "arn:") {
			a, ok := parseARN(text)
			if !ok || !a.of(kind) || a.region == "" {
				return
			}
			m.Region, m.Name, m.Account = a.region, a.id, a.account
		}
		if (m.Store && m.Name != "" || !m.Store && ValidTrailName(m.Name)) && !slices.Contains(list, m) {
			list = append(list, m)
		}
	}
	named := "TrailName"
	if !r.Op.Insights() && !r.Input.Get(named).Given() {
		named = "Name"
	}
	if storeSteps[r.Op] == nil && r.Op != OpCreateStore {
		add(r.Input.Get(named).Text(), "trail")
	}
	if storeSteps[r.Op] != nil || r.Op.Insights() {
		add(r.Input.Get("EventDataStore").Text(), "eventdatastore")
	}
	if r.Op.Insights() {
		add(r.Input.Get("InsightsDestination").Text(), "eventdatastore")
	}
	return list
}

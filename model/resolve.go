package model

import (
	"slices"

	"github.com/insightconform/conform/model/value"
)

// call is a Put or Get as the rules ask about it: its members one by one, and what they name in a state.
type call struct {
	get                               bool
	trailGiven, storeGiven, destGiven bool // as strings
	trailName, storeName, destName    string
	mistypedTrail, mistypedStore      bool // a member that names one is no string
	list                              value.Value
	entries                           []putEntry    // the well-typed ones of known type
	asked                             Selectors     // those entries as they are written
	first                             [2]Categories // of each type

	// What occurs somewhere.
	wrongType, nullMember, nullInList                   bool
	unknownMember, typeInvalid, typeMissing             bool
	categoryInvalid, emptyCategories, duplicateCategory bool
	duplicateType, duplicateDiffering                   bool // the latter with other categories
	unordered                                           bool // types or categories are not in the order of the enums

	noStores     bool // as in World
	ref          trailRef
	at           int    // of the trail in State.Trails, -1 where it is not in the Region of the call
	named        *Trail // that trail
	there        bool   // a trail that ref names is in its own Region, or by name in another one
	source, dest storeRefKind
	from, to     *Store // the stores that are there
}

type putEntry struct {
	t       Type
	c       Categories
	defined bool // EventCategories has at least one item
	absent  bool // EventCategories is absent or null
}

// resolve reads a Put or Get in a state.
func resolve(s State, r Request) *call {
	q := &call{get: r.Op == OpGet, noStores: s.World.NoStores, at: -1}
	q.read(r.Input)
	region := s.World.region(r)
	if q.trailGiven {
		q.ref = s.World.resolveTrail(q.trailName, region)
	}
	switch {
	case q.ref.here():
		q.at = s.trail(region, q.ref.name)
		q.there = q.ref.kind == refName && s.trailElsewhere(region, q.ref.name) >= 0
	case q.ref.kind == refOtherRegion:
		q.there = s.trail(q.ref.region, q.ref.name) >= 0
	}
	if q.at >= 0 {
		q.named = &s.Trails[q.at]
	}
	if q.storeGiven {
		q.source, q.from = s.resolveStore(q.storeName, region)
	}
	if q.destGiven {
		q.dest, q.to = s.resolveStore(q.destName, region)
	}
	return q
}

// read reads the members.
func (q *call) read(in value.Value) {
	for _, m := range in.Members() {
		switch {
		case m.Name == "TrailName":
			q.trailName, q.trailGiven = q.text(m.Value, &q.mistypedTrail)
		case m.Name == "EventDataStore":
			q.storeName, q.storeGiven = q.text(m.Value, &q.mistypedStore)
		case m.Name == "InsightsDestination" && !q.get:
			q.destName, q.destGiven = q.text(m.Value, &q.mistypedStore)
		case m.Name == "InsightSelectors" && !q.get:
			q.list = m.Value
		default:
			q.unknownMember = true
		}
	}
	if q.is(value.List, q.list) {
		for _, item := range q.list.Items() {
			q.readEntry(item)
		}
	}
}

// is reports whether a member is there and of a kind, and notes it where it is null or of another kind.
func (q *call) is(kind value.Kind, v value.Value) bool {
	switch v.Kind() {
	case kind:
		return true
	case value.Null:
		q.nullMember = true
	case value.Absent:
	default:
		q.wrongType = true
	}
	return false
}

func (q *call) text(v value.Value, mistyped *bool) (string, bool) {
	if q.is(value.String, v) {
		return v.Text(), true
	}
	*mistyped = *mistyped || v.Given()
	return "", false
}

func (q *call) readEntry(item value.Value) {
	if item.Kind() == value.Null {
		q.nullInList, q.typeMissing = true, true
		return
	} else if !q.is(value.Object, item) {
		return
	}
	for _, m := range item.Members() {
		q.unknownMember = q.unknownMember || m.Name != "InsightType" && m.Name != "EventCategories"
	}
	e := q.readCategories(item.Get("EventCategories"))
	name, t := item.Get("InsightType"), -1
	if q.is(value.String, name) {
		t = slices.Index(TypeNames[:], name.Text())
		q.typeInvalid = q.typeInvalid || t < 0
	}
	q.typeMissing = q.typeMissing || !name.Given()
	if t < 0 || e.c == 0 {
		return
	}
	e.t = Type(t)
	q.entries = append(q.entries, e)
	q.asked |= Entry(e.t, e.c)
	q.unordered = q.unordered || e.t == CallRate && q.first[ErrorRate] != 0
	switch q.first[e.t] {
	case 0:
		q.first[e.t] = e.c
	case e.c:
		q.duplicateType = true
	default:
		q.duplicateDiffering = true
	}
}

func (q *call) readCategories(categories value.Value) (e putEntry) {
	e.absent, e.defined = !categories.Given(), len(categories.Items()) > 0
	if isList := q.is(value.List, categories); e.absent || isList && !e.defined {
		e.c = Management
		q.emptyCategories = q.emptyCategories || isList
	}
	for _, v := range categories.Items() {
		i := slices.Index(CategoryNames[:], v.Text())
		switch {
		case v.Kind() == value.Null:
			q.nullInList, q.categoryInvalid = true, true
		case v.Kind() != value.String:
			q.wrongType = true
		case i < 0:
			q.categoryInvalid = true
		default:
			c := Categories(1) << i
			q.duplicateCategory = q.duplicateCategory || e.c&c != 0
			q.unordered = q.unordered || e.c >= 2*c
			e.c |= c
		}
	}
	return e
}

// enabling reports whether the request has a non-empty list, disabling whether the list is empty.
func (q *call) enabling() bool  { return len(q.list.Items()) > 0 }
func (q *call) disabling() bool { return q.list.Kind() == value.List && len(q.list.Items()) == 0 }

// onStores reports whether a store is named, be it beside a trail.
func (q *call) onStores() bool { return q.storeGiven || q.destGiven }

// alone is a Put that names a trail that is there, and no store: then logs and surroundings of the trail count.
func (q *call) alone() bool { return q.named != nil && !q.onStores() && !q.get }

// away reports whether a trail is named from another Region than its home.
func (q *call) away() bool {
	return q.ref.kind == refOtherRegion || q.ref.elsewhere || q.ref.kind == refName && q.named == nil && q.there
}

// openDest reports whether the destination may be looked at or not.
func (q *call) openDest() bool { return q.disabling() && q.storeName != "" && !q.trailGiven }

package model

import "github.com/insightconform/conform/model/value"

// call is a Put or Get as the rules ask about it: its members one by one, and what they name in a
// state.
type call struct {
	get                                bool
	trailGiven, storeGiven, destGiven  bool // as strings
	trailName, storeName, destName     string
	mistypedTrail, mistypedStore       bool // a member that names one is no string
	list                               value.Value
	entries                            []putEntry // the well-typed ones of known type
	asked                              Selectors  // those entries as they are written
	wrongType, nullMember, nullInList  bool       // somewhere
	unknownMember                      bool
	typeInvalid, typeMissing           bool
	categoryInvalid                    bool
	emptyCategories, duplicateCategory bool
	duplicateType, duplicateDiffering  bool // the latter with other categories

	noStores     bool // as in World
	ref          trailRef
	at           int    // of the trail in State.Trails, -1 where it is not in the Region of the call
	named        *Trail // that trail
	there        bool   // a trail that ref names is in its own Region, or by name in another one
	source, dest storeRef
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
	q := readPut(r)
	region := s.World.region(r)
	q.noStores, q.at = s.World.NoStores, -1
	if q.trailGiven {
		q.ref = s.World.resolveTrail(q.trailName, region)
	}
	switch q.ref.kind {
	case refName:
		q.there = s.trailElsewhere(region, q.ref.name) >= 0
		q.at = s.trail(region, q.ref.name)
	case refARN:
		q.at = s.trail(region, q.ref.name)
	case refOtherRegion:
		q.there = s.trail(q.ref.region, q.ref.name) >= 0
	}
	if q.at >= 0 {
		q.named = &s.Trails[q.at]
	}
	q.source, q.from = s.storeNamed(q.storeGiven, q.storeName, region)
	q.dest, q.to = s.storeNamed(q.destGiven, q.destName, region)
	return &q
}

func (s State) storeNamed(given bool, id, region string) (storeRef, *Store) {
	if !given {
		return storeRef{at: -1}, nil
	}
	ref := s.resolveStore(id, region)
	if ref.at < 0 {
		return ref, nil
	}
	return ref, &s.Stores[ref.at]
}

// readPut reads the members of a Put or Get.
func readPut(r Request) call {
	q := call{get: r.Op == OpGet}
	for _, m := range r.Input.Members() {
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
	switch q.list.Kind() {
	case value.Absent, value.List:
	case value.Null:
		q.nullMember = true
	default:
		q.wrongType = true
	}
	for _, item := range q.list.Items() {
		q.readEntry(item)
	}
	q.readDuplicates()
	return q
}

// text notes a member's type and reads it where it is a string.
func (q *call) text(v value.Value, mistyped *bool) (string, bool) {
	switch v.Kind() {
	case value.String:
		return v.Text(), true
	case value.Null:
		q.nullMember = true
	default:
		q.wrongType, *mistyped = true, true
	}
	return "", false
}

func (q *call) readEntry(item value.Value) {
	switch item.Kind() {
	case value.Null:
		q.nullInList, q.typeMissing = true, true
		return
	case value.Object:
	default:
		q.wrongType = true
		return
	}
	for _, m := range item.Members() {
		if m.Name != "InsightType" && m.Name != "EventCategories" {
			q.unknownMember = true
		}
	}
	e := putEntry{}
	known := false
	switch name := item.Get("InsightType"); name.Kind() {
	case value.Absent, value.Null:
		q.typeMissing = true
		q.nullMember = q.nullMember || name.Kind() == value.Null
	case value.String:
		if e.t, known = parseType(name.Text()); !known {
			q.typeInvalid = true
		}
	default:
		q.wrongType = true
	}
	q.readCategories(item.Get("EventCategories"), &e)
	if known && e.c != 0 {
		q.entries = append(q.entries, e)
		q.asked |= Entry(e.t, e.c)
	}
}

func (q *call) readCategories(categories value.Value, e *putEntry) {
	switch categories.Kind() {
	case value.Absent, value.Null:
		e.absent, e.c = true, Management
		q.nullMember = q.nullMember || categories.Kind() == value.Null
	case value.List:
		for _, v := range categories.Items() {
			switch c, ok := parseCategory(v.Text()); {
			case v.Kind() == value.Null:
				q.nullInList, q.categoryInvalid = true, true
			case v.Kind() != value.String:
				q.wrongType = true
			case !ok:
				q.categoryInvalid = true
			default:
				q.duplicateCategory = q.duplicateCategory || e.c&c != 0
				e.c |= c
			}
			e.defined = true
		}
		if !e.defined {
			q.emptyCategories = true
			e.c = Management
		}
	default:
		q.wrongType = true
		e.defined = true
	}
}

func (q *call) readDuplicates() {
	var first [2]*putEntry
	for i := range q.entries {
		e := &q.entries[i]
		switch before := first[e.t]; {
		case before == nil:
			first[e.t] = e
		case before.c == e.c:
			q.duplicateType = true
		default:
			q.duplicateDiffering = true
		}
	}
}

// enabling reports whether the request has a non-empty list.
func (q *call) enabling() bool { return len(q.list.Items()) > 0 }

// disabling reports whether the list is empty.
func (q *call) disabling() bool { return q.list.Kind() == value.List && len(q.list.Items()) == 0 }

// onStores reports whether a store is named, be it beside a trail.
func (q *call) onStores() bool { return q.storeGiven || q.destGiven }

func (q *call) hasStore() bool { return q.storeName != "" }
func (q *call) hasDest() bool  { return q.destName != "" }

// alone reports whether a Put names a trail that is there, and no store: then it depends on what the
// trail logs and on what is around it.
func (q *call) alone() bool { return q.named != nil && !q.onStores() && !q.get }

// away reports whether a trail is named from another Region than its home.
func (q *call) away() bool {
	return q.ref.kind == refOtherRegion || q.ref.elsewhere || q.ref.kind == refName && q.named == nil && q.there
}

// openDest reports whether the destination may be looked at or not.
func (q *call) openDest() bool { return q.disabling() && q.hasStore() && !q.trailGiven }

// canonical reports whether selectors and categories stand in the order of the enums.
func (q *call) canonical() bool {
	last := -1
	for _, item := range q.list.Items() {
		t, ok := parseType(item.Get("InsightType").Text())
		if !ok || int(t) < last {
			return false
		}
		last = int(t)
		lastCategory := Categories(0)
		for _, v := range item.Get("EventCategories").Items() {
			c, _ := parseCategory(v.Text())
			if c < lastCategory {
				return false
			}
			lastCategory = c
		}
	}
	return true
}

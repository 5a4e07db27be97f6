package model

import "strings"

// Resource names the trail or store that a Put, Get or trail operation concerns, as "trail/REGION/NAME"
// or "store/REGION/ID"; empty where the request names none that exists.
func Resource(s State, r Request) string {
	switch r.Op {
	case OpPut, OpGet:
		name := r.Input.Get("TrailName")
		if !name.Given() {
			return s.storeResource(s.namedStore(r))
		}
		ref := s.World.resolveTrail(name.Text(), s.World.region(r))
		if i := s.trail(ref.region, ref.name); i >= 0 {
			return s.trailResource(i)
		}
		return s.trailResource(s.trailElsewhere(ref.region, ref.name))
	case OpCreateStore:
		return s.storeResource(len(s.Stores) - 1)
	case OpGetStore, OpUpdateStore, OpDeleteStore, OpRestoreStore:
		return s.storeResource(s.namedStore(r))
	}
	return s.trailResource(s.namedTrail(r))
}

func (s State) trailResource(i int) string {
	if i < 0 {
		return ""
	}
	return "trail/" + s.Trails[i].Home + "/" + s.Trails[i].Name
}

func (s State) storeResource(i int) string {
	if i < 0 {
		return ""
	}
	return "store/" + s.Stores[i].Home + "/" + s.Stores[i].ID
}

// find is the index of the trail or of the store that a resource is, -1 for the other and where there is
// none.
func (s State) find(resource string) (trail, store int) {
	kind, rest, _ := strings.Cut(resource, "/")
	region, name, _ := strings.Cut(rest, "/")
	if kind == "trail" {
		return s.trail(region, name), -1
	}
	return -1, s.store(region, name)
}

// StoredIn returns what GetInsightSelectors of a resource is expected to show, and whether the state
// has the resource.
func StoredIn(s State, resource string) (Selectors, bool) {
	switch trail, store := s.find(resource); {
	case trail >= 0:
		return s.Trails[trail].Insights, true
	case store >= 0:
		return s.Stores[store].Insights, true
	}
	return 0, false
}

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

// Exercised tells which rules an allowed answer has put to the test: now those about which the answer
// itself would have told, due those that the next Get of the resource tells. Rules of error codes are
// exercised by a request that breaks them alone.
func Exercised(before State, r Request, a Answer, after State) (now, due []ID, resource string) {
	resource = Resource(after, r)
	if !a.Definite() {
		return nil, nil, resource
	}
	if r.Malformed() {
		return []ID{WireNoCrash}, nil, resource
	}
	switch r.Op {
	case OpPut, OpGet:
		now, due = exercisedByPutOrGet(before, r, a, after)
	case OpTrail:
		if a.HasInsights == Yes && resource != "" {
			now = []ID{TrailHasInsights}
		}
	case OpGetEvents, OpGetStore:
		if a.Outcome == Succeeded && a.Events != "" {
			now = []ID{LogsVisible}
		}
	case OpUpdateStore:
		if branches := Step(before, r); branches[0].Answer.Outcome == Refused {
			now = []ID{StoreUpdateGuard}
		}
	default:
		if now, due = newChange(before, after, r).tests(); a.Outcome != Succeeded {
			due = nil
		}
	}
	return now, due, resource
}

func stateHas(s State, resource string) bool { _, ok := StoredIn(s, resource); return ok }

func exercisedByPutOrGet(before State, r Request, a Answer, after State) (now, due []ID) {
	branches := Step(before, r)
	reference := branches[0].Answer
	broken := Broken(before, r)
	if a.Outcome == Refused {
		now = append(now, WireErrorShape, WireErrorStatus)
	} else {
		now = append(now, WireMembers, AnswerOneOwner)
	}
	if r.OtherTarget {
		now = append(now, WireProtocol)
	}
	if len(broken) == 1 {
		now = append(now, broken[0])
		if forgets := forgotten(before, r, broken[0]); forgets != broken[0] {
			now = append(now, forgets)
		}
	}
	if r.Op == OpGet {
		switch {
		case len(broken) > 0:
		case reference.Outcome == Refused && reference.Code == codeNotEnabled:
			now = append(now, GetNotEnabled)
		case reference.Outcome == Succeeded:
			now = append(now, GetReflectsPut)
		}
		if strings.HasPrefix(r.Input.Get("TrailName").Text(), "arn:") && len(broken) == 0 {
			now = append(now, TrailNameOrARN)
		}
		if r.Input.Get("EventDataStore").Given() && len(broken) == 0 &&
			!strings.HasPrefix(r.Input.Get("EventDataStore").Text(), "arn:") {
			now = append(now, StoreARNOrSuffix)
		}
		return now, nil
	}
	if a.Outcome == Refused && len(broken) > 0 {
		return now, []ID{ErrorAtomic}
	}
	if reference.Outcome != Succeeded {
		return now, nil
	}
	more, due := newChange(before, after, r).tests()
	return append(now, more...), due
}

package model

import "github.com/insightconform/conform/model/value"

// Exchange is one step of a case as the model saw it: the state before, the request, its answer, and
// the state that the answer was followed to.
type Exchange struct {
	Before  State
	Others  []State // the other states that were possible before
	Request Request
	Answer  Answer
	After   State
	Allowed bool
}

// Finding is an answer that no allowed branch covers, blamed on a rule.
type Finding struct {
	Rule      ID
	Level     Level
	Operation Op // of the step that broke the rule, which may be earlier than the one that shows it
	Step      int
	Expected  []string // kinds of the allowed answers, the reference first
	Actual    string   // kind of the answer
}

// Signature identifies a divergence: rule, operation, expected kind, actual kind.
func (f Finding) Signature() string {
	expected := ""
	if len(f.Expected) > 0 {
		expected = f.Expected[0]
	}
	return string(f.Rule) + "|" + string(f.Operation) + "|" + expected + "|" + f.Actual
}

// Kinds of a success whose selectors are what is wrong.
const (
	kindSelectors      = "the selectors last stored"
	kindOtherSelectors = "other selectors"
	kindAlien          = "a value outside the enums"
)

// Blame finds the rule that the last exchange of a world's history contradicts. The last exchange is
// not allowed; expected lists the kinds of answer that would have been. Where the answer shows a
// wrong state, the rule is that of the earlier step whose breach explains it, the most specific first.
func Blame(history []Exchange, expected []string) Finding {
	last := len(history) - 1
	x := history[last]
	f := Finding{Operation: x.Request.Op, Step: last, Expected: expected, Actual: x.Answer.Kind()}
	reference := Step(x.Before, x.Request)[0].Answer
	switch x.Request.Op {
	case OpPut:
		f.Rule = blamePut(x, reference)
		if reference.Outcome == Succeeded && x.Answer.Outcome == Succeeded {
			f.Expected, f.Actual = []string{"the requested selectors"}, selectorsKind(x.Answer)
		}
	case OpGet:
		blameGet(history, reference, &f)
	case OpTrail:
		f.Rule = TrailHasInsights
		f.Expected, f.Actual = []string{hasKind(reference.HasInsights)}, hasKind(x.Answer.HasInsights)
		if reference.Outcome == AnyRefusal {
			f.Rule, f.Expected, f.Actual = TrailDeleteForgets, expected, x.Answer.Kind()
		}
	case OpGetEvents, OpGetStore:
		f.Rule = LogsVisible
		blameEvents(history, &f)
		f.Expected, f.Actual = []string{"the event selectors last stored"}, "other event selectors"
	case OpPutEvents:
		f.Rule = LogsSelectorsLater
	case OpUpdateStore:
		f.Rule = StoreUpdateGuard
	default:
		f.Rule = WireNoCrash
	}
	f.Level = findingLevel(f, x)
	return f
}

// blameEvents looks for a refused call that stored its event selectors all the same.
func blameEvents(history []Exchange, f *Finding) {
	last := len(history) - 1
	resource := Resource(history[last].Before, history[last].Request)
	for i := last - 1; i >= 0 && history[i].Allowed; i-- {
		x := &history[i]
		if op := x.Request.Op; op != OpPutEvents && op != OpUpdateStore || Resource(x.Before, x.Request) != resource {
			continue
		}
		if x.Answer.Outcome == Refused && ShownLogs(x.Request.Input) == history[last].Answer.Logs {
			f.Rule, f.Step, f.Operation = ErrorAtomic, i, x.Request.Op
			if x.Request.Op == OpUpdateStore {
				f.Rule = StoreUpdateGuard
			}
		}
		return
	}
}

func hasKind(t Truth) string {
	if t == Yes {
		return "HasInsightSelectors true"
	}
	return "HasInsightSelectors false"
}

func selectorsKind(a Answer) string {
	if a.Alien != "" {
		return kindAlien
	}
	return kindOtherSelectors
}

// findingLevel is the level of the rule, or a lower one where the sources cover only part of it. x is the
// exchange that shows it.
func findingLevel(f Finding, x Exchange) Level {
	rule := RuleOf(f.Rule)
	switch {
	case rule == nil: // Order: held by a learned profile
		return Observed
	case !x.Request.Op.Insights():
		return rule.Level
	case rule.ID == AnswerOneEntry && x.Answer.Alien == "" || x.Request.Op == OpGet && rule.OfRead != 0:
		return Inferred
	}
	level := rule.Level
	for _, b := range putBreaches(x.Before, resolve(x.Before, x.Request)) {
		if b.rule == rule && !b.soft {
			level = min(level, b.level)
			if b.open && x.Answer.Outcome == Refused {
				level = Inferred
			}
		}
	}
	return level
}

func blamePut(x Exchange, reference Answer) ID {
	if reference.Outcome == Refused {
		broken := Broken(x.Before, x.Request)
		if x.Answer.Outcome == Refused && acceptedOutOfOrder(x, broken) {
			return Order
		}
		if len(broken) > 0 {
			return forgotten(x.Before, x.Request, broken[0])
		}
	}
	if x.Answer.Outcome == Refused {
		return newChange(x.Before, x.Before, x.Request).promised()
	}
	if x.Answer.Alien != "" {
		return AnswerOneEntry
	}
	if rule, _ := contradicted(&x, "", x.Answer.Selectors, x.Answer.Repeated); rule != GetReflectsPut {
		return rule
	}
	if x.Request.Input.Get("TrailName").Given() {
		return PutStores
	}
	return StoreEnables
}

// forgotten is the rule that a request breaks, or trail/delete-forgets where the trail that is not found
// was there before.
func forgotten(s State, r Request, broken ID) ID {
	ref := s.World.resolveTrail(r.Input.Get("TrailName").Text(), s.World.region(r))
	if broken == TrailNotFound && ref.name != "" && s.wasDeleted(ref.region, ref.name) {
		return TrailDeleteForgets
	}
	return broken
}

// acceptedOutOfOrder reports whether a code is that of a broken rule which a held profile puts later.
func acceptedOutOfOrder(x Exchange, broken []ID) bool {
	if len(x.Before.World.profile().holds) == 0 || len(broken) < 2 {
		return false
	}
	free := *x.Before.World
	free.Profile = nil
	s := x.Before
	s.World = &free
	for _, b := range Step(s, x.Request) {
		if _, ok := match(x.Request.Op, b.Answer, x.Answer); ok {
			return true
		}
	}
	return false
}

// contradicted finds the rule by which a change should not have left a resource with the selectors got,
// the most telling of all states that were possible before. Without a resource it is the answer to the
// change itself that has them. The rule is empty where the change explains nothing.
func contradicted(x *Exchange, resource string, got Selectors, repeated bool) (rule ID, weight int) {
	rule, weight = "", len(claims)
	for i, before := range append([]State{x.Before}, x.Others...) {
		c := newChange(before, x.After, x.Request)
		c.failed, c.read, c.own = x.Answer.Outcome == Refused, resource, resource == "" || c.resource == resource
		if resource == "" {
			c.set = Step(before, x.Request)[0].Answer.Selectors
		} else if c.own && c.request.Op == OpPut && !c.failed && got == c.set && !repeated {
			return "", weight
		} else if i > 0 && Resource(before, x.Request) == "" {
			c.set = 0 // nothing could be stored there
		}
		if id, n := c.contradicted(got, repeated); n < weight {
			rule, weight = id, n
		}
		if c.request.Op != OpPut || !c.own || c.failed {
			break // what was possible besides makes no difference
		}
	}
	return rule, weight
}

// blameGet fills in the finding of a Get that no branch allows.
func blameGet(history []Exchange, reference Answer, f *Finding) {
	last := len(history) - 1
	x := history[last]
	if broken := Broken(x.Before, x.Request); len(broken) > 0 {
		f.Rule = forgotten(x.Before, x.Request, broken[0])
		return
	}
	off := reference.Outcome == Refused
	got := x.Answer.Selectors
	away := resolve(x.Before, x.Request).away()
	switch {
	case away && (x.Answer.Outcome == Refused || reference.Code == codeNotFound):
		f.Rule = TrailHomeRegion
		return
	case x.Answer.Alien != "":
		f.Rule, f.Actual = AnswerOneEntry, kindAlien
		return
	case off && x.Answer.Outcome == Refused:
		f.Rule = GetNotEnabled
		if i := x.Before.namedTrail(x.Request); i >= 0 && !x.Before.Trails[i].Logging && x.Before.Trails[i].HasEither {
			f.Rule = LogsStop
		}
		return
	case x.Answer.Outcome == Refused && x.Answer.Code != codeNotEnabled:
		f.Rule = GetReflectsPut
		return
	case off && x.Answer.Alien == "" && !got.On():
		f.Rule = GetNotEnabled
		return
	}
	if x.Answer.Outcome == Succeeded {
		f.Actual = selectorsKind(x.Answer)
	}
	if !off {
		f.Expected = []string{kindSelectors}
	}
	blameHistory(history, got, x.Answer.Repeated, f)
}

// blameHistory looks for the step, among those since the resource was last read and found right,
// whose breach explains what it is read as now.
func blameHistory(history []Exchange, got Selectors, repeated bool, f *Finding) {
	last := len(history) - 1
	resource := Resource(history[last].Before, history[last].Request)
	best := len(claims)
	f.Rule = GetReflectsPut
	for i := last - 1; i >= 0; i-- {
		x := &history[i]
		if !x.Allowed && x.Answer.Definite() {
			break // the state was read back after it
		}
		if shows := x.Answer.Outcome == Succeeded || x.Answer.Code == codeNotEnabled; shows &&
			x.Request.Op == OpGet && Resource(x.Before, x.Request) == resource {
			break // the resource was right then
		}
		if x.Request.Op.Reads() || x.Request.Op == OpArrange || !x.Answer.Definite() {
			continue
		}
		if rule, weight := contradicted(x, resource, got, repeated); weight < best {
			best = weight
			f.Rule, f.Step, f.Operation = rule, i, x.Request.Op
		}
		if x.Answer.Outcome == Succeeded && Resource(x.After, x.Request) == resource &&
			(x.Request.Op == OpPut || x.Request.Op == OpCreate && !stateHas(x.Before, resource)) {
			break // this settled the state, whatever was before
		}
	}
	if f.Operation == OpPut && f.Rule != PutEmptyDisables && f.Rule != PutEmptyWhenOff &&
		f.Rule != StoreDisable && f.Rule != StoreDisableWithDst {
		// On or off makes no difference to what a Put has done wrong.
		f.Expected, f.Actual = []string{kindSelectors}, kindOtherSelectors
	}
}

// Showing returns the state in which a resource stores what an answer to its Get shows, and false
// where the answer shows nothing that the model has.
func Showing(s State, resource string, a Answer) (State, bool) {
	set := Selectors(0)
	if off := a.Outcome == Refused && a.Code == codeNotEnabled; !off {
		if a.Outcome != Succeeded || a.Alien != "" || a.Repeated || !a.Selectors.single() {
			return s, false
		}
		if a.Selectors.On() {
			set = a.Selectors
		}
	}
	if trail, store := s.Find(resource); trail >= 0 {
		t := s.Trails[trail]
		t.Insights, t.Repeats, t.Asleep, t.MustWake, t.HasEither = set, false, 0, false, !t.Logging
		return s.WithTrail(trail, t), true
	} else if store >= 0 {
		if (set.Of(CallRate)|set.Of(ErrorRate))&Data != 0 {
			return s, false
		}
		x := s.Stores[store]
		x.Insights, x.Repeats, x.Destination = set, false, ""
		if a, ok := parseARN(a.Destination); ok && set.On() {
			x.Destination = a.id
		}
		return s.WithStore(store, x), true
	}
	return s, true
}

// ShowingEvents returns the state in which a trail logs what an answer of GetEventSelectors shows.
func ShowingEvents(s State, resource string, body value.Value) State {
	i, _ := s.Find(resource)
	if i < 0 {
		return s
	}
	t := s.Trails[i]
	t.Events = eventsOf(body)
	t.Logs, t.Open = logsOf(body)
	return s.WithTrail(i, t)
}

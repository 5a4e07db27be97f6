package model

import (
	"fmt"
	"slices"
	"strings"
)

// Exchange is one step of a case as the model saw it, After being the state that the answer was followed to.
type Exchange struct {
	Before, After State
	Others        []State // the other states that were possible before
	Request       Request
	Answer        Answer
	Allowed       bool
}

// Finding is an answer that no allowed branch covers, blamed on a rule.
type Finding struct {
	Rule      ID
	Level     Level
	Operation Op // of the step that broke the rule, which may be earlier than the one that shows it
	Step      int
	Expected  []string // kinds of the allowed answers, the reference first
	Actual    string   // kind of the answer
	Member    string   // of the request that is of the wrong type, if any
	Plain     bool     // the answer leaves no doubt about the state, so that nothing after it is a consequence
}

// Signature identifies a divergence: rule, operation, expected kind, actual kind, and a member of the wrong type.
func (f Finding) Signature() string {
	expected := strings.Join(f.Expected[:min(len(f.Expected), 1)], "")
	signature := string(f.Rule) + "|" + string(f.Operation) + "|" + expected + "|" + f.Actual
	if f.Rule == WireWrongType && f.Member != "" {
		signature += "|" + f.Member
	}
	return signature
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
	x := &history[len(history)-1]
	f := Finding{Operation: x.Request.Op, Step: len(history) - 1, Expected: expected, Actual: x.Answer.Kind()}
	if broken := Broken(x.Before, x.Request); len(broken) > 0 {
		f.Member = resolve(x.Before, x.Request).mistyped
		f.Rule = forgotten(x.Before, x.Request, broken[0])
		if x.Answer.Outcome == Refused && len(broken) > 1 && acceptedOutOfOrder(x) {
			f.Rule = Order
		}
		f.Level = f.level(x)
		return f
	}
	reference := Step(x.Before, x.Request)[0].Answer
	switch x.Request.Op {
	case OpPut:
		f.blamePut(x, reference)
	case OpGet:
		f.blameGet(history, reference)
	case OpTrail:
		if f.Rule = TrailDeleteForgets; reference.Outcome != AnyRefusal {
			has := func(a Answer) string { return fmt.Sprintf("HasInsightSelectors %t", a.HasInsights == Yes) }
			f.Rule, f.Expected, f.Actual = TrailHasInsights, []string{has(reference)}, has(x.Answer)
		}
	case OpGetEvents, OpGetStore:
		f.blameEvents(history)
	case OpPutEvents:
		f.Rule = LogsSelectorsLater
	case OpUpdateStore:
		f.Rule = StoreUpdateGuard
	default:
		f.Rule = WireNoCrash
	}
	f.Level = f.level(x)
	return f
}

// blameEvents looks for a refused call that stored its event selectors all the same.
func (f *Finding) blameEvents(history []Exchange) {
	f.Rule, f.Expected, f.Actual = LogsVisible, []string{"the event selectors last stored"}, "other event selectors"
	last := history[f.Step]
	resource := Resource(last.Before, last.Request)
	for i := f.Step - 1; i >= 0 && history[i].Allowed; i-- {
		x := &history[i]
		if op := x.Request.Op; op != OpPutEvents && op != OpUpdateStore || Resource(x.Before, x.Request) != resource {
			continue
		}
		if x.Answer.Outcome == Refused && ShownLogs(x.Request.Input) == last.Answer.Logs {
			if f.Rule, f.Step, f.Operation = ErrorAtomic, i, x.Request.Op; f.Operation == OpUpdateStore {
				f.Rule = StoreUpdateGuard
			}
		}
		return
	}
}

// LevelFor is the level of a rule for what answers a request in a state.
func (r *Rule) LevelFor(s State, request Request) Level {
	if r.OfMalformed != 0 && (request.Malformed() || slices.Contains(Broken(s, request), WireWrongType)) {
		return r.OfMalformed
	}
	return r.Level
}

// level is that of the rule, or a lower one where the sources cover only part of what x shows.
func (f *Finding) level(x *Exchange) Level {
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
			if level = min(level, b.level); b.open && x.Answer.Outcome == Refused {
				level = Inferred
			}
		}
	}
	return level
}

// blamePut is for a Put that breaks no rule of errors.
func (f *Finding) blamePut(x *Exchange, reference Answer) {
	if x.Answer.Outcome == Refused {
		c := newChange(x.Before, x.Before, x.Request)
		promised := func(p claim) bool { return p.refused != nil && p.about(c) && p.refused(c) }
		f.Rule = claims[slices.IndexFunc(claims, promised)].rule
		return
	}
	actual := kindOtherSelectors
	if x.Answer.Alien != "" {
		f.Rule, actual = AnswerOneEntry, kindAlien
	} else if f.Rule, _ = contradicted(x, "", x.Answer); f.Rule == GetReflectsPut {
		if f.Rule = StoreEnables; x.Request.Input.Get("TrailName").Given() {
			f.Rule = PutStores
		}
	}
	if reference.Outcome == Succeeded {
		f.Expected, f.Actual = []string{"the requested selectors"}, actual
	}
}

// forgotten is the rule that a request breaks, or trail/delete-forgets where the missing trail was there before.
func forgotten(s State, r Request, broken ID) ID {
	ref := s.World.resolveTrail(r.Input.Get("TrailName").Text(), s.World.region(r))
	if (broken == TrailNotFound || broken == TrailHomeRegion) && ref.name != "" && s.wasDeleted(ref.region, ref.name) {
		return TrailDeleteForgets
	}
	return broken
}

// acceptedOutOfOrder reports whether a code is that of a broken rule which a held profile puts later.
func acceptedOutOfOrder(x *Exchange) bool {
	world, s := *x.Before.World, x.Before
	world.Profile, s.World = nil, &world
	return len(x.Before.World.profile().holds) > 0 && TrackerAt(s).Observe(x.Request, x.Answer).Allowed
}

// contradicted finds the rule by which a change should not have left a resource as it is read (without a
// resource: as the answer to the change has it), the most telling of all states that were possible before, and its
// row. The rule is empty where the change explains nothing.
func contradicted(x *Exchange, resource string, got Answer) (rule ID, weight int) {
	weight = len(claims)
	for i, before := range append([]State{x.Before}, x.Others...) {
		c := newChange(before, x.After, x.Request)
		c.failed, c.read, c.own, c.got = x.Answer.Outcome == Refused, resource, resource == "" || c.resource == resource, got
		stores := c.request.Op == OpPut && c.own && !c.failed
		if resource == "" {
			c.set = c.reference().Selectors
		} else if stores && got.Selectors == c.set && !got.Repeated {
			return "", weight
		} else if i > 0 && Resource(before, x.Request) == "" {
			c.set = 0 // nothing could be stored there
		}
		row := slices.IndexFunc(claims, func(p claim) bool {
			return p.shows != nil && (p.any || c.own && !c.failed) && p.about(c) && p.shows(c)
		})
		id := claims[row].rule
		for claims[row].tie {
			row--
		}
		if row < weight {
			rule, weight = id, row
		}
		if !stores {
			break // what was possible besides makes no difference
		}
	}
	return rule, weight
}

// blameGet is for a Get that breaks no rule of errors.
func (f *Finding) blameGet(history []Exchange, reference Answer) {
	x := &history[f.Step]
	refused, off := x.Answer.Outcome == Refused, reference.Outcome == Refused
	switch {
	case resolve(x.Before, x.Request).away() && (refused || reference.Code == codeNotFound):
		f.Rule = forgotten(x.Before, x.Request, TrailHomeRegion)
	case x.Answer.Alien != "":
		f.Rule, f.Actual = AnswerOneEntry, kindAlien
	case off && refused:
		f.Rule = GetNotEnabled
		if i := x.Before.namedTrail(x.Request); i >= 0 && !x.Before.Trails[i].Logging && x.Before.Trails[i].HasEither {
			f.Rule = LogsStop
		}
	case refused && x.Answer.Code != codeNotEnabled:
		f.Rule = GetReflectsPut
	case off && (!x.Answer.Selectors.On() || x.Before.World.Given != nil):
		f.Rule = GetNotEnabled
	default:
		if x.Answer.Outcome == Succeeded {
			f.Actual = kindOtherSelectors
		}
		if !off {
			f.Expected = []string{kindSelectors}
		}
		f.blameHistory(history)
	}
}

// blameHistory looks for the step since the resource was last found right whose breach explains what is read now.
func (f *Finding) blameHistory(history []Exchange) {
	last := history[f.Step]
	resource := Resource(last.Before, last.Request)
	best := len(claims)
	f.Rule = GetReflectsPut
	for i := f.Step - 1; i >= 0; i-- {
		x := &history[i]
		op, a := x.Request.Op, x.Answer
		if !x.Allowed && a.Definite() {
			break // the state was read back after it
		}
		shown := a.Outcome == Succeeded || a.Code == codeNotEnabled && !(last.Answer.Selectors.On() && x.Before.hides(resource))
		if op == OpGet && shown && Resource(x.Before, x.Request) == resource {
			break // the resource was right then
		} else if op.Reads() || op == OpArrange || !a.Definite() || x.Before.World.Given != nil {
			continue
		}
		if rule, weight := contradicted(x, resource, last.Answer); weight < best {
			best, f.Rule, f.Step, f.Operation = weight, rule, i, op
		}
		if a.Outcome == Succeeded && Resource(x.After, x.Request) == resource &&
			(op == OpPut || op == OpCreate && !stateHas(x.Before, resource)) {
			break // this settled the state, whatever was before
		}
	}
	disabling := []ID{PutEmptyDisables, PutEmptyWhenOff, StoreDisable, StoreDisableWithDst}
	if f.Operation == OpPut && !slices.Contains(disabling, f.Rule) {
		// On or off makes no difference to what a Put has done wrong.
		f.Expected, f.Actual = []string{kindSelectors}, kindOtherSelectors
	}
}

// hides reports whether a Get may say that Insights is off whatever is stored.
func (s State) hides(resource string) bool {
	trail, store := s.Find(resource)
	return trail >= 0 && !s.Trails[trail].Logging || store >= 0 && !s.Stores[store].Ingesting
}

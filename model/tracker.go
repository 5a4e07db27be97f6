package model

import (
	"slices"
	"strings"
)

// maxStates bounds the set of states: far above what the branches of one case multiply to.
const maxStates = 512

// Tracker follows a target: it keeps the set of states that the answers so far allow.
type Tracker struct {
	states []possible
	full   bool
}

// possible is a state that the answers allow, with the deviations that led to it.
type possible struct {
	state      State
	deviations []Deviation
}

// NewTracker starts in the empty state of a fresh world.
func NewTracker(w *World) *Tracker { return TrackerAt(NewState(w)) }

// TrackerAt starts in a given state.
func TrackerAt(s State) *Tracker { return &Tracker{states: []possible{{state: s}}} }

// State returns the first of the possible states, the most reference-like one.
func (t *Tracker) State() State { return t.states[0].state }

// Others returns the possible states but the first.
func (t *Tracker) Others() (others []State) {
	for _, s := range t.states[1:] {
		others = append(others, s.state)
	}
	return others
}

// Certain reports whether only one state is possible.
func (t *Tracker) Certain() bool { return len(t.states) == 1 }

// Full reports whether there were too many states to keep all that are possible.
func (t *Tracker) Full() bool { return t.full }

// None reports whether no state is possible, so that there is nothing to ask the tracker about.
func (t *Tracker) None() bool { return len(t.states) == 0 }

// Equal compares the possible states of two trackers of the same world.
func (t *Tracker) Equal(o *Tracker) bool {
	return len(t.states) == len(o.states) && !slices.ContainsFunc(t.states, func(s possible) bool {
		return !slices.ContainsFunc(o.states, func(x possible) bool { return s.state.Equal(x.state) })
	})
}

// Add takes the possible states of another tracker in.
func (t *Tracker) Add(o *Tracker) {
	for _, s := range o.states {
		t.states = addState(t.states, s)
	}
	t.full = t.full || o.full || len(t.states) == maxStates
}

// Clone returns an independent copy.
func (t *Tracker) Clone() *Tracker { return &Tracker{slices.Clone(t.states), t.full} }

// Deviation is an answer that is accepted although it is not the reference one.
type Deviation struct {
	Rule      ID     // that accepts it
	Reference string // the kind of the reference answer
	Actual    string // the kind of the answer
}

// Verdict is what the model says of one answer.
type Verdict struct {
	Allowed    bool
	Deviations []Deviation // what accepted the answer, or an earlier one that is known only now to be no reference
	Sure       []Deviation // those of which no possible state says otherwise
	Open       []ID        // the rules of which an alternative may have been taken, or not
	Expected   []string    // the kinds of the allowed answers, the reference first
	Objections []Objection // breaches that show in the answer although a branch allows it
}

// Objection is what a wire or answer rule has against one answer, whatever state the target is in.
type Objection struct {
	Rule             ID
	Level            Level
	Expected, Actual string
	Operation        Op // that is wrong; empty is the one that is answered
}

// Observe takes in the answer to a request. Where a branch of some possible state allows it, the set
// of states follows; otherwise the set stays as it was before the request and Verdict.Allowed is
// false: the caller then reads the target's state back and calls Follow. An answer that is not
// definite leaves both outcomes possible: applied, or not applied.
func (t *Tracker) Observe(r Request, a Answer) Verdict {
	var verdict Verdict
	var next []possible
	clean := false // some match is not objected to
	for _, s := range t.states {
		branches := Step(s.state.Revealed(r, a), r)
		for i := range branches {
			b := &branches[i]
			if !a.Definite() {
				next = addState(next, possible{b.Next, s.deviations})
				continue
			}
			objection, ok := match(r.Op, b.Answer, a)
			objected := objection.Rule != ""
			switch {
			case !ok || clean && objected:
				continue
			case objected && len(next) == 0:
				verdict.Objections = []Objection{objection}
			case !objected && !clean:
				clean, next, verdict.Objections = true, nil, nil
			}
			p := possible{b.Next, s.deviations}
			if b.Rule != "" && !b.Silent {
				d := Deviation{Rule: b.Rule, Reference: branches[0].Answer.Kind(), Actual: a.Kind()}
				if d.Actual == d.Reference {
					d.Actual += withAnother
				}
				p.deviations = append(slices.Clip(s.deviations), d)
			}
			next = addState(next, p)
		}
	}
	t.full = t.full || len(next) == maxStates
	switch {
	case !a.Definite():
		for _, s := range t.states {
			next = addState(next, s)
		}
		t.states = next
		return Verdict{Allowed: true}
	case len(next) == 0:
		return Verdict{Expected: t.Allowed(r)}
	}
	t.states = next
	verdict.Sure, verdict.Open = t.told()
	verdict.Allowed, verdict.Deviations = true, t.taken()
	return verdict
}

// TakenFor is the right answer that says the same of the state as a wrong one: a refusal says that nothing has changed,
// whatever its code; a Get without selectors, or with an entry twice, what is stored; and the flag of GetTrail nothing.
// No answer takes away what was given.
func (t *Tracker) TakenFor(r Request, a Answer) (Answer, bool) {
	reference := Step(t.State(), r)[0].Answer
	switch {
	case r.Op == OpGet && t.State().World.Given != nil:
		return reference, true
	case r.Op == OpGet && (a.Code == codeNotFound || a.Code == codeStoreNotFound):
		return a, false // it may be gone
	case a.Outcome == Refused && reference.Outcome == Refused && r.Op.Insights():
		a.Code = reference.Code
	case r.Op == OpGet && a.Outcome == Succeeded && a.Alien == "" && !a.Selectors.On():
		a = Refusal(codeNotEnabled)
	case r.Op == OpGet && a.Repeated:
		a.Repeated = false
	case r.Op == OpTrail && a.Outcome == Succeeded:
		a.HasInsights = reference.HasInsights
	default:
		return a, false
	}
	return a, t.Clone().Observe(r, a).Allowed
}

// Prefer puts first the states that allow an answer which hints at a state but does not settle it.
func (t *Tracker) Prefer(r Request, a Answer) {
	var first, rest []possible
	for i, s := range t.states {
		allows := func(b Branch) bool { _, ok := match(r.Op, b.Answer, a); return ok }
		if !slices.ContainsFunc(Step(s.state, r), allows) {
			rest = append(rest, s)
		} else if first = append(first, s); i == 0 {
			return
		}
	}
	t.states = append(first, rest...)
}

// told returns the deviations that every possible state has, and the rules of those that only some have.
func (t *Tracker) told() (sure []Deviation, open []ID) {
	for i, s := range t.states {
		for _, d := range s.deviations {
			has := func(o possible) bool { return slices.Contains(o.deviations, d) }
			missing := slices.ContainsFunc(t.states, func(o possible) bool { return !has(o) })
			switch {
			case !missing && i == 0 && !slices.Contains(sure, d):
				sure = append(sure, d)
			case missing && !slices.Contains(open, d.Rule):
				open = append(open, d.Rule)
			}
		}
	}
	return sure, open
}

// taken returns the deviations that are sure: those of the state with the fewest, where every state has some.
func (t *Tracker) taken() []Deviation {
	fewest := slices.MinFunc(t.states, func(a, b possible) int { return len(a.deviations) - len(b.deviations) })
	if len(fewest.deviations) > 0 {
		for i := range t.states {
			t.states[i].deviations = nil
		}
	}
	return fewest.deviations
}

// addState adds a state, or for one that is there already keeps the shorter list of deviations.
func addState(states []possible, p possible) []possible {
	i := slices.IndexFunc(states, func(o possible) bool { return o.state.Equal(p.state) })
	switch {
	case i >= 0 && len(p.deviations) < len(states[i].deviations):
		states[i].deviations = p.deviations
	case i < 0 && len(states) < maxStates:
		return append(states, p)
	}
	return states
}

// Accepted lists the answers to a request that the possible states allow, the reference first.
func (t *Tracker) Accepted(r Request) (answers []Answer) {
	for _, s := range t.states {
		for _, b := range Step(s.state, r) {
			answers = append(answers, b.Answer)
		}
	}
	return answers
}

// Allowed lists the kinds of Accepted, the reference first.
func (t *Tracker) Allowed(r Request) []string {
	var kinds []string
	for _, a := range t.Accepted(r) {
		kinds = append(kinds, a.Kind())
	}
	rest := slices.DeleteFunc(kinds[1:], func(kind string) bool { return kind == kinds[0] })
	slices.Sort(rest)
	return append(kinds[:1], slices.Compact(rest)...)
}

// Follow sets the possible states, after a divergence, to those that the target was read to be in.
func (t *Tracker) Follow(states ...State) {
	t.states = nil
	for _, s := range states {
		t.states = addState(t.states, possible{state: s})
	}
	t.full = len(t.states) == maxStates
}

// match reports whether an expectation covers an answer, and what is wrong with the members that name its owner.
func match(op Op, want, got Answer) (Objection, bool) {
	if got.Outcome == AnySuccess { // of which no more is known
		return Objection{}, want.Outcome == Succeeded || want.Outcome == AnySuccess || want.Outcome == AnyAnswer
	}
	switch want.Outcome {
	case AnyAnswer:
		return Objection{}, true
	case AnyRefusal:
		return Objection{}, got.Outcome == Refused
	case Refused:
		// A refusal without a code is wire/error-shape, whichever code it lacks.
		return Objection{}, got.Outcome == Refused && (got.Code == want.Code || got.Code == "")
	case AnySuccess:
		return Objection{}, got.Outcome == Succeeded && claimed(want.HasInsights, got.HasInsights) &&
			claimed(want.Logging, got.Logging) && (want.Logs == 0 || (want.Logs^got.Logs)&^want.Open == 0)
	}
	// Entries without a category may be left out of the answer.
	selectors := got.Selectors&^want.Selectors == 0 && want.Selectors&^got.Selectors&^emptyEntries == 0
	if got.Outcome != Succeeded || got.Alien != "" || got.Repeated && !want.Repeated || !selectors {
		return Objection{}, false
	}
	return owner(op, want, got), true
}

func claimed(want, got Truth) bool { return want == unclaimed || want == got }

// owner compares the members that name the resource. A member that is missing or wrong contradicts the
// documentation, one too many only its examples (answer/one-owner).
func owner(op Op, want, got Answer) Objection {
	trail, destination := PutStores, StoreRepoint
	if op == OpGet {
		trail, destination = GetReflectsPut, GetReflectsPut
	}
	if got.Destination != "" && strings.HasSuffix(want.Destination, "/"+got.Destination) {
		destination = StoreARNOrSuffix
	}
	for _, m := range []struct {
		name, want, got string
		wrong           ID
	}{
		{"TrailARN", want.TrailARN, got.TrailARN, trail},
		{"EventDataStoreArn", want.StoreARN, got.StoreARN, StoreARNOrSuffix},
		{"InsightsDestination", want.Destination, got.Destination, destination},
	} {
		switch {
		case m.want == m.got:
		case (m.want == "" || m.got == "") && m.name == "InsightsDestination" && want.StoreARN != "" && !want.Selectors.On():
			// What enables nothing on a store, such as [], may show it or not.
		case m.want == "":
			return Objection{Rule: AnswerOneOwner, Level: Inferred, Expected: m.name + " absent", Actual: m.name + " given"}
		case m.got == "":
			return Objection{Rule: AnswerOneOwner, Level: Documented, Expected: m.name + " given", Actual: m.name + " absent"}
		default:
			return Objection{Rule: m.wrong, Level: RuleOf(m.wrong).Level, Expected: m.name + " as requested", Actual: "another " + m.name}
		}
	}
	return Objection{}
}

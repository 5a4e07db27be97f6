// Package learn finds out in which order a target selects its errors.
package learn

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/generators/catalogue"
	"github.com/insightconform/conform/internal/diagnose"
	"github.com/insightconform/conform/internal/probe"
	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/targets"
)

// Options say how to learn. The zero value is the default.
type Options struct {
	Eventual bool                 // the target is eventually consistent, whether or not it says so
	Settle   time.Duration        // how long it may then take to show what was written; 0 is probe.DefaultSettle
	Progress func(reports.Update) // is told how it goes on; may be nil
	Version  string               // of the caller; put in the result
}

// Learn finds out in which order a target selects its errors: what it answers to each error rule broken
// alone, then to each two that one PutInsightSelectors can break together. Every request is asked twice,
// each time in a fresh world. Where an error wraps targets.ErrInconclusive or ctx ended, what was learned
// before comes with it; other errors are those of targets.Target.Open.
func Learn(ctx context.Context, target targets.Target, options Options) (*reports.Precedence, error) {
	subject, err := probe.Open(ctx, target, probe.Options{Eventual: options.Eventual, Settle: options.Settle})
	if err != nil {
		return nil, err
	}
	defer target.Close()
	l := &learner{subject: subject, player: diagnose.NewPlayer(subject.NewClient()), progress: options.Progress,
		known: map[string]answered{}, evidence: map[[2]model.ID]answered{},
		forms: map[model.ID]catalogue.Form{}, tried: map[model.ID]int{},
		out: &reports.Precedence{Schema: reports.PrecedenceSchema, Version: options.Version, Target: subject.Info,
			Codes: map[model.ID]string{}, Unmeasured: map[model.ID]string{}}}
	why := ""
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case !subject.Can(model.CanPut):
		why = "the target does not offer PutInsightSelectors: " + subject.WhyNot(model.CanPut)
	case !subject.Testable():
		why = "no trail could be made to ask about: " + subject.WhyNot(model.CanCreate)
	default:
		why = l.refusesAll(ctx)
	}
	if why != "" {
		return nil, fmt.Errorf("%w: %s", targets.ErrInconclusive, why)
	}
	l.learn(ctx)
	return l.out, l.problem(ctx)
}

const (
	alike      = 3  // other requests that must agree with the one that a cell rests on
	maxTriples = 50 // circles that are asked about: a target that selects errors at random has thousands
)

// learner asks a target for its error order.
type learner struct {
	subject  *probe.Subject
	player   *diagnose.Player
	progress func(reports.Update)
	out      *reports.Precedence
	known    map[string]answered
	evidence map[[2]model.ID]answered // by which of two rules goes before the other
	leads    map[[2]model.ID]bool     // which rule goes before which, by any chain of evidence

	forms map[model.ID]catalogue.Form // in which rules are enforced that are not in their simplest form
	tried map[model.ID]int            // in how many forms a rule was asked about that is enforced in none
}

// answered is what came of one request, asked in fresh worlds.
type answered struct {
	kind     string // of the answer, shortened
	code     bool   // it is an error with a code
	why      string // why it could not be asked
	unstable bool   // kind has the different answers
	before   model.State
	request  model.Request
	answer   model.Answer
	steps    []reports.Step
}

// refusesAll says, where a Put that breaks nothing is refused, that errors say nothing there.
func (l *learner) refusesAll(ctx context.Context) string {
	if !l.subject.Can(model.CanCreate) {
		return ""
	}
	a := l.once(ctx, generators.NewTrail(l.subject.Scope), generators.PlainPut(generators.NameAlpha))
	if l.over(ctx) != "" || a.answer.Outcome == model.Succeeded || a.why != "" {
		return a.why
	}
	return fmt.Sprintf("a PutInsightSelectors that breaks no rule is answered %s, so the errors of others say nothing", plain.OneLine(a.kind))
}

func (l *learner) learn(ctx context.Context) {
	for _, id := range model.ErrorRules() {
		if a := l.alone(ctx, id); a.unmeasured() != "" {
			l.out.Unmeasured[id] = a.unmeasured() + plain.When(l.tried[id] > 1, fmt.Sprintf(" in each of %d forms", l.tried[id]))
		} else {
			l.out.Codes[id] = a.kind
		}
	}
	pairs := catalogue.Pairs(l.subject.Model, l.subject.Scope)
	for i, p := range pairs {
		l.subject.Status.SetPhase(fmt.Sprintf("learning, pair %d of %d", i+1, len(pairs)))
		if l.progress != nil {
			l.progress(l.subject.Status.Update())
		}
		l.out.Cells = append(l.out.Cells, l.cell(ctx, p))
	}
	l.leads = l.out.Chains()
	l.sort()
	l.triples(ctx)
	l.hold()
	l.out.Requests = l.subject.Prober.Requests + l.player.Client.Requests
}

// problem says what kept the target from being learned, nil where nothing did.
func (l *learner) problem(ctx context.Context) error {
	why := l.subject.Status.Lost()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case why != "":
	case len(l.out.Codes) > 0:
		return nil
	default:
		example := "nothing could be asked"
		for _, id := range slices.Backward(model.ErrorRules()) {
			if text := l.out.Unmeasured[id]; text != "" && len(model.RuleOf(id).Needs) == 0 {
				example = string(id) + ": " + text
			}
		}
		why = "no error could be measured, so there is no order to learn (" + example + ")"
	}
	return fmt.Errorf("%w: %s", targets.ErrInconclusive, why)
}

const notEnforced = "it is not enforced: what breaks it alone succeeds"

// unmeasured says of a rule that was broken alone why it shows no code, empty where it does.
func (a answered) unmeasured() string {
	switch {
	case a.why != "":
		return a.why
	case a.unstable:
		return "broken alone, it is answered differently from try to try: " + a.kind
	case a.code:
		return ""
	case a.answer.Outcome == model.Succeeded:
		return notEnforced
	}
	return "broken alone, it is answered with no error code: " + a.kind
}

// alone asks the simplest request that breaks a rule; where that succeeds, the others: a target may not read its member.
func (l *learner) alone(ctx context.Context, id model.ID) answered {
	if rule := model.RuleOf(id); slices.ContainsFunc(rule.Needs, func(c model.Capability) bool { return !l.subject.Can(c) }) {
		return answered{why: l.subject.Lacking(rule)}
	}
	setup, probe, ok := catalogue.Minimal(id, model.OpPut, l.subject.Model, l.subject.Scope)
	if !ok || len(model.Broken(l.after(setup), probe)) != 1 {
		return answered{why: "no request that this target can be sent breaks it alone"}
	}
	a := l.answer(ctx, setup, probe)
	if a.unmeasured() != notEnforced {
		return a
	}
	l.tried[id] = 1
	for _, f := range catalogue.Forms(id, l.subject.Model, l.subject.Scope)[1:] {
		other := l.answer(ctx, f.Setup, f.Probe)
		switch {
		case other.why != "":
		case other.unmeasured() == notEnforced:
			l.tried[id]++
		default:
			l.forms[id] = f
			return other
		}
	}
	return a
}

// together is a request that breaks just some rules, each in a form that is enforced; ok is false where the simplest
// forms of all are, or none is known.
func (l *learner) together(rules []model.ID) (setup []model.Request, probe model.Request, ok bool) {
	if !slices.ContainsFunc(rules, func(id model.ID) bool { return l.forms[id].Probe.Op != "" }) {
		return nil, model.Request{}, false
	}
	var forms []catalogue.Form
	for _, id := range rules {
		f := l.forms[id]
		if f.Probe.Op == "" {
			f = catalogue.Forms(id, l.subject.Model, l.subject.Scope)[0]
		}
		forms = append(forms, f)
	}
	return catalogue.Together(rules, l.subject.Model, l.subject.Scope, forms...)
}

// aloneLike asks a request that breaks a rule alone, but much as one does that breaks two: that may decide the answer.
func (l *learner) aloneLike(ctx context.Context, id model.ID, setup []model.Request, like model.Request) answered {
	if probe, ok := catalogue.Breaking(l.after(setup), id, like); ok {
		return l.answer(ctx, setup, probe)
	}
	setup, best, _ := catalogue.Minimal(id, model.OpPut, l.subject.Model, l.subject.Scope)
	if f, ok := l.forms[id]; ok { // by which it was measured
		setup, best = f.Setup, f.Probe
	}
	for _, probe := range catalogue.Alike(l.after(setup), best, l.subject.Scope, 2*alike) {
		if likeness(probe, like) > likeness(best, like) {
			best = probe
		}
	}
	return l.answer(ctx, setup, best)
}

// likeness counts the members that name a resource in the same form, or not at all, in two requests.
func likeness(a, b model.Request) int {
	same := 0
	for _, member := range []string{"TrailName", "EventDataStore", "InsightsDestination"} {
		x, y := a.Input.Get(member), b.Input.Get(member)
		if x.Kind() == y.Kind() && strings.HasPrefix(x.Text(), "arn:") == strings.HasPrefix(y.Text(), "arn:") {
			same++
		}
	}
	return same
}

// after is the state of the reference after a set-up.
func (l *learner) after(setup []model.Request) model.State {
	s, _ := generators.Reference(model.NewState(l.subject.Model), setup...)
	return s
}

// cell finds out which of two rules is answered first.
func (l *learner) cell(ctx context.Context, p catalogue.Pair) reports.PrecedenceCell {
	c := reports.PrecedenceCell{First: p.Rules[0], Second: p.Rules[1], Status: reports.CellNotCovered}
	for _, id := range p.Rules {
		if why := l.out.Unmeasured[id]; why != "" && c.Why == "" {
			c.Why = string(id) + ": " + why
		}
	}
	switch {
	case !p.Found && len(p.Needs) == 0:
		c.Status, c.Why = reports.CellImpossible, p.Why
	case c.Why != "":
	case !p.Found:
		c.Why = fmt.Sprintf("needs %s (%s)", p.Needs[0], l.subject.WhyNot(p.Needs[0]))
	default:
		if setup, probe, ok := l.together(p.Rules[:]); ok {
			p.Setup, p.Probe = setup, probe
		}
		l.measurePair(ctx, p, &c)
	}
	return c
}

// measurePair fills in the cell of two rules that each have a code.
func (l *learner) measurePair(ctx context.Context, p catalogue.Pair, c *reports.PrecedenceCell) {
	for i, id := range p.Rules {
		a := l.aloneLike(ctx, id, p.Setup, p.Probe)
		if a.unstable {
			c.Status = reports.CellUnstable
		}
		if why := a.unmeasured(); why != "" {
			c.Own, c.Why = [2]string{}, fmt.Sprintf("%s, asked in this way: %s", id, why)
			return
		}
		c.Own[i] = a.kind
	}
	if c.Own[0] == c.Own[1] {
		c.Status = reports.CellIndistinguishable
		return
	}
	a := l.answer(ctx, p.Setup, p.Probe)
	if c.Why = a.why; a.why != "" {
		return
	}
	c.Answer, c.Steps = a.kind, a.steps
	first := slices.Index(c.Own[:], a.kind)
	switch {
	case a.unstable:
		c.Status, c.Why = reports.CellUnstable, "the answer differs from try to try"
		return
	case !a.code || first < 0:
		c.Status, c.Why = reports.CellOther, "neither alone is answered so"
		return
	}
	c.Status = []string{reports.CellFirst, reports.CellSecond}[first]
	if x, differs := l.otherwise(ctx, p, p.Rules[first], p.Rules[1-first], a.kind); differs {
		c.Status = reports.CellUnstable
		c.Why = fmt.Sprintf("another request that breaks just these two is answered by %s: %s", p.Rules[1-first],
			plain.OneLine(string(x.Input.AppendJSON(nil))))
		return
	}
	l.evidence[[2]model.ID{p.Rules[first], p.Rules[1-first]}] = a
}

// otherwise looks for another request that breaks the same two rules and is answered by the other one, as where
// selectors are checked one after the other.
func (l *learner) otherwise(ctx context.Context, p catalogue.Pair, first, other model.ID, kind string) (x model.Request, differs bool) {
	for _, x := range catalogue.Alike(l.after(p.Setup), p.Probe, l.subject.Scope, alike) {
		a := l.once(ctx, p.Setup, x)
		if a.why != "" || !a.code || a.kind == kind {
			continue
		}
		own, by := l.aloneLike(ctx, first, p.Setup, x), l.aloneLike(ctx, other, p.Setup, x)
		if own.kind != by.kind && by.code && a.kind == by.kind {
			return x, true
		}
	}
	return model.Request{}, false
}

// answer asks a request twice, each time in a fresh world.
func (l *learner) answer(ctx context.Context, setup []model.Request, probe model.Request) answered {
	key := generators.Key(append(slices.Clone(setup), probe)...)
	if a, ok := l.known[key]; ok {
		return a
	}
	a := l.once(ctx, setup, probe)
	if a.why == "" {
		again := l.once(ctx, setup, probe)
		switch {
		case again.why != "":
			a = again
		case again.kind != a.kind || again.code != a.code:
			a.kind, a.unstable = a.kind+", then "+again.kind, true
			a.steps = again.steps
		}
	}
	l.known[key] = a
	return a
}

// once asks a request in a fresh world.
func (l *learner) once(ctx context.Context, setup []model.Request, probe model.Request) answered {
	if why := l.over(ctx); why != "" {
		return answered{why: why}
	}
	n := len(setup)
	// A set-up that does not work ends the case.
	failing := func(s *session.Session) int {
		return slices.IndexFunc(s.Steps[:min(n, len(s.Steps))], func(x session.Step) bool { return x.Diverges || x.Reply.Answer.Outcome != model.Succeeded })
	}
	s, err := l.player.Play(ctx, append(slices.Clone(setup), probe), func(s *session.Session) bool { return failing(s) >= 0 })
	if err != nil {
		return answered{why: err.Error()}
	}
	if len(s.Steps) > 0 {
		reply := s.Last().Reply
		l.player.Client.Heard(ctx, reply.Answer.Definite(), reply.Problem)
	}
	if i := failing(s); i >= 0 {
		return answered{why: fmt.Sprintf("the set-up does not work here: %s is answered %s", s.Steps[i].Request.Op, s.Steps[i].Reply.Answer.Kind())}
	}
	if len(s.Steps) <= n {
		return answered{why: cmp.Or(l.over(ctx), "the set-up could not be played to the end: "+s.Lost)}
	}
	last := &s.Steps[n]
	a := answered{kind: last.Reply.Answer.Kind(), code: last.Reply.Answer.Outcome == model.Refused && last.Reply.Answer.Code != "",
		before: last.Before, request: probe, answer: last.Reply.Answer}
	for i, step := range s.Steps[:n+1] {
		a.steps = append(a.steps, step.Report(i+1).Brief(2000, 2000))
	}
	return a
}

// over says why nothing more can be asked.
func (l *learner) over(ctx context.Context) string {
	if ctx.Err() != nil {
		return "interrupted before it was asked"
	}
	why, _, _ := strings.Cut(l.subject.Status.Lost(), ";") // without the advice
	return why
}

// triple asks a request that breaks three rules in a circle.
func (l *learner) triple(ctx context.Context, rules [3]model.ID) reports.PrecedenceTriple {
	t := reports.PrecedenceTriple{Rules: rules}
	setup, probe, ok := l.together(rules[:])
	if !ok {
		setup, probe, ok = catalogue.Together(rules[:], l.subject.Model, l.subject.Scope)
	}
	if !ok {
		t.Why = "no request is known that breaks just these three"
		return t
	}
	a := l.answer(ctx, setup, probe)
	if a.why != "" {
		t.Why = a.why
		return t
	}
	t.Answer, t.Steps, t.Why = a.kind, a.steps, plain.When(a.unstable, "the answer differs from try to try")
	for _, id := range rules {
		if own := l.aloneLike(ctx, id, setup, probe); a.code && !a.unstable && own.code && own.kind == a.kind {
			t.First = id
		}
	}
	return t
}

// agrees reports whether a target held to a pair may give the answer that showed it: not where the codes are swapped.
func (l *learner) agrees(pair [2]model.ID) bool {
	a := l.evidence[pair]
	profile, err := model.NewProfile("", l.out.Rules, [][2]model.ID{pair})
	if err != nil {
		return false
	}
	w := *l.subject.Model
	w.Profile = profile
	a.before.World = &w
	return model.TrackerAt(a.before).Observe(a.request, a.answer).Allowed
}

// circular reports whether each of two rules goes before the other by some chain.
func (l *learner) circular(a, b model.ID) bool {
	return l.leads[[2]model.ID{a, b}] && l.leads[[2]model.ID{b, a}]
}

// sort puts all rules in order, else as in the reference, and those without an order among them together.
func (l *learner) sort() {
	all := model.ErrorRules()
	placed := func(id model.ID) bool { return slices.Contains(l.out.Rules, id) }
	for len(l.out.Rules) < len(all) {
		// The first that is not placed while all that go before it are, but for those in a circle with it.
		a := all[slices.IndexFunc(all, func(a model.ID) bool {
			return !placed(a) && !slices.ContainsFunc(all, func(b model.ID) bool {
				return l.leads[[2]model.ID{b, a}] && !l.circular(a, b) && !placed(b)
			})
		})]
		set := slices.DeleteFunc(slices.Clone(all), func(b model.ID) bool { return b != a && !l.circular(a, b) })
		l.out.Rules = append(l.out.Rules, set...)
		if len(set) > 1 {
			l.out.Cycles = append(l.out.Cycles, set)
		}
	}
}

// triples asks about the circles of three rules, the first being the one that the reference puts first.
func (l *learner) triples(ctx context.Context) {
	measured := func(a, b model.ID) bool { return l.evidence[[2]model.ID{a, b}].kind != "" }
	for _, set := range l.out.Cycles { // each in the order of the reference
		for i, x := range set {
			for _, y := range set[i+1:] {
				for _, z := range set[i+1:] {
					if measured(x, y) && measured(y, z) && measured(z, x) && len(l.out.Triples) < maxTriples {
						l.out.Triples = append(l.out.Triples, l.triple(ctx, [3]model.ID{x, y, z}))
					}
				}
			}
		}
	}
}

// hold lists the measured pairs that a target can be held to, in the order of the reference.
func (l *learner) hold() {
	for _, c := range l.out.Cells {
		if pair, ok := c.Order(); ok && !l.circular(pair[0], pair[1]) && l.agrees(pair) {
			l.out.Holds = append(l.out.Holds, pair)
		}
	}
}

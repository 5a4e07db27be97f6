// Package catalogue computes systematic cases from the model: what breaks each error rule alone and
// each two of them together, histories for the other rules, and every class of values.
package catalogue

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// The kinds of a Case.
const (
	KindRule     = "rule"     // breaks one error rule alone, as simply as possible
	kindScenario = "scenario" // a short history, ending in the step that a rule speaks of
	kindValue    = "value"    // one class of values of one member
	KindPair     = "pair"     // breaks two error rules together
)

// Case is one systematic test: requests from an empty world, then one whose answer and effect are
// what the case is about. Set-ups succeed in the reference model, but for Puts that break a rule.
type Case struct {
	Kind string
	// Rules are those that the probe breaks (kinds rule, pair and most values), or puts to the test.
	Rules []model.ID
	Setup []model.Request
	Probe model.Request
	// World is the same where Setup is: such cases may share a world where the first probe changes nothing.
	World string
}

// Requests lists the requests of the case.
func (c Case) Requests() []model.Request { return append(slices.Clone(c.Setup), c.Probe) }

// plan is what the model yields for a world and a scope.
type plan struct {
	w      *model.World
	scope  generators.Scope
	start  model.State
	up     []model.Request // makes it, logging
	worlds []prepared      // the simplest first
	search
	cases []Case
	seen  map[string]bool // requests from empty worlds that are in the catalogue already
}

var (
	plansMu sync.Mutex
	plans   = map[string]*plan{}
)

// planFor computes a plan once for each world and scope.
func planFor(w *model.World, scope generators.Scope) *plan {
	world, order := *w, model.Profile{} // the caller's may change
	if w.Profile != nil {
		order = *w.Profile
	}
	world.Profile = nil // whose address says nothing
	key := fmt.Sprint(world, order, scope)
	world.Profile = w.Profile
	plansMu.Lock()
	defer plansMu.Unlock()
	if plans[key] == nil {
		plans[key] = compute(&world, scope)
	}
	return plans[key]
}

// newPlan prepares the worlds of a plan.
func newPlan(w *model.World, scope generators.Scope) *plan {
	p := &plan{w: w, scope: scope, start: model.NewState(w), seen: map[string]bool{}}
	p.prepareWorlds()
	return p
}

func compute(w *model.World, scope generators.Scope) *plan {
	p := newPlan(w, scope)
	p.searchAll(nil)
	rules, pairs := func() { p.broken(KindRule, 1) }, func() { p.broken(KindPair, 2) }
	for _, add := range []func(){rules, p.scenarios, p.addValues, p.rarer, pairs} {
		mark := len(p.cases)
		add()
		p.together(mark)
	}
	return p
}

// Cases lists the systematic cases that the scope allows, in a fixed order: rules, scenarios, values, rarer scenarios, pairs; within a
// kind those that share a set-up stand together. The caller must not change what the cases refer to.
func Cases(w *model.World, scope generators.Scope) []Case {
	return slices.Clone(planFor(w, scope).cases)
}

// Minimal is the simplest set-up and request that break an error rule alone; ok is false where the scope has none.
func Minimal(rule model.ID, op model.Op, w *model.World, scope generators.Scope) (setup []model.Request, probe model.Request, ok bool) {
	i := slices.Index(searchOps[:], op)
	if i < 0 || !scope.Applies(rule) || model.RuleOf(rule).Code == "" {
		return nil, model.Request{}, false
	}
	return planFor(w, scope).simplest(i, setOf([]model.ID{rule}))
}

// Form is one way to break an error rule alone.
type Form struct {
	Setup []model.Request
	Probe model.Request

	found
}

// maxForms is how many ways to break a rule are listed.
const maxForms = 40

// Forms lists ways to break a rule alone by a Put: the simplest, then each member that can and each class of its values,
// then other set-ups.
func Forms(rule model.ID, w *model.World, scope generators.Scope) (forms []Form) {
	p, set, seen := planFor(w, scope), setOf([]model.ID{rule}), map[string]bool{}
	add := func(f found) {
		form := Form{slices.Clone(p.worlds[f.world].setup), f.request, f}
		key := generators.Key(append(form.Setup, f.request)...)
		if f.rules == set && !seen[key] && len(forms) < maxForms {
			seen[key], forms = true, append(forms, form)
		}
	}
	add(p.exact[0][set])
	for _, v := range p.order[0] {
		add(p.values[0][v])
	}
	others := slices.DeleteFunc(slices.Collect(maps.Values(p.ways)), func(f found) bool { return f.rules != set })
	slices.SortFunc(others, func(f, g found) int {
		return cmp.Or(f.cost-g.cost, f.world-g.world, strings.Compare(generators.Key(f.request), generators.Key(g.request)))
	})
	for _, f := range others {
		add(f)
	}
	return forms
}

// simplest is the set-up and the request that the search found to break a set of rules.
func (p *plan) simplest(op int, set ruleSet) (setup []model.Request, probe model.Request, ok bool) {
	f, ok := p.exact[op][set]
	if !ok {
		return nil, model.Request{}, false
	}
	return slices.Clone(p.worlds[f.world].setup), f.request, true
}

// add keeps a case unless the same requests are there already.
func (p *plan) add(c Case) {
	key := fmt.Sprint(c.Kind == kindScenario, generators.Key(c.Requests()...)) // a scenario may repeat what breaks a rule
	if p.seen[key] {
		return
	}
	p.seen[key] = true
	c.World = generators.Key(c.Setup...)
	p.cases = append(p.cases, c)
}

func (p *plan) addFound(kind string, f found) {
	p.add(Case{Kind: kind, Rules: (f.rules & p.applies).ids(), Setup: p.worlds[f.world].setup, Probe: f.request})
}

// together puts the cases added since a mark in the order of the first use of their set-ups.
func (p *plan) together(mark int) {
	first := map[string]int{}
	for i, c := range p.cases[mark:] {
		if _, known := first[c.World]; !known {
			first[c.World] = i
		}
	}
	slices.SortStableFunc(p.cases[mark:], func(x, y Case) int { return first[x.World] - first[y.World] })
}

// broken adds, for each operation, the simplest request that breaks just one error rule, or just two.
func (p *plan) broken(kind string, n int) {
	for op := range searchOps {
		for i := range errorRules {
			for j := i; j < len(errorRules); j++ {
				set := ruleSet(1<<i | 1<<j)
				if f, ok := p.exact[op][set]; ok && set.count() == n {
					p.addFound(kind, f)
				}
			}
		}
	}
}

// addValues adds each class of values, where it breaks least beside its rule, and what is odd about whole requests.
func (p *plan) addValues() {
	for op := range searchOps {
		for _, v := range p.order[op] {
			p.addFound(kindValue, p.values[op][v])
		}
	}
	plain := p.worlds[0].plain[0]
	get := model.Request{Op: model.OpGet, Input: plain.Input.With("InsightSelectors", value.Value{})}
	for _, r := range []model.Request{plain, get} {
		for _, whole := range generators.Wholes() {
			probe, rule := whole(r), model.WireUnknownMembers
			if probe.Malformed() {
				rule = model.WireNoCrash
			} else if probe.OtherTarget {
				rule = model.WireProtocol
			}
			if p.scope.Allows(probe) {
				p.add(Case{Kind: kindValue, Rules: []model.ID{rule}, Setup: p.worlds[0].setup, Probe: probe})
			}
		}
	}
}

// exercised asks the model which rules a request tests, given the reference answer.
func exercised(before model.State, r model.Request) []model.ID {
	branch := model.Step(before, r)[0]
	a := branch.Answer
	switch a.Outcome {
	case model.AnySuccess, model.AnyAnswer:
		a.Outcome = model.Succeeded
	case model.AnyRefusal:
		a.Outcome = model.Refused
	}
	now, due, _ := model.Exercised(before, r, a, branch.Next)
	return slices.Concat(now, due)
}

// scenario adds a history if scope and reference allow it. Without rules, the model is asked for those that it tests.
func (p *plan) scenario(rules []model.ID, requests []model.Request) {
	n := len(requests) - 1
	if n < 0 || !p.scope.Allows(requests...) {
		return
	}
	state, ok := p.start, true
	for _, r := range requests[:n] {
		if state, ok = follow(state, r); !ok || !p.scope.Fits(state) {
			return
		}
	}
	if next, ok := follow(state, requests[n]); ok && !p.scope.Fits(next) {
		return
	}
	if rules == nil {
		rules = specific(exercised(state, requests[n]))
	}
	p.add(Case{Kind: kindScenario, Rules: rules, Setup: requests[:n:n], Probe: requests[n]})
}

// follow is where the reference goes by a request of a set-up; ok is false where that is refused, but for Puts that
// break a rule.
func follow(s model.State, r model.Request) (next model.State, ok bool) {
	next, ok = generators.Reference(s, r)
	return next, ok || r.Op == model.OpPut && len(model.Broken(s, r)) > 0
}

// specific leaves out what every answer tests.
func specific(rules []model.ID) (out []model.ID) {
	broad := []model.ID{model.WireErrorShape, model.WireErrorStatus, model.WireMembers, model.AnswerOneOwner, model.AnswerOneEntry}
	for _, id := range rules {
		if !slices.Contains(out, id) && (len(rules) == 1 || !slices.Contains(broad, id)) {
			out = append(out, id)
		}
	}
	return out
}

// positive adds, for each rule that is no error, the shortest history of a few calls whose last step tests it.
func (p *plan) positive() {
	best := map[model.ID][]model.Request{} // nil where nothing is found yet
	for _, rule := range model.Rules {
		if rule.Code == "" && !rule.Silent && p.scope.Applies(rule.ID) {
			best[rule.ID] = nil
		}
	}
	take := func(before model.State, requests ...model.Request) {
		for _, id := range exercised(before, requests[len(requests)-1]) {
			if known, missing := best[id]; missing && (known == nil || len(requests) < len(known)) {
				best[id] = requests
			}
		}
	}
	for depth := 1; depth <= 2; depth++ {
		for _, begin := range p.beginnings() {
			state, ok := generators.Reference(p.start, begin...)
			if !ok || !p.scope.Allows(begin...) || !p.scope.Fits(state) {
				continue
			}
			calls := p.calls(state, depth == 1)
			for _, first := range calls {
				if depth == 1 {
					take(state, join(begin, steps(first))...)
					continue
				}
				next, ok := generators.Reference(state, first)
				if !ok || first.Op.Reads() || next.Equal(state) {
					continue
				}
				for _, second := range calls {
					take(next, join(begin, steps(first, second))...)
				}
			}
		}
	}
	together := map[string][]model.ID{}
	for _, rule := range model.Rules {
		key := generators.Key(best[rule.ID]...)
		together[key] = append(together[key], rule.ID)
	}
	for _, rule := range model.Rules {
		requests := best[rule.ID]
		if rules := together[generators.Key(requests...)]; requests != nil && rules[0] == rule.ID {
			p.scenario(rules, requests)
		}
	}
}

// beginnings lists the starting points of the search for positive cases, simplest first.
func (p *plan) beginnings() [][]model.Request {
	on := join(p.up, steps(put(alpha, setC)))
	stores := steps(createStore(0, source), createStore(1, insight))
	storeOn := putStore(model.StoreID(0), model.StoreID(1), setA)
	return [][]model.Request{
		nil, p.up, on, join(on, p.made(create(beta))),
		stores, join(stores, steps(storeOn)), join(stores, steps(createStore(2, insight), storeOn)),
		steps(createStore(0, generators.IdleSource), createStore(1, insight)),
	}
}

// calls lists what positive tries in a state; odd lists of selectors too, whose effect shows in one step.
func (p *plan) calls(s model.State, odd bool) []model.Request {
	a := alpha
	calls := steps(create(a), get(generators.UnknownName))
	if len(s.Trails) > 0 {
		plain, arn := put(a, setA), p.w.TrailARN(p.w.Home, a)
		withOther := plain
		withOther.OtherTarget = true
		calls = append(calls, plain, put(a, setC), put(a, 0), put(a, setB), put(a, setData),
			put(a, model.MakeSelectors(model.Management|model.Data, 0)), put(arn, setA), get(a), get(arn),
			generators.GetTrail(a), generators.Status(a), generators.GetEvents(a), stop(a), start(a), update(a), remove(a),
			logging(a, model.ReadEvents), logging(a, allEvents), with(plain, "Nonsense", value.Str("x")), withOther)
		if odd {
			for _, list := range generators.VariantSelectors() {
				calls = append(calls, putList(a, list.Value))
			}
		}
	}
	if len(s.Stores) > 1 {
		from, to := model.StoreID(0), model.StoreID(1)
		calls = append(calls, putStore(from, to, setA), putStore(from, "", 0), putStore(from, to, 0),
			putStore(p.w.StoreARN(p.w.Home, from), p.w.StoreARN(p.w.Home, to), setA), getStore(from),
			onStore(model.OpGetStore, from), updateStore(from, generators.ReadStore), updateStore(from, generators.DataStore))
		if len(s.Stores) > 2 {
			calls = append(calls, putStore(from, model.StoreID(2), setA))
		}
	}
	return slices.DeleteFunc(calls, func(r model.Request) bool { return !p.scope.Allows(r) })
}

// Package catalogue computes systematic cases from the model: what breaks each error rule alone and
// each two of them together, histories for the other rules, and every class of values.
package catalogue

import (
	"fmt"
	"slices"
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
// what the case is about. Set-ups succeed in the reference model.
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
	alpha  string          // the trail that most cases are about
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
	p := &plan{w: w, scope: scope, start: scope.Initial(w), seen: map[string]bool{}}
	p.prepareWorlds()
	return p
}

func compute(w *model.World, scope generators.Scope) *plan {
	p := newPlan(w, scope)
	p.searchAll(nil)
	rules, pairs := func() { p.broken(KindRule, 1) }, func() { p.broken(KindPair, 2) }
	for _, add := range []func(){rules, p.scenarios, p.addValues, pairs} {
		mark := len(p.cases)
		add()
		p.together(mark)
	}
	return p
}

// Cases lists the systematic cases that the scope allows, in a fixed order: rules, scenarios,
// values, pairs; within a kind those that share a set-up stand together. The caller must not change
// what the cases refer to.
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

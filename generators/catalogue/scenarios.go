package catalogue

import (
	"slices"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

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
	state := p.start
	for _, r := range requests[:n] {
		next, ok := generators.Reference(state, r)
		if !ok || !p.scope.Fits(next) {
			return
		}
		state = next
	}
	if rules == nil {
		rules = specific(exercised(state, requests[n]))
	}
	p.add(Case{Kind: kindScenario, Rules: rules, Setup: requests[:n:n], Probe: requests[n]})
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
		if rule.Code == "" && !rule.Silent && p.scope.Has(rule.Needs...) {
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
	on := join(p.up, steps(put(p.alpha, setC)))
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
	a := p.alpha
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

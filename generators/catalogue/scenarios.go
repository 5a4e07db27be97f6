package catalogue

import (
	"fmt"
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

// sequence is a history to try: all but the last request are its set-up.
type sequence struct {
	name     string
	requests []model.Request
}

// scenarios adds the positive case of each rule that is no error, found by search, and then the
// histories that deep faults need.
func (b *builder) scenarios() {
	mark := len(b.cases)
	b.positive()
	for _, s := range b.histories() {
		b.scenario(nil, s)
	}
	b.together(mark)
}

// scenario adds a history if the scope allows it and the reference model follows it. Without rules, the
// model is asked for those that it tests.
func (b *builder) scenario(rules []model.ID, s sequence) {
	n := len(s.requests) - 1
	ws := b.search.ws
	if n < 0 || !ws.scope.Allows(s.requests...) {
		return
	}
	state := ws.start
	for _, r := range s.requests[:n] {
		next, ok := generators.Reference(state, r)
		if !ok {
			return
		}
		if state = next; !ws.scope.Fits(state) {
			return
		}
	}
	if rules == nil {
		rules = specific(exercised(state, s.requests[n]))
	}
	b.add(Case{Kind: kindScenario, Name: s.name, Rules: rules, Setup: s.requests[:n:n], Probe: s.requests[n]})
}

// specific leaves out what every answer tests.
func specific(rules []model.ID) []model.ID {
	var out []model.ID
	for _, id := range rules {
		switch id {
		case model.WireErrorShape, model.WireErrorStatus, model.WireMembers, model.AnswerOneOwner, model.AnswerOneEntry:
			if len(rules) > 1 {
				continue
			}
		}
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// positive finds, for each rule that is no error, the shortest history over a small alphabet whose
// last step the model says tests it.
func (b *builder) positive() {
	ws := b.search.ws
	missing := map[model.ID]bool{}
	for _, rule := range model.Rules {
		if rule.Code == "" && !rule.Silent && ws.scope.Has(rule.Needs...) {
			missing[rule.ID] = true
		}
	}
	best := map[model.ID]sequence{}
	take := func(requests []model.Request, r model.Request, rules []model.ID) {
		for _, id := range rules {
			if before, ok := best[id]; missing[id] && (!ok || len(requests)+1 < len(before.requests)) {
				best[id] = sequence{fmt.Sprintf("%s tests %s", r.Op, id), append(slices.Clone(requests), r)}
			}
		}
	}
	// longest is the length of the longest history that is needed as far as known.
	longest := func() int {
		n := 0
		for id := range missing {
			if s, ok := best[id]; ok {
				n = max(n, len(s.requests))
			} else {
				return 99
			}
		}
		return n
	}
	for depth := 1; depth <= 2; depth++ {
		for _, start := range b.positiveWorlds() {
			state, ok := generators.Reference(ws.start, start.requests...)
			if !ok || !ws.scope.Allows(start.requests...) || !ws.scope.Fits(state) || longest() <= len(start.requests)+depth {
				continue
			}
			alphabet := b.alphabet(state, depth == 1)
			for _, first := range alphabet {
				if depth == 1 {
					take(start.requests, first, exercised(state, first))
					continue
				}
				next, ok := generators.Reference(state, first)
				if !ok || first.Op.Reads() || next.Equal(state) {
					continue
				}
				for _, second := range alphabet {
					take(append(slices.Clone(start.requests), first), second, exercised(next, second))
				}
			}
		}
	}
	together := map[string][]model.ID{}
	for _, rule := range model.Rules {
		if s, ok := best[rule.ID]; ok {
			key := setupKey(s.requests)
			together[key] = append(together[key], rule.ID)
		}
	}
	for _, rule := range model.Rules {
		s, ok := best[rule.ID]
		if key := setupKey(s.requests); ok && together[key][0] == rule.ID {
			b.scenario(together[key], s)
		}
	}
}

// positiveWorlds lists the starting points of the search for positive cases, simplest first.
func (b *builder) positiveWorlds() []sequence {
	ws := b.search.ws
	alpha := ws.mainTrail()
	up := ws.trailUp(alpha)
	on := join(up, []model.Request{put(alpha, setC)})
	second := ws.start1(create(beta))
	stores := []model.Request{createStore(0, source), createStore(1, insight)}
	storeOn := putStore(model.StoreID(0), model.StoreID(1), setA)
	return []sequence{
		{"nothing", nil},
		{"a trail", up},
		{"a trail with insights", on},
		{"two trails", join(on, second)},
		{"two stores", stores},
		{"two stores with insights", join(stores, []model.Request{storeOn})},
		{"three stores", join(stores, []model.Request{createStore(2, insight), storeOn})},
		{"a source without ingestion", []model.Request{createStore(0, generators.IdleSource), createStore(1, insight)}},
	}
}

// alphabet lists the requests that the search for positive cases tries in a state. What odd lists of
// selectors test shows in one step.
func (b *builder) alphabet(s model.State, odd bool) []model.Request {
	ws := b.search.ws
	alpha := ws.mainTrail()
	basic := generators.EventClasses()
	calls := []model.Request{create(alpha), get(generators.UnknownName)}
	if len(s.Trails) > 0 {
		plain := put(alpha, setA)
		withOther := plain
		withOther.OtherTarget = true
		arn := ws.w.TrailARN(ws.w.Home, alpha)
		calls = append(calls, plain, put(alpha, setC), put(alpha, 0), put(alpha, setB),
			put(alpha, setData), put(alpha, model.MakeSelectors(model.Management|model.Data, 0)),
			put(arn, setA), get(alpha), get(arn), generators.GetTrail(alpha), generators.Status(alpha), generators.GetEvents(alpha), stop(alpha), start(alpha), update(alpha), remove(alpha),
			putEvents(alpha, basic[model.ReadEvents]), putEvents(alpha, basic[model.ManagementEvents|model.DataEvents]),
			model.Request{Op: model.OpPut, Input: plain.Input.With("Nonsense", value.Str("x"))}, withOther)
		if odd {
			for _, list := range generators.VariantSelectors() {
				calls = append(calls, putList(alpha, list.Value))
			}
		}
	}
	if len(s.Stores) > 1 {
		set := setA
		source, destination := model.StoreID(0), model.StoreID(1)
		calls = append(calls, putStore(source, destination, set), putStore(source, "", 0), putStore(source, destination, 0),
			putStore(ws.w.StoreARN(ws.w.Home, source), ws.w.StoreARN(ws.w.Home, destination), set), getStore(source),
			onStore(model.OpGetStore, source), updateStore(source, generators.ReadStore), updateStore(source,
				generators.DataStore))
		if len(s.Stores) > 2 {
			calls = append(calls, putStore(source, model.StoreID(2), set))
		}
	}
	return slices.DeleteFunc(calls, func(r model.Request) bool { return !ws.scope.Allows(r) })
}

package catalogue

import (
	"fmt"
	"slices"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
)

// exercised asks the model which rules a request tests, given the reference answer.
var exercised = func(before model.State, r model.Request) (rules []model.ID, after model.State, ok bool) {
	branch := model.Step(before, r)[0]
	a := branch.Answer
	switch a.Outcome {
	case model.AnySuccess, model.AnyAnswer:
		a.Outcome = model.Succeeded
	case model.AnyRefusal:
		a.Outcome = model.Refused
	}
	now, due, _ := model.Exercised(before, r, a, branch.Next)
	return append(slices.Clone(now), due...), branch.Next, a.Outcome == model.Succeeded
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
		rules, _, _ = exercised(state, s.requests[n])
		rules = claims(rules)
	}
	b.add(Case{Kind: KindScenario, Name: s.name, Rules: rules, World: "before: " + s.name, Setup: s.requests[:n:n], Probe: s.requests[n]})
}

// claims leaves out what every answer tests.
func claims(rules []model.ID) []model.ID {
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
		if rule.Row == 0 && !rule.Silent && ws.scope.Has(rule.Needs...) {
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
					rules, _, _ := exercised(state, first)
					take(start.requests, first, rules)
					continue
				}
				next, ok := generators.Reference(state, first)
				if !ok || first.Op.Reads() || next.Equal(state) {
					continue
				}
				for _, second := range alphabet {
					rules, _, _ := exercised(next, second)
					take(append(slices.Clone(start.requests), first), second, rules)
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

var bothOnManagement = model.MakeSelectors(model.Management, model.Management)

// positiveWorlds lists the starting points of the search for positive cases, simplest first.
func (b *builder) positiveWorlds() []sequence {
	ws := b.search.ws
	alpha := ws.mainTrail()
	up := ws.trailUp(alpha)
	on := join(up, []model.Request{generators.Put(alpha, bothOnManagement)})
	second := ws.start1(generators.Create(generators.NameBeta))
	stores := []model.Request{generators.CreateStore(0, generators.SourceStore), generators.CreateStore(1, generators.InsightStore)}
	storeOn := generators.PutStore(model.StoreID(0), model.StoreID(1), model.MakeSelectors(model.Management, 0))
	return []sequence{
		{"nothing", nil},
		{"a trail", up},
		{"a trail with insights", on},
		{"two trails", join(on, second)},
		{"two stores", stores},
		{"two stores with insights", join(stores, []model.Request{storeOn})},
		{"three stores", join(stores, []model.Request{generators.CreateStore(2, generators.InsightStore), storeOn})},
		{"a source without ingestion", []model.Request{generators.CreateStore(0, generators.IdleSource), generators.CreateStore(1, generators.InsightStore)}},
	}
}

// alphabet lists the requests that the search for positive cases tries in a state. What odd lists of
// selectors test shows in one step.
func (b *builder) alphabet(s model.State, odd bool) []model.Request {
	ws := b.search.ws
	alpha := ws.mainTrail()
	basic := generators.EventClasses()
	letters := []model.Request{generators.Create(alpha), generators.Get(generators.UnknownName)}
	if len(s.Trails) > 0 {
		plain := generators.Put(alpha, model.MakeSelectors(model.Management, 0))
		withOther := plain
		withOther.OtherTarget = true
		arn := ws.w.TrailARN(ws.w.Home, alpha)
		letters = append(letters, plain, generators.Put(alpha, bothOnManagement), generators.Put(alpha, 0), generators.Put(alpha, model.MakeSelectors(0, model.Management)),
			generators.Put(alpha, model.MakeSelectors(model.Data, 0)), generators.Put(alpha, model.MakeSelectors(model.Management|model.Data, 0)),
			generators.Put(arn, model.MakeSelectors(model.Management, 0)), generators.Get(alpha), generators.Get(arn), generators.GetTrail(alpha), generators.Status(alpha), generators.GetEvents(alpha), generators.Stop(alpha), generators.Start(alpha), generators.Update(alpha), generators.Delete(alpha),
			generators.PutEvents(alpha, basic[model.ReadEvents]), generators.PutEvents(alpha, basic[model.ManagementEvents|model.DataEvents]),
			model.Request{Op: model.OpPut, Input: plain.Input.With("Nonsense", model.Str("x"))}, withOther)
		if odd {
			for _, list := range generators.VariantSelectors() {
				letters = append(letters, generators.PutList(alpha, list.Value))
			}
		}
	}
	if len(s.Stores) > 1 {
		set := model.MakeSelectors(model.Management, 0)
		source, destination := model.StoreID(0), model.StoreID(1)
		letters = append(letters, generators.PutStore(source, destination, set), generators.PutStore(source, "", 0), generators.PutStore(source, destination, 0),
			generators.PutStore(ws.w.StoreARN(ws.w.Home, source), ws.w.StoreARN(ws.w.Home, destination), set), generators.GetStore(source),
			generators.OnStore(model.OpGetStore, source), generators.UpdateStore(source, generators.ReadStore), generators.UpdateStore(source, generators.DataStore))
		if len(s.Stores) > 2 {
			letters = append(letters, generators.PutStore(source, model.StoreID(2), set))
		}
	}
	return slices.DeleteFunc(letters, func(r model.Request) bool { return !ws.scope.Allows(r) })
}

// histories lists the scenarios that need more than one step: each class of deep fault has some.
func (b *builder) histories() []sequence {
	h := &historian{ws: b.search.ws, w: b.search.ws.w, alpha: b.search.ws.mainTrail()}
	h.arn = h.w.TrailARN(h.w.Home, h.alpha)
	h.up = h.ws.trailUp(h.alpha)
	h.life()
	h.isolation()
	h.stopping()
	h.naming()
	h.orders()
	h.repeats()
	h.refusals()
	h.logging()
	h.regions()
	h.stores()
	h.words()
	h.threeTrails()
	return h.out
}

type historian struct {
	ws         *worlds
	w          *model.World
	alpha, arn string
	up         []model.Request
	out        []sequence
}

func (h *historian) tell(name string, parts ...[]model.Request) {
	h.out = append(h.out, sequence{name, join(parts...)})
}

func steps(r ...model.Request) []model.Request { return r }

// The sets that histories use: they differ in type, and the first two log only management events.
var (
	setA = model.MakeSelectors(model.Management, 0)
	setB = model.MakeSelectors(0, model.Management)
	setC = bothOnManagement
	setD = model.MakeSelectors(model.Management|model.Data, model.Management|model.Data)
)

// life: what is deleted is forgotten, whatever the name; what is updated keeps its insights.
func (h *historian) life() {
	names := []string{h.alpha, generators.NameShort, generators.NameLong}
	for _, name := range names {
		up, arn := h.ws.trailUp(name), h.w.TrailARN(h.w.Home, name)
		label := "a trail"
		if name != h.alpha {
			label = fmt.Sprintf("a trail with a name of %d characters", len(name))
		}
		h.tell(label+" has insights", up, steps(generators.Put(name, setC)))
		h.tell(label+" by its ARN has insights", up, steps(generators.Put(arn, setC)))
		h.tell(label+" is read by its ARN", up, steps(generators.Put(name, setA), generators.Get(arn)))
		h.tell(label+" is deleted: Get by name", up, steps(generators.Put(name, setC), generators.Delete(name), generators.Get(name)))
		h.tell(label+" is deleted: Get by ARN", up, steps(generators.Put(name, setC), generators.Delete(name), generators.Get(arn)))
		h.tell(label+" is deleted: Put by name", up, steps(generators.Put(name, setC), generators.Delete(name), generators.Put(name, setC)))
		h.tell(label+" is made again", up, steps(generators.Put(name, setC), generators.Delete(name)), h.ws.start1(generators.Create(name)))
		h.tell(label+" is made again: Get by ARN", up, steps(generators.Put(arn, setC), generators.Delete(name)), h.ws.start1(generators.Create(name)), steps(generators.Get(arn)))
		h.tell(label+" is made again and has other insights", up, steps(generators.Put(name, setC), generators.Delete(name)), h.ws.start1(generators.Create(name)), steps(generators.Put(name, setA)))
	}
	h.tell("a trail is made again where another has insights", h.up, h.ws.start1(generators.Create(generators.NameBeta)),
		steps(generators.Put(h.alpha, setA), generators.Put(generators.NameBeta, setB), generators.Delete(h.alpha)), h.ws.start1(generators.Create(h.alpha)), steps(generators.Get(h.alpha)))
	h.tell("a trail is made again with its events forgotten", h.up, steps(generators.PutEvents(h.alpha, generators.EventClasses()[model.ManagementEvents|model.DataEvents]),
		generators.Put(h.alpha, setD), generators.Delete(h.alpha)), h.ws.start1(generators.Create(h.alpha)), steps(generators.Put(h.alpha, model.MakeSelectors(model.Data, 0))))
	h.tell("a trail is made twice again", h.up, steps(generators.Put(h.alpha, setA), generators.Delete(h.alpha)), h.ws.start1(generators.Create(h.alpha)),
		steps(generators.Put(h.alpha, setB), generators.Delete(h.alpha)), h.ws.start1(generators.Create(h.alpha)), steps(generators.Get(h.alpha)))
	h.tell("a deleted trail's name in another letter case", h.up, steps(generators.Put(h.alpha, setC), generators.Delete(h.alpha)), h.ws.start1(generators.Create(generators.SwapCase(h.alpha))), steps(generators.Get(generators.SwapCase(h.alpha))))
	validation := generators.OnTrail(model.OpUpdate, h.alpha)
	validation.Input = validation.Input.With("EnableLogFileValidation", model.Boolean(true))
	for _, set := range []model.Selectors{setA, setC} {
		h.tell("a trail with "+set.String()+" is updated", h.up, steps(generators.Put(h.alpha, set), generators.Update(h.alpha)))
	}
	h.tell("a trail's log file validation is updated", h.up, steps(generators.Put(h.alpha, setC), validation))
	h.tell("a trail without insights is updated", h.up, steps(generators.Update(h.alpha)))
}

// isolation: names that are like each other are still two trails.
func (h *historian) isolation() {
	lastCase := generators.NameLong[:len(generators.NameLong)-1] + "H"
	for _, pair := range [][2]string{{h.alpha, generators.NameBeta}, {h.alpha, generators.SwapCase(h.alpha)}, {generators.SwapCase(h.alpha), h.alpha}, {h.alpha, h.alpha + "-2"}, {generators.NameShort, "Abc"}, {generators.NameLong, lastCase}} {
		one, two := pair[0], pair[1]
		up := join(h.ws.trailUp(one), h.ws.trailUp(two))
		label := one + " and " + two
		if len(one) == 128 {
			label = "two names of 128 characters that differ in the case of the last"
		}
		h.tell(label+": insights on the first", up, steps(generators.Put(one, setA)))
		h.tell(label+": other insights on the second", up, steps(generators.Put(one, setA), generators.Put(two, setB)))
		h.tell(label+": insights of the first off", up, steps(generators.Put(one, setA), generators.Put(two, setC), generators.Put(one, 0)))
		h.tell(label+": the first is deleted", up, steps(generators.Put(one, setA), generators.Put(two, setC), generators.Delete(one)))
		h.tell(label+": the first is stopped", up, steps(generators.Put(one, setA), generators.Put(two, setC), generators.Stop(one)))
		h.tell(label+": the second is put by its ARN", up, steps(generators.Put(one, setA), generators.Put(h.w.TrailARN(h.w.Home, two), setC)))
		h.tell(label+": the first logs less", up, steps(generators.Put(one, setB), generators.Put(two, setC), generators.PutEvents(one, generators.EventClasses()[model.ReadEvents])))
		h.tell(label+": a refused call on the first", up, steps(generators.Put(two, setC), generators.PutList(one, generators.BadSelectors()[0].Value)))
		h.tell(label+": the second made after the first has insights", h.ws.trailUp(one), steps(generators.Put(one, setC)), h.ws.trailUp(two), steps(generators.Get(two)))
	}
}

// words: every two calls after a first Put, in each order. What one call leaves behind for the next
// shows here.
func (h *historian) words() {
	a := h.alpha
	letters := []struct {
		name string
		call []model.Request
	}{
		{"put the other type", steps(generators.Put(a, setB))},
		{"put both types", steps(generators.Put(a, setC))},
		{"turned off", steps(generators.Put(a, 0))},
		{"updated", steps(generators.Update(a))},
		{"stopped and started", steps(generators.Stop(a), generators.Start(a))},
		{"stopped", steps(generators.Stop(a))},
		{"logging the same", steps(generators.PutEvents(a, generators.EventClasses()[model.ManagementEvents]))},
		{"logging all", steps(generators.PutEvents(a, generators.EventClasses()[model.ManagementEvents|model.DataEvents]))},
		{"refused", steps(generators.PutList(a, generators.BadSelectors()[0].Value))},
		{"read", steps(generators.Get(a))},
		{"made again", join(steps(generators.Delete(a)), h.up)},
	}
	for _, first := range letters {
		for _, second := range letters {
			h.tell("a trail with insights, "+first.name+", "+second.name, h.up, steps(generators.Put(a, setA)), first.call, second.call, steps(generators.Get(a)))
		}
	}
}

// threeTrails: a third trail is none of the first two.
func (h *historian) threeTrails() {
	names := []string{h.alpha, generators.SwapCase(h.alpha), generators.NameBeta}
	up := join(h.ws.trailUp(names[0]), h.ws.trailUp(names[1]), h.ws.trailUp(names[2]))
	for _, one := range names {
		h.tell("three trails, insights on "+one, up, steps(generators.Put(one, setA)))
		for _, two := range names {
			if one != two {
				h.tell("three trails, insights on "+one+" and "+two, up, steps(generators.Put(one, setA), generators.Put(two, setB)))
			}
		}
	}
}

// stopping: StopLogging turns insights off; what a stopped trail is given is a class of its own.
func (h *historian) stopping() {
	a := h.alpha
	stopped := join(h.up, steps(generators.Put(a, setC), generators.Stop(a)))
	h.tell("stopped with insights", stopped)
	h.tell("stopped without insights", h.up, steps(generators.Stop(a)))
	h.tell("stopped and started", stopped, steps(generators.Start(a)))
	h.tell("stopped, put, started", stopped, steps(generators.Put(a, setA), generators.Start(a)))
	h.tell("stopped, turned off, started", stopped, steps(generators.Put(a, 0), generators.Start(a)))
	h.tell("stopped and put", stopped, steps(generators.Put(a, setA)))
	h.tell("stopped and put both types", h.up, steps(generators.Stop(a), generators.Put(a, setC)))
	h.tell("stopped and turned off", stopped, steps(generators.Put(a, 0)))
	h.tell("stopped, started, put", stopped, steps(generators.Start(a), generators.Put(a, setA)))
	h.tell("stopped twice, started", stopped, steps(generators.Stop(a), generators.Start(a)))
	h.tell("started twice", h.up, steps(generators.Put(a, setC), generators.Start(a)))
	h.tell("stopped, started, stopped, started", stopped, steps(generators.Start(a), generators.Put(a, setA), generators.Stop(a), generators.Start(a)))
	h.tell("stopped, deleted, made again", stopped, steps(generators.Delete(a)), h.ws.start1(generators.Create(a)), steps(generators.Get(a)))
	create := steps(generators.Create(a))
	h.tell("never started: Get", create, steps(generators.Get(a)))
	h.tell("never started: Put", create, steps(generators.Put(a, setA)))
	h.tell("never started: turned off", create, steps(generators.Put(a, 0)))
	h.tell("never started: put, then started", create, steps(generators.Put(a, setA), generators.Start(a)))
	h.tell("never started: a refused Put", create, steps(generators.PutList(a, generators.BadSelectors()[0].Value)))
}

// naming: the name and the ARN mean the same, in every operation.
func (h *historian) naming() {
	a, arn := h.alpha, h.arn
	h.tell("put by name, read by ARN", h.up, steps(generators.Put(a, setC), generators.Get(arn)))
	h.tell("put by ARN, read by name", h.up, steps(generators.Put(arn, setC), generators.Get(a)))
	h.tell("put by ARN, read by ARN", h.up, steps(generators.Put(arn, setC), generators.Get(arn)))
	h.tell("put by name, replaced by ARN", h.up, steps(generators.Put(a, setC), generators.Put(arn, setA)))
	h.tell("put by ARN, replaced by name", h.up, steps(generators.Put(arn, setC), generators.Put(a, setB), generators.Get(arn)))
	h.tell("put by name, turned off by ARN", h.up, steps(generators.Put(a, setC), generators.Put(arn, 0), generators.Get(arn)))
	h.tell("put by ARN, turned off by name", h.up, steps(generators.Put(arn, setC), generators.Put(a, 0), generators.Get(arn)))
}

// orders: every order of the selectors and categories of the fullest list.
func (h *historian) orders() {
	full := join(h.up, steps(generators.PutEvents(h.alpha, generators.EventClasses()[model.ManagementEvents|model.DataEvents])))
	for bits := range 8 {
		one, two := []string{management, data}, []string{management, data}
		if bits&1 != 0 {
			slices.Reverse(one)
		}
		if bits&2 != 0 {
			slices.Reverse(two)
		}
		items := []model.Value{generators.Selector(callRate, one...), generators.Selector(errorRate, two...)}
		if bits&4 != 0 {
			slices.Reverse(items)
		}
		h.tell(fmt.Sprintf("the fullest list, order %d", bits), full, steps(generators.PutList(h.alpha, model.ListOf(items...))))
		h.tell(fmt.Sprintf("the fullest list after itself, order %d", bits), full, steps(generators.Put(h.alpha, setD), generators.PutList(h.alpha, model.ListOf(items...))))
	}
	for _, list := range generators.VariantSelectors() {
		h.tell("over the fullest list: "+list.Name, full, steps(generators.Put(h.alpha, setD), generators.PutList(h.alpha, list.Value)))
		h.tell("over error rate on Data: "+list.Name, full, steps(generators.Put(h.alpha, model.MakeSelectors(0, model.Data)), generators.PutList(h.alpha, list.Value)))
	}
}

// repeats: idempotent calls, and enabling again.
func (h *historian) repeats() {
	a := h.alpha
	for _, set := range []model.Selectors{setA, setB, setC} {
		h.tell("twice "+set.String(), h.up, steps(generators.Put(a, set), generators.Put(a, set)))
		h.tell("three times "+set.String(), h.up, steps(generators.Put(a, set), generators.Put(a, set), generators.Put(a, set)))
		h.tell("off and on again: "+set.String(), h.up, steps(generators.Put(a, set), generators.Put(a, 0), generators.Put(a, set)))
	}
	full := join(h.up, steps(generators.PutEvents(a, generators.EventClasses()[model.ManagementEvents|model.DataEvents])))
	h.tell("twice the fullest list", full, steps(generators.Put(a, setD), generators.Put(a, setD)))
	h.tell("off and on again: the fullest list", full, steps(generators.Put(a, setD), generators.Put(a, 0), generators.Put(a, setD)))
	h.tell("off, on with less", full, steps(generators.Put(a, setD), generators.Put(a, 0), generators.Put(a, setA)))
	h.tell("off twice", h.up, steps(generators.Put(a, setC), generators.Put(a, 0), generators.Put(a, 0)))
	h.tell("off when never on", h.up, steps(generators.Put(a, 0)))
	h.tell("off, then something else on", h.up, steps(generators.Put(a, setA), generators.Put(a, 0), generators.Put(a, setB)))
	turns := join(full, nil)
	for i, set := range model.AllSelectors() {
		turns = append(turns, generators.Put(a, set))
		if i%3 == 2 {
			turns = append(turns, generators.Put(a, setD))
		}
	}
	h.tell("every set in turn", turns)
}

// refusals: a refused call changes nothing, whatever was valid in it.
func (h *historian) refusals() {
	a := h.alpha
	good := []model.Value{generators.Selector(callRate, management), generators.Selector(errorRate, management)}
	bad := generators.BadItems()
	one := map[model.ID]bool{}
	for _, item := range bad {
		if one[item.Breaks[0]] {
			continue
		}
		one[item.Breaks[0]] = true
		for _, before := range []model.Selectors{setA, setC, 0} {
			on := h.up
			label := "when off"
			if before != 0 {
				on, label = join(h.up, steps(generators.Put(a, before))), "after "+before.String()
			}
			for i, g := range good[:2] {
				h.tell(fmt.Sprintf("refused %s: a valid selector %d, then %s", label, i, item.Name), on, steps(generators.PutList(a, model.ListOf(g, item.Value))))
				h.tell(fmt.Sprintf("refused %s: %s, then a valid selector %d", label, item.Name, i), on, steps(generators.PutList(a, model.ListOf(item.Value, g))))
			}
		}
		h.tell("refused for "+item.Name+", then as it should be", h.up, steps(generators.Put(a, setC)), nil, steps(generators.PutList(a, model.ListOf(good[0]))))
	}
	onData := model.ListOf(generators.Selector(callRate, management), generators.Selector(errorRate, data))
	turned := model.ListOf(generators.Selector(errorRate, data), generators.Selector(callRate, management))
	for _, before := range []model.Selectors{setB, setC, 0} {
		on := join(h.up, steps(generators.Put(a, before)))
		h.tell("after "+before.String()+": one prerequisite missing", on, steps(generators.PutList(a, onData)))
		h.tell("after "+before.String()+": one prerequisite missing, other order", on, steps(generators.PutList(a, turned)))
	}
	absent := generators.Put(a, setA)
	absent.Input = absent.Input.With("InsightSelectors", model.Value{})
	null := generators.Put(a, setA)
	null.Input = null.Input.With("InsightSelectors", model.NullValue)
	store := generators.Put(a, setA)
	store.Input = store.Input.With("EventDataStore", model.Str(generators.UnknownStore))
	destination := generators.Put(a, 0)
	destination.Input = destination.Input.With("InsightsDestination", model.Str(generators.UnknownStore))
	on := join(h.up, steps(generators.Put(a, setC)))
	h.tell("refused after insights: no selectors", on, steps(absent))
	h.tell("refused after insights: selectors null", on, steps(null))
	h.tell("refused after insights: a store beside the trail", on, steps(store))
	h.tell("refused after insights: a destination beside the trail, empty list", on, steps(destination))
	h.tell("refused after insights: duplicates that differ", on, steps(generators.PutList(a, generators.VariantSelectors()[23].Value)))
}

// logging: each class of logs and each prerequisite, and changes under live insights.
func (h *historian) logging() {
	a := h.alpha
	onlyData := model.MakeSelectors(model.Data, 0)
	for _, class := range generators.EventClasses() {
		events := steps(generators.PutEvents(a, class))
		h.tell("logs "+class.Name+": shown", h.up, events, steps(generators.GetEvents(a)))
		for _, set := range []model.Selectors{setA, setB, onlyData, 0} {
			h.tell("logs "+class.Name+": "+set.String(), h.up, events, steps(generators.Put(a, set)))
		}
	}
	full := generators.EventClasses()[model.ManagementEvents|model.DataEvents]
	for _, class := range generators.EventClasses()[:8] {
		h.tell("under the fullest list, logs change to "+class.Name, h.up, steps(generators.PutEvents(a, full), generators.Put(a, setD), generators.PutEvents(a, class)))
		h.tell("off again where it logs "+class.Name, h.up, steps(generators.PutEvents(a, full), generators.Put(a, setD), generators.PutEvents(a, class), generators.Put(a, 0)))
		h.tell("logs change to "+class.Name+" and back", h.up, steps(generators.PutEvents(a, full), generators.Put(a, setD), generators.PutEvents(a, class), generators.PutEvents(a, full), generators.Get(a)))
	}
}

// regions: a trail belongs to its Region.
func (h *historian) regions() {
	a, w := h.alpha, h.w
	elsewhere := h.ws.start1(generators.In(w.Away, generators.Create(a)))
	beta := h.ws.start1(generators.In(w.Away, generators.Create(generators.NameBeta)))
	away := func(r model.Request) model.Request { return generators.In(w.Away, r) }
	awayARN := w.TrailARN(w.Away, generators.NameBeta)
	h.tell("a trail in another Region", beta, steps(away(generators.Put(generators.NameBeta, setC))))
	h.tell("a trail in another Region, by ARN", beta, steps(away(generators.Put(awayARN, setC))))
	h.tell("a trail in another Region, read from home by ARN", beta, steps(away(generators.Put(generators.NameBeta, setC)), generators.Get(awayARN)))
	h.tell("a trail in another Region, read from home by name", beta, steps(away(generators.Put(generators.NameBeta, setC)), generators.Get(generators.NameBeta)))
	h.tell("a trail in another Region, put from home by ARN", beta, steps(away(generators.Put(generators.NameBeta, setC)), generators.Put(awayARN, setA)))
	h.tell("a trail in another Region, put from home by name", beta, steps(away(generators.Put(generators.NameBeta, setC)), generators.Put(generators.NameBeta, 0)))
	h.tell("a trail in another Region, turned off there", beta, steps(away(generators.Put(generators.NameBeta, setC)), away(generators.Put(generators.NameBeta, 0))))
	h.tell("a trail read from another Region by ARN", h.up, steps(generators.Put(a, setC), away(generators.Get(h.arn))))
	h.tell("a trail read from another Region by name", h.up, steps(generators.Put(a, setC), away(generators.Get(a))))
	h.tell("a trail put from another Region, refused", h.up, steps(generators.Put(a, setC), away(generators.Put(a, setA))))
	h.tell("a trail turned off from another Region, refused", h.up, steps(generators.Put(a, setC), away(generators.Put(h.arn, 0))))
	twins := join(h.up, elsewhere)
	twin := w.TrailARN(w.Away, a)
	h.tell("one name in two Regions: insights at home", twins, steps(generators.Put(a, setA)))
	h.tell("one name in two Regions: insights away", twins, steps(away(generators.Put(a, setA))))
	h.tell("one name in two Regions: other insights away", twins, steps(generators.Put(a, setA), away(generators.Put(a, setB))))
	h.tell("one name in two Regions: off at home", twins, steps(generators.Put(a, setA), away(generators.Put(a, setC)), generators.Put(a, 0)))
	h.tell("one name in two Regions: deleted at home", twins, steps(generators.Put(a, setA), away(generators.Put(a, setC)), generators.Delete(a)))
	h.tell("one name in two Regions: deleted away", twins, steps(generators.Put(a, setA), away(generators.Put(a, setC)), away(generators.Delete(a))))
	h.tell("one name in two Regions: the other's ARN from home", twins, steps(generators.Put(a, setA), away(generators.Put(a, setC)), generators.Put(twin, setB)))
	multi := generators.Create(a)
	multi.Input = multi.Input.With("IsMultiRegionTrail", model.Boolean(true))
	multiUp := h.ws.start1(multi)
	h.tell("a multi-Region trail", multiUp, steps(generators.Put(a, setC)))
	h.tell("a multi-Region trail read from another Region by name", multiUp, steps(generators.Put(a, setC), away(generators.Get(a))))
	h.tell("a multi-Region trail read from another Region by ARN", multiUp, steps(generators.Put(a, setC), away(generators.Get(h.arn))))
	h.tell("a multi-Region trail put from another Region", multiUp, steps(generators.Put(a, setC), away(generators.Put(a, setA))))
}

// stores: everything that insights on event data stores may do.
func (h *historian) stores() {
	w := h.w
	id := model.StoreID
	arn := func(n int) string { return w.StoreARN(w.Home, id(n)) }
	pair := steps(generators.CreateStore(0, generators.SourceStore), generators.CreateStore(1, generators.InsightStore))
	three := join(pair, steps(generators.CreateStore(2, generators.InsightStore)))
	for _, set := range []model.Selectors{setA, setB, setC} {
		h.tell("a store with "+set.String(), pair, steps(generators.PutStore(id(0), id(1), set)))
		h.tell("a store off again after "+set.String(), pair, steps(generators.PutStore(id(0), id(1), set), generators.PutStore(id(0), "", 0)))
		h.tell("a store twice with "+set.String(), pair, steps(generators.PutStore(id(0), id(1), set), generators.PutStore(id(0), id(1), set)))
	}
	for i, names := range [][2]string{{arn(0), arn(1)}, {arn(0), id(1)}, {id(0), arn(1)}} {
		h.tell(fmt.Sprintf("a store by its ARN or identifier, way %d", i), pair, steps(generators.PutStore(names[0], names[1], setC)))
	}
	on := generators.PutStore(id(0), id(1), setC)
	h.tell("a store read by its ARN", pair, steps(on, generators.GetStore(arn(0))))
	h.tell("a new store read", pair, steps(generators.GetStore(id(0))))
	h.tell("a destination read", pair, steps(on, generators.GetStore(id(1))))
	h.tell("a store's list replaced", pair, steps(on, generators.PutStore(id(0), id(1), setA)))
	h.tell("a store off by its ARN", pair, steps(on, generators.PutStore(arn(0), "", 0)))
	h.tell("a store off with its destination", pair, steps(on, generators.PutStore(id(0), id(1), 0)))
	h.tell("a store off when never on", pair, steps(generators.PutStore(id(0), "", 0)))
	h.tell("a store off and on again", pair, steps(on, generators.PutStore(id(0), "", 0), generators.PutStore(id(0), id(1), setB)))
	h.tell("a store with another destination", three, steps(on, generators.PutStore(id(0), id(2), setC)))
	h.tell("a store with another destination and other types", three, steps(on, generators.PutStore(id(0), id(2), setA)))
	h.tell("a store with another destination and back", three, steps(on, generators.PutStore(id(0), id(2), setC), generators.PutStore(id(0), id(1), setC)))
	h.tell("a store off, then with another destination", three, steps(on, generators.PutStore(id(0), "", 0), generators.PutStore(id(0), id(2), setA)))
	h.tell("a store refused for its data category after insights", pair, steps(on, generators.PutStore(id(0), id(1), setD)))
	h.tell("a store refused for one of two after insights", pair, steps(on, generators.PutStore(id(0), id(1), model.MakeSelectors(model.Management, model.Data))))
	h.tell("a store refused for its destination after insights", three, steps(on, generators.PutStore(id(0), generators.UnknownStore, setA)))
	h.tell("a store refused without destination after insights", pair, steps(on, generators.PutStore(id(0), "", setA)))
	for _, list := range generators.VariantSelectors() {
		r := generators.PutStore(id(0), id(1), setA)
		r.Input = r.Input.With("InsightSelectors", list.Value)
		h.tell("a store with "+list.Name, pair, steps(r))
	}
	two := join(pair, steps(generators.CreateStore(2, generators.SourceStore)))
	h.tell("two sources, one destination", two, steps(on, generators.PutStore(id(2), id(1), setA)))
	h.tell("two sources, one off", two, steps(on, generators.PutStore(id(2), id(1), setA), generators.PutStore(id(0), "", 0)))
	trail := join(h.up, pair)
	h.tell("a trail beside a store with insights", trail, steps(on, generators.Put(h.alpha, setA)))
	h.tell("a store beside a trail with insights", trail, steps(generators.Put(h.alpha, setA), on))
	h.tell("a trail off beside a store with insights", trail, steps(on, generators.Put(h.alpha, setA), generators.Put(h.alpha, 0)))
	h.tell("a trail deleted beside a store with insights", trail, steps(on, generators.Put(h.alpha, setA), generators.Delete(h.alpha)))
	h.tell("a source without ingestion", steps(generators.CreateStore(0, generators.IdleSource), generators.CreateStore(1, generators.InsightStore), generators.PutStore(id(0), id(1), setA)))
	h.tell("a destination without ingestion", steps(generators.CreateStore(0, generators.SourceStore), generators.CreateStore(1, generators.IdleInsight), generators.PutStore(id(0), id(1), setA)))
	for _, kind := range []generators.StoreKind{generators.ReadStore, generators.WriteStore, generators.DataStore} {
		for _, set := range []model.Selectors{setA, setB} {
			h.tell("a "+kind.Name+" with "+set.String(), steps(generators.CreateStore(0, kind), generators.CreateStore(1, generators.InsightStore), generators.PutStore(id(0), id(1), set)))
			h.tell("a store with "+set.String()+" becomes a "+kind.Name, pair, steps(generators.PutStore(id(0), id(1), set), generators.UpdateStore(id(0), kind)))
		}
		h.tell("a store without insights becomes a "+kind.Name, pair, steps(generators.UpdateStore(id(0), kind)))
		h.tell("a store whose insights are off becomes a "+kind.Name, pair, steps(on, generators.PutStore(id(0), "", 0), generators.UpdateStore(id(0), kind)))
	}
	h.tell("a destination in use changes", pair, steps(on, generators.UpdateStore(id(1), generators.SourceStore)))
	h.tell("a store's selectors shown", pair, steps(generators.OnStore(model.OpGetStore, id(0))))
	h.tell("a store's selectors shown after a change", pair, steps(generators.UpdateStore(id(0), generators.ReadStore), generators.OnStore(model.OpGetStore, arn(0))))
	drop, restore := generators.OnStore(model.OpDeleteStore, id(0)), generators.OnStore(model.OpRestoreStore, id(0))
	h.tell("a source deleted", pair, steps(on, drop))
	h.tell("a source deleted and restored", pair, steps(on, drop, restore))
	h.tell("a source restored, then put", pair, steps(drop, restore, on))
	h.tell("a source pending deletion turned off", pair, steps(on, drop, generators.PutStore(id(0), "", 0)))
	h.tell("a source pending deletion put", pair, steps(on, drop, on))
	h.tell("a destination deleted", pair, steps(on, generators.OnStore(model.OpDeleteStore, id(1))))
	h.tell("a destination deleted and restored", pair, steps(on, generators.OnStore(model.OpDeleteStore, id(1)), generators.OnStore(model.OpRestoreStore, id(1))))
	h.tell("another store deleted", three, steps(on, generators.OnStore(model.OpDeleteStore, id(2))))
	h.tell("a store in another Region", steps(generators.In(w.Away, generators.CreateStore(0, generators.SourceStore)), generators.In(w.Away, generators.CreateStore(1, generators.InsightStore)), generators.In(w.Away, on)))
	h.tell("a store in another Region, from home", steps(generators.In(w.Away, generators.CreateStore(0, generators.SourceStore)), generators.In(w.Away, generators.CreateStore(1, generators.InsightStore)), on))
}

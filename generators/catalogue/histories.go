package catalogue

import (
	"fmt"
	"slices"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// Short names for what histories are made of.
var (
	put, putList, putEvents, putStore   = generators.Put, generators.PutList, generators.PutEvents, generators.PutStore
	get, getStore                       = generators.Get, generators.GetStore
	create, update, remove, start, stop = generators.Create, generators.Update, generators.Delete, generators.Start, generators.Stop
	createStore, updateStore, onStore   = generators.CreateStore, generators.UpdateStore, generators.OnStore
	in, with, selector, valid           = generators.In, generators.With, generators.Selector, generators.Valid
	join                                = slices.Concat[[]model.Request]
	source, insight                     = generators.SourceStore, generators.InsightStore
	callRate, errorRate                 = model.TypeNames[model.CallRate], model.TypeNames[model.ErrorRate]
	management, data                    = model.CategoryNames[0], model.CategoryNames[1]
)

const (
	alpha     = generators.NameAlpha // the trail that most cases are about
	beta      = generators.NameBeta
	allEvents = model.ManagementEvents | model.DataEvents
)

// The sets that histories use: they differ in type, and the first two log only management events.
var (
	setA    = model.MakeSelectors(model.Management, 0)
	setB    = model.MakeSelectors(0, model.Management)
	setC    = model.MakeSelectors(model.Management, model.Management)
	setData = model.MakeSelectors(model.Data, 0)
	setD    = model.MakeSelectors(model.Management|model.Data, model.Management|model.Data)
)

func steps(r ...model.Request) []model.Request { return r }

// logging makes a trail log a class of events.
func logging(trail string, logs model.Logs) model.Request {
	return putEvents(trail, generators.EventClasses()[logs])
}

// refused is a Put that no trail accepts.
func refused(trail string) model.Request { return putList(trail, generators.BadSelectors()[0].Value) }

// scenarios adds what shows the rules that are no errors, then histories: each class of deep fault has some.
func (p *plan) scenarios() {
	p.positive()
	h := p.histories()
	for _, about := range []func(){h.given, h.life, h.isolation, h.stopping, h.naming, h.orders, h.repeats, h.refusals,
		h.prerequisites, h.regions, h.stores, h.sourceKinds, h.storeLife, h.words, h.threeTrails} {
		about()
	}
}

// given: each trail that exists beforehand shows what it is said to hold, by its name and by its ARN.
func (h *histories) given() {
	var up, reads []model.Request
	for i := range h.w.Given {
		name := fmt.Sprintf("trail-%d", i)
		up = append(up, create(name))
		for _, r := range steps(get(name), generators.GetTrail(name)) {
			reads = append(reads, r, generators.ByARN(r))
		}
	}
	h.after(up, reads...)
}

// rarer adds histories of what is seldom wrong: a run with few requests does without them first.
func (p *plan) rarer() {
	h := p.histories()
	for _, about := range []func(){h.alike, h.filled, h.updates, h.lost, h.forms} {
		about()
	}
}

func (p *plan) histories() *histories {
	return &histories{plan: p, arn: p.w.TrailARN(p.w.Home, alpha), other: generators.SwapCase(alpha),
		full: join(p.up, steps(logging(alpha, allEvents)))}
}

// histories are about one trail first of all.
type histories struct {
	*plan
	arn   string
	other string          // the name in another letter case
	full  []model.Request // makes the trail, logging all events
}

// after adds a history for each request that may follow a set-up.
func (h *histories) after(setup []model.Request, lasts ...model.Request) {
	for _, last := range lasts {
		h.scenario(nil, join(setup, steps(last)))
	}
}

// fresh is a new trail that logs.
func (h *histories) fresh(name string) []model.Request { return h.made(create(name)) }

// on is the trail with insights.
func (h *histories) on(set model.Selectors, more ...model.Request) []model.Request {
	return join(h.up, steps(put(alpha, set)), more)
}

// life: what is deleted is forgotten, whatever the name; what is updated keeps its insights.
func (h *histories) life() {
	for _, name := range []string{alpha, generators.NameShort, generators.NameLong} {
		up, arn, again := h.fresh(name), h.w.TrailARN(h.w.Home, name), h.fresh(name)
		gone := join(up, steps(put(name, setC), remove(name)))
		h.after(up, put(name, setC), put(arn, setC))
		h.after(join(up, steps(put(name, setA))), get(arn))
		h.after(gone, get(name), get(arn), put(name, setC))
		h.scenario(nil, join(gone, again))
		h.after(join(up, steps(put(arn, setC), remove(name)), again), get(arn))
		h.after(join(gone, again), put(name, setA))
	}
	a, again := alpha, h.fresh(alpha)
	h.after(join(h.up, h.fresh(beta), steps(put(a, setA), put(beta, setB), remove(a)), again), get(a))
	h.after(join(h.full, steps(put(a, setD), remove(a)), again), put(a, setData))
	h.after(join(h.on(setA, remove(a)), again, steps(put(a, setB), remove(a)), again), get(a))
	h.after(join(h.on(setC, remove(a)), h.fresh(h.other)), get(h.other))
	validation := with(generators.OnTrail(model.OpUpdate, a), "EnableLogFileValidation", value.Boolean(true))
	h.after(h.on(setA), update(a))
	h.after(h.on(setC), update(a), validation)
	h.after(h.up, update(a))
	h.after(h.on(setC, create(a)), get(a))
}

// isolation: names that are like each other are still two trails.
func (h *histories) isolation() {
	lastCase := generators.NameLong[:len(generators.NameLong)-1] + "H"
	for _, pair := range [][2]string{{alpha, beta}, {alpha, h.other}, {h.other, alpha}, {alpha, alpha + "-2"},
		{generators.NameShort, "Abc"}, {generators.NameLong, lastCase}} {
		one, two := pair[0], pair[1]
		up := join(h.fresh(one), h.fresh(two))
		h.after(up, put(one, setA))
		h.after(join(up, steps(put(one, setA))), put(two, setB))
		h.after(join(up, steps(put(one, setA), put(two, setC))), put(one, 0), remove(one), stop(two))
		h.after(join(up, steps(put(one, setA))), put(h.w.TrailARN(h.w.Home, two), setC))
		h.after(join(up, steps(put(one, setC), put(two, setB))), logging(two, model.ReadEvents))
		h.after(join(up, steps(put(two, setC))), refused(one))
		h.after(join(h.fresh(one), steps(put(one, setC)), h.fresh(two)), get(two))
	}
}

// words: every two calls after a first Put, in each order, show what one call leaves behind for the next.
func (h *histories) words() {
	a := alpha
	calls := [][]model.Request{
		{put(a, setB)}, {put(a, setC)}, {put(a, 0)}, {update(a)}, {stop(a), start(a)}, {stop(a)},
		{logging(a, model.ManagementEvents)}, {logging(a, allEvents)}, {get(a)}, join(steps(remove(a)), h.up),
	}
	for _, first := range calls {
		for _, second := range calls {
			h.after(join(h.on(setA), first, second), get(a))
		}
	}
}

// threeTrails: a third trail is none of the first two.
func (h *histories) threeTrails() {
	names := []string{alpha, h.other, beta}
	up := join(h.fresh(names[0]), h.fresh(names[1]), h.fresh(names[2]))
	for _, one := range names {
		h.after(up, put(one, setA))
		for _, two := range names {
			if one != two {
				h.after(join(up, steps(put(one, setA))), put(two, setB))
			}
		}
	}
}

// stopping: StopLogging turns insights off; what a stopped trail is given is a class of its own.
func (h *histories) stopping() {
	a := alpha
	stopped := h.on(setC, stop(a))
	then := func(more ...model.Request) []model.Request { return join(stopped, more) }
	h.after(h.on(setC), stop(a))
	h.after(h.up, stop(a))
	h.after(stopped, start(a))
	h.after(then(put(a, setA)), start(a))
	h.after(then(put(a, 0)), start(a))
	h.after(stopped, put(a, setA))
	h.after(join(h.up, steps(stop(a))), put(a, setC))
	h.after(stopped, put(a, 0))
	h.after(then(start(a)), put(a, setA))
	h.after(then(stop(a)), start(a))
	h.after(h.on(setC), start(a))
	h.after(then(start(a), put(a, setA), stop(a)), start(a))
	h.after(join(then(remove(a)), h.fresh(a)), get(a))
	never := steps(create(a)) // started
	h.after(never, get(a), put(a, setA), put(a, 0), refused(a))
	h.after(join(never, steps(put(a, setA))), start(a))
}

// naming: the name and the ARN mean the same, in every operation.
func (h *histories) naming() {
	a, arn := alpha, h.arn
	byARN := join(h.up, steps(put(arn, setC)))
	h.after(h.on(setC), get(arn), put(arn, setA))
	h.after(byARN, get(a), get(arn))
	h.after(join(byARN, steps(put(a, setB))), get(arn))
	h.after(h.on(setC, put(arn, 0)), get(arn))
	h.after(join(byARN, steps(put(a, 0))), get(arn))

	by := generators.ByARN
	for _, r := range steps(stop(a), start(a), update(a), remove(a), logging(a, allEvents), generators.GetEvents(a),
		generators.GetTrail(a), generators.Status(a)) {
		h.after(h.on(setC), by(r))
	}
	h.after(h.on(setC, by(stop(a))), by(start(a)))
	h.after(join(h.on(setC, by(remove(a))), h.up), get(a))
	h.after(join(h.up, steps(by(logging(a, allEvents)))), put(a, setD))
}

// orders: every order of the selectors and categories of the fullest list.
func (h *histories) orders() {
	fullest := join(h.full, steps(put(alpha, setD)))
	for bits := range 8 {
		one, two := []string{management, data}, []string{management, data}
		if bits&1 != 0 {
			slices.Reverse(one)
		}
		if bits&2 != 0 {
			slices.Reverse(two)
		}
		items := []value.Value{selector(callRate, one...), selector(errorRate, two...)}
		if bits&4 != 0 {
			slices.Reverse(items)
		}
		h.after(h.full, putList(alpha, value.ListOf(items...)))
		h.after(fullest, putList(alpha, value.ListOf(items...)))
	}
	reads := join(h.up, steps(logging(alpha, model.ReadEvents))) // which the second of the types cannot do with
	h.after(reads, putList(alpha, value.ListOf(selector(errorRate, management), selector(callRate, management))))
	for _, list := range generators.VariantSelectors() {
		h.after(fullest, putList(alpha, list.Value))
		h.after(join(h.full, steps(put(alpha, model.MakeSelectors(0, model.Data)))), putList(alpha, list.Value))
	}
}

// repeats: idempotent calls, and enabling again.
func (h *histories) repeats() {
	a := alpha
	for _, set := range []model.Selectors{setA, setB, setC} {
		h.after(h.on(set), put(a, set))
		h.after(h.on(set, put(a, set)), put(a, set))
		h.after(h.on(set, put(a, 0)), put(a, set))
	}
	fullest := join(h.full, steps(put(a, setD)))
	h.after(join(fullest, steps(put(a, 0))), put(a, setD), put(a, setA))
	h.after(h.on(setC, put(a, 0)), put(a, 0))
	h.after(h.on(setA, put(a, 0)), put(a, setB))
	turns := h.full
	for i, set := range generators.AllSelectors() {
		turns = join(turns, steps(put(a, set)))
		if i%3 == 2 {
			turns = join(turns, steps(put(a, setD)))
		}
	}
	h.scenario(nil, turns)
}

// refusals: a refused call changes nothing, whatever was valid in it.
func (h *histories) refusals() {
	a := alpha
	good := []value.Value{selector(callRate, management), selector(errorRate, management)}
	seen := map[model.ID]bool{}
	for _, item := range generators.BadItems() {
		if seen[item.Breaks[0]] {
			continue
		}
		seen[item.Breaks[0]] = true
		for _, before := range [][]model.Request{h.on(setA), h.on(setC), h.up} {
			for _, g := range good {
				h.after(before, putList(a, value.ListOf(g, item.Value)), putList(a, value.ListOf(item.Value, g)))
			}
		}
	}
	onData := selector(errorRate, data)
	for _, before := range []model.Selectors{setB, setC, 0} {
		// One prerequisite is missing.
		h.after(h.on(before), putList(a, value.ListOf(good[0], onData)), putList(a, value.ListOf(onData, good[0])))
	}
	unknown := value.Str(generators.UnknownStore)
	h.after(h.on(setC), putList(a, value.Value{}), putList(a, value.NullValue), with(put(a, setA), "EventDataStore", unknown),
		with(put(a, 0), "InsightsDestination", unknown), putList(a, generators.VariantSelectors()[23].Value))
}

// prerequisites: each class of logs, and changes under live insights.
func (h *histories) prerequisites() {
	a, classes := alpha, generators.EventClasses()
	for _, class := range classes {
		h.after(join(h.up, steps(putEvents(a, class))), generators.GetEvents(a),
			put(a, setA), put(a, setB), put(a, setData), put(a, 0))
	}
	fullest := join(h.full, steps(put(a, setD)))
	for _, class := range classes[:8] {
		h.after(fullest, putEvents(a, class))
		h.after(join(fullest, steps(putEvents(a, class))), put(a, 0))
		h.after(join(fullest, steps(putEvents(a, class), logging(a, allEvents))), get(a))
	}
}

// regions: a trail belongs to its Region.
func (h *histories) regions() {
	a := alpha
	away := func(r model.Request) model.Request { return in(h.w.Away, r) }
	abroad, awayARN := h.made(away(create(beta))), h.w.TrailARN(h.w.Away, beta)
	h.after(abroad, away(put(beta, setC)), away(put(awayARN, setC)))
	h.after(join(abroad, steps(away(put(beta, setC)))),
		get(awayARN), get(beta), put(awayARN, setA), put(beta, 0), away(put(beta, 0)))
	h.after(h.on(setC), away(get(h.arn)), away(get(a)), away(put(a, setA)), away(put(h.arn, 0)))
	twins := join(h.up, h.made(away(create(a)))) // of one name
	h.after(twins, put(a, setA), away(put(a, setA)))
	h.after(join(twins, steps(put(a, setA))), away(put(a, setB)))
	h.after(join(twins, steps(put(a, setA), away(put(a, setC)))),
		put(a, 0), remove(a), away(remove(a)), put(h.w.TrailARN(h.w.Away, a), setB))
	multi := h.made(with(create(a), "IsMultiRegionTrail", value.Boolean(true)))
	h.after(multi, put(a, setC))
	h.after(join(multi, steps(put(a, setC))), away(get(a)), away(get(h.arn)), away(put(a, setA)))
}

var (
	id                      = model.StoreID
	storeOn, storeOff       = putStore(id(0), id(1), setC), putStore(id(0), "", 0)
	dropStore, restoreStore = onStore(model.OpDeleteStore, id(0)), onStore(model.OpRestoreStore, id(0))
)

// pair makes a source and a destination.
func pair(more ...model.Request) []model.Request {
	return join(steps(createStore(0, source), createStore(1, insight)), more)
}

// stores: insights on event data stores.
func (h *histories) stores() {
	arn := func(n int) string { return h.w.StoreARN(h.w.Home, id(n)) }
	toFirst := func(set model.Selectors) model.Request { return putStore(id(0), id(1), set) }
	toSecond := func(set model.Selectors) model.Request { return putStore(id(0), id(2), set) }
	three := pair(createStore(2, insight), storeOn)
	for _, set := range []model.Selectors{setA, setB, setC} {
		h.after(pair(), toFirst(set))
		h.after(pair(toFirst(set)), storeOff, toFirst(set))
	}
	h.after(pair(), putStore(arn(0), arn(1), setC), putStore(arn(0), id(1), setC), putStore(id(0), arn(1), setC))
	h.after(pair(storeOn), getStore(arn(0)))
	h.after(pair(), getStore(id(0)))
	turned := value.ListOf(selector(errorRate, management), selector(callRate, management))
	h.after(pair(storeOn), getStore(id(1)), with(storeOn, "InsightSelectors", turned), toFirst(setA), putStore(arn(0), "", 0), toFirst(0))
	h.after(pair(storeOn, storeOff), toFirst(setB))
	h.after(three, toSecond(setC), toSecond(setA))
	h.after(join(three, steps(toSecond(setC))), storeOn)
	h.after(join(three, steps(storeOff)), toSecond(setA))
	h.after(pair(storeOn), toFirst(setD), toFirst(model.MakeSelectors(model.Management, model.Data)))
	h.after(three, putStore(id(0), generators.UnknownStore, setA))
	h.after(pair(storeOn), putStore(id(0), "", setA))
	for _, list := range generators.VariantSelectors() {
		h.after(pair(), with(toFirst(setA), "InsightSelectors", list.Value))
	}
	two := pair(createStore(2, source), storeOn)
	h.after(two, putStore(id(2), id(1), setA))
	h.after(join(two, steps(putStore(id(2), id(1), setA))), storeOff)
	trail := join(h.up, pair())
	h.after(join(trail, steps(storeOn)), put(alpha, setA))
	h.after(join(trail, steps(put(alpha, setA))), storeOn)
	h.after(join(trail, steps(storeOn, put(alpha, setA))), put(alpha, 0), remove(alpha))
}

// sourceKinds: what a store logs, and that it changes.
func (h *histories) sourceKinds() {
	h.after(steps(createStore(0, source), createStore(1, generators.IdleInsight)), putStore(id(0), id(1), setA))
	for _, kind := range generators.SourceVariants[1:] {
		for _, set := range []model.Selectors{setA, setB} {
			h.after(steps(createStore(0, kind), createStore(1, insight)), putStore(id(0), id(1), set))
			h.after(pair(putStore(id(0), id(1), set)), updateStore(id(0), kind))
		}
		h.after(pair(), updateStore(id(0), kind))
		h.after(pair(storeOn, storeOff), updateStore(id(0), kind))
	}
	h.after(pair(storeOn), updateStore(id(1), source))
	h.after(pair(), onStore(model.OpGetStore, id(0)))
	h.after(pair(updateStore(id(0), generators.ReadStore)), onStore(model.OpGetStore, h.w.StoreARN(h.w.Home, id(0))))
}

// storeLife: stores that are deleted, restored, or in another Region.
func (h *histories) storeLife() {
	halt, resume := onStore(model.OpStopIngestion, id(0)), onStore(model.OpStartIngestion, id(0))
	h.after(pair(storeOn), halt)
	h.after(pair(storeOn, halt), resume)
	h.after(pair(storeOn, halt, getStore(id(0))), resume)
	h.after(pair(halt), storeOn)
	h.after(pair(storeOn, halt, storeOff), resume)
	dropInsight := onStore(model.OpDeleteStore, id(1))
	h.after(pair(storeOn), dropStore)
	h.after(pair(storeOn, dropStore), restoreStore)
	h.after(pair(dropStore, restoreStore), storeOn)
	h.after(pair(storeOn, dropStore), storeOff, storeOn)
	h.after(pair(storeOn), dropInsight)
	h.after(pair(storeOn, dropInsight), onStore(model.OpRestoreStore, id(1)))
	h.after(pair(createStore(2, insight), storeOn), onStore(model.OpDeleteStore, id(2)))
	abroad := steps(in(h.w.Away, pair()[0]), in(h.w.Away, pair()[1]))
	h.after(abroad, in(h.w.Away, storeOn), storeOn)
}

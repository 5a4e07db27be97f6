package catalogue

import (
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
)

const (
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

// histories adds the scenarios that need more than one step: each class of deep fault has some.
func (p *plan) histories() {
	h := &histories{plan: p, a: p.alpha, arn: p.w.TrailARN(p.w.Home, p.alpha), other: generators.SwapCase(p.alpha)}
	h.full = join(p.up, steps(logging(h.a, allEvents)))
	for _, about := range []func(){h.life, h.isolation, h.stopping, h.naming, h.orders, h.repeats, h.refusals, h.prerequisites,
		h.regions, h.stores, h.sourceKinds, h.storeLife, h.words, h.threeTrails} {
		about()
	}
}

// histories are about one trail first of all.
type histories struct {
	*plan
	a, arn string
	other  string          // the name in another letter case
	full   []model.Request // makes the trail, logging all events
}

// add adds a history.
func (h *histories) add(setup []model.Request, more ...model.Request) {
	h.scenario(nil, join(setup, more))
}

// fresh is a new trail that logs.
func (h *histories) fresh(name string) []model.Request { return h.made(create(name)) }

// life: what is deleted is forgotten, whatever the name; what is updated keeps its insights.
func (h *histories) life() {
	for _, name := range []string{h.a, generators.NameShort, generators.NameLong} {
		up, arn, again := h.trailUp(name), h.w.TrailARN(h.w.Home, name), h.fresh(name)
		gone := join(up, steps(put(name, setC), remove(name)))
		h.add(up, put(name, setC))
		h.add(up, put(arn, setC))
		h.add(up, put(name, setA), get(arn))
		h.add(gone, get(name))
		h.add(gone, get(arn))
		h.add(gone, put(name, setC))
		h.add(join(gone, again))
		h.add(join(up, steps(put(arn, setC), remove(name)), again), get(arn))
		h.add(join(gone, again), put(name, setA))
	}
	a, again := h.a, h.fresh(h.a)
	h.add(join(h.up, h.fresh(beta), steps(put(a, setA), put(beta, setB), remove(a)), again), get(a))
	h.add(join(h.full, steps(put(a, setD), remove(a)), again), put(a, setData))
	h.add(join(h.up, steps(put(a, setA), remove(a)), again, steps(put(a, setB), remove(a)), again), get(a))
	h.add(join(h.up, steps(put(a, setC), remove(a)), h.fresh(h.other)), get(h.other))
	for _, set := range []model.Selectors{setA, setC} {
		h.add(h.up, put(a, set), update(a))
	}
	h.add(h.up, put(a, setC), with(generators.OnTrail(model.OpUpdate, a), "EnableLogFileValidation", value.Boolean(true)))
	h.add(h.up, update(a))
}

// isolation: names that are like each other are still two trails.
func (h *histories) isolation() {
	lastCase := generators.NameLong[:len(generators.NameLong)-1] + "H"
	for _, pair := range [][2]string{{h.a, beta}, {h.a, h.other}, {h.other, h.a}, {h.a, h.a + "-2"},
		{generators.NameShort, "Abc"}, {generators.NameLong, lastCase}} {
		one, two := pair[0], pair[1]
		up := join(h.trailUp(one), h.trailUp(two))
		h.add(up, put(one, setA))
		h.add(up, put(one, setA), put(two, setB))
		h.add(up, put(one, setA), put(two, setC), put(one, 0))
		h.add(up, put(one, setA), put(two, setC), remove(one))
		h.add(up, put(one, setA), put(two, setC), stop(one))
		h.add(up, put(one, setA), put(h.w.TrailARN(h.w.Home, two), setC))
		h.add(up, put(one, setB), put(two, setC), logging(one, model.ReadEvents))
		h.add(up, put(two, setC), refused(one))
		h.add(join(h.trailUp(one), steps(put(one, setC)), h.trailUp(two)), get(two))
	}
}

// words: every two calls after a first Put, in each order. What one call leaves behind for the next
// shows here.
func (h *histories) words() {
	a := h.a
	calls := [][]model.Request{
		{put(a, setB)}, {put(a, setC)}, {put(a, 0)}, {update(a)}, {stop(a), start(a)}, {stop(a)},
		{logging(a, model.ManagementEvents)}, {logging(a, allEvents)}, {refused(a)}, {get(a)}, join(steps(remove(a)), h.up),
	}
	for _, first := range calls {
		for _, second := range calls {
			h.add(join(h.up, steps(put(a, setA)), first, second), get(a))
		}
	}
}

// threeTrails: a third trail is none of the first two.
func (h *histories) threeTrails() {
	names := []string{h.a, h.other, beta}
	up := join(h.trailUp(names[0]), h.trailUp(names[1]), h.trailUp(names[2]))
	for _, one := range names {
		h.add(up, put(one, setA))
		for _, two := range names {
			if one != two {
				h.add(up, put(one, setA), put(two, setB))
			}
		}
	}
}

// stopping: StopLogging turns insights off; what a stopped trail is given is a class of its own.
func (h *histories) stopping() {
	a := h.a
	stopped := join(h.up, steps(put(a, setC), stop(a)))
	h.add(stopped)
	h.add(h.up, stop(a))
	h.add(stopped, start(a))
	h.add(stopped, put(a, setA), start(a))
	h.add(stopped, put(a, 0), start(a))
	h.add(stopped, put(a, setA))
	h.add(h.up, stop(a), put(a, setC))
	h.add(stopped, put(a, 0))
	h.add(stopped, start(a), put(a, setA))
	h.add(stopped, stop(a), start(a))
	h.add(h.up, put(a, setC), start(a))
	h.add(stopped, start(a), put(a, setA), stop(a), start(a))
	h.add(join(stopped, steps(remove(a)), h.fresh(a)), get(a))
	never := steps(create(a)) // started
	h.add(never, get(a))
	h.add(never, put(a, setA))
	h.add(never, put(a, 0))
	h.add(never, put(a, setA), start(a))
	h.add(never, refused(a))
}

// naming: the name and the ARN mean the same, in every operation.
func (h *histories) naming() {
	a, arn := h.a, h.arn
	h.add(h.up, put(a, setC), get(arn))
	h.add(h.up, put(arn, setC), get(a))
	h.add(h.up, put(arn, setC), get(arn))
	h.add(h.up, put(a, setC), put(arn, setA))
	h.add(h.up, put(arn, setC), put(a, setB), get(arn))
	h.add(h.up, put(a, setC), put(arn, 0), get(arn))
	h.add(h.up, put(arn, setC), put(a, 0), get(arn))
}

// orders: every order of the selectors and categories of the fullest list.
func (h *histories) orders() {
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
		h.add(h.full, putList(h.a, value.ListOf(items...)))
		h.add(h.full, put(h.a, setD), putList(h.a, value.ListOf(items...)))
	}
	for _, list := range generators.VariantSelectors() {
		h.add(h.full, put(h.a, setD), putList(h.a, list.Value))
		h.add(h.full, put(h.a, model.MakeSelectors(0, model.Data)), putList(h.a, list.Value))
	}
}

// repeats: idempotent calls, and enabling again.
func (h *histories) repeats() {
	a := h.a
	for _, set := range []model.Selectors{setA, setB, setC} {
		h.add(h.up, put(a, set), put(a, set))
		h.add(h.up, put(a, set), put(a, set), put(a, set))
		h.add(h.up, put(a, set), put(a, 0), put(a, set))
	}
	h.add(h.full, put(a, setD), put(a, setD))
	h.add(h.full, put(a, setD), put(a, 0), put(a, setD))
	h.add(h.full, put(a, setD), put(a, 0), put(a, setA))
	h.add(h.up, put(a, setC), put(a, 0), put(a, 0))
	h.add(h.up, put(a, 0))
	h.add(h.up, put(a, setA), put(a, 0), put(a, setB))
	turns := h.full
	for i, set := range model.AllSelectors() {
		turns = join(turns, steps(put(a, set)))
		if i%3 == 2 {
			turns = join(turns, steps(put(a, setD)))
		}
	}
	h.add(turns)
}

// refusals: a refused call changes nothing, whatever was valid in it.
func (h *histories) refusals() {
	a := h.a
	good := []value.Value{selector(callRate, management), selector(errorRate, management)}
	seen := map[model.ID]bool{}
	for _, item := range generators.BadItems() {
		if seen[item.Breaks[0]] {
			continue
		}
		seen[item.Breaks[0]] = true
		for _, on := range [][]model.Request{{put(a, setA)}, {put(a, setC)}, nil} {
			for _, g := range good {
				h.add(join(h.up, on), putList(a, value.ListOf(g, item.Value)))
				h.add(join(h.up, on), putList(a, value.ListOf(item.Value, g)))
			}
		}
		h.add(h.up, put(a, setC), putList(a, value.ListOf(good[0])))
	}
	for _, before := range []model.Selectors{setB, setC, 0} {
		// One prerequisite is missing.
		h.add(h.up, put(a, before), putList(a, value.ListOf(good[0], selector(errorRate, data))))
		h.add(h.up, put(a, before), putList(a, value.ListOf(selector(errorRate, data), good[0])))
	}
	h.add(h.up, put(a, setC), putList(a, value.Value{}))
	h.add(h.up, put(a, setC), putList(a, value.NullValue))
	h.add(h.up, put(a, setC), with(put(a, setA), "EventDataStore", value.Str(generators.UnknownStore)))
	h.add(h.up, put(a, setC), with(put(a, 0), "InsightsDestination", value.Str(generators.UnknownStore)))
	h.add(h.up, put(a, setC), putList(a, generators.VariantSelectors()[23].Value)) // duplicates that differ
}

// prerequisites: each class of logs, and changes under live insights.
func (h *histories) prerequisites() {
	a, classes := h.a, generators.EventClasses()
	for _, class := range classes {
		h.add(h.up, putEvents(a, class), generators.GetEvents(a))
		for _, set := range []model.Selectors{setA, setB, setData, 0} {
			h.add(h.up, putEvents(a, class), put(a, set))
		}
	}
	for _, class := range classes[:8] {
		h.add(h.full, put(a, setD), putEvents(a, class))
		h.add(h.full, put(a, setD), putEvents(a, class), put(a, 0))
		h.add(h.full, put(a, setD), putEvents(a, class), logging(a, allEvents), get(a))
	}
}

// regions: a trail belongs to its Region.
func (h *histories) regions() {
	a := h.a
	away := func(r model.Request) model.Request { return in(h.w.Away, r) }
	abroad, there := h.made(away(create(beta))), away(put(beta, setC))
	awayARN := h.w.TrailARN(h.w.Away, beta)
	h.add(abroad, there)
	h.add(abroad, away(put(awayARN, setC)))
	for _, last := range steps(get(awayARN), get(beta), put(awayARN, setA), put(beta, 0), away(put(beta, 0))) {
		h.add(abroad, there, last)
	}
	for _, last := range steps(get(h.arn), get(a), put(a, setA), put(h.arn, 0)) {
		h.add(h.up, put(a, setC), away(last))
	}
	twins := join(h.up, h.made(away(create(a)))) // of one name
	both := join(twins, steps(put(a, setA), away(put(a, setC))))
	h.add(twins, put(a, setA))
	h.add(twins, away(put(a, setA)))
	h.add(twins, put(a, setA), away(put(a, setB)))
	for _, last := range steps(put(a, 0), remove(a), away(remove(a)), put(h.w.TrailARN(h.w.Away, a), setB)) {
		h.add(both, last)
	}
	multi := h.made(with(create(a), "IsMultiRegionTrail", value.Boolean(true)))
	h.add(multi, put(a, setC))
	for _, last := range steps(get(a), get(h.arn), put(a, setA)) {
		h.add(multi, put(a, setC), away(last))
	}
}

var id = model.StoreID

// pair makes a source and a destination.
func pair() []model.Request { return steps(createStore(0, source), createStore(1, insight)) }

// stores: insights on event data stores.
func (h *histories) stores() {
	arn := func(n int) string { return h.w.StoreARN(h.w.Home, id(n)) }
	pair := pair()
	three, on, off := join(pair, steps(createStore(2, insight))), putStore(id(0), id(1), setC), putStore(id(0), "", 0)
	for _, set := range []model.Selectors{setA, setB, setC} {
		h.add(pair, putStore(id(0), id(1), set))
		h.add(pair, putStore(id(0), id(1), set), off)
		h.add(pair, putStore(id(0), id(1), set), putStore(id(0), id(1), set))
	}
	for _, names := range [][2]string{{arn(0), arn(1)}, {arn(0), id(1)}, {id(0), arn(1)}} {
		h.add(pair, putStore(names[0], names[1], setC))
	}
	h.add(pair, on, getStore(arn(0)))
	h.add(pair, getStore(id(0)))
	h.add(pair, on, getStore(id(1)))
	h.add(pair, on, putStore(id(0), id(1), setA))
	h.add(pair, on, putStore(arn(0), "", 0))
	h.add(pair, on, putStore(id(0), id(1), 0))
	h.add(pair, off)
	h.add(pair, on, off, putStore(id(0), id(1), setB))
	h.add(three, on, putStore(id(0), id(2), setC))
	h.add(three, on, putStore(id(0), id(2), setA))
	h.add(three, on, putStore(id(0), id(2), setC), on)
	h.add(three, on, off, putStore(id(0), id(2), setA))
	h.add(pair, on, putStore(id(0), id(1), setD))
	h.add(pair, on, putStore(id(0), id(1), model.MakeSelectors(model.Management, model.Data)))
	h.add(three, on, putStore(id(0), generators.UnknownStore, setA))
	h.add(pair, on, putStore(id(0), "", setA))
	for _, list := range generators.VariantSelectors() {
		h.add(pair, with(putStore(id(0), id(1), setA), "InsightSelectors", list.Value))
	}
	two := join(pair, steps(createStore(2, source)))
	h.add(two, on, putStore(id(2), id(1), setA))
	h.add(two, on, putStore(id(2), id(1), setA), off)
	trail := join(h.up, pair)
	h.add(trail, on, put(h.a, setA))
	h.add(trail, put(h.a, setA), on)
	h.add(trail, on, put(h.a, setA), put(h.a, 0))
	h.add(trail, on, put(h.a, setA), remove(h.a))
}

// sourceKinds: what a store logs, and that it changes.
func (h *histories) sourceKinds() {
	pair, on := pair(), putStore(id(0), id(1), setC)
	h.add(nil, createStore(0, generators.IdleSource), createStore(1, insight), putStore(id(0), id(1), setA))
	h.add(nil, createStore(0, source), createStore(1, generators.IdleInsight), putStore(id(0), id(1), setA))
	for _, kind := range generators.SourceVariants[1:] {
		for _, set := range []model.Selectors{setA, setB} {
			h.add(nil, createStore(0, kind), createStore(1, insight), putStore(id(0), id(1), set))
			h.add(pair, putStore(id(0), id(1), set), updateStore(id(0), kind))
		}
		h.add(pair, updateStore(id(0), kind))
		h.add(pair, on, putStore(id(0), "", 0), updateStore(id(0), kind))
	}
	h.add(pair, on, updateStore(id(1), source))
	h.add(pair, onStore(model.OpGetStore, id(0)))
	h.add(pair, updateStore(id(0), generators.ReadStore), onStore(model.OpGetStore, h.w.StoreARN(h.w.Home, id(0))))
}

// storeLife: stores that are deleted, restored, or in another Region.
func (h *histories) storeLife() {
	pair, on := pair(), putStore(id(0), id(1), setC)
	drop, restore := onStore(model.OpDeleteStore, id(0)), onStore(model.OpRestoreStore, id(0))
	h.add(pair, on, drop)
	h.add(pair, on, drop, restore)
	h.add(pair, drop, restore, on)
	h.add(pair, on, drop, putStore(id(0), "", 0))
	h.add(pair, on, drop, on)
	h.add(pair, on, onStore(model.OpDeleteStore, id(1)))
	h.add(pair, on, onStore(model.OpDeleteStore, id(1)), onStore(model.OpRestoreStore, id(1)))
	h.add(join(pair, steps(createStore(2, insight))), on, onStore(model.OpDeleteStore, id(2)))
	abroad := steps(in(h.w.Away, pair[0]), in(h.w.Away, pair[1]))
	h.add(abroad, in(h.w.Away, on))
	h.add(abroad, on)
}

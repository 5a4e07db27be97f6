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
	in, selector, valid                 = generators.In, generators.Selector, generators.Valid
	join                                = slices.Concat[[]model.Request]
	source, insight                     = generators.SourceStore, generators.InsightStore
)

const (
	beta      = generators.NameBeta
	allEvents = model.ManagementEvents | model.DataEvents
)

// histories lists the scenarios that need more than one step: each class of deep fault has some.
func (b *builder) histories() []sequence {
	h := &histories{ws: b.search.ws, w: b.search.ws.w, alpha: b.search.ws.mainTrail()}
	h.arn, h.other = h.w.TrailARN(h.w.Home, h.alpha), generators.SwapCase(h.alpha)
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

type histories struct {
	ws         *worlds
	w          *model.World
	alpha, arn string
	other      string // alpha in another letter case
	up         []model.Request
	out        []sequence
}

func (h *histories) add(name string, setup []model.Request, more ...model.Request) {
	h.out = append(h.out, sequence{name, slices.Concat(setup, more)})
}

// made is a new trail that logs.
func (h *histories) made(name string) []model.Request { return h.ws.start1(create(name)) }

func steps(r ...model.Request) []model.Request { return r }

// logging makes a trail log a class of events.
func logging(trail string, logs model.Logs) model.Request {
	return putEvents(trail, generators.EventClasses()[logs])
}

// The sets that histories use: they differ in type, and the first two log only management events.
var (
	setA    = model.MakeSelectors(model.Management, 0)
	setB    = model.MakeSelectors(0, model.Management)
	setC    = model.MakeSelectors(model.Management, model.Management)
	setData = model.MakeSelectors(model.Data, 0)
	setD    = model.MakeSelectors(model.Management|model.Data, model.Management|model.Data)
)

// life: what is deleted is forgotten, whatever the name; what is updated keeps its insights.
func (h *histories) life() {
	names := []string{h.alpha, generators.NameShort, generators.NameLong}
	for _, name := range names {
		up, arn := h.ws.trailUp(name), h.w.TrailARN(h.w.Home, name)
		label := "a trail"
		if name != h.alpha {
			label = fmt.Sprintf("a trail with a name of %d characters", len(name))
		}
		h.add(label+" has insights", up, put(name, setC))
		h.add(label+" by its ARN has insights", up, put(arn, setC))
		h.add(label+" is read by its ARN", up, put(name, setA), get(arn))
		h.add(label+" is deleted: Get by name", up, put(name, setC), remove(name), get(name))
		h.add(label+" is deleted: Get by ARN", up, put(name, setC), remove(name), get(arn))
		h.add(label+" is deleted: Put by name", up, put(name, setC), remove(name), put(name, setC))
		h.add(label+" is made again", join(up, steps(put(name, setC), remove(name)), h.made(name)))
		h.add(label+" is made again: Get by ARN", join(up, steps(put(arn, setC), remove(name)), h.made(name)), get(arn))
		h.add(label+" is made again and has other insights",
			join(up, steps(put(name, setC), remove(name)), h.made(name)), put(name, setA))
	}
	h.add("a trail is made again where another has insights",
		join(h.up, h.made(beta), steps(put(h.alpha, setA), put(beta, setB), remove(h.alpha)), h.made(h.alpha)), get(h.alpha))
	h.add("a trail is made again with its events forgotten", join(h.up, steps(logging(h.alpha, allEvents),
		put(h.alpha, setD), remove(h.alpha)), h.made(h.alpha)), put(h.alpha, setData))
	h.add("a trail is made twice again", join(h.up, steps(put(h.alpha, setA), remove(h.alpha)), h.made(h.alpha),
		steps(put(h.alpha, setB), remove(h.alpha)), h.made(h.alpha)), get(h.alpha))
	h.add("a deleted trail's name in another letter case",
		join(h.up, steps(put(h.alpha, setC), remove(h.alpha)), h.made(h.other)), get(h.other))
	validation := generators.OnTrail(model.OpUpdate, h.alpha)
	validation.Input = validation.Input.With("EnableLogFileValidation", value.Boolean(true))
	for _, set := range []model.Selectors{setA, setC} {
		h.add("a trail with "+set.String()+" is updated", h.up, put(h.alpha, set), update(h.alpha))
	}
	h.add("a trail's log file validation is updated", h.up, put(h.alpha, setC), validation)
	h.add("a trail without insights is updated", h.up, update(h.alpha))
	for _, name := range []string{h.alpha, beta} {
		h.add("a trail with insights is made once more: "+name, h.ws.trailUp(name), put(name, setC), create(name), get(name))
	}
}

// isolation: names that are like each other are still two trails.
func (h *histories) isolation() {
	lastCase := generators.NameLong[:len(generators.NameLong)-1] + "H"
	for _, pair := range [][2]string{{h.alpha, beta}, {h.alpha, h.other}, {h.other, h.alpha}, {h.alpha, h.alpha + "-2"}, {generators.NameShort, "Abc"}, {generators.NameLong, lastCase}} {
		one, two := pair[0], pair[1]
		up := join(h.ws.trailUp(one), h.ws.trailUp(two))
		label := one + " and " + two
		if len(one) == 128 {
			label = "two names of 128 characters that differ in the case of the last"
		}
		h.add(label+": insights on the first", up, put(one, setA))
		h.add(label+": other insights on the second", up, put(one, setA), put(two, setB))
		h.add(label+": insights of the first off", up, put(one, setA), put(two, setC), put(one, 0))
		h.add(label+": the first is deleted", up, put(one, setA), put(two, setC), remove(one))
		h.add(label+": the first is stopped", up, put(one, setA), put(two, setC), stop(one))
		h.add(label+": the second is put by its ARN", up, put(one, setA), put(h.w.TrailARN(h.w.Home, two), setC))
		h.add(label+": the first logs less", up, put(one, setB), put(two, setC), logging(one, model.ReadEvents))
		h.add(label+": a refused call on the first", up, put(two, setC), putList(one, generators.BadSelectors()[0].Value))
		h.add(label+": the second made after the first has insights",
			join(h.ws.trailUp(one), steps(put(one, setC)), h.ws.trailUp(two)), get(two))
	}
}

// words: every two calls after a first Put, in each order. What one call leaves behind for the next
// shows here.
func (h *histories) words() {
	a := h.alpha
	calls := []struct {
		name string
		call []model.Request
	}{
		{"put the other type", steps(put(a, setB))},
		{"put both types", steps(put(a, setC))},
		{"turned off", steps(put(a, 0))},
		{"updated", steps(update(a))},
		{"stopped and started", steps(stop(a), start(a))},
		{"stopped", steps(stop(a))},
		{"logging the same", steps(logging(a, model.ManagementEvents))},
		{"logging all", steps(logging(a, allEvents))},
		{"refused", steps(putList(a, generators.BadSelectors()[0].Value))},
		{"read", steps(get(a))},
		{"made again", join(steps(remove(a)), h.up)},
	}
	for _, first := range calls {
		for _, second := range calls {
			h.add("a trail with insights, "+first.name+", "+second.name,
				join(h.up, steps(put(a, setA)), first.call, second.call), get(a))
		}
	}
}

// threeTrails: a third trail is none of the first two.
func (h *histories) threeTrails() {
	names := []string{h.alpha, h.other, beta}
	up := join(h.ws.trailUp(names[0]), h.ws.trailUp(names[1]), h.ws.trailUp(names[2]))
	for _, one := range names {
		h.add("three trails, insights on "+one, up, put(one, setA))
		for _, two := range names {
			if one != two {
				h.add("three trails, insights on "+one+" and "+two, up, put(one, setA), put(two, setB))
			}
		}
	}
}

// stopping: StopLogging turns insights off; what a stopped trail is given is a class of its own.
func (h *histories) stopping() {
	a := h.alpha
	stopped := join(h.up, steps(put(a, setC), stop(a)))
	h.add("stopped with insights", stopped)
	h.add("stopped without insights", h.up, stop(a))
	h.add("stopped and started", stopped, start(a))
	h.add("stopped, put, started", stopped, put(a, setA), start(a))
	h.add("stopped, turned off, started", stopped, put(a, 0), start(a))
	h.add("stopped and put", stopped, put(a, setA))
	h.add("stopped and put both types", h.up, stop(a), put(a, setC))
	h.add("stopped and turned off", stopped, put(a, 0))
	h.add("stopped, started, put", stopped, start(a), put(a, setA))
	h.add("stopped twice, started", stopped, stop(a), start(a))
	h.add("started twice", h.up, put(a, setC), start(a))
	h.add("stopped, started, stopped, started", stopped, start(a), put(a, setA), stop(a), start(a))
	h.add("stopped, deleted, made again", join(stopped, steps(remove(a)), h.made(a)), get(a))
	create := steps(create(a))
	h.add("never started: Get", create, get(a))
	h.add("never started: Put", create, put(a, setA))
	h.add("never started: turned off", create, put(a, 0))
	h.add("never started: put, then started", create, put(a, setA), start(a))
	h.add("never started: a refused Put", create, putList(a, generators.BadSelectors()[0].Value))
}

// naming: the name and the ARN mean the same, in every operation.
func (h *histories) naming() {
	a, arn := h.alpha, h.arn
	h.add("put by name, read by ARN", h.up, put(a, setC), get(arn))
	h.add("put by ARN, read by name", h.up, put(arn, setC), get(a))
	h.add("put by ARN, read by ARN", h.up, put(arn, setC), get(arn))
	h.add("put by name, replaced by ARN", h.up, put(a, setC), put(arn, setA))
	h.add("put by ARN, replaced by name", h.up, put(arn, setC), put(a, setB), get(arn))
	h.add("put by name, turned off by ARN", h.up, put(a, setC), put(arn, 0), get(arn))
	h.add("put by ARN, turned off by name", h.up, put(arn, setC), put(a, 0), get(arn))
}

// orders: every order of the selectors and categories of the fullest list.
func (h *histories) orders() {
	full := join(h.up, steps(logging(h.alpha, allEvents)))
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
		h.add(fmt.Sprintf("the fullest list, order %d", bits), full, putList(h.alpha, value.ListOf(items...)))
		h.add(fmt.Sprintf("the fullest list after itself, order %d", bits), full, put(h.alpha, setD),
			putList(h.alpha, value.ListOf(items...)))
	}
	for _, list := range generators.VariantSelectors() {
		h.add("over the fullest list: "+list.Name, full, put(h.alpha, setD), putList(h.alpha, list.Value))
		h.add("over error rate on Data: "+list.Name, full, put(h.alpha, model.MakeSelectors(0, model.Data)),
			putList(h.alpha, list.Value))
	}
}

// repeats: idempotent calls, and enabling again.
func (h *histories) repeats() {
	a := h.alpha
	for _, set := range []model.Selectors{setA, setB, setC} {
		h.add("twice "+set.String(), h.up, put(a, set), put(a, set))
		h.add("three times "+set.String(), h.up, put(a, set), put(a, set), put(a, set))
		h.add("off and on again: "+set.String(), h.up, put(a, set), put(a, 0), put(a, set))
	}
	full := join(h.up, steps(logging(a, allEvents)))
	h.add("twice the fullest list", full, put(a, setD), put(a, setD))
	h.add("off and on again: the fullest list", full, put(a, setD), put(a, 0), put(a, setD))
	h.add("off, on with less", full, put(a, setD), put(a, 0), put(a, setA))
	h.add("off twice", h.up, put(a, setC), put(a, 0), put(a, 0))
	h.add("off when never on", h.up, put(a, 0))
	h.add("off, then something else on", h.up, put(a, setA), put(a, 0), put(a, setB))
	turns := join(full, nil)
	for i, set := range model.AllSelectors() {
		turns = append(turns, put(a, set))
		if i%3 == 2 {
			turns = append(turns, put(a, setD))
		}
	}
	h.add("every set in turn", turns)
}

// refusals: a refused call changes nothing, whatever was valid in it.
func (h *histories) refusals() {
	a := h.alpha
	good := []value.Value{selector(callRate, management), selector(errorRate, management)}
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
				on, label = join(h.up, steps(put(a, before))), "after "+before.String()
			}
			for i, g := range good[:2] {
				h.add(fmt.Sprintf("refused %s: a valid selector %d, then %s", label, i, item.Name), on,
					putList(a, value.ListOf(g, item.Value)))
				h.add(fmt.Sprintf("refused %s: %s, then a valid selector %d", label, item.Name, i), on,
					putList(a, value.ListOf(item.Value, g)))
			}
		}
		h.add("refused for "+item.Name+", then as it should be", join(h.up, steps(put(a, setC))),
			putList(a, value.ListOf(good[0])))
	}
	onData := value.ListOf(selector(callRate, management), selector(errorRate, data))
	turned := value.ListOf(selector(errorRate, data), selector(callRate, management))
	for _, before := range []model.Selectors{setB, setC, 0} {
		on := join(h.up, steps(put(a, before)))
		h.add("after "+before.String()+": one prerequisite missing", on, putList(a, onData))
		h.add("after "+before.String()+": one prerequisite missing, other order", on, putList(a, turned))
	}
	absent := put(a, setA)
	absent.Input = absent.Input.With("InsightSelectors", value.Value{})
	null := put(a, setA)
	null.Input = null.Input.With("InsightSelectors", value.NullValue)
	store := put(a, setA)
	store.Input = store.Input.With("EventDataStore", value.Str(generators.UnknownStore))
	destination := put(a, 0)
	destination.Input = destination.Input.With("InsightsDestination", value.Str(generators.UnknownStore))
	on := join(h.up, steps(put(a, setC)))
	h.add("refused after insights: no selectors", on, absent)
	h.add("refused after insights: selectors null", on, null)
	h.add("refused after insights: a store beside the trail", on, store)
	h.add("refused after insights: a destination beside the trail, empty list", on, destination)
	h.add("refused after insights: duplicates that differ", on, putList(a, generators.VariantSelectors()[23].Value))
}

// logging: each class of logs and each prerequisite, and changes under live insights.
func (h *histories) logging() {
	a := h.alpha
	for _, class := range generators.EventClasses() {
		events := steps(putEvents(a, class))
		h.add("logs "+class.Name+": shown", join(h.up, events), generators.GetEvents(a))
		for _, set := range []model.Selectors{setA, setB, setData, 0} {
			h.add("logs "+class.Name+": "+set.String(), join(h.up, events), put(a, set))
		}
	}
	full := generators.EventClasses()[model.ManagementEvents|model.DataEvents]
	for _, class := range generators.EventClasses()[:8] {
		h.add("under the fullest list, logs change to "+class.Name, h.up, putEvents(a, full), put(a, setD), putEvents(a, class))
		h.add("off again where it logs "+class.Name, h.up, putEvents(a, full), put(a, setD), putEvents(a, class), put(a, 0))
		h.add("logs change to "+class.Name+" and back", h.up, putEvents(a, full), put(a, setD), putEvents(a, class),
			putEvents(a, full), get(a))
	}
}

// regions: a trail belongs to its Region.
func (h *histories) regions() {
	a, w := h.alpha, h.w
	elsewhere := h.ws.start1(in(w.Away, create(a)))
	abroad := h.ws.start1(in(w.Away, create(beta)))
	away := func(r model.Request) model.Request { return in(w.Away, r) }
	awayARN := w.TrailARN(w.Away, beta)
	h.add("a trail in another Region", abroad, away(put(beta, setC)))
	h.add("a trail in another Region, by ARN", abroad, away(put(awayARN, setC)))
	h.add("a trail in another Region, read from home by ARN", abroad, away(put(beta, setC)), get(awayARN))
	h.add("a trail in another Region, read from home by name", abroad, away(put(beta, setC)), get(beta))
	h.add("a trail in another Region, put from home by ARN", abroad, away(put(beta, setC)), put(awayARN, setA))
	h.add("a trail in another Region, put from home by name", abroad, away(put(beta, setC)), put(beta, 0))
	h.add("a trail in another Region, turned off there", abroad, away(put(beta, setC)), away(put(beta, 0)))
	h.add("a trail read from another Region by ARN", h.up, put(a, setC), away(get(h.arn)))
	h.add("a trail read from another Region by name", h.up, put(a, setC), away(get(a)))
	h.add("a trail put from another Region, refused", h.up, put(a, setC), away(put(a, setA)))
	h.add("a trail turned off from another Region, refused", h.up, put(a, setC), away(put(h.arn, 0)))
	twins := join(h.up, elsewhere)
	twin := w.TrailARN(w.Away, a)
	h.add("one name in two Regions: insights at home", twins, put(a, setA))
	h.add("one name in two Regions: insights away", twins, away(put(a, setA)))
	h.add("one name in two Regions: other insights away", twins, put(a, setA), away(put(a, setB)))
	h.add("one name in two Regions: off at home", twins, put(a, setA), away(put(a, setC)), put(a, 0))
	h.add("one name in two Regions: deleted at home", twins, put(a, setA), away(put(a, setC)), remove(a))
	h.add("one name in two Regions: deleted away", twins, put(a, setA), away(put(a, setC)), away(remove(a)))
	h.add("one name in two Regions: the other's ARN from home", twins, put(a, setA), away(put(a, setC)), put(twin, setB))
	multi := create(a)
	multi.Input = multi.Input.With("IsMultiRegionTrail", value.Boolean(true))
	multiUp := h.ws.start1(multi)
	h.add("a multi-Region trail", multiUp, put(a, setC))
	h.add("a multi-Region trail read from another Region by name", multiUp, put(a, setC), away(get(a)))
	h.add("a multi-Region trail read from another Region by ARN", multiUp, put(a, setC), away(get(h.arn)))
	h.add("a multi-Region trail put from another Region", multiUp, put(a, setC), away(put(a, setA)))
}

// stores: everything that insights on event data stores may do.
func (h *histories) stores() {
	w := h.w
	id := model.StoreID
	arn := func(n int) string { return w.StoreARN(w.Home, id(n)) }
	pair := steps(createStore(0, source), createStore(1, insight))
	three := join(pair, steps(createStore(2, insight)))
	for _, set := range []model.Selectors{setA, setB, setC} {
		h.add("a store with "+set.String(), pair, putStore(id(0), id(1), set))
		h.add("a store off again after "+set.String(), pair, putStore(id(0), id(1), set), putStore(id(0), "", 0))
		h.add("a store twice with "+set.String(), pair, putStore(id(0), id(1), set), putStore(id(0), id(1), set))
	}
	for i, names := range [][2]string{{arn(0), arn(1)}, {arn(0), id(1)}, {id(0), arn(1)}} {
		h.add(fmt.Sprintf("a store by its ARN or identifier, way %d", i), pair, putStore(names[0], names[1], setC))
	}
	on := putStore(id(0), id(1), setC)
	h.add("a store read by its ARN", pair, on, getStore(arn(0)))
	h.add("a new store read", pair, getStore(id(0)))
	h.add("a destination read", pair, on, getStore(id(1)))
	h.add("a store's list replaced", pair, on, putStore(id(0), id(1), setA))
	h.add("a store off by its ARN", pair, on, putStore(arn(0), "", 0))
	h.add("a store off with its destination", pair, on, putStore(id(0), id(1), 0))
	h.add("a store off when never on", pair, putStore(id(0), "", 0))
	h.add("a store off and on again", pair, on, putStore(id(0), "", 0), putStore(id(0), id(1), setB))
	h.add("a store with another destination", three, on, putStore(id(0), id(2), setC))
	h.add("a store with another destination and other types", three, on, putStore(id(0), id(2), setA))
	h.add("a store with another destination and back", three, on, putStore(id(0), id(2), setC),
		putStore(id(0), id(1), setC))
	h.add("a store off, then with another destination", three, on, putStore(id(0), "", 0), putStore(id(0), id(2), setA))
	h.add("a store refused for its data category after insights", pair, on, putStore(id(0), id(1), setD))
	h.add("a store refused for one of two after insights", pair, on,
		putStore(id(0), id(1), model.MakeSelectors(model.Management, model.Data)))
	h.add("a store refused for its destination after insights", three, on, putStore(id(0), generators.UnknownStore, setA))
	h.add("a store refused without destination after insights", pair, on, putStore(id(0), "", setA))
	for _, list := range generators.VariantSelectors() {
		r := putStore(id(0), id(1), setA)
		r.Input = r.Input.With("InsightSelectors", list.Value)
		h.add("a store with "+list.Name, pair, r)
	}
	two := join(pair, steps(createStore(2, source)))
	h.add("two sources, one destination", two, on, putStore(id(2), id(1), setA))
	h.add("two sources, one off", two, on, putStore(id(2), id(1), setA), putStore(id(0), "", 0))
	trail := join(h.up, pair)
	h.add("a trail beside a store with insights", trail, on, put(h.alpha, setA))
	h.add("a store beside a trail with insights", trail, put(h.alpha, setA), on)
	h.add("a trail off beside a store with insights", trail, on, put(h.alpha, setA), put(h.alpha, 0))
	h.add("a trail deleted beside a store with insights", trail, on, put(h.alpha, setA), remove(h.alpha))
	h.add("a source without ingestion", nil, createStore(0, generators.IdleSource), createStore(1, insight),
		putStore(id(0), id(1), setA))
	h.add("a destination without ingestion", nil, createStore(0, source), createStore(1, generators.IdleInsight),
		putStore(id(0), id(1), setA))
	for _, kind := range []generators.StoreKind{generators.ReadStore, generators.WriteStore, generators.DataStore} {
		for _, set := range []model.Selectors{setA, setB} {
			h.add("a "+kind.Name+" with "+set.String(), nil, createStore(0, kind), createStore(1, insight),
				putStore(id(0), id(1), set))
			h.add("a store with "+set.String()+" becomes a "+kind.Name, pair, putStore(id(0), id(1), set),
				updateStore(id(0), kind))
		}
		h.add("a store without insights becomes a "+kind.Name, pair, updateStore(id(0), kind))
		h.add("a store whose insights are off becomes a "+kind.Name, pair, on, putStore(id(0), "", 0),
			updateStore(id(0), kind))
	}
	h.add("a destination in use changes", pair, on, updateStore(id(1), source))
	h.add("a store's selectors shown", pair, onStore(model.OpGetStore, id(0)))
	h.add("a store's selectors shown after a change", pair, updateStore(id(0), generators.ReadStore),
		onStore(model.OpGetStore, arn(0)))
	halt, resume := onStore(model.OpStopIngestion, id(0)), onStore(model.OpStartIngestion, id(0))
	h.add("a source stopped", pair, on, halt)
	h.add("a source stopped and started", pair, on, halt, resume)
	h.add("a source stopped, read and started", pair, on, halt, getStore(id(0)), resume)
	h.add("a source stopped and put", pair, halt, on)
	h.add("a source stopped and turned off", pair, on, halt, putStore(id(0), "", 0), resume)
	drop, restore := onStore(model.OpDeleteStore, id(0)), onStore(model.OpRestoreStore, id(0))
	h.add("a source deleted", pair, on, drop)
	h.add("a source deleted and restored", pair, on, drop, restore)
	h.add("a source restored, then put", pair, drop, restore, on)
	h.add("a source pending deletion turned off", pair, on, drop, putStore(id(0), "", 0))
	h.add("a source pending deletion put", pair, on, drop, on)
	h.add("a destination deleted", pair, on, onStore(model.OpDeleteStore, id(1)))
	h.add("a destination deleted and restored", pair, on, onStore(model.OpDeleteStore, id(1)),
		onStore(model.OpRestoreStore, id(1)))
	h.add("another store deleted", three, on, onStore(model.OpDeleteStore, id(2)))
	h.add("a store in another Region", nil, in(w.Away, createStore(0, source)),
		in(w.Away, createStore(1, insight)), in(w.Away, on))
	h.add("a store in another Region, from home", nil, in(w.Away, createStore(0, source)),
		in(w.Away, createStore(1, insight)), on)
}

package catalogue

import (
	"maps"
	"math/bits"
	"slices"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// ruleSet is a set of error rules by their place in the error order.
type ruleSet uint64

var errorRules = model.ErrorRules()

func setOf(ids []model.ID) ruleSet {
	var set ruleSet
	for _, id := range ids {
		set |= 1 << slices.Index(errorRules, id)
	}
	return set
}

func (s ruleSet) count() int { return bits.OnesCount64(uint64(s)) }

func (s ruleSet) ids() (out []model.ID) {
	for i, id := range errorRules {
		if s&(1<<i) != 0 {
			out = append(out, id)
		}
	}
	return out
}

// found is the simplest request that is known to break a set of rules.
type found struct {
	cost    int
	world   int // index in plan.worlds
	request model.Request
	rules   ruleSet
}

type representative = generators.Representative

// edit is one difference from a plain request.
type edit struct {
	member string
	representative
	breaks ruleSet // with the plain request, where that was tried
}

func (e edit) apply(r model.Request) model.Request {
	if e.Region != "" {
		r.Region = e.Region
	}
	return with(r, e.member, e.Value)
}

// way tells apart what breaks one rule: after what, with which members, and with which type in the first selector.
type way struct {
	rules ruleSet
	world int
	given [3]bool
	first string
}

// search is for the simplest request that breaks one or two rules, and for where each value breaks least else.
type search struct {
	applies  ruleSet
	exact    [2]map[ruleSet]found        // by operation: Put, Get
	values   [2]map[string]found         // by member and class of values
	ways     map[way]found               // to break one rule by a Put
	order    [2][]string                 // the keys of values as they were met
	combined []representative            // lists of two and three selectors that break several rules
	reduced  map[string][]representative // of the first world, by member: one for each set that is broken
	kinds    map[[2]bool]bool            // whether a world with trails, with stores, has been searched
	watch    func(model.State, model.Request, ruleSet)
}

var searchOps = [2]model.Op{model.OpPut, model.OpGet}

// searchAll searches all worlds. watch is shown each Put that is tried; may be nil.
func (p *plan) searchAll(watch func(model.State, model.Request, ruleSet)) {
	p.search = search{kinds: map[[2]bool]bool{}, ways: map[way]found{}, combined: combinedLists(), watch: watch}
	for i, id := range errorRules {
		if p.scope.Applies(id) {
			p.applies |= 1 << i
		}
	}
	for op := range searchOps {
		p.exact[op], p.values[op] = map[ruleSet]found{}, map[string]found{}
	}
	for i := range p.worlds {
		p.searchWorld(i)
	}
}

func combinedLists() (out []representative) {
	bad := generators.BadItems()
	wrongType := slices.IndexFunc(bad, func(r representative) bool {
		return slices.Equal(r.Breaks, []model.ID{model.WireWrongType})
	})
	items := []value.Value{
		selector(callRate, management), selector(errorRate, management), selector(callRate, data), selector(errorRate, data),
		bad[0].Value, bad[10].Value, bad[13].Value, bad[wrongType].Value,
	}
	add := func(items ...value.Value) {
		list := value.ListOf(items...)
		out = append(out, valid(list.String(), list))
	}
	for i, a := range items {
		for _, b := range items[i+1:] {
			add(a, b)
		}
		add(items[0], items[2], a) // a type twice with other categories
	}
	return out
}

func (p *plan) searchWorld(i int) {
	x := &p.worlds[i]
	if x.reduced && p.reduced != nil {
		for _, plain := range x.plain {
			names := p.reduced
			if plain.Input.Get("EventDataStore").Given() {
				names = maps.Clone(p.reduced)
				for _, member := range putMembers[1:3] {
					names[member] = slices.Concat(names[member], generators.StoreNames(x.state))
				}
			}
			if plain.Input.Get("TrailName").Given() {
				p.vary(0, i, plain, names, putMembers)
			}
		}
		return
	}
	trails, stores := generators.TrailNames(x.state), generators.StoreNames(x.state)
	lists := slices.Concat(generators.PlainSelectors(), generators.VariantSelectors(), generators.BadSelectors())
	kind := [2]bool{len(x.state.Trails) > 0, len(x.state.Stores) > 0}
	if p.kinds[kind] {
		// Each class has been tried with a trail, with stores, with both.
		trails, stores, lists = fewer(trails), fewer(stores), fewer(lists)
	}
	p.kinds[kind] = true
	stores = slices.Concat([]representative{absent}, stores)
	blank := representative{Name: "empty", Value: value.Str(""), Breaks: []model.ID{model.InputNoResource, model.StoreIDSyntax}}
	byMember := map[string][]representative{"TrailName": trails, "EventDataStore": stores, "InsightsDestination": stores,
		"InsightSelectors": slices.Concat(lists, p.combined)}
	for _, plain := range x.plain {
		names := byMember
		if !plain.Input.Get("TrailName").Given() {
			names = maps.Clone(byMember)
			names["EventDataStore"] = slices.Concat(stores, []representative{blank})
			// An empty list may leave out either store.
			p.note(0, i, with(with(plain, "EventDataStore", absent.Value), "InsightSelectors", value.ListOf()), 2)
		}
		kept := p.vary(0, i, plain, names, putMembers)
		get := with(with(plain, "InsightSelectors", absent.Value), "InsightsDestination", absent.Value)
		p.vary(1, i, get, names, putMembers[:2])
		if p.reduced == nil {
			// What breaks the same here does so too in worlds that differ only in what is around the trail.
			p.reduced = kept
			kept["InsightSelectors"] = slices.Concat(kept["InsightSelectors"], p.combined, lists[:16])
		}
	}
}

// whichResource are the rules that one edit may break and another mend.
var whichResource = setOf([]model.ID{model.InputNoResource, model.InputTrailAndStore, model.InputStoreNeedsBoth})

// absent leaves a member out.
var absent = valid("absent", value.Value{})

var putMembers = []string{"TrailName", "EventDataStore", "InsightsDestination", "InsightSelectors"}

// fewer keeps of the representatives that break the same rules in the same Region the first.
func fewer(reps []representative) []representative {
	type kind struct {
		breaks ruleSet
		region string
	}
	seen := map[kind]bool{}
	return slices.DeleteFunc(reps, func(r representative) bool {
		k := kind{setOf(r.Breaks), r.Region}
		known := seen[k]
		seen[k] = true
		return known && k.breaks != 0 && !slices.Contains(r.Breaks, model.PutDuplicateDiffering)
	})
}

// vary tries every edit of a plain request. It returns those that differ in what they break; each two are tried too.
func (p *plan) vary(op, world int, plain model.Request, byMember map[string][]representative, members []string) map[string][]representative {
	p.note(op, world, plain, 0)
	kept, out := make([][]edit, len(members)), map[string][]representative{}
	for i, member := range members {
		seen := map[ruleSet]bool{}
		for _, rep := range byMember[member] {
			e := edit{member: member, representative: rep}
			r := e.apply(plain)
			broken, ok := p.note(op, world, r, 1)
			if !ok {
				continue
			}
			p.value(op, world, e, r, broken)
			if !seen[broken] {
				seen[broken] = true
				e.breaks = broken & p.applies
				kept[i], out[member] = append(kept[i], e), append(out[member], rep)
			}
		}
	}
	cost := p.cost(world, 2)
	for i := range kept {
		for j := i + 1; j < len(kept); j++ {
			for _, a := range kept[i] {
				first := a.apply(plain)
				for _, b := range kept[j] {
					// Two edits mostly break together what they break by themselves.
					likely := a.breaks | b.breaks
					if known, ok := p.exact[op][likely]; (likely&^whichResource).count() > 2 || (ok && known.cost <= cost) {
						continue
					}
					p.note(op, world, b.apply(first), 2)
				}
			}
		}
	}
	return out
}

// note keeps a request with some edits if it is the simplest so far to break what it breaks.
func (p *plan) note(op, world int, r model.Request, edits int) (broken ruleSet, ok bool) {
	r.Op = searchOps[op]
	if !p.scope.Allows(r) {
		return 0, false
	}
	state := p.worlds[world].state
	broken = setOf(model.Broken(state, r))
	if p.watch != nil && r.Op == model.OpPut {
		p.watch(state, r, broken)
	}
	applicable := broken & p.applies
	if n := applicable.count(); n != 1 && n != 2 {
		return broken, true
	}
	// A rule that the target cannot have is better not broken beside the one that is meant.
	cost := p.cost(world, edits) + 50*(broken&^applicable).count()
	known, ok := p.exact[op][applicable]
	f := found{cost: cost, world: world, request: r, rules: broken}
	if !ok || cost < known.cost {
		p.exact[op][applicable] = f
	}
	if op == 0 && broken.count() == 1 {
		p.way(f)
	}
	return broken, true
}

func (p *plan) way(f found) {
	key := way{rules: f.rules, world: f.world}
	for i, member := range putMembers[:3] {
		key.given[i] = f.request.Input.Get(member).Given()
	}
	if items := f.request.Input.Get("InsightSelectors").Items(); len(items) > 0 {
		key.first = items[0].Get("InsightType").Text()
	}
	if known, ok := p.ways[key]; !ok || f.cost < known.cost {
		p.ways[key] = f
	}
}

func (p *plan) cost(world, edits int) int { return p.worlds[world].cost() + 2*edits }

// value keeps the simplest way to try a value: breaking nothing, or its rule with as few others as possible.
func (p *plan) value(op, world int, e edit, r model.Request, broken ruleSet) {
	r.Op = searchOps[op]
	others := max(0, (broken&p.applies).count()-1) + 2*(broken&^p.applies).count()
	if len(e.Breaks) > 0 && broken&setOf(e.Breaks[:1]) == 0 {
		others += 10 // what the value is about does not show here
	}
	if len(e.Breaks) == 0 && broken != 0 {
		others += 5
	}
	cost, key := p.cost(world, 0)+100*others, e.member+" "+e.Name
	before, known := p.values[op][key]
	if !known {
		p.order[op] = append(p.order[op], key)
	}
	if !known || cost < before.cost {
		p.values[op][key] = found{cost: cost, world: world, request: r, rules: broken}
	}
}

// prepared is a set-up from an empty world, with the state that the reference model is in after it.
type prepared struct {
	setup []model.Request
	state model.State
	plain []model.Request // the Puts to vary, those that the reference accepts first

	strange int  // how far from what a real service would be asked
	reduced bool // differs from the first world only in what is around the trail
}

// cost orders worlds by their simplicity.
func (x *prepared) cost() int { return 3*len(x.setup) + 5*min(len(x.state.Stores), 1) + 20*x.strange }

// world prepares a world if its set-up is possible. Its plain Puts name the trail, if any, and the first two stores.
func (p *plan) world(trail string, setup ...[]model.Request) {
	x := prepared{setup: join(setup...)}
	var ok bool
	x.state, ok = generators.Reference(p.start, x.setup...)
	if !ok || !p.scope.Fits(x.state) || !p.scope.Allows(x.setup...) {
		return
	}
	stores := len(x.state.Stores)
	if trail != "" {
		x.plain = append(x.plain, plainest(x.state, func(set model.Selectors) model.Request { return put(trail, set) }))
	}
	if stores > 0 {
		x.plain = append(x.plain, plainest(x.state, func(set model.Selectors) model.Request {
			return putStore(model.StoreID(0), model.StoreID(min(1, stores-1)), set)
		}))
	}
	if len(x.plain) == 2 {
		x.plain = append(x.plain, with(x.plain[0], "EventDataStore", value.Str(model.StoreID(0))))
	}
	for _, t := range x.state.Trails {
		x.reduced = x.reduced || t.Conditions != 0
	}
	for _, s := range x.state.Stores {
		if s.Logs&model.InsightEvents != 0 && s.Logs != model.InsightEvents {
			x.strange++ // a store of the service cannot log both categories
		}
	}
	p.worlds = append(p.worlds, x)
}

// plainest is the simplest Put that breaks least in a state.
func plainest(s model.State, put func(model.Selectors) model.Request) model.Request {
	var best model.Request
	least := 99
	for _, set := range []model.Selectors{setA, setB, setData} {
		if n := len(model.Broken(s, put(set))); n < least {
			best, least = put(set), n
		}
	}
	return best
}

// made creates a trail that then logs.
func (p *plan) made(create model.Request) []model.Request {
	if !p.scope.Can[model.CanLog] || p.w.NoStart {
		return steps(create)
	}
	return steps(create, in(create.Region, start(create.Input.Get("Name").Text())))
}

// logsForPrerequisites are the classes of logs under which the prerequisites differ.
var logsForPrerequisites = []model.Logs{model.ReadEvents, model.DataEvents, model.ManagementEvents | model.DataEvents,
	model.ReadEvents | model.DataEvents, model.WriteEvents, model.WriteEvents | model.DataEvents, 0}

// prepareWorlds lists the worlds in which the rules of the error order are tried, simplest first.
func (p *plan) prepareWorlds() {
	p.up = p.made(create(alpha))
	stores := func(kinds ...generators.StoreKind) (out []model.Request) {
		for i, kind := range kinds {
			out = append(out, createStore(i, kind))
		}
		return out
	}
	drop := func(n int) []model.Request { return steps(onStore(model.OpDeleteStore, model.StoreID(n))) }

	p.world(alpha, p.up)
	if len(p.worlds) == 0 {
		p.world(alpha)
	}
	for _, logs := range logsForPrerequisites {
		p.world(alpha, p.up, steps(logging(alpha, logs)))
	}
	away := p.made(in(p.w.Away, create(beta)))
	p.world(alpha, p.up, away)

	pair, mixed, dataOnly := stores(source, insight), stores(generators.MixedStore), generators.DataStore
	p.world("", pair)
	p.world("", stores(source, source))
	p.world("", pair, drop(0))
	p.world("", stores(source, insight, source))
	for _, kind := range generators.SourceVariants[1:] {
		p.world("", stores(kind, insight))
	}
	p.world("", stores(dataOnly, source))
	p.world("", mixed)
	p.world("", mixed, drop(0))
	p.world("", stores(source, insight, source), drop(2))
	p.world("", stores(source, insight, insight), drop(2))
	p.world("", stores(dataOnly, insight), drop(0))
	p.world(alpha, p.up, pair)
	p.world(alpha, p.up, away, pair)
	p.world(alpha, p.up, pair, drop(1))
	p.conditions(pair)
}

// conditions prepares worlds for what may be wrong around a trail, under classes of logs, with stores, each two too.
func (p *plan) conditions(stores []model.Request) {
	fragile := p.up
	if p.scope.Can[model.CanCreate] {
		fragile = p.made(generators.CreateFragile(alpha, p.scope))
	}
	for c := range model.ConditionNames {
		broken := steps(generators.Arrange(alpha, c))
		p.world(alpha, fragile, broken)
		for _, logs := range logsForPrerequisites[:3] {
			p.world(alpha, fragile, steps(logging(alpha, logs)), broken)
		}
		if model.Condition(1<<c)&(model.MemberAccount|model.NoServiceRole|model.ServiceOwned) != 0 {
			p.world(alpha, fragile, stores, broken)
		}
		for d := c + 1; d < len(model.ConditionNames); d++ {
			if model.Condition(1<<c|1<<d) != model.BucketMissing|model.BucketDenied { // a bucket that is gone has no policy
				p.world(alpha, fragile, broken, steps(generators.Arrange(alpha, d)))
			}
		}
	}
}

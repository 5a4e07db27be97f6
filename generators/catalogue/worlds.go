package catalogue

import (
	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

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

// trailUp makes a trail that logs, or uses one that is there from the start.
func (p *plan) trailUp(name string) []model.Request {
	for _, t := range p.scope.Given {
		if t.Name == name {
			if t.Logging {
				return nil
			}
			return steps(start(name))
		}
	}
	return p.made(create(name))
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
	p.alpha = generators.NameAlpha
	if !p.scope.Can[model.CanCreate] {
		for _, t := range p.scope.Given {
			if t.Home == p.w.Home {
				p.alpha = t.Name
				break
			}
		}
	}
	p.up = p.trailUp(p.alpha)
	stores := func(kinds ...generators.StoreKind) (out []model.Request) {
		for i, kind := range kinds {
			out = append(out, createStore(i, kind))
		}
		return out
	}
	drop := func(n int) []model.Request { return steps(onStore(model.OpDeleteStore, model.StoreID(n))) }

	p.world(p.alpha, p.up)
	if len(p.worlds) == 0 {
		p.world(p.alpha)
	}
	for _, logs := range logsForPrerequisites {
		p.world(p.alpha, p.up, steps(logging(p.alpha, logs)))
	}
	away := p.made(in(p.w.Away, create(beta)))
	p.world(p.alpha, p.up, away)

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
	p.world(p.alpha, p.up, pair)
	p.world(p.alpha, p.up, away, pair)
	p.world(p.alpha, p.up, pair, drop(1))
	p.conditions(pair)
}

// conditions prepares worlds for what may be wrong around a trail, under classes of logs, with stores, each two too.
func (p *plan) conditions(stores []model.Request) {
	fragile := p.up
	if p.scope.Can[model.CanCreate] {
		fragile = p.made(generators.CreateFragile(p.alpha, p.scope))
	}
	for c := range model.ConditionNames {
		broken := steps(generators.Arrange(p.alpha, c))
		p.world(p.alpha, fragile, broken)
		for _, logs := range logsForPrerequisites[:3] {
			p.world(p.alpha, fragile, steps(logging(p.alpha, logs)), broken)
		}
		if model.Condition(1<<c)&(model.MemberAccount|model.NoServiceRole|model.ServiceOwned) != 0 {
			p.world(p.alpha, fragile, stores, broken)
		}
		for d := c + 1; d < len(model.ConditionNames); d++ {
			if model.Condition(1<<c|1<<d) != model.BucketMissing|model.BucketDenied { // a bucket that is gone has no policy
				p.world(p.alpha, fragile, broken, steps(generators.Arrange(p.alpha, d)))
			}
		}
	}
}

package catalogue

import (
	"strings"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// The spellings that requests use most.
var (
	callRate, errorRate = model.TypeNames[model.CallRate], model.TypeNames[model.ErrorRate]
	management, data    = model.CategoryNames[0], model.CategoryNames[1]
)

// prepared is a set-up from an empty world, with the state that the reference model is in after it.
type prepared struct {
	name  string
	setup []model.Request
	state model.State
	plain []model.Request // the Puts to vary, those that the reference accepts first

	strange int  // how far from what a real service would be asked
	reduced bool // differs from the first world only in what is around the trail
}

// cost orders worlds by their simplicity.
func (p *prepared) cost() int { return 3*len(p.setup) + 5*min(len(p.state.Stores), 1) + 20*p.strange }

// worlds collects prepared worlds that the scope allows.
type worlds struct {
	w     *model.World
	scope generators.Scope
	start model.State
	list  []prepared
}

// add keeps the set-up if it is possible. Trail and store say which resources its plain Puts name.
func (ws *worlds) add(name string, setup []model.Request, trail string, source, destination int) {
	state, ok := generators.Reference(ws.start, setup...)
	if !ok || !ws.scope.Fits(state) || !ws.scope.Allows(setup...) {
		return
	}
	p := prepared{name: name, setup: setup, state: state}
	if trail != "" {
		p.plain = append(p.plain, ws.plainPut(state, func(set model.Selectors) model.Request { return put(trail, set) }))
	}
	if source >= 0 {
		p.plain = append(p.plain, ws.plainPut(state, func(set model.Selectors) model.Request {
			return putStore(model.StoreID(source), model.StoreID(destination), set)
		}))
	}
	if trail != "" && source >= 0 {
		both := p.plain[0]
		both.Input = both.Input.With("EventDataStore", value.Str(model.StoreID(source)))
		p.plain = append(p.plain, both)
	}
	for _, t := range state.Trails {
		if t.Logs == 0 {
			p.strange++ // the service refuses event selectors that log nothing
		}
	}
	for _, x := range state.Stores {
		if x.Logs&model.InsightEvents != 0 && x.Logs != model.InsightEvents {
			p.strange++ // nor can a store log both categories
		}
	}
	p.reduced = !state.Equal(withoutConditions(state))
	ws.list = append(ws.list, p)
}

func withoutConditions(s model.State) model.State {
	for i, t := range s.Trails {
		t.Conditions = 0
		s = s.WithTrail(i, t)
	}
	return s
}

// plainPut is the simplest Put that breaks least in the state.
func (ws *worlds) plainPut(s model.State, put func(model.Selectors) model.Request) model.Request {
	var best model.Request
	least := 99
	for _, set := range []model.Selectors{setA, setB, setData} {
		r := put(set)
		if n := len(model.Broken(s, r)); n < least {
			best, least = r, n
		}
	}
	return best
}

// trailUp makes a trail that logs, or uses one that is there from the start.
func (ws *worlds) trailUp(name string) []model.Request {
	for _, t := range ws.scope.Given {
		if t.Name == name {
			if t.Logging {
				return nil
			}
			return []model.Request{start(name)}
		}
	}
	return ws.start1(create(name))
}

func (ws *worlds) start1(create model.Request) []model.Request {
	out := []model.Request{create}
	if ws.scope.Can[model.CanLog] && !ws.w.NoStart {
		start := start(create.Input.Get("Name").Text())
		start.Region = create.Region
		out = append(out, start)
	}
	return out
}

// mainTrail is the name of the trail that single-trail worlds use.
func (ws *worlds) mainTrail() string {
	if !ws.scope.Can[model.CanCreate] {
		for _, t := range ws.scope.Given {
			if t.Home == ws.w.Home {
				return t.Name
			}
		}
	}
	return generators.NameAlpha
}

// logsForPrerequisites are the classes of logs under which the prerequisites differ.
var logsForPrerequisites = []model.Logs{model.ReadEvents, model.DataEvents, model.ManagementEvents | model.DataEvents,
	model.ReadEvents | model.DataEvents, model.WriteEvents, model.WriteEvents | model.DataEvents, 0}

// prepareWorlds lists the worlds in which the rules of the error order are tried, simplest first.
func prepareWorlds(w *model.World, scope generators.Scope) *worlds {
	ws := &worlds{w: w, scope: scope, start: scope.Initial(w)}
	basic := generators.EventClasses()
	alpha := ws.mainTrail()
	up := ws.trailUp(alpha)
	store := func(kinds ...generators.StoreKind) []model.Request {
		var out []model.Request
		for i, kind := range kinds {
			out = append(out, createStore(i, kind))
		}
		return out
	}
	drop := func(n int) model.Request { return onStore(model.OpDeleteStore, model.StoreID(n)) }

	ws.add("a trail", up, alpha, -1, -1)
	if len(ws.list) == 0 {
		ws.add("nothing", nil, alpha, -1, -1)
	}
	for _, logs := range logsForPrerequisites {
		ws.add("a trail that logs "+logs.String(), join(up, steps(putEvents(alpha, basic[logs]))), alpha, -1, -1)
	}
	away := create(beta)
	away.Region = w.Away
	ws.add("a trail, and one in another Region", join(up, ws.start1(away)), alpha, -1, -1)

	pair := store(source, insight)
	ws.add("a source and a destination", pair, "", 0, 1)
	ws.add("two management stores", store(source, source), "", 0, 1)
	ws.add("a source pending deletion, and a destination", join(pair, steps(drop(0))), "", 0, 1)
	ws.add("a source, a destination and a management store", store(source, insight, source), "", 0, 1)
	for _, kind := range generators.SourceVariants[1:] {
		ws.add("a "+kind.Name+" and a destination", store(kind, insight), "", 0, 1)
	}
	ws.add("a data-only store and a management store", store(generators.DataStore, source), "", 0, 1)
	ws.add("a store of both categories", store(generators.MixedStore), "", 0, 0)
	ws.add("a store of both categories pending deletion", join(store(generators.MixedStore), steps(drop(0))), "", 0, 0)
	ws.add("two stores, and one pending deletion", join(store(source, insight, source), steps(drop(2))), "", 0, 1)
	ws.add("two stores, and a destination pending deletion",
		join(store(source, insight, insight), steps(drop(2))), "", 0, 1)
	ws.add("a data-only store pending deletion, and a destination",
		join(store(generators.DataStore, insight), steps(drop(0))), "", 0, 1)
	ws.add("a trail, a source and a destination", join(up, pair), alpha, 0, 1)
	ws.add("a trail, one in another Region, and two stores", join(up, ws.start1(away), pair), alpha, 0, 1)
	ws.add("a trail, and two stores, one pending deletion", join(up, pair, steps(drop(1))), alpha, 0, 1)
	ws.conditions(pair, basic)
	return ws
}

// conditions adds worlds in which something around the trail is wrong: each condition, under each
// class of logs, with stores, and each two of them that can hold together.
func (ws *worlds) conditions(stores []model.Request, basic []generators.EventClass) {
	name := ws.mainTrail()
	fragile := ws.trailUp(name)
	if ws.scope.Can[model.CanCreate] {
		fragile = ws.start1(generators.CreateFragile(name, ws.scope))
	}
	for c, label := range model.ConditionNames {
		broken := []model.Request{generators.Arrange(name, c)}
		ws.add("a trail, "+label, join(fragile, broken), name, -1, -1)
		for _, logs := range logsForPrerequisites[:3] {
			ws.add("a trail that logs "+logs.String()+", "+label,
				join(fragile, []model.Request{putEvents(name, basic[logs])}, broken), name, -1, -1)
		}
		if model.Condition(1<<c)&(model.MemberAccount|model.NoServiceRole|model.ServiceOwned) != 0 {
			ws.add("a trail and stores, "+label, join(fragile, stores, broken), name, 0, 1)
		}
		for d := c + 1; d < len(model.ConditionNames); d++ {
			if model.Condition(1<<c|1<<d) == model.BucketMissing|model.BucketDenied {
				continue // a bucket that is gone has no policy
			}
			ws.add("a trail, "+label+" and "+model.ConditionNames[d],
				join(fragile, broken, steps(generators.Arrange(name, d))), name, -1, -1)
		}
	}
}

// describe names a request's difference from a plain one.
func describe(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, ", ")
}

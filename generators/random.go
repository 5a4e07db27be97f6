package generators

import (
	"cmp"
	"slices"

	"pgregory.net/rapid"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// Generator draws random requests for one scope. It prepares its tables once, so that a draw is
// cheap; it has no state and may be used by several goroutines.
type Generator struct {
	scope Scope

	started []action // what to do where there is a trail, each as often as it is to be drawn
	empty   []action // and where there is none

	sets       []value.Value    // all sets of selectors, plainly
	allowed    [8][]value.Value // those whose prerequisites the logs meet, the empty one included
	variants   []value.Value
	badLists   []value.Value
	badItems   []value.Value
	goodItems  []value.Value
	badTrails  []value.Value
	badStores  []value.Value
	classes    []eventClass
	wholes     []func(model.Request) model.Request
	conditions []int
}

// action draws one kind of request, none where it has nothing to act on.
type action func(g *Generator, t *rapid.T, s model.State) model.Request

// actions says how often each kind is drawn, out of about 64, where there are trails and where there are none.
var actions = []struct {
	withTrails, without int
	needs               model.Capability
	draw                action
}{
	{24, 3, model.CanPut, (*Generator).putTrail},
	{4, 2, model.CanGet, (*Generator).get},
	{4, 40, model.CanCreate, (*Generator).create},
	{3, 0, model.CanDelete, (*Generator).delete},
	{1, 0, model.CanLog, ofTrail(func(_ *Generator, _ *rapid.T, x *model.Trail) model.Request { return Start(x.Name) })},
	{3, 0, model.CanStop, ofTrail(func(_ *Generator, _ *rapid.T, x *model.Trail) model.Request {
		if !x.Logging {
			return Start(x.Name)
		}
		return Stop(x.Name)
	})},
	{7, 0, model.CanPutEvents, ofTrail(func(g *Generator, t *rapid.T, x *model.Trail) model.Request {
		if one(t, 2) {
			return PutEvents(x.Name, of(t, g.classes))
		}
		return PutEvents(x.Name, g.classes[model.ManagementEvents|model.DataEvents])
	})},
	{2, 0, model.CanUpdate, ofTrail(func(_ *Generator, t *rapid.T, x *model.Trail) model.Request {
		setting := "IncludeGlobalServiceEvents"
		if one(t, 2) {
			setting = "EnableLogFileValidation"
		}
		return With(OnTrail(model.OpUpdate, x.Name), setting, value.Boolean(true))
	})},
	{1, 0, model.CanGetTrail, ofTrail(func(_ *Generator, t *rapid.T, x *model.Trail) model.Request {
		return OnTrail(of(t, []model.Op{model.OpTrail, model.OpStatus, model.OpGetEvents}), x.Name)
	})},
	{2, 1, model.CanRawWire, (*Generator).whole},
	{1, 0, "", (*Generator).arrange}, // needs some of the conditions
	{7, 6, model.CanStores, (*Generator).store},
	{3, 3, model.CanStores, (*Generator).store},
	{2, 1, model.CanUpdateStores, (*Generator).store},
	{1, 1, model.CanDeleteStores, (*Generator).store},
	{1, 1, model.CanRestoreStores, (*Generator).store},
}

// New prepares a generator.
func New(scope Scope) *Generator {
	g := &Generator{scope: scope}
	for c := range model.ConditionNames {
		if g.scope.Can[conditionNeeds[c]] {
			g.conditions = append(g.conditions, c)
		}
	}
	for _, x := range actions {
		if x.needs != "" && !g.scope.Has(x.needs) || x.needs == "" && len(g.conditions) == 0 {
			continue
		}
		g.started = append(g.started, slices.Repeat([]action{x.draw}, x.withTrails)...)
		g.empty = append(g.empty, slices.Repeat([]action{x.draw}, x.without)...)
	}
	if len(g.empty) == 0 {
		g.empty = []action{(*Generator).get}
	}
	if len(g.started) == 0 {
		g.started = g.empty
	}
	g.prepareValues()
	return g
}

func (g *Generator) prepareValues() {
	w := &model.DefaultWorld
	for _, set := range AllSelectors() {
		g.sets = append(g.sets, set.Value())
		for logs := range model.Logs(8) {
			// Put the set on a trail that logs just this, to ask the model rather than repeat it.
			s := model.NewState(w).WithTrail(-1, model.Trail{Name: NameAlpha, Home: w.Home, Logging: true, Logs: logs})
			if len(model.Broken(s, Put(NameAlpha, set))) == 0 {
				g.allowed[logs] = append(g.allowed[logs], set.Value())
			}
		}
	}
	expressible := func(reps []Representative, is func(value.Value) bool) (out []value.Value) {
		for _, r := range reps {
			if is(r.Value) {
				out = append(out, r.Value)
			}
		}
		return out
	}
	asList := func(v value.Value) bool { return g.scope.Allows(PutList(NameAlpha, v)) }
	asItem := func(v value.Value) bool { return asList(value.ListOf(v)) }
	asName := func(v value.Value) bool {
		return g.scope.Can[model.CanRawWire] || !needsRaw(value.Obj("TrailName", v), typed[model.OpGet])
	}
	g.variants, g.badLists = expressible(VariantSelectors(), asList), expressible(BadSelectors(), asList)
	g.badItems = expressible(BadItems(), asItem)
	g.badTrails, g.badStores = expressible(BadTrailNames(w), asName), expressible(badStoreNames(w), asName)
	for _, insight := range model.TypeNames {
		g.goodItems = append(g.goodItems, Selector(insight, management), value.Obj("InsightType", insight),
			Selector(insight, management, data),
			Selector(insight, data), Selector(insight, data, management))
	}
	g.classes = slices.DeleteFunc(EventClasses(), func(c eventClass) bool { return !g.scope.Allows(PutEvents(NameAlpha, c)) })
	g.wholes = Wholes()
}

var bit = rapid.Bool()

// draw is an unbiased choice below n, the first where rapid shrinks to: its own integers favour small values too much.
func draw(t *rapid.T, n int) int {
	v := 0
	for limit := 1; limit < 4*n; limit *= 2 {
		v *= 2
		if bit.Draw(t, "bit") {
			v++
		}
	}
	return v % n
}

// of draws one of a list.
func of[T any](t *rapid.T, list []T) T { return list[draw(t, len(list))] }

// one reports true once in n draws.
func one(t *rapid.T, n int) bool { return draw(t, n) == n-1 }

// Request is the generator of one request in a state.
func (g *Generator) Request(s model.State) *rapid.Generator[model.Request] {
	return rapid.Custom(func(t *rapid.T) model.Request { return g.draw(t, s) })
}

// Sequence is the generator of a whole case, in which the state evolves as the reference has it.
func (g *Generator) Sequence(world *model.World) *rapid.Generator[[]model.Request] {
	start := model.NewState(world)
	return rapid.Custom(func(t *rapid.T) []model.Request {
		s := start
		request := rapid.Custom(func(t *rapid.T) model.Request {
			r := g.draw(t, s)
			s = model.Step(s, r)[0].Next
			return r
		})
		var out []model.Request
		for _, part := range rapid.SliceOfN(rapid.SliceOfN(request, 1, 10), 1, 10).Draw(t, "requests") {
			out = append(out, part...)
		}
		return out
	})
}

// draw draws one request in a state: mostly a valid one or one with a single thing wrong.
func (g *Generator) draw(t *rapid.T, s model.State) model.Request {
	if r := g.any(t, s); g.scope.Allows(r) {
		return r
	}
	name := UnknownName // what the target cannot be sent, the plainest takes the place of
	if len(s.Trails) > 0 {
		name = s.Trails[0].Name
	}
	if g.scope.Can[model.CanGet] {
		return Get(name)
	}
	return PutList(name, value.ListOf())
}

func (g *Generator) any(t *rapid.T, s model.State) model.Request {
	if n := len(s.Trails); n > 0 && g.scope.Can[model.CanLog] {
		// A new trail is mostly started at once, a stopped one now and then.
		last := &s.Trails[n-1]
		if isNew := !last.Logging && last.Insights == 0 && last.Events == "" && !last.HasEither; isNew && !one(t, 8) {
			return g.call(t, Start(last.Name), last)
		}
	}
	kinds := g.started
	if len(s.Trails) == 0 {
		kinds = g.empty
	}
	if r := of(t, kinds)(g, t, s); r.Op != "" {
		return r
	}
	return g.putTrail(t, s)
}

// ofTrail is a call on one of the trails that there are.
func ofTrail(draw func(*Generator, *rapid.T, *model.Trail) model.Request) action {
	return func(g *Generator, t *rapid.T, s model.State) model.Request {
		if x := g.trail(t, s); x != nil {
			return g.call(t, draw(g, t, x), x)
		}
		return model.Request{}
	}
}

func (g *Generator) delete(t *rapid.T, s model.State) model.Request {
	x := g.trail(t, s)
	if x == nil || x.Conditions != 0 { // what is broken around a trail would outlast it
		return model.Request{}
	}
	return g.call(t, Delete(x.Name), x)
}

func (g *Generator) whole(t *rapid.T, s model.State) model.Request {
	r := g.putTrail(t, s)
	if one(t, 4) {
		r = g.get(t, s)
	}
	return of(t, g.wholes)(r)
}

func (g *Generator) arrange(t *rapid.T, s model.State) model.Request {
	if _, ok := s.Trail(model.DefaultWorld.Home, NameBeta); !ok {
		return model.Request{}
	}
	return Arrange(NameBeta, of(t, g.conditions))
}

// trail draws one of the trails that there are.
func (g *Generator) trail(t *rapid.T, s model.State) *model.Trail {
	if len(s.Trails) == 0 {
		return nil
	}
	return &s.Trails[draw(t, len(s.Trails))]
}

func (g *Generator) nameOrARN(t *rapid.T, s model.State, x *model.Trail) string {
	if one(t, 4) {
		return s.World.TrailARN(x.Home, x.Name)
	}
	return x.Name
}

// call is a call around insights: now and then by ARN, as many clients make it.
func (g *Generator) call(t *rapid.T, r model.Request, x *model.Trail) model.Request {
	if r = at(x.Home, r); one(t, 4) {
		return ByARN(r)
	}
	return r
}

func (g *Generator) create(t *rapid.T, s model.State) model.Request {
	if len(s.Trails) >= g.scope.mostTrails() {
		return model.Request{}
	}
	region := ""
	if g.scope.Can[model.CanRegions] && one(t, 8) {
		region = model.DefaultWorld.Away
	}
	name := ""
	for range len(Names) {
		name = of(t, Names)
		if _, taken := s.Trail(cmp.Or(region, model.DefaultWorld.Home), name); !taken {
			break
		}
		name = ""
	}
	if name == "" {
		return model.Request{}
	}
	r := Create(name)
	if name == NameBeta && region == "" {
		r = CreateFragile(name, g.scope)
	}
	if one(t, 8) {
		r = With(r, "IsMultiRegionTrail", value.Boolean(true))
	}
	return In(region, r)
}

// list draws InsightSelectors: right ones for what is logged, mostly.
func (g *Generator) list(t *rapid.T, logs model.Logs) value.Value {
	switch draw(t, 8) {
	case 0, 1, 2, 3:
		return of(t, g.allowed[logs&7])
	case 4:
		return of(t, g.sets)
	case 5:
		return of(t, g.variants)
	}
	items := make([]value.Value, 1+draw(t, 3))
	for i := range items {
		items[i] = of(t, g.goodItems)
	}
	return value.ListOf(items...)
}

// badList draws InsightSelectors with something wrong: a list as a whole, or one selector of it.
func (g *Generator) badList(t *rapid.T) value.Value {
	if one(t, 2) {
		return of(t, g.badLists)
	}
	items := []value.Value{of(t, g.goodItems), of(t, g.badItems)}
	if one(t, 2) {
		items[0], items[1] = items[1], items[0]
	}
	return value.ListOf(items...)
}

// unlikely draws a TrailName other than those of the trail: of another, unknown, or wrong.
func (g *Generator) unlikely(t *rapid.T, s model.State, region string) (value.Value, string) {
	switch draw(t, 8) {
	case 0:
		return value.Str(of(t, Names)), region
	case 1:
		return value.Str(s.World.TrailARN(model.DefaultWorld.Home, of(t, Names))), region
	case 2:
		if g.scope.Can[model.CanRegions] {
			name := of(t, Names)
			if one(t, 2) {
				return value.Str(name), model.DefaultWorld.Away
			}
			return value.Str(s.World.TrailARN(model.DefaultWorld.Away, name)), region
		}
	}
	return of(t, g.badTrails), region
}

func (g *Generator) putTrail(t *rapid.T, s model.State) model.Request {
	if !g.scope.Can[model.CanPut] {
		return g.get(t, s)
	}
	r := model.Request{Op: model.OpPut}
	name, logs := value.Str(UnknownName), model.ManagementEvents
	if x := g.trail(t, s); x != nil {
		name, logs = value.Str(g.nameOrARN(t, s, x)), x.Logs
		r = at(x.Home, r)
	}
	var list, store, destination value.Value
	wrong := draw(t, 16)
	if wrong == 10 || wrong == 11 || wrong == 15 {
		name, r.Region = g.unlikely(t, s, r.Region)
	}
	if wrong >= 12 && wrong != 14 {
		list = g.badList(t)
	} else {
		list = g.list(t, logs)
	}
	if wrong == 14 {
		stray := of(t, g.badStores)
		if len(s.Stores) > 0 && !one(t, 4) {
			stray = value.Str(of(t, s.Stores).ID)
		}
		if one(t, 3) {
			destination = stray
		} else {
			store = stray
		}
	}
	r.Input = value.Obj("TrailName", name, "EventDataStore", store, "InsightSelectors", list,
		"InsightsDestination", destination)
	return r
}

func (g *Generator) get(t *rapid.T, s model.State) model.Request {
	r := model.Request{Op: model.OpGet}
	if len(s.Stores) > 0 && one(t, 3) {
		r.Input = value.Obj("EventDataStore", g.storeName(t, s))
		if one(t, 8) {
			r.Input = r.Input.With("TrailName", value.Str(of(t, Names)))
		}
		return r
	}
	var name value.Value
	if x := g.trail(t, s); x != nil && !one(t, 2) {
		name = value.Str(g.nameOrARN(t, s, x))
		r = at(x.Home, r)
		if g.scope.Can[model.CanRegions] && one(t, 8) {
			r.Region = model.DefaultWorld.Away
		}
	} else {
		name, r.Region = g.unlikely(t, s, "")
	}
	r.Input = value.Obj("TrailName", name)
	return r
}

// Draws gives one worker the seeds of its random choices. What is chosen is left to rapid's generators, through
// Generator.Example, so that a run repeats from its seed and rapid's flags, which expect a go test, stay untouched.
type Draws struct {
	seed, n uint64
}

// NewDraws begins a series of seeds that the given one determines.
func NewDraws(seed uint64) *Draws { return &Draws{seed: seed} }

// Next returns the next seed: both numbers mixed so that each bit matters (SplitMix64's finalizer).
func (d *Draws) Next() int {
	d.n++
	z := d.seed + d.n*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return int((z ^ z>>31) >> 1)
}

// Below returns a number from 0 to n-1, without rapid's preference for small ones.
func (d *Draws) Below(n int) int { return d.Next() % n }

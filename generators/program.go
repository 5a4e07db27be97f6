package generators

import (
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// Move is one call of a client's part of a program.
type Move struct {
	Request model.Request
	Delay   int // how many turns others get before it, or fractions of a millisecond
}

// Program says what clients do at the same time, and what one of them does before.
type Program struct {
	Setup   []model.Request
	Phases  [][][]Move // of each the steps of each client; the clients wait for each other between phases
	Readers int        // who read at rest one after another; 0 is all clients at once
}

// The bounds of a program.
const (
	maxCalls   = 40 // of a round on one resource
	maxPhases  = 3
	maxInPhase = 3 // calls of one client
)

// Programs is the generator of programs for so many clients, who send nothing that is avoided.
func Programs(clients int, scope Scope, avoided func(model.Request) bool) *rapid.Generator[*Program] {
	return rapid.Custom(func(t *rapid.T) *Program { return drawProgram(t, clients, scope, avoided) })
}

func drawProgram(t *rapid.T, clients int, scope Scope, avoided func(model.Request) bool) *Program {
	n := func(below int) int { return draw(t, below) }
	d := &drawing{scope: scope, n: n, mixed: n(5) < 2 && len(scope.Left) == 0, calls: map[string]int{}, avoided: avoided} // what is gone breaks many rules
	for _, name := range []string{NameAlpha, NameBeta, NameShort}[:min([...]int{1, 1, 1, 1, 2, 2, 2, 3}[n(8)], scope.mostTrails())] {
		d.addTrail(name)
	}
	if n(4) == 0 && scope.Can[model.CanStores] {
		d.addStores()
	}
	p, prepared := &Program{Setup: d.setup}, d.prepared()
	for range 1 + max(0, n(2*maxPhases-2)-1) {
		phase := make([][]Move, clients)
		clash := d.n(2) == 0 // each has one call, on the same trail
		name := d.trails[d.n(len(d.trails))]
		for c := range phase {
			if clash {
				if r := d.clashing(name); !avoided(r) {
					phase[c] = []Move{{Request: r}}
					d.calls[name]++
				}
				continue
			}
			for range 1 + n(maxInPhase) {
				for _, r := range d.requests() {
					if d.calls[Subject(r)]++; scope.Allows(r) && !scope.LeavesOut(prepared, r) && !avoided(r) && d.calls[Subject(r)] <= maxCalls {
						phase[c] = append(phase[c], Move{Request: r, Delay: max(0, n(8)-4)})
					}
				}
			}
		}
		p.Phases = append(p.Phases, phase)
	}
	return p
}

// drawing is what is known while a program is drawn.
type drawing struct {
	scope  Scope
	n      func(below int) int
	mixed  bool // not all writes are Puts
	trails []string
	stores bool
	rich   bool // the trails log what all selectors need
	setup  []model.Request
	calls  map[string]int

	avoided func(model.Request) bool
}

// prepared is the state in which the clients begin, where some requests are left out.
func (d *drawing) prepared() model.State {
	s := model.NewState(&model.DefaultWorld)
	if len(d.scope.Left) > 0 {
		for _, r := range d.setup {
			s = model.Step(s, r)[0].Next
		}
	}
	return s
}

func (d *drawing) addTrail(name string) {
	d.trails = append(d.trails, name)
	d.setup = append(d.setup, NewTrails(d.scope, name)...)
	events := PutEvents(name, EventClasses()[model.ManagementEvents|model.DataEvents])
	d.rich = d.scope.Has(model.CanPutEvents, model.CanInsightData) && !d.avoided(events)
	if d.rich {
		d.setup = append(d.setup, events)
	}
	if r := Put(name, d.set()); !d.avoided(r) {
		d.setup = append(d.setup, r)
	}
}

func (d *drawing) addStores() {
	d.stores = true
	d.setup = append(d.setup, CreateStore(0, SourceStore), CreateStore(1, InsightStore),
		PutStore(model.StoreID(0), model.StoreID(1), model.MakeSelectors(model.Management, 0)))
}

// set draws selectors that the trails' events allow, none at all among them, if possible some that are not avoided.
func (d *drawing) set() (set model.Selectors) {
	for range maxRedrawn {
		if set = d.anySet(); !d.avoided(Put(NameAlpha, set)) {
			break
		}
	}
	return set
}

// maxRedrawn is how often selectors are drawn that are to be avoided.
const maxRedrawn = 10

func (d *drawing) anySet() model.Selectors {
	if d.n(4) == 0 {
		return 0
	}
	categories := []model.Categories{0, model.Management}
	if d.rich {
		categories = append(categories, model.Data, model.Management|model.Data)
	}
	return model.MakeSelectors(categories[d.n(len(categories))], categories[d.n(len(categories))])
}

// requests draws what a client does next: mostly one request.
func (d *drawing) requests() []model.Request {
	if d.stores && d.n(3) == 0 {
		return []model.Request{d.onStores()}
	}
	name := d.trails[d.n(len(d.trails))]
	if d.mixed && d.n(3) == 0 {
		switch d.n(5) {
		case 0:
			return append([]model.Request{Delete(name)}, NewTrails(d.scope, name)[:d.n(2)]...)
		case 1, 2:
			return NewTrails(d.scope, name)
		case 3:
			return []model.Request{Stop(name), Start(name)}
		}
		return []model.Request{PutEvents(name, EventClasses()[model.ManagementEvents|model.DataEvents])}
	}
	r := d.onTrail(name)
	if d.n(4) == 0 {
		r = ByARN(r)
	}
	return []model.Request{r}
}

func (d *drawing) onTrail(name string) model.Request {
	switch d.n(10) {
	case 0:
		return GetTrail(name)
	case 1, 2, 3:
		return Get(name)
	case 4: // refused, with something in it that is right
		list := append(slices.Clone(model.MakeSelectors(model.Management, model.Management).Value().Items()), value.Obj("InsightType", "NoSuchInsight"))
		return PutList(name, value.ListOf(list...))
	}
	return Put(name, d.set())
}

// clashing is a Put on a trail, or what reads it.
func (d *drawing) clashing(name string) model.Request {
	reads := []model.Request{Get(name), GetTrail(name)}
	if i := d.n(5); i < len(reads) && d.scope.Allows(reads[i]) {
		return reads[i]
	}
	return Put(name, d.set())
}

func (d *drawing) onStores() model.Request {
	if d.n(2) == 0 {
		return GetStore(model.StoreID(0))
	}
	types := []model.Categories{0, model.Management}
	return PutStore(model.StoreID(0), model.StoreID(1), model.MakeSelectors(types[d.n(2)], types[d.n(2)]))
}

// InTurn is the program with some calls in their order, by one client.
func (p *Program) InTurn(calls []model.Request) *Program {
	moves := make([]Move, len(calls))
	for i, r := range calls {
		moves[i].Request = r
	}
	return &Program{Setup: p.Setup, Phases: [][][]Move{{moves}}, Readers: p.Clients()}
}

// Calls counts the calls of the clients.
func (p *Program) Calls() (n int) {
	for _, phase := range p.Phases {
		for _, steps := range phase {
			n += len(steps)
		}
	}
	return n
}

// Clients is how many clients there are.
func (p *Program) Clients() int { return len(p.Phases[0]) }

// Subject names the trail that a request concerns, in whatever Region; all event data stores count as one.
func Subject(r model.Request) string {
	name := r.Input.Get("TrailName").Text()
	if name == "" {
		name = r.Input.Get("Name").Text()
	}
	if name == "" || strings.Contains(string(r.Op), "EventDataStore") {
		return Stores
	}
	return name[strings.LastIndexByte(name, '/')+1:]
}

// Stores is the Subject of calls on event data stores.
const Stores = "stores"

// Smaller lists programs with less in them, those that lack the most first.
func (p *Program) Smaller() (out []*Program) {
	change := func(keep func(phase, client, step int) bool) {
		q := &Program{Setup: p.Setup}
		for i, phase := range p.Phases {
			clients := make([][]Move, len(phase))
			for c, steps := range phase {
				for k, step := range steps {
					if keep(i, c, k) {
						clients[c] = append(clients[c], step)
					}
				}
			}
			q.Phases = append(q.Phases, clients)
		}
		if q = q.WithoutIdle(); len(q.Phases) > 0 && q.Calls() < p.Calls() {
			out = append(out, q)
		}
	}
	for i := range p.Phases {
		change(func(phase, _, _ int) bool { return phase != i })
	}
	for i := range p.Phases[0] {
		change(func(_, client, _ int) bool { return client != i })
	}
	for i := range p.Phases {
		for c := range p.Phases[i] {
			change(func(phase, client, _ int) bool { return phase != i || client != c })
		}
	}
	for i := range p.Phases {
		for c := range p.Phases[i] {
			for k := range p.Phases[i][c] {
				change(func(phase, client, step int) bool { return phase != i || client != c || step != k })
			}
		}
	}
	return out
}

// WithoutIdle is the program without phases and clients in which nothing is done, and trails that nobody uses.
func (p *Program) WithoutIdle() *Program {
	idle := func(phase [][]Move) bool {
		return !slices.ContainsFunc(phase, func(steps []Move) bool { return len(steps) > 0 })
	}
	p = &Program{Setup: p.Setup, Phases: slices.DeleteFunc(slices.Clone(p.Phases), idle)}
	if len(p.Phases) == 0 {
		return p
	}
	q := &Program{Phases: make([][][]Move, len(p.Phases))}
	used := map[string]bool{}
	for c := range p.Phases[0] {
		steps := 0
		for _, phase := range p.Phases {
			steps += len(phase[c])
			for _, step := range phase[c] {
				used[Subject(step.Request)] = true
			}
		}
		for i, phase := range p.Phases {
			if steps > 0 {
				q.Phases[i] = append(q.Phases[i], phase[c])
			}
		}
	}
	for _, r := range p.Setup {
		if used[Subject(r)] {
			q.Setup = append(q.Setup, r)
		}
	}
	return q
}

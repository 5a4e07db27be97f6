// Package explore looks for suspicions: workers play suites side by side, each with a coverage map, a
// quota and a seed of its own, so that what a worker does depends on nothing but these and the target.
package explore

import (
	"context"
	"slices"
	"time"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/generators/catalogue"
	"github.com/insightconform/conform/generators/machine"
	"github.com/insightconform/conform/internal/diagnose"
	"github.com/insightconform/conform/internal/probe"
	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
)

const (
	groupSize       = 25   // cases of one set-up that one worker takes
	maxSharedSteps  = 60   // of a world, so that what is found in it has a short case
	maxTourSteps    = 500  // of a world
	maxStuck        = 3    // worlds in a row in which the tour gets no further
	maxRandomSteps  = 60   // of a world
	maxDraws        = 1000 // of a random request that breaks no rule which is left out
	maxInspected    = 3    // times that one kind of suspicion is looked into
	chunkSize       = 32   // tests that a worker takes at a time, and does as a whole or not at all
	maxTests        = 3    // times that a test is tried where an answer does not come
	checkpointEvery = 5 * time.Second
)

// Worker explores a target.
type Worker struct {
	Client      *session.Client
	Suspicions  diagnose.Suspicions
	Deviations  map[reports.Deviation]int // how often each was seen, by itself without a count
	Player      *diagnose.Player          // looks into suspicions during the exploration
	generate    *generators.Generator
	tour        *machine.Tour
	shown       map[bool]map[model.Selectors]bool // by Gets of trails, and of stores
	missing     map[model.ID]bool                 // applicable rules that it has not yet exercised: once it is empty, none is looked for
	pairs       map[[2]model.ID]bool              // of rules that one Put has broken
	classes     map[string]bool                   // the broken rules that were tried in each class of states
	Took        map[model.ID]time.Duration        // by the cases of each rule, in equal parts where a case is of several
	inspector   *inspector                        // nil where nothing is suspected
	begun       bool                              // the first history was played before the probe
	part, parts int                               // which share of the systematic cases it has, of how many
}

// NewWorker makes a worker that walks its part of the transitions by a tour.
func NewWorker(subject *probe.Subject, tour *machine.Tour) *Worker {
	w := &Worker{Client: subject.NewClient(), Suspicions: diagnose.Suspicions{}, Deviations: map[reports.Deviation]int{},
		generate: generators.New(subject.Scope), tour: tour,
		shown:   map[bool]map[model.Selectors]bool{false: {}, true: {}},
		missing: map[model.ID]bool{}, pairs: map[[2]model.ID]bool{}, classes: map[string]bool{},
		Took: map[model.ID]time.Duration{}}
	for _, id := range subject.Scope.Applicable() {
		w.missing[id] = true
	}
	return w
}

// systematic plays cases of the catalogue, after the early histories, of which each request tells most, and a few plain
// calls, which are used most. A refusal is tried again, whether it wears off, once every case had its turn.
func (w *Worker) systematic(ctx context.Context, cases []catalogue.Case) {
	w.inspect(ctx) // what the first history has shown
	w.early(ctx)
	w.plainly(ctx)
	of := func(kind string, is bool) []catalogue.Case {
		return slices.DeleteFunc(slices.Clone(cases), func(c catalogue.Case) bool { return (c.Kind == kind) != is })
	}
	w.groups(ctx, of(catalogue.KindPair, false), w.probe)
	w.groups(ctx, of(catalogue.KindRule, true), func(ctx context.Context, v *visit, c catalogue.Case) bool {
		return v.play(ctx, c.Probe, c.Probe, c.Probe) && v.verify(ctx, c.Probe)
	})
	w.groups(ctx, of(catalogue.KindPair, true), w.probe)
}

// plainly uses one trail as anyone would, and two event data stores: those that cannot be turned off soon run out.
func (w *Worker) plainly(ctx context.Context) {
	const m = model.Management
	var trail, store []model.Request
	for _, set := range []model.Selectors{model.MakeSelectors(m, m), model.MakeSelectors(m, 0), model.MakeSelectors(0, m)} {
		trail = append(trail, generators.Put(generators.NameAlpha, set))
		store = append(store, generators.PutStore(model.StoreID(0), model.StoreID(1), set))
	}
	trail, store = append(trail, generators.Put(generators.NameAlpha, 0)), append(store, generators.PutStore(model.StoreID(0), "", 0))
	w.plain(ctx, model.CanCreate, append(generators.NewTrail(w.Client.Scope), generators.Get(generators.NameAlpha)), trail)
	w.plain(ctx, model.CanStores, []model.Request{generators.CreateStore(0, generators.SourceStore),
		generators.CreateStore(1, generators.InsightStore)}, store)
}

// plain plays Puts one after the other, each with the reads that say whether it was right.
func (w *Worker) plain(ctx context.Context, needs model.Capability, setup, puts []model.Request) {
	if !w.Client.Scope.Has(model.CanPut, model.CanGet, needs) || w.Client.Spent(ctx) {
		return
	}
	v, ok := w.visit(ctx)
	if !ok {
		return
	}
	good := v.play(ctx, setup...)
	for _, r := range puts {
		good = good && v.play(ctx, r) && v.verify(ctx, r)
	}
	v.leave(ctx)
}

// probe sends a case's request and the reads that say whether it was right: no GetTrail if it was to change nothing.
func (w *Worker) probe(ctx context.Context, v *visit, c catalogue.Case) bool {
	before := v.session.State()
	if !v.play(ctx, c.Probe) {
		return false
	}
	reads := generators.Reads(v.session.State(), c.Probe, w.Client.Scope)
	if c.Probe.Op == model.OpPut && v.session.State().Equal(before) {
		reads = slices.DeleteFunc(reads, func(r model.Request) bool { return r.Op == model.OpTrail })
	}
	return v.play(ctx, reads...)
}

// groups plays cases; those that share a set-up share a world for as long as it stays in the state that this made.
func (w *Worker) groups(ctx context.Context, cases []catalogue.Case, probe func(context.Context, *visit, catalogue.Case) bool) {
	for next := 0; next < len(cases) && !w.Client.Spent(ctx); {
		v, ok := w.visit(ctx)
		if !ok {
			return
		}
		ready := true
		for _, r := range cases[next].Setup {
			ready = ready && v.play(ctx, r) && (r.Op != model.OpPut || v.verify(ctx, r))
		}
		prepared, world, from, spoiled := v.session.State(), cases[next].World, next, v.behind
		for first := true; ready && next < len(cases) && cases[next].World == world &&
			(first || v.session.State().Equal(prepared) && len(v.session.Steps) < maxSharedSteps); first = false {
			next++
			began, of := time.Now(), cases[next-1].Rules
			whole := probe(ctx, v, cases[next-1])
			for _, id := range of {
				w.Took[id] += time.Since(began) / time.Duration(len(of))
			}
			if !whole {
				break
			}
		}
		if !ready {
			next++ // the set-up does not work here: what it would have shown is not judged
		}
		for _, c := range cases[from:next] {
			if spoiled != "" {
				w.Client.Status.Hide(spoiled, c.Rules...)
			}
		}
		v.leave(ctx)
	}
}

// walk tours the transitions between the insight states of a trail.
func (w *Worker) walk(ctx context.Context) {
	if !walks(w.Client.Scope) {
		return
	}
	stuck := 0
	for !w.Client.Spent(ctx) && stuck < maxStuck {
		v, ok := w.visit(ctx)
		if !ok {
			return
		}
		before := w.tour.Count
		if v.play(ctx, generators.NewTrail(w.Client.Scope)...) {
			w.tour.Restart()
			for len(v.session.Steps) < maxTourSteps {
				r, ok := w.tour.Next(v.session.State())
				if !ok {
					stuck = maxStuck
					break
				}
				before, covered := v.session.State(), w.tour.Count
				if !v.play(ctx, r) {
					break
				}
				if w.tour.Count == covered && w.tour.Leads(v.session.State()) {
					continue // only on the way: where it leads was read before
				}
				reads := dueReads(before, v.session.State(), r, w.Client.Scope)
				if !v.play(ctx, reads...) {
					break
				}
			}
		}
		if w.tour.Count == before {
			stuck++
		}
		v.leave(ctx)
	}
}

// dueReads lists the reads that say whether a transition was right: Get alone where nothing was to change.
func dueReads(before, after model.State, r model.Request, scope generators.Scope) []model.Request {
	reads := generators.Reads(after, r, scope)
	if r.Op == model.OpPut && after.Equal(before) && len(reads) > 1 {
		reads = reads[:1]
	}
	return reads
}

// random explores beyond the abstractions of the systematic suite until the quota is spent.
func (w *Worker) random(ctx context.Context, seed uint64, cases []catalogue.Case) {
	draw := generators.NewDraws(seed)
	for !w.Client.Spent(ctx) {
		v, ok := w.visit(ctx)
		if !ok {
			return
		}
		length := 10 + draw.Below(maxRandomSteps-10)
		for len(v.session.Steps) < length && v.session.Alive(ctx) {
			r, ok := w.chosen(draw, v.session.State(), cases)
			if !ok {
				v.leave(ctx)
				return
			}
			if !v.play(ctx, r) || !v.verify(ctx, r) {
				break
			}
		}
		v.leave(ctx)
	}
}

// chosen draws until a request breaks no rule that is left out; ok is false where none does.
func (w *Worker) chosen(draw *generators.Draws, state model.State, cases []catalogue.Case) (r model.Request, ok bool) {
	for range maxDraws {
		if r = w.draw(draw, state, cases); !w.Client.Scope.LeavesOut(state, r) {
			return r, true
		}
	}
	return r, false
}

// draw picks the next random request: mostly one of the generators, sometimes a request of the
// systematic suite whose broken rules were not yet tried in a state like this one.
func (w *Worker) draw(draw *generators.Draws, state model.State, cases []catalogue.Case) model.Request {
	if len(cases) > 0 && len(state.Trails) > 0 && draw.Below(4) == 0 {
		for range 6 {
			probe := cases[draw.Below(len(cases))].Probe
			if probe.Op == model.OpPut && !w.classes[class(state, model.Broken(state, probe))] {
				return probe
			}
		}
	}
	return w.generate.Request(state).Example(draw.Next())
}

// Illustrate plays on a target the shortest case of the systematic suite that puts a rule to the test, and returns its
// requests with their answers up to the one that decides. The target should be one that can do everything and answers
// as the reference does; it is opened and closed. There are no steps for rules that claim nothing, or need several clients.
func Illustrate(ctx context.Context, target targets.Target, rule model.ID) ([]reports.Step, error) {
	if known := model.RuleOf(rule); known != nil && known.OfClients() {
		return nil, nil // which one client cannot show
	}
	subject, err := probe.Open(ctx, target, probe.Options{})
	if err != nil {
		return nil, err
	}
	defer target.Close()
	subject.Scope = generators.Everything()
	cases := catalogue.Cases(subject.Model, subject.Scope)
	slices.SortStableFunc(cases, func(a, b catalogue.Case) int { return plainness(a, rule) - plainness(b, rule) })
	for _, c := range cases {
		w := NewWorker(subject, &machine.Tour{})
		w.missing = map[model.ID]bool{rule: true}
		for _, selectors := range w.shown { // by a right target each Get tells
			selectors[0], selectors[1] = true, true
		}
		v, ok := w.visit(ctx)
		if !ok {
			break
		}
		// The case, and the reads after it, until the rule is exercised.
		requests := c.Requests()
		for len(requests) > 0 && !subject.Status.Tested(rule) && v.play(ctx, requests[0]) {
			if requests = requests[1:]; len(requests) == 0 && len(v.session.Steps) == len(c.Setup)+1 {
				requests = generators.Reads(v.session.State(), c.Probe, subject.Scope)
			}
		}
		v.session.Close(ctx)
		if !subject.Status.Tested(rule) {
			continue
		}
		var steps []reports.Step
		for i, s := range v.session.Steps {
			steps = append(steps, s.Report(i+1))
		}
		return steps, nil
	}
	return nil, ctx.Err()
}

// plainness orders cases as examples: few steps, a Put before a Get, what was made for the rule before other cases.
func plainness(c catalogue.Case, rule model.ID) int {
	cost := 8*len(c.Setup) + len(c.Probe.Input.String())/16
	if c.Probe.Op != model.OpPut {
		cost += 4
	}
	if !slices.Contains(c.Rules, rule) {
		cost += 12
	}
	if c.Kind == catalogue.KindPair || c.Probe.Malformed() {
		cost += 100
	}
	return cost
}

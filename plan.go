package conform

import (
	"context"
	"time"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/naming"
)

// PlanOf says what a run with these options would send to a target, without running its suites. It
// opens and probes the target, and measures how fast it answers with a few dozen requests. Errors are
// those of Run.
func PlanOf(ctx context.Context, target targets.Target, options Options) (*reports.Plan, error) {
	target = naming.Wrap(target)
	if err := options.complete(); err != nil {
		return nil, err
	}
	r := &run{options: options, target: target, shared: newShared(), started: time.Now()}
	info, err := target.Open(ctx)
	if err != nil {
		return nil, joinClosing(err, target)
	}
	r.opened(info)
	r.newReport()
	if err := r.prepare(ctx); err != nil {
		return nil, joinClosing(err, target)
	}
	if r.probed == nil {
		return nil, joinClosing(ctx.Err(), target)
	}
	plan := &reports.Plan{Schema: reports.PlanSchema, Target: info, Shard: options.Shard.String(), Workers: r.probed.workers, Capabilities: map[string]bool{}}
	for _, c := range model.Capabilities {
		plan.Capabilities[string(c)] = r.probed.scope.Can[c]
	}
	if r.probed.scope.Can[model.CanPut] && r.probed.scope.Can[model.CanGet] && r.probed.scope.Can[model.CanCreate] {
		plan.Rate = r.measureRate(ctx)
	}
	r.planSuites(ctx, plan, r.defaultEvents(ctx))
	return plan, joinClosing(ctx.Err(), target)
}

// PlanWithin is PlanOf for a target that is not to be asked: it is assumed to have the given
// capabilities. Nothing is sent.
func PlanWithin(ctx context.Context, info targets.Info, can map[model.Capability]bool, options Options) (*reports.Plan, error) {
	if err := options.complete(); err != nil {
		return nil, err
	}
	world := model.DefaultWorld
	world.NoStart, world.NoStores = !can[model.CanLog], !can[model.CanStores]
	r := &run{options: options, world: &world, shared: newShared(), started: time.Now(), info: info, probed: &probed{scope: generators.Scope{Can: can}, workers: 1}}
	r.newReport()
	plan := &reports.Plan{Schema: reports.PlanSchema, Target: info, Shard: options.Shard.String(), Workers: 1, Capabilities: map[string]bool{}}
	for _, c := range model.Capabilities {
		plan.Capabilities[string(c)] = can[c]
	}
	r.planSuites(ctx, plan, false)
	return plan, ctx.Err()
}

// planSuites adds what each suite would send. defaultEvents is as of generators.MachineOptions.
func (r *run) planSuites(ctx context.Context, plan *reports.Plan, defaultEvents bool) {
	options := r.options
	for _, suite := range options.Suites {
		switch suite {
		case Systematic:
			plan.Suites = append(plan.Suites, r.planSystematic(ctx))
		case Complete:
			plan.Suites = append(plan.Suites, r.planComplete(defaultEvents)...)
		case Random:
			n := DefaultRandom
			if options.Requests > 0 {
				n = options.Requests
			}
			// Two of three random requests are reads.
			plan.Suites = append(plan.Suites, reports.PlannedSuite{Name: Random, Tests: n / 35, Writes: n / 3, Reads: n - n/3, Estimated: true})
		}
	}
}

// planSystematic counts what the systematic suite sends to the reference that can do what the target
// can.
func (r *run) planSystematic(ctx context.Context) reports.PlannedSuite {
	cases := generators.Catalogue(r.world, r.probed.scope)
	dry := &run{options: r.options, target: &modelled{world: r.world}, shared: newShared(), world: r.world, probed: r.probed, started: time.Now()}
	counted := &counting{Target: dry.target}
	dry.target = counted
	part, parts := r.options.Shard.part(0, 1)
	e := dry.newExplorer(generators.NewTour(r.probed.scope, part, parts))
	e.catalogue(ctx, deal(cases, part, parts))
	e.walk(ctx)
	return reports.PlannedSuite{Name: Systematic, Tests: e.cases, Writes: counted.writes, Reads: counted.reads}
}

func (r *run) planComplete(defaultEvents bool) []reports.PlannedSuite {
	var out []reports.PlannedSuite
	names := r.options.Machines
	if names == nil {
		names = generators.DefaultMachines
	}
	for _, name := range names {
		m := generators.NewMachine(name, r.world, r.probed.scope, generators.MachineOptions{DefaultEvents: defaultEvents})
		if m == nil {
			out = append(out, reports.PlannedSuite{Name: Complete + " " + name, NotCovered: "the target lacks what it is about"})
			continue
		}
		c := r.newCompleteSuite(m)
		writes, reads := c.suite.Cost()
		from, to := r.options.Shard.share(c.suite.Tests())
		share := func(n int) int { return int(float64(n) * float64(to-from) / float64(max(1, c.suite.Tests()))) }
		certificate := c.certificate
		certificate.Result = "not executed"
		certificate.Done = [][2]int{}
		out = append(out, reports.PlannedSuite{Name: Complete + " " + name, Tests: to - from, Writes: share(writes), Reads: share(reads), Certificate: &certificate,
			Estimated: to-from < c.suite.Tests()})
	}
	return out
}

// measureRate counts the requests that one world gets answered in a second.
func (r *run) measureRate(ctx context.Context) float64 {
	e := r.newExplorer(nil)
	s, err := e.newSession(ctx)
	if err != nil {
		return 0
	}
	defer s.close(ctx)
	s.judged = func(model.Finding) {}
	e.play(ctx, s, newTrail(r.probed.scope)...)
	before, started := e.requests, time.Now()
	for i := 0; i < 64 && s.alive(ctx) && time.Since(started) < 2*time.Second; i++ {
		e.play(ctx, s, generators.Put(generators.NameAlpha, model.AllSelectors()[i%2]), generators.Get(generators.NameAlpha))
	}
	return float64(e.requests-before) / time.Since(started).Seconds() * float64(r.probed.workers)
}

// counting counts what is sent to a target.
type counting struct {
	targets.Target
	writes, reads int
}

func (c *counting) NewWorld(ctx context.Context) (targets.World, error) {
	w, err := c.Target.NewWorld(ctx)
	return &countingWorld{w, c}, err
}

type countingWorld struct {
	targets.World
	all *counting
}

func (w *countingWorld) Do(ctx context.Context, r model.Request) targets.Reply {
	if r.Op.Reads() {
		w.all.reads++
	} else {
		w.all.writes++
	}
	return w.World.Do(ctx, r)
}

// modelled answers as the reference model does, for runs whose length is to be known beforehand.
type modelled struct {
	targets.Target
	world *model.World
}

func (m *modelled) NewWorld(context.Context) (targets.World, error) {
	return &modelledWorld{state: model.NewState(m.world)}, nil
}

type modelledWorld struct{ state model.State }

func (w *modelledWorld) Do(_ context.Context, r model.Request) targets.Reply {
	b := model.Step(w.state, r)[0]
	w.state = b.Next
	answer := b.Answer
	switch answer.Outcome {
	case model.AnySuccess:
		answer.Outcome = model.Succeeded
	case model.AnyRefusal, model.AnyAnswer:
		answer = model.Refusal("Refused")
	}
	return targets.Reply{Answer: answer}
}

func (w *modelledWorld) Close(context.Context) error { return nil }

package conform

import (
	"context"
	"slices"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/naming"
)

// Illustrate plays on a target the shortest case of the systematic suite that puts a rule to the test,
// and returns its requests with their answers up to the one that decides. The target should be one that
// can do everything and answers as the reference does; it is opened and closed. There are no steps for
// rules that claim nothing.
func Illustrate(ctx context.Context, target targets.Target, rule model.ID) ([]reports.Step, error) {
	target = naming.Wrap(target)
	if _, err := target.Open(ctx); err != nil {
		return nil, err
	}
	defer target.Close()
	world := model.DefaultWorld
	scope := generators.Everything()
	cases := generators.Catalogue(&world, scope)
	slices.SortStableFunc(cases, func(a, b generators.Case) int { return plainness(a, rule) - plainness(b, rule) })
	for _, c := range cases {
		run := newShared()
		e := &explorer{target: target, model: &world, run: run, scope: scope, quota: unlimited,
			suspicions: suspicions{}, deviations: map[deviationKey]int{}, coverage: newCoverage(nil, run, []model.ID{rule})}
		s, err := e.newSession(ctx)
		if err != nil {
			return nil, err
		}
		e.illustrate(ctx, s, c)
		s.close(ctx)
		if e.coverage.rules[rule] {
			return symbolic(&world, s.steps), nil
		}
	}
	return nil, ctx.Err()
}

// plainness orders cases as examples of a rule: few steps first, a Put before a Get, and what was made
// for the rule before what shows it as well.
func plainness(c generators.Case, rule model.ID) int {
	cost := 8*len(c.Setup) + len(c.Probe.Input.String())/16
	if c.Op != model.OpPut {
		cost += 4
	}
	if !slices.Contains(c.Rules, rule) {
		cost += 12
	}
	if c.Kind == generators.KindPair || c.Probe.Malformed() {
		cost += 100
	}
	return cost
}

// illustrate plays a case and the reads after it until the only rule that is asked for is exercised.
func (e *explorer) illustrate(ctx context.Context, s *session, c generators.Case) {
	requests := append(slices.Clone(c.Setup), c.Probe)
	for len(requests) > 0 && len(e.coverage.missing) > 0 && e.play(ctx, s, requests[0]) {
		if requests = requests[1:]; len(requests) == 0 && len(s.steps) == len(c.Setup)+1 {
			requests = generators.Reads(s.tracker.State(), c.Probe, e.scope)
		}
	}
}

// symbolic records steps for a report.
func symbolic(world *model.World, steps []step) []reports.Step {
	tracker := model.NewTracker(world)
	var out []reports.Step
	for i, s := range steps {
		out = append(out, reports.NewStep(i+1, s.request, s.reply, tracker.Allowed(s.request)))
		tracker.Observe(s.request, s.reply.Answer)
	}
	return out
}

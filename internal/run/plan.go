package run

import (
	"cmp"
	"context"
	"errors"

	"github.com/insightconform/conform/internal/explore"
	"github.com/insightconform/conform/internal/probe"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
)

// Plan says what a run with these options would send to a target, without running its suites. It opens and probes the
// target, and measures how fast it answers with a few dozen requests. Errors are those of Run.
func Plan(ctx context.Context, target targets.Target, options Options) (*reports.Plan, error) {
	if err := options.Normalize(); err != nil {
		return nil, err
	}
	subject, err := probe.Open(ctx, target, options.Probe())
	if err != nil {
		return nil, err
	}
	if !subject.Probed {
		return nil, errors.Join(ctx.Err(), target.Close())
	}
	rate := 0.0
	if subject.Can(model.CanPut) && subject.Can(model.CanGet) && subject.Can(model.CanCreate) {
		rate = explore.Rate(ctx, subject) * float64(subject.Workers)
	}
	plan := planOf(ctx, subject, options, explore.DefaultEvents(ctx, subject.NewClient()))
	plan.Rate = rate
	return plan, errors.Join(ctx.Err(), target.Close())
}

// PlanWithin is Plan for a target that is assumed to have the given capabilities. Nothing is sent.
func PlanWithin(ctx context.Context, info targets.Info, can map[model.Capability]bool, options Options) (*reports.Plan, error) {
	if err := options.Normalize(); err != nil {
		return nil, err
	}
	return planOf(ctx, probe.Assume(info, can, options.Probe()), options, false), ctx.Err()
}

// planOf counts what each suite would send. defaultEvents is as of machine.Options.
func planOf(ctx context.Context, subject *probe.Subject, o Options, defaultEvents bool) *reports.Plan {
	plan := &reports.Plan{Schema: reports.PlanSchema, Target: subject.Info, Shard: o.Shard.String(), Workers: subject.Workers, Capabilities: map[string]bool{}}
	for _, c := range model.Capabilities {
		plan.Capabilities[string(c)] = subject.Scope.Can[c]
	}
	for _, suite := range o.Suites {
		switch suite {
		case explore.Systematic:
			plan.Suites = append(plan.Suites, explore.PlannedSystematic(ctx, subject, o.Shard))
		case explore.Complete:
			plan.Suites = append(plan.Suites, explore.Planned(subject, o, defaultEvents)...)
		case explore.Random:
			n := cmp.Or(o.Requests, explore.DefaultRandom)
			// Two of three random requests are reads.
			plan.Suites = append(plan.Suites, reports.PlannedSuite{Name: suite, Tests: n / 35, Writes: n / 3, Reads: n - n/3, Estimated: true})
		}
	}
	return plan
}

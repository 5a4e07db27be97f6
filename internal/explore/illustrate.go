package explore

import (
	"context"
	"slices"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/generators/catalogue"
	"github.com/insightconform/conform/generators/machine"
	"github.com/insightconform/conform/internal/probe"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
)

// Illustrate plays on a target the shortest case of the systematic suite that puts a rule to the test,
// and returns its requests with their answers up to the one that decides. The target should be one that
// can do everything and answers as the reference does; it is opened and closed. There are no steps for
// rules that claim nothing.
func Illustrate(ctx context.Context, target targets.Target, rule model.ID) ([]reports.Step, error) {
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
		for len(requests) > 0 && len(w.missing) > 0 && v.play(ctx, requests[0]) {
			if requests = requests[1:]; len(requests) == 0 && len(v.session.Steps) == len(c.Setup)+1 {
				requests = generators.Reads(v.session.State(), c.Probe, subject.Scope)
			}
		}
		v.session.Close(ctx)
		if len(w.missing) > 0 {
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

package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	pipeline "github.com/insightconform/conform/internal/run"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/formats"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/reports/text"
	"github.com/insightconform/conform/targets"
)

const planHelp = `Usage: conform plan [flags]

Says what 'conform run' with the same flags would do: the suites, their tests
and requests, what the complete suites tell apart and guarantee, and how long
all that takes, at the rate of the target and at the quota of the service. It
probes the target with some requests and runs no suite; an account is sent
nothing, and what would be created, permitted and paid is said as well.

  conform plan --suite complete --depth 1
  conform plan --suite systematic,complete --endpoint http://127.0.0.1:5000
  conform plan --target account --regions us-east-1

Flags are those of 'conform run'; --report json writes the plan for machines.
The machines of complete suites (--machine) are
  management   one trail: two types on Management (part of the next)
  trail        one trail: all types, categories and classes of what it logs
  two-trails   whether a trail's calls leave another one alone
  stores       an event data store with two destinations
  logging      as trail, with StartLogging, StopLogging and refused requests; long
`

func (p *process) planCommand() *cobra.Command {
	s := defaultSettings()
	return p.targetCommand("plan", "Say what a run would do, and how long it takes", planHelp, s, s.groups(), p.plan)
}

func (p *process) plan(ctx context.Context, s *settings, _ []string) error {
	err := s.readOrder()
	if err != nil {
		return err
	}
	var plan *reports.Plan
	if s.target == targetAccount {
		plan, err = p.planAccount(ctx, s)
	} else {
		var target targets.Target
		if target, err = p.open(s); err == nil {
			plan, err = pipeline.Plan(ctx, target, pipeline.Options(s.runOptions()))
		}
	}
	if err != nil {
		return err
	}
	for _, sink := range s.sinks {
		render := func(w io.Writer) error { return text.Plan(w, plan, p.textOptions(s)) }
		switch sink.Format {
		case formats.Text:
		case formats.JSON:
			render = func(w io.Writer) error { return plain.WriteJSON(w, plan) }
		default:
			return usagef("--report %s: a plan is written as text or json", sink)
		}
		if err := sink.Render(p.stdout, render); err != nil {
			return usagef("--report %s: %w", sink, err)
		}
	}
	return nil
}

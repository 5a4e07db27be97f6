package run

import (
	"context"
	"time"

	"github.com/insightconform/conform/internal/concurrent"
	"github.com/insightconform/conform/internal/diagnose"
	"github.com/insightconform/conform/internal/probe"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
)

// Replay plays recorded traces on a target, which may be another one than they were found on, and reports of each what
// became of it, and nothing else. Errors are those of Run.
func Replay(ctx context.Context, target targets.Target, traces []*reports.Trace, options Options) (*reports.Report, error) {
	if err := options.Normalize(); err != nil {
		return nil, err
	}
	options.Traces = traces
	subject, err := probe.Open(ctx, target, options.Probe())
	if err != nil {
		return nil, err
	}
	defer target.Close()
	r := &run{options: options, subject: subject}
	r.report = &reports.Report{Schema: reports.Schema, Version: options.Version, Target: subject.Info, Command: options.Command,
		Started: subject.Status.Started, FailOn: model.Inferred, Divergences: []reports.Divergence{}, Deviations: []reports.Deviation{},
		Coverage: reports.Coverage{Rules: map[model.ID]reports.RuleCoverage{}}, End: &reports.End{Replayed: true}}
	if err := r.probed(); err != nil {
		return nil, err
	}
	if subject.Probed {
		player := diagnose.NewPlayer(subject.NewClient())
		for _, t := range traces {
			if ctx.Err() == nil {
				r.tellReplay(ctx, player, t)
			}
		}
		r.report.Requests = subject.Prober.Requests + player.Client.Requests
	}
	r.report.DurationSeconds = time.Since(r.report.Started).Seconds()
	if err := subject.Status.Ended(); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		r.report.End.Interrupted = reports.ReasonInterrupted
	}
	reports.Judge(r.report)
	return r.report, nil
}

// tellReplay plays a trace and reports what became of it, of its rule, and as a divergence what still shows.
func (r *run) tellReplay(ctx context.Context, player *diagnose.Player, t *reports.Trace) {
	var played reports.Replay
	var found []*diagnose.Divergence
	if concurrent.Overlaps(t.Steps) {
		played, _ = concurrent.Replay(ctx, player.Client, t)
	} else {
		played, found = player.ReplayTrace(ctx, t)
	}
	played.File = t.Path
	r.report.Replays = append(r.report.Replays, played)
	tried := played.Outcome != reports.ReplayNotCovered
	rule := reports.RuleCoverage{Applicable: tried, Exercised: tried, Why: played.Why}
	switch played.Outcome {
	case reports.ReplayDiverges:
		rule.Violated = true
		r.report.Divergences = append(r.report.Divergences, reports.Divergence{Signature: t.Signature, Rule: t.Rule, Level: t.Level,
			Statement: t.Statement, Source: t.Source, Operation: t.Operation, Expected: played.Expected, Actual: played.Actual, Count: 1,
			Status: reports.Confirmed, Seen: "1 of 1", Fails: true, Raw: t.Raw, Trace: t.Path, Steps: played.Steps, Clients: clientsOf(played.Steps)})
	case reports.ReplayDifferent:
		rule.Exercised, rule.Why = false, "it diverges in another way"
		now := found[len(found)-1].Report()
		now.Fails = true
		r.report.Divergences = append(r.report.Divergences, now)
	}
	if !r.report.Coverage.Rules[t.Rule].Violated {
		r.report.Coverage.Rules[t.Rule] = rule
	}
}

// clientsOf counts the clients that some steps have at once.
func clientsOf(steps []reports.Step) int {
	clients := map[int]bool{}
	for _, s := range steps {
		if s.Client > 0 {
			clients[s.Client] = true
		}
	}
	return len(clients)
}

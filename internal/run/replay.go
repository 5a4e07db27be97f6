package run

import (
	"context"
	"strings"

	"github.com/insightconform/conform/internal/diagnose"
	"github.com/insightconform/conform/internal/probe"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
)

// Replay plays recorded traces on a target, which may be another one than they were found on, and says
// of each what became of it. Options.Order is the only option that it looks at. Errors are those of Run.
func Replay(ctx context.Context, target targets.Target, traces []*reports.Trace, options Options) ([]reports.Replay, error) {
	if err := options.Normalize(); err != nil {
		return nil, err
	}
	subject, err := probe.Open(ctx, target, options.Probe())
	if err != nil {
		return nil, err
	}
	defer target.Close()
	var replays []reports.Replay
	if subject.Probed {
		replays, _ = replay(ctx, diagnose.NewPlayer(subject.NewClient()), traces)
	}
	return replays, subject.Status.Ended()
}

// replay plays traces and says what became of each, and what was found.
func replay(ctx context.Context, player *diagnose.Player, traces []*reports.Trace) (out []reports.Replay, all diagnose.Suspicions) {
	all = diagnose.Suspicions{}
	for _, t := range traces {
		if ctx.Err() != nil {
			break
		}
		outcome, found := player.Replay(ctx, diagnose.OfTrace(t))
		outcome.Rule = t.Rule
		out = append(out, outcome)
		for _, d := range found {
			all.Add(d)
		}
	}
	return out, all
}

// replay plays the traces of earlier runs, whose findings count like fresh ones, and the entries of the baseline.
func (r *run) replay(ctx context.Context) {
	player, status := diagnose.NewPlayer(r.subject.NewClient()), r.subject.Status
	defer func() { r.report.ConfirmRequests += player.Client.Requests }()
	r.report.Replays, r.replayed = replay(ctx, player, r.options.Traces)
	if r.options.Baseline != nil {
		r.replayBaseline(ctx, player)
	}
	for _, d := range r.replayed.Sorted() {
		status.Divergences.Add(1)
		status.TellOnce(d.Key(), d.Event)
		if r.options.StopAtFirst && d.Finding.Level >= r.options.FailOn && player.ResolveOne(ctx, d, true) && r.confirmed(d) {
			status.Stop.Store(true)
			return
		}
	}
}

// replayBaseline plays the entries of the baseline: stale once expired or diverging no more.
func (r *run) replayBaseline(ctx context.Context, player *diagnose.Player) {
	for i := range r.options.Baseline.Entries {
		e := &r.options.Baseline.Entries[i]
		if ctx.Err() != nil {
			break
		}
		out, _ := player.Replay(ctx, diagnose.OfBaseline(e))
		switch {
		case e.Expired(r.report.Started):
			out.Stale, out.Why = true, "expired on "+e.Expires
			out.Outcome = reports.ReplayExpired
			out.Mend = "fix it, or give the entry another date"
		case out.Outcome == reports.ReplayFixed || out.Outcome == reports.ReplayDifferent:
			out.Stale = true
			out.Mend = "take the entry out: " + strings.TrimSpace(r.options.Command+" --update-baseline")
		}
		r.report.Baseline = append(r.report.Baseline, out)
	}
}

package conform

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/naming"
)

// recorded is a divergence of an earlier run, as a trace or a baseline has it.
type recorded struct {
	signature, raw string
	needs          []model.Capability
	requests       []model.Request
	tries          int // how often it may run without diverging
}

func (r recorded) shown() string {
	if r.raw != "" {
		return r.raw
	}
	return r.signature
}

// Replay plays recorded traces on a target, which may be another one than they were found on, and says
// of each what became of it. Options.Order is the only option that it looks at. Errors are those of Run.
func Replay(ctx context.Context, target targets.Target, traces []*reports.Trace, options Options) ([]reports.Replay, error) {
	target = naming.Wrap(target)
	if err := options.complete(); err != nil {
		return nil, err
	}
	r := &run{options: options, target: target, shared: newShared(), started: time.Now()}
	info, err := target.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w", err)
	}
	defer target.Close()
	r.opened(info)
	r.newReport()
	if err := r.prepare(ctx); err != nil {
		return nil, err
	}
	var replays []reports.Replay
	if r.probed != nil {
		replays = r.replayTraces(ctx, traces)
	}
	if stopped := r.shared.stopped.Load(); stopped != nil {
		return replays, *stopped
	}
	return replays, nil
}

// replayTraces replays traces on the opened and probed target.
func (r *run) replayTraces(ctx context.Context, traces []*reports.Trace) []reports.Replay {
	c := r.newConfirmer()
	var out []reports.Replay
	for _, t := range traces {
		if ctx.Err() != nil {
			break
		}
		x := recorded{signature: t.Signature, raw: t.Raw, needs: t.Needs, tries: 1}
		if t.Status == reports.Unrepeated {
			x.tries = maxTries
		}
		for _, s := range t.Steps {
			x.requests = append(x.requests, s.ModelRequest())
		}
		outcome := c.replayRecorded(ctx, x)
		outcome.Rule = t.Rule
		out = append(out, outcome)
	}
	r.report.ConfirmRequests += c.requests
	return out
}

// replayRecorded plays one recorded divergence until it shows, or as often as its rate demands.
func (c *confirmer) replayRecorded(ctx context.Context, x recorded) reports.Replay {
	out := reports.Replay{Signature: x.signature, Outcome: reports.ReplayFixed}
	for _, need := range x.needs {
		if !c.scope.Can[need] {
			out.Outcome, out.Why = reports.ReplayNotCovered, "the target has no "+string(need)
			return out
		}
	}
	for range x.tries {
		s, found, err := c.replay(ctx, x.requests)
		switch {
		case err != nil:
			out.Outcome, out.Why = reports.ReplayNotCovered, err.Error()
			return out
		case slices.ContainsFunc(found, func(f model.Finding) bool { return f.Signature() == x.shown() }):
			out.Outcome, out.Why = reports.ReplayDiverges, ""
			return out
		case len(found) > 0:
			f := found[len(found)-1]
			out.Outcome, out.Why = reports.ReplayDifferent, fmt.Sprintf("%s: %s instead of %s", f.Rule, f.Actual, f.Expected[0])
		case s.lost != "" || len(s.steps) < len(x.requests):
			out.Outcome, out.Why = reports.ReplayNotCovered, "the steps could not be played to the end: "+s.lost
		}
	}
	return out
}

// replayBaseline plays the steps of each entry of the baseline. An entry is stale where it has expired
// or does not diverge any more.
func (r *run) replayBaseline(ctx context.Context) {
	if r.options.Baseline == nil {
		return
	}
	c := r.newConfirmer()
	for i := range r.options.Baseline.Entries {
		e := &r.options.Baseline.Entries[i]
		if ctx.Err() != nil {
			break
		}
		x := recorded{signature: e.Signature, raw: e.Raw, needs: e.Needs, requests: e.Steps, tries: 1}
		if e.Seen != "" {
			x.tries = 3 * maxTries // it comes and goes: only a long silence says that it is gone
		}
		out := c.replayRecorded(ctx, x)
		switch {
		case e.Expired(r.started):
			out.Stale, out.Why = true, "expired on "+e.Expires
			out.Outcome = reports.ReplayExpired
			out.Mend = "fix it, or give the entry another date"
		case out.Outcome == reports.ReplayFixed || out.Outcome == reports.ReplayDifferent:
			out.Stale = true
			out.Mend = "take the entry out: " + strings.TrimSpace(r.options.Command+" --update-baseline")
		}
		r.report.Baseline = append(r.report.Baseline, out)
	}
	r.report.ConfirmRequests += c.requests
}

func (r *run) newConfirmer() *confirmer {
	return &confirmer{explorer: r.newExplorer(nil), singles: map[single]string{}}
}

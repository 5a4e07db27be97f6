package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"time"

	"github.com/insightconform/conform/internal/diagnose"
	"github.com/insightconform/conform/internal/explore"
	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/targets"
)

// Grace is how long after its time a run has ended. What was found is tried again in the last quarter of the time and
// the first two seconds of the grace; the rest is for cleaning up.
const (
	Grace     = 10 * time.Second
	tryAgain  = 2 * time.Second
	maxUnsure = 100 // divergences that a report lists, but for confirmed ones
)

var errMemory = errors.New("memory ran short; raise GOMEMLIMIT, or see why the target's answers are so large")

// limits end a run with its time, and before memory does: all of it, or what is tried again later.
type limits struct {
	caller, time, grace context.Context
	total               time.Duration
	end                 time.Time
}

// limit begins the time of a run; 0 is no limit.
func limit(caller context.Context, total time.Duration) (limits, func()) {
	if total == 0 {
		total = math.MaxInt64 / 4
	}
	ctx, cancel := context.WithCancelCause(caller)
	go watchMemory(ctx, cancel)
	end := time.Now().Add(total)
	grace, endGrace := context.WithDeadline(ctx, end.Add(tryAgain))
	timed, endTime := context.WithDeadlineCause(grace, end,
		errors.New("the time was over before it was known what the target can do; raise --time, or see why it answers so late"))
	return limits{caller, timed, grace, total, end}, func() { endTime(); endGrace(); cancel(nil) }
}

// watchMemory ends a run whose heap comes near the limit, where there is one, while its report can still be written.
func watchMemory(ctx context.Context, end context.CancelCauseFunc) {
	limit, heap := debug.SetMemoryLimit(-1), []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	for limit < math.MaxInt64 && targets.Sleep(ctx, 50*time.Millisecond) {
		if metrics.Read(heap); heap[0].Value.Uint64() > uint64(limit)/4*3 {
			end(errMemory)
		}
	}
}

// exploring is for the suites. Where something was found, they leave a quarter of the time to try it again.
func (l limits) exploring(status *session.Status) (context.Context, func()) {
	ctx, cancel := context.WithCancel(l.time)
	timer := time.AfterFunc(time.Until(l.end)-l.total/explore.TryAgain, func() {
		if status.Suspicions.Load() > 0 {
			cancel()
		}
	})
	return ctx, func() { timer.Stop(); cancel() }
}

// stopped says why the run ended with too little done, empty where it did not.
func (l limits) stopped(probed bool) string {
	cause := context.Cause(l.time)
	if l.caller.Err() != nil || cause == nil || probed && cause != errMemory {
		return ""
	}
	return cause.Error()
}

// close releases the target in what is left of the grace.
func (l limits) close(target targets.Target) error {
	done := make(chan error, 1)
	go func() { done <- target.Close() }()
	select {
	case err := <-done:
		return err
	case <-time.After(max(time.Second, time.Until(l.end)+Grace)):
		return fmt.Errorf("not done %v after the time was over; what was made may be left, in an account for 'conform sweep'", Grace)
	}
}

// ending says how the run ended.
func (r *run) ending(ctx context.Context) *reports.End {
	end := &reports.End{PutSucceeded: r.subject.Status.PutSucceeded(), Unusable: r.subject.Status.Unusable(), RanOut: r.subject.Status.RanOut(), NoTrails: r.subject.NoTrails,
		ReadOnly: r.subject.ReadOnly(), Resumed: r.options.Resume != nil}
	end.Interrupted = plain.When(ctx.Err() != nil, reports.ReasonInterrupted)
	end.Stopped = cmp.Or(r.limits.stopped(r.subject.Probed), plain.When(len(r.report.CutShort) > 0 && r.subject.Status.Silent(),
		"the target gave no more answers of any use when the run ended; see whether it still runs, and raise --time or --requests"))
	tried := 0
	for _, c := range r.report.Coverage.Rules {
		if c.Exercised {
			tried++
		} else if c.Applicable {
			tried -= 3
		}
	}
	if end.Budget = r.budget(); end.Budget != "" && tried < 0 { // fewer than three of four rules were tried
		end.Needed = r.exploration.Needed(ctx)
	}
	end.Failed = plain.When(r.failure() != nil, "the harness failed; what it had found is reported")
	var hanging []string
	r.report.TimedOut, hanging = r.subject.Status.TimedOut()
	for _, kind := range hanging {
		found := slices.ContainsFunc(r.found, func(d *diagnose.Divergence) bool {
			return d.Finding.Actual == session.NoAnswer && d.Again > 0 && strings.HasPrefix(kind, string(d.Finding.Operation)+" ")
		})
		if !found {
			end.Unusable = append(end.Unusable, kind)
		}
	}
	end.Lost = r.subject.Status.Lost()
	if r.subject.Status.TargetLost() {
		end.LastRequests = r.subject.Status.LastRequests()
	}
	if errors.Is(r.subject.Status.Ended(), targets.ErrRefused) {
		end.Refused, end.Lost = end.Lost, ""
	}
	return end
}

// budget is the option that ended suites early, as the flag that sets it; empty where none did.
func (r *run) budget() string {
	if len(r.report.CutShort) == 0 || r.exploration == nil {
		return ""
	}
	spent := func(w *explore.Worker) bool { return w.Client.Requests >= w.Client.Quota }
	switch {
	case r.late && r.options.Time > 0:
		return "--time " + r.options.Time.String()
	case r.options.InAll() > 0 && slices.ContainsFunc(r.exploration.Workers, spent):
		return "--budget " + r.options.Budget
	case r.options.Requests > 0 && slices.ContainsFunc(r.exploration.Workers, spent):
		return fmt.Sprintf("--requests %d", r.options.Requests)
	}
	return ""
}

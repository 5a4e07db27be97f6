package run

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/insightconform/conform/internal/session"
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
	timer := time.AfterFunc(time.Until(l.end)-l.total/4, func() {
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

package run_test

import (
	"context"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/internal/run"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/embedded"
)

// slow is a target whose requests take a while.
type slow struct {
	targets.Target
	requests atomic.Int64
	takes    time.Duration                                                  // each request
	instead  func(n int64, r model.Request) (answer targets.Reply, ok bool) // of the n-th request; may be nil
	// stuckAfter is how many requests are answered so; the others take a minute.
	stuckAfter int64
	closing    time.Duration                                        // of the target
	worlds     func(ctx context.Context, inner targets.World) error // their closing; nil is at once
}

func (s *slow) NewWorld(ctx context.Context) (targets.World, error) {
	world, err := s.Target.NewWorld(ctx)
	return &slowWorld{world, s}, err
}

func (s *slow) Close() error {
	time.Sleep(s.closing)
	return s.Target.Close()
}

type slowWorld struct {
	targets.World
	target *slow
}

func (w *slowWorld) Do(ctx context.Context, r model.Request) targets.Reply {
	n := w.target.requests.Add(1)
	takes := w.target.takes
	if after := w.target.stuckAfter; after > 0 && n > after {
		takes = time.Minute
	}
	if !targets.Sleep(ctx, takes) {
		return targets.Reply{Problem: "interrupted", TimedOut: true}
	}
	if w.target.instead != nil {
		if answer, ok := w.target.instead(n, r); ok {
			return answer
		}
	}
	return w.World.Do(ctx, r)
}

func (w *slowWorld) Close(ctx context.Context) error {
	if w.target.worlds != nil {
		return w.target.worlds(ctx, w.World)
	}
	return w.World.Close(ctx)
}

func wrong() targets.Target {
	return embedded.InProcess(embedded.ServerOptions{Fault: "appends-selectors"})
}

// timed runs on a fake clock and returns how long that took, of its clock.
func timed(t *testing.T, target targets.Target, options run.Options) (report *reports.Report, took time.Duration, err error) {
	t.Helper()
	options.Seed, options.Workers = 1, 2
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		report, err = run.Run(t.Context(), target, options)
		took = time.Since(began)
		time.Sleep(time.Hour) // what a target still does comes to its end
	})
	return report, took, err
}

func throttled(one int64) func(int64, model.Request) (targets.Reply, bool) {
	return func(n int64, r model.Request) (targets.Reply, bool) {
		return targets.Reply{Answer: model.Refusal("ThrottlingException"), Status: 400}, n > 200 && n%one != 0
	}
}

// TestTimeBoundsTheWholeRun: probing, exploring, trying again, shortening and cleaning up end within the grace.
func TestTimeBoundsTheWholeRun(t *testing.T) {
	hangingClose := func(ctx context.Context, _ targets.World) error { <-ctx.Done(); return ctx.Err() }
	for name, target := range map[string]*slow{
		"slow":                     {Target: wrong(), takes: 50 * time.Millisecond},
		"very slow":                {Target: wrong(), takes: 3 * time.Second},
		"throttles":                {Target: wrong(), takes: time.Millisecond, instead: throttled(10)},
		"throttles everything":     {Target: wrong(), takes: time.Millisecond, instead: throttled(1 << 40)},
		"worlds that do not close": {Target: wrong(), takes: 20 * time.Millisecond, worlds: hangingClose},
		"closes after an hour":     {Target: wrong(), takes: 20 * time.Millisecond, closing: 50 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			for _, given := range []time.Duration{time.Second, 10 * time.Second, time.Minute} {
				report, took, err := timed(t, target, run.Options{Time: given})
				assert.LessOrEqual(t, took, given+run.Grace, given)
				if err != nil {
					assert.ErrorIs(t, err, targets.ErrInconclusive)
					continue
				}
				assert.NotEqual(t, reports.Conforms, report.Verdict, report.Reason)
				assert.Empty(t, report.End.Interrupted)
				target.requests.Store(0)
			}
		})
	}
}

// TestTimeLeavesRoomToTryAgain: what is found is confirmed within the time, and shortened.
func TestTimeLeavesRoomToTryAgain(t *testing.T) {
	report, _, err := timed(t, &slow{Target: wrong(), takes: 5 * time.Millisecond}, run.Options{Time: time.Minute})
	require.NoError(t, err)
	assert.Equal(t, reports.ExitDiverges, report.ExitCode, report.Reason)
	require.Len(t, report.Divergences, 1)
	assert.Equal(t, reports.Confirmed, report.Divergences[0].Status)
	assert.LessOrEqual(t, len(report.Divergences[0].Steps), 4)
}

// TestTimeOverBeforeAllIsTriedAgain: what was seen is listed as not tried again, not dropped and not taken for certain.
func TestTimeOverBeforeAllIsTriedAgain(t *testing.T) {
	var slipped atomic.Bool
	for name, instead := range map[string]func(int64, model.Request) (targets.Reply, bool){
		"wrong answers": func(n int64, r model.Request) (targets.Reply, bool) {
			return targets.Reply{Answer: model.Refusal("OddException"), Status: 400}, r.Op == model.OpGet && n > 490 && slipped.CompareAndSwap(false, true)
		},
		"crashes": func(n int64, r model.Request) (targets.Reply, bool) {
			return targets.Reply{Answer: model.Answer{Outcome: model.Crashed}, Status: 500, Problem: "HTTP 500"}, n > 200 && n%9 == 0
		},
	} {
		t.Run(name, func(t *testing.T) {
			target := &slow{Target: embedded.InProcess(embedded.ServerOptions{}), takes: 10 * time.Millisecond, instead: instead, stuckAfter: 500}
			report, _, err := timed(t, target, run.Options{Time: 30 * time.Second})
			require.NoError(t, err)
			assert.Equal(t, reports.ExitInconclusive, report.ExitCode, report.Reason)
			assert.Contains(t, report.Reason, "the run ended before it had tried again")
			require.NotEmpty(t, report.Divergences)
			for _, d := range report.Divergences {
				assert.Equal(t, reports.NotTried, d.Status, d.Signature)
			}
			assert.NotContains(t, strings.Join(report.Notes, "\n"), "no divergence")
		})
	}
}

// TestTimeOverWhileTheTargetIsAway: that time is over says nothing of a target that does not answer just then.
func TestTimeOverWhileTheTargetIsAway(t *testing.T) {
	for name, away := range map[string]targets.Reply{
		"silent":    {Problem: "connection refused"},
		"throttles": {Answer: model.Refusal("ThrottlingException"), Status: 400},
	} {
		t.Run(name, func(t *testing.T) {
			target := &slow{Target: embedded.InProcess(embedded.ServerOptions{}), takes: 10 * time.Millisecond}
			target.instead = func(n int64, r model.Request) (targets.Reply, bool) { return away, n > 600 }
			report, took, err := timed(t, target, run.Options{Time: 9 * time.Second})
			require.NoError(t, err)
			assert.Empty(t, report.End.Lost)
			assert.Empty(t, report.End.Interrupted)
			assert.NotEqual(t, reports.ExitDiverges, report.ExitCode, report.Reason)
			assert.LessOrEqual(t, took, 9*time.Second+run.Grace)
		})
	}
}

// TestTimeOverBeforeTheSuites: nothing is known then, and the report says why.
func TestTimeOverBeforeTheSuites(t *testing.T) {
	report, took, err := timed(t, &slow{Target: wrong(), takes: time.Second}, run.Options{Time: 3 * time.Second})
	require.NoError(t, err)
	assert.Equal(t, reports.ExitInconclusive, report.ExitCode)
	assert.Contains(t, report.Reason, "the time was over before it was known what the target can do")
	assert.Equal(t, report.End.Stopped, strings.Split(report.Reason, ";")[0]+"; raise --time, or see why it answers so late")
	assert.True(t, report.Partial)
	assert.LessOrEqual(t, took, 3*time.Second+run.Grace)
}

// TestInterruptedBeforeTheTime: who interrupts is told so, whatever time is left.
func TestInterruptedBeforeTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		report, err := run.Run(ctx, &slow{Target: wrong(), takes: 10 * time.Millisecond}, run.Options{Seed: 1, Time: time.Minute})
		require.NoError(t, err)
		assert.Equal(t, reports.ExitInterrupted, report.ExitCode)
		assert.Empty(t, report.End.Stopped)
	})
}

// TestMemoryRunsShort: a run ends before the limit of memory does it, and says so.
func TestMemoryRunsShort(t *testing.T) {
	before := debug.SetMemoryLimit(1 << 20) // which the test itself exceeds
	defer debug.SetMemoryLimit(before)
	target := &slow{Target: wrong(), takes: 5 * time.Millisecond}
	report, err := run.Run(t.Context(), target, run.Options{Seed: 1, Workers: 2})
	require.NoError(t, err)
	assert.Contains(t, []int{reports.ExitInconclusive, reports.ExitDiverges}, report.ExitCode, report.Reason)
	assert.Contains(t, report.Reason, "memory ran short")
	assert.NotEmpty(t, report.End.Stopped)
	assert.True(t, report.Partial)
	assert.Less(t, report.Requests, 5000)
}

// TestTimeOverWhileNothingAnswers: what was judged before a target turned bad is no green where the time is over before it
// is known whether it comes back; a single request without an answer is none of its business.
func TestTimeOverWhileNothingAnswers(t *testing.T) {
	crash := targets.Reply{Answer: model.Answer{Outcome: model.Crashed}, Status: 500, Problem: "HTTP 500"}
	right := embedded.InProcess(embedded.ServerOptions{})
	for name, c := range map[string]struct {
		wrong   func(n int64) bool
		verdict reports.Verdict
	}{
		"to the end": {func(n int64) bool { return n > 12_000 }, reports.Inconclusive},
		"at times":   {func(n int64) bool { return n > 1000 && n%300 == 0 }, reports.Conforms},
	} {
		t.Run(name, func(t *testing.T) {
			target := &slow{Target: right, takes: time.Millisecond, instead: func(n int64, _ model.Request) (targets.Reply, bool) { return crash, c.wrong(n) }}
			report, _, err := timed(t, target, run.Options{Time: 8 * time.Second})
			require.NoError(t, err)
			assert.Equal(t, c.verdict, report.Verdict, report.Reason)
			assert.True(t, report.Partial)
			if c.verdict == reports.Inconclusive {
				assert.Contains(t, report.Reason, "no more answers of any use when the run ended")
			}
		})
	}
}

// TestBudgetIsNamed: where a budget was too small for a verdict, the reason names it, and what would have been enough.
func TestBudgetIsNamed(t *testing.T) {
	for reason, o := range map[string]run.Options{
		`^too few rules .* before --requests 100 was used up \(the suites take about 1\d,\d{3} requests\); raise --requests, and`: {Requests: 100},
		// How far it gets in that time is a matter of luck.
		`before --time 1ms was used up \(the suites take about 1\d,\d{3} requests\); raise --time, (or|and)|before it was known what the target can do; raise --time, or`: {Time: time.Millisecond},
		`executed before --requests 300 was used up \(the suites take about [0-9,]+ requests\); raise --requests, or go`:                                                  {Requests: 300, Suites: []string{"complete"}, Machines: []string{"stores"}},
	} {
		o.Seed, o.Workers = 1, 2
		report, err := run.Run(t.Context(), embedded.InProcess(embedded.ServerOptions{}), o)
		if err != nil { // it was over while probing
			assert.Regexp(t, `raise --time`, err)
			continue
		}
		assert.Equal(t, reports.ExitInconclusive, report.ExitCode)
		assert.Regexp(t, reason, report.Reason)
	}
	report, err := run.Run(t.Context(), embedded.InProcess(embedded.ServerOptions{Fault: "appends-selectors"}),
		run.Options{Seed: 1, Workers: 2, Requests: 20000, StopAtFirst: true})
	require.NoError(t, err)
	assert.Empty(t, report.End.Budget, "the first divergence has ended it")
}

package embedded_test

// Runs against a service of many replicas, on a fake clock: they must call nothing wrong that is right,
// and still find what is wrong.

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/internal/testing/choices"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/text"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/embedded"
)

// replicas are what a run must stand, and the settle time that it is declared with.
func replicas(seed uint64) (*embedded.Replicas, time.Duration) {
	w := &embedded.Replicas{Seed: seed, Late: 8 * time.Second, Stale: 0.35, Throttle: 0.03, Lost: 0.02, Slow: 200 * time.Millisecond}
	switch seed % 3 {
	case 0:
		return w, 2*w.Late + time.Second // not a moment more than it needs
	case 1:
		w.Late, w.Stale = 30*time.Second, 0.7
	}
	return w, conform.DefaultSettle
}

// inCI is how much is tried: more where time is no matter.
func inCI(t *testing.T, what string, more, fewer uint64) uint64 {
	if os.Getenv("CI") != "" {
		return more
	}
	t.Logf("%s: %d here, %d with CI=true", what, fewer, more)
	return fewer
}

func run(t *testing.T, target targets.Target, options conform.Options) *reports.Report {
	t.Helper()
	options.Eventual = true
	if options.Workers == 0 {
		options.Workers = 1
	}
	report, err := conform.Run(t.Context(), target, options)
	require.NoError(t, err)
	return report
}

func explain(report *reports.Report) string {
	text := report.Reason
	for _, d := range report.Divergences {
		text += fmt.Sprintf("\n%s raw %s (%s, %d times)", d.Signature, d.Raw, d.Status, d.Count)
		for _, s := range d.Steps {
			text += fmt.Sprintf("\n    %s %s %s → %s %s %s", s.Operation, s.Region, s.Request, s.Answer.Outcome, s.Answer.Code, s.Answer.Body)
		}
	}
	return text
}

// TestNoFalseVerdict: however late the replicas, no divergence of a right server is reported, nor of one that
// differs wherever it may.
func TestNoFalseVerdict(t *testing.T) {
	var waits, unclear atomic.Int64
	seeds := inCI(t, "seeds", 200, 20)
	t.Run("seeds", func(t *testing.T) {
		for seed := uint64(1); seed <= seeds; seed++ {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					late, settle := replicas(seed)
					server := embedded.ServerOptions{}.With(late)
					if seed%2 == 0 {
						server.Chooser = choices.Random(seed, 0)
					}
					options := conform.Options{Seed: seed, Requests: 2000, Settle: settle}
					if seed%4 < 2 {
						options.Suites = []string{conform.Random}
					}
					report := run(t, embedded.InProcess(server), options)
					assert.Empty(t, report.Divergences, explain(report))
					if report.Verdict != reports.Conforms { // too little was covered
						assert.Equal(t, reports.Inconclusive, report.Verdict, report.Reason)
						unclear.Add(1)
					}
					waits.Add(int64(report.Settling.Waits))
				})
			})
		}
	})
	t.Logf("%d waits, %d runs of %d covered too little", waits.Load(), unclear.Load(), seeds)
	assert.Greater(t, uint64(waits.Load()), 50*seeds, "some were late")
}

// TestOverHTTP is the same through the SDK and the wire, with several worlds side by side.
func TestOverHTTP(t *testing.T) {
	for seed := range inCI(t, "seeds", 6, 2) {
		seed++
		synctest.Test(t, func(t *testing.T) {
			late, settle := replicas(seed)
			target := embedded.NewTarget(embedded.Options{ServerOptions: embedded.ServerOptions{}.With(late)}.InMemory())
			report := run(t, target, conform.Options{Seed: seed, Settle: settle, Requests: 3000, Workers: 3})
			assert.Empty(t, report.Divergences, explain(report))
			assert.NotZero(t, report.Settling.Waits)
			var shown strings.Builder
			require.NoError(t, text.Report(&shown, report, text.Options{}))
			assert.Contains(t, shown.String(), "did not match at once")
		})
	}
}

// TestTimeToConverge: the report tells how long a target with a known delay takes.
func TestTimeToConverge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := &embedded.Replicas{Seed: 1, Late: 4 * time.Second, Stale: 1}
		report := run(t, embedded.InProcess(embedded.ServerOptions{}.With(late)), conform.Options{Seed: 1, Requests: 2000})
		assert.Equal(t, reports.Conforms, report.Verdict, report.Reason)
		assert.True(t, report.Target.Eventual)
		assert.Greater(t, report.Settling.Waits, 100)
		assert.Greater(t, report.Settling.MedianSeconds, 0.2)
		assert.LessOrEqual(t, report.Settling.MedianSeconds, 4.0)
		assert.Zero(t, report.Settling.TimedOut)
	})
}

// TestReplicasAreLateEnough: a run that does not wait calls a right server wrong.
func TestReplicasAreLateEnough(t *testing.T) {
	for seed := uint64(1); seed <= 3; seed++ {
		synctest.Test(t, func(t *testing.T) {
			late, _ := replicas(seed)
			report := run(t, embedded.InProcess(embedded.ServerOptions{}.With(late)), conform.Options{Seed: seed, Requests: 1000, Settle: time.Nanosecond})
			assert.Equal(t, reports.Diverges, report.Verdict, "seed %d: %s", seed, report.Reason)
		})
	}
}

// TestSharpWithReplicas: what is wrong is still found, confirmed and blamed on its rule.
func TestSharpWithReplicas(t *testing.T) {
	var runs, hits atomic.Int64
	t.Run("faults", func(t *testing.T) {
		stride := int(inCI(t, "one fault of", 8, 40))
		for i, f := range embedded.Faults {
			if f.Deep || f.Computed || i%stride != 0 {
				continue
			}
			seed := uint64(i + 1)
			t.Run(f.Name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					late, settle := replicas(seed)
					report := run(t, embedded.InProcess(embedded.ServerOptions{Fault: f.Name}.With(late)),
						conform.Options{Seed: seed, Settle: settle})
					runs.Add(1)
					if slices.ContainsFunc(report.Divergences, func(d reports.Divergence) bool { return d.Rule == f.Rule && d.Status == reports.Confirmed }) {
						hits.Add(1)
					} else {
						t.Logf("%s (seed %d): %s", f.Rule, seed, explain(report))
					}
				})
			})
		}
	})
	t.Logf("%d of %d faults found", hits.Load(), runs.Load())
	assert.GreaterOrEqual(t, 10*hits.Load(), 9*runs.Load())
}

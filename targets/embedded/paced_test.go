package embedded_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/endpoint"
	"github.com/insightconform/conform/targets/pace"
)

// counting counts what a limiter lets through.
type counting struct {
	endpoint.Pacer
	mu            sync.Mutex
	writes, reads int
}

func (c *counting) Wait(ctx context.Context, region string, write bool) error {
	err := c.Pacer.Wait(ctx, region, write)
	c.mu.Lock()
	defer c.mu.Unlock()
	if write {
		c.writes++
	} else {
		c.reads++
	}
	return err
}

// paced is the embedded server without sockets, with a home Region.
func paced(limiter *counting, home string, workers int) targets.Target {
	return embedded.NewTarget(embedded.Options{Pace: limiter, Workers: workers, Regions: []string{home, "eu-west-1"}}.InMemory())
}

// systematic runs the systematic suite, with the tour of all transitions, and returns how long that
// took on the fake clock.
func systematic(t *testing.T, target targets.Target, options conform.Options) (*reports.Report, float64) {
	t.Helper()
	began := time.Now()
	options.Suites = []string{conform.Systematic}
	report, err := conform.Run(t.Context(), target, options)
	require.NoError(t, err)
	assert.Empty(t, report.Divergences)
	return report, time.Since(began).Seconds()
}

// TestReadsHideBehindWrites: with several trails in one Region, a run takes little longer than its
// writes do.
func TestReadsHideBehindWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one := &counting{Pacer: pace.New(pace.Default)}
		report, seconds := systematic(t, paced(one, "us-east-1", 5), conform.Options{})
		assert.Equal(t, report.Coverage.Transitions.Total, report.Coverage.Transitions.Covered)
		assert.Greater(t, report.Coverage.Transitions.Total, 2500)
		t.Logf("one Region: %d writes and %d reads in %.0f seconds", one.writes, one.reads, seconds)
		assert.LessOrEqual(t, seconds, 1.15*float64(one.writes))
	})
}

// TestTimeIsKept: the run ends when its time is over, with what it has.
func TestTimeIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter := &counting{Pacer: pace.New(pace.Default)}
		report, seconds := systematic(t, paced(limiter, "us-east-1", 5), conform.Options{Time: 10 * time.Minute})
		assert.InDelta(t, 600, seconds, 15)
		assert.Equal(t, []string{conform.Systematic}, report.CutShort)
		assert.NotEqual(t, reports.Diverges, report.Verdict)
	})
}

// TestPacedOverSockets is a short run with real connections on the real clock.
func TestPacedOverSockets(t *testing.T) {
	limiter := &counting{Pacer: pace.New(pace.Rates{Writes: 500, Reads: 5000})}
	target := embedded.NewTarget(embedded.Options{Pace: limiter, Workers: 2, Regions: []string{"us-east-1", "eu-west-1"}})
	report, err := conform.Run(t.Context(), target, conform.Options{Requests: 500, Seed: 1})
	require.NoError(t, err)
	assert.Empty(t, report.Divergences)
	assert.Greater(t, limiter.writes, 100)
	assert.Greater(t, limiter.reads+limiter.writes, report.Requests*9/10, "all but those that arrange conditions")
}

package pace_test

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
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
	"github.com/insightconform/conform/targets/pace"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]pace.Rates{
		"writes=1,reads=10": pace.Default,
		"writes=0.5":        {Writes: 0.5, Reads: 10},
		"reads=3, writes=2": {Writes: 2, Reads: 3},
	} {
		got, err := pace.Parse(text)
		assert.NoError(t, err, text)
		assert.Equal(t, want, got, text)
		again, err := pace.Parse(got.String())
		assert.NoError(t, err)
		assert.Equal(t, got, again)
	}
	for _, text := range []string{"", "1", "writes", "writes=", "writes=0", "writes=-1", "reads=NaN", "reads=Inf", "reads=1e9", "deletes=1", "reads=1,reads=2", "writes=1,"} {
		_, err := pace.Parse(text)
		assert.Error(t, err, text)
	}
}

// waits takes n tokens one after the other and returns how long that took.
func waits(t *testing.T, l *pace.Limiter, region string, write bool, n int) time.Duration {
	t.Helper()
	began := time.Now()
	for range n {
		require.NoError(t, l.Wait(t.Context(), region, write))
	}
	return time.Since(began)
}

func TestRatesByRegionAndClass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := pace.New(pace.Default)
		assert.InDelta(t, 100, waits(t, l, "us-east-1", true, 101).Seconds(), 0.1)
		assert.InDelta(t, 100, waits(t, l, "us-east-1", false, 1005).Seconds(), 0.5, "reads have a bucket of their own")

		began := time.Now()
		var wait sync.WaitGroup
		for _, region := range []string{"eu-west-1", "eu-west-2", "eu-west-3"} {
			wait.Go(func() { waits(t, l, region, true, 101) })
		}
		wait.Wait()
		assert.InDelta(t, 100, time.Since(began).Seconds(), 0.1, "each Region has buckets of its own")
	})
}

func TestThrottlingSlowsDownAndWearsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := pace.New(pace.Rates{Writes: 4, Reads: 10})
		for range 5 { // of requests that were on their way together
			l.Throttled("us-east-1", true)
		}
		assert.Equal(t, 2.0, l.Rate("us-east-1", true), "one burst of refusals halves the rate once")
		assert.Equal(t, 4.0, l.Rate("eu-west-1", true), "another Region is not concerned")
		assert.Equal(t, 10.0, l.Rate("us-east-1", false), "nor are reads")
		waits(t, l, "us-east-1", true, 1)
		assert.InDelta(t, 5, waits(t, l, "us-east-1", true, 10).Seconds(), 0.01)

		for range 100 {
			time.Sleep(2 * time.Second)
			l.Throttled("us-east-1", true)
		}
		assert.Equal(t, 0.25, l.Rate("us-east-1", true), "there is a floor")
		time.Sleep(10 * time.Second)
		assert.InDelta(t, 0.65, l.Rate("us-east-1", true), 0.001, "it recovers slowly")
		time.Sleep(10 * time.Minute)
		assert.Equal(t, 4.0, l.Rate("us-east-1", true))
	})
}

// TestWaitEndsWithItsContext: a wait is neither refused beforehand nor longer than its context, and
// gives its token back.
func TestWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := pace.New(pace.Rates{Writes: 0.1, Reads: 10})
		waits(t, l, "us-east-1", true, 1)
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		assert.ErrorIs(t, l.Wait(ctx, "us-east-1", true), context.DeadlineExceeded)
		assert.Equal(t, 4*time.Second, time.Since(began))
		assert.ErrorIs(t, l.Wait(ctx, "us-east-1", true), context.DeadlineExceeded)
		assert.InDelta(t, 6, waits(t, l, "us-east-1", true, 1).Seconds(), 0.01)
	})
}

// counting counts what a limiter lets through.
type counting struct {
	*pace.Limiter
	mu            sync.Mutex
	writes, reads int
}

func (c *counting) Wait(ctx context.Context, region string, write bool) error {
	err := c.Limiter.Wait(ctx, region, write)
	c.mu.Lock()
	defer c.mu.Unlock()
	if write {
		c.writes++
	} else {
		c.reads++
	}
	return err
}

// local hands requests to a handler without sockets, in the calling goroutine.
type local struct{ http.Handler }

func (l local) RoundTrip(req *http.Request) (answer *http.Response, err error) {
	defer func() {
		if p := recover(); p == http.ErrAbortHandler {
			err = io.ErrUnexpectedEOF
		} else if p != nil {
			panic(p)
		}
	}()
	served := req.Clone(req.Context())
	if served.Body == nil {
		served.Body = http.NoBody
	}
	out := httptest.NewRecorder()
	l.ServeHTTP(out, served)
	return out.Result(), nil
}

func inMemory(h http.Handler) http.RoundTripper { return local{h} }

// paced is the embedded server without sockets, with a home Region.
func paced(limiter *counting, home string, workers int) targets.Target {
	return embedded.NewTarget(embedded.Options{Transport: inMemory, Pace: limiter, Workers: workers, Regions: []string{home, "eu-west-1"}})
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
		one := &counting{Limiter: pace.New(pace.Default)}
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
		limiter := &counting{Limiter: pace.New(pace.Default)}
		report, seconds := systematic(t, paced(limiter, "us-east-1", 5), conform.Options{Time: 10 * time.Minute})
		assert.InDelta(t, 600, seconds, 15)
		assert.Equal(t, []string{conform.Systematic}, report.CutShort)
		assert.NotEqual(t, reports.Diverges, report.Verdict)
	})
}

// TestPacedOverSockets is a short run with real connections on the real clock.
func TestPacedOverSockets(t *testing.T) {
	limiter := &counting{Limiter: pace.New(pace.Rates{Writes: 500, Reads: 5000})}
	target := embedded.NewTarget(embedded.Options{Pace: limiter, Workers: 2, Regions: []string{"us-east-1", "eu-west-1"}})
	report, err := conform.Run(t.Context(), target, conform.Options{Requests: 500, Seed: 1})
	require.NoError(t, err)
	assert.Empty(t, report.Divergences)
	assert.Greater(t, limiter.writes, 100)
	assert.GreaterOrEqual(t, limiter.reads+limiter.writes, report.Requests)
}

func ExampleRates_Seconds() {
	fmt.Println(math.Round(pace.Default.Seconds(3000, 9000)))
	// Output: 3000
}

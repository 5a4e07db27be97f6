package pace_test

import (
	"context"
	"fmt"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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

func ExampleRates_Seconds() {
	fmt.Println(math.Round(pace.Default.Seconds(3000, 9000)))
	// Output: 3000
}

// Package pace keeps requests below a service's quotas: token buckets per Region and class, writes and
// reads, which slow down when the service throttles and recover slowly.
package pace

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/insightconform/conform/targets"
)

// Rates are requests a second in one Region.
type Rates struct {
	Writes, Reads float64
}

// Default is CloudTrail's quota for its management operations.
var Default = Rates{Writes: 1, Reads: 10}

// Seconds returns how long so many requests take at least in one Region.
func (r Rates) Seconds(writes, reads int) float64 {
	return max(float64(writes)/r.Writes, float64(reads)/r.Reads)
}

// maxRate is far above what any service takes; it catches slips of the finger.
const maxRate = 100_000

// Parse reads rates such as "writes=1,reads=10". A class that is not named keeps its default.
func Parse(text string) (Rates, error) {
	rates := Default
	classes, given := map[string]*float64{"writes": &rates.Writes, "reads": &rates.Reads}, map[string]bool{}
	for item := range strings.SplitSeq(text, ",") {
		class, number, _ := strings.Cut(strings.TrimSpace(item), "=")
		if given[class] {
			return Rates{}, fmt.Errorf("names %s twice", class)
		}
		given[class] = true
		n, err := strconv.ParseFloat(number, 64)
		if classes[class] == nil || err != nil || !(n > 0 && n <= maxRate) {
			return Rates{}, fmt.Errorf("must be requests a second in each Region, above 0 and up to %d, like writes=1,reads=10", maxRate)
		}
		*classes[class] = n
	}
	return rates, nil
}

// String writes rates as Parse reads them.
func (r Rates) String() string {
	number := func(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }
	return "writes=" + number(r.Writes) + ",reads=" + number(r.Reads)
}

// A throttled bucket halves its rate, but once for the requests that are on their way, and wins it back in steps.
const (
	slower     = 0.5
	floor      = 1.0 / 16 // of the configured rate
	forgiving  = time.Second
	recovery   = 10 * time.Second
	recovering = 0.1 // of the configured rate
)

// limiter hands out the tokens. It may be used by many goroutines.
type limiter struct {
	rates Rates

	mu      sync.Mutex
	buckets map[class]*bucket
}

type class struct {
	region string
	write  bool
}

type bucket struct {
	full    rate.Limit
	tokens  *rate.Limiter
	changed time.Time // when the rate was last lowered or raised
}

// New returns a limiter with full buckets.
func New(r Rates) *limiter { return &limiter{rates: r, buckets: map[class]*bucket{}} }

// bucket finds the bucket of a class, with what has come back of its rate. The lock is held.
func (l *limiter) bucket(now time.Time, region string, write bool) *bucket {
	key := class{region, write}
	b, ok := l.buckets[key]
	if !ok {
		// Half a second's worth of reads may go out at once, but writes come one by one.
		b = &bucket{full: rate.Limit(l.rates.Writes)}
		burst := 1
		if !write {
			b.full, burst = rate.Limit(l.rates.Reads), max(1, int(l.rates.Reads/2))
		}
		b.tokens = rate.NewLimiter(b.full, burst)
		l.buckets[key] = b
	}
	// What was lowered is raised by what the undisturbed time since the last change has earned.
	steps := int(now.Sub(b.changed) / recovery)
	if limit := b.tokens.Limit(); limit < b.full && steps > 0 {
		b.set(now, min(b.full, limit+rate.Limit(float64(steps)*recovering)*b.full))
	}
	return b
}

func (b *bucket) set(now time.Time, limit rate.Limit) {
	b.tokens.SetLimitAt(now, limit)
	b.changed = now
}

// Wait returns when one more request of the class may go to the Region, or with the context's error
// once the context is done, and not before: a deadline that will not be met is no reason to end early.
func (l *limiter) Wait(ctx context.Context, region string, write bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	now := time.Now()
	l.mu.Lock()
	reserved := l.bucket(now, region, write).tokens.ReserveN(now, 1)
	l.mu.Unlock()
	if delay := reserved.DelayFrom(now); delay > 0 && !targets.Sleep(ctx, delay) {
		reserved.Cancel()
		return ctx.Err()
	}
	return nil
}

// Throttled tells that a request of the class was refused for coming too fast.
func (l *limiter) Throttled(region string, write bool) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(now, region, write)
	if limit := b.tokens.Limit(); limit == b.full || now.Sub(b.changed) >= forgiving {
		b.set(now, max(b.full*floor, limit*slower))
	}
}

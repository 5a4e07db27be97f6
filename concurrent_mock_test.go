package conform_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
)

// locked is the right mock, which counts who calls it at once, with what is wrong where a Put overlaps another call.
type locked struct {
	*Mock
	flying *atomic.Int64 // calls under way
	most   *atomic.Int64 // of them
	mixes  bool          // such a Put keeps what was stored
	held   chan bool     // such a Put never lets go, where not nil
}

func newLocked() locked {
	return locked{Mock: newMock(), flying: &atomic.Int64{}, most: &atomic.Int64{}}
}

// visit counts the calls under way, and reports whether there are others.
func (l locked) visit() (others bool, leave func()) {
	n := l.flying.Add(1)
	for most := l.most.Load(); n > most && !l.most.CompareAndSwap(most, n); most = l.most.Load() {
	}
	time.Sleep(100 * time.Microsecond) // as long as work would take
	return l.flying.Load() > 1, func() { l.flying.Add(-1) }
}

func (l locked) PutInsightSelectors(ctx context.Context, in *putInput, _ ...option) (*putOutput, error) {
	others, leave := l.visit()
	defer leave()
	if others && l.held != nil {
		l.mu.Lock()
		<-l.held
	}
	name := aws.ToString(in.TrailName)
	l.mu.Lock()
	before := l.insights[name]
	l.mu.Unlock()
	out, err := l.Mock.PutInsightSelectors(ctx, in)
	if err == nil && others && l.mixes {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.insights[name] = append(before, l.insights[name]...)
	}
	return out, err
}

func (l locked) GetInsightSelectors(ctx context.Context, in *getInput, _ ...option) (*getOutput, error) {
	_, leave := l.visit()
	defer leave()
	return l.Mock.GetInsightSelectors(ctx, in)
}

// TestMockWithSeveralClients: a mock is called by several goroutines where Options.Clients says so, and never else.
func TestMockWithSeveralClients(t *testing.T) {
	t.Parallel()
	of := func(l locked, o conform.Options) *reports.Report {
		o.Seed = 1
		report, err := conform.Run(t.Context(), conform.Mock(l, conform.MockOptions{Trails: l.trails, Reset: l.Reset}), o)
		require.NoError(t, err)
		return report
	}
	for clients, most := range map[int]int64{0: 1, 1: 1, 4: 4} {
		right := newLocked()
		report := of(right, conform.Options{Clients: clients, Requests: map[int]int{0: 1000, 1: 1000}[clients]})
		assert.Equal(t, reports.Conforms, report.Verdict, "%d clients: %s", clients, explain(report, func(model.ID) bool { return true }))
		assert.Equal(t, most, right.most.Load(), "%d clients", clients)
		assert.Equal(t, clients > 1, report.Coverage.Rules[model.ConcurrentWhole].Judged())
	}

	alone := conform.Options{Clients: 4, Suites: []string{conform.Concurrent}}
	mixed := newLocked()
	mixed.mixes = true
	report := of(mixed, alone)
	assert.Equal(t, reports.Diverges, report.Verdict, report.Reason)
	assert.Contains(t, rulesOf(report), model.ConcurrentWhole)
	tb := &recorder{ctx: t.Context()}
	conform.Check(tb, conform.Mock(mixed, conform.MockOptions{Trails: mixed.trails, Reset: mixed.Reset}), alone)
	assert.Contains(t, strings.Join(tb.errors, ""), "concurrent/whole")

	held := newLocked()
	held.held = make(chan bool)
	defer close(held.held)
	report = of(held, alone)
	assert.Equal(t, []model.ID{model.ConcurrentNoCrash}, rulesOf(report), report.Reason)
	assert.Equal(t, reports.Diverges, report.Verdict, report.Reason)
}

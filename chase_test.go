package conform_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/text"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/embedded"
)

func runFirst(t *testing.T, target targets.Target, o conform.Options) *reports.Report {
	t.Helper()
	o.Seed, o.StopAtFirst = 1, true
	report, err := conform.Run(t.Context(), target, o)
	require.NoError(t, err)
	return report
}

// TestStopAtFirst: the run ends with the first divergence that is confirmed and counts.
func TestStopAtFirst(t *testing.T) {
	appends := func() targets.Target { return embedded.InProcess(embedded.ServerOptions{Fault: "appends-selectors"}) }
	for _, workers := range []int{1, 4} {
		report := runFirst(t, appends(), conform.Options{Workers: workers})
		require.Len(t, report.Divergences, 1)
		d := report.Divergences[0]
		assert.Equal(t, model.PutReplacesList, d.Rule)
		assert.Equal(t, reports.Confirmed, d.Status)
		assert.Equal(t, reports.Diverges, report.Verdict)
		assert.Less(t, report.Requests, 5000)
		assert.NotZero(t, report.ConfirmRequests)
		assert.NotEmpty(t, report.CutShort)
	}
	once, again := runFirst(t, appends(), conform.Options{Workers: 1}), runFirst(t, appends(), conform.Options{Workers: 1})
	assert.Equal(t, once.Requests, again.Requests)
	assert.Equal(t, once.ConfirmRequests, again.ConfirmRequests)

	// What the baseline knows, or a weaker level, stops nothing.
	known := &reports.Baseline{Entries: []reports.BaselineEntry{{Signature: once.Divergences[0].Signature, Reason: "known"}}}
	report := runFirst(t, appends(), conform.Options{Workers: 1, Baseline: known, Requests: 2000})
	assert.GreaterOrEqual(t, report.Requests, 2000)
	report = runFirst(t, appends(), conform.Options{Workers: 1, FailOn: model.Documented, Requests: 2000})
	assert.GreaterOrEqual(t, report.Requests, 2000)
}

// TestStopAtFirstGoesOn: what does not repeat ends nothing, and is reported as such.
func TestStopAtFirstGoesOn(t *testing.T) {
	slip := &slipping{Target: embedded.InProcess(embedded.ServerOptions{}), at: 1000}
	report := runFirst(t, slip, conform.Options{Workers: 1, Requests: 3000})
	assert.GreaterOrEqual(t, report.Requests, 3000)
	require.NotEmpty(t, report.Divergences)
	for _, d := range report.Divergences {
		assert.Equal(t, reports.Unrepeated, d.Status)
	}

	right := embedded.InProcess(embedded.ServerOptions{})
	assert.Equal(t, reports.Conforms, runFirst(t, right, conform.Options{Workers: 1, Requests: 3000}).Verdict)
}

// TestConfirmedSoon: what was seen is confirmed while the suites go on, so that an interrupted run shows it; what it
// had no time for was not tried again, which is no word about the target.
func TestConfirmedSoon(t *testing.T) {
	interruptedAt := func(event, fault string) *reports.Report {
		ctx, interrupt := context.WithCancel(t.Context())
		defer interrupt()
		report, err := conform.Run(ctx, embedded.InProcess(embedded.ServerOptions{Fault: fault}),
			conform.Options{Seed: 1, Workers: 2, Events: func(e reports.Event) {
				if e.Event == event {
					interrupt()
				}
			}})
		require.NoError(t, err)
		assert.Equal(t, reports.Interrupted, report.Verdict)
		return report
	}
	report := interruptedAt(reports.EventConfirmation, "appends-selectors")
	require.NotEmpty(t, report.Divergences)
	confirmed := func(d reports.Divergence) bool { return d.Status == reports.Confirmed }
	assert.True(t, slices.ContainsFunc(report.Divergences, confirmed), "what the other worker has seen meanwhile need not be")
	assert.Less(t, report.Requests, 5000)
	assert.NotZero(t, report.FirstConfirmedSeconds)

	report = interruptedAt(reports.EventSuspicion, "appends-selectors")
	require.NotEmpty(t, report.Divergences)
	assert.Zero(t, report.FirstConfirmedSeconds)
	for _, d := range report.Divergences {
		assert.Equal(t, reports.NotTried, d.Status)
	}
	var shown strings.Builder
	require.NoError(t, text.Report(&shown, report, text.Options{}))
	assert.Contains(t, shown.String(), "not tried again: the run, or its budget, ended before")
	assert.NotContains(t, shown.String(), "unrepeated")

	report = interruptedAt(reports.EventSuspicion, "unknown-members-crash")
	require.Len(t, report.Divergences, 1)
	assert.Equal(t, reports.NotTried, report.Divergences[0].Status)
}

// slipping answers one Get wrongly, the first from a given request on, and never again.
type slipping struct {
	targets.Target
	at       int64
	requests atomic.Int64
	slipped  atomic.Bool
}

func (s *slipping) NewWorld(ctx context.Context) (targets.World, error) {
	world, err := s.Target.NewWorld(ctx)
	return &slippingWorld{world, s}, err
}

type slippingWorld struct {
	targets.World
	target *slipping
}

func (w *slippingWorld) Do(ctx context.Context, r model.Request) targets.Reply {
	reply := w.World.Do(ctx, r)
	if n := w.target.requests.Add(1); n >= w.target.at && r.Op == model.OpGet && reply.Answer.Outcome == model.Succeeded && w.target.slipped.CompareAndSwap(false, true) {
		reply.Answer = model.Refusal("InsightNotEnabledException")
	}
	return reply
}

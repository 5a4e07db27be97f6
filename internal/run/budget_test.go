package run_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/internal/explore"
	"github.com/insightconform/conform/internal/run"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/embedded"
)

// TestBudgetOfARightServer: a quick run sends what it has, judges most rules, and says what it left.
func TestBudgetOfARightServer(t *testing.T) {
	report, err := run.Run(t.Context(), embedded.InProcess(embedded.ServerOptions{}), run.Options{Seed: 1, Budget: explore.Quick})
	require.NoError(t, err)
	assert.Equal(t, reports.Conforms, report.Verdict)
	assert.InDelta(t, 1500, report.Requests, 10)
	assert.Zero(t, report.ConfirmRequests)
	assert.Equal(t, []string{explore.Systematic, explore.Random}, report.CutShort)
	assert.True(t, report.Partial)
	assert.Equal(t, "--budget quick", report.End.Budget)
}

// TestWhatGoesBeforeABudget: what is given beside a budget goes first, and an unknown one is refused.
func TestWhatGoesBeforeABudget(t *testing.T) {
	options := func(o run.Options) run.Options {
		require.NoError(t, o.Normalize())
		return o
	}
	assert.Equal(t, 0, options(run.Options{}).Requests)
	assert.Equal(t, 1500, options(run.Options{Budget: explore.Quick}).Requests)
	assert.Equal(t, 1, options(run.Options{Budget: explore.Nightly}).Depth)
	fewer := options(run.Options{Budget: explore.Quick, Requests: 700, Suites: []string{explore.Random}})
	assert.Equal(t, 700, fewer.Requests)
	assert.Equal(t, 0, fewer.InAll(), "--requests caps what it always did")
	assert.Equal(t, []string{explore.Random}, fewer.Named())
	assert.Equal(t, 2, options(run.Options{Budget: explore.Nightly, Depth: 2}).Depth)
	some := options(run.Options{Budget: explore.Nightly, Only: []string{"put/*"}})
	assert.NotContains(t, some.Named(), explore.Complete, "which judges all rules")
	assert.Equal(t, explore.Suites, (&run.Options{Budget: explore.Nightly}).Named())

	refused := run.Options{Budget: "fast"}
	err := refused.Normalize()
	require.ErrorIs(t, err, targets.ErrUsage)
	assert.Contains(t, err.Error(), `budget "fast" is no budget; use quick, default or nightly`)
}

// TestNightly: several clients are no part of it where a run without suites would leave them out.
func TestNightly(t *testing.T) {
	report, err := run.Run(t.Context(), embedded.InProcess(embedded.ServerOptions{Fault: "appends-selectors"}), run.Options{Seed: 1, Budget: explore.Nightly,
		Clients: 1, StopAtFirst: true})
	require.NoError(t, err)
	assert.Equal(t, []string{explore.Systematic, explore.Complete, explore.Random}, report.Suites)
	assert.Equal(t, reports.ExitDiverges, report.ExitCode)
}

package conform_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/internal/testing/mototest"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/endpoint"
)

// several runs the suite of several clients over HTTP.
func several(t *testing.T, fault string, o conform.Options) *reports.Report {
	t.Helper()
	o.Suites, o.ShrinkRequests = []string{conform.Concurrent}, 200
	report, err := conform.Run(t.Context(), embedded.NewTarget(embedded.Options{ServerOptions: embedded.ServerOptions{Fault: fault, Schedule: true}}), o)
	require.NoError(t, err)
	return report
}

// TestSeveralClients: the suite judges its five rules, repeats from its seed, and its traces and baselines do what others do.
func TestSeveralClients(t *testing.T) {
	t.Parallel()
	right := several(t, "", conform.Options{Seed: 5})
	assert.Equal(t, reports.Conforms, right.Verdict, right.Reason)
	kept := 0
	for id, c := range right.Coverage.Rules {
		if model.RuleOf(id).OfClients() {
			assert.Equal(t, reports.RuleKept, c.State, id)
			kept++
		}
	}
	assert.Equal(t, 5, kept)

	wrong := several(t, "race-union", conform.Options{Seed: 5})
	require.Equal(t, reports.Diverges, wrong.Verdict, wrong.Reason)
	require.Equal(t, model.ConcurrentWhole, wrong.Divergences[0].Rule)
	again := several(t, "race-union", conform.Options{Seed: 5})
	for i, step := range wrong.Divergences[0].Steps { // but for the names on the wire
		now := again.Divergences[0].Steps[i]
		now.Sent, now.Received = step.Sent, step.Received
		assert.Equal(t, step, now, "by the seed alone")
	}

	file, err := reports.WriteTrace(t.TempDir(), reports.NewTrace(wrong, wrong.Divergences[0], false))
	require.NoError(t, err)
	conform.Replay(t, file, embedded.NewTarget(embedded.Options{})) // fixed
	traces, err := reports.ReadTraceFiles(t.Context(), file)
	require.NoError(t, err)
	replayed := several(t, "race-union", conform.Options{Seed: 6, Requests: 100, Traces: traces})
	assert.Equal(t, reports.ReplayDiverges, replayed.Replays[0].Outcome)

	known := reports.UpdatedBaseline(nil, wrong)
	fixed := several(t, "", conform.Options{Seed: 5, Baseline: known})
	assert.Equal(t, reports.Conforms, fixed.Verdict, "the entry of a race is never stale: %s", fixed.Reason)
}

// TestWhoHasNoSeveralClients: without the suite the rules are not covered and count nowhere.
func TestWhoHasNoSeveralClients(t *testing.T) {
	t.Parallel()
	report, err := conform.Run(t.Context(), embedded.InProcess(embedded.ServerOptions{}), conform.Options{Seed: 1, Requests: 2000})
	require.NoError(t, err)
	assert.Equal(t, reports.RuleNotCovered, report.Coverage.Rules[model.ConcurrentWhole].State)
	assert.False(t, report.Coverage.Counted(model.ConcurrentWhole))
}

// TestMotoWithSeveralClients: what they see is what one client sees, too, and is left to the other suites.
func TestMotoWithSeveralClients(t *testing.T) {
	t.Parallel()
	target, err := endpoint.New(endpoint.Options{URL: mototest.Start(t)})
	require.NoError(t, err)
	motoKnown(t, motoVersion(t)) // skips versions that nobody has looked at
	report, err := conform.Run(t.Context(), target, conform.Options{Seed: 1, Suites: []string{conform.Concurrent}, Requests: 1000})
	require.NoError(t, err)
	assert.Empty(t, rulesOf(report))
	assert.Greater(t, report.Requests, 400)
}

// TestSeveralClientsOfAServerThatDies: that the target was lost is no race.
func TestSeveralClientsOfAServerThatDies(t *testing.T) {
	t.Parallel()
	target, err := endpoint.New(endpoint.Options{URL: crippled(t, embedded.ServerOptions{}, func(a arrived) reaction {
		return when(a.all > 400, drops)
	})})
	require.NoError(t, err)
	report, err := conform.Run(t.Context(), target, conform.Options{Seed: 1, Suites: []string{conform.Concurrent}})
	require.NoError(t, err)
	assert.Equal(t, reports.Inconclusive, report.Verdict, report.Reason)
	assert.Empty(t, rulesOf(report))
}

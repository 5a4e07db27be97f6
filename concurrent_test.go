package conform_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/internal/testing/mototest"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/endpoint"
)

// several runs the suite of several clients over HTTP.
func several(t *testing.T, fault string, o conform.Options) *reports.Report {
	t.Helper()
	o.Suites, o.ShrinkRequests = []string{conform.Concurrent}, 200
	report, err := conform.Run(t.Context(), embedded.NewTarget(embedded.Options{ServerOptions: embedded.ServerOptions{Fault: fault}}), o)
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

	left := several(t, "race-delete-leaves", conform.Options{Seed: 1})
	require.Equal(t, model.TrailDeleteForgets, left.Divergences[0].Rule, "which is read at rest")
	assert.True(t, left.Divergences[0].Fails)
	assert.Equal(t, reports.RuleViolated, left.Coverage.Rules[model.TrailDeleteForgets].State)
	for _, report := range []*reports.Report{wrong, left} {
		fixed := several(t, "", conform.Options{Seed: 5, Baseline: reports.UpdatedBaseline(nil, report)})
		assert.Equal(t, reports.Conforms, fixed.Verdict, "the entry of a race is never stale: %s", fixed.Reason)
	}
}

// TestSeveralClientsInADefaultRun: it has them last and within a fifth, judges their rules, and repeats; what else it does
// is as without them.
func TestSeveralClientsInADefaultRun(t *testing.T) {
	t.Parallel()
	of := func(fault string, o conform.Options) *reports.Report {
		o.Seed, o.Workers = 3, 2
		report, err := conform.Run(t.Context(), embedded.NewTarget(embedded.Options{ServerOptions: embedded.ServerOptions{Fault: fault}}), o)
		require.NoError(t, err)
		return report
	}
	apart := of("", conform.Options{Suites: []string{conform.Systematic, conform.Random}})
	whole := of("", conform.Options{})
	assert.Equal(t, []string{conform.Systematic, conform.Random, conform.Concurrent}, whole.Suites)
	assert.Equal(t, reports.Conforms, whole.Verdict, whole.Reason)
	assert.False(t, whole.Partial)
	assert.Equal(t, apart.Coverage.Transitions, whole.Coverage.Transitions)
	for id, c := range apart.Coverage.Rules {
		if now := whole.Coverage.Rules[id]; model.RuleOf(id).OfClients() {
			assert.Equal(t, reports.RuleNotCovered, c.State, id)
			assert.Contains(t, c.Why, "--suite concurrent asks for them", id)
			assert.Equal(t, reports.RuleKept, now.State, id)
		} else {
			assert.Equal(t, c.State, now.State, id)
		}
	}
	more := whole.Requests - apart.Requests
	assert.Greater(t, more, 2500)
	assert.LessOrEqual(t, more, 3000)
	assert.LessOrEqual(t, more, whole.Requests/5)

	racy := of("race-union", conform.Options{})
	require.Equal(t, []model.ID{model.ConcurrentWhole}, rulesOf(racy), racy.Reason)
	assert.LessOrEqual(t, racy.Requests, whole.Requests, "what confirms is counted apart")
	assert.Positive(t, racy.ConfirmRequests)
	again := of("race-union", conform.Options{})
	assert.Equal(t, racy.Divergences[0].Actual, again.Divergences[0].Actual)
	assert.Equal(t, racy.Divergences[0].Seen, again.Divergences[0].Seen)

	first := several(t, "race-one-by-one", conform.Options{Seed: 3, StopAtFirst: true, FailOn: model.Inferred})
	assert.Len(t, first.Divergences, 1)
	few := of("", conform.Options{Requests: 19_000})
	assert.LessOrEqual(t, few.Requests, 19_000)
	assert.Equal(t, reports.RuleKept, few.Coverage.Rules[model.ConcurrentWhole].State, few.Reason)
	timed := of("", conform.Options{Time: 20 * time.Second, Only: []string{"trail/arn-syntax", "concurrent/*"}}) // which are few
	assert.Contains(t, timed.Suites, conform.Concurrent, timed.Reason)
	sequential := of("appends-selectors", conform.Options{})
	assert.Equal(t, []model.ID{model.PutReplacesList}, rulesOf(sequential))
	notes := strings.Join(sequential.Notes, " ")
	assert.NotContains(t, notes, "show with one client too", "the other suites tell")
	assert.Contains(t, notes, "several clients did not send what one client was answered wrongly: Put [")
	both := of("get-by-arn-refused+race-union", conform.Options{})
	assert.ElementsMatch(t, []model.ID{model.ConcurrentWhole, model.TrailNameOrARN}, slices.Compact(slices.Sorted(slices.Values(rulesOf(both)))))
}

// TestSeveralClientsInShards: each has its share of the programs, and they are not the same.
func TestSeveralClientsInShards(t *testing.T) {
	t.Parallel()
	var parts []*reports.Report
	for i := range 2 {
		report, err := conform.Run(t.Context(), embedded.InProcess(embedded.ServerOptions{}), conform.Options{Seed: 1, Shard: conform.Shard{Index: i, Count: 2}})
		require.NoError(t, err)
		parts = append(parts, report)
	}
	whole, err := reports.Join(parts...)
	require.NoError(t, err)
	reports.Judge(whole)
	assert.Equal(t, reports.Conforms, whole.Verdict, whole.Reason)
	assert.Equal(t, reports.RuleKept, whole.Coverage.Rules[model.ConcurrentWhole].State)
	assert.False(t, whole.Partial)
}

// TestWhoHasNoSeveralClients: where it is not plain what they must see, their rules are not covered, say why, and count nowhere.
func TestWhoHasNoSeveralClients(t *testing.T) {
	t.Parallel()
	target := func() targets.Target { return embedded.InProcess(embedded.ServerOptions{}) }
	systematic := []string{conform.Systematic}
	for name, x := range map[string]struct {
		target targets.Target
		o      conform.Options
		why    string
	}{
		"other suites": {target(), conform.Options{Requests: 300, Suites: systematic}, "--suite concurrent asks for them"},
		"eventual":     {target(), conform.Options{Requests: 300, Eventual: true, Settle: time.Millisecond}, "the target is eventually consistent"},
		"one client":   {target(), conform.Options{Requests: 300, Clients: 1}, "--suite concurrent asks for them"},
		"left out":     {target(), conform.Options{Requests: 300, Only: []string{"put/*"}}, "left out"},
		"a mock":       {altered{Mock: newMock()}.target(), conform.Options{Requests: 300}, "a mock has them only where Options.Clients says so"},
		"a mock that is asked": {altered{Mock: newMock()}.target(), conform.Options{Requests: 300, Suites: []string{conform.Concurrent}},
			"a mock has them only where Options.Clients says so"},
	} {
		report, err := conform.Run(t.Context(), x.target, x.o)
		require.NoError(t, err, name)
		c := report.Coverage.Rules[model.ConcurrentWhole]
		assert.Equal(t, reports.RuleNotCovered, c.State, name)
		assert.Contains(t, c.Why, x.why, name)
		assert.False(t, report.Coverage.Counted(model.ConcurrentWhole), name)
		if x.o.Suites == nil {
			assert.Equal(t, []string{conform.Systematic, conform.Random}, report.Suites, name)
		}
	}
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

package conform_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/internal/explore"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/embedded"
)

func runComplete(t *testing.T, server embedded.ServerOptions, o conform.Options) *reports.Report {
	t.Helper()
	if o.Suites == nil {
		o.Suites = []string{conform.Complete}
	}
	o.Seed, o.Workers = 1, max(o.Workers, 2)
	report, err := conform.Run(t.Context(), embedded.InProcess(server), o)
	require.NoError(t, err)
	return report
}

// TestCertificates: the reference passes each complete suite, and the report says so.
func TestCertificates(t *testing.T) {
	for machine, depth := range map[string]int{"management": 2, "trail": 0, "two-trails": 0,
		"stores": 1, "logging": 0} {
		t.Run(machine, func(t *testing.T) {
			t.Parallel()
			report := runComplete(t, embedded.ServerOptions{}, conform.Options{Machines: []string{machine}, Depth: depth})
			require.Len(t, report.Certificates, 1)
			c := report.Certificates[0]
			assert.True(t, c.Holds, c.Result)
			assert.Equal(t, [][2]int{{0, c.Tests}}, c.Done)
			assert.Equal(t, reports.Conforms, report.Verdict, report.Reason)
			assert.Empty(t, rulesOf(report))
			assert.Empty(t, report.Deviations)
			// Beside the suite there are the probing of the target and that of the machine.
			assert.InDelta(t, c.Requests, report.Requests, 600)
			assert.Len(t, c.Hypotheses, 4)
		})
	}
}

// TestNoCertificateForTheFaulty: each fault is caught by the suite of a machine that it is about.
func TestNoCertificateForTheFaulty(t *testing.T) {
	for fault, machine := range map[string]string{
		"appends-selectors": "management", "empty-list-ignored": "management",
		"logs/call-rate-needs-write/ignored": "management", "same-put-toggles": "management",
	} {
		report := runComplete(t, embedded.ServerOptions{Fault: fault}, conform.Options{Machines: []string{machine}})
		require.Len(t, report.Certificates, 1)
		c := report.Certificates[0]
		assert.False(t, c.Holds, fault)
		assert.Positive(t, c.Failed, fault)
		assert.True(t, c.Complete(), "the other tests are executed all the same")
		assert.Equal(t, reports.Diverges, report.Verdict, fault)
		named, _ := embedded.FaultNamed(fault)
		assert.Contains(t, rulesOf(report), named.Rule, fault)
	}
}

// TestWalksGoOnBehindWhatTheyFind: all else that a walk tries is tried too, on fresh worlds.
func TestWalksGoOnBehindWhatTheyFind(t *testing.T) {
	report := runComplete(t, embedded.ServerOptions{Fault: "appends-selectors"}, conform.Options{Machines: []string{"management"}, Depth: 1})
	require.Len(t, report.Certificates, 1)
	c := report.Certificates[0]
	assert.Positive(t, c.Failed)
	assert.True(t, c.Complete())
	assert.Greater(t, report.Requests, c.Requests)
}

// saved is a report as another process reads it.
func saved(t *testing.T, report *reports.Report) *reports.Report {
	t.Helper()
	data, err := json.Marshal(report)
	require.NoError(t, err)
	read, err := reports.ReadJSON(data)
	require.NoError(t, err)
	return read
}

// TestShardsAreTheWhole: every test is in exactly one shard, and their reports join to that of a whole
// run.
func TestShardsAreTheWhole(t *testing.T) {
	const shards = 3
	options := conform.Options{Suites: explore.Suites, Machines: []string{"management", "stores"}}
	whole := runComplete(t, embedded.ServerOptions{}, options)
	var parts []*reports.Report
	executed := map[string]int{}
	for i := range shards {
		options.Shard = conform.Shard{Index: i, Count: shards}
		part := saved(t, runComplete(t, embedded.ServerOptions{}, options))
		assert.Equal(t, reports.Conforms, part.Verdict, part.Reason)
		for _, c := range part.Certificates {
			assert.False(t, c.Holds)
			executed[c.Machine] += c.Executed()
		}
		parts = append(parts, part)
	}
	merged, err := reports.Join(parts[2], parts[0], parts[1])
	require.NoError(t, err)
	reports.Judge(merged)
	for i, c := range merged.Certificates {
		assert.True(t, c.Holds, c.Result)
		assert.Equal(t, executed[c.Machine], c.Tests, "none is in two shards")
		assert.Equal(t, whole.Certificates[i].Fingerprint, c.Fingerprint)
	}
	assert.Equal(t, whole.Coverage.Transitions, merged.Coverage.Transitions)
	assert.Equal(t, whole.Coverage.Pairs.Total, merged.Coverage.Pairs.Total)
	assert.Equal(t, reports.Conforms, merged.Verdict, merged.Reason)
	assert.False(t, merged.Partial)
	assert.Empty(t, merged.Shard)
	for id, rule := range whole.Coverage.Rules {
		assert.Equal(t, rule.Exercised, merged.Coverage.Rules[id].Exercised, id)
	}

	merged, err = reports.Join(parts[0], parts[2])
	require.NoError(t, err)
	reports.Judge(merged)
	assert.Equal(t, reports.Inconclusive, merged.Verdict)
	assert.Contains(t, merged.Reason, "shard 2/3")
	other := *parts[1]
	other.Version = "another"
	_, err = reports.Join(parts[0], &other)
	assert.ErrorContains(t, err, "version")
}

// TestResume: a run that a budget ended is gone on with until the certificate holds.
func TestResume(t *testing.T) {
	options := conform.Options{Machines: []string{"management"}, Depth: 1, Requests: 1200}
	var progress *reports.Report
	for runs := 1; ; runs++ {
		require.Less(t, runs, 20)
		options.Resume = progress
		report := saved(t, runComplete(t, embedded.ServerOptions{}, options))
		if progress != nil {
			var err error
			report, err = reports.Continue(progress, report)
			require.NoError(t, err)
			reports.Judge(report)
			before := progress.Certificates[0].Executed()
			assert.Greater(t, report.Certificates[0].Executed(), before)
		}
		progress = report
		if progress.Certificates[0].Holds {
			assert.Greater(t, runs, 2)
			assert.Equal(t, reports.Conforms, progress.Verdict)
			return
		}
		assert.Equal(t, reports.Inconclusive, progress.Verdict)
		assert.Contains(t, progress.Reason, "--resume")
	}
}

// TestPlanIsWhatARunSends compares the plan of the suites with what a run of them does.
func TestPlanIsWhatARunSends(t *testing.T) {
	options := conform.Options{Suites: []string{conform.Systematic, conform.Complete}, Machines: []string{"management"}}
	plan, err := explore.Plan(t.Context(), embedded.InProcess(embedded.ServerOptions{}), explore.Options(options))
	require.NoError(t, err)
	require.Len(t, plan.Suites, 2)
	report := runComplete(t, embedded.ServerOptions{}, options)
	planned := 0
	for _, s := range plan.Suites {
		planned += s.Writes + s.Reads
	}
	assert.InEpsilon(t, planned, report.Requests, 0.1)
	assert.Equal(t, report.Certificates[0].Fingerprint, plan.Suites[1].Certificate.Fingerprint)
	assert.Positive(t, plan.Rate)
}

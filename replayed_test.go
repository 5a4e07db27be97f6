package conform_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/embedded"
)

// TestReplayedTraceCounts: what a trace of an earlier run still shows is confirmed and fails the run, although the
// few requests of its exploration do not come upon it.
func TestReplayedTraceCounts(t *testing.T) {
	const fault = "regions-share-trails"
	run := func(fault string, o conform.Options) *reports.Report {
		o.Seed, o.Workers = 1, 1
		report, err := conform.Run(t.Context(), embedded.InProcess(embedded.ServerOptions{Fault: fault}), o)
		require.NoError(t, err)
		return report
	}
	whole := run(fault, conform.Options{})
	require.Len(t, whole.Divergences, 1)
	signature := whole.Divergences[0].Signature
	traces := []*reports.Trace{reports.NewTrace(whole, whole.Divergences[0], false)}
	require.Empty(t, run(fault, conform.Options{Requests: 60}).Divergences, "the exploration alone is too short")

	for name, o := range map[string]conform.Options{
		"by itself":         {Requests: 60, Traces: traces},
		"stopping at first": {Requests: 60, Traces: traces, StopAtFirst: true},
	} {
		t.Run(name, func(t *testing.T) {
			var told []string
			o.Events = func(e reports.Event) { told = append(told, e.Event) }
			report := run(fault, o)
			require.Len(t, report.Divergences, 1)
			assert.Equal(t, signature, report.Divergences[0].Signature)
			assert.Equal(t, reports.Confirmed, report.Divergences[0].Status)
			assert.Equal(t, reports.ReplayDiverges, report.Replays[0].Outcome)
			assert.Equal(t, reports.ExitDiverges, report.ExitCode, report.Reason)
			assert.Contains(t, told, reports.EventSuspicion)
			if o.StopAtFirst {
				assert.Less(t, report.Requests, 500, "the run ends with it")
			}
		})
	}
	known := reports.UpdatedBaseline(nil, whole)
	for _, first := range []bool{false, true} {
		report := run(fault, conform.Options{Traces: traces, Baseline: known, StopAtFirst: first})
		require.Len(t, report.Divergences, 1)
		assert.True(t, report.Divergences[0].Known)
		assert.Empty(t, report.Stale())
	}
	fixed := run("", conform.Options{Requests: 1000, Traces: traces})
	assert.Empty(t, fixed.Divergences)
	assert.Equal(t, reports.ReplayFixed, fixed.Replays[0].Outcome)
}

package concurrent_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/internal/concurrent"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/embedded"
)

// beside runs the suite on a server with a fault, and returns what was found and noted.
func beside(t *testing.T, fault string) (found []*concurrent.Divergence, notes string) {
	t.Helper()
	client := open(t, embedded.InProcess(embedded.ServerOptions{Fault: fault}))
	client.Quota = client.Requests + 3000
	found, err := concurrent.Run(t.Context(), client, concurrent.Options{Seed: 2, ShrinkRequests: 100,
		Note: func(text string) { notes += text + "\n" }})
	require.NoError(t, err)
	return found, notes
}

// TestRacesShowBesideFaultsOfOneClient: what one client is answered wrongly is not sent by several, so that it hides no
// race; without a race, it is none.
func TestRacesShowBesideFaultsOfOneClient(t *testing.T) {
	for fault, avoids := range map[string]string{
		"get-by-arn-refused":      "Get by ARN",
		"arn-kept-apart":          "Put by ARN",
		"get-off-answers-no-list": "what turns Insights off",
		"drops-categories":        "Put [ApiCallRate: Data",
	} {
		found, notes := beside(t, fault)
		none(t, found)
		assert.Contains(t, notes, "several clients did not send what one client was answered wrongly: ", fault)
		assert.Contains(t, notes, avoids, fault)
		for _, race := range []string{"race-union", "race-stale-read"} {
			found, _ := beside(t, fault+"+"+race)
			assert.NotEmpty(t, found, "%s+%s", fault, race)
			for _, d := range found {
				assert.Contains(t, []model.ID{model.ConcurrentWhole, model.ConcurrentLinearizable}, d.Rule)
			}
		}
	}
	_, notes := beside(t, "race-union")
	assert.NotContains(t, notes, "did not send", "one client is answered right")
}

// TestReplayTellsARaceFromAFaultOfOneClient that shows under the same signature.
func TestReplayTellsARaceFromAFaultOfOneClient(t *testing.T) {
	found, _ := beside(t, "race-connection-cache")
	i := slices.IndexFunc(found, func(d *concurrent.Divergence) bool { return d.Rule == model.ConcurrentQuiescent })
	require.GreaterOrEqual(t, i, 0)
	trace := reports.NewTrace(&reports.Report{}, found[i].Report(), true)
	require.True(t, strings.HasSuffix(trace.Signature, "|GetInsightSelectors|trail"))
	for fault, outcome := range map[string]string{"race-connection-cache": reports.ReplayDiverges, "": reports.ReplayFixed, "get-by-arn-refused": reports.ReplayFixed,
		"get-by-arn-refused+race-connection-cache": reports.ReplayDiverges} {
		client := open(t, embedded.InProcess(embedded.ServerOptions{Fault: fault}))
		got, _ := concurrent.Replay(t.Context(), client, trace)
		assert.Equal(t, outcome, got.Outcome, "%q: %s", fault, got.Why)
	}
}

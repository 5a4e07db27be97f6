package conform_test

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/embedded"
)

// TestFound: the hook is told at once, and ends the exploration with what is found by then confirmed.
func TestFound(t *testing.T) {
	const fault = "flag-always-set"
	run := func(enough bool) (requests int, told []string, seen string) {
		report, err := conform.Run(t.Context(), embedded.InProcess(embedded.ServerOptions{Fault: fault}), conform.Options{Seed: 1, Workers: 1,
			Found: func(signature string) bool { told = append(told, signature); return enough }})
		require.NoError(t, err)
		require.NotEmpty(t, report.Divergences)
		assert.Equal(t, "confirmed", report.Divergences[0].Status)
		return report.Requests, told, report.Divergences[0].Seen
	}
	whole, told, _ := run(false)
	require.NotEmpty(t, told)
	short, first, seen := run(true)
	assert.Equal(t, "1 of 1", seen, "what could not be tried while the run was ending is no chance")
	assert.Equal(t, told[:1], first)
	assert.Less(t, 10*short, whole)
}

// TestNothingIsAskedInVain: what is plainly wrong is met before the target is probed.
func TestNothingIsAskedInVain(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"errors-with-200", "starts-enabled", "put-answers-the-name", "appends-selectors", "trail/not-found/ignored"} {
		var requests, first atomic.Int64
		target := embedded.NewTarget(embedded.Options{ServerOptions: embedded.ServerOptions{Fault: fault}, Workers: 1,
			Wrap: func(s *embedded.Server) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					requests.Add(1)
					s.ServeHTTP(w, r)
				})
			}})
		report, err := conform.Run(t.Context(), target, conform.Options{Seed: 1, Workers: 1, Found: func(string) bool {
			first.CompareAndSwap(0, requests.Load())
			return true
		}})
		require.NoError(t, err)
		assert.LessOrEqual(t, first.Load(), int64(40), fault)
		require.NotEmpty(t, report.Divergences, fault)
		assert.Equal(t, "confirmed", report.Divergences[0].Status, fault)
	}
}

// TestWhatIsLeftOutIsNotFound: a rule that the run leaves out ends nothing, not even before the target is probed.
func TestWhatIsLeftOutIsNotFound(t *testing.T) {
	t.Parallel()
	var told []string
	report, err := conform.Run(t.Context(), embedded.NewTarget(embedded.Options{ServerOptions: embedded.ServerOptions{Fault: "trail/not-found/ignored"}}),
		conform.Options{Seed: 1, Workers: 1,
			Only: []string{"put/*"}, Found: func(signature string) bool { told = append(told, signature); return true }})
	require.NoError(t, err)
	assert.Empty(t, told)
	assert.Equal(t, reports.Conforms, report.Verdict, report.Reason)
	assert.Equal(t, reports.RuleKept, report.Coverage.Rules[model.PutReplacesList].State)
}

// TestLongCasesAreCheap: a suspicion that was met after hundreds of requests does not cost thousands to look into.
func TestLongCasesAreCheap(t *testing.T) {
	t.Parallel()
	report, err := conform.Run(t.Context(), embedded.NewTarget(embedded.Options{ServerOptions: embedded.ServerOptions{Fault: "appends-selectors"}, Workers: 4}),
		conform.Options{Seed: 3})
	require.NoError(t, err)
	assert.Equal(t, []model.ID{model.PutReplacesList}, rulesOf(report))
	assert.Less(t, report.ConfirmRequests, 4000)
}

// TestWhatIsIgnoredAltogetherIsFoundRuleByRule: a target that heeds neither what a member says nor its type breaks several
// rules with one request, of which a stronger one that is broken alone as well is not hidden behind the weaker.
func TestWhatIsIgnoredAltogetherIsFoundRuleByRule(t *testing.T) {
	t.Parallel()
	report, err := conform.Run(t.Context(), embedded.InProcess(embedded.ServerOptions{Fault: "destination-ignored"}), conform.Options{Seed: 1, Workers: 2})
	require.NoError(t, err)
	assert.ElementsMatch(t, []model.ID{model.StoreDestination, model.StoreSource, model.StoreSame, model.WireWrongType}, rulesOf(report))
	for id, c := range report.Coverage.Rules {
		assert.NotContains(t, c.Why, "hidden", id)
	}
}

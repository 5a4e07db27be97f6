package conform_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/endpoint"
)

// manages reports whether a request is about an event data store that is there, and none of insights.
func manages(a arrived) bool {
	return strings.HasPrefix(a.body, "{") && strings.Contains(a.body, `"EventDataStore":`) && !a.put() && !a.get()
}

// TestStoresByARN: the calls around insights name stores as each server wants it.
func TestStoresByARN(t *testing.T) {
	const byARN = `"EventDataStore":"arn:`
	run := func(t *testing.T, react func(arrived) reaction) *reports.Report {
		target, err := endpoint.New(endpoint.Options{URL: crippled(t, embedded.ServerOptions{}, react), Timeout: 5 * time.Second})
		require.NoError(t, err)
		report, err := conform.Run(t.Context(), target, conform.Options{Seed: 1, Requests: 12_000})
		require.NoError(t, err)
		assert.Equal(t, reports.Conforms, report.Verdict, "%s: %s", report.Reason, explain(report, func(model.ID) bool { return true }))
		assert.Empty(t, rulesOf(report))
		return report
	}
	onStores := func(report *reports.Report) (exercised []model.ID) {
		for _, rule := range model.Rules {
			if slices.Contains(rule.Needs, model.CanStores) && report.Coverage.Rules[rule.ID].Exercised {
				exercised = append(exercised, rule.ID)
			}
		}
		return exercised
	}
	all := onStores(run(t, func(arrived) reaction { return nil }))
	require.Greater(t, len(all), 10)

	t.Run("nothing but ARNs", func(t *testing.T) {
		t.Parallel()
		report := run(t, func(a arrived) reaction {
			return when(manages(a) && !strings.Contains(a.body, byARN), refuses("EventDataStoreARNInvalidException"))
		})
		assert.Empty(t, report.NotCovered)
		assert.Equal(t, all, onStores(report))
	})
	t.Run("nothing but suffixes", func(t *testing.T) {
		t.Parallel()
		report := run(t, func(a arrived) reaction {
			return when(manages(a) && strings.Contains(a.body, byARN), refuses("EventDataStoreNotFoundException"))
		})
		for _, c := range []model.Capability{model.CanUpdateStores, model.CanStopStores, model.CanDeleteStores, model.CanRestoreStores} {
			assert.Contains(t, report.NotCovered[string(c)], "EventDataStoreNotFoundException", c)
		}
		assert.Contains(t, onStores(report), model.StoreEnables)
	})
}

package conform_test

import (
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

// serviceQuotas are the quotas of the service.
var serviceQuotas = embedded.ServerOptions{TrailQuota: 5, StoreQuota: 10}

func underQuota(t *testing.T, o embedded.ServerOptions, react func(arrived) reaction, options conform.Options) (*reports.Report, error) {
	target, err := endpoint.New(endpoint.Options{URL: crippled(t, o, react), Timeout: 5 * time.Second})
	if err != nil {
		return nil, err
	}
	options.Seed, options.FailOn = 1, model.Inferred
	return conform.Run(t.Context(), target, options)
}

// TestQuotas: a right server under the real quotas conforms with all that is tried without them, and so does one that
// lacks an operation; a wrong one is caught. Where trails or stores run out all the same, the report says so.
func TestQuotas(t *testing.T) {
	t.Parallel()
	type given struct {
		server  embedded.ServerOptions
		react   func(arrived) reaction
		verdict reports.Verdict
		rule    model.ID // that is violated
		left    int      // rules that nothing put to the test, at most
		ranOut  bool
		note    string
	}
	fault := func(name string) embedded.ServerOptions {
		o := serviceQuotas
		o.Fault = name
		return o
	}
	nothing := unknown("None")
	cases := map[string]given{
		"a right server":                {server: serviceQuotas, react: nothing, verdict: reports.Conforms},
		"without RestoreEventDataStore": {server: serviceQuotas, react: unknown("RestoreEventDataStore"), verdict: reports.Conforms, note: "DeleteEventDataStore is not sent any more"},
		"without DeleteEventDataStore":  {server: serviceQuotas, react: unknown("DeleteEventDataStore"), verdict: reports.Conforms},
		"without UpdateEventDataStore":  {server: serviceQuotas, react: unknown("UpdateEventDataStore"), verdict: reports.Conforms, ranOut: true, left: 3},
		"without DeleteTrail":           {server: serviceQuotas, react: unknown("DeleteTrail"), verdict: reports.Conforms},
		"others have seven stores":      {server: embedded.ServerOptions{TrailQuota: 5, StoreQuota: 3}, react: nothing, verdict: reports.Conforms},
		"others have eight stores":      {server: embedded.ServerOptions{TrailQuota: 5, StoreQuota: 2}, react: nothing, verdict: reports.Conforms, ranOut: true, left: 1},
		"others have nine stores":       {server: embedded.ServerOptions{TrailQuota: 5, StoreQuota: 1}, react: nothing, verdict: reports.Conforms},
		"others have three trails":      {server: embedded.ServerOptions{TrailQuota: 2, StoreQuota: 10}, react: nothing, verdict: reports.Conforms},
		"a store that cannot be off":    {server: fault("store-disable-ignored"), react: nothing, verdict: reports.Diverges, rule: model.StoreDisable, ranOut: true, left: 5},
		"a store without a new place": {server: fault("repoint-answers-old-destination"), react: nothing, verdict: reports.Diverges, rule: model.StoreRepoint,
			note: "confirmed with those of earlier cases"},
		"a store that another one turns": {server: fault("store-disable-spreads"), react: nothing, verdict: reports.Diverges, rule: model.StateIsolated},
		"a store that is wrong later":    {server: fault("store-update-turns-off"), react: nothing, verdict: reports.Diverges, rule: model.GetReflectsPut},
		"a trail that appends":           {server: fault("appends-selectors"), react: nothing, verdict: reports.Diverges, rule: model.PutReplacesList},
	}
	all, errs := sideBySide(t, cases, func(x given) (*reports.Report, error) {
		return underQuota(t, x.server, x.react, conform.Options{})
	})
	for name, x := range cases {
		t.Run(name, func(t *testing.T) {
			report := all[name]
			require.NoError(t, errs[name])
			assert.Equal(t, x.verdict, report.Verdict, explain(report, func(model.ID) bool { return true }))
			if x.rule != "" {
				assert.Equal(t, []model.ID{x.rule}, rulesOf(report), explain(report, func(model.ID) bool { return true }))
			}
			_, applicable, judged := report.Coverage.Counts()
			assert.LessOrEqual(t, applicable-judged, x.left)
			assert.Equal(t, report.Coverage.Transitions.Total, report.Coverage.Transitions.Covered)
			assert.Equal(t, x.ranOut, report.Partial, report.Reason)
			assert.Equal(t, x.ranOut, strings.Contains(report.Reason, "CreateEventDataStore answered EventDataStoreMaxLimitExceededException"), report.Reason)
			assert.Contains(t, strings.Join(report.Notes, "\n"), x.note)
			if x.verdict == reports.Diverges && !x.ranOut {
				for _, d := range report.Divergences {
					assert.Equal(t, reports.Confirmed, d.Status)
				}
			}
			for id, c := range report.Coverage.Rules {
				if c.Applicable && !c.Exercised {
					assert.Contains(t, c.Why, "MaxLimitExceeded", id)
				}
			}
		})
	}
}

// TestCertificatesUnderQuotas: they are complete under the real ones, and say why where they are not.
func TestCertificatesUnderQuotas(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		server  embedded.ServerOptions
		react   func(arrived) reaction
		verdict reports.Verdict
		holds   int
		says    string
	}{
		"a right server":                {serviceQuotas, unknown("None"), reports.Conforms, 3, "all 170 tests passed"},
		"without RestoreEventDataStore": {serviceQuotas, unknown("Restore"), reports.Conforms, 3, "all 170 tests passed"},
		"others have eight stores": {embedded.ServerOptions{TrailQuota: 5, StoreQuota: 2}, unknown("None"), reports.Inconclusive, 2,
			"no certificate yet: 0 of 170 tests executed, all passed; a quota is reached: CreateEventDataStore answered EventDataStoreMaxLimitExceededException"},
		"a wrong destination": {embedded.ServerOptions{TrailQuota: 5, StoreQuota: 10, Fault: "repoint-answers-old-destination"}, unknown("None"),
			reports.Diverges, 2, "showed a divergence"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report, err := underQuota(t, x.server, x.react, conform.Options{Suites: []string{conform.Complete}})
			require.NoError(t, err)
			assert.Equal(t, x.verdict, report.Verdict, report.Reason)
			holds := 0
			for _, c := range report.Certificates {
				if c.Holds {
					holds++
				}
				assert.Zero(t, c.Unstable)
			}
			assert.Equal(t, x.holds, holds)
			assert.Contains(t, report.Certificates[2].Result, x.says)
		})
	}
}

// TestEmbeddedQuotas: the embedded target with quotas is one account for all worlds, as any endpoint is.
func TestEmbeddedQuotas(t *testing.T) {
	t.Parallel()
	report, err := conform.Run(t.Context(), embedded.NewTarget(embedded.Options{ServerOptions: serviceQuotas, Workers: 4}), conform.Options{Seed: 7})
	require.NoError(t, err)
	assert.Equal(t, reports.Conforms, report.Verdict, report.Reason)
	assert.False(t, report.Partial)
	assert.Equal(t, 1, report.Workers)
	_, applicable, judged := report.Coverage.Counts()
	assert.Equal(t, applicable, judged)
	assert.Equal(t, report.Coverage.Pairs.Total, report.Coverage.Pairs.Covered)
}

// TestWorldsUnderAQuota: where worlds need one trail each, as many are tested side by side as there may be trails.
func TestWorldsUnderAQuota(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		machines      string
		workers, want int
	}{{"management", 0, 5}, {"management", 2, 2}, {"two-trails", 0, 2}, {"management,stores", 0, 1}} {
		machines := strings.Split(test.machines, ",")
		report, err := underQuota(t, serviceQuotas, unknown("None"), conform.Options{Suites: []string{conform.Complete}, Machines: machines, Workers: test.workers})
		require.NoError(t, err)
		assert.Equal(t, reports.Conforms, report.Verdict, report.Reason)
		assert.Equal(t, test.want, report.Workers, test.machines)
		for _, c := range report.Certificates {
			assert.True(t, c.Holds, c.Result)
		}
	}
}

package conform_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/endpoint"
	"github.com/insightconform/conform/targets/naming"
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

// TestStoresBySuffix: what earlier runs recorded, which named stores by suffix, plays as before.
func TestStoresBySuffix(t *testing.T) {
	target := naming.Wrap(embedded.NewTarget(embedded.Options{}))
	_, err := target.Open(t.Context())
	require.NoError(t, err)
	defer target.Close()
	world, err := target.NewWorld(t.Context())
	require.NoError(t, err)
	for n, store := range []string{model.StoreID(0), model.DefaultWorld.StoreARN(model.DefaultWorld.Home, model.StoreID(1))} {
		require.Equal(t, model.Succeeded, world.Do(t.Context(), generators.CreateStore(n, generators.SourceStore)).Answer.Outcome)
		for _, op := range []model.Op{model.OpGetStore, model.OpUpdateStore, model.OpStopIngestion, model.OpStartIngestion,
			model.OpDeleteStore, model.OpRestoreStore} {
			reply := world.Do(t.Context(), model.Request{Op: op, Input: value.Obj("EventDataStore", store)})
			assert.Equal(t, model.Succeeded, reply.Answer.Outcome, "%s of %s: %s", op, store, reply.Body)
		}
	}
}

// aroundTrails lists the calls on trails that are none of insights, with an answer that says so where they name
// the trail by its ARN.
var aroundTrails = []string{"StartLogging", "StopLogging", "GetTrail", "GetTrailStatus", "PutEventSelectors", "GetEventSelectors",
	"UpdateTrail", "DeleteTrail"}

func aroundByARN(a arrived) bool {
	return slices.Contains(aroundTrails, a.op) && strings.Contains(a.body, `ame":"arn:`)
}

// TestSetUpByARN: no request gets a 5xx, a call around insights that names its trail by ARN neither. Of a 4xx there
// no rule speaks.
func TestSetUpByARN(t *testing.T) {
	t.Parallel()
	type given struct {
		react   func(arrived) reaction
		actual  string // a pattern of the divergences, one for each of the operations
		ops     []string
		verdict reports.Verdict
		notes   string
	}
	cases := map[string]given{
		"500": {react: func(a arrived) reaction { return when(aroundByARN(a), answers(500, `{"__type":"InternalError"}`)) },
			actual: `^HTTP 500 with \{__type: InternalError\}$`, ops: aroundTrails, verdict: reports.Diverges},
		"dropped": {react: func(a arrived) reaction { return when(aroundByARN(a), drops) },
			actual: `^connection (closed|reset)`, ops: aroundTrails, verdict: reports.Diverges},
		"hangs": {react: func(a arrived) reaction { return when(a.op == "StartLogging" && aroundByARN(a), hangs) },
			actual: `^no answer within `, ops: aroundTrails[:1], verdict: reports.Diverges},
		"not found": {react: func(a arrived) reaction { return when(aroundByARN(a), refuses("TrailNotFoundException")) },
			verdict: reports.Conforms, notes: "StartLogging answered TrailNotFoundException about a trail or store that is there"},
		// To every call, so that the operation is absent.
		"always 500": {react: func(a arrived) reaction {
			return when(slices.Contains([]string{"UpdateTrail", "GetEventDataStore"}, a.op), answers(500, "{}"))
		}, verdict: reports.Conforms},
		"now and then": {react: func(a arrived) reaction { return when(a.op == "StartLogging" && a.nth%40 == 39, answers(500, "{}")) },
			verdict: reports.Conforms},
	}
	ran, errs := sideBySide(t, cases, func(x given) (*reports.Report, error) {
		return against(t, embedded.ServerOptions{}, x.react, time.Second, 14_000)
	})
	for name, x := range cases {
		t.Run(name, func(t *testing.T) {
			report := ran[name]
			require.NoError(t, errs[name])
			all := explain(report, func(model.ID) bool { return true })
			assert.Equal(t, x.verdict, report.Verdict, "%s: %s", report.Reason, all)
			var ops []string
			for _, d := range report.Divergences {
				ops = append(ops, string(d.Operation))
				if d.Rule == model.WireNoCrash {
					assert.Regexp(t, x.actual, d.Actual)
				} else {
					assert.Equal(t, model.LogsSelectorsLater, d.Rule, "which lists the codes that it accepts")
				}
			}
			if x.ops != nil {
				assert.ElementsMatch(t, x.ops, ops, all)
			}
			assert.Contains(t, strings.Join(report.Notes, "\n"), x.notes)
		})
	}
}

// TestTrailsAreLent: where trails can only be used up, they are turned off and used again.
func TestTrailsAreLent(t *testing.T) {
	for fault, verdict := range map[string]reports.Verdict{"": reports.Conforms, "appends-selectors": reports.Diverges} {
		t.Run("fault "+fault, func(t *testing.T) {
			t.Parallel()
			target, err := endpoint.New(endpoint.Options{Timeout: 5 * time.Second,
				URL: crippled(t, embedded.ServerOptions{Fault: fault}, func(a arrived) reaction {
					if a.op == "CreateTrail" && a.nth > 5 {
						return refuses("MaximumNumberOfTrailsExceededException")
					}
					return unknown("DeleteTrail")(a)
				})})
			require.NoError(t, err)
			report, err := conform.Run(t.Context(), target, conform.Options{Seed: 1, Requests: 12_000})
			require.NoError(t, err)
			all := explain(report, func(model.ID) bool { return true })
			assert.Equal(t, verdict, report.Verdict, "%s: %s", report.Reason, all)
			assert.Contains(t, strings.Join(report.Target.Notes, "\n"), "used again")
			assert.Contains(t, report.NotCovered, string(model.CanDelete))
			exercised, applicable := 0, 0
			for id, rule := range report.Coverage.Rules {
				if rule.Applicable {
					applicable++
				}
				if rule.Exercised {
					exercised++
				} else if rule.Applicable {
					t.Log("not exercised: ", id, rule.Why)
				}
			}
			assert.GreaterOrEqual(t, exercised, applicable-2)
			assert.Greater(t, applicable, 60)
			assert.Greater(t, report.Coverage.Transitions.Covered, report.Coverage.Transitions.Total/2)
			if fault != "" {
				assert.Contains(t, rulesOf(report), model.PutReplacesList, all)
				assert.Len(t, rulesOf(report), 1, all)
			}
		})
	}
}

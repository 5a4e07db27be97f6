package catalogue

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
)

// stateAfter follows the reference through a set-up that must succeed.
func stateAfter(t *testing.T, scope generators.Scope, setup []model.Request) model.State {
	t.Helper()
	w := model.DefaultWorld
	state, ok := generators.Reference(model.NewState(&w), setup...)
	require.True(t, ok)
	return state
}

// TestPairs: every pair has a request that breaks just the two, or a reason why there is none.
func TestPairs(t *testing.T) {
	w, scope := model.DefaultWorld, generators.Everything()
	pairs := Pairs(&w, scope)
	n := len(model.ErrorRules())
	assert.Len(t, pairs, n*(n-1)/2)
	for _, p := range pairs {
		if p.Found {
			assert.Equal(t, p.Rules[:], model.Broken(stateAfter(t, scope, p.Setup), p.Probe))
			continue
		}
		assert.Empty(t, p.Needs, p.Rules)
		assert.NotContains(t, p.Why, "no request", p.Rules)
		assert.Regexp(t, `^\S+ needs .+, \S+ .+$|^what breaks both breaks \S+( and \S+)* too$`, p.Why)
	}
	for pair, why := range map[[2]model.ID]string{
		{model.TrailNameSyntax, model.TrailNotFound}:            "trail/name-syntax needs a malformed TrailName, trail/not-found a well-formed TrailName",
		{model.InputSelectorsMissing, model.SelectorCategory}:   "input/selectors-missing needs InsightSelectors without a list, selector/category-invalid a list in InsightSelectors",
		{model.TrailNotFound, model.StoreNotFound}:              "what breaks both breaks input/trail-and-store too",
		{model.BucketMissingRule, model.BucketPolicy}:           "bucket/missing needs a bucket that is gone, bucket/policy a bucket that is there",
		{model.StoreSource, model.PutDuplicateDiffering}:        "what breaks both breaks store/data-category too",
		{model.LogsCallRate, model.StoreDestination}:            "logs/call-rate-needs-write needs a TrailName, store/destination-not-insight a request without TrailName",
		{model.TrailHomeRegion, model.StoreInactive}:            "what breaks both breaks input/trail-and-store too",
		{model.InputNoResource, model.StoreOtherAccount}:        "what breaks both breaks input/store-needs-both too",
		{model.TrailNotFound, model.TrailOtherAccount}:          "trail/not-found needs a TrailName of the caller's account, trail/other-account the ARN of another account as TrailName",
		{model.InputStoreNeedsBoth, model.StoreSame}:            "input/store-needs-both needs a request without one of EventDataStore and InsightsDestination, store/same-store both EventDataStore and InsightsDestination",
		{model.TrailARNSyntax, model.StoreIDSyntax}:             "what breaks both breaks input/trail-and-store too",
		{model.InputTrailAndStore, model.LogsErrorRate}:         "input/trail-and-store needs EventDataStore or InsightsDestination, logs/error-rate-needs-management a request without EventDataStore and InsightsDestination",
		{model.InputTrailAndStore, model.PutDuplicateDiffering}: "what breaks both breaks store/data-category too",
	} {
		for _, p := range pairs {
			if p.Rules == pair {
				assert.Equal(t, why, p.Why)
			}
		}
	}
}

// TestPairsNeed: where the target lacks something, the pair says what.
func TestPairsNeed(t *testing.T) {
	w, scope := model.DefaultWorld, generators.Everything()
	scope.Can[model.CanArrangeAccount], scope.Can[model.CanRawWire] = false, false
	for _, p := range Pairs(&w, scope) {
		switch p.Rules {
		case [2]model.ID{model.OrgMemberAccount, model.TrailNotPermitted}:
			assert.Equal(t, []model.Capability{model.CanArrangeAccount}, p.Needs)
		case [2]model.ID{model.WireWrongType, model.OrgNoServiceRole}:
			assert.Equal(t, []model.Capability{model.CanArrangeAccount, model.CanRawWire}, p.Needs)
		case [2]model.ID{model.TrailNameSyntax, model.SelectorTypeInvalid}:
			assert.True(t, p.Found)
		}
		if p.Found {
			assert.Equal(t, p.Rules[:], model.Broken(stateAfter(t, scope, p.Setup), p.Probe))
		}
	}
}

// TestTogether: three rules that no prepared request breaks together are put together from pairs.
func TestTogether(t *testing.T) {
	w, scope := model.DefaultWorld, generators.Everything()
	for _, rules := range [][]model.ID{
		{model.WireWrongType, model.SelectorTypeInvalid, model.TrailNotFound},
		{model.LogsCallRate, model.BucketPolicy, model.KMSPolicy},
		{model.OrgNoServiceRole, model.BucketMissingRule, model.KMSUnusable},
		{model.SelectorTypeMissing, model.SelectorCategory, model.LogsCallRate},
	} {
		setup, probe, ok := Together(rules, &w, scope)
		require.True(t, ok, rules)
		assert.Equal(t, rules, model.Broken(stateAfter(t, scope, setup), probe))
	}
	_, _, ok := Together([]model.ID{model.TrailNameSyntax, model.TrailNotFound, model.SelectorCategory}, &w, scope)
	assert.False(t, ok)
}

// TestAlike: other requests break the same rules, and most pairs have some.
func TestAlike(t *testing.T) {
	w, scope := model.DefaultWorld, generators.Everything()
	found, some := 0, 0
	for _, p := range Pairs(&w, scope) {
		if !p.Found {
			continue
		}
		found++
		state := stateAfter(t, scope, p.Setup)
		others := Alike(state, p.Probe, scope, 3)
		for _, r := range others {
			assert.Equal(t, p.Rules[:], model.Broken(state, r))
			assert.False(t, r.Input.Equal(p.Probe.Input) && r.Region == p.Probe.Region)
		}
		if len(others) > 0 {
			some++
		}
	}
	assert.Greater(t, 10*some, 9*found)
}

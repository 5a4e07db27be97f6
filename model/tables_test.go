package model

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/model/value"
)

// TestRowsFollowThePage: every error rule has a row, and the rows stand in the order of the page.
func TestRowsFollowThePage(t *testing.T) {
	rows := map[ID]bool{}
	last := 0
	for _, row := range putRows {
		rule := RuleOf(row.rule)
		require.NotNil(t, rule, row.rule)
		rows[row.rule] = true
		if rule.Row == 0 {
			last = 1 << 10 // those that accept a refusal come last
			continue
		}
		assert.GreaterOrEqual(t, rule.Row, last, row.rule)
		last = rule.Row
	}
	for _, id := range ErrorRules() {
		assert.True(t, rows[id], id)
	}
}

// TestClaimsAreOfRules: each row of the promises says of a rule when it is tested or contradicted.
func TestClaimsAreOfRules(t *testing.T) {
	for _, c := range claims {
		require.NotNil(t, RuleOf(c.rule), c.rule)
		assert.True(t, c.now != nil || c.due != nil || c.refused != nil || c.shows != nil, c.rule)
	}
}

// TestWithoutStores: what names a store is refused by a target that has none, and nothing else is known.
func TestWithoutStores(t *testing.T) {
	w := DefaultWorld
	w.NoStores = true
	s := NewState(&w)
	for _, r := range []Request{
		on(OpGet, "EventDataStore", StoreID(0)),
		on(OpPut, "EventDataStore", StoreID(0), "InsightSelectors", value.ListOf()),
		on(OpPut, "EventDataStore", StoreID(0), "InsightsDestination", StoreID(1), "InsightSelectors", value.ListOf(selector("ApiCallRateInsight"))),
	} {
		for _, b := range Step(s, r) {
			assert.Equal(t, Refused, b.Answer.Outcome, "%#v", r)
			assert.True(t, b.Next.Equal(s))
		}
	}
}

// TestUnknownValuesReadAsNone: what an answer lists outside the enums is noted and stands for nothing.
func TestUnknownValuesReadAsNone(t *testing.T) {
	list := value.ListOf(value.Obj("InsightType", "ApiCallRateInsight", "EventCategories", value.Strs("Network", "Data")))
	a, _, _ := ReadSuccess(OpGet, value.Obj("InsightSelectors", list))
	assert.Equal(t, MakeSelectors(Data, 0), a.Selectors)
	assert.False(t, a.Repeated)
	assert.Equal(t, `"Network"`, a.Alien)
}

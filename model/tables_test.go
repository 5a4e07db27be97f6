package model

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/model/value"
)

// TestRowsFollowThePage: every error rule has a row, and the rows stand in the order of the page.
func TestRowsFollowThePage(t *testing.T) {
	var rows []ID
	for _, row := range putRows {
		rows = append(rows, row.rule)
	}
	n := len(ErrorRules())
	assert.Equal(t, ErrorRules(), rows[:n])
	for _, id := range rows[n:] {
		require.NotNil(t, RuleOf(id), id)
		assert.Empty(t, RuleOf(id).Code, "%s only accepts a refusal", id)
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

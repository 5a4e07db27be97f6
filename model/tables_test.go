package model

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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

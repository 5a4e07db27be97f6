package catalogue

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
)

// TestPlansAreKnownByContent: an order that stands where another one stood has a plan of its own, and an
// equal one elsewhere has the same.
func TestPlansAreKnownByContent(t *testing.T) {
	order := model.ErrorRules()
	equal, err := model.NewProfile("one", slices.Clone(order), nil)
	require.NoError(t, err)
	slices.Reverse(order)
	other, err := model.NewProfile("one", order, nil)
	require.NoError(t, err)
	first, err := model.NewProfile("one", slices.Clone(equal.Order), nil)
	require.NoError(t, err)

	w := model.DefaultWorld
	w.Profile = first
	scope := generators.Everything()
	before := planFor(&w, scope)
	w.Profile = equal
	assert.Same(t, before, planFor(&w, scope))
	w.Profile, *first = first, *other
	assert.NotSame(t, before, planFor(&w, scope))
}

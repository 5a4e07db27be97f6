package account

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/targets"
)

func TestPlan(t *testing.T) {
	one, err := Plan(Options{Regions: []string{"us-east-1"}}, 100, 1000, 4000)
	require.NoError(t, err)
	assert.Len(t, one.Resources, 2)
	assert.GreaterOrEqual(t, one.Writes, 1000)
	assert.InDelta(t, float64(one.Writes)/60, one.Minutes, 0.2)
	two, err := Plan(Options{Regions: []string{"us-east-1", "eu-west-1"}, AllowLogging: true, Stores: true}, 100, 1000, 4000)
	require.NoError(t, err)
	assert.Less(t, two.Minutes, 0.6*one.Minutes)
	assert.Len(t, two.Resources, 3)
	assert.Greater(t, len(two.Costs), len(one.Costs))
	assert.Contains(t, string(two.Policy.JSON()), `"cloudtrail:StartLogging"`)
	_, err = Plan(Options{}, 100, 1000, 4000)
	assert.ErrorIs(t, err, targets.ErrUsage)
}

package catalogue_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/generators/catalogue"
	"github.com/insightconform/conform/model"
)

// TestEarlyKeepsToTheScope: a target is sent nothing that it is known not to have, and no world holds more than it may.
func TestEarlyKeepsToTheScope(t *testing.T) {
	whole := catalogue.Early(&model.DefaultWorld, generators.Everything())
	require.NotEmpty(t, whole)
	for _, missing := range model.Capabilities {
		scope := generators.Everything()
		scope.MaxTrails = 1
		delete(scope.Can, missing)
		histories := catalogue.Early(&model.DefaultWorld, scope)
		assert.LessOrEqual(t, len(histories), len(whole), missing)
		for _, history := range histories {
			state := model.NewState(&model.DefaultWorld)
			for _, r := range history {
				assert.True(t, scope.Allows(r), "%s: %v", missing, r)
				state = model.Step(state, r)[0].Next
				assert.True(t, scope.Fits(state), "%s: %v", missing, r)
			}
		}
	}
}

package explore_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/internal/explore"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets/embedded"
)

// TestIllustrate: each rule that claims something has a short example, whose last answer decides.
func TestIllustrate(t *testing.T) {
	for _, rule := range model.Rules {
		steps, err := explore.Illustrate(t.Context(), embedded.InProcess(embedded.ServerOptions{}), rule.ID)
		require.NoError(t, err)
		if rule.Silent || rule.OfClients() {
			assert.Empty(t, steps, rule.ID)
			continue
		}
		if assert.NotEmpty(t, steps, rule.ID) {
			assert.LessOrEqual(t, len(steps), 9, rule.ID)
			last := steps[len(steps)-1]
			if rule.Code != "" && !rule.MayPass {
				assert.Contains(t, append([]string{rule.Code}, rule.Also...), last.Answer.Code, rule.ID)
			}
		}
	}
}

package embedded

import (
	"fmt"
	"testing"

	"github.com/insightconform/conform/model"
)

func fair(t *testing.T, c Chooser, walks, steps int) {
	t.Helper()
	target := openInProcess(t, ServerOptions{Chooser: c})
	for seed := range uint64(walks) {
		if f := walk(t, target, seed, steps); f != nil {
			t.Fatalf("walk %d: %s", seed, f)
		}
	}
}

func TestReferenceIsAllowed(t *testing.T) {
	t.Parallel()
	fair(t, nil, 200, 300)
}

func TestRandomChoiceIsAllowed(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		fair(t, RandomChoice(seed, 0.05), 20, 300)
	}
}

var _ = model.Order
var _ = fmt.Sprint

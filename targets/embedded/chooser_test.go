package embedded

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/insightconform/conform/internal/testing/choices"
	"github.com/insightconform/conform/model"
)

// fair requires that nothing which a chooser takes is held against the server.
func fair(t *testing.T, c choices.Chooser, seed uint64, walks, steps int) {
	t.Helper()
	target := openInProcess(t, ServerOptions{Chooser: c})
	for i := range uint64(walks) {
		if f := walk(t, target, seed+i, steps); f != nil {
			t.Fatalf("walk %d: %s", seed+i, f)
		}
	}
}

func TestReferenceIsAllowed(t *testing.T) {
	t.Parallel()
	fair(t, nil, 0, 200, 300)
}

func TestRandomChoiceIsAllowed(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		fair(t, choices.Random(seed, 0.05), seed, 1, 300)
	}
}

func TestEachAlternativeIsAllowed(t *testing.T) {
	for _, alternative := range choices.Alternatives() {
		t.Run(fmt.Sprintf("%s/%d", alternative.Rule, alternative.N), func(t *testing.T) {
			t.Parallel()
			fair(t, choices.Always(alternative.Rule, alternative.N), 1000, 5, 300)
		})
	}
}

// The table of alternatives must name all that the model offers.
func TestAlternativesAreComplete(t *testing.T) {
	t.Parallel()
	most := map[model.ID]int{}
	for seed := range uint64(20) {
		random := choices.Random(seed, 0.02)
		fair(t, func(branches []model.Branch, r model.Request) int {
			here := map[model.ID]int{}
			for _, b := range branches[1:] {
				if b.Rule != "" {
					here[b.Rule]++
					most[b.Rule] = max(most[b.Rule], here[b.Rule])
				}
			}
			return random(branches, r)
		}, 2000+seed*100, 10, 300)
	}
	offered := map[model.ID]int{}
	for _, a := range choices.Alternatives() {
		offered[a.Rule]++
	}
	for id, n := range most {
		assert.LessOrEqual(t, n, offered[id], "alternatives of %s", id)
	}
	for id, n := range offered {
		assert.Positive(t, most[id], "%s offers %d alternatives, but no walk has met one", id, n)
	}
}

func TestChoosers(t *testing.T) {
	branches := []model.Branch{{}, {Rule: model.Order}, {Silent: true}, {Rule: model.LogsStop}, {Rule: model.Order}}
	pick := func(c choices.Chooser) int { return c(branches, model.Request{}) }
	assert.Equal(t, 0, pick(func([]model.Branch, model.Request) int { return 0 }))
	assert.Equal(t, 1, pick(choices.Always(model.Order, 0)))
	assert.Equal(t, 4, pick(choices.Always(model.Order, 1)))
	assert.Equal(t, 0, pick(choices.Always(model.Order, 2)))
	assert.Equal(t, 3, pick(choices.Always(model.LogsStop, 0)))

	seen := map[int]int{}
	c := choices.Random(1, 0)
	for range 1000 {
		seen[pick(c)]++
	}
	assert.Zero(t, seen[2], "a silent branch was taken")
	for _, i := range []int{0, 1, 3, 4} {
		assert.Greater(t, seen[i], 150, "branch %d", i)
	}
}

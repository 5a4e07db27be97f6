package machine

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
)

// walk follows a tour with the branch that choose picks, and returns the number of steps.
func walk(t *testing.T, tour *Tour, choose func([]model.Branch) int) int {
	s := trailState()
	steps := 0
	for {
		r, ok := tour.Next(s)
		if !ok {
			return steps
		}
		tour.Covered(s, r)
		branches := model.Step(s, r)
		s = branches[choose(branches)].Next
		steps++
		require.Less(t, steps, 20000)
	}
}

func TestTourCoversEverything(t *testing.T) {
	all := NewTour(generators.Everything(), 0, 1)
	require.Equal(t, 7*16*24, all.Total)
	for _, parts := range []int{1, 2, 4, 7} {
		total, steps := 0, 0
		for part := range parts {
			tour := NewTour(generators.Everything(), part, parts)
			n := walk(t, tour, func([]model.Branch) int { return 0 })
			require.Equal(t, tour.Total, tour.Count)
			total += tour.Total
			steps += n
		}
		t.Logf("%d parts: %d transitions in %d steps", parts, total, steps)
		require.Equal(t, all.Total, total)
		if parts == 1 {
			require.LessOrEqual(t, steps*10, total*13)
		}
	}
}

func TestTourWithoutEventSelectors(t *testing.T) {
	scope := generators.Everything()
	delete(scope.Can, model.CanPutEvents)
	tour := NewTour(scope, 0, 1)
	require.Equal(t, 4*16, tour.Total)
	walk(t, tour, func([]model.Branch) int { return 0 })
	require.Equal(t, tour.Total, tour.Count)
}

// A target that takes accepted alternatives does not reach all states: the tour ends all the same.
func TestTourEndsBesideTheReference(t *testing.T) {
	tour := NewTour(generators.Everything(), 0, 1)
	steps := walk(t, tour, func(branches []model.Branch) int {
		return max(0, slices.IndexFunc(branches, func(b model.Branch) bool { return b.Rule != "" && b.Answer.Outcome != model.Refused }))
	})
	t.Logf("always an alternative that succeeds: %d of %d in %d steps", tour.Count, tour.Total, steps)
	require.Greater(t, tour.Count, 500)
	turn := 0
	tour = NewTour(generators.Everything(), 0, 1)
	steps = walk(t, tour, func(branches []model.Branch) int { turn++; return turn % len(branches) })
	t.Logf("another alternative each time: %d of %d in %d steps", tour.Count, tour.Total, steps)
}

func BenchmarkTour(b *testing.B) {
	tour := NewTour(generators.Everything(), 0, 1)
	s := trailState()
	for b.Loop() {
		r, ok := tour.Next(s)
		if !ok {
			tour, s = NewTour(generators.Everything(), 0, 1), trailState()
			continue
		}
		tour.Covered(s, r)
		s = model.Step(s, r)[0].Next
	}
}

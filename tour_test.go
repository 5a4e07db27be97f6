package conform

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/generators/machine"
	"github.com/insightconform/conform/model"
)

// TestTourIsNearlyAsShortAsCanBe counts the requests of the tour against the least that cover every
// transition once and send the reads that are due after it.
func TestTourIsNearlyAsShortAsCanBe(t *testing.T) {
	world := model.DefaultWorld
	r := &run{shared: newShared(), world: &world, probed: &probed{scope: generators.Everything()}}
	counted := &counting{Target: &modelled{world: &world}}
	r.target = counted
	e := r.newExplorer(machine.NewTour(r.probed.scope, 0, 1))
	e.walk(t.Context())
	require.Equal(t, e.coverage.tour.Total(), e.coverage.tour.Count())

	m := machine.New("trail", &world, r.probed.scope, machine.Options{DefaultEvents: true})
	least := 0
	for _, s := range m.States {
		for _, input := range m.Inputs {
			after := model.Step(s.State, input.Request)[0].Next
			least += 1 + len(dueReads(s.State, after, input.Request, r.probed.scope))
		}
	}
	sent := counted.writes + counted.reads
	t.Logf("%d requests, %d of them writes, against %d at least: %.3f", sent, counted.writes, least, float64(sent)/float64(least))
	require.LessOrEqual(t, 10*sent, 11*least)
}

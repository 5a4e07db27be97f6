package explore

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/generators/machine"
	"github.com/insightconform/conform/internal/probe"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
)

// TestTourIsNearlyAsShortAsCanBe counts the requests of the tour against the least that cover every
// transition once and send the reads that are due after it.
func TestTourIsNearlyAsShortAsCanBe(t *testing.T) {
	subject := probe.Assume(targets.Info{}, generators.Everything().Can, probe.Options{})
	counted := &modelled{world: subject.Model}
	subject.Target = counted
	w := NewWorker(subject, machine.NewTour(subject.Scope, 0, 1))
	w.walk(t.Context())
	require.Equal(t, w.tour.Total, w.tour.Count)

	m := machine.New("trail", subject.Model, subject.Scope, machine.Options{DefaultEvents: true})
	least := 0
	for _, s := range m.States {
		for _, input := range m.Inputs {
			after := model.Step(s.State, input.Request)[0].Next
			least += 1 + len(dueReads(s.State, after, input.Request, subject.Scope))
		}
	}
	sent := counted.writes + counted.reads
	t.Logf("%d requests, %d of them writes, against %d at least: %.3f", sent, counted.writes, least, float64(sent)/float64(least))
	require.LessOrEqual(t, 10*sent, 11*least)
}

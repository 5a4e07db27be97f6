package explore

import (
	"context"
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
	counted := &counting{}
	subject := probe.Assume(targets.Info{}, generators.Everything().Can, probe.Options{})
	subject.Target = counted
	w := NewWorker(subject, machine.NewTour(subject.Scope, 0, 1))
	w.walk(t.Context())
	require.Equal(t, w.Coverage.tour.Total(), w.Coverage.tour.Count())

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

// counting answers as the model does, and counts.
type counting struct{ writes, reads int }

func (c *counting) Open(context.Context) (targets.Info, error) { return targets.Info{}, nil }
func (c *counting) NewWorld(context.Context) (targets.World, error) {
	return &countingWorld{c, model.NewState(&model.DefaultWorld)}, nil
}
func (c *counting) Close() error { return nil }

type countingWorld struct {
	all   *counting
	state model.State
}

func (w *countingWorld) Do(_ context.Context, r model.Request) targets.Reply {
	if r.Op.Reads() {
		w.all.reads++
	} else {
		w.all.writes++
	}
	b := model.Step(w.state, r)[0]
	w.state = b.Next
	if b.Answer.Outcome == model.AnySuccess {
		b.Answer.Outcome = model.Succeeded
	}
	return targets.Reply{Answer: b.Answer}
}

func (w *countingWorld) Close(context.Context) error { return nil }

package explore

import (
	"context"

	"github.com/insightconform/conform/internal/diagnose"
	"github.com/insightconform/conform/internal/probe"
	"github.com/insightconform/conform/model"
)

// inspector looks into what its worker suspects as soon as the world that showed it is closed, so that
// a run can end with the first divergence.
type inspector struct {
	player  *diagnose.Player
	minimum model.Level // of suspicions that matter
	stop    func(*diagnose.Divergence) bool
	pending diagnose.Suspicions
	tried   map[string]int // by key of a suspicion
}

// maxInspected is how often one kind of suspicion is looked into.
const maxInspected = 3

func newInspector(subject *probe.Subject, o Options) *inspector {
	return &inspector{player: diagnose.NewPlayer(subject.NewClient()), minimum: o.Minimum, stop: o.Stop,
		pending: diagnose.Suspicions{}, tried: map[string]int{}}
}

// suspect takes in what was found, if it matters and was not looked into often enough.
func (w *Worker) suspect(d *diagnose.Divergence) {
	c := w.inspector
	if c == nil || d.Doubtful() || d.Finding.Level < c.minimum {
		return
	}
	key := d.Key()
	if c.tried[key] < maxInspected {
		c.tried[key]++
		c.pending.Add(d)
	}
}

// due reports whether there is something to look into.
func (w *Worker) due() bool { return w.inspector != nil && len(w.inspector.pending) > 0 }

// inspect looks into what is pending, and stops all workers if the run ends with some of it.
func (w *Worker) inspect(ctx context.Context) {
	if !w.due() {
		return
	}
	c := w.inspector
	pending := c.pending.Sorted()
	c.pending = diagnose.Suspicions{}
	for _, d := range pending {
		if c.player.ResolveOne(ctx, d) && c.stop(d) {
			w.Client.Status.Stop.Store(true)
			return
		}
	}
}

// Inspected counts the requests that were spent on looking into suspicions.
func (w *Worker) Inspected() int {
	if w.inspector == nil {
		return 0
	}
	return w.inspector.player.Client.Requests
}

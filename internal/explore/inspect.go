package explore

import (
	"context"
	"slices"

	"github.com/insightconform/conform/internal/diagnose"
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

// suspect takes in what was found, if it matters and was not looked into often enough.
func (c *inspector) suspect(d *diagnose.Divergence) {
	if c == nil || d.Doubtful || d.Finding.Level < c.minimum {
		return
	}
	if key := d.Key(); c.tried[key] < maxInspected {
		c.tried[key]++
		c.pending.Add(d)
	}
}

// due reports whether there is something to look into.
func (c *inspector) due() bool { return c != nil && len(c.pending) > 0 }

// inspect looks into what is pending, and reports whether the run ends with some of it.
func (c *inspector) inspect(ctx context.Context) bool {
	if !c.due() {
		return false
	}
	pending := c.pending.Sorted()
	c.pending = diagnose.Suspicions{}
	return slices.ContainsFunc(pending, func(d *diagnose.Divergence) bool { return c.player.ResolveOne(ctx, d) && c.stop(d) })
}

// Inspected counts the requests that were spent on looking into suspicions.
func (w *Worker) Inspected() int {
	if w.inspector == nil {
		return 0
	}
	return w.inspector.player.Client.Requests
}

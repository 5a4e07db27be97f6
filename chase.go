package conform

import (
	"context"
)

// chase is a worker's part in Options.StopAtFirst: what it suspects is looked into as soon as the world
// that showed it is closed. A nil chase suspects nothing.
type chase struct {
	run       *run
	confirmer *confirmer
	pending   []*suspicion
	tried     map[string]int // by key of a suspicion
}

// suspect takes in what was found, if it would fail the run and was not looked into often enough.
func (c *chase) suspect(s *suspicion) {
	if c == nil || s.finding.Level < c.run.options.FailOn {
		return
	}
	key := s.key()
	if c.tried[key] >= maxTries {
		return
	}
	c.tried[key]++
	mine := *s
	c.pending = append(c.pending, &mine)
}

// due reports whether there is something to look into.
func (c *chase) due() bool { return c != nil && len(c.pending) > 0 }

// confirm looks into what is pending, and stops all workers if some of it is a divergence.
func (c *chase) confirm(ctx context.Context) {
	if !c.due() {
		return
	}
	found := suspicions{}
	for _, s := range c.pending {
		found.add(s)
	}
	c.pending = nil
	for _, d := range c.confirmer.resolve(ctx, found.sorted()) {
		if c.confirmer.confirmOne(ctx, d); d.again > 0 && c.run.fails(d) {
			c.run.first.CompareAndSwap(nil, d)
			c.run.shared.stop.Store(true)
			return
		}
	}
}

// fails reports whether a divergence fails the run.
func (r *run) fails(d *divergence) bool {
	known := r.options.Baseline.Find(d.finding.Signature())
	return d.finding.Level >= r.options.FailOn && (known == nil || known.Expired(r.started))
}

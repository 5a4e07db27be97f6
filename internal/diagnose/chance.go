package diagnose

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
)

// A target that answers wrongly now and then shows some of that again by chance, the more likely the longer a case is.
// So where an operation was seen to do that, only the last answer of a case counts, which is wrong by chance at the
// rate of the operation, and it is repeated until chance is too unlikely.
const (
	maxChance = 0.001 // that what repeated has no cause
	rarest    = 0.05  // the rate that is assumed at least
	maxFailed = 2     // tries that do not show it, after which it counts as chance
)

// shownBy is the operation whose answer showed a divergence.
func (d *Divergence) shownBy() model.Op { return d.Steps[len(d.Steps)-1].Request.Op }

// unsteady reports whether a divergence that was tried again did not show each time, and where it was seen. Silence
// has a rule of its own.
func (d *Divergence) unsteady() bool {
	return d.Finding.Rule != model.WireNoCrash && (d.Again < d.Tries || d.elsewhere)
}

// Learn takes over which operations another player saw answer wrongly now and then.
func (p *Player) Learn(other *Player) { maps.Copy(p.flaky, other.flaky) }

// isFlaky reports whether a divergence may be one of those that its operation shows now and then.
func (p *Player) isFlaky(d *Divergence) bool {
	return d.Finding.Rule != model.WireNoCrash && p.flaky[d.shownBy()] > 0
}

// hasCause plays a case until chance is too unlikely to show its last answer so often, and reports whether it is.
func (p *Player) hasCause(ctx context.Context, d *Divergence) bool {
	op, requests := d.shownBy(), session.Requests(d.Steps)
	// Twice as often as was seen: wrong may also be the answer from which the state before was read back.
	rate := min(0.5, max(rarest, 2*float64(p.flaky[op])/float64(max(1, p.Client.Status.Asked(op)))))
	again := func(f session.Found) bool { return f.At >= len(requests)-1 && f.Signature() == d.Raw }
	for d.Tries, d.Again = 0, 0; d.Tries-d.Again < maxFailed && ctx.Err() == nil; {
		d.Tries++
		if p.once(ctx, requests, again) == nil {
			continue
		}
		d.Again++
		if chance := math.Pow(rate, float64(d.Again)); chance*math.Pow(float64(d.Tries), float64(d.Tries-d.Again)) < maxChance {
			return true
		}
	}
	d.Again = 0
	return false
}

// lookInto tries suspicions again. Where some that one operation showed came and went, chance may have confirmed others
// and led the experiments: then all are looked into once more.
func (p *Player) lookInto(ctx context.Context, suspected []*Divergence, o Options) []*Divergence {
	for {
		if len(p.flaky) > 0 { // the shortest first: what goes beyond the budget counts as chance
			slices.SortStableFunc(suspected, func(a, b *Divergence) int { return len(a.Steps) - len(b.Steps) })
			p.enough = p.Client.Requests + cmp.Or(o.ShrinkRequests, MaxShrinkRequests)
		}
		var copies []*Divergence
		for _, d := range suspected {
			copies = append(copies, new(*d))
		}
		found := p.confirmAll(ctx, p.group(ctx, copies), o)
		if ctx.Err() != nil || !p.doubts(found) {
			return p.flakyAsOne(found)
		}
		clear(p.singles)
	}
}

// doubts notes the operations that are newly seen to answer wrongly now and then, and reports whether one of them showed
// more than one divergence.
func (p *Player) doubts(found []*Divergence) (several bool) {
	seen, shown := maps.Clone(p.flaky), map[model.Op]int{}
	for _, d := range found {
		shown[d.shownBy()]++
		if d.unsteady() && p.flaky[d.shownBy()] == 0 {
			seen[d.shownBy()] += d.Count
		}
	}
	for op := range seen {
		several = several || p.flaky[op] == 0 && shown[op] > 1
	}
	p.flaky = seen
	return several
}

// flakyAsOne makes one divergence of what an operation shows now and then: the strongest, of its own rules before others,
// the most frequent.
func (p *Player) flakyAsOne(found []*Divergence) []*Divergence {
	flaky := slices.DeleteFunc(slices.Clone(found), func(d *Divergence) bool { return d.Again > 0 || d.Tries == 0 && !p.isFlaky(d) })
	by := func(d *Divergence) model.Op {
		op := d.shownBy()
		if i := slices.IndexFunc(d.Steps, func(s session.Step) bool { return s.Diverges && p.flaky[s.Request.Op] > 0 }); i >= 0 {
			op = d.Steps[i].Request.Op // after which right answers may look wrong
		}
		if op == model.OpTrail && p.flaky[model.OpGet] > 0 {
			op = model.OpGet // which was asked whether the flag or the selectors are wrong
		}
		return op
	}
	other := func(d *Divergence) string { return strings.TrimPrefix(string(d.Finding.Operation), string(by(d))) }
	slices.SortStableFunc(flaky, func(a, b *Divergence) int {
		return cmp.Or(cmp.Compare(b.Finding.Level, a.Finding.Level), strings.Compare(other(a), other(b)), b.Count-a.Count,
			strings.Compare(a.Finding.Signature(), b.Finding.Signature()))
	})
	one := map[model.Op]*Divergence{}
	for _, d := range flaky {
		if known := one[by(d)]; known != nil {
			known.Count += d.Count
			known.Also, known.As = append(known.Also, d.Finding.Signature()), append(known.As, d.As...)
		} else {
			one[by(d)] = d
		}
	}
	for op, d := range one {
		asked := max(d.Count, p.Client.Status.Asked(op))
		d.rate = fmt.Sprintf("%d of %d %s requests", d.Count, asked, op)
	}
	return slices.DeleteFunc(found, func(d *Divergence) bool { return slices.Contains(flaky, d) && one[by(d)] != d })
}

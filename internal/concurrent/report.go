package concurrent

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
)

// Report renders the divergence: what was done before, the calls that overlap, and the answer that shows it.
func (d *Divergence) Report() reports.Divergence {
	rule := model.RuleOf(d.Rule)
	out := reports.Divergence{Signature: d.Signature(), Rule: d.Rule, Level: rule.Level, Statement: rule.Statement, Source: rule.Source,
		Operation: string(d.At.Request.Op), Expected: d.Expected, Actual: d.Actual, Count: d.Count, Status: reports.Unrepeated,
		Seen: fmt.Sprintf("%d of %d", d.Again, d.Tries), Also: d.Also, Schedule: d.schedule, History: d.file, Steps: []reports.Step{}}
	overlapping := d.Part
	if d.Again > 0 {
		out.Status, overlapping = reports.Confirmed, d.History.Round // which repeats it
	}
	// As they were, where what came later was left out of account.
	overlapping = slices.DeleteFunc(slices.Clone(d.History.Round), func(c Call) bool { return !slices.ContainsFunc(overlapping, c.is) })
	calls := slices.DeleteFunc(slices.Clone(d.History.Before), func(c Call) bool {
		return !slices.ContainsFunc(overlapping, func(o Call) bool { return subject(o) == subject(c) })
	})
	overlapping = slices.SortedFunc(slices.Values(overlapping), func(a, b Call) int { return cmp.Compare(a.Start, b.Start) })
	calls = append(calls, overlapping...)
	for i := range d.History.After {
		if c := d.History.After[i]; c.is(d.At) || slices.ContainsFunc(d.Part, (&c).is) && !slices.ContainsFunc(overlapping, (&c).is) {
			calls = append(calls, c)
		}
	}
	clients := map[int]bool{}
	for i := range calls {
		c := &calls[i]
		step := c.step(i + 1)
		if step.Diverges = c.is(d.At); step.Diverges {
			step.Allowed = d.Expected
		}
		if c.Client > 0 {
			clients[c.Client] = true
		}
		out.Steps = append(out.Steps, step)
	}
	out.Clients = len(clients)
	out.Orders, out.OrdersTried = rendered(d.orders, out.Steps), d.tried
	return out
}

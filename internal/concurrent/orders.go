package concurrent

import (
	"cmp"
	"slices"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
)

// order is one that the times of the calls allow, as far as the model allows each answer, and the call that fails next.
type order struct {
	Calls []Call   // the last of them is the one whose answer is not allowed there
	Would []string // it be answered
}

// fails reports whether it is the answer to a call that is not allowed.
func (o *order) fails(at Call) bool { return at.is(o.Calls[len(o.Calls)-1]) }

// maxOrders bounds the orders that are looked at to say what an answer could have been.
const maxOrders = 2000

// orders lists those of calls that have no order in which the model allows each answer.
func orders(start *model.Tracker, calls []Call) (out []order) {
	left := maxOrders
	done := make([]bool, len(calls))
	var walk func(states *model.Tracker, before []Call)
	walk = func(states *model.Tracker, before []Call) {
		for i := range calls {
			c := &calls[i]
			earlier := func(o Call) bool { return o.latest() < c.Start && !slices.ContainsFunc(before, (&o).is) }
			if done[i] || slices.ContainsFunc(calls, earlier) {
				continue
			}
			if left--; left < 0 {
				return
			}
			next, here := states.Clone(), append(slices.Clone(before), *c)
			if !next.Observe(c.Request, c.answer()).Allowed {
				out = append(out, order{Calls: here, Would: answers(states, c.Request)})
				continue
			}
			done[i] = true
			walk(next, here)
			done[i] = false
		}
	}
	walk(start, nil)
	return out
}

// allowed lists the answers that a call may get in some order of the calls before and beside it.
func allowed(tried []order, at Call) (out []string) {
	for i := range tried {
		if tried[i].fails(at) {
			out = append(out, tried[i].Would...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// telling is some of the orders: those that fail at a call go first, and those that explain the most before it; of those
// that would have the same answered, one goes before all others.
func telling(tried []order, at Call) []order {
	tried = slices.SortedStableFunc(slices.Values(tried), func(a, b order) int {
		return cmp.Or(flag(b.fails(at))-flag(a.fails(at)), len(b.Calls)-len(a.Calls))
	})
	var first, rest []order
	for _, o := range tried {
		same := func(x order) bool {
			return x.Calls[len(x.Calls)-1].is(o.Calls[len(o.Calls)-1]) && slices.Equal(x.Would, o.Would)
		}
		if slices.ContainsFunc(first, same) {
			rest = append(rest, o)
		} else {
			first = append(first, o)
		}
	}
	first = append(first, rest...)
	return first[:min(len(first), reports.MaxOrders)]
}

// rendered gives the orders of the calls of steps the numbers of those.
func rendered(tried []order, steps []reports.Step) (out []reports.TriedOrder) {
	for i := range tried {
		o := reports.TriedOrder{Would: tried[i].Would}
		for _, c := range tried[i].Calls {
			if at := slices.IndexFunc(steps, func(s reports.Step) bool { return s.Start == c.Start }); at >= 0 {
				o.Calls = append(o.Calls, steps[at].Number)
			}
		}
		if len(o.Calls) == len(tried[i].Calls) {
			out = append(out, o)
		}
	}
	return out
}

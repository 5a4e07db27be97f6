package learn

import (
	"slices"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
)

// precedenceOrder is which error rule goes before which, as far as the cells of a precedence say. Rules
// are known by their place in the reference's order.
type precedenceOrder struct {
	rules  []model.ID
	before [][]bool // by measurement
	leads  [][]bool // by any chain of measurements
}

func newPrecedenceOrder(cells []reports.PrecedenceCell) *precedenceOrder {
	o := &precedenceOrder{rules: model.ErrorRules()}
	n := len(o.rules)
	for range n {
		o.before, o.leads = append(o.before, make([]bool, n)), append(o.leads, make([]bool, n))
	}
	for _, c := range cells {
		a, b := slices.Index(o.rules, c.First), slices.Index(o.rules, c.Second)
		switch c.Status {
		case reports.CellFirst:
			o.before[a][b], o.leads[a][b] = true, true
		case reports.CellSecond:
			o.before[b][a], o.leads[b][a] = true, true
		}
	}
	for via := range n {
		for a := range n {
			for b := range n {
				o.leads[a][b] = o.leads[a][b] || o.leads[a][via] && o.leads[via][b]
			}
		}
	}
	return o
}

// circular reports whether each of two rules goes before the other by some chain.
func (o *precedenceOrder) circular(a, b int) bool { return o.leads[a][b] && o.leads[b][a] }

// sorted lists all rules, those that go before others first and otherwise as in the reference, and the
// sets of rules between which there is no order. Such a set stands together.
func (o *precedenceOrder) sorted() (rules []model.ID, cycles [][]model.ID) {
	for len(rules) < len(o.rules) {
		for a, id := range o.rules {
			if slices.Contains(rules, id) || !o.free(a, rules) {
				continue
			}
			var set []model.ID
			for b := range o.rules {
				if b == a || o.circular(a, b) {
					set = append(set, o.rules[b])
				}
			}
			rules = append(rules, set...)
			if len(set) > 1 {
				cycles = append(cycles, set)
			}
			break
		}
	}
	return rules, cycles
}

// free reports whether all rules that go before a rule are placed, but for those in a circle with it.
func (o *precedenceOrder) free(a int, placed []model.ID) bool {
	for b, id := range o.rules {
		if o.leads[b][a] && !o.circular(a, b) && !slices.Contains(placed, id) {
			return false
		}
	}
	return true
}

// maxTriples bounds the circles that are asked about: a target that selects errors at random has thousands.
const maxTriples = 50

// triples lists the circles of three rules, the first being the one that the reference puts first.
func (o *precedenceOrder) triples(cycles [][]model.ID) [][3]model.ID {
	before := func(x, y model.ID) bool { return o.before[slices.Index(o.rules, x)][slices.Index(o.rules, y)] }
	var out [][3]model.ID
	for _, set := range cycles { // each in the order of the reference
		for i, x := range set {
			for _, y := range set[i+1:] {
				for _, z := range set[i+1:] {
					if before(x, y) && before(y, z) && before(z, x) && len(out) < maxTriples {
						out = append(out, [3]model.ID{x, y, z})
					}
				}
			}
		}
	}
	return out
}

// holds lists the measured pairs that no circle contradicts, in the order of the reference.
func (o *precedenceOrder) holds() (out [][2]model.ID) {
	for a := range o.rules {
		for b := a + 1; b < len(o.rules); b++ {
			switch {
			case o.circular(a, b):
			case o.before[a][b]:
				out = append(out, [2]model.ID{o.rules[a], o.rules[b]})
			case o.before[b][a]:
				out = append(out, [2]model.ID{o.rules[b], o.rules[a]})
			}
		}
	}
	return out
}

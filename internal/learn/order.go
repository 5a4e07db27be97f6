package learn

import (
	"maps"
	"slices"

	"github.com/insightconform/conform/model"
)

// precedenceOrder is which error rule goes before which, as far as answers say.
type precedenceOrder struct {
	rules  []model.ID           // in the reference's order
	before map[[2]model.ID]bool // by measurement
	leads  map[[2]model.ID]bool // by any chain of measurements
}

func newPrecedenceOrder(measured map[[2]model.ID]answered) *precedenceOrder {
	o := &precedenceOrder{rules: model.ErrorRules(), before: map[[2]model.ID]bool{}}
	for pair := range measured {
		o.before[pair] = true
	}
	o.leads = maps.Clone(o.before)
	for _, via := range o.rules {
		for _, a := range o.rules {
			for _, b := range o.rules {
				if o.leads[[2]model.ID{a, via}] && o.leads[[2]model.ID{via, b}] {
					o.leads[[2]model.ID{a, b}] = true
				}
			}
		}
	}
	return o
}

// circular reports whether each of two rules goes before the other by some chain.
func (o *precedenceOrder) circular(a, b model.ID) bool {
	return o.leads[[2]model.ID{a, b}] && o.leads[[2]model.ID{b, a}]
}

// sorted lists all rules in order, else as in the reference, and the sets without an order, which stand together.
func (o *precedenceOrder) sorted() (rules []model.ID, cycles [][]model.ID) {
	for len(rules) < len(o.rules) {
		// The first that is not placed while all that go before it are, but for those in a circle with it.
		a := o.rules[slices.IndexFunc(o.rules, func(a model.ID) bool {
			return !slices.Contains(rules, a) && !slices.ContainsFunc(o.rules, func(b model.ID) bool {
				return o.leads[[2]model.ID{b, a}] && !o.circular(a, b) && !slices.Contains(rules, b)
			})
		})]
		var set []model.ID
		for _, b := range o.rules {
			if b == a || o.circular(a, b) {
				set = append(set, b)
			}
		}
		rules = append(rules, set...)
		if len(set) > 1 {
			cycles = append(cycles, set)
		}
	}
	return rules, cycles
}

// triples lists the circles of three rules, the first being the one that the reference puts first.
func (o *precedenceOrder) triples(cycles [][]model.ID) [][3]model.ID {
	var out [][3]model.ID
	for _, set := range cycles { // each in the order of the reference
		for i, x := range set {
			for _, y := range set[i+1:] {
				for _, z := range set[i+1:] {
					circle := o.before[[2]model.ID{x, y}] && o.before[[2]model.ID{y, z}] && o.before[[2]model.ID{z, x}]
					if circle && len(out) < maxTriples {
						out = append(out, [3]model.ID{x, y, z})
					}
				}
			}
		}
	}
	return out
}

// holds lists the measured pairs that no circle contradicts, in the order of the reference.
func (o *precedenceOrder) holds() [][2]model.ID {
	out := [][2]model.ID{}
	for i, a := range o.rules {
		for _, b := range o.rules[i+1:] {
			for _, pair := range [][2]model.ID{{a, b}, {b, a}} {
				if o.before[pair] && !o.circular(a, b) {
					out = append(out, pair)
				}
			}
		}
	}
	return out
}

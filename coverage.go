package conform

import (
	"slices"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/generators/machine"
	"github.com/insightconform/conform/model"
)

// coverage is what one worker has tried. Each worker has its own, so that a run repeats.
type coverage struct {
	rules map[model.ID]bool
	pairs map[[2]model.ID]bool
	// classes has the broken rules that were tried in each class of states.
	classes map[string]bool
	tour    *machine.Tour
	run     *shared
	// missing has the applicable rules that are not yet exercised: once it is empty, there is nothing
	// more to find out about them.
	missing map[model.ID]bool
}

func newCoverage(tour *machine.Tour, run *shared, rules []model.ID) *coverage {
	c := &coverage{rules: map[model.ID]bool{}, pairs: map[[2]model.ID]bool{}, classes: map[string]bool{}, tour: tour, run: run, missing: map[model.ID]bool{}}
	for _, id := range rules {
		c.missing[id] = true
	}
	return c
}

func (c *coverage) exercised(ids ...model.ID) {
	for _, id := range ids {
		if !c.rules[id] {
			c.rules[id] = true
			delete(c.missing, id)
			c.run.exercised(id)
		}
	}
}

// seen notes a judged request: the pair of rules that it breaks and the transition that it is.
func (c *coverage) seen(before model.State, r model.Request) {
	switch r.Op {
	case model.OpPut:
		broken := model.Broken(before, r)
		if len(broken) == 2 {
			c.pairs[[2]model.ID{broken[0], broken[1]}] = true
		}
		c.classes[class(before, broken)] = true
	}
	if c.tour != nil {
		c.tour.Covered(before, r)
	}
}

// class names a combination of broken rules and what matters of the first trail's state.
func class(s model.State, broken []model.ID) string {
	key := ""
	if len(s.Trails) > 0 {
		t := s.Trails[0]
		key = t.Insights.String() + "/" + t.Logs.String()
	}
	for _, id := range broken {
		key += "|" + string(id)
	}
	return key
}

// merge adds what another worker has tried.
func (c *coverage) merge(o *coverage) {
	for id := range o.rules {
		c.rules[id] = true
	}
	for pair := range o.pairs {
		c.pairs[pair] = true
	}
}

// applicable lists the rules that can be tried with the given capabilities.
func applicable(scope generators.Scope) []model.ID {
	var ids []model.ID
	for i := range model.Rules {
		rule := &model.Rules[i]
		if !rule.Silent && !slices.ContainsFunc(rule.Needs, func(c model.Capability) bool { return !scope.Can[c] }) {
			ids = append(ids, rule.ID)
		}
	}
	return ids
}

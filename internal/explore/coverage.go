package explore

import (
	"github.com/insightconform/conform/generators/machine"
	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
)

// Coverage is what one worker has tried. Each worker has its own, so that a run repeats.
type Coverage struct {
	Rules map[model.ID]bool // that were exercised
	Pairs map[[2]model.ID]bool
	// classes has the broken rules that were tried in each class of states.
	classes map[string]bool
	tour    *machine.Tour
	status  *session.Status
	// missing has the applicable rules that are not yet exercised: once it is empty, none is looked for.
	missing map[model.ID]bool
}

// NewCoverage begins with nothing tried of the given rules. tour is the worker's, nil for none.
func NewCoverage(tour *machine.Tour, status *session.Status, rules []model.ID) *Coverage {
	c := &Coverage{Rules: map[model.ID]bool{}, Pairs: map[[2]model.ID]bool{}, classes: map[string]bool{}, tour: tour, status: status, missing: map[model.ID]bool{}}
	for _, id := range rules {
		c.missing[id] = true
	}
	return c
}

// Exercised notes rules that were put to the test.
func (c *Coverage) Exercised(ids ...model.ID) {
	for _, id := range ids {
		if !c.Rules[id] {
			c.Rules[id] = true
			delete(c.missing, id)
			c.status.Exercised(id)
		}
	}
}

// seen notes a judged request: the pair of rules that it breaks and the transition that it is.
func (c *Coverage) seen(before model.State, r model.Request) {
	if r.Op == model.OpPut {
		broken := model.Broken(before, r)
		if len(broken) == 2 {
			c.Pairs[[2]model.ID{broken[0], broken[1]}] = true
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

// Merge adds what another worker has tried.
func (c *Coverage) Merge(o *Coverage) {
	for id := range o.Rules {
		c.Rules[id] = true
	}
	for pair := range o.Pairs {
		c.Pairs[pair] = true
	}
}

package concurrent_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/internal/concurrent"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
)

// TestAPutWithoutAnAnswerMayComeLate: even between two reads at rest. One that was answered may not.
func TestAPutWithoutAnAnswerMayComeLate(t *testing.T) {
	world := model.DefaultWorld
	world.NoStart = true
	rate, errors := model.MakeSelectors(model.Management, 0), model.MakeSelectors(0, model.Management)
	made := model.Step(model.NewState(&world), generators.Create(generators.NameAlpha))[0]
	// shows is the answer to a request where the trail has a set.
	shows := func(r model.Request, set model.Selectors) targets.Reply {
		s := model.Step(made.Next, generators.Put(generators.NameAlpha, set))[0].Next
		return targets.Reply{Answer: model.Step(s, r)[0].Answer}
	}
	get := generators.Get(generators.NameAlpha)
	judged := func(late targets.Reply) (rules []model.ID) {
		one, other := generators.Put(generators.NameAlpha, rate), generators.Put(generators.NameAlpha, errors)
		h := &concurrent.History{World: &world,
			Before: []concurrent.Call{{Request: generators.Create(generators.NameAlpha), Reply: targets.Reply{Answer: model.Answer{
				Outcome: model.Succeeded, TrailARN: world.TrailARN(world.Home, generators.NameAlpha)}}, Start: 1, End: 2}},
			Round: []concurrent.Call{{Client: 1, Phase: 1, Request: one, Reply: late, Start: 3, End: 5},
				{Client: 2, Phase: 1, Request: other, Reply: shows(other, errors), Start: 4, End: 6}},
			After: []concurrent.Call{{Request: get, Reply: shows(get, errors), Start: 7, End: 8},
				{Request: get, Reply: shows(get, rate), Start: 9, End: 10}}}
		for _, f := range h.Judge().Found {
			rules = append(rules, f.Rule)
		}
		return rules
	}
	assert.Equal(t, []model.ID{model.ConcurrentNoCrash}, judged(targets.Reply{}), "no answer, and both reads are right")
	assert.Equal(t, []model.ID{model.ConcurrentQuiescent}, judged(shows(generators.Put(generators.NameAlpha, rate), rate)))
}

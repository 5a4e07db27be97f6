package concurrent_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/internal/concurrent"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
)

// aTrail is a world with a trail, the call that made it, and what a request is answered where the trail has a set.
func aTrail() (world *model.World, made concurrent.Call, shows func(model.Request, model.Selectors) targets.Reply) {
	known := model.DefaultWorld
	known.NoStart = true
	create := model.Step(model.NewState(&known), generators.Create(generators.NameAlpha))[0]
	made = concurrent.Call{Request: generators.Create(generators.NameAlpha), Reply: targets.Reply{Answer: model.Answer{
		Outcome: model.Succeeded, TrailARN: known.TrailARN(known.Home, generators.NameAlpha)}}, Start: 1, End: 2}
	return &known, made, func(r model.Request, set model.Selectors) targets.Reply {
		s := model.Step(create.Next, generators.Put(generators.NameAlpha, set))[0].Next
		a := model.Step(s, r)[0].Answer
		if a.Outcome == model.AnySuccess {
			a.Outcome = model.Succeeded
		}
		return targets.Reply{Answer: a}
	}
}

var (
	get          = generators.Get(generators.NameAlpha)
	rate, errors = model.MakeSelectors(model.Management, 0), model.MakeSelectors(0, model.Management)
)

// TestAPutWithoutAnAnswerMayComeLate: even between two reads at rest. One that was answered may not.
func TestAPutWithoutAnAnswerMayComeLate(t *testing.T) {
	world, made, shows := aTrail()
	judged := func(late targets.Reply) (rules []model.ID) {
		one, other := generators.Put(generators.NameAlpha, rate), generators.Put(generators.NameAlpha, errors)
		h := &concurrent.History{World: world, Before: []concurrent.Call{made},
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

// TestOrdersThatWereTried are those that the times allow, each up to the answer that is not allowed there. Of Puts alone,
// they are those that may have come last. What a reader at rest contradicts is shown beside it.
func TestOrdersThatWereTried(t *testing.T) {
	world, made, shows := aTrail()
	one, other := generators.Put(generators.NameAlpha, rate), generators.Put(generators.NameAlpha, errors)
	puts := []concurrent.Call{{Client: 1, Phase: 1, Request: one, Reply: shows(one, rate), Start: 3, End: 5},
		{Client: 2, Phase: 1, Request: other, Reply: shows(other, errors), Start: 4, End: 6}}
	reported := func(round, after []concurrent.Call) reports.Divergence {
		h := &concurrent.History{World: world, Before: []concurrent.Call{made}, Round: round, After: after}
		found := h.Judge().Found
		require.Len(t, found, 1)
		return (&concurrent.Divergence{Finding: found[0], History: h}).Report()
	}
	stale := concurrent.Call{Client: 1, Phase: 1, Request: get, Reply: shows(get, 0), Start: 7, End: 8}
	d := reported(append(puts[:2:2], stale), nil)
	assert.Equal(t, model.ConcurrentLinearizable, d.Rule)
	assert.Equal(t, []reports.TriedOrder{{Calls: []int{2, 3, 4}, Would: []string{"success with [ApiErrorRate: Management]"}},
		{Calls: []int{3, 2, 4}, Would: []string{"success with [ApiCallRate: Management]"}}}, d.Orders)
	assert.Equal(t, 2, d.OrdersTried)
	assert.Equal(t, []string{"success with [ApiCallRate: Management]", "success with [ApiErrorRate: Management]"}, d.Expected)

	mixed := concurrent.Call{Request: get, Reply: shows(get, rate|errors), Start: 9, End: 10}
	d = reported(puts, []concurrent.Call{mixed})
	assert.Equal(t, model.ConcurrentWhole, d.Rule)
	assert.Equal(t, []reports.TriedOrder{{Calls: []int{2, 4}, Would: []string{"success with [ApiCallRate: Management]"}},
		{Calls: []int{3, 4}, Would: []string{"success with [ApiErrorRate: Management]"}}}, d.Orders)

	flag := generators.GetTrail(generators.NameAlpha)
	at := []concurrent.Call{{Request: get, Reply: shows(get, rate), Start: 9, End: 10}, {Request: flag, Reply: shows(flag, 0), Start: 11, End: 12}}
	d = reported(puts, at)
	assert.Equal(t, model.ConcurrentQuiescent, d.Rule)
	assert.Equal(t, "GetInsightSelectors GetTrail", d.Steps[3].Operation+" "+d.Steps[4].Operation)
	assert.Equal(t, []string{"HasInsightSelectors true", "any error"}, d.Expected)
	assert.Empty(t, d.Orders)
}

// TestATrailMadeAnewAtRestStartsOff, whatever overlapped before it was gone, unless a Put may still come.
func TestATrailMadeAnewAtRestStartsOff(t *testing.T) {
	world, made, shows := aTrail()
	put, remove, create := generators.Put(generators.NameAlpha, rate), generators.Delete(generators.NameAlpha), made
	create.Start, create.End = 9, 10
	judged := func(late targets.Reply, last targets.Reply) (rules []model.ID) {
		h := &concurrent.History{World: world, Before: []concurrent.Call{made},
			Round: []concurrent.Call{{Client: 1, Phase: 1, Request: put, Reply: late, Start: 3, End: 5},
				{Client: 2, Phase: 1, Request: remove, Reply: targets.Reply{Answer: model.Answer{Outcome: model.Succeeded}}, Start: 4, End: 6}},
			After: []concurrent.Call{{Request: get, Reply: targets.Reply{Answer: model.Refusal("TrailNotFoundException")}, Start: 7, End: 8},
				create, {Request: get, Reply: last, Start: 11, End: 12}}}
		found := h.Judge().Found
		for _, f := range found {
			rules = append(rules, f.Rule)
		}
		if len(found) > 0 && found[0].Rule == model.TrailDeleteForgets {
			d := (&concurrent.Divergence{Finding: found[0], History: h}).Report()
			assert.Equal(t, model.Documented, d.Level)
			assert.True(t, reports.OfClients(d.Signature), d.Signature)
			assert.Len(t, d.Steps, 6, "with the read that says that it was gone, and CreateTrail")
		}
		return rules
	}
	answered := shows(put, rate)
	assert.Equal(t, []model.ID{model.TrailDeleteForgets}, judged(answered, shows(get, rate)))
	assert.Empty(t, judged(answered, shows(get, 0)))
	assert.Equal(t, []model.ID{model.ConcurrentNoCrash}, judged(targets.Reply{}, shows(get, rate)), "the Put may come last of all")
	assert.False(t, reports.OfClients("trail/delete-forgets|GetInsightSelectors|InsightNotEnabledException|success"))
}

// TestOrdersAreBounded where there are more than one can read.
func TestOrdersAreBounded(t *testing.T) {
	world, made, shows := aTrail()
	h := &concurrent.History{World: world, Before: []concurrent.Call{made}}
	for i := range int64(8) {
		set := []model.Selectors{rate, errors}[i%2]
		put := generators.Put(generators.NameAlpha, set)
		h.Round = append(h.Round, concurrent.Call{Client: int(i) + 1, Phase: 1, Request: put, Reply: shows(put, set), Start: 3 + i, End: 20 + i})
	}
	h.Round = append(h.Round, concurrent.Call{Client: 1, Phase: 1, Request: get, Reply: shows(get, 0), Start: 40, End: 41})
	found := h.Judge().Found
	require.Len(t, found, 1)
	d := (&concurrent.Divergence{Finding: found[0], History: h}).Report()
	assert.Len(t, d.Orders, reports.MaxOrders)
	assert.Greater(t, d.OrdersTried, reports.MaxOrders)
	assert.NotEqual(t, d.Orders[0].Would, d.Orders[1].Would, "those that say something else go first")
	assert.Len(t, d.Orders[0].Calls, 9)
}

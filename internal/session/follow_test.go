package session

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
)

// TestReadingBack: after a divergence the state is the one that the target's answers show.
func TestReadingBack(t *testing.T) {
	w := model.DefaultWorld
	scope := generators.Everything()
	source, dest, other := model.StoreID(0), model.StoreID(1), model.StoreID(2)
	call, both := model.MakeSelectors(model.Management, 0), model.MakeSelectors(model.Management, model.Management)
	s, ok := generators.Reference(model.NewState(&w), append(generators.NewTrails(scope, generators.NameAlpha),
		generators.Put(generators.NameAlpha, call), generators.CreateStore(0, generators.SourceStore),
		generators.CreateStore(1, generators.InsightStore), generators.CreateStore(2, generators.InsightStore),
		generators.PutStore(source, dest, call))...)
	require.True(t, ok)
	trail, store := generators.Get(generators.NameAlpha), generators.GetStore(source)
	arn := w.TrailARN(w.Home, generators.NameAlpha)
	onTrail := func(set model.Selectors) model.Answer {
		return model.Answer{Outcome: model.Succeeded, TrailARN: arn, Selectors: set}
	}
	onStore := func(set model.Selectors, to string) model.Answer {
		return model.Answer{Outcome: model.Succeeded, StoreARN: w.StoreARN(w.Home, source), Destination: w.StoreARN(w.Home, to), Selectors: set}
	}
	off := model.Refusal(codeNotEnabled)
	data := model.MakeSelectors(model.Data, 0)
	for _, c := range []struct {
		read   model.Request
		answer model.Answer
		ok     bool
	}{
		{trail, off, true}, {trail, onTrail(call), true}, {trail, onTrail(both), true}, {trail, onTrail(data), true},
		{store, off, true}, {store, onStore(both, dest), true}, {store, onStore(call, other), true},
		{trail, model.Refusal("TrailNotFoundException"), false}, {trail, onTrail(call | data), false}, // the type twice
		{trail, model.Answer{Outcome: model.Succeeded, Selectors: call, Repeated: true}, false},
		{trail, model.Answer{Outcome: model.Succeeded, Selectors: call, Alien: "Nonsense"}, false},
		{store, onStore(data, dest), false}, // no store has Data
	} {
		shown, ok := showing(s, model.Resource(s, c.read), c.answer)
		require.Equal(t, c.ok, ok, "%#v → %+v", c.read, c.answer)
		if !ok {
			assert.True(t, shown.Equal(s))
			continue
		}
		v := model.TrackerAt(shown).Observe(c.read, c.answer)
		assert.True(t, v.Allowed && len(v.Objections) == 0, "%#v → %+v", c.read, c.answer)
	}
	reads := generators.EventClasses()[model.ReadEvents]
	logs := showingEvents(s, model.Resource(s, trail), reads.Input)
	assert.Equal(t, "InvalidInsightSelectorsException", model.Step(logs, generators.Put(generators.NameAlpha, call))[0].Answer.Code)
}

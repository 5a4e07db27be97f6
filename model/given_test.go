package model

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/insightconform/conform/model/value"
)

// TestGiven: trails that hold something beforehand hold it in the order in which they are lent, whatever is answered, and
// what a read contradicts is blamed on the read.
func TestGiven(t *testing.T) {
	on := MakeSelectors(Management, Data)
	world := DefaultWorld
	world.Lent, world.NoStart, world.Given = true, true, []Selectors{on, 0}
	named := func(op Op, member, name string) Request { return Request{Op: op, Input: value.Obj(member, name)} }
	get := func(name string) Request { return named(OpGet, "TrailName", name) }

	tracker := NewTracker(&world)
	for _, name := range []string{"first", "second"} {
		assert.True(t, tracker.Observe(named(OpCreate, "Name", name), Answer{Outcome: Succeeded}).Allowed)
	}
	for _, name := range []string{"first", "third"} {
		verdict := tracker.Observe(named(OpCreate, "Name", name), Refusal("UnsupportedOperationException"))
		assert.True(t, verdict.Allowed)
		assert.Empty(t, verdict.Deviations)
	}
	assert.Len(t, tracker.State().Trails, 2)
	assert.Equal(t, on, tracker.State().Trails[0].Insights)

	for name, x := range map[string]struct {
		right, wrong Answer
		rule         ID
	}{
		"first":  {Answer{Outcome: Succeeded, TrailARN: world.TrailARN(world.Home, "first"), Selectors: on}, Refusal(codeNotEnabled), GetReflectsPut},
		"second": {Refusal(codeNotEnabled), Answer{Outcome: Succeeded, TrailARN: world.TrailARN(world.Home, "second"), Selectors: on}, GetNotEnabled},
		"third":  {Refusal(codeNotFound), Answer{Outcome: Succeeded, Selectors: on}, TrailNotFound},
	} {
		before := tracker.State()
		assert.True(t, tracker.Clone().Observe(get(name), x.right).Allowed, name)
		assert.False(t, tracker.Clone().Observe(get(name), x.wrong).Allowed, name)
		taken, plain := tracker.TakenFor(get(name), x.wrong)
		assert.Equal(t, x.right, taken)
		assert.True(t, plain)

		created := Exchange{Before: NewState(&world), After: before, Request: named(OpCreate, "Name", name), Answer: Answer{Outcome: Succeeded}, Allowed: true}
		found := Blame([]Exchange{created, {Before: before, After: before, Request: get(name), Answer: x.wrong}}, []string{x.right.Kind()})
		assert.Equal(t, x.rule, found.Rule, name)
		assert.Equal(t, OpGet, found.Operation)
		assert.Equal(t, 1, found.Step)
	}
}

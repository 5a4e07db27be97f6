package model

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/insightconform/conform/model/value"
)

// partial is a world of which not all is known.
func partial() *World {
	w := DefaultWorld
	w.Partial, w.Around = true, ^Condition(0)
	return &w
}

func unknownTrail() *Tracker {
	t := &Tracker{}
	t.Follow(UnknownTrail(partial(), DefaultWorld.Home, "abc")...)
	return t
}

// TestUnknownTrail: whatever a trail may be is allowed, and what an answer has shown is held.
func TestUnknownTrail(t *testing.T) {
	t.Parallel()
	get := Request{Op: OpGet, Input: value.Obj("TrailName", "abc")}
	set := MakeSelectors(Management, Data)
	shown := Answer{Outcome: Succeeded, TrailARN: DefaultWorld.TrailARN(DefaultWorld.Home, "abc"), Selectors: set}
	for _, a := range []Answer{shown, Refusal(codeNotEnabled), Refusal(codeNotFound), {Outcome: AnySuccess}, Refusal(codeHomeRegion)} {
		assert.True(t, unknownTrail().Observe(get, a).Allowed, a.Kind())
	}
	for _, a := range []Answer{Refusal("Nonsense"), {Outcome: Succeeded, TrailARN: shown.TrailARN}, {Outcome: Succeeded, TrailARN: shown.TrailARN, Selectors: set, Alien: "x"}} {
		assert.False(t, unknownTrail().Observe(get, a).Allowed, a.Kind())
	}
	tracker := unknownTrail()
	assert.True(t, tracker.Observe(get, shown).Allowed)
	other := shown
	other.Selectors = MakeSelectors(Management, 0)
	assert.False(t, tracker.Clone().Observe(get, other).Allowed)
	assert.True(t, tracker.Clone().Observe(get, shown).Allowed)

	// A refused call changes nothing, and one that succeeds says what is stored.
	put := Request{Op: OpPut, Input: value.Obj("TrailName", "abc", "InsightSelectors", MakeSelectors(Management, 0).Value())}
	assert.True(t, tracker.Clone().Observe(put, Refusal("InsufficientS3BucketPolicyException")).Allowed, "of the bucket nothing is known")
	fresh := unknownTrail()
	assert.True(t, fresh.Observe(put, Answer{Outcome: AnySuccess}).Allowed)
	assert.False(t, fresh.Clone().Observe(get, shown).Allowed)
	assert.True(t, fresh.Clone().Observe(get, other).Allowed)
}

// TestUnknownStopped: that a stopped trail is off says nothing of what StartLogging brings back.
func TestUnknownStopped(t *testing.T) {
	t.Parallel()
	tracker := unknownTrail()
	name, get := value.Obj("Name", "abc"), Request{Op: OpGet, Input: value.Obj("TrailName", "abc")}
	assert.True(t, tracker.Observe(Request{Op: OpStop, Input: name}, Answer{Outcome: Succeeded}).Allowed)
	assert.True(t, tracker.Observe(get, Refusal(codeNotEnabled)).Allowed)
	assert.True(t, tracker.Observe(Request{Op: OpStart, Input: name}, Answer{Outcome: Succeeded}).Allowed)
	assert.True(t, tracker.Observe(get, Answer{Outcome: AnySuccess}).Allowed)
}

// TestUnknownStore: a store may be anything until a Put tells.
func TestUnknownStore(t *testing.T) {
	t.Parallel()
	w, id, to := partial(), StoreID(1), StoreID(2)
	var states []State
	for _, a := range UnknownStore(w, w.Home, id) {
		for _, b := range UnknownStore(w, w.Home, to) {
			states = append(states, a.Beside(b))
		}
	}
	tracker := &Tracker{}
	tracker.Follow(states...)
	set := MakeSelectors(Management, 0)
	put := Request{Op: OpPut, Input: value.Obj("EventDataStore", id, "InsightsDestination", to, "InsightSelectors", set.Value())}
	for _, code := range []string{codeStoreNotFound, codeSelectors} {
		assert.True(t, tracker.Clone().Observe(put, Refusal(code)).Allowed, code)
	}
	stored := Answer{Outcome: Succeeded, StoreARN: w.StoreARN(w.Home, id), Destination: w.StoreARN(w.Home, to), Selectors: set}
	assert.True(t, tracker.Observe(put, stored).Allowed)
	get := Request{Op: OpGet, Input: value.Obj("EventDataStore", id)}
	assert.True(t, tracker.Clone().Observe(get, stored).Allowed)
	stored.Selectors = MakeSelectors(0, Management)
	assert.False(t, tracker.Clone().Observe(get, stored).Allowed)
}

// TestFoundIn: a trail that is elsewhere may be in a Region that is named later.
func TestFoundIn(t *testing.T) {
	t.Parallel()
	here := func(s State, region string) bool { _, ok := s.Trail(region, "abc"); return ok }
	var found []State
	for _, s := range UnknownTrail(partial(), DefaultWorld.Home, "abc") {
		found = append(found, s.FoundIn(DefaultWorld.Away, "abc")...)
	}
	for _, both := range [][2]bool{{false, false}, {false, true}, {true, false}, {true, true}} {
		assert.True(t, slices.ContainsFunc(found, func(s State) bool {
			return here(s, DefaultWorld.Home) == both[0] && here(s, DefaultWorld.Away) == both[1]
		}), both)
	}
}

// TestMentions: trails and stores are found by name and by ARN, where they are spelt as such.
func TestMentions(t *testing.T) {
	t.Parallel()
	arn := DefaultWorld.TrailARN("eu-west-1", "abc")
	for _, x := range []struct {
		op    Op
		input value.Value
		want  []Mention
	}{
		{OpPut, value.Obj("TrailName", "abc"), []Mention{{Region: "us-east-1", Name: "abc"}}},
		{OpPut, value.Obj("TrailName", arn), []Mention{{Region: "eu-west-1", Name: "abc", Account: DefaultWorld.Account}}},
		{OpGet, value.Obj("TrailName", "a"), nil},
		{OpStart, value.Obj("Name", "abc"), []Mention{{Region: "us-east-1", Name: "abc"}}},
		{OpPutEvents, value.Obj("TrailName", "abc"), []Mention{{Region: "us-east-1", Name: "abc"}}},
		{OpPut, value.Obj("EventDataStore", "x-1", "InsightsDestination", "x-2"), []Mention{{Region: "us-east-1", Name: "x-1", Store: true}, {Region: "us-east-1", Name: "x-2", Store: true}}},
		{OpGetStore, value.Obj("EventDataStore", DefaultWorld.StoreARN("us-east-1", "x-1")), []Mention{{Region: "us-east-1", Name: "x-1", Account: DefaultWorld.Account, Store: true}}},
		{OpCreateStore, value.Obj("Name", "abc"), nil},
	} {
		assert.Equal(t, x.want, Mentions(Request{Op: x.op, Input: x.input}, "us-east-1"), "%s %s", x.op, x.input)
	}
}

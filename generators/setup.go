package generators

import (
	"encoding/json"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// SetUp lists a short sequence that brings a fresh world into a state. What only a history can bring
// about, such as the memory of a stopped trail, is left out.
func SetUp(state model.State, scope Scope) (out []model.Request) {
	for _, t := range state.Trails {
		out = append(out, setUpTrail(t, scope)...)
	}
	for i, x := range state.Stores {
		events := eventsValue(x.Events)
		out = append(out, CreateStore(i, StoreKind{Selectors: events.Get("AdvancedEventSelectors"), Stopped: !x.Ingesting}))
	}
	for _, x := range state.Stores {
		if x.Insights.On() && x.Destination != "" {
			out = append(out, PutStore(x.ID, x.Destination, x.Insights))
		}
	}
	for _, x := range state.Stores {
		if x.Pending {
			out = append(out, OnStore(model.OpDeleteStore, x.ID))
		}
	}
	return out
}

func setUpTrail(t model.Trail, scope Scope) []model.Request {
	create := Create(t.Name)
	if t.MultiRegion {
		create.Input = create.Input.With("IsMultiRegionTrail", value.Boolean(true))
	}
	if t.Conditions != 0 {
		create.Input = create.Input.With("S3BucketName", value.Str(OwnBucket)).With("KmsKeyId", value.Str(OwnKey))
	}
	out := []model.Request{create}
	if t.Logging && scope.Can[model.CanLog] {
		out = append(out, Start(t.Name))
	}
	var stored []model.Request
	if t.Events != "" {
		stored = append(stored, PutEvents(t.Name, eventClass{Input: eventsValue(t.Events)}))
	}
	switch put := Put(t.Name, t.Insights); {
	case !t.Insights.On():
		out = append(out, stored...)
	case model.Meets(t.Insights, t.Logs|t.Open):
		out = append(append(out, stored...), put)
	default: // which it had when it logged more
		out = append(append(out, PutEvents(t.Name, EventClasses()[model.ManagementEvents|model.DataEvents]), put), stored...)
	}
	for i := range model.ConditionNames {
		if t.Conditions&(1<<i) != 0 {
			out = append(out, Arrange(t.Name, i))
		}
	}
	if region := t.Home; region != model.DefaultWorld.Home {
		for i := range out {
			out[i].Region = region
		}
	}
	return out
}

// eventsValue reads the event selectors of a state, members in the order in which they were given.
func eventsValue(stored string) (v value.Value) {
	_ = json.Unmarshal([]byte(stored), &v) // it is JSON, or empty
	return v
}

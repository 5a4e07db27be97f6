package generators

import (
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// SetUp lists a short sequence that brings a fresh world into a state. What only a history can bring
// about, such as the memory of a stopped trail, is left out.
func SetUp(state model.State, scope Scope) []model.Request {
	var out []model.Request
	for _, t := range state.Trails {
		out = append(out, setUpTrail(t, scope)...)
	}
	for i, x := range state.Stores {
		kind := StoreKind{Selectors: eventsValue(x.Events).Get("AdvancedEventSelectors"), Stopped: !x.Ingesting}
		out = append(out, CreateStore(i, kind))
	}
	for _, x := range state.Stores {
		if x.Insights.On() && x.Destination != "" {
			out = append(out, PutStore(x.ID, x.Destination, x.Insights))
		}
	}
	for _, x := range state.Stores {
		if x.Pending {
			out = append(out, model.Request{Op: model.OpDeleteStore, Input: value.Obj("EventDataStore", x.ID)})
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
	events := func(v value.Value) model.Request {
		return PutEvents(t.Name, EventClass{Input: v})
	}
	stored := eventsValue(t.Events)
	put := Put(t.Name, t.Insights)
	switch {
	case !t.Insights.On():
		if t.Events != "" {
			out = append(out, events(stored))
		}
	case model.Meets(t.Insights, t.Logs|t.Open):
		if t.Events != "" {
			out = append(out, events(stored))
		}
		out = append(out, put)
	default:
		all := EventClasses()[model.ManagementEvents|model.DataEvents]
		out = append(out, events(all.Input), put, events(stored))
	}
	for i, name := range model.ConditionNames {
		if t.Conditions&(1<<i) != 0 {
			out = append(out, model.Request{Op: model.OpArrange, Input: value.Obj("TrailName", t.Name, "Condition", name)})
		}
	}
	if region := t.Home; region != model.DefaultWorld.Home {
		for i := range out {
			out[i].Region = region
		}
	}
	return out
}

// eventsValue reads event selectors in the canonical form of a state.
func eventsValue(canonical string) value.Value {
	v, err := value.Parse([]byte(canonical))
	if err != nil {
		return value.Obj()
	}
	return v
}

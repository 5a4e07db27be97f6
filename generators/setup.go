package generators

import (
	"cmp"
	"encoding/json"
	"strings"

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

// Reads lists the reads that tell states apart after a write: of the resource that the write named
// GetInsightSelectors, and the other reads where they are due; then GetInsightSelectors of every other
// resource in s, the state after the write.
func Reads(s model.State, touched model.Request, scope Scope) []model.Request {
	if touched.Op.Reads() {
		return nil
	}
	out := make([]model.Request, 0, 4+len(s.Trails)+len(s.Stores))
	add := func(region string, r model.Request) {
		if need, _ := r.Op.Needs(); scope.Can[need] {
			if region != s.World.Home {
				r.Region = region
			}
			out = append(out, r)
		}
	}
	kind, region, name := named(s, touched)
	switch {
	case kind == "trail":
		add(region, Get(name))
		add(region, GetTrail(name))
		switch touched.Op {
		case model.OpCreate, model.OpStart, model.OpStop:
			add(region, Status(name))
		case model.OpPutEvents:
			add(region, GetEvents(name))
		}
	case kind == "store":
		add(region, GetStore(name))
		if touched.Op == model.OpCreateStore || touched.Op == model.OpUpdateStore {
			add(region, OnStore(model.OpGetStore, s.World.StoreARN(region, name)))
		}
	}
	for i := range s.Trails {
		if t := &s.Trails[i]; t.Name != name || t.Home != region {
			add(t.Home, Get(t.Name))
		}
	}
	for i := range s.Stores {
		if x := &s.Stores[i]; x.ID != name {
			add(x.Home, GetStore(x.ID))
		}
	}
	return out
}

// named finds the trail or store that a write named, in its home Region; the deleted trail too.
func named(s model.State, r model.Request) (kind, region, name string) {
	if parts := strings.SplitN(model.Resource(s, r), "/", 3); len(parts) == 3 {
		return parts[0], parts[1], parts[2]
	}
	region, name = cmp.Or(r.Region, s.World.Home), r.Input.Get("Name").Text()
	if parts := strings.SplitN(name, ":", 6); len(parts) == 6 {
		region, name = parts[3], strings.TrimPrefix(parts[5], "trail/")
	}
	if r.Op != model.OpDelete || !model.ValidTrailName(name) {
		return "", "", ""
	}
	return "trail", region, name
}

// Package generators says what to try: representatives of every class of values, plain requests, and random ones
// drawn with the model's state in view. All requests are symbolic: they use the identities of model.DefaultWorld.
package generators

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// The symbolic names that requests use. Targets make them unique; letter case and length class stay.
const (
	NameAlpha = "alpha"
	nameCase  = "Alpha" // differs from NameAlpha in letter case alone
	NameBeta  = "beta"
	NameShort = "abc" // of the least length

	SharedBucket = "conform-bucket"
	// OwnBucket and OwnKey belong to the trail that names them first, so that they may be broken.
	OwnBucket = "conform-own-bucket"
	OwnKey    = "conform-key"
)

// NameLong has the greatest length, 128, and each kind of punctuation.
var NameLong = strings.Repeat("long.name_", 11) + "of-the-most-length"

// Names lists the trail names that random requests keep in play, the plainest first.
var Names = []string{NameAlpha, nameCase, NameBeta, NameShort, NameLong}

// Put is a PutInsightSelectors on a trail with the selectors in their usual order.
func Put(trail string, set model.Selectors) model.Request { return PutList(trail, set.Value()) }

func PutList(trail string, list value.Value) model.Request {
	return model.Request{Op: model.OpPut, Input: value.Obj("TrailName", trail, "InsightSelectors", list)}
}

// PutStore is a PutInsightSelectors on an event data store; an empty destination is left out.
func PutStore(source, destination string, set model.Selectors) model.Request {
	r := With(OnStore(model.OpPut, source), "InsightSelectors", set.Value())
	if destination != "" {
		r = With(r, "InsightsDestination", value.Str(destination))
	}
	return r
}

// Get is a GetInsightSelectors of a trail.
func Get(trail string) model.Request { return OnTrail(model.OpGet, trail) }

// GetStore is a GetInsightSelectors of an event data store.
func GetStore(store string) model.Request { return OnStore(model.OpGet, store) }

// Create is a CreateTrail in the shared bucket.
func Create(trail string) model.Request {
	return model.Request{Op: model.OpCreate, Input: value.Obj("Name", trail, "S3BucketName", SharedBucket)}
}

// CreateFragile is a CreateTrail with a bucket and a key of its own where the target can break them.
func CreateFragile(trail string, scope Scope) model.Request {
	r := Create(trail)
	if scope.Can[model.CanLoseBucket] {
		r = With(r, "S3BucketName", value.Str(OwnBucket))
	}
	if scope.Can[model.CanLoseKey] {
		r = With(r, "KmsKeyId", value.Str(OwnKey))
	}
	return r
}

// Start, Stop, Delete, Update, GetTrail, Status and GetEvents are the other calls on a trail.
// Update changes settings that insights do not depend on.
func Start(trail string) model.Request     { return OnTrail(model.OpStart, trail) }
func Stop(trail string) model.Request      { return OnTrail(model.OpStop, trail) }
func Delete(trail string) model.Request    { return OnTrail(model.OpDelete, trail) }
func GetTrail(trail string) model.Request  { return OnTrail(model.OpTrail, trail) }
func Status(trail string) model.Request    { return OnTrail(model.OpStatus, trail) }
func GetEvents(trail string) model.Request { return OnTrail(model.OpGetEvents, trail) }
func Update(trail string) model.Request {
	return With(OnTrail(model.OpUpdate, trail), "IncludeGlobalServiceEvents", value.Boolean(true))
}

// OnTrail is a call on a trail: it names the trail by the member that the operation has for it.
func OnTrail(op model.Op, trail string) model.Request {
	return model.Request{Op: op, Input: value.Obj(nameMember(op), trail)}
}

// ByARN is a call on a trail of the Region where it is sent, with the ARN in place of the name.
func ByARN(r model.Request) model.Request {
	w, member := model.DefaultWorld, nameMember(r.Op)
	return With(r, member, value.Str(w.TrailARN(cmp.Or(r.Region, w.Home), r.Input.Get(member).Text())))
}

func nameMember(op model.Op) string {
	switch op {
	case model.OpCreate, model.OpUpdate, model.OpDelete, model.OpTrail, model.OpStatus, model.OpStart, model.OpStop:
		return "Name"
	}
	return "TrailName"
}

// Arrange brings a condition about for a trail that was created with a bucket and key of its own.
func Arrange(trail string, condition int) model.Request {
	return arranging(trail, model.ConditionNames[condition])
}

// Mend gives a trail's bucket and key back.
func Mend(trail string) model.Request { return arranging(trail, model.Mended) }

func arranging(trail, condition string) model.Request {
	return model.Request{Op: model.OpArrange, Input: value.Obj("TrailName", trail, "Condition", condition)}
}

// PutEvents is a PutEventSelectors with one of the EventClasses.
func PutEvents(trail string, class eventClass) model.Request {
	r := OnTrail(model.OpPutEvents, trail)
	for _, m := range class.Input.Members() {
		r = With(r, m.Name, m.Value)
	}
	return r
}

// Advanced is a PutEventSelectors of the advanced form that makes a trail log a class of events.
func Advanced(trail string, logs model.Logs) model.Request {
	return With(OnTrail(model.OpPutEvents, trail), "AdvancedEventSelectors", advanced(logs))
}

// CreateStore creates the n-th event data store of a world, from 0, with what it logs.
func CreateStore(n int, kind StoreKind) model.Request {
	in := value.Obj("Name", "store-"+string([]byte{'0' + byte(n/10%10), '0' + byte(n%10)}),
		"AdvancedEventSelectors", kind.Selectors, "MultiRegionEnabled", false, "RetentionPeriod", value.Num("7"),
		"TerminationProtectionEnabled", false)
	if kind.Stopped {
		in = in.With("StartIngestion", value.Boolean(false))
	}
	return model.Request{Op: model.OpCreateStore, Input: in}
}

// OnStore is a call on a store of the home Region, by its ID suffix. Of the calls around insights many servers
// take nothing but ARNs, so they get that.
func OnStore(op model.Op, store string) model.Request {
	if !op.Insights() && !strings.HasPrefix(store, "arn:") {
		store = model.DefaultWorld.StoreARN(model.DefaultWorld.Home, store)
	}
	return model.Request{Op: op, Input: value.Obj("EventDataStore", store)}
}

// UpdateStore changes what a store logs.
func UpdateStore(store string, kind StoreKind) model.Request {
	return With(OnStore(model.OpUpdateStore, store), "AdvancedEventSelectors", kind.Selectors)
}

// In sends a request to a Region.
func In(region string, r model.Request) model.Request {
	r.Region = region
	return r
}

// at sends a request to a Region; the home Region needs no name.
func at(region string, r model.Request) model.Request {
	if region != model.DefaultWorld.Home {
		r.Region = region
	}
	return r
}

// NewTrail makes the trail NameAlpha, logging where that can be said.
func NewTrail(scope Scope) []model.Request { return NewTrails(scope, NameAlpha) }

// NewTrails makes trails, logging where that can be said.
func NewTrails(scope Scope, names ...string) (out []model.Request) {
	for _, name := range names {
		out = append(out, Create(name))
		if scope.Can[model.CanLog] {
			out = append(out, Start(name))
		}
	}
	return out
}

// PlainPut enables the plainest selector.
func PlainPut(trail string) model.Request {
	return Put(trail, model.MakeSelectors(model.Management, 0))
}

// GetOf is the GetInsightSelectors of a resource as model.Resource names it, from its own Region.
func GetOf(resource string) model.Request {
	kind, rest, _ := strings.Cut(resource, "/")
	region, name, _ := strings.Cut(rest, "/")
	if kind == "store" {
		return at(region, GetStore(name))
	}
	return at(region, Get(name))
}

// Key tells requests apart, but for an empty body and an empty object.
func Key(requests ...model.Request) string {
	var key strings.Builder
	for _, r := range requests {
		raw := ""
		if r.Raw != nil {
			raw = *r.Raw
		}
		fmt.Fprintf(&key, "%s %s %s %t %s %s\n", r.Op, r.Region, r.Method, r.OtherTarget, raw, r.Input.AppendJSON(nil))
	}
	return key.String()
}

// Same reports whether two requests are sent as the same: it is cheaper than their keys.
func Same(a, b model.Request) bool {
	return a.Op == b.Op && a.Region == b.Region && a.Method == b.Method && a.OtherTarget == b.OtherTarget &&
		(a.Raw == b.Raw || a.Raw != nil && b.Raw != nil && *a.Raw == *b.Raw) && a.Input.Equal(b.Input)
}

// With is a request with another value of a member; Absent takes it out.
func With(r model.Request, member string, v value.Value) model.Request {
	r.Input = r.Input.With(member, v)
	return r
}

// MapStrings is a value with every string in it (not the member names) replaced by f's result.
func MapStrings(v value.Value, f func(string) string) value.Value {
	switch v.Kind() {
	case value.String:
		return value.Str(f(v.Text()))
	case value.List:
		items := slices.Clone(v.Items())
		for i, item := range items {
			items[i] = MapStrings(item, f)
		}
		return value.ListOf(items...)
	case value.Object:
		members := slices.Clone(v.Members())
		for i, m := range members {
			members[i].Value = MapStrings(m.Value, f)
		}
		return value.ObjectOf(members...)
	}
	return v
}

// SetUp lists a short sequence that brings a fresh world into a state. What only a history can bring
// about, such as the memory of a stopped trail, is left out.
func SetUp(state model.State, scope Scope) (out []model.Request) {
	for _, t := range state.Trails {
		out = append(out, setUpTrail(t, scope)...)
	}
	var puts, deletes []model.Request // which need other stores
	for i, x := range state.Stores {
		events := eventsValue(x.Events)
		out = append(out, CreateStore(i, StoreKind{Selectors: events.Get("AdvancedEventSelectors"), Stopped: !x.Ingesting}))
		if x.Insights.On() && x.Destination != "" {
			puts = append(puts, PutStore(x.ID, x.Destination, x.Insights))
		}
		if x.Pending {
			deletes = append(deletes, OnStore(model.OpDeleteStore, x.ID))
		}
	}
	return slices.Concat(out, puts, deletes)
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
	case !t.Insights.On(), !scope.Can[model.CanPut]: // without Put it holds that beforehand
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
	for i, r := range out {
		out[i] = at(t.Home, r)
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
			out = append(out, at(region, r))
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

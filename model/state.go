package model

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// World holds what stays fixed during a case: what requests may name, and what the target is known to be able to do.
type World struct {
	Partition             string
	Account, OtherAccount string   // the caller's, and one that is not
	Home, Away            string   // two Regions; trails are made in Home unless a request says otherwise
	Profile               *Profile // the error order; nil is defaultProfile
	// NoStart says that the target has no StartLogging: its trails count as logging from the start.
	NoStart bool
	// Lent says that CreateTrail lends trails that exist beforehand: what they log is not known until a PutEventSelectors.
	Lent bool
	// Given is what lent trails hold, in the order in which they are lent; nil is nothing. No other can be made then.
	Given []Selectors
	// Partial says that a state has not all that there is: other stores may send their insights to one of its own, and what is
	// not known of a trail or store, a Get reveals.
	Partial bool
	// Around are the conditions that may hold around any trail, so that refusals for them are accepted.
	Around Condition
	// NoStores says that the target has no event data stores: naming one breaks none of their rules, but their codes
	// are accepted.
	NoStores bool
}

// DefaultWorld has the identities that all symbolic requests use.
var DefaultWorld = World{Partition: "aws", Account: "123456789012", OtherAccount: "210987654321",
	Home: "us-east-1", Away: "eu-west-1"}

func (w *World) region(r Request) string { return cmp.Or(r.Region, w.Home) }
func (w *World) profile() *Profile       { return cmp.Or(w.Profile, defaultProfile()) }

// TrailARN is the ARN of the caller's trail of that name.
func (w *World) TrailARN(region, name string) string {
	return "arn:" + w.Partition + ":cloudtrail:" + region + ":" + w.Account + ":trail/" + name
}

// StoreARN is the ARN of the caller's event data store with that ID suffix.
func (w *World) StoreARN(region, id string) string {
	return "arn:" + w.Partition + ":cloudtrail:" + region + ":" + w.Account + ":eventdatastore/" + id
}

// StoreID is the symbolic ID suffix of the n-th event data store that a case creates, from 0.
func StoreID(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n%100) }

// Condition is a set of circumstances around a trail that OpArrange brings about, those of rows 19-21 and 26-29.
type Condition uint8

// The conditions.
const (
	BucketMissing Condition = 1 << iota
	BucketDenied            // the bucket policy no longer lets CloudTrail write
	KeyDenied               // the key policy no longer lets CloudTrail encrypt
	KeyUnusable             // disabled or pending deletion
	MemberAccount           // an organization trail, called from a member account
	NoServiceRole
	ServiceOwned
)

// ConditionNames spells the conditions in OpArrange requests: ConditionNames[i] is condition 1<<i.
var ConditionNames = [...]string{"bucket-missing", "bucket-denied", "key-denied", "key-unusable",
	"member-account", "no-service-role", "service-owned"}

// Mended is no condition: OpArrange gives a trail's bucket and key back with it.
const Mended = "mended"

// Trail is the state of one trail.
type Trail struct {
	Name, Home  string
	MultiRegion bool
	Logging     bool
	Conditions  Condition
	Logs        Logs
	Open        Logs   // kinds of event of which it is not known whether they are logged
	Events      string // the event selectors last stored, as JSON; empty where none were

	Insights Selectors // what GetInsightSelectors answers; off where it enables nothing
	Repeats  bool      // a request with duplicates stored them: answers may repeat entries
	Unread   bool      // Insights are not known, and off until they are

	// What the branches of a stopped trail leave open.
	Asleep    Selectors // may be back after StartLogging
	MustWake  bool      // Asleep is back after StartLogging for sure
	HasEither bool      // HasInsightSelectors claims nothing until the next Put
}

// Store is the state of one event data store.
type Store struct {
	ID, Home    string
	Logs, Open  Logs
	Events      string // as of a Trail
	Pending     bool   // pending deletion
	Ingesting   bool
	Insights    Selectors
	Repeats     bool
	Unread      bool   // as of a Trail
	Destination string // the ID of the store that receives the insights
}

// State is what the model knows of a case's resources. It is a value: nothing changes the slices of one.
type State struct {
	World  *World
	Trails []Trail
	Stores []Store
	gone   *string // the trails that were deleted, as "/Region/name/…"; nil where none were, as in most states
}

// NewState is the empty state of a fresh case.
func NewState(w *World) State { return State{World: w} }

// Trail returns the trail of that name in a Region, and whether there is one.
func (s State) Trail(region, name string) (t Trail, ok bool) {
	if i := s.trail(region, name); i >= 0 {
		return s.Trails[i], true
	}
	return t, false
}

func (s State) trail(region, name string) int {
	return slices.IndexFunc(s.Trails, func(t Trail) bool { return t.Name == name && t.Home == region })
}

func (s State) trailElsewhere(region, name string) int {
	return slices.IndexFunc(s.Trails, func(t Trail) bool { return t.Name == name && t.Home != region })
}

func (s State) store(region, id string) int {
	return slices.IndexFunc(s.Stores, func(x Store) bool { return x.ID == id && x.Home == region })
}

// WithTrail returns the state with the i-th trail replaced, or added where i is -1.
func (s State) WithTrail(i int, t Trail) State {
	s.Trails = replaced(s.Trails, i, t)
	return s
}

// WithStore returns the state with the i-th store replaced, or added where i is -1.
func (s State) WithStore(i int, x Store) State {
	s.Stores = replaced(s.Stores, i, x)
	return s
}

func replaced[T any](list []T, i int, x T) []T {
	if i < 0 {
		return slices.Concat(list, []T{x})
	}
	out := slices.Clone(list)
	out[i] = x
	return out
}

func (s State) withoutTrail(i int) State {
	if t := &s.Trails[i]; !s.wasDeleted(t.Home, t.Name) {
		s.gone = new(s.past() + "/" + t.Home + "/" + t.Name + "/")
	}
	s.Trails = slices.Concat(s.Trails[:i], s.Trails[i+1:])
	return s
}

func (s State) past() string {
	if s.gone == nil {
		return ""
	}
	return *s.gone
}

// wasDeleted reports whether a trail of that name was deleted earlier in the case.
func (s State) wasDeleted(region, name string) bool {
	return strings.Contains(s.past(), "/"+region+"/"+name+"/")
}

// WithoutPast is the state without the names of deleted trails, on which no answer depends.
func (s State) WithoutPast() State {
	s.gone = nil
	return s
}

// Equal compares two states of the same world.
func (s State) Equal(o State) bool {
	return s.past() == o.past() && slices.Equal(s.Trails, o.Trails) && slices.Equal(s.Stores, o.Stores)
}

func (t Trail) resource() string { return "trail/" + t.Home + "/" + t.Name }
func (x Store) resource() string { return "store/" + x.Home + "/" + x.ID }

// Resources lists the trails and stores of the state, named as Resource names them.
func (s State) Resources() (out []string) {
	for _, t := range s.Trails {
		out = append(out, t.resource())
	}
	for _, x := range s.Stores {
		out = append(out, x.resource())
	}
	return out
}

// Resource names what a request concerns, as "trail/REGION/NAME" or "store/REGION/ID"; empty where none exists.
func Resource(s State, r Request) string {
	name := r.Input.Get("TrailName")
	switch {
	case r.Op == OpCreateStore:
		return resourceAt(s.Stores, len(s.Stores)-1)
	case storeSteps[r.Op] != nil, r.Op.Insights() && !name.Given():
		return resourceAt(s.Stores, s.namedStore(r))
	case r.Op.Insights():
		ref := s.World.resolveTrail(name.Text(), s.World.region(r))
		if i := s.trail(ref.region, ref.name); i >= 0 {
			return s.Trails[i].resource()
		}
		return resourceAt(s.Trails, s.trailElsewhere(ref.region, ref.name))
	}
	return resourceAt(s.Trails, s.namedTrail(r))
}

func resourceAt[T interface{ resource() string }](list []T, i int) string {
	if i < 0 {
		return ""
	}
	return list[i].resource()
}

// Find is the index of the trail or of the store that a resource is, -1 where it is none.
func (s State) Find(resource string) (trail, store int) {
	kind, rest, _ := strings.Cut(resource, "/")
	region, name, _ := strings.Cut(rest, "/")
	if kind == "trail" {
		return s.trail(region, name), -1
	}
	return -1, s.store(region, name)
}

// StoredIn returns what a Get of a resource is expected to show, and whether the state has the resource.
func StoredIn(s State, resource string) (Selectors, bool) {
	switch trail, store := s.Find(resource); {
	case trail >= 0:
		return s.Trails[trail].Insights, true
	case store >= 0:
		return s.Stores[store].Insights, true
	}
	return 0, false
}

func stateHas(s State, resource string) bool { _, ok := StoredIn(s, resource); return ok }

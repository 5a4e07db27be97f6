package model

import (
	"slices"

	"github.com/insightconform/conform/model/value"
)

// namedTrail is the index of the trail that a trail operation finds in the Region of the call, or -1.
func (s State) namedTrail(r Request) int {
	name := r.Input.Get("TrailName")
	if name.Kind() == value.Absent {
		name = r.Input.Get("Name")
	}
	if ref := s.World.resolveTrail(name.Text(), s.World.region(r)); ref.here() {
		return s.trail(ref.region, ref.name)
	}
	return -1
}

// stepCreateTrail makes a trail, which is not logging. One that exists keeps its selectors (trail/create-existing).
func stepCreateTrail(s State, r Request) []Branch {
	name, home := r.Input.Get("Name").Text(), s.World.region(r)
	if !ValidTrailName(name) {
		return refusedOrIgnored(s)
	}
	i, given := s.namedTrail(r), s.World.Given
	switch {
	case given != nil && (i >= 0 || len(s.Trails) >= len(given)):
		return refusedOrIgnored(s)
	case i >= 0:
		t := s.Trails[i]
		t.Open = ManagementEvents | DataEvents
		return []Branch{{Answer: Refusal(codeTrailExists), Next: s},
			accepted(TrailCreateExisting, AnyRefusal, s), accepted(TrailCreateExisting, AnySuccess, s.WithTrail(i, t))}
	}
	t := Trail{Name: name, Home: home, Logs: ManagementEvents,
		Logging: s.World.NoStart, MultiRegion: r.Input.Get("IsMultiRegionTrail").True()}
	if s.World.Lent {
		t.Open = ManagementEvents | DataEvents
	}
	if given != nil {
		t.Insights = given[len(s.Trails)]
	}
	return done(s, s.WithTrail(-1, t))
}

const (
	ofBucket = BucketMissing | BucketDenied
	ofKey    = KeyDenied | KeyUnusable
)

// stepUpdateTrail keeps the selectors (trail/update-keeps). Another bucket or key is one that is not lost.
func stepUpdateTrail(s State, i int, r Request) []Branch {
	t := s.Trails[i]
	if multi := r.Input.Get("IsMultiRegionTrail"); multi.Kind() == value.Bool {
		t.MultiRegion = multi.True()
	}
	if r.Input.Get("S3BucketName").Given() {
		t.Conditions &^= ofBucket
	}
	if r.Input.Get("KmsKeyId").Given() {
		t.Conditions &^= ofKey
	}
	return done(s, s.WithTrail(i, t))
}

func stepDeleteTrail(s State, i int, _ Request) []Branch { return done(s, s.withoutTrail(i)) }

// namesHome reports whether a call to the home Region names a trail that would be there, if it was any.
func (s State) namesHome(r Request) bool {
	region := s.World.region(r)
	ref := s.World.resolveTrail(r.Input.Get("Name").Text(), region)
	return region == s.World.Home && ref.here() && !(s.World.Partial && s.trailElsewhere(region, ref.name) >= 0)
}

// stepGetTrail holds trail/has-insight-selectors.
func stepGetTrail(s State, i int, _ Request) []Branch {
	expected := Answer{Outcome: AnySuccess}
	if t := &s.Trails[i]; !t.HasEither && !t.Unread {
		expected.HasInsights = truth(t.Insights.On())
	}
	return []Branch{{Answer: expected, Next: s}, silent(AnyRefusal, s)}
}

// stepGetTrailStatus claims nothing, but the model follows what is answered.
func stepGetTrailStatus(s State, i int, _ Request) []Branch {
	other := s.Trails[i]
	other.Logging = !other.Logging
	is, isNot := plain(AnySuccess, s), silent(AnySuccess, s.WithTrail(i, other))
	is.Answer.Logging, isNot.Answer.Logging = truth(!other.Logging), truth(other.Logging)
	return []Branch{is, isNot, silent(AnyRefusal, s)}
}

// stepStopLogging holds logs/stop-logging: Insights is off, and Get says so or still answers the old
// selectors. On a trail that is stopped already it takes back what obliged StartLogging to bring them back.
func stepStopLogging(s State, i int, _ Request) []Branch {
	t := s.Trails[i]
	t.Logging, t.MustWake = false, false
	if t.Insights == 0 {
		return done(s, s.WithTrail(i, t))
	}
	kept := t
	kept.HasEither = true
	off := kept
	off.Insights, off.Asleep = 0, t.Insights
	return []Branch{plain(AnySuccess, s.WithTrail(i, off)), accepted(LogsStop, AnySuccess, s.WithTrail(i, kept)),
		silent(AnyRefusal, s)}
}

// stepStartLogging holds logs/start-logging: the selectors of before StopLogging are in force again, or
// stay off where no Get has shown them. What was stored while the trail was stopped stands.
func stepStartLogging(s State, i int, _ Request) []Branch {
	t := s.Trails[i]
	if t.Logging {
		return done(s, s)
	}
	t.Logging, t.HasEither = true, false
	if t.Asleep == 0 {
		return done(s, s.WithTrail(i, t))
	}
	woken, off := t, t
	woken.Insights, woken.Asleep, woken.MustWake = t.Asleep, 0, false
	off.Asleep = 0
	branches := done(s, s.WithTrail(i, woken))
	if !t.MustWake {
		branches = append(branches, accepted(LogsStart, AnySuccess, s.WithTrail(i, off)))
	}
	return branches
}

// stepArrange changes a trail's surroundings; what the target cannot arrange changes nothing.
func stepArrange(s State, i int, r Request) []Branch {
	t, condition := s.Trails[i], r.Input.Get("Condition").Text()
	if c := slices.Index(ConditionNames[:], condition); c >= 0 {
		t.Conditions |= 1 << c
	} else if condition == Mended {
		t.Conditions &^= ofBucket | ofKey
	}
	return done(s, s.WithTrail(i, t))
}

// namedStore is the index of the store that a store operation names, -1 where there is none.
func (s State) namedStore(r Request) int {
	_, x := s.resolveStore(r.Input.Get("EventDataStore").Text(), s.World.region(r))
	return slices.IndexFunc(s.Stores, func(o Store) bool { return x != nil && o.ID == x.ID && o.Home == x.Home })
}

func stepCreateStore(s State, r Request) []Branch {
	start := r.Input.Get("StartIngestion")
	x := Store{ID: StoreID(len(s.Stores)), Home: s.World.region(r), Logs: ManagementEvents,
		Ingesting: start.Kind() != value.Bool || start.True()}
	return done(s, s.WithStore(-1, x.updated(r)))
}

// updated has the event selectors of a request, where that has any.
func (x Store) updated(r Request) Store {
	if r.Input.Get("AdvancedEventSelectors").Given() {
		x.Logs, _ = logsOf(r.Input)
		x.Open = 0
		x.Events = eventsOf(r.Input)
	}
	return x
}

// stepGetStore holds logs/visible; whether a store that is pending deletion can be read is open.
func stepGetStore(s State, i int, _ Request) []Branch {
	return shows(s, s.Stores[i].Events, s.Stores[i].Logs, s.Stores[i].Open)
}

// stepUpdateStore holds store/update-guard.
func stepUpdateStore(s State, i int, r Request) []Branch {
	x := s.Stores[i].updated(r)
	guard, after := Branch{Answer: Refusal(codeSelectors), Next: s}, plain(AnySuccess, s.WithStore(i, x))
	switch {
	case x.Pending:
		return done(s, after.Next)
	case x.Insights.On() && !Meets(x.Insights.Effective(), x.Logs):
		if x.Ingesting {
			return []Branch{guard}
		}
		after.Rule = StoreUpdateGuard
		return []Branch{guard, after}
	case s.mayFeed(x, s.Stores[i].Logs|s.Stores[i].Open):
		guard.Rule = StoreUpdateGuard
		return []Branch{after, guard}
	}
	return []Branch{after}
}

// Unguarded is the state after an UpdateEventDataStore that takes effect although it should not.
func Unguarded(s State, r Request) (State, bool) {
	i := s.namedStore(r)
	if r.Op != OpUpdateStore || i < 0 || !r.Input.Get("AdvancedEventSelectors").Given() {
		return s, false
	}
	return s.WithStore(i, s.Stores[i].updated(r)), true
}

// stepIngestion keeps the selectors (store/stop-ingestion). It may be refused: no store of category Insight can stop.
func stepIngestion(s State, i int, r Request) []Branch {
	x := s.Stores[i]
	x.Ingesting = r.Op == OpStartIngestion
	return done(s, s.WithStore(i, x))
}

// feeds reports whether a live source sends its insights to the store.
func (s State) feeds(id string) bool {
	return slices.ContainsFunc(s.Stores, func(x Store) bool { return x.Destination == id && x.Insights.On() })
}

// mayFeed reports whether an update of a store may take away what its own insights need, or those that others send it.
func (s State) mayFeed(x Store, before Logs) bool {
	fed := s.World.Partial && before&InsightEvents != 0
	return x.Unread || x.Logs&InsightEvents == 0 && (fed || s.feeds(x.ID))
}

// stepDeleteStore is to delete or restore: the selectors of the store, or of its sources, may be kept or be off.
func stepDeleteStore(before State, i int, r Request) []Branch {
	x := before.Stores[i]
	x.Pending, x.Ingesting = r.Op == OpDeleteStore, x.Ingesting || r.Op == OpRestoreStore
	after := before.WithStore(i, x)
	branches := []Branch{plain(AnySuccess, after)}
	for j, x := range after.Stores {
		if !x.Insights.On() || j != i && x.Destination != after.Stores[i].ID {
			continue
		}
		x.Insights, x.Destination, x.Repeats = 0, "", false
		for _, b := range branches {
			branches = append(branches, silent(AnySuccess, b.Next.WithStore(j, x)))
		}
	}
	return append(branches, silent(AnyRefusal, before))
}

package generators

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// scopes are those of the targets that the project knows: all, a typed client, an emulator with
// trails alone, a mock with the two operations, which lends trails that exist beforehand.
func scopes() map[string]Scope {
	without := func(missing ...model.Capability) Scope {
		s := Everything()
		for _, c := range missing {
			delete(s.Can, c)
		}
		return s
	}
	mock := Scope{Can: map[model.Capability]bool{model.CanPut: true, model.CanGet: true, model.CanCreate: true}}
	return map[string]Scope{
		"everything":    Everything(),
		"typed client":  without(model.CanRawWire),
		"no stores":     without(model.CanStores, model.CanUpdateStores, model.CanDeleteStores, model.CanRestoreStores),
		"no conditions": without(model.CanLoseBucket, model.CanLoseKey, model.CanArrangeAccount),
		"one region":    without(model.CanRegions, model.CanAdvancedEvents),
		"moto": without(model.CanStores, model.CanUpdateStores, model.CanDeleteStores, model.CanRestoreStores, model.CanLoseBucket, model.CanLoseKey,
			model.CanArrangeAccount, model.CanRegions),
		"mock":    mock,
		"nothing": {},
	}
}

func world() *model.World { w := model.DefaultWorld; return &w }

// trailState has a logging trail; storeState a source and a destination.
func trailState() model.State {
	s, _ := Reference(model.NewState(world()), Create(NameAlpha), Start(NameAlpha))
	return s
}

func storeState() model.State {
	s, _ := Reference(model.NewState(world()), CreateStore(0, SourceStore), CreateStore(1, InsightStore))
	return s
}

func TestRepresentativesBreakWhatTheyClaim(t *testing.T) {
	check := func(s model.State, r Representative, request model.Request) {
		t.Helper()
		request.Region = r.Region
		require.ElementsMatch(t, r.Breaks, model.Broken(s, request), "%s: %.200s", r.Name, request.Input)
	}
	s := trailState()
	plain := Put(NameAlpha, model.MakeSelectors(model.Management, 0))
	for _, r := range TrailNames(s) {
		put := plain
		put.Input = put.Input.With("TrailName", r.Value)
		check(s, r, put)
	}
	full, ok := Reference(s, PutEvents(NameAlpha, EventClasses()[model.ManagementEvents|model.DataEvents]))
	require.True(t, ok)
	for _, list := range [][]Representative{PlainSelectors(), VariantSelectors(), BadSelectors()} {
		for _, r := range list {
			put := plain
			put.Input = put.Input.With("InsightSelectors", r.Value)
			check(full, r, put)
		}
	}
	s = storeState()
	for _, r := range badStoreNames(s.World) {
		for _, member := range []string{"EventDataStore", "InsightsDestination"} {
			put := PutStore(model.StoreID(0), model.StoreID(1), model.MakeSelectors(model.Management, 0))
			put.Input = put.Input.With(member, r.Value)
			if r.Name == "null" {
				r.Breaks = []model.ID{model.InputStoreNeedsBoth}
			}
			check(s, r, put)
		}
	}
	for _, class := range EventClasses() {
		after, ok := Reference(trailState(), PutEvents(NameAlpha, class))
		require.Equal(t, class.logs != 0, ok, class.Name) // what logs nothing is refused
		if ok {
			require.Equal(t, class.logs, after.Trails[0].Logs&^model.ReadDataOnly, class.Name)
		}
	}
}

func TestNames(t *testing.T) {
	for _, name := range Names {
		require.True(t, model.ValidTrailName(name), name)
	}
	require.Len(t, NameLong, 128)
	require.Len(t, NameShort, 3)
	for _, r := range BadTrailNames(world()) {
		if slices.Contains(r.Breaks, model.TrailNameSyntax) {
			require.False(t, model.ValidTrailName(r.Value.Text()), r.Name)
		}
	}
}

func TestDrawnRequestsAreWithinScope(t *testing.T) {
	for name, scope := range scopes() {
		t.Run(name, func(t *testing.T) {
			g := New(scope)
			for seed := range 300 {
				s := model.NewState(world())
				for _, r := range g.Sequence(world()).Example(seed) {
					if name != "nothing" {
						require.True(t, scope.Allows(r), "%+v", r)
					}
					s = model.Step(s, r)[0].Next
					require.LessOrEqual(t, len(s.Trails), scope.mostTrails())
					require.LessOrEqual(t, len(s.Stores), mostStores)
				}
			}
		})
	}
}

func TestNeverAnEmptyStoreBesideATrail(t *testing.T) {
	empty := func(v value.Value) bool { return v.Kind() == value.String && v.Text() == "" }
	check := func(r model.Request) {
		if r.Input.Get("TrailName").Given() {
			require.False(t, empty(r.Input.Get("EventDataStore")) || empty(r.Input.Get("InsightsDestination")), "%s", r.Input)
		}
	}
	g := New(Everything())
	for seed := range 300 {
		for _, r := range g.Sequence(world()).Example(seed) {
			check(r)
		}
	}
}

func TestDrawsAreInteresting(t *testing.T) {
	g := New(Everything())
	ops, broken, single, n := map[model.Op]int{}, map[model.ID]int{}, 0, 0
	puts, accepted, refused := 0, 0, 0
	for seed := range 2000 {
		s := model.NewState(world())
		for _, r := range g.Sequence(world()).Example(seed) {
			n++
			ops[r.Op]++
			b := model.Broken(s, r)
			if len(b) == 1 {
				single++
			}
			for _, id := range b {
				broken[id]++
			}
			branch := model.Step(s, r)[0]
			if r.Op == model.OpPut && !r.Malformed() {
				puts++
				if branch.Answer.Outcome == model.Succeeded {
					accepted++
				} else {
					refused++
				}
			}
			s = branch.Next
		}
	}
	t.Logf("%d requests, %v", n, ops)
	t.Logf("Puts %d: accepted %d, refused %d; broken alone %d", puts, accepted, refused, single)
	for _, id := range model.ErrorRules() {
		require.NotZero(t, broken[id], "random requests never break %s", id)
	}
	require.Greater(t, accepted, puts/3)
	require.Greater(t, refused, puts/5)
}

func TestDrawsAreDeterministic(t *testing.T) {
	a, b := New(Everything()), New(Everything())
	for seed := range 50 {
		require.Equal(t, a.Sequence(world()).Example(seed), b.Sequence(world()).Example(seed))
	}
}

func TestStepIsTotalForDrawnRequests(t *testing.T) {
	g := New(Everything())
	rapid.Check(t, func(rt *rapid.T) {
		tracker := model.NewTracker(world())
		for _, r := range g.Sequence(world()).Draw(rt, "sequence") {
			s := tracker.State()
			branches := model.Step(s, r)
			if len(branches) == 0 {
				rt.Fatal("no branch")
			}
			// Any branch, so that the states beside the reference one are drawn from as well.
			next := branches[draw(rt, len(branches))].Next
			for _, read := range Reads(next, r, g.scope) {
				if !read.Op.Reads() || len(model.Step(next, read)) == 0 {
					rt.Fatal("not a read")
				}
			}
			tracker.Follow(next)
			_ = g.draw(rt, next)
		}
	})
}

func TestReads(t *testing.T) {
	s, ok := Reference(model.NewState(world()), Create(NameAlpha), Start(NameAlpha), Create(NameBeta), CreateStore(0, SourceStore), In(model.DefaultWorld.Away, Create(NameAlpha)))
	require.True(t, ok)
	ops := func(requests []model.Request) (out []string) {
		for _, r := range requests {
			target := r.Input.Get(nameMember(r.Op)).Text() + r.Input.Get("EventDataStore").Text()
			out = append(out, strings.TrimSpace(string(r.Op)+" "+target+" "+r.Region))
		}
		return out
	}
	away := "GetInsightSelectors alpha eu-west-1"
	store := "GetInsightSelectors " + model.StoreID(0)
	require.Equal(t, []string{"GetInsightSelectors alpha", "GetTrail alpha", "GetInsightSelectors beta", away, store}, ops(Reads(s, Put(NameAlpha, model.MakeSelectors(model.Management, 0)), Everything())))
	require.Equal(t, []string{"GetInsightSelectors alpha", "GetTrail alpha", "GetEventSelectors alpha", "GetInsightSelectors beta", away, store},
		ops(Reads(s, PutEvents(s.World.TrailARN(s.World.Home, NameAlpha), EventClasses()[1]), Everything())))
	require.Equal(t, []string{store, "GetEventDataStore " + s.World.StoreARN(s.World.Home, model.StoreID(0)), "GetInsightSelectors alpha", "GetInsightSelectors beta", away}, ops(Reads(s, CreateStore(0, SourceStore), Everything())))
	require.Empty(t, Reads(s, Get(NameAlpha), Everything()))
	gone, _ := Reference(s, Delete(NameBeta))
	require.Equal(t, "GetInsightSelectors beta", ops(Reads(gone, Delete(NameBeta), Everything()))[0])
	require.Equal(t, "GetInsightSelectors beta", ops(Reads(gone, Delete(s.World.TrailARN(s.World.Home, NameBeta)), Everything()))[0])
}

func BenchmarkRequest(b *testing.B) {
	g := New(Everything())
	s, _ := Reference(trailState(), CreateStore(0, SourceStore), CreateStore(1, InsightStore))
	request := g.Request(s)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		request.Example(i)
	}
}

func BenchmarkSequence(b *testing.B) {
	g := New(Everything())
	sequence := g.Sequence(world())
	n := 0
	for i := 0; b.Loop(); i++ {
		n += len(sequence.Example(i))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/request")
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		New(Everything())
	}
}

// TestDataThatIsNotOffered: Puts with Data go out only where an event data store alone refuses them.
func TestDataThatIsNotOffered(t *testing.T) {
	scope := Everything()
	scope.Can[model.CanInsightData] = false
	set := model.MakeSelectors(model.Data, 0)
	onBoth := With(Put(NameAlpha, set), "EventDataStore", value.Str(model.StoreID(0)))
	odd := With(PutStore("", "", set), "EventDataStore", value.Strs(model.StoreID(0)))
	for _, r := range []model.Request{Put(NameAlpha, set), onBoth, With(onBoth, "EventDataStore", value.Strs("x")), odd} {
		require.False(t, scope.Allows(r), r.GoString())
	}
	require.True(t, scope.Allows(PutStore(model.StoreID(0), model.StoreID(1), set)))
}

package generators

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/insightconform/conform/model"
)

// scopes are those of the targets that the project knows: all, a typed client, an emulator with
// trails alone, a mock with the two operations on trails that exist beforehand.
func scopes() map[string]Scope {
	without := func(missing ...model.Capability) Scope {
		s := Everything()
		for _, c := range missing {
			delete(s.Can, c)
		}
		return s
	}
	mock := Scope{Can: map[model.Capability]bool{model.CanPut: true, model.CanGet: true},
		Given: []model.Trail{{Name: "given", Home: model.DefaultWorld.Home, Logs: model.ManagementEvents, Logging: true}}}
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
	s, _ := reference(model.NewState(world()), Create(NameAlpha), Start(NameAlpha))
	return s
}

func storeState() model.State {
	s, _ := reference(model.NewState(world()), CreateStore(0, SourceStore), CreateStore(1, InsightStore))
	return s
}

func TestRepresentativesBreakWhatTheyClaim(t *testing.T) {
	check := func(s model.State, r Representative, request model.Request) {
		t.Helper()
		request.Region = r.Region
		require.ElementsMatch(t, r.Breaks, model.Broken(s, request), "%s: %.200s", r.Name, request.Input)
	}
	s := trailState()
	plain := Put(NameAlpha, setA)
	for _, r := range TrailNames(s) {
		put := plain
		put.Input = put.Input.With("TrailName", r.Value)
		check(s, r, put)
	}
	full, ok := reference(s, PutEvents(NameAlpha, EventClasses()[model.ManagementEvents|model.DataEvents]))
	require.True(t, ok)
	for _, list := range [][]Representative{PlainSelectors(), VariantSelectors(), BadSelectors()} {
		for _, r := range list {
			put := plain
			put.Input = put.Input.With("InsightSelectors", r.Value)
			check(full, r, put)
		}
	}
	s = storeState()
	for _, r := range BadStoreNames(s.World) {
		for _, member := range []string{"EventDataStore", "InsightsDestination"} {
			put := PutStore(model.StoreID(0), model.StoreID(1), setA)
			put.Input = put.Input.With(member, r.Value)
			if r.Name == "null" {
				r.Breaks = []model.ID{model.InputStoreNeedsBoth}
			}
			if slices.Contains(r.Breaks, model.WireWrongType) {
				r.Breaks = []model.ID{model.WireWrongType, model.InputStoreNeedsBoth}
			}
			check(s, r, put)
		}
	}
	for _, class := range EventClasses() {
		after, ok := reference(trailState(), PutEvents(NameAlpha, class))
		require.True(t, ok, class.Name)
		require.Equal(t, class.Logs, after.Trails[0].Logs, class.Name)
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

func TestCatalogueCases(t *testing.T) {
	for name, scope := range scopes() {
		t.Run(name, func(t *testing.T) {
			names, setups, worlds := map[string]bool{}, map[string]string{}, map[string]string{}
			for _, c := range Catalogue(world(), scope) {
				require.False(t, names[c.Name], "two cases are called %s", c.Name)
				names[c.Name] = true
				key := setupKey(c.Setup)
				if known, ok := setups[key]; ok {
					require.Equal(t, known, c.World, c.Name)
				}
				if known, ok := worlds[c.World]; ok {
					require.Equal(t, known, key, c.Name)
				}
				setups[key], worlds[c.World] = c.World, key
				require.True(t, scope.Allows(append(slices.Clone(c.Setup), c.Probe)...), c.Name)
				require.Equal(t, c.Probe.Op, c.Op)
				s, ok := reference(scope.Initial(world()), c.Setup...)
				require.True(t, ok, c.Name)
				if c.Kind != KindScenario && !c.Probe.Malformed() && !slices.ContainsFunc(c.Rules, func(id model.ID) bool { return id.Family() == "wire" && id != model.WireWrongType }) {
					broken := slices.DeleteFunc(model.Broken(s, c.Probe), func(id model.ID) bool { return !scope.Applies(id) })
					require.ElementsMatch(t, c.Rules, broken, c.Name)
				}
				if c.Kind == KindRule && name == "everything" {
					require.Equal(t, c.Rules, model.Broken(s, c.Probe), c.Name)
					for _, b := range model.Step(s, c.Probe) {
						require.True(t, b.Answer.Outcome == model.Refused || model.RuleOf(c.Rules[0]).MayPass, "%s may succeed", c.Name)
					}
				}
			}
		})
	}
}

func TestCatalogueHasEveryRule(t *testing.T) {
	for name, scope := range scopes() {
		if name == "nothing" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			cases := map[model.ID]int{}
			for _, c := range Catalogue(world(), scope) {
				for _, id := range c.Rules {
					cases[id]++
				}
			}
			for _, rule := range model.Rules {
				if rule.Silent || !scope.Has(rule.Needs...) {
					continue
				}
				if reason := notTried[name][rule.ID]; reason != "" {
					require.Zero(t, cases[rule.ID], "%s has a case now, although: %s", rule.ID, reason)
					continue
				}
				assert.NotZero(t, cases[rule.ID], "no case for %s", rule.ID)
			}
		})
	}
}

// notTried lists what the catalogue cannot try although the rule's own needs are met.
var notTried = map[string]map[model.ID]string{
	"typed client": {model.WireNoCrash: "malformed requests need raw-requests; all other answers test it too"},
	"mock": {
		model.WireNoCrash:             "malformed requests need raw-requests; all other answers test it too",
		model.StateInitiallyOff:       "no trail can be made",
		model.StateIsolated:           "there is one trail",
		model.PutOverwritesCategories: "needs data events, which cannot be logged",
	},
}

// Without StartLogging the trails of a world log from the start.
func TestCatalogueWithoutStartLogging(t *testing.T) {
	scope := Everything()
	delete(scope.Can, model.CanLog)
	delete(scope.Can, model.CanStop)
	w := world()
	w.NoStart = true
	for _, c := range Catalogue(w, scope) {
		s, ok := reference(scope.Initial(w), c.Setup...)
		require.True(t, ok, c.Name)
		for _, x := range s.Trails {
			require.True(t, x.Logging, c.Name)
		}
	}
	for _, id := range model.ErrorRules() {
		_, _, ok := Minimal(id, model.OpPut, w, scope)
		require.True(t, ok, id)
	}
}

func TestMinimalAndUnpairable(t *testing.T) {
	scope := Everything()
	for _, id := range model.ErrorRules() {
		setup, probe, ok := Minimal(id, model.OpPut, world(), scope)
		require.True(t, ok, id)
		s, ok := reference(model.NewState(world()), setup...)
		require.True(t, ok)
		require.Equal(t, []model.ID{id}, model.Broken(s, probe))
	}
	_, _, ok := Minimal(model.PutStores, model.OpPut, world(), scope)
	require.False(t, ok)
	apart := Unpairable(model.OpPut, world(), scope)
	t.Logf("%d of %d pairs cannot be broken together by a Put", len(apart), len(errorRules)*(len(errorRules)-1)/2)
	for pair, want := range map[[2]model.ID]bool{
		{model.TrailNameSyntax, model.TrailARNSyntax}:          true,
		{model.BucketMissingRule, model.BucketPolicy}:          true,
		{model.InputTrailAndStore, model.TrailHomeRegion}:      false,
		{model.LogsCallRate, model.LogsErrorRate}:              false,
		{model.StoreDestination, model.StoreSource}:            false,
		{model.InputNoResource, model.InputStoreNeedsBoth}:     false,
		{model.LogsData, model.PutDuplicateDiffering}:          false,
		{model.WireWrongType, model.InputSelectorsMissing}:     false,
		{model.TrailOtherAccount, model.TrailHomeRegion}:       false,
		{model.OrgMemberAccount, model.InputTrailAndStore}:     false,
		{model.BucketMissingRule, model.LogsErrorRate}:         false,
		{model.KMSPolicy, model.KMSUnusable}:                   false,
		{model.StoreInactive, model.StoreSource}:               false,
		{model.SelectorTypeInvalid, model.SelectorCategory}:    false,
		{model.InputSelectorsMissing, model.TrailNotFound}:     false,
		{model.InputStoreNeedsBoth, model.SelectorTypeMissing}: false,
	} {
		require.Equal(t, want, slices.Contains(apart, pair), "%v", pair)
	}
}

func TestBreakingRepairsAllButOne(t *testing.T) {
	n, done := 0, 0
	for _, c := range Catalogue(world(), Everything()) {
		if c.Kind != KindPair {
			continue
		}
		s, _ := reference(model.NewState(world()), c.Setup...)
		for _, id := range c.Rules {
			n++
			if r, ok := Breaking(s, id, c.Probe); ok {
				done++
				require.Equal(t, []model.ID{id}, model.Broken(s, r), "%s: %s", c.Name, id)
			}
		}
	}
	t.Logf("%d of %d broken pairs can be taken apart in their state", done, n)
	require.Greater(t, done, n/2)
}

func TestCatalogueIsDeterministic(t *testing.T) {
	render := func(cases []Case) string {
		var b strings.Builder
		for _, c := range cases {
			fmt.Fprintf(&b, "%s %s %v %s\n", c.Name, c.Kind, c.Rules, c.World)
			for _, r := range append(slices.Clone(c.Setup), c.Probe) {
				writeKey(&b, r)
			}
		}
		return b.String()
	}
	first := render(compute(world(), Everything()).cases)
	for range 3 {
		require.True(t, first == render(compute(world(), Everything()).cases))
	}
}

func TestCatalogueSizes(t *testing.T) {
	kinds, requests, shared, last := map[string]int{}, 0, 0, ""
	for _, c := range Catalogue(world(), Everything()) {
		kinds[c.Kind]++
		requests += len(c.Setup) + 1
		if key := setupKey(c.Setup); key != last {
			shared += len(c.Setup)
			last = key
		}
		shared++
	}
	t.Logf("cases %v, requests %d, or %d where neighbours share a set-up, reads not counted", kinds, requests, shared)
	require.Less(t, requests, 6000)
}

func TestDrawnRequestsAreWithinScope(t *testing.T) {
	for name, scope := range scopes() {
		t.Run(name, func(t *testing.T) {
			g := New(scope)
			for seed := range 300 {
				s := scope.Initial(world())
				for _, r := range g.Sequence(world()).Example(seed) {
					if name != "nothing" {
						require.True(t, scope.Allows(r), "%+v", r)
					}
					s = model.Step(s, r)[0].Next
					require.LessOrEqual(t, len(s.Trails), scope.mostTrails())
					require.LessOrEqual(t, len(s.Stores), scope.mostStores())
				}
			}
		})
	}
}

func TestNeverAnEmptyStoreBesideATrail(t *testing.T) {
	empty := func(v model.Value) bool { return v.Kind() == model.String && v.Text() == "" }
	check := func(r model.Request) {
		if r.Input.Get("TrailName").Given() {
			require.False(t, empty(r.Input.Get("EventDataStore")) || empty(r.Input.Get("InsightsDestination")), "%s", r.Input)
		}
	}
	for _, c := range Catalogue(world(), Everything()) {
		check(c.Probe)
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
			for _, read := range g.Reads(next, r) {
				if !read.Op.Reads() || len(model.Step(next, read)) == 0 {
					rt.Fatal("not a read")
				}
			}
			tracker.Follow(next)
			_ = g.Draw(rt, next)
		}
	})
}

func TestReads(t *testing.T) {
	s, ok := reference(model.NewState(world()), Create(NameAlpha), Start(NameAlpha), Create(NameBeta), CreateStore(0, SourceStore), in(model.DefaultWorld.Away, Create(NameAlpha)))
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
	require.Equal(t, []string{"GetInsightSelectors alpha", "GetTrail alpha", "GetInsightSelectors beta", away, store}, ops(Reads(s, Put(NameAlpha, setA), Everything())))
	require.Equal(t, []string{"GetInsightSelectors alpha", "GetTrail alpha", "GetEventSelectors alpha", "GetInsightSelectors beta", away, store},
		ops(Reads(s, PutEvents(s.World.TrailARN(s.World.Home, NameAlpha), EventClasses()[1]), Everything())))
	require.Equal(t, []string{store, "GetEventDataStore " + model.StoreID(0), "GetInsightSelectors alpha", "GetInsightSelectors beta", away}, ops(Reads(s, CreateStore(0, SourceStore), Everything())))
	require.Empty(t, Reads(s, Get(NameAlpha), Everything()))
	gone, _ := reference(s, Delete(NameBeta))
	require.Equal(t, "GetInsightSelectors beta", ops(Reads(gone, Delete(NameBeta), Everything()))[0])
	require.Equal(t, "GetInsightSelectors beta", ops(Reads(gone, Delete(s.World.TrailARN(s.World.Home, NameBeta)), Everything()))[0])
}

// walk follows a tour with the branch that choose picks, and returns the number of steps.
func walk(t *testing.T, tour *Tour, choose func([]model.Branch) int) int {
	s := trailState()
	steps := 0
	for {
		r, ok := tour.Next(s, NameAlpha)
		if !ok {
			return steps
		}
		tour.Covered(s, r)
		branches := model.Step(s, r)
		s = branches[choose(branches)].Next
		steps++
		require.Less(t, steps, 20000)
	}
}

func TestTourCoversEverything(t *testing.T) {
	all := NewTour(Everything(), 0, 1)
	require.Equal(t, 128*24, all.Total())
	for _, parts := range []int{1, 2, 4, 7} {
		total, steps := 0, 0
		for part := range parts {
			tour := NewTour(Everything(), part, parts)
			n := walk(t, tour, func([]model.Branch) int { return 0 })
			require.Equal(t, tour.Total(), tour.Count())
			total += tour.Total()
			steps += n
		}
		t.Logf("%d parts: %d transitions in %d steps", parts, total, steps)
		require.Equal(t, all.Total(), total)
		if parts == 1 {
			require.LessOrEqual(t, steps*10, total*13)
		}
	}
}

func TestTourWithoutEventSelectors(t *testing.T) {
	scope := Everything()
	delete(scope.Can, model.CanPutEvents)
	tour := NewTour(scope, 0, 1)
	require.Equal(t, 4*16, tour.Total())
	walk(t, tour, func([]model.Branch) int { return 0 })
	require.Equal(t, tour.Total(), tour.Count())
}

// A target that takes accepted alternatives does not reach all states: the tour ends all the same.
func TestTourEndsBesideTheReference(t *testing.T) {
	tour := NewTour(Everything(), 0, 1)
	steps := walk(t, tour, func(branches []model.Branch) int {
		return max(0, slices.IndexFunc(branches, func(b model.Branch) bool { return b.Rule != "" && b.Answer.Outcome != model.Refused }))
	})
	t.Logf("always an alternative that succeeds: %d of %d in %d steps", tour.Count(), tour.Total(), steps)
	require.Greater(t, tour.Count(), 500)
	turn := 0
	tour = NewTour(Everything(), 0, 1)
	steps = walk(t, tour, func(branches []model.Branch) int { turn++; return turn % len(branches) })
	t.Logf("another alternative each time: %d of %d in %d steps", tour.Count(), tour.Total(), steps)
}

func BenchmarkRequest(b *testing.B) {
	g := New(Everything())
	s, _ := reference(trailState(), CreateStore(0, SourceStore), CreateStore(1, InsightStore))
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

func BenchmarkCatalogue(b *testing.B) {
	for b.Loop() {
		compute(world(), Everything())
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		New(Everything())
	}
}

func BenchmarkTour(b *testing.B) {
	tour := NewTour(Everything(), 0, 1)
	s := trailState()
	for b.Loop() {
		r, ok := tour.Next(s, NameAlpha)
		if !ok {
			tour, s = NewTour(Everything(), 0, 1), trailState()
			continue
		}
		tour.Covered(s, r)
		s = model.Step(s, r)[0].Next
	}
}

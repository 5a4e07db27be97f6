package catalogue

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// scopes are those of the targets that the project knows: all, a typed client, an emulator with
// trails alone, a mock with the two operations, which lends trails that exist beforehand.
func scopes() map[string]generators.Scope {
	without := func(missing ...model.Capability) generators.Scope {
		s := generators.Everything()
		for _, c := range missing {
			delete(s.Can, c)
		}
		return s
	}
	mock := generators.Scope{Can: map[model.Capability]bool{model.CanPut: true, model.CanGet: true, model.CanCreate: true}}
	return map[string]generators.Scope{
		"everything":    generators.Everything(),
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

// reached is the state after the set-up of a case.
func reached(t *testing.T, w *model.World, c Case) model.State {
	s, ok := model.NewState(w), true
	for _, r := range c.Setup {
		s, ok = follow(s, r)
		require.True(t, ok, "%#v", c.Requests())
	}
	return s
}

func TestCatalogueCases(t *testing.T) {
	for name, scope := range scopes() {
		t.Run(name, func(t *testing.T) {
			known := map[string]bool{}
			for _, c := range Cases(world(), scope) {
				key := fmt.Sprint(c.Kind == kindScenario, generators.Key(c.Requests()...))
				require.False(t, known[key], "twice: %#v", c.Requests())
				known[key] = true
				require.True(t, scope.Allows(c.Requests()...), "%#v", c.Requests())
				s := reached(t, world(), c)
				if c.Kind != kindScenario && !c.Probe.Malformed() && !slices.ContainsFunc(c.Rules, func(id model.ID) bool { return id.Family() == "wire" && id != model.WireWrongType }) {
					broken := slices.DeleteFunc(model.Broken(s, c.Probe), func(id model.ID) bool { return !scope.Applies(id) })
					require.ElementsMatch(t, c.Rules, broken, "%#v", c.Requests())
				}
				if c.Kind == KindRule && name == "everything" {
					require.Equal(t, c.Rules, model.Broken(s, c.Probe), "%#v", c.Requests())
					for _, b := range model.Step(s, c.Probe) {
						require.True(t, b.Answer.Outcome == model.Refused || model.RuleOf(c.Rules[0]).MayPass, "may succeed: %#v", c.Requests())
					}
				}
			}
		})
	}
}

func TestNeverAnEmptyStoreBesideATrail(t *testing.T) {
	empty := func(v value.Value) bool { return v.Kind() == value.String && v.Text() == "" }
	for _, c := range Cases(world(), generators.Everything()) {
		if in := c.Probe.Input; in.Get("TrailName").Given() {
			require.False(t, empty(in.Get("EventDataStore")) || empty(in.Get("InsightsDestination")), "%s", in)
		}
	}
}

func TestCatalogueHasEveryRule(t *testing.T) {
	for name, scope := range scopes() {
		if name == "nothing" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			cases := map[model.ID]int{}
			for _, c := range Cases(world(), scope) {
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
		model.PutOverwritesCategories: "needs data events, which cannot be logged",
	},
}

// Without StartLogging the trails of a world log from the start.
func TestCatalogueWithoutStartLogging(t *testing.T) {
	scope := generators.Everything()
	delete(scope.Can, model.CanLog)
	delete(scope.Can, model.CanStop)
	w := world()
	w.NoStart = true
	for _, c := range Cases(w, scope) {
		s := reached(t, w, c)
		for _, x := range s.Trails {
			require.True(t, x.Logging, "%#v", c.Requests())
		}
	}
	for _, id := range model.ErrorRules() {
		_, _, ok := Minimal(id, model.OpPut, w, scope)
		require.True(t, ok, id)
	}
}

func TestMinimalAndPairs(t *testing.T) {
	scope := generators.Everything()
	for _, id := range model.ErrorRules() {
		setup, probe, ok := Minimal(id, model.OpPut, world(), scope)
		require.True(t, ok, id)
		s, ok := generators.Reference(model.NewState(world()), setup...)
		require.True(t, ok)
		require.Equal(t, []model.ID{id}, model.Broken(s, probe))
	}
	_, _, ok := Minimal(model.PutStores, model.OpPut, world(), scope)
	require.False(t, ok)
	apart := map[[2]model.ID]bool{}
	for _, p := range Pairs(world(), scope) {
		apart[p.Rules] = !p.Found
	}
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
		require.Equal(t, want, apart[pair], "%v", pair)
	}
}

func TestBreakingRepairsAllButOne(t *testing.T) {
	n, done := 0, 0
	for _, c := range Cases(world(), generators.Everything()) {
		if c.Kind != KindPair {
			continue
		}
		s, _ := generators.Reference(model.NewState(world()), c.Setup...)
		for _, id := range c.Rules {
			n++
			if r, ok := Breaking(s, id, c.Probe); ok {
				done++
				require.Equal(t, []model.ID{id}, model.Broken(s, r), "%#v: %s", c.Requests(), id)
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
			fmt.Fprintf(&b, "%s %v\n%s", c.Kind, c.Rules, generators.Key(c.Requests()...))
		}
		return b.String()
	}
	first := render(compute(world(), generators.Everything()).cases)
	for range 3 {
		require.True(t, first == render(compute(world(), generators.Everything()).cases))
	}
}

func TestCatalogueSizes(t *testing.T) {
	kinds, requests, shared, last := map[string]int{}, 0, 0, ""
	for _, c := range Cases(world(), generators.Everything()) {
		kinds[c.Kind]++
		requests += len(c.Setup) + 1
		if c.World != last {
			shared += len(c.Setup)
			last = c.World
		}
		shared++
	}
	t.Logf("cases %v, requests %d, or %d where neighbours share a set-up, reads not counted", kinds, requests, shared)
	require.Less(t, requests, 6000)
}

func BenchmarkCatalogue(b *testing.B) {
	for b.Loop() {
		compute(world(), generators.Everything())
	}
}

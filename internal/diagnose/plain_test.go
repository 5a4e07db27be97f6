package diagnose_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/internal/diagnose"
	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets/embedded"
)

// several are faults of a server that has many: each differs from the next in kind.
func several(n int) string {
	var names []string
	for i := n; len(names) < 4; i += 37 {
		if f := embedded.Faults[i%len(embedded.Faults)]; !f.Computed && !slices.Contains(flaky, f.Name) {
			names = append(names, f.Name)
		}
	}
	return strings.Join(names, "+")
}

// needRefusal are the rules that no case shows in which nothing is refused before the answer that breaks them.
var needRefusal = []model.ID{model.ErrorAtomic, model.PutDuplicateDiffering}

// TestShownCasesArePlain: on a server with several faults a shown case breaks no rule beside the one, and rests on nothing
// that is inferred.
func TestShownCasesArePlain(t *testing.T) {
	shown := 0
	for n := range 32 {
		faults := several(n)
		t.Run(faults, func(t *testing.T) {
			x := newFinder(t, faults)
			x.shrinks = 20_000
			for _, d := range x.find(t.Context(), uint64(n)) {
				shown++
				plain := diagnose.Plainness(d.Steps)
				if slices.Contains(needRefusal, d.Finding.Rule) {
					plain[0]--
				}
				if d.Finding.Level > model.Inferred {
					assert.Equal(t, []int{0, 0}, plain[:2], "%s:%s", d.Finding.Signature(), describe(session.Requests(d.Steps)))
				}
			}
		})
	}
	assert.Greater(t, shown, 40)
}

// plainest searches all short sequences of the alphabet for one that is plainer than the steps; nil where none is. The
// alphabet is that of the result with what would be simpler: what is refused at once and set-ups are in it.
func (s *search) plainest(ctx context.Context, steps []session.Step) []session.Step {
	best := steps
	frontier := [][]model.Request{nil}
	for depth := 1; depth <= len(steps); depth++ {
		var next [][]model.Request
		for _, prefix := range frontier {
			for _, letter := range s.alphabet {
				candidate := append(slices.Clip(prefix), letter)
				played, err := s.player.Play(ctx, candidate, showing(s.sight))
				if err != nil {
					continue
				}
				at := shownAt(played, s.sight)
				if at >= 0 && slices.Compare(diagnose.Plainness(played.Steps[:at+1])[:3], diagnose.Plainness(best)[:3]) < 0 {
					best = played.Steps[:at+1]
				}
				if at < 0 && played.Lost == "" {
					next = append(next, candidate)
				}
			}
		}
		frontier = next
	}
	if len(best) == len(steps) && &best[0] == &steps[0] {
		return nil
	}
	return best
}

// TestPlainestByEnumeration: of all sequences up to the length of a short result none is plainer.
func TestPlainestByEnumeration(t *testing.T) {
	searched := 0
	for n := range len(embedded.Faults) {
		f := embedded.Faults[n]
		if n%9 != 5 || f.Computed || slices.Contains(flaky, f.Name) {
			continue
		}
		x := newFinder(t, f.Name)
		found := x.find(t.Context(), 1)
		require.NotEmpty(t, found, f.Name)
		s := x.shrinkOne(t.Context(), f.Name, found[0])
		if len(s.result) > 3 {
			continue
		}
		searched++
		search := x.newSearch(s, 0)
		search.alphabet = search.alphabet[:min(12, len(search.alphabet))]
		if best := search.plainest(t.Context(), s.result); best != nil {
			t.Errorf("%s: %s: not the plainest:%s\n  plainer:%s", f.Name, s.signature, describe(session.Requests(s.result))+fmt.Sprint(diagnose.Plainness(s.result)),
				describe(session.Requests(best))+fmt.Sprint(diagnose.Plainness(best)))
		}
	}
	assert.Greater(t, searched, 10)
}

// TestWhatIsNotNeededIsRepaired: whatever else the case that was met breaks, the one that is shown breaks one rule. Each
// fault that one of some overloaded requests shows is looked into from there.
func TestWhatIsNotNeededIsRepaired(t *testing.T) {
	badType := value.ListOf(value.Obj("InsightType", "ApiC"))
	source, data := model.StoreID(0), generators.With(generators.PutStore(model.StoreID(0), model.StoreID(1), 0), "InsightSelectors", badType)
	stores := []model.Request{generators.CreateStore(0, generators.DataStore), generators.CreateStore(1, generators.InsightStore)}
	overloaded := [][]model.Request{
		append(stores, data),
		append(stores, generators.With(data, "InsightsDestination", value.Str(source))),
		{generators.With(generators.PutList("nobody", badType), "InsightsDestination", value.Str("arn:a"))},
		{generators.With(generators.With(generators.Get("a"), "TrailName", value.Num("5")), "EventDataStore", value.Str("ab"))},
		{generators.GetTrail(strings.Repeat("x", 129))},
		{generators.With(generators.Get(strings.Repeat("x", 129)), "EventDataStore", value.Str("arn:a"))},
	}
	met := 0
	for _, f := range embedded.Faults {
		if f.Computed {
			continue
		}
		for _, requests := range overloaded {
			x := newFinder(t, f.Name)
			s, err := x.player.Play(t.Context(), requests, func(s *session.Session) bool { return len(s.Found) > 0 })
			if err != nil || len(s.Found) == 0 || diagnose.Plainness(s.Steps)[0] == 0 {
				continue
			}
			met++
			x.shrinks = 20_000
			for _, d := range x.resolve(t.Context(), []*diagnose.Divergence{diagnose.Suspect(s, s.Found[0].Finding)}) {
				assert.Equal(t, []int{0, 0}, diagnose.Plainness(d.Steps)[:2], "%s: %s:%s", f.Name, d.Finding.Signature(), describe(session.Requests(d.Steps)))
			}
		}
	}
	assert.Greater(t, met, 5)
}

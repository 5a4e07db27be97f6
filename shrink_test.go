package conform

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/generators/catalogue"
	"github.com/insightconform/conform/generators/machine"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets/embedded"
)

// What shrinking promises. All are counts, so that a slow machine does not matter.
const (
	medianExecutions = 60
	shareOfShortest  = 0.95
)

// flaky lists the faults that do not answer the same to the same requests on a fresh world: no
// sequence is the shortest for them.
var flaky = []string{"one-get-in-25-is-wrong"}

// exploration finds divergences of one fault, in process.
type exploration struct {
	run *run
	*confirmer
}

func newExploration(t testing.TB, fault string) *exploration {
	t.Helper()
	options := Options{Workers: 1}
	require.NoError(t, options.complete())
	r := &run{options: options, target: embedded.InProcess(embedded.ServerOptions{Fault: fault}), shared: newShared(), started: time.Now()}
	info, err := r.target.Open(t.Context())
	require.NoError(t, err)
	r.info = info
	r.newReport()
	require.NoError(t, r.prepare(t.Context()))
	return &exploration{r, r.newConfirmer()}
}

// allCases is the systematic suite of a target that can do everything. It is large and the same for
// all faults.
var allCases = sync.OnceValue(func() []catalogue.Case {
	return catalogue.Cases(&model.DefaultWorld, generators.Everything())
})

// find explores at random, which leaves more to shrink than the systematic suite does, until there is
// something to confirm. What chance does not find in time the systematic suite does.
func (x *exploration) find(ctx context.Context, seed uint64) []*divergence {
	explorer := x.run.newExplorer(machine.NewTour(x.scope, 0, 1))
	explore := func(requests int, how func()) {
		if len(explorer.suspicions) == 0 {
			explorer.quota = explorer.requests + requests
			how()
		}
	}
	for i := range uint64(20) {
		explore(200, func() { explorer.random(ctx, seed+1000*i, nil) })
	}
	explore(unlimited/2, func() { explorer.catalogue(ctx, allCases()) })
	explore(unlimited/2, func() { explorer.walk(ctx) })
	found := x.resolve(ctx, explorer.suspicions.sorted())
	x.confirm(ctx, found)
	return slices.DeleteFunc(found, func(d *divergence) bool { return d.again == 0 })
}

// shrunk is what shrinking made of one divergence, and what that took.
type shrunk struct {
	fault                string
	signature            string
	original, result     []step
	executions, requests int
	whole                bool
}

func (x *exploration) shrinkOne(ctx context.Context, fault string, d *divergence) shrunk {
	out := shrunk{fault: fault, signature: d.raw, original: d.steps}
	before := x.requests
	out.executions, out.whole = x.shrink(ctx, d, MaxShrinkRequests)
	out.requests, out.result = x.requests-before, d.steps
	return out
}

// shows plays requests and returns the steps up to the one that shows a signature, nil where none does.
func (x *exploration) shows(ctx context.Context, requests []model.Request, signature string) []step {
	session, at := x.watch(ctx, requests, signature)
	if at < 0 {
		return nil
	}
	return session.steps[:at+1]
}

// simplerThan returns a one-step simplification of a case that still shows its signature, nil where
// there is none: then the case is minimal.
func (x *exploration) simplerThan(ctx context.Context, s shrunk) []model.Request {
	requests := requestsOf(s.result)
	candidates := oneStepSimpler(requests)
	for _, candidate := range candidates {
		// What a replay reads back may add the very step that was left out.
		if again := x.shows(ctx, candidate, s.signature); again != nil && keyOf(requestsOf(again)) != keyOf(requests) {
			return candidate
		}
	}
	return nil
}

// oneStepSimpler is written apart from the passes of the shrinker, for what they may forget: each step
// left out, each pair of steps left out where the case is short, each single value made simpler.
func oneStepSimpler(requests []model.Request) [][]model.Request {
	var out [][]model.Request
	for i := range requests {
		rest := slices.Delete(slices.Clone(requests), i, i+1)
		out = append(out, rest)
		for j := i; j < len(rest) && len(rest) <= maxPaired; j++ {
			out = append(out, slices.Delete(slices.Clone(rest), j, j+1))
		}
	}
	return append(out, simplerCases(requests)...)
}

func describe(requests []model.Request) string {
	text := ""
	for _, r := range requests {
		text += fmt.Sprintf("\n    %#v", r)
	}
	return text
}

// search looks for the shortest sequence that shows a signature.
type search struct {
	*exploration
	signature string
	alphabet  []model.Request
	plays     int // left
}

// maxLetters bounds the alphabet of a search.
const maxLetters = 16

// newSearch takes for an alphabet what the result and the original case say, what would be simpler, and
// what sets their states up.
func (x *exploration) newSearch(s shrunk, plays int) *search {
	found := &search{exploration: x, signature: s.signature, plays: plays}
	known := map[string]bool{}
	add := func(requests ...model.Request) {
		for _, r := range requests {
			if key := keyOf([]model.Request{r}); !known[key] && len(found.alphabet) < maxLetters {
				known[key] = true
				found.alphabet = append(found.alphabet, r)
			}
		}
	}
	add(requestsOf(s.result)...)
	names := map[string]bool{}
	for _, r := range requestsOf(s.result) {
		if name := nameOf(r); name != "" && r.Op == model.OpCreate && !names[name] {
			names[name] = true
			for _, canonical := range []model.Request{generators.PlainPut(name), generators.Put(name, 0), generators.Get(name), generators.Start(name), generators.Stop(name), generators.GetTrail(name)} {
				canonical.Region = r.Region
				add(canonical)
			}
		}
	}
	for _, state := range statesBefore(x.model, s.result) {
		add(generators.SetUp(state, x.scope)...)
	}
	for _, r := range requestsOf(s.result) {
		add(simplerRequests(r)...)
	}
	original := requestsOf(s.original)
	slices.Reverse(original) // what came last matters most
	add(original...)
	return found
}

// shortest searches breadth first for a sequence that shows the signature in at most the given number
// of steps. It returns the first that it finds, its steps as shown, and how deep it has searched.
//
// Faulty servers cannot be cloned, so each sequence is played on a fresh world. Two sequences count as
// the same where the model is in the same state after them and all that a faulty server might
// remember in a usual way is the same, see memory.
func (s *search) shortest(ctx context.Context, length int) (sequence []step, depth int) {
	frontier := [][]model.Request{nil}
	seen := map[string]bool{}
	for depth = 1; depth <= length; depth++ {
		var next [][]model.Request
		for _, prefix := range frontier {
			for _, letter := range s.alphabet {
				if s.plays--; s.plays < 0 || ctx.Err() != nil {
					return sequence, depth - 1
				}
				candidate := append(slices.Clip(prefix), letter)
				session, at := s.watch(ctx, candidate, s.signature)
				if at >= 0 && at < length {
					// What is read back may count as steps: later sequences of this depth may have fewer.
					length, sequence = at, session.steps[:at+1]
				}
				if session == nil || at >= 0 || session.lost != "" {
					continue
				}
				if key := memory(session); !seen[key] {
					seen[key] = true
					next = append(next, candidate)
				}
			}
			if len(sequence) == depth {
				return sequence, depth
			}
		}
		frontier = next
	}
	return sequence, depth - 1
}

// memory tells apart what may make a difference later: the model's states, the last two answers, and
// how often each operation that writes was called.
func memory(s *session) string {
	key := ""
	for _, state := range append([]model.State{s.tracker.State()}, s.tracker.Others()...) {
		key += fmt.Sprint(state.Trails, state.Stores)
	}
	for _, x := range s.history[max(0, len(s.history)-2):] {
		key += fmt.Sprint(x.Request.Op, x.Answer)
	}
	counts := map[model.Op]int{}
	for i := range s.steps {
		if op := s.steps[i].request.Op; !op.Reads() {
			counts[op]++
		}
	}
	return key + fmt.Sprint(counts)
}

// TestShrinking: what is shrunk is minimal, mostly the shortest there is, and cheap.
func TestShrinking(t *testing.T) {
	// The plays of a breadth-first search cost the time of this test: half a minute here, some minutes in CI.
	stride, seeds, searching := 4, uint64(1), 60_000
	if os.Getenv("CI") != "" {
		stride, seeds, searching = 2, 1, 60_000
	}
	var mu sync.Mutex
	var all []shrunk
	shortest, longer, met := 0, 0, 0
	t.Run("faults", func(t *testing.T) {
		for i, f := range embedded.Faults {
			if i%stride != 0 || f.Computed || slices.Contains(flaky, f.Name) {
				continue
			}
			t.Run(f.Name, func(t *testing.T) {
				t.Parallel()
				for seed := range seeds {
					x := newExploration(t, f.Name)
					found := x.find(t.Context(), seed+1)
					require.NotEmpty(t, found)
					s := x.shrinkOne(t.Context(), f.Name, found[0])
					if s.whole {
						if simpler := x.simplerThan(t.Context(), s); simpler != nil {
							t.Errorf("%s: not minimal:%s\n  since this shows it too:%s", s.signature, describe(requestsOf(s.result)), describe(simpler))
						}
					}
					// The search must come upon a case as short as the result, too, or it says little.
					best, depth := x.newSearch(s, searching).shortest(t.Context(), len(s.result))
					shorter := best != nil && len(best) < len(s.result)
					if shorter {
						t.Logf("%s: %d steps:%s\n  where %d do:%s", s.signature, len(s.result), describe(requestsOf(s.result)), len(best), describe(requestsOf(best)))
					}
					if best == nil {
						t.Logf("%s: %d steps, searched to a depth of %d, the budget was enough: %v:%s", s.signature, len(s.result), depth, s.whole, describe(requestsOf(s.result)))
					}
					mu.Lock()
					all = append(all, s)
					ended := best != nil || depth >= len(s.result)-1
					shortest += boolInt(ended && !shorter)
					longer += boolInt(shorter)
					met += boolInt(best != nil)
					mu.Unlock()
				}
			})
		}
	})
	if len(all) == 0 {
		return
	}
	executions, requests := costs(all)
	whole := 0
	for _, s := range all {
		whole += boolInt(s.whole)
	}
	t.Logf("%d divergences, %d shrunk within the budget; executions: median %d, at most %d; requests: median %d, at most %d; shortest: %d, longer: %d, the rest not searched to the end; met again by the search: %d",
		len(all), whole, executions[len(executions)/2], executions[len(executions)-1], requests[len(requests)/2], requests[len(requests)-1], shortest, longer, met)
	assert.LessOrEqual(t, executions[len(executions)/2], medianExecutions)
	assert.LessOrEqual(t, requests[len(requests)-1], MaxShrinkRequests)
	// What the search gives up on does not count as shortest.
	assert.GreaterOrEqual(t, float64(shortest), shareOfShortest*float64(len(all)))
}

// costs lists what shrinking took, sorted.
func costs(all []shrunk) (executions, requests []int) {
	for _, s := range all {
		executions, requests = append(executions, s.executions), append(requests, s.requests)
	}
	slices.Sort(executions)
	slices.Sort(requests)
	return executions, requests
}

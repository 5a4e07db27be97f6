package diagnose_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/internal/diagnose"
	"github.com/insightconform/conform/internal/explore"
	"github.com/insightconform/conform/internal/probe"
	"github.com/insightconform/conform/internal/session"
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

// finder finds divergences of one fault, in process.
type finder struct {
	subject *probe.Subject
	player  *diagnose.Player
	shrinks int // requests for shrinking what is found; 0 leaves it as it was met
}

func newFinder(t testing.TB, fault string) *finder {
	t.Helper()
	subject, err := probe.Open(t.Context(), embedded.InProcess(embedded.ServerOptions{Fault: fault}), probe.Options{Workers: 1})
	require.NoError(t, err)
	return &finder{subject: subject, player: diagnose.NewPlayer(subject.NewClient())}
}

// find explores at random, which leaves more to shrink than the systematic suite does, until there is
// something to confirm. What chance does not find in time the systematic suite does.
func (x *finder) find(ctx context.Context, seed uint64) []*diagnose.Divergence {
	look := func(o explore.Options) []*diagnose.Divergence {
		exploration := explore.New(x.subject, o)
		exploration.Run(ctx)
		return exploration.Workers[0].Suspicions.Sorted()
	}
	var suspected []*diagnose.Divergence
	for i := uint64(0); i < 20 && len(suspected) == 0; i++ {
		suspected = look(explore.Options{Suites: []string{explore.Random}, Requests: 200, Seed: seed + 1000*i})
	}
	if len(suspected) == 0 {
		suspected = look(explore.Options{Suites: []string{explore.Systematic}})
	}
	return x.resolve(ctx, suspected)
}

// resolve looks into suspicions and returns what was confirmed.
func (x *finder) resolve(ctx context.Context, suspected []*diagnose.Divergence) []*diagnose.Divergence {
	found := x.player.Resolve(ctx, suspected, diagnose.Options{ShrinkRequests: x.shrinks, Tell: func(string, *diagnose.Divergence) {}, Note: func(string) {}})
	return slices.DeleteFunc(found, func(d *diagnose.Divergence) bool { return d.Again == 0 })
}

// sight is what a case must show to be the same divergence.
type sight struct {
	signature string
	harm      bool
}

// shrunk is what shrinking made of one divergence, and what that took.
type shrunk struct {
	fault string
	sight
	original, result     []session.Step
	executions, requests int
	whole                bool
}

func (x *finder) shrinkOne(ctx context.Context, fault string, d *diagnose.Divergence) shrunk {
	out := shrunk{fault: fault, sight: sight{d.Raw, d.Harm}, original: d.Steps}
	before := x.player.Client.Requests
	out.executions, out.whole = x.player.Shrink(ctx, d, diagnose.MaxShrinkRequests)
	out.requests, out.result = x.player.Client.Requests-before, d.Steps
	return out
}

// shows plays requests and returns the steps up to the one that shows what is wanted, nil where none does.
func (x *finder) shows(ctx context.Context, requests []model.Request, wanted sight) []session.Step {
	s, err := x.player.Play(ctx, requests, showing(wanted))
	if at := shownAt(s, wanted); err == nil && at >= 0 {
		return s.Steps[:at+1]
	}
	return nil
}

func showing(wanted sight) func(*session.Session) bool {
	return func(s *session.Session) bool { return shownAt(s, wanted) >= 0 }
}

// shownAt is the step that showed what is wanted, -1 where none did.
func shownAt(s *session.Session, wanted sight) int {
	if s == nil {
		return -1
	}
	i := slices.IndexFunc(s.Found, func(f session.Found) bool {
		return f.Signature() == wanted.signature && (f.Harm || !wanted.harm)
	})
	if i < 0 {
		return -1
	}
	return s.Found[i].At
}

// simplerThan returns a one-step simplification of a case that still shows its signature, nil where
// there is none: then the case is minimal.
func (x *finder) simplerThan(ctx context.Context, s shrunk) []model.Request {
	requests := session.Requests(s.result)
	candidates := oneStepSimpler(requests)
	for _, candidate := range candidates {
		// What a replay reads back may add the very step that was left out.
		again := x.shows(ctx, candidate, s.sight)
		if again != nil && generators.Key(session.Requests(again)...) != generators.Key(requests...) && !plainer(s.result, again) {
			return candidate
		}
	}
	return nil
}

// plainer reports whether the first steps are plainer, whatever their requests say.
func plainer(a, b []session.Step) bool {
	return slices.Compare(diagnose.Plainness(a)[:2], diagnose.Plainness(b)[:2]) < 0
}

// oneStepSimpler is written apart from the passes of the shrinker, for what they may forget: each step
// left out, each pair of steps left out where the case is short, each single value made simpler.
func oneStepSimpler(requests []model.Request) [][]model.Request {
	var out [][]model.Request
	for i := range requests {
		rest := slices.Delete(slices.Clone(requests), i, i+1)
		out = append(out, rest)
		for j := i; j < len(rest) && len(rest) <= diagnose.MaxPaired; j++ {
			out = append(out, slices.Delete(slices.Clone(rest), j, j+1))
		}
	}
	return append(out, diagnose.SimplerCases(requests)...)
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
	*finder
	sight
	alphabet []model.Request
	plays    int // left
	result   []session.Step
}

// maxLetters bounds the alphabet of a search.
const maxLetters = 16

// newSearch takes for an alphabet what the result and the original case say, what would be simpler, and
// what sets their states up.
func (x *finder) newSearch(s shrunk, plays int) *search {
	found := &search{finder: x, sight: s.sight, plays: plays, result: s.result}
	known := map[string]bool{}
	add := func(requests ...model.Request) {
		for _, r := range requests {
			if key := generators.Key(r); !known[key] && len(found.alphabet) < maxLetters {
				known[key] = true
				found.alphabet = append(found.alphabet, r)
			}
		}
	}
	add(session.Requests(s.result)...)
	names := map[string]bool{}
	for _, r := range session.Requests(s.result) {
		if name := diagnose.NameOf(r); name != "" && r.Op == model.OpCreate && !names[name] {
			names[name] = true
			for _, canonical := range []model.Request{generators.PlainPut(name), generators.Put(name, 0), generators.Get(name), generators.Start(name), generators.Stop(name), generators.GetTrail(name)} {
				canonical.Region = r.Region
				add(canonical)
			}
		}
	}
	for _, step := range s.result {
		add(generators.SetUp(step.Before, x.subject.Scope)...)
	}
	for _, r := range session.Requests(s.result) {
		add(diagnose.SimplerRequests(r)...)
	}
	original := session.Requests(s.original)
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
func (s *search) shortest(ctx context.Context, length int) (sequence []session.Step, depth int) {
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
				played, err := s.player.Play(ctx, candidate, showing(s.sight))
				at := shownAt(played, s.sight)
				if at >= 0 && at < length && !plainer(s.result, played.Steps[:at+1]) {
					// What is read back may count as steps: later sequences of this depth may have fewer.
					length, sequence = at, played.Steps[:at+1]
				}
				if err != nil || at >= 0 || played.Lost != "" {
					continue
				}
				if key := memory(played); !seen[key] {
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
func memory(s *session.Session) string {
	key := ""
	for _, state := range append([]model.State{s.State()}, s.Others()...) {
		key += fmt.Sprint(state.Trails, state.Stores)
	}
	for _, x := range s.Steps[max(0, len(s.Steps)-2):] {
		key += fmt.Sprint(x.Request.Op, x.Reply.Answer)
	}
	counts := map[model.Op]int{}
	for i := range s.Steps {
		if op := s.Steps[i].Request.Op; !op.Reads() {
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
	t.Logf("one fault of %d is shrunk; CI=true shrinks one of 2", stride)
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
					x := newFinder(t, f.Name)
					found := x.find(t.Context(), seed+1)
					require.NotEmpty(t, found)
					s := x.shrinkOne(t.Context(), f.Name, found[0])
					if s.whole {
						if simpler := x.simplerThan(t.Context(), s); simpler != nil {
							t.Errorf("%s: not minimal:%s\n  since this shows it too:%s", s.signature, describe(session.Requests(s.result)), describe(simpler))
						}
					}
					// The search must come upon a case as short as the result, too, or it says little.
					best, depth := x.newSearch(s, searching).shortest(t.Context(), len(s.result))
					shorter := best != nil && len(best) < len(s.result)
					if shorter {
						t.Logf("%s: %d steps:%s\n  where %d do:%s", s.signature, len(s.result), describe(session.Requests(s.result)), len(best), describe(session.Requests(best)))
					}
					if best == nil {
						t.Logf("%s: %d steps, searched to a depth of %d, the budget was enough: %v:%s", s.signature, len(s.result), depth, s.whole, describe(session.Requests(s.result)))
					}
					mu.Lock()
					all = append(all, s)
					ended := best != nil || depth >= len(s.result)-1
					if ended && !shorter {
						shortest++
					}
					if shorter {
						longer++
					}
					if best != nil {
						met++
					}
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
		if s.whole {
			whole++
		}
	}
	t.Logf("%d divergences, %d shrunk within the budget; executions: median %d, at most %d; requests: median %d, at most %d; shortest: %d, longer: %d, the rest not searched to the end; met again by the search: %d",
		len(all), whole, executions[len(executions)/2], executions[len(executions)-1], requests[len(requests)/2], requests[len(requests)-1], shortest, longer, met)
	assert.LessOrEqual(t, executions[len(executions)/2], medianExecutions)
	assert.LessOrEqual(t, requests[len(requests)-1], diagnose.MaxShrinkRequests+20, "a case that has begun is played to its end")
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

// TestShrinkingTriesWhatMayHelp: what the model says cannot show the divergence, or would be no plainer, is not played.
func TestShrinkingTriesWhatMayHelp(t *testing.T) {
	const a = generators.NameAlpha
	both := model.MakeSelectors(model.Management, model.Management)
	requests := []model.Request{generators.Create(a), generators.Start(a), generators.Put(a, both), generators.GetTrail(a), generators.Put(a, 0),
		generators.Get(a)}
	finder := newFinder(t, "empty-list-ignored")
	s, err := finder.player.Play(t.Context(), requests, func(s *session.Session) bool { return len(s.Found) > 0 })
	require.NoError(t, err)
	require.NotEmpty(t, s.Found)
	d := diagnose.Suspect(s, s.Found[0].Finding)
	executions, whole := finder.player.Shrink(t.Context(), d, diagnose.MaxShrinkRequests)
	assert.True(t, whole)
	assert.Len(t, d.Steps, 4, describe(session.Requests(d.Steps)))
	assert.LessOrEqual(t, executions, 15)
}

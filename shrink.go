package conform

import (
	"context"
	"slices"
	"strings"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
)

// DefaultShrinkRequests is how many requests a run may spend on shrinking, MaxShrinkRequests how many
// on one divergence.
const (
	DefaultShrinkRequests = 2000
	MaxShrinkRequests     = 500
)

// shrinker reduces the case of one divergence to a sequence from which nothing can be taken and in
// which no value can be made simpler, with its signature kept. Candidates are played on fresh worlds,
// each once.
type shrinker struct {
	*confirmer
	signature  string
	budget     int // requests left for this divergence
	executions int
	known      map[string][]step // by candidate: the steps that showed the divergence, nil where none did
	reached    map[string]bool
	exhausted  bool
}

// shrink reduces a confirmed divergence within the budget and reports whether it came to an end.
func (c *confirmer) shrink(ctx context.Context, d *divergence, budget int) (executions int, whole bool) {
	s := &shrinker{confirmer: c, signature: d.raw, budget: min(budget, MaxShrinkRequests), known: map[string][]step{}, reached: map[string]bool{}}
	steps := s.reduce(ctx, d.steps, d.finding.Step)
	if len(steps) > 0 {
		d.steps = steps
	}
	return s.executions, !s.exhausted
}

// afterAnother plays the case of a divergence and returns what was found before it, nil where there is
// nothing: then it shows by itself.
func (c *confirmer) afterAnother(ctx context.Context, d *divergence) *suspicion {
	requests := requestsOf(d.steps)
	if earlier := c.before(ctx, d, requests); earlier != nil {
		return earlier
	}
	// What is accepted of a stopped trail may hide the first divergence.
	if logging := alwaysLogging(requests); len(logging) != len(requests) {
		return c.before(ctx, d, logging)
	}
	return nil
}

// before plays a case and returns what was found before the divergence, nil where that does not show.
func (c *confirmer) before(ctx context.Context, d *divergence, requests []model.Request) *suspicion {
	var earlier *suspicion
	_, at := c.watchFor(ctx, requests, func(s *session, f model.Finding) bool {
		if f.Signature() == d.raw {
			return true
		}
		if earlier == nil && c.heard(s, f) {
			earlier = &suspicion{finding: f, raw: f.Signature(), steps: slices.Clone(s.steps)}
		}
		return false
	})
	if at < 0 {
		return nil
	}
	return earlier
}

// shows plays a candidate and returns the steps up to the divergence, nil where it does not show.
func (s *shrinker) shows(ctx context.Context, candidate []model.Request) []step {
	key := keyOf(candidate)
	if steps, known := s.known[key]; known {
		return steps
	}
	if s.budget < len(candidate) || ctx.Err() != nil {
		s.exhausted = true
		return nil
	}
	before := s.requests
	session, at := s.watch(ctx, candidate, s.signature)
	s.budget -= s.requests - before
	s.executions++
	var steps []step
	if at >= 0 {
		steps = session.steps[:at+1]
	}
	s.known[key] = steps
	return steps
}

// watch plays requests and returns the index of the step that first showed a finding of the
// signature, -1 where none did.
func (c *confirmer) watch(ctx context.Context, requests []model.Request, signature string) (*session, int) {
	for tries := 1; ; tries++ {
		lost := false
		session, at := c.watchFor(ctx, requests, func(s *session, f model.Finding) bool {
			lost = !c.heard(s, f)
			return f.Signature() == signature
		})
		if at < 0 || !lost || tries == maxTries { // a lost answer must get lost each time
			return session, at
		}
	}
}

// watchFor plays requests until a finding is wanted and returns the index of the step that showed it.
func (c *confirmer) watchFor(ctx context.Context, requests []model.Request, wanted func(*session, model.Finding) bool) (*session, int) {
	at := -1
	session, err := c.attempt(ctx, requests, func(s *session) {
		s.judged = func(f model.Finding) {
			if at < 0 && wanted(s, f) {
				at, s.last = len(s.steps)-1, f
			}
		}
	}, func() bool { return at >= 0 })
	if err != nil {
		return nil, -1
	}
	return session, at
}

func keyOf(requests []model.Request) string {
	var key strings.Builder
	for _, r := range requests {
		key.WriteString(string(r.Op))
		key.WriteString(r.Region)
		key.Write(r.Input.AppendJSON(nil))
		if r.Raw != nil {
			key.WriteString(*r.Raw)
		}
		key.WriteString(r.Method)
		if r.OtherTarget {
			key.WriteByte('+')
		}
		key.WriteByte('\n')
	}
	return key.String()
}

// reduce runs the passes to a fixpoint: first the model's own set-up of the state before the last
// steps, then fewer steps, then simpler values. Leaving out pairs costs most and helps least: it waits
// until nothing else does.
func (s *shrinker) reduce(ctx context.Context, steps []step, blamed int) []step {
	if again := s.fromState(ctx, steps, blamed); again != nil {
		steps = again
	}
	for {
		before := keyOf(requestsOf(steps))
		for _, candidates := range []func([]model.Request) [][]model.Request{oneResource, fewerSteps, simplerCases} {
			steps = s.pass(ctx, steps, candidates)
		}
		if keyOf(requestsOf(steps)) == before {
			steps = s.pass(ctx, steps, withoutPairs)
		}
		if keyOf(requestsOf(steps)) == before || s.exhausted {
			return steps
		}
	}
}

// pass tries candidates in order until none of them shows the divergence. After one that does it goes
// on at the same place: what failed before that place mostly fails again, and is tried again last.
func (s *shrinker) pass(ctx context.Context, steps []step, candidates func([]model.Request) [][]model.Request) []step {
	s.reached[keyOf(requestsOf(steps))] = true
	all := candidates(requestsOf(steps))
	for next, failed := 0, 0; failed < len(all) && !s.exhausted; {
		next %= len(all)
		// What a replay reads back may add a step: a case that was reached before is no progress.
		again := s.shows(ctx, all[next])
		if again == nil || s.reached[keyOf(requestsOf(again))] {
			next++
			failed++
			continue
		}
		steps, failed = again, 0
		s.reached[keyOf(requestsOf(steps))] = true
		all = candidates(requestsOf(steps))
	}
	return steps
}

// fromState replaces all but the last steps by the shortest set-up of the state before them.
func (s *shrinker) fromState(ctx context.Context, steps []step, blamed int) []step {
	requests := requestsOf(steps)
	states := statesBefore(s.model, steps)
	tried := map[int]bool{}
	for _, from := range []int{blamed, len(steps) - 1, len(steps) - 2, len(steps) - 3, len(steps) - 5, len(steps) - 8} {
		if from < 0 || from >= len(steps) || tried[from] || (blamed < from && blamed >= 0 && from != len(steps)-1) {
			continue
		}
		tried[from] = true
		candidate := append(generators.SetUp(states[from], s.scope), requests[from:]...)
		if len(candidate) >= len(requests) {
			continue
		}
		if again := s.shows(ctx, candidate); again != nil {
			return again
		}
	}
	return nil
}

// statesBefore follows a case with the model and returns the state before each step.
func statesBefore(w *model.World, steps []step) []model.State {
	tracker := model.NewTracker(w)
	states := make([]model.State, len(steps))
	for i := range steps {
		states[i] = tracker.State()
		tracker.Observe(steps[i].request, steps[i].reply.Answer)
	}
	return states
}

// oneResource keeps only the steps that name the resource of the last one.
func oneResource(requests []model.Request) [][]model.Request {
	name := nameOf(requests[len(requests)-1])
	if name == "" {
		return nil
	}
	var kept []model.Request
	for _, r := range requests {
		if nameOf(r) == name {
			kept = append(kept, r)
		}
	}
	if len(kept) == len(requests) {
		return nil
	}
	return [][]model.Request{kept}
}

// nameOf is the name or identifier that a request has for its resource.
func nameOf(r model.Request) string {
	for _, member := range []string{"TrailName", "Name", "EventDataStore"} {
		if name := r.Input.Get(member).Text(); name != "" {
			return name[strings.LastIndex(name, "/")+1:]
		}
	}
	return ""
}

// fewerSteps leaves out chunks, large ones and late ones first. The last step stays.
func fewerSteps(requests []model.Request) [][]model.Request {
	var out [][]model.Request
	n := len(requests) - 1
	for size := max(1, n/2); size >= 1; size /= 2 {
		for end := n; end > 0; end -= size {
			start := max(0, end-size)
			out = append(out, slices.Concat(requests[:start], requests[end:]))
		}
	}
	return out
}

// maxPaired is the length of a case up to which leaving out pairs fits into the budget.
const maxPaired = 8

// withoutPairs leaves out two steps that need each other, such as a deletion and a new creation.
func withoutPairs(requests []model.Request) [][]model.Request {
	n := len(requests) - 1
	if n > maxPaired {
		return nil
	}
	var out [][]model.Request
	for i := range n {
		for j := i + 1; j < n; j++ {
			out = append(out, slices.Concat(requests[:i], requests[i+1:j], requests[j+1:]))
		}
	}
	return out
}

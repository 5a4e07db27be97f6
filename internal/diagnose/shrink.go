package diagnose

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/generators/catalogue"
	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
)

// plainness is how much a reader has to know to follow a case, the less the better: rules that its requests break beside
// the one; what of it is inferred, which is requests whose meaning is and answers that are allowed beside the reference's;
// steps; and then what the requests say.
func plainness(steps []session.Step) []int {
	broken, inferred, size := 0, 0, 0
	for i, s := range steps {
		rules, last := len(model.Broken(s.Before, s.Request)), i == len(steps)-1
		if last {
			rules = max(0, rules-1)
		}
		broken += rules
		if !last && !s.Diverges && s.Reply.Answer.Kind() != s.Allowed()[0] {
			inferred++
		}
		size += len(generators.Key(s.Request))
	}
	return []int{broken, inferred + len(inferredTraits(session.Requests(steps))), len(steps), size}
}

// inferredTraits are the controls of what single requests mean where that is inferred.
func inferredTraits(requests []model.Request) (traits []control) {
	same := func(a, b model.Request) bool { return a.Op == b.Op }
	for _, c := range controls {
		inferred := model.RuleOf(c.rule).Level == model.Inferred
		if inferred && c.applies(requests) && slices.EqualFunc(c.without(requests), requests, same) {
			traits = append(traits, c)
		}
	}
	return traits
}

// shrinker reduces the case of one divergence to a sequence from which nothing can be taken and in which no value can
// be made simpler, with its signature kept. Candidates are played on fresh worlds, each once.
type shrinker struct {
	player     *Player
	signature  string
	harm       bool // is kept
	level      model.Level
	budget     int // requests left for this divergence
	executions int
	known      map[string]*Divergence // by candidate: nil where it does not show the divergence
	reached    map[string]bool
	exhausted  bool
}

// Shrink reduces a confirmed divergence within a budget of requests and reports how many cases it
// played, and whether it came to an end.
func (p *Player) Shrink(ctx context.Context, d *Divergence, budget int) (executions int, whole bool) {
	if d.Finding.Actual == session.NoAnswer { // each case that shows it takes a time limit long
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Minute)
		defer cancel()
	}
	s := p.shrinker(d, budget)
	d.playedAs(s.reduce(ctx, d))
	return s.executions, !s.exhausted
}

func (p *Player) shrinker(d *Divergence, budget int) *shrinker {
	return &shrinker{player: p, signature: d.Raw, harm: d.Harm, level: d.Finding.Level, budget: min(budget, MaxShrinkRequests),
		known: map[string]*Divergence{}, reached: map[string]bool{}}
}

// shows plays a candidate and returns the divergence as it shows, nil where it does not.
func (s *shrinker) shows(ctx context.Context, candidate []model.Request) *Divergence {
	key := generators.Key(candidate...)
	if found, known := s.known[key]; known {
		return found
	}
	if s.budget < len(candidate) || ctx.Err() != nil {
		s.exhausted = true
		return nil
	}
	before := s.player.Client.Requests
	found := s.player.watch(ctx, candidate, s.signature)
	if found != nil && (s.harm && !found.Harm || found.Finding.Rule == model.WireNoCrash && found.Finding.Level != s.level) {
		found = nil
	}
	s.budget -= s.player.Client.Requests - before
	s.executions++
	s.known[key] = found
	return found
}

// reduce runs the passes to a fixpoint: first what need not be broken is repaired, then the model's own set-up of the
// state before the last steps, then fewer steps, then simpler values. Leaving out pairs costs most and helps least: it waits until nothing else does.
func (s *shrinker) reduce(ctx context.Context, found *Divergence) *Divergence {
	found = s.repaired(ctx, found)
	if again := s.fromState(ctx, found); again != nil {
		found = again
	}
	for {
		before := caseKey(found)
		for _, candidates := range []func([]model.Request) [][]model.Request{oneResource, fewerSteps, simplerCases} {
			found = s.pass(ctx, found, candidates)
		}
		if caseKey(found) == before {
			found = s.pass(ctx, found, withoutPairs)
		}
		if caseKey(found) == before || s.exhausted {
			return found
		}
	}
}

func caseKey(d *Divergence) string { return generators.Key(session.Requests(d.Steps)...) }

// pass tries candidates in order until none of them shows the divergence. After one that does it goes
// on at the same place: what failed before that place mostly fails again, and is tried again last.
func (s *shrinker) pass(ctx context.Context, found *Divergence, candidates func([]model.Request) [][]model.Request) *Divergence {
	s.reached[caseKey(found)] = true
	all := candidates(session.Requests(found.Steps))
	for next, failed := 0, 0; failed < len(all) && !s.exhausted; {
		if next %= len(all); !s.mayHelp(found, all[next]) {
			next++
			failed++
			continue
		}
		// What a replay reads back may add a step: a case that was reached before is no progress.
		again := s.shows(ctx, all[next])
		if again == nil || s.reached[caseKey(again)] || slices.Compare(plainness(again.Steps)[:3], plainness(found.Steps)[:3]) > 0 {
			next++
			failed++
			continue
		}
		found, failed = again, 0
		s.reached[caseKey(found)] = true
		all = candidates(session.Requests(found.Steps))
	}
	return found
}

// mayHelp reports whether a candidate can show the divergence and be plainer, by what the model says of a target that
// answers all but the last request as the reference does: most that are of no help need not be played.
func (s *shrinker) mayHelp(found *Divergence, candidate []model.Request) bool {
	end := len(found.Steps) - 1
	odd := func(x session.Step) bool { return x.Diverges || x.Reply.Answer.Kind() != x.Allowed()[0] }
	if slices.ContainsFunc(found.Steps[:end], odd) {
		return true
	}
	state, last, broken := model.NewState(s.player.Client.Model), len(candidate)-1, 0
	for _, r := range candidate[:last] {
		broken += len(model.Broken(state, r))
		state = model.Step(state, r)[0].Next
	}
	breaks := model.Broken(state, candidate[last])
	broke := model.Broken(found.Steps[end].Before, found.Steps[end].Request)
	if broken+max(0, len(breaks)-1) > plainness(found.Steps)[0] {
		return false
	}
	name, _, _ := strings.Cut(s.signature, "|")
	switch rule := model.RuleOf(model.ID(name)); { // which follows from the first rule that a request breaks
	case rule == nil || rule.ID.Family() == "wire":
		return true
	case rule.Code != "" && len(broke) > 0:
		return len(breaks) > 0 && breaks[0] == broke[0]
	}
	return len(breaks) == 0 || len(broke) > 0
}

// repaired has earlier requests that are refused be the plainest such, and the last one break one rule alone, where that
// shows the divergence.
func (s *shrinker) repaired(ctx context.Context, found *Divergence) *Divergence {
	end := len(found.Steps) - 1
	for i := range end {
		x := found.Steps[i]
		beside := others(x.Request.Input, "TrailName", "InsightSelectors")
		if x.Request.Op != model.OpPut || x.Reply.Answer.Outcome != model.Refused || len(beside) == 0 {
			continue
		}
		requests := session.Requests(found.Steps)
		plain := generators.PutList(x.Request.Input.Get("TrailName").Text(), generators.BadSelectors()[0].Value)
		requests[i] = generators.In(x.Request.Region, plain)
		if again := s.shows(ctx, requests); again != nil && len(again.Steps) == end+1 {
			found = again
		}
	}
	for _, c := range inferredTraits(session.Requests(found.Steps)) {
		if again := s.shows(ctx, c.without(session.Requests(found.Steps))); again != nil && len(again.Steps) == end+1 {
			found = again
		}
	}
	last, rule := found.Steps[end], found.Finding.Rule
	if broken := model.Broken(last.Before, last.Request); len(broken) < 2 || !slices.Contains(broken, rule) {
		return found
	}
	var candidates [][]model.Request
	if like, ok := catalogue.Breaking(last.Before, rule, last.Request); ok && last.Request.Op == model.OpPut {
		candidates = append(candidates, append(session.Requests(found.Steps[:end]), like))
	}
	if setup, probe, ok := catalogue.Minimal(rule, last.Request.Op, s.player.Client.Model, s.player.Client.Scope); ok {
		candidates = append(candidates, append(setup, probe))
	}
	for _, candidate := range candidates {
		if again := s.shows(ctx, candidate); again != nil && slices.Compare(plainness(again.Steps), plainness(found.Steps)) < 0 {
			return again
		}
	}
	return found
}

// fromState replaces all but the last steps by the shortest set-up of the state before them. A state that
// the target was followed to after a divergence is none that a set-up should make.
func (s *shrinker) fromState(ctx context.Context, found *Divergence) *Divergence {
	requests, blamed, n := session.Requests(found.Steps), found.Finding.Step, len(found.Steps)
	for _, from := range []int{blamed, n - 1, n - 2, n - 3, n - 5, n - 8} {
		if from < 0 || from >= n || (blamed < from && blamed >= 0 && from != n-1) {
			continue
		}
		if slices.ContainsFunc(found.Steps[:from], func(x session.Step) bool { return x.Diverges }) {
			continue
		}
		candidate := append(generators.SetUp(found.Steps[from].Before, s.player.Client.Scope), requests[from:]...)
		if len(candidate) >= n {
			continue
		}
		if again := s.shows(ctx, candidate); again != nil {
			return again
		}
	}
	return nil
}

// oneResource keeps only the steps that name the resource of the last one.
func oneResource(requests []model.Request) [][]model.Request {
	name := nameOf(requests[len(requests)-1])
	kept := slices.DeleteFunc(slices.Clone(requests), func(r model.Request) bool { return nameOf(r) != name })
	if name == "" || len(kept) == len(requests) {
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
func fewerSteps(requests []model.Request) (out [][]model.Request) {
	n := len(requests) - 1
	for size := max(1, n/2); size >= 1; size /= 2 {
		for end := n; end > 0; end -= size {
			start := max(0, end-size)
			out = append(out, slices.Concat(requests[:start], requests[end:]))
		}
	}
	return out
}

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

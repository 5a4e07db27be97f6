package conform

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
)

// step is one request of a session with all that was seen of its answer.
type step struct {
	request  model.Request
	reply    targets.Reply
	expected []string // kinds of the allowed answers
	diverges bool
}

// session drives one world and follows it with the model.
type session struct {
	explorer *explorer
	world    targets.World
	tracker  *model.Tracker
	history  []model.Exchange
	steps    []step
	due      map[string][]model.ID // rules that the next Get of a resource tests
	// lost says why the world cannot be followed any further; empty while it can.
	lost string
	// unsettled counts the answers in a row that were not definite.
	unsettled int
	// judged is set while replaying: findings go to it and not to the explorer's collection.
	judged func(model.Finding)
	last   model.Finding // that the watched replay ended with
	failed bool          // something was found
	// unexercised sessions do not count which rules they exercise: others do the same.
	unexercised bool

	eventual
}

// newSession opens a fresh world.
func (e *explorer) newSession(ctx context.Context) (*session, error) {
	world, err := e.target.NewWorld(ctx)
	if err != nil {
		return nil, err
	}
	e.cases++
	return &session{explorer: e, world: world, tracker: model.NewTracker(e.model), due: map[string][]model.ID{},
		eventual: eventual{wrote: time.Now(), rash: -1}}, nil
}

func (s *session) close(ctx context.Context) {
	s.explorer.closeWorld(ctx, s.world, s.unsettled >= maxUnsettled)
}

func (s *session) alive(ctx context.Context) bool { return s.lost == "" && ctx.Err() == nil }

// do sends one request, judges its answer and follows the target. After an answer that no branch
// allows it reads the state back.
func (s *session) do(ctx context.Context, r model.Request) {
	if !s.prepare(ctx, r) {
		return
	}
	before, others := s.tracker.State(), s.tracker.Others()
	reply, verdict, ok := s.settled(ctx, r)
	if !ok {
		return
	}
	x := model.Exchange{Before: before, Others: others, Request: r, Answer: reply.Answer, After: s.tracker.State(), Allowed: verdict.Allowed}
	s.history = append(s.history, x)
	s.steps = append(s.steps, step{request: r, reply: reply, expected: verdict.Expected})
	if s.rash >= 0 && s.judged != nil {
		s.lost = "a rash answer"
		return
	}
	s.objections(r, reply, verdict)
	if !reply.Answer.Definite() {
		s.indefinite(r, reply)
		return
	}
	s.unsettled = 0
	s.explorer.putSeen = s.explorer.putSeen || r.Op == model.OpPut && reply.Answer.Outcome == model.Succeeded
	if verdict.Allowed {
		for _, d := range verdict.Deviations {
			s.explorer.deviation(r.Op, d)
		}
		if model.Undocumented(r.Op, reply.Answer.Code) {
			s.explorer.note(fmt.Sprintf("%s answered %s, which its reference page does not list", r.Op, reply.Answer.Code))
		}
		if !s.unexercised {
			s.exercise(x)
		}
		return
	}
	s.diverged(ctx, verdict.Expected)
}

// send sends one request. It reports false where there is nothing to judge.
func (s *session) send(ctx context.Context, r model.Request) (targets.Reply, bool) {
	reply := s.explorer.ask(ctx, s.world, r)
	switch code := reply.Answer.Code; {
	case ctx.Err() != nil:
		s.lost = "interrupted"
	case reply.Err != nil:
		s.lost = "the target ended the run"
	case slices.Contains(accessCodes, code):
		s.explorer.denied(code)
		s.lost = "access was denied"
	case slices.Contains(throttleCodes, code):
		s.lost = "the target kept throttling"
		s.explorer.note(s.lost)
	default:
		return reply, true
	}
	return reply, false
}

const maxThrottled = 12

var (
	throttleCodes = []string{"ThrottlingException", "Throttling", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown"}
	// unavailableCodes are what a service answers on a bad day; a write may have been done all the same.
	unavailableCodes = []string{"InternalFailure", "InternalServerError", "InternalServiceError", "InternalError", "InternalServerException",
		"ServiceUnavailable", "ServiceUnavailableException"}
	accessCodes = []string{"UnrecognizedClientException", "ExpiredTokenException", "ExpiredToken", "InvalidSignatureException", "SignatureDoesNotMatch",
		"InvalidClientTokenId", "MissingAuthenticationToken", "MissingAuthenticationTokenException", "IncompleteSignature"}
)

// objections records what the wire and answer rules have against an answer that is otherwise judged.
func (s *session) objections(r model.Request, reply targets.Reply, verdict model.Verdict) {
	for _, o := range slices.Concat(reply.Objections, verdict.Objections) {
		if !verdict.Allowed && o.Rule == model.WireMembers {
			continue // how it spells what it should not have accepted is a symptom
		}
		level := o.Level
		if level == 0 {
			level = model.RuleOf(o.Rule).Level
		}
		if o.Rule == model.WireErrorStatus && level == model.Inferred {
			s.explorer.deviation(r.Op, model.Deviation{Rule: o.Rule, Reference: o.Expected, Actual: o.Actual})
			continue
		}
		if r.Op != model.OpPut && r.Op != model.OpGet {
			continue // the wire rules are held for the operations under test
		}
		operation := r.Op
		if o.Rule == model.WireMembers {
			operation = "" // one misspelling is one divergence, whichever operation shows it
		}
		s.record(model.Finding{Rule: o.Rule, Level: level, Operation: operation, Step: len(s.history) - 1, Expected: []string{o.Expected}, Actual: o.Actual})
	}
	if a := reply.Answer; isInsights(r) && a.Outcome == model.Refused && a.Code == "" && !r.Malformed() && len(reply.Objections) == 0 {
		s.record(model.Finding{Rule: model.WireErrorShape, Level: model.Observed, Step: len(s.history) - 1,
			Expected: []string{"an error with a code"}, Actual: fmt.Sprintf("HTTP %d without a code", reply.Status)})
	}
}

// indefinite deals with an answer that leaves open what happened. A 5xx or a dropped connection is a
// candidate for wire/no-crash, which confirming decides; several in a row lose the world.
func (s *session) indefinite(r model.Request, reply targets.Reply) {
	s.unsettled++
	if s.unsettled >= maxUnsettled {
		s.lost = "no definite answers: " + reply.Problem
		s.explorer.silent(reply.Problem)
	}
	if reply.TimedOut {
		return
	}
	if r.Op != model.OpPut && r.Op != model.OpGet || s.explorer.eventual() && slices.Contains(unavailableCodes, reply.Answer.Code) {
		return
	}
	level := model.Documented
	if r.Malformed() || slices.Contains(model.Broken(s.tracker.State(), r), model.WireWrongType) {
		level = model.Inferred
	}
	s.record(model.Finding{Rule: model.WireNoCrash, Level: level, Operation: r.Op, Step: len(s.history) - 1, Expected: []string{"a definite answer"}, Actual: crashKind(reply)})
}

const maxUnsettled = 5

func crashKind(reply targets.Reply) string {
	switch {
	case reply.Answer.Outcome == model.Unanswered:
		return "a dropped connection"
	case reply.Status >= 500:
		return "5xx"
	}
	return "an answer that is not JSON"
}

// exercise notes which rules an allowed answer has tested.
func (s *session) exercise(x model.Exchange) {
	cov := s.explorer.coverage
	cov.seen(x.Before, x.Request)
	if len(cov.missing) == 0 {
		return
	}
	now, due, resource := model.Exercised(x.Before, x.Request, x.Answer, x.After)
	cov.exercised(now...)
	if x.Request.Op == model.OpGet && resource != "" {
		cov.exercised(s.due[resource]...)
		delete(s.due, resource)
		return
	}
	for _, id := range due {
		switch {
		case id == model.StateIsolated:
			for _, other := range resources(x.After) {
				if other != resource {
					s.due[other] = append(s.due[other], id)
				}
			}
		case resource != "":
			s.due[resource] = append(s.due[resource], id)
		}
	}
}

// resources lists the trails and stores of a state.
func resources(state model.State) []string {
	var out []string
	for _, t := range state.Trails {
		out = append(out, "trail/"+t.Home+"/"+t.Name)
	}
	for _, x := range state.Stores {
		out = append(out, "store/"+x.Home+"/"+x.ID)
	}
	return out
}

// diverged blames the last step, reads the state back and follows the target.
func (s *session) diverged(ctx context.Context, expected []string) {
	at := len(s.steps) - 1
	s.steps[at].diverges = true
	x := s.history[at]
	blamed := model.Resource(x.Before, x.Request)
	finding := model.Blame(s.history, expected)
	if x.Request.Op == model.OpTrail && blamed != "" {
		// The flag may be right and the selectors wrong: Get decides.
		if reads := s.readBack(ctx, blamed); reads != nil {
			finding = *reads
		}
	}
	s.record(finding)
	if !s.quiet(time.Now()) {
		if s.judged == nil {
			s.lost = "a divergence before the world was quiet"
			return
		}
		if !s.becomeQuiet(ctx) {
			return
		}
	}
	s.follow(ctx, blamed)
}

// readBack sends a Get of a resource, outside the judged sequence, and returns what it contradicts.
func (s *session) readBack(ctx context.Context, resource string) *model.Finding {
	if !s.explorer.can(model.CanGet) {
		return nil
	}
	r := generators.GetOf(resource)
	reply, ok := s.send(ctx, r)
	if !ok || !reply.Answer.Definite() {
		return nil
	}
	if verdict := s.tracker.Clone().Observe(r, reply.Answer); !verdict.Allowed {
		history := append(slices.Clone(s.history[:len(s.history)-1]), model.Exchange{Before: s.tracker.State(), Request: r, Answer: reply.Answer, After: s.tracker.State()})
		finding := model.Blame(history, verdict.Expected)
		return &finding
	}
	return nil
}

// follow reads every resource and sets the model to what the target shows. What else than the blamed
// resource has changed is a finding of its own, unless it was a Put that should have been refused:
// then it is a consequence. Where the target shows no state of the model, the world is lost.
func (s *session) follow(ctx context.Context, blamed string) {
	if !s.explorer.can(model.CanGet) {
		s.lost = "a divergence, and no Get to read the state back"
		return
	}
	state := s.tracker.State()
	at := len(s.steps) - 1
	last := s.history[at]
	wronglyDone := last.Request.Op == model.OpPut && last.Answer.Outcome == model.Succeeded
	before := s.history
	if last.Request.Op.Reads() {
		before = before[:len(before)-1]
	}
	for _, resource := range resources(state) {
		r := generators.GetOf(resource)
		reply, ok := s.send(ctx, r)
		if !ok {
			return
		}
		next, ok := model.Showing(state, resource, reply.Answer)
		if !ok {
			s.lost = "a state that the model does not have"
			return
		}
		if shown, _ := model.StoredIn(next, resource); resource != blamed {
			if stored, _ := model.StoredIn(s.tracker.State(), resource); shown == stored {
				s.explorer.coverage.exercised(s.due[resource]...)
			}
		}
		verdict := s.tracker.Clone().Observe(r, reply.Answer)
		if !verdict.Allowed && resource != blamed && !wronglyDone {
			history := append(slices.Clone(before), model.Exchange{Before: s.tracker.State(), Request: r, Answer: reply.Answer, After: next})
			finding := model.Blame(history, verdict.Expected)
			s.steps = append(s.steps, step{request: r, reply: reply, expected: verdict.Expected, diverges: true})
			s.history = append(s.history, history[len(history)-1])
			s.record(finding)
		}
		state = next
	}
	states := []model.State{state}
	switch {
	case last.Request.Op == model.OpGetEvents:
		// What is shown may be what is logged, or what was asked for may be.
		states = append(states, model.ShowingEvents(state, blamed, s.steps[at].reply.Body))
	case last.Request.Op == model.OpUpdateStore:
		if applied, ok := model.Unguarded(state, last.Request); ok {
			states = append(states, applied)
		}
	}
	s.tracker.Follow(states...)
	s.due = map[string][]model.ID{}
}

// record hands a finding to the explorer with the steps that led to it.
func (s *session) record(f model.Finding) {
	s.failed = true
	if s.judged != nil {
		s.judged(f)
		return
	}
	s.explorer.found(f, s.steps, s.history, s.doubtful() && s.explorer.heard(s, f)) // silence is confirmed in a way of its own
}

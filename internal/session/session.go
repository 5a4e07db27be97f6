// Package session drives one world of a target and follows it with the model. It decides nothing: it
// asks the model's tracker about every answer, appends a Step, and tells an Observer what it saw.
package session

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/wire"
)

// Step is one request of a session with its answer and the states around it.
type Step struct {
	Request  model.Request
	Reply    targets.Reply
	Before   model.State   // the likeliest of the possible states before
	Others   []model.State // the other possible ones
	State    model.State   // to which the answer was followed
	Diverges bool
	// As is the right answer that the wrong one was taken for, since it is as plain about the state; nil where it is not.
	As *model.Answer
}

// Allowed lists the kinds of answer that the model allows, the reference first, and Accepted the answers.
func (s Step) Allowed() []string        { return s.before().Allowed(s.Request) }
func (s Step) Accepted() []model.Answer { return s.before().Accepted(s.Request) }

func (s Step) before() *model.Tracker {
	tracker := model.TrackerAt(s.Before)
	tracker.Follow(append([]model.State{s.Before}, s.Others...)...)
	return tracker
}

// Exchange is the step as the model sees it.
func (s Step) Exchange() model.Exchange {
	x := model.Exchange{Before: s.Before, Others: s.Others, Request: s.Request, Answer: s.Reply.Answer, After: s.State, Allowed: !s.Diverges}
	if s.As != nil {
		x.Answer, x.Allowed = *s.As, true
	}
	return x
}

// Requests lists the requests of steps.
func Requests(steps []Step) []model.Request {
	requests := make([]model.Request, len(steps))
	for i := range steps {
		requests[i] = steps[i].Request
	}
	return requests
}

// past is what came before the last step, as the model sees it. What has a successor does not change any more.
func (s *Session) past() []model.Exchange {
	for i := len(s.earlier); i < len(s.Steps)-1; i++ {
		s.earlier = append(s.earlier, s.Steps[i].Exchange())
	}
	return s.earlier
}

// Found is a finding and the step that showed it.
type Found struct {
	model.Finding
	At   int
	Harm bool // what should have been refused has changed what is stored
}

// Policy says how a session deals with a target that is eventually consistent. On others it has no effect.
type Policy struct {
	// Wait lets the session wait for the world to settle wherever an answer could rest on an old
	// state. Without it the session goes on, and says of what it finds that it is Doubtful.
	Wait bool
	// SettleBefore lists the steps before which a session that waits lets the world settle in any case.
	SettleBefore []int
}

// Observer is told what a session sees, in the order in which it happens.
type Observer interface {
	// Found is told of a finding once its step is appended.
	Found(s *Session, f model.Finding)
	// Allowed is told of an answer that the model allows.
	Allowed(step Step)
	// Deviated is told of an answer that is accepted although it is not the reference one.
	Deviated(op model.Op, d model.Deviation)
	// Unchanged is told, after a divergence, of a resource that still shows what was stored.
	Unchanged(resource string)
	// Followed is told that the model was set to what the target shows, and whether the last finding did harm.
	Followed(harm bool)
}

// nobody is an Observer that looks away.
type nobody struct{}

func (nobody) Found(*Session, model.Finding)      {}
func (nobody) Allowed(Step)                       {}
func (nobody) Deviated(model.Op, model.Deviation) {}
func (nobody) Unchanged(string)                   {}
func (nobody) Followed(bool)                      {}

// Session drives one world.
type Session struct {
	Steps []Step
	Found []Found
	// Lost says why the world cannot be followed any further; empty while it can.
	Lost string
	// Problem is what was wrong with the last answer that decided nothing.
	Problem string
	World   targets.World
	Begun   time.Time // the world

	client   *Client
	policy   Policy
	observer Observer
	tracker  *model.Tracker
	earlier  []model.Exchange // steps, as far as they were looked back on
	silent   int              // answers in a row that were not definite

	wrote       time.Time // when the last write was answered, or lost
	lostWrite   time.Time // when the answer to a write was last lost: it may still be carried out
	reliedEarly bool      // an answer was relied on that may rest on an old state
	away        int64     // how often the target was away when the world was new
	early       int       // the write that succeeded and may rest on an old state; -1 where there is none
}

// New opens a fresh world. observer may be nil.
func (c *Client) New(ctx context.Context, policy Policy, observer Observer) (*Session, error) {
	world, err := c.Target.NewWorld(ctx)
	if err != nil {
		return nil, err
	}
	c.Worlds++
	return &Session{client: c, policy: policy, observer: cmp.Or[Observer](observer, nobody{}), World: world, tracker: model.NewTracker(c.Model), wrote: time.Now(), Begun: time.Now(), early: -1, away: c.Status.away.Load()}, nil
}

// Close removes what the session's requests have made.
func (s *Session) Close(ctx context.Context) { s.client.CloseWorld(ctx, s.World, s.Silent()) }

// Alive reports whether the session can go on.
func (s *Session) Alive(ctx context.Context) bool { return s.Lost == "" && ctx.Err() == nil }

// State is the likeliest state of the world.
func (s *Session) State() model.State { return s.tracker.State() }

// Others lists the other possible states.
func (s *Session) Others() []model.State { return s.tracker.Others() }

// Assume says, of a world that may be in several states, which one it is in.
func (s *Session) Assume(state model.State) { s.tracker.Follow(state) }

// Last is the step that was appended last.
func (s *Session) Last() *Step { return &s.Steps[len(s.Steps)-1] }

// Silent reports whether the world was given up since it gave no definite answers.
func (s *Session) Silent() bool { return s.silent >= maxSilent }

// Play does requests for as long as the world can be followed and the quota lasts, and reports whether more may come.
func (s *Session) Play(ctx context.Context, requests ...model.Request) bool {
	for _, r := range requests {
		if !s.Alive(ctx) || s.client.Spent(ctx) || s.Hangs(r) && !r.Op.Reads() {
			return false
		}
		if !s.Hangs(r) {
			s.Do(ctx, r)
		}
	}
	return s.Alive(ctx)
}

// Do sends one request, has the model judge its answer, and follows the target, which it reads back if it diverged.
func (s *Session) Do(ctx context.Context, r model.Request) {
	if away := s.client.Status.away.Load(); away != s.away {
		s.Lost = "the target was away, and may have forgotten this world"
	}
	if s.Lost != "" || !s.awaitTurn(ctx, r) {
		return
	}
	before, others, busy := s.tracker.State(), s.tracker.Others(), s.client.Busy
	reply, verdict, ok := s.sendUntilSettled(ctx, r)
	for range s.client.Busy - busy {
		s.observer.Deviated(r.Op, model.Deviation{Rule: model.Busy, Reference: "an answer that decides", Actual: wire.Busy})
	}
	if !ok {
		return
	}
	s.keep(Step{Request: r, Reply: reply, Before: before, Others: others, State: s.tracker.State(), Diverges: !verdict.Allowed})
	if s.early >= 0 && s.policy.Wait {
		s.Lost = "a write that may rest on an old state"
		return
	}
	if reply.Remark != "" {
		s.client.Note(reply.Remark)
	}
	if wire.Full(reply.Answer.Code) && !r.Op.Insights() {
		s.client.Status.full.Store(r.Op, reply.Answer.Code)
	}
	if r.Op.Insights() && !r.Malformed() {
		s.client.Status.answered(before, r, reply.Answer)
		s.client.Status.noteForms(before, r, reply.Answer, verdict.Allowed && reply.Answer.Definite())
	}
	if !verdict.Allowed && wire.Denied(reply.Answer.Code) { // says nothing of how the target behaves
		text := reply.Answer.Code + " to " + string(r.Op)
		s.client.Status.denied.CompareAndSwap(nil, text)
		s.Lost = "access was denied"
		return
	}
	s.object(r, reply, verdict)
	if !s.client.Patient {
		s.client.Status.definite.Store(s.client, reply.Answer.Definite())
	}
	if !reply.Answer.Definite() {
		s.indefinite(ctx, r, reply)
		return
	}
	s.silent = 0
	s.client.Status.inTime(before, r)
	s.client.Status.last.Delete(s.client)
	if !verdict.Allowed {
		s.diverged(ctx)
		return
	}
	if model.Undocumented(r.Op, reply.Answer.Code) {
		s.client.Note(fmt.Sprintf("%s answered %s, which its reference page does not list", r.Op, reply.Answer.Code))
	}
	if code := reply.Answer.Code; strings.HasSuffix(code, "NotFoundException") && !r.Op.Insights() && model.Resource(before, r) != "" {
		s.client.Note(fmt.Sprintf("%s answered %s about a trail or store that is there; no rule speaks of that", r.Op, code))
	}
	for _, d := range verdict.Deviations {
		s.observer.Deviated(r.Op, d)
	}
	s.observer.Allowed(*s.Last())
}

// keep appends a step. Of large answers that decided nothing no more than their beginning is kept.
func (s *Session) keep(step Step) {
	if n := len(s.Steps); n > 1 && !s.Steps[n-2].Diverges && len(s.Steps[n-2].Reply.Received) > maxEarlier {
		s.Steps[n-2].Reply = wire.Brief(s.Steps[n-2].Reply, maxEarlier)
	}
	s.Steps = append(s.Steps, step)
}

// send sends one request. It reports false where there is nothing to judge.
func (s *Session) send(ctx context.Context, r model.Request) (targets.Reply, bool) {
	reply := s.client.Send(ctx, s.World, r)
	if reply.Answer.Outcome == model.Unanswered {
		s.client.Status.last.Store(s.client, string(r.Op)+" "+string(wire.Encode(r)))
	}
	switch code := reply.Answer.Code; {
	case ctx.Err() != nil:
		s.Lost = "interrupted"
	case reply.Err != nil:
		s.Lost = "the target ended the run"
	case wire.Unauthenticated(code):
		s.client.Denied(code)
		s.Lost = "access was denied"
	case wire.Throttled(code):
		s.Lost = "the target kept throttling"
		s.client.Note(s.Lost)
	default:
		return reply, true
	}
	return reply, false
}

// object records what the wire and answer rules have against an answer that is otherwise judged.
func (s *Session) object(r model.Request, reply targets.Reply, verdict model.Verdict) {
	findings, deviations := Objected(r, reply, verdict, len(s.Steps)-1)
	for _, d := range deviations {
		s.observer.Deviated(r.Op, d)
	}
	for _, f := range findings {
		s.record(f)
	}
}

// Objected says what the wire and answer rules have against the answer to a step that is otherwise judged.
func Objected(r model.Request, reply targets.Reply, verdict model.Verdict, step int) (findings []model.Finding, deviations []model.Deviation) {
	for _, o := range slices.Concat(reply.Objections, verdict.Objections) {
		if !verdict.Allowed && o.Rule == model.WireMembers {
			continue // how it spells what it should not have accepted is a symptom
		}
		level := o.Level
		if level == 0 {
			level = model.RuleOf(o.Rule).Level
		}
		if o.Rule == model.WireErrorStatus && level == model.Inferred {
			deviations = append(deviations, model.Deviation{Rule: o.Rule, Reference: o.Expected, Actual: o.Actual})
			continue
		}
		if !r.Op.Insights() && o.Rule != model.MockNoAlias {
			continue // the wire rules are held for the operations under test
		}
		operation := cmp.Or(o.Operation, r.Op)
		if o.Rule == model.WireMembers || o.Expected == wire.Listed || o.Expected == wire.Placed {
			operation = "" // one misspelling is one divergence, whichever operation shows it
		}
		// Another owner may be one that was changed instead.
		form := o.Rule == model.AnswerOneOwner || o.Rule == model.MockNoAlias || o.Rule.Family() == "wire"
		findings = append(findings, model.Finding{Rule: o.Rule, Level: level, Operation: operation, Step: step,
			Expected: []string{o.Expected}, Actual: o.Actual, Plain: form})
	}
	if a := reply.Answer; r.Op.Insights() && a.Outcome == model.Refused && a.Code == "" && !r.Malformed() && len(reply.Objections) == 0 {
		findings = append(findings, model.Finding{Rule: model.WireErrorShape, Level: model.Observed, Step: step, Plain: true,
			Expected: []string{"an error with a code"}, Actual: fmt.Sprintf("HTTP %d without a code", reply.Status)})
	}
	return findings, deviations
}

// indefinite deals with an answer that leaves open what happened. A 5xx or a dropped connection is a
// candidate for wire/no-crash, whatever the operation, which confirming decides; several in a row lose the world.
func (s *Session) indefinite(ctx context.Context, r model.Request, reply targets.Reply) {
	s.Problem = reply.Problem
	if reply.TimedOut {
		s.client.Status.timedOut(kindOf(s.Last().Before, r))
	}
	if s.silent++; s.Silent() {
		s.Lost = "no definite answers: " + reply.Problem
	} else if reply.Answer.Outcome == model.Unanswered && !s.client.Eventual() && !s.client.Serial && !s.client.Heard(ctx, false, reply.Problem) {
		s.Lost = "no answer, nor any to a plain request: " + reply.Problem
	} else if reply.TimedOut && !r.Op.Reads() && !s.client.Eventual() {
		s.Lost = "a write that was not answered in time, and may still be carried out"
	}
	if !s.client.Status.held(r.Op) || len(reply.Objections) > 0 || s.client.Eventual() && (reply.TimedOut || wire.Unavailable(reply.Answer.Code)) {
		return
	}
	level := model.RuleOf(model.WireNoCrash).LevelFor(s.Last().Before, r)
	s.record(model.Finding{Rule: model.WireNoCrash, Level: level, Operation: r.Op, Step: len(s.Steps) - 1,
		Expected: []string{"a definite answer"}, Actual: crashKind(reply)})
}

const (
	NoAnswer       = "no answer"                  // what a request got that was not answered in its time
	Dropped        = "a dropped connection"       // what one got whose connection ended
	codeNotEnabled = "InsightNotEnabledException" // what a Get answers while Insights is off
)

func crashKind(reply targets.Reply) string {
	switch {
	case reply.TimedOut:
		return NoAnswer
	case reply.Answer.Outcome == model.Unanswered:
		return Dropped
	case strings.HasPrefix(reply.Problem, "panic: "): // of a mock
		return "a panic"
	case reply.Status >= 500:
		return "5xx"
	}
	return "an answer that is not JSON"
}

// record keeps a finding of the last step.
func (s *Session) record(f model.Finding) {
	s.Found = append(s.Found, Found{Finding: f, At: len(s.Steps) - 1})
	s.observer.Found(s, f)
}

// Report renders the step, the n-th of its case.
func (s Step) Report(n int) reports.Step {
	return reports.NewStep(n, s.Request, s.Reply, s.Allowed())
}

// diverged blames the last step, reads the state back and follows the target.
func (s *Session) diverged(ctx context.Context) {
	x := s.Last().Exchange()
	blamed := model.Resource(x.Before, x.Request)
	finding := model.Blame(append(s.past(), x), s.Last().Allowed())
	if x.Request.Op == model.OpTrail && blamed != "" {
		// The flag may be right and the selectors wrong: Get decides.
		if reads := s.readBack(ctx, blamed); reads != nil {
			finding = *reads
		}
	}
	as, plain := s.tracker.TakenFor(x.Request, x.Answer)
	finding.Plain = plain && finding.Step == len(s.Steps)-1
	if !s.Steps[finding.Step].Request.Malformed() || finding.Step == len(s.Steps)-1 { // what that does, no rule says
		s.record(finding)
	}
	settled := s.settled(time.Now())
	if finding.Plain && settled {
		s.tracker.Observe(x.Request, as)
		s.Last().As, s.Last().State = &as, s.tracker.State()
		if x.Request.Op == model.OpGet {
			s.observer.Unchanged(blamed)
		}
		return
	}
	if !settled {
		if !s.policy.Wait {
			s.Lost = "a divergence before the world had settled"
			return
		}
		if !s.awaitSettled(ctx) {
			return
		}
	}
	s.follow(ctx, blamed)
}

// ReplyOf is what a step was answered, as far as a report keeps it.
func ReplyOf(step reports.Step) targets.Reply {
	reply := targets.Reply{Status: step.Status, Problem: step.Answer.Problem, Body: step.Answer.Body, Lent: step.Lent}
	switch reply.Answer.Code = step.Answer.Code; step.Answer.Outcome {
	case reports.OutcomeSuccess:
		reply.Answer, _ = wire.ReadSuccess(model.Op(step.Operation), step.Answer.Body)
	case reports.OutcomeRefused:
		reply.Answer.Outcome = model.Refused
	case reports.OutcomeCrashed:
		reply.Answer.Outcome = model.Crashed
	}
	return reply
}

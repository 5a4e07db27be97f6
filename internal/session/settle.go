package session

import (
	"context"
	"slices"
	"time"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
)

// An eventually consistent target may answer from a state that is out of date, as long as the settle
// time after the last write is not over; until then old and new answers may even take turns. So:
//
//   - A read or a refusal that is not what the reference expects is repeated until it is, twice in a
//     row, or until the world has settled, which is when the settle time is over. Only then it counts.
//   - What an answer before that says of the state, where several are possible, is not relied on.
//   - A success that should have been a refusal may rest on an old state too, and cannot be taken
//     back: it came early. It counts only if it repeats on a fresh world that has settled beforehand.
//
// A session whose policy is not to wait goes on, and what it finds after an early write is doubtful: it
// must be tried again by one that waits.

// Between repeated reads of an eventually consistent target.
const (
	FirstPause   = 200 * time.Millisecond
	LongestPause = 5 * time.Second
)

// Settling collects how long it took until answers matched.
type Settling struct {
	waits    []time.Duration // since the write, of reads that did not match at once
	timedOut int             // reads that did not match within the settle time
}

// Merge adds what another client collected.
func (s *Settling) Merge(o Settling) {
	s.waits = append(s.waits, o.waits...)
	s.timedOut += o.timedOut
}

// Summary renders it for the report.
func (s *Settling) Summary() *reports.Settling {
	out := &reports.Settling{Waits: len(s.waits) + s.timedOut, TimedOut: s.timedOut}
	if n := len(s.waits); n > 0 {
		slices.Sort(s.waits)
		out.MedianSeconds = s.waits[n/2].Seconds()
		out.LongestSeconds = s.waits[n-1].Seconds()
	}
	return out
}

// Early is the step of a write that succeeded while it could rest on an old state; -1 where there is none.
func (s *Session) Early() int { return s.early }

// LostWrite reports whether the answer to a write was lost, so that it may be carried out later.
func (s *Session) LostWrite() bool { return !s.lostWrite.IsZero() }

// Doubtful reports whether what is found now must repeat on a settled world before it counts.
func (s *Session) Doubtful() bool { return s.reliedEarly || s.early >= 0 || s.LostWrite() }

// RestsOnAnswer reports whether a finding rests on more than a lost answer, where answers get lost on the way.
func (c *Client) RestsOnAnswer(f model.Finding) bool {
	return !c.Eventual() || f.Rule != model.WireNoCrash
}

// settled reports whether answers sent for at a time show all that was written.
func (s *Session) settled(at time.Time) bool {
	return !s.client.Eventual() || at.Sub(s.wrote) >= s.client.SettleTime
}

// certain reports whether only one state is possible, and no write on its way to change that.
func (s *Session) certain() bool {
	return s.tracker.Certain() && (s.lostWrite.IsZero() || time.Since(s.lostWrite) >= s.client.SettleTime)
}

// awaitSettled waits until the world has settled.
func (s *Session) awaitSettled(ctx context.Context) bool {
	if left := s.client.SettleTime - time.Since(s.wrote); s.client.Eventual() && left > 0 && !targets.Sleep(ctx, left) {
		s.Lost = "interrupted"
		return false
	}
	return true
}

// awaitTurn waits before a write whose answer rested on an old state, or would tell several states apart.
func (s *Session) awaitTurn(ctx context.Context, r model.Request) bool {
	waits := s.policy.Wait && s.client.Eventual() && !r.Op.Reads() &&
		(slices.Contains(s.policy.SettleBefore, len(s.Steps)) || !s.certain())
	return !waits || s.awaitSettled(ctx)
}

// sendUntilSettled sends a request, again and again until its answer counts, and returns that answer
// with what the model says of it. It reports false where there is nothing to judge.
func (s *Session) sendUntilSettled(ctx context.Context, r model.Request) (targets.Reply, model.Verdict, bool) {
	pause, matched, mismatched, silent := FirstPause, 0, false, 0
	for {
		sent := time.Now()
		reply, ok := s.send(ctx, r)
		if !ok {
			return reply, model.Verdict{}, false
		}
		if reply.Answer.Definite() {
			silent = 0
		} else if silent++; s.client.Eventual() && r.Op.Reads() && silent < maxSilent {
			continue // answers get lost on the way, and a read changes nothing
		}
		a, settled := reply.Answer, s.settled(sent)
		changes := !r.Op.Reads() && a.Outcome != model.Refused
		if settled || changes {
			verdict := s.rely(r, a, settled)
			if settled && mismatched && !verdict.Allowed {
				s.client.Settling.timedOut++
			}
			return reply, verdict, true
		}
		if !a.Definite() { // a read that says nothing
			return reply, model.Verdict{Allowed: true}, true
		}
		verdict := s.tracker.Clone().Observe(r, a)
		if s.matches(r, a, verdict) {
			if matched++; matched == 1 && mismatched {
				s.client.Settling.waits = append(s.client.Settling.waits, sent.Sub(s.wrote))
			}
			if !s.policy.Wait || s.certain() {
				if matched == 1 && r.Op.Reads() {
					continue // it must match once more
				}
				s.tracker.Prefer(r, a)
				if r.Op.Reads() {
					verdict.Deviations = nil // of an earlier step, and counted there
				}
				return reply, verdict, true
			}
		} else {
			matched, mismatched = 0, true
		}
		if !targets.Sleep(ctx, min(pause, max(s.client.SettleTime-time.Since(s.wrote), time.Millisecond))) {
			s.Lost = "interrupted"
			return reply, verdict, false
		}
		pause = min(2*pause, LongestPause)
	}
}

// rely takes an answer in, and notes what may be wrong with that.
func (s *Session) rely(r model.Request, a model.Answer, settled bool) model.Verdict {
	if !s.client.Eventual() {
		return s.tracker.Observe(r, a)
	}
	certain, others := s.certain(), s.unexpected(r, a)
	verdict := s.tracker.Observe(r, a)
	if settled && certain && verdict.Allowed {
		for _, d := range append(others, verdict.Deviations...) {
			s.client.take(d)
		}
	}
	if r.Op.Reads() || a.Outcome == model.Refused {
		return verdict
	}
	s.wrote = time.Now()
	switch {
	case !a.Definite():
		s.lostWrite = s.wrote
	case !settled && !verdict.Allowed:
		s.early = len(s.Steps)
	case !settled && !certain:
		s.reliedEarly = true
	}
	return verdict
}

// matches reports whether an answer is what the reference expects, or what this target answers when settled.
func (s *Session) matches(r model.Request, a model.Answer, verdict model.Verdict) bool {
	return verdict.Allowed && len(verdict.Objections) == 0 &&
		!slices.ContainsFunc(append(s.unexpected(r, a), verdict.Deviations...), func(d model.Deviation) bool { return !s.client.taken[d] })
}

// unexpected describes a refusal where the reference succeeds, whether or not a rule is concerned.
func (s *Session) unexpected(r model.Request, a model.Answer) []model.Deviation {
	if a.Outcome != model.Refused {
		return nil
	}
	reference := model.Step(s.tracker.State(), r)[0].Answer.Outcome
	if reference != model.Succeeded && reference != model.AnySuccess {
		return nil
	}
	return []model.Deviation{{Reference: string(r.Op), Actual: a.Code}}
}

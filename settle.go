package conform

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
//     row, or until the world is quiet, which is when the settle time is over. Only then it counts.
//   - What an answer before that says of the state, where several are possible, is not relied on.
//   - A success that should have been a refusal may rest on an old state too, and cannot be taken
//     back: it is rash. It counts only if it repeats on a fresh world that is quiet beforehand.
//
// While exploring, worlds are not waited for; what is found in one that a rash step may have led
// astray is tried again like a rash answer itself. Confirming waits wherever it must.

// DefaultSettle is how long an eventually consistent target may take to show what was written.
const DefaultSettle = time.Minute

// Between repeated reads.
const (
	firstPause   = 200 * time.Millisecond
	longestPause = 5 * time.Second
)

// settling collects how long it took until answers matched.
type settling struct {
	waits    []time.Duration // since the write, of reads that did not match at once
	timedOut int             // reads that did not match within the settle time
}

func (s *settling) merge(o settling) {
	s.waits = append(s.waits, o.waits...)
	s.timedOut += o.timedOut
}

// summary is nil for a target that is not eventually consistent.
func (s *settling) summary(eventual bool) *reports.Settling {
	if !eventual {
		return nil
	}
	out := &reports.Settling{Waits: len(s.waits) + s.timedOut, TimedOut: s.timedOut}
	if n := len(s.waits); n > 0 {
		slices.Sort(s.waits)
		out.MedianSeconds = s.waits[n/2].Seconds()
		out.LongestSeconds = s.waits[n-1].Seconds()
	}
	return out
}

// eventual is what a session keeps of an eventually consistent target.
type eventual struct {
	wrote time.Time // when the last write was answered, or lost
	// astray says that an answer was relied on that may rest on an old state.
	astray bool
	// rash is the step that must be repeated on a world that is quiet before it; -1 where there is none.
	rash int
	// unheard is when the answer to a write was last lost: it may still be carried out.
	unheard time.Time
	// calm lists the steps before which the world must be quiet.
	calm []int
}

func (e *explorer) eventual() bool { return e.settleTime > 0 }

// quiet reports whether answers sent for at a time show all that was written.
func (s *session) quiet(at time.Time) bool {
	return !s.explorer.eventual() || at.Sub(s.wrote) >= s.explorer.settleTime
}

// certain reports whether only one state is possible, and no write on its way to change that.
func (s *session) certain() bool {
	return s.tracker.Certain() && (s.unheard.IsZero() || time.Since(s.unheard) >= s.explorer.settleTime)
}

// sleep waits, and reports whether the run goes on.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// becomeQuiet waits until the world is quiet.
func (s *session) becomeQuiet(ctx context.Context) bool {
	if left := s.explorer.settleTime - time.Since(s.wrote); s.explorer.eventual() && left > 0 && !sleep(ctx, left) {
		s.lost = "interrupted"
		return false
	}
	return true
}

// prepare waits before a write that must not rest on an old state: one whose answer did, and while
// confirming one that would tell several states apart.
func (s *session) prepare(ctx context.Context, r model.Request) bool {
	if !s.explorer.eventual() || r.Op.Reads() || s.judged == nil {
		return true
	}
	if slices.Contains(s.calm, len(s.steps)) || !s.certain() {
		return s.becomeQuiet(ctx)
	}
	return true
}

// settled sends a request, again and again until its answer counts, and returns that answer with what
// the model says of it. It reports false where there is nothing to judge.
func (s *session) settled(ctx context.Context, r model.Request) (targets.Reply, model.Verdict, bool) {
	pause, matched, mismatched, silent := firstPause, 0, false, 0
	for {
		sent := time.Now()
		reply, ok := s.send(ctx, r)
		if !ok {
			return reply, model.Verdict{}, false
		}
		if reply.Answer.Definite() {
			silent = 0
		} else if silent++; s.explorer.eventual() && r.Op.Reads() && silent < maxUnsettled {
			continue // answers get lost on the way, and a read changes nothing
		}
		a, quiet := reply.Answer, s.quiet(sent)
		changes := !r.Op.Reads() && a.Outcome != model.Refused
		if quiet || changes {
			verdict := s.rely(r, a, quiet)
			if quiet && mismatched && !verdict.Allowed {
				s.explorer.settling.timedOut++
			}
			return reply, verdict, true
		}
		if !a.Definite() { // a read that says nothing
			return reply, model.Verdict{Allowed: true}, true
		}
		verdict := s.tracker.Clone().Observe(r, a)
		if s.matches(r, a, verdict) {
			if matched++; matched == 1 && mismatched {
				s.explorer.settling.waits = append(s.explorer.settling.waits, sent.Sub(s.wrote))
			}
			if s.judged == nil || s.certain() {
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
		if !sleep(ctx, min(pause, max(s.explorer.settleTime-time.Since(s.wrote), time.Millisecond))) {
			s.lost = "interrupted"
			return reply, verdict, false
		}
		pause = min(2*pause, longestPause)
	}
}

// rely takes an answer in, and notes what may be wrong with that.
func (s *session) rely(r model.Request, a model.Answer, quiet bool) model.Verdict {
	if !s.explorer.eventual() {
		return s.tracker.Observe(r, a)
	}
	certain, others := s.certain(), s.unexpected(r, a)
	verdict := s.tracker.Observe(r, a)
	if quiet && certain && verdict.Allowed {
		for _, d := range append(others, verdict.Deviations...) {
			s.explorer.customs[d] = true
		}
	}
	if r.Op.Reads() || a.Outcome == model.Refused {
		return verdict
	}
	s.wrote = time.Now()
	switch {
	case !a.Definite():
		s.unheard = s.wrote
	case !quiet && !verdict.Allowed:
		s.rash = len(s.steps)
	case !quiet && !certain:
		s.astray = true
	}
	return verdict
}

// matches reports whether an answer is what the reference expects, or what this target answers instead
// when it had the time to settle.
func (s *session) matches(r model.Request, a model.Answer, verdict model.Verdict) bool {
	return verdict.Allowed && len(verdict.Objections) == 0 &&
		!slices.ContainsFunc(append(s.unexpected(r, a), verdict.Deviations...), func(d model.Deviation) bool { return !s.explorer.customs[d] })
}

// unexpected describes a refusal where the reference succeeds, whether or not a rule is concerned.
func (s *session) unexpected(r model.Request, a model.Answer) []model.Deviation {
	if a.Outcome != model.Refused {
		return nil
	}
	reference := model.Step(s.tracker.State(), r)[0].Answer.Outcome
	if reference != model.Succeeded && reference != model.AnySuccess {
		return nil
	}
	return []model.Deviation{{Reference: string(r.Op), Actual: a.Code}}
}

// doubtful reports whether what is found now must be repeated on a quiet world before it counts.
func (s *session) doubtful() bool { return s.astray || s.rash >= 0 || !s.unheard.IsZero() }

// repeatRash tries again, on worlds that are quiet where it matters, what was found where answers may
// have rested on an old state, and keeps what shows something there.
func (c *confirmer) repeatRash(ctx context.Context, all []*suspicion) (kept []*suspicion, dropped int) {
	for _, s := range all {
		if s.rash && !c.showsQuietly(ctx, s) {
			dropped++
			continue
		}
		kept = append(kept, s)
	}
	return kept, dropped
}

func (c *confirmer) showsQuietly(ctx context.Context, s *suspicion) bool {
	for range 2 {
		session, at := c.watchFor(ctx, requestsOf(s.steps), c.heard)
		if at >= 0 {
			s.finding, s.steps, s.broken = session.last, session.steps[:at+1], brokenBy(session.history)
			return true
		}
	}
	return false
}

// heard reports whether a finding rests on an answer. One that was lost says nothing by itself where
// answers get lost on the way.
func (e *explorer) heard(_ *session, f model.Finding) bool {
	return !e.eventual() || f.Rule != model.WireNoCrash
}

// attempt plays requests on a fresh world until done reports true. Where a step was rash, or the answer
// to a write got lost, it begins anew.
func (c *confirmer) attempt(ctx context.Context, requests []model.Request, begin func(*session), done func() bool) (*session, error) {
	var calm []int
	for lost := 0; ; {
		s, err := c.newSession(targets.WithFresh(ctx))
		if err != nil {
			return nil, err
		}
		s.calm = calm
		begin(s)
		for _, r := range requests {
			if !s.alive(ctx) || done() {
				break
			}
			s.do(ctx, r)
		}
		s.close(ctx)
		switch {
		case ctx.Err() != nil || done():
			return s, nil
		case s.rash >= 0 && !slices.Contains(calm, s.rash):
			calm = append(calm, s.rash)
		case !s.unheard.IsZero() && lost < maxTries:
			lost++
		default:
			return s, nil
		}
	}
}

package diagnose

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/insightconform/conform/generators/catalogue"
	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
)

// Player plays cases on fresh worlds. Its client's requests are counted apart from the exploration's.
type Player struct {
	Client  *session.Client
	singles map[string]string // by operation and rule
	enough  int               // requests after which what is seen now and then is not repeated any more
	flaky   map[model.Op]int  // how often an operation was seen to answer wrongly now and then
}

// NewPlayer makes a player that sends by a client.
func NewPlayer(client *session.Client) *Player {
	client.Patient = true
	return &Player{Client: client, singles: map[string]string{}, flaky: map[model.Op]int{}, enough: math.MaxInt}
}

// The bounds of what is played.
const (
	maxTries          = 3    // of a divergence
	MaxShrinkRequests = 500  // that may be spent on one divergence
	maxPaired         = 8    // steps of a case up to which leaving out pairs fits into the budget
	maxExperimented   = 25   // steps of a case that is not yet the shortest and is experimented with all the same
	maxSuspicions     = 2000 // that a hopelessly different target can pile up
)

// Play sends requests to a fresh world, waiting for it to settle wherever that matters, until all are
// sent, until says that it was enough, or the world is lost. Where a write may have rested on an old
// state, or its answer got lost, it begins anew. until is asked after each request; nil is never.
func (p *Player) Play(ctx context.Context, requests []model.Request, until func(*session.Session) bool) (*session.Session, error) {
	over := func(s *session.Session) bool { return p.Client.Spent(ctx) || until != nil && until(s) }
	policy := session.Policy{Wait: true}
	for lost := 0; ; {
		s, err := p.Client.New(targets.WithFresh(ctx), policy, nil)
		if err != nil {
			return nil, err
		}
		for _, r := range requests {
			if !s.Alive(ctx) || over(s) {
				break
			}
			s.Do(ctx, r)
		}
		s.Close(ctx)
		switch {
		case ctx.Err() != nil || over(s):
			return s, nil
		case s.Early() >= 0 && !slices.Contains(policy.SettleBefore, s.Early()):
			policy.SettleBefore = append(policy.SettleBefore, s.Early())
		case s.LostWrite() && lost < maxTries:
			lost++
		default:
			return s, nil
		}
	}
}

// find plays requests until something wanted is found, and returns it; nil where nothing is, or by chance alone.
func (p *Player) find(ctx context.Context, requests []model.Request, wanted func(session.Found) bool) *Divergence {
	for range maxTries {
		if found := p.once(ctx, requests, wanted); found == nil || !p.isFlaky(found) || p.hasCause(ctx, found) {
			return found
		}
	}
	return nil
}

// once plays requests until something wanted is found, and returns it; nil where nothing is.
func (p *Player) once(ctx context.Context, requests []model.Request, wanted func(session.Found) bool) *Divergence {
	s, err := p.Play(ctx, requests, func(s *session.Session) bool { return slices.ContainsFunc(s.Found, wanted) })
	if err != nil {
		return nil
	}
	return firstOf(s, s.Found, wanted)
}

// firstOf is the first finding that is wanted, with the steps up to the one that showed it; nil for none.
func firstOf(s *session.Session, found []session.Found, wanted func(session.Found) bool) *Divergence {
	for _, f := range found {
		if wanted(f) {
			return &Divergence{Finding: f.Finding, Raw: f.Signature(), Steps: s.Steps[:f.At+1]}
		}
	}
	return nil
}

// reliable reports whether a finding rests on an answer.
func (p *Player) reliable(f session.Found) bool { return p.Client.RestsOnAnswer(f.Finding) }

// signed wants findings of a signature.
func signed(signature string) func(session.Found) bool {
	return func(f session.Found) bool { return f.Signature() == signature }
}

// watch plays requests until a signature shows; nil where it does not. An answer that got lost must do so each time.
func (p *Player) watch(ctx context.Context, requests []model.Request, signature string) *Divergence {
	for tries := 1; ; tries++ {
		found := p.find(ctx, requests, signed(signature))
		if found == nil || tries == maxTries || p.Client.RestsOnAnswer(found.Finding) {
			return found
		}
	}
}

// watchEnd plays requests until something is found at the last write or a read after it.
func (p *Player) watchEnd(ctx context.Context, requests []model.Request) *Divergence {
	end := 0
	for i, r := range requests {
		if !r.Op.Reads() {
			end = i
		}
	}
	return p.find(ctx, requests, func(f session.Found) bool { return f.At >= end && p.reliable(f) })
}

// single is the kind of answer to the simplest request that breaks one rule alone; empty for no such request or answer.
func (p *Player) single(ctx context.Context, rule model.ID, op model.Op) string {
	key := string(op) + " " + string(rule)
	kind, known := p.singles[key]
	if known {
		return kind
	}
	if setup, probe, ok := catalogue.Minimal(rule, op, p.Client.Model, p.Client.Scope); ok {
		s, err := p.Play(ctx, append(slices.Clone(setup), probe), nil)
		if err == nil && len(s.Steps) > len(setup) {
			if answer := s.Steps[len(setup)].Reply.Answer; answer.Definite() {
				kind = answer.Kind()
			}
		}
	}
	p.singles[key] = kind
	return kind
}

// ReplayTrace plays a trace until it shows its divergence, or as often as that may hide, and says what became of it,
// and what was found.
func (p *Player) ReplayTrace(ctx context.Context, t *reports.Trace) (reports.Replay, []*Divergence) {
	tries := 1
	if t.Status != reports.Confirmed {
		tries = maxTries
	}
	out, found := p.replay(ctx, reports.BaselineEntry{Signature: t.Signature, Raw: t.Raw, Needs: t.Needs, Steps: reports.Requests(t.Steps)}, tries)
	out.Rule = t.Rule
	return out, found
}

// ReplayEntry is ReplayTrace of an entry of a baseline.
func (p *Player) ReplayEntry(ctx context.Context, e reports.BaselineEntry) (reports.Replay, []*Divergence) {
	if e.Seen != "" {
		return p.replay(ctx, e, 3*maxTries) // it comes and goes: only a long silence says that it is gone
	}
	return p.replay(ctx, e, 1)
}

func (p *Player) replay(ctx context.Context, e reports.BaselineEntry, tries int) (out reports.Replay, found []*Divergence) {
	out = reports.Replay{Signature: e.Signature, Outcome: reports.ReplayFixed}
	for _, need := range e.Needs {
		if !p.Client.Can(need) {
			out.Outcome, out.Why = reports.ReplayNotCovered, "the target has no "+string(need)
			return out, found
		}
	}
	for range tries {
		s, err := p.Play(ctx, e.Steps, nil)
		if err != nil {
			out.Outcome, out.Why = reports.ReplayNotCovered, err.Error()
			return out, found
		}
		for _, f := range s.Found {
			found = append(found, suspicion(f.Finding, s.Steps[:f.At+1]))
		}
		switch {
		case slices.ContainsFunc(s.Found, signed(cmp.Or(e.Raw, e.Signature))):
			out.Outcome, out.Why = reports.ReplayDiverges, ""
			return out, found
		case len(s.Found) > 0:
			f := s.Found[len(s.Found)-1]
			out.Outcome, out.Why = reports.ReplayDifferent, fmt.Sprintf("%s: %s instead of %s", f.Rule, f.Actual, strings.Join(f.Expected[:min(1, len(f.Expected))], ""))
		case s.Lost != "" || len(s.Steps) < len(e.Steps):
			out.Outcome, out.Why = reports.ReplayNotCovered, "the steps could not be played to the end: "+s.Lost
		}
	}
	return out, found
}

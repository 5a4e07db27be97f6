package probe

import (
	"context"
	"slices"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/wire"
)

// Seen is what the first history has shown: a finding, and the session that led to it, as it was then.
type Seen struct {
	Session *session.Session
	Finding model.Finding
}

// Assumed is what a target is taken to be able to do before it is probed.
func Assumed() generators.Scope {
	can := map[model.Capability]bool{}
	for _, c := range []model.Capability{model.CanRawWire, model.CanCreate, model.CanPut, model.CanGet, model.CanGetTrail,
		model.CanPutEvents} {
		can[c] = true
	}
	return generators.Scope{Can: can}
}

// listening has what the target asks to find its way be judged like the first history, where one is played.
func (s *Subject) listening(ctx context.Context, o Options) context.Context {
	if len(o.First) == 0 {
		return ctx
	}
	return targets.OnAsked(ctx, func(r model.Request, reply targets.Reply) {
		// The only string is a name of nothing.
		r.Input = generators.MapStrings(r.Input, func(string) string { return "nobody" })
		client := &session.Client{Target: saidTarget{said{reply}}, Model: &model.DefaultWorld, Scope: Assumed(),
			Status: session.NewStatus(nil), Quota: 1}
		if x, err := client.New(ctx, session.Policy{}, &watcher{subject: s, found: o.Found}); err == nil {
			x.Play(ctx, r)
		}
	})
}

// said is a world of which one answer is known, and saidTarget has such worlds.
type (
	said       struct{ reply targets.Reply }
	saidTarget struct{ said }
)

func (s said) Do(context.Context, model.Request) targets.Reply { return s.reply }
func (s said) Close(context.Context) error                     { return nil }

func (t saidTarget) Open(context.Context) (targets.Info, error)      { return targets.Info{}, nil }
func (t saidTarget) NewWorld(context.Context) (targets.World, error) { return t.said, nil }
func (t saidTarget) Close() error                                    { return nil }

// first plays a history before anything is known of the target, so that nothing is asked in vain: what it shows is as
// suspicious as what the suites show, and is tried again like that, by what is known then. It reports whether it came to
// its end. On a target that settles, or lends what exists, the suites play it.
func (s *Subject) first(ctx context.Context, history []model.Request,
	found func(signature string) (enough bool)) (whole bool, err error) {
	if len(history) == 0 || s.Enough || s.Info.Eventual || s.Info.Lent || s.ReadOnly() || s.Info.Room > 0 {
		return false, nil
	}
	scope := Assumed()
	scope.Can[model.CanRawWire] = s.Info.RawRequests
	s.Status.Hold() // what can be done is told first
	known := s.Prober.Scope
	s.Prober.Scope = scope
	defer func() { s.Prober.Scope = known }()
	x, err := s.Prober.New(ctx, session.Policy{}, &watcher{subject: s, found: found})
	if err != nil {
		return false, err
	}
	defer func() { x.Close(ctx); s.Status.Leave(s.Prober) }()
	for _, r := range history {
		if !scope.Allows(r) {
			continue
		}
		n := len(x.Steps)
		if !x.Play(ctx, r) {
			return false, nil
		}
		if len(x.Steps) > n && absent(x.Steps[n]) {
			return false, nil // it is no judge of what is not there
		}
	}
	return true, nil
}

// explained reports whether what was seen before the probe is no contradiction to a target that can do what is known now.
func (s *Subject) explained(x Seen) bool {
	if !s.Scope.Applies(x.Finding.Rule) {
		return true
	}
	tracker, last := model.NewTracker(s.Model), len(x.Session.Steps)-1
	for _, step := range x.Session.Steps[:last] {
		if tracker.Observe(step.Request, step.Reply.Answer); step.Diverges {
			return false // where that leads, only a session tells
		}
	}
	step := x.Session.Steps[last]
	return step.Diverges && tracker.Observe(step.Request, step.Reply.Answer).Allowed
}

// absent reports whether a target says that what was asked of it is not there.
func absent(step session.Step) bool {
	return step.Reply.Answer.Outcome != model.Succeeded && (wire.Missing(step.Reply) || wire.NotOffered(step.Reply))
}

// watcher keeps what a session before the probe sees.
type watcher struct {
	subject *Subject
	found   func(signature string) (enough bool)
}

// Found implements session.Observer.
func (w *watcher) Found(s *session.Session, f model.Finding) {
	if absent(*s.Last()) || !s.Last().Request.Op.Insights() && s.Last().Reply.Answer.Outcome != model.Succeeded {
		return
	}
	then := *s
	then.Steps = slices.Clone(s.Steps)
	known := slices.ContainsFunc(w.subject.Seen, func(x Seen) bool { return x.Finding.Signature() == f.Signature() })
	w.subject.Seen = append(w.subject.Seen, Seen{&then, f})
	if !known && w.found != nil && w.found(f.Signature()) {
		w.subject.Enough = true
	}
}

// Deviated implements session.Observer.
func (w *watcher) Deviated(op model.Op, d model.Deviation) {
	w.subject.Deviated = append(w.subject.Deviated, Deviated{op, d})
}

// Deviated is an accepted answer to the first history that is not the reference one.
type Deviated struct {
	Op        model.Op
	Deviation model.Deviation
}

func (*watcher) Allowed(session.Step) {}
func (*watcher) Unchanged(string)     {}
func (*watcher) Followed(bool)        {}

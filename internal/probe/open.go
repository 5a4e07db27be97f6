// Package probe opens a target and finds out what it can do. Everything that drives a target opens it
// here: runs, learning, plans, replays and properties.
package probe

import (
	"cmp"
	"context"
	"errors"
	"math"
	"runtime"
	"time"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/naming"
)

// DefaultSettle is how long an eventually consistent target may take to show what was written.
const DefaultSettle = time.Minute

// Options say how a target is opened. The zero value is that of a run.
type Options struct {
	Order    *model.Profile      // the error order that the target is held to; nil is the reference's
	Eventual bool                // the target is eventually consistent, whether or not it says so
	Settle   time.Duration       // how long it may then take to show what was written; 0 is DefaultSettle
	Workers  int                 // worlds side by side; 0 lets the target decide
	Events   func(reports.Event) // is told of what happens, one event at a time; may be nil
}

// Subject is a target that was opened, and what probing found out about it.
type Subject struct {
	Target  targets.Target
	Info    targets.Info
	Status  *session.Status
	Model   *model.World // fitted to what the target can do
	Scope   generators.Scope
	Why     map[model.Capability]string // of the absent capabilities
	Workers int                         // that the quota of trails leaves room for
	Notes   []string
	// Fingerprint is a hash of what the target answered, free of names and times.
	Fingerprint string
	// NoTrails says why no trail can be made, where the target means to make trails and lends none.
	NoTrails string
	Probed   bool            // probing came to its end
	Prober   *session.Client // that sent the probe's requests
	settle   time.Duration
}

// Open opens a target, finds out what it can do, and fits the model to it. Where the target ended the run, or ctx
// ended, there is no error and Probed stays false. After an error the target is closed; else the caller closes
// it. Errors are those of targets.Target.Open.
func Open(ctx context.Context, target targets.Target, o Options) (*Subject, error) {
	target = naming.Wrap(target)
	status := session.NewStatus(o.Events) // opening is part of the run's time
	info, err := target.Open(ctx)
	if err != nil {
		return nil, errors.Join(err, target.Close())
	}
	info.Eventual = info.Eventual || o.Eventual
	s := newSubject(info, o, status)
	s.Target = target
	s.Prober = s.NewClient()
	err = s.probe(ctx)
	switch {
	case ctx.Err() != nil || status.Ended() != nil:
	case err != nil:
		return nil, errors.Join(err, target.Close())
	default:
		s.Probed = true
		s.fit()
	}
	return s, nil
}

// Assume is a target that is not asked: it is taken to have the given capabilities.
func Assume(info targets.Info, can map[model.Capability]bool, o Options) *Subject {
	s := newSubject(info, o, session.NewStatus(o.Events))
	s.Scope, s.Workers, s.Probed = generators.Scope{Can: can}, 1, true
	s.fit()
	return s
}

func newSubject(info targets.Info, o Options, status *session.Status) *Subject {
	world := model.DefaultWorld
	world.Profile = o.Order
	s := &Subject{Info: info, Status: status, Model: &world, Why: map[model.Capability]string{},
		Workers: cmp.Or(o.Workers, info.Workers, min(4, runtime.GOMAXPROCS(0)))}
	if info.Serial {
		s.Workers = 1
	}
	s.Scope = generators.Scope{Can: map[model.Capability]bool{}, MaxTrails: maxTrails, MaxStores: maxStores}
	if info.Eventual {
		s.settle = cmp.Or(o.Settle, DefaultSettle)
	}
	return s
}

func (s *Subject) fit() {
	s.Model.Lent = s.Info.Lent
	s.Model.NoStart = !s.Scope.Can[model.CanLog]
	s.Model.NoStores = !s.Scope.Can[model.CanStores]
}

// NewClient makes a client with a count of its own and no quota.
func (s *Subject) NewClient() *session.Client {
	return &session.Client{Target: s.Target, Model: s.Model, Scope: s.Scope, Status: s.Status, SettleTime: s.settle, Quota: math.MaxInt,
		Serial: s.Info.Serial}
}

// Can reports whether the target has a capability.
func (s *Subject) Can(c model.Capability) bool { return s.Probed && s.Scope.Can[c] }

// Testable reports whether there is something to test: Put, and something to put it on.
func (s *Subject) Testable() bool {
	return s.Can(model.CanPut) && (s.Can(model.CanCreate) || s.Can(model.CanStores))
}

// WhyNot says why a capability is absent.
func (s *Subject) WhyNot(c model.Capability) string {
	return cmp.Or(s.Why[c], "nothing could be tried")
}

// Lacking says which capability a rule misses, and why it is absent.
func (s *Subject) Lacking(rule *model.Rule) string {
	for _, c := range rule.Needs {
		if s.Probed && !s.Scope.Can[c] {
			return "needs " + string(c) + " (" + s.Why[c] + ")"
		}
	}
	return "the run ended before"
}

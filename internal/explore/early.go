package explore

import (
	"context"
	"slices"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/generators/catalogue"
	"github.com/insightconform/conform/internal/diagnose"
	"github.com/insightconform/conform/internal/probe"
	"github.com/insightconform/conform/model"
)

// Beginning has the options of a run's probe, which plays the first of the early histories where the run plays them all.
func (o *Options) Beginning() probe.Options {
	out := o.Probe()
	whole := len(out.Left)+len(out.Without) == 0 && o.Resume == nil && o.Shard.Index == 0
	if whole && (o.Suites == nil || slices.Contains(o.Suites, Systematic)) {
		out.First = first(&model.DefaultWorld)
		out.Found = o.Found
	}
	return out
}

// first is the part of the first early history that may be asked before anything is known of a target.
func first(w *model.World) []model.Request {
	mayEnd := func(r model.Request) bool { return r.Malformed() }
	return slices.DeleteFunc(catalogue.Early(w, probe.Assumed())[0], mayEnd)
}

// begin has the first worker take in what the first history has shown.
func (x *Exploration) begin() {
	w, status := x.Workers[0], x.Subject.Status
	for _, seen := range x.Subject.Seen {
		d := diagnose.Suspect(seen.Session, seen.Finding)
		if w.Suspicions.Add(d) {
			status.Suspicions.Add(1)
			status.TellOnce(d.Key(), d.Event)
			w.reserve()
		}
		w.inspector.suspect(d)
	}
	for _, d := range x.Subject.Deviated {
		w.deviated(d.Op, d.Deviation)
	}
	status.Stop.Store(x.Subject.Enough && len(x.Subject.Seen) > 0) // or what was enough has turned out to be nothing
	for _, w := range x.Workers {
		w.begun = x.Subject.Begun
	}
}

// early plays the worker's share of the early histories. A run that leaves rules out has no need of them.
func (w *Worker) early(ctx context.Context) {
	if len(w.Client.Scope.Left) > 0 {
		return
	}
	for i, history := range catalogue.Early(w.Client.Model, w.Client.Scope) {
		if i%max(1, w.parts) != w.part {
			continue
		}
		if i == 0 && w.begun {
			asked := first(w.Client.Model)
			history = slices.DeleteFunc(history, func(r model.Request) bool {
				return slices.ContainsFunc(asked, func(o model.Request) bool { return generators.Same(o, r) })
			})
		}
		if w.Client.Spent(ctx) {
			return
		}
		v, ok := w.visit(ctx)
		if !ok {
			return
		}
		v.play(ctx, history...)
		v.leave(ctx)
	}
}

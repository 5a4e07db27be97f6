package explore

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/internal/diagnose"
	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
)

// visit is a worker's stay in one world. It observes the session: what was tried and what was found.
type visit struct {
	session *session.Session
	worker  *Worker
	due     map[string][]model.ID // rules that the next Get of a resource tests
	found   *diagnose.Divergence  // what was found last and leaves the state open
	behind  string                // the key of that
	quiet   bool                  // which rules it exercises is not counted: others do the same
}

// visit opens a fresh world. Where none is to be had the worker's exploration ends.
func (w *Worker) visit(ctx context.Context) (*visit, bool) {
	v := &visit{worker: w, due: map[string][]model.ID{}}
	maps.DeleteFunc(w.missing, func(id model.ID, _ bool) bool { return w.Client.Status.Exercised(id) }) // by another worker
	s, err := w.Client.New(ctx, session.Policy{}, v)
	if err != nil {
		w.Client.Note(err.Error())
		w.Client.Stuck = true
		return nil, false
	}
	v.session = s
	return v, true
}

// leave ends a visit, notes whether the target still answers, and inspects what is pending.
func (v *visit) leave(ctx context.Context) {
	client := v.worker.Client
	client.Heard(ctx, !v.session.Silent(), v.session.Problem)
	v.session.Close(ctx)
	if v.session.Lost != "" && v.found != nil || !client.Can(model.CanGet) {
		v.Followed(false)
	}
	v.worker.inspect(ctx)
}

// play sends requests in order for as long as the world can be followed and the quota lasts.
func (v *visit) play(ctx context.Context, requests ...model.Request) bool {
	for _, r := range requests {
		if v.worker.Client.Scope.LeavesOut(v.session.State(), r) {
			continue
		}
		if v.worker.inspector.due() || !v.session.Play(ctx, r) {
			return false
		}
	}
	return v.session.Alive(ctx) && !v.worker.inspector.due()
}

// verify sends the reads that tell states apart after a request.
func (v *visit) verify(ctx context.Context, r model.Request) bool {
	return v.play(ctx, generators.Reads(v.session.State(), r, v.worker.Client.Scope)...)
}

// Found keeps a finding with the steps that led to it.
func (v *visit) Found(s *session.Session, f model.Finding) {
	w, status := v.worker, v.worker.Client.Status
	d := diagnose.Suspect(s, f)
	d.Doubtful = s.Doubtful() && w.Client.RestsOnAnswer(f) // silence is confirmed in a way of its own
	key := d.Key()
	if w.Suspicions.Add(d) {
		status.Suspicions.Add(1)
		status.TellOnce(key, d.Event)
		w.reserve()
		if c := w.inspector; c != nil && c.options.Found != nil && c.options.Found(f.Signature()) {
			status.Stop.Store(true)
		}
	}
	if w.inspector != nil {
		w.inspector.suspect(d)
	}
	if !f.Plain {
		v.found, v.behind = d, key
	}
	last := s.Last()
	right := model.Step(last.Before, last.Request)[0]
	now, due, resource := model.Exercised(last.Before, last.Request, right.Answer, right.Next)
	status.Hide(key, slices.Concat(now, due)...)
	if last.Diverges && last.Request.Op == model.OpGet && f.Rule.Family() != "wire" && w.Client.Scope.Left[f.Rule] != "" { // no evidence
		status.Hide(key, v.due[resource]...)
		delete(v.due, resource)
	}
	v.shown(*last, resource)
}

// Deviated counts a deviation.
func (v *visit) Deviated(op model.Op, d model.Deviation) { v.worker.deviated(op, d) }

func (w *Worker) deviated(op model.Op, d model.Deviation) {
	w.Deviations[reports.Deviation{Rule: d.Rule, Level: model.Inferred, Operation: string(op), Reference: d.Reference, Actual: d.Actual}]++
}

// Allowed notes which rules an allowed answer has tested.
func (v *visit) Allowed(step session.Step) {
	if v.quiet {
		return
	}
	w := v.worker
	w.seen(step.Before, step.Request)
	if len(w.missing) == 0 {
		return
	}
	now, due, resource := model.Exercised(step.Before, step.Request, step.Reply.Answer, step.State)
	if unproven := w.Client.Status.Unproven(step.Request); len(unproven) > 0 {
		for _, form := range unproven {
			w.Client.Status.Hide(form, now...)
		}
		return
	}
	if step.Request.Op == model.OpGet && resource != "" {
		v.shown(step, resource)
		v.read(resource, now...)
		v.Unchanged(resource)
		delete(v.due, resource)
		return
	}
	if w.Client.Can(model.CanGet) && resource != "" { // what a read is to show as well is not kept before it has
		now = slices.DeleteFunc(now, func(id model.ID) bool { return slices.Contains(due, id) })
	}
	w.exercised(now...)
	for _, id := range due {
		switch {
		case id == model.StateIsolated:
			for _, other := range step.State.Resources() {
				if other != resource {
					v.due[other] = append(v.due[other], id)
				}
			}
		case resource != "":
			v.due[resource] = append(v.due[resource], id)
		}
	}
}

// exercised notes rules that were put to the test.
func (w *Worker) exercised(ids ...model.ID) {
	for _, id := range ids {
		if w.missing[id] {
			delete(w.missing, id)
			w.Client.Status.Exercise(id)
		}
	}
}

// seen notes a judged request: the pair of rules that it breaks and the transition that it is.
func (w *Worker) seen(before model.State, r model.Request) {
	if r.Op == model.OpPut {
		broken := model.Broken(before, r)
		if len(broken) == 2 {
			w.pairs[[2]model.ID(broken)] = true
		}
		w.classes[class(before, broken)] = true
	}
	w.tour.Covered(before, r)
}

// class names a combination of broken rules and what matters of the first trail's state.
func class(s model.State, broken []model.ID) string {
	key := ""
	if len(s.Trails) > 0 {
		t := s.Trails[0]
		key = t.Insights.String() + "/" + t.Logs.String()
	}
	for _, id := range broken {
		key += "|" + string(id)
	}
	return key
}

// Unchanged notes that the rules hold which the next Get of a resource was to test.
func (v *visit) Unchanged(resource string) { v.read(resource, v.due[resource]...) }

// shown notes which selectors a Get has shown.
func (v *visit) shown(step session.Step, resource string) {
	if known := v.worker.shown[strings.HasPrefix(resource, "store/")]; step.Request.Op == model.OpGet && resource != "" {
		known[step.Reply.Answer.Selectors] = true
	}
}

// read notes rules that a Get has put to the test, unless all of them show the same, whatever is stored.
func (v *visit) read(resource string, ids ...model.ID) {
	if len(v.worker.shown[strings.HasPrefix(resource, "store/")]) > 1 {
		v.worker.exercised(ids...)
	} else {
		v.worker.Client.Status.Hide("", ids...)
	}
}

// Followed forgets what was due: the target is in a state that nobody asked for.
func (v *visit) Followed(harm bool) {
	if harm && v.found != nil {
		v.found.Harm = true
		v.worker.Suspicions.Prefer(v.found)
	}
	for _, ids := range v.due {
		v.worker.Client.Status.Hide(v.behind, ids...)
	}
	clear(v.due)
}

// inspector looks into what its worker suspects as soon as the world that showed it is closed: the first sight of
// each signature, and all of it, before anything else, where the run ends with the first divergence that counts.
// It heeds no other worker, so that a run sends the same requests each time; only the first looks into long cases.
type inspector struct {
	*Exploration
	worker    int
	pending   diagnose.Suspicions
	tried     map[string]int
	inspected map[string]bool
}

func (c *inspector) name(d *diagnose.Divergence) string {
	if c.options.StopAtFirst {
		return d.Key()
	}
	return d.Raw
}

// suspect takes in what was found, if it matters and was not looked into often enough. What
// crashes it is found out at the end, when nothing else is sent that may be the cause.
func (c *inspector) suspect(d *diagnose.Divergence) {
	matters := d.Finding.Rule != model.WireNoCrash
	if c.options.StopAtFirst {
		matters = d.Finding.Level >= c.options.FailOn
	}
	name, long := c.name(d), len(d.Steps) > maxSharedSteps && !c.options.StopAtFirst
	if matters && !d.Doubtful && c.tried[name] < maxInspected && (c.worker == 0 || !long) {
		c.tried[name]++
		c.pending.Add(d)
	}
}

// due reports whether there is something that must be looked into at once.
func (c *inspector) due() bool { return c != nil && c.options.StopAtFirst && len(c.pending) > 0 }

// inspect looks into what is pending, which ends the exploration of all where it is enough. Once enough was found nothing
// is played before the exploration has ended: what does not show then would count as chance.
func (w *Worker) inspect(ctx context.Context) {
	c := w.inspector
	if c == nil || len(c.pending) == 0 || w.Client.Status.Stop.Load() {
		return
	}
	pending, before := c.pending.Sorted(), w.Player.Client.Requests
	defer func() { w.spent(w.Player.Client.Requests - before) }()
	c.pending = diagnose.Suspicions{}
	for _, d := range pending {
		key, name := d.Key(), c.name(d)
		if ctx.Err() != nil || c.inspected[name] || !w.Player.ResolveOne(ctx, d, c.options.StopAtFirst) {
			continue
		}
		c.inspected[name] = true
		w.Suspicions.Confirmed(key, d)
		if c.Confirmed != nil && c.Confirmed(d) {
			w.Client.Status.Stop.Store(true)
			return
		}
	}
}

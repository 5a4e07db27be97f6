package selftest

import (
	"context"
	"slices"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/embedded"
)

// runPairs lays each flaw that is common in the field over each fault that was caught by itself: unless the flaw hides it,
// the fault must be caught behind it, under the same rule.
func (t *test) runPairs(ctx context.Context) {
	w := newWalk()
	flaws := make([]flawed, len(embedded.Flaws))
	t.progress.Total += len(flaws)
	sideBySide(t.options.Parallel, len(flaws), func(i int) { flaws[i] = t.runFlaw(ctx, embedded.Flaws[i]) })
	n := 0
	for _, flaw := range flaws {
		for _, f := range t.out.Faults {
			if f.Caught == nil || f.Name == flaw.name {
				continue
			}
			if n++; n%max(1, t.options.Stride) == 0 {
				t.out.Pairs = append(t.out.Pairs, reports.SelftestPair{Flaw: flaw.name, Fault: f.Name, Rule: f.Caught.Rule})
			}
		}
	}
	t.progress.Total += len(t.out.Pairs)
	sideBySide(t.options.Parallel, len(t.out.Pairs), func(i int) {
		if ctx.Err() != nil {
			return
		}
		pair := &t.out.Pairs[i]
		flaw := flaws[slices.Index(embedded.Flaws, pair.Flaw)]
		pair.Hidden = w.hides(ctx, flaw, pair.Fault)
		for _, whole := range []bool{false, true} { // another rule that is caught first does not hide the fault
			if !pair.Hidden && !pair.Caught && pair.Problem == "" {
				t.runPair(ctx, pair, flaw, whole)
			}
		}
	})
}

// flawed is what a run says of a server with a flaw alone.
type flawed struct {
	name  string
	known *reports.Baseline
}

func (t *test) runFlaw(ctx context.Context, name string) flawed {
	report, problem := t.run(ctx, name, conform.Options{})
	if problem != "" {
		t.problem("the run against the server with " + name + ": " + problem)
	}
	flaw := flawed{name: name, known: &reports.Baseline{}}
	if report == nil {
		return flaw
	}
	for _, d := range report.Divergences {
		for _, signature := range append(d.Also, d.Signature) {
			flaw.known.Entries = append(flaw.known.Entries, reports.BaselineEntry{Signature: signature, Reason: name})
		}
	}
	return flaw
}

// runPair runs the suite against a pair, until something is found that the flaw alone does not show, or whole.
func (t *test) runPair(ctx context.Context, pair *reports.SelftestPair, flaw flawed, whole bool) {
	report, problem := t.run(ctx, pair.Fault+"+"+pair.Flaw, conform.Options{Baseline: flaw.known, StopAtFirst: !whole})
	if report == nil {
		pair.Problem = problem
		return
	}
	pair.Requests = report.Requests
	fault, _ := embedded.FaultNamed(pair.Fault)
	for _, d := range report.Divergences {
		symptom := fault.Deep && !d.Known // of which another one may come first
		pair.Caught = pair.Caught || d.Rule == pair.Rule || symptom
		if whole && !d.Known {
			pair.Instead = append(pair.Instead, d.Rule)
		}
	}
}

// hides reports whether a flaw hides a fault: no case, and no sequence of calls for a fault that remembers, gets an
// answer that the flaw alone does not give and that the model does not accept, with another signature than the flaw has.
func (w *walk) hides(ctx context.Context, flaw flawed, fault string) bool {
	f, _ := embedded.FaultNamed(fault)
	var servers [2]targets.Target
	for i, name := range []string{flaw.name, fault + "+" + flaw.name} {
		servers[i] = embedded.InProcess(embedded.ServerOptions{Fault: name})
		if _, err := servers[i].Open(ctx); err != nil {
			return false
		}
	}
	shown := false
	w.each(f.Remembers(), func(calls []call, reads reading) bool {
		shown = flaw.differs(ctx, servers, calls, reads)
		return shown || ctx.Err() != nil
	})
	return !shown
}

// differs makes calls at two servers, of which the first has the flaw alone, and reads after each that is none, until the
// second shows what the flaw does not.
func (flaw flawed) differs(ctx context.Context, servers [2]targets.Target, calls []call, reads reading) bool {
	var worlds [2]targets.World
	for i, server := range servers {
		var err error
		if worlds[i], err = server.NewWorld(ctx); err != nil {
			return false
		}
	}
	tracker := model.NewTracker(&model.DefaultWorld)
	var history []model.Exchange
	tells := func(r model.Request) bool {
		flawed, reply := worlds[0].Do(ctx, r), worlds[1].Do(ctx, r)
		before, x := tracker.Clone(), model.Exchange{Before: tracker.State(), Others: tracker.Others(), Request: r, Answer: reply.Answer}
		x.Allowed = accepts(tracker, r, reply)
		x.After = tracker.State()
		if history = append(history, x); x.Allowed {
			return false
		}
		if flawed.Answer != reply.Answer || flawed.Status != reply.Status || !slices.Equal(flawed.Objections, reply.Objections) {
			verdict := before.Clone().Observe(r, reply.Answer)
			return verdict.Allowed || !reply.Answer.Definite() || flaw.known.Find(model.Blame(history, verdict.Expected).Signature()) == nil
		}
		if as, plain := before.TakenFor(r, reply.Answer); plain {
			before.Observe(r, as)
		} else {
			before.Follow(model.Step(before.State(), r)[0].Next)
		}
		tracker = before
		return false
	}
	return eachRequest(func() model.State { return tracker.State() }, calls, reads, tells)
}

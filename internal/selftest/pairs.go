package selftest

import (
	"context"
	"slices"
	"strings"

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
	sideBySide(t.options.Parallel, len(flaws), func(i int) {
		flaws[i] = t.runFlaw(ctx, embedded.Flaws[i])
		flaws[i].walked = w.shows(ctx, embedded.Flaws[i])
	})
	n := 0
	for _, flaw := range flaws {
		for _, f := range t.out.Faults {
			if f.Caught == nil || f.Name == flaw.name {
				continue
			}
			if n++; n%max(1, t.options.Stride) == 0 {
				same := flaw.known.Find(f.Caught.Signature) != nil // a report cannot tell them apart
				t.out.Pairs = append(t.out.Pairs, reports.SelftestPair{Flaw: flaw.name, Fault: f.Name, Rule: f.Caught.Rule, Hidden: same})
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
		pair.Hidden = pair.Hidden || w.hides(ctx, flaw, pair.Fault)
		for _, whole := range []bool{false, true} { // another rule that is caught first does not hide the fault
			if !pair.Hidden && !pair.Caught && pair.Problem == "" {
				t.runPair(ctx, w, pair, flaw, whole)
			}
		}
	})
}

// flawed is what a run says of a server with a flaw alone.
type flawed struct {
	name          string
	known, walked *reports.Baseline // of the run, and of the walk
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
func (t *test) runPair(ctx context.Context, w *walk, pair *reports.SelftestPair, flaw flawed, whole bool) {
	report, problem := t.run(ctx, pair.Fault+"+"+pair.Flaw, conform.Options{Baseline: flaw.known, StopAtFirst: !whole})
	if report == nil {
		pair.Problem = problem
		return
	}
	pair.Requests = report.Requests
	fault, _ := embedded.FaultNamed(pair.Fault)
	for _, d := range report.Divergences {
		for _, signature := range append(d.Also, d.Signature) { // or under what it may follow from
			if flaw.known.Find(signature) != nil {
				continue
			}
			name, _, _ := strings.Cut(signature, "|")
			rule := model.ID(name)
			of := rule == pair.Rule || rule == fault.Rule || slices.Contains(fault.AlsoRules, rule) ||
				whole && w.shows(ctx, pair.Fault).Find(signature) != nil
			pair.Caught = pair.Caught || of || fault.Deep // of which another symptom may come first
			if whole {
				pair.Instead = append(pair.Instead, rule)
			}
		}
	}
}

// shows lists the signatures of the wrong answers that a server with a flaw gives in all cases, beside those of a run.
func (w *walk) shows(ctx context.Context, name string) *reports.Baseline {
	all := &reports.Baseline{}
	w.together(ctx, []string{name}, false, func(_ []targets.Reply, signature string) bool {
		if signature != form && all.Find(signature) == nil {
			all.Entries = append(all.Entries, reports.BaselineEntry{Signature: signature})
		}
		return false
	})
	return all
}

// hides reports whether a flaw hides a fault: no case, and no sequence of calls for a fault that remembers, gets an
// answer that the flaw alone does not give and that the model does not accept, with another signature than the flaw has.
func (w *walk) hides(ctx context.Context, flaw flawed, fault string) bool {
	f, _ := embedded.FaultNamed(fault)
	shown := false
	w.together(ctx, []string{fault + "+" + flaw.name, flaw.name}, f.Remembers(), func(replies []targets.Reply, signature string) bool {
		both, alone := replies[0], replies[1]
		same := both.Answer == alone.Answer && both.Status == alone.Status && slices.Equal(both.Objections, alone.Objections)
		shown = shown || !same && flaw.known.Find(signature) == nil && flaw.walked.Find(signature) == nil
		return shown
	})
	return !shown
}

// form is the signature of what is wrong with an answer beside what it says.
const form = "form"

// together makes the calls of all cases, and of all words if asked for, at several servers, and tells of each wrong answer
// of the first, with the answers of all and its signature, until it is enough. The model follows the first server.
func (w *walk) together(ctx context.Context, faults []string, withWords bool, enough func([]targets.Reply, string) bool) {
	servers := make([]targets.Target, len(faults))
	for i, name := range faults {
		servers[i] = embedded.InProcess(embedded.ServerOptions{Fault: name})
		if _, err := servers[i].Open(ctx); err != nil {
			return
		}
	}
	w.each(withWords, func(calls []call, reads reading) bool {
		worlds := make([]targets.World, len(servers))
		for i, server := range servers {
			worlds[i], _ = server.NewWorld(ctx) // in process it does not fail
		}
		tracker := model.NewTracker(&model.DefaultWorld)
		var history []model.Exchange
		return eachRequest(func() model.State { return tracker.State() }, calls, reads, func(r model.Request) bool {
			replies := make([]targets.Reply, len(worlds))
			for i, world := range worlds {
				replies[i] = world.Do(ctx, r)
			}
			before, answer := tracker.Clone(), replies[0].Answer
			x := model.Exchange{Before: before.State(), Others: before.Others(), Request: r, Answer: answer}
			x.Allowed = accepts(tracker, r, replies[0])
			x.After = tracker.State()
			if history = append(history, x); x.Allowed {
				return false
			}
			signature := form
			if verdict := before.Clone().Observe(r, answer); !verdict.Allowed && answer.Definite() {
				signature = model.Blame(history, verdict.Expected).Signature()
			}
			if as, plain := before.TakenFor(r, answer); plain {
				before.Observe(r, as)
			} else {
				before.Follow(model.Step(before.State(), r)[0].Next)
			}
			tracker = before
			return enough(replies, signature) || ctx.Err() != nil
		})
	})
}

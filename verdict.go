package conform

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
)

func (r *run) newReport() {
	r.report = &reports.Report{Schema: reports.Schema, Version: r.options.Version, Target: r.info, Seed: r.options.Seed,
		Suites: r.options.Suites, Shard: r.options.Shard.String(), FailOn: r.options.FailOn, Command: r.options.Command, Started: r.started,
		Divergences: []reports.Divergence{}, Deviations: []reports.Deviation{},
		Coverage: reports.Coverage{Rules: map[model.ID]reports.RuleCoverage{}}}
}

// divergence renders a divergence for the report.
func (r *run) divergence(d *divergence) reports.Divergence {
	f := d.finding
	out := reports.Divergence{Signature: f.Signature(), Rule: f.Rule, Level: f.Level, Operation: string(f.Operation), Expected: f.Expected,
		Actual: f.Actual, Count: d.count, Status: d.status(), Seen: d.seen(), Fails: f.Level >= r.options.FailOn, Also: d.symptoms}
	if known := r.options.Baseline.Find(out.Signature); known != nil && !known.Expired(r.started) {
		out.Known, out.Reason, out.Fails = true, known.Reason, false
	}
	if d.raw != out.Signature {
		out.Raw = d.raw
	}
	if rule := model.RuleOf(f.Rule); rule != nil {
		out.Statement, out.Source = rule.Statement, rule.Source
	} else {
		out.Statement, out.Source = "Of several broken rules the one that stands first in the given order is answered.", "the given order"
	}
	tracker := model.NewTracker(r.world)
	for i, s := range d.steps {
		step := reports.NewStep(i+1, s.request, s.reply, tracker.Allowed(s.request))
		tracker.Observe(s.request, s.reply.Answer)
		step.Diverges = s.diverges
		out.Steps = append(out.Steps, step)
		out.States = append(out.States, resourceStates(tracker.State()))
	}
	if n := len(out.Steps); n > 0 && !slices.ContainsFunc(out.Steps, func(s reports.Step) bool { return s.Diverges }) {
		out.Steps[n-1].Diverges = true
	}
	return out
}

func deviationList(counts map[deviationKey]int) []reports.Deviation {
	out := []reports.Deviation{}
	for key, count := range counts {
		out = append(out, reports.Deviation{Rule: key.Rule, Level: model.Inferred, Operation: string(key.op), Reference: key.Reference, Actual: key.Actual, Count: count})
	}
	slices.SortFunc(out, func(a, b reports.Deviation) int {
		return cmp.Or(strings.Compare(string(a.Rule), string(b.Rule)), strings.Compare(a.Operation, b.Operation),
			strings.Compare(a.Reference, b.Reference), strings.Compare(a.Actual, b.Actual))
	})
	return out
}

// finish fills in coverage and verdict.
func (r *run) finish(ctx context.Context) {
	report := r.report
	if report.DurationSeconds == 0 {
		report.DurationSeconds = time.Since(r.started).Seconds()
	}
	if report.DurationSeconds > 0 {
		report.RequestsPerSecond = float64(report.Requests) / report.DurationSeconds
	}
	report.CutShort = r.cut
	if r.probed == nil {
		report.CutShort = r.options.Suites // of which none was begun
	}
	r.setCapabilities()
	for i := range report.Divergences {
		r.shared.tell(reports.Event{Event: reports.EventDivergence, Divergence: &report.Divergences[i]})
	}
	for _, note := range report.Notes {
		r.shared.tellNote(note)
	}
	r.coverage()
	report.End = r.ending(ctx)
	reports.Judge(report)
}

func (r *run) setCapabilities() {
	if r.probed == nil {
		return
	}
	for _, c := range model.Capabilities {
		r.report.SetCapability(c, r.probed.scope.Can[c], r.probed.why[c])
	}
}

// coverage fills in what is known of each rule.
func (r *run) coverage() {
	violated := map[model.ID]bool{}
	for _, d := range r.report.Divergences {
		violated[d.Rule] = true
	}
	var inScope []model.ID
	if r.probed != nil {
		inScope = applicable(r.probed.scope)
	}
	for i := range model.Rules {
		rule := &model.Rules[i]
		c := reports.RuleCoverage{Applicable: slices.Contains(inScope, rule.ID), Violated: violated[rule.ID]}
		switch {
		case rule.Silent:
			c.Why = "it makes no claim"
		case !c.Applicable:
			c.Why = r.lacking(rule)
		default:
			if c.Exercised = r.total.rules[rule.ID]; !c.Exercised {
				c.Why = "no request put it to the test"
			}
		}
		r.report.Coverage.Rules[rule.ID] = c
	}
}

// lacking says which capability a rule misses, and why it is absent.
func (r *run) lacking(rule *model.Rule) string {
	for _, c := range rule.Needs {
		if r.probed == nil {
			break
		}
		if !r.probed.scope.Can[c] {
			return fmt.Sprintf("needs %s (%s)", c, r.probed.why[c])
		}
	}
	return "the run ended before"
}

// ending says how the run ended.
func (r *run) ending(ctx context.Context) *reports.End {
	end := &reports.End{PutSucceeded: r.putSeen, Resumed: r.options.Resume != nil}
	if ctx.Err() != nil {
		end.Interrupted = reports.ReasonInterrupted
	}
	if r.failure.Load() != nil {
		end.Failed = "the harness failed; what it had found is reported"
	}
	switch stopped, code := r.shared.stopped.Load(), r.shared.access.Load(); {
	case stopped != nil && errors.Is(*stopped, targets.ErrRefused):
		end.Refused = (*stopped).Error()
	case stopped != nil:
		end.Lost = (*stopped).Error()
	case code != nil:
		end.Lost = fmt.Sprintf("access was denied (%s); check the credentials, or pass --use-environment-credentials", *code)
	case r.shared.targetLost():
		problem := ""
		if p := r.shared.silence.Load(); p != nil {
			problem = " (" + *p + ")"
		}
		end.Lost = "the target stopped answering" + problem + "; see whether it still runs, and try a longer --timeout"
	}
	return end
}

func (r *run) why(c model.Capability) string {
	if r.probed == nil {
		return "nothing could be tried"
	}
	return r.probed.why[c]
}

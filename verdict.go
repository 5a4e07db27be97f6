package conform

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
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
	r.setCapabilities()
	for i := range report.Divergences {
		r.shared.tell(reports.Event{Event: reports.EventDivergence, Divergence: &report.Divergences[i]})
	}
	for _, note := range report.Notes {
		r.shared.tellNote(note)
	}
	exercised, applicable := r.coverage()
	verdict, reason := r.verdict(ctx, exercised, applicable)
	report.Verdict, report.Reason = verdict, reason
	report.ExitCode = verdict.ExitCode()
	report.Partial = verdict == reports.Interrupted || r.shared.targetLost() || r.shared.access.Load() != nil
}

func (r *run) setCapabilities() {
	if r.probed == nil {
		return
	}
	for _, c := range model.Capabilities {
		r.report.SetCapability(c, r.probed.scope.Can[c], r.probed.why[c])
	}
}

// coverage fills in what is known of each rule and counts.
func (r *run) coverage() (exercised, total int) {
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
			total++
			c.Exercised = r.total.rules[rule.ID]
			if c.Exercised {
				exercised++
			} else {
				c.Why = "no request put it to the test"
			}
		}
		r.report.Coverage.Rules[rule.ID] = c
	}
	return exercised, total
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

// verdict decides how the run ends, the strongest reason first.
func (r *run) verdict(ctx context.Context, exercised, applicable int) (reports.Verdict, string) {
	failing, unrepeated := 0, 0
	for _, d := range r.report.Divergences {
		if !d.Fails {
			continue
		}
		if d.Status == reports.Unrepeated {
			unrepeated++
		}
		if d.Status == reports.Confirmed || !r.info.Eventual {
			failing++
		}
	}
	lost := ""
	if code := r.shared.access.Load(); code != nil {
		lost = fmt.Sprintf("access was denied (%s); check the credentials, or pass --use-environment-credentials", *code)
	} else if r.shared.targetLost() {
		lost = "the target stopped answering"
		if problem := r.shared.silence.Load(); problem != nil {
			lost += " (" + *problem + ")"
		}
		lost += "; see whether it still runs, and try a longer --timeout"
	}
	var stale []string
	for _, entry := range r.report.Baseline {
		if entry.Stale {
			stale = append(stale, fmt.Sprintf("%s (%s)", entry.Signature, entry.Mend))
		}
	}
	switch {
	case ctx.Err() != nil:
		return reports.Interrupted, "interrupted before the end; run it again without interruption for a verdict"
	case failing > 0 && lost != "":
		return reports.Diverges, fmt.Sprintf("%s at or above level %s; then %s", plural(failing, "divergence"), r.options.FailOn, lost)
	case failing > 0:
		return reports.Diverges, fmt.Sprintf("%s at or above level %s", plural(failing, "divergence"), r.options.FailOn)
	case len(stale) > 0:
		return reports.Diverges, fmt.Sprintf("the baseline has %s: %s", stalePlural(len(stale)), strings.Join(stale, "; "))
	case lost != "":
		return reports.Inconclusive, lost
	case unrepeated > 0:
		return reports.Inconclusive, "divergences that did not repeat, on a target that may answer late; run it again"
	case r.probed == nil || !r.probed.scope.Can[model.CanPut]:
		return reports.Inconclusive, "the target does not offer PutInsightSelectors: " + r.why(model.CanPut)
	case !r.probed.scope.Can[model.CanCreate] && !r.probed.scope.Can[model.CanStores]:
		return reports.Inconclusive, "no trail could be made to test on: " + r.why(model.CanCreate)
	case !r.putSeen:
		return reports.Inconclusive, "no PutInsightSelectors ever succeeded; see what the target answers with --report json=PATH, and whether it needs --bucket or credentials"
	case r.unfinished() != "":
		return reports.Inconclusive, r.unfinished()
	case 2*exercised < applicable && r.machines == nil && r.options.Shard.String() == "" && r.options.Resume == nil:
		return reports.Inconclusive, fmt.Sprintf("only %d of %d applicable rules were exercised; raise --requests or --time, and keep the systematic suite", exercised, applicable)
	}
	below, known := 0, 0
	for _, d := range r.report.Divergences {
		known += boolInt(d.Known)
		below += boolInt(!d.Known)
	}
	switch {
	case known > 0 && below > 0:
		return reports.Conforms, fmt.Sprintf("nothing new at or above level %s; the baseline knows %s, and %s below that level", r.options.FailOn, plural(known, "divergence"), fmt.Sprintf("%d stand", below))
	case known > 0:
		return reports.Conforms, fmt.Sprintf("nothing new; the baseline knows %s", plural(known, "divergence"))
	case below > 0:
		return reports.Conforms, fmt.Sprintf("no divergence at or above level %s; %s below it", r.options.FailOn, plural(below, "divergence"))
	}
	switch {
	case r.options.Shard.String() != "":
		return reports.Conforms, fmt.Sprintf("no divergence was found in shard %s; 'conform merge' joins the reports of all", r.options.Shard)
	case len(r.report.Certificates) > 0:
		return reports.Conforms, "no divergence was found; the certificates say what that guarantees"
	}
	return reports.Conforms, "no divergence was found among the requests that were tried"
}

// unfinished says what of the complete suites was not executed, where nothing else was to be run.
func (r *run) unfinished() string {
	if !slices.Contains(r.cut, Complete) || len(r.options.Suites) > 1 {
		return ""
	}
	executed, tests := 0, 0
	for _, c := range r.report.Certificates {
		from, to := r.options.Shard.share(c.Tests)
		executed, tests = executed+c.Executed(), tests+to-from
	}
	return fmt.Sprintf("%d of %s of the complete suites executed; go on with --resume", executed, plural(tests, "test"))
}

func stalePlural(n int) string {
	if n == 1 {
		return "1 stale entry"
	}
	return fmt.Sprintf("%d stale entries", n)
}

func (r *run) why(c model.Capability) string {
	if r.probed == nil {
		return "nothing could be tried"
	}
	return r.probed.why[c]
}

package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/insightconform/conform/internal/explore"
	"github.com/insightconform/conform/internal/wording"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
)

func deviationList(counts map[explore.Deviation]int) []reports.Deviation {
	out := []reports.Deviation{}
	for key, count := range counts {
		out = append(out, reports.Deviation{Rule: key.Rule, Level: model.Inferred, Operation: string(key.Op), Reference: key.Reference, Actual: key.Actual, Count: count})
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
		report.DurationSeconds = time.Since(report.Started).Seconds()
	}
	if report.DurationSeconds > 0 {
		report.RequestsPerSecond = float64(report.Requests) / report.DurationSeconds
	}
	r.setCapabilities()
	for i := range report.Divergences {
		r.subject.Status.Tell(reports.Event{Event: reports.EventDivergence, Divergence: &report.Divergences[i]})
	}
	for _, note := range report.Notes {
		r.subject.Status.TellNote(note)
	}
	exercised, applicable := r.coverage()
	verdict, reason := r.verdict(ctx, exercised, applicable)
	report.Verdict, report.Reason = verdict, reason
	report.ExitCode = verdict.ExitCode()
	report.Partial = verdict == reports.Interrupted || r.subject.Status.TargetLost() || r.subject.Status.AccessDenied() != ""
}

func (r *run) setCapabilities() {
	if !r.subject.Probed {
		return
	}
	for _, c := range model.Capabilities {
		r.report.SetCapability(c, r.subject.Scope.Can[c], r.subject.Why[c])
	}
}

// coverage fills in what is known of each rule and counts.
func (r *run) coverage() (exercised, total int) {
	violated := map[model.ID]bool{}
	for _, d := range r.report.Divergences {
		violated[d.Rule] = true
	}
	var inScope []model.ID
	if r.subject.Probed {
		inScope = r.subject.Scope.Applicable()
	}
	for i := range model.Rules {
		rule := &model.Rules[i]
		c := reports.RuleCoverage{Applicable: slices.Contains(inScope, rule.ID), Violated: violated[rule.ID]}
		switch {
		case rule.Silent:
			c.Why = "it makes no claim"
		case !c.Applicable:
			c.Why = r.subject.Lacking(rule)
		default:
			total++
			c.Exercised = r.total.Rules[rule.ID]
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
		if d.Status == reports.Confirmed || !r.subject.Info.Eventual {
			failing++
		}
	}
	lost := ""
	status := r.subject.Status
	if code := status.AccessDenied(); code != "" {
		lost = fmt.Sprintf("access was denied (%s); check the credentials, or pass --use-environment-credentials", code)
	} else if status.TargetLost() {
		lost = "the target stopped answering"
		if problem := status.Silence(); problem != "" {
			lost += " (" + problem + ")"
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
		return reports.Diverges, fmt.Sprintf("%s at or above level %s; then %s", wording.Plural(failing, "divergence"), r.options.FailOn, lost)
	case failing > 0:
		return reports.Diverges, fmt.Sprintf("%s at or above level %s", wording.Plural(failing, "divergence"), r.options.FailOn)
	case len(stale) > 0:
		return reports.Diverges, fmt.Sprintf("the baseline has %s: %s", stalePlural(len(stale)), strings.Join(stale, "; "))
	case lost != "":
		return reports.Inconclusive, lost
	case unrepeated > 0:
		return reports.Inconclusive, "divergences that did not repeat, on a target that may answer late; run it again"
	case !r.subject.Probed || !r.subject.Scope.Can[model.CanPut]:
		return reports.Inconclusive, "the target does not offer PutInsightSelectors: " + r.subject.WhyNot(model.CanPut)
	case !r.subject.Scope.Can[model.CanCreate] && !r.subject.Scope.Can[model.CanStores]:
		return reports.Inconclusive, "no trail could be made to test on: " + r.subject.WhyNot(model.CanCreate)
	case !r.putSeen:
		return reports.Inconclusive, "no PutInsightSelectors ever succeeded; see what the target answers with --report json=PATH, and whether it needs --bucket or credentials"
	case r.unfinished() != "":
		return reports.Inconclusive, r.unfinished()
	case 2*exercised < applicable && len(r.report.Certificates) == 0 && r.options.Shard.String() == "" && r.options.Resume == nil:
		return reports.Inconclusive, fmt.Sprintf("only %d of %d applicable rules were exercised; raise --requests or --time, and keep the systematic suite", exercised, applicable)
	}
	below, known := 0, 0
	for _, d := range r.report.Divergences {
		if d.Known {
			known++
		} else {
			below++
		}
	}
	switch {
	case known > 0 && below > 0:
		return reports.Conforms, fmt.Sprintf("nothing new at or above level %s; the baseline knows %s, and %s below that level", r.options.FailOn, wording.Plural(known, "divergence"), fmt.Sprintf("%d stand", below))
	case known > 0:
		return reports.Conforms, fmt.Sprintf("nothing new; the baseline knows %s", wording.Plural(known, "divergence"))
	case below > 0:
		return reports.Conforms, fmt.Sprintf("no divergence at or above level %s; %s below it", r.options.FailOn, wording.Plural(below, "divergence"))
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
	if !slices.Contains(r.report.CutShort, explore.Complete) || len(r.options.Suites) > 1 {
		return ""
	}
	executed, tests := 0, 0
	for _, c := range r.report.Certificates {
		from, to := r.options.Shard.Share(c.Tests)
		executed, tests = executed+c.Executed(), tests+to-from
	}
	return fmt.Sprintf("%d of %s of the complete suites executed; go on with --resume", executed, wording.Plural(tests, "test"))
}

func stalePlural(n int) string {
	if n == 1 {
		return "1 stale entry"
	}
	return fmt.Sprintf("%d stale entries", n)
}

// failure is that of the harness, nil where it did not fail.
func (r *run) failure() error {
	r.ended()
	if r.exploration == nil || r.exploration.Failure() == "" {
		return nil
	}
	r.report.Verdict, r.report.ExitCode, r.report.Partial = reports.Failed, reports.ExitFailed, true
	r.report.Reason = "the harness failed; what it had found is reported"
	return fmt.Errorf("%w: %s", ErrHarness, r.exploration.Failure())
}

// ended puts into the report why the target ended the run, where it did.
func (r *run) ended() {
	stopped := r.subject.Status.Ended()
	if stopped == nil {
		return
	}
	r.report.Partial = true
	switch refused := errors.Is(stopped, targets.ErrRefused); {
	case r.report.Verdict == reports.Interrupted:
		return
	case r.report.Verdict == reports.Diverges && !refused:
		r.report.Reason += "; then " + stopped.Error()
		return
	case refused:
		r.report.Verdict = reports.RefusedRun
	default:
		r.report.Verdict = reports.Inconclusive
	}
	r.report.Reason, r.report.ExitCode = stopped.Error(), r.report.Verdict.ExitCode()
}

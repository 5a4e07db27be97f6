package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
)

func deviationList(counts map[reports.Deviation]int) []reports.Deviation {
	out := []reports.Deviation{}
	for d, count := range counts {
		d.Count = count
		out = append(out, d)
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
	if !r.subject.Probed {
		report.CutShort = r.options.Suites // of which none was begun
	}
	for i := range report.Divergences {
		r.subject.Status.Tell(reports.Event{Event: reports.EventDivergence, Divergence: &report.Divergences[i]})
	}
	for _, note := range report.Notes {
		r.subject.Status.TellNote(note)
	}
	r.coverage()
	report.End = r.ending(ctx)
	reports.Judge(report)
}

// coverage fills in what is known of each rule.
func (r *run) coverage() {
	var inScope []model.ID
	if r.subject.Probed {
		inScope = r.subject.Scope.Applicable()
	}
	for i := range model.Rules {
		rule := &model.Rules[i]
		c := reports.RuleCoverage{Applicable: slices.Contains(inScope, rule.ID),
			Violated: slices.ContainsFunc(r.report.Divergences, func(d reports.Divergence) bool { return d.Rule == rule.ID })}
		switch {
		case rule.Silent:
			c.Why = "it makes no claim"
		case !c.Applicable:
			c.Why = r.subject.Lacking(rule)
		default:
			if c.Exercised = r.subject.Status.Exercised(rule.ID); !c.Exercised {
				c.Why = "no request put it to the test"
			}
		}
		r.report.Coverage.Rules[rule.ID] = c
	}
}

// ending says how the run ended.
func (r *run) ending(ctx context.Context) *reports.End {
	end := &reports.End{PutSucceeded: r.subject.Status.PutSucceeded(), Unusable: r.subject.Status.Unusable(), NoTrails: r.subject.NoTrails, Resumed: r.options.Resume != nil}
	if ctx.Err() != nil {
		end.Interrupted = reports.ReasonInterrupted
	}
	if r.failure() != nil {
		end.Failed = "the harness failed; what it had found is reported"
	}
	var hanging []string
	r.report.TimedOut, hanging = r.subject.Status.TimedOut()
	end.Unusable = append(end.Unusable, slices.DeleteFunc(hanging, r.hangIsFound)...)
	end.Lost = r.subject.Status.Lost()
	if r.subject.Status.TargetLost() {
		end.LastRequests = r.subject.Status.LastRequests()
	}
	if errors.Is(r.subject.Status.Ended(), targets.ErrRefused) {
		end.Refused, end.Lost = end.Lost, ""
	}
	return end
}

// hangIsFound reports whether it is a divergence that a kind of request hangs.
func (r *run) hangIsFound(kind string) bool {
	return slices.ContainsFunc(r.report.Divergences, func(d reports.Divergence) bool {
		return d.Actual == session.NoAnswer && d.Status == reports.Confirmed && strings.HasPrefix(kind, d.Operation+" ")
	})
}

// failure is that of the harness, nil where it did not fail.
func (r *run) failure() error {
	if r.exploration == nil || r.exploration.Failure == "" {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrHarness, r.exploration.Failure)
}

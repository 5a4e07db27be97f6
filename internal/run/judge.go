package run

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/insightconform/conform/internal/concurrent"
	"github.com/insightconform/conform/internal/explore"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
)

// JudgeCalls holds recorded histories of several clients against the rules concurrent/*, and sends nothing. Options.FailOn
// is the level that fails. Errors are those of wrong options.
func JudgeCalls(ctx context.Context, histories []*reports.Calls, options Options) (*reports.Report, error) {
	if err := options.Normalize(); err != nil {
		return nil, err
	}
	report := &reports.Report{Schema: reports.Schema, Version: options.Version, Command: options.Command, Started: time.Now(),
		Suites: []string{explore.Concurrent}, FailOn: cmp.Or(options.FailOn, model.Observed), Cases: len(histories),
		Divergences: []reports.Divergence{}, Deviations: []reports.Deviation{},
		Coverage: reports.Coverage{Rules: map[model.ID]reports.RuleCoverage{}}, End: &reports.End{PutSucceeded: true}}
	for _, c := range []model.Capability{model.CanPut, model.CanCreate} {
		report.SetCapability(c, true, "")
	}
	judged, undecided := map[model.ID]bool{}, 0
	for _, c := range histories {
		if ctx.Err() != nil {
			report.End.Interrupted = reports.ReasonInterrupted
			break
		}
		report.Target = c.Target
		found, verdict := concurrent.JudgeStored(c)
		undecided += len(verdict.Unknown)
		for _, id := range verdict.Judged {
			judged[id] = true
		}
		for _, d := range found {
			d.Fails, d.History = d.Level >= report.FailOn, c.Path
			known := slices.IndexFunc(report.Divergences, func(o reports.Divergence) bool { return o.Signature == d.Signature })
			if known < 0 {
				report.Divergences = append(report.Divergences, d)
			} else {
				report.Divergences[known].Count++
			}
		}
	}
	if undecided > 0 {
		report.Notes = append(report.Notes, fmt.Sprintf("%d histories were too long to be searched for an order of their calls in time", undecided))
	}
	for i := range model.Rules {
		rule := &model.Rules[i]
		violated := slices.ContainsFunc(report.Divergences, func(d reports.Divergence) bool { return d.Rule == rule.ID })
		if rule.OfClients() || violated {
			report.Coverage.Rules[rule.ID] = reports.RuleCoverage{Applicable: true, Exercised: judged[rule.ID] || violated, Violated: violated}
		}
	}
	report.DurationSeconds = time.Since(report.Started).Seconds()
	reports.Judge(report)
	return report, nil
}

package judge

import (
	"cmp"
	"time"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/internal/judge/recorded"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
)

// Until judges what waits for calls that may overlap it, where none is to come that began before a time.
func (j *Judgement) Until(start time.Time) {
	for _, p := range j.places {
		for _, list := range []map[string]*subject{p.trails, p.stores} {
			for _, s := range list {
				if s.until.Before(start) {
					j.judge(p, s)
				}
			}
		}
	}
}

// NewReport begins a report of what others have called, which is judged against a level.
func NewReport(version, command string, failOn model.Level, target targets.Info) *reports.Report {
	return &reports.Report{Schema: reports.Schema, Version: version, Command: command, Started: time.Now(),
		Suites: []string{}, FailOn: cmp.Or(failOn, model.Observed), Divergences: []reports.Divergence{}, Deviations: []reports.Deviation{},
		Coverage: reports.Coverage{Rules: map[model.ID]reports.RuleCoverage{}}, End: &reports.End{PutSucceeded: true},
		Target: target, Recorded: &reports.Recorded{Files: map[string]int{}}}
}

// Fill puts into a report what was judged and found.
func (j *Judgement) Fill(r *reports.Report) {
	r.Recorded.Exchanges += j.Exchanges
	r.Recorded.Judged += j.Judged
	for why, n := range j.NotJudged {
		r.Recorded.Skip(why, n)
	}
	for _, d := range j.Found {
		r.AddRecorded(d.Report())
	}
	for d, count := range j.Deviated {
		level := model.Inferred // of the order of errors, which is no rule
		if rule := model.RuleOf(d.Rule); rule != nil {
			level = rule.Level
		}
		r.Deviations = append(r.Deviations, reports.Deviation{Rule: d.Rule, Level: level, Operation: string(d.op), Reference: d.Reference, Actual: d.Actual, Count: count})
	}
	reports.SortDeviations(r.Deviations)
	for id := range j.Exercised {
		if rule := model.RuleOf(id); rule != nil && !rule.Silent {
			c := r.Coverage.Rules[id]
			c.Applicable, c.Exercised = true, true
			r.Coverage.Rules[id] = c
		}
	}
}

// Took takes in what reading the recordings came to.
func Took(r *reports.Report, s recorded.Summary) {
	for format, n := range s.Formats {
		r.Recorded.Files[format] += n
	}
	r.Recorded.Others, r.Recorded.Doubled, r.Recorded.Gaps = s.Others, s.Doubled, s.Gaps
	for _, skip := range s.Skipped {
		r.Recorded.Skipped = append(r.Recorded.Skipped, reports.RecordedSkip(skip))
	}
}

// Report renders the divergence. The recording itself is what confirms it.
func (d *Divergence) Report() reports.Divergence {
	rule := model.RuleOf(d.Rule)
	return reports.Divergence{Signature: d.Signature(), Rule: d.Rule, Level: d.Level, Statement: rule.Statement, Source: rule.Source,
		Operation: string(d.Operation), Expected: d.Expected, Actual: d.Actual, Count: d.Count, Status: reports.Confirmed, Steps: d.Steps()}
}

// Steps renders the part of the recording that contradicts the rule, with pseudonyms for account ids.
func (d *Divergence) Steps() (steps []reports.Step) {
	for i := range d.part {
		x := &d.part[i]
		request, reply := x.call.Request, x.call.Reply
		request.Input = generators.MapStrings(request.Input, reports.Pseudonymous)
		reply.Body = generators.MapStrings(reply.Body, reports.Pseudonymous)
		reply.Sent, reply.Received = nil, nil
		if request.Region == d.part[0].call.Request.Region {
			request.Region = "" // the home of all that is there, for who reads it
		}
		step := reports.NewStep(i+1, request, reply, x.expected())
		step.Recorded, step.Diverges = x.call.At, i == len(d.part)-1
		steps = append(steps, step)
	}
	return steps
}

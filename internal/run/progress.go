package run

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
)

// showProgress tells the caller how the run goes on until the returned function is called.
func (r *run) showProgress() (stop func()) {
	if r.options.Progress == nil && r.options.Events == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	applicable := slices.DeleteFunc(r.subject.Scope.Applicable(), func(id model.ID) bool { return model.RuleOf(id).Silent })
	wait.Go(func() {
		for n := 1; targets.Sleep(ctx, 100*time.Millisecond); n++ {
			if n == plannedAfter {
				r.planned = r.exploration.Planned(ctx)
			}
			update := r.update(applicable)
			if r.options.Progress != nil {
				r.options.Progress(update)
			}
			if n%20 == 0 { // an event every two seconds
				r.subject.Status.Tell(reports.Event{Event: reports.EventProgress, Progress: &update})
			}
		}
	})
	return func() { cancel(); wait.Wait() }
}

// plannedAfter is how many tenths of a second a run goes on before it is counted what it is to send.
const plannedAfter = 18

// update counts rules as the report will: those that make a claim.
func (r *run) update(applicable []model.ID) reports.Update {
	u := r.subject.Status.Update()
	u.RulesApplicable = len(applicable)
	for _, id := range applicable {
		if r.subject.Status.Tested(id) {
			u.RulesExercised++
		}
	}
	signatures, rules := map[string]bool{}, map[model.ID]bool{}
	for _, f := range r.sure.Range {
		signatures[f.(model.Finding).Signature()], rules[f.(model.Finding).Rule] = true, true
	}
	u.Divergences, u.RulesViolated = len(signatures), len(rules)
	if r.options.Time > 0 {
		u.Left = max(0, r.options.Time-time.Since(r.report.Started))
	}
	if r.options.Requests > 0 && u.Rate > 0 {
		byRequests := time.Duration(float64(max(0, r.options.Requests-u.Requests)) / u.Rate * float64(time.Second))
		if u.Left == 0 || byRequests < u.Left {
			u.Left = byRequests
		}
	}
	u.Planned = cmp.Or(r.options.Requests, r.exploration.UpTo(), r.planned)
	if r.explored.Load() || u.Planned < u.Requests {
		u.Planned = 0
	} else if u.Left == 0 && u.Rate > 0 {
		u.Left = time.Duration(float64(u.Planned-u.Requests) / u.Rate * float64(time.Second))
	}
	return u
}

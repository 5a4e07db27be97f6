package run

import (
	"sync"
	"time"

	"github.com/insightconform/conform/reports"
)

// progressEvents is how many updates pass between two events of progress.
const progressEvents = 20

// showProgress tells the caller how the run goes on until the returned function is called.
func (r *run) showProgress() (stop func()) {
	if r.options.Progress == nil && !r.subject.Status.Listened() {
		return func() {}
	}
	done := make(chan struct{})
	var wait sync.WaitGroup
	total := len(r.subject.Scope.Applicable())
	wait.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for n := 1; ; n++ {
			select {
			case <-done:
				return
			case <-tick.C:
				update := r.update(total)
				if r.options.Progress != nil {
					r.options.Progress(update)
				}
				if n%progressEvents == 0 {
					r.subject.Status.Tell(reports.ProgressEvent(update))
				}
			}
		}
	})
	return func() { close(done); wait.Wait() }
}

func (r *run) update(applicable int) reports.Update {
	u := r.subject.Status.Update()
	u.RulesApplicable = applicable
	if r.options.Time > 0 {
		u.Left = max(0, r.options.Time-time.Since(r.report.Started))
	}
	if r.options.Requests > 0 && u.Rate > 0 {
		byRequests := time.Duration(float64(max(0, r.options.Requests-u.Requests)) / u.Rate * float64(time.Second))
		if u.Left == 0 || byRequests < u.Left {
			u.Left = byRequests
		}
	}
	return u
}

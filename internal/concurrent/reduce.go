package concurrent

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
)

// attempt is one play of a program, and what it shows of a divergence.
type attempt struct {
	program *generators.Program
	seed    uint64
	history *History
	finding *Finding // nil where it does not show
	cause   string   // the signature of what it shows instead
}

// done reports whether the clients came to call at all.
func (a *attempt) done() bool { return a.history != nil && len(a.history.Round) > 0 }

// attempts are plays of programs, each so many times.
func attempts(seed uint64, times int, programs ...*generators.Program) (out []*attempt) {
	for _, p := range programs {
		for i := range times {
			out = append(out, &attempt{program: p, seed: seed + uint64(i)})
		}
	}
	return out
}

// briefly is how long an answer is waited for, at least, by plays that look for a smaller program: what is found by them is
// played again with more patience.
const briefly = leastPatience / 4

// maxBeside is how many plays go on side by side where each waits for an answer that does not come.
const maxBeside = 10

// width is how many plays go on side by side to look for a divergence: what races is alone.
func (s *suite) width(d *Divergence) int {
	if d.hangs() && !s.client.Serial {
		return maxBeside
	}
	return 1
}

// play plays all attempts side by side, and says what they show of a divergence.
func (s *suite) play(ctx context.Context, d *Divergence, all []*attempt, patience time.Duration) {
	played(ctx, s.client, all, patience, s.avoided)
	d.look(all)
}

// look says what attempts show of the divergence.
func (d *Divergence) look(all []*attempt) {
	for _, a := range all {
		if a.history == nil {
			continue
		}
		verdict := a.history.Judge()
		for i := range verdict.Found {
			f := &verdict.Found[i]
			if signature(f) == d.Signature() && a.finding == nil {
				a.finding = f
			} else if d.Rule == model.ConcurrentLinearizable && f.Rule != d.Rule && f.Resource == d.Resource {
				a.cause = signature(f)
			}
		}
	}
}

// played plays attempts side by side; one has no history where that could not be done.
func played(ctx context.Context, client *session.Client, all []*attempt, patience time.Duration, avoided lessons) {
	forks := make([]*session.Client, len(all))
	var wait sync.WaitGroup
	for i, a := range all {
		forks[i] = client.Fork()
		wait.Go(func() {
			if h, err := play(ctx, forks[i], a.program, a.seed, patience, avoided); err == nil {
				a.history = h
			}
		})
	}
	wait.Wait()
	for _, fork := range forks {
		client.Join(fork)
	}
}

// take makes what an attempt shows the evidence of the divergence.
func (d *Divergence) take(a *attempt) {
	d.Finding, d.History, d.schedule = *a.finding, a.history, a.history.Schedule
}

// first plays programs, each so many times, up to the first that shows a divergence; nil where none does.
func (s *suite) first(ctx context.Context, d *Divergence, times int, programs []*generators.Program, enough func() bool) *attempt {
	for some := range slices.Chunk(attempts(d.seed, times, programs...), s.width(d)) {
		if enough() {
			return nil
		}
		patience := leastPatience
		if d.hangs() {
			patience = briefly
		}
		s.play(ctx, d, some, patience)
		for _, a := range some {
			if a.finding != nil {
				return a
			}
			if d.cause = cmp.Or(d.cause, a.cause); d.cause != "" {
				return nil
			}
		}
	}
	return nil
}

// often plays a program so many times and counts how often it shows a divergence, and keeps the last history that does.
func (s *suite) often(ctx context.Context, d *Divergence, times int, patience time.Duration) {
	d.Again, d.Tries = 0, 0
	for some := range slices.Chunk(attempts(d.seed, times, d.Program), s.width(d)) {
		if ctx.Err() != nil {
			return
		}
		s.play(ctx, d, some, patience)
		for _, a := range some {
			d.Tries += flag(a.done())
			if d.cause = cmp.Or(d.cause, a.cause); a.finding != nil {
				d.Again++
				d.take(a)
			}
		}
	}
}

// reduce takes clients, phases and calls away from a divergence's program for as long as it still shows it.
func (s *suite) reduce(ctx context.Context, d *Divergence) {
	most := s.client.Requests + cmp.Or(s.options.ShrinkRequests, 600)
	if s.often(ctx, d, maxPlays/2, leastPatience); d.Again == 0 {
		return
	}
	whole := *d
	enough := func() bool { // what repeats by a schedule is reduced alike each time
		late := (d.schedule == 0 || d.hangs()) && time.Now().After(s.until)
		return s.client.Requests >= most || ctx.Err() != nil || late
	}
	tries := min(6, (2*d.Tries+d.Again-1)/d.Again)
	for {
		smaller := d.Program.Smaller()
		if d.hangs() { // the calls that wait for each other
			smaller = slices.Concat(d.unanswered(), smaller)
		}
		a := s.first(ctx, d, tries, smaller, enough)
		if d.cause != "" {
			return
		}
		if a == nil {
			break
		}
		d.take(a)
		d.seed, d.Program, d.Shorter = a.seed, a.program, true
	}
	if s.often(ctx, d, maxPlays, leastPatience); d.Again == 0 && whole.hangs() {
		*d = whole
	}
}

// stuck reports whether the target is a value of this process that answers no more since clients have called it at once:
// nothing else can have held it up.
func (s *suite) stuck(d *Divergence) bool {
	return d.hangs() && s.client.Can(model.CanGoValues) && d.Tries == 0
}

// unanswered is the program of nothing but the calls that got no answer, where it is a smaller one.
func (d *Divergence) unanswered() []*generators.Program {
	h := &History{Before: d.History.Before, Round: slices.Clone(d.History.Round)}
	h.Round = slices.DeleteFunc(h.Round, func(c Call) bool { return c.answer().Definite() })
	if p := h.program().WithoutIdle(); p.Calls() > 0 && p.Calls() < d.Program.Calls() {
		return []*generators.Program{p}
	}
	return nil
}

// hangs reports whether the answer that shows the divergence never came.
func (d *Divergence) hangs() bool {
	return d.Rule == model.ConcurrentNoCrash && d.History.hung
}

// forever is longer than any target may take.
const forever = time.Duration(math.MaxInt64 / 4)

// waiting is a wait for answers that did not come when a program was played first.
type waiting struct {
	plays []*attempt
	fork  *session.Client
	done  chan struct{}
	end   context.CancelFunc
}

// waitFor plays a program again and waits as long as a target may take: one that is slow is no divergence. The suite goes
// on beside it where the target serves more than one world.
func (s *suite) waitFor(ctx context.Context, p *generators.Program, seed uint64) *waiting {
	w := &waiting{plays: attempts(seed, maxPlays/2, p), fork: s.client.Fork(), done: make(chan struct{})}
	ctx, w.end = context.WithCancel(ctx)
	avoided := maps.Clone(s.avoided) // the suite learns more beside it
	wait := func() {
		defer close(w.done)
		played(ctx, w.fork, w.plays, forever, avoided)
	}
	if s.client.Serial {
		w.plays = w.plays[:1]
		wait()
	} else {
		go wait()
	}
	return w
}

// close ends the wait.
func (w *waiting) close() {
	if w != nil {
		w.end()
		<-w.done
	}
}

// settle says of a divergence that shows by an answer that did not come whether it ever does.
func (s *suite) settle(ctx context.Context, d *Divergence) {
	w := s.waiting
	<-w.done
	s.client.Join(w.fork)
	d.look(w.plays)
	first := *d
	first.Again, first.Tries = 0, 0
	for _, a := range w.plays {
		first.Tries += flag(a.done())
		if a.finding != nil {
			first.Again++
			first.Program = a.program
			first.take(a)
		}
	}
	switch {
	case d.Again == 0:
		*d = first
	case first.Again == 0:
		s.often(ctx, d, maxPlays, forever)
	}
}

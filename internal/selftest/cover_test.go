package selftest

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/generators/catalogue"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets/embedded"
)

const (
	maxEarly = 40  // requests of an early history, so that what it shows is soon reduced
	again    = 0.4 // what a fault weighs each time that it was caught before: what was not in view is caught by some
)

// earlyHistories computes the histories that a run begins with (catalogue.Early): a greedy cover of the faults, request by request.
// What comes next is what newly catches most faults for each request, the faults weighted by family: a request, one with a
// read after it, or a whole case of the catalogue in a fresh world. enough is told of the histories so far; it may be nil.
func earlyHistories(ctx context.Context, faults []embedded.Fault, enough func(histories [][]model.Request) bool) (histories [][]model.Request) {
	s := newCover(faults)
	s.fill(ctx)
	for ctx.Err() == nil {
		next, afresh := s.next(ctx)
		if next == nil {
			break
		}
		if afresh {
			histories = append(histories, nil)
			s.begin()
		}
		last := &histories[len(histories)-1]
		*last = append(*last, next...)
		s.send(next...)
		s.used[generators.Key(next[0])], s.used[generators.Key(next...)] = true, true
		if enough != nil && enough(histories) {
			break
		}
	}
	return histories
}

// caughtAfter is after how many of the requests of some histories each fault is caught; 0 is never.
func caughtAfter(faults []embedded.Fault, histories [][]model.Request) (after []int) {
	s := newCover(faults)
	for _, requests := range histories {
		s.begin()
		s.send(requests...)
	}
	for _, x := range s.servers {
		after = append(after, x.caught)
	}
	return after
}

// cover is a greedy search for requests that catch faults.
type cover struct {
	pool      []input   // all requests of the catalogue, each once
	cases     [][]input // of the catalogue, each with the reads at its end
	matrix    [][]bool  // whether a case catches the fault of a server
	used      map[string]bool
	missing   map[string]float64 // what cases of the catalogue are about and no request was yet, and what that weighs
	known     map[string]input
	reference *server
	servers   []*server
	length    int // of the history so far
	sent      int // in all
}

// server is what one with a fault has become by the history so far, and what its answers allow.
type server struct {
	fault    embedded.Fault
	weight   float64
	instance *embedded.Instance
	tracker  *model.Tracker
	caught   int  // after how many requests first; 0 is not yet
	done     bool // caught in this world: what it has become there is not followed any more
}

func newCover(faults []embedded.Fault) *cover {
	s := &cover{known: map[string]input{}, used: map[string]bool{}, missing: map[string]float64{}, reference: &server{}}
	families := map[string]float64{}
	for _, f := range faults {
		families[f.Rule.Family()]++
	}
	for _, f := range faults {
		s.servers = append(s.servers, &server{fault: f, weight: 1 / math.Sqrt(families[f.Rule.Family()])})
	}
	all, alike := catalogue.Cases(&model.DefaultWorld, generators.Everything()), map[string]int{}
	all = slices.DeleteFunc(all, func(c catalogue.Case) bool { return c.Kind == catalogue.KindPair })
	for _, c := range all {
		alike[fmt.Sprint(c.Rules)]++
	}
	for _, c := range all {
		requests, state := c.Requests(), model.NewState(&model.DefaultWorld)
		for i, r := range requests {
			if i == len(requests)-1 {
				s.missing[about(state, r)] = fresh / float64(alike[fmt.Sprint(c.Rules)])
			}
			state = model.Step(state, r)[0].Next
		}
		requests = append(requests, generators.Reads(state, c.Probe, generators.Everything())...)
		s.cases = append(s.cases, s.asRead(requests...))
	}
	for _, c := range s.cases {
		for _, in := range c {
			if !slices.ContainsFunc(s.pool, func(o input) bool { return generators.Same(o.meant, in.meant) }) {
				s.pool = append(s.pool, in)
			}
		}
	}
	return s
}

func (s *cover) all() []*server { return append(slices.Clone(s.servers), s.reference) }

// begin opens a fresh world.
func (s *cover) begin() {
	s.length = 0
	for _, x := range s.all() {
		x.instance, x.tracker, x.done = x.fault.Instance(), model.NewTracker(&model.DefaultWorld), false
	}
}

// send goes on with the history.
func (s *cover) send(requests ...model.Request) {
	for _, in := range s.asRead(requests...) {
		delete(s.missing, about(s.reference.tracker.State(), in.meant))
		s.sent++
		s.length++
		for _, x := range s.all() {
			if !x.done && contradicts(x.instance, x.tracker, in) {
				x.caught, x.done = cmp.Or(x.caught, s.sent), true
				x.weight *= again
			}
		}
	}
}

// fresh is what those cases weigh together that are about the same rules, beside the faults that requests catch: they tell
// of faults that nobody has in view.
const fresh = 0.1

// about says what a request in a state is about, as a case of the catalogue: which rules it breaks, or puts to the test.
func about(before model.State, r model.Request) string {
	branch := model.Step(before, r)[0]
	now, due, _ := model.Exercised(before, r, branch.Answer, branch.Next)
	return fmt.Sprint(generators.Key(r), model.Broken(before, r), now, due)
}

// novelty weighs that.
func (s *cover) novelty(before model.State, r model.Request) float64 {
	return s.missing[about(before, r)]
}

// contradicts sends a request and reports whether the answer is wrong.
func contradicts(to *embedded.Instance, tracker *model.Tracker, in input) bool {
	return !accepts(tracker, in.meant, to.Do(in.read).Reply(in.meant))
}

// asRead has requests as they are meant and as a server reads them.
func (s *cover) asRead(requests ...model.Request) (inputs []input) {
	for _, r := range requests {
		key := generators.Key(r)
		if _, known := s.known[key]; !known {
			read, _, _ := embedded.AsRead(r)
			s.known[key] = input{r, read}
		}
		inputs = append(inputs, s.known[key])
	}
	return inputs
}

// move is what may come next, and what it catches for each request.
type move struct {
	requests []model.Request
	gain     float64
}

// next is what catches most for each request, nil where nothing does.
func (s *cover) next(ctx context.Context) (requests []model.Request, afresh bool) {
	var best move
	if s.length > 0 && s.length < maxEarly {
		best = s.best(ctx, len(s.pool), s.within)
	}
	if best.gain < worthIt {
		if fresh := s.best(ctx, len(s.cases), s.afresh); fresh.gain > max(best.gain, least) {
			return fresh.requests, true
		}
	}
	if best.gain < least {
		return nil, false
	}
	return best.requests, false
}

// worthIt is what a request must catch, or no fresh world is thought of.
const worthIt = 0.1

// least is what a request must catch to be an early one.
const least = 0.02

// best is the first of n moves of those that catch most.
func (s *cover) best(ctx context.Context, n int, weigh func(i int) move) (best move) {
	moves := make([]move, n)
	sideBySide(runtime.GOMAXPROCS(0), n, func(i int) {
		if ctx.Err() == nil {
			moves[i] = weigh(i)
		}
	})
	return slices.MaxFunc(moves, func(a, b move) int { return cmp.Compare(a.gain, b.gain) })
}

// within weighs a request of the pool in the present world: alone, and with one read after it.
func (s *cover) within(i int) move {
	in := s.pool[i]
	r := in.meant
	state := s.reference.tracker.State()
	novelty := s.novelty(state, r)
	if s.used[generators.Key(r)] && !r.Op.Reads() && novelty == 0 {
		return move{}
	}
	right, _ := s.reference.instance.Copy()
	due := right.Do(in.read)
	var reads []input
	if !r.Op.Reads() && !r.Malformed() {
		after := model.Step(state, r)[0].Next
		reads = readOnly(generators.Reads(after, r, generators.Everything()))
	}
	alone, later := 0.0, make([]float64, len(reads))
	for k := range reads { // which tell whether it was right
		later[k] += novelty
	}
	if len(reads) == 0 {
		alone += novelty
	}
	for _, x := range s.servers {
		instance, ok := x.instance.Copy()
		if x.done || !ok {
			continue
		}
		tracker := x.tracker.Clone()
		if answer := instance.Do(in.read); answer == due && instance.State().Equal(right.State()) {
			continue // as the right server, which has answered as it did so far
		} else if !accepts(tracker, r, answer.Reply(r)) {
			alone += x.weight
			continue
		}
		for k, read := range reads {
			if contradicts(instance, tracker.Clone(), read) {
				later[k] += x.weight
			}
		}
	}
	best := move{[]model.Request{r}, alone}
	for k, read := range reads {
		if gain := (alone + later[k]) / 2; gain > best.gain {
			best = move{[]model.Request{r, read.meant}, gain}
		}
	}
	return best
}

// readOnly has reads as they are meant and read: the same.
func readOnly(requests []model.Request) (inputs []input) {
	for _, r := range requests {
		read := r
		read.Region = cmp.Or(r.Region, model.DefaultWorld.Home)
		inputs = append(inputs, input{r, read})
	}
	return inputs
}

// afresh weighs a case of the catalogue in a world of its own.
func (s *cover) afresh(i int) move {
	var requests []model.Request
	for _, in := range s.cases[i] {
		requests = append(requests, in.meant)
	}
	if s.used[generators.Key(requests...)] {
		return move{}
	}
	gain, state := 0.0, model.NewState(&model.DefaultWorld)
	for _, r := range requests {
		gain += s.novelty(state, r)
		state = model.Step(state, r)[0].Next
	}
	for k, x := range s.servers {
		if s.matrix[i][k] {
			gain += x.weight
		}
	}
	return move{requests, gain / float64(len(requests))}
}

// fill computes which case catches which fault.
func (s *cover) fill(ctx context.Context) {
	s.matrix = make([][]bool, len(s.cases))
	sideBySide(runtime.GOMAXPROCS(0), len(s.cases), func(i int) {
		s.matrix[i] = make([]bool, len(s.servers))
		for k, x := range s.servers {
			instance, tracker := x.fault.Instance(), model.NewTracker(&model.DefaultWorld)
			s.matrix[i][k] = ctx.Err() == nil && slices.ContainsFunc(s.cases[i], func(in input) bool { return contradicts(instance, tracker, in) })
		}
	})
}

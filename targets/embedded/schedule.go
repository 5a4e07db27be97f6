package embedded

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"

	"github.com/insightconform/conform/targets"
)

// schedule is the targets.Schedule of one account.
type schedule struct {
	mu      sync.Mutex
	random  *rand.Rand
	clients []*turn
	others  []*turn // what goes on after its answer, and requests outside of a round
	current *turn   // that was chosen last
	left    int     // requests under way whose clients went on without them
	closed  bool
}

// turn is the turn of one that takes part: of a client and the request that it has under way, or of one of the others.
type turn struct {
	phase phase
	wake  chan error  // where it waits
	free  func() bool // whether it can go on; nil is always
	stuck bool        // it waits, and nobody will free it
	calls int         // counts how often the client goes on
	busy  bool        // it has a request under way
	late  bool        // it goes on after its answer
}

type phase uint8

const (
	away phase = iota
	running
	waiting
)

var (
	errGone  = errors.New("the world was closed, or nobody waits any more")
	errStuck = errors.New("those who wait, wait for each other")
)

func newSchedule() *schedule { return &schedule{random: rand.New(rand.NewPCG(0, 0))} }

// Clients implements targets.Schedule.
func (s *schedule) Clients(n int, seed uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.clients {
		s.part(t)
	}
	s.clients, s.current, s.random = make([]*turn, n), nil, rand.New(rand.NewPCG(seed, 0))
	for i := range s.clients {
		s.clients[i] = &turn{phase: running}
	}
}

// Turn implements targets.Schedule.
func (s *schedule) Turn(ctx context.Context, client int) error {
	s.mu.Lock()
	t := s.clients[client]
	s.part(t)
	calls := t.calls
	s.mu.Unlock()
	err := s.wait(ctx, t, calls, nil)
	if err != nil {
		s.Leave(client)
	}
	return err
}

// Leave implements targets.Schedule.
func (s *schedule) Leave(client int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.clients[client]
	s.part(t)
	t.phase = away
	s.choose()
}

// Join implements targets.Schedule.
func (s *schedule) Join(client int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.clients[client]; t.phase == away {
		t.phase = running
	}
}

// part separates a client from a request that it no longer waits for.
func (s *schedule) part(t *turn) {
	if t.calls++; t.busy {
		t.busy = false
		s.left++
	}
	t.rouse(errGone)
}

func (t *turn) rouse(err error) {
	if t.wake != nil {
		t.wake <- err
	}
	t.wake, t.stuck = nil, false
}

// wait waits until a turn is chosen. An error says that it goes on without: its context ended, its client did not wait
// for it (errGone), or what it waits for will never be free (errStuck).
func (s *schedule) wait(ctx context.Context, t *turn, calls int, free func() bool) error {
	s.mu.Lock()
	if err := ctx.Err(); err != nil || s.closed || t.calls != calls {
		s.mu.Unlock()
		return cmp.Or(err, errGone)
	}
	wake := make(chan error, 1)
	t.phase, t.wake, t.free = waiting, wake, free
	s.choose()
	s.mu.Unlock()
	select {
	case err := <-wake:
		return err
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.wake == wake {
		t.phase, t.wake = running, nil // nobody is chosen until it says more
	}
	return ctx.Err()
}

// choose lets one go on, where all that take part wait. Where each waits for another, they are stuck.
func (s *schedule) choose() {
	var ready, stuck []*turn
	for _, t := range slices.Concat(s.clients, s.others) {
		switch {
		case t.phase == running:
			return
		case t.phase == away:
		case t.stuck, t.free == nil, t.free():
			ready = append(ready, t)
		default:
			stuck = append(stuck, t)
		}
	}
	if s.left > 0 {
		return // they may hold what others wait for
	}
	if len(ready) == 0 {
		for _, t := range stuck {
			t.stuck = true
		}
		ready = stuck
	}
	if len(ready) == 0 {
		return
	}
	s.current = ready[s.random.IntN(len(ready))]
	s.current.phase = running
	if s.current.stuck {
		s.current.rouse(errStuck)
	} else {
		s.current.rouse(nil)
	}
}

// enter has a request take part: with the turn of the client that runs, since no other can have sent it, or outside of
// a round, when what goes on after its answer is done, with one of its own.
func (s *schedule) enter(v *visit) {
	s.mu.Lock()
	if t := s.current; t != nil && t.phase == running && !t.busy && slices.Contains(s.clients, t) {
		t.busy = true
		v.turn, v.calls, v.from = t, t.calls, strconv.Itoa(slices.Index(s.clients, t))
		s.mu.Unlock()
		return
	}
	v.turn = &turn{busy: true}
	s.others = append(s.others, v.turn)
	s.mu.Unlock()
	_ = s.wait(v.ctx, v.turn, 0, func() bool {
		return !slices.ContainsFunc(s.others, func(t *turn) bool { return t.late })
	})
}

// leave is the end of what enter or after began.
func (s *schedule) leave(v *visit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v.turn.calls != v.calls {
		s.left--
	} else {
		v.turn.busy = false
	}
	s.others = slices.DeleteFunc(s.others, func(t *turn) bool { return t == v.turn })
	s.choose()
}

// after has one more take part, that goes on after its answer.
func (s *schedule) after(v *visit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v.turn = &turn{phase: running, late: true, busy: true}
	s.others = append(s.others, v.turn)
}

// scheduled is the schedule of an account, which it has from the first time on that one asks, before any request; nil
// where there is none.
func (a *account) scheduled() targets.Schedule {
	if a.options.Free {
		return nil
	}
	if a.schedule == nil {
		a.schedule = newSchedule()
	}
	return a.schedule
}

// close lets everyone go, and whoever comes.
func (s *schedule) close() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, t := range slices.Concat(s.clients, s.others) {
		t.rouse(errGone)
	}
}

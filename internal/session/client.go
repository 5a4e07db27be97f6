package session

import (
	"context"
	"maps"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/wire"
)

// The bounds of a client and its sessions. Of a busy resource the last repetitions have no other request in flight.
const (
	maxThrottled    = 12                     // times that a throttled request is sent
	maxBusy         = 5                      // times that a write is sent whose resource is busy
	busyTogether    = 2                      // of them while others are in flight
	longestBusy     = 5 * time.Minute        // where the target is eventually consistent
	maxSilent       = 5                      // answers in a row that may be indefinite before a world is given up
	maxThrottledOut = 2                      // requests in a row that may be throttled to the end
	maxLate         = 3                      // requests of one kind in a row that may time out before the kind counts as one that hangs
	tryAgain        = time.Minute            // after which a kind that hangs is sent again
	longestAway     = 12 * time.Second       // that a target may take to answer again, as after a crash
	maxNotes        = 20                     // that a client keeps
	maxEarlier      = 1 << 10                // bytes that are kept of the answer to an earlier step
	cleanUpTime     = 10 * time.Second       // of one world
	maxSlots        = 120                    // of a timeline
	firstWidth      = 100 * time.Millisecond // of the slots of a short run
)

// Client sends one worker's requests to a target and counts them. It is used by one goroutine at a time.
type Client struct {
	Target targets.Target
	Model  *model.World
	Scope  generators.Scope
	Status *Status
	// SettleTime is how long the target may take to show what was written; 0 says that it answers at once.
	SettleTime time.Duration

	Quota    int // of requests
	Requests int
	Worlds   int
	Notes    []string
	Timeline Timeline
	Settling Settling
	Busy     int  // answers that said so, and were waited out or not
	Stuck    bool // no fresh world is to be had
	Patient  bool // waits for what is busy or hangs, however often that was in vain
	Serial   bool // there can be one world at a time

	// taken has the deviations that answers of a settled world have shown of the target.
	taken map[model.Deviation]bool
}

// Fork is a client like this one for use beside it, which counts for itself and has no quota.
func (c *Client) Fork() *Client {
	fork := *c
	fork.Quota, fork.Requests, fork.Worlds, fork.Busy, fork.Notes = math.MaxInt, 0, 0, 0, nil
	fork.Timeline, fork.Settling, fork.taken = Timeline{}, Settling{}, maps.Clone(c.taken)
	return &fork
}

// Join adds what a fork has sent and seen.
func (c *Client) Join(fork *Client) {
	c.Requests, c.Worlds, c.Busy = c.Requests+fork.Requests, c.Worlds+fork.Worlds, c.Busy+fork.Busy
	c.Timeline.Merge(fork.Timeline)
	c.Settling.Merge(fork.Settling)
	for _, text := range fork.Notes {
		c.Note(text)
	}
	c.Learn(fork)
}

// Eventual reports whether the target is eventually consistent.
func (c *Client) Eventual() bool { return c.SettleTime > 0 }

// Can reports whether the target has a capability.
func (c *Client) Can(capability model.Capability) bool { return c.Scope.Can[capability] }

// Spent reports whether the client has used its quota or the run is over.
func (c *Client) Spent(ctx context.Context) bool {
	return ctx.Err() != nil || c.Stuck || c.Requests >= c.Quota || c.Status.Over()
}

// Note keeps a sentence for the report.
func (c *Client) Note(text string) {
	if !slices.Contains(c.Notes, text) && len(c.Notes) < maxNotes {
		c.Notes = append(c.Notes, text)
		c.Status.TellNote(text)
	}
}

// Denied says that access was denied, which ends the run.
func (c *Client) Denied(code string) { c.Status.access.CompareAndSwap(nil, code) }

// Learn takes over what settled answers have shown to another client.
func (c *Client) Learn(other *Client) {
	for d := range other.taken {
		c.take(d)
	}
}

func (c *Client) take(d model.Deviation) {
	if c.taken == nil {
		c.taken = map[model.Deviation]bool{}
	}
	c.taken[d] = true
}

// Send sends a request and waits out throttling, which is never an answer, and what keeps a resource busy, as
// long as is sensible.
func (c *Client) Send(ctx context.Context, world targets.World, r model.Request) targets.Reply {
	if queued, ok := world.(targets.Queued); ok { // what is sent alone must not wait for it
		queued.Await(ctx, r.Op, r.Region)
	}
	pause, began, busy := 50*time.Millisecond, time.Now(), 0
	for tries := 1; ; tries++ {
		reply := c.sendOnce(ctx, world, r, busy >= busyTogether)
		code := reply.Answer.Code
		later := tries < maxThrottled && (wire.Throttled(code) || c.Eventual() && r.Op.Reads() && wire.Unavailable(code))
		if code == wire.Busy && !r.Op.Reads() {
			if busy++; busy == 1 {
				pause /= 5 // it is a matter of one call
			}
			c.Busy++
			most := maxBusy
			if c.Status.busy.Load() > maxBusy && !c.Patient { // what stays busy so often is no matter of waiting
				most = busyTogether
			}
			later = busy < most || c.Eventual() && time.Since(began) < longestBusy
			if !later {
				c.Status.busy.Add(1)
			}
		}
		switch {
		case later && targets.Sleep(ctx, pause):
		case wire.Throttled(code) && ctx.Err() == nil:
			if c.Status.throttled.Add(1) >= maxThrottledOut {
				c.Status.lose("the target throttles every request; slow down with --pace, or try again later")
			}
			return reply
		default:
			c.Status.throttled.Store(0)
			return reply
		}
		pause = min(2*pause, 2*time.Second)
	}
}

// sendOnce sends a request, alone where nothing else may be in flight.
func (c *Client) sendOnce(ctx context.Context, world targets.World, r model.Request, alone bool) targets.Reply {
	if alone {
		c.Status.inFlight.Lock()
		defer c.Status.inFlight.Unlock()
	} else {
		c.Status.inFlight.RLock()
		defer c.Status.inFlight.RUnlock()
	}
	sent := time.Now()
	reply := wire.Brief(world.Do(ctx, r), targets.MaxKept)
	c.Timeline.add(sent.Sub(c.Status.Started), time.Since(sent))
	c.Requests++
	if n, _ := c.Status.asked.LoadOrStore(r.Op, new(atomic.Int64)); !c.Patient {
		n.(*atomic.Int64).Add(1)
	}
	c.Status.Requests.Add(1)
	if reply.Answer.Outcome == model.Succeeded {
		c.Status.worked.LoadOrStore(r.Op, true) // which costs less where it is there
	}
	if reply.Err != nil {
		c.Status.ended.CompareAndSwap(nil, &reply.Err)
	}
	return reply
}

// Count counts requests that several clients have sent at once, by the world itself.
func (c *Client) Count(requests int) {
	c.Requests += requests
	c.Status.Requests.Add(int64(requests))
}

// CloseWorld removes what a world's requests have made. The clean-up goes on for a while after an
// interruption, but not where nothing answers.
func (c *Client) CloseWorld(ctx context.Context, world targets.World, silent bool) {
	limit := cleanUpTime
	if silent {
		limit = time.Second
	}
	if end, bounded := ctx.Deadline(); bounded { // once time is over, others have to clean up too
		limit = max(time.Second, min(limit, time.Until(end)+cleanUpTime/2))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	if err := world.Close(ctx); err != nil {
		c.Note("clean-up: " + err.Error())
	}
}

// Answers reports whether a plain Put or Get in a fresh world gets a definite answer. One of them may hang every time,
// which is then asked last.
func (c *Client) Answers(ctx context.Context) bool {
	world, err := c.Target.NewWorld(ctx)
	if err != nil {
		return false
	}
	plain := []model.Request{generators.PlainPut(generators.NameAlpha), generators.Get(generators.NameAlpha)}
	if c.Status.putHangs.Load() {
		slices.Reverse(plain)
	}
	definite := false
	for _, r := range append(generators.NewTrail(c.Scope), plain...) {
		answer := c.Send(ctx, world, r).Answer
		definite = r.Op.Insights() && answer.Definite()
		if definite || answer.Outcome == model.Unanswered && !r.Op.Insights() {
			break
		}
		c.Status.putHangs.CompareAndSwap(false, r.Op == model.OpPut)
	}
	c.CloseWorld(ctx, world, !definite)
	return definite
}

// Heard says whether the target has just answered. Where it has not, it is asked something plain, for as long as it
// may take to come back; then it counts as lost. One kind of request may well crash it every time. It reports whether
// the target was there all the time.
func (c *Client) Heard(ctx context.Context, answered bool, problem string) (there bool) {
	began := time.Now()
	there = answered || c.Answers(ctx)
	back := there
	for pause := FirstPause; !back && !c.Status.Over(); back = c.Answers(ctx) {
		if !targets.Sleep(ctx, pause) { // the run is over, which says nothing of the target
			return false
		} else if time.Since(began) >= longestAway {
			c.Status.lose("the target stopped answering (" + problem + "); see whether it still runs, and try a longer --timeout")
			return false
		}
		pause = min(2*pause, time.Second)
	}
	if !there && back {
		c.Status.away.Add(1)
		c.Note("the target answered nothing for a while, and came back")
	}
	return there
}

// Timeline counts requests and sums up how long their answers took, in slots of a run. Where a run
// lasts longer than its slots, they are joined two by two.
type Timeline struct {
	slots []slot
	width time.Duration
}

type slot struct {
	requests       int
	total, slowest time.Duration
}

func (t *Timeline) add(at, took time.Duration) { t.slot(at).join(slot{1, took, took}) }

// slot is the one of a time, made where it is not there.
func (t *Timeline) slot(at time.Duration) *slot {
	t.width = max(t.width, firstWidth)
	for at/t.width >= maxSlots {
		t.widen()
	}
	i := int(max(at, 0) / t.width)
	t.slots = append(t.slots, make([]slot, max(0, i+1-len(t.slots)))...)
	return &t.slots[i]
}

func (s *slot) join(o slot) {
	s.requests += o.requests
	s.total += o.total
	s.slowest = max(s.slowest, o.slowest)
}

func (t *Timeline) widen() {
	for i, s := range t.slots {
		if i%2 == 0 {
			t.slots[i/2] = slot{}
		}
		t.slots[i/2].join(s)
	}
	t.slots = t.slots[:(len(t.slots)+1)/2]
	t.width *= 2
}

// Merge adds another timeline of the same run.
func (t *Timeline) Merge(o Timeline) {
	t.width = max(t.width, firstWidth)
	for t.width < o.width {
		t.widen()
	}
	for i, s := range o.slots {
		t.slot(time.Duration(i) * o.width).join(s)
	}
}

// Intervals renders the timeline for the report.
func (t *Timeline) Intervals() []reports.Interval {
	ms := func(d time.Duration) float64 { return math.Round(d.Seconds()*1e6) / 1e3 }
	var out []reports.Interval
	for i, s := range t.slots {
		x := reports.Interval{Seconds: (time.Duration(i) * t.width).Seconds(), Requests: s.requests, SlowMS: ms(s.slowest)}
		if s.requests > 0 {
			x.MeanMS = ms(s.total / time.Duration(s.requests))
		}
		out = append(out, x)
	}
	return out
}

package embedded

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/insightconform/conform/model"
)

// Replicas makes a server behave as a service of many replicas does: what it answers rests on any state
// of the last while, so that an old answer may come after a new one; it throttles; answers get lost,
// with their requests or without. None of that is a fault: everything that was written is there in the
// end, in the order in which it was answered for.
type Replicas struct {
	Seed     uint64
	Late     time.Duration // until every replica has what was written, or was on its way when its answer got lost
	Stale    float64       // the share of requests that meet a replica which may be late
	Throttle float64       // the share of requests that are refused for coming too fast
	Lost     float64       // the share of requests whose answer gets lost
	Slow     time.Duration // an answer takes up to this long
}

// replicas are those of one account.
type replicas struct {
	Replicas
	random *rand.Rand
	past   []version // the oldest first; a replica is at one of them
	onWay  []onWay
}

type version struct {
	at    time.Time
	state model.State
}

// onWay is a request that has lost its caller and is carried out later.
type onWay struct {
	at      time.Time
	request model.Request
}

// With has the worlds of a run, and not what is asked before them, answered by replicas.
func (o ServerOptions) With(r *Replicas) ServerOptions {
	var worlds atomic.Uint64 // which differ, and repeat from run to run
	o.around = func(a *account) func(model.Request) response {
		w := newReplicas(r, worlds.Add(1), a.state)
		return func(r model.Request) response { return w.handle(a, r) }
	}
	return o
}

func newReplicas(w *Replicas, world uint64, first model.State) *replicas {
	return &replicas{Replicas: *w, random: rand.New(rand.NewPCG(w.Seed, world)), past: []version{{state: first}}}
}

// replica is the state that a request meets.
func (w *replicas) replica(now time.Time, newest model.State) model.State {
	if w.random.Float64() >= w.Stale {
		return newest
	}
	until := now.Add(-time.Duration(w.random.Float64() * float64(w.Late)))
	state := w.past[0].state
	for _, v := range w.past {
		if v.at.After(until) {
			break
		}
		state = v.state
	}
	return state
}

// remember keeps a new state, and of the past what replicas may still be at.
func (w *replicas) remember(now time.Time, state model.State) {
	w.past = append(w.past, version{now, state})
	for len(w.past) > 1 && now.Sub(w.past[1].at) > w.Late {
		w.past = w.past[1:]
	}
}

// handle answers a request with all that may come between.
func (w *replicas) handle(a *account, r model.Request) response {
	a.mu.Lock()
	took := time.Duration(w.random.Float64() * float64(w.Slow))
	a.mu.Unlock()
	time.Sleep(took)
	a.mu.Lock()
	defer a.mu.Unlock()
	if out, ok := a.admit(r); !ok {
		return out
	}
	now := time.Now()
	for len(w.onWay) > 0 && !w.onWay[0].at.After(now) {
		a.carryOut(w.onWay[0].request)
		w.remember(w.onWay[0].at, a.state)
		w.onWay = w.onWay[1:]
	}
	if w.random.Float64() < w.Throttle {
		return refusal("ThrottlingException", "Rate exceeded")
	}
	lost := w.random.Float64() < w.Lost
	if lost && !r.Op.Reads() {
		switch w.random.IntN(3) {
		case 0: // with the request
			return response{drop: true}
		case 1: // which takes its time
			if len(w.onWay) == 0 {
				w.onWay = append(w.onWay, onWay{now.Add(time.Duration(w.random.Float64() * float64(w.Late))), r})
			}
			return response{drop: true}
		}
	}
	out := a.answerLate(r, w.replica(now, a.state))
	if !r.Op.Reads() {
		w.remember(now, a.state)
	}
	out.drop = out.drop || lost
	return out
}

// answerLate answers as a replica does that knows an older state: it reads that, it may refuse because
// of it, and it may accept a Put that it should not.
func (a *account) answerLate(r model.Request, old model.State) response {
	newest := a.state
	if r.Op.Reads() {
		a.state = old
		out := a.carryOut(r)
		a.state = newest
		return out
	}
	if r.Malformed() || old.Equal(newest) || r.Op == model.OpCreateStore {
		return a.carryOut(r)
	}
	then, now := model.Step(old, r)[0], model.Step(newest, r)[0]
	switch {
	case then.Answer.Outcome == model.Refused && then.Answer != now.Answer:
		return render(then.Answer, r, old, old)
	case r.Op == model.OpPut && then.Answer.Outcome == model.Succeeded && now.Answer.Outcome == model.Refused:
		a.state = withInsightsOf(newest, then.Next)
		return render(definite(then.Answer, old, r), r, old, then.Next)
	}
	return a.carryOut(r)
}

// withInsightsOf takes over what is stored on trails and stores that are in both states.
func withInsightsOf(s, from model.State) model.State {
	for i, t := range s.Trails {
		if other, ok := from.Trail(t.Home, t.Name); ok {
			t.Insights, t.Repeats = other.Insights, other.Repeats
			t.Asleep, t.MustWake, t.HasEither = other.Asleep, other.MustWake, other.HasEither
			s = s.WithTrail(i, t)
		}
	}
	for i, x := range s.Stores {
		for _, other := range from.Stores {
			if other.ID == x.ID && other.Home == x.Home {
				x.Insights, x.Repeats, x.Destination = other.Insights, other.Repeats, other.Destination
				s = s.WithStore(i, x)
			}
		}
	}
	return s
}

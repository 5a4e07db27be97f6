package concurrent

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/wire"
)

const (
	pause         = 300 * time.Microsecond // one unit of a move's delay where the target has no schedule
	resting       = 2 * time.Millisecond   // that a target has to come to rest after its last answer
	leastPatience = 2 * time.Second        // with a call of several clients, where the target answered one client at once
)

// playing is one play of a program.
type playing struct {
	client   *session.Client
	world    targets.World
	schedule targets.Schedule
	clock    atomic.Int64
	patience time.Duration // of each call that others may overlap
	hangs    atomic.Bool   // some call got no answer: no more are sent
	avoided  lessons       // what is not read at rest
}

// Play plays a program in a fresh world and records its history. seed is that of the target's schedule, where it has
// one. The error says that there is no fresh world.
func Play(ctx context.Context, client *session.Client, p *generators.Program, seed uint64) (*History, error) {
	return play(ctx, client, p, seed, leastPatience, nil)
}

// play is Play with how long an answer is waited for, at least, and what is not to be read at rest.
func play(ctx context.Context, client *session.Client, p *generators.Program, seed uint64, patience time.Duration,
	avoided lessons) (*History, error) {
	s, err := client.New(ctx, session.Policy{Wait: true}, nil)
	if err != nil {
		return nil, err
	}
	defer s.Close(ctx)
	x := &playing{client: client, world: s.World, schedule: targets.ScheduleOf(s.World), avoided: avoided}
	h := &History{World: client.Model, Eventual: client.Eventual(), played: p}
	began := time.Now()
	s.Play(ctx, p.Setup...)
	if x.schedule != nil {
		h.Schedule = seed
	}
	x.patience = max(patience, 10*time.Since(began))
	for _, step := range s.Steps {
		h.Before = append(h.Before, Call{Request: step.Request, Reply: step.Reply, Start: x.clock.Add(1), End: x.clock.Add(1)})
	}
	unsure := func(step session.Step) bool { return step.Diverges || !step.Reply.Answer.Definite() }
	if len(s.Steps) < len(p.Setup) || slices.ContainsFunc(s.Steps, unsure) {
		return h, ctx.Err() // what is found with one client at a time is found by other suites
	}
	for i, phase := range p.Phases {
		h.Round = append(h.Round, x.together(ctx, i+1, phase, seed+uint64(i)*0x9e3779b97f4a7c15)...)
	}
	h.hung = x.hangs.Load()
	targets.Sleep(ctx, max(resting, client.SettleTime))
	h.After = x.rest(ctx, p)
	return h, ctx.Err()
}

// alone sends a request while nothing else is under way.
func (x *playing) alone(ctx context.Context, r model.Request) Call {
	c := Call{Request: r, Start: x.clock.Add(1)}
	c.Reply = x.client.Send(ctx, x.world, r)
	c.End = x.clock.Add(1)
	return c
}

// together has all clients do their steps of a phase at the same time.
func (x *playing) together(ctx context.Context, phase int, steps [][]generators.Move, seed uint64) (calls []Call) {
	if x.schedule != nil {
		x.schedule.Clients(len(steps), seed)
	}
	lists := make([][]Call, len(steps))
	var wait sync.WaitGroup
	for i := range steps {
		wait.Go(func() { lists[i] = x.steps(targets.AsClient(ctx, i), phase, i, steps[i]) })
	}
	wait.Wait()
	for _, list := range lists {
		calls = append(calls, list...)
	}
	x.client.Count(len(calls))
	return calls
}

// steps does what one client does in a phase.
func (x *playing) steps(ctx context.Context, phase, client int, steps []generators.Move) (calls []Call) {
	if x.schedule != nil {
		defer x.schedule.Leave(client)
	}
	for _, step := range steps {
		if x.schedule == nil && step.Delay > 0 {
			targets.Sleep(ctx, time.Duration(step.Delay)*pause)
		}
		for range step.Delay + 1 {
			if x.schedule != nil && x.schedule.Turn(ctx, client) != nil {
				return calls
			}
		}
		if ctx.Err() != nil || x.hangs.Load() {
			return calls
		}
		c := Call{Client: client + 1, Phase: phase, Request: step.Request, Delay: step.Delay, Start: x.clock.Add(1)}
		c.Reply = x.send(ctx, step.Request)
		c.End = x.clock.Add(1)
		calls = append(calls, c)
	}
	return calls
}

// send sends a request that others may overlap, and waits for its answer as long as is sensible.
func (x *playing) send(ctx context.Context, r model.Request) targets.Reply {
	ctx, cancel := context.WithTimeout(ctx, x.patience)
	defer cancel()
	reply := wire.Brief(x.world.Do(ctx, r), targets.MaxKept)
	if ctx.Err() != nil && !reply.Answer.Definite() {
		x.hangs.Store(true)
	}
	return reply
}

// mostSent bounds the requests of a play, where each is sent once.
func mostSent(p *generators.Program) int {
	const byOne = 5 // calls on a trail, at rest
	n := len(p.Setup) + p.Calls()
	for _, r := range p.Setup {
		if r.Op == model.OpCreate || r.Op == model.OpCreateStore {
			n += byOne + p.Clients()
		}
	}
	return n
}

// rest reads what the round has left: one client by name, by ARN and by the flag, and then all of them. A trail that is
// gone is made again.
func (x *playing) rest(ctx context.Context, p *generators.Program) (calls []Call) {
	can := x.client.Can
	var names []string
	stores := false
	for _, r := range p.Setup {
		switch r.Op {
		case model.OpCreate:
			names = append(names, r.Input.Get("Name").Text())
		case model.OpCreateStore:
			stores = true
		}
	}
	if !can(model.CanGet) {
		names = nil
	}
	for _, name := range names {
		reads := []model.Request{generators.Get(name), generators.ByARN(generators.Get(name))}
		if can(model.CanGetTrail) {
			reads = append(reads, generators.GetTrail(name))
		}
		for _, r := range reads {
			if !x.avoided.has(r) {
				calls = append(calls, x.alone(ctx, r))
			}
		}
		if x.avoided.has(generators.Get(name)) {
			continue
		}
		for range p.Readers {
			calls = append(calls, x.alone(ctx, generators.Get(name)))
		}
		if n := p.Clients(); n > 1 {
			each := make([][]generators.Move, n)
			for i := range each {
				each[i] = []generators.Move{{Request: generators.Get(name)}}
			}
			calls = append(calls, x.together(ctx, 0, each, 0)...)
		}
		if strings.HasSuffix(calls[len(calls)-1].answer().Code, "NotFoundException") && can(model.CanCreate) {
			calls = append(calls, x.alone(ctx, generators.Create(name)), x.alone(ctx, generators.Get(name)))
		}
	}
	if stores {
		calls = append(calls, x.alone(ctx, generators.GetStore(model.StoreID(0))))
	}
	return calls
}

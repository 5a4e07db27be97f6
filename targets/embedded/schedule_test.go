package embedded

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/naming"
)

// program is what each client sends, one after the other. A zero request is a barrier for all clients.
type program [][]model.Request

var barrier model.Request

// history is what was sent and answered, in the order in which it happened.
type history struct {
	mu    sync.Mutex
	lines []string
	calls []called
}

type called struct {
	client  int
	request model.Request
	reply   targets.Reply
	number  int // of its line; at the start, then at the end
	ended   int
}

func (h *history) began(client int, r model.Request) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, fmt.Sprintf("%d %s %s", client, r.Op, r.Input))
	h.calls = append(h.calls, called{client: client, request: r, number: len(h.lines)})
	return len(h.calls) - 1
}

func (h *history) ended(i int, reply targets.Reply) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, fmt.Sprintf("%d → %d %s %s%s", h.calls[i].client, reply.Answer.Outcome, reply.Answer.Code, reply.Body, reply.Problem))
	h.calls[i].reply, h.calls[i].ended = reply, len(h.lines)
}

func (h *history) String() string { return strings.Join(h.lines, "\n") }

// meeting is where clients wait for each other.
type meeting struct {
	mu       sync.Mutex
	schedule targets.Schedule
	there    []int
	let      chan bool
	clients  int
}

func (m *meeting) wait(client int) {
	m.mu.Lock()
	if m.there = append(m.there, client); len(m.there) < m.clients {
		let := m.let
		m.mu.Unlock()
		if m.schedule != nil {
			m.schedule.Leave(client)
		}
		<-let
		return
	}
	defer m.mu.Unlock()
	for _, other := range m.there {
		if m.schedule != nil {
			m.schedule.Join(other)
		}
	}
	close(m.let)
	m.there, m.let = nil, make(chan bool)
}

// play has the clients of a program run at once, by the schedule of a world where it has one.
func (p program) play(ctx context.Context, world targets.World, seed uint64) *history {
	h, schedule := &history{}, targets.ScheduleOf(world)
	m := &meeting{schedule: schedule, clients: len(p), let: make(chan bool)}
	if schedule != nil {
		schedule.Clients(len(p), seed)
	}
	var done sync.WaitGroup
	for client, requests := range p {
		done.Go(func() {
			if schedule != nil {
				defer schedule.Leave(client)
			}
			for _, r := range requests {
				if r.Op == "" {
					m.wait(client)
					continue
				}
				if schedule != nil && schedule.Turn(ctx, client) != nil {
					return
				}
				i := h.began(client, r)
				h.ended(i, world.Do(targets.AsClient(ctx, client), r))
			}
		})
	}
	done.Wait()
	return h
}

// opened opens a target for the time of a test.
func opened(t *testing.T, target targets.Target) targets.Target {
	t.Helper()
	target = naming.Wrap(target)
	_, err := target.Open(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, target.Close()) })
	return target
}

func newWorld(t *testing.T, target targets.Target, setUp ...model.Request) targets.World {
	t.Helper()
	world, err := target.NewWorld(t.Context())
	require.NoError(t, err)
	for _, r := range setUp {
		require.Equal(t, http.StatusOK, world.Do(t.Context(), r).Status, r.Op)
	}
	return world
}

var (
	calls, errs = model.MakeSelectors(model.Management, 0), model.MakeSelectors(0, model.Management)
	twoTrails   = []model.Request{generators.Create("alpha"), generators.Start("alpha"), generators.Create("beta"), generators.Start("beta")}
)

var mixed = program{
	{generators.Put("alpha", calls), generators.Get("alpha"), barrier, generators.Put("beta", errs), generators.Get("beta")},
	{generators.Put("alpha", errs), generators.GetTrail("alpha"), barrier, generators.Delete("beta"), generators.Create("beta")},
	{generators.Get("alpha"), generators.Put("alpha", 0), barrier, generators.Get("beta"), generators.Get("alpha")},
}

// TestScheduleRepeats: the same seed gives the same history, in process and over HTTP, and another one others.
func TestScheduleRepeats(t *testing.T) {
	o := ServerOptions{}
	inProcess, overHTTP := opened(t, InProcess(o)), opened(t, NewTarget(Options{ServerOptions: o}))
	seen := map[string]bool{}
	for seed := range uint64(10) {
		want := mixed.play(t.Context(), newWorld(t, inProcess, twoTrails...), seed).String()
		seen[want] = true
		for range 20 {
			assert.Equal(t, want, mixed.play(t.Context(), newWorld(t, inProcess, twoTrails...), seed).String())
		}
		for range 2 {
			assert.Equal(t, want, mixed.play(t.Context(), newWorld(t, overHTTP, twoTrails...), seed).String())
		}
	}
	assert.Greater(t, len(seen), 7)
}

// TestScheduleOfManyWorlds: worlds side by side do not disturb each other's order.
func TestScheduleOfManyWorlds(t *testing.T) {
	target := opened(t, InProcess(ServerOptions{}))
	want := mixed.play(t.Context(), newWorld(t, target, twoTrails...), 1).String()
	var done sync.WaitGroup
	for range 8 {
		world := newWorld(t, target, twoTrails...)
		done.Go(func() { assert.Equal(t, want, mixed.play(t.Context(), world, 1).String()) })
	}
	done.Wait()
}

// TestNoScheduleByDefault: without the option chance decides, and worlds say so.
func TestNoScheduleByDefault(t *testing.T) {
	for _, target := range []targets.Target{InProcess(ServerOptions{Free: true}), NewTarget(Options{ServerOptions: ServerOptions{Free: true}})} {
		assert.Nil(t, targets.ScheduleOf(newWorld(t, opened(t, target))))
	}
}

// noneLeft checks that a test leaves no goroutine behind.
func noneLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		for n := 0; n < 5000 && runtime.NumGoroutine() > before; n++ {
			time.Sleep(time.Millisecond)
		}
		assert.LessOrEqual(t, runtime.NumGoroutine(), before)
	})
}

// TestTurnEndsWithItsContext: one that gives up no longer keeps others from going on.
func TestTurnEndsWithItsContext(t *testing.T) {
	noneLeft(t)
	schedule := targets.ScheduleOf(newWorld(t, opened(t, InProcess(ServerOptions{}))))
	schedule.Clients(3, 1)
	ctx, cancel := context.WithCancel(t.Context())
	gaveUp, goesOn := make(chan error, 1), make(chan error, 1)
	go func() { gaveUp <- schedule.Turn(ctx, 0) }()
	go func() { goesOn <- schedule.Turn(t.Context(), 1) }()
	cancel() // while the third client has not come
	require.ErrorIs(t, <-gaveUp, context.Canceled)
	schedule.Leave(2)
	require.NoError(t, <-goesOn)
	schedule.Leave(1)
}

// TestCloseEndsTurns: no client is left waiting when its world is closed.
func TestCloseEndsTurns(t *testing.T) {
	noneLeft(t)
	world := newWorld(t, opened(t, InProcess(ServerOptions{})), twoTrails...)
	schedule := targets.ScheduleOf(world)
	schedule.Clients(2, 1)
	waits := make(chan error, 1)
	go func() { waits <- schedule.Turn(t.Context(), 0) }()
	require.NoError(t, world.Close(t.Context()))
	require.Error(t, <-waits)
	require.Error(t, schedule.Turn(t.Context(), 1))
}

// TestLostRequestsHoldNobodyUp: a client that waits no longer for its answer takes part again with its next turn.
func TestLostRequestsHoldNobodyUp(t *testing.T) {
	noneLeft(t)
	for name, target := range map[string]targets.Target{
		"in process": InProcess(ServerOptions{}), "over HTTP": NewTarget(Options{})} {
		t.Run(name, func(t *testing.T) {
			world := newWorld(t, opened(t, target), twoTrails...)
			schedule := targets.ScheduleOf(world)
			for seed := range uint64(20) {
				schedule.Clients(2, seed)
				first, second := make(chan bool), make(chan error, 1)
				ctx, cancel := context.WithCancel(t.Context())
				go func() { second <- schedule.Turn(t.Context(), 1) }()
				go func() {
					for schedule.Turn(ctx, 0) == nil {
						world.Do(ctx, generators.Put("alpha", calls))
					}
					close(first)
				}()
				require.NoError(t, <-second) // a request of the first client may be under way
				cancel()
				<-first
				go func() {
					err := schedule.Turn(t.Context(), 1)
					schedule.Leave(1)
					second <- err
				}()
				require.NoError(t, schedule.Turn(t.Context(), 0))
				assert.Equal(t, model.Succeeded, world.Do(t.Context(), generators.Put("alpha", errs)).Answer.Outcome)
				schedule.Leave(0)
				require.NoError(t, <-second)
				require.Equal(t, errs, world.Do(t.Context(), generators.Get("alpha")).Answer.Selectors)
			}
		})
	}
}

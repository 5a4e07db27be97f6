package embedded

import (
	"context"
	"maps"
	"net/http"
	"slices"
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

// explained reports whether the calls of a history have an order, in agreement with that of calls that do not overlap,
// in which the model allows each answer.
func explained(tracker *model.Tracker, left []called) bool {
	for i, c := range left {
		first := !slices.ContainsFunc(left, func(o called) bool { return o.ended < c.number })
		if next := tracker.Clone(); first && next.Observe(c.request, c.reply.Answer).Allowed &&
			explained(next, slices.Delete(slices.Clone(left), i, i+1)) {
			return true
		}
	}
	return len(left) == 0
}

// crashed reports whether a call got no answer, or 500.
func crashed(calls []called) bool {
	return slices.ContainsFunc(calls, func(c called) bool { return c.reply.Status != http.StatusOK && c.reply.Status != http.StatusBadRequest })
}

// raced has one short program for each race, with which it shows.
var raced = map[string]program{
	"race-union":            {{generators.Put("alpha", calls)}, {generators.Put("alpha", errs)}},
	"race-flag-apart":       {{generators.Put("alpha", calls)}, {generators.Put("alpha", 0)}},
	"race-one-by-one":       {{generators.Put("alpha", calls)}, {generators.Put("alpha", errs)}},
	"race-connection-cache": {{generators.Get("alpha"), barrier, generators.Get("alpha")}, {generators.Put("alpha", calls), barrier}},
	"race-map-panics":       {{generators.Put("alpha", calls)}, {generators.Put("beta", errs)}},
	"race-deadlock": {{generators.Put("alpha", calls), generators.Get("beta")}, {generators.Put("beta", calls), generators.Get("beta")},
		{generators.Get("alpha"), generators.Get("alpha")}},
	"race-wrong-trail":      {{generators.Put("alpha", calls)}, {generators.Get("beta")}},
	"race-answers-early":    {{generators.Put("alpha", calls), generators.Get("alpha")}, {generators.Get("beta"), generators.Get("beta")}},
	"race-stale-read":       {{generators.Put("alpha", calls), generators.Get("alpha")}, {generators.Get("beta"), generators.Get("beta")}},
	"race-delete-leaves":    {{generators.Put("alpha", calls)}, {generators.Put("beta", errs), generators.Delete("alpha"), generators.Get("beta"), generators.Create("alpha")}},
	"race-failed-put-shows": {{generators.Put("alpha", model.MakeSelectors(model.Data, 0))}, {generators.Get("alpha")}},
	"slow-lock":             {{generators.Put("alpha", calls), generators.Put("beta", errs)}, {generators.Put("beta", calls), generators.Get("alpha")}},
}

// shown is what was wrong with a history: a call without a regular answer, what was read at rest in view of what was
// written, anything at all.
type shown struct{ crash, rest, any bool }

// shows plays a program with a seed in a new world, and has each client read what is there at rest.
func (p program) shows(t *testing.T, target targets.Target, seed uint64) shown {
	t.Helper()
	world, tracker := newWorld(t, target), model.NewTracker(&model.DefaultWorld)
	for _, r := range twoTrails {
		require.True(t, tracker.Observe(r, world.Do(t.Context(), r).Answer).Allowed)
	}
	h, schedule := p.play(t.Context(), world, seed), targets.ScheduleOf(world)
	writes := slices.DeleteFunc(slices.Clone(h.calls), func(c called) bool { return c.request.Op.Reads() })
	round := len(h.calls)
	alpha := generators.Get("alpha")
	for client := range p {
		for _, r := range []model.Request{alpha, generators.ByARN(alpha), generators.GetTrail("alpha"), generators.Get("beta")} {
			if schedule != nil {
				require.NoError(t, schedule.Turn(t.Context(), client))
			}
			i := h.began(client, r)
			h.ended(i, world.Do(targets.AsClient(t.Context(), client), r))
		}
		if schedule != nil {
			schedule.Leave(client)
		}
	}
	require.NoError(t, world.Close(t.Context()))
	return shown{crash: crashed(h.calls), any: !explained(tracker, h.calls),
		rest: !explained(tracker, slices.Concat(writes, h.calls[round:]))}
}

// TestRacesShow: each race shows under some seed, in the round or at rest as its rule is about the one or the other,
// and the right server shows nothing under any.
func TestRacesShow(t *testing.T) {
	right := opened(t, InProcess(ServerOptions{}))
	for _, fault := range Races {
		t.Run(fault.Name, func(t *testing.T) {
			noneLeft(t)
			racy, p, all := opened(t, InProcess(ServerOptions{Fault: fault.Name})), raced[fault.Name], map[shown]int{}
			require.NotEmpty(t, p)
			for seed := range uint64(200) {
				require.Equal(t, shown{}, p.shows(t, right, seed), "right, seed %d", seed)
				all[p.shows(t, racy, seed)]++
			}
			want := shown{any: true}
			switch fault.Rule {
			case model.ConcurrentNoCrash:
				want = shown{crash: true}
			case model.ConcurrentWhole, model.ConcurrentQuiescent, model.ConcurrentIsolated:
				want.rest = true
			case "":
				want = shown{}
			}
			want.rest = want.rest || fault.Name == "race-delete-leaves"
			assert.Positive(t, all[want], all)
			delete(all, want)
			delete(all, shown{})
			assert.Empty(t, all)
		})
	}
}

// TestRacesRepeat: with a race too, the same seed gives the same history, in process and over HTTP.
func TestRacesRepeat(t *testing.T) {
	for _, fault := range Races {
		o, p := ServerOptions{Fault: fault.Name}, raced[fault.Name]
		inProcess, overHTTP := opened(t, InProcess(o)), opened(t, NewTarget(Options{ServerOptions: o}))
		for seed := range uint64(5) {
			want := p.play(t.Context(), newWorld(t, inProcess, twoTrails...), seed).String()
			for range 20 {
				assert.Equal(t, want, p.play(t.Context(), newWorld(t, inProcess, twoTrails...), seed).String(), fault.Name)
			}
			if fault.Name != "race-deadlock" { // its clients wait on the clock
				assert.Equal(t, want, p.play(t.Context(), newWorld(t, overHTTP, twoTrails...), seed).String(), fault.Name)
			}
		}
	}
}

// TestDeadlocksEnd: over HTTP too, requests that wait for each other get no answer, and everything goes on afterwards.
func TestDeadlocksEnd(t *testing.T) {
	noneLeft(t)
	t.Run("over HTTP", func(t *testing.T) {
		o := Options{ServerOptions: ServerOptions{Fault: "race-deadlock"}, Timeout: time.Second / 5}
		target, seen := opened(t, NewTarget(o)), 0
		for seed := uint64(0); seed < 200 && seen < 2; seed++ {
			world := newWorld(t, target, twoTrails...)
			h := raced["race-deadlock"].play(t.Context(), world, seed)
			if crashed(h.calls) {
				seen++
			}
			assert.Equal(t, http.StatusOK, world.Do(t.Context(), generators.Put("alpha", errs)).Status)
			assert.Equal(t, errs, world.Do(t.Context(), generators.Get("alpha")).Answer.Selectors)
		}
		assert.Equal(t, 2, seen)
	})
}

// apart is a target each of whose worlds translates names for each client by itself.
type apart struct{ targets.Target }

type clientWorld struct {
	targets.World
	clients map[int]targets.World
	mu      sync.Mutex
}

// again is a target whose world is a given one.
type again struct {
	targets.Target
	world targets.World
}

func (a again) NewWorld(context.Context) (targets.World, error) { return a.world, nil }

func (a apart) NewWorld(ctx context.Context) (targets.World, error) {
	world, err := a.Target.NewWorld(ctx)
	return &clientWorld{World: world, clients: map[int]targets.World{}}, err
}

func (w *clientWorld) Do(ctx context.Context, r model.Request) targets.Reply {
	client := targets.ClientOf(ctx)
	w.mu.Lock()
	if w.clients[client] == nil {
		w.clients[client], _ = naming.Wrap(again{world: w.World}).NewWorld(ctx)
	}
	world := w.clients[client]
	w.mu.Unlock()
	return world.Do(ctx, r)
}

// TestRacesShowByChance: without a schedule races take time, so that each shows after some rounds, of which 40 are
// usual.
func TestRacesShowByChance(t *testing.T) {
	const rounds = 2000
	for _, fault := range Races[:len(Races)-1] {
		for name, target := range map[string]targets.Target{
			"in process": InProcess(ServerOptions{Free: true, Fault: fault.Name}),
			"over HTTP":  NewTarget(Options{ServerOptions: ServerOptions{Free: true, Fault: fault.Name}, Timeout: time.Second / 2}),
		} {
			t.Run(fault.Name+" "+name, func(t *testing.T) {
				_, err := target.Open(t.Context())
				require.NoError(t, err)
				defer func() { require.NoError(t, target.Close()) }()
				p, round := raced[fault.Name], 0
				for ; round < rounds && p.shows(t, apart{target}, 0) == (shown{}); round++ {
				}
				assert.Less(t, round, rounds)
			})
		}
	}
}

// TestRacesAreRightInAllPlaces: calls in several Regions, by name and by ARN, one at a time, show nothing of a race.
func TestRacesAreRightInAllPlaces(t *testing.T) {
	for _, fault := range Races {
		target := openInProcess(t, ServerOptions{Fault: fault.Name})
		for seed := range uint64(16) {
			if f := walk(t, target, seed, 300); f != nil {
				t.Fatalf("%s, walk %d: %s", fault.Name, seed, f)
			}
		}
	}
}

func TestRaceTable(t *testing.T) {
	names := map[string]bool{}
	for _, f := range slices.Concat(Faults, Races) {
		assert.False(t, names[f.Name], "%s stands twice", f.Name)
		names[f.Name] = true
	}
	for _, f := range Races {
		found, ok := FaultNamed(f.Name)
		assert.True(t, ok && found.Races(), f.Name)
		assert.NotEmpty(t, f.Describe, f.Name)
		both, ok := FaultNamed(f.Name + "+misspells-trail-arn")
		assert.True(t, ok && both.Races(), f.Name)
	}
	assert.ElementsMatch(t, slices.Collect(maps.Keys(raced)), func() (all []string) {
		for _, f := range Races {
			all = append(all, f.Name)
		}
		return all
	}())
	_, ok := FaultNamed("race-union+race-deadlock")
	assert.False(t, ok, "two races")
	_, err := NewServer(ServerOptions{Fault: "race-union+slow-lock"})
	require.ErrorIs(t, err, targets.ErrUsage)
}

package concurrent_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/internal/concurrent"
	"github.com/insightconform/conform/internal/probe"
	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/embedded"
)

// open opens a target for several clients.
func open(t *testing.T, target targets.Target) *session.Client {
	t.Helper()
	subject, err := probe.Open(t.Context(), target, probe.Options{Workers: 1, Overlap: probe.Asked})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, target.Close()) })
	return subject.NewClient()
}

// run runs the suite with so many requests.
func run(t *testing.T, client *session.Client, o concurrent.Options, requests int) []*concurrent.Divergence {
	t.Helper()
	client.Quota = client.Requests + requests
	o.Note = func(text string) { t.Error(text) }
	found, err := concurrent.Run(t.Context(), client, o)
	require.NoError(t, err)
	return found
}

func none(t *testing.T, found []*concurrent.Divergence) {
	t.Helper()
	for _, d := range found {
		t.Errorf("%s: %v, but %s", d.Signature(), d.Expected, d.Actual)
	}
}

// TestARightServerIsNotAccused under a thousand schedules, a program each.
func TestARightServerIsNotAccused(t *testing.T) {
	t.Parallel()
	client := open(t, embedded.InProcess(embedded.ServerOptions{}))
	judged := 0
	for seed := range uint64(1000) {
		none(t, run(t, client, concurrent.Options{Seed: seed}, 30)) // which one program exceeds, and its set-up does not
		judged = client.Worlds
	}
	assert.GreaterOrEqual(t, judged, 1000)
	for _, id := range []model.ID{model.ConcurrentNoCrash, model.ConcurrentIsolated, model.ConcurrentWhole, model.ConcurrentQuiescent,
		model.ConcurrentLinearizable} {
		assert.True(t, client.Status.Tested(id), id)
	}
}

// TestARightServerOverHTTP: with two, four and eight clients, also where it is slow and where answers get lost on the way.
func TestARightServerOverHTTP(t *testing.T) {
	t.Parallel()
	type server struct {
		name string
		o    embedded.ServerOptions
	}
	servers := []server{{"fast", embedded.ServerOptions{}}, {"slow", embedded.ServerOptions{Fault: "slow-lock"}}}
	for _, weather := range []string{"lost", "reset", "throttled", "unavailable"} {
		servers = append(servers, server{weather, embedded.ServerOptions{Weather: []string{weather}}})
	}
	for _, s := range servers {
		for _, clients := range []int{2, 4, 8} {
			t.Run(fmt.Sprintf("%s with %d", s.name, clients), func(t *testing.T) {
				t.Parallel()
				s.o.Free = true
				client := open(t, embedded.NewTarget(embedded.Options{ServerOptions: s.o}))
				client.Quota = client.Requests + 700
				var notes []string
				found, err := concurrent.Run(t.Context(), client, concurrent.Options{Seed: uint64(clients), Clients: clients,
					Note: func(text string) { notes = append(notes, text) }})
				require.NoError(t, err)
				none(t, found)
				assert.NotContains(t, strings.Join(notes, " "), "searched for an order", "undecided")
			})
		}
	}
}

// TestTimeEndsWhatChanceHas, and not what a seed repeats, however slow the machine is.
func TestTimeEndsWhatChanceHas(t *testing.T) {
	t.Parallel()
	for _, free := range []bool{false, true} {
		client := open(t, embedded.InProcess(embedded.ServerOptions{Free: free}))
		before := client.Requests
		none(t, run(t, client, concurrent.Options{Seed: 1, Time: 1}, 300))
		if sent := client.Requests - before; free {
			assert.Less(t, sent, 100)
		} else {
			assert.GreaterOrEqual(t, sent, 300)
		}
	}
}

// TestFaultsOfOneClient: what one client sees is left to the other suites.
func TestFaultsOfOneClient(t *testing.T) {
	t.Parallel()
	every := 12
	if os.Getenv("CI") == "" {
		every = 60
	}
	for i := 0; i < len(embedded.Faults); i += every {
		f := embedded.Faults[i]
		client := open(t, embedded.InProcess(embedded.ServerOptions{Fault: f.Name}))
		client.Quota = client.Requests + 1000
		found, err := concurrent.Run(t.Context(), client, concurrent.Options{Seed: 2, ShrinkRequests: 200})
		require.NoError(t, err, f.Name)
		for _, d := range found {
			t.Errorf("%s: %s: %v, but %s", f.Name, d.Signature(), d.Expected, d.Actual)
		}
	}
}

// TestRacesAreFound in at least nine seeds of ten, each under its rule or one that it breaks too, and shown by few calls.
func TestRacesAreFound(t *testing.T) {
	t.Parallel()
	var lengths []int
	for _, race := range embedded.Races {
		t.Run(race.Name, func(t *testing.T) {
			client := open(t, embedded.InProcess(embedded.ServerOptions{Fault: race.Name}))
			if race.Rule == "" {
				none(t, run(t, client, concurrent.Options{Seed: 1}, concurrent.Requests))
				return
			}
			caught := 0
			seeds := uint64(10)
			if os.Getenv("CI") == "" {
				seeds = 3
			}
			for seed := range seeds {
				found := run(t, client, concurrent.Options{Seed: seed * 1000, ShrinkRequests: 200}, concurrent.Requests)
				if slices.ContainsFunc(found, func(d *concurrent.Divergence) bool {
					return d.Rule == race.Rule || race.Rule == model.ConcurrentIsolated && d.Rule == model.ConcurrentWhole || d.Rule == model.TrailDeleteForgets
				}) {
					caught++
				}
				for _, d := range found {
					assert.True(t, d.Rule == race.Rule || slices.Contains(race.AlsoRules, d.Rule), "seed %d: %s: %v, but %s", seed, d.Signature(), d.Expected, d.Actual)
					lengths = append(lengths, len(d.Part))
				}
			}
			assert.GreaterOrEqual(t, caught, int(seeds)-1)
		})
	}
	slices.Sort(lengths)
	assert.LessOrEqual(t, lengths[len(lengths)/2], 6, "calls that contradict a rule, in the median")
}

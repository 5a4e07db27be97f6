package embedded_test

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/internal/testing/choices"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/embedded"
)

// silentShare is how often a fair server refuses what no rule obliges it to do, such as to make a trail.
const silentShare = 0.01

// requireNoViolation runs against a server that only ever takes accepted branches.
func requireNoViolation(t *testing.T, about string, target targets.Target, o conform.Options) *reports.Report {
	t.Helper()
	report, err := conform.Run(t.Context(), target, o)
	require.NoError(t, err, about)
	for _, d := range report.Divergences {
		var steps []string
		for _, s := range d.Steps {
			steps = append(steps, fmt.Sprintf("%s %s %s → %s %s %s allowed %v", s.Operation, s.Region, s.Request, s.Answer.Outcome, s.Answer.Code, s.Answer.Body, s.Allowed))
		}
		t.Errorf("%s: false positive %s (%s)", about, d.Signature, d.Status)
		for _, s := range steps {
			t.Log(s)
		}
		t.FailNow()
	}
	return report
}

// TestFairnessAtRandom: whatever accepted branch the server takes at each step, nothing is called a
// violation.
func TestFairnessAtRandom(t *testing.T) {
	const seeds, requests = 200, 600
	for seed, played := 0, 0; played < seeds; seed++ {
		require.Less(t, seed, 2*seeds, "most runs are long enough")
		target := embedded.InProcess(embedded.ServerOptions{Chooser: choices.Random(uint64(seed), silentShare)})
		report := requireNoViolation(t, fmt.Sprintf("seed %d", seed), target,
			conform.Options{Seed: uint64(seed) + 1, Requests: requests, Workers: 1, Suites: []string{conform.Random}})
		if report.Requests >= 500 { // fewer where the probe was refused a trail
			played++
		}
	}
}

// TestFairnessOverHTTP is the same through the SDK and the wire, with the systematic suite too.
func TestFairnessOverHTTP(t *testing.T) {
	for seed := range 10 {
		target := embedded.NewTarget(embedded.Options{ServerOptions: embedded.ServerOptions{Chooser: choices.Random(uint64(seed), silentShare)}})
		requireNoViolation(t, fmt.Sprintf("seed %d", seed), target, conform.Options{Seed: uint64(seed) + 1, Requests: 1500})
	}
}

// TestFairnessSystematic puts a server of random accepted branches through the whole default run.
func TestFairnessSystematic(t *testing.T) {
	for seed := range 8 {
		target := embedded.InProcess(embedded.ServerOptions{Chooser: choices.Random(uint64(seed)+1000, silentShare)})
		requireNoViolation(t, fmt.Sprintf("seed %d", seed), target, conform.Options{Seed: uint64(seed) + 1, Workers: 2})
	}
}

// TestFairnessOfEachAlternative takes one accepted alternative wherever it is offered, through the
// systematic suite.
func TestFairnessOfEachAlternative(t *testing.T) {
	for _, a := range choices.Alternatives() {
		t.Run(fmt.Sprintf("%s/%d", a.Rule, a.N), func(t *testing.T) {
			t.Parallel()
			target := embedded.InProcess(embedded.ServerOptions{Chooser: choices.Always(a.Rule, a.N)})
			report := requireNoViolation(t, string(a.Rule), target, conform.Options{Seed: 1, Workers: 1, Suites: []string{conform.Systematic}})
			seen := false
			for _, d := range report.Deviations {
				seen = seen || d.Rule == a.Rule
			}
			// Later alternatives of a rule are offered only for requests that break many rules, and two
			// rules are reached through stores that the suite makes no such use of.
			rare := a.N > 0 || a.Rule == model.StoreUpdateGuard || a.Rule == model.StoreDestination
			assert.True(t, seen || rare, "taking the alternative shows as a deviation of its rule")
		})
	}
}

// TestFairnessWithSeveralClients: nor is it held against a server that several clients use at once which of the accepted
// answers it gives, always or now and then.
func TestFairnessWithSeveralClients(t *testing.T) {
	var mu sync.Mutex
	taken, more := map[model.ID]bool{}, map[model.ID]int{model.LogsStart: 2500} // requests, where few meet it
	fair := func(t *testing.T, about string, seed uint64, rule model.ID, choose func([]model.Branch, model.Request) int) {
		t.Run(about, func(t *testing.T) {
			t.Parallel()
			target := embedded.InProcess(embedded.ServerOptions{Chooser: func(branches []model.Branch, r model.Request) int {
				i := choose(branches, r)
				if i > 0 {
					mu.Lock()
					defer mu.Unlock()
					taken[rule] = true
				}
				return i
			}})
			report := requireNoViolation(t, about, target, conform.Options{Seed: seed, Workers: 1, Requests: cmp.Or(more[rule], 400), Suites: []string{conform.Concurrent}})
			assert.NotContains(t, strings.Join(report.Notes, " "), "too long to be searched for an order", "undecided")
		})
	}
	t.Run("all", func(t *testing.T) {
		for i, a := range choices.Alternatives() {
			fair(t, fmt.Sprintf("%s %d", a.Rule, a.N), uint64(i)+1, a.Rule, choices.Always(a.Rule, a.N))
		}
		for seed := range uint64(20) {
			fair(t, fmt.Sprint("at random ", seed), seed+1, "", choices.Random(seed, 0))
		}
	})
	for _, id := range []model.ID{model.LogsStop, model.LogsStart, model.LogsPutStopped, model.TrailCreateExisting, model.SelectorTypeInvalid, ""} {
		assert.True(t, taken[id], "no program has met an alternative of %s", id)
	}
}

// TestCertificatesOfOtherWays: a target that takes an accepted alternative, always, gets a certificate
// of the machine that it is; one that takes now this and now that gets none, and no divergence.
func TestCertificatesOfOtherWays(t *testing.T) {
	complete := func(t *testing.T, chooser func([]model.Branch, model.Request) int, o conform.Options) *reports.Report {
		o.Seed, o.Workers, o.Suites = 1, 2, []string{conform.Complete}
		return requireNoViolation(t, fmt.Sprint(o.Machines), embedded.InProcess(embedded.ServerOptions{Chooser: chooser}), o)
	}
	type way struct {
		machine string
		rule    model.ID
		n       int
	}
	var ways []way
	for n := range 3 {
		ways = append(ways, way{"management", model.LogsSelectorsLater, n})
	}
	ways = append(ways, way{"trail", model.LogsSelectorsLater, 1}, way{"logging", model.LogsStop, 0},
		way{"logging", model.LogsStart, 0}, way{"logging", model.LogsPutStopped, 0},
		way{"logging", model.LogsPutStopped, 8})
	for _, w := range ways {
		t.Run(fmt.Sprint(w), func(t *testing.T) {
			t.Parallel()
			report := complete(t, choices.Always(w.rule, w.n), conform.Options{Machines: []string{w.machine}})
			require.Len(t, report.Certificates, 1)
			assert.True(t, report.Certificates[0].Holds, report.Certificates[0].Result)
		})
	}
	t.Run("at random", func(t *testing.T) {
		t.Parallel()
		for seed := range uint64(3) {
			report := complete(t, choices.Random(seed, 0), conform.Options{Machines: []string{"management"}, Depth: 1})
			require.Len(t, report.Certificates, 1)
			assert.False(t, report.Certificates[0].Holds)
			assert.Positive(t, report.Certificates[0].Unstable)
			assert.Contains(t, report.Certificates[0].Result, "not deterministic")
		}
	})
}

// TestFairnessBehindFlaws: an accepted alternative adds nothing to what is found of a server with a flaw that is common
// among emulators. Each alternative meets one flaw, every second one in CI and one of twelve elsewhere.
func TestFairnessBehindFlaws(t *testing.T) {
	alternatives := choices.Alternatives()
	for i, flaw := range embedded.Flaws {
		found := func(t *testing.T, o embedded.ServerOptions) map[string]string {
			o.Fault = flaw
			report, err := conform.Run(t.Context(), embedded.InProcess(o), conform.Options{Seed: 1, Workers: 1, Suites: []string{conform.Systematic}})
			require.NoError(t, err)
			all := map[string]string{}
			for _, d := range report.Divergences {
				for _, signature := range append(d.Also, d.Signature) {
					parts := strings.Split(signature, "|")
					all[parts[0]+" "+parts[1]] = d.Signature
				}
			}
			return all
		}
		t.Run(flaw, func(t *testing.T) {
			t.Parallel()
			alone := found(t, embedded.ServerOptions{})
			for n, a := range alternatives {
				if (n+i)%fairStride() != 0 {
					continue
				}
				for key, signature := range found(t, embedded.ServerOptions{Chooser: choices.Always(a.Rule, a.N)}) {
					assert.Contains(t, alone, key, "%s, the %d. alternative, with %s: %s", a.Rule, a.N, flaw, signature)
				}
			}
		})
	}
}

func fairStride() int {
	if os.Getenv("CI") != "" {
		return 2 * len(embedded.Flaws)
	}
	return 12 * len(embedded.Flaws)
}

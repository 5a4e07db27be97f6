package conform_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/internal/testing/choices"
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

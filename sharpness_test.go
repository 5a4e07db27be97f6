package conform_test

import (
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/embedded"
)

// How many seeds each fault is run with: all of them where time is no matter.
var sharpSeeds, deepSeeds = 1, 2

func TestMain(m *testing.M) {
	if os.Getenv("CI") != "" {
		sharpSeeds, deepSeeds = 3, 10
	}
	debug.SetGCPercent(400) // thousands of short runs make much garbage and keep little
	os.Exit(m.Run())
}

// runFault runs by default with the first seed; with others, only the suites that one client sees a fault with.
func runFault(t *testing.T, f embedded.Fault, seed uint64) *reports.Report {
	t.Helper()
	options := conform.Options{Seed: seed, Workers: 1}
	if seed > 1 {
		options.Suites = []string{conform.Systematic, conform.Random}
	}
	report, err := conform.Run(t.Context(), embedded.InProcess(embedded.ServerOptions{Fault: f.Name}), options)
	require.NoError(t, err)
	return report
}

func rulesOf(report *reports.Report) []model.ID {
	var ids []model.ID
	for _, d := range report.Divergences {
		if !slices.Contains(ids, d.Rule) {
			ids = append(ids, d.Rule)
		}
	}
	return ids
}

// TestSharpness: the default run reports exactly the rule that a wrong implementation breaks.
func TestSharpness(t *testing.T) {
	t.Parallel()
	t.Logf("each fault is run with %d of 3 seeds; CI=true runs all", sharpSeeds)
	caught := map[model.ID]bool{}
	for _, f := range embedded.Faults {
		if f.Deep || f.Computed { // the self-test runs the computed ones
			continue
		}
		caught[f.Rule] = true
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(sharpSeeds) {
				report := runFault(t, f, seed+1)
				assert.Contains(t, rulesOf(report), f.Rule, "seed %d%s", seed+1, explain(report, func(model.ID) bool { return true }))
				unexpected := explain(report, func(id model.ID) bool { return id != f.Rule && !slices.Contains(f.AlsoRules, id) })
				assert.Empty(t, unexpected, "seed %d", seed+1)
			}
		})
	}
	for _, rule := range model.Rules {
		if !rule.Silent && rule.Everywhere() { // TestNoAlias has mocks, and the suite of several clients races, for those
			assert.True(t, caught[rule.ID], "no fault breaks %s", rule.ID)
		}
	}
}

// TestDeepFaults: faults that need a history are found in at least nine seeds of ten.
func TestDeepFaults(t *testing.T) {
	t.Parallel()
	t.Logf("each fault is run with %d of 10 seeds; CI=true runs all", deepSeeds)
	deep := 0
	for _, f := range embedded.Faults {
		if !f.Deep {
			continue
		}
		deep++
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			hits, rules := 0, map[string]int{}
			for seed := range uint64(deepSeeds) {
				report := runFault(t, f, seed+1)
				if len(report.Divergences) > 0 {
					hits++
				}
				rules[fmt.Sprint(rulesOf(report))]++
			}
			assert.GreaterOrEqual(t, 10*hits, 9*deepSeeds, "found in %d of %d seeds", hits, deepSeeds)
			t.Log(rules)
		})
	}
	assert.GreaterOrEqual(t, deep, 12)
}

// explain lists the cases of divergences, for a failed test.
func explain(report *reports.Report, unexpected func(model.ID) bool) string {
	text, left := "", 40 // lines: a failing test is to fit on a screen
	for _, d := range report.Divergences {
		if !unexpected(d.Rule) || left <= 0 {
			continue
		}
		left -= 1 + len(d.Steps)
		text += fmt.Sprintf("\n%s raw %s (%s, %d times)", d.Signature, d.Raw, d.Status, d.Count)
		for _, s := range d.Steps[max(0, len(d.Steps)-20):] {
			text += fmt.Sprintf("\n    %s %s %.100s → %s %s %.100s", s.Operation, s.Region, s.Request, s.Answer.Outcome, s.Answer.Code, s.Answer.Body)
		}
	}
	return text
}

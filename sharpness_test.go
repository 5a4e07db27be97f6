package conform_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/embedded"
)

// How many seeds each fault is run with.
const sharpSeeds, deepSeeds = 1, 2

func runFault(t *testing.T, f embedded.Fault, seed uint64) *reports.Report {
	t.Helper()
	report, err := conform.Run(t.Context(), embedded.InProcess(embedded.ServerOptions{Fault: f.Name}), conform.Options{Seed: seed, Workers: 1})
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
	caught := map[model.ID]bool{}
	for _, f := range embedded.Faults {
		if f.Deep {
			continue
		}
		caught[f.Rule] = true
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(sharpSeeds) {
				found := rulesOf(runFault(t, f, seed+1))
				assert.Contains(t, found, f.Rule, "seed %d", seed+1)
				for _, id := range found {
					assert.True(t, id == f.Rule || slices.Contains(f.AlsoRules, id), "seed %d also reports %s", seed+1, id)
				}
			}
		})
	}
	for _, rule := range model.Rules {
		if !rule.Silent {
			assert.True(t, caught[rule.ID], "no fault breaks %s", rule.ID)
		}
	}
}

// TestDeepFaults: faults that need a history are found in at least nine seeds of ten.
func TestDeepFaults(t *testing.T) {
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

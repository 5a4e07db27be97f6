package main

import (
	"context"
	"io"
	"maps"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/embedded"
)

// needHypothesis skips where there is none, or fails in CI.
func needHypothesis(t *testing.T) {
	t.Helper()
	if version, err := hypothesisVersion(t.Context()); err != nil {
		require.Empty(t, os.Getenv("CI"), "%s has no Hypothesis", python())
		t.Skip("no Hypothesis")
	} else {
		t.Log("Hypothesis", version)
	}
}

func someSettings(t *testing.T, args ...string) *settings {
	t.Helper()
	s, err := readSettings(args)
	require.NoError(t, err)
	return s
}

// TestTools: each tool finds easy faults, reduces them, and is measured.
func TestTools(t *testing.T) {
	needHypothesis(t)
	s := someSettings(t, "-seeds", "1", "-reduce", "400", "-faults", "errors-with-200,put-answers-the-name,flag-always-set")
	results, err := s.results(t.Context(), io.Discard)
	require.NoError(t, err)
	require.Len(t, results, 3*len(tools))
	for _, r := range results {
		assert.True(t, r.found, "%s", r)
		assert.Positive(t, r.requests, "%s", r)
		assert.LessOrEqual(t, r.requests, s.budget, "%s", r)
		assert.Positive(t, r.executions, "%s", r)
		assert.GreaterOrEqual(t, r.reducing, r.executions, "%s", r)
		assert.Positive(t, r.length, "%s", r)
		if r.tool == toolConform {
			assert.LessOrEqual(t, r.length, 3, "%s", r)
		} else {
			assert.LessOrEqual(t, r.reducing, s.reduce, "%s", r)
		}
	}
	p := &page{settings: s, hypothesis: "x"}
	p.add(results)
	var text strings.Builder
	require.NoError(t, p.render(&text))
	for _, tool := range tools {
		assert.Contains(t, text.String(), "| "+tool+" | 3 of 3 |")
	}
	assert.NotContains(t, text.String(), "NaN")
}

// TestReference: where nothing is wrong nothing is found, or the oracle, or a tool, is wrong itself.
func TestReference(t *testing.T) {
	needHypothesis(t)
	for _, tool := range tools {
		r, err := trial{tool: tool, seed: 1, budget: 1500}.run(t.Context())
		require.NoError(t, err)
		assert.False(t, r.found, "%s", r)
	}
}

// TestSameActions: both state machines can do the same.
func TestSameActions(t *testing.T) {
	var inPython []string
	for _, found := range regexp.MustCompile(`(?s)@rule\(.*?\)\n    def (\w+)\(`).FindAllSubmatch(stateMachine, -1) {
		inPython = append(inPython, strings.ReplaceAll(string(found[1]), "_", ""))
	}
	slices.Sort(inPython)
	var inGo []string
	for name := range maps.Keys((&machine{}).actions()) {
		inGo = append(inGo, strings.ToLower(name))
	}
	slices.Sort(inGo)
	assert.Equal(t, inGo, inPython)
}

func TestReachable(t *testing.T) {
	s := someSettings(t)
	assert.Equal(t, len(embedded.Faults), len(s.faults)+len(s.excluded))
	assert.Greater(t, len(s.faults), 100)
	assert.Equal(t, "for want of "+string(model.CanStores), s.excluded["stores-share-selectors"])
	assert.Equal(t, "for want of "+string(model.CanRegions), s.excluded["regions-share-trails"])
	// There is no store to be named beside a trail.
	assert.Contains(t, s.excluded, "input/trail-and-store/ignored")
	assert.NotContains(t, s.excluded, "trail/name-syntax/ignored")
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"-tools", "quickcheck"}, {"-faults", "nonsense"}, {"-faults", "regions-share-trails"}, {"-seeds", "0"},
		{"-budget", "x"}, {"-nonsense"}, {"file"}, {"-time", "-1s"}} {
		_, err := readSettings(args)
		require.ErrorIs(t, err, targets.ErrUsage, "%v", args)
		assert.NotContains(t, err.Error(), "\n")
	}
	s := someSettings(t)
	s.write = t.TempDir() + "/none/page.md"
	s.tools, s.faults, s.seeds = []string{toolConform}, s.faults[:1], 1
	require.Error(t, s.run(context.Background()))
}

// TestSummary computes by hand what a page says.
func TestSummary(t *testing.T) {
	s := someSettings(t, "-faults", "flag-always-set,flag-never-set", "-budget", "1000", "-tools", "conform,rapid")
	p := &page{settings: s}
	p.add([]result{
		{seed: 1, tool: toolConform, fault: "flag-always-set", found: true, reduced: true, requests: 10, executions: 4, length: 2},
		{seed: 1, tool: toolConform, fault: "flag-always-set", found: true, reduced: true, requests: 30, executions: 6, length: 4},
		{seed: 1, tool: toolConform, fault: "flag-never-set", found: true, reduced: true, requests: 5, executions: 1, length: 1},
		{seed: 1, tool: toolConform, fault: "flag-never-set", found: true, reduced: true, requests: 5, executions: 1, length: 1},
		{seed: 1, tool: toolRapid, fault: "flag-always-set", found: true, reduced: true, requests: 40, executions: 9, length: 7},
		{seed: 1, tool: toolRapid, fault: "flag-always-set", found: true, reduced: true, requests: 40, executions: 9, length: 7},
		{seed: 1, tool: toolRapid, fault: "flag-never-set"},
		{seed: 1, tool: toolRapid, fault: "flag-never-set"},
	})
	own, other := p.summarize(toolConform, s.faults), p.summarize(toolRapid, s.faults)
	assert.Equal(t, 4, own.caught)
	assert.Equal(t, 4, own.runs)
	assert.InDelta(t, 10, own.mean, 1e-9) // of 20 and 5
	assert.InDelta(t, 1, own.ratio, 1e-9)
	assert.InDelta(t, 5, own.executions, 1e-9) // of the fault that both have found
	assert.Equal(t, 2, other.caught)
	assert.InDelta(t, 200, other.mean, 1e-9) // of 40 and the budget
	assert.InDelta(t, 20, other.ratio, 1e-9)
	assert.InDelta(t, 7, other.length, 1e-9)
	var text strings.Builder
	require.NoError(t, p.render(&text))
	assert.Contains(t, text.String(), "is met")
	assert.Contains(t, text.String(), "rapid does not always catch within the budget: flag-never-set (0 of 2)")
	assert.True(t, math.IsNaN(median(nil)))
}

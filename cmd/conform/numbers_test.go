package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/internal/golden"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
)

// thousands is a number to the nearest thousand, as pages give those that a small change of the tool moves.
func thousands(n int) string { return plain.Grouped((n + 500) / 1000 * 1000) }

// TestNumbersOfARun: the page on CI says how long a run is, as 'conform plan' does.
func TestNumbersOfARun(t *testing.T) {
	got := command(t, "plan")
	require.Equal(t, 0, got.code, got.stderr)
	var requests []any
	for _, sends := range regexp.MustCompile(`(?m)^ +sends .*? ([\d,]+) writes, ([\d,]+) reads$`).FindAllStringSubmatch(got.stdout, -1) {
		n := 0
		for _, digits := range sends[1:] {
			part, err := strconv.Atoi(strings.ReplaceAll(digits, ",", ""))
			require.NoError(t, err)
			n += part
		}
		requests = append(requests, thousands(n))
	}
	require.Len(t, requests, 3, got.stdout)
	assert.Contains(t, page(t, "docs/testing-your-emulator-in-ci.md"), fmt.Sprintf("is about %s requests, %s random ones follow, and %s of several clients at once", requests...))
}

// TestNumbersOfTheBudgets: the page on running has what 'conform plan' says of each budget.
func TestNumbersOfTheBudgets(t *testing.T) {
	got := command(t, "plan", "--report", "json")
	require.Equal(t, 0, got.code, got.stderr)
	var plan reports.Plan
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &plan))
	share := func(c reports.Count) string { return fmt.Sprintf("%d %% of %d", 100*c.Covered/c.Total, c.Total) }
	table := "| budget | requests | suites | faults | with hidden state | pairs |\n|---|---|---|---|---|---|\n"
	for _, b := range plan.Budgets {
		requests := "about " + thousands(b.Writes+b.Reads)
		if b.AtMost > 0 {
			requests = "at most " + plain.Grouped(b.AtMost)
		}
		table += fmt.Sprintf("| `%s` | %s | %s | %s | %s | %s |\n", b.Name, requests, strings.Join(b.Suites, ", "), share(b.Faults), share(b.HiddenState), share(b.Pairs))
	}
	path := repository + "/docs/running.md"
	before, rest, found := strings.Cut(page(t, "docs/running.md"), "| budget |")
	require.True(t, found)
	_, after, _ := strings.Cut(rest, "\n\n")
	golden.Check(t, path, before+table+"\n"+after)
}

// TestNumbersOfTheFamilies: the page on the model counts the rules of each family.
func TestNumbersOfTheFamilies(t *testing.T) {
	count := map[string]int{}
	for _, r := range model.Rules {
		count[r.ID.Family()]++
	}
	_, table, found := strings.Cut(page(t, "docs/how-the-model-is-built.md"), "| family | rules | covers |\n|---|---|---|\n")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n\n")
	shown := map[string]int{}
	for row := range strings.Lines(table) {
		cells := strings.Split(row, "|")
		n, err := strconv.Atoi(strings.Fields(cells[2])[0])
		require.NoError(t, err, row)
		for _, family := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(cells[1], -1) {
			shown[family[1]] = n
		}
	}
	assert.Equal(t, count, shown)
}

// TestReportOfThePage: what the page on reading a report shows is what commands print.
func TestReportOfThePage(t *testing.T) {
	squeeze := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	blocks := fence.FindAllStringSubmatch(page(t, "docs/reading-a-report.md"), -1)
	require.Len(t, blocks, 2)
	assert.Contains(t, squeeze(page(t, "cmd/conform/testdata/runs/diverging.txt")), squeeze(blocks[0][2]))
	moto := command(t, "report", repository+"/docs/emulators/moto-5.2.5.json")
	assert.Contains(t, squeeze(moto.stdout), squeeze(blocks[1][2]))
	assert.Contains(t, page(t, "docs/reading-a-report.md"), "were "+regexp.MustCompile(`order \((\d+ times)\)`).FindStringSubmatch(moto.stdout)[1]+" answered")
}

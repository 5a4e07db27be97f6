package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/internal/golden"
	"github.com/insightconform/conform/reports"
)

func readJSONReport(t *testing.T, path string) *reports.Report {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	report, err := reports.ReadJSON(data)
	require.NoError(t, err)
	return report
}

// TestShardsAndMerge runs the shares of a suite over HTTP and joins their reports.
func TestShardsAndMerge(t *testing.T) {
	dir := t.TempDir()
	var paths []string
	for _, shard := range []string{"1/2", "2/2"} {
		path := filepath.Join(dir, strings.ReplaceAll(shard, "/", "-")+".json")
		got := command(t, "run", "--suite", "complete", "--machine", "management", "--shard", shard, "--report", "json="+path)
		assert.Equal(t, 0, got.code, got.stderr)
		paths = append(paths, path)
	}
	whole := filepath.Join(dir, "whole.json")
	got := command(t, "merge", paths[0], paths[1], "--report", "text", "--report", "json="+whole)
	assert.Equal(t, 0, got.code, got.stderr)
	assert.Contains(t, got.stdout, "certificate management, depth 0: all 96 tests passed")
	assert.True(t, readJSONReport(t, whole).Certificates[0].Holds)

	got = command(t, "merge", paths[1])
	assert.Equal(t, reports.ExitInconclusive, got.code)
	assert.Contains(t, got.stdout, "no report of shard 1/2 was given")
	got = command(t, "merge", paths[1], write(t, "r.json", "{}"))
	assert.Equal(t, reports.ExitUsage, got.code)
	assert.Regexp(t, `^conform: .*r\.json: schema "" is not .*\n$`, got.stderr)
	got = command(t, "merge")
	assert.Equal(t, reports.ExitUsage, got.code)
}

// TestResumeFile goes on from a file until the certificate holds, and begins nothing anew.
func TestResumeFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "progress.json")
	args := []string{"run", "--suite", "complete", "--machine", "management", "--depth", "1", "--resume", path}
	got := command(t, append(args, "--requests", "4000")...)
	assert.Equal(t, reports.ExitInconclusive, got.code, got.stderr)
	first := readJSONReport(t, path)
	assert.False(t, first.Certificates[0].Holds)
	got = command(t, args...)
	assert.Equal(t, 0, got.code, got.stderr)
	assert.Contains(t, got.stdout, "all 768 tests passed")
	second := readJSONReport(t, path)
	assert.True(t, second.Certificates[0].Holds)
	assert.Less(t, second.Requests, 12000, "what was done is not done again")

	got = command(t, "run", "--resume", write(t, "no.json", "x"))
	assert.Equal(t, reports.ExitUsage, got.code)
	assert.Regexp(t, `^conform: .*no\.json: not a report: [^\n]*\n$`, got.stderr)
}

// TestKilledAndResumed ends a run by force: its last checkpoint is whole, and the next run goes on.
func TestKilledAndResumed(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command, and waits for a checkpoint")
	}
	path := filepath.Join(t.TempDir(), "progress.json")
	p := start(t, build(t), "--endpoint", emulator(t), "--suite", "complete", "--machine", "trail", "--depth", "2", "--resume", path)
	require.Eventually(t, func() bool { _, err := os.Stat(path); return err == nil }, hung, 50*time.Millisecond)
	require.NoError(t, p.Process.Signal(syscall.SIGKILL))
	_, _ = p.exitCode(t)
	report := readJSONReport(t, path)
	assert.True(t, report.Partial)
	require.Len(t, report.Certificates, 1)
	assert.Positive(t, report.Certificates[0].Executed())
	assert.False(t, report.Certificates[0].Holds)
}

func TestPlan(t *testing.T) {
	got := command(t, "plan", "--suite", "complete", "--machine", "trail", "--depth", "1")
	assert.Equal(t, 0, got.code, got.stderr)
	plain := regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(got.stdout, "127.0.0.1:PORT")
	plain = regexp.MustCompile(`(?m)^(measured    ).*$`).ReplaceAllString(plain, "${1}RATE")
	plain = regexp.MustCompile(`\S+\s+\S+\s+at\s+the\s+measured\s+rate`).ReplaceAllString(plain, "TIME at the measured rate")
	// Where lines are broken depends on how long the measured time is.
	golden.Shape(t, "testdata/plan.txt", regexp.MustCompile(`\n {12,}`).ReplaceAllString(plain, " "))

	path := filepath.Join(t.TempDir(), "plan.json")
	got = command(t, "plan", "--report", "json="+path)
	assert.Equal(t, 0, got.code, got.stderr)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Contains(t, string(data), reports.PlanSchema)
}

func TestWrongCompleteUsage(t *testing.T) {
	for _, test := range []struct{ flag, value, want string }{
		{"--depth", "3", "must be a whole number from 0 to 2"},
		{"--machine", "tail", `"tail" is no machine; use one or several of management, trail, two-trails, stores, logging`},
		{"--shard", "3/2", "is no share; write it like 2/5"},
		{"--shard", "0/2", "is no share"},
		{"--suite", "whole", `"whole" is no suite; use one or several of systematic, complete, random`},
	} {
		got := passing().run(t.Context(), nil, "run", test.flag, test.value)
		assert.Equal(t, reports.ExitUsage, got.code)
		assert.Contains(t, got.stderr, test.want)
		assert.Equal(t, 1, strings.Count(got.stderr, "\n"))
	}
}

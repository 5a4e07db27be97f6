package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/internal/explore"
	"github.com/insightconform/conform/internal/golden"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
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
	assert.NotRegexp(t, `transitions|pairs of errors`, got.stdout, "which the certificate tells better")
	joined, first := readJSONReport(t, whole), readJSONReport(t, paths[0])
	assert.True(t, joined.Certificates[0].Holds)
	assert.Equal(t, strings.Replace(first.Command, " --shard 1/2", "", 1), joined.Command, "the command repeats the whole")
	assert.NotContains(t, joined.Command, "--shard")
	assert.Contains(t, joined.Command, fmt.Sprintf(" --seed %d", first.Seed))

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
	got := command(t, append(args, "--requests", "2400")...)
	assert.Equal(t, reports.ExitInconclusive, got.code, got.stderr)
	first := readJSONReport(t, path)
	assert.False(t, first.Certificates[0].Holds)
	got = command(t, args...)
	assert.Equal(t, 0, got.code, got.stderr)
	assert.Contains(t, got.stdout, "all 68 tests passed")
	second := readJSONReport(t, path)
	assert.True(t, second.Certificates[0].Holds)
	assert.Less(t, second.Requests, 5600, "what was done is not done again")

	got = command(t, "run", "--resume", write(t, "no.json", "x"))
	assert.Equal(t, reports.ExitUsage, got.code)
	assert.Regexp(t, `^conform: .*no\.json: not a report: [^\n]*\n$`, got.stderr)
}

// TestResumeOfAnotherTarget: tests that passed on one server and the rest on another one make no certificate.
func TestResumeOfAnotherTarget(t *testing.T) {
	const management = "--machine=management"
	unlike := func(next http.Handler) http.Handler { // Get of a trail without Insights answers what no other server does
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".StopLogging") {
				w.WriteHeader(http.StatusBadRequest)
				io.WriteString(w, `{"__type":"UnsupportedOperationException"}`)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	turned := atomic.Bool{}
	turning := func(next http.Handler) http.Handler {
		other := unlike(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if turned.Load() {
				other.ServeHTTP(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	good, changing := emulator(t), emulator(t, turning)
	for name, test := range map[string]struct {
		first, then []string
		says        string
	}{
		"another URL":      {[]string{"--endpoint", good}, []string{"--endpoint", emulator(t)}, "the URL is "},
		"another server":   {[]string{"--endpoint", changing}, []string{"--endpoint", changing}, `the capability stop-logging is "covered" in one and "absent" in another`},
		"a fault":          {nil, []string{"--fault", "appends-selectors"}, `the fault is "" in one and "appends-selectors" in another`},
		"another kind":     {nil, []string{"--endpoint", good}, `the target is "embedded" in one and "endpoint" in another`},
		"other suites":     {nil, []string{"--suite", "complete,random"}, `the list of suites is "complete" in one and "complete,random" in another`},
		"another shard":    {[]string{"--shard", "1/2"}, []string{"--shard", "2/2"}, `the shard is "1/2" in one and "2/2" in another`},
		"number of shards": {nil, []string{"--shard", "2/2"}, `the number of shards is `},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "progress.json")
			args := func(more []string) []string {
				if !slices.Contains(more, "--suite") {
					more = append([]string{"--suite", "complete"}, more...)
				}
				return append([]string{"run", management, "--resume", path}, more...)
			}
			got := command(t, args(append(test.first, "--requests", "600"))...)
			require.Equal(t, reports.ExitInconclusive, got.code, got.stderr)
			before, err := os.ReadFile(path)
			require.NoError(t, err)
			turned.Store(name == "another server")
			got = command(t, append(args(test.then), "--report", "json="+path+".report")...)
			assert.Equal(t, reports.ExitUsage, got.code, got.stdout)
			assert.Regexp(t, `^conform: the earlier report is of another run: [^\n]+\n$`, got.stderr)
			assert.Contains(t, got.stderr, test.says)
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, string(before), string(after), "what was done is kept")
			refused := readJSONReport(t, path+".report")
			assert.Equal(t, reports.Failed, refused.Verdict)
			assert.Zero(t, refused.Requests)
		})
	}
	path := write(t, "progress.json", `{"schema":"conform/report/1"}`)
	got := command(t, "run", "--resume", path)
	assert.Equal(t, reports.ExitUsage, got.code)
	assert.Regexp(t, `^conform: .*not a whole report: [^\n]*\n$`, got.stderr)
}

// TestMergeOfDifferentTargets: shards are merged of one target, whose port may be another one in each job.
func TestMergeOfDifferentTargets(t *testing.T) {
	shard := func(which string, more ...string) string {
		path := filepath.Join(t.TempDir(), "r.json")
		got := command(t, append([]string{"run", "--suite", "complete", "--machine", "management", "--shard", which, "--report", "json=" + path}, more...)...)
		require.LessOrEqual(t, got.code, reports.ExitInconclusive, got.stderr)
		return path
	}
	good := shard("1/2")
	got := command(t, "merge", good, shard("2/2", "--fault", "appends-selectors"))
	assert.Equal(t, reports.ExitUsage, got.code, got.stdout)
	assert.Regexp(t, `^conform: merge: the reports are of different runs: the fault is [^\n]*\n$`, got.stderr)
	got = command(t, "merge", good, shard("2/2", "--endpoint", emulator(t)))
	assert.Equal(t, reports.ExitUsage, got.code, got.stdout)
	assert.Contains(t, got.stderr, `the target is "embedded" in one and "endpoint" in another`)

	// Two processes of the same emulator: the certificate says what it then rests on.
	first, second := emulator(t), emulator(t)
	one := shard("1/2", "--endpoint", first)
	got = command(t, "merge", one, shard("2/2", "--endpoint", second))
	assert.Equal(t, reports.ExitConforms, got.code, got.stderr)
	assert.Contains(t, strings.Join(strings.Fields(got.stdout), " "), "note the same server listens at ")
	whole := filepath.Join(t.TempDir(), "whole.json")
	command(t, "merge", one, shard("2/2", "--endpoint", second), "--report", "json="+whole)
	certificate := readJSONReport(t, whole).Certificates[0]
	assert.True(t, certificate.Holds)
	assert.Contains(t, strings.Join(certificate.Hypotheses, "; "), "the same server listens at ")
	altered := readJSONReport(t, one)
	altered.Fingerprint = "0123456789abcdef"
	var text bytes.Buffer
	require.NoError(t, reports.JSON(&text, altered))
	got = command(t, "merge", write(t, "r.json", text.String()), shard("2/2", "--endpoint", second))
	assert.Equal(t, reports.ExitUsage, got.code, got.stdout)
	assert.Contains(t, got.stderr, "the fingerprint of what the target answered is ")

	// A shard that did not get far, in either way.
	closed := httptest.NewServer(nil)
	closed.Close()
	got = command(t, "merge", one, shard("2/2", "--endpoint", closed.URL))
	assert.Equal(t, reports.ExitInconclusive, got.code, got.stdout+got.stderr)
	assert.Contains(t, got.stdout, "nothing listens")
	var stdout, stderr bytes.Buffer
	path := filepath.Join(t.TempDir(), "r.json")
	for requests := range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		code := run(ctx, []string{"run", "--suite", "complete", "--machine", "management", "--shard", "2/2", "--traces", "none", "--report", "json=" + path,
			"--endpoint", emulator(t, at(int32(1+400*requests), cancel))}, nil, &stdout, &stderr, nil)
		require.Equal(t, reports.ExitInterrupted, code, stderr.String())
		got = command(t, "merge", one, path)
		assert.Equal(t, reports.ExitInterrupted, got.code, got.stdout+got.stderr)
	}
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
	shown := regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(got.stdout, "127.0.0.1:PORT")
	shown = regexp.MustCompile(`(?m)^(measured    ).*$`).ReplaceAllString(shown, "${1}RATE")
	shown = regexp.MustCompile(`\S+\s+\S+\s+at\s+the\s+measured\s+rate`).ReplaceAllString(shown, "TIME at the measured rate")
	shown = regexp.MustCompile(`(?m)^(  (?:quick|default|nightly) +\S+) +\S+ \w+ +\S+ \w+`).ReplaceAllString(shown, "${1} TIMES")
	// Where lines are broken depends on how long the measured time is.
	golden.Shape(t, "testdata/plan.txt", regexp.MustCompile(`\n {12,}`).ReplaceAllString(shown, " "))

	path := filepath.Join(t.TempDir(), "plan.json")
	got = command(t, "plan", "--report", "json="+path)
	assert.Equal(t, 0, got.code, got.stderr)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Contains(t, string(data), reports.PlanSchema)
}

// TestPlanOfABudget: a plan says how many requests there are at most, and what each budget costs and catches; what is given
// beside a budget goes first.
func TestPlanOfABudget(t *testing.T) {
	plan := func(args ...string) (out reports.Plan) {
		got := command(t, append([]string{"plan", "--report", "json"}, args...)...)
		require.Equal(t, 0, got.code, got.stderr)
		require.NoError(t, json.Unmarshal([]byte(got.stdout), &out))
		return out
	}
	names := func(list []reports.PlannedSuite) []string {
		return plain.Texts(list, func(s reports.PlannedSuite) string { return s.Name })
	}
	quick := plan("--budget", "quick")
	assert.Equal(t, 1500, quick.AtMost)
	assert.Equal(t, []string{"systematic", "random"}, names(quick.Suites))
	require.Len(t, quick.Budgets, 3)
	for i, b := range quick.Budgets {
		assert.Equal(t, explore.Budgets[i].Name, b.Name)
		assert.Positive(t, b.Faults.Covered*b.HiddenState.Covered*b.Pairs.Covered)
		assert.True(t, i == 0 || quick.Budgets[i-1].Writes < b.Writes)
	}
	assert.Equal(t, 1500, quick.Budgets[0].Writes+quick.Budgets[0].Reads)
	assert.Equal(t, quick.Budgets, plan("--requests", "9", "--suite", "random").Budgets, "of runs that give nothing beside")

	nightly := plan("--budget", "nightly")
	assert.Equal(t, 1, nightly.Suites[1].Certificate.Depth)
	shallow := plan("--budget", "nightly", "--depth", "0")
	assert.Equal(t, 0, shallow.Suites[1].Certificate.Depth)
	assert.Equal(t, names(nightly.Suites), names(shallow.Suites))
	assert.Equal(t, 700, plan("--budget", "quick", "--requests", "700").AtMost)

	ran := command(t, "run", "--budget", "quick", "--seed", "1", "--workers", "1", "--traces", "none")
	assert.Equal(t, 0, ran.code, ran.stderr)
	assert.Contains(t, ran.stdout, "repeat: conform run --budget quick --workers 1 --seed 1\n")
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

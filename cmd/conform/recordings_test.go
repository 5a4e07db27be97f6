package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/internal/testing/recording"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/embedded"
)

// callsOf is what a short run against a server says and hears.
func callsOf(t *testing.T, fault string) []recording.Call {
	t.Helper()
	var recorder recording.Recorder
	target := embedded.NewTarget(embedded.Options{ServerOptions: embedded.ServerOptions{Fault: fault},
		Wrap: func(s *embedded.Server) http.Handler { return recorder.Handler(s) }})
	_, err := conform.Run(t.Context(), target, conform.Options{Seed: 1, Requests: 800, Workers: 1})
	require.NoError(t, err)
	return recorder.Calls()
}

func called(t *testing.T, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr, nil)
	return result{code, stdout.String(), stderr.String()}
}

// TestJudgeRecordings: what others recorded is judged by its content; the exit code says what it comes to.
func TestJudgeRecordings(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := func(name string, content []byte) string {
		name = filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(name, content, 0o600))
		return name
	}
	right, wrong := callsOf(t, ""), callsOf(t, "appends-selectors")
	begin := time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	logs := filepath.Join(folder, "logs")
	require.NoError(t, recording.Logs(logs, recording.Timed(right, begin, time.Second), recording.LogOptions{Shuffle: true, Double: true, Noise: true}))
	har := path("right.json", recording.HAR(right, recording.HTTPOptions{}))
	wrongHAR := path("wrong", recording.HAR(wrong, recording.HTTPOptions{}))

	for _, file := range []string{har, logs, path("cassette.yaml", recording.VCRPy(right, recording.HTTPOptions{}, false))} {
		got := called(t, "judge", file)
		assert.Equal(t, 0, got.code, "%s: %s%s", file, got.stdout, got.stderr)
		assert.Contains(t, got.stdout, "and none contradicts a rule")
		assert.NotContains(t, got.stdout, "sent  ")
	}

	out := filepath.Join(folder, "report.json")
	got := called(t, "judge", wrongHAR, har, "--report", "json="+out, "--report", "text")
	require.Equal(t, 1, got.code, got.stdout+got.stderr)
	assert.Contains(t, got.stdout, "put/replaces-list")
	assert.Regexp(t, `seen +[0-9]+ times?, here in`, got.stdout)
	data, err := os.ReadFile(out)
	require.NoError(t, err)
	var report reports.Report
	require.NoError(t, json.Unmarshal(data, &report))
	assert.Equal(t, map[string]int{"har": 2}, report.Recorded.Files)
	assert.Greater(t, report.Recorded.Judged, 500)
	for _, d := range report.Divergences {
		assert.Equal(t, reports.Confirmed, d.Status)
		assert.LessOrEqual(t, len(d.Steps), 6, "%s", d.Signature)
		for _, step := range d.Steps {
			assert.Contains(t, step.Recorded, "wrong, entry ")
		}
	}
	assert.Equal(t, 1, called(t, "judge", out).code, "the report of a judgement is judged again")
	assert.Equal(t, 0, called(t, "judge", har, "--fail-on", "documented", "--settle", "5s").code)
	assert.Equal(t, 0, called(t, "report", out, "--to", "html="+filepath.Join(folder, "x.html")).code)

	none := called(t, "judge", path("none.har", recording.HAR(right[:0], recording.HTTPOptions{})))
	assert.Equal(t, 3, none.code, none.stdout+none.stderr)
	assert.Contains(t, none.stdout, "nothing could be judged")
	for name, bad := range map[string]string{
		"missing":  filepath.Join(folder, "nowhere"),
		"text":     path("text", []byte("hello\n")),
		"damaged":  path("damaged", []byte(`{"log": {"entries": [{`)),
		"no calls": path("no", []byte(`{"some": "thing"}`)),
		"empty":    path("empty", nil),
	} {
		got := called(t, "judge", bad)
		assert.Equal(t, 2, got.code, "%s: %s%s", name, got.stdout, got.stderr)
		assert.Equal(t, 1, strings.Count(got.stderr, "\n"), "%s: %s", name, got.stderr)
		assert.Empty(t, got.stdout, name)
	}
}

// TestJudgeStoredRuns: what conform has kept of a run gets the verdict of today's rules.
func TestJudgeStoredRuns(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	report, events := filepath.Join(folder, "report.json"), filepath.Join(folder, "events")
	ran := called(t, "run", "--fault", "unions-categories", "--seed", "1", "--traces", filepath.Join(folder, "traces"),
		"--report", "json="+report, "--report", "ndjson="+events)
	require.Equal(t, 1, ran.code, ran.stdout+ran.stderr)
	traces, err := filepath.Glob(filepath.Join(folder, "traces", "*.json"))
	require.NoError(t, err)
	for _, file := range append(traces, report, events) {
		got := called(t, "judge", file)
		assert.Equal(t, 1, got.code, "%s: %s%s", file, got.stdout, got.stderr)
		assert.Contains(t, got.stdout, "put/overwrites-categories", file)
	}
	kept := filepath.Join(folder, "kept.json")
	require.Equal(t, 0, called(t, "run", "--seed", "1", "--requests", "500", "--traces", "none", "--report", "json="+kept).code)
	got := called(t, "judge", kept)
	assert.Equal(t, 3, got.code, got.stdout+got.stderr) // a report keeps no calls but those of divergences
}

package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/embedded"
)

// TestReplayShowsWhatItSaw: steps, answers, what is expected and what came, in text and in the reports that are asked for.
func TestReplayShowsWhatItSaw(t *testing.T) {
	traces, err := filepath.Glob("testdata/traces-1/*.json")
	require.NoError(t, err)
	appends := slices.IndexFunc(traces, func(name string) bool { return strings.Contains(name, "appends-selectors") })
	require.GreaterOrEqual(t, appends, 0)
	trace, err := filepath.Abs(traces[appends])
	require.NoError(t, err)
	folder := t.TempDir()

	code, out, stderr := conformIn(t, folder, "replay", trace, "--fault", "appends-selectors", "--report", "text", "--report", "json=r.json", "--report", "junit=r.xml")
	require.Equal(t, reports.ExitDiverges, code, stderr)
	for _, line := range []string{"still diverges  put/replaces-list", " 1 CreateTrail alpha\n", "→ HTTP 200", "    ✗  ", "    expected  [Api", "    actual    [Api", "replayed 1 trace: 1 still diverges"} {
		assert.Contains(t, out, line)
	}
	report := readJSONReport(t, "r.json")
	require.Len(t, report.Replays, 1)
	replay := report.Replays[0]
	assert.True(t, replay.Steps[len(replay.Steps)-1].Diverges)
	assert.NotEqual(t, replay.Expected, []string{replay.Actual})
	assert.Equal(t, reports.Diverges, report.Verdict)
	assert.Equal(t, trace, replay.File)
	failures, _, _ := junitResult(t, "r.xml")
	assert.Equal(t, 1, failures)
	_, again, _ := conformIn(t, folder, "report", "r.json")
	assert.Equal(t, out, again, "the report is shown as the replay was")

	code, out, _ = conformIn(t, folder, "replay", trace, "--report", "text", "--report", "json=r.json", "--report", "junit=r.xml", "--report", "markdown=r.md", "--report", "html=r.html")
	require.Equal(t, reports.ExitConforms, code)
	assert.Contains(t, out, "fixed ")
	assert.NotContains(t, out, "✗")
	report = readJSONReport(t, "r.json")
	assert.Equal(t, "1 of 1 trace replayed and fixed; nothing else was tried", report.Reason)
	assert.Equal(t, "[ApiCallRateInsight]", report.Replays[0].Actual)
	assert.Len(t, report.Replays[0].Steps, 4)
	failures, _, _ = junitResult(t, "r.xml")
	assert.Zero(t, failures)

	code, out, _ = conformIn(t, folder, "replay", trace, "--fault", "trail-arn-missing", "--report", "text", "--report", "json=r.json")
	require.Equal(t, reports.ExitDiverges, code)
	assert.Contains(t, out, "now different")
	assert.Contains(t, out, "    actual    no TrailARN\n")
	assert.Equal(t, reports.Diverges, readJSONReport(t, "r.json").Verdict)
}

// TestReplayTakesOnlyTheFlagsThatItUses: another one is an error, and so is a form of report that a replay has not.
func TestReplayTakesOnlyTheFlagsThatItUses(t *testing.T) {
	for _, args := range [][]string{{"--seed", "3"}, {"--suite", "random"}, {"--prune"}, {"--workers", "2"}, {"--fail-fast"}, {"--baseline", "b.yaml"}, {"--only", "put/*"},
		{"--requests", "5"}, {"--time", "1s"}, {"--update-baseline"}, {"--resume", "r.json"}, {"--report", "ndjson"}, {"--report", "json=no/such/folder/r.json"}} {
		code, out, stderr := conformIn(t, t.TempDir(), append([]string{"replay", storedTraces[0]}, args...)...)
		assert.Equal(t, reports.ExitUsage, code, args)
		assert.Empty(t, out)
		assert.Regexp(t, `^conform: [^\n]*`+args[0]+`[^\n]*; ?[^\n]*\n$`, stderr)
	}
}

// TestReplayOnServersThatFail: whatever a target answers, replay says what became of each trace, and
// nothing of it is an error of conform.
func TestReplayOnServersThatFail(t *testing.T) {
	traces, err := filepath.Glob("testdata/traces-1/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, traces)
	for name, answer := range map[string]http.HandlerFunc{
		"5xx": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `{"__type":"InternalFailure"}`, http.StatusInternalServerError)
		},
		"5xx to what a trace begins with": func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".CreateTrail") {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			w.WriteHeader(http.StatusBadRequest)
			w.Write([]byte(`{"__type":"TrailNotFoundException"}`))
		},
		"5xx once the probe is over": func() http.HandlerFunc {
			right, err := embedded.NewServer(embedded.ServerOptions{})
			require.NoError(t, err)
			var names atomic.Int64 // of trails
			return func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".CreateTrail") {
					names.Add(1)
				}
				if names.Load() > 14 { // those of the probe, which tries the quota
					w.WriteHeader(http.StatusServiceUnavailable)
					return
				}
				right.ServeHTTP(w, r)
			}
		}(),
		"dropped": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"null": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			w.Write([]byte("null"))
		},
		"a page": func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) },
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(answer)
			defer server.Close()
			var stdout, stderr bytes.Buffer
			args := append([]string{"replay", "--endpoint", server.URL, "--timeout", "2s"}, traces...)
			code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr, nil)
			assert.NotContains(t, stderr.String(), "internal error")
			assert.Contains(t, []int{reports.ExitDiverges, reports.ExitInconclusive, reports.ExitConforms}, code, "%s%s", &stdout, &stderr)
			assert.NotEmpty(t, stdout.String()+stderr.String())
		})
	}
}

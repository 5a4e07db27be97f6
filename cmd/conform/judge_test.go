package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestJudge: what a run has kept of several clients is judged again, without a target.
func TestJudge(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	run := func(args ...string) result {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr, nil)
		return result{code, stdout.String(), stderr.String()}
	}
	assert.Equal(t, 1, run("run", "--suite", "concurrent", "--fault", "race-union", "--seed", "1", "--traces", folder).code)
	kept, err := filepath.Glob(filepath.Join(folder, "calls-*.calls"))
	require.NoError(t, err)
	require.Greater(t, len(kept), 1)
	traces, err := filepath.Glob(filepath.Join(folder, "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, traces)

	again := run(append([]string{"judge", "--fail-on", "inferred"}, kept...)...)
	assert.Equal(t, 1, again.code)
	assert.Contains(t, again.stdout, "concurrent/whole")
	assert.Contains(t, again.stdout, "in recorded calls of ")
	assert.Contains(t, again.stdout, " calls judged; files: calls ")
	assert.Equal(t, 1, run("judge", traces[0]).code)

	assert.Equal(t, 0, run("run", "--suite", "concurrent", "--seed", "1", "--traces", folder, "--requests", "300").code)
	left, err := filepath.Glob(filepath.Join(folder, "calls-*"))
	require.NoError(t, err)
	assert.Equal(t, []string{filepath.Join(folder, "calls-last.calls")}, left, "those of the other run are gone")
	assert.Equal(t, 0, run("judge", left[0]).code)

	text, err := os.ReadFile(left[0])
	require.NoError(t, err)
	for name, bad := range map[string]string{
		"no file": "", "damaged": string(text[:len(text)/2]), "another schema": `{"schema":"conform/report/1"}`,
		"no clients":       strings.NewReplacer(`"client": 1`, `"delay": 0`, `"client": 2`, `"delay": 0`, `"client": 3`, `"delay": 0`, `"client": 4`, `"delay": 0`).Replace(string(text)),
		"no operation":     strings.Replace(string(text), `"CreateTrail"`, `"MakeTrail"`, 1),
		"an answer before": strings.Replace(string(text), `"end": 2`, `"end": 0`, 1),
		"another member":   strings.Replace(string(text), `"steps"`, `"stairs"`, 1),
	} {
		file := filepath.Join(t.TempDir(), "x.calls")
		if bad != "" {
			require.NoError(t, os.WriteFile(file, []byte(bad), 0o600))
		}
		got := run("judge", file)
		assert.Equal(t, 2, got.code, name)
		assert.Equal(t, 1, strings.Count(got.stderr, "\n"), "%s: %s", name, got.stderr)
		assert.Empty(t, got.stdout, name)
	}
	assert.Equal(t, 2, run("judge").code)

	fresh := filepath.Join(t.TempDir(), "traces", "of-it")
	green := run("run", "--seed", "1", "--clients", "3", "--traces", fresh)
	assert.Equal(t, 0, green.code, green.stdout)
	assert.Contains(t, green.stdout, "\nrepeat: conform run --clients 3 --workers ")
	assert.NoDirExists(t, filepath.Dir(fresh), "a default run that finds nothing keeps nothing")
	for range 2 { // the second time in a folder that has no traces, but calls
		assert.Equal(t, 0, run("run", "--suite", "concurrent", "--seed", "1", "--traces", fresh, "--requests", "300").code)
		assert.FileExists(t, filepath.Join(fresh, "calls-last.calls"))
	}
	assert.Equal(t, 2, run("judge", "--report", "ndjson", left[0]).code)
}

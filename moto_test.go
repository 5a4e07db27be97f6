package conform_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/internal/testing/mototest"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/text"
	"github.com/insightconform/conform/targets/endpoint"
)

// motoExpected lists what moto is known to diverge in, one signature a line. When moto or the harness
// changes, the test says which lines to add or to take out.
const motoExpected = "testdata/moto-5.2.txt"

// motoKnown is what a version of moto is known to diverge in. A version that the list was not reviewed for
// skips the test, and fails it where the environment has CI.
func motoKnown(t *testing.T, version string) map[string]bool {
	t.Helper()
	data, err := os.ReadFile(motoExpected)
	require.NoError(t, err)
	expected, reviewed := map[string]bool{}, false
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if versions, found := strings.CutPrefix(line, "# Reviewed for "); found {
			reviewed = slices.Contains(strings.Fields(versions), version)
		}
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		versions, signature, some := strings.Cut(line, ": ")
		if !some {
			expected[line] = true
		} else if slices.Contains(strings.Fields(versions), version) {
			expected[signature] = true
		}
	}
	if what := "moto " + version + " is none of the versions that " + motoExpected + " was reviewed for"; !reviewed {
		if os.Getenv("CI") != "" {
			t.Fatal(what)
		}
		t.Skip(what)
	}
	return expected
}

// motoVersion is the version of the moto on the PATH, as the Python beside it says.
func motoVersion(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("moto_server")
	require.NoError(t, err)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	python := filepath.Join(filepath.Dir(path), "python3")
	if _, err := os.Stat(python); err != nil {
		python = "python3"
	}
	out, err := exec.CommandContext(t.Context(), python, "-c", "from importlib.metadata import version; print(version('moto'))").Output()
	if err != nil {
		return "of an unknown version"
	}
	return strings.TrimSpace(string(out))
}

// TestMotoKnown: what a version mended is not expected of it, and an unknown version is not measured by the list.
func TestMotoKnown(t *testing.T) {
	crash := "wire/no-crash|StartLogging|a definite answer|5xx"
	assert.True(t, motoKnown(t, "5.2.2")[crash])
	assert.False(t, motoKnown(t, "5.2.3")[crash])
	assert.True(t, motoKnown(t, "5.2.3")["get/not-enabled|GetInsightSelectors|InsightNotEnabledException|success"])

	folder := t.TempDir()
	for name, script := range map[string]string{"moto_server": "exit 1", "python3": "echo 5.2.99"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	}
	t.Setenv("PATH", folder)
	t.Setenv("CI", "")
	require.Equal(t, "5.2.99", motoVersion(t))
	skipped := false
	t.Run("another version", func(t *testing.T) {
		defer func() { skipped = t.Skipped() }()
		motoKnown(t, motoVersion(t))
	})
	assert.True(t, skipped)
}

// TestMotoReport: the report behind the page of emulators says of moto what the list says.
func TestMotoReport(t *testing.T) {
	data, err := os.ReadFile("docs/emulators/moto-5.2.5.json")
	require.NoError(t, err)
	var report reports.Report
	require.NoError(t, json.Unmarshal(data, &report))
	found := map[string]bool{}
	for _, d := range report.Divergences {
		found[d.Signature] = true
	}
	assert.Equal(t, motoKnown(t, report.Target.Version), found)
}

func TestMoto(t *testing.T) {
	t.Parallel()
	target, err := endpoint.New(endpoint.Options{URL: mototest.Start(t)})
	require.NoError(t, err)
	expected := motoKnown(t, motoVersion(t))
	report, err := conform.Run(t.Context(), target, conform.Options{Seed: 1})
	require.NoError(t, err)

	var shown bytes.Buffer
	require.NoError(t, text.Report(&shown, report, text.Options{}))
	t.Log(shown.String())
	assert.Equal(t, reports.ExitDiverges, report.ExitCode)

	for _, d := range report.Divergences {
		assert.True(t, expected[d.Signature], "not in %s: %s", motoExpected, d.Signature)
		assert.Equal(t, reports.Confirmed, d.Status, d.Signature)
		delete(expected, d.Signature)
	}
	assert.Empty(t, expected, "in %s, but not found", motoExpected)

	// What moto does right must have been put to the test, and found right.
	for _, id := range []model.ID{model.PutStores, model.TrailNameOrARN, model.TrailNotFound, model.StateIsolated, model.ErrorAtomic,
		model.WireProtocol, model.WireMembers, model.TrailNameSyntax, model.TrailUpdateKeeps} {
		c := report.Coverage.Rules[id]
		assert.True(t, c.Exercised && !c.Violated, "%s: %+v", id, c)
	}
}

// TestQuickOnMoto: a quick run sends little more than it has, with what confirms, and accuses of nothing that a default run
// would not.
func TestQuickOnMoto(t *testing.T) {
	t.Parallel()
	target, err := endpoint.New(endpoint.Options{URL: mototest.Start(t)})
	require.NoError(t, err)
	expected := motoKnown(t, motoVersion(t))
	report, err := conform.Run(t.Context(), target, conform.Options{Seed: 1, Budget: conform.Quick})
	require.NoError(t, err)
	assert.Equal(t, reports.ExitDiverges, report.ExitCode)
	assert.LessOrEqual(t, report.Requests, 1500)
	assert.LessOrEqual(t, report.Requests+report.ConfirmRequests, 2000, "it breaks so many rules that confirming takes more")
	assert.Equal(t, []string{conform.Systematic, conform.Random}, report.Suites)
	assert.Equal(t, report.Suites, report.CutShort)
	for _, d := range report.Divergences {
		assert.True(t, expected[d.Signature], d.Signature)
		assert.Equal(t, reports.Confirmed, d.Status, d.Signature)
	}
	assert.Greater(t, 2*len(report.Divergences), len(expected), "most are found")
}

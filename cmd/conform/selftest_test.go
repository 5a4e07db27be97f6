package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/internal/selftest"
	"github.com/insightconform/conform/reports"
)

func runSelftest(t *testing.T, result *reports.Selftest, err error, args ...string) (got result, options selftest.Options) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	parts := wiring{selftest: func(_ context.Context, o selftest.Options) (*reports.Selftest, error) {
		options = o
		return result, err
	}}
	got.code = parts.run(t.Context(), append([]string{"selftest"}, args...), strings.NewReader(""), &stdout, &stderr, nil)
	got.stdout, got.stderr = stdout.String(), stderr.String()
	return got, options
}

func TestSelftest(t *testing.T) {
	got, options := runSelftest(t, &reports.Selftest{Verdict: reports.Passed}, nil)
	assert.Zero(t, got.code)
	assert.Empty(t, got.stderr)
	assert.Contains(t, got.stdout, "passed (exit 0)\nrepeat: conform selftest --seed 1\n")
	assert.EqualValues(t, 1, options.Seed)
	assert.Empty(t, options.Faults)

	path := filepath.Join(t.TempDir(), "result.json")
	got, options = runSelftest(t, &reports.Selftest{Verdict: reports.NotPassed, ExitCode: reports.ExitFailed, Problems: []string{"appends-selectors missed"}}, nil,
		"--seed", "9", "--fault", "appends-selectors", "--fault", "trail/not-found/wrong-code", "--json", path)
	assert.Equal(t, reports.ExitFailed, got.code)
	assert.Empty(t, got.stderr)
	assert.Contains(t, got.stdout, "appends-selectors missed")
	assert.Contains(t, got.stdout, "repeat: conform selftest --fault appends-selectors --fault trail/not-found/wrong-code --seed 9\n")
	assert.EqualValues(t, 9, options.Seed)
	assert.Equal(t, []string{"appends-selectors", "trail/not-found/wrong-code"}, options.Faults)
	written, err := os.ReadFile(path)
	require.NoError(t, err)

	got, _ = runSelftest(t, &reports.Selftest{Verdict: reports.NotPassed, ExitCode: reports.ExitFailed, Problems: []string{"appends-selectors missed"}}, nil,
		"--seed", "9", "--fault", "appends-selectors", "--fault", "trail/not-found/wrong-code", "--json", "-")
	assert.Equal(t, string(written), got.stdout)

	got, _ = runSelftest(t, &reports.Selftest{Verdict: reports.Interrupted, ExitCode: reports.ExitInterrupted}, nil)
	assert.Equal(t, reports.ExitInterrupted, got.code)
	got, _ = runSelftest(t, nil, errors.New("broken"))
	assert.Equal(t, reports.ExitFailed, got.code)
	assert.Equal(t, "conform: broken\n", got.stderr)
}

// TestComputedFault: what follows from the table of rules can be shown to a user like any other fault.
func TestComputedFault(t *testing.T) {
	list := passing().run(t.Context(), nil, "serve", "--fault", "list")
	assert.Contains(t, list.stdout, "kms/policy/code-of-next ")
	f := passing()
	assert.Zero(t, f.run(t.Context(), nil, "run", "--fault", "kms/policy/code-of-next", "--traces", "none").code)
	assert.Equal(t, "kms/policy/code-of-next", f.settings.server.Fault)
}

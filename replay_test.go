package conform_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/reports"
)

// replayed runs conform.Replay against a target and returns what it said.
func replayed(t *testing.T, path string, mock conform.MockOptions, value any) (logs, errors string) {
	t.Helper()
	tb := &recorder{ctx: t.Context()}
	conform.Replay(tb, path, conform.Mock(value, mock))
	return strings.Join(tb.logs, "\n"), strings.Join(tb.errors, "\n")
}

// TestReplayOfAMocksTraces: what a run of a mock has found shows again until the mock is mended, in a test of one line.
func TestReplayOfAMocksTraces(t *testing.T) {
	wrong, right := &AppendingMock{*newMock()}, newMock()
	of := func(m *Mock) conform.MockOptions { return conform.MockOptions{Trails: m.trails, Reset: m.Reset} }
	report, err := conform.Run(t.Context(), conform.Mock(wrong, of(&wrong.Mock)), conform.Options{Seed: 1, Suites: []string{conform.Systematic}})
	require.NoError(t, err)
	folder := t.TempDir()
	written, err := reports.WriteTraces(folder, report, false)
	require.NoError(t, err)
	require.Equal(t, 3, written)

	logs, errors := replayed(t, folder, of(&wrong.Mock), wrong)
	assert.Empty(t, logs)
	for _, line := range []string{"still diverges  put/replaces-list", "1 Put orders [ApiCallRateInsight]", "✗", "expected  []", "actual    [ApiCallRateInsight]", "replayed 3 traces: 3 still diverges"} {
		assert.Contains(t, errors, line)
	}
	assert.NotContains(t, errors, "CreateTrail")

	logs, errors = replayed(t, folder, of(right), right)
	assert.Empty(t, errors)
	assert.Contains(t, logs, "replayed 3 traces: 3 fixed")
	assert.Contains(t, logs, "expected  [ApiCallRateInsight: Data]")

	// What cannot be played is no pass, nor is a folder without traces.
	read, err := filepath.Glob("cmd/conform/testdata/traces-1/appends-selectors@put_replaces-list*")
	require.NoError(t, err)
	require.NotEmpty(t, read)
	_, errors = replayed(t, read[0], of(right), putOnly{right})
	assert.Contains(t, errors, "not covered     put/replaces-list (Put) (the target has no get-insight-selectors)")
	_, errors = replayed(t, filepath.Join(folder, "nowhere"), of(right), right)
	assert.Contains(t, errors, "no such file")
	require.NoError(t, os.Mkdir(filepath.Join(folder, "empty"), 0o755))
	_, errors = replayed(t, filepath.Join(folder, "empty"), of(right), right)
	assert.Contains(t, errors, "the folder has no traces")
}

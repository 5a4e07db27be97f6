package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/reports"
)

// TestEmulatorsPage: the table of the page is what the command makes of the reports beside it, each of which the script
// can make again, and the page names them.
func TestEmulatorsPage(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(repository, "docs/emulators/*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	got := command(t, append([]string{"matrix", "--to", "markdown"}, files...)...)
	require.Equal(t, 0, got.code, got.stderr)
	text := page(t, "docs/emulators.md")
	_, rest, found := strings.Cut(text, "\n<!-- made by conform matrix -->\n\n")
	require.True(t, found)
	table, rest, found := strings.Cut(rest, "\n<!-- end of conform matrix -->\n")
	require.True(t, found)
	assert.Equal(t, got.stdout, table, "make it anew: .ci/emulators page")

	script := page(t, ".ci/emulators")
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		var r reports.Report
		require.NoError(t, json.Unmarshal(data, &r))
		assert.Equal(t, filepath.Base(file), r.Target.Label+"-"+r.Target.Version+".json")
		assert.True(t, strings.Contains(script, "\nmeasure "+r.Target.Label+" "+r.Target.Version+" "), "%s is not made by .ci/emulators", file)
		assert.False(t, r.Partial, file)
		assert.Contains(t, rest, r.Target.Version, "of %s, among the commands", file)
		assert.NotRegexp(t, `"[^"]*/(tmp|home|root|work)/`, string(data), "a path of the machine")
	}
	for _, measured := range regexp.MustCompile(`(?m)^measure \S+ (\S+)`).FindAllStringSubmatch(script, -1) {
		assert.Contains(t, rest, measured[1], "the page says of each version how to get it")
	}
}

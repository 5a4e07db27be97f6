package main

import (
	"encoding/json"
	"io/fs"
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
	}
	for _, measured := range regexp.MustCompile(`(?m)^measure \S+ (\S+)`).FindAllStringSubmatch(script, -1) {
		assert.Contains(t, rest, measured[1], "the page says of each version how to get it")
	}
}

// TestEmulatorsPageIsOfNoMachine: what made the page leaves no path and no host of the machine in it, in the reports, in
// the script and in the programs that it builds.
func TestEmulatorsPageIsOfNoMachine(t *testing.T) {
	path := regexp.MustCompile(`(^|[^\w.$}~<-])/(tmp|home|root|work|usr|opt|var|srv|mnt|Users)/\S*`)
	host := regexp.MustCompile(`https?(:|&#58;)//[^\s/)"\x60<>\\]+`)
	known := regexp.MustCompile(`//(127\.0\.0\.1|localhost|\{host\}|\{address\}|(\w+\.)*amazonaws\.com|github\.com)\b|//\{`)
	files := []string{filepath.Join(repository, "docs/emulators.md"), filepath.Join(repository, ".ci/emulators")}
	require.NoError(t, filepath.WalkDir(filepath.Join(repository, "docs/emulators"),
		func(file string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				files = append(files, file)
			}
			return err
		}))
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		text := strings.TrimPrefix(string(data), "#!/usr/bin/env bash")
		assert.Empty(t, path.FindAllString(text, -1), file)
		for _, found := range host.FindAllString(text, -1) {
			assert.Regexp(t, known, found, file)
		}
	}
}

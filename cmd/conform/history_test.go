package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/internal/golden"
	"github.com/insightconform/conform/reports"
)

// nightly writes the reports of some nights, of which the last come first by their names, beside what else lies in such a folder.
func nightly(t *testing.T) string {
	t.Helper()
	t.Chdir(t.TempDir())
	dir := "nightly"
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "traces"), 0o777))
	for i, fault := range []string{"misspells-insight-selectors", "", "appends-selectors", "appends-selectors"} {
		path := filepath.Join(dir, fmt.Sprintf("n%d.json", 9-i))
		args := []string{"run", "--seed", "1", "--requests", "1000", "--name", "moto", "--target-version", fmt.Sprintf("5.%d", i), "--report", "json=" + path}
		if fault != "" {
			args = append(args, "--fault", fault)
		}
		got := command(t, args...)
		require.Contains(t, []int{reports.ExitConforms, reports.ExitDiverges}, got.code, got.stderr)
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		text := regexp.MustCompile(`"started": "[^"]*"`).ReplaceAllString(string(data),
			fmt.Sprintf(`"started": "%s"`, time.Date(2026, 11, 20+i, 2, 17, 0, 0, time.UTC).Format(time.RFC3339)))
		text = strings.Replace(text, `"fault": "`+fault+`",`, "", 1)
		text = regexp.MustCompile(`,\s*"fault": "[^"]*"`).ReplaceAllString(text, "") // the emulator is the same one
		require.NoError(t, os.WriteFile(path, []byte(text), 0o666))
	}
	for name, text := range map[string]string{"broken.json": `{"schema": "conform/report/1", oh`, "notes.txt": "x",
		"traces/t.json": `{"schema": "conform/trace/1"}`, "shard.json": ""} {
		if name == "shard.json" {
			data, err := os.ReadFile(filepath.Join(dir, "n9.json"))
			require.NoError(t, err)
			text = strings.Replace(string(data), `"fail_on"`, `"shard": "1/2", "fail_on"`, 1)
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666))
	}
	return dir
}

func TestHistory(t *testing.T) {
	dir := nightly(t)
	got := command(t, "history", dir)
	require.Equal(t, reports.ExitConforms, got.code, got.stderr)
	text := regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(got.stdout, "127.0.0.1:PORT")
	golden.Check(t, filepath.Join(testdataFolder, "history.txt"), text)

	page := command(t, "history", dir, "--to", "html")
	require.Equal(t, reports.ExitConforms, page.code, page.stderr)
	assert.Contains(t, page.stdout, "1 failing, 0 flaky, 1 fixed</h1>")
	assert.Regexp(t, `(?s)put/replaces-list.*since 2026-11-22, steady: 2 runs.*"violated".*"violated".*"kept".*"kept"`, page.stdout)
	assert.NotContains(t, page.stdout, `http-equiv="refresh"`)

	data, err := os.ReadFile(filepath.Join(dir, "n8.json")) // in which nothing fails
	require.NoError(t, err)
	other := filepath.Join(t.TempDir(), "other.json")
	require.NoError(t, os.WriteFile(other, []byte(strings.Replace(string(data), `"label": "moto"`, `"label": "other"`, 1)), 0o666))
	two := command(t, "history", dir, other)
	assert.Equal(t, 2, strings.Count(two.stdout, "history of "), two.stdout)
	assert.Equal(t, 2, strings.Count(two.stdout, "\nruns\n"), two.stdout)

	one := command(t, "history", filepath.Join(dir, "n9.json"))
	assert.Equal(t, reports.ExitConforms, one.code, one.stderr)
	for _, line := range strings.Split(got.stdout, "\n") {
		assert.LessOrEqual(t, utf8.RuneCountInString(line), 110)
	}
}

func TestHistoryOfNothing(t *testing.T) {
	dir := nightly(t)
	path := func(name string) string { return filepath.Join(dir, name) }
	for says, args := range map[string][]string{
		"needs reports":             {},
		"broken.json: not a report": {path("broken.json")},
		"traces: the folder has no": {path("traces")},
		"'conform merge' joins it":  {path("shard.json")},
		"no such file":              {path("none.json")},
		"as text or html":           {dir, "--to", "junit"},
		"give a path that":          {dir, "--to", "html=/no/such/folder/x.html"},
	} {
		got := command(t, append([]string{"history"}, args...)...)
		assert.Equal(t, reports.ExitUsage, got.code, says)
		assert.Contains(t, got.stderr, says)
		assert.Equal(t, 1, strings.Count(got.stderr, "\n"), got.stderr)
		assert.Empty(t, got.stdout)
	}
}

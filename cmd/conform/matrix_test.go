package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/reports"
)

// someReports writes the reports of a right and of a wrong server, and a trace, and goes to their folder.
func someReports(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, name := range []string{"right", "wrong"} {
		require.NoError(t, os.MkdirAll(name, 0o777))
		args := []string{"run", "--seed", "1", "--requests", "400", "--only", "put/*", "--name", name, "--report", "json=" + name + "/report.json", "--traces", name}
		if name == "wrong" {
			args = append(args, "--fault", "appends-selectors", "--target-version", "2.0")
		}
		got := command(t, args...)
		require.Contains(t, []int{reports.ExitConforms, reports.ExitDiverges}, got.code, got.stderr)
	}
}

func TestMatrix(t *testing.T) {
	someReports(t)
	paths := []string{"right/report.json", "wrong/report.json"}
	got := command(t, append([]string{"matrix", "--to", "text", "--to", "markdown=m.md", "--to", "html=m.html", "--to", "badge=badges"}, paths...)...)
	require.Equal(t, reports.ExitConforms, got.code, got.stderr)
	assert.Empty(t, got.stderr)
	assert.Regexp(t, `(?m)^   1  right      conforms, partial\n      \d+ of \d+ rules kept,.* left out; `, got.stdout)
	assert.Regexp(t, `(?m)^   2  wrong 2\.0  diverges, partial$`, got.stdout)
	assert.Regexp(t, `(?m)^  put +\d+….* 1✗ \d+…`, got.stdout)
	assert.Regexp(t, `(?m)^  put/replaces-list  …✗  2: Put → `, got.stdout)
	for file, has := range map[string]string{"m.md": "<summary>put: ", "m.html": `id="matrix"`, "badges/right-report.svg": "right: conforms, partial: ",
		"badges/wrong-report.svg": "wrong 2.0: diverges, partial: "} {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Contains(t, string(data), has)
	}
	one := command(t, "matrix", paths[1], "--to", "badge")
	assert.Equal(t, reports.ExitConforms, one.code, one.stderr)
	assert.True(t, strings.HasPrefix(one.stdout, "<svg "), one.stdout)
	for to, file := range map[string]string{"one.svg": "one.svg", "badges": "badges/report.svg", "new/": "new/report.svg"} {
		one = command(t, "matrix", paths[1], "--to", "badge="+to)
		assert.Equal(t, reports.ExitConforms, one.code, one.stderr)
		assert.FileExists(t, file)
	}
}

func TestMatrixOfNothing(t *testing.T) {
	someReports(t)
	whole, err := os.ReadFile("right/report.json")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile("shard.json", []byte(strings.Replace(string(whole), `"fail_on"`, `"shard": "1/2", "fail_on"`, 1)), 0o666))
	traces, err := filepath.Glob("wrong/put_*.json")
	require.NoError(t, err)
	require.NotEmpty(t, traces)
	right, wrong := "right/report.json", "wrong/report.json"
	for says, args := range map[string][]string{
		"needs reports":                                 {},
		`schema "conform/trace/1" is not`:               {right, traces[0]},
		"m.md: not a report":                            {"m.md"},
		"is a directory":                                {"right"},
		"'conform merge' joins it":                      {"shard.json"},
		"no such file":                                  {right, "none.json"},
		`"junit" is no format of a matrix`:              {right, "--to", "junit"},
		"give a path that can be written":               {right, "--to", "html=/no/such/folder/x.html"},
		"give a folder for them":                        {right, wrong, "--to", "badge"},
		"is a file; name a folder":                      {right, wrong, "--to", "badge=m.md"},
		"two reports would have the badge":              {right, right, "--to", "badge=b"},
		"give a folder that can be written":             {right, wrong, "--to", "badge=/proc/no/such"},
		"a path is missing after badge=; write it like": {right, "--to", "badge="},
	} {
		require.NoError(t, os.WriteFile("m.md", []byte("# no report\n"), 0o666))
		got := command(t, append(append([]string{"matrix"}, args...), "--to", fmt.Sprint("text=", t.TempDir(), "/m.txt"))...)
		assert.Equal(t, reports.ExitUsage, got.code, says)
		assert.Contains(t, got.stderr, says)
		assert.Equal(t, 1, strings.Count(got.stderr, "\n"), got.stderr)
		assert.Empty(t, got.stdout)
		assert.NoDirExists(t, "b")
	}
}

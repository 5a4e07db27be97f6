package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/reports"
)

// TestNamesInReports: what the user calls the target, and its version, stand in every report and head what compares two.
func TestNamesInReports(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	for _, version := range []string{"4.9", "5.0"} {
		args := []string{"run", "--seed", "1", "--requests", "1000", "--name", "moto", "--target-version", version, "--report", "text"}
		for _, format := range []string{"json", "html", "markdown", "junit", "ndjson"} {
			args = append(args, "--report", format+"="+path(version+"."+format))
		}
		got := command(t, args...)
		require.Equal(t, reports.ExitConforms, got.code, got.stderr)
		assert.Regexp(t, `(?m)^conform .* · moto `+version+` · embedded http`, got.stdout)
		assert.Regexp(t, `(?m)^repeat: .* --name moto --target-version `+version+`$`, got.stdout)
		for format, wanted := range map[string]string{"json": `"version": "` + version, "html": "moto " + version, "markdown": "<code>moto " + version + "</code>",
			"junit": `<property name="target version" value="` + version, "ndjson": `"label":"moto"`} {
			data, err := os.ReadFile(path(version + "." + format))
			require.NoError(t, err)
			assert.Contains(t, string(data), wanted, format)
		}
	}
	diff := command(t, "diff", path("4.9.json"), path("5.0.json"))
	assert.Regexp(t, `^A  moto 4\.9 · .*\nB  moto 5\.0 · `, diff.stdout)
	compared := command(t, "report", path("4.9.json"), path("5.0.json"), "--to", "html")
	assert.Regexp(t, `<th scope="col"><a [^>]*>1\. moto 4\.9</a>.*<th scope="col"><a [^>]*>2\. moto 5\.0</a>`, compared.stdout)
	merged := command(t, "merge", path("4.9.json"), path("5.0.json"))
	assert.Equal(t, reports.ExitUsage, merged.code, "two versions are no parts of one run")
}

func TestNamesThatAreNone(t *testing.T) {
	for _, name := range []string{"", " x", "a\nb", "\x1b[31m", strings.Repeat("x", 81)} {
		got := command(t, "run", "--name", name)
		assert.Equal(t, reports.ExitUsage, got.code, "%q", name)
		assert.Equal(t, 1, strings.Count(got.stderr, "\n"), got.stderr)
	}
}

package conform_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/reports"
)

// The page that shows how a rule is added, as diffs, and where each says which fault breaks its rule.
const modelPage = "docs/how-the-model-is-built.md"

var shownDiff = regexp.MustCompile("(?s)<!-- rule (\\S+), fault (\\S+) -->\n+```diff\n(.*?)```")

// TestAddingARule applies the diffs of the page to a copy of the tree: each builds, its tests pass, no golden
// file of a whole run changes, and its fault is caught under its rule.
func TestAddingARule(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(modelPage)
	require.NoError(t, err)
	diffs := shownDiff.FindAllStringSubmatch(string(page), -1)
	require.Len(t, diffs, 2, "one for an error, one for a promise")
	if os.Getenv("CI") == "" {
		diffs = diffs[1:]
		t.Log("without CI=true only the second diff is tried")
	}
	for _, x := range diffs {
		rule, fault, diff := x[1], x[2], x[3]
		t.Run(rule, func(t *testing.T) {
			production := 0
			for _, file := range regexp.MustCompile(`(?m)^\+\+\+ b/(.*\.go)$`).FindAllStringSubmatch(diff, -1) {
				if !strings.HasSuffix(file[1], "_test.go") {
					production++
				}
			}
			assert.LessOrEqual(t, production, 3, "files of production code")

			dir := copyOfTree(t)
			in := func(stdin string, name string, args ...string) string {
				command := exec.Command(name, args...)
				command.Dir, command.Stdin = dir, strings.NewReader(stdin)
				out, err := command.CombinedOutput()
				require.NoError(t, err, "%s %s\n%s", name, strings.Join(args, " "), lastLines(out))
				return string(out)
			}
			in(diff, "patch", "-p1", "--no-backup-if-mismatch")
			in("", "go", "build", "./...")
			in("", "go", "test", "./model", "./generators/catalogue")
			in("", "go", "test", "-run", "Golden|Text|TestWholeRuns$|TestPlan", "./internal/selftest", "./reports/formats", "./cmd/conform")

			report := filepath.Join(dir, "report.json")
			command := exec.Command("go", "run", "./cmd/conform", "run", "--fault", fault, "--fail-on", "inferred", "--report", "json="+report)
			command.Dir = dir
			out, err := command.CombinedOutput()
			assert.Error(t, err, "%s is not caught\n%s", fault, lastLines(out))
			data, err := os.ReadFile(report)
			require.NoError(t, err)
			var r reports.Report
			require.NoError(t, json.Unmarshal(data, &r))
			require.NotEmpty(t, r.Divergences)
			for _, d := range r.Divergences {
				assert.Equal(t, rule, string(d.Rule))
				assert.Equal(t, reports.Confirmed, d.Status)
			}
		})
	}
}

// lastLines is the end of what a command printed, less than a screen.
func lastLines(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return strings.Join(lines[max(0, len(lines)-30):], "\n")
}

// copyOfTree copies the files of this checkout that git knows.
func copyOfTree(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("git", "ls-files", "-z").Output()
	if err != nil {
		t.Skip("this is no checkout: ", err)
	}
	dir := t.TempDir()
	for name := range bytes.SplitSeq(bytes.Trim(out, "\x00"), []byte{0}) {
		data, err := os.ReadFile(string(name))
		if os.IsNotExist(err) {
			continue
		}
		require.NoError(t, err)
		to := filepath.Join(dir, string(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(to), 0o777))
		require.NoError(t, os.WriteFile(to, data, 0o666))
	}
	return dir
}

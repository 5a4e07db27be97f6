package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/internal/golden"
	"github.com/insightconform/conform/reports"
)

// testdataFolder is named before any test changes the folder.
var testdataFolder, _ = filepath.Abs("testdata")

// snapshot holds what a whole run has written to the golden file of that name.
func snapshot(t *testing.T, name string, got result) {
	t.Helper()
	text := fmt.Sprintf("exit %d\n--- standard output\n%s--- standard error\n%s", got.code, got.stdout, got.stderr)
	golden.Check(t, filepath.Join(testdataFolder, "runs", name+".txt"), steady(text))
}

// What differs from run to run: ports, the version, and how often progress is shown.
var unsteady = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`(?m)^conform: .*\d requests? · \S+/s · .*\n`), ""},
	{regexp.MustCompile(`conform \(devel\)|conform v\S+`), "conform VERSION"},
	{regexp.MustCompile(`127\.0\.0\.1([:-])\d+`), "127.0.0.1${1}PORT"},
	{regexp.MustCompile(`(?m), [\d,]+ times?$`), ", N times"},
	{regexp.MustCompile(`\d+ more(\s+)\(`), "N more${1}("},
	{regexp.MustCompile(`\d+ of \d+(\s)applicable(\s)rules`), "N of N${1}applicable${2}rules"},
	{regexp.MustCompile(`about [\d,]+(\s)requests\)`), "about N${1}requests)"},
	{regexp.MustCompile(`seen [\d,]+ times?, in \d+ of \d+ tries`), "seen N times, in N of N tries"},
}

// Counted texts of a summary, with the lines on which they go on: what is counted, and how fast, changes with
// the order in which requests are sent, and so does where the lines break.
var (
	countedLines = regexp.MustCompile(`(?m)^((?:\x1b\[2m)?(?:sent|rules|coverage|deviations) +(?:\x1b\[0m)?)(.*(?:\n(?:\x1b\[2m)? {12}(?:\x1b\[0m)?.*)*)`)
	breakOfLine  = regexp.MustCompile(`\n(?:\x1b\[2m)? {12}(?:\x1b\[0m)?`)
	measure      = regexp.MustCompile(`in \S+ \(\S+ a second\)|the first after \S+|\d[\d,]*`)
)

// steady replaces what differs between two runs that find the same.
func steady(text string) string {
	text = countedLines.ReplaceAllStringFunc(text, func(found string) string {
		parts := countedLines.FindStringSubmatch(found)
		return parts[1] + measure.ReplaceAllStringFunc(breakOfLine.ReplaceAllString(parts[2], " "), func(m string) string {
			if strings.HasPrefix(m, "in ") {
				return "in TIME (RATE a second)"
			} else if strings.HasPrefix(m, "the first") {
				return "the first after TIME"
			}
			return "N"
		})
	})
	for _, u := range unsteady {
		text = u.what.ReplaceAllString(text, u.with)
	}
	return text
}

// wholeRun runs the command in a new folder.
func wholeRun(t *testing.T, ctx context.Context, environ []string, args ...string) result {
	t.Helper()
	t.Chdir(t.TempDir())
	var stdout, stderr bytes.Buffer
	code := run(ctx, args, strings.NewReader(""), &stdout, &stderr, environ)
	return result{code, stdout.String(), stderr.String()}
}

// These runs are short and the same each time.
func repeatable(args ...string) []string {
	return append([]string{"run", "--seed", "1", "--workers", "1"}, args...)
}

// lacking is an emulator with much to say about: it lacks some operations, answers some requests in an
// accepted way that is not the reference's, and is wrong in several others.
func lacking(t *testing.T) string {
	return emulator(t, errorsWith404, respelt, without(notImplemented, "GetTrail", "CreateEventDataStore"), onlyPrefix("CloudTrail_20131101."))
}

func TestWholeRuns(t *testing.T) {
	short := []string{"--suite", "systematic", "--requests", "3000"}
	t.Run("conforming", func(t *testing.T) {
		snapshot(t, "conforming", wholeRun(t, t.Context(), nil, repeatable(short...)...))
	})
	t.Run("conforming emulator", func(t *testing.T) {
		url := emulator(t, errorsWith404, without(notImplemented, "GetTrail"))
		snapshot(t, "conforming-emulator", wholeRun(t, t.Context(), nil, repeatable(append(short, "--endpoint", url)...)...))
	})
	t.Run("diverging", func(t *testing.T) {
		snapshot(t, "diverging", wholeRun(t, t.Context(), nil, repeatable(append(short, "--fault", "appends-selectors")...)...))
	})
	for _, flag := range []string{"", "--quiet", "--verbose"} {
		t.Run("diverging emulator "+flag, func(t *testing.T) {
			args := repeatable(append(short, "--endpoint", lacking(t))...)
			if flag != "" {
				args = append(args, flag)
			}
			got := wholeRun(t, t.Context(), []string{"AWS_ENDPOINT_URL=http://127.0.0.1:1"}, args...)
			if flag == "--quiet" {
				assert.Empty(t, got.stderr)
			}
			snapshot(t, "diverging-emulator"+strings.TrimPrefix(flag, "-"), got)
		})
	}
	t.Run("inconclusive", func(t *testing.T) {
		snapshot(t, "inconclusive", wholeRun(t, t.Context(), nil, repeatable("--requests", "60")...))
	})
	t.Run("nothing listens", func(t *testing.T) {
		snapshot(t, "nothing-listens", wholeRun(t, t.Context(), nil, repeatable("--endpoint", "http://127.0.0.1:1")...))
	})
	t.Run("refused", func(t *testing.T) {
		snapshot(t, "refused", wholeRun(t, t.Context(), nil, repeatable("--endpoint", "https://cloudtrail.us-east-1.amazonaws.com")...))
	})
	t.Run("interrupted", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		url := emulator(t, at(1500, cancel), respelt)
		got := wholeRun(t, ctx, nil, repeatable(append(short, "--endpoint", url)...)...)
		assert.Equal(t, reports.ExitInterrupted, got.code)
		// Whether the request on the way is counted is a matter of luck.
		snapshot(t, "interrupted", got)
	})
	t.Run("quiet", func(t *testing.T) {
		got := wholeRun(t, t.Context(), []string{"AWS_ENDPOINT_URL=http://127.0.0.1:1"}, repeatable(append(short, "--quiet", "--bucket", "b")...)...)
		got.stdout = steady(got.stdout)
		assert.Equal(t, result{0, "conforms (exit 0, partial)\n", ""}, got)
	})
}

// TestVerdictWithoutText: who writes reports to files alone, or none that people read, is told the verdict all the same.
func TestVerdictWithoutText(t *testing.T) {
	args := repeatable("--suite", "systematic", "--requests", "3000", "--fault", "appends-selectors", "--traces", "none")
	verdict := regexp.MustCompile(`(?m)^diverges \(exit 1, partial\): 1 divergence from 1 rule, 1 observed$`)
	for _, report := range []string{"json=r.json", "json", "text=r.txt"} {
		got := wholeRun(t, t.Context(), nil, append(args, "--report", report)...)
		assert.Equal(t, reports.ExitDiverges, got.code)
		assert.Len(t, verdict.FindAllString(got.stderr, -1), 1, "%s: %s", report, got.stderr)
		assert.Contains(t, got.stderr, "\nrules that fail the run\n  put/replaces-list  Put → [")
		assert.NotRegexp(t, verdict, got.stdout)

		got = wholeRun(t, t.Context(), nil, append(args, "--quiet", "--report", report)...)
		assert.Regexp(t, `^diverges \(exit 1, partial\): [^\n]*\n$`, got.stderr)
	}
	got := wholeRun(t, t.Context(), nil, append(args, "--report", "json=r.json", "--report", "text")...)
	assert.NotRegexp(t, verdict, got.stderr, "it stands in the text")
}

// TestReportIsAsVerboseAsTheRun: what the run would have shown can be had of its report.
func TestReportIsAsVerboseAsTheRun(t *testing.T) {
	args := repeatable("--suite", "systematic", "--requests", "3000", "--endpoint", lacking(t), "--verbose", "--report", "text", "--report", "json=r.json")
	got := wholeRun(t, t.Context(), nil, args...)
	require.Equal(t, reports.ExitDiverges, got.code, got.stderr)
	assert.Contains(t, got.stdout, "\n         answered  ")
	code, stdout, stderr := conformIn(t, ".", "report", "r.json", "-v")
	assert.Equal(t, result{0, got.stdout, ""}, result{code, stdout, stderr})
}

// TestReplayByName pastes what the report of a run offers.
func TestReplayByName(t *testing.T) {
	got := wholeRun(t, t.Context(), nil, repeatable("--suite", "systematic", "--requests", "3000", "--fault", "appends-selectors")...)
	require.Equal(t, reports.ExitDiverges, got.code)
	command := regexp.MustCompile(`replay +conform (replay .*)\n`).FindStringSubmatch(got.stdout)
	require.NotNil(t, command, got.stdout)
	args := strings.Fields(command[1])
	here, err := os.Getwd()
	require.NoError(t, err)
	again := func(args ...string) result {
		code, stdout, stderr := conformIn(t, here, args...)
		return result{code, stdout, stderr}
	}
	for _, args := range [][]string{args, {"replay", "put/replaces-list", "--fault", "appends-selectors"}} {
		got = again(args...)
		assert.Equal(t, reports.ExitDiverges, got.code, got.stderr)
		assert.Contains(t, got.stdout, "still diverges  put/replaces-list")
		assert.Contains(t, got.stdout, "replayed 1 trace: 1 still diverges\n")
	}
	folder := "conform-traces/embedded-appends-selectors"
	got = again(args[0], args[1], "--traces", folder, "--quiet")
	assert.Equal(t, result{0, "replayed 1 trace: 1 fixed\n", ""}, got, "on the reference, from the same folder")
	got = again(args[0], args[1], "--traces", folder, "--verbose")
	assert.Contains(t, got.stdout, " in "+folder+"/put_replaces-list")

	for _, args := range [][]string{{"replay", "000000"}, {"replay", "put/stores", "--traces", folder}, {"replay", "000000", "--traces", "none"}, {"replay", "no-such-thing"}} {
		got = again(args...)
		assert.Equal(t, reports.ExitUsage, got.code)
		assert.Regexp(t, `^conform: [^\n]*`+args[1]+`[^\n]*; [^\n]*\n$`, got.stderr)
	}
}

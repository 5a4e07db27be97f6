package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
)

// eventsIn reads a stream of events and returns their names.
func eventsIn(t *testing.T, path string) (names []string, events []reports.Event) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.HasSuffix(data, []byte("\n")), "the last line is whole")
	for line := range bytes.Lines(data) {
		var e reports.Event
		require.NoError(t, json.Unmarshal(line, &e))
		names, events = append(names, e.Event), append(events, e)
	}
	return names, events
}

// TestReportsOfRealRuns holds what real runs write to the published schemas.
func TestReportsOfRealRuns(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		code int
	}{
		"embedded":      {[]string{"--requests", "1500"}, reports.ExitConforms},
		"diverging":     {[]string{"--requests", "1500", "--fault", "appends-selectors"}, reports.ExitDiverges},
		"unknown codes": {[]string{"--requests", "1500", "--endpoint", emulator(t, respelt), "--fail-on", "inferred"}, reports.ExitDiverges},
		"lost":          {[]string{"--requests", "1500", "--endpoint", emulator(t, after(500, errorPage)), "--timeout", "200ms"}, reports.ExitInconclusive},
		"too little":    {[]string{"--requests", "60"}, reports.ExitInconclusive},
		"lacking":       {[]string{"--requests", "600", "--endpoint", emulator(t, without(unknown, "PutInsightSelectors"))}, reports.ExitInconclusive},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := func(name string) string { return filepath.Join(dir, name) }
			args := append([]string{"run", "--seed", "1", "--report", "json=" + path("r.json"), "--report", "junit=" + path("r.xml"),
				"--report", "markdown=" + path("r.md"), "--report", "ndjson=" + path("r.ndjson")}, test.args...)
			got := command(t, args...)
			require.Equal(t, test.code, got.code, got.stderr)
			data, err := os.ReadFile(path("r.json"))
			require.NoError(t, err)
			report, err := reports.ReadJSON(data)
			require.NoError(t, err)

			names, events := eventsIn(t, path("r.ndjson"))
			assert.Equal(t, []string{reports.EventStart, reports.EventProbed}, names[:2])
			end := events[len(events)-1].End
			require.NotNil(t, end)
			assert.Equal(t, test.code, end.ExitCode)
			assert.Equal(t, report.Verdict, end.Verdict)
			told := map[string][]string{}
			for _, e := range events {
				if e.Divergence != nil {
					told[e.Event] = append(told[e.Event], e.Divergence.Signature)
				}
			}
			var found []string
			for _, d := range report.Divergences {
				found = append(found, d.Signature)
				assert.Contains(t, told[reports.EventConfirmation], d.Signature)
			}
			assert.ElementsMatch(t, found, told[reports.EventDivergence])
			assert.GreaterOrEqual(t, len(told[reports.EventSuspicion]), len(found))

			// What is derived later is what the run wrote.
			for format, file := range map[string]string{"junit": "r.xml", "markdown": "r.md", "json": "r.json"} {
				written, err := os.ReadFile(path(file))
				require.NoError(t, err)
				later := command(t, "report", path("r.json"), "--to", format)
				assert.Equal(t, 0, later.code, later.stderr)
				assert.Equal(t, string(written), later.stdout, format)
			}
			assert.Equal(t, 0, command(t, "report", path("r.json"), "--to", "ndjson="+path("later.ndjson")).code)
			names, _ = eventsIn(t, path("later.ndjson"))
			assert.Equal(t, reports.EventEnd, names[len(names)-1])
			assert.Contains(t, command(t, "report", path("r.json")).stdout, string(report.Verdict)+" (exit ")
		})
	}
}

func TestReportCommand(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "r.json")
	require.Equal(t, 0, passing().run(t.Context(), nil, "run", "--report", "json="+in).code)
	data, err := os.ReadFile(in)
	require.NoError(t, err)

	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"report", "-", "--to", "text=" + filepath.Join(dir, "r.txt"), "--to", "json"}, bytes.NewReader(data), &stdout, &stderr, nil)
	assert.Equal(t, 0, code, stderr.String())
	assert.Equal(t, string(data), stdout.String())
	assert.FileExists(t, filepath.Join(dir, "r.txt"))

	learned := filepath.Join(dir, "learned.json")
	require.Equal(t, 0, command(t, "learn", "--out", learned).code)
	assert.Equal(t, 0, command(t, "report", in, "--precedence", learned, "--to", "json="+in).code)
	data, err = os.ReadFile(in)
	require.NoError(t, err)
	read, err := reports.ReadJSON(data)
	require.NoError(t, err)
	assert.ElementsMatch(t, model.ErrorRules(), read.Precedence.Rules)
}

func TestWrongUsageOfReport(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good.json")
	require.Equal(t, 0, passing().run(t.Context(), nil, "run", "--report", "json="+good).code)
	out := filepath.Join(dir, "out")
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, `'conform report' needs a report; 'conform run --report json=FILE' writes one`},
		{[]string{good, "--to", "pdf"}, `--to "pdf": "pdf" is no report format; use text, json, .* or one of them with =PATH`},
		{[]string{good, "--to", "junit="}, `--to "junit=": a path is missing after junit=; write it like junit=report.txt`},
		{[]string{good, "--to", "junit", "--to", "text"}, `--to "text": a second report for standard output; write one of them to a file with =PATH`},
		{[]string{good, "--to", "junit=/nowhere/x.xml"}, `--to junit=/nowhere/x.xml: write /nowhere/x.xml: no such file or directory; give a path that can be written`},
		{[]string{good, good, "--to", "junit=" + out}, `--to junit takes one report, and 2 are given; only html shows several side by side`},
		{[]string{good, good}, `--to text takes one report, and 2 are given; only html shows several side by side`},
		{[]string{"/nowhere.json", "--to", "junit=" + out}, `open /nowhere.json: no such file or directory; give the path of a readable file`},
		{[]string{dir, "--to", "junit=" + out}, dir + ` is a directory; give the path of a file`},
		{[]string{write(t, "bad.json", "{"), "--to", "junit=" + out}, `.*/bad.json: not a report: unexpected end of JSON input; give a report that .*`},
		{[]string{write(t, "list.json", "[]"), "--to", "junit=" + out}, `.*/list.json: not a report: json: .*; give a report that .*`},
		{[]string{write(t, "trace.json", `{"schema":"conform/trace/1"}`), "--to", "junit=" + out}, `.*/trace.json: schema "conform/trace/1" is not "conform/report/1"; give a report that .*`},
		{[]string{write(t, "level.json", `{"schema":"conform/report/1","fail_on":"rumoured"}`), "--to", "junit=" + out}, `.*/level.json: not a report: "rumoured" is no level; .*`},
		{[]string{write(t, "twice.json", `{"schema":"conform/report/1"}{}`), "--to", "junit=" + out}, `.*/twice.json: not a report: invalid character .*`},
		{[]string{good, "--precedence", "/nowhere", "--to", "junit=" + out}, `open /nowhere: no such file or directory; give the path of a readable file`},
		{[]string{good, "--precedence", good, "--to", "junit=" + out}, `--precedence .*/good.json: no precedence of errors: json: unknown field .*`},
		{[]string{good, "--precedence", write(t, "p.json", `{"schema":"x"}`), "--to", "junit=" + out}, `--precedence .*/p.json: schema "x" is not "conform/precedence/1"; 'conform learn --out PATH' writes such a file`},
		{[]string{good, "--precedence", write(t, "p.json", `{"schema":"conform/precedence/1"} 1`), "--to", "junit=" + out}, `--precedence .*/p.json: no precedence of errors: something follows the JSON value`},
		{[]string{good, "--too", "junit=" + out}, `there is no flag --too; did you mean --to?`},
	} {
		got := command(t, append([]string{"report"}, test.args...)...)
		assert.Equal(t, reports.ExitUsage, got.code, test.args)
		assert.Empty(t, got.stdout)
		pattern := strings.ReplaceAll(regexp.QuoteMeta(test.want), regexp.QuoteMeta(".*"), ".*")
		assert.Regexp(t, `^conform: `+pattern+`\n$`, got.stderr)
		assert.NoFileExists(t, out)
	}
}

// junitResult is what JUnit readers see of the run's own case.
func junitResult(t *testing.T, path string) (failures, errors int, run string) {
	t.Helper()
	var read struct {
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Suites   []struct {
			Cases []struct {
				Name    string    `xml:"name,attr"`
				Error   *struct{} `xml:"error"`
				Skipped *struct{} `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, xml.Unmarshal(data, &read))
	require.Equal(t, "run", read.Suites[0].Cases[0].Name)
	switch c := read.Suites[0].Cases[0]; {
	case c.Error != nil:
		run = "error"
	case c.Skipped != nil:
		run = "skipped"
	default:
		run = "passed"
	}
	return read.Failures, read.Errors, run
}

// TestRunsThatCouldNotBegin: continuous integration sees a run that had no target as an error, and the
// stream of events has its end.
func TestRunsThatCouldNotBegin(t *testing.T) {
	for _, test := range []struct {
		err     error
		code    int
		verdict reports.Verdict
	}{
		{targets.ErrUnreachable, reports.ExitInconclusive, reports.Inconclusive},
		{targets.ErrRefused, reports.ExitRefused, reports.RefusedRun},
		{conform.ErrHarness, reports.ExitFailed, reports.Failed},
	} {
		dir := t.TempDir()
		f := &fakeRun{err: test.err}
		summary := filepath.Join(dir, "summary.md")
		got := f.run(t.Context(), []string{"GITHUB_STEP_SUMMARY=" + summary, "GITHUB_ACTIONS=true"}, "run", "--report", "junit="+filepath.Join(dir, "r.xml"),
			"--report", "ndjson="+filepath.Join(dir, "e.ndjson"), "--report", "json="+filepath.Join(dir, "r.json"))
		assert.Equal(t, test.code, got.code)
		failures, errors, run := junitResult(t, filepath.Join(dir, "r.xml"))
		assert.Equal(t, [2]int{0, 1}, [2]int{failures, errors})
		assert.Equal(t, "error", run)
		names, events := eventsIn(t, filepath.Join(dir, "e.ndjson"))
		assert.Equal(t, []string{reports.EventStart, reports.EventEnd}, names)
		assert.Equal(t, test.verdict, events[1].End.Verdict)
		assert.Equal(t, test.code, events[1].End.ExitCode)
		kept := readJSONReport(t, filepath.Join(dir, "r.json"))
		assert.Equal(t, []any{test.verdict, test.code, true}, []any{kept.Verdict, kept.ExitCode, kept.Partial})
		assert.FileExists(t, summary)
		assert.Regexp(t, `^::error title=conform%3A \w+::`, got.stdout)
	}
}

// TestNoReportOfAnEarlierRunStays: from its start on, a run's files tell of it and of no other one.
func TestNoReportOfAnEarlierRunStays(t *testing.T) {
	silent := listening(t, func(net.Conn) {})
	closed := httptest.NewServer(nil)
	closed.Close()
	interrupted := func(ctx context.Context, cancel func(), run func(context.Context)) {
		time.AfterFunc(100*time.Millisecond, cancel)
		run(ctx)
	}
	atOnce := func(ctx context.Context, _ func(), run func(context.Context)) { run(ctx) }
	refused, running := production, passing()
	refused.target = func(settings) (targets.Target, error) { return nil, fmt.Errorf("%w: no", targets.ErrRefused) }
	for name, test := range map[string]struct {
		parts   wiring
		url     string
		how     func(context.Context, func(), func(context.Context))
		code    int
		verdict reports.Verdict
		reason  string
	}{
		"nothing listens": {production, closed.URL, atOnce, 3, reports.Inconclusive, "nothing listens at " + closed.URL},
		"refused":         {refused, closed.URL, atOnce, 5, reports.RefusedRun, "refused: no"},
		"interrupted":     {production, silent, interrupted, 130, reports.Interrupted, reports.ReasonInterrupted},
		"while it runs":   {running.wiring(), closed.URL, atOnce, 0, reports.Interrupted, reports.ReasonGoesOn},
	} {
		t.Run(name, func(t *testing.T) {
			folder, args := t.TempDir(), []string{"run", "--endpoint", test.url, "--traces", "none", "--seed", "7"}
			for _, format := range []string{"text", "json", "html", "junit", "markdown", "ndjson"} {
				path := filepath.Join(folder, "r."+format)
				require.NoError(t, os.WriteFile(path, []byte("OF LAST NIGHT"), 0o666))
				args = append(args, "--report", format+"="+path)
			}
			check := func() {
				for _, format := range []string{"text", "json", "html", "junit", "markdown", "ndjson"} {
					data, err := os.ReadFile(filepath.Join(folder, "r."+format))
					require.NoError(t, err)
					assert.NotContains(t, string(data), "OF LAST NIGHT", format)
					assert.Contains(t, strings.ReplaceAll(string(data), "&#58;", ":"), test.url, format)
				}
				kept := readJSONReport(t, filepath.Join(folder, "r.json"))
				assert.Equal(t, test.verdict, kept.Verdict)
				assert.Contains(t, kept.Reason, test.reason)
				assert.True(t, kept.Partial)
			}
			if name == "while it runs" {
				running.during = func(context.Context, conform.Options) { check() }
			}
			ctx, cancel := context.WithCancel(t.Context())
			var stdout, stderr bytes.Buffer
			test.how(ctx, cancel, func(ctx context.Context) {
				assert.Equal(t, test.code, test.parts.run(ctx, args, nil, &stdout, &stderr, nil), stderr.String())
			})
			assert.Empty(t, stdout.String())
			if name != "while it runs" {
				check()
			}
			left, err := os.ReadDir(folder)
			require.NoError(t, err)
			assert.Len(t, left, 6, "no half of a file")
		})
	}
	assert.True(t, running.ran)
}

// TestReportsThatAreWrittenOnce: what cannot be replaced, such as standard output and pipes, holds one report alone.
func TestReportsThatAreWrittenOnce(t *testing.T) {
	got := passing().run(t.Context(), nil, "run", "--report", "json")
	_, err := reports.ReadJSON([]byte(got.stdout))
	require.NoError(t, err)
	pipe := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	require.Equal(t, reports.ExitFailed, passing().run(t.Context(), nil, "run", "--report", "json="+pipe).code, "nobody reads it")
	reader, err := os.OpenFile(pipe, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	require.NoError(t, err)
	defer reader.Close()
	require.Equal(t, 0, passing().run(t.Context(), nil, "run", "--report", "json="+pipe).code)
	data, err := io.ReadAll(reader)
	require.NoError(t, err)
	_, err = reports.ReadJSON(data)
	require.NoError(t, err)
	// The file with the progress is read before, and only joined with what comes later.
	path := filepath.Join(t.TempDir(), "progress.json")
	require.NoError(t, os.WriteFile(path, []byte(got.stdout), 0o666))
	f := &fakeRun{err: targets.ErrUnreachable}
	require.Equal(t, 3, f.run(t.Context(), nil, "run", "--resume", path, "--report", "json="+path).code)
	data, err = os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, got.stdout, string(data))
}

func TestStreamThatCannotBeWritten(t *testing.T) {
	f := passing()
	readOnly := write(t, "e.ndjson", "kept")
	require.NoError(t, os.Chmod(readOnly, 0o444))
	if file, err := os.OpenFile(readOnly, os.O_WRONLY, 0); err == nil {
		file.Close() // root writes everywhere
	} else {
		got := f.run(t.Context(), nil, "run", "--report", "ndjson="+readOnly)
		assert.Equal(t, reports.ExitUsage, got.code)
		assert.False(t, f.ran)
	}
	if _, err := os.Stat("/dev/full"); err == nil {
		got := f.run(t.Context(), nil, "run", "--report", "ndjson=/dev/full", "--report", "text")
		assert.Equal(t, reports.ExitFailed, got.code)
		assert.Equal(t, "conform: --report ndjson=/dev/full: write /dev/full: no space left on device\n", got.stderr)
	}
	got := passing().run(t.Context(), nil, "run", "--report", "ndjson")
	assert.Equal(t, 0, got.code)
	assert.Equal(t, 2, strings.Count(got.stdout, "\n"), "start and end, on standard output")
	got = passing().run(t.Context(), nil, "run", "--report", "ndjson=/nowhere/e.ndjson")
	assert.Equal(t, reports.ExitUsage, got.code)
}

func TestGitHub(t *testing.T) {
	faulty := func(environ []string, args ...string) result {
		var stdout, stderr bytes.Buffer
		args = append([]string{"run", "--fault", "appends-selectors", "--traces", "none"}, append(quick, args...)...)
		code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr, environ)
		require.Equal(t, reports.ExitDiverges, code, stderr.String())
		return result{code, stdout.String(), stderr.String()}
	}
	summary := filepath.Join(t.TempDir(), "summary.md")
	require.NoError(t, os.WriteFile(summary, []byte("before\n"), 0o666))
	got := faulty([]string{"GITHUB_ACTIONS=true", "GITHUB_STEP_SUMMARY=" + summary})
	assert.Regexp(t, `(?m)^::error title=conform%3A put/replaces-list::.*%0Aexpected    \[Api[A-Za-z]*\]%0Aactual      \[Api[A-Za-z]*, Api[A-Za-z]*\]%0A`, got.stdout)
	assert.Equal(t, 1, strings.Count(got.stdout, "\n::"))
	data, err := os.ReadFile(summary)
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(data), "before\n\n## ❌ conform: diverges\n"), string(data))

	got = faulty([]string{"GITHUB_ACTIONS=true"}, "--report", "junit")
	assert.NotContains(t, got.stdout, "::error", "standard output is for the report")
	assert.Contains(t, got.stderr, "::error title=")
	assert.NoError(t, xml.Unmarshal([]byte(got.stdout), new(struct{})))

	got = faulty([]string{"GITHUB_ACTIONS=", "GITHUB_STEP_SUMMARY="})
	assert.NotContains(t, got.stdout, "::error")
	got = faulty([]string{"GITHUB_STEP_SUMMARY=" + t.TempDir()})
	assert.Contains(t, got.stderr, "conform: GITHUB_STEP_SUMMARY: ")
	require.NoError(t, os.WriteFile(summary, make([]byte, 1<<20), 0o666))
	got = faulty([]string{"GITHUB_STEP_SUMMARY=" + summary})
	assert.Contains(t, got.stderr, "conform: GITHUB_STEP_SUMMARY: "+summary+": there is no room left\n")
	info, err := os.Stat(summary)
	require.NoError(t, err)
	assert.EqualValues(t, 1<<20, info.Size())
}

func TestInterruptedRunInEachFormat(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	dir := t.TempDir()
	url := emulator(t, respelt, at(800, cancel))
	var stdout, stderr bytes.Buffer
	code := run(ctx, []string{"run", "--endpoint", url, "--traces", "none", "--report", "json=" + filepath.Join(dir, "r.json"), "--report", "junit=" + filepath.Join(dir, "r.xml"),
		"--report", "ndjson=" + filepath.Join(dir, "e.ndjson"), "--report", "markdown"}, nil, &stdout, &stderr, nil)
	assert.Equal(t, reports.ExitInterrupted, code)
	data, err := os.ReadFile(filepath.Join(dir, "r.json"))
	require.NoError(t, err)
	kept, err := reports.ReadJSON(data)
	require.NoError(t, err)
	assert.Equal(t, reports.Interrupted, kept.Verdict)
	_, _, run := junitResult(t, filepath.Join(dir, "r.xml"))
	assert.Equal(t, "skipped", run)
	_, events := eventsIn(t, filepath.Join(dir, "e.ndjson"))
	assert.Equal(t, reports.Interrupted, events[len(events)-1].End.Verdict)
	assert.Contains(t, stdout.String(), "**interrupted** (exit 130, partial)")
}

// TestKilledRunLeavesItsEvents ends the real command in the middle of a run, by a signal that it cannot
// see.
func TestKilledRunLeavesItsEvents(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command")
	}
	path := filepath.Join(t.TempDir(), "e.ndjson")
	busy := make(chan struct{})
	url := emulator(t, respelt, at(700, func() { close(busy) }), after(900, hanging))
	p := exec.CommandContext(t.Context(), build(t), "run", "--endpoint", url, "--timeout", "10m", "--report", "ndjson="+path)
	p.Env = []string{"HOME=" + t.TempDir(), "CONFORM_TRACES=none"}
	require.NoError(t, p.Start())
	<-busy
	require.NoError(t, p.Process.Signal(syscall.SIGKILL))
	require.Error(t, p.Wait())
	assert.False(t, p.ProcessState.Exited(), "it was ended by the signal")

	names, events := eventsIn(t, path)
	assert.Equal(t, []string{reports.EventStart, reports.EventProbed}, names[:2])
	require.Contains(t, names, reports.EventSuspicion)
	assert.NotContains(t, names, reports.EventEnd)
	for _, e := range events {
		if e.Event == reports.EventSuspicion {
			assert.Equal(t, model.WireMembers, e.Divergence.Rule)
			assert.NotEmpty(t, e.Divergence.Steps, "with the steps that lead to it")
			assert.Equal(t, reports.Suspected, e.Divergence.Status)
		}
	}
}

// TestTimesInJUnit: what the cases of a rule took is its time, and all times come to that of the run.
func TestTimesInJUnit(t *testing.T) {
	got := command(t, "run", "--seed", "1", "--requests", "4000", "--workers", "1", "--report", "junit")
	require.Equal(t, reports.ExitConforms, got.code, got.stderr)
	var read struct {
		Time   float64 `xml:"time,attr"`
		Suites []struct {
			Name  string  `xml:"name,attr"`
			Time  float64 `xml:"time,attr"`
			Cases []struct {
				Time float64 `xml:"time,attr"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	require.NoError(t, xml.Unmarshal([]byte(got.stdout), &read))
	all := 0.0
	for _, suite := range read.Suites {
		sum := 0.0
		for _, c := range suite.Cases {
			sum += c.Time
		}
		assert.InDelta(t, suite.Time, sum, 0.001*float64(len(suite.Cases)+1), suite.Name)
		if suite.Name == "put" || suite.Name == "selector" || suite.Name == "run" {
			assert.Positive(t, suite.Time, suite.Name)
		}
		all += suite.Time
	}
	assert.Positive(t, read.Time)
	assert.InDelta(t, read.Time, all, 0.001*float64(len(read.Suites)+1))
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
)

// runProcess runs the command as a process, and returns what came of it, and the most memory that it was seen to hold.
// It must end in time.
func runProcess(t *testing.T, binary string, args ...string) (code int, stderr string, kilobytes int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	cmd.Env = []string{"HOME=" + t.TempDir(), "CONFORM_TRACES=none", "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY=x"}
	require.NoError(t, cmd.Start())
	ended := make(chan error)
	go func() { ended <- cmd.Wait() }()
	var err error
	for over := false; !over; {
		select {
		case err = <-ended:
			over = true
		case <-time.After(5 * time.Millisecond):
			kilobytes = max(kilobytes, peakMemory(cmd.Process.Pid))
		}
	}
	require.NoError(t, ctx.Err(), "%v hangs", args)
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok {
		require.NoError(t, err)
	} else {
		require.True(t, exit.Exited(), exit)
	}
	return cmd.ProcessState.ExitCode(), said.String(), kilobytes
}

// savedReport is the file of a small report.
func savedReport(t *testing.T, change func(*reports.Report)) string {
	t.Helper()
	r := passing().report
	r.Divergences, r.Coverage = []reports.Divergence{}, reports.Coverage{}
	reports.Judge(r)
	change(r)
	path := filepath.Join(t.TempDir(), "report.json")
	file, err := os.Create(path)
	require.NoError(t, err)
	defer file.Close()
	require.NoError(t, reports.JSON(file, r))
	return path
}

// changedTrace is the file of a stored trace after a change of its JSON.
func changedTrace(t *testing.T, change func(trace map[string]any, steps []any) []any) string {
	t.Helper()
	data, err := os.ReadFile(storedTraces[0])
	require.NoError(t, err)
	var trace map[string]any
	require.NoError(t, json.Unmarshal(data, &trace))
	trace["steps"] = change(trace, trace["steps"].([]any))
	data, err = json.Marshal(trace)
	require.NoError(t, err)
	return write(t, "trace.json", string(data))
}

// TestInputsHaveBounds: whatever is read as a file and may never end, or asks for work without end, is refused at once
// with one line.
func TestInputsHaveBounds(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command")
	}
	binary := build(t)
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	piped, endless := filepath.Join(dir, "piped"), filepath.Join(dir, "endless")
	require.NoError(t, os.Mkdir(piped, 0o755))
	require.NoError(t, os.Mkdir(endless, 0o755))
	require.NoError(t, syscall.Mkfifo(filepath.Join(piped, "trace.json"), 0o600))
	require.NoError(t, os.Symlink("/dev/zero", filepath.Join(endless, "trace.json")))
	good := savedReport(t, func(*reports.Report) {})
	long := changedTrace(t, func(_ map[string]any, steps []any) []any { return slices.Repeat(steps, 20_000/len(steps)) })
	huge := write(t, "huge.json", "")
	require.NoError(t, os.Truncate(huge, 2<<30))
	bomb := write(t, "bomb.yaml", "schema: &a "+strings.Repeat("x", 300_000)+"\nentries:\n"+strings.Repeat("- signature: *a\n", 40_000))
	account := []string{"--account", "123456789012", "--regions", "us-east-1", "--ledger", pipe}

	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"run", "--config", pipe}, "--config: .*is a pipe"},
		{[]string{"run", "--baseline", pipe}, "--baseline: .*is a pipe"},
		{[]string{"run", "--order", pipe}, "--order: .*is a pipe"},
		{[]string{"run", "--resume", pipe}, "is a pipe"},
		{[]string{"run", "--traces", piped}, "--traces: .*trace.json is a pipe"},
		{[]string{"run", "--traces", endless}, "--traces: .*trace.json is a device"},
		{append([]string{"run", "--target", "account"}, account...), "--ledger .*is a pipe"},
		{append([]string{"plan", "--target", "account"}, account...), "--ledger .*is a pipe"},
		{append([]string{"sweep"}, account...), "--ledger .*is a pipe"},
		{[]string{"learn", "--config", "/dev/zero"}, "is a device"},
		{[]string{"iam-policy", "--config", pipe}, "is a pipe"},
		{[]string{"replay", pipe}, "is a pipe"},
		{[]string{"replay", endless}, "is a device"},
		{[]string{"export", pipe, "--as", "go"}, "is a pipe"},
		{[]string{"merge", pipe}, "is a pipe"},
		{[]string{"merge", "-"}, "no such file"},
		{[]string{"report", "/dev/zero"}, "is a device"},
		{[]string{"report", good, "--precedence", pipe}, "is a pipe"},
		{[]string{"diff", good, pipe}, "is a pipe"},
		{[]string{"replay", long}, "20000 steps, and the most is 2000"},
		{[]string{"export", long, "--as", "boto3"}, "20000 steps"},
		{[]string{"replay", huge}, "larger than 32 MiB"},
		{[]string{"report", huge}, "larger than 32 MiB"},
		{[]string{"run", "--config", huge}, "larger than 1 MiB"},
		{[]string{"run", "--baseline", bomb}, "has an alias"},
		{[]string{"merge", savedReport(t, func(r *reports.Report) { r.Shard = "1/99999999" })}, "is no share"},
		{[]string{"merge", good, savedReport(t, func(r *reports.Report) { r.Notes = slices.Repeat([]string{"n"}, 6000) })}, "more than 5000"},
		{[]string{"report", savedReport(t, func(r *reports.Report) {
			r.Divergences = []reports.Divergence{{Level: model.Documented, Steps: make([]reports.Step, 3000)}}
		})}, "more than 2000 steps"},
	} {
		refused := func(code int, stderr string) {
			assert.Equal(t, reports.ExitUsage, code, "%v: %s", c.args, stderr)
			assert.Regexp(t, "^conform: .*"+c.says+"[^\n]*\n$", stderr, "%v", c.args)
		}
		var stderr bytes.Buffer
		refused(run(t.Context(), c.args, strings.NewReader(""), io.Discard, &stderr, nil), stderr.String())
		if slices.Contains(c.args, pipe) && c.args[0] == "run" || slices.Contains(c.args, endless) || slices.Contains(c.args, bomb) || slices.Contains(c.args, huge) {
			code, stderr, kilobytes := runProcess(t, binary, c.args...)
			refused(code, stderr)
			assert.Less(t, kilobytes, maxMemory, "%v", c.args)
		}
	}

	for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		reading := exec.CommandContext(t.Context(), binary, "report", "-")
		in, err := reading.StdinPipe() // which stays open
		require.NoError(t, err)
		require.NoError(t, reading.Start())
		_, err = io.WriteString(in, strings.Repeat(" ", 1<<17)) // more than the pipe holds: it reads
		require.NoError(t, err)
		require.NoError(t, reading.Process.Signal(signal))
		_ = reading.Wait()
		assert.Equal(t, reports.ExitInterrupted, reading.ProcessState.ExitCode())
		in.Close()
	}

	t.Run("a large report", func(t *testing.T) {
		steps := []reports.Step{{Number: 1, Operation: "PutInsightSelectors", Received: strings.Repeat("é", 8000), Diverges: true}}
		large := savedReport(t, func(r *reports.Report) {
			for i := range 1800 {
				r.Divergences = append(r.Divergences, reports.Divergence{Signature: fmt.Sprint(i), Level: model.Documented, Status: reports.Confirmed, Steps: steps})
			}
			reports.Judge(r)
		})
		code, stderr, kilobytes := runProcess(t, binary, "report", large, "--to", "json="+filepath.Join(dir, "again.json"))
		assert.Zero(t, code, stderr)
		assert.Less(t, kilobytes, 2*maxMemory)
		t.Logf("at most %d MB", kilobytes>>10)
	})
}

// TestOutputsAreTriedBefore: what cannot be written is found before anything is sent, and nothing is destroyed by that.
func TestOutputsAreTriedBefore(t *testing.T) {
	var asked atomic.Int64
	url := served(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusTeapot)
	}))
	dir := t.TempDir()
	t.Chdir(dir)
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, []byte("kept"), 0o600))
	good, under, missing := savedReport(t, func(*reports.Report) {}), filepath.Join(file, "x"), filepath.Join(dir, "missing", "x")
	for _, args := range [][]string{
		{"run", "--report", "json=" + under}, {"run", "--report", "html=" + missing}, {"run", "--report", "ndjson=" + under}, {"run", "--report", "text=" + dir},
		{"run", "--report", "json=/proc/x"}, {"run", "--traces", under}, {"run", "--traces", file}, {"run", "--traces", "/proc/x/traces"},
		{"run", "--resume", under}, {"run", "--baseline", under, "--update-baseline"},
		{"plan", "--report", "json=" + under}, {"plan", "--report", "junit=x.xml"},
		{"learn", "--profile", under}, {"learn", "--out", missing}, {"learn", "--profile", dir},
		{"selftest", "--json", under},
		{"merge", good, "--report", "json=" + under}, {"merge", good, "--report", "text", "--report", "html=" + missing},
		{"report", good, "--to", "text", "--to", "junit=" + under},
		{"sweep", "--account", "123456789012", "--regions", "us-east-1", "--ledger", under},
		{"run", "--target", "account", "--account", "123456789012", "--regions", "us-east-1", "--traces", "none", "--ledger", under},
	} {
		if slices.Contains([]string{"run", "plan", "learn"}, args[0]) && !slices.Contains(args, "account") {
			args = append(args, "--endpoint", url)
		}
		t.Setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
		t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr, nil)
		assert.Equal(t, reports.ExitUsage, code, "%v: %s", args, &stderr)
		assert.Regexp(t, "^conform: [^\n]+\n$", stderr.String(), "%v", args)
		assert.Empty(t, stdout.String(), "%v", args)
	}
	assert.Zero(t, asked.Load(), "nothing is sent")
	kept, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "kept", string(kept))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, left, 1, "%v", left)
}

// TestChangedTraces: a trace that was changed, or shows nothing, is refused: it would be said in vain to be fixed.
func TestChangedTraces(t *testing.T) {
	folder := t.TempDir()
	code, out, _ := conformIn(t, folder, append([]string{"run", "--traces", "kept", "--fault", "appends-selectors"}, quick...)...)
	require.Equal(t, reports.ExitDiverges, code, out)
	files, err := filepath.Glob("kept/*.json")
	require.NoError(t, err)
	require.Len(t, files, 1)
	data, err := os.ReadFile(files[0])
	require.NoError(t, err)
	trace := string(data)
	code, _, stderr := conformIn(t, folder, "replay", files[0], "--fault", "appends-selectors")
	require.Equal(t, reports.ExitDiverges, code, stderr)
	for _, c := range []struct{ name, trace, says string }{
		{"a request", strings.Replace(trace, `"InsightType": "ApiCallRateInsight"`, `"InsightType": "ApiErrorRateInsight"`, 1), "changed by hand"},
		{"an operation", strings.Replace(trace, `"operation": "GetInsightSelectors"`, `"operation": "GetTrail"`, 1), "changed by hand"},
		{"nothing diverges", strings.ReplaceAll(trace, `"diverges": true`, `"diverges": false`), "none of its steps diverges"},
		{"empty steps", `{"schema":"conform/trace/1","signature":"put/replaces-list|PutInsightSelectors|a|b","steps":[{"operation":"GetTrail"}]}`, "none of its steps"},
	} {
		require.NotEqual(t, trace, c.trace, c.name)
		require.NoError(t, os.WriteFile(files[0], []byte(c.trace), 0o600))
		for _, args := range [][]string{{"replay", files[0]}, {"replay", "kept"}, {"export", files[0], "--as", "go"}, {"run", "--traces", "kept"}} {
			code, stdout, stderr := conformIn(t, folder, args...)
			assert.Equal(t, reports.ExitUsage, code, "%s: %v: %s", c.name, args, stdout)
			assert.Contains(t, stderr, c.says, "%s: %v", c.name, args)
		}
	}
}

// TestTerminatedAtAnyMoment: SIGTERM ends every command that waits for a target as SIGINT does, and says so in one line.
func TestTerminatedAtAnyMoment(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command")
	}
	binary, folder := build(t), t.TempDir()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // which takes connections and never answers
	require.NoError(t, err)
	t.Cleanup(func() { silent.Close() })
	closed := httptest.NewServer(nil)
	closed.Close()
	hangs := "http://" + silent.Addr().String()
	trace := filepath.Join(repository, "cmd", "conform", "testdata", "traces-1")
	for name, args := range map[string][]string{
		"waiting":       {"run", "--endpoint", closed.URL, "--wait", "1m", "--report", "json=" + filepath.Join(folder, "waiting.json")},
		"probing":       {"run", "--endpoint", hangs, "--report", "json=" + filepath.Join(folder, "probing.json")},
		"replay":        {"replay", trace, "--endpoint", hangs},
		"replay waits":  {"replay", trace, "--endpoint", closed.URL, "--wait", "1m"},
		"learn":         {"learn", "--endpoint", hangs},
		"plan":          {"plan", "--endpoint", hangs},
		"reading stdin": {"report", "-"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
				var cmd *exec.Cmd
				var said bytes.Buffer
				// On a busy machine a process may not have begun to listen for signals: then one ends it at once.
				for early := 300 * time.Millisecond; early < 20*time.Second && (cmd == nil || cmd.ProcessState.ExitCode() < 0); early *= 3 {
					cmd = exec.CommandContext(t.Context(), binary, args...)
					cmd.Stderr, cmd.Dir = &said, folder
					stdin, err := cmd.StdinPipe()
					require.NoError(t, err)
					require.NoError(t, cmd.Start())
					time.Sleep(early)
					require.NoError(t, cmd.Process.Signal(signal))
					_ = cmd.Wait()
					stdin.Close()
				}
				assert.Equal(t, reports.ExitInterrupted, cmd.ProcessState.ExitCode(), said.String())
				assert.Regexp(t, `(?m)^conform: interrupted[^:]*$`, said.String())
				assert.NotContains(t, said.String(), "not reachable")
			}
			if path := filepath.Join(folder, name+".json"); strings.HasPrefix(args[len(args)-1], "json=") {
				report := readJSONReport(t, path)
				assert.Equal(t, reports.Interrupted, report.Verdict)
				assert.True(t, report.Partial)
			}
		})
	}
}

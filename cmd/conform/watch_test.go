package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/embedded"
)

// workedOn is an emulator that its author starts again and again on one port.
type workedOn struct {
	t       *testing.T
	address string
	server  *http.Server
}

// start starts the embedded server with a fault, and stops the one before.
func (w *workedOn) start(fault string) {
	w.t.Helper()
	w.stop()
	handler, err := embedded.NewServer(embedded.ServerOptions{Fault: fault})
	require.NoError(w.t, err)
	l, err := net.Listen("tcp", w.address)
	require.NoError(w.t, err)
	w.address, w.server = l.Addr().String(), &http.Server{Handler: handler}
	go w.server.Serve(l)
}

func (w *workedOn) stop() {
	if w.server != nil {
		assert.NoError(w.t, w.server.Close())
	}
}

// summaryLine ends what a run says while it is watched.
var summaryLine = regexp.MustCompile(`^\d\d:\d\d:\d\d  `)

// TestWatch: an author mends one divergence, brings in another, and ends it all with Ctrl-C.
func TestWatch(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command")
	}
	w := &workedOn{t: t, address: "127.0.0.1:0"}
	w.start("appends-selectors")
	t.Cleanup(w.stop)
	cmd := exec.CommandContext(t.Context(), build(t), "run", "--endpoint", "http://"+w.address, "--watch", "--seed", "1", "--traces", "none",
		"--report", "text", "--report", "json=report.json")
	var stderr bytes.Buffer
	cmd.Dir, cmd.Stderr = t.TempDir(), &stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewReader(out)
	next := func() (said, summary string) { // what the next run says
		for {
			line, err := lines.ReadString('\n')
			require.NoError(t, err, "%s%s", said, stderr.String())
			if summaryLine.MatchString(line) {
				return said, line
			}
			said += line
		}
	}
	verdict := func() reports.Verdict { return readJSONReport(t, cmd.Dir+"/report.json").Verdict }

	said, summary := next()
	assert.Contains(t, said, "put/replaces-list  A second Put")
	assert.Contains(t, said, "repeat: conform run --endpoint http://"+w.address+" --budget quick")
	assert.Regexp(t, `diverges \(exit 1, partial\): 1 new, after [\d,]+ requests`, summary)
	assert.Equal(t, reports.Diverges, verdict())

	w.start("flag-never-set+appends-selectors")
	said, summary = next()
	assert.Regexp(t, `(?m)^new          trail/has-insight-selectors \[GetTrail\]  `, said)
	assert.Regexp(t, `sequence  CreateTrail alpha .*→ GetTrail\n`, said)
	assert.Regexp(t, `(?m)^still there  put/replaces-list \[Put\]  `, said)
	assert.Contains(t, summary, ": 1 new, 1 still there, after")

	w.start("flag-never-set")
	said, summary = next()
	assert.Regexp(t, `(?m)^fixed        put/replaces-list \[Put\]  `, said)
	assert.NotContains(t, said, "sequence", "of what is known")
	assert.Contains(t, summary, "diverges (exit 1, partial): 1 fixed, 1 still there, after")

	w.start("")
	said, summary = next()
	assert.Equal(t, 1, strings.Count(said, "\n"), said)
	assert.Contains(t, summary, "conforms (exit 0, partial): 1 fixed, after")
	assert.Equal(t, reports.Conforms, verdict())

	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	rest, err := io.ReadAll(lines)
	require.NoError(t, err)
	_ = cmd.Wait()
	assert.Empty(t, string(rest))
	assert.Equal(t, reports.ExitConforms, cmd.ProcessState.ExitCode(), stderr.String())
}

// TestWatchWaits: with nothing there it waits, and has no verdict; what is there in the end has one.
func TestWatchWaits(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command")
	}
	binary := build(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &workedOn{t: t, address: l.Addr().String()}
	require.NoError(t, l.Close())
	t.Cleanup(w.stop)
	watch := func() (*exec.Cmd, *bufio.Reader, *bufio.Reader) {
		cmd := exec.CommandContext(t.Context(), binary, "run", "--endpoint", "http://"+w.address, "--watch", "--requests", "400", "--quiet", "--traces", "none")
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		problems, err := cmd.StderrPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		return cmd, bufio.NewReader(out), bufio.NewReader(problems)
	}
	cmd, _, problems := watch()
	line, err := problems.ReadString('\n')
	require.NoError(t, err)
	assert.Contains(t, line, "nothing listens at http://"+w.address)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	_ = cmd.Wait()
	assert.Equal(t, reports.ExitInterrupted, cmd.ProcessState.ExitCode())

	cmd, out, _ := watch()
	w.start("appends-selectors")
	for !summaryLine.MatchString(line) {
		line, err = out.ReadString('\n')
		require.NoError(t, err)
	}
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	_ = cmd.Wait()
	assert.Equal(t, reports.ExitDiverges, cmd.ProcessState.ExitCode())
}

// TestWatchRestartedMeanwhile: what was found while the target was restarted is no more than a reason to begin again.
func TestWatchRestartedMeanwhile(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command")
	}
	w := &workedOn{t: t, address: "127.0.0.1:0"}
	w.start("appends-selectors")
	t.Cleanup(w.stop)
	cmd := exec.CommandContext(t.Context(), build(t), "run", "--endpoint", "http://"+w.address, "--watch", "--seed", "1", "--traces", "none",
		"--pace", "writes=300,reads=300")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	problems, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	told, lines := bufio.NewReader(problems), bufio.NewReader(out)
	until := func(from *bufio.Reader, wanted string) (said string) {
		for !strings.Contains(said, wanted) {
			line, err := from.ReadString('\n')
			require.NoError(t, err, said)
			said += line
		}
		return said
	}
	until(told, "conform: found put/replaces-list")
	w.start("")
	until(told, "restarted while it was tested, which says nothing; testing it again")
	said := until(lines, "conforms (exit 0, partial): no divergence")
	assert.NotRegexp(t, `(?m)^(fixed|not tried) `, said)
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	_ = cmd.Wait()
	assert.Equal(t, reports.ExitConforms, cmd.ProcessState.ExitCode())
}

// TestWatchWhat: only what listens at a URL can be watched, and standard output tells what changes.
func TestWatchWhat(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"--watch"}, "--watch waits for a restart of what listens at a URL; give it with --endpoint URL"},
		{[]string{"--watch", "--target", "account", "--account", sandboxAccount, "--regions", "us-east-1"}, "--watch waits for a restart"},
		{[]string{"--watch", "--endpoint", "http://127.0.0.1:1", "--resume", "x.json"}, "--watch and --resume contradict each other"},
		{[]string{"--watch", "--endpoint", "http://127.0.0.1:1", "--report", "json"}, "--report json: --watch tells on standard output what changes"},
	} {
		got := passing().run(t.Context(), nil, append([]string{"run"}, test.args...)...)
		assert.Equal(t, reports.ExitUsage, got.code)
		assert.Contains(t, got.stderr, test.want)
		assert.Equal(t, 1, strings.Count(got.stderr, "\n"), got.stderr)
	}
	got := passing().run(t.Context(), nil, "plan", "--watch")
	assert.Contains(t, got.stderr, "there is no flag --watch; 'conform run' has one")
}

package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/embedded"
)

// standing is a proxy that stands in a process of its own.
type standing struct {
	t      *testing.T
	cmd    *exec.Cmd
	url    string
	stdout *bufio.Reader
	stderr bytes.Buffer
}

func stand(t *testing.T, binary, upstream string, args ...string) *standing {
	t.Helper()
	s := &standing{t: t, cmd: exec.CommandContext(t.Context(), binary, append([]string{"proxy", "--upstream", upstream, "--addr", "127.0.0.1:0"}, args...)...)}
	s.cmd.Dir, s.cmd.Stderr = t.TempDir(), &s.stderr
	out, err := s.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, s.cmd.Start())
	s.stdout = bufio.NewReader(out)
	line, err := s.stdout.ReadString('\n')
	require.NoError(t, err, s.stderr.String())
	require.Regexp(t, `^proxy listens on http://127\.0\.0\.1:[0-9]+\n$`, line)
	s.url = strings.TrimSpace(strings.TrimPrefix(line, "proxy listens on "))
	return s
}

// end ends it by a signal, and returns what it came to.
func (s *standing) end(signal syscall.Signal) result {
	s.t.Helper()
	if signal != 0 {
		require.NoError(s.t, s.cmd.Process.Signal(signal))
	}
	said, err := io.ReadAll(s.stdout)
	require.NoError(s.t, err)
	_ = s.cmd.Wait()
	return result{s.cmd.ProcessState.ExitCode(), string(said), s.stderr.String()}
}

// TestProxy: a run through it is as one without; what is wrong is told as it happens, and its regular ends have the exit
// codes of the verdict.
func TestProxy(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command")
	}
	binary := build(t)
	right, err := embedded.NewServer(embedded.ServerOptions{})
	require.NoError(t, err)
	wrong, err := embedded.NewServer(embedded.ServerOptions{Fault: "appends-selectors"})
	require.NoError(t, err)
	run := func(url, report string) int {
		cmd := exec.CommandContext(t.Context(), binary, "run", "--endpoint", url, "--seed", "1", "--requests", "900", "--workers", "2", "--traces", "none", "--report", "json="+report)
		said, _ := cmd.CombinedOutput()
		require.NotEqual(t, -1, cmd.ProcessState.ExitCode(), string(said))
		return cmd.ProcessState.ExitCode()
	}
	folder := t.TempDir()
	for _, test := range []struct {
		name, server string
		signal       syscall.Signal
		code         int
	}{{"right", served(t, right), syscall.SIGTERM, reports.ExitConforms}, {"wrong", served(t, wrong), os.Interrupt.(syscall.Signal), reports.ExitDiverges}} {
		file := func(name string) string { return filepath.Join(folder, test.name+"-"+name) }
		p := stand(t, binary, test.server, "--report", "text", "--report", "json="+file("proxy.json"), "--record", file("calls.har"))
		assert.Equal(t, run(test.server, file("direct.json")), run(p.url, file("through.json")), test.name)
		same := command(t, "diff", file("direct.json"), file("through.json"))
		assert.Equal(t, 0, same.code, "%s: %s", test.name, same.stdout)
		got := p.end(test.signal)
		assert.Equal(t, test.code, got.code, "%s: %s", test.name, got.stdout)
		assert.Contains(t, got.stdout, " calls judged")
		if test.code == reports.ExitDiverges {
			assert.Contains(t, got.stderr, "conform: found put/replaces-list")
			assert.Equal(t, 1, strings.Count(got.stderr, "put/replaces-list"), got.stderr)
		} else {
			assert.Empty(t, got.stderr)
		}
		judged := command(t, "judge", file("calls.har"), "--report", "json="+file("judged.json"))
		assert.Equal(t, test.code, judged.code)
		same = command(t, "diff", file("proxy.json"), file("judged.json"))
		assert.Equal(t, 0, same.code, "%s: %s", test.name, same.stdout)
	}

	none := stand(t, binary, served(t, right), "--for", "100ms").end(0)
	assert.Equal(t, reports.ExitInconclusive, none.code)
	assert.Contains(t, none.stdout, "nothing could be judged")
	assert.Contains(t, stand(t, binary, served(t, right)).end(syscall.SIGTERM).stdout, "inconclusive (exit 3)")
}

// TestProxyRefuses: what it may not pass to, and where it may not listen.
func TestProxyRefuses(t *testing.T) {
	t.Parallel()
	_, free, _ := strings.Cut(freeAddress(t), ":")
	for _, test := range []struct {
		args []string
		code int
		why  string
	}{
		{nil, 2, "needs --upstream URL"},
		{[]string{"--upstream", "https://cloudtrail.us-east-1.amazonaws.com"}, 5, "belongs to AWS"},
		{[]string{"--upstream", "https://api.aws"}, 5, "belongs to AWS"},
		{[]string{"--upstream", "http://169.254.169.254"}, 5, "instance metadata"},
		{[]string{"--upstream", "http://me:hidden-word@127.0.0.1:5000"}, 2, "must not carry a user name or password"},
		{[]string{"--upstream", "http://127.0.0.1:5000/base"}, 2, "leave it out"},
		{[]string{"--upstream", "127.0.0.1:5000"}, 2, "is no URL"},
		{[]string{"--upstream", "http://127.0.0.1:5000", "--addr", "0.0.0.0:0"}, 5, "is not loopback"},
		{[]string{"--upstream", "http://127.0.0.1:5000", "--addr", ":0"}, 5, "is not loopback"},
		{[]string{"--upstream", "http://127.0.0.1:5000", "--addr", "[::]:0"}, 5, "is not loopback"},
		{[]string{"--upstream", "http://127.0.0.1:5000", "--addr", "example.com:0"}, 5, "is not loopback"},
		{[]string{"--upstream", "http://127.0.0.1:5000", "--addr", "8081"}, 2, "is no HOST:PORT"},
		{[]string{"--upstream", "http://127.0.0.1:5000", "--addr", "127.0.0.1:99999"}, 2, "cannot listen there"},
		{[]string{"--upstream", "http://127.0.0.1:" + free, "--addr", "127.0.0.1:" + free}, 2, "listen itself"},
		{[]string{"--upstream", "http://localhost:" + free, "--addr", "127.0.0.1:" + free}, 2, "listen itself"},
		{[]string{"--upstream", "http://127.0.0.1:5000", "--report", "ndjson"}, 2, "--record PATH writes the events"},
		{[]string{"--upstream", "http://127.0.0.1:5000", "--record", "/no/such/folder/x.har"}, 2, "give a path that can be written"},
		{[]string{"--upstream", "http://127.0.0.1:5000", "--for", "3"}, 2, "has no unit"},
		{[]string{"--upstream", "http://127.0.0.1:5000", "x"}, 2, "takes no argument"},
	} {
		var stdout, stderr syncBuffer
		code := production.run(t.Context(), append([]string{"proxy"}, test.args...), strings.NewReader(""), &stdout, &stderr, nil)
		assert.Equal(t, test.code, code, "%v: %s", test.args, stderr.String())
		assert.Contains(t, stderr.String(), test.why)
		assert.Equal(t, 1, strings.Count(stderr.String(), "\n"), stderr.String())
		assert.NotContains(t, stderr.String(), "hidden-word")
		assert.Empty(t, stdout.String())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for _, host := range []string{"localhost", "[::1]", "127.0.0.2"} {
		var stdout, stderr syncBuffer
		production.run(ctx, []string{"proxy", "--upstream", "http://127.0.0.1:5000", "--addr", host + ":0", "--for", "10ms"}, strings.NewReader(""), &stdout, &stderr, nil)
		assert.True(t, strings.HasPrefix(stdout.String(), "proxy listens on http://") || strings.Contains(stderr.String(), "cannot listen there"), "%s: %s%s", host, stdout.String(), stderr.String())
	}
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

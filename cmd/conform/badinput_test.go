package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/wire"
)

// listening serves raw connections and returns the URL that leads to them.
func listening(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// A connection that nobody holds would be closed by the garbage collector.
		var held []net.Conn
		defer func() {
			for _, connection := range held {
				connection.Close()
			}
		}()
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			held = append(held, connection)
			go serve(connection)
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-ended
	})
	return "http://" + listener.Addr().String()
}

func saying(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func served(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// Ways in which a server fails its callers.
var (
	hanging http.HandlerFunc = func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // or net/http does not notice that the caller is gone
		<-r.Context().Done()
	}
	dripping http.HandlerFunc = func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		for r.Context().Err() == nil {
			io.WriteString(w, " ")
			w.(http.Flusher).Flush()
			time.Sleep(20 * time.Millisecond)
		}
	}
	resetting http.HandlerFunc = func(w http.ResponseWriter, _ *http.Request) {
		connection, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		connection.(*net.TCPConn).SetLinger(0)
		connection.Close()
	}
	huge http.HandlerFunc = func(w http.ResponseWriter, _ *http.Request) {
		chunk := bytes.Repeat([]byte("x"), 64<<10)
		for range 50 << 20 / len(chunk) {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}
	truncated = saying(200, "application/x-amz-json-1.1", `{"TrailARN":"arn:`)
	errorPage = saying(500, "text/html", "<html>\n<h1>Internal Server Error</h1>\n</html>")
)

// TestNoCloudTrailThere runs against what is no CloudTrail from the first request on.
func TestNoCloudTrailThere(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	// Only where no answer ever comes is the time limit short: a busy machine answers late.
	short := map[string]string{"never answers": "200ms", "hangs": "200ms", "drips": "2s"}
	for name, test := range map[string]struct{ url, says string }{
		"nothing listens": {closed.URL, "nothing listens at " + closed.URL + "/; start the emulator or check --endpoint"},
		"ssh": {listening(t, func(c net.Conn) {
			io.WriteString(c, "SSH-2.0-OpenSSH_9.6\r\n")
			time.Sleep(100 * time.Millisecond)
			c.Close()
		}), "no HTTP answer"},
		"never answers":  {listening(t, func(net.Conn) {}), "no answer within 200ms"},
		"hangs":          {served(t, hanging), "no answer within 200ms"},
		"drips":          {served(t, dripping), "not as CloudTrail"},
		"website":        {served(t, saying(200, "text/html", "<!DOCTYPE html>\n<p>hello")), "not as CloudTrail: HTTP 200, text/html"},
		"404 page":       {served(t, saying(404, "text/html", "<h1>Not Found</h1>\n")), "not as CloudTrail: HTTP 404 text/html"},
		"500 page":       {served(t, errorPage), "not as CloudTrail: HTTP 500, text/html"},
		"truncated JSON": {served(t, truncated), "the body is no JSON object"},
		"50 MB":          {served(t, huge), "larger than 1 MiB"},
		"resets":         {served(t, resetting), "connection reset"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, _ := reported(t, "--endpoint", test.url, "--timeout", cmp.Or(short[name], "30s"))
			assert.Equal(t, reports.ExitInconclusive, got.code, got.stdout)
			assert.Regexp(t, `^conform: [^\n]+\n$`, got.stderr, "one line")
			assert.Contains(t, got.stderr, test.says)
			assert.Contains(t, got.stderr, test.url)
			assert.Empty(t, got.stdout)
		})
	}
}

// TestNothingIsSentBeforeTheSettingsAreSound counts what reaches the target.
func TestNothingIsSentBeforeTheSettingsAreSound(t *testing.T) {
	var requests atomic.Int32
	url := served(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	occupied := write(t, "file", "")
	for _, test := range []struct{ flag, value, names string }{
		{"--report", "json=" + filepath.Join(t.TempDir(), "none", "r.json"), "r.json"},
		{"--report", "text=" + occupied + "/r.txt", occupied},
		{"--order", occupied, occupied},
		{"--config", write(t, "c.yaml", "endpoint: 7\n"), "c.yaml line 1: endpoint"},
		{"--requets", "5", "did you mean --requests?"},
	} {
		got := command(t, "run", "--endpoint", url, test.flag, test.value)
		assert.Equal(t, reports.ExitUsage, got.code, test.flag)
		assert.Regexp(t, `^conform: [^\n]+\n$`, got.stderr)
		assert.Contains(t, got.stderr, test.names)
	}
	assert.Zero(t, requests.Load())
}

// after answers well so many requests and fails from then on.
func after(requests int32, fail http.Handler) middleware {
	return func(next http.Handler) http.Handler {
		var n atomic.Int32
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if n.Add(1) > requests {
				fail.ServeHTTP(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// TestLostOnTheWay runs against a server that turns bad after the run has begun: a partial report,
// and nothing said against the target.
func TestLostOnTheWay(t *testing.T) {
	short := map[string]string{"hangs": "300ms", "drips": "300ms"} // which alone never answer
	for name, fail := range map[string]http.Handler{
		"hangs":          hanging,
		"drips":          dripping,
		"resets":         resetting,
		"500 page":       errorPage,
		"website":        saying(200, "text/html", "<!DOCTYPE html>"),
		"truncated JSON": truncated,
		"50 MB":          huge,
	} {
		t.Run(name, func(t *testing.T) {
			got, report := reported(t, "--endpoint", emulator(t, after(500, fail)), "--timeout", cmp.Or(short[name], "30s"), "--requests", "3000")
			lost(t, got, report)
		})
	}
	t.Run("dies", func(t *testing.T) {
		var server *httptest.Server
		reference, err := embedded.NewServer(embedded.ServerOptions{})
		require.NoError(t, err)
		var n atomic.Int32
		server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if n.Add(1) == 500 {
				server.Listener.Close()
				go server.CloseClientConnections()
			}
			reference.ServeHTTP(w, r)
		}))
		defer server.Close()
		got, report := reported(t, "--endpoint", server.URL, "--requests", "3000")
		lost(t, got, report)
	})
}

func lost(t *testing.T, got result, report *reports.Report) {
	t.Helper()
	assert.Equal(t, reports.ExitInconclusive, got.code, got.stdout+got.stderr)
	require.NotNil(t, report)
	assert.Equal(t, reports.Inconclusive, report.Verdict)
	assert.True(t, report.Partial)
	assert.Contains(t, report.Reason, "the target stopped answering")
	assert.Empty(t, report.Divergences)
	assert.GreaterOrEqual(t, report.Requests, 400)
}

// TestCompleteSuiteLosesItsTarget: it ends soon, and says nothing against the target; what fails now and
// then is tried again.
func TestCompleteSuiteLosesItsTarget(t *testing.T) {
	suite := []string{"--suite", "complete", "--machine", "management", "--timeout", "300ms"}
	for name, fail := range map[string]http.Handler{"hangs": hanging, "500 page": errorPage} {
		got, report := reported(t, append(suite, "--endpoint", emulator(t, after(400, fail)))...)
		assert.Equal(t, reports.ExitInconclusive, got.code, name+got.stdout+got.stderr)
		require.NotNil(t, report, name)
		assert.Empty(t, report.Divergences, name)
		assert.Contains(t, report.Reason, "the target stopped answering", name)
		assert.Zero(t, report.Certificates[0].Failed, name)
		assert.False(t, report.Certificates[0].Holds, name)
	}
	got, report := reported(t, append(suite, "--endpoint", emulator(t, every(101, errorPage)))...)
	require.NotNil(t, report, got.stderr)
	assert.Empty(t, report.Divergences)
	assert.True(t, report.Certificates[0].Holds, report.Certificates[0].Result)
}

// TestFailsNowAndThen runs against a server that does every so many requests what says nothing
// about its behaviour.
func TestFailsNowAndThen(t *testing.T) {
	for name, x := range map[string]struct {
		each int32
		fail http.HandlerFunc
	}{"resets": {50, resetting}, "hangs": {600, hanging}, "500 page": {50, errorPage}, "truncated JSON": {50, truncated},

		"busy": {40, busy(http.StatusBadRequest)}, "busy with 409": {40, busy(http.StatusConflict)}} {
		t.Run(name, func(t *testing.T) {
			// Long enough for a right answer on a busy machine, so that only those are missed that never come.
			got, report := reported(t, "--endpoint", emulator(t, every(x.each, x.fail)), "--timeout", "5s", "--requests", "2500")
			require.NotNil(t, report, got.stderr)
			assert.Equal(t, 0, got.code, got.stdout+got.stderr)
			assert.Empty(t, violated(report))
		})
	}
}

// busy answers that another call is changing the resource; of a read, which is never told so, that the
// requests come too fast.
func busy(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		code := "ConflictException"
		if strings.Contains(r.Header.Get("X-Amz-Target"), "_20131101.Get") {
			code = "ThrottlingException"
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"__type":%q,"Message":"later"}`, code)
	}
}

// every lets each n-th request fail.
func every(n int32, fail http.Handler) middleware {
	return func(next http.Handler) http.Handler {
		var count atomic.Int32
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if count.Add(1)%n == 0 {
				fail.ServeHTTP(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// started is the command as a process of its own.
type started struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer
	report         string // the path of its JSON report
}

func start(t *testing.T, binary string, args ...string) *started {
	t.Helper()
	p := prepared(t, binary, args...)
	require.NoError(t, p.Start())
	return p
}

func prepared(t *testing.T, binary string, args ...string) *started {
	t.Helper()
	p := &started{report: filepath.Join(t.TempDir(), "report.json")}
	p.Cmd = exec.CommandContext(t.Context(), binary, append([]string{"run", "--report", "text", "--report", "json=" + p.report}, args...)...)
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	p.Env = []string{"HOME=" + t.TempDir(), "CONFORM_TRACES=none"}
	return p
}

// leftTrails counts the trails that were made, and those that were not deleted.
type leftTrails struct{ made, left atomic.Int32 }

func (l *leftTrails) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		if target := r.Header.Get(wire.TargetHeader); answer.Code == http.StatusOK && strings.HasSuffix(target, ".CreateTrail") {
			l.made.Add(1)
			l.left.Add(1)
		} else if answer.Code == http.StatusOK && strings.HasSuffix(target, ".DeleteTrail") {
			l.left.Add(-1)
		}
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes())
	})
}

// hung is when a process that should have ended counts as hung. It is no measure of speed: a busy
// machine takes long for everything.
const hung = 2 * time.Minute

// exitCode waits for the end and returns with it the most memory that the process was seen to hold.
func (p *started) exitCode(t *testing.T) (code int, kilobytes int) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- p.Wait() }()
	late := time.After(hung)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			return p.ProcessState.ExitCode(), kilobytes
		case <-late:
			p.Process.Kill()
			t.Fatalf("still running after %v\n%s", hung, p.stderr.String())
		case <-tick.C:
			kilobytes = max(kilobytes, peakMemory(p.Process.Pid))
		}
	}
}

// peakMemory is 0 where the system does not tell it.
func peakMemory(pid int) (kilobytes int) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	if fields := strings.Fields(rest); len(fields) > 0 {
		kilobytes, _ = strconv.Atoi(fields[0])
	}
	return kilobytes
}

func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "conform")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	return binary
}

const maxMemory = 200 << 10 // kilobytes

// TestProcess has the command as a process: what only a process has are signals and memory.
func TestProcess(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command")
	}
	binary := build(t)
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(signal.String(), func(t *testing.T) {
			busy := make(chan struct{})
			url := emulator(t, at(600, func() { close(busy) }))
			p := start(t, binary, "--endpoint", url)
			<-busy
			require.NoError(t, p.Process.Signal(signal))
			interrupted(t, p)
		})
	}
	t.Run("a session that is closed", func(t *testing.T) { // nothing reads what is said, and the signal comes twice
		busy := make(chan struct{})
		trails := &leftTrails{}
		p := prepared(t, binary, "--endpoint", emulator(t, trails.count, at(600, func() { close(busy) })))
		reader, writer, err := os.Pipe()
		require.NoError(t, err)
		p.Stdout, p.Stderr = writer, writer
		require.NoError(t, p.Start())
		writer.Close()
		<-busy
		reader.Close()
		require.NoError(t, p.Process.Signal(syscall.SIGHUP))
		require.NoError(t, p.Process.Signal(syscall.SIGHUP))
		code, _ := p.exitCode(t)
		assert.Equal(t, reports.ExitInterrupted, code)
		assert.Equal(t, reports.Interrupted, readJSONReport(t, p.report).Verdict)
		assert.Positive(t, trails.made.Load())
		assert.Zero(t, trails.left.Load(), "trails that were not deleted")
	})
	t.Run("pipes that are closed", func(t *testing.T) {
		p := prepared(t, binary, "--endpoint", emulator(t), "--requests", "100000")
		p.Args[slices.Index(p.Args, "text")] = "ndjson"
		reader, writer, err := os.Pipe()
		require.NoError(t, err)
		p.Stdout, p.Stderr = writer, writer
		require.NoError(t, p.Start())
		writer.Close()
		_, err = reader.Read(make([]byte, 1))
		require.NoError(t, err)
		reader.Close()
		code, _ := p.exitCode(t)
		assert.Equal(t, reports.ExitInterrupted, code)
		assert.Equal(t, reports.Interrupted, readJSONReport(t, p.report).Verdict)
	})
	t.Run("nohup", func(t *testing.T) {
		busy := make(chan struct{})
		p := prepared(t, binary, "--endpoint", emulator(t, at(600, func() { close(busy) })), "--requests", "1500")
		p.Path, p.Args = "/bin/sh", append([]string{"sh", "-c", `trap "" HUP; exec "$0" "$@"`}, p.Args...)
		require.NoError(t, p.Start())
		<-busy
		require.NoError(t, p.Process.Signal(syscall.SIGHUP))
		code, _ := p.exitCode(t)
		assert.Equal(t, reports.ExitConforms, code, p.stderr.String())
	})
	t.Run("a connection that breaks raises SIGPIPE, and interrupts nothing", func(t *testing.T) {
		busy := make(chan struct{})
		p := start(t, binary, "--endpoint", emulator(t, at(600, func() { close(busy) })), "--requests", "1500")
		<-busy
		require.NoError(t, p.Process.Signal(syscall.SIGPIPE))
		code, _ := p.exitCode(t)
		assert.Equal(t, reports.ExitConforms, code, p.stderr.String())
	})
	t.Run("what nobody reads", func(t *testing.T) {
		reader, writer, err := os.Pipe()
		require.NoError(t, err)
		reader.Close()
		p := prepared(t, binary)
		p.Args, p.Stdout = []string{binary, "rules"}, writer
		require.NoError(t, p.Start())
		writer.Close()
		code, _ := p.exitCode(t)
		assert.Equal(t, reports.ExitInterrupted, code)
		assert.Empty(t, p.stderr.String())
	})
	t.Run("interrupt while the target hangs", func(t *testing.T) {
		busy := make(chan struct{})
		url := emulator(t, after(300, hanging), at(302, func() { close(busy) }))
		p := start(t, binary, "--endpoint", url, "--timeout", "2s")
		<-busy
		require.NoError(t, p.Process.Signal(syscall.SIGINT))
		interrupted(t, p)
	})
	t.Run("second interrupt", func(t *testing.T) {
		busy := make(chan struct{})
		url := emulator(t, after(300, hanging), at(302, func() { close(busy) }))
		p := start(t, binary, "--endpoint", url, "--timeout", "10m")
		<-busy
		require.NoError(t, p.Process.Signal(syscall.SIGINT))
		time.Sleep(200 * time.Millisecond)
		require.NoError(t, p.Process.Signal(syscall.SIGINT))
		_, _ = p.exitCode(t)
		assert.False(t, p.ProcessState.Exited(), "it was ended by the signal")
	})
	for name, url := range map[string]string{
		"50 MB":             served(t, huge),
		"50 MB on the way":  emulator(t, after(500, huge)),
		"50 MB at times":    emulator(t, every(20, huge)),
		"truncated":         served(t, truncated),
		"no difference":     emulator(t),
		"an endless answer": served(t, dripping),
	} {
		t.Run("memory/"+name, func(t *testing.T) {
			p := start(t, binary, "--endpoint", url, "--timeout", "300ms", "--requests", "2500")
			code, kilobytes := p.exitCode(t)
			assert.Contains(t, []int{reports.ExitConforms, reports.ExitInconclusive}, code, p.stdout.String())
			assert.NotContains(t, p.stderr.String(), "internal error")
			assert.Less(t, kilobytes, maxMemory)
			t.Logf("exit %d, at most %d MB", code, kilobytes>>10)
		})
	}
}

func interrupted(t *testing.T, p *started) {
	t.Helper()
	code, _ := p.exitCode(t)
	assert.Equal(t, reports.ExitInterrupted, code, p.stderr.String())
	assert.Contains(t, p.stderr.String(), "interrupted")
	assert.Contains(t, p.stdout.String(), "interrupted (exit 130, partial)")
	data, err := os.ReadFile(p.report)
	require.NoError(t, err)
	report, err := reports.ReadJSON(data)
	require.NoError(t, err)
	assert.Equal(t, reports.Interrupted, report.Verdict)
	assert.Equal(t, reports.ExitInterrupted, report.ExitCode)
	assert.True(t, report.Partial)
	assert.Positive(t, report.Requests)
	merged := command(t, "merge", p.report)
	assert.Equal(t, reports.ExitInterrupted, merged.code, merged.stdout)
	assert.Contains(t, merged.stdout, "interrupted (exit 130, partial)")
}

// at calls a function when the n-th request arrives.
func at(n int32, f func()) middleware {
	return func(next http.Handler) http.Handler {
		var count atomic.Int32
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if count.Add(1) == n {
				f()
			}
			next.ServeHTTP(w, r)
		})
	}
}

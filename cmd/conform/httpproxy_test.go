package main

import (
	"bytes"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/embedded"
)

// httpProxy is one that takes every host for one of two servers, and keeps which hosts it was asked for.
type httpProxy struct {
	*httptest.Server
	mu    sync.Mutex
	asked map[string]int
	deny  bool
}

func newHTTPProxy(t *testing.T, plain, secure string) *httpProxy {
	t.Helper()
	to, err := url.Parse(plain)
	require.NoError(t, err)
	forward := httputil.NewSingleHostReverseProxy(to)
	p := &httpProxy{asked: map[string]int{}}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.asked[r.Method+" "+r.URL.Host]++
		p.mu.Unlock()
		if p.deny {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		if r.Method != http.MethodConnect {
			forward.ServeHTTP(w, r)
			return
		}
		there, err := net.Dial("tcp", secure)
		if err != nil {
			http.Error(w, "no", http.StatusBadGateway)
			return
		}
		here, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { io.Copy(there, here); there.Close() }()
		io.Copy(here, there)
		here.Close()
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *httpProxy) hosts() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

// TestProxies: the environment names a proxy; certificates are checked through it, and so are hosts of AWS.
func TestProxies(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command")
	}
	server, err := embedded.NewServer(embedded.ServerOptions{})
	require.NoError(t, err)
	secure := httptest.NewTLSServer(server) // whose certificate is for example.com
	t.Cleanup(secure.Close)
	var reached sync.Map
	count := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { reached.Store(r.Host, true) })
	wrong := httptest.NewTLSServer(count)
	t.Cleanup(wrong.Close)
	binary, folder := build(t), t.TempDir()
	ca := filepath.Join(folder, "ca.pem")
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o600))
	plain := served(t, server)

	run := func(environ []string, args ...string) (int, string) {
		cmd := exec.CommandContext(t.Context(), binary, append([]string{"run", "--seed", "1", "--traces", "none", "--requests", "300"}, args...)...)
		cmd.Dir, cmd.Env = folder, append([]string{"HOME=" + folder, "PATH=" + os.Getenv("PATH")}, environ...)
		var said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &said, &said
		_ = cmd.Run()
		return cmd.ProcessState.ExitCode(), said.String()
	}
	p := newHTTPProxy(t, plain, secure.Listener.Addr().String())
	t.Run("HTTP", func(t *testing.T) {
		code, said := run([]string{"HTTP_PROXY=" + p.URL}, "--endpoint", "http://emulator.invalid:5000")
		assert.Equal(t, reports.ExitConforms, code, said)
		assert.Contains(t, strings.Join(strings.Fields(said), " "), "requests go through the proxy 127.0.0.1:")
		assert.Greater(t, p.hosts()["POST emulator.invalid:5000"], 100)
	})
	t.Run("NO_PROXY", func(t *testing.T) {
		code, said := run([]string{"HTTP_PROXY=" + p.URL, "NO_PROXY=.invalid"}, "--endpoint", "http://other.invalid:5000")
		assert.Equal(t, reports.ExitInconclusive, code, said)
		assert.Zero(t, p.hosts()["POST other.invalid:5000"])
	})
	t.Run("HTTPS", func(t *testing.T) {
		code, said := run([]string{"HTTPS_PROXY=" + p.URL}, "--endpoint", "https://example.com:8443", "--ca-file", ca)
		assert.Equal(t, reports.ExitConforms, code, said)
		assert.Positive(t, p.hosts()["CONNECT example.com:8443"])
	})
	t.Run("a certificate that is not trusted", func(t *testing.T) {
		code, said := run([]string{"HTTPS_PROXY=" + p.URL}, "--endpoint", "https://example.com:8443")
		assert.Equal(t, reports.ExitInconclusive, code, said)
		said = strings.Join(strings.Fields(said), " ")
		for _, part := range []string{"a network that inspects TLS puts its own in the place", "--ca-file FILE", "the system's store"} {
			assert.Contains(t, said, part)
		}
	})
	t.Run("hosts of AWS", func(t *testing.T) {
		code, said := run([]string{"HTTPS_PROXY=" + p.URL}, "--endpoint", "https://cloudtrail.us-east-1.amazonaws.com")
		assert.Equal(t, reports.ExitRefused, code, said)
		assert.Zero(t, p.hosts()["CONNECT cloudtrail.us-east-1.amazonaws.com:443"])
	})
	t.Run("a proxy that refuses", func(t *testing.T) {
		refusing := newHTTPProxy(t, plain, "")
		refusing.deny = true
		code, said := run([]string{"HTTPS_PROXY=" + refusing.URL}, "--endpoint", "https://example.com:8443")
		assert.Equal(t, reports.ExitInconclusive, code, said)
		assert.Contains(t, said, "makes no connection: it answers 403 Forbidden")
	})
	t.Run("a proxy that is not there", func(t *testing.T) {
		code, said := run([]string{"HTTP_PROXY=http://user:hidden-word@127.0.0.1:1"}, "--endpoint", "http://emulator.invalid:5000")
		assert.Equal(t, reports.ExitInconclusive, code, said)
		assert.Contains(t, said, "the proxy that HTTP_PROXY or HTTPS_PROXY names cannot be reached: connection refused")
		assert.NotContains(t, said, "hidden-word")
	})
	t.Run("an account", func(t *testing.T) { // a proxy that leads elsewhere gets nothing
		elsewhere := newHTTPProxy(t, plain, wrong.Listener.Addr().String())
		code, said := run([]string{"HTTPS_PROXY=" + elsewhere.URL, "HTTP_PROXY=" + elsewhere.URL, "AWS_ACCESS_KEY_ID=AKIAXXXXXXXXXXXXXXXX",
			"AWS_SECRET_ACCESS_KEY=secret-secret", "AWS_EC2_METADATA_DISABLED=true"}, "--target", "account", "--account", "404142434445",
			"--regions", "us-east-1", "--ca-file", ca, "--timeout", "2s")
		assert.NotEqual(t, reports.ExitConforms, code, said)
		assert.Contains(t, said, "--ca-file has no effect in an account")
		assert.Contains(t, strings.Join(strings.Fields(said), " "), "add its authority to the system's store")
		assert.Positive(t, elsewhere.hosts()["CONNECT sts.us-east-1.amazonaws.com:443"], "%v", elsewhere.hosts())
		reached.Range(func(host, _ any) bool { return assert.Fail(t, "a request went elsewhere", host) })
	})
}

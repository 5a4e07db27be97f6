package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/targets/embedded"
)

// TestNothingOfNetHTTPIsShown: what a server sends unasked is no matter of the terminal.
func TestNothingOfNetHTTPIsShown(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command")
	}
	handler, err := embedded.NewServer(embedded.ServerOptions{})
	require.NoError(t, err)
	var idle atomic.Int64
	server := httptest.NewUnstartedServer(handler)
	server.Config.ConnState = func(conn net.Conn, state http.ConnState) {
		if state == http.StateIdle && idle.Add(1) == 60 {
			io.WriteString(conn, "HTTP/1.1 200 unasked\r\n\r\n")
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	p := start(t, build(t), "--endpoint", server.URL, "--quiet", "--requests", "400", "--workers", "1")
	p.exitCode(t)
	assert.Greater(t, idle.Load(), int64(100))
	assert.NotContains(t, p.stderr.String(), "nsolicited")
}

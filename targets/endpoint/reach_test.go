package endpoint_test

import (
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/endpoint"
)

// TestHeaders: each request has them, and a request's own cannot be given.
func TestHeaders(t *testing.T) {
	right, err := embedded.NewServer(embedded.ServerOptions{})
	require.NoError(t, err)
	var without atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Tenant") != "blue: one" || len(r.Header["X-Trace"]) != 2 {
			without.Add(1)
		}
		right.ServeHTTP(w, r)
	}))
	defer server.Close()
	target, err := endpoint.New(endpoint.Options{URL: server.URL, Headers: []string{"X-Tenant: blue: one", "x-trace:a", "X-Trace: b"}})
	require.NoError(t, err)
	_, err = target.Open(t.Context())
	require.NoError(t, err)
	require.NoError(t, target.Close())
	assert.Zero(t, without.Load())
	for _, wrong := range []string{"", "X-Tenant", "X Tenant: a", "X-Tenant: a\nHost: b", "Authorization: a", "host: b", "X-Amz-Target: c", ": d"} {
		_, err := endpoint.New(endpoint.Options{URL: server.URL, Headers: []string{wrong}})
		assert.ErrorIs(t, err, targets.ErrUsage, wrong)
		assert.NotContains(t, err.Error(), "\n")
	}
}

// TestRootCAs: a certificate of one's own is trusted where it is given, and the error says how.
func TestRootCAs(t *testing.T) {
	right, err := embedded.NewServer(embedded.ServerOptions{})
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(right)
	server.Config.ErrorLog = nil
	server.StartTLS()
	defer server.Close()
	target, err := endpoint.New(endpoint.Options{URL: server.URL})
	require.NoError(t, err)
	_, err = target.Open(t.Context())
	require.ErrorIs(t, err, targets.ErrUnreachable)
	assert.Contains(t, err.Error(), "--ca-file")
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	target, err = endpoint.New(endpoint.Options{URL: server.URL, RootCAs: pool})
	require.NoError(t, err)
	_, err = target.Open(t.Context())
	require.NoError(t, err)
	require.NoError(t, target.Close())
}

// TestWait: a target that is not there yet is waited for, and one that never comes is not waited for longer.
func TestWait(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	target, err := endpoint.New(endpoint.Options{URL: "http://" + address, Wait: time.Minute})
	require.NoError(t, err)
	right, err := embedded.NewServer(embedded.ServerOptions{})
	require.NoError(t, err)
	late := &http.Server{Handler: right}
	defer late.Close()
	go func() {
		time.Sleep(300 * time.Millisecond)
		if listener, err := net.Listen("tcp", address); err == nil {
			_ = late.Serve(listener)
		}
	}()
	_, err = target.Open(t.Context())
	require.NoError(t, err)
	require.NoError(t, target.Close())

	target, err = endpoint.New(endpoint.Options{URL: "http://" + strings.Replace(address, "127.0.0.1", "127.0.0.2", 1), Wait: 300 * time.Millisecond})
	require.NoError(t, err)
	_, err = target.Open(t.Context())
	assert.ErrorIs(t, err, targets.ErrUnreachable)
}

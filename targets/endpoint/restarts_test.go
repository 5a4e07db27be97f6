package endpoint

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets/wire"
)

// kept is a listener that outlives the servers that use it, so that no connection is ever refused.
type kept struct{ net.Listener }

// Close ends the waiting for a connection, which opened allows again.
func (l kept) Close() error { return l.Listener.(*net.TCPListener).SetDeadline(time.Unix(1, 0)) }

func (l kept) opened() kept {
	_ = l.Listener.(*net.TCPListener).SetDeadline(time.Time{})
	return l
}

// serveOn serves until the returned function is called, which also closes all connections.
func serveOn(t *testing.T, l net.Listener, server *http.Server) (end func()) {
	t.Helper()
	go server.Serve(l)
	end = func() { assert.NoError(t, server.Close()) }
	t.Cleanup(end)
	return end
}

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

func restartsOf(t *testing.T, l net.Listener) *Restarts {
	t.Helper()
	r, err := WatchRestarts(t.Context(), Options{URL: "http://" + l.Addr().String()})
	require.NoError(t, err)
	return r
}

// within is long enough for a restart to be seen, and long enough to be sure that none was.
const within = 6 * time.Second

func await(t *testing.T, r *Restarts) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	return r.Await(ctx)
}

// asked counts the requests to a handler, so that a test knows that the server is watched.
func asked(h http.Handler) (http.Handler, *atomic.Int64) {
	n := new(atomic.Int64)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { n.Add(1); h.ServeHTTP(w, r) }), n
}

func seenBy(t *testing.T, n *atomic.Int64) {
	t.Helper()
	require.Eventually(t, func() bool { return n.Load() > 0 }, within, 10*time.Millisecond)
}

// TestRestarts: a server that goes and comes back is seen, also where another stands on its port before a connection can be
// refused, and where it keeps no connection.
func TestRestarts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		keeps, atOnce bool
	}{"slowly": {true, false}, "at once": {true, true}, "without kept connections": {false, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := listen(t, "127.0.0.1:0")
			handler, n := asked(http.NotFoundHandler())
			first := &http.Server{Handler: handler}
			first.SetKeepAlivesEnabled(test.keeps)
			var on net.Listener = l
			if test.atOnce {
				on = kept{l}
			}
			end := serveOn(t, on, first)
			r := restartsOf(t, l)
			seenBy(t, n)
			time.Sleep(100 * time.Millisecond) // the answer is read
			assert.False(t, r.Happened())
			end()
			if test.atOnce {
				on = kept{l}.opened()
			} else {
				time.Sleep(time.Second)
				assert.False(t, r.Happened(), "it has gone, and is not there again")
				on = listen(t, l.Addr().String())
			}
			serveOn(t, on, &http.Server{Handler: handler})
			assert.True(t, await(t, r))
			assert.False(t, r.Happened(), "once is enough")
		})
	}
}

// TestNoRestart: a server that ends connections by itself, or takes none that it is asked something on, was not restarted;
// that one has ended for want of requests can look so once.
func TestNoRestart(t *testing.T) {
	t.Parallel()
	drops := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	for name, test := range map[string]struct {
		server *http.Server
		most   int
	}{
		"idle":    {&http.Server{Handler: http.NotFoundHandler(), IdleTimeout: 1500 * time.Millisecond}, 1},
		"at once": {&http.Server{Handler: http.NotFoundHandler(), IdleTimeout: 300 * time.Millisecond}, 3},
		"drops":   {&http.Server{Handler: drops}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := listen(t, "127.0.0.1:0")
			serveOn(t, l, test.server)
			r, seen := restartsOf(t, l), 0
			for began := time.Now(); time.Since(began) < within; time.Sleep(50 * time.Millisecond) {
				if r.Happened() {
					seen++
				}
			}
			assert.LessOrEqual(t, seen, test.most)
		})
	}
}

// TestAwaitAnswers: nothing that listens, a page that says to wait, and errors of every kind are no answers yet.
func TestAwaitAnswers(t *testing.T) {
	t.Parallel()
	l := listen(t, "127.0.0.1:0")
	address := l.Addr().String()
	require.NoError(t, l.Close())
	r, err := WatchRestarts(t.Context(), Options{URL: "http://" + address})
	require.NoError(t, err)
	var phase atomic.Int64
	real := newFake()
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch phase.Load() {
		case 0:
			http.Error(w, "starting", http.StatusServiceUnavailable)
		case 1:
			w.Header().Set("Content-Type", wire.ContentType)
			w.WriteHeader(http.StatusInternalServerError)
			w.Write(value.Obj("__type", "InternalFailure").AppendJSON(nil))
		default:
			real.ServeHTTP(w, req)
		}
	})}
	said, done := make(chan string, 10), make(chan bool)
	go func() { done <- r.AwaitAnswers(t.Context(), func(why string) { said <- why }) }()
	assert.Contains(t, <-said, "nothing listens")
	serveOn(t, listen(t, address), server)
	assert.Contains(t, <-said, "not as CloudTrail")
	phase.Store(1)
	time.Sleep(time.Second)
	select {
	case <-done:
		t.Error("an internal error to everything is no answer")
	default:
	}
	phase.Store(2)
	assert.True(t, <-done)

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	assert.False(t, r.AwaitAnswers(ended, func(string) {}))
	r.Happened()
	assert.False(t, r.Await(ended))
}

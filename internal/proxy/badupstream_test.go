package proxy_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/internal/proxy"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/wire"
)

// call sends a call of CloudTrail, and returns its answer with what of the body came.
func call(ctx context.Context, url, op, body string) (status int, got string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Content-Type", wire.ContentType)
	r.Header.Set(wire.TargetHeader, wire.ShortPrefix+op)
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20261101/us-east-1/cloudtrail/aws4_request, Signature=0")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text), err
}

const put = `{"TrailName":"abc","InsightSelectors":[{"InsightType":"ApiCallRateInsight"}]}`

// TestUpstreamsThatAnswerNonsense: the client is shown the nearest that is true, and nobody is accused of what may have been lost.
func TestUpstreamsThatAnswerNonsense(t *testing.T) {
	t.Parallel()
	reset := func(c net.Conn) { c.(*net.TCPConn).SetLinger(0); c.Close() }
	for _, test := range []struct {
		name   string
		answer func(c net.Conn)
		status int
		body   string // that the client gets
		cut    bool   // and sees to be cut
	}{
		{"closes", func(net.Conn) {}, 502, "conform proxy: http://UPSTREAM: connection closed before the end of the answer\n", false},
		{"resets", reset, 502, "conform proxy: http://UPSTREAM: connection reset\n", false},
		{"no HTTP", func(c net.Conn) { io.WriteString(c, "220 mail ready\r\n") }, 502, "conform proxy: http://UPSTREAM: no HTTP answer: ", false},
		{"bytes", func(c net.Conn) { c.Write([]byte{0, 1, 2, 255, '\n', '\n'}) }, 502, "conform proxy: http://UPSTREAM: no HTTP answer: ", false},
		{"half a header", func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-") }, 502, "conform proxy: http://UPSTREAM: no HTTP answer: ", false},
		{"a huge header", func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 3<<20)+"\r\nContent-Length: 0\r\n\r\n")
		}, 502, "conform proxy: http://UPSTREAM: no HTTP answer: ", false},
		{"two lengths", func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nabc")
		}, 502, "conform proxy: http://UPSTREAM: no HTTP answer: ", false},
		{"half a body", func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"Trail") }, 200, `{"Trail`, true},
		{"half a body and a reset", func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"Trail")
			time.Sleep(50 * time.Millisecond) // so that it arrives
			reset(c)
		}, 200, `{"Trail`, true},
		{"half a chunk", func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\nff\r\nf")
		}, 200, "abcdef", true},
		{"no chunk", func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\nzz\r\nf")
		}, 200, "abcde", true},
		{"no end of chunks", func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n")
		}, 500, "abcde", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			upstream := raw(t, func(c net.Conn, _ *http.Request, _ []byte) { test.answer(c) })
			p := start(t, upstream)
			want := strings.Replace(test.body, "http://UPSTREAM", upstream, 1)
			for _, op := range []string{"PutInsightSelectors", "GetInsightSelectors", "ListTrails"} {
				status, body, err := call(t.Context(), p.URL(), op, put)
				assert.Equal(t, test.status, status)
				assert.True(t, strings.HasPrefix(body, want), body)
				assert.Equal(t, test.cut, err != nil, "%v", err)
				if status == 502 {
					assert.Equal(t, 1, strings.Count(body, "\n"), body)
				}
			}
			r := p.end()
			assert.Empty(t, r.Divergences)
			assert.Equal(t, reports.ExitInconclusive, r.ExitCode, r.Reason)
			assert.Equal(t, 2, r.Recorded.Exchanges)
			assert.Zero(t, r.Recorded.Judged)
		})
	}
	t.Run("more than it says", func(t *testing.T) {
		t.Parallel()
		p := start(t, raw(t, func(c net.Conn, _ *http.Request, _ []byte) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
		}))
		for range 3 {
			status, body, err := call(t.Context(), p.URL(), "GetTrail", "{}")
			assert.NoError(t, err)
			assert.Equal(t, "200 {}", fmt.Sprint(status, " ", body))
		}
	})
	t.Run("drop by drop", func(t *testing.T) {
		t.Parallel()
		p := start(t, raw(t, func(c net.Conn, _ *http.Request, _ []byte) {
			for _, b := range []byte("HTTP/1.1 400 Bad Request\r\nContent-Length: 35\r\n\r\n" + `{"__type":"TrailNotFoundException"}`) {
				c.Write([]byte{b})
				time.Sleep(time.Millisecond)
			}
		}))
		status, body, err := call(t.Context(), p.URL(), "GetInsightSelectors", `{"TrailName":"abc"}`)
		assert.NoError(t, err)
		assert.Equal(t, `400 {"__type":"TrailNotFoundException"}`, fmt.Sprint(status, " ", body))
		r := p.end()
		assert.Equal(t, 1, r.Recorded.Judged)
	})
}

// TestServersThatCrash: a 5xx of a server that stands is what it answers.
func TestServersThatCrash(t *testing.T) {
	t.Parallel()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }))
	t.Cleanup(upstream.Close)
	p := start(t, upstream.URL)
	_, _, err := call(t.Context(), p.URL(), "PutInsightSelectors", put)
	require.NoError(t, err)
	r := p.end()
	require.Len(t, r.Divergences, 1)
	assert.Equal(t, "wire/no-crash", string(r.Divergences[0].Rule))
}

// TestAnEmulatorThatIsGone: the client is told so in one line, nobody is accused, and what a new one does not know is not held
// against it.
func TestAnEmulatorThatIsGone(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	l.Close()
	p := start(t, "http://"+address)
	create := func(name string) (int, string) {
		status, body, err := call(t.Context(), p.URL(), "CreateTrail", `{"Name":"`+name+`","S3BucketName":"bucket-name"}`)
		require.NoError(t, err)
		return status, body
	}
	status, body := create("abc")
	assert.Equal(t, 502, status)
	assert.Equal(t, "conform proxy: http://"+address+": connection refused\n", body)

	serve := func() (stop func()) {
		handler, err := embedded.NewServer(embedded.ServerOptions{StandIn: true})
		require.NoError(t, err)
		var l net.Listener
		require.Eventually(t, func() bool { l, err = net.Listen("tcp", address); return err == nil }, 10*time.Second, 10*time.Millisecond)
		s := &http.Server{Handler: handler}
		go s.Serve(l)
		return func() { s.Close() }
	}
	stop := serve()
	status, body = create("abc")
	assert.Equal(t, 200, status, body)
	stop()
	status, _ = create("abd")
	assert.Equal(t, 502, status)
	stop = serve() // which knows no trail
	status, body, err = call(t.Context(), p.URL(), "GetInsightSelectors", `{"TrailName":"abc"}`)
	require.NoError(t, err)
	assert.Equal(t, 400, status)
	assert.Contains(t, body, "TrailNotFoundException")
	stop()
	for range 2 { // the first may be on a connection that was there
		status, _ = create("abc")
		assert.Equal(t, 502, status)
	}
	r := p.end()
	assert.Empty(t, r.Divergences)
	assert.Equal(t, 4, r.Recorded.Gaps)
	assert.Equal(t, reports.ExitInconclusive, r.ExitCode)
	assert.Equal(t, "the emulator was gone: connection refused", r.Reason)
	assert.True(t, r.Partial)
}

// TestResets: what an emulator forgets since it was told to, in whatever way, is not held against it.
func TestResets(t *testing.T) {
	t.Parallel()
	var handler atomic.Pointer[embedded.Server]
	fresh := func() {
		s, err := embedded.NewServer(embedded.ServerOptions{})
		require.NoError(t, err)
		handler.Store(s)
	}
	fresh()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moto-api/reset" {
			fresh()
			return
		}
		handler.Load().ServeHTTP(w, r)
	}))
	t.Cleanup(upstream.Close)
	for _, reset := range []bool{true, false} {
		p := start(t, upstream.URL)
		for range 2 {
			for _, step := range [][2]string{{"CreateTrail", `{"Name":"abc","S3BucketName":"bucket-name"}`}, {"GetInsightSelectors", `{"TrailName":"abc"}`},
				{"StartLogging", `{"Name":"abc"}`}, {"PutInsightSelectors", put}} {
				_, _, err := call(t.Context(), p.URL(), step[0], step[1])
				require.NoError(t, err)
			}
			if reset {
				answer, err := http.Post(p.URL()+"/moto-api/reset", "", nil)
				require.NoError(t, err)
				answer.Body.Close()
			} else {
				fresh()
			}
		}
		r := p.end()
		fresh()
		assert.Equal(t, !reset, len(r.Divergences) > 0, "what was not told cannot be known")
		assert.Equal(t, reset, r.Recorded.Gaps == 2)
	}
}

// TestUpstreamsThatHang: who gives up is no longer waited for upstream, others are judged meanwhile, and the end comes all the
// same.
func TestUpstreamsThatHang(t *testing.T) {
	t.Parallel()
	gaveUp, hangs := make(chan bool, 10), make(chan bool, 10)
	right, err := embedded.NewServer(embedded.ServerOptions{Fault: "appends-selectors"})
	require.NoError(t, err)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Hang") == "" {
			right.ServeHTTP(w, r)
			return
		}
		io.Copy(io.Discard, r.Body)
		hangs <- true
		<-r.Context().Done()
		gaveUp <- true
	}))
	t.Cleanup(upstream.Close)
	found := make(chan string, 10)
	p := start(t, upstream.URL, func(o *proxy.Options) {
		o.Patience = 200 * time.Millisecond
		o.Found = func(d *reports.Divergence) { found <- string(d.Rule) }
	})
	hang := func(ctx context.Context, op, body string) error {
		r, err := http.NewRequestWithContext(ctx, "POST", p.URL(), strings.NewReader(body))
		require.NoError(t, err)
		r.Header.Set(wire.TargetHeader, wire.ShortPrefix+op)
		r.Header.Set("X-Hang", "1")
		answer, err := http.DefaultClient.Do(r)
		if err == nil {
			answer.Body.Close()
		}
		return err
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 2)
	go func() { done <- hang(ctx, "PutInsightSelectors", put) }()
	<-hangs
	cancel()
	assert.ErrorIs(t, <-done, context.Canceled)
	<-gaveUp

	go func() { done <- hang(t.Context(), "GetTrail", `{"Name":"other"}`) }()
	go func() { done <- hang(t.Context(), "StopLogging", `{"Name":"another"}`) }()
	<-hangs
	<-hangs
	for _, step := range [][2]string{{"CreateTrail", `{"Name":"xyz","S3BucketName":"bucket-name"}`},
		{"PutInsightSelectors", `{"TrailName":"xyz","InsightSelectors":[{"InsightType":"ApiCallRateInsight"}]}`},
		{"PutInsightSelectors", `{"TrailName":"xyz","InsightSelectors":[{"InsightType":"ApiErrorRateInsight"}]}`},
		{"GetInsightSelectors", `{"TrailName":"xyz"}`}} {
		status, body, err := call(t.Context(), p.URL(), step[0], step[1])
		require.NoError(t, err)
		require.Equal(t, 200, status, body)
	}
	select {
	case rule := <-found:
		assert.Equal(t, "put/replaces-list", rule)
	case <-time.After(time.Minute):
		t.Fatal("a call that hangs stops the judging")
	}
	r := p.end()
	for range 2 {
		assert.Error(t, <-done, "what hangs is cut at the end")
		<-gaveUp
	}
	assert.Equal(t, reports.ExitDiverges, r.ExitCode)
	assert.GreaterOrEqual(t, r.Recorded.Exchanges, 7)
}

// TestAHangingWriteExcusesItsOwnTrailAlone: it may have its effect at any time, however late.
func TestAHangingWriteExcusesItsOwnTrailAlone(t *testing.T) {
	t.Parallel()
	right, err := embedded.NewServer(embedded.ServerOptions{})
	require.NoError(t, err)
	hangs, act := make(chan bool, 1), make(chan bool)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(wire.TargetHeader) == wire.ShortPrefix+"DeleteTrail" {
			hangs <- true
			<-act
		}
		right.ServeHTTP(w, r)
	}))
	t.Cleanup(upstream.Close)
	p := start(t, upstream.URL, func(o *proxy.Options) { o.Patience = 20 * time.Millisecond })
	do := func(op, body string) int {
		status, _, err := call(t.Context(), p.URL(), op, body)
		assert.NoError(t, err)
		return status
	}
	for _, name := range []string{"abc", "abd"} {
		do("CreateTrail", `{"Name":"`+name+`","S3BucketName":"bucket-name"}`)
	}
	var wait sync.WaitGroup
	wait.Go(func() { assert.Equal(t, 200, do("DeleteTrail", `{"Name":"abc"}`)) })
	<-hangs
	time.Sleep(100 * time.Millisecond) // beyond all patience
	assert.Equal(t, 200, do("GetTrail", `{"Name":"abc"}`))
	close(act)
	wait.Wait()
	assert.Equal(t, 400, do("GetInsightSelectors", `{"TrailName":"abc"}`))
	assert.Equal(t, 400, do("GetInsightSelectors", `{"TrailName":"abd"}`))
	r := p.end()
	assert.Empty(t, r.Divergences)
	assert.Zero(t, r.Recorded.Gaps)
	assert.GreaterOrEqual(t, r.Recorded.Judged, 2)
}

// TestMoreThanCanBeKept: what is not judged, since too much waits, is said to be missing; every call is answered.
func TestMoreThanCanBeKept(t *testing.T) {
	t.Parallel()
	hangs := make(chan bool, 1)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(wire.TargetHeader) == wire.ShortPrefix+"GetTrail" {
			io.Copy(io.Discard, r.Body) // only then a server sees that the client is gone
			hangs <- true
			<-r.Context().Done()
			return
		}
		w.Header().Set("Content-Type", wire.ContentType)
		w.WriteHeader(400)
		io.WriteString(w, `{"__type":"TrailNotFoundException","Message":"no"}`)
	}))
	t.Cleanup(upstream.Close)
	p := start(t, upstream.URL, func(o *proxy.Options) { o.Patience = time.Hour })
	ctx, cancel := context.WithCancel(t.Context())
	go call(ctx, p.URL(), "GetTrail", `{"Name":"abc"}`)
	<-hangs
	const most, more = 10_000, 500
	request := "POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: CloudTrail_20131101.GetInsightSelectors\r\nContent-Length: 19\r\n\r\n{\"TrailName\":\"abc\"}"
	var wait sync.WaitGroup
	for range 10 {
		wait.Go(func() {
			c, err := net.Dial("tcp", p.host)
			if !assert.NoError(t, err) {
				return
			}
			defer c.Close()
			in := bufio.NewReader(c)
			for range (most + more) / 10 {
				io.WriteString(c, request)
				answer, err := http.ReadResponse(in, nil)
				if !assert.NoError(t, err) {
					return
				}
				assert.Equal(t, 400, answer.StatusCode)
				io.Copy(io.Discard, answer.Body)
			}
		})
	}
	wait.Wait()
	cancel()
	r := p.end()
	assert.Equal(t, most, r.Recorded.Exchanges)
	assert.Equal(t, 1, r.Recorded.Gaps)
	require.Len(t, r.Recorded.Skipped, 1)
	assert.Contains(t, r.Recorded.Skipped[0].Reason, "more calls wait")
	assert.Empty(t, r.Divergences)
}

// TestTheEndOfARequest: who sends half a request has sent none, and the end waits for nobody for long.
func TestTheEndOfARequest(t *testing.T) {
	t.Parallel()
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Error("half a request went on") }))
	t.Cleanup(upstream.Close)
	p := start(t, upstream.URL)
	c, err := net.Dial("tcp", p.host)
	require.NoError(t, err)
	io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: CloudTrail_20131101.PutInsightSelectors\r\nContent-Length: 100\r\n\r\n{\"")
	time.Sleep(20 * time.Millisecond)
	c.Close()
	open, err := net.Dial("tcp", p.host)
	require.NoError(t, err)
	defer open.Close()
	io.WriteString(open, "POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: CloudTrail_20131101.PutInsightSelectors\r\nContent-Length: 100\r\n\r\n{\"")
	r := p.end()
	assert.Zero(t, r.Recorded.Exchanges)
	_, err = http.Get(p.URL())
	var refused *net.OpError
	assert.True(t, errors.As(err, &refused))
}

package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/internal/proxy"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/wire"
)

// passing is a proxy that runs until it is ended.
type passing struct {
	*proxy.Proxy
	end  func() *reports.Report // and what it reports
	host string
}

func start(t testing.TB, upstream string, with ...func(*proxy.Options)) *passing {
	t.Helper()
	o := proxy.Options{Upstream: upstream, Address: "127.0.0.1:0", Version: "test"}
	for _, set := range with {
		set(&o)
	}
	p, err := proxy.New(o)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan *reports.Report, 1)
	go func() {
		r, err := p.Run(ctx)
		assert.NoError(t, err)
		ended <- r
	}()
	var report *reports.Report
	end := func() *reports.Report {
		cancel()
		if report == nil {
			select {
			case report = <-ended:
			case <-time.After(time.Minute):
				t.Fatal("it does not end")
			}
		}
		return report
	}
	t.Cleanup(func() { end() })
	return &passing{p, end, strings.TrimPrefix(p.URL(), "http://")}
}

// raw is a server that answers each connection with what a function writes, having read one request.
func raw(t testing.TB, answer func(c net.Conn, request *http.Request, body []byte)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				r, err := http.ReadRequest(bufio.NewReader(c))
				if err != nil {
					return
				}
				body, _ := io.ReadAll(r.Body)
				answer(c, r, body)
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// wiretap is a server that keeps the bytes of a request up to the end of its header, and the body.
func wiretap(t testing.TB) (upstream string, got chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	got = make(chan string, 10)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			var seen bytes.Buffer
			r, err := http.ReadRequest(bufio.NewReader(io.TeeReader(c, &seen)))
			if err == nil {
				if r.Header.Get("Expect") != "" {
					io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n")
				}
				body, _ := io.ReadAll(r.Body)
				head, _, _ := strings.Cut(seen.String(), "\r\n\r\n")
				trailer := ""
				for name := range r.Trailer {
					trailer += "\r\n\r\n" + name + "=" + r.Trailer.Get(name)
				}
				got <- head + "\r\n\r\n" + string(body) + trailer
			}
			io.WriteString(c, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
			c.Close()
		}
	}()
	return "http://" + l.Addr().String(), got
}

// ask sends bytes and returns what comes back.
func ask(t testing.TB, host, request string) string {
	t.Helper()
	c, err := net.Dial("tcp", host)
	require.NoError(t, err)
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	_, err = io.WriteString(c, request)
	require.NoError(t, err)
	answer, err := io.ReadAll(c)
	require.NoError(t, err)
	return string(answer)
}

// sorted are the lines of a header without their order, and names in one letter case.
func sorted(head string) (first string, lines []string) {
	first, rest, _ := strings.Cut(head, "\r\n")
	for line := range strings.SplitSeq(rest, "\r\n") {
		name, value, found := strings.Cut(line, ":")
		if found {
			lines = append(lines, textproto.CanonicalMIMEHeaderKey(name)+": "+strings.TrimSpace(value))
		}
	}
	slices.Sort(lines)
	return first, lines
}

// TestRequestsGoOnUnchanged: the request line, each header and the body reach the emulator as they were sent.
func TestRequestsGoOnUnchanged(t *testing.T) {
	t.Parallel()
	upstream, got := wiretap(t)
	p := start(t, upstream)
	cloudtrail := "Content-Type: application/x-amz-json-1.1\r\nX-Amz-Target: CloudTrail_20131101.GetTrail\r\n"
	for name, request := range map[string]string{
		"a call":           "POST / HTTP/1.1\r\nHost: cloudtrail.eu-west-1.amazonaws.com\r\n" + cloudtrail + "Authorization: AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=ff\r\nContent-Length: 13\r\n\r\n{\"Name\":\"ab\"}",
		"a chunked call":   "POST / HTTP/1.1\r\nHost: x\r\n" + cloudtrail + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"no agent":         "GET /bucket?list-type=2&prefix=a%2Fb+c HTTP/1.1\r\nHost: bucket.s3.localhost:4566\r\n\r\n",
		"a query":          "GET /?a;b=%zz&&c=%20 HTTP/1.1\r\nHost: x\r\nAccept-Encoding: identity\r\n\r\n",
		"an empty query":   "GET /? HTTP/1.1\r\nHost: x\r\nUser-Agent: me\r\n\r\n",
		"a strange path":   "GET /a%2Fb/../c/./%41%e2%82%ac/(d)!$&'*+,;=:@|\"/ HTTP/1.1\r\nHost: x\r\n\r\n",
		"two slashes":      "GET //double//slash HTTP/1.1\r\nHost: x\r\n\r\n",
		"forwarded before": "GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 10.1.2.3\r\nForwarded: for=10.1.2.3\r\nX-Forwarded-Host: y\r\nX-Forwarded-Proto: https\r\nVia: 1.1 z\r\n\r\n",
		"twice":            "GET / HTTP/1.1\r\nHost: x\r\nX-Two: 1\r\nX-Two: 2\r\nX-Empty:\r\nCookie: a=b\r\nCookie: c=d\r\n\r\n",
		"all options":      "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
		"a method":         "PROPFIND /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
		"waiting":          "PUT /b/k HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nAuthorization: AWS4-HMAC-SHA256 Credential=a/b/c/d/e\r\nContent-Length: 5\r\n\r\n\x00\xff\r\n1",
		"no body":          "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
		"a trailer":        "PUT /b/k HTTP/1.1\r\nHost: x\r\nAuthorization: AWS4-HMAC-SHA256 Credential=a/b/c/d/e\r\nTransfer-Encoding: chunked\r\nTrailer: X-Amz-Checksum\r\n\r\n3\r\nabc\r\n0\r\nX-Amz-Checksum: 1\r\n\r\n",
	} {
		answer := ask(t, p.host, strings.Replace(request, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1))
		if strings.Contains(request, "Expect") {
			continued, rest, _ := strings.Cut(answer, "\r\n\r\n")
			assert.Equal(t, "HTTP/1.1 100 Continue", continued, name)
			answer = rest
		}
		assert.True(t, strings.HasPrefix(answer, "HTTP/1.1 204 "), "%s: %s", name, answer)
		head, body, _ := strings.Cut(<-got, "\r\n\r\n")
		head0, body0, _ := strings.Cut(request, "\r\n\r\n")
		switch name {
		case "a chunked call":
			body0 = "{}"
		case "a trailer":
			body0 = "abc\r\n\r\nX-Amz-Checksum=1"
		}
		line0, headers0 := sorted(head0)
		line, headers := sorted(head)
		assert.Equal(t, line0, line, name)
		assert.Equal(t, headers0, headers, name)
		assert.Equal(t, body0, body, name)
	}
	answer := ask(t, p.host, "GET /old HTTP/1.0\r\n\r\n")
	assert.Contains(t, answer, " 204 ")
	assert.Contains(t, <-got, "GET /old HTTP/1.1\r\nHost: "+strings.TrimPrefix(upstream, "http://")+"\r\n")
}

// TestNothingLeadsElsewhere: whatever a request says, it goes to the emulator or nowhere.
func TestNothingLeadsElsewhere(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request went elsewhere") }))
	t.Cleanup(elsewhere.Close)
	host := strings.TrimPrefix(elsewhere.URL, "http://")
	upstream, got := wiretap(t)
	p := start(t, upstream)
	for request, line := range map[string]string{
		"GET " + elsewhere.URL + "/a?b HTTP/1.1\r\nHost: " + host + "\r\n":        "GET /a?b HTTP/1.1",
		"GET " + elsewhere.URL + " HTTP/1.1\r\nHost: " + host + "\r\n":            "GET / HTTP/1.1",
		"GET / HTTP/1.1\r\nHost: " + host + "\r\n":                                "GET / HTTP/1.1",
		"GET //" + host + "/a HTTP/1.1\r\nHost: " + host + "\r\n":                 "GET //" + host + "/a HTTP/1.1",
		"GET http://169.254.169.254/latest HTTP/1.1\r\nHost: 169.254.169.254\r\n": "GET /latest HTTP/1.1",
	} {
		assert.Contains(t, ask(t, p.host, request+"Connection: close\r\n\r\n"), "HTTP/1.1 204 ", request)
		assert.True(t, strings.HasPrefix(<-got, line+"\r\n"), request)
	}
	answer := ask(t, p.host, "CONNECT "+host+" HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
	assert.Contains(t, answer, "HTTP/1.1 405 ")
	assert.Contains(t, answer, "\r\n\r\nconform proxy: CONNECT leads elsewhere; give "+p.URL())

	redirecting := start(t, raw(t, func(c net.Conn, _ *http.Request, _ []byte) {
		fmt.Fprintf(c, "HTTP/1.1 307 Temporary Redirect\r\nLocation: %s/b\r\nContent-Length: 0\r\n\r\n", elsewhere.URL)
	}))
	answer = ask(t, redirecting.host, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	assert.Contains(t, answer, "HTTP/1.1 307 ")
	assert.Contains(t, answer, "\r\nLocation: "+elsewhere.URL+"/b\r\n")
}

// TestAnswersComeBackUnchanged: the status, each header and the bytes of an answer, and nothing else.
func TestAnswersComeBackUnchanged(t *testing.T) {
	t.Parallel()
	zipped := "\x1f\x8b\x08\x00not really\xff"
	for name, test := range map[string]struct{ method, answer, body string }{
		"plain":          {"GET", "200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nx-amzn-RequestId: 1\r\nContent-Length: 2\r\n\r\n{}", "{}"},
		"without a date": {"GET", "400 Bad Request\r\nContent-Length: 1\r\n\r\nx", "x"},
		"with a date":    {"GET", "200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nServer: Werkzeug\r\nContent-Length: 1\r\n\r\nx", "x"},
		"twice":          {"GET", "200 OK\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 0\r\n\r\n", ""},
		"encoded":        {"GET", fmt.Sprintf("200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(zipped), zipped), zipped},
		"nothing":        {"DELETE", "204 No Content\r\n\r\n", ""},
		"not modified":   {"GET", "304 Not Modified\r\nETag: \"x\"\r\n\r\n", ""},
		"head":           {"HEAD", "200 OK\r\nContent-Length: 12345\r\nContent-Type: text/x\r\n\r\n", ""},
		"another status": {"GET", "599 What\r\nContent-Length: 3\r\n\r\nabc", "abc"},
		"no type":        {"GET", "200 OK\r\nContent-Length: 6\r\n\r\n<html>", "<html>"},
	} {
		p := start(t, raw(t, func(c net.Conn, _ *http.Request, _ []byte) { io.WriteString(c, "HTTP/1.1 "+test.answer) }))
		for _, target := range []string{"", "X-Amz-Target: CloudTrail_20131101.GetTrail\r\n"} {
			got := ask(t, p.host, test.method+" / HTTP/1.1\r\nHost: x\r\n"+target+"Connection: close\r\n\r\n")
			head, body, _ := strings.Cut(got, "\r\n\r\n")
			head0, _, _ := strings.Cut(test.answer, "\r\n\r\n")
			_, headers := sorted(head)
			_, headers0 := sorted("HTTP/1.1 " + head0 + "\r\nConnection: close")
			slices.Sort(headers0)
			assert.True(t, strings.HasPrefix(head, "HTTP/1.1 "+test.answer[:4]), "%s: %s", name, head)
			assert.Equal(t, headers0, headers, name)
			assert.Equal(t, test.body, body, name)
		}
	}

	chunked := "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\nContent-Type: x\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 7\r\n\r\n"
	p := start(t, raw(t, func(c net.Conn, _ *http.Request, _ []byte) { io.WriteString(c, chunked) }))
	got := ask(t, p.host, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	assert.True(t, strings.HasPrefix(got, "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 200 OK\r\n"), got)
	assert.True(t, strings.HasSuffix(got, "e\r\n0\r\nX-Sum: 7\r\n\r\n"), got)

	old := start(t, raw(t, func(c net.Conn, _ *http.Request, _ []byte) { io.WriteString(c, "HTTP/1.0 200 OK\r\n\r\nuntil it ends") }))
	got = ask(t, old.host, "GET / HTTP/1.0\r\n\r\n")
	assert.True(t, strings.HasPrefix(got, "HTTP/1.0 200 OK\r\n"), got)
	assert.True(t, strings.HasSuffix(got, "\r\n\r\nuntil it ends"), got)
}

// TestUpgrade: a connection that becomes one of another protocol is passed on both ways.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	p := start(t, raw(t, func(c net.Conn, r *http.Request, _ []byte) {
		assert.Equal(t, "echo", r.Header.Get("Upgrade"))
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		io.Copy(c, c)
	}))
	c, err := net.Dial("tcp", p.host)
	require.NoError(t, err)
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	in := bufio.NewReader(c)
	answer, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	require.Equal(t, 101, answer.StatusCode)
	for _, word := range []string{"ping\n", "pong\n"} {
		io.WriteString(c, word)
		line, err := in.ReadString('\n')
		assert.NoError(t, err)
		assert.Equal(t, word, line)
	}
}

// TestAnswersAreStreamed: what an emulator has sent reaches the client before it sends more, and so do requests.
func TestAnswersAreStreamed(t *testing.T) {
	t.Parallel()
	more, first := make(chan bool), make(chan bool)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			b := make([]byte, 5)
			io.ReadFull(r.Body, b)
			close(first)
			io.Copy(io.Discard, r.Body)
			return
		}
		io.WriteString(w, "data: 1\n")
		w.(http.Flusher).Flush()
		<-more
		io.WriteString(w, "data: 2\n")
	}))
	t.Cleanup(server.Close)
	p := start(t, server.URL)
	answer, err := http.Get(p.URL() + "/events")
	require.NoError(t, err)
	in := bufio.NewReader(answer.Body)
	line, err := in.ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "data: 1\n", line)
	close(more)
	line, err = in.ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "data: 2\n", line)

	body, write := io.Pipe()
	request, err := http.NewRequest(http.MethodPut, p.URL()+"/b/k", body)
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { _, err := http.DefaultClient.Do(request); done <- err }()
	io.WriteString(write, "first")
	<-first
	write.Close()
	assert.NoError(t, <-done)
}

// TestLargeBodies: 20 MB pass in both directions, whatever is asked for.
func TestLargeBodies(t *testing.T) {
	t.Parallel()
	random := rand.NewChaCha8([32]byte{1})
	body := make([]byte, 20<<20)
	random.Read(body)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, _ := io.ReadAll(r.Body)
		w.Write(got)
	}))
	t.Cleanup(server.Close)
	p := start(t, server.URL)
	for _, target := range []string{"", wire.ShortPrefix + "GetTrail", wire.ShortPrefix + "PutInsightSelectors"} {
		request, err := http.NewRequest(http.MethodPost, p.URL()+"/b/k", bytes.NewReader(body))
		require.NoError(t, err)
		request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=a/20261101/us-east-1/s3/aws4_request")
		if target != "" {
			request.Header.Set(wire.TargetHeader, target)
		}
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		got, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		assert.Equal(t, sha256.Sum256(body), sha256.Sum256(got), target)
	}
	r := p.end()
	assert.Zero(t, r.Recorded.Judged)
	assert.Equal(t, 1, r.Recorded.Others)
	assert.Equal(t, 1, r.Recorded.Gaps, "what the large call may have changed")
	assert.Equal(t, reports.ExitInconclusive, r.ExitCode)
}

// outcome is what a proxy came to.
type outcome struct {
	report *reports.Report
	err    error
}

// ended runs a proxy while something is done.
func ended(t testing.TB, p *proxy.Proxy, do func()) outcome {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out := make(chan outcome, 1)
	go func() {
		r, err := p.Run(ctx)
		out <- outcome{r, err}
	}()
	do()
	cancel()
	return <-out
}

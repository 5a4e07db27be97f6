// Package proxy stands on loopback between a client and an emulator. Every request goes on unchanged, and every answer comes
// back unchanged; calls of CloudTrail that the model knows are judged on the way, as those of a recording are. What it finds
// contradicts a rule whatever there was before; what it does not find may be wrong all the same.
package proxy

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/insightconform/conform/internal/judge/recorded"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/endpoint"
	"github.com/insightconform/conform/targets/wire"
)

// Options of New.
type Options struct {
	Upstream string         // the URL of the emulator
	Address  string         // where to listen, on loopback; port 0 is a free one
	RootCAs  *x509.CertPool // trusted instead of the system's; nil is those
	Record   string         // the file that keeps the history; empty is none
	FailOn   model.Level    // the level that fails; 0 is observed
	Version  string         // of conform
	// Found, where not nil, is told each divergence once, as soon as it is seen.
	Found func(*reports.Divergence)
	// Patience is how long a call may be without an answer until others are judged without it; 0 is 30 s.
	Patience time.Duration
}

// Proxy passes requests on. Make it with New.
type Proxy struct {
	upstream *url.URL
	listener net.Listener
	forward  httputil.ReverseProxy
	journal  *journal
	others   atomic.Int64 // requests that are not judged
}

var (
	usage   = targets.Class(targets.ErrUsage)
	refused = targets.Class(targets.ErrRefused)
)

// New checks the options and listens. Nothing is sent yet.
func New(o Options) (*Proxy, error) {
	upstream, err := endpoint.CheckURL(o.Upstream)
	if err != nil {
		return nil, err
	}
	if upstream.Path != "/" {
		return nil, usage("the URL has the path %s, and each request keeps its own; leave it out", wire.Printable(upstream.Path))
	}
	listener, err := listen(o.Address)
	if err != nil {
		return nil, err
	}
	if itself(upstream, listener) {
		listener.Close()
		return nil, usage("%s is where the proxy would listen itself; give --addr another port", upstream.Host)
	}
	p := &Proxy{upstream: upstream, listener: listener}
	if p.journal, err = newJournal(o, upstream); err != nil {
		listener.Close()
		return nil, err
	}
	p.forward = httputil.ReverseProxy{Rewrite: p.rewrite, Transport: endpoint.NewPassage(conns, o.RootCAs), FlushInterval: -1,
		ModifyResponse: answered, ErrorHandler: p.unanswered, ErrorLog: log.New(io.Discard, "", 0)}
	return p, nil
}

// conns is how many connections to the emulator are kept.
const conns = 64

// listen listens on loopback: whoever can reach the proxy reaches the emulator.
func listen(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil || strings.Contains(address, "@") {
		return nil, usage("%q is no HOST:PORT; write it like 127.0.0.1:8081", wire.Printable(wire.WithoutUser(address)))
	}
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.Unmap().IsLoopback()) {
		return nil, refused("%s is not loopback, and others could reach the emulator through it; listen on 127.0.0.1, ::1 or localhost",
			cmp.Or(wire.Printable(host), "every address"))
	}
	listener, err := net.Listen("tcp", address)
	if operation, ok := errors.AsType[*net.OpError](err); ok {
		err = operation.Err // without the address, which is named
	}
	if err != nil {
		return nil, usage("%s: cannot listen there (%w); choose another, or port 0 for a free one", address, err)
	}
	if at, ok := listener.Addr().(*net.TCPAddr); !ok || !at.IP.IsLoopback() { // what localhost is, is set elsewhere
		listener.Close()
		return nil, refused("%s is not loopback here; listen on 127.0.0.1", host)
	}
	return listener, nil
}

// itself reports whether a URL leads to a listener.
func itself(u *url.URL, l net.Listener) bool {
	at := l.Addr().(*net.TCPAddr)
	ip := net.ParseIP(u.Hostname())
	return u.Port() == strconv.Itoa(at.Port) && (u.Hostname() == "localhost" || ip.Equal(at.IP))
}

// URL is where it listens.
func (p *Proxy) URL() string { return "http://" + p.listener.Addr().String() }

// How long a request that is on its way may take when the proxy ends.
const grace = 3 * time.Second

// Run passes requests on until ctx is done, which is its regular end, and reports what was judged. Its errors are those of
// the listener and of the file that keeps the history; there is a report all the same.
func (p *Proxy) Run(ctx context.Context) (*reports.Report, error) {
	server := &http.Server{Handler: p, ReadHeaderTimeout: 30 * time.Second, IdleTimeout: 10 * time.Minute,
		DisableGeneralOptionsHandler: true, ErrorLog: log.New(io.Discard, "", 0)}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.Background(), grace)
		defer cancel()
		if server.Shutdown(grace) != nil {
			server.Close()
		}
	})
	err := server.Serve(p.listener)
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	if !stop() {
		<-stopped
	}
	report, problem := p.journal.close(int(p.others.Load()))
	return report, errors.Join(err, problem)
}

// underway is the key of the call that a request is.
type underway struct{}

// ServeHTTP passes a request on, and its answer back.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect {
		say(w, http.StatusMethodNotAllowed, "CONNECT leads elsewhere; give "+p.URL()+" as the endpoint URL, not as a proxy")
		return
	}
	c, err := p.begin(r)
	if err != nil { // the client has given up
		panic(http.ErrAbortHandler)
	}
	if c != nil {
		defer p.journal.end(c)
		r = r.WithContext(context.WithValue(r.Context(), underway{}, c))
	}
	p.forward.ServeHTTP(&unchanged{ResponseWriter: w}, r)
}

func say(w http.ResponseWriter, status int, what string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, "conform proxy: %s\n", what)
}

// maxBody is how many bytes of a request or of an answer are kept for judging: as many as run reads.
const maxBody = 1 << 20

// begin takes in a request, if it is judged, or may take away what others have made.
func (p *Proxy) begin(r *http.Request) (*call, error) {
	c := &call{request: r.Header, query: r.URL.RawQuery, method: r.Method}
	switch safe := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions; {
	case recorded.Known(r.Header.Get(wire.TargetHeader)):
		var err error
		if c.sent, err = io.ReadAll(io.LimitReader(r.Body, maxBody+1)); err != nil {
			return nil, err
		}
		body := c.sent
		if c.sentAll = len(body) <= maxBody; c.sentAll {
			r.Body = io.NopCloser(bytes.NewReader(body))
			r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		} else {
			c.sent = nil
			r.Body = struct {
				io.Reader
				io.Closer
			}{io.MultiReader(bytes.NewReader(body), r.Body), r.Body}
		}
	case safe || endpoint.IsSigned(r.Header, r.URL.RawQuery):
		p.others.Add(1)
		return nil, nil
	default:
		p.others.Add(1)
		c.gap = "a request that is none of AWS's may have changed anything, such as one that resets an emulator"
	}
	p.journal.begin(c)
	return c, nil
}

// rewrite sends a request to the emulator, as the client has made it.
func (p *Proxy) rewrite(r *httputil.ProxyRequest) {
	to, in := r.Out.URL, r.In
	to.Scheme, to.Host, to.User, to.RawQuery, to.ForceQuery = p.upstream.Scheme, p.upstream.Host, nil, in.URL.RawQuery, in.URL.ForceQuery
	if path, _, _ := strings.Cut(in.RequestURI, "?"); strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") {
		to.Opaque = path // as it is escaped
	}
	r.Out.Host, r.Out.Trailer, r.Out.GetBody = in.Host, in.Trailer, in.GetBody
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if v, ok := in.Header[name]; ok {
			r.Out.Header[name] = v
		}
	}
}

// answered takes in that an answer begins.
func answered(response *http.Response) error {
	c, _ := response.Request.Context().Value(underway{}).(*call)
	if c != nil && response.StatusCode != http.StatusSwitchingProtocols {
		c.answered(response)
	}
	if response.Close { // which is taken for a matter of one connection
		response.Header.Set("Connection", "close")
	}
	return nil
}

// unanswered tells a client that there is no answer.
func (p *Proxy) unanswered(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil { // the client has given up
		panic(http.ErrAbortHandler)
	}
	if c, _ := r.Context().Value(underway{}).(*call); c != nil {
		operation, ok := errors.AsType[*net.OpError](err)
		c.notSent = ok && operation.Op == "dial"
		c.problem = endpoint.Problem(err)
	}
	hidden := endpoint.Hide(r.Header, r.URL.RawQuery, []byte(endpoint.Problem(err)))
	say(w, http.StatusBadGateway, p.upstream.Scheme+"://"+p.upstream.Host+": "+string(hidden))
}

// unchanged adds no headers to an answer.
type unchanged struct{ http.ResponseWriter }

func (u *unchanged) Unwrap() http.ResponseWriter { return u.ResponseWriter }

func (u *unchanged) WriteHeader(status int) {
	for _, name := range []string{"Date", "Content-Type"} {
		if h := u.Header(); h[name] == nil && status >= http.StatusOK {
			h[name] = nil
		}
	}
	u.ResponseWriter.WriteHeader(status)
}

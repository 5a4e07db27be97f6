package endpoint

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/insightconform/conform/targets"
)

// How a server is watched.
const (
	lookAgain = 200 * time.Millisecond // whether it listens
	// A connection without requests is used again after this time, before most servers close it by themselves.
	keptIdle    = 4 * time.Second
	lookTimeout = 5 * time.Second
	calm        = 3 * time.Second // for so long a server that knows no better answers alike before it counts as started
)

// Restarts tells when a server has gone and listens again. It holds an idle connection, which ends with the process that
// has it, and where the server keeps none it looks whether something listens.
type Restarts struct {
	target *Target
	client *http.Client
	dialed atomic.Int64  // connections
	ended  chan int64    // the numbers of those that have ended
	came   chan struct{} // a restart that nobody was told of yet
}

// WatchRestarts watches until ctx ends.
func WatchRestarts(ctx context.Context, options Options) (*Restarts, error) {
	target, err := New(options)
	if err != nil {
		return nil, err
	}
	if target.options.Credentials, err = target.provider(ctx); err != nil {
		return nil, err
	}
	r := &Restarts{target: target, ended: make(chan int64, 16), came: make(chan struct{}, 1)}
	dialer := &net.Dialer{Timeout: lookTimeout, Control: guardDial}
	transport := NewTransport(dialer, 1, 0)
	transport.TLSClientConfig.RootCAs = options.RootCAs
	if options.Proxy != nil {
		transport.Proxy = options.Proxy.guarded()
	}
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &heldConn{conn, r.dialed.Add(1), r.ended}, nil
	}
	r.client = &http.Client{Transport: transport, Timeout: lookTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	go r.watch(ctx)
	return r, nil
}

// heldConn tells when it is closed, which the transport does as soon as the server has.
type heldConn struct {
	net.Conn
	number int64
	ended  chan<- int64
}

func (c *heldConn) Close() error {
	select {
	case c.ended <- c.number:
	default:
	}
	return c.Conn.Close()
}

// Happened reports whether there was a restart since it was asked last, or Await has returned.
func (r *Restarts) Happened() bool {
	select {
	case <-r.came:
		return true
	default:
		return false
	}
}

// Await waits for the next restart and reports false where ctx has ended before.
func (r *Restarts) Await(ctx context.Context) bool {
	select {
	case <-r.came:
		return true
	case <-ctx.Done():
		return false
	}
}

// watch tells of restarts until ctx ends.
func (r *Restarts) watch(ctx context.Context) {
	defer r.client.CloseIdleConnections()
	r.awaitListening(ctx)
	var own ownEnd
	var held int64 // the connection that is, 0 for none
	var used time.Time
	for ctx.Err() == nil {
		began := time.Now()
		kept, err := r.look(ctx)
		late := errors.Is(err, context.DeadlineExceeded)
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			held = 0
			r.gone(ctx)
			continue
		case held != 0 && !late && (err != nil || r.dialed.Load() != held): // it has ended meanwhile
			if held = 0; !own.sees(time.Since(used)) {
				r.gone(ctx)
			}
			continue
		case err != nil || !kept || own.often():
			held = 0
			r.client.CloseIdleConnections()
			if !r.listensFor(ctx, own.idle()) {
				r.gone(ctx)
			}
			continue
		}
		held, used = r.dialed.Load(), began
		if r.endsWithin(ctx, held, own.idle()) {
			if held = 0; !r.listens(ctx) || !own.sees(time.Since(used)) {
				r.gone(ctx)
			}
		}
	}
}

// endsWithin waits for some time whether a connection ends, and reports whether it does.
func (r *Restarts) endsWithin(ctx context.Context, held int64, long time.Duration) bool {
	over := time.After(long)
	for {
		select {
		case <-ctx.Done():
			return false
		case <-over:
			return false
		case number := <-r.ended: // earlier ones were let go of
			if number == held {
				return true
			}
		}
	}
}

// ownEnd is what is known of a server that ends connections by itself.
type ownEnd struct {
	after time.Duration // a connection that was held ended last, while the server listened; 0 is not yet
	alike int           // ends in a row after the same time
}

const (
	sameTime  = 50 * time.Millisecond
	manyAlike = 2
	leastIdle = 500 * time.Millisecond
)

// often reports whether the server ends each connection after the same time, so that an end says nothing.
func (o *ownEnd) often() bool { return o.alike >= manyAlike }

// sees takes in that a connection has ended after some time, and reports whether that was no restart.
func (o *ownEnd) sees(after time.Duration) bool {
	if (after - o.after).Abs() < sameTime {
		o.alike++
	} else {
		o.alike = 0
	}
	o.after = after
	return o.often()
}

// idle is how long a connection may be without a request: not so long that the server may have ended one for that.
func (o *ownEnd) idle() time.Duration {
	if o.after == 0 {
		return keptIdle
	}
	return min(keptIdle, max(o.after/2, leastIdle))
}

// look asks the server for something and reports whether it keeps the connection.
func (r *Restarts) look(ctx context.Context) (kept bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at(r.target.url, "/").String(), nil)
	if err != nil {
		return false, err
	}
	answer, err := r.client.Do(req)
	if err != nil {
		return false, err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20))
	return !answer.Close, err
}

// listensFor looks for some time whether the server listens, and reports whether it always did.
func (r *Restarts) listensFor(ctx context.Context, long time.Duration) bool {
	for began := time.Now(); time.Since(began) < long && targets.Sleep(ctx, lookAgain); {
		if !r.listens(ctx) {
			return ctx.Err() != nil
		}
	}
	return true
}

// listens reports whether the server accepts a connection.
func (r *Restarts) listens(ctx context.Context) bool {
	dialer := &net.Dialer{Timeout: lookTimeout, Control: guardDial}
	conn, err := dialer.DialContext(ctx, "tcp", hostPort(r.first()))
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// first is where requests go first: the server, or the proxy before it.
func (r *Restarts) first() *url.URL {
	if ask := r.target.options.Proxy; ask != nil {
		if proxy, err := ask(&http.Request{URL: r.target.url}); err == nil && proxy != nil {
			return proxy
		}
	}
	return r.target.url
}

// hostPort is where a URL leads.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443"}[u.Scheme]
	}
	if port == "" {
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// gone waits until the server listens again, and tells of it.
func (r *Restarts) gone(ctx context.Context) {
	r.client.CloseIdleConnections()
	if r.awaitListening(ctx) {
		select {
		case r.came <- struct{}{}:
		default:
		}
	}
}

func (r *Restarts) awaitListening(ctx context.Context) bool {
	for !r.listens(ctx) {
		if !targets.Sleep(ctx, lookAgain) {
			return false
		}
	}
	return true
}

// AwaitAnswers waits until the server answers as CloudTrail does, and reports false where ctx has ended before. One that is
// starting may refuse everything for a while. why is told what is missing whenever that changes.
func (r *Restarts) AwaitAnswers(ctx context.Context, why func(string)) bool {
	said, since := "", time.Now()
	for {
		best, err := r.answers(ctx)
		switch {
		case ctx.Err() != nil:
			return false
		case err != nil:
			if since = time.Now(); err.Error() != said {
				said = err.Error()
				why(said)
			}
		case best == works || time.Since(since) > calm:
			return true
		}
		if !targets.Sleep(ctx, lookAgain) {
			return false
		}
	}
}

// answers asks the server as Open does.
func (r *Restarts) answers(ctx context.Context) (sighting, error) {
	t := &Target{options: r.target.options, url: r.target.url}
	t.caller = NewCaller(t.url, t.options, nil)
	defer t.Close()
	_, err := t.findPrefix(ctx)
	return t.sighted, err
}

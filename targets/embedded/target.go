package embedded

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/endpoint"
)

// Options say how the embedded server is run as a target.
type Options struct {
	ServerOptions
	Regions []string      // as of endpoint.Options
	Timeout time.Duration // of one request; 0 is the endpoint's default
	Workers int           // how many worlds side by side; 0 is two for each processor
	// Wrap, where not nil, gives what stands in front of the server.
	Wrap func(*Server) http.Handler
	Pace endpoint.Pacer
	// InMemory connects client and server without sockets, which lets a test's fake clock run.
	InMemory bool
}

// NewTarget is the embedded server over HTTP on loopback, seen through an endpoint target as any
// other server would be. Each world has an account for itself, so that nothing has to be cleaned up.
func NewTarget(o Options) targets.Target {
	if o.Workers == 0 {
		o.Workers = 2 * runtime.GOMAXPROCS(0) // each waits for its answers
	}
	return &target{options: o}
}

type target struct {
	options Options
	server  *Server
	http    *http.Server
	url     string
	local   http.RoundTripper // nil is over the network

	mu     sync.Mutex
	idle   []*tenant
	opened []*tenant
}

// tenant is an endpoint target with an account of its own, which serves one world after the other.
type tenant struct {
	account  string
	endpoint *endpoint.Target
}

// Open implements targets.Target.
func (t *target) Open(ctx context.Context) (targets.Info, error) {
	info := targets.Info{Name: "embedded"}
	var err error
	if t.server, err = NewServer(t.options.ServerOptions); err != nil {
		return info, err
	}
	handler := http.Handler(t.server)
	if t.options.Wrap != nil {
		handler = t.options.Wrap(t.server)
	}
	if t.options.InMemory {
		t.url, t.local = "http://127.0.0.1", local{handler}
	} else {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return info, fmt.Errorf("%w: %w", targets.ErrUnreachable, err)
		}
		t.url, t.http = "http://"+listener.Addr().String(), newHTTPServer(handler)
		go func() { _ = t.http.Serve(listener) }() // ends with Close
	}
	first, info, err := t.newTenant(ctx)
	if err != nil {
		return info, err
	}
	t.idle = append(t.idle, first)
	info.Name, info.Workers = "embedded", t.options.Workers
	return info, nil
}

// firstAccount is far from the ids that requests name.
const firstAccount = 700_000_000_000

func (t *target) newTenant(ctx context.Context) (*tenant, targets.Info, error) {
	t.mu.Lock()
	s := &tenant{account: fmt.Sprint(firstAccount + len(t.opened))}
	t.opened = append(t.opened, s)
	t.mu.Unlock()
	var err error
	s.endpoint, err = endpoint.New(endpoint.Options{URL: t.url, Regions: t.options.Regions, Timeout: t.options.Timeout,
		Conns: 1, Pace: t.options.Pace, Transport: t.local,
		Credentials: credentials.NewStaticCredentialsProvider(s.account, "embedded", "")})
	if err != nil {
		return s, targets.Info{}, err
	}
	info, err := s.endpoint.Open(ctx)
	return s, info, err
}

// NewWorld implements targets.Target.
func (t *target) NewWorld(ctx context.Context) (targets.World, error) {
	t.mu.Lock()
	var s *tenant
	if n := len(t.idle); n > 0 {
		s, t.idle = t.idle[n-1], t.idle[:n-1]
	}
	t.mu.Unlock()
	if s == nil {
		var err error
		if s, _, err = t.newTenant(ctx); err != nil {
			return nil, err
		}
	}
	t.server.forget(s.account)
	inner, err := s.endpoint.NewWorld(ctx)
	if err != nil {
		return nil, err
	}
	return &world{inner: inner.(targets.Named), target: t, tenant: s}, nil
}

// Close implements targets.Target.
func (t *target) Close() error {
	t.mu.Lock()
	opened := t.opened
	t.mu.Unlock()
	for _, s := range opened {
		if s.endpoint != nil {
			_ = s.endpoint.Close() // only what the server forgets with its end
		}
	}
	if t.http == nil {
		return nil
	}
	return t.http.Close()
}

type world struct {
	inner  targets.Named
	target *target
	tenant *tenant
}

// Do implements targets.World.
func (w *world) Do(ctx context.Context, r model.Request) targets.Reply { return w.inner.Do(ctx, r) }

// Names implements targets.Named: each world has an account for itself.
func (w *world) Names() targets.Names { return w.inner.Names() }

// Close implements targets.World. The server forgets the account as a whole, which costs no requests.
func (w *world) Close(context.Context) error {
	w.target.mu.Lock()
	defer w.target.mu.Unlock()
	w.target.idle = append(w.target.idle, w.tenant)
	return nil
}

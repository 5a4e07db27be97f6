package embedded

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/endpoint"
	"github.com/insightconform/conform/targets/naming"
	"github.com/insightconform/conform/targets/wire"
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

	transport func(http.Handler) http.RoundTripper // instead of sockets; set by tests alone
}

// NewTarget is the embedded server over HTTP on loopback, seen through an endpoint target as any
// other server would be. Each world has an account for itself, so that nothing has to be cleaned up; with a quota
// they share one, as at any endpoint.
func NewTarget(o Options) targets.Target {
	if o.Workers == 0 {
		o.Workers = 2 * runtime.GOMAXPROCS(0) // each waits for its answers
	}
	return &target{options: o}
}

type target struct {
	options  Options
	server   *Server
	http     *http.Server // nil without sockets
	endpoint *endpoint.Target

	mu       sync.Mutex
	idle     []string // accounts
	accounts int      // that there are
}

// shared reports whether all worlds have one account: a quota of its own for each world would be none.
func (t *target) shared() bool { return t.options.TrailQuota+t.options.StoreQuota > 0 }

type accountKey struct{}

func withAccount(ctx context.Context, account string) context.Context {
	return context.WithValue(ctx, accountKey{}, account)
}

var credentials = aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
	account, _ := ctx.Value(accountKey{}).(string)
	return aws.Credentials{AccessKeyID: account, SecretAccessKey: "test"}, nil
})

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
	o := endpoint.Options{URL: "http://127.0.0.1", Regions: t.options.Regions, Timeout: t.options.Timeout,
		Conns: t.options.Workers, Pace: t.options.Pace}
	if !t.shared() {
		o.Credentials, o.Apart = credentials, true
	}
	if t.options.transport != nil {
		o.Transport = t.options.transport(handler)
	} else {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return info, fmt.Errorf("%w: %w", targets.ErrUnreachable, err)
		}
		o.URL = "http://" + listener.Addr().String()
		t.http = &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute}
		go func() { _ = t.http.Serve(listener) }() // ends with Close
	}
	if t.endpoint, err = endpoint.New(o); err != nil {
		return info, err
	}
	t.idle = []string{t.newAccount()}
	info, err = t.endpoint.Open(withAccount(ctx, t.idle[0]))
	info.Name, info.Workers, info.Fault = "embedded", t.options.Workers, t.options.Fault
	return info, err
}

// newAccount is far from the ids that requests name.
func (t *target) newAccount() string {
	t.accounts++
	return fmt.Sprint(700_000_000_000 + t.accounts - 1)
}

func (t *target) NewWorld(ctx context.Context) (targets.World, error) {
	inner, err := t.endpoint.NewWorld(ctx)
	if err != nil || t.shared() {
		return inner, err
	}
	w := &world{inner: inner.(targets.Named), target: t}
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.idle); n > 0 {
		w.account, t.idle = t.idle[n-1], t.idle[:n-1]
	} else {
		w.account = t.newAccount()
	}
	home := append(t.options.Regions, model.DefaultWorld.Home)[0]
	w.serves = t.server.account(identity{w.account, naming.PartitionOf(home)}, true)
	return w, nil
}

func (t *target) Close() error {
	if t.endpoint != nil {
		_ = t.endpoint.Close() // only what the server forgets with its end
	}
	if t.http == nil {
		return nil
	}
	return t.http.Close()
}

type world struct {
	inner   targets.Named
	target  *target
	account string
	serves  *account
}

func (w *world) Do(ctx context.Context, r model.Request) targets.Reply {
	return w.inner.Do(withAccount(ctx, w.account), r)
}

// Names implements targets.Named: each world has an account for itself.
func (w *world) Names() targets.Names {
	names := w.inner.Names()
	names.Account, names.Apart = w.account, true
	return names
}

// Schedule implements targets.Scheduled.
func (w *world) Schedule() targets.Schedule { return w.serves.scheduled() }

// Close implements targets.World. The server forgets the account as a whole, which costs no requests.
func (w *world) Close(context.Context) error {
	w.serves.schedule.close()
	w.target.mu.Lock()
	defer w.target.mu.Unlock()
	w.target.idle = append(w.target.idle, w.account)
	return nil
}

// InProcess is the embedded server without sockets: requests and answers go through the same bytes
// as over HTTP, in the calling goroutine, and every world is an account by itself.
func InProcess(o ServerOptions) targets.Target { return &inProcess{options: o} }

type inProcess struct {
	options ServerOptions
	server  *Server // whose accounts are the worlds
}

func (t *inProcess) Open(context.Context) (info targets.Info, err error) {
	info = targets.Info{Name: "embedded", Fault: t.options.Fault, Region: model.DefaultWorld.Home, Workers: runtime.GOMAXPROCS(0),
		Away: true, Buckets: true, Keys: true, Arrange: true, RawRequests: true, Overlap: true}
	t.server, err = NewServer(t.options)
	return info, err
}

func (t *inProcess) NewWorld(context.Context) (targets.World, error) {
	a := t.server.newAccount(identity{model.DefaultWorld.Account, model.DefaultWorld.Partition}, true)
	a.symbolic = true
	return &inProcessWorld{a}, nil
}

func (t *inProcess) Close() error { return nil }

type inProcessWorld struct{ account *account }

// AsRead is a request as a server reads it, with the body that was sent. problem says why it cannot be read at all,
// which no request of the harness is.
func AsRead(r model.Request) (read model.Request, body []byte, problem string) {
	read = r
	if r.Op != model.OpArrange {
		body = wire.Encode(r)
		read, problem = wire.DecodeRequest(cmp.Or(r.Method, http.MethodPost), http.Header{wire.TargetHeader: {wire.Target(r)}}, body)
	}
	read.Region = cmp.Or(r.Region, model.DefaultWorld.Home)
	return read, body, problem
}

// Schedule implements targets.Scheduled.
func (w *inProcessWorld) Schedule() targets.Schedule { return w.account.scheduled() }

// patience is how long a request without sockets waits for what never comes.
const patience = time.Second

func (w *inProcessWorld) Do(ctx context.Context, r model.Request) targets.Reply {
	read, body, problem := AsRead(r)
	if problem != "" {
		return targets.Reply{Sent: body, Problem: problem}
	}
	if w.account.hooks.serve != nil && w.account.schedule == nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, targets.Limit(ctx, patience))
		defer cancel()
	}
	reply := w.account.serve(ctx, strconv.Itoa(targets.ClientOf(ctx)), read).sent().Reply(r)
	reply.Sent = body
	return reply
}

// Names implements targets.Named: nothing is shared, and the account is the model's.
func (w *inProcessWorld) Names() targets.Names {
	return targets.Names{Account: model.DefaultWorld.Account, Kept: true}
}

func (w *inProcessWorld) Close(context.Context) error {
	w.account.schedule.close()
	return nil
}

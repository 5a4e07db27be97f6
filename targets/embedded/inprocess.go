package embedded

import (
	"cmp"
	"context"
	"net/http"
	"runtime"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/wire"
)

// InProcess is the embedded server without sockets: requests and answers go through the same bytes
// as over HTTP, in the calling goroutine, and every world is an account by itself.
func InProcess(o ServerOptions) targets.Target { return &inProcess{options: o} }

type inProcess struct {
	options ServerOptions
	server  *Server // whose accounts are the worlds
}

func (t *inProcess) Open(context.Context) (info targets.Info, err error) {
	info = targets.Info{Name: "embedded", Region: model.DefaultWorld.Home, Workers: runtime.GOMAXPROCS(0),
		Away: true, Buckets: true, Keys: true, Arrange: true, RawRequests: true}
	t.server, err = NewServer(t.options)
	return info, err
}

func (t *inProcess) NewWorld(context.Context) (targets.World, error) {
	a := t.server.newAccount(model.DefaultWorld.Account, true)
	a.symbolic = true
	return &inProcessWorld{a}, nil
}

func (t *inProcess) Close() error { return nil }

type inProcessWorld struct{ account *account }

func (w *inProcessWorld) Do(_ context.Context, r model.Request) targets.Reply {
	sent, body := r, []byte(nil)
	if r.Op != model.OpArrange {
		body = wire.Encode(r)
		var problem string
		if sent, problem = wire.DecodeRequest(cmp.Or(r.Method, http.MethodPost), http.Header{wire.TargetHeader: {wire.Target(r)}}, body); problem != "" {
			return targets.Reply{Sent: body, Problem: problem} // the harness knows no other operations
		}
	}
	sent.Region = cmp.Or(r.Region, model.DefaultWorld.Home)
	out := w.account.handle(sent)
	if out.drop {
		return targets.Reply{Sent: body, Problem: "connection closed before the end of the answer"}
	}
	reply := wire.DecodeAnswer(r, out.status, http.Header{"Content-Type": {out.contentType}}, out.bytes())
	reply.Sent = body
	return reply
}

// Names implements targets.Named: nothing is shared, and the account is the model's.
func (w *inProcessWorld) Names() targets.Names {
	return targets.Names{Account: model.DefaultWorld.Account, Kept: true}
}

func (w *inProcessWorld) Close(context.Context) error { return nil }

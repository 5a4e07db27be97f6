package embedded

import (
	"net/http"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/wire"
)

// Instance is one account of a server with a fault, or of the right one, that is asked without sockets. What is in it can
// be copied, so that many requests are tried after the same history.
type Instance struct {
	fault   Fault
	account *account
}

// Instance begins with an empty account. The zero Fault is the reference.
func (f Fault) Instance() *Instance {
	server := &Server{}
	if f.start != nil {
		server.begin = f.start()
	}
	a := server.newAccount(identity{model.DefaultWorld.Account, model.DefaultWorld.Partition}, false)
	a.symbolic = true
	return &Instance{f, a}
}

// Copy is an instance in the same state. ok is false where the fault remembers more than that.
func (i *Instance) Copy() (c *Instance, ok bool) {
	if i.account.hooks.remembers {
		return nil, false
	}
	c = i.fault.Instance()
	c.account.state = i.account.state
	return c, true
}

// State is what the account holds.
func (i *Instance) State() model.State { return i.account.state }

// Do answers a request as the server reads it (see AsRead).
func (i *Instance) Do(read model.Request) Response {
	return i.account.answer(read).sent()
}

func (p response) sent() Response {
	return Response{p.status, p.contentType, string(p.bytes()), p.hang, p.drop}
}

// Response is an answer as it goes over the wire. Two that are equal are the same answer.
type Response struct {
	status            int
	contentType, body string
	hang, drop        bool
}

// Reply is the answer as it is read.
func (a Response) Reply(r model.Request) targets.Reply {
	switch {
	case a.hang:
		return targets.Reply{Problem: "no answer", TimedOut: true}
	case a.drop:
		return targets.Reply{Problem: "connection closed before the end of the answer"}
	}
	return wire.DecodeAnswer(r, a.status, http.Header{"Content-Type": {a.contentType}}, []byte(a.body))
}

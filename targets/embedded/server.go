// Package embedded serves the reference model over real HTTP, so that the whole harness is in play on
// a machine with nothing but Go, and so that anyone can use the reference as a stand-in. It also holds
// deliberately wrong variants of itself, the Faults, with which the harness is tested.
package embedded

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/endpoint"
	"github.com/insightconform/conform/targets/naming"
	"github.com/insightconform/conform/targets/wire"
)

// ServerOptions say what a server does where the reference leaves a choice, and what it does wrong.
type ServerOptions struct {
	Fault string // the name of one of Faults; empty is none
	// Chooser picks one of the allowed branches of a request by its index, from several goroutines at a
	// time; nil takes the first, the reference.
	Chooser func(branches []model.Branch, r model.Request) int
	// Order is the order in which errors are selected; nil is the reference's.
	Order *model.Profile
	// TrailQuota and StoreQuota are how many trails and event data stores an account may have in a Region, stores
	// pending deletion included; 0 is as many as it likes. A target with a quota has one account for all worlds.
	TrailQuota, StoreQuota int

	around func(first model.State) around // of the accounts of worlds; set by tests alone
}

// Server is an http.Handler that answers as the reference does. Each caller's account has resources
// of its own: a 12-digit access key id is the account, every other one is 123456789012.
type Server struct {
	options ServerOptions
	begin   func() hooks // of the fault; nil where there is none

	mu       sync.Mutex
	accounts map[string]*account
}

// NewServer returns a server without resources. Its error wraps targets.ErrUsage.
func NewServer(o ServerOptions) (*Server, error) {
	s := &Server{options: o, accounts: map[string]*account{}}
	if o.Fault != "" {
		fault, ok := FaultNamed(o.Fault)
		if !ok {
			return nil, fmt.Errorf("%w: there is no fault %q", targets.ErrUsage, o.Fault)
		}
		s.begin = fault.start()
	}
	return s, nil
}

const maxRequest = 1 << 20

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	out := refusal(codeSerialization, "The body cannot be read, or is larger than 1 MiB.")
	if body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxRequest)); err == nil {
		out = s.route(req, body)
	}
	if out.drop {
		panic(http.ErrAbortHandler) // net/http closes the connection and says nothing
	}
	w.Header().Set("Content-Type", out.contentType)
	w.WriteHeader(out.status)
	_, _ = w.Write(out.bytes()) // a caller who has gone away is no concern
}

func (s *Server) route(req *http.Request, body []byte) response {
	target := req.Header.Get(wire.TargetHeader)
	switch {
	case req.URL.Path == endpoint.ArrangePath:
		return s.arrange(req, body)
	case req.URL.Path == "/" && req.Method == http.MethodGet && target == "" && req.URL.RawQuery == "":
		return response{status: http.StatusOK, contentType: "text/plain; charset=utf-8", raw: []byte(page)}
	case req.URL.Path != "/" || !strings.HasPrefix(target, wire.ShortPrefix) && !strings.HasPrefix(target, wire.LongPrefix):
		return notImplemented()
	}
	r, problem := wire.DecodeRequest(req.Method, req.Header, body)
	if problem != "" {
		return refusal(codeUnknown, "The operation is not known here: "+problem+".")
	}
	a, region := s.caller(req.Header)
	r.Region = region
	return a.handle(r)
}

func notImplemented() response {
	out := refusal("NotImplemented", "This server has CloudTrail's Insights operations, and what they need, only.")
	out.status = http.StatusNotImplemented
	return out
}

// arrange serves the extension: GET lists the conditions, POST brings one about.
func (s *Server) arrange(req *http.Request, body []byte) response {
	if req.Method == http.MethodGet {
		return success(value.Obj("conditions", value.Strs(model.ConditionNames[:]...)))
	} else if req.Method != http.MethodPost {
		return notImplemented()
	}
	var asked struct{ TrailName, Condition, Region string }
	if err := json.Unmarshal(body, &asked); err != nil {
		return refusal(codeSerialization, "The body is not {\"TrailName\", \"Condition\", \"Region\"}.")
	}
	if !slices.Contains(model.ConditionNames[:], asked.Condition) {
		return refusal(codeParameter, "Condition is none of "+strings.Join(model.ConditionNames[:], ", ")+".")
	}
	a, region := s.caller(req.Header)
	return a.handle(model.Request{Op: model.OpArrange, Region: cmp.Or(asked.Region, region),
		Input: value.Obj("TrailName", asked.TrailName, "Condition", asked.Condition)})
}

// caller finds account and Region in the credential scope of a request's signature, which is not verified.
func (s *Server) caller(header http.Header) (*account, string) {
	signed, id := wire.Signed(header), model.DefaultWorld.Account
	if naming.IsAccount(signed.Key) {
		id = signed.Key
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.accounts[id]
	if !ok {
		a = s.newAccount(id, false)
		s.accounts[id] = a
	}
	return a, cmp.Or(signed.Region, model.DefaultWorld.Home)
}

// beginWorld gives a world an account, without the resources that it had.
func (s *Server) beginWorld(account string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts[account] = s.newAccount(account, true)
}

const page = `conform: the reference behaviour of CloudTrail's PutInsightSelectors

This server answers AWS JSON 1.1 requests as the reference model does. Point an SDK or the CLI here:

    aws --endpoint-url http://HOST:PORT cloudtrail create-trail --name my-trail --s3-bucket-name any

Signatures are not verified. An access key id of 12 digits is the account; any other means 123456789012.
Everything is kept in memory. POST /_conform/arrange {"TrailName", "Condition", "Region"} spoils a
trail's surroundings; GET lists the conditions.
`

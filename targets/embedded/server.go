// Package embedded serves the reference model over real HTTP, so that the whole harness is in play on
// a machine with nothing but Go, and so that anyone can use the reference as a stand-in. It also holds
// deliberately wrong variants of itself, the Faults, with which the harness is tested.
package embedded

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	smithyrand "github.com/aws/smithy-go/rand"

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
	// StandIn has the server keep what is given beside what the model knows, and answer the operations that list and
	// tag, so that clients can work with it.
	StandIn bool
	// Weather names kinds of trouble between the server and its clients, of Weathers.
	Weather []string
	// Free lets several clients of a world overlap as chance has it. Else one of them goes on at a time, as a
	// targets.Schedule has it.
	Free bool
	// Log, where not nil, gets a line for each request, from several goroutines at a time.
	Log func(line string)

	around func(*account) func(model.Request) response // answers for the accounts of worlds; set by tests alone
}

// Server is an http.Handler that answers as the reference does, in all Regions. Each caller's account has resources of
// its own in each partition: a 12-digit access key id is the account, every other one is 123456789012.
type Server struct {
	options ServerOptions
	begin   func() hooks // of the fault; nil where there is none
	sky     *sky

	mu       sync.Mutex
	accounts map[identity]*account
}

// NewServer returns a server without resources. Its error wraps targets.ErrUsage.
func NewServer(o ServerOptions) (*Server, error) {
	s := &Server{options: o, accounts: map[identity]*account{}}
	if o.Fault != "" {
		fault, ok := FaultNamed(o.Fault)
		if !ok {
			return nil, fmt.Errorf("%w: there is no fault %q", targets.ErrUsage, o.Fault)
		}
		s.begin = fault.start()
	}
	var err error
	s.sky, err = newSky(o.Weather)
	return s, err
}

const maxRequest = 1 << 20

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	began := time.Now()
	out := refusal(codeSerialization, "The body cannot be read, or is larger than 1 MiB.")
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxRequest))
	if err == nil {
		out = s.sky.over(func() response { return s.route(req, body) })
	}
	if s.options.Log != nil {
		s.options.Log(logLine(req.Method, req.URL.Path, req.Header, body, out, time.Since(began)))
	}
	if out.hang {
		<-req.Context().Done()
	}
	if out.drop || out.hang {
		panic(http.ErrAbortHandler) // net/http closes the connection and says nothing
	}
	if id, err := smithyrand.NewUUID(rand.Reader).GetUUID(); err == nil {
		w.Header().Set("X-Amzn-Requestid", id)
	}
	w.Header().Set("Content-Type", out.contentType)
	w.WriteHeader(out.status)
	_, _ = w.Write(out.bytes()) // a caller who has gone away is no concern
}

// logLine tells a request and its answer, without the signature, like
//
//	PutInsightSelectors us-east-1 alpha → 400 InsightNotEnabledException 0.2 ms
func logLine(method, path string, header http.Header, body []byte, out response, took time.Duration) string {
	_, operation, known := strings.Cut(header.Get(wire.TargetHeader), wire.ShortPrefix)
	if !known {
		operation = method + " " + path
	}
	words := []string{operation, wire.Signed(header).Region}
	if in, err := value.Parse(body); err == nil {
		words = append(words, cmp.Or(givenTrail(model.Request{Input: in}), in.Get("EventDataStore").Text(), in.Get("ResourceId").Text()))
	}
	answer := strconv.Itoa(out.status)
	if out.drop || out.hang {
		answer = "no answer"
	} else if code := out.body.Get("__type").Text(); code != "" {
		answer += " " + code
	}
	words = append(words, "→", answer, fmt.Sprintf("%.1f ms", float64(took.Microseconds())/1000))
	for i := range words {
		words[i] = wire.Printable(words[i])
	}
	return strings.Join(slices.DeleteFunc(words, func(word string) bool { return word == "" }), " ")
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
	if own, ok := standInCalls[strings.TrimPrefix(strings.TrimPrefix(target, wire.LongPrefix), wire.ShortPrefix)]; ok && s.options.StandIn {
		a, region := s.caller(req.Header)
		return a.own(own, region, body)
	}
	r, problem := wire.DecodeRequest(req.Method, req.Header, body)
	if problem != "" {
		return refusal(codeUnknown, "The operation is not known here: "+problem+".")
	}
	a, region := s.caller(req.Header)
	r.Region = region
	return a.serve(req.Context(), req.RemoteAddr, r)
}

func notImplemented() response {
	out := refusal("NotImplemented", "This server has CloudTrail's Insights operations, and what they need, only.")
	out.status = http.StatusNotImplemented
	return out
}

// arrangements are what arrange can bring about.
var arrangements = append(model.ConditionNames[:], model.Mended)

// arrange serves the extension: GET lists the conditions, POST brings one about.
func (s *Server) arrange(req *http.Request, body []byte) response {
	if req.Method == http.MethodGet {
		return success(value.Obj("conditions", value.Strs(arrangements...)))
	} else if req.Method != http.MethodPost {
		return notImplemented()
	}
	var asked struct{ TrailName, Condition, Region string }
	if err := json.Unmarshal(body, &asked); err != nil {
		return refusal(codeSerialization, "The body is not {\"TrailName\", \"Condition\", \"Region\"}.")
	}
	if !slices.Contains(arrangements, asked.Condition) {
		return refusal(codeParameter, "Condition is none of "+strings.Join(arrangements, ", ")+".")
	}
	signed := wire.Signed(req.Header)
	signed.Region = cmp.Or(asked.Region, signed.Region)
	a, region := s.accountOf(signed.Key, signed.Region)
	return a.serve(req.Context(), req.RemoteAddr, model.Request{Op: model.OpArrange, Region: region,
		Input: value.Obj("TrailName", asked.TrailName, "Condition", asked.Condition)})
}

// caller finds account and Region in the credential scope of a request's signature, which is not verified.
func (s *Server) caller(header http.Header) (*account, string) {
	signed := wire.Signed(header)
	return s.accountOf(signed.Key, signed.Region)
}

func (s *Server) accountOf(key, region string) (*account, string) {
	region = cmp.Or(region, model.DefaultWorld.Home)
	at := identity{model.DefaultWorld.Account, naming.PartitionOf(region)}
	if naming.IsAccount(key) {
		at.account = key
	}
	return s.account(at, false), region
}

// identity is what tells accounts apart: an account id may be in several partitions.
type identity struct{ account, partition string }

// account finds an account; a world begins with one without the resources that it had.
func (s *Server) account(id identity, world bool) *account {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.accounts[id] == nil || world {
		s.accounts[id] = s.newAccount(id, world)
	}
	return s.accounts[id]
}

const page = `conform: the reference behaviour of CloudTrail's PutInsightSelectors

This server answers AWS JSON 1.1 requests as the reference model does. Point an SDK or the CLI here:

    aws --endpoint-url http://HOST:PORT cloudtrail create-trail --name my-trail --s3-bucket-name any

Signatures are not verified. An access key id of 12 digits is the account; any other means 123456789012.
Everything is kept in memory. POST /_conform/arrange {"TrailName", "Condition", "Region"} spoils a
trail's surroundings, or mends its bucket and key; GET lists the conditions.
`

// maxPending is how many stores that are pending deletion an account keeps; the oldest go first.
const maxPending = 50

// account holds one caller's resources and answers its requests, one at a time.
type account struct {
	options *ServerOptions
	mu      sync.Mutex
	state   model.State
	hooks   hooks
	standIn *standIn                     // nil where the server is none
	handle  func(model.Request) response // answers a request, whose Region is filled in

	schedule *schedule // nil where there is none
	flying   int       // requests under way, where that matters

	called map[string]bool // Regions, of which the account has two from the start

	// symbolic leaves new stores the model's IDs, which repeat from the hundredth store on.
	symbolic bool
	created  int // stores
}

// newAccount returns an account without resources, which may serve a world.
func (s *Server) newAccount(id identity, world bool) *account {
	w := model.DefaultWorld
	w.Account, w.Partition, w.Profile = id.account, id.partition, s.options.Order
	a := &account{options: &s.options, state: model.NewState(&w), called: map[string]bool{w.Home: true, w.Away: true}}
	if s.begin != nil {
		a.hooks = s.begin()
	}
	if s.options.StandIn {
		a.standIn = newStandIn()
	}
	if a.handle = a.answer; world && s.options.around != nil {
		a.handle = s.options.around(a)
	}
	return a
}

func (a *account) answer(r model.Request) response {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.once(r)
}

// once carries a request out, with mu held.
func (a *account) once(r model.Request) response {
	if out, ok := a.admit(r); !ok {
		return out
	}
	return a.carryOut(r)
}

func (a *account) carryOut(r model.Request) response {
	c := &call{state: a.state, request: r, reference: a.step}
	c.play(a.hooks.step)
	var next *kept
	if a.standIn != nil && c.succeeded() {
		var refused *response
		if next, refused = a.standIn.proposal(c); refused != nil {
			return *refused
		}
	}
	a.state = c.next.WithoutPast() // a server that runs for long would remember ever more
	if r.Op == model.OpCreateStore && len(c.next.Stores) > len(c.state.Stores) && !a.symbolic {
		a.nameNewStore()
	}
	out := render(c.answer, r, c.state, a.state)
	if a.standIn != nil && c.succeeded() {
		out.body = a.standIn.note(c, a.state, next, out.body)
	}
	if a.hooks.reply != nil {
		a.hooks.reply(r, &out)
	}
	return out
}

func (a *account) step(s model.State, r model.Request) (model.Answer, model.State) {
	branches, i := model.Step(s, r), 0
	if a.options.Chooser != nil {
		i = a.options.Chooser(branches, r)
	}
	b := &branches[i]
	if code := a.exceeded(s, b.Next, regionOf(s, r)); code != "" {
		return model.Refusal(code), s
	}
	return definite(b.Answer, s, r), b.Next
}

// exceeded is the code for what makes more than the quotas of a Region allow. A multi-Region trail counts in each, and
// a store that is pending deletion still does, so that restoring it needs no room.
func (a *account) exceeded(before, after model.State, region string) string {
	if len(after.Trails)+len(after.Stores) <= len(before.Trails)+len(before.Stores) {
		return ""
	}
	trails := len(slices.DeleteFunc(slices.Clone(after.Trails), func(t model.Trail) bool { return t.Home != region && !t.MultiRegion }))
	stores := len(slices.DeleteFunc(slices.Clone(after.Stores), func(x model.Store) bool { return x.Home != region }))
	switch {
	case a.options.TrailQuota > 0 && trails > a.options.TrailQuota:
		return codeTrailQuota
	case a.options.StoreQuota > 0 && stores > a.options.StoreQuota:
		return codeStoreQuota
	}
	return ""
}

// admit tells the model, which knows two Regions, that of the call and the one in which the call names a trail, if the
// account was ever called there. It refuses what is no Region.
func (a *account) admit(r model.Request) (refused response, ok bool) {
	if !naming.IsRegion(r.Region) {
		return refusal(codeUnsupported, fmt.Sprintf("%.40q is no Region.", r.Region)), false
	}
	a.called[r.Region] = true
	w := *a.state.World
	w.Home = r.Region
	if of := namedKey(a.state, r).region; of != r.Region && a.called[of] {
		w.Away = of
	}
	if old := a.state.World; w.Home != old.Home || w.Away != old.Away {
		a.state.World = &w
	}
	return refused, true
}

// nameNewStore gives a new store an ID that the account never had, and lets go of old ones pending deletion.
func (a *account) nameNewStore() {
	last := len(a.state.Stores) - 1
	x := a.state.Stores[last]
	a.created++
	x.ID = fmt.Sprintf("c0f00000-0000-4000-9000-%012x", a.created)
	a.state = a.state.WithStore(last, x)

	var pending []int
	for i := range a.state.Stores {
		if a.state.Stores[i].Pending {
			pending = append(pending, i)
		}
	}
	for n := len(pending) - maxPending; n > 0; n-- {
		a.state.Stores = slices.Concat(a.state.Stores[:pending[n-1]], a.state.Stores[pending[n-1]+1:])
	}
}

// The error codes that this package needs by name.
const (
	codeBucketGone    = "S3BucketDoesNotExistException"
	codeBadEvents     = "InvalidEventSelectorsException"
	codeCombination   = "InvalidParameterCombinationException"
	codeNotEnabled    = "InsightNotEnabledException"
	codeParameter     = "InvalidParameterException"
	codeSelectors     = "InvalidInsightSelectorsException"
	codeSerialization = "SerializationException"
	codeStoreNotFound = "EventDataStoreNotFoundException"
	codeTrailARN      = "CloudTrailARNInvalidException"
	codeTrailExists   = "TrailAlreadyExistsException"
	codeTrailName     = "InvalidTrailNameException"
	codeTrailNotFound = "TrailNotFoundException"
	codeNotPermitted  = "OperationNotPermittedException"
	codeStoreQuota    = "EventDataStoreMaxLimitExceededException"
	codeTrailQuota    = "MaximumNumberOfTrailsExceededException"
	codeUnknown       = "UnknownOperationException"
	codeUnsupported   = "UnsupportedOperationException"
)

// response is an answer on its way to the wire.
type response struct {
	status      int
	contentType string
	body        value.Value
	raw         []byte // sent instead of body where not nil
	drop        bool   // closes the connection instead
	hang        bool   // never answers instead
}

func (p *response) bytes() []byte {
	if p.raw != nil {
		return p.raw
	}
	return p.body.AppendJSON(make([]byte, 0, 256))
}

func refusal(code, message string) response {
	return response{status: http.StatusBadRequest, contentType: wire.ContentType, body: value.Obj("__type", code, "Message", message)}
}

func success(body value.Value) response {
	return response{status: http.StatusOK, contentType: wire.ContentType, body: body}
}

func render(a model.Answer, r model.Request, before, after model.State) response {
	if a.Outcome == model.Refused {
		return refusal(a.Code, message(a.Code, before, r))
	}
	return success(wire.Body(a, r, after))
}

// message explains a refusal by the rule behind it, where there is one.
func message(code string, s model.State, r model.Request) string {
	for _, id := range model.Broken(s, r) {
		rule := model.RuleOf(id)
		if rule.Code == code {
			return rule.Statement + " [" + string(id) + "]"
		}
	}
	text, ok := messages[code]
	if !ok {
		return "The request cannot be carried out."
	}
	if strings.HasSuffix(text, ": ") {
		const longest = 160
		name := cmp.Or(givenTrail(r), r.Input.Get("EventDataStore").Text(), "(none)")
		if len(name) > longest {
			name = "(none)"
		}
		text += name
	}
	return text
}

// messages explain codes without a rule; after a colon comes the name of the resource.
var messages = map[string]string{
	codeNotEnabled:    "Insights is not enabled on this resource.",
	codeTrailNotFound: "No such trail: ",
	codeTrailExists:   "The trail exists already: ",
	codeTrailName:     "Not a trail name: ",
	codeTrailARN:      "Not the ARN of a trail: ",
	codeStoreNotFound: "No such event data store: ",
	codeSerialization: "The request is not understood.",
	codeTrailQuota:    "The quota of trails in this Region is reached.",
	codeStoreQuota:    "The quota of event data stores in this Region is reached; those pending deletion count.",
	codeBadEvents:     "The event selectors are missing or empty.",
}

// definite takes the code that the service would give where any refusal would do.
func definite(a model.Answer, s model.State, r model.Request) model.Answer {
	if a.Outcome == model.AnyRefusal || a.Outcome == model.AnyAnswer { // any answer will do only where the resource is not there
		return model.Refusal(plausibleCode(s, r))
	}
	return a
}

func plausibleCode(s model.State, r model.Request) string {
	store, trail, c := r.Input.Get("EventDataStore").Text(), givenTrail(r), &call{state: s, request: r}
	switch ofStore := strings.Contains(string(r.Op), "EventDataStore"); {
	case r.Malformed():
		return codeSerialization
	case r.Op == model.OpCreateStore, ofStore && store == "":
		return codeParameter
	case ofStore && c.store() < 0:
		return codeStoreNotFound
	case ofStore:
		return codeNotPermitted
	case !c.byARN() && !model.ValidTrailName(trail):
		return codeTrailName
	case c.byARN() && !strings.Contains(trail, ":trail/"):
		return codeTrailARN
	case c.trail() < 0 && r.Op != model.OpCreate:
		return codeTrailNotFound
	case c.trail() >= 0 && r.Op == model.OpPutEvents:
		return codeBadEvents
	}
	return codeNotPermitted
}

package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/wire"
)

// hidden are the capabilities that the shared alphabet leaves out. The meter refuses what needs them,
// so that conform's probe finds them absent and sends nothing of the kind either.
var hidden = []model.Capability{model.CanStores, model.CanUpdateStores, model.CanDeleteStores, model.CanRestoreStores, model.CanStopStores,
	model.CanRegions, model.CanLoseBucket, model.CanLoseKey, model.CanArrangeAccount}

// VerdictHeader is the answer's header in which the oracle says what it thinks of the answer.
const VerdictHeader = "X-Bench-Verdict"

// The verdicts. Spent tells the tool to end: its budget is used up.
const (
	fits  = "fits"
	wrong = "wrong"
	spent = "spent"
)

// meter stands in front of the server: it counts requests, and judges answers with the model for the
// tools that have no model of their own. Each access key id is a world, in which one case is executed.
type meter struct {
	server *embedded.Server
	judges bool
	budget int // of requests until the first detection
	reduce int // of requests after it

	mu       sync.Mutex
	worlds   map[string]*judged
	requests int
	executed int // worlds
	first    int // requests at the first detection, 0 where there was none
	before   int // worlds by then
	over     bool

	shown    int // requests of the last case that failed
	shortest int // and of the shortest one
}

// judged is a world that the oracle follows.
type judged struct {
	tracker  *model.Tracker
	requests int
	failed   bool
}

func newMeter(server *embedded.Server, judges bool, budget, reduce int) *meter {
	return &meter{server: server, judges: judges, budget: budget, reduce: reduce, worlds: map[string]*judged{}}
}

// detected notes that the tool has just met a divergence.
func (m *meter) detected() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.noteDetection()
}

func (m *meter) noteDetection() {
	if m.first == 0 {
		m.first, m.before = m.requests, m.executed
	}
}

// world notes that a tool without access keys of its own for each world opens one.
func (m *meter) world() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.executed++
}

// ServeHTTP implements http.Handler.
func (m *meter) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if !inAlphabet(req) {
		m.mu.Lock()
		m.requests++
		m.mu.Unlock()
		w.Header().Set("Content-Type", wire.ContentType)
		w.WriteHeader(http.StatusNotImplemented)
		_, _ = w.Write(value.Obj("__type", "NotImplemented", "Message", "This operation is not part of the comparison.").AppendJSON(nil))
		return
	}
	if !m.judges {
		m.mu.Lock()
		m.requests++
		m.mu.Unlock()
		m.server.ServeHTTP(w, req)
		return
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the tool has gone away
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	answer, dropped := record(m.server, req)
	verdict := m.judge(req, body, answer, dropped)
	if dropped {
		panic(http.ErrAbortHandler) // as the server did
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.Header().Set(VerdictHeader, verdict)
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// inAlphabet reports whether a request is one that all tools may send.
func inAlphabet(req *http.Request) bool {
	return req.URL.Path == "/" && !strings.Contains(req.Header.Get(wire.TargetHeader), "EventDataStore") &&
		cmp.Or(wire.Signed(req.Header).Region, model.DefaultWorld.Home) == model.DefaultWorld.Home
}

// record lets the server answer, and reports whether it dropped the connection instead.
func record(server http.Handler, req *http.Request) (answer *httptest.ResponseRecorder, dropped bool) {
	answer = httptest.NewRecorder()
	defer func() {
		if p := recover(); p != nil {
			if p != http.ErrAbortHandler {
				panic(p)
			}
			dropped = true
		}
	}()
	server.ServeHTTP(answer, req)
	return answer, false
}

// judge counts a request and says what the model thinks of its answer.
func (m *meter) judge(req *http.Request, body []byte, answer *httptest.ResponseRecorder, dropped bool) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.over = m.over || m.first == 0 && m.requests >= m.budget || m.first > 0 && m.requests-m.first >= m.reduce; m.over {
		return spent
	}
	m.requests++
	account := accessKey(req.Header)
	world := m.worlds[account]
	if world == nil {
		clear(m.worlds) // the tools have one world at a time
		w := model.DefaultWorld
		w.Account, w.NoStores = account, true
		world = &judged{tracker: model.NewTracker(&w)}
		m.worlds[account] = world
		m.executed++
	}
	world.requests++
	r, problem := wire.DecodeRequest(req.Method, req.Header, body)
	if problem != "" {
		panic("outside the alphabet: " + problem)
	}
	var reply targets.Reply // a dropped connection is an answer that did not come
	if !dropped {
		reply = wire.DecodeAnswer(r, answer.Code, answer.Header(), answer.Body.Bytes())
	}
	if !world.failed && !contradicts(world.tracker, r, reply) {
		return fits
	}
	m.noteDetection()
	if !world.failed {
		world.failed = true
		m.shown = world.requests
		if m.shortest == 0 || m.shown < m.shortest {
			m.shortest = m.shown
		}
	}
	return wrong
}

// contradicts reports whether an answer breaks any rule, of whatever level: what conform would report.
func contradicts(tracker *model.Tracker, r model.Request, reply targets.Reply) bool {
	verdict := tracker.Observe(r, reply.Answer)
	if !verdict.Allowed {
		return true
	}
	if r.Op != model.OpPut && r.Op != model.OpGet {
		return false // the wire rules are held for the operations under test
	}
	if !reply.Answer.Definite() {
		return true
	}
	objections := slices.Concat(reply.Objections, verdict.Objections)
	if reply.Answer.Outcome == model.Refused && reply.Answer.Code == "" && !r.Malformed() {
		return true // an error without a code
	}
	return slices.ContainsFunc(objections, func(o model.Objection) bool {
		return o.Rule != model.WireErrorStatus || o.Level != model.Inferred // another 4xx is a deviation
	})
}

func accessKey(header http.Header) string {
	_, scope, _ := strings.Cut(header.Get("Authorization"), "Credential=")
	key, _, _ := strings.Cut(scope, "/")
	return key
}

// result is what one tool made of one fault with one seed.
type result struct {
	tool, fault string
	seed        uint64
	found       bool
	requests    int    // until the first detection
	executions  int    // after it, spent on reducing what was found
	reducing    int    // requests of these
	length      int    // requests of the reduced case; 0 where the tool gave none
	reduced     bool   // the tool had requests to reduce what it found
	note        string // of the tool, where it gave up
}

// result reads the meter off when a tool has ended.
func (m *meter) result(tool, fault string, seed uint64) result {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := result{tool: tool, fault: fault, seed: seed}
	if m.first == 0 || m.first > m.budget {
		return out
	}
	out.found, out.requests, out.reduced = true, m.first, m.reduce > 0
	out.executions, out.reducing, out.length = m.executed-m.before, m.requests-m.first, m.shown
	if m.over {
		out.length = m.shortest
	}
	return out
}

func (r result) String() string {
	if !r.found {
		return fmt.Sprintf("%-10s %-50s seed %d: not found", r.tool, r.fault, r.seed)
	}
	return fmt.Sprintf("%-10s %-50s seed %d: %6d requests, then %5d executions of %6d requests, %3d in the reduced case", r.tool, r.fault, r.seed, r.requests, r.executions, r.reducing, r.length)
}

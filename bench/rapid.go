package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"sync"

	"pgregory.net/rapid"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets/wire"
)

// machine is a state machine as a user of rapid would write it: one action for each thing that can be
// done, chosen by rapid, each write followed by the reads of what it may have changed. The Hypothesis
// machine beside it has the same actions.
type machine struct {
	*alphabet
	client  *http.Client
	url     string
	account string
	trails  []string // that there are
}

const maxTrails = 3 // as many as conform has in one world

func (m *machine) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"create":        m.create,
		"delete":        m.delete,
		"start":         m.start,
		"stop":          m.stop,
		"update":        m.update,
		"log":           m.log,
		"logEverything": m.logEverything,
		"put":           m.put,
		"putNone":       m.putNone,
		"putVariant":    m.putVariant,
		"putAny":        m.putAny,
		"putBadList":    m.putBadList,
		"putBadName":    m.putBadName,
		"get":           m.get,
		"getBadName":    m.getBadName,
		"read":          m.read,
		"whole":         m.whole,
	}
}

func (m *machine) create(t *rapid.T) {
	if len(m.trails) >= maxTrails {
		t.Skip("enough trails")
	}
	free := slices.DeleteFunc(slices.Clone(m.Names), func(name string) bool { return slices.Contains(m.trails, name) })
	name := rapid.SampledFrom(free).Draw(t, "name")
	m.send(t, model.OpCreate, with(m.Create, value.Obj("Name", name)))
	m.trails = append(m.trails, name)
	m.send(t, model.OpStart, value.Obj("Name", name))
	m.look(t, name)
}

func (m *machine) delete(t *rapid.T) {
	name := m.trail(t)
	m.send(t, model.OpDelete, value.Obj("Name", name))
	m.trails = slices.DeleteFunc(m.trails, func(other string) bool { return other == name })
	m.look(t, name)
}

func (m *machine) start(t *rapid.T) {
	name := m.trail(t)
	m.send(t, model.OpStart, value.Obj("Name", name))
	m.look(t, name)
}

func (m *machine) stop(t *rapid.T) {
	name := m.trail(t)
	m.send(t, model.OpStop, value.Obj("Name", name))
	m.look(t, name)
}

func (m *machine) update(t *rapid.T) {
	name := m.trail(t)
	m.send(t, model.OpUpdate, value.Obj("Name", name, "IncludeGlobalServiceEvents", true))
	m.look(t, name)
}

func (m *machine) log(t *rapid.T) {
	name := m.trail(t)
	m.send(t, model.OpPutEvents, with(value.Obj("TrailName", name), rapid.SampledFrom(m.Events).Draw(t, "events")))
	m.send(t, model.OpGetEvents, value.Obj("TrailName", name))
	m.look(t, name)
}

func (m *machine) logEverything(t *rapid.T) {
	name := m.trail(t)
	m.send(t, model.OpPutEvents, with(value.Obj("TrailName", name), m.AllEvents))
	m.look(t, name)
}

func (m *machine) put(t *rapid.T) {
	m.putOn(t, m.trail(t), rapid.SampledFrom(m.Selectors).Draw(t, "selectors"))
}

func (m *machine) putNone(t *rapid.T) { m.putOn(t, m.trail(t), m.Selectors[0]) }

func (m *machine) putVariant(t *rapid.T) {
	m.putOn(t, m.trail(t), rapid.SampledFrom(m.Variants).Draw(t, "selectors"))
}

// putAny names a trail that there may not be.
func (m *machine) putAny(t *rapid.T) {
	m.putOn(t, rapid.SampledFrom(m.Names).Draw(t, "name"), rapid.SampledFrom(m.Selectors).Draw(t, "selectors"))
}

func (m *machine) putBadList(t *rapid.T) {
	m.putOn(t, m.trail(t), rapid.SampledFrom(m.BadLists).Draw(t, "selectors"))
}

func (m *machine) putOn(t *rapid.T, name string, selectors value.Value) {
	given := name
	if rapid.Bool().Draw(t, "by ARN") {
		given = m.ARN + name
	}
	m.send(t, model.OpPut, with(value.Obj("TrailName", given), selectors))
	m.look(t, name)
}

func (m *machine) putBadName(t *rapid.T) {
	m.send(t, model.OpPut, with(rapid.SampledFrom(m.BadNames).Draw(t, "name"), rapid.SampledFrom(m.Selectors).Draw(t, "selectors")))
}

func (m *machine) get(t *rapid.T) {
	name := m.trail(t)
	if rapid.Bool().Draw(t, "by ARN") {
		name = m.ARN + name
	}
	m.send(t, model.OpGet, value.Obj("TrailName", name))
}

func (m *machine) getBadName(t *rapid.T) {
	m.send(t, model.OpGet, rapid.SampledFrom(m.BadNames).Draw(t, "name"))
}

func (m *machine) read(t *rapid.T) {
	name := m.trail(t)
	switch op := rapid.SampledFrom([]model.Op{model.OpTrail, model.OpStatus, model.OpGetEvents}).Draw(t, "operation"); op {
	case model.OpGetEvents:
		m.send(t, op, value.Obj("TrailName", name))
	default:
		m.send(t, op, value.Obj("Name", name))
	}
}

func (m *machine) whole(t *rapid.T) {
	w := rapid.SampledFrom(m.Wholes).Draw(t, "whole")
	m.exchange(t, w.Method, w.Target, w.Body)
}

// trail draws one of the trails that there are.
func (m *machine) trail(t *rapid.T) string {
	if len(m.trails) == 0 {
		t.Skip("no trail")
	}
	return rapid.SampledFrom(m.trails).Draw(t, "trail")
}

// look reads what a write may have changed on a trail. More reads than this one, of HasInsightSelectors
// or of the other trails, cost more requests than they save: they are actions of their own.
func (m *machine) look(t *rapid.T, name string) {
	m.send(t, model.OpGet, value.Obj("TrailName", name))
}

func with(v value.Value, parts ...value.Value) value.Value {
	for _, part := range parts {
		for _, member := range part.Members() {
			v = v.With(member.Name, member.Value)
		}
	}
	return v
}

func (m *machine) send(t *rapid.T, op model.Op, input value.Value) {
	m.exchange(t, http.MethodPost, wire.ShortPrefix+string(op), input.AppendJSON(nil))
}

// exchange sends a request and fails the test where the answer is wrong.
func (m *machine) exchange(t *rapid.T, method, target string, body []byte) {
	body = bytes.ReplaceAll(body, []byte(m.Account), []byte(m.account))
	req, err := http.NewRequestWithContext(t.Context(), method, m.url, bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Content-Type", wire.ContentType)
	req.Header.Set(wire.TargetHeader, target)
	req.Header.Set("Authorization", authorization(m.account))
	answer, err := m.client.Do(req)
	if err != nil {
		t.Fatalf(wrong)
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	switch answer.Header.Get(VerdictHeader) {
	case wrong:
		t.Fatalf(wrong)
	case spent:
		runtime.Goexit() // which ends the goroutine of the check
	}
}

func authorization(account string) string {
	return fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/20260101/%s/cloudtrail/aws4_request, SignedHeaders=host, Signature=0", account, model.DefaultWorld.Home)
}

// firstAccount is far from the ids that requests name.
const firstAccount = 700_000_000_000

// rapidFlags guards rapid's flags, which are the process's.
var rapidFlags sync.Mutex

// runRapid checks the state machine with rapid's defaults, but as many checks as the budget allows. It
// returns what the test failed with, empty where it did not.
func runRapid(url string, seed uint64) (failure string, err error) {
	rapidFlags.Lock()
	defer rapidFlags.Unlock()
	for name, value := range map[string]string{"rapid.seed": fmt.Sprint(seed), "rapid.checks": "1000000", "rapid.nofailfile": "true"} {
		if err := flag.Set(name, value); err != nil {
			return "", err
		}
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
	defer client.CloseIdleConnections()
	known := newAlphabet()
	account := firstAccount
	tb := &quietTB{}
	var crash any
	done := make(chan struct{})
	go func() { // which a failure, or the end of the budget, ends
		defer close(done)
		defer func() { crash = recover() }()
		rapid.Check(tb, func(t *rapid.T) {
			account++
			m := &machine{alphabet: known, client: client, url: url, account: fmt.Sprint(account)}
			t.Repeat(m.actions())
		})
	}()
	<-done
	if crash != nil {
		return "", fmt.Errorf("rapid: %v", crash)
	}
	return tb.failure, nil
}

// quietTB is a test that keeps its failure to itself.
type quietTB struct{ failure string }

func (t *quietTB) Helper()                   {}
func (t *quietTB) Name() string              { return "bench" }
func (t *quietTB) Logf(string, ...any)       {}
func (t *quietTB) Log(...any)                {}
func (t *quietTB) Skipf(string, ...any)      { runtime.Goexit() }
func (t *quietTB) Skip(...any)               { runtime.Goexit() }
func (t *quietTB) SkipNow()                  { runtime.Goexit() }
func (t *quietTB) Error(a ...any)            { t.failure = fmt.Sprint(a...) }
func (t *quietTB) Errorf(f string, a ...any) { t.failure = fmt.Sprintf(f, a...) }
func (t *quietTB) Fatal(a ...any)            { t.Error(a...); runtime.Goexit() }
func (t *quietTB) Fatalf(f string, a ...any) { t.Errorf(f, a...); runtime.Goexit() }
func (t *quietTB) Fail()                     { t.failure = "failed" }
func (t *quietTB) FailNow()                  { runtime.Goexit() }
func (t *quietTB) Failed() bool              { return t.failure != "" }

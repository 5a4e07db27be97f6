package session_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/endpoint"
	"github.com/insightconform/conform/targets/naming"
	"github.com/insightconform/conform/targets/wire"
)

// scripted is a target that answers as the model does, but for what a script changes: it is given each
// request with its number, from 0, and the right answer.
type scripted struct {
	script func(n int, r model.Request, right model.Answer) model.Answer
}

func (s scripted) Open(context.Context) (targets.Info, error) { return targets.Info{}, nil }
func (s scripted) Close() error                               { return nil }
func (s scripted) NewWorld(context.Context) (targets.World, error) {
	return &world{script: s.script, state: model.NewState(&model.DefaultWorld)}, nil
}

type world struct {
	script func(int, model.Request, model.Answer) model.Answer
	state  model.State
	n      int
}

func (w *world) Do(_ context.Context, r model.Request) targets.Reply {
	b := model.Step(w.state, r)[0]
	if b.Answer.Outcome == model.AnySuccess {
		b.Answer.Outcome = model.Succeeded
	}
	answer := w.script(w.n, r, b.Answer)
	w.n++
	if answer.Outcome == model.Succeeded {
		w.state = b.Next
	}
	return targets.Reply{Answer: answer}
}

func (w *world) Close(context.Context) error { return nil }

// seen writes down what an observer is told.
type seen []string

func (s *seen) Found(_ *session.Session, f model.Finding) { *s = append(*s, "found "+string(f.Rule)) }
func (s *seen) Allowed(step session.Step)                 { *s = append(*s, "allowed "+string(step.Request.Op)) }
func (s *seen) Deviated(op model.Op, d model.Deviation)   { *s = append(*s, "deviated "+string(d.Rule)) }
func (s *seen) Unchanged(resource string)                 { *s = append(*s, "unchanged "+resource) }
func (s *seen) Followed(bool)                             { *s = append(*s, "followed") }
func client(t scripted, settle time.Duration) *session.Client {
	w := model.DefaultWorld
	return &session.Client{Target: t, Model: &w, Scope: generators.Everything(), Status: session.NewStatus(nil), SettleTime: settle, Quota: math.MaxInt}
}

func right(_ int, _ model.Request, a model.Answer) model.Answer { return a }

var (
	callRate  = model.MakeSelectors(model.Management, 0)
	errorRate = model.MakeSelectors(0, model.Management)
)

func play(t *testing.T, s *session.Session, requests ...model.Request) {
	t.Helper()
	for _, r := range requests {
		s.Do(t.Context(), r)
	}
}

// TestSteps: each step carries what was allowed and the states around it.
func TestSteps(t *testing.T) {
	s, err := client(scripted{right}, 0).New(t.Context(), session.Policy{}, nil)
	require.NoError(t, err)
	play(t, s, generators.Create("alpha"), generators.Start("alpha"), generators.Put("alpha", callRate), generators.Get("alpha"))
	require.Len(t, s.Steps, 4)
	assert.Empty(t, s.Found)
	put := s.Steps[2]
	assert.Equal(t, "success", put.Allowed()[0])
	stored, _ := model.StoredIn(put.Before, "trail/us-east-1/alpha")
	assert.False(t, stored.On())
	stored, _ = model.StoredIn(put.State, "trail/us-east-1/alpha")
	assert.Equal(t, callRate, stored)
	assert.Empty(t, cmp.Diff(put.State.Resources(), s.State().Resources()))
	assert.Equal(t, session.Requests(s.Steps)[3].Op, s.Steps[3].Exchange().Request.Op)
}

// TestFollow: after an answer that no branch allows the target is read and followed, so that its later
// answers are judged by what it shows.
func TestFollow(t *testing.T) {
	wrong := func(n int, r model.Request, a model.Answer) model.Answer {
		if r.Op == model.OpPut && n == 3 {
			return model.Refusal("TrailNotFoundException") // and stores nothing
		}
		return a
	}
	var told seen
	s, err := client(scripted{wrong}, 0).New(t.Context(), session.Policy{}, &told)
	require.NoError(t, err)
	play(t, s, generators.Create("alpha"), generators.Start("alpha"), generators.Put("alpha", callRate),
		generators.Put("alpha", errorRate), generators.Get("alpha"))
	require.Len(t, s.Found, 1)
	assert.Equal(t, 3, s.Found[0].At)
	assert.Equal(t, model.PutStores, s.Found[0].Rule)
	assert.True(t, s.Steps[3].Diverges)
	stored, _ := model.StoredIn(s.State(), "trail/us-east-1/alpha")
	assert.Equal(t, callRate, stored)
	assert.Empty(t, cmp.Diff(seen{"allowed CreateTrail", "allowed StartLogging", "allowed PutInsightSelectors", "found put/stores",
		"followed", "allowed GetInsightSelectors"}, told))
}

// TestSilence: a world that gives no definite answers is given up.
func TestSilence(t *testing.T) {
	crashes := func(_ int, r model.Request, a model.Answer) model.Answer {
		if r.Op == model.OpPut {
			return model.Answer{Outcome: model.Crashed}
		}
		return a
	}
	s, err := client(scripted{crashes}, 0).New(t.Context(), session.Policy{}, nil)
	require.NoError(t, err)
	play(t, s, generators.Create("alpha"), generators.Start("alpha"))
	for range 5 {
		assert.True(t, s.Alive(t.Context()))
		play(t, s, generators.Put("alpha", callRate))
	}
	assert.True(t, s.Silent())
	assert.False(t, s.Alive(t.Context()))
	assert.Equal(t, model.WireNoCrash, s.Found[0].Rule)
}

// TestEarlyWrites: on a target that may answer late, a success that may rest on an old state is doubtful
// while exploring, and ends a session that waits.
func TestEarlyWrites(t *testing.T) {
	careless := func(_ int, r model.Request, a model.Answer) model.Answer {
		if r.Op == model.OpPut && a.Outcome == model.Refused {
			return model.Answer{Outcome: model.Succeeded, TrailARN: model.DefaultWorld.TrailARN("us-east-1", "alpha"), Selectors: callRate}
		}
		return a
	}
	readOnly := generators.PutEvents("alpha", generators.EventClasses()[model.ReadEvents])
	for _, wait := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s, err := client(scripted{careless}, time.Minute).New(t.Context(), session.Policy{Wait: wait}, nil)
			require.NoError(t, err)
			play(t, s, generators.Create("alpha"), readOnly, generators.Put("alpha", callRate))
			assert.Equal(t, 2, s.Early())
			assert.True(t, s.Doubtful())
			assert.Equal(t, !wait, len(s.Found) > 0)
			assert.False(t, s.Alive(t.Context()))
		})
	}
}

// TestWaitingKeepsNobodyWaiting: a world that waits for its turn at the stores of a target is no request in flight, so
// that a write to a busy resource of the world whose turn it is can be sent alone.
func TestWaitingKeepsNobodyWaiting(t *testing.T) {
	right, err := embedded.NewServer(embedded.ServerOptions{})
	require.NoError(t, err)
	var mu sync.Mutex
	var arrived []model.Op
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, op, _ := strings.Cut(r.Header.Get(wire.TargetHeader), "_20131101.")
		mu.Lock()
		arrived = append(arrived, model.Op(op))
		puts := slices.DeleteFunc(slices.Clone(arrived), func(op model.Op) bool { return op != model.OpPut })
		mu.Unlock()
		if model.Op(op) == model.OpPut && len(puts) <= 2 {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"__type":%q}`, wire.Busy)
			return
		}
		right.ServeHTTP(w, r)
	}))
	defer server.Close()
	plain, err := endpoint.New(endpoint.Options{URL: server.URL, Timeout: 5 * time.Second})
	require.NoError(t, err)
	target := naming.Wrap(plain)
	_, err = target.Open(t.Context())
	require.NoError(t, err)
	one, other := client(scripted{}, 0), client(scripted{}, 0)
	one.Target, other.Target, other.Status = target, target, one.Status
	worlds := [2]targets.World{}
	for i := range worlds {
		worlds[i], err = target.NewWorld(t.Context())
		require.NoError(t, err)
	}
	mu.Lock()
	arrived = nil
	mu.Unlock()
	store := generators.CreateStore(0, generators.SourceStore)
	for _, r := range append(generators.NewTrail(one.Scope), store) {
		assert.Equal(t, model.Succeeded, one.Send(t.Context(), worlds[0], r).Answer.Outcome)
	}
	waited := make(chan targets.Reply)
	go func() { waited <- other.Send(t.Context(), worlds[1], store) }()
	time.Sleep(200 * time.Millisecond) // so that it waits; where it does not yet, the test still holds
	assert.Equal(t, model.Succeeded, one.Send(t.Context(), worlds[0], generators.PlainPut(generators.NameAlpha)).Answer.Outcome)
	mu.Lock()
	assert.Equal(t, slices.Index(arrived, model.OpCreateStore), len(arrived)-4, "the other world was not let in before: %v", arrived)
	mu.Unlock()
	require.NoError(t, worlds[0].Close(t.Context()))
	assert.Equal(t, model.Succeeded, (<-waited).Answer.Outcome)
	require.NoError(t, worlds[1].Close(t.Context()))
	require.NoError(t, target.Close())
}

// TestPlainAnswers: an answer that is wrong, but plain about the state, is a finding and no more: what comes after is judged
// as if it had been right.
func TestPlainAnswers(t *testing.T) {
	empty := func(_ int, r model.Request, a model.Answer) model.Answer {
		switch {
		case r.Op == model.OpGet && a.Outcome == model.Refused:
			return model.Answer{Outcome: model.Succeeded}
		case r.Op == model.OpTrail:
			a.HasInsights = model.No
		}
		return a
	}
	s, err := client(scripted{empty}, 0).New(t.Context(), session.Policy{}, nil)
	require.NoError(t, err)
	play(t, s, generators.Create("alpha"), generators.Start("alpha"), generators.Create("beta"), generators.Get("beta"),
		generators.Put("alpha", callRate), generators.Get("beta"), generators.GetTrail("alpha"), generators.Get("alpha"))
	var found []string
	for _, f := range s.Found {
		assert.True(t, f.Plain, f.Signature())
		found = append(found, f.Signature())
	}
	const empties = "get/not-enabled|GetInsightSelectors|InsightNotEnabledException|success"
	assert.Equal(t, []string{empties, empties, "trail/has-insight-selectors|GetTrail|HasInsightSelectors true|HasInsightSelectors false"}, found)
	assert.Len(t, s.Steps, 8, "nothing was read besides")
	assert.Empty(t, s.Lost)
	stored, _ := model.StoredIn(s.State(), "trail/us-east-1/alpha")
	assert.Equal(t, callRate, stored)
}

// large is a target whose answers are large, and say so in bytes.
type large struct{ scripted }

func (l large) NewWorld(ctx context.Context) (targets.World, error) {
	inner, err := l.scripted.NewWorld(ctx)
	return &largeWorld{inner.(*world)}, err
}

type largeWorld struct{ *world }

func (w *largeWorld) Do(ctx context.Context, r model.Request) targets.Reply {
	reply := w.world.Do(ctx, r)
	reply.Received = bytes.Repeat([]byte("x"), 1<<17)
	reply.Body = value.Obj("TrailARN", strings.Repeat("x", 1<<17), "More", strings.Repeat("x", 1<<17))
	return reply
}

// TestLargeAnswers: the last answers are kept as far as they are shown, earlier ones by their beginnings.
func TestLargeAnswers(t *testing.T) {
	right := func(_ int, _ model.Request, a model.Answer) model.Answer { return a }
	client := &session.Client{Target: large{scripted{right}}, Model: &model.DefaultWorld, Scope: generators.Everything(),
		Status: session.NewStatus(nil), Quota: math.MaxInt}
	s, err := client.New(t.Context(), session.Policy{}, nil)
	require.NoError(t, err)
	requests := generators.NewTrail(client.Scope)
	for range 50 {
		requests = append(requests, generators.PlainPut(generators.NameAlpha), generators.Get(generators.NameAlpha))
	}
	require.True(t, s.Play(t.Context(), requests...))
	assert.Empty(t, s.Found)
	total := 0
	for _, step := range s.Steps {
		assert.True(t, bytes.HasSuffix(step.Reply.Received, []byte("… (shortened)")))
		total += len(step.Reply.Received) + len(step.Reply.Body.String())
	}
	assert.LessOrEqual(t, len(s.Last().Reply.Received), targets.MaxKept)
	assert.Greater(t, len(s.Last().Reply.Received), targets.MaxKept-100)
	assert.Less(t, total, 400<<10)
}

package diagnose_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/internal/diagnose"
	"github.com/insightconform/conform/internal/probe"
	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/embedded"
)

// crashes answers some requests with a 5xx.
type crashes struct {
	targets.Target
	one, asked int // one request in so many, whatever it is; 0 is none
	all        model.Op
}

func (c *crashes) NewWorld(ctx context.Context) (targets.World, error) {
	world, err := c.Target.NewWorld(ctx)
	return crashingWorld{world, c}, err
}

type crashingWorld struct {
	targets.World
	of *crashes
}

func (w crashingWorld) Do(ctx context.Context, r model.Request) targets.Reply {
	if w.of.asked++; w.of.one > 0 && w.of.asked%w.of.one == 0 || r.Op == w.of.all {
		return targets.Reply{Answer: model.Answer{Outcome: model.Crashed}, Status: 500, Problem: "HTTP 500"}
	}
	return w.World.Do(ctx, r)
}

// TestACrashIsThatOfOneRequest: a target that crashes now and then does so somewhere in each long case.
func TestACrashIsThatOfOneRequest(t *testing.T) {
	target := &crashes{Target: embedded.InProcess(embedded.ServerOptions{})}
	subject, err := probe.Open(t.Context(), target, probe.Options{Workers: 1})
	require.NoError(t, err)
	player := diagnose.NewPlayer(subject.NewClient())
	requests := append(generators.NewTrail(subject.Scope), generators.PlainPut(generators.NameAlpha))
	for range 150 {
		requests = append(requests, generators.Get(generators.NameAlpha))
	}
	for one := 20; one < 120; one += 7 {
		target.one, target.asked = one, 0
		s, err := player.Play(t.Context(), requests, func(s *session.Session) bool { return len(s.Found) > 0 })
		require.NoError(t, err)
		found := s.Found[0]
		require.Equal(t, model.WireNoCrash, found.Rule)
		suspicion := diagnose.Suspect(s, found.Finding)
		assert.False(t, player.ResolveOne(t.Context(), suspicion, false), "each %d requests", one)
	}
}

// TestACrashKeepsItsLevel: that malformed requests crash nothing is inferred, and no well-formed one is shown for that.
func TestACrashKeepsItsLevel(t *testing.T) {
	target := &crashes{Target: embedded.InProcess(embedded.ServerOptions{})}
	subject, err := probe.Open(t.Context(), target, probe.Options{Workers: 1})
	require.NoError(t, err)
	target.all = model.OpGet
	player := diagnose.NewPlayer(subject.NewClient())
	malformed := generators.Get(generators.NameAlpha)
	malformed.Method = "PUT"
	s, err := player.Play(t.Context(), append(generators.NewTrail(subject.Scope), malformed), func(s *session.Session) bool { return len(s.Found) > 0 })
	require.NoError(t, err)
	require.NotEmpty(t, s.Found)
	found := s.Found[0]
	require.Equal(t, model.Inferred, found.Level)
	d := diagnose.Suspect(s, found.Finding)
	require.True(t, player.ResolveOne(t.Context(), d, false))
	player.Shrink(t.Context(), d, diagnose.MaxShrinkRequests)
	assert.Equal(t, "PUT", d.Steps[len(d.Steps)-1].Request.Method)
}

// forgets answers each Get that there is no such trail.
type forgets struct{ targets.Target }

func (f forgets) NewWorld(ctx context.Context) (targets.World, error) {
	world, err := f.Target.NewWorld(ctx)
	return forgettingWorld{world}, err
}

type forgettingWorld struct{ targets.World }

func (w forgettingWorld) Do(ctx context.Context, r model.Request) targets.Reply {
	if r.Op == model.OpGet {
		return targets.Reply{Answer: model.Refusal("TrailNotFoundException"), Status: 400}
	}
	return w.World.Do(ctx, r)
}

// TestARestartExplainsWorldsOfOneMoment: however often a world that is gone was asked, but not one that came later.
func TestARestartExplainsWorldsOfOneMoment(t *testing.T) {
	subject, err := probe.Open(t.Context(), embedded.InProcess(embedded.ServerOptions{}), probe.Options{Workers: 1})
	require.NoError(t, err)
	client := subject.NewClient()
	client.Target = forgets{client.Target}
	begin := func() *session.Session {
		s, err := client.New(t.Context(), session.Policy{}, nil)
		require.NoError(t, err)
		return s
	}
	seen := func(all diagnose.Suspicions, s *session.Session) *diagnose.Divergence {
		s.Play(t.Context(), append(generators.NewTrail(subject.Scope), generators.PlainPut(generators.NameAlpha), generators.Get(generators.NameAlpha))...)
		require.NotEmpty(t, s.Found)
		for range 2 {
			all.Add(diagnose.Suspect(s, s.Found[0].Finding))
		}
		return all.Sorted()[0]
	}
	one, other := begin(), begin()
	all := diagnose.Suspicions{}
	seen(all, one)
	assert.True(t, diagnose.Forgot(seen(all, other)), "in two worlds that were there at once, four times")
	assert.False(t, diagnose.Forgot(seen(all, begin())), "in a third, which came later")
}

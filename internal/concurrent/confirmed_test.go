package concurrent

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/internal/probe"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets/embedded"
)

// TestWhatOneClientSeesOfAReducedCaseKeepsNoRule: it was a divergence of several clients when it was seen, and is none of
// them once it is reduced.
func TestWhatOneClientSeesOfAReducedCaseKeepsNoRule(t *testing.T) {
	target := embedded.InProcess(embedded.ServerOptions{Fault: "get-by-arn-refused"})
	subject, err := probe.Open(t.Context(), target, probe.Options{Workers: 1, Overlap: probe.Asked})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, target.Close()) })
	client := subject.NewClient()

	name := generators.NameAlpha
	setup := append(generators.NewTrails(client.Scope, name), generators.PutEvents(name, generators.EventClasses()[model.ManagementEvents|model.DataEvents]))
	put := func(set model.Selectors) []generators.Move {
		return []generators.Move{{Request: generators.Put(name, set)}}
	}
	p := &generators.Program{Setup: setup, Phases: [][][]generators.Move{{put(model.MakeSelectors(model.Data, 0)), put(model.MakeSelectors(0, model.Data))}}}
	h, err := Play(t.Context(), client, p, 1)
	require.NoError(t, err)
	verdict := h.Judge()
	require.NotEmpty(t, verdict.Found)

	s := &suite{client: client, known: map[string]*Divergence{}, judged: map[model.ID]bool{model.ConcurrentNoCrash: true},
		avoided: lessons{}, fickle: map[model.Op]bool{}, strikes: map[string]int{}}
	for _, f := range verdict.Found {
		s.judged[f.Rule] = true
		s.known[signature(&f)] = &Divergence{Finding: f, Program: p, History: h, Count: 1, seed: 1, schedule: h.Schedule}
	}
	found := s.confirmed(t.Context(), func(string) {})
	assert.Empty(t, found)
	assert.Equal(t, map[model.ID]bool{model.ConcurrentNoCrash: true}, s.judged)
	assert.Equal(t, len(verdict.Found), s.other)
}

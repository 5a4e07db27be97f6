package conform

import (
	"context"
	"fmt"
	"slices"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/generators/machine"
	"github.com/insightconform/conform/model"
)

// fitMachine makes the machine of a name as the target is: where the model allows several ways and the
// target does not take the reference's, it is asked from every state.
func (r *run) fitMachine(ctx context.Context, name string) *machine.Machine {
	options := machine.Options{DefaultEvents: r.defaultEvents(ctx)}
	m := machine.New(name, r.world, r.probed.scope, options)
	if m == nil || r.followsReference(ctx, m) {
		return m
	}
	asked := r.newExplorer(nil)
	options.Choice = func(m *machine.Machine, from machine.State, input uint8, _ []model.State) (model.State, bool) {
		return r.ask(ctx, asked, m, from, input)
	}
	fitted := machine.New(name, r.world, r.probed.scope, options)
	r.report.Requests += asked.requests
	r.report.Notes = append(r.report.Notes, fmt.Sprintf("the machine %s was fitted to what the target does where several ways are allowed: %s instead of %d, with %d requests",
		name, plural(len(fitted.States), "state"), len(m.States), asked.requests))
	return fitted
}

// ask finds out where the target goes from a state by an input.
func (r *run) ask(ctx context.Context, e *explorer, m *machine.Machine, from machine.State, input uint8) (model.State, bool) {
	s, err := e.newSession(ctx)
	if err != nil {
		return model.State{}, false
	}
	defer s.close(ctx)
	s.judged = func(model.Finding) {}
	requests := slices.Clone(m.Setup)
	for _, i := range from.Access {
		requests = append(requests, m.Inputs[i].Request)
	}
	for _, q := range requests {
		if s.plainly(ctx, q) != testPassed {
			return model.State{}, false
		}
	}
	s.tracker.Follow(from.State) // it was found out before which of the possible states this is
	for _, q := range append([]model.Request{m.Inputs[input].Request}, m.Reads...) {
		if s.plainly(ctx, q) != testPassed {
			return model.State{}, false
		}
	}
	return s.tracker.State(), true
}

// followsReference tries, for each kind of choice that the model leaves, the first transition that has
// it.
func (r *run) followsReference(ctx context.Context, m *machine.Machine) bool {
	e := r.newExplorer(nil)
	defer func() { r.report.Requests += e.requests }()
	seen := map[string]bool{}
	for from := range m.States {
		for input := range m.Inputs {
			kind, several := m.ChoiceKind(from, uint8(input))
			if !several || seen[kind] {
				continue
			}
			seen[kind] = true
			next, ok := r.ask(ctx, e, m, m.States[from], uint8(input))
			if at, known := m.StateOf(next); ok && (!known || at != m.Next(from, uint8(input))) {
				return false
			}
		}
	}
	return true
}

// defaultEvents asks whether a new trail shows the event selectors that log all management events.
func (r *run) defaultEvents(ctx context.Context) bool {
	if !r.probed.scope.Can[model.CanGetEvents] || !r.probed.scope.Can[model.CanPutEvents] {
		return false
	}
	e := r.newExplorer(nil)
	defer func() { r.report.Requests += e.requests }()
	s, err := e.newSession(ctx)
	if err != nil {
		return false
	}
	defer s.close(ctx)
	s.judged = func(model.Finding) {}
	read := generators.GetEvents(generators.NameAlpha)
	shown := [2]string{}
	for i, before := range [][]model.Request{generators.NewTrail(r.probed.scope), {generators.PutEvents(generators.NameAlpha, generators.EventClasses()[model.ManagementEvents])}} {
		for _, q := range append(before, read) {
			if s.plainly(ctx, q) != testPassed {
				return false
			}
		}
		shown[i] = s.steps[len(s.steps)-1].reply.Answer.Events
	}
	return shown[0] != "" && shown[0] == shown[1]
}

package explore

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/generators/machine"
	"github.com/insightconform/conform/internal/probe"
	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports/plain"
)

// fitMachine makes the machine of a name as the target is: where the model allows several ways and the
// target does not take the reference's, it is tried from every state.
func (x *Exploration) fitMachine(ctx context.Context, name string) *machine.Machine {
	client := x.Subject.NewClient()
	defer func() { x.Fitting += client.Requests }()
	options := machine.Options{DefaultEvents: DefaultEvents(ctx, client)}
	m := machine.New(name, x.Subject.Model, x.Subject.Scope, options)
	if m == nil || followsReference(ctx, client, m) {
		return m
	}
	before := client.Requests
	options.Choice = func(m *machine.Machine, from machine.State, input uint8) (model.State, bool) {
		return wayOf(ctx, client, m, from, input)
	}
	fitted := machine.New(name, x.Subject.Model, x.Subject.Scope, options)
	x.Notes = append(x.Notes, fmt.Sprintf("the machine %s was fitted to what the target does where several ways are allowed: %s instead of %d, with %d requests",
		name, plain.Counted(len(fitted.States), "state"), len(m.States), client.Requests-before))
	return fitted
}

// wayOf finds out where the target goes from a state by an input.
func wayOf(ctx context.Context, client *session.Client, m *machine.Machine, from machine.State, input uint8) (model.State, bool) {
	s, err := client.New(ctx, session.Policy{Wait: true}, nil)
	if err != nil {
		return model.State{}, false
	}
	defer s.Close(ctx)
	requests := slices.Clone(m.Setup)
	for _, i := range from.Access {
		requests = append(requests, m.Inputs[i].Request)
	}
	if send(ctx, client, s, requests...) != testPassed {
		return model.State{}, false
	}
	s.Assume(from.State) // it was found out before which of the possible states this is
	if send(ctx, client, s, append([]model.Request{m.Inputs[input].Request}, m.Reads...)...) != testPassed {
		return model.State{}, false
	}
	return s.State(), true
}

// followsReference tries, of each kind of choice that the model leaves, the first transition.
func followsReference(ctx context.Context, client *session.Client, m *machine.Machine) bool {
	seen := map[string]bool{}
	for from := range m.States {
		for input := range m.Inputs {
			kind, several := m.ChoiceKind(from, uint8(input))
			if !several || seen[kind] {
				continue
			}
			seen[kind] = true
			next, ok := wayOf(ctx, client, m, m.States[from], uint8(input))
			if at, known := m.StateOf(next); ok && (!known || at != m.Next(from, uint8(input))) {
				return false
			}
		}
	}
	return true
}

// DefaultEvents asks whether a new trail shows the event selectors that log all management events.
func DefaultEvents(ctx context.Context, client *session.Client) bool {
	if !client.Can(model.CanGetEvents) || !client.Can(model.CanPutEvents) {
		return false
	}
	s, err := client.New(ctx, session.Policy{Wait: true}, nil)
	if err != nil {
		return false
	}
	defer s.Close(ctx)
	read := generators.GetEvents(generators.NameAlpha)
	shown := [2]model.Logs{}
	for i, before := range [][]model.Request{generators.NewTrail(client.Scope), {generators.PutEvents(generators.NameAlpha, generators.EventClasses()[model.ManagementEvents])}} {
		if send(ctx, client, s, append(before, read)...) != testPassed {
			return false
		}
		shown[i] = s.Last().Reply.Answer.Logs
	}
	return shown[0] != 0 && shown[0] == shown[1]
}

// Rate counts the requests that one world gets answered in a second.
func Rate(ctx context.Context, subject *probe.Subject) float64 {
	client := subject.NewClient()
	s, err := client.New(ctx, session.Policy{Wait: true}, nil)
	if err != nil {
		return 0
	}
	defer s.Close(ctx)
	send(ctx, client, s, generators.NewTrail(subject.Scope)...)
	before, started := client.Requests, time.Now()
	for i := 0; i < 64 && s.Alive(ctx) && time.Since(started) < 2*time.Second; i++ {
		s.Do(ctx, generators.Put(generators.NameAlpha, generators.AllSelectors()[i%2]))
		s.Do(ctx, generators.Get(generators.NameAlpha))
	}
	return float64(client.Requests-before) / time.Since(started).Seconds()
}

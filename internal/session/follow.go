package session

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// readBack sends a Get of a resource, outside the judged sequence, and returns what it contradicts.
func (s *Session) readBack(ctx context.Context, resource string) *model.Finding {
	if !s.client.Can(model.CanGet) {
		return nil
	}
	r := generators.GetOf(resource)
	reply, ok := s.send(ctx, r)
	if !ok || !reply.Answer.Definite() {
		return nil
	}
	verdict := s.tracker.Clone().Observe(r, reply.Answer)
	if _, plain := s.tracker.TakenFor(r, reply.Answer); plain || verdict.Allowed {
		return nil
	}
	history := append(s.past(),
		model.Exchange{Before: s.tracker.State(), Request: r, Answer: reply.Answer, After: s.tracker.State()})
	finding := model.Blame(history, verdict.Expected)
	return &finding
}

// follow reads every resource and sets the model to what the target shows. What else than the blamed
// resource has changed is a finding of its own, unless it was a Put that should have been refused:
// then it is a consequence. Where the target shows no state of the model, the world is lost.
func (s *Session) follow(ctx context.Context, blamed string) {
	if !s.client.Can(model.CanGet) {
		s.Lost = "a divergence, and no Get to read the state back"
		return
	}
	state := s.tracker.State()
	last := *s.Last()
	wronglyDone := last.Request.Op == model.OpPut && last.Reply.Answer.Outcome == model.Succeeded
	history := s.past()
	if !last.Request.Op.Reads() {
		history = append(history, last.Exchange())
	}
	found, at, harm := len(s.Found)-1, len(s.Steps)-1, false
	refused := len(model.Broken(last.Before, last.Request)) > 0
	for _, resource := range state.Resources() {
		r := generators.GetOf(resource)
		reply, ok := s.send(ctx, r)
		if !ok {
			return
		}
		next, ok := showing(state, resource, reply.Answer)
		if !ok {
			s.Lost = "a state that the model does not have"
			return
		}
		shown, _ := model.StoredIn(next, resource)
		stored, _ := model.StoredIn(s.tracker.State(), resource)
		if harm = harm || refused && shown != stored; shown == stored && resource != blamed {
			s.observer.Unchanged(resource)
		}
		verdict := s.tracker.Clone().Observe(r, reply.Answer)
		if _, plain := s.tracker.TakenFor(r, reply.Answer); !plain && !verdict.Allowed && resource != blamed && !wronglyDone {
			s.keep(Step{Request: r, Reply: reply, Before: s.tracker.State(), State: next, Diverges: true})
			s.record(model.Blame(append(slices.Clip(history), s.Last().Exchange()), verdict.Expected))
		}
		state = next
	}
	states := []model.State{state}
	switch {
	case last.Reply.Body.Get("EventSelectors").Text()+last.Reply.Body.Get("AdvancedEventSelectors").Text() != "": // shortened
		s.Lost = "an answer too large to be followed"
		return
	case last.Request.Op == model.OpGetEvents:
		// What is shown may be what is logged, or what was asked for may be.
		states = append(states, showingEvents(state, blamed, last.Reply.Body))
	case last.Request.Op == model.OpUpdateStore:
		if applied, ok := model.Unguarded(state, last.Request); ok {
			states = append(states, applied)
		}
	}
	for i, was := range s.tracker.State().Stores { // of a store that is stopped, a Get need not show what it has
		if was.Insights.On() && !was.Ingesting && !state.Stores[i].Insights.On() {
			states = append(states, state.WithStore(i, was))
		}
	}
	s.tracker.Follow(states...)
	if harm && found >= 0 && s.Found[found].At == at {
		s.Found[found].Harm = true
	}
	s.observer.Followed(harm)
}

// showing is the state in which a resource stores what its Get shows; ok is false where the model has no such state.
func showing(s model.State, resource string, a model.Answer) (_ model.State, ok bool) {
	set := a.Selectors
	switch {
	case a.Outcome == model.Refused && a.Code == codeNotEnabled,
		a.Outcome == model.Succeeded && a.Alien == "" && !a.Repeated && !set.On():
		set = 0
	case a.Outcome != model.Succeeded || a.Alien != "" || a.Repeated || !set.Single():
		return s, false
	}
	trail, store := s.Find(resource)
	switch {
	case trail >= 0:
		t, asleep := s.Trails[trail], model.Selectors(0)
		if !t.Logging && set == 0 { // what was stored before may be back after StartLogging, or not
			asleep = cmp.Or(t.Insights.Effective(), t.Asleep)
		}
		t.Insights, t.Repeats, t.Asleep, t.MustWake, t.HasEither = set, false, asleep, false, !t.Logging
		return s.WithTrail(trail, t), true
	case store >= 0 && (set.Of(model.CallRate)|set.Of(model.ErrorRate))&model.Data != 0:
		return s, false
	case store >= 0:
		x := s.Stores[store]
		x.Insights, x.Repeats, x.Destination = set, false, ""
		if _, id, ok := strings.Cut(a.Destination, ":eventdatastore/"); ok && set.On() {
			x.Destination = id
		}
		return s.WithStore(store, x), true
	}
	return s, true
}

// showingEvents is the state in which a trail logs what an answer of GetEventSelectors shows.
func showingEvents(s model.State, resource string, body value.Value) model.State {
	i, _ := s.Find(resource)
	if i < 0 {
		return s
	}
	t := s.Trails[i]
	t.Store(body)
	return s.WithTrail(i, t)
}

package machine

import (
	"strings"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
)

// The abstraction of one logging trail: which of the 16 sets of selectors is on, under which of the
// eight classes of logs. The inputs are a Put of each set and a PutEventSelectors of each class.
const (
	tourSets   = 16
	tourLogs   = 8
	tourStates = tourSets * tourLogs
	tourInputs = tourSets + tourLogs
)

type tourState = uint8 // logs*16 + set

// Tour walks one trail through all transitions of that machine, the nearest uncovered one first.
// Where the target takes another way than the reference, by an accepted alternative, the tour learns
// it. A tour serves one worker.
type Tour struct {
	next    [tourStates][tourInputs]tourState // where the input is known to lead
	wanted  [tourStates][tourInputs]bool      // to be covered, and not yet
	done    [tourStates][tourInputs]bool      // wanted once, and covered
	left    [tourStates]int                   // wanted inputs by state
	total   int
	count   int
	steps   int
	sets    []model.Selectors
	classes []generators.EventClass
	inputs  []uint8 // those that the scope allows, in the order in which they are tried

	trail    string // whose requests these are
	requests [tourInputs]model.Request

	waiting   bool // for the outcome of lastInput in lastState
	lastState tourState
	lastInput uint8

	// Of the breadth-first search:
	queue [tourStates]tourState
	seen  [tourStates]uint8 // the round in which a state was queued
	first [tourStates]uint8 // the input by which the way to a state begins
	round uint8
}

// NewTour prepares the tour of one of several workers, part of parts from 0: together they cover all
// transitions that the scope allows.
func NewTour(scope generators.Scope, part, parts int) *Tour {
	s := scope
	t := &Tour{sets: model.AllSelectors(), classes: generators.EventClasses()[:tourLogs]}
	if s.Can[model.CanPut] {
		for i := range uint8(tourSets) {
			t.inputs = append(t.inputs, i)
		}
	}
	if s.Can[model.CanPutEvents] {
		for i := range uint8(tourLogs) {
			t.inputs = append(t.inputs, tourSets+i)
		}
	}
	t.ask()
	reachable := t.reachable(tourState(model.ManagementEvents) * tourSets)
	for state := range tourStates {
		if !reachable[state] {
			continue
		}
		for _, i := range t.inputs {
			// Workers share out the Puts by what is logged and the rest by what is on, because the
			// inputs keep these: a worker seldom has to leave its part.
			place := state
			if i >= tourSets {
				place = state%tourSets*tourLogs + state/tourSets
			}
			if place*parts/tourStates != part {
				continue
			}
			t.wanted[state][i] = true
			t.left[state]++
			t.total++
		}
	}
	return t
}

// ask fills the table of transitions from the reference model.
func (t *Tour) ask() {
	w := model.DefaultWorld
	for state := range tourStates {
		trail := model.Trail{Name: generators.NameAlpha, Home: w.Home, Logging: true, Logs: model.Logs(state / tourSets), Insights: t.sets[state%tourSets]}
		s := model.NewState(&w).WithTrail(-1, trail)
		for _, i := range t.inputs {
			after := model.Step(s, t.request(generators.NameAlpha, i))[0].Next
			t.next[state][i], _ = t.abstract(after.Trails[0])
		}
	}
}

func (t *Tour) request(trail string, input uint8) model.Request {
	if t.trail != trail {
		t.trail = trail
		for i := range t.requests {
			if i < tourSets {
				t.requests[i] = generators.Put(trail, t.sets[i])
			} else {
				t.requests[i] = generators.PutEvents(trail, t.classes[i-tourSets])
			}
		}
	}
	return t.requests[input]
}

// abstract finds the state of a trail; ok is false where the abstraction does not have it.
func (t *Tour) abstract(trail model.Trail) (tourState, bool) {
	on := trail.Insights.Effective()
	state := tourState(trail.Logs&7)*tourSets + tourState(on.Of(model.CallRate))*4 + tourState(on.Of(model.ErrorRate))
	return state, trail.Logging && trail.Conditions == 0
}

// reachable finds all states to which the inputs lead from one.
func (t *Tour) reachable(from tourState) (seen [tourStates]bool) {
	queue := []tourState{from}
	seen[from] = true
	for len(queue) > 0 {
		state := queue[0]
		queue = queue[1:]
		for _, i := range t.inputs {
			if to := t.next[state][i]; !seen[to] {
				seen[to] = true
				queue = append(queue, to)
			}
		}
	}
	return seen
}

// Total is how many transitions the tour is to cover, Count how many it has.
func (t *Tour) Total() int { return t.total }

// Count is how many of the transitions are covered.
func (t *Tour) Count() int { return t.count }

// Next returns the next request on the way to the nearest uncovered transition, from the present
// state of the named trail in the home Region. It gives up where none can be reached: all is covered,
// the trail is not there or does not log, or the target does not go where the model says.
func (t *Tour) Next(s model.State, trail string) (model.Request, bool) {
	x, ok := s.Trail(s.World.Home, trail)
	if !ok {
		return model.Request{}, false
	}
	state, ok := t.abstract(x)
	if !ok {
		return model.Request{}, false
	}
	if t.waiting {
		t.next[t.lastState][t.lastInput] = state
		t.waiting = false
	}
	// A target that answers differently each time must not be asked for ever.
	if t.steps++; t.count == t.total || t.steps > 4*t.total+100 {
		return model.Request{}, false
	}
	input, ok := t.choose(state)
	if !ok {
		return model.Request{}, false
	}
	return t.request(trail, input), true
}

// choose finds the first input of a shortest way that ends in an uncovered transition. Of the
// uncovered transitions of the state itself it prefers those that stay, then those whose end has the
// most uncovered ones, so that few states must be visited again.
func (t *Tour) choose(state tourState) (uint8, bool) {
	if t.left[state] > 0 {
		best, most := uint8(0), -1
		for _, i := range t.inputs {
			if !t.wanted[state][i] {
				continue
			}
			to := t.next[state][i]
			if to == state {
				return i, true
			}
			if t.left[to] > most {
				best, most = i, t.left[to]
			}
		}
		return best, true
	}
	if t.round++; t.round == 0 {
		t.seen, t.round = [tourStates]uint8{}, 1
	}
	head, tail := 0, 1
	t.queue[0] = state
	t.seen[state] = t.round
	for ; head < tail; head++ {
		from := t.queue[head]
		for _, i := range t.inputs {
			to := t.next[from][i]
			if t.seen[to] == t.round {
				continue
			}
			t.seen[to] = t.round
			t.first[to] = i
			if from != state {
				t.first[to] = t.first[from]
			}
			if t.left[to] > 0 {
				return t.first[to], true
			}
			t.queue[tail] = to
			tail++
		}
	}
	return 0, false
}

// Leads reports whether the last input is known to lead from where it was sent to this state.
func (t *Tour) Leads(to model.State) bool {
	if !t.waiting || len(to.Trails) == 0 {
		return false
	}
	x, ok := to.Trail(to.World.Home, t.trail)
	if !ok {
		return false
	}
	state, ok := t.abstract(x)
	return ok && t.next[t.lastState][t.lastInput] == state
}

// Restart tells that the next state is that of a fresh world, and not where the last request led.
func (t *Tour) Restart() { t.waiting = false }

// Covered marks the transition of a request that was sent in a state, on the named resource of the
// request. Requests that are no inputs of the machine are ignored.
func (t *Tour) Covered(before model.State, r model.Request) {
	x, ok := before.Trail(before.World.Home, r.Input.Get("TrailName").Text())
	if !ok {
		return
	}
	state, ok := t.abstract(x)
	if !ok {
		return
	}
	for _, i := range t.inputs {
		if (i < tourSets) == (r.Op == model.OpPut) && t.request(x.Name, i).Input.Equal(r.Input) {
			t.waiting, t.lastState, t.lastInput = true, state, i
			if t.wanted[state][i] {
				t.wanted[state][i], t.done[state][i] = false, true
				t.left[state]--
				t.count++
			}
			return
		}
	}
}

// Walked describes the machine and which of its transitions are covered, for one worker's part.
// A row has one byte for each input: '+' covered, '-' not, ' ' not in this part.
type Walked struct {
	Sets   []model.Selectors // what is on, by state
	Logs   []model.Logs      // what is logged, by state
	Inputs []string          // in words
	Rows   [][]byte
}

// Walked returns what of this worker's part is covered.
func (t *Tour) Walked() Walked {
	out := Walked{}
	for state := range tourStates {
		row := []byte(strings.Repeat(" ", tourInputs))
		for i := range row {
			switch {
			case t.wanted[state][i]:
				row[i] = '-'
			case t.done[state][i]:
				row[i] = '+'
			}
		}
		out.Sets, out.Logs, out.Rows = append(out.Sets, t.sets[state%tourSets]), append(out.Logs, model.Logs(state/tourSets)), append(out.Rows, row)
	}
	for _, set := range t.sets {
		out.Inputs = append(out.Inputs, "Put "+set.String())
	}
	for i := range tourLogs {
		out.Inputs = append(out.Inputs, "PutEventSelectors "+t.classes[i].Name)
	}
	return out
}

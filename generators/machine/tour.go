package machine

import (
	"bytes"
	"slices"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// A tour tells the states of a logging trail apart by the set of selectors that is on and the class of logs.
const (
	tourSets   = 16
	tourLogs   = 8
	tourStates = tourSets * tourLogs
)

// Tour walks one trail through all transitions of the machine 'trail', the nearest uncovered one first.
// Where the target takes another way than the reference, by an accepted alternative, the tour learns
// it. A tour serves one worker.
type Tour struct {
	inputs []namedRequest
	next   [tourStates][]uint8 // by state and input: where it is known to lead
	marks  [tourStates][]byte  // and whether it is to be covered, as Walked shows it
	left   [tourStates]int     // how many are still to be covered

	Total, Count int // transitions that it is to cover, and has covered
	steps        int

	waiting   bool // for the outcome of lastInput in lastState
	lastState uint8
	lastInput int
}

// The marks of Walked.
const (
	notInPart = ' '
	uncovered = '-'
	covered   = '+'
)

// NewTour prepares the tour of one of several workers, part of parts from 0, which together cover all
// transitions that the scope allows. Without PutInsightSelectors there are none.
func NewTour(scope generators.Scope, part, parts int) *Tour {
	t := &Tour{}
	for state := range t.marks {
		t.marks[state] = bytes.Repeat([]byte{notInPart}, tourSets+tourLogs)
	}
	if !scope.Has(model.CanPut) {
		return t
	}
	w := model.DefaultWorld
	m := abstractionOf("trail").build(&w, scope)
	t.inputs = m.Inputs
	first := trailOf(&w, uint8(model.ManagementEvents)*tourSets)
	m.defaultEvents = true
	m.explore(first, Options{})
	for _, s := range m.States {
		state, _ := place(s.State, generators.NameAlpha)
		for _, input := range t.inputs {
			// Puts keep what is logged, the rest what is on: shared out by these, a worker seldom leaves its part.
			at := int(state)
			if input.class >= tourSets {
				at = at%tourSets*tourLogs + at/tourSets
			}
			if at*parts/tourStates == part {
				t.marks[state][input.class] = uncovered
				t.left[state]++
				t.Total++
			}
		}
	}
	// A target that accepts too much comes to states that the machine does not have by itself.
	for state := range uint8(tourStates) {
		m.explore(trailOf(&w, state), Options{})
	}
	for n, s := range m.States {
		state, _ := place(s.State, generators.NameAlpha)
		t.next[state] = nil
		for _, to := range m.next[n] {
			after, _ := place(m.States[to].State, generators.NameAlpha)
			t.next[state] = append(t.next[state], after)
		}
	}
	return t
}

// trailOf is the state of the model in which a trail is in a state of a tour.
func trailOf(w *model.World, state uint8) model.State {
	return model.NewState(w).WithTrail(-1, model.Trail{Name: generators.NameAlpha, Home: w.Home, Logging: true,
		Logs: model.Logs(state / tourSets), Insights: generators.AllSelectors()[state%tourSets]})
}

// place finds the state of the named trail in the home Region: logs*16 + set. ok is false where a tour does not have it.
func place(s model.State, name string) (state uint8, ok bool) {
	trail, ok := s.Trail(s.World.Home, name)
	on := trail.Insights
	state = uint8(trail.Logs&7)*tourSets + uint8(on.Of(model.CallRate))*4 + uint8(on.Of(model.ErrorRate))
	return state, ok && trail.Logging && trail.Conditions == 0
}

// Next returns the next request on the way to the nearest uncovered transition, from the present state of the
// trail NameAlpha. It gives up where none can be reached: all is covered, the trail is not there or does not
// log, or the target does not go where the model says.
func (t *Tour) Next(s model.State) (r model.Request, ok bool) {
	state, ok := place(s, generators.NameAlpha)
	if !ok {
		return r, false
	}
	if t.waiting {
		t.next[t.lastState][t.lastInput] = state
		t.waiting = false
	}
	// A target that answers differently each time must not be asked for ever.
	if t.steps++; t.Count == t.Total || t.steps > 4*t.Total+100 {
		return r, false
	}
	input, ok := t.choose(state)
	if ok {
		r = t.inputs[input].Request
	}
	return r, ok
}

// choose finds the first input of a shortest way to an uncovered transition, preferring what stays, or has most left.
func (t *Tour) choose(state uint8) (input int, ok bool) {
	if t.left[state] > 0 {
		most := -1
		for i, to := range t.next[state] {
			switch {
			case t.marks[state][t.inputs[i].class] != uncovered:
			case to == state:
				return i, true
			case t.left[to] > most:
				input, most = i, t.left[to]
			}
		}
		return input, true
	}
	var first [tourStates]int // the input by which the way to a state begins
	var seen [tourStates]bool
	seen[state] = true
	for queue := []uint8{state}; len(queue) > 0; queue = queue[1:] {
		from := queue[0]
		for i, to := range t.next[from] {
			if seen[to] {
				continue
			}
			seen[to], first[to] = true, i
			if from != state {
				first[to] = first[from]
			}
			if t.left[to] > 0 {
				return first[to], true
			}
			queue = append(queue, to)
		}
	}
	return 0, false
}

// Leads reports whether the last input is known to lead from where it was sent to this state.
func (t *Tour) Leads(to model.State) bool {
	state, ok := place(to, generators.NameAlpha)
	return ok && t.waiting && t.next[t.lastState][t.lastInput] == state
}

// Restart tells that the next state is that of a fresh world, and not where the last request led.
func (t *Tour) Restart() { t.waiting = false }

// Covered marks the transition of a request that was sent in a state, on the named resource of the
// request. Requests that are no inputs of the machine are ignored.
func (t *Tour) Covered(before model.State, r model.Request) {
	if r.Op != model.OpPut && r.Op != model.OpPutEvents {
		return
	}
	trail := r.Input.Get("TrailName").Text()
	state, ok := place(before, trail)
	if !ok {
		return
	}
	named := r.Input.With("TrailName", value.Str(generators.NameAlpha))
	i := slices.IndexFunc(t.inputs, func(x namedRequest) bool { return x.Request.Op == r.Op && x.Request.Input.Equal(named) })
	if i < 0 {
		return
	}
	t.waiting, t.lastState, t.lastInput = true, state, i
	if mark := &t.marks[state][t.inputs[i].class]; *mark == uncovered {
		*mark = covered
		t.left[state]--
		t.Count++
	}
}

// Walked shows by state what the tours of several workers have covered, and lists the inputs in words. A row has one
// byte for each input: '+' covered, '-' not, ' ' in nobody's part.
func Walked(tours []*Tour, show func(on model.Selectors, logs model.Logs, row []byte)) (inputs []string) {
	for _, set := range generators.AllSelectors() {
		inputs = append(inputs, "Put "+set.String())
	}
	for logs, class := range generators.EventClasses()[:tourLogs] {
		inputs = append(inputs, "PutEventSelectors "+class.Name)
		for i, set := range generators.AllSelectors() {
			row := bytes.Repeat([]byte{notInPart}, tourSets+tourLogs)
			for _, t := range tours {
				for input, mark := range t.marks[logs*tourSets+i] {
					row[input] = max(row[input], mark)
				}
			}
			show(set, model.Logs(logs), row)
		}
	}
	return inputs
}

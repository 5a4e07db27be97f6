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
			if at*parts/tourStates == part && !scope.LeavesOut(s.State, input.Request) {
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

// Suite is a complete test suite of a machine, in the form of the HSI method (harmonized state
// identifiers): from a fresh world to every state, from there every word of inputs that is one longer
// than the depth, and the reads that tell states apart. It catches every implementation that differs
// from the machine and has at most Depth states more, provided that it is deterministic, that a fresh
// world is a reset, and that reads change nothing. (Vasilevskii 1973, Chow 1978.)
//
// Tests are numbered and made when they are asked for: a suite takes no memory of its length. That of depth 1 is a tenth as
// many tests where walks can join the words.
type Suite struct {
	Depth   int
	Tests   int // how many there are
	machine *Machine

	words []int    // by length: how many there are
	tails [][]tail // by length and state: all words from there, with each identifier after them
	from  []int    // by state and length of the word from there: the number of the first test

	walks []Test // all tests, where they are walks
}

// Joined reports whether the tests are walks, each of many words.
func (s *Suite) Joined() bool { return s.walks != nil }

// tail counts tests, and the inputs of their identifiers.
type tail struct{ tests, inputs int }

// NewSuite prepares the suite of a depth, from 0.
func NewSuite(m *Machine, depth int) *Suite {
	s := &Suite{machine: m, Depth: depth, words: []int{1}}
	if depth == 1 && m.shown() {
		s.walks = m.walks()
		s.Tests = len(s.walks)
		return s
	}
	row := make([]tail, len(m.States))
	for state, identifiers := range m.identifiers {
		row[state] = tail{len(identifiers), len(slices.Concat(identifiers...))}
	}
	for length := range depth + 1 {
		s.tails, s.words = append(s.tails, row), append(s.words, s.words[length]*len(m.Inputs))
		row = make([]tail, len(m.States))
		for state := range row {
			for _, to := range m.next[state] {
				row[state].tests += s.tails[length][to].tests
				row[state].inputs += s.tails[length][to].inputs
			}
		}
	}
	s.tails = append(s.tails, row)
	for state := range m.States {
		for length := range s.tails {
			s.from = append(s.from, s.Tests)
			s.Tests += s.count(length, length, state)
		}
	}
	return s
}

// count is how many tests of words of a length go on from a state with so many inputs that are left.
func (s *Suite) count(length, left, state int) int {
	if length <= s.Depth { // a shorter word makes a test only with an identifier other than the empty one
		return s.tails[left][state].tests - s.words[left]
	}
	return s.tails[left][state].tests
}

// Cost is how many requests the suite sends: writes, with those of the set-up, and reads.
func (s *Suite) Cost() (writes, reads int) {
	m := s.machine
	for _, t := range s.walks {
		writes += len(m.Setup) + len(t.Inputs)
		for _, what := range t.Reads {
			reads += map[uint8]int{readSeparating: len(m.Separating), ReadEverything: len(m.Reads)}[what]
		}
	}
	for state := range m.States {
		for length := range s.tails {
			tests := s.count(length, length, state)
			writes += tests*(len(m.Setup)+len(m.States[state].Access)+length) + s.tails[length][state].inputs
			reads += tests * len(m.Separating)
			if length <= s.Depth { // where every read is checked
				reads += s.words[length] * len(m.Reads)
			}
		}
	}
	return writes, reads
}

// What is read at a point of a test.
const (
	ReadNothing uint8 = iota
	readSeparating
	ReadEverything
)

// Test is inputs from the first state on. Reads has what is read before the first input and after each.
type Test struct {
	Inputs []uint8
	Reads  []uint8
	Joined bool // of many words: what is found in one must not hide the rest
}

// Test fills in the n-th test, from 0.
func (s *Suite) Test(n int, t *Test) {
	if s.walks != nil {
		*t = s.walks[n]
		return
	}
	m := s.machine
	block, _ := slices.BinarySearch(s.from, n+1)
	block--
	state, length := block/len(s.tails), block%len(s.tails)
	n -= s.from[block]
	access := m.States[state].Access
	t.Inputs = append(t.Inputs[:0], access...)
	for left := length - 1; left >= 0; left-- {
		for input, to := range m.next[state] {
			tests := s.count(length, left, int(to))
			if n < tests {
				t.Inputs = append(t.Inputs, uint8(input))
				state = int(to)
				break
			}
			n -= tests
		}
	}
	if length <= s.Depth {
		n++ // the empty identifier makes none
	}
	t.Inputs = append(t.Inputs, m.identifiers[state][n]...)

	t.Reads = append(t.Reads[:0], make([]uint8, len(t.Inputs)+1)...)
	t.Reads[len(t.Inputs)] = readSeparating
	if n > 0 {
		return
	}
	// Of the tests that share a beginning, the one that goes on with the first input alone checks it.
	for at := len(access) + length - 1; at >= len(access) && t.Inputs[at] == 0; at-- {
		t.Reads[at] = ReadEverything
	}
}

package machine

import (
	"bytes"
	"slices"
	"sort"

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

// Suite is a complete test suite of a machine, in the form of the HSI method (harmonized state
// identifiers): from a fresh world to every state, from there every word of inputs that is one longer
// than the depth, and the reads that tell states apart. It catches every implementation that differs
// from the machine and has at most Depth states more, provided that it is deterministic, that a fresh
// world is a reset, and that reads change nothing. (Vasilevskii 1973, Chow 1978.)
//
// Tests are numbered and made when they are asked for: a suite takes no memory of its length.
type Suite struct {
	Depth   int
	Tests   int // how many there are
	machine *Machine

	// tails[kind][m][state] sums up the ways to go on from a state by m inputs, and the identifiers after.
	tails  [2][][]tail
	blocks []block
}

// The kinds of words before an identifier. Shorter ones make a test only with an identifier other than the empty one.
const (
	shorter = iota
	longest
)

// tail counts tests, and the inputs of their identifiers.
type tail struct{ tests, inputs int }

// block is the tests with a word of one length from one state.
type block struct {
	state, length int
	from          int // the number of the first
}

// NewSuite prepares the suite of a depth, from 0.
func NewSuite(m *Machine, depth int) *Suite {
	s := &Suite{machine: m, Depth: depth}
	for kind := range s.tails {
		for length := 0; length <= depth+1; length++ {
			row := make([]tail, len(m.States))
			for state := range row {
				t := &row[state]
				if length == 0 {
					for _, word := range s.identifiers(kind, state) {
						t.tests++
						t.inputs += len(word)
					}
					continue
				}
				for input := range m.Inputs {
					of := s.tails[kind][length-1][m.next[state][input]]
					t.tests += of.tests
					t.inputs += of.inputs
				}
			}
			s.tails[kind] = append(s.tails[kind], row)
		}
	}
	for state := range m.States {
		for length := 0; length <= depth+1; length++ {
			if n := s.tails[s.kind(length)][length][state].tests; n > 0 {
				s.blocks = append(s.blocks, block{state, length, s.Tests})
				s.Tests += n
			}
		}
	}
	return s
}

func (s *Suite) kind(length int) int {
	if length <= s.Depth {
		return shorter
	}
	return longest
}

// identifiers lists those that make tests of words that lead to a state.
func (s *Suite) identifiers(kind, state int) [][]uint8 {
	if kind == shorter {
		return s.machine.identifiers[state][1:]
	}
	return s.machine.identifiers[state]
}

// Cost is how many requests the suite sends: writes, with those of the set-up, and reads.
func (s *Suite) Cost() (writes, reads int) {
	m := s.machine
	nodes, words := 0, 1 // a node is where every read is checked
	for range s.Depth + 1 {
		nodes += words
		words *= len(m.Inputs)
	}
	for state := range m.States {
		for length := 0; length <= s.Depth+1; length++ {
			t := s.tails[s.kind(length)][length][state]
			writes += t.tests*(len(m.Setup)+len(m.States[state].Access)+length) + t.inputs
			reads += t.tests * len(m.Separating)
		}
		reads += nodes * len(m.Reads)
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
}

// Test fills in the n-th test, from 0.
func (s *Suite) Test(n int, t *Test) {
	m := s.machine
	b := s.blocks[sort.Search(len(s.blocks), func(i int) bool { return s.blocks[i].from > n })-1]
	n -= b.from
	access := m.States[b.state].Access
	t.Inputs = append(t.Inputs[:0], access...)
	state, kind := b.state, s.kind(b.length)
	for left := b.length - 1; left >= 0; left-- {
		for input := range m.Inputs {
			to := int(m.next[state][input])
			tests := s.tails[kind][left][to].tests
			if n < tests {
				t.Inputs = append(t.Inputs, uint8(input))
				state = to
				break
			}
			n -= tests
		}
	}
	t.Inputs = append(t.Inputs, s.identifiers(kind, state)[n]...)

	t.Reads = append(t.Reads[:0], make([]uint8, len(t.Inputs)+1)...)
	t.Reads[len(t.Inputs)] = readSeparating
	if kind == shorter || n > 0 {
		return
	}
	// Of the tests that share a beginning, the one that goes on with the first input alone checks it.
	for at := len(access) + b.length - 1; at >= len(access) && t.Inputs[at] == 0; at-- {
		t.Reads[at] = ReadEverything
	}
}

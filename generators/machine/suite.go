package machine

import "sort"

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

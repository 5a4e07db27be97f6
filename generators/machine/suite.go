package machine

// Suite is a complete test suite of a machine, in the form of the HSI method (harmonized state
// identifiers): from a fresh world to every state, from there every word of inputs that is one longer
// than the depth, and the reads that tell states apart. It catches every implementation that differs
// from the machine and has at most Depth states more, provided that it is deterministic, that a fresh
// world is a reset, and that reads change nothing. (Vasilevskii 1973,
// Chow 1978.)
//
// Tests are numbered and made when they are asked for: a suite takes no memory of its length.
type Suite struct {
	Depth   int
	machine *Machine

	// tails[m][state] sums up the ways to go on from a state by m inputs, and the identifiers after.
	tails  [][]tail
	blocks []block
	total  int
}

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
	for length := 0; length <= depth+1; length++ {
		row := make([]tail, len(m.States))
		for state := range m.States {
			if length == 0 {
				row[state] = s.ends(state)
				continue
			}
			for input := range m.Inputs {
				of := s.tails[length-1][m.next[state][input]]
				row[state].tests += of.tests
				row[state].inputs += of.inputs
			}
		}
		s.tails = append(s.tails, row)
	}
	for state := range m.States {
		// Shorter words are tests of their own only where identifiers follow them.
		for length := 0; length <= depth+1; length++ {
			n := s.tails[length][state].tests
			if length <= depth {
				n -= s.words(length)
			}
			if n > 0 {
				s.blocks = append(s.blocks, block{state, length, s.total})
				s.total += n
			}
		}
	}
	return s
}

// ends counts the identifiers of a state.
func (s *Suite) ends(state int) tail {
	words := s.machine.identifiers[state]
	t := tail{tests: len(words)}
	for _, w := range words {
		t.inputs += len(w)
	}
	return t
}

// words counts the words of a length.
func (s *Suite) words(length int) int {
	n := 1
	for range length {
		n *= len(s.machine.Inputs)
	}
	return n
}

// Tests is how many tests the suite has.
func (s *Suite) Tests() int { return s.total }

// Cost is how many requests the suite sends: writes, with those of the set-up, and reads.
func (s *Suite) Cost() (writes, reads int) {
	m := s.machine
	nodes := 0 // at which every read is checked
	for length := 0; length <= s.Depth; length++ {
		nodes += s.words(length)
	}
	for state := range m.States {
		before := len(m.Setup) + len(m.States[state].Access)
		for length := 0; length <= s.Depth+1; length++ {
			t := s.tails[length][state]
			if length <= s.Depth {
				t.tests -= s.words(length)
			}
			writes += t.tests*(before+length) + t.inputs
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

// Test is one test: inputs from the first state on. Reads has what is read before the first input and
// after each.
type Test struct {
	Inputs []uint8
	Reads  []uint8
}

// Test fills in the n-th test, from 0.
func (s *Suite) Test(n int, t *Test) {
	m := s.machine
	low, high := 0, len(s.blocks)
	for high-low > 1 {
		if mid := (low + high) / 2; s.blocks[mid].from <= n {
			low = mid
		} else {
			high = mid
		}
	}
	b := s.blocks[low]
	n -= b.from
	access := m.States[b.state].Access
	t.Inputs = append(t.Inputs[:0], access...)
	state := b.state
	proper := b.length <= s.Depth // without the empty identifier
	for left := b.length; left > 0; left-- {
		for input := range m.Inputs {
			to := int(m.next[state][input])
			of := s.tails[left-1][to].tests
			if proper {
				of -= s.words(left - 1)
			}
			if n < of {
				t.Inputs = append(t.Inputs, uint8(input))
				state = to
				break
			}
			n -= of
		}
	}
	identifiers := m.identifiers[state]
	if proper {
		identifiers = identifiers[1:]
	}
	t.Inputs = append(t.Inputs, identifiers[n]...)

	t.Reads = t.Reads[:0]
	for range len(t.Inputs) + 1 {
		t.Reads = append(t.Reads, ReadNothing)
	}
	t.Reads[len(t.Inputs)] = readSeparating
	if proper || n > 0 {
		return
	}
	// Of the tests that share a beginning, the first one checks it: that which goes on with the first
	// input alone.
	for at := len(access) + b.length - 1; at >= len(access) && t.Inputs[at] == 0; at-- {
		t.Reads[at] = ReadEverything
	}
}

package machine

import "slices"

// The words of a suite of depth 1 are joined to walks where the reads alone tell all states of the machine apart.
//
// Why a target with one extra state that passes them is right: a walk reads after each input which state the target claims to
// be in. For each state of the machine it has one, and for one of them, S, another one, T. A fresh world may begin in T: tests
// that begin with each input show what T does. A transition from elsewhere may lead to T: each input follows it in some walk.
// Otherwise only inputs that stay in S lead to T, and who has just come to S from elsewhere is not in T: walks take each input
// that stays right then, and each that leaves after it. So all is checked but what stays in T; of that, see loops.

// walkLength is how many inputs a walk has at most, so that what is found in it has a short case.
const walkLength = 30

// shown reports whether the reads alone tell all states apart.
func (m *Machine) shown() bool {
	return !slices.ContainsFunc(m.identifiers, func(words [][]uint8) bool { return len(words) > 1 })
}

// walker lays out walks. Transitions are numbered by state and input.
type walker struct {
	*Machine
	inputs int
	stays  []bool    // transitions that lead where they come from
	follow [][]bool  // by transition and input: whether that is still to follow it
	left   []int     // by transition: how many are still to follow it
	spare  []int     // by transition: how many more those are than the ones that it is still to follow itself
	open   int       // sum of left
	first  [][]uint8 // by two states: the input by which a shortest way begins
	far    [][]int   // and its length
	read   []bool    // transitions after which everything was read
}

// stop is where a walk is: in a state, by a transition that inputs are to follow, or none.
type stop struct {
	state, by int
	came      bool // from elsewhere, or the world is fresh
}

const none = -1

func (m *Machine) walks() (tests []Test) {
	w := newWalker(m)
	for first := range w.inputs {
		tests = append(tests, w.walk(uint8(first)))
	}
	tests[0].Reads[0] = ReadEverything
	for w.open > 0 {
		tests = append(tests, w.walk())
	}
	return append(tests, w.loops()...)
}

func newWalker(m *Machine) *walker {
	n, transitions := len(m.States), m.Transitions()
	w := &walker{Machine: m, inputs: len(m.Inputs), stays: make([]bool, transitions), follow: make([][]bool, transitions), left: make([]int, transitions),
		spare: make([]int, transitions), first: make([][]uint8, n), far: make([][]int, n), read: make([]bool, transitions)}
	for by := range transitions {
		w.stays[by] = w.to(by) == by/w.inputs
	}
	for by := range transitions {
		w.follow[by] = make([]bool, w.inputs)
		for input := range w.inputs {
			if next := w.to(by)*w.inputs + input; !w.stays[by] || !w.stays[next] {
				w.follow[by][input] = true
				w.left[by]++
				w.spare[by]++
				w.spare[next]--
				w.open++
			}
		}
	}
	for from := range n {
		w.first[from], w.far[from] = w.ways(from)
	}
	return w
}

// to is the state to which a transition leads.
func (w *walker) to(by int) int { return w.Next(by/w.inputs, uint8(by%w.inputs)) }

// ways finds the shortest ways from a state to all others; they are as long as there are states where there is none.
func (w *walker) ways(from int) (first []uint8, far []int) {
	first, far = make([]uint8, len(w.States)), slices.Repeat([]int{len(w.States)}, len(w.States))
	far[from] = 0
	for queue := []int{from}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for input := range w.inputs {
			to := w.Next(at, uint8(input))
			if far[to] < len(w.States) {
				continue
			}
			if first[to], far[to] = first[at], far[at]+1; at == from {
				first[to] = uint8(input)
			}
			queue = append(queue, to)
		}
	}
	return first, far
}

// walk is a test that begins with some inputs.
func (w *walker) walk(begin ...uint8) Test {
	t := Test{Reads: []uint8{ReadNothing}, Joined: true} // the first test reads what a fresh world shows
	at := stop{by: none, came: true}
	for len(t.Inputs) < walkLength && w.open > 0 {
		var input uint8
		if len(t.Inputs) < len(begin) {
			input = begin[len(t.Inputs)]
		} else if next, ok := w.choose(at); ok {
			input = next
		} else {
			break
		}
		next := at.state*w.inputs + int(input)
		if at.by != none && w.follow[at.by][input] {
			w.follow[at.by][input] = false
			w.left[at.by]--
			w.spare[at.by]--
			w.spare[next]++
			w.open--
		}
		by := next
		if w.stays[next] && !at.came {
			by = none
		}
		at = stop{w.to(next), by, !w.stays[next]}
		what := readSeparating
		if at.by != none && !w.read[at.by] {
			w.read[at.by], what = true, ReadEverything
		}
		t.Inputs, t.Reads = append(t.Inputs, input), append(t.Reads, what)
	}
	return t
}

// choose takes an input that is still to follow, else the way to a transition that some are to follow: the nearest, of those
// that walks come to less often than they have to leave it, if there are any. ok is false where no way leads there.
func (w *walker) choose(at stop) (input uint8, ok bool) {
	if at.by != none && w.left[at.by] > 0 {
		best := none
		for input, follows := range w.follow[at.by] {
			next := at.state * w.inputs
			if follows && (best == none || w.spare[next+input] > w.spare[next+best]) {
				best = input
			}
		}
		return uint8(best), true
	}
	best, lacking, distance := none, false, 0
	for by, left := range w.left {
		if left == 0 {
			continue
		}
		state, lacks := by/w.inputs, w.spare[by] > 0
		far := w.far[at.state][state]
		if far == 0 && w.stays[by] && !at.came {
			far = 1 + w.far[w.Next(state, w.leave(state))][state]
		}
		if best == none || lacks && !lacking || lacks == lacking && (far < distance || far == distance && w.spare[by] > w.spare[best]) {
			best, lacking, distance = by, lacks, far
		}
	}
	switch state := best / w.inputs; {
	case distance >= len(w.States):
		return 0, false
	case distance == 0:
		return uint8(best % w.inputs), true
	case state == at.state:
		return w.leave(state), true
	default:
		return w.first[at.state][state], true
	}
}

// leave is an input that leads from a state to one from which the way back is the shortest.
func (w *walker) leave(state int) uint8 {
	best, shortest := 0, len(w.States)
	for input := range w.inputs {
		if to := w.Next(state, uint8(input)); to != state && w.far[to][state] < shortest {
			best, shortest = input, w.far[to][state]
		}
	}
	return uint8(best)
}

// loops makes the tests of two inputs that stay in a state, of which the second is y: right after coming to the state y twice,
// and then x and y, for each other x. As long as y was not sent in T, it leads from S to S, or else y twice would have sent it
// there; so x is sent in S each time, and if that leads to T, then y is sent there. All else on the way was checked before,
// so that it needs no reads.
func (w *walker) loops() (tests []Test) {
	for by, stays := range w.stays {
		if !stays {
			continue
		}
		state, y := by/w.inputs, uint8(by%w.inputs)
		t := Test{Inputs: append(slices.Clone(w.States[state].Access), y, y), Joined: true}
		t.Reads = append(make([]uint8, len(t.Inputs)), readSeparating)
		for x := range w.inputs {
			if w.stays[state*w.inputs+x] && x != int(y) {
				t.Inputs, t.Reads = append(t.Inputs, uint8(x), y), append(t.Reads, ReadNothing, readSeparating)
			}
		}
		tests = append(tests, t)
	}
	return tests
}

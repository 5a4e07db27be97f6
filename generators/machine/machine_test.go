package machine

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
)

func without(can ...model.Capability) generators.Scope {
	s := generators.Everything()
	s.Can = maps.Clone(s.Can)
	for _, c := range can {
		delete(s.Can, c)
	}
	return s
}

func machine(t testing.TB, name string, scope generators.Scope) *Machine {
	t.Helper()
	m := New(name, world(), scope, Options{DefaultEvents: true})
	require.NotNil(t, m)
	return m
}

// TestMachines: the least that each machine tells apart.
func TestMachines(t *testing.T) {
	for name, want := range map[string][2]int{
		"management": {4 * 3, 4 + 4}, "trail": {16 * 7, 16 + 8}, "two-trails": {16 * 4, 2 * (4 + 2)},
		"stores": {17, 7 + 3}, "logging": {329, 16 + 8 + 2 + 12},
	} {
		m := machine(t, name, generators.Everything())
		assert.Equal(t, want[0], len(m.States), name)
		assert.Equal(t, want[1], len(m.Inputs), name)
	}
	assert.Nil(t, New("stores", world(), without(model.CanStores), Options{}))
	assert.Len(t, machine(t, "trail", without(model.CanPutEvents)).States, 4, "a trail that logs management events alone")
}

// TestMachinesAreMinimal: for every two states there is a word after which a read tells them apart,
// and both have it among their identifiers.
func TestMachinesAreMinimal(t *testing.T) {
	for _, name := range Names() {
		for _, scope := range []generators.Scope{generators.Everything(), without(model.CanStatus), without(model.CanGetEvents)} {
			m := machine(t, name, scope)
			for i := range m.States {
				for j := range i {
					apart := slices.ContainsFunc(m.identifiers[i], func(word []uint8) bool {
						if !slices.ContainsFunc(m.identifiers[j], func(o []uint8) bool { return slices.Equal(word, o) }) {
							return false
						}
						a, b := i, j
						for _, input := range word {
							a, b = m.Next(a, input), m.Next(b, input)
						}
						return observe(m.States[a].State, m.Separating, m) != observe(m.States[b].State, m.Separating, m)
					})
					require.True(t, apart, "%s: states %d and %d", name, i, j)
				}
			}
		}
	}
}

// TestWithoutGetTrailStatus: whether a trail logs shows in no read then, and in nothing that follows.
func TestWithoutGetTrailStatus(t *testing.T) {
	m := machine(t, "logging", without(model.CanStatus))
	assert.Equal(t, 217, len(m.States))
	assert.Contains(t, m.Abstraction, "Logging on and off is merged")
	assert.NotContains(t, machine(t, "logging", generators.Everything()).Abstraction, "merged")
}

// TestSuiteHasEveryWordOnce compares the numbered tests with what the method demands.
func TestSuiteHasEveryWordOnce(t *testing.T) {
	for name, scope := range map[string]generators.Scope{"management": generators.Everything(), "stores": generators.Everything(), "two-trails": without(model.CanGetEvents)} {
		for depth := range 3 {
			m := machine(t, name, scope)
			s := NewSuite(m, depth)
			if s.walks != nil || s.Tests > 100_000 {
				continue
			}
			seen, checked := map[string]int{}, map[string]int{}
			writes, reads := 0, 0
			var test Test
			for n := range s.Tests {
				s.Test(n, &test)
				seen[fmt.Sprint(test.Inputs)]++
				writes += len(m.Setup) + len(test.Inputs)
				require.Len(t, test.Reads, len(test.Inputs)+1)
				for at, what := range test.Reads {
					switch what {
					case ReadEverything:
						checked[fmt.Sprint(test.Inputs[:at])]++
						reads += len(m.Reads)
					case readSeparating:
						reads += len(m.Separating)
					}
				}
				require.Equal(t, readSeparating, test.Reads[len(test.Inputs)])
			}
			w, r := s.Cost()
			assert.Equal(t, [2]int{writes, reads}, [2]int{w, r}, "%s, depth %d: the cost", name, depth)

			var words func(length int, do func([]uint8))
			words = func(length int, do func([]uint8)) {
				if length == 0 {
					do(nil)
					return
				}
				words(length-1, func(w []uint8) {
					for input := range m.Inputs {
						do(append(slices.Clone(w), uint8(input)))
					}
				})
			}
			for i, state := range m.States {
				for length := 0; length <= depth+1; length++ {
					words(length, func(w []uint8) {
						at := i
						for _, input := range w {
							at = m.Next(at, input)
						}
						node := append(slices.Clone(state.Access), w...)
						for k, id := range m.identifiers[at] {
							if k > 0 || length == depth+1 {
								require.NotZero(t, seen[fmt.Sprint(append(slices.Clone(node), id...))], "%s, depth %d: %v after %v", name, depth, id, node)
							}
						}
						if length <= depth {
							require.NotZero(t, checked[fmt.Sprint(node)], "%s, depth %d: nothing is read after %v", name, depth, node)
						}
					})
				}
			}
		}
	}
}

// automaton is a machine as tables: what a faulty implementation of it does.
type automaton struct {
	next, answers [][]int
	shows         [][]int // by state and read
}

// tables renders the machine as its reference behaves.
func tables(m *Machine) *automaton {
	kinds := map[string]int{}
	number := func(text string) int {
		if _, ok := kinds[text]; !ok {
			kinds[text] = len(kinds)
		}
		return kinds[text]
	}
	a := &automaton{}
	for i, state := range m.States {
		var next, answers, shows []int
		for input := range m.Inputs {
			next = append(next, m.Next(i, uint8(input)))
			answers = append(answers, number(model.Step(state.State, m.Inputs[input].Request)[0].Answer.Kind()))
		}
		for k := range m.Reads {
			shows = append(shows, number(observe(state.State, m.Reads[k:k+1], m)))
		}
		a.next, a.answers, a.shows = append(a.next, next), append(a.answers, answers), append(a.shows, shows)
	}
	return a
}

func (a *automaton) clone() *automaton {
	deep := func(rows [][]int) [][]int {
		out := make([][]int, len(rows))
		for i := range rows {
			out[i] = slices.Clone(rows[i])
		}
		return out
	}
	return &automaton{deep(a.next), deep(a.answers), deep(a.shows)}
}

// add appends a copy of a state and returns its number.
func (a *automaton) add(state int) int {
	a.next = append(a.next, slices.Clone(a.next[state]))
	a.answers = append(a.answers, slices.Clone(a.answers[state]))
	a.shows = append(a.shows, slices.Clone(a.shows[state]))
	return len(a.next) - 1
}

// equivalent reports whether no sequence of inputs and reads tells an automaton from another one.
func (a *automaton) equivalent(o *automaton) bool {
	type pair struct{ a, o int }
	seen := map[pair]bool{{0, 0}: true}
	for queue := []pair{{0, 0}}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if !slices.Equal(a.shows[at.a], o.shows[at.o]) || !slices.Equal(a.answers[at.a], o.answers[at.o]) {
			return false
		}
		for input := range a.next[at.a] {
			if to := (pair{a.next[at.a][input], o.next[at.o][input]}); !seen[to] {
				seen[to] = true
				queue = append(queue, to)
			}
		}
	}
	return true
}

// The classes of faulty machine.
const (
	wrongOutput = "a wrong answer"
	wrongRead   = "a wrong read"
	wrongNext   = "a wrong next state"
	oneExtra    = "one extra state"
	twoExtra    = "two extra states"
)

// faulty draws an automaton that differs from another one in some way of a class.
func faulty(random *rand.Rand, right *automaton, class string) *automaton {
	a := right.clone()
	states, inputs, reads := len(a.next), len(a.next[0]), len(a.shows[0])
	spoil := func(state int, kind int) {
		switch kind {
		case 0:
			a.answers[state][random.IntN(inputs)] += 1 + random.IntN(3)
		case 1:
			a.shows[state][random.IntN(reads)] = -1
		default:
			a.next[state][random.IntN(inputs)] = random.IntN(states)
		}
	}
	// detour makes some of the transitions into a state lead to a copy of it.
	detour := func(into int, from []int) int {
		extra := a.add(into)
		if random.IntN(2) == 0 { // once there, it stays apart
			for input, to := range a.next[extra] {
				if to == into {
					a.next[extra][input] = extra
				}
			}
		}
		type edge struct{ state, input int }
		var edges []edge
		for _, state := range from {
			for input, to := range a.next[state] {
				if to == into {
					edges = append(edges, edge{state, input})
				}
			}
		}
		random.Shuffle(len(edges), func(i, j int) { edges[i], edges[j] = edges[j], edges[i] })
		for _, e := range edges[:1+random.IntN(min(3, len(edges)))] {
			a.next[e.state][e.input] = extra
		}
		return extra
	}
	every := make([]int, states)
	for i := range every {
		every[i] = i
	}
	switch class {
	case wrongOutput:
		spoil(random.IntN(states), 0)
	case wrongRead:
		spoil(random.IntN(states), 1)
	case wrongNext:
		spoil(random.IntN(states), 2)
	case oneExtra:
		spoil(detour(random.IntN(states), every), random.IntN(3))
	case twoExtra:
		first := detour(random.IntN(states), every)
		var onwards []int
		for _, to := range a.next[first] {
			if to < states {
				onwards = append(onwards, to)
			}
		}
		if len(onwards) == 0 {
			return right // no second state to be had
		}
		spoil(detour(onwards[random.IntN(len(onwards))], []int{first}), random.IntN(3))
	}
	return a
}

var faultClasses = []string{wrongOutput, wrongRead, wrongNext, oneExtra, twoExtra}

// extras is how many states a class adds.
var extras = map[string]int{oneExtra: 1, twoExtra: 2}

// catches executes a suite on a faulty automaton, up to the first difference.
func (s *Suite) catches(right, wrong *automaton) bool {
	m := s.machine
	var separating []int
	for _, r := range m.Separating {
		separating = append(separating, slices.IndexFunc(m.Reads, func(o model.Request) bool { return o.Op == r.Op && o.Input.Equal(r.Input) }))
	}
	var test Test
	for n := range s.Tests {
		s.Test(n, &test)
		a, b := 0, 0
		for at := 0; ; at++ {
			switch test.Reads[at] {
			case ReadEverything:
				if !slices.Equal(right.shows[a], wrong.shows[b]) {
					return true
				}
			case readSeparating:
				for _, k := range separating {
					if right.shows[a][k] != wrong.shows[b][k] {
						return true
					}
				}
			}
			if at == len(test.Inputs) {
				break
			}
			input := test.Inputs[at]
			if right.answers[a][input] != wrong.answers[b][input] {
				return true
			}
			a, b = right.next[a][input], wrong.next[b][input]
		}
	}
	return false
}

// TestCompleteSuitesCatchEveryFaultyMachine draws faulty machines that are not equivalent to the
// right one: the suite of a depth catches each that has at most so many states more.
func TestCompleteSuitesCatchEveryFaultyMachine(t *testing.T) {
	for _, test := range []struct {
		machine string
		scope   generators.Scope
		depth   int
		each    int // drawn of each class
	}{
		{"trail", generators.Everything(), 0, 1000},
		{"trail", generators.Everything(), 1, 300},
		{"trail", without(model.CanStatus, model.CanGetTrail), 1, 100},
		{"management", generators.Everything(), 0, 1000},
		{"management", generators.Everything(), 1, 1000},
		{"management", generators.Everything(), 2, 1000},
		{"management", without(model.CanGetEvents), 2, 300}, // with identifiers that are no reads
		{"two-trails", generators.Everything(), 1, 300},
		{"stores", generators.Everything(), 2, 100},
		{"logging", generators.Everything(), 0, 300},
		{"logging", without(model.CanStatus), 0, 300},
	} {
		t.Run(fmt.Sprintf("%s depth %d", test.machine, test.depth), func(t *testing.T) {
			t.Parallel()
			m := machine(t, test.machine, test.scope)
			suite, right := NewSuite(m, test.depth), tables(m)
			random := rand.New(rand.NewPCG(uint64(test.depth), 7))
			for _, class := range faultClasses {
				if extras[class] > test.depth {
					continue
				}
				different := 0
				for range test.each {
					wrong := faulty(random, right, class)
					if wrong.equivalent(right) {
						continue
					}
					different++
					require.True(t, suite.catches(right, wrong), "%s, the %d-th", class, different)
				}
				require.Greater(t, different, test.each/3, "%s: most differ", class)
			}
		})
	}
}

// TestLesserSuitesMissSome: what the depth is for. A suite of too small a depth misses machines with
// extra states.
func TestLesserSuitesMissSome(t *testing.T) {
	m := machine(t, "management", generators.Everything())
	right := tables(m)
	for depth, class := range []string{oneExtra, twoExtra} {
		random := rand.New(rand.NewPCG(1, 1))
		suite, missed := NewSuite(m, depth), 0
		for range 500 {
			if wrong := faulty(random, right, class); !wrong.equivalent(right) && !suite.catches(right, wrong) {
				missed++
			}
		}
		assert.Positive(t, missed, "depth %d, %s", depth, class)
	}
}

func world() *model.World { w := model.DefaultWorld; return &w }

// trailState has a logging trail.
func trailState() model.State {
	s, _ := generators.Reference(model.NewState(world()), generators.NewTrail(generators.Everything())...)
	return s
}

package machine

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
)

// TestWalksHaveEveryWord compares walks with what the argument for them takes for granted.
func TestWalksHaveEveryWord(t *testing.T) {
	for _, name := range []string{"management", "trail", "two-trails", "stores"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := machine(t, name, generators.Everything())
			s := NewSuite(m, 1)
			require.NotEmpty(t, s.walks)
			type transition struct {
				from  int
				input uint8
			}
			began, followed, read := map[uint8]bool{}, map[transition]map[uint8]bool{}, map[transition]bool{}
			writes, reads := 0, 0
			for n := range s.Tests {
				var test Test
				s.Test(n, &test)
				require.Len(t, test.Reads, len(test.Inputs)+1)
				require.True(t, test.Joined)
				writes += len(m.Setup) + len(test.Inputs)
				states := []int{0}
				for _, input := range test.Inputs {
					states = append(states, m.Next(states[len(states)-1], input))
				}
				known := func(j int) bool { return j == 0 || test.Reads[j] != ReadNothing }
				for j, what := range test.Reads {
					reads += map[uint8]int{readSeparating: len(m.Separating), ReadEverything: len(m.Reads)}[what]
					if j == 0 || what == ReadNothing {
						continue
					}
					by := transition{states[j-1], test.Inputs[j-1]}
					came := states[j] != states[j-1] || j == 1 || states[j-2] != states[j-1] && known(j-2)
					if what == ReadEverything && came && known(j-1) {
						read[by] = true
					}
					if j == 1 {
						began[test.Inputs[0]] = true
						continue
					}
					before := transition{states[j-2], test.Inputs[j-2]}
					if came = before.from != states[j-1] || j == 2 || states[j-3] != before.from && known(j-3); came && known(j-1) && known(j-2) {
						if followed[before] == nil {
							followed[before] = map[uint8]bool{}
						}
						followed[before][by.input] = true
					}
				}
			}
			w, r := s.Cost()
			assert.Equal(t, [2]int{writes, reads}, [2]int{w, r}, "the cost")
			assert.Len(t, began, len(m.Inputs))
			for from := range m.States {
				for input := range m.Inputs {
					by := transition{from, uint8(input)}
					at := m.Next(from, by.input)
					require.True(t, read[by], "not all is read after input %d of state %d", input, from)
					for next := range m.Inputs {
						if stay := at == from && m.Next(at, uint8(next)) == at; !stay {
							require.True(t, followed[by][uint8(next)], "input %d does not follow input %d of state %d", next, input, from)
						}
					}
				}
			}
		})
	}
}

// TestWalksCatchWhatOnlyStays: of a state and another one that only inputs lead to that stay, one of those is wrong.
func TestWalksCatchWhatOnlyStays(t *testing.T) {
	for _, name := range []string{"management", "two-trails", "stores", "trail"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := machine(t, name, generators.Everything())
			suite, right, random := NewSuite(m, 1), tables(m), rand.New(rand.NewPCG(3, 4))
			for range 200 {
				state := random.IntN(len(m.States))
				var stay []int
				for input, to := range right.next[state] {
					if to == state {
						stay = append(stay, input)
					}
				}
				if len(stay) == 0 {
					continue
				}
				wrong := right.clone()
				extra := wrong.add(state)
				for _, input := range stay { // each leads to one of the two, but one alone leads there first
					wrong.next[extra][input] = []int{state, extra}[random.IntN(2)]
				}
				wrong.next[state][stay[random.IntN(len(stay))]] = extra
				if random.IntN(2) == 0 {
					wrong.next[state][stay[random.IntN(len(stay))]] = extra
				}
				wrong.answers[extra][stay[random.IntN(len(stay))]]++
				require.True(t, suite.catches(right, wrong), "state %d: %v", state, wrong.next[extra])
			}
		})
	}
}

// TestWalksOnlyWhereReadsTellStatesApart: elsewhere the suite has each word by itself.
func TestWalksOnlyWhereReadsTellStatesApart(t *testing.T) {
	m := machine(t, "management", without(model.CanGetEvents))
	require.True(t, slices.ContainsFunc(m.identifiers, func(words [][]uint8) bool { return len(words) > 1 }), "states that reads do not tell apart")
	assert.Empty(t, NewSuite(m, 1).walks)
	assert.Empty(t, NewSuite(machine(t, "management", generators.Everything()), 2).walks)
}

// TestNoReadToSpare: the reads that are left out of Separating tell nothing apart that the others do not, and without one
// more of those some states look alike.
func TestNoReadToSpare(t *testing.T) {
	for _, name := range Names() {
		m := machine(t, name, generators.Everything())
		reads := m.Reads
		if name == "logging" { // where GetTrail does not always claim its flag, and words do instead
			reads = slices.DeleteFunc(slices.Clone(reads), func(r model.Request) bool { return r.Op == model.OpTrail })
		}
		_, all := m.classes(func(i int) string { return observe(m.States[i].State, reads, m) })
		_, told := m.classes(func(i int) string { return observe(m.States[i].State, m.Separating, m) })
		assert.Equal(t, all, told, "%s: the reads that were left out tell states apart", name)
		for i := range m.Separating {
			_, fewer := m.classes(func(at int) string {
				return observe(m.States[at].State, slices.Delete(slices.Clone(m.Separating), i, i+1), m)
			})
			assert.Less(t, fewer, told, "%s: %v tells nothing apart", name, m.Separating[i])
		}
	}
}

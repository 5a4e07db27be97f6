package machine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
)

// restart stands in a walk for a fresh world.
const restart = -1

// walkCatches plays inputs with every read after each, up to the first difference.
func walkCatches(walk []int, right, wrong *automaton) bool {
	a, b := 0, 0
	for _, input := range walk {
		if input == restart {
			a, b = 0, 0
			continue
		}
		if right.answers[a][input] != wrong.answers[b][input] {
			return true
		}
		a, b = right.next[a][input], wrong.next[b][input]
		if !slices.Equal(right.shows[a], wrong.shows[b]) {
			return true
		}
	}
	return false
}

// cost counts the requests of a walk.
func (m *Machine) cost(walk []int) int {
	n := len(m.Setup)
	for _, input := range walk {
		if input == restart {
			n += len(m.Setup)
		} else {
			n += 1 + len(m.Separating)
		}
	}
	return n
}

// tourOf is the tour of all transitions of the trail machine as inputs of that machine.
func tourOf(m *Machine) []int {
	tour := NewTour(generators.Everything(), 0, 1)
	s, _ := generators.Reference(model.NewState(world()), m.Setup...)
	var walk []int
	for {
		r, ok := tour.Next(s)
		if !ok {
			return walk
		}
		tour.Covered(s, r)
		walk = append(walk, slices.IndexFunc(m.Inputs, func(i namedRequest) bool { return i.Request.Op == r.Op && i.Request.Input.Equal(r.Input) }))
		s = model.Step(s, r)[0].Next
	}
}

// randomWalk draws inputs until they cost as much as a suite; a world serves for 60.
func randomWalk(random *rand.Rand, m *Machine, cost int) []int {
	var walk []int
	for n := 0; n < cost; {
		for range 60 {
			walk = append(walk, random.IntN(len(m.Inputs)))
		}
		walk = append(walk, restart)
		n += 60*(1+len(m.Separating)) + len(m.Setup)
	}
	return walk
}

// BenchmarkFaultyMachines prints which share of faulty machines a complete suite catches, and what a
// tour of all transitions and random walks of the same cost miss:
//
//	go test ./generators/machine -run '^$' -bench FaultyMachines -benchtime 1x
func BenchmarkFaultyMachines(b *testing.B) {
	for b.Loop() {
		table := "\n| machine | depth | faulty machines | drawn | complete suite | random walks of equal cost | tour |\n|---|---|---|---|---|---|---|\n"
		for _, row := range []struct {
			machine string
			depth   int
			each    int
		}{{"trail", 0, 2000}, {"trail", 1, 1000}, {"trail", 2, 20}, {"management", 2, 2000}, {"two-trails", 1, 500}, {"logging", 1, 20}} {
			m := machine(b, row.machine, generators.Everything())
			suite, right := NewSuite(m, row.depth), tables(m)
			random := rand.New(rand.NewPCG(uint64(row.depth), 11))
			writes, reads := suite.Cost()
			walk := randomWalk(random, m, writes+reads)
			var tour []int
			if row.machine == "trail" {
				tour = tourOf(m)
			}
			for _, class := range faultClasses {
				if extras[class] > row.depth {
					continue
				}
				drawn, bySuite, byWalk, byTour := 0, 0, 0, 0
				for range row.each {
					wrong := faulty(random, right, class)
					if wrong.equivalent(right) {
						continue
					}
					drawn++
					bySuite += caught(suite.catches(right, wrong))
					byWalk += caught(walkCatches(walk, right, wrong))
					byTour += caught(walkCatches(tour, right, wrong))
				}
				shown := "–"
				if tour != nil {
					shown = share(byTour, drawn)
				}
				table += fmt.Sprintf("| %s | %d | %s | %d | %s | %s | %s |\n", row.machine, row.depth, class, drawn, share(bySuite, drawn), share(byWalk, drawn), shown)
			}
			ofTour := "–"
			if tour != nil {
				ofTour = fmt.Sprint(m.cost(tour))
			}
			table += fmt.Sprintf("| | | *requests* | | %d | %d | %s |\n", writes+reads, m.cost(walk), ofTour)
		}
		fmt.Print(table) // b.Log cuts it off
	}
}

func caught(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func share(n, of int) string {
	if n == of {
		return "all"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(max(of, 1)))
}

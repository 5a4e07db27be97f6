package machine

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports/plain"
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

// machinesRow is a part of the table of faulty machines: so many are drawn of each class.
type machinesRow struct {
	machine string
	depth   int
	each    int
}

var machinesRows = []machinesRow{{"trail", 0, 2000}, {"trail", 1, 1000}, {"trail", 2, 20}, {"management", 2, 2000}, {"two-trails", 1, 500}, {"logging", 1, 20}}

const machinesHead = `| machine | depth | faulty machines | drawn | complete suite | random walks of equal cost | tour |
|---|---|---|---|---|---|---|
`

// table draws faulty machines and says which share of them a complete suite catches, and a tour of all transitions and
// random walks of the same cost. Without shares they are drawn and counted alone.
func (row machinesRow) table(t testing.TB, shares bool) string {
	m := machine(t, row.machine, generators.Everything())
	suite, right := NewSuite(m, row.depth), tables(m)
	random := rand.New(rand.NewPCG(uint64(row.depth), 11))
	writes, reads := suite.Cost()
	walk := randomWalk(random, m, writes+reads)
	var tour []int
	if row.machine == "trail" {
		tour = tourOf(m)
	}
	table := ""
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
			if shares {
				bySuite += caught(suite.catches(right, wrong))
				byWalk += caught(walkCatches(walk, right, wrong))
				byTour += caught(walkCatches(tour, right, wrong))
			}
		}
		table += fmt.Sprintf("| %s | %d | %s | %s |", row.machine, row.depth, class, plain.Grouped(drawn))
		if shares {
			shown := "–"
			if tour != nil {
				shown = share(byTour, drawn)
			}
			table += fmt.Sprintf(" %s | %s | %s |", share(bySuite, drawn), share(byWalk, drawn), shown)
		}
		table += "\n"
	}
	ofTour := "–"
	if tour != nil {
		ofTour = plain.Grouped(m.cost(tour))
	}
	return table + fmt.Sprintf("|  |  | *requests* |  | %s | %s | %s |\n", plain.Grouped(writes+reads), plain.Grouped(m.cost(walk)), ofTour)
}

// BenchmarkFaultyMachines prints the table of docs/complete-suites.md:
//
//	go test ./generators/machine -run '^$' -bench FaultyMachines -benchtime 1x
func BenchmarkFaultyMachines(b *testing.B) {
	for b.Loop() {
		table := "\n" + machinesHead
		for _, row := range machinesRows {
			table += row.table(b, true)
		}
		fmt.Print(table) // b.Log cuts it off
	}
}

// TestTableOfThePage: the page has what the benchmark prints. Which share is caught takes long to tell of the largest
// machines; of these, what is drawn and what it costs is compared.
func TestTableOfThePage(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../docs/complete-suites.md")
	require.NoError(t, err)
	for _, name := range Names() {
		m := machine(t, name, generators.Everything())
		assert.Regexp(t, fmt.Sprintf("(?m)^\\| `%s` \\|.*\\| %d \\| %d \\|$", name, len(m.States), len(m.Inputs)), string(data))
	}
	_, page, found := strings.Cut(string(data), machinesHead)
	require.True(t, found)
	shares := regexp.MustCompile(`(?m)^(\| [a-z].*?\|.*?\|.*?\|.*?\|).*$`)
	for _, row := range machinesRows {
		whole := row.machine == "management" || row.depth == 0
		table := row.table(t, whole)
		shown := strings.Join(strings.SplitAfter(page, "\n")[:strings.Count(table, "\n")], "")
		page = strings.TrimPrefix(page, shown)
		if !whole {
			shown = shares.ReplaceAllString(shown, "$1")
		}
		assert.Equal(t, table, shown, "make it anew by the benchmark")
	}
	assert.True(t, strings.HasPrefix(page, "\n"), "the table ends")
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

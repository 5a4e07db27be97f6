package reports

import (
	"fmt"
	"strconv"

	"github.com/insightconform/conform/targets"
)

// PlanSchema identifies the JSON form of a Plan.
const PlanSchema = "conform/plan/1"

// Plan says what a run would do.
type Plan struct {
	Schema       string          `json:"schema"`
	Target       targets.Info    `json:"target"`
	Shard        string          `json:"shard,omitempty"`
	Workers      int             `json:"workers"`
	Rate         float64         `json:"requests_per_second"` // measured; 0 where it could not be
	Capabilities map[string]bool `json:"capabilities"`
	Suites       []PlannedSuite  `json:"suites"`
	// Sections say what else there is to know before a run, and Details has it for machines.
	Sections []PlanSection `json:"-"`
	Details  any           `json:"details,omitempty"`
}

// PlanSection is a titled list of labels with texts.
type PlanSection struct {
	Title   string
	Entries [][2]string
}

// Totals counts the tests and requests of all suites.
func (p *Plan) Totals() (tests, writes, reads int) {
	for _, s := range p.Suites {
		tests, writes, reads = tests+s.Tests, writes+s.Writes, reads+s.Reads
	}
	return tests, writes, reads
}

// PlannedSuite is what a suite would send, set-up as writes; confirming and cleaning up come on top.
type PlannedSuite struct {
	Name        string       `json:"name"`
	Tests       int          `json:"tests,omitempty"` // or cases
	Writes      int          `json:"writes"`
	Reads       int          `json:"reads"`
	Estimated   bool         `json:"estimated,omitempty"`
	NotCovered  string       `json:"not_covered,omitempty"` // why nothing can be sent
	Certificate *Certificate `json:"certificate,omitempty"` // what a whole run of it would guarantee
}

// Shard is one of several equal shares of a run's work. The zero value is all of it.
type Shard struct {
	Index int // from 0
	Count int // 0 is the same as 1
}

// String renders the shard as people count: "2/4" is the second of four; empty is all.
func (s Shard) String() string {
	if s.Count < 2 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.Index+1, s.Count)
}

// maxShards keeps a slip of the finger from asking for the impossible.
const maxShards = 10_000

// ShardOf is the share of a job by its index, counted from first, among so many; all, where that makes no sense.
func ShardOf(index, count string, first int) (Shard, bool) {
	i, err1 := strconv.Atoi(index)
	n, err2 := strconv.Atoi(count)
	i -= first
	if err1 != nil || err2 != nil || i < 0 || i >= n || n > maxShards || strconv.Itoa(i+first) != index || strconv.Itoa(n) != count {
		return Shard{}, false
	}
	return Shard{Index: i, Count: n}, true
}

// Part is what worker i of n has to do of the whole: which of how many parts.
func (s Shard) Part(i, n int) (part, parts int) {
	return s.Index*n + i, max(1, s.Count) * n
}

// Share is the range of n tests that the shard has.
func (s Shard) Share(n int) (from, to int) {
	count := max(1, s.Count)
	return n * s.Index / count, n * (s.Index + 1) / count
}

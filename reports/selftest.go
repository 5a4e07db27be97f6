package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
)

// The verdicts of a Selftest beside Interrupted.
const (
	Passed        Verdict = "passed"
	NotPassed     Verdict = "failed"
	ClassTolerant         = "tolerated"
	ClassSame             = "equivalent"
)

// Selftest is what became of the deliberately wrong servers on which conform was tested.
type Selftest struct {
	Schema   string  `json:"schema"`
	Version  string  `json:"version,omitempty"` // of conform
	Verdict  Verdict `json:"verdict"`
	ExitCode int     `json:"exit_code"`
	// Problems says, one line each, what conform did not do as it should.
	Problems []string `json:"problems"`
	Command  string   `json:"command"` // repeats it
	Seed     uint64   `json:"seed"`

	Walk   SelftestWalk    `json:"walk"`
	Right  SelftestRight   `json:"right"` // the run against the server without a fault
	Faults []SelftestFault `json:"faults"`
	// Rules says of each rule how many faults it has caught. It is empty where only some faults were run.
	Rules []SelftestRule `json:"rules"`
}

// SelftestWalk is how far the walk went that tells which faults are wrong at all.
type SelftestWalk struct {
	States   int `json:"states"`
	Requests int `json:"requests"` // that were sent in each of the states
	Words    int `json:"words"`    // sequences of calls, for the faults that remember
}

// SelftestRight is the run against the right implementation.
type SelftestRight struct {
	Verdict     Verdict `json:"verdict"`
	Requests    int     `json:"requests"`
	Divergences int     `json:"divergences"`
	Deviations  int     `json:"deviations"`
}

// SelftestFault is one wrong server.
type SelftestFault struct {
	Name     string   `json:"name"`
	Rule     model.ID `json:"rule"` // that it is about
	Describe string   `json:"describe"`
	Deep     bool     `json:"deep,omitempty"` // it shows only after some history
	// Class is equivalent, tolerated, or wrong: then a run must catch it.
	Class   string `json:"class"`
	Changed int    `json:"changed_answers,omitempty"` // of the walk, where none is wrong
	Witness string `json:"witness,omitempty"`         // a wrong answer of the walk
	// Ran is false where an interruption came before its run.
	Ran             bool         `json:"ran"`
	Caught          *SelftestHit `json:"caught,omitempty"`
	Requests        int          `json:"requests"`         // until it was caught, or of the whole run
	ConfirmRequests int          `json:"confirm_requests"` // spent on confirming, not part of Requests
	Deviations      []model.ID   `json:"deviations"`       // the rules that accept its answers
	Problem         string       `json:"problem,omitempty"`
}

// SelftestHit is the divergence with which a run caught a fault.
type SelftestHit struct {
	Signature string      `json:"signature"`
	Rule      model.ID    `json:"rule"`
	Level     model.Level `json:"level"`
	Status    string      `json:"status"` // Confirmed or Unrepeated
}

// SelftestRule says what a rule has caught.
type SelftestRule struct {
	Rule   model.ID `json:"rule"`
	Faults int      `json:"faults"`
	Why    string   `json:"why,omitempty"` // it need not catch any
}

// SortFaults brings the faults into the order of their rules; those of one rule stay in theirs.
func (s *Selftest) SortFaults() {
	place := rulePlaces()
	slices.SortStableFunc(s.Faults, func(a, b SelftestFault) int { return cmp.Compare(place[a.Rule], place[b.Rule]) })
}

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

package reports

import (
	"slices"

	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/targets"
)

// Plan says what a run would do.
type Plan struct {
	Schema       string          `json:"schema"`
	Target       targets.Info    `json:"target"`
	Shard        string          `json:"shard,omitempty"`
	Workers      int             `json:"workers"`
	Rate         float64         `json:"requests_per_second"` // measured; 0 where it could not be
	Capabilities map[string]bool `json:"capabilities"`
	Rules        int             `json:"rules"`        // that the target's capabilities let a run judge
	RulesInAll   int             `json:"rules_in_all"` // of servers
	Suites       []PlannedSuite  `json:"suites"`
	AtMost       int             `json:"requests_at_most,omitempty"` // of all suites, where that is less
	Budgets      []PlannedBudget `json:"budgets"`                    // what runs would send that name one, and nothing beside
	Besides      []PlannedSuite  `json:"besides,omitempty"`          // what is sent between cases
	Regions      int             `json:"-"`                          // that have a quota each
	// Sections say what else there is to know before a run, and Details has it for machines.
	Sections []plain.Group[string, [2]string] `json:"-"` // by title, labels with texts
	Details  any                              `json:"details,omitempty"`
}

// Totals counts the tests and requests of all that a run would send.
func (p *Plan) Totals() (tests, writes, reads int) {
	for _, s := range slices.Concat(p.Suites, p.Besides) {
		tests, writes, reads = tests+s.Tests, writes+s.Writes, reads+s.Reads
	}
	return tests, writes, reads
}

// PlannedBudget is what a run of a budget would send, and what such runs catch of the faults that come with conform, as measured.
type PlannedBudget struct {
	Name   string   `json:"name"`
	Suites []string `json:"suites"`
	Writes int      `json:"writes"`
	Reads  int      `json:"reads"`
	AtMost int      `json:"requests_at_most,omitempty"` // with those of confirming and shortening
	// Faults are those with wrong answers that the request and the state of the model decide; HiddenState are those with a
	// state of their own. Pairs are of one without such a state and a flaw that is common among emulators and does not hide it.
	Faults      Count `json:"faults"`
	HiddenState Count `json:"hidden_state_faults"`
	Pairs       Count `json:"pairs"`
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

package reports

import (
	"cmp"
	"slices"

	"github.com/insightconform/conform/model"
)

// SelftestSchema identifies the JSON form of a Selftest.
const SelftestSchema = "conform/selftest/1"

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

package reports

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/targets"
)

// Certificate says what a complete suite guarantees of one machine, or how far it got. Only a suite of which every test
// was executed and passed, with its hypotheses found to hold where they can be checked, has Holds.
type Certificate struct {
	Machine     string   `json:"machine"`     // its short name, as --machine takes it
	Abstraction string   `json:"abstraction"` // which states are told apart, and which requests form a class
	Fingerprint string   `json:"fingerprint"` // of states, inputs and transitions: equal ones can be merged
	States      int      `json:"states"`
	Inputs      []string `json:"inputs"` // one for each class of requests
	Transitions int      `json:"transitions"`
	Reads       []string `json:"reads"` // that tell the states apart
	Depth       int      `json:"depth"` // the number of extra states up to which every faulty machine is caught

	Tests    int      `json:"tests"`              // of the whole suite
	Requests int      `json:"requests"`           // that the whole suite takes
	Done     [][2]int `json:"done"`               // the executed tests, as ranges [from, to) in order
	Failed   int      `json:"failed"`             // tests in which a divergence was seen
	Unstable int      `json:"unstable,omitempty"` // tests in which the target took another allowed way than before
	RanOut   []string `json:"ran_out,omitempty"`  // as of End, where tests were not executed
	Shard    string   `json:"shard,omitempty"`    // "i/n" where only that share was to be executed

	Hypotheses []string `json:"hypotheses"` // in plain words
	Holds      bool     `json:"holds"`
	Result     string   `json:"result"` // one sentence
}

// Precedence is what is learned of the order in which a target selects its errors.
type Precedence struct {
	Schema   string       `json:"schema"`
	Version  string       `json:"version,omitempty"` // of conform
	Target   targets.Info `json:"target"`
	Requests int          `json:"requests"`
	// Rules lists the error rules in the order that was learned; those of which nothing is known keep their place.
	Rules []model.ID `json:"rules"`
	// Codes has what each rule is answered with when it alone is broken, Unmeasured the rules that have
	// no such code on this target, with the reason.
	Codes      map[model.ID]string `json:"codes"`
	Unmeasured map[model.ID]string `json:"unmeasured,omitempty"`
	Cells      []PrecedenceCell    `json:"cells"` // one for each pair of rules
	// Cycles lists sets of rules without an order, Triples the answers to requests that break three rules of a set.
	Cycles  [][]model.ID       `json:"cycles,omitempty"`
	Triples []PrecedenceTriple `json:"triples,omitempty"`
	// Holds lists the pairs that were told apart and agree with Rules: the target can be held to them.
	Holds [][2]model.ID `json:"holds"`
}

// The values of PrecedenceCell.Status.
const (
	CellFirst             = "first"             // First is answered where both are broken
	CellSecond            = "second"            // Second is
	CellIndistinguishable = "indistinguishable" // both alone are answered alike
	CellOther             = "other"             // neither's own answer was given
	CellUnstable          = "unstable"          // the answer differs from try to try, or among requests that break the same two
	CellImpossible        = "impossible"        // no request breaks exactly these two
	CellNotCovered        = "not covered"       // the target cannot be brought there
)

// PrecedenceCell is what was measured of two rules that one request breaks, in the reference's order.
type PrecedenceCell struct {
	First  model.ID `json:"first"`
	Second model.ID `json:"second"`
	Status string   `json:"status"`
	// Own has what each of the two alone was answered with, in a request as like as can be.
	Own    [2]string `json:"own,omitzero"`
	Answer string    `json:"answer,omitempty"` // that was given
	Why    string    `json:"why,omitempty"`    // of impossible, not covered, other and unstable cells
	Steps  []Step    `json:"steps,omitempty"`  // the evidence: the set-up and the request that breaks both
}

// PrecedenceTriple is what was answered to a request that breaks just three rules each of which is
// answered before the next, and the last before the first.
type PrecedenceTriple struct {
	Rules  [3]model.ID `json:"rules"`
	Answer string      `json:"answer,omitempty"` // empty where no one request breaks just the three
	First  model.ID    `json:"first,omitempty"`  // whose own answer that is
	Why    string      `json:"why,omitempty"`
	Steps  []Step      `json:"steps,omitempty"`
}

// Interval is what went on in a stretch of a run.
type Interval struct {
	Seconds  float64 `json:"seconds"` // from the beginning of the run to that of the interval
	Requests int     `json:"requests"`
	MeanMS   float64 `json:"mean_ms"`    // of the time to an answer
	SlowMS   float64 `json:"slowest_ms"` // the longest of them
}

// Settling says how long an eventually consistent target took until what a write stored was read.
type Settling struct {
	Waits          int     `json:"waits"` // reads that did not match at once
	MedianSeconds  float64 `json:"median_seconds"`
	LongestSeconds float64 `json:"longest_seconds"`
	TimedOut       int     `json:"timed_out"` // reads that never matched within the settle time
}

// Walk shows which transitions of the machine of one logging trail were covered. A row has one
// character for each input: '+' covered, '-' not covered, ' ' out of reach on this target.
type Walk struct {
	States []WalkState `json:"states"`
	Inputs []string    `json:"inputs"` // in words
}

// WalkState is a state of that machine with its row.
type WalkState struct {
	On   string `json:"on"`   // the selectors that are on
	Logs string `json:"logs"` // what the trail logs
	Row  string `json:"row"`
}

// ResourceState is what the model held of a trail or store after a step.
type ResourceState struct {
	Resource string              `json:"resource"`     // such as trail/us-east-1/alpha
	On       map[string][]string `json:"on,omitempty"` // the categories by insight type
	Logs     string              `json:"logs,omitempty"`
	Logging  bool                `json:"logging"`
}

// Same reports whether two certificates are of the same suite, so that what was executed of it can be joined.
func (c *Certificate) Same(o *Certificate) bool {
	return c.Machine == o.Machine && c.Fingerprint == o.Fingerprint && c.Depth == o.Depth && c.Tests == o.Tests
}

// Complete reports whether every test of the suite was executed.
func (c *Certificate) Complete() bool {
	return len(c.Done) == 1 && c.Done[0] == [2]int{0, c.Tests}
}

// Executed counts the executed tests.
func (c *Certificate) Executed() int {
	n := 0
	for _, d := range c.Done {
		n += d[1] - d[0]
	}
	return n
}

// share counts the tests that were to be executed: all, or those of the shard.
func (c *Certificate) share() int {
	index, count, _ := strings.Cut(c.Shard, "/")
	shard, _ := ShardOf(index, count, 1)
	from, to := shard.Share(c.Tests)
	return to - from
}

// Conclude sets Holds and Result by what was executed.
func (c *Certificate) Conclude() {
	c.Holds = false
	switch {
	case c.Failed > 0:
		c.Result = fmt.Sprintf("no certificate: %s of %s showed a divergence", plain.Grouped(c.Failed), plain.Counted(c.Executed(), "executed test"))
	case c.Unstable > 0:
		c.Result = fmt.Sprintf("no certificate: in %s the target took another allowed way than before, so that it is not deterministic on these classes", plain.Counted(c.Unstable, "test"))
	case !c.Complete():
		c.Result = fmt.Sprintf("no certificate yet: %s of %s executed, all passed", plain.Grouped(c.Executed()), plain.Counted(c.Tests, "test")) +
			plain.When(len(c.RanOut) > 0, "; a quota is reached: "+strings.Join(c.RanOut, ", "))
	default:
		c.Holds, c.RanOut = true, nil
		c.Result = fmt.Sprintf("all %s passed: under the hypotheses, the target behaves as this machine does", plain.Counted(c.Tests, "test"))
	}
}

// ReadPrecedence reads what Precedence.JSON wrote, strictly. Errors are one line.
func ReadPrecedence(data []byte) (*Precedence, error) {
	p := &Precedence{}
	if err := readStrictly(data, p); err != nil {
		return nil, fmt.Errorf("no precedence of errors: %w", err)
	}
	if p.Schema != PrecedenceSchema {
		return nil, fmt.Errorf("schema %q is not %q; 'conform learn --out PATH' writes such a file", plain.Shorten(p.Schema, plain.MaxShown), PrecedenceSchema)
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("no precedence of errors: %w", err)
	}
	return p, nil
}

// ReadOrder reads a file with an order of errors, which must be as for model.NewProfile. Errors are one line.
func ReadOrder(data []byte) (*model.Profile, error) {
	var p model.Profile
	if err := readStrictly(data, &p); err != nil {
		return nil, fmt.Errorf("not an error order: %w", err)
	} else if p.Schema != model.ProfileSchema {
		return nil, fmt.Errorf("schema %q is not %q", p.Schema, model.ProfileSchema)
	}
	return model.NewProfile(p.Name, p.Order, p.Holds)
}

// readStrictly reads one JSON value without unknown members.
func readStrictly(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return errors.New("the JSON ends too early")
		}
		return errors.New(plain.Text(err.Error()))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON value")
	}
	return nil
}

var CellStatuses = []string{CellFirst, CellSecond, CellIndistinguishable, CellOther, CellUnstable, CellNotCovered, CellImpossible}

// check finds what a reader could not rely on.
func (p *Precedence) check() error {
	if _, err := p.Profile(""); err != nil {
		return err
	}
	named := []plain.Group[string, model.ID]{{Key: "codes", Items: slices.Sorted(maps.Keys(p.Codes))},
		{Key: "unmeasured", Items: slices.Sorted(maps.Keys(p.Unmeasured))}}
	for i, c := range p.Cells {
		named = append(named, plain.Group[string, model.ID]{Key: fmt.Sprintf("cell %d", i+1), Items: []model.ID{c.First, c.Second}})
	}
	for i, set := range p.Cycles {
		named = append(named, plain.Group[string, model.ID]{Key: fmt.Sprintf("cycle %d", i+1), Items: set})
	}
	for i, t := range p.Triples {
		named = append(named, plain.Group[string, model.ID]{Key: fmt.Sprintf("triple %d", i+1), Items: t.Rules[:]})
	}
	for _, place := range named {
		if i := slices.IndexFunc(place.Items, func(id model.ID) bool { return model.Place(id) == 0 }); i >= 0 {
			return fmt.Errorf("%s: %q is no error rule", place.Key, plain.Shorten(string(place.Items[i]), plain.MaxShown))
		}
	}
	seen := map[[2]model.ID]bool{}
	for i, c := range p.Cells {
		pair := [2]model.ID{c.First, c.Second}
		switch {
		case !slices.Contains(CellStatuses, c.Status):
			return fmt.Errorf("cell %d: there is no status %q", i+1, plain.Shorten(c.Status, plain.MaxShown))
		case model.Place(c.First) >= model.Place(c.Second):
			return fmt.Errorf("cell %d: %s does not stand before %s in the reference's order", i+1, c.First, c.Second)
		case seen[pair]:
			return fmt.Errorf("cell %d: the pair %s and %s stands twice", i+1, c.First, c.Second)
		}
		seen[pair] = true
	}
	return nil
}

// JSON writes the precedence, with pseudonyms for account ids unless keepAccounts.
func (p *Precedence) JSON(w io.Writer, keepAccounts bool) error {
	c := *p
	if !keepAccounts {
		c.Cells, c.Triples = slices.Clone(p.Cells), slices.Clone(p.Triples)
		for i := range c.Cells {
			c.Cells[i].Steps = withPseudonyms(c.Cells[i].Steps)
		}
		for i := range c.Triples {
			c.Triples[i].Steps = withPseudonyms(c.Triples[i].Steps)
		}
	}
	return plain.WriteJSON(w, &c)
}

func withPseudonyms(steps []Step) []Step {
	steps = slices.Clone(steps)
	for i := range steps {
		steps[i].Sent, steps[i].Received = Pseudonymous(steps[i].Sent), Pseudonymous(steps[i].Received)
	}
	return steps
}

// Profile is the error order that a target can be held to: a partial one, of the pairs that were told apart.
func (p *Precedence) Profile(name string) (*model.Profile, error) {
	return model.NewProfile(name, p.Rules, p.Holds)
}

// Order is the two rules of a cell with the one that is answered first in front, where the cell says so.
func (c PrecedenceCell) Order() (pair [2]model.ID, ok bool) {
	switch c.Status {
	case CellFirst:
		return [2]model.ID{c.First, c.Second}, true
	case CellSecond:
		return [2]model.ID{c.Second, c.First}, true
	}
	return pair, false
}

// Chains has the pairs of which the first is answered before the second, by any chain of cells.
func (p *Precedence) Chains() map[[2]model.ID]bool {
	known := map[[2]model.ID]bool{}
	for _, c := range p.Cells {
		if pair, ok := c.Order(); ok {
			known[pair] = true
		}
	}
	rules := model.ErrorRules()
	for _, via := range rules {
		for _, a := range rules {
			for _, b := range rules {
				if known[[2]model.ID{a, via}] && known[[2]model.ID{via, b}] {
					known[[2]model.ID{a, b}] = true
				}
			}
		}
	}
	return known
}

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
	// Pairs are the servers with two faults, where they were asked for.
	Pairs []SelftestPair `json:"pairs,omitempty"`
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

// SelftestPair is a server with two faults, of which one is common in the field.
type SelftestPair struct {
	Flaw  string   `json:"flaw"` // the common one
	Fault string   `json:"fault"`
	Rule  model.ID `json:"rule"` // under which the fault is caught by itself
	// Hidden is that no request of the walk gets another wrong answer than from the flaw alone.
	Hidden   bool       `json:"hidden,omitempty"`
	Caught   bool       `json:"caught"` // under the same rule
	Requests int        `json:"requests,omitempty"`
	Instead  []model.ID `json:"instead,omitempty"` // the rules that a whole run reports beside those of the flaw
	Problem  string     `json:"problem,omitempty"`
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
	slices.SortStableFunc(s.Faults, func(a, b SelftestFault) int { return rulePlace(a.Rule) - rulePlace(b.Rule) })
}

// Shard is one of several equal shares of a run's work. The zero value is all of it.
type Shard struct {
	Index int // from 0
	Count int // 0 is the same as 1
}

// String renders the shard as people count: "2/4" is the second of four; empty is all.
func (s Shard) String() string {
	return plain.When(s.Count > 1, fmt.Sprintf("%d/%d", s.Index+1, s.Count))
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

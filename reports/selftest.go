package reports

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
)

// SelftestSchema identifies the JSON form of a Selftest.
const SelftestSchema = "conform/selftest/1"

// The verdicts of a Selftest beside Interrupted.
const (
	Passed        Verdict = "passed"
	NotPassed     Verdict = "failed"
	classTolerant         = "tolerated"
	classSame             = "equivalent"
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

// SelftestJSON writes the result as indented JSON.
func SelftestJSON(w io.Writer, s *Selftest) error {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(s); err != nil {
		return fmt.Errorf("the self-test as JSON: %w", err)
	}
	_, err := w.Write(escapeJSON(buffer.Bytes()))
	return err
}

// SelftestText writes the result for people: a line for each fault by family, and what they come to.
func SelftestText(w io.Writer, s *Selftest, options TextOptions) error {
	p := &page{TextOptions: options}
	p.matrix(s)
	p.selftestSummary(s)
	_, err := w.Write(p.buffer.Bytes())
	return err
}

// matrix lists the faults by the family of the rule that they are about.
func (p *page) matrix(s *Selftest) {
	name := "conform"
	if s.Version != "" {
		name += " " + s.Version
	}
	p.line(span{name, bold}, span{fmt.Sprintf(" · self-test on %s of the embedded server, seed %d", counted(len(s.Faults), "fault"), s.Seed), plain})
	names, rules := 0, 0
	for _, f := range s.Faults {
		names = max(names, length(f.Name))
		if f.Caught != nil {
			rules = max(rules, length(string(f.Caught.Rule)))
		}
	}
	if names > 0 {
		p.blank()
		p.line(span{fmt.Sprintf("  %-*s  %-*s  %-10s  %9s", names, "fault", rules, "caught by", "level", "requests"), dim})
	}
	for _, family := range families() {
		first := true
		for _, f := range s.Faults {
			if f.Rule.Family() != family {
				continue
			}
			if first {
				first = false
				p.blank()
				p.line(span{family, bold})
			}
			text, style := f.outcome(rules)
			p.line(span{fmt.Sprintf("  %-*s  ", names, f.Name), plain}, span{text, style})
		}
	}
}

// families lists the families of rules in the order of the table.
func families() []string {
	var out []string
	for i := range model.Rules {
		if family := model.Rules[i].Family(); !slices.Contains(out, family) {
			out = append(out, family)
		}
	}
	return out
}

// outcome says on one line what became of a fault.
func (f SelftestFault) outcome(ruleWidth int) (string, style) {
	switch {
	case f.Problem != "":
		return f.Problem, red
	case !f.Ran, f.Class == "":
		return "not judged", yellow
	case f.Class == classSame:
		return "equivalent: no answer changes", dim
	case f.Class == classTolerant:
		return fmt.Sprintf("tolerated: %s changed, each an accepted one", counted(f.Changed, "answer")), dim
	}
	text := fmt.Sprintf("%-*s  %-10s  %9s", ruleWidth, f.Caught.Rule, f.Caught.Level, grouped(f.Requests))
	if f.Caught.Status != Confirmed {
		text += "  not again on a fresh world"
	}
	return text, plain
}

// selftestSummary says what the faults come to.
func (p *page) selftestSummary(s *Selftest) {
	var requests []int
	judged, must, tolerated, shown, same, unchanged := 0, 0, 0, 0, 0, 0
	for _, f := range s.Faults {
		if !f.Ran || f.Class == "" {
			continue
		}
		judged++
		fine := boolToInt(f.Problem == "")
		switch f.Class {
		case classSame:
			same++
			unchanged += fine
		case classTolerant:
			tolerated++
			shown += fine
		default:
			must++
			if f.Caught != nil {
				requests = append(requests, f.Requests)
			}
		}
	}
	p.blank()
	right := fmt.Sprintf("%s after %s", s.Right.Verdict, counted(s.Right.Requests, "request"))
	if s.Right.Requests == 0 {
		right = "not run"
	}
	p.labelled("right", right+": the server without a fault", plain)
	caught := fmt.Sprintf("%d of %d that are wrong", len(requests), must)
	if len(requests) > 0 {
		slices.Sort(requests)
		caught += fmt.Sprintf("; requests until then: median %s, at most %s", grouped(requests[len(requests)/2]), grouped(requests[len(requests)-1]))
	}
	p.labelled("caught", caught, plain)
	if tolerated > 0 {
		p.labelled("tolerated", fmt.Sprintf("%d of %d are deviations and no violation", shown, tolerated), plain)
	}
	if same > 0 {
		p.labelled("equivalent", fmt.Sprintf("%d of %d are not reported", unchanged, same), plain)
	}
	if judged < len(s.Faults) {
		p.labelled("not judged", counted(len(s.Faults)-judged, "fault"), yellow)
	}
	p.rulesCaught(s)
	p.labelled("walk", fmt.Sprintf("%s in each of %s; %s of calls for faults that remember",
		counted(s.Walk.Requests, "request"), counted(s.Walk.States, "state"), counted(s.Walk.Words, "sequence")), dim)
	p.blank()
	verdict := red
	switch s.Verdict {
	case Passed:
		verdict = green
	case Interrupted:
		verdict = yellow
	}
	p.line(span{string(s.Verdict), verdict}, span{fmt.Sprintf(" (exit %d)", s.ExitCode), plain})
	for _, problem := range s.Problems {
		p.line(span{"  " + OneLine(problem), red})
	}
	p.whole(span{"repeat: ", dim}, span{s.Command, plain})
}

// rulesCaught says which rules have caught a fault, and why the others need not.
func (p *page) rulesCaught(s *Selftest) {
	if len(s.Rules) == 0 {
		p.labelled("rules", "not counted, since only some faults were run", plain)
		return
	}
	claiming, catching := 0, 0
	excused := map[string][]string{}
	var reasons []string
	for _, r := range s.Rules {
		if r.Why != "" {
			if excused[r.Why] == nil {
				reasons = append(reasons, r.Why)
			}
			excused[r.Why] = append(excused[r.Why], string(r.Rule))
			continue
		}
		claiming++
		catching += boolToInt(r.Faults > 0)
	}
	p.labelled("rules", fmt.Sprintf("%d of %d that claim something catch a fault", catching, claiming), plain)
	for _, why := range reasons {
		p.labelled("", fmt.Sprintf("none by %s: %s", strings.Join(excused[why], ", "), why), plain)
	}
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// SortFaults brings the faults into the order of the rules that they are about; those of one rule stay
// in their order.
func (s *Selftest) SortFaults() {
	place := map[model.ID]int{}
	for i := range model.Rules {
		place[model.Rules[i].ID] = i
	}
	slices.SortStableFunc(s.Faults, func(a, b SelftestFault) int { return cmp.Compare(place[a.Rule], place[b.Rule]) })
}

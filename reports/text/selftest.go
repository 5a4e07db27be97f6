package text

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
)

// Selftest writes the result for people: a line for each fault by family, and what they come to.
func Selftest(w io.Writer, s *reports.Selftest, options Options) error {
	p := &page{options: options}
	p.matrix(s)
	p.selftestSummary(s)
	_, err := w.Write(p.buffer.Bytes())
	return err
}

// matrix lists the faults by the family of the rule that they are about.
func (p *page) matrix(s *reports.Selftest) {
	name := "conform"
	if s.Version != "" {
		name += " " + s.Version
	}
	p.line(span{name, bold}, span{fmt.Sprintf(" · self-test on %s of the embedded server, seed %d", plain.Counted(len(s.Faults), "fault"), s.Seed), normal})
	names, rules := 0, 0
	for _, f := range s.Faults {
		names = max(names, plain.Length(f.Name))
		if f.Caught != nil {
			rules = max(rules, plain.Length(string(f.Caught.Rule)))
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
			text, style := faultOutcome(f, rules)
			p.line(span{fmt.Sprintf("  %-*s  ", names, f.Name), normal}, span{text, style})
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
func faultOutcome(f reports.SelftestFault, ruleWidth int) (string, style) {
	switch {
	case f.Problem != "":
		return f.Problem, red
	case !f.Ran, f.Class == "":
		return "not judged", yellow
	case f.Class == reports.ClassSame:
		return "equivalent: no answer changes", dim
	case f.Class == reports.ClassTolerant:
		return fmt.Sprintf("tolerated: %s changed, each an accepted one", plain.Counted(f.Changed, "answer")), dim
	}
	text := fmt.Sprintf("%-*s  %-10s  %9s", ruleWidth, f.Caught.Rule, f.Caught.Level, plain.Grouped(f.Requests))
	if f.Caught.Status != reports.Confirmed {
		text += "  not again on a fresh world"
	}
	return text, normal
}

// selftestSummary says what the faults come to.
func (p *page) selftestSummary(s *reports.Selftest) {
	var requests []int
	judged, must, tolerated, accepted, same, unchanged := 0, 0, 0, 0, 0, 0
	for _, f := range s.Faults {
		if !f.Ran || f.Class == "" {
			continue
		}
		judged++
		fine := boolToInt(f.Problem == "")
		switch f.Class {
		case reports.ClassSame:
			same++
			unchanged += fine
		case reports.ClassTolerant:
			tolerated++
			accepted += fine
		default:
			must++
			if f.Caught != nil {
				requests = append(requests, f.Requests)
			}
		}
	}
	p.blank()
	right := fmt.Sprintf("%s after %s", s.Right.Verdict, plain.Counted(s.Right.Requests, "request"))
	if s.Right.Requests == 0 {
		right = "not run"
	}
	p.labelled("right", right+": the server without a fault", normal)
	caught := fmt.Sprintf("%d of %d that are wrong", len(requests), must)
	if len(requests) > 0 {
		slices.Sort(requests)
		caught += fmt.Sprintf("; requests until then: median %s, at most %s", plain.Grouped(requests[len(requests)/2]), plain.Grouped(requests[len(requests)-1]))
	}
	p.labelled("caught", caught, normal)
	if tolerated > 0 {
		p.labelled("tolerated", fmt.Sprintf("%d of %d are deviations and no violation", accepted, tolerated), normal)
	}
	if same > 0 {
		p.labelled("equivalent", fmt.Sprintf("%d of %d are not reported", unchanged, same), normal)
	}
	if judged < len(s.Faults) {
		p.labelled("not judged", plain.Counted(len(s.Faults)-judged, "fault"), yellow)
	}
	p.rulesCaught(s)
	p.labelled("walk", fmt.Sprintf("%s in each of %s; %s of calls for faults that remember",
		plain.Counted(s.Walk.Requests, "request"), plain.Counted(s.Walk.States, "state"), plain.Counted(s.Walk.Words, "sequence")), dim)
	p.blank()
	verdict := red
	switch s.Verdict {
	case reports.Passed:
		verdict = green
	case reports.Interrupted:
		verdict = yellow
	}
	p.line(span{string(s.Verdict), verdict}, span{fmt.Sprintf(" (exit %d)", s.ExitCode), normal})
	for _, problem := range s.Problems {
		p.line(span{"  " + plain.OneLine(problem), red})
	}
	p.whole(span{"repeat: ", dim}, span{s.Command, normal})
}

// rulesCaught says which rules have caught a fault, and why the others need not.
func (p *page) rulesCaught(s *reports.Selftest) {
	if len(s.Rules) == 0 {
		p.labelled("rules", "not counted, since only some faults were run", normal)
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
	p.labelled("rules", fmt.Sprintf("%d of %d that claim something catch a fault", catching, claiming), normal)
	for _, why := range reasons {
		p.labelled("", fmt.Sprintf("none by %s: %s", strings.Join(excused[why], ", "), why), normal)
	}
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

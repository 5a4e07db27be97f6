package text

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
)

// Selftest writes the result for people: a line for each fault by family, and what they come to.
func Selftest(w io.Writer, s *reports.Selftest, options Options) error {
	p := &page{options: options}
	p.heading(s.Version, fmt.Sprintf("self-test on %s of the embedded server, seed %d", plain.Counted(len(s.Faults), "fault"), s.Seed))
	p.matrix(s)
	p.blank()
	p.faults(s)
	p.rulesCaught(s)
	p.field(labelWidth, "walk", fmt.Sprintf("%s in each of %s; %s of calls for faults that remember",
		plain.Counted(s.Walk.Requests, "request"), plain.Counted(s.Walk.States, "state"),
		plain.Counted(s.Walk.Words, "sequence")), dim)
	p.blank()
	p.verdict(s.Verdict, fmt.Sprintf(" (exit %d)", s.ExitCode))
	for _, problem := range s.Problems {
		p.line(span{"  " + plain.OneLine(problem), red})
	}
	p.whole(span{"repeat: ", dim}, span{s.Command, normal})
	return p.end(w)
}

// matrix lists the faults by the family of the rule that they are about.
func (p *page) matrix(s *reports.Selftest) {
	if len(s.Faults) == 0 {
		return
	}
	names, rules := 0, 0
	for _, f := range s.Faults {
		names = max(names, plain.Length(f.Name))
		if f.Caught != nil {
			rules = max(rules, plain.Length(string(f.Caught.Rule)))
		}
	}
	p.blank()
	p.line(span{fmt.Sprintf("  %-*s  %-*s  %-10s  %9s", names, "fault", rules, "caught by", "level", "requests"), dim})
	for _, f := range s.Faults { // which are in the order of the rules
		p.section(f.Rule.Family())
		text, style := faultOutcome(f, rules)
		p.line(span{fmt.Sprintf("  %-*s  ", names, f.Name), normal}, span{text, style})
	}
}

// faultOutcome says on one line what became of a fault.
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

// faults says what the faults come to.
func (p *page) faults(s *reports.Selftest) {
	judged := slices.DeleteFunc(slices.Clone(s.Faults), func(f reports.SelftestFault) bool { return !f.Ran || f.Class == "" })
	var requests []int // until the wrong ones were caught
	all, fine := map[string]int{}, map[string]int{}
	for _, f := range judged {
		all[f.Class]++
		if f.Problem == "" {
			fine[f.Class]++
		}
		if f.Caught != nil && f.Class != reports.ClassSame && f.Class != reports.ClassTolerant {
			requests = append(requests, f.Requests)
		}
	}
	say := func(label, text string) { p.field(labelWidth, label, text, normal) }
	right := fmt.Sprintf("%s after %s", s.Right.Verdict, plain.Counted(s.Right.Requests, "request"))
	if s.Right.Requests == 0 {
		right = "not run"
	}
	say("right", right+": the server without a fault")
	caught := fmt.Sprintf("%d of %d that are wrong", len(requests), len(judged)-all[reports.ClassSame]-all[reports.ClassTolerant])
	if n := len(requests); n > 0 {
		slices.Sort(requests)
		caught += fmt.Sprintf("; requests until then: median %s, at most %s", plain.Grouped(requests[n/2]),
			plain.Grouped(requests[n-1]))
	}
	say("caught", caught)
	if n := all[reports.ClassTolerant]; n > 0 {
		say("tolerated", fmt.Sprintf("%d of %d are deviations and no violation", fine[reports.ClassTolerant], n))
	}
	if n := all[reports.ClassSame]; n > 0 {
		say("equivalent", fmt.Sprintf("%d of %d are not reported", fine[reports.ClassSame], n))
	}
	if left := len(s.Faults) - len(judged); left > 0 {
		p.field(labelWidth, "not judged", plain.Counted(left, "fault"), yellow)
	}
}

// rulesCaught says which rules have caught a fault, and why the others need not.
func (p *page) rulesCaught(s *reports.Selftest) {
	if len(s.Rules) == 0 {
		p.field(labelWidth, "rules", "not counted, since only some faults were run", normal)
		return
	}
	claiming, catching := 0, 0
	reasons := plain.GroupBy(s.Rules, func(r reports.SelftestRule) string { return r.Why })
	for _, r := range s.Rules {
		if r.Why == "" {
			claiming++
			catching += min(r.Faults, 1)
		}
	}
	p.field(labelWidth, "rules", fmt.Sprintf("%d of %d that claim something catch a fault", catching, claiming), normal)
	for _, reason := range reasons {
		if reason.Key == "" {
			continue
		}
		excused := plain.Texts(reason.Items, func(r reports.SelftestRule) string { return string(r.Rule) })
		p.field(labelWidth, "", fmt.Sprintf("none by %s: %s", strings.Join(excused, ", "), reason.Key), normal)
	}
}

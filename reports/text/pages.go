package text

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/describe"
	"github.com/insightconform/conform/reports/plain"
)

// The quota of the real service, per Region and second.
const (
	quotaWrites = 1.0
	quotaReads  = 10.0
)

// Plan renders a plan for people.
func Plan(w io.Writer, plan *reports.Plan, o Options) error {
	p := &page{options: o, most: plannedLines, labels: planLabel}
	p.line(span{"plan for " + plain.Text(strings.TrimSpace(plan.Target.Name+" "+plan.Target.Endpoint)), bold})
	p.say("shard", plan.Shard)
	rate := fmt.Sprintf("%s requests a second, with %s", plain.Grouped(int(plan.Rate)), plain.Counted(plan.Workers, "worker"))
	p.say("measured", cmp.Or(plain.When(plan.Rate > 0, rate), "not measured"))
	p.say("rules", plain.When(plan.Rules > 0, fmt.Sprintf("%d of %d can be judged", plan.Rules, plan.RulesInAll)))
	for _, s := range slices.Concat(plan.Suites, plan.Besides) {
		p.section(s.Name)
		if s.NotCovered != "" {
			p.entry("  not covered", yellow, p.most, "", s.NotCovered)
			continue
		}
		tests := plain.When(s.Tests > 0, plain.Counted(s.Tests, "test")+", ")
		p.say("  sends", tests+plain.When(s.Estimated, "about ")+sent(s.Writes, s.Reads))
		p.say("  takes", planDurations(plan, s.Writes, s.Reads))
		if c := s.Certificate; c != nil {
			p.say("  machine", describe.Machine(c))
			p.say("  tells apart", plain.Shown(c.Abstraction, 3*plain.MaxShown))
			p.say("  by", strings.Join(c.Reads, ", "))
			p.say("  catches", "every fault with at most "+plain.Counted(c.Depth, "extra state"))
			p.say("  provided", "that "+strings.Join(c.Hypotheses, "; that "))
			p.say("  inputs", plain.When(o.Verbose, plain.Shown(strings.Join(c.Inputs, "; "), 100*plain.MaxShown)))
		}
	}
	p.blank()
	_, writes, reads := plan.Totals()
	if all := writes + reads; plan.AtMost > 0 && all > plan.AtMost {
		p.say("in all", "at most "+plain.Counted(plan.AtMost, "request")+" of these: "+planDurations(plan, writes*plan.AtMost/all, reads*plan.AtMost/all))
	} else {
		p.say("in all", sent(writes, reads)+": "+planDurations(plan, writes, reads))
	}
	p.entry("beside", dim, p.most, "", "what confirming and shortening a divergence takes, and cleaning up")
	p.budgets(plan)
	for _, section := range plan.Sections {
		p.section(section.Key)
		for _, e := range section.Items {
			p.say("  "+e[0], plain.Shown(e[1], 10*plain.MaxShown))
		}
	}
	return p.end(w)
}

// budgets has a line for each budget: what a run costs, and what such runs catch.
func (p *page) budgets(plan *reports.Plan) {
	if len(plan.Budgets) == 0 {
		return
	}
	const row = "%-11s %10s %10s %12s %8s %8s %8s"
	p.blank()
	p.line(span{fmt.Sprintf(row, "budget", "requests", "measured", "at quota", "faults", "hidden", "pairs"), bold})
	for _, b := range plan.Budgets {
		measured := cmp.Or(plain.When(plan.Rate > 0, shownMinutes(float64(b.Writes+b.Reads)/max(plan.Rate, 1e-9)/60)), "-")
		p.line(span{fmt.Sprintf(row, "  "+b.Name, plain.Grouped(b.Writes+b.Reads), measured, shownMinutes(atQuota(plan, b.Writes, b.Reads)),
			percent(b.Faults), percent(b.HiddenState), percent(b.Pairs)), normal})
	}
	first := plan.Budgets[0]
	p.entry("caught", dim, p.most, "", fmt.Sprintf("of %d faults without hidden state, of %d with it, and of %d pairs of a fault and a flaw that is common", first.Faults.Total,
		first.HiddenState.Total, first.Pairs.Total))
	p.entry("requests", dim, p.most, "", "of "+first.Name+" with those that confirm and shorten what is found, of the others without")
}

// percent is a share that is never rounded up.
func percent(c reports.Count) string {
	return cmp.Or(plain.When(c.Total > 0, fmt.Sprintf("%d %%", 100*c.Covered/max(1, c.Total))), "-")
}

func sent(writes, reads int) string {
	return fmt.Sprintf("%s writes, %s reads", plain.Grouped(writes), plain.Grouped(reads))
}

// atQuota is how many minutes requests take at the quota of the service, with reads of one world beside the writes of others.
func atQuota(p *reports.Plan, writes, reads int) float64 {
	return max(float64(writes)/quotaWrites, float64(reads)/quotaReads) / 60 / float64(max(p.Regions, 1))
}

// planDurations says how long requests take, measured and at the quota.
func planDurations(p *reports.Plan, writes, reads int) string {
	measured := shownMinutes(float64(writes+reads)/max(p.Rate, 1e-9)/60) + " at the measured rate, "
	return plain.When(p.Rate > 0, measured) + shownMinutes(atQuota(p, writes, reads)) + " at 1 write and 10 reads a second" +
		plain.When(p.Regions > 1, " in each Region")
}

func shownMinutes(m float64) string {
	switch {
	case m < 1:
		return fmt.Sprintf("%.0f s", m*60)
	case m < 120:
		return fmt.Sprintf("%.1f min", m)
	case m < 48*60:
		return fmt.Sprintf("%.1f h", m/60)
	}
	return fmt.Sprintf("%.0f days", m/60/24)
}

// Diff writes a section for each kind of difference. A line starts with - where something is in A
// only, with + where in B only, and with ~ where it differs.
func Diff(w io.Writer, d *reports.Diff, options Options) error {
	p := &page{options: options}
	p.line(span{"A  ", bold}, span{plain.Text(d.A), normal})
	p.line(span{"B  ", bold}, span{plain.Text(d.B), normal})
	for _, section := range plain.GroupBy(d.Differences, func(x reports.Difference) string { return x.Section }) {
		p.section(section.Key)
		for i, x := range section.Items {
			if i == maxDifferences {
				p.line(span{fmt.Sprintf("  … and %d more; --json lists them all", len(section.Items)-i), dim})
				break
			}
			mark, s, text := "~ ", yellow, plain.Text(x.A)+" → "+plain.Text(x.B)
			switch {
			case x.B == "":
				mark, s, text = "- ", red, plain.Text(x.A)
			case x.A == "":
				mark, s, text = "+ ", green, plain.Text(x.B)
			}
			text = plain.When(text != "seen", "  "+text) // a deviation says all in its name
			p.line(span{"  " + mark, s}, span{plain.Text(x.Name), normal}, span{strings.TrimRight(text, " "), dim})
		}
	}
	p.blank()
	if len(d.Differences) == 0 {
		p.line(span{"the same", green})
	} else {
		p.line(span{plain.Counted(len(d.Differences), "difference"), yellow}, span{": - in A only, + in B only, ~ changed from A to B", dim})
	}
	return p.end(w)
}

// Selftest writes the result for people: a line for each fault by family, and what they come to.
func Selftest(w io.Writer, s *reports.Selftest, options Options) error {
	p := &page{options: options}
	p.heading(s.Version, fmt.Sprintf("self-test on %s of the embedded server, seed %d", plain.Counted(len(s.Faults), "fault"), s.Seed))
	p.matrix(s)
	p.blank()
	p.faults(s)
	p.rulesCaught(s)
	p.pairs(s)
	p.field(labelWidth, "walk", fmt.Sprintf("%s in each of %s; %s of calls for faults that remember",
		plain.Counted(s.Walk.Requests, "request"), plain.Counted(s.Walk.States, "state"),
		plain.Counted(s.Walk.Words, "sequence")), dim)
	p.blank()
	p.verdict(s.Verdict, fmt.Sprintf(" (exit %d)", s.ExitCode))
	for _, problem := range s.Problems {
		p.line(span{"  " + plain.OneLine(problem), red})
	}
	p.command("repeat: ", s.Command, normal)
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
	return fmt.Sprintf("%-*s  %-10s  %9s", ruleWidth, f.Caught.Rule, f.Caught.Level, plain.Grouped(f.Requests)) +
		plain.When(f.Caught.Status != reports.Confirmed, "  not again on a fresh world"), normal
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
	say("right", cmp.Or(plain.When(s.Right.Requests > 0, right), "not run")+": the server without a fault")
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

// pairs writes how many faults are caught behind each flaw.
func (p *page) pairs(s *reports.Selftest) {
	for _, flaw := range plain.GroupBy(s.Pairs, func(x reports.SelftestPair) string { return x.Flaw }) {
		hidden, caught := 0, 0
		for _, x := range flaw.Items {
			if x.Hidden {
				hidden++
			} else if x.Caught {
				caught++
			}
		}
		p.field(labelWidth, "behind", fmt.Sprintf("%s: %d of %s caught; it hides %d more", flaw.Key, caught,
			plain.Counted(len(flaw.Items)-hidden, "fault"), hidden), normal)
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

// Precedence writes the order as a chain, which rules are answered alike, the circles, the counts; verbose, each pair.
func Precedence(w io.Writer, learned *reports.Precedence, options Options) error {
	p := &page{options: options, most: math.MaxInt}
	p.line(span{"the order in which errors are selected", bold}, span{" · " + plain.Target(learned.Target), normal})
	p.blank()
	p.say("asked", fmt.Sprintf("%s: %d of %d rules are answered with an error code",
		plain.Counted(learned.Requests, "request"), len(learned.Codes), len(model.ErrorRules())))
	p.chain(learned)
	p.cycles(learned)
	p.alike(learned)
	p.unmeasured(learned)
	p.say("pairs", pairCounts(learned))
	if options.Verbose {
		for _, status := range reports.CellStatuses {
			for _, c := range learned.Cells {
				if c.Status == status {
					p.section(statusTitles[status])
					p.cell(c)
				}
			}
		}
	}
	return p.end(w)
}

// chain writes the measured rules in order: an arrow where measurements say so, a dot where nothing is known.
func (p *page) chain(learned *reports.Precedence) {
	if len(learned.Holds) == 0 {
		p.say("order", "none: no two rules were told apart")
		return
	}
	measured := slices.DeleteFunc(slices.Clone(learned.Rules), func(id model.ID) bool { return learned.Codes[id] == "" })
	var parts []string
	known, open := learned.Chains(), ""
	for i, id := range measured {
		mark := "→ "
		if i == 0 {
			mark = ""
		} else if last := measured[i-1]; !known[[2]model.ID{last, id}] || known[[2]model.ID{id, last}] {
			mark, open = "· ", "; A · B: the order of the two is open"
		}
		parts = append(parts, mark+string(id))
	}
	p.say("order", strings.Join(parts, " "))
	p.line(span{strings.Repeat(" ", labelWidth) + "A → B: where a request breaks both, A is answered" + open, dim})
}

func (p *page) cycles(learned *reports.Precedence) {
	for _, set := range learned.Cycles {
		p.say("in a circle", strings.Join(joined(set, ","), " "))
	}
	for i, t := range learned.Triples {
		if i == deviationLines && !p.options.Verbose {
			p.field(labelWidth, "", fmt.Sprintf("… and %d more; --verbose lists them all", len(learned.Triples)-i), dim)
			return
		}
		answer := plain.When(t.Answer == "", "not asked, "+plain.Text(t.Why)) + plain.Text(t.Answer) +
			plain.When(t.Answer != "" && t.First != "", ", of "+string(t.First))
		p.say("", strings.Join(joined(t.Rules[:], " →"), " ")+" → "+string(t.Rules[0])+"; all three: "+answer)
	}
}

// joined lists ids as words of a sentence, each but the last with the mark behind it.
func joined(ids []model.ID, mark string) []string {
	out := plain.Texts(ids, func(id model.ID) string { return string(id) + mark })
	if last := len(out) - 1; last >= 0 {
		out[last] = string(ids[last])
	}
	return out
}

// rulesBy puts the rules of which a text is known together by that.
func rulesBy(learned *reports.Precedence, texts map[model.ID]string) []plain.Group[string, model.ID] {
	rules := slices.DeleteFunc(slices.Clone(learned.Rules), func(id model.ID) bool { return texts[id] == "" })
	return plain.GroupBy(rules, func(id model.ID) string { return texts[id] })
}

// alike lists the codes that more than one rule is answered with.
func (p *page) alike(learned *reports.Precedence) {
	codes := rulesBy(learned, learned.Codes)
	codes = slices.DeleteFunc(codes, func(code plain.Group[string, model.ID]) bool { return len(code.Items) < 2 })
	slices.SortFunc(codes, func(a, b plain.Group[string, model.ID]) int { return cmp.Compare(a.Key, b.Key) })
	label := "alike"
	for _, code := range codes {
		p.say(label, plain.Text(code.Key)+": "+strings.Join(joined(code.Items, ","), " "))
		label = ""
	}
}

// unmeasured lists the rules without a code, those with the same reason together.
func (p *page) unmeasured(learned *reports.Precedence) {
	label := "no code"
	for _, reason := range rulesBy(learned, learned.Unmeasured) {
		p.say(label, strings.Join(joined(reason.Items, ","), " ")+": "+plain.Text(reason.Key))
		label = ""
	}
}

// pairCounts counts the cells: "194 told apart, 46 answered alike, 256 impossible".
func pairCounts(p *reports.Precedence) string {
	counts := map[string]int{}
	for _, c := range p.Cells {
		counts[c.Status]++
	}
	ordered := counts[reports.CellFirst] + counts[reports.CellSecond]
	text := fmt.Sprintf("%d told apart", ordered)
	for _, status := range reports.CellStatuses[2:] {
		text += plain.When(counts[status] > 0, fmt.Sprintf(", %d %s", counts[status], statusTitles[status]))
	}
	return text + plain.When(ordered > len(p.Holds), fmt.Sprintf("; a target can be held to %d of the pairs told apart", len(p.Holds)))
}

var statusTitles = map[string]string{
	reports.CellFirst:             "answered in the reference's order",
	reports.CellSecond:            "answered in the other order",
	reports.CellIndistinguishable: "answered alike",
	reports.CellOther:             "answered otherwise",
	reports.CellUnstable:          "unstable",
	reports.CellImpossible:        "that no request can break together",
	reports.CellNotCovered:        "not covered",
}

func (p *page) cell(c reports.PrecedenceCell) {
	ids := string(c.First) + ", " + string(c.Second)
	if pair, ok := c.Order(); ok {
		ids = string(pair[0]) + " → " + string(pair[1])
	}
	detail := cmp.Or(plain.When(c.Status == reports.CellIndistinguishable, c.Own[0]), c.Answer)
	if c.Why != "" && detail != "" {
		detail = plain.Text(detail) + ": "
	}
	p.line(span{"  " + ids, normal}, span{strings.TrimRight("  "+plain.Shown(detail+c.Why, 2*plain.MaxShown), " "), dim})
	if len(c.Steps) > 0 {
		p.line(span{"    " + describe.Steps(c.Steps), dim})
	}
}

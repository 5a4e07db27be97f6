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
	known, open := leads(learned.Cells), ""
	for i, id := range measured {
		mark := "→ "
		if i == 0 {
			mark = ""
		} else if last := measured[i-1]; !known[[2]model.ID{last, id}] || known[[2]model.ID{id, last}] {
			mark, open = "· ", "; A · B: the order of the two is open"
		}
		parts = append(parts, mark+string(id))
	}
	p.parts("order", parts)
	p.line(span{strings.Repeat(" ", labelWidth) + "A → B: where a request breaks both, A is answered" + open, dim})
}

// leads has the pairs of which the first is answered before the second, by any chain of cells.
func leads(cells []reports.PrecedenceCell) map[[2]model.ID]bool {
	known := map[[2]model.ID]bool{}
	for _, c := range cells {
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

func (p *page) cycles(learned *reports.Precedence) {
	if len(learned.Cycles) == 0 {
		return
	}
	for _, set := range learned.Cycles {
		p.parts("in a circle", joined(set, ","))
	}
	for i, t := range learned.Triples {
		if i == deviationLines && !p.options.Verbose {
			p.field(labelWidth, "", fmt.Sprintf("… and %d more; --verbose lists them all", len(learned.Triples)-i), dim)
			return
		}
		answer := plain.Text(t.Answer)
		switch {
		case t.Answer == "":
			answer = "not asked, " + plain.Text(t.Why)
		case t.First != "":
			answer += ", of " + string(t.First)
		}
		p.parts("", append(joined(t.Rules[:], " →"), "→ "+string(t.Rules[0])+";", "all three: "+answer))
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
		p.parts(label, append([]string{plain.Text(code.Key) + ":"}, joined(code.Items, ",")...))
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
		if counts[status] > 0 {
			text += fmt.Sprintf(", %d %s", counts[status], statusTitles[status])
		}
	}
	if ordered > len(p.Holds) {
		text += fmt.Sprintf("; a target can be held to %d of the pairs told apart", len(p.Holds))
	}
	return text
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
	detail := c.Answer
	if c.Status == reports.CellIndistinguishable {
		detail = c.Own[0]
	}
	if c.Why != "" && detail != "" {
		detail = plain.Text(detail) + ": "
	}
	p.line(span{"  " + ids, normal}, span{strings.TrimRight("  "+plain.Shown(detail+c.Why, 2*plain.MaxShown), " "), dim})
	if len(c.Steps) > 0 {
		p.line(span{"    " + describe.Steps(c.Steps, maxSequence), dim})
	}
}

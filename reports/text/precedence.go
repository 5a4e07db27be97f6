package text

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/describe"
	"github.com/insightconform/conform/reports/plain"
)

// Precedence writes the precedence for people: the order as a chain, which rules are answered
// alike, the circles and the counts; verbose, each pair.
func Precedence(w io.Writer, p *reports.Precedence, options Options) error {
	out := &page{options: options}
	out.line(span{"the order in which errors are selected", bold}, span{" · " + plain.Target(p.Target), normal})
	out.blank()
	out.paragraph("asked", fmt.Sprintf("%s: %d of %d rules are answered with an error code", plain.Counted(p.Requests, "request"), len(p.Codes), len(model.ErrorRules())))
	out.chain(p)
	out.cycles(p)
	out.alike(p)
	out.unmeasured(p)
	out.paragraph("pairs", pairCounts(p))
	if options.Verbose {
		out.cells(p)
	}
	_, err := w.Write(out.buffer.Bytes())
	return err
}

// paragraph writes a label and a text that is broken between words.
func (p *page) paragraph(label, text string) { p.parts(label, strings.Fields(text), " ") }

// parts writes a label and parts that each stay whole where that can be.
func (p *page) parts(label string, parts []string, separator string) {
	for i, line := range plain.Wrap(parts, separator, p.proseWidth()-labelWidth) {
		if i > 0 {
			label = ""
		}
		p.labelled(label, line, normal)
	}
}

// chain writes the measured rules in order. An arrow stands where a measurement, or a chain of them,
// puts the one before the other; a dot where nothing is known of the two.
func (p *page) chain(learned *reports.Precedence) {
	var rules []model.ID
	for _, id := range learned.Rules {
		if learned.Codes[id] != "" {
			rules = append(rules, id)
		}
	}
	if len(learned.Holds) == 0 {
		p.paragraph("order", "none: no two rules were told apart")
		return
	}
	var parts []string
	known := leads(learned.Cells)
	open := false
	for i, id := range rules {
		text := string(id)
		if i > 0 {
			mark := "→ "
			if !known[[2]model.ID{rules[i-1], id}] || known[[2]model.ID{id, rules[i-1]}] {
				mark, open = "· ", true
			}
			text = mark + text
		}
		parts = append(parts, text)
	}
	p.parts("order", parts, " ")
	legend := "A → B: where a request breaks both, A is answered"
	if open {
		legend += "; A · B: the order of the two is open"
	}
	p.line(span{strings.Repeat(" ", labelWidth) + legend, dim})
}

// leads has the pairs of which the first is answered before the second, by any chain of cells.
func leads(cells []reports.PrecedenceCell) map[[2]model.ID]bool {
	known := map[[2]model.ID]bool{}
	for _, c := range cells {
		switch c.Winner() {
		case c.First:
			known[[2]model.ID{c.First, c.Second}] = true
		case c.Second:
			known[[2]model.ID{c.Second, c.First}] = true
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
		p.parts("in a circle", joined(set, ", "), " ")
	}
	listed := 0
	for _, t := range learned.Triples {
		if listed++; listed > deviationLines && !p.options.Verbose {
			p.labelled("", fmt.Sprintf("… and %d more; --verbose lists them all", len(learned.Triples)-deviationLines), dim)
			return
		}
		p.parts("", append(joined(t.Rules[:], " →"), "→ "+string(t.Rules[0])+";", "all three: "+describeTriple(t)), " ")
	}
}

func describeTriple(t reports.PrecedenceTriple) string {
	switch {
	case t.Answer == "":
		return "not asked, " + plain.Text(t.Why)
	case t.First == "":
		return plain.Text(t.Answer)
	}
	return fmt.Sprintf("%s, of %s", plain.Text(t.Answer), t.First)
}

// joined lists ids as words of a sentence, each but the last with the mark behind it.
func joined(ids []model.ID, mark string) []string {
	var out []string
	for i, id := range ids {
		text := string(id)
		if i < len(ids)-1 {
			text += strings.TrimRight(mark, " ")
		}
		out = append(out, text)
	}
	return out
}

// alike lists the codes that more than one rule is answered with.
func (p *page) alike(learned *reports.Precedence) {
	byCode := map[string][]model.ID{}
	for _, id := range learned.Rules {
		if code := learned.Codes[id]; code != "" {
			byCode[code] = append(byCode[code], id)
		}
	}
	label := "alike"
	for _, code := range slices.Sorted(maps.Keys(byCode)) {
		if len(byCode[code]) > 1 {
			p.parts(label, append([]string{plain.Text(code) + ":"}, joined(byCode[code], ", ")...), " ")
			label = ""
		}
	}
}

// unmeasured lists the rules without a code, those with the same reason together.
func (p *page) unmeasured(learned *reports.Precedence) {
	byReason := map[string][]model.ID{}
	var reasons []string
	for _, id := range learned.Rules {
		why := learned.Unmeasured[id]
		if why == "" {
			continue
		}
		if byReason[why] == nil {
			reasons = append(reasons, why)
		}
		byReason[why] = append(byReason[why], id)
	}
	label := "no code"
	for _, why := range reasons {
		ids := joined(byReason[why], ", ")
		ids[len(ids)-1] += ":"
		p.parts(label, append(ids, strings.Fields(plain.Text(why))...), " ")
		label = ""
	}
}

// pairCounts counts the cells: "194 told apart, 46 answered alike, 256 impossible".
func pairCounts(p *reports.Precedence) string {
	counts := map[string]int{}
	for _, c := range p.Cells {
		counts[c.Status]++
	}
	counts[reports.CellFirst] += counts[reports.CellSecond]
	var parts []string
	for _, kind := range []struct{ status, words string }{{reports.CellFirst, "told apart"}, {reports.CellIndistinguishable, "answered alike"},
		{reports.CellOther, "answered otherwise"}, {reports.CellUnstable, "unstable"}, {reports.CellNotCovered, "not covered"}, {reports.CellImpossible, "that no request can break together"}} {
		if counts[kind.status] > 0 || kind.status == reports.CellFirst {
			parts = append(parts, fmt.Sprintf("%d %s", counts[kind.status], kind.words))
		}
	}
	text := strings.Join(parts, ", ")
	if left := counts[reports.CellFirst] - len(p.Holds); left > 0 {
		text += fmt.Sprintf("; a target can be held to %d of the pairs told apart", len(p.Holds))
	}
	return text
}

func (p *page) cells(learned *reports.Precedence) {
	section := ""
	for _, status := range reports.CellStatuses {
		for _, c := range learned.Cells {
			if c.Status != status {
				continue
			}
			if section != status {
				section = status
				p.blank()
				p.line(span{statusTitles[status], bold})
			}
			p.cell(c)
		}
	}
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
	switch c.Winner() {
	case c.First:
		ids = string(c.First) + " → " + string(c.Second)
	case c.Second:
		ids = string(c.Second) + " → " + string(c.First)
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

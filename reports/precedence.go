package reports

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
)

// ReadPrecedence reads what Precedence.JSON wrote, strictly. Errors are one line.
func ReadPrecedence(data []byte) (*Precedence, error) {
	p := &Precedence{}
	if err := readStrictly(data, p); err != nil {
		return nil, fmt.Errorf("no precedence of errors: %w", err)
	}
	if p.Schema != PrecedenceSchema {
		return nil, fmt.Errorf("schema %q is not %q; 'conform learn --out PATH' writes such a file", shorten(p.Schema, maxShown), PrecedenceSchema)
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("no precedence of errors: %w", err)
	}
	return p, nil
}

// readStrictly reads one JSON value without unknown members.
func readStrictly(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return errors.New("the JSON ends too early")
		}
		return fmt.Errorf("%s", shown(err.Error(), maxShown))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON value")
	}
	return nil
}

var cellStatuses = []string{CellFirst, CellSecond, CellIndistinguishable, CellOther, CellUnstable, CellImpossible, CellNotCovered}

// check finds what a reader could not rely on.
func (p *Precedence) check() error {
	if _, err := p.Profile(""); err != nil {
		return err
	}
	place := map[model.ID]int{}
	for i, id := range model.ErrorRules() {
		place[id] = i + 1
	}
	known := func(where string, ids ...model.ID) error {
		for _, id := range ids {
			if place[id] == 0 {
				return fmt.Errorf("%s: %q is no error rule", where, shorten(string(id), maxShown))
			}
		}
		return nil
	}
	if err := errors.Join(known("codes", slices.Sorted(maps.Keys(p.Codes))...), known("unmeasured", slices.Sorted(maps.Keys(p.Unmeasured))...)); err != nil {
		return firstLine(err)
	}
	seen := map[[2]model.ID]bool{}
	for i, c := range p.Cells {
		where := fmt.Sprintf("cell %d", i+1)
		if err := known(where, c.First, c.Second); err != nil {
			return err
		}
		pair := [2]model.ID{c.First, c.Second}
		switch {
		case !slices.Contains(cellStatuses, c.Status):
			return fmt.Errorf("%s: there is no status %q", where, shorten(c.Status, maxShown))
		case place[c.First] >= place[c.Second]:
			return fmt.Errorf("%s: %s does not stand before %s in the reference's order", where, c.First, c.Second)
		case seen[pair]:
			return fmt.Errorf("%s: the pair %s and %s stands twice", where, c.First, c.Second)
		}
		seen[pair] = true
	}
	for i, set := range p.Cycles {
		if err := known(fmt.Sprintf("cycle %d", i+1), set...); err != nil {
			return err
		}
	}
	for i, t := range p.Triples {
		if err := known(fmt.Sprintf("triple %d", i+1), t.Rules[:]...); err != nil {
			return err
		}
	}
	return nil
}

func firstLine(err error) error {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return errors.New(text)
}

// JSON writes the precedence. Account ids in what went over the wire are replaced by pseudonyms unless
// keepAccounts.
func (p *Precedence) JSON(w io.Writer, keepAccounts bool) error {
	c := *p
	if !keepAccounts {
		c.Cells = slices.Clone(p.Cells)
		for i := range c.Cells {
			c.Cells[i].Steps = withPseudonyms(c.Cells[i].Steps)
		}
		c.Triples = slices.Clone(p.Triples)
		for i := range c.Triples {
			c.Triples[i].Steps = withPseudonyms(c.Triples[i].Steps)
		}
	}
	return writeJSON(w, &c)
}

func withPseudonyms(steps []Step) []Step {
	steps = slices.Clone(steps)
	for i := range steps {
		steps[i].Sent, steps[i].Received = pseudonymous(steps[i].Sent), pseudonymous(steps[i].Received)
	}
	return steps
}

// writeJSON writes indented JSON that can be looked at safely.
func writeJSON(w io.Writer, v any) error {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(escapeJSON(buffer.Bytes()))
	return err
}

// Profile is the error order that a target can be held to: a partial one, of the pairs that were told
// apart.
func (p *Precedence) Profile(name string) (*model.Profile, error) {
	return model.NewProfile(name, notNil(p.Rules), notNil(p.Holds))
}

// WriteProfile writes an error order file, as --order takes it.
func WriteProfile(w io.Writer, p *model.Profile) error { return writeJSON(w, p) }

// winner returns the rule that is answered first, where a cell says so.
func (c PrecedenceCell) winner() model.ID {
	switch c.Status {
	case CellFirst:
		return c.First
	case CellSecond:
		return c.Second
	}
	return ""
}

// PrecedenceText writes the precedence for people: the order as a chain, which rules are answered
// alike, the circles and the counts; verbose, each pair.
func PrecedenceText(w io.Writer, p *Precedence, options TextOptions) error {
	out := &page{TextOptions: options}
	out.line(span{"the order in which errors are selected", bold}, span{" · " + describeTarget(p.Target), plain})
	out.blank()
	out.paragraph("asked", fmt.Sprintf("%s: %d of %d rules are answered with an error code", counted(p.Requests, "request"), len(p.Codes), len(model.ErrorRules())))
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
	for i, line := range wrap(parts, separator, p.proseWidth()-labelWidth) {
		if i > 0 {
			label = ""
		}
		p.labelled(label, line, plain)
	}
}

// chain writes the measured rules in order. An arrow stands where a measurement, or a chain of them,
// puts the one before the other; a dot where nothing is known of the two.
func (p *page) chain(learned *Precedence) {
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
func leads(cells []PrecedenceCell) map[[2]model.ID]bool {
	known := map[[2]model.ID]bool{}
	for _, c := range cells {
		switch c.winner() {
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

func (p *page) cycles(learned *Precedence) {
	if len(learned.Cycles) == 0 {
		return
	}
	for _, set := range learned.Cycles {
		p.parts("in a circle", joined(set, ", "), " ")
	}
	shown := 0
	for _, t := range learned.Triples {
		if shown++; shown > calmDeviations && !p.Verbose {
			p.labelled("", fmt.Sprintf("… and %d more; --verbose lists them all", len(learned.Triples)-calmDeviations), dim)
			return
		}
		p.parts("", append(joined(t.Rules[:], " →"), "→ "+string(t.Rules[0])+";", "all three: "+t.describe()), " ")
	}
}

func (t PrecedenceTriple) describe() string {
	switch {
	case t.Answer == "":
		return "not asked, " + shown(t.Why, maxShown)
	case t.First == "":
		return shown(t.Answer, maxShown)
	}
	return fmt.Sprintf("%s, of %s", shown(t.Answer, maxShown), t.First)
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
func (p *page) alike(learned *Precedence) {
	byCode := map[string][]model.ID{}
	for _, id := range learned.Rules {
		if code := learned.Codes[id]; code != "" {
			byCode[code] = append(byCode[code], id)
		}
	}
	label := "alike"
	for _, code := range slices.Sorted(maps.Keys(byCode)) {
		if len(byCode[code]) > 1 {
			p.parts(label, append([]string{shown(code, maxShown) + ":"}, joined(byCode[code], ", ")...), " ")
			label = ""
		}
	}
}

// unmeasured lists the rules without a code, those with the same reason together.
func (p *page) unmeasured(learned *Precedence) {
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
		p.parts(label, append(ids, strings.Fields(shown(why, maxShown))...), " ")
		label = ""
	}
}

// pairCounts counts the cells: "194 told apart, 46 answered alike, 256 impossible".
func pairCounts(p *Precedence) string {
	counts := map[string]int{}
	for _, c := range p.Cells {
		counts[c.Status]++
	}
	counts[CellFirst] += counts[CellSecond]
	var parts []string
	for _, kind := range []struct{ status, words string }{{CellFirst, "told apart"}, {CellIndistinguishable, "answered alike"},
		{CellOther, "answered otherwise"}, {CellUnstable, "unstable"}, {CellNotCovered, "not covered"}, {CellImpossible, "that no request can break together"}} {
		if counts[kind.status] > 0 || kind.status == CellFirst {
			parts = append(parts, fmt.Sprintf("%d %s", counts[kind.status], kind.words))
		}
	}
	text := strings.Join(parts, ", ")
	if left := counts[CellFirst] - len(p.Holds); left > 0 {
		text += fmt.Sprintf("; a target can be held to %d of the pairs told apart", len(p.Holds))
	}
	return text
}

func (p *page) cells(learned *Precedence) {
	section := ""
	for _, status := range cellStatuses {
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
	CellFirst:             "answered in the reference's order",
	CellSecond:            "answered in the other order",
	CellIndistinguishable: "answered alike",
	CellOther:             "answered otherwise",
	CellUnstable:          "unstable",
	CellImpossible:        "that no request can break together",
	CellNotCovered:        "not covered",
}

func (p *page) cell(c PrecedenceCell) {
	ids := string(c.First) + ", " + string(c.Second)
	switch c.winner() {
	case c.First:
		ids = string(c.First) + " → " + string(c.Second)
	case c.Second:
		ids = string(c.Second) + " → " + string(c.First)
	}
	detail := c.Answer
	if c.Status == CellIndistinguishable {
		detail = c.Own[0]
	}
	if c.Why != "" && detail != "" {
		detail = shown(detail, maxShown) + ": "
	}
	p.line(span{"  " + ids, plain}, span{strings.TrimRight("  "+shown(detail+c.Why, 2*maxShown), " "), dim})
	if len(c.Steps) > 0 {
		p.line(span{"    " + describeSteps(c.Steps, maxSequence), dim})
	}
}

package reports

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/insightconform/conform/model"
)

// TextOptions say how a report is shown to a person.
type TextOptions struct {
	Width   int  // of the terminal; 0 is no limit
	Color   bool // use ANSI colours
	Verbose bool // every step with its answer, every deviation
}

// maxSequence bounds a sequence on one line where the terminal's width does not.
const maxSequence = 1000

// calmDeviations is how many deviations are listed unless all are asked for.
const calmDeviations = 12

// Text writes the report for people: what was covered, each divergence in at most five lines, and at
// the end the verdict and the command that repeats the run.
func Text(w io.Writer, r *Report, options TextOptions) error {
	r = r.complete()
	p := &page{TextOptions: options}
	p.head(r)
	p.divergences(r)
	p.deviations(r)
	p.notes(r)
	p.verdict(r)
	_, err := w.Write(p.buffer.Bytes())
	return err
}

// page collects the lines of a text report. All text passes through line, where it is made harmless.
type page struct {
	TextOptions
	buffer bytes.Buffer
}

type style string

const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
)

type span struct {
	text  string
	style style
}

func (p *page) blank() { p.buffer.WriteByte('\n') }

// line writes spans side by side, cut at the page's width.
func (p *page) line(spans ...span) { p.write(true, spans) }

// whole writes a line that must not be cut, such as a command to copy.
func (p *page) whole(spans ...span) { p.write(false, spans) }

func (p *page) write(cut bool, spans []span) {
	room := p.Width
	for _, s := range spans {
		text := visible(s.text)
		if cut && p.Width > 0 {
			if room <= 0 {
				break
			}
			text = shorten(text, room)
			room -= length(text)
		}
		if p.Color && s.style != plain && text != "" {
			text = "\x1b[" + string(s.style) + "m" + text + "\x1b[0m"
		}
		p.buffer.WriteString(text)
	}
	p.buffer.WriteByte('\n')
}

// proseWidth is where running text is broken.
func (p *page) proseWidth() int {
	if p.Width > 0 {
		return p.Width
	}
	return 110
}

func length(s string) int { return utf8.RuneCountInString(s) }

const labelWidth = 12

// labelled writes "  label       text".
func (p *page) labelled(indent, label, text string, s style) {
	p.line(span{fmt.Sprintf("%s%-*s", indent, labelWidth, label), dim}, span{text, s})
}

func (p *page) head(r *Report) {
	target := shown(r.Target.Name, maxShown)
	if r.Target.Endpoint != "" {
		target += " " + shown(r.Target.Endpoint, maxShown)
	}
	if r.Target.Region != "" {
		target += " in " + shown(r.Target.Region, maxShown)
	}
	name := "conform"
	if r.Version != "" {
		name += " " + r.Version
	}
	p.line(span{name, bold}, span{" · " + target, plain})
	p.blank()

	work := fmt.Sprintf("%s in %s (%s a second), %s", counted(r.Requests, "request"), duration(r.DurationSeconds),
		grouped(int(r.RequestsPerSecond+0.5)), counted(r.Cases, "case"))
	if r.ConfirmRequests > 0 {
		work += fmt.Sprintf("; %s more to confirm", grouped(r.ConfirmRequests))
	}
	p.labelled("", "sent", work, plain)

	applicable, exercised, violated := r.Coverage.ruleCounts()
	rules := fmt.Sprintf("%d of %d applicable exercised, ", exercised, applicable)
	if violated == 0 {
		rules += "none violated"
	} else {
		rules += fmt.Sprintf("%d violated", violated)
	}
	p.labelled("", "rules", rules, plain)
	if w := r.Settling; w != nil {
		p.labelled("", "settling", fmt.Sprintf("%s did not match at once; after a write they took %s (median), at most %s; %d never matched",
			counted(w.Waits, "answer"), duration(w.MedianSeconds), duration(w.LongestSeconds), w.TimedOut), plain)
	}
	if t, pairs := r.Coverage.Transitions, r.Coverage.Pairs; t.Total+pairs.Total > 0 {
		p.labelled("", "coverage", fmt.Sprintf("%d of %d transitions, %d of %d pairs of errors", t.Covered, t.Total, pairs.Covered, pairs.Total), plain)
	}
	if len(r.Replays) > 0 {
		p.labelled("", "replayed", summary(r.Replays), plain)
	}
	if len(r.CutShort) > 0 {
		p.labelled("", "cut short", strings.Join(r.CutShort, ", "), yellow)
	}
	p.notCovered(r)
	if unexercised := r.unexercised(); p.Verbose && len(unexercised) > 0 {
		p.labelled("", "untried", strings.Join(unexercised, ", "), plain)
	}
}

// notCovered names the absent capabilities, those with the same reason together.
func (p *page) notCovered(r *Report) {
	byReason := map[string][]string{}
	var reasons []string
	for _, name := range slices.Sorted(maps.Keys(r.Capabilities)) {
		if r.Capabilities[name] != Absent {
			continue
		}
		why := r.NotCovered[name]
		if byReason[why] == nil {
			reasons = append(reasons, why)
		}
		byReason[why] = append(byReason[why], name)
	}
	var parts []string
	for _, why := range reasons {
		part := strings.Join(byReason[why], ", ")
		if why != "" {
			part += " (" + shown(why, maxShown) + ")"
		}
		parts = append(parts, part)
	}
	for i, line := range wrap(parts, "; ", p.proseWidth()-labelWidth) {
		label := ""
		if i == 0 {
			label = "not covered"
		}
		p.labelled("", label, line, plain)
	}
}

// unexercised lists the applicable rules that the run did not try.
func (r *Report) unexercised() []string {
	var ids []string
	for id, rule := range r.Coverage.Rules {
		if rule.Applicable && !rule.Exercised {
			ids = append(ids, string(id))
		}
	}
	slices.Sort(ids)
	return ids
}

func (p *page) divergences(r *Report) {
	section := ""
	for _, d := range r.Divergences {
		title := d.Level.String()
		switch {
		case d.Status == Unrepeated:
			title = "unrepeated: seen, but not again on a fresh world"
		case d.Known:
			continue
		case !d.Fails:
			title += ", which does not fail this run"
		}
		if title != section {
			section = title
			p.blank()
			p.line(span{title, bold})
		}
		p.divergence(d)
	}
	p.known(r)
}

// known lists what the baseline accepts, and what became of its other entries.
func (p *page) known(r *Report) {
	title := func(text string) {
		p.blank()
		p.line(span{text, bold})
	}
	first := true
	for _, d := range r.Divergences {
		if !d.Known {
			continue
		}
		if first {
			title("known to the baseline")
			first = false
		}
		p.line(span{"  " + shown(d.Signature, maxShown), plain}, span{"  " + shown(d.Reason, maxShown), dim})
	}
	first = true
	for _, entry := range r.Baseline {
		if !entry.Stale && entry.Outcome != ReplayNotCovered {
			continue
		}
		if first {
			title("in the baseline, but")
			first = false
		}
		label := "not checked: " + entry.Why
		if entry.Stale {
			label = entry.Outcome + ": " + entry.Mend
		}
		p.line(span{"  " + shown(entry.Signature, maxShown), plain}, span{"  " + shown(label, maxShown), dim})
	}
}

func (p *page) divergence(d Divergence) {
	s := red
	if !d.Fails {
		s = yellow
	}
	p.line(span{"  " + string(d.Rule), s}, span{"  " + shown(d.Statement, maxShown), plain})

	const indent = "    "
	room := maxSequence
	if p.Width > 0 && !p.Verbose {
		room = max(p.Width-len(indent)-labelWidth, 20)
	}
	if len(d.Steps) > 0 {
		p.labelled(indent, "sequence", describeSteps(d.Steps, room), plain)
	}
	p.labelled(indent, "expected", shown(alternatives(d.Expected), maxShown), plain)
	p.labelled(indent, "actual", shown(d.actual(), maxShown), bold)
	p.labelled(indent, "see", d.provenance(), dim)
	if p.Verbose {
		p.steps(d.Steps)
	}
}

// actual names the kind of the wrong answer and, of a success, what it shows.
func (d Divergence) actual() string {
	for _, step := range d.Steps {
		if list := step.Answer.Body.Get("InsightSelectors"); step.Diverges && strings.HasPrefix(d.Actual, "other") && list.Given() {
			return d.Actual + ": " + describeValue(list)
		}
	}
	return d.Actual
}

// provenance says what a divergence rests on and how often it was seen.
func (d Divergence) provenance() string {
	text := d.Level.String() + "; seen " + counted(d.Count, "time")
	if d.Seen != "" {
		text += ", in " + d.Seen + " tries"
	}
	if len(d.Also) > 0 {
		text += "; also " + strings.Join(d.Also, ", ")
	}
	if source := d.sources(); source != "" {
		text += "; " + source
	}
	return shown(text, maxShown)
}

// sources spells the abbreviations of a rule's source out, as far as they are known.
func (d Divergence) sources() string {
	parts := strings.Split(d.Source, ",")
	for i, part := range parts {
		parts[i] = strings.TrimSpace(part)
		if long, ok := model.Sources[parts[i]]; ok {
			parts[i] = long
		}
	}
	return strings.Join(parts, "; ")
}

func (p *page) steps(steps []Step) {
	const indent = "      "
	for _, step := range steps {
		mark, s := " ", plain
		if step.Diverges {
			mark, s = "✗", red
		}
		none := ""
		p.line(span{fmt.Sprintf("    %s %2d ", mark, step.Number), s}, span{shown(describeStep(step, &none), maxShown), plain})
		p.labelled(indent+"   ", "answered", shown(describeAnswer(step), maxShown), s)
		if step.Diverges {
			p.labelled(indent+"   ", "allowed", shown(alternatives(step.Allowed), maxShown), plain)
		}
	}
}

// alternatives joins what is allowed: "A", "A or B", "A, B or C".
func alternatives(list []string) string {
	switch len(list) {
	case 0:
		return "nothing else"
	case 1:
		return list[0]
	}
	return strings.Join(list[:len(list)-1], ", ") + " or " + list[len(list)-1]
}

func (p *page) deviations(r *Report) {
	if len(r.Deviations) == 0 {
		return
	}
	p.blank()
	p.line(span{"accepted, but not the reference answer", bold})
	for i, d := range r.Deviations {
		if left := len(r.Deviations) - i; i >= calmDeviations && left > 1 && !p.Verbose {
			p.line(span{fmt.Sprintf("  … and %d more; --report json=PATH lists them all", left), dim})
			break
		}
		p.line(
			span{"  " + string(d.Rule), yellow},
			span{fmt.Sprintf("  %s: %s", shortOperation(shown(d.Operation, maxShown)), shown(d.Actual, maxShown)), plain},
			span{fmt.Sprintf(" instead of %s, %s", shown(d.Reference, maxShown), counted(d.Count, "time")), dim},
		)
	}
}

func (p *page) notes(r *Report) {
	notes := slices.Concat(r.Target.Notes, r.Notes)
	if len(notes) == 0 {
		return
	}
	p.blank()
	p.line(span{"notes", bold})
	for _, note := range notes {
		p.line(span{"  " + shown(note, maxShown), plain})
	}
}

func (p *page) verdict(r *Report) {
	p.blank()
	s := red
	switch r.Verdict {
	case Conforms:
		s = green
	case Inconclusive, Interrupted, RefusedRun:
		s = yellow
	}
	partial := ""
	if r.Partial {
		partial = ", partial"
	}
	summary := fmt.Sprintf(" (exit %d%s)", r.ExitCode, partial)
	if counts := r.divergenceCounts(); counts != "" {
		summary += ": " + counts
	}
	p.line(span{string(r.Verdict), s}, span{summary, plain})
	if r.Reason != "" {
		for _, line := range wrap(strings.Fields(shown(r.Reason, 2*maxShown)), " ", p.proseWidth()) {
			p.line(span{line, plain})
		}
	}
	if r.Command != "" {
		p.whole(span{"repeat: ", dim}, span{r.Command, plain})
	}
}

// divergenceCounts says how many divergences there are by kind: "2 documented, 1 unrepeated".
func (r *Report) divergenceCounts() string {
	byLevel := map[model.Level]int{}
	unrepeated := 0
	for _, d := range r.Divergences {
		if d.Status == Unrepeated {
			unrepeated++
		} else {
			byLevel[d.Level]++
		}
	}
	var parts []string
	for _, level := range []model.Level{model.Documented, model.Observed, model.Inferred} {
		if byLevel[level] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", byLevel[level], level))
		}
	}
	if unrepeated > 0 {
		parts = append(parts, fmt.Sprintf("%d unrepeated", unrepeated))
	}
	if len(parts) == 0 {
		return ""
	}
	noun := "divergences"
	if len(r.Divergences) == 1 {
		noun = "divergence"
	}
	return fmt.Sprintf("%d %s, %s", len(r.Divergences), noun, strings.Join(parts, ", "))
}

// wrap joins parts into lines of at most width characters where that is possible; 0 or less is no limit.
func wrap(parts []string, separator string, width int) []string {
	var lines []string
	current := ""
	for i, part := range parts {
		switch {
		case i == 0:
			current = part
		case width > 0 && length(current)+length(separator)+length(part) > width:
			lines = append(lines, current+strings.TrimRight(separator, " "))
			current = part
		default:
			current += separator + part
		}
	}
	if current != "" {
		lines = append(lines, current)
	}
	return lines
}

// counted renders "1 request", "5,000 requests".
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(n) + " " + noun + "s"
}

// grouped renders a number with a comma between thousands.
func grouped(n int) string {
	if n < 0 {
		return "-" + grouped(-n)
	}
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", grouped(n/1000), n%1000)
}

func duration(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	if d < 10*time.Second {
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

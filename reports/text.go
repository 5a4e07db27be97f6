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
	"github.com/insightconform/conform/targets"
)

// TextOptions say how a report is shown to a person.
type TextOptions struct {
	Width   int  // of the terminal; 0 is no limit
	Color   bool // use ANSI colours
	Verbose bool // every step with its answer and the source of each rule; every deviation; nothing cut
	Quiet   bool // nothing but the verdict and the rules that fail the run
	// Next is a command that the report ends with, empty for none.
	Next string
}

// maxSequence bounds a sequence on one line where the terminal's width does not.
const maxSequence = 1000

// How many lines the entries of a summary may have unless everything is asked for. Together with the
// others a conforming run stays on a screen of 24 lines of 80.
const (
	calmLines       = 3
	calmCertificate = 2
	calmDeviations  = 2
	calmNotes       = 4 // of all notes together
)

// Text writes the report for people: each divergence in at most five lines, what was covered, and at
// the end the verdict and the command that repeats the run.
func Text(w io.Writer, r *Report, options TextOptions) error {
	r = r.complete()
	p := &page{TextOptions: options}
	if p.Quiet {
		p.verdictLine(r)
		p.failing(r)
	} else {
		p.title(r)
		p.divergences(r)
		p.known(r)
		p.deviations(r)
		p.summary(r)
		p.verdict(r)
	}
	_, err := w.Write(withoutCommands(p.buffer.Bytes()))
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
		if cut && p.Width > 0 && !p.Verbose {
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

// How wide the labels of a summary and of a divergence are.
const (
	labelWidth = 12
	blockLabel = 10
)

// labelled writes "label       text".
func (p *page) labelled(label, text string, s style) {
	p.line(span{fmt.Sprintf("%-*s", labelWidth, label), dim}, span{text, s})
}

// field is labelled with the labels of a divergence.
func (p *page) field(indent, label, text string, s style) {
	p.line(span{fmt.Sprintf("%s%-*s", indent, blockLabel, label), dim}, span{text, s})
}

// entry writes a label with a text that goes on over several lines, and returns how many. Of parts that
// do not fit in so many lines the last ones are counted; with --verbose, all are written.
func (p *page) entry(label string, s style, lines int, separator string, parts ...string) int {
	room := max(p.proseWidth()-labelWidth, 20)
	wrapped := wrap(strings.Fields(strings.Join(parts, separator)), " ", room)
	for kept := len(parts) - 1; len(wrapped) > lines && kept > 0 && !p.Verbose; kept-- {
		left := fmt.Sprintf("and %d more", len(parts)-kept)
		wrapped = wrap(strings.Fields(strings.Join(append(slices.Clone(parts[:kept]), left), separator)), " ", room)
	}
	if len(wrapped) > lines && !p.Verbose {
		wrapped[lines-1] = shorten(wrapped[lines-1]+" "+wrapped[lines], room)
		wrapped = wrapped[:lines]
	}
	for i, line := range wrapped {
		if i > 0 {
			label = ""
		}
		p.labelled(label, line, s)
	}
	return len(wrapped)
}

// describeTarget names what was asked: "endpoint http://127.0.0.1:5000 in us-east-1".
func describeTarget(t targets.Info) string {
	text := shown(t.Name, maxShown)
	if t.Endpoint != "" {
		text += " " + shown(t.Endpoint, maxShown)
	}
	if t.Region != "" {
		text += " in " + shown(t.Region, maxShown)
	}
	return text
}

func (p *page) title(r *Report) {
	name := "conform"
	if r.Version != "" {
		name += " " + r.Version
	}
	p.line(span{name, bold}, span{" · " + describeTarget(r.Target), plain})
}

// summary says what was done, what was covered, and what there is to know beside the divergences.
func (p *page) summary(r *Report) {
	p.blank()
	work := fmt.Sprintf("%s in %s (%s a second), %s", counted(r.Requests, "request"), duration(r.DurationSeconds),
		grouped(int(r.RequestsPerSecond+0.5)), counted(r.Cases, "case"))
	if r.ConfirmRequests > 0 {
		work += fmt.Sprintf("; %s more to confirm", grouped(r.ConfirmRequests))
	}
	p.entry("sent", plain, calmLines, "", work)

	applicable, exercised, violated := r.Coverage.ruleCounts()
	rules := fmt.Sprintf("%d of %d applicable exercised, ", exercised, applicable)
	if violated == 0 {
		rules += "none violated"
	} else {
		rules += fmt.Sprintf("%d violated", violated)
	}
	p.entry("rules", plain, calmLines, "", rules)
	if w := r.Settling; w != nil {
		p.entry("settling", plain, calmLines, "", fmt.Sprintf("%s did not match at once; after a write they took %s (median), at most %s; %d never matched",
			counted(w.Waits, "answer"), duration(w.MedianSeconds), duration(w.LongestSeconds), w.TimedOut))
	}
	if t, pairs := r.Coverage.Transitions, r.Coverage.Pairs; t.Total+pairs.Total > 0 {
		p.entry("coverage", plain, calmLines, "", fmt.Sprintf("%d of %d transitions, %d of %d pairs of errors", t.Covered, t.Total, pairs.Covered, pairs.Total))
	}
	for i := range r.Certificates {
		p.certificate(&r.Certificates[i])
	}
	if len(r.Replays) > 0 {
		p.entry("replayed", plain, calmLines, "", summary(r.Replays))
	}
	if len(r.CutShort) > 0 {
		p.entry("cut short", yellow, calmLines, ", ", r.CutShort...)
	}
	p.entry("not covered", plain, calmLines, "; ", notCovered(r)...)
	if p.Verbose {
		p.entry("untried", plain, calmLines, ", ", r.unexercised()...)
	} else {
		p.entry("deviations", plain, calmDeviations, ", ", deviationCounts(r)...)
	}
	p.notes(r)
}

// certificate says what a complete suite guarantees; with Verbose, all of it.
func (p *page) certificate(c *Certificate) {
	s := yellow
	if c.Holds {
		s = green
	}
	if c.Failed > 0 {
		s = red
	}
	p.entry("certificate", s, calmCertificate, "", fmt.Sprintf("%s, depth %d: %s", shown(c.Machine, maxShown), c.Depth, shown(c.Result, 2*maxShown)))
	if !p.Verbose {
		return
	}
	p.entry("  machine", plain, calmLines, "", fmt.Sprintf("%s, %s, %s; %s", counted(c.States, "state"), counted(len(c.Inputs), "input"),
		counted(c.Transitions, "transition"), shown(c.Abstraction, 2*maxShown)))
	p.entry("  reads", plain, calmLines, ", ", c.Reads...)
	p.entry("  suite", plain, calmLines, "", fmt.Sprintf("%s, %s", counted(c.Tests, "test"), counted(c.Requests, "request")))
	p.entry("  provided", plain, calmLines, "", "that "+strings.Join(c.Hypotheses, "; that "))
}

// notCovered names the absent capabilities, those with the same reason together.
func notCovered(r *Report) []string {
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
	return parts
}

// deviationCounts says how often each rule was kept in another way than the reference's, the most
// frequent first.
func deviationCounts(r *Report) []string {
	counts := map[model.ID]int{}
	for _, d := range r.Deviations {
		counts[d.Rule] += d.Count
	}
	ids := slices.SortedFunc(maps.Keys(counts), func(a, b model.ID) int {
		return firstDifference(counts[b]-counts[a], strings.Compare(string(a), string(b)))
	})
	var parts []string
	for _, id := range ids {
		parts = append(parts, fmt.Sprintf("%s (%s)", shown(string(id), maxShown), counted(counts[id], "time")))
	}
	return parts
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

// divergence writes the five lines of a divergence. The last one is not cut: it is there to be copied.
func (p *page) divergence(d Divergence) {
	s := red
	if !d.Fails {
		s = yellow
	}
	p.line(span{"  " + string(d.Rule), s}, span{"  " + shown(d.Statement, maxShown), plain})

	const indent = "    "
	room := maxSequence
	if p.Width > 0 && !p.Verbose {
		room = max(p.Width-len(indent)-blockLabel, 20)
	}
	if len(d.Steps) > 0 {
		p.field(indent, "sequence", describeSteps(d.Steps, room), plain)
	}
	p.field(indent, "expected", alternatives(d.Expected, min(room, maxShown)), plain)
	actual := shown(d.actual(), maxShown)
	if length(actual) > room {
		actual = shortTypes.Replace(actual)
	}
	p.field(indent, "actual", actual, bold)
	if d.Replay != "" {
		p.whole(span{fmt.Sprintf("%s%-*s", indent, blockLabel, "replay"), dim}, span{d.Replay, plain})
	}
	if p.Verbose {
		p.field(indent, "see", d.provenance(), dim)
		p.steps(d.Steps)
	}
}

// actual names the kind of the wrong answer and, of a success, what it shows.
func (d Divergence) actual() string {
	for _, step := range d.Steps {
		if list := step.Answer.Body.Get("InsightSelectors"); step.Diverges && strings.HasPrefix(d.Actual, "other") && list.Given() {
			return d.Actual + ": " + describeSelectors(list)
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
		p.field(indent+"   ", "answered", shown(describeAnswer(step), maxShown), s)
		if step.Diverges {
			p.field(indent+"   ", "allowed", alternatives(step.Allowed, maxShown), plain)
		}
	}
}

// alternatives joins what is allowed: "A", "A or B", "A, B or C"; where that is longer than limit, "A, B or 3
// more".
func alternatives(list []string, limit int) string {
	if len(list) == 0 {
		return "nothing else"
	}
	for kept := len(list); ; kept-- {
		names := slices.Clone(list[:kept])
		if kept < len(list) {
			names = append(names, fmt.Sprintf("%d more", len(list)-kept))
		}
		text := names[0]
		if last := len(names) - 1; last > 0 {
			text = strings.Join(names[:last], ", ") + " or " + names[last]
		}
		if length(text) <= limit || kept == 1 {
			return shown(text, limit)
		}
	}
}

// deviations lists each kind of them, where all is told.
func (p *page) deviations(r *Report) {
	if len(r.Deviations) == 0 || !p.Verbose {
		return
	}
	p.blank()
	p.line(span{"accepted, but not the reference answer", bold})
	for _, d := range r.Deviations {
		p.line(
			span{"  " + string(d.Rule), yellow},
			span{fmt.Sprintf("  %s: %s", shortOperation(shown(d.Operation, maxShown)), shown(d.Actual, maxShown)), plain},
			span{fmt.Sprintf(" instead of %s, %s", shown(d.Reference, maxShown), counted(d.Count, "time")), dim},
		)
	}
}

func (p *page) notes(r *Report) {
	notes := slices.Concat(r.Target.Notes, r.Notes)
	lines := 0
	for i, note := range notes {
		if left := len(notes) - i; lines >= calmNotes-1 && left > 1 && !p.Verbose {
			p.labelled("", fmt.Sprintf("… and %d more notes", left), dim)
			return
		}
		lines += p.entry("note", plain, min(2, max(1, calmNotes-1-lines)), "", shown(note, 2*maxShown))
	}
}

func (p *page) verdict(r *Report) {
	p.blank()
	p.verdictLine(r)
	p.reason(r)
	if r.Command != "" {
		p.whole(span{"repeat: ", dim}, span{r.Command, plain})
	}
	if p.Next != "" {
		p.whole(span{"next:   ", dim}, span{p.Next, bold})
	}
}

func (p *page) verdictLine(r *Report) {
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
}

func (p *page) reason(r *Report) {
	for _, line := range wrap(strings.Fields(shown(r.Reason, 2*maxShown)), " ", p.proseWidth()) {
		p.line(span{line, plain})
	}
}

// failing lists the rules that fail the run, once each, or why else it is no pass.
func (p *page) failing(r *Report) {
	listed := map[model.ID]bool{}
	for _, d := range r.Divergences {
		if d.Fails && !listed[d.Rule] {
			listed[d.Rule] = true
			p.line(span{"  " + string(d.Rule), red}, span{"  " + shown(d.Statement, maxShown), plain})
		}
	}
	if len(listed) == 0 && r.Verdict != Conforms {
		p.reason(r)
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

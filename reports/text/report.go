// Package text shows reports and what belongs to them to people at a terminal, and the progress of a run.
package text

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/describe"
	"github.com/insightconform/conform/reports/plain"
)

// Options say how a report is shown to a person.
type Options struct {
	Width   int  // of the terminal; 0 is no limit
	Color   bool // use ANSI colours
	Verbose bool // every step with its answer and the source of each rule; every deviation; no list is cut
	Whole   bool // what was not covered and not judged is not cut
	Quiet   bool // the verdict and the rules that fail the run, and how many were not judged
	// Next is a command that the report ends with, empty for none.
	Next string
}

// How many lines of 80 columns the lists of a summary may have unless everything is asked for, at any width.
// Together with the others a conforming run stays on a screen of 24 such lines.
const (
	summaryLines     = 3
	certificateLines = 2
	deviationLines   = 2
	noteLines        = 5 // of all notes together
	notJudged        = 5 // rules with the same reason
	plannedLines     = 8 // of a text of a plan

	maxFailure     = 60 // characters of the answer in the list of failures
	maxDifferences = 20 // of a section of a comparison

	labelWidth = 12 // of a summary
	planLabel  = 14 // of a plan, with the indent
	blockLabel = 14 // of a divergence, with the indent
	stepLabel  = 19 // of its steps

	overlapHang = 4 // of a call beside which there is no room for a text
)

// Report writes the report for people: the divergences by rule, each in a few lines, what was covered, and at the end
// the verdict and the command that repeats the run.
func Report(w io.Writer, r *reports.Report, options Options) error {
	r = describe.Shown(r)
	p := &page{options: options, most: summaryLines}
	if r.End != nil && r.End.Replayed {
		p.replays(r)
		return p.end(w)
	}
	if options.Quiet {
		p.verdict(r.Verdict, describe.Outcome(r))
		p.failing(r)
		return p.end(w)
	}
	if options.Whole {
		p.most = math.MaxInt
	}
	p.heading(r.Version, plain.Target(r.Target))
	p.divergences(r)
	p.known(r)
	p.deviations(r)
	p.blank()
	p.summary(r)
	p.notes(r)
	p.failures(r)
	p.blank()
	p.verdict(r.Verdict, describe.Outcome(r))
	p.reason(r)
	p.command("repeat: ", r.Command, normal)
	p.command("next:   ", options.Next, bold)
	return p.end(w)
}

// Verdict writes the verdict, and unless Quiet the rules that fail the run and the reason, for where no report is read.
func Verdict(w io.Writer, r *reports.Report, options Options) error {
	r = r.Normalized()
	p := &page{options: options}
	if !options.Quiet {
		p.failures(r)
	}
	p.verdict(r.Verdict, describe.Outcome(r))
	if !options.Quiet {
		p.reason(r)
	}
	return p.end(w)
}

// failures lists the rules that fail the run, each with an answer that does.
func (p *page) failures(r *reports.Report) {
	rules, longest := describe.ByRule(describe.Failing(r)), 0
	for _, rule := range rules {
		longest = max(longest, plain.Length(plain.Text(rule.Key)))
	}
	for _, rule := range rules {
		p.section("rules that fail the run")
		d := rule.Items[0]
		said := describe.Cause(d) + " → " + plain.Shown(d.Actual, maxFailure)
		if more := len(rule.Items) - 1; more > 0 {
			said += fmt.Sprintf(", and %d more", more)
		}
		p.line(span{"  " + fmt.Sprintf("%-*s", longest, plain.Text(rule.Key)), red}, span{"  " + said, normal})
	}
}

// Divergences writes those of one rule, as Report does.
func Divergences(w io.Writer, r *reports.Report, rule model.ID) error {
	r, p := describe.Shown(r), &page{}
	one := *r
	one.Divergences = slices.DeleteFunc(slices.Clone(r.Divergences), func(d reports.Divergence) bool { return d.Rule != rule })
	p.divergences(&one)
	p.known(&one)
	return p.end(w)
}

// summary says what was done, what was covered, and what there is to know beside the divergences.
func (p *page) summary(r *reports.Report) {
	work := fmt.Sprintf("%s in %s (%s a second), %s", plain.Counted(r.Requests, "request"),
		plain.Duration(r.DurationSeconds), plain.Grouped(int(r.RequestsPerSecond+0.5)), plain.Counted(r.Cases, "case"))
	work += plain.When(r.ConfirmRequests > 0, "; "+plain.Grouped(r.ConfirmRequests)+" more to confirm")
	p.recorded(r)
	p.say("sent", plain.When(r.Recorded == nil, work+plain.When(r.FirstConfirmedSeconds > 0, ", the first after "+plain.Duration(r.FirstConfirmedSeconds))))
	p.say("rules", describe.Rules(r))
	p.say("left out", describe.LeftOut(r))
	if w := r.Settling; w != nil {
		p.say("settling", fmt.Sprintf("%s did not match at once; "+
			"after a write they took %s (median), at most %s; %d never matched",
			plain.Counted(w.Waits, "answer"), plain.Duration(w.MedianSeconds), plain.Duration(w.LongestSeconds), w.TimedOut))
	}
	t, pairs := r.Coverage.Transitions, r.Coverage.Pairs
	covered := []string{plain.When(t.Total > 0, fmt.Sprintf("%d of %d transitions", t.Covered, t.Total)),
		plain.When(pairs.Total > 0, fmt.Sprintf("%d of %d pairs of errors", pairs.Covered, pairs.Total))}
	p.say("coverage", strings.Join(slices.DeleteFunc(covered, func(s string) bool { return s == "" }), ", "))
	for i := range r.Certificates {
		p.certificate(&r.Certificates[i])
	}
	p.say("replayed", plain.When(len(r.Replays) > 0, summary(r.Replays)))
	p.entry("cut short", yellow, p.most, ", ", r.CutShort...)
	if r.End != nil {
		p.entry("last sent", yellow, p.most, "; ", plain.Texts(r.End.LastRequests, func(s string) string { return plain.Shown(s, plain.MaxShown) })...)
	}
	p.entry("timed out", yellow, p.most, ", ", plain.Texts(slices.Sorted(maps.Keys(r.TimedOut)), func(kind string) string {
		return plain.Text(kind) + " (" + plain.Counted(r.TimedOut[kind], "time") + ")"
	})...)
	p.entry("not covered", normal, p.most, "; ", plain.Texts(describe.Lacking(r), func(lack plain.Group[string, string]) string {
		return strings.TrimSuffix(strings.Join(lack.Items, ", ")+" ("+lack.Key+")", " ()")
	})...)
	named := notJudged
	if p.options.Verbose || p.options.Whole {
		named = math.MaxInt
	}
	p.entry("not judged", normal, p.most, "; ", describe.NotJudged(r, named)...)
	if !p.options.Verbose {
		p.entry("deviations", normal, deviationLines, ", ", deviationCounts(r)...)
	}
}

// certificate says what a complete suite guarantees; with Verbose, all of it.
func (p *page) certificate(c *reports.Certificate) {
	s := cmp.Or(plain.When(c.Failed > 0, red), plain.When(c.Holds, green), yellow)
	result := plain.Shown(c.Result, 2*plain.MaxShown)
	p.entry("certificate", s, certificateLines, "", fmt.Sprintf("%s, depth %d: %s", plain.Text(c.Machine), c.Depth, result))
	if !p.options.Verbose {
		return
	}
	p.say("  machine", describe.Machine(c)+"; "+plain.Shown(c.Abstraction, 2*plain.MaxShown))
	p.entry("  reads", normal, p.most, ", ", c.Reads...)
	p.say("  suite", plain.Counted(c.Tests, "test")+", "+plain.Counted(c.Requests, "request"))
	p.say("  provided", "that "+strings.Join(c.Hypotheses, "; that "))
}

// deviationCounts says how often each rule was kept in another way than the reference's, the most frequent first.
func deviationCounts(r *reports.Report) []string {
	counts := map[model.ID]int{}
	for _, d := range r.Deviations {
		counts[d.Rule] += d.Count
	}
	ids := slices.SortedFunc(maps.Keys(counts), func(a, b model.ID) int {
		return cmp.Or(counts[b]-counts[a], strings.Compare(string(a), string(b)))
	})
	return plain.Texts(ids, func(id model.ID) string {
		return fmt.Sprintf("%s (%s)", plain.Text(id), plain.Counted(counts[id], "time"))
	})
}

// divergences lists them by rule, under what the first of each rule counts for.
func (p *page) divergences(r *reports.Report) {
	unknown := slices.DeleteFunc(slices.Clone(r.Divergences), func(d reports.Divergence) bool { return d.Known })
	for _, rule := range describe.ByRule(unknown) {
		first := standing(rule.Items[0])
		p.section(first)
		p.rule(rule.Items[0])
		for _, d := range rule.Items {
			if len(rule.Items) > 1 {
				p.field(blockLabel, "    operation", describe.Cause(d)+plain.When(standing(d) != first, ", "+standing(d)), bold)
			}
			p.divergence(d)
		}
	}
}

// standing says what a divergence counts for.
func standing(d reports.Divergence) string {
	switch {
	case d.Status == reports.Unrepeated:
		return "unrepeated: seen, but not again on a fresh world"
	case d.Status == reports.NotTried:
		return d.Status + ": the run, or its budget, ended before"
	}
	return d.Level.String() + plain.When(!d.Fails, ", which does not fail this run")
}

// known lists what the baseline accepts, and what became of its other entries.
func (p *page) known(r *reports.Report) {
	list := func(section, signature, remark string) {
		p.section(section)
		p.line(span{"  " + describe.Signature(signature), normal}, span{"  " + plain.Text(remark), dim})
	}
	for _, d := range r.Divergences {
		if d.Known {
			list("known to the baseline", d.Signature, d.Reason)
		}
	}
	for _, entry := range r.Baseline {
		if entry.Stale {
			list("in the baseline, but", entry.Signature, entry.Outcome+": "+entry.Mend)
		} else if entry.Outcome == reports.ReplayNotCovered {
			list("in the baseline, but", entry.Signature, "not checked: "+entry.Why)
		}
	}
}

// divergence writes the lines of a divergence below its rule. The last one is not wrapped: it is there to be copied.
func (p *page) divergence(d reports.Divergence) {
	if describe.Overlaps(d.Steps) {
		p.atOnce(describe.Told(d))
	}
	if len(describe.Sequence(d.Steps)) > 0 {
		p.field(blockLabel, "    sequence", describe.Steps(d.Steps), normal)
	}
	p.field(blockLabel, "    expected", plain.Alternatives(d.Expected, plain.MaxMessage), normal)
	p.field(blockLabel, "    actual", plain.Text(d.Actual), bold)
	switch {
	case d.Clients > 0:
		p.field(blockLabel, "    seen", describe.Plays(d), normal)
	case d.Rate != "":
		p.field(blockLabel, "    seen", plain.Text(d.Rate), normal)
	case describe.Found(d) != "":
		p.field(blockLabel, "    seen", plain.Text(describe.Found(d)), normal)
	}
	p.command("    replay    ", d.Replay, normal)
	if p.options.Verbose {
		p.field(blockLabel, "    see", describe.Provenance(d), dim)
		p.steps(d.Steps)
	}
}

// atOnce shows what several clients did.
func (p *page) atOnce(picture [][2]string) {
	for _, line := range picture {
		label, s := plain.When(line[0] != "", "    "+line[0]), plain.When(strings.HasPrefix(line[1], "✗"), red)
		hang := 0 // below the text behind the picture, where that leaves room
		behind := max(strings.LastIndex(line[1], "  "), 0)
		if blockLabel+plain.Length(line[1][:behind])+2 > p.options.Width/2 {
			hang = blockLabel + overlapHang
		}
		p.write(p.options.Width, hang, labelled(blockLabel, label, line[1], s))
	}
}

// rule names the rule of a divergence.
func (p *page) rule(d reports.Divergence) {
	p.line(span{"  " + string(d.Rule), cmp.Or(plain.When(!d.Fails, yellow), red)}, span{"  " + plain.Text(d.Statement), normal})
}

func (p *page) steps(steps []reports.Step) {
	teller := describe.Teller{Whole: true}
	for _, step := range steps {
		mark, s := cmp.Or(plain.When(step.Diverges, "✗"), " "), plain.When(step.Diverges, red)
		p.line(span{fmt.Sprintf("    %s %2d ", mark, step.Number), s}, span{plain.Text(teller.Step(step)), normal})
		p.field(stepLabel, "         answered", plain.Text(describe.Answer(step)), s)
	}
}

// deviations lists each kind of them, where all is told.
func (p *page) deviations(r *reports.Report) {
	if !p.options.Verbose {
		return
	}
	for _, d := range r.Deviations {
		p.section("accepted, but not the reference answer")
		p.line(span{"  " + string(d.Rule), yellow},
			span{fmt.Sprintf("  %s: %s", plain.Operation(plain.Text(d.Operation)), plain.Text(d.Actual)), normal},
			span{fmt.Sprintf(" instead of %s, %s", plain.Text(d.Reference), plain.Counted(d.Count, "time")), dim})
	}
}

func (p *page) notes(r *reports.Report) {
	notes, lines := slices.Concat(r.Target.Notes, r.Notes), 0
	for i, note := range notes {
		note = plain.Shown(note, 2*plain.MaxShown)
		if lines += len(plain.Fold(note, 80-labelWidth, 0)); lines >= noteLines && i > 0 && i < len(notes)-1 && !p.options.Verbose {
			p.field(labelWidth, "", fmt.Sprintf("… and %d more notes", len(notes)-i), dim)
			return
		}
		p.say("note", note)
	}
}

func (p *page) reason(r *reports.Report) {
	if r.Reason != "" {
		p.write(cmp.Or(p.options.Width, proseWidth), 0, []span{{oneSpaced(plain.Shown(r.Reason, 2*plain.MaxShown)), normal}})
	}
}

// failing lists the rules that fail the run, once each, and why else it is no pass, or none of all rules.
func (p *page) failing(r *reports.Report) {
	fails := describe.Failing(r)
	for _, rule := range describe.ByRule(fails) {
		p.rule(rule.Items[0])
	}
	if _, applicable, judged := r.Coverage.Counts(); judged < applicable || len(fails) == 0 && r.Verdict != reports.Conforms {
		p.reason(r)
	}
}

// replays tells what became of each trace, and where it diverges, or is the only one, with the steps and their answers.
// Quiet leaves out what does not diverge, and Verbose nothing.
func (p *page) replays(r *reports.Report) {
	for _, e := range r.Replays {
		if p.options.Quiet && !e.Diverges() {
			continue
		}
		s := cmp.Or(plain.When(e.Diverges(), red), plain.When(e.Outcome == reports.ReplayFixed, green), yellow)
		p.line(span{fmt.Sprintf("%-15s ", e.Outcome), s}, span{describe.Signature(e.Signature), bold},
			span{plain.When(e.Why != "", " ("+plain.Text(e.Why)+")"), normal},
			span{plain.When(p.options.Verbose && e.File != "", " in "+plain.Text(e.File)), normal})
		if p.options.Quiet || !e.Diverges() && len(r.Replays) > 1 && !p.options.Verbose {
			continue
		}
		if describe.Overlaps(e.Steps) {
			p.atOnce(describe.Picture(e.Steps))
		}
		for i, line := range describe.Exchange(describe.Sequence(e.Steps)) {
			step := e.Steps[i/2]
			label := fmt.Sprintf("    %s %2d ", cmp.Or(plain.When(step.Diverges, "✗"), " "), step.Number)
			if i%2 > 0 {
				label = strings.Repeat(" ", plain.Length(label)+2)
			}
			p.line(span{label, normal}, span{line, plain.When(step.Diverges, red)})
		}
		if len(e.Steps) > 0 {
			p.field(blockLabel, "    expected", plain.Alternatives(e.Expected, plain.MaxShown), normal)
			p.field(blockLabel, "    actual", plain.Text(e.Actual), bold)
		}
		p.blank()
	}
	p.line(span{"replayed ", normal}, span{summary(r.Replays), normal})
}

// summary counts replays by outcome: "3 traces: 1 still diverges, 2 fixed".
func summary(replays []reports.Replay) string {
	counts := map[string]int{}
	for _, r := range replays {
		counts[r.Outcome]++
	}
	parts := plain.Tally("%[2]d %[1]s", counts, reports.ReplayDiverges, reports.ReplayDifferent, reports.ReplayFixed, reports.ReplayNotCovered)
	return plain.Counted(len(replays), "trace") + ": " + strings.Join(parts, ", ")
}

// page collects the lines of a text report. All text passes through line, where it is made harmless.
type page struct {
	options Options
	most    int // lines of an entry
	labels  int // how wide the labels of entries are; 0 is labelWidth
	titled  string
	buffer  bytes.Buffer
}

type style string

const (
	normal style = ""
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

func (p *page) end(w io.Writer) error {
	_, err := w.Write(plain.WithoutCommands(p.buffer.Bytes()))
	return err
}

func (p *page) blank() { p.buffer.WriteByte('\n') }

// section writes a title, unless it is the one that was written last.
func (p *page) section(title string) {
	if title == p.titled {
		return
	}
	p.titled = title
	p.blank()
	p.line(span{title, bold})
}

// heading begins a page with the version of conform.
func (p *page) heading(version, about string) {
	p.line(span{strings.TrimSuffix("conform "+version, " "), bold}, span{" · " + about, normal})
}

var verdictStyles = map[reports.Verdict]style{reports.Conforms: green, reports.Passed: green,
	reports.Inconclusive: yellow, reports.Interrupted: yellow, reports.RefusedRun: yellow}

// verdict writes a verdict with what follows it.
func (p *page) verdict(v reports.Verdict, rest string) {
	p.line(span{string(v), cmp.Or(verdictStyles[v], red)}, span{rest, normal})
}

// line writes spans side by side, wrapped at the page's width.
func (p *page) line(spans ...span) { p.write(p.options.Width, 0, spans) }

// command writes a command to copy, where there is one: it must not be broken.
func (p *page) command(label, command string, s style) {
	if command != "" {
		p.write(0, 0, []span{{label, dim}, {command, s}})
	}
}

func (p *page) write(width, hang int, spans []span) {
	texts := plain.Texts(spans, func(s span) string { return plain.Visible(s.text) })
	for _, line := range plain.Fold(strings.Join(texts, ""), width, hang) {
		p.buffer.WriteString(strings.Repeat(" ", line.Indent))
		at := 0
		for i, text := range texts {
			from, to := min(max(line.From-at, 0), len(text)), min(max(line.To-at, 0), len(text))
			at += len(text)
			part, s := text[from:to], spans[i].style
			if p.options.Color && s != normal && part != "" {
				part = "\x1b[" + string(s) + "m" + part + "\x1b[0m"
			}
			p.buffer.WriteString(part)
		}
		p.blank()
	}
}

// proseWidth is where running text is broken where nothing is known of the width.
const proseWidth = 110

// field writes a label of a width with a text.
func (p *page) field(width int, label, text string, s style) {
	p.write(p.options.Width, width, labelled(width, label, text, s))
}

func labelled(width int, label, text string, s style) []span {
	return []span{{fmt.Sprintf("%-*s", width, label), dim}, {text, s}}
}

// say is an entry of one part.
func (p *page) say(label, text string) { p.entry(label, normal, p.most, "", text) }

// entry writes a label with a text. Of a list, what goes beyond some lines of a screen is counted, unless verbose.
func (p *page) entry(label string, s style, lines int, separator string, parts ...string) {
	text := oneSpaced(strings.Join(parts, separator))
	if text == "" {
		return
	}
	for kept := len(parts) - 1; tooLong(text, lines) && kept > 0 && !p.options.Verbose; kept-- {
		text = strings.Join(append(slices.Clone(parts[:kept]), fmt.Sprintf("and %d more", len(parts)-kept)), separator)
		text = oneSpaced(text)
	}
	labels := cmp.Or(p.labels, labelWidth)
	p.write(cmp.Or(p.options.Width, proseWidth), labels, labelled(labels, label, text, s))
}

func oneSpaced(text string) string { return strings.Join(strings.Fields(text), " ") }

// tooLong reports whether a text of a summary takes more than some lines of a screen of 80 columns.
func tooLong(text string, lines int) bool { return len(plain.Fold(text, 80-labelWidth, 0)) > lines }

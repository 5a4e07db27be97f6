// Package markdown writes a report for pull requests, for the summary of a job, and as annotations.
package markdown

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/describe"
	"github.com/insightconform/conform/reports/plain"
)

const (
	maxBytes       = 65_000   // of a report: GitHub takes 65,536 characters for a comment
	summaryLimit   = 1 << 20  // bytes that the steps of a job may write as a summary there
	maxAnnotations = 10       // that GitHub shows of one step
	leastRoom      = 16 << 10 // below which no summary makes sense
	maxRules       = 12       // of the table: with what is around it, a screen
	maxListed      = 20       // of the lists beside the divergences
	shownAnswer    = 80       // characters of an answer in the table
)

// Write writes the report for a pull request, short enough for a comment there: what does not fit is
// left out, the divergences that count least first, and the text says so.
func Write(w io.Writer, r *reports.Report) error {
	_, err := w.Write(markdown(r, maxBytes))
	return err
}

// AppendSummary appends the report as Markdown to a file that GitHub shows as the summary of a job's
// step, within its limit. Where the file is too full already it is left alone, with an error.
func AppendSummary(path string, r *reports.Report) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return err
	}
	switch info, problem := file.Stat(); {
	case problem != nil:
		err = problem
	case info.Size() > summaryLimit-leastRoom:
		err = fmt.Errorf("%s: there is no room left", path)
	default:
		text := markdown(r, min(maxBytes, summaryLimit-int(info.Size())-1))
		if info.Size() > 0 {
			text = append([]byte("\n"), text...)
		}
		_, err = file.Write(text)
	}
	return errors.Join(err, file.Close())
}

// markdown renders the report in at most limit bytes, of which it needs some thousands at the least: what is to be seen
// at once, then what can be opened, a fold for each rule.
func markdown(r *reports.Report, limit int) []byte {
	r = describe.Shown(r)
	rules := describe.ByRule(describe.WorstFirst(r))
	head, tail := markdownHead(r)+markdownTable(r, rules), markdownTail(r)
	const noteRoom = 300
	room := limit - len(head) - noteRoom
	if len(tail) > room/4 {
		tail = "\nWhat was not covered, deviations and notes are too long for this page; the JSON report has them.\n"
	}
	room -= len(tail)

	var details strings.Builder
	shown := 0
	for _, rule := range rules {
		begin, end := markdownFold(mdCode(string(rule.Key))+" "+mdPlain(rule.Items[0].Statement)), "\n</details>\n"
		text, fitting := begin, 0
		for _, d := range rule.Items {
			one := markdownDetails(r, d)
			if details.Len()+len(text)+len(one)+len(end) > room {
				break
			}
			text += one
			fitting++
		}
		if fitting > 0 {
			details.WriteString(text + end)
		}
		if shown += fitting; fitting < len(rule.Items) {
			break
		}
	}
	text := head
	if left := len(r.Divergences) - shown; left > 0 {
		text += fmt.Sprintf("\n%s of %s had no room on this page; the JSON report (--report json=FILE) has them all.\n",
			plain.Grouped(left), plain.Counted(len(r.Divergences), "divergence"))
	}
	return []byte(text + details.String() + tail)
}

func markdownHead(r *reports.Report) string {
	var b strings.Builder
	mark := cmp.Or(map[reports.Verdict]string{reports.Conforms: "✅", reports.Diverges: "❌"}[r.Verdict], "⚠️")
	verdict := mdPlain(string(r.Verdict))
	fmt.Fprintf(&b, "## %s conform: %s\n\n**%s**%s.\n", mark, verdict, verdict, describe.Outcome(r))
	b.WriteString(plain.When(r.Reason != "", "\n"+mdSentence(r.Reason)+"\n"))
	b.WriteString("\n| | |\n|---|---|\n")
	row := func(label, text string) { fmt.Fprintf(&b, "| %s | %s |\n", label, text) }
	if name := plain.Named(r.Target); name != plain.Text(r.Target.Name) {
		row("name", mdCode(name))
	}
	row("target", mdCode(strings.TrimSuffix(r.Target.Name+" "+r.Target.Endpoint, " ")))
	if r.Recorded != nil {
		row("judged", mdSentence(describe.Recorded(r)))
		for _, why := range describe.PassedOver(r) {
			row("", mdSentence(why))
		}
	} else {
		row("sent", fmt.Sprintf("%s in %s, %s", plain.Counted(r.Requests, "request"), plain.Duration(r.DurationSeconds), plain.Counted(r.Cases, "case")))
	}
	row("rules", describe.Rules(r))
	if left := describe.LeftOut(r); left != "" {
		row("left out", mdSentence(left))
	}
	if t := r.Coverage.Transitions; t.Total > 0 {
		row("transitions", fmt.Sprintf("%d of %d", t.Covered, t.Total))
	}
	for i, c := range r.Certificates {
		if i == maxCertificates {
			row("", fmt.Sprintf("… and %d more certificates", len(r.Certificates)-i))
			break
		}
		row("certificate", mdSentence(c.Machine+", depth "+fmt.Sprint(c.Depth)+": "+c.Result))
	}
	if r.Command != "" {
		row("repeat", mdCodeWithin(r.Command, plain.MaxMessage))
	}
	return b.String()
}

// maxCertificates is how many are told of; there are five machines.
const maxCertificates = 5

// markdownTable has a row for each rule, with the answer that counts most.
func markdownTable(r *reports.Report, rules []plain.Group[model.ID, reports.Divergence]) string {
	var b strings.Builder
	for i, rule := range rules {
		if i == 0 {
			b.WriteString("\n| rule | level | answer | |\n|---|---|---|---|\n")
		}
		if i == maxRules && len(rules) > maxRules+1 {
			fmt.Fprintf(&b, "\n%d more rules are among those below.\n", len(rules)-i)
			break
		}
		d := rule.Items[0]
		more := plain.When(len(rule.Items) > 1, fmt.Sprintf(", and %d more", len(rule.Items)-1))
		fmt.Fprintf(&b, "| %s | %s | %s: %s%s | %s |\n", mdCode(string(rule.Key)), d.Level, mdPlain(describe.Cause(d)),
			mdCodeWithin(d.Actual, shownAnswer), more, mdPlain(describe.Standing(r, d)))
	}
	return b.String()
}

// markdownFold begins what can be opened.
func markdownFold(summary string) string {
	return "\n<details>\n<summary>" + summary + "</summary>\n"
}

// markdownDetails tells of one divergence.
func markdownDetails(r *reports.Report, d reports.Divergence) string {
	return "\n" + mdPlain(describe.Cause(d)) + "\n\n<pre>\n" + htmlEscape.Replace(strings.Join(describe.Details(r, d), "\n")) + "\n</pre>\n"
}

func markdownTail(r *reports.Report) string {
	var b strings.Builder
	list := func(title string, items []string) {
		if len(items) == 0 {
			return
		}
		b.WriteString(markdownFold(fmt.Sprintf("%s (%d)", title, len(items))) + "\n")
		for i, item := range items {
			if i == maxListed && len(items) > maxListed+1 {
				fmt.Fprintf(&b, "- … and %d more, which the JSON report has\n", len(items)-i)
				break
			}
			b.WriteString("- " + item + "\n")
		}
		b.WriteString("\n</details>\n")
	}
	list("Stale in the baseline", plain.Texts(r.Stale(), func(e reports.Replay) string {
		return mdCode(describe.Signature(e.Signature)) + " " + mdSentence(e.Outcome+": "+e.Mend)
	}))
	list("Not judged", plain.Texts(describe.NotJudged(r, maxListed), mdSentence))
	list("Not covered", plain.Texts(describe.Absent(r), func(name string) string {
		return mdCode(name) + " " + mdSentence(r.NotCovered[name])
	}))
	list("Accepted, but not the reference answer", plain.Texts(r.Deviations, func(d reports.Deviation) string {
		return fmt.Sprintf("%s %s: %s instead of %s, %s", mdCode(string(d.Rule)), mdCode(plain.Operation(d.Operation)), mdCode(d.Actual),
			mdCode(d.Reference), plain.Counted(d.Count, "time"))
	}))
	list("Notes", plain.Texts(slices.Concat(r.Target.Notes, r.Notes), mdSentence))
	return b.String()
}

// mdCode renders text that may be hostile within a line. GitHub links no people, issues or addresses in code.
func mdCode(s string) string { return mdCodeWithin(s, plain.MaxShown) }

func mdCodeWithin(s string, limit int) string {
	if s == "" {
		return ""
	}
	return "<code>" + mdText(plain.Shown(s, limit)) + "</code>"
}

// mdPlain renders text of conform's own that a report which was read from a file may have replaced.
func mdPlain(s string) string { return mdText(plain.Text(s)) }

// mdSentence renders a sentence, which may have texts of a target within.
func mdSentence(s string) string { return mdText(plain.Message(s)) }

// mdText writes what could have a meaning in Markdown or HTML as numeric references: those are never markup.
func mdText(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '@': // alone in its element it makes no address of what is around it, not even in code
			b.WriteString("<span>&#64;</span>")
		case meansMore(s, i):
			fmt.Fprintf(&b, "&#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// meansMore reports whether the character at i may be markup, or make a link of what is around it.
func meansMore(s string, i int) bool {
	switch s[i] {
	case ':':
		return i+1 < len(s) && s[i+1] != ' '
	case '.':
		return i > 0 && (s[i-1] == 'w' || s[i-1] == 'W')
	}
	return strings.IndexByte("&<>\\`*_[]#|~$", s[i]) >= 0
}

// htmlEscape writes text for the inside of an element that keeps its lines.
var htmlEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;", "#", "&#35;")

// What a workflow command's text must not have, in its message and in its properties.
var (
	messageEscape  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	propertyEscape = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// Annotations writes GitHub workflow commands that mark a run: an error for each divergence that fails
// it, a warning for each other one that is not known, the worst first and at most ten; where a run
// ended without a verdict, an error that says why.
func Annotations(w io.Writer, r *reports.Report) error {
	r = describe.Shown(r)
	var b strings.Builder
	written := 0
	say := func(command, title, message string) {
		if written++; written <= maxAnnotations {
			fmt.Fprintf(&b, "::%s title=%s::%s\n", command, propertyEscape.Replace(title), messageEscape.Replace(message))
		}
	}
	if r.Verdict != reports.Conforms && r.Verdict != reports.Diverges {
		say("error", "conform: "+plain.Text(r.Verdict), plain.Message(r.Reason))
	}
	divergences := func(command string, fails bool) {
		for _, d := range describe.WorstFirst(r) {
			if !d.Known && r.FailsRun(d) == fails {
				say(command, "conform: "+plain.Text(d.Rule), strings.Join(describe.Details(r, d), "\n"))
			}
		}
	}
	divergences("error", true)
	for _, gone := range r.Gone() {
		say("error", "conform: expected, and gone", plain.Message(gone))
	}
	for _, entry := range r.Stale() {
		say("error", "conform: stale in the baseline", plain.Text(entry.Signature)+"\n"+plain.Message(entry.Mend))
	}
	divergences("warning", false)
	_, err := io.WriteString(w, b.String())
	return err
}

// Package markdown writes a report for pull requests, for the summary of a job, and as annotations.
package markdown

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/describe"
	"github.com/insightconform/conform/reports/plain"
)

const (
	commentLimit   = 65_536   // bytes of a comment on GitHub
	summaryLimit   = 1 << 20  // bytes that the steps of a job may write as a summary there
	maxAnnotations = 10       // that GitHub shows of one step
	leastRoom      = 16 << 10 // below which no summary makes sense
	maxListed      = 20       // of the lists beside the divergences
)

// Write writes the report for a pull request, short enough for a comment there: what does not fit is
// left out, the divergences that count least first, and the text says so.
func Write(w io.Writer, r *reports.Report) error {
	_, err := w.Write(markdown(r, commentLimit))
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
		text := markdown(r, summaryLimit-int(info.Size())-1)
		if info.Size() > 0 {
			text = append([]byte("\n"), text...)
		}
		_, err = file.Write(text)
	}
	return errors.Join(err, file.Close())
}

// markdown renders the report in at most limit bytes, of which it needs some thousands at the least.
func markdown(r *reports.Report, limit int) []byte {
	r = describe.Shown(r)
	head, tail := markdownHead(r), markdownTail(r)
	const noteRoom = 300
	room := limit - len(head) - noteRoom
	if len(tail) > room/4 {
		tail = "\nThere is more in the JSON report: what was not covered, and notes.\n"
	}
	room -= len(tail)
	var list []reports.Divergence
	for _, rule := range describe.ByRule(describe.WorstFirst(r)) {
		list = append(list, rule.Items...)
	}
	fitting := func(list []reports.Divergence, render func(i int) string) (out []string) {
		for i := range list {
			text := render(i)
			if room < len(text) {
				break
			}
			room -= len(text)
			out = append(out, text)
		}
		return out
	}
	first := func(i int) bool { return i == 0 || list[i-1].Rule != list[i].Rule } // of its rule
	rows := fitting(list, func(i int) string { return markdownRow(r, i+1, list[i], first(i)) })
	details := fitting(list[:len(rows)], func(i int) string { return markdownDetails(r, i+1, list[i], first(i)) })

	var b bytes.Buffer
	b.WriteString(head)
	if len(list) > 0 {
		b.WriteString("\n| | rule | level | operation | expected | actual | |\n|---|---|---|---|---|---|---|\n")
		b.WriteString(strings.Join(rows, ""))
	}
	if len(rows) < len(list) || len(details) < len(list) {
		fmt.Fprintf(&b, "\nThere was no room for all %s: %d are in the table, %d in full below. The JSON report has them all.\n",
			plain.Counted(len(list), "divergence"), len(rows), len(details))
	}
	b.WriteString(strings.Join(details, ""))
	b.WriteString(tail)
	return b.Bytes()
}

func markdownHead(r *reports.Report) string {
	var b strings.Builder
	mark := cmp.Or(map[reports.Verdict]string{reports.Conforms: "✅", reports.Diverges: "❌"}[r.Verdict], "⚠️")
	verdict := mdPlain(string(r.Verdict))
	fmt.Fprintf(&b, "## %s conform: %s\n\n**%s**%s.\n", mark, verdict, verdict, describe.Outcome(r))
	b.WriteString(plain.When(r.Reason != "", "\n"+mdCode(r.Reason)+"\n"))
	b.WriteString("\n| | |\n|---|---|\n")
	row := func(label, text string) { fmt.Fprintf(&b, "| %s | %s |\n", label, text) }
	if name := plain.Named(r.Target); name != plain.Text(r.Target.Name) {
		row("name", mdCode(name))
	}
	row("target", mdCode(strings.TrimSuffix(r.Target.Name+" "+r.Target.Endpoint, " ")))
	row("sent", fmt.Sprintf("%s in %s, %s", plain.Counted(r.Requests, "request"), plain.Duration(r.DurationSeconds), plain.Counted(r.Cases, "case")))
	row("rules", describe.Rules(r))
	if left := describe.LeftOut(r); left != "" {
		row("left out", mdCode(left))
	}
	if t := r.Coverage.Transitions; t.Total > 0 {
		row("transitions", fmt.Sprintf("%d of %d", t.Covered, t.Total))
	}
	for i, c := range r.Certificates {
		if i == maxListed {
			row("", fmt.Sprintf("… and %d more certificates", len(r.Certificates)-i))
			break
		}
		row("certificate", mdCode(c.Result))
	}
	if r.Command != "" {
		row("repeat", mdCodeWithin(r.Command, plain.MaxMessage))
	}
	return b.String()
}

// markdownRow is a row of the table; the rule stands in the first of its rows.
func markdownRow(r *reports.Report, number int, d reports.Divergence, first bool) string {
	return fmt.Sprintf("| %d | %s | %s | %s | %s | %s | %s |\n", number, plain.When(first, mdCode(string(d.Rule))), d.Level, mdCode(d.Operation),
		mdCode(plain.Alternatives(d.Expected, plain.MaxShown)), mdCode(d.Actual), mdPlain(describe.Standing(r, d)))
}

// markdownDetails tells of one divergence, below a heading of its rule.
func markdownDetails(r *reports.Report, number int, d reports.Divergence, first bool) string {
	var b strings.Builder
	if first {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n", mdCode(string(d.Rule)), mdPlain(d.Statement))
	}
	fmt.Fprintf(&b, "\n<details>\n<summary>%d. %s: %s</summary>\n\n<pre>\n", number, mdPlain(describe.Cause(d)), mdCode(d.Actual))
	for _, line := range describe.Details(r, d) {
		b.WriteString(htmlEscape.Replace(line) + "\n")
	}
	b.WriteString("</pre>\n</details>\n")
	return b.String()
}

func markdownTail(r *reports.Report) string {
	var b strings.Builder
	list := func(title string, items []string) {
		if len(items) == 0 {
			return
		}
		fmt.Fprintf(&b, "\n### %s\n\n", title)
		for i, item := range items {
			if i == maxListed && len(items) > maxListed+1 {
				fmt.Fprintf(&b, "- … and %d more\n", len(items)-i)
				break
			}
			b.WriteString("- " + item + "\n")
		}
	}
	list("Stale in the baseline", plain.Texts(r.Stale(), func(e reports.Replay) string {
		return mdCode(describe.Signature(e.Signature)) + " " + mdCode(e.Outcome+": "+e.Mend)
	}))
	list("Not judged", plain.Texts(describe.NotJudged(r, maxListed), func(s string) string { return mdCodeWithin(s, plain.MaxMessage) }))
	list("Not covered", plain.Texts(describe.Absent(r), func(name string) string { return mdCode(name) + " " + mdCode(r.NotCovered[name]) }))
	list("Accepted, but not the reference answer", plain.Texts(r.Deviations, func(d reports.Deviation) string {
		return fmt.Sprintf("%s %s: %s instead of %s, %s", mdCode(string(d.Rule)), mdCode(d.Operation), mdCode(d.Actual), mdCode(d.Reference),
			plain.Counted(d.Count, "time"))
	}))
	list("Notes", plain.Texts(slices.Concat(r.Target.Notes, r.Notes), mdCode))
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

package text

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
)

// The bounds of what a history shows.
const (
	maxRunsShown = 30 // as marks behind a rule, and as lines
	trendRoom    = 32 // columns that the words of a trend have at least
)

// Histories writes what became of the rules from run to run, by target, and which files were skipped.
func Histories(w io.Writer, list []*reports.History, skipped []string, options Options) error {
	p := &page{options: options, most: math.MaxInt}
	for i, h := range list {
		if i > 0 {
			p.blank()
		}
		p.history(h)
	}
	if len(skipped) > 0 {
		p.blank()
	}
	for _, file := range skipped {
		p.entry("skipped", yellow, p.most, "", plain.OneLine(file))
	}
	return p.end(w)
}

func (p *page) history(h *reports.History) {
	day, first, last := h.Day(), h.Runs[0], h.Runs[len(h.Runs)-1]
	p.titled = "" // each history has its own sections
	p.line(span{"history of " + plain.Target(h.Target), bold})
	p.say("runs", fmt.Sprintf("%s, %s", plain.Counted(len(h.Runs), "run"), day(first.Started))+
		plain.When(len(h.Runs) > 1, " to "+day(last.Started)+", the oldest first"))
	p.say("rules", fmt.Sprintf("%d failed in some run, %d that were judged never did", len(h.Rules), h.Others))
	p.say("marks", "✓ kept, ~ deviates, ✗ fails, ! seen but not repeated, ? not judged, - not covered")
	names, width := 0, cmp.Or(p.options.Width, proseWidth)
	for _, r := range h.Rules {
		names = max(names, plain.Length(string(r.Rule)))
	}
	room := min(maxRunsShown, max(width-names-trendRoom-4, 5))
	for _, r := range h.Rules {
		p.section(r.Trend)
		marks, states := "", r.States
		if len(states) > room {
			marks, states = "…", states[len(states)-room+1:]
		}
		for _, state := range states {
			marks += cmp.Or(stateMarks[state], "?")
		}
		label := fmt.Sprintf("  %-*s  %s  ", names, plain.Text(r.Rule), marks)
		p.write(width, plain.Length(label), []span{{label, trendStyles[r.Trend]}, {r.InWords(day), normal}})
	}
	p.section("runs")
	left := max(0, len(h.Runs)-maxRunsShown)
	if left > 0 {
		p.line(span{fmt.Sprintf("  … and %d earlier", left), dim})
	}
	for _, run := range h.Runs[left:] {
		verdict := string(run.Verdict) + plain.When(run.Partial, ", partial")
		p.line(span{"  " + run.Started.UTC().Format("2006-01-02 15:04"), normal}, span{fmt.Sprintf("  %-21s", plain.Text(verdict)), verdictStyles[run.Verdict]},
			span{fmt.Sprintf("  %-9s", plain.When(run.Failed > 0, plain.Counted(run.Failed, "rule"))), normal},
			span{strings.TrimRight("  "+strings.TrimSpace(plain.Text(run.Version)+"  "+plain.Text(run.File)), " "), dim})
	}
}

var trendStyles = map[string]style{reports.TrendFails: red, reports.TrendFlaky: yellow, reports.TrendFixed: green}

package html

import (
	"fmt"
	"io"
	"slices"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
)

// maxNights is how many runs the table of a history shows, the last ones.
const maxNights = 60

// historyView is the history of one target as the templates show it.
type historyView struct {
	H      *reports.History
	ID     string
	Name   string
	Detail string
	Counts []fact // trends, with the number of rules
	Runs   []nightView
	Left   int // runs before those
	Trends []plain.Group[string, ruleNights]
}

// nightView is a run, the Day short.
type nightView struct {
	reports.HistoryRun
	Day, Time string
}

// ruleNights is a rule with its states in the runs that are shown.
type ruleNights struct {
	reports.RuleHistory
	Cells           []fact // class and state of each run that is shown
	Said, Statement string
	Level           levelView
}

var trendNames = map[string]string{reports.TrendFails: "failing", reports.TrendFlaky: "flaky", reports.TrendFixed: "fixed"}

// WriteHistories writes a page with what became of the rules from run to run, by target, and which files were skipped.
func WriteHistories(w io.Writer, list []*reports.History, skipped []string) error {
	page := newPage()
	page.Title, page.Skipped = "conform: history", cleanAll(skipped)
	for i, h := range list {
		page.Histories = append(page.Histories, newHistoryView(h, i+1))
	}
	return page.write(w)
}

func newHistoryView(h *reports.History, number int) *historyView {
	left := max(0, len(h.Runs)-maxNights)
	v := &historyView{H: h, ID: fmt.Sprintf("history-%d", number), Name: plain.Named(h.Target), Detail: plain.Address(h.Target), Left: left}
	day, counts := h.Day(), map[string]int{}
	for _, run := range slices.Backward(h.Runs[left:]) {
		run.File, run.Version = clean(run.File), clean(run.Version)
		v.Runs = append(v.Runs, nightView{run, day(run.Started), run.Started.UTC().Format("2 January 2006, 15:04 UTC")})
	}
	var rules []ruleNights
	for _, r := range h.Rules {
		counts[r.Trend]++
		view := ruleNights{RuleHistory: r, Said: r.InWords(day)}
		for _, state := range slices.Backward(r.States[left:]) {
			cell := fact{state, state}
			if state == reports.Unrepeated {
				cell = fact{reports.RuleDeviates, "seen, but not repeated"}
			}
			view.Cells = append(view.Cells, cell)
		}
		if rule := model.RuleOf(r.Rule); rule != nil {
			view.Statement, view.Level = rule.Statement, level(rule.Level)
		}
		rules = append(rules, view)
	}
	for _, trend := range reports.Trends {
		v.Counts = append(v.Counts, fact{plain.Grouped(counts[trend]), trendNames[trend]})
	}
	v.Trends = plain.GroupBy(rules, func(r ruleNights) string { return trendNames[r.Trend] })
	return v
}

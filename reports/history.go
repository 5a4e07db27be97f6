package reports

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/targets"
)

// History is what became of each rule on one target, from run to run.
type History struct {
	Target targets.Info  // of the last run
	Runs   []HistoryRun  // the oldest first
	Rules  []RuleHistory // that have ever failed, in the order of Trends and then of the rules
	Others int           // rules that were judged and have never failed
}

// HistoryRun is one of its runs.
type HistoryRun struct {
	File    string
	Started time.Time
	Verdict Verdict
	Partial bool
	Version string // of the target
	Failed  int    // rules
	states  map[model.ID]string
}

// RuleHistory is what became of one rule.
type RuleHistory struct {
	Rule   model.ID
	States []string // in each run: one of RuleStates, Unrepeated, or empty where the run does not speak of it
	Trend  string
	Failed int       // runs in which it failed
	Judged int       // runs in which it was judged
	Since  time.Time // when it failed first, of a steady failure or one that is fixed
	Last   time.Time // when it failed last
	Fixed  time.Time // when it was first kept again
	Unseen int       // runs at the end in which it was not judged
}

// The trends of a rule: it fails in each run since the first in which it did; it fails in some runs and not in others
// between them, or does not fail again when tried again; it failed, and no more.
const (
	TrendFails = "fails"
	TrendFlaky = "flaky"
	TrendFixed = "fixed"
)

// Trends lists them in the order in which they are shown.
var Trends = []string{TrendFails, TrendFlaky, TrendFixed}

// Chronicle makes a history for each target of the reports, which have been judged, in the order of their beginnings. A
// report that is there twice counts once. files name them.
func Chronicle(list []*Report, files []string) (out []*History) {
	runs := map[string][]HistoryRun{}
	var keys []string
	latest := map[string]*Report{}
	for i, r := range list {
		key := r.sameTarget()
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
		run := HistoryRun{File: files[i], Started: r.Started, Verdict: r.Verdict, Partial: r.Partial, Version: r.Target.Version, states: r.outcomes()}
		for _, state := range run.states {
			if state == RuleViolated {
				run.Failed++
			}
		}
		twice := func(o HistoryRun) bool {
			return o.Started.Equal(run.Started) && o.Verdict == run.Verdict && o.Failed == run.Failed
		}
		if slices.ContainsFunc(runs[key], twice) {
			continue
		}
		runs[key] = append(runs[key], run)
		if latest[key] == nil || r.Started.After(latest[key].Started) {
			latest[key] = r
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		h := &History{Target: latest[key].Target, Runs: runs[key]}
		h.Target.Version = "" // which each run has its own of
		slices.SortStableFunc(h.Runs, func(a, b HistoryRun) int { return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.File, b.File)) })
		h.rules()
		out = append(out, h)
	}
	return out
}

// sameTarget is alike in reports of the same target: by what its user calls it, or by where it listens. The embedded
// server listens elsewhere each time. Another version is the same target.
func (r *Report) sameTarget() string {
	where := cmp.Or(plain.When(r.Target.Label != "", "called "+r.Target.Label), plain.When(r.Target.Name != "embedded", r.Target.Endpoint))
	return fmt.Sprintf("%s\n%s\n%s\n%s", r.Target.Name, where, r.Target.Region, r.Target.Fault)
}

// outcomes are the states of the rules, with those that were seen to fail and did not repeat.
func (r *Report) outcomes() map[model.ID]string {
	states := map[model.ID]string{}
	for id, c := range r.Coverage.Rules {
		if rule := model.RuleOf(id); rule == nil || !rule.Silent {
			states[id] = c.State
		}
	}
	for _, d := range r.Divergences {
		if d.Status != Confirmed && states[d.Rule] != RuleViolated {
			states[d.Rule] = Unrepeated
		}
	}
	return states
}

// rules fills in the rules that have failed.
func (h *History) rules() {
	known := Coverage{Rules: map[model.ID]RuleCoverage{}}
	for _, run := range h.Runs {
		for id := range run.states {
			known.Rules[id] = RuleCoverage{}
		}
	}
	for _, id := range known.InOrder() {
		rule := RuleHistory{Rule: id}
		for _, run := range h.Runs {
			rule.States = append(rule.States, run.states[id])
		}
		switch rule.follow(h.Runs); {
		case rule.Trend != "":
			h.Rules = append(h.Rules, rule)
		case rule.Judged > 0:
			h.Others++
		}
	}
	slices.SortStableFunc(h.Rules, func(a, b RuleHistory) int { return slices.Index(Trends, a.Trend) - slices.Index(Trends, b.Trend) })
}

// follow finds the trend. Runs that did not judge the rule say nothing.
func (r *RuleHistory) follow(runs []HistoryRun) {
	spells, failing, unsure := 0, false, false
	for i, state := range r.States {
		switch state {
		case RuleViolated, Unrepeated:
			if unsure = unsure || state == Unrepeated; !failing {
				spells++
				r.Since = runs[i].Started
			}
			failing, r.Last, r.Unseen = true, runs[i].Started, 0
			r.Failed, r.Judged = r.Failed+1, r.Judged+1
		case RuleKept, RuleDeviates:
			if failing {
				r.Fixed = runs[i].Started
			}
			failing, r.Unseen = false, 0
			r.Judged++
		default:
			r.Unseen++
		}
	}
	switch {
	case r.Failed == 0:
	case unsure, spells > 1:
		r.Trend = TrendFlaky
	case failing:
		r.Trend = TrendFails
	default:
		r.Trend = TrendFixed
	}
}

// InWords says what is to be known of the trend: since when, how often, until when. day renders a time.
func (r *RuleHistory) InWords(day func(time.Time) string) string {
	text := ""
	switch r.Trend {
	case TrendFails:
		text = fmt.Sprintf("since %s, steady: %s", day(r.Since), plain.Counted(r.Failed, "run"))
	case TrendFlaky:
		text = fmt.Sprintf("in %d of %s, last %s", r.Failed, plain.Counted(r.Judged, "run"), day(r.Last))
	case TrendFixed:
		text = fmt.Sprintf("fixed %s; failed from %s on, %s", day(r.Fixed), day(r.Since), plain.Counted(r.Failed, "run"))
	}
	return text + plain.When(r.Unseen > 0, "; not judged since")
}

// Day renders the times of runs by their day, and by the minute where two are of one day.
func (h *History) Day() func(time.Time) string {
	layout := time.DateOnly
	for i := range h.Runs[1:] {
		if h.Runs[i].Started.UTC().Format(layout) == h.Runs[i+1].Started.UTC().Format(layout) {
			layout = "2006-01-02 15:04"
			break
		}
	}
	return func(t time.Time) string { return t.UTC().Format(layout) }
}

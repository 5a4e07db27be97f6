package reports

import (
	"cmp"
	"maps"
	"slices"

	"github.com/insightconform/conform/model"
)

// Coverage says how much of the model the run has tried.
type Coverage struct {
	Rules       map[model.ID]RuleCoverage `json:"rules"`
	Transitions Count                     `json:"transitions"` // between the insight states of a trail
	Pairs       Count                     `json:"pairs"`       // of error rules that one request breaks together
	Walk        *Walk                     `json:"walk,omitempty"`
}

// Count is how many of a fixed number were covered.
type Count struct {
	Covered int `json:"covered"`
	Total   int `json:"total"`
}

// RuleCoverage says what a run found out about one rule. Exercised means that a request broken in
// that rule alone, or its positive case, was answered, and that a wrong answer would have been seen.
type RuleCoverage struct {
	State      string `json:"state,omitempty"` // one of RuleStates; Judge and Normalized derive it from all else
	Exercised  bool   `json:"exercised"`
	Violated   bool   `json:"violated"`
	Applicable bool   `json:"applicable"`
	Why        string `json:"why,omitempty"` // where it is not covered or was not judged
}

// The states of a rule in a report.
const (
	RuleViolated   = "violated"    // a divergence from it was confirmed
	RuleDeviates   = "deviates"    // it was kept, also with answers that are accepted although they are not the reference ones
	RuleKept       = "kept"        // it was put to the test, and every answer was the reference one
	RuleNotJudged  = "not judged"  // no answer that could have shown it broken was judged
	RuleNotCovered = "not covered" // the target lacks what it needs
)

// HiddenBehind begins to say why a rule was not judged whose requests diverge under another one, which follows.
const HiddenBehind = "hidden behind "

// RuleStates lists them, the strongest first: where reports are joined, that one holds.
var RuleStates = []string{RuleViolated, RuleDeviates, RuleKept, RuleNotJudged, RuleNotCovered}

// ruleStates has the rules of the report, and those that its divergences name besides, each with its state.
func (r *Report) ruleStates() map[model.ID]RuleCoverage {
	rules, confirmed := map[model.ID]RuleCoverage{}, map[model.ID]bool{}
	for _, d := range r.Divergences {
		rules[d.Rule] = RuleCoverage{Exercised: true, Violated: true, Applicable: true}
		confirmed[d.Rule] = confirmed[d.Rule] || d.Status == Confirmed
	}
	maps.Copy(rules, r.Coverage.Rules)
	for id, c := range rules {
		rule := model.RuleOf(id)
		repeated, diverged := confirmed[id]
		switch c.State = RuleNotJudged; {
		case repeated, c.Violated && !diverged:
			c.State = RuleViolated
		case rule != nil && rule.Silent:
			c.Why = "it makes no claim"
		case !c.Applicable && r.Probed():
			c.State = RuleNotCovered
		case diverged:
			c.Why = "a divergence from it was not confirmed"
		case !c.Applicable, !c.Exercised:
		case slices.ContainsFunc(r.Deviations, func(d Deviation) bool { return d.Rule == id }):
			c.State = RuleDeviates
		default:
			c.State = RuleKept
		}
		rules[id] = c
	}
	return rules
}

// InOrder lists the rules in the order of the table.
func (c Coverage) InOrder() []model.ID {
	place := rulePlaces()
	return slices.SortedFunc(maps.Keys(c.Rules), func(a, b model.ID) int {
		return cmp.Or(place[a]-place[b], cmp.Compare(a, b))
	})
}

// Judged reports whether an answer that could have shown the rule broken was judged.
func (c RuleCoverage) Judged() bool { return c.State != RuleNotJudged && c.State != RuleNotCovered }

// InWords is the state of the rule, with the reason where it was not judged.
func (c RuleCoverage) InWords() string {
	if c.Why == "" || c.Judged() {
		return c.State
	}
	return c.State + ": " + c.Why
}

// Counts counts the rules that claim something by their state, those of them that apply, and how many of these were judged.
func (c Coverage) Counts() (states map[string]int, applicable, judged int) {
	states = map[string]int{}
	for id, x := range c.Rules {
		if rule := model.RuleOf(id); rule == nil || !rule.Silent {
			states[x.State]++
			if x.Applicable {
				applicable++
			}
			if x.Applicable && x.Judged() {
				judged++
			}
		}
	}
	return states, applicable, judged
}

package reports

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports/plain"
)

// End says how a run ended, for its verdict. A text says why; an empty one, that it did not happen.
type End struct {
	Interrupted string `json:"interrupted,omitempty"`
	Failed      string `json:"failed,omitempty"`  // the harness itself
	Refused     string `json:"refused,omitempty"` // for safety
	Misused     string `json:"misused,omitempty"` // wrong usage or configuration
	Lost        string `json:"lost,omitempty"`    // the target, or access to it
	Stopped     string `json:"stopped,omitempty"` // for want of memory, or of time for what comes first
	// Budget is the flag that ended suites early, with its value, and Needed about how many requests they would have sent
	// in all, where that is known.
	Budget string `json:"budget,omitempty"`
	Needed int    `json:"needed_requests,omitempty"`
	// PutSucceeded says that a PutInsightSelectors succeeded.
	PutSucceeded bool `json:"put_succeeded"`
	// Resumed: the run went on from an earlier report, and covers only what was left. Joined: this is of several runs.
	Resumed bool `json:"resumed,omitempty"`
	Joined  bool `json:"joined,omitempty"`
	// Replayed: nothing but recorded traces was played.
	Replayed bool `json:"replayed,omitempty"`
	// LastRequests are what was sent when the target was lost, one for each connection.
	LastRequests []string `json:"last_requests,omitempty"`
	// ReadOnly: the target means to offer nothing but reads, of trails of which it is known what they hold.
	ReadOnly bool `json:"read_only,omitempty"`
	// NoTrails says why none could be made to test on, where the target has CreateTrail.
	NoTrails string `json:"no_trails,omitempty"`
	// Unusable names what was asked of the operations under test and never got an answer of any use.
	Unusable []string `json:"unusable,omitempty"`
	// RanOut says, where trails or event data stores ran out, what making more of them was answered.
	RanOut []string `json:"ran_out,omitempty"`
	// MissingShards are the shares of the whole of which no report was joined.
	MissingShards []string `json:"missing_shards,omitempty"`
}

// Early reports whether something ended the run before it had done, or used up, what it was told.
func (e *End) Early() bool { return e.Interrupted+e.Failed+e.Refused+e.Misused+e.Lost+e.Stopped != "" }

// The reasons of an interrupted run.
const (
	ReasonInterrupted = "interrupted before the end; run it again without interruption for a verdict"
	ReasonGoesOn      = "the run goes on, or was ended by force"
)

// Judge fills in Verdict, Reason, ExitCode, Partial and the states of the rules from all else that a report holds. The
// report of a version that did not record how the run ended keeps its verdict.
func Judge(r *Report) {
	r.Coverage.Rules = r.ruleStates()
	if r.End == nil {
		return
	}
	n := count(r)
	for _, row := range verdicts(r, r.End, n) {
		if row.holds {
			r.Verdict, r.Reason, r.ExitCode = row.verdict, row.reason, exitCodes[row.verdict]
			break
		}
	}
	if why, lacks := r.NotCovered[string(model.CanGet)]; r.Verdict == Conforms && lacks {
		r.Reason += ", without reading back (" + why + ")"
	}
	r.Reason += plain.When(r.Verdict == Conforms && r.End.ReadOnly && !r.End.Replayed, ", without PutInsightSelectors")
	r.Reason += plain.When(n.judged < n.applicable && r.Recorded == nil, fmt.Sprintf("; %d of %d applicable rules not judged", n.applicable-n.judged, n.applicable)) +
		plain.When(len(r.End.RanOut) > 0, "; not all could be tried, since a quota is reached: "+strings.Join(r.End.RanOut, ", "))
	if r.Verdict == Failed && r.End.Failed == "" {
		r.ExitCode = ExitUsage
	}
	r.Partial = r.End.Early() || len(r.End.MissingShards)+len(r.End.RanOut)+len(r.CutShort) > 0
}

// enoughForRate is how many requests tell how fast a target is.
const enoughForRate = 500

// overBudget says which budget was too small, how much would have been enough, and what to raise; empty where none was.
func (r *Report) overBudget() string {
	if r.End.Budget == "" {
		return ""
	}
	flag, _, _ := strings.Cut(r.End.Budget, " ")
	needed := ""
	if n := r.End.Needed; n > 0 {
		needed = fmt.Sprintf(" (the suites take about %s", plain.Counted(n, "request"))
		if flag == "--time" && r.Requests >= enoughForRate && r.RequestsPerSecond > 0 {
			needed += ", " + plain.Duration(float64(n)/r.RequestsPerSecond) + " at this rate"
		}
		needed += ")"
	}
	return " before " + r.End.Budget + " was used up" + needed + "; raise " + flag
}

// unread reports whether a rule of Get applies and was not judged.
func (r *Report) unread() bool {
	return slices.ContainsFunc([]model.ID{model.GetReflectsPut, model.GetNotEnabled}, func(id model.ID) bool {
		c := r.Coverage.Rules[id]
		return c.Applicable && !c.Judged()
	})
}

type row struct {
	holds   bool
	verdict Verdict
	reason  string
}

// verdicts lists what a run may come to. The first row that holds decides; the last one always does.
func verdicts(r *Report, e *End, n counts) []row {
	can := func(c model.Capability) bool { return r.Capabilities[string(c)] == Covered }
	why := func(c model.Capability) string {
		return cmp.Or(plain.When(!r.Probed(), "nothing could be tried"), r.NotCovered[string(c)])
	}
	level := "at or above level " + r.FailOn.String()
	gone, over := r.Gone(), r.overBudget()
	put, under, tested := e.PutSucceeded || e.ReadOnly, model.CanPut, model.OpPut
	if e.ReadOnly {
		under, tested = model.CanGet, model.OpGet
	}
	// Much is judged within the first requests: where a budget ended the run, half of the rules are no reason for a green.
	few := (2*n.judged < n.applicable || e.Budget != "" && 4*n.judged < 3*n.applicable) && (n.tests == 0 || n.executed < n.tests) && !(len(r.Suites) == 1 && n.overlap)
	return []row{
		{e.Interrupted != "", Interrupted, e.Interrupted},
		{e.Failed != "", Failed, e.Failed},
		{e.Refused != "", RefusedRun, e.Refused},
		{e.Misused != "", Failed, e.Misused}, // with the exit code of wrong usage
		{len(gone) > 0, Diverges, e.thenLost("what was expected of the target has gone: " + strings.Join(gone, ", "))},
		{e.Replayed && n.diverging > 0, Diverges, e.thenLost(fmt.Sprintf("%d of %s diverges on this target",
			n.diverging, plain.Counted(len(r.Replays), "trace")))},
		{n.failing > 0, Diverges, e.thenLost(plain.Counted(n.failing, "divergence") + " " + level)},
		{len(n.stale) == 1, Diverges, e.thenLost("the baseline has 1 stale entry: " + strings.Join(n.stale, ""))},
		{len(n.stale) > 1, Diverges, e.thenLost(fmt.Sprintf("the baseline has %d stale entries: %s", len(n.stale), strings.Join(n.stale, "; ")))},
		{e.Lost+e.Stopped != "", Inconclusive, cmp.Or(e.Lost, e.Stopped)},
		{len(e.MissingShards) > 0, Inconclusive, "no report of shard " + plain.Shorten(strings.Join(e.MissingShards, ", "), plain.MaxMessage) + " was given"},
		{n.untried > 0, Inconclusive, "the run ended before it had tried again " + plain.Counted(n.untried, "divergence") +
			" " + level + "; raise --time"},
		{n.unrepeated > 0, Inconclusive, "divergences that did not repeat, on a target that may answer late; run it again"},
		{e.Replayed && n.replayed == 0, Inconclusive, "no trace could be replayed"},
		{e.Replayed, Conforms, fmt.Sprintf("%d of %s replayed and fixed; nothing else was tried",
			n.replayed, plain.Counted(len(r.Replays), "trace"))},
		{r.Recorded.nothing() != "", Inconclusive, r.Recorded.nothing()},
		{r.Recorded != nil && n.below == 0, Conforms, r.Recorded.agrees()},
		{r.Recorded != nil, Conforms, fmt.Sprintf("no divergence %s; %s below it", level, plain.Counted(n.below, "divergence"))},
		{!can(under), Inconclusive, fmt.Sprintf("the target does not offer %s: %s", tested, why(under))},
		{!can(model.CanCreate) && !can(model.CanStores), Inconclusive, "no trail could be made to test on: " + why(model.CanCreate)},
		{e.NoTrails != "", Inconclusive, "no trail could be made to test on: " + e.NoTrails},
		{!put && over != "", Inconclusive, "no PutInsightSelectors succeeded" + over + ", or see what the target answers " +
			"with --report json=PATH"},
		{!put, Inconclusive, "no PutInsightSelectors ever succeeded; see what the target answers with --report json=PATH, " +
			"and whether it needs --bucket or credentials"},
		{len(e.Unusable) > 0, Inconclusive, "no answer of any use came to " + strings.Join(e.Unusable, ", ")},
		{e.ReadOnly && r.unread(), Inconclusive, "what GetInsightSelectors answers was not put to the test" + cmp.Or(over,
			"; it takes the systematic suite, and in MockOptions.Contents a trail whose Insights are on and one whose are off")},
		// Where nothing but complete suites was to be run.
		{slices.Contains(r.CutShort, suiteComplete) && len(r.Suites) == 1, Inconclusive,
			fmt.Sprintf("%d of %s of the complete suites executed", n.executed, plain.Counted(n.tests, "test")) +
				plain.When(over != "", over+", or") + plain.When(over == "", ";") + " go on with --resume"},
		// A share of a run and what was left of an earlier one are not asked to cover much.
		{few && r.Shard == "" && (!e.Resumed || e.Joined), Inconclusive,
			"too few rules were put to the test" + cmp.Or(over, "; raise --requests or --time") + ", and keep the systematic suite"},
		{n.known > 0 && n.below > 0, Conforms, fmt.Sprintf("nothing new %s; the baseline knows %s, and %d stand below that level",
			level, plain.Counted(n.known, "divergence"), n.below)},
		{n.known > 0, Conforms, "nothing new; the baseline knows " + plain.Counted(n.known, "divergence")},
		{n.below > 0, Conforms, fmt.Sprintf("no divergence %s; %s below it", level, plain.Counted(n.below, "divergence"))},
		{r.Shard != "", Conforms, "no divergence was found in shard " + r.Shard + "; 'conform merge' joins the reports of all"},
		{n.certified > 0, Conforms, "no divergence was found; the certificates say what that guarantees"},
		{true, Conforms, "no divergence was found among the requests that were tried"},
	}
}

// counts are what a verdict is made from.
type counts struct {
	failing, untried, unrepeated, known, below int      // divergences
	stale                                      []string // entries of the baseline
	applicable, judged                         int      // rules
	executed, tests                            int      // of the complete suites
	overlap                                    bool     // rules of several clients were judged
	certified                                  int      // suites whose certificate holds
	replayed, diverging                        int      // traces, where nothing else was played
}

func count(r *Report) (n counts) {
	for _, d := range r.Divergences {
		switch {
		case r.FailsRun(d):
			n.failing++
		case d.Fails && d.Status == NotTried:
			n.untried++
		case d.Fails:
			n.unrepeated++
		}
		if d.Known {
			n.known++
		} else {
			n.below++
		}
	}
	for _, e := range r.Replays {
		if e.Outcome != ReplayNotCovered {
			n.replayed++
		}
		if e.Diverges() {
			n.diverging++
		}
	}
	n.stale = plain.Texts(r.Stale(), func(e Replay) string { return fmt.Sprintf("%s (%s)", e.Signature, e.Mend) })
	_, n.applicable, n.judged = r.Coverage.Counts()
	n.overlap = r.Coverage.Rules[model.ConcurrentWhole].Exercised || r.Coverage.Rules[model.ConcurrentLinearizable].Exercised
	for i := range r.Certificates {
		n.executed += r.Certificates[i].Executed()
		n.tests += r.Certificates[i].share()
		if r.Certificates[i].Holds {
			n.certified++
		}
	}
	return n
}

// thenLost adds to a reason that the target was lost afterwards, or the run stopped.
func (e *End) thenLost(reason string) string {
	then := cmp.Or(e.Lost, e.Stopped)
	return reason + plain.When(then != "", "; then "+then)
}

// suiteComplete is the name of the complete suites.
const suiteComplete = "complete"

// ending is how a run ended. Of a report that does not say so, it is what the verdict shows.
func (r *Report) ending() End {
	if r.End != nil {
		return *r.End
	}
	e := End{PutSucceeded: !strings.HasPrefix(r.Reason, "no PutInsightSelectors")}
	switch {
	case r.Verdict == Interrupted:
		e.Interrupted = r.Reason
	case r.ExitCode == ExitUsage:
		e.Misused = r.Reason
	case r.Verdict == Failed, r.ExitCode == ExitFailed:
		e.Failed = r.Reason
	case r.Verdict == RefusedRun:
		e.Refused = r.Reason
	case r.Partial && r.Verdict != Conforms:
		_, then, _ := strings.Cut(r.Reason, "; then ")
		e.Lost = cmp.Or(then, r.Reason)
	}
	return e
}

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
	return slices.SortedFunc(maps.Keys(c.Rules), func(a, b model.ID) int {
		return cmp.Or(rulePlace(a)-rulePlace(b), cmp.Compare(a, b))
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

// Counted reports whether a rule is one that counts: it claims something, of servers too or of this target.
func (c Coverage) Counted(id model.ID) bool {
	rule := model.RuleOf(id)
	return rule == nil || !rule.Silent && (c.Rules[id].Applicable || rule.Everywhere())
}

// Counts counts the rules that claim something by their state, those of them that apply, and how many of these were judged.
func (c Coverage) Counts() (states map[string]int, applicable, judged int) {
	states = map[string]int{}
	for id, x := range c.Rules {
		if c.Counted(id) {
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

package html

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/describe"
	"github.com/insightconform/conform/reports/plain"
)

// reportView is one report as the templates show it.
type reportView struct {
	R      *reports.Report
	Number int    // of the report, from 1
	Prefix string // of the ids of its elements
	Many   bool   // the page has others beside it

	Name     string // of the target
	Details  []string
	Fault    string // that was put into it
	Headline string
	Tiles    []tile
	Facts    []fact

	Rules       []*ruleView
	Families    []familyView
	States      []stateCount
	Divergences []*divergenceView
	Untried     []*ruleView
	Notes       []string
	Walk        *walkView
	Precedence  *precedenceView
	Timeline    *timelineView
}

type fact struct{ Name, Value string }

// facts makes a list of pairs of a name and a value. Those without a value are left out.
func facts(pairs ...string) []fact {
	var out []fact
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			out = append(out, fact{pairs[i], pairs[i+1]})
		}
	}
	return out
}

type tile struct{ Value, Of, Label string }

// The states of a rule on the page beside those of its coverage.
const (
	ruleDeviates = "deviates"
	ruleSilent   = "makes no claim"
)

var ruleStates = []string{reports.RuleViolated, ruleDeviates, reports.RuleKept, reports.RuleNotTried, reports.RuleNotCovered, ruleSilent}

// stateClass is the name of a state, or of an outcome, among the classes and symbols of the page.
func stateClass(state string) string { return strings.ReplaceAll(state, " ", "-") }

type stateCount struct {
	State, Class, Meaning string
	Counted               string // the words for several rules
	Count, Before         int    // rules in this state, and in those before
}

// countedState has the words for rules in a state where they are not its name.
func countedState(state string) string {
	switch state {
	case ruleDeviates:
		return "deviating"
	case ruleSilent:
		return "without a claim"
	}
	return state
}

var stateMeaning = map[string]string{
	reports.RuleKept:       "tried, and every answer was the reference one",
	reports.RuleViolated:   "some answer was one that no reading of the rule accepts",
	ruleDeviates:           "kept, with an answer that is accepted although it is not the reference one",
	reports.RuleNotTried:   "the run did not get to it",
	reports.RuleNotCovered: "the target lacks what the rule needs",
	ruleSilent:             "says how something is read, and cannot be violated",
}

type familyView struct {
	Name    string
	Summary string
	Rules   []*ruleView
}

type ruleView struct {
	ID, Family, Name string
	Anchor           string
	Known            bool // to this build
	Level            levelView
	Statement        string
	Sources          []string
	Facts            []fact
	State, Class     string
	Why              string
	Violations       []fact // names are places on the page
	Deviations       []reports.Deviation
}

// levelView is a level of evidence. Strength is 1 to 3, and 0 where there is no such level.
type levelView struct {
	Name, Meaning string
	Strength      int
}

func level(l model.Level) levelView {
	if l < model.Inferred || l > model.Documented {
		return levelView{}
	}
	return levelView{l.String(), levelMeanings[l], int(l)}
}

// clean is the form of any text of a report on the page.
func clean[T ~string](s T) string { return plain.Text(s) }

// long is clean with room for more.
func long(s string) string { return plain.Shown(s, 2*plain.MaxShown) }

// operation is the short name of an operation.
func operation(s string) string { return plain.Operation(clean(s)) }

func cleanAll(list []string) []string {
	out := make([]string, 0, len(list))
	for _, s := range list[:min(len(list), maxOnPage)] {
		out = append(out, clean(s))
	}
	if left := len(list) - maxOnPage; left > 0 {
		out = append(out, fmt.Sprintf("… and %s more", plain.Grouped(left)))
	}
	return out
}

// maxOnPage bounds lists that a target or a file can make long.
const maxOnPage = 200

// faultFlag finds in the command of a run the fault that was put into its target.
var faultFlag = regexp.MustCompile(`^conform run .*--fault (\S+)`)

func newReportView(r *reports.Report, index int, many bool) *reportView {
	v := &reportView{R: r, Many: many, Number: index + 1, Name: cmp.Or(clean(r.Target.Name), "unknown target"), Headline: headline(r),
		Notes: cleanAll(slices.Concat(r.Target.Notes, r.Notes)), Timeline: newTimelineView(r.Timeline)}
	if many {
		v.Prefix = fmt.Sprintf("r%d-", v.Number)
	}
	if fault := faultFlag.FindStringSubmatch(r.Command); fault != nil {
		v.Fault = "made wrong on purpose: " + clean(fault[1])
	}
	for _, detail := range []string{clean(r.Target.Endpoint), clean(r.Target.Region), v.Fault} {
		if detail != "" {
			v.Details = append(v.Details, detail)
		}
	}
	v.rules(r)
	v.states()
	v.tiles(r)
	v.facts(r)
	times := map[model.ID]int{}
	for i := range r.Divergences {
		v.Divergences = append(v.Divergences, newDivergenceView(r, &r.Divergences[i], v, i))
		times[r.Divergences[i].Rule]++
	}
	for _, d := range v.Divergences {
		d.Twice = times[d.D.Rule] > 1
	}
	v.Walk = newWalkView(r.Coverage.Walk, v.Prefix)
	if r.Precedence != nil {
		v.Precedence = newPrecedenceView(r.Precedence)
	}
	return v
}

// Detail is what says most of the target beside its name.
func (v *reportView) Detail() string {
	if v.Fault == "" && len(v.Details) > 0 {
		return v.Details[0]
	}
	return v.Fault
}

// settling says how long an eventually consistent target took.
func settling(s *reports.Settling) []fact {
	return facts("reads that did not match at once", plain.Grouped(s.Waits), "time until they did, median", plain.Duration(s.MedianSeconds),
		"longest", plain.Duration(s.LongestSeconds), "reads that never matched", plain.Grouped(s.TimedOut))
}

func verdictClass(v reports.Verdict) string {
	switch v {
	case reports.Conforms:
		return "good"
	case reports.Diverges, reports.Failed:
		return "bad"
	}
	return "unsure"
}

func headline(r *reports.Report) string {
	failing := countFailing(r)
	switch r.Verdict {
	case reports.Conforms:
		if other := len(r.Divergences); other > 0 {
			return "It conforms, with " + plain.Counted(other, "divergence") + " that " + plural(other, "does", "do") + " not count"
		}
		return "It conforms: no divergence was found"
	case reports.Diverges:
		if failing == 0 {
			return "It diverges"
		}
		return "It diverges in " + plain.Counted(failing, "way")
	case reports.Inconclusive:
		return "Inconclusive: this run cannot say"
	case reports.Failed:
		return "conform itself failed"
	case reports.RefusedRun:
		return "Refused for safety: nothing was tested"
	case reports.Interrupted:
		return "Interrupted: what was found until then"
	}
	return clean(string(r.Verdict))
}

func countFailing(r *reports.Report) (n int) {
	for _, d := range r.Divergences {
		if d.Fails {
			n++
		}
	}
	return n
}

func plural(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}

// meaning says what the verdict does and does not mean.
func meaning(r *reports.Report) []fact {
	level := "observed"
	if r.FailOn != 0 {
		level = r.FailOn.String()
	}
	silence := fact{"What it says nothing about", "Features that the target lacks, which this page lists, message texts, tags, billing, IAM policies, " +
		"the order and paging of lists, and the Insights events themselves."}
	rests := fact{"What the rules rest on", "Documented rules come from the AWS documentation or the service model, observed ones from recorded answers of the real service. " +
		"Where both are silent, the rule is inferred: it is shown, but by default fails nothing."}
	switch r.Verdict {
	case reports.Conforms:
		return []fact{{"What a pass means", "Among the requests that were tried, no answer contradicted a rule at level " + level + " or above. " +
			"That is evidence, not proof: a longer run, or another seed, can find more."}, silence, rests}
	case reports.Diverges:
		return []fact{{"What a divergence means", "A confirmed divergence is a fact about the target: it gave an answer, again on a fresh start, that no reading of the rules accepts. " +
			"An unrepeated one was seen and did not come back."}, silence, rests}
	case reports.Interrupted:
		return []fact{{"What this means", "The run was stopped before it was through. A divergence that it confirmed is a fact about the target all the same; what it did not try it says nothing about."}, silence, rests}
	}
	return []fact{{"What this means", "This is neither a pass nor a failure of the target: the run did not get far enough to tell. The line above says why, and what to do."}, rests}
}

// states counts the rules in each state.
func (v *reportView) states() {
	before := 0
	for _, state := range ruleStates {
		count := 0
		for _, rule := range v.Rules {
			if rule.State == state {
				count++
			}
		}
		if count > 0 {
			v.States = append(v.States, stateCount{state, stateClass(state), stateMeaning[state], countedState(state), count, before})
			before += count
		}
	}
}

func (v *reportView) tiles(r *reports.Report) {
	applicable, exercised, _ := r.Coverage.Counts()
	failing, all := countFailing(r), len(r.Divergences)
	divergences := tile{plain.Grouped(all), "", plural(all, "divergence", "divergences")}
	if all > 0 && failing == all {
		divergences.Of = "all fail the run"
	} else if all > 0 {
		divergences.Of = plain.Grouped(failing) + " of them fail the run"
	}
	v.Tiles = []tile{
		divergences,
		{plain.Grouped(exercised), "of " + plain.Grouped(applicable) + " that apply", "rules put to the test"},
		{plain.Grouped(r.Requests), "in " + plain.Duration(r.DurationSeconds), plural(r.Requests, "request", "requests")},
	}
	if t := r.Coverage.Transitions; t.Total > 0 {
		v.Tiles = append(v.Tiles, tile{plain.Grouped(t.Covered), "of " + plain.Grouped(t.Total), "transitions covered"})
	}
	if p := r.Coverage.Pairs; p.Total > 0 {
		v.Tiles = append(v.Tiles, tile{plain.Grouped(p.Covered), "of " + plain.Grouped(p.Total), "pairs of errors tried"})
	}
}

func (v *reportView) facts(r *reports.Report) {
	started, confirming, failOn, exit := "", "", "", strconv.Itoa(r.ExitCode)
	if !r.Started.IsZero() {
		started = r.Started.UTC().Format("2 January 2006, 15:04 UTC")
	}
	if r.ConfirmRequests > 0 {
		confirming = plain.Counted(r.ConfirmRequests, "more request")
	}
	if r.FailOn != 0 {
		failOn = r.FailOn.String() + " and above"
	}
	if r.Partial {
		exit += ", partial"
	}
	v.Facts = facts("started", started, "rate", plain.Grouped(int(r.RequestsPerSecond+0.5))+" requests a second", "cases", plain.Grouped(r.Cases),
		"to confirm", confirming, "suites", strings.Join(cleanAll(r.Suites), ", "), "cut short", strings.Join(cleanAll(r.CutShort), ", "),
		"seed", strconv.FormatUint(r.Seed, 10), "workers", plain.Grouped(r.Workers), "fails on", failOn, "exit code", exit, "conform", clean(r.Version))
}

func coverageFacts(c reports.Coverage) []fact {
	share := func(c reports.Count) string {
		if c.Total == 0 {
			return ""
		}
		return plain.Grouped(c.Covered) + " of " + plain.Grouped(c.Total)
	}
	return facts("transitions between the states of one trail", share(c.Transitions), "pairs of error rules that one request breaks together", share(c.Pairs))
}

var levelMeanings = map[model.Level]string{
	model.Documented: "the API reference, user guide or service model says so",
	model.Observed:   "a recorded answer of the real service says so",
	model.Inferred:   "the documentation is silent; this reference was chosen so that there is one",
}

// rules brings the rules of this build together with all that the report speaks of.
func (v *reportView) rules(r *reports.Report) {
	known := map[model.ID]*ruleView{}
	add := func(id model.ID) *ruleView {
		if known[id] == nil {
			known[id] = v.rule(r, id, len(known))
			v.Rules = append(v.Rules, known[id])
		}
		return known[id]
	}
	for i := range model.Rules {
		add(model.Rules[i].ID)
	}
	for _, id := range slices.Sorted(maps.Keys(r.Coverage.Rules)) {
		if len(known) < len(model.Rules)+maxOnPage {
			add(id)
		}
	}
	for i, d := range r.Divergences {
		if known[d.Rule] == nil && len(known) > len(model.Rules)+maxOnPage {
			continue
		}
		rule := add(d.Rule)
		rule.State = reports.RuleViolated
		if model.RuleOf(d.Rule) == nil {
			rule.Level, rule.Statement, rule.Sources = level(d.Level), clean(d.Statement), sources(d.Source)
		}
		rule.Violations = append(rule.Violations, fact{fmt.Sprintf("#%sd%d", v.Prefix, i+1), operation(d.Operation) + " answers " + clean(d.Actual)})
	}
	for _, d := range r.Deviations {
		rule := known[d.Rule]
		if rule == nil || len(rule.Deviations) >= maxOnPage {
			continue
		}
		if rule.State == reports.RuleKept {
			rule.State = ruleDeviates
		}
		rule.Deviations = append(rule.Deviations, d)
	}
	families := map[string]int{}
	for _, rule := range v.Rules {
		rule.Class = stateClass(rule.State)
		if _, ok := families[rule.Family]; !ok {
			families[rule.Family] = len(v.Families)
			v.Families = append(v.Families, familyView{Name: rule.Family})
		}
		family := &v.Families[families[rule.Family]]
		family.Rules = append(family.Rules, rule)
		if rule.State == reports.RuleNotTried {
			v.Untried = append(v.Untried, rule)
		}
	}
	for i := range v.Families {
		v.Families[i].summarize()
	}
}

func (f *familyView) summarize() {
	counts := map[string]int{}
	for _, rule := range f.Rules {
		counts[rule.State]++
	}
	var parts []string
	for _, state := range ruleStates {
		if counts[state] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[state], countedState(state)))
		}
	}
	f.Summary = strings.Join(parts, ", ")
}

func (v *reportView) rule(r *reports.Report, id model.ID, index int) *ruleView {
	out := &ruleView{ID: clean(string(id)), Family: clean(id.Family()), Anchor: fmt.Sprintf("rule-%d", index+1)}
	_, name, _ := strings.Cut(out.ID, "/")
	out.Name = name
	if name == "" {
		out.Name = out.ID
	}
	if rule := model.RuleOf(id); rule != nil {
		out.Anchor, out.Known = ruleAnchor(id), true
		out.Level, out.Statement, out.Sources = level(rule.Level), rule.Statement, describe.Sources(rule.Source)
		if rule.Code != "" {
			out.Facts = append(out.Facts, fact{"reference", fmt.Sprintf("%s, place %d in the order of errors", rule.Code, rule.Row)})
		}
		accepted := slices.Clone(rule.Also)
		if rule.MayPass {
			accepted = slices.Insert(accepted, 0, "success")
		}
		if len(accepted) > 0 {
			out.Facts = append(out.Facts, fact{"accepted", strings.Join(accepted, ", ")})
		}
	}
	coverage, covered := r.Coverage.Rules[id]
	out.Why = clean(coverage.Why)
	switch rule := model.RuleOf(id); {
	case rule != nil && rule.Silent && !coverage.Violated:
		out.State = ruleSilent
	case !covered:
		out.State, out.Why = reports.RuleNotTried, "the report does not mention it"
	default:
		out.State = coverage.State()
	}
	return out
}

// sources spells out the sources that a report names.
func sources(source string) []string {
	return cleanAll(describe.Sources(plain.Shorten(source, plain.MaxShown)))
}

// anchor is a link to a rule, empty for one that this build does not know.
func anchor(id model.ID) string {
	if model.RuleOf(id) == nil {
		return ""
	}
	return "#" + ruleAnchor(id)
}

// ruleAnchor names the place of a rule on the page; of several reports they share one.
func ruleAnchor(id model.ID) string { return "rule-" + strings.ReplaceAll(string(id), "/", "-") }

func certificateFacts(c reports.Certificate) []fact {
	unstable := ""
	if c.Unstable > 0 {
		unstable = plain.Counted(c.Unstable, "test")
	}
	return facts("extra states", "up to "+plain.Grouped(c.Depth),
		"machine", fmt.Sprintf("%s, %s, %s", plain.Counted(c.States, "state"), plain.Counted(len(c.Inputs), "input"), plain.Counted(c.Transitions, "transition")),
		"told apart", long(c.Abstraction), "reads", strings.Join(cleanAll(c.Reads), ", "),
		"tests", fmt.Sprintf("%s of %s executed, %s failed", plain.Grouped(c.Executed()), plain.Grouped(c.Tests), plain.Grouped(c.Failed)),
		"unstable", unstable, "requests", plain.Grouped(c.Requests), "shard", clean(c.Shard), "fingerprint", clean(c.Fingerprint))
}

var outcomeClass = map[string]string{
	reports.ReplayDiverges: reports.RuleViolated, reports.ReplayFixed: reports.RuleKept, reports.ReplayDifferent: ruleDeviates, reports.ReplayNotCovered: "not-covered", reports.ReplayExpired: "not-exercised",
}

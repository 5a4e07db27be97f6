package html

import (
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
	Prefix string // of the ids of its elements
	Many   bool   // the page has others beside it

	Name     string // of the target
	Details  []string
	Fault    string // that was put into it
	Word     string // the verdict
	Class    string
	Headline string
	Reason   string
	Meaning  []paragraph
	Tiles    []tile
	Facts    []fact
	Command  string

	Certificates []certificateView
	Rules        []*ruleView
	Families     []familyView
	States       []stateCount
	Bars         []barView

	Divergences []*divergenceView
	Deviations  []deviationView
	Replays     []replayView
	Baseline    []replayView
	Lacking     []lackView
	Untried     []*ruleView
	Notes       []string
	Walk        *walkView
	Coverage    []fact
	Precedence  *precedenceView
	Timeline    *timelineView
	Settling    []fact
}

type fact struct{ Name, Value string }

type tile struct{ Value, Of, Label string }

type paragraph struct{ Title, Text string }

type certificateView struct {
	Title, Result string
	Holds         bool
	Facts         []fact
	Hypotheses    []string
}

// The states of a rule in a report.
const (
	ruleKept       = "kept"
	ruleViolated   = "violated"
	ruleDeviates   = "deviates"
	ruleNotCovered = "not covered"
	ruleNotTried   = "not exercised"
	ruleSilent     = "makes no claim"
)

var ruleStates = []string{ruleViolated, ruleDeviates, ruleKept, ruleNotTried, ruleNotCovered, ruleSilent}

// stateClass is the name of a state, or of an outcome, among the classes and symbols of the page.
func stateClass(state string) string { return strings.ReplaceAll(state, " ", "-") }

type stateCount struct {
	State, Class, Meaning string
	Counted               string // the words for several rules
	Count                 int
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
	ruleKept:       "tried, and every answer was the reference one",
	ruleViolated:   "some answer was one that no reading of the rule accepts",
	ruleDeviates:   "kept, with an answer that is accepted although it is not the reference one",
	ruleNotTried:   "the run did not get to it",
	ruleNotCovered: "the target lacks what the rule needs",
	ruleSilent:     "says how something is read, and cannot be violated",
}

type barView struct {
	Class    string
	X, Width int
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
	Level, Meaning   string
	Strength         int // of the level, 1 to 3
	Statement        string
	Sources          []string
	Facts            []fact
	State, Class     string
	Why              string
	Violations       []link
	Deviations       []deviationView
}

type link struct{ Href, Text string }

type deviationView struct {
	Rule, Anchor, Level, Operation, Reference, Actual, Count string
}

type replayView struct {
	Signature, File, Outcome, Class, Why, Mend string
	Stale                                      bool
}

type lackView struct {
	Capabilities []string
	Why          string
}

// clean is the form of any text of a report on the page.
func clean(s string) string { return plain.Shown(s, plain.MaxShown) }

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
	v := &reportView{Many: many, Name: clean(r.Target.Name), Reason: plain.Shown(r.Reason, 2*plain.MaxShown), Command: plain.Shown(r.Command, plain.MaxMessage)}
	if many {
		v.Prefix = fmt.Sprintf("r%d-", index+1)
	}
	if v.Name == "" {
		v.Name = "unknown target"
	}
	for _, detail := range []string{r.Target.Endpoint, r.Target.Region} {
		if detail != "" {
			v.Details = append(v.Details, clean(detail))
		}
	}
	if fault := faultFlag.FindStringSubmatch(r.Command); fault != nil {
		v.Fault = "made wrong on purpose: " + clean(fault[1])
		v.Details = append(v.Details, v.Fault)
	}
	v.Word, v.Class = clean(string(r.Verdict)), verdictClass(r.Verdict)
	v.Headline = headline(r)
	v.Meaning = meaning(r)

	v.rules(r)
	v.summary(r)
	for _, c := range r.Certificates[:min(len(r.Certificates), maxOnPage)] {
		v.Certificates = append(v.Certificates, newCertificateView(c))
	}
	for i := range r.Divergences {
		v.Divergences = append(v.Divergences, newDivergenceView(r, &r.Divergences[i], v, i))
	}
	times := map[string]int{}
	for _, d := range v.Divergences {
		times[d.Rule]++
	}
	for _, d := range v.Divergences {
		d.Twice = times[d.Rule] > 1
	}
	for _, d := range r.Deviations[:min(len(r.Deviations), maxOnPage)] {
		v.Deviations = append(v.Deviations, v.deviation(d))
	}
	v.Replays, v.Baseline = replayViews(r.Replays), replayViews(r.Baseline)
	v.Lacking = lacking(r)
	v.Notes = cleanAll(slices.Concat(r.Target.Notes, r.Notes))
	v.Walk, v.Coverage = newWalkView(r.Coverage.Walk, v.Prefix), coverageFacts(r)
	if r.Precedence != nil {
		v.Precedence = newPrecedenceView(r.Precedence)
	}
	v.Timeline = newTimelineView(r.Timeline)
	if s := r.Settling; s != nil {
		v.Settling = []fact{
			{"reads that did not match at once", plain.Grouped(s.Waits)},
			{"time until they did, median", plain.Duration(plain.Finite(s.MedianSeconds))},
			{"longest", plain.Duration(plain.Finite(s.LongestSeconds))},
			{"reads that never matched", plain.Grouped(s.TimedOut)},
		}
	}
	return v
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
	failing := 0
	for _, d := range r.Divergences {
		if d.Fails {
			failing++
		}
	}
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

func plural(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}

// meaning says what the verdict does and does not mean.
func meaning(r *reports.Report) []paragraph {
	level := "observed"
	if r.FailOn != 0 {
		level = r.FailOn.String()
	}
	silence := paragraph{"What it says nothing about", "Features that the target lacks, which this page lists, message texts, tags, billing, IAM policies, " +
		"the order and paging of lists, and the Insights events themselves."}
	rests := paragraph{"What the rules rest on", "Documented rules come from the AWS documentation or the service model, observed ones from recorded answers of the real service. " +
		"Where both are silent, the rule is inferred: it is shown, but by default fails nothing."}
	switch r.Verdict {
	case reports.Conforms:
		return []paragraph{{"What a pass means", "Among the requests that were tried, no answer contradicted a rule at level " + level + " or above. " +
			"That is evidence, not proof: a longer run, or another seed, can find more."}, silence, rests}
	case reports.Diverges:
		return []paragraph{{"What a divergence means", "A confirmed divergence is a fact about the target: it gave an answer, again on a fresh start, that no reading of the rules accepts. " +
			"An unrepeated one was seen and did not come back."}, silence, rests}
	case reports.Interrupted:
		return []paragraph{{"What this means", "The run was stopped before it was through. A divergence that it confirmed is a fact about the target all the same; what it did not try it says nothing about."}, silence, rests}
	}
	return []paragraph{{"What this means", "This is neither a pass nor a failure of the target: the run did not get far enough to tell. The line above says why, and what to do."}, rests}
}

func (v *reportView) summary(r *reports.Report) {
	counts := map[string]int{}
	for _, rule := range v.Rules {
		counts[rule.State]++
	}
	x := 0
	for _, state := range ruleStates {
		if counts[state] == 0 {
			continue
		}
		v.States = append(v.States, stateCount{state, stateClass(state), stateMeaning[state], countedState(state), counts[state]})
		v.Bars = append(v.Bars, barView{stateClass(state), x, counts[state]})
		x += counts[state]
	}
	applicable, exercised, _ := r.Coverage.Counts()
	failing := 0
	for _, d := range r.Divergences {
		if d.Fails {
			failing++
		}
	}
	divergences := tile{plain.Grouped(len(r.Divergences)), "", plural(len(r.Divergences), "divergence", "divergences")}
	if len(r.Divergences) > 0 {
		divergences.Of = plain.Grouped(failing) + " of them fail the run"
		if failing == len(r.Divergences) {
			divergences.Of = "all fail the run"
		}
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
	add := func(name, value string) {
		if value != "" {
			v.Facts = append(v.Facts, fact{name, value})
		}
	}
	if !r.Started.IsZero() {
		add("started", r.Started.UTC().Format("2 January 2006, 15:04 UTC"))
	}
	add("rate", plain.Grouped(int(r.RequestsPerSecond+0.5))+" requests a second")
	add("cases", plain.Grouped(r.Cases))
	if r.ConfirmRequests > 0 {
		add("to confirm", plain.Counted(r.ConfirmRequests, "more request"))
	}
	add("suites", strings.Join(cleanAll(r.Suites), ", "))
	add("cut short", strings.Join(cleanAll(r.CutShort), ", "))
	add("seed", strconv.FormatUint(r.Seed, 10))
	add("workers", plain.Grouped(r.Workers))
	if r.FailOn != 0 {
		add("fails on", r.FailOn.String()+" and above")
	}
	exit := strconv.Itoa(r.ExitCode)
	if r.Partial {
		exit += ", partial"
	}
	add("exit code", exit)
	add("conform", clean(r.Version))
}

func coverageFacts(r *reports.Report) []fact {
	var facts []fact
	if t := r.Coverage.Transitions; t.Total > 0 {
		facts = append(facts, fact{"transitions between the states of one trail", plain.Grouped(t.Covered) + " of " + plain.Grouped(t.Total)})
	}
	if p := r.Coverage.Pairs; p.Total > 0 {
		facts = append(facts, fact{"pairs of error rules that one request breaks together", plain.Grouped(p.Covered) + " of " + plain.Grouped(p.Total)})
	}
	return facts
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
		rule.State = ruleViolated
		if model.RuleOf(d.Rule) == nil {
			rule.level(d.Level)
			rule.Statement, rule.Sources = clean(d.Statement), sourcesOf(&d)
		}
		rule.Violations = append(rule.Violations, link{fmt.Sprintf("#%sd%d", v.Prefix, i+1), plain.Operation(clean(d.Operation)) + " answers " + clean(d.Actual)})
	}
	for _, d := range r.Deviations {
		rule := known[d.Rule]
		if rule == nil || len(rule.Deviations) >= maxOnPage {
			continue
		}
		if rule.State == ruleKept {
			rule.State = ruleDeviates
		}
		rule.Deviations = append(rule.Deviations, v.deviation(d))
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
		if rule.State == ruleNotTried {
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
		out.level(rule.Level)
		out.Statement, out.Sources = rule.Statement, describe.Sources(rule.Source)
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
	case coverage.Violated:
		out.State = ruleViolated
	case rule != nil && rule.Silent:
		out.State = ruleSilent
	case !covered:
		out.State, out.Why = ruleNotTried, "the report does not mention it"
	case !coverage.Applicable:
		out.State = ruleNotCovered
	case !coverage.Exercised:
		out.State = ruleNotTried
	default:
		out.State = ruleKept
	}
	return out
}

func (r *ruleView) level(l model.Level) {
	if l < model.Inferred || l > model.Documented {
		return
	}
	r.Level, r.Meaning, r.Strength = l.String(), levelMeanings[l], int(l)
}

// sourcesOf has the sources that a divergence itself names, harmless.
func sourcesOf(d *reports.Divergence) []string {
	return cleanAll(describe.Sources(plain.Shorten(d.Source, plain.MaxShown)))
}

func (v *reportView) anchorOf(id model.ID) string {
	if model.RuleOf(id) == nil {
		return ""
	}
	return "#" + ruleAnchor(id)
}

// ruleAnchor names the place of a rule on the page; of several reports they share one.
func ruleAnchor(id model.ID) string { return "rule-" + strings.ReplaceAll(string(id), "/", "-") }

func (v *reportView) deviation(d reports.Deviation) deviationView {
	out := deviationView{Rule: clean(string(d.Rule)), Anchor: v.anchorOf(d.Rule), Operation: plain.Operation(clean(d.Operation)),
		Reference: clean(d.Reference), Actual: clean(d.Actual), Count: plain.Grouped(d.Count)}
	if d.Level >= model.Inferred && d.Level <= model.Documented {
		out.Level = d.Level.String()
	}
	return out
}

func newCertificateView(c reports.Certificate) certificateView {
	done := 0
	for _, part := range c.Done {
		done += max(0, part[1]-part[0])
	}
	out := certificateView{Title: clean(c.Machine), Result: plain.Shown(c.Result, 2*plain.MaxShown), Holds: c.Holds, Hypotheses: cleanAll(c.Hypotheses)}
	add := func(name, value string) {
		if value != "" {
			out.Facts = append(out.Facts, fact{name, value})
		}
	}
	add("extra states", "up to "+plain.Grouped(c.Depth))
	add("machine", fmt.Sprintf("%s, %s, %s", plain.Counted(c.States, "state"), plain.Counted(len(c.Inputs), "input"), plain.Counted(c.Transitions, "transition")))
	add("told apart", plain.Shown(c.Abstraction, 2*plain.MaxShown))
	add("reads", strings.Join(cleanAll(c.Reads), ", "))
	add("tests", fmt.Sprintf("%s of %s executed, %s failed", plain.Grouped(done), plain.Grouped(c.Tests), plain.Grouped(c.Failed)))
	if c.Unstable > 0 {
		add("unstable", plain.Counted(c.Unstable, "test"))
	}
	add("requests", plain.Grouped(c.Requests))
	add("shard", clean(c.Shard))
	add("fingerprint", clean(c.Fingerprint))
	return out
}

var outcomeClass = map[string]string{
	reports.ReplayDiverges: ruleViolated, reports.ReplayFixed: ruleKept, reports.ReplayDifferent: ruleDeviates, reports.ReplayNotCovered: "not-covered", reports.ReplayExpired: "not-exercised",
}

func replayViews(list []reports.Replay) []replayView {
	var out []replayView
	for _, r := range list[:min(len(list), maxOnPage)] {
		class := outcomeClass[r.Outcome]
		if class == "" {
			class = "not-covered"
		}
		out = append(out, replayView{clean(r.Signature), clean(r.File), clean(r.Outcome), class, clean(r.Why), clean(r.Mend), r.Stale})
	}
	return out
}

// lacking names the absent capabilities, those with the same reason together.
func lacking(r *reports.Report) []lackView {
	var out []lackView
	place := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(r.Capabilities)) {
		if r.Capabilities[name] != reports.Absent {
			continue
		}
		why := clean(r.NotCovered[name])
		i, ok := place[why]
		if !ok {
			if len(out) >= maxOnPage {
				break
			}
			i = len(out)
			place[why] = i
			out = append(out, lackView{Why: why})
		}
		out[i].Capabilities = append(out[i].Capabilities, clean(name))
	}
	return out
}

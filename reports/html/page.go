// Package html shows reports as one page that needs nothing but itself.
package html

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/describe"
	"github.com/insightconform/conform/reports/plain"
)

//go:embed *.tmpl
var htmlFiles embed.FS

var (
	//go:embed style.css
	htmlStyle string
	//go:embed script.js
	htmlScript string
)

// The page carries its style and script inside, and its policy lets nothing else run or load.
var htmlPolicy = "default-src 'none'; style-src '" + digest(htmlStyle) + "'; script-src '" + digest(htmlScript) + "'; base-uri 'none'; form-action 'none'"

var htmlPages = template.Must(template.New("").Funcs(functions).ParseFS(htmlFiles, "*.tmpl"))

// functions are what the templates say values with. Each makes the texts that it gets harmless.
var functions = template.FuncMap{
	"clean": func(s any) string { return clean(fmt.Sprint(s)) }, "long": long, "cleanAll": cleanAll[string],
	"counted": counted, "grouped": plain.Grouped, "operation": operation, "class": class,
	"command": plain.Message[string],
	"level":   level, "anchor": anchor, "sources": sources, "lacking": describe.Lacking, "meaning": meaning,
	"notJudged":    func(r *reports.Report) []string { return describe.NotJudged(r, maxOnPage) },
	"verdictClass": verdictClass, "headline": headline,
	"facts": runFacts, "summary": summary, "precedence": newPrecedenceView, "timeline": newTimelineView, "walk": newWalkView, "states": statesOf,
	"certificate":  certificateFacts,
	"coverage":     coverageFacts,
	"settling":     settling,
	"outcomeClass": func(s string) string { return cmp.Or(outcomeClass[s], "not-covered") },
	"standing":     standing, "sightings": sightings, "answer": answer,
	"wire": wire, "signature": describe.Signature, "cause": func(d *reports.Divergence) string { return describe.Cause(*d) }, "resource": resource, "selectors": selectorRows, "logs": logsInWords,
	"sequence": describe.Steps, "line": func(y int) int { return y + barPad + lineHigh - 4 },
	"span":   func(columns []*reportView) int { return len(columns) + 1 },
	"bar":    func(states map[string]int) []ruleState { return stateList(states, reports.MatrixStates) },
	"legend": describe.Legend, "title": matrixTitle, "about": aboutRule,
	"certificates": some[reports.Certificate], "deviations": some[reports.Deviation], "replays": some[reports.Replay],
}

// some is the beginning of a list that a target or a file can make long.
func some[T any](list []T) []T { return list[:min(len(list), maxOnPage)] }

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// htmlPage is what the templates show. All its texts are harmless already; the templates escape markup.
type htmlPage struct {
	Title   string
	Policy  string
	Style   template.CSS
	Script  template.JS
	Many    bool
	Reports []*reportView
	Matrix  *comparisonView

	Overview  *reports.Matrix // in place of reports
	Histories []*historyView  // in place of reports
	Skipped   []string        // files
}

// Write writes one page that needs nothing but itself: of one report all that it has, of several a
// matrix of targets and rules followed by what each diverges in. It stays below about 2 MB: where
// there is more to show, divergences that come later are shown with less.
func Write(w io.Writer, list ...*reports.Report) error {
	if len(list) == 0 {
		return errors.New("there is no report to show")
	}
	page := newPage()
	page.Many = len(list) > 1
	room := roomForDivergences
	for i, r := range list {
		page.Reports = append(page.Reports, newReportView(describe.Shown(r), i, page.Many))
	}
	for _, view := range page.Reports {
		var err error
		if room, err = view.renderDivergences(room); err != nil {
			return err
		}
	}
	page.Title = "conform: " + page.Reports[0].Name + ", " + clean(list[0].Verdict)
	if page.Many {
		page.Matrix = newComparison(page.Reports)
		page.Title = "conform: " + plain.Counted(len(list), "report") + " compared"
	}
	return page.write(w)
}

func newPage() *htmlPage {
	return &htmlPage{Policy: htmlPolicy, Style: template.CSS(htmlStyle), Script: template.JS(htmlScript)}
}

func (page *htmlPage) write(w io.Writer) error {
	var out bytes.Buffer
	if err := htmlPages.ExecuteTemplate(&out, "page.tmpl", page); err != nil {
		return err
	}
	// A page that is printed to a log must hold no command for whatever reads the log.
	_, err := w.Write(plain.InlineCommand.ReplaceAll(out.Bytes(), []byte("#&#35;$1")))
	return err
}

const (
	roomForDivergences = 1_400_000 // how many bytes of a page may go to divergences
	maxDivergences     = 1000      // of a report on a page
	maxOnPage          = 200       // of lists that a target or a file can make long
)

// renderDivergences shows each within what room is left: all in brief, then their steps, then the scripts.
func (v *reportView) renderDivergences(room int) (int, error) {
	for round := range 3 {
		for _, d := range v.Divergences {
			if round == 2 && (d.Shown == 0 || len(d.Scripts) == 0) {
				continue
			}
			fuller := *d
			fuller.Shown = round
			var out bytes.Buffer
			if err := htmlPages.ExecuteTemplate(&out, "divergence", &fuller); err != nil {
				return 0, err
			}
			if more := out.Len() - len(d.HTML); round == 0 || more <= room {
				room -= more
				fuller.HTML = template.HTML(out.String())
				*d = fuller
			}
		}
	}
	return room, nil
}

// reportView is one report as the templates show it.
type reportView struct {
	R      *reports.Report
	Number int    // of the report, from 1
	Prefix string // of the ids of its elements
	Many   bool   // the page has others beside it

	Name    string // of the target
	Details []string
	Detail  string // what says most of the target beside its name

	Rules       []*ruleView
	Divergences []*divergenceView
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

// ruleState is a state of rules on the page.
type ruleState struct {
	State, Meaning string
	Count, Before  int // rules in this state, and in those before
}

// class is the class of a state on the page.
func class(state string) string {
	state, _, _ = strings.Cut(state, " --")
	return strings.ReplaceAll(state, " ", "-")
}

// statesOf counts the rules that count in each state that some are in.
func statesOf(rules []*ruleView) []ruleState {
	counts := map[string]int{}
	for _, rule := range rules {
		if rule.Counted {
			counts[rule.State]++
		}
	}
	return stateList(counts, reports.RuleStates)
}

// stateList lists those of some states that rules are in.
func stateList(counts map[string]int, order []string) (out []ruleState) {
	before := 0
	for _, state := range order {
		if n := counts[state]; n > 0 {
			out = append(out, ruleState{state, describe.StateMeanings[state], n, before})
			before += n
		}
	}
	return out
}

// counted is how many rules are in the states of a list.
func counted(states []ruleState) (n int) {
	for _, s := range states {
		n += s.Count
	}
	return n
}

// Families has the rules by family.
func (v *reportView) Families() []plain.Group[string, *ruleView] {
	return plain.GroupBy(v.Rules, func(r *ruleView) string { return r.Family })
}

// Notes lists those of the target and those of the run.
func (v *reportView) Notes() []string { return cleanAll(slices.Concat(v.R.Target.Notes, v.R.Notes)) }

// Violated has the divergences by rule.
func (v *reportView) Violated() []plain.Group[model.ID, *divergenceView] {
	return plain.GroupBy(v.Divergences, func(d *divergenceView) model.ID { return d.D.Rule })
}

// summary counts rules by their state, in words.
func summary(rules []*ruleView) string {
	return strings.Join(plain.Texts(statesOf(rules), func(s ruleState) string { return fmt.Sprintf("%s %d", s.State, s.Count) }), ", ")
}

type ruleView struct {
	ID, Family, Name string
	Anchor           string
	Known            bool // to this build
	Counted          bool // among the rules of the report
	Level            levelView
	Statement        string
	Sources          []string
	Facts            []fact
	State            string
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
	if meaning := describe.LevelMeanings[l]; meaning != "" {
		return levelView{l.String(), meaning, int(l)}
	}
	return levelView{}
}

// clean is the form of any text of a report on the page.
func clean[T ~string](s T) string { return plain.Text(s) }

// long is clean with room for more.
func long(s string) string { return plain.Shown(s, 2*plain.MaxShown) }

// operation is the short name of an operation.
func operation(s string) string { return plain.Operation(clean(s)) }

func cleanAll[T ~string](list []T) []string {
	out := plain.Texts(list[:min(len(list), maxOnPage)], clean[T])
	if left := len(list) - maxOnPage; left > 0 {
		out = append(out, fmt.Sprintf("… and %s more", plain.Grouped(left)))
	}
	return out
}

func newReportView(r *reports.Report, index int, many bool) *reportView {
	v := &reportView{R: r, Many: many, Number: index + 1, Name: cmp.Or(plain.Named(r.Target), "unknown target"),
		Prefix: plain.When(many, fmt.Sprintf("r%d-", index+1))}
	fault := plain.When(r.Target.Fault != "", "made wrong on purpose: "+clean(r.Target.Fault))
	kind := plain.When(v.Name != clean(r.Target.Name), clean(r.Target.Name))
	v.Details = slices.DeleteFunc([]string{kind, clean(r.Target.Endpoint), clean(r.Target.Region), fault},
		func(s string) bool { return s == "" })
	v.Detail = cmp.Or(slices.Concat([]string{fault, clean(r.Target.Endpoint)}, v.Details)...)
	v.rules()
	times := map[model.ID]int{}
	for i := range r.Divergences[:min(len(r.Divergences), maxDivergences)] {
		v.Divergences = append(v.Divergences, newDivergenceView(r, &r.Divergences[i], v, i))
		times[r.Divergences[i].Rule]++
	}
	for _, d := range v.Divergences {
		d.Twice = times[d.D.Rule] > 1
	}
	return v
}

// verdictText is what the page says to a verdict.
type verdictText struct{ Class, Headline, Title, Meaning string }

var verdictTexts = map[reports.Verdict]verdictText{
	reports.Conforms: {"good", "It conforms: no divergence was found", "What a pass means",
		"Among the requests that were tried, no answer contradicted a rule at level %s or above. " +
			"That is evidence, not proof: a longer run, or another seed, can find more."},
	reports.Diverges: {"bad", "It diverges", "What a divergence means",
		"A confirmed divergence is a fact about the target: it gave an answer, again on a fresh start, that no reading of the rules accepts. " +
			"An unrepeated one was seen and did not come back."},
	reports.Interrupted: {"unsure", "Interrupted: what was found until then", "What this means", "The run was stopped before it was through. " +
		"A divergence that it confirmed is a fact about the target all the same; what it did not try it says nothing about."},
	reports.Inconclusive: {Headline: "Inconclusive: this run cannot say"},
	reports.Failed:       {Class: "bad", Headline: "conform itself failed"},
	reports.RefusedRun:   {Headline: "Refused for safety: nothing was tested"},
}

// recordedTexts are what is meant where nothing was sent.
var recordedTexts = map[reports.Verdict]string{
	reports.Conforms: "No recorded answer that was judged contradicts a rule at level %s or above. What was not recorded is not known, and explains much.",
	reports.Diverges: "A divergence is a recorded answer that no state explains which the rest of the recording allows.",
}

func verdictClass(v reports.Verdict) string { return cmp.Or(verdictTexts[v].Class, "unsure") }

func headline(r *reports.Report) string {
	failing, other := len(describe.Failing(r)), len(r.Divergences)
	switch {
	case r.Verdict == reports.Conforms && other > 0:
		return "It conforms, with " + plain.Counted(other, "divergence") + " that " + map[bool]string{true: "does", false: "do"}[other == 1] + " not count"
	case r.Verdict == reports.Diverges && failing > 0:
		return "It diverges: " + plain.Counted(other, "divergence") + " from " + plain.Counted(len(describe.ByRule(r.Divergences)), "rule")
	}
	return cmp.Or(verdictTexts[r.Verdict].Headline, clean(r.Verdict))
}

// meaning says what the verdict does and does not mean.
func meaning(r *reports.Report) []fact {
	rests := fact{"What the rules rest on", "Documented rules come from the AWS documentation or the service model, observed ones from recorded answers of the real service. " +
		"Where both are silent, the rule is inferred: it is shown, but by default fails nothing."}
	text := verdictTexts[r.Verdict]
	if r.Recorded != nil {
		text.Meaning = cmp.Or(recordedTexts[r.Verdict], text.Meaning)
	}
	if text.Meaning == "" {
		return []fact{{"What this means", "This is neither a pass nor a failure of the target: the run did not get far enough to tell. " +
			"The line above says why, and what to do."}, rests}
	}
	level := cmp.Or(r.FailOn, model.Observed)
	return []fact{{text.Title, strings.Replace(text.Meaning, "%s", level.String(), 1)},
		{"What it says nothing about", "Features that the target lacks, which this page lists, message texts, tags, billing, IAM policies, " +
			"the order and paging of lists, and the Insights events themselves."}, rests}
}

// Tiles are the numbers that say most of the run.
func (v *reportView) Tiles() []tile {
	r := v.R
	_, applicable, judged := r.Coverage.Counts()
	failing, all := len(describe.Failing(r)), len(r.Divergences)
	counted := func(n int, noun, of string) tile {
		value, label, _ := strings.Cut(plain.Counted(n, noun), " ")
		return tile{value, of, label}
	}
	of := cmp.Or(plain.When(failing == all, "all fail the run"), plain.Grouped(failing)+" of them fail the run")
	tiles := []tile{
		counted(all, "divergence", plain.When(all > 0, of)),
		{plain.Grouped(judged), "of " + plain.Grouped(applicable) + " that apply", "rules judged"},
		counted(r.Requests, "request", "in "+plain.Duration(r.DurationSeconds)),
	}
	if w := r.Recorded; w != nil {
		tiles[2] = tile{plain.Grouped(w.Judged), "of " + plain.Grouped(w.Exchanges), "calls judged"}
	}
	for _, c := range coverageFacts(r.Coverage, "transitions covered", "pairs of errors tried") {
		covered, total, _ := strings.Cut(c.Value, " ")
		tiles = append(tiles, tile{covered, total, c.Name})
	}
	return tiles
}

// coverageFacts says what was covered of what can be counted, under the names for the two.
func coverageFacts(c reports.Coverage, transitions, pairs string) []fact {
	share := func(c reports.Count) string {
		return plain.When(c.Total != 0, plain.Grouped(c.Covered)+" of "+plain.Grouped(c.Total))
	}
	return facts(transitions, share(c.Transitions), pairs, share(c.Pairs))
}

func runFacts(r *reports.Report) []fact {
	started := plain.When(!r.Started.IsZero(), r.Started.UTC().Format("2 January 2006, 15:04 UTC"))
	confirming := plain.When(r.ConfirmRequests > 0, plain.Counted(r.ConfirmRequests, "more request"))
	failOn, exit := plain.When(r.FailOn != 0, r.FailOn.String()+" and above"), strconv.Itoa(r.ExitCode)+plain.When(r.Partial, ", partial")
	if w := r.Recorded; w != nil {
		return facts("judged", clean(describe.Recorded(r)), "passed over", strings.Join(cleanAll(describe.PassedOver(r)), "; "),
			"unreadable", strings.Join(cleanAll(describe.Unreadable(r)), "; "),
			"started", started, "fails on", failOn, "exit code", exit, "conform", clean(r.Version))
	}
	return facts("started", started, "rate", plain.Grouped(int(r.RequestsPerSecond+0.5))+" requests a second", "cases", plain.Grouped(r.Cases),
		"to confirm", confirming, "suites", strings.Join(cleanAll(r.Suites), ", "),
		"left out", describe.LeftOut(r), "cut short", strings.Join(cleanAll(r.CutShort), ", "),
		"seed", strconv.FormatUint(r.Seed, 10), "workers", plain.Grouped(r.Workers), "fails on", failOn, "exit code", exit, "conform", clean(r.Version))
}

// settling says how long an eventually consistent target took.
func settling(s *reports.Settling) []fact {
	return facts("reads that did not match at once", plain.Grouped(s.Waits), "time until they did, median", plain.Duration(s.MedianSeconds),
		"longest", plain.Duration(s.LongestSeconds), "reads that never matched", plain.Grouped(s.TimedOut))
}

// rules brings the rules of this build together with all that the report speaks of.
func (v *reportView) rules() {
	r, known := v.R, map[model.ID]*ruleView{}
	add := func(id model.ID) *ruleView {
		if known[id] == nil && len(known) < len(model.Rules)+maxOnPage {
			known[id] = newRuleView(r, id, len(known))
			v.Rules = append(v.Rules, known[id])
		}
		return known[id]
	}
	for i := range model.Rules {
		add(model.Rules[i].ID)
	}
	for _, id := range r.Coverage.InOrder() {
		add(id)
	}
	for i, d := range r.Divergences[:min(len(r.Divergences), maxDivergences)] {
		rule := add(d.Rule)
		if rule == nil {
			continue
		}
		if !rule.Known {
			rule.Level, rule.Statement, rule.Sources = level(d.Level), clean(d.Statement), sources(d.Source)
		}
		rule.Violations = append(rule.Violations, fact{fmt.Sprintf("#%sd%d", v.Prefix, i+1), operation(d.Operation) + " answers " + clean(d.Actual)})
	}
	for _, d := range r.Deviations {
		rule := known[d.Rule]
		if rule != nil && len(rule.Deviations) < maxOnPage {
			rule.Deviations = append(rule.Deviations, d)
		}
	}
	v.Rules = slices.DeleteFunc(v.Rules, func(rule *ruleView) bool {
		return !rule.Counted && len(rule.Violations)+len(rule.Deviations) == 0
	})
}

func newRuleView(r *reports.Report, id model.ID, index int) *ruleView {
	_, name, _ := strings.Cut(clean(id), "/")
	coverage, covered := r.Coverage.Rules[id]
	out := &ruleView{ID: clean(id), Family: clean(id.Family()), Name: cmp.Or(name, clean(id)), Anchor: fmt.Sprintf("rule-%d", index+1),
		Counted: r.Coverage.Counted(id), State: coverage.State, Why: clean(coverage.Why)}
	rule := model.RuleOf(id)
	if rule != nil {
		out.Anchor, out.Known = ruleAnchor(id), true
		out.Level, out.Statement, out.Sources = level(rule.Level), rule.Statement, describe.Sources(rule.Source)
		for _, answer := range describe.Answers(rule) {
			out.Facts = append(out.Facts, fact{answer[0], answer[1]})
		}
	}
	if !covered {
		out.State, out.Why = reports.RuleNotJudged, reports.NotMentioned
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
	unstable := plain.When(c.Unstable > 0, plain.Counted(c.Unstable, "test"))
	return facts("extra states", "up to "+plain.Grouped(c.Depth), "machine", describe.Machine(&c),
		"told apart", long(c.Abstraction), "reads", strings.Join(cleanAll(c.Reads), ", "),
		"tests", fmt.Sprintf("%s of %s executed, %s failed", plain.Grouped(c.Executed()), plain.Grouped(c.Tests), plain.Grouped(c.Failed)),
		"unstable", unstable, "requests", plain.Grouped(c.Requests), "shard", clean(c.Shard), "fingerprint", clean(c.Fingerprint))
}

var outcomeClass = map[string]string{
	reports.ReplayDiverges: reports.RuleViolated, reports.ReplayFixed: reports.RuleKept, reports.ReplayDifferent: reports.RuleDeviates, reports.ReplayExpired: "not-judged",
}

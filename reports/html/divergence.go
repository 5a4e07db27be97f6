package html

import (
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/describe"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/reports/scripts"
	"github.com/insightconform/conform/targets"
)

// divergenceView is one divergence as the templates show it.
type divergenceView struct {
	HTML  template.HTML // once it is rendered
	Brief bool          // there is no room for the steps

	ID, Number     string
	Rule, Family   string
	Twice          bool // others have the same rule
	Anchor         string
	Level, Meaning string
	Strength       int
	Statement      string
	Operation      string
	Answering      string // the operation whose answer is wrong
	Class          string // failing, known, unrepeated or tolerated
	Standing       string // what follows from it for the run
	Sequence       string
	Expected       []line
	Accepted       []string
	Actual         []line
	Steps          []stepView
	Whole          string // the whole answer
	Open           bool
	Facts          []fact
	Sources        []string
	Commands       []command
	Scripts        []script
	Signature      string
}

// line is one line of a comparison, with what differs marked.
type line struct {
	Spans []markedSpan
	Extra string // says of a whole line that it should not be there, or is missing
	Class string
}

type markedSpan struct {
	Text   string
	Marked bool
}

type command struct{ Title, Text string }

type script struct{ Title, Text string }

type stepView struct {
	Gap            string // stands for steps that are left out
	Number         int
	Operation      string
	Request        string
	Code, Answer   string
	Class          string
	Diverges       bool
	Sent, Received string
	States         []resourceView
	Unchanged      bool
	Unknown        bool // the report has no state for this step
}

type resourceView struct {
	Name, Region string
	Lamps        []lampRow
	Other        string // what the lamps cannot show
	Logs         string
	Logging      bool
}

type lampRow struct {
	Name string
	On   []bool // on Management and on Data
}

const (
	maxSteps    = 40  // of a sequence that is shown whole
	edgeSteps   = 15  // shown at either end of a longer one
	maxWire     = 800 // characters of one request or answer as sent
	maxAnswer   = 2000
	maxScript   = 40_000
	maxLines    = 24 // of one side of a comparison
	unmatchable = "no reading of the rules"
)

func newDivergenceView(r *reports.Report, d *reports.Divergence, v *reportView, index int) *divergenceView {
	out := &divergenceView{
		ID: fmt.Sprintf("%sd%d", v.Prefix, index+1), Number: plain.Grouped(index + 1), Rule: clean(string(d.Rule)), Family: clean(d.Rule.Family()),
		Anchor: v.anchorOf(d.Rule), Statement: clean(d.Statement), Operation: plain.Operation(clean(d.Operation)), Signature: plain.Shown(d.Signature, 2*plain.MaxShown),
		Sources: sourcesOf(d), Open: index == 0 && !v.Many,
	}
	if d.Level >= model.Inferred && d.Level <= model.Documented {
		out.Level, out.Meaning, out.Strength = d.Level.String(), levelMeanings[d.Level], int(d.Level)
	}
	out.standing(d)
	if len(d.Steps) > 0 {
		out.Sequence = describe.Steps(d.Steps, plain.MaxShown)
	}
	out.compare(d)
	out.Steps = stepViews(d)
	out.facts(d)
	if d.Status != reports.Unrepeated {
		out.commands(r, d, v.Many)
	}
	return out
}

func (v *divergenceView) standing(d *reports.Divergence) {
	switch {
	case d.Known:
		v.Class, v.Standing = "known", "known to the baseline"
		if d.Reason != "" {
			v.Standing += ": " + clean(d.Reason)
		}
	case d.Status == reports.Unrepeated && d.Fails:
		v.Class, v.Standing = "unrepeated", "seen, but not again on a fresh world; fails the run"
	case d.Status == reports.Unrepeated:
		v.Class, v.Standing = "unrepeated", "seen, but not again on a fresh world; does not fail the run"
	case d.Fails:
		v.Class, v.Standing = "failing", "confirmed; fails the run"
	default:
		v.Class, v.Standing = "tolerated", "confirmed; does not fail the run"
	}
}

func (v *divergenceView) facts(d *reports.Divergence) {
	seen := plain.Counted(d.Count, "time")
	if d.Seen != "" {
		seen += ", in " + clean(d.Seen) + " tries on a fresh world"
	}
	v.Facts = append(v.Facts, fact{"seen", seen})
	if len(d.Also) > 0 {
		v.Facts = append(v.Facts, fact{"also shows as", strings.Join(cleanAll(d.Also), ", ")})
	}
	v.Facts = append(v.Facts, fact{"signature", v.Signature})
	if d.Raw != "" {
		v.Facts = append(v.Facts, fact{"signature of a replay", plain.Shown(d.Raw, 2*plain.MaxShown)})
	}
}

// diverging returns the step that diverges with its place, nil where the report does not tell.
func divergingStep(d *reports.Divergence) (int, *reports.Step) {
	for i := range d.Steps {
		if d.Steps[i].Diverges {
			return i, &d.Steps[i]
		}
	}
	return -1, nil
}

// compare sets what was expected beside what came.
func (v *divergenceView) compare(d *reports.Divergence) {
	reference := unmatchable
	if len(d.Expected) > 0 {
		reference = clean(d.Expected[0])
		v.Accepted = cleanAll(d.Expected[1:])
	}
	left, right := differingWords(reference, clean(d.Actual))
	v.Expected, v.Actual = []line{{Spans: left}}, []line{{Spans: right}}
	v.Answering = v.Operation
	i, step := divergingStep(d)
	if step == nil {
		return
	}
	v.Answering = clean(plain.Operation(step.Operation))
	if step.Answer.Outcome != reports.OutcomeSuccess {
		if problem := clean(step.Answer.Problem); problem != "" {
			v.Actual = append(v.Actual, plainLine(problem))
		}
		if status := fmt.Sprint(step.Status); step.Status != 0 && !strings.Contains(step.Answer.Problem, status) {
			v.Actual = append(v.Actual, plainLine("HTTP status "+status))
		}
		return
	}
	if body := step.Answer.Body; body.Kind() != model.Absent {
		v.Whole = plain.Shown(body.String(), maxAnswer)
	}
	list := step.Answer.Body.Get("InsightSelectors")
	if list.Kind() != model.List {
		return
	}
	came := selectorLines(list)
	stored, ok := storedLines(d, i, step)
	if !ok || !strings.HasPrefix(d.Actual, "other") {
		for _, text := range came {
			v.Actual = append(v.Actual, plainLine(text))
		}
		return
	}
	v.selectors(stored, came)
}

// selectors marks what is missing in, and what should not be in, the selectors that came.
func (v *divergenceView) selectors(stored, came []string) {
	if len(stored) == 0 {
		v.Expected = append(v.Expected, plainLine("no selector"))
	}
	left := slices.Clone(came)
	for _, text := range stored {
		if i := slices.Index(left, text); i >= 0 {
			left = slices.Delete(left, i, i+1)
			v.Expected = append(v.Expected, plainLine(text))
		} else {
			v.Expected = append(v.Expected, line{[]markedSpan{{text, true}}, "missing in the answer", "missing"})
		}
	}
	left = slices.Clone(stored)
	for _, text := range came {
		if i := slices.Index(left, text); i >= 0 {
			left = slices.Delete(left, i, i+1)
			v.Actual = append(v.Actual, plainLine(text))
		} else {
			v.Actual = append(v.Actual, line{[]markedSpan{{text, true}}, "should not be there", "surplus"})
		}
	}
	if len(came) == 0 {
		v.Actual = append(v.Actual, plainLine("no selector"))
	}
}

func plainLine(text string) line { return line{Spans: []markedSpan{{Text: text}}} }

// selectorLines renders the selectors of an answer one by one, in the form of storedLines.
func selectorLines(list model.Value) []string {
	var lines []string
	for i, item := range list.Items() {
		if i == maxLines {
			return append(lines, fmt.Sprintf("… and %s more", plain.Grouped(len(list.Items())-i)))
		}
		if categories := item.Get("EventCategories"); item.Get("InsightType").Text() != "" && !categories.Given() {
			item = item.With("EventCategories", model.Strs("Management"))
		}
		lines = append(lines, clean(describe.Selector(item)))
	}
	return lines
}

// storedLines renders what the model held for the resource that a step names.
func storedLines(d *reports.Divergence, i int, step *reports.Step) ([]string, bool) {
	if i >= len(d.States) {
		return nil, false
	}
	name := step.Request.Get("TrailName").Text()
	if name == "" {
		name = step.Request.Get("EventDataStore").Text()
	}
	name = name[strings.LastIndexByte(name, '/')+1:]
	for _, state := range d.States[i] {
		if name == "" || !strings.HasSuffix(state.Resource, "/"+name) {
			continue
		}
		var lines []string
		for _, insightType := range model.TypeNames {
			if on := state.On[insightType]; len(on) > 0 {
				lines = append(lines, clean(insightType+": "+strings.Join(on, "+")))
			}
		}
		return lines, true
	}
	return nil, false
}

// differingWords marks the words that two lines do not share, or all of them where they share little.
func differingWords(a, b string) (left, right []markedSpan) {
	x, y := strings.Fields(a), strings.Fields(b)
	common := commonWords(x, y)
	if 2*len(common) < min(len(x), len(y)) || len(common) == 0 {
		return []markedSpan{{a, true}}, []markedSpan{{b, true}}
	}
	return markOthers(x, common), markOthers(y, common)
}

// commonWords is the longest common subsequence.
func commonWords(x, y []string) []string {
	longest := make([][]int, len(x)+1)
	for i := range longest {
		longest[i] = make([]int, len(y)+1)
	}
	for i := len(x) - 1; i >= 0; i-- {
		for j := len(y) - 1; j >= 0; j-- {
			if x[i] == y[j] {
				longest[i][j] = longest[i+1][j+1] + 1
			} else {
				longest[i][j] = max(longest[i+1][j], longest[i][j+1])
			}
		}
	}
	var common []string
	for i, j := 0, 0; i < len(x) && j < len(y); {
		switch {
		case x[i] == y[j]:
			common = append(common, x[i])
			i, j = i+1, j+1
		case longest[i+1][j] >= longest[i][j+1]:
			i++
		default:
			j++
		}
	}
	return common
}

func markOthers(words, common []string) []markedSpan {
	var spans []markedSpan
	for i, word := range words {
		marked := len(common) == 0 || common[0] != word
		if !marked {
			common = common[1:]
		}
		space := ""
		if i > 0 {
			space = " "
		}
		if last := len(spans) - 1; last >= 0 && spans[last].Marked == marked {
			spans[last].Text += space + word
			continue
		}
		if space != "" {
			spans = append(spans, markedSpan{Text: space})
		}
		spans = append(spans, markedSpan{word, marked})
	}
	return spans
}

func stepViews(d *reports.Divergence) []stepView {
	var out []stepView
	var before []reports.ResourceState
	for i, step := range d.Steps {
		var states []reports.ResourceState
		known := i < len(d.States)
		if known {
			states = d.States[i]
		}
		if len(d.Steps) > maxSteps && i >= edgeSteps && i < len(d.Steps)-edgeSteps {
			if i == edgeSteps {
				out = append(out, stepView{Gap: plain.Counted(len(d.Steps)-2*edgeSteps, "step") + " left out; the JSON report has them"})
			}
			before = states
			continue
		}
		view := newStepView(step)
		view.Unknown = !known
		view.Unchanged = known && i > 0 && i-1 < len(d.States) && sameStates(before, states)
		if known && !view.Unchanged {
			for _, state := range states[:min(len(states), maxLines)] {
				view.States = append(view.States, newResourceView(state))
			}
		}
		before = states
		out = append(out, view)
	}
	return out
}

func newStepView(step reports.Step) stepView {
	none := ""
	short := clean(plain.Operation(step.Operation))
	text := clean(describe.Step(step, &none))
	view := stepView{Number: step.Number, Operation: short, Request: strings.TrimSpace(strings.TrimPrefix(text, short)), Diverges: step.Diverges,
		Sent: plain.Shown(reports.Pseudonymous(plain.Shorten(step.Sent, targets.MaxKept)), maxWire), Received: plain.Shown(reports.Pseudonymous(plain.Shorten(step.Received, targets.MaxKept)), maxWire)}
	body := step.Answer.Body
	switch step.Answer.Outcome {
	case reports.OutcomeSuccess:
		view.Class, view.Code = "success", "success"
		if step.Status != 0 {
			view.Code = fmt.Sprint(step.Status)
		}
		switch list := body.Get("InsightSelectors"); {
		case list.Given():
			view.Answer = clean(describe.Selectors(list))
		case model.Op(step.Operation) == model.OpTrail && body.Get("HasInsightSelectors").Given():
			view.Answer = clean("HasInsightSelectors: " + describe.Value(body.Get("HasInsightSelectors")))
		case step.Diverges && body.Kind() != model.Absent:
			view.Answer = clean(describe.Value(body))
		}
	default:
		view.Class = "refused"
		if step.Answer.Outcome != reports.OutcomeRefused {
			view.Class = "crashed"
		}
		view.Code = clean(describe.Answer(step))
	}
	return view
}

func sameStates(a, b []reports.ResourceState) bool {
	return slices.EqualFunc(a, b, func(x, y reports.ResourceState) bool { return fmt.Sprint(x) == fmt.Sprint(y) })
}

var lampNames = [...]string{"call rate", "error rate"} // of model.TypeNames

var lampCategories = [...]string{"Management", "Data"}

var logNames = map[rune]string{'W': "write", 'R': "read", 'D': "data", 'I': "Insights"}

func newResourceView(s reports.ResourceState) resourceView {
	kind, rest, _ := strings.Cut(s.Resource, "/")
	region, name, _ := strings.Cut(rest, "/")
	v := resourceView{Name: clean(kind + " " + name), Region: clean(region), Logging: s.Logging, Logs: logsInWords(s.Logs)}
	if kind == "store" {
		v.Name = clean(describe.Name(name))
	}
	for i, insightType := range model.TypeNames {
		row := lampRow{Name: lampNames[i]}
		for _, category := range lampCategories {
			row.On = append(row.On, slices.Contains(s.On[insightType], category))
		}
		v.Lamps = append(v.Lamps, row)
	}
	var other []string
	for insightType, categories := range s.On {
		if !slices.Contains(model.TypeNames[:], insightType) {
			other = append(other, insightType+": "+strings.Join(categories, "+"))
		}
	}
	slices.Sort(other)
	v.Other = clean(strings.Join(other, ", "))
	return v
}

// logsInWords spells the letters of section 3 of the rules out.
func logsInWords(letters string) string {
	if letters == "" || letters == "none" {
		return "nothing"
	}
	var words []string
	for _, c := range letters {
		word, ok := logNames[c]
		if !ok {
			return clean(letters)
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

// commands are what one pastes to see the divergence again.
func (v *divergenceView) commands(r *reports.Report, d *reports.Divergence, many bool) {
	add := func(title, text string) {
		v.Commands = append(v.Commands, command{title, plain.Shown(text, 2*plain.MaxMessage)})
	}
	if d.Replay != "" {
		add("Replay it with conform", d.Replay)
	}
	if d.Trace != "" {
		export := "conform export " + plain.ShellWord(d.Trace)
		add("As a script for the AWS CLI", export+" --as awscli")
		add("As a script for boto3", export+" --as boto3")
	}
	if many {
		return
	}
	trace := reports.NewTrace(r, *d, false)
	for _, form := range [...]struct{ name, title string }{{"awscli", "AWS CLI"}, {"boto3", "boto3"}} {
		if text, err := scripts.Export(trace, form.name); err == nil && len(text) <= maxScript {
			v.Scripts = append(v.Scripts, script{form.title, visibleLines(string(text))})
		}
	}
}

// visibleLines makes each line harmless and keeps the lines.
func visibleLines(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, one := range lines {
		lead := strings.TrimLeft(one, "\t")
		lines[i] = strings.Repeat("\t", len(one)-len(lead)) + plain.Visible(lead)
	}
	return strings.Join(lines, "\n") + "\n"
}

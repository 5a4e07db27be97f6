package html

import (
	"cmp"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff/lcs"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/describe"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/reports/scripts"
	"github.com/insightconform/conform/targets"
)

// divergenceView is one divergence as the templates show it.
type divergenceView struct {
	D     *reports.Divergence
	HTML  template.HTML // once it is rendered
	Shown int           // how much there is room for: 0 without the steps, 1 with them, 2 with the scripts too

	ID       string
	Number   int
	Twice    bool   // others have the same rule
	Answers  string // the operation whose answer is wrong
	Expected []line
	Accepted []string
	Actual   []line
	Steps    []stepView
	Whole    string // the whole answer
	Open     bool
	Commands []fact
	Scripts  []fact
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

// stepView is a step with the states after it. They are Unknown where the report does not have them.
type stepView struct {
	S                  reports.Step
	Gap                string // stands for steps that are left out
	States             []reports.ResourceState
	Unchanged, Unknown bool
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
	out := &divergenceView{D: d, ID: fmt.Sprintf("%sd%d", v.Prefix, index+1), Number: index + 1, Open: index == 0 && !v.Many, Steps: stepViews(d)}
	out.compare(d)
	if d.Status == reports.Confirmed {
		out.commands(r, d, v.Many)
	}
	return out
}

// standing says what follows from a divergence for the run; Name is its class on the page.
func standing(d *reports.Divergence) fact {
	verb := map[bool]string{true: "fails", false: "does not fail"}[d.Fails]
	switch {
	case d.Known:
		return fact{"known", strings.TrimSuffix("known to the baseline: "+clean(d.Reason), ": ")}
	case d.Status == reports.Unrepeated:
		return fact{"unrepeated", "seen, but not again on a fresh world; " + verb + " the run"}
	case d.Status == reports.NotTried:
		return fact{"unrepeated", d.Status + ": the run, or its budget, ended before; " + verb + " the run"}
	}
	return fact{map[bool]string{true: "failing", false: "tolerated"}[d.Fails], "confirmed; " + verb + " the run"}
}

func sightings(d *reports.Divergence) []fact {
	seen := plain.Counted(d.Count, "time") + plain.When(d.Seen != "", ", in "+clean(d.Seen)+" tries on a fresh world")
	return facts("seen", seen, "rate", clean(d.Rate), "also shows as", strings.Join(cleanAll(d.Also), ", "), "signature", long(d.Signature), "signature of a replay", long(d.Raw))
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
	v.Answers = operation(d.Operation)
	i := slices.IndexFunc(d.Steps, func(s reports.Step) bool { return s.Diverges })
	if i < 0 {
		return
	}
	step := &d.Steps[i]
	v.Answers = operation(step.Operation)
	if step.Answer.Outcome != reports.OutcomeSuccess {
		status := fmt.Sprint(step.Status)
		told := step.Status == 0 || strings.Contains(step.Answer.Problem, status)
		more := []string{clean(step.Answer.Problem), plain.When(!told, "HTTP status "+status)}
		v.Actual = append(v.Actual, plainLines(slices.DeleteFunc(more, func(s string) bool { return s == "" })...)...)
		return
	}
	if body := step.Answer.Body; body.Kind() != value.Absent {
		v.Whole = plain.Shown(body.String(), maxAnswer)
	}
	list := step.Answer.Body.Get("InsightSelectors")
	if list.Kind() != value.List {
		return
	}
	came := selectorLines(list)
	stored, ok := storedLines(d, i, step)
	if !ok || !strings.HasPrefix(d.Actual, "other") {
		v.Actual = append(v.Actual, plainLines(came...)...)
		return
	}
	v.Expected = append(v.Expected, compared(stored, came, "missing in the answer", "missing")...)
	v.Actual = append(v.Actual, compared(came, stored, "should not be there", "surplus")...)
}

// compared lists the lines of one side; those that the other side has not are marked, and said to be what they are.
func compared(side, other []string, extra, class string) []line {
	if len(side) == 0 {
		return plainLines("no selector")
	}
	lines := plainLines(side...)
	other = slices.Clone(other)
	for n, text := range side {
		if i := slices.Index(other, text); i >= 0 {
			other = slices.Delete(other, i, i+1)
		} else {
			lines[n] = line{[]markedSpan{{text, true}}, extra, class}
		}
	}
	return lines
}

func plainLines(texts ...string) (lines []line) {
	for _, text := range texts {
		lines = append(lines, line{Spans: []markedSpan{{Text: text}}})
	}
	return lines
}

// selectorLines renders the selectors of an answer one by one, in the form of storedLines.
func selectorLines(list value.Value) []string {
	var lines []string
	for i, item := range list.Items() {
		if i == maxLines {
			return append(lines, fmt.Sprintf("… and %s more", plain.Grouped(len(list.Items())-i)))
		}
		if categories := item.Get("EventCategories"); item.Get("InsightType").Text() != "" && !categories.Given() {
			item = item.With("EventCategories", value.Strs("Management"))
		}
		lines = append(lines, clean(describe.Selector(item)))
	}
	return lines
}

// storedLines renders what the model held for the resource that a step names.
func storedLines(d *reports.Divergence, i int, step *reports.Step) (lines []string, ok bool) {
	name := cmp.Or(step.Request.Get("TrailName").Text(), step.Request.Get("EventDataStore").Text())
	name = name[strings.LastIndexByte(name, '/')+1:]
	if i >= len(d.States) || name == "" {
		return nil, false
	}
	k := slices.IndexFunc(d.States[i], func(s reports.ResourceState) bool { return strings.HasSuffix(s.Resource, "/"+name) })
	if k < 0 {
		return nil, false
	}
	for _, insightType := range model.TypeNames {
		if on := d.States[i][k].On[insightType]; len(on) > 0 {
			lines = append(lines, clean(insightType+": "+strings.Join(on, "+")))
		}
	}
	return lines, true
}

// differingWords marks the words that two lines do not share, or all of them where they share little.
func differingWords(a, b string) (left, right []markedSpan) {
	x, y := strings.Fields(a), strings.Fields(b)
	common := len(x)
	var changedX, changedY [][2]int
	for _, d := range lcs.DiffLines(x, y) {
		common -= d.End - d.Start
		changedX, changedY = append(changedX, [2]int{d.Start, d.End}), append(changedY, [2]int{d.ReplStart, d.ReplEnd})
	}
	if 2*common < min(len(x), len(y)) || common == 0 {
		return []markedSpan{{a, true}}, []markedSpan{{b, true}}
	}
	return markedWords(x, changedX), markedWords(y, changedY)
}

// markedWords marks the words within some ranges.
func markedWords(words []string, ranges [][2]int) (spans []markedSpan) {
	for i, word := range words {
		marked := slices.ContainsFunc(ranges, func(r [2]int) bool { return r[0] <= i && i < r[1] })
		if last := len(spans) - 1; i > 0 && spans[last].Marked == marked {
			spans[last].Text += " " + word
			continue
		} else if i > 0 {
			spans = append(spans, markedSpan{Text: " "})
		}
		spans = append(spans, markedSpan{word, marked})
	}
	return spans
}

func stepViews(d *reports.Divergence) (out []stepView) {
	left := len(d.Steps) - 2*edgeSteps
	for i, step := range d.Steps {
		if len(d.Steps) > maxSteps && i >= edgeSteps && i < edgeSteps+left {
			if i == edgeSteps {
				out = append(out, stepView{Gap: plain.Counted(left, "step") + " left out; the JSON report has them"})
			}
			continue
		}
		view := stepView{S: step, Unknown: i >= len(d.States)}
		if !view.Unknown {
			view.Unchanged = i > 0 && fmt.Sprint(d.States[i-1]) == fmt.Sprint(d.States[i])
			view.States = d.States[i][:min(len(d.States[i]), maxLines)]
		}
		out = append(out, view)
	}
	return out
}

// request is what a step sends, without its operation.
func request(s reports.Step) string {
	return strings.TrimSpace(strings.TrimPrefix(clean(describe.Step(s, new(""))), operation(s.Operation)))
}

// wire is what went over the wire, with other names for accounts.
func wire(s string) string {
	return plain.Shown(reports.Pseudonymous(plain.Shorten(s, targets.MaxKept)), maxWire)
}

// answerView is an answer in short.
type answerView struct{ Class, Code, Text string }

var outcomeClasses = map[string]string{reports.OutcomeSuccess: "success", reports.OutcomeRefused: "refused"}

func answer(s reports.Step) answerView {
	body := s.Answer.Body
	s.Answer.Body = value.Value{} // it is told apart
	view := answerView{Class: cmp.Or(outcomeClasses[s.Answer.Outcome], "crashed"), Code: clean(describe.Answer(s))}
	switch list, has := body.Get("InsightSelectors"), body.Get("HasInsightSelectors"); {
	case s.Answer.Outcome != reports.OutcomeSuccess:
	case list.Given():
		view.Text = clean(describe.Selectors(list))
	case model.Op(s.Operation) == model.OpTrail && has.Given():
		view.Text = clean("HasInsightSelectors: " + describe.Value(has))
	case s.Diverges && body.Kind() != value.Absent:
		view.Text = clean(describe.Value(body))
	}
	return view
}

var typeNames = [...]string{"call rate", "error rate"} // of model.TypeNames

var logNames = map[rune]string{'W': "write", 'R': "read", 'D': "data", 'I': "Insights"}

// resourceView names a resource, and says what is on beside what the table of selectors can show.
type resourceView struct{ Name, Region, Other string }

func resource(s reports.ResourceState) resourceView {
	kind, rest, _ := strings.Cut(s.Resource, "/")
	region, name, _ := strings.Cut(rest, "/")
	name = cmp.Or(plain.When(kind == "store", describe.Name(name)), kind+" "+name)
	other := slices.DeleteFunc(slices.Sorted(maps.Keys(s.On)), func(t string) bool { return slices.Contains(model.TypeNames[:], t) })
	on := plain.Texts(other, func(t string) string { return t + ": " + strings.Join(s.On[t], "+") })
	return resourceView{clean(name), clean(region), clean(strings.Join(on, ", "))}
}

// selectorRows say for which categories each type of Insights is on.
func selectorRows(s reports.ResourceState) (rows []plain.Group[string, bool]) {
	for i, insightType := range model.TypeNames {
		on := func(category string) bool { return slices.Contains(s.On[insightType], category) }
		rows = append(rows, plain.Group[string, bool]{Key: typeNames[i], Items: []bool{on("Management"), on("Data")}})
	}
	return rows
}

// logsInWords spells what a trail logs out.
func logsInWords(logs string) string {
	if logs == "" || logs == "none" {
		return "nothing"
	}
	if strings.Trim(logs, "WRDI") != "" {
		return clean(logs)
	}
	return strings.Join(plain.Texts([]rune(logs), func(c rune) string { return logNames[c] }), ", ")
}

// commands are what one pastes to see the divergence again.
func (v *divergenceView) commands(r *reports.Report, d *reports.Divergence, many bool) {
	export := func(form string) string {
		return plain.When(d.Trace != "", plain.Shown("conform export "+plain.ShellWord(d.Trace)+" --as "+form, 2*plain.MaxMessage))
	}
	v.Commands = facts("Replay it with conform", plain.Shown(d.Replay, 2*plain.MaxMessage),
		"As a script for the AWS CLI", export("awscli"), "As a script for boto3", export("boto3"))
	for _, form := range facts("awscli", "AWS CLI", "boto3", "boto3") {
		text, err := scripts.Export(reports.NewTrace(r, *d, false), form.Name)
		if err == nil && len(text) <= maxScript && !many {
			v.Scripts = append(v.Scripts, fact{form.Value, visibleLines(string(text))})
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

package html

import (
	"cmp"
	"fmt"
	"html/template"
	"maps"
	"regexp"
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
	Expected []markedSpan
	Accepted []string
	Actual   []markedSpan
	Status   string // of HTTP, where the answer does not say it
	Steps    []stepView
	Overlap  *overlapView // of several clients
	Whole    string       // the whole answer
	Open     bool
	Commands []fact
	Scripts  []fact
}

// markedSpan is a part of one side of a comparison.
type markedSpan struct {
	Text   string
	Marked bool
}

// stepView is a step with the states after it. They are Unknown where the report does not have them.
type stepView struct {
	S                  reports.Step
	Operation, Request string // what is sent
	Who, Beside        string // of several clients: which sent it, and which other steps it overlaps
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
	maxStates   = 24 // of resources after a step
	unmatchable = "no reading of the rules"
)

func newDivergenceView(r *reports.Report, d *reports.Divergence, v *reportView, index int) *divergenceView {
	out := &divergenceView{D: d, ID: fmt.Sprintf("%sd%d", v.Prefix, index+1), Number: index + 1, Open: index == 0 && !v.Many, Steps: stepViews(d)}
	if out.Overlap = newOverlapView(d); out.Overlap != nil {
		out.Overlap.Number = plain.Grouped(out.Number)
	}
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
	if d.Clients > 0 {
		seen = clean(describe.Plays(*d))
	}
	return facts("seen", seen, "rate", clean(d.Rate), "also shows as", strings.Join(cleanAll(describe.Also(*d)), ", "), "signature", long(d.Signature), "signature of a replay", long(d.Raw))
}

// compare sets what was expected beside what came.
func (v *divergenceView) compare(d *reports.Divergence) {
	reference := unmatchable
	if len(d.Expected) > 0 {
		reference = clean(d.Expected[0])
		v.Accepted = cleanAll(d.Expected[1:])
	}
	v.Expected, v.Actual = differingWords(reference, clean(d.Actual))
	v.Answers = operation(d.Operation)
	i := slices.IndexFunc(d.Steps, func(s reports.Step) bool { return s.Diverges })
	if i < 0 {
		return
	}
	step := &d.Steps[i]
	v.Answers = operation(step.Operation)
	status := fmt.Sprintf("HTTP %d", step.Status)
	if body := step.Answer.Body; step.Answer.Outcome != reports.OutcomeSuccess {
		v.Status = plain.When(step.Status != 0 && !strings.Contains(d.Actual, status), status)
	} else if body.Kind() != value.Absent {
		v.Whole = plain.Shown(body.String(), maxAnswer)
	}
}

// words are what is compared of two lines: words, and what stands between them.
var words = regexp.MustCompile(`[\pL\pN_]+|\s+|.`)

// differingWords marks the words that two lines do not share, or all of them where they share little.
func differingWords(a, b string) (left, right []markedSpan) {
	x, y := words.FindAllString(a, -1), words.FindAllString(b, -1)
	common := 0
	var changedX, changedY [][2]int
	from := 0
	for _, d := range append(lcs.DiffLines(x, y), lcs.Diff{Start: len(x), End: len(x)}) {
		common += len(strings.Join(x[from:d.Start], ""))
		from = d.End
		changedX, changedY = append(changedX, [2]int{d.Start, d.End}), append(changedY, [2]int{d.ReplStart, d.ReplEnd})
	}
	if 3*common < min(len(a), len(b)) {
		return []markedSpan{{a, true}}, []markedSpan{{b, true}}
	}
	return markedWords(x, changedX), markedWords(y, changedY)
}

// markedWords marks the words within some ranges.
func markedWords(words []string, ranges [][2]int) (spans []markedSpan) {
	for i, word := range words {
		marked := slices.ContainsFunc(ranges, func(r [2]int) bool { return r[0] <= i && i < r[1] })
		if last := len(spans) - 1; i > 0 && spans[last].Marked == marked {
			spans[last].Text += word
		} else {
			spans = append(spans, markedSpan{word, marked})
		}
	}
	return spans
}

func stepViews(d *reports.Divergence) (out []stepView) {
	left := len(d.Steps) - 2*edgeSteps
	teller, beside := describe.Teller{Whole: true}, describe.Beside(d.Steps)
	for i, step := range d.Steps {
		name := operation(step.Operation)
		request, usual := strings.CutPrefix(clean(teller.Step(step)), name)
		if !usual { // by another method of HTTP
			name, request = request, ""
		}
		if len(d.Steps) > maxSteps && i >= edgeSteps && i < edgeSteps+left {
			if i == edgeSteps {
				out = append(out, stepView{Gap: plain.Counted(left, "step") + " left out; the JSON report has them"})
			}
			continue
		}
		view := stepView{S: step, Operation: name, Request: request, Unknown: i >= len(d.States)}
		if beside != nil {
			view.Who = describe.Call{Step: step}.Who()
			others := strings.Trim(strings.ReplaceAll(fmt.Sprint(beside[i]), " ", ", "), "[]")
			view.Beside = cmp.Or(plain.When(others != "", "overlaps "+others), "alone")
		}
		if !view.Unknown {
			view.Unchanged = i > 0 && fmt.Sprint(d.States[i-1]) == fmt.Sprint(d.States[i])
			view.States = slices.Clone(d.States[i][:min(len(d.States[i]), maxStates)])
			for k := range view.States {
				view.States[k].Resource = teller.Resource(view.States[k].Resource)
			}
		}
		out = append(out, view)
	}
	return out
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
		view.Text = clean("HasInsightSelectors: " + has.String())
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
	name = kind + " " + name
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
	replay := plain.Shown(d.Replay, 2*plain.MaxMessage)
	if v.Commands = facts("Replay it with conform", replay, "As a Go test", export("go")); describe.Overlaps(d.Steps) {
		return // no other form has clients
	}
	v.Commands = facts("Replay it with conform", replay,
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

package html

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
)

// comparisonView is the matrix of targets and rules.
type comparisonView struct {
	Columns  []*reportView
	Families []plain.Group[string, *comparisonRow]
	Differ   int // how many rules the targets differ in
	Rules    int
}

type comparisonRow struct {
	Rule    *ruleView
	Differs bool
	Cells   []comparisonCell
}

type comparisonCell struct{ State, Href, Note string }

func newComparison(views []*reportView) *comparisonView {
	out := &comparisonView{Columns: views}
	var list []*comparisonRow
	rows := map[string]*comparisonRow{}
	for i, v := range views {
		for _, rule := range v.Rules {
			if !rule.Counted {
				continue
			}
			row := rows[rule.ID]
			if row == nil {
				row = &comparisonRow{Rule: rule, Cells: slices.Repeat([]comparisonCell{{State: reports.RuleNotJudged, Note: reports.NotMentioned}}, len(views))}
				rows[rule.ID], list = row, append(list, row)
			}
			row.Cells[i] = newComparisonCell(v, rule)
		}
	}
	for _, row := range list {
		if row.Differs = slices.ContainsFunc(row.Cells, func(c comparisonCell) bool { return c.State != row.Cells[0].State }); row.Differs {
			out.Differ++
		}
	}
	out.Rules, out.Families = len(list), plain.GroupBy(list, func(r *comparisonRow) string { return r.Rule.Family })
	return out
}

func newComparisonCell(v *reportView, rule *ruleView) comparisonCell {
	cell := comparisonCell{State: rule.State, Note: rule.Why}
	switch {
	case len(rule.Violations) > 0:
		cell.Href = rule.Violations[0].Name
		if n := len(rule.Violations); n > 1 {
			cell.Note = plain.Counted(n, "divergence")
		}
	case rule.State == reports.RuleDeviates:
		cell.Href = "#" + v.Prefix + "deviations"
	case rule.State == reports.RuleNotCovered:
		cell.Href = "#" + v.Prefix + "not-covered"
	}
	return cell
}

// walkView is the machine of one logging trail as a table: by the selectors that may be on, and what it may log.
type walkView struct {
	Covered, Total int
	Logs           []string
	Rows           []plain.Group[string, *walkCell] // nil where the machine has no such state
	Missing        []*walkCell                      // the states in which something was not covered
}

// walkCell says of a state how many of its requests were covered, and which were not.
type walkCell struct {
	ID, Logs, On   string
	Covered, Total int
	Inputs         []string
}

// The bounds of what is shown.
const (
	maxWalkStates      = 512
	maxWalkInputs      = 64
	maxPrecedenceRules = 60
)

func newWalkView(w *reports.Walk) *walkView {
	if w == nil || len(w.States) == 0 || len(w.States) > maxWalkStates || len(w.Inputs) == 0 || len(w.Inputs) > maxWalkInputs {
		return nil
	}
	v := &walkView{}
	var cells []*walkCell
	for i, state := range w.States {
		c := &walkCell{ID: fmt.Sprintf("walk-%d", i), Logs: logsInWords(state.Logs), On: selectorsInWords(state.On)}
		for k := range min(len(state.Row), len(w.Inputs)) {
			switch state.Row[k] {
			case '+':
				c.Covered++
			case '-':
				c.Inputs = append(c.Inputs, selectorsInWords(w.Inputs[k]))
			}
		}
		c.Total = c.Covered + len(c.Inputs)
		v.Covered, v.Total = v.Covered+c.Covered, v.Total+c.Total
		if c.Covered < c.Total {
			v.Missing = append(v.Missing, c)
			if c.Covered == 0 {
				c.Inputs = []string{"none was covered"}
			}
		}
		if cells = append(cells, c); !slices.Contains(v.Logs, c.Logs) {
			v.Logs = append(v.Logs, c.Logs)
		}
	}
	v.Rows = plain.GroupBy(cells, func(c *walkCell) string { return c.On })
	for i, row := range v.Rows {
		v.Rows[i].Items = make([]*walkCell, len(v.Logs))
		for _, c := range row.Items {
			v.Rows[i].Items[slices.Index(v.Logs, c.Logs)] = c
		}
	}
	return v
}

var shorterSelectors = strings.NewReplacer("ApiCallRateInsight", typeNames[0], "ApiErrorRateInsight", typeNames[1])

func selectorsInWords(s string) string { return clean(shorterSelectors.Replace(s)) }

// precedenceView is the heat map of the pairs of error rules, in the order that was learned.
type precedenceView struct {
	Rules  []precedenceRule
	Counts []*cellKind
	Cycles []string
	Pairs  []*pairView // of which there is something to tell
}

// precedenceRule is a rule with its row.
type precedenceRule struct {
	Number    int
	ID, Code  string
	Reference int         // its place in the reference's order, from 1
	Cells     []*pairView // nil below the diagonal
}

type pairView struct {
	Kind                *cellKind
	ID                  string // where there is something to tell
	Row, Column, Status string
	Cell                reports.PrecedenceCell
}

// cellKind is a way in which a pair is shown.
type cellKind struct {
	Class, Symbol, Text string
	Count               int
}

func newPrecedenceView(p *reports.Precedence) *precedenceView {
	if p == nil {
		return nil
	}
	kinds := []*cellKind{ // in the order of CellStatuses; the row's rule is the one that was learned to come first
		{"row", "◀", "the row's rule is answered", 0},
		{"column", "▲", "the column's rule is answered", 0},
		{"alike", "=", "both alone are answered alike", 0},
		{"other", "≠", "neither's own answer is given", 0},
		{"unstable", "~", "the answer differs from try to try", 0},
		{"uncovered", "–", "the target cannot be brought there", 0},
		{"impossible", "·", "no request breaks exactly these two", 0},
	}
	cells := map[[2]model.ID]reports.PrecedenceCell{}
	for _, c := range p.Cells {
		cells[[2]model.ID{c.First, c.Second}], cells[[2]model.ID{c.Second, c.First}] = c, c
	}
	v := &precedenceView{}
	rules := p.Rules[:min(len(p.Rules), maxPrecedenceRules)]
	for i, id := range rules {
		rule := precedenceRule{i + 1, clean(id), clean(p.Codes[id]), model.Place(id), make([]*pairView, len(rules))}
		for k := i + 1; k < len(rules); k++ {
			pair := &pairView{Row: rule.ID, Column: clean(rules[k]), Cell: cells[[2]model.ID{id, rules[k]}], Kind: &cellKind{Class: "impossible"}}
			if rule.Cells[k] = pair; pair.Cell.Status == "" {
				continue
			}
			pair.ID = fmt.Sprintf("pair-%d-%d", i+1, k+1)
			at := slices.Index(reports.CellStatuses, pair.Cell.Status)
			switch order, ok := pair.Cell.Order(); {
			case ok && order[0] == id:
				at, pair.Status = 0, pair.Row+" is answered"
			case ok:
				at, pair.Status = 1, pair.Column+" is answered"
			case at < 0:
				at = slices.Index(reports.CellStatuses, reports.CellNotCovered)
			}
			pair.Kind = kinds[at]
			pair.Kind.Count++
			pair.Status = cmp.Or(pair.Status, pair.Kind.Text)
			if pair.Kind.Class != "impossible" || pair.Cell.Why != "" || len(pair.Cell.Steps) > 0 {
				v.Pairs = append(v.Pairs, pair)
			}
		}
		v.Rules = append(v.Rules, rule)
	}
	v.Counts = slices.DeleteFunc(kinds, func(kind *cellKind) bool { return kind.Count == 0 })
	for _, cycle := range p.Cycles[:min(len(p.Cycles), maxOnPage)] {
		v.Cycles = append(v.Cycles, strings.Join(cleanAll(cycle), ", "))
	}
	return v
}

// timelineView is two charts over the same time.
type timelineView struct {
	Rate, Latency chart
	Seconds       []string // the marks of the time axis
	Rows          []timelineRow
	Slowest       string
}

// chart is drawn in a box that is stretched to the page; its labels stand beside it, so that they are not.
type chart struct {
	Marks      []string // of the vertical axis, the highest first
	Lines      []int    // where they are
	Area, Line string   // paths
	Points     string   // a path too
}

type timelineRow struct{ From, Requests, Rate, Mean, Slowest string }

const (
	chartWide = 1000
	chartHigh = 240
)

func newTimelineView(timeline []reports.Interval) *timelineView {
	timeline = timeline[:min(len(timeline), 2*maxOnPage)]
	width := 0.1
	if len(timeline) > 1 {
		width = plain.Finite(timeline[1].Seconds - timeline[0].Seconds)
	}
	if len(timeline) == 0 || width <= 0 {
		return nil
	}
	v := &timelineView{}
	step, steps := niceSteps(width*float64(len(timeline)), 8)
	span := step * float64(steps)
	for i := range steps + 1 {
		v.Seconds = append(v.Seconds, number(step*float64(i)))
	}
	busiest, slowest, quickest := 0.0, 0.0, math.Inf(1)
	for i, x := range timeline {
		rate := float64(x.Requests) / width
		busiest = max(busiest, rate)
		slowest = max(slowest, plain.Finite(x.SlowMS), plain.Finite(x.MeanMS))
		if x.MeanMS > 0 {
			quickest = min(quickest, x.MeanMS)
		}
		v.Rows = append(v.Rows, timelineRow{number(width*float64(i)) + " s", plain.Grouped(x.Requests), number(rate), number(plain.Finite(x.MeanMS)), number(plain.Finite(x.SlowMS))})
	}
	v.rate(timeline, width, span, busiest)
	if slowest > 0 && !math.IsInf(quickest, 0) {
		v.latency(timeline, width, span, quickest, slowest)
		v.Slowest = number(slowest) + " ms"
	}
	return v
}

func (v *timelineView) rate(timeline []reports.Interval, width, span, busiest float64) {
	step, steps := niceSteps(max(busiest, 1), 4)
	v.Rate.axis(steps, func(i int) string { return number(step * float64(i)) })
	path := ""
	for i, x := range timeline {
		y := coordinate(chartHigh * (1 - float64(x.Requests)/width/(step*float64(steps))))
		path += fmt.Sprintf("L%s %sH%s", coordinate(chartWide*width*float64(i)/span), y, coordinate(chartWide*width*float64(i+1)/span))
	}
	v.Rate.Line = "M" + path[1:]
	v.Rate.Area = fmt.Sprintf("M0 %d%sV%dZ", chartHigh, path, chartHigh)
}

// latency has a logarithmic axis: the slowest answer may take a thousand times as long as the mean.
func (v *timelineView) latency(timeline []reports.Interval, width, span, quickest, slowest float64) {
	low, high := math.Floor(math.Log10(quickest)), math.Ceil(math.Log10(slowest))
	if high <= low {
		high = low + 1
	}
	every := math.Ceil((high - low) / 5) // powers of ten between marks
	high = low + every*math.Ceil((high-low)/every)
	v.Latency.axis(int((high-low)/every), func(i int) string { return number(math.Pow(10, low+every*float64(i))) })
	height := func(ms float64) string {
		return coordinate(chartHigh * (1 - (math.Log10(ms)-low)/(high-low)))
	}
	command := "M"
	for i, x := range timeline {
		at := coordinate(chartWide * width * (float64(i) + 0.5) / span)
		if !(x.MeanMS > 0) || math.IsInf(x.MeanMS, 0) {
			command = "M"
			continue
		}
		v.Latency.Line += fmt.Sprintf("%s%s %s", command, at, height(x.MeanMS))
		command = "L"
		if x.SlowMS >= x.MeanMS && !math.IsInf(x.SlowMS, 0) {
			v.Latency.Points += fmt.Sprintf("M%s %sV%s", at, height(x.MeanMS), height(x.SlowMS))
		}
	}
}

func (c *chart) axis(steps int, text func(int) string) {
	for i := steps; i >= 0; i-- {
		c.Marks = append(c.Marks, text(i))
		c.Lines = append(c.Lines, chartHigh*(steps-i)/max(steps, 1))
	}
}

// niceSteps is a step of 1, 2 or 5 times a power of ten, and how many of them reach the end: about count.
func niceSteps(end float64, count int) (step float64, steps int) {
	rough := end / float64(count)
	step = math.Pow(10, math.Floor(math.Log10(rough)))
	for _, factor := range []float64{2, 2.5, 2} { // 2, 5, 10
		if step < rough {
			step *= factor
		}
	}
	return step, int(math.Ceil(end/step - 1e-9))
}

// number renders a measure with three digits that matter.
func number(f float64) string {
	if f >= 1000 {
		return plain.Grouped(int(min(f, 1e15) + 0.5))
	}
	text := fmt.Sprintf("%.3g", f)
	if strings.Contains(text, "e") {
		return fmt.Sprintf("%.6f", f)
	}
	return text
}

func coordinate(f float64) string { return strings.TrimSuffix(fmt.Sprintf("%.1f", f), ".0") }

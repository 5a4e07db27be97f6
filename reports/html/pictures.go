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

// walkView is the machine of one logging trail: a panel for each set of events that the trail may log,
// in it a cell for each set of selectors that may be on, in that a dot for each request.
type walkView struct {
	Panels         []walkPanel
	Covered, Total int
	Width, Height  int // of a panel
	CellWide       int
	CellHigh       int
	Axis           []axisLabel
	Missing        []walkMissing
}

type walkPanel struct {
	Logs           string
	Covered, Total int
	Cells          []walkCell
}

type axisLabel struct {
	X, Y int
	Text string
}

type walkCell struct {
	Href                string // to the list of what is missing
	X, Y                int
	Label               string
	Done, Open, Outside string // paths
	Full                bool
}

// walkMissing lists what was not covered in one state.
type walkMissing struct {
	ID, Logs, On string
	Share        string
	Inputs       []string
}

// The measures of the picture. A cell has four dots in a row: the Puts by the sets that they store, then the rest.
const (
	dot       = 6
	dotPitch  = 8
	cellInset = 4
	cellWide  = 4*dotPitch - (dotPitch - dot) + 2*cellInset
	cellGap   = 6
	dotGap    = 3 // between the Puts and the event selectors
	panelLeft = 26
	panelTop  = 18
)

// maxWalkStates and maxWalkInputs bound what is drawn.
const (
	maxWalkStates = 512
	maxWalkInputs = 64
)

func newWalkView(w *reports.Walk, prefix string) *walkView {
	if w == nil || len(w.States) == 0 || len(w.States) > maxWalkStates || len(w.Inputs) == 0 || len(w.Inputs) > maxWalkInputs {
		return nil
	}
	v := &walkView{CellWide: cellWide}
	places, rows := inputPlaces(w.Inputs)
	cellHigh := rows*dotPitch - (dotPitch - dot) + 2*cellInset + dotGap
	v.CellHigh = cellHigh
	panels := map[string]int{}
	lowest := 0
	for i, state := range w.States {
		logs := logsInWords(state.Logs)
		p, ok := panels[logs]
		if !ok {
			p = len(v.Panels)
			panels[logs] = p
			v.Panels = append(v.Panels, walkPanel{Logs: logs})
		}
		panel := &v.Panels[p]
		column, row, ok := setPlace(state.On)
		if !ok {
			column, row = len(panel.Cells)%4, len(panel.Cells)/4
		}
		lowest = max(lowest, row)
		id := fmt.Sprintf("%swalk-%d", prefix, i)
		cell := walkCell{Href: "#" + prefix + "coverage", X: panelLeft + column*(cellWide+cellGap), Y: panelTop + row*(cellHigh+cellGap)}
		covered, total, missing := cell.draw(state.Row, places, w.Inputs)
		cell.Full = covered == total
		on := selectorsInWords(state.On)
		cell.Label = fmt.Sprintf("logs %s, on: %s. %d of %d requests covered", logs, on, covered, total)
		panel.Covered, panel.Total = panel.Covered+covered, panel.Total+total
		v.Covered, v.Total = v.Covered+covered, v.Total+total
		if len(missing) > 0 {
			cell.Href = "#" + id
			if covered == 0 {
				missing = []string{"none was covered"}
			}
			v.Missing = append(v.Missing, walkMissing{id, logs, on, fmt.Sprintf("%d of %d", covered, total), missing})
		}
		panel.Cells = append(panel.Cells, cell)
	}
	for i, text := range [...]string{"off", "M", "D", "M+D"} {
		v.Axis = append(v.Axis, axisLabel{panelLeft + i*(cellWide+cellGap) + cellWide/2, panelTop - 6, text})
		if i <= lowest {
			v.Axis = append(v.Axis, axisLabel{panelLeft/2 - 2, panelTop + i*(cellHigh+cellGap) + cellHigh/2 + 3, text})
		}
	}
	v.Width, v.Height = panelLeft+4*(cellWide+cellGap)-cellGap+2, panelTop+(lowest+1)*(cellHigh+cellGap)-cellGap+2
	return v
}

// draw makes the paths of the dots and returns what the row says.
func (c *walkCell) draw(row string, places [][2]int, inputs []string) (covered, total int, missing []string) {
	for k := range min(len(row), len(places)) {
		path := &c.Outside
		switch row[k] {
		case '+':
			path = &c.Done
			covered++
			total++
		case '-':
			path = &c.Open
			total++
			missing = append(missing, selectorsInWords(inputs[k]))
		}
		*path += fmt.Sprintf("M%d %dh%dv%dh-%dz", c.X+cellInset+places[k][0], c.Y+cellInset+places[k][1], dot, dot, dot)
	}
	return covered, total, missing
}

// inputPlaces says where in a cell the dot of each input stands, and how many rows there are.
func inputPlaces(inputs []string) (places [][2]int, rows int) {
	next := 16 // those that store no set come below
	for _, input := range inputs {
		set, isPut := strings.CutPrefix(input, "Put ")
		column, row, ok := setPlace(set)
		gap := 0
		if !isPut || !ok {
			column, row, gap = next%4, next/4, dotGap
			next++
		}
		places = append(places, [2]int{column * dotPitch, row*dotPitch + gap})
		rows = max(rows, row+1)
	}
	return places, rows
}

// setPlace puts a set of selectors into a square: columns are what the error rate is on for, rows the call rate.
func setPlace(on string) (column, row int, ok bool) {
	var place [len(typeNames)]int
	for part := range strings.SplitSeq(on, "; ") {
		name, categories, _ := strings.Cut(part, ": ")
		i, k := slices.Index(model.TypeNames[:], name), slices.Index(setNames[:], categories)
		switch {
		case on == "off":
		case i < 0 || k < 1:
			return 0, 0, false
		default:
			place[i] = k
		}
	}
	return place[1], place[0], true
}

// setNames are what a type may be on for.
var setNames = [...]string{"", "Management", "Data", "Management, Data"}

var shorterSelectors = strings.NewReplacer("ApiCallRateInsight", typeNames[0], "ApiErrorRateInsight", typeNames[1])

func selectorsInWords(s string) string { return clean(shorterSelectors.Replace(s)) }

// precedenceView is the heat map of the pairs of error rules, in the order that was learned.
type precedenceView struct {
	Rules  []precedenceRule
	Counts []*cellKind
	Cycles []string
	Pairs  []*pairView // of which there is something to tell

	kinds map[string]*cellKind // by status
}

// precedenceRule is a rule with its row.
type precedenceRule struct {
	Number    int
	ID, Code  string
	Reference string      // its place in the reference's order
	Cells     []*pairView // nil below the diagonal
}

type pairView struct {
	Kind                *cellKind
	ID                  string // where there is something to tell
	Row, Column, Status string
	Cell                *reports.PrecedenceCell
}

// cellKind is a way in which a pair is shown.
type cellKind struct {
	Class, Symbol, Text string
	Count               int
}

const maxPrecedenceRules = 60

func newPrecedenceView(p *reports.Precedence) *precedenceView {
	if p == nil {
		return nil
	}
	v := &precedenceView{kinds: map[string]*cellKind{ // the row's rule is the one that was learned to come first
		reports.CellFirst:             {"row", "◀", "the row's rule is answered", 0},
		reports.CellSecond:            {"column", "▲", "the column's rule is answered", 0},
		reports.CellIndistinguishable: {"alike", "=", "both alone are answered alike", 0},
		reports.CellOther:             {"other", "≠", "neither's own answer is given", 0},
		reports.CellUnstable:          {"unstable", "~", "the answer differs from try to try", 0},
		reports.CellNotCovered:        {"uncovered", "–", "the target cannot be brought there", 0},
		reports.CellImpossible:        {"impossible", "·", "no request breaks exactly these two", 0},
	}}
	cells := map[[2]model.ID]*reports.PrecedenceCell{}
	for i, c := range p.Cells {
		cells[[2]model.ID{c.First, c.Second}], cells[[2]model.ID{c.Second, c.First}] = &p.Cells[i], &p.Cells[i]
	}
	rules := p.Rules[:min(len(p.Rules), maxPrecedenceRules)]
	for i, id := range rules {
		rule := precedenceRule{Number: i + 1, ID: clean(id), Code: clean(p.Codes[id]), Cells: make([]*pairView, len(rules))}
		if n := model.Place(id); n > 0 {
			rule.Reference = fmt.Sprint(n)
		}
		for k := i + 1; k < len(rules); k++ {
			rule.Cells[k] = v.pair(cells[[2]model.ID{id, rules[k]}], id, rules[k], fmt.Sprintf("pair-%d-%d", i+1, k+1))
		}
		v.Rules = append(v.Rules, rule)
	}
	for _, status := range reports.CellStatuses {
		if kind := v.kinds[status]; kind.Count > 0 {
			v.Counts = append(v.Counts, kind)
		}
	}
	for _, cycle := range p.Cycles[:min(len(p.Cycles), maxOnPage)] {
		v.Cycles = append(v.Cycles, strings.Join(cleanAll(cycle), ", "))
	}
	return v
}

func (v *precedenceView) pair(c *reports.PrecedenceCell, row, column model.ID, id string) *pairView {
	out := &pairView{Row: clean(row), Column: clean(column), Cell: c, Kind: &cellKind{Class: "impossible"}}
	if c == nil {
		return out
	}
	status := c.Status
	if pair, ok := c.Order(); ok {
		status, out.Status = reports.CellFirst, out.Row+" is answered"
		if pair[0] != row {
			status, out.Status = reports.CellSecond, out.Column+" is answered"
		}
	}
	out.Kind, out.ID = cmp.Or(v.kinds[status], v.kinds[reports.CellNotCovered]), id
	out.Kind.Count++
	out.Status = cmp.Or(out.Status, out.Kind.Text)
	if status != reports.CellImpossible || c.Why != "" || len(c.Steps) > 0 {
		v.Pairs = append(v.Pairs, out)
	}
	return out
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

package html

import (
	"fmt"
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/describe"
	"github.com/insightconform/conform/reports/plain"
)

// overlapView is what several clients did: a row for each, time to the right.
type overlapView struct {
	Width, Height int
	Rows          []*overlapRow
	Gates         []int // where the clients wait for each other
	Why           string
	Tried         string      // says of the orders that were tried what they are
	Orders        [][2]string // with what would have been answered in each
	Number        string      // of the divergence
}

type overlapRow struct {
	Name    string
	Y, High int
	Bars    []*overlapBar
	until   int // the last column that is taken
}

// overlapBar is the time of one call.
type overlapBar struct {
	X, Y, Wide, High int
	Class            string
	Lines            []barLine
	Title            string
	from, to         int
}

type barLine struct {
	X, Y int
	Text string
}

// The measures of the picture, in pixels.
const (
	barText   = 26 // characters of a line
	barLines  = 7
	letter    = 7.3
	lineHigh  = 15
	barPad    = 7
	barGap    = 8
	rowGap    = 10
	nameWide  = 74
	axisHigh  = 24
	mostDrawn = 80 // calls

	mostBefore = 4 // calls with a bar of their own
)

// newOverlapView draws a divergence of several clients; nil where it is of one, or has more calls than one could see.
func newOverlapView(d *reports.Divergence) *overlapView {
	if !describe.Overlaps(d.Steps) || len(d.Steps) > mostDrawn {
		return nil
	}
	v := &overlapView{Why: why(d)}
	v.Tried, v.Orders = describe.Orders(*d)
	rows := map[string]*overlapRow{}
	var bars []*overlapBar
	var parts []int // the columns in which they begin
	for _, part := range describe.Parts(d.Steps) {
		first := part.Calls[0].From
		for _, c := range part.Calls {
			first = min(first, c.From)
			name := plain.When(c.Phase > 0, c.Who())
			if name == "" {
				name = part.Label
			}
			key := name
			for i := 2; rows[key] != nil && rows[key].until >= c.From; i++ { // at rest several may read at once
				key = fmt.Sprint(name, i)
			}
			if rows[key] == nil {
				rows[key] = &overlapRow{Name: name}
				v.Rows = append(v.Rows, rows[key])
			}
			bar := newOverlapBar(part, c)
			if part.Label == describe.LabelBefore && len(part.Calls) > mostBefore && len(bars) > 0 && !c.Diverges {
				bars[0].goOn(bar)
				continue
			}
			rows[key].until, rows[key].Bars, bars = c.To, append(rows[key].Bars, bar), append(bars, bar)
		}
		parts = append(parts, first)
	}
	place := func(r *overlapRow) int { // before, then the clients, then at rest
		return map[string]int{describe.LabelBefore: -1, describe.LabelAtRest: 1}[r.Name]
	}
	slices.SortStableFunc(v.Rows, func(a, b *overlapRow) int {
		if place(a) != place(b) || place(a) != 0 {
			return place(a) - place(b)
		}
		return strings.Compare(fmt.Sprintf("%12s", a.Name), fmt.Sprintf("%12s", b.Name))
	})
	v.layOut(bars, parts)
	return v
}

// goOn lets a bar stand for one more call, where so many are made before that what matters would be out of sight.
func (b *overlapBar) goOn(next *overlapBar) {
	b.Title, b.to = b.Title+"\n"+next.Title, next.to
	b.Lines = []barLine{{Text: strings.Split(b.Lines[0].Text, "–")[0] + "–" + next.Lines[0].Text}}
	b.Wide = int(float64(plain.Length(b.Lines[0].Text))*letter) + 2*barPad
}

func newOverlapBar(part describe.Part, c describe.Call) *overlapBar {
	who := c.Who()
	if c.Phase == 0 {
		who = strings.TrimPrefix(who+", "+part.Label, ", ")
	}
	b := &overlapBar{from: c.From, to: c.To, Class: answer(c.Step).Class,
		Title: clean(fmt.Sprintf("%d. %s: %s → %s", c.Number, who, c.Text, describe.Answer(c.Step)))}
	if c.Diverges {
		b.Class += " wrong"
		b.Title = "This answer cannot be explained. " + b.Title
	}
	say := func(text string) {
		text = clean(text)
		for _, line := range plain.Fold(text, barText, 2) {
			part := strings.TrimRight(text[line.From:line.To], " ")
			b.Lines = append(b.Lines, barLine{X: int(float64(line.Indent) * letter), Text: part})
		}
	}
	number := fmt.Sprint(c.Number)
	if part.Label == describe.LabelBefore && !c.Diverges {
		say(number)
	} else {
		say(plain.When(c.Diverges, "✗ ") + number + " " + c.Text)
		if c.Got != "" {
			say("→ " + c.Got)
		}
	}
	if len(b.Lines) > barLines {
		b.Lines = append(b.Lines[:barLines-1], barLine{Text: "…"})
	}
	for i, line := range b.Lines {
		b.Lines[i].Text = plain.Shorten(line.Text, 2*barText)
		b.Wide = max(b.Wide, line.X+int(float64(plain.Length(b.Lines[i].Text))*letter)+2*barPad)
	}
	b.High = len(b.Lines)*lineHigh + 2*barPad
	return b
}

// layOut gives each bar its place: columns are as wide as the texts need.
func (v *overlapView) layOut(bars []*overlapBar, parts []int) {
	last := 0
	for _, b := range bars {
		last = max(last, b.to)
	}
	edges := make([]int, last+2)
	edges[0] = nameWide
	for column := range last + 1 {
		edges[column+1] = edges[column] + 3*barGap
		if column < bars[0].to && len(parts) > 1 && column < parts[1] {
			edges[column+1] = edges[column] // within the bar of what is before
		}
		for _, b := range bars {
			if b.to == column {
				edges[column+1] = max(edges[column+1], edges[b.from]+b.Wide+barGap)
			}
		}
	}
	y := barGap
	for _, row := range v.Rows {
		row.Y = y
		for _, b := range row.Bars {
			row.High = max(row.High, b.High)
		}
		for _, b := range row.Bars {
			b.X, b.Y, b.Wide, b.High = edges[b.from], y, edges[b.to+1]-edges[b.from]-barGap, row.High
			for i := range b.Lines {
				b.Lines[i].X += b.X + barPad
				b.Lines[i].Y = y + barPad + (i+1)*lineHigh - 4
			}
		}
		y += row.High + rowGap
	}
	for _, column := range parts[1:] {
		v.Gates = append(v.Gates, edges[column]-barGap/2)
	}
	v.Width, v.Height = edges[last+1], y+axisHigh
}

// Below is where the rows end.
func (v *overlapView) Below() int { return v.Height - axisHigh }

// why says in plain words why no order of the calls explains the answer that is marked.
func why(d *reports.Divergence) string {
	number := 0
	for _, s := range d.Steps {
		if s.Diverges {
			number = s.Number
		}
	}
	call, expected, actual := fmt.Sprintf("call %d", number), plain.Alternatives(d.Expected, plain.MaxShown), clean(d.Actual)
	may := " may answer: " + expected + ". It answered: " + actual
	const noOrder = ", which no order explains."
	either := "Calls that overlap may take effect in either order, the others in the order in which they were sent. "
	switch {
	case d.Rule == model.ConcurrentNoCrash:
		return plain.Message("Calls may overlap, and each of them has to be answered as one alone: with success or a documented " +
			"error. What came of " + call + ": " + actual + ".")
	case d.Rule == model.ConcurrentWhole:
		return plain.Message("Any of the Puts that overlap may have come last, so " + call + may + noOrder)
	case d.Rule == model.ConcurrentIsolated:
		return plain.Message("Nothing was written here while the calls overlapped, so all is as it was before, and " + call + may + ".")
	case d.Rule == model.ConcurrentQuiescent:
		return plain.Message("All other calls had ended, so whoever reads has to see the same, and " + call + may + ".")
	case d.Rule == model.TrailDeleteForgets:
		return plain.Message("When all calls had ended the trail was gone. Another one of its name was made, and a new trail starts " +
			"with Insights off, so " + call + may + ".")
	case len(d.Expected) == 0:
		return plain.Message(either + "No such order explains the other answers and that " + call + " answered: " + actual + ".")
	}
	return plain.Message(either + "In all such orders that explain the other answers " + call + may + noOrder)
}

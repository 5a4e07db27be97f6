package describe

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
)

// Part is a time in what several clients did: one alone before, all at once, or what was read at rest.
type Part struct {
	Label string
	Calls []Call
}

// Call is one of its calls in short. Two overlap where they share a column.
type Call struct {
	reports.Step
	Part      string // its label
	Text, Got string
	From, To  int // the columns of time that it takes, from 0
}

// Overlaps reports whether steps are those of several clients, which do not follow one another.
func Overlaps(steps []reports.Step) bool {
	return slices.ContainsFunc(steps, func(s reports.Step) bool { return s.Client > 0 })
}

// Sequence is the steps where they follow one another, and nothing where they do not.
func Sequence(steps []reports.Step) []reports.Step {
	if Overlaps(steps) {
		return nil
	}
	return steps
}

// The labels of what is not done at once.
const (
	LabelBefore = "before"
	LabelAtRest = "at rest"
)

// Parts puts the steps of several clients together that belong to the same time.
func Parts(steps []reports.Step) []Part {
	columns, phases := columnsOf(steps), 0
	named := map[string]bool{}
	for _, s := range steps {
		named[resourceNamed(s)] = s.Client > 0 || named[resourceNamed(s)]
	}
	delete(named, "")
	teller := Teller{Whole: len(named) > 1}
	var parts []Part
	last := -1
	for i, s := range steps {
		label := cmp.Or(plain.When(phases > 0 || s.Client > 0, LabelAtRest), LabelBefore)
		if s.Phase > 0 && s.Phase != last {
			label, last = cmp.Or(plain.When(phases == 0, "at once"), "then"), s.Phase
			phases++
			parts = append(parts, Part{Label: label})
		} else if s.Phase == 0 && (len(parts) == 0 || parts[len(parts)-1].Label != label) {
			parts = append(parts, Part{Label: label})
		}
		at := &parts[len(parts)-1]
		at.Calls = append(at.Calls, Call{Step: s, Part: at.Label, Text: brief(&teller, s), Got: got(s),
			From: columns[i][0], To: columns[i][1]})
	}
	return parts
}

// columnsOf gives each step the columns of time that it takes: a new one begins where a call starts after another's end.
func columnsOf(steps []reports.Step) [][2]int {
	type moment struct {
		at         int64
		step, side int
	}
	var moments []moment
	for i, s := range steps {
		moments = append(moments, moment{s.Start, i, 0}, moment{max(s.End, s.Start), i, 1})
	}
	slices.SortStableFunc(moments, func(a, b moment) int { return cmp.Compare(a.at, b.at) })
	columns, column := make([][2]int, len(steps)), 0
	for i, m := range moments {
		if i > 0 && m.side == 0 && moments[i-1].side == 1 {
			column++
		}
		columns[m.step][m.side] = column
	}
	return columns
}

// Beside lists for each step of several clients the numbers of those that it overlaps.
func Beside(steps []reports.Step) [][]int {
	if !Overlaps(steps) {
		return nil
	}
	columns, out := columnsOf(steps), make([][]int, len(steps))
	for i := range steps {
		for j := range steps[:min(len(steps), maxBeside)] {
			if i != j && columns[i][0] <= columns[j][1] && columns[j][0] <= columns[i][1] {
				out[i] = append(out[i], steps[j].Number)
			}
		}
	}
	return out
}

// maxBeside is how many steps are looked at for those that another overlaps.
const maxBeside = 200

// resourceNamed is the name of the trail or store of a request, without what an ARN has before it.
func resourceNamed(s reports.Step) string {
	for _, member := range resourceMembers {
		if v := s.Request.Get(member); v.Kind() == value.String {
			return v.Text()[strings.LastIndexByte(v.Text(), '/')+1:]
		}
	}
	return ""
}

// shorterTypes are the types of Insights where there is little room.
var shorterTypes = strings.NewReplacer("ApiCallRateInsight", "ApiCallRate", "ApiErrorRateInsight", "ApiErrorRate")

// Set is a set of selectors in short: "[ApiCallRate: Management+Data]".
func Set(set model.Selectors) string { return List(set.Value()) }

// List is a list of selectors in short.
func List(list value.Value) string { return shorterTypes.Replace(Selectors(list)) }

// brief is a request in short.
func brief(t *Teller, s reports.Step) string {
	if model.Op(s.Operation) == model.OpPutEvents && s.Raw == nil && s.Request.Kind() == value.Object {
		logs := " (" + Logged(model.ShownLogs(s.Request)) + ")"
		s.Request = value.Obj("TrailName", s.Request.Get("TrailName"))
		return plain.Text(t.Step(s) + logs)
	}
	return plain.Text(shorterTypes.Replace(t.Step(s)))
}

// got is an answer in short; empty for the success of a write.
func got(s reports.Step) string {
	list, has := s.Answer.Body.Get("InsightSelectors"), s.Answer.Body.Get("Trail").Get("HasInsightSelectors")
	op := model.Op(s.Operation)
	switch {
	case s.Answer.Outcome == reports.OutcomeUnanswered:
		return "no answer"
	case s.Answer.Outcome != reports.OutcomeSuccess:
		return plain.Text(cmp.Or(s.Answer.Code, Answer(s)))
	case op == model.OpTrail && has.Given():
		return plain.Text("HasInsightSelectors " + has.String())
	case !op.Reads() && !s.Diverges:
		return ""
	case list.Kind() == value.List:
		return plain.Text(List(list))
	}
	return "success"
}

// Said is a call with its answer.
func (c Call) Said() string { return c.Text + plain.When(c.Got != "", " → "+c.Got) }

// Who is who sent it.
func (c Call) Who() string { return plain.When(c.Client > 0, fmt.Sprintf("client %d", c.Client)) }

// What a picture in text has room for.
const (
	maxCalls   = 40
	maxColumns = 24
	fewColumns = 4 // which may be wider
)

// Picture tells what several clients did in lines with a label: what was done before, then a line for each call with the
// time that it took, and the answer that cannot be explained marked.
func Picture(steps []reports.Step) (lines [][2]string) {
	parts := Parts(steps)
	shown := 0
	for _, part := range parts {
		label := part.Label
		if label == LabelBefore {
			lines = append(lines, [2]string{label, "  " + inTurn(part.Calls)})
			continue
		}
		first, last, whole, digits := part.Calls[0].From, 0, 0, 0
		for _, c := range part.Calls {
			first, last = min(first, c.From), max(last, c.To)
			whole, digits = max(whole, len(c.Who())), max(digits, len(fmt.Sprint(c.Number)))
		}
		drawn := last-first < maxColumns && (part.Calls[0].Phase > 0 || overlap(part.Calls))
		for i, c := range part.Calls {
			if shown++; shown > maxCalls && !c.Diverges {
				if shown == maxCalls+1 {
					lines = append(lines, [2]string{"", "  … the JSON report has all calls …"})
				}
				continue
			}
			bar := plain.When(drawn, c.bar(first, last)+"  ")
			mark := cmp.Or(plain.When(c.Diverges, "✗ "), "  ")
			who := fmt.Sprintf("%-*s", whole, c.Who()) + plain.When(whole > 0, "  ")
			said := fmt.Sprintf("%*d. %s", digits, c.Number, c.Said())
			lines = append(lines, [2]string{plain.When(i == 0, label), mark + who + bar + said})
		}
	}
	return lines
}

// overlap reports whether some calls share a column.
func overlap(calls []Call) bool {
	for i := range calls[:min(len(calls), maxBeside)] {
		for j := range calls[:i] {
			if calls[i].From <= calls[j].To && calls[j].From <= calls[i].To {
				return true
			}
		}
	}
	return false
}

// Told tells a divergence of several clients in lines with a label: the picture, and the orders that were tried.
func Told(d reports.Divergence) [][2]string {
	lines := Picture(d.Steps)
	title, orders := Orders(d)
	if title != "" {
		lines = append(lines, [2]string{labelTried, "  " + title})
	}
	wide := 0
	for _, o := range orders {
		wide = max(wide, plain.Length(o[0]))
	}
	for _, o := range orders {
		lines = append(lines, [2]string{"", "  " + o[0] + strings.Repeat(" ", wide-plain.Length(o[0])) + "  " + o[1]})
	}
	return lines
}

// labelTried is that of the orders in a picture.
const labelTried = "tried"

// Orders tells the orders of calls that were tried to explain what several clients were answered: a sentence, and of
// some of them the numbers of the calls up to the one that fails, with what that would have been answered.
func Orders(d reports.Divergence) (title string, orders [][2]string) {
	operations := map[int]string{}
	for _, s := range d.Steps {
		operations[s.Number] = plain.Operation(s.Operation)
	}
	for _, o := range d.Orders[:min(len(d.Orders), reports.MaxOrders)] {
		if len(o.Calls) == 0 {
			continue
		}
		fails := o.Calls[len(o.Calls)-1]
		first := max(0, len(o.Calls)-1-maxOrder)
		numbers := strings.Join(plain.Texts(o.Calls[first:len(o.Calls)-1], func(n int) string { return fmt.Sprint(n) }), " ")
		if d.Rule != model.ConcurrentWhole {
			numbers = strings.TrimSpace(fmt.Sprintf("%s%s %d✗", plain.When(first > 0, "… "), numbers, fails))
		} else {
			numbers = cmp.Or(plain.When(numbers != "", numbers+" last"), "none")
		}
		would := plain.Texts(o.Would, func(w string) string { return strings.TrimPrefix(w, "success with ") })
		row := [2]string{numbers, plain.Text(operations[fails] + " would answer " + plain.Alternatives(would, maxWould))}
		if !slices.Contains(orders, row) {
			orders = append(orders, row)
		}
	}
	tried := max(d.OrdersTried, len(orders))
	more := plain.When(tried > len(orders), fmt.Sprintf(", of which %d are shown", len(orders)))
	switch {
	case len(orders) == 0:
	case d.Rule == model.ConcurrentWhole && tried == 1:
		title = "the only Put that may have come last:"
	case d.Rule == model.ConcurrentWhole:
		title = "each Put that may have come last" + more + ":"
	case tried == 1:
		title = "the only order that is possible fails at ✗:"
	default:
		title = plain.Grouped(tried) + " orders of the calls" + more + ". Each fails at ✗:"
	}
	return title, orders
}

// Of an order so many calls are shown before the one that fails, and so much of what that would have been answered.
const (
	maxOrder = 10
	maxWould = 120
)

// bar draws the time of a call between two columns.
func (c Call) bar(first, last int) string {
	end, wide := cmp.Or(plain.When(c.Answer.Outcome == reports.OutcomeUnanswered, "…"), "┤"), 3
	if last-first >= fewColumns {
		wide = 2
	}
	return strings.Repeat(" ", wide*(c.From-first)) + "├" + strings.Repeat("─", wide*(c.To-c.From+1)-2) + end +
		strings.Repeat(" ", wide*(last-c.To))
}

// inTurn tells calls of one client, of those before the others only what they change.
func inTurn(calls []Call) string {
	if calls[0].Part == LabelBefore {
		reads := func(c Call) bool { return model.Op(c.Operation).Reads() && !c.Diverges }
		calls = slices.DeleteFunc(slices.Clone(calls), reads)
	}
	return strings.Join(plain.Texts(calls, func(c Call) string { return c.Text }), " → ")
}

// mostBefore is how many calls before the others a line has room for.
const mostBefore = 3

// atOnce tells of several clients on one line.
func atOnce(steps []reports.Step) string {
	var out []string
	for _, part := range Parts(steps) {
		if part.Label == LabelBefore {
			many := plain.When(len(part.Calls) > mostBefore, "after "+plain.Counted(len(part.Calls), "call"))
			out = append(out, cmp.Or(many, inTurn(part.Calls)))
			continue
		}
		if part.Label == LabelAtRest { // nothing is at once there, or only reads are
			out = append(out, part.Label+": "+inTurn(part.Calls))
			continue
		}
		clients := plain.GroupBy(part.Calls, Call.Who)
		out = append(out, part.Label+": "+strings.Join(plain.Texts(clients, func(g plain.Group[string, Call]) string {
			return plain.When(g.Key != "", g.Key+" ") + inTurn(g.Items)
		}), " while "))
	}
	return plain.Shorten(strings.Join(out, "; "), maxSequence)
}

// Plays says how often the calls of several clients were played, and showed it.
func Plays(d reports.Divergence) string {
	clients := plain.Counted(d.Clients, "client")
	if d.Status == reports.Confirmed && d.Seen == "" {
		return "in recorded calls of " + clients
	}
	if d.Status == reports.Confirmed {
		return plain.Text("in " + d.Seen + " plays with " + clients)
	}
	again := plain.When(d.Seen != "", "; "+d.Seen+" plays of the same calls showed it again")
	return plain.Text(plain.Counted(d.Count, "time") + again +
		"; these calls of " + clients + " are the part of one history that contradicts the rule")
}

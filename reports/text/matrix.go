package text

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
)

// The bounds of what a matrix shows.
const (
	maxTargetName = 32 // characters of a name in the list
	maxColumnName = 18 // and at the head of a column
)

// stateMarks are what stands for each state of a rule where there is room for one character.
var stateMarks = map[string]string{reports.RuleKept: "✓", reports.RuleDeviates: "~", reports.RuleViolated: "✗",
	reports.Unrepeated: "!", reports.RuleNotJudged: "?", reports.RuleNotCovered: "-", reports.RuleKnown: "=",
	reports.RuleBelow: "↓", reports.RuleKeptSoFar: "…", reports.RuleLeftOut: "○", "": " "}

var stateStyles = map[string]style{reports.RuleKept: green, reports.RuleViolated: red,
	reports.RuleNotCovered: dim, reports.RuleLeftOut: dim}

var standingStyles = map[string]style{reports.StandsGood: green, reports.StandsBad: red, reports.StandsUnsure: yellow}

// Matrix writes targets against families of rules, and a line for each rule that some target does not keep.
func Matrix(w io.Writer, m *reports.Matrix, options Options) error {
	p := &page{options: options, most: math.MaxInt}
	p.line(span{plain.Counted(len(m.Columns), "target") + ", " + m.Extent(), bold})
	p.section("targets")
	p.matrixTargets(m.Columns)
	p.section("families of rules")
	p.matrixFamilies(m)
	p.matrixRules(m)
	p.blank()
	occurring := slices.DeleteFunc(slices.Clone(reports.MatrixStates), func(state string) bool {
		return !slices.ContainsFunc(m.Columns, func(c reports.MatrixColumn) bool { return c.States[state] > 0 })
	})
	marks := plain.Texts(occurring, func(state string) string { return stateMarks[state] + " " + state })
	p.say("marks", strings.Join(marks, ", "))
	return p.end(w)
}

func (p *page) matrixTargets(columns []reports.MatrixColumn) {
	names := 0
	for _, c := range columns {
		names = max(names, plain.Length(plain.Shorten(c.Name, maxTargetName)))
	}
	for _, c := range columns {
		p.line(span{fmt.Sprintf("  %2d  %-*s  ", c.Number, names, plain.Shorten(c.Name, maxTargetName)), normal},
			span{c.Outcome(), standingStyles[c.Standing()]})
		run := "; " + c.Started.UTC().Format(time.DateOnly) + plain.When(c.Conform != "", ", conform "+c.Conform)
		p.line(span{"      " + c.InWords(), normal}, span{run, dim})
	}
}

// matrixFamilies writes the table, in as many pieces as the width asks for.
func (p *page) matrixFamilies(m *reports.Matrix) {
	names, widths := 0, make([]int, len(m.Columns))
	for i, c := range m.Columns {
		widths[i] = plain.Length(columnName(c))
	}
	for _, family := range m.Families {
		names = max(names, plain.Length(family.Name))
		for i, cell := range family.Cells {
			widths[i] = max(widths[i], plain.Length(strings.Join(marked(cell), " ")))
		}
	}
	for from, to := 0, 0; from < len(m.Columns); from = to {
		room := cmp.Or(p.options.Width, proseWidth) - names - 2
		for to = from; to < len(m.Columns) && (to == from || room >= widths[to]+2); to++ {
			room -= widths[to] + 2
		}
		if from > 0 {
			p.blank()
		}
		head := strings.Repeat(" ", names+2)
		for i, c := range m.Columns[from:to] {
			head += fmt.Sprintf("  %-*s", widths[from+i], columnName(c))
		}
		p.write(0, 0, []span{{strings.TrimRight(head, " "), dim}})
		for _, family := range m.Families {
			spans, left := []span{{fmt.Sprintf("  %-*s", names, family.Name), normal}}, ""
			for i, cell := range family.Cells[from:to] {
				left += "  "
				for j, state := range statesOf(cell) {
					spans = append(spans, span{left + plain.When(j > 0, " "), normal}, span{marked(cell)[j], stateStyles[state]})
					left = ""
				}
				left += strings.Repeat(" ", widths[from+i]-plain.Length(strings.Join(marked(cell), " ")))
			}
			p.write(0, 0, spans)
		}
	}
}

func columnName(c reports.MatrixColumn) string {
	return fmt.Sprintf("%d %s", c.Number, plain.Shorten(c.Name, maxColumnName))
}

// statesOf lists the states of the rules of a cell, and marked how many are in each.
func statesOf(c reports.MatrixCell) []string {
	return slices.DeleteFunc(slices.Clone(reports.MatrixStates), func(state string) bool { return c.States[state] == 0 })
}

func marked(c reports.MatrixCell) []string {
	return plain.Texts(statesOf(c), func(state string) string { return fmt.Sprint(c.States[state], stateMarks[state]) })
}

// matrixRules writes the rules that some target does not keep, with a mark for each target in the order of the list.
func (p *page) matrixRules(m *reports.Matrix) {
	names, broken := 0, []reports.MatrixRow{}
	for _, family := range m.Families {
		for _, rule := range family.Rules {
			fails := func(c reports.MatrixCell) bool { return c.Seen != "" || c.State == reports.RuleViolated }
			if slices.ContainsFunc(rule.Cells, fails) {
				broken, names = append(broken, rule), max(names, plain.Length(plain.Text(rule.Rule)))
			}
		}
	}
	for _, rule := range broken {
		p.section("rules that some target does not keep, with a mark for each target and what the first of them answers")
		spans, seen := []span{{fmt.Sprintf("  %-*s  ", names, plain.Text(rule.Rule)), normal}}, ""
		for i, cell := range rule.Cells {
			spans = append(spans, span{stateMarks[cell.State], stateStyles[cell.State]})
			if seen == "" && cell.Seen != "" {
				seen = plain.When(len(rule.Cells) > 1, fmt.Sprint(i+1, ": ")) + plain.Shorten(cell.Seen, maxFailure)
			}
		}
		p.write(cmp.Or(p.options.Width, proseWidth), names+len(rule.Cells)+6, append(spans, span{"  " + seen, normal}))
	}
}

package html

import (
	"fmt"
	"slices"

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
	unmentioned := comparisonCell{State: reports.RuleNotTried, Note: "the report does not mention it"}
	var list []*comparisonRow
	rows := map[string]*comparisonRow{}
	for i, v := range views {
		for _, rule := range v.Rules {
			row := rows[rule.ID]
			if row == nil {
				row = &comparisonRow{Rule: rule, Cells: slices.Repeat([]comparisonCell{unmentioned}, len(views))}
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
			cell.Note = fmt.Sprintf("in %d ways", n)
		}
	case rule.State == ruleDeviates:
		cell.Href = "#" + v.Prefix + "deviations"
	case rule.State == reports.RuleNotCovered:
		cell.Href = "#" + v.Prefix + "not-covered"
	}
	return cell
}

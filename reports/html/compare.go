package html

import (
	"fmt"
	"strings"

	"github.com/insightconform/conform/reports"
)

// comparisonView is the matrix of targets and rules.
type comparisonView struct {
	Columns  []*reportView
	Families []comparisonFamily
	Differ   int // how many rules the targets differ in
	Rules    int
}

type comparisonFamily struct {
	Name string
	Rows []comparisonRow
}

type comparisonRow struct {
	Rule    *ruleView
	Differs bool
	Cells   []comparisonCell
}

type comparisonCell struct {
	State, Class string
	Href         string
	Note         string
}

func newComparison(views []*reportView) *comparisonView {
	out := &comparisonView{Columns: views}
	rules := map[string]map[int]*ruleView{}
	families := map[string]int{}
	for i, v := range views {
		for _, rule := range v.Rules {
			if rules[rule.ID] == nil {
				rules[rule.ID] = map[int]*ruleView{}
				k, ok := families[rule.Family]
				if !ok {
					k = len(out.Families)
					families[rule.Family] = k
					out.Families = append(out.Families, comparisonFamily{Name: rule.Family})
				}
				out.Families[k].Rows = append(out.Families[k].Rows, comparisonRow{Rule: rule})
				out.Rules++
			}
			rules[rule.ID][i] = rule
		}
	}
	for f := range out.Families {
		for i := range out.Families[f].Rows {
			row := &out.Families[f].Rows[i]
			for k, v := range views {
				row.Cells = append(row.Cells, newComparisonCell(v, rules[row.Rule.ID][k]))
				row.Differs = row.Differs || row.Cells[k].State != row.Cells[0].State
			}
			if row.Differs {
				out.Differ++
			}
		}
	}
	return out
}

func newComparisonCell(v *reportView, rule *ruleView) comparisonCell {
	if rule == nil {
		return comparisonCell{State: reports.RuleNotTried, Class: stateClass(reports.RuleNotTried), Note: "the report does not mention it"}
	}
	cell := comparisonCell{State: rule.State, Class: rule.Class, Note: rule.Why}
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
	cell.Note = strings.TrimSpace(cell.Note)
	return cell
}

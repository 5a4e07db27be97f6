package html

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/describe"
	"github.com/insightconform/conform/reports/plain"
)

// WriteMatrix writes a page with targets against families of rules.
func WriteMatrix(w io.Writer, m *reports.Matrix) error {
	page := newPage()
	page.Title, page.Overview = "conform: "+plain.Counted(len(m.Columns), "target"), m
	return page.write(w)
}

// matrixTitle says what a matrix comes to.
func matrixTitle(m *reports.Matrix) string {
	if len(m.Columns) == 1 {
		return m.Columns[0].Name + ": " + m.Columns[0].Outcome()
	}
	good := 0
	for i := range m.Columns {
		if m.Columns[i].Standing() == reports.StandsGood {
			good++
		}
	}
	keep := cmp.Or(plain.When(good == 1, "keeps"), "keep")
	return fmt.Sprintf("%d of %d targets %s each rule that applies", good, len(m.Columns), keep)
}

// Where the states of a matrix mean more than those of a report, or less.
var matrixMeanings = map[string]string{
	reports.RuleViolated:   "some answer, also when it was tried again, was one that no reading of the rule accepts",
	reports.RuleKnown:      "violated, and the baseline of the run knows it",
	reports.RuleBelow:      "violated, but the rule is of a level that does not fail the run",
	reports.Unrepeated:     "seen to be violated, but not again on a fresh start, or not tried again",
	reports.RuleKeptSoFar:  "kept until then, in a run that ended early or could not tell",
	reports.RuleKeptInPart: "all that was judged of the family is kept, but not all was judged",
	reports.RuleNotCovered: "the target lacks what the rule needs",
	reports.RuleLeftOut:    "the run was told not to test it",
}

// matrixLegend lists the states that occur, with what they mean.
func matrixLegend(m *reports.Matrix) (legend []fact) {
	occurs := map[string]bool{}
	for _, family := range m.Families {
		for _, cell := range family.Cells {
			occurs[cell.State] = true
			for state := range cell.States {
				occurs[state] = true
			}
		}
	}
	after := slices.Index(reports.MatrixStates, reports.RuleKept) + 1
	for _, state := range slices.Insert(slices.Clone(reports.MatrixStates), after, reports.RuleKeptInPart) {
		if occurs[state] {
			legend = append(legend, fact{state, cmp.Or(matrixMeanings[state], stateMeanings[state])})
		}
	}
	return legend
}

// aboutRule is what this build knows of a rule.
func aboutRule(id model.ID) ruleView {
	rule := model.RuleOf(id)
	if rule == nil {
		return ruleView{ID: clean(id), Statement: "This version of conform does not know the rule."}
	}
	sources := describe.Sources(rule.Source)
	return ruleView{ID: clean(id), Statement: rule.Statement, Level: level(rule.Level), Sources: sources}
}

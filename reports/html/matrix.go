package html

import (
	"cmp"
	"fmt"
	"io"

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

// aboutRule is what this build knows of a rule.
func aboutRule(id model.ID) ruleView {
	rule := model.RuleOf(id)
	if rule == nil {
		return ruleView{ID: clean(id), Statement: "This version of conform does not know the rule."}
	}
	sources := describe.Sources(rule.Source)
	return ruleView{ID: clean(id), Statement: rule.Statement, Level: level(rule.Level), Sources: sources}
}

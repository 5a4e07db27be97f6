package markdown

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/describe"
	"github.com/insightconform/conform/reports/plain"
)

// stateSigns stand before the words of each state.
var stateSigns = map[string]string{reports.RuleViolated: "❌", reports.RuleKnown: "⚠️", reports.RuleBelow: "⚠️",
	reports.Unrepeated: "⚠️", reports.RuleDeviates: "⚠️", reports.RuleKept: "✅", reports.RuleKeptSoFar: "☑️",
	reports.RuleKeptInPart: "☑️", reports.RuleNotJudged: "❔", reports.RuleNotCovered: "➖", reports.RuleLeftOut: "⚪"}

var standingSigns = map[string]string{reports.StandsGood: "✅", reports.StandsBad: "❌", reports.StandsUnsure: "⚠️"}

// Matrix writes targets against families of rules, each rule of a family, and how the runs are repeated.
func Matrix(w io.Writer, m *reports.Matrix) error {
	var b strings.Builder
	b.WriteString("| | target | verdict | rules | run |\n|---:|---|---|---|---|\n")
	head := ""
	for _, c := range m.Columns {
		fmt.Fprintf(&b, "| %d | **%s** | %s %s | %s | %s%s |\n", c.Number, mdPlain(c.Name), standingSigns[c.Standing()],
			mdPlain(c.Outcome()), mdPlain(c.InWords()), c.Started.UTC().Format(time.DateOnly), plain.When(c.Conform != "", ", conform "+mdPlain(c.Conform)))
		head += fmt.Sprintf(" | %d. %s", c.Number, mdPlain(c.Name))
	}
	head += " |\n|---" + strings.Repeat("|---", len(m.Columns)) + "|\n"
	b.WriteString("\n| family" + head)
	for _, family := range m.Families {
		b.WriteString("| " + mdPlain(family.Name))
		for _, cell := range family.Cells {
			fmt.Fprintf(&b, " | %s %s", stateSigns[cell.State], mdPlain(cell.InWords()))
		}
		b.WriteString(" |\n")
	}
	for _, family := range m.Families {
		b.WriteString(markdownFold(mdPlain(family.Name)+": "+plain.Counted(len(family.Rules), "rule")) + "\n| rule" + head)
		for _, rule := range family.Rules {
			b.WriteString("| " + mdCode(string(rule.Rule)))
			for _, cell := range rule.Cells {
				b.WriteString(" | " + stateSigns[cell.State] + " " + cell.State + matrixCell(cell))
			}
			b.WriteString(" |\n")
		}
		b.WriteString("\n</details>\n")
	}
	b.WriteString(markdownFold("What the words mean") + "\n")
	for _, state := range describe.Legend(m) {
		fmt.Fprintf(&b, "- %s %s: %s\n", stateSigns[state[0]], state[0], state[1])
	}
	b.WriteString("\n</details>\n")
	b.WriteString(markdownFold("How the runs are repeated") + "\n")
	for _, c := range m.Columns {
		command := cmp.Or(mdCodeWithin(c.Command, plain.MaxMessage), "not said")
		fmt.Fprintf(&b, "%d. %s: %s\n", c.Number, mdPlain(c.Name), command)
	}
	b.WriteString("\n</details>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// matrixCell says what was seen of a rule, or why it was not judged.
func matrixCell(c reports.MatrixCell) string {
	switch {
	case c.Seen != "":
		more := plain.When(c.More > 0, fmt.Sprintf("; %d more", c.More))
		return ": " + mdCode(c.Seen) + " instead of " + mdCode(c.Expected) + more
	case c.Why != "":
		return ": " + mdPlain(c.Why)
	}
	return ""
}

package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/targets"
)

// Matrix holds targets against families of rules.
type Matrix struct {
	Columns  []MatrixColumn
	Families []MatrixRow
}

// MatrixColumn is one target, as a report has it. All texts are harmless.
type MatrixColumn struct {
	Number          int // from 1
	Name, Address   string
	Started         time.Time
	Conform         string // its version
	Verdict         Verdict
	Partial         bool
	Reason, Command string
	States          map[string]int // of the rules that count
	Judged, Kept    int            // rules
	replayed        bool
}

// MatrixRow is a family of rules, or one of them.
type MatrixRow struct {
	Name  string
	Rule  model.ID // empty of a family
	Cells []MatrixCell
	Rules []MatrixRow // of a family
}

// MatrixCell says how the rules of a row stand with one target.
type MatrixCell struct {
	State  string // of a rule one of MatrixStates, of a family the one that matters most, or RuleKeptInPart
	States map[string]int
	Why    string // of a rule that was not judged
	// Of a rule that is not kept: the operation with what came, what was to come, and how many divergences there are besides.
	Seen, Expected string
	More           int
}

// The states of a rule that a matrix tells apart beside those of a report.
const (
	RuleKnown     = "known"           // violated, as the baseline of the run has it
	RuleBelow     = "below --fail-on" // violated, but of a level that does not fail the run
	RuleKeptSoFar = "kept so far"     // in a run that ended early, or that cannot tell
	RuleLeftOut   = "left out"        // the run was told not to test it
	// RuleKeptInPart is the state of a family of which all that was judged is kept, but not all was judged.
	RuleKeptInPart = "kept in part"
)

// MatrixStates lists the states of a rule in a matrix, what is to be seen first first.
var MatrixStates = []string{RuleViolated, RuleKnown, RuleBelow, Unrepeated, RuleDeviates, RuleKept, RuleKeptSoFar,
	RuleNotJudged, RuleNotCovered, RuleLeftOut}

// NotMentioned is why a rule was not judged that the report does not have.
const NotMentioned = "the report does not mention it"

// NewMatrix makes a matrix of reports that were judged.
func NewMatrix(list []*Report) *Matrix {
	m := &Matrix{}
	outcomes := make([]map[model.ID]string, len(list))
	for i, r := range list {
		outcomes[i] = r.outcomes()
		m.Columns = append(m.Columns, MatrixColumn{Name: matrixName(r.Target), Address: plain.Address(r.Target),
			Started: r.Started, Conform: plain.Text(r.Version), Verdict: r.Verdict, Partial: r.Partial,
			Reason: plain.Message(r.Reason), Command: plain.Message(r.Command),
			States: map[string]int{}, replayed: r.End != nil && r.End.Replayed})
	}
	for _, family := range plain.GroupBy(matrixRules(list), model.ID.Family) {
		row := MatrixRow{Name: plain.Text(family.Key)}
		for _, id := range family.Items {
			rule := MatrixRow{Name: cmp.Or(plain.Text(strings.TrimPrefix(string(id), family.Key+"/")), row.Name), Rule: id}
			for i, r := range list {
				cell := m.Columns[i].cell(r, id, outcomes[i][id])
				rule.Cells = append(rule.Cells, cell)
				if r.Coverage.Counted(id) {
					m.Columns[i].States[cell.State]++
				}
			}
			row.Rules = append(row.Rules, rule)
		}
		m.Families = append(m.Families, row)
	}
	m.Sum()
	return m
}

// matrixName tells a target from others: by what its user calls it, else by where it listens, and by how it is wrong.
func matrixName(t targets.Info) string {
	switch {
	case t.Label != "":
	case t.Fault != "":
		t.Label = t.Name + " --fault " + t.Fault
	case t.Name != "embedded": // which listens elsewhere each time
		t.Label = t.Name + " " + t.Endpoint
	}
	return plain.Named(t)
}

// Sum fills in the cells of the families from those of their rules, and what the targets come to from their states.
func (m *Matrix) Sum() {
	for i := range m.Columns {
		for k := range m.Families {
			m.Families[k].Cells = append(m.Families[k].Cells, m.Families[k].sum(i))
		}
		c := &m.Columns[i]
		c.Number = i + 1
		c.Kept = c.States[RuleKept] + c.States[RuleKeptSoFar] + c.States[RuleDeviates]
		c.Judged = c.Kept + c.States[RuleViolated] + c.States[RuleKnown] + c.States[RuleBelow]
	}
}

// maxForeign bounds how many rules a matrix takes from reports that this build does not know.
const maxForeign = 200

// matrixRules lists the rules that count in any of the reports.
func matrixRules(list []*Report) []model.ID {
	all := Coverage{Rules: map[model.ID]RuleCoverage{}}
	for _, r := range list {
		for i := range model.Rules {
			if id := model.Rules[i].ID; r.Coverage.Counted(id) {
				all.Rules[id] = RuleCoverage{}
			}
		}
		for _, id := range r.Coverage.InOrder() {
			if r.Coverage.Counted(id) && len(all.Rules) < len(model.Rules)+maxForeign {
				all.Rules[id] = RuleCoverage{}
			}
		}
	}
	return all.InOrder()
}

// Extent says how many rules there are, in how many families.
func (m *Matrix) Extent() string {
	rules := 0
	for _, family := range m.Families {
		rules += len(family.Rules)
	}
	return fmt.Sprintf("%d rules in %d families", rules, len(m.Families))
}

// whole reports whether the run was able to say of its target what its verdict says.
func (c *MatrixColumn) whole() bool {
	return (c.Verdict == Conforms || c.Verdict == Diverges) && !c.Partial && !c.replayed
}

// How a target may be shown: as one that conforms, where all that applies to it was tried and is kept; as one that
// diverges; or as neither.
const (
	StandsGood   = "good"
	StandsBad    = "bad"
	StandsUnsure = "unsure"
)

// Standing is how the target may be shown.
func (c *MatrixColumn) Standing() string {
	untried := c.States[Unrepeated] + c.States[RuleNotJudged] + c.States[RuleLeftOut]
	switch {
	case c.Verdict == Diverges:
		return StandsBad
	case c.whole() && c.Judged > 0 && c.Kept == c.Judged && untried == 0:
		return StandsGood
	}
	return StandsUnsure
}

// Outcome is the verdict, and whether the run ended early.
func (c *MatrixColumn) Outcome() string {
	return plain.Text(c.Verdict) + plain.When(c.Partial, ", partial")
}

// InWords says how many of the rules that were judged are kept, and how many could have been judged and were not:
// "41 of 60 rules kept, 18 left out".
func (c *MatrixColumn) InWords() string {
	if c.Judged == 0 {
		return "no rule was judged"
	}
	parts := plain.Tally(", %[2]d %[1]s", c.States, Unrepeated, RuleNotJudged, RuleLeftOut)
	return fmt.Sprintf("%d of %s kept", c.Kept, plain.Counted(c.Judged, "rule")) + strings.Join(parts, "")
}

// cell is how a rule stands with the target of a report, in which it has a state.
func (c *MatrixColumn) cell(r *Report, id model.ID, state string) MatrixCell {
	coverage, mentioned := r.Coverage.Rules[id]
	cell := MatrixCell{State: cmp.Or(state, RuleNotJudged), Why: plain.Text(coverage.Why)}
	switch {
	case !mentioned && state == "":
		cell.Why = NotMentioned
	case state == RuleViolated || state == Unrepeated:
		cell.see(r, id)
	case state == RuleKept && !c.whole():
		cell.State = RuleKeptSoFar
	case state == RuleNotCovered:
		for _, left := range r.LeftOut {
			if slices.Contains(left.Rules, id) {
				cell.State, cell.Why = RuleLeftOut, "by --"+plain.Text(left.By)
			}
		}
	}
	cell.States = map[string]int{cell.State: 1}
	return cell
}

// see takes, of the divergences from a rule, the one that counts most, and of those the one that is told shortest.
func (c *MatrixCell) see(r *Report, id model.ID) {
	c.Why = ""
	length := 0
	for _, d := range r.Divergences {
		if d.Rule != id {
			continue
		}
		c.More++
		seen, state := plain.Text(plain.Operation(d.Operation)+" → "+d.Actual), d.counts()
		worse := slices.Index(MatrixStates, c.State) - slices.Index(MatrixStates, state)
		if c.Seen == "" || cmp.Or(-worse, len(d.Steps)-length, len(seen)-len(c.Seen)) < 0 {
			c.State, c.Seen, length = state, seen, len(d.Steps)
			c.Expected = plain.Alternatives(d.Expected[:min(len(d.Expected), 1)], plain.MaxShown)
		}
	}
	c.More = max(0, c.More-1)
}

// counts is the state in which a matrix shows the rule of a divergence.
func (d Divergence) counts() string {
	switch {
	case d.Status != Confirmed:
		return Unrepeated
	case d.Known:
		return RuleKnown
	case !d.Fails:
		return RuleBelow
	}
	return RuleViolated
}

// sum is how the rules of a family stand with the i-th target.
func (row *MatrixRow) sum(i int) MatrixCell {
	out := MatrixCell{States: map[string]int{}}
	for _, rule := range row.Rules {
		for state, n := range rule.Cells[i].States {
			out.States[state] += n
		}
	}
	out.State = MatrixStates[slices.IndexFunc(MatrixStates, func(state string) bool { return out.States[state] > 0 })]
	if out.State == RuleKept && out.States[RuleKept] < len(row.Rules) {
		out.State = RuleKeptInPart
	}
	return out
}

// InWords counts the rules of a cell by their states: "2 violated, 17 kept, 1 not covered".
func (c MatrixCell) InWords() string {
	return strings.Join(plain.Tally("%[2]d %[1]s", c.States, MatrixStates...), ", ")
}

package reports

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
)

// runOf is the report of a run that went through and in which all rules but those that a change is about are kept.
func runOf(change func(*Report)) *Report {
	r := &Report{Schema: Schema, Version: "v0.1.0", Target: targets.Info{Name: "endpoint", Label: "moto", Version: "5.2", Endpoint: "http://a/"},
		Started: time.Date(2026, 11, 30, 2, 17, 0, 0, time.UTC), End: &End{PutSucceeded: true}, FailOn: model.Observed}
	for _, c := range model.Capabilities {
		r.SetCapability(c, true, "")
	}
	r.Coverage.Rules = map[model.ID]RuleCoverage{}
	for i := range model.Rules {
		r.Coverage.Rules[model.Rules[i].ID] = RuleCoverage{Applicable: model.Rules[i].Everywhere(), Exercised: true}
	}
	if change != nil {
		change(r)
	}
	Judge(r)
	return r
}

// divergesIn adds a divergence from put/replaces-list.
func divergesIn(change func(*Divergence)) func(*Report) {
	return func(r *Report) {
		d := Divergence{Rule: model.PutReplacesList, Signature: fmt.Sprint(len(r.Divergences)), Status: Confirmed, Level: model.Observed, Fails: true,
			Operation: string(model.OpGet), Expected: []string{"[A]", "[B]"}, Actual: "[A, B]", Steps: make([]Step, 4)}
		if change != nil {
			change(&d)
		}
		r.Divergences = append(r.Divergences, d)
		r.Coverage.Rules[d.Rule] = RuleCoverage{Applicable: true, Exercised: true, Violated: d.Status == Confirmed}
	}
}

func covers(c RuleCoverage) func(*Report) {
	return func(r *Report) { r.Coverage.Rules[model.PutReplacesList] = c }
}

// rowsOf has the rows of a matrix by family, and by rule.
func rowsOf(m *Matrix) map[string]MatrixRow {
	rows := map[string]MatrixRow{}
	for _, family := range m.Families {
		rows[family.Name] = family
		for _, rule := range family.Rules {
			rows[string(rule.Rule)] = rule
		}
	}
	return rows
}

// TestMatrixStates: what was violated, what counts less, what was not repeated, judged, covered or asked for, and what is
// kept are told apart in each rule and its family; and a target passes only where all that was asked for was tried and kept.
func TestMatrixStates(t *testing.T) {
	for name, test := range map[string]struct {
		change        func(*Report)
		state, family string
		passes        bool
	}{
		"kept":     {nil, RuleKept, RuleKept, true},
		"violated": {divergesIn(nil), RuleViolated, RuleViolated, false},
		"below":    {divergesIn(func(d *Divergence) { d.Level, d.Fails = model.Inferred, false }), RuleBelow, RuleBelow, false},
		"known":    {divergesIn(func(d *Divergence) { d.Known, d.Fails = true, false }), RuleKnown, RuleKnown, false},
		"unrepeated": {divergesIn(func(d *Divergence) { d.Status = Unrepeated }),
			Unrepeated, Unrepeated, false},
		"not tried again": {divergesIn(func(d *Divergence) { d.Status = NotTried }), Unrepeated, Unrepeated, false},
		"unrepeated, below": {divergesIn(func(d *Divergence) { d.Status, d.Level, d.Fails = Unrepeated, model.Inferred, false }),
			Unrepeated, Unrepeated, false},
		"deviates": {func(r *Report) { r.Deviations = []Deviation{{Rule: model.PutReplacesList, Count: 1}} },
			RuleDeviates, RuleDeviates, true},
		"not judged":  {covers(RuleCoverage{Applicable: true, Why: "no answer"}), RuleNotJudged, RuleKeptInPart, false},
		"not covered": {covers(RuleCoverage{Why: "the target lacks it"}), RuleNotCovered, RuleKeptInPart, true},
		"left out": {func(r *Report) {
			r.LeaveOut("skip put/replaces-list", model.PutReplacesList)
			covers(RuleCoverage{Why: LeftOutBy + "skip put/replaces-list"})(r)
		}, RuleLeftOut, RuleKeptInPart, false},
		"partial":      {func(r *Report) { r.CutShort = []string{"random"} }, RuleKeptSoFar, RuleKeptSoFar, false},
		"interrupted":  {func(r *Report) { r.End.Interrupted = ReasonInterrupted }, RuleKeptSoFar, RuleKeptSoFar, false},
		"inconclusive": {func(r *Report) { r.End.PutSucceeded = false }, RuleKeptSoFar, RuleKeptSoFar, false},
		"failed":       {func(r *Report) { r.End.Failed = "oh" }, RuleKeptSoFar, RuleKeptSoFar, false},
		"replayed": {func(r *Report) {
			r.End.Replayed, r.Replays = true, []Replay{{Outcome: ReplayFixed}}
		}, RuleKeptSoFar, RuleKeptSoFar, false},
		"not mentioned": {func(r *Report) { delete(r.Coverage.Rules, model.PutReplacesList) }, RuleNotJudged, RuleKeptInPart, false},
		"nothing listens": {func(r *Report) {
			r.End = &End{Lost: "nothing listens"}
			r.Coverage.Rules, r.Capabilities = nil, nil
		}, RuleNotJudged, RuleNotJudged, false},
	} {
		m := NewMatrix([]*Report{runOf(test.change)})
		rows, c := rowsOf(m), &m.Columns[0]
		rule, family := rows[string(model.PutReplacesList)], rows["put"]
		assert.Equal(t, test.state, rule.Cells[0].State, name)
		assert.Equal(t, test.family, family.Cells[0].State, name)
		assert.Equal(t, test.passes, c.Standing() == StandsGood, name)
		assert.Contains(t, MatrixStates, test.state, name)

		all := 0
		for _, n := range c.States {
			all += n
		}
		states, _, judged := runOf(test.change).Coverage.Counts()
		assert.Equal(t, judged, c.Judged, name)
		assert.Equal(t, states[RuleKept]+states[RuleDeviates], c.Kept, name)
		assert.GreaterOrEqual(t, all, c.Judged, name)
		assert.Equal(t, len(family.Rules), family.Cells[0].count(), name)
	}
}

func (c MatrixCell) count() (n int) {
	for k := range maps.Values(c.States) {
		n += k
	}
	return n
}

// TestMatrixTellsTheShortest: of the divergences from a rule, the one that counts most is told, of those the shortest.
func TestMatrixTellsTheShortest(t *testing.T) {
	m := NewMatrix([]*Report{runOf(func(r *Report) {
		divergesIn(func(d *Divergence) { d.Known, d.Fails, d.Steps, d.Actual = true, false, nil, "known" })(r)
		divergesIn(func(d *Divergence) { d.Actual, d.Steps = "of many steps", make([]Step, 9) })(r)
		divergesIn(nil)(r)
		divergesIn(func(d *Divergence) { d.Actual = "[A, B, C]" })(r)
		divergesIn(func(d *Divergence) { d.Status, d.Actual, d.Steps = Unrepeated, "unrepeated", nil })(r)
	}), runOf(nil)})
	rule := rowsOf(m)[string(model.PutReplacesList)]
	want := MatrixCell{State: RuleViolated, States: map[string]int{RuleViolated: 1}, Seen: "Get → [A, B]", Expected: "[A]", More: 4}
	assert.Equal(t, want, rule.Cells[0])
	assert.Equal(t, MatrixCell{State: RuleKept, States: map[string]int{RuleKept: 1}}, rule.Cells[1])
}

// TestMatrixInWords: a family counts its rules by their states, the worst first, and a target those that are kept.
func TestMatrixInWords(t *testing.T) {
	m := NewMatrix([]*Report{runOf(divergesIn(nil)), runOf(func(r *Report) {
		for id := range r.Coverage.Rules {
			if id != model.PutReplacesList {
				r.LeaveOut("only put/replaces-list", id)
				r.Coverage.Rules[id] = RuleCoverage{Why: LeftOutBy + "only put/replaces-list"}
			}
		}
	}), runOf(func(r *Report) { r.End, r.Coverage.Rules, r.Capabilities = &End{Lost: "gone"}, nil, nil })})
	put := rowsOf(m)["put"]
	n := len(put.Rules)
	assert.Equal(t, fmt.Sprintf("1 violated, %d kept", n-1), put.Cells[0].InWords())
	assert.Equal(t, fmt.Sprintf("1 kept, %d left out", n-1), put.Cells[1].InWords())
	assert.Equal(t, fmt.Sprintf("%d not judged", n), put.Cells[2].InWords())
	assert.Equal(t, "by --only put/replaces-list", rowsOf(m)[string(model.PutStores)].Cells[1].Why)

	columns := slices.Collect(func(yield func(string) bool) {
		for i := range m.Columns {
			yield(m.Columns[i].Outcome() + ": " + m.Columns[i].InWords())
		}
	})
	all := m.Columns[0].Judged
	require.Equal(t, "moto 5.2", m.Columns[0].Name)
	assert.Equal(t, []string{fmt.Sprintf("diverges: %d of %d rules kept", all-1, all),
		fmt.Sprintf("conforms: 1 of 1 rule kept, %d left out", all-1), "inconclusive, partial: no rule was judged"}, columns)
}

// TestMatrixOfForeignReports: rules that this build does not know have rows, harmless and not without bound.
func TestMatrixOfForeignReports(t *testing.T) {
	m := NewMatrix([]*Report{runOf(func(r *Report) {
		for i := range 1000 {
			r.Coverage.Rules[model.ID(fmt.Sprintf("future\x1b/%04d\x1b", i))] = RuleCoverage{Applicable: true, Exercised: true}
		}
	}), runOf(nil)})
	future := m.Families[len(m.Families)-1]
	assert.Equal(t, `future\x1b`, future.Name)
	assert.Equal(t, `0000\x1b`, future.Rules[0].Name)
	assert.Equal(t, RuleKept, future.Rules[0].Cells[0].State)
	assert.Equal(t, NotMentioned, future.Rules[0].Cells[1].Why)
	assert.LessOrEqual(t, len(future.Rules), maxForeign+len(model.Rules))
}

// TestMatrixNames: a target is called what its user calls it, else it is told from others by where it listens, or its fault.
func TestMatrixNames(t *testing.T) {
	for want, info := range map[string]targets.Info{
		"moto 5.2":                 {Name: "endpoint", Label: "moto", Version: "5.2", Endpoint: "http://a/"},
		"endpoint http://a/ 5.2":   {Name: "endpoint", Version: "5.2", Endpoint: "http://a/"},
		"embedded":                 {Name: "embedded", Endpoint: "http://127.0.0.1:40211/"},
		"embedded --fault appends": {Name: "embedded", Endpoint: "http://127.0.0.1:40211/", Fault: "appends"},
		"mine":                     {Name: "embedded", Label: "mine", Fault: "appends"},
		"account":                  {Name: "account"},
	} {
		m := NewMatrix([]*Report{runOf(func(r *Report) { r.Target = info })})
		assert.Equal(t, want, m.Columns[0].Name)
	}
}

package describe

import (
	"cmp"
	"slices"

	"github.com/insightconform/conform/reports"
)

// StateMeanings says what the states of a rule in a report mean.
var StateMeanings = map[string]string{
	reports.RuleViolated:   "some answer, also when it was tried again, was one that no reading of the rule accepts",
	reports.RuleDeviates:   "put to the test, and kept with an answer that is accepted although it is not the reference one",
	reports.RuleKept:       "put to the test, and every answer was the reference one",
	reports.RuleNotJudged:  "no answer that could have shown it broken was judged, or none could have",
	reports.RuleNotCovered: "the target lacks what the rule needs, or the rule was left out",
}

// matrixMeanings are those of the states that a matrix tells apart.
var matrixMeanings = map[string]string{
	reports.RuleKnown:      "violated, and the baseline of the run knows it",
	reports.RuleBelow:      "violated, but the rule is of a level that does not fail the run",
	reports.Unrepeated:     "seen to be violated, but not again on a fresh start, or not tried again",
	reports.RuleKeptSoFar:  "kept until then, in a run that ended early or could not tell",
	reports.RuleKeptInPart: "all that was judged of the family is kept, but not all was judged",
	reports.RuleNotCovered: "the target lacks what the rule needs",
	reports.RuleLeftOut:    "the run was told not to test it",
}

// Legend lists the states that occur in a matrix, with what they mean.
func Legend(m *reports.Matrix) (legend [][2]string) {
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
			legend = append(legend, [2]string{state, cmp.Or(matrixMeanings[state], StateMeanings[state])})
		}
	}
	return legend
}

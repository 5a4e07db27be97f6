package reports

import (
	"fmt"
	"regexp"
	"slices"
)

// worst lists the divergences that count most first: what fails the run, then the rest, each in the
// report's order.
func (r *Report) worst() []Divergence {
	list := slices.Clone(r.Divergences)
	slices.SortStableFunc(list, func(a, b Divergence) int { return compareBool(a.Fails, b.Fails) })
	return list
}

// failsRun reports whether a divergence made the verdict. One that did not repeat says nothing about a
// target that may answer late.
func (r *Report) failsRun(d Divergence) bool {
	return d.Fails && (d.Status != Unrepeated || !r.Target.Eventual)
}

// standing says of a divergence in a few words what it counts for.
func (r *Report) standing(d Divergence) string {
	switch {
	case d.Known:
		return "known to the baseline"
	case d.Status == Unrepeated && r.failsRun(d):
		return "fails, unrepeated"
	case d.Status == Unrepeated:
		return "unrepeated"
	case d.Fails:
		return "fails"
	}
	return "below --fail-on " + r.FailOn.String()
}

// maxDetailed bounds the steps that the details of one divergence show.
const maxDetailed = 40

// details tells a divergence in lines of harmless text. Each begins with words of conform's own.
func (r *Report) details(d Divergence) []string {
	var lines []string
	say := func(label, text string) { lines = append(lines, fmt.Sprintf("%-*s%s", labelWidth, label, text)) }
	say("rule", shown(string(d.Rule), maxShown)+", "+d.Level.String()+": "+shown(d.Statement, maxShown))
	resource := ""
	for i, step := range d.Steps {
		text := shown(describeStep(step, &resource), maxShown)
		if left := len(d.Steps) - maxDetailed; left > 0 && i > 0 && i <= left {
			if i == 1 {
				say("", fmt.Sprintf("… %s …", counted(left, "step")))
			}
			continue
		}
		label := "sequence"
		if i > 0 {
			label = ""
		}
		mark, room := " ", maxShown
		if step.Diverges {
			mark, room = "✗", maxMessage
		}
		say(label, fmt.Sprintf("%s %d. %s → %s", mark, step.Number, text, shown(describeAnswer(step), room)))
	}
	say("expected", alternatives(d.Expected, maxShown))
	say("actual", shown(d.actual(), maxShown))
	say("see", d.provenance())
	if d.Known {
		say("known", shown(d.Reason, maxShown))
	}
	label := "reproduce"
	for _, command := range []string{d.Replay, r.Command} {
		if command != "" {
			say(label, shown(command, maxMessage))
			label = "or"
		}
	}
	return lines
}

// plainWord matches what a shell takes as it stands.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:,=@%+-]+$`)

func shellWord(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return bashLiteral(word)
}

// Package describe tells of steps, answers and divergences in words that all formats share.
package describe

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
)

// WorstFirst lists the divergences that count most first: what fails the run, then the rest, in the report's order.
func WorstFirst(r *reports.Report) []reports.Divergence {
	others := slices.Clone(r.Divergences)
	fails := slices.DeleteFunc(slices.Clone(others), func(d reports.Divergence) bool { return !d.Fails })
	return append(fails, slices.DeleteFunc(others, func(d reports.Divergence) bool { return d.Fails })...)
}

// Standing says of a divergence in a few words what it counts for.
func Standing(r *reports.Report, d reports.Divergence) string {
	switch {
	case d.Known:
		return "known to the baseline"
	case d.Status == reports.Unrepeated && r.FailsRun(d):
		return "fails, unrepeated"
	case d.Status == reports.Unrepeated:
		return "unrepeated"
	case d.Fails:
		return "fails"
	}
	return "below --fail-on " + r.FailOn.String()
}

// labelWidth is how wide the labels of details are.
const labelWidth = 12

// maxDetailed bounds the steps that the details of one divergence show.
const maxDetailed = 40

// Details tells a divergence in lines of harmless text. Each begins with words of conform's own.
func Details(r *reports.Report, d reports.Divergence) []string {
	var lines []string
	say := func(label, text string) { lines = append(lines, fmt.Sprintf("%-*s%s", labelWidth, label, text)) }
	say("rule", plain.Text(d.Rule)+", "+d.Level.String()+": "+plain.Text(d.Statement))
	resource, label := "", "sequence"
	for i, step := range d.Steps {
		text := plain.Text(Step(step, &resource))
		if left := len(d.Steps) - maxDetailed; left > 0 && i > 0 && i <= left {
			if i == 1 {
				say("", fmt.Sprintf("… %s …", plain.Counted(left, "step")))
			}
			continue
		}
		mark, room := " ", plain.MaxShown
		if step.Diverges {
			mark, room = "✗", plain.MaxMessage
		}
		say(label, fmt.Sprintf("%s %d. %s → %s", mark, step.Number, text, plain.Shown(Answer(step), room)))
		label = ""
	}
	say("expected", plain.Alternatives(d.Expected, plain.MaxShown))
	say("actual", plain.Text(Actual(d)))
	say("see", Provenance(d))
	if d.Known {
		say("known", plain.Text(d.Reason))
	}
	label = "reproduce"
	for _, command := range []string{d.Replay, r.Command} {
		if command != "" {
			say(label, plain.Message(command))
			label = "or"
		}
	}
	return lines
}

// Actual names the kind of the wrong answer and, of a success, what it shows.
func Actual(d reports.Divergence) string {
	for _, step := range d.Steps {
		if list := step.Answer.Body.Get("InsightSelectors"); step.Diverges && strings.HasPrefix(d.Actual, "other") && list.Given() {
			return d.Actual + ": " + Selectors(list)
		}
	}
	return d.Actual
}

// Provenance says what a divergence rests on and how often it was seen.
func Provenance(d reports.Divergence) string {
	text := d.Level.String() + "; seen " + plain.Counted(d.Count, "time")
	if d.Seen != "" {
		text += ", in " + d.Seen + " tries"
	}
	if len(d.Also) > 0 {
		text += "; also " + strings.Join(d.Also, ", ")
	}
	if source := strings.Join(Sources(d.Source), "; "); source != "" {
		text += "; " + source
	}
	return plain.Text(text)
}

// Outcome says what a run came to beside its verdict: " (exit 1): 3 divergences, 2 documented, 1 unrepeated".
func Outcome(r *reports.Report) string {
	kinds := map[string]int{}
	for _, d := range r.Divergences {
		if d.Status == reports.Unrepeated {
			kinds[d.Status]++
		} else {
			kinds[d.Level.String()]++
		}
	}
	text := fmt.Sprintf(" (exit %d", r.ExitCode)
	if r.Partial {
		text += ", partial"
	}
	text += ")"
	if len(r.Divergences) > 0 {
		text += ": " + strings.ReplaceAll(plain.Counted(len(r.Divergences), "divergence"), ",", "")
	}
	for _, kind := range []string{model.Documented.String(), model.Observed.String(), model.Inferred.String(), reports.Unrepeated} {
		if kinds[kind] > 0 {
			text += fmt.Sprintf(", %d %s", kinds[kind], kind)
		}
	}
	return text
}

// LevelMeanings says what each level of evidence means.
var LevelMeanings = map[model.Level]string{
	model.Documented: "the API reference, user guide or service model says so",
	model.Observed:   "a recorded answer of the real service says so",
	model.Inferred:   "the documentation is silent; this reference was chosen so that there is one",
}

// Answers says what a broken rule is answered with: the reference answer, and what is accepted beside it.
func Answers(rule *model.Rule) (answers [][2]string) {
	if rule.Code != "" {
		answers = append(answers, [2]string{"reference", fmt.Sprintf("%s, place %d in the order of errors", rule.Code, model.Place(rule.ID))})
	}
	accepted := slices.Clone(rule.Also)
	if rule.MayPass {
		accepted = slices.Insert(accepted, 0, "success")
	}
	if len(accepted) > 0 {
		answers = append(answers, [2]string{"accepted", strings.Join(accepted, ", ")})
	}
	return answers
}

// sources explains the abbreviations in Rule.Source.
var sources = map[string]string{
	"S0":  "API reference page of PutInsightSelectors",
	"API": "CloudTrail API Reference, other pages",
	"SM":  "service model (botocore 1.44.8, 2026-11)",
	"UG":  "CloudTrail User Guide",
	"CFN": "CloudFormation resource schemas",
	"TF":  "terraform-provider-aws, recorded acceptance runs (PRs 12390, 37591)",
	"W": "recorded wire bodies (aws-sdk-go-v2 issue 1957, a 2021 terraform debug log, cloudbeat issue 1750, placebo recordings of " +
		"cloud-custodian, log records of invictus-ir/aws_dataset and stratus-red-team, error texts in public issues: " +
		"steampipe-plugin-aws 577, cq-provider-aws 405, aws-recon 22, cloud-nuke 906, aws-cli 3048, aws-cdk 13966)",
	"LAB": "one third-party lab, 2026-03, weak",
	"-":   "no source: the documentation is silent",
}

// Sources spells the abbreviations of a rule's source out.
func Sources(source string) []string {
	return plain.Texts(strings.Split(source, ","), func(part string) string {
		part = strings.TrimSpace(part)
		return cmp.Or(sources[part], part)
	})
}

// Absent lists the capabilities that a run did not cover.
func Absent(r *reports.Report) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(r.Capabilities)), func(name string) bool {
		return r.Capabilities[name] != reports.Absent
	})
}

// Lacking lists them by the reason, as it may be shown.
func Lacking(r *reports.Report) []plain.Group[string, string] {
	reasons := plain.GroupBy(Absent(r), func(name string) string { return plain.Text(r.NotCovered[name]) })
	return reasons[:min(len(reasons), maxReasons)]
}

// maxReasons bounds how many reasons Lacking tells.
const maxReasons = 200

// Machine says how large the machine of a complete suite is.
func Machine(c *reports.Certificate) string {
	return plain.Counted(c.States, "state") + ", " + plain.Counted(len(c.Inputs), "input") + ", " +
		plain.Counted(c.Transitions, "transition")
}

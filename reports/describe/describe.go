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
	return append(Failing(r), slices.DeleteFunc(slices.Clone(r.Divergences), func(d reports.Divergence) bool { return d.Fails })...)
}

// Failing lists the divergences that fail the run, or would.
func Failing(r *reports.Report) []reports.Divergence {
	return slices.DeleteFunc(slices.Clone(r.Divergences), func(d reports.Divergence) bool { return !d.Fails })
}

// ByRule puts the divergences of a rule together.
func ByRule(list []reports.Divergence) []plain.Group[model.ID, reports.Divergence] {
	return plain.GroupBy(list, func(d reports.Divergence) model.ID { return d.Rule })
}

// Cause tells a divergence from others of its rule: by its operation, and a member that it is about.
func Cause(d reports.Divergence) string {
	parts := strings.SplitN(d.Signature, "|", 5)
	return plain.Text(cmp.Or(plain.Operation(d.Operation), "any operation") + plain.When(len(parts) == 5, ": "+parts[len(parts)-1]))
}

// Standing says of a divergence in a few words what it counts for.
func Standing(r *reports.Report, d reports.Divergence) string {
	switch {
	case d.Known:
		return "known to the baseline"
	case d.Status != reports.Confirmed && r.FailsRun(d):
		return "fails, " + d.Status
	case d.Status != reports.Confirmed:
		return d.Status
	case d.Fails:
		return "fails"
	}
	return "below --fail-on " + r.FailOn.String()
}

// The bounds of what is shown.
const (
	labelWidth  = 12  // of details
	maxDetailed = 40  // steps in the details of one divergence
	maxReasons  = 200 // that Lacking tells
)

// Details tells a divergence in lines of harmless text. Each begins with words of conform's own.
func Details(r *reports.Report, d reports.Divergence) []string {
	var lines []string
	say := func(label, text string) { lines = append(lines, fmt.Sprintf("%-*s%s", labelWidth, label, text)) }
	say("rule", plain.Text(d.Rule)+", "+d.Level.String()+": "+plain.Text(d.Statement))
	var teller Teller
	if Overlaps(d.Steps) {
		for _, line := range Told(d) {
			say(line[0], line[1])
		}
	}
	label := "sequence"
	for i, step := range Sequence(d.Steps) {
		text := plain.Text(teller.Step(step))
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
	say("actual", plain.Text(d.Actual))
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

// Provenance says what a divergence rests on and how often it was seen.
func Provenance(d reports.Divergence) string {
	source := strings.Join(Sources(d.Source), "; ")
	seen := plain.Counted(d.Count, "time") + plain.When(d.Seen != "", ", in "+d.Seen+" tries")
	if d.Clients > 0 {
		seen = Plays(d)
	}
	return plain.Text(d.Level.String() + "; seen " + seen + plain.When(d.Rate != "", ", at a rate of "+d.Rate) +
		plain.When(len(d.Also) > 0, "; also "+strings.Join(Also(d), ", ")) + plain.When(source != "", "; "+source))
}

// Also lists as what else a divergence shows.
func Also(d reports.Divergence) []string {
	list := plain.Texts(d.Also, Signature)
	slices.Sort(list)
	return slices.Compact(list)
}

// Signature tells in words what a signature is of: rule and operation, an error code that was answered, and a member.
// What else it has are kinds of answer, for programs to compare.
func Signature(signature string) string {
	parts := strings.Split(signature, "|")
	if len(parts) == 1 {
		return plain.Text(signature)
	}
	if len(parts) < 4 { // of several clients: an operation, and what it is about
		return plain.Text(parts[0] + " (" + strings.Join(plain.Texts(parts[1:], plain.Operation), ", ") + ")")
	}
	about := []string{plain.Operation(parts[1]), plain.When(strings.HasSuffix(parts[3], "Exception"), parts[3])}
	about = slices.DeleteFunc(append(about, parts[4:]...), func(part string) bool { return part == "" })
	return plain.Text(parts[0] + plain.When(len(about) > 0, " ("+strings.Join(about, ", ")+")"))
}

// Outcome says what a run came to beside its verdict: " (exit 1): 3 divergences, 2 documented, 1 unrepeated".
func Outcome(r *reports.Report) string {
	kinds := map[string]int{}
	for _, d := range r.Divergences {
		if d.Status != reports.Confirmed {
			kinds[d.Status]++
		} else {
			kinds[d.Level.String()]++
		}
	}
	text := fmt.Sprintf(" (exit %d%s)", r.ExitCode, plain.When(r.Partial, ", partial"))
	if len(r.Divergences) > 0 {
		text += ": " + strings.ReplaceAll(plain.Counted(len(r.Divergences), "divergence")+" from "+
			plain.Counted(len(ByRule(r.Divergences)), "rule"), ",", "")
	}
	order := []string{model.Documented.String(), model.Observed.String(), model.Inferred.String(), reports.Unrepeated, reports.NotTried}
	return text + strings.Join(plain.Tally(", %[2]d %[1]s", kinds, order...), "")
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

// Absent lists the capabilities that a run did not cover, what matters most first.
func Absent(r *reports.Report) []string {
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(r.Capabilities)), func(name string) bool {
		return r.Capabilities[name] != reports.Absent || r.NotCovered[name] == reports.NotNeeded
	})
	slices.SortStableFunc(names, func(a, b string) int { return weight(a) - weight(b) })
	return names
}

// byWeight are the capabilities in the order in which a report tells of them: what is tested, what shows it, and what it
// is tested on; then the rest.
var byWeight = append([]model.Capability{model.CanPut, model.CanGet, model.CanGetTrail, model.CanCreate,
	model.CanUpdate, model.CanDelete, model.CanStores}, model.Capabilities...)

func weight(capability string) int {
	place := slices.Index(byWeight, model.Capability(capability))
	return cmp.Or(max(place+1, 0), len(byWeight)+1)
}

// Lacking lists them by the reason, as it may be shown.
func Lacking(r *reports.Report) []plain.Group[string, string] {
	reasons := plain.GroupBy(Absent(r), func(name string) string { return plain.Text(r.NotCovered[name]) })
	return reasons[:min(len(reasons), maxReasons)]
}

// Rules counts the rules by their state.
func Rules(r *reports.Report) string {
	states, _, _ := r.Coverage.Counts()
	for _, left := range r.LeftOut {
		states["left out"] += len(left.Rules)
		states[reports.RuleNotCovered] -= len(left.Rules)
	}
	return strings.Join(plain.Tally("%s %d", states, append(slices.Clone(reports.RuleStates), "left out")...), ", ")
}

// LeftOut says how many of the rules were left out, and by what; empty where none was.
func LeftOut(r *reports.Report) string {
	states, _, _ := r.Coverage.Counts()
	left, all, parts := 0, 0, []string{}
	for _, n := range states {
		all += n
	}
	for _, l := range r.LeftOut {
		left += len(l.Rules)
		parts = append(parts, plain.When(len(r.LeftOut) > 1, plain.Grouped(len(l.Rules))+" ")+"by --"+plain.Text(l.By))
	}
	return plain.When(left > 0, fmt.Sprintf("%d of %s", left, plain.Counted(all, "rule"))+
		plain.When(len(parts) > 1, ":")+" "+strings.Join(parts, ", "))
}

// NotJudged lists the applicable rules that were not judged, with the reason of each, as they may be shown. Of those with
// the same reason so many are named, and the rest is counted.
func NotJudged(r *reports.Report, most int) []string {
	rules := slices.DeleteFunc(r.Coverage.InOrder(), func(id model.ID) bool {
		return !r.Coverage.Rules[id].Applicable || r.Coverage.Rules[id].Judged()
	})
	reasons := plain.GroupBy(rules, func(id model.ID) string { return r.Coverage.Rules[id].Why })
	return plain.Texts(reasons, func(g plain.Group[string, model.ID]) string {
		names := plain.Texts(g.Items, plain.Text[model.ID])
		if left := len(names) - most; left > 1 {
			names = append(names[:most], fmt.Sprintf("%d more", left))
		}
		return strings.TrimSuffix(strings.Join(names, ", ")+" ("+plain.Text(g.Key)+")", " ()")
	})
}

// Machine says how large the machine of a complete suite is.
func Machine(c *reports.Certificate) string {
	return plain.Counted(c.States, "state") + ", " + plain.Counted(len(c.Inputs), "input") + ", " +
		plain.Counted(c.Transitions, "transition")
}

// Package describe tells of steps, answers and divergences in words that all formats share.
package describe

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
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
	leastStep   = 15  // characters of a step that is cut, for a reader to see what it is
)

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

// Actual names the kind of the wrong answer and, of a success, what it shows; where no answer came, why.
func Actual(d reports.Divergence) string {
	for _, step := range d.Steps {
		if list := step.Answer.Body.Get("InsightSelectors"); step.Diverges && strings.HasPrefix(d.Actual, "other") && list.Given() {
			return d.Actual + ": " + Selectors(list)
		}
	}
	if n := len(d.Steps); n > 0 && (d.Actual == "a panic" || d.Actual == "no answer") && d.Steps[n-1].Answer.Problem != "" {
		return d.Actual + ": " + d.Steps[n-1].Answer.Problem
	}
	return d.Actual
}

// Provenance says what a divergence rests on and how often it was seen.
func Provenance(d reports.Divergence) string {
	source := strings.Join(Sources(d.Source), "; ")
	return plain.Text(d.Level.String() + "; seen " + plain.Counted(d.Count, "time") +
		plain.When(d.Seen != "", ", in "+d.Seen+" tries") + plain.When(d.Rate != "", ", at a rate of "+d.Rate) +
		plain.When(len(d.Also) > 0, "; also "+strings.Join(d.Also, ", ")) + plain.When(source != "", "; "+source))
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
		text += ": " + strings.ReplaceAll(plain.Counted(len(r.Divergences), "divergence"), ",", "")
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

// Rules counts the rules by their state.
func Rules(c reports.Coverage) string {
	states, _, _ := c.Counts()
	return strings.Join(plain.Tally("%s %d", states, reports.RuleStates...), ", ")
}

// NotJudged lists the applicable rules that were not judged, with the reason of each, as they may be shown.
func NotJudged(r *reports.Report) []string {
	rules := slices.DeleteFunc(r.Coverage.InOrder(), func(id model.ID) bool {
		return !r.Coverage.Rules[id].Applicable || r.Coverage.Rules[id].Judged()
	})
	return plain.Texts(plain.GroupBy(rules, func(id model.ID) string { return r.Coverage.Rules[id].Why }), func(g plain.Group[string, model.ID]) string {
		return strings.TrimSuffix(strings.Join(plain.Texts(g.Items, plain.Text[model.ID]), ", ")+" ("+plain.Text(g.Key)+")", " ()")
	})
}

// Machine says how large the machine of a complete suite is.
func Machine(c *reports.Certificate) string {
	return plain.Counted(c.States, "state") + ", " + plain.Counted(len(c.Inputs), "input") + ", " +
		plain.Counted(c.Transitions, "transition")
}

// Steps renders a sequence on one line of at most limit characters: "CreateTrail alpha → StartLogging → Put
// [ApiCallRateInsight] → Get". Where it is too long, the types of Insights are shortened, the longest step is cut, or
// steps in the middle are left out: the first ones set the scene, the last one shows the fault.
func Steps(steps []reports.Step, limit int) string {
	const arrow = " → "
	resource := ""
	parts := plain.Texts(steps, func(s reports.Step) string { return plain.Text(Step(s, &resource)) })
	if whole := strings.Join(parts, arrow); limit <= 0 || plain.Length(whole) <= limit || len(parts) < 3 {
		return plain.Shorten(whole, limit)
	}
	parts = plain.Texts(parts, ShortTypes.Replace)
	if line := strings.Join(squeezed(parts, plain.Length(strings.Join(parts, arrow))-limit), arrow); plain.Length(line) <= limit {
		return line
	}
	abridged := func(first, last int) string {
		gap := fmt.Sprintf("… %s …", plain.Counted(len(parts)-first-last, "step"))
		return strings.Join(slices.Concat(parts[:first], []string{gap}, parts[len(parts)-last:]), arrow)
	}
	for last := len(parts) - 2; last > 0; last-- {
		if line := abridged(1, last); plain.Length(line) <= limit {
			return line
		}
	}
	return plain.Shorten(abridged(0, 1), limit)
}

var ShortTypes = strings.NewReplacer("ApiCallRateInsight", "CallRate", "ApiErrorRateInsight", "ErrorRate")

// squeezed takes so many characters from the longest step but the last one, if enough is left of it.
func squeezed(parts []string, excess int) []string {
	longest := 0
	for i, part := range parts[:len(parts)-1] {
		if plain.Length(part) > plain.Length(parts[longest]) {
			longest = i
		}
	}
	left := plain.Length(parts[longest]) - excess
	if left < leastStep {
		return parts
	}
	parts = slices.Clone(parts)
	parts[longest] = plain.Shorten(parts[longest], left)
	return parts
}

// Exchange renders the steps of an example, a line for each request and each answer, unless that only sets the scene.
func Exchange(steps []reports.Step) []string {
	var lines []string
	resource := ""
	for i, step := range steps {
		op := model.Op(step.Operation)
		switch {
		case op == model.OpPut || op == model.OpGet:
			step.Answer.Body = abbreviated(step.Answer.Body)
		case i < len(steps)-1:
			step.Answer.Body = value.Value{}
		}
		answer := Answer(step)
		if op == model.OpArrange {
			answer = "arranged"
		}
		lines = append(lines, plain.Text(Step(step, &resource)), "→ "+plain.Shown(answer, 2*plain.MaxShown))
	}
	return lines
}

// abbreviated writes the ARNs and selectors of an answer as those of requests are written.
func abbreviated(body value.Value) value.Value {
	for _, member := range body.Members() {
		switch {
		case member.Value.Kind() == value.String:
			body = body.With(member.Name, value.Str(Name(member.Value.Text())))
		case member.Name == "InsightSelectors":
			body = body.With(member.Name, value.Str(Selectors(member.Value)))
		}
	}
	return body
}

// Step renders one request. The resource is named where it differs from the last one.
func Step(step reports.Step, resource *string) string {
	parts := []string{plain.Operation(step.Operation)}
	switch name := describeResource(step.Request); {
	case step.Raw != nil && *step.Raw == "":
		parts = append(parts, "with the body of no bytes")
	case step.Raw != nil:
		parts = append(parts, "with the body '"+plain.Shorten(*step.Raw, 80)+"'")
	default:
		parts = append(parts, plain.When(name != *resource, name), describeInput(step))
		*resource = name
	}
	parts = append(parts, plain.When(step.Method != "" && step.Method != "POST", "by "+step.Method),
		plain.When(step.OtherTarget, "with the other target prefix"), plain.When(step.Region != "", "in "+step.Region))
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), " ")
}

var resourceMembers = []string{"TrailName", "Name", "EventDataStore", "InsightsDestination"}

// describeResource names the resources of a request as shortly as they remain distinguishable.
func describeResource(input value.Value) string {
	var names []string
	for _, member := range resourceMembers {
		switch v := input.Get(member); {
		case v.Kind() == value.Absent:
		case v.Kind() != value.String:
			names = append(names, member+": "+v.String())
		case member == "InsightsDestination":
			names = append(names, "to "+Name(v.Text()))
		default:
			names = append(names, Name(v.Text()))
		}
	}
	return strings.Join(names, " ")
}

const storePrefix = "00000000-0000-4000-8000-"

// Name abbreviates the ARNs and store identifiers of the symbolic world; all others stay whole,
// since what is unusual about a name may be the point.
func Name(name string) string {
	world := model.DefaultWorld
	if bare, ok := strings.CutPrefix(name, world.TrailARN(world.Home, "")); ok && bare != "" {
		return "ARN of " + bare
	}
	store, isARN := strings.CutPrefix(name, world.StoreARN(world.Home, ""))
	if number, ok := strings.CutPrefix(store, storePrefix); ok {
		return plain.When(isARN, "ARN of ") + "store …" + number[max(0, len(number)-2):]
	}
	if name == "" || strings.ContainsAny(name, " '") {
		return "'" + name + "'"
	}
	return name
}

// describeInput renders what a request says beside naming its resource and the bucket, which every trail needs.
func describeInput(step reports.Step) string {
	input := step.Request
	if input.Kind() != value.Object {
		return input.String()
	}
	var parts []string
	switch model.Op(step.Operation) {
	case model.OpPut:
		selectors := "without InsightSelectors"
		if list := input.Get("InsightSelectors"); list.Kind() != value.Absent {
			selectors = Selectors(list)
		}
		parts = append(parts, selectors)
		input = input.With("InsightSelectors", value.Value{})
	case model.OpArrange:
		parts = append(parts, input.Get("Condition").Text())
		input = input.With("Condition", value.Value{})
	}
	for _, member := range input.Members() {
		if !slices.Contains(resourceMembers, member.Name) && member.Name != "S3BucketName" {
			parts = append(parts, member.Name+": "+Value(member.Value))
		}
	}
	return strings.Join(parts, ", ")
}

// Selectors renders insight selectors: "[ApiCallRateInsight: Management+Data]".
func Selectors(list value.Value) string {
	if list.Kind() != value.List {
		return list.String()
	}
	return "[" + strings.Join(plain.Texts(list.Items(), Selector), ", ") + "]"
}

func Selector(item value.Value) string {
	name, categories := item.Get("InsightType"), item.Get("EventCategories")
	ordinary := item.Kind() == value.Object && name.Kind() == value.String && name.Text() != ""
	for _, member := range item.Members() {
		ordinary = ordinary && (member.Name == "InsightType" || member.Name == "EventCategories")
	}
	odd := func(c value.Value) bool { return c.Kind() != value.String || c.Text() == "" }
	switch list := categories.Items(); {
	case !ordinary:
		return item.String()
	case categories.Kind() == value.Absent:
		return name.Text()
	case len(list) == 0 || slices.ContainsFunc(list, odd): // or no list
		return name.Text() + ": " + categories.String()
	default:
		return name.Text() + ": " + strings.Join(plain.Texts(list, value.Value.Text), "+")
	}
}

// Value renders any JSON value with as few marks as people need.
func Value(v value.Value) string {
	switch v.Kind() {
	case value.String:
		return cmp.Or(v.Text(), "''")
	case value.List:
		return "[" + strings.Join(plain.Texts(v.Items(), Value), ", ") + "]"
	case value.Object:
		members := plain.Texts(v.Members(), func(m value.Member) string { return m.Name + ": " + Value(m.Value) })
		return "{" + strings.Join(members, ", ") + "}"
	}
	return v.String()
}

// Answer renders an answer: "200 {…}", "TrailNotFoundException (400)", "no answer: …".
func Answer(step reports.Step) string {
	answer, status := step.Answer, plain.When(step.Status != 0, fmt.Sprintf(" (%d)", step.Status))
	switch {
	case answer.Outcome == reports.OutcomeRefused:
		return answer.Code + status
	case answer.Outcome != reports.OutcomeSuccess:
		return strings.TrimSuffix(answer.Outcome+status+": "+answer.Problem, ": ")
	}
	text := cmp.Or(plain.When(step.Status != 0, fmt.Sprint(step.Status)), "success")
	return text + plain.When(answer.Body.Kind() != value.Absent, " "+Value(answer.Body))
}

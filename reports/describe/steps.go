package describe

import (
	"fmt"
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
)

// Steps renders a sequence on one line of at most limit characters:
// "CreateTrail alpha → StartLogging → Put [ApiCallRateInsight] → Get". Where it is too long, the types of
// Insights are shortened, the longest step is cut, or steps in the middle are left out: the first ones
// set the scene, the last one shows the fault.
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

// leastStep is how much of a step that is cut must be left for a reader to see what it is.
const leastStep = 15

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

// Exchange renders the steps of an example, a line for each request and each answer. What an operation
// that only sets the scene answers is left out.
func Exchange(steps []reports.Step) []string {
	var lines []string
	resource := ""
	for i, step := range steps {
		op := model.Op(step.Operation)
		if op != model.OpPut && op != model.OpGet && i < len(steps)-1 {
			step.Answer.Body = value.Value{}
		}
		if op == model.OpPut || op == model.OpGet {
			step.Answer.Body = abbreviated(step.Answer.Body)
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
	text := plain.Operation(step.Operation)
	switch {
	case step.Raw != nil:
		text += " with the body " + quote(*step.Raw)
	default:
		if name := describeResource(step.Request); name != *resource {
			*resource = name
			if name != "" {
				text += " " + name
			}
		}
		text += describeInput(step)
	}
	if step.Method != "" && step.Method != "POST" {
		text += " by " + step.Method
	}
	if step.OtherTarget {
		text += " with the other target prefix"
	}
	if step.Region != "" {
		text += " in " + step.Region
	}
	return text
}

func quote(s string) string {
	if s == "" {
		return "of no bytes"
	}
	return "'" + plain.Shorten(s, 80) + "'"
}

var resourceMembers = []string{"TrailName", "Name", "EventDataStore", "InsightsDestination"}

// describeResource names the resources of a request as shortly as they remain distinguishable.
func describeResource(input value.Value) string {
	var names []string
	for _, member := range resourceMembers {
		v := input.Get(member)
		switch {
		case v.Kind() == value.Absent:
			continue
		case v.Kind() != value.String:
			names = append(names, member+": "+v.String())
			continue
		}
		name := Name(v.Text())
		if member == "InsightsDestination" {
			name = "to " + name
		}
		names = append(names, name)
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
		short := "store …" + number[max(0, len(number)-2):]
		if isARN {
			return "ARN of " + short
		}
		return short
	}
	if name == "" || strings.ContainsAny(name, " '") {
		return "'" + name + "'"
	}
	return name
}

// routine lists members that every case needs and that say nothing.
var routine = map[string]bool{"S3BucketName": true}

// describeInput renders what a request says beside naming its resource.
func describeInput(step reports.Step) string {
	input := step.Request
	switch input.Kind() {
	case value.Absent:
		return ""
	case value.Object:
	default:
		return " " + input.String()
	}
	var parts []string
	if model.Op(step.Operation) == model.OpPut {
		selectors := input.Get("InsightSelectors")
		if selectors.Kind() == value.Absent {
			parts = append(parts, "without InsightSelectors")
		} else {
			parts = append(parts, Selectors(selectors))
		}
		input = input.With("InsightSelectors", value.Value{})
	}
	if model.Op(step.Operation) == model.OpArrange {
		parts = append(parts, input.Get("Condition").Text())
		input = input.With("Condition", value.Value{})
	}
	for _, member := range resourceMembers {
		input = input.With(member, value.Value{})
	}
	for _, member := range input.Members() {
		if !routine[member.Name] {
			parts = append(parts, member.Name+": "+Value(member.Value))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " " + strings.Join(parts, ", ")
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
	if !ordinary {
		return item.String()
	}
	switch categories.Kind() {
	case value.Absent:
		return name.Text()
	case value.List:
	default:
		return name.Text() + ": " + categories.String()
	}
	odd := func(c value.Value) bool { return c.Kind() != value.String || c.Text() == "" }
	if len(categories.Items()) == 0 || slices.ContainsFunc(categories.Items(), odd) {
		return name.Text() + ": " + categories.String()
	}
	return name.Text() + ": " + strings.Join(plain.Texts(categories.Items(), value.Value.Text), "+")
}

// Value renders any JSON value with as few marks as people need.
func Value(v value.Value) string {
	switch v.Kind() {
	case value.String:
		if v.Text() == "" {
			return "''"
		}
		return v.Text()
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
	answer := step.Answer
	status := ""
	if step.Status != 0 {
		status = fmt.Sprintf(" (%d)", step.Status)
	}
	switch answer.Outcome {
	case reports.OutcomeSuccess:
		text := "success"
		if step.Status != 0 {
			text = fmt.Sprint(step.Status)
		}
		if answer.Body.Kind() == value.Absent {
			return text
		}
		return text + " " + Value(answer.Body)
	case reports.OutcomeRefused:
		return answer.Code + status
	}
	if answer.Problem == "" {
		return answer.Outcome + status
	}
	return answer.Outcome + status + ": " + answer.Problem
}

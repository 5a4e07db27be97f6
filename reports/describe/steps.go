package describe

import (
	"cmp"
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

// Exchange renders the steps of an example, a line for each request and each answer, unless that only sets the scene.
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
	parts := []string{plain.Operation(step.Operation)}
	if step.Raw != nil {
		parts = append(parts, "with the body "+quote(*step.Raw))
	} else {
		if name := describeResource(step.Request); name != *resource {
			*resource = name
			parts = append(parts, name)
		}
		parts = append(parts, describeInput(step))
	}
	if step.Method != "" && step.Method != "POST" {
		parts = append(parts, "by "+step.Method)
	}
	if step.OtherTarget {
		parts = append(parts, "with the other target prefix")
	}
	if step.Region != "" {
		parts = append(parts, "in "+step.Region)
	}
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), " ")
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
	answer, status := step.Answer, ""
	if step.Status != 0 {
		status = fmt.Sprintf(" (%d)", step.Status)
	}
	switch {
	case answer.Outcome == reports.OutcomeRefused:
		return answer.Code + status
	case answer.Outcome != reports.OutcomeSuccess:
		return strings.TrimSuffix(answer.Outcome+status+": "+answer.Problem, ": ")
	}
	text := "success"
	if step.Status != 0 {
		text = fmt.Sprint(step.Status)
	}
	if answer.Body.Kind() != value.Absent {
		text += " " + Value(answer.Body)
	}
	return text
}

package describe

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
)

// Steps renders a sequence on one line: "CreateTrail alpha → StartLogging → Put [ApiCallRateInsight] → Get". Of one that
// nobody would read, such as a hostile file has, steps in the middle are left out. What clients did at once is no sequence.
func Steps(steps []reports.Step) string {
	if Overlaps(steps) {
		return atOnce(steps)
	}
	var teller Teller
	parts := plain.Texts(steps, func(s reports.Step) string { return plain.Message(teller.Step(s)) })
	length, last := 0, len(steps)
	for ; last > 1 && length < maxSequence; last-- {
		length += plain.Length(parts[last-1])
	}
	if last > 1 {
		parts = slices.Concat(parts[:1], []string{fmt.Sprintf("… %s …", plain.Counted(last-1, "step"))}, parts[last:])
	}
	return strings.Join(parts, " → ")
}

// maxSequence is how many characters of a sequence are shown.
const maxSequence = 20_000

// Exchange renders the steps of an example, a line for each request and each answer, unless that only sets the scene.
func Exchange(steps []reports.Step) []string {
	var lines []string
	var teller Teller
	for i, step := range steps {
		op, request := model.Op(step.Operation), teller.Step(step)
		switch {
		case op == model.OpPut || op == model.OpGet:
			step.Answer.Body = teller.abbreviated(step.Answer.Body)
		case i < len(steps)-1:
			step.Answer.Body = value.Value{}
		}
		answer := Answer(step)
		if op == model.OpArrange {
			answer = "arranged"
		}
		lines = append(lines, plain.Text(request), "→ "+plain.Shown(answer, 2*plain.MaxShown))
	}
	return lines
}

// abbreviated writes the ARNs and selectors of an answer as those of requests are written.
func (t *Teller) abbreviated(body value.Value) value.Value {
	for _, member := range body.Members() {
		switch {
		case member.Value.Kind() == value.String:
			body = body.With(member.Name, value.Str(t.name(member.Value.Text())))
		case member.Name == "InsightSelectors":
			body = body.With(member.Name, value.Str(Selectors(member.Value)))
		}
	}
	return body
}

// Teller tells of the requests of one sequence after the other. It knows the event data stores that they have made: the
// first is s1.
type Teller struct {
	Whole    bool // each request names its resource, also where that is the one of the last
	resource string
	stores   []string // their IDs
}

// SharedBucket is the bucket of every trail that needs none of its own. It is not told of.
const SharedBucket = "conform-bucket"

// The members that name a resource, and those that requests for a store have besides, with their usual values.
var (
	resourceMembers = []string{"TrailName", "Name", "EventDataStore", "InsightsDestination"}
	usualOfStore    = value.Obj("MultiRegionEnabled", false, "RetentionPeriod", value.Num("7"), "TerminationProtectionEnabled", false)
)

// conditions says what Arrange brings about.
var conditions = map[string]string{
	"bucket-missing":  "its S3 bucket is deleted",
	"bucket-denied":   "the policy of its S3 bucket denies CloudTrail",
	"key-denied":      "the policy of its KMS key denies CloudTrail",
	"key-unusable":    "its KMS key is disabled",
	"member-account":  "it is an organization's trail, and the caller a member account",
	"no-service-role": "the organization has no service-linked role for CloudTrail",
	"service-owned":   "an AWS service owns it",
}

// Step renders one request. The resource is named where it differs from that of the last one.
func (t *Teller) Step(step reports.Step) string {
	op := model.Op(step.Operation)
	parts := []string{plain.Operation(step.Operation)}
	if step.Method != "" && step.Method != "POST" {
		parts = []string{"HTTP " + step.Method, step.Operation}
	}
	switch input := step.Request; {
	case step.Raw != nil && *step.Raw == "":
		parts = append(parts, "with an empty body")
	case step.Raw != nil:
		parts = append(parts, "with the body '"+plain.Shorten(*step.Raw, 80)+"'")
	case input.Kind() != value.Object:
		parts = append(parts, plain.When(input.Kind() != value.Absent, input.String()))
	default:
		parts = append(parts, t.resourceOf(op, step), t.selectorsOf(op, input), t.others(op, input))
	}
	parts = append(parts, plain.When(step.OtherTarget, "with the other X-Amz-Target prefix"), plain.When(step.Region != "", "in "+step.Region))
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), " ")
}

// resourceOf names the resources of a request: by the name alone where the operation has one member for it and that is
// given as it should be, else with the members.
func (t *Teller) resourceOf(op model.Op, step reports.Step) string {
	usual, input := "TrailName", step.Request
	switch op {
	case model.OpCreateStore:
		return t.made(step)
	case model.OpCreate, model.OpUpdate, model.OpDelete, model.OpTrail, model.OpStatus, model.OpStart, model.OpStop:
		usual = "Name"
	case model.OpGetStore, model.OpUpdateStore, model.OpDeleteStore, model.OpRestoreStore, model.OpStartIngestion, model.OpStopIngestion:
		usual = "EventDataStore"
	}
	var names []string
	for _, member := range resourceMembers {
		switch v := input.Get(member); v.Kind() {
		case value.Absent:
		case value.String:
			names = append(names, member+"="+t.name(v.Text()))
		default:
			names = append(names, member+"="+v.String())
		}
	}
	name := strings.Join(names, " ")
	if len(names) == 0 {
		t.resource = ""
		return "without " + usual
	}
	if len(names) == 1 && input.Get(usual).Kind() == value.String {
		name = strings.TrimPrefix(name, usual+"=")
	}
	known := name == t.resource
	t.resource = name
	return plain.When(!known || t.Whole, name)
}

// made names the store that a request makes, with what it logs.
func (t *Teller) made(step reports.Step) string {
	logs := "(" + Logged(model.ShownLogs(step.Request)) + ")"
	if step.Answer.Outcome != reports.OutcomeSuccess {
		return logs
	}
	arn := step.Answer.Body.Get("EventDataStoreArn").Text()
	id := cmp.Or(arn[strings.LastIndexByte(arn, '/')+1:], model.StoreID(len(t.stores)))
	if !slices.Contains(t.stores, id) {
		t.stores = append(t.stores, id)
	}
	t.resource = t.name(id)
	return t.resource + " " + logs
}

// Logged says in words what is logged.
func Logged(logs model.Logs) string {
	var kinds []string
	add := func(holds bool, kind string) { kinds = append(kinds, plain.When(holds, kind)) }
	managed := logs & model.ManagementEvents
	add(managed == model.ManagementEvents, "management")
	add(managed == model.WriteEvents, "write-only management")
	add(managed == model.ReadEvents, "read-only management")
	add(logs&model.DataEvents != 0, plain.When(logs&model.ReadDataOnly != 0, "read-only ")+"data")
	add(logs&model.InsightEvents != 0, "insight")
	kinds = slices.DeleteFunc(kinds, func(kind string) bool { return kind == "" })
	return cmp.Or(strings.Join(kinds, " and "), "nothing")
}

// selectorsOf renders the insight selectors of a Put, and the condition of an Arrange.
func (t *Teller) selectorsOf(op model.Op, input value.Value) string {
	list := input.Get("InsightSelectors")
	switch {
	case op == model.OpArrange:
		condition := input.Get("Condition").Text()
		return strings.TrimSuffix(condition+" ("+conditions[condition]+")", " ()")
	case op != model.OpPut || list.Kind() == value.List:
		return plain.When(op == model.OpPut, Selectors(list))
	case list.Kind() == value.Absent:
		return "without InsightSelectors"
	}
	return "InsightSelectors=" + list.String()
}

// others renders what a request has besides.
func (t *Teller) others(op model.Op, input value.Value) string {
	var parts []string
	for _, m := range input.Members() {
		switch {
		case op != model.OpCreateStore && slices.Contains(resourceMembers, m.Name) || op == model.OpCreateStore && m.Name == "Name":
		case op == model.OpPut && m.Name == "InsightSelectors" || op == model.OpArrange && m.Name == "Condition":
		case m.Name == "S3BucketName" && m.Value.Text() == SharedBucket:
		case op == model.OpCreateStore && m.Name == "AdvancedEventSelectors" && m.Value.Kind() == value.List:
		case op == model.OpCreateStore && usualOfStore.Get(m.Name).Equal(m.Value):
		case op == model.OpUpdateStore && m.Name == "AdvancedEventSelectors" && m.Value.Kind() == value.List:
			parts = append(parts, "("+Logged(model.ShownLogs(input))+")")
		default:
			parts = append(parts, m.Name+"="+Value(m.Value))
		}
	}
	return strings.Join(parts, " ")
}

// name abbreviates the ARNs of trails of the symbolic world, and what names a store that was made; all others stay
// whole, since what is unusual about a name may be the point.
func (t *Teller) name(name string) string {
	world := model.DefaultWorld
	if bare, ok := strings.CutPrefix(name, world.TrailARN(world.Home, "")); ok && bare != "" {
		return "ARN of " + Word(bare)
	}
	id, isARN := strings.CutPrefix(name, world.StoreARN(world.Home, ""))
	if i := slices.Index(t.stores, id); i >= 0 {
		return plain.When(isARN, "ARN of ") + fmt.Sprintf("s%d", i+1)
	}
	return Word(name)
}

// Resource is a resource of a state with the name by which the teller has told of it.
func (t *Teller) Resource(resource string) string {
	of, id := resource[:strings.LastIndexByte(resource, '/')+1], resource[strings.LastIndexByte(resource, '/')+1:]
	if slices.Contains(t.stores, id) {
		return of + t.name(id)
	}
	return resource
}

// Selectors renders insight selectors: "[ApiCallRateInsight: Management+Data]".
func Selectors(list value.Value) string {
	if list.Kind() != value.List {
		return list.String()
	}
	return "[" + strings.Join(plain.Texts(list.Items(), oneSelector), ", ") + "]"
}

func oneSelector(item value.Value) string {
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
		return Word(name.Text())
	case len(list) == 0 || slices.ContainsFunc(list, odd): // or no list
		return Word(name.Text()) + ": EventCategories=" + categories.String()
	default:
		return Word(name.Text()) + ": " + strings.Join(plain.Texts(list, Value), "+")
	}
}

// bare matches the strings that are taken for nothing else without quotes: not for a number, nor for a store of a case.
var (
	bare      = regexp.MustCompile(`^[^\s"'\[\]{}(),=+]+$`)
	ambiguous = regexp.MustCompile(`^(true|false|null|-?[0-9.]+([eE].*)?|s[0-9]+)$`)
)

// Word renders a string, in quotes where it could be taken for something else.
func Word(s string) string {
	if bare.MatchString(s) && !ambiguous.MatchString(s) {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"`
}

// Value renders any JSON value with as few marks as people need.
func Value(v value.Value) string {
	switch v.Kind() {
	case value.String:
		return Word(v.Text())
	case value.List:
		return "[" + strings.Join(plain.Texts(v.Items(), Value), ", ") + "]"
	case value.Object:
		members := plain.Texts(v.Members(), func(m value.Member) string { return m.Name + ": " + Value(m.Value) })
		return "{" + strings.Join(members, ", ") + "}"
	}
	return v.String()
}

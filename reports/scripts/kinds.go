package scripts

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
)

// The kinds of an answer as the scripts print and compare them, beside error codes and successes.
const (
	kindNoAnswer = "no answer"
	kindFailure  = "5xx"
	kindNoJSON   = "success without JSON"
	kindNoCode   = "an error without a code"
)

// recorded is the kind of a step's recorded answer, as a script computes it for the answer it gets.
func (n *exportNames) recorded(step reports.Step, showStatus bool) exportText {
	answer := step.Answer
	switch {
	case answer.Outcome == reports.OutcomeUnanswered:
		return literalText(kindNoAnswer)
	case step.Status >= 500 || answer.Outcome == reports.OutcomeCrashed && step.Status == 0:
		return literalText(kindFailure)
	case answer.Outcome == reports.OutcomeCrashed && step.Status < 300:
		return literalText(kindNoJSON)
	case answer.Outcome != reports.OutcomeSuccess:
		code := answer.Code
		if code == "" {
			code = kindNoCode
		}
		if showStatus {
			code += fmt.Sprintf(" (HTTP %d)", step.Status)
		}
		return literalText(code)
	}
	out := literalText("success")
	body := answer.Body
	switch model.Op(step.Operation) {
	case model.OpPut, model.OpGet:
		for _, member := range []string{"TrailARN", "EventDataStoreArn", "InsightsDestination"} {
			if v := body.Get(member); v.Kind() == model.String && v.Text() != "" {
				out = append(append(out, exportPart{literal: " " + member + "="}), n.text("", member, v.Text())...)
			}
		}
		out = append(out, exportPart{literal: " selectors=[" + strings.Join(recordedSelectors(body), ",") + "]"})
	case model.OpTrail:
		out = append(out, exportPart{literal: fmt.Sprintf(" HasInsightSelectors=%t", body.Get("Trail").Get("HasInsightSelectors").True())})
	case model.OpStatus:
		out = append(out, exportPart{literal: fmt.Sprintf(" IsLogging=%t", body.Get("IsLogging").True())})
	case model.OpGetEvents, model.OpGetStore:
		var words []string
		for _, member := range []string{"EventSelectors", "AdvancedEventSelectors"} {
			words = appendWords(words, body.Get(member))
		}
		sort.Strings(words)
		out = append(out, exportPart{literal: " events=[" + strings.Join(words, ",") + "]"})
	}
	return out
}

// recordedSelectors lists what an answer says as Type:Category, sorted, repetitions kept.
func recordedSelectors(body model.Value) []string {
	var out []string
	for _, item := range body.Get("InsightSelectors").Items() {
		name := item.Get("InsightType").Text()
		categories := item.Get("EventCategories")
		switch {
		case !categories.Given():
			out = append(out, name+":Management") // what it means
		case len(categories.Items()) == 0:
			out = append(out, name+":-")
		}
		for _, category := range categories.Items() {
			out = append(out, name+":"+category.Text())
		}
	}
	slices.Sort(out)
	return out
}

// appendWords lists the member names and plain values within a value. Sorted, they tell event
// selectors apart well enough, and a shell can find them.
func appendWords(words []string, v model.Value) []string {
	switch v.Kind() {
	case model.Bool, model.Number:
		words = append(words, v.String())
	case model.String:
		words = append(words, v.Text())
	}
	for _, item := range v.Items() {
		words = appendWords(words, item)
	}
	for _, m := range v.Members() {
		words = appendWords(append(words, m.Name), m.Value)
	}
	return words
}

// exportShape is a type of the typed clients: an object of members, a list of items, or a plain type.
type exportShape struct {
	kind    model.Kind
	enum    bool
	item    *exportShape
	members map[string]exportShape
	needs   []string // members without which a client refuses to send
}

var (
	aString     = exportShape{kind: model.String}
	anEnum      = exportShape{kind: model.String, enum: true}
	aBool       = exportShape{kind: model.Bool}
	aNumber     = exportShape{kind: model.Number}
	manyStrings = listShape(aString)
)

func listShape(item exportShape) exportShape { return exportShape{kind: model.List, item: &item} }

func objectShape(members map[string]exportShape, needs ...string) exportShape {
	return exportShape{kind: model.Object, members: members, needs: needs}
}

var (
	insightSelectorShape = objectShape(map[string]exportShape{"InsightType": anEnum, "EventCategories": manyStrings})
	eventSelectorShape   = objectShape(map[string]exportShape{"ReadWriteType": anEnum, "IncludeManagementEvents": aBool,
		"DataResources":                 listShape(objectShape(map[string]exportShape{"Type": aString, "Values": manyStrings})),
		"ExcludeManagementEventSources": manyStrings})
	advancedSelectorShape = objectShape(map[string]exportShape{"Name": aString,
		"FieldSelectors": listShape(objectShape(map[string]exportShape{"Field": aString, "Equals": manyStrings, "NotEquals": manyStrings,
			"StartsWith": manyStrings, "NotStartsWith": manyStrings, "EndsWith": manyStrings, "NotEndsWith": manyStrings}, "Field"))}, "FieldSelectors")
	nameShape  = objectShape(map[string]exportShape{"Name": aString}, "Name")
	storeShape = objectShape(map[string]exportShape{"EventDataStore": aString}, "EventDataStore")
)

func trailShape(needs ...string) exportShape {
	return objectShape(map[string]exportShape{"Name": aString, "S3BucketName": aString, "S3KeyPrefix": aString, "SnsTopicName": aString,
		"IncludeGlobalServiceEvents": aBool, "IsMultiRegionTrail": aBool, "EnableLogFileValidation": aBool, "CloudWatchLogsLogGroupArn": aString,
		"CloudWatchLogsRoleArn": aString, "KmsKeyId": aString, "IsOrganizationTrail": aBool}, needs...)
}

func storeInputShape(needs string, more map[string]exportShape) exportShape {
	members := map[string]exportShape{"Name": aString, "AdvancedEventSelectors": listShape(advancedSelectorShape), "MultiRegionEnabled": aBool,
		"OrganizationEnabled": aBool, "RetentionPeriod": aNumber, "TerminationProtectionEnabled": aBool, "KmsKeyId": aString}
	for name, s := range more {
		members[name] = s
	}
	return objectShape(members, needs)
}

// exportShapes are the inputs of the typed clients, as far as traces use them.
var exportShapes = map[model.Op]exportShape{
	model.OpPut: objectShape(map[string]exportShape{"TrailName": aString, "EventDataStore": aString, "InsightsDestination": aString,
		"InsightSelectors": listShape(insightSelectorShape)}, "InsightSelectors"),
	model.OpGet:    objectShape(map[string]exportShape{"TrailName": aString, "EventDataStore": aString}),
	model.OpCreate: trailShape("Name", "S3BucketName"),
	model.OpUpdate: trailShape("Name"),
	model.OpDelete: nameShape, model.OpTrail: nameShape, model.OpStatus: nameShape, model.OpStart: nameShape, model.OpStop: nameShape,
	model.OpPutEvents: objectShape(map[string]exportShape{"TrailName": aString, "EventSelectors": listShape(eventSelectorShape),
		"AdvancedEventSelectors": listShape(advancedSelectorShape)}, "TrailName"),
	model.OpGetEvents:   objectShape(map[string]exportShape{"TrailName": aString}, "TrailName"),
	model.OpCreateStore: storeInputShape("Name", map[string]exportShape{"StartIngestion": aBool}),
	model.OpUpdateStore: storeInputShape("EventDataStore", map[string]exportShape{"EventDataStore": aString}),
	model.OpGetStore:    storeShape, model.OpDeleteStore: storeShape, model.OpRestoreStore: storeShape,
}

// expressible reports whether the typed client of a form sends just this input.
func expressible(op model.Op, input model.Value, form string) bool {
	if input.Kind() == model.Absent {
		input = model.Obj()
	}
	s, ok := exportShapes[op]
	return ok && s.fits(input, form)
}

func (s exportShape) fits(v model.Value, form string) bool {
	if v.Kind() != s.kind {
		return false
	}
	if s.kind == model.Number {
		return len(v.Text()) <= 9 && strings.Trim(v.Text(), "0123456789") == "" // the clients send integers
	}
	if s.enum && v.Text() == "" && form == "go" {
		return false // the Go SDK leaves out an empty enum
	}
	for _, item := range v.Items() {
		if !s.item.fits(item, form) {
			return false
		}
	}
	for i, m := range v.Members() {
		member, known := s.members[m.Name]
		if !known || !member.fits(m.Value, form) {
			return false
		}
		if slices.ContainsFunc(v.Members()[:i], func(o model.Member) bool { return o.Name == m.Name }) {
			return false
		}
	}
	for _, name := range s.needs {
		if v.Get(name).Kind() == model.Absent {
			return false
		}
	}
	return true
}

package scripts

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
)

// recorded is the kind of a step's recorded answer, as a script computes it for the answer it gets.
func (n *exportNames) recorded(step reports.Step, showStatus bool) exportText {
	answer, body := step.Answer, step.Answer.Body
	switch {
	case answer.Outcome == reports.OutcomeUnanswered:
		return literalText("no answer")
	case step.Status >= 500 || answer.Outcome == reports.OutcomeCrashed && step.Status == 0:
		return literalText("5xx")
	case answer.Outcome == reports.OutcomeCrashed && step.Status < 300:
		return literalText("success without JSON")
	case answer.Outcome != reports.OutcomeSuccess:
		code := cmp.Or(answer.Code, "an error without a code")
		if showStatus {
			code += fmt.Sprintf(" (HTTP %d)", step.Status)
		}
		return literalText(code)
	}
	out := literalText("success")
	say := func(format string, value any) { out = append(out, exportPart{literal: fmt.Sprintf(format, value)}) }
	switch model.Op(step.Operation) {
	case model.OpPut, model.OpGet:
		for _, member := range []string{"TrailARN", "EventDataStoreArn", "InsightsDestination"} {
			if v := body.Get(member); v.Kind() == value.String && v.Text() != "" {
				say(" %s=", member)
				out = append(out, n.text("", member, v.Text())...)
			}
		}
		say(" selectors=[%s]", strings.Join(recordedSelectors(body), ","))
	case model.OpTrail:
		say(" HasInsightSelectors=%t", body.Get("Trail").Get("HasInsightSelectors").True())
	case model.OpStatus:
		say(" IsLogging=%t", body.Get("IsLogging").True())
	case model.OpGetEvents, model.OpGetStore:
		words := appendWords(appendWords(nil, body.Get("EventSelectors")), body.Get("AdvancedEventSelectors"))
		slices.Sort(words)
		say(" events=[%s]", strings.Join(words, ","))
	}
	return out
}

// recordedSelectors lists what an answer says as Type:Category, sorted, repetitions kept.
func recordedSelectors(body value.Value) []string {
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

// appendWords lists member names and plain values: sorted, they tell event selectors apart, even for a shell.
func appendWords(words []string, v value.Value) []string {
	switch v.Kind() {
	case value.Bool, value.Number:
		words = append(words, v.String())
	case value.String:
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

// required has the members without which a client refuses to send, by the name of their type.
var required = map[string][]string{
	"PutInsightSelectorsInput": {"InsightSelectors"}, "CreateTrailInput": {"Name", "S3BucketName"}, "UpdateTrailInput": {"Name"},
	"DeleteTrailInput": {"Name"}, "GetTrailInput": {"Name"}, "GetTrailStatusInput": {"Name"}, "StartLoggingInput": {"Name"},
	"StopLoggingInput": {"Name"}, "PutEventSelectorsInput": {"TrailName"}, "GetEventSelectorsInput": {"TrailName"},
	"CreateEventDataStoreInput": {"Name"}, "GetEventDataStoreInput": {"EventDataStore"}, "UpdateEventDataStoreInput": {"EventDataStore"},
	"DeleteEventDataStoreInput": {"EventDataStore"}, "RestoreEventDataStoreInput": {"EventDataStore"},
	"AdvancedEventSelector": {"FieldSelectors"}, "AdvancedFieldSelector": {"Field"},
}

// expressible reports whether a form's typed client sends just this input. boto3 has the members of the SDK for Go.
func expressible(op model.Op, input value.Value, form string) bool {
	if input.Kind() == value.Absent {
		input = value.Obj()
	}
	method, ok := reflect.TypeFor[*cloudtrail.Client]().MethodByName(string(op))
	return ok && fits(input, method.Type.In(2), form)
}

func fits(v value.Value, t reflect.Type, form string) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return v.Kind() == value.String &&
			!(t.PkgPath() != "" && v.Text() == "" && form == "go") // which leaves out an empty enum
	case reflect.Bool:
		return v.Kind() == value.Bool
	case reflect.Int32:
		return v.Kind() == value.Number && len(v.Text()) <= 9 && strings.Trim(v.Text(), "0123456789") == ""
	case reflect.Slice:
		return v.Kind() == value.List &&
			!slices.ContainsFunc(v.Items(), func(item value.Value) bool { return !fits(item, t.Elem(), form) })
	case reflect.Struct:
		seen := map[string]bool{}
		for _, m := range v.Members() {
			field, known := t.FieldByName(m.Name)
			if !known || !field.IsExported() || seen[m.Name] || !fits(m.Value, field.Type, form) {
				return false
			}
			seen[m.Name] = true
		}
		return v.Kind() == value.Object && !slices.ContainsFunc(required[t.Name()], func(name string) bool { return !seen[name] })
	}
	return false
}

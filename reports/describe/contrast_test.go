package describe

import (
	"testing"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/wire"
	"github.com/stretchr/testify/assert"
	"net/http"
)

// TestContrast: what was expected and what came are values, not kinds of answer.
func TestContrast(t *testing.T) {
	const (
		code    = "InsightNotEnabledException"
		invalid = "InvalidInsightSelectorsException"
		last    = "the selectors last stored"
		other   = "other selectors"
		html    = "<html>sorry</html>"
	)
	arn := model.DefaultWorld.TrailARN("us-east-1", "alpha")
	list := func(items ...value.Value) value.Value { return value.Obj("InsightSelectors", value.ListOf(items...)) }
	call, errors := selector("ApiCallRateInsight"), selector("ApiErrorRateInsight")
	stored := func(call, errors model.Categories) model.Answer {
		return model.Answer{Outcome: model.Succeeded, Selectors: model.MakeSelectors(call, errors), TrailARN: arn}
	}
	m, d := model.Management, model.Data
	flag := model.Answer{Outcome: model.AnySuccess, HasInsights: model.Yes}
	logs := model.Answer{Outcome: model.AnySuccess, Logs: model.ManagementEvents | model.Shown}
	refusal := model.Answer{Outcome: model.AnyRefusal}
	for _, x := range []struct {
		name             string
		op               model.Op
		rule             model.ID
		accepted         []model.Answer
		expected, actual string // the kinds
		status           int
		body             any // a value, or text
		want             []string
		got              string
	}{
		{"lists of Management alone", model.OpGet, model.PutReplacesList, []model.Answer{stored(0, m), model.Refusal(code)}, last, other, 200,
			list(selector("ApiCallRateInsight", "Management"), errors), []string{"[ApiErrorRateInsight]"}, "[ApiCallRateInsight, ApiErrorRateInsight]"},
		{"lists with categories", model.OpGet, model.PutOverwritesCategories, []model.Answer{stored(m, d)}, last, other, 200, list(call, errors),
			[]string{"[ApiCallRateInsight: Management, ApiErrorRateInsight: Data]"}, "[ApiCallRateInsight: Management, ApiErrorRateInsight: Management]"},
		{"an entry twice", model.OpGet, model.AnswerOneEntry, []model.Answer{stored(m, 0)}, last, other, 200, list(call, call),
			[]string{"[ApiCallRateInsight]"}, "[ApiCallRateInsight, ApiCallRateInsight]"},
		{"an unknown type", model.OpPut, model.AnswerOneEntry, []model.Answer{stored(m, 0), model.Refusal(invalid)}, "success", "a value outside the enums", 200,
			list(call, selector("ApiLatencyInsight")), []string{"[ApiCallRateInsight]"}, "[ApiCallRateInsight, ApiLatencyInsight]"},
		{"text where a list of categories is due", model.OpGet, model.AnswerOneEntry, []model.Answer{stored(m, 0)}, last, "a value outside the enums", 200,
			list(value.Obj("InsightType", "ApiCallRateInsight", "EventCategories", "Management")),
			[]string{"[ApiCallRateInsight: Management]"}, `[ApiCallRateInsight: EventCategories="Management"]`},
		{"a list that should be an error", model.OpGet, model.GetNotEnabled, []model.Answer{model.Refusal(code)}, code, "success", 200, list(),
			[]string{code}, "HTTP 200 with []"},
		{"an error that should be a list", model.OpGet, model.PutStores, []model.Answer{stored(m, 0), model.Refusal(code)}, "success", "TrailNotFoundException", 404,
			value.Obj("__type", "TrailNotFoundException"), []string{"HTTP 200 with [ApiCallRateInsight]", code}, "TrailNotFoundException"},
		{"a success of a mock", model.OpPut, model.SelectorTypeInvalid, []model.Answer{model.Refusal(invalid)}, invalid, "success", 0, list(selector("X")),
			[]string{invalid}, "success with [X]"},
		{"no list", model.OpGet, model.GetNotEnabled, []model.Answer{model.Refusal(code)}, code, "success", 200, value.Obj("TrailARN", "x"),
			[]string{code}, "HTTP 200 without InsightSelectors: {TrailARN: x}"},
		{"a list of another type", model.OpGet, model.WireMembers, []model.Answer{stored(m, 0)}, "InsightSelectors as a list", "a string", 200,
			value.Obj("InsightSelectors", "x"), []string{"InsightSelectors as a list"}, `InsightSelectors is the string "x"`},
		{"the flag", model.OpTrail, model.TrailHasInsights, []model.Answer{flag, refusal}, "HasInsightSelectors true", "HasInsightSelectors false", 200,
			value.Obj("Trail", value.Obj("HasInsightSelectors", false)), []string{"HasInsightSelectors is true"}, "HasInsightSelectors is false"},
		{"the flag as a string", model.OpTrail, model.TrailHasInsights, []model.Answer{flag, refusal}, "HasInsightSelectors true", "HasInsightSelectors false", 200,
			value.Obj("Trail", value.Obj("HasInsightSelectors", "true")), []string{"HasInsightSelectors is true"}, `HasInsightSelectors is the string "true"`},
		{"no flag", model.OpTrail, model.TrailHasInsights, []model.Answer{flag, refusal}, "HasInsightSelectors true", "HasInsightSelectors false", 200,
			value.Obj("Trail", value.Obj()), []string{"HasInsightSelectors is true"}, "Trail has no HasInsightSelectors"},
		{"no wrapper", model.OpTrail, model.TrailHasInsights, []model.Answer{flag, refusal}, "HasInsightSelectors true", "HasInsightSelectors false", 200,
			value.Obj("HasInsightSelectors", true), []string{"HasInsightSelectors is true"}, "the answer has no Trail member: {HasInsightSelectors: true}"},
		{"another wrapper", model.OpTrail, model.TrailHasInsights, []model.Answer{flag, refusal}, "HasInsightSelectors true", "HasInsightSelectors false", 200,
			value.Obj("Trail", value.ListOf()), []string{"HasInsightSelectors is true"}, "Trail is []"},
		{"a trail that was deleted", model.OpTrail, model.TrailDeleteForgets, []model.Answer{refusal}, "any error", "success", 200,
			value.Obj("Trail", value.Obj("Name", "alpha")), []string{"an error"}, "HTTP 200 with {Trail: {Name: alpha}}"},
		{"event selectors", model.OpGetEvents, model.LogsVisible, []model.Answer{logs, refusal}, "the event selectors last stored", "other event selectors", 200,
			value.Obj("EventSelectors", value.ListOf(value.Obj("IncludeManagementEvents", true, "ReadWriteType", "ReadOnly"))),
			[]string{"event selectors that log management"},
			"event selectors that log read-only management: {EventSelectors: [{IncludeManagementEvents: true, ReadWriteType: ReadOnly}]}"},
		{"a call that should be refused", model.OpUpdateStore, model.StoreUpdateGuard, []model.Answer{model.Refusal(invalid)}, invalid, "success", 200,
			value.Obj(), []string{invalid}, "HTTP 200"},
		{"a crash with HTML", model.OpPut, model.WireNoCrash, []model.Answer{stored(m, 0)}, "a definite answer", "5xx", 500, html,
			[]string{"HTTP 200 with [ApiCallRateInsight]"}, "HTTP 500 with HTML"},
		{"a crash with JSON", model.OpGet, model.WireNoCrash, []model.Answer{model.Refusal(code)}, "a definite answer", "5xx", 503, value.Obj("__type", "X"),
			[]string{code}, "HTTP 503 with {__type: X}"},
		{"a crash with a code", model.OpGet, model.WireNoCrash, []model.Answer{model.Refusal(code)}, "a definite answer", "5xx", 500, value.Obj("__type", "InternalError"),
			[]string{code}, "HTTP 500 with {__type: InternalError}"},
		{"a crash without a body", model.OpGet, model.WireNoCrash, []model.Answer{refusal}, "a definite answer", "5xx", 502, "", []string{"an error"}, "HTTP 502 with an empty body"},
		{"plain text", model.OpGet, model.WireNoCrash, []model.Answer{model.Refusal(code)}, "a definite answer", "an answer that is not JSON", 400, "sorry",
			[]string{code}, `HTTP 400 with the text "sorry"`},
		{"a redirect", model.OpGet, model.WireNoCrash, []model.Answer{model.Refusal(code)}, "a definite answer", "an answer that is not JSON", 302, "",
			[]string{code}, "HTTP 302 with an empty body (a redirect, which is not followed)"},
		{"the status of an error", model.OpGet, model.WireErrorStatus, []model.Answer{model.Refusal(code)}, "400", "200", 200, value.Obj("__type", code),
			[]string{"HTTP 400"}, "HTTP 200 with " + code},
		{"an error without a code", model.OpGet, model.WireErrorShape, []model.Answer{model.Refusal(code)}, "an error code", "none", 400, value.Obj("Message", "no"),
			[]string{"an error with a code"}, "HTTP 400 without an error code: {Message: no}"},
		{"a code that is cut short", model.OpGet, model.WireErrorShape, []model.Answer{model.Refusal("TrailNotFoundException")}, wire.Listed,
			"codes without Exception at their end", 400, value.Obj("__type", "x#TrailNotFound"), []string{`the code "TrailNotFoundException"`}, `the code "TrailNotFound"`},
		{"a member that is misspelt", model.OpPut, model.WireMembers, []model.Answer{stored(m, 0)}, "TrailARN", "TrailArn", 200, list(call).With("TrailArn", value.Str(arn)),
			[]string{"the member TrailARN"}, "the member TrailArn"},
		{"another owner", model.OpPut, model.PutStores, []model.Answer{stored(m, 0)}, "TrailARN as requested", "another TrailARN", 200,
			list(call).With("TrailARN", value.Str("alpha")), []string{"TrailARN=ARN of alpha"}, "TrailARN=alpha"},
		{"no owner", model.OpPut, model.AnswerOneOwner, []model.Answer{stored(m, 0)}, "TrailARN given", "TrailARN absent", 200, list(call),
			[]string{"TrailARN=ARN of alpha"}, "no TrailARN"},
		{"an owner too many", model.OpPut, model.AnswerOneOwner, []model.Answer{stored(m, 0)}, "EventDataStoreArn absent", "EventDataStoreArn given", 200,
			list(call).With("EventDataStoreArn", value.Num("5")), []string{"no EventDataStoreArn"}, "EventDataStoreArn is the number 5"},
		{"what cannot be seen otherwise", model.OpGet, model.GetReflectsPut, []model.Answer{stored(m, 0)}, last, other, 200, list(call),
			[]string{"[ApiCallRateInsight]"}, `[ApiCallRateInsight]: {"InsightSelectors":[{"InsightType":"ApiCallRateInsight"}]}`},
	} {
		body, isText := x.body.(string)
		if !isText {
			body = x.body.(value.Value).String()
		}
		r := model.Request{Op: x.op, Input: value.Obj("TrailName", "alpha")}
		reply := targets.Reply{Answer: model.Answer{Outcome: model.Succeeded}}
		if x.status == 0 {
			reply.Body = x.body.(value.Value)
		} else {
			reply = wire.DecodeAnswer(r, x.status, http.Header{}, []byte(body))
		}
		want, got := Contrast([]reports.Step{reports.NewStep(1, r, reply, nil)}, x.rule, x.accepted, x.expected, x.actual)
		assert.Equal(t, x.want, want, x.name)
		assert.Equal(t, x.got, got, x.name)
	}
	reply := targets.Reply{Problem: "connection reset"}
	want, _ := Contrast([]reports.Step{reports.NewStep(1, model.Request{Op: model.OpGet}, reply, nil)}, model.WireNoCrash,
		[]model.Answer{refusal, {Outcome: model.AnySuccess}}, "a definite answer", "a dropped connection")
	assert.Equal(t, []string{"an error", "HTTP 200"}, want, "of a target with HTTP")
	arranged := reports.Step{Operation: string(model.OpArrange), Answer: reports.StepAnswer{Outcome: reports.OutcomeSuccess}}
	body := list(call)
	done := targets.Reply{Answer: model.Answer{Outcome: model.Succeeded}, Body: body, Status: 200, Received: body.AppendJSON(nil)}
	_, got := Contrast([]reports.Step{arranged, reports.NewStep(2, model.Request{Op: model.OpPut}, done, nil)}, model.BucketPolicy,
		[]model.Answer{model.Refusal(invalid)}, invalid, "success")
	assert.Equal(t, "HTTP 200 with [ApiCallRateInsight]", got, "what is arranged has no HTTP status")
	for _, problem := range []string{"no answer within 10s", "connection reset", "panic: runtime error"} {
		reply := targets.Reply{Problem: problem}
		_, got := Contrast([]reports.Step{reports.NewStep(1, model.Request{Op: model.OpGet}, reply, nil)}, model.WireNoCrash, []model.Answer{refusal}, "a definite answer", "no answer")
		assert.Equal(t, problem, got)
	}
}

// TestConditionsInWords: what Arrange brings about is said of each condition.
func TestConditionsInWords(t *testing.T) {
	for _, name := range model.ConditionNames {
		assert.NotEmpty(t, conditions[name], name)
	}
	assert.Len(t, conditions, len(model.ConditionNames))
}

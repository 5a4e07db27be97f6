package describe

import (
	"fmt"
	"strings"
	"testing"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
	"github.com/stretchr/testify/assert"
)

func put(selectors ...value.Value) model.Request {
	return model.Request{Op: model.OpPut, Input: value.Obj("TrailName", "alpha", "InsightSelectors", value.ListOf(selectors...))}
}

func selector(name string, categories ...string) value.Value {
	if categories == nil {
		return value.Obj("InsightType", name)
	}
	return value.Obj("InsightType", name, "EventCategories", value.Strs(categories...))
}

func storeARN(n int) string {
	return model.DefaultWorld.StoreARN(model.DefaultWorld.Home, model.StoreID(n))
}

// advanced are advanced event selectors of a category, with another field.
func advanced(category string, field ...any) value.Value {
	fields := []value.Value{value.Obj("Field", "eventCategory", "Equals", value.Strs(category))}
	if field != nil {
		fields = append(fields, value.Obj(field...))
	}
	return value.ListOf(value.Obj("FieldSelectors", value.ListOf(fields...)))
}

// made is a CreateEventDataStore that has made the store of a number.
func made(n int, logs value.Value, more ...any) reports.Step {
	return reports.Step{Operation: string(model.OpCreateStore), Request: value.Obj(append([]any{"Name", "x", "AdvancedEventSelectors", logs}, more...)...),
		Answer: reports.StepAnswer{Outcome: reports.OutcomeSuccess, Body: value.Obj("EventDataStoreArn", storeARN(n))}}
}

func TestDescribeSteps(t *testing.T) {
	arn := model.DefaultWorld.TrailARN("us-east-1", "alpha")
	raw := "{"
	step := func(op model.Op, pairs ...any) reports.Step {
		return reports.Step{Operation: string(op), Request: value.Obj(pairs...)}
	}
	for _, test := range []struct {
		want  string
		steps []reports.Step
	}{
		{"CreateTrail alpha IsMultiRegionTrail=true → StopLogging", []reports.Step{
			step(model.OpCreate, "Name", "alpha", "S3BucketName", SharedBucket, "IsMultiRegionTrail", true), step(model.OpStop, "Name", "alpha")}},
		{"CreateTrail alpha S3BucketName=own → UpdateTrail S3BucketName=other", []reports.Step{
			step(model.OpCreate, "Name", "alpha", "S3BucketName", "own"), step(model.OpUpdate, "Name", "alpha", "S3BucketName", "other")}},
		{"Get alpha → Get ARN of alpha → Get beta", []reports.Step{
			step(model.OpGet, "TrailName", "alpha"), step(model.OpGet, "TrailName", arn), step(model.OpGet, "TrailName", "beta")}},
		{"CreateTrail alpha → Get without TrailName → Get without TrailName → Get alpha → Get", []reports.Step{
			step(model.OpCreate, "Name", "alpha"), step(model.OpGet), step(model.OpGet), step(model.OpGet, "TrailName", "alpha"), step(model.OpGet, "TrailName", "alpha")}},
		{"CreateTrail alpha → Get EventDataStore=alpha → Get TrailName=alpha EventDataStore=ab → Get without TrailName trailName=alpha", []reports.Step{
			step(model.OpCreate, "Name", "alpha"), step(model.OpGet, "EventDataStore", "alpha"), step(model.OpGet, "TrailName", "alpha", "EventDataStore", "ab"),
			step(model.OpGet, "trailName", "alpha")}},
		{`Get TrailName=5 → Get "5" → Get TrailName=5 EventDataStore=true → Get TrailName="" EventDataStore="true" → Get "s1" → Get "a b" → Get TrailName=null`, []reports.Step{
			step(model.OpGet, "TrailName", value.Num("5")), step(model.OpGet, "TrailName", "5"), step(model.OpGet, "TrailName", value.Num("5"), "EventDataStore", true),
			step(model.OpGet, "TrailName", "", "EventDataStore", "true"), step(model.OpGet, "TrailName", "s1"), step(model.OpGet, "TrailName", "a b"),
			step(model.OpGet, "TrailName", value.NullValue)}},
		{"Put alpha without InsightSelectors", []reports.Step{step(model.OpPut, "TrailName", "alpha")}},
		{`Put "" InsightSelectors=null → Put InsightSelectors="text"`, []reports.Step{step(model.OpPut, "TrailName", "", "InsightSelectors", value.NullValue),
			step(model.OpPut, "TrailName", "", "InsightSelectors", "text")}},
		{"Put a [ApiCallRateInsight: Management+Data, ApiErrorRateInsight: EventCategories=[], X]", []reports.Step{step(model.OpPut, "TrailName", "a", "InsightSelectors",
			value.ListOf(selector("ApiCallRateInsight", "Management", "Data"), selector("ApiErrorRateInsight", []string{}...).With("EventCategories", value.ListOf()), selector("X")))}},
		{`Put a [{"InsightType":"A","Extra":true}, "text", A: EventCategories="Data", B: EventCategories=[null], "5"]`, []reports.Step{step(model.OpPut, "TrailName", "a", "InsightSelectors", value.ListOf(
			value.Obj("InsightType", "A", "Extra", true), value.Str("text"), value.Obj("InsightType", "A", "EventCategories", "Data"),
			value.Obj("InsightType", "B", "EventCategories", value.ListOf(value.NullValue)), selector("5")))}},
		{"CreateEventDataStore s1 (management) → CreateEventDataStore s2 (insight) StartIngestion=false → Put EventDataStore=s1 InsightsDestination=ARN of s2 [] → " +
			"UpdateEventDataStore ARN of s1 (read-only management) → Get EventDataStore=" + model.StoreID(7), []reports.Step{
			made(0, advanced("Management"), "RetentionPeriod", value.Num("7")), made(3, advanced("Insight"), "StartIngestion", false),
			step(model.OpPut, "EventDataStore", model.StoreID(0), "InsightsDestination", storeARN(3), "InsightSelectors", value.ListOf()),
			step(model.OpUpdateStore, "EventDataStore", storeARN(0), "AdvancedEventSelectors", advanced("Management", "Field", "readOnly", "Equals", value.Strs("true"))),
			step(model.OpGet, "EventDataStore", model.StoreID(7))}},
		{"CreateEventDataStore (nothing) RetentionPeriod=8", []reports.Step{step(model.OpCreateStore, "Name", "x", "RetentionPeriod", value.Num("8"))}},
		{"HTTP PUT PutInsightSelectors with the body '{' in eu-west-1 → HTTP GET GetInsightSelectors alpha → Get with an empty body", []reports.Step{
			{Operation: string(model.OpPut), Raw: &raw, Method: "PUT", Region: "eu-west-1"},
			{Operation: string(model.OpGet), Method: "GET", Request: value.Obj("TrailName", "alpha")}, {Operation: string(model.OpGet), Raw: new("")}}},
		{"Get alpha with the other X-Amz-Target prefix", []reports.Step{{Operation: string(model.OpGet), Request: value.Obj("TrailName", "alpha"), OtherTarget: true}}},
		{"Arrange alpha bucket-missing (its S3 bucket is deleted)", []reports.Step{step(model.OpArrange, "TrailName", "alpha", "Condition", "bucket-missing")}},
		{"PutEventSelectors alpha EventSelectors=[{ReadWriteType: ReadOnly}]", []reports.Step{
			step(model.OpPutEvents, "TrailName", "alpha", "EventSelectors", value.ListOf(value.Obj("ReadWriteType", "ReadOnly")))}},
	} {
		assert.Equal(t, test.want, Steps(test.steps))
	}
}

func TestSequencesAreWhole(t *testing.T) {
	var steps []reports.Step
	for i := range 40 {
		steps = append(steps, reports.NewStep(i+1, put(selector("ApiCallRateInsight")), targets.Reply{}, nil))
	}
	for i, op := range map[int]model.Op{0: model.OpCreate, 39: model.OpTrail} {
		steps[i].Operation, steps[i].Request = string(op), value.Obj("Name", "alpha", "SnsTopicName", "a-topic-with-a-name-of-some-length")
	}
	assert.Equal(t, 39, strings.Count(Steps(steps), " → "))
	assert.NotContains(t, Steps(steps), "…")
	for i := range steps { // as only a hostile file has them
		steps[i].Operation, steps[i].Request = string(model.OpTrail), value.Obj("Name", strings.Repeat(fmt.Sprint("long", i), 1000))
	}
	assert.Regexp(t, `^GetTrail long0.* → … \d+ steps … → .* → GetTrail long39`, Steps(steps))
}

// TestSignatureInWords: kinds of answer are left to programs.
func TestSignatureInWords(t *testing.T) {
	for signature, want := range map[string]string{
		"put/replaces-list|PutInsightSelectors|the selectors last stored|other selectors":             "put/replaces-list (Put)",
		"wire/wrong-type|GetInsightSelectors|SerializationException|TrailNotFoundException|TrailName": "wire/wrong-type (Get, TrailNotFoundException, TrailName)",
		"wire/members||TrailARN|TrailArn":                                                  "wire/members",
		"store/update-guard|UpdateEventDataStore|InvalidInsightSelectorsException|success": "store/update-guard (UpdateEventDataStore)",
		"s": "s",
	} {
		assert.Equal(t, want, Signature(signature))
	}
	wrong := reports.Divergence{Operation: "PutInsightSelectors", Signature: "wire/wrong-type|PutInsightSelectors|a|b|a category"}
	assert.Equal(t, "Put: a category", Cause(wrong))
	assert.Equal(t, "any operation", Cause(reports.Divergence{Signature: "wire/members||a|b"}))
	d := reports.Divergence{Also: []string{"a|GetTrail|x|y", "a|GetTrail|x|z", "B"}}
	assert.Equal(t, []string{"B", "a (GetTrail)"}, Also(d))
}

// TestWhatMattersIsToldFirst: of what is not covered, the operations under test come first.
func TestWhatMattersIsToldFirst(t *testing.T) {
	r := &reports.Report{}
	for _, c := range model.Capabilities {
		r.SetCapability(c, c == model.CanUpdate, "")
	}
	r.SetCapability("another", false, "")
	names := Absent(r)
	assert.Equal(t, []string{"put-insight-selectors", "get-insight-selectors", "get-trail", "create-trail", "delete-trail", "event-data-stores"}, names[:6])
	assert.Equal(t, "another", names[len(names)-1])
	assert.Len(t, names, len(model.Capabilities))
}

package describe

import (
	"testing"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
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
		{"CreateTrail alpha IsMultiRegionTrail: true → StopLogging", []reports.Step{
			step(model.OpCreate, "Name", "alpha", "S3BucketName", "b", "IsMultiRegionTrail", true), step(model.OpStop, "Name", "alpha")}},
		{"Get alpha → Get ARN of alpha → Get beta", []reports.Step{
			step(model.OpGet, "TrailName", "alpha"), step(model.OpGet, "TrailName", arn), step(model.OpGet, "TrailName", "beta")}},
		{"Put alpha without InsightSelectors", []reports.Step{step(model.OpPut, "TrailName", "alpha")}},
		{"Put '' null", []reports.Step{step(model.OpPut, "TrailName", "", "InsightSelectors", value.NullValue)}},
		{"Put [ApiCallRateInsight: Management+Data, ApiErrorRateInsight: [], X]", []reports.Step{step(model.OpPut, "InsightSelectors",
			value.ListOf(selector("ApiCallRateInsight", "Management", "Data"), selector("ApiErrorRateInsight", []string{}...).With("EventCategories", value.ListOf()), selector("X")))}},
		{`Put [{"InsightType":"A","Extra":true}, "text", A: "Data", B: [null]]`, []reports.Step{step(model.OpPut, "InsightSelectors", value.ListOf(
			value.Obj("InsightType", "A", "Extra", true), value.Str("text"),
			value.Obj("InsightType", "A", "EventCategories", "Data"), value.Obj("InsightType", "B", "EventCategories", value.ListOf(value.NullValue))))}},
		{"Put store …00 to ARN of store …01 []", []reports.Step{step(model.OpPut, "EventDataStore", model.StoreID(0),
			"InsightsDestination", model.DefaultWorld.StoreARN("us-east-1", model.StoreID(1)), "InsightSelectors", value.ListOf())}},
		{"Put with the body '{' by PUT in eu-west-1", []reports.Step{{Operation: string(model.OpPut), Raw: &raw, Method: "PUT", Region: "eu-west-1"}}},
		{"Get TrailName: 7 with the other target prefix", []reports.Step{{Operation: string(model.OpGet), Request: value.Obj("TrailName", value.Num("7")), OtherTarget: true}}},
		{"Arrange alpha bucket-missing", []reports.Step{step(model.OpArrange, "TrailName", "alpha", "Condition", "bucket-missing")}},
		{"PutEventSelectors alpha EventSelectors: [{ReadWriteType: ReadOnly}]", []reports.Step{
			step(model.OpPutEvents, "TrailName", "alpha", "EventSelectors", value.ListOf(value.Obj("ReadWriteType", "ReadOnly")))}},
	} {
		assert.Equal(t, test.want, Steps(test.steps, 0))
	}
}

func TestLongSequencesKeepTheirEnds(t *testing.T) {
	var steps []reports.Step
	for i := range 40 {
		steps = append(steps, reports.NewStep(i+1, put(selector("ApiCallRateInsight")), targets.Reply{}, nil))
	}
	steps[0].Operation, steps[39].Operation = "CreateTrail", "GetTrail"
	line := Steps(steps, 100)
	assert.LessOrEqual(t, plain.Length(line), 100)
	assert.Regexp(t, `^… 39 steps … → GetTrail `, line)
	assert.LessOrEqual(t, plain.Length(Steps(steps, 30)), 30)
	assert.Regexp(t, `^CreateTrail alpha .* → … 3\d steps … → .* → GetTrail `, Steps(steps, 250))
}

package describe

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
)

// TestLentTrailsHaveTheirOwnNames: what nobody sent is not shown, and names are those of the target, also in ARNs.
func TestLentTrailsHaveTheirOwnNames(t *testing.T) {
	arn := model.DefaultWorld.TrailARN(model.DefaultWorld.Home, "alpha")
	steps := []reports.Step{
		{Number: 1, Operation: "CreateTrail", Request: value.Obj("Name", "alpha", "S3BucketName", SharedBucket), Lent: "orders"},
		{Number: 2, Operation: "PutInsightSelectors", Request: value.Obj("TrailName", arn, "InsightSelectors", value.ListOf())},
		{Number: 3, Operation: "GetInsightSelectors", Request: value.Obj("TrailName", "alpha"), Diverges: true},
	}
	made := []reports.Step{steps[1], steps[2]}
	r := &reports.Report{Divergences: []reports.Divergence{
		{Rule: "a", Steps: steps, Expected: []string{"TrailARN=ARN of alpha"}, Actual: "alphabet of alpha",
			States: [][]reports.ResourceState{{{Resource: "trail/us-east-1/alpha"}}, {{Resource: "trail/us-east-1/alpha"}}, nil}},
		{Rule: "b", Steps: made, Actual: "alpha"}}}
	shown := Shown(r)
	d := shown.Divergences[0]
	assert.Equal(t, "Put ARN of orders [] → Get orders", Steps(d.Steps))
	assert.Equal(t, 1, d.Steps[0].Number)
	assert.Equal(t, []string{"TrailARN=ARN of orders"}, d.Expected)
	assert.Equal(t, "alphabet of orders", d.Actual)
	assert.Equal(t, [][]reports.ResourceState{{{Resource: "trail/us-east-1/orders"}}, nil}, d.States)
	assert.Equal(t, "alpha", shown.Divergences[1].Actual)
	assert.Len(t, r.Divergences[0].Steps, 3, "the report itself stays as it is")
	assert.Equal(t, "trail/us-east-1/alpha", r.Divergences[0].States[1][0].Resource)
}

package model

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/insightconform/conform/model/value"
)

// BenchmarkStep walks a mixed sequence: valid and refused Puts, reads, and calls around them.
func BenchmarkStep(b *testing.B) {
	world := DefaultWorld
	s := NewState(&world)
	play := func(r Request) { s = Step(s, r)[0].Next }
	play(Request{Op: OpCreate, Input: value.Obj("Name", "alpha", "S3BucketName", "b")})
	play(Request{Op: OpStart, Input: value.Obj("Name", "alpha")})
	one := value.ListOf(value.Obj("InsightType", "ApiCallRateInsight", "EventCategories", value.Strs("Management")))
	two := value.ListOf(value.Obj("InsightType", "ApiCallRateInsight"), value.Obj("InsightType", "ApiErrorRateInsight", "EventCategories", value.Strs("Management")))
	data := value.ListOf(value.Obj("InsightType", "ApiCallRateInsight", "EventCategories", value.Strs("Data")))
	requests := []Request{
		{Op: OpPut, Input: value.Obj("TrailName", "alpha", "InsightSelectors", one)},
		{Op: OpGet, Input: value.Obj("TrailName", "alpha")},
		{Op: OpPut, Input: value.Obj("TrailName", "alpha", "InsightSelectors", two)},
		{Op: OpGet, Input: value.Obj("TrailName", world.TrailARN(world.Home, "alpha"))},
		{Op: OpTrail, Input: value.Obj("Name", "alpha")},
		{Op: OpPut, Input: value.Obj("TrailName", "beta", "InsightSelectors", one)},
		{Op: OpGet, Input: value.Obj("TrailName", "alpha")},
		{Op: OpPut, Input: value.Obj("TrailName", "alpha", "InsightSelectors", data)},
		{Op: OpGet, Input: value.Obj("TrailName", "alpha")},
		{Op: OpStatus, Input: value.Obj("Name", "alpha")},
		{Op: OpPut, Input: value.Obj("TrailName", "alpha", "InsightSelectors", value.ListOf())},
		{Op: OpGet, Input: value.Obj("TrailName", "alpha")},
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s = Step(s, requests[i%len(requests)])[0].Next
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "steps/s")
}

// TestStepAllocatesLittle: a Get costs its branches and the ARN in them, and no memory besides.
func TestStepAllocatesLittle(t *testing.T) {
	world := DefaultWorld
	s := NewState(&world).WithTrail(-1, Trail{Name: "alpha", Home: world.Home, Logging: true, Insights: MakeSelectors(Management, 0)})
	get := Request{Op: OpGet, Input: value.Obj("TrailName", "alpha")}
	assert.LessOrEqual(t, testing.AllocsPerRun(1000, func() { Step(s, get) }), 2.0)
}

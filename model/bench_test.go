package model

import "testing"

// BenchmarkStep walks a mixed sequence: valid and refused Puts, reads, and calls around them.
func BenchmarkStep(b *testing.B) {
	world := DefaultWorld
	s := NewState(&world)
	play := func(r Request) { s = Step(s, r)[0].Next }
	play(Request{Op: OpCreate, Input: Obj("Name", "alpha", "S3BucketName", "b")})
	play(Request{Op: OpStart, Input: Obj("Name", "alpha")})
	one := ListOf(Obj("InsightType", "ApiCallRateInsight", "EventCategories", Strs("Management")))
	two := ListOf(Obj("InsightType", "ApiCallRateInsight"), Obj("InsightType", "ApiErrorRateInsight", "EventCategories", Strs("Management")))
	data := ListOf(Obj("InsightType", "ApiCallRateInsight", "EventCategories", Strs("Data")))
	requests := []Request{
		{Op: OpPut, Input: Obj("TrailName", "alpha", "InsightSelectors", one)},
		{Op: OpGet, Input: Obj("TrailName", "alpha")},
		{Op: OpPut, Input: Obj("TrailName", "alpha", "InsightSelectors", two)},
		{Op: OpGet, Input: Obj("TrailName", world.TrailARN(world.Home, "alpha"))},
		{Op: OpTrail, Input: Obj("Name", "alpha")},
		{Op: OpPut, Input: Obj("TrailName", "beta", "InsightSelectors", one)},
		{Op: OpGet, Input: Obj("TrailName", "alpha")},
		{Op: OpPut, Input: Obj("TrailName", "alpha", "InsightSelectors", data)},
		{Op: OpGet, Input: Obj("TrailName", "alpha")},
		{Op: OpStatus, Input: Obj("Name", "alpha")},
		{Op: OpPut, Input: Obj("TrailName", "alpha", "InsightSelectors", ListOf())},
		{Op: OpGet, Input: Obj("TrailName", "alpha")},
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s = Step(s, requests[i%len(requests)])[0].Next
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "steps/s")
}

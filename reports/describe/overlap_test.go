package describe

import (
	"fmt"
	"strings"
	"testing"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
	"github.com/stretchr/testify/assert"
)

// sent is a call of a client in a phase between two moments.
func sent(client, phase int, start, end int64, r model.Request, body value.Value) reports.Step {
	return reports.Step{Number: int(start), Operation: string(r.Op), Request: r.Input, Client: client, Phase: phase, Start: start, End: end,
		Answer: reports.StepAnswer{Outcome: reports.OutcomeSuccess, Body: body}}
}

func named(op model.Op, name string, more ...any) model.Request {
	return model.Request{Op: op, Input: value.Obj(append([]any{"Name", name}, more...)...)}
}

// aRace is a history in which two Puts overlap, a refused one follows, and what is read at rest is none of both.
func aRace() []reports.Step {
	get := model.Request{Op: model.OpGet, Input: value.Obj("TrailName", "alpha")}
	rate, errors := selector("ApiCallRateInsight", "Management", "Data"), selector("ApiErrorRateInsight")
	logs := model.Request{Op: model.OpPutEvents, Input: value.Obj("TrailName", "alpha", "EventSelectors",
		value.ListOf(value.Obj("ReadWriteType", "All", "IncludeManagementEvents", true)))}
	steps := []reports.Step{
		sent(0, 0, 1, 2, named(model.OpCreate, "alpha", "S3BucketName", SharedBucket), value.Obj()),
		sent(0, 0, 3, 4, logs, value.Obj()),
		sent(0, 0, 5, 6, get, value.Obj("InsightSelectors", value.ListOf())),
		sent(2, 1, 7, 9, put(rate), value.Obj()),
		sent(1, 1, 8, 12, put(errors), value.Obj()),
		sent(2, 1, 10, 11, get, value.Obj("InsightSelectors", value.ListOf(rate))),
		sent(1, 2, 13, 14, put(selector("ApiLatency")), value.Value{}),
		sent(0, 0, 15, 16, get, value.Obj("InsightSelectors", value.ListOf(rate, errors))),
		sent(0, 0, 17, 18, named(model.OpTrail, "alpha"), value.Obj("Trail", value.Obj("HasInsightSelectors", true))),
	}
	steps[6].Answer = reports.StepAnswer{Outcome: reports.OutcomeRefused, Code: "InvalidInsightSelectorsException"}
	steps[7].Diverges = true
	return steps
}

func TestPictureShowsWhichCallsOverlap(t *testing.T) {
	var lines []string
	for _, line := range Picture(aRace()) {
		lines = append(lines, strings.TrimRight(fmt.Sprintf("%-8s%s", line[0], line[1]), " "))
	}
	assert.Equal(t, []string{
		"before    CreateTrail alpha → PutEventSelectors (management)",
		"at once   client 2  ├─┤      7. Put [ApiCallRate: Management+Data]",
		"          client 1  ├────┤   8. Put [ApiErrorRate]",
		"          client 2     ├─┤  10. Get → [ApiCallRate: Management+Data]",
		"then      client 1  ├─┤  13. Put [ApiLatency] → InvalidInsightSelectorsException",
		"at rest ✗ 15. Get → [ApiCallRate: Management+Data, ApiErrorRate]",
		"          17. GetTrail → HasInsightSelectors true",
	}, lines)
}

// TestPictureTellsWhichOrdersWereTried with the numbers of the calls, and what would have been answered where each fails.
func TestPictureTellsWhichOrdersWereTried(t *testing.T) {
	told := func(d reports.Divergence) (lines []string) {
		for _, line := range Told(d)[len(Picture(d.Steps)):] {
			lines = append(lines, strings.TrimRight(fmt.Sprintf("%-8s%s", line[0], line[1]), " "))
		}
		return lines
	}
	d := reports.Divergence{Rule: model.ConcurrentLinearizable, Steps: aRace(), OrdersTried: 5, Orders: []reports.TriedOrder{
		{Calls: []int{7, 8, 15}, Would: []string{"success with [ApiErrorRate]", "InsightNotEnabledException"}},
		{Calls: []int{8, 10}, Would: []string{"success with [ApiErrorRate]"}}}}
	assert.Equal(t, []string{
		"tried     5 orders of the calls, of which 2 are shown. Each fails at ✗:",
		"          7 8 15✗  Get would answer [ApiErrorRate] or InsightNotEnabledException",
		"          8 10✗    Get would answer [ApiErrorRate]",
	}, told(d))
	d.OrdersTried, d.Orders = 1, d.Orders[:1]
	assert.Equal(t, "tried     the only order that is possible fails at ✗:", told(d)[0])
	d.Rule, d.OrdersTried, d.Orders = model.ConcurrentWhole, 2, []reports.TriedOrder{
		{Calls: []int{8, 15}, Would: []string{"success with [ApiErrorRate]"}}, {Calls: []int{15}, Would: []string{"InsightNotEnabledException"}}}
	d.OrdersTried, d.Orders = 1, d.Orders[:1]
	assert.Equal(t, "tried     the only Put that may have come last:", told(d)[0])
	d.OrdersTried, d.Orders = 2, append(d.Orders, reports.TriedOrder{Calls: []int{15}, Would: []string{"InsightNotEnabledException"}})
	assert.Equal(t, []string{
		"tried     each Put that may have come last:",
		"          8 last  Get would answer [ApiErrorRate]",
		"          none    Get would answer InsightNotEnabledException",
	}, told(d))
	assert.Len(t, Details(&reports.Report{}, d), len(Details(&reports.Report{}, reports.Divergence{Rule: d.Rule, Steps: d.Steps}))+3)
	d.Rule, d.Orders = model.ConcurrentLinearizable, []reports.TriedOrder{{Calls: []int{7, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15}, Would: []string{"x"}},
		{Calls: []int{8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15}, Would: []string{"x"}}}
	assert.Equal(t, []string{"          … 1 2 3 4 5 6 7 8 9 10 15✗  Get would answer x"}, told(d)[1:], "what goes before is left out")
	for range 100 { // which a hostile file has
		d.Orders = append(d.Orders, reports.TriedOrder{Calls: make([]int, 5000), Would: []string{strings.Repeat("x", 9000)}}, reports.TriedOrder{})
	}
	assert.Less(t, len(strings.Join(told(d), "\n")), 4000)
	assert.Empty(t, told(reports.Divergence{Steps: aRace()}))
}

func TestPictureMarksCallsWithoutAnAnswerAsOpen(t *testing.T) {
	steps := aRace()
	steps[4].Answer = reports.StepAnswer{Outcome: reports.OutcomeUnanswered}
	assert.Equal(t, "  client 1  ├────…   8. Put [ApiErrorRate] → no answer", Picture(steps)[2][1])
}

func TestPictureOfReadsAtRestHasBarsOnlyWhereTheyOverlap(t *testing.T) {
	steps := aRace()
	steps[7].Client = 1
	assert.Equal(t, "            17. GetTrail → HasInsightSelectors true", Picture(steps)[6][1])
	steps[8].Start, steps[8].End, steps[8].Client = 15, 17, 2
	assert.Equal(t, "  client 2  ├─┤  17. GetTrail → HasInsightSelectors true", Picture(steps)[6][1])
	steps = aRace()[:8]
	steps[7].Client = 1
	assert.Equal(t, [2]string{LabelAtRest, "✗ client 1  15. Get → [ApiCallRate: Management+Data, ApiErrorRate]"}, Picture(steps)[5])
}

func TestPictureNamesResourcesWhereThereAreSeveral(t *testing.T) {
	steps := aRace()
	steps[6].Request = steps[6].Request.With("TrailName", value.Str("beta"))
	lines := Picture(steps)
	assert.Contains(t, lines[1][1], "Put alpha [")
	assert.Contains(t, lines[4][1], "Put beta [")
}

// A history that a hostile file makes long has its marked answer still.
func TestPictureIsBounded(t *testing.T) {
	steps := aRace()
	for i := range int64(5000) {
		steps = append(steps, sent(1, 2, 20+i, 21+i, put(), value.Obj()))
	}
	steps = append(steps, steps[7])
	lines := Picture(steps)
	assert.Less(t, len(lines), maxCalls+10)
	assert.Contains(t, lines[len(lines)-1][1], "✗")
	assert.Less(t, len(Steps(steps)), 4*maxSequence)
}

func TestWhatClientsDoAtOnceIsNoSequence(t *testing.T) {
	assert.Equal(t, "CreateTrail alpha → PutEventSelectors (management); at once: client 2 Put [ApiCallRate: Management+Data] → Get "+
		"while client 1 Put [ApiErrorRate]; then: client 1 Put [ApiLatency]; at rest: Get → GetTrail", Steps(aRace()))
	assert.Equal(t, "after 6 calls; at once: client 2 Put [ApiCallRate: Management+Data] → Get while client 1 Put [ApiErrorRate]; then: "+
		"client 1 Put [ApiLatency]; at rest: Get → GetTrail", Steps(append(aRace()[:3:3], aRace()...)), "a long set-up is counted")
	atRest := aRace()
	atRest[8].Client = 2
	assert.Contains(t, Steps(atRest), "; at rest: Get → GetTrail", "which is one after another")
	d := reports.Divergence{Rule: model.ConcurrentWhole, Steps: aRace(), Clients: 2, Seen: "3 of 10", Status: reports.Confirmed, Count: 7}
	details := strings.Join(Details(&reports.Report{}, d), "\n")
	assert.NotContains(t, details, "sequence")
	assert.Contains(t, details, "\nat once       client 2  ├─┤ ")
	assert.Contains(t, details, "\nat rest     ✗ 15. Get → [")
	assert.Contains(t, details, "seen in 3 of 10 plays with 2 clients")
	d.Status, d.Seen = reports.Unrepeated, "0 of 5"
	assert.Equal(t, "7 times; 0 of 5 plays of the same calls showed it again; these calls of 2 clients are the part of one history "+
		"that contradicts the rule", Plays(d))
	assert.Equal(t, "concurrent/whole (Get, trail)", Signature("concurrent/whole|GetInsightSelectors|trail"))
}

func TestPictureOfManyCallsIsNarrower(t *testing.T) {
	steps := aRace()[:4]
	for i := range int64(6) {
		steps = append(steps, sent(1, 1, 10+2*i, 11+2*i, put(), value.Obj()))
	}
	lines := Picture(steps)
	assert.Equal(t, "  client 2  ├┤               7. Put [ApiCallRate: Management+Data]", lines[1][1])
	assert.Equal(t, "  client 1    ├┤            10. Put []", lines[2][1])
	assert.Equal(t, "  client 1              ├┤  20. Put []", lines[7][1])
}

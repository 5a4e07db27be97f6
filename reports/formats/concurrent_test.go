package formats_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/internal/golden"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/describe"
	"github.com/insightconform/conform/reports/junit"
	"github.com/insightconform/conform/reports/markdown"
	"github.com/insightconform/conform/reports/text"
	"github.com/insightconform/conform/targets"
)

// racing is the report of a target that stores what overlapping Puts ask for together, and where Get once showed what a
// refused Put had asked for.
func racing() *reports.Report {
	get := model.Request{Op: model.OpGet, Input: value.Obj("TrailName", "alpha")}
	events := model.Request{Op: model.OpPutEvents, Input: value.Obj("TrailName", "alpha", "EventSelectors",
		value.ListOf(value.Obj("ReadWriteType", "All", "IncludeManagementEvents", true)))}
	shows := func(list ...value.Value) targets.Reply {
		return success(value.Obj("TrailARN", model.DefaultWorld.TrailARN("us-east-1", "alpha"), "InsightSelectors", value.ListOf(list...)))
	}
	rate, errors := selector("ApiCallRateInsight", "Management", "Data"), selector("ApiErrorRateInsight", "Data")
	before := []reports.Step{
		reports.NewStep(1, model.Request{Op: model.OpCreate, Input: value.Obj("Name", "alpha", "S3BucketName", describe.SharedBucket)}, success(value.Obj()), []string{}),
		reports.NewStep(2, model.Request{Op: model.OpStart, Input: value.Obj("Name", "alpha")}, success(value.Obj()), []string{}),
		reports.NewStep(3, events, success(value.Obj()), []string{}),
	}
	timed := func(s reports.Step, client, phase int, start, end int64) reports.Step {
		s.Client, s.Phase, s.Start, s.End, s.Diverges = client, phase, start, end, phase == 0 || model.Op(s.Operation) == model.OpGet
		return s
	}
	for i := range before {
		before[i].Start, before[i].End = int64(2*i+1), int64(2*i+2)
	}
	puts := append(before[:3:3], timed(reports.NewStep(4, put(rate), shows(rate), []string{}), 1, 1, 7, 10),
		timed(reports.NewStep(5, put(errors), shows(errors), []string{}), 2, 1, 8, 9),
		timed(reports.NewStep(6, put(rate, errors), targets.Reply{Answer: model.Answer{Outcome: model.Unanswered}}, []string{}), 2, 2, 11, 14),
		timed(reports.NewStep(7, get, shows(rate, errors), []string{"success with one"}), 0, 0, 15, 16))
	invalid := put(selector("NoSuchInsight"))
	refused := append(before[:3:3], timed(reports.NewStep(4, invalid, targets.Reply{Answer: model.Refusal("InvalidInsightSelectorsException"), Status: 400}, []string{}), 2, 1, 7, 10),
		timed(reports.NewStep(5, get, shows(selector("NoSuchInsight")), []string{"InsightNotEnabledException"}), 1, 1, 8, 9))
	r := diverging()
	r.Command = "conform run --endpoint http://127.0.0.1:5000 --seed 42 --suite concurrent"
	r.Deviations, r.Divergences = nil, nil
	add := func(rule model.ID, fails bool, status, seen, trace string, expected []string, actual string, steps []reports.Step) {
		known := model.RuleOf(rule)
		r.Coverage.Rules[rule] = reports.RuleCoverage{Exercised: true, Violated: true, Applicable: true}
		r.Divergences = append(r.Divergences, reports.Divergence{Signature: string(rule) + "|GetInsightSelectors|trail", Rule: rule, Level: known.Level,
			Statement: known.Statement, Source: known.Source, Operation: string(model.OpGet), Expected: expected, Actual: actual, Count: 7, Fails: fails,
			Status: status, Seen: seen, Trace: trace, Replay: trace, Clients: 2, Schedule: 9, Steps: steps})
	}
	add(model.ConcurrentWhole, true, reports.Confirmed, "3 of 10", "conform replay 93cb25",
		[]string{"success with [ApiCallRate: Management+Data]", "success with [ApiErrorRate: Data]"},
		"success with [ApiCallRate: Management+Data, ApiErrorRate: Data]", puts)
	add(model.ConcurrentLinearizable, false, reports.Unrepeated, "0 of 5", "", []string{"InsightNotEnabledException"},
		"success with [] and NoSuchInsight", refused)
	r.Divergences[0].OrdersTried, r.Divergences[0].Orders = 2, []reports.TriedOrder{
		{Calls: []int{4, 7}, Would: []string{"success with [ApiCallRate: Management+Data]"}},
		{Calls: []int{5, 7}, Would: []string{"success with [ApiErrorRate: Data]"}}}
	r.Divergences[1].OrdersTried, r.Divergences[1].Orders = 2, []reports.TriedOrder{
		{Calls: []int{4, 5}, Would: []string{"InsightNotEnabledException"}}, {Calls: []int{5}, Would: []string{"InsightNotEnabledException"}}}
	return r
}

func TestWhatSeveralClientsDidInText(t *testing.T) {
	for name, options := range map[string]text.Options{"racing-80": {Width: 80}, "racing-60": {Width: 60}, "racing-verbose": {Verbose: true}} {
		t.Run(name, func(t *testing.T) {
			out := textOf(t, racing(), options)
			assert.NotContains(t, string(out), "sequence", "what overlaps is no sequence")
			golden.Check(t, "testdata/"+name+".txt", out)
		})
	}
}

func TestReplaysOfSeveralClientsInText(t *testing.T) {
	r := racing()
	d := r.Divergences[0]
	r.End = &reports.End{Replayed: true}
	r.Replays = []reports.Replay{
		{Signature: d.Signature, Rule: d.Rule, Outcome: reports.ReplayDiverges, Expected: d.Expected, Actual: d.Actual, Steps: d.Steps},
		{Signature: d.Signature, Rule: d.Rule, Outcome: reports.ReplayFixed, Expected: d.Expected, Why: "not seen in 10 plays; a race shows by chance"},
	}
	golden.Check(t, "testdata/racing-replays.txt", textOf(t, r, text.Options{Width: 80, Verbose: true}))
}

func TestWhatSeveralClientsDidForPullRequests(t *testing.T) {
	var md, xml bytes.Buffer
	require.NoError(t, markdown.Write(&md, racing()))
	require.NoError(t, junit.Write(&xml, racing()))
	for _, out := range []string{md.String(), xml.String()} {
		assert.NotContains(t, out, "sequence ")
		assert.Contains(t, out, "\nat once       client 1  ├─┤  4. Put [ApiCallRate: Management+Data]\n")
		assert.Contains(t, out, "\n              client 2  ├─┤  5. Put [ApiErrorRate: Data]\n")
		assert.Contains(t, out, "\nat rest     ✗ 7. Get → [ApiCallRate: Management+Data, ApiErrorRate: Data]\n")
		assert.Contains(t, out, "\ntried         each Put that may have come last:\n              4 last  Get would answer [ApiCallRate: Management+Data]\n")
		assert.Contains(t, out, "seen in 3 of 10 plays with 2 clients")
	}
}

func TestPageDrawsWhatSeveralClientsDid(t *testing.T) {
	page := htmlOf(t, racing())
	assert.Equal(t, 2, strings.Count(page, `<figure class="overlap">`))
	assert.Contains(t, page, `<title>4. client 1: Put [ApiCallRate: Management&#43;Data] → HTTP 200`, "each bar says what it is")
	assert.Contains(t, page, `<title>This answer cannot be explained. 7. at rest: Get → HTTP 200`)
	assert.Contains(t, page, "Any of the Puts that overlap may have come last, so call 7 may answer: success with [ApiCallRate: Management&#43;Data] or ")
	assert.Contains(t, page, "<dt>4 last</dt><dd>Get would answer [ApiCallRate: Management&#43;Data]</dd>")
	assert.Contains(t, page, "<dt>4 5✗</dt><dd>Get would answer InsightNotEnabledException</dd>")
	assert.Contains(t, page, ">overlaps 5<", "the steps say it too")
	assert.NotContains(t, page, `class="sequence"`)
	assert.Contains(t, page, "--as go")
	assert.NotContains(t, page, "--as boto3", "no other form has clients")
	assert.NotContains(t, htmlOf(t, diverging()), `<figure class="overlap">`)
}

// What matters is not out of sight behind a long set-up.
func TestPageDrawsALongSetUpAsOneBar(t *testing.T) {
	r := racing()
	d := &r.Divergences[0]
	first := d.Steps[0]
	var steps []reports.Step
	for i := range 12 {
		first.Number, first.Start, first.End = i+1, int64(2*i)-30, int64(2*i)-29
		steps = append(steps, first)
	}
	d.Steps = append(steps, d.Steps...)
	page := htmlOf(t, r)
	assert.Contains(t, page, ">1–3</text>", "the bar says which calls it stands for")
	assert.Contains(t, page, "<title>1. before: CreateTrail alpha → HTTP 200 {}\n2. before: CreateTrail → HTTP")
	width := func(page string) (n int) {
		_, err := fmt.Sscanf(page[strings.Index(page, `<svg width="`):], `<svg width="%d"`, &n)
		require.NoError(t, err)
		return n
	}
	assert.Less(t, width(page), width(htmlOf(t, racing()))+40)
}

// A file may say anything of the times.
func TestPageOfOddTimes(t *testing.T) {
	r := racing()
	steps := r.Divergences[0].Steps
	for i := range steps {
		steps[i].Start, steps[i].End, steps[i].Phase = int64(len(steps)-i), -5, 3-i
	}
	assert.Contains(t, htmlOf(t, r), `<figure class="overlap">`)
	for range 9 {
		steps = append(steps, steps...)
	}
	r.Divergences[0].Steps = steps
	assert.Equal(t, 1, strings.Count(htmlOf(t, r), `<figure class="overlap">`), "what nobody could read is not drawn")
}

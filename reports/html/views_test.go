package html

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRuleStates(t *testing.T) {
	r := &reports.Report{Capabilities: map[string]reports.CapabilityStatus{string(model.CanStores): reports.Absent}}
	r.Coverage.Rules = map[model.ID]reports.RuleCoverage{
		model.PutStores:        {Applicable: true, Exercised: true},
		model.PutIdempotent:    {Applicable: true, Exercised: true},
		model.PutReplacesList:  {Applicable: true, Exercised: true, Violated: true},
		model.PutEmptyDisables: {Applicable: true},
		model.StoreEnables:     {Why: "no stores"},
		"throttled":            {Why: "it makes no claim"},
		"future/rule":          {Applicable: true, Exercised: true},
	}
	r.Deviations = []reports.Deviation{{Rule: model.PutIdempotent, Count: 1}, {Rule: model.PutReplacesList, Count: 1}, {Rule: model.Order, Count: 2}}
	states := map[string]string{}
	for _, rule := range newReportView(r.Normalized(), 0, false).Rules {
		states[rule.ID] = rule.State
	}
	for id, want := range map[model.ID]string{
		model.PutStores: reports.RuleKept, model.PutIdempotent: reports.RuleDeviates, model.PutReplacesList: reports.RuleViolated, model.PutEmptyDisables: reports.RuleNotJudged,
		model.StoreEnables: reports.RuleNotCovered, model.GetNotEnabled: reports.RuleNotJudged, "future/rule": reports.RuleKept,
	} {
		assert.Equal(t, want, states[string(id)], id)
	}
	assert.NotContains(t, states, "throttled", "what claims nothing is no rule of the page")
}

func TestComparedSelectors(t *testing.T) {
	d := reports.Divergence{Rule: model.PutReplacesList, Operation: string(model.OpGet), Expected: []string{"[ApiErrorRateInsight]", "InsightNotEnabledException"},
		Actual: "[ApiCallRateInsight, ApiErrorRateInsight]"}
	d.Steps = []reports.Step{reports.NewStep(1, model.Request{Op: model.OpGet, Input: value.Obj("TrailName", "alpha")},
		success(value.Obj("InsightSelectors", value.ListOf(selector("ApiCallRateInsight"), selector("ApiErrorRateInsight")))), nil)}
	d.Steps[0].Diverges = true
	v := newReportView(&reports.Report{Divergences: []reports.Divergence{d}}, 0, false).Divergences[0]
	assert.Equal(t, []markedSpan{{"[ApiErrorRateInsight]", false}}, v.Expected)
	assert.Equal(t, []markedSpan{{"[", false}, {"ApiCallRateInsight, ", true}, {"ApiErrorRateInsight]", false}}, v.Actual)
	assert.Equal(t, []string{"InsightNotEnabledException"}, v.Accepted)
	assert.Contains(t, v.Whole, `"InsightType":"ApiErrorRateInsight"`)
}

func TestDifferingWords(t *testing.T) {
	left, right := differingWords("HasInsightSelectors is true", "HasInsightSelectors is false")
	assert.Equal(t, []markedSpan{{"HasInsightSelectors is ", false}, {"true", true}}, left)
	assert.Equal(t, []markedSpan{{"HasInsightSelectors is ", false}, {"false", true}}, right)
	left, right = differingWords("InsightNotEnabledException", "HTTP 200 with []")
	assert.Equal(t, []markedSpan{{"InsightNotEnabledException", true}}, left)
	assert.Equal(t, []markedSpan{{"HTTP 200 with []", true}}, right)
}

func TestCharts(t *testing.T) {
	var timeline []reports.Interval
	for i := range 90 {
		timeline = append(timeline, reports.Interval{Seconds: float64(i) / 2, Requests: 60 + 25*((i*7)%5), MeanMS: 3 + float64((i*3)%7), SlowMS: 9 + float64((i*i*31)%400)})
	}
	v := newTimelineView(timeline)
	assert.Equal(t, []string{"0", "10", "20", "30", "40", "50"}, v.Seconds)
	assert.Equal(t, []string{"400", "300", "200", "100", "0"}, v.Rate.Marks)
	assert.Equal(t, []string{"1,000", "100", "10", "1"}, v.Latency.Marks)
}

func TestWalkTable(t *testing.T) {
	v := newWalkView(walk(t))
	require.Len(t, v.Logs, 8)
	require.Len(t, v.Rows, 16)
	for _, row := range v.Rows {
		for i, cell := range row.Items {
			assert.Equal(t, [2]string{v.Logs[i], row.Key}, [2]string{cell.Logs, cell.On})
		}
	}
	assert.Equal(t, 8*16*24-16*4, v.Total, "the requests within reach")
	first := v.Rows[0].Items[0]
	assert.Equal(t, walkCell{ID: "walk-0", Logs: "nothing", On: "off", Covered: 16, Total: 24, Inputs: first.Inputs}, *first)
	assert.Len(t, first.Inputs, 8)
	assert.Same(t, first, v.Missing[0])
}

// walk reads a machine that was covered in part, with what a target without some requests cannot reach.
func walk(t *testing.T) *reports.Walk {
	data, err := os.ReadFile("testdata/walk.json")
	require.NoError(t, err)
	w := &reports.Walk{}
	require.NoError(t, json.Unmarshal(data, w))
	return w
}

func selector(name string, categories ...string) value.Value {
	if categories == nil {
		return value.Obj("InsightType", name)
	}
	return value.Obj("InsightType", name, "EventCategories", value.Strs(categories...))
}

func success(body value.Value) targets.Reply {
	return targets.Reply{Answer: model.Answer{Outcome: model.Succeeded}, Body: body, Status: 200, Received: body.AppendJSON(nil)}
}

// TestPageOfManyDivergences: what a page shows has an end, which it tells.
func TestPageOfManyDivergences(t *testing.T) {
	for _, n := range []int{maxDivergences, 4 * maxDivergences} {
		r := &reports.Report{}
		for i := range n {
			r.Divergences = append(r.Divergences, reports.Divergence{Signature: fmt.Sprint(i), Rule: "put/replaces-list", Level: model.Observed,
				Status: reports.Unrepeated, Statement: strings.Repeat("é", 500), Steps: []reports.Step{{Number: 1, Operation: "PutInsightSelectors"}}})
		}
		var page bytes.Buffer
		require.NoError(t, Write(&page, r))
		assert.Less(t, page.Len(), 5<<20)
		assert.Equal(t, n > maxDivergences, strings.Contains(page.String(), "later are in the JSON report"))
	}
}

package reports

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
)

// night is the report of a run on a day of November, in which a rule came to a state.
func night(day int, target targets.Info, state string) *Report {
	r := &Report{Schema: Schema, Target: target, Started: time.Date(2026, 11, day, 2, 17, 0, 0, time.UTC), End: &End{PutSucceeded: true}, FailOn: model.Observed}
	r.SetCapability(model.CanPut, true, "")
	r.Coverage.Rules = map[model.ID]RuleCoverage{model.PutStores: {Applicable: true, Exercised: true}}
	rule := RuleCoverage{Applicable: true, Exercised: state != RuleNotJudged}
	if status := map[string]string{RuleViolated: Confirmed, Unrepeated: Unrepeated}[state]; status != "" {
		r.Divergences = []Divergence{{Rule: model.PutReplacesList, Signature: "x", Status: status, Level: model.Observed, Fails: true}}
		rule.Violated = true
	}
	r.Coverage.Rules[model.PutReplacesList] = rule
	Judge(r)
	return r
}

func TestTrends(t *testing.T) {
	states := map[rune]string{'x': RuleViolated, '.': RuleKept, '?': RuleNotJudged, '!': Unrepeated}
	day := func(t time.Time) string { return t.Format("Jan 2") }
	for runs, want := range map[string]string{
		"...":     "",
		"???":     "",
		"xxx":     "fails since Nov 1, steady: 3 runs",
		"..xxx":   "fails since Nov 3, steady: 3 runs",
		"..x?x":   "fails since Nov 3, steady: 2 runs",
		"..xx??":  "fails since Nov 3, steady: 2 runs; not judged since",
		"xx..":    "fixed fixed Nov 3; failed from Nov 1 on, 2 runs",
		".xx?.":   "fixed fixed Nov 5; failed from Nov 2 on, 2 runs",
		".x.x.":   "flaky in 2 of 5 runs, last Nov 4",
		"x.x":     "flaky in 2 of 3 runs, last Nov 3",
		"..!.":    "flaky in 1 of 4 runs, last Nov 3",
		"!":       "flaky in 1 of 1 run, last Nov 1",
		"x?.?x??": "flaky in 2 of 3 runs, last Nov 5; not judged since",
	} {
		var list []*Report
		var files []string
		for i, c := range runs {
			list = append(list, night(i+1, targets.Info{Name: "endpoint", Endpoint: "http://a/"}, states[c]))
			files = append(files, fmt.Sprint(100-i))
		}
		slices.Reverse(list) // the order is that of the times within the reports
		slices.Reverse(files)
		histories := Chronicle(list, files)
		require.Len(t, histories, 1, runs)
		h := histories[0]
		got := ""
		for _, r := range h.Rules {
			assert.Equal(t, model.PutReplacesList, r.Rule)
			got = r.Trend + " " + r.InWords(day)
		}
		assert.Equal(t, want, got, runs)
		assert.Equal(t, "100", h.Runs[0].File, runs)
	}
}

// TestTargetsApart: what is another target has a history of its own; another version, or what bears the same name, has not.
func TestTargetsApart(t *testing.T) {
	at := func(url, label, version string) targets.Info {
		return targets.Info{Name: "endpoint", Endpoint: url, Label: label, Version: version}
	}
	embedded := func(port, fault string) targets.Info {
		return targets.Info{Name: "embedded", Endpoint: "http://127.0.0.1:" + port, Fault: fault}
	}
	for name, test := range map[string]struct {
		a, b  targets.Info
		apart bool
	}{
		"URLs":              {at("http://a/", "", ""), at("http://b/", "", ""), true},
		"names":             {at("http://a/", "moto", ""), at("http://a/", "localstack", ""), true},
		"a name":            {at("http://a/", "moto", ""), at("http://a/", "", ""), true},
		"URLs of a name":    {at("http://a:1/", "moto", ""), at("http://a:2/", "moto", ""), false},
		"versions":          {at("http://a/", "moto", "1"), at("http://a/", "moto", "2"), false},
		"ports of embedded": {embedded("1", ""), embedded("2", ""), false},
		"faults":            {embedded("1", ""), embedded("1", "appends-selectors"), true},
	} {
		got := Chronicle([]*Report{night(1, test.a, RuleKept), night(2, test.b, RuleKept)}, []string{"1", "2"})
		assert.Equal(t, test.apart, len(got) == 2, name)
	}
	same := night(1, at("http://a/", "", ""), RuleKept)
	assert.Len(t, Chronicle([]*Report{same, same}, []string{"1", "copy"})[0].Runs, 1, "a report that is there twice counts once")
}

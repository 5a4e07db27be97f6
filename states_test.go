package conform_test

import (
	stdhtml "html"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/html"
	"github.com/insightconform/conform/reports/junit"
	"github.com/insightconform/conform/reports/markdown"
	"github.com/insightconform/conform/reports/text"
	"github.com/insightconform/conform/targets/embedded"
)

// TestStatesOfRules runs against servers that are wrong in one thing: what could not be judged for it is not said to be
// kept, and names what it is hidden behind.
func TestStatesOfRules(t *testing.T) {
	t.Parallel()
	another := func(branches []model.Branch, r model.Request) int {
		if r.Op == model.OpPut {
			return len(branches) - 1
		}
		return 0
	}
	off := func(a arrived) bool { return a.put() && strings.Contains(a.body, `"InsightSelectors":[]`) }
	type states = map[model.ID]string
	type given struct {
		options  embedded.ServerOptions
		react    func(arrived) reaction
		requests int
		states   states
		says     string // how the reason ends
	}
	cases := map[string]given{
		"right": {requests: 19000, states: states{model.PutStores: "kept", model.WireNoCrash: "kept", model.Busy: "not judged: it makes no claim"},
			says: "among the requests that were tried"},
		"another accepted answer": {options: embedded.ServerOptions{Chooser: another}, states: states{model.PutDuplicateType: "deviates",
			model.PutReplacesList: "kept"}},
		"appends selectors": {options: embedded.ServerOptions{Fault: "appends-selectors"}, states: states{model.PutReplacesList: "violated",
			model.PutEmptyDisables: "kept"}},
		"every Put on stores is wrong": {react: func(a arrived) reaction { return when(a.put() && a.stores(), refuses("NoIdeaException")) },
			states: states{
				model.StoreEnables: "violated", model.StoreDisable: "violated", model.PutReplacesList: "kept",
				model.StoreNoData:         "not judged: hidden behind store/",
				model.StoreRepoint:        "not judged: hidden behind store/enables, which is violated",
				model.StoreDisableWithDst: "not judged: hidden behind store/",
			}, says: "applicable rules not judged"},
		"every Put of nothing is wrong": {react: func(a arrived) reaction { return when(off(a), refuses("NoIdeaException")) },
			states: states{model.PutEmptyDisables: "violated", model.LogsDisable: "not judged: hidden behind put/empty-when-off, which is violated"},
			says:   "7 of 83 applicable rules not judged"},
		"every Get is a 500": {react: func(a arrived) reaction { return when(a.get(), answers(500, "{}")) },
			states: states{model.WireNoCrash: "violated", model.GetReflectsPut: "not judged: hidden behind wire/no-crash, which is violated",
				model.StateIsolated: "not judged: hidden behind wire/no-crash, which is violated"}, says: "applicable rules not judged"},
		"every Get says that Insights is off": {react: func(a arrived) reaction { return when(a.get(), refuses("InsightNotEnabledException")) },
			states: states{
				model.GetReflectsPut: "violated", // all the others could be broken at will
				model.GetNotEnabled:  "not judged: ", model.StateInitiallyOff: "not judged: ",
				model.StateIsolated: "not judged: ", model.ErrorAtomic: "not judged: ", model.StoreNoData: "not judged: ",
				model.PutReplacesList: "not judged: hidden behind get/reflects-put, which is violated",
			}, says: "applicable rules not judged"},
		"without Get": {react: unknown("GetInsightSelectors"), states: states{
			model.PutStores: "kept", model.PutReplacesList: "not judged: wants GetInsightSelectors, which is not there",
			model.ErrorAtomic:    "not judged: wants GetInsightSelectors, which is not there",
			model.GetReflectsPut: "not covered: needs get-insight-selectors (GetInsightSelectors answered UnknownOperationException)",
		}, says: "applicable rules not judged"},
		"ended early": {requests: 400, states: states{model.PutStores: "kept", model.ConcurrentWhole: "not judged: the run ended before a request put it to the test"},
			says: "of 83 applicable rules not judged"},
	}
	for name, x := range cases {
		t.Run(name, func(t *testing.T) {
			react := x.react
			if react == nil {
				react = func(arrived) reaction { return nil }
			}
			requests := x.requests
			if requests == 0 {
				requests = 6000
			}
			report, err := against(t, x.options, react, time.Second, requests)
			require.NoError(t, err)
			for id, want := range x.states {
				assert.Contains(t, report.Coverage.Rules[id].InWords(), want, id)
			}
			assert.True(t, strings.HasSuffix(report.Reason, x.says), report.Reason)
			told(t, report)
		})
	}
}

// told expects every form of a report to have the state of each rule in the same words.
func told(t *testing.T, r *reports.Report) {
	render := func(write func(io.Writer, *reports.Report) error) string {
		var b strings.Builder
		require.NoError(t, write(&b, r))
		return b.String()
	}
	page := render(func(w io.Writer, r *reports.Report) error { return html.Write(w, r) })
	plainText := strings.Join(strings.Fields(render(func(w io.Writer, r *reports.Report) error {
		return text.Report(w, r, text.Options{Verbose: true})
	})), " ")
	summary, cases := render(markdown.Write), render(junit.Write)
	assert.Contains(t, plainText, r.Reason)
	counts, _, _ := r.Coverage.Counts()
	for _, state := range reports.RuleStates {
		if counts[state] > 0 {
			assert.Regexp(t, "rules .*"+state+` \d`, plainText)
			assert.Regexp(t, `rules \| .*`+state+` \d`, summary)
		}
	}
	for id, c := range r.Coverage.Rules {
		if !r.Coverage.Counted(id) {
			continue
		}
		assert.Contains(t, page, "<code>"+string(id)+"</code> ")
		assert.Contains(t, page, ": "+c.State+", ")
		if c.State == reports.RuleNotJudged && c.Applicable {
			assert.Contains(t, cases, `name="`+string(id)+`" classname="conform.`+id.Family())
			assert.True(t, c.Violated || strings.Contains(cases, `<skipped message="`+c.InWords()+`"`), id) // or it is told as a divergence
			assert.Contains(t, plainText, c.Why)
			assert.Contains(t, stdhtml.UnescapeString(summary), "("+c.Why+")")
		}
	}
}

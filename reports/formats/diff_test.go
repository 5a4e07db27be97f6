package formats_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/internal/golden"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/reports/text"
)

func reportFile(t *testing.T, r *reports.Report) []byte {
	t.Helper()
	var file bytes.Buffer
	require.NoError(t, reports.JSON(&file, r))
	return file.Bytes()
}

func precedenceFile(t *testing.T, p *reports.Precedence) []byte {
	t.Helper()
	var file bytes.Buffer
	require.NoError(t, p.JSON(&file, false))
	return file.Bytes()
}

func profileFile(t *testing.T, p *reports.Precedence) []byte {
	t.Helper()
	profile, err := p.Profile("a profile")
	require.NoError(t, err)
	var file bytes.Buffer
	require.NoError(t, plain.WriteJSON(&file, profile))
	return file.Bytes()
}

func differs(section, name, a, b string) reports.Difference {
	return reports.Difference{Section: section, Name: name, A: a, B: b}
}

func TestCompareSame(t *testing.T) {
	for _, data := range [][]byte{reportFile(t, conforming()), precedenceFile(t, learned()), profileFile(t, learned())} {
		d, err := reports.Compare("a", data, "b", data)
		require.NoError(t, err)
		assert.Empty(t, d.Differences)
		var shown bytes.Buffer
		require.NoError(t, text.Diff(&shown, d, text.Options{}))
		assert.Contains(t, shown.String(), "\nthe same\n")
	}
}

func TestCompareReports(t *testing.T) {
	divergence := func(rule model.ID, actual string) reports.Divergence {
		return reports.Divergence{Signature: string(rule) + "|PutInsightSelectors|success|" + actual, Rule: rule, Level: model.Documented,
			Operation: "PutInsightSelectors", Expected: []string{"success"}, Actual: actual, Status: reports.Confirmed}
	}
	a, b := conforming(), conforming()
	a.Divergences = []reports.Divergence{divergence(model.PutStores, "5xx"), divergence(model.PutReplacesList, "gone"), divergence(model.PutIdempotent, "x"), divergence(model.AnswerOneEntry, "y")}
	b.Divergences = []reports.Divergence{divergence(model.PutStores, "evil\x1b[31m"), divergence(model.GetNotEnabled, "new"), divergence(model.PutIdempotent, "x"), divergence(model.AnswerOneEntry, "y")}
	b.Divergences[2].Status = reports.Unrepeated
	b.Verdict, b.ExitCode = reports.Diverges, reports.ExitDiverges
	b.Coverage.Rules[model.PutEmptyDisables] = reports.RuleCoverage{Applicable: true, Why: "no request put it to the test"}
	b.SetCapability(model.CanRegions, true, "")
	a.Deviations = []reports.Deviation{{Rule: model.LogsStop, Operation: "GetInsightSelectors", Reference: "InsightNotEnabledException", Actual: "success", Count: 3}}
	b.Precedence, a.Precedence = learned(), learned()
	b.Precedence.Codes[model.TrailNotFound] = "NotHere"

	d, err := reports.Compare("a", reportFile(t, a), "b", reportFile(t, b))
	require.NoError(t, err)
	assert.Equal(t, []reports.Difference{
		differs("verdict", "verdict", "conforms", "diverges"),
		differs("divergences", "put/idempotent Put", "confirmed at level documented", "unrepeated at level documented"),
		differs("divergences", "put/replaces-list Put", "gone instead of success", ""),
		differs("divergences", "put/stores Put", "5xx instead of success", "evil\x1b[31m instead of success"),
		differs("divergences", "get/not-enabled Put", "", "new instead of success"),
		differs("rules", "put/replaces-list", "violated", "not in the report"),
		differs("rules", "put/empty-disables", "kept", "not judged: no request put it to the test"),
		differs("rules", "put/idempotent", "violated", "not judged: a divergence from it was not confirmed"),
		differs("rules", "get/not-enabled", "not in the report", "violated"),
		differs("capabilities", "regions", "absent: the target has one Region", "covered"),
		differs("deviations", "logs/stop-logging Get: success instead of InsightNotEnabledException", "seen", ""),
		differs("codes", "trail/not-found", "TrailNotFoundException", "NotHere"),
	}, d.Differences)

	var shown, machine bytes.Buffer
	require.NoError(t, text.Diff(&shown, d, text.Options{Width: 100}))
	golden.Check(t, "testdata/diff.txt", shown.Bytes())
	require.NoError(t, plain.WriteJSON(&machine, d))
	assert.NotContains(t, machine.String(), "\x1b")
	var read reports.Diff
	require.NoError(t, json.Unmarshal(machine.Bytes(), &read))
	assert.Empty(t, cmp.Diff(*d, read))
}

func TestCompareOrders(t *testing.T) {
	a, b := learned(), learned()
	b.Cells[0].Status, b.Cells[0].Answer = reports.CellSecond, "InvalidInsightSelectorsException"
	b.Cells[1].Status = reports.CellIndistinguishable
	b.Cells[4].Answer = "Kettle"
	delete(b.Codes, model.TrailNotFound)
	b.Holds = nil
	d, err := reports.Compare("a", precedenceFile(t, a), "b", precedenceFile(t, b))
	require.NoError(t, err)
	assert.Equal(t, []reports.Difference{
		differs("codes", "trail/not-found", "TrailNotFoundException", "none"),
		differs("pairs in another order", "trail/name-syntax, selector/type-invalid", "trail/name-syntax first", "selector/type-invalid first"),
		differs("pairs whose order is known in one only", "trail/name-syntax, selector/category-invalid", "selector/category-invalid first", "indistinguishable: ValidationException"),
		differs("pairs without an order, answered differently", "selector/type-invalid, trail/not-found", "other: Teapot", "other: Kettle"),
	}, d.Differences)

	// A profile says nothing of codes, and of open pairs only that they are open.
	d, err = reports.Compare("a", profileFile(t, a), "b", precedenceFile(t, a))
	require.NoError(t, err)
	assert.Equal(t, []reports.Difference{differs("pairs whose order is known in one only", "trail/name-syntax, selector/category-invalid", "open", "selector/category-invalid first")}, d.Differences)

	c := learned()
	c.Rules[30], c.Rules[31] = c.Rules[31], c.Rules[30]
	d, err = reports.Compare("a", profileFile(t, a), "b", profileFile(t, c))
	require.NoError(t, err)
	require.Len(t, d.Differences, 1)
	assert.Equal(t, "from place 31 on", d.Differences[0].Name)
}

func TestCompareBadInput(t *testing.T) {
	good, order := reportFile(t, conforming()), profileFile(t, learned())
	for _, test := range []struct {
		a, b []byte
		says string
	}{
		{good, order, "old is a report and new is an error order; compare two of one kind"},
		{good, nil, "new: not JSON: unexpected end of JSON input"},
		{[]byte("\x1b[31m"), good, "old: not JSON: "},
		{good, []byte(`{"schema": "conform/trace/1\u001b"}`), `new: the schema is "conform/trace/1\x1b"; give a file of schema conform/report/1, conform/order/1 or conform/precedence/1`},
		{order, []byte(`{"schema": "conform/order/1", "order": ["x\u001b"]}`), "new: order: "},
		{order, []byte(`{"schema": "conform/precedence/1", "x": 1}`), "new: no precedence of errors: "},
	} {
		_, err := reports.Compare("old", test.a, "new", test.b)
		require.Error(t, err, test.says)
		assert.Contains(t, err.Error(), test.says)
		assert.False(t, strings.ContainsAny(err.Error(), "\n\x1b"), err)
	}
}

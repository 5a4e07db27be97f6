package formats_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/internal/golden"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/reports/text"
	"github.com/insightconform/conform/targets"
)

// learned is a small precedence with a cell of each status.
func learned() *reports.Precedence {
	cell := func(a, b model.ID, status, answer, why string) reports.PrecedenceCell {
		return reports.PrecedenceCell{First: a, Second: b, Status: status, Answer: answer, Why: why}
	}
	request := model.Request{Op: model.OpPut, Input: value.Obj("TrailName", "ab", "InsightSelectors", value.ListOf(selector("x")))}
	reply := targets.Reply{Answer: model.Refusal("InvalidTrailNameException"), Status: 400, Received: []byte(`{"account": "345678901234"}`)}
	p := &reports.Precedence{
		Schema: reports.PrecedenceSchema, Target: targets.Info{Name: "endpoint", Endpoint: "http://127.0.0.1:5000", Region: "us-east-1"}, Requests: 1234,
		Rules: model.ErrorRules(),
		Codes: map[model.ID]string{model.TrailNameSyntax: "InvalidTrailNameException", model.TrailNotFound: "TrailNotFoundException",
			model.TrailHomeRegion: "TrailNotFoundException", model.SelectorTypeInvalid: "InvalidInsightSelectorsException", model.SelectorCategory: "ValidationException"},
		Unmeasured: map[model.ID]string{model.WireWrongType: "it is not enforced: what breaks it alone succeeds", model.StoreNotFound: "needs event-data-stores (none)"},
		Cells: []reports.PrecedenceCell{
			cell(model.TrailNameSyntax, model.SelectorTypeInvalid, reports.CellFirst, "InvalidTrailNameException", ""),
			cell(model.TrailNameSyntax, model.SelectorCategory, reports.CellSecond, "ValidationException", ""),
			cell(model.TrailNameSyntax, model.TrailNotFound, reports.CellImpossible, "", "trail/name-syntax needs a malformed TrailName"),
			cell(model.TrailNotFound, model.TrailHomeRegion, reports.CellIndistinguishable, "", ""),
			cell(model.SelectorTypeInvalid, model.TrailNotFound, reports.CellOther, "Teapot", "neither alone is answered so"),
			cell(model.SelectorTypeInvalid, model.SelectorCategory, reports.CellUnstable, "A, then B", "the answer differs from try to try"),
			cell(model.WireWrongType, model.TrailNotFound, reports.CellNotCovered, "", "wire/wrong-type: it is not enforced"),
		},
		Holds: [][2]model.ID{{model.TrailNameSyntax, model.SelectorTypeInvalid}},
	}
	p.Cells[0].Steps = []reports.Step{reports.NewStep(1, request, reply, []string{"InvalidTrailNameException"})}
	return p
}

func TestPrecedenceText(t *testing.T) {
	var shown bytes.Buffer
	p := learned()
	p.Cycles = [][]model.ID{{model.TrailNameSyntax, model.SelectorTypeInvalid, model.SelectorCategory}}
	p.Triples = []reports.PrecedenceTriple{{Rules: [3]model.ID(p.Cycles[0]), Answer: "InvalidTrailNameException", First: model.TrailNameSyntax}}
	require.NoError(t, text.Precedence(&shown, p, text.Options{Width: 100, Verbose: true}))
	golden.Shape(t, "testdata/precedence.txt", shown.Bytes())
	for line := range strings.Lines(shown.String()) {
		assert.LessOrEqual(t, plain.Length(strings.TrimSuffix(line, "\n")), 100)
	}
}

func TestPrecedenceJSON(t *testing.T) {
	var file, open bytes.Buffer
	p := learned()
	require.NoError(t, p.JSON(&file, false))
	assert.NotContains(t, file.String(), "345678901234")
	require.NoError(t, p.JSON(&open, true))
	assert.Contains(t, open.String(), "345678901234")
	read, err := reports.ReadPrecedence(file.Bytes())
	require.NoError(t, err)
	assert.Equal(t, p.Codes, read.Codes)
	assert.Equal(t, p.Holds, read.Holds)
}

func TestReadPrecedenceIsStrict(t *testing.T) {
	var file bytes.Buffer
	require.NoError(t, learned().JSON(&file, false))
	good := file.String()
	for _, test := range []struct{ old, new, says string }{
		{good, "", "the JSON ends too early"},
		{good, good[:len(good)/2], "the JSON ends too early"},
		{good, "[]", "cannot unmarshal array"},
		{good, good + "{}", "something follows the JSON value"},
		{`"requests"`, `"wishes"`, `unknown field \"wishes\"`},
		{reports.PrecedenceSchema, "conform/report/1", `schema "conform/report/1" is not "conform/precedence/1"`},
		{`"wire/wrong-type",`, ``, `order: "wire/wrong-type" is missing`},
		{`"status": "first"`, `"status": "maybe\u001b[31m"`, `there is no status "maybe\x1b[31m"`},
		{`"first": "wire/wrong-type"`, `"first": "wire/wrong"`, `cell 7: "wire/wrong" is no error rule`},
		{`"trail/not-found": "TrailNotFoundException"`, `"put/stores": "X"`, `codes: "put/stores" is no error rule`},
		{`"first": "wire/wrong-type"`, `"first": "kms/policy"`, "does not stand before"},
		{`"second": "selector/category-invalid",` + "\n" + `      "status": "second"`, `"second": "selector/type-invalid",` + "\n" + `      "status": "second"`, "stands twice"},
	} {
		bad := strings.Replace(good, test.old, test.new, 1)
		require.NotEqual(t, good, bad, test.says)
		_, err := reports.ReadPrecedence([]byte(bad))
		require.Error(t, err, test.says)
		assert.Contains(t, strings.ReplaceAll(err.Error(), `"wishes"`, `\"wishes\"`), test.says)
		assert.NotContains(t, err.Error(), "\n")
		assert.NotContains(t, err.Error(), "\x1b")
	}
}

func TestPrecedenceProfile(t *testing.T) {
	p := learned()
	profile, err := p.Profile("learned from a test")
	require.NoError(t, err)
	var file bytes.Buffer
	require.NoError(t, plain.WriteJSON(&file, profile))
	read, err := reports.ReadOrder(file.Bytes())
	require.NoError(t, err)
	assert.Equal(t, p.Holds, read.Holds)
	assert.Equal(t, p.Rules, read.Order)
	p.Holds = [][2]model.ID{{model.TrailNotFound, model.TrailNameSyntax}}
	_, err = p.Profile("")
	assert.ErrorContains(t, err, "does not agree with the order")
}

package reports

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
)

// learned is a small precedence with a cell of each status.
func learned() *Precedence {
	cell := func(a, b model.ID, status, answer, why string) PrecedenceCell {
		return PrecedenceCell{First: a, Second: b, Status: status, Answer: answer, Why: why}
	}
	request := model.Request{Op: model.OpPut, Input: model.Obj("TrailName", "ab", "InsightSelectors", model.ListOf(selector("x")))}
	reply := targets.Reply{Answer: model.Refusal("InvalidTrailNameException"), Status: 400, Received: []byte(`{"account": "345678901234"}`)}
	p := &Precedence{
		Schema: PrecedenceSchema, Target: targets.Info{Name: "endpoint", Endpoint: "http://127.0.0.1:5000", Region: "us-east-1"}, Requests: 1234,
		Rules: model.ErrorRules(),
		Codes: map[model.ID]string{model.TrailNameSyntax: "InvalidTrailNameException", model.TrailNotFound: "TrailNotFoundException",
			model.TrailHomeRegion: "TrailNotFoundException", model.SelectorTypeInvalid: "InvalidInsightSelectorsException", model.SelectorCategory: "ValidationException"},
		Unmeasured: map[model.ID]string{model.WireWrongType: "it is not enforced: what breaks it alone succeeds", model.StoreNotFound: "needs event-data-stores (none)"},
		Cells: []PrecedenceCell{
			cell(model.TrailNameSyntax, model.SelectorTypeInvalid, CellFirst, "InvalidTrailNameException", ""),
			cell(model.TrailNameSyntax, model.SelectorCategory, CellSecond, "ValidationException", ""),
			cell(model.TrailNameSyntax, model.TrailNotFound, CellImpossible, "", "trail/name-syntax needs a malformed TrailName"),
			cell(model.TrailNotFound, model.TrailHomeRegion, CellIndistinguishable, "", ""),
			cell(model.SelectorTypeInvalid, model.TrailNotFound, CellOther, "Teapot", "neither alone is answered so"),
			cell(model.SelectorTypeInvalid, model.SelectorCategory, CellUnstable, "A, then B", "the answer differs from try to try"),
			cell(model.WireWrongType, model.TrailNotFound, CellNotCovered, "", "wire/wrong-type: it is not enforced"),
		},
		Holds: [][2]model.ID{{model.TrailNameSyntax, model.SelectorTypeInvalid}},
	}
	p.Cells[0].Steps = []Step{NewStep(1, request, reply, []string{"InvalidTrailNameException"})}
	return p
}

func TestPrecedenceText(t *testing.T) {
	var text bytes.Buffer
	p := learned()
	p.Cycles = [][]model.ID{{model.TrailNameSyntax, model.SelectorTypeInvalid, model.SelectorCategory}}
	p.Triples = []PrecedenceTriple{{Rules: [3]model.ID(p.Cycles[0]), Answer: "InvalidTrailNameException", First: model.TrailNameSyntax}}
	require.NoError(t, PrecedenceText(&text, p, TextOptions{Width: 100, Verbose: true}))
	golden(t, "precedence.txt", text.Bytes())
	for line := range strings.Lines(text.String()) {
		assert.LessOrEqual(t, length(strings.TrimSuffix(line, "\n")), 100)
	}
}

func TestPrecedenceJSON(t *testing.T) {
	var file, open bytes.Buffer
	p := learned()
	require.NoError(t, p.JSON(&file, false))
	assert.NotContains(t, file.String(), "345678901234")
	require.NoError(t, p.JSON(&open, true))
	assert.Contains(t, open.String(), "345678901234")
	read, err := ReadPrecedence(file.Bytes())
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
		{PrecedenceSchema, "conform/report/1", `schema "conform/report/1" is not "conform/precedence/1"`},
		{`"wire/wrong-type",`, ``, `order: "wire/wrong-type" is missing`},
		{`"status": "first"`, `"status": "maybe\u001b[31m"`, `there is no status "maybe\x1b[31m"`},
		{`"first": "wire/wrong-type"`, `"first": "wire/wrong"`, `cell 7: "wire/wrong" is no error rule`},
		{`"trail/not-found": "TrailNotFoundException"`, `"put/stores": "X"`, `codes: "put/stores" is no error rule`},
		{`"first": "wire/wrong-type"`, `"first": "kms/policy"`, "does not stand before"},
		{`"second": "selector/category-invalid",` + "\n" + `      "status": "second"`, `"second": "selector/type-invalid",` + "\n" + `      "status": "second"`, "stands twice"},
	} {
		bad := strings.Replace(good, test.old, test.new, 1)
		require.NotEqual(t, good, bad, test.says)
		_, err := ReadPrecedence([]byte(bad))
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
	require.NoError(t, WriteProfile(&file, profile))
	read, err := model.LoadProfile(file.Bytes())
	require.NoError(t, err)
	assert.Equal(t, p.Holds, read.Holds)
	assert.Equal(t, p.Rules, read.Order)
	p.Holds = [][2]model.ID{{model.TrailNotFound, model.TrailNameSyntax}}
	_, err = p.Profile("")
	assert.ErrorContains(t, err, "does not agree with the order")
}

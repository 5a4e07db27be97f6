package scripts

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/describe"
)

// exportedTrace makes a trace of requests that were answered so; the last one diverges.
func exportedTrace(rule model.ID, requests []model.Request, answers []reports.StepAnswer) *reports.Trace {
	t := &reports.Trace{Schema: "conform/trace/1", Signature: string(rule) + "|x", Rule: rule, Statement: "It does what it should.", Source: "S0", Expected: []string{"success"}}
	for i, r := range requests {
		t.Steps = append(t.Steps, reports.Step{Number: i + 1, Operation: string(r.Op), Region: r.Region, Request: r.Input, Raw: r.Raw, Method: r.Method,
			OtherTarget: r.OtherTarget, Answer: answers[i], Diverges: i == len(requests)-1})
	}
	return t
}

func oneStep(r model.Request) *reports.Trace {
	return exportedTrace("put/stores", []model.Request{r}, []reports.StepAnswer{{Outcome: "refused", Code: "TrailNotFoundException"}})
}

var hostileTexts = []string{
	"", "'", `"`, "`", "$(touch CANARY)", "`touch CANARY`", "'; touch CANARY; '", `"; touch CANARY; "`, "${IFS}", "a\nb", "a\r\n# x", "\\", `\'`, `\\'`, "*", "~", "!x",
	"{RUN}", "{{.Rule}}", "{__import__('os').system('touch CANARY')}", `""" + __import__("os").system("touch CANARY") + """`, "%s%n", "@RUN@",
	"\x1b[31m", "\u202eevil", "\u2028", "tråil", "😀", "\x7f", "\x01\x02", "// +build x", "*/ x /*", "EOF", "-n", "@/etc/passwd", "file:///etc/passwd", strings.Repeat("a", 10000),
}

func TestExportQuotesForBash(t *testing.T) {
	var script bytes.Buffer
	for _, s := range hostileTexts {
		script.WriteString("printf '%s\\0' " + bashQuote(literalText(s)) + "\n")
	}
	out, err := inDirectory(t, "bash", script.Bytes())
	require.NoError(t, err)
	assert.Equal(t, hostileTexts, strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"))
}

func TestExportQuotesForPython(t *testing.T) {
	var script bytes.Buffer
	script.WriteString("import json\nRUN = 'r'\nprint(json.dumps([\n")
	var want []string
	for _, s := range hostileTexts {
		script.WriteString(pythonQuote(literalText(s)) + ",\n" + pythonQuote(exportText{{literal: s}, {variable: varRun}}) + ",\n" +
			"json.loads(" + pythonQuote(jsonSyntax.render(value.Str(s), "", func(_, s string) exportText { return literalText(s) })) + "),\n")
		want = append(want, s, s+"r", s)
	}
	script.WriteString("]))\n")
	out, err := inDirectory(t, "python3", script.Bytes())
	require.NoError(t, err)
	var got []string
	require.NoError(t, json.Unmarshal(out, &got))
	assert.Equal(t, want, got)
}

func TestExportQuotesForGo(t *testing.T) {
	for _, s := range hostileTexts {
		quoted := goQuote(literalText(s))
		value, err := types.Eval(token.NewFileSet(), nil, token.NoPos, quoted)
		require.NoError(t, err, "%s", quoted)
		assert.Equal(t, s, constant.StringVal(value.Value))
	}
}

// inDirectory runs a script where the hostile values would leave their canary.
func inDirectory(t *testing.T, interpreter string, script []byte) ([]byte, error) {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command(interpreter, "-")
	if interpreter == "bash" {
		cmd = exec.Command(interpreter)
	}
	cmd.Dir, cmd.Stdin = dir, bytes.NewReader(script)
	cmd.Env = append(os.Environ(), "ENDPOINT_URL=http://127.0.0.1:1", "AWS_MAX_ATTEMPTS=1")
	out, err := cmd.Output()
	assert.NoFileExists(t, filepath.Join(dir, "CANARY"))
	return out, err
}

// hostileTrace has every hostile value wherever a trace has text.
func hostileTrace(s string) *reports.Trace {
	trace := exportedTrace("put/stores", []model.Request{
		{Op: model.OpPut, Input: value.Obj("TrailName", s, s, s, "InsightSelectors", value.Strs(s))},
		{Op: model.OpPut, Raw: &s},
		{Op: model.OpGet, Input: value.Obj("TrailName", "arn:aws:cloudtrail:"+s+":"+s+":trail/"+s)},
	}, []reports.StepAnswer{{Outcome: "refused", Code: s}, {Outcome: "refused", Code: s}, {Outcome: "success", Problem: s, Body: value.Obj("TrailARN", s,
		"InsightSelectors", value.ListOf(value.Obj("InsightType", s, "EventCategories", value.Strs(s))))}})
	trace.Rule, trace.Statement, trace.Source, trace.Signature = model.ID(s), s, s, s
	trace.Steps[2].Allowed = []string{s, s}
	trace.Target.Name, trace.Target.Endpoint = s, s
	return trace
}

func TestExportOfHostileTraces(t *testing.T) {
	all := strings.Join(hostileTexts[:len(hostileTexts)-1], "\n")
	plain := countDeclarations(exportedGo(t, "harmless"))
	for _, s := range append([]string{all}, hostileTexts...) {
		for _, form := range Forms {
			out, err := Export(hostileTrace(s), form)
			require.NoError(t, err)
			if form != "go" {
				for _, c := range string(out) {
					assert.False(t, c < ' ' && c != '\n' || c == 0x7f || c == '\u202e' || c == '\u2028', "%s: %q within the script", form, c)
				}
				continue
			}
			assert.Equal(t, plain, countDeclarations(exportedGo(t, s)), "nothing was smuggled in")
		}
	}
	for _, form := range []string{"curl", "awscli", "boto3"} {
		out, err := Export(hostileTrace(all), form)
		require.NoError(t, err)
		interpreter := "bash"
		if form == "boto3" {
			interpreter = needsBoto3(t)
		}
		_, err = inDirectory(t, interpreter, out)
		var failed *exec.ExitError
		if assert.ErrorAs(t, err, &failed, form) { // nothing answers
			assert.Equal(t, 2, failed.ExitCode(), form)
			assert.NotContains(t, string(failed.Stderr), "yntax", form)
		}
	}
}

// TestShortScriptsOfHostileTraces: what a trace says of its rule and its endpoint stays a comment or a literal.
func TestShortScriptsOfHostileTraces(t *testing.T) {
	short := func(s, form string) []byte {
		trace := oneStep(model.Request{Op: model.OpGet, Input: value.Obj("TrailName", "alpha")})
		trace.Rule, trace.Statement, trace.Signature, trace.Target.Endpoint = model.ID(s), s, s, "http://127.0.0.1:1/"+s
		trace.Expected = []string{"InsightNotEnabledException"}
		out, err := Short(trace, form)
		require.NoError(t, err)
		return out
	}
	for _, form := range ShortForms {
		lines := bytes.Count(short("put/x", form), []byte("\n"))
		for _, s := range hostileTexts {
			out := short(s, form)
			assert.Equal(t, lines, bytes.Count(out, []byte("\n")), "%s: %q", form, s)
			switch form {
			case "go":
				_, err := parser.ParseFile(token.NewFileSet(), "x.go", out, 0)
				require.NoError(t, err)
			case "curl":
				_, err := inDirectory(t, "bash", out)
				var failed *exec.ExitError
				if assert.ErrorAs(t, err, &failed) { // nothing answers
					assert.Equal(t, 2, failed.ExitCode(), "%q: %s", s, failed.Stderr)
				}
			}
		}
	}
}

func exportedGo(t *testing.T, s string) *ast.File {
	out, err := Export(hostileTrace(s), "go")
	require.NoError(t, err)
	file, err := parser.ParseFile(token.NewFileSet(), "x.go", out, parser.ParseComments)
	require.NoError(t, err)
	return file
}

func countDeclarations(file *ast.File) (n int) {
	for _, d := range file.Decls {
		if _, ok := d.(*ast.FuncDecl); ok {
			n++
		}
	}
	return n
}

// needsBoto3 is python3 where it has boto3; elsewhere the test is skipped, or fails under CI.
func needsBoto3(t *testing.T) string {
	if err := exec.Command("python3", "-c", "import boto3").Run(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("boto3 is not installed: pip install boto3")
		}
		t.Skip("boto3 is not installed: pip install boto3")
	}
	return "python3"
}

func TestExportRefuses(t *testing.T) {
	_, err := Export(oneStep(model.Request{Op: model.OpGet}), "perl\x1b")
	assert.EqualError(t, err, `there is no form perl\x1b; use one of awscli, boto3, go, curl`)
	for name, trace := range map[string]*reports.Trace{
		"no steps":          {},
		"unknown operation": oneStep(model.Request{Op: "Put; touch CANARY"}),
		"method":            oneStep(model.Request{Op: model.OpGet, Method: "GET; x"}),
		"Region":            oneStep(model.Request{Op: model.OpGet, Region: "us-east-1; x"}),
	} {
		for _, form := range Forms {
			_, err := Export(trace, form)
			assert.Error(t, err, "%s as %s", name, form)
		}
	}
}

func TestExportNames(t *testing.T) {
	long := strings.Repeat("a", 128)
	w := model.DefaultWorld
	n := &exportPlan{ownBucket: map[string]string{}, ownKey: map[string]string{}}
	for s, want := range map[string]string{
		"alpha": `'alpha-'"$RUN"`, "Alpha": `'Alpha-'"$RUN"`, "abc": `'abc'`, "my-_trail": `'my-_trail'`, "": `''`, long: "'" + long + "'",
		w.TrailARN(w.Home, "alpha"):                             `'arn:aws:cloudtrail:'"$REGION"':'"$ACCOUNT"':trail/alpha-'"$RUN"`,
		w.TrailARN(w.Away, "abc"):                               `'arn:aws:cloudtrail:'"$AWAY"':'"$ACCOUNT"':trail/abc'`,
		"arn:aws:cloudtrail:us-east-1:210987654321:trail/alpha": `'arn:aws:cloudtrail:'"$REGION"':210987654321:trail/alpha-'"$RUN"`,
		"arn:":                               `'arn:'`,
		w.StoreARN(w.Home, model.StoreID(1)): `'arn:aws:cloudtrail:'"$REGION"':'"$ACCOUNT"':eventdatastore/'"$STORE1"`,
	} {
		assert.Equal(t, want, bashQuote(n.text("", "TrailName", s)), s)
	}
	assert.Equal(t, `"$STORE0"`, bashQuote(n.text("", "EventDataStore", model.StoreID(0))))
	assert.Equal(t, `"$BUCKET"`, bashQuote(n.text("", "S3BucketName", describe.SharedBucket)))
}

func TestExportSendsRawWhatClientsCannotSay(t *testing.T) {
	selectors := value.ListOf(value.Obj("InsightType", "ApiCallRateInsight"))
	put := func(in value.Value) model.Request { return model.Request{Op: model.OpPut, Input: in} }
	text := "[]"
	for name, x := range map[string]struct {
		request    model.Request
		everywhere bool // raw also outside the Go form
		inGo       bool
	}{
		"plain":          {put(value.Obj("TrailName", "alpha", "InsightSelectors", selectors)), false, false},
		"empty list":     {put(value.Obj("TrailName", "alpha", "InsightSelectors", value.ListOf())), false, false},
		"empty enum":     {put(value.Obj("TrailName", "alpha", "InsightSelectors", value.ListOf(value.Obj("InsightType", "")))), false, true},
		"missing member": {put(value.Obj("TrailName", "alpha")), true, true},
		"null":           {put(value.Obj("TrailName", value.NullValue, "InsightSelectors", selectors)), true, true},
		"wrong type":     {put(value.Obj("TrailName", value.Num("5"), "InsightSelectors", selectors)), true, true},
		"unknown member": {put(value.Obj("TrailName", "alpha", "InsightSelectors", selectors, "Nonsense", "x")), true, true},
		"raw":            {model.Request{Op: model.OpPut, Raw: &text}, true, true},
		"method":         {model.Request{Op: model.OpPut, Method: "GET", Input: value.Obj("InsightSelectors", selectors)}, true, true},
		"other target":   {model.Request{Op: model.OpPut, OtherTarget: true, Input: value.Obj("InsightSelectors", selectors)}, true, true},
	} {
		for _, form := range []string{"awscli", "boto3", "go"} {
			plan, err := newExportPlan(oneStep(x.request), form)
			require.NoError(t, err)
			assert.Equal(t, x.everywhere || form == "go" && x.inGo, plan.Steps[0].Raw, "%s as %s", name, form)
		}
	}
}

// TestExportOfALongList does not end where it takes a time that grows with the square of the list.
func TestExportOfALongList(t *testing.T) {
	trace := hostileTrace("x")
	item := value.Obj("InsightType", "ApiCallRateInsight")
	trace.Steps[0].Request = value.Obj("TrailName", "alpha", "InsightSelectors", value.ListOf(slices.Repeat([]value.Value{item}, 100_000)...))
	_, err := Export(trace, Forms[0])
	require.NoError(t, err)
}

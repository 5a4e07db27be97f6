package scripts_test

import (
	"bytes"
	"go/format"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/internal/testing/mototest"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/scripts"
	"github.com/insightconform/conform/targets/embedded"
)

// A shortCase is a divergence that has a short form, and the fault of the embedded server that shows it.
type shortCase struct {
	exportCase
	fault string
}

var (
	callRateAlone = value.Obj("InsightType", "ApiCallRateInsight")
	oneType       = put("TrailName", "alpha", "InsightSelectors", value.ListOf(callRateAlone))
	otherType     = put("TrailName", "alpha", "InsightSelectors", value.ListOf(value.Obj("InsightType", "ApiErrorRateInsight")))
	createAlpha   = generators.Create("alpha")
)

var shortCases = map[string]shortCase{
	"selectors": {exportCase{"put/replaces-list", []model.Request{createAlpha, oneType, otherType, generators.Get("alpha")},
		answered(callRate, errorRate), 200, "[ApiErrorRateInsight]"}, "appends-selectors"},
	"a code": {exportCase{"selector/type-invalid", []model.Request{createAlpha,
		put("TrailName", "alpha", "InsightSelectors", value.ListOf(value.Obj("InsightType", "ApiLatencyInsight")))},
		answered(value.Obj("InsightType", "ApiLatencyInsight")), 200, "InvalidInsightSelectorsException"}, "selector/type-invalid/ignored"},
	"the flag": {exportCase{"trail/has-insight-selectors", []model.Request{createAlpha, oneType, generators.GetTrail("alpha")},
		reports.StepAnswer{Outcome: "success", Body: value.Obj("Trail", value.Obj("HasInsightSelectors", false))}, 200, "HasInsightSelectors is true"}, "flag-never-set"},
}

func (c shortCase) traceAt(endpoint string) *reports.Trace {
	t := c.trace()
	t.Target.Endpoint = endpoint
	return t
}

// runShort runs the short form of a case.
func runShort(t *testing.T, form, endpoint string, c shortCase) (code int, output string) {
	t.Helper()
	script, err := scripts.Short(c.traceAt(endpoint), form)
	require.NoError(t, err)
	dir, name := t.TempDir(), "script"
	var cmd *exec.Cmd
	switch form {
	case "go":
		dir, err = os.MkdirTemp("..", "exporttest-") // within the module, whose SDK it compiles with
		require.NoError(t, err)
		t.Cleanup(func() { os.RemoveAll(dir) })
		name = "divergence_test.go"
		cmd = exec.Command("go", "test", "-count=1", ".")
	case "boto3":
		needs(t, "pip install boto3", "python3", "-c", "import boto3")
		cmd = exec.Command("python3", name)
	case "pytest":
		needs(t, "pip install boto3", "python3", "-c", "import boto3")
		cmd = exec.Command("python3", "-c", "import runpy\nfor name, f in runpy.run_path('script').items():\n    if name.startswith('test_'): f()")
	default:
		needs(t, "curl 7.76 or newer", "curl", "--aws-sigv4", "aws:amz", "--fail-with-body", "--version")
		if form == "awscli" {
			_, err := exec.LookPath("aws")
			needs(t, "pip install awscli", "test", "-n", errText(err))
		}
		cmd = exec.Command("bash", name)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), script, 0o600))
	cmd.Dir = dir
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") }), "PYTHONDONTWRITEBYTECODE=1")
	out, _ := cmd.CombinedOutput()
	return cmd.ProcessState.ExitCode(), string(out)
}

func serve(t *testing.T, fault string) string {
	t.Helper()
	server, err := embedded.NewServer(embedded.ServerOptions{Fault: fault})
	require.NoError(t, err)
	endpoint := httptest.NewServer(server)
	t.Cleanup(endpoint.Close)
	return endpoint.URL
}

// TestShortScriptsTellRightFromWrong runs each form against a server with the fault, and against a right one.
func TestShortScriptsTellRightFromWrong(t *testing.T) {
	t.Parallel()
	for _, form := range scripts.ShortForms {
		for name, c := range shortCases {
			if !strings.Contains(map[string]string{"awscli": "selectors", "boto3": "the flag, selectors", "go": "the flag, selectors",
				"pytest": "a code", "curl": "the flag, selectors, a code"}[form], name) {
				continue // the forms share what tells answers apart, and some start slowly
			}
			t.Run(form+"/"+name, func(t *testing.T) {
				t.Parallel()
				wrong := serve(t, c.fault)
				code, output := runShort(t, form, wrong, c)
				assert.Equal(t, 1, code, output)
				assert.Contains(t, output, "expected")
				if form == "curl" || form == "pytest" {
					code, again := runShort(t, form, wrong, c)
					assert.Equal(t, 1, code, "what it made is deleted: %s%s", output, again)
				}
				code, output = runShort(t, form, serve(t, ""), c)
				assert.Equal(t, 0, code, output)
			})
		}
	}
}

// TestShortScriptsMakeTheirBuckets: an emulator with S3 wants one for each trail.
func TestShortScriptsMakeTheirBuckets(t *testing.T) {
	t.Parallel()
	moto := mototest.Start(t)
	c := shortCases["selectors"]
	c.requests = append(append([]model.Request{createAlpha, generators.Start("alpha")}, c.requests[1:]...), generators.Get("alpha"))
	for _, form := range []string{"curl", "boto3"} {
		code, output := runShort(t, form, moto, c)
		assert.Equal(t, 1, code, "%s: %s", form, output)
		assert.NotContains(t, output, "set-up failed")
		assert.NotContains(t, output, "BucketDoesNotExist")
	}
}

// TestShortScriptsAreShort: 25 lines for four calls, in the form that each language has, without what is the run's.
func TestShortScriptsAreShort(t *testing.T) {
	for name, c := range shortCases {
		for _, form := range scripts.ShortForms {
			script, err := scripts.Short(c.traceAt("http://127.0.0.1:5000/"), form)
			require.NoError(t, err)
			assert.LessOrEqual(t, bytes.Count(script, []byte("\n")), 25, "%s as %s:\n%s", name, form, script)
			assert.Contains(t, string(script), "http://127.0.0.1:5000")
			if form == "go" {
				formatted, err := format.Source(script)
				require.NoError(t, err)
				assert.Equal(t, string(formatted), string(script))
			}
		}
	}
}

// TestShortScriptsSayThatTheSetUpFailed, which is neither a divergence nor its absence.
func TestShortScriptsSayThatTheSetUpFailed(t *testing.T) {
	t.Parallel()
	for _, form := range []string{"curl", "boto3"} {
		code, output := runShort(t, form, "http://127.0.0.1:1", shortCases["selectors"])
		assert.Equal(t, 2, code, "%s: %s", form, output)
		c := shortCase{exportCase{"trail/not-found", []model.Request{generators.Get("alpha")}, answered(), 200, "TrailNotFoundException"}, ""}
		code, output = runShort(t, form, "http://127.0.0.1:1", c)
		assert.Equal(t, 2, code, "%s: %s", form, output)
	}
}

// TestNoShortScript: what needs more than calls on trails, or compares more than codes and selectors, has the long form alone.
func TestNoShortScript(t *testing.T) {
	for name, change := range map[string]func(*reports.Trace){
		"a rule of the wire":  func(t *reports.Trace) { t.Rule = "wire/no-crash" },
		"another member":      func(t *reports.Trace) { t.Expected = []string{"TrailARN=ARN of alpha"} },
		"any error":           func(t *reports.Trace) { t.Expected = []string{"an error"} },
		"the same answer":     func(t *reports.Trace) { t.Expected = []string{"[ApiCallRateInsight, ApiErrorRateInsight]"} },
		"no answer":           func(t *reports.Trace) { t.Steps[3].Answer = reports.StepAnswer{Outcome: reports.OutcomeUnanswered} },
		"raw bytes":           func(t *reports.Trace) { body := "{"; t.Steps[1].Raw = &body },
		"another Region":      func(t *reports.Trace) { t.Steps[1].Region = model.DefaultWorld.Away },
		"an event data store": func(t *reports.Trace) { t.Steps[1].Request = value.Obj("EventDataStore", model.StoreID(0)) },
		"an account":          func(t *reports.Trace) { t.Steps[1].Request = value.Obj("TrailName", alphaARN) },
	} {
		for _, form := range scripts.ShortForms {
			trace := shortCases["selectors"].traceAt("")
			change(trace)
			_, err := scripts.Short(trace, form)
			assert.ErrorIs(t, err, scripts.ErrNoShortForm, "%s as %s", name, form)
		}
	}
}

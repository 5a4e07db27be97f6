package scripts_test

import (
	"errors"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
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

// An exportCase is a divergence, most of them moto's.
type exportCase struct {
	rule     model.ID
	requests []model.Request
	last     reports.StepAnswer // the answer that diverges
	status   int
	expected string
}

var (
	succeeded = reports.StepAnswer{Outcome: "success"}
	setUp     = []model.Request{generators.Create("alpha"), generators.Start("alpha")}
	alphaARN  = model.DefaultWorld.TrailARN(model.DefaultWorld.Home, "alpha")

	callRate  = value.Obj("InsightType", "ApiCallRateInsight", "EventCategories", value.Strs("Management"))
	errorRate = value.Obj("InsightType", "ApiErrorRateInsight", "EventCategories", value.Strs("Management"))
)

func put(members ...any) model.Request {
	return model.Request{Op: model.OpPut, Input: value.Obj(members...)}
}

func after(steps []model.Request, more ...model.Request) []model.Request {
	return append(append([]model.Request{}, steps...), more...)
}

func answered(list ...value.Value) reports.StepAnswer {
	return reports.StepAnswer{Outcome: "success", Body: value.Obj("TrailARN", alphaARN, "InsightSelectors", value.ListOf(list...))}
}

var exportCases = map[string]exportCase{
	"replaces-list": {"put/replaces-list", after(setUp,
		put("TrailName", "alpha", "InsightSelectors", value.ListOf(callRate)),
		put("TrailName", "alpha", "InsightSelectors", value.ListOf(errorRate)),
		generators.Get("alpha")), answered(callRate, errorRate), 200, "200 [ApiErrorRateInsight: Management]"},
	"trail-and-store": {"input/trail-and-store", after(setUp,
		put("TrailName", alphaARN, "EventDataStore", "9f8e7d6c-5b4a-4392-8a1b-0c9d8e7f6a5b", "InsightSelectors", value.ListOf(callRate))),
		answered(callRate), 200, "InvalidParameterCombinationException"},
	"no-crash": {"wire/no-crash", after(setUp, put("TrailName", "alpha")),
		reports.StepAnswer{Outcome: "crashed", Problem: "HTTP 500, text/html"}, 500, "InvalidParameterException"},
	"type-invalid": {"selector/type-invalid", after(setUp,
		put("TrailName", "alpha", "InsightSelectors", value.ListOf(value.Obj("InsightType", "ApiLatencyInsight")))),
		answered(value.Obj("InsightType", "ApiLatencyInsight")), 200, "InvalidInsightSelectorsException"},
}

func (c exportCase) trace() *reports.Trace {
	t := &reports.Trace{Schema: "conform/trace/1", Signature: string(c.rule), Rule: c.rule, Source: "S0", Statement: string(c.rule), Expected: []string{c.expected}}
	if rule := model.RuleOf(c.rule); rule != nil {
		t.Statement, t.Source = rule.Statement, rule.Source
	}
	for i, r := range c.requests {
		step := reports.Step{Number: i + 1, Operation: string(r.Op), Region: r.Region, Request: r.Input, Raw: r.Raw, Method: r.Method, OtherTarget: r.OtherTarget, Answer: succeeded}
		if i == len(c.requests)-1 {
			step.Answer, step.Status, step.Diverges, step.Allowed = c.last, c.status, true, []string{c.expected}
		}
		t.Steps = append(t.Steps, step)
	}
	return t
}

// runExport runs a case in one form against an endpoint.
func runExport(t *testing.T, endpoint, form string, c exportCase) (code int, output string) {
	t.Helper()
	script, err := scripts.Export(c.trace(), form)
	require.NoError(t, err)
	dir := t.TempDir()
	var cmd *exec.Cmd
	switch form {
	case "go":
		dir, err = os.MkdirTemp("..", "exporttest-") // within the module, whose SDK it compiles with
		require.NoError(t, err)
		t.Cleanup(func() { os.RemoveAll(dir) })
		require.NoError(t, os.WriteFile(filepath.Join(dir, "divergence_test.go"), script, 0o600))
		cmd = exec.Command("go", "test", "-v", "-count=1", ".")
	case "boto3":
		needs(t, "pip install boto3", "python3", "-c", "import boto3")
		require.NoError(t, os.WriteFile(filepath.Join(dir, "divergence.py"), script, 0o600))
		cmd = exec.Command("python3", "divergence.py")
	default:
		needs(t, "curl 7.75 or newer", "curl", "--aws-sigv4", "aws:amz", "--version")
		if form == "awscli" {
			_, err := exec.LookPath("aws")
			needs(t, "pip install awscli", "test", "-n", errText(err))
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, "divergence.sh"), script, 0o600))
		cmd = exec.Command("bash", "divergence.sh")
	}
	cmd.Dir = dir
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "AWS_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "ENDPOINT_URL="+endpoint, "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

func errText(err error) string {
	if err != nil {
		return ""
	}
	return "there"
}

// needs skips a test for want of a program, or fails it under CI.
func needs(t *testing.T, install, name string, args ...string) {
	t.Helper()
	if exec.Command(name, args...).Run() == nil {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("missing: %s", install)
	}
	t.Skipf("missing: %s", install)
}

func TestExportShowsMotosDivergences(t *testing.T) {
	t.Parallel()
	moto := mototest.Start(t)
	for _, form := range scripts.Forms {
		for name, c := range exportCases {
			t.Run(form+"/"+name, func(t *testing.T) {
				code, output := runExport(t, moto, form, c)
				assert.Equal(t, 1, code, output)
				assert.Contains(t, output, "expected: "+c.expected, output)
				assert.Contains(t, output, "actual:   ", output)
				assert.Contains(t, output, "The divergence shows.", output)
				assert.Empty(t, leftovers(t, moto))
			})
		}
	}
}

// leftovers lists what a script should have deleted.
func leftovers(t *testing.T, endpoint string) string {
	if _, err := exec.LookPath("curl"); err != nil {
		return ""
	}
	trails, err := exec.Command("curl", "-sS", "--user", "test:test", "--aws-sigv4", "aws:amz:us-east-1:cloudtrail", "-H", "X-Amz-Target: CloudTrail_20131101.DescribeTrails",
		"-H", "Content-Type: application/x-amz-json-1.1", "-d", "{}", endpoint+"/").Output()
	require.NoError(t, err)
	buckets, err := exec.Command("curl", "-sS", "--user", "test:test", "--aws-sigv4", "aws:amz:us-east-1:s3", endpoint+"/").Output()
	require.NoError(t, err)
	found := ""
	if strings.Contains(string(trails), "alpha") {
		found += string(trails)
	}
	if strings.Contains(string(buckets), "conform-") {
		found += string(buckets)
	}
	return found
}

// The embedded server conforms and has no S3.
func TestExportShowsNothingWhereThereIsNothing(t *testing.T) {
	t.Parallel()
	server, err := embedded.NewServer(embedded.ServerOptions{})
	require.NoError(t, err)
	endpoint := httptest.NewServer(server)
	t.Cleanup(endpoint.Close)
	for _, form := range []string{"boto3", "go", "curl"} {
		t.Run(form, func(t *testing.T) {
			code, output := runExport(t, endpoint.URL, form, exportCases["replaces-list"])
			assert.Equal(t, 0, code, output)
			assert.Contains(t, output, "The divergence does not show", output)
		})
	}
}

func TestExportSaysThatTheSetUpFailed(t *testing.T) {
	t.Parallel()
	for form, want := range map[string]int{"awscli": 2, "curl": 2, "boto3": 2, "go": 1} { // go test has but one code for failures
		t.Run(form, func(t *testing.T) {
			code, output := runExport(t, "http://127.0.0.1:1", form, exportCases["replaces-list"])
			assert.Equal(t, want, code, output)
			assert.Contains(t, strings.ToLower(output), "the set-up failed: step 1 was to succeed", output)
			assert.NotContains(t, output, "expected:", output)
		})
	}
}

// Event data stores, and conditions through the extension.
func TestExportOfStoresAndConditions(t *testing.T) {
	t.Parallel()
	server, err := embedded.NewServer(embedded.ServerOptions{})
	require.NoError(t, err)
	endpoint := httptest.NewServer(server)
	t.Cleanup(endpoint.Close)
	source, destination := model.StoreID(0), model.DefaultWorld.StoreARN(model.DefaultWorld.Home, model.StoreID(1))
	logs := func(category string) generators.StoreKind {
		return generators.StoreKind{Selectors: value.ListOf(value.Obj("FieldSelectors",
			value.ListOf(value.Obj("Field", "eventCategory", "Equals", value.Strs(category)))))}
	}
	stores := exportCase{"store/enables", []model.Request{generators.CreateStore(0, logs("Management")), generators.CreateStore(1, logs("Insight")),
		put("EventDataStore", source, "InsightsDestination", destination, "InsightSelectors", value.ListOf(callRate))},
		reports.StepAnswer{Outcome: "success", Body: value.Obj("EventDataStoreArn", model.DefaultWorld.StoreARN(model.DefaultWorld.Home, source),
			"InsightsDestination", destination, "InsightSelectors", value.ListOf(callRate))}, 200, "something else"}
	create := generators.Create("alpha")
	create.Input = create.Input.With("S3BucketName", value.Str(generators.OwnBucket)).With("KmsKeyId", value.Str("conform-key"))
	condition := exportCase{"org/no-service-role", []model.Request{create, generators.Start("alpha"),
		{Op: model.OpArrange, Input: value.Obj("TrailName", "alpha", "Condition", "no-service-role")},
		put("TrailName", "alpha", "InsightSelectors", value.ListOf(callRate))},
		reports.StepAnswer{Outcome: "refused", Code: "NoManagementAccountSLRExistsException"}, 400, "something else"}
	body := "{\x00'\"\x01"
	malformed := exportCase{"wire/no-crash", []model.Request{{Op: model.OpPut, Raw: &body}},
		reports.StepAnswer{Outcome: "refused", Code: "SerializationException"}, 400, "something else"}
	events := exportCase{"logs/visible", after(setUp, generators.GetEvents("alpha")),
		reports.StepAnswer{Outcome: "success", Body: value.Obj("TrailARN", alphaARN, "EventSelectors", value.ListOf(value.Obj("ReadWriteType", "All",
			"IncludeManagementEvents", true, "DataResources", value.ListOf(), "ExcludeManagementEventSources", value.ListOf())))}, 200, "something else"}
	flag := exportCase{"trail/has-insight-selectors", after(setUp, put("TrailName", "alpha", "InsightSelectors", value.ListOf(callRate)), generators.GetTrail("alpha")),
		reports.StepAnswer{Outcome: "success", Body: value.Obj("Trail", value.Obj("HasInsightSelectors", true))}, 200, "something else"}
	for name, c := range map[string]exportCase{"stores": stores, "condition": condition, "malformed": malformed, "events": events, "flag": flag} {
		for _, form := range scripts.Forms {
			if form == "awscli" && name != "stores" || form == "go" && name == "flag" {
				continue // the CLI starts slowly, and shares the rest with the curl form; so does the compiler
			}
			t.Run(form+"/"+name, func(t *testing.T) {
				code, output := runExport(t, endpoint.URL, form, c)
				assert.Equal(t, 1, code, output)
				assert.Contains(t, output, "The divergence shows.", output)
			})
		}
	}
}

// Where there are S3 and KMS, as in moto, conditions come about through them.
func TestExportSpoilsBucketsAndKeys(t *testing.T) {
	t.Parallel()
	moto := mototest.Start(t)
	create := generators.Create("alpha")
	create.Input = create.Input.With("S3BucketName", value.Str(generators.OwnBucket)).With("KmsKeyId", value.Str("conform-key"))
	arrange := func(condition string) model.Request {
		return model.Request{Op: model.OpArrange, Input: value.Obj("TrailName", "alpha", "Condition", condition)}
	}
	for name, conditions := range map[string][2]string{"gone": {"bucket-missing", "key-unusable"}, "denied": {"bucket-denied", "key-denied"}} {
		c := exportCase{"bucket/policy", []model.Request{create, arrange(conditions[0]), arrange(model.Mended), arrange(conditions[1]), arrange(model.Mended),
			put("TrailName", "alpha", "InsightSelectors", value.ListOf(callRate))}, answered(callRate), 200, "InsufficientS3BucketPolicyException"}
		for _, form := range []string{"boto3", "go", "curl"} {
			t.Run(form+"/"+name, func(t *testing.T) {
				code, output := runExport(t, moto, form, c)
				assert.Equal(t, 1, code, output)
				assert.Contains(t, output, "The divergence shows.", output)
				assert.Empty(t, leftovers(t, moto))
			})
		}
	}
}

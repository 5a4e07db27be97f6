package reports

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o666))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got), "run with -update if the change is meant")
}

func conforming() *Report {
	r := &Report{
		Schema: Schema, Version: "v0.1.0", Verdict: Conforms, ExitCode: ExitConforms,
		Reason: "Every answer was one that the rules allow.",
		Target: targets.Info{Name: "embedded", Endpoint: "http://127.0.0.1:40211", Region: "us-east-1"},
		Seed:   42, Workers: 2, Suites: []string{"systematic", "random"}, FailOn: model.Observed,
		Command:         "conform run --seed 42 --workers 2 --suite systematic,random",
		Started:         time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC),
		DurationSeconds: 2.3, Requests: 6214, Cases: 812, RequestsPerSecond: 2701.7,
		Coverage: Coverage{
			Rules: map[model.ID]RuleCoverage{
				model.PutStores:        {Exercised: true, Applicable: true},
				model.PutEmptyDisables: {Exercised: true, Applicable: true},
				model.TrailHomeRegion:  {Why: "one Region"},
			},
			Transitions: Count{256, 256}, Pairs: Count{120, 130},
		},
	}
	r.SetCapability(model.CanPut, true, "")
	r.SetCapability(model.CanRegions, false, "the target has one Region")
	r.SetCapability(model.CanLoseKey, false, "CreateTrail accepts an unknown key")
	r.SetCapability(model.CanLoseBucket, false, "the target has no S3")
	r.SetCapability(model.CanStores, false, "CreateEventDataStore answers 501")
	r.SetCapability(model.CanDeleteStores, false, "CreateEventDataStore answers 501")
	return r
}

func put(selectors ...model.Value) model.Request {
	return model.Request{Op: model.OpPut, Input: model.Obj("TrailName", "alpha", "InsightSelectors", model.ListOf(selectors...))}
}

func selector(name string, categories ...string) model.Value {
	if categories == nil {
		return model.Obj("InsightType", name)
	}
	return model.Obj("InsightType", name, "EventCategories", model.Strs(categories...))
}

func success(body model.Value) targets.Reply {
	return targets.Reply{Answer: model.Answer{Outcome: model.Succeeded}, Body: body, Status: 200, Received: body.AppendJSON(nil)}
}

func diverging() *Report {
	named := func(op model.Op) model.Request {
		return model.Request{Op: op, Input: model.Obj("TrailName", "alpha")}
	}
	stored := success(model.Obj("TrailARN", model.DefaultWorld.TrailARN("us-east-1", "alpha"), "InsightSelectors",
		model.ListOf(selector("ApiCallRateInsight", "Management"))))
	steps := []Step{
		NewStep(1, model.Request{Op: model.OpCreate, Input: model.Obj("Name", "alpha", "S3BucketName", "bucket")}, success(model.Obj("Name", "alpha")), []string{"200"}),
		NewStep(2, named(model.OpStart), success(model.Obj()), []string{"200"}),
		NewStep(3, put(selector("ApiCallRateInsight")), stored, []string{"200 [ApiCallRateInsight: Management]"}),
		NewStep(4, put(), stored, []string{"200 []"}),
		NewStep(5, named(model.OpGet), stored, []string{"InsightNotEnabledException"}),
	}
	steps[4].Diverges = true
	missing := NewStep(1, model.Request{Op: model.OpPut, Input: model.Obj("TrailName", "alpha")},
		targets.Reply{Answer: model.Answer{Outcome: model.Crashed}, Status: 500, Problem: "HTML where JSON is due"},
		[]string{"InvalidParameterException", "InvalidInsightSelectorsException"})
	missing.Diverges = true

	r := conforming()
	r.Verdict, r.ExitCode, r.Reason = Diverges, ExitDiverges, "2 confirmed divergences at level observed or above."
	r.Target = targets.Info{Name: "endpoint", Endpoint: "http://127.0.0.1:5000", Region: "us-east-1", Notes: []string{"answers carry no request id"}}
	r.Command = "conform run --target endpoint --endpoint http://127.0.0.1:5000 --seed 42 --workers 1 --suite systematic,random"
	r.ConfirmRequests = 73
	r.Coverage.Rules[model.PutEmptyDisables] = RuleCoverage{Exercised: true, Violated: true, Applicable: true}
	r.Divergences = []Divergence{
		{Signature: "put/empty-when-off|PutInsightSelectors|success|TrailNotFoundException", Rule: model.PutEmptyWhenOff, Level: model.Inferred,
			Statement: "An empty list of selectors when Insights is off already succeeds and changes nothing.", Source: "SM",
			Operation: string(model.OpPut), Expected: []string{"success"}, Actual: "TrailNotFoundException", Count: 1, Status: Confirmed, Seen: "3 of 3", Steps: steps[:2]},
		{Signature: "get/reflects-put|GetInsightSelectors|success|success", Rule: model.GetReflectsPut, Level: model.Documented, Fails: true,
			Statement: "Get answers the selectors last stored, as a set, and the full ARN.", Source: "API",
			Operation: string(model.OpGet), Expected: []string{"success"}, Actual: "success with nothing", Count: 2, Status: Unrepeated, Seen: "0 of 3", Steps: steps},
		{Signature: "wire/no-crash|PutInsightSelectors|refusal|500", Rule: model.WireNoCrash, Level: model.Documented, Fails: true,
			Statement: model.RuleOf(model.WireNoCrash).Statement, Source: "API", Operation: string(model.OpPut),
			Expected: []string{"InvalidParameterException", "InvalidInsightSelectorsException", "ValidationException"}, Actual: "500 with HTML",
			Count: 31, Status: Confirmed, Seen: "3 of 3", Replay: "conform replay 0a1b2c --endpoint http://127.0.0.1:5000", Steps: []Step{missing}},
		{Signature: "put/empty-disables|GetInsightSelectors|InsightNotEnabledException|success", Rule: model.PutEmptyDisables, Level: model.Documented, Fails: true,
			Statement: model.RuleOf(model.PutEmptyDisables).Statement, Source: "S0, UG", Operation: string(model.OpGet),
			Expected: []string{"InsightNotEnabledException"}, Actual: "success [ApiCallRateInsight: Management]", Count: 12, Status: Confirmed,
			Seen: "3 of 3", Also: []string{"get/not-enabled"}, Replay: "conform replay d3e4f5 --endpoint http://127.0.0.1:5000", Steps: steps},
	}
	r.Deviations = []Deviation{
		{Rule: model.Order, Operation: string(model.OpPut), Reference: "InvalidTrailNameException", Actual: "InvalidInsightSelectorsException", Count: 4},
		{Rule: model.StoreIDSyntax, Level: model.Documented, Operation: string(model.OpPut), Reference: "InvalidParameterException", Actual: "ValidationException", Count: 7},
	}
	return r
}

func inconclusive() *Report {
	r := conforming()
	r.Verdict, r.ExitCode = Inconclusive, ExitInconclusive
	r.Reason = "No PutInsightSelectors succeeded, so nothing could be said about it; check that --endpoint is a CloudTrail endpoint and that CreateTrail works there, or give --bucket NAME."
	r.Requests, r.Cases, r.DurationSeconds = 1, 1, 61
	r.CutShort = []string{"systematic", "random"}
	r.Coverage.Rules[model.PutStores] = RuleCoverage{Applicable: true}
	return r
}

func interrupted() *Report {
	r := diverging()
	r.Verdict, r.ExitCode, r.Partial, r.Reason = Interrupted, ExitInterrupted, true, "The run was interrupted; what it had found until then is above."
	r.CutShort = []string{"random"}
	r.Divergences = r.Divergences[3:]
	r.Deviations = nil
	return r
}

const esc = "\x1b[2J\x1b]0;owned\a"

// hostile has every text of a target set to something that a terminal or an eye must be spared.
func hostile() *Report {
	evil := esc + "\r\n\u202eabc\u200b\u009b31m<script>alert(1)</script>\xff\xfe" + strings.Repeat("é", 5000)
	r := diverging()
	r.Reason = evil
	r.Target = targets.Info{Name: evil, Endpoint: evil, Region: evil, Notes: []string{evil}}
	r.Notes = []string{evil}
	r.SetCapability(model.CanStores, false, evil)
	steps := []Step{
		NewStep(1, model.Request{Op: model.OpTrail, Region: evil, Input: model.Obj("TrailName", evil)},
			targets.Reply{Answer: model.Refusal(evil), Body: model.Str(evil), Received: []byte(evil), Status: 400, Problem: evil}, []string{evil}),
	}
	steps[0].Diverges = true
	r.Divergences = []Divergence{{Signature: "s", Rule: model.PutStores, Level: model.Documented, Fails: true, Statement: evil, Source: evil,
		Operation: evil, Expected: []string{evil}, Actual: evil, Count: 1, Status: Confirmed, Seen: evil, Also: []string{evil}, Steps: steps}}
	r.Deviations = []Deviation{{Rule: model.Order, Operation: evil, Reference: evil, Actual: evil, Count: 1}}
	r.CutShort = nil
	return r
}

func text(t *testing.T, r *Report, options TextOptions) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, Text(&b, r, options))
	return b.Bytes()
}

func TestText(t *testing.T) {
	for _, test := range []struct {
		name    string
		report  *Report
		options TextOptions
	}{
		{"conforming", conforming(), TextOptions{}},
		{"diverging", diverging(), TextOptions{}},
		{"diverging-80", diverging(), TextOptions{Width: 80}},
		{"diverging-60", diverging(), TextOptions{Width: 60}},
		{"diverging-120", diverging(), TextOptions{Width: 120}},
		{"diverging-quiet", diverging(), TextOptions{Quiet: true, Width: 80}},
		{"inconclusive-quiet", inconclusive(), TextOptions{Quiet: true, Width: 80}},
		{"next", conforming(), TextOptions{Next: "conform run --endpoint http://127.0.0.1:5000", Width: 80}},
		{"full", full(), TextOptions{Width: 80}},
		{"certified", certified(), TextOptions{Width: 80, Color: true}},
		{"certified-verbose", certified(), TextOptions{Verbose: true}},
		{"diverging-verbose", diverging(), TextOptions{Verbose: true}},
		{"diverging-color", diverging(), TextOptions{Color: true, Width: 100}},
		{"inconclusive", inconclusive(), TextOptions{Width: 80}},
		{"interrupted", interrupted(), TextOptions{}},
		{"hostile", hostile(), TextOptions{Verbose: true}},
	} {
		t.Run(test.name, func(t *testing.T) { golden(t, test.name+".txt", text(t, test.report, test.options)) })
	}
}

func TestTextLeavesTheReportAlone(t *testing.T) {
	r := diverging()
	text(t, r, TextOptions{})
	assert.Equal(t, diverging(), r)
}

func TestTextFitsItsWidth(t *testing.T) {
	for line := range strings.Lines(string(text(t, diverging(), TextOptions{Width: 60}))) {
		if !strings.HasPrefix(line, "repeat: ") && !strings.Contains(line, "conform replay") { // to be copied
			assert.LessOrEqual(t, length(strings.TrimSuffix(line, "\n")), 60, line)
		}
	}
}

// The size of a screen.
const screenLines, screenColumns = 24, 80

// onScreen is how many lines of a screen a text takes, where what is too long goes on in the next line.
func onScreen(text string) int {
	lines := 0
	for line := range strings.Lines(text) {
		lines += max(1, (length(strings.TrimSuffix(line, "\n"))+screenColumns-1)/screenColumns)
	}
	return lines
}

// full is a report in which all that a summary may hold is there and long.
func full() *Report {
	r := conforming()
	r.Target = targets.Info{Name: "endpoint", Endpoint: "http://127.0.0.1:5000", Region: "us-east-1"}
	r.ConfirmRequests, r.RequestsPerSecond, r.Requests, r.DurationSeconds = 12345, 12345, 9_876_543, 12345
	r.Reason = "no divergence was found among the requests that were tried; 3 known to the baseline still diverge, and 2 of its entries were not checked"
	r.Command = "conform run --endpoint http://127.0.0.1:5000 --regions us-east-1,eu-west-1 --bucket a-bucket --suite systematic,random --requests 100000 --workers 16 --seed 18446744073709551615"
	for i, id := range model.ErrorRules() {
		r.Deviations = append(r.Deviations, Deviation{Rule: id, Operation: string(model.OpPut), Reference: "A", Actual: "B", Count: 1000 - i})
		r.Notes = append(r.Notes, fmt.Sprintf("note %d: %s", i, strings.Repeat("some words ", 20)))
	}
	for i, c := range model.Capabilities {
		r.SetCapability(c, false, fmt.Sprintf("there is a reason of its own for it, number %d", i))
	}
	r.CutShort = []string{"systematic", "random"}
	r.Replays = []Replay{{Outcome: ReplayFixed}, {Outcome: ReplayDifferent}, {Outcome: ReplayDiverges}, {Outcome: ReplayNotCovered}}
	return r
}

// certified has a certificate of each kind: it holds, it does not, a test failed.
func certified() *Report {
	r := conforming()
	for i, machine := range []string{"trail", "two-trails", "stores"} {
		r.Certificates = append(r.Certificates, Certificate{Machine: machine, Abstraction: "insight states of one logging trail", States: 16, Inputs: []string{"a", "b"},
			Transitions: 32, Reads: []string{"GetInsightSelectors", "GetTrail"}, Depth: 1, Tests: 1234, Requests: 56789, Failed: max(0, i-1), Holds: i == 0,
			Hypotheses: []string{"the target answers the requests of a class alike", "a new trail is a reset"},
			Result:     "every faulty machine with at most 1 extra state is caught, and none was found in 1,234 of 1,234 tests"})
	}
	return r
}

func TestSummaryFitsAScreen(t *testing.T) {
	for name, r := range map[string]*Report{"conforming": conforming(), "certified": certified(), "full": full()} {
		assert.LessOrEqual(t, onScreen(string(text(t, r, TextOptions{Width: screenColumns}))), screenLines, name)
	}
	diverging := full()
	diverging.Divergences = append(diverging.Divergences, hostile().Divergences...)
	shown := string(text(t, diverging, TextOptions{Width: screenColumns}))
	assert.LessOrEqual(t, onScreen(shown[strings.LastIndex(shown, "\nsent ")+1:]), screenLines, "the summary stands at the end")
}

// TestDivergencesAreShort: at the width of a screen each takes five of its lines.
func TestDivergencesAreShort(t *testing.T) {
	for _, r := range []*Report{diverging(), hostile()} {
		for i := range r.Divergences {
			one := *r
			one.Divergences = r.Divergences[i : i+1]
			one.Divergences[0].Replay = "conform replay 0a1b2c --endpoint http://127.0.0.1:5000"
			shown := string(text(t, &one, TextOptions{Width: screenColumns}))
			_, rest, _ := strings.Cut(shown, "\n\n")
			_, rest, _ = strings.Cut(rest, "\n") // the title of the section
			block, _, _ := strings.Cut(rest, "\n\n")
			assert.Contains(t, block, "expected")
			assert.Contains(t, block, "conform replay")
			assert.LessOrEqual(t, onScreen(block), 5, block)
		}
	}
}

func TestNothingHostileReachesTheReader(t *testing.T) {
	var asJSON bytes.Buffer
	require.NoError(t, JSON(&asJSON, hostile()))
	for name, output := range map[string][]byte{
		"text":    text(t, hostile(), TextOptions{}),
		"verbose": text(t, hostile(), TextOptions{Verbose: true, Width: 80}),
		"json":    asJSON.Bytes(),
	} {
		for _, r := range string(output) {
			if r != '\n' && (r == unicode.ReplacementChar || !unicode.IsPrint(r)) {
				t.Errorf("%s: %U reaches the reader", name, r)
				break
			}
		}
	}
	for line := range strings.Lines(string(text(t, hostile(), TextOptions{}))) {
		assert.Less(t, length(line), 4*maxShown)
	}
	assert.Less(t, asJSON.Len(), 500_000)
}

func TestMegabytesAreCut(t *testing.T) {
	r := diverging()
	huge := strings.Repeat("x", 50<<20)
	r.Divergences[0].Actual = huge
	r.Divergences[0].Steps = []Step{NewStep(1, put(), targets.Reply{
		Answer: model.Refusal(huge), Problem: huge, Received: []byte(huge), Body: model.Obj("m", huge)}, nil)}
	assert.Less(t, len(text(t, r, TextOptions{Verbose: true})), 20_000)
	step := r.Divergences[0].Steps[0]
	for _, kept := range []string{step.Answer.Code, step.Answer.Problem, step.Received, step.Answer.Body.String()} {
		assert.LessOrEqual(t, len(kept), maxKept+10)
	}
}

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"plain ünï":    "plain ünï",
		"a\nb\tc":      `a\nb\tc`,
		"\x1b[31m":     `\x1b[31m`,
		"\u009b":       `\u009b`,
		"\u202e":       `\u202e`,
		"\xff\xc3":     `\xff\xc3`,
		"\U000e0041":   `\U000e0041`,
		"\ufffd":       "\ufffd",
		`back\slash"'`: `back\slash"'`,
	} {
		assert.Equal(t, want, visible(in))
	}
}

func TestShorten(t *testing.T) {
	assert.Equal(t, "abc", shorten("abc", 3))
	assert.Equal(t, "ab…", shorten("abcd", 3))
	assert.Equal(t, "éé…", shorten("éééé", 3))
	assert.Equal(t, "ééé", shorten("ééé", 3))
	assert.Equal(t, "…", shorten("abcd", 1))
	assert.Equal(t, "abcd", shorten("abcd", 0))
}

func TestDescribeSteps(t *testing.T) {
	arn := model.DefaultWorld.TrailARN("us-east-1", "alpha")
	raw := "{"
	step := func(op model.Op, pairs ...any) Step { return Step{Operation: string(op), Request: model.Obj(pairs...)} }
	for _, test := range []struct {
		want  string
		steps []Step
	}{
		{"CreateTrail alpha IsMultiRegionTrail: true → StopLogging", []Step{
			step(model.OpCreate, "Name", "alpha", "S3BucketName", "b", "IsMultiRegionTrail", true), step(model.OpStop, "Name", "alpha")}},
		{"Get alpha → Get ARN of alpha → Get beta", []Step{
			step(model.OpGet, "TrailName", "alpha"), step(model.OpGet, "TrailName", arn), step(model.OpGet, "TrailName", "beta")}},
		{"Put alpha without InsightSelectors", []Step{step(model.OpPut, "TrailName", "alpha")}},
		{"Put '' null", []Step{step(model.OpPut, "TrailName", "", "InsightSelectors", model.NullValue)}},
		{"Put [ApiCallRateInsight: Management+Data, ApiErrorRateInsight: [], X]", []Step{step(model.OpPut, "InsightSelectors",
			model.ListOf(selector("ApiCallRateInsight", "Management", "Data"), selector("ApiErrorRateInsight", []string{}...).With("EventCategories", model.ListOf()), selector("X")))}},
		{`Put [{"InsightType":"A","Extra":true}, "text", A: "Data", B: [null]]`, []Step{step(model.OpPut, "InsightSelectors", model.ListOf(
			model.Obj("InsightType", "A", "Extra", true), model.Str("text"),
			model.Obj("InsightType", "A", "EventCategories", "Data"), model.Obj("InsightType", "B", "EventCategories", model.ListOf(model.NullValue))))}},
		{"Put store …00 to ARN of store …01 []", []Step{step(model.OpPut, "EventDataStore", model.StoreID(0),
			"InsightsDestination", model.DefaultWorld.StoreARN("us-east-1", model.StoreID(1)), "InsightSelectors", model.ListOf())}},
		{"Put with the body '{' by PUT in eu-west-1", []Step{{Operation: string(model.OpPut), Raw: &raw, Method: "PUT", Region: "eu-west-1"}}},
		{"Get TrailName: 7 with the other target prefix", []Step{{Operation: string(model.OpGet), Request: model.Obj("TrailName", model.Num("7")), OtherTarget: true}}},
		{"Arrange alpha bucket-missing", []Step{step(model.OpArrange, "TrailName", "alpha", "Condition", "bucket-missing")}},
		{"PutEventSelectors alpha EventSelectors: [{ReadWriteType: ReadOnly}]", []Step{
			step(model.OpPutEvents, "TrailName", "alpha", "EventSelectors", model.ListOf(model.Obj("ReadWriteType", "ReadOnly")))}},
	} {
		assert.Equal(t, test.want, describeSteps(test.steps, 0))
	}
}

func TestLongSequencesKeepTheirEnds(t *testing.T) {
	var steps []Step
	for i := range 40 {
		steps = append(steps, NewStep(i+1, put(selector("ApiCallRateInsight")), targets.Reply{}, nil))
	}
	steps[0].Operation, steps[39].Operation = "CreateTrail", "GetTrail"
	line := describeSteps(steps, 100)
	assert.LessOrEqual(t, length(line), 100)
	assert.Regexp(t, `^… 39 steps … → GetTrail `, line)
	assert.LessOrEqual(t, length(describeSteps(steps, 30)), 30)
	assert.Regexp(t, `^CreateTrail alpha .* → … 3\d steps … → .* → GetTrail `, describeSteps(steps, 250))
}

func TestJSONRoundTrip(t *testing.T) {
	for _, r := range []*Report{conforming(), diverging(), inconclusive(), interrupted(), {}} {
		var first, second bytes.Buffer
		require.NoError(t, JSON(&first, r))
		read, err := ReadJSON(first.Bytes())
		require.NoError(t, err)
		require.NoError(t, JSON(&second, read))
		assert.JSONEq(t, first.String(), second.String())
	}
}

func TestReadJSONRefuses(t *testing.T) {
	for data, want := range map[string]string{
		`{"schema":"conform/report/9"}`: `schema "conform/report/9" is not "conform/report/1"`,
		`{`:                             "not a report",
		`{"schema":"\u001b[2J"}`:        `schema`,
	} {
		_, err := ReadJSON([]byte(data))
		assert.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "\x1b")
	}
}

// TestJSONKeys pins the keys that issue 2 promises and their shapes.
func TestJSONKeys(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, JSON(&b, diverging()))
	golden(t, "diverging.json", b.Bytes())

	var top map[string]any
	require.NoError(t, json.Unmarshal(b.Bytes(), &top))
	for _, key := range []string{"schema", "verdict", "exit_code", "target", "seed", "requests", "cases", "duration_seconds",
		"capabilities", "divergences", "deviations", "coverage"} {
		assert.Contains(t, top, key)
	}
	assert.Equal(t, "absent", top["capabilities"].(map[string]any)["regions"])
	divergence := top["divergences"].([]any)[0].(map[string]any)
	for _, key := range []string{"signature", "rule", "level", "operation", "expected", "actual", "count", "status", "steps"} {
		assert.Contains(t, divergence, key)
	}
	for _, key := range []string{"rule", "reference", "actual", "count"} {
		assert.Contains(t, top["deviations"].([]any)[0], key)
	}
	coverage := top["coverage"].(map[string]any)
	assert.Equal(t, map[string]any{"covered": 256.0, "total": 256.0}, coverage["transitions"])
	assert.Contains(t, coverage["rules"].(map[string]any)["put/stores"], "exercised")
}

// TestJSONHasNoNulls: a reader may iterate over every list without asking first.
func TestJSONHasNoNulls(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, JSON(&b, &Report{Divergences: []Divergence{{Level: model.Documented, Steps: []Step{{}}}}}))
	nulls := regexp.MustCompile(`"(\w+)": null`).FindAllStringSubmatch(b.String(), -1)
	require.Len(t, nulls, 1)
	assert.Equal(t, "request", nulls[0][1], "a request without input")
}

func TestParseSink(t *testing.T) {
	for spec, want := range map[string]Sink{
		"text": {Format: "text"}, "json": {Format: "json"}, "json=-": {Format: "json"},
		"text=a=b.txt": {"text", "a=b.txt"}, "json=out/r.json": {"json", "out/r.json"}, "html=r.html": {"html", "r.html"},
	} {
		got, err := ParseSink(spec)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for spec, want := range map[string]string{
		"":       `"" is no report format; use text, json, `,
		"yaml=x": `"yaml" is no report format; use text, json, `,
		"json=":  "a path is missing after json=",
	} {
		_, err := ParseSink(spec)
		assert.ErrorContains(t, err, want)
	}
}

func entries(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func TestWriteReplacesAtomically(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "report.json")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o640))

	failure := errors.New("no more ink")
	err := Write(path, func(w io.Writer) error {
		io.WriteString(w, "half")
		return failure
	})
	assert.ErrorIs(t, err, failure)
	kept, _ := os.ReadFile(path)
	assert.Equal(t, "old", string(kept))
	assert.Equal(t, []string{"report.json"}, entries(t, dir))

	assert.PanicsWithValue(t, "render", func() { Write(path, func(io.Writer) error { panic("render") }) })

	require.NoError(t, CheckWritable(path))
	require.NoError(t, Sink{FormatJSON, path}.Write(nil, conforming(), TextOptions{}))
	written, _ := os.ReadFile(path)
	assert.True(t, json.Valid(written))
	info, _ := os.Stat(path)
	assert.Equal(t, os.FileMode(0o640), info.Mode().Perm())
}

func TestWriteThroughLinksAndDevices(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	require.NoError(t, os.WriteFile(file, nil, 0o666))
	require.NoError(t, os.Symlink(file, link))
	hello := func(w io.Writer) error { _, err := io.WriteString(w, "hello"); return err }
	require.NoError(t, Write(link, hello))
	written, _ := os.ReadFile(file)
	assert.Equal(t, "hello", string(written))
	info, _ := os.Lstat(link)
	assert.NotZero(t, info.Mode()&os.ModeSymlink)

	require.NoError(t, CheckWritable("/dev/null"))
	require.NoError(t, Write("/dev/null", hello))
	info, _ = os.Stat("/dev/null")
	assert.NotZero(t, info.Mode()&os.ModeDevice, "still a device")
}

func TestCheckWritableRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o666))
	for path, want := range map[string]string{
		dir:                                            "is a directory",
		filepath.Join(dir, "none", "r.json"):           "no such file or directory",
		filepath.Join(dir, "none") + "/":               "is a directory",
		filepath.Join(file, "r.json"):                  "not a directory",
		filepath.Join(dir, strings.Repeat("x", 300)):   "file name too long",
		filepath.Join(dir, "report.json") + "\x00.exe": "invalid argument",
	} {
		err := CheckWritable(path)
		assert.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), ".tmp")
	}
	assert.Equal(t, []string{"file"}, entries(t, dir))
}

func TestProgress(t *testing.T) {
	now := time.Unix(0, 0)
	clock := func() time.Time { return now }
	u := Update{Phase: "random", Requests: 12345, Rate: 2500.4, RulesExercised: 60, RulesApplicable: 74, Divergences: 1, Left: 61 * time.Second}

	var live bytes.Buffer
	p := newProgress(&live, true, 80, clock)
	for range 40 { // four seconds in steps of 0.1 s
		now = now.Add(50 * time.Millisecond)
		p.Show(u)
		now = now.Add(50 * time.Millisecond)
		p.Show(u)
	}
	p.Say("interrupted")
	p.Close()
	p.Show(u)
	assert.Equal(t, 21, strings.Count(live.String(), "random"), "quiet for two seconds, then at most ten times a second")
	assert.True(t, strings.HasSuffix(live.String(), "\r\x1b[Krandom · 12,345 requests · 2,500/s · 60 of 74 rules · 1 divergence · 1m1s left\r\x1b[Kinterrupted\n"), live.String())

	var lines bytes.Buffer
	p = newProgress(&lines, false, 0, clock)
	for range 130 {
		now = now.Add(100 * time.Millisecond)
		p.Show(u)
	}
	p.Close()
	assert.Equal(t, strings.Repeat("conform: "+u.String()+"\n", 3), lines.String())

	var quiet bytes.Buffer
	p = newProgress(&quiet, true, 0, clock)
	now = now.Add(1900 * time.Millisecond)
	p.Show(u)
	p.Close()
	assert.Empty(t, quiet.String())

	// What matters most stays longest.
	for width, want := range map[int]string{
		80: "random · 12,345 requests · 2,500/s · 60 of 74 rules · 1 divergence · 1m1s left",
		70: "12,345 requests · 2,500/s · 60 of 74 rules · 1 divergence · 1m1s left",
		60: "12,345 requests · 2,500/s · 60 of 74 rules · 1 divergence",
		50: "2,500/s · 60 of 74 rules · 1 divergence",
		20: "2,500/s · 60 of 74 …",
	} {
		assert.Equal(t, want, u.line(width))
	}
}

func TestWorseExit(t *testing.T) {
	order := []int{ExitInterrupted, ExitFailed, ExitRefused, ExitUsage, ExitDiverges, ExitInconclusive, ExitConforms}
	for i, worse := range order {
		for _, better := range order[i:] {
			assert.Equal(t, worse, WorseExit(worse, better))
			assert.Equal(t, worse, WorseExit(better, worse))
		}
	}
}

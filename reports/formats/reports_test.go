package formats_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/internal/golden"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/describe"
	"github.com/insightconform/conform/reports/formats"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/reports/text"
	"github.com/insightconform/conform/targets"
)

func conforming() *reports.Report {
	r := &reports.Report{
		Schema: reports.Schema, Version: "v0.1.0", Verdict: reports.Conforms, ExitCode: reports.ExitConforms,
		Reason: "Every answer was one that the rules allow.",
		Target: targets.Info{Name: "embedded", Endpoint: "http://127.0.0.1:40211", Region: "us-east-1"},
		Seed:   42, Workers: 2, Suites: []string{"systematic", "random"}, FailOn: model.Observed,
		Command:         "conform run --seed 42 --workers 2 --suite systematic,random",
		Started:         time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC),
		DurationSeconds: 2.3, Requests: 6214, Cases: 812, RequestsPerSecond: 2701.7,
		Coverage: reports.Coverage{
			Rules: map[model.ID]reports.RuleCoverage{
				model.PutStores:        {Exercised: true, Applicable: true},
				model.PutEmptyDisables: {Exercised: true, Applicable: true},
				model.TrailHomeRegion:  {Why: "one Region"},
			},
			Transitions: reports.Count{Covered: 256, Total: 256}, Pairs: reports.Count{Covered: 120, Total: 130},
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

func put(selectors ...value.Value) model.Request {
	return model.Request{Op: model.OpPut, Input: value.Obj("TrailName", "alpha", "InsightSelectors", value.ListOf(selectors...))}
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

func diverging() *reports.Report {
	named := func(op model.Op) model.Request {
		return model.Request{Op: op, Input: value.Obj("TrailName", "alpha")}
	}
	stored := success(value.Obj("TrailARN", model.DefaultWorld.TrailARN("us-east-1", "alpha"), "InsightSelectors",
		value.ListOf(selector("ApiCallRateInsight", "Management"))))
	steps := []reports.Step{
		reports.NewStep(1, model.Request{Op: model.OpCreate, Input: value.Obj("Name", "alpha", "S3BucketName", describe.SharedBucket)}, success(value.Obj("Name", "alpha")), []string{"200"}),
		reports.NewStep(2, model.Request{Op: model.OpStart, Input: value.Obj("Name", "alpha")}, success(value.Obj()), []string{"200"}),
		reports.NewStep(3, put(selector("ApiCallRateInsight")), stored, []string{"200 [ApiCallRateInsight: Management]"}),
		reports.NewStep(4, put(), stored, []string{"200 []"}),
		reports.NewStep(5, named(model.OpGet), stored, []string{"InsightNotEnabledException"}),
	}
	steps[4].Diverges = true
	missing := reports.NewStep(1, model.Request{Op: model.OpPut, Input: value.Obj("TrailName", "alpha")},
		targets.Reply{Answer: model.Answer{Outcome: model.Crashed}, Status: 500, Received: []byte("<html></html>"), Problem: "HTTP 500, text/html"},
		[]string{"InvalidParameterException", "InvalidInsightSelectorsException"})
	missing.Diverges = true

	r := conforming()
	r.Verdict, r.ExitCode, r.Reason = reports.Diverges, reports.ExitDiverges, "2 confirmed divergences at level observed or above."
	r.Target = targets.Info{Name: "endpoint", Endpoint: "http://127.0.0.1:5000", Region: "us-east-1", Notes: []string{"answers carry no request id"}}
	r.Command = "conform run --target endpoint --endpoint http://127.0.0.1:5000 --seed 42 --workers 1 --suite systematic,random"
	r.ConfirmRequests = 73
	r.Coverage.Rules[model.PutEmptyDisables] = reports.RuleCoverage{Exercised: true, Violated: true, Applicable: true}
	r.Divergences = []reports.Divergence{
		{Signature: "put/empty-when-off|PutInsightSelectors|success|TrailNotFoundException", Rule: model.PutEmptyWhenOff, Level: model.Inferred,
			Statement: "An empty list of selectors when Insights is off already succeeds and changes nothing.", Source: "SM",
			Operation: string(model.OpPut), Expected: []string{"HTTP 200 with []"}, Actual: "TrailNotFoundException", Count: 1, Status: reports.Confirmed, Seen: "3 of 3", Steps: steps[:2]},
		{Signature: "get/reflects-put|GetInsightSelectors|success|success", Rule: model.GetReflectsPut, Level: model.Documented, Fails: true,
			Statement: "Get answers the selectors last stored, as a set, and the full ARN.", Source: "API",
			Operation: string(model.OpGet), Expected: []string{"[ApiCallRateInsight]"}, Actual: "[]", Count: 2, Status: reports.Unrepeated, Seen: "0 of 3", Steps: steps},
		{Signature: "wire/no-crash|PutInsightSelectors|refusal|500", Rule: model.WireNoCrash, Level: model.Documented, Fails: true,
			Statement: model.RuleOf(model.WireNoCrash).Statement, Source: "API", Operation: string(model.OpPut),
			Expected: []string{"InvalidParameterException", "InvalidInsightSelectorsException", "ValidationException"}, Actual: "HTTP 500 with HTML",
			Count: 31, Status: reports.Confirmed, Seen: "3 of 3", Replay: "conform replay 0a1b2c --endpoint http://127.0.0.1:5000", Steps: []reports.Step{missing}},
		{Signature: "put/empty-disables|GetInsightSelectors|InsightNotEnabledException|success", Rule: model.PutEmptyDisables, Level: model.Documented, Fails: true,
			Statement: model.RuleOf(model.PutEmptyDisables).Statement, Source: "S0, UG", Operation: string(model.OpGet),
			Expected: []string{"InsightNotEnabledException"}, Actual: "HTTP 200 with [ApiCallRateInsight]", Count: 12, Status: reports.Confirmed,
			Seen: "3 of 3", Also: []string{"get/not-enabled"}, Replay: "conform replay d3e4f5 --endpoint http://127.0.0.1:5000", Steps: steps},
	}
	r.Deviations = []reports.Deviation{
		{Rule: model.Order, Operation: string(model.OpPut), Reference: "InvalidTrailNameException", Actual: "InvalidInsightSelectorsException", Count: 4},
		{Rule: model.StoreIDSyntax, Level: model.Documented, Operation: string(model.OpPut), Reference: "InvalidParameterException", Actual: "ValidationException", Count: 7},
	}
	return r
}

func inconclusive() *reports.Report {
	r := conforming()
	r.Verdict, r.ExitCode = reports.Inconclusive, reports.ExitInconclusive
	r.Reason = "No PutInsightSelectors succeeded, so nothing could be said about it; check that --endpoint is a CloudTrail endpoint and that CreateTrail works there, or give --bucket NAME."
	r.Requests, r.Cases, r.DurationSeconds = 1, 1, 61
	r.CutShort = []string{"systematic", "random"}
	r.Coverage.Rules[model.PutStores] = reports.RuleCoverage{Applicable: true}
	return r
}

func interrupted() *reports.Report {
	r := diverging()
	r.Verdict, r.ExitCode, r.Partial, r.Reason = reports.Interrupted, reports.ExitInterrupted, true, "The run was interrupted; what it had found until then is above."
	r.CutShort = []string{"random"}
	r.Divergences = r.Divergences[3:]
	r.Deviations = nil
	return r
}

const esc = "\x1b[2J\x1b]0;owned\a"

// hostile has every text of a target set to something that a terminal or an eye must be spared.
func hostile() *reports.Report {
	evil := esc + "\r\n\u202eabc\u200b\u009b31m<script>alert(1)</script>\xff\xfe" + strings.Repeat("é", 5000)
	r := diverging()
	r.Reason = evil
	r.Target = targets.Info{Name: evil, Endpoint: evil, Region: evil, Notes: []string{evil}}
	r.Notes = []string{evil}
	r.SetCapability(model.CanStores, false, evil)
	steps := []reports.Step{
		reports.NewStep(1, model.Request{Op: model.OpTrail, Region: evil, Input: value.Obj("TrailName", evil)},
			targets.Reply{Answer: model.Refusal(evil), Body: value.Str(evil), Received: []byte(evil), Status: 400, Problem: evil}, []string{evil}),
	}
	steps[0].Diverges = true
	at := steps[0]
	at.Client, at.Phase, at.Start, at.End = 1, 1, 1, 2
	r.Divergences = []reports.Divergence{{Signature: "c", Rule: model.ConcurrentWhole, Level: model.Documented, Statement: evil, Source: evil,
		Operation: evil, Expected: []string{evil}, Actual: evil, Count: 1, Status: reports.Confirmed, Seen: evil, Clients: 1, Steps: []reports.Step{at, at}}, {Signature: "s", Rule: model.PutStores, Level: model.Documented, Fails: true, Statement: evil, Source: evil,
		Operation: evil, Expected: []string{evil}, Actual: evil, Count: 1, Status: reports.Confirmed, Seen: evil, Also: []string{evil}, Steps: steps}}
	r.Deviations = []reports.Deviation{{Rule: model.Order, Operation: evil, Reference: evil, Actual: evil, Count: 1}}
	r.CutShort = nil
	return r
}

func textOf(t *testing.T, r *reports.Report, options text.Options) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, text.Report(&b, r, options))
	return b.Bytes()
}

func TestText(t *testing.T) {
	for _, test := range []struct {
		name    string
		report  *reports.Report
		options text.Options
	}{
		{"conforming", conforming(), text.Options{}},
		{"diverging", diverging(), text.Options{}},
		{"diverging-80", diverging(), text.Options{Width: 80}},
		{"diverging-60", diverging(), text.Options{Width: 60}},
		{"diverging-120", diverging(), text.Options{Width: 120}},
		{"diverging-quiet", diverging(), text.Options{Quiet: true, Width: 80}},
		{"inconclusive-quiet", inconclusive(), text.Options{Quiet: true, Width: 80}},
		{"next", conforming(), text.Options{Next: "conform run --endpoint http://127.0.0.1:5000", Width: 80}},
		{"full", full(), text.Options{Width: 80}},
		{"certified", certified(), text.Options{Width: 80, Color: true}},
		{"certified-verbose", certified(), text.Options{Verbose: true}},
		{"diverging-verbose", diverging(), text.Options{Verbose: true}},
		{"diverging-color", diverging(), text.Options{Color: true, Width: 100}},
		{"inconclusive", inconclusive(), text.Options{Width: 80}},
		{"interrupted", interrupted(), text.Options{}},
		{"hostile", hostile(), text.Options{Verbose: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			golden.Check(t, "testdata/"+test.name+".txt", textOf(t, test.report, test.options))
		})
	}
}

func TestTextLeavesTheReportAlone(t *testing.T) {
	r := diverging()
	textOf(t, r, text.Options{})
	assert.Empty(t, cmp.Diff(diverging(), r))
}

// TestTextSaysTheSameAtAnyWidth: only where lines break depends on the width.
func TestTextSaysTheSameAtAnyWidth(t *testing.T) {
	for name, r := range map[string]*reports.Report{"diverging": diverging(), "full": full(), "certified": certified(), "interrupted": interrupted()} {
		for _, verbose := range []bool{false, true} {
			words := strings.Fields(string(textOf(t, r, text.Options{Verbose: verbose})))
			for _, width := range []int{40, 60, 80, 120, 200} {
				shown := string(textOf(t, r, text.Options{Width: width, Verbose: verbose}))
				assert.Equal(t, words, strings.Fields(shown), "%s at %d", name, width)
				for line := range strings.Lines(shown) {
					toCopy := strings.HasPrefix(line, "repeat: ") || strings.HasPrefix(line, "    replay ")
					fits := plain.Length(strings.TrimSuffix(line, "\n")) <= width
					assert.True(t, fits || toCopy || len(strings.Fields(line)) == 1, "%s at %d: %s", name, width, line)
				}
			}
		}
	}
}

// The size of a screen.
const screenLines, screenColumns = 24, 80

// onScreen is how many lines of a screen a shown takes, where what is too long goes on in the next line.
func onScreen(text string) int {
	lines := 0
	for line := range strings.Lines(text) {
		lines += max(1, (plain.Length(strings.TrimSuffix(line, "\n"))+screenColumns-1)/screenColumns)
	}
	return lines
}

// full is a report in which all that a summary may hold is there and long.
func full() *reports.Report {
	r := conforming()
	r.Target = targets.Info{Name: "endpoint", Endpoint: "http://127.0.0.1:5000", Region: "us-east-1"}
	r.ConfirmRequests, r.RequestsPerSecond, r.Requests, r.DurationSeconds = 12345, 12345, 9_876_543, 12345
	r.Reason = "no divergence was found among the requests that were tried; 3 known to the baseline still diverge, and 2 of its entries were not checked"
	r.Command = "conform run --endpoint http://127.0.0.1:5000 --regions us-east-1,eu-west-1 --bucket a-bucket --suite systematic,random --requests 100000 --workers 16 --seed 18446744073709551615"
	for i, id := range model.ErrorRules()[:30] {
		r.Deviations = append(r.Deviations, reports.Deviation{Rule: id, Operation: string(model.OpPut), Reference: "A", Actual: "B", Count: 1000 - i})
		r.Notes = append(r.Notes, fmt.Sprintf("note %d: %s", i, strings.Repeat("some words ", 15)))
	}
	for i, c := range model.Capabilities[:20] {
		r.SetCapability(c, false, fmt.Sprintf("there is a reason of its own for it, number %d", i))
	}
	r.CutShort = []string{"systematic", "random"}
	r.Replays = []reports.Replay{{Outcome: reports.ReplayFixed}, {Outcome: reports.ReplayDifferent}, {Outcome: reports.ReplayDiverges}, {Outcome: reports.ReplayNotCovered}}
	return r
}

// certified has a certificate of each kind: it holds, it does not, a test failed.
func certified() *reports.Report {
	r := conforming()
	for i, machine := range []string{"trail", "two-trails", "stores"} {
		r.Certificates = append(r.Certificates, reports.Certificate{Machine: machine, Abstraction: "insight states of one logging trail", States: 16, Inputs: []string{"a", "b"},
			Transitions: 32, Reads: []string{"GetInsightSelectors", "GetTrail"}, Depth: 1, Tests: 1234, Requests: 56789, Failed: max(0, i-1), Holds: i == 0,
			Hypotheses: []string{"the target answers the requests of a class alike", "a new trail is a reset"},
			Result:     "every faulty machine with at most 1 extra state is caught, and none was found in 1,234 of 1,234 tests"})
	}
	return r
}

func TestSummaryFitsAScreen(t *testing.T) {
	for name, r := range map[string]*reports.Report{"conforming": conforming(), "certified": certified(), "full": full()} {
		assert.LessOrEqual(t, onScreen(string(textOf(t, r, text.Options{Width: screenColumns}))), screenLines, name)
	}
	diverging := full()
	diverging.Divergences = append(diverging.Divergences, hostile().Divergences...)
	shown := string(textOf(t, diverging, text.Options{Width: screenColumns}))
	summary := shown[strings.LastIndex(shown, "\nsent ")+1:]
	from, to := strings.Index(summary, "\nrules that fail the run\n"), strings.LastIndex(summary, "\n\n")
	require.Positive(t, from)
	assert.LessOrEqual(t, onScreen(summary[:from]+summary[to:]), screenLines, "the summary stands at the end")
}

func TestNothingHostileReachesTheReader(t *testing.T) {
	var asJSON bytes.Buffer
	require.NoError(t, reports.JSON(&asJSON, hostile()))
	for name, output := range map[string][]byte{
		"shown":   textOf(t, hostile(), text.Options{}),
		"verbose": textOf(t, hostile(), text.Options{Verbose: true, Width: 80}),
		"json":    asJSON.Bytes(),
	} {
		for _, r := range string(output) {
			if r != '\n' && (r == unicode.ReplacementChar || !unicode.IsPrint(r)) {
				t.Errorf("%s: %U reaches the reader", name, r)
				break
			}
		}
	}
	for line := range strings.Lines(string(textOf(t, hostile(), text.Options{}))) {
		assert.Less(t, plain.Length(line), 4*plain.MaxMessage)
	}
	assert.Less(t, asJSON.Len(), 500_000)
}

func TestMegabytesAreCut(t *testing.T) {
	r := diverging()
	huge := strings.Repeat("x", 50<<20)
	r.Divergences[0].Actual = huge
	r.Divergences[0].Steps = []reports.Step{reports.NewStep(1, put(), targets.Reply{
		Answer: model.Refusal(huge), Problem: huge, Received: []byte(huge), Body: value.Obj("m", huge)}, nil)}
	assert.Less(t, len(textOf(t, r, text.Options{Verbose: true})), 20_000)
	step := r.Divergences[0].Steps[0]
	for _, kept := range []string{step.Answer.Code, step.Answer.Problem, step.Received, step.Answer.Body.String()} {
		assert.LessOrEqual(t, len(kept), targets.MaxKept+10)
	}
}

func TestJSONRoundTrip(t *testing.T) {
	for _, r := range []*reports.Report{conforming(), diverging(), inconclusive(), interrupted()} {
		var first, second bytes.Buffer
		require.NoError(t, reports.JSON(&first, r))
		read, err := reports.ReadJSON(first.Bytes())
		require.NoError(t, err)
		require.NoError(t, reports.JSON(&second, read))
		assert.JSONEq(t, first.String(), second.String())
	}
}

func TestReadJSONRefuses(t *testing.T) {
	for data, want := range map[string]string{
		`{"schema":"conform/report/9"}`: `schema "conform/report/9" is not "conform/report/1"`,
		`{`:                             "not a report",
		`{"schema":"\u001b[2J"}`:        `schema`,
		`{"schema":"conform/report/1"}`: `not a whole report: the verdict "" does not go with exit code 0`,
	} {
		_, err := reports.ReadJSON([]byte(data))
		assert.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "\x1b")
	}
}

// TestReadJSONRefusesWhatNoRunWrites: nothing is concluded from a report whose numbers cannot be true.
func TestReadJSONRefusesWhatNoRunWrites(t *testing.T) {
	certified := func() *reports.Report {
		r := conforming()
		r.Certificates = []reports.Certificate{{Machine: "trail", Tests: 128, Done: [][2]int{{0, 96}}}}
		r.Certificates[0].Conclude()
		return r
	}
	for name, test := range map[string]struct {
		change func(*reports.Report, *reports.Certificate)
		want   string
	}{
		"as it is":          {func(*reports.Report, *reports.Certificate) {}, ""},
		"no verdict":        {func(r *reports.Report, _ *reports.Certificate) { r.Verdict = "fine" }, `the verdict "fine" does not go with exit code 0`},
		"another exit code": {func(r *reports.Report, _ *reports.Certificate) { r.ExitCode = 2 }, `the verdict "conforms" does not go with exit code 2`},
		"no target":         {func(r *reports.Report, _ *reports.Certificate) { r.Target.Name = "" }, "it does not say what was tested"},
		"no time":           {func(r *reports.Report, _ *reports.Certificate) { r.Started = time.Time{} }, "it does not say what was tested"},
		"no capabilities":   {func(r *reports.Report, _ *reports.Certificate) { r.Capabilities = nil }, "it does not say what was tested"},
		"too many shards":   {func(r *reports.Report, c *reports.Certificate) { r.Shard, c.Shard = "1/99999999", "1/99999999" }, `"1/99999999" is no share`},
		"no shard":          {func(r *reports.Report, c *reports.Certificate) { r.Shard, c.Shard = "3/2", "3/2" }, `"3/2" is no share`},
		"negative requests": {func(r *reports.Report, _ *reports.Certificate) { r.Requests = -1 }, "negative"},
		"negative divergences": {func(r *reports.Report, _ *reports.Certificate) {
			r.Divergences = []reports.Divergence{{Level: model.Documented, Count: -1}}
		}, "a count is negative"},
		"covered too much": {func(r *reports.Report, _ *reports.Certificate) {
			r.Coverage.Pairs = reports.Count{Covered: 3, Total: 2}
		}, "more is covered than there is"},
		"below 0":         {func(_ *reports.Report, c *reports.Certificate) { c.Done = [][2]int{{-1, 96}} }, "tests [[-1 96]] of 128"},
		"beyond the last": {func(_ *reports.Report, c *reports.Certificate) { c.Done = [][2]int{{0, 129}} }, "tests [[0 129]] of 128"},
		"backwards":       {func(_ *reports.Report, c *reports.Certificate) { c.Done = [][2]int{{7, 7}} }, "tests [[7 7]] of 128"},
		"overlapping":     {func(_ *reports.Report, c *reports.Certificate) { c.Done = [][2]int{{0, 64}, {60, 128}} }, "tests [[0 64] [60 128]] of 128"},
		"doubled":         {func(_ *reports.Report, c *reports.Certificate) { c.Done = [][2]int{{0, 64}, {0, 64}} }, "tests [[0 64] [0 64]] of 128"},
		"a doubled machine": {func(r *reports.Report, c *reports.Certificate) { r.Certificates = append(r.Certificates, *c) },
			`the certificate "trail" stands twice`},
		"negative failures":  {func(_ *reports.Report, c *reports.Certificate) { c.Failed = -1 }, "-1 failed"},
		"no tests":           {func(_ *reports.Report, c *reports.Certificate) { c.Tests, c.Done = 0, nil }, "of 0, 0 failed"},
		"of another share":   {func(_ *reports.Report, c *reports.Certificate) { c.Shard = "1/2" }, `shard "1/2"`},
		"it holds too early": {func(_ *reports.Report, c *reports.Certificate) { c.Holds = true }, "holds true, tests [[0 96]] of 128"},
		"it holds all the same": {func(_ *reports.Report, c *reports.Certificate) {
			c.Holds, c.Failed, c.Done = true, 1, [][2]int{{0, 128}}
		},
			"holds true, tests [[0 128]] of 128, 1 failed"},
	} {
		r := certified()
		test.change(r, &r.Certificates[0])
		var data bytes.Buffer
		require.NoError(t, reports.JSON(&data, r))
		_, err := reports.ReadJSON(data.Bytes())
		if test.want == "" {
			assert.NoError(t, err, name)
			continue
		}
		assert.ErrorContains(t, err, test.want, name)
		assert.NotContains(t, fmt.Sprint(err), "\n", name)
	}
}

// TestJSONKeys pins the stable keys and their shapes.
func TestJSONKeys(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, reports.JSON(&b, diverging()))
	golden.Check(t, "testdata/diverging.json", b.Bytes())

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
	require.NoError(t, reports.JSON(&b, &reports.Report{Divergences: []reports.Divergence{{Level: model.Documented, Steps: []reports.Step{{}}}}}))
	nulls := regexp.MustCompile(`"(\w+)": null`).FindAllStringSubmatch(b.String(), -1)
	require.Len(t, nulls, 1)
	assert.Equal(t, "request", nulls[0][1], "a request without input")
}

func TestParseSink(t *testing.T) {
	for spec, want := range map[string]formats.Sink{
		"text": {Format: "text"}, "json": {Format: "json"}, "json=-": {Format: "json"},
		"text=a=b.txt": {"text", "a=b.txt"}, "json=out/r.json": {"json", "out/r.json"}, "html=r.html": {"html", "r.html"},
	} {
		got, err := formats.Parse(spec)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for spec, want := range map[string]string{
		"":       `"" is no report format; use text, json, `,
		"yaml=x": `"yaml" is no report format; use text, json, `,
		"json=":  "a path is missing after json=",
	} {
		_, err := formats.Parse(spec)
		assert.ErrorContains(t, err, want)
	}
}

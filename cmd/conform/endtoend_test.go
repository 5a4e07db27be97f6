package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/wire"
)

// someRequests are enough for the systematic cases of nearly all rules. CONFORM_TEST_WHOLE=1 has the
// emulators tested by whole default runs instead.
const someRequests = "3000"

func budget() []string {
	if os.Getenv("CONFORM_TEST_WHOLE") != "" {
		return nil
	}
	return []string{"--requests", someRequests}
}

// command runs the real command within this process.
func command(t *testing.T, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr, []string{"CONFORM_TRACES=none"})
	return result{code, stdout.String(), stderr.String()}
}

// reported runs 'conform run' and reads its JSON report, nil where it wrote none.
func reported(t *testing.T, args ...string) (result, *reports.Report) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "report.json")
	got := command(t, append([]string{"run", "--report", "text", "--report", "json=" + path}, args...)...)
	data, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return got, nil
	}
	require.NoError(t, err)
	report, err := reports.ReadJSON(data)
	require.NoError(t, err)
	assert.Equal(t, got.code, report.ExitCode)
	return got, report
}

func violated(report *reports.Report) []model.ID {
	var rules []model.ID
	for _, d := range report.Divergences {
		rules = append(rules, d.Rule)
	}
	slices.Sort(rules)
	return rules
}

func absent(report *reports.Report) []model.Capability {
	var names []model.Capability
	for name, status := range report.Capabilities {
		if status == reports.Absent {
			names = append(names, model.Capability(name))
		}
	}
	slices.Sort(names)
	return names
}

// TestReportOfABareRun holds the JSON report of a run against the embedded server to the keys that
// are promised, and the run to its promise of repeating.
func TestReportOfABareRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.json")
	args := []string{"run", "--requests", someRequests, "--workers", "2", "--seed", "7", "--report", "json=" + path}
	var reports [2]map[string]any
	for i := range reports {
		got := command(t, args...)
		require.Equal(t, 0, got.code, got.stderr)
		assert.Empty(t, got.stdout)
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(data, &reports[i]))
	}
	r := reports[0]
	assert.Equal(t, "conform/report/1", r["schema"])
	assert.Equal(t, "conforms", r["verdict"])
	assert.EqualValues(t, 0, r["exit_code"])
	assert.Equal(t, "embedded", r["target"].(map[string]any)["name"])
	assert.EqualValues(t, 7, r["seed"])
	assert.InDelta(t, 3000, r["requests"], 100)
	assert.Greater(t, r["cases"], 10.0)
	assert.Greater(t, r["duration_seconds"], 0.0)
	assert.Len(t, r["capabilities"], len(model.Capabilities))
	for name, status := range r["capabilities"].(map[string]any) {
		assert.Equal(t, "covered", status, name)
	}
	assert.Equal(t, []any{}, r["divergences"])
	assert.IsType(t, []any{}, r["deviations"])
	coverage := r["coverage"].(map[string]any)
	rules := coverage["rules"].(map[string]any)
	assert.Len(t, rules, len(model.Rules))
	for id, rule := range rules {
		assert.Contains(t, rule, "exercised", id)
		assert.Contains(t, rule, "violated", id)
	}
	transitions := coverage["transitions"].(map[string]any)
	assert.Greater(t, transitions["covered"], 0.0)
	assert.Greater(t, transitions["total"], transitions["covered"])
	assert.Contains(t, r["cut_short"], "systematic", "what the budget left out is named")
	assert.Equal(t, "conform run --requests 3000 --workers 2 --seed 7", r["command"])

	for _, key := range []string{"started", "duration_seconds", "requests_per_second", "target", "timeline", "rule_seconds"} {
		delete(reports[0], key) // these two know the time and the port
		delete(reports[1], key)
	}
	assert.Equal(t, reports[0], reports[1], "one seed, one run")
}

// TestDivergencesInTheReport checks the keys of a divergence, on an emulator that is wrong.
func TestDivergencesInTheReport(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.json")
	url := emulator(t, respelt)
	got := command(t, "run", "--endpoint", url, "--requests", "600", "--report", "json="+path)
	require.Equal(t, 1, got.code, got.stderr)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var r struct {
		Divergences []map[string]any `json:"divergences"`
	}
	require.NoError(t, json.Unmarshal(data, &r))
	require.Len(t, r.Divergences, 1)
	d := r.Divergences[0]
	for _, key := range []string{"signature", "rule", "level", "operation", "expected", "actual", "count", "status", "steps"} {
		assert.Contains(t, d, key)
	}
	assert.Equal(t, "confirmed", d["status"])
	for _, step := range d["steps"].([]any) {
		assert.Contains(t, step, "request")
		assert.Contains(t, step, "answer")
	}
}

// TestServedReferenceConforms runs 'conform serve' and tests it as any other endpoint.
func TestServedReferenceConforms(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	ended := make(chan int)
	go func() { ended <- run(ctx, []string{"serve", "--addr", "127.0.0.1:0"}, nil, writer, io.Discard, nil) }()
	line, err := bufio.NewReader(reader).ReadString('\n')
	require.NoError(t, err)
	url := strings.TrimSpace(strings.TrimPrefix(line, "serving the reference on "))
	got, report := reported(t, append(budget(), "--endpoint", url)...)
	assert.Equal(t, 0, got.code, got.stdout+got.stderr)
	assert.Empty(t, absent(report))
	assert.Empty(t, report.Divergences)
	cancel()
	assert.Equal(t, 0, <-ended)
}

func TestTheRealServiceIsRefused(t *testing.T) {
	for _, url := range []string{"https://cloudtrail.us-east-1.amazonaws.com", "https://cloudtrail.cn-north-1.amazonaws.com.cn", "http://cloudtrail.us-east-1.api.aws:443/x"} {
		got, report := reported(t, "--endpoint", url)
		assert.Equal(t, reports.ExitRefused, got.code)
		assert.Regexp(t, `^conform: [^\n]*belongs to AWS[^\n]*\n$`, got.stderr)
		assert.Nil(t, report)
	}
}

// middleware turns the reference into an emulator that differs from it.
type middleware func(next http.Handler) http.Handler

// emulator serves the reference with some differences, and without the extension by which conform
// would know it.
func emulator(t testing.TB, differences ...middleware) (url string) {
	t.Helper()
	var handler http.Handler
	handler, err := embedded.NewServer(embedded.ServerOptions{})
	require.NoError(t, err)
	for _, wrap := range append(differences, withoutExtension) {
		handler = wrap(handler)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func withoutExtension(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// operation is the operation that a request names, empty where it is none of CloudTrail's.
func operation(r *http.Request) string {
	name := r.Header.Get(wire.TargetHeader)
	if short, ok := strings.CutPrefix(name, wire.LongPrefix); ok {
		return short
	}
	short, _ := strings.CutPrefix(name, wire.ShortPrefix)
	return short
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", wire.ContentType)
	w.WriteHeader(status)
	w.Write(value.Obj("__type", code, "Message", "no").AppendJSON(nil))
}

// without answers the given operations as something that does not have them does.
func without(answer http.HandlerFunc, operations ...string) middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if slices.Contains(operations, operation(r)) {
				answer(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

var (
	notImplemented http.HandlerFunc = func(w http.ResponseWriter, _ *http.Request) { refuse(w, 501, "UnknownOperation") }
	notYet         http.HandlerFunc = func(w http.ResponseWriter, _ *http.Request) { refuse(w, 501, "InternalFailure") }
	unknown        http.HandlerFunc = func(w http.ResponseWriter, _ *http.Request) { refuse(w, 400, "UnknownOperationException") }
	invalidAction  http.HandlerFunc = func(w http.ResponseWriter, _ *http.Request) { refuse(w, 400, "InvalidAction") }
	notFound       http.HandlerFunc = http.NotFound
)

// oneRegion has every request be one to us-east-1.
func oneRegion(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "/"+wire.Signed(r.Header).Region+"/", "/us-east-1/", 1))
		next.ServeHTTP(w, r)
	})
}

// buffered gives change the body of each answer before it goes out.
func buffered(change func(r *http.Request, answer *httptest.ResponseRecorder)) middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := httptest.NewRecorder()
			next.ServeHTTP(answer, r)
			change(r, answer)
			for name, values := range answer.Header() {
				w.Header()[name] = values
			}
			w.WriteHeader(answer.Code)
			w.Write(answer.Body.Bytes())
		})
	}
}

// respelt spells a member as the older operations of CloudTrail do.
var respelt = buffered(func(_ *http.Request, answer *httptest.ResponseRecorder) {
	body := bytes.ReplaceAll(answer.Body.Bytes(), []byte(`"TrailARN":`), []byte(`"TrailArn":`))
	answer.Body = bytes.NewBuffer(body)
})

// errorsWith404 has another HTTP status for everything that is refused.
var errorsWith404 = buffered(func(_ *http.Request, answer *httptest.ResponseRecorder) {
	if answer.Code == http.StatusBadRequest {
		answer.Code = http.StatusNotFound
	}
})

// room refuses more than so many trails in a Region.
func room(trails int) middleware {
	return func(next http.Handler) http.Handler {
		var mu sync.Mutex
		held := map[string]map[string]bool{} // by Region
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			op := operation(r)
			if op != "CreateTrail" && op != "DeleteTrail" {
				next.ServeHTTP(w, r)
				return
			}
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
			var in struct{ Name string }
			json.Unmarshal(body, &in)
			name := in.Name[strings.LastIndexByte(in.Name, '/')+1:]
			mu.Lock()
			defer mu.Unlock()
			region := wire.Signed(r.Header).Region
			if held[region] == nil {
				held[region] = map[string]bool{}
			}
			if op == "CreateTrail" && len(held[region]) >= trails && !held[region][name] && model.ValidTrailName(name) {
				refuse(w, 400, "MaximumNumberOfTrailsExceededException")
				return
			}
			buffered(func(_ *http.Request, answer *httptest.ResponseRecorder) {
				switch {
				case answer.Code != http.StatusOK:
				case op == "CreateTrail":
					held[region][name] = true
				default:
					delete(held[region], name)
				}
			})(next).ServeHTTP(w, r)
		})
	}
}

// onlyPrefix understands one of the two prefixes of an operation's name.
func onlyPrefix(prefix string) middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasPrefix(r.Header.Get(wire.TargetHeader), prefix) {
				refuse(w, 400, "UnknownOperationException")
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// verifying answers those alone who sign as test/test.
func verifying(wrong *atomic.Int32) middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
			switch want := signature(r, body); {
			case !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=test/"):
				refuse(w, 400, "UnrecognizedClientException")
			case want != r.Header.Get("Authorization"):
				wrong.Add(1)
				refuse(w, 400, "InvalidSignatureException")
			default:
				next.ServeHTTP(w, r)
			}
		})
	}
}

// signature is the Authorization header that a request should have, found by signing it again.
func signature(r *http.Request, body []byte) string {
	authorization := r.Header.Get("Authorization")
	again, err := http.NewRequest(r.Method, "http://"+r.Host+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return ""
	}
	_, names, _ := strings.Cut(authorization, "SignedHeaders=")
	names, _, _ = strings.Cut(names, ",")
	for _, name := range strings.Split(names, ";") {
		if values := r.Header.Values(name); len(values) > 0 {
			again.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	signed, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil || time.Since(signed).Abs() > 5*time.Minute {
		return ""
	}
	_, scope, _ := strings.Cut(authorization, "Credential=")
	scope, _, _ = strings.Cut(scope, ",")
	parts := strings.Split(scope, "/")
	if len(parts) != 5 {
		return ""
	}
	sum := sha256.Sum256(body)
	credentials := aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}
	if err := v4.NewSigner().SignHTTP(r.Context(), credentials, again, hex.EncodeToString(sum[:]), parts[3], parts[2], signed); err != nil {
		return ""
	}
	return again.Header.Get("Authorization")
}

// surroundings are what no emulator without an S3, a KMS and the extension can show.
var surroundings = []model.Capability{model.CanArrangeAccount, model.CanLoseBucket, model.CanLoseKey}

// TestEmulators runs against emulators that lack something or have a way of their own. What is
// missing is not covered; what is wrong is one divergence.
func TestEmulators(t *testing.T) {
	t.Parallel()
	stores := []string{"CreateEventDataStore", "GetEventDataStore", "UpdateEventDataStore", "DeleteEventDataStore", "RestoreEventDataStore", "ListEventDataStores"}
	storeCapabilities := []model.Capability{model.CanStores, model.CanUpdateStores, model.CanDeleteStores, model.CanRestoreStores, model.CanStopStores}
	var badSignatures atomic.Int32
	for _, test := range []struct {
		name     string
		make     middleware
		absent   []model.Capability // besides the surroundings
		violated []model.ID
	}{
		{name: "no S3"},
		{name: "no GetTrail", make: without(notImplemented, "GetTrail"), absent: []model.Capability{model.CanGetTrail}},
		{name: "no event data stores", make: without(notImplemented, stores...), absent: storeCapabilities},
		{name: "stores not yet", make: without(notYet, stores...), absent: storeCapabilities},
		{name: "one Region", make: oneRegion, absent: []model.Capability{model.CanRegions}},
		{name: "five trails", make: room(5)},
		{name: "one trail", make: room(1)},
		{name: "TrailArn", make: respelt, violated: []model.ID{model.WireMembers}},
		{name: "short prefix", make: onlyPrefix(wire.ShortPrefix), violated: []model.ID{model.WireProtocol}},
		{name: "long prefix", make: onlyPrefix(wire.LongPrefix), violated: []model.ID{model.WireProtocol}},
		{name: "signatures", make: verifying(&badSignatures)},
		{name: "404", make: errorsWith404},
		{name: "no StartLogging", make: without(unknown, "StartLogging"), absent: []model.Capability{model.CanLog, model.CanStop}},
		{name: "no logging at all", make: without(invalidAction, "StartLogging", "StopLogging", "GetTrailStatus"), absent: []model.Capability{model.CanLog, model.CanStop, model.CanStatus}},
		{name: "no StopLogging", make: without(notFound, "StopLogging"), absent: []model.Capability{model.CanStop}},
		{name: "no PutEventSelectors", make: without(notFound, "PutEventSelectors"), absent: []model.Capability{model.CanPutEvents, model.CanAdvancedEvents}},
		{name: "no event selectors", make: without(unknown, "PutEventSelectors", "GetEventSelectors"), absent: []model.Capability{model.CanPutEvents, model.CanAdvancedEvents, model.CanGetEvents}},
		{name: "no DeleteTrail", make: without(unknown, "DeleteTrail"), absent: []model.Capability{model.CanDelete}},
		{name: "no UpdateTrail", make: without(notYet, "UpdateTrail"), absent: []model.Capability{model.CanUpdate}},
		{name: "no GetInsightSelectors", make: without(unknown, "GetInsightSelectors"), absent: []model.Capability{model.CanGet}},
		{name: "no CreateTrail", make: without(unknown, "CreateTrail"), absent: []model.Capability{model.CanCreate, model.CanUpdate, model.CanDelete, model.CanGetTrail, model.CanStatus,
			model.CanLog, model.CanStop, model.CanPutEvents, model.CanAdvancedEvents, model.CanGetEvents, model.CanRegions}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var differences []middleware
			if test.make != nil {
				differences = append(differences, test.make)
			}
			got, report := reported(t, append(budget(), "--seed", "3", "--endpoint", emulator(t, differences...))...)
			require.NotNil(t, report, got.stderr)
			want := 0
			if len(test.violated) > 0 {
				want = 1
			}
			assert.Equal(t, want, got.code, got.stdout+got.stderr)
			assert.Equal(t, test.violated, violated(report), got.stdout)
			expected := slices.Concat(surroundings, test.absent)
			slices.Sort(expected)
			assert.Equal(t, expected, absent(report))
		})
	}
	assert.Zero(t, badSignatures.Load())
}

// TestErrorsWithoutACode: such a server is known by what succeeds.
func TestErrorsWithoutACode(t *testing.T) {
	got, report := reported(t, "--fault", "error-without-code", "--requests", "1500", "--seed", "1")
	require.NotNil(t, report, got.stderr)
	assert.Equal(t, reports.ExitDiverges, got.code, got.stdout)
	assert.Equal(t, []model.ID{model.WireErrorShape}, slices.Compact(violated(report)))
}

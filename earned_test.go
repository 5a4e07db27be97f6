package conform_test

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/text"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/endpoint"
)

// arrived is a request as it arrives at a crippled server.
type arrived struct {
	op, body string
	nth      int // of its operation, from 1
	all      int // requests so far, from 1
	restart  func()
}

func (a arrived) put() bool { return a.op == "PutInsightSelectors" }
func (a arrived) get() bool { return a.op == "GetInsightSelectors" }
func (a arrived) stores() bool {
	return strings.Contains(a.op, "EventDataStore") || strings.Contains(a.body, "EventDataStore")
}

// reaction is what a crippled server does instead of answering rightly; nil answers rightly.
type reaction func(w http.ResponseWriter, right func())

func answers(status int, body string) reaction {
	return func(w http.ResponseWriter, _ func()) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func refuses(code string) reaction { return answers(400, `{"__type":"`+code+`","Message":"no"}`) }

func drops(http.ResponseWriter, func()) { panic(http.ErrAbortHandler) }

func hangs(http.ResponseWriter, func()) { time.Sleep(11 * time.Second) } // longer than confirming waits

func unknown(ops ...string) func(arrived) reaction {
	return func(a arrived) reaction {
		for _, op := range ops {
			if strings.Contains(a.op, op) {
				return refuses("UnknownOperationException")
			}
		}
		return nil
	}
}

// restartedBefore restarts the server once, as the tenth request of an operation arrives.
func restartedBefore(op string) func(arrived) reaction {
	return func(a arrived) reaction {
		if a.op == op && a.nth == 10 {
			a.restart()
			return func(_ http.ResponseWriter, right func()) { right() }
		}
		return nil
	}
}

// crippled runs a right server with some reactions of its own.
func crippled(t *testing.T, o embedded.ServerOptions, react func(arrived) reaction) string {
	t.Helper()
	right, err := embedded.NewServer(o)
	require.NoError(t, err)
	var mu sync.Mutex
	var all atomic.Int64
	counts := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), "_20131101.")
		mu.Lock()
		counts[op]++
		a := arrived{op: op, body: string(body), nth: counts[op], all: int(all.Add(1)), restart: func() {
			if right, err = embedded.NewServer(o); err != nil {
				panic(err)
			}
		}}
		do := react(a)
		serve := right.ServeHTTP
		mu.Unlock()
		if do == nil {
			serve(w, r)
			return
		}
		do(w, func() { serve(w, r) })
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// sideBySide runs against several servers at once, more than there are processors, since many do little but wait.
// Without CI=true it takes every third of them, and the others out of the cases.
func sideBySide[T any](t *testing.T, cases map[string]T, run func(T) (*reports.Report, error)) (map[string]*reports.Report, map[string]error) {
	var wait sync.WaitGroup
	var mu sync.Mutex
	if os.Getenv("CI") == "" {
		for i, name := range slices.Sorted(maps.Keys(cases)) {
			if i%3 != 0 {
				delete(cases, name)
			}
		}
		t.Logf("without CI=true only every third case is tried: %v", slices.Sorted(maps.Keys(cases)))
	}
	slots, all, errs := make(chan bool, 8), map[string]*reports.Report{}, map[string]error{}
	for name, x := range cases {
		wait.Go(func() {
			slots <- true
			report, err := run(x)
			<-slots
			mu.Lock()
			defer mu.Unlock()
			all[name], errs[name] = report, err
		})
	}
	wait.Wait()
	return all, errs
}

// against runs against a crippled server.
func against(t *testing.T, o embedded.ServerOptions, react func(arrived) reaction, timeout time.Duration, requests int) (*reports.Report, error) {
	target, err := endpoint.New(endpoint.Options{URL: crippled(t, o, react), Timeout: timeout})
	if err != nil {
		return nil, err
	}
	return conform.Run(t.Context(), target, conform.Options{Seed: 1, Requests: requests})
}

// TestAGreenIsEarned runs against crippled servers: who cannot be tested does not conform, and who lacks what
// it may lack does.
func TestAGreenIsEarned(t *testing.T) {
	t.Parallel()
	type given struct {
		react   func(arrived) reaction
		verdict reports.Verdict
		rules   []model.ID // that are violated
		says    string     // in the reason
		lacks   model.Capability
	}
	cases := map[string]given{
		"every Get is a 500":             {react: func(a arrived) reaction { return when(a.get(), answers(500, "{}")) }, verdict: reports.Diverges, rules: []model.ID{model.WireNoCrash}},
		"every Get is a 503":             {react: func(a arrived) reaction { return when(a.get(), answers(503, `{"__type":"ServiceUnavailable"}`)) }, verdict: reports.Diverges, rules: []model.ID{model.WireNoCrash}},
		"every Get is HTML":              {react: func(a arrived) reaction { return when(a.get(), answers(400, "<html>no</html>")) }, verdict: reports.Diverges, rules: []model.ID{model.WireNoCrash}},
		"every Get is null":              {react: func(a arrived) reaction { return when(a.get(), answers(200, "null")) }, verdict: reports.Diverges, rules: []model.ID{model.WireMembers}},
		"every Get drops the connection": {react: func(a arrived) reaction { return when(a.get(), drops) }, verdict: reports.Diverges, rules: []model.ID{model.WireNoCrash}},
		"every Get hangs":                {react: func(a arrived) reaction { return when(a.get(), hangs) }, verdict: reports.Diverges, rules: []model.ID{model.WireNoCrash}},
		"every Put hangs":                {react: func(a arrived) reaction { return when(a.put(), hangs) }, verdict: reports.Diverges, rules: []model.ID{model.WireNoCrash}},
		"every Get is an unknown code":   {react: func(a arrived) reaction { return when(a.get(), refuses("NoIdeaException")) }, verdict: reports.Diverges},
		"every Put is a 500":             {react: func(a arrived) reaction { return when(a.put(), answers(500, "{}")) }, verdict: reports.Diverges, rules: []model.ID{model.WireNoCrash}},
		"every Put of nothing is a 500": {react: func(a arrived) reaction {
			return when(a.put() && strings.Contains(a.body, `"InsightSelectors":[]`), answers(500, "{}"))
		}, verdict: reports.Diverges, rules: []model.ID{model.WireNoCrash}},
		"no trail can be made": {react: func(a arrived) reaction {
			return when(a.op == "CreateTrail", refuses("MaximumNumberOfTrailsExceededException"))
		}, verdict: reports.Inconclusive, says: "MaximumNumberOfTrailsExceededException"},
		"making trails crashes": {react: func(a arrived) reaction { return when(a.op == "CreateTrail", answers(500, "{}")) }, verdict: reports.Inconclusive},
		"a bucket policy forbids trails": {react: func(a arrived) reaction {
			return when(a.op == "CreateTrail", refuses("InsufficientS3BucketPolicyException"))
		}, verdict: reports.Inconclusive, says: "InsufficientS3BucketPolicyException"},
		"access to Put is denied":      {react: func(a arrived) reaction { return when(a.put(), refuses("AccessDeniedException")) }, verdict: reports.Inconclusive, says: "AccessDenied"},
		"access to Get is denied":      {react: func(a arrived) reaction { return when(a.get(), refuses("AccessDeniedException")) }, verdict: reports.Inconclusive, says: "AccessDenied"},
		"dies after 400 requests":      {react: func(a arrived) reaction { return when(a.all > 400, drops) }, verdict: reports.Inconclusive, says: "stopped answering"},
		"hangs after 400 requests":     {react: func(a arrived) reaction { return when(a.all > 400, hangs) }, verdict: reports.Inconclusive, says: "stopped answering"},
		"throttles after 400 requests": {react: func(a arrived) reaction { return when(a.all > 400, refuses("ThrottlingException")) }, verdict: reports.Inconclusive, says: "throttl"},

		"without Get":                      {react: unknown("GetInsightSelectors"), verdict: reports.Conforms, lacks: model.CanGet, says: "without reading back"},
		"Get is a 501":                     {react: func(a arrived) reaction { return when(a.get(), answers(501, "")) }, verdict: reports.Conforms, lacks: model.CanGet},
		"Get is a 404":                     {react: func(a arrived) reaction { return when(a.get(), answers(404, "not found")) }, verdict: reports.Conforms, lacks: model.CanGet},
		"without DeleteTrail":              {react: unknown("DeleteTrail"), verdict: reports.Conforms, lacks: model.CanDelete},
		"without StartLogging":             {react: unknown("StartLogging"), verdict: reports.Conforms, lacks: model.CanLog},
		"without stores":                   {react: unknown("EventDataStore"), verdict: reports.Conforms, lacks: model.CanStores},
		"stores crash":                     {react: func(a arrived) reaction { return when(a.op == "CreateEventDataStore", answers(500, "{}")) }, verdict: reports.Conforms, lacks: model.CanStores},
		"only Put and CreateTrail":         {react: unknown("GetInsight", "Start", "Stop", "Delete", "GetTrail", "EventSelectors", "Update", "EventDataStore", "Restore"), verdict: reports.Conforms, lacks: model.CanGet},
		"throttles now and then":           {react: func(a arrived) reaction { return when(a.all%50 == 7, refuses("ThrottlingException")) }, verdict: reports.Conforms},
		"throttles the first request":      {react: func(a arrived) reaction { return when(a.all == 1, refuses("ThrottlingException")) }, verdict: reports.Conforms},
		"throttles the first of each kind": {react: func(a arrived) reaction { return when(a.nth == 1 && a.op != "", refuses("ThrottlingException")) }, verdict: reports.Conforms},
		"crashes at the first of each kind": {react: func(a arrived) reaction {
			return when(a.nth == 1 && a.op != "", answers(500, "{}"))
		}, verdict: reports.Conforms},
		"loses the first answer of each kind": {react: func(a arrived) reaction {
			return when(a.nth == 1 && a.op != "", func(w http.ResponseWriter, right func()) { right(); panic(http.ErrAbortHandler) })
		}, verdict: reports.Conforms},
		"is busy for the first of each kind": {react: func(a arrived) reaction {
			return when(a.nth == 1 && a.op != "" && !strings.HasPrefix(a.op, "Get"), refuses("ConflictException"))
		}, verdict: reports.Conforms},
		"is restarted once": {react: func(a arrived) reaction {
			return when(a.all == 1000, func(_ http.ResponseWriter, right func()) { a.restart(); right() })
		}, verdict: reports.Conforms},
		"is restarted before a trail is updated": {react: restartedBefore("UpdateTrail"), verdict: reports.Conforms},
		"is restarted before a store is updated": {react: restartedBefore("UpdateEventDataStore"), verdict: reports.Conforms},
		"arranging fails now and then":           {react: func(a arrived) reaction { return when(a.op == "" && a.all%3 == 0, answers(500, "{}")) }, verdict: reports.Conforms},
	}
	all, errs := sideBySide(t, cases, func(x given) (*reports.Report, error) {
		return against(t, embedded.ServerOptions{}, x.react, time.Second, 4000)
	})
	for name, x := range cases {
		t.Run(name, func(t *testing.T) {
			report := all[name]
			require.NoError(t, errs[name])
			assert.Equal(t, x.verdict, report.Verdict)
			if x.verdict == reports.Diverges && x.rules != nil {
				assert.Equal(t, x.rules, rulesOf(report), explain(report, func(model.ID) bool { return true }))
			} else if x.verdict != reports.Diverges {
				assert.Empty(t, rulesOf(report), explain(report, func(model.ID) bool { return true }))
			}
			assert.Contains(t, report.Reason, x.says)
			if x.lacks != "" {
				assert.Contains(t, report.NotCovered, string(x.lacks))
			} else if x.verdict == reports.Conforms {
				assert.Empty(t, report.NotCovered)
			}
		})
	}
}

func when(holds bool, do reaction) reaction {
	if holds {
		return do
	}
	return nil
}

// TestWhatTimesOutIsNamed: a server that hangs on one kind of request is judged all the same, which the report names
// with how often it timed out; what is slow is not taken for it.
func TestWhatTimesOutIsNamed(t *testing.T) {
	t.Parallel()
	list := func(a arrived) string { return a.body[strings.Index(a.body, "InsightSelectors")+1:] }
	type given struct {
		react    func(arrived) reaction
		verdict  reports.Verdict
		requests int
		timeout  time.Duration
		kind     string
	}
	cases := map[string]given{
		"Put of nothing": {func(a arrived) reaction {
			return when(a.put() && strings.Contains(a.body, `"InsightSelectors":[]`), hangs)
		},
			reports.Diverges, 2500, time.Second, "PutInsightSelectors of [] where success is due"},
		"a type given twice": {func(a arrived) reaction {
			return when(a.put() && !a.stores() && strings.Count(list(a), `"ApiCallRateInsight"`) == 2, hangs)
		}, reports.Diverges, 2500, time.Second, "PutInsightSelectors with a type given twice where success is due"},
		"slow now and then": {func(a arrived) reaction {
			return when(a.all%400 == 399, func(_ http.ResponseWriter, right func()) { time.Sleep(3500 * time.Millisecond); right() })
		}, reports.Conforms, 0, 3 * time.Second, ""},
	}
	all, errs := sideBySide(t, cases, func(x given) (*reports.Report, error) {
		return against(t, embedded.ServerOptions{}, x.react, x.timeout, x.requests)
	})
	for name, x := range cases {
		t.Run(name, func(t *testing.T) {
			report := all[name]
			require.NoError(t, errs[name])
			assert.Equal(t, x.verdict, report.Verdict, explain(report, func(model.ID) bool { return true }))
			if x.kind != "" {
				assert.Equal(t, []model.ID{model.WireNoCrash}, rulesOf(report))
				assert.NotZero(t, report.TimedOut[x.kind])
			} else { // nothing was left out for it
				assert.Equal(t, report.Coverage.Transitions.Total, report.Coverage.Transitions.Covered)
				assert.Greater(t, len(report.TimedOut), 5)
			}
		})
	}
}

// TestDeaths: where a request kills the server and a supervisor brings it back without its memory, that request is
// the finding, and nothing that the other connections saw is.
func TestDeaths(t *testing.T) {
	t.Parallel()
	var down atomic.Int64 // until when, in nanoseconds
	target, err := endpoint.New(endpoint.Options{URL: crippled(t, embedded.ServerOptions{}, func(a arrived) reaction {
		if a.put() && strings.Contains(a.body, `"InsightSelectors":"`) {
			down.Store(time.Now().Add(300 * time.Millisecond).UnixNano())
			a.restart()
			return drops
		}
		return when(time.Now().UnixNano() < down.Load(), drops)
	}), Timeout: 5 * time.Second})
	require.NoError(t, err)
	report, err := conform.Run(t.Context(), target, conform.Options{Seed: 1, Requests: 6000})
	require.NoError(t, err)
	assert.Equal(t, []model.ID{model.WireNoCrash}, rulesOf(report), explain(report, func(model.ID) bool { return true }))
	for _, d := range report.Divergences {
		assert.Equal(t, reports.Confirmed, d.Status)
	}
	assert.Empty(t, report.End.LastRequests)

	var dead atomic.Bool
	target, err = endpoint.New(endpoint.Options{URL: crippled(t, embedded.ServerOptions{}, func(a arrived) reaction {
		if a.put() && strings.Contains(a.body, `"InsightSelectors":"`) {
			dead.Store(true)
		}
		return when(dead.Load(), drops)
	}), Timeout: 5 * time.Second})
	require.NoError(t, err)
	report, err = conform.Run(t.Context(), target, conform.Options{Seed: 1, Requests: 6000})
	require.NoError(t, err)
	assert.Equal(t, reports.Inconclusive, report.Verdict)
	assert.Contains(t, strings.Join(report.End.LastRequests, "\n"), `"InsightSelectors":"`)
	var shown strings.Builder
	require.NoError(t, text.Report(&shown, report, text.Options{}))
	assert.Contains(t, shown.String(), "last sent")
}

// TestWhatALostTargetCannotRepeatIsNotTried: a target that dies after a wrong answer, before that can be confirmed, leaves
// the run inconclusive.
func TestWhatALostTargetCannotRepeatIsNotTried(t *testing.T) {
	t.Parallel()
	var wrong, dead atomic.Bool
	target, err := endpoint.New(endpoint.Options{URL: crippled(t, embedded.ServerOptions{Fault: "flag-always-set"}, func(a arrived) reaction {
		wrong.CompareAndSwap(false, a.op == "GetTrail" && a.nth == 4)     // probing asks too
		dead.CompareAndSwap(false, wrong.Load() && a.op == "CreateTrail") // of the world in which it was to be repeated
		return when(dead.Load(), drops)
	}), Timeout: 5 * time.Second})
	require.NoError(t, err)
	report, err := conform.Run(t.Context(), target, conform.Options{Seed: 1, Workers: 1, Requests: 6000})
	require.NoError(t, err)
	assert.Equal(t, reports.Inconclusive, report.Verdict)
	require.NotEmpty(t, report.Divergences)
	for _, d := range report.Divergences {
		assert.Equal(t, reports.NotTried, d.Status)
	}
}

// TestARuleIsKeptByWhatShowsIt: a run that ends before an empty list was read back behind another fault does not call its
// rule kept. On a stopped trail nothing shows before the Put nor after it, and the answer of the Put alone is no proof.
func TestARuleIsKeptByWhatShowsIt(t *testing.T) {
	for _, requests := range []int{300, 600, 1000, 1500, 2000} {
		target := embedded.InProcess(embedded.ServerOptions{Fault: "appends-selectors+empty-list-ignored"})
		report, err := conform.Run(t.Context(), target, conform.Options{Seed: 1, Requests: requests, Workers: 1})
		require.NoError(t, err)
		assert.NotEqual(t, reports.RuleKept, report.Coverage.Rules[model.PutEmptyDisables].State, "%d requests", requests)
	}
}

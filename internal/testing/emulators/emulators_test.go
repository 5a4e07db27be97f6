// Package emulators runs whole runs against small servers that behave as emulators in the field do: each has the
// faults of a kind. What is found is a golden list of rule and operation, reviewed to be right, complete and without
// duplicates: a fault has one entry, and what follows from it stands under it.
package emulators

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/internal/golden"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/endpoint"
	"github.com/insightconform/conform/targets/wire"
)

func TestKinds(t *testing.T) {
	for name, k := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden.Check(t, "testdata/"+name+".txt", found(t, k.handler(t)))
		})
	}
}

// carried brings requests to a handler without a network.
type carried struct{ handler http.Handler }

func (c carried) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body == nil {
		req.Body = http.NoBody
	}
	recorder := httptest.NewRecorder()
	c.handler.ServeHTTP(recorder, req)
	return recorder.Result(), nil
}

// found lists what a run finds: level, rule and operation of each divergence, what is expected and what was answered,
// and under it what shows only behind it.
func found(t *testing.T, handler http.Handler) string {
	report := run(t, handler)
	var out strings.Builder
	for _, d := range report.Divergences {
		readable(t, d)
		status := ""
		if d.Status != reports.Confirmed {
			status = " (" + string(d.Status) + ")"
		}
		parts := strings.Split(d.Signature, "|")
		fmt.Fprintf(&out, "%s %s %s%s: %s, not %s\n", d.Level, d.Rule, strings.Join(append(parts[1:2], parts[4:]...), " "), status, d.Actual, d.Expected[0])
		also := slices.Sorted(slices.Values(d.Also))
		for _, signature := range slices.Compact(also) {
			fmt.Fprintf(&out, "    %s\n", signature)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(report.NotCovered)) {
		fmt.Fprintf(&out, "no %s: %s\n", name, report.NotCovered[name])
	}
	fmt.Fprintln(&out, report.Verdict)
	return out.String()
}

// kindsOfAnswer are words of signatures that stand for values.
var kindsOfAnswer = regexp.MustCompile(`^(success|5xx|none|(the|other) .*selectors.*|a definite answer|a value outside the enums|the answer that .*|.* as requested)$`)

// readable checks that what was expected and what came are values, and differ for whoever reads no more than them.
func readable(t *testing.T, d reports.Divergence) {
	assert.NotEmpty(t, d.Actual, d.Signature)
	assert.NotEmpty(t, d.Expected, d.Signature)
	for _, text := range append(slices.Clone(d.Expected), d.Actual) {
		assert.NotRegexp(t, kindsOfAnswer, text, d.Signature)
	}
	for _, expected := range d.Expected {
		assert.NotContains(t, expected, d.Actual, d.Signature)
	}
}

func run(t *testing.T, handler http.Handler) *reports.Report {
	target, err := endpoint.New(endpoint.Options{URL: "http://127.0.0.1", Transport: carried{handler}})
	require.NoError(t, err)
	report, err := conform.Run(context.Background(), target, conform.Options{Seed: 1, Requests: requests, Workers: 1,
		Suites: []string{conform.Systematic, conform.Random}}) // what clients see at once would be chance
	require.NoError(t, err)
	return report
}

// TestChanceConfirmsNothing: answers that are empty now and then are one entry for each operation, and none is confirmed.
func TestChanceConfirmsNothing(t *testing.T) {
	t.Parallel()
	of := map[string]int{}
	for _, d := range run(t, kind{before: nowAndThenEmpty()}.handler(t)).Divergences {
		of[d.Operation]++
		assert.NotEqual(t, reports.Confirmed, d.Status, d.Signature)
	}
	assert.Equal(t, map[string]int{putSelectors: 1, getSelectors: 1}, of)
}

// TestWorstIsShown: of several cases that show the same, the one is shown that has changed what is stored.
func TestWorstIsShown(t *testing.T) {
	t.Parallel()
	for _, d := range run(t, kind{before: textTurnsOff}.handler(t)).Divergences {
		if last := d.Steps[len(d.Steps)-1]; strings.HasSuffix(d.Signature, "|InsightSelectors") {
			assert.NotEmpty(t, d.States[len(d.States)-2][0].On, "before %s, which turns Insights off", last.Request)
			return
		}
	}
	t.Error("text where a list is due was not found")
}

// requests of each run: enough for the systematic suite and some more.
const requests = 6000

// exchange is a request on its way to the right server and back.
type exchange struct {
	op     string
	header http.Header
	method string
	in     map[string]any // nil where the body is no object
	status int
	out    map[string]any
}

// answer gives an answer of its own.
func (x *exchange) answer(out map[string]any) { x.status, x.out = http.StatusOK, out }

// refuse gives an error of its own.
func (x *exchange) refuse(code string) {
	x.status, x.out = http.StatusBadRequest, map[string]any{"__type": code, "message": "refused"}
}

// code is that of an error.
func (x *exchange) code() string {
	code, _ := x.out["__type"].(string)
	return code
}

// text is a member of the request.
func (x *exchange) text(member string) string {
	text, _ := x.in[member].(string)
	return text
}

// insights reports whether one of the operations under test was asked.
func (x *exchange) insights() bool { return strings.HasSuffix(x.op, "InsightSelectors") }

// kind is an emulator: the right server with faults, and with what stands before and after it.
type kind struct {
	fault  string
	before func(*exchange) // may change the request, or answer it
	after  func(*exchange) // may change the answer
}

func (k kind) handler(t *testing.T) http.Handler {
	server, err := embedded.NewServer(embedded.ServerOptions{Fault: k.fault})
	require.NoError(t, err)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		target := req.Header.Get(wire.TargetHeader)
		if target == "" {
			server.ServeHTTP(w, req)
			return
		}
		var body bytes.Buffer
		_, _ = body.ReadFrom(req.Body)
		x := &exchange{op: target[strings.LastIndex(target, ".")+1:], header: req.Header.Clone(), method: req.Method}
		parsed := json.Unmarshal(body.Bytes(), &x.in) == nil
		if k.before != nil {
			k.before(x)
		}
		if x.out == nil {
			sent := body.Bytes()
			if parsed && x.in != nil {
				sent, _ = json.Marshal(x.in)
			}
			inner := httptest.NewRequest(x.method, req.URL.String(), bytes.NewReader(sent))
			inner.Header = x.header
			recorder := httptest.NewRecorder()
			server.ServeHTTP(recorder, inner)
			x.status = recorder.Code
			if json.Unmarshal(recorder.Body.Bytes(), &x.out) != nil {
				x.out = map[string]any{}
			}
		}
		if k.after != nil {
			k.after(x)
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(x.status)
		_ = json.NewEncoder(w).Encode(x.out)
	})
}

// TestNoLevelIsLost: a rule that has evidence stays violated where its breach follows from that of an inferred one.
func TestNoLevelIsLost(t *testing.T) {
	t.Parallel()
	report := run(t, kind{fault: "empty-list-refused-when-off", after: emptyRefusedFirst}.handler(t))
	assert.Equal(t, reports.Diverges, report.Verdict)
	assert.True(t, slices.ContainsFunc(report.Divergences, func(d reports.Divergence) bool {
		return d.Level >= model.Observed && d.Actual == notEnabled && d.Expected[0] == notFound
	}))
}

package conform_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/endpoint"
)

// spoiled is a right server but for the answers that spoil takes over; it gets what the right one answers.
func spoiled(t *testing.T, spoil func(w http.ResponseWriter, op, answer string) bool) string {
	t.Helper()
	right, err := embedded.NewServer(embedded.ServerOptions{})
	require.NoError(t, err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorder := httptest.NewRecorder()
		right.ServeHTTP(recorder, r)
		_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), "_20131101.")
		if spoil(w, op, recorder.Body.String()) {
			return
		}
		for name, values := range recorder.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(recorder.Code)
		_, _ = w.Write(recorder.Body.Bytes())
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestOneKindOfAnswerIsSpoiled: one kind of request is answered wrongly, every time. The target has not been
// lost, and this is one divergence, under the rule that speaks of it.
func TestOneKindOfAnswerIsSpoiled(t *testing.T) {
	whileOff := func(answer string) bool { return strings.Contains(answer, "InsightNotEnabledException") }
	for name, x := range map[string]struct {
		spoil func(w http.ResponseWriter, op, answer string) bool
		rule  model.ID
	}{
		"crashes": {func(w http.ResponseWriter, _, answer string) bool {
			if whileOff(answer) {
				http.Error(w, "<h1>Internal Server Error</h1>", http.StatusInternalServerError)
			}
			return whileOff(answer)
		}, model.WireNoCrash},
		"never answers": {func(_ http.ResponseWriter, _, answer string) bool {
			if whileOff(answer) {
				time.Sleep(5500 * time.Millisecond) // longer than confirming waits
			}
			return whileOff(answer)
		}, model.WireNoCrash},
		"answers null": {func(w http.ResponseWriter, op, answer string) bool {
			spoil := op == "PutInsightSelectors" && strings.Contains(answer, `"InsightSelectors":[]`)
			if spoil {
				w.Header().Set("Content-Type", "application/x-amz-json-1.1")
				_, _ = w.Write([]byte("null"))
			}
			return spoil
		}, model.WireMembers},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target, err := endpoint.New(endpoint.Options{URL: spoiled(t, x.spoil), Timeout: 500 * time.Millisecond})
			require.NoError(t, err)
			report, err := conform.Run(t.Context(), target, conform.Options{Seed: 1, Requests: 1000})
			require.NoError(t, err)
			assert.Equal(t, []model.ID{x.rule}, rulesOf(report), explain(report, func(model.ID) bool { return true }))
			assert.Equal(t, 1, report.ExitCode, report.Reason)
		})
	}
}

// TestNotOffered: a target that answers UnsupportedOperationException to every Put with Data, or to every Put
// and Get on event data stores, does not offer them, and that is no divergence. One that does so to the Puts with
// Data alone, and takes Data beside Management, offers it and is wrong.
func TestNotOffered(t *testing.T) {
	onStore := func(body string) bool {
		return strings.Contains(body, `"EventDataStore"`) && !strings.Contains(body, `"TrailName"`)
	}
	for name, x := range map[string]struct {
		unsupported func(body string) bool
		lacks       model.Capability // empty where the target is wrong
	}{
		"data":       {func(body string) bool { return !onStore(body) && strings.Contains(body, `"Data"`) }, model.CanInsightData},
		"stores":     {onStore, model.CanStores},
		"data alone": {func(body string) bool { return !onStore(body) && strings.Contains(body, `["Data"]`) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			right, err := embedded.NewServer(embedded.ServerOptions{})
			require.NoError(t, err)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				r.Body = io.NopCloser(bytes.NewReader(body))
				if strings.HasSuffix(r.Header.Get("X-Amz-Target"), "InsightSelectors") && x.unsupported(string(body)) {
					w.Header().Set("Content-Type", "application/x-amz-json-1.1")
					w.WriteHeader(http.StatusBadRequest)
					_, _ = w.Write([]byte(`{"__type":"UnsupportedOperationException","Message":"no"}`))
					return
				}
				right.ServeHTTP(w, r)
			}))
			t.Cleanup(server.Close)
			target, err := endpoint.New(endpoint.Options{URL: server.URL})
			require.NoError(t, err)
			report, err := conform.Run(t.Context(), target, conform.Options{Seed: 1, Requests: 8000})
			require.NoError(t, err)
			if x.lacks == "" {
				assert.NotEmpty(t, rulesOf(report))
				assert.NotContains(t, report.NotCovered, string(model.CanInsightData))
				return
			}
			assert.Empty(t, rulesOf(report), explain(report, func(model.ID) bool { return true }))
			assert.Contains(t, report.NotCovered, string(x.lacks))
			assert.True(t, report.Coverage.Rules[model.PutStores].Exercised)
		})
	}
}

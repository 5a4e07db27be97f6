package conform_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/endpoint"
)

// TestOneRequestCrashes: a target that crashes on one kind of request, every time, has not been lost.
func TestOneRequestCrashes(t *testing.T) {
	right, err := embedded.NewServer(embedded.ServerOptions{})
	require.NoError(t, err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorder := httptest.NewRecorder()
		right.ServeHTTP(recorder, r)
		if bytes.Contains(recorder.Body.Bytes(), []byte("InsightNotEnabledException")) {
			http.Error(w, "<h1>Internal Server Error</h1>", http.StatusInternalServerError)
			return
		}
		for name, values := range recorder.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(recorder.Code)
		_, _ = w.Write(recorder.Body.Bytes())
	}))
	defer server.Close()

	target, err := endpoint.New(endpoint.Options{URL: server.URL})
	require.NoError(t, err)
	report, err := conform.Run(t.Context(), target, conform.Options{Seed: 1, Requests: 4000})
	require.NoError(t, err)
	assert.Equal(t, []model.ID{model.WireNoCrash}, rulesOf(report), explain(report, func(model.ID) bool { return true }))
	assert.Equal(t, 1, report.ExitCode, report.Reason)
}

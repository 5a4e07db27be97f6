package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/embedded"
)

// TestReplayOnServersThatFail: whatever a target answers, replay says what became of each trace, and
// nothing of it is an error of conform.
func TestReplayOnServersThatFail(t *testing.T) {
	traces, err := filepath.Glob("testdata/traces-1/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, traces)
	for name, answer := range map[string]http.HandlerFunc{
		"5xx": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `{"__type":"InternalFailure"}`, http.StatusInternalServerError)
		},
		"5xx to what a trace begins with": func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".CreateTrail") {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			w.WriteHeader(http.StatusBadRequest)
			w.Write([]byte(`{"__type":"TrailNotFoundException"}`))
		},
		"5xx once the probe is over": func() http.HandlerFunc {
			right, err := embedded.NewServer(embedded.ServerOptions{})
			require.NoError(t, err)
			var names atomic.Int64 // of trails
			return func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".CreateTrail") {
					names.Add(1)
				}
				if names.Load() > 14 { // those of the probe, which tries the quota
					w.WriteHeader(http.StatusServiceUnavailable)
					return
				}
				right.ServeHTTP(w, r)
			}
		}(),
		"dropped": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"null": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			w.Write([]byte("null"))
		},
		"a page": func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) },
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(answer)
			defer server.Close()
			var stdout, stderr bytes.Buffer
			args := append([]string{"replay", "--endpoint", server.URL, "--timeout", "2s"}, traces...)
			code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr, nil)
			assert.NotContains(t, stderr.String(), "internal error")
			assert.Contains(t, []int{reports.ExitDiverges, reports.ExitInconclusive, reports.ExitConforms}, code, "%s%s", &stdout, &stderr)
			assert.NotEmpty(t, stdout.String()+stderr.String())
		})
	}
}

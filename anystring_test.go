package conform_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/endpoint"
)

// anyString is a server that stores selectors under whatever a request names, and forgets nothing while it lives.
type anyString struct {
	mu     sync.Mutex
	kept   map[string]json.RawMessage
	trails map[string]bool
	key    func(trail, store json.RawMessage) string
	none   func(w http.ResponseWriter) // answers a Get of what nothing is stored under
}

func newAnyString(t *testing.T, key func(trail, store json.RawMessage) string, none func(http.ResponseWriter)) *restarting {
	r := &restarting{fresh: func() http.Handler {
		return &anyString{kept: map[string]json.RawMessage{}, trails: map[string]bool{}, key: key, none: none}
	}}
	r.restart()
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { r.now.ServeHTTP(w, q) }))
	t.Cleanup(r.Close)
	return r
}

// restarting is a server that can be started afresh at its address.
type restarting struct {
	*httptest.Server
	fresh func() http.Handler
	now   http.Handler
}

func (r *restarting) restart() { r.now = r.fresh() }

func (s *anyString) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), "_20131101.")
	var in map[string]json.RawMessage
	if json.Unmarshal(body, &in) != nil {
		refuses("SerializationException")(w, nil)
		return
	}
	text := func(member string) (s string) {
		_ = json.Unmarshal(in[member], &s)
		return s
	}
	arn := func(name string) string {
		if strings.HasPrefix(name, "arn:") {
			return name
		}
		return "arn:aws:cloudtrail:us-east-1:000000000000:trail/" + name
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := s.key(in["TrailName"], in["EventDataStore"])
	switch op {
	case "CreateTrail":
		s.trails[text("Name")] = true
		answersJSON(w, "Name", text("Name"), "TrailARN", arn(text("Name")), "S3BucketName", text("S3BucketName"))
	case "DeleteTrail":
		delete(s.trails, text("Name"))
		answersJSON(w)
	case "PutInsightSelectors":
		s.kept[key] = in["InsightSelectors"]
		answersJSON(w, "TrailARN", arn(text("TrailName")), "InsightSelectors", in["InsightSelectors"])
	case "GetInsightSelectors":
		if list, ok := s.kept[key]; ok {
			answersJSON(w, "TrailARN", arn(text("TrailName")), "InsightSelectors", list)
			return
		}
		s.none(w)
	default:
		refuses("UnknownOperationException")(w, nil)
	}
}

func answersJSON(w http.ResponseWriter, namesAndValues ...any) {
	out := map[string]any{}
	for i := 0; i < len(namesAndValues); i += 2 {
		out[namesAndValues[i].(string)] = namesAndValues[i+1]
	}
	data, _ := json.Marshal(out)
	answers(200, string(data))(w, nil)
}

// lastPart is what an ARN ends with.
func lastPart(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }

// TestStoresUnderAnyString: on a server that stores under any string no case reads what another has written. So each run
// against it shows the same, and a restart changes nothing.
func TestStoresUnderAnyString(t *testing.T) {
	t.Parallel()
	either := func(trail, store json.RawMessage) (s string) {
		if json.Unmarshal(trail, &s); s == "" {
			_ = json.Unmarshal(store, &s)
		}
		return s
	}
	for name, server := range map[string]*restarting{
		"one map, refuses Get": newAnyString(t, either, func(w http.ResponseWriter) { refuses("InsightNotEnabledException")(w, nil) }),
		"raw, empty Get": newAnyString(t, func(trail, store json.RawMessage) string { return string(trail) + "+" + string(store) },
			func(w http.ResponseWriter) { answersJSON(w, "InsightSelectors", []int{}) }),
		"last part, no trail": newAnyString(t, func(trail, store json.RawMessage) string { return lastPart(either(trail, store)) },
			func(w http.ResponseWriter) { refuses("TrailNotFoundException")(w, nil) }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := func(o conform.Options) *reports.Report {
				target, err := endpoint.New(endpoint.Options{URL: server.URL})
				require.NoError(t, err)
				o.Seed, o.ShrinkRequests = 1, 500
				report, err := conform.Run(t.Context(), target, o)
				require.NoError(t, err)
				return report
			}
			shown := func(r *reports.Report) (out []string) {
				for _, d := range r.Divergences {
					out = append(out, d.Signature)
					assert.Equal(t, reports.Confirmed, d.Status, d.Signature)
				}
				return out
			}
			first := run(conform.Options{Requests: 1000})
			require.Greater(t, len(first.Divergences), 10)
			baseline := reports.UpdatedBaseline(nil, first)
			var traces []*reports.Trace
			for _, d := range first.Divergences {
				traces = append(traces, reports.NewTrace(first, d, false))
			}
			for _, again := range []string{"again", "after a restart"} {
				if again != "again" {
					server.restart()
				}
				for _, replay := range run(conform.Options{Traces: traces, Requests: 1}).Replays {
					assert.Equal(t, reports.ReplayDiverges, replay.Outcome, "%s: %s %s", again, replay.Signature, replay.Why)
				}
				report := run(conform.Options{Requests: 1000, Baseline: baseline})
				assert.ElementsMatch(t, shown(first), shown(report), again)
				assert.Empty(t, report.Stale(), again)
				for _, d := range report.Divergences {
					assert.True(t, d.Known, "%s: %s", again, d.Signature)
				}
			}
		})
	}
}

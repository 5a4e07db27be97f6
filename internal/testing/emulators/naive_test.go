package emulators

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/insightconform/conform/internal/golden"
	"github.com/insightconform/conform/targets/wire"
)

// naive is what is written in an afternoon: trails by name, whatever was put as it came, and hardly a check.
type naive struct {
	mu       sync.Mutex
	trails   map[string]map[string]any // by name
	status   int                       // of errors
	byARN    bool                      // the ARN of a trail is understood
	category bool                      // categories are kept
	checks   bool                      // of the insight type
}

func (n *naive) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	target := req.Header.Get(wire.TargetHeader)
	op := target[strings.LastIndex(target, ".")+1:]
	var in map[string]any
	_ = json.NewDecoder(req.Body).Decode(&in)
	n.mu.Lock()
	out, code := n.handle(op, in)
	n.mu.Unlock()
	status := http.StatusOK
	if code != "" {
		status, out = n.status, map[string]any{"__type": code, "message": "refused"}
	}
	if req.URL.Path != "/" {
		status, out = http.StatusNotFound, map[string]any{}
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(out)
}

func (n *naive) handle(op string, in map[string]any) (out map[string]any, code string) {
	name, _ := in["TrailName"].(string)
	if name == "" {
		name, _ = in["Name"].(string)
	}
	if n.byARN && strings.HasPrefix(name, "arn:") {
		name = name[strings.LastIndex(name, "/")+1:]
	}
	arn := "arn:aws:cloudtrail:us-east-1:123456789012:trail/" + name
	trail := n.trails[name]
	if op == "CreateTrail" {
		if trail != nil {
			return nil, "TrailAlreadyExistsException"
		}
		n.trails[name] = map[string]any{}
		return map[string]any{"Name": name, "TrailARN": arn}, ""
	}
	if trail == nil {
		return nil, "TrailNotFoundException"
	}
	switch op {
	case "DeleteTrail":
		delete(n.trails, name)
		return map[string]any{}, ""
	case "GetTrail":
		return map[string]any{"Trail": map[string]any{"Name": name, "TrailARN": arn, "HasInsightSelectors": trail["insights"] != nil}}, ""
	case "StartLogging", "StopLogging", "UpdateTrail":
		trail["logging"] = op == "StartLogging"
		return map[string]any{"Name": name, "TrailARN": arn}, ""
	case "GetTrailStatus":
		return map[string]any{"IsLogging": trail["logging"] == true}, ""
	case putSelectors:
		list, _ := in["InsightSelectors"].([]any)
		for _, item := range list {
			selector, ok := item.(map[string]any)
			if n.checks && (!ok || selector["InsightType"] != "ApiCallRateInsight" && selector["InsightType"] != "ApiErrorRateInsight") {
				return nil, "InvalidInsightSelectorsException"
			}
			if !n.category {
				delete(selector, "EventCategories")
			}
		}
		trail["insights"] = in["InsightSelectors"]
		return map[string]any{"TrailARN": arn, "InsightSelectors": in["InsightSelectors"]}, ""
	case getSelectors:
		if trail["insights"] == nil {
			return map[string]any{"TrailARN": arn, "InsightSelectors": []any{}}, ""
		}
		return map[string]any{"TrailARN": arn, "InsightSelectors": trail["insights"]}, ""
	}
	return nil, "InvalidAction"
}

func TestNaive(t *testing.T) {
	for name, server := range map[string]*naive{
		"naive":         {status: http.StatusBadRequest},
		"naive-404":     {status: http.StatusNotFound, byARN: true},
		"naive-careful": {status: http.StatusBadRequest, byARN: true, category: true, checks: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server.trails = map[string]map[string]any{}
			golden.Check(t, "testdata/"+name+".txt", found(t, server))
		})
	}
}

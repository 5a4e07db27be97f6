// Package emulators has tests alone: they run against small servers, each of which behaves as a kind of emulator does.
package emulators

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/internal/golden"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/endpoint"
	"github.com/insightconform/conform/targets/wire"
)

// variantCall is a request as a variant of the reference server reads it.
type variantCall struct {
	op    string
	long  bool // the prefix of X-Amz-Target
	input map[string]any
}

func (c variantCall) text(member string) string { s, _ := c.input[member].(string); return s }

// insights reports whether it is a Put or Get whose member is given.
func (c variantCall) insights(member string) bool {
	return strings.HasSuffix(c.op, "InsightSelectors") && c.input[member] != nil
}

func (c variantCall) onStore() bool { return c.insights("EventDataStore") && !c.insights("TrailName") }

// manages reports whether it is an operation on event data stores other than Put and Get.
func (c variantCall) manages() bool { return strings.Contains(c.op, "EventDataStore") }

// variant answers what it does otherwise than the reference; with status 0 that answers.
type variant func(variantCall) (status int, answer any)

func (v variant) serve(t *testing.T) string {
	right, err := embedded.NewServer(embedded.ServerOptions{})
	require.NoError(t, err)
	var mu sync.Mutex
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		target := req.Header.Get(wire.TargetHeader)
		c := variantCall{op: target[strings.LastIndex(target, ".")+1:], long: strings.HasPrefix(target, wire.LongPrefix)}
		if req.Method == http.MethodPost && json.Unmarshal(body, &c.input) == nil {
			mu.Lock()
			status, answer := v(c)
			mu.Unlock()
			if status != 0 {
				w.Header().Set("Content-Type", wire.ContentType)
				w.WriteHeader(status)
				_ = json.NewEncoder(w).Encode(answer)
				return
			}
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
		right.ServeHTTP(w, req)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func refusing(status int, code string) (int, any) {
	return status, map[string]any{"__type": code, "Message": "The request cannot be carried out."}
}

// refusingIf refuses the calls of a kind with one answer.
func refusingIf(status int, code string, is func(variantCall) bool) variant {
	return func(c variantCall) (int, any) {
		if is(c) {
			return refusing(status, code)
		}
		return 0, nil
	}
}

func putsStore(c variantCall) bool { return c.onStore() && strings.HasPrefix(c.op, "Put") }
func getsStore(c variantCall) bool { return c.onStore() && strings.HasPrefix(c.op, "Get") }

// namesStore reports whether a store is named by its ARN, or by its ID suffix.
func namesStore(byARN bool) func(variantCall) bool {
	return func(c variantCall) bool {
		return c.onStore() && slices.ContainsFunc([]string{"EventDataStore", "InsightsDestination"}, func(member string) bool {
			return c.input[member] != nil && strings.HasPrefix(c.text(member), "arn:") == byARN
		})
	}
}

// makesStores answers CreateEventDataStore with the given members, one after the other.
func makesStores(arns ...any) variant {
	made := 0
	return func(c variantCall) (int, any) {
		if c.op != "CreateEventDataStore" {
			return 0, nil
		}
		made++
		return http.StatusOK, map[string]any{"Name": c.text("Name"), "EventDataStoreArn": arns[made%len(arns)]}
	}
}

// anyStore has a store of its own for every string, and checks nothing.
func anyStore() variant {
	const arns = "arn:aws:cloudtrail:us-east-1:123456789012:eventdatastore/"
	arnOf := func(name string) string { return arns + strings.TrimPrefix(name, arns) }
	stored := map[string]map[string]any{}
	return func(c variantCall) (int, any) {
		if !c.onStore() {
			return 0, nil
		}
		arn := arnOf(c.text("EventDataStore"))
		if putsStore(c) {
			stored[arn] = map[string]any{"EventDataStoreArn": arn, "InsightSelectors": c.input["InsightSelectors"]}
			if destination := c.text("InsightsDestination"); destination != "" {
				stored[arn]["InsightsDestination"] = arnOf(destination)
			}
			return http.StatusOK, stored[arn]
		}
		if list, _ := stored[arn]["InsightSelectors"].([]any); len(list) == 0 {
			return refusing(http.StatusBadRequest, "InsightNotEnabledException")
		}
		return http.StatusOK, stored[arn]
	}
}

// variants are kinds of emulators that differ from the reference in one thing.
func variants() map[string]variant {
	const oneStore = "arn:aws:cloudtrail:us-east-1:123456789012:eventdatastore/aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
	return map[string]variant{
		"stores-stub": func(c variantCall) (int, any) {
			if c.manages() {
				return http.StatusOK, map[string]any{}
			}
			return 0, nil
		},
		"stores-without-arn":   makesStores(nil, ""),
		"stores-malformed-arn": makesStores("store-1", 7),
		"stores-arn-of-trail":  makesStores("arn:aws:cloudtrail:us-east-1:123456789012:trail/stores"),
		"stores-one-arn":       makesStores(oneStore),

		"stores-refused-400":         refusingIf(400, "TrailNotFoundException", variantCall.onStore),
		"stores-refused-404":         refusingIf(404, "TrailNotFoundException", variantCall.onStore),
		"stores-refused-unlisted":    refusingIf(404, "ResourceNotFoundException", variantCall.onStore),
		"stores-refused-listed":      refusingIf(400, "InvalidParameterException", variantCall.onStore),
		"stores-refused-no-code":     refusingIf(400, "", variantCall.onStore),
		"stores-refused-unsupported": refusingIf(400, "UnsupportedOperationException", variantCall.onStore),
		"stores-crash":               refusingIf(500, "TrailNotFoundException", variantCall.onStore),
		"stores-put-refused":         refusingIf(400, "InvalidTrailNameException", putsStore),
		"stores-get-refused":         refusingIf(400, "UnsupportedOperationException", getsStore),

		"stores-by-arn":    refusingIf(400, "TrailNotFoundException", namesStore(false)),
		"stores-by-suffix": refusingIf(400, "EventDataStoreARNInvalidException", namesStore(true)),
		"stores-any":       anyStore(),
		"stores-managed-by-arn": refusingIf(400, "EventDataStoreARNInvalidException", func(c variantCall) bool {
			return c.manages() && c.text("EventDataStore") != "" && !strings.HasPrefix(c.text("EventDataStore"), "arn:")
		}),

		"trail-arns-not-found": refusingIf(400, "TrailNotFoundException", func(c variantCall) bool { return strings.HasPrefix(c.text("TrailName"), "arn:") }),
		"trail-arns-bad-names": refusingIf(400, "InvalidTrailNameException", func(c variantCall) bool { return strings.HasPrefix(c.text("TrailName"), "arn:") }),

		"long-prefix-unknown": refusingIf(400, "UnknownOperationException", func(c variantCall) bool { return c.long }),
		"long-prefix-no-code": refusingIf(404, "", func(c variantCall) bool { return c.long }),
	}
}

// TestVariants: of each kind everything is found that it does wrong, once, and nothing else. A golden file has a line
// for each divergence, and says why capabilities are absent.
func TestVariants(t *testing.T) {
	for name, v := range variants() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requests := 6000
			if without[name] {
				requests = 600
			}
			target, err := endpoint.New(endpoint.Options{URL: v.serve(t)})
			require.NoError(t, err)
			report, err := conform.Run(t.Context(), target, conform.Options{Seed: 1, Workers: 1, Requests: requests,
				Suites: []string{conform.Systematic, conform.Random}})
			require.NoError(t, err)
			require.Equal(t, without[name], report.Capabilities[string(model.CanStores)] == reports.Absent)

			var lines []string
			for _, d := range report.Divergences {
				lines = append(lines, strings.TrimSpace(string(d.Rule)+" "+d.Operation))
				require.Equal(t, reports.Confirmed, d.Status, d.Signature)
				t.Log(d.Signature, d.Also)
			}
			slices.Sort(lines)
			for _, capability := range slices.Sorted(maps.Keys(report.NotCovered)) {
				lines = append(lines, "no "+capability+": "+report.NotCovered[capability])
			}
			golden.Check(t, filepath.Join("testdata", name+".txt"), strings.Join(append(lines, ""), "\n"))
			for _, id := range hiddenBy[name] {
				c := report.Coverage.Rules[id]
				require.True(t, strings.HasPrefix(c.Why, reports.HiddenBehind), "%s: %+v", id, c)
			}
		})
	}
}

// without are the kinds that have no stores: probing says so.
var without = map[string]bool{"stores-stub": true, "stores-without-arn": true, "stores-malformed-arn": true, "stores-arn-of-trail": true,
	"stores-one-arn": true, "stores-refused-unsupported": true}

// hiddenBy lists rules that a kind must not be said to keep.
var hiddenBy = map[string][]model.ID{
	"stores-refused-listed": {model.StoreNotFound, model.StoreOtherAccount, model.StoreIDSyntax, model.StoreDisable},
	"stores-put-refused":    {model.StoreDisable, model.StoreDestination, model.StoreARNOrSuffix},
	"stores-get-refused":    {model.StoreUpdateGuard},
	"trail-arns-not-found":  {model.TrailOtherAccount, model.TrailARNSyntax},
}

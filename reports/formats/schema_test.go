package formats_test

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/evidence"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
)

// rawSchema reads a published schema, which bears its address.
func rawSchema(t *testing.T, file string) any {
	t.Helper()
	data, err := os.ReadFile("../schemas/" + file)
	require.NoError(t, err)
	var document any
	require.NoError(t, json.Unmarshal(data, &document))
	assert.Equal(t, "https://github.com/insightconform/conform/reports/schemas/"+file, document.(map[string]any)["$id"])
	return document
}

// evidenced is a report with all that a run may add to it.
func evidenced() *reports.Report {
	r := diverging()
	r.CutShort, r.TimedOut = []string{"random"}, map[string]int{"PutInsightSelectors of [] where success is due": 2}
	r.End = &reports.End{Interrupted: "i", Failed: "f", Refused: "r", Misused: "m", Lost: "l", PutSucceeded: true, LastRequests: []string{"q"}, NoTrails: "n", Unusable: []string{"u"}, Resumed: true, Joined: true,
		MissingShards: []string{"2/2"}}
	r.Replays = []reports.Replay{{Signature: "s", Rule: model.PutStores, File: "a.json", Outcome: reports.ReplayDifferent, Why: "why"}}
	r.Baseline = []reports.Replay{{Signature: "s", Outcome: reports.ReplayFixed, Stale: true, Mend: "take it out"}, {Signature: "e", Outcome: reports.ReplayExpired, Stale: true}}
	r.Target.Eventual = true
	r.Notes = []string{"a note"}
	d := &r.Divergences[0]
	d.Known, d.Reason, d.Raw, d.Trace = true, "accepted", "raw", "traces/a.json"
	raw := "{"
	d.Steps[0].Raw, d.Steps[0].Method, d.Steps[0].OtherTarget, d.Steps[0].Region, d.Steps[0].Sent = &raw, "PUT", true, "eu-west-1", "{}"
	d.States = [][]reports.ResourceState{nil, {{Resource: "trail/us-east-1/alpha", On: map[string][]string{"ApiCallRateInsight": {"Management"}}, Logs: "all", Logging: true}, {Resource: "b"}}}
	r.Coverage.Walk = &reports.Walk{States: []reports.WalkState{{On: "none", Logs: "all", Row: "+- "}}, Inputs: []string{"a", "b", "c"}}
	r.Certificates = []reports.Certificate{
		{Machine: "trail", Abstraction: "a", Fingerprint: "f", States: 2, Inputs: []string{"x"}, Transitions: 2, Reads: []string{"Get"}, Depth: 1, Tests: 10,
			Requests: 30, Done: [][2]int{{0, 10}}, Failed: 1, Unstable: 1, Shard: "1/2", Hypotheses: []string{"h"}, Holds: true, Result: "It holds."},
		{Machine: "empty"},
	}
	r.Precedence = &reports.Precedence{Schema: reports.PrecedenceSchema, Rules: []model.ID{model.TrailNotFound}, Codes: map[model.ID]string{model.TrailNotFound: "TrailNotFoundException"},
		Cycles: [][]model.ID{{model.TrailNotFound, model.LogsCallRate}}}
	for _, status := range []string{reports.CellFirst, reports.CellSecond, reports.CellIndistinguishable, reports.CellOther, reports.CellUnstable, reports.CellImpossible, reports.CellNotCovered} {
		r.Precedence.Cells = append(r.Precedence.Cells, reports.PrecedenceCell{First: model.TrailNotFound, Second: model.LogsCallRate, Status: status,
			Answer: "X", Why: "why", Steps: []reports.Step{{Number: 1, Operation: "GetTrail", Answer: reports.StepAnswer{Outcome: "success"}}}})
	}
	r.Timeline = []reports.Interval{{Requests: 3, MeanMS: 0.5, SlowMS: 1}, {Seconds: 0.1}}
	r.Settling = &reports.Settling{Waits: 1, MedianSeconds: 0.5, LongestSeconds: 2, TimedOut: 1}
	return r
}

// TestSchemasNameEveryField compares the schemas with the Go types, so that neither can grow alone.
func TestSchemasNameEveryField(t *testing.T) {
	for file, value := range map[string]any{"report-1.json": reports.Report{}, "precedence-1.json": reports.Precedence{}, "events-1.json": reports.Event{},
		"order-1.json": model.Profile{}, "evidence-1.json": evidence.File{}, "trace-1.json": reports.Trace{}, "calls-1.json": reports.Calls{}} {
		compareSchema(t, file, file, rawSchema(t, file).(map[string]any), reflect.TypeOf(value))
	}
}

// opaque are the types whose JSON is not that of their fields.
var opaque = []reflect.Type{reflect.TypeFor[time.Time](), reflect.TypeFor[json.RawMessage](), reflect.TypeFor[value.Value](), reflect.TypeFor[model.Level]()}

func compareSchema(t *testing.T, path, file string, schema map[string]any, of reflect.Type) {
	t.Helper()
	if ref, ok := schema["$ref"].(string); ok {
		other, pointer, _ := strings.Cut(ref, "#")
		if other == "" {
			other = file
		}
		node := rawSchema(t, other)
		for _, key := range strings.Split(strings.Trim(pointer, "/"), "/") {
			if key != "" {
				node = node.(map[string]any)[key]
			}
		}
		require.NotNil(t, node, "%s: %s", path, ref)
		compareSchema(t, path, other, node.(map[string]any), of)
		return
	}
	for of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if slices.Contains(opaque, of) {
		return
	}
	switch of.Kind() {
	case reflect.Struct:
		properties, ok := schema["properties"].(map[string]any)
		require.True(t, ok, path)
		if file != "trace-1.json" || of != reflect.TypeFor[targets.Info]() {
			assert.Equal(t, false, schema["additionalProperties"], path)
		}
		var names, required []string
		for i := range of.NumField() {
			field := of.Field(i)
			tag := field.Tag.Get("json")
			name, options, _ := strings.Cut(tag, ",")
			if !field.IsExported() || name == "-" {
				continue
			}
			require.NotEmpty(t, name, "%s: %s", path, field.Name)
			names = append(names, name)
			if options == "" {
				required = append(required, name)
			}
			sub, ok := properties[name].(map[string]any)
			if assert.True(t, ok, "%s lacks %s", path, name) {
				compareSchema(t, path+"."+name, file, sub, field.Type)
			}
		}
		assert.ElementsMatch(t, names, keys(properties), path)
		assert.ElementsMatch(t, required, schema["required"], path)
	case reflect.Slice, reflect.Array:
		items, ok := schema["items"].(map[string]any)
		require.True(t, ok, path)
		compareSchema(t, path+"[]", file, items, of.Elem())
	case reflect.Map:
		items, ok := schema["additionalProperties"].(map[string]any)
		require.True(t, ok, path)
		compareSchema(t, path+"{}", file, items, of.Elem())
	case reflect.String:
		assert.True(t, schema["type"] == "string" || schema["enum"] != nil || schema["const"] != nil, path)
	case reflect.Bool:
		assert.Equal(t, "boolean", schema["type"], path)
	case reflect.Float64:
		assert.Equal(t, "number", schema["type"], path)
	default:
		assert.True(t, schema["type"] == "integer" || schema["enum"] != nil, path)
	}
}

func keys(m map[string]any) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	return names
}

package model

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/model/value"
)

// A script is a sequence of requests and the kinds of answer that the reference gives and that are
// accepted beside it.
type scriptStep struct {
	request   Request
	reference string // kind of the reference answer, or the selectors that it shows
	also      []string
}

func play(t *testing.T, steps []scriptStep) State {
	t.Helper()
	world := DefaultWorld
	s := NewState(&world)
	for i, step := range steps {
		branches := Step(s, step.request)
		reference := branches[0].Answer
		got := reference.Kind()
		if reference.Outcome == Succeeded {
			got = reference.Selectors.String()
		}
		if step.reference != "" {
			assert.Equal(t, step.reference, got, "step %d: %s %s", i+1, step.request.Op, step.request.Input)
		}
		for _, kind := range step.also {
			assert.True(t, slices.ContainsFunc(branches, func(b Branch) bool { return b.Answer.Kind() == kind }), "step %d accepts %s", i+1, kind)
		}
		s = branches[0].Next
	}
	return s
}

func on(op Op, pairs ...any) Request { return Request{Op: op, Input: value.Obj(pairs...)} }

func put(trail string, selectors ...value.Value) Request {
	return on(OpPut, "TrailName", trail, "InsightSelectors", value.ListOf(selectors...))
}

func selector(t string, categories ...string) value.Value {
	if categories == nil {
		return value.Obj("InsightType", t)
	}
	return value.Obj("InsightType", t, "EventCategories", value.Strs(categories...))
}

const (
	callRate  = "ApiCallRateInsight"
	errorRate = "ApiErrorRateInsight"
	name      = "my-trail"
)

func started(more ...scriptStep) []scriptStep {
	return append([]scriptStep{{request: on(OpCreate, "Name", name, "S3BucketName", "b")}, {request: on(OpStart, "Name", name)}}, more...)
}

var (
	allEvents = value.ListOf(value.Obj("ReadWriteType", "All", "DataResources", value.ListOf(value.Obj("Type", "AWS::S3::Object", "Values", value.Strs("arn:aws:s3")))))
	readOnly  = value.ListOf(value.Obj("ReadWriteType", "ReadOnly"))
	getIt     = on(OpGet, "TrailName", name)
)

func TestReferenceOnTrails(t *testing.T) {
	arn := DefaultWorld.TrailARN("us-east-1", name)
	for about, steps := range map[string][]scriptStep{
		"a new trail is off": started(scriptStep{getIt, codeNotEnabled, nil}),
		"the documented example: both types, then the list is emptied": started(
			scriptStep{put(name, selector(callRate), selector(errorRate)), callRate + ": Management; " + errorRate + ": Management", nil},
			scriptStep{getIt, callRate + ": Management; " + errorRate + ": Management", nil},
			scriptStep{put(name), "off", nil},
			scriptStep{getIt, codeNotEnabled, nil}),
		"a second Put replaces the list": started(
			scriptStep{put(name, selector(callRate)), callRate + ": Management", nil},
			scriptStep{put(arn, selector(errorRate)), errorRate + ": Management", nil},
			scriptStep{getIt, errorRate + ": Management", nil}),
		"categories are overwritten": started(
			scriptStep{on(OpPutEvents, "TrailName", name, "EventSelectors", allEvents), "", nil},
			scriptStep{put(name, selector(callRate, "Management")), callRate + ": Management", nil},
			scriptStep{put(name, selector(callRate, "Data")), callRate + ": Data", nil},
			scriptStep{on(OpGet, "TrailName", arn), callRate + ": Data", nil}),
		"a read-only trail takes the error rate alone": started(
			scriptStep{on(OpPutEvents, "TrailName", name, "EventSelectors", readOnly), "", nil},
			scriptStep{put(name, selector(callRate)), codeSelectors, []string{codeParameter, codeCombination, codeNotPermitted}},
			scriptStep{put(name, selector(errorRate)), errorRate + ": Management", nil}),
		"data needs data": started(scriptStep{put(name, selector(callRate, "Data")), codeParameter, []string{codeSelectors}}),
		"a stopped trail is off, and remembers": started(
			scriptStep{put(name, selector(callRate)), "", nil},
			scriptStep{on(OpStop, "Name", name), "", nil},
			scriptStep{getIt, codeNotEnabled, nil},
			scriptStep{on(OpStart, "Name", name), "", nil},
			scriptStep{getIt, callRate + ": Management", nil}),
		"a deleted trail is not found, a new one off": started(
			scriptStep{put(name, selector(callRate)), "", nil},
			scriptStep{on(OpDelete, "Name", name), "", nil},
			scriptStep{getIt, codeNotFound, nil},
			scriptStep{on(OpCreate, "Name", name, "S3BucketName", "b"), "", nil},
			scriptStep{getIt, codeNotEnabled, nil}),
		"input errors": started(
			scriptStep{on(OpPut, "TrailName", name), codeParameter, []string{codeValidation}},
			scriptStep{on(OpPut, "InsightSelectors", value.ListOf()), codeCombination, []string{codeTrailName}},
			scriptStep{on(OpPut, "TrailName", name, "EventDataStore", "abc", "InsightSelectors", value.ListOf()), codeCombination, []string{codeParameter, codeSelectors}},
			scriptStep{put("my-_trail", selector(callRate)), codeTrailName, []string{codeNotFound}},
			scriptStep{put("192.168.5.4", selector(callRate)), codeTrailName, nil},
			scriptStep{put(" ", selector(callRate)), codeTrailName, []string{codeParameter, codeCombination}},
			scriptStep{put("arn:aws:s3:::bucket", selector(callRate)), codeARN, nil},
			scriptStep{put("no-such-trail", selector(callRate)), codeNotFound, nil},
			scriptStep{put("arn:aws:cloudtrail:us-east-1:210987654321:trail/x1y", selector(callRate)), codeARN, []string{codeAccess, codeMember}},
			scriptStep{put(name, selector("apicallrateinsight")), codeSelectors, []string{codeSerialization}},
			scriptStep{put(name, value.Obj("EventCategories", value.Strs("Management"))), codeSelectors, []string{codeValidation}},
			scriptStep{put(name, selector(callRate, "management")), codeSelectors, nil},
			scriptStep{on(OpPut, "TrailName", value.Num("42"), "InsightSelectors", value.ListOf()), codeSerialization, []string{codeCombination}},
			scriptStep{put(name, selector(callRate, "Management"), selector(callRate, "Data")), codeParameter, []string{codeSelectors}},
			scriptStep{getIt, codeNotEnabled, nil}),
		"another Region": started(
			scriptStep{Request{Op: OpPut, Region: "eu-west-1", Input: value.Obj("TrailName", name, "InsightSelectors", value.ListOf())}, codeNotFound, []string{codeHomeRegion}},
			scriptStep{Request{Op: OpPut, Region: "eu-west-1", Input: value.Obj("TrailName", arn, "InsightSelectors", value.ListOf())}, codeHomeRegion, []string{codeNotFound, codeARN}},
			scriptStep{Request{Op: OpGet, Region: "eu-west-1", Input: value.Obj("TrailName", name)}, codeNotFound, nil}),
	} {
		t.Run(about, func(t *testing.T) { play(t, steps) })
	}
}

func storeScript(more ...scriptStep) []scriptStep {
	management := value.ListOf(value.Obj("FieldSelectors", value.ListOf(value.Obj("Field", "eventCategory", "Equals", value.Strs("Management")))))
	insight := value.ListOf(value.Obj("FieldSelectors", value.ListOf(value.Obj("Field", "eventCategory", "Equals", value.Strs("Insight")))))
	return append([]scriptStep{{request: on(OpCreateStore, "Name", "source", "AdvancedEventSelectors", management)},
		{request: on(OpCreateStore, "Name", "destination", "AdvancedEventSelectors", insight)}}, more...)
}

func TestReferenceOnStores(t *testing.T) {
	source, dest := StoreID(0), StoreID(1)
	both := func(source, dest string, selectors ...value.Value) Request {
		return on(OpPut, "EventDataStore", source, "InsightsDestination", dest, "InsightSelectors", value.ListOf(selectors...))
	}
	get := on(OpGet, "EventDataStore", source)
	readOnlyStore := value.ListOf(value.Obj("FieldSelectors", value.ListOf(value.Obj("Field", "eventCategory", "Equals", value.Strs("Management")), value.Obj("Field", "readOnly", "Equals", value.Strs("true")))))
	for about, steps := range map[string][]scriptStep{
		"enable and disable": storeScript(
			scriptStep{get, codeNotEnabled, nil},
			scriptStep{both(source, DefaultWorld.StoreARN("us-east-1", dest), selector(callRate)), callRate + ": Management", nil},
			scriptStep{get, callRate + ": Management", nil},
			scriptStep{on(OpPut, "EventDataStore", source, "InsightSelectors", value.ListOf()), "off", nil},
			scriptStep{get, codeNotEnabled, nil}),
		"refusals": storeScript(
			scriptStep{on(OpPut, "EventDataStore", source, "InsightSelectors", value.ListOf(selector(callRate))), codeCombination, []string{codeParameter, codeSelectors}},
			scriptStep{both(source, dest, selector(callRate, "Data")), codeSelectors, []string{codeUnsupported}},
			scriptStep{both(source, source, selector(callRate)), codeSelectors, nil},
			scriptStep{both(dest, dest, selector(callRate)), codeSelectors, nil},
			scriptStep{both("no", dest, selector(callRate)), codeParameter, []string{codeStoreARN}},
			scriptStep{both(StoreID(9), dest, selector(callRate)), codeParameter, []string{codeStoreNotFound}}),
		"an update that breaks a prerequisite is refused while Insights is on": storeScript(
			scriptStep{both(source, dest, selector(callRate)), "", nil},
			scriptStep{on(OpUpdateStore, "EventDataStore", source, "AdvancedEventSelectors", readOnlyStore), codeSelectors, nil},
			scriptStep{on(OpPut, "EventDataStore", source, "InsightSelectors", value.ListOf()), "off", nil},
			scriptStep{on(OpUpdateStore, "EventDataStore", source, "AdvancedEventSelectors", readOnlyStore), "success", nil}),
		"a store that is pending deletion": storeScript(
			scriptStep{on(OpDeleteStore, "EventDataStore", source), "", nil},
			scriptStep{both(source, dest, selector(callRate)), codeParameter, []string{codeStoreInactive}},
			scriptStep{on(OpPut, "EventDataStore", source, "InsightSelectors", value.ListOf()), codeParameter, []string{"success"}}),
	} {
		t.Run(about, func(t *testing.T) { play(t, steps) })
	}
}

// TestErrorsChangeNothing: no refusal of any branch changes the state.
func TestErrorsChangeNothing(t *testing.T) {
	s := play(t, started(scriptStep{put(name, selector(callRate)), "", nil}))
	for _, r := range []Request{put(name, selector("x")), put("x", selector(callRate)), put(name, selector(callRate), selector(callRate, "Data")),
		on(OpPut, "TrailName", name), on(OpPut, "TrailName", name, "InsightSelectors", value.NullValue)} {
		for _, b := range Step(s, r) {
			if b.Answer.Outcome == Refused {
				assert.True(t, b.Next.Equal(s), "%s after %s", b.Answer.Kind(), r.Input)
			}
		}
	}
}

func TestTracker(t *testing.T) {
	world := DefaultWorld
	on1 := Answer{Outcome: Succeeded, TrailARN: world.TrailARN(world.Home, name), Selectors: MakeSelectors(Management, 0)}
	fresh := func() *Tracker { return TrackerAt(play(t, started())) }

	t.Run("a request without an answer leaves both states open until a read decides", func(t *testing.T) {
		for _, applied := range []bool{true, false} {
			tr := fresh()
			require.True(t, tr.Observe(put(name, selector(callRate)), Answer{}).Allowed)
			assert.False(t, tr.Certain())
			answer := Refusal(codeNotEnabled)
			if applied {
				answer = on1
			}
			assert.True(t, tr.Observe(getIt, answer).Allowed)
			assert.True(t, tr.Certain())
		}
	})
	t.Run("of two broken rules either code is accepted, any other is not", func(t *testing.T) {
		both := put("my-_trail", selector("nonsense"))
		v := fresh().Observe(both, Refusal(codeSelectors))
		require.True(t, v.Allowed)
		assert.Equal(t, []Deviation{{Rule: Order, Reference: codeTrailName, Actual: codeSelectors}}, v.Deviations)
		assert.False(t, fresh().Observe(both, Refusal(codeARN)).Allowed)
	})
	t.Run("a held order accepts the first alone", func(t *testing.T) {
		p, err := LoadProfile([]byte(`{"schema":"` + ProfileSchema + `","name":"x","order":` + orderJSON() + `,"holds":[["trail/name-syntax","selector/type-invalid"]]}`))
		require.NoError(t, err)
		held := DefaultWorld
		held.Profile = p
		tr := NewTracker(&held)
		both := put("my-_trail", selector("nonsense"))
		assert.True(t, tr.Observe(both, Refusal(codeTrailName)).Allowed)
		v := tr.Observe(both, Refusal(codeSelectors))
		require.False(t, v.Allowed)
		f := Blame([]Exchange{{Before: tr.State(), Request: both, Answer: Refusal(codeSelectors)}}, v.Expected)
		assert.Equal(t, Order, f.Rule)
		assert.Equal(t, Observed, f.Level)
	})
	t.Run("after an accepted alternative the target is held to it", func(t *testing.T) {
		tr := fresh()
		tr.Observe(put(name, selector(callRate)), on1)
		tr.Observe(on(OpStop, "Name", name), Answer{Outcome: Succeeded})
		v := tr.Observe(getIt, on1)
		require.True(t, v.Allowed)
		assert.Equal(t, LogsStop, v.Deviations[0].Rule)
		assert.False(t, tr.Observe(getIt, Refusal(codeNotEnabled)).Allowed)
	})
}

func orderJSON() string {
	var quoted []string
	for _, id := range ErrorRules() {
		quoted = append(quoted, `"`+string(id)+`"`)
	}
	return "[" + strings.Join(quoted, ",") + "]"
}

func TestProfileErrors(t *testing.T) {
	for text, want := range map[string]string{
		`{`:              "not an error order",
		`{"schema":"x"}`: `schema "x"`,
		`{"schema":"conform/order/1","order":["put/stores"]}`:                                                 "no error rule",
		`{"schema":"conform/order/1","order":["wire/wrong-type","wire/wrong-type"]}`:                          "stands twice",
		`{"schema":"conform/order/1","order":["wire/wrong-type"]}`:                                            "is missing",
		`{"schema":"conform/order/1","order":` + orderJSON() + `,"holds":[["kms/policy","trail/not-found"]]}`: "does not agree",
		`{"schema":"conform/order/1","order":` + orderJSON() + `,"holds":[],"extra":1}`:                       "not an error order",
	} {
		_, err := LoadProfile([]byte(text))
		assert.ErrorContains(t, err, want)
	}
}

func TestTrailNames(t *testing.T) {
	for s, valid := range map[string]bool{"abc": true, "ab": false, strings.Repeat("a", 128): true, strings.Repeat("a", 129): false, "a.b_c-d": true,
		"my-_trail": false, "-ab": false, "ab-": false, "192.168.5.4": false, "192.168.5.04": true, "1.2.3.256": true, "a b": false, "": false, "é12": false} {
		assert.Equal(t, valid, ValidTrailName(s), "%q", s)
	}
}

// TestRuleTable: ids, levels, sources and statements are complete, rows in order.
func TestRuleTable(t *testing.T) {
	seen := map[ID]bool{}
	for _, rule := range Rules {
		assert.False(t, seen[rule.ID], "%s twice", rule.ID)
		seen[rule.ID] = true
		assert.NotZero(t, rule.Level)
		assert.True(t, strings.HasSuffix(rule.Statement, "."), "%s: one sentence", rule.ID)
		for _, source := range strings.Split(rule.Source, ", ") {
			assert.Contains(t, Sources, source)
		}
	}
}

func TestValueRoundTrip(t *testing.T) {
	for _, text := range []string{`{"a":[1,"x\u0001",null,true,{"b":[]}],"c":-1.5e3}`, `[]`, `"\u003c\ud83d\ude00"`, `null`} {
		v, err := value.Parse([]byte(text))
		require.NoError(t, err)
		again, err := value.Parse(v.AppendJSON(nil))
		require.NoError(t, err)
		assert.True(t, v.Equal(again), text)
	}
	for _, bad := range []string{``, `{`, `{} {}`, `{"a"}`} {
		_, err := value.Parse([]byte(bad))
		assert.Error(t, err, bad)
		assert.Error(t, json.Unmarshal([]byte(bad), new(value.Value)), bad)
	}
	var recorded value.Value
	require.NoError(t, json.Unmarshal([]byte(`{"b":1,"a":{"z":[],"y":{}},"b":null,"c":"\u00e9"}`), &recorded))
	assert.Equal(t, `{"b":null,"a":{"z":[],"y":{}},"c":"é"}`, recorded.String(), "members keep their order, the last of a name counts")
}

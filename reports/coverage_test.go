package reports

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/model"
)

// statesOf is the state of each rule, in words, once a report was judged.
func statesOf(r *Report) map[model.ID]string {
	Judge(r)
	out := map[model.ID]string{}
	for id, c := range r.Coverage.Rules {
		out[id] = c.InWords()
	}
	return out
}

func of(rule model.ID, status string, known bool) Divergence {
	return Divergence{Signature: string(rule) + status, Rule: rule, Level: model.Documented, Status: status, Known: known, Fails: !known, Count: 1}
}

const hidden = HiddenBehind + "put/stores, which is violated"

// inEachState has rules in each state, and for each reason not to be judged.
func inEachState(r *Report) {
	exercised := RuleCoverage{Exercised: true, Applicable: true}
	r.Divergences = []Divergence{of(model.PutStores, Confirmed, false), of(model.PutEmptyDisables, Confirmed, true), of(model.GetReflectsPut, Unrepeated, false),
		of(model.LogsStop, Unrepeated, false), of(model.LogsStop, Confirmed, false)}
	r.Deviations = []Deviation{{Rule: model.PutStores, Count: 1}, {Rule: model.PutOrderFree, Count: 1}, {Rule: model.Busy, Count: 1}, {Rule: model.LogsStart, Count: 1}}
	r.Coverage.Rules = map[model.ID]RuleCoverage{
		model.PutStores: exercised, model.PutEmptyDisables: exercised, model.GetReflectsPut: exercised, model.LogsStop: exercised, model.PutOrderFree: exercised,
		model.PutIdempotent:   exercised,
		model.PutReplacesList: {Applicable: true, Why: "no request put it to the test"},
		model.StateIsolated:   {Applicable: true, Why: hidden},
		model.ErrorAtomic:     {Applicable: true},
		model.LogsStart:       {Applicable: true, Why: "no request put it to the test"}, // an answer that is accepted is not enough
		model.StoreEnables:    {Why: "needs stores"},
		model.Busy:            {Why: "it makes no claim"},
	}
}

var eachState = map[model.ID]string{
	model.PutStores: "violated", model.PutEmptyDisables: "violated", model.LogsStop: "violated", model.PutOrderFree: "deviates", model.PutIdempotent: "kept",
	model.GetReflectsPut:  "not judged: a divergence from it was not confirmed",
	model.PutReplacesList: "not judged: no request put it to the test",
	model.StateIsolated:   "not judged: " + hidden,
	model.ErrorAtomic:     "not judged",
	model.LogsStart:       "not judged: no request put it to the test",
	model.Busy:            "not judged: it makes no claim",
	model.StoreEnables:    "not covered: needs stores",
}

func TestRuleStates(t *testing.T) {
	r := judged(inEachState)
	assert.Equal(t, eachState, statesOf(r))
	assert.Equal(t, eachState, statesOf(r), "judged once more")
	assert.Equal(t, "4 divergences at or above level observed; 5 of 10 applicable rules not judged", r.Reason)

	counts, applicable, tested := r.Coverage.Counts()
	assert.Equal(t, map[string]int{RuleViolated: 3, RuleDeviates: 1, RuleKept: 1, RuleNotJudged: 5, RuleNotCovered: 1}, counts)
	assert.Equal(t, []int{10, 5}, []int{applicable, tested})

	nothing := judged(func(r *Report) { // a target that could not be probed lacks nothing
		r.Capabilities, r.NotCovered, r.End = nil, nil, &End{Lost: "nothing listens"}
		r.Coverage.Rules = map[model.ID]RuleCoverage{model.StoreEnables: {Why: "the run ended before"}}
	})
	assert.Equal(t, map[model.ID]string{model.StoreEnables: "not judged: the run ended before"}, statesOf(nothing))
	assert.Equal(t, "nothing listens", nothing.Reason)
}

// TestStatesOfEarlierReports: a report that has no states yet, whatever its version, is shown with them.
func TestStatesOfEarlierReports(t *testing.T) {
	r := judged(inEachState)
	data, err := json.Marshal(r)
	require.NoError(t, err)
	var raw map[string]any
	require.NoError(t, json.Unmarshal(data, &raw))
	for _, rule := range raw["coverage"].(map[string]any)["rules"].(map[string]any) {
		delete(rule.(map[string]any), "state")
	}
	delete(raw, "end")
	data, err = json.Marshal(raw)
	require.NoError(t, err)
	read, err := ReadJSON(data)
	require.NoError(t, err)
	assert.Equal(t, r.Coverage.Rules, read.Normalized().Coverage.Rules)
	joined, err := Join(read, read)
	require.NoError(t, err)
	assert.Equal(t, eachState, statesOf(joined))
}

// TestJoinedStates: of the states that a rule has in the shards of a run, the strongest holds.
func TestJoinedStates(t *testing.T) {
	set := map[string]func(*Report, model.ID){
		RuleViolated: func(r *Report, id model.ID) {
			r.Divergences = []Divergence{of(id, Confirmed, false)}
			r.Coverage.Rules[id] = RuleCoverage{Applicable: true, Exercised: true, Violated: true}
		},
		RuleDeviates: func(r *Report, id model.ID) {
			r.Deviations = []Deviation{{Rule: id, Operation: "x", Count: 1}}
			r.Coverage.Rules[id] = RuleCoverage{Applicable: true, Exercised: true}
		},
		RuleKept: func(r *Report, id model.ID) {
			r.Coverage.Rules[id] = RuleCoverage{Applicable: true, Exercised: true}
		},
		RuleNotJudged: func(r *Report, id model.ID) {
			r.Coverage.Rules[id] = RuleCoverage{Applicable: true, Why: hidden}
		},
		RuleNotCovered: func(r *Report, id model.ID) { r.Coverage.Rules[id] = RuleCoverage{Why: "needs stores"} },
	}
	for i, strong := range RuleStates {
		for j, weak := range RuleStates[i:] {
			for _, turned := range []bool{false, true} {
				a, b := judged(func(r *Report) { set[strong](r, model.LogsStop) }), judged(func(r *Report) { set[weak](r, model.LogsStop) })
				a.Shard, b.Shard = "1/2", "2/2"
				if turned {
					a, b = b, a
				}
				joined, err := Join(a, b)
				require.NoError(t, err)
				Judge(joined)
				c := joined.Coverage.Rules[model.LogsStop]
				assert.Equal(t, strong, c.State, "%s and %s, %d", strong, weak, j)
				if c.Judged() {
					assert.Empty(t, c.Why)
				} else {
					assert.NotEmpty(t, c.Why)
				}
			}
		}
	}
	for _, turned := range []bool{false, true} { // where nothing was sent says less
		a := judged(func(r *Report) { set[RuleNotJudged](r, model.LogsStop) })
		b := judged(func(r *Report) {
			r.Coverage.Rules[model.LogsStop] = RuleCoverage{Applicable: true, Why: "no request put it to the test"}
		})
		a.Shard, b.Shard = "1/2", "2/2"
		if turned {
			a, b = b, a
		}
		joined, err := Join(a, b)
		require.NoError(t, err)
		assert.Equal(t, "not judged: "+hidden, statesOf(joined)[model.LogsStop])
	}
	unprobed := judged(func(r *Report) {
		r.Capabilities, r.NotCovered, r.End = nil, nil, &End{Interrupted: ReasonInterrupted}
		r.Coverage.Rules = map[model.ID]RuleCoverage{model.LogsStop: {Why: "the run ended before"}}
	})
	lacking := judged(func(r *Report) { set[RuleNotCovered](r, model.LogsStop) })
	unprobed.Shard, lacking.Shard = "2/2", "1/2"
	joined, err := Join(lacking, unprobed)
	require.NoError(t, err)
	assert.Equal(t, "not covered: needs stores", statesOf(joined)[model.LogsStop])
}

package reports

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
)

// judged is the report of a run that found nothing, as far as its verdict goes, changed in some way.
func judged(change func(*Report)) *Report {
	r := &Report{Schema: Schema, Target: targets.Info{Name: "embedded"}, Suites: []string{"systematic", "random"}, FailOn: model.Observed,
		Started: time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC), DurationSeconds: 2, Requests: 6214,
		Coverage: Coverage{Rules: map[model.ID]RuleCoverage{model.PutStores: {Exercised: true, Applicable: true}, model.PutEmptyDisables: {Exercised: true, Applicable: true}}}}
	r.SetCapability(model.CanPut, true, "")
	r.SetCapability(model.CanCreate, true, "")
	r.SetCapability(model.CanStores, false, "CreateEventDataStore answers 501")
	r.End = &End{PutSucceeded: true}
	change(r)
	Judge(r)
	return r
}

func failing(status string) Divergence {
	return Divergence{Signature: "s|" + status, Rule: model.PutStores, Level: model.Documented, Status: status, Fails: true, Count: 1}
}

// below and known are divergences that fail no run.
var (
	below = Divergence{Signature: "b", Level: model.Inferred, Status: Confirmed}
	known = Divergence{Signature: "k", Level: model.Documented, Status: Confirmed, Known: true}
)

func suiteOf(done int, shard string) func(*Report) {
	return func(r *Report) {
		r.Suites, r.Shard = []string{suiteComplete}, shard
		c := Certificate{Machine: "trail", Tests: 100, Done: [][2]int{{0, done}}, Shard: shard}
		if c.Conclude(); done < c.share() {
			r.CutShort = r.Suites
		}
		r.Certificates = []Certificate{c}
	}
}

type verdictCase struct {
	name    string
	change  func(*Report)
	verdict Verdict
	exit    int
	partial bool
	reason  string
}

// verdictCases has a case of each verdict and reason, and of what wins where several hold.
var verdictCases = []verdictCase{
	{"nothing found", func(*Report) {}, Conforms, 0, false, "no divergence was found among the requests that were tried"},
	{"interrupted", func(r *Report) {
		r.End.Interrupted, r.CutShort = ReasonInterrupted, r.Suites
	}, Interrupted, 130, true, ReasonInterrupted},
	{"interrupted while it probed", func(r *Report) {
		r.End = &End{Interrupted: ReasonInterrupted}
		r.Capabilities, r.NotCovered, r.Coverage.Rules = nil, nil, nil
	}, Interrupted, 130, true, ReasonInterrupted},
	{"a checkpoint", func(r *Report) { r.End.Interrupted = ReasonGoesOn }, Interrupted, 130, true, ReasonGoesOn},
	{"interrupted wins over all", func(r *Report) {
		r.End = &End{Interrupted: ReasonInterrupted, Failed: "f", Refused: "r", Misused: "m", Lost: "l"}
		r.Divergences = []Divergence{failing(Confirmed)}
	}, Interrupted, 130, true, ReasonInterrupted},
	{"a failure of the harness", func(r *Report) {
		r.End = &End{Failed: "the harness failed", Refused: "r", Misused: "m", Lost: "l"}
		r.Divergences = []Divergence{failing(Confirmed)}
	}, Failed, 4, true, "the harness failed"},
	{"a refusal", func(r *Report) {
		r.End = &End{Refused: "refused by the guard", Misused: "m", Lost: "l"}
		r.Divergences = []Divergence{failing(Confirmed)}
	}, RefusedRun, 5, true, "refused by the guard"},
	{"wrong usage", func(r *Report) {
		r.End = &End{Misused: "of another run", Lost: "l"}
		r.Divergences = []Divergence{failing(Confirmed)}
	}, Failed, 2, true, "of another run"},
	{"divergences", func(r *Report) {
		r.Divergences = []Divergence{failing(Confirmed), failing(Unrepeated), below, known}
	}, Diverges, 1, false, "2 divergences at or above level observed"},
	{"a divergence, then lost", func(r *Report) {
		r.Divergences, r.End.Lost = []Divergence{failing(Confirmed)}, "the target stopped answering"
	}, Diverges, 1, true, "1 divergence at or above level observed; then the target stopped answering"},
	{"a stale entry", func(r *Report) {
		r.Baseline = []Replay{{Signature: "a", Outcome: ReplayFixed, Stale: true, Mend: "take it out"}, {Signature: "b", Outcome: ReplayDiverges}}
	}, Diverges, 1, false, "the baseline has 1 stale entry: a (take it out)"},
	{"stale entries", func(r *Report) {
		r.Baseline = []Replay{{Signature: "a", Stale: true, Mend: "x"}, {Signature: "b", Stale: true, Mend: "y"}}
	}, Diverges, 1, false, "the baseline has 2 stale entries: a (x); b (y)"},
	{"gone", func(r *Report) {
		r.Expected, r.Divergences = []string{"create-trail", "event-data-stores"}, []Divergence{failing(Confirmed)}
	}, Diverges, 1, false, "what was expected of the target has gone: event-data-stores (CreateEventDataStore answers 501)"},
	{"lost", func(r *Report) {
		r.End.Lost, r.CutShort = "the target stopped answering", r.Suites
	}, Inconclusive, 3, true, "the target stopped answering"},
	{"unrepeated on an eventual target", func(r *Report) {
		r.Target.Eventual, r.Divergences = true, []Divergence{failing(Unrepeated)}
	}, Inconclusive, 3, false, "divergences that did not repeat, on a target that may answer late; run it again; 1 of 2 applicable rules not judged"},
	{"confirmed and unrepeated on an eventual target", func(r *Report) {
		r.Target.Eventual, r.Divergences = true, []Divergence{failing(Unrepeated), failing(Confirmed)}
	}, Diverges, 1, false, "1 divergence at or above level observed"},
	{"no Put", func(r *Report) {
		r.SetCapability(model.CanPut, false, "it answers 501")
	}, Inconclusive, 3, false, "the target does not offer PutInsightSelectors: it answers 501"},
	{"nothing to put them on", func(r *Report) {
		r.SetCapability(model.CanCreate, false, "it answers 501")
	}, Inconclusive, 3, false, "no trail could be made to test on: it answers 501"},
	{"no Put succeeded", func(r *Report) { r.End.PutSucceeded = false }, Inconclusive, 3, false,
		"no PutInsightSelectors ever succeeded; see what the target answers with --report json=PATH, and whether it needs --bucket or credentials"},
	{"no trails though stores", func(r *Report) {
		r.SetCapability(model.CanStores, true, "")
		r.SetCapability(model.CanCreate, false, "CreateTrail answered 500")
		r.End.NoTrails = "CreateTrail answered 500"
	}, Inconclusive, 3, false, "no trail could be made to test on: CreateTrail answered 500"},
	{"stopped for want of memory", func(r *Report) { r.End.Stopped = "memory ran short" }, Inconclusive, 3, true, "memory ran short"},
	{"stopped after a confirmed divergence", func(r *Report) {
		r.End.Stopped, r.Divergences = "memory ran short", []Divergence{failing(Confirmed), failing(NotTried)}
	}, Diverges, 1, true, "1 divergence at or above level observed; then memory ran short"},
	{"stopped before a divergence was tried again", func(r *Report) {
		r.End.Stopped, r.Divergences = "memory ran short", []Divergence{failing(NotTried)}
	}, Inconclusive, 3, true, "memory ran short; 1 of 2 applicable rules not judged"},
	{"lost before a divergence was tried again", func(r *Report) {
		r.End.Lost, r.Divergences = "gone", []Divergence{failing(NotTried)}
	}, Inconclusive, 3, true, "gone; 1 of 2 applicable rules not judged"},
	{"no time to try again", func(r *Report) { r.Divergences = []Divergence{failing(NotTried), below} }, Inconclusive, 3, false,
		"the run ended before it had tried again 1 divergence at or above level observed; raise --time; 1 of 3 applicable rules not judged"},
	{"some tried again, some not", func(r *Report) { r.Divergences = []Divergence{failing(NotTried), failing(Unrepeated)} }, Diverges, 1, false,
		"1 divergence at or above level observed; 1 of 2 applicable rules not judged"},
	{"no CreateTrail, but stores", func(r *Report) {
		r.SetCapability(model.CanStores, true, "")
		r.SetCapability(model.CanCreate, false, "it answers 501")
	}, Conforms, 0, false, "no divergence was found among the requests that were tried"},
	{"no Get of any use", func(r *Report) { r.End.Unusable = []string{"GetInsightSelectors"} }, Inconclusive, 3, false,
		"no answer of any use came to GetInsightSelectors"},
	{"a known divergence, but no Get of any use", func(r *Report) {
		r.Divergences, r.End.Unusable = []Divergence{known}, []string{"GetInsightSelectors"}
	}, Inconclusive, 3, false, "no answer of any use came to GetInsightSelectors"},
	{"without Get", func(r *Report) { r.SetCapability(model.CanGet, false, "it answers 501") }, Conforms, 0, false,
		"no divergence was found among the requests that were tried, without reading back (it answers 501)"},
	{"suites cut short before they tested much", func(r *Report) {
		suiteOf(1, "")(r)
		r.Suites = []string{"systematic", suiteComplete}
		r.CutShort = r.Suites
		for _, id := range []model.ID{model.TrailHomeRegion, model.TrailNotFound, model.LogsCallRate} {
			r.Coverage.Rules[id] = RuleCoverage{Applicable: true}
		}
	}, Inconclusive, 3, true, "too few rules were put to the test; raise --requests or --time, and keep the systematic suite; 3 of 5 applicable rules not judged"},
	{"a certificate that does not hold is not spoken of", func(r *Report) {
		suiteOf(40, "")(r)
		r.Suites = []string{"systematic", suiteComplete}
	}, Conforms, 0, true, "no divergence was found among the requests that were tried"},
	{"an unfinished complete suite", suiteOf(40, ""), Inconclusive, 3, true, "40 of 100 tests of the complete suites executed; go on with --resume"},
	{"few rules", func(r *Report) {
		for _, id := range []model.ID{model.TrailHomeRegion, model.TrailNotFound, model.LogsCallRate, model.GetReflectsPut, model.WireNoCrash} {
			r.Coverage.Rules[id] = RuleCoverage{Applicable: true}
		}
	}, Inconclusive, 3, false, "too few rules were put to the test; raise --requests or --time, and keep the systematic suite; 5 of 7 applicable rules not judged"},
	{"few rules, for want of requests", func(r *Report) {
		r.End.Budget, r.End.Needed = "--requests 100", 15483
		for _, id := range []model.ID{model.TrailHomeRegion, model.TrailNotFound, model.LogsCallRate, model.GetReflectsPut, model.WireNoCrash} {
			r.Coverage.Rules[id] = RuleCoverage{Applicable: true}
		}
	}, Inconclusive, 3, false, "too few rules were put to the test before --requests 100 was used up (the suites take about 15,483 requests); raise --requests, and keep the systematic suite; 5 of 7 applicable rules not judged"},
	{"most rules, but not three of four, for want of time", func(r *Report) {
		r.End.Budget = "--time 2s"
		r.Coverage.Rules[model.TrailHomeRegion] = RuleCoverage{Applicable: true}
	}, Inconclusive, 3, false, "too few rules were put to the test before --time 2s was used up; raise --time, and keep the systematic suite; 1 of 3 applicable rules not judged"},
	{"nothing stored, for want of time", func(r *Report) {
		r.End.PutSucceeded, r.End.Budget, r.End.Needed = false, "--time 1s", 15000
		r.Requests, r.RequestsPerSecond = 1000, 1000
	}, Inconclusive, 3, false, "no PutInsightSelectors succeeded before --time 1s was used up (the suites take about 15,000 requests, 15s at this rate); raise --time, or see what the target answers with --report json=PATH"},
	{"an unfinished complete suite, for want of requests", func(r *Report) {
		suiteOf(40, "")(r)
		r.End.Budget = "--requests 100"
	}, Inconclusive, 3, true, "40 of 100 tests of the complete suites executed before --requests 100 was used up; raise --requests, or go on with --resume"},
	{"few rules, of what was left", func(r *Report) {
		r.End.Resumed = true
		r.Coverage.Rules = map[model.ID]RuleCoverage{model.PutStores: {Applicable: true}}
	}, Conforms, 0, false, "no divergence was found among the requests that were tried; 1 of 1 applicable rules not judged"},
	{"known and below", func(r *Report) { r.Divergences = []Divergence{known, below} }, Conforms, 0, false,
		"nothing new at or above level observed; the baseline knows 1 divergence, and 1 stand below that level"},
	{"known", func(r *Report) { r.Divergences = []Divergence{known} }, Conforms, 0, false, "nothing new; the baseline knows 1 divergence"},
	{"below", func(r *Report) { r.Divergences = []Divergence{below} }, Conforms, 0, false,
		"no divergence at or above level observed; 1 divergence below it"},
	{"certified", suiteOf(100, ""), Conforms, 0, false, "no divergence was found; the certificates say what that guarantees"},
	{"joined of some shards", func(r *Report) { r.End.Joined, r.End.MissingShards = true, []string{"2/3"} }, Inconclusive, 3, true,
		"no report of shard 2/3 was given"},
}

func TestJudge(t *testing.T) {
	for _, test := range verdictCases {
		t.Run(test.name, func(t *testing.T) {
			r := judged(test.change)
			assert.Equal(t, test.reason, r.Reason)
			assert.Equal(t, []any{test.verdict, test.exit, test.partial}, []any{r.Verdict, r.ExitCode, r.Partial})
		})
	}
	r := judged(suiteOf(50, "1/2"))
	assert.Equal(t, "no divergence was found in shard 1/2; 'conform merge' joins the reports of all", r.Reason)
	r = judged(suiteOf(49, "1/2"))
	assert.Equal(t, "49 of 50 tests of the complete suites executed; go on with --resume", r.Reason)
}

// mergedOf is what merging reports gives, each written and read again before.
func mergedOf(t *testing.T, parts ...*Report) *Report {
	t.Helper()
	for i, p := range parts {
		var text bytes.Buffer
		require.NoError(t, JSON(&text, p))
		read, err := ReadJSON(text.Bytes())
		require.NoError(t, err)
		parts[i] = read
	}
	whole, err := Join(parts...)
	require.NoError(t, err)
	Judge(whole)
	return whole
}

func ends(r *Report) string {
	return fmt.Sprintf("%s, exit %d, partial %t: %s", r.Verdict, r.ExitCode, r.Partial, r.Reason)
}

// TestMergeOne: one report alone comes to what it came to, also one that does not say how its run ended.
func TestMergeOne(t *testing.T) {
	for _, test := range verdictCases {
		t.Run(test.name, func(t *testing.T) {
			r := judged(test.change)
			assert.Equal(t, ends(r), ends(mergedOf(t, r)))
			r.End = nil
			assert.Equal(t, ends(r), ends(mergedOf(t, r)))
		})
	}
}

// TestMergeOld: of reports that do not say how their runs ended, the whole is never better than what
// they carry, however many are merged.
func TestMergeOld(t *testing.T) {
	for _, test := range verdictCases {
		r, other := judged(test.change), judged(func(*Report) {})
		r.End, other.End, other.Suites, other.Certificates = nil, nil, r.Suites, r.Certificates
		if r.Probed() {
			other.Capabilities, other.NotCovered = r.Capabilities, r.NotCovered
		}
		whole := mergedOf(t, r, other)
		if test.name == "few rules" || test.name == "joined of some shards" {
			continue // which the other one makes good
		}
		assert.Equal(t, r.ExitCode, WorseExit(r.ExitCode, whole.ExitCode), test.name)
		assert.Equal(t, ends(whole), ends(mergedOf(t, whole)), test.name)
	}
}

func TestMergeSeveral(t *testing.T) {
	at := func(minutes int, change func(*Report)) *Report {
		return judged(func(r *Report) {
			r.Started = r.Started.Add(time.Duration(minutes) * time.Minute)
			change(r)
		})
	}
	cut := func(r *Report) { r.End.Interrupted, r.CutShort = ReasonInterrupted, r.Suites }
	lost := func(r *Report) { r.End.Lost, r.CutShort = "the target stopped answering", r.Suites }
	resumed := func(r *Report) { r.End.Resumed = true }
	shard := func(name string, change func(*Report)) func(*Report) {
		return func(r *Report) {
			r.Shard = name
			change(r)
		}
	}
	nothing := func(*Report) {}
	found := func(r *Report) { r.Divergences = []Divergence{failing(Confirmed)} }
	stale := func(r *Report) { r.Baseline = []Replay{{Signature: "a", Stale: true, Mend: "x"}} }
	for _, test := range []struct {
		name  string
		parts []*Report
		want  string
	}{
		{"all shards", []*Report{at(0, shard("2/2", nothing)), at(0, shard("1/2", nothing))}, "conforms, exit 0, partial false: no divergence was found among the requests that were tried"},
		{"some shards", []*Report{at(0, shard("1/3", nothing)), at(0, shard("3/3", nothing))}, "inconclusive, exit 3, partial true: no report of shard 2/3 was given"},
		{"one shard", []*Report{at(0, shard("1/2", nothing))}, "inconclusive, exit 3, partial true: no report of shard 2/2 was given"},
		{"a shard interrupted", []*Report{at(0, shard("1/2", cut)), at(0, shard("2/2", nothing))}, "interrupted, exit 130, partial true: " + ReasonInterrupted},
		{"a shard interrupted and gone on with", []*Report{at(9, shard("1/2", resumed)), at(0, shard("1/2", cut)), at(5, shard("2/2", nothing))},
			"conforms, exit 0, partial false: no divergence was found among the requests that were tried"},
		{"gone on with and interrupted again", []*Report{at(0, cut), at(5, func(r *Report) { resumed(r); cut(r) })}, "interrupted, exit 130, partial true: " + ReasonInterrupted},
		{"ended, gone on with and interrupted", []*Report{at(0, nothing), at(5, func(r *Report) { resumed(r); cut(r) })}, "interrupted, exit 130, partial true: " + ReasonInterrupted},
		{"interrupted, and another run", []*Report{at(0, cut), at(5, nothing)}, "interrupted, exit 130, partial true: " + ReasonInterrupted},
		{"lost in one shard, found in another", []*Report{at(0, shard("1/2", lost)), at(0, shard("2/2", found))},
			"diverges, exit 1, partial true: 1 divergence at or above level observed; then the target stopped answering"},
		{"refused in one shard, found in another", []*Report{at(0, shard("1/2", found)), at(0, shard("2/2", func(r *Report) { r.End.Refused = "no" }))},
			"refused, exit 5, partial true: no"},
		{"the same stale entry in each shard", []*Report{at(0, shard("1/2", stale)), at(0, shard("2/2", stale))}, "diverges, exit 1, partial false: the baseline has 1 stale entry: a (x)"},
		{"known in each", []*Report{at(0, shard("1/2", func(r *Report) { r.Divergences = []Divergence{known} })), at(0, shard("2/2", func(r *Report) { r.Divergences = []Divergence{known, below} }))},
			"conforms, exit 0, partial false: nothing new at or above level observed; the baseline knows 1 divergence, and 1 stand below that level"},
	} {
		t.Run(test.name, func(t *testing.T) {
			whole := mergedOf(t, test.parts...)
			assert.Equal(t, test.want, ends(whole))
			assert.Equal(t, ends(whole), ends(mergedOf(t, whole)), "merged once more")
		})
	}
}

// TestContinue: a run that is gone on with ends as its last part did, and one of a shard stays one.
func TestContinue(t *testing.T) {
	earlier, later := judged(suiteOf(20, "2/4")), judged(suiteOf(20, "2/4"))
	earlier.End.Interrupted = ReasonGoesOn
	later.Certificates[0].Done = [][2]int{{20, 25}}
	later.CutShort, later.End.PutSucceeded, later.Seed = nil, false, 7
	whole, err := Continue(earlier, later)
	require.NoError(t, err)
	Judge(whole)
	assert.Equal(t, "conforms, exit 0, partial false: no divergence was found in shard 2/4; 'conform merge' joins the reports of all", ends(whole))
	assert.Equal(t, "2/4", whole.Certificates[0].Shard)
	assert.EqualValues(t, 7, whole.Seed)

	later.End.Interrupted = ReasonInterrupted
	whole, err = Continue(earlier, later)
	require.NoError(t, err)
	Judge(whole)
	assert.Equal(t, ReasonInterrupted, whole.Reason)
}
func TestWorseExit(t *testing.T) {
	order := []int{ExitInterrupted, ExitFailed, ExitRefused, ExitUsage, ExitDiverges, ExitInconclusive, ExitConforms}
	for i, worse := range order {
		for _, better := range order[i:] {
			assert.Equal(t, worse, WorseExit(worse, better))
			assert.Equal(t, worse, WorseExit(better, worse))
		}
	}
}

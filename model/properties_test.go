package model

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/insightconform/conform/model/value"
)

// Properties of all scenes, and of all requests over a small alphabet in all situations that differ.

// TestNothingElseIsAccepted: of the Put that a scene is about, and of all Gets, the codes and sets of
// selectors that the scene does not name are not allowed.
func TestNothingElseIsAccepted(t *testing.T) {
	var others []reply
	for _, code := range pageCodes {
		others = append(others, no(code))
	}
	for _, set := range allSelectors() {
		others = append(others, reply{Answer: Answer{Outcome: Succeeded, Selectors: set}})
	}
	for _, s := range sections() {
		named := map[string]map[string]bool{} // what is named after the steps so far
		after := map[string][]step{}
		for _, o := range s.outcomes {
			course := o.course
			if o.verdict >= isViolation {
				course = course[:len(course)-1]
			}
			for i, next := range course {
				if next.Op != OpGet && (i > 0 || next.Op != OpPut) {
					continue
				}
				before := append(slices.Clone(s.given), course[:i]...)
				key := newRun().play(before...).log()
				if named[key] == nil {
					named[key] = map[string]bool{}
				}
				named[key][describe(next.reply.Answer)] = true
				after[key] = append(before, next)
			}
		}
		for key, steps := range after {
			last := len(steps) - 1
			var allowed []string
			for _, other := range others {
				x := newRun().play(steps[:last]...).play(steps[last].answers(other))
				if x.verdict.Allowed && len(x.verdict.Objections) == 0 && !named[key][describe(other.Answer)] {
					allowed = append(allowed, describe(other.Answer))
				}
			}
			if len(allowed) > 0 {
				t.Errorf("%s: %s\n%s%#v\nexpected: no other answer than named\nseen: allowed is %s",
					s.rule, s.words, key, steps[last].Request, strings.Join(allowed, ", "))
			}
		}
	}
}

// situations are set-ups after which trails and stores are in different states.
var situations = map[string][]step{
	"nothing":              nil,
	"a new trail":          {create},
	"a trail that logs":    trail(),
	"a trail that is on":   trail(put("call")),
	"with data":            dataTrail(put("call:Data", "error")),
	"read-only":            trail(readsOnly),
	"lost its events":      trail(put("call", "error"), readsOnly),
	"open data":            trail(putBasic(value.Obj("DataResources", resources(nil)))),
	"stopped":              trail(put("call"), stop),
	"put while stopped":    {create, put("error"), get.answers(notEnabled)},
	"deleted":              trail(put("call"), remove),
	"two trails":           two(put("call"), putTo("other", "error")),
	"no bucket":            trail(arrange("bucket-missing")),
	"a key that is gone":   trail(put("call"), arrange("key-unusable")),
	"an organization's":    trail(put("call"), arrange("member-account")),
	"stores":               stores(),
	"a store that is on":   stores(putStore("call")),
	"pending":              stores(putStore("error"), of(OpDeleteStore, source)),
	"stopped ingestion":    stores(putStore("call"), of(OpStopIngestion, source)),
	"a trail and stores":   trailAndStores(put("error"), putStore("call")),
	"a source of reads":    stores(updateStore(source, "reads")),
	"a repointed source":   stores(putStore("call"), putBoth(source, dest2, "error")),
	"duplicates were kept": trail(put("call", "call").answers(yes("call", "call"))),
	"an entry of nothing":  trail(put("call:", "error").answers(yes("call:", "error"))),
}

// requests are an alphabet that breaks every rule that a request can break by itself, and none.
var requests = func() []step {
	lists := [][]string{{}, {"call"}, {"error"}, {"call", "error"}, {"call:Data"}, {"error:Management,Data", "call"}, {"call:"}, {"call", "call"},
		{"call", "call:Data"}, {"call", "call:Data", "call:Management,Data"}, {"call:Data,Data"}, {"Nonsense"}, {"call", "error:Nothing"}}
	var out []step
	for _, l := range lists {
		out = append(out, put(l...), putTo(arnOf(name), l...), putTo("nobody", l...), put(l...).from(away), putStore(l...), putBoth(source, source, l...),
			putStore(l...).without("InsightsDestination"), putStore(l...).with("TrailName", name), putStore(l...).with("TrailName", ""),
			putTo("a b", l...), putTo(foreignTrail, l...), putBoth(nobody, dest, l...), put(l...).with("Unknown", "x"))
	}
	out = append(out, put().without("InsightSelectors"), put().with("InsightSelectors", value.NullValue), put().with("InsightSelectors", "x"),
		put().with("InsightSelectors", value.ListOf(value.NullValue)), put("call").with("TrailName", number), on(OpPut), on(OpGet),
		get, getOf(arnOf(name)), getOf("nobody"), getOf(foreignTrail), get.from(away), getOf(arnOf(name)).from(away), getStore, getFrom(storeARN(source)),
		get.with("EventDataStore", source), getFrom(nobody))
	return out
}()

// calls are the other operations.
var calls = []step{create, start, stop, remove, update, getTrail, on(OpStatus, "Name", name), readsOnly, withData, withoutData, getEvents,
	putBasic(value.Obj("IncludeManagementEvents", false)), createStore("Insight"), of(OpGetStore, source), updateStore(source, "reads"),
	updateStore(dest, "Management"), of(OpDeleteStore, source), of(OpDeleteStore, dest), of(OpRestoreStore, source),
	of(OpStopIngestion, source), of(OpStartIngestion, source)}

// everywhere calls f with every situation and request.
func everywhere(t *testing.T, requests []step, f func(t *testing.T, about string, x *run, r Request)) {
	for situation, given := range situations {
		x := newRun().play(given...)
		if len(given) > 0 && !x.verdict.Allowed {
			t.Errorf("the situation %q is not allowed:\n%s", situation, x.log())
			continue
		}
		for _, r := range requests {
			f(t, fmt.Sprintf("%s: %.200s", situation, r.GoString()), x, r.Request)
		}
	}
}

// TestSelectorsInWords: sets are told apart in the words that reports and these tests have for them.
func TestSelectorsInWords(t *testing.T) {
	assert.Equal(t, "off", Selectors(0).String())
	assert.Equal(t, "ApiErrorRateInsight: Data", yes("error:Data").Selectors.String())
	assert.Equal(t, "ApiCallRateInsight: Management, Data; ApiErrorRateInsight: Management", yes("error", "call:Data,Management").Selectors.String())
	words := map[string]bool{}
	for _, set := range allSelectors() {
		words[set.String()] = true
	}
	assert.Len(t, words, 16)
}

func TestRefusalsChangeNothing(t *testing.T) {
	everywhere(t, slices.Concat(requests, calls), func(t *testing.T, about string, x *run, r Request) {
		s := x.tracker.State()
		for _, b := range Step(s, r) {
			if b.Answer.Outcome == Refused || b.Answer.Outcome == AnyRefusal {
				assert.Empty(t, diffStates(s, b.Next), "%s → %s", about, b.Answer.Kind())
			}
		}
	})
}

func TestReadsChangeNothing(t *testing.T) {
	everywhere(t, slices.Concat(requests, calls), func(t *testing.T, about string, x *run, r Request) {
		s := x.tracker.State()
		if branches := Step(s, r); r.Op.Reads() {
			assert.Empty(t, diffStates(s, branches[0].Next), about)
		}
	})
}

// concrete is an answer that a branch stands for.
func concrete(want Answer) Answer {
	switch want.Outcome {
	case AnySuccess, AnyAnswer:
		want.Outcome = Succeeded
	case AnyRefusal:
		want = Refusal("InvalidParameterException")
	}
	return want
}

func TestTheTrackerAllowsEveryBranch(t *testing.T) {
	everywhere(t, slices.Concat(requests, calls), func(t *testing.T, about string, x *run, r Request) {
		for i, b := range Step(x.tracker.State(), r) {
			tracker := x.tracker.Clone()
			v := tracker.Observe(r, concrete(b.Answer))
			assert.True(t, v.Allowed, "%s → branch %d, %s", about, i, describe(b.Answer))
			assert.Empty(t, v.Objections, "%s → branch %d, %s", about, i, describe(b.Answer))
			assert.True(t, slices.ContainsFunc(append(tracker.Others(), tracker.State()), b.Next.Equal), "%s → branch %d leads elsewhere", about, i)
		}
	})
}

func TestTheReferenceIsNoDeviation(t *testing.T) {
	everywhere(t, requests, func(t *testing.T, about string, x *run, r Request) {
		s := x.tracker.State()
		b := Step(s, r)[0]
		assert.Empty(t, b.Rule, about)
		assert.Contains(t, []Outcome{Succeeded, Refused}, b.Answer.Outcome, "%s: one definite answer", about)
		assert.Empty(t, TrackerAt(s).Observe(r, b.Answer).Deviations, about)
	})
	everywhere(t, calls, func(t *testing.T, about string, x *run, r Request) {
		assert.Empty(t, Step(x.tracker.State(), r)[0].Rule, about)
	})
}

// outcomes are what a request may be answered and lead to, in an order without meaning.
func outcomes(branches []Branch) []string {
	var out []string
	for _, b := range branches {
		out = append(out, fmt.Sprintf("%s, then %s, by %s", describe(b.Answer), stored(b.Next), b.Rule))
	}
	slices.Sort(out[1:])
	return out
}

// sameOutcomes compares what two requests may be answered and lead to.
func sameOutcomes(t *testing.T, s State, one, other Request, about string) {
	t.Helper()
	a, b := outcomes(Step(s, one)), outcomes(Step(s, other))
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			t.Errorf("%s\nhas: %s\nother than: %.200s\nhas: %s", about, strings.Join(a[min(i, len(a)):min(i+1, len(a))], ""),
				other.GoString(), strings.Join(b[min(i, len(b)):min(i+1, len(b))], ""))
			return
		}
	}
}

func stored(s State) string {
	var out []string
	for _, resource := range s.Resources() {
		set, _ := StoredIn(s, resource)
		out = append(out, set.String())
	}
	return strings.Join(out, " | ")
}

func TestTheOrderOfSelectorsDoesNotMatter(t *testing.T) {
	everywhere(t, requests, func(t *testing.T, about string, x *run, r Request) {
		list := r.Input.Get("InsightSelectors")
		if len(list.Items()) < 2 {
			return
		}
		turned := slices.Clone(list.Items())
		slices.Reverse(turned)
		other := r
		other.Input = r.Input.With("InsightSelectors", value.ListOf(turned...))
		s := x.tracker.State()
		sameOutcomes(t, s, r, other, about)
	})
}

func TestTheOrderOfCategoriesDoesNotMatter(t *testing.T) {
	for situation, given := range situations {
		s := newRun().play(given...).tracker.State()
		sameOutcomes(t, s, put("call:Management,Data").Request, put("call:Data,Management").Request, situation)
	}
}

func TestNameAndARNAreTheSame(t *testing.T) {
	everywhere(t, requests, func(t *testing.T, about string, x *run, r Request) {
		s := x.tracker.State()
		if r.Region != "" || len(s.Trails) > 0 && s.Trails[0].Conditions&MemberAccount != 0 {
			return // there they differ
		}
		byARN, fullNames := r, r
		if n := r.Input.Get("TrailName").Text(); n == name || n == "nobody" {
			byARN.Input = r.Input.With("TrailName", value.Str(arnOf(n)))
		}
		sameOutcomes(t, s, r, byARN, about)
		for _, member := range []string{"EventDataStore", "InsightsDestination"} {
			if id := r.Input.Get(member).Text(); len(id) == len(source) {
				fullNames.Input = fullNames.Input.With(member, value.Str(storeARN(id)))
			}
		}
		sameOutcomes(t, s, r, fullNames, about)
	})
	everywhere(t, calls, func(t *testing.T, about string, x *run, r Request) {
		byARN := r
		for _, member := range []string{"Name", "TrailName"} {
			if r.Input.Get(member).Text() == name && r.Op != OpCreate {
				byARN.Input = byARN.Input.With(member, value.Str(arnOf(name)))
			}
		}
		if id := r.Input.Get("EventDataStore").Text(); id != "" {
			byARN.Input = byARN.Input.With("EventDataStore", value.Str(storeARN(id)))
		}
		s := x.tracker.State()
		if len(s.Trails) > 0 || r.Op != OpTrail { // see trail/delete-forgets
			sameOutcomes(t, s, r, byARN, about)
		}
	})
}

// TestGetAgreesWithPut: what a Put was answered, the next Get may show, in every branch; and where
// the trail logs and no duplicate was kept, nothing else.
func TestGetAgreesWithPut(t *testing.T) {
	everywhere(t, requests, func(t *testing.T, about string, x *run, r Request) {
		if r.Op != OpPut {
			return
		}
		for _, b := range Step(x.tracker.State(), r) {
			if b.Answer.Outcome != Succeeded {
				continue
			}
			read := get.Request
			if !r.Input.Get("TrailName").Given() || r.Input.Get("TrailName").Text() == "" {
				read = getStore.Request
			}
			reference := Step(b.Next, read)[0].Answer
			switch {
			case reference.Outcome == Succeeded:
				assert.Equal(t, b.Answer.Selectors.Effective(), reference.Selectors.Effective(), about)
				assert.Equal(t, b.Answer.Destination, reference.Destination, about)
			case b.Answer.Selectors.On():
				assert.Equal(t, ID("logs/put-while-stopped"), b.Rule, about)
			}
		}
	})
}

// TestStepIsTotal: whatever is asked, there is an answer, and the state that was given stays as it was.
func TestStepIsTotal(t *testing.T) {
	strange := []step{on("NoSuchOperation"), on(OpCreate), on(OpDelete, "Name", "nobody"), on(OpStart), on(OpPutEvents, "TrailName", name),
		on(OpGetStore), on(OpArrange, "TrailName", name, "Condition", "nothing"), step{Request: Request{Op: OpPut, Region: "nowhere-1"}},
		step{Request: Request{Op: OpPut}}, step{Request: Request{Op: OpGet, Input: value.Str("x")}}}
	everywhere(t, slices.Concat(requests, calls, strange), func(t *testing.T, about string, x *run, r Request) {
		s := x.tracker.State()
		copied := State{World: s.World, Trails: slices.Clone(s.Trails), Stores: slices.Clone(s.Stores), gone: s.gone}
		assert.NotEmpty(t, Step(s, r), about)
		assert.Empty(t, diffStates(copied, s), about)
	})
}

// allSelectors lists the sets that requests without duplicates can store.
func allSelectors() (all []Selectors) {
	for i := range Categories(16) {
		all = append(all, MakeSelectors(i/4, i%4))
	}
	return all
}

package model

import (
	_ "embed"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

//go:embed testdata/rules.tsv
var rulesTSV string

// pageRule is a line of testdata/rules.tsv: what the tables of the page say of a rule.
type pageRule struct {
	id           ID
	levels       []Level // the main one first; none where the page makes no claim
	source       string  // empty where the page names none
	code         string
	also         []string // "200" is a success
	sometimes    []string
	unnamed      bool // no source names the code: another one is a divergence at level inferred
	unnamedCalls bool // this holds for the call rate alone
}

var page = func() []pageRule {
	var out []pageRule
	for _, line := range strings.Split(strings.TrimSpace(rulesTSV), "\n")[1:] {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := append(strings.Split(line, "\t"), make([]string, 7)...)
		r := pageRule{id: ID(f[0]), source: f[2], code: f[3], also: cells(f[4]), sometimes: cells(f[5]),
			unnamed: f[6] == "yes", unnamedCalls: f[6] == "call rate"}
		for _, name := range strings.FieldsFunc(f[1], func(c rune) bool { return c == '/' }) {
			level, err := ParseLevel(name)
			if err != nil {
				panic(err)
			}
			r.levels = append(r.levels, level)
		}
		out = append(out, r)
	}
	return out
}()

func cells(text string) []string {
	return strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ' ' })
}

func pageRuleOf(id ID) pageRule {
	return page[slices.IndexFunc(page, func(r pageRule) bool { return r.id == id })]
}

// pageOrder lists the error rules as section 4 has them: row 1 is told in section 1, row 22 in
// section 3, and put/duplicate-type-differing is last.
func pageOrder() []ID {
	var order, prerequisites []ID
	for _, r := range page {
		switch {
		case r.code == "" || r.id == "put/duplicate-type-differing":
		case r.id.Family() == "logs":
			prerequisites = append(prerequisites, r.id)
		default:
			order = append(order, r.id)
		}
	}
	at := slices.Index(order, "trail/not-permitted") + 1
	return append(slices.Insert(order, at, prerequisites...), "put/duplicate-type-differing")
}

// concurrent are the rules of section 9, which are no matter of this package's Step.
func concurrent(id ID) bool { return id.Family() == "concurrent" }

func TestRulesAreThoseOfThePage(t *testing.T) {
	var want, got []ID
	for _, r := range page {
		want = append(want, r.id)
	}
	for _, r := range Rules {
		if !concurrent(r.ID) {
			got = append(got, r.ID)
		}
	}
	sameSet(t, want, got, "ids")
	assert.Empty(t, cmp.Diff(pageOrder(), ErrorRules()), "the order of section 4")
}

// sameSet compares two lists, in which the order carries no meaning.
func sameSet[T comparable](t *testing.T, want, got []T, about string) {
	t.Helper()
	for _, x := range want {
		if !slices.Contains(got, x) {
			t.Errorf("%s: %v is missing", about, x)
		}
	}
	for i, x := range got {
		if !slices.Contains(want, x) || slices.Contains(got[:i], x) {
			t.Errorf("%s: %v is too many", about, x)
		}
	}
}

func TestRulesAreAsStrongAsOnThePage(t *testing.T) {
	for _, want := range page {
		got := RuleOf(want.id)
		if got == nil {
			continue // told by TestRulesAreThoseOfThePage
		}
		if len(want.levels) > 0 && want.levels[0] != got.Level {
			t.Errorf("%s: level %s, on the page %s", want.id, got.Level, want.levels[0])
		}
		if want.source != "" {
			sameSet(t, cells(want.source), cells(got.Source), string(want.id)+": sources")
		}
		assert.True(t, strings.HasSuffix(got.Statement, "."), "%s: a sentence", want.id)
	}
}

func TestRulesHaveTheCodesOfThePage(t *testing.T) {
	for _, want := range page {
		got := RuleOf(want.id)
		if got == nil || want.code == "" && len(want.also) == 0 {
			continue
		}
		assert.Equal(t, want.code, got.Code, want.id)
		codes := slices.DeleteFunc(slices.Clone(want.also), func(c string) bool { return c == "200" })
		also := slices.DeleteFunc(slices.Clone(got.Also), func(c string) bool { return slices.Contains(want.sometimes, c) })
		sameSet(t, codes, also, string(want.id)+": also accepted")
		assert.Equal(t, slices.Contains(want.also, "200"), got.MayPass, "%s: 200 is accepted", want.id)
		if !want.unnamedCalls {
			assert.Equal(t, want.unnamed, got.RefusalOnly, "%s: no source names the code", want.id)
		}
	}
}

// TestUndocumentedCodes: those with a star in section 4, and three that are common to all actions.
func TestUndocumentedCodes(t *testing.T) {
	stars := []string{"EventDataStoreARNInvalid", "EventDataStoreNotFound", "InactiveEventDataStore", "InvalidEventDataStoreStatus",
		"Validation", "Serialization", "AccessDenied"}
	for _, r := range page {
		for _, code := range append(r.codes(), r.sometimes...) {
			star := slices.Contains(stars, bare(code))
			full := bare(code) + "Exception"
			assert.Equal(t, star, Undocumented(OpPut, full), "%s of Put", code)
			assert.Equal(t, star || bare(code) == "InvalidHomeRegion", Undocumented(OpGet, full), "%s of Get", code)
		}
	}
}

// TestSilentRules: the rows without a number claim nothing that an answer could contradict.
func TestSilentRules(t *testing.T) {
	for _, id := range []ID{"throttled", "busy", "access", "unsupported", "store/delete-restore"} {
		if rule := RuleOf(id); assert.NotNil(t, rule, id) {
			assert.True(t, rule.Silent, id)
		}
	}
}

// sections are all scenes of this package.
func sections() []*scene {
	return slices.Concat(storingScenes, loggingScenes, errorScenes, storeScenes, finePrintScenes)
}

// outsideOfStep are the rules about framing, and of mocks, which those who read answers judge.
var outsideOfStep = []ID{"wire/protocol", "wire/error-shape", "wire/error-status", "wire/members", "wire/no-crash", "mock/no-alias"}

// neverAlone are error rules that no request breaks alone: a store that is its own destination is the
// wrong kind of source or of destination. So no request puts them to the test.
var neverAlone = []ID{"store/same-store"}

// TestEveryRuleHasScenes: of every rule that the model can judge, a right and a wrong course of events
// is tried, and the right one counts as a test of the rule.
func TestEveryRuleHasScenes(t *testing.T) {
	right, wrong, exercised := map[ID]bool{}, map[ID]bool{}, map[ID]bool{}
	for _, s := range sections() {
		for _, o := range s.outcomes {
			switch o.verdict {
			case isReference:
				right[s.rule] = true
				for _, id := range exercisedBy(append(slices.Clone(s.given), o.course...)) {
					exercised[id] = true
				}
			case isViolation:
				for _, id := range strings.Split(string(o.rule), "|") {
					wrong[ID(id)] = true
				}
			}
		}
	}
	for _, r := range page {
		if rule := RuleOf(r.id); rule == nil || rule.Silent || slices.Contains(outsideOfStep, r.id) {
			continue
		}
		assert.True(t, right[r.id], "%s: no scene has a right answer", r.id)
		assert.True(t, wrong[r.id], "%s: no scene has a wrong answer", r.id)
		assert.Equal(t, !slices.Contains(neverAlone, r.id), exercised[r.id], "%s: no scene's right course of events counts as a test of it", r.id)
	}
}

// exercisedBy lists the rules that steps put to the test, whose effects are all read at the end.
func exercisedBy(steps []step) []ID {
	x := newRun()
	var out []ID
	for _, next := range steps {
		before := x.tracker.State()
		if x.play(next); !x.verdict.Allowed {
			break
		}
		now, due, _ := Exercised(before, next.Request, x.history[len(x.history)-1].Answer, x.tracker.State())
		out = append(append(out, now...), due...)
	}
	return out
}

// TestNotExercised: what would have come out the same without a rule is no test of it.
func TestNotExercised(t *testing.T) {
	for _, c := range []struct {
		course []step
		rules  []ID
	}{
		{trail(get.answers(notEnabled)), []ID{"get/reflects-put", "put/stores", "trail/name-or-arn"}},
		{trail(put("call"), put("call"), get), []ID{"put/overwrites-categories", "put/replaces-list", "state/isolated", "get/not-enabled"}},
		{dataTrail(put("call"), put("call:Management,Data"), get), []ID{"put/overwrites-categories", "put/replaces-list"}},
		{trail(put("error")), []ID{"logs/read-only-error-rate", "logs/put-while-stopped", "put/empty-disables"}},
		{trail(readsOnly, put()), []ID{"logs/read-only-error-rate", "put/empty-disables"}},
		{trail(putTo("ab", "Nonsense").answers(no("InvalidTrailName"))), []ID{"trail/name-syntax", "selector/type-invalid"}},
		{stores(putBoth(storeARN(source), storeARN(dest), "call")), []ID{"store/arn-or-suffix", "store/repoint", "put/stores"}},
		{trail(start, stop, start), []ID{"logs/stop-logging", "logs/start-logging"}},
	} {
		exercised := exercisedBy(c.course)
		for _, id := range c.rules {
			assert.NotContains(t, exercised, id, c.course[len(c.course)-1].GoString())
		}
	}
}

// TestScenesNameRules: a wrong id in a scene would go unnoticed otherwise.
func TestScenesNameRules(t *testing.T) {
	for _, s := range sections() {
		for _, o := range s.outcomes {
			for _, id := range append(strings.Split(string(o.rule), "|"), string(s.rule)) {
				known := id == "" || ID(id) == Order || slices.ContainsFunc(page, func(r pageRule) bool { return r.id == ID(id) })
				require.True(t, known, "%q in %s: %s", id, s.rule, s.words)
			}
		}
	}
}

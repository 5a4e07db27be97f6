package evidence_test

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/internal/testing/choices"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/evidence"
	"github.com/insightconform/conform/targets/embedded"
)

func fileOf(entries ...string) []byte {
	return []byte(`{"schema":"conform/evidence/1","entries":[` + strings.Join(entries, ",") + `]}`)
}

const good = `{"rule":"trail/not-found","outcome":"reference","count":2,"partition":"aws","month":"2026-11"}`

// TestReadIsStrict: what is not understood wholly is an error that names the file.
func TestReadIsStrict(t *testing.T) {
	f, err := evidence.Read("seen.json", fileOf(good))
	require.NoError(t, err)
	assert.Equal(t, []evidence.Entry{{Rule: model.TrailNotFound, Outcome: evidence.Reference, Count: 2, Partition: "aws", Month: "2026-11"}}, f.Entries)
	_, err = evidence.Read("seen.json", fileOf())
	require.NoError(t, err)

	with := func(old, now string) []byte { return fileOf(good, strings.Replace(good, old, now, 1)) }
	for name, data := range map[string][]byte{
		"no JSON":            []byte("seen"),
		"nothing":            nil,
		"cut off":            fileOf(good)[:60],
		"more behind":        append(fileOf(good), '1'),
		"another schema":     bytes.Replace(fileOf(good), []byte("evidence/1"), []byte("evidence/2"), 1),
		"no entries":         []byte(`{"schema":"conform/evidence/1"}`),
		"an unknown rule":    with("trail/not-found", "trail/found"),
		"a silent rule":      with("trail/not-found", "throttled"),
		"no rule":            with(`"rule":"trail/not-found",`, ""),
		"an unknown outcome": with(`"reference"`, `"NoSuchCodeException"`),
		"another's outcome":  with(`"reference"`, `"KmsException"`),
		"free text":          with(`"reference"`, `"reference "`),
		"no count":           with(`"count":2`, `"count":0`),
		"a count of words":   with(`"count":2`, `"count":"2"`),
		"a Region":           with(`"aws"`, `"us-east-1"`),
		"an account":         with(`"aws"`, `"aws-123456789012"`),
		"no such month":      with("2026-11", "2026-13"),
		"a day":              with("2026-11", "2026-11-02"),
		"an unknown member":  with(`"count"`, `"account":"123456789012","count"`),
		"another case":       with(`"count"`, `"Count"`),
		"a member twice":     with(`"count"`, `"count":1,"count"`),
	} {
		_, err := evidence.Read("seen.json", data)
		if assert.Error(t, err, name) {
			assert.Contains(t, err.Error(), "seen.json", name)
			assert.NotContains(t, err.Error(), "\n", name)
		}
	}
}

// TestWriteSortsAndMerges, and what was written is read as it was.
func TestWriteSortsAndMerges(t *testing.T) {
	entry := func(rule model.ID, month string, n int) evidence.Entry {
		return evidence.Entry{Rule: rule, Outcome: evidence.Reference, Count: n, Partition: "aws", Month: month}
	}
	f := &evidence.File{Entries: []evidence.Entry{entry(model.TrailNotFound, "2026-11", 2), entry(model.PutStores, "2026-11", 1), entry(model.TrailNotFound, "2026-10", 1), entry(model.TrailNotFound, "2026-11", 3)}}
	var b bytes.Buffer
	require.NoError(t, f.Write(&b))
	again, err := evidence.Read("again", b.Bytes())
	require.NoError(t, err)
	assert.Equal(t, []evidence.Entry{entry(model.PutStores, "2026-11", 1), entry(model.TrailNotFound, "2026-10", 1), entry(model.TrailNotFound, "2026-11", 5)}, again.Entries)
	assert.Equal(t, 3, strings.Count(b.String(), `"rule"`), b.String())

	b.Reset()
	require.NoError(t, evidence.Tally{}.File().Write(&b))
	again, err = evidence.Read("again", b.Bytes())
	require.NoError(t, err)
	assert.Empty(t, again.Entries)
}

// TestLevels: the levels, the files of this folder and the table of what was decided agree.
func TestLevels(t *testing.T) {
	files, err := evidence.Files()
	require.NoError(t, err)
	require.Contains(t, files, "cited.json")
	assert.Empty(t, evidence.Disagreements(model.Rules, files, evidence.Reviewed))
	for _, e := range files["cited.json"].Entries {
		assert.NotEmpty(t, e.Source, e)
	}
}

// TestDisagreements: each kind of them is found, and named with its file.
func TestDisagreements(t *testing.T) {
	rules := []model.Rule{{ID: model.PutReplacesList, Level: model.Observed}, {ID: model.TrailOtherAccount, Level: model.Inferred}, {ID: model.TrailNotFound, Level: model.Documented}}
	entry := func(rule model.ID, outcome string) evidence.Entry {
		return evidence.Entry{Rule: rule, Outcome: outcome, Count: 1, Partition: "aws", Month: "2026-11"}
	}
	seen := entry(model.PutReplacesList, evidence.Reference)
	judge := func(reviewed []evidence.Review, entries ...evidence.Entry) []string {
		return evidence.Disagreements(rules, map[string]*evidence.File{"new.json": {Entries: entries}}, reviewed)
	}
	review := func(rule model.ID, outcome string) []evidence.Review {
		return []evidence.Review{{Rule: rule, File: "new.json", Outcome: outcome, Reason: "why"}}
	}
	assert.Empty(t, judge(nil, seen))
	assert.Empty(t, judge(nil, seen, entry(model.TrailNotFound, evidence.Reference)))
	assert.Empty(t, judge(review(model.TrailNotFound, evidence.Neither), seen, entry(model.TrailNotFound, evidence.Neither)))
	assert.Empty(t, judge(review(model.TrailOtherAccount, "AccessDeniedException"), seen, entry(model.TrailOtherAccount, "AccessDeniedException")))
	for words, got := range map[string][]string{
		"put/replaces-list is observed, and no file":       judge(nil),
		"new.json: put/replaces-list is contradicted":      judge(nil, seen, entry(model.PutReplacesList, evidence.Neither)),
		"new.json: trail/not-found is contradicted":        judge(nil, seen, entry(model.TrailNotFound, evidence.Neither)),
		"new.json: trail/other-account is inferred":        judge(nil, seen, entry(model.TrailOtherAccount, "AccessDeniedException")),
		"new.json: trail/other-account is inferred, and":   judge(review(model.TrailOtherAccount, "AccessDeniedException"), seen, entry(model.TrailOtherAccount, "AccessDeniedException"), entry(model.TrailOtherAccount, evidence.Reference)),
		"the table speaks of trail/not-found (neither) in": judge(review(model.TrailNotFound, evidence.Neither), seen),
	} {
		if assert.Len(t, got, 1, words) {
			assert.Contains(t, got[0], words)
		}
	}
	unreasoned := review(model.TrailNotFound, evidence.Neither)
	unreasoned[0].Reason = ""
	assert.Len(t, judge(unreasoned, seen, entry(model.TrailNotFound, evidence.Neither)), 2)
}

// TestTheExampleOfThePage: it is a file that can be read.
func TestTheExampleOfThePage(t *testing.T) {
	page, err := os.ReadFile("../../docs/judging-histories.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(page), "## Contribute evidence\n")
	require.True(t, found)
	_, example, _ := strings.Cut(section, "```json\n")
	example, _, _ = strings.Cut(example, "```")
	f, err := evidence.Read("the page", []byte(example))
	require.NoError(t, err)
	assert.Len(t, f.Entries, 2)
	var b bytes.Buffer
	require.NoError(t, f.Write(&b))
	assert.Equal(t, example, b.String())
}

// TestOutcome: what a target makes up is no outcome.
func TestOutcome(t *testing.T) {
	for want, d := range map[string]model.Deviation{
		"TrailNotFoundException": {Rule: model.TrailNameSyntax, Actual: "TrailNotFoundException"},
		"KmsException":           {Rule: model.Order, Actual: "KmsException"},
		evidence.Neither:         {Rule: model.Order, Actual: "MadeUpException"},
		"any error":              {Rule: model.TrailCreateExisting, Actual: "MadeUpException"},
		model.AnotherStatus:      {Rule: model.WireErrorStatus, Actual: "HTTP 418"},
		model.AnotherResult:      {Rule: model.LogsStop, Actual: "success with another accepted result"},
	} {
		assert.Equal(t, want, evidence.Outcome(d), d)
	}
	assert.Equal(t, evidence.Neither, evidence.Outcome(model.Deviation{Rule: model.TrailNotFound, Actual: "MadeUpException"}))
}

// TestAlternativesAreAll: a server that takes accepted branches at random takes none that the model does not list.
func TestAlternativesAreAll(t *testing.T) {
	t.Parallel()
	taken := map[model.ID]bool{}
	for seed, share := range []float64{0.01, 0.3} {
		server := embedded.ServerOptions{Chooser: choices.Random(uint64(seed), share)}
		r, err := conform.Run(t.Context(), embedded.NewTarget(embedded.Options{ServerOptions: server}), conform.Options{Seed: uint64(seed) + 1, Requests: 6000})
		require.NoError(t, err)
		for _, d := range r.Deviations {
			taken[d.Rule] = true
			assert.NotEmpty(t, model.Deviation{Rule: d.Rule, Reference: d.Reference, Actual: d.Actual}.Alternative(), d)
		}
	}
	assert.Greater(t, len(taken), 25)
	for _, rule := range model.Rules {
		assert.False(t, slices.Contains(model.Alternatives(rule.ID), ""), rule.ID)
	}
}

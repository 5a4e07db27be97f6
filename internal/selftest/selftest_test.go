package selftest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/internal/golden"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/reports/text"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/embedded"
)

func shown(t *testing.T, s *reports.Selftest) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, text.Selftest(&out, s, text.Options{}))
	return out.String()
}

// onThePage: the page that tells of the self-test has these words, with the numbers of today.
func onThePage(t *testing.T, words ...any) {
	t.Helper()
	page, err := os.ReadFile("../../docs/testing-the-tester.md")
	require.NoError(t, err)
	for i, word := range words {
		if n, ok := word.(int); ok {
			words[i] = plain.Grouped(n)
		}
	}
	assert.Contains(t, strings.Join(strings.Fields(string(page)), " "), strings.TrimSpace(fmt.Sprintln(words...)))
}

// TestUnderQuotas: under the quotas of the service, five trails and ten event data stores in a Region, wrong servers are
// caught as they are without.
func TestUnderQuotas(t *testing.T) {
	stride := 6
	if os.Getenv("CI") == "" {
		stride = 40
	}
	var names []string
	for i := 0; i < len(embedded.Faults); i += stride {
		names = append(names, embedded.Faults[i].Name)
	}
	t.Logf("%d of %d faults are run; CI=true runs one of 6", len(names), len(embedded.Faults))
	s, err := Run(t.Context(), Options{Seed: 1, Faults: names, classify: classify, run: func(ctx context.Context, fault string, o conform.Options) (*reports.Report, error) {
		server := embedded.ServerOptions{Fault: fault, TrailQuota: 5, StoreQuota: 10}
		return conform.Run(ctx, embedded.NewTarget(embedded.Options{ServerOptions: server}), o)
	}})
	require.NoError(t, err)
	t.Log("\n" + shown(t, s))
	assert.Empty(t, s.Problems)
}

const missed = ", although some answers of both are wrong in another way"

// missedPairs are the pairs that a run does not tell apart, with the reason.
var missedPairs = []string{
	// The seventh Put of a world has to name both types, since categories make no difference any more: too deep for a run.
	"seventh-put-loses-category: put/idempotent is missed behind drops-categories" + missed,
	// What a duplicate is stored as depends on its categories, which each entry by itself loses as well.
	"differing-duplicates-stored-otherwise: put/duplicate-type-differing is missed behind drops-categories" + missed,
	// Of an answer that names another owner one member is told.
	"store-arn-on-trail: answer/one-owner is missed behind trail-arn-missing" + missed,
}

// TestMatrix runs all faults where time is no matter, else some: each comes out as it must, under the
// rule that it is made for.
func TestMatrix(t *testing.T) {
	var names []string
	if os.Getenv("CI") == "" {
		for i, f := range embedded.Faults {
			if i%30 == 0 {
				names = append(names, f.Name)
			}
		}
	}
	if names != nil {
		t.Logf("%d of %d faults are run; CI=true runs all", len(names), len(embedded.Faults))
	}
	s, err := Run(t.Context(), Options{Seed: 1, Faults: names, Pairs: true, Stride: 16})
	require.NoError(t, err)
	result := shown(t, s)
	t.Log("\n" + result)
	onThePage(t, "of the", s.Right.Requests, "requests of a whole run")
	onThePage(t, "with each of its", len(embedded.Faults), "faults")
	onThePage(t, "lays", len(embedded.Flaws), "flaws")
	onThePage(t, "all but", len(missedPairs), "are caught")
	if names == nil {
		median := regexp.MustCompile(`requests until then: median (\d+),`).FindStringSubmatch(result)
		require.NotNil(t, median, "the median is not below 1,000: %s", result)
		n, err := strconv.Atoi(median[1])
		require.NoError(t, err)
		onThePage(t, "half of them within", (n+49)/100*100+50, "of the", s.Right.Requests, "requests of a whole run")
	}
	t.Logf("%d pairs are run, one of 16; 'conform selftest --pairs' runs all", len(s.Pairs))
	assert.NotEmpty(t, s.Pairs)
	assert.Subset(t, missedPairs, s.Problems)
	assert.Equal(t, len(s.Problems) == 0, s.Verdict == reports.Passed)
	for _, f := range s.Faults {
		fault, ok := embedded.FaultNamed(f.Name)
		require.True(t, ok)
		assert.True(t, f.Ran)
		if f.Class != string(wrong) {
			assert.True(t, fault.Computed, f.Name)
			continue
		}
		require.NotNil(t, f.Caught, f.Name) // a symptom may come first, but of a whole run
		symptom := !fault.Deep && !slices.Contains(append(fault.AlsoRules, fault.Rule), f.Caught.Rule)
		if fault.Computed || symptom {
			t.Run(f.Name, func(t *testing.T) { blamedAlone(t, fault) })
		}
	}
}

// blamedAlone: a whole run blames the fault on its rule, and nothing else on any other.
func blamedAlone(t *testing.T, f embedded.Fault) {
	t.Parallel()
	report, err := runEmbedded(t.Context(), f.Name, conform.Options{Seed: 1, Workers: 1})
	require.NoError(t, err)
	blamed := map[model.ID]bool{}
	for _, d := range report.Divergences {
		blamed[d.Rule] = true
		assert.Contains(t, append([]model.ID{f.Rule}, f.AlsoRules...), d.Rule, d.Signature)
	}
	assert.True(t, blamed[f.Rule])
}

// TestGolden: the same seed gives the same result, in the same words.
func TestGolden(t *testing.T) {
	faults := []string{"appends-selectors", "kms/policy/code-of-next", "kms/policy/code-of-previous", "selector/type-missing/code-of-next", "appends-selectors"}
	s, err := Run(t.Context(), Options{Seed: 1, Faults: faults, Parallel: 3})
	require.NoError(t, err)
	s.Command = "conform selftest …"
	golden.Shape(t, "testdata/few.txt", shown(t, s))
	var out bytes.Buffer
	require.NoError(t, plain.WriteJSON(&out, s))
	golden.Shape(t, "testdata/few.json", out.Bytes())
}

func TestUnknownFault(t *testing.T) {
	_, err := Run(t.Context(), Options{Faults: []string{"appends-selectors", "none-such"}})
	require.ErrorIs(t, err, targets.ErrUsage)
	assert.Contains(t, err.Error(), "none-such")
	_, err = Run(t.Context(), Options{Faults: []string{"race-union"}})
	require.ErrorIs(t, err, targets.ErrUsage)
}

// fake runs nothing: by the name of a fault it says what a run reports, and what class the walk finds.
type fake struct {
	reports map[string]*reports.Report
	classes map[string]class
	err     map[string]error
	panics  string // the fault whose run does
}

func (f *fake) options(faults ...string) Options {
	return Options{Seed: 7, Faults: faults,
		run: func(_ context.Context, name string, _ conform.Options) (*reports.Report, error) {
			if err := f.err[name]; err != nil {
				return nil, err
			}
			if name != "" && name == f.panics {
				panic("broken")
			}
			if r := f.reports[name]; r != nil {
				return r, nil
			}
			return &reports.Report{Verdict: reports.Conforms, Requests: 100}, nil
		},
		classify: func(_ context.Context, faults []embedded.Fault) ([]classified, reports.SelftestWalk, error) {
			out := make([]classified, len(faults))
			for i, x := range faults {
				out[i].class = wrong
				if class := f.classes[x.Name]; class != "" {
					out[i].class = class
				}
			}
			return out, reports.SelftestWalk{States: 1, Requests: 2, Words: 3}, nil
		},
	}
}

func violation(rule model.ID) *reports.Report {
	return &reports.Report{Verdict: reports.Diverges, Requests: 10, Divergences: []reports.Divergence{{Rule: rule, Level: model.Documented, Status: reports.Confirmed}}}
}

func deviation(rule model.ID) *reports.Report {
	return &reports.Report{Verdict: reports.Conforms, Requests: 90, Deviations: []reports.Deviation{{Rule: rule}}}
}

func TestProblems(t *testing.T) {
	const fault = "appends-selectors"
	for _, test := range []struct {
		name   string
		class  class
		report *reports.Report
		want   string
	}{
		{"caught", wrong, violation(model.PutStores), ""},
		{"missed", wrong, nil, "missed, although some of its answers are wrong"},
		{"a deviation is no catch", wrong, deviation(model.Order), "missed, although some of its answers are wrong"},
		{"tolerated", tolerated, deviation(model.Order), ""},
		{"tolerated, and accused", tolerated, violation(model.PutStores), "is tolerated, but reported as a violation of put/stores"},
		{"tolerated, and unnoticed", tolerated, nil, "is tolerated, but no deviation was reported"},
		{"equivalent", equivalent, nil, ""},
		{"equivalent, and accused", equivalent, violation(model.PutStores), "is equivalent, but reported as a violation of put/stores"},
		{"equivalent, and a deviation", equivalent, deviation(model.Order), "is equivalent, but reported as a deviation of order"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := fake{reports: map[string]*reports.Report{fault: test.report}, classes: map[string]class{fault: test.class}}
			s, err := Run(t.Context(), f.options(fault))
			require.NoError(t, err)
			assert.Equal(t, test.want, s.Faults[0].Problem)
			if test.want == "" {
				assert.Equal(t, reports.Passed, s.Verdict)
				assert.Zero(t, s.ExitCode)
				return
			}
			assert.Equal(t, reports.NotPassed, s.Verdict)
			assert.Equal(t, reports.ExitFailed, s.ExitCode)
			assert.Equal(t, []string{fault + " " + test.want}, s.Problems)
			assert.Contains(t, shown(t, s), test.want)
		})
	}
}

func TestRightServerAccused(t *testing.T) {
	for _, report := range []*reports.Report{violation(model.PutStores), deviation(model.Order), {Verdict: reports.Inconclusive}} {
		f := fake{reports: map[string]*reports.Report{"": report, "appends-selectors": violation(model.PutReplacesList)}}
		s, err := Run(t.Context(), f.options("appends-selectors"))
		require.NoError(t, err)
		assert.Equal(t, reports.ExitFailed, s.ExitCode)
		require.Len(t, s.Problems, 1)
		assert.Contains(t, s.Problems[0], "the server without a fault")
	}
}

func TestRunBreaks(t *testing.T) {
	f := fake{err: map[string]error{"appends-selectors": errors.New("it broke\nhere")}, panics: "deleted-trail-still-answers"}
	s, err := Run(t.Context(), f.options("appends-selectors", "deleted-trail-still-answers"))
	require.NoError(t, err)
	assert.Equal(t, reports.ExitFailed, s.ExitCode)
	assert.Equal(t, []string{"appends-selectors the run failed: it broke", "deleted-trail-still-answers the run failed: the harness failed: broken"}, s.Problems)
}

// TestRuleWithoutCatch: where all faults were run, each rule that claims something must have caught one.
func TestRuleWithoutCatch(t *testing.T) {
	f := fake{reports: map[string]*reports.Report{}}
	for _, x := range embedded.Faults {
		rule := x.Rule
		if rule == model.PutOrderFree {
			rule = model.PutStores
		}
		f.reports[x.Name] = violation(rule)
	}
	s, err := Run(t.Context(), f.options())
	require.NoError(t, err)
	assert.Equal(t, []string{"put/order-free claims something, but catches no fault"}, s.Problems)
	assert.Equal(t, reports.ExitFailed, s.ExitCode)
	silent := 0
	for _, r := range s.Rules {
		silent += min(1, len(r.Why))
		assert.Equal(t, model.RuleOf(r.Rule).Silent || !model.RuleOf(r.Rule).Everywhere(), r.Why != "", r.Rule)
	}
	assert.Len(t, s.Rules, len(model.Rules))
	assert.NotZero(t, silent)
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := fake{reports: map[string]*reports.Report{"appends-selectors": violation(model.PutReplacesList)}}
	o := f.options("appends-selectors", "empty-list-ignored")
	o.Parallel, o.Progress = 1, func(p Progress) {
		if p.Done == 2 {
			cancel()
		}
	}
	s, err := Run(ctx, o)
	require.NoError(t, err)
	assert.Equal(t, reports.Interrupted, s.Verdict)
	assert.Equal(t, reports.ExitInterrupted, s.ExitCode)
	assert.Empty(t, s.Problems)
	ran := slices.IndexFunc(s.Faults, func(f reports.SelftestFault) bool { return f.Ran })
	assert.Equal(t, "appends-selectors", s.Faults[ran].Name)
	assert.True(t, strings.Contains(shown(t, s), "not judged"))
}

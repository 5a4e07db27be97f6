package conform_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/text"
	"github.com/insightconform/conform/targets"
)

// fakeContents holds each kind of trail, and the last of them is the fifth.
func fakeContents() map[string][]types.InsightSelector {
	on := func(kind types.InsightType, categories ...types.SourceEventCategory) types.InsightSelector {
		return types.InsightSelector{InsightType: kind, EventCategories: categories}
	}
	const calls, faults = types.InsightTypeApiCallRateInsight, types.InsightTypeApiErrorRateInsight
	const management, data = types.SourceEventCategoryManagement, types.SourceEventCategoryData
	return map[string][]types.InsightSelector{"orders": {on(calls)}, "payments": {on(faults, data, management), on(calls, management)},
		"stock": {on(faults, data)}, "audit": {}, "zoo": nil}
}

// alteredFake is the right fake with a Get or GetTrail of its own.
type alteredFake struct {
	*ReadOnlyFake
	get   func(f *ReadOnlyFake, in *getInput) (*getOutput, error)
	trail func(out *types.Trail, in string)
}

func (f alteredFake) GetInsightSelectors(ctx context.Context, in *getInput, _ ...option) (*getOutput, error) {
	if f.get != nil {
		return f.get(f.ReadOnlyFake, in)
	}
	return f.ReadOnlyFake.GetInsightSelectors(ctx, in)
}

func (f alteredFake) GetTrail(ctx context.Context, in *cloudtrail.GetTrailInput, _ ...option) (*cloudtrail.GetTrailOutput, error) {
	out, err := f.ReadOnlyFake.GetTrail(ctx, in)
	if err == nil && f.trail != nil {
		f.trail(out.Trail, *in.Name)
	}
	return out, err
}

func rightRead(f *ReadOnlyFake, in *getInput) (*getOutput, error) {
	return f.GetInsightSelectors(context.Background(), in)
}

// changed is the right answer about some trails in another form.
func changed(change func(name string, out *getOutput, err error) (*getOutput, error)) func(*ReadOnlyFake, *getInput) (*getOutput, error) {
	return func(f *ReadOnlyFake, in *getInput) (*getOutput, error) {
		out, err := rightRead(f, in)
		return change(strings.TrimPrefix(aws.ToString(in.TrailName), trailARN), out, err)
	}
}

func readOnlyReport(t *testing.T, value any, options conform.MockOptions, run conform.Options) *reports.Report {
	t.Helper()
	run.Seed = 1
	report, err := conform.Run(t.Context(), conform.Mock(value, options), run)
	require.NoError(t, err)
	return report
}

// TestReadOnlyFakes: wrong contents, codes and flags are caught under the rule of what reads them, whichever trail it is.
func TestReadOnlyFakes(t *testing.T) {
	other := []types.InsightSelector{{InsightType: types.InsightTypeApiErrorRateInsight}}
	reads := map[string]int{}
	for name, x := range map[string]struct {
		fake  alteredFake
		want  []string
		shows string // the sequence of the first
	}{
		"right": {},
		"wrong contents": {alteredFake{get: changed(func(name string, out *getOutput, err error) (*getOutput, error) {
			if err == nil && name == "stock" {
				out.InsightSelectors = copied(other)
			}
			return out, err
		})}, []string{"get/reflects-put"}, "Get stock"},
		"contents of another trail": {alteredFake{get: changed(func(name string, out *getOutput, err error) (*getOutput, error) {
			if err == nil && name == "payments" {
				out.InsightSelectors = fakeContents()["orders"]
			}
			return out, err
		})}, []string{"get/reflects-put"}, "Get payments"},
		"one type is missing": {alteredFake{get: changed(func(name string, out *getOutput, err error) (*getOutput, error) {
			if err == nil {
				out.InsightSelectors = out.InsightSelectors[:1]
			}
			return out, err
		})}, []string{"get/reflects-put"}, "Get payments"},
		"off where it is on": {alteredFake{get: changed(func(name string, out *getOutput, err error) (*getOutput, error) {
			if err == nil && name == "stock" {
				return nil, &types.InsightNotEnabledException{}
			}
			return out, err
		})}, []string{"get/reflects-put"}, "Get stock"},
		"on where it is off": {alteredFake{get: changed(func(name string, out *getOutput, err error) (*getOutput, error) {
			if name == "zoo" {
				return &getOutput{TrailARN: aws.String(trailARN + name), InsightSelectors: copied(other)}, nil
			}
			return out, err
		})}, []string{"get/not-enabled"}, "Get zoo"},
		"an empty list where it is off": {alteredFake{get: changed(func(name string, out *getOutput, err error) (*getOutput, error) {
			if name == "zoo" {
				return &getOutput{TrailARN: aws.String(trailARN + name)}, nil
			}
			return out, err
		})}, []string{"get/not-enabled"}, "Get zoo"},
		"any trail is there": {alteredFake{get: changed(func(name string, out *getOutput, err error) (*getOutput, error) {
			if _, missing := errAs[*types.TrailNotFoundException](err); missing && model.ValidTrailName(name) {
				return &getOutput{TrailARN: aws.String(trailARN + name), InsightSelectors: copied(other)}, nil
			}
			return out, err
		})}, []string{"trail/not-found"}, "Get nobody"},
		"a type of its own": {alteredFake{get: changed(func(name string, out *getOutput, err error) (*getOutput, error) {
			if err == nil && name == "orders" {
				out.InsightSelectors = []types.InsightSelector{{InsightType: "ApiCallRate"}}
			}
			return out, err
		})}, []string{"answer/one-entry-per-type"}, "Get orders"},
		"ARNs are not found": {alteredFake{get: func(f *ReadOnlyFake, in *getInput) (*getOutput, error) {
			if strings.HasPrefix(aws.ToString(in.TrailName), "arn:") {
				return nil, &types.TrailNotFoundException{}
			}
			return rightRead(f, in)
		}}, []string{"trail/name-or-arn"}, "Get "},
		"the list is shared": {alteredFake{get: changed(func(name string, out *getOutput, err error) (*getOutput, error) {
			if err == nil && name == "orders" {
				out.InsightSelectors = sharedList
			}
			return out, err
		})}, []string{"mock/no-alias"}, "Get orders → Get"},
		"a Get takes away": {alteredFake{get: changed(func(name string, out *getOutput, err error) (*getOutput, error) {
			if reads[name]++; err == nil && name == "orders" && reads[name]%2 == 0 {
				return nil, &types.InsightNotEnabledException{}
			}
			return out, err
		})}, []string{"get/reflects-put"}, "Get orders"},
		"HasInsightSelectors is true for all": {alteredFake{trail: func(out *types.Trail, _ string) { out.HasInsightSelectors = aws.Bool(true) }},
			[]string{"trail/has-insight-selectors"}, "GetTrail "},
		"HasInsightSelectors is false for one": {alteredFake{trail: func(out *types.Trail, _ string) {
			out.HasInsightSelectors = aws.Bool(*out.HasInsightSelectors && *out.Name != "stock")
		}}, []string{"trail/has-insight-selectors"}, "GetTrail stock"},
		"HasInsightSelectors is absent by ARN": {alteredFake{trail: func(out *types.Trail, in string) {
			if strings.HasPrefix(in, "arn:") {
				out.HasInsightSelectors = nil
			}
		}}, []string{"trail/has-insight-selectors"}, "GetTrail "},
	} {
		t.Run(name, func(t *testing.T) {
			clear(reads)
			quick := []string{conform.Systematic}
			if x.want == nil {
				quick = nil
			}
			x.fake.ReadOnlyFake = &ReadOnlyFake{fakeContents()}
			report := readOnlyReport(t, x.fake, conform.MockOptions{Contents: fakeContents()}, conform.Options{FailOn: model.Inferred, Suites: quick})
			shown := shownText(t, report)
			assert.Equal(t, x.want, brokenRules(report), shown)
			assert.NotRegexp(t, "sequence +.*(CreateTrail|Put )", shown)
			if x.want == nil {
				assert.Equal(t, reports.Conforms, report.Verdict, report.Reason)
				assert.Contains(t, report.Reason, "no divergence was found among the requests that were tried, without PutInsightSelectors")
				return
			}
			assert.Equal(t, reports.Diverges, report.Verdict, report.Reason)
			assert.Contains(t, strings.Join(strings.Fields(shown), " "), "sequence "+x.shows)
		})
	}
}

var sharedList = fakeContents()["orders"]

// errAs is errors.As for one type.
func errAs[E error](err error) (target E, ok bool) { ok = errors.As(err, &target); return target, ok }

func shownText(t *testing.T, r *reports.Report) string {
	t.Helper()
	var shown strings.Builder
	require.NoError(t, text.Report(&shown, r, text.Options{Whole: true}))
	return shown.String()
}

// TestReadOnlyNeedsPut: what takes a Put is not covered and says so, and all that Get and GetTrail tell is judged.
func TestReadOnlyNeedsPut(t *testing.T) {
	report := readOnlyReport(t, &ReadOnlyFake{fakeContents()}, conform.MockOptions{Contents: fakeContents()}, conform.Options{})
	var judged, left []string
	for id, c := range report.Coverage.Rules {
		rule := model.RuleOf(id)
		switch {
		case c.Judged():
			judged = append(judged, string(id))
		case rule.NeedsPut():
			assert.Equal(t, "not covered: needs put-insight-selectors (PutInsightSelectors: the mock has no such method)", c.InWords(), id)
		case !rule.Silent:
			left = append(left, string(id))
		}
	}
	slices.Sort(judged)
	slices.Sort(left)
	assert.Equal(t, []string{"answer/one-owner", "get/not-enabled", "get/reflects-put", "input/no-resource", "input/trail-and-store", "mock/no-alias",
		"trail/arn-syntax", "trail/has-insight-selectors", "trail/name-or-arn", "trail/name-syntax", "trail/not-found", "trail/other-account",
		"wire/error-shape", "wire/error-status", "wire/members"}, judged)
	assert.Equal(t, []string{"trail/home-region", "wire/no-crash", "wire/protocol", "wire/unknown-members", "wire/wrong-type"}, left, "for want of more than Put")
	assert.Equal(t, reports.Absent, report.Capabilities[string(model.CanInsightData)])
	assert.Empty(t, report.End.RanOut)
}

// TestReadOnlyVerdict: only trails that differ show that Get tells what they hold, and what is not given is not judged.
func TestReadOnlyVerdict(t *testing.T) {
	fake := &ReadOnlyFake{fakeContents()}
	some := func(names ...string) map[string][]types.InsightSelector {
		out := map[string][]types.InsightSelector{}
		for _, name := range names {
			out[name] = fakeContents()[name]
		}
		return out
	}
	const wants = "it takes the systematic suite, and in MockOptions.Contents a trail whose Insights are on and one whose are off"
	for name, x := range map[string]struct {
		options conform.MockOptions
		run     conform.Options
		verdict reports.Verdict
		reason  string
	}{
		"one that is on":  {conform.MockOptions{Contents: some("orders")}, conform.Options{}, reports.Inconclusive, wants},
		"one that is off": {conform.MockOptions{Contents: some("audit")}, conform.Options{}, reports.Inconclusive, wants},
		"two that are on": {conform.MockOptions{Contents: some("orders", "stock")}, conform.Options{}, reports.Inconclusive, wants},
		"one of each":     {conform.MockOptions{Contents: some("orders", "audit")}, conform.Options{}, reports.Conforms, "without PutInsightSelectors"},
		"two that are on, for the rule of those": {conform.MockOptions{Contents: some("orders", "stock")},
			conform.Options{Only: []string{"get/reflects-put"}}, reports.Conforms, "without PutInsightSelectors"},
		"others that are not given": {conform.MockOptions{Trails: []string{"payments", "zoo"}, Contents: some("orders", "audit")},
			conform.Options{}, reports.Conforms, "without PutInsightSelectors"},
		"too few requests": {conform.MockOptions{Contents: fakeContents()}, conform.Options{Requests: 20}, reports.Inconclusive, "was not put to the test"},
	} {
		t.Run(name, func(t *testing.T) {
			report := readOnlyReport(t, fake, x.options, x.run)
			assert.Empty(t, brokenRules(report))
			assert.Equal(t, x.verdict, report.Verdict, report.Reason)
			assert.Contains(t, report.Reason, x.reason)
		})
	}
}

// TestReadOnlyOthers: no request names a trail of which it is not known what it holds.
func TestReadOnlyOthers(t *testing.T) {
	contents, named := fakeContents(), map[string]bool{}
	delete(contents, "orders")
	fake := alteredFake{ReadOnlyFake: &ReadOnlyFake{fakeContents()}, get: changed(func(name string, out *getOutput, err error) (*getOutput, error) {
		named[name] = true
		return out, err
	})}
	fake.insights["nobody"] = fakeContents()["orders"]
	report := readOnlyReport(t, fake, conform.MockOptions{Trails: []string{"nobody", "orders", "audit"}, Contents: contents}, conform.Options{})
	assert.Empty(t, brokenRules(report))
	assert.False(t, named["nobody"] || named["orders"])
	assert.True(t, named["audit"] && named["zoo"])
}

// fullFake has a Put that is a mere stub.
type fullFake struct{ *ReadOnlyFake }

func (fullFake) PutInsightSelectors(context.Context, *putInput, ...option) (*putOutput, error) {
	panic("it only reads")
}

// TestReadOnlyUsage: what cannot be meant is one line that says what to do.
func TestReadOnlyUsage(t *testing.T) {
	fake := &ReadOnlyFake{fakeContents()}
	of := func(list ...types.InsightSelector) conform.MockOptions {
		return conform.MockOptions{Contents: map[string][]types.InsightSelector{"orders": list}}
	}
	kind, management := types.InsightTypeApiCallRateInsight, types.SourceEventCategoryManagement
	many := map[string][]types.InsightSelector{}
	for i := range 13 {
		many[fmt.Sprintf("trail-%d", i)] = nil
	}
	for says, x := range map[string]struct {
		value   any
		options conform.MockOptions
	}{
		"of a fake that only reads, say in Contents what its trails hold":                                                                    {fake, conform.MockOptions{Trails: []string{"orders"}}},
		`Contents is for a value without PutInsightSelectors; leave it out, or name a mere stub in Without: []string{"PutInsightSelectors"}`: {fullFake{fake}, of()},
		"has no method GetInsightSelectors with the signature of the SDK client":                                                             {struct{}{}, of()},
		"Contents names no trail; say what each trail of the mock holds":                                                                     {fake, conform.MockOptions{Contents: map[string][]types.InsightSelector{}}},
		"Contents has 13 trails; choose 12 at most":                                                                                          {fake, conform.MockOptions{Contents: many}},
		`Contents: "a/b" is not a trail name`:                                                                                                {fake, conform.MockOptions{Contents: map[string][]types.InsightSelector{"a/b": nil}}},
		`Contents: "orders" has "ApiCallRate", which is no InsightType and no event category`:                                                {fake, of(types.InsightSelector{InsightType: "ApiCallRate"})},
		`Contents: "orders" has "Network", which is no InsightType and no event category`:                                                    {fake, of(types.InsightSelector{InsightType: kind, EventCategories: []types.SourceEventCategory{"Network"}})},
		`Contents: "orders" has the InsightType ApiCallRateInsight twice`:                                                                    {fake, of(types.InsightSelector{InsightType: kind}, types.InsightSelector{InsightType: kind})},
		`Contents: "orders" has an event category twice`:                                                                                     {fake, of(types.InsightSelector{InsightType: kind, EventCategories: []types.SourceEventCategory{management, management}})},
		`Contents: "orders" has empty EventCategories for ApiCallRateInsight; leave them out, which means Management`:                        {fake, of(types.InsightSelector{InsightType: kind, EventCategories: []types.SourceEventCategory{}})},
		`"GetTrials" is no method that can be left out`:                                                                                      {fake, conform.MockOptions{Contents: fakeContents(), Without: []string{"GetTrials"}}},
	} {
		_, err := conform.Run(t.Context(), conform.Mock(x.value, x.options), conform.Options{})
		require.ErrorIs(t, err, targets.ErrUsage, says)
		assert.ErrorContains(t, err, says)
		assert.NotContains(t, err.Error(), "\n")
	}
	report := readOnlyReport(t, fullFake{fake}, conform.MockOptions{Contents: fakeContents(), Without: []string{"PutInsightSelectors"}}, conform.Options{})
	assert.Equal(t, reports.Conforms, report.Verdict, report.Reason)
	assert.Contains(t, report.NotCovered[string(model.CanPut)], "left out by MockOptions.Without")
}

// TestReadOnlyReplay: a trace of a fake that only reads shows until the fake is mended, and one that takes a Put is not played.
func TestReadOnlyReplay(t *testing.T) {
	options := conform.MockOptions{Contents: fakeContents()}
	wrong := alteredFake{ReadOnlyFake: &ReadOnlyFake{fakeContents()}, get: changed(func(name string, out *getOutput, err error) (*getOutput, error) {
		if err == nil && name == "stock" {
			out.InsightSelectors = fakeContents()["orders"]
		}
		return out, err
	})}
	report := readOnlyReport(t, wrong, options, conform.Options{Suites: []string{conform.Systematic}})
	folder := t.TempDir()
	written, err := reports.WriteTraces(folder, report, false)
	require.NoError(t, err)
	require.Equal(t, 1, written)

	_, failed := replayed(t, folder, options, wrong)
	assert.Contains(t, failed, "replayed 1 trace: 1 still diverges")
	assert.Contains(t, failed, "1 Get stock")
	logs, failed := replayed(t, folder, options, wrong.ReadOnlyFake)
	assert.Empty(t, failed)
	assert.Contains(t, logs, "replayed 1 trace: 1 fixed")

	read, err := filepath.Glob("cmd/conform/testdata/traces-1/appends-selectors@put_replaces-list*")
	require.NoError(t, err)
	require.NotEmpty(t, read)
	_, failed = replayed(t, read[0], options, wrong.ReadOnlyFake)
	assert.Contains(t, failed, "not covered     put/replaces-list (Put) (the target has no put-insight-selectors)")
}

// readingMore also answers whether its trails log, and what.
type readingMore struct {
	*ReadOnlyFake
	logging bool
}

func (f readingMore) GetTrailStatus(ctx context.Context, in *cloudtrail.GetTrailStatusInput, _ ...option) (*cloudtrail.GetTrailStatusOutput, error) {
	_, err := f.GetTrail(ctx, &cloudtrail.GetTrailInput{Name: in.Name})
	return &cloudtrail.GetTrailStatusOutput{IsLogging: aws.Bool(f.logging)}, err
}

func (f readingMore) GetEventSelectors(ctx context.Context, in *cloudtrail.GetEventSelectorsInput, _ ...option) (*cloudtrail.GetEventSelectorsOutput, error) {
	_, err := f.GetTrail(ctx, &cloudtrail.GetTrailInput{Name: in.TrailName})
	return &cloudtrail.GetEventSelectorsOutput{TrailARN: aws.String(trailARN + aws.ToString(in.TrailName)),
		EventSelectors: []types.EventSelector{{ReadWriteType: types.ReadWriteTypeReadOnly}}}, err
}

// TestReadOnlyOtherReads: whether and what a trail logs is not given, so nothing is claimed of it; nor has it a say in Get.
func TestReadOnlyOtherReads(t *testing.T) {
	for _, logging := range []bool{true, false} {
		fake := readingMore{&ReadOnlyFake{fakeContents()}, logging}
		report := readOnlyReport(t, fake, conform.MockOptions{Contents: fakeContents()}, conform.Options{FailOn: model.Inferred})
		assert.Equal(t, reports.Conforms, report.Verdict, shownText(t, report))
		assert.Equal(t, reports.Covered, report.Capabilities[string(model.CanStatus)])
		assert.Equal(t, reports.Covered, report.Capabilities[string(model.CanGetEvents)])
	}
}

// TestReadOnlyProperty: drawn sequences find what a fake that only reads answers wrongly, and nothing in a right one.
func TestReadOnlyProperty(t *testing.T) {
	right := &ReadOnlyFake{fakeContents()}
	wrong := alteredFake{ReadOnlyFake: right, get: changed(func(_ string, out *getOutput, err error) (*getOutput, error) {
		if err == nil {
			out.InsightSelectors = nil
		}
		return out, err
	})}
	for _, x := range []struct {
		value any
		found bool
	}{{right, false}, {wrong, true}} {
		p, err := conform.NewProperty(t.Context(), conform.Mock(x.value, conform.MockOptions{Contents: fakeContents()}), conform.Options{})
		require.NoError(t, err)
		found := ""
		for seed := range 50 {
			if found == "" {
				found = p.Play(t.Context(), p.Draw(seed))
			}
		}
		assert.Equal(t, x.found, strings.HasPrefix(found, "get/reflects-put|"), found)
		require.NoError(t, p.Close())
	}
}

// TestReadOnlyManyTrails: what is wrong with one of the most trails that can be given shows in the calls on that one alone.
func TestReadOnlyManyTrails(t *testing.T) {
	contents := fakeContents()
	for i := range 7 {
		contents[fmt.Sprintf("more-%d", i)] = fakeContents()["payments"]
	}
	fake := alteredFake{ReadOnlyFake: &ReadOnlyFake{contents}, get: changed(func(name string, out *getOutput, err error) (*getOutput, error) {
		if err == nil && name == "more-6" {
			out.InsightSelectors = contents[name]
		}
		return out, err
	})}
	report := readOnlyReport(t, fake, conform.MockOptions{Contents: contents}, conform.Options{Suites: []string{conform.Systematic}})
	assert.Equal(t, []string{"mock/no-alias"}, brokenRules(report))
	assert.Contains(t, shownText(t, report), "sequence  Get more-6 → Get\n")
}

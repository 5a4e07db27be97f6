package conform_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

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

// recorder is a conform.TB that keeps what a test would have said.
type recorder struct {
	ctx          context.Context
	logs, errors []string
}

func (r *recorder) Helper()                  {}
func (r *recorder) Context() context.Context { return r.ctx }
func (r *recorder) Logf(format string, args ...any) {
	r.logs = append(r.logs, fmt.Sprintf(format, args...))
}
func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

// checked runs conform.Check against a target and returns what it said.
func checked(t *testing.T, target targets.Target) *recorder {
	t.Helper()
	tb := &recorder{ctx: t.Context()}
	conform.Check(tb, target)
	require.Len(t, append(slices.Clone(tb.logs), tb.errors...), 1, "one text, however much was found")
	return tb
}

func newMock() *Mock { return &Mock{trails: []string{"orders", "payments", "audit"}} }

type (
	putInput  = cloudtrail.PutInsightSelectorsInput
	putOutput = cloudtrail.PutInsightSelectorsOutput
	getInput  = cloudtrail.GetInsightSelectorsInput
	getOutput = cloudtrail.GetInsightSelectorsOutput
	option    = func(*cloudtrail.Options)
)

// altered is the right mock with a Put or Get of its own.
type altered struct {
	*Mock
	put func(m *Mock, in *putInput) (*putOutput, error)
	get func(m *Mock, in *getInput) (*getOutput, error)
}

func (a altered) PutInsightSelectors(ctx context.Context, in *putInput, _ ...option) (*putOutput, error) {
	if a.put == nil {
		return a.Mock.PutInsightSelectors(ctx, in)
	}
	return a.put(a.Mock, in)
}

func (a altered) GetInsightSelectors(ctx context.Context, in *getInput, _ ...option) (*getOutput, error) {
	if a.get == nil {
		return a.Mock.GetInsightSelectors(ctx, in)
	}
	return a.get(a.Mock, in)
}

func rightPut(m *Mock, in *putInput) (*putOutput, error) {
	return m.PutInsightSelectors(context.Background(), in)
}

func rightGet(m *Mock, in *getInput) (*getOutput, error) {
	return m.GetInsightSelectors(context.Background(), in)
}

func (a altered) target() targets.Target {
	return conform.Mock(a, conform.MockOptions{Trails: a.trails, Reset: a.Reset})
}

func TestCheckRightMock(t *testing.T) {
	mock := newMock()
	for name, options := range map[string]conform.MockOptions{
		"with a reset function": {Trails: mock.trails, Reset: mock.Reset},
		"without one":           {Trails: mock.trails},
		"one trail":             {Trails: mock.trails[:1], Reset: mock.Reset},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, mock.Reset())
			tb := checked(t, conform.Mock(mock, options))
			assert.Empty(t, tb.errors)
			text := strings.Join(tb.logs, "")
			assert.Contains(t, text, "conforms (exit 0)")
			assert.Contains(t, text, "mock in us-east-1")
			_, absent, _ := strings.Cut(text, "\nnot covered ")
			absent, _, _ = strings.Cut(absent, "\nnot judged ")
			for _, c := range []model.Capability{model.CanCreate, model.CanGetTrail, model.CanStatus, model.CanStores, model.CanRawWire} {
				assert.Equal(t, c != model.CanCreate, strings.Contains(absent, string(c)), c)
			}
			assert.NotContains(t, absent, " more", "the list is whole")
		})
	}
}

// stopping has StopLogging, which lasts.
type stopping struct {
	altered
	stopped map[string]bool
}

func (m stopping) set(name *string, stopped bool) error {
	found, err := m.find(name)
	if err == nil {
		m.stopped[found] = stopped
	}
	return err
}

func (m stopping) StopLogging(_ context.Context, in *cloudtrail.StopLoggingInput, _ ...option) (*cloudtrail.StopLoggingOutput, error) {
	return &cloudtrail.StopLoggingOutput{}, m.set(in.Name, true)
}

func (m stopping) StartLogging(_ context.Context, in *cloudtrail.StartLoggingInput, _ ...option) (*cloudtrail.StartLoggingOutput, error) {
	return &cloudtrail.StartLoggingOutput{}, m.set(in.Name, false)
}

func (m stopping) GetTrailStatus(_ context.Context, in *cloudtrail.GetTrailStatusInput, _ ...option) (*cloudtrail.GetTrailStatusOutput, error) {
	found, err := m.find(in.Name)
	return &cloudtrail.GetTrailStatusOutput{IsLogging: aws.Bool(!m.stopped[found])}, err
}

// creating has CreateTrail and no DeleteTrail.
type creating struct {
	cloudtrailAPI
	makingMock
}

func (creating) DeleteTrail() {}
func (m creating) GetInsightSelectors(ctx context.Context, in *getInput, _ ...option) (*getOutput, error) {
	return m.Mock.GetInsightSelectors(ctx, in)
}

// TestCheckLeaks: without Reset, what one case leaves behind is said in one line, and no rule is called broken for it.
func TestCheckLeaks(t *testing.T) {
	newMaking := func() makingMock { return makingMock{&Mock{insights: map[string][]types.InsightSelector{}}, false} }
	lent := conform.MockOptions{Trails: newMock().trails}
	for name, x := range map[string]struct {
		value   any
		options conform.MockOptions
		says    string // empty where nothing is left behind
	}{
		"selectors": {altered{Mock: newMock(), put: func(m *Mock, in *putInput) (*putOutput, error) {
			if name, _, err := m.check(in); err == nil && len(in.InsightSelectors) == 0 {
				return &putOutput{TrailARN: aws.String(trailARN + name)}, nil
			}
			return rightPut(m, in)
		}}, lent, "GetInsightSelectors of orders answers ApiCallRateInsight: Data after its clean-up by an empty Put, and InsightNotEnabledException before it"},
		"a trail that is stopped": {stopping{altered{Mock: newMock()}, map[string]bool{}}, lent,
			"GetTrailStatus of orders answers IsLogging false after its clean-up by an empty Put, and IsLogging true before it"},
		"a trail": {creating{makingMock: newMaking()}, conform.MockOptions{},
			"GetInsightSelectors of alpha answers InsightNotEnabledException after its clean-up by an empty Put, and TrailNotFoundException before it"},
		"a trail that is deleted": {newMaking(), conform.MockOptions{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, x.value.(interface{ Reset() error }).Reset())
			report, err := conform.Run(t.Context(), conform.Mock(x.value, x.options), conform.Options{Seed: 1, Suites: []string{conform.Systematic}})
			require.NoError(t, err)
			assert.Empty(t, brokenRules(report))
			if x.says == "" {
				assert.Equal(t, reports.Conforms, report.Verdict, report.Reason)
				return
			}
			assert.Equal(t, reports.Inconclusive, report.Verdict, report.Reason)
			assert.Contains(t, report.Reason, "give MockOptions.Reset: what one case leaves behind is there in the next, for "+x.says)
		})
	}
}

// TestCheckMockLogsUnknown: what trails log that exist beforehand is unknown, so a mock may store Data
// or refuse it.
func TestCheckMockLogsUnknown(t *testing.T) {
	refusing := altered{Mock: newMock(), put: func(m *Mock, in *putInput) (*putOutput, error) {
		_, _, err := m.check(in)
		for _, s := range in.InsightSelectors {
			if err == nil && slices.Contains(s.EventCategories, types.SourceEventCategoryData) {
				return nil, &types.InvalidParameterException{}
			}
		}
		return rightPut(m, in)
	}}
	assert.Empty(t, checked(t, refusing.target()).errors)
}

func TestCheckWrongMocks(t *testing.T) {
	named := func(in *string) string { return strings.TrimPrefix(aws.ToString(in), trailARN) }
	for _, c := range []struct {
		name string
		mock altered
		want []string // the rules, sorted
		text string   // that the report has
	}{
		{"appends instead of replacing", altered{put: func(m *Mock, in *putInput) (*putOutput, error) {
			name, given, err := m.check(in)
			if err != nil {
				return nil, err
			}
			m.insights[name] = append(m.insights[name], given...)
			return &putOutput{TrailARN: aws.String(trailARN + name), InsightSelectors: copied(m.insights[name])}, nil
		}}, []string{"put/empty-disables", "put/idempotent", "put/replaces-list"}, "Put orders [ApiCallRateInsight] → Put [ApiCallRateInsight]"},

		{"ignores an empty list", altered{put: func(m *Mock, in *putInput) (*putOutput, error) {
			if name, _, err := m.check(in); err == nil && len(in.InsightSelectors) == 0 {
				return &putOutput{TrailARN: aws.String(trailARN + name)}, nil
			}
			return rightPut(m, in)
		}}, []string{"put/empty-disables"}, "actual    success with [Api"},

		{"takes no list for an empty one", altered{put: func(m *Mock, in *putInput) (*putOutput, error) {
			if in.InsightSelectors == nil {
				in.InsightSelectors = []types.InsightSelector{}
			}
			return rightPut(m, in)
		}}, []string{"input/selectors-missing"}, "Put without InsightSelectors"},

		{"errors of its own", altered{put: func(m *Mock, in *putInput) (*putOutput, error) {
			out, err := rightPut(m, in)
			if err != nil {
				return nil, errors.New("something is wrong")
			}
			return out, nil
		}}, []string{"wire/error-shape"}, "an error without a code"},

		{"panics without the trail", altered{put: func(m *Mock, in *putInput) (*putOutput, error) {
			if _, err := m.find(in.TrailName); err != nil {
				panic("no such trail")
			}
			return rightPut(m, in)
		}}, []string{"wire/no-crash"}, "actual    panic: no such trail"},

		{"neither output nor error", altered{put: func(m *Mock, in *putInput) (*putOutput, error) {
			if out, err := rightPut(m, in); err == nil || in.InsightSelectors != nil {
				return out, err
			}
			return nil, nil
		}}, []string{"wire/no-crash"}, "actual    neither an output nor an error"},

		{"nil of an error's type", altered{get: func(m *Mock, in *getInput) (*getOutput, error) {
			if in.TrailName != nil && in.EventDataStore != nil {
				return nil, (*types.InvalidParameterCombinationException)(nil)
			}
			return rightGet(m, in)
		}}, []string{"wire/no-crash"}, "actual    panic: runtime error"},

		{"accepts any type", altered{put: func(m *Mock, in *putInput) (*putOutput, error) {
			plain := *in
			plain.InsightSelectors = slices.Clone(in.InsightSelectors)
			for i, s := range plain.InsightSelectors {
				if !slices.Contains(s.InsightType.Values(), s.InsightType) {
					plain.InsightSelectors[i].InsightType = types.InsightTypeApiCallRateInsight
				}
			}
			name, _, err := m.check(&plain)
			if err != nil || len(in.InsightSelectors) == 0 {
				return rightPut(m, in)
			}
			m.insights[name] = copied(in.InsightSelectors)
			return &putOutput{TrailARN: aws.String(trailARN + name), InsightSelectors: in.InsightSelectors}, nil
		}}, []string{"selector/type-invalid", "selector/type-missing"}, "expected  InvalidInsightSelectorsException"},

		{"never says that Insights is off", altered{get: func(m *Mock, in *getInput) (*getOutput, error) {
			out, err := rightGet(m, in)
			if off := new(types.InsightNotEnabledException); errors.As(err, &off) {
				return &getOutput{TrailARN: aws.String(trailARN + named(in.TrailName))}, nil
			}
			return out, err
		}}, []string{"get/not-enabled"}, "expected  InsightNotEnabledException"},

		{"answers the name for the ARN", altered{get: func(m *Mock, in *getInput) (*getOutput, error) {
			out, err := rightGet(m, in)
			if err == nil {
				out.TrailARN = aws.String(named(out.TrailARN))
			}
			return out, err
		}}, []string{"get/reflects-put"}, "expected  TrailARN=ARN of orders\n    actual    TrailARN=orders"},

		{"one list for all trails", altered{put: func(m *Mock, in *putInput) (*putOutput, error) {
			out, err := rightPut(m, in)
			if err == nil {
				for _, name := range m.trails {
					m.insights[name] = copied(out.InsightSelectors)
				}
			}
			return out, err
		}}, []string{"state/isolated"}, "CreateTrail"},

		{"knows no ARN", altered{put: func(m *Mock, in *putInput) (*putOutput, error) {
			if strings.HasPrefix(aws.ToString(in.TrailName), "arn:") {
				return nil, &types.TrailNotFoundException{}
			}
			return rightPut(m, in)
		}}, []string{"trail/name-or-arn"}, "trail/name-or-arn"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.mock.Mock = newMock()
			tb := checked(t, c.mock.target())
			require.Len(t, tb.errors, 1)
			assert.Contains(t, tb.errors[0], c.text)
			assert.Contains(t, tb.errors[0], "diverges (exit 1)")
			assert.Equal(t, c.want, rulesIn(tb.errors[0]), "%s", tb.errors[0])
		})
	}
}

var ruleLine = regexp.MustCompile(`(?m)^  ([a-z]+/[a-z-]+)  [A-Z].*\n    (sequence|operation) `)

// rulesIn lists the rules whose divergences a report's text shows, sorted.
func rulesIn(text string) []string {
	var ids []string
	for _, found := range ruleLine.FindAllStringSubmatch(text, -1) {
		ids = append(ids, found[1])
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// makingMock has the life of a trail besides, and no list of trails.
type makingMock struct {
	*Mock
	forgetful bool // DeleteTrail keeps the selectors
}

func (m makingMock) CreateTrail(_ context.Context, in *cloudtrail.CreateTrailInput, _ ...option) (*cloudtrail.CreateTrailOutput, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := aws.ToString(in.Name)
	if !model.ValidTrailName(name) {
		return nil, &types.InvalidTrailNameException{}
	}
	if slices.Contains(m.trails, name) {
		return nil, &types.TrailAlreadyExistsException{}
	}
	m.trails = append(m.trails, name)
	return &cloudtrail.CreateTrailOutput{Name: in.Name, TrailARN: aws.String(trailARN + name)}, nil
}

func (m makingMock) DeleteTrail(_ context.Context, in *cloudtrail.DeleteTrailInput, _ ...option) (*cloudtrail.DeleteTrailOutput, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name, err := m.find(in.Name)
	if err != nil {
		return nil, err
	}
	m.trails = slices.DeleteFunc(m.trails, func(s string) bool { return s == name })
	if !m.forgetful {
		delete(m.insights, name)
	}
	return &cloudtrail.DeleteTrailOutput{}, nil
}

// PutInsightSelectors refuses Data, because a new trail logs none and there is no PutEventSelectors.
func (m makingMock) PutInsightSelectors(_ context.Context, in *putInput, _ ...option) (*putOutput, error) {
	if _, _, err := m.check(in); err == nil {
		for _, s := range in.InsightSelectors {
			if slices.Contains(s.EventCategories, types.SourceEventCategoryData) {
				return nil, &types.InvalidParameterException{}
			}
		}
	}
	return rightPut(m.Mock, in)
}

func TestCheckPartialMock(t *testing.T) {
	for _, forgetful := range []bool{false, true} {
		mock := makingMock{&Mock{insights: map[string][]types.InsightSelector{}}, forgetful}
		reset := func() error {
			mock.mu.Lock()
			mock.trails = nil
			mock.mu.Unlock()
			return mock.Reset()
		}
		report, err := conform.Run(t.Context(), conform.Mock(mock, conform.MockOptions{Reset: reset}), conform.Options{Seed: 1})
		require.NoError(t, err)
		want := []string(nil)
		if forgetful {
			want = []string{"trail/delete-forgets"}
		}
		assert.Equal(t, want, brokenRules(report), explain(report, func(model.ID) bool { return true }))
		for capability, status := range map[model.Capability]reports.CapabilityStatus{
			model.CanCreate: reports.Covered, model.CanDelete: reports.Covered, model.CanGet: reports.Covered,
			model.CanLog: reports.Absent, model.CanGetTrail: reports.Absent, model.CanPutEvents: reports.Absent, model.CanStores: reports.Absent,
		} {
			assert.Equal(t, status, report.Capabilities[string(capability)], capability)
		}
	}
}

// putOnly has nothing but a Put.
type putOnly struct{ mock *Mock }

func (p putOnly) PutInsightSelectors(_ context.Context, in *putInput, _ ...option) (*putOutput, error) {
	return rightPut(p.mock, in)
}

// otherPut has a method of that name that no SDK client has.
type otherPut struct{}

func (otherPut) PutInsightSelectors(*putInput) error { return nil }

func TestCheckUnusableMock(t *testing.T) {
	for _, c := range []struct {
		name    string
		value   any
		options conform.MockOptions
		text    string
	}{
		{"no Put", struct{}{}, conform.MockOptions{Trails: []string{"orders"}}, "has no method PutInsightSelectors"},
		{"nil", nil, conform.MockOptions{Trails: []string{"orders"}}, "the value is nil"},
		{"another signature", otherPut{}, conform.MockOptions{Trails: []string{"orders"}}, "PutInsightSelectors of conform_test.otherPut has not the signature of the SDK client: " +
			"it is func(*cloudtrail.PutInsightSelectorsInput) error; write func(context.Context, *cloudtrail.PutInsightSelectorsInput, " +
			"...func(*cloudtrail.Options)) (*cloudtrail.PutInsightSelectorsOutput, error)"},
		{"no pointer", struct{ Inner }{}, conform.MockOptions{Trails: []string{"orders"}}, "pass a pointer"},
		{"no trails", newMock(), conform.MockOptions{}, "name trails that exist beforehand in Trails"},
		{"no trail name", newMock(), conform.MockOptions{Trails: []string{"my-_trail"}}, "is not a trail name"},
		{"twice", newMock(), conform.MockOptions{Trails: []string{"orders", "orders"}}, "stands twice"},
		{"reset fails", newMock(), conform.MockOptions{Trails: []string{"orders"}, Reset: func() error { return errors.New("no database") }}, "resetting the mock: no database"},
		{"reset panics", newMock(), conform.MockOptions{Trails: []string{"orders"}, Reset: func() error { panic("no database") }}, "resetting the mock: panic: no database"},
		{"unknown trails", &Mock{}, conform.MockOptions{Trails: []string{"orders"}}, "TrailNotFoundException"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tb := checked(t, conform.Mock(c.value, c.options))
			require.Len(t, tb.errors, 1)
			assert.Contains(t, tb.errors[0], c.text)
		})
	}
}

// Inner has its methods on the pointer.
type Inner = Mock

// TestCheckPutAlone: what Get alone could tell is not covered, and so not claimed.
func TestCheckPutAlone(t *testing.T) {
	mock := newMock()
	target := conform.Mock(putOnly{mock}, conform.MockOptions{Trails: mock.trails, Reset: mock.Reset})
	report, err := conform.Run(t.Context(), target, conform.Options{Seed: 1})
	require.NoError(t, err)
	assert.Empty(t, brokenRules(report))
	assert.Equal(t, reports.Absent, report.Capabilities[string(model.CanGet)])
	assert.False(t, report.Coverage.Rules[model.GetReflectsPut].Exercised)
	alias := report.Coverage.Rules[model.MockNoAlias]
	assert.Equal(t, "not covered: needs get-insight-selectors (GetInsightSelectors answered UnsupportedOperationException)", alias.InWords())
}

// otherGet has a Get that takes no context.
type otherGet struct{ putOnly }

func (otherGet) GetInsightSelectors(*getInput) (*getOutput, error) { return nil, nil }

// TestCheckOtherSignature: a method that is not called for its signature is not covered, and both signatures are told.
func TestCheckOtherSignature(t *testing.T) {
	mock := newMock()
	target := conform.Mock(otherGet{putOnly{mock}}, conform.MockOptions{Trails: mock.trails, Reset: mock.Reset})
	report, err := conform.Run(t.Context(), target, conform.Options{Seed: 1, Requests: 300})
	require.NoError(t, err)
	assert.Empty(t, brokenRules(report))
	assert.Equal(t, "GetInsightSelectors: the method has not the signature of the SDK client: "+
		"it is func(*cloudtrail.GetInsightSelectorsInput) (*cloudtrail.GetInsightSelectorsOutput, error); "+
		"write func(context.Context, *cloudtrail.GetInsightSelectorsInput, ...func(*cloudtrail.Options)) (*cloudtrail.GetInsightSelectorsOutput, error)",
		report.NotCovered[string(model.CanGet)])
}

// TestExpect: a capability that is expected, by name or by the baseline, fails the run where it is absent.
func TestExpect(t *testing.T) {
	run := func(o conform.Options) (*reports.Report, error) {
		mock := newMock()
		o.Seed, o.Requests = 1, 500
		return conform.Run(t.Context(), conform.Mock(putOnly{mock}, conform.MockOptions{Trails: mock.trails, Reset: mock.Reset}), o)
	}
	put, get := string(model.CanPut), string(model.CanGet)
	for _, o := range []conform.Options{
		{Expect: []string{put, get}},
		{Baseline: &reports.Baseline{Capabilities: []string{get}}},
		{Expect: []string{get}, Baseline: &reports.Baseline{Capabilities: []string{put, get}}},
	} {
		report, err := run(o)
		require.NoError(t, err)
		assert.Equal(t, reports.Diverges, report.Verdict)
		assert.Len(t, report.Gone(), 1)
		assert.Contains(t, report.Reason, "what was expected of the target has gone: "+get+" (")
	}
	report, err := run(conform.Options{Expect: []string{put}, Baseline: &reports.Baseline{}})
	require.NoError(t, err)
	assert.Empty(t, report.Gone())
	_, err = run(conform.Options{Expect: []string{"get"}})
	assert.ErrorIs(t, err, targets.ErrUsage)
	assert.ErrorContains(t, err, `there is no capability "get"; use one or several of put-insight-selectors, get-insight-selectors, `)
}

// TestCheckTrailNames: trails may be called as the requests' own are, and account and Region be others.
func TestCheckTrailNames(t *testing.T) {
	mock := &Mock{trails: []string{"beta", "nobody", "alpha"}}
	tb := checked(t, conform.Mock(mock, conform.MockOptions{Trails: mock.trails, Reset: mock.Reset}))
	assert.Empty(t, tb.errors)
}

// forgetsToUnlock keeps its lock after an error.
type forgetsToUnlock struct {
	*Mock
	lock *sync.Mutex
}

func (m forgetsToUnlock) PutInsightSelectors(_ context.Context, in *putInput, _ ...option) (*putOutput, error) {
	m.lock.Lock()
	out, err := rightPut(m.Mock, in)
	if err == nil {
		m.lock.Unlock()
	}
	return out, err
}

func TestCheckMockThatHangs(t *testing.T) {
	mock := forgetsToUnlock{newMock(), &sync.Mutex{}}
	tb := checked(t, conform.Mock(mock, conform.MockOptions{Trails: mock.trails, Reset: mock.Reset, Timeout: 50 * time.Millisecond}))
	require.Len(t, tb.errors, 1)
	assert.Contains(t, strings.Join(strings.Fields(tb.errors[0]), " "), "does the mock wait for its own lock?")
}

// stubbed has all methods of the SDK's client in name, and those of a right mock in deed.
type stubbed struct {
	cloudtrailAPI
	mock *Mock
	get  func() (*getOutput, error) // nil is right
}

type cloudtrailAPI interface {
	GetTrail(context.Context, *cloudtrail.GetTrailInput, ...option) (*cloudtrail.GetTrailOutput, error)
	GetInsightSelectors(context.Context, *getInput, ...option) (*getOutput, error)
}

func (s stubbed) PutInsightSelectors(_ context.Context, in *putInput, _ ...option) (*putOutput, error) {
	return rightPut(s.mock, in)
}

func (s *stubbed) GetInsightSelectors(ctx context.Context, in *getInput, _ ...option) (*getOutput, error) {
	if s.get != nil {
		return s.get()
	}
	return s.mock.GetInsightSelectors(ctx, in)
}

// onlyNamed has a Get that is promoted from an interface that is nil, and so no Get.
type onlyNamed struct {
	cloudtrailAPI
	putOnly
}

// TestCheckStubs: a method that is there in name alone is absent; one that panics or blocks is a finding, which
// says how to leave it out; one that is left out is listed with the reason.
func TestCheckStubs(t *testing.T) {
	blocked := make(chan bool)
	t.Cleanup(func() { close(blocked) })
	for name, x := range map[string]struct {
		value   func(m *Mock) any
		options conform.MockOptions
		code    int
		shows   []string
	}{
		"promoted from nil": {func(m *Mock) any { return onlyNamed{putOnly: putOnly{m}} }, conform.MockOptions{}, 0,
			[]string{"without reading back (GetInsightSelectors answered UnsupportedOperationException)"}},
		"some are stubs": {func(m *Mock) any { return &stubbed{mock: m} }, conform.MockOptions{}, 0, []string{"rules deviates 6, kept 29, not judged 2,"}},
		"Get panics": {func(m *Mock) any {
			return &stubbed{mock: m, get: func() (*getOutput, error) { panic("implement me") }}
		}, conform.MockOptions{}, 1, []string{"wire/no-crash", "panic: implement me", "MockOptions.Without", "sequence Get"}},
		"Get blocks": {func(m *Mock) any {
			return &stubbed{mock: m, get: func() (*getOutput, error) { <-blocked; return nil, nil }}
		}, conform.MockOptions{}, 1, []string{"wire/no-crash", "MockOptions.Without"}},
		"Get is left out": {func(m *Mock) any {
			return &stubbed{mock: m, get: func() (*getOutput, error) { panic("implement me") }}
		}, conform.MockOptions{Without: []string{"GetInsightSelectors"}}, 0, []string{"left out by MockOptions.Without", "without reading back"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mock := newMock()
			o := x.options
			o.Trails, o.Reset, o.Timeout = mock.trails, mock.Reset, 500*time.Millisecond
			report, err := conform.Run(t.Context(), conform.Mock(x.value(mock), o), conform.Options{Seed: 1})
			require.NoError(t, err)
			var shown strings.Builder
			require.NoError(t, text.Report(&shown, report, text.Options{}))
			assert.Equal(t, x.code, report.ExitCode, shown.String())
			for _, part := range x.shows {
				assert.Contains(t, strings.Join(strings.Fields(shown.String()), " "), part)
			}
		})
	}
	tb := checked(t, conform.Mock(newMock(), conform.MockOptions{Trails: []string{"orders"}, Without: []string{"GetTrials"}}))
	require.Len(t, tb.errors, 1)
	assert.Contains(t, tb.errors[0], `"GetTrials" is no method that can be left out`)
}

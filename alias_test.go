package conform_test

import (
	"context"
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
)

// withTrail has a GetTrail too.
type withTrail struct {
	altered
	getTrail func(name string, on bool) *types.Trail
}

func (m withTrail) GetTrail(_ context.Context, in *cloudtrail.GetTrailInput, _ ...option) (*cloudtrail.GetTrailOutput, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name, err := m.find(in.Name)
	if err != nil {
		return nil, err
	}
	return &cloudtrail.GetTrailOutput{Trail: m.getTrail(name, len(m.insights[name]) > 0)}, nil
}

// plainTrail is the trail as a right GetTrail answers it.
func plainTrail(name string, on bool) *types.Trail {
	return &types.Trail{Name: aws.String(name), TrailARN: aws.String(trailARN + name), HomeRegion: aws.String("us-east-1"),
		HasInsightSelectors: aws.Bool(on)}
}

// storing is a Put that keeps and answers what keep and answer make of the checked selectors.
func storing(keep func(in *putInput, stored []types.InsightSelector) []types.InsightSelector, answer func(stored []types.InsightSelector) []types.InsightSelector) func(*Mock, *putInput) (*putOutput, error) {
	return func(m *Mock, in *putInput) (*putOutput, error) {
		name, stored, err := m.check(in)
		if err != nil {
			return nil, err
		}
		m.insights[name] = keep(in, stored)
		return &putOutput{TrailARN: aws.String(trailARN + name), InsightSelectors: answer(m.insights[name])}, nil
	}
}

func itself(list []types.InsightSelector) []types.InsightSelector { return list }
func plainly(_ *putInput, stored []types.InsightSelector) []types.InsightSelector {
	return stored
}

// reading is a Get that answers what read makes of a trail's selectors.
func reading(read func(name string, list []types.InsightSelector) *getOutput) func(*Mock, *getInput) (*getOutput, error) {
	return func(m *Mock, in *getInput) (*getOutput, error) {
		if _, err := rightGet(m, in); err != nil {
			return nil, err
		}
		name, _ := m.find(in.TrailName)
		return read(name, m.insights[name]), nil
	}
}

func answered(name string, list []types.InsightSelector) *getOutput {
	return &getOutput{TrailARN: aws.String(trailARN + name), InsightSelectors: list}
}

// given keeps the selectors of the request where they are complete.
func given(in *putInput, stored []types.InsightSelector) []types.InsightSelector {
	if slices.ContainsFunc(in.InsightSelectors, func(s types.InsightSelector) bool { return len(s.EventCategories) == 0 }) {
		return stored
	}
	return in.InsightSelectors
}

// sharesCategories keeps a list of its own, whose categories are those of the request.
func sharesCategories(in *putInput, stored []types.InsightSelector) []types.InsightSelector {
	return slices.Clone(given(in, stored))
}

// appends adds to what is stored, as no right mock does.
func appends(m *Mock) func(*Mock, *putInput) (*putOutput, error) {
	return storing(func(in *putInput, stored []types.InsightSelector) []types.InsightSelector {
		name, _ := m.find(in.TrailName)
		return append(slices.Clone(m.insights[name]), given(in, stored)...)
	}, copied)
}

const (
	passedToPut = "passed to PutInsightSelectors"
	gotFromPut  = "got from PutInsightSelectors"
	gotFromGet  = "got from GetInsightSelectors"
	gotTrail    = "got from GetTrail"
)

// TestNoAlias: a mock that keeps what its caller passed, or hands out what is its own, is told which of them it shares;
// one that copies never is, and no other rule is called broken for it.
func TestNoAlias(t *testing.T) {
	type mocked = func(m *Mock) any
	put := func(f func(*Mock, *putInput) (*putOutput, error)) mocked {
		return func(m *Mock) any { return altered{Mock: m, put: f} }
	}
	get := func(f func(*Mock, *getInput) (*getOutput, error)) mocked {
		return func(m *Mock) any { return altered{Mock: m, get: f} }
	}
	trails := func(f func(name string, on bool) *types.Trail) mocked {
		return func(m *Mock) any { return withTrail{altered{Mock: m}, f} }
	}
	kept, calls := map[string]*types.Trail{}, 0
	one := &getOutput{}
	for name, x := range map[string]struct {
		mock   mocked
		shared []string // what is, sorted
		other  []string // rules that are broken besides
	}{
		"keeps the list": {put(storing(given, copied)), []string{passedToPut}, nil},
		"keeps a pointer to a selector": {put(func(m *Mock, in *putInput) (*putOutput, error) {
			if len(in.InsightSelectors) != 1 {
				return rightPut(m, in)
			}
			first := &in.InsightSelectors[0]
			return storing(func(in *putInput, stored []types.InsightSelector) []types.InsightSelector {
				first.EventCategories = stored[0].EventCategories
				return (*[1]types.InsightSelector)(in.InsightSelectors)[:]
			}, copied)(m, in)
		}), []string{passedToPut}, nil},
		"keeps the categories":   {put(storing(sharesCategories, copied)), []string{passedToPut}, nil},
		"Put hands out its list": {put(storing(plainly, itself)), []string{gotFromPut}, nil},
		"Get hands out its list": {get(reading(answered)), []string{gotFromGet}, nil},
		"Get hands out its categories": {get(reading(func(name string, list []types.InsightSelector) *getOutput {
			return answered(name, slices.Clone(list))
		})), []string{gotFromGet}, nil},
		"shares everything": {func(m *Mock) any {
			return altered{Mock: m, put: storing(given, itself), get: reading(answered)}
		}, []string{gotFromGet, gotFromPut, passedToPut}, nil},
		"shows no type that it does not know": {func(m *Mock) any {
			return altered{Mock: m, put: storing(given, copied), get: reading(func(name string, list []types.InsightSelector) *getOutput {
				return answered(name, slices.DeleteFunc(copied(list), func(s types.InsightSelector) bool {
					return !slices.Contains(s.InsightType.Values(), s.InsightType)
				}))
			})}
		}, []string{passedToPut}, nil},
		"fails where it does not know a type": {func(m *Mock) any {
			return altered{Mock: m, put: storing(given, copied), get: func(m *Mock, in *getInput) (*getOutput, error) {
				out, err := rightGet(m, in)
				if err == nil && !slices.Contains(model.TypeNames[:], string(out.InsightSelectors[0].InsightType)) {
					panic("which type is that?")
				}
				return out, err
			}}
		}, []string{passedToPut}, nil},
		"copies only once it is asked": {func(m *Mock) any {
			return altered{Mock: m, put: storing(given, copied), get: reading(func(name string, list []types.InsightSelector) *getOutput {
				m.insights[name] = copied(list)
				return answered(name, copied(list))
			})}
		}, []string{passedToPut}, nil},
		"GetTrail hands out its trail": {trails(func(name string, on bool) *types.Trail {
			if kept[name] == nil {
				kept[name] = plainTrail(name, on)
			}
			kept[name].HasInsightSelectors = aws.Bool(on)
			return kept[name]
		}), []string{gotTrail}, nil},

		"copies":                {put(nil), nil, nil},
		"copies, with GetTrail": {trails(plainTrail), nil, nil},
		"answers with one value that it fills each time": {get(reading(func(name string, list []types.InsightSelector) *getOutput {
			*one = getOutput{TrailARN: aws.String(trailARN + name), InsightSelectors: append(one.InsightSelectors[:0], copied(list)...)}
			return one
		})), nil, nil},
		"leaves out the default": {get(reading(func(name string, list []types.InsightSelector) *getOutput {
			list = copied(list)
			for i := range list {
				if slices.Equal(list[i].EventCategories, []types.SourceEventCategory{types.SourceEventCategoryManagement}) {
					list[i].EventCategories = nil
				}
			}
			return answered(name, list)
		})), nil, nil},
		"answers in turn": {get(func(m *Mock, in *getInput) (*getOutput, error) {
			out, err := rightGet(m, in)
			if calls++; err == nil && calls%2 == 0 {
				return nil, &types.InsightNotEnabledException{}
			}
			return out, err
		}), nil, []string{"get/reflects-put"}},

		"keeps the list and appends": {func(m *Mock) any { return altered{Mock: m, put: appends(m)} }, []string{passedToPut},
			[]string{"put/empty-disables", "put/idempotent", "put/replaces-list"}},
		"hands out its list and says of none that Insights is off": {get(func(m *Mock, in *getInput) (*getOutput, error) {
			if _, err := rightGet(m, in); err != nil && !strings.Contains(err.Error(), "InsightNotEnabled") {
				return nil, err
			}
			name, _ := m.find(in.TrailName)
			return answered(name, m.insights[name]), nil
		}), []string{gotFromGet}, []string{"get/not-enabled"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMock()
			target := conform.Mock(x.mock(m), conform.MockOptions{Trails: m.trails, Reset: m.Reset})
			report, err := conform.Run(t.Context(), target, conform.Options{Seed: 1, Suites: []string{conform.Systematic}})
			require.NoError(t, err)
			var shared, other []string
			var traces []*reports.Trace
			for _, d := range report.Divergences {
				if d.Rule != model.MockNoAlias {
					other = append(other, string(d.Rule))
					continue
				}
				_, where, _ := strings.Cut(d.Actual, " that it ")
				shared = append(shared, where)
				assert.Equal(t, reports.Confirmed, d.Status)
				assert.Equal(t, model.Inferred, d.Level)
				assert.True(t, strings.HasSuffix(where, " "+d.Operation), d.Operation)
				assert.LessOrEqual(t, len(d.Steps), map[bool]int{true: 3, false: 4}[strings.HasSuffix(where, "Put")], describeSteps(d))
				traces = append(traces, reports.NewTrace(report, d, false))
			}
			slices.Sort(shared)
			slices.Sort(other)
			assert.Equal(t, x.shared, shared, explain(report, func(model.ID) bool { return true }))
			if name == "answers in turn" { // which shows as what comes at that moment
				other = slices.DeleteFunc(other, func(id string) bool { return !slices.Contains(x.other, id) })
			}
			assert.Equal(t, x.other, slices.Compact(other), explain(report, func(model.ID) bool { return true }))
			assert.True(t, report.Coverage.Rules[model.MockNoAlias].Exercised)
			if len(traces) > 0 {
				again, err := conform.Run(t.Context(), target, conform.Options{Seed: 1, Requests: 1, Traces: traces})
				require.NoError(t, err)
				for _, r := range again.Replays {
					assert.Equal(t, reports.ReplayDiverges, r.Outcome)
				}
			}
		})
	}
}

func describeSteps(d reports.Divergence) (ops []string) {
	for _, s := range d.Steps {
		ops = append(ops, s.Operation)
	}
	return ops
}

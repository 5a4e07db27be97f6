package conform_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"

	"github.com/insightconform/conform"
)

// fromV1 gives a mock of the client of aws-sdk-go (v1) the methods of v2. The members of both have the same names.
type fromV1 struct{ mock *mockOfV1 }

func (a fromV1) PutInsightSelectors(_ context.Context, in *cloudtrail.PutInsightSelectorsInput, _ ...func(*cloudtrail.Options)) (*cloudtrail.PutInsightSelectorsOutput, error) {
	return viaV1[cloudtrail.PutInsightSelectorsOutput](in, a.mock.PutInsightSelectors)
}

func (a fromV1) GetInsightSelectors(_ context.Context, in *cloudtrail.GetInsightSelectorsInput, _ ...func(*cloudtrail.Options)) (*cloudtrail.GetInsightSelectorsOutput, error) {
	return viaV1[cloudtrail.GetInsightSelectorsOutput](in, a.mock.GetInsightSelectors)
}

// viaV1 converts the input and the output by their JSON, and an awserr.Error, which has a Code and a Message.
func viaV1[Out, OldIn, OldOut any](in any, method func(*OldIn) (*OldOut, error)) (*Out, error) {
	var old OldIn
	if err := convert(in, &old); err != nil {
		return nil, err
	}
	answer, err := method(&old)
	var coded interface{ Code() string }
	if errors.As(err, &coded) {
		return nil, &smithy.GenericAPIError{Code: coded.Code(), Message: err.Error()}
	}
	if err != nil {
		return nil, err
	}
	out := new(Out)
	return out, convert(answer, out)
}

func convert(from, to any) error {
	text, err := json.Marshal(from)
	return errors.Join(err, json.Unmarshal(text, to))
}

// insightsStore is what an application wants of CloudTrail, and fakeStore is its double.
type insightsStore interface {
	SetInsights(trail string, kinds []string) error
	Insights(trail string) ([]string, error)
}

// fromStore gives a narrower interface the methods of the SDK client. What the interface cannot say, it refuses.
type fromStore struct{ insightsStore }

func (a fromStore) PutInsightSelectors(_ context.Context, in *cloudtrail.PutInsightSelectorsInput, _ ...func(*cloudtrail.Options)) (*cloudtrail.PutInsightSelectorsOutput, error) {
	var kinds []string
	for _, s := range in.InsightSelectors {
		kinds = append(kinds, string(s.InsightType))
	}
	if err := a.SetInsights(aws.ToString(in.TrailName), kinds); err != nil {
		return nil, err
	}
	return &cloudtrail.PutInsightSelectorsOutput{TrailARN: aws.String(trailARN + *in.TrailName), InsightSelectors: in.InsightSelectors}, nil
}

func (a fromStore) GetInsightSelectors(_ context.Context, in *cloudtrail.GetInsightSelectorsInput, _ ...func(*cloudtrail.Options)) (*cloudtrail.GetInsightSelectorsOutput, error) {
	kinds, err := a.Insights(aws.ToString(in.TrailName))
	if err != nil {
		return nil, err
	}
	out := &cloudtrail.GetInsightSelectorsOutput{TrailARN: aws.String(trailARN + *in.TrailName)}
	for _, kind := range kinds {
		out.InsightSelectors = append(out.InsightSelectors, types.InsightSelector{InsightType: types.InsightType(kind)})
	}
	return out, nil
}

// TestNarrowInterface tests only what the interface can say: rules about a list of types on a trail.
func TestNarrowInterface(t *testing.T) {
	store := &fakeStore{}
	target := conform.Mock(fromStore{store}, conform.MockOptions{Trails: []string{"orders", "payments", "audit"}, Reset: store.Reset})
	conform.Check(t, target, conform.Options{Only: []string{"put/replaces-list", "put/empty-disables", "put/idempotent", "get/not-enabled"}})
}

// What follows stands in for the types of aws-sdk-go, for its mock and for that of the narrow interface.

type (
	v1Selector struct {
		InsightType     *string
		EventCategories []*string
	}
	v1PutInput struct {
		_                                              struct{} `type:"structure"`
		TrailName, EventDataStore, InsightsDestination *string
		InsightSelectors                               []*v1Selector
	}
	v1GetInput struct{ TrailName, EventDataStore *string }
	v1Output   struct {
		TrailARN         *string
		InsightSelectors []*v1Selector
	}
	v1Error  struct{ code string }
	mockOfV1 struct{ *Mock }
)

func (e v1Error) Error() string   { return e.code }
func (e v1Error) Code() string    { return e.code }
func (e v1Error) Message() string { return e.code }

func (m *mockOfV1) PutInsightSelectors(in *v1PutInput) (*v1Output, error) {
	return asV1[cloudtrail.PutInsightSelectorsInput](in, m.Mock.PutInsightSelectors)
}

func (m *mockOfV1) GetInsightSelectors(in *v1GetInput) (*v1Output, error) {
	return asV1[cloudtrail.GetInsightSelectorsInput](in, m.Mock.GetInsightSelectors)
}

func asV1[In, Out any](old any, method func(context.Context, *In, ...func(*cloudtrail.Options)) (*Out, error)) (*v1Output, error) {
	var in In
	if err := convert(old, &in); err != nil {
		return nil, err
	}
	out, err := method(context.Background(), &in)
	var api smithy.APIError
	if errors.As(err, &api) {
		return nil, v1Error{api.ErrorCode()}
	}
	answer := &v1Output{}
	return answer, convert(out, answer)
}

func TestMockOfV1(t *testing.T) {
	fake := &Mock{trails: []string{"orders", "payments", "audit"}}
	quick := conform.Options{Seed: 1, Suites: []string{conform.Systematic}}
	target := conform.Mock(fromV1{&mockOfV1{fake}}, conform.MockOptions{Trails: fake.trails, Reset: fake.Reset})
	report, err := conform.Run(t.Context(), target, quick)
	if err != nil {
		t.Fatal(err)
	}
	assert.Empty(t, brokenRules(report), "nothing gets lost on the way")
}

type fakeStore struct{ kinds map[string][]string }

func (f *fakeStore) Reset() error {
	f.kinds = map[string][]string{}
	return nil
}

func (f *fakeStore) SetInsights(trail string, kinds []string) error {
	f.kinds[trail] = slices.Clone(kinds)
	return nil
}

func (f *fakeStore) Insights(trail string) ([]string, error) {
	if len(f.kinds[trail]) == 0 {
		return nil, &types.InsightNotEnabledException{Message: aws.String("Insights is off")}
	}
	return f.kinds[trail], nil
}

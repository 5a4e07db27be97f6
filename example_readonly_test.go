package conform_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/insightconform/conform"
)

// ReadOnlyFake answers what its trails hold, and changes nothing.
type ReadOnlyFake struct {
	insights map[string][]types.InsightSelector // by name of the trail; empty is off
}

func (f *ReadOnlyFake) GetInsightSelectors(_ context.Context, in *cloudtrail.GetInsightSelectorsInput, _ ...func(*cloudtrail.Options)) (*cloudtrail.GetInsightSelectorsOutput, error) {
	if in.TrailName == nil || in.EventDataStore != nil {
		return nil, &types.InvalidParameterCombinationException{Message: aws.String("name a trail and nothing else")}
	}
	name := strings.TrimPrefix(*in.TrailName, trailARN)
	list, ok := f.insights[name]
	switch {
	case !ok:
		return nil, &types.TrailNotFoundException{Message: aws.String("no such trail")}
	case len(list) == 0:
		return nil, &types.InsightNotEnabledException{Message: aws.String("Insights is off")}
	}
	return &cloudtrail.GetInsightSelectorsOutput{TrailARN: aws.String(trailARN + name), InsightSelectors: copied(list)}, nil
}

func (f *ReadOnlyFake) GetTrail(_ context.Context, in *cloudtrail.GetTrailInput, _ ...func(*cloudtrail.Options)) (*cloudtrail.GetTrailOutput, error) {
	name := strings.TrimPrefix(aws.ToString(in.Name), trailARN)
	list, ok := f.insights[name]
	if !ok {
		return nil, &types.TrailNotFoundException{Message: aws.String("no such trail")}
	}
	return &cloudtrail.GetTrailOutput{Trail: &types.Trail{Name: aws.String(name), TrailARN: aws.String(trailARN + name),
		HasInsightSelectors: aws.Bool(len(list) > 0)}}, nil
}

// A fake that only reads is tested against what it was given.
func TestReadOnlyFake(t *testing.T) {
	contents := map[string][]types.InsightSelector{
		"orders":   {{InsightType: types.InsightTypeApiCallRateInsight}},
		"payments": {{InsightType: types.InsightTypeApiErrorRateInsight}},
		"audit":    {}, // Insights is off
	}
	fake := &ReadOnlyFake{insights: contents}
	conform.Check(t, conform.Mock(fake, conform.MockOptions{Contents: contents}))
}

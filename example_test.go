package conform_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
)

const trailARN = "arn:aws:cloudtrail:us-east-1:123456789012:trail/"

// Mock is what many Go code bases write by hand for their tests: a struct with the two methods of the
// SDK client that the code under test calls. Its trails exist beforehand.
type Mock struct {
	mu       sync.Mutex
	trails   []string
	insights map[string][]types.InsightSelector // by name of the trail
}

func (m *Mock) Reset() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.insights = map[string][]types.InsightSelector{}
	return nil
}

// find accepts the name or the ARN of a trail.
func (m *Mock) find(name *string) (string, error) {
	if name == nil {
		return "", &types.InvalidParameterCombinationException{Message: aws.String("TrailName or EventDataStore is required")}
	}
	short := strings.TrimPrefix(*name, trailARN)
	if !slices.Contains(m.trails, short) {
		return "", &types.TrailNotFoundException{Message: aws.String("no such trail")}
	}
	return short, nil
}

func (m *Mock) PutInsightSelectors(_ context.Context, in *cloudtrail.PutInsightSelectorsInput, _ ...func(*cloudtrail.Options)) (*cloudtrail.PutInsightSelectorsOutput, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name, stored, err := m.check(in)
	if err != nil {
		return nil, err
	}
	m.insights[name] = stored
	return &cloudtrail.PutInsightSelectorsOutput{TrailARN: aws.String(trailARN + name), InsightSelectors: copied(stored)}, nil
}

// copied is a list that shares nothing with another, so that callers may change what they passed or got.
func copied(list []types.InsightSelector) []types.InsightSelector {
	list = slices.Clone(list)
	for i := range list {
		list[i].EventCategories = slices.Clone(list[i].EventCategories)
	}
	return list
}

// check validates a request and returns what it stores.
func (m *Mock) check(in *cloudtrail.PutInsightSelectorsInput) (name string, stored []types.InsightSelector, err error) {
	if in.InsightSelectors == nil {
		return "", nil, &types.InvalidParameterException{Message: aws.String("InsightSelectors is required")}
	}
	if in.TrailName != nil && (in.EventDataStore != nil || in.InsightsDestination != nil) {
		return "", nil, &types.InvalidParameterCombinationException{Message: aws.String("either a trail or an event data store")}
	}
	given := map[types.InsightType]bool{}
	for _, s := range copied(in.InsightSelectors) {
		if !slices.Contains(s.InsightType.Values(), s.InsightType) || given[s.InsightType] {
			return "", nil, &types.InvalidInsightSelectorsException{Message: aws.String("InsightType")}
		}
		given[s.InsightType] = true
		if len(s.EventCategories) == 0 {
			s.EventCategories = []types.SourceEventCategory{types.SourceEventCategoryManagement}
		}
		for i, c := range s.EventCategories {
			if !slices.Contains(c.Values(), c) || slices.Contains(s.EventCategories[:i], c) {
				return "", nil, &types.InvalidInsightSelectorsException{Message: aws.String("EventCategories")}
			}
		}
		stored = append(stored, s)
	}
	name, err = m.find(in.TrailName)
	return name, stored, err
}

func (m *Mock) GetInsightSelectors(_ context.Context, in *cloudtrail.GetInsightSelectorsInput, _ ...func(*cloudtrail.Options)) (*cloudtrail.GetInsightSelectorsOutput, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if in.TrailName != nil && in.EventDataStore != nil {
		return nil, &types.InvalidParameterCombinationException{Message: aws.String("either a trail or an event data store")}
	}
	name, err := m.find(in.TrailName)
	if err != nil {
		return nil, err
	}
	if len(m.insights[name]) == 0 {
		return nil, &types.InsightNotEnabledException{Message: aws.String("Insights is off")}
	}
	return &cloudtrail.GetInsightSelectorsOutput{TrailARN: aws.String(trailARN + name), InsightSelectors: copied(m.insights[name])}, nil
}

// AppendingMock adds what a Put names to what is there, where the real operation replaces the list.
type AppendingMock struct{ Mock }

func (m *AppendingMock) PutInsightSelectors(_ context.Context, in *cloudtrail.PutInsightSelectorsInput, _ ...func(*cloudtrail.Options)) (*cloudtrail.PutInsightSelectorsOutput, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name, given, err := m.check(in)
	if err != nil {
		return nil, err
	}
	m.insights[name] = append(m.insights[name], given...)
	return &cloudtrail.PutInsightSelectorsOutput{TrailARN: aws.String(trailARN + name), InsightSelectors: copied(m.insights[name])}, nil
}

// brokenRules lists the rules that a report found violated, once each.
func brokenRules(report *reports.Report) []string {
	var ids []string
	for _, d := range report.Divergences {
		ids = append(ids, string(d.Rule))
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// A mock is tested by one call; where it diverges, the test fails with the report.
func TestMock(t *testing.T) {
	mock := &Mock{trails: []string{"orders", "payments", "audit"}}
	target := conform.Mock(mock, conform.MockOptions{Trails: mock.trails, Reset: mock.Reset})
	conform.Check(t, target)
}

// The same, with four clients that call the mock at once in the end.
func TestMockAtOnce(t *testing.T) {
	mock := &Mock{trails: []string{"orders", "payments", "audit"}}
	target := conform.Mock(mock, conform.MockOptions{Trails: mock.trails, Reset: mock.Reset})
	conform.Check(t, target, conform.Options{Clients: 4})
}

// The same with a subtest for each rule, such as TestMockByRule/put/replaces-list.
func TestMockByRule(t *testing.T) {
	mock := &Mock{trails: []string{"orders", "payments", "audit"}}
	target := conform.Mock(mock, conform.MockOptions{Trails: mock.trails, Reset: mock.Reset})
	conform.Test(t, target)
}

// What go test -artifacts has kept of an earlier divergence stays a test of its own.
func TestMockTraces(t *testing.T) {
	mock := &Mock{trails: []string{"orders", "payments", "audit"}}
	target := conform.Mock(mock, conform.MockOptions{Trails: mock.trails, Reset: mock.Reset})
	conform.Replay(t, "testdata/mock", target)
}

// A mock with only PutInsightSelectors and GetInsightSelectors, tested in process, for the report as a
// value.
func ExampleRun() {
	mock := &Mock{trails: []string{"orders", "payments", "audit"}}
	target := conform.Mock(mock, conform.MockOptions{Trails: mock.trails, Reset: mock.Reset})

	report, err := conform.Run(context.Background(), target, conform.Options{Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Verdict, brokenRules(report))
	fmt.Println("GetTrail:", report.Capabilities[string(model.CanGetTrail)])
	// Output:
	// conforms []
	// GetTrail: absent
}

// A mock that appends where it should replace: an empty list, too, leaves everything as it was.
func ExampleMock() {
	mock := &AppendingMock{Mock{trails: []string{"orders", "payments", "audit"}}}
	target := conform.Mock(mock, conform.MockOptions{Trails: mock.trails, Reset: mock.Reset})

	report, err := conform.Run(context.Background(), target, conform.Options{Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Verdict)
	for _, id := range brokenRules(report) {
		fmt.Println(id)
	}
	// Output:
	// diverges
	// put/empty-disables
	// put/idempotent
	// put/replaces-list
}

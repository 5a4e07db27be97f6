package embedded_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/targets/embedded"
)

// standIn serves a stand-in and returns what makes clients of it.
func standIn(t *testing.T, o embedded.ServerOptions) func(region string) *cloudtrail.Client {
	o.StandIn = true
	handler, err := embedded.NewServer(o)
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return func(region string) *cloudtrail.Client {
		return cloudtrail.New(cloudtrail.Options{Region: region, BaseEndpoint: &server.URL, HTTPClient: server.Client(),
			Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
	}
}

// fails requires a typed error of the SDK.
func fails[E error](t *testing.T, err error) {
	t.Helper()
	var want E
	require.ErrorAs(t, err, &want)
}

func tag(key, value string) types.Tag { return types.Tag{Key: &key, Value: &value} }

// topicOf reads a member that is deprecated and still answered.
func topicOf(t types.Trail) string {
	//lint:ignore SA1019 clients still read it
	return *t.SnsTopicName
}

func withoutTopicName(t types.Trail) types.Trail {
	//lint:ignore SA1019 compared by itself
	t.SnsTopicName = nil
	return t
}

func TestStandInReadsTrailsBack(t *testing.T) {
	ctx, client := t.Context(), standIn(t, embedded.ServerOptions{})
	c, abroad := client("us-east-1"), client("ap-southeast-7")
	name, key := aws.String("audit"), aws.String("arn:aws:kms:us-east-1:123456789012:key/1")
	made, err := c.CreateTrail(ctx, &cloudtrail.CreateTrailInput{Name: name, S3BucketName: aws.String("logs-of-all"), S3KeyPrefix: aws.String("x/y"),
		SnsTopicName: aws.String("topic"), EnableLogFileValidation: aws.Bool(true), IncludeGlobalServiceEvents: aws.Bool(false), KmsKeyId: key,
		TagsList: []types.Tag{tag("team", "one")}})
	require.NoError(t, err)
	arn := made.TrailARN
	got, err := c.GetTrail(ctx, &cloudtrail.GetTrailInput{Name: arn})
	require.NoError(t, err)
	want := types.Trail{Name: name, TrailARN: arn, HomeRegion: aws.String("us-east-1"), S3BucketName: aws.String("logs-of-all"), S3KeyPrefix: aws.String("x/y"),
		SnsTopicARN: aws.String("arn:aws:sns:us-east-1:123456789012:topic"), LogFileValidationEnabled: aws.Bool(true),
		IncludeGlobalServiceEvents: aws.Bool(false), KmsKeyId: key, IsMultiRegionTrail: aws.Bool(false), IsOrganizationTrail: aws.Bool(false),
		HasCustomEventSelectors: aws.Bool(false), HasInsightSelectors: aws.Bool(false)}
	assert.Equal(t, "topic", topicOf(*got.Trail))
	assert.Equal(t, want, withoutTopicName(*got.Trail))

	multi := &cloudtrail.UpdateTrailInput{Name: name, IsMultiRegionTrail: aws.Bool(true)}
	_, err = c.UpdateTrail(ctx, multi)
	fails[*types.InvalidParameterCombinationException](t, err)
	multi.IncludeGlobalServiceEvents, multi.S3KeyPrefix = aws.Bool(true), aws.String("")
	out, err := c.UpdateTrail(ctx, multi)
	require.NoError(t, err)
	assert.Nil(t, out.S3KeyPrefix)
	want.IsMultiRegionTrail, want.IncludeGlobalServiceEvents, want.S3KeyPrefix = aws.Bool(true), aws.Bool(true), nil
	_, err = abroad.CreateTrail(ctx, &cloudtrail.CreateTrailInput{Name: aws.String("local"), S3BucketName: aws.String("logs")})
	require.NoError(t, err)
	described := func(c *cloudtrail.Client, in cloudtrail.DescribeTrailsInput) []string {
		t.Helper()
		out, err := c.DescribeTrails(ctx, &in)
		require.NoError(t, err)
		var names []string
		for _, trail := range out.TrailList {
			if names = append(names, *trail.Name); *trail.Name == *name {
				assert.Equal(t, want, withoutTopicName(trail))
			}
		}
		return names
	}
	assert.Equal(t, []string{"audit"}, described(c, cloudtrail.DescribeTrailsInput{}))
	assert.Equal(t, []string{"audit", "local"}, described(abroad, cloudtrail.DescribeTrailsInput{}))
	assert.Equal(t, []string{"local"}, described(abroad, cloudtrail.DescribeTrailsInput{IncludeShadowTrails: aws.Bool(false)}))
	assert.Equal(t, []string{"audit"}, described(abroad, cloudtrail.DescribeTrailsInput{TrailNameList: []string{*arn, "nobody"}}))
	_, err = c.DescribeTrails(ctx, &cloudtrail.DescribeTrailsInput{TrailNameList: []string{"no name"}})
	fails[*types.InvalidTrailNameException](t, err)
	_, err = c.DescribeTrails(ctx, &cloudtrail.DescribeTrailsInput{TrailNameList: []string{"arn:aws:s3:::x"}})
	fails[*types.CloudTrailARNInvalidException](t, err)

	_, err = c.StartLogging(ctx, &cloudtrail.StartLoggingInput{Name: name})
	require.NoError(t, err)
	status, err := c.GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: name})
	require.NoError(t, err)
	assert.True(t, *status.IsLogging)
	assert.NotNil(t, status.StartLoggingTime)
	assert.Nil(t, status.StopLoggingTime)

	_, err = c.DeleteTrail(ctx, &cloudtrail.DeleteTrailInput{Name: name})
	require.NoError(t, err)
	_, err = c.GetTrail(ctx, &cloudtrail.GetTrailInput{Name: name})
	fails[*types.TrailNotFoundException](t, err)
	_, err = c.CreateTrail(ctx, &cloudtrail.CreateTrailInput{Name: name, S3BucketName: aws.String("other")})
	require.NoError(t, err)
	again, err := c.GetTrail(ctx, &cloudtrail.GetTrailInput{Name: name})
	require.NoError(t, err)
	assert.Nil(t, again.Trail.KmsKeyId, "of a trail that was deleted nothing is left")
	tags, err := c.ListTags(ctx, &cloudtrail.ListTagsInput{ResourceIdList: []string{*arn}})
	require.NoError(t, err)
	assert.Empty(t, tags.ResourceTagList[0].TagsList)
	_, err = c.CreateTrail(ctx, &cloudtrail.CreateTrailInput{Name: aws.String("third"), S3BucketName: aws.String("No_Bucket")})
	fails[*types.InvalidS3BucketNameException](t, err)
}

func TestStandInReadsSelectorsBack(t *testing.T) {
	ctx, c := t.Context(), standIn(t, embedded.ServerOptions{})("us-east-1")
	name := aws.String("audit")
	_, err := c.CreateTrail(ctx, &cloudtrail.CreateTrailInput{Name: name, S3BucketName: aws.String("logs")})
	require.NoError(t, err)
	_, err = c.PutEventSelectors(ctx, &cloudtrail.PutEventSelectorsInput{TrailName: name})
	fails[*types.InvalidEventSelectorsException](t, err)
	field := func(name string, values ...string) types.AdvancedFieldSelector {
		return types.AdvancedFieldSelector{Field: &name, Equals: values}
	}
	selectors := []types.AdvancedEventSelector{
		{Name: aws.String("zeta"), FieldSelectors: []types.AdvancedFieldSelector{field("eventCategory", "Management")}},
		{Name: aws.String("alpha"), FieldSelectors: []types.AdvancedFieldSelector{field("eventCategory", "Data"), field("resources.type", "AWS::S3::Object")}}}
	_, err = c.PutEventSelectors(ctx, &cloudtrail.PutEventSelectorsInput{TrailName: name, AdvancedEventSelectors: selectors})
	require.NoError(t, err)
	got, err := c.GetEventSelectors(ctx, &cloudtrail.GetEventSelectorsInput{TrailName: name})
	require.NoError(t, err)
	assert.Equal(t, selectors, got.AdvancedEventSelectors)
	trail, err := c.GetTrail(ctx, &cloudtrail.GetTrailInput{Name: name})
	require.NoError(t, err)
	assert.True(t, *trail.Trail.HasCustomEventSelectors)
}

func TestStandInReadsStoresBack(t *testing.T) {
	ctx, client := t.Context(), standIn(t, embedded.ServerOptions{})
	c := client("us-east-1")
	made, err := c.CreateEventDataStore(ctx, &cloudtrail.CreateEventDataStoreInput{Name: aws.String("lake"), TagsList: []types.Tag{tag("a", "b")}})
	require.NoError(t, err)
	assert.Equal(t, []types.Tag{tag("a", "b")}, made.TagsList)
	id := made.EventDataStoreArn
	got, err := c.GetEventDataStore(ctx, &cloudtrail.GetEventDataStoreInput{EventDataStore: id})
	require.NoError(t, err)
	assert.Equal(t, "lake", *got.Name)
	assert.Equal(t, int32(366), *got.RetentionPeriod)
	assert.Equal(t, types.BillingModeExtendableRetentionPricing, got.BillingMode)
	assert.True(t, *got.TerminationProtectionEnabled)
	assert.True(t, *got.MultiRegionEnabled)
	assert.Equal(t, []string{"Management"}, got.AdvancedEventSelectors[0].FieldSelectors[0].Equals)

	_, err = c.DeleteEventDataStore(ctx, &cloudtrail.DeleteEventDataStoreInput{EventDataStore: id})
	fails[*types.EventDataStoreTerminationProtectedException](t, err)
	_, err = c.CreateEventDataStore(ctx, &cloudtrail.CreateEventDataStoreInput{Name: aws.String("lake")})
	fails[*types.EventDataStoreAlreadyExistsException](t, err)
	_, err = c.UpdateEventDataStore(ctx, &cloudtrail.UpdateEventDataStoreInput{EventDataStore: id, RetentionPeriod: aws.Int32(5000)})
	fails[*types.InvalidParameterException](t, err)
	_, err = c.UpdateEventDataStore(ctx, &cloudtrail.UpdateEventDataStoreInput{EventDataStore: id, Name: aws.String("sea"),
		RetentionPeriod: aws.Int32(90), TerminationProtectionEnabled: aws.Bool(false)})
	require.NoError(t, err)
	_, err = c.StopEventDataStoreIngestion(ctx, &cloudtrail.StopEventDataStoreIngestionInput{EventDataStore: id})
	require.NoError(t, err)
	got, err = c.GetEventDataStore(ctx, &cloudtrail.GetEventDataStoreInput{EventDataStore: id})
	require.NoError(t, err)
	assert.Equal(t, "sea", *got.Name)
	assert.Equal(t, int32(90), *got.RetentionPeriod)
	assert.Equal(t, types.EventDataStoreStatusStoppedIngestion, got.Status)
	_, err = c.DeleteEventDataStore(ctx, &cloudtrail.DeleteEventDataStoreInput{EventDataStore: id})
	require.NoError(t, err)
	restored, err := c.RestoreEventDataStore(ctx, &cloudtrail.RestoreEventDataStoreInput{EventDataStore: id})
	require.NoError(t, err)
	assert.Equal(t, "sea", *restored.Name)
}

func TestStandInTags(t *testing.T) {
	ctx, client := t.Context(), standIn(t, embedded.ServerOptions{})
	c := client("us-east-1")
	trail, err := c.CreateTrail(ctx, &cloudtrail.CreateTrailInput{Name: aws.String("audit"), S3BucketName: aws.String("logs")})
	require.NoError(t, err)
	arn := trail.TrailARN
	listed := func() []types.Tag {
		out, err := c.ListTags(ctx, &cloudtrail.ListTagsInput{ResourceIdList: []string{*arn}})
		require.NoError(t, err)
		return out.ResourceTagList[0].TagsList
	}
	add := func(id string, tags ...types.Tag) error {
		_, err := c.AddTags(ctx, &cloudtrail.AddTagsInput{ResourceId: &id, TagsList: tags})
		return err
	}
	require.NoError(t, add(*arn, tag("a", "1"), tag("b", "2")))
	require.NoError(t, add(*arn, tag("a", "3")))
	assert.Equal(t, []types.Tag{tag("a", "3"), tag("b", "2")}, listed())
	fails[*types.InvalidTagParameterException](t, add(*arn, tag("c", "1"), tag("c", "2")))
	fails[*types.InvalidTagParameterException](t, add(*arn, tag("aws:x", "1")))
	var many []types.Tag
	for i := range 49 {
		many = append(many, tag(fmt.Sprint("n", i), ""))
	}
	fails[*types.TagsLimitExceededException](t, add(*arn, many...))
	fails[*types.ResourceNotFoundException](t, add(*arn+"x", tag("a", "1")))
	fails[*types.ResourceTypeNotSupportedException](t, add("arn:aws:cloudtrail:us-east-1:123456789012:dashboard/x", tag("a", "1")))
	fails[*types.CloudTrailARNInvalidException](t, add("audit", tag("a", "1")))
	fails[*types.CloudTrailARNInvalidException](t, add("arn:aws:cloudtrail:us-east-1:210987654321:trail/audit", tag("a", "1")))
	fails[*types.EventDataStoreNotFoundException](t, add("arn:aws:cloudtrail:us-east-1:123456789012:eventdatastore/x", tag("a", "1")))
	_, err = client("eu-west-1").ListTags(ctx, &cloudtrail.ListTagsInput{ResourceIdList: []string{*arn}})
	fails[*types.ResourceNotFoundException](t, err)
	_, err = c.RemoveTags(ctx, &cloudtrail.RemoveTagsInput{ResourceId: arn, TagsList: []types.Tag{{Key: aws.String("a")}, {Key: aws.String("z")}}})
	require.NoError(t, err)
	assert.Equal(t, []types.Tag{tag("b", "2")}, listed(), "what was refused has changed nothing")
}

func TestStandInListsByPage(t *testing.T) {
	ctx, client := t.Context(), standIn(t, embedded.ServerOptions{})
	const trails, stores = 120, 7
	for i := range trails {
		region := []string{"us-east-1", "sa-east-1", "il-central-1"}[i%3]
		_, err := client(region).CreateTrail(ctx, &cloudtrail.CreateTrailInput{Name: aws.String(fmt.Sprint("trail-", i)), S3BucketName: aws.String("logs")})
		require.NoError(t, err)
	}
	c := client("us-east-1")
	found, pages := map[string]bool{}, 0
	for list := cloudtrail.NewListTrailsPaginator(c, &cloudtrail.ListTrailsInput{}); list.HasMorePages(); pages++ {
		page, err := list.NextPage(ctx)
		require.NoError(t, err)
		for _, trail := range page.Trails {
			found[*trail.TrailARN] = true
		}
	}
	assert.Len(t, found, trails)
	assert.Greater(t, pages, 1)
	for i := range stores {
		_, err := c.CreateEventDataStore(ctx, &cloudtrail.CreateEventDataStoreInput{Name: aws.String(fmt.Sprint("lake-", i))})
		require.NoError(t, err)
	}
	clear(found)
	in := &cloudtrail.ListEventDataStoresInput{MaxResults: aws.Int32(3)}
	for list := cloudtrail.NewListEventDataStoresPaginator(c, in); list.HasMorePages(); {
		page, err := list.NextPage(ctx)
		require.NoError(t, err)
		assert.LessOrEqual(t, len(page.EventDataStores), 3)
		for _, store := range page.EventDataStores {
			found[*store.Name] = true
		}
	}
	assert.Len(t, found, stores)
	_, err := c.ListEventDataStores(ctx, &cloudtrail.ListEventDataStoresInput{NextToken: aws.String("nonsense")})
	fails[*types.InvalidNextTokenException](t, err)
	none, err := client("eu-west-1").ListEventDataStores(ctx, &cloudtrail.ListEventDataStoresInput{})
	require.NoError(t, err)
	assert.Empty(t, none.EventDataStores)
}

// TestStandInKeepsQuotasAndFaults: what the embedded server can do otherwise, the stand-in can.
func TestStandInKeepsQuotasAndFaults(t *testing.T) {
	ctx := t.Context()
	c := standIn(t, embedded.ServerOptions{TrailQuota: 1, Fault: "appends-selectors"})("us-east-1")
	_, err := c.CreateTrail(ctx, &cloudtrail.CreateTrailInput{Name: aws.String("one"), S3BucketName: aws.String("logs")})
	require.NoError(t, err)
	_, err = c.CreateTrail(ctx, &cloudtrail.CreateTrailInput{Name: aws.String("two"), S3BucketName: aws.String("logs")})
	fails[*types.MaximumNumberOfTrailsExceededException](t, err)
	_, err = c.StartLogging(ctx, &cloudtrail.StartLoggingInput{Name: aws.String("one")})
	require.NoError(t, err)
	for _, kind := range []types.InsightType{types.InsightTypeApiCallRateInsight, types.InsightTypeApiErrorRateInsight} {
		_, err := c.PutInsightSelectors(ctx, &cloudtrail.PutInsightSelectorsInput{TrailName: aws.String("one"), InsightSelectors: []types.InsightSelector{{InsightType: kind}}})
		require.NoError(t, err)
	}
	got, err := c.GetInsightSelectors(ctx, &cloudtrail.GetInsightSelectorsInput{TrailName: aws.String("one")})
	require.NoError(t, err)
	assert.Len(t, got.InsightSelectors, 2)
}

// TestEveryAnswerHasARequestID: also those that are no answer of CloudTrail's.
func TestEveryAnswerHasARequestID(t *testing.T) {
	handler, err := embedded.NewServer(embedded.ServerOptions{})
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	defer server.Close()
	seen := map[string]bool{}
	for _, path := range []string{"/", "/nowhere", "/_conform/arrange", "/"} {
		response, err := http.Get(server.URL + path)
		require.NoError(t, err)
		response.Body.Close()
		id := response.Header.Get("x-amzn-RequestId")
		assert.Regexp(t, `^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`, id)
		assert.False(t, seen[id])
		seen[id] = true
	}
}

// TestWeatherIsNoBehaviour: whatever befalls the connections, the reference conforms.
func TestWeatherIsNoBehaviour(t *testing.T) {
	for _, weather := range embedded.Weathers {
		t.Run(weather.Name, func(t *testing.T) {
			t.Parallel()
			var lines sync.Map
			target := embedded.NewTarget(embedded.Options{ServerOptions: embedded.ServerOptions{
				Weather: []string{weather.Name}, Log: func(line string) { lines.Store(line, true) }}})
			requireNoViolation(t, weather.Name, target, conform.Options{Seed: 3, Requests: 1200})
			befell := map[string]string{"throttled": "ThrottlingException", "unavailable": "503", "lost": "no answer", "reset": "no answer"}[weather.Name]
			met := befell == ""
			lines.Range(func(line, _ any) bool { met = met || strings.Contains(line.(string), befell); return !met })
			assert.True(t, met, "it befell a request")
		})
	}
}

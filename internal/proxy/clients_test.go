package proxy_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/internal/testing/mototest"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
)

// reset has moto forget all.
func reset(t testing.TB, url string) {
	t.Helper()
	answer, err := http.Post(url+"/moto-api/reset", "", nil)
	require.NoError(t, err)
	answer.Body.Close()
	require.Equal(t, 200, answer.StatusCode)
}

// there returns the path of a command, without which the test is skipped, or fails in CI.
func there(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("CI") != "" {
		t.Fatal(err)
	} else if err != nil {
		t.Skip(err)
	}
	return path
}

func environment(url string) []string {
	return append(os.Environ(), "AWS_ENDPOINT_URL="+url, "AWS_ACCESS_KEY_ID=testing", "AWS_SECRET_ACCESS_KEY=testing", "AWS_DEFAULT_REGION=us-east-1",
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=")
}

// changing is what differs from answer to answer.
var changing = regexp.MustCompile(`(?i)("?(date|x-amzn-requestid|x-amz-request-id|last-modified|requestid|x-amz-id-2|(latest|start|stop)[a-z]*(time|logged|started|stopped)[a-z]*)"?: *)("[^"]*"|'[^']*'|[0-9.e]+)|<(RequestId|HostId)>[^<]*|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.+Z-]+`)

const boto = `
import json, sys, boto3
from botocore.exceptions import ClientError
def keep(http_response, parsed, model, **kw):
    print(model.name, http_response.status_code, json.dumps(dict(sorted((k.lower(), v) for k, v in http_response.headers.items()))), model.name == 'GetObject' or repr(http_response.content))
def client(name):
    c = boto3.client(name)
    c.meta.events.register('after-call.*', keep)
    return c
s3, ct, sts = client('s3'), client('cloudtrail'), client('sts')
sts.get_caller_identity()
s3.create_bucket(Bucket='bucket-name')
s3.put_object(Bucket='bucket-name', Key='a key/with ä+~', Body=bytes(range(256)) * 4000)
print(hash(s3.get_object(Bucket='bucket-name', Key='a key/with ä+~')['Body'].read()) == hash(bytes(range(256)) * 4000))
s3.upload_fileobj(__import__('io').BytesIO(b'x' * (9 << 20)), 'bucket-name', 'parts')
s3.head_object(Bucket='bucket-name', Key='parts')
s3.list_objects_v2(Bucket='bucket-name', Prefix='a key')
print(len(__import__('urllib.request').request.urlopen(s3.generate_presigned_url('get_object', Params={'Bucket': 'bucket-name', 'Key': 'parts'})).read()))
both = [{'InsightType': 'ApiCallRateInsight'}, {'InsightType': 'ApiErrorRateInsight', 'EventCategories': ['Management']}]
for op, args in [('create_trail', dict(Name='abc', S3BucketName='bucket-name')), ('get_trail', dict(Name='abc')), ('start_logging', dict(Name='abc')),
                 ('get_insight_selectors', dict(TrailName='abc')), ('put_insight_selectors', dict(TrailName='abc', InsightSelectors=both)),
                 ('get_insight_selectors', dict(TrailName='abc')), ('get_insight_selectors', dict(TrailName='nobody')), ('list_trails', {}), ('describe_trails', {}),
                 ('put_insight_selectors', dict(TrailName='abc', InsightSelectors=[])), ('delete_trail', dict(Name='abc'))]:
    try:
        getattr(ct, op)(**args)
    except ClientError as e:
        print(e)
`

// TestBoto3: the bytes that boto3 gets of CloudTrail, S3 and STS are the same with the proxy as without it.
func TestBoto3(t *testing.T) {
	t.Parallel()
	python := there(t, "python3")
	url := mototest.Start(t)
	p := start(t, url)
	said := map[string]string{}
	for _, at := range []string{url, p.URL()} {
		reset(t, url)
		cmd := exec.CommandContext(t.Context(), python, "-c", boto)
		cmd.Env = environment(at)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		require.NoError(t, err, stderr.String())
		out = regexp.MustCompile(`(?m)^CreateMultipartUpload .*$`).ReplaceAll(out, nil) // an ID of any length
		said[at] = strings.ReplaceAll(changing.ReplaceAllString(string(out), "$1…"), at, "URL")
	}
	assert.Equal(t, said[url], said[p.URL()])
	assert.Greater(t, strings.Count(said[url], "\n"), 15)
	r := p.end()
	assert.Greater(t, r.Recorded.Judged, 3)
	assert.Greater(t, r.Recorded.Others, 8)
	requireKnownOfMoto(t, r)
}

// TestAWSCLI: the command line of AWS says the same, and ends the same.
func TestAWSCLI(t *testing.T) {
	t.Parallel()
	cli := there(t, "aws")
	url := mototest.Start(t)
	p := start(t, url)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, bytes.Repeat([]byte("\x00\xff\r\n"), 1<<18), 0o600))
	var said []string
	for _, at := range []string{url, p.URL()} {
		reset(t, url)
		all := ""
		for _, args := range [][]string{{"s3", "mb", "s3://bucket-name"}, {"s3", "cp", "--quiet", file, "s3://bucket-name/x"}, {"s3", "cp", "--quiet", "s3://bucket-name/x", file + ".back"},
			{"cloudtrail", "create-trail", "--name", "abc", "--s3-bucket-name", "bucket-name"},
			{"cloudtrail", "put-insight-selectors", "--trail-name", "abc", "--insight-selectors", `[{"InsightType":"ApiCallRateInsight"}]`},
			{"cloudtrail", "get-insight-selectors", "--trail-name", "abc"}, {"cloudtrail", "get-insight-selectors", "--trail-name", "nobody"}} {
			cmd := exec.CommandContext(t.Context(), cli, args...)
			cmd.Env = environment(at)
			out, _ := cmd.CombinedOutput()
			all += strings.Join(args, " ") + "\n" + string(out) + cmd.ProcessState.String() + "\n"
		}
		said = append(said, changing.ReplaceAllString(all, "$1…"))
		back, err := os.ReadFile(file + ".back")
		require.NoError(t, err, all)
		assert.Len(t, back, 4<<18)
	}
	assert.Equal(t, said[0], said[1])
	assert.Contains(t, said[0], "ApiCallRateInsight")
	r := p.end()
	assert.Positive(t, r.Recorded.Judged)
	requireKnownOfMoto(t, r)
}

// TestTheCallsOfTerraform: a resource aws_cloudtrail with insight_selector is made, read, changed and destroyed by the calls
// that Terraform's provider makes, with the client that it has, and with the same answers.
func TestTheCallsOfTerraform(t *testing.T) {
	t.Parallel()
	url := mototest.Start(t)
	p := start(t, url)
	var said []string
	for _, at := range []string{url, p.URL()} {
		reset(t, url)
		said = append(said, changing.ReplaceAllString(strings.Join(applied(t, at), "\n"), "$1…"))
	}
	assert.Equal(t, said[0], said[1])
	r := p.end()
	assert.Greater(t, r.Recorded.Judged, 5)
	assert.Zero(t, r.Recorded.Gaps)
	requireKnownOfMoto(t, r)
}

// applied are the answers to Terraform's calls.
func applied(t *testing.T, url string) (said []string) {
	ctx := t.Context()
	config := aws.Config{Region: "us-east-1", RetryMaxAttempts: 1, BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("mock_access_key", "mock_secret_key", ""),
		HTTPClient: &http.Client{Transport: &http.Transport{}}}
	buckets := s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true })
	_, err := buckets.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("bucket-name")})
	require.NoError(t, err)
	c := cloudtrail.NewFromConfig(config)
	say := func(out any, err error) {
		text, _ := json.Marshal(out)
		said = append(said, string(text))
		if err != nil {
			said = append(said, regexp.MustCompile(`RequestID: [^,]*`).ReplaceAllString(err.Error(), ""))
		}
	}
	made, err := c.CreateTrail(ctx, &cloudtrail.CreateTrailInput{Name: aws.String("trail"), S3BucketName: aws.String("bucket-name"),
		IncludeGlobalServiceEvents: aws.Bool(true), IsMultiRegionTrail: aws.Bool(false), IsOrganizationTrail: aws.Bool(false),
		TagsList: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}})
	require.NoError(t, err)
	say(made, nil)
	id := made.TrailARN
	read := func() {
		say(c.DescribeTrails(ctx, &cloudtrail.DescribeTrailsInput{TrailNameList: []string{*id}}))
		say(c.GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: id}))
		say(c.GetEventSelectors(ctx, &cloudtrail.GetEventSelectorsInput{TrailName: id}))
		say(c.GetInsightSelectors(ctx, &cloudtrail.GetInsightSelectorsInput{TrailName: id}))
		say(c.ListTags(ctx, &cloudtrail.ListTagsInput{ResourceIdList: []string{*id}}))
	}
	put := func(list ...types.InsightSelector) {
		if list == nil {
			list = []types.InsightSelector{}
		}
		say(c.PutInsightSelectors(ctx, &cloudtrail.PutInsightSelectorsInput{TrailName: id, InsightSelectors: list}))
	}
	say(c.StartLogging(ctx, &cloudtrail.StartLoggingInput{Name: id}))
	rate, errs := types.InsightSelector{InsightType: types.InsightTypeApiCallRateInsight}, types.InsightSelector{InsightType: types.InsightTypeApiErrorRateInsight}
	put(rate)
	read()
	put(rate, errs)
	read()
	say(c.UpdateTrail(ctx, &cloudtrail.UpdateTrailInput{Name: id, S3BucketName: aws.String("bucket-name"), IncludeGlobalServiceEvents: aws.Bool(false)}))
	say(c.StopLogging(ctx, &cloudtrail.StopLoggingInput{Name: id}))
	say(c.StartLogging(ctx, &cloudtrail.StartLoggingInput{Name: id}))
	put()
	read()
	say(c.DeleteTrail(ctx, &cloudtrail.DeleteTrailInput{Name: id}))
	say(c.DescribeTrails(ctx, &cloudtrail.DescribeTrailsInput{TrailNameList: []string{*id}}))
	return said
}

// requireKnownOfMoto fails where moto is accused of what no run finds.
func requireKnownOfMoto(t testing.TB, r *reports.Report) {
	t.Helper()
	// Of what was wrongly stored, or deleted to no effect, a history shows the reading as well.
	rules := map[model.ID]bool{model.GetReflectsPut: true, model.AnswerOneEntry: true}
	data, err := os.ReadFile("../../docs/emulators/moto-5.2.5.json")
	require.NoError(t, err)
	known, err := reports.ReadJSON(data)
	require.NoError(t, err)
	for _, d := range known.Divergences {
		rules[d.Rule] = true
	}
	for _, d := range r.Divergences {
		assert.True(t, rules[d.Rule], "%s, of which a run knows nothing", d.Signature)
	}
}

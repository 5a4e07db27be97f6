// Rule:   org/no-service-role: Without the service-linked role in the management account an organization trail cannot be changed.
// Source: S0
//
// Shows one divergence from this rule, found by conform, which is not needed to run this. Put the file
// into an empty module, named so that it ends in _test.go, and:
//
//	go mod tidy
//	ENDPOINT_URL=http://127.0.0.1:5000 go test -v -count=1 -run TestDivergence .
//
// The test fails when the divergence shows, or, and then it says so, when the set-up failed. Read from
// the environment too: AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, and
// ACCOUNT_ID, the caller's account until an answer tells it.

package divergence

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func TestDivergence(t *testing.T) {
	r := newRunner(t)
	r.makeKey("KEY1")
	r.makeBucket("OWN_BUCKET1", "conform-own-1-"+r.run)

	// 1. CreateTrail alpha KmsKeyId: conform-key
	call(r, (*cloudtrail.Client).CreateTrail, "CreateTrail", r.region, `{"Name": "alpha-`+r.run+`", "S3BucketName": "`+r.made["OWN_BUCKET1"]+`", "KmsKeyId": "`+r.made["KEY1"]+`"}`)
	r.must(1)

	// 2. StartLogging alpha
	call(r, (*cloudtrail.Client).StartLogging, "StartLogging", r.region, `{"Name": "alpha-`+r.run+`"}`)
	r.must(2)

	// 3. Arrange alpha no-service-role
	r.arrange("alpha-"+r.run, r.region, "no-service-role")

	// 4. Put alpha [ApiCallRateInsight: Management]
	call(r, (*cloudtrail.Client).PutInsightSelectors, "PutInsightSelectors", r.region, `{"TrailName": "alpha-`+r.run+`", "InsightSelectors": [{"InsightType": "ApiCallRateInsight", "EventCategories": ["Management"]}]}`)
	r.verdict("PutInsightSelectors", "something else", "NoManagementAccountSLRExistsException")
}

// runner sends requests and keeps the last answer as it was on the wire.
type runner struct {
	t                          *testing.T
	endpoint, region, away     string
	run                        string // makes names unique
	account                    string
	stores                     []string
	store                      string            // that the last request made
	made                       map[string]string // buckets and keys
	credentials                aws.Credentials
	status                     int // 0 where there was no answer
	code, header, answer, fail string
}

func newRunner(t *testing.T) *runner {
	r := &runner{
		t:        t,
		endpoint: strings.TrimSuffix(cmp.Or(os.Getenv("ENDPOINT_URL"), "http://127.0.0.1:5000"), "/"),
		region:   cmp.Or(os.Getenv("AWS_REGION"), "us-east-1"),
		away:     "eu-west-1",
		run:      fmt.Sprintf("%d-%d", time.Now().Unix(), os.Getpid()),
		account:  cmp.Or(os.Getenv("ACCOUNT_ID"), "123456789012"),
		stores:   []string{}, // until they are created
		made:     map[string]string{},
	}
	if r.region == r.away {
		r.away = "us-east-1"
	}
	r.credentials, _ = r.provider().Retrieve(context.Background())
	return r
}

func (r *runner) provider() aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(cmp.Or(os.Getenv("AWS_ACCESS_KEY_ID"), "test"),
		cmp.Or(os.Getenv("AWS_SECRET_ACCESS_KEY"), "test"), os.Getenv("AWS_SESSION_TOKEN"))
}

// Do implements the HTTP client of the SDK: it records the answer.
func (r *runner) Do(request *http.Request) (*http.Response, error) {
	r.status, r.header, r.answer, r.fail = 0, "", "", ""
	client := http.Client{Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		r.fail = err.Error()
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		r.fail = err.Error()
		return nil, err
	}
	r.status, r.header, r.answer = response.StatusCode, response.Header.Get("X-Amzn-ErrorType"), string(body)
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

// call sends a request through the SDK.
func call[I, O any](r *runner, method func(*cloudtrail.Client, context.Context, *I, ...func(*cloudtrail.Options)) (*O, error), operation, region, body string) {
	r.t.Helper()
	r.show("> %s %s", operation, body)
	input := new(I)
	if err := json.Unmarshal([]byte(body), input); err != nil {
		r.t.Fatalf("the set-up failed: %v", err)
	}
	client := cloudtrail.New(cloudtrail.Options{BaseEndpoint: &r.endpoint, Region: region, Credentials: r.provider(), HTTPClient: r, Retryer: aws.NopRetryer{}})
	r.status, r.fail = 0, ""
	if _, err := method(client, r.t.Context(), input); err != nil && r.status == 0 {
		r.fail = err.Error()
	}
	r.learn(operation, region, body)
}

// json sends one signed request.
func (r *runner) json(service, region, method, path, target, body string) {
	request, err := http.NewRequest(method, r.endpoint+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatalf("the set-up failed: %v", err)
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", target)
	sum := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(context.Background(), r.credentials, request, hex.EncodeToString(sum[:]), service, region, time.Now()); err != nil {
		r.t.Fatalf("the set-up failed: %v", err)
	}
	_, _ = r.Do(request)
	r.readCode()
}

// readCode finds the error code, in the header or in the body.
func (r *runner) readCode() {
	var body map[string]any
	_ = json.Unmarshal([]byte(r.answer), &body)
	typed, _ := body["__type"].(string)
	r.code = cmp.Or(r.header, typed)
	if code, _ := body["code"].(string); r.code == "" && r.status >= 400 {
		r.code = code
	}
	r.code, _, _ = strings.Cut(r.code, ":")
	r.code = r.code[strings.LastIndexByte(r.code, '#')+1:]
	for _, suffix := range []string{"Response", "Result", "Output"} {
		if r.status < 300 && strings.HasSuffix(r.code, suffix) {
			r.code = "" // some servers name a success so
		}
	}
}

var arnForm = regexp.MustCompile(`^arn:[a-z-]+:cloudtrail:[a-z0-9-]+:(\d{12}):(?:trail|eventdatastore)/([A-Za-z0-9._-]+)$`)

// learn takes from an answer what later requests need, and notes what has to be deleted.
func (r *runner) learn(operation, region, body string) {
	r.readCode()
	if r.status == 0 {
		r.show("< %s", r.fail)
	} else {
		r.show("< %d %s", r.status, r.answer)
	}
	var asked struct{ Name string }
	var got struct{ TrailARN, EventDataStoreArn string }
	_ = json.Unmarshal([]byte(body), &asked)
	_ = json.Unmarshal([]byte(r.answer), &got)
	r.store = ""
	if operation != "CreateTrail" && operation != "CreateEventDataStore" {
		return
	}
	if operation == "CreateTrail" && r.status/100 != 4 && asked.Name != "" { // a failure may have made it all the same
		r.later(region, "DeleteTrail", map[string]any{"Name": asked.Name})
	}
	if arn := arnForm.FindStringSubmatch(cmp.Or(got.TrailARN, got.EventDataStoreArn)); arn != nil {
		r.account = arn[1]
		if operation == "CreateEventDataStore" {
			r.store = arn[2]
			r.later(region, "DeleteEventDataStore", map[string]any{"EventDataStore": r.store})
			r.later(region, "UpdateEventDataStore", map[string]any{"EventDataStore": r.store, "TerminationProtectionEnabled": false})
		}
	}
}

// later sends a request when the test is over, the last one first.
func (r *runner) later(region, operation string, input map[string]any) {
	r.t.Cleanup(func() {
		body, _ := json.Marshal(input)
		r.json("cloudtrail", region, "POST", "/", "CloudTrail_20131101."+operation, string(body))
	})
}

func (r *runner) show(format string, values ...any) {
	text := strings.ToValidUTF8(fmt.Sprintf(format, values...), "?")
	text = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' ' // nothing may steer the terminal
		}
		return c
	}, text)
	r.t.Log(text[:min(len(text), 2000)])
}

func (r *runner) need(err error, what string) {
	r.t.Helper()
	if err != nil {
		r.t.Fatalf("the set-up failed: %s: %v", what, err)
	}
}

func (r *runner) must(step int) {
	r.t.Helper()
	if r.status/100 != 2 || r.code != "" {
		r.t.Fatalf("the set-up failed: step %d was to succeed", step)
	}
}

// verdict fails the test where the last answer matches the recorded one.
func (r *runner) verdict(operation, expected, actual string) {
	r.t.Helper()
	now := r.kind(operation)
	if now == "no answer" && now != actual {
		r.t.Fatalf("the set-up failed: no answer: %s", r.fail)
	}
	r.show("expected: %s", expected)
	r.show("actual:   %s", now)
	if now == actual {
		r.t.Error("The divergence shows.")
		return
	}
	r.show("The divergence does not show; when it was found, the answer was: %s", actual)
}

// kind says of the last answer what can be compared.
func (r *runner) kind(operation string) string {
	var body struct {
		TrailARN, EventDataStoreArn, InsightsDestination string
		InsightSelectors                                 []struct {
			InsightType     string
			EventCategories []string
		}
		Trail                                  struct{ HasInsightSelectors bool }
		IsLogging                              bool
		EventSelectors, AdvancedEventSelectors any
	}
	switch {
	case r.status == 0:
		return "no answer"
	case r.status >= 500:
		return "5xx"
	case r.code != "" || r.status >= 300:
		return cmp.Or(r.code, "an error without a code")
	case !json.Valid([]byte(cmp.Or(r.answer, "{}"))):
		return "success without JSON"
	}
	_ = json.Unmarshal([]byte(r.answer), &body) // what does not fit stays empty
	text := "success"
	switch operation {
	case "PutInsightSelectors", "GetInsightSelectors":
		for _, member := range [][2]string{{"TrailARN", body.TrailARN}, {"EventDataStoreArn", body.EventDataStoreArn}, {"InsightsDestination", body.InsightsDestination}} {
			if member[1] != "" {
				text += " " + member[0] + "=" + member[1]
			}
		}
		var selectors []string
		for _, s := range body.InsightSelectors {
			switch {
			case s.EventCategories == nil:
				s.EventCategories = []string{"Management"} // what it means
			case len(s.EventCategories) == 0:
				s.EventCategories = []string{"-"}
			}
			for _, category := range s.EventCategories {
				selectors = append(selectors, s.InsightType+":"+category)
			}
		}
		slices.Sort(selectors)
		text += " selectors=[" + strings.Join(selectors, ",") + "]"
	case "GetTrail":
		text += fmt.Sprintf(" HasInsightSelectors=%t", body.Trail.HasInsightSelectors)
	case "GetTrailStatus":
		text += fmt.Sprintf(" IsLogging=%t", body.IsLogging)
	}
	return text
}

func (r *runner) s3() *s3.Client {
	return s3.New(s3.Options{BaseEndpoint: &r.endpoint, UsePathStyle: true, Region: r.region, Credentials: r.provider()})
}

// makeBucket is tolerant: an endpoint without S3 may do without the bucket.
func (r *runner) makeBucket(symbol, name string) {
	r.made[symbol] = name
	input := &s3.CreateBucketInput{Bucket: &name}
	if r.region != "us-east-1" {
		input.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(r.region)}
	}
	if _, err := r.s3().CreateBucket(r.t.Context(), input); err != nil {
		r.show("(no bucket was made: %v)", err)
		return
	}
	r.t.Cleanup(func() { _ = r.deleteBucket(name) })
	_ = r.setPolicy(name, "Allow")
}

func (r *runner) setPolicy(name, effect string) error {
	policy := fmt.Sprintf(`{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:GetBucketAcl", "Resource": "arn:aws:s3:::%[1]s"},
		{"Effect": %[2]q, "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::%[1]s/*"}]}`, name, effect)
	_, err := r.s3().PutBucketPolicy(context.Background(), &s3.PutBucketPolicyInput{Bucket: &name, Policy: &policy})
	return err
}

func (r *runner) deleteBucket(name string) error {
	if list, err := r.s3().ListObjectsV2(context.Background(), &s3.ListObjectsV2Input{Bucket: &name}); err == nil {
		for _, object := range list.Contents { // trails may have written
			_, _ = r.s3().DeleteObject(context.Background(), &s3.DeleteObjectInput{Bucket: &name, Key: object.Key})
		}
	}
	_, err := r.s3().DeleteBucket(context.Background(), &s3.DeleteBucketInput{Bucket: &name})
	return err
}

// makeKey makes a KMS key, or takes a name that an endpoint without KMS may take.
func (r *runner) makeKey(symbol string) {
	r.json("kms", r.region, "POST", "/", "TrentService.CreateKey", "{}")
	var got struct{ KeyMetadata struct{ KeyId string } }
	_ = json.Unmarshal([]byte(r.answer), &got)
	r.made[symbol] = "conform-key"
	if id := got.KeyMetadata.KeyId; regexp.MustCompile(`^[A-Za-z0-9-]+$`).MatchString(id) {
		r.made[symbol] = id
		r.t.Cleanup(func() {
			r.json("kms", r.region, "POST", "/", "TrentService.ScheduleKeyDeletion", `{"KeyId": "`+id+`", "PendingWindowInDays": 7}`)
		})
	}
}

// arrange uses an extension that some servers have for tests.
func (r *runner) arrange(trail, region, condition string) {
	r.show("> arrange %s for %s", condition, trail)
	body, _ := json.Marshal(map[string]string{"TrailName": trail, "Condition": condition, "Region": region})
	r.json("cloudtrail", region, "POST", "/_conform/arrange", "", string(body))
	if r.status != http.StatusOK {
		r.t.Fatalf("the set-up failed: the endpoint offers no way to arrange %s", condition)
	}
}

package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets/naming"
)

// support is what a trail needs from other services of the endpoint.
type support struct {
	bucket string     // the shared one
	made   bool       // it was made here
	s3     *s3.Client // nil where the endpoint has no S3
	kms    bool       // whether keys can be made
}

// ArrangePath is where a server may offer to bring about conditions: GET answers
// {"conditions": […]}, POST of {"TrailName", "Condition", "Region"} brings one about.
const ArrangePath = "/_conform/arrange"

// findExtension asks for the arranging extension.
func (t *Target) findExtension(ctx context.Context) {
	t.conditions = map[string]bool{}
	ctx, cancel := context.WithTimeout(ctx, t.options.Timeout)
	defer cancel()
	x := &exchanged{}
	t.conn.raw(ctx, t.options.Regions[0], http.MethodGet, "", at(t.url, ArrangePath), nil, x)
	var offer struct {
		Conditions []string `json:"conditions"`
	}
	if x.err != nil || x.status != http.StatusOK || json.Unmarshal(x.received, &offer) != nil {
		return
	}
	for _, name := range offer.Conditions {
		t.conditions[name] = true
	}
}

// arrangeThere asks the extension to bring about a condition.
func (t *Target) arrangeThere(ctx context.Context, region, trail, condition string) error {
	ctx, cancel := context.WithTimeout(ctx, t.options.Timeout)
	defer cancel()
	body := model.Obj("TrailName", trail, "Condition", condition, "Region", region).AppendJSON(nil)
	x := &exchanged{}
	t.conn.raw(ctx, region, http.MethodPost, "", at(t.url, ArrangePath), body, x)
	if x.err != nil {
		text, _ := t.conn.problem(ctx, x.err)
		return errors.New(text)
	}
	if x.status != http.StatusOK {
		return fmt.Errorf("HTTP %d", x.status)
	}
	return nil
}

// findSupport makes the shared bucket where that is needed and possible.
func (t *Target) findSupport(ctx context.Context) (notes []string) {
	t.support.bucket = generators.SharedBucket
	if t.options.Bucket != "" {
		t.support.bucket = t.options.Bucket
		return nil
	}
	if t.conditions["bucket-missing"] {
		return nil // it keeps its own account of buckets
	}
	base := strings.TrimSuffix(t.url.String(), "/")
	client := s3.New(s3.Options{
		BaseEndpoint: &base, UsePathStyle: true, Region: t.options.Regions[0], Credentials: t.conn.credentials, HTTPClient: t.conn, Retryer: aws.NopRetryer{},
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired, ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	})
	name := "conform-" + naming.NewTag()
	if err := t.makeBucket(ctx, client, name); err != nil {
		return []string{"the endpoint has no S3 that makes buckets"}
	}
	// Something that answers 200 to everything is no S3.
	if !t.hasBucket(ctx, client, name) || t.hasBucket(ctx, client, name+"-none") {
		_ = t.dropBucket(ctx, client, name)
		return []string{"the endpoint has no S3 that keeps buckets"}
	}
	t.support.bucket, t.support.made, t.support.s3 = name, true, client
	return nil
}

func (t *Target) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, t.options.Timeout)
}

func (t *Target) makeBucket(ctx context.Context, client *s3.Client, name string) error {
	ctx, cancel := t.bounded(ctx)
	defer cancel()
	input := &s3.CreateBucketInput{Bucket: &name}
	if region := t.options.Regions[0]; region != "us-east-1" {
		input.CreateBucketConfiguration = &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(region)}
	}
	if _, err := client.CreateBucket(ctx, input); err != nil {
		return err
	}
	_ = t.setPolicy(ctx, client, name, "Allow") // where there are no policies, none is needed
	return nil
}

func (t *Target) setPolicy(ctx context.Context, client *s3.Client, name, effect string) error {
	ctx, cancel := t.bounded(ctx)
	defer cancel()
	service := model.Obj("Service", "cloudtrail.amazonaws.com")
	bucket := "arn:" + t.partition + ":s3:::" + name
	policy := model.Obj("Version", "2012-10-17", "Statement", model.ListOf(
		model.Obj("Sid", "Check", "Effect", "Allow", "Principal", service, "Action", "s3:GetBucketAcl", "Resource", bucket),
		model.Obj("Sid", "Write", "Effect", effect, "Principal", service, "Action", "s3:PutObject", "Resource", bucket+"/*"),
	)).String()
	_, err := client.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &name, Policy: &policy})
	return err
}

func (t *Target) hasBucket(ctx context.Context, client *s3.Client, name string) bool {
	ctx, cancel := t.bounded(ctx)
	defer cancel()
	_, err := client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &name})
	return err == nil
}

// dropBucket empties a bucket, as trails may have written to it, and deletes it.
func (t *Target) dropBucket(ctx context.Context, client *s3.Client, name string) error {
	ctx, cancel := t.bounded(ctx)
	defer cancel()
	_, err := client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &name})
	if err == nil || hasCode(err, "NoSuchBucket") {
		return nil
	}
	const pages = 100 // an end, should a server list the same objects for ever
	for range pages {
		list, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &name})
		if err != nil || len(list.Contents) == 0 {
			break
		}
		for _, object := range list.Contents {
			if _, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &name, Key: object.Key}); err != nil {
				return err
			}
		}
	}
	_, err = client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &name})
	return err
}

func hasCode(err error, codes ...string) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	for _, code := range codes {
		if api.ErrorCode() == code {
			return true
		}
	}
	return false
}

func (t *Target) kms(region string) *kms.Client {
	base := strings.TrimSuffix(t.url.String(), "/")
	return kms.New(kms.Options{BaseEndpoint: &base, Region: region, Credentials: t.conn.credentials,
		HTTPClient: t.conn, Retryer: aws.NopRetryer{}})
}

// keysWork makes a key and schedules its deletion.
func (t *Target) keysWork(ctx context.Context) bool {
	region := t.options.Regions[0]
	id, _, err := t.makeKey(ctx, region)
	if err != nil {
		return false
	}
	_ = t.dropKey(ctx, region, id)
	t.support.kms = true
	return true
}

func (t *Target) makeKey(ctx context.Context, region string) (id, arn string, err error) {
	ctx, cancel := t.bounded(ctx)
	defer cancel()
	policy := t.keyPolicy("Allow")
	out, err := t.kms(region).CreateKey(ctx, &kms.CreateKeyInput{Policy: &policy})
	if err != nil {
		return "", "", err
	}
	if out.KeyMetadata == nil || aws.ToString(out.KeyMetadata.KeyId) == "" {
		return "", "", errors.New("a key without an identifier")
	}
	return *out.KeyMetadata.KeyId, aws.ToString(out.KeyMetadata.Arn), nil
}

func (t *Target) keyPolicy(effect string) string {
	root := "arn:" + t.partition + ":iam::" + t.account + ":root"
	return model.Obj("Version", "2012-10-17", "Statement", model.ListOf(
		model.Obj("Sid", "Owner", "Effect", "Allow", "Principal", model.Obj("AWS", root), "Action", "kms:*", "Resource", "*"),
		model.Obj("Sid", "Encrypt", "Effect", effect, "Principal", model.Obj("Service", "cloudtrail.amazonaws.com"),
			"Action", model.Strs("kms:GenerateDataKey*", "kms:DescribeKey"), "Resource", "*"),
	)).String()
}

func (t *Target) denyKey(ctx context.Context, region, id string) error {
	ctx, cancel := t.bounded(ctx)
	defer cancel()
	policy := t.keyPolicy("Deny")
	_, err := t.kms(region).PutKeyPolicy(ctx, &kms.PutKeyPolicyInput{KeyId: &id, PolicyName: aws.String("default"), Policy: &policy})
	return err
}

func (t *Target) disableKey(ctx context.Context, region, id string) error {
	ctx, cancel := t.bounded(ctx)
	defer cancel()
	_, err := t.kms(region).DisableKey(ctx, &kms.DisableKeyInput{KeyId: &id})
	return err
}

func (t *Target) dropKey(ctx context.Context, region, id string) error {
	ctx, cancel := t.bounded(ctx)
	defer cancel()
	_, err := t.kms(region).ScheduleKeyDeletion(ctx, &kms.ScheduleKeyDeletionInput{KeyId: &id, PendingWindowInDays: aws.Int32(7)})
	return err
}

// learnFromSTS takes the account from the caller's identity, where no trail's ARN gave it. It stays
// open to correction by the first one that does.
func (t *Target) learnFromSTS(ctx context.Context) {
	ctx, cancel := t.bounded(ctx)
	defer cancel()
	base := strings.TrimSuffix(t.url.String(), "/")
	client := sts.New(sts.Options{BaseEndpoint: &base, Region: t.options.Regions[0], Credentials: t.conn.credentials,
		HTTPClient: t.conn, Retryer: aws.NopRetryer{}})
	out, err := client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil || !isAccount(aws.ToString(out.Account)) {
		return
	}
	t.account = *out.Account
	t.learn(aws.ToString(out.Arn))
}

func (t *Target) closeSupport(ctx context.Context) error {
	if t.support.made {
		t.support.made = false
		if err := t.dropBucket(ctx, t.support.s3, t.support.bucket); err != nil {
			return fmt.Errorf("the bucket %s could not be deleted", t.support.bucket)
		}
	}
	return nil
}

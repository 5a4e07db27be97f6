package endpoint

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets/naming"
)

// ArrangePath is where a server may offer to bring about conditions: GET answers
// {"conditions": […]}, POST of {"TrailName", "Condition", "Region"} brings one about.
const ArrangePath = "/_conform/arrange"

func (t *Target) findExtension(ctx context.Context) {
	x := t.extension(ctx, t.options.Regions[0], http.MethodGet, nil)
	var offer struct {
		Conditions []string `json:"conditions"`
	}
	if x.err == nil && x.status == http.StatusOK && json.Unmarshal(x.received, &offer) == nil {
		t.conditions = offer.Conditions
	}
}

func (t *Target) extension(ctx context.Context, region, method string, body []byte) *exchanged {
	ctx, cancel := context.WithTimeout(ctx, t.options.Timeout)
	defer cancel()
	return t.caller.signed(ctx, region, raw(method), at(t.url, ArrangePath), body)
}

// findSupport makes the shared bucket where that is needed and possible.
func (t *Target) findSupport(ctx context.Context) (notes []string) {
	t.names.Bucket = cmp.Or(t.options.Bucket, generators.SharedBucket)
	if t.options.Bucket != "" || t.arranges("bucket-missing") { // the extension keeps its own account of buckets
		return nil
	}
	client := NewS3(t.caller.Config(t.url, t.options.Regions[0], nil))
	name := "conform-" + naming.NewTag()
	if err := t.makeBucket(ctx, client, name); err != nil {
		return []string{"the endpoint has no S3 that makes buckets"}
	}
	// Something that answers 200 to everything is no S3.
	if !hasBucket(ctx, client, name) || hasBucket(ctx, client, name+"-none") {
		_ = DropBucket(ctx, client, name)
		return []string{"the endpoint has no S3 that keeps buckets"}
	}
	t.names.Bucket, t.made, t.s3 = name, true, client
	return nil
}

func hasBucket(ctx context.Context, client *s3.Client, name string) bool {
	_, err := client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &name})
	return err == nil
}

func (t *Target) makeBucket(ctx context.Context, client *s3.Client, name string) error {
	if err := MakeBucket(ctx, client, name); err != nil {
		return err
	}
	_ = t.setPolicy(ctx, client, name, "Allow") // where there are no policies, none is needed
	return nil
}

func (t *Target) setPolicy(ctx context.Context, client *s3.Client, name, effect string) error {
	policy := BucketPolicy("arn:"+t.names.Partition+":s3:::"+name, effect, "/*", value.Value{}, value.Value{})
	_, err := client.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &name, Policy: &policy})
	return err
}

func (t *Target) kms(region string) *kms.Client {
	return kms.NewFromConfig(t.caller.Config(t.url, region, nil))
}

// keysWork makes a key and schedules its deletion.
func (t *Target) keysWork(ctx context.Context) bool {
	region := t.options.Regions[0]
	id, _, err := t.makeKey(ctx, region)
	if t.keys = err == nil; t.keys {
		_ = t.dropKey(ctx, region, id)
	}
	return t.keys
}

func (t *Target) makeKey(ctx context.Context, region string) (id, arn string, err error) {
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
	root := "arn:" + t.names.Partition + ":iam::" + t.names.Account + ":root"
	return value.Obj("Version", "2012-10-17", "Statement", value.ListOf(
		value.Obj("Sid", "Owner", "Effect", "Allow", "Principal", value.Obj("AWS", root), "Action", "kms:*", "Resource", "*"),
		value.Obj("Sid", "Encrypt", "Effect", effect, "Principal", value.Obj("Service", "cloudtrail.amazonaws.com"),
			"Action", value.Strs("kms:GenerateDataKey*", "kms:DescribeKey"), "Resource", "*"),
	)).String()
}

// spoilKey forbids CloudTrail to use a key, or disables it.
func (t *Target) spoilKey(ctx context.Context, region, id string, deny bool) (err error) {
	if deny {
		return t.setKeyPolicy(ctx, region, id, "Deny")
	}
	_, err = t.kms(region).DisableKey(ctx, &kms.DisableKeyInput{KeyId: &id})
	return err
}

// mendKey is the reverse of both.
func (t *Target) mendKey(ctx context.Context, region, id string) error {
	_, err := t.kms(region).EnableKey(ctx, &kms.EnableKeyInput{KeyId: &id})
	return errors.Join(err, t.setKeyPolicy(ctx, region, id, "Allow"))
}

func (t *Target) setKeyPolicy(ctx context.Context, region, id, effect string) error {
	policy := t.keyPolicy(effect)
	_, err := t.kms(region).PutKeyPolicy(ctx, &kms.PutKeyPolicyInput{KeyId: &id, PolicyName: aws.String("default"), Policy: &policy})
	return err
}

func (t *Target) dropKey(ctx context.Context, region, id string) error {
	_, err := t.kms(region).ScheduleKeyDeletion(ctx, &kms.ScheduleKeyDeletionInput{KeyId: &id, PendingWindowInDays: aws.Int32(7)})
	return err
}

// learnFromSTS takes the account from the caller's identity, until a trail's ARN tells it.
func (t *Target) learnFromSTS(ctx context.Context) {
	client := sts.NewFromConfig(t.caller.Config(t.url, t.options.Regions[0], nil))
	out, err := client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil || !naming.IsAccount(aws.ToString(out.Account)) {
		return
	}
	t.names.Account = *out.Account
	naming.Learn(&t.names, aws.ToString(out.Arn))
}

// NewS3 returns a client for one host with all buckets.
func NewS3(cfg aws.Config) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
}

// BucketPolicy lets CloudTrail look at a bucket, by its ARN, and allows or denies it to write objects there; absent
// conditions limit nothing.
func BucketPolicy(bucket, effect, objects string, looking, writing value.Value) string {
	service := value.Obj("Service", "cloudtrail.amazonaws.com")
	return value.Obj("Version", "2012-10-17", "Statement", value.ListOf(
		value.Obj("Sid", "Check", "Effect", "Allow", "Principal", service, "Action", "s3:GetBucketAcl", "Resource", bucket,
			"Condition", looking),
		value.Obj("Sid", "Write", "Effect", effect, "Principal", service, "Action", "s3:PutObject", "Resource", bucket+objects,
			"Condition", writing),
	)).String()
}

// MakeBucket makes a bucket in the Region of the client.
func MakeBucket(ctx context.Context, client *s3.Client, name string) error {
	input := &s3.CreateBucketInput{Bucket: &name}
	if region := client.Options().Region; region != "us-east-1" {
		input.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(region)}
	}
	_, err := client.CreateBucket(ctx, input)
	return err
}

// DropBucket empties and deletes a bucket. One that is not there is no error.
func DropBucket(ctx context.Context, client *s3.Client, name string) error {
	const pages = 1000 // an end, should a server list the same objects for ever
	for range pages {
		_, err := client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &name})
		var api smithy.APIError
		switch {
		case err == nil || errors.As(err, &api) && api.ErrorCode() == "NoSuchBucket":
			return nil
		case api == nil || api.ErrorCode() != "BucketNotEmpty":
			return err // nothing in it is touched for another reason
		}
		list, unlisted := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &name})
		if unlisted != nil || len(list.Contents) == 0 {
			return err
		}
		for _, object := range list.Contents {
			if _, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &name, Key: object.Key}); err != nil {
				return err
			}
		}
	}
	return errors.New("a bucket that is never empty")
}

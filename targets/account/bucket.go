package account

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/account/gate"
	"github.com/insightconform/conform/targets/account/ledger"
	"github.com/insightconform/conform/targets/endpoint"
	"github.com/insightconform/conform/targets/wire"
)

// provision makes the bucket that all trails of the run write to: closed to the public, and open to
// CloudTrail for this run's trails alone.
func (t *target) provision(ctx context.Context) error {
	s := t.service
	t.bucket = ledger.Bucket.In(t.options.Regions[0], t.ledger.Prefix()+"-"+ledger.RandomName(12))
	if err := s.intend(t.ledger, t.bucket); err != nil {
		return err
	}
	name := &t.bucket.Name
	if err := endpoint.MakeBucket(ctx, s.s3, *name); err != nil {
		return s.bucketProblem(ctx, "CreateBucket", err)
	}
	if err := t.tagBucket(ctx); err != nil {
		return err
	}
	if err := t.ledger.Write(ledger.Made, t.bucket); err != nil {
		return err
	}
	on := aws.Bool(true)
	if _, err := s.s3.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: name,
		PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
			BlockPublicAcls: on, BlockPublicPolicy: on, IgnorePublicAcls: on, RestrictPublicBuckets: on}}); err != nil {
		return s.bucketProblem(ctx, "PutPublicAccessBlock", err)
	}
	policy := t.bucketPolicy()
	if _, err := s.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: name, Policy: &policy}); err != nil {
		return s.bucketProblem(ctx, "PutBucketPolicy", err)
	}
	return nil
}

// tagBucket tags the new bucket and looks whether the tag is there.
func (t *target) tagBucket(ctx context.Context) error {
	s := t.service
	if _, err := s.s3.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: &t.bucket.Name,
		Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String(ledger.TagKey), Value: aws.String(t.ledger.ID())}}}}); err != nil {
		return s.bucketProblem(ctx, "PutBucketTagging", err)
	}
	var last error
	if !s.until(ctx, func() bool {
		value, err := s.bucketTag(ctx, t.bucket.Name)
		last = err
		return value == t.ledger.ID() || errors.Is(err, targets.ErrRefused) || wire.Denied(codeOf(err))
	}) || last != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(last, targets.ErrRefused) {
			return last
		}
		return gate.Refuse(gate.GuardTag, "the tag of the new bucket cannot be confirmed (%s)", codeOf(last))
	}
	s.gate.Set(t.bucket, gate.Owned)
	return nil
}

// bucketTag is the value of the ledger's tag on a bucket, empty where it has none.
func (s *service) bucketTag(ctx context.Context, name string) (string, error) {
	out, err := s.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &name})
	if codeOf(err) == "NoSuchTagSet" {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	for _, tag := range out.TagSet {
		if aws.ToString(tag.Key) == ledger.TagKey {
			return aws.ToString(tag.Value), nil
		}
	}
	return "", nil
}

// bucketPolicy lets CloudTrail write for trails of this account that bear the prefix.
func (t *target) bucketPolicy() string {
	s := t.service
	service := value.Obj("Service", "cloudtrail.amazonaws.com")
	bucket := "arn:" + s.partition + ":s3:::" + t.bucket.Name
	var sources []string
	for _, region := range t.options.Regions {
		sources = append(sources, fmt.Sprintf("arn:%s:cloudtrail:%s:%s:trail/%s-*", s.partition, region, s.account, t.ledger.Prefix()))
	}
	source := value.Obj("aws:SourceArn", value.Strs(sources...))
	return value.Obj("Version", "2012-10-17", "Statement", value.ListOf(
		value.Obj("Sid", "Check", "Effect", "Allow", "Principal", service, "Action", "s3:GetBucketAcl", "Resource", bucket,
			"Condition", value.Obj("ArnLike", source)),
		value.Obj("Sid", "Write", "Effect", "Allow", "Principal", service, "Action", "s3:PutObject", "Resource",
			bucket+"/AWSLogs/"+s.account+"/*",
			"Condition", value.Obj("ArnLike", source, "StringEquals", value.Obj("s3:x-amz-acl", "bucket-owner-full-control"))),
	)).String()
}

// bucketProblem classes an error of S3.
func (s *service) bucketProblem(ctx context.Context, op string, err error) error {
	code := codeOf(err)
	switch {
	case errors.Is(err, targets.ErrRefused):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case wire.Denied(code):
		return inconclusive("%s answered %s; 'conform iam-policy' prints what a run must be permitted", op, code)
	case strings.HasPrefix(code, "no answer"):
		return unreachable("%s: %s; see whether this machine reaches S3 in %s", op, code, s.options.Regions[0])
	}
	if hint := hintOf(code, ""); hint != "" {
		return inconclusive("%s answered %s: %s", op, code, hint)
	}
	return inconclusive("%s answered %s", op, code)
}

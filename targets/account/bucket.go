package account

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets/account/ledger"
	"github.com/insightconform/conform/targets/endpoint"
)

// provision makes the bucket of all trails: closed to the public, and open to CloudTrail for these trails alone.
func (t *target) provision(ctx context.Context) error {
	s := t.service
	t.bucket = ledger.Bucket.In(t.options.Regions[0], s.ledger.Prefix()+"-"+ledger.RandomName(12))
	if err := s.intend(t.bucket); err != nil {
		return err
	}
	name := &t.bucket.Name
	if err := endpoint.MakeBucket(ctx, s.s3, *name); err != nil {
		return s.asking(ctx, "S3", "CreateBucket", err)
	}
	if err := s.tagBucket(ctx, t.bucket); err != nil {
		return err
	}
	on := aws.Bool(true)
	if _, err := s.s3.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: name,
		PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
			BlockPublicAcls: on, BlockPublicPolicy: on, IgnorePublicAcls: on, RestrictPublicBuckets: on}}); err != nil {
		return s.asking(ctx, "S3", "PutPublicAccessBlock", err)
	}
	policy := t.bucketPolicy()
	if _, err := s.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: name, Policy: &policy}); err != nil {
		return s.asking(ctx, "S3", "PutBucketPolicy", err)
	}
	return nil
}

func (s *service) tagBucket(ctx context.Context, r ledger.Resource) error {
	if _, err := s.s3.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: &r.Name,
		Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String(ledger.TagKey), Value: aws.String(s.ledger.ID())}}}}); err != nil {
		return s.asking(ctx, "S3", "PutBucketTagging", err)
	}
	return s.confirmTag(ctx, r, "")
}

// bucketPolicy lets CloudTrail write for trails of this account that bear the prefix.
func (t *target) bucketPolicy() string {
	s := t.service
	service := value.Obj("Service", "cloudtrail.amazonaws.com")
	bucket := "arn:" + s.partition + ":s3:::" + t.bucket.Name
	var sources []string
	for _, region := range t.options.Regions {
		sources = append(sources, fmt.Sprintf("arn:%s:cloudtrail:%s:%s:trail/%s-*", s.partition, region, s.account, s.ledger.Prefix()))
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

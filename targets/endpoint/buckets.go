package endpoint

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// NewS3 returns a client for one host with all buckets.
func NewS3(cfg aws.Config) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
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

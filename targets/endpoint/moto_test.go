package endpoint

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/internal/testing/mototest"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
)

func TestMoto(t *testing.T) {
	url := mototest.Start(t)
	target, err := New(Options{URL: url, Timeout: 30 * time.Second})
	require.NoError(t, err)
	info, err := target.Open(t.Context())
	require.NoError(t, err)
	assert.True(t, info.Away)
	assert.True(t, info.Buckets, "CreateTrail looks for the bucket")
	assert.False(t, info.Keys, "CreateTrail does not look for the key")
	assert.False(t, info.Arrange)
	assert.Empty(t, info.Notes)

	w := newWorld(t, target)
	do := func(op model.Op, input value.Value) model.Answer {
		reply := w.Do(t.Context(), model.Request{Op: op, Input: input})
		t.Logf("%s %s: %d %s %s", op, input, reply.Status, reply.Body, reply.Problem)
		assert.NotEmpty(t, reply.Sent)
		return reply.Answer
	}
	arn := homeARN + "trail/alpha"
	for _, bucket := range []string{generators.SharedBucket, generators.OwnBucket} {
		assert.Equal(t, arn, do(model.OpCreate, value.Obj("Name", "alpha", "S3BucketName", bucket)).TrailARN)
		assert.Equal(t, model.Succeeded, do(model.OpStart, value.Obj("Name", "alpha")).Outcome)
		assert.Equal(t, model.Yes, do(model.OpStatus, value.Obj("Name", arn)).Logging)
		both := model.MakeSelectors(model.Management, model.Management)
		answer := do(model.OpPut, value.Obj("TrailName", arn, "InsightSelectors", both.Value()))
		assert.Equal(t, arn, answer.TrailARN)
		assert.Equal(t, both, answer.Selectors)
		assert.Equal(t, both, do(model.OpGet, value.Obj("TrailName", "alpha")).Selectors)
		assert.Equal(t, model.Refusal("TrailNotFoundException"), do(model.OpGet, value.Obj("TrailName", "beta")))
		assert.Equal(t, model.Refusal("S3BucketDoesNotExistException"), do(model.OpCreate, value.Obj("Name", "beta", "S3BucketName", "conform-none")))
		assert.Equal(t, model.Crashed, do(model.OpPut, value.Obj("TrailName", "alpha")).Outcome, "a member is missing")
		name := "abc"
		assert.Equal(t, homeARN+"trail/"+name, do(model.OpCreate, value.Obj("Name", name, "S3BucketName", bucket)).TrailARN)
	}
	assert.Equal(t, model.Refusal("NotArranged"), arrange(t, w, "abc", "key-denied"))
	assert.Equal(t, model.Succeeded, arrange(t, w, "alpha", "bucket-denied").Outcome)
	assert.Equal(t, model.Succeeded, arrange(t, w, "alpha", "bucket-missing").Outcome)
	own := w.inner.buckets[0]
	assert.False(t, hasBucket(t.Context(), target.s3, own))
	assert.Equal(t, model.Succeeded, arrange(t, w, "alpha", model.Mended).Outcome)
	assert.True(t, hasBucket(t.Context(), target.s3, own), "the same one again")
	assert.Equal(t, model.Succeeded, arrange(t, w, "alpha", "bucket-missing").Outcome)
	assert.Equal(t, arn, do(model.OpCreate, value.Obj("Name", "alpha", "S3BucketName", generators.OwnBucket)).TrailARN, "another bucket is made")

	shared := target.names.Bucket
	assert.NoError(t, w.Close(t.Context()))
	assert.Equal(t, model.Refusal("TrailNotFoundException"), target.ask(t.Context(), "us-east-1", model.OpGet, value.Obj("TrailName", "alpha-"+w.inner.tag)).Answer)
	assert.True(t, hasBucket(t.Context(), target.s3, shared))
	assert.NoError(t, target.Close())
	assert.False(t, hasBucket(t.Context(), target.s3, shared))
	assert.False(t, hasBucket(t.Context(), target.s3, own))
	assert.True(t, target.keysWork(t.Context()), "moto has KMS, though its trails do not ask it")
}

func arrange(t *testing.T, w targets.World, trail, condition string) model.Answer {
	return w.Do(t.Context(), model.Request{Op: model.OpArrange, Input: value.Obj("TrailName", trail, "Condition", condition)}).Answer
}

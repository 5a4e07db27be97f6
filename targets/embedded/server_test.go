package embedded

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets/endpoint"
	"github.com/insightconform/conform/targets/wire"
)

// caller sends requests with hand-made headers, as a client with some access key would.
type caller struct {
	t      *testing.T
	server *httptest.Server
	key    string
	region string
	prefix string
}

func newCaller(t *testing.T, o ServerOptions) caller {
	handler, err := NewServer(o)
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return caller{t, server, "test", "us-east-1", wire.ShortPrefix}
}

func (c caller) do(method, path, target, body string) (status int, got value.Value) {
	c.t.Helper()
	req, err := http.NewRequest(method, c.server.URL+path, strings.NewReader(body))
	require.NoError(c.t, err)
	req.Header.Set("Content-Type", wire.ContentType)
	req.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/20260101/%s/cloudtrail/aws4_request, SignedHeaders=host, Signature=0", c.key, c.region))
	if target != "" {
		req.Header.Set(wire.TargetHeader, target)
	}
	response, err := c.server.Client().Do(req)
	require.NoError(c.t, err)
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	require.NoError(c.t, err)
	got, err = value.Parse(data)
	if err != nil {
		got = value.Str(string(data))
	}
	return response.StatusCode, got
}

// call does one operation and returns the code of an error, or the body of a success.
func (c caller) call(op model.Op, in value.Value) (code string, body value.Value) {
	c.t.Helper()
	status, body := c.do(http.MethodPost, "/", c.prefix+string(op), in.String())
	code = body.Get("__type").Text()
	if code == "" {
		require.Equal(c.t, http.StatusOK, status, body.String())
	} else {
		require.Equal(c.t, http.StatusBadRequest, status, body.String())
		assert.NotEmpty(c.t, body.Get("Message").Text())
	}
	return code, body
}

func (c caller) ok(op model.Op, in value.Value) value.Value {
	c.t.Helper()
	code, body := c.call(op, in)
	require.Empty(c.t, code, body.String())
	return body
}

func (c caller) refused(code string, op model.Op, in value.Value) {
	c.t.Helper()
	got, body := c.call(op, in)
	assert.Equal(c.t, code, got, body.String())
}

var callRate = value.ListOf(value.Obj("InsightType", "ApiCallRateInsight"))

func TestServer(t *testing.T) {
	c := newCaller(t, ServerOptions{})
	named := value.Obj("TrailName", "my-trail")
	c.refused(codeTrailNotFound, model.OpGet, named)
	c.refused(codeTrailName, model.OpCreate, value.Obj("Name", "my-_trail", "S3BucketName", "b"))
	created := c.ok(model.OpCreate, value.Obj("Name", "my-trail", "S3BucketName", "b"))
	assert.Equal(t, "arn:aws:cloudtrail:us-east-1:123456789012:trail/my-trail", created.Get("TrailARN").Text())
	c.refused(codeTrailExists, model.OpCreate, value.Obj("Name", "my-trail", "S3BucketName", "b"))
	c.refused(codeNotEnabled, model.OpGet, named)
	c.ok(model.OpStart, value.Obj("Name", "my-trail"))

	c.prefix = wire.LongPrefix
	body := c.ok(model.OpPut, named.With("InsightSelectors", callRate))
	want := `{"TrailARN":"arn:aws:cloudtrail:us-east-1:123456789012:trail/my-trail","InsightSelectors":[{"InsightType":"ApiCallRateInsight","EventCategories":["Management"]}]}`
	assert.Equal(t, parsed(t, want).String(), body.String())
	assert.True(t, c.ok(model.OpTrail, value.Obj("Name", "my-trail")).Get("Trail").Get("HasInsightSelectors").True())

	other := c
	other.key = "999999999999"
	other.refused(codeTrailNotFound, model.OpGet, named)
	assert.Contains(t, other.ok(model.OpCreate, value.Obj("Name", "my-trail", "S3BucketName", "b")).Get("TrailARN").Text(), ":999999999999:")
	other.refused(codeNotEnabled, model.OpGet, named)
}

func parsed(t *testing.T, text string) value.Value {
	v, err := value.Parse([]byte(text))
	require.NoError(t, err)
	return v
}

func TestServerRegions(t *testing.T) {
	c := newCaller(t, ServerOptions{})
	in := func(region string) caller { d := c; d.region = region; return d }
	create := value.Obj("Name", "my-trail", "S3BucketName", "b")
	for region, partition := range map[string]string{"ap-south-1": "aws", "sa-east-1": "aws", "us-east-1": "aws", "eu-south-2": "aws",
		"cn-north-1": "aws-cn", "cn-northwest-1": "aws-cn", "us-gov-west-1": "aws-us-gov"} {
		arn := in(region).ok(model.OpCreate, create).Get("TrailARN").Text()
		assert.Equal(t, "arn:"+partition+":cloudtrail:"+region+":123456789012:trail/my-trail", arn)
		in(region).ok(model.OpPut, value.Obj("TrailName", arn, "InsightSelectors", callRate))
	}
	in("mars").refused(codeUnsupported, model.OpCreate, create)
	in("cn-north-1").refused("CloudTrailARNInvalidException", model.OpPut,
		value.Obj("TrailName", "arn:aws:cloudtrail:ap-south-1:123456789012:trail/my-trail", "InsightSelectors", callRate))
	byARN := value.Obj("TrailName", "arn:aws:cloudtrail:ap-south-1:123456789012:trail/my-trail", "InsightSelectors", callRate)
	in("sa-east-1").refused("InvalidHomeRegionException", model.OpPut, byARN)
	in("ap-south-1").ok(model.OpPut, byARN)
}

func TestServerStores(t *testing.T) {
	c := newCaller(t, ServerOptions{})
	ids := map[string]bool{}
	for range 2*maxPending + 120 {
		arn := c.ok(model.OpCreateStore, value.Obj("Name", "store")).Get("EventDataStoreArn").Text()
		require.False(t, ids[arn], "%s was given twice", arn)
		ids[arn] = true
		assert.Equal(t, arn, c.ok(model.OpGetStore, value.Obj("EventDataStore", arn)).Get("EventDataStoreArn").Text())
		c.ok(model.OpDeleteStore, value.Obj("EventDataStore", arn))
	}
	c.refused(codeStoreNotFound, model.OpGetStore, value.Obj("EventDataStore", model.StoreID(0)))

	source := c.ok(model.OpCreateStore, value.Obj("Name", "source")).Get("EventDataStoreArn").Text()
	dest := c.ok(model.OpCreateStore, value.Obj("Name", "dest", "AdvancedEventSelectors", value.ListOf(advanced("Insight")))).Get("EventDataStoreArn").Text()
	_, suffix, _ := strings.Cut(source, "/")
	body := c.ok(model.OpPut, value.Obj("EventDataStore", suffix, "InsightsDestination", dest, "InsightSelectors", callRate))
	assert.Equal(t, source, body.Get("EventDataStoreArn").Text())
	assert.Equal(t, dest, body.Get("InsightsDestination").Text())
	assert.Equal(t, value.Absent, body.Get("TrailARN").Kind())
}

func TestServerStrangeRequests(t *testing.T) {
	c := newCaller(t, ServerOptions{})
	status, body := c.do(http.MethodGet, "/", "", "")
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, body.Text(), "PutInsightSelectors")
	put := wire.ShortPrefix + string(model.OpPut)
	for _, x := range []struct {
		name, method, path, target, body string
		status                           int
		code                             string
	}{
		{"truncated JSON", http.MethodPost, "/", put, `{"TrailName":`, 400, codeSerialization},
		{"no object", http.MethodPost, "/", put, `[]`, 400, codeSerialization},
		{"empty", http.MethodPost, "/", put, ``, 400, codeSerialization},
		{"other method", http.MethodPut, "/", put, `{}`, 400, codeSerialization},
		{"too large", http.MethodPost, "/", put, strings.Repeat(" ", maxRequest+1), 400, codeSerialization},
		{"unknown operation", http.MethodPost, "/", wire.ShortPrefix + "DescribeUniverse", `{}`, 400, codeUnknown},
		{"KMS", http.MethodPost, "/", "TrentService.CreateKey", `{}`, 501, "NotImplemented"},
		{"S3", http.MethodPut, "/some-bucket", "", ``, 501, "NotImplemented"},
		{"STS", http.MethodPost, "/", "", `Action=GetCallerIdentity`, 501, "NotImplemented"},
	} {
		status, body := c.do(x.method, x.path, x.target, x.body)
		assert.Equal(t, x.status, status, x.name)
		assert.Equal(t, x.code, body.Get("__type").Text(), x.name)
	}
}

func TestServerArranges(t *testing.T) {
	c := newCaller(t, ServerOptions{})
	_, body := c.do(http.MethodGet, endpoint.ArrangePath, "", "")
	assert.Len(t, body.Get("conditions").Items(), len(model.ConditionNames)+1)
	c.ok(model.OpCreate, value.Obj("Name", "my-trail", "S3BucketName", "b"))
	arrange := func(body string) (int, string) {
		status, got := c.do(http.MethodPost, endpoint.ArrangePath, "", body)
		return status, got.Get("__type").Text()
	}
	status, _ := arrange(`{"TrailName":"my-trail","Condition":"bucket-denied","Region":"us-east-1"}`)
	assert.Equal(t, http.StatusOK, status)
	c.refused("InsufficientS3BucketPolicyException", model.OpPut, value.Obj("TrailName", "my-trail", "InsightSelectors", callRate))
	status, _ = arrange(`{"TrailName":"my-trail","Condition":"mended"}`)
	assert.Equal(t, http.StatusOK, status)
	c.ok(model.OpPut, value.Obj("TrailName", "my-trail", "InsightSelectors", callRate))
	_, code := arrange(`{"TrailName":"my-trail","Condition":"rain"}`)
	assert.Equal(t, codeParameter, code)
	_, code = arrange(`{"TrailName":"no-trail","Condition":"bucket-denied"}`)
	assert.Equal(t, codeTrailNotFound, code)
	_, code = arrange(`nothing`)
	assert.Equal(t, codeSerialization, code)
}

// Of quotas, stores that are pending deletion use up some, trails that are deleted do not; a trail of all Regions counts
// in each. Other accounts have their own.
func TestQuotas(t *testing.T) {
	c := newCaller(t, ServerOptions{TrailQuota: 2, StoreQuota: 2})
	away, other := c, c
	away.region, other.key = "eu-west-1", "999999999999"
	trail := func(name string) value.Value { return value.Obj("Name", name, "S3BucketName", "b") }
	c.ok(model.OpCreate, trail("trail-1"))
	c.ok(model.OpCreate, trail("trail-2").With("IsMultiRegionTrail", value.Boolean(true)))
	c.refused(codeTrailQuota, model.OpCreate, trail("trail-3"))
	c.refused(codeTrailExists, model.OpCreate, trail("trail-1"))
	c.refused(codeTrailNotFound, model.OpGet, value.Obj("TrailName", "trail-3"))
	away.ok(model.OpCreate, trail("trail-3"))
	away.refused(codeTrailQuota, model.OpCreate, trail("trail-4"))
	other.ok(model.OpCreate, trail("trail-3"))
	c.ok(model.OpDelete, value.Obj("Name", "trail-1"))
	c.ok(model.OpCreate, trail("trail-3"))

	store := value.Obj("EventDataStore", c.ok(model.OpCreateStore, value.Obj("Name", "store-1")).Get("EventDataStoreArn"))
	c.ok(model.OpCreateStore, value.Obj("Name", "store-2"))
	c.refused(codeStoreQuota, model.OpCreateStore, value.Obj("Name", "store-3"))
	c.ok(model.OpDeleteStore, store)
	c.refused(codeStoreQuota, model.OpCreateStore, value.Obj("Name", "store-3"))
	c.ok(model.OpRestoreStore, store)
	away.ok(model.OpCreateStore, value.Obj("Name", "store-3"))
	other.ok(model.OpCreateStore, value.Obj("Name", "store-3"))
}

// TestServerForgetsDeletedTrails: what it keeps does not grow with what it has had.
func TestServerForgetsDeletedTrails(t *testing.T) {
	server, err := NewServer(ServerOptions{})
	require.NoError(t, err)
	a, region := server.accountOf("", "")
	for n := range 3 {
		name := value.Obj("Name", fmt.Sprintf("trail-%d", n), "S3BucketName", "b")
		for _, op := range []model.Op{model.OpCreate, model.OpDelete} {
			require.Equal(t, 200, a.handle(model.Request{Op: op, Region: region, Input: name}).status)
		}
	}
	assert.True(t, a.state.Equal(model.NewState(a.state.World)))
}

package gate

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/account/ledger"
	"github.com/insightconform/conform/targets/naming"
	"github.com/insightconform/conform/targets/wire"
)

const (
	ourAccount = "404142434445"
	ourPrefix  = "conform-aaaaaaaa"
	ourTag     = "abcdefghij"
	ourTrail   = ourPrefix + "-" + ourTag + "-alpha"
	oldTrail   = ourPrefix + "-zyxwvutsrq-alpha" // of the ledger, made by an earlier process
	liarTrail  = ourPrefix + "-" + ourTag + "-liar"
	ourStore   = "11111111-2222-4333-8444-555555555555"
	ourBucket  = ourPrefix + "-bucket"
)

func testGate() *Gate {
	g := New([]string{"us-east-1", "eu-west-1"}, false, true)
	at, _ := url.Parse("https://cloudtrail.example")
	s3, _ := url.Parse("https://s3.example")
	g.bases[base{CloudTrail, "us-east-1"}] = at
	g.bases[base{CloudTrail, "eu-west-1"}] = at
	g.bases[base{CloudTrail, "ap-south-1"}] = at // an endpoint that is known, of a Region that was not named
	g.bases[base{S3, "us-east-1"}] = s3
	g.bases[base{STS, "us-east-1"}], g.bases[base{Organizations, "us-east-1"}] = at, at
	g.Open(ourAccount, ourPrefix)
	g.Issue(ourTag)
	g.Set(ledger.Trail.In("us-east-1", oldTrail), Owned)
	g.Set(ledger.Trail.In("us-east-1", liarTrail), Foreign)
	g.Set(ledger.Trail.In("us-east-1", ourTrail+"2"), Intended)
	g.Set(ledger.Bucket.In("us-east-1", ourBucket), Owned)
	store := ledger.Store.In("us-east-1", ourPrefix+"-store")
	g.Set(store, Owned)
	g.SetStore(ourStore, store)
	return g
}

func cloudTrailRequest(op, host string) *http.Request {
	req, _ := http.NewRequest(http.MethodPost, "https://"+host+"/", nil)
	req.Header.Set(wire.TargetHeader, wire.ShortPrefix+op)
	return req
}

func arnOf(region, account, resource string) string {
	return "arn:aws:cloudtrail:" + region + ":" + account + ":" + resource
}

func TestGateRefuses(t *testing.T) {
	put := func(name string) string {
		return value.Obj("TrailName", name, "InsightSelectors", value.ListOf()).String()
	}
	for _, test := range []struct{ guard, op, region, body string }{
		{GuardPrefix, "PutInsightSelectors", "us-east-1", put("production")},
		{GuardPrefix, "PutInsightSelectors", "us-east-1", put(arnOf("us-east-1", ourAccount, "trail/production"))},
		{GuardPrefix, "PutInsightSelectors", "us-east-1", put(" production ")},
		{GuardPrefix, "PutInsightSelectors", "us-east-1", put("\tproduction\n")},
		{GuardPrefix, "PutInsightSelectors", "us-east-1", put(".production")},
		{GuardPrefix, "PutInsightSelectors", "us-east-1", put("trail/production")},
		{GuardPrefix, "PutInsightSelectors", "us-east-1", put("production/" + ourTrail)},
		{GuardPrefix, "PutInsightSelectors", "us-east-1", put(ourTrail + "/production")},
		{GuardPrefix, "PutInsightSelectors", "us-east-1", put("ARN:aws:cloudtrail:us-east-1:" + ourAccount + ":trail/production")},
		{GuardPrefix, "PutInsightSelectors", "us-east-1", put(" arn:aws:cloudtrail:us-east-1:" + ourAccount + ":trail/production")},
		{GuardPrefix, "PutInsightSelectors", "us-east-1", put(arnOf("us-east-1", ourAccount, "trail:production"))},
		{GuardPrefix, "PutInsightSelectors", "us-east-1", put(strings.ToUpper(ourTrail))},
		{GuardPrefix, "PutInsightSelectors", "us-east-1", put("x-" + ourTrail)},
		{GuardPrefix, "PutInsightSelectors", "us-east-1", put(ourPrefix)},
		{GuardAccount, "PutInsightSelectors", "us-east-1", put(arnOf("us-east-1", "999988887777", "trail/"+ourTrail))},
		{guardOwner, "PutInsightSelectors", "us-east-1", put(ourPrefix + "-qqqqqqqqqq-alpha")},
		{guardOwner, "PutInsightSelectors", "us-east-1", put(ourPrefix + "-" + ourTag)},
		{guardOwner, "PutInsightSelectors", "us-east-1", put(ourPrefix + "-" + ourTag + "alpha")},
		{guardOwner, "PutInsightSelectors", "eu-west-1", put(oldTrail)},
		{guardOwner, "PutInsightSelectors", "us-east-1", put(arnOf("eu-west-1", ourAccount, "trail/"+oldTrail))},
		{GuardTag, "PutInsightSelectors", "us-east-1", put(liarTrail)},
		{GuardRegion, "PutInsightSelectors", "ap-south-1", put(ourTrail)},
		{GuardRegion, "PutInsightSelectors", "us-west-2", put(ourTrail)},
		{GuardRegion, "DescribeTrails", "ap-south-1", "{}"},
		{GuardPrefix, "PutInsightSelectors", "us-east-1", `{"trailname":"production","InsightSelectors":[]}`},
		{GuardPrefix, "PutInsightSelectors", "us-east-1", `{"trail_name":"production","InsightSelectors":[]}`},
		{GuardPrefix, "PutInsightSelectors", "us-east-1", `{"Name":"production","InsightSelectors":[]}`},
		{GuardPrefix, "PutInsightSelectors", "us-east-1", `{"TrailName":["production"],"InsightSelectors":[]}`},
		{GuardPrefix, "PutInsightSelectors", "us-east-1", `{"TrailName":{"a":{"b":"production"}}}`},
		{GuardPrefix, "PutInsightSelectors", "us-east-1", `{"TrailName":"\u0070roduction"}`},
		{GuardPrefix, "PutInsightSelectors", "us-east-1", `{"Nonsense":"` + arnOf("us-east-1", ourAccount, "trail/production") + `"}`},
		{guardOperation, "PutInsightSelectors", "us-east-1", `{"TrailName":"` + ourTrail + `","TrailName":"production"}`},
		{guardOperation, "PutInsightSelectors", "us-east-1", `{"TrailName":"` + ourTrail + `"}{"TrailName":"production"}`},
		{guardOperation, "PutInsightSelectors", "us-east-1", "\ufeff" + put(ourTrail)},
		{guardOperation, "PutInsightSelectors", "us-east-1", "{\"TrailName\":\"production\xff\"}"},
		{guardOperation, "PutInsightSelectors", "us-east-1", `["production"]`},
		{guardOperation, "PutInsightSelectors", "us-east-1", `{"TrailName": "production",}`},
		{guardOperation, "PutInsightSelectors", "us-east-1", "<TrailName>production</TrailName>"},
		{guardOperation, "PutInsightSelectors", "us-east-1", "TrailName=production"},
		{guardOwner, "PutInsightSelectors", "us-east-1", value.Obj("EventDataStore", "aaaaaaaa-2222-4333-8444-555555555555").String()},
		{guardOwner, "PutInsightSelectors", "us-east-1", value.Obj("InsightsDestination", arnOf("us-east-1", ourAccount, "eventdatastore/AAAAAAAA-2222-4333-8444-555555555555")).String()},
		{GuardAccount, "PutInsightSelectors", "us-east-1", value.Obj("EventDataStore", arnOf("us-east-1", "999988887777", "eventdatastore/"+ourStore)).String()},
		{GuardPrefix, "DeleteTrail", "us-east-1", `{"Name":"production"}`},
		{guardLogging, "StopLogging", "us-east-1", `{"Name":"` + arnOf("us-east-1", ourAccount, "trail/production") + `"}`},
		{guardLogging, "StartLogging", "us-east-1", `{"Name":"` + ourTrail + `"}`},
		{GuardPrefix, "UpdateTrail", "us-east-1", `{"Name":"production"}`},
		{guardOperation, "UpdateTrail", "us-east-1", `{"Name":"` + ourTrail + `","IsOrganizationTrail":true}`},
		{guardOperation, "UpdateTrail", "us-east-1", `{"Name":"` + ourTrail + `","S3BucketName":"production"}`},
		{guardOperation, "PutEventSelectors", "us-east-1", `{"TrailName":"` + ourTrail + `","name":"production"}`},
		{GuardPrefix, "CreateTrail", "us-east-1", `{"Name":"production","S3BucketName":"` + ourBucket + `"}`},
		{guardLedger, "CreateTrail", "us-east-1", `{"Name":"` + ourTrail + `9","S3BucketName":"` + ourBucket + `"}`},
		{guardOwner, "CreateTrail", "us-east-1", `{"Name":"` + ourTrail + `2","S3BucketName":"production"}`},
		{guardOperation, "CreateTrail", "us-east-1", `{"Name":"` + ourTrail + `2","S3BucketName":"` + ourBucket + `","KmsKeyId":"alias/production"}`},
		{guardOperation, "CreateTrail", "us-east-1", `{"Name":"` + ourTrail + `2","S3BucketName":"` + ourBucket + `","SnsTopicName":"x"}`},
		{guardOperation, "CreateTrail", "us-east-1", `{"Name":"` + ourTrail + `2","S3BucketName":"` + ourBucket + `","IsOrganizationTrail":true}`},
		{guardOwner, "DeleteEventDataStore", "us-east-1", `{"EventDataStore":"aaaaaaaa-2222-4333-8444-555555555555"}`},
		{guardOperation, "DeleteChannel", "us-east-1", `{}`},
		{guardOperation, "AddTags", "us-east-1", `{}`},
		{guardOperation, "DeregisterOrganizationDelegatedAdmin", "us-east-1", `{}`},
		{guardOperation, "RestoreEventDataStore", "us-east-1", `{"EventDataStore":"` + ourStore + `"}`},
		{guardOperation, "", "us-east-1", `{}`},
	} {
		err := testGate().At(CloudTrail, test.region)(cloudTrailRequest(test.op, "cloudtrail.example"), []byte(test.body))
		if assert.ErrorIs(t, err, targets.ErrRefused, "%+v", test) {
			assert.Contains(t, err.Error(), "by the guard "+test.guard+":", "%+v", test)
			assert.NotContains(t, err.Error(), ourAccount)
		}
	}
}

func TestGateAdmits(t *testing.T) {
	selectors := value.ListOf(value.Obj("InsightType", "ApiCallRateInsight"))
	for _, test := range []struct{ op, body string }{
		{"PutInsightSelectors", value.Obj("TrailName", ourTrail, "InsightSelectors", selectors).String()},
		{"PutInsightSelectors", value.Obj("TrailName", oldTrail, "InsightSelectors", selectors).String()},
		{"PutInsightSelectors", value.Obj("TrailName", arnOf("us-east-1", ourAccount, "trail/"+ourTrail)).String()},
		{"PutInsightSelectors", value.Obj("TrailName", arnOf("us-east-1", OtherAccount, "trail/"+ourTrail)).String()},
		{"PutInsightSelectors", value.Obj("TrailName", "ab").String()},
		{"PutInsightSelectors", value.Obj("TrailName", "192.168.5.4").String()},
		{"PutInsightSelectors", value.Obj("TrailName", "arn:aws:cloudtrail:us-east-1").String()},
		{"PutInsightSelectors", value.Obj("TrailName", ourTrail+"\n").String()},
		{"PutInsightSelectors", value.Obj("TrailName", ourTrail, "Nonsense", "production").String()},
		{"PutInsightSelectors", value.Obj("EventDataStore", ourStore, "InsightsDestination", naming.MissingStores(ourTag)+"00").String()},
		{"PutInsightSelectors", value.Obj("EventDataStore", "no store").String()},
		{"PutInsightSelectors", "not json"}, {"PutInsightSelectors", ""}, {"PutInsightSelectors", `{"TrailName": "` + ourTrail + `",}`},
		{"PutInsightSelectors", `{"TrailName": "` + ourTrail + `", "Ins`}, {"PutInsightSelectors", strings.Repeat("[", 5000)},
		{"GetInsightSelectors", `{"TrailName":"production"}`}, // reads change nothing
		{"CreateTrail", `{"Name":"` + ourTrail + `2","S3BucketName":"` + ourBucket + `","TagsList":[{"Key":"` + ledger.TagKey + `","Value":"x"}]}`},
		{"DeleteTrail", `{"Name":"` + oldTrail + `"}`},
		{"PutEventSelectors", `{"TrailName":"` + ourTrail + `","EventSelectors":[{"DataResources":[{"Type":"AWS::S3::Object","Values":["arn:aws:s3"]}]}]}`},
		{"DeleteEventDataStore", `{"EventDataStore":"` + ourStore + `"}`},
	} {
		assert.NoError(t, testGate().At(CloudTrail, "us-east-1")(cloudTrailRequest(test.op, "cloudtrail.example"), []byte(test.body)), "%+v", test)
	}
}

func TestGateBuckets(t *testing.T) {
	request := func(method, path string) error {
		req, err := http.NewRequest(method, "https://s3.example"+path, nil)
		require.NoError(t, err)
		return testGate().At(S3, "us-east-1")(req, nil)
	}
	for _, x := range [][2]string{{"PUT", "/" + ourBucket + "?policy"}, {"PUT", "/" + ourBucket + "?publicAccessBlock="}, {"DELETE", "/" + ourBucket}, {"DELETE", "/" + ourBucket + "/a/b"},
		{"GET", "/"}, {"GET", "/" + ourBucket + "?tagging"}, {"GET", "/anything?tagging"}} {
		assert.NoError(t, request(x[0], x[1]), x)
	}
	for _, x := range [][3]string{{"PUT", "/production?policy", GuardPrefix}, {"DELETE", "/production", GuardPrefix}, {"DELETE", "/production/" + ourBucket, GuardPrefix},
		{"DELETE", "/" + ourBucket + "%2F..%2Fproduction", guardOwner}, {"DELETE", "/" + ourPrefix + "-other", guardOwner}, {"PUT", "/" + ourPrefix + "-new", guardOwner},
		{"PUT", "/" + ourBucket + "?acl", guardOperation}, {"PUT", "/" + ourBucket + "/object", guardOperation}, {"POST", "/" + ourBucket + "?delete", guardOperation},
		{"PUT", "/" + ourBucket + "?policy&tagging", guardOperation}, {"DELETE", "/" + ourBucket + "?policy", guardOperation}, {"DELETE", "/", guardOperation}} {
		err := request(x[0], x[1])
		if assert.ErrorIs(t, err, targets.ErrRefused, x) {
			assert.Contains(t, err.Error(), "by the guard "+x[2]+":", x)
		}
	}
}

func TestGateEndpoints(t *testing.T) {
	g := testGate()
	admit := g.At(CloudTrail, "us-east-1")
	for _, host := range []string{"evil.example", "cloudtrail.example:444", "cloudtrail.example.evil", "user@cloudtrail.example"} {
		err := admit(cloudTrailRequest("DescribeTrails", host), []byte("{}"))
		require.ErrorContains(t, err, "by the guard endpoint:", host)
	}
	plain := cloudTrailRequest("DescribeTrails", "cloudtrail.example")
	plain.URL.Scheme = "http"
	require.ErrorContains(t, admit(plain, nil), "by the guard endpoint:")
	other := cloudTrailRequest("DescribeTrails", "cloudtrail.example")
	other.Host = "evil.example"
	require.ErrorContains(t, admit(other, nil), "by the guard endpoint:")
	twice := cloudTrailRequest("DescribeTrails", "cloudtrail.example")
	twice.Header.Add(wire.TargetHeader, wire.ShortPrefix+"DeleteTrail")
	require.ErrorContains(t, admit(twice, nil), "by the guard operation:")

	// Whatever happens above it, the transport sends nothing elsewhere.
	req, _ := http.NewRequest(http.MethodPost, "http://127.0.0.1:1/", nil)
	_, err := g.Transport(http.DefaultTransport).RoundTrip(req)
	require.ErrorContains(t, err, "by the guard endpoint:")

	// Before the account was identified nothing but the questions for it goes out.
	g.account = ""
	require.ErrorContains(t, admit(cloudTrailRequest("DescribeTrails", "cloudtrail.example"), []byte("{}")), "by the guard account:")
	ask, _ := http.NewRequest(http.MethodPost, "https://cloudtrail.example/", nil)
	require.NoError(t, g.At(STS, "us-east-1")(ask, []byte("Action=GetCallerIdentity&Version=2011-06-15")))
	require.ErrorContains(t, g.At(STS, "us-east-1")(ask, []byte("Action=GetCallerIdentity&Action=AssumeRole")), "by the guard operation:")
	ask.Header.Set(wire.TargetHeader, "AWSOrganizationsV20161128.LeaveOrganization")
	require.ErrorContains(t, g.At(Organizations, "us-east-1")(ask, []byte("{}")), "by the guard operation:")
}

// TestGateFollowsThePolicy holds each operation's flag: what the policy leaves out without the flag is
// refused without it.
func TestGateFollowsThePolicy(t *testing.T) {
	for name, op := range operations {
		service, operation, _ := strings.Cut(name, ":")
		if service != CloudTrail || !op.logging && !op.stores {
			continue
		}
		g := testGate()
		g.logging, g.storing = false, false
		body := []byte(value.Obj("Name", ourTrail).String())
		assert.ErrorIs(t, g.At(CloudTrail, "us-east-1")(cloudTrailRequest(operation, "cloudtrail.example"), body), targets.ErrRefused, name)
		g.logging = true
		if op.logging {
			assert.NoError(t, g.At(CloudTrail, "us-east-1")(cloudTrailRequest(operation, "cloudtrail.example"), body), name)
		}
	}
}

// translating returns what package naming makes of requests to a world, and of strings in its answers.
func translating(t *testing.T, names targets.Names) (concrete func(model.Request) model.Request, symbolic func(string) string) {
	c := &captured{names: names}
	named, err := naming.Wrap(captor{c}).NewWorld(t.Context())
	require.NoError(t, err)
	concrete = func(r model.Request) model.Request {
		named.Do(t.Context(), r)
		return c.sent
	}
	symbolic = func(s string) string {
		c.reply = targets.Reply{Body: value.Obj("Text", s)}
		return named.Do(t.Context(), generators.Get("alpha")).Body.Get("Text").Text()
	}
	return concrete, symbolic
}

// captured is a world that keeps what it is sent.
type captured struct {
	names targets.Names
	sent  model.Request
	reply targets.Reply
}

func (c *captured) Names() targets.Names { return c.names }

func (c *captured) Do(_ context.Context, r model.Request) targets.Reply {
	c.sent = r
	return c.reply
}

func (c *captured) Close(context.Context) error { return nil }

// captor is a target with one world.
type captor struct{ world *captured }

func (captor) Open(context.Context) (targets.Info, error) { return targets.Info{}, nil }

func (c captor) NewWorld(context.Context) (targets.World, error) { return c.world, nil }

func (captor) Close() error { return nil }

// TestGateOnEverythingTranslated sends what the suites send, and what a malicious trace might hold,
// through a world's translation: the gate then sees no name but ours, or refuses.
func TestGateOnEverythingTranslated(t *testing.T) {
	g := testGate()
	s := model.NewState(&model.DefaultWorld)
	names := generators.BadTrailNames(&model.DefaultWorld)
	for _, text := range []string{"production", "prod/uction", ourTrail, "Production", "zzz", strings.Repeat("a", 59), strings.Repeat("b", 60), strings.Repeat("c", 128), strings.Repeat("d", 129),
		"arn:aws:cloudtrail:us-east-1:123456789012:trail/production", "arn:aws:cloudtrail:ap-south-1:123456789012:trail/production",
		"aRn:aws:cloudtrail:us-east-1:123456789012:trail/production/x", "::production::", "../production", "production\x00", "“production”"} {
		names = append(names, generators.Representative{Name: text, Value: value.Str(text)})
	}
	for i, home := range g.regions { // each is home to one world
		concrete, symbolic := translating(t, targets.Names{Partition: "aws", Account: ourAccount, OtherAccount: OtherAccount, Secret: true,
			Regions: []string{home, g.regions[1-i]}, Bucket: ourBucket, Prefix: ourPrefix, Tag: ourTag})
		for _, name := range append(names, generators.TrailNames(s)...) {
			for _, member := range []string{"TrailName", "trailName", "Name", "TRAIL_NAME"} {
				r := concrete(model.Request{Op: model.OpPut, Input: value.Obj(member, name.Value, "InsightSelectors", value.ListOf())})
				err := g.At(CloudTrail, home)(cloudTrailRequest(string(r.Op), "cloudtrail.example"), wire.Encode(r))
				assert.NoError(t, err, "%s: %s", name.Name, wire.Encode(r))
				if text := r.Input.Get("TrailName").Text(); member == "TrailName" && len(text) < 200 {
					for _, reading := range readings(text) {
						assert.True(t, strings.HasPrefix(reading, ourPrefix+"-"), "%s: %s", name.Name, text)
					}
					if s := name.Value.Text(); model.ValidTrailName(s) {
						assert.True(t, model.ValidTrailName(text), text)
						assert.Equal(t, s, symbolic(text))
					}
				}
			}
		}
		for _, whole := range generators.Wholes() {
			r := whole(model.Request{Op: model.OpPut, Input: value.Obj("TrailName", "alpha", "InsightSelectors", value.ListOf())})
			for { // and all beginnings of it that shrinking tries
				out := concrete(r)
				assert.NoError(t, g.At(CloudTrail, home)(cloudTrailRequest(string(r.Op), "cloudtrail.example"), wire.Encode(out)), "%.100q", wire.Encode(out))
				if r.Raw == nil || len(*r.Raw) == 0 {
					break
				}
				half := (*r.Raw)[:len(*r.Raw)/2]
				r.Raw = &half
			}
		}
		for _, region := range []string{"us-east-1", "ap-south-1"} { // the account by its own id is no way in either
			out := concrete(generators.Put(arnOf(region, ourAccount, "trail/production"), 0))
			assert.ErrorIs(t, g.At(CloudTrail, home)(cloudTrailRequest("PutInsightSelectors", "cloudtrail.example"), wire.Encode(out)), targets.ErrRefused)
		}
		raw := `{"TrailName": "production", "InsightSelectors": []}`
		out := concrete(model.Request{Op: model.OpPut, Raw: &raw})
		assert.ErrorIs(t, g.At(CloudTrail, home)(cloudTrailRequest("PutInsightSelectors", "cloudtrail.example"), wire.Encode(out)), targets.ErrRefused)

		store := concrete(model.Request{Op: model.OpPut, Input: value.Obj("EventDataStore", "abcdefab-2222-4333-8444-555555555555", "InsightsDestination", model.StoreID(3))})
		assert.NotContains(t, store.Input.String(), "abcdefab-2222")
		assert.NoError(t, g.At(CloudTrail, home)(cloudTrailRequest("PutInsightSelectors", "cloudtrail.example"), wire.Encode(store)))
		assert.Equal(t, "abcdefab-2222-4333-8444-555555555555", symbolic(store.Input.Get("EventDataStore").Text()))
		assert.Equal(t, model.StoreID(3), symbolic(store.Input.Get("InsightsDestination").Text()))
	}
}

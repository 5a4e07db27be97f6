package endpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets/wire"
)

const benchAnswer = `{"TrailARN":"arn:aws:cloudtrail:us-east-1:123456789012:trail/alpha","InsightSelectors":[{"InsightType":"ApiCallRateInsight","EventCategories":["Management"]},{"InsightType":"ApiErrorRateInsight","EventCategories":["Management"]}]}`

// trivial answers every Put and Get alike, and anything else as an unknown trail.
var trivial = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", wire.ContentType)
	if r.Header.Get(wire.TargetHeader) != wire.ShortPrefix+"PutInsightSelectors" {
		w.WriteHeader(400)
		w.Write(value.Obj("__type", "TrailNotFoundException", "Message", "no").AppendJSON(nil))
		return
	}
	io.WriteString(w, benchAnswer)
})

// BenchmarkDo compares a world with bare loops that send the same requests over one connection: the
// SDK's client as its users have it, and net/http with a signature.
func BenchmarkDo(b *testing.B) {
	target, _ := open(b, trivial, nil)
	w := newWorld(b, target)
	both := model.MakeSelectors(model.Management, model.Management)
	through := model.Request{Op: model.OpPut, Input: value.Obj("TrailName", "alpha", "InsightSelectors", both.Value())}
	raw := through
	raw.Input = raw.Input.With("Unknown", value.NullValue)
	for name, r := range map[string]model.Request{"SDK": through, "raw": raw} {
		b.Run(name+"/world", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if reply := w.Do(b.Context(), r); reply.Answer.Selectors != both {
					b.Fatal(reply.Problem)
				}
			}
		})
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	provider := credentials.NewStaticCredentialsProvider("test", "test", "")
	b.Run("SDK/bare", func(b *testing.B) {
		base := target.url.String()
		bare := cloudtrail.New(cloudtrail.Options{BaseEndpoint: &base, Region: "us-east-1", Credentials: provider, HTTPClient: client,
			Retryer: aws.NopRetryer{}})
		management := []types.SourceEventCategory{types.SourceEventCategoryManagement}
		b.ReportAllocs()
		for b.Loop() {
			_, err := bare.PutInsightSelectors(b.Context(), &cloudtrail.PutInsightSelectorsInput{TrailName: aws.String("alpha-cabcdefghi"), InsightSelectors: []types.InsightSelector{
				{InsightType: types.InsightTypeApiCallRateInsight, EventCategories: management}, {InsightType: types.InsightTypeApiErrorRateInsight, EventCategories: management}}})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("raw/bare", func(b *testing.B) {
		body := wire.Encode(raw)
		signer := v4.NewSigner()
		b.ReportAllocs()
		for b.Loop() {
			req, err := http.NewRequestWithContext(b.Context(), "POST", target.url.String(), bytes.NewReader(body))
			if err != nil {
				b.Fatal(err)
			}
			req.Header.Set("Content-Type", wire.ContentType)
			req.Header.Set(wire.TargetHeader, wire.ShortPrefix+"PutInsightSelectors")
			sum := sha256.Sum256(body)
			c, _ := provider.Retrieve(b.Context())
			if err := signer.SignHTTP(b.Context(), c, req, hex.EncodeToString(sum[:]), "cloudtrail", "us-east-1", time.Now()); err != nil {
				b.Fatal(err)
			}
			answer, err := client.Do(req)
			if err != nil {
				b.Fatal(err)
			}
			io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
		}
	})
}

package proxy_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/wire"
)

// BenchmarkAdded is how much longer a call takes through the proxy, which judges and records it, than without, in the median:
// go test -bench Added -run - ./internal/proxy
func BenchmarkAdded(b *testing.B) {
	direct := server(b, embedded.ServerOptions{})
	p := start(b, direct, recordTo(b.TempDir()+"/x.har"))
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}}
	call := func(url, op, body string) time.Duration {
		r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set(wire.TargetHeader, wire.ShortPrefix+op)
		r.Header.Set("Content-Type", wire.ContentType)
		began := time.Now()
		answer, err := client.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		return time.Since(began)
	}
	call(direct, "CreateTrail", `{"Name":"abc","S3BucketName":"bucket-name"}`)
	var took [2][]time.Duration
	for b.Loop() {
		for i, url := range []string{direct, p.URL()} {
			took[i] = append(took[i], call(url, "PutInsightSelectors", put), call(url, "GetInsightSelectors", `{"TrailName":"abc"}`))
		}
	}
	for i := range took {
		slices.Sort(took[i])
	}
	median := func(list []time.Duration, share int) float64 {
		return float64(list[len(list)*share/100].Nanoseconds()) / 1000
	}
	b.ReportMetric(median(took[1], 50)-median(took[0], 50), "µs-added-median")
	b.ReportMetric(median(took[1], 99)-median(took[0], 99), "µs-added-p99")
	b.ReportMetric(median(took[0], 50), "µs-direct-median")
}

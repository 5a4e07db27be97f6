package proxy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/internal/proxy"
	"github.com/insightconform/conform/internal/testing/choices"
	"github.com/insightconform/conform/internal/testing/mototest"
	"github.com/insightconform/conform/internal/testing/recording"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/endpoint"
)

// inCI is how often something is tried where time is no matter.
func inCI(ci, otherwise int) int {
	if os.Getenv("CI") != "" {
		return ci
	}
	return otherwise
}

// requireNone fails where somebody is accused.
func requireNone(t testing.TB, about string, r *reports.Report) {
	t.Helper()
	require.Empty(t, r.End.Failed, about)
	for _, d := range r.Divergences {
		steps, _ := json.MarshalIndent(d.Steps, "", " ")
		t.Fatalf("%s: a right server is accused: %s %s", about, d.Signature, steps)
	}
}

// TestSharpness: each fault is told of what a run against it lets pass.
func TestSharpness(t *testing.T) {
	t.Parallel()
	for i, f := range embedded.Faults {
		if f.Deep || f.Computed || i%inCI(8, 24) != 0 && os.Getenv("CONFORM_ALL_FAULTS") == "" {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			ctx, enough := context.WithCancel(t.Context())
			defer enough()
			p := start(t, server(t, embedded.ServerOptions{Fault: f.Name}), func(o *proxy.Options) { o.Found = func(*reports.Divergence) { enough() } })
			target, err := endpoint.New(endpoint.Options{URL: p.URL(), Timeout: 10 * time.Second})
			require.NoError(t, err)
			if _, err = conform.Run(ctx, target, conform.Options{Seed: 1, Workers: 1}); ctx.Err() == nil {
				require.NoError(t, err)
			}
			found := len(p.end().Divergences)
			assert.True(t, found > 0 || recording.Unseen[f.Name] != "" || besides(f), "nothing of it is told")
		})
	}
}

// besides reports whether a fault is to overlook what no call of CloudTrail shows: what a bucket, a key or an organization is like.
func besides(f embedded.Fault) bool {
	family := f.Rule.Family()
	return strings.HasSuffix(f.Name, "/ignored") && (family == "bucket" || family == "kms" || family == "org" || f.Rule == model.TrailNotPermitted)
}

// TestRunsThroughIt: a run through the proxy reports what one without it does, and the proxy accuses a right server of nothing.
func TestRunsThroughIt(t *testing.T) {
	t.Parallel()
	all := func(t *testing.T, direct, through string, o conform.Options) {
		a, b := test(t, direct, o), test(t, through, o)
		assert.Equal(t, a.Verdict, b.Verdict)
		assert.Equal(t, a.Capabilities, b.Capabilities)
		assert.Equal(t, signatures(a), signatures(b))
		assert.Equal(t, a.Coverage.Rules, b.Coverage.Rules)
	}
	for _, fault := range []string{"", "appends-selectors", "selector/type-invalid/ignored"} {
		t.Run("embedded "+fault, func(t *testing.T) {
			t.Parallel()
			url := server(t, embedded.ServerOptions{Fault: fault})
			p := start(t, url)
			all(t, url, p.URL(), conform.Options{Seed: 3, Requests: 2500, Workers: 1, Suites: []string{conform.Systematic}})
			r := p.end()
			if fault == "" {
				requireNone(t, "embedded", r)
				assert.Greater(t, r.Recorded.Judged, 1000)
			} else {
				assert.NotEmpty(t, r.Divergences)
			}
		})
	}
	t.Run("moto", func(t *testing.T) {
		t.Parallel()
		url := mototest.Start(t)
		p := start(t, url)
		o := conform.Options{Seed: 3, Requests: 700, Workers: 1, Suites: []string{conform.Systematic}}
		all(t, url, p.URL(), o)
		r := p.end()
		assert.NotEmpty(t, r.Divergences)
		requireKnownOfMoto(t, r)
	})
}

func signatures(r *reports.Report) (all []string) {
	for _, d := range r.Divergences {
		all = append(all, d.Signature)
	}
	slices.Sort(all)
	return all
}

// TestFairness: a right server is not accused, whatever accepted branch it takes, and however many call it at once.
func TestFairness(t *testing.T) {
	t.Parallel()
	for seed := range uint64(inCI(12, 4)) {
		t.Run(fmt.Sprint("runs ", seed), func(t *testing.T) {
			t.Parallel()
			p := start(t, server(t, embedded.ServerOptions{Chooser: choices.Random(seed, 0.01)}))
			test(t, p.URL(), conform.Options{Seed: seed + 1, Requests: 500, Workers: 8})
			requireNone(t, fmt.Sprint("seed ", seed), p.end())
		})
		t.Run(fmt.Sprint("clients ", seed), func(t *testing.T) {
			t.Parallel()
			o := embedded.ServerOptions{}
			if seed%2 == 1 {
				o.Chooser = choices.Random(seed, 0.01)
			}
			p := start(t, server(t, o))
			crowd(t, p.URL(), seed, 8, 150)
			r := p.end()
			requireNone(t, fmt.Sprint("seed ", seed), r)
			assert.Equal(t, 8*150, r.Recorded.Exchanges)
			assert.Greater(t, r.Recorded.Judged, 50)
		})
	}
}

// crowd has clients call what they have in common.
func crowd(t *testing.T, url string, seed uint64, clients, calls int) {
	t.Helper()
	puts := []string{`[{"InsightType":"ApiCallRateInsight"}]`, `[{"InsightType":"ApiErrorRateInsight"}]`, `[]`,
		`[{"InsightType":"ApiCallRateInsight","EventCategories":["Management"]},{"InsightType":"ApiErrorRateInsight"}]`, `[{"InsightType":"No"}]`}
	var wait sync.WaitGroup
	for client := range clients {
		wait.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(client)))
			for range calls {
				name := []string{"abc", "abd", "abe", fmt.Sprint("own-", client)}[random.IntN(4)]
				op, body := "GetInsightSelectors", `{"TrailName":"`+name+`"}`
				switch random.IntN(12) {
				case 0, 1:
					op, body = "CreateTrail", `{"Name":"`+name+`","S3BucketName":"bucket-name"}`
				case 2:
					op, body = "DeleteTrail", `{"Name":"`+name+`"}`
				case 3, 4:
					op, body = "StartLogging", `{"Name":"`+name+`"}`
				case 5:
					op, body = "StopLogging", `{"Name":"`+name+`"}`
				case 6, 7, 8:
					op, body = "PutInsightSelectors", `{"TrailName":"`+name+`","InsightSelectors":`+puts[random.IntN(len(puts))]+`}`
				case 9:
					op, body = "GetTrail", `{"Name":"`+name+`"}`
				}
				_, _, err := call(t.Context(), url, op, body)
				if !assert.NoError(t, err) {
					return
				}
			}
		})
	}
	wait.Wait()
}

// TestACrowdShowsFaults: several clients at once hide no plain fault.
func TestACrowdShowsFaults(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"appends-selectors", "trail/not-found/wrong-code", "selector/type-invalid/ignored"} {
		_, known := embedded.FaultNamed(fault)
		require.True(t, known)
		p := start(t, server(t, embedded.ServerOptions{Fault: fault}))
		crowd(t, p.URL(), 1, 8, 200)
		r := p.end()
		assert.Empty(t, r.End.Failed)
		assert.NotEmpty(t, r.Divergences, fault)
	}
}

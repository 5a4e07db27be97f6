package conform_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/endpoint"
	"github.com/insightconform/conform/targets/wire"
)

// BenchmarkDefaultRun is what 'conform run' does, in seconds:
//
//	go test -run '^$' -bench DefaultRun -benchtime 3x .
func BenchmarkDefaultRun(b *testing.B) {
	requests := 0
	for b.Loop() {
		report, err := conform.Run(b.Context(), embedded.NewTarget(embedded.Options{}), conform.Options{Seed: 1})
		if err != nil || report.Verdict != reports.Conforms {
			b.Fatal(report, err)
		}
		requests += report.Requests
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/run")
	b.ReportMetric(float64(requests)/b.Elapsed().Seconds(), "requests/s")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkAgainstBareLoop runs against the reference over HTTP, and then sends the same requests to
// it again in a bare loop, over as many connections: once with a run that uses the SDK alone, once
// with one that sends nothing but bytes of its own. The ratio is that of the two rates:
//
//	go test -run '^$' -bench AgainstBareLoop -benchtime 5x .
func BenchmarkAgainstBareLoop(b *testing.B) {
	for _, path := range []string{"SDK", "raw"} {
		b.Run(path, func(b *testing.B) { compareWithBareLoop(b, path == "raw") })
	}
}

const (
	benchWorkers  = 2
	benchRequests = 24_000 // as many as a default run sends
)

func compareWithBareLoop(b *testing.B, raw bool) {
	host := &hostOfWorlds{}
	server := httptest.NewServer(host)
	defer server.Close()
	run := func() {
		target, err := endpoint.New(endpoint.Options{URL: server.URL, Conns: benchWorkers, Credentials: worldCredentials, Apart: true})
		if err != nil {
			b.Fatal(err)
		}
		report, err := conform.Run(b.Context(), &onePath{Target: target, host: host, raw: raw},
			conform.Options{Seed: 1, Requests: benchRequests, Workers: benchWorkers, Suites: []string{conform.Systematic, conform.Random}})
		if err != nil || report.Verdict != reports.Conforms {
			b.Fatal(report, err)
		}
	}
	host.record()
	run() // the runs to come send the same
	loop := newBareLoop(b, server.URL, host.recorded())
	requests := 0
	var running, looping time.Duration
	for b.Loop() {
		for _, world := range loop.worlds {
			requests += len(world)
		}
		started := time.Now()
		run()
		running += time.Since(started)
		started = time.Now()
		loop.run(b, host)
		looping += time.Since(started)
	}
	b.ReportMetric(float64(requests)/running.Seconds(), "requests/s")
	b.ReportMetric(float64(requests)/looping.Seconds(), "bare-requests/s")
	b.ReportMetric(looping.Seconds()/running.Seconds(), "ratio")
	b.ReportMetric(0, "ns/op")
}

// hostOfWorlds has a reference server for each access key, so that the worlds of a run and those of
// a bare loop need no clean-up.
type hostOfWorlds struct {
	mu      sync.Mutex
	servers map[string]*embedded.Server
	calls   map[string][]bareCall // by world in the order of their arrival; nil while not recording
}

// bareCall is one request as it was on the wire.
type bareCall struct {
	method, target, region string
	body                   []byte
	raw                    bool          // not sent through the SDK
	input                  reflect.Value // of the SDK's call
}

func (h *hostOfWorlds) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, scope, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	world, _, _ := strings.Cut(scope, "/")
	h.mu.Lock()
	server := h.servers[world]
	if server == nil {
		server, _ = embedded.NewServer(embedded.ServerOptions{}) // fails for an unknown fault alone
		if h.servers == nil {
			h.servers = map[string]*embedded.Server{}
		}
		h.servers[world] = server
	}
	if h.calls != nil && r.URL.Path == "/" && r.Header.Get(wire.TargetHeader) != "" {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		h.calls[world] = append(h.calls[world], bareCall{method: r.Method, target: r.Header.Get(wire.TargetHeader),
			region: wire.Signed(r.Header).Region, body: body, raw: !strings.Contains(r.UserAgent(), "aws-sdk-go-v2")})
	}
	h.mu.Unlock()
	server.ServeHTTP(w, r)
}

func (h *hostOfWorlds) forget(world string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.servers, world)
}

func (h *hostOfWorlds) record() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = map[string][]bareCall{}
}

// recorded ends the recording and returns it, world by world.
func (h *hostOfWorlds) recorded() [][]bareCall {
	h.mu.Lock()
	defer h.mu.Unlock()
	var worlds [][]bareCall
	for _, name := range slices.Sorted(maps.Keys(h.calls)) {
		worlds = append(worlds, h.calls[name])
	}
	h.calls, h.servers = nil, nil
	return worlds
}

type worldKey struct{}

// worldCredentials tells the host by the access key which world a request is for: a number, which is nobody's secret, no more
// than the key of a usual run.
var worldCredentials = aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
	world, ok := ctx.Value(worldKey{}).(string)
	if !ok {
		world = "none"
	}
	return aws.Credentials{AccessKeyID: world, SecretAccessKey: "secret"}, nil
})

// onePath is a target whose requests all go the same way: through the SDK, or as bytes.
type onePath struct {
	targets.Target
	host *hostOfWorlds
	raw  bool
}

func (t *onePath) Open(ctx context.Context) (targets.Info, error) {
	info, err := t.Target.Open(ctx)
	info.RawRequests = t.raw
	return info, err
}

var worldNumber atomic.Int32

func (t *onePath) NewWorld(ctx context.Context) (targets.World, error) {
	inner, err := t.Target.NewWorld(ctx)
	return &onePathWorld{inner, t, fmt.Sprintf("%08d", worldNumber.Add(1))}, err
}

type onePathWorld struct {
	targets.World
	target *onePath
	name   string
}

func (w *onePathWorld) Do(ctx context.Context, r model.Request) targets.Reply {
	if w.target.raw {
		r.OtherTarget = true // which the SDK cannot express
	}
	return w.World.Do(context.WithValue(ctx, worldKey{}, w.name), r)
}

func (w *onePathWorld) Close(context.Context) error {
	w.target.host.forget(w.name)
	return nil
}

// bareLoop sends recorded requests, without looking at the answers.
type bareLoop struct {
	url    string
	worlds [][]bareCall
}

func newBareLoop(b *testing.B, url string, worlds [][]bareCall) *bareLoop {
	client := reflect.TypeFor[*cloudtrail.Client]()
	for _, world := range worlds {
		for i := range world {
			if call := &world[i]; !call.raw {
				method, ok := client.MethodByName(strings.TrimPrefix(call.target, wire.ShortPrefix))
				if !ok {
					b.Fatal("no operation of the SDK: ", call.target)
				}
				call.input = reflect.New(method.Type.In(2).Elem())
				if err := json.Unmarshal(call.body, call.input.Interface()); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	return &bareLoop{url, worlds}
}

// run sends the worlds' requests, as many worlds side by side as the run had workers.
func (l *bareLoop) run(b *testing.B, host *hostOfWorlds) {
	transport := &http.Transport{MaxIdleConnsPerHost: benchWorkers}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	var next atomic.Int32
	var wait sync.WaitGroup
	for range benchWorkers {
		wait.Go(func() {
			sdk := newSDKClient(l.url, client)
			for {
				i := int(next.Add(1)) - 1
				if i >= len(l.worlds) {
					return
				}
				name := fmt.Sprintf("%09d", i)
				ctx := context.WithValue(b.Context(), worldKey{}, name)
				for _, call := range l.worlds[i] {
					var err error
					if call.raw {
						err = sendRaw(ctx, client, l.url, call)
					} else {
						err = sendThroughSDK(ctx, sdk, call)
					}
					if err != nil {
						b.Error(err)
						return
					}
				}
				host.forget(name)
			}
		})
	}
	wait.Wait()
}

// newSDKClient is the client as its users have it, but for the check that keeps requests back.
func newSDKClient(url string, client *http.Client) reflect.Value {
	return reflect.ValueOf(cloudtrail.New(cloudtrail.Options{BaseEndpoint: &url, Credentials: worldCredentials, HTTPClient: client, Region: "us-east-1", Retryer: aws.NopRetryer{},
		APIOptions: []func(*middleware.Stack) error{func(stack *middleware.Stack) error {
			_, _ = stack.Initialize.Remove("OperationInputValidation") // some operations have none
			return nil
		}}}))
}

func sendThroughSDK(ctx context.Context, client reflect.Value, call bareCall) error {
	region := func(o *cloudtrail.Options) { o.Region = call.region }
	method := client.MethodByName(strings.TrimPrefix(call.target, wire.ShortPrefix))
	arguments := []reflect.Value{reflect.ValueOf(ctx), call.input}
	if call.region != "us-east-1" {
		arguments = append(arguments, reflect.ValueOf(region))
	}
	err, _ := method.Call(arguments)[1].Interface().(error)
	var refusal smithy.APIError
	if errors.As(err, &refusal) {
		return nil
	}
	return err
}

var signer = v4.NewSigner()

func sendRaw(ctx context.Context, client *http.Client, url string, call bareCall) error {
	req, err := http.NewRequestWithContext(ctx, call.method, url, bytes.NewReader(call.body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", wire.ContentType)
	req.Header.Set(wire.TargetHeader, call.target)
	credentials, _ := worldCredentials(ctx) // does not fail
	sum := sha256.Sum256(call.body)
	if err := signer.SignHTTP(ctx, credentials, req, hex.EncodeToString(sum[:]), "cloudtrail", call.region, time.Now()); err != nil {
		return err
	}
	answer, err := client.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

// BenchmarkCompleteSuite is the depth-0 suite of the trail machine over HTTP on loopback, in seconds.
// That of depth 1 has 15 times as many requests:
//
//	go test -run '^$' -bench CompleteSuite -benchtime 3x .
func BenchmarkCompleteSuite(b *testing.B) {
	requests := 0
	for b.Loop() {
		report, err := conform.Run(b.Context(), embedded.NewTarget(embedded.Options{}), conform.Options{Seed: 1,
			Suites: []string{conform.Complete}, Machines: []string{"trail"}})
		if err != nil || len(report.Certificates) != 1 || !report.Certificates[0].Holds {
			b.Fatal(report, err)
		}
		requests += report.Requests
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/run")
	b.ReportMetric(float64(requests)/b.Elapsed().Seconds(), "requests/s")
	b.ReportMetric(0, "ns/op")
}

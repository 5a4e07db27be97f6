package recorded_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/internal/judge/recorded"
	"github.com/insightconform/conform/internal/testing/recording"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/wire"
)

// recordedRun is what a run says to the embedded server and hears from it.
var recordedRun = sync.OnceValues(func() ([]recording.Call, error) {
	var recorder recording.Recorder
	target := embedded.NewTarget(embedded.Options{Wrap: func(s *embedded.Server) http.Handler { return recorder.Handler(s) }})
	_, err := conform.Run(context.Background(), target, conform.Options{Seed: 18, Requests: 1500})
	return recorder.Calls(), err
})

func callsOfRun(t testing.TB) []recording.Call {
	t.Helper()
	calls, err := recordedRun()
	require.NoError(t, err)
	require.Greater(t, len(calls), 1000)
	return calls
}

// told is all that Read gives.
type told struct {
	exchanges []recorded.Exchange
	gaps      []recorded.Gap
	sum       recorded.Summary
}

func read(t testing.TB, o recorded.Options, paths ...string) (out told) {
	t.Helper()
	var err error
	out.sum, err = recorded.Read(t.Context(), paths, o,
		func(x recorded.Exchange) error { out.exchanges = append(out.exchanges, x); return nil },
		func(g recorded.Gap) error { out.gaps = append(out.gaps, g); return nil })
	require.NoError(t, err)
	assert.Equal(t, len(out.exchanges), out.sum.Exchanges)
	assert.Equal(t, len(out.gaps), out.sum.Gaps)
	return out
}

func file(t testing.TB, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "recording")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

// expected is what a call is, as the targets read it; ok is false where it is none of the operations.
func expected(c recording.Call) (r model.Request, reply targets.Reply, ok bool) {
	r, problem := wire.DecodeRequest(c.Method, c.Request, c.Sent)
	r.Region = wire.Signed(c.Request).Region
	if c.Status != 0 {
		reply = wire.DecodeAnswer(r, c.Status, c.Response, c.Received)
	}
	return r, reply, problem == ""
}

// TestRecordingsOfHTTPTellAll: what was recorded of a run is what the readers give, whatever the format.
func TestRecordingsOfHTTPTellAll(t *testing.T) {
	calls := callsOfRun(t)
	for name, content := range map[string][]byte{
		"HAR":                 recording.HAR(calls, recording.HTTPOptions{}),
		"HAR, base64":         recording.HAR(calls, recording.HTTPOptions{Base64: true, HTTP2: true}),
		"HAR, compressed":     recording.HAR(calls, recording.HTTPOptions{Gzip: true}),
		"vcrpy":               recording.VCRPy(calls, recording.HTTPOptions{}, false),
		"vcrpy, compressed":   recording.VCRPy(calls, recording.HTTPOptions{Gzip: true}, false),
		"vcrpy, JSON":         recording.VCRPy(calls, recording.HTTPOptions{}, true),
		"vcrpy, base64":       recording.VCRPy(calls, recording.HTTPOptions{Base64: true, Gzip: true}, true),
		"go-vcr":              recording.GoVCR(calls, recording.HTTPOptions{}, 1),
		"go-vcr 2":            recording.GoVCR(calls, recording.HTTPOptions{}, 2),
		"go-vcr 2 compressed": recording.GoVCR(calls, recording.HTTPOptions{Gzip: true}, 2),
	} {
		t.Run(name, func(t *testing.T) {
			path := file(t, content)
			got := read(t, recorded.Options{}, path)
			assert.Empty(t, got.gaps)
			assert.Empty(t, got.sum.Skipped)
			n := 0
			for i, c := range calls {
				r, reply, ok := expected(c)
				if !ok {
					continue
				}
				require.Less(t, n, len(got.exchanges))
				x := got.exchanges[n]
				n++
				require.Contains(t, x.At, fmt.Sprintf("%s, ", path), "call %d", i)
				reply.Sent, reply.Received = c.Sent, c.Received
				require.Empty(t, cmp.Diff(r.GoString(), x.Request.GoString()), x.At)
				require.Equal(t, r.OtherTarget, x.Request.OtherTarget)
				require.Empty(t, cmp.Diff(reply.Answer, x.Reply.Answer), x.At)
				require.Empty(t, cmp.Diff(reply.Objections, x.Reply.Objections), x.At)
				require.True(t, reply.Body.Equal(x.Reply.Body), x.At)
				require.Equal(t, string(reply.Sent), string(x.Reply.Sent))
				require.Equal(t, reply.Status, x.Reply.Status)
				require.Equal(t, wire.Signed(c.Request).Key, x.Account)
				require.False(t, x.Bare)
				require.False(t, x.Service)
				if !x.Untimed {
					require.False(t, x.Start.After(c.Start), x.At)
					require.False(t, x.End.Before(c.Start.Add(c.End.Sub(c.Start))), x.At) // by the same clock
				}
			}
			assert.Len(t, got.exchanges, n)
			assert.Equal(t, len(calls)-n, got.sum.Others)
		})
	}
}

// TestLogsTellWhatTheyKeep: what logs have of a run is given in the order of time, once, in whatever order it is delivered.
func TestLogsTellWhatTheyKeep(t *testing.T) {
	calls := recording.Timed(callsOfRun(t), time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), 2*time.Second)
	orderly := t.TempDir()
	require.NoError(t, recording.Logs(orderly, calls, recording.LogOptions{Seed: 1}))
	want := read(t, recorded.Options{}, orderly)
	checkLogged(t, calls, want, recorded.FormatLog)

	for seed := range uint64(2) {
		folder := t.TempDir()
		require.NoError(t, recording.Logs(folder, calls, recording.LogOptions{Seed: seed, Shuffle: true, Double: true, Noise: true, Digests: true, PerFile: 7}))
		got := read(t, recorded.Options{Memory: 20_000, TempDir: t.TempDir()}, folder)
		checkLogged(t, calls, got, recorded.FormatLog)
		assert.Positive(t, got.sum.Doubled)
		assert.Positive(t, got.sum.Others)
	}

	accounts := map[string]bool{}
	for _, x := range want.exchanges {
		accounts[x.Account] = true
	}
	n := 0
	for account := range accounts {
		got := read(t, recorded.Options{}, file(t, recording.Lookup(calls, 3, account, "us-east-1")))
		own := slices.DeleteFunc(slices.Clone(calls), func(c recording.Call) bool {
			signed := wire.Signed(c.Request)
			return signed.Key != account || signed.Region != "us-east-1"
		})
		checkLogged(t, own, got, recorded.FormatLookup)
		n += len(got.exchanges)
	}
	assert.Greater(t, n, 500)
}

// checkLogged compares what was read of logs with the calls that they are of.
func checkLogged(t *testing.T, calls []recording.Call, got told, format string) {
	t.Helper()
	skipped := 0
	for _, s := range got.sum.Skipped {
		skipped += s.Count
	}
	n, missing := 0, 0
	for _, c := range calls {
		r, reply, ok := expected(c)
		if !ok || c.Method != http.MethodPost {
			continue
		}
		if n == len(got.exchanges) || !got.exchanges[n].Start.Equal(c.Start.Truncate(time.Second)) {
			unknown := r.Malformed() || reply.Answer.Code == "SerializationException" ||
				r.Op == model.OpPut && r.Input.Get("InsightSelectors").Kind() != value.List
			require.True(t, unknown, "%s is missing", r.GoString())
			missing++
			continue
		}
		x := got.exchanges[n]
		n++
		require.Equal(t, format, x.Format)
		require.True(t, x.Service)
		require.Empty(t, x.Host)
		require.Equal(t, wire.Signed(c.Request).Key, x.Account)
		require.Equal(t, r.Op, x.Request.Op)
		require.Equal(t, r.Region, x.Request.Region)
		require.True(t, r.Input.Equal(x.Request.Input), "%s\n%s", r.Input, x.Request.Input)
		require.Equal(t, x.Start.Add(time.Second-1), x.End)
		if reply.Answer.Outcome != model.Succeeded || r.Op.Reads() || len(reply.Body.Members()) == 0 {
			require.Equal(t, reply.Answer.Outcome, x.Reply.Answer.Outcome)
			require.Equal(t, reply.Answer.Code, x.Reply.Answer.Code)
			require.Equal(t, reply.Answer.Outcome == model.Succeeded, x.Bare)
			continue
		}
		require.False(t, x.Bare)
		require.Empty(t, cmp.Diff(reply.Answer, x.Reply.Answer), x.At)
		require.True(t, reply.Body.Equal(x.Reply.Body), "%s\n%s", reply.Body, x.Reply.Body)
	}
	assert.Len(t, got.exchanges, n)
	assert.LessOrEqual(t, missing, skipped) // some are delivered twice
}

func TestReadEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := recorded.Read(ctx, []string{file(t, []byte(`{"Records":[]}`))}, recorded.Options{}, nil, nil)
	assert.ErrorIs(t, err, context.Canceled)
}

package embedded

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets/naming"
)

func TestTarget(t *testing.T) {
	ctx := context.Background()
	target := NewTarget(Options{Workers: 2})
	info, err := target.Open(ctx)
	require.NoError(t, err)
	defer func() { require.NoError(t, target.Close()) }()
	assert.Equal(t, "embedded", info.Name)
	assert.Equal(t, 2, info.Workers)
	assert.True(t, info.Away && info.Buckets && info.Keys && info.Arrange, "%+v", info)
	assert.Empty(t, info.Notes)
	for seed := range uint64(10) {
		if f := walk(t, target, seed, 300); f != nil {
			t.Fatalf("walk %d: %s", seed, f)
		}
	}
}

// Worlds side by side, and one after the other, share nothing.
func TestTargetWorldsAreIsolated(t *testing.T) {
	ctx := context.Background()
	target := NewTarget(Options{})
	_, err := target.Open(ctx)
	require.NoError(t, err)
	defer func() { require.NoError(t, target.Close()) }()
	create := model.Request{Op: model.OpCreate, Input: value.Obj("Name", "my-trail")}
	get := model.Request{Op: model.OpGet, Input: value.Obj("TrailName", "my-trail")}
	for range 3 {
		first, err := naming.Wrap(target).NewWorld(ctx)
		require.NoError(t, err)
		second, err := naming.Wrap(target).NewWorld(ctx)
		require.NoError(t, err)
		assert.Equal(t, model.Succeeded, first.Do(ctx, create).Answer.Outcome)
		assert.Equal(t, codeTrailNotFound, second.Do(ctx, get).Answer.Code)
		assert.Equal(t, codeNotEnabled, first.Do(ctx, get).Answer.Code)
		require.NoError(t, first.Close(ctx))
		require.NoError(t, second.Close(ctx))
	}
}

func TestTargetWithFault(t *testing.T) {
	for _, name := range []string{"flag-always-set", "malformed-json-drops-connection", "misspells-trail-arn", "trail/not-found/wrong-code", "store-shows-data"} {
		t.Run(name, func(t *testing.T) {
			target := NewTarget(Options{ServerOptions: ServerOptions{Fault: name}})
			_, err := target.Open(context.Background())
			require.NoError(t, err)
			defer func() { require.NoError(t, target.Close()) }()
			for seed := range uint64(40) {
				if f := walk(t, target, seed, 300); f != nil {
					return
				}
			}
			t.Error("nothing was wrong")
		})
	}
}

func BenchmarkInProcess(b *testing.B) {
	ctx := context.Background()
	target := InProcess(ServerOptions{})
	_, err := target.Open(ctx)
	require.NoError(b, err)
	world, err := naming.Wrap(target).NewWorld(ctx)
	require.NoError(b, err)
	world.Do(ctx, model.Request{Op: model.OpCreate, Input: value.Obj("Name", "my-trail")})
	world.Do(ctx, model.Request{Op: model.OpStart, Input: value.Obj("Name", "my-trail")})
	put := model.Request{Op: model.OpPut, Input: value.Obj("TrailName", "my-trail", "InsightSelectors", callRate)}
	for b.Loop() {
		if reply := world.Do(ctx, put); reply.Answer.Outcome != model.Succeeded {
			b.Fatal(fmt.Sprint(reply))
		}
	}
}

// local hands requests to a handler without sockets, in the calling goroutine.
type local struct{ http.Handler }

func (l local) RoundTrip(req *http.Request) (answer *http.Response, err error) {
	defer func() {
		if p := recover(); p == http.ErrAbortHandler {
			err = io.ErrUnexpectedEOF
		} else if p != nil {
			panic(p)
		}
	}()
	served := req.Clone(req.Context())
	if served.Body == nil {
		served.Body = http.NoBody
	}
	out := httptest.NewRecorder()
	l.ServeHTTP(out, served)
	return out.Result(), nil
}

// InMemory connects client and server without sockets, which lets a fake clock run.
func (o Options) InMemory() Options {
	o.transport = func(h http.Handler) http.RoundTripper { return local{h} }
	return o
}

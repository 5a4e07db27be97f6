package targets_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/wire"
)

// handled is a target whose requests go to a handler, without a network.
type handled struct{ handler http.Handler }

func (h handled) Open(context.Context) (targets.Info, error) {
	return targets.Info{Name: "handler", Region: "us-east-1", RawRequests: true}, nil
}

// NewWorld has nothing to do: each world is asked about names of its own.
func (h handled) NewWorld(context.Context) (targets.World, error) { return world(h), nil }

func (h handled) Close() error { return nil }

type world struct{ handler http.Handler }

func (w world) Do(_ context.Context, r model.Request) targets.Reply {
	request := httptest.NewRequest(cmp.Or(r.Method, http.MethodPost), "/", bytes.NewReader(wire.Encode(r)))
	request.Header.Set(wire.TargetHeader, wire.Target(r))
	answer := httptest.NewRecorder()
	w.handler.ServeHTTP(answer, request)
	return wire.DecodeAnswer(r, answer.Code, answer.Header(), answer.Body.Bytes())
}

func (w world) Close(context.Context) error { return nil }

func ExampleTarget() {
	server, err := embedded.NewServer(embedded.ServerOptions{}) // here stands the server under test
	if err != nil {
		panic(err)
	}
	report, err := conform.Run(context.Background(), handled{server}, conform.Options{Seed: 1, Requests: 2000})
	if err != nil {
		panic(err)
	}
	fmt.Println(report.Verdict, len(report.Divergences))
	// Output: conforms 0
}

package endpoint

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/naming"
	"github.com/insightconform/conform/targets/wire"
)

// fake is a small CloudTrail: trails and stores by Region, and nothing else right.
type fake struct {
	mu       sync.Mutex
	account  string
	prefix   string // the only one understood, where not empty
	arrange  []string
	keepAll  bool // DeleteTrail is refused
	lock     bool // stores are protected from deletion
	trails   map[string]string
	stores   map[string]string // ID → name
	locked   map[string]bool
	arranged []string
	requests []seen
}

type seen struct {
	method, target, auth, body string
	sdk                        bool
}

func newFake() *fake {
	return &fake{account: "123456789012", trails: map[string]string{}, stores: map[string]string{}, locked: map[string]bool{}}
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, seen{r.Method, r.Header.Get(wire.TargetHeader), r.Header.Get("Authorization"), string(body),
		strings.Contains(r.UserAgent(), "aws-sdk-go-v2")})
	answer := func(v value.Value) {
		w.Header().Set("Content-Type", wire.ContentType)
		fmt.Fprint(w, v)
	}
	refuse := func(code string) {
		w.Header().Set("Content-Type", wire.ContentType)
		w.WriteHeader(400)
		w.Write(value.Obj("__type", code, "Message", "no").AppendJSON(nil))
	}
	if r.URL.Path == ArrangePath && f.arrange != nil {
		if r.Method == "GET" {
			json.NewEncoder(w).Encode(map[string]any{"conditions": f.arrange})
		} else {
			f.arranged = append(f.arranged, string(body))
		}
		return
	}
	target := r.Header.Get(wire.TargetHeader)
	if target == "" {
		http.NotFound(w, r)
		return
	}
	request, problem := wire.DecodeRequest(r.Method, r.Header, body)
	if f.prefix != "" && (!strings.HasPrefix(target, f.prefix) || problem != "") {
		refuse("UnknownOperationException")
		return
	}
	region := wire.Signed(r.Header).Region
	in := request.Input
	name := in.Get("Name").Text() + in.Get("TrailName").Text()
	if strings.HasPrefix(name, "arn:") {
		name = name[strings.LastIndex(name, "/")+1:]
	}
	arn := "arn:aws:cloudtrail:" + region + ":" + f.account + ":"
	_, exists := f.trails[region+name]
	id := bareName(in.Get("EventDataStore").Text())
	_, stored := f.stores[id]
	switch {
	case strings.HasSuffix(target, ".ListEventDataStores"):
		list := []value.Value{}
		for id, name := range f.stores {
			list = append(list, value.Obj("Name", name, "EventDataStoreArn", arn+"eventdatastore/"+id))
		}
		answer(value.Obj("EventDataStores", value.ListOf(list...)))
	case problem != "" || request.Malformed():
		refuse("SerializationException")
	case request.Op == model.OpCreate:
		f.trails[region+name] = string(body)
		answer(value.Obj("TrailARN", arn+"trail/"+name, "Name", name, "S3BucketName", in.Get("S3BucketName")))
	case request.Op == model.OpCreateStore:
		id := fmt.Sprintf("%08d-0000-4000-8000-000000000000", len(f.requests))
		f.stores[id] = name
		f.locked[id] = f.lock
		answer(value.Obj("EventDataStoreArn", arn+"eventdatastore/"+id, "Name", name))
	case request.Op == model.OpUpdateStore && stored:
		delete(f.locked, id)
		answer(value.Obj())
	case request.Op == model.OpDeleteStore && f.locked[id]:
		refuse("EventDataStoreTerminationProtectedException")
	case request.Op == model.OpDeleteStore && stored:
		delete(f.stores, id)
		answer(value.Obj())
	case id != "" && stored:
		answer(value.Obj("EventDataStoreArn", arn+"eventdatastore/"+id, "InsightsDestination", in.Get("InsightsDestination")))
	case id != "":
		refuse("InvalidParameterException")
	case !exists:
		refuse("TrailNotFoundException")
	case request.Op == model.OpDelete && f.keepAll:
		refuse("OperationNotPermittedException")
	case request.Op == model.OpDelete:
		delete(f.trails, region+name)
		answer(value.Obj())
	case request.Op == model.OpPut:
		answer(value.Obj("TrailARN", arn+"trail/"+name, "InsightSelectors", in.Get("InsightSelectors")))
	default:
		answer(value.Obj("TrailARN", arn+"trail/"+name))
	}
}

func (f *fake) last() seen {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests[len(f.requests)-1]
}

// open starts a server and opens a target on it.
func open(t testing.TB, handler http.Handler, change func(*Options)) (*Target, targets.Info) {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	options := Options{URL: server.URL}
	if change != nil {
		change(&options)
	}
	target, err := New(options)
	require.NoError(t, err)
	info, err := target.Open(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, target.Close()) })
	return target, info
}

// named is a world as a run sees it, through package naming.
type named struct {
	targets.World
	inner *world
}

// newWorld opens a world of an open target.
func newWorld(t testing.TB, target *Target) named {
	recorder := &recorder{Target: target}
	w, err := naming.Wrap(recorder).NewWorld(t.Context())
	require.NoError(t, err)
	return named{w, recorder.last}
}

// recorder remembers the last world.
type recorder struct {
	*Target
	last *world
}

func (r *recorder) NewWorld(ctx context.Context) (targets.World, error) {
	w, err := r.Target.NewWorld(ctx)
	r.last = w.(*world)
	return w, err
}

package endpoint

import (
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/wire"
)

var _ targets.Target = (*Target)(nil)

const homeARN = "arn:aws:cloudtrail:us-east-1:123456789012:"

func TestOpen(t *testing.T) {
	f := newFake()
	_, info := open(t, f, nil)
	assert.True(t, info.Away)
	assert.False(t, info.Buckets || info.Keys || info.Arrange)
	assert.Empty(t, f.trails, "the probe's trails are gone")
	for _, r := range f.requests {
		assert.Contains(t, r.auth, "AWS4-HMAC-SHA256 Credential=test/", "every request is signed")
	}
}

func TestOpenLearns(t *testing.T) {
	f := newFake()
	f.account = "000000000000"
	target, info := open(t, f, func(o *Options) { o.Regions = []string{"eu-central-1"} })
	assert.False(t, info.Away)
	w := newWorld(t, target)
	reply := w.Do(t.Context(), model.Request{Op: model.OpCreate, Input: value.Obj("Name", "alpha", "S3BucketName", generators.SharedBucket)})
	assert.Equal(t, homeARN+"trail/alpha", reply.Answer.TrailARN)
	assert.Contains(t, string(reply.Received), "arn:aws:cloudtrail:eu-central-1:000000000000:trail/alpha-")
}

func TestOneRegion(t *testing.T) {
	f := newFake()
	_, info := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "/eu-west-1/", "/us-east-1/", 1))
		f.ServeHTTP(w, r)
	}), nil)
	assert.False(t, info.Away)
	assert.Contains(t, strings.Join(info.Notes, ";"), "second Region")
}

func TestBucketOption(t *testing.T) {
	f := newFake()
	target, _ := open(t, f, func(o *Options) { o.Bucket = "mine" })
	newWorld(t, target).Do(t.Context(), model.Request{Op: model.OpCreate, Input: value.Obj("Name", "alpha", "S3BucketName", generators.SharedBucket)})
	assert.Contains(t, f.last().body, `"S3BucketName":"mine"`)
	for _, r := range f.requests {
		assert.NotEqual(t, "PUT", r.method, "no bucket is made")
	}
}

func TestWorldsSideBySide(t *testing.T) {
	f := newFake()
	target, _ := open(t, f, nil)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 10 {
				w := newWorld(t, target)
				for _, name := range []string{"alpha", "abc", strings.Repeat("a", 128)} {
					arn := homeARN + "trail/" + name
					assert.Equal(t, arn, w.Do(t.Context(), model.Request{Op: model.OpCreate, Input: value.Obj("Name", name)}).Answer.TrailARN)
					assert.Equal(t, arn, w.Do(t.Context(), model.Request{Op: model.OpPut, Input: value.Obj("TrailName", arn, "InsightSelectors", value.ListOf())}).Answer.TrailARN)
				}
				assert.NoError(t, w.Close(t.Context()))
			}
		})
	}
	group.Wait()
	assert.Empty(t, f.trails)
}

func TestPrefix(t *testing.T) {
	for prefix, other := range map[string]string{wire.ShortPrefix: wire.LongPrefix, wire.LongPrefix: wire.ShortPrefix} {
		f := newFake()
		f.prefix = prefix
		target, info := open(t, f, nil)
		assert.Equal(t, prefix == wire.LongPrefix, strings.Contains(strings.Join(info.Notes, ";"), "prefix"))
		w := newWorld(t, target)
		r := model.Request{Op: model.OpGet, Input: value.Obj("TrailName", "alpha")}
		assert.Equal(t, model.Refusal("TrailNotFoundException"), w.Do(t.Context(), r).Answer)
		assert.Equal(t, prefix+"GetInsightSelectors", f.last().target)
		r.OtherTarget = true
		assert.Equal(t, model.Refusal("UnknownOperationException"), w.Do(t.Context(), r).Answer)
		assert.Equal(t, other+"GetInsightSelectors", f.last().target)
		r.OtherTarget, r.Input = false, r.Input.With("Unknown", value.NullValue) // what the SDK cannot say
		w.Do(t.Context(), r)
		assert.Equal(t, prefix+"GetInsightSelectors", f.last().target)
	}
}

func TestWorld(t *testing.T) {
	f := newFake()
	target, _ := open(t, f, nil)
	a, b := newWorld(t, target), newWorld(t, target)
	ctx := t.Context()
	create := model.Request{Op: model.OpCreate, Input: value.Obj("Name", "alpha", "S3BucketName", generators.SharedBucket)}
	get := model.Request{Op: model.OpGet, Input: value.Obj("TrailName", homeARN+"trail/alpha")}

	reply := a.Do(ctx, create)
	assert.Equal(t, model.Succeeded, reply.Answer.Outcome)
	assert.Equal(t, homeARN+"trail/alpha", reply.Answer.TrailARN)
	assert.Equal(t, generators.SharedBucket, reply.Body.Get("S3BucketName").Text())
	assert.Equal(t, f.last().body, string(reply.Sent))
	assert.Equal(t, homeARN+"trail/alpha", a.Do(ctx, get).Answer.TrailARN)
	assert.Equal(t, model.Refusal("TrailNotFoundException"), b.Do(ctx, get).Answer, "worlds are isolated")
	get.Region = model.DefaultWorld.Away
	assert.Equal(t, model.Refusal("TrailNotFoundException"), a.Do(ctx, get).Answer)
	create.Region = model.DefaultWorld.Away
	assert.Equal(t, "arn:aws:cloudtrail:eu-west-1:123456789012:trail/alpha", a.Do(ctx, create).Answer.TrailARN)

	// Stores are named by their number.
	for n := range 2 {
		reply = a.Do(ctx, model.Request{Op: model.OpCreateStore, Input: value.Obj("Name", "store")})
		assert.Equal(t, homeARN+"eventdatastore/"+model.StoreID(n), reply.Answer.StoreARN)
	}
	reply = a.Do(ctx, model.Request{Op: model.OpPut, Input: value.Obj("EventDataStore", model.StoreID(0),
		"InsightsDestination", homeARN+"eventdatastore/"+model.StoreID(1), "InsightSelectors", value.ListOf())})
	assert.Equal(t, homeARN+"eventdatastore/"+model.StoreID(0), reply.Answer.StoreARN)
	assert.Equal(t, homeARN+"eventdatastore/"+model.StoreID(1), reply.Answer.Destination)

	assert.Len(t, f.trails, 2)
	for id := range f.stores {
		f.locked[id] = true
	}
	assert.NoError(t, b.Close(ctx))
	assert.Len(t, f.trails, 2)
	interrupted, cancel := context.WithCancel(ctx)
	cancel()
	assert.Equal(t, "interrupted", a.Do(interrupted, get).Problem)
	assert.NoError(t, a.Close(interrupted), "it cleans up after an interruption too")
	assert.Empty(t, f.trails)
	assert.NoError(t, target.Close())
	assert.Empty(t, f.stores)
}

func TestCloseTellsWhatIsLeft(t *testing.T) {
	f := newFake()
	target, _ := open(t, f, nil)
	for range 3 {
		w := newWorld(t, target)
		w.Do(t.Context(), model.Request{Op: model.OpCreate, Input: value.Obj("Name", "alpha")})
		f.keepAll = true
		assert.NoError(t, w.Close(t.Context()))
	}
	assert.ErrorContains(t, target.Close(), "3 left, such as alpha-", "one line for all")
}

// TestTrailsDeletedByARN: who says that, and keeps the trail, is asked again by name.
func TestTrailsDeletedByARN(t *testing.T) {
	f := newFake()
	target, _ := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.HasSuffix(r.Header.Get(wire.TargetHeader), "DeleteTrail") && strings.Contains(string(body), "arn:") {
			_, _ = io.WriteString(w, "{}")
			return
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		f.ServeHTTP(w, r)
	}), nil)
	w := newWorld(t, target)
	w.Do(t.Context(), generators.Create(generators.NameAlpha))
	reply := w.Do(t.Context(), generators.ByARN(generators.Delete(generators.NameAlpha)))
	assert.Equal(t, model.Succeeded, reply.Answer.Outcome)
	assert.Len(t, f.trails, 1)
	require.NoError(t, w.Close(t.Context()))
	assert.Empty(t, f.trails)
}

// TestTrailsMadeWhileOneIsDeleted: of several clients, one makes a trail again before another has heard that it is gone.
func TestTrailsMadeWhileOneIsDeleted(t *testing.T) {
	f := newFake()
	deleted, made, first := make(chan bool), make(chan bool), atomic.Bool{}
	target, _ := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		slow := httptest.NewRecorder()
		f.ServeHTTP(slow, r)
		if strings.HasSuffix(r.Header.Get(wire.TargetHeader), "DeleteTrail") && first.CompareAndSwap(true, false) {
			close(deleted)
			<-made
		}
		maps.Copy(w.Header(), slow.Header())
		w.WriteHeader(slow.Code)
		_, _ = w.Write(slow.Body.Bytes())
	}), nil)
	w := newWorld(t, target)
	w.Do(t.Context(), generators.Create(generators.NameAlpha))
	var gone sync.WaitGroup
	first.Store(true)
	gone.Go(func() { w.Do(t.Context(), generators.Delete(generators.NameAlpha)) })
	<-deleted
	assert.Equal(t, model.Succeeded, w.Do(t.Context(), generators.Create(generators.NameAlpha)).Answer.Outcome)
	close(made)
	gone.Wait()
	assert.Len(t, f.trails, 1)
	require.NoError(t, w.Close(t.Context()))
	assert.Empty(t, f.trails)
}

// TestStoresAreDeletedByARN: a server may take nothing else, and a case may name them by suffix.
func TestStoresAreDeletedByARN(t *testing.T) {
	f := newFake()
	target, _ := open(t, f, nil)
	w := newWorld(t, target)
	for n := range 3 {
		w.Do(t.Context(), generators.CreateStore(n, generators.SourceStore))
	}
	bySuffix := value.Obj("EventDataStore", model.StoreID(1))
	reply := w.Do(t.Context(), model.Request{Op: model.OpDeleteStore, Input: bySuffix})
	assert.Equal(t, model.Succeeded, reply.Answer.Outcome)
	f.mu.Lock()
	before := len(f.requests)
	f.mu.Unlock()
	require.NoError(t, w.Close(t.Context()))
	assert.Len(t, f.stores, 2, "there may be a quota")
	require.NoError(t, target.Close())
	assert.Empty(t, f.stores)
	deleted := 0
	for _, r := range f.requests[before:] {
		assert.Contains(t, r.body, `"EventDataStore":"arn:aws:cloudtrail:`)
		if strings.HasSuffix(r.target, "DeleteEventDataStore") {
			deleted++
		}
	}
	assert.Equal(t, 2, deleted, "what is deleted already is left alone")
}

// TestStoresInDoubtAreNotUsedAgain: a store is parked only where an answer shows that it is off.
func TestStoresInDoubtAreNotUsedAgain(t *testing.T) {
	f := newFake()
	var silent atomic.Bool
	target, _ := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if silent.Load() && strings.HasSuffix(r.Header.Get(wire.TargetHeader), "InsightSelectors") {
			panic(http.ErrAbortHandler)
		}
		f.ServeHTTP(w, r)
	}), nil)
	for n, doubt := range []bool{false, true} {
		w := newWorld(t, target)
		w.Do(t.Context(), generators.CreateStore(0, generators.SourceStore))
		silent.Store(doubt)
		require.NoError(t, w.Close(t.Context()))
		p, _ := target.pools.Load("us-east-1")
		assert.Len(t, p.(*pool).idle, 1)
		assert.Equal(t, n, p.(*pool).gone)
	}
}

func TestLostStoreIsFound(t *testing.T) {
	f := newFake()
	var losing atomic.Bool
	target, _ := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if losing.Load() && strings.HasSuffix(r.Header.Get(wire.TargetHeader), "CreateEventDataStore") {
			f.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		f.ServeHTTP(w, r)
	}), nil)
	w := newWorld(t, target)
	losing.Store(true)
	reply := w.Do(t.Context(), model.Request{Op: model.OpCreateStore, Input: value.Obj("Name", "store")})
	assert.Equal(t, model.Unanswered, reply.Answer.Outcome)
	f.mu.Lock()
	assert.Len(t, f.stores, 1)
	f.mu.Unlock()
	assert.NoError(t, w.Close(t.Context()))
	assert.NoError(t, target.Close())
	assert.Empty(t, f.stores)
}

func TestArrange(t *testing.T) {
	f := newFake()
	f.arrange = model.ConditionNames[:]
	target, info := open(t, f, nil)
	assert.True(t, info.Buckets && info.Keys && info.Arrange)
	w := newWorld(t, target)
	r := model.Request{Op: model.OpArrange, Input: value.Obj("TrailName", "alpha", "Condition", "service-owned")}
	assert.Equal(t, model.Succeeded, w.Do(t.Context(), r).Answer.Outcome)
	assert.JSONEq(t, `{"TrailName":"alpha-`+w.inner.tag+`","Condition":"service-owned","Region":"us-east-1"}`, f.arranged[0])

	plain, _ := open(t, newFake(), nil)
	for _, condition := range append(model.ConditionNames[:], model.Mended, "other", "") {
		r.Input = r.Input.With("Condition", value.Str(condition))
		assert.Equal(t, model.Refusal("NotArranged"), newWorld(t, plain).Do(t.Context(), r).Answer, condition)
	}
}

// shape is what JSON a Go type of the SDK is filled from.
type shape struct {
	kind    reflect.Kind // Pointer, String (an enum), Slice, Struct; Invalid cannot be filled
	item    *shape       // of a pointer or a slice
	members map[string]*shape
}

func shapeWithin(t reflect.Type, known map[reflect.Type]*shape) *shape {
	if s, ok := known[t]; ok {
		return s
	}
	s := &shape{}
	known[t] = s
	switch t.Kind() {
	case reflect.Pointer:
		switch t.Elem().Kind() {
		case reflect.String, reflect.Bool, reflect.Int32, reflect.Int64, reflect.Struct:
			s.kind, s.item = reflect.Pointer, shapeWithin(t.Elem(), known)
		}
	case reflect.Slice:
		s.kind, s.item = reflect.Slice, shapeWithin(t.Elem(), known)
	case reflect.String, reflect.Bool, reflect.Int32, reflect.Int64:
		s.kind = t.Kind()
	case reflect.Struct:
		if t.PkgPath() == "time" {
			return s
		}
		s.kind, s.members = reflect.Struct, map[string]*shape{}
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && f.Name != "ResultMetadata" {
				s.members[f.Name] = shapeWithin(f.Type, known)
			}
		}
	}
	return s
}

// What goes out through either way is the request's JSON value, and the SDK is used wherever it can
// say that.
func TestSentIsInput(t *testing.T) {
	f := newFake()
	target, _ := open(t, f, nil)
	w := newWorld(t, target)
	exotic := []value.Value{value.NullValue, value.Num("1"), value.Num("1.50"), value.Str(""), value.Str("é\x01\u2028<"), value.Boolean(false), value.ListOf(), value.Obj(),
		value.ListOf(value.NullValue), value.Strs("", "x"), value.Str(strings.Repeat("x", 5000)), value.Num("-0"), value.Num("99999999999")}
	rapid.Check(t, func(t *rapid.T) {
		op := rapid.SampledFrom(model.Ops[:len(model.Ops)-1]).Draw(t, "op")
		var draw func(shape *shape, depth int) value.Value
		draw = func(s *shape, depth int) value.Value {
			if rapid.IntRange(0, 19).Draw(t, "exotic") == 0 {
				return rapid.SampledFrom(exotic).Draw(t, "value")
			}
			switch s.kind {
			case reflect.Pointer:
				return draw(s.item, depth)
			case reflect.String:
				return value.Str(rapid.SampledFrom([]string{"my-_trail", "Data", "ApiCallRateInsight", "", "a\"b"}).Draw(t, "text"))
			case reflect.Bool:
				return value.Boolean(rapid.Bool().Draw(t, "bool"))
			case reflect.Int32, reflect.Int64:
				return value.Num(rapid.SampledFrom([]string{"0", "7", "-3", "2147483648"}).Draw(t, "number"))
			case reflect.Slice:
				items := make([]value.Value, rapid.IntRange(0, 2).Draw(t, "items"))
				for i := range items {
					items[i] = draw(s.item, depth+1)
				}
				return value.ListOf(items...)
			}
			object := value.Obj()
			for name, member := range s.members {
				if rapid.IntRange(0, 2).Draw(t, name) == 0 && depth < 4 {
					object = object.With(name, draw(member, depth+1))
				}
			}
			return object
		}
		input := value.Obj("Unknown", true)
		if method, ok := reflect.TypeFor[*cloudtrail.Client]().MethodByName(string(op)); ok {
			input = draw(shapeWithin(method.Type.In(2).Elem(), map[reflect.Type]*shape{}), 0)
		}
		if input.Kind() != value.Object {
			input = value.Obj("Unknown", input)
		}
		reply := w.inner.Do(t.Context(), model.Request{Op: op, Region: "us-east-1", Input: input})
		sent, err := value.Parse([]byte(f.last().body))
		require.NoError(t, err)
		require.True(t, sent.Equal(input), "%s was sent as %s", input, sent)
		require.Equal(t, f.last().body, string(reply.Sent))
	})
}

// TestThroughSDK: the SDK's client sends what it can say just as it is meant, and nothing else.
func TestThroughSDK(t *testing.T) {
	f := newFake()
	target, _ := open(t, f, nil)
	w := newWorld(t, target)
	put := model.Request{Op: model.OpPut}
	for input, sdk := range map[string]bool{
		`{"InsightSelectors":[{"EventCategories":["Data"],"InsightType":"x"}],"TrailName":"alpha"}`: true,
		`{"TrailName":""}`:                          true,
		`{"InsightSelectors":[]}`:                   true,
		`{"InsightSelectors":[{"InsightType":""}]}`: false, // the SDK leaves out an empty enum
		`{"InsightSelectors":[null]}`:               false,
		`{"TrailName":null}`:                        false,
		`{"trailName":"alpha"}`:                     false,
		`{"TrailName":"alpha","Unknown":"x"}`:       false,
		`{"TrailName":5}`:                           false,
	} {
		var err error
		put.Input, err = value.Parse([]byte(input))
		require.NoError(t, err)
		w.Do(t.Context(), put)
		assert.Equal(t, sdk, f.last().sdk, input)
	}
	w.Do(targets.Bare.On(t.Context()), put)
	assert.False(t, f.last().sdk)
}

func TestRawRequests(t *testing.T) {
	f := newFake()
	target, _ := open(t, f, nil)
	w := newWorld(t, target)
	for _, body := range []string{"", "{", "[]", "null", "\xff", strings.Repeat("[", 100_000)} {
		w.Do(t.Context(), model.Request{Op: model.OpPut, Raw: &body})
		assert.Equal(t, body, f.last().body)
		assert.NotEmpty(t, f.last().auth)
	}
	for _, method := range []string{"GET", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"} {
		w.Do(t.Context(), model.Request{Op: model.OpGet, Input: value.Obj("TrailName", "alpha"), Method: method})
		assert.Equal(t, method, f.last().method)
		assert.Contains(t, f.last().body, "alpha-")
	}
	w.Do(t.Context(), model.Request{Op: model.OpGet})
	assert.Equal(t, "{}", f.last().body)
}

func TestNothingOfTheEnvironmentGoesOut(t *testing.T) {
	const secret = "AKIASECRETSECRET"
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "config"), []byte("[default]\nendpoint_url = http://127.0.0.1:1\nregion = ap-south-1\n"), 0o600))
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": secret, "AWS_SECRET_ACCESS_KEY": "x" + secret, "AWS_SESSION_TOKEN": "token" + secret, "AWS_PROFILE": "nowhere",
		"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_CLOUDTRAIL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
		"HTTP_PROXY": "http://127.0.0.1:1", "AWS_CONFIG_FILE": filepath.Join(dir, "config"), "AWS_REGION": "ap-south-1",
	} {
		t.Setenv(name, value)
	}
	f := newFake()
	target, _ := open(t, f, nil)
	newWorld(t, target).Do(t.Context(), model.Request{Op: model.OpGet, Input: value.Obj("TrailName", "alpha")})
	for _, r := range f.requests {
		assert.NotContains(t, r.auth+r.body, secret)
		assert.NotContains(t, r.auth, "ap-south-1")
	}

	t.Setenv("AWS_PROFILE", "default")
	g := newFake()
	open(t, g, func(o *Options) { o.UseEnvironmentCredentials = true })
	assert.Contains(t, g.last().auth, "Credential="+secret+"/")

	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	none, err := New(Options{URL: target.url.String(), UseEnvironmentCredentials: true})
	require.NoError(t, err)
	_, err = none.Open(t.Context())
	assert.ErrorIs(t, err, targets.ErrUsage)

	h := newFake()
	open(t, h, func(o *Options) { o.Credentials = credentials.NewStaticCredentialsProvider("own", "x", "") })
	assert.Contains(t, h.last().auth, "Credential=own/")
}

// listener answers every connection with raw bytes.
func listener(t *testing.T, serve func(net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		var held []net.Conn
		defer func() { runtime.KeepAlive(held) }()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			held = append(held, c) // else the garbage collector would close it
			go serve(c)
		}
	}()
	return "http://" + l.Addr().String()
}

func TestUnreachable(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	says := func(status int, contentType, body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			io.WriteString(w, body)
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	tests := map[string]struct{ url, text string }{
		"nothing":      {closed.URL, "nothing listens at " + closed.URL + "/; start the emulator or check --endpoint"},
		"no such host": {"http://conform.invalid", "cannot be resolved"},
		"ssh":          {listener(t, func(c net.Conn) { io.WriteString(c, "SSH-2.0-x\r\n"); time.Sleep(50 * time.Millisecond); c.Close() }), "no HTTP answer"},
		"silent":       {listener(t, func(net.Conn) {}), "no answer within 300ms"},
		"hangs up":     {listener(t, func(c net.Conn) { c.Close() }), "not as CloudTrail: connection"},
		"TLS":          {strings.Replace(says(200, "text/html", ""), "http:", "https:", 1), "no HTTP answer"},
		"website":      {says(200, "text/html", "<html>"), "not as CloudTrail: HTTP 200, text/html"},
		"error page":   {says(500, "text/html", "<html>"), "HTTP 500, text/html"},
		"404":          {says(404, "text/plain", "no"), "HTTP 404 text/plain"},
		"other JSON":   {says(200, "application/json", `{"status":"ok"}`), "HTTP 200 application/json"},
		"other errors": {says(400, "application/json", `{"error":"bad request"}`), "HTTP 400 application/json"},
		"redirect":     {says(302, "", ""), "a redirect"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			limit := time.Duration(0)
			if name == "silent" { // which alone never answers
				limit = 300 * time.Millisecond
			}
			target, err := New(Options{URL: test.url, Timeout: limit})
			require.NoError(t, err)
			_, err = target.Open(t.Context())
			require.ErrorIs(t, err, targets.ErrUnreachable)
			assert.ErrorContains(t, err, test.text)
			assert.NotContains(t, err.Error(), "\n")
			assert.NotContains(t, err.Error(), "Signature")
		})
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	target, err := New(Options{URL: closed.URL})
	require.NoError(t, err)
	_, err = target.Open(cancelled)
	assert.ErrorIs(t, err, context.Canceled)
}

// A target that turns bad after Open.
func TestHostile(t *testing.T) {
	f := newFake()
	var bad atomic.Pointer[http.HandlerFunc]
	var count atomic.Int32
	target, _ := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h := bad.Load(); h != nil {
			count.Add(1)
			(*h)(w, r)
			return
		}
		f.ServeHTTP(w, r)
	}), func(o *Options) { o.Timeout = 300 * time.Millisecond })
	t.Cleanup(func() { bad.Store(nil) })

	hijack := func(w http.ResponseWriter, say string, linger time.Duration) {
		c, _, _ := w.(http.Hijacker).Hijack()
		io.WriteString(c, say)
		time.Sleep(linger)
		c.Close()
	}
	chunk := []byte(strings.Repeat("x", 64<<10))
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	tests := []struct {
		name    string
		outcome model.Outcome
		problem string
		handler http.HandlerFunc
	}{
		{"hangs", model.Unanswered, "no answer within 300ms", func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body); <-r.Context().Done() }},
		{"hangs in the body", model.Unanswered, "no answer within 300ms", func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			io.WriteString(w, "{")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}},
		{"hangs up", model.Unanswered, "connection closed before the end of the answer", func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }},
		{"hangs up in the header", model.Unanswered, "no HTTP answer: malformed MIME header", func(w http.ResponseWriter, _ *http.Request) { hijack(w, "HTTP/1.1 200 OK\r\nContent", 0) }},
		{"hangs up in the body", model.Unanswered, "connection closed before the end of the answer", func(w http.ResponseWriter, _ *http.Request) {
			hijack(w, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"TrailARN\":", 0)
		}},
		{"resets", model.Unanswered, "connection reset", func(w http.ResponseWriter, _ *http.Request) {
			c, _, _ := w.(http.Hijacker).Hijack()
			c.(*net.TCPConn).SetLinger(0)
			c.Close()
		}},
		{"speaks something else", model.Unanswered, "no HTTP answer: malformed HTTP status code", func(w http.ResponseWriter, _ *http.Request) { hijack(w, "220 smtp\r\n", 0) }},
		{"50 MB", model.Crashed, "answer larger than 1 MiB", func(w http.ResponseWriter, _ *http.Request) {
			for range 50 << 20 / len(chunk) {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		}},
		{"50 MB announced", model.Crashed, "answer larger than 1 MiB", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "52428800")
			for range 50 << 20 / len(chunk) {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		}},
		{"endless header", model.Unanswered, "no HTTP answer", func(w http.ResponseWriter, _ *http.Request) {
			hijack(w, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 1<<20), 0)
		}},
		{"redirects", model.Crashed, "HTTP 307, text/html: a redirect, which is not followed", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			http.Redirect(w, r, elsewhere.URL+"/?token=secret", http.StatusTemporaryRedirect)
		}},
		{"HTML", model.Crashed, "HTTP 500, text/html", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(500)
			io.WriteString(w, "<html>")
		}},
		{"truncated JSON", model.Crashed, "HTTP 200, text/plain: the body is no JSON object", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"TrailARN":`) }},
		{"compressed unasked", model.Crashed, "HTTP 200, application/json: the body is no JSON object", func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Accept-Encoding") != "" {
				t.Error("asks for compression")
			}
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Encoding", "gzip")
			io.WriteString(w, "\x1f\x8b\x08\x00")
		}},
	}
	w := newWorld(t, target)
	through := model.Request{Op: model.OpGet, Input: value.Obj("TrailName", "alpha")}
	raw := model.Request{Op: model.OpGet, Input: value.Obj("TrailName", value.NullValue)}
	for _, test := range tests {
		for name, r := range map[string]model.Request{"SDK": through, "raw": raw} {
			t.Run(test.name+"/"+name, func(t *testing.T) {
				bad.Store(nil)
				require.Equal(t, model.Refused, w.Do(t.Context(), through).Answer.Outcome, "so that a connection is kept")
				count.Store(0)
				bad.Store(&test.handler)
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				reply := w.Do(t.Context(), r)
				runtime.ReadMemStats(&after)
				assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(24<<20))
				assert.Equal(t, test.outcome, reply.Answer.Outcome)
				assert.Equal(t, strings.Contains(test.problem, "no answer within"), reply.TimedOut)
				assert.Contains(t, reply.Problem, test.problem)
				assert.NotContains(t, reply.Problem, "secret")
				assert.LessOrEqual(t, len(reply.Received), targets.MaxKept)
				assert.EqualValues(t, 1, count.Load(), "sent once")
				assert.NotEmpty(t, reply.Sent)
			})
		}
	}
}

// A server that closes kept connections at once must not cost a request.
func TestStaleConnections(t *testing.T) {
	f := newFake()
	server := httptest.NewUnstartedServer(f)
	server.Config.IdleTimeout = 5 * time.Millisecond
	server.Start()
	t.Cleanup(server.Close)
	target, err := New(Options{URL: server.URL})
	require.NoError(t, err)
	_, err = target.Open(t.Context())
	require.NoError(t, err)
	w := newWorld(t, target)
	for range 10 {
		reply := w.Do(t.Context(), model.Request{Op: model.OpGet, Input: value.Obj("TrailName", "alpha")})
		require.Equal(t, model.Refused, reply.Answer.Outcome, reply.Problem)
		time.Sleep(80 * time.Millisecond) // on a busy machine, until the close has arrived
	}
}

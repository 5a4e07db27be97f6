// Package recording keeps what real clients and a real server say to each other over HTTP, and writes it in the shapes
// in which others record it: CloudTrail log files, lookup-events, HAR, and the cassettes of vcrpy and go-vcr.
package recording

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets/naming"
	"github.com/insightconform/conform/targets/wire"
)

// Call is one request with its answer.
type Call struct {
	Start, End time.Time
	Method     string
	URL        string
	Request    http.Header
	Sent       []byte
	Status     int // 0 where there was no answer
	Response   http.Header
	Received   []byte
}

// Recorder keeps calls. Its zero value is ready.
type Recorder struct {
	mu    sync.Mutex
	calls []Call
}

// Calls are those that have ended, in the order in which they began.
func (r *Recorder) Calls() []Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.SortedStableFunc(slices.Values(r.calls), func(a, b Call) int { return a.Start.Compare(b.Start) })
}

func (r *Recorder) keep(c Call) {
	c.End = time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, c)
}

// Handler passes requests on, and keeps them with their answers.
func (r *Recorder) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		c := Call{Start: time.Now(), Method: req.Method, URL: "http://" + req.Host + req.URL.RequestURI(),
			Request: req.Header.Clone()}
		c.Sent, _ = io.ReadAll(req.Body)
		req.Body = io.NopCloser(bytes.NewReader(c.Sent))
		out := &copied{ResponseWriter: w}
		defer func() {
			if problem := recover(); problem != nil { // the connection was closed
				r.keep(c)
				panic(problem)
			}
			c.Status, c.Response, c.Received = out.status, w.Header().Clone(), out.body.Bytes()
			r.keep(c)
		}()
		next.ServeHTTP(out, req)
	})
}

type copied struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (c *copied) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

func (c *copied) Write(p []byte) (int, error) {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	c.body.Write(p)
	return c.ResponseWriter.Write(p)
}

// operation is the operation of CloudTrail that a call asks for; modelled says that the model knows it.
func (c *Call) operation() (op model.Op, modelled bool) {
	r, problem := wire.DecodeRequest(c.Method, c.Request, c.Sent)
	return r.Op, problem == ""
}

// caller is the account and the Region of a call, as the embedded server tells them.
func (c *Call) caller() (account, region string) {
	signed := wire.Signed(c.Request)
	account, region = model.DefaultWorld.Account, model.DefaultWorld.Home
	if naming.IsAccount(signed.Key) {
		account = signed.Key
	}
	if signed.Region != "" {
		region = signed.Region
	}
	return account, region
}

// Timed gives the calls times that are a step apart, so that a recording which tells seconds alone keeps their order.
func Timed(calls []Call, begin time.Time, step time.Duration) []Call {
	out := slices.Clone(calls)
	for i := range out {
		out[i].Start = begin.Add(time.Duration(i) * step)
		out[i].End = out[i].Start.Add(min(step/2, 40*time.Millisecond))
	}
	return out
}

// lower begins a name as the log does.
func lower(name string) string {
	if name == "" {
		return name
	}
	return strings.ToLower(name[:1]) + name[1:]
}

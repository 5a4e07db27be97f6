package proxy

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/insightconform/conform/internal/judge"
	"github.com/insightconform/conform/internal/judge/recorded"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/endpoint"
	"github.com/insightconform/conform/targets/naming"
	"github.com/insightconform/conform/targets/wire"
)

// call is one that is judged, or a time in which calls may be missing.
type call struct {
	start, end time.Time // when it was passed on, and when the last of its answer came
	gap        string    // why calls may be missing
	method     string
	request    http.Header
	query      string
	sent       []byte
	sentAll    bool
	status     int
	response   http.Header
	received   []byte
	size       int64
	whole      bool // the answer has come to its end
	problem    string
	notSent    bool // the emulator was not there

	clock   func() time.Time
	open    int       // requests that it stands for which are on their way
	missing *call     // that stands for it, where too much waited
	late    bool      // it hangs, and was judged as one without an answer
	blind   time.Time // until when judging takes it to have its effect, since it hangs
}

// answered keeps an answer as it passes.
func (c *call) answered(response *http.Response) {
	if c.gap != "" || c.missing != nil {
		return
	}
	c.status, c.response, c.end = response.StatusCode, response.Header.Clone(), c.clock()
	response.Body = &tee{response.Body, c}
}

type tee struct {
	io.ReadCloser
	c *call
}

func (t *tee) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if n > 0 {
		t.c.end = t.c.clock()
		t.c.size += int64(n)
		t.c.received = append(t.c.received, p[:min(n, maxBody-len(t.c.received))]...)
	}
	t.c.whole = t.c.whole || err == io.EOF
	return n, err
}

// journal has the calls that are to be judged, in the order in which they began, and judges them on a goroutine of its own.
type journal struct {
	o       Options
	host    string
	started time.Time
	wake    chan struct{}
	ended   chan struct{}

	mu     sync.Mutex
	calls  []*call
	kept   int // bytes of them
	hung   []*call
	closed bool

	// Of the goroutine that judges.
	live      *recorded.Live
	judgement *judge.Judgement
	report    *reports.Report
	record    *record
	callers   map[string]string
	told      int // divergences
	lost      string
	broken    string // the judging itself, and why
}

// Why calls may be missing.
const (
	tooMany  = "more calls wait than can be kept for judging"
	hanging  = "a request that may have changed anything has had no answer for long"
	dropped  = "a connection was lost without an answer; an emulator that was started anew has forgotten all"
	notThere = "the emulator was not there; what was made before may be gone"
)

// The bounds of what waits for being judged.
const (
	maxCalls = 10_000
	maxKept  = 32 << 20 // bytes
)

func newJournal(o Options, upstream *url.URL) (*journal, error) {
	o.Patience = cmp.Or(o.Patience, judge.DefaultSettle/2)
	host := upstream.Scheme + "://" + upstream.Host
	j := &journal{o: o, host: host, started: time.Now(), wake: make(chan struct{}, 1), ended: make(chan struct{}), judgement: judge.New(0),
		callers: map[string]string{}, report: judge.NewReport(o.Version, "", o.FailOn, targets.Info{Name: "recorded", Endpoint: host})}
	name, format := cmp.Or(o.Record, "proxy"), recorded.FormatEvents
	if filepath.Ext(o.Record) == ".har" {
		format = recorded.FormatHAR
	}
	j.live = recorded.NewLive(name, format)
	if o.Record != "" {
		var err error
		if j.record, err = openRecord(o.Record, format, j.report); err != nil {
			return nil, usage("%s: %w; give a path that can be written", o.Record, err)
		}
	}
	go j.run()
	return j, nil
}

// now is a time that never goes back.
func (j *journal) now() time.Time { return j.started.Add(time.Since(j.started)) }

// begin takes a call in. Where too much waits already, it is one of those that are missing.
func (j *journal) begin(c *call) {
	j.mu.Lock()
	defer j.mu.Unlock()
	c.start, c.open, c.clock = j.now(), 1, j.now
	if len(j.calls) >= maxCalls || j.kept > maxKept {
		last := j.calls[len(j.calls)-1]
		if last.gap != tooMany {
			last = &call{start: c.start, gap: tooMany}
			j.calls = append(j.calls, last)
		}
		last.open++
		c.missing = last
		return
	}
	j.kept += len(c.sent)
	j.calls = append(j.calls, c)
}

// end takes in that a call is over.
func (j *journal) end(c *call) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if c.missing != nil {
		c = c.missing
	}
	if c.open--; c.open > 0 {
		return
	}
	if c.gap != "" || c.problem != "" {
		c.end = j.now()
	}
	if !c.late {
		j.kept += len(c.received)
	}
	j.stir()
}

// stir has the calls judged that can be.
func (j *journal) stir() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// next takes the calls that come next, before which none began that is still on its way, and says since when none is.
func (j *journal) next() (next []*call, since time.Time, over bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	now := j.now()
	for len(j.calls) > 0 {
		c := j.calls[0]
		waits := now.Sub(c.start) < j.o.Patience && !j.closed
		if c.open > 0 && waits {
			break
		}
		j.calls = j.calls[1:]
		j.kept -= len(c.sent)
		if c.open == 0 {
			j.kept -= len(c.received)
			next = append(next, c)
			continue
		}
		c.late = true
		next = append(next, c.unanswered(c.start))
		if c.gap != "" || recorded.Changes(c.request.Get(wire.TargetHeader)) {
			j.hung = append(j.hung, c)
		}
	}
	j.hung = slices.DeleteFunc(j.hung, func(c *call) bool { return c.open == 0 })
	for _, c := range j.hung {
		if c.blind.Sub(now) < judge.DefaultSettle/2 && !j.closed {
			next = append(next, c.unanswered(now))
		}
	}
	if since = now; len(j.calls) > 0 {
		since = j.calls[0].start
	}
	return next, since, j.closed && len(j.calls) == 0
}

// unanswered is a call that has no answer so far. Judging takes it to have its effect within a time from then; so as long as
// it hangs, it is told again.
func (c *call) unanswered(at time.Time) *call {
	c.blind = at.Add(judge.DefaultSettle)
	if c.gap != "" {
		return &call{start: at, end: c.blind, gap: hanging}
	}
	return &call{start: at, method: c.method, request: c.request, query: c.query, sent: c.sent, sentAll: c.sentAll}
}

// run judges calls until all are over.
func (j *journal) run() {
	defer close(j.ended)
	tick := time.NewTicker(min(time.Second, j.o.Patience/4))
	defer tick.Stop()
	for {
		next, since, over := j.next()
		for _, c := range next {
			j.take(c)
		}
		if j.guarded(func() { j.judgement.Until(since) }); over {
			return
		}
		if len(next) == 0 {
			select {
			case <-j.wake:
			case <-tick.C:
			}
		}
	}
}

// guarded judges, and tells what was found. If that breaks, requests still pass.
func (j *journal) guarded(judge func()) {
	if j.broken != "" {
		return
	}
	defer func() {
		if failure := recover(); failure != nil {
			j.broken = fmt.Sprintf("internal error: %v; please report it", failure)
		}
	}()
	judge()
	for ; j.told < len(j.judgement.Found); j.told++ {
		d := j.judgement.Found[j.told].Report()
		d.Fails = d.Level >= j.report.FailOn
		if j.record != nil {
			j.record.found(&d)
		}
		if j.o.Found != nil {
			j.o.Found(&d)
		}
	}
}

// take records a call, and judges it.
func (j *journal) take(c *call) {
	switch {
	case c.notSent:
		j.lost, c.gap = "the emulator was gone: "+c.problem, notThere
	case c.problem != "":
		j.take(&call{start: c.start, end: c.end, gap: dropped})
	case c.whole:
		j.lost = ""
	}
	line := j.recorded(c).HAR()
	if j.record != nil {
		j.record.add(line)
	}
	j.guarded(func() {
		if err := j.live.Entry(line, j.judgement.Exchange, j.judgement.Gap); err != nil {
			panic(err)
		}
	})
}

// recorded is a call without what proves who has made it.
func (j *journal) recorded(c *call) *recorded.Call {
	r := &recorded.Call{Start: c.start, Host: j.host, Method: c.method, Request: c.request, Gap: c.gap, Sent: c.sent, SentAll: c.sentAll}
	if c.gap != "" {
		r.End, r.Method, r.Request = c.end, http.MethodPost, nil
		return r
	}
	hide := func(text []byte) []byte { return endpoint.Hide(c.request, c.query, text) }
	if key := wire.Signed(c.request).Key; naming.IsAccount(key) {
		r.Caller = key
	} else if key != "" {
		if j.callers[key] == "" {
			j.callers[key] = "caller " + strconv.Itoa(len(j.callers)+1)
		}
		r.Caller = j.callers[key]
	}
	if c.whole {
		r.End, r.Status, r.Size, r.Response = c.end, c.status, c.size, c.response.Clone()
		for _, values := range r.Response {
			for i := range values {
				values[i] = string(hide([]byte(values[i])))
			}
		}
		body, plain := unpacked(c.received, c.response.Get("Content-Encoding"))
		r.Received, r.Whole = hide(body), plain && c.size == int64(len(c.received))
	}
	return r
}

// maxUnpacked is how many bytes a compressed answer may have.
const maxUnpacked = 16 << 20

// unpacked is a body without its encoding; plain is false where that is not known.
func unpacked(body []byte, encoding string) (_ []byte, plain bool) {
	switch strings.ToLower(encoding) {
	case "", "identity":
		return body, true
	case "gzip":
		in, err := gzip.NewReader(bytes.NewReader(body))
		if err == nil {
			body, err = io.ReadAll(io.LimitReader(in, maxUnpacked))
		}
		return body, err == nil && len(body) < maxUnpacked
	}
	return nil, false
}

// close ends the judging. What is still on its way has no answer.
func (j *journal) close(others int) (*reports.Report, error) {
	j.mu.Lock()
	j.closed = true
	j.stir()
	j.mu.Unlock()
	<-j.ended
	r := j.report
	j.guarded(j.judgement.Finish)
	j.guarded(func() { j.judgement.Fill(r) })
	judge.Took(r, j.live.Summary())
	r.Recorded.Others, r.End.Lost, r.End.Failed = others, j.lost, j.broken
	r.DurationSeconds = time.Since(j.started).Seconds()
	reports.Judge(r)
	if j.record == nil {
		return r, nil
	}
	return r, j.record.close(r)
}

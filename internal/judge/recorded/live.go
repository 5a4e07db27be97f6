package recorded

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/wire"
)

// Call is a call over HTTP that is to be recorded, or a time in which calls may be missing.
type Call struct {
	Start, End time.Time // End is zero where no answer came
	// Gap says why calls may be missing from Start to End; nothing else counts then.
	Gap string
	// Host is the "scheme://host" that was asked.
	Host           string
	Method         string
	Request        http.Header
	Caller         string // an account, or what tells one caller from another
	Sent           []byte
	Status         int // 0 where there was no answer
	Response       http.Header
	Received       []byte
	Size           int64 // of what was received, of which a part may be kept
	SentAll, Whole bool  // that all of it is kept
}

// Known reports whether a call with this X-Amz-Target header is one that is read.
func Known(target string) bool {
	_, modelled := operation(target)
	return modelled
}

// Changes reports whether a call with this X-Amz-Target header may change something.
func Changes(target string) bool {
	op, _ := operation(target)
	return !op.Reads()
}

// The headers that are kept: none of them tells who the caller is.
var (
	keptOfRequests = []string{"Content-Type", wire.TargetHeader, "User-Agent"}
	keptOfAnswers  = []string{"Content-Type", "X-Amzn-Errortype", "X-Amzn-Requestid"}
)

// own is what an entry has besides, of how it was recorded.
type own struct {
	signer
	Gap string `json:"gap,omitempty"`
}

// HAR is the call as an entry of a HAR file, in one line. Of who has made it, it tells the Region and the caller alone.
func (c *Call) HAR() []byte {
	took := max(c.End.Sub(c.Start).Nanoseconds(), 1)
	mine := own{signer{wire.Signed(c.Request).Region, c.Caller}, c.Gap}
	request := map[string]any{"method": c.Method, "url": c.Host + "/", "httpVersion": "HTTP/1.1", "cookies": []any{}, "queryString": []any{},
		"headers": kept(c.Request, keptOfRequests), "headersSize": -1, "bodySize": len(c.Sent)}
	if !c.SentAll {
		request["bodySize"] = -1
	} else if len(c.Sent) > 0 {
		post := text(c.Sent)
		post["mimeType"], post["params"] = c.Request.Get("Content-Type"), []any{}
		request["postData"] = post
	}
	content := map[string]any{}
	if c.Whole {
		content = text(c.Received)
	}
	content["size"], content["mimeType"] = c.Size, c.Response.Get("Content-Type")
	response := map[string]any{"status": c.Status, "statusText": http.StatusText(c.Status), "httpVersion": "HTTP/1.1", "cookies": []any{},
		"headers": kept(c.Response, keptOfAnswers), "content": content, "redirectURL": "", "headersSize": -1, "bodySize": c.Size}
	entry := map[string]any{"startedDateTime": c.Start.UTC().Format("2006-01-02T15:04:05.000000000Z07:00"), "time": float64(took) / 1e6,
		"request": request, "response": response, "cache": map[string]any{}, "_conform": mine,
		"timings": map[string]any{"send": 0, "wait": float64(took) / 1e6, "receive": 0}}
	if c.Status == 0 {
		entry["_error"] = "no answer"
	}
	line, _ := json.Marshal(entry) // of these types nothing fails
	return line
}

func kept(h http.Header, names []string) []map[string]string {
	out := []map[string]string{}
	for _, name := range names {
		for _, v := range h.Values(name) {
			out = append(out, map[string]string{"name": name, "value": v})
		}
	}
	return out
}

// text is bytes as HAR files keep them.
func text(body []byte) map[string]any {
	if utf8.Valid(body) {
		return map[string]any{"text": string(body)}
	}
	return map[string]any{"text": base64.StdEncoding.EncodeToString(body), "encoding": "base64"}
}

// Live reads the entries of calls as they are made, in the order of Start, just as Read reads them in a file.
type Live struct {
	r      *reader
	number int
}

// NewLive begins. The path is of the file where the entries stand.
func NewLive(path, format string) *Live {
	l := &Live{r: newReader()}
	l.r.files = []input{{path: path, format: format}}
	return l
}

// Entry gives what an entry says.
func (l *Live) Entry(line []byte, give func(Exchange), gap func(Gap)) error {
	r := l.r
	l.number++
	r.latest = time.Now().Add(24 * time.Hour)
	err := r.harEntry(newStream(bytes.NewReader(line), maxEntry), 0, l.number, &span{from: math.MaxInt64})
	for _, g := range r.gaps {
		r.sum.Gaps++
		gap(g)
	}
	for _, x := range r.sorter.items {
		var e entry
		if err := json.Unmarshal(x.data, &e); err != nil {
			return err
		}
		r.sum.Exchanges++
		give(r.exchange(&e, x))
	}
	r.gaps, r.sorter.items, r.sorter.size = nil, r.sorter.items[:0], 0
	return err
}

// Summary says what was read.
func (l *Live) Summary() Summary { return l.r.summary() }

// exchanges reads the calls that the events of a proxy tell.
func (r *reader) exchanges(file int, in io.Reader) error {
	s, number, whole := newStream(in, maxEntry), 0, span{from: math.MaxInt64, at: r.files[file].path}
	var err error
	for err == nil && s.PeekKind() == '{' {
		err = s.members(func(name string) error {
			if name != reports.EventExchange || s.PeekKind() != '{' {
				return s.skip()
			}
			number++
			return r.harEntry(s, file, number, &whole)
		})
	}
	if whole.from <= whole.to {
		r.traffic = append(r.traffic, whole)
	}
	if err == nil {
		if _, err = s.ReadToken(); err == io.EOF {
			err = nil
		}
	}
	return err
}

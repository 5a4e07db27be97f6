package recorded

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/insightconform/conform/internal/files"
	"github.com/insightconform/conform/model/value"
)

const (
	maxEntry  = 128 << 20 // bytes of a request or an answer in a HAR file
	maxUnpack = 16 << 20  // bytes of a compressed body
)

// har reads a HAR file, entry by entry.
func (r *reader) har(file int, in io.Reader) error {
	s := newStream(in, maxEntry)
	number := 0
	whole := span{from: math.MaxInt64, at: r.files[file].path}
	err := s.members(func(name string) error {
		if name != "log" || s.PeekKind() != '{' {
			return s.skip()
		}
		return s.members(func(name string) error {
			if name != "entries" || s.PeekKind() != '[' {
				return s.skip()
			}
			return s.list(func() error {
				number++
				return r.harEntry(s, file, number, &whole)
			})
		})
	})
	if whole.from <= whole.to {
		r.traffic = append(r.traffic, whole)
	}
	return err
}

func (r *reader) harEntry(s *stream, file, number int, whole *span) error {
	r.sum.Read++
	at := func() string { return r.at(file, number) }
	if s.PeekKind() != '{' {
		r.skip("an entry of another shape", at())
		r.gap(Gap{At: at(), Why: "an entry of another shape"})
		return s.skip()
	}
	parts := map[string]jsontext.Value{}
	err := s.members(func(name string) error {
		if !slices.Contains([]string{"startedDateTime", "time", "request", "response", "_error", "_conform"}, name) {
			return s.skip()
		}
		v, err := s.value()
		parts[name] = bytes.Clone(v)
		return err
	})
	if err != nil {
		return err
	}
	start, resolution, timed := started(textOf(parts["startedDateTime"]))
	took, took2, ended := milliseconds(parts["time"])
	timed = timed && start.After(earliest) && start.Before(r.latest)
	m := &message{format: FormatHAR, file: file, number: number}
	if timed {
		m.start = start.UnixNano()
		m.end = start.Add(took + resolution + took2).UnixNano()
		whole.from, whole.to = min(whole.from, m.start), max(whole.to, m.end)
		if r.lost != nil && start.Before(r.lost.From) {
			r.lost, r.disorder = nil, true
		} else if !r.disorder { // what follows began later
			r.lost = &Gap{From: start.UTC(), To: time.Unix(0, whole.to).UTC()}
		}
	}
	var mine own
	if parts["_conform"] != nil && json.Unmarshal(parts["_conform"], &mine) == nil {
		if mine.Gap != "" {
			r.skip(mine.Gap, at())
			r.gap(Gap{At: at(), Why: mine.Gap, From: time.Unix(0, m.start).UTC(), To: time.Unix(0, m.end).UTC()})
			return nil
		}
		m.signer = &mine.signer
	}
	request, err := value.Parse(parts["request"])
	if err != nil || request.Kind() != value.Object {
		r.lacks(m, "an entry without a request")
		return nil
	}
	m.method, m.url = strings.ToUpper(request.Get("method").Text()), request.Get("url").Text()
	m.request = headersOf(request.Get("headers"))
	if _, ours := operation(m.request.Get("X-Amz-Target")); ours {
		m.sent, m.requestLacks = r.posted(request, file)
		if failed := parts["_error"]; failed != nil && failed.Kind() != 'n' {
			m.unanswered = "no answer"
		}
		r.readAnswer(m, parts["response"])
		if !timed || m.unanswered == "" && !ended {
			m.end = m.start + int64(time.Minute) // hardly a client waits longer
			r.lacks(m, "an entry whose time is missing, or cannot be right")
			return nil
		}
	}
	return r.call(m)
}

// started is a time, and how precise it is given.
func started(text string) (t time.Time, resolution time.Duration, ok bool) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t, err = time.Parse("2006-01-02T15:04:05", text) // without a zone
	}
	resolution = time.Second
	if _, fraction, found := strings.Cut(text, "."); found {
		for i := 0; i < len(fraction) && fraction[i] >= '0' && fraction[i] <= '9'; i++ {
			resolution = max(resolution/10, 1)
		}
	}
	return t, resolution, err == nil
}

// milliseconds is a duration, and how precise it is given. Nothing takes no time: some tools write 0 where they do not know.
func milliseconds(raw jsontext.Value) (d, resolution time.Duration, ok bool) {
	ms, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || ms <= 0 || ms > 1e9 {
		return 0, 0, false
	}
	resolution = time.Millisecond
	if _, fraction, found := strings.Cut(string(raw), "."); found {
		for range min(len(fraction), 6) {
			resolution /= 10
		}
	}
	return time.Duration(math.Ceil(ms * 1e6)), max(resolution, 1), true
}

// headersOf reads a list of names and values. Those of HTTP/2 that begin with a colon are no headers.
func headersOf(list value.Value) http.Header {
	h := http.Header{}
	for _, x := range list.Items() {
		if name := x.Get("name").Text(); name != "" && name[0] != ':' {
			h.Add(name, x.Get("value").Text())
		}
	}
	return h
}

// body is that of a request or an answer, which Playwright may keep in a file beside; ok is false where it was not kept.
func (r *reader) body(content value.Value, file int) (body []byte, ok bool) {
	if text := content.Get("text"); text.Kind() == value.String {
		return plainBody(text.Text(), content.Get("encoding").Text())
	}
	name := content.Get("_file").Text()
	if name == "" || filepath.Base(name) != name {
		return nil, false
	}
	data, err := files.Read(r.ctx, nil, filepath.Join(filepath.Dir(r.files[file].path), name), maxUnpack)
	if err != nil {
		return nil, false
	}
	return plainBody(string(data), "")
}

// posted is the body of a request; lacks says that it was not kept.
func (r *reader) posted(request value.Value, file int) (body []byte, lacks bool) {
	data := request.Get("postData")
	if data.Kind() != value.Object {
		return nil, request.Get("bodySize").Text() != "0"
	}
	body, ok := r.body(data, file)
	return body, !ok || len(body) == 0 && request.Get("bodySize").Text() != "0" && request.Get("bodySize").Text() != ""
}

// readAnswer reads a response.
func (r *reader) readAnswer(m *message, raw jsontext.Value) {
	response, err := value.Parse(raw)
	m.response = headersOf(response.Get("headers"))
	status, err2 := strconv.Atoi(response.Get("status").Text())
	if err != nil || err2 != nil || status < 100 || status > 999 || response.Get("_error").Given() && status == 0 {
		m.unanswered = "no answer"
		return
	}
	m.status = status
	content := response.Get("content")
	size, _ := strconv.Atoi(content.Get("size").Text())
	body, ok := r.body(content, m.file)
	_, err = value.Parse(body)
	m.received, m.unknown = body, !ok || err != nil && size > len(body)
}

// plainBody is a body without the encodings in which recordings keep it; ok is false where it cannot be had.
func plainBody(text, encoding string) (body []byte, ok bool) {
	body = []byte(text)
	if strings.EqualFold(encoding, "base64") {
		decoded, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			if decoded, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "=")); err != nil {
				return nil, false
			}
		}
		body = decoded
	}
	if strings.HasPrefix(text, "\x1f\u008b") { // bytes as characters
		body = latin1(text)
	}
	if !bytes.HasPrefix(body, []byte{0x1f, 0x8b}) {
		return body, true
	}
	in, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, false
	}
	body, err = io.ReadAll(io.LimitReader(in, maxUnpack+1))
	return body, err == nil && len(body) <= maxUnpack
}

// latin1 is the bytes that stand as characters; nil where there are others.
func latin1(text string) []byte {
	out := make([]byte, 0, len(text))
	for _, c := range text {
		if c > 0xff {
			return nil
		}
		out = append(out, byte(c))
	}
	return out
}

package embedded

import (
	"bytes"
	"io"
	"net/http"
)

// local hands requests to a handler without sockets, in the calling goroutine.
type local struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (l local) RoundTrip(req *http.Request) (answer *http.Response, err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			answer, err = nil, io.ErrUnexpectedEOF
		default:
			panic(p)
		}
	}()
	served := req.Clone(req.Context())
	if served.Body == nil {
		served.Body = http.NoBody
	}
	out := &recorder{status: http.StatusOK, header: http.Header{}}
	l.handler.ServeHTTP(out, served)
	return &http.Response{StatusCode: out.status, Header: out.header, ContentLength: int64(out.body.Len()), Body: io.NopCloser(&out.body)}, nil
}

type recorder struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

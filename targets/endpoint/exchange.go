package endpoint

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/wire"
)

// at is a path below the endpoint's URL, as the SDK would form it.
func at(u *url.URL, path string) *url.URL {
	clean := *u
	clean.Path = smithyhttp.JoinPath(u.Path, path)
	return &clean
}

const maxAnswer = 1 << 20

// exchanged is what was on the wire.
type exchanged struct {
	meant    value.Value // what the body of a request through the SDK must say
	sent     []byte
	reached  bool // the request got as far as the transport
	status   int
	header   http.Header
	received []byte
	err      error
}

// errTooLarge says that an answer was not read to its end.
var errTooLarge = errors.New("answer larger than 1 MiB")

// Do implements the HTTPClient of the SDK's clients.
func (c *Caller) Do(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil && req.Body != http.NoBody {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
	}
	recorder := recorderOf(req.Context())
	x := cmp.Or(recorder, &exchanged{})
	response := c.exchange(req, body, x)
	if x.err == nil && recorder == nil {
		response.Body = io.NopCloser(bytes.NewReader(x.received))
	}
	return response, x.err
}

// exchange sends one request, once, and reads the whole answer.
func (c *Caller) exchange(req *http.Request, body []byte, x *exchanged) *http.Response {
	x.sent, x.reached = body, true
	if body == nil {
		req.Body, req.GetBody = nil, nil
	} else {
		req.ContentLength = int64(len(body))
		// Lets a POST go again where a kept connection was closed before anything was written; never later.
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		req.Body, _ = req.GetBody()
	}
	response, err := c.options.Transport.RoundTrip(req)
	if err != nil {
		x.err = err
		return nil
	}
	defer response.Body.Close() // before its end, this closes the connection
	x.status, x.header = response.StatusCode, response.Header
	if x.received, x.err = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1)); len(x.received) > maxAnswer {
		x.received, x.err = x.received[:maxAnswer], errTooLarge
	}
	response.Body = http.NoBody // nobody decodes it again
	return response
}

// raw sends a signed request with a body of our own.
func (c *Caller) raw(ctx context.Context, region, method, target string, to *url.URL, body []byte, x *exchanged) {
	req := (&http.Request{
		Method: cmp.Or(method, http.MethodPost), URL: to, Host: to.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"User-Agent": {"insightconform-conform"}, "Content-Type": {wire.ContentType}},
		ContentLength: int64(len(body)),
	}).WithContext(ctx)
	if target != "" {
		req.Header[wire.TargetHeader] = []string{target}
	}
	if c.options.Admit != nil {
		if x.err = c.options.Admit(req, body); x.err != nil {
			return
		}
	}
	credentials, err := c.options.Credentials.Retrieve(ctx)
	if err != nil {
		x.err = errCredentials
		return
	}
	sum := sha256.Sum256(body)
	if c.signer.SignHTTP(ctx, credentials, req, hex.EncodeToString(sum[:]), "cloudtrail", region, time.Now()) != nil {
		x.err = errors.New("the request cannot be signed")
		return
	}
	if len(body) == 0 {
		body = nil
	}
	c.exchange(req, body, x)
}

// errCredentials stands for the provider's own error, which may tell more than a report should.
var errCredentials = errors.New("the environment gives no credentials; set them, or leave out --use-environment-credentials")

// problem says in one line why there is no answer.
func (c *Caller) problem(ctx context.Context, err error) string {
	for _, known := range []error{errTooLarge, errCredentials, errMetadata} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	var dns *net.DNSError
	var op *net.OpError
	var untrusted *tls.CertificateVerificationError
	switch {
	case errors.Is(err, targets.ErrRefused):
		return wire.Printable(err.Error())
	case errors.Is(ctx.Err(), context.Canceled):
		return "interrupted"
	case isTimeout(err):
		return fmt.Sprintf("no answer within %v", targets.Limit(ctx, c.options.Timeout))
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case isReset(err):
		return "connection reset"
	case isLost(err):
		return "connection closed before the end of the answer"
	case errors.As(err, &dns):
		return "the host name cannot be resolved"
	case errors.As(err, &untrusted):
		return "TLS: the certificate is not trusted"
	case errors.As(err, &op) && op.Err != nil:
		err = op.Err
	}
	return "no HTTP answer: " + wire.Printable(strings.TrimPrefix(err.Error(), "net/http: HTTP/1.x transport connection broken: "))
}

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// isLost tells a connection that was made and then lost.
func isLost(err error) bool {
	return isReset(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		strings.Contains(err.Error(), "server closed idle connection") // net/http does not export it
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}

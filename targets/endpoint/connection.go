package endpoint

import (
	"bytes"
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

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/wire"
)

// maxAnswer is how much of an answer is read.
const maxAnswer = 1 << 20

// connection sends requests to one URL and records them. As an HTTPClient it serves the SDK's
// clients; it works on the transport itself, so that nothing follows a redirect, keeps a cookie or
// asks a proxy.
type connection struct {
	transport   http.RoundTripper
	timeout     time.Duration
	credentials aws.CredentialsProvider
	signer      *v4.Signer
	url         *url.URL // of the CloudTrail operations
	admit       Admit    // nil admits everything
	pace        Pacer    // nil is none
}

// newConnection sends through a transport, or over the network where that is nil.
func newConnection(u *url.URL, timeout time.Duration, conns int, credentials aws.CredentialsProvider, transport http.RoundTripper) *connection {
	if transport == nil {
		transport = &http.Transport{
			DialContext:         (&net.Dialer{Timeout: timeout, Control: guardDial}).DialContext,
			MaxIdleConnsPerHost: conns,
			// Shorter than servers keep a connection, so that none is used while it is being closed.
			IdleConnTimeout:        time.Second,
			TLSHandshakeTimeout:    timeout,
			DisableCompression:     true,
			MaxResponseHeaderBytes: 64 << 10,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		}
	}
	return &connection{transport: transport, timeout: timeout, credentials: credentials, signer: v4.NewSigner(), url: at(u, "/")}
}

// at is a path below the endpoint's URL, as the SDK would form it.
func at(u *url.URL, path string) *url.URL {
	clean := *u
	clean.Path = smithyhttp.JoinPath(u.Path, path)
	return &clean
}

// exchanged is what was on the wire.
type exchanged struct {
	sent     []byte
	reached  bool // the request got as far as the transport
	status   int
	header   http.Header
	received []byte
	err      error
}

type recorderKey struct{}

// recording returns a context whose next exchange is written to x.
func recording(ctx context.Context, x *exchanged) context.Context {
	return context.WithValue(ctx, recorderKey{}, x)
}

// errTooLarge says that an answer was not read to its end.
var errTooLarge = errors.New("answer larger than 1 MiB")

// Do implements the HTTPClient of the SDK's clients.
func (c *connection) Do(req *http.Request) (*http.Response, error) {
	recorder, _ := req.Context().Value(recorderKey{}).(*exchanged)
	x := recorder
	if x == nil {
		x = &exchanged{}
	}
	var body []byte
	if req.Body != nil && req.Body != http.NoBody {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
	}
	response := c.exchange(req, body, x)
	if x.err != nil {
		return nil, x.err
	}
	if recorder == nil {
		response.Body = io.NopCloser(bytes.NewReader(x.received))
	} else {
		response.Body = http.NoBody // nobody decodes it again
	}
	return response, nil
}

// exchange sends one request, once, and reads the whole answer.
func (c *connection) exchange(req *http.Request, body []byte, x *exchanged) *http.Response {
	x.sent, x.reached = body, true
	if body == nil {
		req.Body, req.GetBody = nil, nil
	} else {
		req.ContentLength = int64(len(body))
		// With GetBody, the transport sends a POST again where a kept connection turned out to be
		// closed before anything was written; it never does so later.
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		req.Body, _ = req.GetBody()
	}
	response, err := c.transport.RoundTrip(req)
	if err != nil {
		x.err = err
		return nil
	}
	x.status, x.header = response.StatusCode, response.Header
	x.received, x.err = readAnswer(response.Body)
	response.Body.Close() // before its end, this closes the connection
	return response
}

func readAnswer(body io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(body, maxAnswer+1))
	if len(data) > maxAnswer {
		return data[:maxAnswer], errTooLarge
	}
	return data, err
}

// raw sends a signed request with a body of our own.
func (c *connection) raw(ctx context.Context, region, method, target string, to *url.URL, body []byte, x *exchanged) {
	if method == "" {
		method = http.MethodPost
	}
	req := (&http.Request{
		Method: method, URL: to, Host: to.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"User-Agent": {userAgent}, "Content-Type": {wire.ContentType}},
		ContentLength: int64(len(body)),
	}).WithContext(ctx)
	if target != "" {
		req.Header[wire.TargetHeader] = []string{target}
	}
	if c.admit != nil {
		if x.err = c.admit(req, body); x.err != nil {
			return
		}
	}
	credentials, err := c.credentials.Retrieve(ctx)
	if err != nil {
		x.err = errCredentials
		return
	}
	sum := sha256.Sum256(body)
	if err := c.signer.SignHTTP(ctx, credentials, req, hex.EncodeToString(sum[:]), "cloudtrail", region, time.Now()); err != nil {
		x.err = errors.New("the request cannot be signed")
		return
	}
	if len(body) == 0 {
		body = nil
	}
	c.exchange(req, body, x)
}

const userAgent = "insightconform-conform"

// errCredentials stands for the provider's own error, which may tell more than a report should.
var errCredentials = errors.New("the environment gives no credentials; set them, or leave out --use-environment-credentials")

// problem says in one line why there is no answer; crashed tells an answer that was seen from none.
func (c *connection) problem(ctx context.Context, err error) (text string, crashed bool) {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.Is(err, errTooLarge):
		return errTooLarge.Error(), true
	case errors.Is(err, errCredentials):
		return errCredentials.Error(), false
	case errors.Is(err, errMetadata):
		return errMetadata.Error(), false
	case errors.Is(err, targets.ErrRefused):
		return wire.Printable(err.Error()), false
	case errors.Is(ctx.Err(), context.Canceled):
		return "interrupted", false
	case isTimeout(err):
		return fmt.Sprintf("no answer within %v", targets.Limit(ctx, c.timeout)), false
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused", false
	case isReset(err):
		return "connection reset", false
	case isLost(err):
		return "connection closed before the end of the answer", false
	case errors.As(err, &dns):
		return "the host name cannot be resolved", false
	}
	if errors.As(err, &op) && op.Err != nil {
		err = op.Err
	}
	var other *tls.CertificateVerificationError
	if errors.As(err, &other) {
		return "TLS: the certificate is not trusted", false
	}
	return "no HTTP answer: " + wire.Printable(strings.TrimPrefix(err.Error(), "net/http: HTTP/1.x transport connection broken: ")), false
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

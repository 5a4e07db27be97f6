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
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/go-json-experiment/json"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/wire"
)

// Admit looks at a request with its body before it is signed. An error keeps it from being sent.
type Admit func(req *http.Request, body []byte) error

// Caller speaks CloudTrail's protocol with one URL, and records what is on the wire. As an HTTPClient it
// serves the SDK's clients; it works on the transport itself, so that nothing follows a redirect or keeps a
// cookie.
type Caller struct {
	options    Options // but for URL, which is read
	url        *url.URL
	admit      Admit
	client     *cloudtrail.Client // makes requests, and sends none
	long       bool               // the prefix of X-Amz-Target is
	distrusted string             // what to do where a certificate is
	headers    [][2]string        // that are sent beside a request's own
	signers    sync.Map           // *v4.Signer by access key: each keeps one derived key for a Region
}

// Inspected says what to do where the certificate of the service is not trusted.
const Inspected = "a network that inspects TLS puts its own in the place of the service's: run this from another, or, where you trust " +
	"it, add its authority to the system's store"

// NewCaller returns a caller of a URL, with the timeout, connections, transport, credentials and pace of the
// options; nil admits everything. Nothing is sent.
func NewCaller(to *url.URL, o Options, admit Admit) *Caller {
	distrusted := Inspected
	if o.Transport == nil {
		distrusted = "a network that inspects TLS puts its own in the place of the server's, and an emulator may have made its own: " +
			"--ca-file FILE trusts those of a file, as does adding them to the system's store"
		// Shorter than servers keep a connection, so that none is used while it is being closed.
		transport := NewTransport(&net.Dialer{Timeout: o.Timeout, Control: guardDial}, o.Conns, time.Second)
		transport.TLSClientConfig.RootCAs = o.RootCAs
		if o.Proxy != nil {
			transport.Proxy, transport.OnProxyConnectResponse = o.Proxy.guarded(), refusedByProxy
		}
		o.Transport = transport
	}
	c := &Caller{options: o, distrusted: distrusted, url: to, admit: admit, client: cloudtrail.New(cloudtrail.Options{Credentials: o.Credentials})}
	for _, header := range o.Headers {
		if name, value, err := ParseHeader(header); err == nil {
			c.headers = append(c.headers, [2]string{name, value})
		}
	}
	return c
}

// NewTransport returns one that asks no proxy and keeps some connections, each for some time without use.
func NewTransport(dialer *net.Dialer, conns int, idle time.Duration) *http.Transport {
	return &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: conns, IdleConnTimeout: idle,
		TLSHandshakeTimeout: dialer.Timeout, DisableCompression: true, MaxResponseHeaderBytes: 64 << 10,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
}

// Send sends one request to a Region and reads the answer. Reply.Err is what Admit refused with.
func (c *Caller) Send(ctx context.Context, region string, r model.Request) targets.Reply {
	reply, _ := c.ask(ctx, region, r)
	return reply
}

// ask sends one request in its time and reads the answer.
func (c *Caller) ask(ctx context.Context, region string, r model.Request) (targets.Reply, *exchanged) {
	write := !r.Op.Reads() && !strings.HasPrefix(string(r.Op), "List") && !strings.HasPrefix(string(r.Op), "Describe")
	if c.options.Pace != nil {
		if err := c.options.Pace.Wait(ctx, region, write); err != nil {
			return targets.Reply{Problem: "interrupted"}, &exchanged{err: err}
		}
	}
	limited, cancel := context.WithTimeout(ctx, targets.Limit(ctx, c.options.Timeout))
	defer cancel()
	req, body := c.ofSDK(limited, r)
	if req == nil {
		req, body = raw(r.Method), wire.Encode(r)
	}
	req.Header.Set(wire.TargetHeader, wire.Target(model.Request{Op: r.Op, OtherTarget: r.OtherTarget != c.long}))
	x := c.signed(limited, region, req, at(c.url, "/"), body)
	reply := c.read(ctx, r, x)
	if c.options.Pace != nil && x.err == nil && wire.Repeatable(reply.Answer.Code) {
		c.options.Pace.Throttled(region, write)
	}
	return reply, x
}

func (c *Caller) read(ctx context.Context, r model.Request, x *exchanged) targets.Reply {
	if x.err == nil {
		reply := wire.DecodeAnswer(r, x.status, x.header, x.received)
		reply.Sent = x.sent
		return reply
	}
	reply := targets.Reply{Sent: x.sent, Status: x.status, Received: slices.Clone(x.received[:min(len(x.received), targets.MaxKept)])}
	reply.Problem = c.problem(ctx, x.err)
	if errors.Is(x.err, errTooLarge) {
		reply.Answer.Outcome = model.Crashed
	} else {
		reply.TimedOut = isTimeout(x.err)
	}
	if errors.Is(x.err, targets.ErrRefused) {
		reply.Err = x.err
	}
	return reply
}

// sdkMethods has the SDK's method of each operation. To look it up is as dear as to read an answer.
var sdkMethods = sync.OnceValue(func() map[model.Op]reflect.Method {
	out := map[model.Op]reflect.Method{}
	for _, op := range model.Ops {
		if method, ok := reflect.TypeFor[*cloudtrail.Client]().MethodByName(string(op)); ok {
			out[op] = method
		}
	}
	return out
})

// ofSDK is a request as the SDK's client makes it, before it is signed, and its body; nil where that does not say just
// what is meant. To be sent by the SDK, and read, would take most of a run's time.
func (c *Caller) ofSDK(ctx context.Context, r model.Request) (req *http.Request, body []byte) {
	method, ok := sdkMethods()[r.Op]
	if !ok || r.Malformed() || r.OtherTarget || targets.Bare.In(ctx) {
		return nil, nil
	}
	meant := r.Input
	if meant.Kind() == value.Absent {
		meant = value.Obj()
	}
	in := reflect.New(method.Type.In(2).Elem())
	if json.Unmarshal(meant.AppendJSON(nil), in.Interface()) != nil {
		return nil, nil
	}
	take := middleware.BuildMiddlewareFunc("ConformTake", func(_ context.Context, in middleware.BuildInput, _ middleware.BuildHandler) (
		out middleware.BuildOutput, metadata middleware.Metadata, err error) {
		made := in.Request.(*smithyhttp.Request)
		if body, err = io.ReadAll(made.GetStream()); err == nil {
			req = made.Request
		}
		return out, metadata, errTaken
	})
	unsent := func(o *cloudtrail.Options) {
		o.APIOptions = []func(*middleware.Stack) error{func(stack *middleware.Stack) error {
			_, _ = stack.Initialize.Remove("OperationInputValidation") // lets out what lacks a member; some have none
			return stack.Build.Add(take, middleware.After)
		}}
	}
	method.Func.Call([]reflect.Value{reflect.ValueOf(c.client), reflect.ValueOf(ctx), in, reflect.ValueOf(unsent)})
	if said, err := value.Parse(body); req == nil || err != nil || !said.Equal(meant) {
		return nil, nil
	}
	req.Header.Set("Amz-Sdk-Request", "attempt=1; max=1") // which the SDK says of each attempt
	return req, body
}

var errTaken = errors.New("the SDK does not send the request")

// Config is that of SDK clients of any service, at some URL. It is given whole, so that they read neither
// the environment nor any configuration file; their calls take no longer than a request may.
func (c *Caller) Config(base *url.URL, region string, admit Admit) aws.Config {
	text := strings.TrimSuffix(base.String(), "/")
	return aws.Config{BaseEndpoint: &text, Region: region, Credentials: c.options.Credentials, HTTPClient: c,
		Retryer:                    func() aws.Retryer { return aws.NopRetryer{} },
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		APIOptions: []func(*middleware.Stack) error{c.bounded, func(stack *middleware.Stack) error {
			return stack.Finalize.Insert(c.beforeSigning(admit), "Signing", middleware.Before)
		}}}
}

func (c *Caller) bounded(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("ConformTimeout", func(ctx context.Context,
		in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		ctx, cancel := context.WithTimeout(ctx, targets.Limit(ctx, c.options.Timeout))
		defer cancel()
		return next.HandleInitialize(ctx, in)
	}), middleware.Before)
}

// beforeSigning sees that the SDK's requests are admitted.
func (c *Caller) beforeSigning(admit Admit) middleware.FinalizeMiddleware {
	return middleware.FinalizeMiddlewareFunc("ConformAdmit", func(ctx context.Context, in middleware.FinalizeInput,
		next middleware.FinalizeHandler) (out middleware.FinalizeOutput, metadata middleware.Metadata, err error) {
		request, ok := in.Request.(*smithyhttp.Request)
		if !ok {
			return out, metadata, errors.New("a request that is none of HTTP")
		}
		var body []byte
		if stream := request.GetStream(); stream != nil {
			body, err = io.ReadAll(stream)
			if err = cmp.Or(err, request.RewindStream()); err != nil {
				return out, metadata, err
			}
		}
		if admit != nil {
			if err := admit(request.Request, body); err != nil {
				return out, metadata, err
			}
		}
		return next.HandleFinalize(ctx, in)
	})
}

// at is a path below the endpoint's URL, as the SDK would form it.
func at(u *url.URL, path string) *url.URL {
	clean := *u
	clean.Path = smithyhttp.JoinPath(u.Path, path)
	return &clean
}

const maxAnswer = 1 << 20

// exchanged is what was on the wire.
type exchanged struct {
	sent     []byte
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
	var x exchanged
	response := c.exchange(req, body, &x)
	if x.err == nil {
		response.Body = io.NopCloser(bytes.NewReader(x.received))
	}
	return response, x.err
}

// exchange sends one request, once, and reads the whole answer.
func (c *Caller) exchange(req *http.Request, body []byte, x *exchanged) *http.Response {
	x.sent = body
	if body == nil {
		req.Body, req.GetBody = nil, nil
	} else {
		req.ContentLength = int64(len(body))
		// Lets a POST go again where a kept connection was closed before anything was written; never later.
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		req.Body, _ = req.GetBody()
	}
	keys, _ := c.options.Credentials.Retrieve(req.Context())
	secrets := veilOf(req.Header, keys.SecretAccessKey)
	for _, header := range c.headers {
		req.Header.Add(header[0], header[1])
		secrets = secrets.with(header[1]) // maybe a token
	}
	response, err := c.options.Transport.RoundTrip(req)
	if err != nil {
		x.err = secrets.error(err)
		return nil
	}
	defer response.Body.Close() // before its end, this closes the connection
	x.status, x.header = response.StatusCode, response.Header
	if x.received, x.err = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1)); len(x.received) > maxAnswer {
		x.received, x.err = x.received[:maxAnswer], errTooLarge
	}
	x.received, x.err = secrets.strike(x.received), secrets.error(x.err)
	for _, values := range x.header {
		for i, text := range values {
			if in(text, secrets) {
				values[i] = string(secrets.strike([]byte(text)))
			}
		}
	}
	return response
}

// raw is a request that is none of the SDK's.
func raw(method string) *http.Request {
	return &http.Request{Method: cmp.Or(method, http.MethodPost), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"User-Agent": {"insightconform-conform"}, "Content-Type": {wire.ContentType}}}
}

// signed sends a request with its body once it is admitted and signed for a Region, and reads the answer.
func (c *Caller) signed(ctx context.Context, region string, req *http.Request, to *url.URL, body []byte) *exchanged {
	x := &exchanged{}
	req = req.WithContext(ctx)
	req.URL, req.Host, req.ContentLength = to, to.Host, int64(len(body))
	if c.admit != nil {
		if x.err = c.admit(req, body); x.err != nil {
			return x
		}
	}
	credentials, err := c.options.Credentials.Retrieve(ctx)
	if err != nil {
		x.err = errCredentials
		return x
	}
	signer, ok := c.signers.Load(credentials.AccessKeyID)
	if !ok {
		signer, _ = c.signers.LoadOrStore(credentials.AccessKeyID, v4.NewSigner())
	}
	sum := sha256.Sum256(body)
	if signer.(*v4.Signer).SignHTTP(ctx, credentials, req, hex.EncodeToString(sum[:]), "cloudtrail", region, time.Now()) != nil {
		x.err = errors.New("the request cannot be signed")
		return x
	}
	if len(body) == 0 {
		body = nil
	}
	c.exchange(req, body, x)
	return x
}

// errCredentials stands for the provider's own error, which may tell more than a report should.
var errCredentials = errors.New("the environment gives no credentials; set them, or leave out --use-environment-credentials")

// problem says in one line why there is no answer.
func (c *Caller) problem(ctx context.Context, err error) string {
	var op *net.OpError
	var untrusted *tls.CertificateVerificationError
	var proxy *proxyError
	switch {
	case errors.Is(err, errTooLarge), errors.Is(err, errCredentials), errors.Is(err, errMetadata), errors.Is(err, targets.ErrRefused):
	case errors.Is(ctx.Err(), context.Canceled):
		return "interrupted"
	case errors.As(err, &proxy):
		return proxy.text
	case errors.As(err, &op) && op.Op == "proxyconnect":
		return "the proxy that HTTP_PROXY or HTTPS_PROXY names cannot be reached: " + c.problem(ctx, op.Err)
	case isTimeout(err):
		return fmt.Sprintf("no answer within %v", targets.Limit(ctx, c.options.Timeout))
	case errors.As(err, &untrusted):
		return distrusted + c.distrusted
	}
	return Problem(err)
}

const distrusted = "TLS: the certificate is not trusted; "

// Problem says in one line why there is no answer.
func Problem(err error) string {
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
	case isTimeout(err):
		return "no answer in time"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case isReset(err):
		return "connection reset"
	case isLost(err):
		return "connection closed before the end of the answer"
	case errors.As(err, &dns):
		return "the host name cannot be resolved"
	case errors.As(err, &untrusted):
		return distrusted + "--ca-file FILE trusts those of a file"
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

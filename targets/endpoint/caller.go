package endpoint

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
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

// CallerOptions say where a Caller sends to.
type CallerOptions struct {
	URL         *url.URL
	Timeout     time.Duration     // of one request, its answer included
	Conns       int               // how many connections are kept
	Transport   http.RoundTripper // nil is one that follows no redirect and asks no proxy
	Credentials aws.CredentialsProvider
	Admit       Admit // nil admits everything
	Pace        Pacer // nil is none
}

// Caller speaks CloudTrail's protocol with one URL, and records what is on the wire. As an HTTPClient it
// serves the SDK's clients; it works on the transport itself, so that nothing follows a redirect, keeps a
// cookie or asks a proxy.
type Caller struct {
	options CallerOptions
	signer  *v4.Signer
	long    bool     // the prefix of X-Amz-Target is
	clients sync.Map // *cloudtrail.Client by access key: each keeps one derived key for a Region
}

// NewCaller returns a caller; nothing is sent.
func NewCaller(o CallerOptions) *Caller {
	if o.Transport == nil {
		// Shorter than servers keep a connection, so that none is used while it is being closed.
		o.Transport = NewTransport(&net.Dialer{Timeout: o.Timeout, Control: guardDial}, o.Conns, time.Second)
	}
	return &Caller{options: o, signer: v4.NewSigner()}
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
	x := &exchanged{meant: r.Input}
	if x.meant.Kind() == value.Absent {
		x.meant = value.Obj()
	}
	if !c.throughSDK(ctx, region, r, x) {
		limited, cancel := context.WithTimeout(ctx, targets.Limit(ctx, c.options.Timeout))
		defer cancel()
		r.OtherTarget = r.OtherTarget != c.long
		c.raw(limited, region, r.Method, wire.Target(r), at(c.options.URL, "/"), wire.Encode(r), x)
	}
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

type recorderKey struct{}

func recorderOf(ctx context.Context) *exchanged {
	x, _ := ctx.Value(recorderKey{}).(*exchanged)
	return x
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

// throughSDK sends a request through the SDK's client if that says just what is meant. Answers are read from the wire.
func (c *Caller) throughSDK(ctx context.Context, region string, r model.Request, x *exchanged) bool {
	if r.Malformed() || r.OtherTarget || targets.IsBare(ctx) {
		return false
	}
	credentials, _ := c.options.Credentials.Retrieve(ctx)
	client, ok := c.clients.Load(credentials.AccessKeyID)
	if !ok {
		client, _ = c.clients.LoadOrStore(credentials.AccessKeyID, cloudtrail.NewFromConfig(c.Config(at(c.options.URL, "/"), "", c.options.Admit),
			func(o *cloudtrail.Options) { o.APIOptions = append(o.APIOptions, unchecked) }))
	}
	method, ok := sdkMethods()[r.Op]
	if !ok {
		return false
	}
	in := reflect.New(method.Type.In(2).Elem())
	if json.Unmarshal(x.meant.AppendJSON(nil), in.Interface()) == nil {
		inRegion := func(o *cloudtrail.Options) { o.Region = region }
		method.Func.Call([]reflect.Value{reflect.ValueOf(client), reflect.ValueOf(context.WithValue(ctx, recorderKey{}, x)), in, reflect.ValueOf(inRegion)})
	}
	return x.reached
}

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

// unchecked lets requests out that lack a member.
func unchecked(stack *middleware.Stack) error {
	_, _ = stack.Initialize.Remove("OperationInputValidation") // some operations have none
	return nil
}

var errOtherwise = errors.New("the SDK would send something else")

// beforeSigning sees that the SDK's requests say what is meant and are admitted. Recorded ones get X-Amz-Target.
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
		if x := recorderOf(ctx); x != nil {
			if said, err := value.Parse(body); err != nil || !said.Equal(x.meant) {
				return out, metadata, errOtherwise
			}
			request.Header.Set(wire.TargetHeader, wire.Target(model.Request{Op: model.Op(middleware.GetOperationName(ctx)), OtherTarget: c.long}))
		}
		if admit != nil {
			if err := admit(request.Request, body); err != nil {
				return out, metadata, err
			}
		}
		return next.HandleFinalize(ctx, in)
	})
}

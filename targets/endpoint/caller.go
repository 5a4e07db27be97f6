package endpoint

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/wire"
)

// Admit looks at a request with its body before it is signed. An error keeps it from being signed
// and sent.
type Admit func(req *http.Request, body []byte) error

// BeforeSigning is an API option that has the requests of any SDK client admitted.
func (admit Admit) BeforeSigning(stack *middleware.Stack) error {
	return stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("ConformAdmit", func(ctx context.Context,
		in middleware.FinalizeInput, next middleware.FinalizeHandler) (out middleware.FinalizeOutput, metadata middleware.Metadata, err error) {
		request, ok := in.Request.(*smithyhttp.Request)
		if !ok {
			return out, metadata, errors.New("a request that is none of HTTP")
		}
		var body []byte
		if stream := request.GetStream(); stream != nil {
			if body, err = io.ReadAll(stream); err != nil {
				return out, metadata, err
			}
			if request, err = request.SetStream(bytes.NewReader(body)); err != nil {
				return out, metadata, err
			}
			in.Request = request
		}
		if err := admit(request.Request, body); err != nil {
			return out, metadata, err
		}
		return next.HandleFinalize(ctx, in)
	}), "Signing", middleware.Before)
}

// CallerOptions say where a Caller sends to.
type CallerOptions struct {
	URL         *url.URL
	Region      string            // that requests are signed for
	Timeout     time.Duration     // of one request, its answer included
	Transport   http.RoundTripper // nil is one that follows no redirect and asks no proxy
	Credentials aws.CredentialsProvider
	Admit       Admit // nil admits everything
	Pace        Pacer // nil is none
}

// Caller speaks CloudTrail's protocol with one URL as an endpoint target does, for targets that choose
// their URLs and names themselves.
type Caller struct {
	options CallerOptions
	conn    *connection
	client  *cloudtrail.Client
}

// NewCaller returns a caller; nothing is sent.
func NewCaller(o CallerOptions) *Caller {
	conn := newConnection(o.URL, o.Timeout, 16, o.Credentials, o.Transport)
	conn.admit, conn.pace = o.Admit, o.Pace
	return &Caller{options: o, conn: conn, client: newClient(conn, o.Region, wire.ShortPrefix)}
}

// Do sends one request and reads the answer. Reply.Err is what Admit refused with.
func (l *Caller) Do(ctx context.Context, r model.Request) targets.Reply {
	reply, _ := l.conn.ask(ctx, func(string) *cloudtrail.Client { return l.client }, l.options.Region, wire.ShortPrefix, r)
	return reply
}

// Config is that of clients of other services, at another URL. What they send is recorded nowhere.
func (l *Caller) Config(base *url.URL, region string, admit Admit) aws.Config {
	return l.conn.config(base, region, admit)
}

// config is that of SDK clients whose calls take no longer than a request may.
func (c *connection) config(base *url.URL, region string, admit Admit) aws.Config {
	text := strings.TrimSuffix(base.String(), "/")
	cfg := aws.Config{BaseEndpoint: &text, Region: region, Credentials: c.credentials, HTTPClient: c,
		Retryer:                    func() aws.Retryer { return aws.NopRetryer{} },
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		APIOptions:                 []func(*middleware.Stack) error{c.bounded}}
	if admit != nil {
		cfg.APIOptions = append(cfg.APIOptions, admit.BeforeSigning)
	}
	return cfg
}

func (c *connection) bounded(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("ConformTimeout", func(ctx context.Context,
		in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		ctx, cancel := context.WithTimeout(ctx, targets.Limit(ctx, c.timeout))
		defer cancel()
		return next.HandleInitialize(ctx, in)
	}), middleware.Before)
}

// ask sends one request in its time and reads the answer.
func (c *connection) ask(ctx context.Context, client func(region string) *cloudtrail.Client, region, prefix string,
	r model.Request) (targets.Reply, *exchanged) {
	write := !r.Op.Reads() && !strings.HasPrefix(string(r.Op), "List") && !strings.HasPrefix(string(r.Op), "Describe")
	if c.pace != nil {
		if err := c.pace.Wait(ctx, region, write); err != nil {
			return targets.Reply{Problem: "interrupted"}, &exchanged{err: err}
		}
	}
	limited, cancel := context.WithTimeout(ctx, targets.Limit(ctx, c.timeout))
	defer cancel()
	x := c.send(limited, client, region, prefix, r)
	reply := c.read(ctx, r, x)
	if c.pace != nil && x.err == nil && wire.Repeatable(reply.Answer.Code) {
		c.pace.Throttled(region, write)
	}
	return reply, x
}

// send does one request, through the SDK where that can express it.
func (c *connection) send(ctx context.Context, client func(region string) *cloudtrail.Client, region, prefix string,
	r model.Request) *exchanged {
	x := &exchanged{}
	if !r.Malformed() && !r.OtherTarget && !targets.IsBare(ctx) {
		input := r.Input
		if input.Kind() == value.Absent {
			input = value.Obj()
		}
		if shape, ok := shapes[r.Op]; ok && shape.fits(input) {
			if call(recording(ctx, x), client(region), r.Op, input); x.reached {
				return x
			}
		}
	}
	r.OtherTarget = r.OtherTarget != (prefix == wire.LongPrefix)
	c.raw(ctx, region, r.Method, wire.Target(r), c.url, wire.Encode(r), x)
	return x
}

// read makes a reply from what was on the wire.
func (c *connection) read(ctx context.Context, r model.Request, x *exchanged) targets.Reply {
	if x.err == nil {
		reply := wire.DecodeAnswer(r, x.status, x.header, x.received)
		reply.Sent = x.sent
		return reply
	}
	reply := targets.Reply{Sent: x.sent, Status: x.status, Received: slices.Clone(x.received[:min(len(x.received), targets.MaxKept)])}
	text, crashed := c.problem(ctx, x.err)
	reply.Problem = text
	reply.TimedOut = !crashed && isTimeout(x.err)
	if crashed {
		reply.Answer.Outcome = model.Crashed
	}
	if errors.Is(x.err, targets.ErrRefused) {
		reply.Err = x.err
	}
	return reply
}

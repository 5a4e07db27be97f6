package endpoint

import (
	"context"
	"errors"
	"reflect"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets/wire"
)

// shapes are those of the inputs of the SDK client's operations.
var shapes = func() map[model.Op]*shape {
	client, out := reflect.TypeFor[*cloudtrail.Client](), map[model.Op]*shape{}
	for _, op := range model.Ops {
		if method, ok := client.MethodByName(string(op)); ok {
			out[op] = shapeWithin(method.Type.In(2).Elem(), map[reflect.Type]*shape{})
		}
	}
	return out
}()

// call calls an operation of the SDK's client with an input made from JSON that fits its shape. The result
// is not looked at: the connection records what is on the wire, and an answer is read from there.
func call(ctx context.Context, client *cloudtrail.Client, op model.Op, input value.Value) {
	in := reflect.New(shapes[op].goType)
	shapes[op].fill(in.Elem(), input)
	reflect.ValueOf(client).MethodByName(string(op)).Call([]reflect.Value{reflect.ValueOf(ctx), in})
}

// newClient makes the SDK's client for a Region. Options are given whole, so that it reads neither
// the environment nor any configuration file.
func newClient(c *connection, region, prefix string) *cloudtrail.Client {
	base := c.url.String()
	options := cloudtrail.Options{
		BaseEndpoint: &base, Region: region, Credentials: c.credentials, HTTPClient: c, Retryer: aws.NopRetryer{},
		APIOptions: []func(*middleware.Stack) error{withoutValidation, withoutDecoding},
	}
	if c.admit != nil {
		options.APIOptions = append(options.APIOptions, c.admit.BeforeSigning)
	}
	if prefix != wire.ShortPrefix {
		options.APIOptions = append(options.APIOptions, withPrefix(prefix))
	}
	return cloudtrail.New(options)
}

// withoutValidation lets requests out that lack a member.
func withoutValidation(stack *middleware.Stack) error {
	_, _ = stack.Initialize.Remove("OperationInputValidation") // some operations have none
	return nil
}

// withoutDecoding leaves the answer to the recorder, which has read it already: decoding it once
// more would cost time, and hides what is on the wire.
func withoutDecoding(stack *middleware.Stack) error {
	_, err := stack.Deserialize.Swap("OperationDeserializer", undecoded{})
	return err
}

type undecoded struct{}

func (undecoded) ID() string { return "OperationDeserializer" }

func (undecoded) HandleDeserialize(ctx context.Context, in middleware.DeserializeInput,
	next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
	out, metadata, err := next.HandleDeserialize(ctx, in)
	if err == nil {
		err = errRecorded
	}
	return out, metadata, err
}

// errRecorded ends the SDK's call where its own decoding would begin.
var errRecorded = errors.New("recorded")

// withPrefix sends another X-Amz-Target prefix than the SDK's, in time to be signed.
func withPrefix(prefix string) func(*middleware.Stack) error {
	rewrite := middleware.BuildMiddlewareFunc("ConformTargetPrefix", func(ctx context.Context,
		in middleware.BuildInput, next middleware.BuildHandler) (middleware.BuildOutput, middleware.Metadata, error) {
		if request, ok := in.Request.(*smithyhttp.Request); ok {
			request.Header.Set(wire.TargetHeader, prefix+middleware.GetOperationName(ctx))
		}
		return next.HandleBuild(ctx, in)
	})
	return func(stack *middleware.Stack) error { return stack.Build.Add(rewrite, middleware.After) }
}

// shape is how a Go type of the SDK is filled from JSON, worked out once per type.
type shape struct {
	kind    reflect.Kind // Pointer, String (an enum), Slice, Struct; Invalid cannot be filled
	goType  reflect.Type
	item    *shape // of a pointer or a slice
	members map[string]field
}

type field struct {
	index int
	shape *shape
}

func shapeWithin(t reflect.Type, known map[reflect.Type]*shape) *shape {
	if s, ok := known[t]; ok {
		return s
	}
	s := &shape{goType: t}
	known[t] = s
	switch t.Kind() {
	case reflect.Pointer:
		switch t.Elem().Kind() {
		case reflect.String, reflect.Bool, reflect.Int32, reflect.Int64, reflect.Struct:
			s.kind, s.item = reflect.Pointer, shapeWithin(t.Elem(), known)
		}
	case reflect.Slice:
		s.kind, s.item = reflect.Slice, shapeWithin(t.Elem(), known)
	case reflect.String, reflect.Bool, reflect.Int32, reflect.Int64:
		s.kind = t.Kind()
	case reflect.Struct:
		if t.PkgPath() == "time" {
			return s
		}
		s.kind, s.members = reflect.Struct, map[string]field{}
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && f.Name != "ResultMetadata" {
				s.members[f.Name] = field{i, shapeWithin(f.Type, known)}
			}
		}
	}
	return s
}

// fits reports whether the SDK sends just this JSON value for the type.
func (s *shape) fits(v value.Value) bool {
	switch s.kind {
	case reflect.Pointer:
		return s.item.fits(v)
	case reflect.String:
		return v.Kind() == value.String
	case reflect.Bool:
		return v.Kind() == value.Bool
	case reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(v.Text(), 10, s.goType.Bits())
		return v.Kind() == value.Number && err == nil && strconv.FormatInt(n, 10) == v.Text()
	case reflect.Slice:
		if v.Kind() != value.List {
			return false
		}
		for _, item := range v.Items() {
			if !s.item.fits(item) {
				return false
			}
		}
		return true
	case reflect.Struct:
		return v.Kind() == value.Object && s.fitsMembers(v.Members())
	}
	return false
}

func (s *shape) fitsMembers(members []value.Member) bool {
	for i, m := range members {
		f, ok := s.members[m.Name]
		if !ok || !f.shape.fits(m.Value) {
			return false
		}
		switch f.shape.kind {
		case reflect.Pointer, reflect.Slice:
		default:
			if m.Value.Text() == "" {
				return false // the SDK leaves out an empty enum; other plain fields it does not have
			}
		}
		for _, earlier := range members[:i] {
			if earlier.Name == m.Name {
				return false
			}
		}
	}
	return true
}

// fill sets dst from a JSON value that fits.
func (s *shape) fill(dst reflect.Value, v value.Value) {
	switch s.kind {
	case reflect.Pointer:
		p := reflect.New(s.item.goType)
		s.item.fill(p.Elem(), v)
		dst.Set(p)
	case reflect.String:
		dst.SetString(v.Text())
	case reflect.Bool:
		dst.SetBool(v.True())
	case reflect.Int32, reflect.Int64:
		n, _ := strconv.ParseInt(v.Text(), 10, 64)
		dst.SetInt(n)
	case reflect.Slice:
		items := v.Items()
		list := reflect.MakeSlice(s.goType, len(items), len(items))
		for i, item := range items {
			s.item.fill(list.Index(i), item)
		}
		dst.Set(list)
	case reflect.Struct:
		for _, m := range v.Members() {
			f := s.members[m.Name]
			f.shape.fill(dst.Field(f.index), m.Value)
		}
	}
}

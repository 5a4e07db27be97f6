// Package mock is the target for Go values that stand in for the SDK client: anything that has some
// subset of its methods.
package mock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/smithy-go"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
)

// Options say what a mock is like.
type Options struct {
	// Trails names trails that exist beforehand, for a mock without CreateTrail. They are off and
	// logging whenever Reset has been called.
	Trails []string
	// Reset brings the mock back to its first state. Without it, trails are deleted where the mock
	// can, and otherwise turned off by an empty Put.
	Reset func() error
	// Account and Region are those of the ARNs that the mock answers; empty stands for 123456789012
	// and us-east-1.
	Account, Region string
}

// Target is a Go value under test.
type Target struct {
	calls   map[model.Op]call
	options Options
}

// call invokes one method with a JSON input and returns its output.
type call func(ctx context.Context, input []byte) (any, error)

// New wraps a value. Methods that it does not have are absent capabilities.
func New(value any, options Options) *Target {
	if options.Account == "" {
		options.Account = model.DefaultWorld.Account
	}
	if options.Region == "" {
		options.Region = model.DefaultWorld.Home
	}
	return &Target{calls: callsOf(value), options: options}
}

// Open implements targets.Target.
func (t *Target) Open(context.Context) (targets.Info, error) {
	if t.calls[model.OpPut] == nil {
		return targets.Info{}, fmt.Errorf("%w: the value has no method PutInsightSelectors with the signature of the SDK client", targets.ErrUsage)
	}
	if t.calls[model.OpCreate] == nil && len(t.options.Trails) == 0 {
		return targets.Info{}, fmt.Errorf("%w: the value has no CreateTrail; name trails that exist beforehand in Trails", targets.ErrUsage)
	}
	// One world at a time: all of them share the value.
	return targets.Info{Name: "mock", Region: t.options.Region, Workers: 1}, nil
}

// Close implements targets.Target.
func (t *Target) Close() error { return nil }

// NewWorld implements targets.Target.
func (t *Target) NewWorld(context.Context) (targets.World, error) {
	if t.options.Reset != nil {
		if err := t.options.Reset(); err != nil {
			return nil, fmt.Errorf("resetting the mock: %w", err)
		}
	}
	return &world{target: t, concrete: map[string]string{}, symbolic: map[string]string{}}, nil
}

// world lends the trails that exist beforehand to the names that a case creates.
type world struct {
	target             *Target
	concrete, symbolic map[string]string // of trail names, where they differ
	made               []string
	stores             []string // the ID suffixes of created stores
}

// Do implements targets.World.
func (w *world) Do(ctx context.Context, r model.Request) targets.Reply {
	invoke := w.target.calls[r.Op]
	if r.Op == model.OpCreate && invoke == nil {
		return w.lend(r)
	}
	if invoke == nil || (r.Region != "" && r.Region != model.DefaultWorld.Home) {
		return targets.Reply{Answer: model.Refusal("UnsupportedOperationException")}
	}
	input := r.Input.MapStrings(w.toConcrete).AppendJSON(nil)
	output, err := protect(ctx, invoke, input)
	reply := w.reply(r, output, err)
	reply.Sent = input
	if r.Op == model.OpCreate && reply.Answer.Outcome == model.Succeeded {
		w.made = append(w.made, r.Input.Get("Name").Text())
	}
	return reply
}

// lend answers a CreateTrail with a trail that exists beforehand.
func (w *world) lend(r model.Request) targets.Reply {
	name := r.Input.Get("Name").Text()
	if _, lent := w.concrete[name]; lent || len(w.concrete) >= len(w.target.options.Trails) || !model.ValidTrailName(name) {
		return targets.Reply{Answer: model.Refusal("MaximumNumberOfTrailsExceededException")}
	}
	given := w.target.options.Trails[len(w.concrete)]
	w.concrete[name], w.symbolic[given] = given, name
	arn := model.DefaultWorld.TrailARN(model.DefaultWorld.Home, name)
	return targets.Reply{Answer: model.Answer{Outcome: model.Succeeded, TrailARN: arn}, Body: model.Obj("Name", name, "TrailARN", arn)}
}

// errPanic marks a method that panicked.
var errPanic = errors.New("panic")

func protect(ctx context.Context, invoke call, input []byte) (output any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errPanic, p)
		}
	}()
	return invoke(ctx, input)
}

func (w *world) reply(r model.Request, output any, err error) targets.Reply {
	var api smithy.APIError
	switch {
	case errors.Is(err, errPanic):
		return targets.Reply{Answer: model.Answer{Outcome: model.Crashed}, Problem: err.Error()}
	case errors.As(err, &api):
		return targets.Reply{Answer: model.Refusal(api.ErrorCode()), Body: model.Obj("__type", api.ErrorCode(), "Message", api.ErrorMessage())}
	case err != nil:
		return targets.Reply{Answer: model.Refusal(""), Body: model.Obj("Message", err.Error()),
			Objections: []model.Objection{{Rule: model.WireErrorShape, Level: model.Observed, Expected: "an API error with a code", Actual: "an error without a code"}}}
	}
	encoded, err := json.Marshal(output)
	if err != nil {
		return targets.Reply{Answer: model.Answer{Outcome: model.Crashed}, Problem: "the output is no JSON: " + err.Error()}
	}
	body, err := model.ParseValue(encoded)
	if err != nil || body.Kind() != model.Object {
		return targets.Reply{Answer: model.Answer{Outcome: model.Crashed}, Problem: "neither an output nor an error"}
	}
	if r.Op == model.OpCreateStore {
		if _, id, ok := strings.Cut(body.Get("EventDataStoreArn").Text(), "eventdatastore/"); ok {
			w.stores = append(w.stores, id)
		}
	}
	body = body.With("ResultMetadata", model.Value{}).MapStrings(w.toSymbolic)
	answer, objections, notes := model.ReadSuccess(r.Op, body)
	return targets.Reply{Answer: answer, Body: body, Objections: objections, Notes: notes, Received: encoded}
}

// toConcrete renames what a request names: lent trails, the account, the Region, stores.
func (w *world) toConcrete(s string) string {
	if given, ok := w.concrete[s]; ok {
		return given
	}
	for i, id := range w.stores {
		s = strings.ReplaceAll(s, model.StoreID(i), id)
	}
	if !strings.HasPrefix(s, "arn:") {
		return s
	}
	if at := strings.LastIndex(s, "/"); at >= 0 {
		if given, ok := w.concrete[s[at+1:]]; ok {
			s = s[:at+1] + given
		}
	}
	d := &model.DefaultWorld
	return strings.Replace(s, ":"+d.Home+":"+d.Account+":", ":"+w.target.options.Region+":"+w.target.options.Account+":", 1)
}

// toSymbolic is the inverse, for what an answer names.
func (w *world) toSymbolic(s string) string {
	if name, ok := w.symbolic[s]; ok {
		return name
	}
	for i, id := range w.stores {
		s = strings.ReplaceAll(s, id, model.StoreID(i))
	}
	if !strings.HasPrefix(s, "arn:") {
		return s
	}
	if at := strings.LastIndex(s, "/"); at >= 0 {
		if name, ok := w.symbolic[s[at+1:]]; ok {
			s = s[:at+1] + name
		}
	}
	d := &model.DefaultWorld
	return strings.Replace(s, ":"+w.target.options.Region+":"+w.target.options.Account+":", ":"+d.Home+":"+d.Account+":", 1)
}

// Close implements targets.World.
func (w *world) Close(ctx context.Context) error {
	if w.target.options.Reset != nil {
		return nil
	}
	turnOff := func(name string) {
		_, _ = protect(ctx, w.target.calls[model.OpPut], model.Obj("TrailName", name, "InsightSelectors", model.ListOf()).AppendJSON(nil))
	}
	for _, given := range w.concrete {
		turnOff(given)
	}
	for _, name := range w.made {
		if remove := w.target.calls[model.OpDelete]; remove != nil {
			_, _ = protect(ctx, remove, model.Obj("Name", name).AppendJSON(nil))
		} else {
			turnOff(name)
		}
	}
	return nil
}

// method turns a method of the SDK client's signature into a call.
func method[I, O any](f func(context.Context, *I, ...func(*cloudtrail.Options)) (*O, error)) call {
	return func(ctx context.Context, input []byte) (any, error) {
		in := new(I)
		if err := json.Unmarshal(input, in); err != nil {
			return nil, fmt.Errorf("the input cannot be expressed: %w", err)
		}
		out, err := f(ctx, in)
		if err != nil {
			return nil, err
		}
		if out == nil {
			return nil, fmt.Errorf("%w: no output and no error", errPanic)
		}
		return out, nil
	}
}

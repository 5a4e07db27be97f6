// Package mock is the target for Go values that stand in for the SDK client: anything that has some
// subset of its methods.
package mock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/smithy-go"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
)

// Options say what a mock is like.
type Options struct {
	// Trails names trails that exist beforehand, for a mock without CreateTrail; three are enough for
	// everything. After Reset they are logging, and their Insights are off. Where Trails is given,
	// CreateTrail and DeleteTrail are not called. What such trails log is taken to be unknown: both
	// accepting and refusing Data is fine.
	Trails []string
	// Reset brings the mock back to its first state. Without it, trails are deleted where the mock
	// can, and otherwise turned off by an empty Put.
	Reset func() error
	// Account and Region are those of the ARNs that the mock answers; empty stands for 123456789012
	// and us-east-1.
	Account, Region string
	// Timeout is how long a method may take; 0 stands for 2 seconds.
	Timeout time.Duration
}

// Target is a Go value under test.
type Target struct {
	calls   map[model.Op]call
	options Options
	problem string // why there is no PutInsightSelectors

	late map[model.Op]int // how often a method gave no answer in time, in a row
	hung string           // what happened then
}

// maxLate is how often in a row a method may give no answer. After that nothing is called any more: a
// mock that waits for its own lock will do so for good.
const maxLate = 3

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
	if options.Timeout <= 0 {
		options.Timeout = 2 * time.Second
	}
	t := &Target{calls: callsOf(value), options: options, late: map[model.Op]int{}}
	if t.calls[model.OpPut] == nil {
		t.problem = problemOf(value)
	}
	if len(options.Trails) > 0 {
		delete(t.calls, model.OpCreate)
		delete(t.calls, model.OpDelete) // what is lent must be there for the next world
	}
	return t
}

// problemOf says why a value has no usable PutInsightSelectors.
func problemOf(value any) string {
	const name = "PutInsightSelectors"
	t := reflect.TypeOf(value)
	if t == nil {
		return "the value is nil"
	}
	if t.Kind() != reflect.Pointer && callsOf(reflect.New(t).Interface())[model.OpPut] != nil {
		return fmt.Sprintf("%s has %s on its pointer; pass a pointer", t, name)
	}
	if _, ok := t.MethodByName(name); ok {
		return fmt.Sprintf("%s of %s has not the signature of the SDK client", name, t)
	}
	return fmt.Sprintf("%s has no method %s with the signature of the SDK client", t, name)
}

// Open implements targets.Target.
func (t *Target) Open(context.Context) (targets.Info, error) {
	if t.problem != "" {
		return targets.Info{}, fmt.Errorf("%w: %s", targets.ErrUsage, t.problem)
	}
	if t.calls[model.OpCreate] == nil && len(t.options.Trails) == 0 {
		return targets.Info{}, fmt.Errorf("%w: the value has no CreateTrail; name trails that exist beforehand in Trails", targets.ErrUsage)
	}
	for i, name := range t.options.Trails {
		if !model.ValidTrailName(name) {
			return targets.Info{}, fmt.Errorf("%w: Trails: %q is not a trail name", targets.ErrUsage, name)
		}
		if slices.Contains(t.options.Trails[:i], name) {
			return targets.Info{}, fmt.Errorf("%w: Trails: %q stands twice", targets.ErrUsage, name)
		}
	}
	// One world at a time: all of them share the value.
	return targets.Info{Name: "mock", Region: t.options.Region, Serial: true, Lent: len(t.options.Trails) > 0}, nil
}

// Close implements targets.Target.
func (t *Target) Close() error { return nil }

// NewWorld implements targets.Target.
func (t *Target) NewWorld(ctx context.Context) (targets.World, error) {
	if t.options.Reset != nil {
		reset := func(context.Context, []byte) (any, error) { return nil, t.options.Reset() }
		if _, err := t.protect(ctx, reset, nil); err != nil {
			return nil, fmt.Errorf("resetting the mock: %w", err)
		}
	}
	return &world{target: t, concrete: map[string]string{}, symbolic: map[string]string{}}, nil
}

var (
	errPanic   = errors.New("panic") // a method panicked, or gave neither output nor error
	errTimeout = errors.New("no answer")
)

// protect makes a call, waits for it at most as long as Options.Timeout, and turns a panic into an
// error.
func (t *Target) protect(ctx context.Context, invoke call, input []byte) (any, error) {
	type result struct {
		output any
		err    error
	}
	ctx, cancel := context.WithTimeout(ctx, t.options.Timeout)
	defer cancel()
	done := make(chan result, 1)
	go func() {
		r := result{err: fmt.Errorf("%w: the method ended its goroutine", errPanic)}
		defer func() {
			if p := recover(); p != nil {
				r = result{err: fmt.Errorf("%w: %v", errPanic, p)}
			}
			done <- r
		}()
		output, err := invoke(ctx, input)
		r = result{output, err}
	}()
	select {
	case r := <-done:
		return r.output, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w within %s; does the mock wait for its own lock?", errTimeout, t.options.Timeout)
	}
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
	if r.Op == model.OpCreate && len(w.target.options.Trails) > 0 {
		return w.lend(r)
	}
	invoke := w.target.calls[r.Op]
	if invoke == nil || (r.Region != "" && r.Region != model.DefaultWorld.Home) {
		return targets.Reply{Answer: model.Refusal("UnsupportedOperationException")}
	}
	if w.target.hung != "" {
		return targets.Reply{Answer: model.Answer{Outcome: model.Unanswered}, Problem: w.target.hung, TimedOut: true}
	}
	input := r.Input.MapStrings(w.toConcrete).AppendJSON(nil)
	heard, err := w.target.protect(ctx, func(ctx context.Context, input []byte) (any, error) {
		return hear(invoke(ctx, input)), nil
	}, input)
	reply, _ := heard.(targets.Reply)
	if !errors.Is(err, errTimeout) {
		delete(w.target.late, r.Op)
	}
	switch {
	case ctx.Err() != nil:
		reply = targets.Reply{Answer: model.Answer{Outcome: model.Unanswered}, Problem: ctx.Err().Error(), TimedOut: true}
	case errors.Is(err, errTimeout):
		if w.target.late[r.Op]++; w.target.late[r.Op] >= maxLate {
			w.target.hung = fmt.Sprintf("%s: %v", r.Op, err)
		}
		reply = targets.Reply{Answer: model.Answer{Outcome: model.Unanswered}, Problem: err.Error(), TimedOut: true}
	case err != nil:
		reply = targets.Reply{Answer: model.Answer{Outcome: model.Crashed}, Problem: err.Error()}
	case reply.Answer.Outcome == model.Succeeded:
		w.read(r, &reply)
	}
	reply.Sent = input
	return reply
}

// lend answers a CreateTrail with a trail that exists beforehand.
func (w *world) lend(r model.Request) targets.Reply {
	name := r.Input.Get("Name").Text()
	if _, lent := w.concrete[name]; lent || len(w.concrete) >= len(w.target.options.Trails) || !model.ValidTrailName(name) ||
		(r.Region != "" && r.Region != model.DefaultWorld.Home) {
		return targets.Reply{Answer: model.Refusal("MaximumNumberOfTrailsExceededException")}
	}
	given := w.target.options.Trails[len(w.concrete)]
	w.concrete[name], w.symbolic[given] = given, name
	arn := model.DefaultWorld.TrailARN(model.DefaultWorld.Home, name)
	return targets.Reply{Answer: model.Answer{Outcome: model.Succeeded, TrailARN: arn}, Body: model.Obj("Name", name, "TrailARN", arn)}
}

// hear turns what a method returned into a reply. It calls methods of the error and of the output,
// which are foreign code too.
func hear(output any, err error) targets.Reply {
	var api smithy.APIError
	switch {
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
	return targets.Reply{Answer: model.Answer{Outcome: model.Succeeded}, Body: body, Received: encoded}
}

// read brings a success into symbolic form and reads it.
func (w *world) read(r model.Request, reply *targets.Reply) {
	if r.Op == model.OpCreateStore {
		if _, id, ok := strings.Cut(reply.Body.Get("EventDataStoreArn").Text(), "eventdatastore/"); ok {
			w.stores = append(w.stores, id)
		}
	}
	if r.Op == model.OpCreate {
		w.made = append(w.made, r.Input.Get("Name").Text())
	}
	reply.Body = reply.Body.With("ResultMetadata", model.Value{}).MapStrings(w.toSymbolic)
	reply.Answer, reply.Objections, reply.Notes = model.ReadSuccess(r.Op, reply.Body)
}

// toConcrete renames what a request names: lent trails, the account, the Region, stores.
func (w *world) toConcrete(s string) string {
	for i, id := range w.stores {
		s = strings.ReplaceAll(s, model.StoreID(i), id)
	}
	return rename(s, w.lent, model.DefaultWorld.Account, w.target.options.Account, model.DefaultWorld.Home, w.target.options.Region)
}

// lent names the trail that was lent for a name. A trail that exists and was not lent is out of reach.
func (w *world) lent(name string) string {
	if given, ok := w.concrete[name]; ok {
		return given
	}
	for slices.Contains(w.target.options.Trails, name) {
		name += "-0"
	}
	return name
}

// toSymbolic is the inverse, for what an answer names.
func (w *world) toSymbolic(s string) string {
	for i, id := range w.stores {
		s = strings.ReplaceAll(s, id, model.StoreID(i))
	}
	return rename(s, w.borrower, w.target.options.Account, model.DefaultWorld.Account, w.target.options.Region, model.DefaultWorld.Home)
}

func (w *world) borrower(given string) string {
	if name, ok := w.symbolic[given]; ok {
		return name
	}
	return given
}

// rename replaces a trail's name, alone or in an ARN. In an ARN it also exchanges the two accounts and
// the two Regions, so that ARNs that differ stay different.
func rename(s string, trail func(string) string, account, otherAccount, region, otherRegion string) string {
	if !strings.HasPrefix(s, "arn:") {
		return trail(s)
	}
	parts := strings.SplitN(s, ":", 6)
	if len(parts) < 6 {
		return s
	}
	parts[3], parts[4] = exchange(parts[3], region, otherRegion), exchange(parts[4], account, otherAccount)
	if kind, name, ok := strings.Cut(parts[5], "/"); ok && kind == "trail" {
		parts[5] = kind + "/" + trail(name)
	}
	return strings.Join(parts, ":")
}

func exchange(s, a, b string) string {
	switch s {
	case a:
		return b
	case b:
		return a
	}
	return s
}

// Close implements targets.World.
func (w *world) Close(ctx context.Context) error {
	if w.target.options.Reset != nil || w.target.hung != "" {
		return nil
	}
	turnOff := func(name string) {
		_, _ = w.target.protect(ctx, w.target.calls[model.OpPut], model.Obj("TrailName", name, "InsightSelectors", model.ListOf()).AppendJSON(nil))
	}
	for _, given := range w.concrete {
		turnOff(given)
	}
	for _, name := range w.made {
		if remove := w.target.calls[model.OpDelete]; remove != nil {
			_, _ = w.target.protect(ctx, remove, model.Obj("Name", name).AppendJSON(nil))
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
			return nil, &smithy.GenericAPIError{Code: "SerializationException", Message: err.Error()} // a typed input cannot say it
		}
		out, err := f(ctx, in)
		if err != nil || out == nil {
			return nil, err // no output and no error is heard as such
		}
		return out, nil
	}
}

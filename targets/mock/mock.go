// Package mock is the target for Go values that stand in for the SDK client: anything that has some
// subset of its methods.
package mock

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/smithy-go"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/wire"
)

// Options say what a mock is like.
type Options struct {
	// Trails names trails that exist beforehand, for a mock without CreateTrail; three are enough for everything.
	// After Reset they are logging, and their Insights are off. Where Trails is given, CreateTrail and DeleteTrail
	// are not called. What such trails log is taken to be unknown: both accepting and refusing Data is fine.
	Trails []string
	// Contents is for a fake that only reads, without PutInsightSelectors. It says what each of its trails holds, which
	// need not stand in Trails; nil and an empty list are Insights that are off. Nothing that changes them is called.
	// Trails that stand in Trails alone are not named in any request.
	Contents map[string][]types.InsightSelector
	// Reset brings the mock back to its first state. Without it, trails are deleted where the mock
	// can, and otherwise turned off by an empty Put.
	Reset func() error
	// Account and Region are those of the ARNs that the mock answers; empty stands for 123456789012 and us-east-1.
	Account, Region string
	// Timeout is how long a method may take; 0 stands for 2 seconds.
	Timeout time.Duration
	// Without names methods that are mere stubs, such as "GetTrail", or with Contents "PutInsightSelectors". They are
	// not called, and what needs them is reported as not covered.
	Without []string
}

type target struct {
	value   any
	calls   map[model.Op]call
	options Options

	worked map[model.Op]bool
	late   map[model.Op]int // how often a method that had worked gave no answer in time, in a row
	hung   string           // what happened then

	lent, others []string // trails that are lent, and that are not but exist

	first map[string]seen // by the name of a trail: before it was first changed
	leak  error           // that something of a case is left in the next
}

// maxLate is how often in a row a method may give no answer: one that waits for its own lock does so for good.
const maxLate = 3

// New wraps a value. Methods that it does not have are absent capabilities.
func New(value any, options Options) *target {
	options.Account = cmp.Or(options.Account, model.DefaultWorld.Account)
	options.Region = cmp.Or(options.Region, model.DefaultWorld.Home)
	if options.Timeout <= 0 {
		options.Timeout = 2 * time.Second
	}
	t := &target{value: value, calls: callsOf(value), options: options, worked: map[model.Op]bool{}, late: map[model.Op]int{},
		first: map[string]seen{}}
	for _, name := range options.Without {
		delete(t.calls, model.Op(name))
	}
	if t.lent = options.Trails; options.readOnly() {
		t.lent, t.others = options.given(), options.others()
		maps.DeleteFunc(t.calls, func(op model.Op, _ call) bool { return op != model.OpPut && !op.Reads() })
	}
	if len(options.Trails) > 0 {
		delete(t.calls, model.OpCreate)
		delete(t.calls, model.OpDelete) // what is lent must be there for the next world
	}
	return t
}

// problemOf says why a value has not the method of an operation in a usable form.
func problemOf(value any, name model.Op) string {
	t := reflect.TypeOf(value)
	if t == nil {
		return "the value is nil"
	}
	if t.Kind() != reflect.Pointer && callsOf(reflect.New(t).Interface())[name] != nil {
		return fmt.Sprintf("%s has %s on its pointer; pass a pointer", t, name)
	}
	if other := otherSignature(value, name); other != "" {
		return fmt.Sprintf("%s of %s has not the signature of the SDK client: %s", name, t, other)
	}
	return fmt.Sprintf("%s has no method %s with the signature of the SDK client", t, name)
}

// otherSignature says which signature a method of the SDK client has in a value, and which one is wanted; empty where it
// is that one, or there is no such method.
func otherSignature(value any, op model.Op) string {
	v, like := reflect.ValueOf(value), reflect.ValueOf((*cloudtrail.Client)(nil)).MethodByName(string(op))
	if !v.IsValid() || !like.IsValid() {
		return ""
	}
	if method := v.MethodByName(string(op)); method.IsValid() && method.Type() != like.Type() {
		return fmt.Sprintf("it is %s; write %s", method.Type(), like.Type())
	}
	return ""
}

func (t *target) Open(context.Context) (targets.Info, error) {
	given, err := []model.Selectors(nil), error(nil)
	switch o := &t.options; {
	case o.readOnly():
		if given, err = t.checkGiven(); err != nil {
			return targets.Info{}, err
		}
	case t.calls[model.OpPut] == nil && t.calls[model.OpGet] != nil:
		return targets.Info{}, usage("%s; of a fake that only reads, say in Contents what its trails hold",
			problemOf(t.value, model.OpPut))
	case t.calls[model.OpPut] == nil:
		return targets.Info{}, usage("%s", problemOf(t.value, model.OpPut))
	case t.calls[model.OpCreate] == nil && len(o.Trails) == 0:
		return targets.Info{}, usage("the value has no CreateTrail; name trails that exist beforehand in Trails")
	}
	for _, name := range t.options.Without {
		if op := model.Op(name); op == model.OpPut && !t.options.readOnly() || !slices.Contains(model.Ops, op) {
			return targets.Info{}, usage("Without: %q is no method that can be left out; write one such as %s", name, model.OpTrail)
		}
	}
	for i, name := range t.options.Trails {
		if !model.ValidTrailName(name) {
			return targets.Info{}, usage("Trails: %q is not a trail name", name)
		}
		if slices.Contains(t.options.Trails[:i], name) {
			return targets.Info{}, usage("Trails: %q stands twice", name)
		}
	}
	// One world at a time: all of them share the value.
	return targets.Info{Name: "mock", Region: t.options.Region, Serial: true, Overlap: true, GoValues: true,
		Lent: len(t.options.Trails)+len(given) > 0, Given: given}, nil
}

func (t *target) Close() error { return nil }

func (t *target) NewWorld(ctx context.Context) (targets.World, error) {
	if t.options.Reset != nil {
		reset := t.protect(ctx, func(context.Context) answered { return answered{Reply: targets.Reply{Err: t.options.Reset()}} }).Reply
		if reset.Problem != "" {
			reset.Err = errors.New(reset.Problem)
		}
		if reset.Err != nil {
			return nil, fmt.Errorf("resetting the mock: %w", reset.Err)
		}
	}
	return &world{target: t, held: map[string]*holdings{}, marks: map[string]*spot{}, changes: map[string]bool{}}, nil
}

// answered is what came of a call, with the values that the caller has passed and got.
type answered struct {
	targets.Reply
	in, out any
}

// protect makes a call in its time, and turns a panic into a crash.
func (t *target) protect(ctx context.Context, invoke func(context.Context) answered) answered {
	limit := targets.Limit(ctx, t.options.Timeout)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	done := make(chan answered, 1)
	go func() {
		reply := crashed("panic: the method ended its goroutine")
		defer func() {
			if p := recover(); p != nil {
				reply = crashed(fmt.Sprint("panic: ", p, hint))
			}
			done <- reply
		}()
		reply = invoke(ctx)
	}()
	select {
	case reply := <-done:
		return reply
	case <-ctx.Done():
		return unanswered(fmt.Sprintf("no answer within %s; does the mock wait for its own lock?%s", limit, hint))
	}
}

// hint is for methods that were never meant to be called.
const hint = "; leave out what is a mere stub by MockOptions.Without"

var usage = targets.Class(targets.ErrUsage)

// world is the state of the value since it was last clean.
type world struct {
	target *target

	mu sync.Mutex // of all that follows, and of what the target keeps; the value is called by several clients without it

	used []string // trails that Close must delete or turn off

	held  map[string]*holdings // what the caller holds, by the name of the trail or store
	marks map[string]*spot     // that were written there

	changes map[string]bool // trails that were, without Reset
}

func (w *world) Names() targets.Names {
	o := w.target.options
	return targets.Names{Account: o.Account, Regions: []string{o.Region}, Kept: true,
		Trails: w.target.lent, Others: w.target.others}
}

// Do implements targets.World. Several clients may call it at once, each with a context of its own, of targets.AsClient.
func (w *world) Do(ctx context.Context, r model.Request) targets.Reply {
	if w.target.calls[r.Op] == nil || r.Region != w.target.options.Region {
		absent := targets.Reply{Answer: model.Refusal("UnsupportedOperationException")}
		if slices.Contains(w.target.options.Without, string(r.Op)) {
			absent.Problem = "left out by MockOptions.Without"
		} else if other := otherSignature(w.target.value, r.Op); other != "" {
			absent.Problem = "the method has not the signature of the SDK client: " + other
		} else if r.Op == model.OpPut {
			absent.Problem = "the mock has no such method"
		}
		return absent
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.target.leak != nil {
		return targets.Reply{Err: w.target.leak}
	}
	if w.target.hung != "" {
		return unanswered(w.target.hung).Reply
	}
	w.note(r)
	input := r.Input.AppendJSON(nil)
	var reply answered
	if targets.Several(ctx) { // what the caller holds stays as it is while others call
		clear(w.held)
		w.mu.Unlock()
		reply = w.call(ctx, r.Op, input)
		w.mu.Lock()
	} else {
		w.before(ctx, r)
		reply = w.ask(ctx, r, input)
	}
	if !reply.TimedOut {
		w.target.worked[r.Op] = true
		delete(w.target.late, r.Op)
	}
	switch {
	case ctx.Err() != nil:
		reply = unanswered(ctx.Err().Error())
	case reply.TimedOut:
		if w.target.late[r.Op]++; w.target.worked[r.Op] && w.target.late[r.Op] >= maxLate {
			w.target.hung = fmt.Sprintf("%s: %s", r.Op, reply.Problem)
		}
	}
	reply.Sent = input
	return reply.Reply
}

// call calls a method once.
func (w *world) call(ctx context.Context, op model.Op, input []byte) answered {
	a := w.target.protect(ctx, func(ctx context.Context) answered {
		in, out, err := w.target.calls[op](ctx, input)
		return answered{replyOf(out, err), in, out}
	})
	if a.Answer.Outcome != model.Succeeded {
		return a
	}
	encoded, shared := w.unmarked(a.Received)
	body, err := value.Parse(encoded)
	if err != nil || body.Kind() != value.Object {
		return crashed("neither an output nor an error")
	}
	a.Received, a.Body = encoded, body.With("ResultMetadata", value.Value{})
	a.Answer, a.Objections = wire.ReadSuccess(op, a.Body)
	a.Objections = append(a.Objections, shared...)
	return a
}

func unanswered(problem string) answered {
	return answered{Reply: targets.Reply{Answer: model.Answer{Outcome: model.Unanswered}, Problem: problem, TimedOut: true}}
}

func crashed(problem string) answered {
	return answered{Reply: targets.Reply{Answer: model.Answer{Outcome: model.Crashed}, Problem: problem}}
}

// note keeps the name of a trail that is made, or that exists beforehand and is changed.
func (w *world) note(r model.Request) {
	name := r.Input.Get("Name").Text()
	if r.Op == model.OpPut {
		name = r.Input.Get("TrailName").Text()
		name = name[strings.LastIndexByte(name, '/')+1:]
	}
	given := slices.Contains(w.target.options.Trails, name)
	if (r.Op == model.OpCreate || r.Op == model.OpPut && given) && !slices.Contains(w.used, name) {
		w.used = append(w.used, name)
	}
}

// replyOf makes a reply of what a method returned. It calls methods of that, which are foreign code too.
func replyOf(output any, err error) targets.Reply {
	var api smithy.APIError
	switch {
	case errors.As(err, &api):
		code, objections := wire.Spelling(api.ErrorCode())
		return targets.Reply{Answer: model.Refusal(code), Body: value.Obj("__type", api.ErrorCode(), "Message", api.ErrorMessage()),
			Objections: objections}
	case err != nil:
		return targets.Reply{Answer: model.Refusal(""), Body: value.Obj("Message", err.Error()),
			Objections: []model.Objection{{Rule: model.WireErrorShape, Level: model.Observed,
				Expected: "an API error with a code", Actual: "an error without a code"}}}
	}
	encoded, err := json.Marshal(output)
	if err != nil {
		return crashed("the output is no JSON: " + err.Error()).Reply
	}
	return targets.Reply{Answer: model.Answer{Outcome: model.Succeeded}, Received: encoded}
}

func (w *world) Close(ctx context.Context) error {
	if w.target.options.Reset != nil || w.target.hung != "" {
		return nil
	}
	for _, name := range w.used {
		op, input := model.OpPut, value.Obj("TrailName", name, "InsightSelectors", value.ListOf())
		if w.target.calls[model.OpDelete] != nil {
			op, input = model.OpDelete, value.Obj("Name", name)
		}
		w.target.protect(ctx, func(ctx context.Context) answered {
			_, _, _ = w.target.calls[op](ctx, input.AppendJSON(nil))
			return answered{}
		})
	}
	w.after(ctx)
	return nil
}

// call invokes one method with a JSON input and returns its typed input and its output.
type call func(ctx context.Context, input []byte) (in, out any, err error)

// callsOf finds the methods of the SDK client that a value has, by their exact signatures.
func callsOf(value any) map[model.Op]call {
	calls := map[model.Op]call{}
	client, v := reflect.ValueOf((*cloudtrail.Client)(nil)), reflect.ValueOf(value)
	for _, op := range model.Ops {
		like := client.MethodByName(string(op))
		if !like.IsValid() || !v.IsValid() {
			continue
		}
		if method := v.MethodByName(string(op)); method.IsValid() && method.Type() == like.Type() && !promotedFromNil(v, string(op)) {
			calls[op] = callOf(method)
		}
	}
	return calls
}

// promotedFromNil reports whether a value has a method in name alone: from an embedded interface that is nil.
func promotedFromNil(v reflect.Value, name string) bool {
	v = reflect.Indirect(v)
	if v.Kind() == reflect.Interface {
		v = reflect.Indirect(v.Elem())
	}
	if v.Kind() != reflect.Struct || declares(v.Type(), name) || declares(reflect.PointerTo(v.Type()), name) {
		return false
	}
	for i := range v.NumField() {
		field := v.Field(i)
		if _, has := field.Type().MethodByName(name); v.Type().Field(i).Anonymous && has {
			return field.Kind() == reflect.Interface && field.IsNil() || promotedFromNil(field, name)
		}
	}
	return false
}

// declares reports whether a type has a method of its own; the compiler makes those that are promoted.
func declares(t reflect.Type, name string) bool {
	method, ok := t.MethodByName(name)
	if !ok {
		return false
	}
	file, _ := runtime.FuncForPC(method.Func.Pointer()).FileLine(method.Func.Pointer())
	return file != "<autogenerated>"
}

func callOf(method reflect.Value) call {
	return func(ctx context.Context, input []byte) (any, any, error) {
		in := reflect.New(method.Type().In(1).Elem())
		if err := json.Unmarshal(input, in.Interface()); err != nil {
			return nil, nil, &smithy.GenericAPIError{Code: "SerializationException", Message: err.Error()} // a typed input cannot say it
		}
		out := method.Call([]reflect.Value{reflect.ValueOf(ctx), in})
		if err, _ := out[1].Interface().(error); err != nil || out[0].IsNil() {
			return nil, nil, err // no output and no error is heard as such
		}
		return in.Interface(), out[0].Interface(), nil
	}
}

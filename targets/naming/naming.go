// Package naming translates between the symbolic names of cases and the names of a target: a case says
// trail "alpha", event data store StoreID(0), account, Regions and ARNs of model.DefaultWorld; what goes
// out names things that are unique to the world, in the account and Regions where the target lives.
// What comes back is translated the other way. Targets and their callers need not know.
package naming

import (
	"context"
	"strings"
	"sync/atomic"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
)

// Wrap returns the target with worlds that understand symbolic names. Whoever opens a target opens what
// Wrap returns; wrapping twice is wrapping once.
func Wrap(t targets.Target) targets.Target {
	if wrapped, ok := t.(*target); ok {
		return wrapped
	}
	return &target{inner: t}
}

type target struct {
	inner  targets.Target
	region string
	learnt atomic.Pointer[identity] // from the first trail, where the target does not tell its account
}

func (t *target) Open(ctx context.Context) (targets.Info, error) {
	info, err := t.inner.Open(ctx)
	t.region = info.Region
	return info, err
}

func (t *target) NewWorld(ctx context.Context) (targets.World, error) {
	inner, err := t.inner.NewWorld(ctx)
	if err != nil {
		return nil, err
	}
	var names targets.Names
	if named, ok := inner.(targets.Named); ok {
		names = named.Names()
	} else if t.region != "" {
		names.Regions = []string{t.region}
	}
	return &world{inner: inner, target: t, binding: newBinding(names, newIdentity(names)),
		learns: names.Account == "" || names.Unsure}, nil
}

func (t *target) Close() error { return t.inner.Close() }

type world struct {
	inner   targets.World
	target  *target
	binding *binding
	learns  bool // the account, from the ARNs of trails
}

func (w *world) Do(ctx context.Context, r model.Request) targets.Reply {
	if w.learns {
		if learnt := w.target.learnt.Load(); learnt != nil {
			w.binding.identity = learnt
		}
	}
	if name := r.Input.Get("Name").Text(); r.Op == model.OpCreate && len(w.binding.names.Trails) > 0 && w.binding.lent[name] == "" {
		return w.lendTrail(r, name)
	}
	sent := w.binding.request(r)
	reply := w.inner.Do(ctx, sent)
	for used, asked := range reply.Instead {
		if r.Op == model.OpCreate && asked == sent.Input.Get("Name").Text() {
			w.binding.lends(r.Input.Get("Name").Text(), used)
		} else {
			w.binding.bind(used, w.binding.symbolic(asked))
		}
	}
	if reply.Answer.Outcome == model.Succeeded {
		switch {
		case r.Op == model.OpCreate && w.learns:
			w.learn(ARNWithin(reply.Body, ":cloudtrail:"))
		case r.Op == model.OpCreateStore:
			_, id, _ := strings.Cut(ARNWithin(reply.Body, ":eventdatastore/"), ":eventdatastore/")
			w.binding.created(id)
		}
	}
	w.binding.translate(&reply)
	return reply
}

func (w *world) Close(ctx context.Context) error { return w.inner.Close(ctx) }

// lendTrail answers a CreateTrail with a trail that exists beforehand. What there is already, the target is asked for.
func (w *world) lendTrail(r model.Request, name string) targets.Reply {
	home := r.Region == "" || r.Region == model.DefaultWorld.Home
	lend := w.binding.names.Trails[len(w.binding.lent):]
	if len(lend) == 0 || !model.ValidTrailName(name) || !home {
		return targets.Reply{Answer: model.Refusal("MaximumNumberOfTrailsExceededException")}
	}
	w.binding.lends(name, lend[0])
	arn := model.DefaultWorld.TrailARN(model.DefaultWorld.Home, name)
	return targets.Reply{Answer: model.Answer{Outcome: model.Succeeded, TrailARN: arn}, Body: value.Obj("Name", name, "TrailARN", arn)}
}

// learn takes partition and account from the ARN of a trail that was just made.
func (w *world) learn(text string) {
	if names := w.binding.names; Learn(&names, text) {
		w.target.learnt.CompareAndSwap(nil, newIdentity(names))
		w.binding.identity = w.target.learnt.Load()
	}
}

// ARNWithin finds the first ARN in a body that has some part, whatever member it stands in.
func ARNWithin(body value.Value, part string) (found string) {
	generators.MapStrings(body, func(s string) string {
		if found == "" && strings.HasPrefix(s, "arn:") && strings.Contains(s, part) {
			found = s
		}
		return s
	})
	return found
}

// translate brings a reply into symbolic form. Sent, Received and Problem stay as they were.
func (b *binding) translate(reply *targets.Reply) {
	if !b.moves() {
		return
	}
	a := &reply.Answer
	reply.Body = generators.MapStrings(reply.Body, b.symbolic)
	for _, s := range []*string{&a.TrailARN, &a.StoreARN, &a.Destination} {
		if *s != "" {
			*s = b.symbolic(*s)
		}
	}
}

// moves reports whether any name differs on the target.
func (b *binding) moves() bool {
	return !b.names.Kept || !b.identity.plain || len(b.back)+len(b.names.Trails) > 0
}

func (b *binding) request(r model.Request) model.Request {
	if r.Region == "" {
		r.Region = model.DefaultWorld.Home
	}
	r.Region = b.identity.region.to(r.Region)
	switch {
	case !b.moves():
	case r.Raw != nil:
		if b.names.Prefix != "" {
			raw := strings.ReplaceAll(*r.Raw, commonName, b.name(commonName))
			r.Raw = &raw
		}
	case r.Input.Kind() == value.Object:
		r.Input = b.input(r.Input)
	}
	return r
}

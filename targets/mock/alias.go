package mock

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
)

// A caller may do what it likes with what it passed to a method or got from one. So while a Get or GetTrail is called,
// what the world's last calls have passed and got is changed, and put back afterwards. Strings become marks that no mock
// would make up: one that shows in an answer tells what is shared, and is read as what it stands for. Where an answer is
// another one without a mark, calling again with and without the changes tells whether they are why. A mock that
// copies sees neither the changes nor a call more, unless its Get answers otherwise than the last Put or Get did.

// holdings are what the caller has of one trail or store, and what is expected to be answered next.
type holdings struct {
	shares []*share
	next   map[model.Op]answered
}

// share is what was passed to one operation, or got from it.
type share struct {
	op    model.Op
	way   string // passed to, or got from
	spots []*spot
}

// spot is a place in a share that the caller can change.
type spot struct {
	share *share
	path  string // without indexes
	at    reflect.Value
	was   any
	mark  any // what stands there instead meanwhile
}

const (
	maxSpots   = 100 // of one share
	markPrefix = "changed-by-the-caller-"
)

// resourceOf is the name of the trail or store that a request is about.
func resourceOf(r model.Request) string {
	for _, member := range []string{"TrailName", "Name", "EventDataStore"} {
		if name := r.Input.Get(member).Text(); name != "" {
			return name[strings.LastIndexByte(name, '/')+1:]
		}
	}
	return ""
}

// ask calls a method. What the caller holds is changed while that only reads.
func (w *world) ask(ctx context.Context, r model.Request, request []byte) answered {
	name := resourceOf(r)
	if w.held[name] == nil {
		w.held[name] = &holdings{next: map[model.Op]answered{}}
	}
	h := w.held[name]
	switch {
	case r.Op == model.OpPut:
		a := w.call(ctx, r.Op, request)
		if a.Answer.Outcome == model.Succeeded {
			h.drop(func(s *share) bool { return s.op.Insights() })
			h.next[model.OpGet] = a
			w.hold(h, r.Op, "passed to", a.in)
			w.hold(h, r.Op, "got from", a.out)
		}
		return a
	case !r.Op.Reads():
		clear(w.held)
		fallthrough
	case r.Op != model.OpGet && r.Op != model.OpTrail:
		return w.call(ctx, r.Op, request)
	}
	var spots []*spot
	shares := slices.DeleteFunc(slices.Clone(h.shares), func(s *share) bool { return s.op.Insights() != r.Op.Insights() })
	for _, s := range shares {
		spots = append(spots, s.spots...)
	}
	a := w.changed(ctx, r.Op, request, spots)
	if len(spots) > 0 && !a.TimedOut && !like(a, h.next[r.Op]) {
		a = w.explain(ctx, r.Op, request, a, shares)
	}
	if a.Answer.Outcome == model.Succeeded {
		h.next[r.Op] = a
		h.drop(func(s *share) bool { return s.op == r.Op })
		w.hold(h, r.Op, "got from", a.out)
	}
	return a
}

func (h *holdings) drop(old func(*share) bool) { h.shares = slices.DeleteFunc(h.shares, old) }

// hold keeps what the caller can change of a value.
func (w *world) hold(h *holdings, op model.Op, way string, v any) {
	s := &share{op: op, way: way}
	s.find(reflect.ValueOf(v), "")
	for _, x := range s.spots {
		if x.at.Kind() == reflect.String {
			mark := fmt.Sprintf("%s%08d", markPrefix, len(w.marks))
			w.marks[mark], x.mark = x, mark
		}
	}
	h.shares = append(h.shares, s)
}

// find lists the strings and booleans of a value that can be changed.
func (s *share) find(v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.Pointer:
		s.find(v.Elem(), path)
	case reflect.Slice:
		for i := range v.Len() {
			s.find(v.Index(i), path+"[]")
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() && field.Name != "ResultMetadata" {
				s.find(v.Field(i), strings.TrimPrefix(path+"."+field.Name, "."))
			}
		}
	case reflect.String, reflect.Bool:
		known := func(x *spot) bool { return x.at.Addr().Pointer() == v.Addr().Pointer() }
		if v.CanSet() && len(s.spots) < maxSpots && !slices.ContainsFunc(s.spots, known) {
			s.spots = append(s.spots, &spot{share: s, path: path, at: v})
		}
	}
}

// changed calls a method while some spots are changed. What the mock itself has written meanwhile stays.
func (w *world) changed(ctx context.Context, op model.Op, request []byte, spots []*spot) answered {
	for _, x := range spots {
		if x.was = x.at.Interface(); x.at.Kind() == reflect.Bool {
			x.mark = !x.at.Bool()
		}
		x.at.Set(x.as(x.mark))
	}
	defer func() {
		for _, x := range slices.Backward(spots) { // two may be one place
			if x.at.Equal(x.as(x.mark)) {
				x.at.Set(x.as(x.was))
			}
		}
	}()
	return w.call(ctx, op, request)
}

func (x *spot) as(v any) reflect.Value { return reflect.ValueOf(v).Convert(x.at.Type()) }

// unmarked puts what they stand for in the place of marks, and says to whom they belong.
func (w *world) unmarked(encoded []byte) (_ []byte, objections []model.Objection) {
	for {
		at := bytes.Index(encoded, []byte(markPrefix))
		if at < 0 {
			return encoded, objections
		}
		mark := encoded[at:min(len(encoded), at+len(markPrefix)+8)]
		x := w.marks[string(mark)]
		if x == nil {
			return encoded, objections
		}
		was, _ := json.Marshal(x.was)
		encoded = bytes.ReplaceAll(encoded, slices.Clone(mark), was[1:len(was)-1])
		objections = object(objections, x)
	}
}

// object objects to a change that shows, once for each share.
func object(all []model.Objection, x *spot) []model.Objection {
	member := strings.FieldsFunc(x.path, func(r rune) bool { return r == '.' || r == '[' })[0]
	where := x.share.way + " " + string(x.share.op)
	if slices.ContainsFunc(all, func(o model.Objection) bool { return strings.HasSuffix(o.Actual, where) }) {
		return all
	}
	return append(all, model.Objection{Rule: model.MockNoAlias, Operation: x.share.op,
		Expected: "the answer from before the caller's change",
		Actual:   "an answer with what the caller wrote to the " + member + " that it " + where})
}

// like reports whether two answers are the same, whatever objections there are.
func like(a, b answered) bool {
	return a.Answer == b.Answer && (a.Answer.Outcome != model.Succeeded || a.Answer.HasInsights == 0 || a.Body.Equal(b.Body))
}

// explain finds out why an answer is not the expected one. Where what the caller changed is why, it is the answer without
// the changes.
func (w *world) explain(ctx context.Context, op model.Op, request []byte, got answered, shares []*share) answered {
	// Twice each, so that answers which alternate by themselves are not taken for it, and alternate on as they did.
	truth, again := w.call(ctx, op, request), w.call(ctx, op, request)
	if like(truth, got) || truth.TimedOut || !like(truth, again) {
		return got
	}
	found, explained := slices.Clone(got.Objections), false
	found = slices.DeleteFunc(found, func(o model.Objection) bool { return o.Rule != model.MockNoAlias })
	for _, s := range shares {
		for i, x := range s.spots {
			if slices.ContainsFunc(s.spots[:i], func(y *spot) bool { return y.path == x.path }) {
				continue // it was changed together with that
			}
			spots := slices.DeleteFunc(slices.Clone(s.spots), func(y *spot) bool { return y.path != x.path })
			a, b := w.changed(ctx, op, request, spots), w.changed(ctx, op, request, spots)
			c, d := w.call(ctx, op, request), w.call(ctx, op, request)
			if !like(a, b) || !like(c, truth) || !like(d, truth) || like(a, truth) && len(a.Objections) == len(truth.Objections) {
				continue
			}
			if explained = true; a.Answer.Outcome == model.Succeeded {
				found = object(found, x)
			}
		}
	}
	if !explained {
		return got
	}
	truth.Objections = append(truth.Objections, found...)
	return truth
}

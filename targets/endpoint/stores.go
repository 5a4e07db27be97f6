package endpoint

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/wire"
)

// The service allows ten event data stores in a Region, and counts a deleted one for seven days. So none is deleted
// before more than ten have been made; where no more can be made, worlds are lent those of earlier ones.
const (
	quotaStores = 10
	worldStores = 4 // that one world needs at most
)

// pool is what a Region has of event data stores.
type pool struct {
	turn     chan bool      // has one value, for the world that uses the pool; closed where stores are plenty
	made     int            // stores
	gone     int            // of them, deleted or spoilt
	refusal  *targets.Reply // to making one more; nil where there was none
	restores bool           // there is RestoreEventDataStore
	idle     []*store
}

type store struct {
	place
	arn              string
	like             value.Value // the request that makes one like it, without the name
	changed, deleted bool        // since
}

// pool is that of a Region, and whether the world uses it, for which it waits until no other one does.
func (w *world) pool(ctx context.Context, region string) (p *pool, pooled bool) {
	if w.target.options.Apart {
		return nil, false
	}
	known, old := w.target.pools.LoadOrStore(region, &pool{turn: make(chan bool, 1)})
	if p = known.(*pool); !old {
		p.turn <- true
	} else if slices.Contains(w.pools, p) {
		return p, true
	}
	select {
	case _, pooled = <-p.turn:
	case <-ctx.Done():
	case <-time.After(closing):
	}
	if pooled {
		w.pools = append(w.pools, p)
	}
	return p, pooled
}

// createStore makes a store, or lends one that is like new where none can be made.
func (w *world) createStore(ctx context.Context, r model.Request) targets.Reply {
	p, pooled := w.pool(ctx, r.Region)
	if pooled && p.refusal != nil {
		x := w.target.lendStore(ctx, p, r.Input)
		if x == nil {
			return *p.refusal
		}
		w.stores = append(w.stores, x)
		return targets.LentStore(x.arn, r, w.fresh)
	}
	reply := w.target.caller.Send(ctx, r.Region, r)
	name, arn, refused := r.Input.Get("Name").Text(), reply.Answer.StoreARN, reply.Answer.Outcome == model.Refused
	switch {
	case pooled && refused && wire.Full(reply.Answer.Code):
		p.refusal = &reply
		return w.createStore(ctx, r)
	case arn != "":
		w.stores = append(w.stores, &store{place: place{r.Region, bareName(arn)}, arn: arn, like: r.Input.With("Name", value.Value{})})
	case !refused && name != "":
		w.lost = append(w.lost, place{r.Region, name})
	}
	if pooled && !refused {
		p.made++
	}
	return reply
}

// lendStore takes the store that is the most like a new one, nil where there is none.
func (t *Target) lendStore(ctx context.Context, p *pool, input value.Value) *store {
	for _, change := range []bool{false, true} {
		for i, x := range p.idle {
			alike := !x.changed && x.like.Equal(input.With("Name", value.Value{}))
			if alike || change && t.change(ctx, x, input) {
				p.idle = slices.Delete(p.idle, i, i+1)
				return x
			}
		}
	}
	return nil
}

// change gives a store the name and the settings of a new one, and reports whether they show.
func (t *Target) change(ctx context.Context, x *store, to value.Value) bool {
	ask := func(op model.Op, input value.Value) targets.Reply {
		return t.ask(ctx, x.region, op, input.With("EventDataStore", value.Str(x.arn)))
	}
	start := to.Get("StartIngestion")
	stopped := start.Kind() == value.Bool && !start.True()
	if ask(model.OpUpdateStore, to.With("StartIngestion", value.Value{})).Answer.Outcome != model.Succeeded {
		return false
	}
	if ask(model.OpStartIngestion, value.Obj()); stopped { // refused where it was not stopped
		ask(model.OpStopIngestion, value.Obj())
	}
	status := ask(model.OpGetStore, value.Obj()).Body.Get("Status").Text()
	x.like, x.changed = to.With("Name", value.Value{}), status != "" && (status == "ENABLED") == stopped
	return !x.changed
}

// park restores a store and turns it off for the next world, and reports whether that shows.
func (t *Target) park(ctx context.Context, p *pool, x *store) bool {
	itself := value.Obj("EventDataStore", x.arn)
	if x.deleted && t.ask(ctx, x.region, model.OpRestoreStore, itself).Answer.Outcome == model.Succeeded {
		p.restores, x.deleted = true, false
	}
	off := t.ask(ctx, x.region, model.OpPut, itself.With("InsightSelectors", value.ListOf())).Answer.Outcome == model.Succeeded
	shown := t.ask(ctx, x.region, model.OpGet, itself)
	if x.deleted || shown.Answer.Selectors.On() || !off && (wire.Missing(shown) || !shown.Answer.Definite()) {
		p.gone++
		return false
	}
	p.idle = append(p.idle, x)
	return true
}

// store is the world's own that a request names, nil where there is none.
func (w *world) store(r model.Request) *store {
	at := place{r.Region, bareName(r.Input.Get("EventDataStore").Text())}
	if i := slices.IndexFunc(w.stores, func(x *store) bool { return x.place == at }); i >= 0 {
		return w.stores[i]
	}
	return nil
}

// usesUp reports whether deleting a store would leave too few: it counts, and there may be no restoring it.
func (w *world) usesUp(ctx context.Context, r model.Request) bool {
	p, pooled := w.pool(ctx, r.Region)
	if !pooled || p.restores {
		return false
	}
	used := p.gone + len(slices.DeleteFunc(slices.Clone(w.stores), func(x *store) bool { return !x.deleted }))
	return p.refusal != nil && p.made-used <= worldStores || quotaStores-used <= worldStores
}

// leave gives the stores of a world back, or deletes them where there are plenty.
func (w *world) leave(ctx context.Context) {
	for _, x := range w.stores {
		p, pooled := w.pool(ctx, x.region)
		if !(pooled && p.made <= quotaStores && w.target.park(ctx, p, x)) && !x.deleted {
			w.target.removeStore(ctx, x)
		}
	}
	for _, p := range w.pools {
		if p.made > quotaStores {
			w.target.empty(ctx, p)
			close(p.turn)
		} else {
			p.turn <- true
		}
	}
	w.stores, w.pools = nil, nil
}

// empty deletes the stores of a pool.
func (t *Target) empty(ctx context.Context, p *pool) {
	for ; len(p.idle) > 0; p.idle = p.idle[1:] {
		t.removeStore(ctx, p.idle[0])
	}
}

func (t *Target) removeStore(ctx context.Context, x *store) {
	input := value.Obj("EventDataStore", x.arn)
	gone := t.remove(ctx, x.region, model.OpDeleteStore, input)
	if !gone {
		t.ask(ctx, x.region, model.OpUpdateStore, input.With("TerminationProtectionEnabled", value.Boolean(false)))
		gone = t.remove(ctx, x.region, model.OpDeleteStore, input)
	}
	t.count(x.arn, gone)
}

// remove deletes a resource, and reports whether it is gone as far as the target can tell.
func (t *Target) remove(ctx context.Context, region string, op model.Op, input value.Value) bool {
	for wait := 250 * time.Millisecond; ; wait *= 2 {
		answer := t.ask(ctx, region, op, input).Answer
		switch {
		case answer.Outcome == model.Succeeded:
			return true
		case !wire.Repeatable(answer.Code) || answer.Outcome != model.Refused:
			return answer.Outcome == model.Refused && (answer.Code == "" || wire.Absent(answer.Code) ||
				strings.Contains(answer.Code, "NotFound") || strings.Contains(answer.Code, "Inactive"))
		}
		if !targets.Sleep(ctx, wait) {
			return false
		}
	}
}

// count notes what could not be deleted.
func (t *Target) count(name string, gone bool) {
	if !gone && t.left.Add(1) == 1 {
		t.example.Store(name)
	}
}

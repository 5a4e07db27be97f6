package endpoint

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/naming"
	"github.com/insightconform/conform/targets/wire"
)

// place is a resource of a Region, by the name that the target knows it under.
type place struct{ region, name string }

type uses struct{ bucket, key string }

// world is isolated from others by the names of what it makes.
type world struct {
	target *Target
	tag    string

	mu      sync.Mutex      // of all that follows
	trails  map[place]bool  // that may exist
	created int             // trails that were made
	lent    map[string]bool // that were changed
	stores  []*store        // its own, and those that were lent to it
	pools   []*pool         // that it uses
	missed  []*pool         // that it waited for in vain
	lost    []place         // stores whose creation was not answered, by name
	fresh   bool            // it should share nothing with earlier worlds
	uses    map[place]uses
	own     map[place]uses // made for a trail, and not spoilt yet
	named   int            // buckets that were given a name
	buckets []string       // made
	keys    []place        // made
}

// NewWorld implements targets.Target. It sends nothing: all that sets worlds apart is their names.
func (t *Target) NewWorld(ctx context.Context) (targets.World, error) {
	return &world{target: t, tag: naming.NewTag(), fresh: targets.Fresh.In(ctx), trails: map[place]bool{}, lent: map[string]bool{},
		uses: map[place]uses{}, own: map[place]uses{}}, nil
}

func (w *world) Names() targets.Names {
	names := w.target.names
	names.Tag = w.tag
	return names
}

// Await implements targets.Queued: a store may be a lent one, and one world at a time has those of a Region.
func (w *world) Await(ctx context.Context, op model.Op, region string) {
	if op == model.OpCreateStore {
		w.pool(ctx, region)
	}
}

// Do implements targets.World. Several clients may call it at once.
func (w *world) Do(ctx context.Context, r model.Request) targets.Reply {
	w.mu.Lock()
	instead, reply := w.prepare(ctx, &r)
	created := w.created
	w.mu.Unlock()
	if reply != nil {
		return *reply
	}
	out := w.target.caller.Send(ctx, r.Region, r)
	out.Instead = instead
	w.mu.Lock()
	defer w.mu.Unlock()
	w.track(r.Region, r, out, created)
	return out
}

// prepare makes a request ready, or answers it where it is not to be sent as it is. instead is as of provide.
func (w *world) prepare(ctx context.Context, r *model.Request) (instead map[string]string, reply *targets.Reply) {
	switch own := w.store(*r); {
	case r.Op == model.OpArrange:
		return nil, new(w.arrange(ctx, r.Region, *r))
	case r.Op == model.OpCreateStore:
		return nil, new(w.createStore(ctx, *r))
	case r.Op == model.OpDeleteStore && own != nil && w.usesUp(ctx, *r):
		return nil, &targets.Reply{Answer: model.Refusal("UnsupportedOperationException"), Remark: "DeleteEventDataStore is not sent any more: a " +
			"deleted store counts against the quota, and there is no RestoreEventDataStore that works"}
	}
	return w.provide(ctx, r), nil
}

// track keeps what has to be cleaned up. created counted the trails that were made when the request was sent: one that was
// made since may be there however the trail was deleted.
func (w *world) track(region string, out model.Request, reply targets.Reply, created int) {
	done := reply.Answer.Outcome == model.Succeeded
	maybe := done || !reply.Answer.Definite()
	name := out.Input.Get("Name").Text()
	if trail := bareName(cmp.Or(name, out.Input.Get("TrailName").Text())); !out.Op.Reads() && slices.Contains(w.target.names.Trails, trail) {
		w.lent[trail] = true
	}
	switch out.Op {
	case model.OpCreate, model.OpUpdate:
		at := place{region, bareName(name)}
		if maybe && out.Op == model.OpCreate && name != "" {
			w.trails[at] = true
			w.uses[at] = uses{}
			w.created++
		}
		if done {
			before := w.uses[at]
			w.uses[at] = uses{cmp.Or(out.Input.Get("S3BucketName").Text(), before.bucket),
				cmp.Or(out.Input.Get("KmsKeyId").Text(), before.key)}
		}
	case model.OpDelete:
		if done && created == w.created {
			delete(w.trails, place{region, name}) // by ARN, moto for one says so and keeps it
		}
	case model.OpUpdateStore, model.OpStartIngestion, model.OpStopIngestion, model.OpDeleteStore, model.OpRestoreStore:
		if x := w.store(out); x != nil && maybe {
			x.changed = true
			if p, pooled := w.pool(context.Background(), region); pooled && done && out.Op == model.OpRestoreStore {
				p.restores = true
			}
			x.deleted = done && out.Op == model.OpDeleteStore || x.deleted && !(done && out.Op == model.OpRestoreStore)
		}
	}
}

// bareName is the last part of an ARN, and any other name itself.
func bareName(s string) string {
	if strings.HasPrefix(s, "arn:") {
		return s[strings.LastIndexByte(s, '/')+1:]
	}
	return s
}

// provide puts a trail's own bucket and key where a request asks for them, made at first; instead says for what.
func (w *world) provide(ctx context.Context, r *model.Request) (instead map[string]string) {
	ownBucket := r.Input.Get("S3BucketName").Text() == generators.OwnBucket
	ownKey := r.Input.Get("KmsKeyId").Text() == generators.OwnKey && w.target.keys
	if !ownBucket && !ownKey {
		return nil
	}
	instead = map[string]string{}
	creates := r.Op == model.OpCreate || r.Op == model.OpUpdate
	at := place{r.Region, bareName(r.Input.Get("Name").Text())}
	own := w.own[at]
	if ownBucket {
		if own.bucket == "" {
			own.bucket = fmt.Sprintf("conform-%s-%d", w.tag, w.named)
			w.named++
			if client := w.target.s3; client != nil && creates {
				_ = w.target.makeBucket(ctx, client, own.bucket) // the answer to the request will tell
				w.buckets = append(w.buckets, own.bucket)
			}
		}
		instead[own.bucket] = generators.OwnBucket
		r.Input = r.Input.With("S3BucketName", value.Str(own.bucket))
	}
	if ownKey {
		if own.key == "" && creates {
			if id, arn, err := w.target.makeKey(ctx, r.Region); err == nil {
				own.key = cmp.Or(arn, id) // CreateTrail's answer has the ARN
				w.keys = append(w.keys, place{r.Region, id})
				instead[id] = generators.OwnKey
			}
		}
		if own.key != "" {
			instead[own.key] = generators.OwnKey
			r.Input = r.Input.With("KmsKeyId", value.Str(own.key))
		}
	}
	w.own[at] = own
	return instead
}

// arrange brings about a condition, through the extension where there is one, else through S3 and KMS.
func (w *world) arrange(ctx context.Context, region string, r model.Request) targets.Reply {
	condition := r.Input.Get("Condition").Text()
	name := r.Input.Get("TrailName").Text()
	at := place{region, bareName(name)}
	uses, own := w.uses[at], w.own[at]
	refused := targets.Reply{Answer: model.Refusal("NotArranged")}
	var err error
	switch {
	case w.target.arranges(condition):
		body := value.Obj("TrailName", name, "Condition", condition, "Region", region).AppendJSON(nil)
		x := w.target.extension(ctx, region, http.MethodPost, body)
		if err = x.err; err == nil && x.status >= http.StatusInternalServerError {
			err = fmt.Errorf("HTTP %d", x.status)
		} else if err == nil && x.status != http.StatusOK {
			return refused
		}
	case strings.HasPrefix(condition, "bucket-") && w.target.s3 != nil:
		if !slices.Contains(w.buckets, uses.bucket) {
			return refused // the bucket is not the trail's own
		}
		if condition == "bucket-missing" {
			err = DropBucket(ctx, w.target.s3, uses.bucket)
		} else {
			err = w.target.setPolicy(ctx, w.target.s3, uses.bucket, "Deny")
		}
		own.bucket = "" // spoilt: the next trail of this name gets another
	case strings.HasPrefix(condition, "key-") && w.target.keys:
		key := bareName(uses.key)
		if !slices.Contains(w.keys, place{region, key}) {
			return refused // nor is the key
		}
		err = w.target.spoilKey(ctx, region, key, condition == "key-denied")
		own.key = ""
	case condition == model.Mended:
		var mended bool
		if mended, err = w.mend(ctx, region, uses); !mended {
			return refused
		}
	default:
		return refused
	}
	w.own[at] = own
	if err != nil { // it may be done all the same
		return targets.Reply{Answer: model.Answer{Outcome: model.Unanswered}, Problem: "arranging failed"}
	}
	return targets.Reply{Answer: model.Answer{Outcome: model.Succeeded}}
}

// mend gives back what a trail uses of its own, and reports whether there is any.
func (w *world) mend(ctx context.Context, region string, of uses) (mended bool, err error) {
	if client := w.target.s3; client != nil && slices.Contains(w.buckets, of.bucket) {
		_ = MakeBucket(ctx, client, of.bucket) // which may be there
		mended, err = true, w.target.setPolicy(ctx, client, of.bucket, "Allow")
	}
	if key := bareName(of.key); w.target.keys && slices.Contains(w.keys, place{region, key}) {
		mended, err = true, errors.Join(err, w.target.mendKey(ctx, region, key))
	}
	return mended, err
}

const closing = 30 * time.Second

// Close implements targets.World. It works after an interruption too, for a shorter time.
func (w *world) Close(ctx context.Context) error {
	limit := closing
	if ctx.Err() != nil {
		ctx, limit = context.WithoutCancel(ctx), closing/6
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	count := w.target.count
	for at := range w.trails {
		count(at.name, w.target.remove(ctx, at.region, model.OpDelete, value.Obj("Name", at.name)))
	}
	for name := range w.lent {
		count(name, w.turnOff(ctx, name))
	}
	for _, at := range w.lost { // their identifiers were never answered
		reply := w.target.ask(ctx, at.region, "ListEventDataStores", value.Obj())
		for _, item := range reply.Body.Get("EventDataStores").Items() {
			if item.Get("Name").Text() == at.name {
				arn := item.Get("EventDataStoreArn").Text()
				w.stores = append(w.stores, &store{place: place{at.region, bareName(arn)}, arn: arn, changed: true})
			}
		}
	}
	w.leave(ctx)
	for _, bucket := range w.buckets {
		count(bucket, DropBucket(ctx, w.target.s3, bucket) == nil)
	}
	for _, key := range w.keys {
		count(key.name, w.target.dropKey(ctx, key.region, key.name) == nil)
	}
	w.trails, w.lost, w.buckets, w.keys = nil, nil, nil, nil
	return nil
}

// turnOff makes a trail that is lent like a new one, so that nothing comes back when logging starts.
func (w *world) turnOff(ctx context.Context, name string) bool {
	succeeds := func(r model.Request) bool {
		return w.target.ask(ctx, w.target.options.Regions[0], r.Op, r.Input).Answer.Outcome == model.Succeeded
	}
	started := succeeds(generators.Start(name))
	off := succeeds(generators.Put(name, 0))
	succeeds(generators.PutEvents(name, generators.EventClasses()[model.ManagementEvents]))
	if started {
		succeeds(generators.Stop(name))
	}
	return off
}

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
	} else if own := slices.Contains(w.pools, p); own || slices.Contains(w.missed, p) {
		return p, own
	}
	select {
	case _, pooled = <-p.turn:
	case <-ctx.Done():
	case <-time.After(closing):
	}
	if pooled {
		w.pools = append(w.pools, p)
	} else {
		w.missed = append(w.missed, p)
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

package endpoint

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/naming"
)

// place is a resource of a Region, by the name that the target knows it under.
type place struct{ region, name string }

type uses struct{ bucket, key string }

// world is isolated from others by the names of what it makes.
type world struct {
	target *Target
	tag    string

	trails  map[place]bool  // that may exist
	lent    map[string]bool // that were changed
	stores  []*store        // its own, and those that were lent to it
	pools   []*pool         // that it uses
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
	return &world{target: t, tag: naming.NewTag(), fresh: targets.Fresh(ctx), trails: map[place]bool{}, lent: map[string]bool{},
		uses: map[place]uses{}, own: map[place]uses{}}, nil
}

func (w *world) Names() targets.Names {
	names := w.target.names
	names.Tag = w.tag
	return names
}

func (w *world) Do(ctx context.Context, r model.Request) targets.Reply {
	switch own := w.store(r); {
	case r.Op == model.OpArrange:
		return w.arrange(ctx, r.Region, r)
	case r.Op == model.OpCreateStore:
		return w.createStore(ctx, r)
	case r.Op == model.OpDeleteStore && own != nil && w.usesUp(ctx, r):
		return targets.Reply{Answer: model.Refusal("UnsupportedOperationException"), Remark: "DeleteEventDataStore is not sent any more: a " +
			"deleted store counts against the quota, and there is no RestoreEventDataStore that works"}
	}
	instead := w.provide(ctx, &r)
	reply := w.target.caller.Send(ctx, r.Region, r)
	reply.Instead = instead
	w.track(r.Region, r, reply)
	return reply
}

func (w *world) track(region string, out model.Request, reply targets.Reply) {
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
		}
		if done {
			before := w.uses[at]
			w.uses[at] = uses{cmp.Or(out.Input.Get("S3BucketName").Text(), before.bucket),
				cmp.Or(out.Input.Get("KmsKeyId").Text(), before.key)}
		}
	case model.OpDelete:
		if done {
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
	refused := func(why string) targets.Reply {
		return targets.Reply{Answer: model.Refusal("NotArranged"), Notes: []string{why}}
	}
	var err error
	switch {
	case w.target.arranges(condition):
		body := value.Obj("TrailName", name, "Condition", condition, "Region", region).AppendJSON(nil)
		x := w.target.extension(ctx, region, http.MethodPost, body)
		if err = x.err; err == nil && x.status >= http.StatusInternalServerError {
			err = fmt.Errorf("HTTP %d", x.status)
		} else if err == nil && x.status != http.StatusOK {
			return refused("arranging was refused")
		}
	case strings.HasPrefix(condition, "bucket-") && w.target.s3 != nil:
		if !slices.Contains(w.buckets, uses.bucket) {
			return refused("the trail has no bucket of its own")
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
			return refused("the trail has no key of its own")
		}
		err = w.target.spoilKey(ctx, region, key, condition == "key-denied")
		own.key = ""
	default:
		return refused("the endpoint offers no way to arrange this")
	}
	w.own[at] = own
	if err != nil { // it may be done all the same
		return targets.Reply{Answer: model.Answer{Outcome: model.Unanswered}, Problem: "arranging failed"}
	}
	return targets.Reply{Answer: model.Answer{Outcome: model.Succeeded}}
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

package account

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/account/gate"
	"github.com/insightconform/conform/targets/account/ledger"
	"github.com/insightconform/conform/targets/naming"
	"github.com/insightconform/conform/targets/wire"
)

// world has the trails and stores that its requests made, or that were lent to it.
type world struct {
	target *target
	index  int
	fresh  bool // no trail is lent
	tag    string
	used   map[string]bool // families of names that some trail has had; nil once the world is closed
	has    []*resource
}

func (w *world) Names() targets.Names {
	t := w.target
	regions := []string{t.options.Regions[w.index]}
	if n := len(t.options.Regions); n > 1 {
		regions = append(regions, t.options.Regions[(w.index+1)%n])
	}
	return targets.Names{Partition: t.service.partition, Account: t.service.account, OtherAccount: gate.OtherAccount,
		Secret: true, Regions: regions,
		Bucket: t.bucket.Name, Prefix: t.service.ledger.Prefix, Tag: w.tag}
}

// label is what a name has behind prefix and tag.
func (w *world) label(name string) string {
	return name[min(len(name), len(w.target.service.ledger.Prefix)+1+naming.TagLength+1):]
}

// family is what names that differ in letter case alone have in common.
func (w *world) family(name string) string { return strings.ToLower(w.label(name)) }

func (w *world) Do(ctx context.Context, r model.Request) targets.Reply {
	if reply, ok := w.absent(r); ok {
		return reply
	}
	if r.Input.Get("S3BucketName").Text() == generators.OwnBucket {
		r.Input = r.Input.With("S3BucketName", value.Str(w.target.bucket.Name)) // nothing is done to it
	}
	switch r.Op {
	case model.OpCreate:
		return w.createTrail(ctx, r)
	case model.OpCreateStore:
		return w.createStore(ctx, r)
	}
	reply := w.send(ctx, r)
	w.track(ctx, r, reply)
	return reply
}

// absent answers for what this target does not do.
func (w *world) absent(r model.Request) (targets.Reply, bool) {
	o, why := w.target.options, ""
	switch {
	case (r.Op == model.OpStart || r.Op == model.OpStop) && !o.AllowLogging:
		why = "not sent, because a trail that logs costs money; --allow-logging sends it"
	case strings.HasSuffix(string(r.Op), "EventDataStore") && !o.Stores:
		why = "not sent, because event data stores cost money; --stores sends it"
	case r.Op == model.OpStartIngestion || r.Op == model.OpStopIngestion:
		why = "not sent, because a store that is used again must go on ingesting"
	case r.Op == model.OpDeleteStore || r.Op == model.OpRestoreStore:
		why = "not sent, because a deleted event data store counts against the quota for seven days"
	case r.Op == model.OpArrange, r.Op == model.OpUpdate && !gate.Admits(r) && w.triedElsewhere(r):
		return targets.Reply{Answer: model.Refusal("NotArranged")}, true
	default:
		return targets.Reply{}, false
	}
	return targets.Reply{Answer: model.Refusal("UnsupportedOperationException"), Problem: why}, true
}

// triedElsewhere reports whether an UpdateTrail is one that emulators alone are sent.
func (w *world) triedElsewhere(r model.Request) bool {
	return slices.ContainsFunc(generators.Updates(r.Input.Get("Name").Text()), func(tried model.Request) bool {
		if tried.Input.Get("S3BucketName").Given() {
			tried.Input = tried.Input.With("S3BucketName", value.Str(w.target.bucket.Name))
		}
		return tried.Input.Equal(r.Input)
	})
}

// send sends a request and makes sure that a denied one is no verdict.
func (w *world) send(ctx context.Context, r model.Request) targets.Reply {
	reply := w.target.service.send(ctx, r.Region, r)
	if (r.Op == model.OpPut || r.Op == model.OpGet) && reply.Answer.Outcome == model.Refused &&
		wire.Denied(reply.Answer.Code) && w.trailNamed(r.Region, r.Input.Get("TrailName").Text()) != nil && reply.Err == nil {
		reply.Err = inconclusive("%s answered %s; 'conform iam-policy' prints what a run must be permitted", r.Op, reply.Answer.Code)
	}
	return reply
}

// trailNamed finds the world's trail that a name or ARN means.
func (w *world) trailNamed(region, name string) *resource {
	if parsed, err := arn.Parse(name); err == nil {
		if parsed.AccountID != w.target.service.account {
			return nil
		}
		region, name = parsed.Region, strings.TrimPrefix(parsed.Resource, "trail/")
	}
	return w.find(func(x *resource) bool { return x.Resource == ledger.Trail.In(region, name) })
}

func (w *world) find(is func(*resource) bool) *resource {
	if i := slices.IndexFunc(w.has, is); i >= 0 {
		return w.has[i]
	}
	return nil
}

func (w *world) createTrail(ctx context.Context, r model.Request) targets.Reply {
	p, s := w.target.pool(ledger.Trail, r.Region), w.target.service
	name := r.Input.Get("Name").Text()
	tagged := r
	tagged.Input = r.Input.With("TagsList", s.tags())
	switch {
	case p == nil:
		return w.send(ctx, r) // refused, and says why
	case !model.ValidTrailName(name):
		return targets.Reply{Answer: model.Refusal("InvalidTrailNameException")} // not sent
	case w.trailNamed(r.Region, name) != nil:
		return w.send(ctx, tagged)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	label, family, bucket := w.label(name), w.family(name), w.target.bucket.Name
	plain := len(r.Input.Members()) == 2 && r.Input.Get("S3BucketName").Text() == bucket
	if plain && !w.fresh && !w.used[family] {
		if x := w.lend(ctx, p, label, value.Value{}); x != nil {
			w.used[family] = true
			return targets.Reply{Answer: model.Answer{Outcome: model.Succeeded, TrailARN: x.arn},
				Body:    value.Obj("Name", x.Name, "S3BucketName", bucket, "TrailARN", x.arn),
				Instead: map[string]string{x.Name: name}} // nothing is sent: it shows the state of a new one
		}
	}
	switch {
	case ctx.Err() == nil && p.makeRoom(ctx):
	case ctx.Err() != nil:
		return targets.Reply{Problem: "interrupted"}
	default:
		return targets.Reply{Answer: model.Refusal("MaximumNumberOfTrailsExceededException")} // nothing is sent
	}
	x := &resource{Resource: ledger.Trail.In(r.Region, name), like: label, logs: defaultEvents}
	x.arn = s.arn(x.Resource, "")
	w.used[family] = true
	reply, made := w.make(ctx, x, tagged)
	if made {
		x.countEverywhere(w.target, r)
		w.keep(ctx, p, x, &reply)
	}
	return reply
}

// createStore lends a store that logs what is asked for, or makes one.
func (w *world) createStore(ctx context.Context, r model.Request) targets.Reply {
	p, s := w.target.pool(ledger.Store, r.Region), w.target.service
	if p == nil {
		return w.send(ctx, r) // refused, and says why
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.countStores(ctx); err != nil {
		return targets.Reply{Problem: reason(err), Err: err}
	}
	sum := sha256.Sum256([]byte(r.Input.With("Name", value.Value{}).String())) // tells stores apart, as a part of their names
	like, logs := hex.EncodeToString(sum[:5]), r.Input.Get("AdvancedEventSelectors")
	if x := w.lend(ctx, p, like, logs); x != nil {
		return targets.LentStore(x.arn, r, w.fresh)
	}
	if !p.makeRoom(ctx) {
		return targets.Reply{Answer: model.Refusal("EventDataStoreMaxLimitExceededException")} // nothing is sent
	}
	x := &resource{Resource: ledger.Store.In(r.Region, s.ledger.Prefix+"-"+naming.NewTag()+"-"+like), like: like, logs: logs}
	asked := r.Input.Get("Name").Text()
	r.Input = r.Input.With("Name", value.Str(x.Name)).With("TagsList", s.tags()).
		With("RetentionPeriod", value.Num("7")).With("TerminationProtectionEnabled", value.Boolean(false)).
		With("MultiRegionEnabled", value.Boolean(false))
	reply, made := w.make(ctx, x, r)
	if len(reply.Sent) > 0 {
		reply.Instead = map[string]string{x.Name: asked}
	}
	id := storeID(reply.Answer.StoreARN)
	if !made || id == "" {
		return reply // the ledger has the intention, unless it was refused
	}
	x.arn = s.arn(x.Resource, id)
	s.gate.SetStore(id, x.Resource)
	w.keep(ctx, p, x, &reply)
	return reply
}

func (s *service) tags() value.Value {
	return value.ListOf(value.Obj("Key", ledger.TagKey, "Value", s.ledger.ID))
}

// lend gives the world a resource of an earlier one, which is like new; nil where there is none.
func (w *world) lend(ctx context.Context, p *pool, like string, logs value.Value) *resource {
	for x := p.idle(like); x != nil && ctx.Err() == nil; x = p.idle(like) {
		if x.logs.Kind() == value.Absent {
			x.logs = logs
		}
		if p.reset(ctx, x) {
			x.lent = true
			w.has = append(w.has, x)
			return x
		}
		x.spoilt = ctx.Err() == nil
	}
	return nil
}

// lateCodes answer CreateTrail while a deletion, or the new bucket and its policy, does not show yet.
var lateCodes = []string{"MaximumNumberOfTrailsExceededException", "InsufficientS3BucketPolicyException", "S3BucketDoesNotExistException"}

// make writes the ledger, then sends the request. A refusal is noted; made says that the resource may be there.
func (w *world) make(ctx context.Context, x *resource, r model.Request) (reply targets.Reply, made bool) {
	s := w.target.service
	if err := s.intend(x.Resource); err != nil {
		return targets.Reply{Problem: "the ledger cannot be written", Err: err}, false
	}
	s.until(ctx, func() bool {
		reply = w.send(ctx, r)
		return !slices.Contains(lateCodes, reply.Answer.Code)
	})
	if reply.Answer.Outcome == model.Refused {
		if err := s.gone(x.Resource); err != nil {
			reply.Err = err
		}
		return reply, false
	}
	return reply, reply.Err == nil || len(reply.Sent) > 0
}

// keep puts a new resource into the pool and the world. Where its tag does not show, it is not lent again.
func (w *world) keep(ctx context.Context, p *pool, x *resource, reply *targets.Reply) {
	p.ours, w.has = append(p.ours, x), append(w.has, x)
	if reply.Answer.Outcome == model.Succeeded {
		if err := w.target.service.confirmTag(ctx, x.Resource, x.arn); ctx.Err() == nil {
			reply.Err = err
		}
	}
	x.lent, x.spoilt = true, x.spoilt || w.target.service.ledger.Event(x.Resource) != ledger.Made
}

func (w *world) track(ctx context.Context, r model.Request, reply targets.Reply) {
	a := reply.Answer
	done := a.Outcome == model.Succeeded
	if r.Op.Reads() || a.Outcome == model.Refused && r.Op != model.OpPut {
		return
	}
	for _, member := range []string{"EventDataStore", "InsightsDestination"} {
		id := storeID(r.Input.Get(member).Text())
		if x := w.find(func(x *resource) bool { return x.Kind == ledger.Store && storeID(x.arn) == id }); x != nil {
			x.spoilt = x.spoilt || !a.Definite()
			changed := done && member == "EventDataStore"
			x.insights = x.insights || changed && r.Op == model.OpPut
			x.events = x.events || changed && r.Op == model.OpUpdateStore
		}
	}
	x := w.trailNamed(r.Region, r.Input.Get("TrailName").Text()+r.Input.Get("Name").Text())
	if x == nil {
		if !a.Definite() || done && r.Op == model.OpPut {
			// Nobody knows what was meant: what the world has is not lent again.
			for _, y := range w.has {
				y.spoilt = y.spoilt || y.Kind == ledger.Trail
			}
		}
		return
	}
	x.spoilt = x.spoilt || !a.Definite()
	if !done {
		return
	}
	switch r.Op {
	case model.OpPut:
		list := r.Input.Get("InsightSelectors")
		x.insights = list.Kind() != value.List || len(list.Items()) > 0
	case model.OpPutEvents:
		x.events = true
	case model.OpStart:
		x.logging = true
	case model.OpStop:
		x.logging, x.spoilt = false, true // selectors may sleep until the next start
	case model.OpUpdate:
		x.countEverywhere(w.target, r)
	case model.OpDelete:
		if strings.HasPrefix(r.Input.Get("Name").Text(), "arn:") { // which an emulator may say and not do
			w.target.service.remove(ctx, x.Resource, "")
		} else {
			_ = w.target.service.gone(x.Resource) // else the sweep finds that it is gone
		}
		p := w.target.pool(x.Kind, x.Region)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.drop(x)
		w.has = slices.DeleteFunc(w.has, func(y *resource) bool { return x == y })
	}
}

// Close implements targets.World. It sends nothing: what the world has goes back to the pools; they delete what is spoilt.
func (w *world) Close(context.Context) error {
	if w.used == nil {
		return nil
	}
	families := map[string]int{}
	for _, x := range w.has {
		families[w.family(x.Name)]++
	}
	for _, x := range w.has {
		p := w.target.pool(x.Kind, x.Region)
		p.mu.Lock()
		x.lent = false
		if x.Kind == ledger.Store {
			x.insights = x.insights || w.fresh // reset it before anyone sees it
		} else if families[w.family(x.Name)] > 1 || w.fresh {
			x.spoilt = true // a later world would find its twin
		}
		p.mu.Unlock()
	}
	w.used = nil
	w.target.mu.Lock()
	defer w.target.mu.Unlock()
	w.target.busy[w.index]--
	return nil
}

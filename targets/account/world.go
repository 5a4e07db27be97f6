package account

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/account/gate"
	"github.com/insightconform/conform/targets/account/ledger"
	"github.com/insightconform/conform/targets/wire"
)

// world has the trails that its requests made, or that were lent to it.
type world struct {
	target *target
	index  int
	fresh  bool // nothing is lent
	tag    string

	used   map[string]bool // families of names that some trail has had
	trails map[ledger.Resource]*trail
	stores map[string]*store // lent, by ID
}

func newWorld(t *target, index int, fresh bool) *world {
	w := &world{target: t, index: index, fresh: fresh, tag: randomTag(), used: map[string]bool{},
		trails: map[ledger.Resource]*trail{}, stores: map[string]*store{}}
	t.service.gate.Issue(w.tag)
	return w
}

// randomTag returns letters that nobody else makes up.
func randomTag() string {
	random := make([]byte, gate.TagLength)
	_, _ = rand.Read(random) // does not fail
	for i := range random {
		random[i] = 'a' + random[i]%26
	}
	return string(random)
}

// Names implements targets.Named.
func (w *world) Names() targets.Names {
	t := w.target
	regions := []string{w.home()}
	if n := len(t.options.Regions); n > 1 {
		regions = append(regions, t.options.Regions[(w.index+1)%n])
	}
	return targets.Names{Partition: t.service.partition, Account: t.service.account, OtherAccount: gate.OtherAccount,
		Secret: true, Regions: regions,
		Bucket: t.bucket.Name, Prefix: t.ledger.Prefix(), Tag: w.tag}
}

func (w *world) home() string { return w.target.options.Regions[w.index] }

// label is what a name has behind prefix and tag.
func (w *world) label(name string) string {
	return name[min(len(name), len(w.target.ledger.Prefix())+1+gate.TagLength+1):]
}

// family is what names that differ in letter case alone have in common.
func (w *world) family(name string) string { return strings.ToLower(w.label(name)) }

// Do implements targets.World.
func (w *world) Do(ctx context.Context, r model.Request) targets.Reply {
	if reply, ok := w.absent(r); ok {
		return reply
	}
	if r.Input.Get("S3BucketName").Text() == generators.OwnBucket {
		r.Input = r.Input.With("S3BucketName", value.Str(w.target.bucket.Name)) // nothing is done to it
	}
	switch r.Op {
	case model.OpCreate:
		return w.create(ctx, r)
	case model.OpCreateStore:
		return w.createStore(ctx, r)
	}
	reply := w.send(ctx, r)
	w.track(r, reply)
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
	case r.Op == model.OpArrange:
		return targets.Reply{Answer: model.Refusal("NotArranged"), Notes: []string{"conditions are not brought about in an account"}}, true
	default:
		return targets.Reply{}, false
	}
	return targets.Reply{Answer: model.Refusal("UnsupportedOperationException"), Problem: why}, true
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
func (w *world) trailNamed(region, name string) *trail {
	if parsed, err := arn.Parse(name); err == nil {
		if parsed.AccountID != w.target.service.account {
			return nil
		}
		region, name = parsed.Region, strings.TrimPrefix(parsed.Resource, "trail/")
	}
	return w.trails[ledger.Trail.In(region, name)]
}

// create lends a trail, or makes one.
func (w *world) create(ctx context.Context, r model.Request) targets.Reply {
	p := w.target.pools[r.Region]
	at := ledger.Trail.In(r.Region, r.Input.Get("Name").Text())
	switch {
	case p == nil:
		return w.send(ctx, r) // refused, and says why
	case !model.ValidTrailName(at.Name):
		return targets.Reply{Answer: model.Refusal("InvalidTrailNameException"), Notes: []string{"not sent: no trail could have this name"}}
	case w.trails[at] != nil:
		return w.send(ctx, w.tagged(r))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if reply, ok := w.lend(ctx, p, at, r); ok {
		return reply
	}
	if !p.makeRoom(ctx) {
		if ctx.Err() != nil {
			return targets.Reply{Problem: "interrupted"}
		}
		return targets.Reply{Answer: model.Refusal("MaximumNumberOfTrailsExceededException"),
			Notes: []string{"not sent: the Region has no room for another trail"}}
	}
	return w.make(ctx, p, at, w.tagged(r))
}

// tagged adds the ledger's tag.
func (w *world) tagged(out model.Request) model.Request {
	out.Input = out.Input.With("TagsList", tags(w.target.ledger))
	return out
}

// tags is the list of tags of a new resource.
func tags(book *ledger.Ledger) value.Value {
	return value.ListOf(value.Obj("Key", ledger.TagKey, "Value", book.ID()))
}

// lend gives the world a trail of an earlier one, brought back to the state of a new one.
func (w *world) lend(ctx context.Context, p *pool, at ledger.Resource, r model.Request) (targets.Reply, bool) {
	label, family := w.label(at.Name), w.family(at.Name)
	plain := len(r.Input.Members()) == 2 && r.Input.Get("S3BucketName").Text() == w.target.bucket.Name
	if !plain || w.fresh || w.used[family] {
		return targets.Reply{}, false
	}
	for x := p.idle(label); x != nil; x = p.idle(label) {
		if !p.reset(ctx, x) {
			if ctx.Err() != nil {
				return targets.Reply{Problem: "interrupted"}, true
			}
			x.spoilt = true
			continue
		}
		x.lent, w.used[family] = true, true
		w.trails[x.Resource] = x
		arn := w.target.service.arn(x.Resource)
		return targets.Reply{Answer: model.Answer{Outcome: model.Succeeded, TrailARN: arn},
			Body:    value.Obj("Name", x.Name, "S3BucketName", w.target.bucket.Name, "TrailARN", arn),
			Instead: map[string]string{x.Name: at.Name},
			Notes:   []string{"not sent: a trail of an earlier case, which shows the state of a new one, takes its place"}}, true
	}
	return targets.Reply{}, false
}

// make creates a trail: first the ledger, then the request, then the look at its tag.
func (w *world) make(ctx context.Context, p *pool, r ledger.Resource, out model.Request) targets.Reply {
	s, book := w.target.service, w.target.ledger
	reply, unsent := s.creating(book, r, func() (reply targets.Reply) {
		w.used[w.family(r.Name)] = true
		s.until(ctx, w.target.options.Settle, func() bool {
			reply = w.send(ctx, out)
			return !slices.Contains(lateCodes, reply.Answer.Code)
		})
		return reply
	})
	if unsent || reply.Answer.Outcome == model.Refused {
		return reply
	}
	x := &trail{Resource: r, label: w.label(r.Name), lent: true, spoilt: reply.Answer.Outcome != model.Succeeded}
	x.countEverywhere(w.target, out)
	p.trails = append(p.trails, x)
	w.trails[r] = x
	if reply.Answer.Outcome != model.Succeeded {
		return reply
	}
	if err := s.confirmTag(ctx, book, r, s.arn(r), w.target.options.Settle); err != nil {
		reply.Err = err
	}
	return reply
}

// lateCodes answer CreateTrail while a deletion does not count yet, or the new bucket and its policy do
// not show.
var lateCodes = []string{"MaximumNumberOfTrailsExceededException", "InsufficientS3BucketPolicyException", "S3BucketDoesNotExistException"}

// creating notes in the ledger that a resource is about to be made, has the request sent that makes it,
// and notes a refusal. unsent says that nothing went out.
func (s *service) creating(book *ledger.Ledger, r ledger.Resource, send func() targets.Reply) (reply targets.Reply, unsent bool) {
	if err := s.intend(book, r); err != nil {
		return targets.Reply{Problem: "the ledger cannot be written", Err: err}, true
	}
	reply = send()
	if reply.Answer.Outcome == model.Refused {
		if err := s.gone(book, r); err != nil {
			reply.Err = err
		}
	}
	return reply, reply.Err != nil && len(reply.Sent) == 0
}

// confirmTag looks whether a trail or store that was just made bears the ledger's tag, and notes that it
// is made.
func (s *service) confirmTag(ctx context.Context, book *ledger.Ledger, r ledger.Resource, arn string, settle time.Duration) error {
	value, last := "", targets.Reply{}
	s.until(ctx, settle, func() bool {
		value, _, last = s.tagOf(ctx, r.Region, arn)
		return value != "" || last.Err != nil || wire.Denied(last.Answer.Code) || wire.Absent(last.Answer.Code)
	})
	switch {
	case ctx.Err() != nil:
		return nil // the ledger has the intention, and the clean-up looks again
	case last.Err != nil:
		return last.Err
	case value != book.ID():
		s.gate.Set(r, gate.Foreign)
		what := "it shows none"
		if value != "" {
			what = "it shows another"
		} else if code := last.Answer.Code; code != "" {
			what = "ListTags answered " + wire.Printable(code)
		}
		return gate.Refuse(gate.GuardTag, "the tag of the new %s cannot be confirmed: %s", r, what)
	}
	s.gate.Set(r, gate.Owned)
	return book.Write(ledger.Made, r)
}

// track notes what a request has changed.
func (w *world) track(r model.Request, reply targets.Reply) {
	if r.Op.Reads() {
		return
	}
	if reply.Answer.Outcome == model.Refused && r.Op != model.OpPut {
		return
	}
	w.trackStore(r, reply)
	name := r.Input.Get("TrailName").Text() + r.Input.Get("Name").Text()
	x := w.trailNamed(r.Region, name)
	if x == nil {
		if !reply.Answer.Definite() || reply.Answer.Outcome == model.Succeeded && r.Op == model.OpPut {
			// Nobody knows what was meant: what the world has is not lent again.
			for _, y := range w.trails {
				y.spoilt = true
			}
		}
		return
	}
	if !reply.Answer.Definite() {
		x.spoilt = true
	}
	if reply.Answer.Outcome != model.Succeeded {
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
		x.logging = false
		x.spoilt = true // selectors may sleep until the next start
	case model.OpUpdate:
		x.countEverywhere(w.target, r)
	case model.OpDelete:
		w.deleted(x)
	}
}

// deleted takes a trail out of the pool.
func (w *world) deleted(x *trail) {
	_ = w.target.service.gone(w.target.ledger, x.Resource) // else the sweep finds that it is gone
	p := w.target.pools[x.Region]
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop(x)
	delete(w.trails, x.Resource)
}

// Close implements targets.World. It sends nothing: trails go back to the pool, and those that are not
// to be lent again are deleted when room is needed, or when the target is closed.
func (w *world) Close(context.Context) error {
	if w.trails == nil {
		return nil
	}
	families := map[string]int{}
	for at := range w.trails {
		families[w.family(at.Name)]++
	}
	for at, x := range w.trails {
		p := w.target.pools[x.Region]
		p.mu.Lock()
		x.lent = false
		if families[w.family(at.Name)] > 1 || w.fresh {
			x.spoilt = true // a later world would find its twin
		}
		p.mu.Unlock()
	}
	w.closeStores()
	w.trails = nil
	w.target.leave(w.index)
	return nil
}

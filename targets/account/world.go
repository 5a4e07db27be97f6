package account

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/endpoint"
	"github.com/insightconform/conform/targets/wire"
)

// tagLength is that of the letters that make a name unique.
const tagLength = 10

// named is a trail by its Region and its symbolic name.
type named struct{ region, symbolic string }

// world has the trails that its requests made, or that were lent to it.
type world struct {
	target  *Target
	lane    int
	fresh   bool // nothing is lent
	tag     string
	binding *endpoint.Binding

	// All names that differ in letter case alone share a tag: that of the trail that was lent, or the
	// world's. It stays, so that a trail that is gone keeps its name.
	tags   map[string]string
	used   map[string]bool // some trail has had one of the names
	trails map[named]*trail
	uuids  map[string]string // of stores that there are not: symbolic → made up
	stores map[string]*store // lent, by ID
}

func newWorld(t *Target, lane int, fresh bool) *world {
	w := &world{target: t, lane: lane, fresh: fresh, tag: randomTag(), tags: map[string]string{}, used: map[string]bool{}, trails: map[named]*trail{},
		uuids: map[string]string{}, stores: map[string]*store{}}
	t.service.gate.issue(w.tag)
	regions := []string{w.home()}
	if n := len(t.options.Regions); n > 1 {
		regions = append(regions, t.options.Regions[(lane+1)%n])
	}
	w.binding = endpoint.NewBinding(w.tag, w.trailName, t.service.partition, t.service.account, otherAccount, regions)
	w.binding.Bind(t.bucket.Name, generators.SharedBucket)
	return w
}

// randomTag returns letters that nobody else makes up.
func randomTag() string {
	random := make([]byte, tagLength)
	_, _ = rand.Read(random) // does not fail
	for i := range random {
		random[i] = 'a' + random[i]%26
	}
	return string(random)
}

func (w *world) home() string { return w.target.options.Regions[w.lane] }

// keepLength is from which length on a name keeps its length.
const keepLength = 60

// name makes a trail name the world's own: prefix, tag and the name itself, or its end where it is
// long.
func (w *world) name(symbolic string) string {
	tag, ok := w.tags[strings.ToLower(symbolic)]
	if !ok {
		tag = w.tag
		w.tags[strings.ToLower(symbolic)] = tag
	}
	head := w.target.ledger.Prefix() + "-" + tag + "-"
	rest := symbolic
	if len(symbolic) >= keepLength {
		rest = symbolic[len(head):]
		if notAlphanumeric(rune(rest[0])) {
			rest = "x" + rest[1:]
		}
	}
	out := head + rest
	w.binding.Bind(out, symbolic)
	return out
}

// trailName translates whatever stands where a trail's name should. What a careless service might take
// for a name becomes the world's own; what makes it wrong stays.
func (w *world) trailName(s string) string {
	if !isARN(s) {
		return w.nameWithin(s)
	}
	parts := strings.SplitN(s, ":", 6)
	for i := 1; i < len(parts); i++ {
		switch {
		case parts[i] == "":
		case i == 1:
			parts[i] = w.binding.Partition(parts[i])
		case i == 3:
			parts[i] = w.binding.Region(parts[i])
		case i == 4:
			parts[i] = w.binding.Account(parts[i])
		case i == 5:
			parts[i] = w.nameWithin(parts[i])
		}
	}
	return strings.Join(parts, ":")
}

func (w *world) nameWithin(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		end := strings.IndexFunc(s, separates)
		if end < 0 {
			end = len(s)
		}
		part := s[:end]
		core := strings.TrimFunc(part, notAlphanumeric)
		switch {
		case core == "" || slices.Contains(kindWords, core):
			b.WriteString(part)
		case model.ValidTrailName(core):
			lead := strings.Index(part, core)
			b.WriteString(part[:lead] + w.name(core) + part[lead+len(core):])
		case len(core) > 128 && model.ValidTrailName(core[len(core)-64:]):
			head := w.target.ledger.Prefix() + "-" + w.tag + "-"
			b.WriteString(head + part[len(head):])
		default:
			b.WriteString(part)
		}
		if end < len(s) {
			b.WriteByte(s[end])
			end++
		}
		s = s[end:]
	}
	return b.String()
}

// Do implements targets.World.
func (w *world) Do(ctx context.Context, r model.Request) targets.Reply {
	if reply, ok := w.absent(r); ok {
		return reply
	}
	region := w.binding.Region(r.Region)
	out := w.concrete(r)
	switch r.Op {
	case model.OpCreate:
		return w.create(ctx, region, r, out)
	case model.OpCreateStore:
		return w.createStore(ctx, region, r, out)
	}
	reply := w.send(ctx, region, out)
	w.track(region, r, out, reply)
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
	case r.Op == model.OpDeleteStore || r.Op == model.OpRestoreStore:
		why = "not sent, because a deleted event data store counts against the quota for seven days"
	case r.Op == model.OpArrange:
		return targets.Reply{Answer: model.Refusal("NotArranged"), Notes: []string{"conditions are not brought about in an account"}}, true
	default:
		return targets.Reply{}, false
	}
	return targets.Reply{Answer: model.Refusal("UnsupportedOperationException"), Problem: why}, true
}

// concrete gives a request the names of the account.
func (w *world) concrete(r model.Request) model.Request {
	out := r
	if r.Raw != nil {
		raw := strings.ReplaceAll(*r.Raw, generators.NameAlpha, w.name(generators.NameAlpha))
		out.Raw = &raw
		return out
	}
	if r.Input.Kind() != model.Object {
		return out
	}
	out.Input = w.binding.Input(r.Op, r.Input, func(s string) string {
		if s == generators.SharedBucket || s == generators.OwnBucket {
			return w.target.bucket.Name
		}
		return s
	})
	for _, m := range out.Input.Members() {
		switch folded := foldedName(m.Name); {
		case m.Name == "TrailName" || m.Name == "Name":
		case folded == "trailname" || folded == "name" || folded == "trailarn":
			out.Input = out.Input.With(m.Name, r.Input.Get(m.Name).MapStrings(w.trailName))
		case folded == "eventdatastore" || folded == "insightsdestination":
			out.Input = out.Input.With(m.Name, m.Value.MapStrings(w.storeName))
		}
	}
	return out
}

// storeName replaces the IDs of stores that are not the world's by made-up ones.
func (w *world) storeName(s string) string {
	return storeID.ReplaceAllStringFunc(s, func(id string) string {
		if _, ours := w.stores[id]; ours {
			return id
		}
		if made, ok := w.uuids[id]; ok {
			return made
		}
		random := make([]byte, 15)
		_, _ = rand.Read(random) // does not fail
		digits := fmt.Sprintf("%x", random)
		made := digits[:8] + "-" + digits[8:12] + "-4" + digits[12:15] + "-8" + digits[15:18] + "-" + digits[18:30]
		w.uuids[id] = made
		w.target.service.gate.makeUp(made)
		w.binding.Bind(made, w.binding.Symbolic(id))
		return made
	})
}

// send sends a request and makes sure that a denied one is no verdict.
func (w *world) send(ctx context.Context, region string, out model.Request) targets.Reply {
	reply := w.target.service.send(ctx, region, out, w.binding.Symbolic, out.Op.Reads())
	if (out.Op == model.OpPut || out.Op == model.OpGet) && reply.Answer.Outcome == model.Refused && denied(reply.Answer.Code) && w.ours(region, out) && reply.Err == nil {
		reply.Err = inconclusive("%s answered %s; 'conform iam-policy' prints what a run must be permitted", out.Op, reply.Answer.Code)
	}
	return reply
}

// ours reports whether a request plainly names a trail of the world.
func (w *world) ours(region string, out model.Request) bool {
	return w.trailNamed(region, out.Input.Get("TrailName").Text()) != nil
}

// trailNamed finds the world's trail that a concrete name or ARN means.
func (w *world) trailNamed(region, name string) *trail {
	if isARN(name) {
		parts := strings.SplitN(name, ":", 6)
		if len(parts) < 6 || parts[4] != w.target.service.account {
			return nil
		}
		region, name = parts[3], strings.TrimPrefix(parts[5], "trail/")
	}
	for _, x := range w.trails {
		if x.Region == region && x.Name == name {
			return x
		}
	}
	return nil
}

// create lends a trail, or makes one.
func (w *world) create(ctx context.Context, region string, r, out model.Request) targets.Reply {
	p := w.target.pools[region]
	symbolic := r.Input.Get("Name").Text()
	if p == nil || !model.ValidTrailName(symbolic) {
		if p == nil {
			return w.send(ctx, region, out) // refused, and says why
		}
		return targets.Reply{Answer: model.Refusal("InvalidTrailNameException"), Notes: []string{"not sent: no trail could have this name"}}
	}
	at := named{region, symbolic}
	if w.trails[at] != nil {
		return w.send(ctx, region, w.tagged(out))
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
		return targets.Reply{Answer: model.Refusal("MaximumNumberOfTrailsExceededException"), Notes: []string{"not sent: the Region has no room for another trail"}}
	}
	return w.make(ctx, p, at, w.tagged(out))
}

// tagged adds the ledger's tag.
func (w *world) tagged(out model.Request) model.Request {
	out.Input = out.Input.With("TagsList", w.target.ledger.tags())
	return out
}

func (l *Ledger) tags() model.Value {
	return model.ListOf(model.Obj("Key", TagKey, "Value", l.head.ID))
}

// lend gives the world a trail of an earlier one, brought back to the state of a new one.
func (w *world) lend(ctx context.Context, p *pool, at named, r model.Request) (targets.Reply, bool) {
	family := strings.ToLower(at.symbolic)
	plain := len(r.Input.Members()) == 2 && r.Input.Get("S3BucketName").Text() == generators.SharedBucket
	if !plain || w.fresh || w.used[family] {
		return targets.Reply{}, false
	}
	for x := p.idle(at.symbolic); x != nil; x = p.idle(at.symbolic) {
		if !p.reset(ctx, x) {
			if ctx.Err() != nil {
				return targets.Reply{Problem: "interrupted"}, true
			}
			x.unfit = true
			continue
		}
		x.lent, w.used[family] = true, true
		w.tags[family], w.trails[at] = x.tag, x
		w.binding.Bind(x.Name, at.symbolic)
		arn := w.binding.Symbolic(w.target.service.arn(x.Resource))
		return targets.Reply{Answer: model.Answer{Outcome: model.Succeeded, TrailARN: arn},
			Body:  model.Obj("Name", at.symbolic, "S3BucketName", generators.SharedBucket, "TrailARN", arn),
			Notes: []string{"not sent: a trail of an earlier case, which shows the state of a new one, takes its place"}}, true
	}
	return targets.Reply{}, false
}

// make creates a trail: first the ledger, then the request, then the look at its tag.
func (w *world) make(ctx context.Context, p *pool, at named, out model.Request) targets.Reply {
	s, ledger := w.target.service, w.target.ledger
	r := Resource{Trail, at.region, out.Input.Get("Name").Text()}
	if err := ledger.write(eventIntend, r); err != nil {
		return targets.Reply{Problem: "the ledger cannot be written", Err: err}
	}
	s.gate.set(r, intended)
	w.used[strings.ToLower(at.symbolic)] = true
	var reply targets.Reply
	s.until(ctx, w.target.options.Settle, func() bool {
		reply = w.send(ctx, at.region, out)
		return !slices.Contains(lateCodes, reply.Answer.Code)
	})
	if reply.Answer.Outcome == model.Refused {
		s.gate.set(r, unknown)
		if err := ledger.write(eventGone, r); err != nil {
			reply.Err = err
		}
		return reply
	}
	if reply.Err != nil && len(reply.Sent) == 0 {
		return reply // never sent
	}
	x := &trail{Resource: r, symbolic: at.symbolic, tag: w.tags[strings.ToLower(at.symbolic)], lent: true, unfit: reply.Answer.Outcome != model.Succeeded}
	x.countEverywhere(w.target, out)
	p.trails = append(p.trails, x)
	w.trails[at] = x
	if reply.Answer.Outcome != model.Succeeded {
		return reply
	}
	if err := s.checkTrail(ctx, ledger, r, w.target.options.Settle); err != nil {
		reply.Err = err
	}
	return reply
}

// lateCodes answer CreateTrail while a deletion does not count yet, or the new bucket and its policy do
// not show.
var lateCodes = []string{"MaximumNumberOfTrailsExceededException", "InsufficientS3BucketPolicyException", "S3BucketDoesNotExistException"}

// checkTrail looks whether a trail that was just made bears the ledger's tag.
func (s *service) checkTrail(ctx context.Context, ledger *Ledger, r Resource, settle time.Duration) error {
	value, last := "", targets.Reply{}
	s.until(ctx, settle, func() bool {
		value, _, last = s.tagOf(ctx, r.Region, s.arn(r))
		return value != "" || last.Err != nil || denied(last.Answer.Code) || wire.IsAbsent(last.Answer.Code)
	})
	switch {
	case ctx.Err() != nil:
		return nil // the ledger has the intention, and the clean-up looks again
	case last.Err != nil:
		return last.Err
	case value != ledger.head.ID:
		s.gate.set(r, foreign)
		what := "it shows none"
		if value != "" {
			what = "it shows another"
		} else if code := last.Answer.Code; code != "" {
			what = "ListTags answered " + wire.Printable(code)
		}
		return refuse(guardTag, "the tag of the new %s cannot be confirmed: %s", r, what)
	}
	s.gate.set(r, owned)
	return ledger.write(eventMade, r)
}

// track notes what a request has changed.
func (w *world) track(region string, r, out model.Request, reply targets.Reply) {
	if r.Op.Reads() {
		return
	}
	if reply.Answer.Outcome == model.Refused && r.Op != model.OpPut {
		return
	}
	w.trackStore(out, reply)
	name := out.Input.Get("TrailName").Text() + out.Input.Get("Name").Text()
	x := w.trailNamed(region, name)
	if x == nil {
		if !reply.Answer.Definite() || reply.Answer.Outcome == model.Succeeded && r.Op == model.OpPut {
			// Nobody knows what was meant: what the world has is not lent again.
			for _, y := range w.trails {
				y.unfit = true
			}
		}
		return
	}
	if !reply.Answer.Definite() {
		x.unfit = true
	}
	if reply.Answer.Outcome != model.Succeeded {
		return
	}
	switch r.Op {
	case model.OpPut:
		list := out.Input.Get("InsightSelectors")
		x.insights = list.Kind() != model.List || len(list.Items()) > 0
	case model.OpPutEvents:
		x.events = true
	case model.OpStart:
		x.logging = true
	case model.OpStop:
		x.logging = false
		x.unfit = true // selectors may sleep until the next start
	case model.OpUpdate:
		x.countEverywhere(w.target, out)
	case model.OpDelete:
		w.deleted(x)
	}
}

// deleted takes a trail out of the pool. Its symbolic name keeps its concrete one.
func (w *world) deleted(x *trail) {
	w.target.service.gate.set(x.Resource, unknown)
	_ = w.target.ledger.write(eventGone, x.Resource) // else the sweep finds that it is gone
	p := w.target.pools[x.Region]
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop(x)
	for at, y := range w.trails {
		if x == y {
			delete(w.trails, at)
		}
	}
}

// Close implements targets.World. It sends nothing: trails go back to the pool, and those that are not
// to be lent again are deleted when room is needed, or when the target is closed.
func (w *world) Close(context.Context) error {
	if w.trails == nil {
		return nil
	}
	families := map[string]int{}
	for at := range w.trails {
		families[strings.ToLower(at.symbolic)]++
	}
	for at, x := range w.trails {
		p := w.target.pools[x.Region]
		p.mu.Lock()
		x.lent = false
		if families[strings.ToLower(at.symbolic)] > 1 || w.fresh {
			x.unfit = true // a later world would find its twin
		}
		p.mu.Unlock()
	}
	w.closeStores()
	w.trails = nil
	w.target.leave(w.lane)
	return nil
}

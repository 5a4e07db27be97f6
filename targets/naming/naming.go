// Package naming translates between the symbolic names of cases and the names of a target: a case says
// trail "alpha", event data store StoreID(0), account, Regions and ARNs of model.DefaultWorld; what goes
// out names things that are unique to the world, in the account and Regions where the target lives.
// What comes back is translated the other way. Targets and their callers need not know. What a world cannot have for
// itself is turned off by requests that no case shows.
package naming

import (
	"cmp"
	"context"
	"crypto/rand"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
)

// Wrap returns the target with worlds that understand symbolic names. Whoever opens a target opens what
// Wrap returns; wrapping twice is wrapping once. No request is sent of which a function says that it is left out.
func Wrap(t targets.Target, leavesOut ...func(model.Request) bool) targets.Target {
	if wrapped, ok := t.(*target); ok {
		return wrapped
	}
	return &target{inner: t, leavesOut: leavesOut}
}

type target struct {
	inner  targets.Target
	info   targets.Info
	shared shared

	leavesOut []func(model.Request) bool
	learnt    atomic.Pointer[identity] // from the first trail, where the target does not tell its account
}

func (t *target) Open(ctx context.Context) (targets.Info, error) {
	var err error
	t.info, err = t.inner.Open(ctx)
	return t.info, err
}

func (t *target) NewWorld(ctx context.Context) (targets.World, error) {
	inner, err := t.inner.NewWorld(ctx)
	if err != nil {
		return nil, err
	}
	var names targets.Names
	if named, ok := inner.(targets.Named); ok {
		names = named.Names()
	} else if t.info.Region != "" {
		names.Regions = []string{t.info.Region}
	}
	w := &world{inner: inner, target: t, binding: newBinding(names, newIdentity(names)), learns: names.Account == "" || names.Unsure,
		shares: !names.Kept && !names.Apart && names.Prefix == ""}
	if w.shares {
		t.shared.once.Do(func() { t.shared.try(ctx, w) })
	}
	return w, nil
}

func (t *target) Close() error { return t.inner.Close() }

type world struct {
	inner   targets.World
	target  *target
	binding *binding
	learns  bool // the account, from the ARNs of trails
	shares  bool // with other worlds what has no name of its own

	mu sync.Mutex // of the binding
}

// Do implements targets.World. Several clients may call it at once.
func (w *world) Do(ctx context.Context, r model.Request) targets.Reply {
	w.mu.Lock()
	if w.learns {
		if learnt := w.target.learnt.Load(); learnt != nil {
			w.binding.identity = learnt
		}
	}
	if name := r.Input.Get("Name").Text(); r.Op == model.OpCreate && len(w.binding.names.Trails) > 0 && w.binding.lent[name] == "" {
		defer w.mu.Unlock()
		return w.lendTrail(r, name)
	}
	if w.shares {
		w.binding.taken = w.takes(ctx, r)
	}
	sent, common := w.binding.request(r)
	w.mu.Unlock()
	reply := w.send(ctx, r, sent, common)
	w.mu.Lock()
	defer w.mu.Unlock()
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

// send sends what a request was translated to. common is as of binding.input.
func (w *world) send(ctx context.Context, r, sent model.Request, common value.Value) targets.Reply {
	if !w.shares || !r.Op.Insights() || common.Kind() == value.Absent {
		return w.inner.Do(ctx, sent)
	}
	if w.target.shared.stores {
		w.target.shared.mu.Lock()
		defer w.target.shared.mu.Unlock()
	}
	reply := w.inner.Do(ctx, sent)
	if r.Op == model.OpPut && reply.Answer.Outcome == model.Succeeded {
		w.inner.Do(ctx, off(sent.Region, common))
	}
	return reply
}

// Await implements targets.Queued.
func (w *world) Await(ctx context.Context, op model.Op, region string) {
	if queued, ok := w.inner.(targets.Queued); ok {
		queued.Await(ctx, op, w.binding.region(region))
	}
}

// Schedule implements targets.Scheduled.
func (w *world) Schedule() targets.Schedule { return targets.ScheduleOf(w.inner) }

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
	return targets.Reply{Answer: model.Answer{Outcome: model.Succeeded, TrailARN: arn}, Body: value.Obj("Name", name, "TrailARN", arn),
		Lent: lend[0]}
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
		*s = b.symbolic(*s)
	}
}

// moves reports whether any name differs on the target.
func (b *binding) moves() bool {
	return !b.names.Kept || !b.identity.plain || len(b.back)+len(b.names.Trails) > 0
}

// request translates a request. common is as of input.
func (b *binding) request(r model.Request) (_ model.Request, common value.Value) {
	r.Region = b.region(r.Region)
	switch {
	case !b.moves():
	case r.Raw != nil:
		if !b.names.Kept {
			raw := strings.ReplaceAll(*r.Raw, commonName, b.name(commonName))
			if raw == *r.Raw {
				common = value.Obj()
			}
			r.Raw = &raw
		}
	case r.Input.Kind() == value.Object:
		r.Input, common = b.input(r.Input)
	}
	return r, common
}

// region is the target's own, of a symbolic one; empty is the home Region.
func (b *binding) region(symbolic string) string {
	return b.identity.region.to(cmp.Or(symbolic, model.DefaultWorld.Home))
}

// swap is a bijection on strings that moves few of them.
type swap struct{ out, back map[string]string }

// newSwap moves each first of a pair to its second; what is in the way takes a place that is left.
func newSwap(pairs ...[2]string) swap {
	s := swap{map[string]string{}, map[string]string{}}
	move := func(from, to string) { s.out[from], s.back[to] = to, from }
	for _, p := range pairs {
		inTheWay, left := s.from(p[1]), s.to(p[0])
		move(p[0], p[1])
		move(inTheWay, left)
	}
	for _, m := range []map[string]string{s.out, s.back} {
		maps.DeleteFunc(m, func(from, to string) bool { return from == to })
	}
	return s
}

func (s swap) to(x string) string   { return cmp.Or(s.out[x], x) }
func (s swap) from(x string) string { return cmp.Or(s.back[x], x) }

// identity translates what all worlds of an account share: partition, account and Regions.
type identity struct {
	partition, account, region swap
	secret                     string // the account, where it must not be seen
	plain                      bool   // nothing moves
}

func newIdentity(names targets.Names) *identity {
	w := model.DefaultWorld
	var regions [][2]string
	for i, region := range names.Regions[:min(2, len(names.Regions))] {
		regions = append(regions, [2]string{[]string{w.Home, w.Away}[i], region})
	}
	accounts := [][2]string{{w.Account, cmp.Or(names.Account, w.Account)}}
	if names.OtherAccount != "" {
		accounts = append(accounts, [2]string{w.OtherAccount, names.OtherAccount})
	}
	id := &identity{
		partition: newSwap([2]string{w.Partition, cmp.Or(names.Partition, w.Partition)}),
		account:   newSwap(accounts...),
		region:    newSwap(regions...),
	}
	if names.Secret && names.Account != w.Account {
		id.secret = names.Account
		delete(id.account.back, w.Account) // not even the symbolic account comes back as the real one
	}
	id.plain = len(id.partition.out)+len(id.account.out)+len(id.region.out) == 0
	return id
}

// word translates a string that is an account or a Region by itself.
func (id *identity) word(s string, direction func(swap, string) string) string {
	const longest = 64
	if id.plain || len(s) > longest {
		return s
	}
	return direction(id.account, direction(id.region, s))
}

// arn translates an ARN part by part. resource gets the kind, which may be empty, and the name of what it names.
func (id *identity) arn(s string, direction func(swap, string) string, resource func(kind, name string) string) string {
	parsed, err := arn.Parse(s)
	if err != nil {
		return s
	}
	parsed.Partition, parsed.Region = direction(id.partition, parsed.Partition), direction(id.region, parsed.Region)
	parsed.AccountID = direction(id.account, parsed.AccountID)
	kind, name, ok := strings.Cut(parsed.Resource, "/")
	if ok {
		parsed.Resource = kind + "/" + resource(kind, name)
	} else {
		parsed.Resource = resource("", kind)
	}
	return parsed.String()
}

// Learn takes partition and account from an ARN, and reports whether it has them.
func Learn(names *targets.Names, text string) bool {
	parsed, err := arn.Parse(text)
	if err != nil || parsed.Partition == "" || !IsAccount(parsed.AccountID) {
		return false
	}
	names.Partition, names.Account = parsed.Partition, parsed.AccountID
	return true
}

// IsAccount reports whether a string is an account id.
func IsAccount(s string) bool { return len(s) == 12 && strings.Trim(s, "0123456789") == "" }

// PartitionOf tells a Region's partition by its name.
func PartitionOf(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// IsRegion reports whether a string is spelt as a Region; there are new ones each year.
func IsRegion(s string) bool { return regionPattern.MatchString(s) }

var regionPattern = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`)

// IsARN recognises what any service, however careless, might take for an ARN.
func IsARN(s string) bool {
	core := strings.TrimLeftFunc(s, notAlphanumeric)
	return len(core) >= 4 && strings.EqualFold(core[:4], "arn:")
}

func notAlphanumeric(c rune) bool {
	return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
}

// kindWords stand in names of resources without being names.
var kindWords = []string{"trail", "eventdatastore", "channel"}

var betweenSeparators = regexp.MustCompile(`[^/:]+`)

// MapNames replaces what a careless service might take for names in a string, or in the resource of an ARN.
func MapNames(s string, replace func(name string) string) string {
	return betweenSeparators.ReplaceAllStringFunc(s, func(part string) string {
		core := strings.TrimFunc(part, notAlphanumeric)
		if core == "" || slices.Contains(kindWords, core) {
			return part
		}
		before, after, _ := strings.Cut(part, core)
		return before + replace(core) + after
	})
}

// FoldedName is a member's name as the most careless reader would compare it.
func FoldedName(s string) string { return withoutSeparators.Replace(strings.ToLower(s)) }

var withoutSeparators = strings.NewReplacer("_", "", "-", "", " ", "")

// TagLength is that of the letters that make a name unique.
const TagLength = 10

// NewTag returns lower-case letters that nobody can guess, so that no two calls return the same.
func NewTag() string {
	tag := make([]byte, TagLength)
	_, _ = rand.Read(tag) // does not fail
	for i := range tag {
		tag[i] = 'a' + tag[i]%26
	}
	return string(tag)
}

// Package naming translates between the symbolic names of cases and the names of a target: a case says
// trail "alpha", event data store StoreID(0), account, Regions and ARNs of model.DefaultWorld; what goes
// out names things that are unique to the world, in the account and Regions where the target lives.
// What comes back is translated the other way. Targets and their callers need not know.
package naming

import (
	"cmp"
	"context"
	"crypto/rand"
	"maps"
	mathrand "math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

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

// Await implements targets.Queued.
func (w *world) Await(ctx context.Context, op model.Op, region string) {
	if queued, ok := w.inner.(targets.Queued); ok {
		queued.Await(ctx, op, w.binding.region(region))
	}
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
		*s = b.symbolic(*s)
	}
}

// moves reports whether any name differs on the target.
func (b *binding) moves() bool {
	return !b.names.Kept || !b.identity.plain || len(b.back)+len(b.names.Trails) > 0
}

func (b *binding) request(r model.Request) model.Request {
	r.Region = b.region(r.Region)
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

// arn translates an ARN part by part. resource gets the kind and the name of a trail or event data store.
func (id *identity) arn(s string, direction func(swap, string) string, resource func(kind, name string) string) string {
	parsed, err := arn.Parse(s)
	if err != nil {
		return s
	}
	parsed.Partition, parsed.Region = direction(id.partition, parsed.Partition), direction(id.region, parsed.Region)
	parsed.AccountID = direction(id.account, parsed.AccountID)
	if kind, name, ok := strings.Cut(parsed.Resource, "/"); ok && (kind == "trail" || kind == "eventdatastore") {
		parsed.Resource = kind + "/" + resource(kind, name)
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
func FoldedName(s string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(s))
}

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

var (
	shortCount atomic.Uint32
	firstShort = mathrand.Uint32N(8000)
)

// nextShort returns three consonants: they make no word that an answer could hold.
func nextShort() string {
	const letters = "bcdfghjklmnpqrstvwxz"
	n := (firstShort + shortCount.Add(1)) * 2741 // has no factor in common with 8000: all names come before one repeats
	return string([]byte{letters[n%20], letters[n/20%20], letters[n/400%20]})
}

package endpoint

import (
	"fmt"
	"strings"

	"github.com/insightconform/conform/model"
)

// The symbolic names of what a trail may use beside itself.
const (
	SharedBucket = "conform-bucket"     // exists before the world
	OwnBucket    = "conform-own-bucket" // made for the trail that first names it
	OwnKey       = "conform-key"        // likewise
)

// swap is a bijection on strings that moves few of them.
type swap struct{ out, back map[string]string }

// newSwap moves each first of a pair to its second. What stands in the way takes a place that is
// left, so that no two strings become one.
func newSwap(pairs ...[2]string) swap {
	s := swap{map[string]string{}, map[string]string{}}
	for _, p := range pairs {
		s.out[p[0]], s.back[p[1]] = p[1], p[0]
	}
	for _, p := range pairs {
		if _, ok := s.out[p[1]]; ok {
			continue
		}
		for _, q := range pairs { // the only places left are firsts
			if _, taken := s.back[q[0]]; !taken {
				s.out[p[1]], s.back[q[0]] = q[0], p[1]
				break
			}
		}
	}
	for from, to := range s.out {
		if from == to {
			delete(s.out, from)
			delete(s.back, to)
		}
	}
	return s
}

func (s swap) to(x string) string {
	if y, ok := s.out[x]; ok {
		return y
	}
	return x
}

func (s swap) from(x string) string {
	if y, ok := s.back[x]; ok {
		return y
	}
	return x
}

// identity translates what all worlds of a target share: partition, account and Regions.
type identity struct {
	partition, account, region swap
	plain                      bool // nothing moves
}

func newIdentity(partition, account string, regions []string) *identity {
	w := model.DefaultWorld
	pairs := [][2]string{{w.Home, regions[0]}}
	if len(regions) > 1 {
		pairs = append(pairs, [2]string{w.Away, regions[1]})
	}
	id := &identity{
		partition: newSwap([2]string{w.Partition, partition}),
		account:   newSwap([2]string{w.Account, account}),
		region:    newSwap(pairs...),
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

// binding translates between the symbolic names of one world and those that are unique on the
// target. Every string that goes out comes back as itself.
type binding struct {
	tag      string        // lower-case letters, unique to the world
	short    func() string // the next unused name of three letters
	identity *identity

	families map[string]string // names of 3 and of 100 and more characters: lower case → pattern
	back     map[string]string // concrete → symbolic, for all that the tag alone does not tell
	long     []string          // the concrete names and buckets, which messages may contain
	stores   []string          // the concrete IDs of StoreID(0), StoreID(1), …
	missing  map[string]string // the concrete IDs of stores that there are not
	pending  string            // the ID in an answer that is being read

	naming func(string) string // translates trail names and their ARNs instead, where not nil
}

func newBinding(tag string, short func() string, id *identity) *binding {
	return &binding{tag: tag, short: short, identity: id,
		families: map[string]string{}, back: map[string]string{}, missing: map[string]string{}}
}

// longName is the length from which on a name keeps its length.
const longName = 100

// name makes a valid trail name unique to the world. Its length class stays, and names that differ
// in letter case alone still do.
func (b *binding) name(s string) string {
	if len(s) != 3 && len(s) < longName {
		return s + "-" + b.tag
	}
	lower := strings.ToLower(s)
	pattern, ok := b.families[lower]
	if !ok {
		if len(s) == 3 {
			pattern = b.short()
		} else {
			n := len(b.families)
			tail := b.tag + string([]byte{'a' + byte(n/26%26), 'a' + byte(n%26)})
			pattern = lower[:len(s)-len(tail)] + tail
		}
		b.families[lower] = pattern
	}
	// The pattern has a letter wherever the name has one.
	concrete := []byte(pattern)
	for i := range concrete {
		if s[i] >= 'A' && s[i] <= 'Z' {
			concrete[i] -= 'a' - 'A'
		}
	}
	out := string(concrete)
	if _, seen := b.back[out]; !seen {
		b.back[out] = s
		if len(out) > 3 {
			b.long = append(b.long, out)
		}
	}
	return out
}

// trail translates a TrailName: a name, or an ARN.
func (b *binding) trail(s string) string {
	if b.naming != nil {
		return b.naming(s)
	}
	if model.ValidTrailName(s) {
		return b.name(s)
	}
	return b.other(s)
}

var storeNumber = func() map[string]int {
	m := map[string]int{}
	for n := range 100 {
		m[model.StoreID(n)] = n
	}
	return m
}()

// store translates the identifier of an event data store: a suffix, or an ARN.
func (b *binding) store(s string) string {
	n, ok := storeNumber[s]
	switch {
	case !ok:
		return b.other(s)
	case n < len(b.stores) && b.stores[n] != "":
		return b.stores[n]
	}
	// Not created yet: another identifier, because the target may have given this one to a store of
	// its own.
	id, ok := b.missing[s]
	if !ok {
		hex := hexOf(b.tag)
		id = fmt.Sprintf("%s-%s-4%s-8%s-%s%02d", hex[:8], hex[8:12], hex[12:15], hex[15:18], hex[:10], n)
		b.missing[s] = id
		b.back[id] = s
	}
	return id
}

// hexOf spells a tag of ten letters in 20 hexadecimal digits.
func hexOf(tag string) string { return fmt.Sprintf("%x", tag) }

// created notes the identifier that a successful CreateEventDataStore has answered.
func (b *binding) created(id string) {
	if id != "" {
		if _, known := b.back[id]; !known {
			b.back[id] = model.StoreID(len(b.stores))
		}
	}
	b.stores = append(b.stores, id)
}

// other translates a string of no particular meaning: only ARNs and what they consist of change.
func (b *binding) other(s string) string {
	if b.naming != nil && strings.Contains(s, ":trail/") {
		return b.naming(s)
	}
	if strings.HasPrefix(s, "arn:") {
		return b.arn(s, b.identity.partition.to, b.identity.region.to, b.identity.account.to, func(kind, id string) string {
			if kind == "trail" && model.ValidTrailName(id) {
				return b.name(id)
			}
			if _, ok := storeNumber[id]; ok && kind == "eventdatastore" {
				return b.store(id)
			}
			return id
		})
	}
	return b.identity.word(s, swap.to)
}

func (b *binding) arn(s string, partition, region, account func(string) string, resource func(kind, id string) string) string {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 {
		return s
	}
	rest := parts[5]
	if kind, id, ok := strings.Cut(rest, "/"); ok && (kind == "trail" || kind == "eventdatastore") {
		rest = kind + "/" + resource(kind, id)
	}
	return "arn:" + partition(parts[1]) + ":" + parts[2] + ":" + region(parts[3]) + ":" + account(parts[4]) + ":" + rest
}

// symbolic translates any string of an answer back.
func (b *binding) symbolic(s string) string {
	if x, ok := b.back[s]; ok {
		return x
	}
	if strings.HasPrefix(s, "arn:") {
		if x, ok := strings.CutSuffix(s, "-"+b.tag); ok {
			s = x // the usual name, and the end of the ARN
			if b.identity.plain {
				return s
			}
		}
		return b.arn(s, b.identity.partition.from, b.identity.region.from, b.identity.account.from, func(_, id string) string {
			if x, ok := b.back[id]; ok {
				return x
			}
			return id
		})
	}
	if strings.Contains(s, b.tag) {
		for _, long := range b.long {
			s = strings.ReplaceAll(s, long, b.back[long])
		}
		return strings.ReplaceAll(s, "-"+b.tag, "")
	}
	return b.identity.word(s, swap.from)
}

// input translates the input of a request. beside gives the concrete name of a bucket or key.
func (b *binding) input(op model.Op, input model.Value, beside func(string) string) model.Value {
	if input.Kind() != model.Object {
		return input
	}
	out := input
	for _, m := range input.Members() {
		translate := b.other
		switch m.Name {
		case "TrailName":
			translate = b.trail
		case "Name":
			translate = b.trail // a store's name has the same syntax, and must be unique too
		case "EventDataStore", "InsightsDestination":
			translate = b.store
		case "S3BucketName", "KmsKeyId":
			translate = beside
		default:
			if !b.touches(m.Value) {
				continue
			}
		}
		out = out.With(m.Name, m.Value.MapStrings(translate))
	}
	return out
}

// touches reports whether other may change anything in the value; mostly it does not.
func (b *binding) touches(v model.Value) bool {
	switch v.Kind() {
	case model.String:
		return strings.HasPrefix(v.Text(), "arn:") || b.identity.word(v.Text(), swap.to) != v.Text()
	case model.List:
		for _, item := range v.Items() {
			if b.touches(item) {
				return true
			}
		}
	case model.Object:
		for _, m := range v.Members() {
			if b.touches(m.Value) {
				return true
			}
		}
	}
	return false
}

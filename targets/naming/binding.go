package naming

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
)

// commonName stands in malformed bodies, too.
const commonName = generators.NameAlpha

// binding translates a world's names to those on the target; every string that goes out comes back as itself.
type binding struct {
	names    targets.Names
	identity *identity

	families map[string]string // lower-case names → what their concrete ones have in common: three letters, an ending, or a tag
	back     map[string]string // concrete → symbolic, for all that the tag alone does not tell
	long     []string          // the concrete names, buckets and keys that messages may contain
	marks    []string          // what the tag adds to names
	stores   []string          // the concrete IDs of StoreID(0), StoreID(1), …
	missing  map[string]string // the concrete IDs of stores that there are not
	lent     map[string]string // symbolic → concrete, of trails that exist beforehand
	made     map[string]string // symbolic → concrete, of what is no name
	numbers  map[string]string // likewise

	taken func(concrete string) bool // reports whether the target has something of that name; nil asks nothing
	owns  bool                       // what was translated last is the world's own
}

func newBinding(names targets.Names, id *identity) *binding {
	b := &binding{names: names, identity: id, families: map[string]string{}, back: map[string]string{},
		missing: map[string]string{}, lent: map[string]string{}, made: map[string]string{}, numbers: map[string]string{}}
	b.names.Bucket = cmp.Or(b.names.Bucket, generators.SharedBucket)
	if b.names.Kept {
		return b
	}
	b.names.Tag = cmp.Or(b.names.Tag, NewTag())
	b.marks = []string{"-" + b.names.Tag}
	if b.names.Prefix != "" {
		b.marks = []string{b.head(b.names.Tag)}
	}
	if b.names.Bucket != generators.SharedBucket {
		b.back[b.names.Bucket] = generators.SharedBucket
	}
	return b
}

// head is what names of a tag begin with.
func (b *binding) head(tag string) string { return b.names.Prefix + "-" + tag + "-" }

// Names of keptLength and more keep their length: with a prefix, and without.
const (
	keptWithPrefix = 60
	keptLength     = 100
)

// name makes a valid trail name the world's own.
func (b *binding) name(s string) string {
	b.owns = true
	switch {
	case b.lent[s] != "":
		return b.lent[s]
	case b.names.Kept:
		for out := s; ; out += "-0" { // a trail that exists and was not lent is out of reach
			if !slices.Contains(b.names.Trails, out) && !slices.Contains(b.names.Others, out) {
				return out
			}
		}
	case b.names.Prefix != "":
		return b.prefixed(s)
	case len(s) != 3 && len(s) < keptLength: // behind the first word: names of one beginning, or of one end, still are
		word := strings.IndexAny(s+"-", "._-")
		return s[:word] + "-" + b.names.Tag + s[word:]
	}
	return b.patterned(s)
}

// prefixed puts prefix and tag before a name. Names alike but for case share a tag: a lent trail's, or the world's.
func (b *binding) prefixed(s string) string {
	family := strings.ToLower(s)
	tag, ok := b.families[family]
	if !ok {
		tag = b.names.Tag
		b.families[family] = tag
	}
	head := b.head(tag)
	rest := s
	if len(s) >= keptWithPrefix {
		rest = s[len(head):]
		if notAlphanumeric(rune(rest[0])) {
			rest = "x" + rest[1:]
		}
	}
	b.bind(head+rest, s)
	return head + rest
}

// patterned makes another name of the same length. Names that differ in letter case alone still do.
func (b *binding) patterned(s string) string {
	family := strings.ToLower(s)
	concrete := ""
	if len(s) == 3 {
		if b.families[family] == "" {
			b.families[family] = b.free(nextShort)
		}
		concrete = inCaseOf(s, b.families[family])
	} else {
		concrete = b.overwritten(s)
	}
	b.bind(concrete, s)
	return concrete
}

// bind has a concrete name translated back to a symbolic one.
func (b *binding) bind(concrete, symbolic string) {
	if _, known := b.back[concrete]; !known && len(concrete) > 8 {
		b.long = append(b.long, concrete)
	}
	b.back[concrete] = symbolic
}

// lends notes that a trail which exists takes the place of the one that was asked for.
func (b *binding) lends(symbolic, concrete string) {
	b.bind(concrete, symbolic)
	b.lent[symbolic] = concrete
	head := len(b.names.Prefix) + 1 + TagLength
	if b.names.Prefix == "" || !strings.HasPrefix(concrete, b.names.Prefix+"-") || len(concrete) <= head {
		return
	}
	tag := concrete[len(b.names.Prefix)+1 : head]
	b.families[strings.ToLower(symbolic)] = tag
	b.marks = append(b.marks, b.head(tag))
}

// trail translates a TrailName. With a prefix, what a careless service might take for a name becomes the world's own.
func (b *binding) trail(s string) string {
	switch {
	case b.names.Prefix == "":
		return b.named(s)
	case !IsARN(s):
		return MapNames(s, b.careful)
	}
	parts := strings.SplitN(s, ":", 6)
	for i, move := range []func(string) string{1: b.identity.partition.to, 3: b.identity.region.to, 4: b.identity.account.to,
		5: func(resource string) string { return MapNames(resource, b.careful) }} {
		if move != nil && i < len(parts) && parts[i] != "" {
			parts[i] = move(parts[i])
		}
	}
	return strings.Join(parts, ":")
}

func (b *binding) careful(name string) string {
	const longest, tail = 128, 64
	switch {
	case model.ValidTrailName(name):
		return b.name(name)
	case len(name) > longest && model.ValidTrailName(name[len(name)-tail:]):
		head := b.head(b.names.Tag)
		return head + name[len(head):]
	}
	return name
}

var storeNumber = func() map[string]int {
	m := map[string]int{}
	for n := range 100 {
		m[model.StoreID(n)] = n
	}
	return m
}()

// StoreIDs finds the identifiers of event data stores in a string.
var StoreIDs = regexp.MustCompile(`[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`)

func isStoreID(s string) bool { return s != "" && StoreIDs.FindString(s) == s }

// store translates a suffix or ARN. With a prefix, no identifier goes out that is not the world's own or made up.
func (b *binding) store(s string) string {
	if b.names.Prefix != "" && !strings.Contains(s, ":trail/") {
		s = StoreIDs.ReplaceAllStringFunc(s, b.storeID)
		return b.identity.arn(s, swap.to, func(_, id string) string { return id })
	}
	if isStoreID(s) {
		return b.storeID(s)
	}
	return b.named(s)
}

// storeID gives a store's identifier, another one where there is no such store yet: the target may have one of that.
func (b *binding) storeID(s string) string {
	b.owns = true
	n, ok := storeNumber[s]
	switch {
	case ok && n < len(b.stores) && b.stores[n] != "":
		return b.stores[n]
	case b.names.Kept:
		return s
	}
	id, ok := b.missing[s]
	if !ok {
		id = fmt.Sprintf("%s%02x", MissingStores(b.names.Tag), len(b.missing))
		b.missing[s], b.back[id] = id, s
	}
	return id
}

// MissingStores is how the identifiers begin that a world of some tag makes up for missing stores.
func MissingStores(tag string) string {
	hex := fmt.Sprintf("%x", tag)
	return hex[:8] + "-" + hex[8:12] + "-4" + hex[12:15] + "-8" + hex[15:18] + "-" + hex[:10]
}

// created notes the identifier that a successful CreateEventDataStore has answered.
func (b *binding) created(id string) {
	if _, same := storeNumber[id]; same && b.names.Kept {
		return // the target gives out the symbolic identifiers itself, also to stores whose creation it did not answer
	}
	symbolic := model.StoreID(len(b.stores))
	if _, known := b.back[id]; id != "" && id != symbolic && !known {
		b.back[id] = symbolic
	}
	b.stores = append(b.stores, id)
}

// other translates a string of no particular meaning: only ARNs and what they consist of change.
func (b *binding) other(s string) string {
	switch {
	case b.names.Prefix != "" && strings.Contains(s, ":trail/"):
		return b.trail(s)
	case !strings.HasPrefix(s, "arn:"):
		return b.identity.word(s, swap.to)
	}
	return b.identity.arn(s, swap.to, func(kind, id string) string {
		if kind == "trail" && model.ValidTrailName(id) {
			return b.name(id)
		}
		if _, ok := storeNumber[id]; ok && kind == "eventdatastore" {
			return b.storeID(id)
		}
		return id
	})
}

// symbolic translates any string of an answer back.
func (b *binding) symbolic(s string) string {
	s = b.meant(s)
	if own := b.identity.secret; own != "" {
		s = strings.ReplaceAll(s, own, model.DefaultWorld.Account)
	}
	return s
}

func (b *binding) meant(s string) string {
	if x, ok := b.back[s]; ok {
		return x
	}
	if arn.IsARN(s) {
		return b.identity.arn(s, swap.from, func(_, id string) string {
			if x, ok := b.back[id]; ok {
				return x
			}
			return b.unmarked(id)
		})
	}
	out := s
	for _, long := range b.long {
		if len(out) > len(long) {
			out = strings.ReplaceAll(out, long, b.back[long])
		}
	}
	if out = b.unmarked(out); out != s {
		return out
	}
	return b.identity.word(s, swap.from)
}

// unmarked takes the tags out of all names that a string holds.
func (b *binding) unmarked(s string) string {
	for _, mark := range b.marks {
		s = strings.ReplaceAll(s, mark, "")
	}
	return s
}

// nameMembers are the members that name something.
var nameMembers = map[string]func(*binding, string) string{
	"trailname": (*binding).trail, "name": (*binding).trail, "trailarn": (*binding).trail, // a store's name must be unique too
	"eventdatastore": (*binding).store, "insightsdestination": (*binding).store,
}

// input translates a request. common is what of its names all worlds say alike: absent where a world's own stands alone.
func (b *binding) input(input value.Value) (out, common value.Value) {
	out, common = input, value.Obj()
	own := false
	for _, m := range input.Members() {
		member := FoldedName(m.Name)
		translate := nameMembers[member]
		switch {
		case translate != nil:
			b.owns = false
			out = out.With(m.Name, b.number(generators.MapStrings(m.Value, func(s string) string { return translate(b, s) })))
			if is := member == "trailname" || member == "eventdatastore"; is && !b.owns {
				common = common.With(m.Name, out.Get(m.Name))
			} else if is {
				own = true
			}
		case member == "s3bucketname" && m.Value.Text() == generators.SharedBucket:
			out = out.With(m.Name, value.Str(b.names.Bucket))
		default:
			out = out.With(m.Name, generators.MapStrings(m.Value, b.other))
		}
	}
	if own && !slices.ContainsFunc(common.Members(), func(m value.Member) bool { return m.Value.Kind() != value.Null }) {
		common = value.Value{} // null is as good as absent
	}
	return out, common
}

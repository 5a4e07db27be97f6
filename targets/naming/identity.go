package naming

import (
	"cmp"
	"crypto/rand"
	"maps"
	mathrand "math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
)

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

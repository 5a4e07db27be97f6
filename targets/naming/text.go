package naming

import (
	"crypto/rand"
	mathrand "math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/insightconform/conform/targets"
)

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

package naming

import (
	mathrand "math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// named translates what names a trail or store, well or badly, so that no other world says the same: on a server that
// stores under any string it would read what this one has written.
func (b *binding) named(s string) string {
	const prefix = "arn:"
	rest, isARN := strings.CutPrefix(s, prefix)
	switch {
	case !isARN:
		return b.bare(s)
	case !arn.IsARN(s) && rest != "" && !b.names.Kept: // cut short
		b.owns = true
		return prefix + b.marked(rest)
	}
	return b.identity.arn(s, swap.to, func(kind, id string) string {
		if kind == "eventdatastore" && isStoreID(id) {
			return b.storeID(id)
		}
		if kind == "trail" {
			return b.bare(id)
		}
		return b.loose(id)
	})
}

// loose makes a part of an ARN the world's own that is too wrong for the length of its name to matter.
func (b *binding) loose(s string) string {
	if b.names.Kept || s == "" || len(s) >= keptLength || model.ValidTrailName(s) {
		return b.bare(s)
	}
	b.owns = true
	return b.marked(s)
}

// marked is a string with the tag in it, behind its last letter or digit.
func (b *binding) marked(s string) string {
	at := strings.LastIndexFunc(s, func(c rune) bool { return !notAlphanumeric(c) }) + 1
	if at == 0 {
		_, at = utf8.DecodeRuneInString(s)
	}
	return s[:at] + b.marks[0] + s[at:]
}

// bare makes a string that is no ARN the world's own. What is wrong with it stays wrong, and nothing else gets wrong.
// Where there is no other one of its class, it stays.
func (b *binding) bare(s string) string {
	switch {
	case model.ValidTrailName(s):
		return b.name(s)
	case b.names.Kept || s == "":
		return s
	}
	made, ok := b.made[s]
	if !ok {
		made = b.flawed(s)
		b.made[s] = made
		b.bind(made, s)
	}
	b.owns = b.owns || made != s && strings.TrimSpace(s) != "" // a server that trims takes all blanks for one
	return made
}

// flawed is another string with the flaws of one that is no trail name.
func (b *binding) flawed(s string) string {
	ip, err := netip.ParseAddr(s)
	wordless := strings.TrimFunc(s, notAlphanumeric) == ""
	switch {
	case err == nil && ip.Is4():
		return b.free(func() string {
			n := mathrand.Uint32()
			return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}).String()
		})
	case len(s) < 3 && wordless:
		return s
	case len(s) < 3:
		return b.free(func() string { return shortLike(s) })
	case len(s) >= keptLength:
		return b.overwritten(s)
	case strings.TrimSpace(s) == "":
		return b.free(func() string { return s + strings.Repeat(" ", 1+int(blanks.Add(1)%mostBlanks)) })
	}
	return b.marked(s)
}

// free draws until a string is neither another one's in this world, nor in use on the target as far as that shows.
func (b *binding) free(draw func() string) (s string) {
	const most = 40
	for range most {
		s = draw()
		if _, twice := b.back[s]; !twice && (b.taken == nil || !b.taken(s)) {
			break
		}
	}
	return s
}

// overwritten puts the tag into a long string in place of other valid characters, in the same letter case.
func (b *binding) overwritten(s string) string {
	family := strings.ToLower(s)
	tail, ok := b.families[family]
	if !ok {
		n := len(b.families)
		tail = b.names.Tag + string([]byte{'a' + byte(n/26%26), 'a' + byte(n%26)})
		b.families[family] = tail
	}
	for at := len(s) - len(tail); at >= 0; at-- {
		if end := at + len(tail); flawless(s, at, end) {
			return s[:at] + inCaseOf(s[at:], tail) + s[end:]
		}
	}
	return s
}

// flawless reports whether no part of a string, nor what is beside it, keeps the string from being a trail name.
func flawless(s string, from, to int) bool {
	part := s[max(0, from-1):min(len(s), to+1)]
	if from > 0 {
		part = "a" + part
	}
	if to < len(s) {
		part += "a"
	}
	return model.ValidTrailName(part)
}

// inCaseOf has the letters of a string of lower case in the case of another one's characters.
func inCaseOf(s, lower string) string {
	out := []byte(lower)
	for i := range out {
		if s[i] >= 'A' && s[i] <= 'Z' {
			out[i] -= 'a' - 'A'
		}
	}
	return string(out)
}

// number is another number, where one stands instead of a name.
func (b *binding) number(v value.Value) value.Value {
	if v.Kind() != value.Number || b.names.Kept || b.names.Prefix != "" {
		return v
	}
	made, ok := b.numbers[v.Text()]
	if !ok {
		made = strconv.Itoa(1e8 + mathrand.IntN(1e9))
		b.numbers[v.Text()] = made
		b.bind(made, v.Text())
	}
	b.owns = true
	return value.Num(made)
}

// The classes of few strings are gone through in turn, from anywhere.
var (
	shorts, shortest, blanks atomic.Uint32
)

func init() {
	for _, count := range []*atomic.Uint32{&shorts, &shortest, &blanks} {
		count.Store(mathrand.Uint32N(1 << 24))
	}
}

const (
	mostBlanks = 100
	// Consonants make no word that an answer could hold.
	consonants = "bcdfghjklmnpqrstvwxz"
	shortChars = consonants + "BCDFGHJKLMNPQRSTVWXZ" + "0123456789"
)

// nextShort returns three consonants.
func nextShort() string {
	n := shorts.Add(1) % 8000 * 2741 // has no factor in common with 8000: all names come before one repeats
	return string([]byte{consonants[n%20], consonants[n/20%20], consonants[n/400%20]})
}

// shortLike returns other letters and digits in place of those of a string of one or two.
func shortLike(s string) string {
	n, out := shortest.Add(1), []byte(s)
	for i, c := range out {
		if !notAlphanumeric(rune(c)) {
			out[i] = shortChars[n%uint32(len(shortChars))]
			n /= uint32(len(shortChars))
		}
	}
	return string(out)
}

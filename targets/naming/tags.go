package naming

import (
	"crypto/rand"
	mathrand "math/rand/v2"
	"sync/atomic"
)

// tagLength is that of the letters that make a name unique, the last of which count.
const (
	tagLength   = 10
	countLength = 4
)

var (
	processTag           = "c" + RandomLetters(tagLength-countLength-1)
	tagCount, shortCount atomic.Uint32
	firstShort           = mathrand.Uint32N(8000)
)

// RandomLetters returns lower-case letters that nobody can guess.
func RandomLetters(n int) string {
	random := make([]byte, n)
	_, _ = rand.Read(random) // does not fail
	for i := range random {
		random[i] = 'a' + random[i]%26
	}
	return string(random)
}

// NewTag returns ten lower-case letters that no other call has returned.
func NewTag() string {
	n := tagCount.Add(1)
	count := make([]byte, countLength)
	for i := range count {
		count[len(count)-1-i] = 'a' + byte(n%26)
		n /= 26
	}
	return processTag + string(count)
}

// nextShort returns three consonants: they make no word that an answer could hold.
func nextShort() string {
	const letters = "bcdfghjklmnpqrstvwxz"
	n := (firstShort + shortCount.Add(1)) * 2741 // has no factor in common with 8000: all names come before one repeats
	return string([]byte{letters[n%20], letters[n/20%20], letters[n/400%20]})
}

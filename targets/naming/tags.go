package naming

import (
	"crypto/rand"
	"sync/atomic"
)

// tagLength is that of the letters that make a name unique.
const tagLength = 10

var (
	processTag = func() string {
		random := make([]byte, tagLength-countLength-1)
		_, _ = rand.Read(random) // does not fail
		for i := range random {
			random[i] = 'a' + random[i]%26
		}
		return "c" + string(random)
	}()
	tagCount   atomic.Uint32
	shortCount = func() *atomic.Uint32 {
		var n atomic.Uint32
		random := make([]byte, 2)
		_, _ = rand.Read(random)
		n.Store(uint32(random[0])<<8 | uint32(random[1]))
		return &n
	}()
)

const countLength = 4

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
	n := shortCount.Add(1) * 2741 // has no factor in common with 8000: all names come before one repeats
	return string([]byte{letters[n%20], letters[n/20%20], letters[n/400%20]})
}

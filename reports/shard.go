package reports

import "fmt"

// Shard is one of several equal shares of a run's work. The zero value is all of it.
type Shard struct {
	Index int // from 0
	Count int // 0 is the same as 1
}

// String renders the shard as people count: "2/4" is the second of four; empty is all.
func (s Shard) String() string {
	if s.Count < 2 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.Index+1, s.Count)
}

// Part is what worker i of n has to do of the whole: which of how many parts.
func (s Shard) Part(i, n int) (part, parts int) {
	return s.Index*n + i, max(1, s.Count) * n
}

// Share is the range of n tests that the shard has.
func (s Shard) Share(n int) (from, to int) {
	count := max(1, s.Count)
	return n * s.Index / count, n * (s.Index + 1) / count
}

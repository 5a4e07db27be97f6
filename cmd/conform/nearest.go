package main

import (
	"math"
	"strings"
)

// maxSuggestions is how many names a suggestion offers.
const maxSuggestions = 3

// nearest returns the known names that someone who wrote name may have meant: the closest ones, all
// equally close.
func nearest(name string, known []string) (names []string) {
	name = strings.ToLower(name)
	bare := strings.TrimLeft(name, "-")
	closest := math.MaxInt
	for _, k := range known {
		d := distance(name, k)
		if len(bare) >= 3 && strings.Contains(k, bare) {
			d = min(d, 2)
		} else if d > 1+len(bare)/4 {
			continue
		}
		if d < closest {
			closest, names = d, nil
		}
		if d == closest && len(names) < maxSuggestions {
			names = append(names, k)
		}
	}
	return names
}

// distance is the number of letters to insert, drop, change or swap with a neighbour to get from a to b.
func distance(a, b string) int {
	before, last, current := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		current[0] = i
		for j := 1; j <= len(b); j++ {
			change := last[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			current[j] = min(change, last[j]+1, current[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				current[j] = min(current[j], before[j-2]+1)
			}
		}
		before, last, current = last, current, before
	}
	return last[len(b)]
}

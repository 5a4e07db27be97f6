// Package wording has the small words of sentences for people.
package wording

import "fmt"

// Plural counts things by a noun whose plural ends in s: "1 world", "3 worlds".
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

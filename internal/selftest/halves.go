package selftest

import (
	"cmp"
	"crypto/sha256"
	"slices"

	"github.com/insightconform/conform/targets/embedded"
)

// Halves splits the faults that are written by hand: those from which the early histories of a run are made, and those that
// tell how soon these catch what nobody had in view. The faults of each rule are dealt out in turn, in an order that says
// nothing of them: by the hash of their names, or the plainest of each rule, which stands first, would always be in view.
func Halves() (making, unseen []embedded.Fault) {
	hash := func(f embedded.Fault) string { sum := sha256.Sum256([]byte(f.Name)); return string(sum[:]) }
	faults := slices.DeleteFunc(slices.Clone(embedded.Faults), func(f embedded.Fault) bool { return f.Computed })
	slices.SortFunc(faults, func(a, b embedded.Fault) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(hash(a), hash(b)))
	})
	for i, f := range faults {
		if i%2 == 0 {
			making = append(making, f)
		} else {
			unseen = append(unseen, f)
		}
	}
	return making, unseen
}

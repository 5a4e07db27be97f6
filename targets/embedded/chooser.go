package embedded

import (
	"math/rand/v2"
	"sync"

	"github.com/insightconform/conform/model"
)

// Chooser picks one of the allowed branches of a request by its index; 0 is the reference. It may be
// called from several goroutines.
type Chooser func(branches []model.Branch, r model.Request) int

// Reference always takes the reference branch.
func Reference([]model.Branch, model.Request) int { return 0 }

// RandomChoice takes any branch, each as likely as the others, repeatably for a seed where one
// goroutine asks. Branches about which no rule says anything, such as refusing to create a trail,
// count only with the probability silent, so that a walk gets anywhere.
func RandomChoice(seed uint64, silent float64) Chooser {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 0))
	return func(branches []model.Branch, _ model.Request) int {
		if len(branches) == 1 {
			return 0
		}
		mu.Lock()
		defer mu.Unlock()
		withSilent := random.Float64() < silent
		seen, chosen := 0, 0
		for i := range branches {
			if i > 0 && branches[i].Silent && !withSilent {
				continue
			}
			seen++
			if random.IntN(seen) == 0 {
				chosen = i
			}
		}
		return chosen
	}
}

// Always takes the n-th alternative, from 0, that a rule accepts beside the reference, wherever that
// many are offered, and the reference elsewhere.
func Always(rule model.ID, n int) Chooser {
	return func(branches []model.Branch, _ model.Request) int {
		left := n
		for i := 1; i < len(branches); i++ {
			if branches[i].Rule != rule {
				continue
			}
			if left == 0 {
				return i
			}
			left--
		}
		return 0
	}
}

// Alternative is one accepted way of differing from the reference, as Always takes it.
type Alternative struct {
	Rule model.ID
	N    int
}

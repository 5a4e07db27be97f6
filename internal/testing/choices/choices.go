// Package choices makes a server take what the reference page leaves open: at random, or one alternative wherever it is
// offered.
package choices

import (
	"math/rand/v2"
	"sync"

	"github.com/insightconform/conform/model"
)

// Chooser picks one of the allowed branches of a request by its index.
type Chooser = func(branches []model.Branch, r model.Request) int

// Random takes any branch, each as likely as the others, repeatably for a seed where one
// goroutine asks. Branches about which no rule says anything, such as refusing to create a trail,
// count only with the probability silent, so that a walk gets anywhere.
func Random(seed uint64, silent float64) Chooser {
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

// But takes what another one takes, and the reference where that is of a rule.
func But(rule model.ID, other Chooser) Chooser {
	return func(branches []model.Branch, r model.Request) int {
		if i := other(branches, r); branches[i].Rule != rule {
			return i
		}
		return 0
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

// offered is how many alternatives of each rule stand side by side at most.
var offered = map[model.ID]int{
	model.WireUnknownMembers: 2, model.WireWrongType: 4,
	model.PutDefaultManagement: 2, model.PutCategoriesEmpty: 5, model.PutDuplicateType: 3, model.PutDuplicateCategory: 3, model.PutDuplicateDiffering: 9,
	model.LogsCallRate: 4, model.LogsErrorRate: 4, model.LogsData: 4, model.TrailCreateExisting: 2,
	model.LogsSelectorsLater: 7, model.LogsStop: 1, model.LogsStart: 1, model.LogsPutStopped: 9,
	model.InputSelectorsMissing: 4, model.InputNoResource: 3, model.InputTrailAndStore: 1, model.InputStoreNeedsBoth: 2,
	model.TrailNameSyntax: 12, model.TrailARNSyntax: 3, model.TrailOtherAccount: 3, model.TrailHomeRegion: 3, model.TrailNotPermitted: 3,
	model.StoreIDSyntax: 5, model.StoreDataCategory: 3, model.StoreNotFound: 4, model.StoreOtherAccount: 6, model.StoreInactive: 6,
	model.StoreDestination: 1, model.StoreSource: 3, model.StoreSame: 1,
	model.StoreDisableWithDst: 2, model.StoreNotIngesting: 6, model.StoreUpdateGuard: 1, model.StoreStopIngestion: 1,
	model.SelectorTypeInvalid: 3, model.SelectorTypeMissing: 2, model.SelectorCategory: 3,
	model.OrgMemberAccount: 5, model.OrgNoServiceRole: 1,
	model.BucketMissingRule: 2, model.BucketPolicy: 1, model.KMSPolicy: 1, model.KMSUnusable: 2,
	model.Order: 14,
}

// Alternatives lists all accepted ways of differing from the reference, in the order of model.Rules.
func Alternatives() []Alternative {
	var all []Alternative
	add := func(id model.ID) {
		for n := range offered[id] {
			all = append(all, Alternative{id, n})
		}
	}
	for i := range model.Rules {
		add(model.Rules[i].ID)
	}
	add(model.Order)
	return all
}

package embedded

import (
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
)

// siblings lists the other trails of the same world and Region, in the order in which they were made.
func siblings(s model.State, i int) []int {
	var out []int
	for j := range s.Trails {
		if j != i && s.Trails[j].Home == s.Trails[i].Home && sameWorld(s.Trails[j].Name, s.Trails[i].Name) {
			out = append(out, j)
		}
	}
	return out
}

func stateFaults() []Fault {
	return []Fault{
		{Name: "starts-enabled", Rule: model.StateInitiallyOff,
			Describe: "A new trail has ApiCallRateInsight on.",
			start: forgetful(func(c *call) result {
				x := c.pass()
				if n := len(x.next.Trails); c.request.Op == model.OpCreate && n > len(c.state.Trails) {
					return x.withInsights(n-1, model.MakeSelectors(model.Management, 0))
				}
				return x
			})},
		{Name: "put-sets-sibling", Rule: model.StateIsolated,
			Describe: "A Put on a trail sets the next one, too.",
			start: onPut(func(c *call, i int, x result) result {
				if others := siblings(c.state, i); len(others) > 0 {
					return x.withInsights(others[0], x.next.Trails[i].Insights)
				}
				return x
			})},
		{Name: "stores-share-selectors", Rule: model.StateIsolated, Needs: []model.Capability{model.CanStores},
			Describe: "A Put on a store sets all stores that log management events.",
			start: onStorePut(func(c *call, i int, x result) result {
				for j, other := range x.next.Stores {
					if j != i && other.Logs&model.ManagementEvents != 0 && !other.Pending {
						x = x.withStoreInsights(j, x.next.Stores[i].Insights)
						other = x.next.Stores[j]
						other.Destination = x.next.Stores[i].Destination
						x.next = x.next.WithStore(j, other)
					}
				}
				return x
			})},
		{Name: "refusal-turns-off", Rule: model.ErrorAtomic,
			Describe: "A refused Put turns Insights off.",
			start:    onRefusedPut(func(_ *call, i int, x result) result { return x.withInsights(i, 0) })},
		{Name: "refusal-keeps-valid-selectors", Rule: model.ErrorAtomic,
			Describe: "Of a Put that is refused for one selector, the valid ones are stored.",
			start: onRefusedPut(func(c *call, i int, x result) result {
				invalid := slices.ContainsFunc(c.broken(), func(id model.ID) bool {
					return id == model.SelectorTypeInvalid || id == model.SelectorTypeMissing || id == model.SelectorCategory
				})
				if valid := c.requested(); invalid && valid.On() {
					return x.withInsights(i, valid)
				}
				return x
			})},
		{Name: "stores-before-it-refuses", Rule: model.ErrorAtomic,
			Describe: "A Put that is refused for what the trail does not log is stored all the same.",
			start: onRefusedPut(func(c *call, i int, x result) result {
				if slices.ContainsFunc(c.broken(), func(id model.ID) bool { return id.Family() == "logs" }) {
					return x.withInsights(i, c.requested())
				}
				return x
			})},
		{Name: "deleted-trail-still-answers", Rule: model.TrailDeleteForgets, AlsoRules: []model.ID{model.TrailNotFound},
			Describe: "Get of a deleted trail answers the selectors that it had.",
			start: remembering(func() func(*call) result {
				ghosts := map[trailKey]model.Selectors{}
				return func(c *call) result {
					x := c.pass()
					i, key := c.trail(), namedKey(c.state, c.request)
					switch {
					case c.request.Op == model.OpCreate:
						delete(ghosts, key)
					case c.request.Op == model.OpDelete && i >= 0 && x.succeeded():
						if set := c.state.Trails[i].Insights; set.On() {
							ghosts[key] = set
						}
					case c.request.Op == model.OpGet && ghosts[key].On() && c.breaksOnly(model.TrailNotFound):
						return result{model.Answer{Outcome: model.Succeeded, TrailARN: c.state.World.TrailARN(key.region, key.name),
							Selectors: ghosts[key]}, x.next}
					}
					return x
				}
			})},
	}
}

// sameButCase reports whether two trails' names differ in letter case alone.
func sameButCase(a, b model.Trail) bool {
	return a.Home == b.Home && a.Name != b.Name && strings.EqualFold(a.Name, b.Name)
}

package embedded

import (
	"slices"

	"github.com/insightconform/conform/model"
)

func stateFaults() []Fault {
	return []Fault{
		{Name: "starts-enabled", Rule: model.StateInitiallyOff,
			Describe: "A new trail has ApiCallRateInsight on.",
			start:    forgetful(where((*call).creates, func(c *call) { c.put(model.MakeSelectors(model.Management, 0)) }))},
		{Name: "put-sets-sibling", Rule: model.StateIsolated,
			Describe: "A Put on a trail sets the next one, too.",
			start: onPut(func(c *call) {
				if others := c.siblings(); len(others) > 0 {
					c.putOn(others[0], c.next.Trails[c.i].Insights)
				}
			})},
		{Name: "stores-share-selectors", Rule: model.StateIsolated, Needs: []model.Capability{model.CanStores},
			Describe: "A Put on a store sets all stores that log management events.",
			start: onStorePut(func(c *call) {
				put := c.next.Stores[c.i]
				for j, other := range c.next.Stores {
					if j != c.i && other.Logs&model.ManagementEvents != 0 && !other.Pending {
						c.putOnStore(j, put.Insights)
						c.changeStore(j, func(x *model.Store) { x.Destination = put.Destination })
					}
				}
			})},
		{Name: "refusal-turns-off", Rule: model.ErrorAtomic,
			Describe: "A refused Put turns Insights off.",
			start:    onRefusedPut(func(c *call) { c.put(0) })},
		{Name: "refusal-keeps-valid-selectors", Rule: model.ErrorAtomic,
			Describe: "Of a Put that is refused for one selector, the valid ones are stored.",
			start: onRefusedPut(stores(func(c *call) (model.Selectors, bool) {
				return c.requested(), c.requested().On() && slices.ContainsFunc(c.broken(), func(id model.ID) bool {
					return id == model.SelectorTypeInvalid || id == model.SelectorTypeMissing || id == model.SelectorCategory
				})
			}))},
		{Name: "stores-before-it-refuses", Rule: model.ErrorAtomic,
			Describe: "A Put that is refused for what the trail does not log is stored all the same.",
			start: onRefusedPut(stores(func(c *call) (model.Selectors, bool) {
				return c.requested(), slices.ContainsFunc(c.broken(), func(id model.ID) bool { return id.Family() == "logs" })
			}))},
		{Name: "deleted-trail-still-answers", Rule: model.TrailDeleteForgets, AlsoRules: []model.ID{model.TrailNotFound},
			Describe: "Get of a deleted trail answers the selectors that it had.",
			start: remembering(func() func(*call) {
				ghosts := map[trailKey]model.Selectors{}
				return func(c *call) {
					c.i = c.trail()
					key := namedKey(c.state, c.request)
					switch {
					case c.request.Op == model.OpCreate:
						delete(ghosts, key)
					case c.request.Op == model.OpDelete && c.i >= 0 && c.succeeded():
						if set := c.before(); set.On() {
							ghosts[key] = set
						}
					case c.request.Op == model.OpGet && ghosts[key].On() && c.breaks(model.TrailNotFound):
						c.answer = model.Answer{Outcome: model.Succeeded, TrailARN: c.state.World.TrailARN(key.region, key.name),
							Selectors: ghosts[key]}
					}
				}
			})},
	}
}

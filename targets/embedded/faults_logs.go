package embedded

import (
	"slices"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

func whileStopped(c *call) bool { return !c.oldTrail().Logging }

// prerequisiteLost tells the PutEventSelectors that take away what enabled insights need.
func prerequisiteLost(c *call) bool {
	return !model.Meets(c.before(), c.next.Trails[c.i].Logs)
}

func logsFaults() []Fault {
	return []Fault{
		{Name: "read-only-trail-refused", Rule: model.LogsReadOnlyError,
			Describe: "ApiErrorRateInsight is refused on a trail that logs only read management events.",
			start: onEnabling(refuses(codeSelectors, func(c *call) bool {
				return c.oldTrail().Logs&model.ManagementEvents == model.ReadEvents && c.after().Of(model.ErrorRate)&model.Management != 0
			}))},
		{Name: "disable-needs-write-events", Rule: model.LogsDisable,
			Describe: "An empty list is refused on a trail that does not log write management events.",
			start: onPut(refuses(codeSelectors, func(c *call) bool {
				return c.disables() && c.oldTrail().Logs&model.WriteEvents == 0
			}))},
		{Name: "prerequisite-removal-wrong-code", Rule: model.LogsSelectorsLater,
			Describe: "PutEventSelectors that removes a prerequisite is refused with " + codeUnlisted + ".",
			start:    onTrail(model.OpPutEvents, refuses(codeUnlisted, prerequisiteLost))},
		{Name: "prerequisite-removal-drops-the-other-type", Rule: model.LogsSelectorsLater,
			Describe: "PutEventSelectors that removes the prerequisite of one type turns the other one off.",
			start: onTrail(model.OpPutEvents, func(c *call) {
				logs, set := c.next.Trails[c.i].Logs, c.before()
				for _, kind := range bothTypes {
					if other := 1 - kind; lacks(set, kind, logs) && !lacks(set, other, logs) {
						c.put(with(set, other, 0))
						return
					}
				}
			})},
		{Name: "stop-drops-one-type", Rule: model.LogsStop,
			Describe: "StopLogging turns the second of two types off and keeps the first.",
			start: onTrail(model.OpStop, stores(func(c *call) (model.Selectors, bool) {
				return firstType(c.before()), c.oldTrail().Logging && twoTypes(c.before())
			}))},
		{Name: "get-not-found-after-stop", Rule: model.LogsStop, AlsoRules: []model.ID{model.GetNotEnabled},
			Describe: "Get answers TrailNotFoundException after StopLogging has turned Insights off.",
			start: onGet(refuses(codeTrailNotFound, func(c *call) bool {
				return whileStopped(c) && c.oldTrail().Asleep.On()
			}))},
		{Name: "start-enables-other-type", Rule: model.LogsStart,
			Describe: "StartLogging after StopLogging brings back what was on, with the types exchanged or both.",
			start: onTrail(model.OpStart, stores(func(c *call) (model.Selectors, bool) {
				asleep := c.oldTrail().Asleep
				woken := model.MakeSelectors(asleep.Of(model.ErrorRate), asleep.Of(model.CallRate))
				if woken == asleep.Effective() {
					woken = firstType(woken)
				}
				return woken, asleep.On()
			}))},
		{Name: "stopped-put-wrong-code", Rule: model.LogsPutStopped,
			Describe: "Put on a trail that is not logging answers " + codeUnlisted + ".",
			start:    onEnabling(refuses(codeUnlisted, whileStopped))},
		{Name: "stopped-put-stores-one-type", Rule: model.LogsPutStopped, AlsoRules: []model.ID{model.GetReflectsPut},
			Describe: "Put of both types on a trail that is not logging stores the first only.",
			start:    onEnabling(where(whileStopped, func(c *call) { c.put(firstType(c.after())) }))},
		{Name: "event-selectors-not-shown", Rule: model.LogsVisible,
			Describe: "GetEventSelectors always answers the default selectors.",
			start: replying(func(r model.Request, p *response) {
				if r.Op == model.OpGetEvents && p.body.Get("__type").Kind() == value.Absent {
					p.body = value.Obj("TrailARN", p.body.Get("TrailARN"), "EventSelectors", value.ListOf(value.Obj(
						"ReadWriteType", "All", "IncludeManagementEvents", true, "DataResources", value.ListOf())))
				}
			})},
		{Name: "event-selectors-frozen", Rule: model.LogsVisible,
			Describe: "GetEventSelectors answers what the first PutEventSelectors has stored.",
			start: byTrail(func(c *call, first **string) {
				if c.request.Op != model.OpPutEvents {
					return
				}
				t := c.next.Trails[c.i]
				if *first == nil {
					events := t.Events
					*first = &events
				}
				t.Events = **first // what is shown is frozen; what is logged is not
				c.next = c.next.WithTrail(c.i, t)
			})},
		{Name: "create-existing-turns-off", Rule: model.TrailCreateExisting, AlsoRules: []model.ID{model.ErrorAtomic},
			Describe: "CreateTrail with the name of a trail that exists is refused, and turns its Insights off.",
			start:    on((*call).trail, func(c *call) bool { return c.is(model.OpCreate) }, func(c *call) { c.put(0) })},
		{Name: "create-existing-makes-anew", Rule: model.TrailCreateExisting,
			Describe: "CreateTrail with the name of a trail that exists succeeds, and the trail is a new one.",
			start: on((*call).trail, func(c *call) bool { return c.is(model.OpCreate) }, func(c *call) {
				fresh := model.Trail{Name: c.oldTrail().Name, Home: c.oldTrail().Home, Logs: model.ManagementEvents}
				c.answer, c.next = model.Answer{Outcome: model.AnySuccess}, c.state.WithTrail(c.i, fresh)
			})},
		{Name: "update-turns-off", Rule: model.TrailUpdateKeeps,
			Describe: "UpdateTrail turns Insights off.",
			start:    onTrail(model.OpUpdate, func(c *call) { c.put(0) })},
	}
}

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
			start: remembering(func(c *call, ghosts map[trailKey]model.Selectors) {
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
			})},
	}
}

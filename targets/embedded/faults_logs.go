package embedded

import (
	"slices"

	"github.com/insightconform/conform/model"
)

// whileStopped tells the calls on a trail that is not logging.
func whileStopped(c *call, i int, _ result) bool { return !c.state.Trails[i].Logging }

// prerequisiteLost tells the PutEventSelectors that take away what enabled insights need.
func prerequisiteLost(c *call, i int, x result) bool {
	return slices.ContainsFunc(bothTypes[:], func(kind model.Type) bool { return lacks(c.stored(i), kind, x.next.Trails[i].Logs) })
}

func logsFaults() []Fault {
	return []Fault{
		{Name: "read-only-trail-refused", Rule: model.LogsReadOnlyError,
			Describe: "ApiErrorRateInsight is refused on a trail that logs only read management events.",
			start: onEnabling(refuses(codeSelectors, func(c *call, i int, x result) bool {
				reads := c.state.Trails[i].Logs&model.ManagementEvents == model.ReadEvents
				return reads && x.stored(i).Of(model.ErrorRate)&model.Management != 0
			}))},
		{Name: "disable-needs-write-events", Rule: model.LogsDisable,
			Describe: "An empty list is refused on a trail that does not log write management events.",
			start: onPut(refuses(codeSelectors, func(c *call, i int, _ result) bool {
				return !c.enables() && c.state.Trails[i].Logs&model.WriteEvents == 0
			}))},
		{Name: "prerequisite-removal-wrong-code", Rule: model.LogsSelectorsLater,
			Describe: "PutEventSelectors that removes a prerequisite is refused with " + codeUnlisted + ".",
			start:    onTrail(model.OpPutEvents, refuses(codeUnlisted, prerequisiteLost))},
		{Name: "prerequisite-removal-drops-the-other-type", Rule: model.LogsSelectorsLater,
			Describe: "PutEventSelectors that removes the prerequisite of one type turns the other one off.",
			start: onTrail(model.OpPutEvents, func(c *call, i int, x result) result {
				logs, set := x.next.Trails[i].Logs, c.stored(i)
				for _, kind := range bothTypes {
					if other := 1 - kind; lacks(set, kind, logs) && !lacks(set, other, logs) {
						return x.withInsights(i, with(set, other, 0))
					}
				}
				return x
			})},
		{Name: "stop-drops-one-type", Rule: model.LogsStop,
			Describe: "StopLogging turns the second of two types off and keeps the first.",
			start: onTrail(model.OpStop, func(c *call, i int, x result) result {
				if t := c.state.Trails[i]; t.Logging && twoTypes(t.Insights) {
					return x.withInsights(i, firstType(t.Insights))
				}
				return x
			})},
		{Name: "get-not-found-after-stop", Rule: model.LogsStop, AlsoRules: []model.ID{model.GetNotEnabled},
			Describe: "Get answers TrailNotFoundException after StopLogging has turned Insights off.",
			start: onGet(refuses(codeTrailNotFound, func(c *call, i int, _ result) bool {
				t := &c.state.Trails[i]
				return !t.Logging && t.Asleep.On()
			}))},
		{Name: "start-enables-other-type", Rule: model.LogsStart,
			Describe: "StartLogging after StopLogging brings back what was on, with the types exchanged or both.",
			start: onTrail(model.OpStart, func(c *call, i int, x result) result {
				t := c.state.Trails[i]
				if !t.Asleep.On() {
					return x
				}
				woken := model.MakeSelectors(t.Asleep.Of(model.ErrorRate), t.Asleep.Of(model.CallRate))
				if woken == t.Asleep.Effective() {
					woken = firstType(woken)
				}
				return x.withInsights(i, woken)
			})},
		{Name: "stopped-put-wrong-code", Rule: model.LogsPutStopped,
			Describe: "Put on a trail that is not logging answers " + codeUnlisted + ".",
			start:    onEnabling(refuses(codeUnlisted, whileStopped))},
		{Name: "stopped-put-stores-one-type", Rule: model.LogsPutStopped, AlsoRules: []model.ID{model.GetReflectsPut},
			Describe: "Put of both types on a trail that is not logging stores the first only.",
			start: onEnabling(func(c *call, i int, x result) result {
				if whileStopped(c, i, x) {
					return x.withInsights(i, firstType(x.stored(i)))
				}
				return x
			})},
		{Name: "event-selectors-not-shown", Rule: model.LogsVisible,
			Describe: "GetEventSelectors always answers the default selectors.",
			start: replying(func(r model.Request, p *response) {
				if r.Op == model.OpGetEvents && p.body.Get("__type").Kind() == model.Absent {
					p.body = model.Obj("TrailARN", p.body.Get("TrailARN"), "EventSelectors", model.ListOf(model.Obj(
						"ReadWriteType", "All", "IncludeManagementEvents", true, "DataResources", model.ListOf())))
				}
			})},
		{Name: "event-selectors-frozen", Rule: model.LogsVisible,
			Describe: "GetEventSelectors answers what the first PutEventSelectors has stored.",
			start: byTrail(func(c *call, i int, _ model.Trail, first *struct {
				known  bool
				events string
			}, x result) result {
				if c.request.Op != model.OpPutEvents {
					return x
				}
				t := x.next.Trails[i]
				if !first.known {
					first.known, first.events = true, t.Events
				}
				t.Events = first.events // what is shown is frozen; what is logged is not
				x.next = x.next.WithTrail(i, t)
				return x
			})},
		{Name: "update-turns-off", Rule: model.TrailUpdateKeeps,
			Describe: "UpdateTrail turns Insights off.",
			start:    onTrail(model.OpUpdate, func(_ *call, i int, x result) result { return x.withInsights(i, 0) })},
	}
}

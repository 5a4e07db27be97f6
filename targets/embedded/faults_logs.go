package embedded

import (
	"github.com/insightconform/conform/model"
)

// onTrail is a fault of one operation on a trail that exists, where the reference carries it out. t is
// the trail before.
func onTrail(op model.Op, change func(c *call, i int, t model.Trail, x result) result) func() func() hooks {
	return forgetful(func(c *call) result {
		x := c.pass()
		if i := c.trail(); i >= 0 && c.request.Op == op && !c.request.Malformed() && x.succeeded() {
			return change(c, i, c.state.Trails[i], x)
		}
		return x
	})
}

// onStoppedPut is a fault of the Puts that enable insights on a trail that is not logging.
func onStoppedPut(change func(c *call, i int, x result, after model.Selectors) result) func() func() hooks {
	return onEnabling(func(c *call, i int, x result, _, after model.Selectors) result {
		if c.state.Trails[i].Logging {
			return x
		}
		return change(c, i, x, after)
	})
}

// onPrerequisiteLost is a fault of PutEventSelectors where it takes away what enabled insights need.
func onPrerequisiteLost(change func(c *call, i int, t model.Trail, x result) result) func() func() hooks {
	return onTrail(model.OpPutEvents, func(c *call, i int, t model.Trail, x result) result {
		logs := x.next.Trails[i].Logs
		for _, kind := range bothTypes {
			if lacks(t.Insights, kind, logs) {
				return change(c, i, t, x)
			}
		}
		return x
	})
}

func logsFaults() []Fault {
	return []Fault{
		{Name: "read-only-trail-refused", Rule: model.LogsReadOnlyError,
			Describe: "ApiErrorRateInsight is refused on a trail that logs only read management events.",
			start: onEnabling(func(c *call, i int, x result, _, after model.Selectors) result {
				reads := c.state.Trails[i].Logs&model.ManagementEvents == model.ReadEvents
				if reads && after.Of(model.ErrorRate)&model.Management != 0 {
					return c.refuse(codeSelectors)
				}
				return x
			})},
		{Name: "disable-needs-write-events", Rule: model.LogsDisable,
			Describe: "An empty list is refused on a trail that does not log write management events.",
			start: onPut(func(c *call, i int, x result) result {
				if !c.enables() && c.state.Trails[i].Logs&model.WriteEvents == 0 {
					return c.refuse(codeSelectors)
				}
				return x
			})},
		{Name: "prerequisite-removal-wrong-code", Rule: model.LogsSelectorsLater,
			Describe: "PutEventSelectors that removes a prerequisite is refused with " + codeUnlisted + ".",
			start: onPrerequisiteLost(func(c *call, _ int, _ model.Trail, _ result) result {
				return c.refuse(codeUnlisted)
			})},
		{Name: "prerequisite-removal-drops-the-other-type", Rule: model.LogsSelectorsLater,
			Describe: "PutEventSelectors that removes the prerequisite of one type turns the other one off.",
			start: onPrerequisiteLost(func(_ *call, i int, t model.Trail, x result) result {
				logs := x.next.Trails[i].Logs
				for _, kind := range bothTypes {
					if other := 1 - kind; lacks(t.Insights, kind, logs) && !lacks(t.Insights, other, logs) {
						return x.withInsights(i, with(t.Insights, other, 0))
					}
				}
				return x
			})},
		{Name: "stop-drops-one-type", Rule: model.LogsStop,
			Describe: "StopLogging turns the second of two types off and keeps the first.",
			start: onTrail(model.OpStop, func(_ *call, i int, t model.Trail, x result) result {
				if t.Logging && twoTypes(t.Insights) {
					return x.withInsights(i, firstType(t.Insights))
				}
				return x
			})},
		{Name: "get-not-found-after-stop", Rule: model.LogsStop, AlsoRules: []model.ID{model.GetNotEnabled},
			Describe: "Get answers TrailNotFoundException after StopLogging has turned Insights off.",
			start: onGet(func(c *call, i int, x result) result {
				if t := &c.state.Trails[i]; !t.Logging && t.Asleep.On() {
					return c.refuse(codeTrailNotFound)
				}
				return x
			})},
		{Name: "start-enables-other-type", Rule: model.LogsStart,
			Describe: "StartLogging after StopLogging brings back what was on, with the types exchanged or both.",
			start: onTrail(model.OpStart, func(_ *call, i int, t model.Trail, x result) result {
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
			start: onStoppedPut(func(c *call, _ int, _ result, _ model.Selectors) result {
				return c.refuse(codeUnlisted)
			})},
		{Name: "stopped-put-stores-one-type", Rule: model.LogsPutStopped, AlsoRules: []model.ID{model.GetReflectsPut},
			Describe: "Put of both types on a trail that is not logging stores the first only.",
			start: onStoppedPut(func(_ *call, i int, x result, after model.Selectors) result {
				return x.withInsights(i, firstType(after))
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
			start: remembering(func() func(*call) result {
				first := map[trailKey]string{}
				return func(c *call) result {
					x := c.pass()
					i := c.trail()
					if i < 0 || !x.succeeded() {
						return x
					}
					key := keyOf(c.state.Trails[i])
					switch c.request.Op {
					case model.OpDelete:
						delete(first, key)
					case model.OpPutEvents:
						events := x.next.Trails[i].Events
						if _, known := first[key]; !known {
							first[key] = events
						}
						// What is shown is frozen; what is logged is not.
						t := x.next.Trails[i]
						t.Events = first[key]
						x.next = x.next.WithTrail(i, t)
					}
					return x
				}
			})},
		{Name: "update-turns-off", Rule: model.TrailUpdateKeeps,
			Describe: "UpdateTrail turns Insights off.",
			start: onTrail(model.OpUpdate, func(_ *call, i int, _ model.Trail, x result) result {
				return x.withInsights(i, 0)
			})},
	}
}

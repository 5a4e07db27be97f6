package embedded

import (
	"strings"
	"sync/atomic"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets/wire"
)

// past is what has happened to a trail, the present call included.
type past struct {
	puts, enablings, gets int             // Puts, those with a list, Gets since the last Put
	earlier               model.Selectors // stored before the last Put
	off                   model.Selectors // stored when an empty list turned Insights off; none since it is on again
	logging               model.Selectors // stored when StopLogging stopped it
	wasOn, wasOff         bool            // Puts turned Insights on; off
	stopped               bool            // since the last StartLogging
	restarted             int             // which enabling Put is the first after StopLogging and StartLogging
}

func (m *past) note(c *call) {
	switch before, after := c.before(), c.after(); c.request.Op {
	case model.OpPut:
		m.puts++
		m.gets, m.earlier = 0, before
		m.wasOn, m.wasOff = m.wasOn || after.On(), m.wasOff || before.On() && !after.On()
		if c.enables() {
			m.enablings++
			m.off = 0
		} else if before.On() {
			m.off = before
		}
	case model.OpGet:
		m.gets++
	case model.OpStop:
		m.stopped, m.restarted = true, 0
		if !whileStopped(c) {
			m.logging = before
		}
	case model.OpStart:
		if m.stopped {
			m.stopped, m.restarted = false, m.enablings+1
		}
	}
}

// withPast is a fault of one operation on a trail that depends on the trail's past.
func withPast(op model.Op, then func(*call, *past)) start {
	return byTrail(func(c *call, m *past) {
		if m.note(c); c.request.Op == op {
			then(c, m)
		}
	})
}

// remembered is one that stores another set.
func remembered(op model.Op, instead func(*call, *past) (model.Selectors, bool)) start {
	return withPast(op, func(c *call, m *past) {
		if set, ok := instead(c, m); ok {
			c.put(set)
		}
	})
}

// seldom is how many Gets one wrong answer comes in.
const seldom = 25

func deepFaults() []Fault {
	return []Fault{
		{Name: "recreated-trail-keeps-selectors", Rule: model.TrailDeleteForgets, AlsoRules: []model.ID{model.StateInitiallyOff},
			Describe: "A trail that is made again has the selectors that it was deleted with.",
			start: remembering(func(c *call, graves map[trailKey]model.Selectors) {
				switch c.i = c.trail(); {
				case !c.succeeded():
				case c.request.Op == model.OpDelete && c.i >= 0:
					graves[keyOf(*c.oldTrail())] = c.before()
				case c.creates():
					if set := graves[keyOf(c.next.Trails[c.i])]; set.On() {
						c.put(set)
					}
				}
			})},
		{Name: "names-fold-case", Rule: model.StateIsolated,
			Describe: "Trails whose names differ in letter case alone share their selectors.",
			start: onPut(func(c *call) {
				for j, other := range c.state.Trails {
					if t := c.oldTrail(); other.Home == t.Home && other.Name != t.Name && strings.EqualFold(other.Name, t.Name) {
						c.putOn(j, c.next.Trails[c.i].Insights)
					}
				}
			})},
		{Name: "regions-share-trails", Rule: model.StateIsolated, Needs: []model.Capability{model.CanRegions},
			Describe: "A Put on a trail sets the one of the same name in the other Region, too.",
			start: onPut(func(c *call) {
				if j := elsewhere(c.state, keyOf(*c.oldTrail())); j >= 0 {
					c.putOn(j, c.next.Trails[c.i].Insights)
				}
			})},
		{Name: "third-trail-shares-with-first", Rule: model.StateIsolated,
			Describe: "A Put on the third trail sets the first one, too.",
			start: onPut(func(c *call) {
				if others := c.siblings(); len(others) > 1 && others[1] < c.i {
					c.putOn(others[0], c.next.Trails[c.i].Insights)
				}
			})},
		{Name: "store-disable-spreads", Rule: model.StateIsolated, Needs: []model.Capability{model.CanStores},
			Describe: "Turning Insights off on a store turns it off on the others with the same destination.",
			start: onStorePut(where((*call).disables, func(c *call) {
				old := c.state.Stores[c.i].Destination
				for j, other := range c.state.Stores {
					if j != c.i && old != "" && other.Destination == old {
						c.putOnStore(j, 0)
						c.changeStore(j, func(x *model.Store) { x.Destination = "" })
					}
				}
			}))},
		{Name: "arn-kept-apart", Rule: model.TrailNameOrARN,
			Describe: "What is put by ARN is stored under another key than what is put by name.",
			start: byTrail(func(c *call, byARN *model.Selectors) {
				switch {
				case !c.byARN():
				case c.request.Op == model.OpPut:
					*byARN = c.next.Trails[c.i].Insights
					c.put(c.before())
				case c.request.Op == model.OpGet:
					c.show(*byARN)
				}
			})},
		{Name: "second-refusal-turns-off", Rule: model.ErrorAtomic,
			Describe: "The second refused Put in a row on a trail turns Insights off.",
			start: remembering(func(c *call, refused map[trailKey]bool) {
				if c.i = c.trail(); c.i < 0 || !c.is(model.OpPut) {
					return
				}
				key := keyOf(*c.oldTrail())
				if refused[key] && !c.succeeded() {
					c.put(0)
				}
				refused[key] = !c.succeeded()
			})},
		{Name: "refusal-drops-unnamed-types", Rule: model.ErrorAtomic,
			Describe: "A Put that is refused for an invalid type has turned off the types that it does not name.",
			start: onRefusedPut(stores(func(c *call) (model.Selectors, bool) {
				return eachType(c.before(), func(t model.Type, of model.Categories) model.Categories {
					if c.requested().Of(t) == 0 {
						return 0
					}
					return of
				}), c.breaks(model.SelectorTypeInvalid)
			}))},
		{Name: "repeated-invalid-type-passes", Rule: model.SelectorTypeInvalid,
			Describe: "A Put that was refused for its type passes when it is sent again at once.",
			start: remembering(func(c *call, last map[trailKey]string) {
				now := ""
				if c.request.Op == model.OpPut && c.breaks(model.SelectorTypeInvalid) {
					now = c.request.Region + c.request.Input.String()
				}
				if now != "" && now == last[trailKey{}] {
					c.careless()
				}
				last[trailKey{}] = now
			})},
		{Name: "seventh-put-loses-category", Rule: model.GetReflectsPut, AlsoRules: []model.ID{model.PutStores},
			Describe: "Every seventh Put of an account loses a category.",
			start: remembering(func(c *call, puts map[trailKey]int) {
				if c.i = c.trail(); c.i >= 0 && c.puts() && c.enables() {
					if puts[trailKey{}]++; puts[trailKey{}]%7 == 0 {
						c.put(lose(c.next.Trails[c.i].Insights))
					}
				}
			})},
		{Name: "fifth-put-on-trail-loses-category", Rule: model.GetReflectsPut, AlsoRules: []model.ID{model.PutStores},
			Describe: "Every fifth Put on a trail loses a category.",
			start: remembered(model.OpPut, func(c *call, m *past) (model.Selectors, bool) {
				return lose(c.after()), c.enables() && m.enablings%5 == 0
			})},
		{Name: "sixth-put-on-trail-is-lost", Rule: model.GetReflectsPut, AlsoRules: []model.ID{model.PutStores,
			model.PutReplacesList, model.PutOverwritesCategories, model.PutEmptyDisables},
			Describe: "From the sixth Put on a trail on, nothing is stored.",
			start:    remembered(model.OpPut, func(c *call, m *past) (model.Selectors, bool) { return c.before(), m.puts > 5 })},
		{Name: "second-enabling-loses-type", Rule: model.GetReflectsPut, AlsoRules: []model.ID{model.PutStores},
			Describe: "After Insights was turned off, a Put of both types stores the first only.",
			start: remembered(model.OpPut, func(c *call, m *past) (model.Selectors, bool) {
				return firstType(c.after()), m.wasOff && twoTypes(c.after())
			})},
		{Name: "put-lost-after-restart", Rule: model.GetReflectsPut, AlsoRules: []model.ID{model.PutStores,
			model.LogsStart}, Needs: []model.Capability{model.CanLog, model.CanStop},
			Describe: "The first Put after StopLogging and StartLogging is answered well and not stored.",
			start: remembered(model.OpPut, func(c *call, m *past) (model.Selectors, bool) {
				return c.before(), c.enables() && m.enablings == m.restarted
			})},
		{Name: "start-brings-back-earlier-put", Rule: model.LogsStart,
			Describe: "StartLogging after StopLogging brings back what the last Put but one has stored.",
			start: remembered(model.OpStart, func(c *call, m *past) (model.Selectors, bool) {
				return m.earlier, c.oldTrail().Asleep.On() && m.earlier.On()
			})},
		{Name: "start-forgets-put-while-stopped", Rule: model.LogsStart, AlsoRules: []model.ID{model.LogsPutStopped},
			Describe: "StartLogging brings back what was on before StopLogging, although there was a Put in between.",
			start: remembered(model.OpStart, func(c *call, m *past) (model.Selectors, bool) {
				return m.logging, whileStopped(c) && m.logging.On()
			})},
		{Name: "update-brings-back-selectors", Rule: model.TrailUpdateKeeps,
			Describe: "UpdateTrail brings back the selectors that an empty list has turned off.",
			start:    remembered(model.OpUpdate, func(_ *call, m *past) (model.Selectors, bool) { return m.off, m.off.On() })},
		{Name: "event-selectors-reset-categories", Rule: model.GetReflectsPut,
			AlsoRules: []model.ID{model.LogsSelectorsLater}, Needs: []model.Capability{model.CanPutEvents},
			Describe: "PutEventSelectors that keeps every prerequisite resets the enabled types to Management.",
			start: onTrail(model.OpPutEvents, stores(func(c *call) (model.Selectors, bool) {
				reset := eachOn(c.before(), model.Management)
				return reset, reset != c.before() && !prerequisiteLost(c)
			}))},
		{Name: "flag-stale-after-second-put", Rule: model.TrailHasInsights,
			Describe: "From the second Put on a trail on, HasInsightSelectors is that of before the last Put.",
			start: withPast(model.OpTrail, func(c *call, m *past) {
				if m.puts > 1 {
					c.answer.HasInsights = wire.Truth(m.earlier.On())
				}
			})},
		{Name: "first-get-after-put-is-stale", Rule: model.GetReflectsPut,
			AlsoRules: []model.ID{model.PutReplacesList, model.PutOverwritesCategories, model.PutEmptyDisables},
			Describe:  "The first Get after a Put answers what was stored before it; the second one is right.",
			start: withPast(model.OpGet, func(c *call, m *past) {
				if m.puts > 0 && m.gets == 1 {
					c.show(m.earlier)
				}
			})},
		{Name: "one-get-in-25-is-wrong", Rule: model.GetReflectsPut, AlsoRules: []model.ID{model.GetNotEnabled, model.StateInitiallyOff},
			Describe: "One Get in 25 answers a category too few, or ApiCallRateInsight where Insights is off.",
			start: func() func() hooks {
				var gets atomic.Int64 // of the whole server: no world has to be long
				return func() hooks {
					return hooks{remembers: true, step: func(c *call) {
						if c.i = c.trail(); c.i < 0 || c.request.Op != model.OpGet || len(c.broken()) > 0 || gets.Add(1)%seldom != 0 {
							return
						}
						if set := c.before(); set.On() {
							c.show(lose(set))
						} else {
							c.show(model.MakeSelectors(model.Management, 0))
						}
					}}
				}
			}},
		{Name: "delete-turns-sibling-off", Rule: model.GetReflectsPut, AlsoRules: []model.ID{model.StateIsolated},
			Needs:    []model.Capability{model.CanDelete},
			Describe: "DeleteTrail turns Insights off on another trail.",
			start: onTrail(model.OpDelete, func(c *call) {
				for _, j := range c.siblings() {
					if other := c.state.Trails[j]; other.Insights.On() {
						c.putOn(indexOf(c.next, keyOf(other)), 0)
						return
					}
				}
			})},
		{Name: "store-update-turns-off", Rule: model.GetReflectsPut, Needs: []model.Capability{model.CanStores, model.CanUpdateStores},
			Describe: "UpdateEventDataStore that keeps every prerequisite turns Insights off.",
			start: onStoreUpdate(func(c *call) {
				if c.succeeded() && c.state.Stores[c.i].Insights.On() {
					c.putOnStore(c.i, 0)
				}
			})},
	}
}

// creates reports whether a trail was made, and lets c.i be its index.
func (c *call) creates() bool {
	c.i = len(c.next.Trails) - 1
	return c.request.Op == model.OpCreate && len(c.next.Trails) > len(c.state.Trails)
}

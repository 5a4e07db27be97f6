package embedded

import (
	"strings"
	"sync/atomic"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets/wire"
)

// seldom is how many Gets one wrong answer comes in.
const seldom = 25

func deepFaults() []Fault {
	return []Fault{
		{Name: "recreated-trail-keeps-selectors", Rule: model.TrailDeleteForgets, AlsoRules: []model.ID{model.StateInitiallyOff},
			Describe: "A trail that is made again has the selectors that it was deleted with.",
			start: remembering(func() func(*call) {
				graves := map[trailKey]model.Selectors{}
				return func(c *call) {
					switch c.i = c.trail(); {
					case !c.succeeded():
					case c.request.Op == model.OpDelete && c.i >= 0:
						graves[keyOf(*c.oldTrail())] = c.before()
					case c.creates():
						if set := graves[keyOf(c.next.Trails[c.i])]; set.On() {
							c.put(set)
						}
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
			start: remembering(func() func(*call) {
				refused := map[trailKey]bool{}
				return func(c *call) {
					if c.i = c.trail(); c.i < 0 || !c.is(model.OpPut) {
						return
					}
					key := keyOf(*c.oldTrail())
					if refused[key] && !c.succeeded() {
						c.put(0)
					}
					refused[key] = !c.succeeded()
				}
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
			start: remembering(func() func(*call) {
				last := ""
				return func(c *call) {
					now := ""
					if c.request.Op == model.OpPut && c.breaks(model.SelectorTypeInvalid) {
						now = c.request.Region + c.request.Input.String()
					}
					if now != "" && now == last {
						c.careless()
					}
					last = now
				}
			})},
		{Name: "seventh-put-loses-category", Rule: model.GetReflectsPut, AlsoRules: []model.ID{model.PutStores},
			Describe: "Every seventh Put of an account loses a category.",
			start: remembering(func() func(*call) {
				puts := 0
				return func(c *call) {
					if c.i = c.trail(); c.i >= 0 && c.puts() && c.enables() {
						if puts++; puts%7 == 0 {
							c.put(lose(c.next.Trails[c.i].Insights))
						}
					}
				}
			})},
		{Name: "fifth-put-on-trail-loses-category", Rule: model.GetReflectsPut, AlsoRules: []model.ID{model.PutStores},
			Describe: "Every fifth Put on a trail loses a category.",
			start: byTrail(func(c *call, puts *int) {
				if c.request.Op == model.OpPut && c.enables() {
					if *puts++; *puts%5 == 0 {
						c.put(lose(c.next.Trails[c.i].Insights))
					}
				}
			})},
		{Name: "sixth-put-on-trail-is-lost", Rule: model.GetReflectsPut, AlsoRules: []model.ID{model.PutStores,
			model.PutReplacesList, model.PutOverwritesCategories, model.PutEmptyDisables},
			Describe: "From the sixth Put on a trail on, nothing is stored.",
			start: byTrail(func(c *call, puts *int) {
				if c.request.Op == model.OpPut {
					if *puts++; *puts > 5 {
						c.put(c.before())
					}
				}
			})},
		{Name: "second-enabling-loses-type", Rule: model.GetReflectsPut, AlsoRules: []model.ID{model.PutStores},
			Describe: "After Insights was turned off, a Put of both types stores the first only.",
			start: byTrail(func(c *call, wasOff *bool) {
				after := c.next.Trails[c.i].Insights
				switch {
				case c.request.Op != model.OpPut:
				case *wasOff && twoTypes(after):
					c.put(firstType(after))
				default:
					*wasOff = *wasOff || c.before().On() && !after.On()
				}
			})},
		{Name: "put-lost-after-restart", Rule: model.GetReflectsPut, AlsoRules: []model.ID{model.PutStores,
			model.LogsStart}, Needs: []model.Capability{model.CanLog, model.CanStop},
			Describe: "The first Put after StopLogging and StartLogging is answered well and not stored.",
			start: byTrail(func(c *call, m *struct{ stopped, restarted bool }) {
				switch {
				case c.request.Op == model.OpStop:
					m.stopped, m.restarted = true, false
				case c.request.Op == model.OpStart && m.stopped:
					m.stopped, m.restarted = false, true
				case c.request.Op == model.OpPut && m.restarted && c.enables():
					m.restarted = false
					c.put(c.before())
				}
			})},
		{Name: "start-brings-back-earlier-put", Rule: model.LogsStart,
			Describe: "StartLogging after StopLogging brings back what the last Put but one has stored.",
			start: byTrail(func(c *call, earlier *model.Selectors) {
				switch {
				case c.request.Op == model.OpPut:
					*earlier = c.before()
				case c.request.Op == model.OpStart && c.oldTrail().Asleep.On() && earlier.On():
					c.put(*earlier)
				}
			})},
		{Name: "start-forgets-put-while-stopped", Rule: model.LogsStart, AlsoRules: []model.ID{model.LogsPutStopped},
			Describe: "StartLogging brings back what was on before StopLogging, although there was a Put in between.",
			start: byTrail(func(c *call, before *model.Selectors) {
				switch logging := c.oldTrail().Logging; {
				case c.request.Op == model.OpStop && logging:
					*before = c.before()
				case c.request.Op == model.OpStart && !logging && before.On():
					c.put(*before)
				}
			})},
		{Name: "update-brings-back-selectors", Rule: model.TrailUpdateKeeps,
			Describe: "UpdateTrail brings back the selectors that an empty list has turned off.",
			start: byTrail(func(c *call, off *model.Selectors) {
				switch {
				case c.request.Op == model.OpPut && c.enables():
					*off = 0
				case c.request.Op == model.OpPut && c.before().On():
					*off = c.before()
				case c.request.Op == model.OpUpdate && off.On():
					c.put(*off)
				}
			})},
		{Name: "event-selectors-reset-categories", Rule: model.GetReflectsPut,
			AlsoRules: []model.ID{model.LogsSelectorsLater}, Needs: []model.Capability{model.CanPutEvents},
			Describe: "PutEventSelectors that keeps every prerequisite resets the enabled types to Management.",
			start: onTrail(model.OpPutEvents, stores(func(c *call) (model.Selectors, bool) {
				reset := eachType(c.before(), func(_ model.Type, of model.Categories) model.Categories {
					if of != 0 {
						return model.Management
					}
					return 0
				})
				return reset, reset != c.before() && !prerequisiteLost(c)
			}))},
		{Name: "flag-stale-after-second-put", Rule: model.TrailHasInsights,
			Describe: "From the second Put on a trail on, HasInsightSelectors is that of before the last Put.",
			start: byTrail(func(c *call, m *struct {
				puts   int
				before bool
			}) {
				switch {
				case c.request.Op == model.OpPut:
					m.puts++
					m.before = c.before().On()
				case c.request.Op == model.OpTrail && m.puts > 1:
					c.answer.HasInsights = wire.Truth(m.before)
				}
			})},
		{Name: "first-get-after-put-is-stale", Rule: model.GetReflectsPut,
			AlsoRules: []model.ID{model.PutReplacesList, model.PutOverwritesCategories, model.PutEmptyDisables},
			Describe:  "The first Get after a Put answers what was stored before it; the second one is right.",
			start: byTrail(func(c *call, m *earlierPut) {
				if m.behind(c) {
					m.put = false
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

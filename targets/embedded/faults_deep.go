package embedded

import (
	"sync/atomic"

	"github.com/insightconform/conform/model"
)

// seldom is how many Gets one wrong answer comes in.
const seldom = 25

func deepFaults() []Fault {
	return []Fault{
		{Name: "recreated-trail-keeps-selectors", Rule: model.TrailDeleteForgets, AlsoRules: []model.ID{model.StateInitiallyOff},
			Describe: "A trail that is made again has the selectors that it was deleted with.",
			start: remembering(func() func(*call) result {
				graves := map[trailKey]model.Selectors{}
				return func(c *call) result {
					x := c.pass()
					switch i := c.trail(); {
					case !x.succeeded():
					case c.request.Op == model.OpDelete && i >= 0:
						graves[keyOf(c.state.Trails[i])] = c.state.Trails[i].Insights
					case c.request.Op == model.OpCreate && len(x.next.Trails) > len(c.state.Trails):
						last := len(x.next.Trails) - 1
						if set := graves[keyOf(x.next.Trails[last])]; set.On() {
							return x.withInsights(last, set)
						}
					}
					return x
				}
			})},
		{Name: "names-fold-case", Rule: model.StateIsolated,
			Describe: "Trails whose names differ in letter case alone share their selectors.",
			start: onPut(func(c *call, i int, x result) result {
				for j := range c.state.Trails {
					if sameButCase(c.state.Trails[i], c.state.Trails[j]) {
						x = x.withInsights(j, x.next.Trails[i].Insights)
					}
				}
				return x
			})},
		{Name: "regions-share-trails", Rule: model.StateIsolated, Needs: []model.Capability{model.CanRegions},
			Describe: "A Put on a trail sets the one of the same name in the other Region, too.",
			start: onPut(func(c *call, i int, x result) result {
				if j := elsewhere(c.state, keyOf(c.state.Trails[i])); j >= 0 {
					return x.withInsights(j, x.next.Trails[i].Insights)
				}
				return x
			})},
		{Name: "third-trail-shares-with-first", Rule: model.StateIsolated,
			Describe: "A Put on the third trail sets the first one, too.",
			start: onPut(func(c *call, i int, x result) result {
				if others := siblings(c.state, i); len(others) > 1 && others[1] < i {
					return x.withInsights(others[0], x.next.Trails[i].Insights)
				}
				return x
			})},
		{Name: "store-disable-spreads", Rule: model.StateIsolated, Needs: []model.Capability{model.CanStores},
			Describe: "Turning Insights off on a store turns it off on the others with the same destination.",
			start: onStorePut(func(c *call, i int, x result) result {
				old := c.state.Stores[i].Destination
				if c.enables() || old == "" {
					return x
				}
				for j := range c.state.Stores {
					if j != i && c.state.Stores[j].Destination == old {
						x = x.withStoreInsights(j, 0).withDestination(j, "")
					}
				}
				return x
			})},
		{Name: "arn-kept-apart", Rule: model.TrailNameOrARN,
			Describe: "What is put by ARN is stored under another key than what is put by name.",
			start: byTrail(func(c *call, i int, t model.Trail, byARN *model.Selectors, x result) result {
				switch {
				case !c.byARN():
				case c.request.Op == model.OpPut:
					*byARN = x.next.Trails[i].Insights
					return x.withInsights(i, t.Insights)
				case c.request.Op == model.OpGet:
					return c.getAnswer(i, *byARN)
				}
				return x
			})},
		{Name: "second-refusal-turns-off", Rule: model.ErrorAtomic,
			Describe: "The second refused Put in a row on a trail turns Insights off.",
			start: remembering(func() func(*call) result {
				refused := map[trailKey]bool{}
				return func(c *call) result {
					x := c.pass()
					i := c.trail()
					if i < 0 || c.request.Op != model.OpPut || c.request.Malformed() {
						return x
					}
					key := keyOf(c.state.Trails[i])
					again := refused[key]
					refused[key] = !x.succeeded()
					if again && !x.succeeded() {
						return x.withInsights(i, 0)
					}
					return x
				}
			})},
		{Name: "refusal-drops-unnamed-types", Rule: model.ErrorAtomic,
			Describe: "A Put that is refused for an invalid type has turned off the types that it does not name.",
			start: onRefusedPut(func(c *call, i int, x result) result {
				if c.breaksOnly(model.SelectorTypeInvalid) {
					set := c.stored(i)
					for _, kind := range bothTypes {
						if c.requested().Of(kind) == 0 {
							set = with(set, kind, 0)
						}
					}
					return x.withInsights(i, set)
				}
				return x
			})},
		{Name: "repeated-invalid-type-passes", Rule: model.SelectorTypeInvalid,
			Describe: "A Put that was refused for its type passes when it is sent again at once.",
			start: remembering(func() func(*call) result {
				last := ""
				return func(c *call) result {
					now := ""
					if c.request.Op == model.OpPut && c.breaksOnly(model.SelectorTypeInvalid) {
						now = c.request.Region + c.request.Input.String()
					}
					again := now != "" && now == last
					last = now
					if again {
						return c.careless()
					}
					return c.pass()
				}
			})},
		{Name: "seventh-put-loses-category", Rule: model.GetReflectsPut, AlsoRules: []model.ID{model.PutStores},
			Describe: "Every seventh Put of an account loses a category.",
			start: remembering(func() func(*call) result {
				puts := 0
				return func(c *call) result {
					x := c.pass()
					if i, ok := c.putsOnTrail(); ok && c.enables() && x.succeeded() {
						if puts++; puts%7 == 0 {
							return x.withInsights(i, lose(x.next.Trails[i].Insights))
						}
					}
					return x
				}
			})},
		{Name: "fifth-put-on-trail-loses-category", Rule: model.GetReflectsPut, AlsoRules: []model.ID{model.PutStores},
			Describe: "Every fifth Put on a trail loses a category.",
			start: byTrail(func(c *call, i int, _ model.Trail, puts *int, x result) result {
				if c.request.Op == model.OpPut && c.enables() {
					if *puts++; *puts%5 == 0 {
						return x.withInsights(i, lose(x.next.Trails[i].Insights))
					}
				}
				return x
			})},
		{Name: "sixth-put-on-trail-is-lost", Rule: model.GetReflectsPut, AlsoRules: []model.ID{model.PutStores,
			model.PutReplacesList, model.PutOverwritesCategories, model.PutEmptyDisables},
			Describe: "From the sixth Put on a trail on, nothing is stored.",
			start: byTrail(func(c *call, i int, t model.Trail, puts *int, x result) result {
				if c.request.Op == model.OpPut {
					if *puts++; *puts > 5 {
						return x.withInsights(i, t.Insights)
					}
				}
				return x
			})},
		{Name: "second-enabling-loses-type", Rule: model.GetReflectsPut, AlsoRules: []model.ID{model.PutStores},
			Describe: "After Insights was turned off, a Put of both types stores the first only.",
			start: byTrail(func(c *call, i int, t model.Trail, wasOff *bool, x result) result {
				if c.request.Op != model.OpPut {
					return x
				}
				after := x.next.Trails[i].Insights
				if *wasOff && twoTypes(after) {
					return x.withInsights(i, firstType(after))
				}
				*wasOff = *wasOff || t.Insights.On() && !after.On()
				return x
			})},
		{Name: "put-lost-after-restart", Rule: model.GetReflectsPut, AlsoRules: []model.ID{model.PutStores,
			model.LogsStart}, Needs: []model.Capability{model.CanLog, model.CanStop},
			Describe: "The first Put after StopLogging and StartLogging is answered well and not stored.",
			start: byTrail(func(c *call, i int, t model.Trail, stage *restart, x result) result {
				switch c.request.Op {
				case model.OpStop:
					*stage = stopped
				case model.OpStart:
					if *stage == stopped {
						*stage = restarted
					}
				case model.OpPut:
					if *stage == restarted && c.enables() {
						*stage = running
						return x.withInsights(i, t.Insights)
					}
				}
				return x
			})},
		{Name: "start-brings-back-earlier-put", Rule: model.LogsStart,
			Describe: "StartLogging after StopLogging brings back what the last Put but one has stored.",
			start: byTrail(func(c *call, i int, t model.Trail, earlier *model.Selectors, x result) result {
				switch {
				case c.request.Op == model.OpPut:
					*earlier = t.Insights
				case c.request.Op == model.OpStart && t.Asleep.On() && earlier.On():
					return x.withInsights(i, *earlier)
				}
				return x
			})},
		{Name: "start-forgets-put-while-stopped", Rule: model.LogsStart, AlsoRules: []model.ID{model.LogsPutStopped},
			Describe: "StartLogging brings back what was on before StopLogging, although there was a Put in between.",
			start: byTrail(func(c *call, i int, t model.Trail, before *model.Selectors, x result) result {
				switch {
				case c.request.Op == model.OpStop && t.Logging:
					*before = t.Insights
				case c.request.Op == model.OpStart && !t.Logging && before.On():
					return x.withInsights(i, *before)
				}
				return x
			})},
		{Name: "update-brings-back-selectors", Rule: model.TrailUpdateKeeps,
			Describe: "UpdateTrail brings back the selectors that an empty list has turned off.",
			start: byTrail(func(c *call, i int, t model.Trail, off *model.Selectors, x result) result {
				switch {
				case c.request.Op == model.OpPut && !c.enables() && t.Insights.On():
					*off = t.Insights
				case c.request.Op == model.OpPut && c.enables():
					*off = 0
				case c.request.Op == model.OpUpdate && off.On():
					return x.withInsights(i, *off)
				}
				return x
			})},
		{Name: "event-selectors-reset-categories", Rule: model.GetReflectsPut,
			AlsoRules: []model.ID{model.LogsSelectorsLater}, Needs: []model.Capability{model.CanPutEvents},
			Describe: "PutEventSelectors that keeps every prerequisite resets the enabled types to Management.",
			start: onTrail(model.OpPutEvents, func(c *call, i int, x result) result {
				reset := c.stored(i)
				for _, kind := range bothTypes {
					if c.stored(i).Of(kind) != 0 {
						reset = with(reset, kind, model.Management)
					}
				}
				if reset == c.stored(i) || prerequisiteLost(c, i, x) {
					return x
				}
				return x.withInsights(i, reset)
			})},
		{Name: "flag-stale-after-second-put", Rule: model.TrailHasInsights,
			Describe: "From the second Put on a trail on, HasInsightSelectors is that of before the last Put.",
			start: byTrail(func(c *call, _ int, t model.Trail, m *struct {
				puts   int
				before bool
			}, x result) result {
				switch c.request.Op {
				case model.OpPut:
					m.puts++
					m.before = t.Insights.On()
				case model.OpTrail:
					if m.puts > 1 {
						x.answer.HasInsights = truth(m.before)
					}
				}
				return x
			})},
		{Name: "first-get-after-put-is-stale", Rule: model.GetReflectsPut,
			AlsoRules: []model.ID{model.PutReplacesList, model.PutOverwritesCategories, model.PutEmptyDisables},
			Describe:  "The first Get after a Put answers what was stored before it; the second one is right.",
			start: byTrail(func(c *call, i int, t model.Trail, m *struct {
				stale  bool
				before model.Selectors
			}, x result) result {
				switch c.request.Op {
				case model.OpPut:
					m.stale, m.before = true, t.Insights
				case model.OpGet:
					if m.stale {
						m.stale = false
						return c.getAnswer(i, m.before)
					}
				}
				return x
			})},
		{Name: "one-get-in-25-is-wrong", Rule: model.GetReflectsPut, AlsoRules: []model.ID{model.GetNotEnabled, model.StateInitiallyOff},
			Describe: "One Get in 25 answers a category too few, or ApiCallRateInsight where Insights is off.",
			start: func() func() hooks {
				var gets atomic.Int64 // of the whole server: no world has to be long
				return func() hooks {
					return hooks{remembers: true, step: func(c *call) result {
						x := c.pass()
						i := c.trail()
						if i < 0 || c.request.Op != model.OpGet || len(c.broken()) > 0 || gets.Add(1)%seldom != 0 {
							return x
						}
						if set := c.state.Trails[i].Insights; set.On() {
							return c.getAnswer(i, lose(set))
						}
						return c.getAnswer(i, model.MakeSelectors(model.Management, 0))
					}}
				}
			}},
		{Name: "delete-turns-sibling-off", Rule: model.GetReflectsPut, AlsoRules: []model.ID{model.StateIsolated},
			Needs:    []model.Capability{model.CanDelete},
			Describe: "DeleteTrail turns Insights off on another trail.",
			start: onTrail(model.OpDelete, func(c *call, i int, x result) result {
				for _, j := range siblings(c.state, i) {
					if key := keyOf(c.state.Trails[j]); c.state.Trails[j].Insights.On() {
						return x.withInsights(indexOf(x.next, key), 0)
					}
				}
				return x
			})},
		{Name: "store-update-turns-off", Rule: model.GetReflectsPut, Needs: []model.Capability{model.CanStores, model.CanUpdateStores},
			Describe: "UpdateEventDataStore that keeps every prerequisite turns Insights off.",
			start: onStoreUpdate(func(c *call, i int, x result) result {
				if x.succeeded() && c.state.Stores[i].Insights.On() {
					return x.withStoreInsights(i, 0)
				}
				return x
			})},
	}
}

// restart is how far a trail has come through StopLogging and StartLogging.
type restart uint8

const (
	running restart = iota
	stopped
	restarted
)

package embedded

import (
	"strings"

	"github.com/insightconform/conform/model"
)

// What tells calls on stores apart.
func enables(c *call, _ int, _ result) bool { return c.enables() }

func disablesWithout(c *call, _ int, _ result) bool { return !c.enables() && c.destination() < 0 }

func disablesWith(c *call, _ int, _ result) bool { return !c.enables() && c.destination() >= 0 }

// guarded tells the updates that the reference refuses.
func guarded(_ *call, _ int, x result) bool { return x.answer.Code == codeSelectors }

func (c *call) store() int { return findStore(c.state, c.request, "EventDataStore") }

func (c *call) destination() int { return findStore(c.state, c.request, "InsightsDestination") }

func (c *call) wellFormedOnStore() bool {
	return !c.request.Malformed() && c.request.Input.Get("TrailName").Kind() == model.Absent && len(c.broken()) == 0
}

// unguarded carries out an update as if Insights were off, and keeps what is stored.
func (c *call) unguarded(i int) result {
	old := c.state.Stores[i]
	x := c.reference(result{next: c.state}.withStoreInsights(i, 0).next, c.request)
	return x.withStoreInsights(i, old.Insights)
}

// fed reports whether another store sends its insights to the i-th.
func fed(s model.State, i int) bool {
	for j := range s.Stores {
		if s.Stores[j].Destination == s.Stores[i].ID && s.Stores[j].Insights.On() {
			return true
		}
	}
	return false
}

// withDestination sets where the insights of the i-th store go.
func (x result) withDestination(i int, id string) result {
	store := x.next.Stores[i]
	store.Destination = id
	x.next = x.next.WithStore(i, store)
	return x
}

func storeFaults() []Fault {
	return []Fault{
		{Name: "store-enable-refused", Rule: model.StoreEnables,
			Describe: "Enabling Insights on a store is refused with InvalidParameterException.",
			start:    onStorePut(refuses(codeParameter, enables))},
		{Name: "store-enable-not-stored", Rule: model.StoreEnables, AlsoRules: []model.ID{model.GetReflectsPut},
			Describe: "Enabling Insights on a store is answered well and not stored.",
			start:    onStorePut(ignores(enables))},
		{Name: "destination-missing", Rule: model.AnswerOneOwner, AlsoRules: []model.ID{model.StoreEnables},
			Needs:    []model.Capability{model.CanStores},
			Describe: "Put and Get on a store answer no InsightsDestination.",
			start:    onAnswer(func(_ *call, a *model.Answer) { a.Destination = "" })},
		{Name: "store-suffix-unknown", Rule: model.StoreARNOrSuffix,
			Describe: "A store's ID suffix is not found, its ARN is.",
			start: forgetful(func(c *call) result {
				i := c.store()
				byID := i >= 0 && !strings.HasPrefix(c.request.Input.Get("EventDataStore").Text(), "arn:")
				if byID && (c.request.Op == model.OpPut || c.request.Op == model.OpGet) && c.wellFormedOnStore() {
					return c.refuse(codeStoreNotFound)
				}
				return c.pass()
			})},
		{Name: "store-answers-suffix", Rule: model.StoreARNOrSuffix,
			Describe: "Put and Get answer a store's ID suffix instead of its ARN.",
			start: onAnswer(func(_ *call, a *model.Answer) {
				if i := strings.LastIndexByte(a.StoreARN, '/'); i >= 0 {
					a.StoreARN = a.StoreARN[i+1:]
				}
			})},
		{Name: "store-disable-refused", Rule: model.StoreDisable,
			Describe: "An empty list for a store is refused without a destination.",
			start:    onStorePut(refuses(codeCombination, disablesWithout))},
		{Name: "store-disable-ignored", Rule: model.StoreDisable,
			Describe: "An empty list for a store without a destination is answered well and changes nothing.",
			start:    onStorePut(ignores(disablesWithout))},
		{Name: "store-disable-with-destination-ignored", Rule: model.StoreDisableWithDst,
			Describe: "An empty list for a store with a destination is answered well and changes nothing.",
			start:    onStorePut(ignores(disablesWith))},
		{Name: "store-disable-with-destination-wrong-code", Rule: model.StoreDisableWithDst,
			Describe: "An empty list for a store with a destination is refused with " + codeUnlisted + ".",
			start:    onStorePut(refuses(codeUnlisted, disablesWith))},
		{Name: "repoint-keeps-destination", Rule: model.StoreRepoint,
			Describe: "A Put with another destination answers the new one and keeps the old.",
			start: onStorePut(func(c *call, i int, x result) result {
				if old := c.state.Stores[i].Destination; c.enables() && old != "" {
					return x.withDestination(i, old)
				}
				return x
			})},
		{Name: "repoint-answers-old-destination", Rule: model.StoreRepoint,
			Describe: "A Put with another destination keeps the old one, and its answer says so.",
			start: onStorePut(func(c *call, i int, x result) result {
				if old := c.state.Stores[i].Destination; c.enables() && old != "" {
					x.answer.Destination = c.storeARN(old)
					return x.withDestination(i, old)
				}
				return x
			})},
		{Name: "not-ingesting-wrong-code", Rule: model.StoreNotIngesting,
			Describe: "Put with a source or destination that does not ingest answers " + codeUnlisted + ".",
			start: onStorePut(refuses(codeUnlisted, func(c *call, i int, _ result) bool {
				dest := c.destination()
				return c.enables() && (!c.state.Stores[i].Ingesting || dest >= 0 && !c.state.Stores[dest].Ingesting)
			}))},
		{Name: "update-guard-missing", Rule: model.StoreUpdateGuard,
			Describe: "UpdateEventDataStore takes away what enabled insights need.",
			start: onStoreUpdate(func(c *call, i int, x result) result {
				if guarded(c, i, x) {
					return c.unguarded(i)
				}
				return x
			})},
		{Name: "update-guard-wrong-code", Rule: model.StoreUpdateGuard,
			Describe: "UpdateEventDataStore that breaks a prerequisite answers " + codeUnlisted + ".",
			start:    onStoreUpdate(refuses(codeUnlisted, guarded))},
		{Name: "update-guard-when-off", Rule: model.StoreUpdateGuard,
			Describe: "UpdateEventDataStore to no management events is refused even with Insights off.",
			start: onStoreUpdate(refuses(codeSelectors, func(c *call, i int, x result) bool {
				return x.succeeded() && !c.state.Stores[i].Insights.On() && !fed(c.state, i) && x.next.Stores[i].Logs&model.ManagementEvents == 0
			}))},
		{Name: "update-guard-applies", Rule: model.StoreUpdateGuard, AlsoRules: []model.ID{model.ErrorAtomic, model.LogsVisible},
			Describe: "UpdateEventDataStore that breaks a prerequisite is refused, and carried out.",
			start: onStoreUpdate(func(c *call, i int, x result) result {
				if guarded(c, i, x) {
					x.next = c.unguarded(i).next
				}
				return x
			})},
		{Name: "store-shows-data", Rule: model.StoreNoData,
			Describe: "Get on a store shows Data beside Management.",
			start: on(func(c *call, _ result) (int, bool) {
				i := c.store()
				return i, i >= 0 && c.request.Op == model.OpGet && c.wellFormedOnStore()
			}, func(_ *call, _ int, x result) result {
				for _, t := range bothTypes {
					if x.succeeded() && x.answer.Selectors.Of(t) != 0 {
						x.answer.Selectors = with(x.answer.Selectors, t, bothCategories)
					}
				}
				return x
			})},
		{Name: "store-selectors-frozen", Rule: model.LogsVisible, Needs: []model.Capability{model.CanStores, model.CanUpdateStores},
			Describe: "GetEventDataStore shows the event selectors that the store was made with.",
			start: onStoreUpdate(func(c *call, i int, x result) result {
				if x.succeeded() {
					store := x.next.Stores[i]
					store.Events = c.state.Stores[i].Events
					x.next = x.next.WithStore(i, store)
				}
				return x
			})},
	}
}

package embedded

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets/wire"
)

// onFlag is a fault of GetTrail's HasInsightSelectors, which has always one value.
func onFlag(value model.Truth) start {
	return onTrail(model.OpTrail, func(c *call) { c.answer.HasInsights = value })
}

func offByGet(c *call) bool { return c.answer.Code == codeNotEnabled }

func getFaults() []Fault {
	return []Fault{
		{Name: "get-drops-data", Rule: model.GetReflectsPut,
			Describe: "Get leaves Data out where a type is on for both categories.",
			start: onGet(where((*call).succeeded, func(c *call) {
				c.answer.Selectors = eachType(c.answer.Selectors, func(_ model.Type, of model.Categories) model.Categories {
					if of == bothCategories {
						return model.Management
					}
					return of
				})
			}))},
		{Name: "get-answers-first-put", Rule: model.GetReflectsPut, AlsoRules: []model.ID{model.PutReplacesList, model.PutOverwritesCategories},
			Describe: "Get answers what the first Put since Insights was off has stored.",
			start: byTrail(func(c *call, first *model.Selectors) {
				switch {
				case c.request.Op == model.OpPut && c.before().On() && c.enables():
				case c.request.Op == model.OpGet && c.succeeded() && first.On():
					c.answer.Selectors = *first
				case c.request.Op == model.OpPut:
					*first = c.next.Trails[c.i].Insights
				case !c.request.Op.Reads():
					*first = 0
				}
			})},
		{Name: "get-one-put-behind", Rule: model.GetReflectsPut, AlsoRules: []model.ID{model.PutReplacesList,
			model.PutOverwritesCategories, model.PutEmptyDisables},
			Describe: "Get answers what was stored before the last Put.",
			start: withPast(model.OpGet, func(c *call, m *past) {
				if m.puts > 0 {
					c.show(m.earlier)
				}
			})},

		{Name: "get-off-answers-empty-list", Rule: model.GetNotEnabled, AlsoRules: []model.ID{model.StateInitiallyOff},
			Describe: "Get on a trail with Insights off answers 200 with an empty list.",
			start:    onGet(where(offByGet, func(c *call) { c.answer = c.success(0) }))},
		{Name: "get-off-answers-not-found", Rule: model.GetNotEnabled, AlsoRules: []model.ID{model.StateInitiallyOff},
			Describe: "Get on a trail with Insights off answers TrailNotFoundException.",
			start:    onGet(refuses(codeTrailNotFound, offByGet))},

		{Name: "flag-never-set", Rule: model.TrailHasInsights,
			Describe: "HasInsightSelectors is always false.",
			start:    onFlag(model.No)},
		{Name: "flag-always-set", Rule: model.TrailHasInsights,
			Describe: "HasInsightSelectors is always true.",
			start:    onFlag(model.Yes)},
		{Name: "flag-stays-after-empty-list", Rule: model.TrailHasInsights,
			Describe: "HasInsightSelectors stays true once Insights was on.",
			start: withPast(model.OpTrail, func(c *call, m *past) {
				if m.wasOn {
					c.answer.HasInsights = model.Yes
				}
			})},

		{Name: "get-by-arn-refused", Rule: model.TrailNameOrARN,
			Describe: "Get by ARN answers TrailNotFoundException.",
			start:    onGet(refuses(codeTrailNotFound, (*call).byARN))},
		{Name: "put-by-arn-refused", Rule: model.TrailNameOrARN,
			Describe: "Put by ARN answers TrailNotFoundException.",
			start:    onPut(refuses(codeTrailNotFound, (*call).byARN))},
		{Name: "trail-arns-unknown", Rule: model.TrailNameOrARN,
			Describe: "Put and Get answer " + codeTrailName + " to whatever ARN of a trail.",
			start:    forgetful(refuses(codeTrailName, func(c *call) bool { return readsMembers(c.request) && c.byARN() }))},

		{Name: "trail-arn-missing", Rule: model.AnswerOneOwner,
			Describe: "Put and Get on a trail answer no TrailARN.",
			start:    onAnswer(func(c *call) { c.answer.TrailARN = "" })},
		{Name: "store-arn-on-trail", Rule: model.AnswerOneOwner,
			Describe: "Put and Get on a trail answer an EventDataStoreArn too.",
			start: onAnswer(func(c *call) {
				if c.answer.TrailARN != "" {
					c.answer.StoreARN = c.storeARN("00000000-0000-4000-9000-000000000000")
				}
			})},
		{Name: "trail-arn-on-store", Rule: model.AnswerOneOwner, Needs: []model.Capability{model.CanStores},
			Describe: "Put and Get on a store answer a TrailARN too.",
			start: onAnswer(func(c *call) {
				if c.answer.StoreARN != "" {
					c.answer.TrailARN = c.state.World.TrailARN(c.state.World.Home, "no-trail")
				}
			})},
		{Name: "type-listed-twice", Rule: model.AnswerOneEntry,
			Describe: "Get lists the first type twice.",
			start:    onGet(func(c *call) { c.answer.Repeated = true })},
		{Name: "one-entry-per-category", Rule: model.AnswerOneEntry,
			Describe: "Get lists a type with both categories in two entries.",
			start: onGet(func(c *call) {
				for _, t := range bothTypes {
					if whole := model.Entry(t, bothCategories); c.answer.Selectors&whole != 0 {
						c.answer.Selectors = c.answer.Selectors&^whole | model.Entry(t, model.Management) | model.Entry(t, model.Data)
					}
				}
			})},
		{Name: "lists-unknown-type", Rule: model.AnswerOneEntry,
			Describe: "Get lists a type besides that is in no enum.",
			start: replying(func(r model.Request, p *response) {
				if r.Op == model.OpGet && p.status == http.StatusOK {
					list := append([]value.Value{}, p.body.Get("InsightSelectors").Items()...)
					list = append(list, value.Obj("InsightType", "ApiLatencyInsight", "EventCategories", value.Strs("Management")))
					p.body = p.body.With("InsightSelectors", value.ListOf(list...))
				}
			})},
	}
}

// What tells calls on stores apart; guarded are the updates that the reference refuses.
func disablesWithout(c *call) bool { return c.disables() && c.destination() < 0 }
func disablesWith(c *call) bool    { return c.disables() && c.destination() >= 0 }
func guarded(c *call) bool         { return c.answer.Code == codeSelectors }

func repoints(c *call) bool { return c.enables() && c.state.Stores[c.i].Destination != "" }

func keepDestination(c *call) {
	c.changeStore(c.i, func(x *model.Store) { x.Destination = c.state.Stores[c.i].Destination })
}

// unguarded carries out an update that the reference refuses.
func (c *call) unguarded() {
	c.next, _ = model.Unguarded(c.state, c.request)
	c.answer = model.Answer{Outcome: model.AnySuccess}
}

// onStore reports whether it is an operation on stores, of which some is named so that its name begins in some way.
func (c *call) onStore(op model.Op, begins string) bool {
	in := c.request.Input
	source, destination := in.Get("EventDataStore"), in.Get("InsightsDestination")
	return c.is(op) && readsMembers(c.request) && c.noTrail() && source.Given() &&
		(strings.HasPrefix(source.Text(), begins) || op == model.OpPut && strings.HasPrefix(destination.Text(), begins))
}

// fed reports whether another store sends its insights to the i-th.
func fed(s model.State, i int) bool {
	return slices.ContainsFunc(s.Stores, func(x model.Store) bool { return x.Destination == s.Stores[i].ID && x.Insights.On() })
}

func storeFaults() []Fault {
	return []Fault{
		{Name: "store-enable-refused", Rule: model.StoreEnables,
			Describe: "Enabling Insights on a store is refused with InvalidParameterException.",
			start:    onStorePut(refuses(codeParameter, (*call).enables))},
		{Name: "stores-always-refused", Rule: model.StoreEnables, AlsoRules: []model.ID{model.GetNotEnabled},
			Describe: "Every Put and Get on an event data store answers " + codeUnlisted + ".",
			start: on((*call).store, func(c *call) bool { return (c.is(model.OpPut) || c.is(model.OpGet)) && c.noTrail() },
				func(c *call) { c.refuse(codeUnlisted) })},
		{Name: "stores-put-refused", Rule: model.StoreEnables,
			Describe: "Every Put on an event data store answers " + codeTrailNotFound + ".",
			start:    forgetful(refuses(codeTrailNotFound, func(c *call) bool { return c.onStore(model.OpPut, "") }))},
		{Name: "stores-get-refused", Rule: model.StoreEnables,
			Describe: "Every Get of an event data store answers " + codeStoreNotFound + ".",
			start:    forgetful(refuses(codeStoreNotFound, func(c *call) bool { return c.onStore(model.OpGet, "") }))},
		{Name: "store-arns-unknown", Rule: model.StoreARNOrSuffix,
			Describe: "Put and Get answer " + codeTrailNotFound + " to whatever ARN of an event data store.",
			start: forgetful(refuses(codeTrailNotFound, func(c *call) bool {
				return c.onStore(model.OpPut, "arn:") || c.onStore(model.OpGet, "arn:")
			}))},
		{Name: "store-enable-not-stored", Rule: model.StoreEnables, AlsoRules: []model.ID{model.GetReflectsPut},
			Describe: "Enabling Insights on a store is answered well and not stored.",
			start:    onStorePut(ignores((*call).enables))},
		{Name: "destination-missing", Rule: model.AnswerOneOwner, AlsoRules: []model.ID{model.StoreEnables},
			Needs:    []model.Capability{model.CanStores},
			Describe: "Put and Get on a store answer no InsightsDestination.",
			start:    onAnswer(func(c *call) { c.answer.Destination = "" })},
		{Name: "store-suffix-unknown", Rule: model.StoreARNOrSuffix,
			Describe: "A store's ID suffix is not found, its ARN is.",
			start: on((*call).store, func(c *call) bool {
				return (c.is(model.OpPut) || c.is(model.OpGet)) && c.noTrail() && len(c.broken()) == 0 &&
					!strings.HasPrefix(c.request.Input.Get("EventDataStore").Text(), "arn:")
			}, func(c *call) { c.refuse(codeStoreNotFound) })},
		{Name: "store-answers-suffix", Rule: model.StoreARNOrSuffix,
			Describe: "Put and Get answer a store's ID suffix instead of its ARN.",
			start:    onAnswer(func(c *call) { c.answer.StoreARN = c.answer.StoreARN[strings.LastIndexByte(c.answer.StoreARN, '/')+1:] })},
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
		{Name: "repoint-keeps-destination", Rule: model.GetReflectsPut, Needs: []model.Capability{model.CanStores},
			Describe: "A Put with another destination answers the new one and keeps the old.",
			start:    onStorePut(where(repoints, keepDestination))},
		{Name: "repoint-answers-old-destination", Rule: model.StoreRepoint,
			Describe: "A Put with another destination keeps the old one, and its answer says so.",
			start: onStorePut(where(repoints, func(c *call) {
				keepDestination(c)
				c.answer.Destination = c.storeARN(c.state.Stores[c.i].Destination)
			}))},
		{Name: "store-management-refused", Rule: model.StoreDefaultCategory,
			Describe: "EventCategories on an event data store are refused, even Management.",
			start: onStorePut(refuses(codeSelectors, func(c *call) bool {
				return slices.ContainsFunc(c.list(), func(v value.Value) bool { return v.Get("EventCategories").Given() })
			}))},
		{Name: "stop-ingestion-turns-off", Rule: model.StoreStopIngestion,
			Describe: "StopEventDataStoreIngestion turns Insights off for good.",
			start:    on((*call).store, done(model.OpStopIngestion), func(c *call) { c.putOnStore(c.i, 0) })},
		{Name: "start-ingestion-drops-one-type", Rule: model.StoreStopIngestion,
			Describe: "StartEventDataStoreIngestion keeps the first of two types.",
			start: on((*call).store, done(model.OpStartIngestion), func(c *call) {
				c.putOnStore(c.i, firstType(c.state.Stores[c.i].Insights))
			})},
		{Name: "not-ingesting-wrong-code", Rule: model.StoreNotIngesting,
			Describe: "Put with a source or destination that does not ingest answers " + codeUnlisted + ".",
			start: onStorePut(refuses(codeUnlisted, func(c *call) bool {
				dest := c.destination()
				return c.enables() && (!c.state.Stores[c.i].Ingesting || dest >= 0 && !c.state.Stores[dest].Ingesting)
			}))},
		{Name: "update-guard-missing", Rule: model.StoreUpdateGuard,
			Describe: "UpdateEventDataStore takes away what enabled insights need.",
			start:    onStoreUpdate(where(guarded, (*call).unguarded))},
		{Name: "update-guard-wrong-code", Rule: model.StoreUpdateGuard,
			Describe: "UpdateEventDataStore that breaks a prerequisite answers " + codeUnlisted + ".",
			start:    onStoreUpdate(refuses(codeUnlisted, guarded))},
		{Name: "update-guard-when-off", Rule: model.StoreUpdateGuard,
			Describe: "UpdateEventDataStore to no management events is refused even with Insights off.",
			start: onStoreUpdate(refuses(codeSelectors, func(c *call) bool {
				return c.succeeded() && !c.state.Stores[c.i].Insights.On() && !fed(c.state, c.i) &&
					c.next.Stores[c.i].Logs&model.ManagementEvents == 0
			}))},
		{Name: "update-guard-applies", Rule: model.StoreUpdateGuard, AlsoRules: []model.ID{model.ErrorAtomic, model.LogsVisible},
			Describe: "UpdateEventDataStore that breaks a prerequisite is refused, and carried out.",
			start: onStoreUpdate(where(guarded, func(c *call) {
				refusal := c.answer
				c.unguarded()
				c.answer = refusal
			}))},
		{Name: "store-shows-data", Rule: model.StoreNoData,
			Describe: "Get on a store shows Data beside Management.",
			start: on((*call).store, func(c *call) bool { return c.noTrail() && c.reads() && c.succeeded() }, func(c *call) {
				c.answer.Selectors = eachOn(c.answer.Selectors, bothCategories)
			})},
		{Name: "store-selectors-frozen", Rule: model.LogsVisible, Needs: []model.Capability{model.CanStores, model.CanUpdateStores},
			Describe: "GetEventDataStore shows the event selectors that the store was made with.",
			start: onStoreUpdate(where((*call).succeeded, func(c *call) {
				c.changeStore(c.i, func(x *model.Store) { x.Events = c.state.Stores[c.i].Events })
			}))},
	}
}

// keepUnnamed adds to what is stored the types of before that the Put does not name.
func keepUnnamed(c *call) (model.Selectors, bool) {
	return eachType(c.after(), func(t model.Type, of model.Categories) model.Categories {
		if of == 0 {
			return c.before().Of(t)
		}
		return of
	}), true
}

func sameAgain(c *call) bool { return c.before().Effective() == c.after() }

// having tells the Puts of which an entry is of some kind.
func having(is func(entry) bool) when {
	return func(c *call) bool { return slices.ContainsFunc(c.entries(), is) }
}

func twice(c *call) bool { _, same := c.repeatedType(); return same }

// entrywise gives the type of each entry other categories, which may depend on what it had before.
func entrywise(is func(entry) bool, categories func(e entry, before, after model.Categories) model.Categories) set {
	return func(c *call) (model.Selectors, bool) {
		changed := c.after()
		for _, e := range c.entries() {
			if is(e) {
				changed = with(changed, e.kind, categories(e, c.before().Of(e.kind), changed.Of(e.kind)))
			}
		}
		return changed, true
	}
}

func withoutCategories(e entry) bool { return e.absent }

func always(c model.Categories) func(entry, model.Categories, model.Categories) model.Categories {
	return func(entry, model.Categories, model.Categories) model.Categories { return c }
}

func putFaults() []Fault {
	return []Fault{
		{Name: "put-answers-one-type", Rule: model.PutStores,
			Describe: "Put answers the first of two types only, but stores both.",
			start:    onEnabling(func(c *call) { c.answer.Selectors = firstType(c.after()) })},
		{Name: "put-answers-the-name", Rule: model.PutStores,
			Describe: "Put answers the trail's name as its TrailARN.",
			start:    onPut(func(c *call) { c.answer.TrailARN = c.oldTrail().Name })},
		{Name: "two-categories-refused", Rule: model.PutStores,
			Describe: "A type with both categories is refused.",
			start: onEnabling(refuses(codeSelectors, func(c *call) bool {
				return c.after().Of(model.CallRate) == bothCategories || c.after().Of(model.ErrorRate) == bothCategories
			}))},

		{Name: "appends-selectors", Rule: model.PutReplacesList,
			Describe: "Types that a second Put does not name stay on.",
			start:    onEnabling(stores(keepUnnamed))},
		{Name: "answers-appended-selectors", Rule: model.PutReplacesList, AlsoRules: []model.ID{model.PutStores},
			Describe: "Types that a second Put does not name stay on, and its answer says so.",
			start:    onEnabling(answers(keepUnnamed))},
		{Name: "unions-categories", Rule: model.PutOverwritesCategories,
			Describe: "Categories that are given for a type are added to its earlier ones.",
			start: onEnabling(stores(entrywise(func(e entry) bool { return len(e.categories) > 0 },
				func(_ entry, before, after model.Categories) model.Categories { return before | after })))},

		{Name: "absent-categories-mean-both", Rule: model.PutDefaultManagement,
			Describe: "Without EventCategories a type is on for Management and Data.",
			start:    onEnabling(answers(entrywise(withoutCategories, always(bothCategories))))},
		{Name: "absent-categories-mean-none", Rule: model.PutDefaultManagement,
			Describe: "Without EventCategories a type is not enabled.",
			start:    onEnabling(answers(entrywise(withoutCategories, always(0))))},
		{Name: "absent-categories-keep-earlier", Rule: model.PutDefaultManagement,
			Describe: "Without EventCategories a type keeps the ones that it had, even Data alone.",
			start: onEnabling(answers(entrywise(withoutCategories, func(_ entry, before, _ model.Categories) model.Categories {
				return cmp.Or(before, model.Management)
			})))},

		{Name: "empty-list-ignored", Rule: model.PutEmptyDisables,
			Describe: "An empty list is answered well and changes nothing.",
			start:    onPut(ignores((*call).disables))},
		{Name: "empty-list-refused", Rule: model.PutEmptyDisables,
			Describe: "An empty list on a trail with Insights on is refused.",
			start: onPut(refuses(codeSelectors, func(c *call) bool {
				return c.disables() && c.before().On() && c.oldTrail().Logs&model.ManagementEvents == model.ManagementEvents
			}))},
		{Name: "empty-list-refused-when-off", Rule: model.PutEmptyWhenOff,
			Describe: "An empty list on a trail with Insights off answers InsightNotEnabledException.",
			start:    onPut(refuses(codeNotEnabled, func(c *call) bool { return c.disables() && !c.before().On() }))},

		{Name: "same-put-toggles", Rule: model.PutIdempotent,
			Describe: "A Put of what is stored already turns Insights off.",
			start:    onEnabling(where(sameAgain, func(c *call) { c.put(0) }))},
		{Name: "same-put-refused", Rule: model.PutIdempotent, AlsoRules: []model.ID{model.PutStores},
			Describe: "A Put of what is stored already answers " + codeUnlisted + ".",
			start:    onEnabling(refuses(codeUnlisted, sameAgain))},
		{Name: "both-types-stay-busy", Rule: model.PutStores, AlsoRules: []model.ID{model.PutIdempotent, model.LogsReadOnlyError},
			Describe: "A Put of both types answers " + wire.Busy + ", however often it is repeated.",
			start:    onEnabling(refuses(wire.Busy, func(c *call) bool { return twoTypes(c.after()) }))},

		{Name: "data-first-hides-management", Rule: model.PutOrderFree,
			Describe: "Of a list of categories that begins with Data, only that is stored.",
			start: onEnabling(stores(entrywise(func(e entry) bool {
				return len(e.categories) > 1 && e.categories[0] == model.Data
			}, always(model.Data))))},
		{Name: "error-rate-first-hides-call-rate", Rule: model.PutOrderFree,
			Describe: "Of a list that begins with ApiErrorRateInsight, only that selector is stored.",
			start: onEnabling(stores(func(c *call) (model.Selectors, bool) {
				return with(c.after(), model.CallRate, 0), c.entries()[0].kind == model.ErrorRate
			}))},

		{Name: "empty-categories-mean-both", Rule: model.PutCategoriesEmpty,
			Describe: "An empty list of categories enables Management and Data.",
			start:    onEnabling(answers(entrywise(entry.empty, always(bothCategories))))},
		{Name: "empty-categories-wrong-code", Rule: model.PutCategoriesEmpty,
			Describe: "An empty list of categories is refused with " + codeUnlisted + ".",
			start:    onEnabling(refuses(codeUnlisted, having(entry.empty)))},
		{Name: "duplicate-type-dropped", Rule: model.PutDuplicateType,
			Describe: "A type that is named twice with the same categories is not enabled.",
			start: onEnabling(answers(func(c *call) (model.Selectors, bool) {
				t, same := c.repeatedType()
				return with(c.after(), t, 0), same
			}))},
		{Name: "duplicate-type-wrong-code", Rule: model.PutDuplicateType,
			Describe: "A type that is named twice with the same categories is refused with " + codeUnlisted + ".",
			start:    onEnabling(refuses(codeUnlisted, twice))},
		{Name: "duplicate-category-means-both", Rule: model.PutDuplicateCategory,
			Describe: "A category that is named twice stands for both.",
			start:    onEnabling(answers(entrywise(entry.duplicated, always(bothCategories))))},
		{Name: "duplicate-category-wrong-code", Rule: model.PutDuplicateCategory,
			Describe: "A category that is named twice is refused with " + codeUnlisted + ".",
			start:    onEnabling(refuses(codeUnlisted, having(entry.duplicated)))},
		{Name: "differing-duplicates-stored-otherwise", Rule: model.PutDuplicateDiffering,
			Describe: "Of a type that is named twice with different categories, Put answers the first entry and stores the last.",
			start: on((*call).trail, func(c *call) bool { return c.breaks(model.PutDuplicateDiffering) }, func(c *call) {
				var first, last model.Selectors
				for _, e := range c.entries() {
					last = with(last, e.kind, e.set())
					if first.Of(e.kind) == 0 {
						first = with(first, e.kind, e.set())
					}
				}
				c.answer, c.next = c.success(first), c.state
				c.put(last)
			})},
	}
}

package embedded

import (
	"cmp"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets/wire"
)

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

// having tells the Puts of which an entry is of some kind, and meaning what its type gets then.
func having(is func(entry) bool) when {
	return func(c *call) bool { _, found := c.first(is); return found }
}

func meaning(is func(entry) bool, categories model.Categories) set {
	return func(c *call) (model.Selectors, bool) {
		e, found := c.first(is)
		return with(c.after(), e.kind, categories), found
	}
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

// changing leaves all as it is where the set is no other.
func changing(instead set) set {
	return func(c *call) (model.Selectors, bool) {
		set, ok := instead(c)
		return set, ok && set != c.after()
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
			start:    onEnabling(answers(changing(entrywise(withoutCategories, always(bothCategories)))))},
		{Name: "absent-categories-mean-none", Rule: model.PutDefaultManagement,
			Describe: "Without EventCategories a type is not enabled.",
			start:    onEnabling(answers(changing(entrywise(withoutCategories, always(0)))))},
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
			start:    onEnabling(answers(meaning(entry.empty, bothCategories)))},
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
			start:    onEnabling(answers(meaning(entry.duplicated, bothCategories)))},
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

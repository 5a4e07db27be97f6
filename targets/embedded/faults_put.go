package embedded

import (
	"github.com/insightconform/conform/model"
)

// storing stores and answers a set.
func (x result) storing(i int, set model.Selectors) result {
	x.answer.Selectors, x.answer.Repeated = set, false
	return x.withInsights(i, set)
}

// keepUnnamed adds to a set the types of an earlier one that it does not have.
func keepUnnamed(_ *call, before, after model.Selectors) (model.Selectors, bool) {
	for _, t := range bothTypes {
		if after.Of(t) == 0 {
			after = with(after, t, before.Of(t))
		}
	}
	return after, true
}

const bothCategories = model.Management | model.Data

// sameAgain tells the Puts of what is stored already.
func sameAgain(c *call, i int, x result) bool { return c.stored(i).Effective() == x.stored(i) }

func disables(c *call, _ int, _ result) bool { return !c.enables() }

// having tells the Puts of which an entry is of some kind, and meaning what its type gets then.
func having(is func(entry) bool) when {
	return func(c *call, _ int, _ result) bool { _, found := c.first(is); return found }
}

func meaning(is func(entry) bool, categories model.Categories) another {
	return func(c *call, _, after model.Selectors) (model.Selectors, bool) {
		e, found := c.first(is)
		return with(after, e.kind, categories), found
	}
}

// absentMeaning gives the entries without EventCategories another meaning, which may depend on what
// the type had before.
func absentMeaning(meaning func(before model.Categories) model.Categories) func() func() hooks {
	return answersInstead(func(c *call, before, after model.Selectors) (model.Selectors, bool) {
		changed := after
		for _, e := range c.entries() {
			if e.absent {
				changed = with(changed, e.kind, meaning(before.Of(e.kind)))
			}
		}
		return changed, changed != after
	})
}

func putFaults() []Fault {
	return []Fault{
		{Name: "put-answers-one-type", Rule: model.PutStores,
			Describe: "Put answers the first of two types only, but stores both.",
			start: onEnabling(func(_ *call, i int, x result) result {
				x.answer.Selectors = firstType(x.stored(i))
				return x
			})},
		{Name: "put-answers-the-name", Rule: model.PutStores,
			Describe: "Put answers the trail's name as its TrailARN.",
			start: onPut(func(c *call, i int, x result) result {
				x.answer.TrailARN = c.state.Trails[i].Name
				return x
			})},
		{Name: "two-categories-refused", Rule: model.PutStores,
			Describe: "A type with both categories is refused.",
			start: onEnabling(refuses(codeSelectors, func(_ *call, i int, x result) bool {
				after := x.stored(i)
				return after.Of(model.CallRate) == bothCategories || after.Of(model.ErrorRate) == bothCategories
			}))},

		{Name: "appends-selectors", Rule: model.PutReplacesList,
			Describe: "Types that a second Put does not name stay on.",
			start:    storesInstead(keepUnnamed)},
		{Name: "answers-appended-selectors", Rule: model.PutReplacesList, AlsoRules: []model.ID{model.PutStores},
			Describe: "Types that a second Put does not name stay on, and its answer says so.",
			start:    answersInstead(keepUnnamed)},
		{Name: "unions-categories", Rule: model.PutOverwritesCategories,
			Describe: "Categories that are given for a type are added to its earlier ones.",
			start: storesInstead(func(c *call, before, after model.Selectors) (model.Selectors, bool) {
				for _, e := range c.entries() {
					if len(e.categories) > 0 {
						after = with(after, e.kind, after.Of(e.kind)|before.Of(e.kind))
					}
				}
				return after, true
			})},

		{Name: "absent-categories-mean-both", Rule: model.PutDefaultManagement,
			Describe: "Without EventCategories a type is on for Management and Data.",
			start:    absentMeaning(func(model.Categories) model.Categories { return bothCategories })},
		{Name: "absent-categories-mean-none", Rule: model.PutDefaultManagement,
			Describe: "Without EventCategories a type is not enabled.",
			start:    absentMeaning(func(model.Categories) model.Categories { return 0 })},
		{Name: "absent-categories-keep-earlier", Rule: model.PutDefaultManagement,
			Describe: "Without EventCategories a type keeps the ones that it had, even Data alone.",
			start: absentMeaning(func(before model.Categories) model.Categories {
				if before == 0 {
					return model.Management
				}
				return before
			})},

		{Name: "empty-list-ignored", Rule: model.PutEmptyDisables,
			Describe: "An empty list is answered well and changes nothing.",
			start:    onPut(ignores(disables))},
		{Name: "empty-list-refused", Rule: model.PutEmptyDisables,
			Describe: "An empty list on a trail with Insights on is refused.",
			start: onPut(refuses(codeSelectors, func(c *call, i int, _ result) bool {
				t := &c.state.Trails[i]
				return !c.enables() && t.Insights.On() && t.Logs&model.ManagementEvents == model.ManagementEvents
			}))},
		{Name: "empty-list-refused-when-off", Rule: model.PutEmptyWhenOff,
			Describe: "An empty list on a trail with Insights off answers InsightNotEnabledException.",
			start:    onPut(refuses(codeNotEnabled, func(c *call, i int, _ result) bool { return !c.enables() && !c.stored(i).On() }))},

		{Name: "same-put-toggles", Rule: model.PutIdempotent,
			Describe: "A Put of what is stored already turns Insights off.",
			start: storesInstead(func(_ *call, before, after model.Selectors) (model.Selectors, bool) {
				return 0, before.Effective() == after
			})},
		{Name: "same-put-refused", Rule: model.PutIdempotent, AlsoRules: []model.ID{model.PutStores},
			Describe: "A Put of what is stored already answers ConflictException.",
			start:    onEnabling(refuses(codeConflict, sameAgain))},

		{Name: "data-first-hides-management", Rule: model.PutOrderFree,
			Describe: "Of a list of categories that begins with Data, only that is stored.",
			start: storesInstead(func(c *call, _, after model.Selectors) (model.Selectors, bool) {
				for _, e := range c.entries() {
					if len(e.categories) > 1 && e.categories[0] == model.Data {
						after = with(after, e.kind, model.Data)
					}
				}
				return after, true
			})},
		{Name: "error-rate-first-hides-call-rate", Rule: model.PutOrderFree,
			Describe: "Of a list that begins with ApiErrorRateInsight, only that selector is stored.",
			start: storesInstead(func(c *call, _, after model.Selectors) (model.Selectors, bool) {
				if c.entries()[0].kind == model.ErrorRate {
					after = with(after, model.CallRate, 0)
				}
				return after, true
			})},

		{Name: "empty-categories-mean-both", Rule: model.PutCategoriesEmpty,
			Describe: "An empty list of categories enables Management and Data.",
			start:    answersInstead(meaning(entry.empty, bothCategories))},
		{Name: "empty-categories-wrong-code", Rule: model.PutCategoriesEmpty,
			Describe: "An empty list of categories is refused with " + codeUnlisted + ".",
			start:    onEnabling(refuses(codeUnlisted, having(entry.empty)))},
		{Name: "duplicate-type-dropped", Rule: model.PutDuplicateType,
			Describe: "A type that is named twice with the same categories is not enabled.",
			start: answersInstead(func(c *call, _, after model.Selectors) (model.Selectors, bool) {
				t, same := c.repeatedType()
				return with(after, t, 0), same
			})},
		{Name: "duplicate-type-wrong-code", Rule: model.PutDuplicateType,
			Describe: "A type that is named twice with the same categories is refused with " + codeUnlisted + ".",
			start:    onEnabling(refuses(codeUnlisted, func(c *call, _ int, _ result) bool { _, same := c.repeatedType(); return same }))},
		{Name: "duplicate-category-means-both", Rule: model.PutDuplicateCategory,
			Describe: "A category that is named twice stands for both.",
			start:    answersInstead(meaning(entry.duplicated, bothCategories))},
		{Name: "duplicate-category-wrong-code", Rule: model.PutDuplicateCategory,
			Describe: "A category that is named twice is refused with " + codeUnlisted + ".",
			start:    onEnabling(refuses(codeUnlisted, having(entry.duplicated)))},
		{Name: "differing-duplicates-stored-otherwise", Rule: model.PutDuplicateDiffering,
			Describe: "Of a type that is named twice with different categories, Put answers the first entry and stores the last.",
			start: forgetful(func(c *call) result {
				i := c.trail()
				if i < 0 || !c.breaksOnly(model.PutDuplicateDiffering) {
					return c.pass()
				}
				var first, last model.Selectors
				for _, e := range c.entries() {
					last = with(last, e.kind, e.set())
					if first.Of(e.kind) == 0 {
						first = with(first, e.kind, e.set())
					}
				}
				return result{c.success(i, first), c.state}.withInsights(i, last)
			})},
	}
}

package embedded

import (
	"github.com/insightconform/conform/model"
)

// onPut is a fault of the well-formed Puts on a trail that the reference carries out. change gets the
// trail's index and the reference's result.
func onPut(change func(c *call, i int, x result) result) func() func() hooks {
	return forgetful(func(c *call) result {
		x := c.pass()
		if i, ok := c.putsOnTrail(); ok && x.succeeded() {
			return change(c, i, x)
		}
		return x
	})
}

// onEnabling is onPut for non-empty lists; before and after are what the trail has stored.
func onEnabling(change func(c *call, i int, x result, before, after model.Selectors) result) func() func() hooks {
	return onPut(func(c *call, i int, x result) result {
		if !c.enables() {
			return x
		}
		return change(c, i, x, c.state.Trails[i].Insights, x.next.Trails[i].Insights.Effective())
	})
}

// storing stores and answers a set.
func (x result) storing(i int, set model.Selectors) result {
	x.answer.Selectors, x.answer.Repeated = set, false
	return x.withInsights(i, set)
}

// keepUnnamed adds to a set the types of an earlier one that it does not have.
func keepUnnamed(before, after model.Selectors) model.Selectors {
	for _, t := range bothTypes {
		if after.Of(t) == 0 {
			after = with(after, t, before.Of(t))
		}
	}
	return after
}

func putFaults() []Fault {
	return []Fault{
		{Name: "put-answers-one-type", Rule: model.PutStores,
			Describe: "Put answers the first of two types only, but stores both.",
			start: onEnabling(func(_ *call, _ int, x result, _, after model.Selectors) result {
				x.answer.Selectors = firstType(after)
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
			start: onEnabling(func(c *call, _ int, x result, _, after model.Selectors) result {
				for _, t := range bothTypes {
					if after.Of(t) == model.Management|model.Data {
						return c.refuse(codeSelectors)
					}
				}
				return x
			})},

		{Name: "appends-selectors", Rule: model.PutReplacesList,
			Describe: "Types that a second Put does not name stay on.",
			start: onEnabling(func(_ *call, i int, x result, before, after model.Selectors) result {
				return x.withInsights(i, keepUnnamed(before, after))
			})},
		{Name: "answers-appended-selectors", Rule: model.PutReplacesList, AlsoRules: []model.ID{model.PutStores},
			Describe: "Types that a second Put does not name stay on, and its answer says so.",
			start: onEnabling(func(_ *call, i int, x result, before, after model.Selectors) result {
				return x.storing(i, keepUnnamed(before, after))
			})},
		{Name: "unions-categories", Rule: model.PutOverwritesCategories,
			Describe: "Categories that are given for a type are added to its earlier ones.",
			start: onEnabling(func(c *call, i int, x result, before, after model.Selectors) result {
				for _, e := range c.entries() {
					if len(e.categories) > 0 {
						after = with(after, e.kind, after.Of(e.kind)|before.Of(e.kind))
					}
				}
				return x.withInsights(i, after)
			})},

		{Name: "absent-categories-mean-both", Rule: model.PutDefaultManagement,
			Describe: "Without EventCategories a type is on for Management and Data.",
			start:    absentMeaning(func(model.Categories) model.Categories { return model.Management | model.Data })},
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
			start: onPut(func(c *call, i int, x result) result {
				if !c.enables() {
					x.next = c.state
				}
				return x
			})},
		{Name: "empty-list-refused", Rule: model.PutEmptyDisables,
			Describe: "An empty list on a trail with Insights on is refused.",
			start: onPut(func(c *call, i int, x result) result {
				if t := &c.state.Trails[i]; !c.enables() && t.Insights.On() && t.Logs&model.ManagementEvents == model.ManagementEvents {
					return c.refuse(codeSelectors)
				}
				return x
			})},
		{Name: "empty-list-refused-when-off", Rule: model.PutEmptyWhenOff,
			Describe: "An empty list on a trail with Insights off answers InsightNotEnabledException.",
			start: onPut(func(c *call, i int, x result) result {
				if !c.enables() && !c.state.Trails[i].Insights.On() {
					return c.refuse(codeNotEnabled)
				}
				return x
			})},

		{Name: "same-put-toggles", Rule: model.PutIdempotent,
			Describe: "A Put of what is stored already turns Insights off.",
			start: onEnabling(func(_ *call, i int, x result, before, after model.Selectors) result {
				if before.Effective() == after {
					return x.withInsights(i, 0)
				}
				return x
			})},
		{Name: "same-put-refused", Rule: model.PutIdempotent, AlsoRules: []model.ID{model.PutStores},
			Describe: "A Put of what is stored already answers ConflictException.",
			start: onEnabling(func(c *call, _ int, x result, before, after model.Selectors) result {
				if before.Effective() == after {
					return c.refuse(codeConflict)
				}
				return x
			})},

		{Name: "data-first-hides-management", Rule: model.PutOrderFree,
			Describe: "Of a list of categories that begins with Data, only that is stored.",
			start: onEnabling(func(c *call, i int, x result, _, after model.Selectors) result {
				for _, e := range c.entries() {
					if len(e.categories) > 1 && e.categories[0] == model.Data {
						after = with(after, e.kind, model.Data)
					}
				}
				return x.withInsights(i, after)
			})},
		{Name: "error-rate-first-hides-call-rate", Rule: model.PutOrderFree,
			Describe: "Of a list that begins with ApiErrorRateInsight, only that selector is stored.",
			start: onEnabling(func(c *call, i int, x result, _, after model.Selectors) result {
				if c.entries()[0].kind == model.ErrorRate {
					after = with(after, model.CallRate, 0)
				}
				return x.withInsights(i, after)
			})},

		{Name: "empty-categories-mean-both", Rule: model.PutCategoriesEmpty,
			Describe: "An empty list of categories enables Management and Data.",
			start: onEnabling(func(c *call, i int, x result, _, after model.Selectors) result {
				for _, e := range c.entries() {
					if !e.absent && len(e.categories) == 0 {
						return x.storing(i, with(after, e.kind, model.Management|model.Data))
					}
				}
				return x
			})},
		{Name: "empty-categories-wrong-code", Rule: model.PutCategoriesEmpty,
			Describe: "An empty list of categories is refused with " + codeUnlisted + ".",
			start: onEnabling(func(c *call, _ int, x result, _, _ model.Selectors) result {
				for _, e := range c.entries() {
					if !e.absent && len(e.categories) == 0 {
						return c.refuse(codeUnlisted)
					}
				}
				return x
			})},
		{Name: "duplicate-type-dropped", Rule: model.PutDuplicateType,
			Describe: "A type that is named twice with the same categories is not enabled.",
			start: onEnabling(func(c *call, i int, x result, _, after model.Selectors) result {
				if t, same, found := c.repeatedType(); found && same {
					return x.storing(i, with(after, t, 0))
				}
				return x
			})},
		{Name: "duplicate-type-wrong-code", Rule: model.PutDuplicateType,
			Describe: "A type that is named twice with the same categories is refused with " + codeUnlisted + ".",
			start: onEnabling(func(c *call, _ int, x result, _, _ model.Selectors) result {
				if _, same, found := c.repeatedType(); found && same {
					return c.refuse(codeUnlisted)
				}
				return x
			})},
		{Name: "duplicate-category-means-both", Rule: model.PutDuplicateCategory,
			Describe: "A category that is named twice stands for both.",
			start: onEnabling(func(c *call, i int, x result, _, after model.Selectors) result {
				for _, e := range c.entries() {
					if e.duplicated() {
						return x.storing(i, with(after, e.kind, model.Management|model.Data))
					}
				}
				return x
			})},
		{Name: "duplicate-category-wrong-code", Rule: model.PutDuplicateCategory,
			Describe: "A category that is named twice is refused with " + codeUnlisted + ".",
			start: onEnabling(func(c *call, _ int, x result, _, _ model.Selectors) result {
				for _, e := range c.entries() {
					if e.duplicated() {
						return c.refuse(codeUnlisted)
					}
				}
				return x
			})},
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
				t := c.state.Trails[i]
				x := result{model.Answer{Outcome: model.Succeeded, TrailARN: c.state.World.TrailARN(t.Home, t.Name), Selectors: first}, c.state}
				return x.withInsights(i, last)
			})},
	}
}

// absentMeaning gives the entries without EventCategories another meaning, which may depend on what
// the type had before.
func absentMeaning(meaning func(before model.Categories) model.Categories) func() func() hooks {
	return onEnabling(func(c *call, i int, x result, before, after model.Selectors) result {
		changed := after
		for _, e := range c.entries() {
			if e.absent {
				changed = with(changed, e.kind, meaning(before.Of(e.kind)))
			}
		}
		if changed == after {
			return x
		}
		return x.storing(i, changed)
	})
}

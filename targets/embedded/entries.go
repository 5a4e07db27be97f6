package embedded

import (
	"slices"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// entry is one well-typed selector of a Put as it was written.
type entry struct {
	kind       model.Type
	categories []model.Categories // in order, duplicates included
	absent     bool               // EventCategories is absent or null
}

func (e entry) set() model.Categories {
	if len(e.categories) == 0 {
		return model.Management
	}
	var c model.Categories
	for _, one := range e.categories {
		c |= one
	}
	return c
}

func (e entry) duplicated() bool { return len(e.categories) > len(e.set().Names()) }

// empty reports whether the entry has a list of categories without any.
func (e entry) empty() bool { return !e.absent && len(e.categories) == 0 }

// entries lists the selectors of a Put that name a type of the enum.
func (c *call) entries() []entry {
	var out []entry
	for _, item := range c.list() {
		kind := slices.Index(model.TypeNames[:], item.Get("InsightType").Text())
		if kind < 0 {
			continue
		}
		given := item.Get("EventCategories")
		e := entry{kind: model.Type(kind), absent: !given.Given()}
		for _, v := range given.Items() {
			if i := slices.Index(model.CategoryNames[:], v.Text()); i >= 0 {
				e.categories = append(e.categories, 1<<i)
			}
		}
		out = append(out, e)
	}
	return out
}

func (c *call) first(is func(entry) bool) (e entry, found bool) {
	entries := c.entries()
	if i := slices.IndexFunc(entries, is); i >= 0 {
		return entries[i], true
	}
	return e, false
}

// repeatedType finds the first type that two entries name, and whether their categories are the same.
func (c *call) repeatedType() (t model.Type, same bool) {
	entries := c.entries()
	for i, e := range entries {
		for _, earlier := range entries[:i] {
			if earlier.kind == e.kind {
				return e.kind, earlier.set() == e.set()
			}
		}
	}
	return 0, false
}

// unknownMember reports whether a Put or Get has a member that the operation does not know.
func (c *call) unknownMember() bool {
	known := []string{"TrailName", "EventDataStore"}
	if c.request.Op == model.OpPut {
		known = append(known, "InsightsDestination", "InsightSelectors")
	}
	return hasOther(c.request.Input, known) || slices.ContainsFunc(c.list(), func(item value.Value) bool {
		return hasOther(item, []string{"InsightType", "EventCategories"})
	})
}

func hasOther(v value.Value, known []string) bool {
	return slices.ContainsFunc(v.Members(), func(m value.Member) bool { return !slices.Contains(known, m.Name) })
}

const bothCategories = model.Management | model.Data

var bothTypes = [...]model.Type{model.CallRate, model.ErrorRate}

// with returns a set in which one type has other categories; none turns it off.
func with(set model.Selectors, t model.Type, c model.Categories) model.Selectors {
	if t == model.CallRate {
		return model.MakeSelectors(c, set.Of(model.ErrorRate))
	}
	return model.MakeSelectors(set.Of(model.CallRate), c)
}

func eachType(set model.Selectors, change func(t model.Type, of model.Categories) model.Categories) model.Selectors {
	for _, t := range bothTypes {
		if of := set.Of(t); change(t, of) != of {
			set = with(set, t, change(t, of))
		}
	}
	return set
}

// eachOn gives every type that is on the same categories.
func eachOn(set model.Selectors, to model.Categories) model.Selectors {
	for _, t := range bothTypes {
		if set.Of(t) != 0 {
			set = with(set, t, to)
		}
	}
	return set
}

func firstType(set model.Selectors) model.Selectors {
	if set.Of(model.CallRate) != 0 {
		return with(set, model.ErrorRate, 0)
	}
	return set
}

func twoTypes(set model.Selectors) bool {
	return set.Of(model.CallRate) != 0 && set.Of(model.ErrorRate) != 0
}

// lose returns the set without one of its categories; of one with a single category nothing is left.
func lose(set model.Selectors) model.Selectors {
	for _, t := range bothTypes {
		if set.Of(t) == bothCategories {
			return with(set, t, model.Management)
		}
	}
	if twoTypes(set) {
		return firstType(set)
	}
	return 0
}

// lacks reports whether a type misses what it needs to be logged.
func lacks(set model.Selectors, t model.Type, logs model.Logs) bool {
	return !model.Meets(with(set, 1-t, 0), logs)
}

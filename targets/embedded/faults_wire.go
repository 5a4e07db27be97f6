package embedded

import (
	"net/http"
	"slices"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// placing puts the code of errors somewhere else than in __type.
func placing(place func(code, message string) value.Value) start {
	return replying(func(_ model.Request, p *response) {
		if code := p.body.Get("__type").Text(); p.status == http.StatusBadRequest && code != "" {
			p.body = place(code, p.body.Get("Message").Text())
		}
	})
}

// placeFaults have the code of an error in the wrong place.
func placeFaults() []Fault {
	return []Fault{
		{Name: "error-code-in-capitals-member", Rule: model.WireErrorShape,
			Describe: "Errors have their code in Code.",
			start:    placing(func(code, message string) value.Value { return value.Obj("Code", code, "Message", message) })},
		{Name: "error-code-nested", Rule: model.WireErrorShape,
			Describe: "Errors have their code in Error.Code, as those of the query protocol.",
			start: placing(func(code, message string) value.Value {
				return value.Obj("Error", value.Obj("Code", code, "Message", message))
			})},
	}
}

// asList reads a Put with something else in place of a list.
func asList(change func(model.Request) (model.Request, bool)) start {
	return forgetful(func(c *call) {
		if r, ok := change(c.request); ok && c.is(model.OpPut) {
			c.answer, c.next = c.reference(c.state, r)
		}
	})
}

func inEach(r model.Request, change func(item value.Value) (value.Value, bool)) (model.Request, bool) {
	items, any := slices.Clone(r.Input.Get("InsightSelectors").Items()), false
	for i, item := range items {
		if changed, ok := change(item); ok {
			items[i], any = changed, true
		}
	}
	r.Input = r.Input.With("InsightSelectors", value.ListOf(items...))
	return r, any
}

// textFaults take text where a list is due.
func textFaults() []Fault {
	return []Fault{
		{Name: "empty-text-is-empty-list", Rule: model.WireWrongType,
			Describe: "InsightSelectors may be empty text, which turns Insights off.",
			start: asList(func(r model.Request) (model.Request, bool) {
				text := r.Input.Get("InsightSelectors")
				r.Input = r.Input.With("InsightSelectors", value.ListOf())
				return r, text.Kind() == value.String && text.Text() == ""
			})},
		{Name: "category-stands-for-list", Rule: model.WireWrongType,
			Describe: "EventCategories may be the name of one category.",
			start: asList(func(r model.Request) (model.Request, bool) {
				return inEach(r, func(item value.Value) (value.Value, bool) {
					text := item.Get("EventCategories")
					return item.With("EventCategories", value.Strs(text.Text())), text.Kind() == value.String
				})
			})},
	}
}

// orderFaults are about lists in another order.
func orderFaults() []Fault {
	return []Fault{
		{Name: "categories-by-position", Rule: model.PutOrderFree,
			Describe: "Of a list that begins with ApiErrorRateInsight the types get each other's categories.",
			start: onEnabling(answers(func(c *call) (model.Selectors, bool) {
				return swapped(c.after()), twoTypes(c.after()) && c.entries()[0].kind == model.ErrorRate
			}))},
		{Name: "first-selector-alone-is-checked", Rule: model.LogsCallRate, AlsoRules: []model.ID{model.LogsData},
			Describe: "Of a list of selectors the prerequisites of the first alone are checked.",
			start: onRefusedPut(func(c *call) {
				items := c.list()
				if !twoTypes(c.requested()) || !slices.ContainsFunc(c.broken(), func(id model.ID) bool { return id.Family() == "logs" }) {
					return
				}
				r := c.request
				r.Input = r.Input.With("InsightSelectors", value.ListOf(items[0]))
				if a, _ := c.reference(c.state, r); a.Outcome != model.Refused {
					c.careless()
				}
			})},
	}
}

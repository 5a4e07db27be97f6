package embedded

import (
	"net/http"

	"github.com/insightconform/conform/model"
)

// onGet is a fault of the Gets that name a trail in its home Region.
func onGet(change func(c *call, i int, x result) result) func() func() hooks {
	return forgetful(func(c *call) result {
		x := c.pass()
		if i := c.trail(); i >= 0 && c.reads() {
			return change(c, i, x)
		}
		return x
	})
}

// reads reports whether the request is a Get that breaks no rule.
func (c *call) reads() bool {
	return c.request.Op == model.OpGet && !c.request.Malformed() && len(c.broken()) == 0
}

// getAnswer is what Get answers for a trail with that set stored.
func (c *call) getAnswer(i int, set model.Selectors) result {
	if !set.On() {
		return c.refuse(codeNotEnabled)
	}
	return result{model.Answer{Outcome: model.Succeeded, TrailARN: c.state.World.TrailARN(c.state.Trails[i].Home, c.state.Trails[i].Name), Selectors: set}, c.state}
}

func truth(b bool) model.Truth {
	if b {
		return model.Yes
	}
	return model.No
}

// onFlag is a fault of GetTrail's HasInsightSelectors.
func onFlag(flag func(t model.Trail) bool) func() func() hooks {
	return forgetful(func(c *call) result {
		x := c.pass()
		if i := c.trail(); i >= 0 && c.request.Op == model.OpTrail && x.succeeded() {
			x.answer.HasInsights = truth(flag(c.state.Trails[i]))
		}
		return x
	})
}

// onAnswer changes the successful answers of Put and Get.
func onAnswer(change func(c *call, a *model.Answer)) func() func() hooks {
	return forgetful(func(c *call) result {
		x := c.pass()
		if (c.request.Op == model.OpPut || c.request.Op == model.OpGet) && x.succeeded() {
			change(c, &x.answer)
		}
		return x
	})
}

func getFaults() []Fault {
	return []Fault{
		{Name: "get-drops-data", Rule: model.GetReflectsPut,
			Describe: "Get leaves Data out where a type is on for both categories.",
			start: onGet(func(_ *call, _ int, x result) result {
				for _, t := range bothTypes {
					if x.succeeded() && x.answer.Selectors.Of(t) == model.Management|model.Data {
						x.answer.Selectors = with(x.answer.Selectors, t, model.Management)
					}
				}
				return x
			})},
		{Name: "get-answers-first-put", Rule: model.GetReflectsPut, AlsoRules: []model.ID{model.PutReplacesList, model.PutOverwritesCategories},
			Describe: "Get answers what the first Put since Insights was off has stored.",
			start: remembering(func() func(*call) result {
				first := map[trailKey]model.Selectors{}
				return func(c *call) result {
					x := c.pass()
					i := c.trail()
					if i < 0 || !x.succeeded() {
						return x
					}
					key := keyOf(c.state.Trails[i])
					switch {
					case c.request.Op == model.OpPut && c.state.Trails[i].Insights.On() && c.enables():
					case c.request.Op == model.OpGet:
						if first[key].On() {
							x.answer.Selectors = first[key]
						}
					case !c.request.Op.Reads():
						delete(first, key)
						if c.request.Op == model.OpPut {
							first[key] = x.next.Trails[i].Insights
						}
					}
					return x
				}
			})},
		{Name: "get-one-put-behind", Rule: model.GetReflectsPut, AlsoRules: []model.ID{model.PutReplacesList, model.PutOverwritesCategories, model.PutEmptyDisables},
			Describe: "Get answers what was stored before the last Put.",
			start: remembering(func() func(*call) result {
				before := map[trailKey]model.Selectors{}
				return func(c *call) result {
					x := c.pass()
					i := c.trail()
					if i < 0 || !x.succeeded() && !c.reads() {
						return x
					}
					key := keyOf(c.state.Trails[i])
					switch c.request.Op {
					case model.OpPut:
						before[key] = c.state.Trails[i].Insights
					case model.OpDelete:
						delete(before, key)
					case model.OpGet:
						if set, put := before[key]; put {
							return c.getAnswer(i, set)
						}
					}
					return x
				}
			})},

		{Name: "get-off-answers-empty-list", Rule: model.GetNotEnabled, AlsoRules: []model.ID{model.StateInitiallyOff},
			Describe: "Get on a trail with Insights off answers 200 with an empty list.",
			start: onGet(func(c *call, i int, x result) result {
				if x.answer.Code == codeNotEnabled {
					return result{model.Answer{Outcome: model.Succeeded, TrailARN: c.state.World.TrailARN(c.state.Trails[i].Home, c.state.Trails[i].Name)}, x.next}
				}
				return x
			})},
		{Name: "get-off-answers-not-found", Rule: model.GetNotEnabled, AlsoRules: []model.ID{model.StateInitiallyOff},
			Describe: "Get on a trail with Insights off answers TrailNotFoundException.",
			start: onGet(func(c *call, _ int, x result) result {
				if x.answer.Code == codeNotEnabled {
					return c.refuse(codeTrailNotFound)
				}
				return x
			})},

		{Name: "flag-never-set", Rule: model.TrailHasInsights,
			Describe: "HasInsightSelectors is always false.",
			start:    onFlag(func(model.Trail) bool { return false })},
		{Name: "flag-always-set", Rule: model.TrailHasInsights,
			Describe: "HasInsightSelectors is always true.",
			start:    onFlag(func(model.Trail) bool { return true })},
		{Name: "flag-stays-after-empty-list", Rule: model.TrailHasInsights,
			Describe: "HasInsightSelectors stays true once Insights was on.",
			start: remembering(func() func(*call) result {
				on := map[trailKey]bool{}
				return func(c *call) result {
					x := c.pass()
					i := c.trail()
					if i < 0 || !x.succeeded() {
						return x
					}
					key := keyOf(c.state.Trails[i])
					switch c.request.Op {
					case model.OpPut:
						on[key] = on[key] || x.next.Trails[i].Insights.On()
					case model.OpDelete:
						delete(on, key)
					case model.OpTrail:
						if on[key] {
							x.answer.HasInsights = model.Yes
						}
					}
					return x
				}
			})},

		{Name: "get-by-arn-refused", Rule: model.TrailNameOrARN,
			Describe: "Get by ARN answers TrailNotFoundException.",
			start: onGet(func(c *call, _ int, x result) result {
				if c.byARN() {
					return c.refuse(codeTrailNotFound)
				}
				return x
			})},
		{Name: "put-by-arn-refused", Rule: model.TrailNameOrARN,
			Describe: "Put by ARN answers TrailNotFoundException.",
			start: onPut(func(c *call, _ int, x result) result {
				if c.byARN() {
					return c.refuse(codeTrailNotFound)
				}
				return x
			})},

		{Name: "trail-arn-missing", Rule: model.AnswerOneOwner,
			Describe: "Put and Get on a trail answer no TrailARN.",
			start:    onAnswer(func(_ *call, a *model.Answer) { a.TrailARN = "" })},
		{Name: "store-arn-on-trail", Rule: model.AnswerOneOwner,
			Describe: "Put and Get on a trail answer an EventDataStoreArn too.",
			start: onAnswer(func(c *call, a *model.Answer) {
				if a.TrailARN != "" {
					a.StoreARN = c.storeARN("00000000-0000-4000-9000-000000000000")
				}
			})},
		{Name: "trail-arn-on-store", Rule: model.AnswerOneOwner, Needs: []model.Capability{model.CanStores},
			Describe: "Put and Get on a store answer a TrailARN too.",
			start: onAnswer(func(c *call, a *model.Answer) {
				if a.StoreARN != "" {
					a.TrailARN = c.state.World.TrailARN(c.state.World.Home, "no-trail")
				}
			})},
		{Name: "type-listed-twice", Rule: model.AnswerOneEntry,
			Describe: "Get lists the first type twice.",
			start: onGet(func(_ *call, _ int, x result) result {
				x.answer.Repeated = true
				return x
			})},
		{Name: "one-entry-per-category", Rule: model.AnswerOneEntry,
			Describe: "Get lists a type with both categories in two entries.",
			start: onGet(func(_ *call, _ int, x result) result {
				for _, t := range bothTypes {
					if whole := model.Entry(t, model.Management|model.Data); x.answer.Selectors&whole != 0 {
						x.answer.Selectors = x.answer.Selectors&^whole | model.Entry(t, model.Management) | model.Entry(t, model.Data)
					}
				}
				return x
			})},
		{Name: "lists-unknown-type", Rule: model.AnswerOneEntry,
			Describe: "Get lists a type besides that is in no enum.",
			start: replying(func(r model.Request, p *response) {
				if r.Op == model.OpGet && p.status == http.StatusOK {
					list := append([]model.Value{}, p.body.Get("InsightSelectors").Items()...)
					list = append(list, model.Obj("InsightType", "ApiLatencyInsight", "EventCategories", model.Strs("Management")))
					p.body = p.body.With("InsightSelectors", model.ListOf(list...))
				}
			})},
	}
}

package embedded

import (
	"net/http"

	"github.com/insightconform/conform/model"
)

// reads reports whether the request is a Get that breaks no rule.
func (c *call) reads() bool {
	return c.request.Op == model.OpGet && !c.request.Malformed() && len(c.broken()) == 0
}

// success is what Put and Get answer for a trail with a set.
func (c *call) success(i int, set model.Selectors) model.Answer {
	t := c.state.Trails[i]
	return model.Answer{Outcome: model.Succeeded, TrailARN: c.state.World.TrailARN(t.Home, t.Name), Selectors: set}
}

// getAnswer is what Get answers for a trail with that set stored.
func (c *call) getAnswer(i int, set model.Selectors) result {
	if !set.On() {
		return c.refuse(codeNotEnabled)
	}
	return result{c.success(i, set), c.state}
}

func truth(b bool) model.Truth {
	if b {
		return model.Yes
	}
	return model.No
}

// onFlag is a fault of GetTrail's HasInsightSelectors, which has always one value.
func onFlag(value model.Truth) func() func() hooks {
	return on(func(c *call, x result) (int, bool) {
		i := c.trail()
		return i, i >= 0 && c.request.Op == model.OpTrail && x.succeeded()
	}, func(_ *call, _ int, x result) result {
		x.answer.HasInsights = value
		return x
	})
}

// offByGet tells the Gets that find Insights off, and byARN the calls that name their trail by ARN.
func offByGet(_ *call, _ int, x result) bool { return x.answer.Code == codeNotEnabled }

func byARN(c *call, _ int, _ result) bool { return c.byARN() }

func getFaults() []Fault {
	return []Fault{
		{Name: "get-drops-data", Rule: model.GetReflectsPut,
			Describe: "Get leaves Data out where a type is on for both categories.",
			start: onGet(func(_ *call, _ int, x result) result {
				for _, t := range bothTypes {
					if x.succeeded() && x.answer.Selectors.Of(t) == bothCategories {
						x.answer.Selectors = with(x.answer.Selectors, t, model.Management)
					}
				}
				return x
			})},
		{Name: "get-answers-first-put", Rule: model.GetReflectsPut, AlsoRules: []model.ID{model.PutReplacesList, model.PutOverwritesCategories},
			Describe: "Get answers what the first Put since Insights was off has stored.",
			start: byTrail(func(c *call, i int, t model.Trail, first *model.Selectors, x result) result {
				switch {
				case c.request.Op == model.OpPut && t.Insights.On() && c.enables():
				case c.request.Op == model.OpGet && x.succeeded() && first.On():
					x.answer.Selectors = *first
				case c.request.Op == model.OpPut:
					*first = x.next.Trails[i].Insights
				case !c.request.Op.Reads():
					*first = 0
				}
				return x
			})},
		{Name: "get-one-put-behind", Rule: model.GetReflectsPut, AlsoRules: []model.ID{model.PutReplacesList,
			model.PutOverwritesCategories, model.PutEmptyDisables},
			Describe: "Get answers what was stored before the last Put.",
			start: byTrail(func(c *call, i int, t model.Trail, m *struct {
				put    bool
				before model.Selectors
			}, x result) result {
				switch {
				case c.request.Op == model.OpPut:
					m.put, m.before = true, t.Insights
				case c.request.Op == model.OpGet && m.put:
					return c.getAnswer(i, m.before)
				}
				return x
			})},

		{Name: "get-off-answers-empty-list", Rule: model.GetNotEnabled, AlsoRules: []model.ID{model.StateInitiallyOff},
			Describe: "Get on a trail with Insights off answers 200 with an empty list.",
			start: onGet(func(c *call, i int, x result) result {
				if offByGet(c, i, x) {
					x.answer = c.success(i, 0)
				}
				return x
			})},
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
			start: byTrail(func(c *call, i int, _ model.Trail, on *bool, x result) result {
				switch {
				case c.request.Op == model.OpPut:
					*on = *on || x.next.Trails[i].Insights.On()
				case c.request.Op == model.OpTrail && *on:
					x.answer.HasInsights = model.Yes
				}
				return x
			})},

		{Name: "get-by-arn-refused", Rule: model.TrailNameOrARN,
			Describe: "Get by ARN answers TrailNotFoundException.",
			start:    onGet(refuses(codeTrailNotFound, byARN))},
		{Name: "put-by-arn-refused", Rule: model.TrailNameOrARN,
			Describe: "Put by ARN answers TrailNotFoundException.",
			start:    onPut(refuses(codeTrailNotFound, byARN))},

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
					if whole := model.Entry(t, bothCategories); x.answer.Selectors&whole != 0 {
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

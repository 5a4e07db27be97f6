package embedded

import (
	"net/http"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
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

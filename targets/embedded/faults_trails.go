package embedded

import (
	"slices"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// updateFaults are about what UpdateTrail does to categories.
func updateFaults() []Fault {
	return []Fault{
		{Name: "update-resets-categories", Rule: model.TrailUpdateKeeps,
			Describe: "UpdateTrail resets the enabled types to Management.",
			start:    onTrail(model.OpUpdate, func(c *call) { c.put(eachOn(c.before(), model.Management)) })},
		{Name: "update-of-multi-region-trail-drops-data", Rule: model.TrailUpdateKeeps,
			Describe: "UpdateTrail of a multi-Region trail turns Data off.",
			start: onTrail(model.OpUpdate, where(func(c *call) bool { return c.oldTrail().MultiRegion }, func(c *call) {
				c.put(eachType(c.before(), func(_ model.Type, of model.Categories) model.Categories { return of & model.Management }))
			}))},
		{Name: "update-to-multi-region-swaps-types", Rule: model.TrailUpdateKeeps,
			Describe: "UpdateTrail of IsMultiRegionTrail exchanges the categories of the types.",
			start: onTrail(model.OpUpdate, where(func(c *call) bool { return c.request.Input.Get("IsMultiRegionTrail").Given() },
				func(c *call) { c.put(swapped(c.before())) }))},
	}
}

func swapped(set model.Selectors) model.Selectors {
	return model.MakeSelectors(set.Of(model.ErrorRate), set.Of(model.CallRate))
}

// under tells the calls on a trail whose bucket or key is lost in one of some ways.
func under(conditions model.Condition) when {
	return func(c *call) bool { return c.oldTrail().Conditions&conditions != 0 }
}

func disablesUnder(conditions model.Condition) when {
	return func(c *call) bool { return c.disables() && under(conditions)(c) }
}

// conditionFaults are about buckets and keys that are lost, and mended.
func conditionFaults() []Fault {
	const key = model.KeyDenied | model.KeyUnusable
	bucketLost, keyLost := []model.Capability{model.CanLoseBucket}, []model.Capability{model.CanLoseKey}
	return []Fault{
		{Name: "empty-list-needs-bucket", Rule: model.PutEmptyDisables, Needs: bucketLost,
			Describe: "An empty list is refused while the trail's bucket is gone.",
			start:    onPut(refuses(codeBucketGone, disablesUnder(model.BucketMissing)))},
		{Name: "empty-list-ignored-without-key", Rule: model.PutEmptyDisables, Needs: keyLost,
			Describe: "An empty list changes nothing while the trail's key cannot be used.",
			start:    onPut(ignores(disablesUnder(key)))},
		{Name: "refusal-for-bucket-turns-off", Rule: model.ErrorAtomic, Needs: bucketLost,
			Describe: "A Put that is refused for the bucket policy turns Insights off.",
			start:    onRefusedPut(where(func(c *call) bool { return c.breaks(model.BucketPolicy) }, func(c *call) { c.put(0) }))},
		{Name: "bucket-never-mended", Rule: model.PutStores, Needs: bucketLost,
			Describe: "After a Put was refused for the trail's bucket, all are, although the bucket is there again.",
			start: remembering(func(c *call, refused map[trailKey]bool) {
				switch c.i = c.trail(); {
				case c.i < 0:
				case c.is(model.OpDelete):
					delete(refused, keyOf(*c.oldTrail()))
				case c.breaks(model.BucketMissingRule), c.breaks(model.BucketPolicy):
					refused[keyOf(*c.oldTrail())] = true
				case c.puts() && c.enables() && refused[keyOf(*c.oldTrail())]:
					c.refuse(codeBucketGone)
				}
			})},
		{Name: "mended-key-turns-off", Rule: model.GetReflectsPut, Needs: keyLost,
			Describe: "Insights is off once the trail's key was lost and can be used again.",
			start: onTrail(model.OpArrange, where(under(key), func(c *call) {
				if c.next.Trails[c.i].Conditions&key == 0 {
					c.put(0)
				}
			}))},
	}
}

// eventFormFaults are about event selectors of the other form, basic or advanced, that are remembered.
func eventFormFaults() []Fault {
	needs := []model.Capability{model.CanPutEvents, model.CanAdvancedEvents}
	return []Fault{
		{Name: "other-form-still-logs", Rule: model.LogsData, Needs: needs,
			AlsoRules: []model.ID{model.LogsCallRate, model.LogsErrorRate},
			Describe:  "Event selectors of the other form still count for Put, although they are no longer shown.",
			start: remembering(bothForms(func(c *call, both value.Value) {
				if c.is(model.OpPut) {
					t, now := *c.oldTrail(), *c.oldTrail()
					t.Store(both)
					c.answer, c.next = c.reference(c.state.WithTrail(c.i, t), c.request)
					t = c.next.Trails[c.i]
					t.Events, t.Logs, t.Open = now.Events, now.Logs, now.Open
					c.next = c.next.WithTrail(c.i, t)
				}
			}))},
		{Name: "other-form-still-shown", Rule: model.LogsVisible, Needs: needs,
			Describe: "GetEventSelectors shows the last event selectors of both forms.",
			start: remembering(bothForms(func(c *call, both value.Value) {
				if c.is(model.OpPutEvents) {
					t := c.next.Trails[c.i]
					t.Events = both.String()
					c.next = c.next.WithTrail(c.i, t)
				}
			}))},
	}
}

// bothForms remembers the last event selectors of each form, and hands them over with each call on the trail.
func bothForms(then func(c *call, both value.Value)) func(*call, map[trailKey]value.Value) {
	return func(c *call, put map[trailKey]value.Value) {
		if c.i = c.trail(); c.i < 0 {
			return
		}
		key := keyOf(*c.oldTrail())
		if c.is(model.OpDelete) {
			delete(put, key)
		} else if done(model.OpPutEvents)(c) {
			both := put[key]
			if both.Kind() == value.Absent {
				both = value.Obj()
			}
			for _, form := range []string{"EventSelectors", "AdvancedEventSelectors"} {
				if list := c.request.Input.Get(form); len(list.Items()) > 0 {
					both = both.With(form, list)
				}
			}
			put[key] = both
		}
		if put[key].Kind() != value.Absent {
			then(c, put[key])
		}
	}
}

// quotaFaults are about quotas that are reached.
func quotaFaults() []Fault {
	const room = 2
	stores := []model.Capability{model.CanStores}
	return []Fault{
		{Name: "quota-of-sources", Rule: model.StoreEnables, Needs: stores,
			Describe: "Enabling Insights on a second event data store answers " + codeStoreQuota + ".",
			start: onStorePut(refuses(codeStoreQuota, func(c *call) bool {
				isOther := func(x model.Store) bool { return x.ID != c.state.Stores[c.i].ID && x.Insights.On() }
				return c.enables() && slices.ContainsFunc(c.state.Stores, isOther)
			}))},
		{Name: "store-over-quota-turns-off", Rule: model.ErrorAtomic, Needs: stores,
			Describe: "An account has two event data stores at most; the refusal of a third turns Insights off on the others.",
			start: forgetful(where(func(c *call) bool { return c.is(model.OpCreateStore) && len(c.state.Stores) >= room }, func(c *call) {
				c.refuse(codeStoreQuota)
				for i := range c.state.Stores {
					c.putOnStore(i, 0)
				}
			}))},
		{Name: "trail-over-quota-replaces-first", Rule: model.GetReflectsPut, AlsoRules: []model.ID{model.PutStores, model.GetNotEnabled},
			Describe: "An account has two trails at most in a Region; a third takes the place of the first.",
			start: forgetful(where((*call).creates, func(c *call) {
				if others := (&call{state: c.next, i: c.i}).siblings(); len(others) >= room {
					c.next.Trails = slices.Delete(slices.Clone(c.next.Trails), others[0], others[0]+1)
				}
			}))},
	}
}

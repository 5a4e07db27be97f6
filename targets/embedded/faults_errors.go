package embedded

import (
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
)

// codeUnlisted is an error that no rule accepts anywhere.
const codeUnlisted = "ResourceNotFoundException"

// errorFaults derives two faults from each rule of the error order: it is ignored, and it answers a
// code that no rule accepts.
func errorFaults() []Fault {
	var faults []Fault
	for _, id := range model.ErrorRules() {
		rule := model.RuleOf(id)
		broken := func(c *call) bool { return c.breaksOnly(id) }
		var beside []model.ID
		if id == model.StoreSame {
			// No store logs both kinds, so that row 23 or 24 is always broken with this one.
			beside = []model.ID{model.StoreDestination, model.StoreSource}
			broken = func(c *call) bool { return c.breaksWith(id, beside) }
		}
		if !rule.MayPass { // else a success is accepted
			faults = append(faults, Fault{Name: string(id) + "/ignored", Rule: id, AlsoRules: beside,
				Describe: "A request that breaks " + string(id) + " alone is carried out.",
				start: forgetful(func(c *call) result {
					if broken(c) {
						return c.careless()
					}
					return c.pass()
				})})
		}
		faults = append(faults, Fault{Name: string(id) + "/wrong-code", Rule: id, AlsoRules: beside,
			Describe: "A request that breaks " + string(id) + " alone answers " + codeUnlisted + ".",
			start: forgetful(func(c *call) result {
				if broken(c) {
					return c.refuse(codeUnlisted)
				}
				return c.pass()
			})})
	}
	return faults
}

// breaksWith reports whether a request breaks a rule, and besides it at most some others.
func (c *call) breaksWith(id model.ID, others []model.ID) bool {
	broken := model.Broken(c.state, c.request)
	return slices.Contains(broken, id) &&
		!slices.ContainsFunc(broken, func(b model.ID) bool { return b != id && !slices.Contains(others, b) })
}

// careless carries out a Put or Get as far as it can be understood, and answers success.
func (c *call) careless() result {
	x := result{model.Answer{Outcome: model.Succeeded}, c.state}
	r := c.request
	if r.Input.Get("TrailName").Kind() != model.String {
		return c.carelessOnStore(x)
	}
	key := namedKey(c.state, r)
	x.answer.TrailARN = c.state.World.TrailARN(key.region, key.name)
	if name := givenTrail(r); strings.HasPrefix(name, "arn:") {
		x.answer.TrailARN = name
	}
	i := indexOf(c.state, key)
	if i < 0 {
		i = elsewhere(c.state, key)
	}
	if r.Op == model.OpPut {
		x.answer.Selectors = c.requested()
		if i >= 0 {
			x = x.withInsights(i, x.answer.Selectors)
		}
	} else if i >= 0 {
		x.answer.Selectors = c.state.Trails[i].Insights
	}
	return x
}

// elsewhere is the index of the trail of that name in the other Region.
func elsewhere(s model.State, key trailKey) int {
	for i := range s.Trails {
		if s.Trails[i].Name == key.name && s.Trails[i].Home != key.region {
			return i
		}
	}
	return -1
}

func (c *call) carelessOnStore(x result) result {
	i := findStore(c.state, c.request, "EventDataStore")
	if i < 0 {
		x.answer.StoreARN = c.storeARN(c.request.Input.Get("EventDataStore").Text())
		return x
	}
	store := c.state.Stores[i]
	x.answer.StoreARN = c.storeARN(store.ID)
	if c.request.Op == model.OpGet {
		x.answer.Selectors = store.Insights
		return x
	}
	x.answer.Selectors = c.requested()
	store.Insights = x.answer.Selectors
	if j := findStore(c.state, c.request, "InsightsDestination"); j >= 0 {
		store.Destination = c.state.Stores[j].ID
		x.answer.Destination = c.storeARN(store.Destination)
	}
	x.next = x.next.WithStore(i, store)
	return x
}

// storeARN is the ARN of a store in the Region of the call.
func (c *call) storeARN(id string) string {
	if strings.HasPrefix(id, "arn:") {
		return id
	}
	return c.state.World.StoreARN(regionOf(c.state, c.request), id)
}

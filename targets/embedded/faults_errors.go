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
		if !model.RuleOf(id).MayPass { // else a success is accepted
			faults = append(faults, ignored(id))
		}
		faults = append(faults, answering(id, "wrong-code", codeUnlisted, ""))
	}
	return faults
}

// computedFaults derives from the table of rules what may be accepted: that a rule is ignored although a
// success is, and that each of two neighbours in the error order answers the other's code.
func computedFaults() []Fault {
	var faults []Fault
	order := model.ErrorRules()
	for i, id := range order {
		if model.RuleOf(id).MayPass {
			faults = append(faults, ignored(id))
		}
		if i > 0 {
			faults = append(faults, answering(id, "code-of-previous", model.RuleOf(order[i-1]).Code, order[i-1]))
		}
		if i+1 < len(order) {
			faults = append(faults, answering(id, "code-of-next", model.RuleOf(order[i+1]).Code, order[i+1]))
		}
	}
	for i := range faults {
		faults[i].Computed = true
	}
	return faults
}

// ignored carries out what breaks a rule alone.
func ignored(id model.ID) Fault {
	broken, beside := breaking(id)
	return Fault{Name: string(id) + "/ignored", Rule: id, AlsoRules: beside,
		Describe: "A request that breaks " + string(id) + " alone is carried out.",
		start: forgetful(func(c *call) result {
			if broken(c) {
				return c.careless()
			}
			return c.pass()
		})}
}

// answering refuses what breaks a rule alone with a code of its own choice, which may be another rule's.
func answering(id model.ID, how, code string, of model.ID) Fault {
	broken, beside := breaking(id)
	if of != "" {
		of = ", as for " + of
	}
	return Fault{Name: string(id) + "/" + how, Rule: id, AlsoRules: beside,
		Describe: "A request that breaks " + string(id) + " alone answers " + code + string(of) + ".",
		start: forgetful(func(c *call) result {
			if broken(c) {
				return c.refuse(code)
			}
			return c.pass()
		})}
}

// breaking tells the requests that break a rule and nothing else, as far as that can be; beside are the
// rules that such a request may break, too.
func breaking(id model.ID) (broken func(*call) bool, beside []model.ID) {
	if id != model.StoreSame {
		return func(c *call) bool { return c.breaksOnly(id) }, nil
	}
	// No store logs both kinds, so that row 23 or 24 is always broken with this one.
	beside = []model.ID{model.StoreDestination, model.StoreSource}
	return func(c *call) bool { return c.breaksWith(id, beside) }, beside
}

// breaksWith reports whether a request breaks a rule, and besides it at most some others.
func (c *call) breaksWith(id model.ID, others []model.ID) bool {
	broken := c.broken()
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

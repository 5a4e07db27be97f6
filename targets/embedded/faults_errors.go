package embedded

import (
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// codeUnlisted is an error that no rule accepts anywhere.
const codeUnlisted = "ResourceNotFoundException"

// ruleFaults derives from each rule of the error order that it is ignored, and that it answers no rule's code. The
// computed ones may be accepted: that a rule is ignored although a success is accepted, and that each of two
// neighbours in the order answers the other's code.
func ruleFaults(computed bool) []Fault {
	var faults []Fault
	add := func(isComputed bool, f Fault) {
		if f.Computed = isComputed; isComputed == computed {
			faults = append(faults, f)
		}
	}
	order := model.ErrorRules()
	for i, id := range order {
		add(model.RuleOf(id).MayPass, breaking(id, "ignored", "is carried out", (*call).careless))
		add(false, answering(id, "wrong-code", codeUnlisted, ""))
		if i > 0 {
			add(true, answering(id, "code-of-previous", model.RuleOf(order[i-1]).Code, order[i-1]))
		}
		if i+1 < len(order) {
			add(true, answering(id, "code-of-next", model.RuleOf(order[i+1]).Code, order[i+1]))
		}
	}
	return faults
}

// answering refuses what breaks a rule alone with a code of its own choice, which may be another rule's.
func answering(id model.ID, how, code string, of model.ID) Fault {
	if of != "" {
		of = ", as for " + of
	}
	return breaking(id, how, "answers "+code+string(of), func(c *call) { c.refuse(code) })
}

// breaking is a fault of the requests that break a rule and nothing else, as far as that can be.
func breaking(id model.ID, how, what string, then change) Fault {
	var others []model.ID
	if id == model.StoreSame { // no store logs both kinds, so that row 23 or 24 is always broken with this one
		others = []model.ID{model.StoreDestination, model.StoreSource}
	}
	return Fault{Name: string(id) + "/" + how, Rule: id, AlsoRules: others,
		Describe: "A request that breaks " + string(id) + " alone " + what + ".",
		start:    forgetful(where(func(c *call) bool { return c.breaks(id, others...) }, then))}
}

// careless carries out a Put or Get as far as it can be understood, and answers success.
func (c *call) careless() {
	c.answer, c.next = model.Answer{Outcome: model.Succeeded}, c.state
	if c.request.Input.Get("TrailName").Kind() != value.String {
		c.carelessOnStore()
		return
	}
	key := namedKey(c.state, c.request)
	c.answer.TrailARN = c.state.World.TrailARN(key.region, key.name)
	if c.byARN() {
		c.answer.TrailARN = givenTrail(c.request)
	}
	i := indexOf(c.state, key)
	if i < 0 {
		i = elsewhere(c.state, key)
	}
	if c.request.Op == model.OpPut {
		c.answer.Selectors = c.requested()
		if i >= 0 {
			c.putOn(i, c.answer.Selectors)
		}
	} else if i >= 0 {
		c.answer.Selectors = c.state.Trails[i].Insights
	}
}

func (c *call) carelessOnStore() {
	i := c.store()
	if i < 0 {
		c.answer.StoreARN = c.storeARN(c.request.Input.Get("EventDataStore").Text())
		return
	}
	c.answer.StoreARN = c.storeARN(c.state.Stores[i].ID)
	if c.request.Op == model.OpGet {
		c.answer.Selectors = c.state.Stores[i].Insights
		return
	}
	c.answer.Selectors = c.requested()
	c.changeStore(i, func(x *model.Store) {
		x.Insights = c.answer.Selectors
		if j := c.destination(); j >= 0 {
			x.Destination = c.state.Stores[j].ID
			c.answer.Destination = c.storeARN(x.Destination)
		}
	})
}

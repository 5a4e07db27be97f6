package main

import (
	"encoding/json"
	"slices"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/generators/catalogue"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/wire"
)

// alphabet is what the tools choose from: the values that conform's own generators have for trails in
// one Region. Lists of values hold the members that they stand for, so that one may be absent. Account
// stands for the caller's account id in all of them.
type alphabet struct {
	Account   string        `json:"account"`
	Prefix    string        `json:"prefix"` // of X-Amz-Target
	ARN       string        `json:"arn"`    // of a trail, up to its name
	Names     []string      `json:"names"`
	Create    value.Value   `json:"create"`    // members of CreateTrail beside Name
	Selectors []value.Value `json:"selectors"` // all sets, the empty one first
	Variants  []value.Value `json:"variants"`
	BadLists  []value.Value `json:"bad_selectors"`
	BadNames  []value.Value `json:"bad_names"`
	Events    []value.Value `json:"events"`
	AllEvents value.Value   `json:"all_events"` // what meets every prerequisite
	Wholes    []whole       `json:"wholes"`
}

// whole is a request that is malformed, or odd, as a whole. It speaks of the trail alpha.
type whole struct {
	Method string `json:"method"`
	Target string `json:"target"` // with its prefix
	Body   []byte `json:"body"`
}

func newAlphabet() *alphabet {
	w := &model.DefaultWorld
	a := &alphabet{Account: w.Account, Prefix: wire.ShortPrefix, ARN: w.TrailARN(w.Home, ""), Names: generators.Names, Create: generators.Create("x").Input.With("Name", value.Value{})}
	members := func(name string, list []generators.Representative) []value.Value {
		var out []value.Value
		for _, r := range list {
			out = append(out, value.Obj(name, r.Value))
		}
		return out
	}
	a.Selectors = members("InsightSelectors", generators.PlainSelectors())
	a.Variants = members("InsightSelectors", generators.VariantSelectors())
	a.BadLists = members("InsightSelectors", generators.BadSelectors())
	a.BadNames = members("TrailName", generators.BadTrailNames(w))
	classes := generators.EventClasses()
	for _, c := range classes {
		a.Events = append(a.Events, c.Input)
	}
	a.AllEvents = classes[model.ManagementEvents|model.DataEvents].Input
	for _, r := range []model.Request{generators.Put(generators.NameAlpha, model.MakeSelectors(model.Management, 0)), generators.Get(generators.NameAlpha)} {
		for _, odd := range generators.Wholes() {
			a.Wholes = append(a.Wholes, asWhole(odd(r)))
		}
	}
	return a
}

func asWhole(r model.Request) whole {
	out := whole{Method: "POST", Target: wire.ShortPrefix + string(r.Op), Body: wire.Encode(r)}
	if r.Method != "" {
		out.Method = r.Method
	}
	if r.OtherTarget {
		out.Target = wire.LongPrefix + string(r.Op)
	}
	return out
}

func (a *alphabet) encoded() []byte {
	text, err := json.Marshal(a)
	if err != nil {
		panic(err) // plain values alone
	}
	return text
}

// reachable says whether a fault can show within the alphabet, and why not: what it or its rule needs
// may be hidden; and one that shows where its rule alone is broken, needs a request that does that.
func reachable(f embedded.Fault) (ok bool, why string) {
	if f.Computed {
		return false, "derived from the table of rules, of which some are not wrong"
	}
	rule := model.RuleOf(f.Rule)
	for _, c := range slices.Concat(rule.Needs, f.Needs) {
		if slices.Contains(hidden, c) {
			return false, "for want of " + string(c)
		}
	}
	if rule.Code != "" && !breakable(f.Rule) {
		return false, "as no request of the alphabet breaks " + string(f.Rule) + " alone"
	}
	return true, ""
}

// breakable reports whether some request within the alphabet breaks an error rule and no other.
func breakable(rule model.ID) bool {
	scope := generators.Everything()
	for _, c := range hidden {
		delete(scope.Can, c)
	}
	for _, op := range []model.Op{model.OpPut, model.OpGet} {
		setup, probe, ok := catalogue.Minimal(rule, op, &model.DefaultWorld, scope)
		state := model.NewState(&model.DefaultWorld)
		for _, r := range setup {
			state = model.Step(state, r)[0].Next
		}
		if ok && len(model.Broken(state, probe)) == 1 {
			return true
		}
	}
	return false
}

package generators

import (
	"cmp"
	"slices"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// Scope limits what is generated to what a target can do.
type Scope struct {
	Can map[model.Capability]bool
	// MaxTrails bounds the trails of one world; 0 stands for MostTrails.
	MaxTrails int
	// Left has the rules that a run leaves out, each with the reason: none is held, and no request breaks one.
	Left map[model.ID]string
}

// Everything is the scope of a target that can do all.
func Everything() Scope {
	can := map[model.Capability]bool{}
	for _, c := range model.Capabilities {
		can[c] = true
	}
	return Scope{Can: can}
}

// MostTrails and mostStores are what a world holds at most.
const (
	MostTrails = 3
	mostStores = 4
)

func (s Scope) mostTrails() int { return cmp.Or(s.MaxTrails, MostTrails) }

// Fits reports whether a world may hold so much.
func (s Scope) Fits(state model.State) bool {
	return len(state.Trails) <= s.mostTrails() && len(state.Stores) <= mostStores
}

// Has reports whether the target has all of some capabilities.
func (s Scope) Has(needs ...model.Capability) bool {
	return !slices.ContainsFunc(needs, func(c model.Capability) bool { return !s.Can[c] })
}

// Applies reports whether a rule can be tried.
func (s Scope) Applies(id model.ID) bool {
	rule := model.RuleOf(id)
	return rule != nil && s.Has(rule.Needs...) && (s.Can[model.CanPut] || !rule.NeedsPut())
}

// LeavesOut reports whether a request breaks a rule that is left out.
func (s Scope) LeavesOut(before model.State, r model.Request) bool {
	return len(s.Left) > 0 && (r.Malformed() && s.Left[model.WireNoCrash] != "" || r.OtherTarget && s.Left[model.WireProtocol] != "" ||
		slices.ContainsFunc(model.Broken(before, r), func(id model.ID) bool { return s.Left[id] != "" }))
}

var conditionNeeds = [...]model.Capability{model.CanLoseBucket, model.CanLoseBucket, model.CanLoseKey, model.CanLoseKey,
	model.CanArrangeAccount, model.CanArrangeAccount, model.CanArrangeAccount}

// Allows reports whether the target can be sent all of some requests.
func (s Scope) Allows(requests ...model.Request) bool {
	return !slices.ContainsFunc(requests, func(r model.Request) bool { return !s.allows(r) })
}

func (s Scope) allows(r model.Request) bool {
	if need, ok := r.Op.Needs(); ok && !s.Can[need] {
		return false
	}
	if r.Region != "" && r.Region != model.DefaultWorld.Home && !s.Can[model.CanRegions] {
		return false
	}
	if !s.Can[model.CanRawWire] && (r.Malformed() || r.OtherTarget || needsRawWire(r)) {
		return false
	}
	switch r.Op {
	case model.OpPut:
		onStore := r.Input.Get("EventDataStore").Kind() == value.String && !r.Input.Get("TrailName").Given()
		return s.Can[model.CanInsightData] || onStore || !namesData(r)
	case model.OpPutEvents:
		return s.Can[model.CanAdvancedEvents] || !r.Input.Get("AdvancedEventSelectors").Given()
	case model.OpArrange:
		condition := r.Input.Get("Condition").Text()
		i := slices.Index(model.ConditionNames[:], condition)
		if condition == model.Mended {
			return s.Can[model.CanLoseBucket] || s.Can[model.CanLoseKey]
		}
		return i >= 0 && s.Can[conditionNeeds[i]]
	case model.OpCreate:
		return (s.Can[model.CanLoseKey] || !r.Input.Get("KmsKeyId").Given()) &&
			(s.Can[model.CanLoseBucket] || r.Input.Get("S3BucketName").Text() != OwnBucket)
	}
	return true
}

// namesData reports whether a selector of a Put names the category Data.
func namesData(r model.Request) bool {
	return slices.ContainsFunc(r.Input.Get("InsightSelectors").Items(), func(item value.Value) bool {
		return slices.ContainsFunc(item.Get("EventCategories").Items(), func(c value.Value) bool { return c.Text() == data })
	})
}

// typed has the members that a typed client can say, with their kinds.
var typed = map[model.Op]map[string]value.Kind{
	model.OpGet: {"TrailName": value.String, "EventDataStore": value.String},
	model.OpPut: {"TrailName": value.String, "EventDataStore": value.String, "InsightsDestination": value.String,
		"InsightSelectors": value.List},
}

var typedSelector = map[string]value.Kind{"InsightType": value.String, "EventCategories": value.List}

// needsRawWire reports whether a Put or Get has null, a wrong type, an unknown member or an empty InsightType.
func needsRawWire(r model.Request) bool {
	return typed[r.Op] != nil && (needsRaw(r.Input, typed[r.Op]) ||
		slices.ContainsFunc(r.Input.Get("InsightSelectors").Items(), func(item value.Value) bool {
			name := item.Get("InsightType")
			return needsRaw(item, typedSelector) || name.Kind() == value.String && name.Text() == "" ||
				slices.ContainsFunc(item.Get("EventCategories").Items(), func(c value.Value) bool { return c.Kind() != value.String })
		}))
}

func needsRaw(v value.Value, kinds map[string]value.Kind) bool {
	return v.Kind() != value.Object || slices.ContainsFunc(v.Members(), func(m value.Member) bool {
		kind, known := kinds[m.Name]
		return !known || m.Value.Kind() != kind
	})
}

// Reference follows the reference branches of requests and reports whether all of them succeed.
func Reference(s model.State, requests ...model.Request) (model.State, bool) {
	for _, r := range requests {
		b := model.Step(s, r)[0]
		if b.Answer.Outcome != model.Succeeded && b.Answer.Outcome != model.AnySuccess {
			return s, false
		}
		s = b.Next
	}
	return s, true
}

// Applicable lists the rules that claim something and can be tried.
func (s Scope) Applicable() (ids []model.ID) {
	for i := range model.Rules {
		if r := &model.Rules[i]; !r.Silent && s.Applies(r.ID) && s.Left[r.ID] == "" {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

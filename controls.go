package conform

import (
	"sort"
	"strings"

	"github.com/insightconform/conform/model"
)

// control is an experiment with a rule that says a trait of requests must not matter. Where a case
// diverges with the trait and does not without it, the divergence belongs to that rule.
type control struct {
	rule    model.ID
	without func(model.Request) model.Request
}

// applies reports whether the request has the trait.
func (c control) applies(r model.Request) bool {
	if r.Malformed() {
		return false
	}
	plain := c.without(r)
	return plain.OtherTarget != r.OtherTarget || !plain.Input.Equal(r.Input)
}

var controls = []control{
	{model.WireProtocol, func(r model.Request) model.Request { r.OtherTarget = false; return r }},
	{model.WireUnknownMembers, withoutUnknownMembers},
	{model.TrailNameOrARN, trailsByName},
	{model.StoreARNOrSuffix, storesByARN},
	{model.PutOrderFree, inOrder},
}

// isInsights reports whether the request is one of the two operations under test.
func isInsights(r model.Request) bool { return r.Op == model.OpPut || r.Op == model.OpGet }

func withoutUnknownMembers(r model.Request) model.Request {
	if !isInsights(r) {
		return r
	}
	in := keepMembers(r.Input, "TrailName", "EventDataStore", "InsightsDestination", "InsightSelectors")
	if list := in.Get("InsightSelectors"); list.Kind() == model.List {
		items := make([]model.Value, len(list.Items()))
		for i, item := range list.Items() {
			items[i] = keepMembers(item, "InsightType", "EventCategories")
		}
		in = in.With("InsightSelectors", model.ListOf(items...))
	}
	r.Input = in
	return r
}

func keepMembers(v model.Value, names ...string) model.Value {
	if v.Kind() != model.Object {
		return v
	}
	out := v
	for _, m := range v.Members() {
		known := false
		for _, name := range names {
			known = known || m.Name == name
		}
		if !known {
			out = out.With(m.Name, model.Value{})
		}
	}
	return out
}

// trailsByName replaces the ARN of a trail in the Region of the call by its name.
func trailsByName(r model.Request) model.Request {
	w := model.DefaultWorld
	region := r.Region
	if region == "" {
		region = w.Home
	}
	if name := r.Input.Get("TrailName").Text(); isInsights(r) {
		if short, ok := strings.CutPrefix(name, w.TrailARN(region, "")); ok && model.ValidTrailName(short) {
			r.Input = r.Input.With("TrailName", model.Str(short))
		}
	}
	return r
}

// storesByARN replaces the ID suffix of a store by its ARN.
func storesByARN(r model.Request) model.Request {
	if !isInsights(r) {
		return r
	}
	for _, member := range []string{"EventDataStore", "InsightsDestination"} {
		if id := r.Input.Get(member).Text(); strings.HasPrefix(id, "00000000-0000-4000-8000-") {
			r.Input = r.Input.With(member, model.Str(model.DefaultWorld.StoreARN(model.DefaultWorld.Home, id)))
		}
	}
	return r
}

// inOrder sorts selectors and categories.
func inOrder(r model.Request) model.Request {
	list := r.Input.Get("InsightSelectors")
	if r.Op != model.OpPut || list.Kind() != model.List {
		return r
	}
	items := make([]model.Value, len(list.Items()))
	for i, item := range list.Items() {
		if categories := item.Get("EventCategories"); categories.Kind() == model.List {
			sorted := append([]model.Value{}, categories.Items()...)
			sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].String() > sorted[j].String() }) // Management first
			item = item.With("EventCategories", model.ListOf(sorted...))
		}
		items[i] = item
	}
	sort.SliceStable(items, func(i, j int) bool {
		return items[i].Get("InsightType").String() < items[j].Get("InsightType").String()
	})
	r.Input = r.Input.With("InsightSelectors", model.ListOf(items...))
	return r
}

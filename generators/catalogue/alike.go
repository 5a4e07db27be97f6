package catalogue

import (
	"slices"
	"strings"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// Alike lists up to n other requests that break just the same rules in the same state: with selectors
// in another order or of other kinds, and with other names of the trail and the stores. A target that
// selects errors in one order answers all of them by the same rule.
func Alike(s model.State, r model.Request, scope generators.Scope, n int) []model.Request {
	set := setOf(model.Broken(s, r))
	var kinds [][]model.Request
	add := func(member string, values ...representative) {
		old := r.Input.Get(member)
		var found []model.Request
		for _, v := range values {
			x := edit{member: member, representative: v}.apply(r)
			other := v.Value.Kind() != value.Null && !v.Value.Equal(old) &&
				(old.Kind() == value.Absent) == (v.Value.Kind() == value.Absent)
			if other && len(v.Value.String()) < 500 && scope.Allows(x) && setOf(model.Broken(s, x)) == set {
				found = append(found, x)
			}
		}
		kinds = append(kinds, found)
	}
	items := slices.Clone(r.Input.Get("InsightSelectors").Items())
	slices.Reverse(items)
	add("InsightSelectors", representative{Value: value.ListOf(items...)})
	var lists []representative
	for _, a := range items {
		for _, b := range generators.BadItems() {
			lists = append(lists, representative{Value: value.ListOf(b.Value, a)},
				representative{Value: value.ListOf(a, b.Value)})
		}
	}
	slices.Reverse(lists)
	add("InsightSelectors", append(lists, generators.BadSelectors()...)...)
	trails := generators.TrailNames(s)
	if !strings.HasPrefix(r.Input.Get("TrailName").Text(), "arn:") {
		slices.Reverse(trails) // the ARNs stand behind
	}
	add("TrailName", trails...)
	for _, member := range putMembers[1:3] {
		stores := generators.StoreNames(s)
		slices.Reverse(stores)
		add(member, stores...)
	}
	var out []model.Request
	for round := range n {
		for _, found := range kinds {
			if round < len(found) && len(out) < n {
				out = append(out, found[round])
			}
		}
	}
	return out
}

// Breaking finds a PutInsightSelectors that breaks a rule alone in a state, as like to a given one as possible: it
// tries to repair or leave out each of the given request's members.
func Breaking(s model.State, rule model.ID, like model.Request) (model.Request, bool) {
	regions := []string{like.Region}
	if like.Region != "" {
		regions = append(regions, "")
	}
	best, least := model.Request{}, 1<<30
	want := setOf([]model.ID{rule})
	trails := repairsOfName(s, like.Input.Get("TrailName"), true)
	sources := repairsOfName(s, like.Input.Get("EventDataStore"), false)
	destinations := repairsOfName(s, like.Input.Get("InsightsDestination"), false)
	lists := repairsOfList(like.Input.Get("InsightSelectors"))
	for at := range product(len(regions), len(trails), len(sources), len(destinations), len(lists)) {
		cost := at[1] + at[2] + at[3] + at[4]
		for _, i := range at {
			cost += 4 * min(i, 1)
		}
		if cost >= least {
			continue
		}
		r := in(regions[at[0]], request(trails[at[1]], sources[at[2]], destinations[at[3]], lists[at[4]]))
		if setOf(model.Broken(s, r)) == want {
			best, least = r, cost
		}
	}
	return best, least < 1<<30
}

// repairsOfName lists a member as it is, and what may take its place, absent last.
func repairsOfName(s model.State, v value.Value, trail bool) []value.Value {
	out := []value.Value{v}
	if trail {
		for _, t := range s.Trails {
			out = append(out, value.Str(t.Name))
		}
	} else if v.Kind() != value.Absent || len(s.Trails) == 0 {
		for _, x := range s.Stores {
			out = append(out, value.Str(x.ID))
		}
	}
	if v.Kind() != value.Absent {
		out = append(out, value.Value{})
	}
	return out
}

// repairsOfList lists the selectors as they are, each by itself, and plain ones.
func repairsOfList(list value.Value) []value.Value {
	out := []value.Value{list}
	if items := list.Items(); len(items) > 1 {
		for i := range items {
			out = append(out, value.ListOf(items[i]))
		}
		for i := range items {
			out = append(out, value.ListOf(append(slices.Clone(items[:i]), items[i+1:]...)...))
		}
	}
	for _, item := range list.Items() {
		if item.Kind() == value.Object {
			out = append(out, value.ListOf(item.With("EventCategories", value.Strs(management))),
				value.ListOf(item.With("InsightType", value.Str(errorRate))), value.ListOf(item.With("InsightType",
					value.Str(callRate))))
		}
	}
	for _, set := range []model.Selectors{setB, setA, model.MakeSelectors(0, model.Data), 0} {
		out = append(out, set.Value())
	}
	return out
}

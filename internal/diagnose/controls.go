package diagnose

import (
	"slices"
	"strings"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// control is an experiment with a rule that says a trait of a case must not matter, or is the only
// thing that could. Where a case diverges with the trait and does not without it, the divergence
// belongs to that rule; where it diverges all the same, it does not.
type control struct {
	rule    model.ID
	without func([]model.Request) []model.Request // the case without the trait
	// from lists the rules that a finding may pass from to that of the control; nil is all of them,
	// since the rule forbids the trait to matter for anything.
	from []model.ID
}

// The rules that speak of every Put, and with them those that a trait of the request may look like.
var (
	general = []model.ID{model.PutStores, model.GetReflectsPut, model.StoreEnables}
	broad   = append([]model.ID{model.PutReplacesList, model.PutOverwritesCategories}, general...)
	nothing = []model.ID{}
)

// takes reports whether a finding may pass from a rule to that of the control.
func (c control) takes(from model.ID) bool { return c.from == nil || slices.Contains(c.from, from) }

// applies reports whether the case has the trait.
func (c control) applies(requests []model.Request) bool {
	return generators.Key(c.without(requests)...) != generators.Key(requests...)
}

// each makes a control of a change of single requests.
func each(change func(model.Request) model.Request) func([]model.Request) []model.Request {
	return func(requests []model.Request) []model.Request {
		plain := make([]model.Request, len(requests))
		for i, r := range requests {
			plain[i] = r
			if !r.Malformed() {
				plain[i] = change(r)
			}
		}
		return plain
	}
}

// controls stand in the order in which they are tried: what is most easily a mere accompaniment first.
var controls = []control{
	{model.WireUnknownMembers, each(withoutUnknownMembers), nil},
	{model.PutOrderFree, each(inOrder), nil},
	{model.PutCategoriesEmpty, each(ofSelectors(emptyToManagement)), broad},
	{model.PutDefaultManagement, each(ofSelectors(absentToManagement)), broad},
	{model.PutDuplicateCategory, each(ofSelectors(categoriesOnce)), broad},
	{model.PutDuplicateType, each(entriesOnce), broad},
	{model.TrailDeleteForgets, lastLife, nothing},
	{model.LogsStop, emptiedInsteadOfStopped, nothing},
	{model.StoreDisableWithDst, each(disabledWithoutDestination), nothing},
	{model.LogsPutStopped, alwaysLogging, general},
	{model.LogsReadOnlyError, each(moreLogs("ReadOnly")), general},
	{model.LogsDisable, withMoreLogsWhereDisabled, general},
	{model.PutIdempotent, withoutRepeats, general},
	{model.StoreARNOrSuffix, each(storesByARN), nil},
	{model.TrailNameOrARN, each(trailsByName), nil},
	{model.WireProtocol, each(func(r model.Request) model.Request { r.OtherTarget = false; return r }), nil},
}

// onList changes a list of a request, where it has one.
func onList(r model.Request, member string, change func([]value.Value) []value.Value) model.Request {
	if list := r.Input.Get(member); list.Kind() == value.List {
		r.Input = r.Input.With(member, value.ListOf(change(slices.Clone(list.Items()))...))
	}
	return r
}

// ofSelectors changes the selectors of a Put one by one.
func ofSelectors(change func(value.Value) value.Value) func(model.Request) model.Request {
	return func(r model.Request) model.Request {
		if r.Op != model.OpPut {
			return r
		}
		return onList(r, "InsightSelectors", func(items []value.Value) []value.Value {
			for i, item := range items {
				if item.Kind() == value.Object {
					items[i] = change(item)
				}
			}
			return items
		})
	}
}

var justManagement = value.Strs(model.CategoryNames[0])

func emptyToManagement(item value.Value) value.Value {
	if v := item.Get("EventCategories"); v.Kind() == value.List && len(v.Items()) == 0 {
		return item.With("EventCategories", justManagement)
	}
	return item
}

func absentToManagement(item value.Value) value.Value {
	if v := item.Get("EventCategories"); !v.Given() {
		return item.With("EventCategories", justManagement)
	}
	return item
}

func categoriesOnce(item value.Value) value.Value {
	if v := item.Get("EventCategories"); v.Kind() == value.List {
		return item.With("EventCategories", value.ListOf(once(v.Items())...))
	}
	return item
}

func once(items []value.Value) []value.Value {
	var out []value.Value
	for _, item := range items {
		if !slices.ContainsFunc(out, item.Equal) {
			out = append(out, item)
		}
	}
	return out
}

func entriesOnce(r model.Request) model.Request {
	if r.Op != model.OpPut {
		return r
	}
	return onList(r, "InsightSelectors", once)
}

// lastLife leaves out what came before a trail was made again.
func lastLife(requests []model.Request) []model.Request {
	for i := len(requests) - 1; i >= 0; i-- {
		if requests[i].Op == model.OpDelete && slices.ContainsFunc(requests[i:], func(r model.Request) bool {
			return r.Op == model.OpCreate && r.Input.Get("Name").Equal(requests[i].Input.Get("Name"))
		}) {
			return requests[i+1:]
		}
	}
	return requests
}

func disabledWithoutDestination(r model.Request) model.Request {
	if r.Op == model.OpPut && disables(r) && r.Input.Get("EventDataStore").Given() {
		r.Input = r.Input.With("InsightsDestination", value.Value{})
	}
	return r
}

// disables reports whether a request has an empty list of selectors.
func disables(r model.Request) bool {
	list := r.Input.Get("InsightSelectors")
	return list.Kind() == value.List && len(list.Items()) == 0
}

// emptiedInsteadOfStopped turns insights off in another way.
func emptiedInsteadOfStopped(requests []model.Request) []model.Request {
	plain := slices.Clone(requests)
	for i, r := range plain {
		if r.Op == model.OpStop {
			plain[i] = generators.Put(r.Input.Get("Name").Text(), 0)
			plain[i].Region = r.Region
		}
	}
	return plain
}

// withoutReads leaves out all reads but the last step.
func withoutReads(requests []model.Request) []model.Request {
	var plain []model.Request
	for i, r := range requests {
		if i == len(requests)-1 || !r.Op.Reads() {
			plain = append(plain, r)
		}
	}
	return plain
}

// alwaysLogging starts every trail at once and never stops it.
func alwaysLogging(requests []model.Request) []model.Request {
	var plain []model.Request
	for i, r := range requests {
		if r.Op == model.OpStop {
			continue
		}
		plain = append(plain, r)
		if r.Op == model.OpCreate && (i+1 >= len(requests) || requests[i+1].Op != model.OpStart) {
			start := generators.Start(r.Input.Get("Name").Text())
			start.Region = r.Region
			plain = append(plain, start)
		}
	}
	return plain
}

// moreLogs makes event selectors of one ReadWriteType log all management events.
func moreLogs(readWrite string) func(model.Request) model.Request {
	return func(r model.Request) model.Request {
		if r.Op != model.OpPutEvents {
			return r
		}
		return onList(r, "EventSelectors", func(items []value.Value) []value.Value {
			for i, item := range items {
				management := item.Get("IncludeManagementEvents")
				if item.Get("ReadWriteType").Text() == readWrite && (management.Kind() != value.Bool || management.True()) {
					items[i] = item.With("ReadWriteType", value.Str("All"))
				}
			}
			return items
		})
	}
}

// withMoreLogsWhereDisabled lets trails log everything in a case that ends with an empty list.
func withMoreLogsWhereDisabled(requests []model.Request) []model.Request {
	if n := len(requests); n == 0 || requests[n-1].Op != model.OpPut || !disables(requests[n-1]) {
		return requests
	}
	all := generators.EventClasses()[model.ManagementEvents|model.DataEvents]
	return each(func(r model.Request) model.Request {
		if r.Op == model.OpPutEvents {
			more := generators.PutEvents(r.Input.Get("TrailName").Text(), all)
			more.Region = r.Region
			return more
		}
		return r
	})(requests)
}

// withoutRepeats leaves out a Put that a later one on the same trail says again.
func withoutRepeats(requests []model.Request) []model.Request {
	var plain []model.Request
	for i, r := range requests {
		again := r.Op == model.OpPut && slices.ContainsFunc(requests[i+1:], func(later model.Request) bool {
			return later.Op == model.OpPut && later.Region == r.Region &&
				trailsByName(later).Input.Get("TrailName").Equal(trailsByName(r).Input.Get("TrailName")) &&
				sameSelectors(later, r)
		})
		if !again {
			plain = append(plain, r)
		}
	}
	return plain
}

func sameSelectors(a, b model.Request) bool {
	plain := func(r model.Request) value.Value {
		return inOrder(ofSelectors(absentToManagement)(r)).Input.Get("InsightSelectors")
	}
	return plain(a).Equal(plain(b))
}

func withoutUnknownMembers(r model.Request) model.Request {
	if !r.Op.Insights() {
		return r
	}
	r.Input = keepMembers(r.Input, "TrailName", "EventDataStore", "InsightsDestination", "InsightSelectors")
	return onList(r, "InsightSelectors", func(items []value.Value) []value.Value {
		for i, item := range items {
			items[i] = keepMembers(item, "InsightType", "EventCategories")
		}
		return items
	})
}

func keepMembers(v value.Value, names ...string) value.Value {
	if v.Kind() != value.Object {
		return v
	}
	out := v
	for _, m := range v.Members() {
		if !slices.Contains(names, m.Name) {
			out = out.With(m.Name, value.Value{})
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
	if name := r.Input.Get("TrailName").Text(); r.Op.Insights() {
		if short, ok := strings.CutPrefix(name, w.TrailARN(region, "")); ok && model.ValidTrailName(short) {
			r.Input = r.Input.With("TrailName", value.Str(short))
		}
	}
	return r
}

// storesByARN replaces the ID suffix of a store by its ARN.
func storesByARN(r model.Request) model.Request {
	if !r.Op.Insights() {
		return r
	}
	for _, member := range []string{"EventDataStore", "InsightsDestination"} {
		if id := r.Input.Get(member).Text(); strings.HasPrefix(id, "00000000-0000-4000-8000-") {
			r.Input = r.Input.With(member, value.Str(model.DefaultWorld.StoreARN(model.DefaultWorld.Home, id)))
		}
	}
	return r
}

// inOrder sorts selectors and categories.
func inOrder(r model.Request) model.Request {
	if r.Op != model.OpPut {
		return r
	}
	by := func(text func(value.Value) string) func(a, b value.Value) int {
		return func(a, b value.Value) int { return strings.Compare(text(a), text(b)) }
	}
	return onList(r, "InsightSelectors", func(items []value.Value) []value.Value {
		for i, item := range items {
			if categories := item.Get("EventCategories"); categories.Kind() == value.List {
				sorted := slices.Clone(categories.Items())
				slices.SortStableFunc(sorted, func(a, b value.Value) int { return by(value.Value.String)(b, a) }) // Management first
				items[i] = item.With("EventCategories", value.ListOf(sorted...))
			}
		}
		slices.SortStableFunc(items, by(func(item value.Value) string { return item.Get("InsightType").String() }))
		return items
	})
}

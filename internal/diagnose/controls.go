package diagnose

import (
	"cmp"
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
	from    []model.ID                            // whose findings may pass to it; nil is all: the trait must not matter
}

// The rules that speak of every Put, and with them those that a trait of the request may look like.
var (
	general = []model.ID{model.PutStores, model.GetReflectsPut, model.StoreEnables}
	broad   = append([]model.ID{model.PutReplacesList, model.PutOverwritesCategories}, general...)
	nothing = []model.ID{}
)

// applies reports whether the case has the trait.
func (c control) applies(requests []model.Request) bool {
	return !slices.EqualFunc(c.without(requests), requests, generators.Same)
}

// each makes a control of a change of single requests.
func each(change func(model.Request) model.Request) func([]model.Request) []model.Request {
	return func(requests []model.Request) []model.Request {
		plain := slices.Clone(requests)
		for i, r := range plain {
			if !r.Malformed() {
				plain[i] = change(r)
			}
		}
		return plain
	}
}

// ofItsTrail makes a control of a change of the requests on the trail that the last one names.
func ofItsTrail(change func(model.Request) model.Request) func([]model.Request) []model.Request {
	return func(requests []model.Request) []model.Request {
		return each(func(r model.Request) model.Request {
			if sameResource(r, requests[len(requests)-1]) {
				return change(r)
			}
			return r
		})(requests)
	}
}

// controls stand in the order in which they are tried: what is most easily a mere accompaniment first.
var controls = []control{
	{model.WireUnknownMembers, each(withoutUnknownMembers), nil},
	{model.PutOrderFree, each(inOrder), nil},
	{model.PutCategoriesEmpty, each(toManagement(isEmptyList)), broad},
	{model.PutDefaultManagement, each(toManagement(notGiven)), broad},
	{model.StoreDefaultCategory, each(storesWithoutManagement), broad},
	{model.PutDuplicateCategory, each(ofSelectors(categoriesOnce)), broad},
	{model.PutDuplicateType, each(ofList(model.OpPut, "InsightSelectors", once)), broad},
	{model.TrailDeleteForgets, lastLife, nothing},
	{model.LogsStop, each(emptiedInsteadOfStopped), nothing},
	{model.StoreDisableWithDst, each(disabledWithoutDestination), nothing},
	{model.LogsPutStopped, alwaysLogging, general},
	{model.LogsReadOnlyError, ofItsTrail(ofAllManagement), general},
	{model.LogsDisable, withMoreLogsWhereDisabled, general},
	{model.PutIdempotent, withoutRepeats, general},
	{model.StoreARNOrSuffix, each(storesByARN), nil},
	{model.TrailNameOrARN, each(trailsByName), nil},
	{model.WireProtocol, each(byShortPrefix), nil},
}

// onList changes a member that is a list, where it is one.
func onList(v value.Value, member string, change func([]value.Value) []value.Value) value.Value {
	if list := v.Get(member); list.Kind() == value.List {
		return v.With(member, value.ListOf(change(slices.Clone(list.Items()))...))
	}
	return v
}

// ofList changes a list of the requests of one operation.
func ofList(op model.Op, member string, change func([]value.Value) []value.Value) func(model.Request) model.Request {
	return func(r model.Request) model.Request {
		if r.Op == op {
			r.Input = onList(r.Input, member, change)
		}
		return r
	}
}

// ofSelectors changes the selectors of a Put one by one.
func ofSelectors(change func(value.Value) value.Value) func(model.Request) model.Request {
	return ofList(model.OpPut, "InsightSelectors", func(items []value.Value) []value.Value {
		for i, item := range items {
			if item.Kind() == value.Object {
				items[i] = change(item)
			}
		}
		return items
	})
}

// toManagement writes out Management for categories that are left out in one way.
func toManagement(leftOut func(value.Value) bool) func(model.Request) model.Request {
	return ofSelectors(func(item value.Value) value.Value {
		if leftOut(item.Get("EventCategories")) {
			return item.With("EventCategories", value.Strs(model.CategoryNames[0]))
		}
		return item
	})
}

// storesWithoutManagement leaves out what means the same as no categories on an event data store.
func storesWithoutManagement(r model.Request) model.Request {
	if !r.Input.Get("EventDataStore").Given() {
		return r
	}
	return ofSelectors(func(item value.Value) value.Value {
		if c := item.Get("EventCategories"); c.Equal(value.Strs(model.CategoryNames[0])) {
			return item.With("EventCategories", value.Value{})
		}
		return item
	})(r)
}

func isEmptyList(v value.Value) bool { return v.Kind() == value.List && len(v.Items()) == 0 }

func notGiven(v value.Value) bool { return !v.Given() }

func categoriesOnce(item value.Value) value.Value { return onList(item, "EventCategories", once) }

func once(items []value.Value) (out []value.Value) {
	for _, item := range items {
		if !slices.ContainsFunc(out, item.Equal) {
			out = append(out, item)
		}
	}
	return out
}

// lastLife leaves out what came before a trail was made again.
func lastLife(requests []model.Request) []model.Request {
	for i, r := range slices.Backward(requests) {
		if r.Op == model.OpDelete && slices.ContainsFunc(requests[i:], func(later model.Request) bool {
			return later.Op == model.OpCreate && later.Input.Get("Name").Equal(r.Input.Get("Name"))
		}) {
			return requests[i+1:]
		}
	}
	return requests
}

func disabledWithoutDestination(r model.Request) model.Request {
	if disables(r) && r.Input.Get("EventDataStore").Given() {
		r.Input = r.Input.With("InsightsDestination", value.Value{})
	}
	return r
}

// disables reports whether a request puts an empty list of selectors.
func disables(r model.Request) bool {
	return r.Op == model.OpPut && isEmptyList(r.Input.Get("InsightSelectors"))
}

// emptiedInsteadOfStopped turns insights off in another way.
func emptiedInsteadOfStopped(r model.Request) model.Request {
	if r.Op == model.OpStop {
		return generators.In(r.Region, generators.Put(r.Input.Get("Name").Text(), 0))
	}
	return r
}

// withoutReads leaves out all reads but the last step.
func withoutReads(requests []model.Request) []model.Request {
	last := len(requests) - 1
	return append(slices.DeleteFunc(slices.Clone(requests[:last]), func(r model.Request) bool { return r.Op.Reads() }), requests[last])
}

// alwaysLogging starts every trail at once and never stops it.
func alwaysLogging(requests []model.Request) (plain []model.Request) {
	for i, r := range requests {
		if r.Op == model.OpStop {
			continue
		}
		plain = append(plain, r)
		if r.Op == model.OpCreate && (i+1 >= len(requests) || requests[i+1].Op != model.OpStart) {
			plain = append(plain, generators.In(r.Region, generators.Start(r.Input.Get("Name").Text())))
		}
	}
	return plain
}

// readAndWrite makes event selectors of read events log all management events.
func readAndWrite(items []value.Value) []value.Value {
	for i, item := range items {
		management := item.Get("IncludeManagementEvents")
		if item.Get("ReadWriteType").Text() == "ReadOnly" && (management.Kind() != value.Bool || management.True()) {
			items[i] = item.With("ReadWriteType", value.Str("All"))
		}
	}
	return items
}

// ofAllManagement is that for both forms of event selectors.
func ofAllManagement(r model.Request) model.Request {
	r = ofList(model.OpPutEvents, "EventSelectors", readAndWrite)(r)
	return ofList(model.OpPutEvents, "AdvancedEventSelectors", func(items []value.Value) []value.Value {
		for i, item := range items {
			items[i] = onList(item, "FieldSelectors", func(fields []value.Value) []value.Value {
				return slices.DeleteFunc(fields, func(f value.Value) bool {
					equals := f.Get("Equals").Items()
					return f.Get("Field").Text() == "readOnly" && len(equals) == 1 && equals[0].Text() == "true"
				})
			})
		}
		return items
	})(r)
}

// withMoreLogsWhereDisabled lets trails log everything in a case that ends with an empty list.
func withMoreLogsWhereDisabled(requests []model.Request) []model.Request {
	if n := len(requests); n == 0 || !disables(requests[n-1]) {
		return requests
	}
	all := generators.EventClasses()[model.ManagementEvents|model.DataEvents]
	return each(func(r model.Request) model.Request {
		if r.Op == model.OpPutEvents {
			return generators.In(r.Region, generators.PutEvents(r.Input.Get("TrailName").Text(), all))
		}
		return r
	})(requests)
}

// withoutRepeats leaves out a Put that a later one on the same trail says again.
func withoutRepeats(requests []model.Request) (plain []model.Request) {
	var said []value.Value
	for _, r := range slices.Backward(requests) {
		switch r.Op {
		case model.OpArrange:
			said = nil // what is said in other surroundings says something else
		case model.OpPut:
			input := inOrder(toManagement(notGiven)(trailsByName(r))).Input
			it := value.ListOf(value.Str(r.Region), input.Get("TrailName"), input.Get("InsightSelectors"),
				input.Get("EventDataStore"), input.Get("InsightsDestination"))
			if slices.ContainsFunc(said, it.Equal) {
				continue
			}
			said = append(said, it)
		}
		plain = append(plain, r)
	}
	slices.Reverse(plain)
	return plain
}

func withoutUnknownMembers(r model.Request) model.Request {
	if !r.Op.Insights() {
		return r
	}
	r.Input = keepMembers(r.Input, "TrailName", "EventDataStore", "InsightsDestination", "InsightSelectors")
	return ofSelectors(func(item value.Value) value.Value { return keepMembers(item, "InsightType", "EventCategories") })(r)
}

func keepMembers(v value.Value, names ...string) value.Value {
	for _, other := range others(v, names...) {
		v = v.With(other, value.Value{})
	}
	return v
}

// others names the members of an object beside the given ones.
func others(v value.Value, names ...string) (out []string) {
	for _, m := range v.Members() {
		if !slices.Contains(names, m.Name) {
			out = append(out, m.Name)
		}
	}
	return out
}

// trailsByName replaces the ARN of a trail in the Region of the call by its name.
func trailsByName(r model.Request) model.Request {
	home := model.DefaultWorld.TrailARN(cmp.Or(r.Region, model.DefaultWorld.Home), "")
	name, ok := strings.CutPrefix(r.Input.Get("TrailName").Text(), home)
	if ok && r.Op.Insights() && model.ValidTrailName(name) {
		r.Input = r.Input.With("TrailName", value.Str(name))
	}
	return r
}

// trailsByARN is the reverse.
func trailsByARN(r model.Request) model.Request {
	if name := r.Input.Get("TrailName").Text(); r.Op.Insights() && model.ValidTrailName(name) {
		home := cmp.Or(r.Region, model.DefaultWorld.Home)
		r.Input = r.Input.With("TrailName", value.Str(model.DefaultWorld.TrailARN(home, name)))
	}
	return r
}

// storesByARN replaces the ID suffix of a store by its ARN, and storesBySuffix the reverse.
func storesByARN(r model.Request) model.Request { return renamingStores(r, "", homeStore) }

func storesBySuffix(r model.Request) model.Request { return renamingStores(r, homeStore, "") }

var homeStore = model.DefaultWorld.StoreARN(model.DefaultWorld.Home, "")

// renamingStores has another beginning before the IDs of stores.
func renamingStores(r model.Request, from, to string) model.Request {
	for _, member := range []string{"EventDataStore", "InsightsDestination"} {
		id, begins := strings.CutPrefix(r.Input.Get(member).Text(), from)
		if begins && r.Op.Insights() && strings.HasPrefix(id, "00000000-0000-4000-8000-") {
			r.Input = r.Input.With(member, value.Str(to+id))
		}
	}
	return r
}

func byShortPrefix(r model.Request) model.Request {
	r.OtherTarget = false
	return r
}

// inOrder sorts selectors and categories, Management first.
func inOrder(r model.Request) model.Request {
	return ofList(model.OpPut, "InsightSelectors", func(items []value.Value) []value.Value {
		for i, item := range items {
			items[i] = onList(item, "EventCategories", func(categories []value.Value) []value.Value {
				slices.SortStableFunc(categories, func(a, b value.Value) int { return strings.Compare(b.String(), a.String()) })
				return categories
			})
		}
		slices.SortStableFunc(items, func(a, b value.Value) int {
			return strings.Compare(a.Get("InsightType").String(), b.Get("InsightType").String())
		})
		return items
	})(r)
}

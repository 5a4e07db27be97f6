package diagnose

import (
	"cmp"
	"slices"
	"strings"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// The order of simplicity, in which a shrunk case is minimal:
//
//   - fewer steps before anything else;
//   - in a Put: the empty list, then fewer selectors, then fewer categories, then no categories at all;
//   - ApiCallRateInsight before ApiErrorRateInsight, Management before Data;
//   - a name before an ARN, the trail alpha before any other (nobody, where there is an alpha and the trail is none that
//     a step creates), the home Region before another;
//   - in a PutEventSelectors: fewer selectors, then fewer members in each; a store that logs management events;
//   - a plain request before one with another target prefix, method or body, with optional members or with null;
//   - the first half of a string of eight characters or more before the string.
//
// simplerCases lists every case that is simpler than the given one by a single step of this order.
func simplerCases(requests []model.Request) [][]model.Request {
	var out [][]model.Request
	for i, r := range requests {
		twins := twinsOf(i, requests)
		for _, simpler := range simplerRequests(r) {
			out = append(out, slices.Replace(slices.Clone(requests), i, i+1, simpler))
			if len(twins) > 1 {
				together := slices.Clone(requests)
				for _, j := range twins {
					together[j] = simpler
				}
				out = append(out, together)
			}
		}
	}
	return append(out, simplerNames(requests)...)
}

// twinsOf lists where a request stands, that it may matter to be the same; none where an earlier one is the same.
func twinsOf(i int, requests []model.Request) (twins []int) {
	key := generators.Key(requests[i])
	for j, r := range requests {
		if r.Op == requests[i].Op && generators.Key(r) == key {
			twins = append(twins, j)
		}
	}
	if twins[0] < i {
		return nil
	}
	return twins
}

// simplerRequests lists what is one step simpler than a request.
func simplerRequests(r model.Request) (out []model.Request) {
	with := func(change func(*model.Request)) {
		simpler := r
		change(&simpler)
		out = append(out, simpler)
	}
	if r.OtherTarget {
		with(func(s *model.Request) { s.OtherTarget = false })
	}
	if r.Method != "" {
		with(func(s *model.Request) { s.Method = "" })
	}
	if r.Raw != nil {
		if n := len(*r.Raw); n > 0 {
			with(func(s *model.Request) { half := (*r.Raw)[:n/2]; s.Raw = &half })
		}
		return out
	}
	for _, in := range simplerInputs(r) {
		with(func(s *model.Request) { s.Input = in })
	}
	return out
}

// optional lists the members that a request of the operation can do without.
var optional = map[model.Op][]string{
	model.OpCreate:      {"KmsKeyId", "IsMultiRegionTrail", "IncludeGlobalServiceEvents"},
	model.OpUpdate:      {"EnableLogFileValidation"},
	model.OpCreateStore: {"StartIngestion", "RetentionPeriod", "MultiRegionEnabled"},
}

func simplerInputs(r model.Request) []value.Value {
	x := variants{of: r.Input}
	x.without(optional[r.Op]...)
	x.without(nulls(x.of)...)
	if r.Op.Insights() {
		x.without(others(x.of, "InsightSelectors", "TrailName")...)
		if plain := trailsByName(r).Input; !plain.Equal(x.of) {
			x.out = append(x.out, plain)
		}
		for _, member := range []string{"TrailName", "EventDataStore", "InsightsDestination"} {
			x.with(member, shorter(x.of.Get(member))...)
		}
	}
	if selectors := x.of.Get("InsightSelectors"); r.Op == model.OpPut && len(selectors.Items()) > 0 {
		x.with("InsightSelectors", value.ListOf())
		if x.of.Get("InsightsDestination").Given() { // with which an empty list is inferred to succeed
			x.out = append(x.out, x.of.With("InsightSelectors", value.ListOf()).With("InsightsDestination", value.Value{}))
		}
		x.with("InsightSelectors", simplerItems(selectors, simplerSelector)...)
	}
	if plain := generators.SourceStore.Selectors; r.Op == model.OpCreateStore && !x.of.Get("AdvancedEventSelectors").Equal(plain) &&
		!x.of.Get("AdvancedEventSelectors").Equal(generators.InsightStore.Selectors) {
		x.with("AdvancedEventSelectors", plain)
	}
	for _, member := range []string{"EventSelectors", "AdvancedEventSelectors"} {
		x.with(member, simplerItems(x.of.Get(member), func(value.Value) []value.Value { return nil })...)
	}
	x.with("EventSelectors", simplerItems(x.of.Get("EventSelectors"), func(item value.Value) []value.Value {
		fewer := variants{of: item}
		fewer.without(others(item)...)
		return fewer.out
	})...)
	return x.out
}

// variants collects values that differ from an object in one member.
type variants struct {
	of  value.Value
	out []value.Value
}

func (x *variants) with(member string, values ...value.Value) {
	for _, v := range values {
		x.out = append(x.out, x.of.With(member, v))
	}
}

// without leaves out each of some members that are there.
func (x *variants) without(members ...string) {
	for _, member := range members {
		if x.of.Get(member).Kind() != value.Absent {
			x.with(member, value.Value{})
		}
	}
}

// nulls are the members of an object that are null.
func nulls(v value.Value) []string {
	return slices.DeleteFunc(others(v), func(member string) bool { return v.Get(member).Kind() != value.Null })
}

// shorter is the first half of a string of eight characters or more.
func shorter(v value.Value) []value.Value {
	if text := v.Text(); v.Kind() == value.String && len(text) >= 8 {
		return []value.Value{value.Str(text[:len(text)/2])}
	}
	return nil
}

// simplerItems lists a list without each of its items, unless it is the only one, and with a simpler one instead.
func simplerItems(list value.Value, simpler func(value.Value) []value.Value) (out []value.Value) {
	items := list.Items()
	for i, item := range items {
		if len(items) > 1 {
			out = append(out, value.ListOf(slices.Delete(slices.Clone(items), i, i+1)...))
		}
		for _, v := range simpler(item) {
			out = append(out, value.ListOf(slices.Replace(slices.Clone(items), i, i+1, v)...))
		}
	}
	return out
}

func simplerSelector(item value.Value) []value.Value {
	if item.Kind() != value.Object {
		return nil
	}
	x := variants{of: item}
	x.without(nulls(item)...)
	x.without(others(item, "InsightType", "EventCategories")...)
	x.with("EventCategories", simplerItems(item.Get("EventCategories"), func(c value.Value) (out []value.Value) {
		if c.Text() == model.CategoryNames[1] {
			out = append(out, value.Str(model.CategoryNames[0]))
		}
		return append(out, shorter(c)...)
	})...)
	x.without("EventCategories")
	if item.Get("InsightType").Text() == model.TypeNames[1] {
		x.with("InsightType", value.Str(model.TypeNames[0]))
	}
	x.with("InsightType", shorter(item.Get("InsightType"))...)
	return x.out
}

// simplerNames renames a trail to alpha throughout the case, and moves the case to the home Region.
func simplerNames(requests []model.Request) (out [][]model.Request) {
	creates := func(name string) bool {
		return slices.ContainsFunc(requests, func(r model.Request) bool {
			return r.Op == model.OpCreate && r.Input.Get("Name").Text() == name
		})
	}
	plain := []string{generators.NameAlpha, "nobody"}
	for _, r := range requests { // names of trails that no step creates
		name := cmp.Or(r.Input.Get("TrailName").Text(), r.Input.Get("Name").Text())
		if r.Op == model.OpCreateStore {
			continue
		}
		free := slices.IndexFunc(plain, func(name string) bool { return !creates(name) })
		if name == "" || creates(name[strings.LastIndexByte(name, '/')+1:]) || slices.Contains(plain, name) || free < 0 {
			continue
		}
		out = append(out, mapped(requests, func(s string) string {
			if s == name {
				return plain[free]
			}
			return s
		}))
	}
	if !creates(generators.NameAlpha) {
		for _, name := range generators.Names[1:] {
			if creates(name) {
				out = append(out, mapped(requests, func(s string) string {
					before, ok := strings.CutSuffix(s, name)
					if ok && (before == "" || strings.HasSuffix(before, ":trail/")) {
						return before + generators.NameAlpha
					}
					return s
				}))
			}
		}
	}
	if slices.ContainsFunc(requests, func(r model.Request) bool { return r.Region != "" }) {
		home := mapped(requests, func(s string) string {
			return strings.Replace(s, ":"+model.DefaultWorld.Away+":", ":"+model.DefaultWorld.Home+":", 1)
		})
		for i := range home {
			home[i].Region = ""
		}
		out = append(out, home)
	}
	return out
}

// mapped changes the strings of all requests.
func mapped(requests []model.Request, change func(string) string) []model.Request {
	out := slices.Clone(requests)
	for i := range out {
		out[i].Input = generators.MapStrings(out[i].Input, change)
	}
	return out
}

package diagnose

import (
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
//   - a name before an ARN, the trail alpha before any other, the home Region before another;
//   - in a PutEventSelectors: fewer selectors, then fewer members in each;
//   - a plain request before one with another target prefix, method or body, or with optional members;
//   - the first half of a string of eight characters or more before the string.
//
// simplerCases lists every case that is simpler than the given one by a single step of this order.
func simplerCases(requests []model.Request) [][]model.Request {
	var out [][]model.Request
	for i, r := range requests {
		for _, simpler := range simplerRequests(r) {
			candidate := slices.Clone(requests)
			candidate[i] = simpler
			out = append(out, candidate)
		}
	}
	return append(out, simplerNames(requests)...)
}

// simplerRequests lists what is one step simpler than a request.
func simplerRequests(r model.Request) []model.Request {
	var out []model.Request
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
	var out []value.Value
	in := r.Input
	for _, member := range optional[r.Op] {
		if in.Get(member).Kind() != value.Absent {
			out = append(out, in.With(member, value.Value{}))
		}
	}
	if r.Op.Insights() {
		for _, m := range in.Members() {
			if m.Name != "InsightSelectors" && m.Name != "TrailName" {
				out = append(out, in.With(m.Name, value.Value{}))
			}
		}
		if plain := trailsByName(r).Input; !plain.Equal(in) {
			out = append(out, plain)
		}
		for _, member := range []string{"TrailName", "EventDataStore", "InsightsDestination"} {
			for _, v := range shorter(in.Get(member)) {
				out = append(out, in.With(member, v))
			}
		}
	}
	if r.Op == model.OpPut {
		for _, list := range simplerSelectors(in.Get("InsightSelectors")) {
			out = append(out, in.With("InsightSelectors", list))
		}
	}
	for _, member := range []string{"EventSelectors", "AdvancedEventSelectors"} {
		list := in.Get(member)
		for i := range list.Items() {
			if len(list.Items()) > 1 {
				out = append(out, in.With(member, without(list, i)))
			}
		}
	}
	for i, item := range in.Get("EventSelectors").Items() {
		if item.Kind() != value.Object {
			continue
		}
		for _, m := range item.Members() {
			out = append(out, in.With("EventSelectors", replaced(in.Get("EventSelectors"), i, item.With(m.Name, value.Value{}))))
		}
	}
	return out
}

// shorter is the first half of a string of eight characters or more.
func shorter(v value.Value) []value.Value {
	text := v.Text()
	if v.Kind() != value.String || len(text) < 8 {
		return nil
	}
	return []value.Value{value.Str(text[:len(text)/2])}
}

func without(list value.Value, i int) value.Value {
	return value.ListOf(slices.Delete(slices.Clone(list.Items()), i, i+1)...)
}

func replaced(list value.Value, i int, v value.Value) value.Value {
	items := slices.Clone(list.Items())
	items[i] = v
	return value.ListOf(items...)
}

func simplerSelectors(list value.Value) []value.Value {
	var out []value.Value
	if list.Kind() != value.List || len(list.Items()) == 0 {
		return out
	}
	out = append(out, value.ListOf())
	for i, item := range list.Items() {
		if len(list.Items()) > 1 {
			out = append(out, without(list, i))
		}
		for _, simpler := range simplerSelector(item) {
			out = append(out, replaced(list, i, simpler))
		}
	}
	return out
}

func simplerSelector(item value.Value) []value.Value {
	var out []value.Value
	if item.Kind() != value.Object {
		return out
	}
	for _, m := range item.Members() {
		if m.Name != "InsightType" && m.Name != "EventCategories" {
			out = append(out, item.With(m.Name, value.Value{}))
		}
	}
	categories := item.Get("EventCategories")
	for i, c := range categories.Items() {
		if len(categories.Items()) > 1 {
			out = append(out, item.With("EventCategories", without(categories, i)))
		}
		if c.Text() == model.CategoryNames[1] {
			out = append(out, item.With("EventCategories", replaced(categories, i, value.Str(model.CategoryNames[0]))))
		}
		for _, v := range shorter(c) {
			out = append(out, item.With("EventCategories", replaced(categories, i, v)))
		}
	}
	if categories.Kind() != value.Absent {
		out = append(out, item.With("EventCategories", value.Value{}))
	}
	if item.Get("InsightType").Text() == model.TypeNames[1] {
		out = append(out, item.With("InsightType", value.Str(model.TypeNames[0])))
	}
	for _, v := range shorter(item.Get("InsightType")) {
		out = append(out, item.With("InsightType", v))
	}
	return out
}

// simplerNames renames a trail to alpha throughout the case, and moves the case to the home Region.
func simplerNames(requests []model.Request) [][]model.Request {
	var out [][]model.Request
	used := map[string]bool{}
	away := false
	for _, r := range requests {
		if r.Op == model.OpCreate {
			used[r.Input.Get("Name").Text()] = true
		}
		away = away || r.Region != ""
	}
	if !used[generators.NameAlpha] {
		for _, name := range generators.Names[1:] {
			if used[name] {
				out = append(out, renamed(requests, name, generators.NameAlpha))
			}
		}
	}
	if away {
		home := slices.Clone(requests)
		for i := range home {
			home[i].Region = ""
			home[i].Input = home[i].Input.MapStrings(func(s string) string {
				return strings.Replace(s, ":"+model.DefaultWorld.Away+":", ":"+model.DefaultWorld.Home+":", 1)
			})
		}
		out = append(out, home)
	}
	return out
}

func renamed(requests []model.Request, from, to string) []model.Request {
	out := slices.Clone(requests)
	for i := range out {
		out[i].Input = out[i].Input.MapStrings(func(s string) string {
			if s == from {
				return to
			}
			if short, ok := strings.CutSuffix(s, ":trail/"+from); ok {
				return short + ":trail/" + to
			}
			return s
		})
	}
	return out
}

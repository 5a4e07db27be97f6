package catalogue

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// Pair is what is known of the requests that break just two rules of the error order.
type Pair struct {
	Rules [2]model.ID // in the order of model.ErrorRules
	// Setup and Probe are the simplest such request. Where Found is false there is none within the
	// scope: then Needs names the capabilities that the scope lacks for it, and where that is empty
	// too, Why says what makes it impossible on any target.
	Found bool
	Setup []model.Request
	Probe model.Request
	Needs []model.Capability
	Why   string
}

// Pairs lists all pairs of error rules with the simplest PutInsightSelectors that breaks just the two.
func Pairs(w *model.World, scope generators.Scope) []Pair {
	p := planFor(w, scope)
	pairs := slices.Clone(allPairs())
	for i, all := range pairs {
		x, set := &pairs[i], setOf(all.Rules[:])
		if f, ok := p.exact[0][set]; ok && f.rules == set {
			*x = Pair{Rules: all.Rules, Found: true, Setup: slices.Clone(p.worlds[f.world].setup), Probe: f.request}
		} else if all.Found {
			*x = Pair{Rules: all.Rules, Needs: lacking(scope, all.Rules[:], append(slices.Clone(all.Setup), all.Probe))}
			if len(x.Needs) == 0 {
				x.Why = "what the target has leaves no request that breaks just these two"
			}
		}
	}
	return pairs
}

// allPairs are those where the target can do all.
var allPairs = sync.OnceValue(func() (out []Pair) {
	x := newReasons()
	for a := range errorRules {
		for b := a + 1; b < len(errorRules); b++ {
			p := Pair{Rules: [2]model.ID{errorRules[a], errorRules[b]}}
			if p.Setup, p.Probe, p.Found = x.simplest(0, 1<<a|1<<b); !p.Found {
				p.Why = cmp.Or(x.exclude(a, b), x.third(1<<a|1<<b))
			}
			out = append(out, p)
		}
	}
	return out
})

// lacking lists the capabilities that rules or requests need and a scope does not have.
func lacking(scope generators.Scope, rules []model.ID, requests []model.Request) []model.Capability {
	return slices.DeleteFunc(slices.Clone(model.Capabilities), func(c model.Capability) bool {
		rest := generators.Everything()
		rest.Can[c] = false
		return scope.Can[c] || rest.Allows(requests...) && !slices.ContainsFunc(rules, func(id model.ID) bool { return !rest.Applies(id) })
	})
}

// Together is the simplest known set-up and PutInsightSelectors that break just the given rules of the
// error order; ok is false where none was found within the scope. It is put together from the given forms, or
// else from the requests that break fewer of the rules.
func Together(rules []model.ID, w *model.World, scope generators.Scope, forms ...Form) (setup []model.Request, probe model.Request, ok bool) {
	p := planFor(w, scope)
	set := setOf(rules)
	var from []found
	for _, f := range forms {
		from = append(from, f.found)
	}
	for part, f := range p.exact[0] {
		if part&^set == 0 && len(forms) == 0 {
			from = append(from, f)
		}
	}
	slices.SortFunc(from, func(f, g found) int { return cmp.Compare(f.rules, g.rules) })
	least := 0
	p.mix(from, true, func(x *prepared, r model.Request, broken ruleSet) {
		if cost := 1000*x.cost() + len(r.Input.AppendJSON(nil)); broken == set && (!ok || cost < least) {
			setup, probe, ok, least = slices.Clone(x.setup), r, true, cost
		}
	})
	return setup, probe, ok
}

// mix visits Puts with members and Regions of some requests, concatenated lists too, after the set-ups of one or two.
func (p *plan) mix(from []found, concatenated bool, visit func(x *prepared, r model.Request, broken ruleSet)) {
	var regions []string
	trails, stores, lists := []value.Value{{}}, []value.Value{{}}, []value.Value{value.ListOf()}
	add := func(values *[]value.Value, v value.Value) {
		if !slices.ContainsFunc(*values, v.Equal) {
			*values = append(*values, v)
		}
	}
	for _, f := range from {
		if !slices.Contains(regions, f.request.Region) {
			regions = append(regions, f.request.Region)
		}
		add(&trails, f.request.Input.Get("TrailName"))
		add(&stores, f.request.Input.Get("EventDataStore"))
		add(&stores, f.request.Input.Get("InsightsDestination"))
		add(&lists, f.request.Input.Get("InsightSelectors"))
	}
	if single := slices.Clone(lists); concatenated {
		for at := range product(len(single), len(single)) {
			a, b := single[at[0]], single[at[1]]
			if len(a.Items()) > 0 && len(b.Items()) > 0 && !a.Equal(b) {
				add(&lists, value.ListOf(slices.Concat(a.Items(), b.Items())...))
			}
		}
	}
	for _, x := range p.worldsOf(from) {
		for at := range product(len(regions), len(trails), len(stores), len(stores), len(lists)) {
			r := in(regions[at[0]], request(trails[at[1]], stores[at[2]], stores[at[3]], lists[at[4]]))
			if p.scope.Allows(r) {
				visit(&x, r, setOf(model.Broken(x.state, r)))
			}
		}
	}
}

// request is a Put with some of its members.
func request(trail, source, destination, list value.Value) model.Request {
	return model.Request{Op: model.OpPut, Input: value.Obj("TrailName", trail, "EventDataStore", source,
		"InsightsDestination", destination, "InsightSelectors", list)}
}

// product yields every choice of an index below each of some sizes, in order. The slice is used again.
func product(sizes ...int) iter.Seq[[]int] {
	return func(yield func([]int) bool) {
		at := make([]int, len(sizes))
		for i := 0; i >= 0 && !slices.Contains(sizes, 0) && yield(at); {
			for i = len(at) - 1; i >= 0; i-- {
				if at[i]++; at[i] < sizes[i] {
					break
				}
				at[i] = 0
			}
		}
	}
}

// worldsOf lists the worlds of the given requests, and what each two of them make together.
func (p *plan) worldsOf(from []found) (out []prepared) {
	var own []int
	for _, f := range from {
		own = append(own, f.world)
	}
	slices.Sort(own)
	own = slices.Compact(own)
	for i, a := range own {
		out = append(out, p.worlds[a])
		for _, b := range own[i+1:] {
			setup := slices.Clone(p.worlds[a].setup)
			for _, r := range p.worlds[b].setup {
				if !slices.ContainsFunc(setup, func(x model.Request) bool { return generators.Key(x) == generators.Key(r) }) {
					setup = append(setup, r)
				}
			}
			state, ok := generators.Reference(p.start, setup...)
			if ok && p.scope.Fits(state) && p.scope.Allows(setup...) {
				out = append(out, prepared{setup: setup, state: state})
			}
		}
	}
	return out
}

// trait is something that a request and the state before it have or do not have, in words for both.
type trait struct {
	holds   func(s model.State, r model.Request) bool
	yes, no string
}

func broke(rules ...model.ID) func(model.State, model.Request) bool {
	return func(s model.State, r model.Request) bool { return setOf(model.Broken(s, r))&setOf(rules) != 0 }
}

// gives reports whether a member is a string, names whether that is not an empty one.
func gives(r model.Request, member string) bool { return r.Input.Get(member).Kind() == value.String }

func names(r model.Request, member string) bool {
	return gives(r, member) && r.Input.Get(member).Text() != ""
}

// traits are what can keep one request from breaking two rules. Those that explain most come first.
var traits = []trait{
	{func(_ model.State, r model.Request) bool { return gives(r, "TrailName") }, "a TrailName",
		"a request without TrailName"},
	{func(_ model.State, r model.Request) bool { return r.Input.Get("InsightSelectors").Kind() == value.List },
		"a list in InsightSelectors", "InsightSelectors without a list"},
	{func(_ model.State, r model.Request) bool {
		return gives(r, "EventDataStore") || gives(r, "InsightsDestination")
	}, "EventDataStore or InsightsDestination", "a request without EventDataStore and InsightsDestination"},
	{func(_ model.State, r model.Request) bool {
		return names(r, "EventDataStore") && names(r, "InsightsDestination")
	}, "both EventDataStore and InsightsDestination", "a request without one of EventDataStore and InsightsDestination"},
	{func(_ model.State, r model.Request) bool {
		return (names(r, "EventDataStore") || names(r, "InsightsDestination")) &&
			len(r.Input.Get("InsightSelectors").Items()) > 0
	}, "selectors for a store that is named", "no store that is named, or no selectors"},
	{broke(model.TrailNameSyntax, model.TrailARNSyntax), "a malformed TrailName", "a well-formed TrailName"},
	{func(_ model.State, r model.Request) bool {
		return strings.HasPrefix(r.Input.Get("TrailName").Text(), "arn:")
	}, "a TrailName that is an ARN", "a TrailName that is a name"},
	{broke(model.TrailOtherAccount), "the ARN of another account as TrailName", "a TrailName of the caller's account"},
	{broke(model.TrailNotFound, model.TrailOtherAccount, model.TrailHomeRegion),
		"a TrailName without such a trail in the Region of the call", "a TrailName whose trail is in the Region of the call"},
	{broke(model.StoreIDSyntax, model.StoreNotFound, model.StoreOtherAccount), "a store that is not there",
		"stores that are there"},
	{func(s model.State, _ model.Request) bool {
		return slices.ContainsFunc(s.Trails, func(t model.Trail) bool { return t.Conditions&model.BucketMissing != 0 })
	}, "a bucket that is gone", "a bucket that is there"},
}

// reasons is a plan with what each error rule needs, from all Puts that the search has tried.
type reasons struct {
	*plan
	always, never []uint // by rule: the traits of all requests that break it, and those of none
}

// newReasons has them where the target can do all.
func newReasons() *reasons {
	x := &reasons{plan: newPlan(&model.DefaultWorld, generators.Everything())}
	x.always = slices.Repeat([]uint{1<<len(traits) - 1}, len(errorRules))
	x.never = slices.Clone(x.always)
	x.searchAll(func(s model.State, r model.Request, broken ruleSet) {
		var has uint
		for i := range traits {
			if traits[i].holds(s, r) {
				has |= 1 << i
			}
		}
		for i := range errorRules {
			if broken&(1<<i) != 0 {
				x.always[i] &= has
				x.never[i] &^= has
			}
		}
	})
	return x
}

// exclude says of two rules what the one needs and the other excludes, empty where there is nothing.
func (x *reasons) exclude(a, b int) string {
	for i, t := range traits {
		bit := uint(1) << i
		switch {
		case x.always[a]&x.never[b]&bit != 0:
			return fmt.Sprintf("%s needs %s, %s %s", errorRules[a], t.yes, errorRules[b], t.no)
		case x.never[a]&x.always[b]&bit != 0:
			return fmt.Sprintf("%s needs %s, %s %s", errorRules[a], t.no, errorRules[b], t.yes)
		}
	}
	return ""
}

// third names the rules that are broken by all that breaks a set.
func (x *reasons) third(set ruleSet) string {
	rest := ^set
	for _, n := range []int{1, 6} { // of the simplest requests for each rule: one is mostly enough
		if rest.count() != 1 {
			x.mix(x.parts(set, n), false, func(_ *prepared, _ model.Request, broken ruleSet) {
				if broken&set == set {
					rest &= broken
				}
			})
		}
	}
	if rest == 0 {
		return "no request that the model knows of breaks just these two"
	}
	var names []string
	for _, id := range rest.ids() {
		names = append(names, string(id))
	}
	return "what breaks both breaks " + strings.Join(names, " and ") + " too"
}

// parts lists, for each rule of a set, up to n of the simplest requests that break it without the others.
func (x *reasons) parts(set ruleSet, n int) (out []found) {
	for _, id := range set.ids() {
		var some []found
		for part, f := range x.exact[0] {
			if part&set == setOf([]model.ID{id}) {
				some = append(some, f)
			}
		}
		slices.SortFunc(some, func(f, g found) int {
			return cmp.Or(f.rules.count()-g.rules.count(), f.cost-g.cost, cmp.Compare(f.rules, g.rules))
		})
		out = append(out, some[:min(n, len(some))]...)
	}
	return out
}

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

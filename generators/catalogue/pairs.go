package catalogue

import (
	"cmp"
	"fmt"
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

// Pairs lists all pairs of rules of the error order with the simplest PutInsightSelectors that breaks
// just the two.
func Pairs(w *model.World, scope generators.Scope) []Pair {
	here, all := planFor(w, scope).search, everywhere().search
	var out []Pair
	for a := range errorRules {
		for b := a + 1; b < len(errorRules); b++ {
			set := ruleSet(1<<a | 1<<b)
			p := Pair{Rules: [2]model.ID{errorRules[a], errorRules[b]}}
			if f, ok := here.exact[0][set]; ok && f.rules == set {
				p.Found, p.Setup, p.Probe = true, slices.Clone(here.ws.list[f.world].setup), f.request
			} else if f, ok := all.exact[0][set]; ok {
				p.Needs = lacking(scope, p.Rules[:], append(slices.Clone(all.ws.list[f.world].setup), f.request))
				if len(p.Needs) == 0 {
					p.Why = "what the target has leaves no request that breaks just these two"
				}
			} else {
				p.Why = everywhere().why(a, b)
			}
			out = append(out, p)
		}
	}
	return out
}

// lacking lists the capabilities that rules or requests need and a scope does not have.
func lacking(scope generators.Scope, rules []model.ID, requests []model.Request) []model.Capability {
	var out []model.Capability
	for _, c := range model.Capabilities {
		if scope.Can[c] {
			continue
		}
		without := generators.Everything()
		without.Can[c] = false
		if r := without; !r.Allows(requests...) ||
			slices.ContainsFunc(rules, func(id model.ID) bool { return !r.Applies(id) }) {
			out = append(out, c)
		}
	}
	return out
}

// Together is the simplest known set-up and PutInsightSelectors that break just the given rules of the
// error order; ok is false where none was found within the scope. More than two are put together from
// the requests that break fewer of them.
func Together(rules []model.ID, w *model.World, scope generators.Scope) (setup []model.Request, probe model.Request, ok bool) {
	s := planFor(w, scope).search
	set := setOf(rules)
	if f, found := s.exact[0][set]; found && f.rules == set {
		return slices.Clone(s.ws.list[f.world].setup), f.request, true
	}
	var from []found
	for part, f := range s.exact[0] {
		if part&^set == 0 {
			from = append(from, f)
		}
	}
	slices.SortFunc(from, func(f, g found) int { return cmp.Compare(f.rules, g.rules) })
	least := 0
	s.mix(from, true, true, func(p *prepared, r model.Request, broken ruleSet) {
		if broken != set {
			return
		}
		cost := 1000*p.cost() + len(r.Input.AppendJSON(nil))
		if !ok || cost < least {
			setup, probe, ok, least = slices.Clone(p.setup), r, true, cost
		}
	})
	return setup, probe, ok
}

// mix visits the Puts whose members and Regions each come from some of the given requests, after the
// set-ups of these. Joined, each two set-ups are put together besides, concatenated, each two lists.
func (s *search) mix(from []found, joined, concatenated bool, visit func(p *prepared, r model.Request, broken ruleSet)) {
	var regions []string
	var trails, stores []value.Value
	lists := []value.Value{value.ListOf()}
	add := func(values *[]value.Value, v value.Value) {
		if !slices.ContainsFunc(*values, v.Equal) {
			*values = append(*values, v)
		}
	}
	add(&trails, value.Value{})
	add(&stores, value.Value{})
	for _, f := range from {
		if !slices.Contains(regions, f.request.Region) {
			regions = append(regions, f.request.Region)
		}
		add(&trails, f.request.Input.Get("TrailName"))
		add(&stores, f.request.Input.Get("EventDataStore"))
		add(&stores, f.request.Input.Get("InsightsDestination"))
		add(&lists, f.request.Input.Get("InsightSelectors"))
	}
	if concatenated {
		single := slices.Clone(lists)
		for _, list := range single {
			for _, more := range single {
				if len(list.Items()) > 0 && len(more.Items()) > 0 && !list.Equal(more) {
					add(&lists, value.ListOf(slices.Concat(list.Items(), more.Items())...))
				}
			}
		}
	}
	for _, p := range s.worldsOf(from, joined) {
		for _, region := range regions {
			for _, trail := range trails {
				for _, source := range stores {
					for _, destination := range stores {
						for _, list := range lists {
							r := model.Request{Op: model.OpPut, Region: region,
								Input: value.Obj("TrailName", trail, "EventDataStore", source, "InsightsDestination", destination, "InsightSelectors", list)}
							if s.ws.scope.Allows(r) {
								visit(&p, r, setOf(model.Broken(p.state, r)))
							}
						}
					}
				}
			}
		}
	}
}

// worldsOf lists the worlds of the given requests and, joined, what each two of them make together.
func (s *search) worldsOf(from []found, joined bool) []prepared {
	var own []int
	for _, f := range from {
		if !slices.Contains(own, f.world) {
			own = append(own, f.world)
		}
	}
	slices.Sort(own)
	var out []prepared
	for i, a := range own {
		out = append(out, s.ws.list[a])
		if !joined {
			continue
		}
		for _, b := range own[i+1:] {
			setup := slices.Clone(s.ws.list[a].setup)
			for _, r := range s.ws.list[b].setup {
				if !slices.ContainsFunc(setup, func(x model.Request) bool { return setupKey([]model.Request{x}) == setupKey([]model.Request{r}) }) {
					setup = append(setup, r)
				}
			}
			state, ok := generators.Reference(s.ws.start, setup...)
			if ok && s.ws.scope.Fits(state) && s.ws.scope.Allows(setup...) {
				out = append(out, prepared{name: s.ws.list[a].name + " and " + s.ws.list[b].name, setup: setup, state: state})
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

// traits are what can keep two rules from being broken by one request. Those that explain most come
// first.
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
	search        *search
	always, never []uint // by rule: the traits of all requests that break it, and those of none

	mu    sync.Mutex
	known map[[2]int]string
}

// everywhere has the reasons where the target can do all.
var everywhere = sync.OnceValue(func() *reasons {
	w := model.DefaultWorld
	x := &reasons{search: planFor(&w, generators.Everything()).search, known: map[[2]int]string{}}
	for range errorRules {
		x.always, x.never = append(x.always, 1<<len(traits)-1), append(x.never, 1<<len(traits)-1)
	}
	watched := &search{ws: x.search.ws, watch: x.learn}
	watched.run()
	return x
})

// learn takes in what a Put breaks.
func (x *reasons) learn(s model.State, r model.Request, broken ruleSet) {
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
}

// why says what keeps one request from breaking just two rules: what the one needs and the other
// excludes, or which third rule is broken with them.
func (x *reasons) why(a, b int) string {
	x.mu.Lock()
	defer x.mu.Unlock()
	key := [2]int{a, b}
	if _, ok := x.known[key]; !ok {
		x.known[key] = x.exclude(a, b)
		if x.known[key] == "" {
			x.known[key] = x.third(a, b)
		}
	}
	return x.known[key]
}

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

// third names the rules that are broken by all that breaks two.
func (x *reasons) third(a, b int) string {
	set := ruleSet(1<<a | 1<<b)
	rest, ok := x.alsoBroken(set, x.simplest(set, 1))
	if !ok || rest.count() != 1 {
		if more, found := x.alsoBroken(set, x.simplest(set, 6)); found && ok {
			rest &= more
		} else if found {
			rest = more
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

// simplest lists, for each rule of a set, up to n of the simplest requests that break it without the
// others of the set.
func (x *reasons) simplest(set ruleSet, n int) []found {
	var out []found
	for _, id := range set.ids() {
		var some []found
		for part, f := range x.search.exact[0] {
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

// alsoBroken finds which other rules are broken by all mixtures of requests that break a set.
func (x *reasons) alsoBroken(set ruleSet, from []found) (rest ruleSet, ok bool) {
	rest = ^set
	x.search.mix(from, true, false, func(_ *prepared, _ model.Request, broken ruleSet) {
		if broken&set == set {
			rest, ok = rest&broken, true
		}
	})
	return rest, ok
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
			x := edit{member, v}.apply(r)
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
	for round, before := 0, -1; len(out) > before; round++ {
		before = len(out)
		for _, found := range kinds {
			if round < len(found) && len(out) < n {
				out = append(out, found[round])
			}
		}
	}
	return out
}

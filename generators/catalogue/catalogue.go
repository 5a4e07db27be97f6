// Package catalogue computes systematic cases from the model: what breaks each error rule alone and
// each two of them together, histories for the other rules, and every class of values.
package catalogue

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// The kinds of a Case.
const (
	KindRule     = "rule"     // breaks one error rule alone, as simply as possible
	kindScenario = "scenario" // a short history, ending in the step that a rule speaks of
	kindValue    = "value"    // one class of values of one member
	KindPair     = "pair"     // breaks two error rules together
)

// Case is one systematic test: requests from an empty world, then one whose answer and effect are
// what the case is about. Set-ups succeed in the reference model.
type Case struct {
	Name string
	Kind string
	// Rules are those that the probe breaks (kinds rule, pair and most values), or puts to the test.
	Rules []model.ID
	Op    model.Op        // of the probe
	Setup []model.Request // two cases with the same may share a world where the first probe changes nothing
	Probe model.Request
	world string // the key of Setup
}

// plan is what the model yields for a world and a scope.
type plan struct {
	search *search
	cases  []Case
}

var plans struct {
	mu    sync.Mutex
	known map[string]*plan
}

// planFor computes a plan once for each world and scope.
func planFor(w *model.World, scope generators.Scope) *plan {
	world := *w // the caller's may change
	var key strings.Builder
	if w.Profile != nil {
		fmt.Fprint(&key, *w.Profile)
		world.Profile = nil // whose address says nothing
	}
	fmt.Fprintf(&key, "%v %d %d %v", world, scope.MaxTrails, scope.MaxStores, scope.Given)
	world.Profile = w.Profile
	for _, c := range model.Capabilities {
		if scope.Can[c] {
			key.WriteString(" " + string(c))
		}
	}
	plans.mu.Lock()
	defer plans.mu.Unlock()
	if p := plans.known[key.String()]; p != nil {
		return p
	}
	p := compute(&world, scope)
	if plans.known == nil {
		plans.known = map[string]*plan{}
	}
	plans.known[key.String()] = p
	return p
}

func compute(w *model.World, scope generators.Scope) *plan {
	p := &plan{search: newSearch(prepareWorlds(w, scope))}
	b := &builder{search: p.search, seen: map[string]bool{}}
	b.rules()
	b.scenarios()
	b.values()
	b.pairs()
	p.cases = b.cases
	return p
}

// Cases lists the systematic cases that the scope allows, in a fixed order: rules, scenarios,
// values, pairs; within a kind those that share a set-up stand together. The caller must not change
// what the cases refer to.
func Cases(w *model.World, scope generators.Scope) []Case {
	return slices.Clone(planFor(w, scope).cases)
}

// Minimal is the simplest set-up and request that break a rule of the error order alone; ok is false
// where there is none within the scope.
func Minimal(rule model.ID, op model.Op, w *model.World, scope generators.Scope) (setup []model.Request, probe model.Request, ok bool) {
	s := planFor(w, scope).search
	i := slices.Index(searchOps[:], op)
	if i < 0 || !s.ws.scope.Applies(rule) || model.RuleOf(rule).Code == "" {
		return nil, model.Request{}, false
	}
	f, ok := s.exact[i][setOf([]model.ID{rule})]
	if !ok {
		return nil, model.Request{}, false
	}
	return slices.Clone(s.ws.list[f.world].setup), f.request, true
}

// builder turns what the search found into cases.
type builder struct {
	search *search
	cases  []Case
	seen   map[string]bool // requests from empty worlds that are in the catalogue already
}

// add keeps a case unless the same requests are there already.
func (b *builder) add(c Case) {
	var key strings.Builder
	fmt.Fprintf(&key, "%t", c.Kind == kindScenario) // a scenario may repeat what breaks a rule
	for _, r := range append(slices.Clone(c.Setup), c.Probe) {
		writeKey(&key, r)
	}
	if b.seen[key.String()] {
		return
	}
	b.seen[key.String()] = true
	c.Op, c.world = c.Probe.Op, setupKey(c.Setup)
	b.cases = append(b.cases, c)
}

func writeKey(key *strings.Builder, r model.Request) {
	key.WriteString(string(r.Op) + r.Region + r.Method)
	key.Write(r.Input.AppendJSON(nil))
	if r.Raw != nil {
		key.WriteString(*r.Raw)
	}
	fmt.Fprintf(key, "%t\n", r.OtherTarget)
}

func setupKey(setup []model.Request) string {
	var key strings.Builder
	for _, r := range setup {
		writeKey(&key, r)
	}
	return key.String()
}

// together puts the cases added since a mark in the order of the first use of their set-ups.
func (b *builder) together(mark int) {
	first := map[string]int{}
	for i, c := range b.cases[mark:] {
		if _, known := first[c.world]; !known {
			first[c.world] = i
		}
	}
	slices.SortStableFunc(b.cases[mark:], func(x, y Case) int { return first[x.world] - first[y.world] })
}

func (b *builder) fromFound(kind, name string, f found) Case {
	p := &b.search.ws.list[f.world]
	rules := (f.rules & b.search.applies).ids()
	return Case{Kind: kind, Name: name, Rules: rules, Setup: p.setup, Probe: f.request}
}

// rules adds, for each operation and error rule, the simplest request that breaks it alone.
func (b *builder) rules() {
	for op := range searchOps {
		for i, id := range errorRules {
			if f, ok := b.search.exact[op][1<<i]; ok {
				b.add(b.fromFound(KindRule, fmt.Sprintf("%s breaks %s: %s", searchOps[op], id, b.about(f)), f))
			}
		}
	}
	b.together(0)
}

// about says what is unusual in a found request.
func (b *builder) about(f found) string { return describe(b.search.ws.list[f.world].name, f.label) }

// pairs adds, for each operation, the simplest request that breaks just two error rules.
func (b *builder) pairs() {
	mark := len(b.cases)
	for op := range searchOps {
		for i := range errorRules {
			for j := i + 1; j < len(errorRules); j++ {
				if f, ok := b.search.exact[op][1<<i|1<<j]; ok {
					b.add(b.fromFound(KindPair, fmt.Sprintf("%s breaks %s and %s: %s", searchOps[op], errorRules[i],
						errorRules[j], b.about(f)), f))
				}
			}
		}
	}
	b.together(mark)
}

// values adds each class of values of each member, where it breaks least beside its rule, and what
// can be odd about a request as a whole.
func (b *builder) values() {
	mark := len(b.cases)
	for op := range searchOps {
		for _, key := range b.search.order[op] {
			f := b.search.values[op][key]
			b.add(b.fromFound(kindValue, fmt.Sprintf("%s with %s: %s", searchOps[op], key, b.search.ws.list[f.world].name), f))
		}
	}
	world := b.search.ws.list[0]
	plain := world.plain[0]
	get := model.Request{Op: model.OpGet, Input: plain.Input.With("InsightSelectors", value.Value{})}
	for _, r := range []model.Request{plain, get} {
		for _, whole := range generators.Wholes() {
			probe := whole.Apply(r)
			if !b.search.ws.scope.Allows(probe) {
				continue
			}
			rules := []model.ID{model.WireUnknownMembers}
			if probe.Malformed() {
				rules[0] = model.WireNoCrash
			} else if probe.OtherTarget {
				rules[0] = model.WireProtocol
			}
			b.add(Case{Kind: kindValue, Name: fmt.Sprintf("%s as a whole: %s", r.Op, whole.Name), Rules: rules,
				Setup: world.setup, Probe: probe})
		}
	}
	b.together(mark)
}

// Breaking finds a request that breaks a rule alone in a state, as like to a given one as possible: it
// tries to repair or leave out each of the given request's members.
func Breaking(s model.State, rule model.ID, like model.Request) (model.Request, bool) {
	if like.Malformed() || (like.Op != model.OpPut && like.Op != model.OpGet) {
		return model.Request{}, false
	}
	like.OtherTarget = false
	regions := []string{like.Region}
	if like.Region != "" {
		regions = append(regions, "")
	}
	best, least := model.Request{}, 1<<30
	want := setOf([]model.ID{rule})
	for ri, region := range regions {
		for ti, trail := range repairsOfName(s, like.Input.Get("TrailName"), true) {
			for xi, source := range repairsOfName(s, like.Input.Get("EventDataStore"), false) {
				for di, destination := range repairsOfName(s, like.Input.Get("InsightsDestination"), false) {
					if like.Op == model.OpGet && destination.Kind() != value.Absent {
						continue
					}
					for li, list := range repairsOfList(like) {
						cost := 4*(ri+min(ti, 1)+min(xi, 1)+min(di, 1)+min(li, 1)) + ti + xi + di + li
						if cost >= least {
							continue
						}
						r := like
						r.Region = region
						r.Input = value.Obj("TrailName", trail, "EventDataStore", source, "InsightsDestination", destination,
							"InsightSelectors", list)
						if setOf(model.Broken(s, r)) == want {
							best, least = r, cost
						}
					}
				}
			}
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
func repairsOfList(like model.Request) []value.Value {
	if like.Op == model.OpGet {
		return []value.Value{{}}
	}
	list := like.Input.Get("InsightSelectors")
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

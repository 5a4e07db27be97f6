package catalogue

import (
	"maps"
	"math/bits"
	"slices"
	"strings"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// ruleSet is a set of error rules by their place in the error order.
type ruleSet uint64

var errorRules = model.ErrorRules()

var errorIndex = func() map[model.ID]int {
	index := map[model.ID]int{}
	for i, id := range errorRules {
		index[id] = i
	}
	return index
}()

func setOf(ids []model.ID) ruleSet {
	var set ruleSet
	for _, id := range ids {
		set |= 1 << errorIndex[id]
	}
	return set
}

func (s ruleSet) count() int { return bits.OnesCount64(uint64(s)) }

func (s ruleSet) ids() []model.ID {
	var out []model.ID
	for i, id := range errorRules {
		if s&(1<<i) != 0 {
			out = append(out, id)
		}
	}
	return out
}

// found is the simplest request that is known to break a set of rules.
type found struct {
	cost    int
	world   int // index in worlds.list
	label   string
	request model.Request
	rules   ruleSet
}

type representative = generators.Representative

// edit is one difference from a plain request.
type edit struct {
	member string
	r      representative
}

func (e edit) apply(r model.Request) model.Request {
	r.Input = r.Input.With(e.member, e.r.Value)
	if e.r.Region != "" {
		r.Region = e.r.Region
	}
	return r
}

var nouns = map[string]string{"TrailName": "trail", "EventDataStore": "source",
	"InsightsDestination": "destination", "InsightSelectors": "selectors"}

func edits(member string, values ...representative) []edit {
	var out []edit
	for _, v := range values {
		out = append(out, edit{member, v})
	}
	return out
}

func (e edit) label() string { return nouns[e.member] + " " + e.r.Name }

// search looks in all prepared worlds for the simplest request that breaks each set of one or two
// rules, and for the world in which each value can be tried with the least other trouble.
type search struct {
	ws      *worlds
	applies ruleSet
	exact   [2]map[ruleSet]found                      // by operation: Put, Get
	values  [2]map[string]found                       // by member and value
	order   [2][]string                               // the keys of values as they were met
	reduced map[string][]edit                         // of the first world, by member: one edit for each set that edits break
	kinds   map[[2]bool]bool                          // whether a world with trails, with stores, has been searched
	tried   int                                       // requests
	watch   func(model.State, model.Request, ruleSet) // is shown each Put that is tried; may be nil
}

var searchOps = [2]model.Op{model.OpPut, model.OpGet}

func newSearch(ws *worlds) *search {
	s := &search{ws: ws}
	s.run()
	return s
}

// run searches all worlds.
func (s *search) run() {
	ws := s.ws
	s.kinds = map[[2]bool]bool{}
	for i, id := range errorRules {
		if ws.scope.Applies(id) {
			s.applies |= 1 << i
		}
	}
	for op := range searchOps {
		s.exact[op] = map[ruleSet]found{}
		s.values[op] = map[string]found{}
	}
	lists := newMembers()
	for i := range ws.list {
		s.world(i, lists)
	}
}

// members are the values to try that do not depend on the world.
type members struct {
	selectors []edit // each class
	fewer     []edit // the valid ones, and one for each set of rules that a class breaks
	combined  []edit // lists of two and three selectors that break several rules
}

func newMembers() *members {
	m := &members{}
	seen := map[ruleSet]bool{}
	for _, r := range slices.Concat(generators.PlainSelectors(), generators.VariantSelectors(), generators.BadSelectors()) {
		m.selectors = append(m.selectors, edit{"InsightSelectors", r})
		if set := setOf(r.Breaks); set == 0 || !seen[set] || slices.Contains(r.Breaks, model.PutDuplicateDiffering) {
			seen[set] = true
			m.fewer = append(m.fewer, edit{"InsightSelectors", r})
		}
	}
	bad := generators.BadItems()
	wrongType := slices.IndexFunc(bad, func(r representative) bool {
		return setOf(r.Breaks) == setOf([]model.ID{model.WireWrongType})
	})
	items := []representative{
		valid("call rate on Management", selector(callRate, management)), valid("error rate on Management",
			selector(errorRate, management)),
		valid("call rate on Data", selector(callRate, data)), valid("error rate on Data", selector(errorRate, data)),
		bad[0], bad[10], bad[13], bad[wrongType],
	}
	differing := []value.Value{selector(callRate, management), selector(callRate, data)}
	for i, a := range items {
		for _, b := range items[i+1:] {
			m.combined = append(m.combined, edit{"InsightSelectors",
				valid(a.Name+" and "+b.Name, value.ListOf(a.Value, b.Value))})
		}
		m.combined = append(m.combined, edit{"InsightSelectors",
			valid("a type twice with other categories and "+a.Name, value.ListOf(differing[0], differing[1], a.Value))})
	}
	return m
}

func (s *search) world(i int, lists *members) {
	p := &s.ws.list[i]
	if p.reduced && len(s.reduced) > 0 {
		for _, plain := range p.plain {
			names := s.reduced
			if plain.Input.Get("EventDataStore").Given() == plain.Input.Get("TrailName").Given() {
				names = s.ofStores(p.state)
			}
			if plain.Input.Get("TrailName").Given() {
				s.vary(0, i, plain, names, putMembers)
			}
		}
		return
	}
	trails, stores, selectors := generators.TrailNames(p.state), generators.StoreNames(p.state), lists.selectors
	if kind := [2]bool{len(p.state.Trails) > 0, len(p.state.Stores) > 0}; s.kinds[kind] {
		// Each class has been tried with a trail, with stores, with both.
		trails, stores, selectors = fewer(trails), fewer(stores), lists.fewer
	} else {
		s.kinds[kind] = true
	}
	byMember := map[string][]edit{"InsightSelectors": append(append([]edit{}, selectors...), lists.combined...)}
	byMember["TrailName"] = edits("TrailName", trails...)
	for _, member := range putMembers[1:3] {
		byMember[member] = append(edits(member, absent), edits(member, stores...)...)
	}
	noStore := edit{"EventDataStore", absent}
	blank := edit{"EventDataStore", representative{Name: "empty", Value: value.Str(""),
		Breaks: []model.ID{model.InputNoResource, model.StoreIDSyntax}}}
	for _, plain := range p.plain {
		get := model.Request{Op: model.OpGet, Input: plain.Input.With("InsightSelectors",
			value.Value{}).With("InsightsDestination", value.Value{})}
		names := byMember
		if !plain.Input.Get("TrailName").Given() {
			names = map[string][]edit{"TrailName": byMember["TrailName"], "InsightSelectors": byMember["InsightSelectors"],
				"EventDataStore": append(slices.Clone(byMember["EventDataStore"]),
					blank), "InsightsDestination": byMember["InsightsDestination"]}
			// An empty list may leave out either store.
			off := edit{"InsightSelectors", valid("the empty list", value.ListOf())}
			s.note(0, i, off.apply(noStore.apply(plain)), off, noStore)
		}
		kept := s.vary(0, i, plain, names, putMembers)
		s.vary(1, i, get, names, putMembers[:2])
		if s.reduced == nil {
			// What breaks the same in the first world breaks the same in those that differ from it
			// only in what is around the trail.
			s.reduced = kept
			s.reduced["InsightSelectors"] = append(append(kept["InsightSelectors"], lists.combined...), lists.selectors[:16]...)
		}
	}
}

// whichResource are the rules that one edit may break and another mend.
var whichResource = setOf([]model.ID{model.InputNoResource, model.InputTrailAndStore, model.InputStoreNeedsBoth})

// absent leaves a member out.
var absent = valid("absent", value.Value{})

var putMembers = []string{"TrailName", "EventDataStore", "InsightsDestination", "InsightSelectors"}

// fewer keeps of the representatives that break the same rules in the same Region the first.
func fewer(reps []representative) []representative {
	type class struct {
		breaks ruleSet
		region string
	}
	seen := map[class]bool{}
	return slices.DeleteFunc(reps, func(r representative) bool {
		c := class{setOf(r.Breaks), r.Region}
		known := seen[c]
		seen[c] = true
		return known && c.breaks != 0
	})
}

// ofStores is the reduced lists with the stores of a state.
func (s *search) ofStores(state model.State) map[string][]edit {
	out := maps.Clone(s.reduced)
	for _, member := range putMembers[1:3] {
		for _, r := range generators.StoreNames(state) {
			out[member] = append(slices.Clip(out[member]), edit{member, r})
		}
	}
	return out
}

// vary tries every single edit of a plain request, and of those that differ in what they break every
// two of different members.
func (s *search) vary(op, world int, plain model.Request, byMember map[string][]edit, names []string) map[string][]edit {
	s.note(op, world, plain)
	kept := make([][]edit, len(names))
	breaks := make([][]ruleSet, len(names))
	for i, member := range names {
		seen := map[ruleSet]bool{}
		for _, e := range byMember[member] {
			r := e.apply(plain)
			if r.Input.Get("TrailName").Given() && r.Input.Get("EventDataStore").Kind() == value.String &&
				r.Input.Get("EventDataStore").Text() == "" {
				continue
			}
			broken, ok := s.note(op, world, r, e)
			if !ok {
				continue
			}
			s.value(op, world, e, r, broken)
			if !seen[broken] {
				seen[broken] = true
				kept[i] = append(kept[i], e)
				breaks[i] = append(breaks[i], broken&s.applies)
			}
		}
	}
	cost := s.cost(world, []edit{{}, {}})
	for i := range kept {
		for j := i + 1; j < len(kept); j++ {
			for x, a := range kept[i] {
				first := a.apply(plain)
				for y, b := range kept[j] {
					// Two edits mostly break together what they break by themselves.
					likely := breaks[i][x] | breaks[j][y]
					if known, ok := s.exact[op][likely]; (likely&^whichResource).count() > 2 || (ok && known.cost <= cost) {
						continue
					}
					s.note(op, world, b.apply(first), a, b)
				}
			}
		}
	}
	out := map[string][]edit{}
	for i, member := range names {
		out[member] = kept[i]
	}
	return out
}

// note keeps a request if it is the simplest so far to break what it breaks.
func (s *search) note(op, world int, r model.Request, edits ...edit) (broken ruleSet, ok bool) {
	r.Op = searchOps[op]
	if !s.ws.scope.Allows(r) {
		return 0, false
	}
	s.tried++
	broken = setOf(model.Broken(s.ws.list[world].state, r))
	if s.watch != nil && r.Op == model.OpPut {
		s.watch(s.ws.list[world].state, r, broken)
	}
	applicable := broken & s.applies
	if n := applicable.count(); n != 1 && n != 2 {
		return broken, true
	}
	// A rule that the target cannot have is better not broken beside the one that is meant.
	cost := s.cost(world, edits) + 50*(broken&^applicable).count()
	if before, known := s.exact[op][applicable]; !known || cost < before.cost {
		if s.mayPass(world, r, applicable) {
			if cost += 30; known && cost >= before.cost {
				return broken, true
			}
		}
		var labels []string
		for _, e := range edits {
			labels = append(labels, e.label())
		}
		s.exact[op][applicable] = found{cost: cost, world: world, label: strings.Join(labels, ", "), request: r, rules: broken}
	}
	return broken, true
}

func (s *search) cost(world int, edits []edit) int { return s.ws.list[world].cost() + 2*len(edits) }

// mayPass reports whether a success is accepted although none of the rules says so: such a request
// shows less than others that break the same rules.
func (s *search) mayPass(world int, r model.Request, rules ruleSet) bool {
	for _, id := range rules.ids() {
		if model.RuleOf(id).MayPass {
			return false
		}
	}
	for _, b := range model.Step(s.ws.list[world].state, r) {
		if b.Answer.Outcome == model.Succeeded {
			return true
		}
	}
	return false
}

// value keeps the simplest way to try a value by itself: breaking nothing or its rule alone if that
// can be, else with as few others as possible.
func (s *search) value(op, world int, e edit, r model.Request, broken ruleSet) {
	r.Op = searchOps[op]
	key := e.label()
	others := max(0, (broken&s.applies).count()-1) + 2*(broken&^s.applies).count()
	if len(e.r.Breaks) > 0 && broken&setOf(e.r.Breaks[:1]) == 0 {
		others += 10 // what the value is about does not show here
	}
	if len(e.r.Breaks) == 0 && broken != 0 {
		others += 5
	}
	cost := s.ws.list[world].cost() + 100*others
	before, known := s.values[op][key]
	if !known {
		s.order[op] = append(s.order[op], key)
	}
	if !known || cost < before.cost {
		s.values[op][key] = found{cost: cost, world: world, label: key, request: r, rules: broken}
	}
}

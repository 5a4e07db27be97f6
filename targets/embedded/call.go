package embedded

import (
	"cmp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets/naming"
	"github.com/insightconform/conform/targets/wire"
)

// call is one request as a fault sees it.
type call struct {
	state     model.State // before
	request   model.Request
	reference func(model.State, model.Request) (model.Answer, model.State)

	// What becomes of the request: first what the reference makes of it.
	answer model.Answer
	next   model.State

	i int // the trail or store that the request names, where a fault is about one
}

// play has the reference carry the request out, and a fault change that.
func (c *call) play(fault func(*call)) {
	c.answer, c.next = c.reference(c.state, c.request)
	if fault != nil {
		fault(c)
	}
}

// is reports whether the request is a well-formed one of an operation.
func (c *call) is(op model.Op) bool { return c.request.Op == op && !c.request.Malformed() }

func (c *call) succeeded() bool { return c.answer.Outcome != model.Refused }

func (c *call) broken() []model.ID { return model.Broken(c.state, c.request) }

// breaks reports whether the request breaks a rule of the error order, and besides it at most some others.
func (c *call) breaks(rule model.ID, others ...model.ID) bool {
	broken := c.broken()
	return slices.Contains(broken, rule) &&
		!slices.ContainsFunc(broken, func(id model.ID) bool { return id != rule && !slices.Contains(others, id) })
}

// reads reports whether the request is a Get that breaks no rule.
func (c *call) reads() bool { return c.is(model.OpGet) && len(c.broken()) == 0 }

// puts reports whether the request is a Put that breaks no rule and that the reference carries out.
func (c *call) puts() bool { return c.is(model.OpPut) && len(c.broken()) == 0 && c.succeeded() }

func (c *call) enables() bool { return len(c.list()) > 0 }

func (c *call) disables() bool { return !c.enables() }

func (c *call) list() []value.Value { return c.request.Input.Get("InsightSelectors").Items() }

// requested is the set that a Put asks for, without what cannot be understood.
func (c *call) requested() model.Selectors {
	list := c.request.Input.Get("InsightSelectors")
	a, _ := wire.ReadSuccess(model.OpPut, value.Obj("InsightSelectors", list))
	return a.Selectors.Effective()
}

func (c *call) byARN() bool { return strings.HasPrefix(givenTrail(c.request), "arn:") }

// trail, store and destination are what the request names in the Region of the call; -1 where there is none.
func (c *call) trail() int {
	given, region := givenTrail(c.request), regionOf(c.state, c.request)
	return slices.IndexFunc(c.state.Trails, func(t model.Trail) bool {
		return t.Home == region && (given == t.Name || given == c.state.World.TrailARN(region, t.Name))
	})
}

func (c *call) store() int       { return c.storeNamed("EventDataStore") }
func (c *call) destination() int { return c.storeNamed("InsightsDestination") }

func (c *call) storeNamed(member string) int {
	given, region := c.request.Input.Get(member).Text(), regionOf(c.state, c.request)
	return slices.IndexFunc(c.state.Stores, func(x model.Store) bool {
		return x.Home == region && (given == x.ID || given == c.state.World.StoreARN(x.Home, x.ID))
	})
}

// oldTrail is the trail c.i before the call, before what it has stored then, and after what it has now.
func (c *call) oldTrail() *model.Trail  { return &c.state.Trails[c.i] }
func (c *call) before() model.Selectors { return c.state.Trails[c.i].Insights }
func (c *call) after() model.Selectors  { return c.next.Trails[c.i].Insights.Effective() }

// refuse changes nothing.
func (c *call) refuse(code string) { c.answer, c.next = model.Refusal(code), c.state }

// put sets what is stored on the trail c.i, and putOn on any.
func (c *call) put(set model.Selectors) { c.putOn(c.i, set) }

func (c *call) putOn(i int, set model.Selectors) {
	t := c.next.Trails[i]
	t.Insights, t.Repeats = set, false
	t.Asleep, t.MustWake, t.HasEither = 0, false, false
	c.next = c.next.WithTrail(i, t)
}

func (c *call) changeStore(i int, change func(*model.Store)) {
	x := c.next.Stores[i]
	change(&x)
	c.next = c.next.WithStore(i, x)
}

func (c *call) putOnStore(i int, set model.Selectors) {
	c.changeStore(i, func(x *model.Store) { x.Insights, x.Repeats = set, false })
}

// success is what Put and Get answer for the trail c.i with a set.
func (c *call) success(set model.Selectors) model.Answer {
	t := c.oldTrail()
	return model.Answer{Outcome: model.Succeeded, TrailARN: c.state.World.TrailARN(t.Home, t.Name), Selectors: set}
}

// show has Get answer as if a set was stored on the trail c.i.
func (c *call) show(set model.Selectors) {
	if c.refuse(codeNotEnabled); set.On() {
		c.answer = c.success(set)
	}
}

func (c *call) storeARN(id string) string {
	if strings.HasPrefix(id, "arn:") {
		return id
	}
	return c.state.World.StoreARN(regionOf(c.state, c.request), id)
}

func givenTrail(r model.Request) string {
	name := r.Input.Get("TrailName")
	if name.Kind() == value.Absent {
		name = r.Input.Get("Name")
	}
	return name.Text()
}

// trailKey identifies a trail by itself, whatever the request calls it.
type trailKey struct{ region, name string }

func keyOf(t model.Trail) trailKey { return trailKey{t.Home, t.Name} }

func namedKey(s model.State, r model.Request) trailKey {
	name := givenTrail(r)
	parsed, err := arn.Parse(name)
	if err != nil {
		return trailKey{regionOf(s, r), name}
	}
	return trailKey{parsed.Region, strings.TrimPrefix(parsed.Resource, "trail/")}
}

func regionOf(s model.State, r model.Request) string { return cmp.Or(r.Region, s.World.Home) }

func indexOf(s model.State, key trailKey) int {
	return slices.IndexFunc(s.Trails, func(t model.Trail) bool { return keyOf(t) == key })
}

// elsewhere is the index of the trail of that name in the other Region.
func elsewhere(s model.State, key trailKey) int {
	return slices.IndexFunc(s.Trails, func(t model.Trail) bool { return t.Name == key.name && t.Home != key.region })
}

// siblings lists the other trails of the same world and Region, in the order in which they were made.
func (c *call) siblings() (out []int) {
	t := c.oldTrail()
	for j := range c.state.Trails {
		if other := &c.state.Trails[j]; j != c.i && other.Home == t.Home && tagOf(other.Name) == tagOf(t.Name) {
			out = append(out, j)
		}
	}
	return out
}

// tagOf is the tag within a name: faults that mix trails up stay within a world, since each is judged by itself.
func tagOf(name string) string {
	words := strings.FieldsFunc(name, func(c rune) bool { return c == '.' || c == '_' || c == '-' })
	i := slices.IndexFunc(words, func(word string) bool {
		return len(word) == naming.TagLength && strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") == ""
	})
	if i < 0 {
		return ""
	}
	return words[i]
}

// entry is one well-typed selector of a Put as it was written.
type entry struct {
	kind       model.Type
	categories []model.Categories // in order, duplicates included
	absent     bool               // EventCategories is absent or null
}

func (e entry) set() model.Categories {
	if len(e.categories) == 0 {
		return model.Management
	}
	var c model.Categories
	for _, one := range e.categories {
		c |= one
	}
	return c
}

func (e entry) duplicated() bool { return len(e.categories) > len(e.set().Names()) }

// empty reports whether the entry has a list of categories without any.
func (e entry) empty() bool { return !e.absent && len(e.categories) == 0 }

// entries lists the selectors of a Put that name a type of the enum.
func (c *call) entries() []entry {
	var out []entry
	for _, item := range c.list() {
		kind := slices.Index(model.TypeNames[:], item.Get("InsightType").Text())
		if kind < 0 {
			continue
		}
		given := item.Get("EventCategories")
		e := entry{kind: model.Type(kind), absent: !given.Given()}
		for _, v := range given.Items() {
			if i := slices.Index(model.CategoryNames[:], v.Text()); i >= 0 {
				e.categories = append(e.categories, 1<<i)
			}
		}
		out = append(out, e)
	}
	return out
}

// repeatedType finds the first type that two entries name, and whether their categories are the same.
func (c *call) repeatedType() (t model.Type, same bool) {
	entries := c.entries()
	for i, e := range entries {
		for _, earlier := range entries[:i] {
			if earlier.kind == e.kind {
				return e.kind, earlier.set() == e.set()
			}
		}
	}
	return 0, false
}

// unknownMember reports whether a Put or Get has a member that the operation does not know.
func (c *call) unknownMember() bool {
	known := []string{"TrailName", "EventDataStore"}
	if c.request.Op == model.OpPut {
		known = append(known, "InsightsDestination", "InsightSelectors")
	}
	return hasOther(c.request.Input, known) || slices.ContainsFunc(c.list(), func(item value.Value) bool {
		return hasOther(item, []string{"InsightType", "EventCategories"})
	})
}

func hasOther(v value.Value, known []string) bool {
	return slices.ContainsFunc(v.Members(), func(m value.Member) bool { return !slices.Contains(known, m.Name) })
}

const bothCategories = model.Management | model.Data

var bothTypes = [...]model.Type{model.CallRate, model.ErrorRate}

// with returns a set in which one type has other categories; none turns it off.
func with(set model.Selectors, t model.Type, c model.Categories) model.Selectors {
	if t == model.CallRate {
		return model.MakeSelectors(c, set.Of(model.ErrorRate))
	}
	return model.MakeSelectors(set.Of(model.CallRate), c)
}

func eachType(set model.Selectors, change func(t model.Type, of model.Categories) model.Categories) model.Selectors {
	for _, t := range bothTypes {
		if of := set.Of(t); change(t, of) != of {
			set = with(set, t, change(t, of))
		}
	}
	return set
}

// eachOn gives every type that is on the same categories.
func eachOn(set model.Selectors, to model.Categories) model.Selectors {
	for _, t := range bothTypes {
		if set.Of(t) != 0 {
			set = with(set, t, to)
		}
	}
	return set
}

func firstType(set model.Selectors) model.Selectors {
	if set.Of(model.CallRate) != 0 {
		return with(set, model.ErrorRate, 0)
	}
	return set
}

func twoTypes(set model.Selectors) bool {
	return set.Of(model.CallRate) != 0 && set.Of(model.ErrorRate) != 0
}

// lose returns the set without one of its categories; of one with a single category nothing is left.
func lose(set model.Selectors) model.Selectors {
	for _, t := range bothTypes {
		if set.Of(t) == bothCategories {
			return with(set, t, model.Management)
		}
	}
	if twoTypes(set) {
		return firstType(set)
	}
	return 0
}

// lacks reports whether a type misses what it needs to be logged.
func lacks(set model.Selectors, t model.Type, logs model.Logs) bool {
	return !model.Meets(with(set, 1-t, 0), logs)
}

package model

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"

	"github.com/insightconform/conform/model/value"
)

// Type is an insight type.
type Type uint8

// The insight types of the enum InsightType.
const (
	CallRate Type = iota
	ErrorRate
)

// TypeNames spells the insight types on the wire, by Type.
var TypeNames = [...]string{"ApiCallRateInsight", "ApiErrorRateInsight"}

// Categories is a set of event categories.
type Categories uint8

// The event categories of the enum SourceEventCategory.
const (
	Management Categories = 1 << iota
	Data
)

// CategoryNames spells the categories on the wire: CategoryNames[i] is category 1<<i.
var CategoryNames = [...]string{"Management", "Data"}

// Selectors is a set of insight selectors: bit 4*t+c is set where the type t is listed with exactly
// the categories c. More than one bit for a type occurs only after a request with duplicates. An
// entry with no category enables nothing.
type Selectors uint8

const emptyEntries Selectors = 1 | 1<<4 // the entries that name no category

// entries are all those of a type.
func (t Type) entries() Selectors { return 0xf << (4 * uint8(t)) }

// Entry returns the set with one selector.
func Entry(t Type, c Categories) Selectors { return 1 << (4*uint8(t) + uint8(c)) }

// MakeSelectors returns the set in which each type is on for the given categories, off where there are none.
func MakeSelectors(callRate, errorRate Categories) Selectors {
	return (Entry(CallRate, callRate) | Entry(ErrorRate, errorRate)) &^ emptyEntries
}

// On reports whether the set enables anything.
func (s Selectors) On() bool { return s&^emptyEntries != 0 }

// Of returns the categories for which a type is on.
func (s Selectors) Of(t Type) (all Categories) {
	for c := range Categories(4) {
		if s&Entry(t, c) != 0 {
			all |= c
		}
	}
	return all
}

// has reports whether a type is on for one of some categories.
func (s Selectors) has(c Categories) bool { return (s.Of(CallRate)|s.Of(ErrorRate))&c != 0 }

// types are all entries of the types that are on.
func (s Selectors) types() (all Selectors) {
	for t := range Type(2) {
		if s.Of(t) != 0 {
			all |= t.entries()
		}
	}
	return all
}

// Effective returns the set with one entry per enabled type.
func (s Selectors) Effective() Selectors { return MakeSelectors(s.Of(CallRate), s.Of(ErrorRate)) }

// Single reports whether no type is listed with two different sets of categories.
func (s Selectors) Single() bool {
	return bits.OnesCount8(uint8(s)&0xf) <= 1 && bits.OnesCount8(uint8(s)>>4) <= 1
}

// selectorEntry is one selector of a set.
type selectorEntry struct {
	Type       Type
	Categories Categories
}

// Entries lists the set in a fixed order.
func (s Selectors) Entries() (out []selectorEntry) {
	for t := range Type(2) {
		for c := range Categories(4) {
			if s&Entry(t, c) != 0 {
				out = append(out, selectorEntry{t, c})
			}
		}
	}
	return out
}

// Names lists the categories of the set as spelt on the wire.
func (c Categories) Names() []string {
	names := []string{}
	for i, name := range CategoryNames {
		if c&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// Value renders the set as a list of selectors.
func (s Selectors) Value() value.Value {
	list := []value.Value{}
	for _, e := range s.Entries() {
		categories := value.Strs(e.Categories.Names()...)
		list = append(list, value.Obj("InsightType", TypeNames[e.Type], "EventCategories", categories))
	}
	return value.ListOf(list...)
}

// String renders the set for people: "ApiCallRateInsight: Management, Data; …", or "off".
func (s Selectors) String() string {
	if s == 0 {
		return "off"
	}
	var parts []string
	for _, e := range s.Entries() {
		parts = append(parts, TypeNames[e.Type]+": "+strings.Join(e.Categories.Names(), ", "))
	}
	return strings.Join(parts, "; ")
}

// Logs says what kinds of event a resource logs.
type Logs uint8

// The kinds of event of section 3: write and read management events, data events.
const (
	WriteEvents Logs = 1 << iota
	ReadEvents
	DataEvents
	InsightEvents // event data stores of category Insight alone
	ReadDataOnly  // of the data events, those of read calls alone

	// Shown marks, in an Answer, that it has shown event selectors.
	Shown Logs = 1 << 7

	ManagementEvents = WriteEvents | ReadEvents
)

// String renders the set with the letters of section 3.
func (l Logs) String() (letters string) {
	for i, c := range "WRDI" {
		if l&(1<<i) != 0 {
			letters += string(c)
		}
	}
	return cmp.Or(letters, "none")
}

func stepPut(s State, r Request) []Branch {
	q := resolve(s, r)
	defer spent.Put(q)
	found := putBreaches(s, q)
	var successes []Branch
	switch {
	case slices.ContainsFunc(found, func(b breach) bool { return !b.mayPass }):
	case q.named != nil:
		successes = putOnTrail(s, q)
	case q.from != nil && (q.to != nil || q.disabling()):
		successes = putOnStore(s, q)
	}
	return orWithoutName(refusals(s, r.Op, found, successes), s, q, r)
}

// putOnTrail lists the successes of a Put on a trail that exists in the Region of the call.
func putOnTrail(s State, q *call) []Branch {
	i, t := q.at, *q.named
	answer := Answer{Outcome: Succeeded, TrailARN: s.World.TrailARN(t.Home, t.Name)}
	var out []Branch
	for _, st := range q.storings(t.Insights|anything(t.Unread), t.Logs|t.Open) {
		awake, a := t, answer
		awake.Unread = false
		awake.Insights, awake.Repeats, awake.Asleep, awake.MustWake, awake.HasEither = st.set, st.repeats, 0, false, false
		a.Selectors, a.Repeated = st.set, st.repeats
		out = append(out, Branch{Answer: a, Next: s.WithTrail(i, awake), Rule: st.rule})
		if !t.Logging && st.set.On() {
			asleep := awake
			asleep.Insights, asleep.Asleep, asleep.MustWake, asleep.HasEither = 0, st.set, true, true
			out = append(out, Branch{Answer: a, Next: s.WithTrail(i, asleep), Rule: LogsPutStopped})
		}
	}
	return out
}

// putOnStore lists the successes of a Put on a store that exists in the Region of the call.
func putOnStore(s State, q *call) []Branch {
	x, source := *q.from, s.store(q.from.Home, q.from.ID)
	answer := Answer{Outcome: Succeeded, StoreARN: s.World.StoreARN(x.Home, x.ID)}
	if x.Destination = ""; q.enabling() {
		x.Destination = q.to.ID
		answer.Destination = s.World.StoreARN(x.Home, x.Destination)
	}
	var out []Branch
	for _, st := range q.storings(x.Insights|anything(x.Unread), x.Logs|x.Open) {
		x.Unread = false
		x.Insights, x.Repeats = st.set, st.repeats
		answer.Selectors, answer.Repeated = st.set, st.repeats
		out = append(out, Branch{Answer: answer, Next: s.WithStore(source, x), Rule: st.rule})
	}
	return out
}

// storing is one way in which the entries of a request may be stored.
type storing struct {
	set     Selectors
	asked   Selectors // the part of the set whose prerequisites are checked
	repeats bool
	rule    ID // that accepts it; empty for the reference
}

// storings lists the ways to store the request's entries over what was stored before, as far as what is logged
// allows, the reference first. They differ where duplicates, empty categories or absent ones leave a choice.
func (q *call) storings(before Selectors, logs Logs) []storing {
	out := q.combine(Management, "")
	if q.emptyCategories {
		out = append(out, q.combine(0, PutCategoriesEmpty)...)
	}
	for _, e := range q.entries {
		if !e.defined && before.Of(e.t)&Data != 0 && out[0].set.Single() {
			set := out[0].set&^e.t.entries() | Entry(e.t, Management|Data)
			out = append(out, storing{set: set, asked: out[0].set, rule: PutDefaultManagement})
		}
	}
	return slices.DeleteFunc(out, func(st storing) bool { return !Meets(st.asked, logs) })
}

// combine stores the entries with one reading of an empty list of categories.
func (q *call) combine(empty Categories, rule ID) []storing {
	var all Selectors
	duplicate := q.duplicateCategory
	for _, e := range q.entries {
		c := e.c
		if !e.defined && !e.absent {
			c = empty
		}
		duplicate = duplicate || all&Entry(e.t, c) != 0
		all |= Entry(e.t, c)
	}
	if !all.Single() {
		return selections(all, duplicate)
	}
	out := []storing{{set: all, asked: all, rule: rule}}
	if duplicate {
		twice := PutDuplicateType
		if q.duplicateCategory {
			twice = PutDuplicateCategory
		}
		out = append(out, storing{set: all, asked: all, repeats: true, rule: cmp.Or(rule, twice)})
	}
	return out
}

// selections are the ways to store differing categories of a type: any entries, listed or merged, all merged first.
func selections(all Selectors, duplicate bool) []storing {
	var out []storing
	for _, callRate := range selectionsOf(CallRate, all) {
		for _, errorRate := range selectionsOf(ErrorRate, all) {
			set := callRate | errorRate
			repeats := duplicate && set&^all == 0 || !set.Single()
			out = append(out, storing{set: set, asked: set, repeats: repeats, rule: PutDuplicateDiffering})
		}
	}
	return out
}

func selectionsOf(t Type, all Selectors) []Selectors {
	all &= t.entries()
	if all == 0 || all.Single() {
		return []Selectors{all}
	}
	out := []Selectors{Entry(t, all.Of(t))}
	for some := Selectors(1); some != 0; some++ {
		for _, set := range []Selectors{some, Entry(t, some.Of(t))} {
			if some&^all == 0 && !slices.Contains(out, set) {
				out = append(out, set)
			}
		}
	}
	return out
}

// awayCodes are what a Get may answer to the ARN of a trail in another Region.
var awayCodes = []string{codeARN, codeNotFound, codeHomeRegion}

func stepGet(s State, r Request) []Branch {
	q := resolve(s, r)
	defer spent.Put(q)
	found := putBreaches(s, q)
	refused := slices.ContainsFunc(found, func(b breach) bool { return !b.mayPass })
	var answers []Branch
	switch {
	case refused:
	case q.named != nil:
		answers = s.getTrail(q.at)
	case q.trailGiven:
		answers = getFromAway(s, q.ref)
	case q.from != nil:
		x := q.from
		answer := Answer{Outcome: Succeeded, StoreARN: s.World.StoreARN(x.Home, x.ID),
			Destination: s.World.StoreARN(x.Home, x.Destination)}
		answers = getAnswers(s, answer, x.Insights, x.Repeats, x.Unread)
		if x.Insights.On() && !x.Ingesting {
			answers = append(answers, Branch{Answer: Refusal(codeNotEnabled), Next: s, Rule: StoreStopIngestion})
		}
	}
	branches := orWithoutName(refusals(s, r.Op, found, answers), s, q, r)
	if refused && (q.ref.kind == refOtherRegion || q.ref.elsewhere) {
		// Where a refused Get names another Region too, the codes of that are accepted.
		branches = addRefusals(branches, s, TrailHomeRegion, awayCodes...)
	}
	return branches
}

// getTrail is a Get of a trail that can be read.
func (s State) getTrail(i int) []Branch {
	t := &s.Trails[i]
	return getAnswers(s, Answer{Outcome: Succeeded, TrailARN: s.World.TrailARN(t.Home, t.Name)}, t.Insights, t.Repeats, t.Unread)
}

// getAnswers lists what a Get of a readable resource may answer.
func getAnswers(s State, answer Answer, stored Selectors, repeats, unread bool) []Branch {
	if unread {
		return []Branch{plain(AnySuccess, s), {Answer: Refusal(codeNotEnabled), Next: s}}
	}
	answer.Selectors, answer.Repeated = stored, repeats
	if stored.On() {
		return []Branch{{Answer: answer, Next: s}}
	}
	branches := []Branch{{Answer: Refusal(codeNotEnabled), Next: s}}
	if stored != 0 {
		// Types with no category are stored: they may be listed as not enabled.
		branches = append(branches, Branch{Answer: answer, Next: s, Rule: PutCategoriesEmpty})
	}
	return branches
}

// getFromAway is a Get from another Region than the trail's home. By name the trail is not found, or for a
// multi-Region trail read; by ARN it is read. Codes that name the Region are accepted.
func getFromAway(s State, ref trailRef) []Branch {
	if ref.kind == refName {
		branches := []Branch{{Answer: Refusal(codeNotFound), Next: s}}
		if i := s.trailElsewhere(ref.region, ref.name); i >= 0 && s.Trails[i].MultiRegion {
			branches = acceptAll(branches, s.getTrail(i), TrailHomeRegion)
		}
		return addRefusals(branches, s, TrailHomeRegion, codeHomeRegion)
	}
	return addRefusals(s.getTrail(s.trail(ref.region, ref.name)), s, TrailHomeRegion, awayCodes...)
}

// orWithoutName accepts that an empty TrailName beside a store is read as an absent one.
func orWithoutName(branches []Branch, s State, q *call, r Request) []Branch {
	if !q.trailGiven || q.trailName != "" || !q.storeGiven {
		return branches
	}
	r.Input = r.Input.With("TrailName", value.Value{})
	return acceptAll(branches, Step(s, r), TrailNameSyntax)
}

func acceptAll(branches, more []Branch, rule ID) []Branch {
	for _, b := range more {
		b.Rule = rule
		branches = append(branches, b)
	}
	return branches
}

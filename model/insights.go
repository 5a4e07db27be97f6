package model

import (
	"cmp"
	"slices"

	"github.com/insightconform/conform/model/value"
)

func stepPut(s State, r Request) []Branch {
	q := resolve(s, r)
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
	for _, st := range q.storings(t.Insights, t.Logs|t.Open) {
		awake, a := t, answer
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
	for _, st := range q.storings(x.Insights, x.Logs) {
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
		answers = getAnswers(s, answer, x.Insights, x.Repeats)
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
	return getAnswers(s, Answer{Outcome: Succeeded, TrailARN: s.World.TrailARN(t.Home, t.Name)}, t.Insights, t.Repeats)
}

// getAnswers lists what a Get of a readable resource may answer.
func getAnswers(s State, answer Answer, stored Selectors, repeats bool) []Branch {
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

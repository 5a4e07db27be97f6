package model

import (
	"slices"

	"github.com/insightconform/conform/model/value"
)

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
	branches := refusals(s, r.Op, found, answers)
	if refused {
		branches = orWithoutName(branches, s, q, r)
	}
	if refused && (q.ref.kind == refOtherRegion || q.ref.elsewhere) {
		// Where a refused Get names another Region too, the codes of that are accepted.
		branches = addRefusals(branches, s, TrailHomeRegion, awayCodes...)
	}
	return branches
}

// getTrail is a Get of a trail that can be read.
func (s State) getTrail(i int) []Branch {
	t := &s.Trails[i]
	return getAnswers(s, Answer{Outcome: Succeeded, TrailARN: t.fullARN(s.World)}, t.Insights, t.Repeats)
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

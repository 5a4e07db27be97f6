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
	if slices.ContainsFunc(found, func(b breach) bool { return !b.mayPass }) {
		branches := refusals(s, r.Op, found, nil)
		if q.ref.kind == refBlank && q.trailName == "" && q.storeGiven {
			alternative := r
			alternative.Input = r.Input.With("TrailName", value.Value{})
			branches = acceptAll(branches, stepGet(s, alternative), TrailNameSyntax)
		}
		if q.ref.kind == refOtherRegion || q.ref.elsewhere {
			// Where a refused Get names another Region too, the codes of that are accepted.
			branches = addRefusals(branches, s, TrailHomeRegion, awayCodes...)
		}
		return branches
	}
	var answers []Branch
	switch {
	case q.named != nil:
		answers = getAnswers(s, trailAnswer(s, q.at), q.named.Insights, q.named.Repeats)
	case q.trailGiven:
		answers = getFromAway(s, q.ref)
	case q.from != nil:
		x := q.from
		answer := Answer{Outcome: Succeeded, StoreARN: s.World.StoreARN(x.Home, x.ID),
			Destination: s.World.StoreARN(x.Home, x.Destination)}
		answers = getAnswers(s, answer, x.Insights, x.Repeats)
	}
	return refusals(s, r.Op, found, answers)
}

func acceptAll(branches, more []Branch, rule ID) []Branch {
	for _, b := range more {
		b.Rule = rule
		branches = append(branches, b)
	}
	return branches
}

func trailAnswer(s State, i int) Answer {
	return Answer{Outcome: Succeeded, TrailARN: s.Trails[i].fullARN(s.World)}
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

// getFromAway is a Get from another Region than the trail's home. By name the trail is not found, or
// for a multi-Region trail read; by ARN it is read or one of three codes is answered.
func getFromAway(s State, ref trailRef) []Branch {
	if ref.kind == refName {
		branches := []Branch{{Answer: Refusal(codeNotFound), Next: s}}
		if i := s.trailElsewhere(ref.region, ref.name); i >= 0 && s.Trails[i].MultiRegion {
			branches = acceptAll(branches, getAnswers(s, trailAnswer(s, i), s.Trails[i].Insights, s.Trails[i].Repeats), TrailHomeRegion)
		}
		return branches
	}
	i := s.trail(ref.region, ref.name)
	branches := getAnswers(s, trailAnswer(s, i), s.Trails[i].Insights, s.Trails[i].Repeats)
	return addRefusals(branches, s, TrailHomeRegion, awayCodes...)
}

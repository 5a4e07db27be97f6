package model

// getBreaches lists what a Get breaks, rows 1, 3, 4, 6-8, 13, 14, 16 and 17, and what its answer may be
// refused for besides. It also returns the members that name the resource.
func getBreaches(s State, r Request) (found []breach, q putRequest) {
	q = putRequest{trail: r.Input.Get("TrailName"), store: r.Input.Get("EventDataStore")}
	region := s.World.region(r)
	q.trailGiven = q.text(q.trail)
	q.storeGiven = q.text(q.store)
	for _, m := range r.Input.Members() {
		q.unknownMember = q.unknownMember || (m.Name != "TrailName" && m.Name != "EventDataStore")
	}
	if q.wrongType {
		found = append(found, breaks(WireWrongType))
	} else if q.nullMember {
		found = append(found, breaks(WireWrongType).softened())
	}
	if q.unknownMember {
		found = append(found, accepts(WireUnknownMembers))
	}
	if !q.trailGiven && (!q.storeGiven || q.store.Text() == "") {
		found = append(found, breaks(InputNoResource))
	}
	if q.trailGiven && q.storeGiven {
		found = append(found, breaks(InputTrailAndStore))
	}
	if q.trailGiven {
		for _, b := range trailBreaches(s, OpGet, q.trail.Text(), region) {
			if b.rule.ID != TrailHomeRegion {
				found = append(found, b)
			}
		}
	}
	if q.storeGiven {
		for _, b := range storeBreaches(s, q.store.Text(), region) {
			if b.rule.ID == StoreInactive {
				b = b.softened()
			}
			if b.rule.ID != StoreNotIngesting {
				found = append(found, b)
			}
		}
	}
	return found, q
}

func stepGet(s State, r Request) []Branch {
	found, q := getBreaches(s, r)
	for i := range found {
		if !found[i].mayPass {
			branches := judgeBreaches(s, r.Op, found, nil)
			if q.trailGiven && q.trail.Text() == "" && q.storeGiven {
				alternative := r
				alternative.Input = r.Input.With("TrailName", Value{})
				branches = acceptAll(branches, stepGet(s, alternative), TrailNameSyntax)
			}
			return addElsewhere(branches, s, &q, s.World.region(r))
		}
	}
	if q.trailGiven {
		region := s.World.region(r)
		ref := s.World.resolveTrail(q.trail.Text(), region)
		if i := s.trail(ref.region, ref.name); i >= 0 && ref.region == region {
			return judgeBreaches(s, r.Op, found, getAnswers(s, trailAnswer(s, i), s.Trails[i].Insights, s.Trails[i].Repeats))
		}
		return judgeBreaches(s, r.Op, found, getFromAway(s, ref))
	}
	_, i := s.resolveStore(q.store.Text(), s.World.region(r))
	x := s.Stores[i]
	answer := Answer{Outcome: Succeeded, StoreARN: s.World.StoreARN(x.Home, x.ID), Destination: s.World.StoreARN(x.Home, x.Destination)}
	return judgeBreaches(s, r.Op, found, getAnswers(s, answer, x.Insights, x.Repeats))
}

// addElsewhere accepts, where a refused Get names another Region too, the codes of that.
func addElsewhere(branches []Branch, s State, q *putRequest, region string) []Branch {
	if !q.trailGiven {
		return branches
	}
	if ref := s.World.resolveTrail(q.trail.Text(), region); ref.kind == refOtherRegion || ref.elsewhere {
		for _, code := range []string{codeNotFound, codeARN, codeHomeRegion} {
			branches = addRefusal(branches, s, code, TrailHomeRegion)
		}
	}
	return branches
}

func acceptAll(branches, more []Branch, rule ID) []Branch {
	for _, b := range more {
		b.Rule = rule
		branches = append(branches, b)
	}
	return branches
}

func trailAnswer(s State, i int) Answer {
	return Answer{Outcome: Succeeded, TrailARN: s.Trails[i].ARN(s.World)}
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
	for _, code := range []string{codeARN, codeNotFound, codeHomeRegion} {
		branches = addRefusal(branches, s, code, TrailHomeRegion)
	}
	return branches
}

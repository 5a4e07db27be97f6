// Package model is the reference behaviour of PutInsightSelectors as values and pure functions: it
// does no I/O, reads no clock and draws nothing at random. The rules and their evidence are the table
// Rules; Step says what each request may answer and what is true afterwards.
package model

import (
	"cmp"
	"slices"
)

// Branch is one allowed outcome of a request: an expected answer and the state that it implies.
type Branch struct {
	Answer Answer
	Next   State
	Rule   ID   // that accepts it beside the reference, or Order; empty for the reference
	Silent bool // no rule claims anything here: taking the branch is no deviation
}

// Step returns the allowed outcomes of a request in a state, the reference first. What no rule speaks of is allowed.
func Step(s State, r Request) []Branch {
	if r.Malformed() {
		return stepMalformed(s, r)
	}
	switch r.Op {
	case OpPut:
		return stepPut(s, r)
	case OpGet:
		return stepGet(s, r)
	case OpCreate:
		return stepCreateTrail(s, r)
	case OpCreateStore:
		return stepCreateStore(s, r)
	}
	step, i := trailSteps[r.Op], -1
	if step != nil {
		i = s.namedTrail(r)
	} else if step = storeSteps[r.Op]; step != nil {
		i = s.namedStore(r)
	}
	switch {
	case i >= 0:
		return step(s, i, r)
	case r.Op == OpTrail && s.namesHome(r):
		return []Branch{plain(AnyRefusal, s)}
	case r.Op.Reads() || step == nil:
		return []Branch{silent(AnyAnswer, s)}
	}
	return refusedOrIgnored(s)
}

// trailSteps and storeSteps are the calls on a trail or store that is there, by its index.
var (
	trailSteps = map[Op]func(s State, i int, r Request) []Branch{OpUpdate: stepUpdateTrail, OpDelete: stepDeleteTrail,
		OpTrail: stepGetTrail, OpStatus: stepGetTrailStatus, OpStart: stepStartLogging, OpStop: stepStopLogging,
		OpPutEvents: stepPutEventSelectors, OpGetEvents: stepGetEventSelectors, OpArrange: stepArrange}
	storeSteps = map[Op]func(s State, i int, r Request) []Branch{OpGetStore: stepGetStore, OpUpdateStore: stepUpdateStore,
		OpDeleteStore: stepDeleteStore, OpRestoreStore: stepDeleteStore,
		OpStartIngestion: stepIngestion, OpStopIngestion: stepIngestion}
)

// stepMalformed claims nothing: a target may even read another method as POST.
func stepMalformed(s State, r Request) []Branch {
	branches := []Branch{plain(AnyRefusal, s), silent(AnySuccess, s)}
	if r.Raw == nil {
		r.Method = ""
		for _, b := range Step(s, r) {
			branches = append(branches, silent(AnySuccess, b.Next))
		}
	}
	return branches
}

// plain is an outcome of which nothing is claimed but its kind, silent one that no rule claims, and accepted
// one that a rule accepts beside the reference.
func plain(o Outcome, s State) Branch { return Branch{Answer: Answer{Outcome: o}, Next: s} }
func silent(o Outcome, s State) Branch {
	return Branch{Answer: Answer{Outcome: o}, Next: s, Silent: true}
}
func accepted(rule ID, o Outcome, s State) Branch {
	return Branch{Answer: Answer{Outcome: o}, Next: s, Rule: rule}
}

// refusedOrIgnored is a call on something that does not exist: nothing changes, whatever is answered.
func refusedOrIgnored(s State) []Branch { return []Branch{plain(AnyRefusal, s), silent(AnySuccess, s)} }

// done is a call that no rule obliges the target to accept: it takes effect or is refused.
func done(before, after State) []Branch {
	return []Branch{plain(AnySuccess, after), silent(AnyRefusal, before)}
}

// refusals turns the breaches of a request into branches, beside the successes that nothing forbids.
func refusals(s State, op Op, found []breach, successes []Branch) []Branch {
	if len(found) == 0 {
		return successes
	}
	most := len(successes)
	for _, b := range found {
		most += len(b.codes)
	}
	rule, branches := ID(""), make([]Branch, 0, most)
	first := slices.IndexFunc(found, func(b breach) bool { return !b.soft })
	if first >= 0 {
		rule = found[first].rule.ID
		branches = addRefusals(branches, s, "", found[first].codes[0])
		branches = addRefusals(branches, s, rule, found[first].codes[1:]...)
	}
	for _, b := range successes {
		b.Rule = cmp.Or(b.Rule, rule)
		branches = append(branches, b)
	}
	holds := s.World.profile().holds
	for i, b := range found {
		if first < 0 {
			branches = addRefusals(branches, s, b.rule.ID, b.codes...)
		} else if i != first && !(op == OpPut && holds[[2]ID{rule, b.rule.ID}]) {
			branches = addRefusals(branches, s, Order, b.codes...)
		}
	}
	return branches
}

// addRefusals adds those codes that no branch has.
func addRefusals(branches []Branch, s State, rule ID, codes ...string) []Branch {
	for _, code := range codes {
		has := func(b Branch) bool { return b.Answer.Outcome == Refused && b.Answer.Code == code }
		if !slices.ContainsFunc(branches, has) {
			branches = append(branches, Branch{Answer: Refusal(code), Next: s, Rule: rule})
		}
	}
	return branches
}

// Broken lists the rules that a Put or Get breaks, in the profile's order, without those that merely accept a refusal.
func Broken(s State, r Request) []ID {
	if r.Malformed() || !r.Op.Insights() {
		return nil
	}
	var ids []ID
	for _, b := range putBreaches(s, resolve(s, r)) {
		if !b.soft {
			ids = append(ids, b.rule.ID)
		}
	}
	return slices.Compact(ids)
}

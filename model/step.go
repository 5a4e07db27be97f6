// Package model is the reference behaviour of PutInsightSelectors as values and pure functions: it
// does no I/O, reads no clock and draws nothing at random. The rules and their evidence are the table
// Rules; Step says what each request may answer and what is true afterwards.
package model

import "slices"

// Branch is one allowed outcome of a request: an expected answer and the state that it implies.
type Branch struct {
	Answer Answer
	Next   State
	// Rule is empty for the reference outcome. Otherwise it names the rule that accepts this one
	// beside the reference, or Order.
	Rule ID
	// Silent says that no rule claims anything here, so that taking the branch is no deviation.
	Silent bool
}

// Step returns the allowed outcomes of a request in a state, the reference first. It is total: for
// requests that no rule speaks of, everything is allowed.
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
	if step := trailSteps[r.Op]; step != nil {
		if i := s.namedTrail(r); i >= 0 {
			return step(s, i, r)
		}
	} else if step := storeSteps[r.Op]; step != nil {
		if i := s.namedStore(r); i >= 0 {
			return step(s, i, r)
		}
	}
	switch {
	case r.Op == OpTrail && s.namesHome(r):
		return refused(s)
	case r.Op.Reads() || !slices.Contains(Ops, r.Op):
		return anything(s)
	}
	return refusedOrIgnored(s)
}

// trailSteps and storeSteps are the calls on a trail or store that is there, by its index.
var (
	trailSteps = map[Op]func(s State, i int, r Request) []Branch{
		OpUpdate: stepUpdateTrail, OpDelete: stepDeleteTrail, OpTrail: stepGetTrail, OpStatus: stepGetTrailStatus, OpStart: stepStartLogging,
		OpStop: stepStopLogging, OpPutEvents: stepPutEventSelectors, OpGetEvents: stepGetEventSelectors, OpArrange: stepArrange,
	}
	storeSteps = map[Op]func(s State, i int, r Request) []Branch{
		OpGetStore: stepGetStore, OpUpdateStore: stepUpdateStore, OpDeleteStore: stepDeleteStore, OpRestoreStore: stepRestoreStore,
		OpStartIngestion: stepIngestion, OpStopIngestion: stepIngestion,
	}
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

// plain is an outcome of which nothing is claimed but its kind, silent one that no rule claims.
func plain(o Outcome, next State) Branch { return Branch{Answer: Answer{Outcome: o}, Next: next} }

func silent(o Outcome, next State) Branch {
	b := plain(o, next)
	b.Silent = true
	return b
}

// accepted is an outcome that a rule accepts beside the reference.
func accepted(rule ID, o Outcome, next State) Branch {
	b := plain(o, next)
	b.Rule = rule
	return b
}

// anything allows every answer and no change.
func anything(s State) []Branch {
	return []Branch{silent(AnyAnswer, s)}
}

// refused allows every refusal and nothing else.
func refused(s State) []Branch {
	return []Branch{plain(AnyRefusal, s)}
}

// refusedOrIgnored is a call on something that does not exist: nothing changes, whatever is answered.
func refusedOrIgnored(s State) []Branch {
	return []Branch{plain(AnyRefusal, s), silent(AnySuccess, s)}
}

// done is a call that no rule obliges the target to accept: it takes effect or is refused.
func done(before, after State) []Branch {
	return []Branch{plain(AnySuccess, after), silent(AnyRefusal, before)}
}

// refusals turns the breaches of a request into branches. successes are the outcomes of the
// request where nothing forbids it, the reference first.
func refusals(s State, op Op, found []breach, successes []Branch) []Branch {
	if len(found) == 0 {
		return successes
	}
	var branches []Branch
	var first *breach
	if i := slices.IndexFunc(found, func(b breach) bool { return !b.soft }); i >= 0 {
		first = &found[i]
		branches = append(branches, Branch{Answer: Refusal(first.code), Next: s})
		branches = addRefusals(branches, s, first.rule.ID, first.also...)
		if slices.ContainsFunc(found, func(b breach) bool { return !b.mayPass }) {
			successes = nil
		}
	}
	for _, b := range successes {
		if b.Rule == "" && first != nil {
			b.Rule = first.rule.ID
		}
		branches = append(branches, b)
	}
	holds := s.World.profile().holds
	for i := range found {
		b := &found[i]
		rule := b.rule.ID
		if first != nil {
			if b == first || op == OpPut && holds[[2]ID{first.rule.ID, rule}] {
				continue
			}
			rule = Order
		}
		if !b.soft {
			branches = addRefusals(branches, s, rule, b.code)
		}
		branches = addRefusals(branches, s, rule, b.also...)
	}
	return branches
}

// addRefusals adds those codes that no branch has.
func addRefusals(branches []Branch, s State, rule ID, codes ...string) []Branch {
	for _, code := range codes {
		if !slices.ContainsFunc(branches, func(b Branch) bool {
			return b.Answer.Outcome == Refused &&
				b.Answer.Code == code
		}) {
			branches = append(branches, Branch{Answer: Refusal(code), Next: s, Rule: rule})
		}
	}
	return branches
}

// Broken lists the rules of the error order that a Put or Get breaks, in the profile's order. Rules
// that merely accept a refusal are not among them.
func Broken(s State, r Request) []ID {
	if r.Malformed() {
		return nil
	}
	if r.Op != OpPut && r.Op != OpGet {
		return nil
	}
	found := putBreaches(s, resolve(s, r))
	var ids []ID
	for i := range found {
		if !found[i].soft && (len(ids) == 0 || ids[len(ids)-1] != found[i].rule.ID) {
			ids = append(ids, found[i].rule.ID)
		}
	}
	return ids
}

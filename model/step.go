// Package model is the reference behaviour of PutInsightSelectors as values and pure functions: it
// does no I/O, reads no clock and draws nothing at random. The rules and their evidence are the table
// Rules; Step says what each request may answer and what is true afterwards.
package model

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
	case OpUpdate:
		return stepUpdateTrail(s, r)
	case OpDelete:
		return stepDeleteTrail(s, r)
	case OpTrail:
		return stepGetTrail(s, r)
	case OpStatus:
		return stepGetTrailStatus(s, r)
	case OpStart:
		return stepStartLogging(s, r)
	case OpStop:
		return stepStopLogging(s, r)
	case OpPutEvents:
		return stepPutEventSelectors(s, r)
	case OpGetEvents:
		return stepGetEventSelectors(s, r)
	case OpCreateStore:
		return stepCreateStore(s, r)
	case OpGetStore:
		return stepGetStore(s, r)
	case OpUpdateStore:
		return stepUpdateStore(s, r)
	case OpDeleteStore:
		return stepDeleteStore(s, r)
	case OpRestoreStore:
		return stepRestoreStore(s, r)
	case OpArrange:
		return stepArrange(s, r)
	}
	return anything(s)
}

// stepMalformed claims nothing: a target may even read another method as POST.
func stepMalformed(s State, r Request) []Branch {
	branches := []Branch{{Answer: Answer{Outcome: AnyRefusal}, Next: s}, {Answer: Answer{Outcome: AnySuccess}, Next: s, Silent: true}}
	if r.Raw == nil {
		r.Method = ""
		for _, b := range Step(s, r) {
			branches = append(branches, Branch{Answer: Answer{Outcome: AnySuccess}, Next: b.Next, Silent: true})
		}
	}
	return branches
}

// anything allows every answer and no change.
func anything(s State) []Branch {
	return []Branch{{Answer: Answer{Outcome: AnyAnswer}, Next: s, Silent: true}}
}

// refused allows every refusal and nothing else.
func refused(s State) []Branch {
	return []Branch{{Answer: Answer{Outcome: AnyRefusal}, Next: s}}
}

// done is a call that no rule obliges the target to accept: it takes effect or is refused.
func done(before, after State) []Branch {
	return []Branch{{Answer: Answer{Outcome: AnySuccess}, Next: after}, {Answer: Answer{Outcome: AnyRefusal}, Next: before, Silent: true}}
}

// breach is one rule that a request breaks.
type breach struct {
	rule *Rule
	code string   // instead of the rule's reference code
	also []string // accepted beside rule.Also
	// soft breaches are refusals that a rule merely accepts: the reference does not refuse.
	soft bool
	// mayPass is rule.MayPass, or a circumstance in which a 200 is accepted too.
	mayPass bool
	level   Level // instead of the rule's level, where it differs
}

func breaks(id ID) breach {
	rule := ruleIndex[id]
	return breach{rule: rule, code: rule.Code, mayPass: rule.MayPass, level: rule.Level}
}

// accepts is a breach that only adds refusals: the rule accepts them beside the reference.
func accepts(id ID) breach {
	b := breaks(id)
	b.soft, b.mayPass = true, true
	return b
}

// softened is the breach as a refusal that is accepted but not the reference.
func (b breach) softened() breach {
	b.soft, b.mayPass = true, true
	b.also = append([]string{b.code}, b.also...)
	return b
}

// judgeBreaches turns the breaches of a request into branches. successes are the outcomes of the
// request where nothing forbids it, the reference first.
func judgeBreaches(s State, op Op, found []breach, successes []Branch) []Branch {
	if len(found) == 0 {
		return successes
	}
	profile := s.World.profile()
	profile.sort(found)
	var first *breach
	passes := true
	for i := range found {
		if b := &found[i]; !b.soft {
			if first == nil {
				first = b
			}
			passes = passes && b.mayPass
		}
	}
	room := len(successes)
	for i := range found {
		room += 1 + len(found[i].rule.Also) + len(found[i].also)
	}
	branches := make([]Branch, 0, room)
	if first == nil {
		branches = append(branches, successes...)
	} else {
		branches = append(branches, Branch{Answer: Refusal(first.code), Next: s})
		branches = addRefusals(branches, s, first, first.rule.ID)
		if passes {
			for _, b := range successes {
				if b.Rule == "" {
					b.Rule = first.rule.ID
				}
				branches = append(branches, b)
			}
		}
	}
	for i := range found {
		b := &found[i]
		if b == first || (first != nil && op == OpPut && profile.holds[[2]ID{first.rule.ID, b.rule.ID}]) {
			continue
		}
		rule := Order
		if first == nil {
			rule = b.rule.ID
		}
		if !b.soft {
			branches = addRefusal(branches, s, b.code, rule)
		}
		branches = addRefusals(branches, s, b, rule)
	}
	return branches
}

func addRefusals(branches []Branch, s State, b *breach, rule ID) []Branch {
	for _, code := range b.rule.Also {
		branches = addRefusal(branches, s, code, rule)
	}
	for _, code := range b.also {
		branches = addRefusal(branches, s, code, rule)
	}
	return branches
}

func addRefusal(branches []Branch, s State, code string, rule ID) []Branch {
	for i := range branches {
		if branches[i].Answer.Outcome == Refused && branches[i].Answer.Code == code {
			return branches
		}
	}
	return append(branches, Branch{Answer: Refusal(code), Next: s, Rule: rule})
}

// Broken lists the rules of the error order that a Put or Get breaks, in the profile's order. Rules
// that merely accept a refusal are not among them.
func Broken(s State, r Request) []ID {
	if r.Malformed() {
		return nil
	}
	var found []breach
	switch r.Op {
	case OpPut:
		found, _ = putBreaches(s, r)
	case OpGet:
		found, _ = getBreaches(s, r)
	}
	s.World.profile().sort(found)
	var ids []ID
	for i := range found {
		if !found[i].soft && (len(ids) == 0 || ids[len(ids)-1] != found[i].rule.ID) {
			ids = append(ids, found[i].rule.ID)
		}
	}
	return ids
}

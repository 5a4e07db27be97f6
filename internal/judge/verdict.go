package judge

import (
	"fmt"
	"slices"
	"time"

	"github.com/insightconform/conform/internal/judge/recorded"
	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/evidence"
	"github.com/insightconform/conform/targets/naming"
	"github.com/insightconform/conform/targets/wire"
)

// Divergence is what contradicts a rule, with the shortest part of the recording that still does.
type Divergence struct {
	model.Finding
	Count int
	part  []judged
}

// judge judges the calls on a subject that waited, since others may overlap them.
func (j *Judgement) judge(p *place, s *subject) {
	calls := s.pending
	s.pending, s.until = nil, time.Time{}
	if len(calls) == 0 {
		return
	}
	region := calls[0].Request.Region
	if len(calls) > maxOverlap {
		j.NotJudged["more calls at once on one trail or store than can be put in order"] += len(calls)
		p.reset(s, region)
		return
	}
	slices.SortStableFunc(calls, func(a, b *recorded.Exchange) int { return a.Start.Compare(b.Start) })
	start := s.states.clone()
	if list, ok := s.states.follow(calls); ok {
		for i := range list {
			j.allowed(p, s, &list[i], len(list) == 1)
		}
		s.past = append(s.past, calls...)
		s.past = s.past[max(0, len(s.past)-maxPast):]
	} else {
		j.contradiction(p, s, start, calls)
	}
	for _, x := range calls {
		if !x.Request.Op.Reads() && x.Reply.Answer.Outcome == model.Unanswered {
			s.late = x.Start.Add(max(p.settle, DefaultSettle))
			p.always = p.always || x.Untimed
		}
	}
	if s.states.lost() || !s.late.Before(calls[0].Start) {
		p.reset(s, region)
	}
}

// maxPast is how many calls before one are looked at to explain it.
const maxPast = 64

// follow follows calls that may overlap, and reports whether the model allows what they were answered.
func (s *states) follow(calls []*recorded.Exchange) ([]judged, bool) {
	if len(calls) > 1 {
		return s.overlapping(calls)
	}
	one := s.observe(calls[0])
	return []judged{one}, one.verdict.Allowed
}

// allowed notes what an allowed answer says. alone says that no other call overlaps it.
func (j *Judgement) allowed(p *place, s *subject, x *judged, alone bool) {
	r, a := x.call.Request, answer(x.call)
	j.object(p, s, x)
	if !a.Definite() {
		if r.Op.Insights() && a.Outcome == model.Crashed && !x.call.Service {
			j.Judged++
			j.found(model.Finding{Rule: model.WireNoCrash, Level: model.RuleOf(model.WireNoCrash).LevelFor(x.before[0], r), Operation: r.Op,
				Expected: []string{"a definite answer"}, Actual: a.Kind()}, []judged{*x})
			return
		}
		j.NotJudged[noAnswer]++
		return
	}
	now, due := x.exercised()
	if len(now) == 0 && !r.Op.Insights() {
		j.NotJudged[saysNothing]++
	} else {
		j.Judged++
	}
	if !alone || x.stale || x.either || x.call.Bare && a.Outcome == model.AnySuccess {
		s.due = nil
		return
	}
	if r.Op == model.OpGet {
		now, due = append(now, s.due...), nil
	}
	if s.due = due; r.Op.Reads() && r.Op != model.OpGet {
		s.due = nil
	}
	for _, d := range x.verdict.Deviations {
		j.Deviated[deviation{r.Op, d}]++
	}
	for _, d := range x.verdict.Sure {
		j.settled(x, d.Rule, evidence.Outcome(d))
	}
	for _, id := range now {
		j.Exercised[id] = true
		if !slices.Contains(x.verdict.Open, id) {
			j.settled(x, id, evidence.Reference)
		}
	}
}

// settled counts what an exchange with the real service says of a rule, the first of what it says. Without a time it belongs
// to no month; and where an earlier state explains the answer as well, it may be late and says nothing.
func (j *Judgement) settled(x *judged, rule model.ID, outcome string) {
	if !x.call.Service || x.call.Untimed || x.either {
		return
	}
	if j.told.call != x.call {
		j.told.call, j.told.rules = x.call, map[model.ID]bool{}
	}
	if !j.told.rules[rule] {
		j.told.rules[rule] = true
		j.Settled[evidence.Entry{Rule: rule, Outcome: outcome, Partition: naming.PartitionOf(x.call.Request.Region),
			Month: x.call.Start.UTC().Format("2006-01")}]++
	}
}

// exercised lists the rules that an answer puts to the test whatever the state was, and those that the next Get does.
func (x *judged) exercised() (now, due []model.ID) {
	first, r := true, x.call.Request
	for _, before := range x.before {
		for _, s := range before.Extremes(model.Resource(before, r)) {
			n, d, _ := model.Exercised(s, r, answer(x.call), x.after)
			if first {
				now, due, first = n, d, false
				continue
			}
			now = slices.DeleteFunc(now, func(id model.ID) bool { return !slices.Contains(n, id) })
			due = slices.DeleteFunc(due, func(id model.ID) bool { return !slices.Contains(d, id) })
		}
	}
	if x.call.Reply.Status == 0 || x.call.Bare { // what came over the wire was not recorded
		now = slices.DeleteFunc(now, func(id model.ID) bool { return id.Family() == "wire" })
	}
	return now, due
}

// object notes what the rules of the wire have against an answer.
func (j *Judgement) object(p *place, s *subject, x *judged) {
	reply := x.call.Reply
	if x.call.Bare && reply.Answer.Outcome == model.Refused {
		reply.Answer.Outcome = model.AnyRefusal // its form was not kept
	}
	findings, deviations := session.Objected(x.call.Request, reply, x.verdict, 0)
	for _, d := range deviations {
		j.Deviated[deviation{x.call.Request.Op, d}]++
		j.settled(x, d.Rule, evidence.Outcome(d))
	}
	for _, f := range findings {
		part := []judged{*x}
		if len(x.verdict.Objections) > 0 {
			part = p.shortest(s.past, x.call, func(part []judged) bool { return len(part[len(part)-1].verdict.Objections) > 0 })
		}
		if len(part) == 0 {
			part = []judged{*x}
		}
		f.Step = len(part) - 1
		j.found(f, part)
	}
}

// found keeps a divergence; of the same one, the shortest part.
func (j *Judgement) found(f model.Finding, part []judged) *Divergence {
	j.Exercised[f.Rule] = true
	j.settled(&part[len(part)-1], f.Rule, evidence.Neither)
	i := slices.IndexFunc(j.Found, func(d *Divergence) bool { return d.Signature() == f.Signature() })
	if i < 0 {
		i, j.Found = len(j.Found), append(j.Found, &Divergence{Finding: f, part: part})
	}
	if j.Found[i].Count++; len(part) < len(j.Found[i].part) {
		j.Found[i].Finding, j.Found[i].part = f, part
	}
	return j.Found[i]
}

// contradiction blames calls that no possible state explains, and goes on from what their answers show.
func (j *Judgement) contradiction(p *place, s *subject, start *states, calls []*recorded.Exchange) {
	if len(calls) == 1 {
		j.Judged++
		if !j.known(start, calls[0]) {
			d := j.blame(p, s, start, calls[0])
			j.last.found = d
		}
		s.goOn(p, start, calls[0])
		return
	}
	region := calls[0].Request.Region
	rest := slices.DeleteFunc(slices.Clone(calls), func(x *recorded.Exchange) bool {
		again := p.unknown([]*recorded.Exchange{x})
		wrong := !again.observe(x).verdict.Allowed // whatever the others did
		if wrong {
			j.Judged++
			j.blame(p, &subject{states: again}, again, x)
		}
		return wrong
	})
	if len(rest) > 0 {
		s.states = start.clone()
		if list, ok := s.states.follow(rest); ok {
			for i := range list {
				j.allowed(p, s, &list[i], false)
			}
		} else if len(rest) == len(calls) {
			j.disorder(start, calls)
		}
	}
	s.past = nil
	p.reset(s, region)
}

// known counts a divergence that looks like one of which the shortest part was looked for often enough.
func (j *Judgement) known(start *states, x *recorded.Exchange) bool {
	again := start.clone()
	one := again.observe(x)
	key := fmt.Sprint(x.Request.Op, one.expected(), answer(x).Kind(), model.Broken(one.before[0], x.Request), blamed([]judged{one}).Rule)
	like := j.alike[key]
	if like == nil {
		like = &alike{}
		j.alike[key] = like
	}
	if like.seen++; like.seen <= maxAlike {
		j.last = like
		return false
	}
	like.found.Count++
	j.settled(&one, like.found.Rule, evidence.Neither)
	return true
}

// alike are divergences of the same operation, expectation and answer.
type alike struct {
	seen  int
	found *Divergence
}

// maxAlike is of how many of them the shortest part is looked for.
const maxAlike = 3

// goOn follows a call whose answer contradicts what was known.
func (s *subject) goOn(p *place, start *states, x *recorded.Exchange) {
	if as, plain := start.tracker.TakenFor(x.Request, answer(x)); plain {
		s.states.tracker.Observe(x.Request, as)
		return
	}
	p.reset(s, x.Request.Region)
	if s.past = nil; s.states.observe(x).verdict.Allowed {
		s.past = []*recorded.Exchange{x}
	}
}

// blame finds the rule that a call contradicts, and the shortest part that shows so.
func (j *Judgement) blame(p *place, s *subject, start *states, x *recorded.Exchange) *Divergence {
	wrong := func(part []judged) bool { return !part[len(part)-1].verdict.Allowed }
	whole, ok := p.play(append(slices.Clone(s.past), x), wrong)
	if !ok { // only what was known before that shows it
		again := start.clone()
		whole = []judged{again.observe(x)}
	}
	finding := blamed(whole)
	part := p.shortest(s.past, x, func(part []judged) bool { return wrong(part) && blamed(part).Signature() == finding.Signature() })
	if part == nil {
		part = whole
	}
	return j.found(blamed(part), part)
}

// blamed is what the model says of a part of which the last call is not allowed.
func blamed(part []judged) model.Finding {
	var history []model.Exchange
	for i := range part {
		history = append(history, part[i].exchange())
	}
	last := &part[len(part)-1]
	f := model.Blame(history, last.expected())
	if last.call.Request.OtherTarget && wire.NotOffered(last.call.Reply) { // the operation is there, under its other name
		f.Rule, f.Level = model.WireProtocol, model.RuleOf(model.WireProtocol).Level
	}
	return f
}

// disorder notes calls of which no order explains the answers.
func (j *Judgement) disorder(start *states, calls []*recorded.Exchange) {
	j.Judged += len(calls)
	var part []judged
	for _, x := range calls {
		again := start.clone()
		part = append(part, again.observe(x))
	}
	i := slices.IndexFunc(part, func(x judged) bool { return !x.verdict.Allowed })
	if i < 0 {
		i = len(part) - 1
	}
	last := &part[i]
	rule := model.RuleOf(model.ConcurrentLinearizable)
	j.found(model.Finding{Rule: rule.ID, Level: rule.Level, Operation: last.call.Request.Op, Step: i,
		Expected: []string{"an order of the calls that explains each answer"}, Actual: answer(last.call).Kind()}, part)
}

// unknown are the states in which what calls name may be at first.
func (p *place) unknown(calls []*recorded.Exchange) *states {
	var mentions []model.Mention
	for _, x := range calls {
		for _, m := range model.Mentions(x.Request, x.Request.Region) {
			if m.Account = ""; !slices.Contains(mentions, m) {
				mentions = append(mentions, m)
			}
		}
	}
	first := calls[0].Request.Region
	s := &subject{stores: map[string]bool{}}
	for _, m := range mentions {
		switch {
		case m.Store:
			s.stores[m.Name] = true
		case s.trail == "" || s.trail == m.Name:
			s.trail = m.Name
			if !slices.Contains(s.regions, m.Region) {
				s.regions = append(s.regions, m.Region)
			}
		}
	}
	s.states = p.fresh(nil, first).states
	if s.trail != "" && len(s.stores) > 0 {
		return p.fresh(mentions, first).states
	}
	p.reset(s, first)
	return s.states
}

// shortest finds the shortest part of calls that ends with one, so that something holds of it, from states that are not
// known, and then leaves out reads and refused calls. It is nil where no part shows it.
func (p *place) shortest(past []*recorded.Exchange, x *recorded.Exchange, holds func(part []judged) bool) []judged {
	for k := 0; k <= len(past); k++ {
		list := append(slices.Clone(past[len(past)-k:]), x)
		part, ok := p.play(list, holds)
		if !ok {
			continue
		}
		for i := len(list) - 2; i >= 0; i-- {
			if o := list[i]; !o.Request.Op.Reads() && o.Reply.Answer.Outcome != model.Refused {
				continue
			}
			shorter := slices.Delete(slices.Clone(list), i, i+1)
			if again, ok := p.play(shorter, holds); ok {
				list, part = shorter, again
			}
		}
		return part
	}
	return nil
}

// play follows calls from states that are not known, and reports whether something holds of what became of them.
func (p *place) play(list []*recorded.Exchange, holds func(part []judged) bool) (part []judged, ok bool) {
	s := p.unknown(list)
	s.settled = list[0].Start.Add(p.settle)
	for from := 0; from < len(list); {
		to, until := from+1, latest(list[from])
		for to < len(list) && !until.Before(list[to].Start) {
			if end := latest(list[to]); end.After(until) {
				until = end
			}
			to++
		}
		more, ok := s.follow(list[from:to])
		part = append(part, more...)
		switch {
		case to == len(list):
			return part, len(more) == 1 && holds(part) // where others overlap it, that is another question
		case !ok || s.lost():
			return nil, false
		}
		from = to
	}
	return nil, false
}

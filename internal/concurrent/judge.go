package concurrent

import (
	"cmp"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports/describe"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/targets/wire"
)

// Finding is a rule that a history contradicts.
type Finding struct {
	Rule     model.ID
	Resource string
	Expected []string
	Actual   string
	At       Call    // the call whose answer shows it
	Part     []Call  // of the round, which still contradict the rule
	orders   []order // that were tried in vain, a few of them
	tried    int     // how many were
}

// Verdict is what a history says.
type Verdict struct {
	Found   []Finding
	Judged  []model.ID // the rules that it puts to the test
	Unknown []string   // the resources for which no order was found, and none excluded, in time
}

// Disorders lists the resources whose calls have no order.
func (v *Verdict) Disorders() (names []string) {
	if v == nil {
		return nil
	}
	for i := range v.Found {
		if v.Found[i].Rule == model.ConcurrentLinearizable {
			names = append(names, v.Found[i].Resource)
		}
	}
	return names
}

// patience bounds the search for an order of the calls on one resource.
const patience = 2 * time.Second

// Judge judges the history. A history whose calls before the round contradict the model says nothing.
func (h *History) Judge() Verdict {
	j := &judging{history: h, start: model.NewTracker(h.World)}
	for i := range h.Before {
		if c := &h.Before[i]; !c.idle() && !j.start.Observe(c.Request, c.answer()).Allowed {
			return Verdict{}
		}
	}
	if overlapping(h.Round) {
		j.judged(model.ConcurrentNoCrash)
	}
	for i := range h.Round {
		code := h.Round[i].answer().Code
		if c := &h.Round[i]; !c.answer().Definite() && !wire.Throttled(code) && !(h.Eventual && wire.Unavailable(code)) {
			j.found(model.ConcurrentNoCrash, *c, []string{"an answer"}, c.answer().Kind(), h.Round)
			break // what follows may hang upon it
		}
	}
	for _, name := range h.Resources() {
		j.resource(name)
	}
	return j.out
}

type judging struct {
	history *History
	start   *model.Tracker // before the round
	out     Verdict
}

func (j *judging) judged(id model.ID) {
	if !slices.Contains(j.out.Judged, id) {
		j.out.Judged = append(j.out.Judged, id)
	}
}

func (j *judging) found(id model.ID, at Call, expected []string, actual string, part []Call) *Finding {
	j.out.Found = append(j.out.Found, Finding{Rule: id, Resource: generators.Subject(at.Request), Expected: expected, Actual: actual, At: at, Part: part})
	return &j.out.Found[len(j.out.Found)-1]
}

// resource judges what concerns one trail, or the stores.
func (j *judging) resource(name string) {
	round, after := on(j.history.Round, name), on(j.history.After, name)
	writes := slices.DeleteFunc(slices.Clone(round), func(c Call) bool { return c.Request.Op.Reads() || c.idle() })
	puts := !slices.ContainsFunc(writes, func(c Call) bool { return c.Request.Op != model.OpPut })
	settled := !slices.ContainsFunc(round, func(c Call) bool { return !c.answer().Definite() })
	before := len(j.out.Found)
	switch {
	case len(writes) == 0 && overlapping(j.history.Round):
		j.rest(model.ConcurrentIsolated, j.start.Clone(), after, j.history.Round)
	case len(writes) > 0 && puts:
		j.whole(writes, after, settled && !j.history.Eventual)
	}
	if settled && !j.history.Eventual {
		j.anew(writes, after)
	}
	if len(j.out.Found) == before && !j.history.Eventual {
		j.order(name, round)
	}
}

// anew judges what is read of a trail that was gone at rest, and was made again then: whatever overlapped, it starts off.
func (j *judging) anew(writes, after []Call) {
	made := slices.IndexFunc(after, func(c Call) bool { return c.Request.Op == model.OpCreate && c.succeeded() })
	gone := func(c Call) bool { return c.Request.Op == model.OpGet && c.answer().Outcome == model.Refused }
	if made < 1 || !gone(after[made-1]) {
		return
	}
	states := model.NewTracker(j.history.World)
	states.Observe(after[made].Request, after[made].answer())
	for _, c := range after[made+1:] {
		if c.Request.Op == model.OpGet && c.answer().Selectors.On() && !states.Observe(c.Request, c.answer()).Allowed {
			other := func(o Call) bool { // what deletes the trail, and what may have stored this, remains
				return !o.succeeded() || o.Request.Op != model.OpDelete && o.answer().Selectors != c.answer().Selectors
			}
			part := append(slices.DeleteFunc(slices.Clone(writes), other), after[made-1:made+1]...)
			j.judged(model.TrailDeleteForgets)
			j.found(model.TrailDeleteForgets, c, answers(states, c.Request), shown(c.answer()), part)
			return
		}
	}
}

// rest holds what is read at rest against the states that are possible then, and reports whether it is one of them.
func (j *judging) rest(id model.ID, states *model.Tracker, after, part []Call) bool {
	for i := range after {
		c := &after[i]
		if c.idle() {
			continue
		}
		j.judged(id)
		if !states.Observe(c.Request, c.answer()).Allowed {
			j.found(id, *c, answers(states, c.Request), shown(c.answer()), part)
			return false
		}
		if id == model.ConcurrentIsolated && j.history.Eventual && c.Request.Op != model.OpGet {
			break
		}
	}
	return true
}

// whole judges a round whose only writes on the resource are Puts. agree says that all readers must see the same.
func (j *judging) whole(puts, after []Call, agree bool) {
	if i := slices.IndexFunc(after, func(c Call) bool { return !c.Request.Op.Reads() }); i >= 0 {
		after = after[:i] // a trail that was gone was made again
	}
	var gets []Call
	for _, c := range after {
		if c.Request.Op == model.OpGet && !c.idle() {
			gets = append(gets, c)
		}
	}
	if len(gets) == 0 {
		return
	}
	if agree {
		j.judged(model.ConcurrentQuiescent)
		if i := slices.IndexFunc(gets, func(c Call) bool {
			return c.answer().Kind() != gets[0].answer().Kind() || c.answer().Selectors != gets[0].answer().Selectors
		}); i > 0 {
			j.found(model.ConcurrentQuiescent, gets[i], []string{shown(gets[0].answer())}, shown(gets[i].answer()),
				append(slices.Clone(puts), gets[0]))
			return
		}
	}
	states, last := j.last(puts)
	if states == nil {
		return
	}
	for i := range gets { // each by itself: a Put without an answer may take effect between them
		if !j.rest(model.ConcurrentWhole, states.Clone(), gets[i:i+1], puts) {
			j.lasts(last, gets[i])
			return
		}
	}
	if agree {
		j.rest(model.ConcurrentQuiescent, states, after, append(slices.Clone(puts), gets[0]))
	}
}

// possibly is a Put that may be the last, nil for none, with the states that it leaves.
type possibly struct {
	put    *Call
	states *model.Tracker
}

// last has the states that a round of Puts may leave: those of each Put that may be the last, or where none was answered
// 200 also those before. It is nil where a Put had an answer that no state allows: what that has stored is not known.
func (j *judging) last(puts []Call) (states *model.Tracker, each []possibly) {
	states = &model.Tracker{}
	stored := false
	for i := range puts {
		put := &puts[i]
		if !put.succeeded() && put.answer().Definite() {
			continue // refused, it has stored nothing
		}
		stored = stored || put.succeeded()
		later := func(o Call) bool { return o.succeeded() && o.Start > put.End }
		if put.succeeded() && slices.ContainsFunc(puts, later) {
			continue
		}
		t := j.start.Clone()
		if verdict := t.Observe(put.Request, put.answer()); !verdict.Allowed {
			return nil, nil
		}
		states.Add(t)
		each = append(each, possibly{put, t})
	}
	if !stored {
		states.Add(j.start)
		each = append(each, possibly{nil, j.start})
	}
	return states, each
}

// lasts adds to a finding which Puts may have been the last, and what a read would show after each.
func (j *judging) lasts(each []possibly, at Call) {
	f := &j.out.Found[len(j.out.Found)-1]
	for _, p := range each {
		o := order{Calls: []Call{at}, Would: answers(p.states, at.Request)}
		if p.put != nil {
			o.Calls = []Call{*p.put, at}
		}
		f.orders = append(f.orders, o)
	}
	f.orders, f.tried = telling(f.orders, at), len(f.orders)
}

// order looks for an order of the calls on a resource in which the model allows each answer.
func (j *judging) order(name string, round []Call) {
	calls := j.history.ordered(name)
	switch check(j.start, calls) {
	case porcupine.Unknown:
		j.out.Unknown = append(j.out.Unknown, name)
		return
	case porcupine.Ok:
		if overlapping(round) {
			j.judged(model.ConcurrentLinearizable)
		}
		return
	}
	j.judged(model.ConcurrentLinearizable)
	part := reduced(j.start, calls)
	at, tried := part[len(part)-1], orders(j.start, part)
	f := j.found(model.ConcurrentLinearizable, at, allowed(tried, at), shown(at.answer()), part)
	f.orders, f.tried = telling(tried, at), len(tried)
}

// shown is an answer in a few words.
func shown(a model.Answer) string {
	switch {
	case a.Outcome != model.Succeeded && a.Outcome != model.AnySuccess:
	case a.HasInsights == model.Yes:
		return "HasInsightSelectors true"
	case a.HasInsights == model.No:
		return "HasInsightSelectors false"
	case a.TrailARN+a.StoreARN != "" || a.Selectors != 0:
		return "success with " + describe.Set(a.Selectors) + plain.When(a.Alien != "", " and "+a.Alien)
	}
	return a.Kind()
}

// answers lists what a request may be answered.
func answers(states *model.Tracker, r model.Request) (out []string) {
	for _, a := range states.Accepted(r) {
		if text := shown(a); !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return out
}

// check looks for an order of calls in which the model allows each answer.
func check(start *model.Tracker, calls []Call) porcupine.CheckResult {
	return porcupine.CheckOperationsTimeout(sequential(start), operations(calls), patience)
}

// operations are calls as porcupine knows them.
func operations(calls []Call) (out []porcupine.Operation) {
	for i := range calls {
		c := &calls[i]
		out = append(out, porcupine.Operation{ClientId: c.Client, Input: c.Request, Call: c.Start, Output: c.answer(), Return: c.latest()})
	}
	return out
}

// sequential is the model as porcupine knows it. A state is the set of those that the answers so far allow.
func sequential(start *model.Tracker) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return start },
		Step: func(state, input, output any) (bool, any) {
			next := state.(*model.Tracker).Clone()
			allowed := next.Observe(input.(model.Request), output.(model.Answer)).Allowed
			return allowed, next
		},
		Equal: func(a, b any) bool { return a.(*model.Tracker).Equal(b.(*model.Tracker)) },
	}
}

// reduced is a smallest part of calls that still has no order. Left out is what began after the last of it, and reads:
// of calls that have an order, those parts have one too. What is left of writes may be needed to explain an answer.
func reduced(start *model.Tracker, calls []Call) []Call {
	slices.SortFunc(calls, func(a, b Call) int { return cmp.Compare(a.End, b.End) })
	for n := 1; n < len(calls); n++ {
		if part := until(calls, calls[n-1].End); check(start, part) == porcupine.Illegal {
			calls = part
			break
		}
	}
	for i := len(calls) - 2; i >= 0; i-- {
		if c := &calls[i]; !c.Request.Op.Reads() && c.answer().Outcome != model.Refused {
			continue
		}
		if part := slices.Delete(slices.Clone(calls), i, i+1); check(start, part) == porcupine.Illegal {
			calls = part
		}
	}
	return calls
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// until is the part of a history up to a moment: of what had begun by then, and was not answered yet, nothing is known.
func until(calls []Call, moment int64) (out []Call) {
	for _, c := range calls {
		if c.End > moment {
			if c.Start > moment || c.Request.Op.Reads() {
				continue
			}
			c.Reply.Answer = model.Answer{Outcome: model.Unanswered}
		}
		out = append(out, c)
	}
	// What is answered last comes last.
	slices.SortStableFunc(out, func(a, b Call) int { return cmp.Compare(flag(a.latest() == moment), flag(b.latest() == moment)) })
	return out
}

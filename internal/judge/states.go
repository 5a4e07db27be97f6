package judge

import (
	"slices"
	"time"

	"github.com/insightconform/conform/internal/judge/recorded"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets/wire"
)

// states are those that a trail name, or some event data stores, may be in, as far as the calls on them tell.
type states struct {
	world   *model.World
	tracker *model.Tracker
	settle  time.Duration // how long the service may show what was before; 0 is not at all
	// settled is when everything shows that was written before the recording began, or while calls were missing.
	settled time.Time
	earlier []dated
	within  bool // an order of overlapping calls is tried
}

// dated are states that were possible until a change.
type dated struct {
	until  time.Time
	states []model.State
}

// none has no trail and no store in it.
func none(world *model.World) []model.State { return []model.State{model.NewState(world)} }

// unknown begins with states.
func unknown(world *model.World, list []model.State, settle time.Duration, settled time.Time) *states {
	s := &states{world: world, tracker: &model.Tracker{}, settle: settle, settled: settled}
	s.tracker.Follow(list...)
	return s
}

func (s *states) clone() *states {
	out := *s
	out.tracker, out.earlier = s.tracker.Clone(), slices.Clone(s.earlier)
	return &out
}

func (s *states) all() []model.State {
	return append([]model.State{s.tracker.State()}, s.tracker.Others()...)
}

// each replaces each possible state by others.
func (s *states) each(replace func(model.State) []model.State) {
	var out []model.State
	for _, state := range s.all() {
		out = append(out, replace(state)...)
	}
	s.tracker.Follow(out...)
	for i := range s.earlier {
		var earlier []model.State
		for _, state := range s.earlier[i].states {
			earlier = append(earlier, replace(state)...)
		}
		s.earlier[i].states = earlier
	}
}

// judged is what became of one call.
type judged struct {
	call    *recorded.Exchange
	verdict model.Verdict
	before  []model.State // that were possible
	after   model.State
	stale   bool // an earlier state explains the answer
	either  bool // an earlier state explains it as well
}

// exchange is what was judged as the model sees it.
func (j *judged) exchange() model.Exchange {
	return model.Exchange{Before: j.before[0], Others: j.before[1:], Request: j.call.Request, Answer: answer(j.call), After: j.after,
		Allowed: j.verdict.Allowed}
}

// answer is what a call was answered, as far as that is known.
func answer(x *recorded.Exchange) model.Answer {
	a := x.Reply.Answer
	if x.Bare && a.Outcome == model.Succeeded {
		return model.Answer{Outcome: model.AnySuccess}
	}
	return a
}

// idle reports whether a call was turned away, so that it says nothing and has changed nothing.
func idle(x *recorded.Exchange, offered bool) string {
	code := x.Reply.Answer.Code
	switch {
	case wire.Throttled(code), code == wire.Busy:
		return "throttled or busy"
	case wire.Unauthenticated(code), wire.Denied(code):
		return "turned away for want of a permission"
	case x.Request.Op.Reads() && x.Reply.Answer.Outcome == model.Unanswered:
		return noAnswer
	case x.Service && wire.Unavailable(code):
		return "the service was not available"
	case wire.NotOffered(x.Reply) && !offered:
		return "the operation is not offered"
	}
	return ""
}

const noAnswer = "no answer was recorded"

// in sets the Regions of a call: where it was sent, and the other one that it may name.
func (s *states) in(x *recorded.Exchange) {
	home, away := x.Request.Region, ""
	for _, m := range model.Mentions(x.Request, home) {
		if m.Region != home {
			away = m.Region
		}
	}
	first := s.tracker.State()
	for i := 0; away == "" && i < len(first.Trails); i++ {
		if at := first.Trails[i].Home; at != home {
			away = at
		}
	}
	if away == "" {
		away = s.world.Away
	}
	if s.world.Home != home || s.world.Away != away {
		world := *s.world
		world.Home, world.Away = home, away
		s.at(&world)
	}
}

// at has the states see the world as it is.
func (s *states) at(world *model.World) {
	s.world = world
	s.each(func(state model.State) []model.State {
		state.World = world
		return []model.State{state}
	})
}

// observe follows one call, which came after all that was observed before.
func (s *states) observe(x *recorded.Exchange) judged {
	if s.lost() {
		return judged{call: x, before: none(s.world), after: s.first(), verdict: model.Verdict{Allowed: true}, stale: true}
	}
	s.in(x)
	s.forget(x.Start)
	if x.Service && x.Request.Op == model.OpCreate && x.Reply.Answer.Outcome == model.Succeeded {
		s.made(x)
	}
	before := s.all()
	out := judged{call: x, before: before}
	next := s.tracker.Clone()
	out.verdict = next.Observe(x.Request, answer(x))
	read := x.Request.Op.Reads() || answer(x).Outcome == model.Refused
	young := s.settle > 0 && (len(s.earlier) > 0 || x.Start.Before(s.settled))
	out.either = out.verdict.Allowed && read && young && s.explained(x)
	switch {
	case out.verdict.Allowed && !(read && young): // what an old state may show settles nothing
		if s.settle > 0 && !read && !s.within {
			s.earlier = append(s.earlier, dated{latest(x), before})
		}
		s.tracker = next
	case !out.verdict.Allowed && s.explained(x):
		if out.verdict, out.stale = (model.Verdict{Allowed: true}), true; !read {
			s.tracker.Follow() // what it made of which state is not known
		}
	}
	if out.after = s.first(); !out.verdict.Allowed {
		out.liken()
	}
	return out
}

// made leaves the states in which a trail was not there that the service has made: it refuses to make it twice.
func (s *states) made(x *recorded.Exchange) {
	fresh := slices.DeleteFunc(s.all(), func(state model.State) bool {
		_, there := state.Trail(x.Request.Region, x.Request.Input.Get("Name").Text())
		return there
	})
	if len(fresh) > 0 && len(s.earlier) == 0 {
		s.tracker.Follow(fresh...)
	}
}

// liken puts first the states in which the wrong answer is least wrong: those which it shows, or that have a refusal for a
// refusal.
func (j *judged) liken() {
	var like, rest []model.State
	for _, s := range j.before {
		s = s.Revealed(j.call.Request, answer(j.call))
		if reference := model.Step(s, j.call.Request)[0].Answer; refused(reference) == refused(answer(j.call)) {
			like = append(like, s)
		} else {
			rest = append(rest, s)
		}
	}
	j.before = append(like, rest...)
}

func refused(a model.Answer) bool { return a.Outcome == model.Refused || a.Outcome == model.AnyRefusal }

// expected lists the kinds of answer that a call could have got, but for what is not known of the surroundings.
func (j *judged) expected() []string {
	states := slices.Clone(j.before)
	for i := range states {
		world := *states[i].World
		world.Partial, world.Around = false, 0
		states[i].World = &world
	}
	t := &model.Tracker{}
	t.Follow(states...)
	return t.Allowed(j.call.Request)
}

// first is the likeliest state; one without resources where nothing is known any more.
func (s *states) first() model.State {
	if s.lost() {
		return model.NewState(s.world)
	}
	return s.tracker.State()
}

// lost reports whether what is possible is not known any more.
func (s *states) lost() bool { return s.tracker.Full() || s.tracker.None() }

// forget drops the states that are shown no more.
func (s *states) forget(now time.Time) {
	s.earlier = slices.DeleteFunc(s.earlier, func(d dated) bool { return now.Sub(d.until) > s.settle })
}

// explained reports whether a state of before, which may still be shown, allows an answer.
func (s *states) explained(x *recorded.Exchange) bool {
	return slices.ContainsFunc(s.earlier, func(d dated) bool {
		t := &model.Tracker{}
		t.Follow(d.states...)
		return !t.None() && t.Observe(x.Request, answer(x)).Allowed
	})
}

// latest is when a call has had its effect. A log tells when a write was done: of two that overlap, one may seem to have
// begun after the other had ended.
func latest(x *recorded.Exchange) time.Time {
	end := x.End
	if end.Before(x.Start) {
		end = x.Start
	}
	if x.Service && !x.Request.Op.Reads() {
		end = end.Add(time.Second)
	}
	return end
}

// maxOverlap is how many calls on one trail or store may overlap for all their orders to be tried.
const maxOverlap = 9

// overlapping follows calls of which the order is not known. It reports false where no order explains their answers.
func (s *states) overlapping(calls []*recorded.Exchange) ([]judged, bool) {
	reached := make([]*states, 1<<len(calls))
	reached[0] = s.clone()
	reached[0].within = true
	for done := range reached {
		from := reached[done]
		for i := 0; from != nil && i < len(calls); i++ {
			if done&(1<<i) != 0 || s.settle == 0 && s.waits(calls, done, i) {
				continue
			}
			next := from.clone()
			if !next.observe(calls[i]).verdict.Allowed {
				continue
			}
			if to := done | 1<<i; reached[to] == nil {
				reached[to] = next
			} else {
				reached[to].join(next)
			}
		}
	}
	before, last := s.all(), reached[len(reached)-1]
	if last == nil {
		return nil, false
	}
	out := make([]judged, len(calls))
	for i, x := range calls {
		out[i] = judged{call: x, before: before, after: last.first(), verdict: model.Verdict{Allowed: true}}
	}
	if last.within = false; s.settle > 0 { // what any order leads through may still be shown
		between := &model.Tracker{}
		for _, one := range reached[:len(reached)-1] {
			if one != nil && !one.lost() {
				between.Add(one.tracker)
			}
		}
		if between.Full() {
			last.tracker.Follow()
		} else {
			until := slices.MaxFunc(calls, func(a, b *recorded.Exchange) int { return latest(a).Compare(latest(b)) })
			last.earlier = append(last.earlier, dated{latest(until), append([]model.State{between.State()}, between.Others()...)})
		}
	}
	*s = *last
	return out, true
}

// waits reports whether a call began after one had ended that is not done.
func (s *states) waits(calls []*recorded.Exchange, done, i int) bool {
	for j, o := range calls {
		if done&(1<<j) == 0 && j != i && latest(o).Before(calls[i].Start) {
			return true
		}
	}
	return false
}

func (s *states) join(o *states) {
	if s.lost() || o.lost() {
		s.tracker.Follow()
		return
	}
	o.at(s.world)
	s.tracker.Add(o.tracker)
}

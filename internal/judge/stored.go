package judge

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/insightconform/conform/internal/judge/recorded"
	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
)

// Case judges a case that conform itself has played: it began in a fresh world, with the names of the model.
// One that was kept for what stands in bytes and headers, which are not kept, says nothing, also not by its other steps.
func (j *Judgement) Case(c *reports.Calls) {
	if New(j.settle).follow(c) {
		j.follow(c)
	} else {
		j.skip(len(c.Steps), "what the case was kept for are bytes and headers, which are not kept")
	}
}

// follow judges the steps of a case, and reports whether what it was kept for can be judged.
func (j *Judgement) follow(c *reports.Calls) bool {
	has := func(op model.Op) bool {
		return slices.ContainsFunc(c.Steps, func(s reports.Step) bool { return model.Op(s.Operation) == op })
	}
	world := model.DefaultWorld
	world.NoStart, world.NoStores = !has(model.OpStart), !has(model.OpCreateStore)
	world.Lent = slices.ContainsFunc(c.Steps, func(s reports.Step) bool { return s.Lent != "" })
	p := &place{world: &world}
	s := &subject{states: unknown(&world, none(&world), 0, time.Time{})}
	var part []judged
	for i, step := range c.Steps {
		x := &recorded.Exchange{At: fmt.Sprintf("%s, step %d", c.Path, i+1), Request: step.ModelRequest(), Reply: session.ReplyOf(step)}
		x.Request.Region = cmp.Or(x.Request.Region, world.Home)
		j.Exchanges++
		crash := step.Diverges && c.Rule == model.WireNoCrash && !answer(x).Definite()
		if why := idle(x, x.Request.Op.Insights()); why != "" && !crash {
			j.NotJudged[why]++
			continue
		}
		start := s.states.clone()
		one := s.states.observe(x)
		part = append(part, one)
		switch {
		case !one.verdict.Allowed:
			j.Judged++
			j.found(blamed(part), slices.Clone(part))
			as, plain := start.tracker.TakenFor(x.Request, answer(x))
			if !plain {
				j.skip(len(c.Steps)-i-1, "what came before it contradicts the model")
				return true
			}
			s.states.tracker.Observe(x.Request, as)
		case crash:
			j.Judged++
			j.found(model.Finding{Rule: c.Rule, Level: model.RuleOf(c.Rule).LevelFor(one.before[0], x.Request), Operation: x.Request.Op,
				Step: len(part) - 1, Expected: []string{"a definite answer"}, Actual: answer(x).Kind()}, slices.Clone(part))
		case step.Diverges && c.Rule.Family() == "wire":
			return false
		default:
			j.allowed(p, s, &one, true)
		}
	}
	return true
}

func (j *Judgement) skip(n int, why string) {
	if n > 0 {
		j.Exchanges += n
		j.NotJudged[why] += n
	}
}

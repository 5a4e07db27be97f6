package concurrent

import (
	"context"
	"fmt"
	"slices"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
)

// Steps renders all calls of a history.
func (h *History) Steps() (steps []reports.Step) {
	for _, list := range [][]Call{h.Before, h.Round, h.After} {
		for i := range list {
			steps = append(steps, list[i].step(len(steps)+1))
		}
	}
	return steps
}

func (c *Call) step(number int) reports.Step {
	step := reports.NewStep(number, c.Request, c.Reply, []string{})
	step.Client, step.Phase, step.Start, step.End, step.Delay = c.Client, c.Phase, c.Start, c.End, c.Delay
	return step
}

// Stored is a history that was written as steps.
func Stored(world *model.World, eventual bool, steps []reports.Step) *History {
	h := &History{World: world, Eventual: eventual}
	for _, step := range steps {
		c := Call{Client: step.Client, Phase: step.Phase, Request: step.ModelRequest(), Reply: session.ReplyOf(step),
			Start: step.Start, End: step.End, Delay: step.Delay}
		switch {
		case c.Phase > 0:
			h.Round = append(h.Round, c)
		case len(h.Round) == 0:
			h.Before = append(h.Before, c)
		default:
			h.After = append(h.After, c)
		}
	}
	return h
}

// Overlaps reports whether steps are those of several clients.
func Overlaps(steps []reports.Step) bool {
	return slices.ContainsFunc(steps, func(s reports.Step) bool { return s.Client > 0 })
}

// program is that which a history was recorded of.
func (h *History) program() *generators.Program {
	p := &generators.Program{}
	for i := range h.Before {
		p.Setup = append(p.Setup, h.Before[i].Request)
	}
	clients := 0
	for i := range h.Round {
		clients = max(clients, h.Round[i].Client)
	}
	for i := range h.Round {
		c := &h.Round[i]
		for len(p.Phases) < c.Phase {
			p.Phases = append(p.Phases, make([][]generators.Move, clients))
		}
		moves := &p.Phases[c.Phase-1][c.Client-1]
		*moves = append(*moves, generators.Move{Request: c.Request, Delay: c.Delay})
	}
	return p
}

// Replay plays the program of a trace up to ten times, for as long as it does not show the trace's divergence, and says
// what became of it. found is what it shows; nil where it shows nothing.
func Replay(ctx context.Context, client *session.Client, t *reports.Trace) (out reports.Replay, found *Divergence) {
	out = reports.Replay{Signature: t.Signature, Rule: t.Rule, Outcome: reports.ReplayFixed, Expected: t.Expected}
	if !client.Can(model.CanOverlap) {
		out.Outcome, out.Why = reports.ReplayNotCovered, "the target answers one client at a time"
		return out, nil
	}
	p := Stored(client.Model, client.Eventual(), t.Steps).program()
	s, clean := &suite{client: client, avoided: lessons{}, fickle: map[model.Op]bool{}}, 0 // plays that do not show it
	for try := 1; try <= maxPlays; {
		h, err := play(ctx, client, p, t.Schedule+uint64(try-1), leastPatience, s.avoided)
		if err != nil || len(h.Round) == 0 {
			out.Outcome, out.Why = reports.ReplayNotCovered, "the calls could not be played to the end"
			return out, nil
		}
		verdict := h.Judge()
		for i := range verdict.Found {
			f := verdict.Found[i]
			d := &Divergence{Finding: f, Program: p, History: h, Again: 1, Tries: try, Count: 1, schedule: h.Schedule}
			shown := d.Report()
			if shown.Signature != t.Signature {
				continue
			}
			alone := s.alone(ctx, d, maxOrdersAlone)
			if alone == nil {
				out.Outcome, out.Expected, out.Actual, out.Steps = reports.ReplayDiverges, shown.Expected, shown.Actual, shown.Steps
				return out, d
			}
			if s.learn(ctx, alone) {
				try-- // once more, without what is wrong
			}
			clean--
			break
		}
		try++
		clean++
	}
	if clean == 0 {
		out.Outcome, out.Why = reports.ReplayNotCovered, "one client alone is answered wrongly too, which the other suites tell"
		return out, nil
	}
	out.Why = fmt.Sprintf("not seen in %d plays; a race shows by chance", clean)
	return out, nil
}

// JudgeStored judges calls that were recorded. What contradicts a rule is confirmed by the history itself: nothing is played.
func JudgeStored(c *reports.Calls) (found []reports.Divergence, verdict Verdict) {
	world := model.DefaultWorld
	has := func(op model.Op) bool {
		return slices.ContainsFunc(c.Steps, func(s reports.Step) bool { return model.Op(s.Operation) == op })
	}
	world.NoStart, world.NoStores = !has(model.OpStart), !has(model.OpCreateStore)
	h := Stored(&world, c.Target.Eventual, c.Steps)
	verdict = h.Judge()
	for i := range verdict.Found {
		d := &Divergence{Finding: verdict.Found[i], History: h, Count: 1, schedule: c.Schedule}
		shown := d.Report()
		shown.Status, shown.Seen = reports.Confirmed, ""
		found = append(found, shown)
	}
	return found, verdict
}

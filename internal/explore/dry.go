package explore

import (
	"context"

	"github.com/insightconform/conform/generators/catalogue"
	"github.com/insightconform/conform/generators/machine"
	"github.com/insightconform/conform/internal/probe"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
)

// PlannedSystematic counts what the systematic suite sends to the reference, limited as the target is.
func PlannedSystematic(ctx context.Context, subject *probe.Subject, shard reports.Shard) reports.PlannedSuite {
	w, sent := dry(subject, shard)
	part, parts := shard.Part(0, 1)
	w.systematic(ctx, deal(catalogue.Cases(subject.Model, subject.Scope), part, parts))
	w.walk(ctx)
	return reports.PlannedSuite{Name: Systematic, Tests: w.Client.Worlds, Writes: sent.writes, Reads: sent.reads}
}

// dry makes a worker of one that explores a subject alone, but asks the model instead.
func dry(subject *probe.Subject, shard reports.Shard) (*Worker, *modelled) {
	sent := &modelled{world: subject.Model}
	s := probe.Assume(targets.Info{}, subject.Scope.Can, probe.Options{})
	s.Target, s.Model, s.Scope = sent, subject.Model, subject.Scope
	part, parts := shard.Part(0, 1)
	return NewWorker(s, machine.NewTour(s.Scope, part, parts)), sent
}

// modelled answers as the reference model does, and counts what it is sent.
type modelled struct {
	world         *model.World
	writes, reads int
}

func (m *modelled) Open(context.Context) (targets.Info, error) { return targets.Info{}, nil }

func (m *modelled) NewWorld(context.Context) (targets.World, error) {
	return &modelledWorld{all: m, state: model.NewState(m.world)}, nil
}

func (m *modelled) Close() error { return nil }

type modelledWorld struct {
	all   *modelled
	state model.State
}

func (w *modelledWorld) Do(_ context.Context, r model.Request) targets.Reply {
	if r.Op.Reads() {
		w.all.reads++
	} else {
		w.all.writes++
	}
	b := model.Step(w.state, r)[0]
	w.state = b.Next
	answer := b.Answer
	switch answer.Outcome {
	case model.AnySuccess:
		answer.Outcome = model.Succeeded
	case model.AnyRefusal, model.AnyAnswer:
		answer = model.Refusal("Refused")
	}
	return targets.Reply{Answer: answer}
}

func (w *modelledWorld) Close(context.Context) error { return nil }

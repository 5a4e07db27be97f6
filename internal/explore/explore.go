package explore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/insightconform/conform/generators/catalogue"
	"github.com/insightconform/conform/generators/machine"
	"github.com/insightconform/conform/internal/concurrent"
	"github.com/insightconform/conform/internal/diagnose"
	"github.com/insightconform/conform/internal/probe"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
)

// The suites.
const (
	Systematic = "systematic" // cases and transitions computed from the model
	Complete   = "complete"   // every word of inputs up to a length, from every state of a machine
	Random     = "random"     // drawn by rapid with the model's state in view
	Concurrent = "concurrent" // several clients at once, drawn by rapid
)

// Suites lists the suites in the order in which they are run.
var Suites = []string{Systematic, Complete, Random, Concurrent}

// DefaultSuites are those of a run that names none, the last one where the target is fit for it.
var DefaultSuites = []string{Systematic, Random, Concurrent}

// Exploration is the work of all workers of a run.
type Exploration struct {
	Subject *probe.Subject
	Workers []*Worker
	Cut     []string // suites that were not finished
	Notes   []string
	Races   []*concurrent.Divergence
	Failure string // what a worker panicked with, and its stack; empty where none did
	// Fitting counts the requests that were spent on fitting machines to the target.
	Fitting int

	Confirmed func(*diagnose.Divergence) (enough bool) // is told of what is confirmed during the exploration; may be nil
	Partial   func() *reports.Report                   // for Options.Checkpoint
	InAll     bool                                     // Options.Requests caps those of confirming as well

	options  Options
	suites   []string
	cases    []catalogue.Case
	machines []*completeSuite

	upTo           atomic.Int64 // requests in all with those of the random suite, once it has begun
	checkpointing  sync.Mutex
	lastCheckpoint time.Time
}

// New prepares the workers of a run.
func New(subject *probe.Subject, o Options) *Exploration {
	x := &Exploration{Subject: subject, options: o, suites: o.SuitesOf(subject),
		cases: chosen(catalogue.Cases(subject.Model, subject.Scope), subject.Scope)}
	for i := range subject.Workers {
		part, parts := o.Shard.Part(i, subject.Workers)
		w := NewWorker(subject, machine.NewTour(subject.Scope, part, parts))
		w.part, w.parts = part, parts
		w.inspector, w.Player = &inspector{x, i, diagnose.Suspicions{}, map[string]int{}, map[string]bool{}}, diagnose.NewPlayer(subject.NewClient())
		if o.Requests > 0 {
			w.Client.Quota = share(o.Requests, i, subject.Workers)
		}
		x.Workers = append(x.Workers, w)
	}
	x.begin()
	return x
}

// Run plays the suites that were asked for, but for those that an earlier run finished. Of complete suites
// it is known test by test what is done. ctx ends with the time that there is for it.
func (x *Exploration) Run(ctx context.Context) {
	earlier := x.options.Resume
	for _, suite := range Suites {
		finished := earlier != nil && slices.Contains(earlier.Suites, suite) && !slices.Contains(earlier.CutShort, suite)
		if !slices.Contains(x.suites, suite) || finished && suite != Complete {
			continue
		}
		x.Subject.Status.SetPhase(suite)
		if !x.play(ctx, suite) {
			x.Cut = append(x.Cut, suite)
		}
	}
}

// play plays one suite with all workers and reports whether it was finished.
func (x *Exploration) play(ctx context.Context, suite string) bool {
	switch suite {
	case Systematic:
		return x.each(func(i int, w *Worker) bool {
			w.systematic(ctx, deal(x.cases, w.part, w.parts))
			w.walk(ctx)
			return !w.Client.Spent(ctx)
		})
	case Complete:
		return x.complete(ctx)
	case Concurrent:
		return x.concurrent(ctx)
	}
	if x.options.Requests == 0 && x.options.Time == 0 {
		x.upTo.Store(x.Subject.Status.Requests.Load() + DefaultRandom)
		if x.beside() {
			x.upTo.Add(int64(x.options.clientsShare(x.sent() + DefaultRandom)))
		}
		for i, w := range x.Workers {
			w.Client.Quota = w.Client.Requests + share(DefaultRandom, i, len(x.Workers))
		}
	}
	ctx, cancel := x.reserve(ctx)
	defer cancel()
	whole := x.each(func(i int, w *Worker) bool {
		before := w.Client.Requests
		w.random(ctx, x.options.Seed+uint64(w.part)*0x9e3779b97f4a7c15, x.cases)
		return w.Client.Requests > before && !w.Client.Stuck
	})
	return whole && (ctx.Err() == nil || x.options.Time > 0)
}

// each runs a function for every worker, side by side, and reports whether all returned true. A panic
// of one is kept, so that what the others found is still reported.
func (x *Exploration) each(f func(int, *Worker) bool) bool {
	whole, failures := make([]bool, len(x.Workers)), make([]string, len(x.Workers))
	var wait sync.WaitGroup
	for i, w := range x.Workers {
		wait.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					failures[i] = fmt.Sprintf("%v\n%s", p, debug.Stack())
				}
			}()
			whole[i] = f(i, w)
		})
	}
	wait.Wait()
	x.Failure = cmp.Or(append([]string{x.Failure}, failures...)...)
	return !slices.Contains(whole, false)
}

// share is the i-th of n parts of a number.
func share(total, i, n int) int { return (total + n - 1 - i) / n }

// deal gives the i-th of n workers its cases: whole groups that share a set-up.
func deal(cases []catalogue.Case, i, n int) (mine []catalogue.Case) {
	group := -1
	for k := range cases {
		if k == 0 || cases[k-1].World != cases[k].World || k%groupSize == 0 {
			group++
		}
		if group%n == i {
			mine = append(mine, cases[k])
		}
	}
	return mine
}

// Pairs counts the pairs of error rules that the systematic suite is to break together.
func (x *Exploration) Pairs() (count reports.Count) {
	known := map[[2]model.ID]bool{}
	for _, w := range x.Workers {
		for _, c := range deal(x.cases, w.part, w.parts) {
			if c.Kind == catalogue.KindPair && c.Probe.Op == model.OpPut && len(c.Rules) == 2 {
				known[[2]model.ID(c.Rules)] = true
			}
		}
	}
	for pair := range known {
		count.Total++
		if slices.ContainsFunc(x.Workers, func(w *Worker) bool { return w.pairs[pair] }) {
			count.Covered++
		}
	}
	return count
}

// Walk shows what the workers' tours covered.
func (x *Exploration) Walk() (transitions reports.Count, walk *reports.Walk) {
	var tours []*machine.Tour
	for _, w := range x.Workers {
		tours = append(tours, w.tour)
		transitions.Covered += w.tour.Count
		transitions.Total += w.tour.Total
	}
	walk = &reports.Walk{}
	walk.Inputs = machine.Walked(tours, func(on model.Selectors, logs model.Logs, row []byte) {
		walk.States = append(walk.States, reports.WalkState{On: on.String(), Logs: logs.String(), Row: string(row)})
	})
	return transitions, walk
}

// Options has the fields of conform.Options, where each is described, so that one converts into the other.
type Options struct {
	Seed           uint64
	Budget         string
	Requests       int
	Time           time.Duration
	Workers        int
	Suites         []string
	Clients        int
	Histories      string
	Order          *model.Profile
	FailOn         model.Level
	Progress       func(reports.Update)
	Command        string
	Version        string
	Name           string
	TargetVersion  string
	Events         func(reports.Event)
	Found          func(signature string) (enough bool)
	Eventual       bool
	Settle         time.Duration
	ShrinkRequests int
	Depth          int
	Machines       []string
	Shard          reports.Shard
	Resume         *reports.Report
	Checkpoint     func(*reports.Report)
	StopAtFirst    bool
	FailFast       bool
	Only, Skip     []string
	Traces         []*reports.Trace
	Baseline       *reports.Baseline
	Expect         []string
}

// The defaults and bounds of Options.
const (
	DefaultRandom         = 5000 // requests of the random suite where Options.Requests sets no cap
	DefaultShrinkRequests = 2000 // that a run may spend on shrinking
	MaxDepth              = 2    // of a complete suite
	TryAgain              = 4    // one of so many parts of Options.Time is left to try again what was found
	DefaultClients        = concurrent.DefaultClients
	MaxClients            = concurrent.MaxClients
)

// Normalize fills in what is not given and refuses what makes no sense.
func (o *Options) Normalize() error {
	if o.Machines == nil {
		o.Machines = machine.Default
	}
	if o.Baseline != nil {
		o.Expect = slices.Concat(o.Expect, o.Baseline.Capabilities)
	}
	o.Expect = slices.Compact(slices.Sorted(slices.Values(o.Expect)))
	for _, list := range []struct {
		what         string
		given, known []string
	}{{"suite", o.Suites, Suites}, {"machine", o.Machines, machine.Names()}, {"capability", o.Expect, reports.CapabilityNames()}} {
		for _, name := range list.given {
			if !slices.Contains(list.known, name) {
				return fmt.Errorf("%w: there is no %s %q; use one or several of %s", targets.ErrUsage, list.what, name, strings.Join(list.known, ", "))
			}
		}
	}
	if err := o.spend(); err != nil {
		return err
	}
	if o.Depth < 0 || o.Depth > MaxDepth {
		return fmt.Errorf("%w: the depth must be 0 to %d", targets.ErrUsage, MaxDepth)
	}
	if o.Shard.Count < 0 || o.Shard.Index < 0 || o.Shard.Index >= max(1, o.Shard.Count) {
		return fmt.Errorf("%w: there is no shard %d of %d", targets.ErrUsage, o.Shard.Index+1, o.Shard.Count)
	}
	if o.Clients < 0 || o.Clients > MaxClients || o.Clients == 1 && slices.Contains(o.Suites, Concurrent) {
		return fmt.Errorf("%w: there must be 2 to %d clients", targets.ErrUsage, MaxClients)
	}
	if o.Requests < 0 || o.Workers < 0 || o.Time < 0 || o.Settle < 0 {
		return fmt.Errorf("%w: requests, workers, time and settle time cannot be negative", targets.ErrUsage)
	}
	if len(o.Only)+len(o.Skip) > 0 && slices.Contains(o.Suites, Complete) {
		return fmt.Errorf("%w: the complete suites judge all rules; run them without only and skip", targets.ErrUsage)
	}
	if _, _, err := o.selection(); err != nil {
		return err
	}
	o.StopAtFirst = o.StopAtFirst || o.FailFast
	o.FailOn = cmp.Or(o.FailOn, model.Observed)
	o.ShrinkRequests = cmp.Or(o.ShrinkRequests, DefaultShrinkRequests)
	return nil
}

// Probe has the options that say how the target is opened.
func (o *Options) Probe() probe.Options {
	left, without, _ := o.selection() // which Normalize has checked
	trails := 0
	if slices.Equal(o.Suites, []string{Complete}) {
		trails = machine.Trails(o.Machines)
	}
	return probe.Options{Left: left, Without: without, Order: o.Order, Eventual: o.Eventual, Settle: o.Settle, Workers: o.Workers, Trails: trails, Events: o.Events,
		Overlap: o.overlap(), Clients: o.Clients}
}

// Plan says what a run with these options would send to a target, without running its suites. It opens and probes the
// target, and measures how fast it answers with a few dozen requests. Errors are those of run.Run.
func Plan(ctx context.Context, target targets.Target, options Options) (*reports.Plan, error) {
	if err := options.Normalize(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, cmp.Or(options.Time, math.MaxInt64/4),
		fmt.Errorf("%w: the time was over before there was a plan; raise --time", targets.ErrInconclusive))
	defer cancel()
	subject, err := probe.Open(ctx, target, options.Probe())
	if err != nil {
		return nil, cmp.Or(context.Cause(ctx), err)
	}
	if !subject.Probed {
		return nil, errors.Join(context.Cause(ctx), target.Close())
	}
	speed := 0.0
	if subject.Can(model.CanPut) && subject.Can(model.CanGet) && subject.Can(model.CanCreate) {
		speed = rate(ctx, subject) * float64(subject.Workers)
	}
	plan := planOf(ctx, subject, options, showsDefaultEvents(ctx, subject.NewClient()))
	plan.Rate = speed
	return plan, errors.Join(context.Cause(ctx), target.Close())
}

// PlanWithin is Plan for a target that is assumed to have the given capabilities. Nothing is sent.
func PlanWithin(ctx context.Context, info targets.Info, can map[model.Capability]bool, options Options) (*reports.Plan, error) {
	if err := options.Normalize(); err != nil {
		return nil, err
	}
	return planOf(ctx, probe.Assume(info, can, options.Probe()), options, false), ctx.Err()
}

// UpTo is after how many requests the exploration ends, once that is sure; else 0.
func (x *Exploration) UpTo() int { return int(x.upTo.Load()) }

// Planned counts about how many requests the suites are to send, but for confirming; 0 where it cannot be known.
func (x *Exploration) Planned(ctx context.Context) (requests int) {
	o := x.options
	if o.Resume != nil || o.Time > 0 {
		return 0
	}
	for _, suite := range x.suites {
		switch suite {
		case Systematic:
			for i := range x.Workers {
				part, parts := o.Shard.Part(i, len(x.Workers))
				planned := plannedSystematic(ctx, x.Subject, part, parts)
				requests += planned.Writes + planned.Reads
			}
		case Complete:
			for _, planned := range plannedComplete(x.Subject, o, false) {
				requests += planned.Writes + planned.Reads
			}
		case Random:
			requests += DefaultRandom
		case Concurrent:
			requests += o.clientsShare(requests)
		}
	}
	return requests
}

// planOf counts what each suite would send. defaultEvents is as of machine.Options.
func planOf(ctx context.Context, subject *probe.Subject, o Options, defaultEvents bool) *reports.Plan {
	plan := &reports.Plan{Schema: reports.PlanSchema, Target: subject.Info, Shard: o.Shard.String(), Workers: subject.Workers, Capabilities: map[string]bool{}}
	for _, c := range model.Capabilities {
		plan.Capabilities[string(c)] = subject.Scope.Can[c]
	}
	applicable := subject.Scope.Applicable()
	for i := range model.Rules {
		applies := slices.Contains(applicable, model.Rules[i].ID)
		if rule := &model.Rules[i]; applies || !rule.Silent && rule.Everywhere() {
			plan.RulesInAll++
			plan.Rules += map[bool]int{true: 1}[applies]
		}
	}
	plan.Suites, plan.AtMost = plannedSuites(ctx, subject, o, defaultEvents), o.Requests
	plan.Budgets = plannedBudgets(ctx, subject, o, defaultEvents)
	return plan
}

// plannedSuites says what each suite would send.
func plannedSuites(ctx context.Context, subject *probe.Subject, o Options, defaultEvents bool) (out []reports.PlannedSuite) {
	sent := 0
	for _, suite := range o.SuitesOf(subject) {
		switch suite {
		case Systematic:
			part, parts := o.Shard.Part(0, 1)
			out = append(out, plannedSystematic(ctx, subject, part, parts))
		case Complete:
			out = append(out, plannedComplete(subject, o, defaultEvents)...)
		case Random:
			n := cmp.Or(o.Requests, DefaultRandom)
			// Two of three random requests are reads.
			out = append(out, reports.PlannedSuite{Name: suite, Tests: n / 35, Writes: n / 3, Reads: n - n/3, Estimated: true})
		case Concurrent:
			n := o.clientsShare(sent)
			out = append(out, reports.PlannedSuite{Name: suite, Tests: n / 40, Writes: n / 2, Reads: n - n/2, Estimated: true})
		}
		sent = 0
		for _, planned := range out {
			sent += planned.Writes + planned.Reads
		}
	}
	return out
}

// plannedComplete says what the complete suites would send.
func plannedComplete(subject *probe.Subject, o Options, defaultEvents bool) (out []reports.PlannedSuite) {
	for _, name := range o.Machines {
		m := machine.New(name, subject.Model, subject.Scope, machine.Options{DefaultEvents: defaultEvents})
		if m == nil {
			out = append(out, reports.PlannedSuite{Name: Complete + " " + name, NotCovered: "the target lacks what it is about"})
			continue
		}
		suite := machine.NewSuite(m, o.Depth)
		writes, reads := suite.Cost()
		from, to := o.Shard.Share(suite.Tests)
		share := func(n int) int { return int(float64(n) * float64(to-from) / float64(max(1, suite.Tests))) }
		certificate := newCertificate(m, suite, o.Shard)
		certificate.Result, certificate.Done = "not executed", [][2]int{}
		out = append(out, reports.PlannedSuite{Name: Complete + " " + name, Tests: to - from, Writes: share(writes), Reads: share(reads), Certificate: &certificate,
			Estimated: to-from < suite.Tests})
	}
	return out
}

// Needed is about how many requests the suites send that were cut short. Random ones come after the others, and any
// number of them will do.
func (x *Exploration) Needed(ctx context.Context) (requests int) {
	o := x.options
	o.Requests = 0
	anyNumber := func(s string) bool { return s == Random || s == Concurrent && x.beside() }
	if o.Suites = slices.DeleteFunc(slices.Clone(x.Cut), anyNumber); len(o.Suites) == 0 {
		o.Suites = x.Cut
	}
	cut := reports.Plan{Suites: plannedSuites(ctx, x.Subject, o, false)}
	_, writes, reads := cut.Totals()
	return writes + reads
}

// plannedSystematic counts what one worker of the systematic suite sends to the reference, limited as the target is.
func plannedSystematic(ctx context.Context, subject *probe.Subject, part, parts int) reports.PlannedSuite {
	sent := &modelled{world: subject.Model}
	s := probe.Assume(targets.Info{}, subject.Scope.Can, probe.Options{})
	s.Target, s.Model, s.Scope = sent, subject.Model, subject.Scope
	w := NewWorker(s, machine.NewTour(s.Scope, part, parts))
	w.part, w.parts = part, parts
	w.systematic(ctx, deal(chosen(catalogue.Cases(subject.Model, subject.Scope), subject.Scope), part, parts))
	w.walk(ctx)
	return reports.PlannedSuite{Name: Systematic, Tests: w.Client.Worlds, Writes: sent.writes, Reads: sent.reads}
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

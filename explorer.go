package conform

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/generators/catalogue"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
)

// explorer is one worker: it explores with a coverage map, a quota and a seed of its own, so that
// what it does depends on nothing but these and the target.
type explorer struct {
	target   targets.Target
	model    *model.World
	scope    generators.Scope
	generate *generators.Generator
	coverage *coverage
	run      *shared

	quota, requests, cases int
	suspicions             suspicions
	deviations             map[deviationKey]int
	notes                  []string
	timeline               timeline
	putSeen                bool // some Put succeeded
	stuck                  bool // no fresh world is to be had

	chase *chase // of Options.StopAtFirst; else nil

	settleTime time.Duration // of an eventually consistent target, 0 for others
	settling   settling
	customs    map[model.Deviation]bool // what settled answers have shown of the target
}

type deviationKey struct {
	op model.Op
	model.Deviation
}

// shared is what all workers of a run see: counters for the progress line, and reasons to stop.
type shared struct {
	started     time.Time
	phase       atomic.Pointer[string]
	requests    atomic.Int64
	divergences atomic.Int64
	access      atomic.Pointer[string] // the code with which access was denied
	silence     atomic.Pointer[string] // what the target did instead of answering
	silent      atomic.Int64           // worlds in a row that were lost to silence
	stop        atomic.Bool            // enough was found
	found       func(string) bool      // Options.Found
	stopped     atomic.Pointer[error]  // why the target ended the run

	mu    sync.Mutex
	rules map[model.ID]bool // exercised by any worker

	events  func(reports.Event) // nil where nobody listens
	telling sync.Mutex
	told    map[string]bool // the suspicions and notes that were told, by any worker
}

func newShared() *shared {
	return &shared{started: time.Now(), rules: map[model.ID]bool{}, told: map[string]bool{}}
}

// tell passes an event on, one at a time.
func (s *shared) tell(e reports.Event) {
	if s.events == nil {
		return
	}
	s.telling.Lock()
	defer s.telling.Unlock()
	s.events(e)
}

// tellOnce passes an event on where it is the first with its key.
func (s *shared) tellOnce(key string, event func() reports.Event) {
	if s.events == nil {
		return
	}
	s.telling.Lock()
	defer s.telling.Unlock()
	if !s.told[key] {
		s.told[key] = true
		s.events(event())
	}
}

func (s *shared) tellNote(text string) {
	s.tellOnce(reports.EventNote+text, func() reports.Event { return reports.Event{Event: reports.EventNote, Note: text} })
}

func (s *shared) exercised(id model.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules[id] = true
}

func (s *shared) rulesExercised() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.rules)
}

// maxSilentWorlds is how many worlds in a row may be lost to silence before the target counts as lost.
const maxSilentWorlds = 4

func (s *shared) targetLost() bool { return s.silent.Load() >= maxSilentWorlds }

func (e *explorer) can(c model.Capability) bool { return e.scope.Can[c] }

// ask sends a request and waits out throttling, which is never an answer, as long as is sensible.
func (e *explorer) ask(ctx context.Context, world targets.World, r model.Request) targets.Reply {
	pause := 50 * time.Millisecond
	for tries := 1; ; tries++ {
		reply := e.askOnce(ctx, world, r)
		code := reply.Answer.Code
		later := slices.Contains(throttleCodes, code) || e.eventual() && r.Op.Reads() && slices.Contains(unavailableCodes, code)
		if tries == maxThrottled || !later || !sleep(ctx, pause) {
			return reply
		}
		pause = min(2*pause, 2*time.Second)
	}
}

// askOnce sends a request and counts it.
func (e *explorer) askOnce(ctx context.Context, world targets.World, r model.Request) targets.Reply {
	sent := time.Now()
	reply := world.Do(ctx, r)
	e.timeline.add(sent.Sub(e.run.started), time.Since(sent))
	e.requests++
	e.run.requests.Add(1)
	if reply.Err != nil {
		e.run.stopped.CompareAndSwap(nil, &reply.Err)
	}
	return reply
}

// spent reports whether the worker has used its quota or the run is over.
func (e *explorer) spent(ctx context.Context) bool {
	return ctx.Err() != nil || e.stuck || e.requests >= e.quota || e.run.access.Load() != nil || e.run.stopped.Load() != nil || e.run.targetLost() || e.run.stop.Load()
}

func (e *explorer) note(text string) {
	if !slices.Contains(e.notes, text) && len(e.notes) < 20 {
		e.notes = append(e.notes, text)
		e.run.tellNote(text)
	}
}

func (e *explorer) denied(code string) { e.run.access.CompareAndSwap(nil, &code) }

func (e *explorer) silent(problem string) { e.run.silence.Store(&problem) }

func (e *explorer) deviation(op model.Op, d model.Deviation) {
	e.deviations[deviationKey{op, d}]++
}

// found takes a finding in with the steps that led to it.
func (e *explorer) found(f model.Finding, steps []step, history []model.Exchange, rash bool) {
	s := &suspicion{finding: f, count: 1, steps: steps, broken: brokenBy(history), rash: rash}
	if e.suspicions.add(s) {
		e.run.divergences.Add(1)
		e.run.tellOnce(s.key(), s.event)
		if e.run.found != nil && e.run.found(f.Signature()) {
			e.run.stop.Store(true)
		}
	}
	if !rash {
		e.chase.suspect(s)
	}
}

// brokenBy lists the rules that the last request breaks, where it breaks several.
func brokenBy(history []model.Exchange) []model.ID {
	last := history[len(history)-1]
	if broken := model.Broken(last.Before, last.Request); len(broken) > 1 {
		return broken
	}
	return nil
}

// play sends requests in order for as long as the world can be followed and the quota lasts.
func (e *explorer) play(ctx context.Context, s *session, requests ...model.Request) bool {
	for _, r := range requests {
		if !s.alive(ctx) || e.spent(ctx) || e.chase.due() {
			return false
		}
		s.do(ctx, r)
	}
	return s.alive(ctx) && !e.chase.due()
}

// verify sends the reads that tell states apart after a request.
func (e *explorer) verify(ctx context.Context, s *session, r model.Request) bool {
	return e.play(ctx, s, generators.Reads(s.tracker.State(), r, e.scope)...)
}

// catalogue plays the systematic cases that fall to this worker: part of parts. Cases that share a
// set-up share a world for as long as it stays in the state that the set-up made.
//
// What is used most comes first: a few plain calls. A refusal is tried again, whether it wears off,
// once every case had its turn.
func (e *explorer) catalogue(ctx context.Context, cases []catalogue.Case) {
	e.plainly(ctx)
	e.groups(ctx, cases, e.probe)
	rules := slices.DeleteFunc(slices.Clone(cases), func(c catalogue.Case) bool { return c.Kind != catalogue.KindRule })
	e.groups(ctx, rules, e.probeAgain)
}

// plainly uses one trail as anyone would.
func (e *explorer) plainly(ctx context.Context) {
	if !e.can(model.CanPut) || !e.can(model.CanGet) || !e.can(model.CanCreate) {
		return
	}
	s, err := e.newSession(ctx)
	if err != nil {
		e.noWorld(err)
		return
	}
	if e.play(ctx, s, generators.NewTrail(e.scope)...) && e.play(ctx, s, generators.Get(generators.NameAlpha)) {
		for _, set := range managementSets {
			r := generators.Put(generators.NameAlpha, set)
			if !e.play(ctx, s, r) || !e.verify(ctx, s, r) {
				break
			}
		}
	}
	e.leave(ctx, s)
}

// managementSets are both types, one of them, the other, and none.
var managementSets = []model.Selectors{model.MakeSelectors(model.Management, model.Management), model.MakeSelectors(model.Management, 0),
	model.MakeSelectors(0, model.Management), 0}

// probe sends a case's request and the reads that say whether it was right. Whether HasInsightSelectors
// follows is not asked again of a Put that was to change nothing.
func (e *explorer) probe(ctx context.Context, s *session, c catalogue.Case) bool {
	before := s.tracker.State()
	if !e.play(ctx, s, c.Probe) {
		return false
	}
	reads := generators.Reads(s.tracker.State(), c.Probe, e.scope)
	if c.Probe.Op == model.OpPut && s.tracker.State().Equal(before) {
		reads = slices.DeleteFunc(reads, func(r model.Request) bool { return r.Op == model.OpTrail })
	}
	return e.play(ctx, s, reads...)
}

// probeAgain sends a case's request three times: a refusal must not wear off.
func (e *explorer) probeAgain(ctx context.Context, s *session, c catalogue.Case) bool {
	return e.play(ctx, s, c.Probe, c.Probe, c.Probe) && e.verify(ctx, s, c.Probe)
}

// groups plays cases that share a set-up in one world after the other.
func (e *explorer) groups(ctx context.Context, cases []catalogue.Case, probe func(context.Context, *session, catalogue.Case) bool) {
	for start := 0; start < len(cases) && !e.spent(ctx); {
		end := start + 1
		for end < len(cases) && sameSetup(cases[start], cases[end]) {
			end++
		}
		e.group(ctx, cases[start:end], probe)
		start = end
	}
}

func sameSetup(a, b catalogue.Case) bool {
	return slices.EqualFunc(a.Setup, b.Setup, func(x, y model.Request) bool {
		return x.Op == y.Op && x.Region == y.Region && x.Input.Equal(y.Input)
	})
}

// maxSharedSteps bounds how long a world is used, so that what is found in it has a short case.
const maxSharedSteps = 60

func (e *explorer) group(ctx context.Context, cases []catalogue.Case, probe func(context.Context, *session, catalogue.Case) bool) {
	for next := 0; next < len(cases) && !e.spent(ctx); {
		s, err := e.newSession(ctx)
		if err != nil {
			e.noWorld(err)
			return
		}
		ready := true
		for _, r := range cases[next].Setup {
			if ready = e.play(ctx, s, r); !ready {
				break
			}
			if r.Op == model.OpPut {
				ready = e.verify(ctx, s, r)
			}
		}
		prepared := s.tracker.State()
		for first := true; ready && next < len(cases) && (first || s.tracker.State().Equal(prepared) && len(s.steps) < maxSharedSteps); first = false {
			next++
			if !probe(ctx, s, cases[next-1]) {
				break
			}
		}
		if !ready {
			next++ // the set-up does not work here: what it would have shown is not covered
		}
		e.leave(ctx, s)
	}
}

// leave ends a session.
func (e *explorer) leave(ctx context.Context, s *session) {
	e.settle(ctx, s)
	s.close(ctx)
	e.chase.confirm(ctx)
}

// answers reports whether a plain Put or Get in a fresh world gets a definite answer.
func (e *explorer) answers(ctx context.Context) bool {
	world, err := e.target.NewWorld(ctx)
	if err != nil {
		return false
	}
	definite := false
	for _, r := range append(generators.NewTrail(e.scope), generators.PlainPut(generators.NameAlpha), generators.Get(generators.NameAlpha)) {
		answer := e.ask(ctx, world, r).Answer
		if isInsights(r) && answer.Definite() {
			definite = true
			break
		}
	}
	e.closeWorld(ctx, world, !definite)
	return definite
}

// settle notes whether the target answers. A world that was lost to silence counts against it only if
// plain requests in a fresh world get no definite answer either: one kind of request may crash it every
// time.
func (e *explorer) settle(ctx context.Context, s *session) {
	if s.unsettled < maxUnsettled {
		e.run.silent.Store(0)
		return
	}
	if e.answers(ctx) {
		e.run.silent.Store(0)
		return
	}
	e.run.silent.Add(1)
}

// unanswered counts an answer that did not come against the target, unless it answers plain requests.
func (e *explorer) unanswered(ctx context.Context, problem string) {
	if !e.answers(ctx) {
		e.silent(problem)
		e.run.silent.Add(1)
	}
}

// cleanUpTime bounds the clean-up of one world.
const cleanUpTime = 10 * time.Second

// closeWorld removes what a world's requests have made. The clean-up goes on for a while after an
// interruption, but not where nothing answers.
func (e *explorer) closeWorld(ctx context.Context, world targets.World, silent bool) {
	limit := cleanUpTime
	if silent {
		limit = time.Second
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	if err := world.Close(ctx); err != nil {
		e.note("clean-up: " + err.Error())
	}
}

// noWorld ends the worker's exploration where no fresh world is to be had.
func (e *explorer) noWorld(err error) {
	e.note(err.Error())
	e.stuck = true
}

// walk tours the transitions between the insight states of a trail.
func (e *explorer) walk(ctx context.Context) {
	stuck := 0
	for !e.spent(ctx) && stuck < maxStuck {
		s, err := e.newSession(ctx)
		if err != nil {
			e.noWorld(err)
			return
		}
		before := e.coverage.tour.Count()
		if e.play(ctx, s, generators.NewTrail(e.scope)...) {
			e.coverage.tour.Restart()
			for len(s.steps) < maxTourSteps {
				r, ok := e.coverage.tour.Next(s.tracker.State(), generators.NameAlpha)
				if !ok {
					stuck = maxStuck
					break
				}
				before, covered := s.tracker.State(), e.coverage.tour.Count()
				if !e.play(ctx, s, r) {
					break
				}
				if e.coverage.tour.Count() == covered && e.coverage.tour.Leads(s.tracker.State()) {
					continue // only on the way: where it leads was read before
				}
				reads := dueReads(before, s.tracker.State(), r, e.scope)
				if !e.play(ctx, s, reads...) {
					break
				}
			}
		}
		if e.coverage.tour.Count() == before {
			stuck++
		}
		e.leave(ctx, s)
	}
}

// dueReads lists the reads that say whether a transition was right. Where nothing was to change, Get
// alone says so.
func dueReads(before, after model.State, r model.Request, scope generators.Scope) []model.Request {
	reads := generators.Reads(after, r, scope)
	if r.Op == model.OpPut && after.Equal(before) && len(reads) > 1 {
		reads = reads[:1]
	}
	return reads
}

const (
	maxTourSteps = 500
	maxStuck     = 3 // worlds in a row in which the tour gets no further
)

// random explores beyond the abstractions of the systematic suite until the quota is spent.
func (e *explorer) random(ctx context.Context, seed uint64, cases []catalogue.Case) {
	draw := generators.NewDraws(seed)
	for !e.spent(ctx) {
		s, err := e.newSession(ctx)
		if err != nil {
			e.noWorld(err)
			return
		}
		length := 10 + draw.Below(maxRandomSteps-10)
		for len(s.steps) < length && s.alive(ctx) {
			r := e.draw(draw, s.tracker.State(), cases)
			if !e.play(ctx, s, r) || !e.verify(ctx, s, r) {
				break
			}
		}
		e.leave(ctx, s)
	}
}

const maxRandomSteps = 60

// draw picks the next random request: mostly one of the generators, sometimes a request of the
// systematic suite whose broken rules were not yet tried in a state like this one.
func (e *explorer) draw(draw *generators.Draws, state model.State, cases []catalogue.Case) model.Request {
	if len(cases) > 0 && len(state.Trails) > 0 && draw.Below(4) == 0 {
		for range 6 {
			probe := cases[draw.Below(len(cases))].Probe
			if probe.Op == model.OpPut && !e.coverage.classes[class(state, model.Broken(state, probe))] {
				return probe
			}
		}
	}
	return e.generate.Request(state).Example(draw.Next())
}

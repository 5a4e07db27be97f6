package conform

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/naming"
)

// The suites of a run.
const (
	Systematic = "systematic" // cases and transitions computed from the model
	Complete   = "complete"   // every word of inputs up to a length, from every state of a machine
	Random     = "random"     // drawn by rapid with the model's state in view
)

// Suites lists the suites in the order in which they are run.
var Suites = []string{Systematic, Complete, Random}

// DefaultRandom is how many requests of random exploration follow the systematic suite where
// Options.Requests sets no cap.
const DefaultRandom = 5000

// MaxDepth is the greatest depth of a complete suite.
const MaxDepth = 2

// Options say how to run. The zero value is the default run.
type Options struct {
	Seed     uint64               // of the random exploration
	Requests int                  // caps all requests but those of confirming; 0 is no cap
	Time     time.Duration        // caps the exploration; 0 is no cap
	Workers  int                  // worlds side by side; 0 lets the target decide
	Suites   []string             // of Systematic, Complete and Random; nil is the first and the last
	Order    *model.Profile       // the error order that the target is held to; nil is the reference's
	FailOn   model.Level          // the lowest level that fails the run; 0 is Observed
	Progress func(reports.Update) // is told how the run goes on, several times a second; may be nil
	Command  string               // repeats the run; put in the report
	Version  string               // of the caller; put in the report

	// Events is told of what happens between the start and the end of the run, as it happens and from
	// one goroutine at a time; the run waits for it. May be nil.
	Events func(reports.Event)

	// Found, where not nil, is told the signature of each divergence that is new to a worker, at once and so
	// before it is confirmed. Workers call it side by side. True ends the exploration.
	Found func(signature string) (enough bool)

	// Eventual says that the target is eventually consistent, and Settle how long it may take to show
	// what was written; 0 is DefaultSettle.
	Eventual bool
	Settle   time.Duration

	ShrinkRequests int // caps the requests spent on shrinking; 0 is DefaultShrinkRequests

	Depth    int      // of the complete suites: the number of extra states up to which all faults are caught
	Machines []string // of the complete suites, of generators.MachineNames; nil is generators.DefaultMachines
	Shard    Shard    // the share of all suites to run

	// Resume is a partial report with which the run goes on: it executes what of the complete suites
	// was not done, and the suites that were cut short. The caller joins the reports.
	Resume *reports.Report
	// Checkpoint is given a partial report now and then while complete suites run; may be nil.
	Checkpoint func(*reports.Report)

	// StopAtFirst ends the run with the first divergence at the level of FailOn or above that is
	// confirmed and not known to the baseline. It is reported alone and as it was met: nothing is shrunk.
	StopAtFirst bool

	Traces   []*reports.Trace  // of earlier runs, replayed first
	Baseline *reports.Baseline // what is known and accepted; nil is nothing
}

func (o *Options) complete() error {
	if o.Suites == nil {
		o.Suites = []string{Systematic, Random}
	}
	for _, suite := range o.Suites {
		if !slices.Contains(Suites, suite) {
			return fmt.Errorf("%w: there is no suite %q; use one or several of %s", targets.ErrUsage, suite, strings.Join(Suites, ", "))
		}
	}
	for _, name := range o.Machines {
		if names := generators.MachineNames(); !slices.Contains(names, name) {
			return fmt.Errorf("%w: there is no machine %q; use %s", targets.ErrUsage, name, strings.Join(names, ", "))
		}
	}
	if o.Depth < 0 || o.Depth > MaxDepth {
		return fmt.Errorf("%w: the depth must be 0 to %d", targets.ErrUsage, MaxDepth)
	}
	if o.Shard.Count < 0 || o.Shard.Index < 0 || o.Shard.Index >= max(1, o.Shard.Count) {
		return fmt.Errorf("%w: there is no shard %d of %d", targets.ErrUsage, o.Shard.Index+1, o.Shard.Count)
	}
	if o.Requests < 0 || o.Workers < 0 || o.Time < 0 || o.Settle < 0 {
		return fmt.Errorf("%w: requests, workers, time and settle time cannot be negative", targets.ErrUsage)
	}
	if o.Settle == 0 {
		o.Settle = DefaultSettle
	}
	if o.FailOn == 0 {
		o.FailOn = model.Observed
	}
	return nil
}

// run is one call of Run.
type run struct {
	options Options
	target  targets.Target
	info    targets.Info
	world   *model.World
	shared  *shared
	probed  *probed
	workers []*explorer
	report  *reports.Report
	started time.Time
	cases   []generators.Case
	total   *coverage
	cut     []string
	putSeen bool

	machines       []*completeSuite
	checkpointing  sync.Mutex
	lastCheckpoint time.Time

	timeline timeline
	failure  atomic.Pointer[string]     // what a worker panicked with
	first    atomic.Pointer[divergence] // with which Options.StopAtFirst ended the run
	settling settling
}

// ErrHarness marks failures of the harness itself. Its text has the stack after the first line.
var ErrHarness = errors.New("the harness failed")

// Run tests a target and reports what it found. The report is nil only if nothing was sent. An error
// wraps targets.ErrUsage, ErrUnreachable or ErrRefused where one of them holds; else the harness
// failed. An interrupted ctx is no error: the report says so and is partial.
func Run(ctx context.Context, target targets.Target, options Options) (*reports.Report, error) {
	target = naming.Wrap(target)
	if err := options.complete(); err != nil {
		return nil, err
	}
	r := &run{options: options, target: target, shared: newShared(), started: time.Now()}
	r.shared.events = options.Events
	r.shared.found = options.Found
	info, err := target.Open(ctx)
	if err != nil {
		return nil, joinClosing(err, target)
	}
	r.opened(info)
	err = r.explore(ctx)
	if closing := target.Close(); err == nil && closing != nil {
		r.report.Notes = append(r.report.Notes, "closing the target: "+closing.Error())
	}
	return r.report, err
}

// joinClosing closes a target after an error, or at the end where there is none.
func joinClosing(err error, target targets.Target) error { return errors.Join(err, target.Close()) }

// opened takes in what the target says of itself.
func (r *run) opened(info targets.Info) {
	r.info = info
	r.info.Eventual = info.Eventual || r.options.Eventual
}

func (r *run) explore(ctx context.Context) error {
	r.newReport()
	if err := r.prepare(ctx); err != nil {
		r.report = nil
		return err
	}
	if found := r.probed; found != nil {
		r.report.Workers = found.workers
		r.setCapabilities()
		r.shared.tell(reports.ProbedEvent(r.report))
		if found.scope.Can[model.CanPut] && (found.scope.Can[model.CanCreate] || found.scope.Can[model.CanStores]) {
			stop := r.showProgress()
			r.report.Replays = r.replayTraces(ctx, r.options.Traces)
			r.replayBaseline(ctx)
			r.suites(ctx)
			r.conclude(ctx)
			stop()
		}
	}
	r.finish(ctx)
	r.ended()
	if failure := r.failure.Load(); failure != nil {
		r.report.Verdict, r.report.ExitCode, r.report.Partial = reports.Failed, reports.ExitFailed, true
		r.report.Reason = "the harness failed; what it had found is reported"
		return fmt.Errorf("%w: %s", ErrHarness, *failure)
	}
	return nil
}

// ended puts into the report why the target ended the run, where it did.
func (r *run) ended() {
	stopped := r.shared.stopped.Load()
	if stopped == nil {
		return
	}
	r.report.Partial = true
	switch refused := errors.Is(*stopped, targets.ErrRefused); {
	case r.report.Verdict == reports.Interrupted:
		return
	case r.report.Verdict == reports.Diverges && !refused:
		r.report.Reason += "; then " + (*stopped).Error()
		return
	case refused:
		r.report.Verdict = reports.RefusedRun
	default:
		r.report.Verdict = reports.Inconclusive
	}
	r.report.Reason, r.report.ExitCode = (*stopped).Error(), r.report.Verdict.ExitCode()
}

// prepare probes the target and fits the model to what it can do.
func (r *run) prepare(ctx context.Context) error {
	world := model.DefaultWorld
	world.Profile = r.options.Order
	r.world = &world
	r.total = newCoverage(nil, r.shared, nil)
	first := r.newExplorer(nil)
	found, err := probe(ctx, first, r.info, r.workerCount())
	r.report.Requests += first.requests
	r.report.Notes = append(r.report.Notes, first.notes...)
	r.timeline.merge(first.timeline)
	if ctx.Err() != nil || r.shared.stopped.Load() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	r.probed = found
	world.Lent = r.info.Lent
	world.NoStart = !found.scope.Can[model.CanLog]
	world.NoStores = !found.scope.Can[model.CanStores]
	r.report.Notes = append(r.report.Notes, found.notes...)
	return nil
}

// workerCount is how many worlds to use side by side before quotas are known.
func (r *run) workerCount() int {
	switch {
	case r.info.Serial:
		return 1
	case r.options.Workers > 0:
		return r.options.Workers
	case r.info.Workers > 0:
		return r.info.Workers
	}
	return min(4, runtime.GOMAXPROCS(0))
}

func (r *run) newExplorer(tour *generators.Tour) *explorer {
	e := &explorer{target: r.target, model: r.world, run: r.shared, quota: unlimited,
		suspicions: suspicions{}, deviations: map[deviationKey]int{}, customs: map[model.Deviation]bool{}}
	if r.info.Eventual {
		e.settleTime = r.options.Settle
	}
	var rules []model.ID
	if r.probed != nil {
		e.scope = r.probed.scope
		rules = applicable(e.scope)
		e.generate = generators.New(e.scope)
	}
	e.coverage = newCoverage(tour, r.shared, rules)
	return e
}

// newWorker is an explorer that looks into what it finds as it goes, where the run is to stop at the
// first divergence.
func (r *run) newWorker(tour *generators.Tour) *explorer {
	e := r.newExplorer(tour)
	if r.options.StopAtFirst {
		e.chase = &chase{run: r, confirmer: r.newConfirmer(), tried: map[string]int{}}
	}
	return e
}

const unlimited = int(^uint(0) >> 1)

// suites runs the workers through the suites.
func (r *run) suites(ctx context.Context) {
	if r.options.Time > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, r.started.Add(r.options.Time))
		defer cancel()
	}
	r.cases = generators.Catalogue(r.world, r.probed.scope)
	workers := r.probed.workers
	for i := range workers {
		part, parts := r.options.Shard.part(i, workers)
		e := r.newWorker(generators.NewTour(r.probed.scope, part, parts))
		if r.options.Requests > 0 {
			e.quota = share(r.options.Requests-r.report.Requests, i, workers)
		}
		r.workers = append(r.workers, e)
	}
	if r.wants(Systematic) {
		r.shared.phase.Store(ptr(Systematic))
		if !r.each(func(i int, e *explorer) bool {
			part, parts := r.options.Shard.part(i, workers)
			e.catalogue(ctx, deal(r.cases, part, parts))
			e.walk(ctx)
			return !e.spent(ctx)
		}) {
			r.cut = append(r.cut, Systematic)
		}
	}
	if slices.Contains(r.options.Suites, Complete) {
		if !r.complete(ctx) {
			r.cut = append(r.cut, Complete)
		}
	}
	if r.wants(Random) {
		r.shared.phase.Store(ptr(Random))
		if r.options.Requests == 0 && r.options.Time == 0 {
			for i, e := range r.workers {
				e.quota = e.requests + share(DefaultRandom, i, workers)
			}
		}
		whole := r.each(func(i int, e *explorer) bool {
			before := e.requests
			part, _ := r.options.Shard.part(i, workers)
			e.random(ctx, r.options.Seed+uint64(part)*0x9e3779b97f4a7c15, r.cases)
			return e.requests > before && !e.stuck
		})
		if !whole || ctx.Err() != nil && r.options.Time == 0 {
			r.cut = append(r.cut, Random)
		}
	}
}

// wants reports whether a suite is to be run: it was asked for, and an earlier run did not finish it.
func (r *run) wants(suite string) bool {
	if !slices.Contains(r.options.Suites, suite) {
		return false
	}
	earlier := r.options.Resume
	return earlier == nil || !slices.Contains(earlier.Suites, suite) || slices.Contains(earlier.CutShort, suite)
}

func ptr[T any](v T) *T { return &v }

// share is the i-th of n parts of a number.
func share(total, i, n int) int { return max(0, total/n+boolInt(i < total%n)) }

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// deal gives the i-th of n workers its cases: whole groups that share a set-up.
func deal(cases []generators.Case, i, n int) []generators.Case {
	var mine []generators.Case
	group := -1
	for k := range cases {
		if k == 0 || !sameSetup(cases[k-1], cases[k]) || k%groupSize == 0 {
			group++
		}
		if group%n == i {
			mine = append(mine, cases[k])
		}
	}
	return mine
}

const groupSize = 25

// each runs a function for every worker, side by side, and reports whether all returned true. A panic
// of one is kept, so that what the others found is still reported.
func (r *run) each(f func(int, *explorer) bool) bool {
	whole := make([]bool, len(r.workers))
	var wait sync.WaitGroup
	for i, e := range r.workers {
		wait.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					r.failure.CompareAndSwap(nil, ptr(fmt.Sprintf("%v\n%s", p, debug.Stack())))
				}
			}()
			whole[i] = f(i, e)
		})
	}
	wait.Wait()
	return !slices.Contains(whole, false)
}

// conclude merges what the workers found, resolves and confirms it.
func (r *run) conclude(ctx context.Context) {
	all := suspicions{}
	deviations := map[deviationKey]int{}
	transitions := reports.Count{}
	for _, e := range r.workers {
		r.total.merge(e.coverage)
		transitions.Covered += e.coverage.tour.Count()
		transitions.Total += e.coverage.tour.Total()
		r.timeline.merge(e.timeline)
		r.settling.merge(e.settling)
		r.report.Requests += e.requests
		r.report.Cases += e.cases
		r.putSeen = r.putSeen || e.putSeen
		for _, s := range e.suspicions.sorted() {
			all.add(s)
		}
		for key, count := range e.deviations {
			deviations[key] += count
		}
		for _, note := range e.notes {
			if !slices.Contains(r.report.Notes, note) {
				r.report.Notes = append(r.report.Notes, note)
			}
		}
	}
	r.report.Coverage.Transitions, r.report.Coverage.Walk = transitions, walkOf(r.workers)
	r.report.Timeline = r.timeline.intervals()
	for _, pair := range r.pairs() {
		r.report.Coverage.Pairs.Total++
		r.report.Coverage.Pairs.Covered += boolInt(r.total.pairs[pair])
	}
	r.report.Settling = r.settling.summary(r.info.Eventual)
	r.report.Deviations = deviationList(deviations)
	r.report.DurationSeconds = time.Since(r.started).Seconds()

	r.shared.phase.Store(ptr("confirming"))
	r.shared.stop.Store(false) // which was for exploring
	c := r.newConfirmer()
	c.tried = func(d *divergence) { r.tell(reports.EventConfirmation, d) }
	found := r.settled(ctx, c, all)
	r.certify()
	for _, d := range found {
		r.total.exercised(d.finding.Rule)
		r.report.Divergences = append(r.report.Divergences, r.divergence(d))
	}
	slices.SortStableFunc(r.report.Divergences, func(a, b reports.Divergence) int {
		if a.Level != b.Level {
			return int(b.Level) - int(a.Level)
		}
		return strings.Compare(a.Signature, b.Signature)
	})
}

// settled resolves, confirms and shrinks what the workers suspect.
func (r *run) settled(ctx context.Context, c *confirmer, all suspicions) []*divergence {
	defer func() { r.report.ConfirmRequests += c.requests }()
	for _, e := range r.workers {
		if e.chase != nil {
			r.report.ConfirmRequests += e.chase.confirmer.requests
		}
	}
	if first := r.first.Load(); first != nil {
		return []*divergence{first}
	}
	for _, e := range r.workers {
		maps.Copy(c.customs, e.customs)
	}
	suspected, dropped := c.repeatRash(ctx, all.sorted())
	if dropped > 0 {
		r.report.Notes = append(r.report.Notes, fmt.Sprintf("%s of the kind that an old state explains did not repeat once the target had settled",
			plural(dropped, "answer")))
	}
	found := c.resolve(ctx, suspected)
	c.confirm(ctx, found)
	found = r.withoutMereSilence(found)
	if r.options.StopAtFirst {
		return found
	}
	r.shrink(ctx, c, found)
	found = c.resolveAgain(ctx, found)
	return r.withoutSymptoms(ctx, c, found)
}

// withoutMereSilence drops what rests on answers that did not come, or came as a 5xx or no JSON, unless
// it repeated: a server that now and then fails says nothing about how it behaves.
func (r *run) withoutMereSilence(found []*divergence) []*divergence {
	return slices.DeleteFunc(found, func(d *divergence) bool {
		if d.finding.Rule != model.WireNoCrash || d.again > 0 {
			return false
		}
		r.report.Notes = append(r.report.Notes, fmt.Sprintf("%s to %s, not for the same request again, and so no divergence: seen %s",
			d.finding.Actual, d.finding.Operation, plural(d.count, "time")))
		return true
	})
}

// withoutSymptoms drops the divergences that, in their shortest case, show only after another one of
// at least the same level has sent the target astray.
func (r *run) withoutSymptoms(ctx context.Context, c *confirmer, found []*divergence) []*divergence {
	return slices.DeleteFunc(found, func(d *divergence) bool {
		if d.again == 0 {
			return false
		}
		earlier := c.afterAnother(ctx, d)
		if earlier == nil {
			return false
		}
		c.blameTrait(ctx, earlier)
		cause := slices.IndexFunc(found, func(o *divergence) bool {
			return o != d && o.finding.Signature() == earlier.finding.Signature()
		})
		if cause < 0 || found[cause].finding.Level < d.finding.Level {
			return false
		}
		found[cause].symptoms = append(found[cause].symptoms, d.finding.Signature())
		return true
	})
}

// shrink reduces what was confirmed, strongest level first, for as long as the budget lasts.
func (r *run) shrink(ctx context.Context, c *confirmer, found []*divergence) {
	r.shared.phase.Store(ptr("shrinking"))
	left := DefaultShrinkRequests
	if r.options.ShrinkRequests > 0 {
		left = r.options.ShrinkRequests
	}
	unshrunk := 0
	for _, d := range found {
		if d.again == 0 {
			continue
		}
		before := c.requests
		length := len(d.steps)
		if _, whole := c.shrink(ctx, d, left); !whole {
			unshrunk++
		}
		if len(d.steps) < length {
			r.tell(reports.EventShrunk, d)
		}
		left -= c.requests - before
	}
	if unshrunk > 0 {
		r.report.Notes = append(r.report.Notes, fmt.Sprintf("%s may have a shorter sequence: the budget for shrinking was spent; raise --shrink-requests", plural(unshrunk, "divergence")))
	}
}

// pairs lists the pairs of error rules that are this shard's to break together.
func (r *run) pairs() [][2]model.ID {
	var mine []generators.Case
	for i := range r.workers {
		part, parts := r.options.Shard.part(i, len(r.workers))
		mine = append(mine, deal(r.cases, part, parts)...)
	}
	return pairsOf(mine)
}

// pairsOf lists the pairs of error rules that the systematic suite breaks together.
func pairsOf(cases []generators.Case) [][2]model.ID {
	var pairs [][2]model.ID
	for _, c := range cases {
		if c.Kind != generators.KindPair || c.Op != model.OpPut || len(c.Rules) != 2 {
			continue
		}
		if pair := [2]model.ID{c.Rules[0], c.Rules[1]}; !slices.Contains(pairs, pair) {
			pairs = append(pairs, pair)
		}
	}
	return pairs
}

// tell makes an event of a divergence.
func (r *run) tell(event string, d *divergence) {
	if r.shared.events != nil {
		shown := r.divergence(d)
		r.shared.tell(reports.Event{Event: event, Divergence: &shown})
	}
}

// progressEvents is how many updates pass between two events of progress.
const progressEvents = 20

// showProgress tells the caller how the run goes on until the returned function is called.
func (r *run) showProgress() (stop func()) {
	if r.options.Progress == nil && r.shared.events == nil {
		return func() {}
	}
	done := make(chan struct{})
	var wait sync.WaitGroup
	total := len(applicable(r.probed.scope))
	wait.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for n := 1; ; n++ {
			select {
			case <-done:
				return
			case <-tick.C:
				update := r.update(total)
				if r.options.Progress != nil {
					r.options.Progress(update)
				}
				if n%progressEvents == 0 {
					r.shared.tell(reports.ProgressEvent(update))
				}
			}
		}
	})
	return func() { close(done); wait.Wait() }
}

func (r *run) update(applicable int) reports.Update {
	elapsed := time.Since(r.started).Seconds()
	u := reports.Update{Requests: int(r.shared.requests.Load()), RulesExercised: r.shared.rulesExercised(),
		RulesApplicable: applicable, Divergences: int(r.shared.divergences.Load())}
	if phase := r.shared.phase.Load(); phase != nil {
		u.Phase = *phase
	}
	u.Rate = float64(u.Requests) / elapsed
	if r.options.Time > 0 {
		u.Left = max(0, r.options.Time-time.Since(r.started))
	}
	if r.options.Requests > 0 && u.Rate > 0 {
		byRequests := time.Duration(float64(max(0, r.options.Requests-u.Requests)) / u.Rate * float64(time.Second))
		if u.Left == 0 || byRequests < u.Left {
			u.Left = byRequests
		}
	}
	return u
}

// Package run is the pipeline: open and probe a target, explore it, diagnose what was suspected, report.
package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/insightconform/conform/internal/concurrent"
	"github.com/insightconform/conform/internal/diagnose"
	"github.com/insightconform/conform/internal/explore"
	"github.com/insightconform/conform/internal/probe"
	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/describe"
	"github.com/insightconform/conform/targets"
)

// Options are those of conform.Options.
type Options = explore.Options

// run is one call of Run.
type run struct {
	options     Options
	limits      limits
	subject     *probe.Subject
	exploration *explore.Exploration // nil until the target is known to be testable
	report      *reports.Report
	timeline    session.Timeline
	replayed    diagnose.Suspicions                 // what the traces of earlier runs still show
	races       []*concurrent.Divergence            // that they show
	found       []*diagnose.Divergence              // with their evidence
	first       atomic.Pointer[diagnose.Divergence] // with which Options.StopAtFirst ended the run
	late        bool                                // the time for exploring was over
	sure        sync.Map                            // the findings of what was confirmed and decided, as they were told last
	announced   sync.Map                            // what was told as found, by rule and cause
	planned     int                                 // requests of the suites, 0 while it is not known
	explored    atomic.Bool                         // only confirming is left
	soonest     atomic.Int64                        // when something was confirmed first, in nanoseconds of the run
}

// ErrHarness marks failures of the harness itself. Its text has the stack after the first line.
var ErrHarness = errors.New("the harness failed")

// Run is conform.Run, where it is described.
func Run(ctx context.Context, target targets.Target, options Options) (*reports.Report, error) {
	if err := options.Normalize(); err != nil {
		return nil, err
	}
	limits, release := limit(ctx, options.Time)
	defer release()
	subject, err := probe.Open(limits.time, target, options.Beginning())
	if why := limits.stopped(false); why != "" && errors.Is(err, limits.time.Err()) {
		err = fmt.Errorf("%w: %s", targets.ErrInconclusive, why)
	}
	if err != nil {
		return nil, err
	}
	subject.Info.Label = cmp.Or(options.Name, subject.Info.Label)
	subject.Info.Version = cmp.Or(options.TargetVersion, subject.Info.Version)
	r := &run{options: options, subject: subject, limits: limits}
	r.report = &reports.Report{Schema: reports.Schema, Version: options.Version, Target: subject.Info, Seed: options.Seed,
		Suites: options.SuitesOf(subject), Shard: options.Shard.String(), FailOn: options.FailOn, Command: options.Command, Started: subject.Status.Started,
		Divergences: []reports.Divergence{}, Deviations: []reports.Deviation{}, Expected: subject.Expected(options.Expect),
		RuleSeconds: map[model.ID]float64{}, Coverage: reports.Coverage{Rules: map[model.ID]reports.RuleCoverage{}}}
	if err := r.probed(); err != nil {
		return nil, errors.Join(err, target.Close())
	}
	r.absorb(subject.Prober)
	r.note(subject.Notes...)
	if subject.Testable() {
		r.prepare()
		stop := r.showProgress()
		r.replay(limits.time)
		r.exploration.Replayed(r.report.ConfirmRequests)
		r.explore()
		r.diagnose(limits.grace)
		stop()
	}
	r.finish(ctx)
	if err := limits.close(target); err != nil {
		r.note("closing the target: " + err.Error())
	}
	return r.report, r.failure()
}

func (r *run) note(texts ...string) {
	for _, text := range texts {
		if !slices.Contains(r.report.Notes, text) {
			r.report.Notes = append(r.report.Notes, text)
		}
	}
}

// probed reports what was found out about the target, and refuses to go on from a report of another one.
func (r *run) probed() error {
	s := r.subject
	if !s.Probed {
		return nil
	}
	r.report.Workers, r.report.Fingerprint = s.Workers, s.Fingerprint
	for _, c := range model.Capabilities {
		r.report.SetCapability(c, s.Scope.Can[c], s.Why[c])
	}
	s.Status.Release(reports.ProbedEvent(r.report))
	return r.report.Follows(r.options.Resume)
}

// absorb takes in what a client sent and saw.
func (r *run) absorb(c *session.Client) {
	r.report.Requests += c.Requests
	r.timeline.Merge(c.Timeline)
	r.note(c.Notes...)
}

// prepare makes ready what explore does.
func (r *run) prepare() {
	options := r.options
	if options.Requests > 0 {
		options.Requests = max(1, options.Requests-r.report.Requests)
	}
	x := explore.New(r.subject, options)
	x.Confirmed, x.Partial, x.InAll = r.confirmed, r.partial, r.options.InAll() > 0
	r.exploration = x
}

// explore runs the suites and takes in what the workers saw.
func (r *run) explore() {
	x := r.exploration
	ctx, enough := r.limits.exploring(r.subject.Status)
	x.Run(ctx)
	r.late = ctx.Err() != nil && r.limits.stopped(true) == "" && r.limits.caller.Err() == nil
	enough()
	r.explored.Store(true)

	var settling session.Settling
	deviations := map[reports.Deviation]int{}
	for _, w := range x.Workers {
		r.absorb(w.Client)
		settling.Merge(w.Client.Settling)
		r.report.Cases += w.Client.Worlds
		for key, count := range w.Deviations {
			deviations[key] += count
		}
		for id, took := range w.Took { // side by side
			r.report.RuleSeconds[id] += took.Seconds() / float64(len(x.Workers))
		}
	}
	r.note(x.Notes...)
	r.report.Requests += x.Fitting
	r.report.CutShort = x.Cut
	// Without the systematic suite, the certificates are what tells of the transitions that complete suites take.
	if slices.Contains(r.options.Suites, explore.Systematic) || !slices.Contains(r.options.Suites, explore.Complete) {
		r.report.Coverage.Transitions, r.report.Coverage.Walk = x.Walk()
		r.report.Coverage.Pairs = x.Pairs()
	}
	r.report.Timeline = r.timeline.Intervals()
	if r.subject.Info.Eventual {
		r.report.Settling = settling.Summary()
	}
	for d, count := range deviations {
		if d.Count = count; r.subject.Scope.Left[d.Rule] != "" {
			continue
		}
		r.report.Deviations = append(r.report.Deviations, d)
	}
	reports.SortDeviations(r.report.Deviations)
	r.report.DurationSeconds = time.Since(r.report.Started).Seconds()
}

// confirmed takes in what was confirmed before all suites have ended, and reports whether it ends the run.
func (r *run) confirmed(d *diagnose.Divergence) bool {
	r.tell(reports.EventConfirmation, d)
	last := r.options.StopAtFirst && r.shown(d).Fails && !r.leavesOut(d)
	if last {
		r.first.CompareAndSwap(nil, d)
	}
	return last
}

// diagnose confirms and shrinks what the workers suspect.
func (r *run) diagnose(ctx context.Context) {
	status := r.subject.Status
	status.SetPhase("confirming")
	status.Stop.Store(false) // which was for exploring
	player := diagnose.NewPlayer(r.subject.NewClient())
	all := r.replayed
	for _, w := range r.exploration.Workers {
		player.Client.Learn(w.Client)
		r.report.ConfirmRequests += w.Player.Client.Requests
		player.Learn(w.Player)
		for _, d := range w.Suspicions.Sorted() {
			all.Add(d)
		}
	}
	if first := r.first.Load(); first != nil && !r.options.FailFast {
		r.found = append(r.found, first)
	} else {
		options := diagnose.Options{ShrinkRequests: r.options.ShrinkRequests, InAll: r.options.InAll(), Note: func(text string) { r.note(text) }, Tell: r.tell}
		suspected := all.Sorted()
		switch {
		case first != nil:
			suspected = []*diagnose.Divergence{first}
		case r.options.StopAtFirst:
			options.ShrinkRequests = 0
		}
		if r.found = player.Resolve(ctx, suspected, options); first != nil && len(r.found) == 0 {
			r.found = suspected // it was confirmed
		}
	}
	r.found = slices.DeleteFunc(r.found, r.leavesOut)
	r.report.ConfirmRequests += player.Client.Requests
	r.report.FirstConfirmedSeconds = time.Duration(r.soonest.Load()).Seconds()
	r.note(player.Client.Notes...)
	r.report.Certificates = r.exploration.Certificates(true)
	for _, d := range r.found {
		r.subject.Status.Exercise(d.Finding.Rule)
		if d.Again == 0 && len(r.report.Divergences) >= maxUnsure {
			r.note(fmt.Sprintf("more than %d divergences were seen; of those beyond, only confirmed ones are listed", maxUnsure))
			continue
		}
		r.report.Divergences = append(r.report.Divergences, r.shown(d))
	}
	for _, d := range slices.Concat(r.races, r.exploration.Races) {
		if r.options.StopAtFirst && slices.ContainsFunc(r.report.Divergences, r.report.FailsRun) {
			break
		}
		if slices.ContainsFunc(r.report.Divergences, func(o reports.Divergence) bool { return o.Signature == d.Signature() }) {
			continue
		}
		if r.subject.Scope.Left[d.Rule] == "" {
			shown := r.judged(d.Report())
			r.subject.Status.Tell(reports.Event{Event: reports.EventFound, Divergence: &shown})
			r.report.Divergences = append(r.report.Divergences, shown)
		}
	}
	slices.SortStableFunc(r.report.Divergences, func(a, b reports.Divergence) int {
		return cmp.Or(cmp.Compare(b.Level, a.Level), strings.Compare(a.Signature, b.Signature))
	})
}

// leavesOut reports whether a divergence is of a rule that the run is not about.
func (r *run) leavesOut(d *diagnose.Divergence) bool {
	return r.subject.Scope.Left[d.Finding.Rule] != ""
}

// shown renders a divergence for the report.
func (r *run) shown(d *diagnose.Divergence) reports.Divergence {
	return r.judged(d.Report())
}

// judged says of a divergence whether it fails the run.
func (r *run) judged(out reports.Divergence) reports.Divergence {
	out.Fails = out.Level >= r.options.FailOn
	if known := r.options.Baseline.Find(out.Signature); known != nil && !known.Expired(r.report.Started) {
		out.Known, out.Reason, out.Fails = true, known.Reason, false
	}
	return out
}

// tell makes an event of a divergence.
func (r *run) tell(event string, d *diagnose.Divergence) {
	if r.leavesOut(d) {
		return
	}
	if d.Again > 0 {
		r.soonest.CompareAndSwap(0, int64(time.Since(r.report.Started)))
	}
	found := false
	if d.Decided() {
		r.sure.Store(d, d.Finding)
		shown := r.shown(d)
		_, known := r.announced.LoadOrStore(string(shown.Rule)+"|"+describe.Cause(shown), true)
		found = !known
	}
	if r.options.Events != nil {
		shown := r.shown(d)
		r.subject.Status.Tell(reports.Event{Event: event, Divergence: &shown})
		if found {
			r.subject.Status.Tell(reports.Event{Event: reports.EventFound, Divergence: &shown})
		}
	}
}

// partial reports what is done while the run goes on.
func (r *run) partial() *reports.Report {
	partial := *r.report
	partial.End = &reports.End{Interrupted: reports.ReasonGoesOn, Resumed: r.options.Resume != nil}
	partial.FirstConfirmedSeconds = time.Duration(r.soonest.Load()).Seconds()
	partial.Certificates = r.exploration.Certificates(false)
	reports.Judge(&partial)
	return &partial
}

// finish fills in coverage and verdict.
func (r *run) finish(ctx context.Context) {
	report := r.report
	if report.DurationSeconds == 0 {
		report.DurationSeconds = time.Since(report.Started).Seconds()
	}
	if report.DurationSeconds > 0 {
		report.RequestsPerSecond = float64(report.Requests) / report.DurationSeconds
	}
	if !r.subject.Probed {
		report.CutShort = report.Suites // of which none was begun
	}
	for i := range report.Divergences {
		r.subject.Status.Tell(reports.Event{Event: reports.EventDivergence, Divergence: &report.Divergences[i]})
	}
	for _, note := range report.Notes {
		r.subject.Status.TellNote(note)
	}
	r.coverage()
	report.End = r.ending(ctx)
	reports.Judge(report)
}

// coverage fills in what is known of each rule.
func (r *run) coverage() {
	var inScope []model.ID
	if r.subject.Probed {
		inScope = r.subject.Scope.Applicable()
	}
	for i := range model.Rules {
		rule := &model.Rules[i]
		c := reports.RuleCoverage{Applicable: slices.Contains(inScope, rule.ID),
			Violated: slices.ContainsFunc(r.report.Divergences, func(d reports.Divergence) bool { return d.Rule == rule.ID })}
		switch {
		case rule.Silent:
			c.Why = "it makes no claim"
		case !c.Applicable:
			c.Why = r.subject.Lacking(rule)
			if by, left := strings.CutPrefix(r.subject.Scope.Left[rule.ID], reports.LeftOutBy); left && rule.Everywhere() {
				r.report.LeaveOut(by, rule.ID)
			}
		default:
			if c.Exercised = r.subject.Status.Tested(rule.ID); !c.Exercised {
				c.Why = r.untested(rule.ID)
			}
		}
		r.report.Coverage.Rules[rule.ID] = c
	}
}

// untested says why a rule was not put to the test.
func (r *run) untested(id model.ID) string {
	doubtful := ""
	for _, d := range r.found {
		behind := slices.ContainsFunc(d.As, func(key string) bool { return r.subject.Status.Hides(key, id) })
		switch why := reports.HiddenBehind + string(d.Finding.Rule); {
		case behind && d.Again > 0:
			return why + ", which is violated"
		case behind:
			doubtful = why + ", which was not confirmed"
		}
	}
	unread, alone := r.subject.Status.Hides("", id), r.subject.Status.Hides(concurrent.Alone, id)
	switch {
	case doubtful != "":
		return doubtful
	case alone:
		return reports.HiddenBehind + "what one client sees"
	case unread && !r.subject.Scope.Can[model.CanGet]:
		return "wants GetInsightSelectors, which is not there"
	case unread:
		return "every GetInsightSelectors answered the same"
	case len(r.report.CutShort) > 0:
		return "the run ended before a request put it to the test"
	}
	return cmp.Or(strings.Join(r.subject.Status.RanOut(), ", "), "no request put it to the test")
}

// failure is that of the harness, nil where it did not fail.
func (r *run) failure() error {
	if r.exploration == nil || r.exploration.Failure == "" {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrHarness, r.exploration.Failure)
}

// replay plays traces and says what became of each, and what was found.
func replay(ctx context.Context, player *diagnose.Player, traces []*reports.Trace) (out []reports.Replay, all diagnose.Suspicions,
	races []*concurrent.Divergence) {
	all = diagnose.Suspicions{}
	for _, t := range traces {
		if ctx.Err() != nil {
			break
		}
		if concurrent.Overlaps(t.Steps) {
			outcome, shown := concurrent.Replay(ctx, player.Client, t)
			if outcome.Steps, outcome.Expected, outcome.Actual = nil, nil, ""; shown != nil {
				races = append(races, shown)
			}
			out = append(out, outcome)
			continue
		}
		outcome, found := player.ReplayTrace(ctx, t)
		outcome.Steps, outcome.Expected, outcome.Actual = nil, nil, "" // which a run shows as a divergence
		out = append(out, outcome)
		for _, d := range found {
			all.Add(d)
		}
	}
	return out, all, races
}

// replay plays the traces of earlier runs, whose findings count like fresh ones, and the entries of the baseline.
func (r *run) replay(ctx context.Context) {
	player, status := diagnose.NewPlayer(r.subject.NewClient()), r.subject.Status
	defer func() { r.report.ConfirmRequests += player.Client.Requests }()
	r.report.Replays, r.replayed, r.races = replay(ctx, player, r.options.Traces)
	if r.options.Baseline != nil {
		r.replayBaseline(ctx, player)
	}
	for _, d := range r.replayed.Sorted() {
		status.Suspicions.Add(1)
		status.TellOnce(d.Key(), d.Event)
		if r.options.StopAtFirst && d.Finding.Level >= r.options.FailOn && player.ResolveOne(ctx, d, true) && r.confirmed(d) {
			status.Stop.Store(true)
			return
		}
	}
}

// replayBaseline plays the entries of the baseline: stale once expired or diverging no more.
func (r *run) replayBaseline(ctx context.Context, player *diagnose.Player) {
	for _, e := range r.options.Baseline.Entries {
		if ctx.Err() != nil {
			break
		}
		rule, _, _ := strings.Cut(e.Signature, "|")
		why := r.subject.Scope.Left[model.ID(rule)]
		if reports.OfClients(e.Signature) && !e.Expired(r.report.Started) {
			why = "a race shows by chance, so that its entry is never stale"
		}
		if why != "" {
			left := reports.Replay{Signature: e.Signature, Outcome: reports.ReplayNotCovered, Why: why}
			r.report.Baseline = append(r.report.Baseline, left)
			continue
		}
		out, _ := player.ReplayEntry(ctx, e)
		switch {
		case e.Expired(r.report.Started):
			out.Stale, out.Why = true, "expired on "+e.Expires
			out.Outcome = reports.ReplayExpired
			out.Mend = "fix it, or give the entry another date"
		case out.Outcome == reports.ReplayFixed || out.Outcome == reports.ReplayDifferent:
			out.Stale = true
			out.Mend = "take the entry out: " + strings.TrimSpace(r.options.Command+" --update-baseline")
		}
		r.report.Baseline = append(r.report.Baseline, out)
	}
}

// Package selftest tests the tester: it runs conform against servers that are wrong on purpose, and
// against the right one.
package selftest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/embedded"
)

// Options say how to test. The zero value tests with every fault.
type Options struct {
	Seed     uint64
	Faults   []string       // names; nil is all
	Pairs    bool           // each fault behind each flaw that is common in the field, too
	Stride   int            // of the pairs only one in so many; 0 is all
	Parallel int            // runs side by side; 0 is as many as there are processors
	Progress func(Progress) // is told after each run; may be nil. It may be called side by side
	run      func(ctx context.Context, fault string, o conform.Options) (*reports.Report, error)
	classify func(context.Context, []embedded.Fault) ([]classified, reports.SelftestWalk, error)
}

// Progress is how far a self-test has come.
type Progress struct {
	Done, Total int // runs
	Requests    int
	Caught      int
}

// byOne are the suites by which one client is to find a fault.
var byOne = []string{conform.Systematic, conform.Random}

// Run runs the default suite against each fault, until it is caught, and against the server without one.
// Each run has a single worker, so that its requests depend on nothing but the seed. An error wraps
// targets.ErrUsage; an interrupted ctx is none, and the result is partial.
func Run(ctx context.Context, o Options) (*reports.Selftest, error) {
	if o.run == nil {
		o.run, o.classify = runEmbedded, classify
	}
	o.Parallel = cmp.Or(o.Parallel, runtime.GOMAXPROCS(0))
	faults, err := choose(o.Faults)
	if err != nil {
		return nil, err
	}
	out := &reports.Selftest{Schema: reports.SelftestSchema, Seed: o.Seed, Problems: []string{}, Rules: []reports.SelftestRule{}}
	for _, f := range faults {
		out.Faults = append(out.Faults, reports.SelftestFault{Name: f.Name, Rule: f.Rule, Describe: f.Describe,
			Deep: f.Deep, Deviations: []model.ID{}})
	}
	t := &test{options: o, out: out}
	var wait sync.WaitGroup
	var classes []classified
	wait.Go(func() { classes, out.Walk, _ = o.classify(ctx, faults) }) // it fails with ctx alone
	t.progress.Total = 1 + len(faults)
	sideBySide(o.Parallel, t.progress.Total, func(i int) { // the right server first
		switch {
		case ctx.Err() != nil:
		case i == 0:
			t.runRight(ctx)
		default:
			t.runFault(ctx, &out.Faults[i-1])
		}
	})
	wait.Wait()
	if o.Pairs {
		t.runPairs(ctx)
	}
	if ctx.Err() == nil {
		for i, c := range classes {
			out.Faults[i].Class, out.Faults[i].Changed, out.Faults[i].Witness = string(c.class), c.changed, c.witness
		}
	}
	t.decide(ctx)
	return out, nil
}

func choose(names []string) ([]embedded.Fault, error) {
	if len(names) == 0 {
		return embedded.Faults, nil
	}
	var faults []embedded.Fault
	for _, name := range names {
		f, ok := embedded.FaultNamed(name)
		if !ok {
			return nil, fmt.Errorf("%w: there is no fault %q", targets.ErrUsage, name)
		}
		if f.Races() {
			return nil, fmt.Errorf("%w: fault %q shows only where calls overlap, and the self-test sends them one by one",
				targets.ErrUsage, name)
		}
		if !slices.ContainsFunc(faults, func(o embedded.Fault) bool { return o.Name == name }) {
			faults = append(faults, f)
		}
	}
	return faults, nil
}

type test struct {
	options Options
	out     *reports.Selftest

	mu       sync.Mutex
	progress Progress
}

// sideBySide does n things, some at the same time.
func sideBySide(workers, n int, do func(i int)) {
	var next atomic.Int64
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	wait.Wait()
}

// run runs the suite against a server with a fault, or none. Without a report it was interrupted, or has a problem.
func (t *test) run(ctx context.Context, fault string, o conform.Options) (report *reports.Report, problem string) {
	var err error
	func() {
		defer func() { // of a panic, so that the other runs go on
			if p := recover(); p != nil {
				err = fmt.Errorf("%w: %v", conform.ErrHarness, p)
			}
		}()
		// Every level counts: a fault may break a rule that is inferred.
		o.Seed, o.Workers, o.FailOn = t.options.Seed, 1, model.Inferred
		report, err = t.options.run(ctx, fault, o)
	}()
	if err == nil && report == nil {
		err = errors.New("nothing was sent")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.progress.Done++
	if err == nil {
		t.progress.Requests += report.Requests + report.ConfirmRequests
		t.progress.Caught += min(1, len(report.Divergences))
	}
	if t.options.Progress != nil {
		t.options.Progress(t.progress)
	}
	switch {
	case err != nil && ctx.Err() == nil:
		problem, _, _ = strings.Cut(err.Error(), "\n") // without the stack of a failure
		return nil, problem
	case err != nil, report.Verdict == reports.Interrupted:
		return nil, ""
	}
	return report, ""
}

func (t *test) problem(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.out.Problems = append(t.out.Problems, text)
}

func runEmbedded(ctx context.Context, fault string, o conform.Options) (*reports.Report, error) {
	return conform.Run(ctx, embedded.InProcess(embedded.ServerOptions{Fault: fault}), o)
}

func (t *test) runRight(ctx context.Context) {
	report, problem := t.run(ctx, "", conform.Options{StopAtFirst: true, Suites: byOne})
	if problem != "" {
		t.problem("the run against the server without a fault: " + problem)
	}
	if report == nil {
		return
	}
	t.out.Right = reports.SelftestRight{Verdict: report.Verdict, Requests: report.Requests,
		Divergences: len(report.Divergences), Deviations: len(report.Deviations)}
	if report.Verdict != reports.Conforms || len(report.Divergences)+len(report.Deviations) > 0 {
		t.out.Problems = append(t.out.Problems, fmt.Sprintf("the server without a fault %s, with %d divergences and %d deviations", report.Verdict,
			len(report.Divergences), len(report.Deviations)))
	}
}

// runFault runs the suite against one fault.
func (t *test) runFault(ctx context.Context, f *reports.SelftestFault) {
	report, problem := t.run(ctx, f.Name, conform.Options{StopAtFirst: true, Suites: byOne})
	if report == nil {
		if problem != "" {
			f.Ran, f.Problem = true, "the run failed: "+problem
		}
		return
	}
	f.Ran, f.Requests, f.ConfirmRequests = true, report.Requests, report.ConfirmRequests
	for _, d := range report.Deviations {
		if !slices.Contains(f.Deviations, d.Rule) {
			f.Deviations = append(f.Deviations, d.Rule)
		}
	}
	if len(report.Divergences) > 0 {
		d := report.Divergences[0]
		f.Caught = &reports.SelftestHit{Signature: d.Signature, Rule: d.Rule, Level: d.Level, Status: d.Status}
	}
}

// problemOf says what a run should have done otherwise, empty where all is well.
func problemOf(f *reports.SelftestFault) string {
	found := class(f.Class)
	switch {
	case found == wrong && f.Caught == nil:
		return "missed, although some of its answers are wrong"
	case found == wrong:
		return ""
	case f.Caught != nil:
		return fmt.Sprintf("is %s, but reported as a violation of %s", found, f.Caught.Rule)
	case found == tolerated && len(f.Deviations) == 0:
		return "is tolerated, but no deviation was reported"
	case found == equivalent && len(f.Deviations) > 0:
		return fmt.Sprintf("is equivalent, but reported as a deviation of %s", f.Deviations[0])
	}
	return ""
}

// decide counts what each rule has caught, and decides.
func (t *test) decide(ctx context.Context) {
	out := t.out
	out.SortFaults()
	for i := range out.Faults {
		f := &out.Faults[i]
		if f.Ran && f.Problem == "" && f.Class != "" {
			f.Problem = problemOf(f)
		}
		if f.Problem != "" {
			out.Problems = append(out.Problems, f.Name+" "+f.Problem)
		}
	}
	for i := range out.Pairs {
		p := &out.Pairs[i]
		if p.Problem == "" && !p.Hidden && !p.Caught && ctx.Err() == nil {
			p.Problem = fmt.Sprintf("%s is missed behind %s, although some answers of both are wrong in another way", p.Rule, p.Flaw)
		}
		if p.Problem != "" {
			out.Problems = append(out.Problems, p.Fault+": "+p.Problem)
		}
	}
	if len(t.options.Faults) == 0 && ctx.Err() == nil {
		t.countRules()
	}
	switch {
	case ctx.Err() != nil:
		out.Verdict, out.ExitCode = reports.Interrupted, reports.ExitInterrupted
	case len(out.Problems) > 0:
		out.Verdict, out.ExitCode = reports.NotPassed, reports.ExitFailed
	default:
		out.Verdict = reports.Passed
	}
}

func (t *test) countRules() {
	caught := map[model.ID]int{}
	for _, f := range t.out.Faults {
		if f.Caught != nil {
			caught[f.Caught.Rule]++
		}
	}
	for i := range model.Rules {
		rule := &model.Rules[i]
		r := reports.SelftestRule{Rule: rule.ID, Faults: caught[rule.ID]}
		if rule.Silent {
			r.Why = "it claims nothing that an answer could contradict"
		} else if rule.OfMocks() {
			r.Why = "only a Go mock can break it"
		} else if rule.OfClients() {
			r.Why = "only several clients at once can show it broken"
		} else if r.Faults == 0 {
			t.out.Problems = append(t.out.Problems, string(rule.ID)+" claims something, but catches no fault")
		}
		t.out.Rules = append(t.out.Rules, r)
	}
}

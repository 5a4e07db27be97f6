package conform

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"slices"
	"testing"

	"github.com/insightconform/conform/internal/probe"
	"github.com/insightconform/conform/internal/property"
	"github.com/insightconform/conform/internal/run"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/describe"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/reports/text"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/mock"
)

// ErrHarness marks failures of the harness itself. Its text has the stack after the first line.
var ErrHarness = run.ErrHarness

// Run tests a target and reports what it found. The report is nil only if no suite began. An error
// wraps targets.ErrUsage, ErrUnreachable or ErrRefused where one of them holds; else the harness
// failed. An interrupted ctx is no error: the report says so and is partial.
func Run(ctx context.Context, target targets.Target, options Options) (*reports.Report, error) {
	return run.Run(ctx, target, run.Options(options))
}

// TB is the part of testing.TB that Check needs.
type TB interface {
	Helper()
	Context() context.Context
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
}

// Check runs the suites against a target inside a go test. The test fails with the text of the report
// where the target diverges at or above Options.FailOn, or where the run is inconclusive; with go test
// -artifacts, the traces of its divergences are kept in the test's ArtifactDir. At most one Options is
// given; its zero value is the default run with a fixed seed.
func Check(t TB, target targets.Target, options ...Options) {
	t.Helper()
	report, shown := check(t, target, options)
	switch {
	case report == nil:
	case report.Verdict == reports.Conforms:
		t.Logf("%s", shown)
	default:
		t.Errorf("%s", shown)
		keepTraces(t, report)
	}
}

// Test runs the suites as Check does, and shows each rule as a subtest of its own, such as
// TestMock/put/replaces-list. It fails where the target diverges from the rule at or above
// Options.FailOn, and is skipped, with the reason, where the rule was not covered or not judged. What
// concerns no single rule fails t itself: an inconclusive run, a stale entry of the baseline.
func Test(t *testing.T, target targets.Target, options ...Options) {
	t.Helper()
	report, shown := check(t, target, options)
	if report == nil {
		return
	}
	for _, id := range report.Coverage.InOrder() {
		if rule := model.RuleOf(id); rule == nil || !rule.Silent {
			t.Run(string(id), func(t *testing.T) { showRule(t, report, id) })
		}
	}
	if report.Verdict == reports.Conforms || len(describe.Failing(report)) > 0 {
		t.Logf("%s", shown)
	} else {
		t.Errorf("%s", shown)
	}
	if report.Verdict != reports.Conforms {
		keepTraces(t, report)
	}
}

// Replay plays the traces of a file or a folder again, as an earlier Check or Test with go test -artifacts, or a run, has
// written them. The test fails with their steps, answers, what is expected and what came, where one of them diverges, and
// where none could be played. Of the options it looks at Order, Eventual, Settle, Clients and Version.
func Replay(t TB, path string, target targets.Target, options ...Options) {
	t.Helper()
	traces, err := reports.ReadTraceFiles(t.Context(), path)
	if err != nil {
		t.Errorf("conform: %v", err)
		return
	}
	report, err := run.Replay(t.Context(), target, traces, run.Options(one(options)))
	var shown bytes.Buffer
	if err == nil {
		err = text.Report(&shown, report, text.Options{Verbose: true})
	}
	switch {
	case err != nil:
		t.Errorf("conform: %v", err)
	case report.Verdict == reports.Conforms:
		t.Logf("%s", shown.String())
	default:
		t.Errorf("%s", shown.String())
	}
}

// one is what was given, or the default.
func one(options []Options) (o Options) {
	if len(options) > 0 {
		o = options[0]
	}
	return o
}

// check runs the suites and returns the report with its text, nil after an error.
func check(t TB, target targets.Target, options []Options) (*reports.Report, string) {
	t.Helper()
	o := one(options)
	o.Seed = cmp.Or(o.Seed, 1) // a test that nobody changed should do what it did before
	report, err := Run(t.Context(), target, o)
	var shown bytes.Buffer
	if err == nil {
		err = text.Report(&shown, report, text.Options{Whole: true})
	}
	if err != nil {
		t.Errorf("conform: %v", err)
		return nil, ""
	}
	return report, shown.String()
}

// showRule says in a test of its own what became of a rule.
func showRule(t *testing.T, r *reports.Report, id model.ID) {
	t.Helper()
	var shown bytes.Buffer
	if err := text.Divergences(&shown, r, id); err != nil {
		t.Fatalf("conform: %v", err)
	}
	if slices.ContainsFunc(describe.Failing(r), func(d reports.Divergence) bool { return d.Rule == id }) {
		t.Errorf("%s", shown.String())
	} else if shown.Len() > 0 {
		t.Logf("%s", shown.String())
	}
	if c := r.Coverage.Rules[id]; !c.Judged() {
		t.Skip(c.InWords())
	}
}

// keepTraces writes the traces of a report where the test keeps its artifacts.
func keepTraces(t TB, r *reports.Report) {
	t.Helper()
	keeper, ok := t.(interface{ ArtifactDir() string })
	if !ok {
		return
	}
	if kept := flag.Lookup("test.artifacts"); kept == nil || kept.Value.String() != "true" {
		if len(r.Divergences) > 0 {
			t.Logf("conform: 'go test -artifacts' keeps the traces of what diverges")
		}
		return
	}
	if written, err := reports.WriteTraces(keeper.ArtifactDir(), r, false); err != nil {
		t.Logf("conform: the traces could not be written: %v", err)
	} else if written > 0 {
		t.Logf("conform: %s in %s", plain.Counted(written, "trace"), keeper.ArtifactDir())
	}
}

// MockOptions say what a mock is like: the trails that it has beforehand, what they hold, and how to reset it.
type MockOptions = mock.Options

// Mock returns the target for a Go value that has some of the SDK client's methods, at least
// PutInsightSelectors, or GetInsightSelectors where MockOptions.Contents says what there is to read.
// Methods that it lacks are reported as not covered.
func Mock(value any, options MockOptions) targets.Target { return mock.New(value, options) }

// Property is the conformance of an opened and probed target as a property for rapid.Check,
// rapid.MakeCheck and rapid.MakeFuzz: a drawn sequence of requests, each followed by the reads that
// tell states apart, shows no divergence at or above Options.FailOn. Its method Check is the property,
// Last the trace of the last case that failed, and Close releases the target.
type Property = property.Property

// NewProperty opens and probes the target. Of the options it looks at Order, FailOn, Eventual, Settle
// and Version. Errors are those of Run.
func NewProperty(ctx context.Context, target targets.Target, o Options) (*Property, error) {
	failOn := cmp.Or(o.FailOn, model.Observed)
	return property.New(ctx, target, probe.Options{Order: o.Order, Eventual: o.Eventual, Settle: o.Settle}, failOn, o.Version)
}

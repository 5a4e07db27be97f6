package conform

import (
	"bytes"
	"cmp"
	"context"

	"github.com/insightconform/conform/internal/probe"
	"github.com/insightconform/conform/internal/property"
	"github.com/insightconform/conform/internal/run"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
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
// where the target diverges at or above Options.FailOn, or where the run is inconclusive; the traces of
// its divergences are then written to the test's ArtifactDir. At most one Options is given; its zero
// value is the default run with a fixed seed.
func Check(t TB, target targets.Target, options ...Options) {
	t.Helper()
	var o Options
	if len(options) > 0 {
		o = options[0]
	}
	o.Seed = cmp.Or(o.Seed, 1) // a test that nobody changed should do what it did before
	report, err := Run(t.Context(), target, o)
	if err != nil {
		t.Errorf("conform: %v", err)
		return
	}
	var shown bytes.Buffer
	if err := text.Report(&shown, report, text.Options{}); err != nil {
		t.Errorf("conform: %v", err)
		return
	}
	if report.Verdict == reports.Conforms {
		t.Logf("%s", shown.String())
		return
	}
	t.Errorf("%s", shown.String())
	if keeper, ok := t.(interface{ ArtifactDir() string }); ok {
		// Kept where the test runs with -artifacts.
		if written, err := reports.WriteTraces(keeper.ArtifactDir(), report, false); err != nil {
			t.Logf("conform: the traces could not be written: %v", err)
		} else if written > 0 {
			t.Logf("conform: %s in %s", plain.Counted(written, "trace"), keeper.ArtifactDir())
		}
	}
}

// MockOptions say what a mock is like: the trails that it has beforehand, and how to reset it.
type MockOptions = mock.Options

// Mock returns the target for a Go value that has some of the SDK client's methods, at least
// PutInsightSelectors. Methods that it lacks are reported as not covered.
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

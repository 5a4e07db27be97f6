package conform

import (
	"bytes"
	"context"

	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/text"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/mock"
)

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
	if o.Seed == 0 {
		o.Seed = 1 // a test that nobody changed should do what it did before
	}
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
		if files, err := reports.WriteTraces(keeper.ArtifactDir(), report, false); err != nil {
			t.Logf("conform: the traces could not be written: %v", err)
		} else if len(files) > 0 {
			t.Logf("conform: %s in %s", plural(len(files), "trace"), keeper.ArtifactDir())
		}
	}
}

// MockOptions say what a mock is like: the trails that it has beforehand, and how to reset it.
type MockOptions = mock.Options

// Mock returns the target for a Go value that has some of the SDK client's methods, at least
// PutInsightSelectors. Methods that it lacks are reported as not covered.
func Mock(value any, options MockOptions) targets.Target { return mock.New(value, options) }

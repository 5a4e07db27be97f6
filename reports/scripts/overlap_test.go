package scripts_test

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/scripts"
	"github.com/insightconform/conform/targets/embedded"
)

// union is the trace of a server that stores what two overlapping Puts ask for together.
func union() *reports.Trace {
	puts := []model.Request{put("TrailName", "alpha", "InsightSelectors", value.ListOf(callRate)),
		put("TrailName", "alpha", "InsightSelectors", value.ListOf(errorRate))}
	c := exportCase{model.ConcurrentWhole, after(setUp, append(puts, generators.Get("alpha"))...), answered(callRate, errorRate), 200,
		"success with ApiCallRateInsight: Management"}
	t := c.trace()
	for i := range t.Steps {
		s := &t.Steps[i]
		s.Start, s.End = int64(2*i+1), int64(2*i+2)
		if i == 2 || i == 3 {
			s.Client, s.Phase, s.Start, s.End = i-1, 1, int64(3+i), int64(9-i)
			s.Answer = answered(map[int]value.Value{2: callRate, 3: errorRate}[i])
		}
	}
	return t
}

// tried runs the Go test of a trace against the embedded server, with so many tries.
func tried(t *testing.T, trace *reports.Trace, fault, tries string) (code int, output string) {
	t.Helper()
	server, err := embedded.NewServer(embedded.ServerOptions{Fault: fault})
	require.NoError(t, err)
	endpoint := httptest.NewServer(server)
	t.Cleanup(endpoint.Close)
	script, err := scripts.Export(trace, "go")
	require.NoError(t, err)
	require.Contains(t, string(script), "const tries = 200\n")
	script = []byte(strings.Replace(string(script), "const tries = 200\n", "const tries = "+tries+"\n", 1))
	dir, err := os.MkdirTemp("..", "exporttest-") // within the module, whose SDK it compiles with
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.WriteFile(filepath.Join(dir, "divergence_test.go"), script, 0o600))
	cmd := exec.Command("go", "test", "-v", "-count=1", ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "ENDPOINT_URL="+endpoint.URL)
	out, _ := cmd.CombinedOutput()
	return cmd.ProcessState.ExitCode(), string(out)
}

func TestExportHasClientsCallAtOnce(t *testing.T) {
	t.Parallel()
	code, output := tried(t, union(), "race-union", "200")
	assert.Equal(t, 1, code, output)
	assert.Contains(t, output, "The divergence shows.")
	assert.NotContains(t, output, "the set-up failed")
}

// An order of two Puts that one history excludes is right in another: only a history like the recorded one counts.
func TestExportOfClientsIsFair(t *testing.T) {
	t.Parallel()
	trace := union()
	trace.Rule = model.ConcurrentLinearizable
	last := &trace.Steps[4]
	last.Answer = answered(callRate) // although the Put of the error rate came after that of the call rate
	trace.Steps[2].Start, trace.Steps[2].End, trace.Steps[3].Start, trace.Steps[3].End = 5, 6, 7, 8
	code, output := tried(t, trace, "", "15")
	assert.Equal(t, 0, code, output)
	assert.Contains(t, output, "The divergence does not show")
}

// flagApart is the trace of a server whose HasInsightSelectors does not say what Get says.
func flagApart() *reports.Trace {
	puts := []model.Request{put("TrailName", "alpha", "InsightSelectors", value.ListOf()),
		put("TrailName", "alpha", "InsightSelectors", value.ListOf(errorRate))}
	flag := reports.StepAnswer{Outcome: reports.OutcomeSuccess, Body: value.Obj("Trail", value.Obj("HasInsightSelectors", false))}
	c := exportCase{model.ConcurrentQuiescent, after(setUp, append(puts, generators.Get("alpha"), generators.GetTrail("alpha"))...), flag, 200,
		"HasInsightSelectors true"}
	t := c.trace()
	for i := range t.Steps {
		s := &t.Steps[i]
		s.Start, s.End = int64(2*i+1), int64(2*i+2)
		switch i {
		case 2, 3:
			s.Client, s.Phase, s.Start, s.End = i-1, 1, int64(3+i), int64(9-i)
		case 4:
			s.Answer = answered(errorRate)
		}
	}
	return t
}

// TestExportComparesReadersAtRest: those of a right server see the same.
func TestExportComparesReadersAtRest(t *testing.T) {
	t.Parallel()
	code, output := tried(t, flagApart(), "race-flag-apart", "200")
	assert.Equal(t, 1, code, output)
	assert.Contains(t, output, "The divergence shows.")
	assert.NotContains(t, output, "the set-up failed")
	code, output = tried(t, flagApart(), "", "15")
	assert.Equal(t, 0, code, output)
	assert.Contains(t, output, "The divergence does not show")
}

// TestExportGivesEachClientItsConnection, since what a server keeps with one shows on no other.
func TestExportGivesEachClientItsConnection(t *testing.T) {
	t.Parallel()
	trace := flagApart()
	trace.Steps[2].Request, trace.Steps[2].Operation = generators.Get("alpha").Input, string(model.OpGet)
	last := &trace.Steps[5]
	last.Request, last.Operation, last.Client, last.Answer = trace.Steps[2].Request, string(model.OpGet), trace.Steps[2].Client, answered(callRate)
	code, output := tried(t, trace, "race-connection-cache", "200")
	assert.Equal(t, 1, code, output)
	assert.Contains(t, output, "The divergence shows.")
}

func TestExportOfClientsSaysWhatItNeeds(t *testing.T) {
	for _, form := range []string{"curl", "awscli", "boto3", "pytest"} {
		_, err := scripts.Short(union(), form)
		assert.EqualError(t, err, "the trace is of several clients at once, and they need --as go", form)
		if form != "pytest" {
			_, err = scripts.Export(union(), form)
			assert.EqualError(t, err, "the trace is of several clients at once, and they need --as go", form)
		}
	}
	trace := union()
	trace.Rule = model.ConcurrentQuiescent
	_, err := scripts.Export(trace, "go")
	assert.ErrorContains(t, err, "the trace has not what another reader saw at rest; play it with 'conform replay'")
	short, err := scripts.Short(union(), "go")
	require.NoError(t, err)
	long, err := scripts.Export(union(), "go")
	require.NoError(t, err)
	assert.Equal(t, string(long), string(short), "there is one form for Go")
}

package conform_test

import (
	"flag"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/internal/probe"
	"github.com/insightconform/conform/internal/property"
	"github.com/insightconform/conform/internal/run"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/endpoint"
)

// The property runs against any target, with rapid's own flags and fail files:
//
//	go test -run TestProperty . -conform.endpoint http://127.0.0.1:5000 -conform.traces traces
//	go test -run TestProperty . -rapid.failfile testdata/rapid/TestProperty/….fail -conform.traces traces
//	go test -run FuzzProperty/… . -conform.traces traces
var (
	propertyEndpoint = flag.String("conform.endpoint", "", "test the property on the target at this URL instead of the embedded one")
	propertyFault    = flag.String("conform.fault", "", "test the property on the embedded target with this fault")
	propertyTraces   = flag.String("conform.traces", "", "write the trace of a failure into this folder")
)

func newProperty(t testing.TB, fault string) *conform.Property {
	t.Helper()
	var target targets.Target = embedded.InProcess(embedded.ServerOptions{Fault: fault})
	if *propertyEndpoint != "" {
		var err error
		target, err = endpoint.New(endpoint.Options{URL: *propertyEndpoint})
		require.NoError(t, err)
	}
	p, err := conform.NewProperty(t.Context(), target, conform.Options{})
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, p.Close())
		if trace := p.Last(); trace != nil && *propertyTraces != "" {
			path, err := reports.WriteTrace(*propertyTraces, trace)
			require.NoError(t, err)
			t.Logf("the trace of the failure is %s", path)
		}
	})
	return p
}

func TestProperty(t *testing.T) { rapid.Check(t, newProperty(t, *propertyFault).Check) }

func FuzzProperty(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(newProperty(f, *propertyFault).Check))
}

// TestPropertyFails: the property fails on a wrong target and leaves a trace that replays.
func TestPropertyFails(t *testing.T) {
	if *propertyEndpoint != "" {
		t.Skip("the faults are those of the embedded target")
	}
	p, err := property.New(t.Context(), embedded.InProcess(embedded.ServerOptions{Fault: "appends-selectors"}), probe.Options{}, model.Observed, "")
	require.NoError(t, err)
	defer p.Close()
	failed := false
	for seed := 0; seed < 200 && !failed; seed++ {
		failed = p.Play(t.Context(), p.Draw(seed)) != ""
	}
	require.True(t, failed)
	trace := p.Last()
	for fault, outcome := range map[string]string{"appends-selectors": reports.ReplayDiverges, "": reports.ReplayFixed} {
		report, err := run.Replay(t.Context(), embedded.InProcess(embedded.ServerOptions{Fault: fault}), []*reports.Trace{trace}, run.Options{})
		require.NoError(t, err)
		assert.Equal(t, outcome, report.Replays[0].Outcome, "%q", fault)
	}
}

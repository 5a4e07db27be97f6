package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/embedded"
)

// The tools, in the order in which they are shown.
const (
	toolConform    = "conform"
	toolHypothesis = "hypothesis"
	toolRapid      = "rapid"
)

var tools = []string{toolConform, toolHypothesis, toolRapid}

// trial is one run of a tool against a fault; an empty one is the reference.
type trial struct {
	tool, fault string
	seed        uint64
	budget      int // of requests until the first detection
	reduce      int // of requests after it
}

func (t trial) run(ctx context.Context) (result, error) {
	if t.tool == toolConform {
		return t.runConform(ctx)
	}
	server, err := embedded.NewServer(embedded.ServerOptions{Fault: t.fault})
	if err != nil {
		return result{}, err
	}
	m := newMeter(server, true, t.budget, t.reduce)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return result{}, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", m)
	mux.HandleFunc("/alphabet", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(newAlphabet().encoded()) })
	service := &http.Server{Handler: mux}
	go func() { _ = service.Serve(listener) }() // ends with Close
	defer service.Close()
	url := "http://" + listener.Addr().String()
	if t.tool == toolHypothesis {
		err = runHypothesis(ctx, url, t.seed)
	} else {
		var failure string
		if failure, err = runRapid(url, t.seed); failure != "" && m.first == 0 {
			err = fmt.Errorf("rapid: %s", failure)
		}
	}
	return m.result(t.tool, t.fault, t.seed), err
}

// stateMachine is handed to Python, so that the benchmark needs no files beside it.
//
//go:embed hypothesis/state_machine.py
var stateMachine []byte

// python is the interpreter that has Hypothesis.
func python() string {
	if path := os.Getenv("BENCH_PYTHON"); path != "" {
		return path
	}
	return "python3"
}

// hypothesisVersion says which Hypothesis there is; an error, that there is none.
func hypothesisVersion(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, python(), "-c", "import hypothesis; print(hypothesis.__version__)").Output()
	return string(bytes.TrimSpace(out)), err
}

func runHypothesis(ctx context.Context, url string, seed uint64) error {
	cmd := exec.CommandContext(ctx, python(), "-", url, fmt.Sprint(seed))
	cmd.Stdin = bytes.NewReader(stateMachine)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	cmd.Env = append(os.Environ(), "PYTHONWARNINGS=ignore")
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("hypothesis: %w: %s", err, problems.String())
	}
	return nil
}

// countedWorlds tells the meter of each world that conform opens.
type countedWorlds struct {
	targets.Target
	meter *meter
}

func (t *countedWorlds) NewWorld(ctx context.Context) (targets.World, error) {
	t.meter.world()
	return t.Target.NewWorld(ctx)
}

// runConform runs conform with its default options over one connection, until the first divergence
// and what it does to confirm and reduce that.
func (t trial) runConform(ctx context.Context) (result, error) {
	target := &countedWorlds{meter: newMeter(nil, false, t.budget, t.reduce)}
	target.Target = embedded.NewTarget(embedded.Options{
		ServerOptions: embedded.ServerOptions{Fault: t.fault}, Workers: 1, Regions: []string{model.DefaultWorld.Home},
		Wrap: func(s *embedded.Server) http.Handler { target.meter.server = s; return target.meter },
	})
	report, err := conform.Run(ctx, target, conform.Options{Seed: t.seed, Found: func(string) bool {
		target.meter.detected()
		return true
	}})
	if errors.Is(err, targets.ErrUnreachable) {
		out := target.meter.result(toolConform, t.fault, t.seed)
		out.note = "no CloudTrail is there"
		return out, nil
	}
	if err != nil {
		return result{}, err
	}
	for _, c := range model.Capabilities {
		if absent := report.Capabilities[string(c)] == reports.Absent; absent != slices.Contains(hidden, c) {
			return result{}, fmt.Errorf("conform against %q: %s is not as the alphabet has it", t.fault, c)
		}
	}
	out := target.meter.result(toolConform, t.fault, t.seed)
	if out.found && len(report.Divergences) == 0 {
		return out, fmt.Errorf("conform against %q: what was found first is not reported", t.fault)
	}
	if out.found {
		out.length = len(report.Divergences[0].Steps)
	}
	return out, nil
}

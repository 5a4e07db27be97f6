package main

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
)

const runHelpHead = `Usage: conform run [flags]

Tests a target and reports each distinct divergence from the documented
behaviour once, with the requests that show it.

  conform run                                    the server that comes with conform
  conform run --endpoint http://127.0.0.1:5000   an emulator
`

const runHelpTail = `
Each flag may also be given as an environment variable (--fail-on as
CONFORM_FAIL_ON) or in the file of --config; a flag goes before a variable, and
a variable before the file. With --target endpoint and no --endpoint,
AWS_ENDPOINT_URL_CLOUDTRAIL and AWS_ENDPOINT_URL are honoured.

Exit codes
    0  the target conforms
    1  it diverges, at the level of --fail-on or above
    2  wrong usage or configuration
    3  inconclusive: nothing listens, the target was lost, or too little was covered
    4  conform itself failed
    5  refused for safety
  130  interrupted; the report is partial
`

func (p *process) runCommand() *cobra.Command {
	s := defaultSettings()
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Test a target",
		Long:  runHelpHead + optionHelp() + runHelpTail,
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return p.testTarget(cmd.Context(), &s) },
	}
	addRunFlags(cmd, &s)
	return cmd
}

// complete fills in what no flag gave.
func (s *settings) complete(environ map[string]string) error {
	if err := s.applyEnvironment(environ); err != nil {
		return err
	}
	if err := s.applyFile(); err != nil {
		return err
	}
	if err := s.resolveTarget(environ); err != nil {
		return err
	}
	if len(s.sinks) == 0 {
		s.sinks = []reports.Sink{{Format: reports.FormatText}}
	}
	if s.seed == 0 {
		s.seed = uint64(rand.Uint32()) + 1 // never 0, and short enough to be typed
	}
	return nil
}

// testTarget runs the suites and writes the reports.
func (p *process) testTarget(ctx context.Context, s *settings) error {
	if err := s.complete(p.environ); err != nil {
		return err
	}
	order, err := s.profile()
	if err != nil {
		return err
	}
	for _, sink := range s.sinks {
		if sink.Path == "" {
			continue
		}
		if err := reports.CheckWritable(sink.Path); err != nil {
			return usagef("--report %s: %w", sink, err)
		}
	}
	baseline, err := s.readBaseline()
	if err != nil {
		return err
	}
	known, err := s.readTraces()
	if err != nil {
		return err
	}
	for _, note := range s.unusedNotes(p.environ) {
		p.complain(note)
	}
	target, err := p.open(s)
	if err != nil {
		return err
	}

	progress := p.progress()
	defer progress.Close()
	stop := context.AfterFunc(ctx, func() {
		progress.Say("conform: interrupted; writing the report of what was found (once more ends at once)")
	})
	defer stop()
	report, err := p.conform(ctx, target, conform.Options{
		Seed:     s.seed,
		Requests: s.requests,
		Time:     s.time,
		Workers:  s.workers,
		Suites:   s.suites,
		Order:    order,
		FailOn:   s.failOn,
		Progress: progress.Show,
		Command:  s.command(s.seed, s.workers),
		Version:  shortVersion(),

		ShrinkRequests: s.shrinkRequests,
		Traces:         tracesOf(known),
		Baseline:       baseline,
	})
	progress.Close()
	if report != nil {
		if problem := s.keep(report, known, baseline); problem != nil {
			err = errors.Join(err, problem)
		}
	}
	return p.finish(ctx, s, report, err)
}

// profile reads the error order, nil where the reference's holds.
func (s *settings) profile() (*model.Profile, error) {
	if s.order == "" {
		return nil, nil
	}
	data, err := readSmallFile("order", s.order)
	if err != nil {
		return nil, err
	}
	profile, err := model.LoadProfile(data)
	if err != nil {
		return nil, usagef("--order %s: %w", s.order, err)
	}
	return profile, nil
}

// finish writes the reports and turns what a run returned into the end of the command.
func (p *process) finish(ctx context.Context, s *settings, report *reports.Report, runError error) error {
	code := exitCodeOf(ctx, runError)
	if report == nil {
		switch {
		case runError != nil:
			return runError
		case ctx.Err() != nil:
			return exitCode(reports.ExitInterrupted)
		}
		return errors.New("internal error: a run without a report")
	}
	code = reports.WorseExit(report.ExitCode, code)
	report.ExitCode = code
	if report.Workers > 0 { // only the run knows how many the target could take
		report.Command = s.command(report.Seed, report.Workers)
	}
	for _, sink := range s.sinks {
		if err := sink.Write(p.stdout, report, p.textOptions()); err != nil {
			p.complain("--report " + sink.String() + ": " + err.Error())
			code = reports.WorseExit(code, reports.ExitFailed)
		}
	}
	if runError != nil {
		p.complain(runError.Error())
	}
	if code == reports.ExitConforms {
		return nil
	}
	return exitCode(code)
}

func (p *process) progress() *reports.Progress {
	width, live := terminal(p.stderr)
	return reports.NewProgress(p.stderr, live && p.environ["TERM"] != "dumb", width)
}

func (p *process) textOptions() reports.TextOptions {
	width, live := terminal(p.stdout)
	return reports.TextOptions{
		Width: width,
		Color: live && p.environ["NO_COLOR"] == "" && p.environ["TERM"] != "dumb",
	}
}

// terminal returns the width of the terminal behind a writer, and whether there is one.
func terminal(w io.Writer) (width int, ok bool) {
	file, isFile := w.(*os.File)
	if !isFile || !term.IsTerminal(int(file.Fd())) {
		return 0, false
	}
	width, _, _ = term.GetSize(int(file.Fd()))
	return width, true
}

package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/term"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/internal/explore"
	"github.com/insightconform/conform/internal/files"
	"github.com/insightconform/conform/internal/learn"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/formats"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/reports/text"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/endpoint"
)

const runHelp = `Usage: conform run [flags]

Tests a target and reports each distinct divergence from the documented
behaviour once, with the requests that show it.

  conform run                                    the server that comes with it
  conform run --endpoint http://127.0.0.1:5000   an emulator
  conform run --endpoint http://127.0.0.1:5000 --watch
                                                 again after each of its restarts
{flags}

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

// resolve fills in what no flag gave.
func (s *settings) resolve(ctx context.Context, environ map[string]string) error {
	if err := s.read(ctx, environ); err != nil {
		return err
	}
	if err := s.resolveTarget(environ); err != nil {
		return err
	}
	if s.quiet && s.verbose {
		return usagef("--quiet and --verbose contradict each other; leave one of them out")
	}
	if s.shardAuto {
		var err error
		if s.run.Shard, err = shardFromEnvironment(environ); err != nil {
			return usagef("--shard auto: %w", err)
		}
	}
	if s.run.Seed == 0 {
		s.run.Seed = uint64(rand.Uint32()) + 1 // never 0, and short enough to be typed
	}
	s.spend()
	return s.readOrder(ctx)
}

// spend has the depth of the budget, unless one was given: of 0, the options cannot tell that.
func (s *settings) spend() {
	budget, _ := explore.BudgetOf(s.run.Budget)
	switch o := explore.Options(s.run); {
	case s.from["depth"] == fromDefault:
		s.run.Depth = budget.Depth
	case s.run.Depth < budget.Depth:
		s.run.Suites, s.run.Requests, s.run.Budget = o.Named(), cmp.Or(o.Requests, budget.Requests), ""
	}
}

// readInputs reads the files that a run begins with, and sees that reports and traces can be written.
func (s *settings) readInputs(ctx context.Context) error {
	if err := s.mustWriteReports("--report"); err != nil {
		return err
	}
	if folder := s.tracesFolder(); folder != "" {
		if err := files.CheckFolder(folder); err != nil {
			return usagef("--traces %s: %w; give a folder that can be written, or none", folder, err)
		}
	}
	for _, read := range []func(context.Context) error{s.readBaseline, s.readKnown, s.readProgress} {
		if err := read(ctx); err != nil {
			return err
		}
	}
	return nil
}

// readOrder reads the error order, nil where the reference's holds.
func (s *settings) readOrder(ctx context.Context) error {
	if s.order == "" {
		return nil
	}
	data, err := readFile(ctx, "--order: ", s.order, maxFile)
	if err != nil {
		return err
	}
	if s.run.Order, err = reports.ReadOrder(data); err != nil {
		return usagef("--order %s: %w; 'conform rules order' lists what it must hold", s.order, err)
	}
	return nil
}

// options are those of the run.
func (s *settings) runOptions() conform.Options {
	o := s.run
	o.Command, o.Version = s.command(o.Seed, o.Workers), shortVersion()
	o.Histories = s.tracesFolder()
	o.Eventual = o.Eventual || o.Settle > 0
	return o
}

// testTarget runs the suites and writes the reports.
func (p *process) testTarget(ctx context.Context, s *settings, _ []string) error {
	if s.watching {
		return p.watch(ctx, s)
	}
	if err := s.readInputs(ctx); err != nil {
		return err
	}
	_, err := p.test(ctx, s)
	return err
}

// test runs the suites once, and returns the report, nil where none began, and how the command is to end.
func (p *process) test(ctx context.Context, s *settings) (*reports.Report, error) {
	events, err := p.openEvents(s)
	if err != nil {
		return nil, err
	}
	p.replaceReports(s, &reports.End{Interrupted: reports.ReasonGoesOn})
	target, err := p.open(ctx, s)
	if err != nil {
		return nil, p.finish(ctx, s, nil, events, err)
	}

	progress := p.progress(s)
	defer progress.Close()
	said := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(said)
		progress.Say("conform: interrupted; writing the report of what was found (once more ends at once)")
	})
	options := s.runOptions()
	options.Progress = progress.Show
	options.Events = func(e reports.Event) {
		if events.add(e); e.Event == reports.EventFound && !s.told {
			progress.Found(e.Divergence)
		}
	}
	if s.resume != "" {
		options.Checkpoint = func(partial *reports.Report) {
			if _, err := s.saveProgress(partial); err != nil {
				progress.Say("conform: " + err.Error())
			}
		}
	}
	report, err := p.conform(ctx, target, options)
	if !stop() {
		<-said
	}
	progress.Close()
	if report != nil && s.resume != "" {
		whole, problem := s.saveProgress(report)
		err, report = errors.Join(err, problem), whole
	}
	if report != nil {
		err = errors.Join(err, s.keep(report))
	}
	return report, p.finish(ctx, s, report, events, err)
}

// finish writes the reports and turns what a run returned into the end of the command.
func (p *process) finish(ctx context.Context, s *settings, report *reports.Report, events eventStreams, runError error) error {
	if report == nil {
		if runError == nil && ctx.Err() == nil {
			runError = errors.New("internal error: a run without a report")
		}
		// Those who read no terminal are told that the run could not begin: the target was refused, or is not there.
		end := &reports.End{}
		endedBy(ctx, end, runError)
		p.tell(s, p.replaceReports(s, end), events)
		return cmp.Or(runError, error(exitCode(reports.ExitInterrupted)))
	}
	if runError != nil && report.End != nil && !errors.Is(runError, conform.ErrHarness) { // of which it tells
		endedBy(ctx, report.End, runError)
		reports.Judge(report)
	}
	report.ExitCode = reports.WorseExit(report.ExitCode, exitCodeOf(ctx, runError))
	if report.Workers > 0 { // only the run knows how many the target could take
		report.Command = s.command(report.Seed, report.Workers)
	}
	options := p.textOptions(s)
	if report.Verdict == reports.Conforms {
		options.Next = s.next(p.environ)
	}
	report.ExitCode = p.writeReports(s.sinks, report, options, formats.NDJSON) // which was written as the run went
	if !s.told {
		p.verdict(s, report)
	}
	code := report.ExitCode
	if !p.tell(s, report, events) {
		code = reports.WorseExit(code, reports.ExitFailed)
	}
	if runError != nil {
		p.complain(runError.Error())
	}
	return exitCode(code)
}

// endedBy notes the error that a run ended with.
func endedBy(ctx context.Context, end *reports.End, err error) {
	places := map[int]*string{reports.ExitRefused: &end.Refused, reports.ExitInconclusive: &end.Lost, reports.ExitUsage: &end.Misused,
		reports.ExitFailed: &end.Failed}
	if place := places[exitCodeOf(ctx, err)]; place != nil {
		*place = withoutUsers(err.Error())
	} else {
		end.Interrupted = reports.ReasonInterrupted
	}
}

func (p *process) progress(s *settings) *text.Progress {
	if s.quiet {
		return text.NewProgress(io.Discard, false, 0)
	}
	width, live := p.terminal(p.stderr)
	return text.NewProgress(p.stderr, live, width)
}

func (p *process) textOptions(s *settings) text.Options {
	width, live := p.terminal(p.stdout)
	forced := p.environ["CLICOLOR_FORCE"]
	color := p.environ["NO_COLOR"] == "" && (forced != "" && forced != "0" || live) // NO_COLOR has the last word
	return text.Options{Width: width, Color: color, Verbose: s.verbose, Quiet: s.quiet}
}

// next is the command that someone will want after a first run, of what comes with conform: the same on an emulator.
func (s *settings) next(environ map[string]string) string {
	if s.target != targetEmbedded || s.server.Fault != "" {
		return ""
	}
	for _, name := range endpointVariables {
		if _, err := endpoint.CheckURL(environ[name]); err == nil {
			return "conform run --endpoint " + plain.ShellWord(environ[name])
		}
	}
	return "conform run --endpoint http://127.0.0.1:5000   # or where your emulator listens"
}

// output is a standard stream of the process: where nobody reads it any more, the command is interrupted.
type output struct {
	file      *os.File
	interrupt func()
}

// Fd is what tells a terminal.
func (o output) Fd() uintptr { return o.file.Fd() }

func (o output) Write(text []byte) (n int, err error) {
	if n, err = o.file.Write(text); errors.Is(err, syscall.EPIPE) {
		o.interrupt()
	}
	return n, err
}

// terminal returns the width of the terminal behind a writer, and whether there is one that takes commands. COLUMNS says
// how wide it is, also where there is none; 0 is no limit.
func (p *process) terminal(w io.Writer) (width int, live bool) {
	wanted, _ := strconv.Atoi(p.environ["COLUMNS"])
	file, isFile := w.(interface{ Fd() uintptr })
	if !isFile || !term.IsTerminal(int(file.Fd())) {
		return max(wanted, 0), false
	}
	width, _, _ = term.GetSize(int(file.Fd()))
	if wanted > 0 {
		width = wanted
	}
	return width, p.environ["TERM"] != "dumb"
}

const planHelp = `Usage: conform plan [flags]

Says what 'conform run' with the same flags would do: the suites, their tests
and requests, what the complete suites tell apart and guarantee, and how long
all that takes, at the rate of the target and at the quota of the service. It
probes the target with some requests and runs no suite; an account is sent
nothing, and what would be created, permitted and paid is said as well.

  conform plan --suite complete --depth 1
  conform plan --suite systematic,complete --endpoint http://127.0.0.1:5000
  conform plan --target account --regions us-east-1

Flags are those of 'conform run'; --report json writes the plan for machines.
The machines of complete suites (--machine) are
  management   one trail: two types on Management (part of the next)
  trail        one trail: all types, categories and classes of what it logs
  two-trails   whether a trail's calls leave another one alone
  stores       an event data store with two destinations
  logging      as trail, with StartLogging, StopLogging and refused requests; long
`

func (p *process) plan(ctx context.Context, s *settings, _ []string) error {
	for _, sink := range s.sinks {
		if sink.Format != formats.Text && sink.Format != formats.JSON {
			return usagef("--report %s: a plan is written as text or json", sink)
		}
	}
	if err := s.mustWriteReports("--report"); err != nil {
		return err
	}
	var plan *reports.Plan
	var err error
	if s.target == targetAccount {
		plan, err = p.planAccount(ctx, s)
	} else {
		var target targets.Target
		if target, err = p.open(ctx, s); err == nil {
			plan, err = explore.Plan(ctx, target, explore.Options(s.runOptions()))
		}
	}
	if err != nil {
		return err
	}
	for _, sink := range s.sinks {
		render := func(w io.Writer) error { return text.Plan(w, plan, p.textOptions(s)) }
		if sink.Format == formats.JSON {
			render = func(w io.Writer) error { return plain.WriteJSON(w, plan) }
		}
		if err := sink.Render(p.stdout, render); err != nil {
			return usagef("--report %s: %w", sink, err)
		}
	}
	return nil
}

const learnHelp = `Usage: conform learn [flags]

Finds out which error a target selects first where a request breaks several
rules: asks for each rule alone, then for each two that one request can break
together, every time twice and in a fresh world.

  conform learn --endpoint http://127.0.0.1:5000
  conform learn --endpoint http://127.0.0.1:5000 --profile order.json
  conform run --endpoint http://127.0.0.1:5000 --order order.json

The profile holds only the pairs that were told apart. A run with it reports,
at level observed, where the target no longer selects them in that order.
{flags}

Exit codes: 0 learned, 2 wrong usage or configuration, 3 inconclusive: nothing
listens or no error could be measured, 130 interrupted, no file is written.
`

func (p *process) learn(ctx context.Context, s *settings, _ []string) error {
	if s.profile != "" && s.profile == s.out {
		return usagef("--profile and --out name the same file %s; give each its own", s.profile)
	}
	for _, file := range [][2]string{{"--profile ", s.profile}, {"--out ", s.out}} {
		if err := mustBeWritable(file[0]+file[1], file[1], ""); err != nil {
			return err
		}
	}
	target, err := p.open(ctx, s)
	if err != nil {
		return err
	}
	progress := p.progress(s)
	defer progress.Close()
	o := s.runOptions()
	learned, problem := learn.Learn(ctx, target, learn.Options{Eventual: o.Eventual, Settle: o.Settle, Progress: progress.Show, Version: o.Version})
	progress.Close()
	if learned == nil {
		return problem
	}
	if err := text.Precedence(p.stdout, learned, p.textOptions(s)); err != nil {
		return err
	}
	switch {
	case ctx.Err() != nil:
		p.complain("interrupted; what is not covered was not asked, and no file is written")
		return exitCode(reports.ExitInterrupted)
	case problem != nil:
		p.complain(problem.Error() + "; no file is written")
		return exitCode(reports.ExitInconclusive)
	}
	return s.keepLearned(learned)
}

// keepLearned writes the files that were asked for.
func (s *settings) keepLearned(learned *reports.Precedence) error {
	if s.out != "" {
		if err := files.Write(s.out, func(w io.Writer) error { return learned.JSON(w, s.account.KeepAccountIDs) }); err != nil {
			return err
		}
	}
	if s.profile == "" {
		return nil
	}
	name := "learned from " + learned.Target.Name
	if s.target == targetEndpoint { // the port of the embedded server says nothing
		name += " " + learned.Target.Endpoint
	}
	order, err := learned.Profile(name)
	if err != nil {
		return err
	}
	return files.Write(s.profile, func(w io.Writer) error { return plain.WriteJSON(w, order) })
}

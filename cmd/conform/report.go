package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/insightconform/conform/internal/explore"
	"github.com/insightconform/conform/internal/files"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/events"
	"github.com/insightconform/conform/reports/formats"
	"github.com/insightconform/conform/reports/markdown"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/reports/text"
	"github.com/insightconform/conform/targets"
)

const reportHelp = `Usage: conform report FILE… --to FORMAT[=PATH] [flags]

Writes the report of an earlier run in other formats. FILE is what
'conform run --report json=FILE' has written; - is standard input.

  conform report report.json --to junit=junit.xml --to markdown=summary.md
  conform report report.json --to text
{flags}

Exit codes: 0 the report was written, whatever its verdict; 2 wrong usage, or a file
that is no report.
`

const mergeHelp = `Usage: conform merge FILE… [--report FORMAT[=PATH]]

Joins the JSON reports of the shards of one run, or of a run and those that went
on with it, into one report: what was found, what was covered, and the tests of
the complete suites, so that a certificate may hold for the whole.

  conform run --suite complete --shard 1/2 --report json=1.json
  conform run --suite complete --shard 2/2 --report json=2.json
  conform merge 1.json 2.json --report text --report json=whole.json
{flags}

Exit codes are those of 'conform run', for the whole; 2 where the reports do not
belong together.
`

func (p *process) merge(ctx context.Context, s *settings, paths []string) error {
	if len(paths) == 0 {
		return usagef("'conform merge' needs JSON reports: conform merge 1.json 2.json")
	}
	if err := s.mustWriteReports("--report"); err != nil {
		return err
	}
	parts, err := readReports(ctx, nil, paths)
	if err != nil {
		return err
	}
	whole, err := reports.Join(parts...)
	if err != nil {
		return usagef("merge: %w", err)
	}
	reports.Judge(whole)
	code := p.writeReports(s.sinks, whole, p.textOptions(s))
	p.verdict(s, whole)
	return exitCode(code)
}

// formatNames lists the formats for people.
func formatNames() string { return plain.Alternatives(formats.Names(), plain.MaxShown) }

// convert reads reports and writes them in other formats. Nothing is written unless all can be.
func (p *process) convert(ctx context.Context, s *settings, paths []string) error {
	if len(paths) == 0 {
		return usagef("'conform report' needs a report; 'conform run --report json=FILE' writes one")
	}
	for _, sink := range s.sinks {
		if len(paths) > 1 && !sink.Compares() {
			return usagef("--to %s takes one report, and %d are given; only html shows several side by side", sink.Format, len(paths))
		}
	}
	if err := s.mustWriteReports("--to"); err != nil {
		return err
	}
	list, err := readReports(ctx, p.stdin, paths)
	if err != nil {
		return err
	}
	if s.precedence != "" {
		if len(list) > 1 {
			return usagef("--precedence goes with one report, and %d are given", len(list))
		}
		data, err := readFile(ctx, "", s.precedence, maxReport)
		if err != nil {
			return err
		}
		if list[0].Precedence, err = reports.ReadPrecedence(data); err != nil {
			return usagef("--precedence %s: %w", s.precedence, err)
		}
	}
	for _, sink := range s.sinks {
		if err := sink.Write(p.stdout, list[0], p.textOptions(s), list[1:]...); err != nil {
			return fmt.Errorf("--to %s: %w", sink, err)
		}
	}
	return nil
}

// writeReports writes into all sinks but those of some formats, and returns the exit code, or a worse one on failure.
func (p *process) writeReports(sinks []formats.Sink, r *reports.Report, options text.Options, but ...string) (code int) {
	code = r.ExitCode
	for _, sink := range sinks {
		if slices.Contains(but, sink.Format) {
			continue
		}
		if err := sink.Write(p.stdout, r, options); err != nil {
			p.complain("--report " + sink.String() + ": " + err.Error())
			code = reports.WorseExit(code, exitCodeOf(context.Background(), err))
		}
	}
	return code
}

// verdict says what a report came to on standard error, where no text of it is written to standard output.
func (p *process) verdict(s *settings, r *reports.Report) {
	said := func(sink formats.Sink) bool { return sink.Format == formats.Text && sink.Path == "" }
	if slices.ContainsFunc(s.sinks, said) {
		return
	}
	width, _ := p.terminal(p.stderr)
	text.Verdict(p.stderr, r, text.Options{Width: width, Quiet: s.quiet})
}

// readReports reads JSON reports; - is standard input, where there is one.
func readReports(ctx context.Context, stdin io.Reader, paths []string) (list []*reports.Report, err error) {
	for _, path := range paths {
		data, err := files.Read(ctx, stdin, path, maxReport)
		if err != nil {
			return nil, usagef("%w", err)
		}
		r, err := reports.ReadJSON(data)
		if err != nil {
			return nil, usagef("%s: %w; give a report that 'conform run --report json=FILE' has written", path, err)
		}
		reports.Judge(r)
		list = append(list, r)
	}
	return list, nil
}

// replaceReports has the files of reports say that a run goes on or how it ended, so that none tells of an earlier one.
// What is written only once, and the file of --resume, are left alone.
func (p *process) replaceReports(s *settings, end *reports.End) *reports.Report {
	report := s.reportBefore()
	report.End = end
	reports.Judge(report)
	kept := func(sink formats.Sink) bool {
		return sink.Path == "" || filepath.Clean(sink.Path) == filepath.Clean(s.resume) ||
			end.Interrupted == reports.ReasonGoesOn && files.InPlace(sink.Path)
	}
	p.writeReports(slices.DeleteFunc(slices.Clone(s.sinks), kept), report, text.Options{}, formats.NDJSON)
	return report
}

// eventStreams are the reports of a run that are written as it goes.
type eventStreams []*events.Stream

// openEvents begins the streams that the settings ask for.
func (p *process) openEvents(s *settings) (all eventStreams, err error) {
	for _, sink := range s.sinks {
		if sink.Format != formats.NDJSON {
			continue
		}
		stream, err := events.Open(sink.Path, p.stdout)
		if err != nil {
			return nil, usagef("--report %s: %w", sink, err)
		}
		all = append(all, stream)
	}
	all.add(reports.StartEvent(s.reportBefore()))
	return all, nil
}

func (all eventStreams) add(e reports.Event) {
	for _, stream := range all {
		stream.Add(e)
	}
}

// reportBefore is what a report says before its run.
func (s *settings) reportBefore() *reports.Report {
	o := explore.Options(s.runOptions())
	return &reports.Report{Schema: reports.Schema, Version: o.Version, Command: o.Command, Started: time.Now(),
		Target: targets.Info{Name: s.target, Endpoint: s.endpoint.URL, Label: o.Name, Version: o.TargetVersion},
		Seed:   o.Seed, Workers: o.Workers, Suites: o.Named(),
		Shard: o.Shard.String(), FailOn: o.FailOn}
}

// tell ends the streams, of which it reports whether all was written, and marks the run for continuous integration.
func (p *process) tell(s *settings, report *reports.Report, all eventStreams) bool {
	all.add(reports.EndEvent(report))
	whole := true
	for _, stream := range all {
		if err := stream.Close(); err != nil {
			p.complain("--report " + formats.Sink{Format: formats.NDJSON, Path: stream.Path}.String() + ": " + err.Error())
			whole = false
		}
	}
	if path := p.environ["GITHUB_STEP_SUMMARY"]; path != "" {
		if err := markdown.AppendSummary(path, report); err != nil {
			p.complain("GITHUB_STEP_SUMMARY: " + err.Error())
		}
	}
	if p.environ["GITHUB_ACTIONS"] == "true" {
		out := p.stdout
		forMachines := func(sink formats.Sink) bool { return sink.Path == "" && sink.Format != formats.Text }
		if slices.ContainsFunc(s.sinks, forMachines) {
			out = p.stderr // GitHub reads commands there too, and standard output is for the report alone
		}
		if err := markdown.Annotations(out, report); err != nil {
			p.complain("annotations: " + err.Error())
		}
	}
	return whole
}

const diffHelp = `Usage: conform diff A B [flags]

Says what differs between two JSON reports, or between two error orders: an
emulator and another one, or two versions of the same.

  conform diff old.json new.json         reports, of 'conform run --report json=PATH'
  conform diff order-a.json order-b.json error orders, of 'conform learn'

What is compared of reports: the verdict, the divergences, how each rule was
covered, capabilities and deviations. Of error orders: the codes, and which of
two rules is answered first. An order is a file of --profile or of --out.
{flags}

Exit codes: 0 the same, 1 something differs, 2 wrong usage or no such file.
`

func (p *process) diff(ctx context.Context, s *settings, paths []string) error {
	if len(paths) != 2 {
		return usagef("'conform diff' takes two files, not %d; see 'conform diff --help'", len(paths))
	}
	var data [2][]byte
	var err error
	for i, path := range paths {
		if data[i], err = readFile(ctx, "", path, maxReport); err != nil {
			return err
		}
	}
	d, err := reports.Compare(paths[0], data[0], paths[1], data[1])
	if err != nil {
		return usagef("%w", err)
	}
	if s.asJSON {
		err = plain.WriteJSON(p.stdout, d)
	} else {
		err = text.Diff(p.stdout, d, p.textOptions(s))
	}
	if err == nil && len(d.Differences) > 0 {
		return exitCode(reports.ExitDiverges)
	}
	return err
}

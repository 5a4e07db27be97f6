package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/insightconform/conform/internal/files"
	pipeline "github.com/insightconform/conform/internal/run"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/formats"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/reports/scripts"
)

const (
	maxFile   = 1 << 20  // of a file that people write: a configuration, an error order
	maxReport = 32 << 20 // of what is read as a report, so that a slip of the finger does not fill the memory
)

// readFile reads a file of at most so many bytes. Anything else is wrong usage; its errors begin with the given words.
func readFile(ctx context.Context, words, path string, most int64) ([]byte, error) {
	data, err := files.Read(ctx, nil, path, most)
	if err != nil {
		err = usagef("%s%w", words, err)
	}
	return data, err
}

// mustBeWritable sees that a file can be written, where one is named. words begin the error, and remedy ends it.
func mustBeWritable(words, path, remedy string) error {
	if err := files.CheckWritable(path); path != "" && err != nil {
		return usagef("%s: %w%s", words, err, remedy)
	}
	return nil
}

// mustWriteReports sees that the reports can be written that a flag asks for.
func (s *settings) mustWriteReports(flag string) error {
	for _, sink := range s.sinks {
		if err := mustBeWritable(flag+" "+sink.String(), sink.Path, "; give a path that can be written"); err != nil {
			return err
		}
	}
	return nil
}

// readProgress reads the report of --resume, where there is one to go on from.
func (s *settings) readProgress(ctx context.Context) error {
	if s.resume == "" {
		return nil
	}
	if err := mustBeWritable("--resume "+s.resume, s.resume, ""); err != nil {
		return err
	}
	if _, err := os.Stat(s.resume); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	earlier, err := readReports(ctx, nil, []string{s.resume})
	if err != nil {
		return err
	}
	s.run.Resume = earlier[0]
	for _, c := range earlier[0].Certificates {
		if c.Depth != s.run.Depth {
			return usagef("--resume %s: it is of --depth %d; give that, or another file to begin anew", s.resume, c.Depth)
		}
	}
	return nil
}

// saveProgress writes what was done, joined with what was done before. A run that tested nothing changes nothing.
func (s *settings) saveProgress(report *reports.Report) (*reports.Report, error) {
	if !report.Probed() {
		return report, nil
	}
	if s.run.Resume != nil {
		whole, err := reports.Continue(s.run.Resume, report)
		if err != nil {
			return report, usagef("--resume %s: %w; give another file to begin anew", s.resume, err)
		}
		reports.Judge(whole)
		report = whole
	}
	return report, files.Write(s.resume, func(w io.Writer) error { return reports.JSON(w, report) })
}

// tracesRoot has the folders of all targets.
const tracesRoot = "conform-traces"

// noTraces is the value of --traces that keeps none.
const noTraces = "none"

// tracesFolder is where the traces are kept, empty where none are: as told, or by target, URL and fault.
func (s *settings) tracesFolder() string {
	switch s.traces {
	case noTraces:
		return ""
	case "":
		name := s.target
		if u, err := url.Parse(s.endpoint.URL); s.target == targetEndpoint && err == nil {
			name += "-" + strings.NewReplacer(":", "-", "[", "", "]", "").Replace(u.Host)
		}
		name += plain.When(s.server.Fault != "", "-"+strings.ReplaceAll(s.server.Fault, "/", "_"))
		return filepath.Join(tracesRoot, name)
	}
	return s.traces
}

// readKnown reads the traces that are there from earlier runs.
func (s *settings) readKnown(ctx context.Context) error {
	folder := s.tracesFolder()
	if folder == "" {
		return nil
	}
	entries, err := os.ReadDir(folder)
	calls := func(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), reports.CallsPrefix) }
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(slices.DeleteFunc(entries, calls)) == 0 {
		return nil
	}
	if s.run.Traces, err = reports.ReadTraceFiles(ctx, folder); err != nil {
		return usagef("--traces: %w; remove the file, or give another folder", err)
	}
	return nil
}

func yamlFile(path string) bool {
	ext := strings.ToLower(filepath.Ext(path))
	return ext == ".yaml" || ext == ".yml"
}

// readBaseline reads the file of --baseline. One that is to be written need not be there.
func (s *settings) readBaseline(ctx context.Context) error {
	switch {
	case s.baseline == "" && s.updateBaseline:
		return usagef("--update-baseline needs --baseline FILE")
	case s.baseline == "":
		return nil
	case s.updateBaseline:
		if err := mustBeWritable("--baseline "+s.baseline, s.baseline, "; give a path that can be written"); err != nil {
			return err
		}
		if _, err := os.Stat(s.baseline); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	data, err := readFile(ctx, "--baseline: ", s.baseline, maxFile)
	if err != nil {
		return err
	}
	if s.run.Baseline, err = reports.ReadBaseline(data, yamlFile(s.baseline)); err != nil {
		return usagef("--baseline %s: %w; mend the file, or remove it and write it anew with --update-baseline", s.baseline, err)
	}
	return nil
}

// keep writes the traces and the baseline of a run, and removes the traces of what is fixed. A trace that cannot be
// written is a note: what was found stands in the report.
func (s *settings) keep(report *reports.Report) error {
	if folder := s.tracesFolder(); folder != "" {
		written, err := reports.WriteTraces(folder, report, s.account.KeepAccountIDs)
		if err != nil {
			report.Notes = append([]string{fmt.Sprintf("traces could not be written, and replay finds none: --traces %s: %v", folder, err)}, report.Notes...)
		} else if written > 0 {
			report.Notes = append([]string{"traces for 'conform export': " + folder}, report.Notes...)
		}
		for i, d := range report.Divergences {
			if d.Status == reports.Confirmed && d.Trace != "" {
				report.Divergences[i].Replay = s.replaying(&reports.Trace{Signature: d.Signature})
			}
		}
		for i, replay := range report.Replays {
			if s.prune && replay.Outcome == reports.ReplayFixed && i < len(s.run.Traces) {
				if err := os.Remove(s.run.Traces[i].Path); err != nil {
					return fmt.Errorf("--prune: %w", err)
				}
			}
		}
	}
	if s.updateBaseline && report.End != nil && !report.End.Early() {
		updated := reports.UpdatedBaseline(s.run.Baseline, report)
		if err := files.Write(s.baseline, func(w io.Writer) error { return updated.Write(w, yamlFile(s.baseline)) }); err != nil {
			return fmt.Errorf("--baseline %s: %w", s.baseline, err)
		}
		report.Notes = append(report.Notes, fmt.Sprintf("%s now lists %d known divergences; say in each why it is accepted", s.baseline, len(updated.Entries)))
	}
	return nil
}

const replayHelp = `Usage: conform replay TRACE|DIR|NAME|RULE… [flags]

Plays recorded divergences again, on the same target or another one, and says of
each: still diverges, now different, fixed, or not covered; with the steps, their
answers, what is expected and what came, where it diverges or is the only one. What is no file is
looked for in the folder of the target's traces: a name as the report of a run
gives it, or a rule.

  conform replay 3f80a1 --endpoint http://127.0.0.1:5000
  conform replay put/replaces-list --endpoint http://127.0.0.1:5000
  conform replay conform-traces/endpoint-127.0.0.1-5000 --endpoint http://127.0.0.1:5000
  conform replay trace.json                              on the embedded server

Exit codes: 0 all are fixed, 1 some diverge, 2 wrong usage or no trace, 3 nothing
could be replayed, 130 interrupted.
{flags}
`

func (p *process) replay(ctx context.Context, s *settings, paths []string) error {
	if len(paths) == 0 {
		return usagef("'conform replay' needs a trace, a folder of traces, or a rule; 'conform run' writes traces to conform-traces")
	}
	for _, sink := range s.sinks {
		if sink.Format == formats.NDJSON {
			return usagef("--report %s: a replay has no events; use one of text, json, html, junit, markdown", sink)
		}
	}
	if err := s.mustWriteReports("--report"); err != nil {
		return err
	}
	traces, err := s.tracesNamed(ctx, paths)
	if err != nil {
		return err
	}
	target, err := p.open(ctx, s)
	if err != nil {
		return err
	}
	options := s.runOptions()
	options.Command = s.replayingAll(paths)
	report, err := pipeline.Replay(ctx, target, traces, pipeline.Options(options))
	if err != nil {
		return err
	}
	return exitCode(p.writeReports(s.sinks, report, p.textOptions(s)))
}

// tracesNamed reads the traces that arguments name: files, folders, and by name or rule those in the target's folder.
func (s *settings) tracesNamed(ctx context.Context, names []string) (traces []*reports.Trace, err error) {
	for _, name := range names {
		named, err := reports.ReadTraceFiles(ctx, name)
		if errors.Is(err, fs.ErrNotExist) && reports.TraceName(name) {
			named, err = s.tracesCalled(ctx, name)
		} else if err != nil {
			err = unreadable(err)
		}
		if err != nil {
			return nil, err
		}
		traces = append(traces, named...)
	}
	return traces, nil
}

// unreadable says of a file that should be a trace what to do about it.
func unreadable(err error) error {
	return usagef("%w; give a trace, or a folder of traces, that 'conform run' has written", err)
}

// tracesCalled finds traces in the target's folder.
func (s *settings) tracesCalled(ctx context.Context, name string) ([]*reports.Trace, error) {
	folder := s.tracesFolder()
	if folder == "" {
		return nil, usagef("%s is no file, and --traces none leaves no folder to look for it; give --traces DIR", name)
	}
	if err := s.readKnown(ctx); err != nil {
		return nil, err
	}
	found := slices.DeleteFunc(slices.Clone(s.run.Traces), func(t *reports.Trace) bool {
		return t.Name() != name && string(t.Rule) != name
	})
	if len(found) == 0 {
		return nil, usagef("%s is no file, and %s has no trace of it; 'conform run' with the same target flags writes those of what it finds, and --traces DIR looks elsewhere", name, folder)
	}
	return found, nil
}

const exportHelp = `Usage: conform export TRACE|NAME|RULE --as curl|awscli|boto3|go|pytest

Writes a script of a few lines to standard output that shows a recorded divergence
to someone who does not have conform: it performs the steps at the endpoint of the
trace, or that of ENDPOINT_URL, says what is expected and what came, and cleans up.
What is no file is looked for below conform-traces: a name as the report of a run
gives it, or a rule.

A trace of several clients at once needs --as go and has one form. A race shows by
chance, so its test tries up to 200 times; a pass says that it did not show.

  conform export 3f80a1 --as curl
  conform export put/replaces-list --as pytest > test_divergence.py
{flags}

Exit codes: 0 the script was written, 2 wrong usage or no trace.
`

func (p *process) export(ctx context.Context, s *settings, args []string) error {
	if len(args) != 1 {
		return usagef("'conform export' takes one trace; give its name, its rule, or the path of its file")
	}
	if s.form == "" {
		return usagef("--as is missing; use one of %s", strings.Join(scripts.ShortForms, ", "))
	}
	trace, err := s.oneTrace(ctx, args[0])
	if err != nil {
		return err
	}
	write := scripts.Short
	if s.full {
		write = scripts.Export
	}
	script, err := write(trace, s.form)
	if errors.Is(err, scripts.ErrNoShortForm) && slices.Contains(scripts.Forms, s.form) {
		p.complain(err.Error() + "; this is the long one")
		script, err = scripts.Export(trace, s.form)
	}
	if err != nil {
		return usagef("--as %q: %w", s.form, err)
	}
	_, err = p.stdout.Write(script)
	return err
}

// oneTrace reads the trace that an argument names: a file, a folder of one, or a name or rule below the folder.
func (s *settings) oneTrace(ctx context.Context, name string) (*reports.Trace, error) {
	traces, err := reports.ReadTraceFiles(ctx, name)
	if errors.Is(err, fs.ErrNotExist) && reports.TraceName(name) && s.traces != noTraces {
		if s.traces == "" {
			s.traces = tracesRoot
		}
		traces, err = s.tracesCalled(ctx, name)
	} else if err != nil {
		err = unreadable(err)
	}
	if err != nil {
		return nil, err
	}
	if len(traces) != 1 {
		paths := plain.Texts(traces, func(t *reports.Trace) string { return t.Path })
		return nil, usagef("%s means %d traces; name one of them: %s", name, len(traces),
			plain.Alternatives(paths, 2*plain.MaxMessage))
	}
	return traces[0], nil
}

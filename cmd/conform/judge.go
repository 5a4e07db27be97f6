package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/insightconform/conform/internal/files"
	"github.com/insightconform/conform/internal/judge/recorded"
	pipeline "github.com/insightconform/conform/internal/run"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/formats"
	"github.com/insightconform/conform/reports/plain"
)

const judgeHelp = `Usage: conform judge FILE… [flags]

Holds calls that were recorded against the model. Nothing is sent. A FILE is found
by its content, and may be a folder of
  CloudTrail log files, gzipped or not, as they are delivered to S3;
or a file with
  what 'aws cloudtrail lookup-events' prints,
  HTTP exchanges as HAR 1.2, or a cassette of vcrpy or go-vcr,
  what conform has written: a trace, a JSON report, the events of a run, the
  calls of several clients (calls-*.calls beside the traces), or the record of
  a proxy.

What was there before a recording begins is not known. So a rule is violated only
where no state explains an answer.

  conform judge AWSLogs/123456789012/CloudTrail/
  conform judge --report html=answers.html recording.har
  conform judge --evidence seen.json events.json

Exit codes: 0 at least one call was judged and none contradicts a rule, 1 one does at
or above --fail-on, 2 wrong usage or a file that cannot be read, 3 nothing could be
judged.
{flags}
`

// judge judges what was recorded.
func (p *process) judge(ctx context.Context, s *settings, paths []string) error {
	if len(paths) == 0 {
		return usagef("'conform judge' needs recordings: conform judge FILE…; 'conform judge --help' lists what can be read")
	}
	for _, sink := range s.sinks {
		if sink.Format == formats.NDJSON {
			return usagef("--report %s: judging has no events; use one of text, json, html, junit, markdown", sink)
		}
	}
	if err := s.mustWriteReports("--report"); err != nil {
		return err
	}
	if err := mustBeWritable("--evidence "+s.evidence, s.evidence, "; give a path that can be written"); err != nil {
		return err
	}
	options := s.run
	options.Command, options.Version = "", shortVersion()
	report, seen, err := pipeline.JudgeFiles(ctx, paths, pipeline.Options(options), p.reading(s))
	switch {
	case errors.Is(err, recorded.ErrInput):
		return usagef("%w; 'conform judge --help' lists what can be read", err)
	case err != nil:
		return usagef("%w", err)
	}
	code := p.writeReports(s.sinks, report, p.textOptions(s))
	if s.evidence != "" {
		if err := files.Write(s.evidence, seen.Write); err != nil {
			p.complain("--evidence " + s.evidence + ": " + err.Error())
			code = reports.WorseExit(code, exitCodeOf(ctx, err))
		}
	}
	return exitCode(code)
}

// reading tells at a terminal how much was read, and how long the rest will take.
func (p *process) reading(s *settings) func(read, total int64) {
	if _, live := p.terminal(p.stderr); s.quiet || !live {
		return nil
	}
	begun, last := time.Now(), time.Time{}
	return func(read, total int64) {
		if now := time.Now(); now.Sub(last) > time.Second && now.Sub(begun) > 2*time.Second && read > 0 {
			last = now
			left := time.Duration(float64(now.Sub(begun)) / float64(read) * float64(total-read)).Seconds()
			fmt.Fprintf(p.stderr, "read %d of %d MiB, %s left\n", read>>20, total>>20, plain.Duration(left))
		}
	}
}

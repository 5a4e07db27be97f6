package main

import (
	"context"

	pipeline "github.com/insightconform/conform/internal/run"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/formats"
)

const judgeHelp = `Usage: conform judge FILE… [flags]

Holds what several clients called at once, and were answered, against the rules
concurrent/* again. Nothing is sent. A file is one of the calls-*.calls that 'conform
run --suite concurrent' keeps beside its traces, or such a trace.

  conform judge conform-traces/endpoint-127.0.0.1-5000/calls-1.calls
  conform judge --fail-on inferred --report html=races.html conform-traces/*/*.calls

Exit codes: 0 nothing contradicts a rule, 1 something does at or above --fail-on,
2 wrong usage or no history, 3 nothing could be judged.
{flags}
`

// judge judges recorded calls of several clients.
func (p *process) judge(ctx context.Context, s *settings, paths []string) error {
	if len(paths) == 0 {
		return usagef("'conform judge' needs files of calls; 'conform run --suite concurrent' keeps them beside its traces")
	}
	for _, sink := range s.sinks {
		if sink.Format == formats.NDJSON {
			return usagef("--report %s: judging has no events; use one of text, json, html, junit, markdown", sink)
		}
	}
	if err := s.mustWriteReports("--report"); err != nil {
		return err
	}
	var histories []*reports.Calls
	for _, path := range paths {
		calls, err := reports.ReadCalls(ctx, path)
		if err != nil {
			return usagef("%w; give files of calls, or traces of several clients, that 'conform run --suite concurrent' has written", err)
		}
		histories = append(histories, calls)
	}
	options := s.run
	options.Command, options.Version = "", shortVersion()
	report, err := pipeline.JudgeCalls(ctx, histories, pipeline.Options(options))
	if err != nil {
		return err
	}
	return exitCode(p.writeReports(s.sinks, report, p.textOptions(s)))
}

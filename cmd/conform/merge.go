package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/insightconform/conform/reports"
)

const mergeHelp = `Usage: conform merge FILE… [--report FORMAT[=PATH]]

Joins the JSON reports of the shards of one run, or of a run and those that went
on with it, into one report: what was found, what was covered, and the tests of
the complete suites, so that a certificate may hold for the whole.

  conform run --suite complete --shard 1/2 --report json=1.json
  conform run --suite complete --shard 2/2 --report json=2.json
  conform merge 1.json 2.json --report text --report json=whole.json

Flags
  --report FORMAT[=PATH]  as of 'conform run' (default text)

Exit codes are those of 'conform run', for the whole; 2 where the reports do not
belong together.
`

func (p *process) mergeCommand() *cobra.Command {
	return settingsCommand("merge FILE…", "Join the reports of the shards of a run", mergeHelp, p.merge, "report")
}

func (p *process) merge(_ context.Context, s *settings, paths []string) error {
	if len(paths) == 0 {
		return usagef("'conform merge' needs JSON reports: conform merge 1.json 2.json")
	}
	parts, err := readReports(nil, paths)
	if err != nil {
		return err
	}
	whole, err := reports.Join(parts...)
	if err != nil {
		return usagef("merge: %w", err)
	}
	reports.Judge(whole)
	return ended(p.writeReports(s.wanted(), whole, p.textOptions(s)))
}

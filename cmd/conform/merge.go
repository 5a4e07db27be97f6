package main

import (
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
	s := defaultSettings()
	cmd := &cobra.Command{
		Use:   "merge FILE…",
		Short: "Join the reports of the shards of a run",
		Long:  mergeHelp,
		RunE:  func(_ *cobra.Command, args []string) error { return p.merge(&s, args) },
	}
	addFlags(cmd, &s, "report")
	return cmd
}

func (p *process) merge(s *settings, paths []string) error {
	if len(paths) == 0 {
		return usagef("'conform merge' needs JSON reports: conform merge 1.json 2.json")
	}
	var parts []*reports.Report
	for _, path := range paths {
		part, err := readReport(nil, path)
		if err != nil {
			return err
		}
		parts = append(parts, part)
	}
	whole, err := reports.Join(parts...)
	if err != nil {
		return usagef("merge: %w", err)
	}
	reports.Judge(whole)
	return ended(p.writeReports(s, whole, p.textOptions(s)))
}

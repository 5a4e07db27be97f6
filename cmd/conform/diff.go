package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/reports/text"
)

const diffHelp = `Usage: conform diff A B [flags]

Says what differs between two JSON reports, or between two error orders: an
emulator and another one, or two versions of the same.

  conform diff old.json new.json         reports, of 'conform run --report json=PATH'
  conform diff order-a.json order-b.json error orders, of 'conform learn'

What is compared of reports: the verdict, the divergences, how each rule was
covered, capabilities and deviations. Of error orders: the codes, and which of
two rules is answered first. An order is a file of --profile or of --out.

Flags
  --json  write the differences as JSON

Exit codes: 0 the same, 1 something differs, 2 wrong usage or no such file.
`

func (p *process) diffCommand() *cobra.Command {
	var machine bool
	cmd := newCommand("diff A B", "Compare two reports or two error orders", diffHelp,
		func(_ context.Context, args []string) error { return p.diff(args, machine) })
	cmd.Flags().BoolVar(&machine, "json", false, "write the differences as JSON")
	return cmd
}

func (p *process) diff(paths []string, machine bool) error {
	if len(paths) != 2 {
		return usagef("'conform diff' takes two files, not %d; see 'conform diff --help'", len(paths))
	}
	var data [2][]byte
	var err error
	for i, path := range paths {
		if data[i], err = readWholeFile(path); err != nil {
			return err
		}
	}
	d, err := reports.Compare(paths[0], data[0], paths[1], data[1])
	if err != nil {
		return usagef("%w", err)
	}
	if machine {
		err = plain.WriteJSON(p.stdout, d)
	} else {
		err = text.Diff(p.stdout, d, p.textOptions(&settings{}))
	}
	if err == nil && len(d.Differences) > 0 {
		return exitCode(reports.ExitDiverges)
	}
	return err
}

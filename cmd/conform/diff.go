package main

import (
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/insightconform/conform/reports"
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
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Compare two reports or two error orders",
		Long:  diffHelp,
		RunE:  func(_ *cobra.Command, args []string) error { return p.diff(args, machine) },
	}
	cmd.Flags().BoolVar(&machine, "json", false, "write the differences as JSON")
	return cmd
}

func (p *process) diff(paths []string, machine bool) error {
	if len(paths) != 2 {
		return usagef("'conform diff' takes two files, not %d; see 'conform diff --help'", len(paths))
	}
	var data [2][]byte
	for i, path := range paths {
		var err error
		if data[i], err = readWholeFile(path); err != nil {
			return err
		}
	}
	d, err := reports.Compare(paths[0], data[0], paths[1], data[1])
	if err != nil {
		return usagef("%w", err)
	}
	if machine {
		err = reports.DiffJSON(p.stdout, d)
	} else {
		err = text.Diff(p.stdout, d, p.textOptions(&settings{}))
	}
	if err == nil && len(d.Differences) > 0 {
		return exitCode(reports.ExitDiverges)
	}
	return err
}

// maxReport bounds what is read as a report, so that a slip of the finger does not fill the memory.
const maxReport = 512 << 20

// readWholeFile reads a file that conform may have written; anything else is wrong usage.
func readWholeFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, usagef("%w; give the path of a readable file", err)
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.IsDir() {
		return nil, usagef("%s is a directory; give the path of a file", path)
	}
	return readWhole(file, path)
}

func readWhole(in io.Reader, name string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(in, maxReport+1))
	switch {
	case err != nil:
		return nil, usagef("%s: %w", name, err)
	case len(data) > maxReport:
		return nil, usagef("%s is larger than %d bytes, so it cannot be what was meant", name, maxReport)
	}
	return data, nil
}

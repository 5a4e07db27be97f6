package main

import (
	"context"
	"fmt"
	"io"

	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/describe"
	"github.com/insightconform/conform/reports/formats"
	"github.com/insightconform/conform/reports/html"
	"github.com/insightconform/conform/reports/markdown"
	"github.com/insightconform/conform/reports/text"
)

const matrixHelp = `Usage: conform matrix FILE… [--to text|markdown|html[=PATH]]

Sets targets, such as emulators in their versions, side by side: how many rules of
each family they keep, and which not. FILE is what 'conform run --report json=FILE'
has written, one for each target; - is standard input. --name and --target-version
of the run are what a target is called.

  conform matrix moto-5.1.json moto-5.2.json mine.json
  conform matrix *.json --to markdown=emulators.md --to html=emulators.html

In HTML and Markdown each family opens into its rules.
Nothing is green that was not put to the test, nor what a run has that ended early.
{flags}

Exit codes: 0 the matrix was written, whatever the verdicts; 2 wrong usage, or a file
that is no report.
`

func (p *process) matrix(ctx context.Context, s *settings, paths []string) error {
	if len(paths) == 0 {
		return usagef("'conform matrix' needs reports; 'conform run --report json=FILE' writes one")
	}
	if err := s.mustWriteReports("--to"); err != nil {
		return err
	}
	list, err := readReports(ctx, p.stdin, paths)
	if err != nil {
		return err
	}
	for i, r := range list {
		if r.Shard != "" {
			return usagef("%s", notWhole(paths[i], r))
		}
		list[i] = describe.Shown(r)
	}
	m := reports.NewMatrix(list)
	for _, out := range s.sinks {
		options := p.textOptions(s)
		if out.Path != "" {
			options = text.Options{}
		}
		render := map[string]func(io.Writer) error{
			formats.Text:     func(w io.Writer) error { return text.Matrix(w, m, options) },
			formats.Markdown: func(w io.Writer) error { return markdown.Matrix(w, m) },
			formats.HTML:     func(w io.Writer) error { return html.WriteMatrix(w, m) },
		}[out.Format]
		if err := out.Render(p.stdout, render); err != nil {
			return fmt.Errorf("--to %s: %w", out, err)
		}
	}
	return nil
}

package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/insightconform/conform/internal/files"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/badge"
	"github.com/insightconform/conform/reports/describe"
	"github.com/insightconform/conform/reports/formats"
	"github.com/insightconform/conform/reports/html"
	"github.com/insightconform/conform/reports/markdown"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/reports/text"
)

const matrixHelp = `Usage: conform matrix FILE… [--to text|markdown|html|badge[=PATH]]

Sets targets, such as emulators in their versions, side by side: how many rules of
each family they keep, and which not. FILE is what 'conform run --report json=FILE'
has written, one for each target; - is standard input. --name and --target-version
of the run are what a target is called.

  conform matrix moto-5.1.json moto-5.2.json mine.json
  conform matrix *.json --to markdown=emulators.md --to html=emulators.html
  conform matrix mine.json --to badge=conform.svg
  conform matrix *.json --to badge=badges

In HTML and Markdown each family opens into its rules. A badge is an SVG picture of
one report; of several, one is written for each into a folder, named like its report.
Nothing is green that was not put to the test, nor what a run has that ended early.
{flags}

Exit codes: 0 the matrix was written, whatever the verdicts; 2 wrong usage, or a file
that is no report.
`

func (p *process) matrix(ctx context.Context, s *settings, paths []string) error {
	if len(paths) == 0 {
		return usagef("'conform matrix' needs reports; 'conform run --report json=FILE' writes one")
	}
	outputs, err := matrixOutputs(s.sinks, paths)
	if err != nil {
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
	for _, out := range outputs {
		options := p.textOptions(s)
		if out.Path != "" {
			options = text.Options{}
		}
		render := map[string]func(io.Writer) error{
			formats.Text:     func(w io.Writer) error { return text.Matrix(w, m, options) },
			formats.Markdown: func(w io.Writer) error { return markdown.Matrix(w, m) },
			formats.HTML:     func(w io.Writer) error { return html.WriteMatrix(w, m) },
			formats.Badge:    func(w io.Writer) error { return badge.Write(w, &m.Columns[out.report]) },
		}[out.Format]
		if out.folder != "" {
			err = os.MkdirAll(out.folder, 0o777)
		}
		if err = cmp.Or(err, out.Render(p.stdout, render)); err != nil {
			return fmt.Errorf("--to %s: %w", out, err)
		}
	}
	return nil
}

// matrixOutput is where a matrix is written to, or the badge of one of its reports, which may be a file of a folder.
type matrixOutput struct {
	formats.Sink
	report int
	folder string
}

// matrixOutputs says what is written, all of which can be. Badges of several reports go into a folder.
func matrixOutputs(sinks []formats.Sink, paths []string) (all []matrixOutput, err error) {
	for _, sink := range sinks {
		info, problem := os.Stat(sink.Path)
		isFolder := len(paths) > 1 || problem == nil && info.IsDir() || strings.HasSuffix(sink.Path, "/")
		switch {
		case sink.Format != formats.Badge || !isFolder:
			all = append(all, matrixOutput{Sink: sink})
			err = mustBeWritable("--to "+sink.String(), sink.Path, "; give a path that can be written")
		case problem == nil && !info.IsDir():
			err = usagef("--to %s is a file; name a folder for the badges of %d reports", sink, len(paths))
		case sink.Path == "":
			err = usagef("--to badge: %d reports have a badge each; give a folder for them with --to badge=FOLDER", len(paths))
		default:
			for i, name := range badgeNames(paths) {
				path := filepath.Join(sink.Path, name)
				if slices.ContainsFunc(all, func(o matrixOutput) bool { return o.Path == path }) {
					return nil, usagef("--to %s: two reports would have the badge %s; name their files differently", sink, path)
				}
				all = append(all, matrixOutput{formats.Sink{Format: formats.Badge, Path: path}, i, sink.Path})
			}
			if err = files.CheckFolder(sink.Path); err != nil {
				err = usagef("--to %s: %w; give a folder that can be written", sink, err)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// badgeNames are the names of the files of reports, with those of their folders where several files have one name.
func badgeNames(paths []string) []string {
	name := func(path string) string { return strings.TrimSuffix(path, filepath.Ext(path)) + ".svg" }
	count := map[string]int{}
	for _, path := range paths {
		count[name(filepath.Base(path))]++
	}
	return plain.Texts(paths, func(path string) string {
		if base := name(filepath.Base(path)); count[base] == 1 {
			return strings.TrimPrefix(base, "-")
		}
		return strings.Trim(strings.ReplaceAll(name(filepath.Clean(path)), string(filepath.Separator), "-"), "-.")
	})
}

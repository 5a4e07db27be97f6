package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/insightconform/conform/internal/files"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/formats"
	"github.com/insightconform/conform/reports/html"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/reports/text"
)

const historyHelp = `Usage: conform history FILE|DIR… [--to text|html[=PATH]]

Shows what became of each rule from run to run, such as those of each night:
since when a rule fails, whether steadily or in some runs alone, and when it was
fixed. FILE is what 'conform run --report json=FILE' has written; a folder stands
for all reports in it and below, whatever their names.

  conform history nightly/
  conform history monday.json tuesday.json --to html=history.html

Runs are in the order in which they began. Reports of different targets are kept
apart; --name tells targets apart that listen at one URL, and holds those together
that listen at several. In a folder, what is no whole report is skipped, and named.
{flags}

Exit codes: 0 the history was written, whatever it says; 2 wrong usage, or a file
that is no report.
`

// maxNights bounds how many reports make a history.
const maxNights = 2000

func (p *process) history(ctx context.Context, s *settings, paths []string) error {
	if len(paths) == 0 {
		return usagef("'conform history' needs reports, or a folder of them; 'conform run --report json=FILE' writes one")
	}
	for _, sink := range s.sinks {
		if sink.Format != formats.Text && sink.Format != formats.HTML {
			return usagef("--to %s: a history is written as text or html", sink)
		}
	}
	if err := s.mustWriteReports("--to"); err != nil {
		return err
	}
	var nights nights
	for _, path := range paths {
		if err := nights.read(ctx, p.stdin, path); err != nil {
			return err
		}
	}
	list := reports.Chronicle(nights.reports, nights.files)
	for _, sink := range s.sinks {
		options := p.textOptions(s)
		if sink.Path != "" {
			options = text.Options{}
		}
		render := func(w io.Writer) error { return text.Histories(w, list, nights.skipped, options) }
		if sink.Format == formats.HTML {
			render = func(w io.Writer) error { return html.WriteHistories(w, list, nights.skipped) }
		}
		if err := sink.Render(p.stdout, render); err != nil {
			return fmt.Errorf("--to %s: %w", sink, err)
		}
	}
	return nil
}

// nights are the reports that a history is made of.
type nights struct {
	reports []*reports.Report
	files   []string
	skipped []string // with the reason
}

// read reads a report, or all those in a folder.
func (n *nights) read(ctx context.Context, stdin io.Reader, path string) error {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		list, err := readReports(ctx, stdin, []string{path})
		if err == nil && list[0].Shard != "" {
			err = usagef("%s", notWhole(path, list[0]))
		}
		if err != nil {
			return err
		}
		return n.add(path, list[0])
	}
	before := len(n.reports)
	err := filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		} else if err != nil {
			n.skipped = append(n.skipped, err.Error())
			return nil
		} else if entry.IsDir() || strings.ToLower(filepath.Ext(file)) != ".json" {
			return nil
		}
		data, err := files.Read(ctx, nil, file, maxReport)
		if err == nil && isOther(data) {
			return nil
		}
		var r *reports.Report
		if err == nil {
			r, err = reports.ReadJSON(data)
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			n.skipped = append(n.skipped, plain.When(!strings.Contains(err.Error(), file), file+": ")+err.Error())
			return nil
		case r.Shard != "":
			n.skipped = append(n.skipped, notWhole(file, r))
			return nil
		}
		reports.Judge(r)
		return n.add(file, r)
	})
	if err == nil && len(n.reports) == before {
		err = usagef("%s: the folder has no report that 'conform run --report json=FILE' has written%s", path,
			plain.When(len(n.skipped) > 0, "; "+strings.Join(n.skipped[:min(1, len(n.skipped))], "")))
	}
	return err
}

// isOther reports whether JSON says that it is something else of conform, such as a trace.
func isOther(data []byte) bool {
	var head struct {
		Schema string `json:"schema"`
	}
	_ = json.Unmarshal(data, &head) // a report that is damaged will say so
	return strings.HasPrefix(head.Schema, "conform/") && head.Schema != reports.Schema
}

func notWhole(file string, r *reports.Report) string {
	return fmt.Sprintf("%s: is of shard %s; 'conform merge' joins it with the others", file, plain.Text(r.Shard))
}

func (n *nights) add(file string, r *reports.Report) error {
	if len(n.reports) == maxNights {
		return usagef("there are more than %d reports; give fewer", maxNights)
	}
	kept := *r // which is what a history looks at: thousands of reports with their requests would not fit
	kept.Timeline, kept.Coverage.Walk = nil, nil
	kept.Divergences = nil
	for _, d := range r.Divergences {
		kept.Divergences = append(kept.Divergences, reports.Divergence{Rule: d.Rule, Status: d.Status, Signature: d.Signature, Level: d.Level})
	}
	n.reports, n.files = append(n.reports, &kept), append(n.files, file)
	return nil
}

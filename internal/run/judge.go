package run

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/insightconform/conform/internal/concurrent"
	"github.com/insightconform/conform/internal/judge"
	"github.com/insightconform/conform/internal/judge/recorded"
	"github.com/insightconform/conform/model/evidence"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/targets"
)

// JudgeFiles holds what is recorded in files and folders against the model, and sends nothing. Of the options FailOn is the
// level that fails, and Settle how long the real service may take to show a change. progress, where not nil, is told how many
// bytes were read, of how many. What the real service's answers settle comes with the report. Errors are those of
// wrong options, and of files that cannot be read or hold no history.
func JudgeFiles(ctx context.Context, paths []string, options Options, progress func(read, total int64)) (*reports.Report, *evidence.File, error) {
	if err := options.Normalize(); err != nil {
		return nil, nil, err
	}
	report := judge.NewReport(options.Version, options.Command, options.FailOn, targets.Info{Name: "recorded"})
	own, others, err := sorted(paths)
	if err != nil {
		return nil, nil, err
	}
	j := judge.New(options.Settle)
	for _, path := range own {
		histories, format, err := reports.ReadHistories(ctx, path)
		if err != nil {
			return nil, nil, err
		}
		report.Recorded.Files[format]++
		for _, c := range histories {
			report.Target = c.Target
			if c.Several() {
				judgeCalls(report, c)
			} else {
				j.Case(c)
			}
		}
	}
	if len(others) > 0 {
		give := func(x recorded.Exchange) error { j.Exchange(x); return nil }
		gap := func(g recorded.Gap) error { j.Gap(g); return nil }
		summary, err := recorded.Read(ctx, others, recorded.Options{Progress: progress}, give, gap)
		switch {
		case ctx.Err() != nil:
			report.End.Interrupted = reports.ReasonInterrupted
		case err != nil:
			return nil, nil, err
		case summary.Exchanges+summary.Others == 0 && len(own) == 0 && len(summary.Skipped) > 0:
			skip := summary.Skipped[0]
			return nil, nil, fmt.Errorf("%w: nothing is left to read: %s is %s", recorded.ErrInput, skip.At, skip.Reason)
		}
		judge.Took(report, summary)
	}
	j.Finish()
	j.Fill(report)
	report.DurationSeconds = time.Since(report.Started).Seconds()
	reports.Judge(report)
	return report, j.Settled.File(), nil
}

// sorted tells what conform itself has written from what others have recorded. A folder is either.
func sorted(paths []string) (own, others []string, err error) {
	for _, path := range paths {
		info, err := os.Stat(path)
		if err == nil && info.IsDir() {
			path, own, err = folder(path, own)
		} else if err == nil {
			var format string
			if format, err = recorded.Sniff(path); format == "" && err == nil {
				own, path = append(own, path), ""
			}
		}
		if err != nil {
			return nil, nil, err
		}
		if path != "" {
			others = append(others, path)
		}
	}
	return own, others, nil
}

// folder adds the files in which conform has written traces and calls, where a folder has nothing else that is recorded.
func folder(path string, own []string) (other string, all []string, err error) {
	all = own
	err = filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		switch format, err := recorded.Sniff(file); {
		case err != nil:
			return err
		case format != "":
			return fs.SkipAll
		case slices.Contains([]string{".json", ".ndjson", reports.CallsEnding}, filepath.Ext(file)):
			all = append(all, file)
		}
		return nil
	})
	if err != nil || len(all) > len(own) {
		return "", all, err
	}
	return path, own, nil
}

// judgeCalls holds a history of several clients against the rules concurrent/*.
func judgeCalls(report *reports.Report, c *reports.Calls) {
	found, verdict := concurrent.JudgeStored(c)
	report.Recorded.Exchanges += len(c.Steps)
	switch {
	case len(found)+len(verdict.Judged) > 0:
		report.Recorded.Judged += len(c.Steps)
	case len(verdict.Unknown) > 0:
		report.Recorded.Skip("too long to be searched for an order of the calls in time", len(c.Steps))
	default:
		report.Recorded.Skip("no calls overlap", len(c.Steps))
	}
	if len(verdict.Unknown) > 0 {
		note := fmt.Sprintf("%s: the calls on %s were too long to be searched for an order in time", c.Path, plain.Counted(len(verdict.Unknown), "resource"))
		report.Notes = append(report.Notes, note)
	}
	for _, id := range verdict.Judged {
		if !slices.ContainsFunc(found, func(d reports.Divergence) bool { return d.Rule == id }) {
			report.Coverage.Rules[id] = reports.RuleCoverage{Applicable: true, Exercised: true, Violated: report.Coverage.Rules[id].Violated}
		}
	}
	for _, d := range found {
		d.History = c.Path
		report.AddRecorded(d)
	}
}

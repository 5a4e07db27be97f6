package main

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/insightconform/conform/internal/files"
	"github.com/insightconform/conform/reports"
)

// readProgress reads the report of --resume, where there is one to go on from.
func (s *settings) readProgress() error {
	if s.resume == "" {
		return nil
	}
	if err := mustBeWritable("--resume "+s.resume, s.resume, ""); err != nil {
		return err
	}
	if _, err := os.Stat(s.resume); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	earlier, err := readReports(nil, []string{s.resume})
	if err != nil {
		return err
	}
	s.run.Resume = earlier[0]
	for _, c := range earlier[0].Certificates {
		if c.Depth != s.run.Depth {
			return usagef("--resume %s: it is of --depth %d; give that, or another file to begin anew", s.resume, c.Depth)
		}
	}
	return nil
}

// saveProgress writes what was done, joined with what was done before.
func (s *settings) saveProgress(report *reports.Report) (*reports.Report, error) {
	if s.run.Resume != nil {
		whole, err := reports.Continue(s.run.Resume, report)
		if err != nil {
			return report, usagef("--resume %s: %w; give another file to begin anew", s.resume, err)
		}
		reports.Judge(whole)
		report = whole
	}
	return report, files.Write(s.resume, func(w io.Writer) error { return reports.JSON(w, report) })
}

package main

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/insightconform/conform/internal/files"
	"github.com/insightconform/conform/reports"
)

// readProgress reads the report of --resume; nil is a run from the beginning.
func (s *settings) readProgress() (*reports.Report, error) {
	if s.resume == "" {
		return nil, nil
	}
	if err := mustBeWritable("--resume "+s.resume, s.resume, ""); err != nil {
		return nil, err
	}
	if _, err := os.Stat(s.resume); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	earlier, err := readReport(nil, s.resume)
	if err != nil {
		return nil, err
	}
	for _, c := range earlier.Certificates {
		if c.Depth != s.depth {
			return nil, usagef("--resume %s: it is of --depth %d; give that, or another file to begin anew", s.resume, c.Depth)
		}
	}
	return earlier, nil
}

// saveProgress writes what was done, joined with what was done before.
func (s *settings) saveProgress(earlier, report *reports.Report) (*reports.Report, error) {
	whole := report
	if earlier != nil {
		var err error
		if whole, err = reports.Continue(earlier, report); err != nil {
			return report, usagef("--resume %s: %w; give another file to begin anew", s.resume, err)
		}
		reports.Judge(whole)
	}
	return whole, files.Write(s.resume, func(w io.Writer) error { return reports.JSON(w, whole) })
}

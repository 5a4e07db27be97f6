package main

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/insightconform/conform/internal/files"
	"github.com/insightconform/conform/reports"
)

const (
	maxFile   = 1 << 20   // of a file that people write: a configuration, an error order
	maxReport = 512 << 20 // of what is read as a report, so that a slip of the finger does not fill the memory
)

// readSmallFile reads a file that a person wrote and a setting names; anything else is wrong usage.
func readSmallFile(setting, path string) ([]byte, error) {
	return readFile("--"+setting+": ", path, maxFile)
}

// readWholeFile reads a file that conform may have written; anything else is wrong usage.
func readWholeFile(path string) ([]byte, error) { return readFile("", path, maxReport) }

// readFile reads a file of at most so many bytes. Its errors begin with the given words.
func readFile(words, path string, most int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, usagef("%s%w; give the path of a readable file", words, err)
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.IsDir() {
		return nil, usagef("%s%s is a directory; give the path of a file", words, path)
	}
	return readBounded(file, words+path, most)
}

func readBounded(in io.Reader, name string, most int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(in, most+1))
	switch {
	case err != nil:
		return nil, usagef("%s: %w", name, err)
	case int64(len(data)) > most:
		return nil, usagef("%s is larger than %d bytes; give the file that was meant", name, most)
	}
	return data, nil
}

// mustBeWritable sees that a file can be written, where one is named. words begin the error, and remedy ends it.
func mustBeWritable(words, path, remedy string) error {
	if err := files.CheckWritable(path); path != "" && err != nil {
		return usagef("%s: %w%s", words, err, remedy)
	}
	return nil
}

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

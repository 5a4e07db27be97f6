package reports

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/insightconform/conform/internal/files"
	"github.com/insightconform/conform/model"
)

// The outcomes of a replay.
const (
	ReplayDiverges   = "still diverges"
	ReplayFixed      = "fixed"
	ReplayDifferent  = "now different" // it diverges, in another way
	ReplayNotCovered = "not covered"
	ReplayExpired    = "expired" // of a baseline entry whose day has passed
)

// Replay is what became of one recorded divergence on a target.
type Replay struct {
	Signature string   `json:"signature"`
	Rule      model.ID `json:"rule,omitempty"`
	File      string   `json:"file,omitempty"`
	Outcome   string   `json:"outcome"`
	Why       string   `json:"why,omitempty"` // what is different, or what is not covered
	// Stale says of a baseline entry that it must go, and Mend how.
	Stale bool   `json:"stale,omitempty"`
	Mend  string `json:"mend,omitempty"`
}

// Diverges reports whether the target still does not conform.
func (r Replay) Diverges() bool { return r.Outcome == ReplayDiverges || r.Outcome == ReplayDifferent }

// Stale lists the entries of the baseline that must go.
func (r *Report) Stale() []Replay {
	return slices.DeleteFunc(slices.Clone(r.Baseline), func(e Replay) bool { return !e.Stale })
}

// TraceFile is a trace with the file that it was read from.
type TraceFile struct {
	Path  string
	Trace *Trace
}

// ReadTraceFiles reads a trace from a file, or those in the .json files of a folder and the folders below it. A folder
// without traces, and anything that is no trace, is an error that names the file.
func ReadTraceFiles(path string) (traces []TraceFile, err error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	err = filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || file != path && filepath.Ext(file) != ".json" {
			return err
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		trace, err := readTrace(data)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		traces = append(traces, TraceFile{file, trace})
		return nil
	})
	if err == nil && len(traces) == 0 {
		err = fmt.Errorf("%s: the folder has no traces; give one that 'conform run' has written", path)
	}
	return traces, err
}

// WriteTraces writes the trace of each confirmed divergence into a folder, each file atomically, notes
// in the report where it is, and returns their names.
func WriteTraces(folder string, r *Report, keepAccounts bool) ([]string, error) {
	var files []string
	for i := range r.Divergences {
		d := &r.Divergences[i]
		if d.Status != Confirmed {
			continue
		}
		path, err := WriteTrace(folder, NewTrace(r, *d, keepAccounts))
		if err != nil {
			return files, err
		}
		d.Trace = path
		files = append(files, path)
	}
	return files, nil
}

// WriteTrace writes a trace into a folder, which is made where it is missing, and returns its name.
func WriteTrace(folder string, t *Trace) (string, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	path := filepath.Join(folder, t.fileName())
	return path, files.Write(path, t.JSON)
}

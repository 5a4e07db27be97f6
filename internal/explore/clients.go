package explore

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/insightconform/conform/internal/concurrent"
	"github.com/insightconform/conform/internal/files"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
)

// concurrent runs the suite of several clients by one worker, and reports whether it was finished.
func (x *Exploration) concurrent(ctx context.Context) bool {
	return x.each(func(i int, w *Worker) bool {
		if i > 0 || !w.Client.Can(model.CanOverlap) {
			return true
		}
		quota := w.Client.Quota
		w.Client.Quota = min(quota, w.Client.Requests+concurrent.Requests)
		defer func() { w.Client.Quota = quota }()
		var err error
		x.Races, err = concurrent.Run(ctx, w.Client, concurrent.Options{Seed: x.options.Seed, Clients: x.options.Clients,
			ShrinkRequests: x.options.ShrinkRequests, Note: w.Client.Note, Keep: x.keeper(w.Client.Note)})
		return err == nil && ctx.Err() == nil
	})
}

// maxHistories bounds the files of calls that a run keeps.
const maxHistories = 20

// keeper keeps the histories of several clients in a folder: the last one, and each that shows something, with a page
// that porcupine draws of the first resource whose calls have no order. nil keeps none.
func (x *Exploration) keeper(note func(string)) func(*concurrent.History, *concurrent.Verdict) string {
	folder := x.options.Histories
	if folder == "" {
		return nil
	}
	older, _ := filepath.Glob(filepath.Join(folder, "calls-*")) // of another run
	for _, file := range older {
		_ = os.Remove(file)
	}
	shown := 0
	return func(h *concurrent.History, verdict *concurrent.Verdict) string {
		name := filepath.Join(folder, "calls-last")
		if verdict != nil {
			if shown++; shown > maxHistories {
				return ""
			}
			name = filepath.Join(folder, fmt.Sprintf("calls-%d", shown))
		}
		err := os.MkdirAll(folder, 0o755)
		if err == nil {
			err = reports.WriteCalls(name+reports.CallsEnding, &reports.Calls{Version: x.options.Version, Target: x.Subject.Info, Schedule: h.Schedule, Steps: h.Steps()})
		}
		if names := verdict.Disorders(); len(names) > 0 && err == nil {
			err = files.Write(name+".html", func(w io.Writer) error { return h.Visualize(w, names[0]) })
		}
		if err != nil {
			note("the calls of several clients are not kept: " + err.Error())
			return ""
		}
		return name + reports.CallsEnding
	}
}

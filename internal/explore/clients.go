package explore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/insightconform/conform/internal/concurrent"
	"github.com/insightconform/conform/internal/files"
	"github.com/insightconform/conform/internal/probe"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
)

// What several clients take of a run that names no suites: of its requests and of its time, within the first; and of
// what is left when random requests begin, which would take it all.
const (
	clientsPart    = 5 // one of so many
	clientsTime    = 10 * time.Second
	clientsOfRest  = 3 // of
	wholeOfTheRest = 8
)

// SuitesOf are the suites that a run names, or else those that fit the target.
func (o *Options) SuitesOf(subject *probe.Subject) []string {
	suites := o.Named()
	if o.Suites == nil && (o.Clients == 1 || subject.Apart() != "") {
		return slices.DeleteFunc(slices.Clone(suites), func(suite string) bool { return suite == Concurrent })
	}
	return suites
}

// overlap says whether several clients may be part of the run.
func (o *Options) overlap() probe.Overlap {
	raced := func(t *reports.Trace) bool { return concurrent.Overlaps(t.Steps) }
	switch {
	case slices.Contains(o.Suites, Concurrent), slices.ContainsFunc(o.Traces, raced):
		return probe.Asked
	case slices.Contains(o.Named(), Concurrent) && o.Clients != 1:
		return probe.Together
	}
	return probe.Apart
}

// clientsShare is how many requests several clients send, beside so many others of the run where it names no suites.
func (o *Options) clientsShare(others int) int {
	n := share(concurrent.Requests, o.Shard.Index, max(1, o.Shard.Count))
	switch {
	case o.inPart() && o.Requests > 0:
		return min(n, o.Requests/clientsPart)
	case o.inPart():
		return min(n, others/(clientsPart-1))
	case o.Requests > 0:
		return min(n, o.Requests)
	}
	return n
}

// beside reports whether several clients are a part of a run that names no suites.
func (x *Exploration) beside() bool {
	return x.options.inPart() && slices.Contains(x.suites, Concurrent)
}

// sent counts what the suites have sent, those of the run that goes on included.
func (x *Exploration) sent() (requests int) {
	for _, w := range x.Workers {
		requests += w.Client.Requests
	}
	if x.options.Resume != nil {
		requests += x.options.Resume.Requests
	}
	return requests
}

// reserve takes from the random suite what several clients will need of the requests and the time that the run has.
func (x *Exploration) reserve(ctx context.Context) (context.Context, context.CancelFunc) {
	if !x.beside() {
		return ctx, func() {}
	}
	if x.options.Requests > 0 {
		left := 0
		for _, w := range x.Workers {
			left += max(0, w.Client.Quota-w.Client.Requests)
		}
		n := min(x.options.clientsShare(0), left*clientsOfRest/wholeOfTheRest)
		for i, w := range x.Workers {
			w.Client.Quota -= share(n, i, len(x.Workers))
		}
	}
	end, bounded := ctx.Deadline()
	if total := x.options.Time; bounded && total > 0 {
		kept := min(clientsTime, total/clientsPart, time.Until(end)*clientsOfRest/wholeOfTheRest)
		timed, cancel := context.WithDeadline(ctx, end.Add(-kept))
		timer := time.AfterFunc(time.Until(end)-total/TryAgain-kept, func() {
			if x.Subject.Status.Suspicions.Load() > 0 {
				cancel()
			}
		})
		return timed, func() { timer.Stop(); cancel() }
	}
	return ctx, func() {}
}

// concurrent runs the suite of several clients by one worker, and reports whether it was finished.
func (x *Exploration) concurrent(ctx context.Context) bool {
	return x.each(func(i int, w *Worker) bool {
		client := w.Client
		if i > 0 || !client.Can(model.CanOverlap) {
			return true
		}
		made := missing(x.options.Histories)
		o := concurrent.Options{Seed: x.options.Seed + uint64(w.part)*0x9e3779b97f4a7c15, Clients: x.options.Clients,
			ShrinkRequests: x.options.ShrinkRequests, Note: client.Note, Keep: x.keeper(client.Note), Confirm: w.Player.Client}
		if x.options.StopAtFirst && !x.options.FailFast { // nothing is made smaller then
			o.ShrinkRequests = 1
		}
		quota := client.Quota
		defer func() { client.Quota = quota }()
		n := x.options.clientsShare(x.sent())
		if client.Quota = min(quota, client.Requests+n); x.beside() {
			o.Beside, o.Time = true, clientsTime
			if x.options.Requests > 0 { // all that the others have left
				n = min(n, x.options.Requests-x.sent())
			}
			client.Quota = client.Requests + n
		}
		var err error
		if x.Races, err = concurrent.Run(ctx, client, o); x.beside() && len(x.Races) == 0 {
			forget(x.options.Histories, made)
		}
		return err == nil && ctx.Err() == nil && n > 0
	})
}

// forget removes the last history of a run that found nothing, and the folders that were made for it.
func forget(folder string, made []string) {
	_ = os.Remove(filepath.Join(folder, lastCalls+reports.CallsEnding))
	for _, folder := range made {
		_ = os.Remove(folder) // unless something else is there
	}
}

// missing lists the folder and those above it that are not there, from below.
func missing(folder string) (all []string) {
	for ; folder != ""; folder = filepath.Dir(folder) {
		if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		all = append(all, folder)
	}
	return all
}

const lastCalls = reports.CallsPrefix + "last"

// maxHistories bounds the files of calls that a run keeps.
const maxHistories = 20

// keeper keeps the histories of several clients in a folder: the last one, and each that shows something, with a page
// that porcupine draws of the first resource whose calls have no order. nil keeps none.
func (x *Exploration) keeper(note func(string)) func(*concurrent.History, *concurrent.Verdict) string {
	folder := x.options.Histories
	if folder == "" {
		return nil
	}
	older, _ := filepath.Glob(filepath.Join(folder, reports.CallsPrefix+"*")) // of another run
	for _, file := range older {
		_ = os.Remove(file)
	}
	shown := 0
	return func(h *concurrent.History, verdict *concurrent.Verdict) string {
		name := filepath.Join(folder, lastCalls)
		if verdict != nil {
			if shown++; shown > maxHistories {
				return ""
			}
			name = filepath.Join(folder, fmt.Sprint(reports.CallsPrefix, shown))
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

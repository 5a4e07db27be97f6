package proxy

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/insightconform/conform/internal/files"
	"github.com/insightconform/conform/internal/judge/recorded"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/events"
	"github.com/insightconform/conform/reports/plain"
)

// record is the file that keeps the history. It is written as calls come, beside its place, so that what is there stays until
// it is whole, and a process that is killed leaves what had passed.
type record struct {
	replace func() error
	events  *events.Stream // nil of a HAR file
	har     *os.File
	entries int
	synced  time.Time
	err     error // the first
}

func openRecord(path, format string, r *reports.Report) (*record, error) {
	partial, replace, err := files.Partial(path)
	if err != nil {
		return nil, err
	}
	out := &record{replace: replace, synced: time.Now()}
	if format != recorded.FormatHAR {
		if out.events, err = events.Open(partial, nil); err == nil {
			out.events.Add(reports.StartEvent(r))
		}
		return out, err
	}
	// As events are: a pipe waits for no reader.
	out.har, err = os.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND|syscall.O_NONBLOCK, 0o666)
	out.write(fmt.Appendf(nil, `{"log":{"version":"1.2","creator":{"name":"conform","version":%q},"pages":[],"entries":[`, r.Version))
	return out, err
}

// write writes a piece of a HAR file, and sees that it reaches the disk now and then.
func (r *record) write(text []byte) {
	if r.err != nil || r.har == nil {
		return
	}
	if _, r.err = r.har.Write(text); time.Since(r.synced) > time.Second {
		_ = r.har.Sync() // what it cannot do for a pipe is no loss
		r.synced = time.Now()
	}
}

// add writes a call, which is an entry of a HAR file.
func (r *record) add(entry []byte) {
	if r.events != nil {
		r.events.Add(reports.Event{Event: reports.EventExchange, Exchange: entry})
		return
	}
	separator := plain.When(r.entries > 0, ",") + "\n"
	r.entries++
	r.write(append([]byte(separator), plain.EscapeJSON(entry)...))
}

// found writes a divergence, where there is a place for it.
func (r *record) found(d *reports.Divergence) {
	if r.events != nil {
		r.events.Add(reports.Event{Event: reports.EventFound, Divergence: d})
	}
}

// close puts the file in its place.
func (r *record) close(report *reports.Report) error {
	if r.events != nil {
		r.events.Add(reports.EndEvent(report))
		r.err = r.events.Close()
	} else {
		r.write([]byte("\n]}}\n"))
		_ = r.har.Sync()
		r.err = errors.Join(r.err, r.har.Close())
	}
	if r.err != nil {
		return r.err
	}
	return r.replace()
}

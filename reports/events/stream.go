// Package events writes what happens in a run as it happens, one JSON object on each line.
package events

import (
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
)

// Write writes the events that can be told from a report: all but the way to its divergences.
func Write(w io.Writer, r *reports.Report) error {
	r = r.Normalized()
	ended := r.Started.Add(time.Duration(r.DurationSeconds * float64(time.Second)))
	list := []reports.Event{reports.StartEvent(r), reports.ProbedEvent(r)}
	for i := range r.Divergences {
		list = append(list, reports.Event{Event: reports.EventDivergence, Divergence: &r.Divergences[i]})
	}
	for _, note := range slices.Concat(r.Target.Notes, r.Notes) {
		list = append(list, reports.Event{Event: reports.EventNote, Note: note})
	}
	stream := Stream{w: w, steps: maxEventSteps}
	for _, e := range append(list, reports.EndEvent(r)) {
		if e.Time.IsZero() {
			e.Time = ended
		}
		stream.Add(e)
	}
	return stream.err
}

// Stream writes events as they come, each as one line by one write, so that a run which is killed
// leaves whole lines. Its methods may be called side by side.
type Stream struct {
	Path   string // of the file, empty for standard output
	mu     sync.Mutex
	w      io.Writer
	file   *os.File // that is to be flushed to the disk; nil is none
	synced time.Time
	steps  int   // how many more suspicions are told with their steps
	err    error // the first
}

// Open starts a stream in a file, which is emptied. An empty path is standard output.
func Open(path string, stdout io.Writer) (*Stream, error) {
	s := &Stream{Path: path, w: stdout, steps: maxEventSteps}
	if path == "" {
		return s, nil
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND|syscall.O_NONBLOCK, 0o666) // waits for no reader
	if err != nil {
		return nil, err
	}
	s.w, s.file = file, file
	return s, nil
}

// Add writes an event. A time of zero is now. After a write that failed, of which Close tells, nothing is written.
func (s *Stream) Add(e reports.Event) {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	e.Time = e.Time.UTC()
	e.Note, e.NotCovered = shortened(e.Note), maps.Clone(e.NotCovered)
	if e.Target != nil {
		e.Target = new(*e.Target)
		e.Target.Notes = plain.Texts(e.Target.Notes, shortened)
	}
	for name, why := range e.NotCovered {
		e.NotCovered[name] = shortened(why)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	if e.Divergence != nil {
		suspicion := e.Event == reports.EventSuspicion
		e.Divergence = briefDivergence(e.Divergence, !suspicion || s.steps > 0)
		if suspicion {
			s.steps--
		}
	}
	line, err := plain.Marshal(e, "")
	if err == nil {
		_, err = s.w.Write(plain.EscapeJSON(line))
	}
	s.err = err
	if s.file != nil && time.Since(s.synced) > syncEvery {
		s.file.Sync() // what it cannot do for a pipe is no loss
		s.synced = time.Now()
	}
}

func shortened(s string) string { return plain.Shorten(s, maxEventText) }

// Close flushes the stream and returns the first error that it had.
func (s *Stream) Close() error {
	if s.file == nil {
		return s.err
	}
	s.file.Sync()
	return errors.Join(s.err, s.file.Close())
}

// The bounds of a stream: a target that is always wrong shall fill no disk.
const (
	maxEventSteps = 200  // suspicions that are told with their steps
	maxEventText  = 1000 // of what an event tells of a step
	maxEventBody  = 4000
	syncEvery     = time.Second // how often it is flushed to the disk
)

// briefDivergence is a copy without what makes a stream long: states, and the bytes of steps that do not diverge.
func briefDivergence(d *reports.Divergence, withSteps bool) *reports.Divergence {
	c := *d
	c.States, c.Steps = nil, nil
	c.Also = plain.Texts(c.Also, shortened)
	for _, text := range []*string{&c.Signature, &c.Raw, &c.Actual, &c.Reason} {
		*text = plain.Shorten(*text, maxEventText)
	}
	if !withSteps {
		return &c
	}
	for _, step := range d.Steps {
		step = step.Brief(maxEventText, maxEventBody)
		step.Request = reports.BoundedValue(step.Request, maxEventBody)
		if step.Raw != nil {
			step.Raw = new(shortened(*step.Raw))
		}
		if !step.Diverges {
			step.Sent, step.Received = "", ""
		}
		c.Steps = append(c.Steps, step)
	}
	return &c
}

package reports

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
)

// EventsSchema identifies the form of a stream of events, one JSON object on each line.
const EventsSchema = "conform/events/1"

// The values of Event.Event.
const (
	EventStart        = "start"        // the first: what is run, and how
	EventProbed       = "probed"       // what the target is and can do
	EventProgress     = "progress"     // now and then
	EventSuspicion    = "suspicion"    // an answer that the model does not allow, the first of its kind
	EventConfirmation = "confirmation" // the suspicion was tried again on fresh worlds
	EventShrunk       = "shrunk"       // a shorter sequence shows it
	EventDivergence   = "divergence"   // as it stands in the report
	EventNote         = "note"
	EventEnd          = "end" // the last: the verdict
)

// Event is something that happened in a run. Which members it has depends on what happened.
type Event struct {
	Event string    `json:"event"`
	Time  time.Time `json:"time"`

	// Of the start.
	Schema  string      `json:"schema,omitempty"`
	Version string      `json:"version,omitempty"`
	Command string      `json:"command,omitempty"`
	Seed    uint64      `json:"seed,omitempty"`
	Suites  []string    `json:"suites,omitempty"`
	FailOn  model.Level `json:"fail_on,omitzero"`

	// Of the start as far as it is known, and of what was probed.
	Target       *targets.Info               `json:"target,omitempty"`
	Capabilities map[string]CapabilityStatus `json:"capabilities,omitempty"`
	NotCovered   map[string]string           `json:"not_covered,omitempty"`

	Progress   *EventCounts `json:"progress,omitempty"`
	Divergence *Divergence  `json:"divergence,omitempty"` // of suspicions, confirmations and what is shrunk, too
	Note       string       `json:"note,omitempty"`
	End        *EventResult `json:"end,omitempty"`
}

// EventCounts says how far a run has come.
type EventCounts struct {
	Phase             string  `json:"phase"`
	Requests          int     `json:"requests"`
	RequestsPerSecond float64 `json:"requests_per_second"`
	RulesExercised    int     `json:"rules_exercised"`
	RulesApplicable   int     `json:"rules_applicable"`
	Divergences       int     `json:"divergences"` // seen, not yet told apart
}

// EventResult says how a run ended.
type EventResult struct {
	Verdict         Verdict `json:"verdict"`
	ExitCode        int     `json:"exit_code"`
	Reason          string  `json:"reason"`
	Partial         bool    `json:"partial"`
	Requests        int     `json:"requests"`
	Cases           int     `json:"cases"`
	DurationSeconds float64 `json:"duration_seconds"`
}

// StartEvent says what a report's run is. Of a report that is not yet written it takes what is known.
func StartEvent(r *Report) Event {
	return Event{Event: EventStart, Time: r.Started, Schema: EventsSchema, Version: r.Version, Command: r.Command, Seed: r.Seed,
		Suites: r.Suites, FailOn: r.FailOn, Target: &r.Target}
}

// ProbedEvent says what a report knows of its target.
func ProbedEvent(r *Report) Event {
	return Event{Event: EventProbed, Time: r.Started, Target: &r.Target, Capabilities: r.Capabilities, NotCovered: r.NotCovered}
}

// ProgressEvent says how far a run has come.
func ProgressEvent(u Update) Event {
	return Event{Event: EventProgress, Progress: &EventCounts{u.Phase, u.Requests, finite(u.Rate), u.RulesExercised, u.RulesApplicable, u.Divergences}}
}

// EndEvent says how a run ended.
func EndEvent(r *Report) Event {
	return Event{Event: EventEnd, End: &EventResult{r.Verdict, r.ExitCode, shorten(r.Reason, maxMessage), r.Partial, r.Requests, r.Cases, finite(r.DurationSeconds)}}
}

// NDJSON writes the events that can be told from a report: all but the way to its divergences.
func NDJSON(w io.Writer, r *Report) error {
	r = r.complete()
	ended := r.Started.Add(time.Duration(r.DurationSeconds * float64(time.Second)))
	list := []Event{StartEvent(r), ProbedEvent(r)}
	for i := range r.Divergences {
		list = append(list, Event{Event: EventDivergence, Divergence: &r.Divergences[i]})
	}
	for _, note := range slices.Concat(r.Target.Notes, r.Notes) {
		list = append(list, Event{Event: EventNote, Note: note})
	}
	stream := EventStream{w: w, steps: maxEventSteps}
	for _, e := range append(list, EndEvent(r)) {
		if e.Time.IsZero() {
			e.Time = ended
		}
		stream.Add(e)
	}
	return stream.err
}

// EventStream writes events as they come, each as one line by one write, so that a run which is killed
// leaves whole lines. Its methods may be called side by side.
type EventStream struct {
	mu    sync.Mutex
	w     io.Writer
	file  *os.File // that is to be flushed to the disk; nil is none
	steps int      // how many more suspicions are told with their steps
	err   error    // the first
	dirty bool
	stop  chan struct{}
	wait  sync.WaitGroup
}

// maxEventSteps is how many suspicions a stream tells with their steps: a target that is wrong in each
// answer shall not fill the disk.
const maxEventSteps = 200

// syncEvery is how often a stream is flushed to the disk, beside the run.
const syncEvery = time.Second

// OpenEvents starts a stream in a file, which is emptied. An empty path is standard output.
func OpenEvents(path string, stdout io.Writer) (*EventStream, error) {
	s := &EventStream{w: stdout, steps: maxEventSteps, stop: make(chan struct{})}
	if path == "" {
		return s, nil
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o666)
	if err != nil {
		return nil, err
	}
	s.w, s.file = file, file
	s.wait.Go(func() {
		tick := time.NewTicker(syncEvery)
		defer tick.Stop()
		for {
			select {
			case <-s.stop:
				return
			case <-tick.C:
				s.mu.Lock()
				dirty := s.dirty
				s.dirty = false
				s.mu.Unlock()
				if dirty {
					file.Sync() // what it cannot do for a pipe is no loss
				}
			}
		}
	})
	return s, nil
}

// Add writes an event. A time of zero is now. After a write that failed nothing more is written; Close
// says why.
func (s *EventStream) Add(e Event) {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	e.Time = e.Time.UTC()
	e.bound()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	if e.Divergence != nil {
		withSteps := e.Event != EventSuspicion || s.steps > 0
		if e.Event == EventSuspicion {
			s.steps--
		}
		e.Divergence = e.Divergence.brief(withSteps)
	}
	line, err := eventLine(e)
	if err == nil {
		_, err = s.w.Write(line)
	}
	s.err, s.dirty = err, true
}

// bound shortens what a target may have made long.
func (e *Event) bound() {
	e.Note = shorten(e.Note, maxEventText)
	if e.Target != nil {
		target := *e.Target
		target.Notes = slices.Clone(target.Notes)
		for i := range target.Notes {
			target.Notes[i] = shorten(target.Notes[i], maxEventText)
		}
		e.Target = &target
	}
	e.NotCovered = maps.Clone(e.NotCovered)
	for name, why := range e.NotCovered {
		e.NotCovered[name] = shorten(why, maxEventText)
	}
}

// Close flushes the stream and returns the first error that it had.
func (s *EventStream) Close() error {
	if s.file == nil {
		return s.err
	}
	close(s.stop)
	s.wait.Wait()
	s.file.Sync()
	return errors.Join(s.err, s.file.Close())
}

func eventLine(e Event) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e); err != nil {
		return nil, fmt.Errorf("an event as JSON: %w", err)
	}
	return escapeJSON(buffer.Bytes()), nil
}

// The bounds of what an event tells of a step.
const (
	maxEventText = 1000
	maxEventBody = 4000
)

// brief is a copy without what makes a stream long: the bytes of all steps but those that diverge, and
// the states beside them.
func (d *Divergence) brief(withSteps bool) *Divergence {
	c := *d
	c.Expected, c.States = notNil(c.Expected), nil
	c.Also = slices.Clone(c.Also)
	for _, text := range []*string{&c.Signature, &c.Raw, &c.Actual, &c.Reason} {
		*text = shorten(*text, maxEventText)
	}
	for i := range c.Also {
		c.Also[i] = shorten(c.Also[i], maxEventText)
	}
	c.Steps = []Step{}
	if !withSteps {
		return &c
	}
	for _, step := range d.Steps {
		step.Allowed = notNil(step.Allowed)
		step.Request = boundedValue(step.Request, maxEventBody)
		step.Answer.Body = boundedValue(step.Answer.Body, maxEventBody)
		step.Answer.Code, step.Answer.Problem = shorten(step.Answer.Code, maxEventText), shorten(step.Answer.Problem, maxEventText)
		if step.Raw != nil {
			raw := shorten(*step.Raw, maxEventText)
			step.Raw = &raw
		}
		if !step.Diverges {
			step.Sent, step.Received = "", ""
		}
		step.Sent, step.Received = shorten(step.Sent, maxEventText), shorten(step.Received, maxEventText)
		c.Steps = append(c.Steps, step)
	}
	return &c
}

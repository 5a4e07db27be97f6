package session

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
)

// Status is what all clients of one run share: counters, events, and the reasons to stop.
type Status struct {
	Started     time.Time
	Requests    atomic.Int64
	Divergences atomic.Int64 // distinct suspicions
	Stop        atomic.Bool  // enough was found
	phase       atomic.Value // a string, as the next two
	access      atomic.Value
	silence     atomic.Value
	silent      atomic.Int64 // worlds in a row that were lost to silence
	ended       atomic.Pointer[error]

	busy     atomic.Int64 // writes that stayed busy, however often they were repeated
	inFlight sync.RWMutex // held for reading by each request that is on its way

	rules  sync.Map // that were put to the test
	stores sync.Map // the kinds of what Put and Get answered on event data stores that are there

	events  func(reports.Event)
	telling sync.Mutex
	told    sync.Map
}

// NewStatus begins a run. events is told of what happens, one event at a time; nil where nobody listens.
func NewStatus(events func(reports.Event)) *Status {
	return &Status{Started: time.Now(), events: events}
}

// OnStore reports whether a request is a Put or Get on an event data store alone.
func OnStore(r model.Request) bool {
	return r.Op.Insights() && r.Input.Get("EventDataStore").Given() && !r.Input.Get("TrailName").Given()
}

// StoresAlways is the code that every Put and Get on event data stores was answered; ok is false where they
// were answered in several ways, or well.
func (s *Status) StoresAlways() (code string, ok bool) {
	kinds := 0
	for kind := range s.stores.Range {
		code = kind.(string)
		kinds++
	}
	return code, kinds == 1 && code != (model.Answer{Outcome: model.Succeeded}).Kind() && code != codeNotEnabled
}

// Listened reports whether somebody listens to the events.
func (s *Status) Listened() bool { return s.events != nil }

// Tell passes an event on.
func (s *Status) Tell(e reports.Event) {
	if s.events == nil {
		return
	}
	s.telling.Lock()
	defer s.telling.Unlock()
	s.events(e)
}

// TellOnce passes an event on where it is the first with its key.
func (s *Status) TellOnce(key string, event func() reports.Event) {
	if s.events == nil {
		return
	}
	if _, known := s.told.LoadOrStore(key, true); !known {
		s.Tell(event())
	}
}

// TellNote passes a note on the first time.
func (s *Status) TellNote(text string) {
	s.TellOnce(reports.EventNote+text, func() reports.Event { return reports.Event{Event: reports.EventNote, Note: text} })
}

// Exercise notes that a rule was put to the test.
func (s *Status) Exercise(id model.ID) { s.rules.Store(id, true) }

// Exercised reports whether a rule was put to the test.
func (s *Status) Exercised(id model.ID) bool {
	_, ok := s.rules.Load(id)
	return ok
}

// SetPhase says what the run is doing.
func (s *Status) SetPhase(phase string) { s.phase.Store(phase) }

// Silence is what the target did, the last time, instead of answering.
func (s *Status) Silence() string { return text(&s.silence) }

func text(v *atomic.Value) string {
	text, _ := v.Load().(string)
	return text
}

// Ended is the error with which the target ended the run, nil while it goes on.
func (s *Status) Ended() error {
	if err := s.ended.Load(); err != nil {
		return *err
	}
	return nil
}

// TargetLost reports whether the target answers no more.
func (s *Status) TargetLost() bool { return s.silent.Load() >= maxSilentWorlds }

// Lost says why the target can be asked no more, empty while it can.
func (s *Status) Lost() string {
	switch err, silence := s.Ended(), s.Silence(); {
	case err != nil:
		return err.Error()
	case s.access.Load() != nil:
		return fmt.Sprintf("access was denied (%s); check the credentials, or pass --use-environment-credentials", text(&s.access))
	case s.TargetLost():
		if silence != "" {
			silence = " (" + silence + ")"
		}
		return "the target stopped answering" + silence + "; see whether it still runs, and try a longer --timeout"
	}
	return ""
}

// Update says how a run goes on.
func (s *Status) Update() reports.Update {
	u := reports.Update{Phase: text(&s.phase), Requests: int(s.Requests.Load()), Divergences: int(s.Divergences.Load())}
	for range s.rules.Range {
		u.RulesExercised++
	}
	u.Rate = float64(u.Requests) / time.Since(s.Started).Seconds()
	return u
}

// Over reports whether nothing more is to be sent.
func (s *Status) Over() bool {
	return s.access.Load() != nil || s.ended.Load() != nil || s.TargetLost() || s.Stop.Load()
}

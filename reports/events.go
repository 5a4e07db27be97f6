package reports

import (
	"time"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/targets"
)

// eventsSchema identifies the form of a stream of events, one JSON object on each line.
const eventsSchema = "conform/events/1"

// The values of Event.Event.
const (
	EventStart        = "start"        // the first: what is run, and how
	EventProbed       = "probed"       // what the target is and can do
	eventProgress     = "progress"     // now and then
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

	Progress   *Update      `json:"progress,omitempty"`
	Divergence *Divergence  `json:"divergence,omitempty"` // of suspicions, confirmations and what is shrunk, too
	Note       string       `json:"note,omitempty"`
	End        *eventResult `json:"end,omitempty"`
}

// Update says how far a run has come.
type Update struct {
	Phase           string        `json:"phase"` // what the run is doing, in a word or two
	Requests        int           `json:"requests"`
	Rate            float64       `json:"requests_per_second"`
	RulesExercised  int           `json:"rules_exercised"`
	RulesApplicable int           `json:"rules_applicable"`
	Divergences     int           `json:"divergences"` // seen, not yet told apart
	Left            time.Duration `json:"-"`           // an estimate; 0 is unknown
}

// eventResult says how a run ended.
type eventResult struct {
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
	return Event{Event: EventStart, Time: r.Started, Schema: eventsSchema, Version: r.Version, Command: r.Command, Seed: r.Seed,
		Suites: r.Suites, FailOn: r.FailOn, Target: &r.Target}
}

// ProbedEvent says what a report knows of its target.
func ProbedEvent(r *Report) Event {
	return Event{Event: EventProbed, Time: r.Started, Target: &r.Target, Capabilities: r.Capabilities, NotCovered: r.NotCovered}
}

// ProgressEvent says how far a run has come.
func ProgressEvent(u Update) Event {
	return Event{Event: eventProgress, Progress: &u}
}

// EndEvent says how a run ended.
func EndEvent(r *Report) Event {
	return Event{Event: EventEnd, End: &eventResult{r.Verdict, r.ExitCode, plain.Shorten(r.Reason, plain.MaxMessage),
		r.Partial, r.Requests, r.Cases, plain.Finite(r.DurationSeconds)}}
}

// Package reports holds what a run tells, as values: the report with its divergences, traces, baselines, orders of
// errors and plans; and what is done with them: Join, Judge, which alone says what a run comes to, and Compare.
// The JSON of a report and that of the events of a run have published schemas. The formats in which people
// and machines read a report are packages below this one.
//
// Whatever a target answered is hostile input. Every rendering escapes control characters, terminal
// sequences, invisible characters and invalid UTF-8, and shortens what is long.
package reports

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/targets"
)

// The schemas identify the JSON form of what is written.
const (
	Schema           = "conform/report/1" // of a Report
	PrecedenceSchema = "conform/precedence/1"
	SelftestSchema   = "conform/selftest/1"
	PlanSchema       = "conform/plan/1"
	traceSchema      = "conform/trace/1"
	callsSchema      = "conform/calls/1"
	baselineSchema   = "conform/baseline/1"
	diffSchema       = "conform/diff/1"
	eventsSchema     = "conform/events/1" // of a stream of events, one JSON object on each line
)

// Verdict is the outcome of a run in one word.
type Verdict string

// The verdicts.
const (
	Conforms     Verdict = "conforms"
	Diverges     Verdict = "diverges"
	Inconclusive Verdict = "inconclusive"
	Failed       Verdict = "error"
	RefusedRun   Verdict = "refused"
	Interrupted  Verdict = "interrupted"
)

// The exit codes of the command. They are part of its interface.
const (
	ExitConforms     = 0
	ExitDiverges     = 1
	ExitUsage        = 2   // wrong usage or configuration
	ExitInconclusive = 3   // nothing listens, the target was lost, or too little was covered
	ExitFailed       = 4   // the harness itself failed
	ExitRefused      = 5   // refused for safety
	ExitInterrupted  = 130 // SIGINT, SIGTERM or SIGHUP, or nobody reads the output
)

var exitCodes = map[Verdict]int{Conforms: ExitConforms, Diverges: ExitDiverges, Inconclusive: ExitInconclusive,
	Failed: ExitFailed, RefusedRun: ExitRefused, Interrupted: ExitInterrupted}

// exitOrder lists the exit codes in the order in which they win where several hold.
var exitOrder = []int{ExitInterrupted, ExitFailed, ExitRefused, ExitUsage, ExitDiverges, ExitInconclusive, ExitConforms}

// WorseExit returns which of two exit codes a run that ended with both should give.
func WorseExit(a, b int) int {
	if slices.Index(exitOrder, a) <= slices.Index(exitOrder, b) {
		return a
	}
	return b
}

// Report is all that a run tells. Its JSON keys are stable.
type Report struct {
	Schema   string  `json:"schema"`
	Version  string  `json:"version,omitempty"` // of conform
	Verdict  Verdict `json:"verdict"`
	ExitCode int     `json:"exit_code"`
	Reason   string  `json:"reason"` // one line: why this verdict, and what to do
	Partial  bool    `json:"partial"`
	End      *End    `json:"end,omitempty"` // nil in the reports of versions that did not say how a run ended

	Target targets.Info `json:"target"`
	// Fingerprint is a hash of what the target answered to the probe: shards with different ones are of different targets.
	Fingerprint string      `json:"fingerprint,omitempty"`
	Seed        uint64      `json:"seed"`
	Workers     int         `json:"workers"`
	Suites      []string    `json:"suites"`
	CutShort    []string    `json:"cut_short,omitempty"` // the suites that the budget or an interruption ended early
	Shard       string      `json:"shard,omitempty"`     // "i/n" of a run that is one of n shares
	FailOn      model.Level `json:"fail_on,omitzero"`
	Command     string      `json:"command"` // repeats the run

	Started         time.Time `json:"started"`
	DurationSeconds float64   `json:"duration_seconds"`
	// FirstConfirmedSeconds is how long it took until a divergence was confirmed; 0 where none was.
	FirstConfirmedSeconds float64 `json:"first_confirmed_seconds,omitempty"`
	Requests              int     `json:"requests"`
	ConfirmRequests       int     `json:"confirm_requests"` // spent on confirming and shrinking, not part of Requests
	Cases                 int     `json:"cases"`
	RequestsPerSecond     float64 `json:"requests_per_second"`

	// TimedOut counts the requests that were not answered in time, by what they have in common.
	TimedOut map[string]int `json:"timed_out,omitempty"`

	// Capabilities says of each by name whether it was covered; NotCovered says why of the others.
	Capabilities map[string]CapabilityStatus `json:"capabilities"`
	NotCovered   map[string]string           `json:"not_covered,omitempty"`
	Expected     []string                    `json:"expected,omitempty"` // without which the run fails

	Divergences []Divergence `json:"divergences"`
	Deviations  []Deviation  `json:"deviations"`
	// Replays says what became of recorded traces, Baseline of the entries of the baseline.
	Replays  []Replay  `json:"replays,omitempty"`
	Baseline []Replay  `json:"baseline,omitempty"`
	Notes    []string  `json:"notes,omitempty"`
	Coverage Coverage  `json:"coverage"`
	LeftOut  []LeftOut `json:"left_out,omitempty"` // what the run was told not to test

	// Recorded says what was judged where nothing was sent; nil of a run.
	Recorded     *Recorded     `json:"recorded,omitempty"`
	Certificates []Certificate `json:"certificates,omitempty"` // of complete suites
	Precedence   *Precedence   `json:"precedence,omitempty"`   // of errors, where it was learned
	Timeline     []Interval    `json:"timeline,omitempty"`
	// RuleSeconds are what the cases of each rule took of the run's time.
	RuleSeconds map[model.ID]float64 `json:"rule_seconds,omitempty"`
	Settling    *Settling            `json:"settling,omitempty"`
}

// CapabilityStatus says whether a run could cover a capability.
type CapabilityStatus string

// The values of CapabilityStatus.
const (
	Covered CapabilityStatus = "covered"
	Absent  CapabilityStatus = "absent"
)

// LeftOut are rules that a run was told to leave out. They are not covered, whatever the target can do.
type LeftOut struct {
	By    string     `json:"by"` // such as only put/*
	Rules []model.ID `json:"rules"`
}

// LeftOutBy begins to say why a rule is not covered that was left out, and NotNeeded is why a capability is then.
const (
	LeftOutBy = "left out by "
	NotNeeded = "left out: no rule that is held needs it"
)

// LeaveOut records a rule that was left out.
func (r *Report) LeaveOut(by string, rule model.ID) {
	i := slices.IndexFunc(r.LeftOut, func(l LeftOut) bool { return l.By == by })
	if i < 0 {
		i, r.LeftOut = len(r.LeftOut), append(r.LeftOut, LeftOut{By: by})
	}
	r.LeftOut[i].Rules = append(r.LeftOut[i].Rules, rule)
}

// SetCapability records whether a capability was covered, and where not, why.
func (r *Report) SetCapability(name model.Capability, covered bool, why string) {
	if r.Capabilities == nil {
		r.Capabilities, r.NotCovered = map[string]CapabilityStatus{}, map[string]string{}
	}
	if covered {
		r.Capabilities[string(name)] = Covered
		delete(r.NotCovered, string(name))
	} else {
		r.Capabilities[string(name)], r.NotCovered[string(name)] = Absent, why
	}
}

// Gone lists the capabilities that were expected and are not there, with the answers that say so.
func (r *Report) Gone() (gone []string) {
	for _, name := range r.Expected {
		if r.Probed() && r.Capabilities[name] != Covered {
			gone = append(gone, fmt.Sprintf("%s (%s)", name, r.NotCovered[name]))
		}
	}
	return gone
}

// The values of Divergence.Status.
const (
	Confirmed  = "confirmed"       // it repeated on a fresh world
	Unrepeated = "unrepeated"      // it did not
	NotTried   = "not tried again" // the run ended before
	Suspected  = "suspected"       // it was not tried again yet; in events alone
)

// Divergence is one distinct divergence, whatever the number of times that it was seen.
type Divergence struct {
	Signature string      `json:"signature"`
	Rule      model.ID    `json:"rule"`
	Level     model.Level `json:"level"`
	Statement string      `json:"statement"` // the rule's one sentence
	Source    string      `json:"source"`    // where the rule comes from
	Operation string      `json:"operation"`
	Expected  []string    `json:"expected"`
	Actual    string      `json:"actual"`
	Count     int         `json:"count"`  // how often it was seen during the exploration
	Status    string      `json:"status"` // Confirmed, Unrepeated or NotTried
	Seen      string      `json:"seen,omitempty"`
	// Rate says of what is unrepeated how often it was seen among the requests of the operation that showed it.
	Rate   string   `json:"rate,omitempty"`
	Fails  bool     `json:"fails"`            // it is at or above the level that fails the run, and not known
	Known  bool     `json:"known,omitempty"`  // the baseline has it
	Reason string   `json:"reason,omitempty"` // that the baseline gives
	Also   []string `json:"also,omitempty"`
	// Raw is the signature that a replay shows, where it is not Signature.
	Raw string `json:"raw_signature,omitempty"`
	// Clients is how many clients show it at once; 0 is one after another.
	Clients int `json:"clients,omitempty"`
	// Schedule is the seed of the target's schedule under which they do, where it has one.
	Schedule uint64 `json:"schedule,omitempty"`
	// History is the file in which the run kept the calls of all clients that showed it.
	History string `json:"history,omitempty"`
	// Orders are some of those in which the calls of several clients were tried to be explained, the most telling first, and
	// OrdersTried is how many were tried. Of concurrent/whole, they are the Puts that may have come last.
	Orders      []TriedOrder `json:"orders,omitempty"`
	OrdersTried int          `json:"orders_tried,omitempty"`
	// Trace is the file in which the run kept the trace.
	Trace string `json:"trace,omitempty"`
	// Replay is the command that plays its trace again, where one was kept.
	Replay string `json:"replay,omitempty"`
	Steps  []Step `json:"steps"`
	// States has what the model held after each of the steps.
	States [][]ResourceState `json:"states,omitempty"`
}

// OfClients reports whether a signature is that of a divergence of several clients: of one of their rules, or of another
// one without the kinds of answer that one client's have.
func OfClients(signature string) bool {
	parts := strings.Split(signature, "|")
	rule := model.RuleOf(model.ID(parts[0]))
	return rule != nil && (rule.OfClients() || len(parts) == 3 && parts[2] == "trail")
}

// TriedOrder is an order of calls that explains all their answers but the last one.
type TriedOrder struct {
	Calls []int    `json:"calls"` // the numbers of their steps
	Would []string `json:"would"` // the last of them be answered there
}

// MaxOrders bounds Divergence.Orders.
const MaxOrders = 6

// Step is one request of a case with its answer.
type Step struct {
	Number      int         `json:"number"` // from 1
	Operation   string      `json:"operation"`
	Region      string      `json:"region,omitempty"` // empty is the home Region
	Request     value.Value `json:"request"`          // in symbolic form
	Raw         *string     `json:"raw,omitempty"`    // sent instead of Request
	Method      string      `json:"method,omitempty"` // instead of POST
	OtherTarget bool        `json:"other_target,omitempty"`
	Answer      StepAnswer  `json:"answer"`
	Allowed     []string    `json:"allowed"` // what the model allowed, the reference first
	Sent        string      `json:"sent,omitempty"`
	Received    string      `json:"received,omitempty"`
	Status      int         `json:"status,omitempty"` // HTTP status
	Diverges    bool        `json:"diverges,omitempty"`
	Lent        string      `json:"lent,omitempty"` // the trail of the target that stands for the one to be made; nothing was sent
	// Recorded is where the step stands in what was judged, where it was not sent.
	Recorded string `json:"recorded,omitempty"`

	// Of a call that others overlap: which client sent it, from 1, in which phase, when it began and ended by a clock that
	// counts such moments, and how many turns it let others have before. The clients wait for each other between phases.
	Client int   `json:"client,omitempty"`
	Phase  int   `json:"phase,omitempty"`
	Start  int64 `json:"start,omitempty"`
	End    int64 `json:"end,omitempty"`
	Delay  int   `json:"delay,omitempty"`
}

// StepAnswer is what the target answered, in symbolic form.
type StepAnswer struct {
	Outcome string      `json:"outcome"` // success, refused, crashed or unanswered
	Code    string      `json:"code,omitempty"`
	Body    value.Value `json:"body,omitzero"`
	Problem string      `json:"problem,omitempty"`
}

// The values of StepAnswer.Outcome.
const (
	OutcomeUnanswered = "unanswered"
	OutcomeCrashed    = "crashed"
	OutcomeSuccess    = "success"
	OutcomeRefused    = "refused"
)

var outcomeNames = map[model.Outcome]string{
	model.Unanswered: OutcomeUnanswered, model.Crashed: OutcomeCrashed, model.Succeeded: OutcomeSuccess, model.Refused: OutcomeRefused,
}

// NewStep records a request and its answer.
func NewStep(number int, request model.Request, reply targets.Reply, allowed []string) Step {
	answer := StepAnswer{Outcome: outcomeNames[reply.Answer.Outcome], Code: plain.Shorten(reply.Answer.Code, maxKept),
		Body: BoundedValue(reply.Body, maxKept), Problem: plain.Shorten(reply.Problem, maxKept)}
	return Step{Number: number, Operation: string(request.Op), Region: request.Region, Request: request.Input, Raw: request.Raw,
		Method: request.Method, OtherTarget: request.OtherTarget, Answer: answer, Allowed: allowed,
		Sent: keep(reply.Sent), Received: keep(reply.Received), Status: reply.Status, Lent: reply.Lent}
}

// Brief is the step with its texts and its body shortened to so many characters.
func (s Step) Brief(text, body int) Step {
	for _, field := range []*string{&s.Sent, &s.Received, &s.Answer.Code, &s.Answer.Problem} {
		*field = plain.Shorten(*field, text)
	}
	s.Answer.Body = BoundedValue(s.Answer.Body, body)
	return s
}

// maxKept bounds each text of an answer that a report carries.
const maxKept = targets.MaxKept

// keep makes bytes from the wire fit for JSON: bytes that are no UTF-8 become \xNN.
func keep(data []byte) string {
	more := ""
	if len(data) > maxKept {
		data, more = data[:maxKept], "…"
	}
	return plain.EscapeInvalid(string(data)) + more
}

// BoundedValue is a value, or the beginning of its JSON where that has more characters than the limit.
func BoundedValue(v value.Value, limit int) value.Value {
	if text := v.String(); len(text) > limit {
		return value.Str(plain.Shorten(text, limit))
	}
	return v
}

// Deviation is a kind of answer that is accepted although it is not the reference one.
type Deviation struct {
	Rule      model.ID    `json:"rule"`
	Level     model.Level `json:"level,omitzero"`
	Operation string      `json:"operation"`
	Reference string      `json:"reference"`
	Actual    string      `json:"actual"`
	Count     int         `json:"count"`
}

// FailsRun reports whether a divergence made the verdict. One that the run had no time to try again does not, nor an
// unrepeated one where a target may answer late.
func (r *Report) FailsRun(d Divergence) bool {
	return d.Fails && (d.Status == Confirmed || (d.Status == Unrepeated || d.Rate != "") && !r.Target.Eventual)
}

// sort brings divergences into the order of every rendering: those of a rule together, confirmed ones first, the
// strongest level first, rules by their first one and then in their own order; and deviations into theirs.
func (r *Report) sort() {
	standing := func(a, b Divergence) int {
		return cmp.Or(strings.Compare(a.Status, b.Status), cmp.Compare(b.Level, a.Level))
	}
	slices.SortStableFunc(r.Divergences, standing)
	first := map[model.ID]Divergence{}
	for _, d := range slices.Backward(r.Divergences) {
		first[d.Rule] = d
	}
	slices.SortStableFunc(r.Divergences, func(a, b Divergence) int {
		return cmp.Or(standing(first[a.Rule], first[b.Rule]), rulePlace(a.Rule)-rulePlace(b.Rule), cmp.Compare(a.Rule, b.Rule),
			standing(a, b), strings.Compare(a.Signature, b.Signature))
	})
	SortDeviations(r.Deviations)
}

// SortDeviations brings deviations into the order of every rendering: the most frequent first.
func SortDeviations(list []Deviation) {
	slices.SortStableFunc(list, func(a, b Deviation) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.Rule, b.Rule), strings.Compare(a.Operation, b.Operation),
			strings.Compare(a.Reference, b.Reference), strings.Compare(a.Actual, b.Actual))
	})
}

// rulePlace says where in the table of rules one stands: those that it does not have come last.
func rulePlace(id model.ID) int {
	place := slices.IndexFunc(model.Rules, func(r model.Rule) bool { return r.ID == id })
	return cmp.Or(max(place+1, 0), len(model.Rules)+1)
}

// JSON writes the report as indented JSON that can be looked at safely in a terminal.
func JSON(w io.Writer, r *Report) error {
	if err := plain.WriteJSON(w, r.Normalized()); err != nil {
		return fmt.Errorf("the report as JSON: %w", err)
	}
	return nil
}

// Normalized returns a copy in the order in which every rendering shows it, its numbers such as JSON can say.
func (r *Report) Normalized() *Report {
	c := *r
	c.Schema = cmp.Or(c.Schema, Schema)
	c.DurationSeconds, c.RequestsPerSecond = plain.Finite(r.DurationSeconds), plain.Finite(r.RequestsPerSecond)
	c.FirstConfirmedSeconds = plain.Finite(r.FirstConfirmedSeconds)
	c.Divergences, c.Deviations, c.Coverage.Rules = slices.Clone(r.Divergences), slices.Clone(r.Deviations), r.ruleStates()
	c.sort()
	return &c
}

// ReadJSON reads what JSON wrote.
func ReadJSON(data []byte) (*Report, error) {
	r := &Report{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("not a report: %w", err)
	}
	if r.Schema != Schema {
		return nil, fmt.Errorf("schema %q is not %q", plain.Visible(plain.Shorten(r.Schema, plain.MaxShown)), Schema)
	}
	if why := r.nonsense(); why != "" {
		return nil, fmt.Errorf("not a whole report: %s", plain.OneLine(why))
	}
	return r, nil
}

// The values of Event.Event.
const (
	EventStart        = "start"        // the first: what is run, and how
	EventProbed       = "probed"       // what the target is and can do
	EventProgress     = "progress"     // now and then
	EventSuspicion    = "suspicion"    // an answer that the model does not allow, the first of its kind
	EventConfirmation = "confirmation" // the suspicion was tried again on fresh worlds
	EventFound        = "found"        // it is confirmed, and its rule decided; the first of its kind
	EventShrunk       = "shrunk"       // a shorter sequence shows it
	EventDivergence   = "divergence"   // as it stands in the report
	EventExchange     = "exchange"     // a call that passed through a proxy, as an entry of a HAR file
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

	Progress   *Update         `json:"progress,omitempty"`
	Divergence *Divergence     `json:"divergence,omitempty"` // of suspicions, confirmations and what is shrunk, too
	Exchange   json.RawMessage `json:"exchange,omitempty"`
	Note       string          `json:"note,omitempty"`
	End        *eventResult    `json:"end,omitempty"`
}

// Update says how far a run has come.
type Update struct {
	Phase           string        `json:"phase"` // what the run is doing, in a word or two
	Requests        int           `json:"requests"`
	Planned         int           `json:"requests_planned,omitempty"` // about so many in all, but for confirming; 0 is unknown
	Rate            float64       `json:"requests_per_second"`
	RulesExercised  int           `json:"rules_exercised"`
	RulesApplicable int           `json:"rules_applicable"`
	Divergences     int           `json:"divergences"` // confirmed so far, of so many rules
	RulesViolated   int           `json:"rules_violated,omitempty"`
	Suspicions      int           `json:"suspicions,omitempty"` // seen, not yet told apart
	Left            time.Duration `json:"-"`                    // an estimate; 0 is unknown
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

// EndEvent says how a run ended.
func EndEvent(r *Report) Event {
	return Event{Event: EventEnd, End: &eventResult{r.Verdict, r.ExitCode, plain.Shorten(r.Reason, plain.MaxMessage),
		r.Partial, r.Requests, r.Cases, plain.Finite(r.DurationSeconds)}}
}

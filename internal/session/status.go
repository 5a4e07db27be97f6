package session

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
)

// Status is what all clients of one run share: counters, events, and the reasons to stop.
type Status struct {
	Started    time.Time
	Requests   atomic.Int64
	Suspicions atomic.Int64 // distinct ones
	Stop       atomic.Bool  // enough was found
	phase      atomic.Value // a string, as the next three
	access     atomic.Value // the code with which everything is refused
	denied     atomic.Value // the operation that the caller may not use, and the code
	lost       atomic.Value // why the target answers no more
	throttled  atomic.Int64 // requests in a row that were throttled to the end
	away       atomic.Int64 // times that the target came back after it answered nothing
	ended      atomic.Pointer[error]

	busy     atomic.Int64 // writes that stayed busy, however often they were repeated
	inFlight sync.RWMutex // held for reading by each request that is on its way

	hangs    atomic.Bool // some request was not answered in time
	putHangs atomic.Bool // a plain Put got no answer
	late     sync.Map    // how many, by kind
	core     sync.Map    // of what was asked of the operations under test: whether an answer was of any use

	definite sync.Map // whether the last answer to each client was, while exploring

	last   sync.Map               // the request of each client that was not answered, since its last answer
	worked sync.Map               // the operations that have succeeded
	asked  sync.Map               // how many requests the exploration has sent, by operation
	full   sync.Map               // the codes by which operations said that a quota is reached
	rules  sync.Map               // that were put to the test
	hidden sync.Map               // rules that were not, each with what Hide was told
	forms  [len(forms)][2]answers // of Put, and of Get

	events  func(reports.Event)
	telling sync.Mutex
	holding bool // before it is known what the target can do
	waiting []reports.Event
	told    sync.Map
}

// NewStatus begins a run. events is told of what happens, one event at a time; nil where nobody listens.
func NewStatus(events func(reports.Event)) *Status {
	return &Status{Started: time.Now(), events: events}
}

// Tell passes an event on.
func (s *Status) Tell(e reports.Event) {
	if s.events == nil {
		return
	}
	s.telling.Lock()
	defer s.telling.Unlock()
	if s.holding {
		s.waiting = append(s.waiting, e)
		return
	}
	s.events(e)
}

// Hold keeps events back until Release, which tells one before them.
func (s *Status) Hold() { s.holding = true }

// Release ends what Hold began.
func (s *Status) Release(first reports.Event) {
	held := s.waiting
	s.holding, s.waiting = false, nil
	for _, e := range append([]reports.Event{first}, held...) {
		s.Tell(e)
	}
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

// Exercised reports whether a rule was put to the test, by requests of forms that were seen to work.
func (s *Status) Exercised(id model.ID) bool {
	_, ok := s.rules.Load(id)
	return ok
}

// Tested reports whether a rule was put to the test, all in all.
func (s *Status) Tested(id model.ID) bool { return s.Exercised(id) || s.provenSince(id) }

// Asked counts the requests of an operation that the exploration has sent.
func (s *Status) Asked(op model.Op) int {
	n, _ := s.asked.LoadOrStore(op, new(atomic.Int64))
	return int(n.(*atomic.Int64).Load())
}

// Hide notes rules that were left untested behind the suspicion with a key, or since no Get told; the key is empty then.
func (s *Status) Hide(behind string, ids ...model.ID) {
	for _, id := range ids {
		s.hidden.Store([2]string{string(id), behind}, true)
	}
}

// Hides reports whether a rule was left untested behind it.
func (s *Status) Hides(behind string, id model.ID) bool {
	_, ok := s.hidden.Load([2]string{string(id), behind})
	return ok
}

// SetPhase says what the run is doing.
func (s *Status) SetPhase(phase string) { s.phase.Store(phase) }

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
func (s *Status) TargetLost() bool { return s.lost.Load() != nil }

// Silent reports whether the last answer that each client got was of no use.
func (s *Status) Silent() bool {
	clients, useful := 0, 0
	for _, definite := range s.definite.Range {
		if clients++; definite.(bool) {
			useful++
		}
	}
	return clients > 0 && useful == 0
}

// Leave says that a client explores no more: whether the target still answers is for the others to tell.
func (s *Status) Leave(c *Client) { s.definite.Delete(c) }

// LastRequests lists what each client had sent when the target was lost, and got no answer to.
func (s *Status) LastRequests() []string {
	return sorted(&s.last, func(_, request any) string { return request.(string) })
}

// sorted lists what is said of the entries of a map, but for what is empty.
func sorted(m *sync.Map, say func(key, value any) string) (out []string) {
	for key, x := range m.Range {
		if text := say(key, x); text != "" {
			out = append(out, text)
		}
	}
	slices.Sort(out)
	return out
}

// PutSucceeded reports whether some PutInsightSelectors did that turns Insights on.
func (s *Status) PutSucceeded() bool {
	usable, _ := s.core.Load(string(model.OpPut))
	return usable == true
}

// Unusable names what was asked of the operations under test and never got an answer of any use.
func (s *Status) Unusable() []string {
	return sorted(&s.core, func(what, usable any) string { return map[bool]string{false: what.(string)}[usable.(bool)] })
}

// RanOut lists the operations that said that a quota is reached, with what they answered.
func (s *Status) RanOut() []string {
	return sorted(&s.full, func(op, code any) string { return fmt.Sprintf("%s answered %s", op, code) })
}

// answered notes whether an answer of an operation under test was of any use, where one was due that is.
func (s *Status) answered(before model.State, r model.Request, a model.Answer) {
	what := string(r.Op)
	if list := r.Input.Get("InsightSelectors"); r.Op == model.OpPut && list.Kind() == value.List && len(list.Items()) == 0 {
		what += " of []"
	}
	usable := func(a model.Answer) bool {
		return a.Outcome == model.Succeeded || r.Op == model.OpGet && a.Code == codeNotEnabled
	}
	if known, _ := s.core.Load(what); known != true && usable(a) {
		s.core.Store(what, true)
	} else if known == nil && usable(model.Step(before, r)[0].Answer) {
		s.core.LoadOrStore(what, false)
	}
}

// Lost says why the target can be asked no more, empty while it can.
func (s *Status) Lost() string {
	const denied = "access was denied (%s); check the credentials, or pass --use-environment-credentials"
	switch err := s.Ended(); {
	case err != nil:
		return err.Error()
	case s.access.Load() != nil:
		return fmt.Sprintf(denied, text(&s.access))
	case s.denied.Load() != nil && !s.TargetLost():
		return fmt.Sprintf(denied, text(&s.denied))
	}
	return text(&s.lost)
}

// held reports whether wire/no-crash speaks of an operation: of one that is no part of the test, a 5xx to every call
// says that it is absent.
func (s *Status) held(op model.Op) bool {
	_, worked := s.worked.Load(op)
	_, called := op.Needs()
	return op.Insights() || worked && called
}

// Update says how a run goes on.
func (s *Status) Update() reports.Update {
	u := reports.Update{Phase: text(&s.phase), Requests: int(s.Requests.Load()), Suspicions: int(s.Suspicions.Load())}
	u.Rate = float64(u.Requests) / time.Since(s.Started).Seconds()
	return u
}

// Over reports whether nothing more is to be sent.
func (s *Status) Over() bool {
	return s.access.Load() != nil || s.ended.Load() != nil || s.TargetLost() || s.Stop.Load()
}

func (s *Status) lose(why string) { s.lost.CompareAndSwap(nil, why) }

// kindOf names what a target may treat alike: the operation, what is special about the selectors, the answer due.
func kindOf(s model.State, r model.Request) string {
	kind := string(r.Op)
	if r.Malformed() {
		return kind + " that is malformed"
	}
	if list := r.Input.Get("InsightSelectors"); r.Op == model.OpPut && list.Given() {
		types := map[string]bool{}
		for _, item := range list.Items() {
			types[item.Get("InsightType").String()] = true
		}
		switch n := len(list.Items()); {
		case n == 0:
			kind += " of []"
		case len(types) < n:
			kind += " with a type given twice"
		}
	}
	if OnStore(r) {
		kind += " on an event data store"
	}
	return kind + " where " + strings.TrimPrefix(model.Step(s, r)[0].Answer.Kind(), "an ") + " is due"
}

// lateness is how requests of one kind were answered that once were not in time.
type lateness struct{ total, inRow, last atomic.Int64 }

// timedOut notes a request that was not answered in time.
func (s *Status) timedOut(kind string) {
	known, _ := s.late.LoadOrStore(kind, &lateness{})
	late := known.(*lateness)
	late.total.Add(1)
	late.inRow.Add(1)
	late.last.Store(int64(time.Since(s.Started)))
	s.hangs.Store(true)
}

// inTime notes a request that was answered.
func (s *Status) inTime(before model.State, r model.Request) {
	if s.hangs.Load() {
		if late, known := s.late.Load(kindOf(before, r)); known {
			late.(*lateness).inRow.Store(0)
		}
	}
}

// TimedOut counts the requests that were not answered in time, by their kind, and lists the kinds that hang.
func (s *Status) TimedOut() (counts map[string]int, hanging []string) {
	counts = map[string]int{}
	for kind, late := range s.late.Range {
		counts[kind.(string)] = int(late.(*lateness).total.Load())
		if late.(*lateness).inRow.Load() >= maxLate {
			hanging = append(hanging, kind.(string))
		}
	}
	slices.Sort(hanging)
	return counts, hanging
}

// Hangs reports whether a request is of a kind that was not answered in time, several times in a row: it is sent again
// to confirm that, and now and then. In an eventually consistent target answers get lost on the way.
func (s *Session) Hangs(r model.Request) bool {
	status := s.client.Status
	if s.client.Patient || s.client.Eventual() || !status.hangs.Load() {
		return false
	}
	known, ok := status.late.Load(kindOf(s.State(), r))
	if !ok {
		return false
	}
	late := known.(*lateness)
	return late.inRow.Load() >= maxLate && time.Since(status.Started)-time.Duration(late.last.Load()) < tryAgain
}

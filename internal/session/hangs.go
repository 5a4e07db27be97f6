package session

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/insightconform/conform/model"
)

// kindOf names what requests have in common that a target is likely to treat alike: the operation, what is special
// about the selectors, and the answer that is due.
func kindOf(s model.State, r model.Request) string {
	kind := string(r.Op)
	if r.Malformed() {
		return kind + ", malformed"
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

package session

import (
	"strings"
	"sync/atomic"

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

// timedOut notes a request that was not answered in time.
func (s *Status) timedOut(kind string) {
	n, _ := s.late.LoadOrStore(kind, new(atomic.Int64))
	n.(*atomic.Int64).Add(1)
	s.hangs.Store(true)
}

// TimedOut counts the requests that were not answered in time, by their kind.
func (s *Status) TimedOut() map[string]int {
	counts := map[string]int{}
	for kind, n := range s.late.Range {
		counts[kind.(string)] = int(n.(*atomic.Int64).Load())
	}
	return counts
}

// Hangs reports whether a request is of a kind that was not answered in time once: it is sent again only to confirm
// that. In an eventually consistent target answers get lost on the way.
func (s *Session) Hangs(r model.Request) bool {
	if c := s.client; c.Patient || c.Eventual() || !c.Status.hangs.Load() {
		return false
	}
	_, known := s.client.Status.late.Load(kindOf(s.State(), r))
	return known
}

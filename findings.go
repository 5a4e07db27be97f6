package conform

import (
	"cmp"
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
)

// suspicion is a finding that is not yet confirmed, with the shortest case seen for it.
type suspicion struct {
	finding model.Finding
	raw     string // the signature that a replay shows, where experiments have changed the rule
	// broken lists the rules that the diverging request breaks, where it breaks several: which of
	// them the finding belongs to is decided when it is confirmed.
	broken []model.ID
	steps  []step // from a fresh world to the diverging answer
	count  int
	rash   bool // it may rest on an old state of an eventually consistent target
}

// key tells suspicions apart before they are confirmed. It is finer than the signature: requests
// that differ in a trait of their own may turn out to be different divergences.
func (s *suspicion) key() string {
	parts := []string{s.finding.Signature()}
	for _, id := range s.broken {
		parts = append(parts, string(id))
	}
	// Which traits the deciding requests have; the rest of the case is left to the experiments.
	deciding := []model.Request{s.steps[len(s.steps)-1].request}
	if s.finding.Step < len(s.steps)-1 {
		deciding = append(deciding, s.steps[s.finding.Step].request)
	}
	for _, c := range controls {
		if c.applies(deciding) {
			parts = append(parts, string(c.rule))
		}
	}
	return strings.Join(parts, "|")
}

// event tells of a suspicion when it is new.
func (s *suspicion) event() reports.Event {
	d := reports.Divergence{Signature: s.finding.Signature(), Rule: s.finding.Rule, Level: s.finding.Level, Operation: string(s.finding.Operation),
		Expected: s.finding.Expected, Actual: s.finding.Actual, Count: 1, Status: reports.Suspected}
	if rule := model.RuleOf(s.finding.Rule); rule != nil {
		d.Statement, d.Source = rule.Statement, rule.Source
	}
	for i, x := range s.steps {
		step := reports.NewStep(i+1, x.request, x.reply, x.expected)
		step.Diverges = x.diverges || i == len(s.steps)-1
		d.Steps = append(d.Steps, step)
	}
	return reports.Event{Event: reports.EventSuspicion, Divergence: &d}
}

// suspicions collects what one worker finds, the shortest case of each kind.
type suspicions map[string]*suspicion

// maxSuspicions bounds what a hopelessly different target can pile up in one worker.
const maxSuspicions = 2000

// add takes a finding in, keeping its steps as they are now, and reports whether it is the first of
// its kind.
func (all suspicions) add(s *suspicion) bool {
	key := s.key()
	known, ok := all[key]
	if !ok {
		if len(all) < maxSuspicions {
			s.steps = slices.Clone(s.steps)
			all[key] = s
		}
		return true
	}
	known.count += s.count
	if s.betterThan(known) {
		known.steps, known.finding, known.rash = slices.Clone(s.steps), s.finding, s.rash
	}
	return false
}

// betterThan prefers the case that rests on no old state, then the stronger level, then the shorter one.
func (s *suspicion) betterThan(known *suspicion) bool {
	if s.rash != known.rash {
		return known.rash
	}
	return s.finding.Level > known.finding.Level || s.finding.Level == known.finding.Level && len(s.steps) < len(known.steps)
}

// sorted lists the suspicions in an order that does not depend on chance: strongest level first, then
// fewest broken rules, then signature and length.
func (all suspicions) sorted() []*suspicion {
	out := make([]*suspicion, 0, len(all))
	keys := make(map[*suspicion]string, len(all))
	for key, s := range all {
		out = append(out, s)
		keys[s] = key
	}
	slices.SortFunc(out, func(a, b *suspicion) int {
		return cmp.Or(cmp.Compare(b.finding.Level, a.finding.Level), cmp.Compare(len(a.broken), len(b.broken)),
			cmp.Compare(keys[a], keys[b]))
	})
	return out
}

// Package diagnose makes divergences of suspicions: it plays a case again on fresh worlds, shortens it,
// and finds the rule that it belongs to.
package diagnose

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
)

// Divergence is a finding with the case that shows it. It is suspected at first, then confirmed or not.
type Divergence struct {
	Finding model.Finding
	Raw     string         // the signature that a replay shows, where experiments have changed the rule
	Steps   []session.Step // from a fresh world to the diverging answer
	Count   int
	Again   int         // attempts on a fresh world in which it repeated
	Tries   int         // attempts
	Also    []string    // signatures of what shows only after this one, or is seen now and then with it
	first   *Divergence // the sight that was confirmed during the exploration, if one was
	As      []string    // the keys of the suspicions that it has come from

	rate      string     // of what is seen now and then
	elsewhere bool       // it repeated at another step than the one at which it was seen
	Doubtful  bool       // it may rest on an old state of an eventually consistent target
	broken    []model.ID // the rules that the diverging request breaks, where it breaks several
}

// Suspect makes a suspicion of what a session has just found.
func Suspect(s *session.Session, f model.Finding) *Divergence { return suspicion(f, s.Steps) }

func suspicion(f model.Finding, steps []session.Step) *Divergence {
	return &Divergence{Finding: f, Raw: f.Signature(), Count: 1, Steps: steps, broken: brokenBy(&steps[len(steps)-1])}
}

// Event tells of the suspicion when it is new.
func (d *Divergence) Event() reports.Event {
	out := d.Report()
	out.Count, out.Status, out.Seen, out.States = 1, reports.Suspected, "", nil
	return reports.Event{Event: reports.EventSuspicion, Divergence: &out}
}

// brokenBy lists the rules that a step breaks, where it breaks several.
func brokenBy(step *session.Step) []model.ID {
	if broken := model.Broken(step.Before, step.Request); len(broken) > 1 {
		return broken
	}
	return nil
}

// Key tells suspicions apart. It is finer than the signature: requests that differ in a trait of their
// own may turn out to be different divergences.
func (d *Divergence) Key() string {
	parts := []string{d.Finding.Signature()}
	for _, id := range d.broken {
		parts = append(parts, string(id))
	}
	deciding := []model.Request{d.Steps[len(d.Steps)-1].Request} // the rest of the case is left to the experiments
	if d.Finding.Step < len(d.Steps)-1 {
		deciding = append(deciding, d.Steps[d.Finding.Step].Request)
	}
	for _, c := range controls {
		if c.applies(deciding) {
			parts = append(parts, string(c.rule))
		}
	}
	return strings.Join(parts, "|")
}

// betterThan prefers the case that rests on no old state, then the stronger level, then the shorter one.
func (d *Divergence) betterThan(known *Divergence) bool {
	if d.Doubtful != known.Doubtful {
		return known.Doubtful
	}
	return d.Finding.Level > known.Finding.Level || d.Finding.Level == known.Finding.Level && len(d.Steps) < len(known.Steps)
}

// merge takes in another sight of the same divergence.
func (d *Divergence) merge(o *Divergence) {
	count, first, as := d.Count+o.Count, cmp.Or(d.first, o.first), slices.Concat(d.As, o.As)
	if o.Again > 0 && d.Again == 0 || (o.Again > 0) == (d.Again > 0) && o.betterThan(d) {
		*d = *o
	}
	d.Count, d.first, d.As = count, first, as
}

// Report renders the divergence, without what only a run knows.
func (d *Divergence) Report() reports.Divergence {
	f := d.Finding
	out := reports.Divergence{Signature: f.Signature(), Rule: f.Rule, Level: f.Level, Operation: string(f.Operation), Expected: f.Expected,
		Actual: f.Actual, Count: d.Count, Status: reports.Unrepeated, Seen: fmt.Sprintf("%d of %d", d.Again, d.Tries), Rate: d.rate, Also: d.Also}
	switch {
	case d.Again > 0:
		out.Status = reports.Confirmed
	case d.Tries == 0:
		out.Status = reports.NotTried
	}
	if d.Raw != out.Signature {
		out.Raw = d.Raw
	}
	if rule := model.RuleOf(f.Rule); rule != nil {
		out.Statement, out.Source = rule.Statement, rule.Source
	} else {
		out.Statement, out.Source = "Of several broken rules the one that stands first in the given order is answered.", "the given order"
	}
	shown := slices.ContainsFunc(d.Steps, func(s session.Step) bool { return s.Diverges })
	for i, s := range d.Steps {
		step := s.Report(i + 1)
		step.Diverges = s.Diverges || !shown && i == len(d.Steps)-1
		out.Steps = append(out.Steps, step)
		out.States = append(out.States, resourceStates(s.State))
	}
	return out
}

// resourceStates lists what the model holds of each resource.
func resourceStates(s model.State) []reports.ResourceState {
	out := []reports.ResourceState{}
	add := func(resource string, on model.Selectors, logs model.Logs, logging bool) {
		x := reports.ResourceState{Resource: resource, Logs: logs.String(), Logging: logging}
		for _, e := range on.Effective().Entries() {
			if x.On == nil {
				x.On = map[string][]string{}
			}
			name := model.TypeNames[e.Type]
			x.On[name] = append(x.On[name], e.Categories.Names()...)
		}
		out = append(out, x)
	}
	for i := range s.Trails {
		t := &s.Trails[i]
		add("trail/"+t.Home+"/"+t.Name, t.Insights, t.Logs, t.Logging)
	}
	for i := range s.Stores {
		x := &s.Stores[i]
		add("store/"+x.Home+"/"+x.ID, x.Insights, x.Logs, x.Ingesting && !x.Pending)
	}
	return out
}

// Suspicions collects what was found, the best case of each kind.
type Suspicions map[string]*Divergence

// Add takes a suspicion in, its steps as they are now, and reports whether it is the first of its kind.
func (all Suspicions) Add(d *Divergence) bool {
	key := d.Key()
	known, ok := all[key]
	if !ok {
		if len(all) < maxSuspicions {
			mine := *d
			mine.Steps, mine.As = slices.Clone(d.Steps), []string{key}
			all[key] = &mine
		}
		return true
	}
	known.Count += d.Count
	known.first = cmp.Or(known.first, d.first)
	if d.betterThan(known) {
		known.Steps, known.Finding, known.Doubtful = slices.Clone(d.Steps), d.Finding, d.Doubtful
	}
	return false
}

// Confirmed keeps of the suspicions with a key that one of them was confirmed.
func (all Suspicions) Confirmed(key string, d *Divergence) {
	if known := all[key]; known != nil {
		known.first = d
	}
}

// Sorted lists the suspicions, never by chance: strongest level first, then fewest broken rules, then signature.
func (all Suspicions) Sorted() []*Divergence {
	keys := slices.SortedFunc(maps.Keys(all), func(x, y string) int {
		a, b := all[x], all[y]
		return cmp.Or(cmp.Compare(b.Finding.Level, a.Finding.Level), cmp.Compare(len(a.broken), len(b.broken)), cmp.Compare(x, y))
	})
	out := make([]*Divergence, len(keys))
	for i, key := range keys {
		out[i] = all[key]
	}
	return out
}

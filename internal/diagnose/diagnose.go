// Package diagnose makes divergences of suspicions: it plays a case again on fresh worlds, shortens it,
// and finds the rule that it belongs to.
package diagnose

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/generators/catalogue"
	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/describe"
	"github.com/insightconform/conform/targets"
)

// Divergence is a finding with the case that shows it. It is suspected at first, then confirmed or not.
type Divergence struct {
	Finding model.Finding
	Raw     string         // the signature that a replay shows, where experiments have changed the rule
	Steps   []session.Step // from a fresh world to the diverging answer
	sights
	Again  int           // attempts on a fresh world in which it repeated
	Tries  int           // attempts
	Also   []string      // signatures of what shows only after this one, or is seen now and then with it
	others []*Divergence // other sights: one that was confirmed during the exploration, and of a crash other requests
	As     []string      // the keys of the suspicions that it has come from

	rate     string     // of what is seen now and then
	Harm     bool       // what should have been refused has changed what is stored
	form     model.ID   // the rule that promises the form of its request, where the target refuses each of that form
	Doubtful bool       // it may rest on an old state of an eventually consistent target
	broken   []model.ID // the rules that the diverging request breaks, where it breaks several
}

// Suspect makes a suspicion of what a session has just found.
func Suspect(s *session.Session, f model.Finding) *Divergence {
	d := suspicion(f, s.Steps)
	d.begun, d.seen = s.Begun, time.Now()
	return d
}

func suspicion(f model.Finding, steps []session.Step) *Divergence {
	return &Divergence{Finding: f, Raw: f.Signature(), sights: sights{Count: 1}, Steps: steps, broken: brokenBy(&steps[len(steps)-1])}
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
	parts = append(parts, session.Forms(d.lastStep().Request)...)
	return strings.Join(parts, "|")
}

// betterThan prefers the case that rests on no old state, then the stronger level, then harm, then trails to stores,
// then fewer broken rules, then fewer steps.
func (d *Divergence) betterThan(known *Divergence) bool {
	rank := func(x *Divergence) []int {
		stores := slices.ContainsFunc(x.Steps, func(s session.Step) bool { return session.OnStore(s.Request) })
		return []int{flag(x.Doubtful), -int(x.Finding.Level), flag(!x.Harm), flag(stores), len(x.broken), len(x.Steps)}
	}
	return slices.Compare(rank(d), rank(known)) < 0
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// merge takes in another sight of the same divergence.
func (d *Divergence) merge(o *Divergence) {
	seen, others, as, form := d.sights, slices.Concat(d.others, o.others), slices.Concat(d.As, o.As), cmp.Or(d.form, o.form)
	seen.add(o.sights)
	if d.Finding.Actual == session.Dropped {
		others = append(others, new(*d), new(*o)) // only one of them may be what crashed the target
	}
	if o.Again > 0 && d.Again == 0 || (o.Again > 0) == (d.Again > 0) && o.betterThan(d) {
		*d = *o
	}
	d.sights, d.others, d.As, d.form = seen, others, as, form
}

// Decided reports whether a divergence is confirmed, and experiments have decided which rule it is of: they leave long
// cases alone until those are shortened.
func (d *Divergence) Decided() bool { return d.Again > 0 && len(d.Steps) <= maxExperimented }

// Report renders the divergence, without what only a run knows.
func (d *Divergence) Report() reports.Divergence {
	f := d.Finding
	out := reports.Divergence{Signature: f.Signature(), Rule: f.Rule, Level: f.Level, Operation: string(f.Operation), Count: d.Count,
		Status: reports.Unrepeated, Seen: fmt.Sprintf("%d of %d", d.Again, d.Tries), Rate: d.rate, Also: d.Also}
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
	expected := strings.Join(f.Expected[:min(1, len(f.Expected))], "")
	out.Expected, out.Actual = describe.Contrast(out.Steps, f.Rule, d.lastStep().Accepted(), expected, f.Actual)
	out.Steps[len(out.Steps)-1].Allowed = out.Expected
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
	known.add(d.sights)
	known.others = append(known.others, d.others...)
	better := d.betterThan(known)
	// What the target was sent meanwhile may be what crashed it: then any of the requests may be the one.
	if d.Finding.Actual == session.Dropped && len(known.others) < maxOthers && !known.shows(d.last()) {
		other := &Divergence{Finding: d.Finding, Raw: d.Raw, Steps: slices.Clone(d.Steps)}
		if better {
			other = &Divergence{Finding: known.Finding, Raw: known.Raw, Steps: known.Steps}
		}
		known.others = append(known.others, other)
	}
	if better {
		known.show(d)
	}
	return false
}

// Prefer has a case shown that is among the suspicions already, and has turned out to do harm.
func (all Suspicions) Prefer(d *Divergence) {
	if known, ok := all[d.Key()]; ok && d.betterThan(known) {
		known.show(d)
	}
}

func (d *Divergence) show(o *Divergence) {
	d.Steps, d.Finding, d.Doubtful, d.Harm = slices.Clone(o.Steps), o.Finding, o.Doubtful, o.Harm
}

// last is the request that showed the divergence.
func (d *Divergence) last() string { return generators.Key(d.Steps[len(d.Steps)-1].Request) }

// shows reports whether a request is the last of one of the cases.
func (d *Divergence) shows(last string) bool {
	return d.last() == last || slices.ContainsFunc(d.others, func(o *Divergence) bool { return o.last() == last })
}

// Confirmed keeps of the suspicions with a key that one of them was confirmed.
func (all Suspicions) Confirmed(key string, d *Divergence) {
	if known := all[key]; known != nil {
		known.others = append(known.others, d)
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

// Player plays cases on fresh worlds. Its client's requests are counted apart from the exploration's.
type Player struct {
	Client  *session.Client
	singles map[string]single // by operation and rule
	enough  int               // requests after which what is seen now and then is not repeated any more
	flaky   map[model.Op]int  // how often an operation was seen to answer wrongly now and then
}

// NewPlayer makes a player that sends by a client.
func NewPlayer(client *session.Client) *Player {
	client.Patient = true
	return &Player{Client: client, singles: map[string]single{}, flaky: map[model.Op]int{}, enough: math.MaxInt}
}

// The bounds of what is played.
const (
	maxTries          = 3    // of a divergence
	MaxShrinkRequests = 500  // that may be spent on one divergence
	maxPaired         = 8    // steps of a case up to which leaving out pairs fits into the budget
	maxExperimented   = 25   // steps of a case that is not yet the shortest and is experimented with all the same
	maxOthers         = 8    // cases that are kept of a crash beside the shortest
	maxSuspicions     = 2000 // that a hopelessly different target can pile up
)

// Play sends requests to a fresh world, waiting for it to settle wherever that matters, until all are
// sent, until says that it was enough, or the world is lost. Where a write may have rested on an old
// state, or its answer got lost, it begins anew. until is asked after each request; nil is never.
func (p *Player) Play(ctx context.Context, requests []model.Request, until func(*session.Session) bool) (*session.Session, error) {
	over := func(s *session.Session) bool { return p.Client.Spent(ctx) || until != nil && until(s) }
	policy := session.Policy{Wait: true}
	for lost := 0; ; {
		if err := ctx.Err(); err != nil { // a world would have to be cleaned up
			return nil, err
		}
		s, err := p.Client.New(targets.Fresh.On(ctx), policy, nil)
		if err != nil {
			return nil, err
		}
		for _, r := range requests {
			if !s.Alive(ctx) || over(s) {
				break
			}
			s.Do(ctx, r)
		}
		s.Close(ctx)
		switch {
		case ctx.Err() != nil || over(s):
			return s, nil
		case s.Early() >= 0 && !slices.Contains(policy.SettleBefore, s.Early()):
			policy.SettleBefore = append(policy.SettleBefore, s.Early())
		case s.LostWrite() && lost < maxTries:
			lost++
		default:
			return s, nil
		}
	}
}

// find plays requests until something wanted is found, and returns it; nil where nothing is, or by chance alone.
func (p *Player) find(ctx context.Context, requests []model.Request, wanted func(session.Found) bool) *Divergence {
	for range maxTries {
		if found := p.once(ctx, requests, wanted); found == nil || !p.isFlaky(found) || p.hasCause(ctx, found) {
			return found
		}
	}
	return nil
}

// once plays requests until something wanted is found, and returns it; nil where nothing is.
func (p *Player) once(ctx context.Context, requests []model.Request, wanted func(session.Found) bool) *Divergence {
	s, err := p.Play(ctx, requests, func(s *session.Session) bool { return slices.ContainsFunc(s.Found, wanted) })
	if err != nil {
		return nil
	}
	return firstOf(s, s.Found, wanted)
}

// firstOf is the first finding that is wanted, with the steps up to the one that showed it; nil for none.
func firstOf(s *session.Session, found []session.Found, wanted func(session.Found) bool) *Divergence {
	for _, f := range found {
		if wanted(f) {
			return &Divergence{Finding: f.Finding, Raw: f.Signature(), Steps: s.Steps[:f.At+1], Harm: f.Harm}
		}
	}
	return nil
}

// reliable reports whether a finding rests on an answer.
func (p *Player) reliable(f session.Found) bool { return p.Client.RestsOnAnswer(f.Finding) }

// causes wants what a divergence may be a consequence of, or the same again.
func (p *Player) causes(d *Divergence) func(session.Found) bool {
	return func(f session.Found) bool {
		same := f.Rule == d.Finding.Rule && f.Actual == d.Finding.Actual
		return p.reliable(f) && (!f.Plain || same)
	}
}

// like wants what compares with a divergence: one that leaves the state plain is another matter than one that does not,
// and than another such answer.
func (p *Player) like(d *Divergence) func(session.Found) bool {
	return func(f session.Found) bool {
		same := f.Operation == d.Finding.Operation && f.Actual == d.Finding.Actual
		return p.reliable(f) && f.Plain == d.Finding.Plain && (!f.Plain || same)
	}
}

// signed wants findings of a signature.
func signed(signature string) func(session.Found) bool {
	return func(f session.Found) bool { return f.Signature() == signature }
}

// watch plays requests until a signature shows; nil where it does not. An answer that got lost must do so each time.
func (p *Player) watch(ctx context.Context, requests []model.Request, signature string) *Divergence {
	for tries := 1; ; tries++ {
		found := p.find(ctx, requests, signed(signature))
		if found == nil || tries == maxTries || p.Client.RestsOnAnswer(found.Finding) {
			return found
		}
	}
}

// watchEnd plays requests until something is found at the last write or a read after it.
func (p *Player) watchEnd(ctx context.Context, requests []model.Request, d *Divergence) *Divergence {
	end := 0
	for i, r := range requests {
		if !r.Op.Reads() {
			end = i
		}
	}
	like := p.like(d)
	return p.find(ctx, requests, func(f session.Found) bool { return f.At >= end && like(f) })
}

// single is how the simplest request that breaks one rule alone is answered: the kind of the answer, empty for no such
// request or answer, and what it shows of that rule, if anything.
type single struct {
	kind  string
	shows *Divergence
}

func (p *Player) single(ctx context.Context, rule model.ID, op model.Op) single {
	key := string(op) + " " + string(rule)
	it, known := p.singles[key]
	if known {
		return it
	}
	if setup, probe, ok := catalogue.Minimal(rule, op, p.Client.Model, p.Client.Scope); ok {
		it = p.last(ctx, append(slices.Clone(setup), probe))
		if it.shows != nil && it.shows.Finding.Rule != rule {
			it.shows = nil
		}
	}
	p.singles[key] = it
	return it
}

// last is how the last of some requests is answered; empty where that says nothing.
func (p *Player) last(ctx context.Context, requests []model.Request) (it single) {
	s, err := p.Play(ctx, requests, nil)
	if last := len(requests) - 1; err == nil && len(s.Steps) > last && s.Steps[last].Reply.Answer.Definite() {
		it.kind = s.Steps[last].Reply.Answer.Kind()
		it.shows = firstOf(s, s.Found, func(f session.Found) bool { return f.At == last })
	}
	return it
}

// ReplayTrace plays a trace until it shows its divergence, or as often as that may hide, and says what became of it,
// and what was found.
func (p *Player) ReplayTrace(ctx context.Context, t *reports.Trace) (reports.Replay, []*Divergence) {
	tries := 1
	if t.Status != reports.Confirmed {
		tries = maxTries
	}
	e := reports.BaselineEntry{Signature: t.Signature, Raw: t.Raw, Needs: t.Needs, Steps: reports.Requests(t.Steps)}
	out, found := p.replay(ctx, t.Rule, e, tries)
	out.Rule = t.Rule
	if out.Outcome == reports.ReplayFixed {
		out.Expected = t.Expected
	}
	return out, found
}

// ReplayEntry is ReplayTrace of an entry of a baseline.
func (p *Player) ReplayEntry(ctx context.Context, e reports.BaselineEntry) (reports.Replay, []*Divergence) {
	name, _, _ := strings.Cut(e.Signature, "|")
	rule := model.ID(name)
	if e.Seen != "" {
		return p.replay(ctx, rule, e, 3*maxTries) // it comes and goes: only a long silence says that it is gone
	}
	return p.replay(ctx, rule, e, 1)
}

// replay plays the steps of an entry until they show what it says, at most so many times.
func (p *Player) replay(ctx context.Context, rule model.ID, e reports.BaselineEntry, tries int) (
	out reports.Replay, found []*Divergence) {
	out = reports.Replay{Signature: e.Signature, Outcome: reports.ReplayFixed}
	for _, need := range e.Needs {
		if !p.Client.Can(need) {
			out.Outcome, out.Why = reports.ReplayNotCovered, "the target has no "+string(need)
			return out, found
		}
	}
	for range tries {
		s, err := p.Play(ctx, e.Steps, nil)
		if err != nil {
			out.Outcome, out.Why = reports.ReplayNotCovered, err.Error()
			return out, found
		}
		for _, f := range s.Found {
			found = append(found, suspicion(f.Finding, s.Steps[:f.At+1]))
		}
		again := firstOf(s, s.Found, signed(cmp.Or(e.Raw, e.Signature)))
		switch {
		case again != nil:
			again.Finding.Rule = rule
			now := again.Report()
			out.Outcome, out.Why = reports.ReplayDiverges, ""
			out.Steps, out.Expected, out.Actual = now.Steps, now.Expected, now.Actual
			return out, found
		case len(s.Found) > 0:
			f := s.Found[len(s.Found)-1]
			now := suspicion(f.Finding, s.Steps[:f.At+1]).Report()
			out.Outcome = reports.ReplayDifferent
			out.Steps, out.Expected, out.Actual = now.Steps, now.Expected, now.Actual
			out.Why = fmt.Sprintf("%s: %s instead of %s", f.Rule, now.Actual, strings.Join(now.Expected[:min(1, len(now.Expected))], ""))
		case s.Lost != "" || len(s.Steps) < len(e.Steps):
			out.Outcome, out.Why = reports.ReplayNotCovered, "the steps could not be played to the end: "+s.Lost
		case out.Outcome == reports.ReplayFixed && len(e.Steps) > 0:
			out.Steps = nil
			for i, step := range s.Steps[:len(e.Steps)] {
				out.Steps = append(out.Steps, step.Report(i+1))
			}
			out.Actual = describe.Kept(out.Steps, s.Steps[len(e.Steps)-1].Accepted())
		}
	}
	return out, found
}

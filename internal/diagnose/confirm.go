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
	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/wire"
)

// Options say how far suspicions are looked into.
type Options struct {
	// ShrinkRequests may be spent on shrinking. Where it is 0 all stays as it was met.
	ShrinkRequests int
	InAll          int // nothing is shortened any more once the run has sent so many; 0 is no cap
	// Tell is told, with the kind of event, of each divergence that was tried again or became shorter.
	Tell func(event string, d *Divergence)
	Note func(text string) // is told what the report should say besides
}

// resolve is Resolve for suspicions of which each is looked into.
func (p *Player) resolve(ctx context.Context, suspected []*Divergence, o Options) []*Divergence {
	found := p.lookInto(ctx, p.withoutDoubts(ctx, suspected, o), o)
	if o.ShrinkRequests == 0 {
		return merged(found)
	}
	p.shrinkAll(ctx, found, o)
	return impliedAsOne(p.flakyAsOne(p.withoutSymptoms(ctx, merged(found))))
}

// perDivergence is about what it takes, beside shortening it, to decide which rule a divergence is of.
const perDivergence = 60

// shrinkAll reduces what was confirmed, strongest level first, and decides on the shortest case whose rule it is. At first
// each has its share of the budget, then those that it did not suffice for have what is left.
func (p *Player) shrinkAll(ctx context.Context, found []*Divergence, o Options) {
	p.Client.Status.SetPhase("shrinking")
	left := o.ShrinkRequests
	if o.InAll > 0 {
		left = min(left, max(0, o.InAll-int(p.Client.Status.Requests.Load())-perDivergence*len(found)))
	}
	due := slices.DeleteFunc(slices.Clone(found), func(d *Divergence) bool { return d.Again == 0 })
	for round := range 2 {
		var unshrunk []*Divergence
		for i, d := range due {
			if ctx.Err() != nil {
				break
			}
			share, length := left, len(d.Steps)
			if round == 0 {
				share = left / (len(due) - i)
				p.worst(ctx, d)
			}
			if left -= share; !p.shrinkOne(ctx, d, &share) {
				unshrunk = append(unshrunk, d)
			}
			if left += share; len(d.Steps) < length {
				o.Tell(reports.EventShrunk, d)
			}
		}
		due = unshrunk
	}
	if len(due) > 0 {
		o.Note(fmt.Sprintf("%s may have a shorter sequence: the budget for shrinking, or the time, was spent; raise --shrink-requests or --time", plain.Counted(len(due), "divergence")))
	}
}

// shrinkOne reduces a divergence within a budget, which it takes its requests from, and reports whether it came to an
// end. What an experiment has made another case of is not yet the shortest of its kind.
func (p *Player) shrinkOne(ctx context.Context, d *Divergence, budget *int) (whole bool) {
	for {
		before, raw := p.Client.Requests, d.Raw
		_, whole = p.Shrink(ctx, d, *budget)
		*budget -= p.Client.Requests - before
		if p.attribute(ctx, d); !whole || d.Raw == raw {
			return whole
		}
	}
}

// worst looks whether a Put that should have been refused changes what was stored before it.
func (p *Player) worst(ctx context.Context, d *Divergence) {
	requests, last := session.Requests(d.Steps), len(d.Steps)-1
	created := slices.IndexFunc(requests, func(r model.Request) bool { return r.Op == model.OpCreate })
	if d.Harm || d.Finding.Actual != "success" || d.shownBy() != model.OpPut || created < 0 {
		return
	}
	enable := generators.In(requests[created].Region, generators.PlainPut(requests[created].Input.Get("Name").Text()))
	if found := p.watch(ctx, slices.Insert(requests, last, enable), d.Raw); found != nil && found.Harm {
		d.take(found)
	}
}

// impliedAsOne lists under a rule what a target cannot but show as well that breaks it: what the same operation answers in
// the same way where the code for trails or stores that are not there would have done, for it does not look for them.
func impliedAsOne(found []*Divergence) []*Divergence {
	causes := slices.DeleteFunc(slices.Clone(found), func(d *Divergence) bool { return d.Again == 0 || implied[d.Finding.Rule] == nil })
	return slices.DeleteFunc(found, func(d *Divergence) bool {
		i := slices.IndexFunc(causes, func(c *Divergence) bool { return c.implies(d) })
		if i >= 0 {
			causes[i].addSymptom(d)
		}
		return i >= 0
	})
}

func (d *Divergence) implies(o *Divergence) bool {
	a, b := d.Finding, o.Finding
	if a.Rule == model.StateInitiallyOff { // of new stores no rule of their own speaks
		return b.Rule == model.GetReflectsPut && b.Operation == model.OpCreateStore && a.Actual == b.Actual
	}
	return a.Operation == b.Operation && a.Actual == b.Actual && a.Level >= b.Level && slices.Contains(implied[a.Rule], b.Rule) &&
		slices.Contains(b.Expected, model.RuleOf(a.Rule).Code)
}

// implied are the rules that hold by themselves where another one does.
var implied = map[model.ID][]model.ID{
	model.TrailNotFound:     {model.TrailNameSyntax, model.TrailARNSyntax, model.TrailOtherAccount, model.TrailHomeRegion, model.TrailDeleteForgets},
	model.StateInitiallyOff: {model.GetReflectsPut},
	model.StoreNotFound:     {model.StoreIDSyntax, model.StoreOtherAccount},
}

// addSymptom lists another divergence under the one that it is a consequence of.
func (d *Divergence) addSymptom(o *Divergence) {
	d.Also, d.As = append(append(d.Also, o.Finding.Signature()), o.Also...), append(d.As, o.As...)
}

// ResolveOne tries one suspicion again, which is not doubtful, decides which rule it belongs to where the case is short or
// thorough asks for it, and reports whether it is confirmed. Its case is not shortened.
func (p *Player) ResolveOne(ctx context.Context, d *Divergence, thorough bool) bool {
	if thorough || len(d.Steps) <= maxExperimented {
		p.group(ctx, []*Divergence{d})
	}
	p.confirm(ctx, d)
	if d.unsteady() {
		p.flaky[d.shownBy()] += d.Count
		p.confirm(ctx, d)
	}
	return d.Again > 0
}

// group experiments with each suspicion, and joins those that look like one divergence: shrinking each
// of them would take three times the requests. On its shortest case it is decided which rule it is.
func (p *Player) group(ctx context.Context, suspected []*Divergence) []*Divergence {
	for _, d := range suspected {
		if p.over(ctx) {
			continue
		}
		if p.isFlaky(d) {
			if p.confirm(ctx, d); d.Again == 0 {
				continue // there is no cause to look for
			}
		}
		p.blame(ctx, d)
	}
	return merged(suspected)
}

// confirmAll tries again what was suspected, and drops what rests on answers that did not come, came as a 5xx
// or no JSON, or said that another call is at work or that nothing is there any more, unless it repeats: a server
// that now and then fails, is busy or was restarted says nothing about how it behaves.
func (p *Player) confirmAll(ctx context.Context, suspected []*Divergence, o Options) []*Divergence {
	return slices.DeleteFunc(suspected, func(d *Divergence) bool {
		if !p.over(ctx) && (d.Tries == 0 || d.Again > 0) {
			p.confirm(ctx, d)
			o.Tell(reports.EventConfirmation, d)
		}
		for _, other := range d.others { // the shortest case may be one that another request disturbed
			if d.Again > 0 || d.Finding.Rule == model.WireNoCrash && p.Client.Eventual() { // answers get lost on the way
				break
			}
			tried := *other
			if p.confirm(ctx, &tried); p.over(ctx) { // what was confirmed before is
				tried = *other
			}
			if tried.Again > 0 {
				tried.sights, tried.As, tried.form = d.sights, d.As, d.form
				*d = tried
			}
		}
		silence := (d.Finding.Rule == model.WireNoCrash || d.Finding.Actual == wire.Busy || d.forgot()) && d.Again == 0 &&
			(d.Tries > 0 || ctx.Err() == nil)
		if silence {
			again := "not for the same request again"
			if d.Tries == 0 {
				again = "not tried again before the run ended"
			}
			o.Note(fmt.Sprintf("%s to %s, %s, and so no divergence: seen %s",
				d.Finding.Actual, d.Finding.Operation, again, plain.Counted(d.Count, "time")))
		}
		return silence
	})
}

// sights says how often a divergence was seen, when the last of the worlds in which it was had begun, and when it was
// seen first.
type sights struct {
	Count       int
	begun, seen time.Time
}

func (s *sights) add(o sights) {
	s.Count += o.Count
	if o.begun.After(s.begun) {
		s.begun = o.begun
	}
	if o.seen.Before(s.seen) {
		s.seen = o.seen
	}
}

// atOnce reports whether one moment, such as a restart of the target, can explain all sights: the worlds were all there.
func (s *sights) atOnce() bool { return !s.seen.IsZero() && !s.begun.After(s.seen) }

// forgot reports whether some answer of a case says that a trail or store is not there which the model has, and it was
// seen once or twice, or only in worlds that were there at one moment, as at a restart.
func (d *Divergence) forgot() bool {
	noStore := model.RuleOf(model.StoreNotFound)
	return (d.Count <= 2 || d.atOnce()) && slices.ContainsFunc(d.Steps, func(s session.Step) bool {
		code := s.Reply.Answer.Code
		return s.Reply.Answer.Outcome == model.Refused && model.Resource(s.Before, s.Request) != "" &&
			(strings.HasSuffix(code, "NotFoundException") || // of trails, of stores, of any resource
				session.OnStore(s.Request) && (code == noStore.Code || slices.Contains(noStore.Also, code)))
	})
}

// merged joins the divergences of one signature.
func merged(found []*Divergence) []*Divergence {
	bySignature := map[string]*Divergence{}
	return slices.DeleteFunc(found, func(d *Divergence) bool {
		known := bySignature[d.Finding.Signature()]
		if known == nil {
			bySignature[d.Finding.Signature()] = d
			return false
		}
		known.merge(d)
		return true
	})
}

// withoutSymptoms drops divergences that, in their shortest case, show only after another one of no lower level.
func (p *Player) withoutSymptoms(ctx context.Context, found []*Divergence) []*Divergence {
	return slices.DeleteFunc(found, func(d *Divergence) bool {
		if d.Again == 0 {
			return false
		}
		earlier, shown := p.after(ctx, d)
		if !shown && ctx.Err() == nil && !p.Client.Eventual() && d.Finding.Rule != model.WireNoCrash { // it was chance that confirmed it
			p.flaky[d.shownBy()] += d.Count
			p.hasCause(ctx, d)
		}
		if earlier == nil {
			return false
		}
		p.attribute(ctx, earlier)
		cause := slices.IndexFunc(found, func(o *Divergence) bool {
			return o != nil && o != d && o.Finding.Signature() == earlier.Finding.Signature()
		})
		if cause < 0 || found[cause].Finding.Level < d.Finding.Level {
			return false
		}
		found[cause].addSymptom(d)
		return true
	})
}

// withoutDoubts keeps of what may rest on an old state what shows something on worlds that have settled.
func (p *Player) withoutDoubts(ctx context.Context, suspected []*Divergence, o Options) []*Divergence {
	before := len(suspected)
	kept := slices.DeleteFunc(suspected, func(d *Divergence) bool {
		for tries := 0; d.Doubtful && tries < 2; tries++ {
			if found := p.find(ctx, session.Requests(d.Steps), p.reliable); found != nil {
				d.take(found)
				d.broken = brokenBy(&found.Steps[len(found.Steps)-1])
				return false
			}
		}
		return d.Doubtful && ctx.Err() == nil
	})
	if dropped := before - len(kept); dropped > 0 {
		o.Note(fmt.Sprintf("%s of the kind that an old state explains did not repeat once the target had settled", plain.Counted(dropped, "answer")))
	}
	return kept
}

// over reports whether nothing can be tried any more: the run has ended, or the target is lost.
func (p *Player) over(ctx context.Context) bool {
	return ctx.Err() != nil || p.Client.Status.TargetLost()
}

// confirm plays a case until it repeats: what crashes the target each time, what may be chance until it is none.
func (p *Player) confirm(ctx context.Context, d *Divergence) {
	if p.isFlaky(d) {
		if p.Client.Requests < p.enough {
			p.hasCause(ctx, d)
		}
		return
	}
	needed, most := 1, maxTries
	if d.Finding.Rule == model.WireNoCrash {
		if p.Client.Eventual() { // where answers get lost on the way, three may be lost by chance
			most = 2 * maxTries
		}
		needed = most
	}
	if d.Finding.Actual == session.NoAnswer {
		ctx = targets.Patient.On(ctx)
	}
	requests := session.Requests(d.Steps)
	again := func(f session.Found) bool { // a target that crashes now and then does so somewhere in each long case
		return f.Signature() == d.Raw && (d.Finding.Rule != model.WireNoCrash || f.At >= len(requests)-1)
	}
	for d.Tries, d.Again = 0, 0; d.Tries < most && d.Again < needed && !p.over(ctx); {
		found := p.find(ctx, requests, again)
		d.Tries++
		if found == nil || d.Finding.Rule == model.WireNoCrash && !p.Client.Answers(ctx) {
			continue
		}
		d.Again++
		// What is shown is the case as it was confirmed.
		d.playedAs(found)
	}
	if d.Again < needed {
		d.Again = 0
	}
	if d.Again == 0 && p.over(ctx) { // before it was known
		d.Tries = 0
	}
}

// A target that answers wrongly now and then shows some of that again by chance, the more likely the longer a case is.
// So where an operation was seen to do that, only the last answer of a case counts, which is wrong by chance at the
// rate of the operation, and it is repeated until chance is too unlikely.
const (
	maxChance = 0.001 // that what repeated has no cause
	rarest    = 0.05  // the rate that is assumed at least
	maxFailed = 2     // tries that do not show it, after which it counts as chance
)

// shownBy is the operation whose answer showed a divergence.
func (d *Divergence) shownBy() model.Op { return d.Steps[len(d.Steps)-1].Request.Op }

// unsteady reports whether a divergence did not show each time. Silence has a rule of its own.
func (d *Divergence) unsteady() bool {
	return d.Finding.Rule != model.WireNoCrash && d.Again < d.Tries
}

// Learn takes over which operations another player saw answer wrongly now and then.
func (p *Player) Learn(other *Player) { maps.Copy(p.flaky, other.flaky) }

// isFlaky reports whether a divergence may be one of those that its operation shows now and then.
func (p *Player) isFlaky(d *Divergence) bool {
	return d.Finding.Rule != model.WireNoCrash && p.flaky[d.shownBy()] > 0 && !p.Client.Eventual()
}

// hasCause plays a case until chance is too unlikely to show its last answer so often, and reports whether it is.
func (p *Player) hasCause(ctx context.Context, d *Divergence) bool {
	op, requests := d.shownBy(), session.Requests(d.Steps)
	// Twice as often as was seen: wrong may also be the answer from which the state before was read back.
	rate := min(0.5, max(rarest, 2*float64(p.flaky[op])/float64(max(1, p.Client.Status.Asked(op)))))
	again := func(f session.Found) bool { return f.At >= len(requests)-1 && f.Signature() == d.Raw }
	for d.Tries, d.Again = 0, 0; d.Tries-d.Again < maxFailed && !p.over(ctx); {
		d.Tries++
		if p.once(ctx, requests, again) == nil {
			continue
		}
		d.Again++
		if chance := math.Pow(rate, float64(d.Again)); chance*math.Pow(float64(d.Tries), float64(d.Tries-d.Again)) < maxChance {
			return true
		}
	}
	d.Again = 0
	if p.over(ctx) {
		d.Tries = 0
	}
	return false
}

// lookInto tries suspicions again. Where some that one operation showed came and went, chance may have confirmed others
// and led the experiments: then all are looked into once more.
func (p *Player) lookInto(ctx context.Context, suspected []*Divergence, o Options) []*Divergence {
	for {
		if len(p.flaky) > 0 { // the shortest first: what goes beyond the budget counts as chance
			slices.SortStableFunc(suspected, func(a, b *Divergence) int { return len(a.Steps) - len(b.Steps) })
			p.enough = p.Client.Requests + cmp.Or(o.ShrinkRequests, MaxShrinkRequests)
		}
		var copies []*Divergence
		for _, d := range suspected {
			copies = append(copies, new(*d))
		}
		found := p.confirmAll(ctx, p.group(ctx, copies), o)
		if ctx.Err() != nil || p.Client.Eventual() || !p.doubts(found) {
			return p.flakyAsOne(found)
		}
		clear(p.singles)
	}
}

// doubts notes operations newly seen to answer wrongly now and then, and whether one showed several divergences.
func (p *Player) doubts(found []*Divergence) (several bool) {
	seen, shown := maps.Clone(p.flaky), map[model.Op]int{}
	for _, d := range found {
		shown[d.shownBy()]++
		if d.unsteady() && p.flaky[d.shownBy()] == 0 {
			seen[d.shownBy()] += d.Count
		}
	}
	for op := range seen {
		several = several || p.flaky[op] == 0 && shown[op] > 1
	}
	p.flaky = seen
	return several
}

// flakyAsOne keeps of what an operation shows now and then the strongest, of its own rules first, most frequent one.
func (p *Player) flakyAsOne(found []*Divergence) []*Divergence {
	if p.Client.Eventual() { // what comes and goes may be late
		return found
	}
	flaky := slices.DeleteFunc(slices.Clone(found), func(d *Divergence) bool { return d.Again > 0 || d.Tries == 0 && !p.isFlaky(d) })
	by := func(d *Divergence) model.Op {
		op := d.shownBy()
		if i := slices.IndexFunc(d.Steps, func(s session.Step) bool { return s.Diverges && p.flaky[s.Request.Op] > 0 }); i >= 0 {
			op = d.Steps[i].Request.Op // after which right answers may look wrong
		}
		if op == model.OpTrail && p.flaky[model.OpGet] > 0 {
			op = model.OpGet // which was asked whether the flag or the selectors are wrong
		}
		return op
	}
	other := func(d *Divergence) string { return strings.TrimPrefix(string(d.Finding.Operation), string(by(d))) }
	slices.SortStableFunc(flaky, func(a, b *Divergence) int {
		return cmp.Or(cmp.Compare(b.Finding.Level, a.Finding.Level), strings.Compare(other(a), other(b)), b.Count-a.Count,
			strings.Compare(a.Finding.Signature(), b.Finding.Signature()))
	})
	one := map[model.Op]*Divergence{}
	for _, d := range flaky {
		if known := one[by(d)]; known != nil {
			known.add(d.sights)
			known.addSymptom(d)
		} else {
			one[by(d)] = d
		}
	}
	for op, d := range one {
		asked := max(d.Count, p.Client.Status.Asked(op))
		d.rate = fmt.Sprintf("%d of %d %s requests", d.Count, asked, op)
	}
	return slices.DeleteFunc(found, func(d *Divergence) bool { return slices.Contains(flaky, d) && one[by(d)] != d })
}

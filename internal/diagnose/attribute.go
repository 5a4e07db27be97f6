package diagnose

import (
	"context"
	"slices"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// blameSingle finds, for a request that breaks several rules, the first of them that is answered in
// the same wrong way when it is broken alone, and shows that case: the given one, made shorter, may be left with the
// others alone. Where there is none, the first broken rule stands.
func (p *Player) blameSingle(ctx context.Context, d *Divergence) {
	if len(d.broken) < 2 || d.Finding.Rule != d.broken[0] {
		return
	}
	f, last := &d.Finding, d.Steps[len(d.Steps)-1].Request
	alone := func(id model.ID) single {
		named := []string{"TrailName", "EventDataStore", "InsightsDestination"}
		if id == model.WireWrongType && f.Operation == model.OpPut && !slices.Contains(named, f.Member) {
			return p.last(ctx, p.repaired(last)[0]) // of the same member
		}
		return p.single(ctx, id, f.Operation)
	}
	for _, id := range d.broken {
		if f.Actual == "success" && model.RuleOf(id).MayPass {
			continue
		}
		simplest := alone(id)
		if simplest.kind != f.Actual {
			continue
		}
		if rule := model.RuleOf(id); id != f.Rule && simplest.shows != nil {
			d.take(simplest.shows)
			d.broken = nil
		} else if id != f.Rule {
			f.Rule, f.Level, f.Expected = id, rule.Level, []string{rule.Code}
			if rule.RefusalOnly && f.Actual != "success" {
				f.Level = model.Inferred
			}
		}
		return
	}
	if f.Operation == model.OpPut && last.Input.Get("InsightSelectors").Given() { // what is wrong may be what it names
		plain := generators.With(last, "InsightSelectors", model.MakeSelectors(model.Management, 0).Value())
		it := p.last(ctx, append(session.Requests(d.Steps[:len(d.Steps)-1]), plain))
		if it.kind == f.Actual && it.shows != nil {
			d.take(it.shows)
		}
	}
}

// take makes a simpler case, and what it shows, the divergence's own.
func (d *Divergence) take(o *Divergence) {
	d.Finding, d.Raw, d.Steps, d.Harm = o.Finding, o.Raw, o.Steps, o.Harm
}

// playedAs makes another case the divergence's own that shows the same. Whose rule it is stays.
func (d *Divergence) playedAs(o *Divergence) {
	d.Steps, d.Finding.Step, d.Harm = o.Steps, o.Finding.Step, o.Harm
}

// attribute finds the rule that a divergence belongs to. Its case stays as it is where the rule does.
func (p *Player) attribute(ctx context.Context, d *Divergence) {
	tried := *d
	if found := p.watch(ctx, session.Requests(d.Steps), d.Raw); found != nil { // what was decided on a longer case is open again
		tried.take(found)
	}
	if p.blame(ctx, &tried); tried.Finding.Signature() != d.Finding.Signature() {
		d.take(&tried)
	}
}

// blame decides whose a divergence is: by experiments, then by what a request that breaks several rules breaks.
func (p *Player) blame(ctx context.Context, d *Divergence) {
	p.cut(ctx, d)
	p.readBetween(ctx, d)
	p.experiment(ctx, d)
	d.broken = brokenBy(&d.Steps[len(d.Steps)-1])
	p.blameSingle(ctx, d)
}

// experiment experiments with the traits of a case. One that makes no difference is taken out of it, and
// what the simpler case shows is the finding; one that does gives the finding to its rule.
func (p *Player) experiment(ctx context.Context, d *Divergence) {
	if rule := model.RuleOf(d.Finding.Rule); rule == nil || rule.ID.Family() == "wire" && rule.ID != model.WireUnknownMembers || rule.Code != "" && d.Finding.Actual == "success" {
		p.blameSimpler(ctx, d)
		return
	}
	if plain := withoutReads(session.Requests(d.Steps)); len(plain) < len(d.Steps) {
		if found := p.watch(ctx, plain, d.Raw); found != nil && len(found.Steps) == len(plain) {
			d.playedAs(found)
		}
	}
	p.blameNecessary(ctx, d)
	for _, c := range controls {
		requests := session.Requests(d.Steps)
		if !p.Client.Scope.Applies(c.rule) || !c.applies(requests) {
			continue // nor can a target without StartLogging be told to start
		}
		if c.rule == model.StoreDefaultCategory && d.Finding.Rule != c.rule {
			continue // written out, Management explains more than left out
		}
		if found := p.watchEnd(ctx, c.without(requests), d); found != nil {
			d.take(found)
			continue
		}
		if c.rule == d.Finding.Rule {
			return
		}
		// Without the trait it does not show. With it, does it still?
		if (c.from == nil || slices.Contains(c.from, d.Finding.Rule)) && p.watch(ctx, requests, d.Raw) != nil {
			d.belongsTo(c.rule)
			return
		}
	}
	p.blameSimpler(ctx, d)
}

// cut has a long case begin with the model's own set-up of the state before its last steps, where that shows the same:
// each experiment with it then costs a few requests.
func (p *Player) cut(ctx context.Context, d *Divergence) {
	if len(d.Steps) > maxUncut {
		s := p.shrinker(d, MaxShrinkRequests)
		if shorter := s.fromState(ctx, d); shorter != nil {
			d.playedAs(shorter)
		}
	}
}

// maxUncut is of how many steps a case is that is experimented with as it is.
const maxUncut = 8

// readBetween reads after each write of a case, where it does not: what shows there, or is another finding with these
// reads, is what is wrong. Without them what came last is blamed for what an earlier write did.
func (p *Player) readBetween(ctx context.Context, d *Divergence) {
	var read []model.Request
	unread := false
	for i, s := range d.Steps {
		read = append(read, s.Request)
		reads := generators.Reads(s.State, s.Request, p.Client.Scope)
		write := i < len(d.Steps)-1 && !s.Request.Op.Reads() && !s.Diverges
		if write && len(reads) > 0 && !d.Steps[i+1].Request.Op.Reads() {
			read, unread = append(read, reads[0]), unread || s.Request.Op == model.OpPut
		}
	}
	if !unread || d.Finding.Rule.Family() == "wire" {
		return
	}
	if found := p.find(ctx, read, p.causes(d)); found != nil && found.Raw != d.Raw {
		d.take(found)
	}
}

// blameSimpler gives the finding to what a case shows that leaves out what the rule is about. A rule of a lower level
// explains no breach of a higher one away.
func (p *Player) blameSimpler(ctx context.Context, d *Divergence) {
	for _, simpler := range p.simplerCauses(d) {
		found := p.find(ctx, simpler, func(f session.Found) bool {
			same := f.Actual == d.Finding.Actual || model.RuleOf(d.Finding.Rule).MayPass && !f.Plain
			return f.At == len(simpler)-1 && f.Rule != d.Finding.Rule && f.Level >= d.Finding.Level && same && p.reliable(f)
		})
		if found != nil {
			d.take(found)
			return
		}
	}
}

// blameNecessary takes the blamed step out of the case, for as long as the last step diverges all the same. Of a case
// so long that this would cost more than shrinking, the rule is decided on what shrinking leaves.
func (p *Player) blameNecessary(ctx context.Context, d *Divergence) {
	for began := p.Client.Requests; p.Client.Requests-began < MaxShrinkRequests; {
		last, blamed := len(d.Steps)-1, d.Finding.Step
		if blamed >= last || blamed < 0 || makes(d.Steps[blamed], d.Steps[last].Request) {
			return
		}
		found := p.find(ctx, slices.Delete(session.Requests(d.Steps), blamed, blamed+1), p.like(d))
		if found == nil || len(found.Steps) != last || found.Steps[last-1].Request.Op != d.Steps[last].Request.Op {
			return
		}
		d.take(found)
	}
}

// makes reports whether a step creates the trail or store of a request.
func makes(s session.Step, other model.Request) bool {
	r := s.Request
	return r.Op == model.OpCreateStore ||
		r.Op == model.OpCreate && sameResource(r, other) && model.Resource(s.Before, other) == ""
}

// sameResource reports whether two requests of a Region name the same trail or store.
func sameResource(a, b model.Request) bool { return nameOf(a) == nameOf(b) && a.Region == b.Region }

// after plays the case of a divergence and returns what is found before it, nil where it shows by itself, and whether it
// shows. What is accepted of a stopped trail may hide the former: so the case is played with all trails logging, too.
func (p *Player) after(ctx context.Context, d *Divergence) (earlier *Divergence, shown bool) {
	requests, wanted := session.Requests(d.Steps), signed(d.Raw)
	for i, candidate := range [][]model.Request{requests, alwaysLogging(requests)} {
		if i > 0 && len(candidate) == len(requests) {
			break // nothing was stopped
		}
		s, err := p.Play(ctx, candidate, func(s *session.Session) bool { return slices.ContainsFunc(s.Found, wanted) })
		if err != nil {
			continue
		}
		at := slices.IndexFunc(s.Found, wanted)
		shown = shown || at >= 0
		until := max(0, at)
		if at < 0 && i > 0 && d.Finding.Rule == model.LogsStart { // what it is blamed for was wrong before
			until = len(s.Found)
		}
		earlier := firstOf(s, s.Found[:until], p.causes(d))
		if earlier != nil && (!p.isFlaky(earlier) || p.hasCause(ctx, earlier)) && !p.showsAlone(ctx, d) {
			return earlier, shown
		}
	}
	return nil, shown
}

// simplerCauses lists cases that end with the same kind of request and leave out what the rule is about: where one of
// them gets the same wrong answer, the rule is not why.
func (p *Player) simplerCauses(d *Divergence) [][]model.Request {
	last, requests := d.Steps[len(d.Steps)-1], session.Requests(d.Steps)
	rule, success := model.RuleOf(d.Finding.Rule), last.Reply.Answer.Outcome == model.Succeeded
	switch {
	case rule == nil:
		return nil
	case rule.ID == model.TrailDeleteForgets: // the trail never was, or is still there
		cases := [][]model.Request{requests[len(requests)-1:]}
		if !success {
			cases = append(cases, slices.DeleteFunc(slices.Clone(requests), func(r model.Request) bool { return r.Op == model.OpDelete }))
		}
		return cases
	case rule.ID == model.StateIsolated: // the resource by itself
		other := func(r model.Request) bool { return !sameResource(r, last.Request) }
		return [][]model.Request{slices.DeleteFunc(slices.Clone(requests), other)}
	case rule.Code == "" && success && last.Request.Op == model.OpGet: // whatever was put, and put before
		puts := func(r model.Request) bool { return r.Op == model.OpPut }
		blamed := max(0, d.Finding.Step)
		return [][]model.Request{slices.DeleteFunc(slices.Clone(requests), puts),
			append(slices.DeleteFunc(slices.Clone(requests[:blamed]), puts), requests[blamed:]...)}
	case !last.Request.Op.Insights() || last.Request.Malformed() || d.Finding.Step < len(d.Steps)-1:
		return nil
	case rule.MayPass && success: // each selector by itself
		var cases [][]model.Request
		for _, item := range last.Request.Input.Get("InsightSelectors").Items() {
			alone := generators.With(last.Request, "InsightSelectors", value.ListOf(item))
			cases = append(cases, append(slices.Clone(requests[:len(requests)-1]), alone))
		}
		return cases
	case rule.Code != "" && !success, rule.Code == "" && success && last.Request.Op == model.OpPut:
		return p.repaired(last.Request)
	}
	return nil
}

// repaired lists cases that end with a request on a trail or store that is there and logs all: with the selectors of the
// given one, and with plain ones.
func (p *Player) repaired(r model.Request) [][]model.Request {
	setup := generators.NewTrail(p.Client.Scope)
	put := func(list value.Value) model.Request { return generators.PutList(generators.NameAlpha, list) }
	get := generators.Get(generators.NameAlpha)
	if p.Client.Can(model.CanPutEvents) {
		setup = append(setup, generators.PutEvents(generators.NameAlpha, generators.EventClasses()[model.ManagementEvents|model.DataEvents]))
	}
	if r.Input.Get("EventDataStore").Given() && !r.Input.Get("TrailName").Given() && p.Client.Can(model.CanStores) {
		source, destination := model.StoreID(0), model.StoreID(1)
		setup = []model.Request{generators.CreateStore(0, generators.SourceStore), generators.CreateStore(1, generators.InsightStore)}
		get = generators.GetStore(source)
		put = func(list value.Value) model.Request {
			return generators.With(generators.PutStore(source, destination, 0), "InsightSelectors", list)
		}
	}
	if r.Op == model.OpGet {
		return [][]model.Request{append(setup, get)}
	}
	list, plain := r.Input.Get("InsightSelectors"), model.MakeSelectors(model.Management, 0).Value()
	as := slices.Clone(setup)
	if isEmptyList(list) { // that it turns something off is documented, and that it may turn off nothing is not
		as = append(as, put(plain))
	}
	return [][]model.Request{append(as, put(list)), append(setup, put(plain))}
}

// showsAlone reports whether a divergence shows at once where its last request is sent in the state before it. Of a case
// that is not yet the shortest, what was found before may have nothing to do with it.
func (p *Player) showsAlone(ctx context.Context, d *Divergence) bool {
	last := d.Steps[len(d.Steps)-1]
	alone := append(generators.SetUp(last.Before, p.Client.Scope), last.Request)
	found := p.find(ctx, alone, p.causes(d))
	return found != nil && found.Raw == d.Raw
}

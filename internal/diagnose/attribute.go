package diagnose

import (
	"context"
	"slices"

	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
)

// blameSingle finds, for a request that breaks several rules, the first of them that is answered in
// the same wrong way when it is broken alone. Where there is none, the first broken rule stands.
func (p *Player) blameSingle(ctx context.Context, d *Divergence) {
	if len(d.broken) < 2 || d.Finding.Rule != d.broken[0] {
		return
	}
	f := &d.Finding
	for _, id := range d.broken {
		if f.Actual == "success" && model.RuleOf(id).MayPass || p.single(ctx, id, f.Operation) != f.Actual {
			continue
		}
		if rule := model.RuleOf(id); id != f.Rule {
			f.Rule, f.Level, f.Expected = id, rule.Level, []string{rule.Code}
			if rule.RefusalOnly && f.Actual != "success" {
				f.Level = model.Inferred
			}
		}
		return
	}
}

// take makes a simpler case, and what it shows, the divergence's own.
func (d *Divergence) take(o *Divergence) { d.Finding, d.Raw, d.Steps = o.Finding, o.Raw, o.Steps }

// attribute finds the rule that a divergence belongs to. Its case stays as it is where the rule does.
func (p *Player) attribute(ctx context.Context, d *Divergence) {
	tried := *d
	if p.experiment(ctx, &tried); tried.Finding.Signature() != d.Finding.Signature() {
		d.take(&tried)
	}
}

// experiment experiments with the traits of a case. One that makes no difference is taken out of it, and
// what the simpler case shows is the finding; one that does gives the finding to its rule.
func (p *Player) experiment(ctx context.Context, d *Divergence) {
	if rule := model.RuleOf(d.Finding.Rule); rule == nil || rule.ID.Family() == "wire" && rule.ID != model.WireUnknownMembers || rule.Code != "" && d.Finding.Actual == "success" {
		return
	}
	if plain := withoutReads(session.Requests(d.Steps)); len(plain) < len(d.Steps) {
		if found := p.watch(ctx, plain, d.Raw); found != nil && len(found.Steps) == len(plain) {
			d.take(found)
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
		if found := p.watchEnd(ctx, c.without(requests)); found != nil {
			d.take(found)
			continue
		}
		if c.rule == d.Finding.Rule {
			return
		}
		// Without the trait it does not show. With it, does it still?
		if (c.from == nil || slices.Contains(c.from, d.Finding.Rule)) && p.watch(ctx, requests, d.Raw) != nil {
			d.Finding.Rule, d.Finding.Level = c.rule, model.RuleOf(c.rule).Level
			if c.rule == model.WireProtocol { // one prefix that does not work is one divergence
				d.Finding.Operation, d.Finding.Expected = "", []string{"the answer that the other prefix gets"}
			}
			return
		}
	}
	if d.Finding.Rule == model.TrailDeleteForgets && p.single(ctx, model.TrailNotFound, d.Finding.Operation) == d.Finding.Actual {
		d.Finding.Rule = model.TrailNotFound // it answers so for trails that never were, too
	}
}

// blameNecessary takes the blamed step out of the case, for as long as the last step diverges all the same. Of a case
// so long that this would cost more than shrinking, the rule is decided on what shrinking leaves.
func (p *Player) blameNecessary(ctx context.Context, d *Divergence) {
	for began := p.Client.Requests; p.Client.Requests-began < MaxShrinkRequests; {
		last, blamed := len(d.Steps)-1, d.Finding.Step
		if blamed >= last || blamed < 0 || d.Steps[blamed].Request.Op == model.OpCreate || d.Steps[blamed].Request.Op == model.OpCreateStore {
			return
		}
		found := p.find(ctx, slices.Delete(session.Requests(d.Steps), blamed, blamed+1), p.reliable)
		if found == nil || len(found.Steps) != last || found.Steps[last-1].Request.Op != d.Steps[last].Request.Op {
			return
		}
		d.take(found)
	}
}

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
		if earlier := firstOf(s, s.Found[:max(0, at)], p.reliable); earlier != nil && (!p.isFlaky(earlier) || p.hasCause(ctx, earlier)) {
			return earlier, shown
		}
	}
	return nil, shown
}

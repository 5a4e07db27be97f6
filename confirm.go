package conform

import (
	"context"
	"fmt"
	"slices"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/generators/catalogue"
	"github.com/insightconform/conform/model"
)

// divergence is a finding with its final rule, and how often it was seen again.
type divergence struct {
	finding model.Finding
	raw     string // the signature before the rule was decided on: what a replay shows
	steps   []step
	count   int
	again   int // attempts on a fresh world in which it repeated
	tries   int
	// symptoms are the signatures of what shows only after this one.
	symptoms []string
}

// confirmer resolves suspicions into divergences and tries each again on fresh worlds. It has an
// explorer of its own, whose requests are counted apart.
type confirmer struct {
	*explorer
	singles map[single]string
	tried   func(*divergence) // is told of each that was tried again; may be nil
}

// single asks what a target answers to the simplest request that breaks one rule alone.
type single struct {
	rule model.ID
	op   model.Op
}

// maxTries is how often a divergence is tried again.
const maxTries = 3

// replay plays requests on a fresh world and returns the session and what was found on the way.
func (c *confirmer) replay(ctx context.Context, requests []model.Request) (*session, []model.Finding, error) {
	var found []model.Finding
	s, err := c.attempt(ctx, requests, func(s *session) {
		found = nil
		s.judged = func(f model.Finding) { found = append(found, f) }
	}, func() bool { return c.spent(ctx) })
	return s, found, err
}

func requestsOf(steps []step) []model.Request {
	requests := make([]model.Request, len(steps))
	for i := range steps {
		requests[i] = steps[i].request
	}
	return requests
}

func withSignature(found []model.Finding, signature string) (model.Finding, bool) {
	i := slices.IndexFunc(found, func(f model.Finding) bool { return f.Signature() == signature })
	if i < 0 {
		return model.Finding{}, false
	}
	return found[i], true
}

// resolve decides which rule each suspicion belongs to and merges those of one signature. The
// suspicions come sorted: what breaks one rule alone before what breaks several.
func (c *confirmer) resolve(ctx context.Context, all []*suspicion) []*divergence {
	var out []*divergence
	bySignature := map[string]*divergence{}
	for _, s := range all {
		finding := s.finding
		if len(s.broken) > 1 && finding.Rule == s.broken[0] {
			finding = c.blameSingle(ctx, s)
		}
		s.finding, s.raw = finding, s.finding.Signature()
		c.blameTrait(ctx, s)
		finding = s.finding
		known, ok := bySignature[finding.Signature()]
		switch {
		case !ok:
			d := &divergence{finding: finding, raw: s.raw, steps: s.steps, count: s.count}
			bySignature[finding.Signature()] = d
			out = append(out, d)
		default:
			known.count += s.count
			if better(finding, s.steps, known) {
				known.finding, known.raw, known.steps = finding, s.raw, s.steps
			}
		}
	}
	return out
}

// resolveAgain repeats the experiments on the shortest cases, where less stands in their way, and
// merges what turns out to be the same divergence.
func (c *confirmer) resolveAgain(ctx context.Context, found []*divergence) []*divergence {
	bySignature := map[string]*divergence{}
	for _, d := range found {
		bySignature[d.finding.Signature()] = d
	}
	return slices.DeleteFunc(found, func(d *divergence) bool {
		if d.again == 0 || ctx.Err() != nil {
			return false
		}
		before := d.finding.Signature()
		s := &suspicion{finding: d.finding, raw: d.raw, steps: d.steps}
		if session, at := c.watch(ctx, requestsOf(d.steps), d.raw); at >= 0 {
			s.finding.Step = session.last.Step // the blamed step stands elsewhere than before shrinking
		}
		c.blameTrait(ctx, s)
		after := s.finding.Signature()
		if after == before {
			return false
		}
		if known := bySignature[after]; known != nil && known.again > 0 {
			known.count += d.count
			return true
		}
		d.finding, d.raw, d.steps = s.finding, s.raw, s.steps
		bySignature[after] = d
		return false
	})
}

// better prefers, of two cases of one divergence, the one that rests on a stronger level, then the
// shorter one.
func better(f model.Finding, steps []step, than *divergence) bool {
	if f.Level != than.finding.Level {
		return f.Level > than.finding.Level
	}
	return len(steps) < len(than.steps)
}

// blameSingle finds, for a request that breaks several rules, the first of them that is answered in
// the same wrong way when it is broken alone. Where there is none, the first broken rule stands.
func (c *confirmer) blameSingle(ctx context.Context, s *suspicion) model.Finding {
	finding := s.finding
	for _, rule := range s.broken {
		if c.single(ctx, single{rule, finding.Operation}) != finding.Actual {
			continue
		}
		if rule != finding.Rule {
			finding.Rule = rule
			finding.Level = model.RuleOf(rule).Level
			if r := model.RuleOf(rule); r.RefusalOnly && finding.Actual != "success" {
				finding.Level = model.Inferred
			}
			finding.Expected = []string{model.RuleOf(rule).Code}
		}
		return finding
	}
	return finding
}

// single returns the kind of answer that the simplest request breaking one rule alone gets, empty
// where there is no such request or no definite answer.
func (c *confirmer) single(ctx context.Context, key single) string {
	kind, known := c.singles[key]
	if known {
		return kind
	}
	if setup, probe, ok := catalogue.Minimal(key.rule, key.op, c.model, c.scope); ok {
		s, _, err := c.replay(ctx, append(slices.Clone(setup), probe))
		if err == nil && len(s.steps) > len(setup) {
			if answer := s.steps[len(setup)].reply.Answer; answer.Definite() {
				kind = answer.Kind()
			}
		}
	}
	c.singles[key] = kind
	return kind
}

// blameTrait experiments with the traits of a case. One that makes no difference is taken out of it,
// and what the simpler case shows is the finding; one that does gives the finding to its rule.
func (c *confirmer) blameTrait(ctx context.Context, s *suspicion) {
	if rule := model.RuleOf(s.finding.Rule); rule == nil || rule.Family() == "wire" && rule.ID != model.WireUnknownMembers || rule.Row > 0 && s.finding.Actual == "success" {
		return
	}
	if plain := withoutReads(requestsOf(s.steps)); len(plain) < len(s.steps) {
		if session, at := c.watch(ctx, plain, s.raw); at == len(plain)-1 {
			s.steps, s.finding = session.steps[:at+1], session.last
		}
	}
	c.blameNecessary(ctx, s)
	able := applicable(c.scope)
	for _, control := range controls {
		requests := requestsOf(s.steps)
		if !slices.Contains(able, control.rule) || !control.applies(requests) {
			continue // nor can a target without StartLogging be told to start
		}
		if session, at := c.watchEnd(ctx, control.without(requests)); at >= 0 {
			s.finding, s.steps = session.last, session.steps[:at+1]
			s.raw = s.finding.Signature()
			continue
		}
		if control.rule == s.finding.Rule {
			return
		}
		if !control.takes(s.finding.Rule) {
			continue
		}
		// Without the trait it does not show. With it, does it still?
		if _, at := c.watch(ctx, requests, s.raw); at >= 0 {
			s.finding.Rule, s.finding.Level = control.rule, model.RuleOf(control.rule).Level
			if control.rule == model.WireProtocol { // one prefix that does not work is one divergence
				s.finding.Operation, s.finding.Expected = "", []string{"the answer that the other prefix gets"}
			}
			return
		}
	}
	if s.finding.Rule == model.TrailDeleteForgets && c.single(ctx, single{model.TrailNotFound, s.finding.Operation}) == s.finding.Actual {
		s.finding.Rule = model.TrailNotFound // it answers so for trails that never were, too
	}
}

// blameNecessary takes the blamed step out of the case. Where the last step diverges all the same, what
// it shows then is the finding.
func (c *confirmer) blameNecessary(ctx context.Context, s *suspicion) {
	for {
		last := len(s.steps) - 1
		blamed := s.finding.Step
		if blamed >= last || blamed < 0 || s.steps[blamed].request.Op == model.OpCreate || s.steps[blamed].request.Op == model.OpCreateStore {
			return
		}
		requests := requestsOf(s.steps)
		observing := s.steps[last].request.Op
		session, at := c.watchLast(ctx, slices.Delete(requests, blamed, blamed+1))
		if at < 0 || session.steps[at].request.Op != observing {
			return
		}
		s.finding, s.steps = session.last, session.steps[:at+1]
		s.raw = s.finding.Signature()
	}
}

// watchLast plays requests and returns the index of the last step if something was found there.
func (c *confirmer) watchLast(ctx context.Context, requests []model.Request) (*session, int) {
	session, at := c.watchFor(ctx, requests, c.heard)
	if at == len(requests)-1 {
		return session, at
	}
	return session, -1
}

// watchEnd plays requests until something is found at the last write or a read after it.
func (c *confirmer) watchEnd(ctx context.Context, requests []model.Request) (*session, int) {
	end := 0
	for i, r := range requests {
		if !r.Op.Reads() {
			end = i
		}
	}
	return c.watchFor(ctx, requests, func(s *session, f model.Finding) bool { return len(s.steps) > end && c.heard(s, f) })
}

// confirm tries each divergence again on fresh worlds.
func (c *confirmer) confirm(ctx context.Context, all []*divergence) {
	for _, d := range all {
		if ctx.Err() != nil || c.run.targetLost() {
			return
		}
		c.confirmOne(ctx, d)
		if c.tried != nil {
			c.tried(d)
		}
	}
}

func (c *confirmer) confirmOne(ctx context.Context, d *divergence) {
	requests := requestsOf(d.steps)
	needed := 1
	if d.finding.Rule == model.WireNoCrash {
		needed = maxTries
	}
	for d.tries < maxTries && d.again < needed {
		if ctx.Err() != nil {
			return
		}
		s, found, err := c.replay(ctx, requests)
		d.tries++
		if err != nil {
			continue
		}
		again, ok := c.repeated(ctx, d, s, found)
		if !ok {
			continue
		}
		d.again++
		// What is shown is the case as it was confirmed.
		d.steps = s.steps
		if again.Step < len(s.steps) {
			d.finding.Step = again.Step
		}
	}
	if d.again < needed {
		d.again = 0
	}
}

// repeated reports whether a replay showed the divergence again.
func (c *confirmer) repeated(ctx context.Context, d *divergence, s *session, found []model.Finding) (model.Finding, bool) {
	again, ok := withSignature(found, d.raw)
	if !ok {
		return model.Finding{}, false
	}
	if d.finding.Rule == model.WireNoCrash && !c.stillAnswers(ctx) {
		return model.Finding{}, false
	}
	return again, true
}

// stillAnswers reports whether the target gives a definite answer to a well-formed request.
func (c *confirmer) stillAnswers(ctx context.Context) bool {
	for range maxTries {
		s, _, err := c.replay(ctx, generators.NewTrail(c.scope))
		if err == nil && s.unsettled == 0 && len(s.steps) > 0 {
			return true
		}
		if !c.eventual() { // elsewhere no answer gets lost on the way
			break
		}
	}
	return false
}

func (d *divergence) status() string {
	if d.again > 0 {
		return "confirmed"
	}
	return "unrepeated"
}

func (d *divergence) seen() string { return fmt.Sprintf("%d of %d", d.again, d.tries) }

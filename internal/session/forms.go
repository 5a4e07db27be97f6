package session

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
)

// form is a way of asking that a rule promises to work. A target that refuses it, however valid the request, has one
// fault, whatever else its answers then contradict.
type form struct {
	rule   model.ID // empty of the wider forms, which no rule tells from others
	within int      // the wider form of which some request must work for the rule to be the one to blame; or anything
	name   string
	of     func(model.Request) bool
}

const anything, call, onTrail, onStore, toStore = -1, 0, 1, 2, 3

// forms stand in the order in which they are blamed.
var forms = [...]form{
	call: {"", anything, "call", func(model.Request) bool { return true }},
	onTrail: {"", anything, "trail", func(r model.Request) bool {
		return r.Input.Get("TrailName").Given() && !r.Input.Get("EventDataStore").Given()
	}},
	onStore: {model.StoreEnables, anything, "store", OnStore},
	toStore: {"", anything, "destination", func(r model.Request) bool {
		return OnStore(r) && r.Input.Get("InsightsDestination").Given()
	}},

	{model.StoreARNOrSuffix, onStore, "source by suffix", named("EventDataStore", false)},
	{model.StoreARNOrSuffix, onStore, "source by ARN", named("EventDataStore", true)},
	{model.StoreARNOrSuffix, toStore, "destination by suffix", named("InsightsDestination", false)},
	{model.StoreARNOrSuffix, toStore, "destination by ARN", named("InsightsDestination", true)},
	{model.TrailNameOrARN, onTrail, "trail by ARN", named("TrailName", true)},
	{model.TrailNameOrARN, onTrail, "trail by name", named("TrailName", false)},
	{model.WireProtocol, call, "long prefix", func(r model.Request) bool { return r.OtherTarget }},
}

// OnStore reports whether a request is a Put or Get on an event data store alone.
func OnStore(r model.Request) bool {
	return r.Op.Insights() && r.Input.Get("EventDataStore").Given() && !r.Input.Get("TrailName").Given()
}

func named(member string, byARN bool) func(model.Request) bool {
	return func(r model.Request) bool {
		name := r.Input.Get(member)
		return name.Given() && strings.HasPrefix(name.Text(), "arn:") == byARN
	}
}

// has reports whether a request has a form that some rule speaks of.
func (f form) has(r model.Request) bool {
	return f.rule != "" && r.Op.Insights() && !r.Malformed() && f.of(r)
}

// key names a form of one operation.
func (f form) key(op model.Op) string { return f.name + " of " + string(op) }

// Forms names the forms of a request that some rule speaks of.
func Forms(r model.Request) (keys []string) {
	for _, f := range forms {
		if f.has(r) {
			keys = append(keys, f.key(r.Op))
		}
	}
	return keys
}

// enough is how many different valid requests, of both operations, must have been refused for a form to count as
// refused: one where another form is at hand, with which it can be compared.
func (f form) enough() int {
	if f.within == anything {
		return mostRefused
	}
	return 1
}

// What is kept of a form.
const (
	mostRefused = 3 // requests that are told apart
	mostKinds   = 8 // of answers: who gives more has other faults
)

// answers are those to the valid requests of one form and operation.
type answers struct {
	worked  atomic.Bool
	mu      sync.Mutex
	refused map[string]bool // the first few such requests
	kinds   map[string]bool // of what they were answered
}

// of are the answers to a form of an operation.
func (s *Status) of(form int, op model.Op) *answers {
	if op == model.OpGet {
		return &s.forms[form][1]
	}
	return &s.forms[form][0]
}

// noteForms notes how a request of the operations under test was answered.
func (s *Status) noteForms(before model.State, r model.Request, a model.Answer, allowed bool) {
	worked := a.Outcome == model.Succeeded || r.Op == model.OpGet && a.Code == codeNotEnabled
	if r.Malformed() || !worked && allowed && a.Code != "" {
		return
	}
	due := ""
	for i, f := range forms {
		x := s.of(i, r.Op)
		if x.worked.Load() || !f.of(r) {
			continue
		} else if worked {
			x.worked.Store(true)
			continue
		}
		if due == "" {
			right := model.Step(before, r)[0].Answer
			if right.Outcome != model.Succeeded && (r.Op != model.OpGet || right.Code != codeNotEnabled) {
				return
			}
			due = right.Kind() + " " + generators.Key(r)
		}
		x.mu.Lock()
		if x.refused == nil {
			x.refused, x.kinds = map[string]bool{}, map[string]bool{}
		}
		if len(x.kinds) < mostKinds {
			x.kinds[a.Kind()] = true
		}
		if len(x.refused) < mostRefused {
			x.refused[due] = true
		}
		x.mu.Unlock()
	}
}

// refused counts the different valid requests of a form that were refused, and reports whether one was answered with
// kind; none counts where another such request was not refused.
func (s *Status) refused(form int, op model.Op, kind string) (count int, likewise bool) {
	if within := forms[form].within; within != anything && !s.of(within, op).worked.Load() {
		return 0, false
	}
	x := s.of(form, op)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.worked.Load() {
		return 0, false
	}
	return len(x.refused), x.kinds[kind]
}

// RefusedForm is the rule that promises the form of a step's request, where the target refuses all valid requests of
// that form, and answered this one likewise; empty where it does not. Operations around insights are judged by Put.
func (s *Status) RefusedForm(step Step) model.ID {
	r, get := step.Request, step.Request.Op == model.OpGet
	for i, f := range forms {
		if f.rule == "" || r.Malformed() || !f.of(r) {
			continue
		}
		puts, asPut := s.refused(i, model.OpPut, step.Reply.Answer.Kind())
		gets, asGet := s.refused(i, model.OpGet, step.Reply.Answer.Kind())
		if puts+gets >= f.enough() && (asPut && !get || asGet && get) {
			return f.rule
		}
	}
	return ""
}

// Unproven names the forms of a request of which none was seen to work.
func (s *Status) Unproven(r model.Request) (keys []string) {
	for i, f := range forms {
		if f.has(r) && !s.of(i, r.Op).worked.Load() {
			keys = append(keys, f.key(r.Op))
		}
	}
	return keys
}

// provenSince reports whether a rule was put to the test by requests of forms that may yet have turned out to work, and
// none of which was refused.
func (s *Status) provenSince(id model.ID) (proven bool) {
	for i, f := range forms {
		for _, op := range []model.Op{model.OpPut, model.OpGet} {
			if f.rule == "" || !s.Hides(f.key(op), id) {
				continue
			} else if count, _ := s.refused(i, op, ""); count > 0 {
				return false
			}
			proven = true
		}
	}
	return proven
}

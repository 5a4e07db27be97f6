package selftest

import (
	"context"
	"fmt"
	"runtime"
	"slices"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/generators/catalogue"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/embedded"
)

// class says what becomes of the answers of a server with a fault.
type class string

// The classes of faults.
const (
	equivalent class = "equivalent" // no answer changes
	tolerated  class = "tolerated"  // some change, and every one of these is accepted
	wrong      class = "wrong"      // some answer is one that no rule accepts
)

// classified is what is known of a fault.
type classified struct {
	class class
	// changed counts the answers of the walk that differ from the reference's; of a wrong fault none.
	changed int
	witness string // a wrong answer in words; empty where there is none
}

// classify tells what the answers of each fault come to, asking the model alone. Computed faults are walked
// beside the reference: every request of the generators' catalogue, in all states to which its cases lead, and in
// all of one trail. The others are wrong as they are made; cases and sequences of calls are tried for a witness.
func classify(ctx context.Context, faults []embedded.Fault) ([]classified, reports.SelftestWalk, error) {
	w := newWalk()
	out := make([]classified, len(faults))
	sideBySide(runtime.GOMAXPROCS(0), len(faults), func(i int) {
		if faults[i].Computed {
			out[i] = w.compare(ctx, faults[i])
		} else {
			out[i] = classified{class: wrong, witness: w.witness(ctx, faults[i])}
		}
	})
	return out, reports.SelftestWalk{States: len(w.states), Requests: len(w.inputs), Words: len(w.words)}, ctx.Err()
}

// input is a request as the harness means it and as the server reads it.
type input struct{ meant, read model.Request }

type walk struct {
	cases  []catalogue.Case
	states []model.State
	inputs []input
	words  [][]call

	// breaking lists the places, a state and an input, where a rule is broken.
	breaking map[model.ID][][2]int
}

func newWalk() *walk {
	w := &walk{words: words(), breaking: map[model.ID][][2]int{}}
	w.cases = catalogue.Cases(&model.DefaultWorld, generators.Everything())
	sent, all := map[string]bool{}, states{}
	start := model.NewState(&model.DefaultWorld)
	all.add(start)
	for _, c := range w.cases {
		s := start
		for _, r := range c.Requests() {
			if key := r.GoString(); !sent[key] {
				sent[key] = true
				if read, _, problem := embedded.AsRead(r); problem == "" {
					w.inputs = append(w.inputs, input{r, read})
				}
			}
			s = model.Step(s, r)[0].Next
			all.add(s)
		}
	}
	for _, s := range ofOneTrail(start) {
		all.add(s)
	}
	w.states = all.list
	for i, s := range w.states {
		for j, in := range w.inputs {
			for _, id := range model.Broken(s, in.read) {
				w.breaking[id] = append(w.breaking[id], [2]int{i, j})
			}
		}
	}
	return w
}

// ofOneTrail lists the states of one trail, breadth first until there are no more.
func ofOneTrail(empty model.State) []model.State {
	calls := call{generators.Start(generators.NameAlpha), generators.Stop(generators.NameAlpha)}
	for _, set := range generators.AllSelectors() {
		calls = append(calls, generators.Put(generators.NameAlpha, set))
	}
	for _, class := range generators.EventClasses() {
		calls = append(calls, generators.PutEvents(generators.NameAlpha, class))
	}
	all := states{list: []model.State{model.Step(empty, generators.Create(generators.NameAlpha))[0].Next}}
	for i := 0; i < len(all.list); i++ {
		for _, r := range calls {
			all.add(model.Step(all.list[i], r)[0].Next)
		}
	}
	return all.list
}

// states are different ones, in the order in which they came.
type states struct {
	list  []model.State
	known map[string][]model.State
}

func (x *states) add(s model.State) {
	key := fmt.Sprint(s.Trails, s.Stores)
	if x.known == nil {
		x.known = map[string][]model.State{}
	}
	if !slices.ContainsFunc(x.known[key], s.Equal) {
		x.known[key] = append(x.known[key], s)
		x.list = append(x.list, s)
	}
}

// compare sends a computed fault whatever breaks its rule, and looks what the model says of its answers.
func (w *walk) compare(ctx context.Context, f embedded.Fault) (out classified) {
	out.class = equivalent
	for _, at := range w.breaking[f.Rule] {
		if ctx.Err() != nil {
			return out
		}
		s, in := w.states[at[0]], w.inputs[at[1]]
		answer, next := f.Step(s, in.read)
		right, rightNext := embedded.Fault{}.Step(s, in.read)
		if answer == right && next.Equal(rightNext) {
			continue
		}
		tracker := model.TrackerAt(s)
		witness := ""
		if !accepts(tracker, in.meant, targets.Reply{Answer: answer}) {
			witness = in.meant.GoString() + " answers " + answer.Kind()
		} else if later := w.betrays(f, next, tracker); later != "" {
			witness = in.meant.GoString() + ", and then " + later
		}
		if witness != "" {
			return classified{class: wrong, witness: witness}
		}
		out.class = tolerated
		out.changed++
	}
	return out
}

// betrays looks for a wrong answer in a state that is not allowed: to every request, and to the reads after each.
func (w *walk) betrays(f embedded.Fault, s model.State, before *model.Tracker) string {
	if holds(before, s) {
		return ""
	}
	for _, in := range w.inputs {
		t := before.Clone()
		answer, next := f.Step(s, in.read)
		if !accepts(t, in.meant, targets.Reply{Answer: answer}) {
			return in.meant.GoString() + " answers " + answer.Kind()
		}
		for _, read := range generators.Reads(next, in.read, generators.Everything()) {
			if answer, _ := f.Step(next, read); !accepts(t.Clone(), read, targets.Reply{Answer: answer}) {
				return in.meant.GoString() + ", and then " + read.GoString() + " answers " + answer.Kind()
			}
		}
	}
	return ""
}

// holds reports whether the answers so far allow a state. They may leave out selectors without a category.
func holds(t *model.Tracker, s model.State) bool {
	return slices.ContainsFunc(append(t.Others(), t.State()), func(o model.State) bool {
		if len(o.Trails) != len(s.Trails) || len(o.Stores) != len(s.Stores) {
			return false
		}
		for i := range o.Trails {
			if trail := o.Trails[i]; trail.Insights.Effective() == s.Trails[i].Insights {
				trail.Insights = s.Trails[i].Insights
				o = o.WithTrail(i, trail)
			}
		}
		return s.Equal(o)
	})
}

// accepts takes in an answer and reports whether all rules accept it, those of the wire for Put and Get alone.
func accepts(t *model.Tracker, r model.Request, reply targets.Reply) bool {
	tested := r.Op == model.OpPut || r.Op == model.OpGet
	if reply.Answer.Outcome == model.AnySuccess { // of a step that was not sent
		reply.Answer.Outcome = model.Succeeded
	}
	verdict := t.Observe(r, reply.Answer)
	switch {
	case !reply.Answer.Definite():
		return !tested
	case !verdict.Allowed:
		return false
	case !tested:
		return true
	}
	for _, o := range slices.Concat(reply.Objections, verdict.Objections) {
		if o.Rule != model.WireErrorStatus || o.Level != model.Inferred {
			return false
		}
	}
	return reply.Answer.Outcome != model.Refused || reply.Answer.Code != "" || r.Malformed()
}

// witness plays each case and, where the fault remembers, each word, and tells of the first wrong answer.
func (w *walk) witness(ctx context.Context, f embedded.Fault) (found string) {
	target := embedded.InProcess(embedded.ServerOptions{Fault: f.Name})
	if _, err := target.Open(ctx); err != nil {
		return ""
	}
	w.each(f.Remembers(), func(calls []call, reads reading) bool {
		found = w.play(ctx, target, calls, reads)
		return found != "" || ctx.Err() != nil
	})
	return found
}

// each hands out the cases and, if asked for, the words, with what is to be read after their calls, until it is enough.
func (w *walk) each(withWords bool, enough func(calls []call, reads reading) bool) {
	for _, c := range w.cases {
		if enough(slices.Collect(slices.Chunk(c.Requests(), 1)), func(s model.State, r model.Request) []model.Request {
			return generators.Reads(s, r, generators.Everything())
		}) {
			return
		}
	}
	const name = generators.NameAlpha
	three := call{generators.Get(name), generators.GetTrail(name), generators.GetEvents(name)}
	begin := []call{{generators.Create(name), generators.Start(name)}}
	for _, word := range w.words {
		if !withWords || enough(slices.Concat(begin, word), func(model.State, model.Request) []model.Request { return three }) {
			return
		}
	}
}

// play makes calls, and reads after each that is none, until an answer is wrong; it tells the story.
func (w *walk) play(ctx context.Context, target targets.Target, calls []call, reads reading) (story string) {
	world, err := target.NewWorld(ctx)
	if err != nil {
		return ""
	}
	tracker := model.NewTracker(&model.DefaultWorld)
	var sent []model.Request
	eachRequest(tracker.State, calls, reads, func(r model.Request) bool {
		sent = append(sent, r)
		reply := world.Do(ctx, r)
		if accepts(tracker, r, reply) {
			return false
		}
		for _, r := range sent {
			story += r.GoString() + ", "
		}
		story += "which answers " + reply.Answer.Kind()
		return true
	})
	return story
}

// eachRequest sends calls, and what is to be read after each that is none itself, until it is enough, which it reports.
func eachRequest(state func() model.State, calls []call, reads reading, enough func(model.Request) bool) bool {
	for _, c := range calls {
		last := c[len(c)-1]
		if slices.ContainsFunc(c, enough) || !last.Op.Reads() && slices.ContainsFunc(reads(state(), last), enough) {
			return true
		}
	}
	return false
}

// call is a step of a word: requests about one trail.
type call = []model.Request

// reading is what is read after a request.
type reading func(model.State, model.Request) []model.Request

const (
	maxWord   = 4
	maxRepeat = 10
)

// words lists every two calls in turn, maxRepeat times, and every sequence of up to maxWord calls.
func words() [][]call {
	const name = generators.NameAlpha
	one, both := model.MakeSelectors(model.Management, 0), model.MakeSelectors(model.Management, model.Management)
	byARN := generators.Put(model.DefaultWorld.TrailARN(model.DefaultWorld.Home, name), model.MakeSelectors(0, model.Management))
	refused := generators.PutList(name, value.ListOf(value.Obj("InsightType", "ApiLatencyInsight")))
	classes := generators.EventClasses()
	calls := []call{
		{generators.Put(name, one)}, {generators.Put(name, both)}, {generators.Put(name, 0)}, {byARN}, {refused, refused},
		{generators.Stop(name)}, {generators.Start(name)}, {generators.Update(name)}, {generators.Delete(name)},
		{generators.Create(name), generators.Start(name)},
		{generators.PutEvents(name, classes[model.ReadEvents])}, {generators.PutEvents(name, classes[model.WriteEvents])},
	}
	var out [][]call
	for _, a := range calls {
		for _, b := range calls {
			out = append(out, slices.Repeat([]call{a, b}, maxRepeat))
		}
	}
	longest := [][]call{{}}
	for range maxWord {
		var longer [][]call
		for _, word := range longest {
			for _, c := range calls {
				longer = append(longer, append(slices.Clone(word), c))
			}
		}
		out, longest = append(out, longer...), longer
	}
	return out
}

package embedded

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"sync"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/generators/catalogue"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/wire"
)

// Class says what becomes of the answers of a server with a fault.
type Class string

// The classes of faults.
const (
	Equivalent Class = "equivalent" // no answer changes
	Tolerated  Class = "tolerated"  // some change, and every one of these is accepted
	Wrong      Class = "wrong"      // some answer is one that no rule accepts
)

// Classified is what a walk has found out about a fault.
type Classified struct {
	Class Class
	// Changed counts the answers of the walk that differ from the reference's. Where one of them is
	// wrong the walk ends, and nothing is counted.
	Changed int
	// Witness is the first wrong answer in words; empty where there is none. A fault that remembers is
	// Wrong without a witness, too: no walk of bounded length could show it to be anything else.
	Witness string
}

// WalkBound says how far the walks of Classify go.
type WalkBound struct {
	// States and Requests bound the walk of faults that remember nothing: every request is sent in
	// every state. The states are all to which a case of the generators' catalogue leads, and all of
	// one trail under every Put, event selectors, StopLogging and StartLogging; besides, those to which
	// changed answers of the fault lead. The requests are all that occur in the catalogue.
	States   int `json:"states"`
	Requests int `json:"requests"`
	// Words bounds the walk of faults with a memory: it is the number of sequences of calls on one
	// trail, each in a fresh world and followed by reads at every step.
	Words int `json:"words"`
}

// Classify walks each fault side by side with the reference and tells what its answers come to. The
// result has one entry for each fault. An error is that of ctx.
func Classify(ctx context.Context, faults []Fault) ([]Classified, WalkBound, error) {
	w := newWalkPlan()
	out := make([]Classified, len(faults))
	var pending []*walked
	for i, f := range faults {
		f = f.started()
		out[i].Class = Equivalent
		if f.begin().remembers {
			out[i].Class = Wrong
			continue
		}
		pending = append(pending, &walked{fault: f, at: i, first: unseen})
	}
	var wait sync.WaitGroup
	parts := runtime.GOMAXPROCS(0)
	for from, to := 0, w.ofCatalogue; from < len(w.states); from, to = to, len(w.states) {
		left := slices.DeleteFunc(slices.Clone(pending), func(f *walked) bool { return f.first != unseen })
		for part := range parts {
			wait.Go(func() { w.everyState(ctx, left, from+part, to, parts) })
		}
		wait.Wait()
	}
	for part := range parts {
		wait.Go(func() {
			for i := part; i < len(faults); i += parts {
				if out[i].Class == Wrong && ctx.Err() == nil {
					out[i].Witness = w.everyWord(faults[i].started())
				}
			}
		})
	}
	wait.Wait()
	for _, f := range pending {
		if f.first == unseen && ctx.Err() == nil {
			w.further(f)
		}
		switch {
		case f.first != unseen:
			out[f.at] = Classified{Class: Wrong, Witness: f.witness}
		case f.changed > 0:
			out[f.at] = Classified{Class: Tolerated, Changed: f.changed}
		}
	}
	return out, WalkBound{States: len(w.states), Requests: len(w.inputs), Words: len(w.words)}, ctx.Err()
}

// walkInput is a request as the harness means it and as the server reads it.
type walkInput struct {
	meant, read model.Request
}

type walkPlan struct {
	world  model.World
	states []model.State // those of the catalogue first
	known  map[string][]model.State

	ofCatalogue int // states
	inputs      []walkInput
	reads       []walkInput // those of the inputs that only read
	words       [][]letter
}

func newWalkPlan() *walkPlan {
	w := &walkPlan{world: model.DefaultWorld, known: map[string][]model.State{}}
	seen := map[string]bool{}
	start := model.NewState(&w.world)
	add(w.known, &w.states, start)
	for _, c := range catalogue.Cases(&w.world, generators.Everything()) {
		s := start
		for _, r := range append(slices.Clone(c.Setup), c.Probe) {
			if key := r.GoString(); !seen[key] {
				seen[key] = true
				w.input(r)
			}
			s = model.Step(s, r)[0].Next
			add(w.known, &w.states, s)
		}
	}
	w.ofCatalogue = len(w.states)
	w.oneTrail(start)
	w.words = words()
	return w
}

func (w *walkPlan) input(r model.Request) {
	read := r
	if r.Op != model.OpArrange {
		method := r.Method
		if method == "" {
			method = http.MethodPost
		}
		var problem string
		if read, problem = wire.DecodeRequest(method, targetHeader(r), wire.Encode(r)); problem != "" {
			return
		}
	}
	if read.Region = r.Region; read.Region == "" {
		read.Region = w.world.Home
	}
	w.inputs = append(w.inputs, walkInput{r, read})
	if r.Op.Reads() && !r.Malformed() {
		w.reads = append(w.reads, w.inputs[len(w.inputs)-1])
	}
}

// oneTrail adds the states of one trail, breadth first until there are no more.
func (w *walkPlan) oneTrail(s model.State) {
	letters := []model.Request{generators.Start(generators.NameAlpha), generators.Stop(generators.NameAlpha)}
	for _, set := range model.AllSelectors() {
		letters = append(letters, generators.Put(generators.NameAlpha, set))
	}
	for _, class := range generators.EventClasses() {
		letters = append(letters, generators.PutEvents(generators.NameAlpha, class))
	}
	queue := []model.State{model.Step(s, generators.Create(generators.NameAlpha))[0].Next}
	seen := map[string][]model.State{}
	for len(queue) > 0 {
		s, queue = queue[0], queue[1:]
		add(w.known, &w.states, s)
		for _, r := range letters {
			add(seen, &queue, model.Step(s, r)[0].Next)
		}
	}
}

// add appends a state that is not known.
func add(known map[string][]model.State, list *[]model.State, s model.State) bool {
	key := fmt.Sprint(s.Trails, s.Stores)
	if slices.ContainsFunc(known[key], s.Equal) {
		return false
	}
	known[key] = append(known[key], s)
	*list = append(*list, s)
	return true
}

// walked is the walk of one fault without a memory.
type walked struct {
	fault Fault
	at    int

	mu      sync.Mutex
	first   int // place of the first wrong answer
	witness string
	changed int
	beyond  []model.State // that changed answers lead to, and that are not among the states of the walk
}

const unseen = int(^uint(0) >> 1)

// everyState sends every request in some of the states to all faults.
func (w *walkPlan) everyState(ctx context.Context, faults []*walked, from, to, step int) {
	type live struct {
		*walked
		hooks hooks
	}
	var left []live
	for _, f := range faults {
		left = append(left, live{f, f.fault.begin()})
	}
	for i := from; i < to && len(left) > 0 && ctx.Err() == nil; i += step {
		for j, in := range w.inputs {
			c := newWalkCall(w.states[i], in)
			left = slices.DeleteFunc(left, func(f live) bool { return w.place(f.walked, f.hooks, c, in, i*len(w.inputs)+j) })
		}
	}
}

// newWalkCall is a call that many faults may see.
func newWalkCall(s model.State, in walkInput) *call {
	reference := (&account{choose: reference}).step
	c := &call{state: s, request: in.read, reference: reference}
	x, broken := c.pass(), c.broken()
	c.passed, c.breaks = &x, &broken
	return c
}

// place compares a fault with the reference for one request in one state, and reports whether its
// answer, or one that the state afterwards leads to, is wrong.
func (w *walkPlan) place(f *walked, h hooks, c *call, in walkInput, number int) (wrong bool) {
	x := *c.passed
	if h.step != nil {
		x = h.step(c)
	}
	if h.reply == nil && x.answer == c.passed.answer && x.next.Equal(c.passed.next) {
		return false
	}
	reply, out := answer(h, c, x, in)
	right := render(c.passed.answer, in.read, c.state, c.passed.next)
	changed := !out.same(&right)
	if !changed && x.next.Equal(c.passed.next) {
		return false
	}
	tracker := model.TrackerAt(c.state)
	witness := ""
	if changed && !accepts(tracker, in.meant, reply) {
		witness = fmt.Sprintf("%s answers %s", in.meant.GoString(), reply.Answer.Kind())
	} else {
		if !changed {
			tracker.Observe(in.meant, reply.Answer)
		}
		if !holds(tracker, x.next) {
			if later := w.betrays(h, x.next, tracker); later != "" {
				witness = in.meant.GoString() + ", and then " + later
			}
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if witness == "" {
		f.changed++
		if !x.next.Equal(c.passed.next) {
			f.beyond = append(f.beyond, x.next)
		}
		return false
	}
	if number < f.first {
		f.first, f.witness = number, witness
	}
	return true
}

// holds reports whether a state is one of those that the answers so far allow. Selectors without a
// category may be left out of any answer, and so of the state.
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

// betrays looks for a wrong answer in a state that the answers so far do not allow: every request, and
// after every request the reads.
func (w *walkPlan) betrays(h hooks, s model.State, before *model.Tracker) string {
	try := func(s model.State, t *model.Tracker, in walkInput) (next model.State, wrong string) {
		c := newWalkCall(s, in)
		x := *c.passed
		if h.step != nil {
			x = h.step(c)
		}
		reply, _ := answer(h, c, x, in)
		if !accepts(t, in.meant, reply) {
			wrong = fmt.Sprintf("%s answers %s", in.meant.GoString(), reply.Answer.Kind())
		}
		return x.next, wrong
	}
	for _, in := range w.reads {
		if _, wrong := try(s, before.Clone(), in); wrong != "" {
			return wrong
		}
	}
	for _, in := range w.inputs {
		t := before.Clone()
		next, wrong := try(s, t, in)
		if wrong != "" {
			return wrong
		}
		for _, read := range w.reads {
			if _, wrong := try(next, t.Clone(), read); wrong != "" {
				return in.meant.GoString() + ", and then " + wrong
			}
		}
	}
	return ""
}

// further walks on from the states to which changed answers have led, until there are no new ones.
func (w *walkPlan) further(f *walked) {
	known, queue := map[string][]model.State{}, []model.State{}
	h := f.fault.begin()
	for len(f.beyond) > 0 || len(queue) > 0 {
		for _, s := range f.beyond {
			if !slices.ContainsFunc(w.known[fmt.Sprint(s.Trails, s.Stores)], s.Equal) {
				add(known, &queue, s)
			}
		}
		f.beyond = nil
		if len(queue) == 0 {
			return
		}
		s := queue[0]
		queue = queue[1:]
		for _, in := range w.inputs {
			if w.place(f, h, newWalkCall(s, in), in, unseen-1) {
				return
			}
		}
	}
}

// answer is what a client makes of a result.
func answer(h hooks, c *call, x result, in walkInput) (targets.Reply, response) {
	out := render(x.answer, in.read, c.state, x.next)
	if h.reply != nil {
		h.reply(in.read, &out)
	}
	return decode(in.meant, &out), out
}

func (p *response) same(o *response) bool {
	return p.status == o.status && p.contentType == o.contentType && p.drop == o.drop && bytes.Equal(p.bytes(), o.bytes())
}

// accepts takes in an answer and reports whether all rules accept it. Like a run, it holds the rules of
// the wire for the operations under test alone.
func accepts(t *model.Tracker, r model.Request, reply targets.Reply) bool {
	tested := r.Op == model.OpPut || r.Op == model.OpGet
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

// letter is a step of a word: calls on one trail.
type letter []model.Request

const (
	maxWord   = 4
	maxRepeat = 10
)

// words lists every two letters in turn, maxRepeat times, and every sequence of up to maxWord letters.
func words() [][]letter {
	const name = generators.NameAlpha
	one, both := model.MakeSelectors(model.Management, 0), model.MakeSelectors(model.Management, model.Management)
	byARN := generators.Put(name, model.MakeSelectors(0, model.Management))
	byARN.Input = byARN.Input.With("TrailName", model.Str(model.DefaultWorld.TrailARN(model.DefaultWorld.Home, name)))
	refused := generators.Put(name, one)
	refused.Input = refused.Input.With("InsightSelectors", model.ListOf(model.Obj("InsightType", "ApiLatencyInsight")))
	classes := generators.EventClasses()
	letters := []letter{
		{generators.Put(name, one)}, {generators.Put(name, both)}, {generators.Put(name, 0)}, {byARN}, {refused, refused},
		{generators.Stop(name)}, {generators.Start(name)}, {generators.Update(name)}, {generators.Delete(name)},
		{generators.Create(name), generators.Start(name)},
		{generators.PutEvents(name, classes[model.ReadEvents])}, {generators.PutEvents(name, classes[model.WriteEvents])},
	}
	var out [][]letter
	for _, a := range letters {
		for _, b := range letters {
			var word []letter
			for range maxRepeat {
				word = append(word, a, b)
			}
			out = append(out, word)
		}
	}
	longest := [][]letter{{}}
	for range maxWord {
		var longer [][]letter
		for _, word := range longest {
			for _, l := range letters {
				longer = append(longer, append(slices.Clone(word), l))
			}
		}
		out, longest = append(out, longer...), longer
	}
	return out
}

// everyWord plays the words against a fault with a memory and returns its first wrong answer in words.
func (w *walkPlan) everyWord(f Fault) string {
	for _, word := range w.words {
		if wrong := w.word(f, word); wrong != "" {
			return wrong
		}
	}
	return ""
}

func (w *walkPlan) word(f Fault, word []letter) string {
	a := newAccount(w.world, ServerOptions{}, &f)
	a.symbolic = true
	world, tracker := &inProcessWorld{a}, model.NewTracker(&w.world)
	told := ""
	play := func(r model.Request) bool {
		told += r.GoString() + ", "
		reply := world.Do(context.Background(), r)
		if accepts(tracker, r, reply) {
			return true
		}
		told += "which answers " + reply.Answer.Kind()
		return false
	}
	const name = generators.NameAlpha
	for _, l := range append([]letter{{generators.Create(name), generators.Start(name)}}, word...) {
		for _, r := range l {
			if !play(r) {
				return told
			}
		}
		for _, read := range []model.Request{generators.Get(name), generators.GetTrail(name), generators.GetEvents(name)} {
			if !play(read) {
				return told
			}
		}
	}
	return ""
}

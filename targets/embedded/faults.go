package embedded

import (
	"slices"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// Fault is a deliberately wrong implementation beside the right one. What it does wrong lies outside
// everything that the reference page accepts, unless it is Computed.
type Fault struct {
	Name     string
	Rule     model.ID // that a run must report for it, if it is wrong
	Describe string   // what it does otherwise, in one sentence
	// AlsoRules may be reported beside Rule: the fault breaks them by nature.
	AlsoRules []model.ID
	// Deep faults show only after some history.
	Deep bool
	// Computed faults follow from the table of rules alone: whether any of their answers is wrong is for
	// Classify to find out.
	Computed bool
	// Needs names what a target must be able to do for the fault to show, beside what Rule needs.
	Needs []model.Capability

	start start
}

// hooks stand between the requests of an account and the reference.
type hooks struct {
	step  func(*call)                        // changes what the reference does
	reply func(r model.Request, p *response) // changes an answer on its way to the wire
	// remembers says that more than the state and the request decides.
	remembers bool
}

// Step is what a server with the fault answers to a request, as it reads it, in some state, and the state
// afterwards. The zero Fault is the reference. What a fault remembers, or does to answers on their way to
// the wire, is left out.
func (f Fault) Step(s model.State, r model.Request) (model.Answer, model.State) {
	c := &call{state: s, request: r, reference: (&account{choose: reference}).step}
	var step func(*call)
	if f.start != nil {
		step = f.start()().step
	}
	c.play(step)
	return c.answer, c.next
}

// Remembers says that more than the state and the request decides what the fault does.
func (f Fault) Remembers() bool { return f.start()().remembers }

// Faults lists all faults: those that follow from the table of rules and break it first, then the
// hand-written ones by family, the deep ones, and the computed ones last.
var Faults = func() []Fault {
	deep := deepFaults()
	for i := range deep {
		deep[i].Deep = true
	}
	return slices.Concat(ruleFaults(false), wireFaults(), putFaults(), getFaults(), logsFaults(), stateFaults(), storeFaults(), deep,
		ruleFaults(true))
}()

// FaultNamed returns the fault of that name.
func FaultNamed(name string) (Fault, bool) {
	if i := slices.IndexFunc(Faults, func(f Fault) bool { return f.Name == name }); i >= 0 {
		return Faults[i], true
	}
	return Fault{}, false
}

// start makes a fault's memory of a whole server. The function that it returns makes that of one account.
type start = func() func() hooks

// forgetful is a fault without memory.
func forgetful(step func(*call)) start {
	return func() func() hooks { return func() hooks { return hooks{step: step} } }
}

// remembering is a fault with memory of an account.
func remembering(begin func() func(*call)) start {
	return func() func() hooks { return func() hooks { return hooks{step: begin(), remembers: true} } }
}

// replying is a fault that shows on the wire alone.
func replying(reply func(model.Request, *response)) start {
	return func() func() hooks { return func() hooks { return hooks{reply: reply} } }
}

// What a fault does to a call, what tells calls that it is about, and the set that a trail has instead, if any.
type (
	change = func(*call)
	when   = func(*call) bool
	set    = func(*call) (model.Selectors, bool)
)

func refuses(code string, about when) change { return where(about, func(c *call) { c.refuse(code) }) }

// ignores answers as the reference does, and changes nothing.
func ignores(about when) change { return where(about, func(c *call) { c.next = c.state }) }

func where(about when, then change) change {
	return func(c *call) {
		if about(c) {
			then(c)
		}
	}
}

// stores stores another set than it answers.
func stores(instead set) change {
	return func(c *call) {
		if set, ok := instead(c); ok {
			c.put(set)
		}
	}
}

// answers stores another set and says so.
func answers(instead set) change {
	return func(c *call) {
		if set, ok := instead(c); ok {
			c.answer.Selectors, c.answer.Repeated = set, false
			c.put(set)
		}
	}
}

// on limits a change to calls about a trail or store that is there.
func on(find func(*call) int, about when, then change) start {
	return forgetful(func(c *call) {
		if c.i = find(c); c.i >= 0 && about(c) {
			then(c)
		}
	})
}

// onPut is a fault of the Puts on a trail that the reference carries out, onEnabling of those with a list.
func onPut(then change) start { return on((*call).trail, (*call).puts, then) }

func onEnabling(then change) start { return onPut(where((*call).enables, then)) }

// onRefusedPut is a fault of the Puts that are refused although their trail is there.
func onRefusedPut(then change) start {
	return on((*call).trail, func(c *call) bool { return c.is(model.OpPut) && !c.succeeded() }, then)
}

// onGet is a fault of the Gets that name a trail in its home Region.
func onGet(then change) start { return on((*call).trail, (*call).reads, then) }

// onTrail is a fault of one operation on a trail that exists, where the reference carries it out.
func onTrail(op model.Op, then change) start { return on((*call).trail, done(op), then) }

// onStorePut is a fault of the well-formed Puts on a store that the reference carries out.
func onStorePut(then change) start {
	return on((*call).store, func(c *call) bool { return c.noTrail() && c.puts() }, then)
}

func (c *call) noTrail() bool { return c.request.Input.Get("TrailName").Kind() == value.Absent }

// onStoreUpdate is a fault of UpdateEventDataStore with selectors.
func onStoreUpdate(then change) start {
	return on((*call).store, func(c *call) bool {
		return c.is(model.OpUpdateStore) && c.request.Input.Get("AdvancedEventSelectors").Given() && !c.state.Stores[c.i].Pending
	}, then)
}

func done(op model.Op) when { return func(c *call) bool { return c.is(op) && c.succeeded() } }

// onAnswer changes the successful answers of Put and Get.
func onAnswer(then change) start {
	return forgetful(where(func(c *call) bool {
		return c.request.Op.Insights() && c.succeeded()
	}, then))
}

// byTrail is a fault with a memory of each trail until DeleteTrail; then gets what succeeds, and every right Get.
func byTrail[M any](then func(*call, *M)) start {
	return remembering(func() func(*call) {
		memories := map[trailKey]*M{}
		return func(c *call) {
			c.i = c.trail()
			if c.i < 0 || c.request.Malformed() || !c.succeeded() && !c.reads() {
				return
			}
			key := keyOf(*c.oldTrail())
			if c.request.Op == model.OpDelete {
				delete(memories, key)
				return
			}
			if memories[key] == nil {
				memories[key] = new(M)
			}
			then(c, memories[key])
		}
	})
}

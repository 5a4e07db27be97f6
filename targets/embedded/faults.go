package embedded

import (
	"slices"

	"github.com/insightconform/conform/model"
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
	return slices.Concat(errorFaults(), wireFaults(), putFaults(), getFaults(), logsFaults(), stateFaults(), storeFaults(), deep,
		computedFaults())
}()

// FaultNamed returns the fault of that name.
func FaultNamed(name string) (Fault, bool) {
	if i := slices.IndexFunc(Faults, func(f Fault) bool { return f.Name == name }); i >= 0 {
		return Faults[i], true
	}
	return Fault{}, false
}

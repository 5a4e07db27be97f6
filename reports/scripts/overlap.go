package scripts

import (
	"errors"
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/describe"
)

// errClients says why a form cannot show what several clients did.
var errClients = errors.New("the trace is of several clients at once, and they need --as go")

// exportPhase is a part of what several clients do: one after the other, or all at once.
type exportPhase struct {
	Steps   []exportStep   // before, and at rest
	Clients [][]exportStep // at once
}

// exportClients says more of several clients.
type exportClients struct {
	Clients int // how many there are
	Beside  int // the read at rest that the marked one has to agree with; 0 for none
}

// exportTime is when a client sends a step, and when it did so as it was recorded.
type exportTime struct {
	Timed      bool // its answer is kept
	Client     int  // that sends it, from 1; 0 for none of those at once
	Pause      int  // before it, in units of 300 microseconds
	Start, End int64
}

// exportTries is how often a script of several clients tries, since a race shows by chance.
const exportTries = 200

// phases puts the steps into the times in which clients do them, and says how an answer is judged.
func (p *exportPlan) phases(steps []reports.Step) error {
	if p.Form != "go" {
		return errClients
	}
	if p.Trace.Rule == model.ConcurrentQuiescent {
		if p.Beside = otherReader(steps); p.Beside == 0 {
			return errors.New("the trace has not what another reader saw at rest; play it with 'conform replay', or record it anew")
		}
	}
	n := 0
	for _, part := range describe.Parts(steps) {
		phase, clients := exportPhase{}, map[int]int{}
		for _, call := range part.Calls {
			step := &p.Steps[n]
			n++
			step.exportTime = exportTime{Timed: part.Label != describe.LabelBefore, Client: min(max(call.Client, 0), maxClients),
				Pause: min(max(call.Delay, 0), maxPause), Start: call.Start, End: call.End}
			step.Must = step.Must && !step.Timed
			p.Clients = max(p.Clients, step.Client)
			step.Actual = p.recorded(call.Step)
			if call.Phase == 0 {
				phase.Steps = append(phase.Steps, *step)
				continue
			}
			place, known := clients[call.Client]
			if !known {
				place, clients[call.Client] = len(phase.Clients), len(phase.Clients)
				phase.Clients = append(phase.Clients, nil)
			}
			phase.Clients[place] = append(phase.Clients[place], *step)
		}
		p.Phases = append(p.Phases, phase)
	}
	p.Tries, p.Alone = exportTries, neverRight(p.Trace.Rule, steps)
	return nil
}

// otherReader is the number of a Get at rest that is not the marked answer; 0 where there is none.
func otherReader(steps []reports.Step) int {
	rested := false
	for _, s := range steps {
		rested = rested || s.Phase > 0
		if rested && s.Phase == 0 && !s.Diverges && model.Op(s.Operation) == model.OpGet {
			return s.Number
		}
	}
	return 0
}

// maxClients bounds the clients with connections of their own.
const maxClients = 64

// maxPause bounds the pauses of a client, in units of 300 microseconds.
const maxPause = 100

// neverRight reports whether the marked answer is wrong whatever the order of the calls: it never came, the resource was
// not written, or it is the result of no Put. Else it is wrong only in a history like the one that was recorded.
func neverRight(rule model.ID, steps []reports.Step) bool {
	i := slices.IndexFunc(steps, func(s reports.Step) bool { return s.Diverges })
	if i < 0 || rule == model.ConcurrentNoCrash || rule == model.ConcurrentIsolated {
		return true
	}
	marked := steps[i]
	if model.Op(marked.Operation) != model.OpGet || marked.Answer.Outcome != reports.OutcomeSuccess {
		return false
	}
	selectors := strings.Join(recordedSelectors(marked.Answer.Body), ",")
	return !slices.ContainsFunc(steps, func(s reports.Step) bool {
		if s.Diverges || s.Answer.Outcome == reports.OutcomeRefused {
			return false // a refused one has stored nothing
		}
		return strings.Join(recordedSelectors(s.Answer.Body), ",") == selectors ||
			strings.Join(recordedSelectors(s.Request), ",") == selectors
	})
}

// clientsForm is the form in which a trace can be written at all: of several clients, it has no short one.
func clientsForm(t *reports.Trace, as string) (only bool, err error) {
	if only = describe.Overlaps(t.Steps); only && as != "go" {
		err = errClients
	}
	return only, err
}

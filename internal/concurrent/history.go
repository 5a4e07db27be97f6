// Package concurrent has several clients use the trails and stores of one world at the same time, records what each was
// answered and when, and judges that history by the rules concurrent/*. An order of the calls in which the model allows
// each answer is looked for by porcupine; everything else is read off the history directly.
package concurrent

import (
	"math"
	"slices"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/wire"
)

// Call is one call of a history. Its moments are those of a clock that counts starts and ends.
type Call struct {
	Client     int // from 1; 0 is the one that acts alone, before and after the others
	Phase      int // from 1; the clients wait for each other between phases. 0 is before and after them
	Request    model.Request
	Reply      targets.Reply
	Start, End int64
	Delay      int // as of generators.Move
}

// answer is what came back.
func (c *Call) answer() model.Answer { return c.Reply.Answer }

// idle reports whether a call says nothing and has changed nothing: one that was turned away, or a read that got no answer.
func (c *Call) idle() bool {
	code := c.answer().Code
	return wire.Throttled(code) || code == wire.Busy && !c.Request.Op.Reads() || c.Request.Op.Reads() && !c.answer().Definite()
}

// latest is the moment by which the call has taken effect, if it ever does.
func (c *Call) latest() int64 {
	if !c.answer().Definite() {
		return math.MaxInt64
	}
	return c.End
}

// is reports whether another is the same call.
func (c *Call) is(o Call) bool { return c.Start == o.Start }

// succeeded reports whether the call was answered 200.
func (c *Call) succeeded() bool { return c.answer().Outcome == model.Succeeded }

// History is one round of overlapping calls, with the calls of one client before it, and those with which one client
// after another reads what it has left.
type History struct {
	World                *model.World
	Eventual             bool // the target may show old states: then no order of the calls is asked for
	Before, Round, After []Call
	played               *generators.Program
	hung                 bool   // a call got no answer as long as one waits
	Schedule             uint64 // the seed of the target's schedule; 0 where it has none
}

// Resources lists what the calls of the round, and those after it, concern.
func (h *History) Resources() (out []string) {
	for _, list := range [][]Call{h.Round, h.After} {
		for i := range list {
			if name := generators.Subject(list[i].Request); !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

// on lists the calls of a list that concern a resource.
func on(list []Call, name string) []Call {
	return slices.DeleteFunc(slices.Clone(list), func(c Call) bool { return generators.Subject(c.Request) != name })
}

// overlapping reports whether some calls of different clients overlap.
func overlapping(list []Call) bool {
	for i := range list {
		for j := range list[:i] {
			if a, b := &list[i], &list[j]; a.Client != b.Client && a.Start < b.End && b.Start < a.End {
				return true
			}
		}
	}
	return false
}

func subject(c Call) string { return generators.Subject(c.Request) }

// ordered lists the calls on a resource of which an order is asked for.
func (h *History) ordered(name string) []Call {
	return slices.DeleteFunc(slices.Concat(on(h.Round, name), on(h.After, name)), func(c Call) bool { return c.idle() })
}

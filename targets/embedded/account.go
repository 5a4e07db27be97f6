package embedded

import (
	"fmt"
	"slices"
	"sync"

	"github.com/insightconform/conform/model"
)

// defaultAccount is that of callers whose access key id is no account id.
const defaultAccount = "123456789012"

// maxPending is how many stores that are pending deletion an account keeps; the oldest go first.
const maxPending = 50

// account holds one caller's resources and answers its requests, one at a time.
type account struct {
	mu      sync.Mutex
	state   model.State
	chooser Chooser
	hooks   hooks
	weather *weather // nil is fair weather

	// The model knows two Regions. Which they are, the first calls decide.
	homeUsed, awayUsed bool

	// symbolic leaves new stores the model's IDs, which repeat from the hundredth store on.
	symbolic bool
	created  int // stores
}

func newAccount(w model.World, chooser Chooser, fault *Fault) *account {
	a := &account{state: model.NewState(&w), chooser: chooser}
	if a.chooser == nil {
		a.chooser = Reference
	}
	if fault != nil {
		a.hooks = fault.begin()
	}
	return a
}

// handle answers one request. Its Region is filled in.
func (a *account) handle(r model.Request) response {
	a.takeTime()
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.admit(r.Region) {
		return refusal(codeUnsupported, fmt.Sprintf("This server keeps the Regions %s and %s only.", a.state.World.Home, a.state.World.Away))
	}
	if a.weather != nil {
		return a.underWeather(r)
	}
	return a.carryOut(r)
}

// carryOut does a request in the present state.
func (a *account) carryOut(r model.Request) response {
	before := a.state
	c := &call{state: before, request: r, reference: a.step}
	var x result
	if a.hooks.step != nil {
		x = a.hooks.step(c)
	} else {
		x = c.pass()
	}
	a.state = x.next
	if r.Op == model.OpCreateStore && len(x.next.Stores) > len(before.Stores) && !a.symbolic {
		a.nameNewStore()
	}
	out := render(x.answer, r, before, a.state)
	if a.hooks.reply != nil {
		a.hooks.reply(r, &out)
	}
	return out
}

// step is the model's step with the branch that the chooser takes.
func (a *account) step(s model.State, r model.Request) result {
	branches := model.Step(s, r)
	b := &branches[a.chooser(branches, r)]
	return result{settle(b.Answer, s, r), b.Next}
}

// admit reports whether the account keeps a Region. A Region takes the place of one that was never
// called.
func (a *account) admit(region string) bool {
	w := *a.state.World
	switch {
	case region == w.Home:
		a.homeUsed = true
		return true
	case region == w.Away:
		a.awayUsed = true
		return true
	case !a.awayUsed:
		w.Away, a.awayUsed = region, true
	case !a.homeUsed:
		w.Home, a.homeUsed = region, true
	default:
		return false
	}
	a.state.World = &w
	return true
}

// nameNewStore gives the store that was just made an ID that the account never had, and lets go of
// old stores that are pending deletion.
func (a *account) nameNewStore() {
	last := len(a.state.Stores) - 1
	x := a.state.Stores[last]
	a.created++
	x.ID = fmt.Sprintf("c0f00000-0000-4000-9000-%012x", a.created)
	a.state = a.state.WithStore(last, x)

	pending := 0
	for i := range a.state.Stores {
		if a.state.Stores[i].Pending {
			pending++
		}
	}
	if pending > maxPending {
		kept := slices.Clone(a.state.Stores)
		a.state.Stores = slices.DeleteFunc(kept, func(x model.Store) bool {
			drop := x.Pending && pending > maxPending
			if drop {
				pending--
			}
			return drop
		})
	}
}

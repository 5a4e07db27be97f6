package embedded

import (
	"fmt"
	"slices"
	"sync"

	"github.com/insightconform/conform/model"
)

// maxPending is how many stores that are pending deletion an account keeps; the oldest go first.
const maxPending = 50

// account holds one caller's resources and answers its requests, one at a time.
type account struct {
	mu     sync.Mutex
	state  model.State
	choose choose
	hooks  hooks
	around around // nil hands every request on

	// The model knows two Regions. Which they are, the first calls decide.
	homeUsed, awayUsed bool

	// symbolic leaves new stores the model's IDs, which repeat from the hundredth store on.
	symbolic bool
	created  int // stores
}

// around stands between an account and its requests.
type around func(a *account, r model.Request) response

// newAccount returns an account without resources, which may serve a world.
func (s *Server) newAccount(id string, world bool) *account {
	w := model.DefaultWorld
	w.Account, w.Profile = id, s.options.Order
	a := &account{state: model.NewState(&w), choose: reference}
	if s.options.Chooser != nil {
		a.choose = s.options.Chooser
	}
	if s.begin != nil {
		a.hooks = s.begin()
	}
	if world && s.options.around != nil {
		a.around = s.options.around(a.state)
	}
	return a
}

// handle answers one request. Its Region is filled in.
func (a *account) handle(r model.Request) response {
	if a.around != nil {
		return a.around(a, r)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if out, ok := a.admit(r.Region); !ok {
		return out
	}
	return a.carryOut(r)
}

func (a *account) carryOut(r model.Request) response {
	c := &call{state: a.state, request: r, reference: a.step}
	c.play(a.hooks.step)
	a.state = c.next
	if r.Op == model.OpCreateStore && len(c.next.Stores) > len(c.state.Stores) && !a.symbolic {
		a.nameNewStore()
	}
	out := render(c.answer, r, c.state, a.state)
	if a.hooks.reply != nil {
		a.hooks.reply(r, &out)
	}
	return out
}

// choose picks one of the allowed branches of a request by its index.
type choose = func(branches []model.Branch, r model.Request) int

func reference([]model.Branch, model.Request) int { return 0 }

func (a *account) step(s model.State, r model.Request) (model.Answer, model.State) {
	branches := model.Step(s, r)
	b := &branches[a.choose(branches, r)]
	return definite(b.Answer, s, r), b.Next
}

// admit refuses Regions that the account does not keep. One takes the place of one that was never called.
func (a *account) admit(region string) (refused response, ok bool) {
	w := *a.state.World
	switch {
	case region == w.Home:
		a.homeUsed = true
	case region == w.Away:
		a.awayUsed = true
	case !a.awayUsed:
		w.Away, a.awayUsed = region, true
		a.state.World = &w
	case !a.homeUsed:
		w.Home, a.homeUsed = region, true
		a.state.World = &w
	default:
		return refusal(codeUnsupported, fmt.Sprintf("This server keeps the Regions %s and %s only.", w.Home, w.Away)), false
	}
	return refused, true
}

// nameNewStore gives a new store an ID that the account never had, and lets go of old ones pending deletion.
func (a *account) nameNewStore() {
	last := len(a.state.Stores) - 1
	x := a.state.Stores[last]
	a.created++
	x.ID = fmt.Sprintf("c0f00000-0000-4000-9000-%012x", a.created)
	a.state = a.state.WithStore(last, x)

	var pending []int
	for i := range a.state.Stores {
		if a.state.Stores[i].Pending {
			pending = append(pending, i)
		}
	}
	for n := len(pending) - maxPending; n > 0; n-- {
		a.state.Stores = slices.Concat(a.state.Stores[:pending[n-1]], a.state.Stores[pending[n-1]+1:])
	}
}

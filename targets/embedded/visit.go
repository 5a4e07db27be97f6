package embedded

import (
	"context"

	"github.com/insightconform/conform/model"
)

// visit is a request under way, beside which others may be.
type visit struct {
	account *account
	ctx     context.Context
	from    string // its client or connection
	turn    *turn  // nil without a schedule
	calls   int    // of the turn, as long as its client waits
}

// serve answers a request. Without a schedule or a race that is one step.
func (a *account) serve(ctx context.Context, from string, r model.Request) response {
	if a.hooks.serve == nil && a.schedule == nil {
		return a.handle(r)
	}
	v := &visit{account: a, ctx: ctx, from: from}
	if a.schedule != nil {
		a.schedule.enter(v)
		defer a.schedule.leave(v)
	}
	v.alone(func() { a.flying++ })
	defer v.alone(func() { a.flying-- })
	v.yield()
	answer := func(_ *visit, r model.Request) response { return a.handle(r) }
	if a.hooks.serve != nil {
		answer = a.hooks.serve
	}
	out := answer(v, r)
	v.yield()
	return out
}

// alone does something with the account that no other request is to come between.
func (v *visit) alone(do func()) {
	v.account.mu.Lock()
	defer v.account.mu.Unlock()
	do()
}

// yield lets others go on, where there is a schedule.
func (v *visit) yield() {
	if v.turn != nil {
		_ = v.account.schedule.wait(v.ctx, v.turn, v.calls, nil) // without its client it goes on by itself
	}
}

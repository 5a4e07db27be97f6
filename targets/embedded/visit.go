package embedded

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
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
	overlaps := false
	v.alone(func() {
		a.flying++
		overlaps = a.flying > 1
	})
	defer v.alone(func() { a.flying-- })
	if v.yield(); v.turn == nil && overlaps {
		v.pause()
	}
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

// pause lets others go on; without a schedule it takes time.
func (v *visit) pause() {
	if v.yield(); v.turn == nil {
		targets.Sleep(v.ctx, moment())
	}
}

func moment() time.Duration { return 200*time.Microsecond + rand.N(1300*time.Microsecond) }

// lock waits until a lock of a race is free, and takes it; false says that it never will be.
func (v *visit) lock(locks map[string]*visit, key string) bool {
	free := func() (free bool) {
		v.alone(func() { free = locks[key] == nil })
		return free
	}
	for {
		taken := false
		if v.alone(func() {
			if taken = locks[key] == nil; taken {
				locks[key] = v
			}
		}); taken {
			return true
		}
		if v.turn != nil && v.account.schedule.wait(v.ctx, v.turn, v.calls, free) != nil ||
			v.turn == nil && !targets.Sleep(v.ctx, moment()) {
			return false
		}
	}
}

// unlock frees all locks that are its own.
func (v *visit) unlock(locks map[string]*visit) {
	v.alone(func() {
		for key, owner := range locks {
			if owner == v {
				delete(locks, key)
			}
		}
	})
}

// after does something some moments after the answer.
func (v *visit) after(do func()) {
	later := &visit{account: v.account, ctx: context.Background()}
	if s := v.account.schedule; s != nil {
		s.after(later)
	}
	go func() {
		if s := v.account.schedule; s != nil {
			defer s.leave(later)
		}
		for range 3 {
			later.pause()
		}
		later.alone(do)
	}()
}

package embedded

import "github.com/insightconform/conform/model"

// change is what a fault does to a call that it is about; i is the trail or store that the call names, x
// what the reference does.
type change func(c *call, i int, x result) result

// when tells the calls that a change is about.
type when func(c *call, i int, x result) bool

// refuses answers a code.
func refuses(code string, about when) change {
	return func(c *call, i int, x result) result {
		if about == nil || about(c, i, x) {
			return c.refuse(code)
		}
		return x
	}
}

// ignores answers as the reference does, and changes nothing.
func ignores(about when) change {
	return func(c *call, i int, x result) result {
		if about(c, i, x) {
			x.next = c.state
		}
		return x
	}
}

// another gives the set that a Put with a non-empty list stores instead of after, where before was stored;
// false leaves all as it is.
type another func(c *call, before, after model.Selectors) (model.Selectors, bool)

// storesInstead stores another set than it answers.
func storesInstead(set another) func() func() hooks {
	return onEnabling(func(c *call, i int, x result) result {
		if instead, ok := set(c, c.stored(i), x.stored(i)); ok {
			return x.withInsights(i, instead)
		}
		return x
	})
}

// answersInstead stores another set and says so.
func answersInstead(set another) func() func() hooks {
	return onEnabling(func(c *call, i int, x result) result {
		if instead, ok := set(c, c.stored(i), x.stored(i)); ok {
			return x.storing(i, instead)
		}
		return x
	})
}

// stored is what a trail has before the call, and x.stored what it has afterwards.
func (c *call) stored(i int) model.Selectors  { return c.state.Trails[i].Insights }
func (x result) stored(i int) model.Selectors { return x.next.Trails[i].Insights.Effective() }

// on limits a change to the calls for which resource finds the trail or store.
func on(resource func(c *call, x result) (i int, ok bool), then change) func() func() hooks {
	return forgetful(func(c *call) result {
		x := c.pass()
		if i, ok := resource(c, x); ok {
			return then(c, i, x)
		}
		return x
	})
}

// onPut is a fault of the well-formed Puts on a trail that the reference carries out.
func onPut(then change) func() func() hooks {
	return on(func(c *call, x result) (int, bool) {
		i, ok := c.putsOnTrail()
		return i, ok && x.succeeded()
	}, then)
}

// onEnabling is onPut for non-empty lists.
func onEnabling(then change) func() func() hooks {
	return onPut(func(c *call, i int, x result) result {
		if !c.enables() {
			return x
		}
		return then(c, i, x)
	})
}

// onRefusedPut is a fault of the Puts that are refused although their trail is there.
func onRefusedPut(then change) func() func() hooks {
	return on(func(c *call, x result) (int, bool) {
		i := c.trail()
		return i, i >= 0 && c.request.Op == model.OpPut && !c.request.Malformed() && !x.succeeded()
	}, then)
}

// onGet is a fault of the Gets that name a trail in its home Region.
func onGet(then change) func() func() hooks {
	return on(func(c *call, _ result) (int, bool) {
		i := c.trail()
		return i, i >= 0 && c.reads()
	}, then)
}

// onTrail is a fault of one operation on a trail that exists, where the reference carries it out.
func onTrail(op model.Op, then change) func() func() hooks {
	return on(func(c *call, x result) (int, bool) {
		i := c.trail()
		return i, i >= 0 && c.request.Op == op && !c.request.Malformed() && x.succeeded()
	}, then)
}

// onStorePut is a fault of the well-formed Puts on a store that the reference carries out.
func onStorePut(then change) func() func() hooks {
	return on(func(c *call, x result) (int, bool) {
		i := c.store()
		return i, i >= 0 && c.request.Op == model.OpPut && c.wellFormedOnStore() && x.succeeded()
	}, then)
}

// onStoreUpdate is a fault of UpdateEventDataStore with selectors.
func onStoreUpdate(then change) func() func() hooks {
	return on(func(c *call, _ result) (int, bool) {
		i := c.store()
		return i, i >= 0 && c.request.Op == model.OpUpdateStore && !c.request.Malformed() &&
			c.request.Input.Get("AdvancedEventSelectors").Given() && !c.state.Stores[i].Pending
	}, then)
}

// onAnswer changes the successful answers of Put and Get.
func onAnswer(change func(c *call, a *model.Answer)) func() func() hooks {
	return forgetful(func(c *call) result {
		x := c.pass()
		if (c.request.Op == model.OpPut || c.request.Op == model.OpGet) && x.succeeded() {
			change(c, &x.answer)
		}
		return x
	})
}

// byTrail is a fault with a memory M of each trail that there is. then gets the trail before and the
// reference's result; it is called for what succeeds on the trail, and for every well-formed Get.
func byTrail[M any](then func(c *call, i int, t model.Trail, m *M, x result) result) func() func() hooks {
	return remembering(func() func(*call) result {
		memories := map[trailKey]*M{}
		return func(c *call) result {
			x := c.pass()
			i := c.trail()
			if i < 0 || c.request.Malformed() || !x.succeeded() && !c.reads() {
				return x
			}
			t := c.state.Trails[i]
			if c.request.Op == model.OpDelete {
				delete(memories, keyOf(t))
				return x
			}
			m := memories[keyOf(t)]
			if m == nil {
				m = new(M)
				memories[keyOf(t)] = m
			}
			return then(c, i, t, m, x)
		}
	})
}

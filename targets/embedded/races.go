package embedded

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// Races lists the faults that show only where calls overlap; to one client at a time they are right. The last one is
// slow and no fault: it breaks no rule.
var Races = []Fault{
	{Name: "race-union", Rule: model.ConcurrentWhole, AlsoRules: []model.ID{model.ConcurrentLinearizable},
		Describe: "Puts that overlap store all that any of them asks for.",
		start:    racing(func() race { return storesUnion })},
	{Name: "race-flag-apart", Rule: model.ConcurrentQuiescent, AlsoRules: []model.ID{model.ConcurrentLinearizable},
		Describe: "Put writes the selectors and HasInsightSelectors one after the other, without a lock.",
		start:    racing(flagApart)},
	{Name: "race-one-by-one", Rule: model.ConcurrentWhole, AlsoRules: []model.ID{model.ConcurrentLinearizable},
		Describe: "Put writes the selectors one by one, without a lock.",
		start:    racing(func() race { return oneByOne })},
	{Name: "race-connection-cache", Rule: model.ConcurrentQuiescent, AlsoRules: []model.ID{model.ConcurrentWhole, model.ConcurrentLinearizable},
		Describe: "Each connection keeps what Get has read, also where a write came between.",
		start:    racing(connectionCache)},
	{Name: "race-map-panics", Rule: model.ConcurrentNoCrash,
		Describe: "A write that overlaps another one gets no answer, or 500.",
		start:    racing(mapPanics)},
	{Name: "race-deadlock", Rule: model.ConcurrentNoCrash,
		Describe: "Overlapping Puts on two trails take locks in opposite order and never answer.",
		start:    racing(deadlock)},
	{Name: "race-wrong-trail", Rule: model.ConcurrentIsolated, AlsoRules: []model.ID{model.ConcurrentWhole, model.ConcurrentLinearizable},
		Describe: "A Put lands on the trail that an overlapping call names.",
		start:    racing(wrongTrail)},
	{Name: "race-answers-early", Rule: model.ConcurrentLinearizable,
		Describe: "A Put is answered before it is stored, where other calls are under way.",
		start:    racing(answersEarly)},
	{Name: "race-stale-read", Rule: model.ConcurrentLinearizable,
		Describe: "For a moment after a Put, Get answers what was stored before, where other calls are under way.",
		start:    racing(staleRead)},
	{Name: "race-delete-leaves", Rule: model.ConcurrentLinearizable, AlsoRules: []model.ID{model.TrailDeleteForgets},
		Describe: "What a Put stores while its trail is deleted is there when a trail of that name is made again.",
		start:    racing(deleteLeaves)},
	{Name: "race-failed-put-shows", Rule: model.ConcurrentLinearizable,
		Describe: "What a refused Put asked for shows until its answer.",
		start:    racing(failedPutShows)},
	{Name: "slow-lock",
		Describe: "One lock for the whole account, held while sleeping: slow, and right.",
		start:    racing(slowLock)},
}

// race answers a request beside which others may be under way.
type race = func(v *visit, r model.Request) response

// racing is a race with a memory of each account, guarded by its mu.
func racing(begin func() race) start {
	return func() func() hooks {
		return func() hooks { return hooks{serve: begin(), remembers: true} }
	}
}

// apply carries a request out; where that succeeds, then may change the state before others see it. before is the
// state that was, key names the resource.
func (v *visit) apply(r model.Request, then func(before model.State, key string)) (out response) {
	v.alone(func() {
		key, before := v.account.names(r), v.account.state
		out = v.account.once(r)
		if then != nil && out.status == http.StatusOK {
			then(before, cmp.Or(key, model.Resource(v.account.state, r)))
		}
	})
	return out
}

// names is the resource that a request names now, as model.Resource has it; names of an account has its mu held.
func (v *visit) names(r model.Request) (key string) {
	v.alone(func() { key = v.account.names(r) })
	return key
}

func (a *account) names(r model.Request) string {
	a.admit(r) // tells the model the Regions
	return model.Resource(a.state, r)
}

// read is what the resource holds now that a request names.
func (v *visit) read(r model.Request) (set model.Selectors) {
	v.alone(func() { set, _ = held(v.account.state, v.account.names(r)) })
	return set
}

// held is what a resource holds, and whether it is there.
func held(s model.State, key string) (set model.Selectors, there bool) {
	if i, ok := trailOf(s, key); ok {
		return s.Trails[i].Insights, true
	}
	if i, ok := storeOf(s, key); ok {
		return s.Stores[i].Insights, true
	}
	return 0, false
}

// holding is the state in which a resource that is there holds a set.
func holding(s model.State, key string, set model.Selectors) model.State {
	if i, ok := trailOf(s, key); ok {
		t := s.Trails[i]
		t.Insights = set
		return s.WithTrail(i, t)
	}
	if i, ok := storeOf(s, key); ok {
		x := s.Stores[i]
		x.Insights = set
		return s.WithStore(i, x)
	}
	return s
}

func trailOf(s model.State, key string) (i int, there bool) {
	i = slices.IndexFunc(s.Trails, func(t model.Trail) bool { return key == "trail/"+t.Home+"/"+t.Name })
	return i, i >= 0
}

func storeOf(s model.State, key string) (i int, there bool) {
	i = slices.IndexFunc(s.Stores, func(x model.Store) bool { return key == "store/"+x.Home+"/"+x.ID })
	return i, i >= 0
}

// set has a resource of the account hold a set from now on.
func (a *account) set(key string, set model.Selectors) { a.state = holding(a.state, key, set) }

// seen answers a read as if a resource held a set, with mu held.
func (a *account) seen(key string, set model.Selectors, r model.Request) response {
	before := a.state
	defer func() { a.state = before }()
	a.set(key, set)
	return a.once(r)
}

func storesUnion(v *visit, r model.Request) response {
	if r.Op != model.OpPut {
		return v.apply(r, nil)
	}
	read := v.read(r)
	v.pause()
	return v.apply(r, func(before model.State, key string) {
		if was, _ := held(before, key); was != read {
			now, _ := held(v.account.state, key)
			v.account.set(key, now|was)
		}
	})
}

func flagApart() race {
	type flag struct {
		of    model.Selectors // what the trail held when the flag was written
		wrong bool
	}
	flags := map[string]flag{}
	return func(v *visit, r model.Request) (out response) {
		var mine model.Selectors
		var of string
		shown := flag{}
		out = v.apply(r, func(_ model.State, key string) {
			mine, _ = held(v.account.state, key)
			if of = key; r.Op == model.OpTrail {
				shown = flags[key]
			}
		})
		switch {
		case r.Op == model.OpTrail && shown.of == mine && shown.wrong:
			out.body = out.body.With("Trail", out.body.Get("Trail").With("HasInsightSelectors", value.Boolean(!mine.On())))
		case r.Op == model.OpPut && of != "":
			v.pause()
			v.alone(func() {
				now, _ := held(v.account.state, of)
				flags[of] = flag{now, mine.On() != now.On()}
			})
		case !r.Op.Reads():
			v.alone(func() { delete(flags, of) })
		}
		return out
	}
}

func oneByOne(v *visit, r model.Request) response {
	if r.Op != model.OpPut {
		return v.apply(r, nil)
	}
	var mine, half model.Selectors
	var of string
	out := v.apply(r, func(before model.State, key string) {
		was, _ := held(before, key)
		mine, _ = held(v.account.state, key)
		half, of = model.MakeSelectors(mine.Of(model.CallRate), was.Of(model.ErrorRate)), key
		v.account.set(key, half)
	})
	v.pause()
	v.alone(func() {
		if now, _ := held(v.account.state, of); now == half {
			v.account.set(of, mine)
		} else {
			v.account.set(of, with(now, model.ErrorRate, mine.Of(model.ErrorRate)))
		}
	})
	return out
}

func connectionCache() race {
	cache := map[string]response{}
	return func(v *visit, r model.Request) (out response) {
		if r.Op != model.OpGet || r.Malformed() {
			out = v.apply(r, nil)
			if !r.Op.Reads() {
				v.alone(func() { clear(cache) })
			}
			return out
		}
		key, hit := v.from+" "+r.Region+" "+r.Input.String(), false
		if v.alone(func() { out, hit = cache[key] }); hit {
			return out
		}
		out = v.apply(r, nil)
		v.pause()
		v.alone(func() { cache[key] = out })
		return out
	}
}

func mapPanics() race {
	writing, panics := 0, 0
	return func(v *visit, r model.Request) response {
		if r.Op.Reads() {
			return v.apply(r, nil)
		}
		meets, drops := false, false
		v.alone(func() {
			if writing++; writing > 1 {
				panics++
				meets, drops = true, panics%2 == 1
			}
		})
		defer v.alone(func() { writing-- })
		if meets {
			out := refusal("InternalFailure", "concurrent map writes")
			out.status, out.drop = http.StatusInternalServerError, drops
			return out
		}
		v.pause()
		return v.apply(r, nil)
	}
}

func deadlock() race {
	locks := map[string]*visit{}
	puts := map[string]*visit{} // whose trail is locked
	return func(v *visit, r model.Request) response {
		key := v.names(r)
		if !strings.HasPrefix(key, "trail/") {
			return v.apply(r, nil)
		}
		defer v.unlock(locks)
		defer v.unlock(puts)
		if !v.lock(locks, key) {
			return response{hang: true}
		}
		if r.Op == model.OpPut {
			var others []string
			v.lock(puts, key)
			v.pause()
			v.alone(func() { others = slices.Sorted(maps.Keys(puts)) })
			for _, other := range others {
				if other != key && !v.lock(locks, other) {
					return response{hang: true}
				}
			}
		}
		return v.apply(r, nil)
	}
}

func wrongTrail() race {
	named := ""
	return func(v *visit, r model.Request) response {
		if key := v.names(r); strings.HasPrefix(key, "trail/") {
			v.alone(func() { named = key })
		}
		if r.Op != model.OpPut {
			return v.apply(r, nil)
		}
		v.pause()
		return v.apply(r, func(before model.State, key string) {
			if _, there := held(before, named); there && strings.HasPrefix(key, "trail/") && key != named {
				was, _ := held(before, key)
				set, _ := held(v.account.state, key)
				v.account.set(key, was)
				v.account.set(named, set)
			}
		})
	}
}

func answersEarly() race {
	var late []model.Request // answered, and not stored yet
	return func(v *visit, r model.Request) (out response) {
		a, early := v.account, false
		store := func(n int) {
			for _, r := range late[:n] {
				a.once(r)
			}
			late = late[n:]
		}
		if r.Op == model.OpPut {
			v.pause()
		}
		v.alone(func() {
			if r.Op.Reads() && a.flying > 1 {
				out = a.once(r)
				return
			}
			before, queue := a.state, late
			store(len(late))
			out = a.once(r)
			if early = r.Op == model.OpPut && out.status == http.StatusOK && a.flying > 1; early {
				a.state, late = before, append(slices.Clone(queue), r)
			}
		})
		if early {
			v.after(func() { store(min(1, len(late))) })
		}
		return out
	}
}

func staleRead() race {
	former := map[string]*model.Selectors{} // by resource, for a moment
	return func(v *visit, r model.Request) (out response) {
		var stale *model.Selectors
		var of string
		if r.Op == model.OpPut {
			v.pause()
		}
		v.alone(func() {
			if v.account.flying == 1 {
				clear(former)
			}
			of = v.account.names(r)
			before := v.account.state
			if stale = former[of]; stale != nil && r.Op == model.OpGet {
				out = v.account.seen(of, *stale, r)
				return
			}
			if out, stale = v.account.once(r), nil; !r.Op.Reads() {
				delete(former, of)
			}
			if r.Op == model.OpPut && out.status == http.StatusOK && v.account.flying > 1 {
				was, _ := held(before, of)
				stale = &was
				former[of] = stale
			}
		})
		if r.Op == model.OpPut && stale != nil {
			v.after(func() {
				if former[of] == stale {
					delete(former, of)
				}
			})
		}
		return out
	}
}

func deleteLeaves() race {
	left := map[string]model.Selectors{}
	return func(v *visit, r model.Request) (out response) {
		if r.Op != model.OpPut {
			var cleared model.Selectors
			if r.Op == model.OpDelete {
				cleared = v.read(r)
				v.pause()
			}
			return v.apply(r, func(before model.State, key string) {
				if set, ok := left[key]; ok && r.Op == model.OpCreate {
					v.account.set(key, set)
					delete(left, key)
				} else if was, _ := held(before, key); r.Op == model.OpDelete && was != cleared {
					left[key] = was
				}
			})
		}
		var key string
		var mine model.Selectors
		v.alone(func() {
			key = v.account.names(r)
			before := v.account.state
			out = v.account.once(r)
			mine, _ = held(v.account.state, key)
			v.account.state = before
		})
		v.pause()
		v.alone(func() {
			if _, there := held(v.account.state, key); !there && out.status == http.StatusOK {
				left[key] = mine
			} else {
				out = v.account.once(r)
			}
		})
		return out
	}
}

func failedPutShows() race {
	shown := map[string]*model.Selectors{}
	return func(v *visit, r model.Request) (out response) {
		if r.Op == model.OpGet {
			v.alone(func() {
				key := v.account.names(r)
				if set := shown[key]; set != nil {
					out = v.account.seen(key, *set, r)
				} else {
					out = v.account.once(r)
				}
			})
			return out
		}
		if out = v.apply(r, nil); r.Op != model.OpPut || out.status == http.StatusOK || r.Malformed() {
			return out
		}
		key, asked := v.names(r), (&call{request: r}).requested()
		v.alone(func() { shown[key] = &asked })
		v.pause()
		v.alone(func() {
			if shown[key] == &asked {
				delete(shown, key)
			}
		})
		return out
	}
}

func slowLock() race {
	locks := map[string]*visit{}
	return func(v *visit, r model.Request) response {
		defer v.unlock(locks)
		if !v.lock(locks, "") {
			return response{hang: true}
		}
		v.pause()
		out := v.apply(r, nil)
		v.pause()
		return out
	}
}

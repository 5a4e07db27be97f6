package naming

import (
	"context"
	"slices"
	"sync"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
)

// shared is what all worlds of a target have in common whatever their names: no name at all, an empty one, null. Where a
// Put of that succeeds, one world would read what another one has written. So insights are turned off for it once and
// after each Put, before any other world asks; then all see the same, in whatever order they come.
type shared struct {
	once sync.Once
	// stores says that a Put of what is shared succeeds.
	stores  bool
	mu      sync.Mutex // held around what is shared, where stores
	unknown string     // what a Get of an unknown trail shows
}

// off is a Put that turns insights off for what a request names.
func off(region string, names value.Value) model.Request {
	return model.Request{Op: model.OpPut, Region: region, Input: names.With("InsightSelectors", value.ListOf())}
}

// try finds out what the target does, with the first world, before any world's own requests.
func (t *shared) try(ctx context.Context, w *world) {
	get, _ := w.binding.request(generators.Get(generators.UnknownName))
	reply := w.inner.Do(ctx, get)
	t.unknown = shows(reply)
	all := map[string][]generators.Representative{"TrailName": generators.BadTrailNames(&model.DefaultWorld),
		"EventDataStore": generators.StoreNames(model.NewState(&model.DefaultWorld))}
	for _, member := range []string{"TrailName", "EventDataStore"} {
		for _, x := range all[member] {
			kind := x.Value.Kind()
			symbolic := model.Request{Op: model.OpPut, Input: value.Obj(member, x.Value)}
			_, common := w.binding.request(symbolic)
			left := slices.ContainsFunc(w.target.leavesOut, func(leaves func(model.Request) bool) bool { return leaves(symbolic) })
			if left || common.Kind() == value.Absent || !w.target.info.RawRequests && kind != value.String && kind != value.Absent {
				continue
			}
			if !reply.Answer.Definite() { // nothing is to be had from it
				return
			}
			reply = w.inner.Do(ctx, off(get.Region, common))
			t.stores = t.stores || reply.Answer.Outcome == model.Succeeded
		}
	}
}

// shows tells apart what a Get may show of what is stored, if anything is.
func shows(reply targets.Reply) string {
	switch a := reply.Answer; {
	case a.Outcome != model.Succeeded:
		return a.Code
	case len(reply.Body.Get("InsightSelectors").Items()) > 0:
		return "selectors"
	}
	return "none"
}

// takes returns what reports whether something is stored on the target under a string that names a trail or store.
func (w *world) takes(ctx context.Context, r model.Request) func(concrete string) bool {
	member := "TrailName"
	if r.Input.Get("EventDataStore").Given() {
		member = "EventDataStore"
	}
	return func(concrete string) bool {
		shown := shows(w.inner.Do(ctx, model.Request{Op: model.OpGet, Region: w.binding.region(r.Region), Input: value.Obj(member, concrete)}))
		return shown != w.target.shared.unknown && slices.Contains([]string{"selectors", "none", "InsightNotEnabledException"}, shown)
	}
}

package generators

import (
	"pgregory.net/rapid"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// storeName draws an EventDataStore or InsightsDestination: one that there is, or a wrong one.
func (g *Generator) storeName(t *rapid.T, s model.State) value.Value {
	if len(s.Stores) == 0 || one(t, 8) {
		return of(t, g.badStores)
	}
	return g.storeRef(t, s, draw(t, len(s.Stores)))
}

func (g *Generator) storeRef(t *rapid.T, s model.State, i int) value.Value {
	if one(t, 3) {
		return value.Str(s.World.StoreARN(s.Stores[i].Home, s.Stores[i].ID))
	}
	return value.Str(s.Stores[i].ID)
}

// store draws a call on the event data stores: first a source and a destination are made.
func (g *Generator) store(t *rapid.T, s model.State) model.Request {
	n := len(s.Stores)
	if n < 2 {
		kind := []StoreKind{SourceStore, InsightStore}[n]
		if one(t, 8) {
			kind = of(t, storeKinds)
		}
		return CreateStore(n, kind)
	}
	switch i := draw(t, 16); {
	case i == 15 && g.scope.Can[model.CanDeleteStores]:
		return OnStore(model.OpDeleteStore, s.Stores[draw(t, n)].ID)
	case i >= 13 && g.scope.Can[model.CanRestoreStores]:
		for j := range s.Stores {
			if s.Stores[j].Pending {
				return OnStore(model.OpRestoreStore, s.Stores[j].ID)
			}
		}
	case i == 12 && g.scope.Can[model.CanStopStores]:
		j := draw(t, n)
		if s.Stores[j].Ingesting {
			return OnStore(model.OpStopIngestion, s.Stores[j].ID)
		}
		return OnStore(model.OpStartIngestion, s.Stores[j].ID)
	case i >= 11 && n < mostStores:
		return CreateStore(n, of(t, storeKinds))
	case i >= 9 && g.scope.Can[model.CanUpdateStores]:
		j := draw(t, n)
		kind := InsightStore // a destination stays one, mostly
		if s.Stores[j].Logs&model.InsightEvents == 0 || one(t, 4) {
			kind = of(t, SourceVariants)
		}
		return UpdateStore(s.Stores[j].ID, kind)
	}
	if !g.scope.Can[model.CanPut] {
		return g.get(t, s)
	}
	return g.putStore(t, s)
}

// turn finds the next store, from one on, that logs some kind of events and is there to stay.
func turn(s model.State, from int, logs model.Logs) int {
	for i := range s.Stores {
		if j := (from + i) % len(s.Stores); s.Stores[j].Logs&logs != 0 && !s.Stores[j].Pending {
			return j
		}
	}
	return from
}

func (g *Generator) putStore(t *rapid.T, s model.State) model.Request {
	source, destination := draw(t, len(s.Stores)), draw(t, len(s.Stores))
	if !one(t, 4) {
		source, destination = turn(s, source, model.ManagementEvents), turn(s, destination, model.InsightEvents)
	}
	from, to := g.storeRef(t, s, source), g.storeRef(t, s, destination)
	var list value.Value
	switch wrong := draw(t, 16); wrong {
	case 12:
		from = of(t, g.badStores)
	case 13:
		to = of(t, g.badStores)
	case 14:
		list = g.badList(t)
	case 15:
		if one(t, 2) {
			from = value.Value{}
		} else {
			to = value.Value{}
		}
	case 9, 10, 11:
		list = value.ListOf()
		if !one(t, 4) {
			to = value.Value{}
		}
	}
	if list.Kind() == value.Absent {
		list = g.list(t, s.Stores[source].Logs&model.ManagementEvents)
	}
	return model.Request{Op: model.OpPut, Input: value.Obj("EventDataStore", from, "InsightSelectors", list,
		"InsightsDestination", to)}
}

package model

import (
	"slices"

	"github.com/insightconform/conform/model/value"
)

// namedStore is the index of the store that a store operation names, -1 where there is none.
func (s State) namedStore(r Request) int {
	_, x := s.resolveStore(r.Input.Get("EventDataStore").Text(), s.World.region(r))
	return slices.IndexFunc(s.Stores, func(o Store) bool { return x != nil && o.ID == x.ID && o.Home == x.Home })
}

func stepCreateStore(s State, r Request) []Branch {
	start := r.Input.Get("StartIngestion")
	x := Store{ID: StoreID(len(s.Stores)), Home: s.World.region(r), Logs: ManagementEvents,
		Ingesting: start.Kind() != value.Bool || start.True()}
	return done(s, s.WithStore(-1, x.updated(r)))
}

// updated has the event selectors of a request, where that has any.
func (x Store) updated(r Request) Store {
	if r.Input.Get("AdvancedEventSelectors").Given() {
		x.Logs, _ = logsOf(r.Input)
		x.Events = eventsOf(r.Input)
	}
	return x
}

// stepGetStore holds logs/visible; whether a store that is pending deletion can be read is open.
func stepGetStore(s State, i int, _ Request) []Branch {
	return shows(s, s.Stores[i].Events, s.Stores[i].Logs, 0)
}

// stepUpdateStore holds store/update-guard.
func stepUpdateStore(s State, i int, r Request) []Branch {
	x := s.Stores[i].updated(r)
	guard, after := Branch{Answer: Refusal(codeSelectors), Next: s}, plain(AnySuccess, s.WithStore(i, x))
	switch {
	case x.Pending:
		return done(s, after.Next)
	case x.Insights.On() && !Meets(x.Insights.Effective(), x.Logs):
		if x.Ingesting {
			return []Branch{guard}
		}
		after.Rule = StoreUpdateGuard
		return []Branch{guard, after}
	case s.feeds(x.ID) && x.Logs&InsightEvents == 0:
		guard.Rule = StoreUpdateGuard
		return []Branch{after, guard}
	}
	return []Branch{after}
}

// Unguarded is the state after an UpdateEventDataStore that takes effect although it should not.
func Unguarded(s State, r Request) (State, bool) {
	i := s.namedStore(r)
	if r.Op != OpUpdateStore || i < 0 || !r.Input.Get("AdvancedEventSelectors").Given() {
		return s, false
	}
	return s.WithStore(i, s.Stores[i].updated(r)), true
}

// stepIngestion keeps the selectors (store/stop-ingestion). It may be refused: no store of category Insight can stop.
func stepIngestion(s State, i int, r Request) []Branch {
	x := s.Stores[i]
	x.Ingesting = r.Op == OpStartIngestion
	return done(s, s.WithStore(i, x))
}

// feeds reports whether a live source sends its insights to the store.
func (s State) feeds(id string) bool {
	return slices.ContainsFunc(s.Stores, func(x Store) bool { return x.Destination == id && x.Insights.On() })
}

// stepDeleteStore is to delete or restore: the selectors of the store, or of its sources, may be kept or be off.
func stepDeleteStore(before State, i int, r Request) []Branch {
	x := before.Stores[i]
	x.Pending, x.Ingesting = r.Op == OpDeleteStore, x.Ingesting || r.Op == OpRestoreStore
	after := before.WithStore(i, x)
	branches := []Branch{plain(AnySuccess, after)}
	for j, x := range after.Stores {
		if !x.Insights.On() || j != i && x.Destination != after.Stores[i].ID {
			continue
		}
		x.Insights, x.Destination, x.Repeats = 0, "", false
		for _, b := range branches {
			branches = append(branches, silent(AnySuccess, b.Next.WithStore(j, x)))
		}
	}
	return append(branches, silent(AnyRefusal, before))
}

package model

import "github.com/insightconform/conform/model/value"

// namedStore is the index of the store that a store operation names, -1 where there is none.
func (s State) namedStore(r Request) int {
	return s.resolveStore(r.Input.Get("EventDataStore").Text(), s.World.region(r)).at
}

func stepCreateStore(s State, r Request) []Branch {
	x := Store{ID: StoreID(len(s.Stores)), Home: s.World.region(r), Logs: ManagementEvents, Ingesting: true}
	if start := r.Input.Get("StartIngestion"); start.Kind() == value.Bool && !start.True() {
		x.Ingesting = false
	}
	if r.Input.Get("AdvancedEventSelectors").Given() {
		x.Logs = logsOf(r.Input)
		x.Events = canonicalEvents(r.Input)
	}
	return done(s, s.WithStore(-1, x))
}

// stepGetStore holds logs/visible; whether a store that is pending deletion can be read is open.
func stepGetStore(s State, i int, r Request) []Branch {
	return []Branch{{Answer: Answer{Outcome: AnySuccess, Events: s.Stores[i].Events}, Next: s},
		silent(AnyRefusal, s)}
}

// stepUpdateStore holds store/update-guard.
func stepUpdateStore(s State, i int, r Request) []Branch {
	x := s.Stores[i]
	updated := x
	if r.Input.Get("AdvancedEventSelectors").Given() {
		updated.Logs, updated.Events = logsOf(r.Input), canonicalEvents(r.Input)
	}
	after := plain(AnySuccess, s.WithStore(i, updated))
	guard := Branch{Answer: Refusal(codeSelectors), Next: s}
	switch {
	case x.Pending:
		return done(s, after.Next)
	case x.Insights.On() && !Meets(x.Insights.Effective(), updated.Logs):
		if x.Ingesting {
			return []Branch{guard}
		}
		after.Rule = StoreUpdateGuard
		return []Branch{guard, after}
	case s.feeds(x.ID) && updated.Logs&InsightEvents == 0:
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
	x := s.Stores[i]
	x.Logs, x.Events = logsOf(r.Input), canonicalEvents(r.Input)
	return s.WithStore(i, x), true
}

// feeds reports whether a live source sends its insights to the store.
func (s State) feeds(id string) bool {
	for i := range s.Stores {
		if s.Stores[i].Destination == id && s.Stores[i].Insights.On() {
			return true
		}
	}
	return false
}

// stepDeleteStore and stepRestoreStore claim nothing about the selectors of the store, or of the
// sources that feed it: they may be kept or be off.
func stepDeleteStore(s State, i int, r Request) []Branch {
	x := s.Stores[i]
	x.Pending = true
	return openSelectors(s, s.WithStore(i, x), i)
}

func stepRestoreStore(s State, i int, r Request) []Branch {
	x := s.Stores[i]
	x.Pending, x.Ingesting = false, true
	return openSelectors(s, s.WithStore(i, x), i)
}

func openSelectors(before, after State, i int) []Branch {
	branches := []Branch{plain(AnySuccess, after)}
	open := func(next State) {
		branches = append(branches, silent(AnySuccess, next))
	}
	off := func(s State, i int) State {
		x := s.Stores[i]
		x.Insights, x.Destination, x.Repeats = 0, "", false
		return s.WithStore(i, x)
	}
	variants := []State{after}
	if after.Stores[i].Insights.On() {
		variants = append(variants, off(after, i))
	}
	for j := range after.Stores {
		if j != i && after.Stores[j].Destination == after.Stores[i].ID && after.Stores[j].Insights.On() {
			for _, v := range variants {
				variants = append(variants, off(v, j))
			}
		}
	}
	for _, v := range variants[1:] {
		open(v)
	}
	return append(branches, silent(AnyRefusal, before))
}

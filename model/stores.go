package model

// storeBreaches lists what is wrong with a store's identifier by itself, rows 8 and 16-18, and the
// refusals that a store which is not ingesting may cause.
func storeBreaches(s State, id, region string) []breach {
	found := storeFaults(s, id, region)
	for i := range found {
		if s.World.NoStores && !found[i].soft {
			found[i] = found[i].softened()
		}
	}
	return found
}

func storeFaults(s State, id, region string) []breach {
	switch kind, i := s.resolveStore(id, region); {
	case kind == storeBadSyntax:
		return []breach{breaks(StoreIDSyntax)}
	case kind == storeOtherAccount:
		return []breach{breaks(StoreOtherAccount)}
	case kind == storeMissing:
		return []breach{breaks(StoreNotFound)}
	case s.Stores[i].Pending:
		return []breach{breaks(StoreInactive)}
	case !s.Stores[i].Ingesting:
		return []breach{accepts(StoreNotIngesting)}
	}
	return nil
}

// storePrerequisites lists rows 23-25 and what is accepted for an empty list with a destination.
func (q *putRequest) storePrerequisites(s State, region string) []breach {
	var found []breach
	if q.disabling() && q.storeGiven && q.destGiven {
		found = append(found, accepts(StoreDisableWithDst))
	}
	source, dest := -1, -1
	if q.storeGiven {
		_, source = s.resolveStore(q.store.Text(), region)
	}
	if q.destGiven {
		_, dest = s.resolveStore(q.destination.Text(), region)
	}
	if dest >= 0 && s.Stores[dest].Logs&InsightEvents == 0 {
		found = append(found, breaks(StoreDestination))
	}
	if q.enabling() && source >= 0 {
		if b, short := q.sourceBreach(s.Stores[source].Logs); short {
			found = append(found, b)
		}
	}
	if source >= 0 && source == dest {
		found = append(found, breaks(StoreSame))
	}
	if !q.enabling() {
		// Whether a destination is looked at where none is needed is open.
		for i := range found {
			if !found[i].soft {
				found[i] = found[i].softened()
			}
		}
	}
	return found
}

var callRateCodes = []string{codeParameter, codeCombination, codeNotPermitted}

// sourceBreach is row 24. It may pass where a type with an empty list of categories is not enabled.
func (q *putRequest) sourceBreach(logs Logs) (breach, bool) {
	var all Selectors
	for _, e := range q.entries {
		all |= Entry(e.t, e.c&Management)
	}
	short := missing(all, logs)
	if len(short) == 0 {
		return breach{}, false
	}
	b := breaks(StoreSource)
	b.mayPass = true
	if short[0] == LogsCallRate {
		b.also = callRateCodes
	}
	return b, true
}

// putOnStore lists the successes of a Put on a store that exists in the Region of the call.
func putOnStore(s State, r Request, q *putRequest) []Branch {
	region := s.World.region(r)
	_, source := s.resolveStore(q.store.Text(), region)
	x := s.Stores[source]
	answer := Answer{Outcome: Succeeded, StoreARN: s.World.StoreARN(x.Home, x.ID)}
	if q.disabling() {
		x.Insights, x.Repeats, x.Destination = 0, false, ""
		return []Branch{{Answer: answer, Next: s.WithStore(source, x)}}
	}
	_, dest := s.resolveStore(q.destination.Text(), region)
	x.Destination = s.Stores[dest].ID
	answer.Destination = s.World.StoreARN(x.Home, x.Destination)
	var out []Branch
	for _, st := range q.storings(x.Insights) {
		if len(missing(st.asked, x.Logs)) > 0 {
			continue
		}
		x.Insights, x.Repeats = st.set, st.repeats
		answer.Selectors, answer.Repeated = st.set, st.repeats
		out = append(out, Branch{Answer: answer, Next: s.WithStore(source, x), Rule: st.rule})
	}
	return out
}

// namedStore is the index of the store that a store operation names, -1 where there is none.
func (s State) namedStore(r Request) int {
	_, i := s.resolveStore(r.Input.Get("EventDataStore").Text(), s.World.region(r))
	return i
}

func stepCreateStore(s State, r Request) []Branch {
	x := Store{ID: StoreID(len(s.Stores)), Home: s.World.region(r), Logs: ManagementEvents, Ingesting: true}
	if start := r.Input.Get("StartIngestion"); start.Kind() == Bool && !start.True() {
		x.Ingesting = false
	}
	if r.Input.Get("AdvancedEventSelectors").Given() {
		x.Logs = logsOf(r.Input)
		x.Events = canonicalEvents(r.Input)
	}
	return done(s, s.WithStore(-1, x))
}

// stepGetStore holds logs/visible; whether a store that is pending deletion can be read is open.
func stepGetStore(s State, r Request) []Branch {
	i := s.namedStore(r)
	if i < 0 {
		return anything(s)
	}
	return []Branch{{Answer: Answer{Outcome: AnySuccess, Events: s.Stores[i].Events}, Next: s},
		{Answer: Answer{Outcome: AnyRefusal}, Next: s, Silent: true}}
}

// stepUpdateStore holds store/update-guard.
func stepUpdateStore(s State, r Request) []Branch {
	i := s.namedStore(r)
	if i < 0 {
		return refusedOrIgnored(s)
	}
	x := s.Stores[i]
	updated := x
	if r.Input.Get("AdvancedEventSelectors").Given() {
		updated.Logs, updated.Events = logsOf(r.Input), canonicalEvents(r.Input)
	}
	after := Branch{Answer: Answer{Outcome: AnySuccess}, Next: s.WithStore(i, updated)}
	guard := Branch{Answer: Refusal(codeSelectors), Next: s}
	switch {
	case x.Pending:
		return done(s, after.Next)
	case x.Insights.On() && len(missing(x.Insights.Effective(), updated.Logs)) > 0:
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
func stepDeleteStore(s State, r Request) []Branch {
	i := s.namedStore(r)
	if i < 0 {
		return refusedOrIgnored(s)
	}
	x := s.Stores[i]
	x.Pending = true
	return openSelectors(s, s.WithStore(i, x), i)
}

func stepRestoreStore(s State, r Request) []Branch {
	i := s.namedStore(r)
	if i < 0 {
		return refusedOrIgnored(s)
	}
	x := s.Stores[i]
	x.Pending, x.Ingesting = false, true
	return openSelectors(s, s.WithStore(i, x), i)
}

func openSelectors(before, after State, i int) []Branch {
	branches := []Branch{{Answer: Answer{Outcome: AnySuccess}, Next: after}}
	open := func(next State) {
		branches = append(branches, Branch{Answer: Answer{Outcome: AnySuccess}, Next: next, Silent: true})
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
	return append(branches, Branch{Answer: Answer{Outcome: AnyRefusal}, Next: before, Silent: true})
}

// refusedOrIgnored is a call on something that does not exist: nothing changes, whatever is answered.
func refusedOrIgnored(s State) []Branch {
	return []Branch{{Answer: Answer{Outcome: AnyRefusal}, Next: s}, {Answer: Answer{Outcome: AnySuccess}, Next: s, Silent: true}}
}

package model

import (
	"slices"
	"strings"
)

// claim is what a rule that is no error promises of a change, and how it shows that the promise was
// not kept. A rule has more than one row where what shows it is of different weight.
type claim struct {
	rule ID
	op   Op // of the change; empty is any
	// now is when the answer to the change puts the rule to the test, due when the next Get of the
	// resource does.
	now, due func(c *change) bool
	// refused is when the refusal of a valid Put contradicts the rule.
	refused func(c *change) bool
	// shows is when a later read of a resource contradicts the rule.
	shows func(c *change) bool
	// tie says that shows is as telling as that of the row before: the later change counts.
	tie bool
}

// change is a call that may have changed what a trail or store has stored, and what a read shows then.
type change struct {
	request       Request
	before, after State
	q             *call  // of a Put or Get
	trail         *Trail // before, of another call on a trail
	resource      string
	reference     Answer
	old, set      Selectors // stored before the change, and after it or as the reference has it

	own      bool // it is this resource that was read
	failed   bool // the change was refused
	read     string
	got      Selectors
	repeated bool
}

func newChange(before, after State, r Request) *change {
	c := &change{request: r, before: before, after: after, resource: Resource(after, r)}
	if c.resource == "" {
		c.resource = Resource(before, r)
	}
	c.old, _ = StoredIn(before, c.resource)
	c.set, _ = StoredIn(after, c.resource)
	c.reference = Step(before, r)[0].Answer
	if r.Op.Insights() {
		c.q = resolve(before, r)
	} else if i := before.namedTrail(r); i >= 0 {
		c.trail = &before.Trails[i]
	}
	return c
}

// claims are the promises, the most telling first. Of what a read shows, and of what a refusal
// contradicts, the first row that holds is blamed.
var claims = []claim{
	{rule: TrailCreateExisting, op: OpCreate, due: func(c *change) bool { return existed(c) && wasOn(c) }, shows: func(c *change) bool { return c.own && existed(c) }},
	{rule: ErrorAtomic, shows: func(c *change) bool { return c.failed && c.own }},

	{rule: StoreDisableWithDst, op: OpPut, now: disablesStoreWithDest, refused: disablesStoreWithDest,
		shows: ofOwn(disablesStoreWithDest)},
	{rule: StoreDisable, op: OpPut, now: disablesStore, refused: disablesStore, shows: ofOwn(disablesStore),
		due: func(c *change) bool { return disablesStore(c) && c.old.On() }},
	{rule: StoreNotIngesting, op: OpPut, now: ofStores(storesIdle), refused: storesIdle},
	{rule: StoreRepoint, op: OpPut, due: ofStores(repoints), refused: repoints},
	{rule: StoreDefaultCategory, op: OpPut, now: ofStores(saysManagement), refused: saysManagement},
	{rule: StoreEnables, op: OpPut, now: ofStores(ofAny), refused: onStore},

	{rule: WireUnknownMembers, op: OpPut, now: unknownMember, refused: unknownMember},
	{rule: LogsPutStopped, op: OpPut, now: ofTrail(stopped), refused: stopped},
	{rule: LogsDisable, op: OpPut, now: ofTrail(disablesWithoutWrites), refused: ofTrail(func(c *change) bool {
		return disablesWithoutWrites(c) || c.q.disabling() && !Meets(c.old, c.q.named.Logs)
	})},
	{rule: PutEmptyDisables, op: OpPut, now: ofTrail(turnsOff), due: ofTrail(turnsOff), refused: turnsOff,
		shows: ofOwn(turnsOff)},
	{rule: PutEmptyWhenOff, op: OpPut, now: ofTrail(staysOff), refused: staysOff, shows: ofOwn(staysOff)},

	{rule: PutReplacesList, op: OpPut, shows: ofOwn(func(c *change) bool { // the new list was appended
		return c.old.On() && c.got&c.old == c.old && c.got&c.set == c.set && (c.got != c.set || c.repeated)
	})},
	{rule: StoreNoData, op: OpPut, due: ofStores(ofAny),
		shows: ofOwn(func(c *change) bool { return !c.q.trailGiven && (c.got.Of(CallRate)|c.got.Of(ErrorRate))&Data != 0 })},
	{rule: PutCategoriesEmpty, op: OpPut, now: emptyCategories, refused: emptyCategories,
		shows: ofOwn(func(c *change) bool { return c.q.emptyCategories && c.got.Effective() != c.set.Effective() })},
	{rule: PutDuplicateDiffering, op: OpPut, shows: ofOwn(func(c *change) bool { return c.q.duplicateDiffering })},
	{rule: PutReplacesList, op: OpPut, due: func(c *change) bool {
		return c.q.enabling() && anyType(func(t Type) bool { return c.old.Of(t) != 0 && c.set.Of(t) == 0 })
	},
		shows: ofOwn(func(c *change) bool {
			return anyType(func(t Type) bool { return c.got.Of(t) != 0 && c.set.Of(t) == 0 && c.old.Of(t) != 0 })
		})},
	{rule: PutOverwritesCategories, op: OpPut,
		due: func(c *change) bool {
			return anyType(func(t Type) bool { return c.set.Of(t) != 0 && c.old.Of(t)&^c.set.Of(t) != 0 })
		},
		shows: ofOwn(func(c *change) bool {
			return c.anyEntry(func(e putEntry) bool {
				return e.defined && c.got.Of(e.t) == c.old.Of(e.t)|c.set.Of(e.t) && c.got.Of(e.t) != c.set.Of(e.t)
			})
		})},
	{rule: TrailDeleteForgets, op: OpCreate, due: remade, shows: ofOwn(remade)},
	{rule: StateIsolated, op: OpPut, shows: ofOther(func(c *change) bool { return c.got.On() && c.got == c.set })},
	{rule: PutDefaultManagement, op: OpPut, due: func(c *change) bool {
		return c.anyEntry(func(e putEntry) bool { return e.absent && c.old.Of(e.t)&Data == 0 })
	},
		shows: oneEach(func(c *change) bool {
			return c.anyEntry(func(e putEntry) bool { return e.absent && c.got.Of(e.t) != c.set.Of(e.t) })
		})},
	{rule: StateIsolated, op: OpCreate, shows: ofOwn(func(c *change) bool { return isNew(c) && c.got.On() && c.shownElsewhere() })},
	{rule: StateInitiallyOff, op: OpCreate, due: isNew, shows: ofOwn(isNew)},
	{rule: PutDuplicateCategory, op: OpPut, now: duplicateCategory, refused: duplicateCategory,
		shows: oneEach(duplicateCategory)},
	{rule: PutDuplicateType, op: OpPut, now: func(c *change) bool { return c.q.duplicateType },
		refused: func(c *change) bool { return c.q.duplicateType || c.q.duplicateDiffering },
		shows:   oneEach(func(c *change) bool { return c.q.duplicateType || c.q.emptyCategories })},
	{rule: LogsReadOnlyError, op: OpPut, refused: logsReads,
		now: ofTrail(func(c *change) bool { return c.q.enabling() && logsReads(c) && c.set.Of(ErrorRate)&Management != 0 })},
	{rule: PutIdempotent, op: OpPut, due: func(c *change) bool { return c.q.enabling() && c.set == c.old },
		refused: func(c *change) bool {
			return c.old.On() && len(c.q.entries) > 0 && c.old == c.q.combine(Management, "")[0].set
		},
		shows: oneEach(func(c *change) bool { return c.set == c.old && c.got != c.set })},
	{rule: PutStores, op: OpPut, now: ofTrail(enables), refused: ofAny},
	{rule: PutOrderFree, op: OpPut, due: func(c *change) bool { return !c.q.canonical() }},
	{rule: TrailNameOrARN, op: OpPut, now: byARN, due: func(c *change) bool { return byARN(c) && c.set != c.old }},
	{rule: StoreARNOrSuffix, op: OpPut, now: ofStores(func(c *change) bool { return !isARN(c.q.storeName) || !isARN(c.q.destName) })},

	{rule: TrailUpdateKeeps, op: OpUpdate, due: wasOn, shows: ofOwn(ofAny)},
	{rule: AnswerOneEntry, op: OpPut, now: enables, shows: ofOwn(func(c *change) bool { return !c.listsEachOnce() })},
	{rule: LogsStop, op: OpStop, due: wasOn, shows: ofOwn(wasOn)},
	{rule: LogsStart, op: OpStart, tie: true, due: wasAsleep, shows: ofOwn(wasStopped)},
	{rule: StoreStopIngestion, tie: true, due: func(c *change) bool { return ingestion(c) && wasOn(c) }, shows: ofOwn(ingestion)},
	{rule: LogsSelectorsLater, op: OpPutEvents, tie: true, now: weakens, shows: ofOwn(weakens)},
	{rule: StateIsolated, op: OpPut, due: func(c *change) bool { return len(c.after.Trails)+len(c.after.Stores) > 1 },
		shows: ofOther(ofAny)},
	{rule: ErrorAtomic, shows: func(c *change) bool { return c.failed }},
	{rule: StoreEnables, op: OpPut, shows: ofOwn(func(c *change) bool { return !c.q.trailGiven && !c.old.On() && !c.got.On() })},
	{rule: GetReflectsPut, op: OpPut, shows: ofAny},
	{rule: GetReflectsPut, shows: ofOwn(func(c *change) bool { return c.request.Op != OpCreate })},
	{rule: GetReflectsPut, shows: ofAny},

	{rule: GetNotEnabled, op: OpGet, now: func(c *change) bool { return c.reference.Code == codeNotEnabled }},
	{rule: GetReflectsPut, op: OpGet, now: func(c *change) bool { return c.reference.Outcome == Succeeded }},
	{rule: TrailNameOrARN, op: OpGet, now: byARN},
	{rule: StoreARNOrSuffix, op: OpGet, now: func(c *change) bool { return c.q.storeGiven && !isARN(c.q.storeName) }},
	{rule: TrailHasInsights, op: OpTrail, now: func(c *change) bool { return c.reference.HasInsights == Yes }},
	{rule: LogsVisible, now: func(c *change) bool { return c.reference.Logs != 0 }},
	{rule: StoreUpdateGuard, op: OpUpdateStore, now: func(c *change) bool { return c.reference.Outcome == Refused }},
}

func ofAny(*change) bool { return true }

// ofOwn and ofOther are what a read of the changed resource, or of another one, shows after a success.
func ofOwn(shows func(*change) bool) func(*change) bool {
	return func(c *change) bool { return c.own && !c.failed && shows(c) }
}

func ofOther(shows func(*change) bool) func(*change) bool {
	return func(c *change) bool { return !c.own && !c.failed && shows(c) }
}

// oneEach leaves out what an answer that lists a type twice shows.
func oneEach(shows func(*change) bool) func(*change) bool {
	return ofOwn(func(c *change) bool { return c.listsEachOnce() && shows(c) })
}

func (c *change) listsEachOnce() bool {
	return c.got.single() && !(c.repeated && c.got.Effective() == c.set.Effective())
}

// ofTrail is for a Put on a trail, ofStores for one that enables something on a store.
func ofTrail(when func(*change) bool) func(*change) bool {
	return func(c *change) bool { return c.q.named != nil && when(c) }
}

func ofStores(when func(*change) bool) func(*change) bool {
	return func(c *change) bool { return onStore(c) && c.q.enabling() && when(c) }
}

func onStore(c *change) bool { return !c.q.trailGiven }

func disablesStoreWithDest(c *change) bool { return onStore(c) && c.q.disabling() && c.q.destGiven }
func disablesStore(c *change) bool         { return onStore(c) && c.q.disabling() && !c.q.destGiven }

func storesIdle(c *change) bool {
	return onStore(c) && c.q.from != nil && c.q.to != nil && !(c.q.from.Ingesting && c.q.to.Ingesting)
}

func repoints(c *change) bool {
	return onStore(c) && c.q.from != nil && c.q.to != nil && c.q.from.Insights.On() && c.q.from.Destination != c.q.to.ID
}

func enables(c *change) bool           { return c.q.enabling() }
func turnsOff(c *change) bool          { return c.q.disabling() && c.old.On() }
func staysOff(c *change) bool          { return c.q.disabling() && !c.old.On() }
func unknownMember(c *change) bool     { return c.q.unknownMember }
func emptyCategories(c *change) bool   { return c.q.emptyCategories }
func duplicateCategory(c *change) bool { return c.q.duplicateCategory }
func stopped(c *change) bool           { return c.q.named != nil && !c.q.named.Logging }
func logsReads(c *change) bool {
	return c.q.named != nil && c.q.named.Logs&ManagementEvents == ReadEvents
}
func isARN(name string) bool    { return strings.HasPrefix(name, "arn:") }
func byARN(c *change) bool      { return isARN(c.q.trailName) }
func existed(c *change) bool    { return c.trail != nil }
func wasOn(c *change) bool      { return c.old.On() }
func wasStopped(c *change) bool { return c.trail != nil && !c.trail.Logging }
func wasAsleep(c *change) bool  { return wasStopped(c) && c.trail.HasEither }

func ingestion(c *change) bool {
	return c.request.Op == OpStopIngestion || c.request.Op == OpStartIngestion
}

func disablesWithoutWrites(c *change) bool {
	return c.q.disabling() && c.q.named.Logs&WriteEvents == 0
}

// saysManagement is a list for a store in which each selector names Management alone.
func saysManagement(c *change) bool {
	given := func(e putEntry) bool { return e.defined && e.c == Management }
	return onStore(c) && c.q.from != nil && len(c.q.entries) > 0 && !slices.ContainsFunc(c.q.entries, func(e putEntry) bool { return !given(e) })
}

// weakens is a PutEventSelectors that takes away what the insights of the trail need.
func weakens(c *change) bool {
	logs, _ := logsOf(c.request.Input)
	return c.trail != nil && !Meets(c.trail.Insights, logs)
}

func isNew(c *change) bool { return c.resource != "" && !stateHas(c.before, c.resource) }

// remade is a trail that has the name of one that was deleted.
func remade(c *change) bool {
	return isNew(c) && c.after.wasDeleted(c.after.World.region(c.request), c.request.Input.Get("Name").Text())
}

// shownElsewhere reports whether another trail has just the selectors that were read.
func (c *change) shownElsewhere() bool {
	for i := range c.after.Trails {
		if c.after.trailResource(i) != c.read && c.after.Trails[i].Insights == c.got {
			return true
		}
	}
	return false
}

func anyType(holds func(Type) bool) bool { return holds(CallRate) || holds(ErrorRate) }

func (c *change) anyEntry(holds func(putEntry) bool) bool {
	return slices.ContainsFunc(c.q.entries, holds)
}

func (c *change) about(x *claim) bool { return x.op == "" || x.op == c.request.Op }

// tests lists the rules that a change puts to the test.
func (c *change) tests() (now, due []ID) {
	for i := range claims {
		x := &claims[i]
		if c.about(x) && x.now != nil && x.now(c) {
			now = append(now, x.rule)
		}
		if c.about(x) && x.due != nil && x.due(c) {
			due = append(due, x.rule)
		}
	}
	return now, due
}

// promised is the rule by which a valid Put should not have been refused.
func (c *change) promised() ID {
	for i := range claims {
		if x := &claims[i]; c.about(x) && x.refused != nil && x.refused(c) {
			return x.rule
		}
	}
	return PutStores
}

// contradicted is the rule that a read contradicts. The lower its weight the more telling it is.
func (c *change) contradicted(got Selectors, repeated bool) (rule ID, weight int) {
	c.got, c.repeated = got, repeated
	for i := range claims {
		x := &claims[i]
		if !x.tie {
			weight = i
		}
		if c.about(x) && x.shows != nil && x.shows(c) {
			return x.rule, weight
		}
	}
	return GetReflectsPut, len(claims)
}

// Exercised tells which rules an allowed answer has put to the test: now those about which the answer
// itself would have told, due those that the next Get of the resource tells. Rules of error codes are
// exercised by a request that breaks them alone.
func Exercised(before State, r Request, a Answer, after State) (now, due []ID, resource string) {
	resource = Resource(after, r)
	switch {
	case !a.Definite():
		return nil, nil, resource
	case r.Malformed():
		return []ID{WireNoCrash}, nil, resource
	case !r.Op.Insights():
		if now, due = newChange(before, after, r).tests(); a.Outcome != Succeeded && r.Op != OpCreate {
			due = nil
		}
		return now, due, resource
	}
	now = []ID{WireMembers, AnswerOneOwner}
	if a.Outcome == Refused {
		now = []ID{WireErrorShape, WireErrorStatus}
	}
	if r.OtherTarget {
		now = append(now, WireProtocol)
	}
	broken := Broken(before, r)
	if len(broken) == 1 {
		now = append(now, broken[0])
		if forgets := forgotten(before, r, broken[0]); forgets != broken[0] {
			now = append(now, forgets)
		}
	}
	c := newChange(before, after, r)
	switch {
	case r.Op == OpPut && a.Outcome == Refused && len(broken) > 0:
		due = []ID{ErrorAtomic}
	case len(broken) == 0 && (r.Op == OpGet || c.reference.Outcome == Succeeded):
		more, later := c.tests()
		now, due = append(now, more...), later
	}
	return now, due, resource
}

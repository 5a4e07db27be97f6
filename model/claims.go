package model

import (
	"cmp"
	"slices"
	"strings"
)

// claim is what a rule that is no error promises of a change. A rule has a row for each weight of what contradicts it.
type claim struct {
	rule    ID
	op      Op   // of the change; empty is any
	call    cond // of that Put or Get, if given
	when    test // of the change besides, if given
	now     test // the answer to the change puts the rule to the test
	due     test // the next Get of the resource does
	refused test // the refusal of a valid Put contradicts the rule
	shows   test // a read of the resource contradicts the rule, after a change that succeeded
	any     bool // the read may be of another resource, or after a refusal
	tie     bool // shows is as telling as that of the row before: the later change counts
}

type test = func(c *change) bool

// change is a call that may have changed what a trail or store has stored, and what a read shows then.
type change struct {
	request       Request
	before, after State
	q             *call  // of a Put or Get
	trail         *Trail // before, of another call on a trail
	resource      string
	old, set      Selectors // stored before the change, and after it or as the reference has it
	failed        bool      // the change was refused
	read          string    // the resource that was read
	own           bool      // which is the one that was changed
	got           Answer
	right         *Answer // the reference's, once it was asked for
}

func (c *change) reference() Answer {
	if c.right == nil {
		c.right = &Step(c.before, c.request)[0].Answer
	}
	return *c.right
}

func newChange(before, after State, r Request) *change {
	c := &change{request: r, before: before, after: after, resource: cmp.Or(Resource(after, r), Resource(before, r))}
	c.old, _ = StoredIn(before, c.resource)
	c.set, _ = StoredIn(after, c.resource)
	if trail, _ := before.Find(c.resource); trail >= 0 && before.Trails[trail].Asleep.On() {
		c.old = before.Trails[trail].Asleep
	}
	if r.Op.Insights() {
		c.q = resolve(before, r)
	} else if i := before.namedTrail(r); i >= 0 {
		c.trail = &before.Trails[i]
	}
	return c
}

// claims are the promises, the most telling first: of what a read or a refusal contradicts, the first row is blamed.
var claims = []claim{
	{rule: TrailCreateExisting, op: OpCreate, when: existed, due: wasOn, any: true, shows: isOwn},
	{rule: ErrorAtomic, any: true, shows: func(c *change) bool { return c.failed && c.own }},

	{rule: StoreDisableWithDst, op: OpPut, call: disablesStoreWithDest, now: every, refused: every, shows: every},
	{rule: StoreDisable, op: OpPut, call: disablesStore, now: every, due: every, refused: every, shows: every},
	{rule: StoreNotIngesting, op: OpPut, call: enablesIdle, now: every, refused: every},
	{rule: StoreRepoint, op: OpPut, call: repoints, due: every, refused: every},
	{rule: StoreDefaultCategory, op: OpPut, call: saysManagement, now: every, refused: every},
	{rule: StoreEnables, op: OpPut, call: enablesStore, now: every, refused: every},

	{rule: WireUnknownMembers, op: OpPut, call: unknownMember, now: every, refused: every},
	{rule: LogsPutStopped, op: OpPut, call: isStopped, now: every, refused: every},
	{rule: LogsDisable, op: OpPut, call: disablesTrail, refused: logsLess,
		now: func(c *change) bool { return c.q.named.Logs&WriteEvents == 0 }},
	{rule: PutEmptyDisables, op: OpPut, call: disablesTrail, when: wasOn,
		now: every, due: every, refused: every, shows: every},
	{rule: PutEmptyWhenOff, op: OpPut, call: disablesTrail, when: wasOff, now: every, refused: every, shows: every},

	{rule: PutReplacesList, op: OpPut, shows: appended},
	{rule: PutIdempotent, op: OpPut, shows: appendedSame},
	{rule: StoreNoData, op: OpPut, call: enablesStore, due: every,
		shows: func(c *change) bool { return c.got.Selectors.has(Data) }},
	{rule: PutCategoriesEmpty, op: OpPut, call: emptyCategories, now: every, refused: every,
		shows: func(c *change) bool { return c.got.Selectors.Effective() != c.set.Effective() }},
	{rule: PutDuplicateDiffering, op: OpPut, call: duplicateDiffering, shows: every},
	{rule: PutReplacesList, op: OpPut, call: (*call).enabling,
		due:   func(c *change) bool { return c.old.types()&^c.set.types() != 0 },
		shows: func(c *change) bool { return c.got.Selectors.types()&c.old.types()&^c.set.types() != 0 }},
	{rule: PutOverwritesCategories, op: OpPut, due: narrows, shows: merged},
	{rule: TrailDeleteForgets, op: OpCreate, when: remade, due: every, shows: every},
	{rule: StateIsolated, op: OpPut, any: true,
		shows: func(c *change) bool { return isOther(c) && gotOn(c) && c.got.Selectors == c.set }},
	{rule: PutDefaultManagement, op: OpPut, due: defaults, shows: defaultsOther},
	{rule: StateIsolated, op: OpCreate, when: isNew, shows: shownElsewhere},
	{rule: StateInitiallyOff, op: OpCreate, when: isNew, due: every, shows: every},
	{rule: PutDuplicateCategory, op: OpPut, call: duplicateCategory, now: every, refused: every, shows: listsEachOnce},
	{rule: PutDuplicateType, op: OpPut, call: duplicateType, now: every, refused: every, shows: listsEachOnce},
	{rule: PutDuplicateType, op: OpPut, tie: true, call: duplicateDiffering, refused: every},
	{rule: PutDuplicateType, op: OpPut, tie: true, call: emptyCategories, shows: listsEachOnce},
	{rule: LogsReadOnlyError, op: OpPut, call: logsReads, refused: every,
		now: func(c *change) bool { return c.q.enabling() && c.set.Of(ErrorRate)&Management != 0 }},
	{rule: PutIdempotent, op: OpPut, call: (*call).enabling, due: isSame, refused: asksForSame,
		shows: func(c *change) bool { return isSame(c) && listsEachOnce(c) && c.got.Selectors != c.set }},
	{rule: PutStores, op: OpPut, refused: every,
		now: func(c *change) bool { return c.q.named != nil && c.q.enabling() }},
	{rule: PutOrderFree, op: OpPut, call: func(q *call) bool { return q.unordered }, due: every},
	{rule: TrailNameOrARN, op: OpPut, call: byARN, now: every, due: func(c *change) bool { return !isSame(c) }},
	{rule: StoreARNOrSuffix, op: OpPut, call: bySuffix, now: every},

	{rule: TrailUpdateKeeps, op: OpUpdate, due: wasOn, shows: every},
	{rule: AnswerOneEntry, op: OpPut, call: (*call).enabling, now: every, shows: listsOther},
	{rule: LogsStop, op: OpStop, when: wasOn, due: every, shows: every},
	{rule: LogsStart, op: OpStart, tie: true, when: wasStopped, due: hadEither, shows: every},
	{rule: StoreStopIngestion, op: OpStopIngestion, tie: true, due: wasOn, shows: every},
	{rule: StoreStopIngestion, op: OpStartIngestion, tie: true, due: wasOn, shows: every},
	{rule: LogsSelectorsLater, op: OpPutEvents, tie: true, when: weakens, now: every, shows: every},
	{rule: StateIsolated, op: OpPut, due: func(c *change) bool { return len(c.after.Trails)+len(c.after.Stores) > 1 },
		any: true, shows: isOther},
	{rule: ErrorAtomic, any: true, shows: func(c *change) bool { return c.failed }},
	{rule: StoreEnables, op: OpPut, call: enablesStore, shows: func(c *change) bool { return wasOff(c) && !gotOn(c) }},
	{rule: GetReflectsPut, op: OpPut, any: true, shows: every},
	{rule: GetReflectsPut, shows: func(c *change) bool { return c.request.Op != OpCreate }},
	{rule: GetReflectsPut, any: true, shows: every},

	{rule: GetNotEnabled, op: OpGet, now: func(c *change) bool { return c.reference().Code == codeNotEnabled }},
	{rule: GetReflectsPut, op: OpGet, now: func(c *change) bool { return c.reference().Outcome == Succeeded }},
	{rule: MockNoAlias, op: OpGet, now: func(c *change) bool { return c.reference().Outcome == Succeeded }},
	{rule: TrailNameOrARN, op: OpGet, call: byARN, now: every},
	{rule: StoreARNOrSuffix, op: OpGet, call: readsBySuffix, now: every},
	{rule: TrailHasInsights, op: OpTrail, now: func(c *change) bool { return c.reference().HasInsights == Yes }},
	{rule: LogsVisible, now: func(c *change) bool { return c.reference().Logs != 0 }},
	{rule: StoreUpdateGuard, op: OpUpdateStore, now: func(c *change) bool { return c.reference().Outcome == Refused }},
}

// What the rows ask of a Put.
func enablesStore(q *call) bool          { return !q.trailGiven && q.enabling() }
func logsReads(q *call) bool             { return q.named != nil && q.named.Logs&ManagementEvents == ReadEvents }
func disablesTrail(q *call) bool         { return q.named != nil && q.disabling() }
func disablesStore(q *call) bool         { return !q.trailGiven && q.disabling() && !q.destGiven }
func disablesStoreWithDest(q *call) bool { return !q.trailGiven && q.disabling() && q.destGiven }
func isStopped(q *call) bool             { return q.named != nil && !q.named.Logging }
func bySuffix(q *call) bool              { return enablesStore(q) && !(isARN(q.storeName) && isARN(q.destName)) }
func readsBySuffix(q *call) bool         { return q.storeGiven && !isARN(q.storeName) }
func byARN(q *call) bool                 { return isARN(q.trailName) }
func isARN(name string) bool             { return strings.HasPrefix(name, "arn:") }

// enablesIdle is with a store that is not ingesting, repoints with another destination than before, and
// saysManagement with selectors that each name Management alone.
func enablesIdle(q *call) bool {
	return enablesStore(q) && q.from != nil && q.to != nil && !(q.from.Ingesting && q.to.Ingesting)
}

func repoints(q *call) bool {
	return enablesStore(q) && q.from != nil && q.to != nil && q.from.Insights.On() && q.from.Destination != q.to.ID
}

func saysManagement(q *call) bool {
	other := func(e putEntry) bool { return !e.defined || e.c != Management }
	return enablesStore(q) && q.from != nil && len(q.entries) > 0 && !slices.ContainsFunc(q.entries, other)
}

// What they ask of a change.
func every(*change) bool        { return true }
func existed(c *change) bool    { return c.trail != nil }
func wasOn(c *change) bool      { return c.old.On() }
func wasOff(c *change) bool     { return !c.old.On() }
func wasStopped(c *change) bool { return c.trail != nil && !c.trail.Logging }
func hadEither(c *change) bool  { return c.trail.HasEither }
func isNew(c *change) bool {
	return c.resource != "" && !stateHas(c.before, c.resource) && c.after.World.Given == nil
}
func isSame(c *change) bool  { return c.set == c.old }
func isOwn(c *change) bool   { return c.own }
func isOther(c *change) bool { return !c.own && !c.failed }
func gotOn(c *change) bool   { return c.got.Selectors.On() }

// logsLess is a trail that the call rate, or what was stored, could not be enabled on.
func logsLess(c *change) bool {
	return c.q.named.Logs&WriteEvents == 0 || !Meets(c.old, c.q.named.Logs)
}

// asksForSame is a Put of what is stored.
func asksForSame(c *change) bool {
	return wasOn(c) && len(c.q.entries) > 0 && c.old == c.q.combine(Management, "")[0].set
}

// narrows is a type that stays on and loses a category, which merged shows to be kept.
func narrows(c *change) bool {
	loses := func(t Type) bool { return c.set.Of(t) != 0 && c.old.Of(t)&^c.set.Of(t) != 0 }
	return loses(CallRate) || loses(ErrorRate)
}

func merged(c *change) bool {
	return slices.ContainsFunc(c.q.entries, func(e putEntry) bool {
		got, set := c.got.Selectors.Of(e.t), c.set.Of(e.t)
		return e.defined && got == c.old.Of(e.t)|set && got != set
	})
}

// appended shows what was stored and the new list, and appendedSame the same list twice.
func appended(c *change) bool {
	got := c.got.Selectors
	return wasOn(c) && got&c.old == c.old && got&c.set == c.set && (got != c.set || c.got.Repeated && !isSame(c))
}

func appendedSame(c *change) bool {
	return wasOn(c) && isSame(c) && c.got.Selectors == c.set && c.got.Repeated
}

// defaults is a type without EventCategories for which Data was off, and defaultsOther one that is shown with
// other categories than the default.
func defaults(c *change) bool {
	return slices.ContainsFunc(c.q.entries, func(e putEntry) bool { return e.absent && c.old.Of(e.t)&Data == 0 })
}

func defaultsOther(c *change) bool {
	other := func(e putEntry) bool { return e.absent && c.got.Selectors.Of(e.t) != c.set.Of(e.t) }
	return listsEachOnce(c) && slices.ContainsFunc(c.q.entries, other)
}

// weakens is a PutEventSelectors that takes away what the insights of the trail need.
func weakens(c *change) bool {
	logs, _ := logsOf(c.request.Input)
	return c.trail != nil && !Meets(c.trail.Insights, logs)
}

// remade is a trail that has the name of one that was deleted.
func remade(c *change) bool {
	return isNew(c) && c.after.wasDeleted(c.after.World.region(c.request), c.request.Input.Get("Name").Text())
}

func listsOther(c *change) bool { return !listsEachOnce(c) }

// listsEachOnce shows no type twice, as far as the selectors differ from those that were asked for.
func listsEachOnce(c *change) bool {
	got := c.got.Selectors
	return got.Single() && !(c.got.Repeated && got.Effective() == c.set.Effective())
}

// shownElsewhere is that another trail has just the selectors that were read.
func shownElsewhere(c *change) bool {
	same := func(t Trail) bool { return t.resource() != c.read && t.Insights == c.got.Selectors }
	return gotOn(c) && slices.ContainsFunc(c.after.Trails, same)
}

func (x claim) about(c *change) bool {
	return (x.op == "" || x.op == c.request.Op) && (x.call == nil || x.call(c.q)) && (x.when == nil || x.when(c))
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
	}
	c := newChange(before, after, r)
	if r.Op == OpPut { // what a stopped trail has kept shows as little before a Put as after it
		c.old, _ = StoredIn(before, c.resource)
	}
	tested, read := true, true
	if r.Op.Insights() {
		if now = []ID{WireMembers, AnswerOneOwner}; a.Outcome == Refused {
			now = []ID{WireErrorShape, WireErrorStatus}
		}
		if r.OtherTarget {
			now = append(now, WireProtocol)
		}
		broken := Broken(before, r)
		if len(broken) == 1 {
			now = slices.Compact(append(now, broken[0], forgotten(before, r, broken[0])))
		}
		if r.Op == OpPut && a.Outcome == Refused && len(broken) > 0 {
			due = []ID{ErrorAtomic}
		}
		tested = len(broken) == 0 && (r.Op == OpGet || c.reference().Outcome == Succeeded)
	} else {
		read = a.Outcome == Succeeded || r.Op == OpCreate
	}
	for _, x := range claims {
		if tested && x.now != nil && x.about(c) && x.now(c) {
			now = append(now, x.rule)
		}
		if tested && read && x.due != nil && x.about(c) && x.due(c) {
			due = append(due, x.rule)
		}
	}
	return now, due, resource
}

package model

import (
	"cmp"

	"github.com/insightconform/conform/model/value"
)

// putRow says when a Put or Get breaks a rule. A rule has more than one row where what it answers
// depends on how it is broken.
type putRow struct {
	rule ID
	when func(q *call) bool
	// soft is when the refusal is merely accepted: the reference does not refuse.
	soft func(q *call) bool
	// pass is when a success is accepted too, beside Rule.MayPass.
	pass func(q *call) bool
	// What differs from the rule where it is broken in this way, if given.
	code  string
	also  []string // accepted beside Rule.Also
	level Level
}

func always(*call) bool { return true }

func isGet(q *call) bool { return q.get }

// putRows are the error rules in the order of the reference page, and after them those that accept a
// refusal of what the reference does not refuse.
var putRows = []putRow{
	{rule: WireWrongType, when: func(q *call) bool { return q.wrongType || q.nullInList }},
	{rule: WireWrongType, when: func(q *call) bool { return q.nullMember && !q.wrongType && !q.nullInList }, soft: always},
	{rule: InputSelectorsMissing, when: func(q *call) bool { return !q.get && q.list.Kind() != value.List }},
	{rule: InputNoResource, when: func(q *call) bool { return !q.trailGiven && !q.hasStore() && !q.hasDest() }},
	{rule: InputNoResource, when: destinationAlone, level: Inferred},
	{rule: InputTrailAndStore, when: func(q *call) bool { return q.trailGiven && q.onStores() }},
	{rule: InputStoreNeedsBoth, when: func(q *call) bool {
		return !q.trailGiven && q.enabling() &&
			q.hasStore() != q.hasDest()
	}},
	{rule: InputStoreNeedsBoth, when: destinationAlone, level: Inferred},
	{rule: TrailNameSyntax, when: trailIs(refBlank), also: []string{codeParameter, codeCombination}},
	{rule: TrailNameSyntax, when: trailIs(refBadName)},
	{rule: TrailARNSyntax, when: trailIs(refBadARN)},
	{rule: StoreIDSyntax, when: storeIs(storeBadSyntax), soft: lenient(storeBadSyntax)},
	{rule: SelectorTypeInvalid, when: func(q *call) bool { return q.typeInvalid }},
	{rule: SelectorTypeMissing, when: func(q *call) bool { return q.typeMissing }},
	{rule: SelectorCategory, when: func(q *call) bool { return q.categoryInvalid && !q.nullInList }},
	{rule: SelectorCategory, when: func(q *call) bool { return q.categoryInvalid && q.nullInList }, level: Inferred},
	{rule: StoreDataCategory, when: func(q *call) bool {
		return q.onStores() && (q.asked.Of(CallRate)|q.asked.Of(ErrorRate))&Data != 0
	}},
	{rule: TrailNotFound, when: func(q *call) bool {
		return (q.ref.kind == refName || q.ref.kind == refARN) && q.named == nil && !q.there ||
			q.ref.kind == refOtherRegion && !q.there
	}},
	{rule: TrailOtherAccount, when: trailIs(refOtherAccount)},
	{rule: TrailHomeRegion, when: func(q *call) bool {
		return !q.get &&
			(q.ref.kind == refOtherRegion || q.ref.elsewhere)
	}},
	{rule: TrailHomeRegion, when: func(q *call) bool { return !q.get && q.ref.kind == refName && q.named == nil && q.there },
		code: codeNotFound, also: []string{codeHomeRegion}, level: Observed},
	{rule: StoreNotFound, when: storeIs(storeMissing), soft: lenient(storeMissing)},
	{rule: StoreOtherAccount, when: storeIs(storeOtherAccount), soft: lenient(storeOtherAccount)},
	{rule: StoreInactive, when: storeIs(storePending),
		soft: func(q *call) bool { return q.get || lenient(storePending)(q) },
		pass: func(q *call) bool { return q.disabling() && (q.dest.kind != storePending || q.openDest()) }},
	{rule: OrgMemberAccount, when: func(q *call) bool {
		return around(MemberAccount)(q) &&
			q.ref.kind == refName
	}, soft: isGet,
		also: []string{codeNotFound}},
	{rule: OrgMemberAccount, when: func(q *call) bool {
		return around(MemberAccount)(q) &&
			q.ref.kind != refName
	}, soft: isGet},
	{rule: OrgNoServiceRole, when: around(NoServiceRole), soft: isGet},
	{rule: TrailNotPermitted, when: around(ServiceOwned), soft: isGet},
	// Whether a success is possible where the logs are missing depends on how the entries are stored.
	{rule: LogsCallRate, when: lacks(lacksWrites), soft: openLogs, pass: always},
	{rule: LogsErrorRate, when: lacks(lacksManagement), soft: openLogs, pass: always},
	{rule: LogsData, when: lacks(lacksData), soft: openLogs, pass: always},
	// Whether a destination is looked at where none is needed is open.
	{rule: StoreDestination, when: func(q *call) bool {
		return !q.trailGiven && q.to != nil &&
			q.to.Logs&InsightEvents == 0
	}, soft: notEnabling},
	{rule: StoreSource, when: func(q *call) bool { return enablesOn(q) && lacksWrites(q.asked, q.from.Logs) }, pass: always,
		also: []string{codeParameter, codeCombination, codeNotPermitted}},
	{rule: StoreSource, when: func(q *call) bool {
		return enablesOn(q) && lacksManagement(q.asked, q.from.Logs) && !lacksWrites(q.asked, q.from.Logs)
	}, pass: always},
	{rule: StoreSame, when: func(q *call) bool { return !q.trailGiven && q.from != nil && q.from == q.to }, soft: notEnabling},
	{rule: BucketMissingRule, when: broken(BucketMissing)},
	{rule: BucketPolicy, when: broken(BucketDenied)},
	{rule: KMSPolicy, when: broken(keyDenied)},
	{rule: KMSUnusable, when: broken(keyUnusable)},
	{rule: PutDuplicateDiffering, when: func(q *call) bool { return q.duplicateDiffering }},

	{rule: WireUnknownMembers, when: func(q *call) bool { return q.unknownMember }, soft: always},
	{rule: StoreNotIngesting, when: func(q *call) bool { return !q.get && storeIs(storeIdle)(q) }, soft: always},
	{rule: LogsPutStopped, when: func(q *call) bool { return q.alone() && !q.named.Logging }, soft: always},
	{rule: StoreDisableWithDst, when: func(q *call) bool {
		return !q.trailGiven && q.disabling() &&
			q.storeGiven && q.destGiven
	}, soft: always},
	{rule: PutCategoriesEmpty, when: func(q *call) bool { return q.emptyCategories }, soft: always},
	{rule: PutDuplicateCategory, when: func(q *call) bool { return q.duplicateCategory }, soft: always},
	{rule: PutDuplicateType, when: func(q *call) bool { return q.duplicateType }, soft: always},
}

func notEnabling(q *call) bool { return !q.enabling() }

// destinationAlone is an empty list for a destination without a source.
func destinationAlone(q *call) bool {
	return !q.trailGiven && !q.hasStore() && q.hasDest() && q.disabling()
}

func trailIs(kind trailRefKind) func(*call) bool {
	return func(q *call) bool { return q.ref.kind == kind }
}

// storeIs is for the source, the destination, or both.
func storeIs(kind storeRefKind) func(*call) bool {
	return func(q *call) bool { return q.source.kind == kind || q.dest.kind == kind }
}

// lenient is where a store of that kind need not be looked at.
func lenient(kind storeRefKind) func(*call) bool {
	return func(q *call) bool { return q.noStores || q.source.kind != kind && q.openDest() }
}

// around is a circumstance of the trail that any change of it, and maybe its reading, meets.
func around(c Condition) func(*call) bool {
	return func(q *call) bool { return q.named != nil && q.named.Conditions&c != 0 }
}

// broken is a circumstance that keeps insights from being delivered.
func broken(c Condition) func(*call) bool {
	return func(q *call) bool { return q.alone() && q.enabling() && q.named.Conditions&c != 0 }
}

func lacks(logs func(Selectors, Logs) bool) func(*call) bool {
	return func(q *call) bool { return q.alone() && q.enabling() && logs(q.asked, q.named.Logs) }
}

func openLogs(q *call) bool { return q.named.LogsOpen }

func enablesOn(q *call) bool { return !q.trailGiven && q.enabling() && q.from != nil }

// The prerequisites of a set of selectors: whether what a resource logs lacks them.
func lacksWrites(set Selectors, logs Logs) bool {
	return set.Of(CallRate)&Management != 0 && logs&WriteEvents == 0
}

func lacksManagement(set Selectors, logs Logs) bool {
	return set.Of(ErrorRate)&Management != 0 && logs&ManagementEvents == 0
}

func lacksData(set Selectors, logs Logs) bool {
	return (set.Of(CallRate)|set.Of(ErrorRate))&Data != 0 && logs&DataEvents == 0
}

// Meets reports whether a trail that logs these kinds of event meets the prerequisites of a set.
func Meets(set Selectors, logs Logs) bool {
	return !lacksWrites(set, logs) && !lacksManagement(set, logs) && !lacksData(set, logs)
}

// breach is one way in which a request breaks a rule: a row of the table in the case at hand.
type breach struct {
	rule *Rule
	code string
	also []string
	// soft breaches are refusals that a rule merely accepts: the reference does not refuse.
	soft bool
	// mayPass is rule.MayPass, or a circumstance in which a 200 is accepted too.
	mayPass bool
	level   Level
}

// putBreaches lists what a Put or Get breaks, in the order of the state's profile.
func putBreaches(s State, q *call) []breach {
	var found []breach
	for i := range putRows {
		row := &putRows[i]
		if !row.when(q) {
			continue
		}
		rule := ruleIndex[row.rule]
		b := breach{rule: rule, code: cmp.Or(row.code, rule.Code), also: row.also, level: cmp.Or(row.level, rule.Level)}
		b.soft = row.soft != nil && row.soft(q)
		b.mayPass = b.soft || rule.MayPass || row.pass != nil && row.pass(q)
		if b.soft && b.code != "" {
			b.also = append([]string{b.code}, b.also...)
		}
		found = append(found, b)
	}
	s.World.profile().sort(found)
	return found
}

package model

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"github.com/insightconform/conform/model/value"
)

// putRow says when a Put or Get breaks an error rule.
type putRow struct {
	rule ID
	when cond // the rule is broken
	soft cond // the refusal is merely accepted: the reference does not refuse
	pass cond // a success is accepted too, beside Rule.MayPass

	// What differs where the rule is broken in this way, if given.
	in    cond
	code  string // in place of the rule's, and of what the rule accepts beside it
	also  codes  // accepted besides
	level Level
	open  bool // as Rule.RefusalOnly
}

// cond is a condition over a request that has been resolved.
type cond = func(q *call) bool

// putRows are the error rules in the order of the page (section 4), and then the rules that merely accept a refusal.
var putRows = []putRow{
	{rule: WireWrongType, when: mistyped, soft: nullAlone},
	{rule: InputSelectorsMissing, when: func(q *call) bool { return !q.get && q.list.Kind() != value.List }},
	{rule: InputNoResource, when: noResource, soft: mistypedName},
	{rule: InputTrailAndStore, when: trailAndStore, soft: func(q *call) bool { return !q.trailGiven || !q.onStores() }},
	{rule: InputStoreNeedsBoth, when: half, soft: mistypedName, in: destinationAlone, level: Inferred},
	{rule: TrailNameSyntax, when: trailIs(refBlank, refBadName), in: trailIs(refBlank), also: codes{codeParameter, codeCombination}},
	{rule: TrailARNSyntax, when: trailIs(refBadARN)},
	{rule: StoreIDSyntax, when: storeIs(storeBadSyntax), soft: lenient(storeBadSyntax)},
	{rule: SelectorTypeInvalid, when: func(q *call) bool { return q.typeInvalid }},
	{rule: SelectorTypeMissing, when: func(q *call) bool { return q.typeMissing }},
	{rule: SelectorCategory, when: func(q *call) bool { return q.categoryInvalid }, in: nullInList, level: Inferred},
	{rule: StoreDataCategory, when: func(q *call) bool { return q.onStores() && q.asked.has(Data) }},
	{rule: TrailNotFound, when: noSuchTrail},
	{rule: TrailOtherAccount, when: trailIs(refOtherAccount)},
	{rule: TrailHomeRegion, when: notFromHome, in: byName, code: codeNotFound, also: codes{codeHomeRegion}, level: Observed},
	{rule: StoreNotFound, when: storeIs(storeMissing), soft: lenient(storeMissing)},
	{rule: StoreOtherAccount, when: storeIs(storeOtherAccount), soft: lenient(storeOtherAccount)},
	{rule: StoreInactive, when: storeIs(storePending), soft: pendingIsRead, pass: pendingIsDisabled},
	{rule: OrgMemberAccount, when: around(MemberAccount), soft: anyOf(isGet, maybe(MemberAccount)), in: byName, also: codes{codeNotFound}},
	{rule: OrgNoServiceRole, when: around(NoServiceRole), soft: anyOf(isGet, maybe(NoServiceRole))},
	{rule: TrailNotPermitted, when: around(ServiceOwned), soft: anyOf(isGet, maybe(ServiceOwned))},
	// Whether a success is possible where the logs are missing depends on how the entries are stored.
	{rule: LogsCallRate, when: lacks(lacksWrites), soft: mayHave(lacksWrites), pass: always},
	{rule: LogsErrorRate, when: lacks(lacksManagement), soft: mayHave(lacksManagement), pass: always},
	{rule: LogsData, when: lacks(lacksDataOfWrites), soft: mayHave(lacksData), pass: always},
	// Whether a destination is looked at where none is needed is open.
	{rule: StoreDestination, when: noDestination, soft: anyOf(notEnabling, mayReceive)},
	{rule: StoreSource, when: sourceLacks(lacksEvents), soft: sourceMayHave, pass: always, in: sourceLacks(lacksWrites), open: true,
		also: codes{codeParameter, codeCombination, codeNotPermitted}},
	{rule: StoreSame, when: ownDestination, soft: notEnabling},
	{rule: BucketMissingRule, when: lost(BucketMissing), soft: maybe(BucketMissing)},
	{rule: BucketPolicy, when: lost(BucketDenied), soft: maybe(BucketDenied)},
	{rule: KMSPolicy, when: lost(KeyDenied), soft: maybe(KeyDenied)},
	{rule: KMSUnusable, when: lost(KeyUnusable), soft: maybe(KeyUnusable)},
	{rule: PutDuplicateDiffering, when: duplicateDiffering},

	{rule: WireUnknownMembers, when: unknownMember, soft: always},
	{rule: StoreNotIngesting, when: func(q *call) bool { return !q.get && storeIs(storeIdle)(q) }, soft: always},
	{rule: LogsPutStopped, when: func(q *call) bool { return q.alone() && !q.named.Logging }, soft: always},
	{rule: StoreDisableWithDst, when: func(q *call) bool { return q.openDest() && q.destGiven }, soft: always},
	{rule: PutCategoriesEmpty, when: emptyCategories, soft: always},
	{rule: PutDuplicateCategory, when: duplicateCategory, soft: always},
	{rule: PutDuplicateType, when: duplicateType, soft: always},
}

func always(*call) bool               { return true }
func anyOf(a, b cond) cond            { return func(q *call) bool { return a(q) || b(q) } }
func isGet(q *call) bool              { return q.get }
func notEnabling(q *call) bool        { return !q.enabling() }
func byName(q *call) bool             { return q.ref.kind == refName }
func nullInList(q *call) bool         { return q.nullInList }
func mistyped(q *call) bool           { return q.wrongType || q.nullInList || q.nullMember }
func nullAlone(q *call) bool          { return !q.wrongType && !q.nullInList }
func unknownMember(q *call) bool      { return q.unknownMember }
func emptyCategories(q *call) bool    { return q.emptyCategories }
func duplicateCategory(q *call) bool  { return q.duplicateCategory }
func duplicateType(q *call) bool      { return q.duplicateType }
func duplicateDiffering(q *call) bool { return q.duplicateDiffering }
func noDestination(q *call) bool      { return !q.trailGiven && q.to != nil && q.to.Logs&InsightEvents == 0 }
func ownDestination(q *call) bool     { return !q.trailGiven && q.to != nil && q.to == q.from }
func notFromHome(q *call) bool        { return q.away() && !q.get }
func pendingIsRead(q *call) bool      { return q.get || lenient(storePending)(q) }
func pendingIsDisabled(q *call) bool {
	return q.disabling() && (q.dest != storePending || q.openDest())
}

// A member that should name a resource and is of another type may count as given.
func mistypedName(q *call) bool { return q.mistypedTrail || q.mistypedStore }
func trailAndStore(q *call) bool {
	return (q.trailGiven || q.mistypedTrail) && (q.onStores() || q.mistypedStore)
}
func noResource(q *call) bool {
	return !q.trailGiven && q.storeName == "" && q.destName == "" || destinationAlone(q)
}

// destinationAlone is an empty list for a destination without a source.
func destinationAlone(q *call) bool {
	return !q.trailGiven && q.storeName == "" && q.destName != "" && q.disabling()
}

// half is a request that enables with one of the two stores, or destinationAlone.
func half(q *call) bool {
	return !q.trailGiven && q.enabling() && (q.storeName == "") != (q.destName == "") || destinationAlone(q)
}

func trailIs(kinds ...trailRefKind) cond {
	return func(q *call) bool { return slices.Contains(kinds, q.ref.kind) }
}

func noSuchTrail(q *call) bool {
	return q.ref.name != "" && q.ref.kind != refOtherAccount && q.named == nil && !q.there
}

// storeIs is for the source, the destination, or both.
func storeIs(kind storeRefKind) cond {
	return func(q *call) bool { return q.source == kind || q.dest == kind }
}

// lenient is where a store of that kind need not be looked at.
func lenient(kind storeRefKind) cond {
	return func(q *call) bool { return q.noStores || q.source != kind && q.openDest() }
}

// around is a circumstance of the trail that any change of it, and maybe its reading, meets.
func around(c Condition) cond {
	return func(q *call) bool { return q.named != nil && (q.around|q.named.Conditions)&c != 0 }
}

// maybe is a circumstance of which it is not known whether it holds.
func maybe(c Condition) cond { return func(q *call) bool { return q.named.Conditions&c == 0 } }

// lost is a circumstance that keeps insights from being delivered.
func lost(c Condition) cond {
	met := around(c)
	return func(q *call) bool { return q.alone() && q.enabling() && met(q) }
}

// lacks is a trail that does not log what a Put needs, mayHave one of which that is not known.
func lacks(logs func(Selectors, Logs) bool) cond {
	return func(q *call) bool { return q.alone() && q.enabling() && logs(q.asked, q.named.Logs) }
}

func mayHave(logs func(Selectors, Logs) bool) cond {
	return func(q *call) bool { return !logs(q.asked, q.named.Logs|q.named.Open) }
}

func sourceLacks(logs func(Selectors, Logs) bool) cond {
	return func(q *call) bool { return enablesStore(q) && q.from != nil && logs(q.asked, q.from.Logs) }
}

func sourceMayHave(q *call) bool { return !lacksEvents(q.asked, q.from.Logs|q.from.Open) }
func mayReceive(q *call) bool    { return q.to.Open&InsightEvents != 0 }

// The prerequisites of a set of selectors: whether what a resource logs lacks them.
func lacksWrites(set Selectors, logs Logs) bool {
	return set.Of(CallRate)&Management != 0 && logs&WriteEvents == 0
}

func lacksManagement(set Selectors, logs Logs) bool {
	return set.Of(ErrorRate)&Management != 0 && logs&ManagementEvents == 0
}

func lacksEvents(set Selectors, logs Logs) bool {
	return lacksWrites(set, logs) || lacksManagement(set, logs)
}
func lacksData(set Selectors, logs Logs) bool { return set.has(Data) && logs&DataEvents == 0 }

// readsDataAlone is the call rate of data events where only those of reads are logged: the sources have it either way.
func readsDataAlone(set Selectors, logs Logs) bool {
	return set.Of(CallRate)&Data != 0 && logs&ReadDataOnly != 0
}
func lacksDataOfWrites(set Selectors, logs Logs) bool {
	return lacksData(set, logs) || readsDataAlone(set, logs)
}

// Meets reports whether a trail that logs these kinds of event meets the prerequisites of a set.
func Meets(set Selectors, logs Logs) bool { return !lacksEvents(set, logs) && !lacksData(set, logs) }

// breach is a row of the table that a request breaks.
type breach struct {
	rule    *Rule
	codes   []string // what is answered, and what is accepted beside it
	soft    bool     // the refusal is merely accepted: the reference does not refuse
	mayPass bool     // a success is accepted too
	level   Level
	open    bool // no source names the code
}

// codesOf has the codes of each rule of the table: what the reference answers, and what is accepted beside it.
var codesOf = func() map[ID]codes {
	of := map[ID]codes{}
	for _, row := range putRows {
		rule := RuleOf(row.rule)
		if of[rule.ID] = rule.Also; rule.Code != "" {
			of[rule.ID] = append(codes{rule.Code}, rule.Also...)
		}
	}
	return of
}()

// putBreaches lists what a Put or Get breaks, in the order of the state's profile.
func putBreaches(s State, q *call) []breach {
	var found []breach
	for i := range putRows {
		row := &putRows[i]
		if !row.when(q) {
			continue
		}
		rule := RuleOf(row.rule)
		b := breach{rule: rule, level: rule.Level, open: rule.RefusalOnly, soft: row.soft != nil && row.soft(q)}
		b.mayPass = b.soft || rule.MayPass || row.pass != nil && row.pass(q)
		b.codes = codesOf[rule.ID]
		if row.in != nil && row.in(q) {
			if row.code != "" {
				b.codes = codes{row.code}
			}
			b.codes = slices.Concat(b.codes, row.also)
			b.level, b.open = cmp.Or(row.level, b.level), b.open || row.open
		}
		found = append(found, b)
	}
	rank := s.World.profile().rank
	slices.SortStableFunc(found, func(a, b breach) int { return rank[a.rule.ID] - rank[b.rule.ID] })
	return found
}

// ProfileSchema identifies the format of an error order file.
const ProfileSchema = "conform/order/1"

// Profile is an error order as data. Of a request that breaks several rules, the reference answers
// the rule that stands first in Order.
type Profile struct {
	Schema string `json:"schema"`
	Name   string `json:"name"`
	Order  []ID   `json:"order"` // all error rules
	// Holds lists pairs {first, second} that the target is held to, at level observed: answering the second to a Put that
	// breaks both is a divergence. The default profile holds none, since no public source documents an order.
	Holds [][2]ID `json:"holds"`

	rank  map[ID]int
	holds map[[2]ID]bool
}

// defaultProfile is the order of section 4.
var defaultProfile = sync.OnceValue(func() *Profile {
	p, _ := NewProfile("reference", ErrorRules(), nil)
	return p
})

// NewProfile makes an error order. The order must name every error rule once, and what it holds must
// agree with it.
func NewProfile(name string, order []ID, holds [][2]ID) (*Profile, error) {
	p := &Profile{Schema: ProfileSchema, Name: name, Order: order, Holds: holds, rank: map[ID]int{}, holds: map[[2]ID]bool{}}
	for i, id := range order {
		if Place(id) == 0 {
			return p, fmt.Errorf("order: %q is no error rule; see 'conform rules'", id)
		} else if slices.Contains(order[:i], id) {
			return p, fmt.Errorf("order: %q stands twice", id)
		}
		p.rank[id] = i
	}
	for _, id := range ErrorRules() {
		if !slices.Contains(order, id) {
			return p, fmt.Errorf("order: %q is missing", id)
		}
	}
	for _, pair := range holds {
		first, second := slices.Index(order, pair[0]), slices.Index(order, pair[1])
		if first < 0 || second <= first {
			return p, fmt.Errorf("holds: %q before %q does not agree with the order", pair[0], pair[1])
		}
		p.holds[pair] = true
	}
	return p, nil
}

package model

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/insightconform/conform/model/value"
)

// call is a Put or Get as the rules ask about it: its members one by one, and what they name in a state.
type call struct {
	get                               bool
	trailGiven, storeGiven, destGiven bool // as strings
	trailName, storeName, destName    string
	mistypedTrail, mistypedStore      bool // a member that names one is no string
	list                              value.Value
	entries                           []putEntry    // the well-typed ones of known type
	asked                             Selectors     // those entries as they are written
	first                             [2]Categories // of each type

	// What occurs somewhere.
	wrongType, nullMember, nullInList                   bool
	mistyped                                            string // the first member that is null or of another type
	unknownMember, typeInvalid, typeMissing             bool
	categoryInvalid, emptyCategories, duplicateCategory bool
	duplicateType, duplicateDiffering                   bool // the latter with other categories
	unordered                                           bool // types or categories are not in the order of the enums

	noStores     bool      // as in World
	around       Condition // as in World
	ref          trailRef
	at           int    // of the trail in State.Trails, -1 where it is not in the Region of the call
	named        *Trail // that trail
	there        bool   // a trail that ref names is in its own Region, or by name in another one
	source, dest storeRefKind
	from, to     *Store // the stores that are there
}

type putEntry struct {
	t       Type
	c       Categories
	defined bool // EventCategories has at least one item
	absent  bool // EventCategories is absent or null
}

// spent are calls whose memory may be used again, each for one step.
var spent = sync.Pool{New: func() any { return new(call) }}

// resolve reads a Put or Get in a state. Who has no more use for the call may put it to spent.
func resolve(s State, r Request) *call {
	q := spent.Get().(*call)
	*q = call{get: r.Op == OpGet, noStores: s.World.NoStores, around: s.World.Around, at: -1, entries: q.entries[:0]}
	q.read(r.Input)
	region := s.World.region(r)
	if q.trailGiven {
		q.ref = s.World.resolveTrail(q.trailName, region)
	}
	switch {
	case q.ref.here():
		q.at = s.trail(region, q.ref.name)
		q.there = q.ref.kind == refName && s.trailElsewhere(region, q.ref.name) >= 0
	case q.ref.kind == refOtherRegion:
		q.there = s.trail(q.ref.region, q.ref.name) >= 0
	}
	if q.at >= 0 {
		q.named = &s.Trails[q.at]
	}
	if q.storeGiven {
		q.source, q.from = s.resolveStore(q.storeName, region)
	}
	if q.destGiven {
		q.dest, q.to = s.resolveStore(q.destName, region)
	}
	return q
}

// read reads the members.
func (q *call) read(in value.Value) {
	for _, m := range in.Members() {
		switch {
		case m.Name == "TrailName":
			q.trailName, q.trailGiven = q.text(m, &q.mistypedTrail)
		case m.Name == "EventDataStore":
			q.storeName, q.storeGiven = q.text(m, &q.mistypedStore)
		case m.Name == "InsightsDestination" && !q.get:
			q.destName, q.destGiven = q.text(m, &q.mistypedStore)
		case m.Name == "InsightSelectors" && !q.get:
			q.list = m.Value
		default:
			q.unknownMember = true
		}
	}
	if q.is(value.List, "InsightSelectors", q.list) {
		for _, item := range q.list.Items() {
			q.readEntry(item)
		}
	}
}

// is reports whether a member is there and of a kind, and notes it where it is null or of another kind.
func (q *call) is(kind value.Kind, name string, v value.Value) bool {
	switch v.Kind() {
	case kind:
		return true
	case value.Absent:
		return false
	case value.Null:
		q.nullMember = true
	default:
		q.wrongType = true
	}
	q.mistyped = cmp.Or(q.mistyped, name)
	return false
}

func (q *call) text(m value.Member, mistyped *bool) (string, bool) {
	if q.is(value.String, m.Name, m.Value) {
		return m.Value.Text(), true
	}
	*mistyped = *mistyped || m.Value.Given()
	return "", false
}

func (q *call) readEntry(item value.Value) {
	if item.Kind() == value.Null {
		q.nullInList, q.typeMissing, q.mistyped = true, true, cmp.Or(q.mistyped, "a selector")
		return
	} else if !q.is(value.Object, "a selector", item) {
		return
	}
	for _, m := range item.Members() {
		q.unknownMember = q.unknownMember || m.Name != "InsightType" && m.Name != "EventCategories"
	}
	e := q.readCategories(item.Get("EventCategories"))
	name, t := item.Get("InsightType"), -1
	if q.is(value.String, "InsightType", name) {
		t = slices.Index(TypeNames[:], name.Text())
		q.typeInvalid = q.typeInvalid || t < 0
	}
	q.typeMissing = q.typeMissing || !name.Given()
	if t < 0 || e.c == 0 {
		return
	}
	e.t = Type(t)
	q.entries = append(q.entries, e)
	q.asked |= Entry(e.t, e.c)
	q.unordered = q.unordered || e.t == CallRate && q.first[ErrorRate] != 0
	switch q.first[e.t] {
	case 0:
		q.first[e.t] = e.c
	case e.c:
		q.duplicateType = true
	default:
		q.duplicateDiffering = true
	}
}

func (q *call) readCategories(categories value.Value) (e putEntry) {
	e.absent, e.defined = !categories.Given(), len(categories.Items()) > 0
	if isList := q.is(value.List, "EventCategories", categories); e.absent || isList && !e.defined {
		e.c = Management
		q.emptyCategories = q.emptyCategories || isList
	}
	for _, v := range categories.Items() {
		i := slices.Index(CategoryNames[:], v.Text())
		switch {
		case !q.is(value.String, "a category", v):
			null := v.Kind() == value.Null
			q.nullInList, q.categoryInvalid = q.nullInList || null, q.categoryInvalid || null
		case i < 0:
			q.categoryInvalid = true
		default:
			c := Categories(1) << i
			q.duplicateCategory = q.duplicateCategory || e.c&c != 0
			q.unordered = q.unordered || e.c >= 2*c
			e.c |= c
		}
	}
	return e
}

// enabling reports whether the request has a non-empty list, disabling whether the list is empty.
func (q *call) enabling() bool  { return len(q.list.Items()) > 0 }
func (q *call) disabling() bool { return q.list.Kind() == value.List && len(q.list.Items()) == 0 }

// onStores reports whether a store is named, be it beside a trail.
func (q *call) onStores() bool { return q.storeGiven || q.destGiven }

// alone is a Put that names a trail that is there, and no store: then logs and surroundings of the trail count.
func (q *call) alone() bool { return q.named != nil && !q.onStores() && !q.get }

// away reports whether a trail is named from another Region than its home.
func (q *call) away() bool {
	return q.ref.kind == refOtherRegion || q.ref.elsewhere || q.ref.kind == refName && q.named == nil && q.there
}

// openDest reports whether the destination may be looked at or not.
func (q *call) openDest() bool { return q.disabling() && q.storeName != "" && !q.trailGiven }

// ValidTrailName reports whether s is a trail name as trail/name-syntax has it: 3 to 128 of
// A-Za-z0-9._-, alphanumeric at both ends, no two of ._- adjacent, not an IPv4 address.
func ValidTrailName(s string) bool {
	if len(s) < 3 || len(s) > 128 || !alphanumeric(s[0]) || !alphanumeric(s[len(s)-1]) {
		return false
	}
	for i := 1; i < len(s); i++ {
		if !alphanumeric(s[i]) && (!punctuation(s[i]) || punctuation(s[i-1])) {
			return false
		}
	}
	if s[0] > '9' {
		return true // most names: errors are slow
	}
	_, err := netip.ParseAddr(s)
	return err != nil
}

func alphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func punctuation(c byte) bool { return c == '.' || c == '_' || c == '-' }

// arn is a parsed Amazon Resource Name.
type arn struct {
	partition, service, region, account string
	kind, id                            string // of the resource part, kind/id
}

func parseARN(s string) (a arn, ok bool) {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" {
		return a, false
	}
	a = arn{partition: parts[1], service: parts[2], region: parts[3], account: parts[4]}
	a.kind, a.id, ok = strings.Cut(parts[5], "/")
	return a, ok
}

// of reports whether it is that of a kind of resource of CloudTrail.
func (a *arn) of(kind string) bool {
	account := len(a.account) == 12 && strings.Trim(a.account, "0123456789") == ""
	return a.service == "cloudtrail" && a.kind == kind && account
}

// trailRefKind tells what a TrailName is.
type trailRefKind uint8

const (
	refNone         trailRefKind = iota // there is no TrailName
	refBlank                            // empty or white space
	refBadName                          // breaks trail/name-syntax
	refBadARN                           // breaks trail/arn-syntax
	refName                             // a well-formed name
	refARN                              // the ARN of a trail of the caller, in a Region of the world
	refOtherAccount                     // the ARN of another account's trail
	refOtherRegion                      // like refARN, in another Region or partition than the call
)

type trailRef struct {
	kind         trailRefKind
	region, name string
	elsewhere    bool // names another Region too (refOtherAccount), or one that does not exist
}

// here reports whether it can be in the Region of the call.
func (ref trailRef) here() bool { return ref.kind == refName || ref.kind == refARN }

// resolveTrail reads a TrailName that a call to a Region gives.
func (w *World) resolveTrail(s, region string) trailRef {
	switch {
	case strings.HasPrefix(s, "arn:"):
	case strings.TrimSpace(s) == "":
		return trailRef{kind: refBlank}
	case !ValidTrailName(s):
		return trailRef{kind: refBadName}
	default:
		return trailRef{kind: refName, region: region, name: s}
	}
	a, ok := parseARN(s)
	valid := ok && a.of("trail") && ValidTrailName(a.id) && a.region != ""
	known := a.partition == w.Partition && (a.region == w.Home || a.region == w.Away)
	switch {
	case !valid || a.partition != w.Partition && a.region == region:
		return trailRef{kind: refBadARN}
	case !known:
		// Another partition, or a Region that does not exist: row 7 or 15.
		return trailRef{kind: refBadARN, elsewhere: true}
	case a.account != w.Account:
		return trailRef{kind: refOtherAccount, region: a.region, name: a.id, elsewhere: a.region != region}
	case a.region != region:
		return trailRef{kind: refOtherRegion, region: a.region, name: a.id}
	}
	return trailRef{kind: refARN, region: region, name: a.id}
}

// storeRefKind tells what an EventDataStore or InsightsDestination is.
type storeRefKind uint8

const (
	storeNone storeRefKind = iota // there is no such member
	storeBadSyntax
	storeOtherAccount
	storeMissing
	storePending
	storeIdle // neither ingesting nor pending deletion
	storeFound
)

// resolveStore finds the store that an identifier names, if it is there.
func (s State) resolveStore(id, region string) (storeRefKind, *Store) {
	odd := func(c rune) bool {
		return c >= utf8.RuneSelf || !alphanumeric(byte(c)) && !punctuation(byte(c)) && c != '/' && c != ':'
	}
	if len(id) < 3 || len(id) > 256 || strings.ContainsFunc(id, odd) {
		return storeBadSyntax, nil
	}
	if strings.HasPrefix(id, "arn:") {
		a, ok := parseARN(id)
		switch {
		case !ok || !a.of("eventdatastore") || a.partition != s.World.Partition:
			return storeBadSyntax, nil
		case a.account != s.World.Account:
			return storeOtherAccount, nil
		case a.region != region:
			return storeMissing, nil
		}
		id = a.id
	}
	i := s.store(region, id)
	switch {
	case i < 0:
		return storeMissing, nil
	case s.Stores[i].Pending:
		return storePending, &s.Stores[i]
	case !s.Stores[i].Ingesting:
		return storeIdle, &s.Stores[i]
	}
	return storeFound, &s.Stores[i]
}

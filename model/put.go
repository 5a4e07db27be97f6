package model

// putRequest is what the rules ask about the input of a PutInsightSelectors.
type putRequest struct {
	trail, store, destination Value
	trailGiven                bool
	storeGiven, destGiven     bool // as strings
	list                      Value
	entries                   []putEntry // the well-typed ones of known type

	wrongType     bool // some member has the wrong JSON type
	nullMember    bool // some member is null
	nullInList    bool
	unknownMember bool

	typeInvalid, typeMissing, categoryInvalid bool
	emptyCategories, duplicateCategory        bool
}

type putEntry struct {
	t       Type
	c       Categories
	defined bool // EventCategories has at least one item
	absent  bool // EventCategories is absent or null
}

func readPut(in Value) putRequest {
	q := putRequest{trail: in.Get("TrailName"), store: in.Get("EventDataStore"), destination: in.Get("InsightsDestination"), list: in.Get("InsightSelectors")}
	q.trailGiven = q.text(q.trail)
	q.storeGiven = q.text(q.store)
	q.destGiven = q.text(q.destination)
	for _, m := range in.Members() {
		switch m.Name {
		case "TrailName", "EventDataStore", "InsightsDestination", "InsightSelectors":
		default:
			q.unknownMember = true
		}
	}
	switch q.list.Kind() {
	case Absent, List:
	case Null:
		q.nullMember = true
	default:
		q.wrongType = true
	}
	for _, item := range q.list.Items() {
		q.readEntry(item)
	}
	return q
}

// text notes a member's type and reports whether it is a string.
func (q *putRequest) text(v Value) bool {
	switch v.Kind() {
	case Absent:
	case Null:
		q.nullMember = true
	case String:
		return true
	default:
		q.wrongType = true
	}
	return false
}

func (q *putRequest) readEntry(item Value) {
	switch item.Kind() {
	case Null:
		q.nullInList, q.typeMissing = true, true
		return
	case Object:
	default:
		q.wrongType = true
		return
	}
	for _, m := range item.Members() {
		if m.Name != "InsightType" && m.Name != "EventCategories" {
			q.unknownMember = true
		}
	}
	e := putEntry{}
	known := false
	switch name := item.Get("InsightType"); name.Kind() {
	case Absent, Null:
		q.typeMissing = true
		q.nullMember = q.nullMember || name.Kind() == Null
	case String:
		if e.t, known = parseType(name.Text()); !known {
			q.typeInvalid = true
		}
	default:
		q.wrongType = true
	}
	categories := item.Get("EventCategories")
	switch categories.Kind() {
	case Absent, Null:
		e.absent, e.c = true, Management
		q.nullMember = q.nullMember || categories.Kind() == Null
	case List:
		for _, v := range categories.Items() {
			switch c, ok := parseCategory(v.Text()); {
			case v.Kind() == Null:
				q.nullInList, q.categoryInvalid = true, true
			case v.Kind() != String:
				q.wrongType = true
			case !ok:
				q.categoryInvalid = true
			default:
				q.duplicateCategory = q.duplicateCategory || e.c&c != 0
				e.c |= c
			}
			e.defined = true
		}
		if !e.defined {
			q.emptyCategories = true
			e.c = Management
		}
	default:
		q.wrongType = true
		e.defined = true
	}
	if known && e.c != 0 {
		q.entries = append(q.entries, e)
	}
}

// enabling reports whether the request has a non-empty list.
func (q *putRequest) enabling() bool { return len(q.list.Items()) > 0 }

// disabling reports whether the list is empty.
func (q *putRequest) disabling() bool { return q.list.Kind() == List && len(q.list.Items()) == 0 }

// storing is one way in which the entries of a request may be stored.
type storing struct {
	set     Selectors
	asked   Selectors // the part of the set whose prerequisites are checked
	repeats bool
	rule    ID // that accepts it; empty for the reference
}

// storings lists the ways to store the request's entries over what was stored before, the reference
// first. They differ where duplicates, empty categories or absent ones leave a choice.
func (q *putRequest) storings(before Selectors) []storing {
	out := q.combine(Management, "")
	if q.emptyCategories {
		out = append(out, q.combine(0, PutCategoriesEmpty)...)
	}
	for _, e := range q.entries {
		if !e.defined && before.Of(e.t)&Data != 0 && out[0].set.single() {
			set := out[0].set&^(0xf<<(4*uint8(e.t))) | Entry(e.t, Management|Data)
			out = append(out, storing{set: set, asked: out[0].set, rule: PutDefaultManagement})
		}
	}
	return out
}

// combine stores the entries with one reading of an empty list of categories.
func (q *putRequest) combine(empty Categories, rule ID) []storing {
	var all, union, first, last Selectors
	duplicate, differing := q.duplicateCategory, false
	for _, e := range q.entries {
		c := e.c
		if !e.defined && !e.absent {
			c = empty
		}
		one, mask := Entry(e.t, c), Selectors(0xf)<<(4*uint8(e.t))
		if all&mask != 0 {
			duplicate = duplicate || all&one != 0
			differing = differing || all&mask != one
		} else {
			first |= one
		}
		union = union&^mask | Entry(e.t, union.Of(e.t)|c)
		last = last&^mask | one
		all |= one
	}
	if differing {
		var out []storing
		for _, set := range []Selectors{union, first, last, all} {
			out = append(out, storing{set: set, asked: set, repeats: set == all, rule: PutDuplicateDiffering})
		}
		return out
	}
	out := []storing{{set: all, asked: all, rule: rule}}
	if duplicate {
		if rule == "" {
			rule = PutDuplicateType
			if q.duplicateCategory {
				rule = PutDuplicateCategory
			}
		}
		out = append(out, storing{set: all, asked: all, repeats: true, rule: rule})
	}
	return out
}

// missing lists the prerequisites of a set that a resource's logs do not meet.
func missing(set Selectors, logs Logs) []ID {
	var ids []ID
	if set.Of(CallRate)&Management != 0 && logs&WriteEvents == 0 {
		ids = append(ids, LogsCallRate)
	}
	if set.Of(ErrorRate)&Management != 0 && logs&ManagementEvents == 0 {
		ids = append(ids, LogsErrorRate)
	}
	if (set.Of(CallRate)|set.Of(ErrorRate))&Data != 0 && logs&DataEvents == 0 {
		ids = append(ids, LogsData)
	}
	return ids
}

// Meets reports whether a trail that logs these kinds of event meets the prerequisites of a set.
func Meets(set Selectors, logs Logs) bool { return len(missing(set, logs)) == 0 }

// putBreaches lists what a Put breaks, each rule by itself, and the reading of the request.
func putBreaches(s State, r Request) ([]breach, putRequest) {
	q := readPut(r.Input)
	region := s.World.region(r)
	var found []breach
	add := func(b breach) { found = append(found, b) }

	if q.wrongType || q.nullInList {
		add(breaks(WireWrongType))
	} else if q.nullMember {
		b := accepts(WireWrongType)
		b.also = wrongTypeCode
		add(b)
	}
	if q.unknownMember {
		add(accepts(WireUnknownMembers))
	}
	if q.list.Kind() != List {
		add(breaks(InputSelectorsMissing))
	}
	blankStore := q.storeGiven && q.store.Text() == ""
	hasStore, hasDest := q.storeGiven && !blankStore, q.destGiven && q.destination.Text() != ""
	if !q.trailGiven && !hasStore && !hasDest {
		add(breaks(InputNoResource))
	}
	both := q.trailGiven && (q.storeGiven || q.destGiven)
	if both {
		add(breaks(InputTrailAndStore))
	}
	if !q.trailGiven && hasStore != hasDest && q.enabling() {
		add(breaks(InputStoreNeedsBoth))
	}
	if !q.trailGiven && !hasStore && hasDest && !q.enabling() && q.list.Kind() == List {
		for _, id := range []ID{InputStoreNeedsBoth, InputNoResource} {
			b := breaks(id)
			b.level = Inferred
			add(b)
		}
	}
	if q.trailGiven {
		found = append(found, trailBreaches(s, r.Op, q.trail.Text(), region)...)
	}
	if q.storeGiven {
		for _, b := range storeBreaches(s, q.store.Text(), region) {
			b.mayPass = b.mayPass || (b.rule.ID == StoreInactive && q.disabling())
			add(b)
		}
	}
	if q.destGiven {
		for _, b := range storeBreaches(s, q.destination.Text(), region) {
			if q.disabling() && hasStore && !q.trailGiven && !b.soft {
				b = b.softened() // the destination may or may not be checked
			}
			add(b)
		}
	}
	if q.typeInvalid {
		add(breaks(SelectorTypeInvalid))
	}
	if q.typeMissing {
		add(breaks(SelectorTypeMissing))
	}
	if q.categoryInvalid {
		b := breaks(SelectorCategory)
		if q.nullInList {
			b.level = Inferred
		}
		add(b)
	}
	if q.storeGiven || q.destGiven {
		for _, e := range q.entries {
			if e.c&Data != 0 {
				add(breaks(StoreDataCategory))
				break
			}
		}
	}
	if q.trailGiven && !both {
		found = append(found, q.prerequisites(s, region)...)
	}
	if !q.trailGiven {
		found = append(found, q.storePrerequisites(s, region)...)
	}
	return append(found, q.duplicates()...), q
}

var wrongTypeCode = []string{codeSerialization}

// duplicates lists the breaches that a request's duplicates and empty categories are.
func (q *putRequest) duplicates() []breach {
	var found []breach
	if q.emptyCategories {
		found = append(found, accepts(PutCategoriesEmpty))
	}
	if q.duplicateCategory {
		found = append(found, accepts(PutDuplicateCategory))
	}
	var seen [2]*putEntry
	for i := range q.entries {
		e := &q.entries[i]
		switch before := seen[e.t]; {
		case before == nil:
			seen[e.t] = e
		case before.c == e.c:
			found = append(found, accepts(PutDuplicateType))
		default:
			found = append(found, breaks(PutDuplicateDiffering))
		}
	}
	return found
}

// trailBreaches lists what is wrong with a TrailName, rows 6, 7, 13-15 and 19-21.
func trailBreaches(s State, op Op, name, region string) []breach {
	ref := s.World.resolveTrail(name, region)
	switch ref.kind {
	case refBlank:
		b := breaks(TrailNameSyntax)
		b.also = blankNameCodes
		return []breach{b}
	case refBadName:
		return []breach{breaks(TrailNameSyntax)}
	case refBadARN:
		if ref.elsewhere {
			return []breach{breaks(TrailARNSyntax), homeRegionByARN()}
		}
		return []breach{breaks(TrailARNSyntax)}
	case refOtherAccount:
		if ref.elsewhere {
			return []breach{breaks(TrailOtherAccount), homeRegionByARN()}
		}
		return []breach{breaks(TrailOtherAccount)}
	case refOtherRegion:
		if s.trail(ref.region, ref.name) < 0 {
			return []breach{breaks(TrailNotFound), homeRegionByARN()}
		}
		return []breach{homeRegionByARN()}
	}
	i := s.trail(ref.region, ref.name)
	if i < 0 {
		if ref.kind == refName && s.trailElsewhere(region, ref.name) >= 0 {
			b := breaks(TrailHomeRegion)
			b.code, b.also = codeNotFound, homeRegionByName
			b.level = Observed
			return []breach{b}
		}
		return []breach{breaks(TrailNotFound)}
	}
	if s.Trails[i].Conditions == 0 {
		return nil
	}
	return accountBreaches(s.Trails[i].Conditions, op, ref.kind == refName)
}

var (
	blankNameCodes   = []string{codeParameter, codeCombination}
	homeRegionByName = []string{codeHomeRegion}
	memberByName     = []string{codeNotFound}
)

// homeRegionByARN is row 15 for an ARN; the codes of the rule's Also are those of an ARN.
func homeRegionByARN() breach { return breaks(TrailHomeRegion) }

// accountBreaches lists rows 19-21. A Get may answer their codes or as usual.
func accountBreaches(c Condition, op Op, byName bool) []breach {
	var found []breach
	for _, row := range []struct {
		condition Condition
		rule      ID
	}{{MemberAccount, OrgMemberAccount}, {NoServiceRole, OrgNoServiceRole}, {ServiceOwned, TrailNotPermitted}} {
		if c&row.condition == 0 {
			continue
		}
		b := breaks(row.rule)
		if row.rule == OrgMemberAccount && byName {
			b.also = memberByName
		}
		if op == OpGet {
			b = b.softened()
		}
		found = append(found, b)
	}
	return found
}

// prerequisites lists what a trail lacks for the entries of a Put, rows 22 and 26-29.
func (q *putRequest) prerequisites(s State, region string) []breach {
	ref := s.World.resolveTrail(q.trail.Text(), region)
	if ref.kind != refName && ref.kind != refARN {
		return nil
	}
	i := s.trail(ref.region, ref.name)
	if i < 0 {
		return nil
	}
	t := &s.Trails[i]
	var found []breach
	if !t.Logging {
		found = append(found, accepts(LogsPutStopped))
	}
	if !q.enabling() {
		return found
	}
	var all Selectors
	for _, e := range q.entries {
		all |= Entry(e.t, e.c)
	}
	for _, id := range missing(all, t.Logs) {
		// Whether a success is possible depends on how the entries are stored: stepPut looks.
		b := breaks(id)
		b.mayPass = true
		if t.LogsOpen {
			b = b.softened()
		}
		found = append(found, b)
	}
	for _, row := range []struct {
		condition Condition
		rule      ID
	}{{BucketMissing, BucketMissingRule}, {BucketDenied, BucketPolicy}, {KeyDenied, KMSPolicy}, {KeyUnusable, KMSUnusable}} {
		if t.Conditions&row.condition != 0 {
			found = append(found, breaks(row.rule))
		}
	}
	return found
}

func stepPut(s State, r Request) []Branch {
	found, q := putBreaches(s, r)
	var successes []Branch
	possible := true
	for i := range found {
		possible = possible && found[i].mayPass
	}
	if possible {
		if q.trailGiven {
			successes = putOnTrail(s, r, &q)
		} else {
			successes = putOnStore(s, r, &q)
		}
	}
	branches := judgeBreaches(s, r.Op, found, successes)
	if q.trailGiven && q.trail.Text() == "" && q.storeGiven {
		// An empty TrailName may be read as an absent one.
		alternative := r
		alternative.Input = r.Input.With("TrailName", Value{})
		branches = acceptAll(branches, stepPut(s, alternative), TrailNameSyntax)
	}
	return branches
}

// putOnTrail lists the successes of a Put on a trail that exists in the Region of the call.
func putOnTrail(s State, r Request, q *putRequest) []Branch {
	ref := s.World.resolveTrail(q.trail.Text(), s.World.region(r))
	i := s.trail(ref.region, ref.name)
	t := s.Trails[i]
	answer := Answer{Outcome: Succeeded, TrailARN: t.ARN(s.World)}
	out := make([]Branch, 0, 1+len(q.entries))
	store := func(st storing) {
		awake := t
		awake.Insights, awake.Repeats = st.set, st.repeats
		awake.Asleep, awake.MustWake, awake.HasEither = 0, false, false
		a := answer
		a.Selectors, a.Repeated = st.set, st.repeats
		out = append(out, Branch{Answer: a, Next: s.WithTrail(i, awake), Rule: st.rule})
		if !t.Logging && st.set.On() {
			asleep := awake
			asleep.Insights, asleep.Asleep, asleep.MustWake, asleep.HasEither = 0, st.set, true, true
			out = append(out, Branch{Answer: a, Next: s.WithTrail(i, asleep), Rule: LogsPutStopped})
		}
	}
	if q.disabling() {
		store(storing{})
		return out
	}
	for _, st := range q.storings(t.Insights) {
		if t.LogsOpen || len(missing(st.asked, t.Logs)) == 0 {
			store(st)
		}
	}
	return out
}

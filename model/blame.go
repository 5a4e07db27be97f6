package model

// Exchange is one step of a case as the model saw it: the state before, the request, its answer, and
// the state that the answer was followed to.
type Exchange struct {
	Before  State
	Others  []State // the other states that were possible before
	Request Request
	Answer  Answer
	After   State
	Allowed bool
}

// Finding is an answer that no allowed branch covers, blamed on a rule.
type Finding struct {
	Rule      ID
	Level     Level
	Operation Op // of the step that broke the rule, which may be earlier than the one that shows it
	Step      int
	Expected  []string // kinds of the allowed answers, the reference first
	Actual    string   // kind of the answer
}

// Signature identifies a divergence: rule, operation, expected kind, actual kind.
func (f Finding) Signature() string {
	expected := ""
	if len(f.Expected) > 0 {
		expected = f.Expected[0]
	}
	return string(f.Rule) + "|" + string(f.Operation) + "|" + expected + "|" + f.Actual
}

// Kinds of a success whose selectors are what is wrong.
const (
	kindSelectors      = "the selectors last stored"
	kindOtherSelectors = "other selectors"
	kindAlien          = "a value outside the enums"
)

// Blame finds the rule that the last exchange of a world's history contradicts. The last exchange is
// not allowed; expected lists the kinds of answer that would have been. Where the answer shows a
// wrong state, the rule is that of the earlier step whose breach explains it, the most specific first.
func Blame(history []Exchange, expected []string) Finding {
	last := len(history) - 1
	x := history[last]
	f := Finding{Operation: x.Request.Op, Step: last, Expected: expected, Actual: x.Answer.Kind()}
	reference := Step(x.Before, x.Request)[0].Answer
	switch x.Request.Op {
	case OpPut:
		f.Rule = blamePut(x, reference)
		if reference.Outcome == Succeeded && x.Answer.Outcome == Succeeded {
			f.Expected, f.Actual = []string{"the requested selectors"}, selectorsKind(x.Answer)
		}
	case OpGet:
		blameGet(history, reference, &f)
	case OpTrail:
		f.Rule = TrailHasInsights
		f.Expected, f.Actual = []string{hasKind(reference.HasInsights)}, hasKind(x.Answer.HasInsights)
		if reference.Outcome == AnyRefusal {
			f.Rule, f.Expected, f.Actual = TrailDeleteForgets, expected, x.Answer.Kind()
		}
	case OpGetEvents, OpGetStore:
		f.Rule = LogsVisible
		blameEvents(history, &f)
		f.Expected, f.Actual = []string{"the event selectors last stored"}, "other event selectors"
	case OpPutEvents:
		f.Rule = LogsSelectorsLater
	case OpUpdateStore:
		f.Rule = StoreUpdateGuard
	default:
		f.Rule = WireNoCrash
	}
	f.Level = findingLevel(f, x)
	return f
}

// blameEvents looks for a refused call that stored its event selectors all the same.
func blameEvents(history []Exchange, f *Finding) {
	last := len(history) - 1
	resource := Resource(history[last].Before, history[last].Request)
	for i := last - 1; i >= 0 && history[i].Allowed; i-- {
		x := &history[i]
		if op := x.Request.Op; op != OpPutEvents && op != OpUpdateStore || Resource(x.Before, x.Request) != resource {
			continue
		}
		if x.Answer.Outcome == Refused && canonicalEvents(x.Request.Input) == history[last].Answer.Events {
			f.Rule, f.Step, f.Operation = ErrorAtomic, i, x.Request.Op
			if x.Request.Op == OpUpdateStore {
				f.Rule = StoreUpdateGuard
			}
		}
		return
	}
}

func hasKind(t Truth) string {
	if t == Yes {
		return "HasInsightSelectors true"
	}
	return "HasInsightSelectors false"
}

func selectorsKind(a Answer) string {
	if a.Alien != "" {
		return kindAlien
	}
	return kindOtherSelectors
}

// findingLevel is the level of the rule, or a lower one where the sources cover only part of it.
func findingLevel(f Finding, x Exchange) Level {
	rule := RuleOf(f.Rule)
	if rule == nil { // Order: held by a learned profile
		return Observed
	}
	level := rule.Level
	if x.Request.Op != OpPut && x.Request.Op != OpGet {
		return level
	}
	broken, _ := putOrGetBreaches(x.Before, x.Request)
	for i := range broken {
		if broken[i].rule.ID == f.Rule && !broken[i].soft {
			level = min(level, broken[i].level)
			if rule.RefusalOnly && x.Answer.Outcome == Refused {
				level = Inferred
			}
		}
	}
	return level
}

func putOrGetBreaches(s State, r Request) ([]breach, putRequest) {
	if r.Op == OpGet {
		return getBreaches(s, r)
	}
	return putBreaches(s, r)
}

func blamePut(x Exchange, reference Answer) ID {
	if reference.Outcome == Refused {
		broken := Broken(x.Before, x.Request)
		if x.Answer.Outcome == Refused && acceptedOutOfOrder(x, broken) {
			return Order
		}
		if len(broken) > 0 {
			if broken[0] == TrailNotFound && deletedTrail(x) {
				return TrailDeleteForgets
			}
			return broken[0]
		}
	}
	if x.Answer.Outcome == Refused {
		return promise(x.Before, x.Request)
	}
	if x.Answer.Alien != "" {
		return AnswerOneEntry
	}
	rule, _ := blameStoredInAny(x, x.Answer.Selectors, x.Answer.Repeated)
	if rule == GetReflectsPut {
		return putRule(x)
	}
	return rule
}

// putRule is the rule that says what a Put answers when none more specific applies.
func putRule(x Exchange) ID {
	if x.Request.Input.Get("TrailName").Given() {
		return PutStores
	}
	return StoreEnables
}

func deletedTrail(x Exchange) bool {
	s := x.Before
	ref := s.World.resolveTrail(x.Request.Input.Get("TrailName").Text(), s.World.region(x.Request))
	return ref.name != "" && s.WasDeleted(ref.region, ref.name)
}

// acceptedOutOfOrder reports whether a code is that of a broken rule which a held profile puts later.
func acceptedOutOfOrder(x Exchange, broken []ID) bool {
	if len(x.Before.World.profile().holds) == 0 || len(broken) < 2 {
		return false
	}
	free := *x.Before.World
	free.Profile = nil
	s := x.Before
	s.World = &free
	for _, b := range Step(s, x.Request) {
		if _, ok := match(x.Request.Op, b.Answer, x.Answer); ok {
			return true
		}
	}
	return false
}

// promise is the rule that a refused but valid Put was promised a success by.
func promise(s State, r Request) ID {
	q := readPut(r.Input)
	old, _ := StoredIn(s, Resource(s, r))
	if !q.trailGiven {
		switch {
		case q.disabling() && q.destGiven:
			return StoreDisableWithDst
		case q.disabling():
			return StoreDisable
		}
		region := s.World.region(r)
		_, source := s.resolveStore(q.store.Text(), region)
		_, dest := s.resolveStore(q.destination.Text(), region)
		switch {
		case source < 0 || dest < 0:
		case !s.Stores[source].Ingesting || !s.Stores[dest].Ingesting:
			return StoreNotIngesting
		case s.Stores[source].Insights.On() && s.Stores[source].Destination != s.Stores[dest].ID:
			return StoreRepoint
		}
		return StoreEnables
	}
	i := s.namedTrail(r)
	switch {
	case q.unknownMember:
		return WireUnknownMembers
	case i >= 0 && !s.Trails[i].Logging:
		return LogsPutStopped
	case q.disabling() && i >= 0 && (s.Trails[i].Logs&WriteEvents == 0 || len(missing(old, s.Trails[i].Logs)) > 0):
		return LogsDisable
	case q.disabling() && old.On():
		return PutEmptyDisables
	case q.disabling():
		return PutEmptyWhenOff
	case q.emptyCategories:
		return PutCategoriesEmpty
	case q.duplicateCategory:
		return PutDuplicateCategory
	case len(q.duplicates()) > 0:
		return PutDuplicateType
	case i >= 0 && s.Trails[i].Logs&ManagementEvents == ReadEvents:
		return LogsReadOnlyError
	case old.On() && len(q.entries) > 0 && old == q.combine(Management, "")[0].set:
		return PutIdempotent
	}
	return PutStores
}

// blameStoredInAny takes the most specific explanation from all states that were possible before.
func blameStoredInAny(x Exchange, got Selectors, repeated bool) (ID, int) {
	rule, score := blameStored(x, got, repeated)
	for _, s := range x.Others {
		x.Before = s
		if id, n := blameStored(x, got, repeated); n > score {
			rule, score = id, n
		}
	}
	return rule, score
}

// blameStored finds the rule by which a Put should not have left the selectors got, or answered them.
// The second result says how specific the explanation is.
func blameStored(x Exchange, got Selectors, repeated bool) (ID, int) {
	q := readPut(x.Request.Input)
	resource := Resource(x.Before, x.Request)
	old, _ := StoredIn(x.Before, resource)
	want, _ := StoredIn(x.After, resource)
	if !x.Allowed {
		want = Step(x.Before, x.Request)[0].Answer.Selectors
	}
	onTrail := q.trailGiven
	switch {
	case q.disabling() && !onTrail && q.destGiven:
		return StoreDisableWithDst, 80
	case q.disabling() && !onTrail:
		return StoreDisable, 80
	case q.disabling() && old.On():
		return PutEmptyDisables, 81
	case q.disabling():
		return PutEmptyWhenOff, 80
	case old.On() && got&old == old && got&want == want && (got != want || repeated):
		return PutReplacesList, 82 // the new list was appended
	case !onTrail && (got.Of(CallRate)|got.Of(ErrorRate))&Data != 0:
		return StoreNoData, 80
	case q.emptyCategories && got.Effective() != want.Effective():
		return PutCategoriesEmpty, 79
	case len(q.entries) > 1 && hasDiffering(q.duplicates()):
		return PutDuplicateDiffering, 79
	}
	for t := range Type(2) {
		if got.Of(t) != 0 && want.Of(t) == 0 && old.Of(t) != 0 {
			return PutReplacesList, 80
		}
	}
	for _, e := range q.entries {
		if e.defined && got.Of(e.t) == old.Of(e.t)|want.Of(e.t) && got.Of(e.t) != want.Of(e.t) {
			return PutOverwritesCategories, 78
		}
	}
	if repeated && got.Effective() == want.Effective() {
		return AnswerOneEntry, 70
	}
	if !got.single() {
		return AnswerOneEntry, 70
	}
	for _, e := range q.entries {
		if e.absent && got.Of(e.t) != want.Of(e.t) {
			return PutDefaultManagement, 76
		}
	}
	switch {
	case q.duplicateCategory:
		return PutDuplicateCategory, 75
	case len(q.duplicates()) > 0:
		return PutDuplicateType, 75
	case want == old && got != want:
		return PutIdempotent, 74
	}
	if !onTrail && !old.On() && !got.On() {
		return StoreEnables, 40
	}
	return GetReflectsPut, 40
}

func hasDiffering(found []breach) bool {
	for i := range found {
		if found[i].rule.ID == PutDuplicateDiffering {
			return true
		}
	}
	return false
}

// blameGet fills in the finding of a Get that no branch allows.
func blameGet(history []Exchange, reference Answer, f *Finding) {
	last := len(history) - 1
	x := history[last]
	if broken := Broken(x.Before, x.Request); len(broken) > 0 {
		f.Rule = broken[0]
		if broken[0] == TrailNotFound && deletedTrail(x) {
			f.Rule = TrailDeleteForgets
		}
		return
	}
	off := reference.Outcome == Refused
	got := x.Answer.Selectors
	switch {
	case x.Answer.Alien != "":
		f.Rule, f.Actual = AnswerOneEntry, kindAlien
		return
	case off && x.Answer.Outcome == Refused:
		f.Rule = GetNotEnabled
		if i := x.Before.namedTrail(x.Request); i >= 0 && !x.Before.Trails[i].Logging && x.Before.Trails[i].HasEither {
			f.Rule = LogsStop
		}
		return
	case x.Answer.Outcome == Refused && x.Answer.Code != codeNotEnabled:
		f.Rule = GetReflectsPut
		return
	case off && x.Answer.Alien == "" && !got.On():
		f.Rule = GetNotEnabled
		return
	}
	if x.Answer.Outcome == Succeeded {
		f.Actual = selectorsKind(x.Answer)
	}
	if !off {
		f.Expected = []string{kindSelectors}
	}
	blameHistory(history, got, x.Answer.Repeated, f)
}

// blameHistory looks for the step, among those since the resource was last read and found right,
// whose breach explains what it is read as now.
func blameHistory(history []Exchange, got Selectors, repeated bool, f *Finding) {
	last := len(history) - 1
	resource := Resource(history[last].Before, history[last].Request)
	best := -1
	f.Rule = GetReflectsPut
	for i := last - 1; i >= 0; i-- {
		x := &history[i]
		if !x.Allowed && x.Answer.Definite() {
			break // the state was read back after it
		}
		if shows := x.Answer.Outcome == Succeeded || x.Answer.Code == codeNotEnabled; shows && x.Request.Op == OpGet && Resource(x.Before, x.Request) == resource {
			break // the resource was right then
		}
		rule, score := blameStep(x, resource, got, repeated)
		if score > best && rule != "" {
			best = score
			f.Rule, f.Step, f.Operation = rule, i, x.Request.Op
		}
		if x.Answer.Outcome == Succeeded && Resource(x.After, x.Request) == resource &&
			(x.Request.Op == OpPut || x.Request.Op == OpCreate && !StateHas(x.Before, resource)) {
			break // this settled the state, whatever was before
		}
	}
	if f.Operation == OpPut && f.Rule != PutEmptyDisables && f.Rule != PutEmptyWhenOff && f.Rule != StoreDisable && f.Rule != StoreDisableWithDst {
		// On or off makes no difference to what a Put has done wrong.
		f.Expected, f.Actual = []string{kindSelectors}, kindOtherSelectors
	}
}

// shownElsewhere reports whether another trail or store has just these selectors.
func (s State) shownElsewhere(resource string, set Selectors) bool {
	for i := range s.Trails {
		if trailResource(s.Trails[i]) != resource && s.Trails[i].Insights == set {
			return true
		}
	}
	return false
}

// blameStep judges whether one earlier step explains that a resource shows the selectors got.
func blameStep(x *Exchange, resource string, got Selectors, repeated bool) (ID, int) {
	if x.Request.Op.Reads() || x.Request.Op == OpArrange || !x.Answer.Definite() {
		return "", 0
	}
	own := Resource(x.After, x.Request)
	if own == "" {
		own = Resource(x.Before, x.Request)
	}
	if x.Answer.Outcome == Refused {
		if own == resource {
			return ErrorAtomic, 90
		}
		return ErrorAtomic, 50
	}
	if own != resource {
		if x.Request.Op == OpPut {
			if leaked, _ := StoredIn(x.After, own); got.On() && got == leaked {
				return StateIsolated, 77
			}
			return StateIsolated, 60
		}
		return GetReflectsPut, 20
	}
	old, _ := StoredIn(x.Before, resource)
	want, _ := StoredIn(x.After, resource)
	switch x.Request.Op {
	case OpPut:
		if got == want && !repeated {
			return "", 0
		}
		return blameStoredInAny(*x, got, repeated)
	case OpCreate:
		if StateHas(x.Before, resource) {
			return GetReflectsPut, 20
		}
		if region, name := x.After.World.region(x.Request), x.Request.Input.Get("Name").Text(); x.After.WasDeleted(region, name) {
			return TrailDeleteForgets, 80
		}
		if got.On() && x.After.shownElsewhere(resource, got) {
			return StateIsolated, 75
		}
		return StateInitiallyOff, 75
	case OpUpdate:
		return TrailUpdateKeeps, 70
	case OpStop:
		if old.On() {
			return LogsStop, 65
		}
	case OpStart:
		if i := x.Before.namedTrail(x.Request); i >= 0 && !x.Before.Trails[i].Logging {
			return LogsStart, 65
		}
	case OpPutEvents:
		if i := x.Before.namedTrail(x.Request); i >= 0 && len(missing(x.Before.Trails[i].Insights, logsOf(x.Request.Input))) > 0 {
			return LogsSelectorsLater, 65
		}
	}
	return GetReflectsPut, 30
}

// Showing returns the state in which a resource stores what an answer to its Get shows, and false
// where the answer shows nothing that the model has.
func Showing(s State, resource string, a Answer) (State, bool) {
	var set Selectors
	switch {
	case a.Outcome == Refused && a.Code == codeNotEnabled:
	case a.Outcome != Succeeded || a.Alien != "" || !a.Selectors.single():
		return s, false
	case a.Repeated:
		return s, false
	case a.Selectors.On():
		set = a.Selectors
	}
	for i := range s.Trails {
		t := s.Trails[i]
		if trailResource(t) == resource {
			t.Insights, t.Repeats, t.Asleep, t.MustWake, t.HasEither = set, false, 0, false, !t.Logging
			return s.WithTrail(i, t), true
		}
	}
	for i := range s.Stores {
		x := s.Stores[i]
		if "store/"+x.Home+"/"+x.ID == resource {
			if (set.Of(CallRate)|set.Of(ErrorRate))&Data != 0 {
				return s, false
			}
			x.Insights, x.Repeats, x.Destination = set, false, ""
			if a, ok := parseARN(a.Destination); ok && set.On() {
				x.Destination = a.id
			}
			return s.WithStore(i, x), true
		}
	}
	return s, true
}

// ShowingEvents returns the state in which a trail logs what an answer of GetEventSelectors shows.
func ShowingEvents(s State, resource string, body Value) State {
	for i := range s.Trails {
		if t := s.Trails[i]; trailResource(t) == resource {
			t.Events, t.Logs = canonicalEvents(body), logsOf(body)
			return s.WithTrail(i, t)
		}
	}
	return s
}

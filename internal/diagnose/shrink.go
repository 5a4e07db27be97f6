package diagnose

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/generators/catalogue"
	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// plainness is how much a reader has to know to follow a case, the less the better: rules that its requests break beside
// the one; what of it is inferred, which is requests whose meaning is and answers that are allowed beside the reference's;
// steps; and then what the requests say.
func plainness(steps []session.Step) []int {
	broken, inferred, size := 0, 0, 0
	for i, s := range steps {
		rules, last := len(model.Broken(s.Before, s.Request)), i == len(steps)-1
		if last {
			rules = max(0, rules-1)
		}
		broken += rules
		if !last && !s.Diverges && s.Reply.Answer.Kind() != s.Allowed()[0] {
			inferred++
		}
		size += len(generators.Key(s.Request))
	}
	return []int{broken, inferred + len(inferredTraits(session.Requests(steps))), len(steps), size}
}

// inferredTraits are the controls of what single requests mean where that is inferred.
func inferredTraits(requests []model.Request) (traits []control) {
	same := func(a, b model.Request) bool { return a.Op == b.Op }
	for _, c := range controls {
		inferred := model.RuleOf(c.rule).Level == model.Inferred
		if inferred && c.applies(requests) && slices.EqualFunc(c.without(requests), requests, same) {
			traits = append(traits, c)
		}
	}
	return traits
}

// shrinker reduces the case of one divergence to a sequence from which nothing can be taken and in which no value can
// be made simpler, with its signature kept. Candidates are played on fresh worlds, each once.
type shrinker struct {
	player     *Player
	signature  string
	harm       bool // is kept
	level      model.Level
	budget     int // requests left for this divergence
	executions int
	known      map[string]*Divergence // by candidate: nil where it does not show the divergence
	reached    map[string]bool
	exhausted  bool
}

// Shrink reduces a confirmed divergence within a budget of requests and reports how many cases it
// played, and whether it came to an end.
func (p *Player) Shrink(ctx context.Context, d *Divergence, budget int) (executions int, whole bool) {
	if d.Finding.Actual == session.NoAnswer { // each case that shows it takes a time limit long
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Minute)
		defer cancel()
	}
	s := &shrinker{player: p, signature: d.Raw, harm: d.Harm, level: d.Finding.Level, budget: min(budget, MaxShrinkRequests),
		known: map[string]*Divergence{}, reached: map[string]bool{}}
	d.playedAs(s.reduce(ctx, d))
	return s.executions, !s.exhausted
}

// shows plays a candidate and returns the divergence as it shows, nil where it does not.
func (s *shrinker) shows(ctx context.Context, candidate []model.Request) *Divergence {
	key := generators.Key(candidate...)
	if found, known := s.known[key]; known {
		return found
	}
	if s.budget < len(candidate) || ctx.Err() != nil {
		s.exhausted = true
		return nil
	}
	before := s.player.Client.Requests
	found := s.player.watch(ctx, candidate, s.signature)
	if found != nil && (s.harm && !found.Harm || found.Finding.Rule == model.WireNoCrash && found.Finding.Level != s.level) {
		found = nil
	}
	s.budget -= s.player.Client.Requests - before
	s.executions++
	s.known[key] = found
	return found
}

// reduce runs the passes to a fixpoint: first what need not be broken is repaired, then the model's own set-up of the
// state before the last steps, then fewer steps, then simpler values. Leaving out pairs costs most and helps least: it waits until nothing else does.
func (s *shrinker) reduce(ctx context.Context, found *Divergence) *Divergence {
	found = s.repaired(ctx, found)
	if again := s.fromState(ctx, found); again != nil {
		found = again
	}
	for {
		before := caseKey(found)
		for _, candidates := range []func([]model.Request) [][]model.Request{oneResource, fewerSteps, simplerCases} {
			found = s.pass(ctx, found, candidates)
		}
		if caseKey(found) == before {
			found = s.pass(ctx, found, withoutPairs)
		}
		if caseKey(found) == before || s.exhausted {
			return found
		}
	}
}

func caseKey(d *Divergence) string { return generators.Key(session.Requests(d.Steps)...) }

// pass tries candidates in order until none of them shows the divergence. After one that does it goes
// on at the same place: what failed before that place mostly fails again, and is tried again last.
func (s *shrinker) pass(ctx context.Context, found *Divergence, candidates func([]model.Request) [][]model.Request) *Divergence {
	s.reached[caseKey(found)] = true
	all := candidates(session.Requests(found.Steps))
	for next, failed := 0, 0; failed < len(all) && !s.exhausted; {
		next %= len(all)
		// What a replay reads back may add a step: a case that was reached before is no progress.
		again := s.shows(ctx, all[next])
		if again == nil || s.reached[caseKey(again)] || slices.Compare(plainness(again.Steps)[:3], plainness(found.Steps)[:3]) > 0 {
			next++
			failed++
			continue
		}
		found, failed = again, 0
		s.reached[caseKey(found)] = true
		all = candidates(session.Requests(found.Steps))
	}
	return found
}

// repaired has earlier requests that are refused be the plainest such, and the last one break one rule alone, where that
// shows the divergence.
func (s *shrinker) repaired(ctx context.Context, found *Divergence) *Divergence {
	end := len(found.Steps) - 1
	for i := range end {
		x := found.Steps[i]
		beside := others(x.Request.Input, "TrailName", "InsightSelectors")
		if x.Request.Op != model.OpPut || x.Reply.Answer.Outcome != model.Refused || len(beside) == 0 {
			continue
		}
		requests := session.Requests(found.Steps)
		plain := generators.PutList(x.Request.Input.Get("TrailName").Text(), generators.BadSelectors()[0].Value)
		requests[i] = generators.In(x.Request.Region, plain)
		if again := s.shows(ctx, requests); again != nil && len(again.Steps) == end+1 {
			found = again
		}
	}
	for _, c := range inferredTraits(session.Requests(found.Steps)) {
		if again := s.shows(ctx, c.without(session.Requests(found.Steps))); again != nil && len(again.Steps) == end+1 {
			found = again
		}
	}
	last, rule := found.Steps[end], found.Finding.Rule
	if broken := model.Broken(last.Before, last.Request); len(broken) < 2 || !slices.Contains(broken, rule) {
		return found
	}
	var candidates [][]model.Request
	if like, ok := catalogue.Breaking(last.Before, rule, last.Request); ok && last.Request.Op == model.OpPut {
		candidates = append(candidates, append(session.Requests(found.Steps[:end]), like))
	}
	if setup, probe, ok := catalogue.Minimal(rule, last.Request.Op, s.player.Client.Model, s.player.Client.Scope); ok {
		candidates = append(candidates, append(setup, probe))
	}
	for _, candidate := range candidates {
		if again := s.shows(ctx, candidate); again != nil && slices.Compare(plainness(again.Steps), plainness(found.Steps)) < 0 {
			return again
		}
	}
	return found
}

// fromState replaces all but the last steps by the shortest set-up of the state before them. A state that
// the target was followed to after a divergence is none that a set-up should make.
func (s *shrinker) fromState(ctx context.Context, found *Divergence) *Divergence {
	requests, blamed, n := session.Requests(found.Steps), found.Finding.Step, len(found.Steps)
	for _, from := range []int{blamed, n - 1, n - 2, n - 3, n - 5, n - 8} {
		if from < 0 || from >= n || (blamed < from && blamed >= 0 && from != n-1) {
			continue
		}
		if slices.ContainsFunc(found.Steps[:from], func(x session.Step) bool { return x.Diverges }) {
			continue
		}
		candidate := append(generators.SetUp(found.Steps[from].Before, s.player.Client.Scope), requests[from:]...)
		if len(candidate) >= n {
			continue
		}
		if again := s.shows(ctx, candidate); again != nil {
			return again
		}
	}
	return nil
}

// oneResource keeps only the steps that name the resource of the last one.
func oneResource(requests []model.Request) [][]model.Request {
	name := nameOf(requests[len(requests)-1])
	kept := slices.DeleteFunc(slices.Clone(requests), func(r model.Request) bool { return nameOf(r) != name })
	if name == "" || len(kept) == len(requests) {
		return nil
	}
	return [][]model.Request{kept}
}

// nameOf is the name or identifier that a request has for its resource.
func nameOf(r model.Request) string {
	for _, member := range []string{"TrailName", "Name", "EventDataStore"} {
		if name := r.Input.Get(member).Text(); name != "" {
			return name[strings.LastIndex(name, "/")+1:]
		}
	}
	return ""
}

// fewerSteps leaves out chunks, large ones and late ones first. The last step stays.
func fewerSteps(requests []model.Request) (out [][]model.Request) {
	n := len(requests) - 1
	for size := max(1, n/2); size >= 1; size /= 2 {
		for end := n; end > 0; end -= size {
			start := max(0, end-size)
			out = append(out, slices.Concat(requests[:start], requests[end:]))
		}
	}
	return out
}

// withoutPairs leaves out two steps that need each other, such as a deletion and a new creation.
func withoutPairs(requests []model.Request) [][]model.Request {
	n := len(requests) - 1
	if n > maxPaired {
		return nil
	}
	var out [][]model.Request
	for i := range n {
		for j := i + 1; j < n; j++ {
			out = append(out, slices.Concat(requests[:i], requests[i+1:j], requests[j+1:]))
		}
	}
	return out
}

// The order of simplicity, in which a shrunk case is minimal:
//
//   - fewer steps before anything else;
//   - in a Put: the empty list, then fewer selectors, then fewer categories, then no categories at all;
//   - ApiCallRateInsight before ApiErrorRateInsight, Management before Data;
//   - a name before an ARN, the trail alpha before any other (nobody, where there is an alpha and the trail is none that
//     a step creates), the home Region before another;
//   - in a PutEventSelectors: fewer selectors, then fewer members in each; a store that logs management events;
//   - a plain request before one with another target prefix, method or body, with optional members or with null;
//   - the first half of a string of eight characters or more before the string.
//
// simplerCases lists every case that is simpler than the given one by a single step of this order.
func simplerCases(requests []model.Request) [][]model.Request {
	var out [][]model.Request
	for i, r := range requests {
		twins := twinsOf(i, requests)
		for _, simpler := range simplerRequests(r) {
			out = append(out, slices.Replace(slices.Clone(requests), i, i+1, simpler))
			if len(twins) > 1 {
				together := slices.Clone(requests)
				for _, j := range twins {
					together[j] = simpler
				}
				out = append(out, together)
			}
		}
	}
	return append(out, simplerNames(requests)...)
}

// twinsOf lists where a request stands, that it may matter to be the same; none where an earlier one is the same.
func twinsOf(i int, requests []model.Request) (twins []int) {
	key := generators.Key(requests[i])
	for j, r := range requests {
		if r.Op == requests[i].Op && generators.Key(r) == key {
			twins = append(twins, j)
		}
	}
	if twins[0] < i {
		return nil
	}
	return twins
}

// simplerRequests lists what is one step simpler than a request.
func simplerRequests(r model.Request) (out []model.Request) {
	with := func(change func(*model.Request)) {
		simpler := r
		change(&simpler)
		out = append(out, simpler)
	}
	if r.OtherTarget {
		with(func(s *model.Request) { s.OtherTarget = false })
	}
	if r.Method != "" {
		with(func(s *model.Request) { s.Method = "" })
	}
	if r.Raw != nil {
		if n := len(*r.Raw); n > 0 {
			with(func(s *model.Request) { half := (*r.Raw)[:n/2]; s.Raw = &half })
		}
		return out
	}
	for _, in := range simplerInputs(r) {
		with(func(s *model.Request) { s.Input = in })
	}
	return out
}

// optional lists the members that a request of the operation can do without.
var optional = map[model.Op][]string{
	model.OpCreate:      {"KmsKeyId", "IsMultiRegionTrail", "IncludeGlobalServiceEvents"},
	model.OpUpdate:      {"EnableLogFileValidation"},
	model.OpCreateStore: {"StartIngestion", "RetentionPeriod", "MultiRegionEnabled"},
}

func simplerInputs(r model.Request) []value.Value {
	x := variants{of: r.Input}
	x.without(optional[r.Op]...)
	x.without(nulls(x.of)...)
	if r.Op.Insights() {
		x.without(others(x.of, "InsightSelectors", "TrailName")...)
		if plain := trailsByName(r).Input; !plain.Equal(x.of) {
			x.out = append(x.out, plain)
		}
		for _, member := range []string{"TrailName", "EventDataStore", "InsightsDestination"} {
			x.with(member, shorter(x.of.Get(member))...)
		}
	}
	if selectors := x.of.Get("InsightSelectors"); r.Op == model.OpPut && len(selectors.Items()) > 0 {
		x.with("InsightSelectors", value.ListOf())
		if x.of.Get("InsightsDestination").Given() { // with which an empty list is inferred to succeed
			x.out = append(x.out, x.of.With("InsightSelectors", value.ListOf()).With("InsightsDestination", value.Value{}))
		}
		x.with("InsightSelectors", simplerItems(selectors, simplerSelector)...)
	}
	if plain := generators.SourceStore.Selectors; r.Op == model.OpCreateStore && !x.of.Get("AdvancedEventSelectors").Equal(plain) &&
		!x.of.Get("AdvancedEventSelectors").Equal(generators.InsightStore.Selectors) {
		x.with("AdvancedEventSelectors", plain)
	}
	for _, member := range []string{"EventSelectors", "AdvancedEventSelectors"} {
		x.with(member, simplerItems(x.of.Get(member), func(value.Value) []value.Value { return nil })...)
	}
	x.with("EventSelectors", simplerItems(x.of.Get("EventSelectors"), func(item value.Value) []value.Value {
		fewer := variants{of: item}
		fewer.without(others(item)...)
		return fewer.out
	})...)
	return x.out
}

// variants collects values that differ from an object in one member.
type variants struct {
	of  value.Value
	out []value.Value
}

func (x *variants) with(member string, values ...value.Value) {
	for _, v := range values {
		x.out = append(x.out, x.of.With(member, v))
	}
}

// without leaves out each of some members that are there.
func (x *variants) without(members ...string) {
	for _, member := range members {
		if x.of.Get(member).Kind() != value.Absent {
			x.with(member, value.Value{})
		}
	}
}

// nulls are the members of an object that are null.
func nulls(v value.Value) []string {
	return slices.DeleteFunc(others(v), func(member string) bool { return v.Get(member).Kind() != value.Null })
}

// shorter is the first half of a string of eight characters or more.
func shorter(v value.Value) []value.Value {
	if text := v.Text(); v.Kind() == value.String && len(text) >= 8 {
		return []value.Value{value.Str(text[:len(text)/2])}
	}
	return nil
}

// simplerItems lists a list without each of its items, unless it is the only one, and with a simpler one instead.
func simplerItems(list value.Value, simpler func(value.Value) []value.Value) (out []value.Value) {
	items := list.Items()
	for i, item := range items {
		if len(items) > 1 {
			out = append(out, value.ListOf(slices.Delete(slices.Clone(items), i, i+1)...))
		}
		for _, v := range simpler(item) {
			out = append(out, value.ListOf(slices.Replace(slices.Clone(items), i, i+1, v)...))
		}
	}
	return out
}

func simplerSelector(item value.Value) []value.Value {
	if item.Kind() != value.Object {
		return nil
	}
	x := variants{of: item}
	x.without(nulls(item)...)
	x.without(others(item, "InsightType", "EventCategories")...)
	x.with("EventCategories", simplerItems(item.Get("EventCategories"), func(c value.Value) (out []value.Value) {
		if c.Text() == model.CategoryNames[1] {
			out = append(out, value.Str(model.CategoryNames[0]))
		}
		return append(out, shorter(c)...)
	})...)
	x.without("EventCategories")
	if item.Get("InsightType").Text() == model.TypeNames[1] {
		x.with("InsightType", value.Str(model.TypeNames[0]))
	}
	x.with("InsightType", shorter(item.Get("InsightType"))...)
	return x.out
}

// simplerNames renames a trail to alpha throughout the case, and moves the case to the home Region.
func simplerNames(requests []model.Request) (out [][]model.Request) {
	creates := func(name string) bool {
		return slices.ContainsFunc(requests, func(r model.Request) bool {
			return r.Op == model.OpCreate && r.Input.Get("Name").Text() == name
		})
	}
	plain := []string{generators.NameAlpha, "nobody"}
	for _, r := range requests { // names of trails that no step creates
		name := cmp.Or(r.Input.Get("TrailName").Text(), r.Input.Get("Name").Text())
		if r.Op == model.OpCreateStore {
			continue
		}
		free := slices.IndexFunc(plain, func(name string) bool { return !creates(name) })
		if name == "" || creates(name[strings.LastIndexByte(name, '/')+1:]) || slices.Contains(plain, name) || free < 0 {
			continue
		}
		out = append(out, mapped(requests, func(s string) string {
			if s == name {
				return plain[free]
			}
			return s
		}))
	}
	if !creates(generators.NameAlpha) {
		for _, name := range generators.Names[1:] {
			if creates(name) {
				out = append(out, mapped(requests, func(s string) string {
					before, ok := strings.CutSuffix(s, name)
					if ok && (before == "" || strings.HasSuffix(before, ":trail/")) {
						return before + generators.NameAlpha
					}
					return s
				}))
			}
		}
	}
	if slices.ContainsFunc(requests, func(r model.Request) bool { return r.Region != "" }) {
		home := mapped(requests, func(s string) string {
			return strings.Replace(s, ":"+model.DefaultWorld.Away+":", ":"+model.DefaultWorld.Home+":", 1)
		})
		for i := range home {
			home[i].Region = ""
		}
		out = append(out, home)
	}
	return out
}

// mapped changes the strings of all requests.
func mapped(requests []model.Request, change func(string) string) []model.Request {
	out := slices.Clone(requests)
	for i := range out {
		out[i].Input = generators.MapStrings(out[i].Input, change)
	}
	return out
}

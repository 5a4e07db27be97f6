package diagnose

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// control is an experiment with a rule that says a trait of a case must not matter, or is the only
// thing that could. Where a case diverges with the trait and does not without it, the divergence
// belongs to that rule; where it diverges all the same, it does not.
type control struct {
	rule    model.ID
	without func([]model.Request) []model.Request // the case without the trait
	from    []model.ID                            // whose findings may pass to it; nil is all: the trait must not matter
}

// The rules that speak of every Put, and with them those that a trait of the request may look like.
var (
	general = []model.ID{model.PutStores, model.GetReflectsPut, model.StoreEnables}
	broad   = append([]model.ID{model.PutReplacesList, model.PutOverwritesCategories}, general...)
	nothing = []model.ID{}
)

// applies reports whether the case has the trait.
func (c control) applies(requests []model.Request) bool {
	return !slices.EqualFunc(c.without(requests), requests, generators.Same)
}

// each makes a control of a change of single requests.
func each(change func(model.Request) model.Request) func([]model.Request) []model.Request {
	return func(requests []model.Request) []model.Request {
		plain := slices.Clone(requests)
		for i, r := range plain {
			if !r.Malformed() {
				plain[i] = change(r)
			}
		}
		return plain
	}
}

// controls stand in the order in which they are tried: what is most easily a mere accompaniment first.
var controls = []control{
	{model.WireUnknownMembers, each(withoutUnknownMembers), nil},
	{model.PutOrderFree, each(inOrder), nil},
	{model.PutCategoriesEmpty, each(toManagement(isEmptyList)), broad},
	{model.PutDefaultManagement, each(toManagement(notGiven)), broad},
	{model.StoreDefaultCategory, each(storesWithoutManagement), broad},
	{model.PutDuplicateCategory, each(ofSelectors(categoriesOnce)), broad},
	{model.PutDuplicateType, each(ofList(model.OpPut, "InsightSelectors", once)), broad},
	{model.TrailDeleteForgets, lastLife, nothing},
	{model.LogsStop, each(emptiedInsteadOfStopped), nothing},
	{model.StoreDisableWithDst, each(disabledWithoutDestination), nothing},
	{model.LogsPutStopped, alwaysLogging, general},
	{model.LogsReadOnlyError, each(ofList(model.OpPutEvents, "EventSelectors", readAndWrite)), general},
	{model.LogsDisable, withMoreLogsWhereDisabled, general},
	{model.PutIdempotent, withoutRepeats, general},
	{model.StoreARNOrSuffix, each(storesByARN), nil},
	{model.TrailNameOrARN, each(trailsByName), nil},
	{model.WireProtocol, each(byShortPrefix), nil},
}

// onList changes a member that is a list, where it is one.
func onList(v value.Value, member string, change func([]value.Value) []value.Value) value.Value {
	if list := v.Get(member); list.Kind() == value.List {
		return v.With(member, value.ListOf(change(slices.Clone(list.Items()))...))
	}
	return v
}

// ofList changes a list of the requests of one operation.
func ofList(op model.Op, member string, change func([]value.Value) []value.Value) func(model.Request) model.Request {
	return func(r model.Request) model.Request {
		if r.Op == op {
			r.Input = onList(r.Input, member, change)
		}
		return r
	}
}

// ofSelectors changes the selectors of a Put one by one.
func ofSelectors(change func(value.Value) value.Value) func(model.Request) model.Request {
	return ofList(model.OpPut, "InsightSelectors", func(items []value.Value) []value.Value {
		for i, item := range items {
			if item.Kind() == value.Object {
				items[i] = change(item)
			}
		}
		return items
	})
}

// toManagement writes out Management for categories that are left out in one way.
func toManagement(leftOut func(value.Value) bool) func(model.Request) model.Request {
	return ofSelectors(func(item value.Value) value.Value {
		if leftOut(item.Get("EventCategories")) {
			return item.With("EventCategories", value.Strs(model.CategoryNames[0]))
		}
		return item
	})
}

// storesWithoutManagement leaves out what means the same as no categories on an event data store.
func storesWithoutManagement(r model.Request) model.Request {
	if !r.Input.Get("EventDataStore").Given() {
		return r
	}
	return ofSelectors(func(item value.Value) value.Value {
		if c := item.Get("EventCategories"); c.Equal(value.Strs(model.CategoryNames[0])) {
			return item.With("EventCategories", value.Value{})
		}
		return item
	})(r)
}

func isEmptyList(v value.Value) bool { return v.Kind() == value.List && len(v.Items()) == 0 }

func notGiven(v value.Value) bool { return !v.Given() }

func categoriesOnce(item value.Value) value.Value { return onList(item, "EventCategories", once) }

func once(items []value.Value) (out []value.Value) {
	for _, item := range items {
		if !slices.ContainsFunc(out, item.Equal) {
			out = append(out, item)
		}
	}
	return out
}

// lastLife leaves out what came before a trail was made again.
func lastLife(requests []model.Request) []model.Request {
	for i, r := range slices.Backward(requests) {
		if r.Op == model.OpDelete && slices.ContainsFunc(requests[i:], func(later model.Request) bool {
			return later.Op == model.OpCreate && later.Input.Get("Name").Equal(r.Input.Get("Name"))
		}) {
			return requests[i+1:]
		}
	}
	return requests
}

func disabledWithoutDestination(r model.Request) model.Request {
	if disables(r) && r.Input.Get("EventDataStore").Given() {
		r.Input = r.Input.With("InsightsDestination", value.Value{})
	}
	return r
}

// disables reports whether a request puts an empty list of selectors.
func disables(r model.Request) bool {
	return r.Op == model.OpPut && isEmptyList(r.Input.Get("InsightSelectors"))
}

// emptiedInsteadOfStopped turns insights off in another way.
func emptiedInsteadOfStopped(r model.Request) model.Request {
	if r.Op == model.OpStop {
		return generators.In(r.Region, generators.Put(r.Input.Get("Name").Text(), 0))
	}
	return r
}

// withoutReads leaves out all reads but the last step.
func withoutReads(requests []model.Request) []model.Request {
	last := len(requests) - 1
	return append(slices.DeleteFunc(slices.Clone(requests[:last]), func(r model.Request) bool { return r.Op.Reads() }), requests[last])
}

// alwaysLogging starts every trail at once and never stops it.
func alwaysLogging(requests []model.Request) (plain []model.Request) {
	for i, r := range requests {
		if r.Op == model.OpStop {
			continue
		}
		plain = append(plain, r)
		if r.Op == model.OpCreate && (i+1 >= len(requests) || requests[i+1].Op != model.OpStart) {
			plain = append(plain, generators.In(r.Region, generators.Start(r.Input.Get("Name").Text())))
		}
	}
	return plain
}

// readAndWrite makes event selectors of read events log all management events.
func readAndWrite(items []value.Value) []value.Value {
	for i, item := range items {
		management := item.Get("IncludeManagementEvents")
		if item.Get("ReadWriteType").Text() == "ReadOnly" && (management.Kind() != value.Bool || management.True()) {
			items[i] = item.With("ReadWriteType", value.Str("All"))
		}
	}
	return items
}

// withMoreLogsWhereDisabled lets trails log everything in a case that ends with an empty list.
func withMoreLogsWhereDisabled(requests []model.Request) []model.Request {
	if n := len(requests); n == 0 || !disables(requests[n-1]) {
		return requests
	}
	all := generators.EventClasses()[model.ManagementEvents|model.DataEvents]
	return each(func(r model.Request) model.Request {
		if r.Op == model.OpPutEvents {
			return generators.In(r.Region, generators.PutEvents(r.Input.Get("TrailName").Text(), all))
		}
		return r
	})(requests)
}

// withoutRepeats leaves out a Put that a later one on the same trail says again.
func withoutRepeats(requests []model.Request) (plain []model.Request) {
	var said []value.Value
	for _, r := range slices.Backward(requests) {
		if r.Op == model.OpPut {
			input := inOrder(toManagement(notGiven)(trailsByName(r))).Input
			it := value.ListOf(value.Str(r.Region), input.Get("TrailName"), input.Get("InsightSelectors"),
				input.Get("EventDataStore"), input.Get("InsightsDestination"))
			if slices.ContainsFunc(said, it.Equal) {
				continue
			}
			said = append(said, it)
		}
		plain = append(plain, r)
	}
	slices.Reverse(plain)
	return plain
}

func withoutUnknownMembers(r model.Request) model.Request {
	if !r.Op.Insights() {
		return r
	}
	r.Input = keepMembers(r.Input, "TrailName", "EventDataStore", "InsightsDestination", "InsightSelectors")
	return ofSelectors(func(item value.Value) value.Value { return keepMembers(item, "InsightType", "EventCategories") })(r)
}

func keepMembers(v value.Value, names ...string) value.Value {
	for _, other := range others(v, names...) {
		v = v.With(other, value.Value{})
	}
	return v
}

// others names the members of an object beside the given ones.
func others(v value.Value, names ...string) (out []string) {
	for _, m := range v.Members() {
		if !slices.Contains(names, m.Name) {
			out = append(out, m.Name)
		}
	}
	return out
}

// trailsByName replaces the ARN of a trail in the Region of the call by its name.
func trailsByName(r model.Request) model.Request {
	home := model.DefaultWorld.TrailARN(cmp.Or(r.Region, model.DefaultWorld.Home), "")
	name, ok := strings.CutPrefix(r.Input.Get("TrailName").Text(), home)
	if ok && r.Op.Insights() && model.ValidTrailName(name) {
		r.Input = r.Input.With("TrailName", value.Str(name))
	}
	return r
}

// trailsByARN is the reverse.
func trailsByARN(r model.Request) model.Request {
	if name := r.Input.Get("TrailName").Text(); r.Op.Insights() && model.ValidTrailName(name) {
		home := cmp.Or(r.Region, model.DefaultWorld.Home)
		r.Input = r.Input.With("TrailName", value.Str(model.DefaultWorld.TrailARN(home, name)))
	}
	return r
}

// storesByARN replaces the ID suffix of a store by its ARN, and storesBySuffix the reverse.
func storesByARN(r model.Request) model.Request { return renamingStores(r, "", homeStore) }

func storesBySuffix(r model.Request) model.Request { return renamingStores(r, homeStore, "") }

var homeStore = model.DefaultWorld.StoreARN(model.DefaultWorld.Home, "")

// renamingStores has another beginning before the IDs of stores.
func renamingStores(r model.Request, from, to string) model.Request {
	for _, member := range []string{"EventDataStore", "InsightsDestination"} {
		id, begins := strings.CutPrefix(r.Input.Get(member).Text(), from)
		if begins && r.Op.Insights() && strings.HasPrefix(id, "00000000-0000-4000-8000-") {
			r.Input = r.Input.With(member, value.Str(to+id))
		}
	}
	return r
}

func byShortPrefix(r model.Request) model.Request {
	r.OtherTarget = false
	return r
}

// inOrder sorts selectors and categories, Management first.
func inOrder(r model.Request) model.Request {
	return ofList(model.OpPut, "InsightSelectors", func(items []value.Value) []value.Value {
		for i, item := range items {
			items[i] = onList(item, "EventCategories", func(categories []value.Value) []value.Value {
				slices.SortStableFunc(categories, func(a, b value.Value) int { return strings.Compare(b.String(), a.String()) })
				return categories
			})
		}
		slices.SortStableFunc(items, func(a, b value.Value) int {
			return strings.Compare(a.Get("InsightType").String(), b.Get("InsightType").String())
		})
		return items
	})(r)
}

// blameSingle finds, for a request that breaks several rules, the first of them that is answered in
// the same wrong way when it is broken alone. Where there is none, the first broken rule stands.
func (p *Player) blameSingle(ctx context.Context, d *Divergence) {
	if len(d.broken) < 2 || d.Finding.Rule != d.broken[0] {
		return
	}
	f, last := &d.Finding, d.Steps[len(d.Steps)-1].Request
	alone := func(id model.ID) string {
		named := []string{"TrailName", "EventDataStore", "InsightsDestination"}
		if id == model.WireWrongType && f.Operation == model.OpPut && !slices.Contains(named, f.Member) {
			return p.kind(ctx, p.repaired(last)[0]) // of the same member
		}
		return p.single(ctx, id, f.Operation)
	}
	for _, id := range d.broken {
		if f.Actual == "success" && model.RuleOf(id).MayPass || alone(id) != f.Actual {
			continue
		}
		if rule := model.RuleOf(id); id != f.Rule {
			f.Rule, f.Level, f.Expected = id, rule.Level, []string{rule.Code}
			if rule.RefusalOnly && f.Actual != "success" {
				f.Level = model.Inferred
			}
		}
		return
	}
}

// take makes a simpler case, and what it shows, the divergence's own. Where it shows the same, the rule stays.
func (d *Divergence) take(o *Divergence) {
	if d.playedAs(o); d.Raw != o.Raw {
		d.Finding, d.Raw = o.Finding, o.Raw
	}
}

// playedAs makes another case the divergence's own that shows the same. Whose rule it is stays.
func (d *Divergence) playedAs(o *Divergence) {
	d.Steps, d.Finding.Step, d.Harm = o.Steps, o.Finding.Step, o.Harm
}

// attribute finds the rule that a divergence belongs to. Its case stays as it is where the rule does.
func (p *Player) attribute(ctx context.Context, d *Divergence) {
	tried := *d
	if p.experiment(ctx, &tried); tried.Finding.Signature() != d.Finding.Signature() {
		d.playedAs(&tried)
		d.Finding, d.Raw = tried.Finding, tried.Raw
	}
}

// experiment experiments with the traits of a case. One that makes no difference is taken out of it, and
// what the simpler case shows is the finding; one that does gives the finding to its rule.
func (p *Player) experiment(ctx context.Context, d *Divergence) {
	if rule := model.RuleOf(d.Finding.Rule); rule == nil || rule.ID.Family() == "wire" && rule.ID != model.WireUnknownMembers || rule.Code != "" && d.Finding.Actual == "success" {
		p.blameSimpler(ctx, d)
		return
	}
	if plain := withoutReads(session.Requests(d.Steps)); len(plain) < len(d.Steps) {
		if found := p.watch(ctx, plain, d.Raw); found != nil && len(found.Steps) == len(plain) {
			d.playedAs(found)
		}
	}
	p.blameNecessary(ctx, d)
	for _, c := range controls {
		requests := session.Requests(d.Steps)
		if !p.Client.Scope.Applies(c.rule) || !c.applies(requests) {
			continue // nor can a target without StartLogging be told to start
		}
		if c.rule == model.StoreDefaultCategory && d.Finding.Rule != c.rule {
			continue // written out, Management explains more than left out
		}
		if found := p.watchEnd(ctx, c.without(requests), d); found != nil {
			d.take(found)
			continue
		}
		if c.rule == d.Finding.Rule {
			return
		}
		// Without the trait it does not show. With it, does it still?
		if (c.from == nil || slices.Contains(c.from, d.Finding.Rule)) && p.watch(ctx, requests, d.Raw) != nil {
			d.belongsTo(c.rule)
			return
		}
	}
	p.blameSimpler(ctx, d)
}

// blameSimpler gives the finding to what a case shows that leaves out what the rule is about.
func (p *Player) blameSimpler(ctx context.Context, d *Divergence) {
	for _, simpler := range p.simplerCauses(d) {
		found := p.find(ctx, simpler, func(f session.Found) bool {
			same := f.Actual == d.Finding.Actual || model.RuleOf(d.Finding.Rule).MayPass && !f.Plain
			return f.At == len(simpler)-1 && f.Rule != d.Finding.Rule && same && p.reliable(f)
		})
		if found != nil {
			d.take(found)
			return
		}
	}
}

// blameNecessary takes the blamed step out of the case, for as long as the last step diverges all the same. Of a case
// so long that this would cost more than shrinking, the rule is decided on what shrinking leaves.
func (p *Player) blameNecessary(ctx context.Context, d *Divergence) {
	for began := p.Client.Requests; p.Client.Requests-began < MaxShrinkRequests; {
		last, blamed := len(d.Steps)-1, d.Finding.Step
		if blamed >= last || blamed < 0 || makes(d.Steps[blamed].Request, d.Steps[last].Request) {
			return
		}
		found := p.find(ctx, slices.Delete(session.Requests(d.Steps), blamed, blamed+1), p.like(d))
		if found == nil || len(found.Steps) != last || found.Steps[last-1].Request.Op != d.Steps[last].Request.Op {
			return
		}
		d.take(found)
	}
}

// makes reports whether a request creates the trail or store of another one.
func makes(r, other model.Request) bool {
	return r.Op == model.OpCreateStore || r.Op == model.OpCreate && nameOf(r) == nameOf(other)
}

// after plays the case of a divergence and returns what is found before it, nil where it shows by itself, and whether it
// shows. What is accepted of a stopped trail may hide the former: so the case is played with all trails logging, too.
func (p *Player) after(ctx context.Context, d *Divergence) (earlier *Divergence, shown bool) {
	requests, wanted := session.Requests(d.Steps), signed(d.Raw)
	for i, candidate := range [][]model.Request{requests, alwaysLogging(requests)} {
		if i > 0 && len(candidate) == len(requests) {
			break // nothing was stopped
		}
		s, err := p.Play(ctx, candidate, func(s *session.Session) bool { return slices.ContainsFunc(s.Found, wanted) })
		if err != nil {
			continue
		}
		at := slices.IndexFunc(s.Found, wanted)
		shown = shown || at >= 0
		if earlier := firstOf(s, s.Found[:max(0, at)], p.causes(d)); earlier != nil && (!p.isFlaky(earlier) || p.hasCause(ctx, earlier)) {
			return earlier, shown
		}
	}
	return nil, shown
}

// simplerCauses lists cases that end with the same kind of request and leave out what the rule is about: where one of
// them gets the same wrong answer, the rule is not why.
func (p *Player) simplerCauses(d *Divergence) [][]model.Request {
	last, requests := d.Steps[len(d.Steps)-1], session.Requests(d.Steps)
	rule, success := model.RuleOf(d.Finding.Rule), last.Reply.Answer.Outcome == model.Succeeded
	switch {
	case rule == nil:
		return nil
	case rule.ID == model.TrailDeleteForgets: // the trail never was, or is still there
		cases := [][]model.Request{requests[len(requests)-1:]}
		if !success {
			cases = append(cases, slices.DeleteFunc(slices.Clone(requests), func(r model.Request) bool { return r.Op == model.OpDelete }))
		}
		return cases
	case rule.ID == model.StateIsolated: // the resource by itself
		return oneResource(requests)
	case rule.Code == "" && success && last.Request.Op == model.OpGet: // whatever was put, and put before
		puts := func(r model.Request) bool { return r.Op == model.OpPut }
		blamed := max(0, d.Finding.Step)
		return [][]model.Request{slices.DeleteFunc(slices.Clone(requests), puts),
			append(slices.DeleteFunc(slices.Clone(requests[:blamed]), puts), requests[blamed:]...)}
	case !last.Request.Op.Insights() || last.Request.Malformed() || d.Finding.Step < len(d.Steps)-1:
		return nil
	case rule.MayPass && success: // each selector by itself
		var cases [][]model.Request
		for _, item := range last.Request.Input.Get("InsightSelectors").Items() {
			alone := generators.With(last.Request, "InsightSelectors", value.ListOf(item))
			cases = append(cases, append(slices.Clone(requests[:len(requests)-1]), alone))
		}
		return cases
	case rule.Code != "" && !success, rule.Code == "" && success && last.Request.Op == model.OpPut:
		return p.repaired(last.Request)
	}
	return nil
}

// repaired lists cases that end with a request on a trail or store that is there and logs all: with the selectors of the
// given one, and with plain ones.
func (p *Player) repaired(r model.Request) (out [][]model.Request) {
	setup := generators.NewTrail(p.Client.Scope)
	put := func(list value.Value) model.Request { return generators.PutList(generators.NameAlpha, list) }
	get := generators.Get(generators.NameAlpha)
	if p.Client.Can(model.CanPutEvents) {
		setup = append(setup, generators.PutEvents(generators.NameAlpha, generators.EventClasses()[model.ManagementEvents|model.DataEvents]))
	}
	if r.Input.Get("EventDataStore").Given() && !r.Input.Get("TrailName").Given() && p.Client.Can(model.CanStores) {
		source, destination := model.StoreID(0), model.StoreID(1)
		setup = []model.Request{generators.CreateStore(0, generators.SourceStore), generators.CreateStore(1, generators.InsightStore)}
		get = generators.GetStore(source)
		put = func(list value.Value) model.Request {
			return generators.With(generators.PutStore(source, destination, 0), "InsightSelectors", list)
		}
	}
	if r.Op == model.OpGet {
		return [][]model.Request{append(setup, get)}
	}
	for _, list := range []value.Value{r.Input.Get("InsightSelectors"), model.MakeSelectors(model.Management, 0).Value()} {
		out = append(out, append(slices.Clone(setup), put(list)))
	}
	return out
}

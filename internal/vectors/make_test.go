package vectors

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets/wire"
)

// about is what of the last answer a vector is about: empty is what the model's answers say.
type about string

const (
	aboutRefusal  about = "refusal"  // that it is one, whatever its code
	aboutForm     about = "form"     // its spelling
	aboutStatus   about = "status"   // the HTTP status of an error
	aboutOwner    about = "owner"    // which members name the resource
	aboutNames    about = "names"    // what they say, too
	aboutEntries  about = "entries"  // how it lists selectors
	aboutAnything about = "anything" // that it is an answer
)

// chosen is what a vector is made from.
type chosen struct {
	Rule     model.ID        `json:"rule"`
	Level    model.Level     `json:"level"`
	About    about           `json:"about,omitempty"`
	Follow   map[int]int     `json:"follow,omitempty"` // by the index of a step, which group of answers goes on; else the first
	Comment  string          `json:"comment"`
	Requests []model.Request `json:"requests"`
	Requires []string        `json:"requires,omitempty"`
	Whole    bool            `json:"whole,omitempty"` // whatever is wrong with the last answer, it is this rule that it breaks
}

// key tells vectors apart.
func (c chosen) key() string {
	follow, _ := json.Marshal(c.Follow)
	return string(c.Rule) + "\n" + c.Level.String() + "\n" + string(c.About) + fmt.Sprint(c.Whole) + "\n" + string(follow) + "\n" + generators.Key(c.Requests...)
}

func (c chosen) id() string {
	sum := sha256.Sum256([]byte(c.key()))
	return fmt.Sprintf("%s-%x", c.Rule, sum[:3])
}

// way is one allowed branch: the pattern of its answer, and where it leads.
type way struct {
	pattern   Pattern
	next      model.State
	rule      model.ID
	reference bool // of its state
}

// group is ways whose answers look the same.
type group struct {
	pattern Pattern
	rule    model.ID
	next    []model.State // of all ways whose answers may be taken for one of these
}

// worlds are the states in which a vector may begin: servers without what it does not need are no different.
func (c chosen) worlds() (out []model.State) {
	var list []*model.World
	plain := model.DefaultWorld
	list = append(list, &plain)
	if needs := c.needs(); !slices.Contains(needs, string(model.CanStores)) {
		w := plain
		w.NoStores = true
		list = append(list, &w)
	}
	if needs := c.needs(); !slices.Contains(needs, string(model.CanLog)) {
		for _, w := range slices.Clone(list) {
			idle := *w
			idle.NoStart = true
			list = append(list, &idle)
		}
	}
	for _, w := range list {
		out = append(out, model.NewState(w))
	}
	return out
}

// begins reports whether a step turns logging on for a trail that was just made: without StartLogging it is.
func (c chosen) begins(i int) bool {
	if i == 0 || c.Requests[i].Op != model.OpStart {
		return false
	}
	before := c.Requests[i-1]
	return before.Op == model.OpCreate && before.Region == c.Requests[i].Region &&
		before.Input.Get("Name").Equal(c.Requests[i].Input.Get("Name"))
}

// needs lists the capabilities that the steps need, and the rule.
func (c chosen) needs() []string {
	need := map[model.Capability]bool{}
	rule := model.RuleOf(c.Rule)
	for _, n := range rule.Needs {
		need[n] = true
	}
	everything := generators.Everything()
	for i, r := range c.Requests {
		if op, ok := r.Op.Needs(); ok && !c.begins(i) {
			need[op] = true
		}
		for _, n := range model.Capabilities { // what the scope would not allow without
			without := generators.Scope{Can: map[model.Capability]bool{}}
			for _, m := range model.Capabilities {
				without.Can[m] = everything.Can[m] && m != n
			}
			if own, _ := r.Op.Needs(); n != own && !without.Allows(r) {
				need[n] = true
			}
		}
	}
	delete(need, model.CanRawWire) // runners of vectors always can
	out := []string{}
	for _, n := range model.Capabilities {
		if need[n] {
			out = append(out, string(n))
		}
	}
	return out
}

func (c chosen) vector() Vector {
	rule := model.RuleOf(c.Rule)
	v := Vector{ID: c.id(), Rule: c.Rule, Level: c.Level, Source: rule.Source, Comment: c.Comment, Needs: c.needs(), Requires: c.Requires}
	if v.Requires == nil {
		v.Requires = []string{}
	}
	states := c.worlds()
	n := &naming{}
	var history []model.Exchange
	for i, r := range c.Requests {
		step := n.step(r)
		if c.begins(i) {
			step.If = string(model.CanLog)
		}
		last := i == len(c.Requests)-1
		groups := c.groups(states, r, last)
		if last {
			step.Allowed = n.patterns(merged(patternsOf(groups)))
			step.Others = c.others(states, history)
			if c.About == aboutEntries {
				step.Allowed = append(step.Allowed, Pattern{Outcome: Refused, Ends: "an error lists nothing"})
			}
		} else {
			x := model.Exchange{Before: states[0], Others: otherStates(states), Request: r, Answer: answerOf(states[0], r, groups[c.Follow[i]].pattern), Allowed: true}
			step.Allowed, states = n.follow(groups, c.Follow[i])
			x.After = states[0]
			history = append(history, x)
		}
		if r.Op == model.OpCreateStore {
			n.stores++
			step.Save = map[string]string{fmt.Sprintf("store%d", n.stores): "EventDataStoreArn"}
		}
		v.Steps = append(v.Steps, step)
	}
	v.Buckets = n.buckets
	return v
}

// groups sorts the ways of some states by what their answers look like, the reference first.
func (c chosen) groups(states []model.State, r model.Request, last bool) []group {
	var ways []way
	what := about("")
	if last {
		what = c.About
	}
	for _, s := range states {
		for i, b := range model.Step(s, r) {
			ways = append(ways, way{pattern: patternOf(c, r, b.Answer, what), next: b.Next, rule: b.Rule, reference: i == 0})
		}
	}
	var out []group
	for _, reference := range []bool{true, false} {
		for _, w := range ways {
			if w.reference == reference && !slices.ContainsFunc(out, func(g group) bool { return same(g.pattern, w.pattern) }) {
				out = append(out, group{pattern: w.pattern, rule: w.rule})
			}
		}
	}
	for i := range out {
		for _, w := range ways {
			if overlap(out[i].pattern, w.pattern) {
				out[i].next = addStates(out[i].next, w.next)
			}
		}
	}
	return out
}

func addStates(list []model.State, more ...model.State) []model.State {
	for _, s := range more {
		if !hasState(list, s) {
			list = append(list, s)
		}
	}
	return list
}

func hasState(list []model.State, s model.State) bool {
	return slices.ContainsFunc(list, func(o model.State) bool { return o.World == s.World && o.Equal(s) })
}

// follow goes on with one group. The others end the vector where they lead elsewhere.
func (n *naming) follow(groups []group, which int) ([]Pattern, []model.State) {
	followed := groups[which]
	out := []Pattern{followed.pattern}
	var same, ends []Pattern
	for i, g := range groups {
		elsewhere := slices.ContainsFunc(g.next, func(s model.State) bool { return !hasState(followed.next, s) })
		switch {
		case i == which:
		case !elsewhere:
			same = append(same, g.pattern)
		default:
			g.pattern.Ends = "no rule speaks of this answer"
			if g.rule != "" {
				g.pattern.Ends = "accepted by " + string(g.rule)
			}
			ends = append(ends, g.pattern)
		}
	}
	return n.patterns(append(merged(append(out, same...)), merged(ends)...)), followed.next
}

func patternsOf(groups []group) (out []Pattern) {
	for _, g := range groups {
		out = append(out, g.pattern)
	}
	return out
}

// merged joins refusals that differ in their codes alone, and leaves out what another pattern has.
func merged(list []Pattern) (out []Pattern) {
	if i := slices.IndexFunc(list, func(p Pattern) bool { return p.Outcome == Answer && p.Ends == "" }); i >= 0 && list[0].Ends == "" {
		return []Pattern{{Outcome: Answer}}
	}
	wide := func(p Pattern) bool {
		return slices.ContainsFunc(list, func(o Pattern) bool {
			any := Pattern{Outcome: p.Outcome, Ends: o.Ends}
			return same(o, any) && !same(o, p)
		})
	}
	for _, p := range list {
		if wide(p) {
			continue
		}
		i := slices.IndexFunc(out, func(o Pattern) bool {
			bare := p
			o.Codes, bare.Codes = nil, nil
			return same(o, bare)
		})
		if p.Outcome == Refused && i >= 0 && len(p.Codes)*len(out[i].Codes) > 0 {
			for _, code := range p.Codes {
				if !slices.Contains(out[i].Codes, code) {
					out[i].Codes = append(out[i].Codes, code)
				}
			}
			continue
		}
		if !slices.ContainsFunc(out, func(o Pattern) bool { return same(o, p) }) {
			p.Codes = slices.Clone(p.Codes)
			out = append(out, p)
		}
	}
	return out
}

func same(a, b Pattern) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}

// overlap reports whether some answer may fit both patterns.
func overlap(a, b Pattern) bool {
	switch {
	case a.Outcome == Answer || b.Outcome == Answer:
		return true
	case a.Outcome != b.Outcome:
		return false
	case a.Outcome == Refused:
		return len(a.Codes) == 0 || len(b.Codes) == 0 || slices.ContainsFunc(a.Codes, func(c string) bool { return slices.Contains(b.Codes, c) })
	}
	for _, of := range []func(Pattern) map[string]bool{func(p Pattern) map[string]bool { return p.Flags }, func(p Pattern) map[string]bool { return p.Logs }} {
		x, y := of(a), of(b)
		for name, is := range x {
			if other, claimed := y[name]; claimed && is != other {
				return false
			}
		}
	}
	if a.Selectors == nil || b.Selectors == nil {
		return true
	}
	filled := func(p Pattern) string { // those without a category may be left out
		list := slices.DeleteFunc(slices.Clone(*p.Selectors), func(s Selector) bool { return len(s.EventCategories) == 0 })
		text, _ := json.Marshal(list)
		return string(text)
	}
	return filled(a) == filled(b)
}

// patternOf is what an answer of the model looks like.
func patternOf(c chosen, r model.Request, a model.Answer, what about) Pattern {
	var p Pattern
	switch a.Outcome {
	case model.AnyAnswer:
		return Pattern{Outcome: Answer}
	case model.AnyRefusal:
		p.Outcome = Refused
	case model.Refused:
		p.Outcome, p.Codes = Refused, []string{a.Code}
	default:
		p.Outcome = Success
	}
	switch {
	case r.Malformed() || what == aboutAnything:
		return Pattern{Outcome: Answer}
	case what == aboutForm:
		p.Form = Exact
	}
	if p.Outcome == Refused {
		if what == aboutRefusal {
			p.Codes = nil
		} else if what == aboutStatus {
			p.Status = []int{400, 499}
		}
		return p
	}
	if a.Outcome == model.Succeeded && what == aboutEntries {
		if p.Entries = Once; c.Rule == model.StoreNoData {
			p.Entries = ManagementOnly
		}
	} else if a.Outcome == model.Succeeded {
		list := []Selector{}
		for _, e := range a.Selectors.Entries() {
			list = append(list, Selector{model.TypeNames[e.Type], e.Categories.Names()})
		}
		p.Selectors, p.Repeats = &list, a.Repeated
		p.Members = membersOf(c, a, what)
	}
	flag := func(name string, t model.Truth) {
		if t == model.Yes || t == model.No {
			p.Flags = map[string]bool{name: t == model.Yes}
		}
	}
	flag("Trail.HasInsightSelectors", a.HasInsights)
	flag("IsLogging", a.Logging)
	if a.Logs != 0 {
		p.Logs = map[string]bool{}
		for name, bit := range logNames {
			if a.Open&bit == 0 {
				p.Logs[name] = a.Logs&bit != 0
			}
		}
	}
	return p
}

var logNames = map[string]model.Logs{"write": model.WriteEvents, "read": model.ReadEvents, "data": model.DataEvents,
	"insight": model.InsightEvents, "read-data-only": model.ReadDataOnly}

func membersOf(c chosen, a model.Answer, what about) map[string]Member {
	out := map[string]Member{}
	for _, m := range []struct{ name, want string }{{"TrailARN", a.TrailARN}, {"EventDataStoreArn", a.StoreARN}, {"InsightsDestination", a.Destination}} {
		given := m.want != ""
		either := m.name == "InsightsDestination" && a.StoreARN != "" && !a.Selectors.On()
		if what == aboutOwner && !either && given == (c.Level == model.Documented) {
			out[m.name] = Member{Given: &given}
		}
		if what == aboutNames && given {
			in := []string{m.want}
			if m.name == "InsightsDestination" && c.Rule != model.StoreARNOrSuffix {
				in = append(in, m.want[strings.LastIndexByte(m.want, '/')+1:])
			}
			out[m.name] = Member{In: in}
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// naming replaces the names of the model by symbols.
type naming struct {
	stores  int
	buckets []string
}

var (
	namePattern  = regexp.MustCompile(`\b([Aa]lpha|[Bb]eta|nobody|region-home|region-away)\b`)
	storePattern = regexp.MustCompile(`00000000-0000-4000-8000-0000000000[0-9]{2}`)
)

func (n *naming) text(s string) string {
	w := model.DefaultWorld
	for _, x := range [][2]string{{generators.NameLong[:100], "${tag}" + generators.NameLong[8:100]}, {w.Account, "${account}"}, {w.OtherAccount, "${other-account}"}, {w.Home, "${region}"}, {w.Away, "${away}"},
		{"arn:aws:", "arn:${partition}:"}, {generators.OwnBucket, "conform-own-${tag}"}} {
		s = strings.ReplaceAll(s, x[0], x[1])
	}
	before, name, isARN := strings.Cut(s, ":trail/")
	switch {
	case isARN && !strings.Contains(name, "/"):
		s = before + ":trail/" + trailName(name)
	case s == generators.SharedBucket:
		return "${bucket}"
	default:
		s = namePattern.ReplaceAllString(s, "$1-$${tag}")
	}
	if strings.HasPrefix(s, "store-") {
		s += "-${tag}"
	}
	return storePattern.ReplaceAllStringFunc(s, func(id string) string {
		for i := range n.stores {
			if model.StoreID(i) == id {
				return fmt.Sprintf("${store%d}", i+1)
			}
		}
		return id
	})
}

// trailName makes a name unique: names of one beginning, or of one end, still are.
func trailName(s string) string {
	switch {
	case s == generators.NameShort:
		return "${short}"
	case !model.ValidTrailName(s) || len(s) == 3 || len(s) >= 100:
		s = strings.ReplaceAll(s, generators.NameLong[:100], "${tag}"+generators.NameLong[8:100])
		return namePattern.ReplaceAllString(s, "$1-$${tag}")
	}
	word := strings.IndexAny(s+"-", "._-")
	return s[:word] + "-${tag}" + s[word:]
}

func (n *naming) step(r model.Request) Step {
	step := Step{Operation: string(r.Op), Region: n.text(r.Region), Method: r.Method, Raw: r.Raw}
	if r.Op == model.OpArrange {
		return Step{Arrange: r.Input.Get("Condition").Text(), Trail: trailName(r.Input.Get("TrailName").Text()), Region: step.Region,
			Bucket: n.text(generators.OwnBucket)}
	}
	if r.OtherTarget {
		step.Prefix = "long"
	}
	if r.Raw != nil {
		text := n.text(*r.Raw)
		step.Raw = &text
		return step
	}
	body := generators.MapStrings(r.Input, n.text)
	for _, member := range []string{"Name", "TrailName"} {
		if v := r.Input.Get(member); v.Kind() == value.String && r.Op != model.OpCreateStore && !strings.Contains(v.Text(), ":") {
			body = body.With(member, value.Str(trailName(v.Text())))
		}
	}
	if body.Kind() == value.Absent {
		body = value.Obj()
	}
	if bucket := body.Get("S3BucketName").Text(); strings.HasPrefix(bucket, "conform-own-") && !slices.Contains(n.buckets, bucket) {
		n.buckets = append(n.buckets, bucket)
	}
	step.Body = &body
	return step
}

func (n *naming) patterns(list []Pattern) []Pattern {
	for i := range list {
		members := map[string]Member{}
		for name, m := range list[i].Members {
			m.In = slices.Clone(m.In)
			for j := range m.In {
				m.In[j] = n.text(m.In[j])
			}
			members[name] = m
		}
		if len(members) > 0 {
			list[i].Members = members
		}
	}
	return list
}

// otherStates are the possible ones but the first, in the world of that.
func otherStates(states []model.State) (out []model.State) {
	for _, s := range states[1:] {
		if s.World == states[0].World {
			out = append(out, s)
		}
	}
	return out
}

// answerOf is an answer that a state allows and that fits a pattern.
func answerOf(s model.State, r model.Request, p Pattern) model.Answer {
	a := model.Step(s, r)[0].Answer
	for _, b := range model.Step(s, r) {
		if same(patternOf(chosen{}, r, b.Answer, ""), p) {
			a = b.Answer
			break
		}
	}
	switch a.Outcome {
	case model.AnySuccess, model.AnyAnswer:
		a.Outcome = model.Succeeded
	case model.AnyRefusal:
		a.Outcome = model.Refused
	}
	return a
}

// mostOthers is how many sets of selectors are told from those that break the vector's own rule.
const mostOthers = 6

// others are the wrong answers to the last step that break another rule.
func (c chosen) others(states []model.State, history []model.Exchange) (out []Pattern) {
	r := c.Requests[len(c.Requests)-1]
	if c.Whole || c.About != "" && c.About != aboutNames || !r.Op.Insights() || r.Malformed() || len(model.Broken(states[0], r)) > 0 {
		return nil
	}
	blame := func(a model.Answer) model.ID {
		tracker := model.TrackerAt(states[0])
		tracker.Follow(states...)
		if tracker.Clone().Observe(r, a).Allowed {
			return "" // it is right
		}
		x := model.Exchange{Before: states[0], Others: otherStates(states), After: states[0], Request: r, Answer: a}
		return model.Blame(append(slices.Clone(history), x), tracker.Allowed(r)).Rule
	}
	right := model.Step(states[0], r)[0].Answer
	bySet := map[model.ID][]Pattern{}
	own, all := false, 0
	for _, set := range generators.AllSelectors() {
		a := model.Answer{Outcome: model.Succeeded, Selectors: set, TrailARN: right.TrailARN, StoreARN: right.StoreARN, Destination: right.Destination}
		if rule := blame(a); rule == c.Rule {
			own = true
		} else if rule != "" {
			all++
			bySet[rule] = append(bySet[rule], patternOf(chosen{}, r, a, ""))
		}
	}
	code, off := blame(model.Refusal("ResourceNotFoundException")), blame(model.Refusal("InsightNotEnabledException"))
	if !own && code != c.Rule && off != c.Rule {
		return nil // it takes more than the answers to see the rule broken
	}
	if off != "" && off != c.Rule && off != code {
		out = append(out, Pattern{Outcome: Refused, Codes: []string{"InsightNotEnabledException"}, Belongs: off})
	}
	if code != "" && code != c.Rule && (off == "" || off != c.Rule) {
		out = append(out, Pattern{Outcome: Refused, Belongs: code})
	}
	for _, rule := range slices.Sorted(maps.Keys(bySet)) {
		if !own && len(bySet) == 1 {
			out = append(out, Pattern{Outcome: Success, Belongs: rule})
			continue
		}
		for _, p := range bySet[rule] {
			if p.Belongs = rule; all <= mostOthers {
				out = append(out, p)
			}
		}
	}
	return out
}

// listedCodes are the codes of which some rule speaks.
func listedCodes() (codes []string) {
	for i := range model.Rules {
		codes = append(append(codes, model.Rules[i].Code), model.Rules[i].Also...)
	}
	codes = append(codes, "InsightNotEnabledException", "TrailAlreadyExistsException", wire.Busy)
	slices.Sort(codes)
	codes = slices.Compact(codes)
	return slices.DeleteFunc(codes, func(s string) bool { return s == "" })
}

// aboutOf is what of the last answer a vector of a rule is about.
func aboutOf(c chosen) about {
	switch c.Rule {
	case model.WireNoCrash:
		return aboutAnything
	case model.WireErrorShape, model.WireMembers:
		return aboutForm
	case model.WireErrorStatus:
		return aboutStatus
	case model.AnswerOneOwner:
		return aboutOwner
	case model.AnswerOneEntry, model.StoreNoData:
		return aboutEntries
	case model.PutStores, model.GetReflectsPut, model.StoreARNOrSuffix, model.StoreRepoint, model.StoreEnables:
		return aboutNames
	}
	if rule := model.RuleOf(c.Rule); rule.RefusalOnly && c.Level > model.Inferred {
		return aboutRefusal
	}
	return ""
}

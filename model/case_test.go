package model

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/model/value"
)

// A scene is a situation, a request in it, and what the page says of the answers to that request:
//
//	rule("put/replaces-list", "a type it does not name is off").
//		in(trail(put("call"))).ask(put("error")).
//		reference(yes("error"), get.answers(yes("error"))).
//		violation(Observed, yes("error"), get.answers(yes("call", "error"))),
//
// Steps without an answer of their own are answered as the reference does.
type scene struct {
	rule     ID
	words    string // of the page
	given    []step
	asked    step
	outcomes []outcome
}

// step is a request, with the answer that it gets where that is given.
type step struct {
	Request
	reply *reply
}

// reply is an answer; its owner members follow from the request where they are not given.
type reply struct {
	Answer
	owner bool // TrailARN, StoreARN and Destination are given
}

// outcome is one course of events, and the verdict that the page has for it.
type outcome struct {
	verdict verdict
	rule    ID    // of a deviation or violation; two with a bar between them where either fits
	level   Level // of a violation; 0 where the page leaves it open
	course  []step
}

type verdict uint8

const (
	isReference verdict = iota // the reference outcome
	isSilent                   // another one, and no deviation
	isDeviation                // accepted, and listed under the rule
	isOpen                     // accepted; how it is listed is not said
	isViolation                // a violation of the rule
	isWrong                    // a violation; of which rule is not said
)

func rule(id ID, words string) *scene { return &scene{rule: id, words: words} }

func (s *scene) in(given []step) *scene { s.given = given; return s }

func (s *scene) ask(r step) *scene { s.asked = r; return s }

func (s *scene) add(o outcome, first reply, later []step) *scene {
	o.course = append([]step{s.asked.answers(first)}, later...)
	s.outcomes = append(s.outcomes, o)
	return s
}

func (s *scene) reference(first reply, later ...step) *scene {
	return s.add(outcome{}, first, later)
}

func (s *scene) silent(first reply, later ...step) *scene {
	return s.add(outcome{verdict: isSilent}, first, later)
}

func (s *scene) open(first reply, later ...step) *scene {
	return s.add(outcome{verdict: isOpen}, first, later)
}

func (s *scene) deviation(first reply, later ...step) *scene {
	return s.deviationOf(s.rule, first, later...)
}

func (s *scene) deviationOf(id ID, first reply, later ...step) *scene {
	return s.add(outcome{verdict: isDeviation, rule: id}, first, later)
}

func (s *scene) violation(level Level, first reply, later ...step) *scene {
	return s.violationOf(s.rule, level, first, later...)
}

func (s *scene) violationOf(id ID, level Level, first reply, later ...step) *scene {
	return s.add(outcome{verdict: isViolation, rule: id, level: level}, first, later)
}

func (s *scene) wrong(first reply, later ...step) *scene {
	return s.add(outcome{verdict: isWrong}, first, later)
}

// deviations, opens and violations are refusals, one by one.
func (s *scene) deviations(codes ...string) *scene { return s.deviationsOf(s.rule, codes...) }

func (s *scene) deviationsOf(id ID, codes ...string) *scene {
	for _, code := range codes {
		s.deviationOf(id, no(code))
	}
	return s
}

func (s *scene) violations(level Level, codes ...string) *scene {
	for _, code := range codes {
		s.violation(level, no(code))
	}
	return s
}

func (s *scene) opens(codes ...string) *scene {
	for _, code := range codes {
		s.open(no(code))
	}
	return s
}

// either is for a breach that two rules forbid alike.
func either(a, b ID) ID { return a + "|" + b }

// play runs every outcome of every scene.
func play(t *testing.T, scenes []*scene) {
	t.Helper()
	for _, s := range scenes {
		t.Run(string(s.rule)+": "+s.words, func(t *testing.T) {
			require.NotEmpty(t, s.outcomes)
			for i, failed := 0, 0; i < len(s.outcomes) && failed < 3; i++ {
				if s.check(t, s.outcomes[i]); t.Failed() {
					failed++ // more of one scene would tell little
				}
			}
		})
	}
}

// fail says what is wrong, and the sequence, one line for each step.
func (x *run) fail(t *testing.T, expected, seen string) {
	t.Helper()
	t.Errorf("%sexpected: %s\nseen: %s", x.log(), expected, seen)
}

// run is a target that is followed through a scene.
type run struct {
	tracker     *Tracker
	history     []Exchange
	verdict     Verdict // on the last answer
	deviations  []Deviation
	destination map[string]string // by source
	expected    Answer            // the reference of the last request
}

func newRun() *run {
	world := DefaultWorld
	return &run{tracker: NewTracker(&world), destination: map[string]string{}}
}

// play takes the next steps, until an answer is not allowed.
func (x *run) play(steps ...step) *run {
	for i := range steps {
		if x.verdict = x.observe(steps[i]); !x.verdict.Allowed {
			break
		}
	}
	return x
}

func (x *run) observe(next step) Verdict {
	r := next.Request
	before, others := x.tracker.State(), x.tracker.Others()
	x.expected = Step(before, r)[0].Answer
	a := x.expected
	if next.reply != nil {
		a = x.owned(r, *next.reply)
	} else if a.Outcome == AnySuccess {
		a.Outcome = Succeeded
	}
	if a.Destination != "" && r.Op == OpPut {
		x.destination[a.StoreARN] = a.Destination
	}
	v := x.tracker.Observe(r, a)
	x.deviations = append(x.deviations, v.Deviations...)
	x.history = append(x.history, Exchange{Before: before, Others: others, Request: r, Answer: a,
		After: x.tracker.State(), Allowed: v.Allowed})
	return v
}

// owned fills in the members that name the resource.
func (x *run) owned(r Request, a reply) Answer {
	if a.owner || a.Outcome != Succeeded || !r.Op.Insights() {
		return a.Answer
	}
	if name := r.Input.Get("TrailName").Text(); name != "" {
		if a.TrailARN = name; !strings.HasPrefix(name, "arn:") {
			a.TrailARN = arnOf(name)
		}
		return a.Answer
	}
	source := r.Input.Get("EventDataStore").Text()
	a.StoreARN = storeARN(source)
	if !a.Selectors.On() {
		return a.Answer
	}
	if a.Destination = x.destination[a.StoreARN]; r.Op == OpPut {
		a.Destination = storeARN(r.Input.Get("InsightsDestination").Text())
	}
	return a.Answer
}

// check holds one outcome against the model.
func (s *scene) check(t *testing.T, o outcome) {
	t.Helper()
	x := newRun()
	for _, g := range s.given {
		x.play(g)
		if !x.verdict.Allowed || g.reply == nil && x.expected.Outcome != AnySuccess && x.expected.Outcome != Succeeded {
			x.fail(t, "a set-up that succeeds", "another answer is the reference, or allowed: "+describe(x.expected))
			return
		}
	}
	x.deviations = nil
	for i, next := range o.course {
		x.play(next)
		last := i == len(o.course)-1
		if o.verdict >= isViolation && last {
			break
		}
		if !x.verdict.Allowed || len(x.verdict.Objections) > 0 {
			id, level, _ := x.blamed()
			x.fail(t, "this is allowed", fmt.Sprintf("a violation of %s (%s); allowed: %s", id, level, strings.Join(x.verdict.Expected, ", ")))
			return
		}
		if o.verdict == isReference && !sameAnswer(x.expected, x.history[len(x.history)-1].Answer) {
			x.fail(t, "this is the reference", "the reference is "+describe(x.expected))
			return
		}
	}
	x.judge(t, o)
}

// judge compares what was reported in the end.
func (x *run) judge(t *testing.T, o outcome) {
	t.Helper()
	var listed []string
	for _, d := range x.deviations {
		listed = append(listed, string(d.Rule))
	}
	switch seen := "deviations: " + strings.Join(listed, " "); o.verdict {
	case isReference, isSilent:
		if len(listed) > 0 {
			x.fail(t, "no deviation", seen)
		}
	case isDeviation:
		other := func(id string) bool { return !fits(o.rule, ID(id)) }
		if len(listed) == 0 || slices.ContainsFunc(listed, other) {
			x.fail(t, "a deviation of "+string(o.rule), seen)
		}
	case isViolation, isWrong:
		id, level, found := x.blamed()
		switch {
		case !found:
			x.fail(t, "a violation of "+string(o.rule), "it is allowed; "+seen)
		case o.verdict == isViolation && (!fits(o.rule, id) || o.level != 0 && o.level != level):
			x.fail(t, fmt.Sprintf("a violation of %s (%s)", o.rule, o.level), fmt.Sprintf("of %s (%s)", id, level))
		}
	}
}

// blamed is what the last answer contradicts.
func (x *run) blamed() (id ID, level Level, found bool) {
	if x.verdict.Allowed {
		if len(x.verdict.Objections) == 0 {
			return "", 0, false
		}
		o := x.verdict.Objections[0]
		if o.Level == 0 {
			o.Level = RuleOf(o.Rule).Level
		}
		return o.Rule, o.Level, true
	}
	f := Blame(x.history, x.verdict.Expected)
	return f.Rule, f.Level, true
}

func fits(want, got ID) bool { return slices.Contains(strings.Split(string(want), "|"), string(got)) }

// sameAnswer compares an answer with an expectation as far as that goes.
func sameAnswer(want, got Answer) bool {
	if want.Outcome == AnySuccess {
		return got.Outcome == Succeeded && (want.HasInsights == unclaimed || want.HasInsights == got.HasInsights)
	}
	return want.Kind() == got.Kind() && want.Selectors == got.Selectors || want.Outcome == AnyRefusal && got.Outcome == Refused
}

// log lists the steps so far, one on a line.
func (x *run) log() string {
	var out strings.Builder
	for i, e := range x.history {
		fmt.Fprintf(&out, "%d. %.120s → %s\n", i+1, inShort.Replace(e.Request.GoString()), describe(e.Answer))
	}
	return out.String()
}

// inShort leaves out of requests what stands in all of them.
var inShort = strings.NewReplacer(storeARN(source), "ARN of source", storeARN(dest), "ARN of dest",
	source, "source", dest, "dest", dest2, "dest2", fourth, "fourth", nobody, "nobody",
	`"InsightType":`, "", `"EventCategories":`, "", `"FieldSelectors":`, "", `"Field":`, "", `"Equals":`, "", `,"S3BucketName":"bucket"`, "", `"`, "")

func describe(a Answer) string {
	text := a.Kind()
	if a.Outcome == Succeeded && a.Selectors != 0 {
		text += " " + a.Selectors.String()
	}
	if a.Repeated {
		text += ", repeated"
	}
	if a.HasInsights == Yes {
		text += ", has insights"
	}
	return text
}

// diffStates compares two states, without their world.
func diffStates(want, got State) string {
	want.World, got.World = nil, nil
	return cmp.Diff(want, got, cmp.AllowUnexported(State{}, Trail{}))
}

// Selectors are written "call", "error:Data", "call:Management,Data"; "call:" has an empty list of
// categories, and any other word stands for itself.
var typeWords = map[string]string{"call": "ApiCallRateInsight", "error": "ApiErrorRateInsight"}

func selector(text string) value.Value {
	word, categories, given := strings.Cut(text, ":")
	if full, ok := typeWords[word]; ok {
		word = full
	}
	if !given {
		return value.Obj("InsightType", word)
	}
	names := strings.FieldsFunc(categories, func(c rune) bool { return c == ',' })
	return value.Obj("InsightType", word, "EventCategories", value.Strs(names...))
}

func list(selectors ...string) value.Value {
	var out []value.Value
	for _, text := range selectors {
		out = append(out, selector(text))
	}
	return value.ListOf(out...)
}

// yes is a 200 of Put or Get that shows these selectors, no an error.
func yes(selectors ...string) reply {
	a := Answer{Outcome: Succeeded}
	for _, item := range list(selectors...).Items() {
		t := slices.Index(TypeNames[:], item.Get("InsightType").Text())
		if t < 0 {
			a.Alien = item.Get("InsightType").String()
			continue
		}
		c := Management
		if given := item.Get("EventCategories"); given.Given() {
			c = 0
			for _, v := range given.Items() {
				i := slices.Index(CategoryNames[:], v.Text())
				if i < 0 {
					a.Alien = v.String()
					continue
				}
				a.Repeated = a.Repeated || c&(1<<i) != 0
				c |= 1 << i
			}
		}
		entry := Entry(Type(t), c)
		a.Repeated = a.Repeated || a.Selectors&entry != 0
		a.Selectors |= entry
	}
	return reply{Answer: a}
}

func no(code string) reply { return reply{Answer: Refusal(code + "Exception")} }

// owned gives the owner members of a 200.
func (a reply) owned(trailARN, storeARN, destination string) reply {
	a.TrailARN, a.StoreARN, a.Destination, a.owner = trailARN, storeARN, destination, true
	return a
}

// ok is a 200 of another operation; has and hasNot are of GetTrail.
var (
	ok     = reply{Answer: Answer{Outcome: Succeeded}}
	has    = reply{Answer: Answer{Outcome: Succeeded, HasInsights: Yes}}
	hasNot = reply{Answer: Answer{Outcome: Succeeded, HasInsights: No}}
)

var notEnabled = no("InsightNotEnabled")

func on(op Op, pairs ...any) step { return step{Request: Request{Op: op, Input: value.Obj(pairs...)}} }

func (s step) answers(a reply) step { s.reply = &a; return s }

func (s step) from(region string) step { s.Region = region; return s }

func (s step) with(member string, v any) step {
	item, isValue := v.(value.Value)
	if !isValue {
		item = value.Str(v.(string))
	}
	s.Input = s.Input.With(member, item)
	return s
}

func (s step) without(member string) step { return s.with(member, value.Value{}) }

const (
	name = "my-trail"
	home = "us-east-1"
	away = "eu-west-1"
)

func arnOf(trail string) string { return DefaultWorld.TrailARN(home, trail) }

// The requests about trails; those without an argument are about my-trail.
var (
	get      = getOf(name)
	getTrail = on(OpTrail, "Name", name)
	create   = createOf(name)
	start    = on(OpStart, "Name", name)
	stop     = on(OpStop, "Name", name)
	remove   = on(OpDelete, "Name", name)
	update   = on(OpUpdate, "Name", name, "S3KeyPrefix", "logs")
)

func put(selectors ...string) step { return putTo(name, selectors...) }

func putTo(trail string, selectors ...string) step {
	return on(OpPut, "TrailName", trail, "InsightSelectors", list(selectors...))
}

func getOf(trail string) step { return on(OpGet, "TrailName", trail) }

func createOf(trail string) step { return on(OpCreate, "Name", trail, "S3BucketName", "bucket") }

func startOf(trail string) step { return on(OpStart, "Name", trail) }

func arrange(condition string) step { return on(OpArrange, "TrailName", name, "Condition", condition) }

// trail is my-trail, logging, and what happened to it since; two is another trail beside it.
func trail(more ...step) []step { return append([]step{create, start}, more...) }

func two(more ...step) []step {
	return trail(append([]step{createOf("other"), startOf("other")}, more...)...)
}

// The event data stores: the source logs management events, both destinations the Insight category.
var (
	source = StoreID(0)
	dest   = StoreID(1)
	dest2  = StoreID(2)
	fourth = StoreID(3) // whatever a scene creates besides
	nobody = StoreID(90)
)

// storeARN is the full ARN of a store, whichever way it is named.
func storeARN(id string) string {
	return DefaultWorld.StoreARN(home, id[strings.LastIndex(id, "/")+1:])
}

func createStore(logs string) step {
	return on(OpCreateStore, "Name", "store-"+logs, "AdvancedEventSelectors", value.ListOf(advancedSelectors[logs]))
}

func stores(more ...step) []step {
	return append([]step{createStore("Management"), createStore("Insight"), createStore("Insight")}, more...)
}

func trailAndStores(more ...step) []step { return trail(stores(more...)...) }

func putStore(selectors ...string) step { return putBoth(source, dest, selectors...) }

func putBoth(source, dest string, selectors ...string) step {
	return on(OpPut, "EventDataStore", source, "InsightsDestination", dest, "InsightSelectors", list(selectors...))
}

var getStore = getFrom(source)

func getFrom(store string) step { return on(OpGet, "EventDataStore", store) }

// of is another call on a store.
func of(op Op, store string) step { return on(op, "EventDataStore", store) }

func updateStore(store, logs string) step {
	return of(OpUpdateStore, store).with("AdvancedEventSelectors", value.ListOf(advancedSelectors[logs]))
}

// The event selectors.
var advancedSelectors = map[string]value.Value{
	"Management": advanced("eventCategory", "Management"),
	"reads":      advanced("eventCategory", "Management", "readOnly", "true"),
	"writes":     advanced("eventCategory", "Management", "readOnly", "false"),
	"Insight":    advanced("eventCategory", "Insight"),
	"Data":       advanced("eventCategory", "Data", "resources.type", "AWS::S3::Object"),
	"data reads": advanced("eventCategory", "Data", "resources.type", "AWS::S3::Object", "readOnly", "true"),
}

// advanced is an advanced event selector of fields and what they equal.
func advanced(pairs ...string) value.Value {
	var fields []value.Value
	for i := 0; i < len(pairs); i += 2 {
		fields = append(fields, value.Obj("Field", pairs[i], "Equals", value.Strs(pairs[i+1])))
	}
	return value.Obj("FieldSelectors", value.ListOf(fields...))
}

func putAdvanced(names ...string) step {
	var out []value.Value
	for _, n := range names {
		out = append(out, advancedSelectors[n])
	}
	return on(OpPutEvents, "TrailName", name, "AdvancedEventSelectors", value.ListOf(out...))
}

func putBasic(selectors ...value.Value) step {
	return on(OpPutEvents, "TrailName", name, "EventSelectors", value.ListOf(selectors...))
}

// resources are the DataResources of a basic selector, one of S3 for each list of values.
func resources(values ...[]string) value.Value {
	var out []value.Value
	for _, v := range values {
		out = append(out, value.Obj("Type", "AWS::S3::Object", "Values", value.Strs(v...)))
	}
	return value.ListOf(out...)
}

var (
	withData    = putBasic(value.Obj("ReadWriteType", "All", "DataResources", resources([]string{"arn:aws:s3"})))
	readsOnly   = putBasic(value.Obj("ReadWriteType", "ReadOnly"))
	withoutData = putBasic(value.Obj("ReadWriteType", "All"))
)

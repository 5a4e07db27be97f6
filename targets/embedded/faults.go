package embedded

import (
	"bytes"
	"net/http"
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// Fault is a deliberately wrong implementation beside the right one. What it does wrong lies outside
// everything that the reference page accepts, unless it is Computed.
type Fault struct {
	Name     string
	Rule     model.ID // that a run must report for it, if it is wrong
	Describe string   // what it does otherwise, in one sentence
	// AlsoRules may be reported beside Rule: the fault breaks them by nature.
	AlsoRules []model.ID
	// Deep faults show only after some history.
	Deep bool
	// Computed faults follow from the table of rules alone: whether any of their answers is wrong is for
	// Classify to find out.
	Computed bool
	// Needs names what a target must be able to do for the fault to show, beside what Rule needs.
	Needs []model.Capability

	start start
}

// hooks stand between the requests of an account and the reference.
type hooks struct {
	step  func(*call)                        // changes what the reference does
	reply func(r model.Request, p *response) // changes an answer on its way to the wire
	// serve, of races, answers a request while others may be under way.
	serve func(v *visit, r model.Request) response
	// remembers says that more than the state and the request decides.
	remembers bool
}

// Step is what a server with the fault answers to a request, as it reads it, in some state, and the state
// afterwards. The zero Fault is the reference. What a fault remembers, or does to answers on their way to
// the wire, is left out.
func (f Fault) Step(s model.State, r model.Request) (model.Answer, model.State) {
	c := &call{state: s, request: r, reference: (&account{options: &ServerOptions{}}).step}
	var step func(*call)
	if f.start != nil {
		step = f.start()().step
	}
	c.play(step)
	return c.answer, c.next
}

// Remembers says that more than the state and the request decides what the fault does.
func (f Fault) Remembers() bool { return f.start()().remembers }

// Faults lists all faults: those that follow from the table of rules and break it first, then the
// hand-written ones by family, the deep ones, those of a kind of request, and the computed ones last.
var Faults = func() []Fault {
	deep := deepFaults()
	for i := range deep {
		deep[i].Deep = true
	}
	return slices.Concat(ruleFaults(false), wireFaults(), putFaults(), getFaults(), logsFaults(), stateFaults(), storeFaults(), deep,
		nameFaults(), updateFaults(), conditionFaults(), eventFormFaults(), placeFaults(), textFaults(), orderFaults(), quotaFaults(),
		ruleFaults(true))
}()

// FaultNamed returns the fault, flaw or race of that name, or several at once whose names are joined by +; one of them
// at most is a race.
func FaultNamed(name string) (Fault, bool) {
	for _, f := range slices.Concat(Faults, flaws(), Races) {
		if f.Name == name {
			return f, true
		}
	}
	first, rest, several := strings.Cut(name, "+")
	if !several {
		return Fault{}, false
	}
	a, ok := FaultNamed(first)
	b, also := FaultNamed(rest)
	return a.With(b), ok && also && !(a.Races() && b.Races())
}

// Races says that the fault has one of the Races.
func (f Fault) Races() bool { return f.start != nil && f.start()().serve != nil }

// With is both faults at once: the other changes what the first has made of a call.
func (f Fault) With(over Fault) Fault {
	f.Name, f.Describe = f.Name+"+"+over.Name, f.Describe+" "+over.Describe
	f.AlsoRules = slices.Concat(f.AlsoRules, []model.ID{over.Rule}, over.AlsoRules)
	if f.start == nil || over.start == nil {
		return f
	}
	first, second := f.start, over.start
	f.start = func() func() hooks {
		one, other := first(), second()
		return func() hooks {
			a, b := one(), other()
			serve := a.serve
			if serve == nil {
				serve = b.serve
			}
			return hooks{step: both(a.step, b.step), serve: serve, remembers: a.remembers || b.remembers,
				reply: func(r model.Request, p *response) {
					for _, reply := range []func(model.Request, *response){a.reply, b.reply} {
						if reply != nil {
							reply(r, p)
						}
					}
				}}
		}
	}
	return f
}

func both(a, b change) change {
	if a == nil || b == nil {
		if a == nil {
			return b
		}
		return a
	}
	return func(c *call) {
		a(c)
		b(c)
	}
}

// flaws are what many emulators do otherwise, so that other faults must be found behind it. Those that are no Faults are
// accepted, or show in several rules.
func flaws() []Fault {
	return []Fault{
		{Name: "get-off-answers-no-list", Rule: model.GetNotEnabled, AlsoRules: []model.ID{model.StateInitiallyOff},
			Describe: "Get on a trail or store with Insights off answers 200 without a list.",
			start: replying(func(r model.Request, p *response) {
				if r.Op == model.OpGet && p.body.Get("__type").Text() == codeNotEnabled {
					p.status, p.body = http.StatusOK, value.Obj()
				}
			})},
		{Name: "drops-categories", Rule: model.PutStores,
			Describe: "Put ignores EventCategories, and neither it nor Get answers any.",
			start: replying(func(r model.Request, p *response) {
				if p.status == http.StatusOK && r.Op.Insights() {
					var list []value.Value
					for _, x := range p.body.Get("InsightSelectors").Items() {
						list = append(list, x.With("EventCategories", value.Value{}))
					}
					p.body = p.body.With("InsightSelectors", value.ListOf(list...))
				}
			})},
		{Name: "errors-with-404", Rule: model.WireErrorStatus,
			Describe: "Errors have HTTP status 404.",
			start: replying(func(_ model.Request, p *response) {
				if p.status == http.StatusBadRequest {
					p.status = http.StatusNotFound
				}
			})},
		{Name: "destination-ignored", Rule: model.StoreDestination, AlsoRules: []model.ID{model.StoreSource, model.StoreSame, model.WireWrongType},
			Describe: "Put on a store heeds neither InsightsDestination nor members of a wrong type.",
			start: forgetful(where(func(c *call) bool {
				ignored := []model.ID{model.WireWrongType, model.StoreDestination, model.StoreSource, model.StoreSame}
				heeded := func(id model.ID) bool { return !slices.Contains(ignored, id) }
				return c.is(model.OpPut) && c.store() >= 0 && c.enables() && !slices.ContainsFunc(c.broken(), heeded)
			}, (*call).careless))},
	}
}

// Flaws names the faults that are common in the field.
var Flaws = []string{"get-off-answers-empty-list", "get-off-answers-no-list", "drops-categories", "flag-never-set", "misspells-trail-arn",
	"trail-arn-missing", "errors-with-404", "stores-always-refused", "store-suffix-unknown", "wire/wrong-type/ignored"}

// start makes a fault's memory of a whole server. The function that it returns makes that of one account.
type start = func() func() hooks

// forgetful is a fault without memory.
func forgetful(step func(*call)) start {
	return func() func() hooks { return func() hooks { return hooks{step: step} } }
}

// remembering is a fault with a memory of each trail of an account, or under the empty key of the account as a whole.
func remembering[M any](step func(*call, map[trailKey]M)) start {
	return func() func() hooks {
		return func() hooks {
			memory := map[trailKey]M{}
			return hooks{remembers: true, step: func(c *call) { step(c, memory) }}
		}
	}
}

// replying is a fault that shows on the wire alone.
func replying(reply func(model.Request, *response)) start {
	return func() func() hooks { return func() hooks { return hooks{reply: reply} } }
}

// What a fault does to a call, what tells calls that it is about, and the set that a trail has instead, if any.
type (
	change = func(*call)
	when   = func(*call) bool
	set    = func(*call) (model.Selectors, bool)
)

func refuses(code string, about when) change { return where(about, func(c *call) { c.refuse(code) }) }

// ignores answers as the reference does, and changes nothing.
func ignores(about when) change { return where(about, func(c *call) { c.next = c.state }) }

func where(about when, then change) change {
	return func(c *call) {
		if about(c) {
			then(c)
		}
	}
}

// stores stores another set than it answers.
func stores(instead set) change {
	return func(c *call) {
		if set, ok := instead(c); ok {
			c.put(set)
		}
	}
}

// answers stores another set and says so, where it is another.
func answers(instead set) change {
	return func(c *call) {
		if set, ok := instead(c); ok && set != c.after() {
			c.answer.Selectors, c.answer.Repeated = set, false
			c.put(set)
		}
	}
}

// on limits a change to calls about a trail or store that is there.
func on(find func(*call) int, about when, then change) start {
	return forgetful(func(c *call) {
		if c.i = find(c); c.i >= 0 && about(c) {
			then(c)
		}
	})
}

// onPut is a fault of the Puts on a trail that the reference carries out, onEnabling of those with a list.
func onPut(then change) start { return on((*call).trail, (*call).puts, then) }

func onEnabling(then change) start { return onPut(where((*call).enables, then)) }

// onRefusedPut is a fault of the Puts that are refused although their trail is there.
func onRefusedPut(then change) start {
	return on((*call).trail, func(c *call) bool { return c.is(model.OpPut) && !c.succeeded() }, then)
}

// onGet is a fault of the Gets that name a trail in its home Region.
func onGet(then change) start { return on((*call).trail, (*call).reads, then) }

// onTrail is a fault of one operation on a trail that exists, where the reference carries it out.
func onTrail(op model.Op, then change) start { return on((*call).trail, done(op), then) }

// onStorePut is a fault of the well-formed Puts on a store that the reference carries out.
func onStorePut(then change) start {
	return on((*call).store, func(c *call) bool { return c.noTrail() && c.puts() }, then)
}

func (c *call) noTrail() bool { return c.request.Input.Get("TrailName").Kind() == value.Absent }

// onStoreUpdate is a fault of UpdateEventDataStore with selectors.
func onStoreUpdate(then change) start {
	return on((*call).store, func(c *call) bool {
		return c.is(model.OpUpdateStore) && c.request.Input.Get("AdvancedEventSelectors").Given() && !c.state.Stores[c.i].Pending
	}, then)
}

func done(op model.Op) when { return func(c *call) bool { return c.is(op) && c.succeeded() } }

// onAnswer changes the successful answers of Put and Get.
func onAnswer(then change) start {
	return forgetful(where(func(c *call) bool {
		return c.request.Op.Insights() && c.succeeded()
	}, then))
}

// byTrail is a fault with a memory of each trail until DeleteTrail; then gets what succeeds, and every right Get.
func byTrail[M any](then func(*call, *M)) start {
	return remembering(func(c *call, memories map[trailKey]*M) {
		c.i = c.trail()
		if c.i < 0 || c.request.Malformed() || !c.succeeded() && !c.reads() {
			return
		}
		key := keyOf(*c.oldTrail())
		if c.request.Op == model.OpDelete {
			delete(memories, key)
			return
		}
		if memories[key] == nil {
			memories[key] = new(M)
		}
		then(c, memories[key])
	})
}

// codeUnlisted is an error that no rule accepts anywhere.
const codeUnlisted = "ResourceNotFoundException"

// ruleFaults derives from each rule of the error order that it is ignored, and that it answers no rule's code. The
// computed ones may be accepted: that a rule is ignored although a success is accepted, and that each of two
// neighbours in the order answers the other's code.
func ruleFaults(computed bool) []Fault {
	var faults []Fault
	add := func(isComputed bool, f Fault) {
		if f.Computed = isComputed; isComputed == computed {
			faults = append(faults, f)
		}
	}
	order := model.ErrorRules()
	for i, id := range order {
		add(model.RuleOf(id).MayPass, breaking(id, "ignored", "is carried out", (*call).careless))
		add(false, answering(id, "wrong-code", codeUnlisted, ""))
		if i > 0 {
			add(true, answering(id, "code-of-previous", model.RuleOf(order[i-1]).Code, order[i-1]))
		}
		if i+1 < len(order) {
			add(true, answering(id, "code-of-next", model.RuleOf(order[i+1]).Code, order[i+1]))
		}
	}
	return faults
}

// answering refuses what breaks a rule alone with a code of its own choice, which may be another rule's.
func answering(id model.ID, how, code string, of model.ID) Fault {
	if of != "" {
		of = ", as for " + of
	}
	return breaking(id, how, "answers "+code+string(of), func(c *call) { c.refuse(code) })
}

// breaking is a fault of the requests that break a rule and nothing else, as far as that can be.
func breaking(id model.ID, how, what string, then change) Fault {
	var others []model.ID
	if id == model.StoreSame { // no store logs both kinds, so that row 23 or 24 is always broken with this one
		others = []model.ID{model.StoreDestination, model.StoreSource}
	}
	return Fault{Name: string(id) + "/" + how, Rule: id, AlsoRules: others,
		Describe: "A request that breaks " + string(id) + " alone " + what + ".",
		start:    forgetful(where(func(c *call) bool { return c.breaks(id, others...) }, then))}
}

// careless carries out a Put or Get as far as it can be understood, and answers success.
func (c *call) careless() {
	c.answer, c.next = model.Answer{Outcome: model.Succeeded}, c.state
	if c.request.Input.Get("TrailName").Kind() != value.String {
		c.carelessOnStore()
		return
	}
	key := namedKey(c.state, c.request)
	c.answer.TrailARN = c.state.World.TrailARN(key.region, key.name)
	if c.byARN() {
		c.answer.TrailARN = givenTrail(c.request)
	}
	i := indexOf(c.state, key)
	if i < 0 {
		i = elsewhere(c.state, key)
	}
	if c.request.Op == model.OpPut {
		c.answer.Selectors = c.requested()
		if i >= 0 {
			c.putOn(i, c.answer.Selectors)
		}
	} else if i >= 0 {
		c.answer.Selectors = c.state.Trails[i].Insights
	}
}

func (c *call) carelessOnStore() {
	i := c.store()
	if i < 0 {
		c.answer.StoreARN = c.storeARN(c.request.Input.Get("EventDataStore").Text())
		return
	}
	c.answer.StoreARN = c.storeARN(c.state.Stores[i].ID)
	if c.request.Op == model.OpGet {
		c.answer.Selectors = c.state.Stores[i].Insights
		return
	}
	c.answer.Selectors = c.requested()
	c.changeStore(i, func(x *model.Store) {
		x.Insights = c.answer.Selectors
		if j := c.destination(); j >= 0 {
			x.Destination = c.state.Stores[j].ID
			c.answer.Destination = c.storeARN(x.Destination)
		}
	})
}

func wireFaults() []Fault {
	return []Fault{
		{Name: "long-prefix-unknown", Rule: model.WireProtocol,
			Describe: "The long X-Amz-Target prefix is not understood.",
			start:    forgetful(refuses(codeUnknown, func(c *call) bool { return c.request.OtherTarget }))},
		{Name: "long-prefix-without-code", Rule: model.WireProtocol,
			Describe: "The long X-Amz-Target prefix is answered with HTTP 404 and no error code.",
			start: replying(func(r model.Request, p *response) {
				if r.OtherTarget {
					p.status, p.body = http.StatusNotFound, value.Obj("message", "Not found")
				}
			})},
		{Name: "error-without-code", Rule: model.WireErrorShape,
			Describe: "Errors have a message and no code.",
			start: replying(func(_ model.Request, p *response) {
				if p.status == http.StatusBadRequest {
					p.body = p.body.With("__type", value.Value{})
				}
			})},
		{Name: "errors-with-200", Rule: model.WireErrorStatus,
			Describe: "Errors have HTTP status 200.",
			start:    replying(func(_ model.Request, p *response) { p.status = http.StatusOK })},
		{Name: "not-enabled-with-200", Rule: model.WireErrorStatus,
			Describe: "InsightNotEnabledException alone has HTTP status 200.",
			start: replying(func(_ model.Request, p *response) {
				if p.body.Get("__type").Text() == codeNotEnabled {
					p.status = http.StatusOK
				}
			})},
		{Name: "misspells-trail-arn", Rule: model.WireMembers,
			Describe: "Put and Get answer TrailArn instead of TrailARN.",
			start:    misspelling("TrailARN", "TrailArn")},
		{Name: "misspells-insight-selectors", Rule: model.WireMembers,
			Describe: "Put and Get answer insightSelectors instead of InsightSelectors.",
			start:    misspelling("InsightSelectors", "insightSelectors")},
		{Name: "misspells-event-categories", Rule: model.WireMembers,
			Describe: "Put and Get answer eventCategories instead of EventCategories.",
			start:    misspelling("EventCategories", "eventCategories")},
		{Name: "answers-201", Rule: model.WireMembers,
			Describe: "A successful Put has HTTP status 201.",
			start: replying(func(r model.Request, p *response) {
				if r.Op == model.OpPut && p.status == http.StatusOK {
					p.status = http.StatusCreated
				}
			})},
		{Name: "unknown-members-wrong-code", Rule: model.WireUnknownMembers,
			Describe: "An unknown member is refused with " + codeUnlisted + ".",
			start: forgetful(refuses(codeUnlisted, func(c *call) bool {
				return readsMembers(c.request) && c.unknownMember() && len(c.broken()) == 0
			}))},
		{Name: "unknown-members-crash", Rule: model.WireNoCrash,
			Describe: "An unknown member of a Put or Get makes the server fail with 500.",
			start:    crashes(func(r model.Request) bool { return readsMembers(r) && (&call{request: r}).unknownMember() })},
		{Name: "missing-members-crash", Rule: model.WireNoCrash,
			Describe: "A Put or Get that lacks a member makes the server fail with 500 and HTML.",
			start: crashes(func(r model.Request) bool {
				in := r.Input
				lacksList := r.Op == model.OpPut && !in.Get("InsightSelectors").Given()
				lacksOwner := !in.Get("TrailName").Given() && !in.Get("EventDataStore").Given()
				return readsMembers(r) && (lacksList || lacksOwner)
			})},
		{Name: "malformed-json-crash", Rule: model.WireNoCrash,
			Describe: "A body that is no JSON object makes the server fail with 500.",
			start:    crashes(func(r model.Request) bool { return r.Raw != nil })},
		{Name: "malformed-json-drops-connection", Rule: model.WireNoCrash,
			Describe: "A body that is no JSON object gets no answer: the connection is closed.",
			start:    replying(func(r model.Request, p *response) { p.drop = r.Raw != nil })},
		{Name: "plain-text-errors", Rule: model.WireNoCrash, AlsoRules: []model.ID{model.WireErrorShape}, // with a status of its own
			Describe: "TrailNotFoundException is answered as plain text.",
			start: replying(func(r model.Request, p *response) {
				if readsMembers(r) && p.body.Get("__type").Text() == codeTrailNotFound {
					p.contentType, p.raw = "text/plain", []byte("trail not found\n")
				}
			})},
	}
}

// readsMembers reports whether the request is a well-formed one of the operations under test.
func readsMembers(r model.Request) bool {
	return r.Op.Insights() && !r.Malformed()
}

func crashes(about func(model.Request) bool) start {
	return replying(func(r model.Request, p *response) {
		if about(r) {
			p.status, p.contentType = http.StatusInternalServerError, "text/html; charset=utf-8"
			p.raw = []byte("<!doctype html>\n<title>500 Internal Server Error</title>\n<h1>Internal Server Error</h1>\n")
		}
	})
}

// misspelling renames a member of Put's and Get's successes, at the top and within selectors.
func misspelling(from, to string) start {
	return replying(func(r model.Request, p *response) {
		if r.Op.Insights() && p.status == http.StatusOK {
			p.raw = bytes.ReplaceAll(p.bytes(), []byte(`"`+from+`":`), []byte(`"`+to+`":`))
		}
	})
}

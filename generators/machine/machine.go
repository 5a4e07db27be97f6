// Package machine walks the model as a finite state machine: for complete test suites, and for a tour
// of all transitions of a trail.
package machine

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/generators/catalogue"
	"github.com/insightconform/conform/model"
)

// Machine is a finite state machine that the model is walked for: the part of the behaviour that a
// complete suite is about. Its states are told apart by reads, its inputs are one request for each
// class of requests. Every input is possible in every state.
type Machine struct {
	Name        string
	Abstraction string          // in words: which states are told apart, which requests form a class
	Setup       []model.Request // from a fresh world to the first state
	Inputs      []namedRequest
	// Reads are checked in every state, Separating are those of them that tell the states apart.
	Reads, Separating []model.Request
	States            []State // the first is where Setup leads

	next [][]uint16 // by state and input
	// identifiers lists by state the words after which Separating tells it from all others, first the empty word.
	identifiers   [][][]uint8
	index         map[stateKey]uint16
	defaultEvents bool // as in Options
	scope         generators.Scope
	offered       int // classes of requests that the abstraction has
}

// namedRequest stands for a class of requests.
type namedRequest struct {
	Name    string
	Request model.Request
	class   int // its place among the classes of the abstraction
}

// State is a state with a shortest word that leads there from the first.
type State struct {
	State  model.State
	Access []uint8
}

// maxStates bounds a machine that a target's choices make larger than foreseen.
const maxStates = 4096

// stateKey is a state of the model without what does not matter to machines.
type stateKey struct {
	trails [2]model.Trail
	stores [3]model.Store
}

func (m *Machine) key(s model.State) stateKey {
	var k stateKey
	copy(k.trails[:], s.Trails)
	copy(k.stores[:], s.Stores)
	for i := range s.Trails {
		k.trails[i].Events = ""
		if m.logs(&s.Trails[i]) == 0 {
			k.trails[i].Events = "not claimed"
		}
	}
	return k
}

// StateOf is the index of a state of the model in the machine; ok is false where it is not there.
func (m *Machine) StateOf(s model.State) (i int, ok bool) {
	n, ok := m.index[m.key(s)]
	return int(n), ok
}

// Logs is what a GetEventSelectors shows in a state; 0 where nothing is claimed.
func (m *Machine) Logs(state int, read model.Request) model.Logs {
	s := m.States[state].State
	t, _ := s.Trail(s.World.Home, read.Input.Get("TrailName").Text())
	return m.logs(&t)
}

func (m *Machine) logs(t *model.Trail) model.Logs {
	if t.Events == "" && !m.defaultEvents || t.Open != 0 {
		return 0
	}
	return t.Logs | model.Shown
}

// ChoiceKind names what the model leaves open of an input in a state: the same where it is for the same reason.
func (m *Machine) ChoiceKind(state int, input uint8) (kind string, open bool) {
	from := m.States[state].State
	branches := model.Step(from, m.Inputs[input].Request)
	kind = string(m.Inputs[input].Request.Op)
	for _, b := range branches[1:] {
		if m.key(b.Next) != m.key(branches[0].Next) {
			kind += fmt.Sprintf("|%s %v", b.Rule, b.Silent)
			open = true
		}
	}
	return kind, open
}

// Next is the state to which an input leads.
func (m *Machine) Next(state int, input uint8) int { return int(m.next[state][input]) }

// Transitions counts the pairs of state and input.
func (m *Machine) Transitions() int { return len(m.States) * len(m.Inputs) }

// Fingerprint identifies the machine: its inputs, its reads, and where its transitions lead.
func (m *Machine) Fingerprint() string {
	h := fnv.New64a()
	for _, input := range m.Inputs {
		fmt.Fprintln(h, input.Name)
	}
	for _, r := range slices.Concat(m.Setup, m.Reads, m.Separating) {
		fmt.Fprintln(h, r.GoString())
	}
	for i, row := range m.next {
		fmt.Fprintln(h, row, m.identifiers[i])
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// Options say of a target what the shape of a machine depends on.
type Options struct {
	// Choice says where the target goes from a state after an input for which the model allows several states. ok
	// is false where it could not be asked. Nil goes where the reference goes.
	Choice func(m *Machine, from State, input uint8) (next model.State, ok bool)
	// DefaultEvents says that GetEventSelectors of a new trail answers the selectors of EventClasses
	// that log read and write management events. Otherwise the set-up stores them.
	DefaultEvents bool
}

// New walks the model from the set-up by all inputs. It returns nil where the scope lacks what
// the machine is about. Names are those of Names.
func New(name string, w *model.World, scope generators.Scope, o Options) *Machine {
	a := abstractionOf(name)
	if !scope.Has(a.needs...) {
		return nil
	}
	m := a.build(w, scope)
	rw := generators.EventClasses()[model.ManagementEvents]
	if m.defaultEvents = o.DefaultEvents; !m.defaultEvents && scope.Has(model.CanPutEvents) {
		for _, trail := range a.trails {
			m.Setup = append(m.Setup, generators.PutEvents(trail, rw))
		}
	}
	first, _ := generators.Reference(model.NewState(w), m.Setup...)
	m.explore(first, o)
	m.minimize()
	return m
}

func abstractionOf(name string) *abstraction { return &abstractions[slices.Index(Names(), name)] }

// Names lists the machines in the order in which a run takes them.
func Names() (names []string) {
	for _, a := range abstractions {
		names = append(names, a.name)
	}
	return names
}

// Trails is how many trails a world of the machines needs at most; 0 says nothing, as where one has event data stores,
// which only one world at a time can have under a quota.
func Trails(names []string) (most int) {
	for _, name := range names {
		a := abstractionOf(name)
		if len(a.trails) == 0 {
			return 0
		}
		most = max(most, len(a.trails))
	}
	return most
}

// explore finds all states from a first one on, breadth first, so that access words are short.
func (m *Machine) explore(first model.State, o Options) {
	if _, known := m.index[m.key(first)]; known {
		return
	}
	m.add(State{State: first})
	for i := len(m.next); i < len(m.States) && len(m.States) < maxStates; i++ {
		from := m.States[i]
		row := make([]uint16, len(m.Inputs))
		for input := range m.Inputs {
			branches := model.Step(from.State, m.Inputs[input].Request)
			next := branches[0].Next
			differs := func(b model.Branch) bool { return m.key(b.Next) != m.key(next) }
			if o.Choice != nil && slices.ContainsFunc(branches, differs) {
				if chosen, ok := o.Choice(m, from, uint8(input)); ok {
					next = chosen
				}
			}
			to, known := m.index[m.key(next)]
			if !known {
				to = m.add(State{State: next, Access: append(slices.Clone(from.Access), uint8(input))})
			}
			row[input] = to
		}
		m.next = append(m.next, row)
	}
	m.States = m.States[:len(m.next)]
}

func (m *Machine) add(s State) uint16 {
	n := uint16(len(m.States))
	m.index[m.key(s.State)] = n
	m.States = append(m.States, s)
	return n
}

// observe renders what the reference answers to reads in a state.
func observe(s model.State, reads []model.Request, m *Machine) string {
	text := ""
	for _, r := range reads {
		a := model.Step(s, r)[0].Answer
		if t, ok := s.Trail(s.World.Home, r.Input.Get("TrailName").Text()); ok && r.Op == model.OpGetEvents {
			a.Logs = m.logs(&t)
		}
		text += fmt.Sprintf("%+v\n", a)
	}
	return text
}

// minimize picks the reads that are needed, merges states that nothing tells apart, and identifies the others.
func (m *Machine) minimize() {
	// GetTrail shows nothing that Get does not, and its flag is not always claimed.
	m.Separating = slices.DeleteFunc(slices.Clone(m.Reads), func(r model.Request) bool { return r.Op == model.OpTrail })
	shown := func(reads []model.Request) func(int) string {
		return func(i int) string { return observe(m.States[i].State, reads, m) }
	}
	class, n := m.classes(shown(m.Separating))
	for i := 0; i < len(m.Separating); {
		fewer := slices.Delete(slices.Clone(m.Separating), i, i+1)
		if _, less := m.classes(shown(fewer)); less == n {
			m.Separating = fewer
		} else {
			i++
		}
	}
	for before := 0; n != before; {
		before = n
		coarse := class
		class, n = m.classes(func(i int) string {
			row := []int{coarse[i]}
			for _, to := range m.next[i] {
				row = append(row, coarse[to])
			}
			return fmt.Sprint(row)
		})
	}
	all := m.States
	m.merge(class)
	m.Abstraction += m.merged(all, class)
	m.identify()
}

// merged says what states that were merged differ in, beside what a target only remembers.
func (m *Machine) merged(all []State, class []int) string {
	logging, logs := false, false
	for i, s := range all {
		for k, t := range m.States[class[i]].State.Trails {
			logging = logging || t.Logging != s.State.Trails[k].Logging
			logs = logs || t.Logs != s.State.Trails[k].Logs
		}
	}
	text := ""
	if logging {
		text += " Logging on and off is merged: no read and nothing that follows tells them apart."
	}
	if logs {
		text += " Of what is logged, some is merged: no read and nothing that follows tells it apart."
	}
	return text
}

// classes numbers the classes of states of which the same is said, in the order of their first states.
func (m *Machine) classes(said func(int) string) (class []int, n int) {
	seen := map[string]int{}
	for i := range m.States {
		text := said(i)
		if _, known := seen[text]; !known {
			seen[text] = len(seen)
		}
		class = append(class, seen[text])
	}
	return class, len(seen)
}

// merge keeps the first state of each class.
func (m *Machine) merge(class []int) {
	var states []State
	var next [][]uint16
	for i := range m.States {
		if class[i] < len(states) {
			continue
		}
		for input, to := range m.next[i] {
			m.next[i][input] = uint16(class[to])
		}
		states, next = append(states, m.States[i]), append(next, m.next[i])
	}
	for k, i := range m.index {
		m.index[k] = uint16(class[i])
	}
	m.States, m.next = states, next
}

// identify gives each two states that the reads alone do not tell apart a shortest word after which they do.
func (m *Machine) identify() {
	m.identifiers = make([][][]uint8, len(m.States))
	shown := make([]string, len(m.States))
	for i := range m.States {
		m.identifiers[i] = [][]uint8{{}}
		shown[i] = observe(m.States[i].State, m.Separating, m)
	}
	add := func(i int, word []uint8) {
		if !slices.ContainsFunc(m.identifiers[i], func(known []uint8) bool { return slices.Equal(known, word) }) {
			m.identifiers[i] = append(m.identifiers[i], word)
		}
	}
	for i := range m.States {
		for j := range i {
			if shown[i] != shown[j] {
				continue
			}
			word := m.separate(shown, i, j)
			add(i, word)
			add(j, word)
		}
	}
}

// separate finds a shortest word after which the reads tell two states apart.
func (m *Machine) separate(shown []string, i, j int) []uint8 {
	type pair struct{ i, j int }
	words := map[pair][]uint8{{i, j}: {}}
	queue := []pair{{i, j}}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for input := range m.Inputs {
			to := pair{int(m.next[at.i][input]), int(m.next[at.j][input])}
			if _, known := words[to]; known || to.i == to.j {
				continue
			}
			words[to] = append(slices.Clone(words[at]), uint8(input))
			if shown[to.i] != shown[to.j] {
				return words[to]
			}
			queue = append(queue, to)
		}
	}
	panic("two states of a minimal machine that nothing tells apart")
}

// abstraction is what a machine is about: Puts of sets and PutEventSelectors of logs on some trails, and more.
type abstraction struct {
	name   string
	needs  []model.Capability
	trails []string
	sets   []model.Selectors
	logs   []model.Logs
	more   func(m *Machine, w *model.World, s generators.Scope)
	// In words, with what is added where the target has a capability.
	states, inputs         string
	can                    model.Capability
	moreStates, moreInputs string
}

// Default lists the machines of a complete suite unless others are named.
var Default = []string{"trail", "two-trails", "stores"}

var onTrails = []model.Capability{model.CanPut, model.CanGet, model.CanCreate}

// abstractions are the machines: the first for a quick look, the last one for a fleet.
var abstractions = []abstraction{
	{name: "management", needs: onTrails, trails: []string{generators.NameAlpha}, sets: managementSets(),
		logs:   []model.Logs{0, model.ReadEvents, model.WriteEvents, model.ManagementEvents},
		states: "One trail that logs. States: which of the two insight types are on for Management",
		inputs: "a Put of each set of types", can: model.CanPutEvents,
		moreStates: ", and which of read and write management events are logged",
		moreInputs: ", and a PutEventSelectors of each class of management events"},
	{name: "trail", needs: onTrails, trails: []string{generators.NameAlpha}, sets: generators.AllSelectors(), logs: allLogs,
		states: "One trail that logs. States: which insight types are on for which categories",
		inputs: "a Put of each of the 16 sets", can: model.CanPutEvents,
		moreStates: ", and which of read, write and data events are logged",
		moreInputs: ", and a PutEventSelectors of each of the 8 classes"},
	{name: "two-trails", needs: onTrails, trails: []string{generators.NameAlpha, generators.NameBeta},
		sets:   managementSets(),
		logs:   []model.Logs{model.ReadEvents, model.ManagementEvents},
		states: "Two trails that log. States: which insight types are on for Management, on each",
		inputs: "a Put of each set of types on each", can: model.CanPutEvents,
		moreStates: ", and whether each logs read events alone",
		moreInputs: ", and two classes of PutEventSelectors on each"},
	{name: "stores", needs: []model.Capability{model.CanPut, model.CanGet, model.CanStores}, more: storeCalls,
		states: "An event data store and two destinations. States: which insight types are on, with which destination",
		inputs: "a Put of each set with each destination, and of the empty list", can: model.CanUpdateStores,
		moreStates: ", and which management events the store logs",
		moreInputs: "; an UpdateEventDataStore of each class of management events"},
	{name: "logging", needs: slices.Concat([]model.Capability{model.CanLog, model.CanStop}, onTrails),
		trails: []string{generators.NameAlpha},
		sets:   generators.AllSelectors(), logs: allLogs, more: loggingCalls,
		states: "One trail. States: as of the machine 'trail', and whether the trail logs",
		inputs: "those of 'trail', StartLogging, StopLogging, and for each error rule that needs nothing else one Put that breaks it alone"},
}

// build makes the machine without its states.
func (a *abstraction) build(w *model.World, s generators.Scope) *Machine {
	m := &Machine{Name: a.name, Abstraction: a.states + ". Inputs: " + a.inputs + ".", index: map[stateKey]uint16{}, scope: s}
	if s.Can[a.can] {
		m.Abstraction = a.states + a.moreStates + ". Inputs: " + a.inputs + a.moreInputs + "."
	}
	m.Setup = generators.NewTrails(s, a.trails...)
	for _, trail := range a.trails {
		for _, set := range a.sets {
			m.input("Put "+trail+" "+set.String(), generators.Put(trail, set))
		}
		for _, logs := range a.logs {
			class := generators.EventClasses()[logs]
			m.input("PutEventSelectors "+trail+" "+strings.TrimPrefix(class.Name, "basic "), generators.PutEvents(trail, class))
		}
		for _, r := range []model.Request{generators.Get(trail), generators.GetEvents(trail), generators.Status(trail), generators.GetTrail(trail)} {
			if s.Allows(r) {
				m.Reads = append(m.Reads, r)
			}
		}
	}
	if a.more != nil {
		a.more(m, w, s)
	}
	return m
}

func storeCalls(m *Machine, _ *model.World, _ generators.Scope) {
	source := model.StoreID(0)
	m.Setup = []model.Request{generators.CreateStore(0, generators.SourceStore),
		generators.CreateStore(1, generators.InsightStore),
		generators.CreateStore(2, generators.InsightStore)}
	m.input("turn the store off", generators.PutStore(source, "", 0))
	for _, set := range managementSets()[1:] {
		for n := 1; n <= 2; n++ {
			m.input(fmt.Sprintf("Put %s to destination %d", set, n), generators.PutStore(source, model.StoreID(n), set))
		}
	}
	for _, kind := range generators.SourceVariants[:3] {
		m.input("UpdateEventDataStore "+kind.Name, generators.UpdateStore(source, kind))
	}
	m.Reads = []model.Request{generators.GetStore(source), generators.OnStore(model.OpGetStore, source)}
}

func loggingCalls(m *Machine, w *model.World, s generators.Scope) {
	m.input("StartLogging", generators.Start(generators.NameAlpha))
	m.input("StopLogging", generators.Stop(generators.NameAlpha))
	// One Put for each rule of the error order that can be broken alone in the first state.
	first, _ := generators.Reference(model.NewState(w), m.Setup...)
	for _, rule := range model.ErrorRules() {
		setup, probe, ok := catalogue.Minimal(rule, model.OpPut, w, s)
		if !ok || probe.Region != "" || probe.Malformed() || model.RuleOf(rule).MayPass || len(setup) > len(m.Setup) {
			continue
		}
		if broken := model.Broken(first, probe); len(broken) == 1 && broken[0] == rule {
			m.input("Put that breaks "+string(rule), probe)
		}
	}
}

// managementSets lists off, and the sets of types on Management.
func managementSets() []model.Selectors {
	const m = model.Management
	return []model.Selectors{0, model.MakeSelectors(m, 0), model.MakeSelectors(0, m), model.MakeSelectors(m, m)}
}

// allLogs lists every class of logs.
var allLogs = []model.Logs{0, 1, 2, 3, 4, 5, 6, 7}

// input adds a class of requests, where the target can be sent them.
func (m *Machine) input(name string, r model.Request) {
	if m.scope.Allows(r) {
		m.Inputs = append(m.Inputs, namedRequest{name, r, m.offered})
	}
	m.offered++
}

package machine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/generators/catalogue"
	"github.com/insightconform/conform/model"
)

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
	first, _ := generators.Reference(s.Initial(w), m.Setup...)
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

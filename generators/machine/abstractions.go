package machine

import (
	"strings"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/generators/catalogue"
	"github.com/insightconform/conform/model"
)

// abstraction says which machine a complete suite is about.
type abstraction struct {
	name     string
	needs    []model.Capability
	trails   []string
	describe func(generators.Scope) string
	build    func(m *Machine, w *model.World, s generators.Scope)
}

// The machines. The first is for a quick look, the last one for a fleet.
const (
	Management = "management"
	Trail      = "trail"
	TwoTrails  = "two-trails"
	Stores     = "stores"
	Logging    = "logging"
)

// Default lists those that a complete suite runs unless others are named: the first is part of
// the second, and the last takes long.
var Default = []string{Trail, TwoTrails, Stores}

var onTrails = []model.Capability{model.CanPut, model.CanGet, model.CanCreate}

var abstractions = []abstraction{
	{Management, onTrails, []string{generators.NameAlpha},
		func(s generators.Scope) string {
			return "One trail that logs. States: which of the two insight types are on for Management" + ofLogs(s, "which of read and write management events are logged") +
				". Inputs: a Put of each set of types" + ofEvents(s, "a PutEventSelectors of each class of management events") + "."
		},
		func(m *Machine, w *model.World, s generators.Scope) {
			m.Setup = generators.NewTrails(s, generators.NameAlpha)
			m.puts(generators.NameAlpha, managementSets())
			m.events(s, generators.NameAlpha, 0, model.ReadEvents, model.WriteEvents, model.ManagementEvents)
			m.readTrail(s, generators.NameAlpha)
		}},
	{Trail, onTrails, []string{generators.NameAlpha},
		func(s generators.Scope) string {
			return "One trail that logs. States: which insight types are on for which categories" + ofLogs(s, "which of read, write and data events are logged") +
				". Inputs: a Put of each of the 16 sets" + ofEvents(s, "a PutEventSelectors of each of the 8 classes") + "."
		},
		func(m *Machine, w *model.World, s generators.Scope) {
			m.Setup = generators.NewTrails(s, generators.NameAlpha)
			m.puts(generators.NameAlpha, model.AllSelectors())
			m.events(s, generators.NameAlpha, allLogs()...)
			m.readTrail(s, generators.NameAlpha)
		}},
	{TwoTrails, onTrails, []string{generators.NameAlpha, generators.NameBeta},
		func(s generators.Scope) string {
			return "Two trails that log. States: which insight types are on for Management, on each" + ofLogs(s, "whether each logs read events alone") +
				". Inputs: a Put of each set of types on each" + ofEvents(s, "two classes of PutEventSelectors on each") + "."
		},
		func(m *Machine, w *model.World, s generators.Scope) {
			m.Setup = generators.NewTrails(s, generators.NameAlpha, generators.NameBeta)
			for _, trail := range []string{generators.NameAlpha, generators.NameBeta} {
				m.puts(trail, managementSets())
				m.events(s, trail, model.ReadEvents, model.ManagementEvents)
			}
			m.readTrail(s, generators.NameAlpha)
			m.readTrail(s, generators.NameBeta)
		}},
	{Stores, []model.Capability{model.CanPut, model.CanGet, model.CanStores}, nil,
		func(s generators.Scope) string {
			text := "An event data store and two destinations. States: which insight types are on, with which destination"
			if s.Can[model.CanUpdateStores] {
				text += ", and which management events the store logs"
			}
			text += ". Inputs: a Put of each set with each destination, and of the empty list"
			if s.Can[model.CanUpdateStores] {
				text += "; an UpdateEventDataStore of each class of management events"
			}
			return text + "."
		},
		func(m *Machine, w *model.World, s generators.Scope) {
			m.Setup = []model.Request{generators.CreateStore(0, generators.SourceStore), generators.CreateStore(1, generators.InsightStore), generators.CreateStore(2, generators.InsightStore)}
			source := model.StoreID(0)
			m.input("turn the store off", generators.PutStore(source, "", 0))
			for _, set := range managementSets()[1:] {
				for n := 1; n <= 2; n++ {
					m.input("Put "+set.String()+" to destination "+string(rune('0'+n)), generators.PutStore(source, model.StoreID(n), set))
				}
			}
			if s.Can[model.CanUpdateStores] {
				for _, kind := range generators.SourceVariants[:3] {
					m.input("UpdateEventDataStore "+kind.Name, generators.UpdateStore(source, kind))
				}
			}
			m.Reads = []model.Request{generators.GetStore(source), generators.OnStore(model.OpGetStore, source)}
		}},
	{Logging, append([]model.Capability{model.CanLog, model.CanStop}, onTrails...), []string{generators.NameAlpha},
		func(s generators.Scope) string {
			return "One trail. States: as of the machine 'trail', and whether the trail logs. Inputs: those of 'trail', StartLogging, StopLogging, and for each error rule that needs nothing else one Put that breaks it alone."
		},
		func(m *Machine, w *model.World, s generators.Scope) {
			m.Setup = generators.NewTrails(s, generators.NameAlpha)
			m.puts(generators.NameAlpha, model.AllSelectors())
			m.events(s, generators.NameAlpha, allLogs()...)
			m.input("StartLogging", generators.Start(generators.NameAlpha))
			m.input("StopLogging", generators.Stop(generators.NameAlpha))
			m.errors(w, s)
			m.readTrail(s, generators.NameAlpha)
		}},
}

func ofLogs(s generators.Scope, what string) string {
	if !s.Can[model.CanPutEvents] {
		return ""
	}
	return ", and " + what
}

func ofEvents(s generators.Scope, what string) string {
	if !s.Can[model.CanPutEvents] {
		return ""
	}
	return ", and " + what
}

// managementSets lists off, and the sets of types on Management.
func managementSets() []model.Selectors {
	const m = model.Management
	return []model.Selectors{0, model.MakeSelectors(m, 0), model.MakeSelectors(0, m), model.MakeSelectors(m, m)}
}

func allLogs() []model.Logs {
	var all []model.Logs
	for logs := range model.Logs(8) {
		all = append(all, logs)
	}
	return all
}

func (m *Machine) input(name string, r model.Request) {
	m.Inputs = append(m.Inputs, Input{name, r})
}

func (m *Machine) puts(trail string, sets []model.Selectors) {
	for _, set := range sets {
		m.input("Put "+trail+" "+set.String(), generators.Put(trail, set))
	}
}

func (m *Machine) events(s generators.Scope, trail string, classes ...model.Logs) {
	if !s.Can[model.CanPutEvents] {
		return
	}
	for _, logs := range classes {
		class := generators.EventClasses()[logs]
		m.input("PutEventSelectors "+trail+" "+strings.TrimPrefix(class.Name, "basic "), generators.PutEvents(trail, class))
	}
}

// errors adds one Put for each rule of the error order that can be broken alone in the first state.
func (m *Machine) errors(w *model.World, s generators.Scope) {
	first, _ := generators.Reference(s.Initial(w), m.Setup...)
	for _, rule := range model.ErrorRules() {
		setup, probe, ok := catalogue.Minimal(rule, model.OpPut, w, s)
		if !ok || probe.Region != "" || probe.Malformed() || model.RuleOf(rule).MayPass {
			continue
		}
		if broken := model.Broken(first, probe); len(broken) != 1 || broken[0] != rule || len(setup) > len(m.Setup) {
			continue
		}
		m.input("Put that breaks "+string(rule), probe)
	}
}

func (m *Machine) readTrail(s generators.Scope, trail string) {
	m.Reads = append(m.Reads, generators.Get(trail))
	for _, read := range []struct {
		can model.Capability
		r   model.Request
	}{{model.CanGetEvents, generators.GetEvents(trail)}, {model.CanStatus, generators.Status(trail)}, {model.CanGetTrail, generators.GetTrail(trail)}} {
		if s.Can[read.can] {
			m.Reads = append(m.Reads, read.r)
		}
	}
}

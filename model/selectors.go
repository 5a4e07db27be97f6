package model

import (
	"cmp"
	"math/bits"
	"strings"

	"github.com/insightconform/conform/model/value"
)

// Type is an insight type.
type Type uint8

// The insight types of the enum InsightType.
const (
	CallRate Type = iota
	ErrorRate
)

// TypeNames spells the insight types on the wire, by Type.
var TypeNames = [...]string{"ApiCallRateInsight", "ApiErrorRateInsight"}

// Categories is a set of event categories.
type Categories uint8

// The event categories of the enum SourceEventCategory.
const (
	Management Categories = 1 << iota
	Data
)

// CategoryNames spells the categories on the wire: CategoryNames[i] is category 1<<i.
var CategoryNames = [...]string{"Management", "Data"}

// Selectors is a set of insight selectors: bit 4*t+c is set where the type t is listed with exactly
// the categories c. More than one bit for a type occurs only after a request with duplicates. An
// entry with no category enables nothing.
type Selectors uint8

const emptyEntries Selectors = 1 | 1<<4 // the entries that name no category

// entries are all those of a type.
func (t Type) entries() Selectors { return 0xf << (4 * uint8(t)) }

// Entry returns the set with one selector.
func Entry(t Type, c Categories) Selectors { return 1 << (4*uint8(t) + uint8(c)) }

// MakeSelectors returns the set in which each type is on for the given categories, off where there are none.
func MakeSelectors(callRate, errorRate Categories) Selectors {
	return (Entry(CallRate, callRate) | Entry(ErrorRate, errorRate)) &^ emptyEntries
}

// On reports whether the set enables anything.
func (s Selectors) On() bool { return s&^emptyEntries != 0 }

// Of returns the categories for which a type is on.
func (s Selectors) Of(t Type) (all Categories) {
	for c := range Categories(4) {
		if s&Entry(t, c) != 0 {
			all |= c
		}
	}
	return all
}

// has reports whether a type is on for one of some categories.
func (s Selectors) has(c Categories) bool { return (s.Of(CallRate)|s.Of(ErrorRate))&c != 0 }

// types are all entries of the types that are on.
func (s Selectors) types() (all Selectors) {
	for t := range Type(2) {
		if s.Of(t) != 0 {
			all |= t.entries()
		}
	}
	return all
}

// Effective returns the set with one entry per enabled type.
func (s Selectors) Effective() Selectors { return MakeSelectors(s.Of(CallRate), s.Of(ErrorRate)) }

// Single reports whether no type is listed with two different sets of categories.
func (s Selectors) Single() bool {
	return bits.OnesCount8(uint8(s)&0xf) <= 1 && bits.OnesCount8(uint8(s)>>4) <= 1
}

// selectorEntry is one selector of a set.
type selectorEntry struct {
	Type       Type
	Categories Categories
}

// Entries lists the set in a fixed order.
func (s Selectors) Entries() (out []selectorEntry) {
	for t := range Type(2) {
		for c := range Categories(4) {
			if s&Entry(t, c) != 0 {
				out = append(out, selectorEntry{t, c})
			}
		}
	}
	return out
}

// Names lists the categories of the set as spelt on the wire.
func (c Categories) Names() []string {
	names := []string{}
	for i, name := range CategoryNames {
		if c&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// Value renders the set as a list of selectors.
func (s Selectors) Value() value.Value {
	list := []value.Value{}
	for _, e := range s.Entries() {
		categories := value.Strs(e.Categories.Names()...)
		list = append(list, value.Obj("InsightType", TypeNames[e.Type], "EventCategories", categories))
	}
	return value.ListOf(list...)
}

// String renders the set for people: "ApiCallRateInsight: Management, Data; …", or "off".
func (s Selectors) String() string {
	if s == 0 {
		return "off"
	}
	var parts []string
	for _, e := range s.Entries() {
		parts = append(parts, TypeNames[e.Type]+": "+strings.Join(e.Categories.Names(), ", "))
	}
	return strings.Join(parts, "; ")
}

// Logs says what kinds of event a resource logs.
type Logs uint8

// The kinds of event of section 3: write and read management events, data events.
const (
	WriteEvents Logs = 1 << iota
	ReadEvents
	DataEvents
	InsightEvents // event data stores of category Insight alone
	ReadDataOnly  // of the data events, those of read calls alone

	// Shown marks, in an Answer, that it has shown event selectors.
	Shown Logs = 1 << 7

	ManagementEvents = WriteEvents | ReadEvents
)

// String renders the set with the letters of section 3.
func (l Logs) String() (letters string) {
	for i, c := range "WRDI" {
		if l&(1<<i) != 0 {
			letters += string(c)
		}
	}
	return cmp.Or(letters, "none")
}

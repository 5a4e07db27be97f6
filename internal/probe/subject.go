package probe

import (
	"cmp"
	"slices"

	"github.com/insightconform/conform/model"
)

// Can reports whether the target has a capability.
func (s *Subject) Can(c model.Capability) bool { return s.Probed && s.Scope.Can[c] }

// Expected are those of some capabilities, by name, that the run makes use of.
func (s *Subject) Expected(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return s.without[model.Capability(name)] != "" })
}

// Testable reports whether there is something to test: Put, or Get where it is known what there is to read, and
// something to call them on.
func (s *Subject) Testable() bool {
	called := s.Can(model.CanPut) || s.ReadOnly() && s.Can(model.CanGet)
	return called && (s.Can(model.CanCreate) || s.Can(model.CanStores))
}

// ReadOnly reports whether the target means to offer nothing but reads.
func (s *Subject) ReadOnly() bool { return s.Info.Given != nil }

// WhyNot says why a capability is absent.
func (s *Subject) WhyNot(c model.Capability) string {
	return cmp.Or(s.Why[c], "nothing could be tried")
}

// Lacking says why a rule is left out, or which capability it misses, and why that is absent.
func (s *Subject) Lacking(rule *model.Rule) string {
	if why := s.Scope.Left[rule.ID]; why != "" {
		return why
	}
	needs := rule.Needs
	if rule.NeedsPut() {
		needs = slices.Concat([]model.Capability{model.CanPut}, needs)
	}
	for _, c := range needs {
		if s.Probed && !s.Scope.Can[c] {
			return "needs " + string(c) + " (" + s.Why[c] + ")"
		}
	}
	return "the run ended before"
}

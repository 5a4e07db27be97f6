package generators

import (
	"testing"
)

func TestSizes(t *testing.T) {
	for _, name := range MachineNames() {
		m := NewMachine(name, world(), Everything(), MachineOptions{DefaultEvents: true})
		longest, ids := 0, 0
		for i, s := range m.States {
			longest = max(longest, len(s.Access))
			ids = max(ids, len(m.identifiers[i]))
		}
		t.Logf("%s: %d states, %d inputs, %d transitions, access up to %d, reads %d, separating %d, identifiers up to %d, fp %s", name, len(m.States), len(m.Inputs), m.Transitions(), longest, len(m.Reads), len(m.Separating), ids, m.Fingerprint())
		for k := range 3 {
			s := NewSuite(m, k)
			w, r := s.Cost()
			t.Logf("   depth %d: %d tests, %d writes, %d reads", k, s.Tests(), w, r)
		}
	}
}

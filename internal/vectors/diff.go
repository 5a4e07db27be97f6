package vectors

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/insightconform/conform/model"
)

// Changes is what is different between two sets.
type Changes struct {
	From, To       string // versions
	Added, Removed []string
	Reworded       []string       // the same steps and answers, with other words around
	Changed        []string       // other answers are allowed, or other capabilities or vectors are needed
	Index          []string       // the parts of the index that differ, but for rules and version
	Rules          []RuleOfChange // with another number of vectors, level or statement
}

// RuleOfChange is a rule of which two sets say different things.
type RuleOfChange struct {
	ID            model.ID
	Before, After int  // vectors
	Reworded      bool // its level, source or statement differs
}

// None reports whether the sets are the same.
func (c *Changes) None() bool {
	return len(c.Added)+len(c.Removed)+len(c.Reworded)+len(c.Changed)+len(c.Index)+len(c.Rules) == 0 && c.From == c.To
}

// Compare says what has changed from one set to another.
func Compare(from, to *Set) (*Changes, error) {
	c := &Changes{From: from.Index.Version, To: to.Index.Version}
	before, after := byID(from), byID(to)
	for _, v := range to.Vectors {
		old, there := before[v.ID]
		if !there {
			c.Added = append(c.Added, v.ID)
			continue
		}
		same, err := equal(old, v)
		if err != nil {
			return nil, err
		} else if same {
			continue
		}
		old.Comment, old.Source = v.Comment, v.Source
		if same, err = equal(old, v); err != nil {
			return nil, err
		} else if same {
			c.Reworded = append(c.Reworded, v.ID)
		} else {
			c.Changed = append(c.Changed, v.ID)
		}
	}
	for _, v := range from.Vectors {
		if _, there := after[v.ID]; !there {
			c.Removed = append(c.Removed, v.ID)
		}
	}
	c.compareRules(from, to)
	for _, part := range []struct {
		name     string
		old, now any
	}{{"capabilities", from.Index.Capabilities, to.Index.Capabilities}, {"codes", from.Index.Codes, to.Index.Codes},
		{"without", from.Index.Without, to.Index.Without}} {
		if same, err := equal(part.old, part.now); err != nil {
			return nil, err
		} else if !same {
			c.Index = append(c.Index, part.name)
		}
	}
	return c, nil
}

func (c *Changes) compareRules(from, to *Set) {
	rules := map[model.ID][2]Rule{}
	for side, set := range []*Set{from, to} {
		for _, r := range set.Index.Rules {
			both := rules[r.ID]
			both[side] = r
			rules[r.ID] = both
		}
	}
	for _, id := range slices.Sorted(maps.Keys(rules)) {
		old, now := rules[id][0], rules[id][1]
		change := RuleOfChange{ID: id, Before: old.Vectors, After: now.Vectors}
		old.Vectors = now.Vectors
		if change.Reworded = old != now && change.Before*change.After > 0; change.Reworded || change.Before != change.After {
			c.Rules = append(c.Rules, change)
		}
	}
}

func byID(s *Set) map[string]Vector {
	out := make(map[string]Vector, len(s.Vectors))
	for _, v := range s.Vectors {
		out[v.ID] = v
	}
	return out
}

// equal compares two values as they are written.
func equal(a, b any) (bool, error) {
	x, err := encode(a)
	if err != nil {
		return false, err
	}
	y, err := encode(b)
	if err != nil {
		return false, fmt.Errorf("compared: %w", err)
	}
	return bytes.Equal(x, y), nil
}

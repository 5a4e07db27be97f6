package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
)

// ProfileSchema identifies the format of an error order file.
const ProfileSchema = "conform/order/1"

// Profile is an error order as data. Of a request that breaks several rules, the reference answers
// the rule that stands first in Order.
type Profile struct {
	Schema string `json:"schema"`
	Name   string `json:"name"`
	Order  []ID   `json:"order"` // all error rules
	// Holds lists pairs {first, second} that the target is held to, at level observed: answering the second to a Put that
	// breaks both is a divergence. The default profile holds none, since no public source documents an order.
	Holds [][2]ID `json:"holds"`

	rank  map[ID]int
	holds map[[2]ID]bool
}

// defaultProfile is the order of section 4.
var defaultProfile = sync.OnceValue(func() *Profile {
	p, _ := NewProfile("reference", ErrorRules(), nil)
	return p
})

// NewProfile makes an error order. The order must name every error rule once, and what it holds must
// agree with it.
func NewProfile(name string, order []ID, holds [][2]ID) (*Profile, error) {
	p := &Profile{Schema: ProfileSchema, Name: name, Order: order, Holds: holds}
	return p, p.index()
}

// LoadProfile reads an error order file, which must be as for NewProfile. Errors are one line.
func LoadProfile(data []byte) (*Profile, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	p := &Profile{}
	if err := decoder.Decode(p); err != nil {
		return nil, fmt.Errorf("not an error order: %w", err)
	}
	if p.Schema != ProfileSchema {
		return nil, fmt.Errorf("schema %q is not %q", p.Schema, ProfileSchema)
	}
	return p, p.index()
}

func (p *Profile) index() error {
	p.rank = make(map[ID]int, len(p.Order))
	for i, id := range p.Order {
		if Place(id) == 0 {
			return fmt.Errorf("order: %q is no error rule; see 'conform rules'", id)
		} else if slices.Contains(p.Order[:i], id) {
			return fmt.Errorf("order: %q stands twice", id)
		}
		p.rank[id] = i
	}
	for _, id := range ErrorRules() {
		if !slices.Contains(p.Order, id) {
			return fmt.Errorf("order: %q is missing", id)
		}
	}
	p.holds = make(map[[2]ID]bool, len(p.Holds))
	for _, pair := range p.Holds {
		first, ok1 := p.rank[pair[0]]
		second, ok2 := p.rank[pair[1]]
		if !ok1 || !ok2 || first >= second {
			return fmt.Errorf("holds: %q before %q does not agree with the order", pair[0], pair[1])
		}
		p.holds[pair] = true
	}
	return nil
}

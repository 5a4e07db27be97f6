package model

import (
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
	p := &Profile{Schema: ProfileSchema, Name: name, Order: order, Holds: holds, rank: map[ID]int{}, holds: map[[2]ID]bool{}}
	for i, id := range order {
		if Place(id) == 0 {
			return p, fmt.Errorf("order: %q is no error rule; see 'conform rules'", id)
		} else if slices.Contains(order[:i], id) {
			return p, fmt.Errorf("order: %q stands twice", id)
		}
		p.rank[id] = i
	}
	for _, id := range ErrorRules() {
		if !slices.Contains(order, id) {
			return p, fmt.Errorf("order: %q is missing", id)
		}
	}
	for _, pair := range holds {
		first, second := slices.Index(order, pair[0]), slices.Index(order, pair[1])
		if first < 0 || second <= first {
			return p, fmt.Errorf("holds: %q before %q does not agree with the order", pair[0], pair[1])
		}
		p.holds[pair] = true
	}
	return p, nil
}

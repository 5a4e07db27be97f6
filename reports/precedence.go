package reports

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports/plain"
)

// ReadPrecedence reads what Precedence.JSON wrote, strictly. Errors are one line.
func ReadPrecedence(data []byte) (*Precedence, error) {
	p := &Precedence{}
	if err := readStrictly(data, p); err != nil {
		return nil, fmt.Errorf("no precedence of errors: %w", err)
	}
	if p.Schema != PrecedenceSchema {
		return nil, fmt.Errorf("schema %q is not %q; 'conform learn --out PATH' writes such a file", plain.Shorten(p.Schema, plain.MaxShown), PrecedenceSchema)
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("no precedence of errors: %w", err)
	}
	return p, nil
}

// ReadOrder reads a file with an order of errors, which must be as for model.NewProfile. Errors are one line.
func ReadOrder(data []byte) (*model.Profile, error) {
	var p model.Profile
	if err := readStrictly(data, &p); err != nil {
		return nil, fmt.Errorf("not an error order: %w", err)
	} else if p.Schema != model.ProfileSchema {
		return nil, fmt.Errorf("schema %q is not %q", p.Schema, model.ProfileSchema)
	}
	return model.NewProfile(p.Name, p.Order, p.Holds)
}

// readStrictly reads one JSON value without unknown members.
func readStrictly(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return errors.New("the JSON ends too early")
		}
		return errors.New(plain.Text(err.Error()))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON value")
	}
	return nil
}

var CellStatuses = []string{CellFirst, CellSecond, CellIndistinguishable, CellOther, CellUnstable, CellNotCovered, CellImpossible}

// check finds what a reader could not rely on.
func (p *Precedence) check() error {
	if _, err := p.Profile(""); err != nil {
		return err
	}
	place := map[model.ID]int{}
	for i, id := range model.ErrorRules() {
		place[id] = i + 1
	}
	var problem error // the first
	errorRules := func(where string, ids ...model.ID) {
		for _, id := range ids {
			if place[id] == 0 && problem == nil {
				problem = fmt.Errorf("%s: %q is no error rule", where, plain.Shorten(string(id), plain.MaxShown))
			}
		}
	}
	errorRules("codes", slices.Sorted(maps.Keys(p.Codes))...)
	errorRules("unmeasured", slices.Sorted(maps.Keys(p.Unmeasured))...)
	for i, c := range p.Cells {
		errorRules(fmt.Sprintf("cell %d", i+1), c.First, c.Second)
	}
	for i, set := range p.Cycles {
		errorRules(fmt.Sprintf("cycle %d", i+1), set...)
	}
	for i, t := range p.Triples {
		errorRules(fmt.Sprintf("triple %d", i+1), t.Rules[:]...)
	}
	if problem != nil {
		return problem
	}
	seen := map[[2]model.ID]bool{}
	for i, c := range p.Cells {
		pair := [2]model.ID{c.First, c.Second}
		switch {
		case !slices.Contains(CellStatuses, c.Status):
			return fmt.Errorf("cell %d: there is no status %q", i+1, plain.Shorten(c.Status, plain.MaxShown))
		case place[c.First] >= place[c.Second]:
			return fmt.Errorf("cell %d: %s does not stand before %s in the reference's order", i+1, c.First, c.Second)
		case seen[pair]:
			return fmt.Errorf("cell %d: the pair %s and %s stands twice", i+1, c.First, c.Second)
		}
		seen[pair] = true
	}
	return nil
}

// JSON writes the precedence, with pseudonyms for account ids unless keepAccounts.
func (p *Precedence) JSON(w io.Writer, keepAccounts bool) error {
	c := *p
	if !keepAccounts {
		c.Cells, c.Triples = slices.Clone(p.Cells), slices.Clone(p.Triples)
		for i := range c.Cells {
			c.Cells[i].Steps = withPseudonyms(c.Cells[i].Steps)
		}
		for i := range c.Triples {
			c.Triples[i].Steps = withPseudonyms(c.Triples[i].Steps)
		}
	}
	return plain.WriteJSON(w, &c)
}

func withPseudonyms(steps []Step) []Step {
	steps = slices.Clone(steps)
	for i := range steps {
		steps[i].Sent, steps[i].Received = Pseudonymous(steps[i].Sent), Pseudonymous(steps[i].Received)
	}
	return steps
}

// Profile is the error order that a target can be held to: a partial one, of the pairs that were told apart.
func (p *Precedence) Profile(name string) (*model.Profile, error) {
	return model.NewProfile(name, p.Rules, p.Holds)
}

// Order is the two rules of a cell with the one that is answered first in front, where the cell says so.
func (c PrecedenceCell) Order() (pair [2]model.ID, ok bool) {
	switch c.Status {
	case CellFirst:
		return [2]model.ID{c.First, c.Second}, true
	case CellSecond:
		return [2]model.ID{c.Second, c.First}, true
	}
	return pair, false
}

package reports

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports/plain"
)

// Diff is what differs between two reports, or between two error orders.
type Diff struct {
	Schema      string       `json:"schema"`
	A           string       `json:"a"` // what it is, such as "endpoint http://127.0.0.1:5000 in us-east-1"
	B           string       `json:"b"`
	Differences []Difference `json:"differences"`
}

// Difference is one thing that differs. A or B is empty where it is there on the other side only.
type Difference struct {
	Section string `json:"section"` // what it is about, such as rules
	Name    string `json:"name"`
	A       string `json:"a,omitempty"`
	B       string `json:"b,omitempty"`
}

// The values of Difference.Section that several places have.
const (
	sectionDivergences = "divergences"
	sectionReversed    = "pairs in another order" // of two error rules
	sectionOneSided    = "pairs whose order is known in one only"
	sectionOpen        = "pairs without an order, answered differently"
)

// side is one of the two files of a Diff: a report or an error order.
type side struct {
	name, kind string
	report     *Report
	order      *errorOrder
}

// errorOrder is what a profile or a precedence says of pairs of rules.
type errorOrder struct {
	list  []model.ID // of a profile; nil for a precedence, whose list follows from its cells
	first map[[2]model.ID]model.ID
	open  map[[2]model.ID]string // of a precedence: what is known where there is no order
	codes map[model.ID]string    // of a precedence: what each rule alone is answered with, or why nothing
}

// Compare compares two JSON reports, or two error orders: profiles, as --order takes them, or what
// 'conform learn --out' writes. Errors are one line and name the file.
func Compare(pathA string, dataA []byte, pathB string, dataB []byte) (*Diff, error) {
	a, err := readSide(dataA)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", pathA, err)
	}
	b, err := readSide(dataB)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", pathB, err)
	}
	if a.kind != b.kind {
		return nil, fmt.Errorf("%s is %s and %s is %s; compare two of one kind", pathA, a.kind, pathB, b.kind)
	}
	d := &Diff{Schema: diffSchema, A: a.name, B: b.name, Differences: []Difference{}}
	if a.report != nil {
		d.reports(a.report, b.report)
	} else {
		d.orders(a.order, b.order)
	}
	return d, nil
}

func readSide(data []byte) (*side, error) {
	schema, err := schemaOf(data)
	if err != nil {
		return nil, fmt.Errorf("not JSON: %s", plain.Text(err.Error()))
	}
	switch schema {
	case Schema:
		r, err := ReadJSON(data)
		if err != nil {
			return nil, err
		}
		return &side{plain.Target(r.Target), "a report", r.Normalized(), nil}, nil
	case model.ProfileSchema:
		p, err := ReadOrder(data)
		if err != nil {
			return nil, errors.New(plain.Text(err.Error()))
		}
		return &side{plain.Text(p.Name), "an error order", nil, orderOfProfile(p)}, nil
	case PrecedenceSchema:
		p, err := ReadPrecedence(data)
		if err != nil {
			return nil, err
		}
		return &side{plain.Target(p.Target), "an error order", nil, orderOfPrecedence(p)}, nil
	}
	return nil, fmt.Errorf("the schema is %q; give a file of schema %s, %s or %s", plain.Shorten(schema, plain.MaxShown), Schema, model.ProfileSchema, PrecedenceSchema)
}

func orderOfProfile(p *model.Profile) *errorOrder {
	o := &errorOrder{list: p.Order, first: map[[2]model.ID]model.ID{}}
	for _, pair := range p.Holds { // either may come first in the reference
		o.first[pair], o.first[[2]model.ID{pair[1], pair[0]}] = pair[0], pair[0]
	}
	return o
}

func orderOfPrecedence(p *Precedence) *errorOrder {
	o := &errorOrder{first: map[[2]model.ID]model.ID{}, open: map[[2]model.ID]string{}, codes: map[model.ID]string{}}
	for _, id := range model.ErrorRules() {
		o.codes[id] = cmp.Or(p.Codes[id], strings.TrimSuffix("none: "+p.Unmeasured[id], ": "))
	}
	for _, c := range p.Cells {
		pair := [2]model.ID{c.First, c.Second}
		if ordered, ok := c.Order(); ok {
			o.first[pair] = ordered[0]
			continue
		}
		o.open[pair] = c.Status + plain.When(c.Answer != "", ": "+c.Answer)
	}
	return o
}

func (d *Diff) add(section, name, a, b string) {
	if a != b {
		d.Differences = append(d.Differences, Difference{Section: section, Name: name, A: a, B: b})
	}
}

func (d *Diff) reports(a, b *Report) {
	d.add("verdict", "verdict", string(a.Verdict), string(b.Verdict))
	d.divergences(a.Divergences, b.Divergences)
	for i := range model.Rules {
		id := model.Rules[i].ID
		d.add("rules", string(id), ruleStatus(a, id), ruleStatus(b, id))
	}
	d.compare("capabilities", capabilitiesOf(a), capabilitiesOf(b), "not in the report")
	d.compare("deviations", deviationsOf(a), deviationsOf(b), "")
	if a.Precedence != nil && b.Precedence != nil {
		d.orders(orderOfPrecedence(a.Precedence), orderOfPrecedence(b.Precedence))
	}
}

// compare adds what differs between the texts under the same names, in the order of the names.
func (d *Diff) compare(section string, a, b map[string]string, missing string) {
	names := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		d.add(section, name, cmp.Or(a[name], missing), cmp.Or(b[name], missing))
	}
}

// divergences matches those of one signature, then those of one rule and operation: such a one has changed.
func (d *Diff) divergences(a, b []Divergence) {
	bySignature := func(x, y Divergence) int { return cmp.Compare(x.Signature, y.Signature) }
	a, b = slices.SortedStableFunc(slices.Values(a), bySignature), slices.SortedStableFunc(slices.Values(b), bySignature)
	left := slices.DeleteFunc(slices.Clone(a), func(x Divergence) bool {
		y, ok := take(&b, func(y Divergence) bool { return y.Signature == x.Signature })
		if ok {
			d.add(sectionDivergences, x.name(), x.standing(), y.standing())
		}
		return ok
	})
	for _, x := range left {
		y, ok := take(&b, func(y Divergence) bool { return y.Rule == x.Rule && y.Operation == x.Operation })
		switch {
		case ok && x.outcome() == y.outcome():
			d.add(sectionDivergences, x.name(), x.Signature, y.Signature)
		case ok:
			d.add(sectionDivergences, x.name(), x.outcome(), y.outcome())
		default:
			d.add(sectionDivergences, x.name(), x.outcome(), "")
		}
	}
	for _, y := range b {
		d.add(sectionDivergences, y.name(), "", y.outcome())
	}
}

// take takes the first of a list that is meant out of it.
func take[T any](list *[]T, meant func(T) bool) (found T, ok bool) {
	i := slices.IndexFunc(*list, meant)
	if i < 0 {
		return found, false
	}
	found = (*list)[i]
	*list = slices.Delete(*list, i, i+1)
	return found, true
}

func (d Divergence) name() string {
	return strings.TrimSuffix(string(d.Rule)+" "+plain.Operation(d.Operation), " ")
}

func (d Divergence) outcome() string {
	return d.Actual + " instead of " + append(slices.Clip(d.Expected), "nothing else")[0]
}

// standing is what may change of a divergence while its signature stays.
func (d Divergence) standing() string {
	return d.Status + " at level " + d.Level.String() + plain.When(d.Known, ", known to the baseline")
}

func ruleStatus(r *Report, id model.ID) string {
	return cmp.Or(r.Coverage.Rules[id].InWords(), "not in the report")
}

func capabilitiesOf(r *Report) map[string]string {
	out := map[string]string{}
	for name, status := range r.Capabilities {
		out[name] = strings.TrimSuffix(string(status)+": "+r.NotCovered[name], ": ")
	}
	return out
}

func deviationsOf(r *Report) map[string]string {
	out := map[string]string{}
	for _, d := range r.Deviations {
		out[string(d.Rule)+" "+plain.Operation(d.Operation)+": "+d.Actual+" instead of "+d.Reference] = "seen"
	}
	return out
}

func (d *Diff) orders(a, b *errorOrder) {
	rules := model.ErrorRules()
	if a.codes != nil && b.codes != nil {
		for _, id := range rules {
			d.add("codes", string(id), a.codes[id], b.codes[id])
		}
	}
	for _, section := range []string{sectionReversed, sectionOneSided, sectionOpen} {
		for i := range rules {
			for _, second := range rules[i+1:] {
				pair := [2]model.ID{rules[i], second}
				if sectionOf(a, b, pair) == section {
					d.add(section, string(pair[0])+", "+string(pair[1]), a.relation(pair), b.relation(pair))
				}
			}
		}
	}
	for i := range min(len(a.list), len(b.list)) {
		if a.list[i] != b.list[i] {
			d.add("order of the list", fmt.Sprintf("from place %d on", i+1), string(a.list[i]), string(b.list[i]))
			break
		}
	}
}

// sectionOf is where a pair whose relation differs belongs; empty where one side does not say why it is open.
func sectionOf(a, b *errorOrder, pair [2]model.ID) string {
	x, y := a.first[pair] != "", b.first[pair] != ""
	switch {
	case x && y:
		return sectionReversed
	case x || y:
		return sectionOneSided
	case a.open != nil && b.open != nil:
		return sectionOpen
	}
	return ""
}

// relation says in words what is known of a pair.
func (o *errorOrder) relation(pair [2]model.ID) string {
	first := string(o.first[pair])
	return cmp.Or(plain.When(first != "", first+" first"), o.open[pair], "open")
}

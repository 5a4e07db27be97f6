package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/insightconform/conform/model"
)

// JSON writes the report as indented JSON. Characters that a terminal would obey or hide are written
// as escapes, so that the file can be looked at safely.
func JSON(w io.Writer, r *Report) error {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(r.complete()); err != nil {
		return fmt.Errorf("the report as JSON: %w", err)
	}
	_, err := w.Write(escapeJSON(buffer.Bytes()))
	return err
}

// complete returns a sorted copy of the report with its lists and maps empty rather than null.
func (r *Report) complete() *Report {
	c := *r
	if c.Schema == "" {
		c.Schema = Schema
	}
	c.Suites = notNil(c.Suites)
	c.DurationSeconds, c.RequestsPerSecond = finite(c.DurationSeconds), finite(c.RequestsPerSecond)
	c.Deviations = append([]Deviation{}, c.Deviations...)
	c.Divergences = append([]Divergence{}, c.Divergences...)
	for i := range c.Divergences {
		d := &c.Divergences[i]
		d.Expected = notNil(d.Expected)
		d.Steps = append([]Step{}, d.Steps...)
		for j := range d.Steps {
			d.Steps[j].Allowed = notNil(d.Steps[j].Allowed)
		}
		d.States = slices.Clone(d.States)
		for j := range d.States {
			d.States[j] = notNil(d.States[j])
		}
	}
	c.completeEvidence()
	if c.Capabilities == nil {
		c.Capabilities = map[string]CapabilityStatus{}
	}
	if c.Coverage.Rules == nil {
		c.Coverage.Rules = map[model.ID]RuleCoverage{}
	}
	c.Sort()
	return &c
}

// completeEvidence does for a copy's evidence what complete does for the rest.
func (r *Report) completeEvidence() {
	r.Certificates = slices.Clone(r.Certificates)
	for i := range r.Certificates {
		c := &r.Certificates[i]
		c.Inputs, c.Reads, c.Done, c.Hypotheses = notNil(c.Inputs), notNil(c.Reads), notNil(c.Done), notNil(c.Hypotheses)
	}
	if r.Coverage.Walk != nil {
		walk := *r.Coverage.Walk
		walk.States, walk.Inputs = notNil(walk.States), notNil(walk.Inputs)
		r.Coverage.Walk = &walk
	}
	if r.Precedence != nil {
		p := *r.Precedence
		p.Rules, p.Cells = notNil(p.Rules), slices.Clone(notNil(p.Cells))
		if p.Codes == nil {
			p.Codes = map[model.ID]string{}
		}
		for i := range p.Cells {
			steps := slices.Clone(p.Cells[i].Steps)
			for j := range steps {
				steps[j].Allowed = notNil(steps[j].Allowed)
			}
			p.Cells[i].Steps = steps
		}
		r.Precedence = &p
	}
}

// finite replaces what JSON cannot say, such as a rate over no time at all.
func finite(f float64) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}

func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// escapeJSON writes control, format and other invisible characters beyond ASCII as \uNNNN, and the
// second of two # that might begin a command to continuous integration. In JSON they can only stand
// within strings.
func escapeJSON(data []byte) []byte {
	out := make([]byte, 0, len(data))
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if r == '#' && len(out) > 0 && out[len(out)-1] == '#' {
			out = append(out, `\u0023`...)
			data = data[size:]
			continue
		}
		if r == 0x7f || r > 0x7f && !unicode.IsPrint(r) {
			if r > 0xffff {
				r -= 0x10000
				out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
			} else {
				out = fmt.Appendf(out, `\u%04x`, r)
			}
		} else {
			out = append(out, data[:size]...)
		}
		data = data[size:]
	}
	return out
}

// ReadJSON reads what JSON wrote.
func ReadJSON(data []byte) (*Report, error) {
	r := &Report{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("not a report: %w", err)
	}
	if r.Schema != Schema {
		return nil, fmt.Errorf("schema %q is not %q", visible(shorten(r.Schema, maxShown)), Schema)
	}
	return r, nil
}

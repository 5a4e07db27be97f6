package reports

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/insightconform/conform/reports/plain"
)

// JSON writes the report as indented JSON. Characters that a terminal would obey or hide are written
// as escapes, so that the file can be looked at safely.
func JSON(w io.Writer, r *Report) error {
	if err := plain.WriteJSON(w, r.Normalized()); err != nil {
		return fmt.Errorf("the report as JSON: %w", err)
	}
	return nil
}

// Normalized returns a copy in the order in which every rendering shows it, its lists and maps empty rather
// than nil and its numbers such as JSON can say.
func (r *Report) Normalized() *Report {
	c := plain.WithoutNil(*r)
	if c.Schema == "" {
		c.Schema = Schema
	}
	c.sort()
	return &c
}

// ReadJSON reads what JSON wrote.
func ReadJSON(data []byte) (*Report, error) {
	r := &Report{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("not a report: %w", err)
	}
	if r.Schema != Schema {
		return nil, fmt.Errorf("schema %q is not %q", plain.Visible(plain.Shorten(r.Schema, plain.MaxShown)), Schema)
	}
	return r, nil
}

package reports

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports/plain"
)

// baselineSchema identifies the form of a Baseline file.
const baselineSchema = "conform/baseline/1"

// Baseline lists divergences that are known and accepted: they do not fail a run.
type Baseline struct {
	Schema string `json:"schema"`
	// Capabilities are those that the target had. One that has gone fails a run.
	Capabilities []string        `json:"capabilities,omitempty"`
	Entries      []BaselineEntry `json:"entries"`
}

// BaselineEntry is one known divergence, with the steps that show it.
type BaselineEntry struct {
	Signature string `json:"signature"`
	Reason    string `json:"reason"`
	Link      string `json:"link,omitempty"`
	Expires   string `json:"expires,omitempty"` // the last day on which it holds, as 2026-12-31
	// Raw is the signature that a replay of the steps shows, where it is not Signature.
	Raw string `json:"raw_signature,omitempty"`
	// Seen says of an unrepeated divergence in how many tries it showed, as "0 of 3"; its steps may
	// run without diverging that often before it counts as stale.
	Seen  string             `json:"seen,omitempty"`
	Needs []model.Capability `json:"needs"`
	Steps []model.Request    `json:"steps"`
}

// todoReason stands for a reason that nobody has given yet.
const todoReason = "not yet explained"

// ReadBaseline reads a baseline in JSON or, where yamlForm, in YAML. Unknown keys and repeated
// signatures are errors; errors are one line.
func ReadBaseline(data []byte, yamlForm bool) (*Baseline, error) {
	if yamlForm {
		var raw any
		if err := yaml.Unmarshal(data, &raw); err != nil {
			return nil, fmt.Errorf("not YAML: %s", strings.ReplaceAll(err.Error(), "\n", " "))
		}
		converted, err := json.Marshal(raw)
		if err != nil {
			return nil, fmt.Errorf("not a baseline: %w", err)
		}
		data = converted
	}
	b := &Baseline{}
	if err := readStrictly(data, b); err != nil {
		return nil, fmt.Errorf("not a baseline: %w", err)
	}
	if b.Schema != baselineSchema {
		return nil, fmt.Errorf("its schema is %q, not %q", plain.OneLine(b.Schema), baselineSchema)
	}
	seen := map[string]bool{}
	for i, e := range b.Entries {
		_, noDate := time.Parse(time.DateOnly, e.Expires)
		switch {
		case e.Signature == "":
			return nil, fmt.Errorf("entry %d has no signature", i+1)
		case seen[e.Signature]:
			return nil, fmt.Errorf("entry %d: %q stands twice", i+1, e.Signature)
		case strings.TrimSpace(e.Reason) == "":
			return nil, fmt.Errorf("entry %d: %q has no reason; say why it is accepted", i+1, e.Signature)
		case len(e.Steps) == 0:
			return nil, fmt.Errorf("entry %d: %q has no steps; write them with --update-baseline", i+1, e.Signature)
		case e.Expires != "" && noDate != nil:
			return nil, fmt.Errorf("entry %d: expires %q is no date; write it like 2026-12-31", i+1, e.Expires)
		}
		seen[e.Signature] = true
	}
	return b, nil
}

// Write renders the baseline in JSON or YAML, its entries sorted by signature.
func (b *Baseline) Write(w io.Writer, yamlForm bool) error {
	slices.SortFunc(b.Entries, func(x, y BaselineEntry) int { return strings.Compare(x.Signature, y.Signature) })
	text, err := plain.Marshal(b, "  ")
	if err != nil {
		return err
	}
	if !yamlForm {
		_, err := w.Write(text)
		return err
	}
	// JSON is YAML: reading it as nodes keeps the order of the keys.
	var node yaml.Node
	if err := yaml.Unmarshal(text, &node); err != nil {
		return err
	}
	blockStyle(&node)
	out := yaml.NewEncoder(w)
	out.SetIndent(2)
	if err := out.Encode(&node); err != nil {
		return err
	}
	return out.Close()
}

func blockStyle(node *yaml.Node) {
	node.Style = 0
	for _, child := range node.Content {
		blockStyle(child)
	}
}

// CapabilityNames lists the capabilities as reports name them.
func CapabilityNames() []string {
	return plain.Texts(model.Capabilities, func(c model.Capability) string { return string(c) })
}

// Find returns the entry of a signature, nil where there is none.
func (b *Baseline) Find(signature string) *BaselineEntry {
	if b != nil {
		if i := slices.IndexFunc(b.Entries, func(e BaselineEntry) bool { return e.Signature == signature }); i >= 0 {
			return &b.Entries[i]
		}
	}
	return nil
}

// Expired reports whether the entry no longer holds on a day.
func (e *BaselineEntry) Expired(today time.Time) bool {
	return e.Expires != "" && today.Format(time.DateOnly) > e.Expires
}

// UpdatedBaseline is a baseline of what a run has found. Reasons, links and dates of entries that are
// still there are kept, and so are entries that the run could not check, or that its replay of their
// steps still showed although the exploration, cut short perhaps, did not come upon them.
func UpdatedBaseline(old *Baseline, r *Report) *Baseline {
	b := &Baseline{Schema: baselineSchema, Entries: []BaselineEntry{}}
	b.Capabilities = slices.DeleteFunc(CapabilityNames(), func(name string) bool { return r.Capabilities[name] != Covered })
	for _, d := range r.Divergences {
		e := BaselineEntry{Signature: d.Signature, Reason: todoReason, Raw: d.Raw, Needs: needsOf(d)}
		if d.Status != Confirmed {
			e.Seen = d.Seen
		}
		for _, s := range d.Steps {
			e.Steps = append(e.Steps, s.ModelRequest())
		}
		if known := old.Find(d.Signature); known != nil {
			e.Reason, e.Link, e.Expires = known.Reason, known.Link, known.Expires
		}
		b.Entries = append(b.Entries, e)
	}
	for _, replay := range r.Baseline {
		keep := replay.Outcome == ReplayNotCovered || replay.Outcome == ReplayDiverges
		if known := old.Find(replay.Signature); keep && known != nil && b.Find(replay.Signature) == nil {
			b.Entries = append(b.Entries, *known)
		}
	}
	return b
}

package reports

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/insightconform/conform/internal/files"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/targets"
)

// The outcomes of a replay.
const (
	ReplayDiverges   = "still diverges"
	ReplayFixed      = "fixed"
	ReplayDifferent  = "now different" // it diverges, in another way
	ReplayNotCovered = "not covered"
	ReplayExpired    = "expired" // of a baseline entry whose day has passed
)

// Replay is what became of one recorded divergence on a target.
type Replay struct {
	Signature string   `json:"signature"`
	Rule      model.ID `json:"rule,omitempty"`
	File      string   `json:"file,omitempty"`
	Outcome   string   `json:"outcome"`
	Why       string   `json:"why,omitempty"` // what is different, or what is not covered
	// How the steps were answered, what was expected of the last of them and what came, where nothing but traces is played.
	Expected []string `json:"expected,omitempty"`
	Actual   string   `json:"actual,omitempty"`
	Steps    []Step   `json:"steps,omitempty"`
	// Stale says of a baseline entry that it must go, and Mend how.
	Stale bool   `json:"stale,omitempty"`
	Mend  string `json:"mend,omitempty"`
}

// Diverges reports whether the target still does not conform.
func (r Replay) Diverges() bool { return r.Outcome == ReplayDiverges || r.Outcome == ReplayDifferent }

// Stale lists the entries of the baseline that must go.
func (r *Report) Stale() []Replay {
	return slices.DeleteFunc(slices.Clone(r.Baseline), func(e Replay) bool { return !e.Stale })
}

// The bounds of what is read. What a run writes stays within them.
const (
	maxTraces = 32 << 20 // bytes of a trace, and of those of a folder together
	maxSteps  = 2000     // of a case
	maxListed = 5000     // of what a report lists
)

// ReadTraceFiles reads a trace from a file, or those in the .json files of a folder and the folders below it. A folder
// without traces, and anything that is no trace, is an error that names the file.
func ReadTraceFiles(ctx context.Context, path string) (traces []*Trace, err error) {
	room := maxTraces
	err = filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
		if err = cmp.Or(err, ctx.Err()); err != nil || entry.IsDir() || file != path && filepath.Ext(file) != ".json" {
			return err
		}
		data, err := files.Read(ctx, nil, file, maxTraces)
		if err != nil {
			return err
		}
		if room -= len(data); room < 0 {
			return fmt.Errorf("%s: the traces there are larger than %d MiB in all; give a folder of fewer", path, maxTraces>>20)
		}
		trace, err := readTrace(data)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		trace.Path = file
		traces = append(traces, trace)
		return nil
	})
	if err == nil && len(traces) == 0 {
		err = fmt.Errorf("%s: the folder has no traces", path)
	}
	return traces, err
}

// WriteTraces writes the trace of each confirmed divergence into a folder, each file atomically, notes
// in the report where it is, and says how many they are.
func WriteTraces(folder string, r *Report, keepAccounts bool) (written int, err error) {
	for i := range r.Divergences {
		d := &r.Divergences[i]
		if d.Status != Confirmed {
			continue
		}
		if d.Trace, err = WriteTrace(folder, NewTrace(r, *d, keepAccounts)); err != nil {
			return written, err
		}
		written++
	}
	return written, nil
}

// WriteTrace writes a trace into a folder, which is made where it is missing, and returns its name.
func WriteTrace(folder string, t *Trace) (string, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	t.Digest = t.digest()
	path := filepath.Join(folder, t.fileName())
	return path, files.Write(path, func(w io.Writer) error { return plain.WriteJSON(w, t) })
}

// Trace is the durable record of one divergence: a case that shows it, as it was confirmed. It is
// replayed from the symbolic requests of its steps.
type Trace struct {
	Schema  string `json:"schema"`
	Version string `json:"version,omitempty"` // of conform

	Signature string      `json:"signature"`
	Rule      model.ID    `json:"rule"`
	Level     model.Level `json:"level"`
	Statement string      `json:"statement"` // the rule's one sentence
	Source    string      `json:"source"`
	Operation string      `json:"operation"` // of the step that broke the rule
	Expected  []string    `json:"expected"`  // the allowed answers, the reference first
	Actual    string      `json:"actual"`
	Status    string      `json:"status"` // Confirmed or Unrepeated
	Seen      string      `json:"seen,omitempty"`
	// Raw is the signature that a replay shows, where control experiments gave the divergence to
	// another rule than the one that the answer alone contradicts.
	Raw string `json:"raw_signature,omitempty"`

	Target targets.Info `json:"target"`
	// Needs names the capabilities without which the trace cannot be replayed.
	Needs []model.Capability `json:"needs"`
	Steps []Step             `json:"steps"`
	// Schedule is the seed of the target's schedule under which several clients showed it, where it has one.
	Schedule uint64 `json:"schedule,omitempty"`
	// Digest is a hash of the requests: of others it would be said in vain that they no longer diverge.
	Digest string `json:"digest,omitempty"`
	Path   string `json:"-"` // of the file that it was read from
}

func (t *Trace) digest() string {
	requests, _ := plain.Marshal(Requests(t.Steps), "")
	return fmt.Sprintf("%08x", crc32.ChecksumIEEE(plain.EscapeJSON(requests))) // as they are read back
}

// NewTrace makes the trace of a divergence. Account ids in concrete bytes are replaced by pseudonyms
// unless keepAccounts.
func NewTrace(r *Report, d Divergence, keepAccounts bool) *Trace {
	steps := append([]Step{}, d.Steps...)
	if !keepAccounts {
		steps = withPseudonyms(steps)
	}
	return &Trace{Schema: traceSchema, Version: r.Version, Signature: d.Signature, Rule: d.Rule, Level: d.Level, Statement: d.Statement,
		Source: d.Source, Operation: d.Operation, Expected: d.Expected, Actual: d.Actual, Status: d.Status, Seen: d.Seen, Raw: d.Raw,
		Target: r.Target, Needs: needsOf(d), Steps: steps, Schedule: d.Schedule}
}

// accountID matches what may be an account id: twelve digits by themselves.
var accountID = regexp.MustCompile(`\b[0-9]{12}\b`)

// Pseudonymous replaces account ids by ones that are the same wherever the same account is named.
func Pseudonymous(text string) string {
	return accountID.ReplaceAllStringFunc(text, func(id string) string {
		if id == model.DefaultWorld.Account || id == model.DefaultWorld.OtherAccount {
			return id
		}
		h := fnv.New64a()
		h.Write([]byte(id))
		return fmt.Sprintf("9%011d", h.Sum64()%1e11)
	})
}

// needsOf lists the capabilities that the steps and the rule of a divergence need.
func needsOf(d Divergence) []model.Capability {
	var needs []model.Capability
	if rule := model.RuleOf(d.Rule); rule != nil {
		needs = slices.Clone(rule.Needs)
	}
	for _, step := range d.Steps {
		operation, _ := model.Op(step.Operation).Needs()
		needs = append(needs, operation)
		if step.Region != "" && step.Region != model.DefaultWorld.Home {
			needs = append(needs, model.CanRegions)
		}
		if step.Raw != nil || step.Method != "" || step.OtherTarget {
			needs = append(needs, model.CanRawWire)
		}
	}
	return slices.DeleteFunc(slices.Clone(model.Capabilities), func(c model.Capability) bool { return !slices.Contains(needs, c) })
}

// Requests are the symbolic requests of steps.
func Requests(steps []Step) (out []model.Request) {
	for _, s := range steps {
		out = append(out, s.ModelRequest())
	}
	return out
}

// ModelRequest is the symbolic request of a step.
func (s Step) ModelRequest() model.Request {
	return model.Request{Op: model.Op(s.Operation), Region: s.Region, Input: s.Request, Raw: s.Raw, Method: s.Method, OtherTarget: s.OtherTarget}
}

// schemaOf reads which form a file of JSON has.
func schemaOf(data []byte) (string, error) {
	var head struct {
		Schema string `json:"schema"`
	}
	err := json.Unmarshal(data, &head)
	return head.Schema, err
}

// readTrace reads a trace. Errors are one line.
func readTrace(data []byte) (*Trace, error) {
	schema, err := schemaOf(data)
	if err != nil {
		return nil, fmt.Errorf("no trace: damaged JSON: %w", err)
	}
	if schema != traceSchema {
		return nil, fmt.Errorf("no trace of schema %s, but %q; replay it with the version of conform that wrote it", traceSchema, schema)
	}
	t := &Trace{}
	if err := readStrictly(data, t); err != nil {
		return nil, fmt.Errorf("no trace: %w", err)
	}
	switch {
	case len(t.Steps) == 0 || t.Signature == "":
		return nil, fmt.Errorf("no trace: it has no steps or no signature")
	case len(t.Steps) > maxSteps:
		return nil, fmt.Errorf("no trace: it has %d steps, and the most is %d", len(t.Steps), maxSteps)
	case !slices.ContainsFunc(t.Steps, func(s Step) bool { return s.Diverges }):
		return nil, fmt.Errorf("no trace of a divergence: none of its steps diverges")
	case t.Digest != "" && t.Digest != t.digest():
		return nil, fmt.Errorf("not the trace that was written: its requests were changed by hand")
	}
	for i, step := range t.Steps {
		if _, known := model.Op(step.Operation).Needs(); !known && model.Op(step.Operation) != model.OpArrange {
			return nil, fmt.Errorf("no trace: step %d has the unknown operation %q", i+1, step.Operation)
		}
	}
	return t, nil
}

// Name is a short name for the trace: six hexadecimal digits of its signature.
func (t *Trace) Name() string {
	return fmt.Sprintf("%06x", t.hash()>>8)
}

func (t *Trace) hash() uint32 {
	h := fnv.New32a()
	h.Write([]byte(t.Signature))
	return h.Sum32()
}

// TraceName reports whether a text may be the name of a trace, or of a rule whose traces are meant.
func TraceName(text string) bool {
	return hexName.MatchString(text) || model.RuleOf(model.ID(text)) != nil
}

var hexName = regexp.MustCompile(`^[0-9a-f]{6}$`)

// noNames are the characters of a rule's name that names of files are spared.
var noNames = regexp.MustCompile(`[^A-Za-z0-9-]`)

// fileName is the name under which a trace is kept. It has nothing that a target said.
func (t *Trace) fileName() string {
	return fmt.Sprintf("%s-%08x.json", noNames.ReplaceAllString(string(t.Rule)+"_"+t.Operation, "_"), t.hash())
}

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
		var node yaml.Node
		if err := yaml.Unmarshal(data, &node); err == nil && aliased(&node) {
			return nil, errors.New("it has an alias like *name; write out what that stands for") // many of them fill the memory
		}
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
		case len(e.Steps) > maxSteps:
			return nil, fmt.Errorf("entry %d: %q has %d steps, and the most is %d", i+1, e.Signature, len(e.Steps), maxSteps)
		case e.Expires != "" && noDate != nil:
			return nil, fmt.Errorf("entry %d: expires %q is no date; write it like 2026-12-31", i+1, e.Expires)
		}
		seen[e.Signature] = true
	}
	return b, nil
}

func aliased(n *yaml.Node) bool {
	return n.Kind == yaml.AliasNode || slices.ContainsFunc(n.Content, aliased)
}

// Write renders the baseline in JSON or YAML, its entries sorted by signature.
func (b *Baseline) Write(w io.Writer, yamlForm bool) error {
	slices.SortFunc(b.Entries, func(x, y BaselineEntry) int { return strings.Compare(x.Signature, y.Signature) })
	if !yamlForm {
		return plain.WriteJSON(w, b)
	}
	text, err := plain.Marshal(b, "  ")
	if err != nil {
		return err
	}
	// JSON is YAML: reading it as nodes keeps the order of the keys.
	var node yaml.Node
	if err := yaml.Unmarshal([]byte(plain.VisibleLines(string(text))), &node); err != nil {
		return err
	}
	blockStyle(&node)
	var lines bytes.Buffer
	out := yaml.NewEncoder(&lines)
	out.SetIndent(2)
	if err := errors.Join(out.Encode(&node), out.Close()); err != nil {
		return err
	}
	_, err = io.WriteString(w, plain.VisibleLines(lines.String()))
	return err
}

// blockStyle writes nodes in lines of their own, and in quotes what plain.VisibleLines escapes.
func blockStyle(node *yaml.Node) {
	if node.Style = 0; node.Value != plain.VisibleLines(node.Value) {
		node.Style = yaml.DoubleQuotedStyle
	}
	for _, child := range node.Content {
		blockStyle(child)
	}
}

// CapabilityNames lists the capabilities as reports name them.
func CapabilityNames() []string {
	return plain.Texts(model.Capabilities, func(c model.Capability) string { return string(c) })
}

// Find returns the entry of a signature, nil where there is none. One that names no member of the wrong type is of any.
func (b *Baseline) Find(signature string) *BaselineEntry {
	without := signature
	if strings.Count(signature, "|") == 4 && strings.HasPrefix(signature, string(model.WireWrongType)+"|") {
		without = signature[:strings.LastIndex(signature, "|")]
	}
	for _, wanted := range []string{signature, without} {
		if b == nil {
			break
		} else if i := slices.IndexFunc(b.Entries, func(e BaselineEntry) bool { return e.Signature == wanted }); i >= 0 {
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
	b.Capabilities = slices.DeleteFunc(CapabilityNames(), func(name string) bool {
		kept := old != nil && slices.Contains(old.Capabilities, name) && (r.NotCovered[name] == NotNeeded || strings.HasPrefix(r.NotCovered[name], LeftOutBy))
		return r.Capabilities[name] != Covered && !kept
	})
	for _, d := range r.Divergences {
		e := BaselineEntry{Signature: d.Signature, Reason: todoReason, Raw: d.Raw, Needs: needsOf(d), Steps: Requests(d.Steps)}
		if d.Status != Confirmed {
			e.Seen = d.Seen
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

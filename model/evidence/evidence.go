// Package evidence holds what the real service was seen to answer, rule by rule, with nothing in it that tells whose
// calls they were: what people have transcribed or sent is in its JSON files. A table that people review (levels.go) says
// where a level and what was seen do not agree.
package evidence

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/insightconform/conform/model"
)

// Schema identifies an evidence file.
const Schema = "conform/evidence/1"

// The outcomes that are no alternative.
const (
	Reference = "reference" // what the model predicts
	Neither   = "neither"   // what contradicts the rule
)

// File is an evidence file.
type File struct {
	Schema  string  `json:"schema"`
	Entries []Entry `json:"entries"`
}

// Entry says how often a rule was answered in one way, in one month.
type Entry struct {
	Rule      model.ID `json:"rule"`
	Outcome   string   `json:"outcome"` // Reference, Neither, or one of model.Alternatives
	Count     int      `json:"count"`
	Partition string   `json:"partition"`
	Month     string   `json:"month"`            // 2026-11
	Source    string   `json:"source,omitempty"` // of what was transcribed: where it stands
}

// Outcome is what an entry says of a deviation: the alternative that was taken, as the model lists it, or Neither.
func Outcome(d model.Deviation) string { return cmp.Or(d.Alternative(), Neither) }

// Tally counts entries, which have no count of their own.
type Tally map[Entry]int

// File is what was counted.
func (t Tally) File() *File {
	f := &File{Schema: Schema, Entries: []Entry{}}
	for e, n := range t {
		e.Count += n
		f.Entries = append(f.Entries, e)
	}
	f.Entries = merged(f.Entries)
	return f
}

// merged sorts entries, and joins those that differ by their count alone.
func merged(entries []Entry) []Entry {
	counts := Tally{}
	for _, e := range entries {
		n := e.Count
		e.Count = 0
		counts[e] += n
	}
	out := make([]Entry, 0, len(counts))
	for e, n := range counts {
		e.Count = n
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Month, b.Month), cmp.Compare(a.Partition, b.Partition),
			cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(a.Source, b.Source))
	})
	return out
}

// Write writes a file, an entry on each line, sorted.
func (f *File) Write(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\n  \"schema\": %q,\n  \"entries\": [", Schema)
	for i, e := range merged(f.Entries) {
		if i > 0 {
			b.WriteByte(',')
		}
		line, err := json.Marshal(e)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "\n    %s", line)
	}
	if len(f.Entries) > 0 {
		b.WriteString("\n  ")
	}
	b.WriteString("]\n}\n")
	_, err := w.Write(b.Bytes())
	return err
}

// Read reads a file strictly. name is what errors call it.
func Read(name string, data []byte) (*File, error) {
	f := &File{}
	err := jsonv2.Unmarshal(data, f, jsonv2.RejectUnknownMembers(true))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: no evidence file: %w", name, err)
	case f.Schema != Schema:
		return nil, fmt.Errorf("%s: its schema is %q, not %q", name, f.Schema, Schema)
	case f.Entries == nil:
		return nil, fmt.Errorf("%s: it has no entries", name)
	}
	for i, e := range f.Entries {
		if err := e.check(); err != nil {
			return nil, fmt.Errorf("%s, entry %d: %w", name, i+1, err)
		}
	}
	f.Entries = merged(f.Entries)
	return f, nil
}

var (
	monthPattern     = regexp.MustCompile(`^20[0-9]{2}-(0[1-9]|1[0-2])$`)
	partitionPattern = regexp.MustCompile(`^aws(-[a-z]{2,3}){0,3}$`)
)

// check says what is wrong with an entry.
func (e *Entry) check() error {
	kinds := append([]string{Reference, Neither}, model.Alternatives(e.Rule)...)
	switch rule := model.RuleOf(e.Rule); {
	case e.Rule != model.Order && (rule == nil || rule.Silent):
		return fmt.Errorf("%q is no rule that an answer can bear out; see 'conform rules'", e.Rule)
	case !slices.Contains(kinds, e.Outcome):
		return fmt.Errorf("%q is no outcome of %s; use one of: %s", e.Outcome, e.Rule, strings.Join(kinds, ", "))
	case e.Count < 1:
		return fmt.Errorf("a count of %d", e.Count)
	case !partitionPattern.MatchString(e.Partition):
		return fmt.Errorf("%q is no partition, such as aws", e.Partition)
	case !monthPattern.MatchString(e.Month):
		return fmt.Errorf("%q is no month, such as 2026-11", e.Month)
	}
	return nil
}

//go:embed *.json
var embedded embed.FS

// Files are those of this folder, by name.
func Files() (map[string]*File, error) {
	names, err := embedded.ReadDir(".")
	if err != nil {
		return nil, err
	}
	files := map[string]*File{}
	for _, entry := range names {
		data, err := embedded.ReadFile(entry.Name())
		if err != nil {
			return nil, err
		}
		if files[entry.Name()], err = Read(entry.Name(), data); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// Seen sums up what files say of a rule.
type Seen struct {
	Count        int    // as the rule has it, by the reference or an alternative
	Last         string // the month of the last of them
	Alternatives []string
	Contradicted int
}

// Sum sums up what files say, by rule.
func Sum(files map[string]*File) map[model.ID]Seen {
	all := map[model.ID]Seen{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		for _, e := range files[name].Entries {
			s := all[e.Rule]
			if e.Outcome == Neither {
				s.Contradicted += e.Count
			} else {
				s.Count, s.Last = s.Count+e.Count, max(s.Last, e.Month)
				if e.Outcome != Reference && !slices.Contains(s.Alternatives, e.Outcome) {
					s.Alternatives = append(s.Alternatives, e.Outcome)
					slices.Sort(s.Alternatives)
				}
			}
			all[e.Rule] = s
		}
	}
	return all
}

// String says how often a rule was observed, empty where it never was.
func (s Seen) String() string {
	times := func(n int) string { return fmt.Sprintf("%d time%s", n, strings.Repeat("s", min(n-1, 1))) }
	var parts []string
	if s.Count > 0 {
		parts = append(parts, fmt.Sprintf("observed %s, last in %s", times(s.Count), s.Last))
	}
	if s.Contradicted > 0 {
		parts = append(parts, "contradicted "+times(s.Contradicted))
	}
	return strings.Join(parts, "; ")
}

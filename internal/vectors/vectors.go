// Package vectors is the rules as data: short sequences of requests, each about one rule, with the answers that a right
// server may give, for test suites in any language. The set is made from the model by the tests of this package, and kept
// with the source; what it means is said in its schema.
package vectors

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// The names of the formats, and of the file that a reader of a set begins with.
const (
	Schema      = "conform/vectors/1"
	IndexSchema = "conform/vectors-index/1"
	IndexFile   = "index.json"
)

//go:embed all:set
var kept embed.FS

// Files are those of the set that belongs to this version, by their paths.
func Files() fs.FS {
	files, err := fs.Sub(kept, "set")
	if err != nil {
		panic(err) // the name is a constant
	}
	return files
}

// Index says what is in a set, and all that is not about a single vector.
type Index struct {
	Schema       string                `json:"schema"`
	Version      string                `json:"version"`
	Files        []string              `json:"files"`
	Rules        []Rule                `json:"rules"`
	Without      map[model.ID]string   `json:"without"`
	Capabilities map[string]Capability `json:"capabilities"`
	Codes        Codes                 `json:"codes"`
}

// Rule is a rule of the set, and how many vectors it has.
type Rule struct {
	ID        model.ID    `json:"id"`
	Level     model.Level `json:"level"`
	Statement string      `json:"statement"`
	Source    string      `json:"source"`
	Vectors   int         `json:"vectors"`
}

// Capability is what a server may or may not be able to do. It can where each step of one of the probes is answered as
// allowed.
type Capability struct {
	Why    string   `json:"why"`
	Probes [][]Step `json:"probes"`
}

// Codes are the error codes that mean something wherever they come from.
type Codes struct {
	Listed       []string `json:"listed"`
	Missing      []string `json:"missing"`
	Repeat       []string `json:"repeat"`
	Inconclusive []string `json:"inconclusive"`
}

// File is the vectors of one family of rules.
type File struct {
	Schema  string   `json:"schema"`
	Version string   `json:"version"`
	Vectors []Vector `json:"vectors"`
}

// Vector is one sequence of steps, of which the last one is judged.
type Vector struct {
	ID       string      `json:"id"`
	Rule     model.ID    `json:"rule"`
	Level    model.Level `json:"level"`
	Source   string      `json:"source"`
	Comment  string      `json:"comment"`
	Needs    []string    `json:"needs"`
	Requires []string    `json:"requires"`
	Buckets  []string    `json:"buckets,omitempty"`
	Times    int         `json:"times,omitempty"`
	Steps    []Step      `json:"steps"`
}

// Step is one request and the answers that are allowed.
type Step struct {
	Operation string            `json:"operation,omitempty"`
	Region    string            `json:"region,omitempty"`
	Prefix    string            `json:"prefix,omitempty"`
	Method    string            `json:"method,omitempty"`
	If        string            `json:"if,omitempty"`
	Body      *value.Value      `json:"body,omitempty"`
	Raw       *string           `json:"raw,omitempty"`
	Arrange   string            `json:"arrange,omitempty"`
	Trail     string            `json:"trail,omitempty"`
	Bucket    string            `json:"bucket,omitempty"`
	Save      map[string]string `json:"save,omitempty"`
	Clients   [][]Step          `json:"clients,omitempty"`
	Allowed   []Pattern         `json:"allowed,omitempty"`
	Others    []Pattern         `json:"others,omitempty"`
}

// Pattern is a set of answers.
type Pattern struct {
	Outcome   string            `json:"outcome"`
	Codes     []string          `json:"codes,omitempty"`
	Status    []int             `json:"status,omitempty"`
	Form      string            `json:"form,omitempty"`
	Selectors *[]Selector       `json:"selectors,omitempty"`
	Repeats   bool              `json:"repeats,omitempty"`
	Entries   string            `json:"entries,omitempty"`
	Members   map[string]Member `json:"members,omitempty"`
	Flags     map[string]bool   `json:"flags,omitempty"`
	Logs      map[string]bool   `json:"logs,omitempty"`
	Ends      string            `json:"ends,omitempty"`
	Belongs   model.ID          `json:"belongs,omitempty"`
}

// Selector is one of the insight selectors that an answer lists.
type Selector struct {
	InsightType     string
	EventCategories []string
}

// Member is what is asked of a member of an answer.
type Member struct {
	Given *bool    `json:"given,omitempty"`
	In    []string `json:"in,omitempty"`
}

// The values of Pattern.Outcome, Pattern.Form and Pattern.Entries.
const (
	Success = "success"
	Refused = "refused"
	Answer  = "answer"
	Present = "present"

	Exact = "exact"

	Once           = "once"
	ManagementOnly = "management"
)

// Set is a set of vectors as a whole.
type Set struct {
	Index   Index
	Vectors []Vector // in their order
}

// Read reads a set.
func Read(files fs.FS) (*Set, error) {
	s := &Set{}
	if err := readJSON(files, IndexFile, IndexSchema, &s.Index.Schema, &s.Index); err != nil {
		return nil, err
	}
	for _, name := range s.Index.Files {
		var file File
		if err := readJSON(files, name, Schema, &file.Schema, &file); err != nil {
			return nil, err
		}
		if file.Version != s.Index.Version {
			return nil, fmt.Errorf("%s is of version %s, and %s of %s: they are of different sets", name, file.Version, IndexFile, s.Index.Version)
		}
		s.Vectors = append(s.Vectors, file.Vectors...)
	}
	return s, nil
}

// readJSON reads one file, whose schema is to be the one that is wanted.
func readJSON(files fs.FS, name, want string, has *string, into any) error {
	if !fs.ValidPath(name) {
		return fmt.Errorf("%s names %q, which is no file of the set", IndexFile, name)
	}
	data, err := fs.ReadFile(files, name)
	if err != nil {
		return err
	}
	var syntax *json.SyntaxError
	err = json.Unmarshal(data, into)
	switch {
	case errors.As(err, &syntax):
		line := 1 + bytes.Count(data[:min(int(syntax.Offset), len(data))], []byte("\n"))
		return fmt.Errorf("%s, line %d, is no JSON: %w", name, line, err)
	case err != nil:
		return fmt.Errorf("%s is no file of vectors: %w", name, err)
	case *has != want:
		return fmt.Errorf("%s has the schema %q, and this version reads %q", name, *has, want)
	}
	return nil
}

// Render writes the JSON files of the set, by their names.
func (s *Set) Render() (map[string][]byte, error) {
	index := s.Index
	index.Files = nil
	byFamily := map[string]*File{}
	for _, v := range s.Vectors {
		name := v.Rule.Family() + ".json"
		if byFamily[name] == nil {
			byFamily[name] = &File{Schema: Schema, Version: index.Version}
			index.Files = append(index.Files, name)
		}
		byFamily[name].Vectors = append(byFamily[name].Vectors, v)
	}
	out := map[string][]byte{}
	for name, file := range byFamily {
		// One vector a line, so that a difference shows which ones have changed.
		head, err := encode(File{Schema: file.Schema, Version: file.Version, Vectors: []Vector{}})
		if err != nil {
			return nil, err
		}
		var lines []string
		for _, v := range file.Vectors {
			line, err := encode(v)
			if err != nil {
				return nil, err
			}
			lines = append(lines, string(line))
		}
		out[name] = []byte(strings.TrimSuffix(string(head), "]}") + "\n" + strings.Join(lines, ",\n") + "\n]}\n")
	}
	data, err := encode(index)
	if err != nil {
		return nil, err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, data, "", " "); err != nil {
		return nil, err
	}
	out[IndexFile] = append(indented.Bytes(), '\n')
	return out, nil
}

// encode is JSON without escapes for HTML.
func encode(v any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
}

// Of lists the vectors of a rule.
func (s *Set) Of(rule model.ID) []Vector {
	return slices.DeleteFunc(slices.Clone(s.Vectors), func(v Vector) bool { return v.Rule != rule })
}

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// applyFile takes settings that were given neither by flag nor by variable from the configuration
// file. The file is checked as a whole, also where its settings are not used.
func (s *settings) applyFile() error {
	if s.config == "" {
		return nil
	}
	data, err := readSmallFile("config", s.config)
	if err != nil {
		return err
	}
	document, err := parseYAML(data)
	if err != nil {
		return usagef("%s: %w; write settings like 'seed: 42'", s.config, err)
	}
	if document == nil {
		return nil
	}
	if document.Kind != yaml.MappingNode {
		return usagef("%s: the file must hold settings like 'seed: 42'", s.place(document))
	}
	options := s.byName()
	var known []string
	for _, o := range s.options() {
		if !o.flagOnly {
			known = append(known, o.name)
		}
	}
	lines := map[string]int{}
	checked := defaultSettings() // takes the settings that go unused
	unused := checked.byName()
	for i := 0; i+1 < len(document.Content); i += 2 {
		key, value := document.Content[i], document.Content[i+1]
		o, ok := options[key.Value]
		if !ok || o.flagOnly {
			return usagef("%s: %q is no setting; %s", s.place(key), key.Value, suggestion(nearest(key.Value, known), "conform run --help"))
		}
		if first, twice := lines[o.name]; twice {
			return usagef("%s: %s stands twice, first on line %d; remove one of them", s.place(key), o.name, first)
		}
		lines[o.name] = key.Line
		texts, err := o.texts(value)
		if err != nil {
			return usagef("%s: %s %w", s.place(value), o.name, err)
		}
		into := s
		if s.from[o.name] > fromFile {
			into, o = &checked, unused[o.name]
		}
		for _, text := range texts {
			if err := o.at.set(text); err != nil {
				return wrongValue(s.place(value)+": "+o.name, text, err)
			}
		}
		into.from[o.name] = fromFile
	}
	return nil
}

// place says where in the configuration file something stands.
func (s *settings) place(node *yaml.Node) string {
	return fmt.Sprintf("%s line %d", s.config, node.Line)
}

// parseYAML reads exactly one document; nil is an empty one.
func parseYAML(data []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, second yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, err
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		if err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("line %d: a second document; one is enough", second.Line)
	}
	content := document.Content[0]
	if content.Kind == yaml.ScalarNode && content.Tag == "!!null" {
		return nil, nil
	}
	return content, nil
}

// scalars says for each kind of setting that is no list of which YAML type it is, and what else to write.
var scalars = map[kind]struct{ tag, otherwise string }{
	kindText:     {"!!str", "must be a text; put quotes around it"},
	kindNumber:   {"!!int", "must be a whole number"},
	kindDuration: {"!!str", "must be a duration with a unit, such as 30s or 5m"},
	kindSwitch:   {"!!bool", "must be true or false"},
}

// texts reads a setting's value from YAML, strictly: the type must be the setting's.
func (o option) texts(node *yaml.Node) ([]string, error) {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if o.kind == kindList {
		return o.list(node)
	}
	must := scalars[o.kind]
	if !isScalar(node, must.tag) {
		return nil, errors.New(must.otherwise)
	}
	var n uint64
	if o.kind == kindNumber && node.Decode(&n) == nil {
		return []string{strconv.FormatUint(n, 10)}, nil
	}
	return []string{node.Value}, nil // set says what is wrong with it
}

func isScalar(node *yaml.Node, tag string) bool {
	return node.Kind == yaml.ScalarNode && node.Tag == tag
}

// list reads a list of texts. A single text stands for itself, with commas as on the command line.
func (o option) list(node *yaml.Node) ([]string, error) {
	if isScalar(node, "!!str") {
		return []string{node.Value}, nil
	}
	var items []string
	for _, item := range node.Content {
		if item.Kind == yaml.AliasNode {
			item = item.Alias
		}
		if !isScalar(item, "!!str") {
			items = nil
			break
		}
		items = append(items, item.Value)
	}
	switch {
	case node.Kind != yaml.SequenceNode || len(items) == 0:
		return nil, errors.New("must be a list of texts, such as [A, B]")
	case o.name == "report":
		return items, nil
	}
	return []string{strings.Join(items, ",")}, nil
}

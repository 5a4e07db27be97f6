package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// variableName is the environment variable of a setting.
func variableName(name string) string {
	return "CONFORM_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// read takes what no flag gave from CONFORM_… variables, unless they are empty, and from the configuration file.
func (s *settings) read(environ map[string]string) error {
	for _, o := range s.options() {
		text := environ[variableName(o.name)]
		if text == "" || s.from[o.name] > fromEnvironment {
			continue
		}
		items := []string{text}
		if o.name == "report" {
			items = strings.Split(text, ",")
		}
		if err := o.setAll(items, variableName(o.name)); err != nil {
			return err
		}
		s.from[o.name] = fromEnvironment
	}
	if s.config == "" {
		return nil
	}
	return s.readConfig()
}

// setAll sets an option to texts that were given at a place.
func (o option) setAll(texts []string, where string) error {
	for _, text := range texts {
		if err := o.at.set(text); err != nil {
			return wrongValue(where, text, err)
		}
	}
	return nil
}

// readConfig takes what neither flag nor variable gave from the configuration file, all of which is checked.
func (s *settings) readConfig() error {
	data, err := readFile("--config: ", s.config, maxFile)
	if err != nil {
		return err
	}
	document, err := parseYAML(data)
	if err != nil {
		return usagef("%s: %w; write settings like 'seed: 42'", s.config, err)
	}
	if document.Kind != yaml.MappingNode {
		return usagef("%s: the file must hold settings like 'seed: 42'", s.place(document))
	}
	options := s.byName()
	delete(options, "config")
	lines := map[string]int{}
	checked := defaultSettings() // takes the settings that go unused
	unused := checked.byName()
	for i := 0; i+1 < len(document.Content); i += 2 {
		key, value := document.Content[i], document.Content[i+1]
		o, ok := options[key.Value]
		if !ok {
			return usagef("%s: %q is no setting; %s", s.place(key), key.Value, suggestion(nearest(key.Value, slices.Sorted(maps.Keys(options))), "conform run --help"))
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
			into, o = checked, unused[o.name]
		}
		if err := o.setAll(texts, s.place(value)+": "+o.name); err != nil {
			return err
		}
		into.from[o.name] = fromFile
	}
	return nil
}

// place says where in the configuration file something stands.
func (s *settings) place(node *yaml.Node) string {
	return fmt.Sprintf("%s line %d", s.config, node.Line)
}

// parseYAML reads exactly one document; an empty one is a mapping without keys.
func parseYAML(data []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, second yaml.Node
	err := decoder.Decode(&document)
	if err == nil {
		err = decoder.Decode(&second)
	}
	switch {
	case err == nil:
		return nil, fmt.Errorf("line %d: a second document; one is enough", second.Line)
	case !errors.Is(err, io.EOF):
		return nil, err
	case len(document.Content) == 0, document.Content[0].Tag == "!!null":
		return &yaml.Node{Kind: yaml.MappingNode}, nil
	}
	return document.Content[0], nil
}

// form is what the value of a setting looks like in a configuration file: the YAML type, and what else to write.
type form struct{ tag, otherwise string }

var (
	aText     = form{"!!str", "must be a text; put quotes around it"}
	aNumber   = form{"!!int", "must be a whole number"}
	aDuration = form{"!!str", "must be a duration with a unit, such as 30s or 5m"}
	aList     = form{"!!str", "must be a list of texts, such as [A, B]"} // or one text with commas, as on the command line
	aSwitch   = form{"!!bool", "must be true or false"}
)

// texts reads a setting's value from YAML, strictly: the type must be the setting's.
func (o option) texts(node *yaml.Node) (texts []string, err error) {
	aliased := func(node *yaml.Node) *yaml.Node { return cmp.Or(node.Alias, node) }
	node = aliased(node)
	items := []*yaml.Node{node}
	if o.at.form == aList && node.Kind == yaml.SequenceNode {
		items = node.Content
	}
	for _, item := range items {
		item = aliased(item)
		if item.Kind != yaml.ScalarNode || item.Tag != o.at.form.tag {
			return nil, errors.New(o.at.form.otherwise)
		}
		text := item.Value
		var n uint64
		if o.at.form == aNumber && item.Decode(&n) == nil {
			text = strconv.FormatUint(n, 10)
		}
		texts = append(texts, text) // set says what is wrong with it
	}
	switch {
	case len(texts) == 0:
		return nil, errors.New(o.at.form.otherwise)
	case o.name == "report":
		return texts, nil
	}
	return []string{strings.Join(texts, ",")}, nil
}

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds the files that people write: a configuration, an error order.
const maxFile = 1 << 20

// readSmallFile reads a file that a person wrote; anything else is wrong usage.
func readSmallFile(setting, path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, usagef("--%s: %w; give the path of a readable file", setting, err)
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.IsDir() {
		return nil, usagef("--%s: %s is a directory; give the path of a file", setting, path)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	switch {
	case err != nil:
		return nil, usagef("--%s: %w; give the path of a readable file", setting, err)
	case len(data) > maxFile:
		return nil, usagef("--%s: %s is larger than %d bytes; give the file that was meant", setting, path, maxFile)
	}
	return data, nil
}

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
	for _, group := range s.groups() {
		for _, o := range group.options {
			if !o.flagOnly {
				known = append(known, o.name)
			}
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
			if err := o.set(text); err != nil {
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

// texts reads a setting's value from YAML, strictly: the type must be the setting's.
func (o option) texts(node *yaml.Node) ([]string, error) {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	isText := node.Kind == yaml.ScalarNode && node.Tag == "!!str"
	switch o.kind {
	case kindNumber:
		if node.Kind == yaml.ScalarNode && node.Tag == "!!int" {
			var n uint64
			if node.Decode(&n) == nil {
				return []string{strconv.FormatUint(n, 10)}, nil
			}
			return []string{node.Value}, nil // set says what is wrong with it
		}
		return nil, errors.New("must be a whole number")
	case kindSwitch:
		if node.Kind == yaml.ScalarNode && node.Tag == "!!bool" {
			return []string{node.Value}, nil
		}
		return nil, errors.New("must be true or false")
	case kindDuration:
		if isText {
			return []string{node.Value}, nil
		}
		return nil, errors.New("must be a duration with a unit, such as 30s or 5m")
	case kindList:
		return o.list(node, isText)
	}
	if isText {
		return []string{node.Value}, nil
	}
	return nil, errors.New("must be a text; put quotes around it")
}

// list reads a list of texts. A single text stands for itself, with commas as on the command line.
func (o option) list(node *yaml.Node, isText bool) ([]string, error) {
	if isText {
		return []string{node.Value}, nil
	}
	if node.Kind != yaml.SequenceNode || len(node.Content) == 0 {
		return nil, errors.New("must be a list of texts, such as [A, B]")
	}
	var items []string
	for _, item := range node.Content {
		for item.Kind == yaml.AliasNode {
			item = item.Alias
		}
		if item.Kind != yaml.ScalarNode || item.Tag != "!!str" {
			return nil, errors.New("must be a list of texts, such as [A, B]")
		}
		items = append(items, item.Value)
	}
	if o.name == "report" {
		return items, nil
	}
	return []string{strings.Join(items, ",")}, nil
}

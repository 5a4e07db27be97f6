package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/formats"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/targets/account/ledger"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/endpoint"
)

// maxRequests and maxWorkers keep a slip of the finger from asking for the impossible.
const (
	maxRequests = 1_000_000_000
	maxWorkers  = 256
)

// field is where a setting is kept: set takes a text in, and text gives it back, normalized.
type field struct {
	set  func(text string) error
	text func() string
	form form
	adds bool // set keeps what was given before
}

// fieldOf makes the field of a value that parse reads; nothing is changed where it fails.
func fieldOf[T any](at *T, form form, parse func(string) (T, error), text func(T) string) field {
	set := func(given string) error {
		value, err := parse(given)
		if err == nil {
			*at = value
		}
		return err
	}
	return field{set: set, text: func() string { return text(*at) }, form: form}
}

// textField makes the field of a text that a check lets pass.
func textField(at *string, check func(string) error) field {
	return fieldOf(at, aText, func(text string) (string, error) { return text, check(text) }, strings.Clone)
}

// listField makes the field of a list with commas, each item of which a check lets pass, and none is repeated.
func listField(at *[]string, check func(string) error) field {
	return fieldOf(at, aList, func(text string) ([]string, error) { return splitList(text, check) }, listText)
}

func listText(items []string) string { return strings.Join(items, ",") }

// numberField makes the field of a whole number within bounds.
func numberField[N int | uint64](at *N, lowest, highest uint64) field {
	return fieldOf(at, aNumber, func(text string) (N, error) {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil || n < lowest || n > highest {
			return 0, fmt.Errorf("must be a whole number from %d to %d", lowest, highest)
		}
		return N(n), nil
	}, func(n N) string { return fmt.Sprint(n) })
}

// switchField makes the field of a switch.
func switchField(at *bool) field {
	return fieldOf(at, aSwitch, func(text string) (bool, error) {
		on, err := strconv.ParseBool(text)
		if err != nil {
			err = errors.New(aSwitch.otherwise)
		}
		return on, err
	}, strconv.FormatBool)
}

// durationField makes the field of a time of at least a millisecond.
func durationField(at *time.Duration) field {
	return fieldOf(at, aDuration, parseDuration, time.Duration.String)
}

func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		if _, err := strconv.ParseFloat(text, 64); err == nil {
			return 0, fmt.Errorf("has no unit; write %ss for seconds", text)
		}
		return 0, fmt.Errorf("is no duration; write it like 30s, 5m or 1h30m")
	}
	if d < time.Millisecond {
		return 0, fmt.Errorf("is too short; the least is 1ms")
	}
	return d, nil
}

// checkBy makes a check that complains of what is not ok, which the complaint may name by {}.
func checkBy(ok func(string) bool, complaint string) func(string) error {
	return func(text string) error {
		if !ok(text) {
			return errors.New(strings.Replace(complaint, "{}", strconv.Quote(text), 1))
		}
		return nil
	}
}

// regions are those of AWS. An emulator may have others, and newer ones are as good.
var regions = strings.Fields(`us-east-1 us-east-2 us-west-1 us-west-2 af-south-1 ap-east-1 ap-east-2 ap-south-1 ap-south-2 ap-
northeast-1 ap-northeast-2 ap-northeast-3 ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-
southeast-4 ap-southeast-5 ap-southeast-6 ap-southeast-7 ca-central-1 ca-west-1 eu-central-1 eu-
central-2 eu-west-1 eu-west-2 eu-west-3 eu-north-1 eu-south-1 eu-south-2 il-central-1 me-central-1
me-south-1 mx-central-1 sa-east-1 us-gov-east-1 us-gov-west-1 cn-north-1 cn-northwest-1`)

// checkRegion refuses what is no Region, or looks like a slip in the words of one.
func checkRegion(text string) error {
	if err := isRegion(text); err != nil || slices.Contains(regions, text) {
		return err
	}
	words := func(region string) string { return strings.TrimRight(region, "0123456789") }
	alike := func(region string) bool { return words(region) == words(text) }
	if near := nearest(text, regions); len(near) > 0 && !slices.ContainsFunc(regions, alike) {
		return fmt.Errorf("%s is no Region; %s", text, suggestion(near, ""))
	}
	return nil
}

// anyText lets every text pass.
func anyText(string) error { return nil }

var (
	checkPath   = checkBy(func(text string) bool { return text != "" }, "is no path; give that of a file")
	checkName   = checkBy(regexp.MustCompile(`^[^\s\pC][^\pC]{0,79}$`).MatchString, "is no name; give up to 80 characters on one line")
	checkTarget = checkBy(regexp.MustCompile(`^(embedded|endpoint|account)$`).MatchString, "is no target; use embedded, endpoint or account")
	isRegion    = checkBy(regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`).MatchString, "{} is no Region; write it like us-east-1,eu-west-1")
	checkBucket = checkBy(func(text string) bool { return text != "" && !strings.ContainsAny(text, " /\t\r\n") },
		"is no name of a bucket; write it like my-bucket")
	checkAccount = checkBy(regexp.MustCompile(`^[0-9]{12}$`).MatchString, "is no account id, which has 12 digits")
	checkPrefix  = checkBy(func(text string) bool { return text != "" && ledger.CheckPrefix(text) == nil },
		fmt.Sprintf("is no prefix; give %d to %d lower-case letters, digits and single dashes, such as conform-night1", ledger.MinPrefix, ledger.MaxPrefix))
)

func checkEndpoint(text string) error {
	_, err := endpoint.CheckURL(text)
	return err
}

// oneOf checks the items of a list of things that are known by name.
func oneOf(what string, known []string) func(string) error {
	return checkBy(func(name string) bool { return slices.Contains(known, name) },
		fmt.Sprintf("{} is no %s; use one or several of %s, with commas between", what, strings.Join(known, ", ")))
}

var weathers = plain.Texts(embedded.Weathers, func(w embedded.Weather) string { return w.Name })

// checkWeather says of a name that no weather has it.
func checkWeather(name string) error {
	if slices.Contains(weathers, name) {
		return nil
	}
	return fmt.Errorf("%q is no weather; use %s", name, strings.Join(weathers, ", "))
}

// splitList reads a list with commas, each item of which a check lets pass, and refuses empty and repeated ones.
func splitList(text string, check func(string) error) (list []string, err error) {
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		switch {
		case item == "":
			return nil, errors.New("has an empty item; write a list like A,B")
		case slices.Contains(list, item):
			return nil, fmt.Errorf("names %q twice; once is enough", item)
		case err == nil:
			err = check(item)
		}
		list = append(list, item)
	}
	return list, err
}

func (s *settings) addAccounts(text string) error {
	ids, err := splitList(text, checkAccount)
	for _, id := range ids {
		if !slices.Contains(s.account.Accounts, id) {
			s.account.Accounts = append(s.account.Accounts, id)
		}
	}
	return err
}

// setShard reads "i/n" with i from 1 to n, or auto, for which the environment is asked once all settings are read.
func (s *settings) setShard(text string) error {
	index, count, _ := strings.Cut(text, "/")
	shard, ok := reports.ShardOf(index, count, 1)
	if s.shardAuto = text == "auto"; !ok && !s.shardAuto {
		return errors.New("is no share; write it like 2/5 for the second of five, or auto")
	}
	s.run.Shard = shard
	return nil
}

func parseLevel(text string) (model.Level, error) {
	level, err := model.ParseLevel(text)
	if err != nil {
		err = errors.New("is no level; use documented, observed or inferred")
	}
	return level, err
}

// addHeader takes a header for each request.
func (s *settings) addHeader(text string) error {
	if _, _, err := endpoint.ParseHeader(text); err != nil {
		return err
	}
	s.endpoint.Headers = append(s.endpoint.Headers, text)
	return nil
}

// readCAs reads the certificates that are trusted.
func (s *settings) readCAs(ctx context.Context) error {
	if s.caFile == "" {
		return nil
	}
	data, err := readFile(ctx, "--ca-file: ", s.caFile, maxFile)
	if err != nil {
		return err
	}
	s.endpoint.RootCAs = x509.NewCertPool()
	if !s.endpoint.RootCAs.AppendCertsFromPEM(data) {
		return usagef("--ca-file %s: has no certificate in PEM form", s.caFile)
	}
	return nil
}

func (s *settings) addReport(text string) error { return s.addSink(formats.Parse(text)) }

func (s *settings) addMatrix(text string) error { return s.addSink(formats.ParseMatrix(text)) }

func (s *settings) addSink(sink formats.Sink, err error) error {
	again := slices.ContainsFunc(s.sinks, func(other formats.Sink) bool { return other.Path == sink.Path })
	switch {
	case err != nil:
		return err
	case again && sink.Path == "":
		return errors.New("a second report for standard output; write one of them to a file with =PATH")
	case again:
		return fmt.Errorf("two reports for the same file %s; give each one of its own", sink.Path)
	}
	s.sinks = append(s.sinks, sink)
	return nil
}

// fleet is where a system that starts several equal jobs tells each of them which one it is.
type fleet struct {
	name         string
	index, count string // environment variables
	first        int    // the index of the first job
}

// fleets lists the systems that are known. Some leave the count, or both, to the manifest, as those under deploy/ do.
var fleets = []fleet{
	{"Kubernetes Indexed Job", "JOB_COMPLETION_INDEX", "JOB_COMPLETIONS", 0},
	{"AWS Batch array job", "AWS_BATCH_JOB_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_SIZE", 0},
	{"GitLab parallel job", "CI_NODE_INDEX", "CI_NODE_TOTAL", 1},
	{"GitHub matrix", "STRATEGY_JOB_INDEX", "STRATEGY_JOB_TOTAL", 0},
}

// shardFromEnvironment finds which of n equal jobs this one is. Where two systems say so, they must agree.
func shardFromEnvironment(environ map[string]string) (found conform.Shard, err error) {
	source := "" // the system that told it
	for _, f := range fleets {
		index, count := environ[f.index], environ[f.count]
		if index == "" && (count == "" || f.first == 1) {
			continue // GitLab sets the total for every job, parallel or not
		}
		shard, ok := reports.ShardOf(index, count, f.first)
		switch {
		case index == "":
			err = fmt.Errorf("the environment has %s and no %s (%s); set both, or write the share like 2/5", f.count, f.index, f.name)
		case count == "":
			err = fmt.Errorf("the environment has %s and no %s (%s); set it to the number of jobs, or write the share like 2/5", f.index, f.count, f.name)
		case !ok:
			err = fmt.Errorf("%s=%.20q and %s=%.20q make no share (%s); the index runs from %d to one job for each of the count", f.index, index, f.count, count, f.name, f.first)
		case source != "" && shard != found:
			err = fmt.Errorf("the environment has two shares, %d/%d (%s) and %d/%d (%s); write the one that is meant like 2/5", found.Index+1, found.Count, source, shard.Index+1, shard.Count, f.name)
		}
		if err != nil {
			return conform.Shard{}, err
		}
		found, source = shard, f.name
	}
	if source == "" {
		variables := plain.Texts(fleets, func(f fleet) string { return f.index })
		return found, fmt.Errorf("the environment tells of no fleet (%s); write the share like 2/5", strings.Join(variables, ", "))
	}
	return found, nil
}

// variableName is the environment variable of a setting.
func variableName(name string) string {
	return "CONFORM_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// misspelt refuses a variable that looks like one of conform's own, and is none.
func (s *settings) misspelt(environ map[string]string) error {
	known := append(slices.Collect(maps.Keys(s.byName())), "debug", "addr")
	for _, variable := range slices.Sorted(maps.Keys(environ)) {
		name, ours := strings.CutPrefix(variable, variableName(""))
		if name = strings.ToLower(strings.ReplaceAll(name, "_", "-")); !ours || slices.Contains(known, name) {
			continue
		}
		if near := nearest(name, known); len(near) > 0 {
			return usagef("%s is no variable of conform; %s", variable, suggestion(plain.Texts(near, variableName), ""))
		}
	}
	return nil
}

// read takes what no flag gave from CONFORM_… variables, unless they are empty, and from the configuration file.
func (s *settings) read(ctx context.Context, environ map[string]string) error {
	if err := s.misspelt(environ); err != nil {
		return err
	}
	for _, group := range s.groups() {
		for _, o := range group.Items {
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
	}
	if s.config == "" {
		return nil
	}
	return s.readConfig(ctx)
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
func (s *settings) readConfig(ctx context.Context) error {
	data, err := readFile(ctx, "--config: ", s.config, maxFile)
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
	unused := defaultSettings().byName() // only checked
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
		if s.from[o.name] > fromFile {
			o = unused[o.name]
		} else {
			s.from[o.name] = fromFile
		}
		if err := o.setAll(texts, s.place(value)+": "+o.name); err != nil {
			return err
		}
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

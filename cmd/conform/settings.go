package main

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/generators/machine"
	"github.com/insightconform/conform/internal/explore"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports/formats"
	"github.com/insightconform/conform/targets/endpoint"
	"github.com/insightconform/conform/targets/pace"
)

// settings is what a run is told, from whatever source.
type settings struct {
	target                 string
	endpoint               string
	config                 string
	seed                   uint64
	requests               int
	time                   time.Duration
	workers                int
	timeout                time.Duration
	suites                 []string
	depth                  int
	machines               []string
	shard                  conform.Shard
	shardAuto              bool // the environment of a fleet says which
	resume                 string
	planning               bool // nothing is sent to an account
	regions                []string
	bucket                 string
	order                  string
	failOn                 model.Level
	sinks                  []formats.Sink
	environmentCredentials bool
	fault                  string
	traces                 string
	prune                  bool
	keepAccounts           bool
	shrinkRequests         int
	baseline               string
	updateBaseline         bool
	quiet                  bool
	verbose                bool
	pace                   *pace.Rates // nil is as fast as the target answers
	eventual               bool
	settle                 time.Duration
	account                accountSettings

	from map[string]origin // of the settings that were given, by name
}

// origin is where a setting was given. A higher one goes before a lower one.
type origin int

const (
	fromDefault origin = iota
	fromFile
	fromEnvironment
	fromFlag
)

// The names of the targets.
const (
	targetEmbedded = "embedded"
	targetEndpoint = "endpoint"
	targetAccount  = "account"
)

const defaultTimeout = endpoint.DefaultTimeout

func defaultSettings() settings {
	return settings{
		target:  targetEmbedded,
		timeout: defaultTimeout,
		suites:  []string{conform.Systematic, conform.Random},
		failOn:  model.Observed,
		from:    map[string]origin{},
	}
}

// kind is the type that a setting has in a configuration file.
type kind int

const (
	kindText kind = iota
	kindNumber
	kindDuration
	kindList
	kindSwitch
)

// option is one setting: a flag, an environment variable and a key of the configuration file.
type option struct {
	name     string
	value    string // how its value is named in help; a list of choices is separated by |
	kind     kind
	help     string
	at       field
	flagOnly bool // no key of a configuration file
}

type optionGroup struct {
	title   string
	options []option
}

// groups lists the settings in the order in which help shows them.
func (s *settings) groups() []optionGroup {
	return []optionGroup{
		{"What is tested", []option{
			{name: "target", value: "embedded|endpoint|account", at: textField(&s.target, checkTarget),
				help: "the server that comes with conform, one at a URL, or the service in a sandbox account (default embedded)"},
			{name: "endpoint", value: "URL", at: textField(&s.endpoint, checkEndpoint),
				help: "where the target listens; implies --target endpoint"},
			{name: "regions", value: "A,B", kind: kindList, at: listField(&s.regions, checkRegion),
				help: "the Regions to use: the home Region, and a second one; in an account as many as you like"},
			{name: "bucket", value: "NAME", at: textField(&s.bucket, checkBucket),
				help: "an S3 bucket for trails, where the target's S3 cannot make one"},
			{name: "fault", value: "NAME", at: textField(&s.fault, checkFault),
				help: "make the embedded server wrong on purpose, in one of the ways that 'conform serve --fault list' lists"},
			{name: "eventual", kind: kindSwitch, at: switchField(&s.eventual),
				help: "the target is eventually consistent: wait for what was written before calling an answer wrong"},
			{name: "settle", value: "DURATION", kind: kindDuration, at: durationField(&s.settle),
				help: "how long an eventually consistent target may take to show what was written (default 1m); implies --eventual"},
			{name: "use-environment-credentials", kind: kindSwitch, at: switchField(&s.environmentCredentials),
				help: "sign with the credentials of the environment instead of test/test"},
		}},
		{"In an account", s.account.options()},
		{"How much is tried", []option{
			{name: "suite", value: "systematic,complete,random", kind: kindList, at: listField(&s.suites, oneOf("suite", explore.Suites)),
				help: "the suites to run (default systematic,random)"},
			{name: "depth", value: "0|1|2", kind: kindNumber, at: numberField(&s.depth, 0, conform.MaxDepth),
				help: "the complete suites catch every fault with up to this many extra states (default 0)"},
			{name: "machine", value: "NAME,…", kind: kindList, at: listField(&s.machines, oneOf("machine", machine.Names())),
				help: "the machines of the complete suites, as 'conform plan' lists them (default trail,two-trails,stores)"},
			{name: "shard", value: "I/N", at: field{s.setShard, func() string { return s.shard.String() }},
				help: "run only the I-th of N equal shares, from 1; auto asks the environment of a fleet; 'conform merge' joins their reports"},
			{name: "resume", value: "FILE", at: textField(&s.resume, checkFile),
				help: "keep the progress in this JSON report, and go on from it if it is there"},
			{name: "requests", value: "N", kind: kindNumber, at: numberField(&s.requests, 1, maxRequests),
				help: "send at most N requests (default: the systematic suite whole, then 5,000)"},
			{name: "time", value: "DURATION", kind: kindDuration, at: durationField(&s.time),
				help: "end after this time, such as 30s or 5m"},
			{name: "timeout", value: "DURATION", kind: kindDuration, at: durationField(&s.timeout),
				help: "wait this long for an answer (default 10s)"},
			{name: "pace", value: "RATES", at: fieldOf(&s.pace, parsePace, paceText),
				help: "send no more than so many requests a second in each Region, such as writes=1,reads=10; slower where the target throttles (default: as fast as it answers)"},
			{name: "workers", value: "N", kind: kindNumber, at: numberField(&s.workers, 1, maxWorkers),
				help: "test this many worlds side by side (default: what the target can take)"},
			{name: "seed", value: "N", kind: kindNumber, at: numberField(&s.seed, 1, math.MaxUint64),
				help: "repeat the run that had this seed (default: a random one)"},
		}},
		{"What counts", []option{
			{name: "fail-on", value: "documented|observed|inferred", at: fieldOf(&s.failOn, parseLevel, model.Level.String),
				help: "the weakest level of evidence that fails the run (default observed)"},
			{name: "order", value: "FILE", at: textField(&s.order, checkPath),
				help: "hold the target to an error order of its own"},
			{name: "baseline", value: "FILE", at: textField(&s.baseline, checkPath),
				help: "accept the divergences that this file lists with a reason; a stale entry fails the run"},
			{name: "update-baseline", kind: kindSwitch, at: switchField(&s.updateBaseline),
				help: "write what was found to the file of --baseline, reasons kept"},
			{name: "shrink-requests", value: "N", kind: kindNumber, at: numberField(&s.shrinkRequests, 1, maxRequests),
				help: "spend at most N requests on shortening what is found (default 2000)"},
		}},
		{"What is written", []option{
			{name: "report", value: "FORMAT[=PATH]", kind: kindList, at: field{set: s.addReport},
				help: formatNames() + ", to standard output or a file; ndjson is written as the run goes; repeatable (default text)"},
			{name: "traces", value: "DIR", at: textField(&s.traces, checkPath),
				help: "keep a trace of each confirmed divergence here, and replay those that are there first; none keeps none (default conform-traces/TARGET)"},
			{name: "prune", kind: kindSwitch, at: switchField(&s.prune),
				help: "remove the traces of what is fixed"},
			{name: "keep-account-ids", kind: kindSwitch, at: switchField(&s.keepAccounts),
				help: "leave account ids in traces as they are"},
			{name: "quiet", kind: kindSwitch, at: switchField(&s.quiet),
				help: "say nothing but the verdict and the rules that fail the run"},
			{name: "verbose", kind: kindSwitch, at: switchField(&s.verbose),
				help: "say of each divergence where its rule comes from, with every request and answer; list every deviation"},
		}},
		{"Where settings come from", []option{
			{name: "config", value: "FILE", flagOnly: true, at: textField(&s.config, checkPath),
				help: "read settings from a YAML file whose keys are these flags' names"},
		}},
	}
}

// options lists the settings without their groups.
func (s *settings) options() []option {
	var all []option
	for _, group := range s.groups() {
		all = append(all, group.options...)
	}
	return all
}

// byName returns the settings by name.
func (s *settings) byName() map[string]option {
	all := map[string]option{}
	for _, o := range s.options() {
		all[o.name] = o
	}
	return all
}

// flagValue connects a setting with its flag.
type flagValue struct {
	option   option
	settings *settings
}

func (v flagValue) String() string { return "" }

func (v flagValue) Type() string { return v.option.value }

func (v flagValue) Set(text string) error {
	if err := v.option.at.set(text); err != nil {
		return err
	}
	v.settings.from[v.option.name] = fromFlag
	return nil
}

// addFlags adds the flags of the settings with the given names, of all where there are none.
func addFlags(cmd *cobra.Command, s *settings, names ...string) {
	for _, o := range s.options() {
		if !chosen(names, o.name) {
			continue
		}
		flag := cmd.Flags().VarPF(flagValue{o, s}, o.name, "", o.help)
		if o.kind == kindSwitch {
			flag.NoOptDefVal = "true"
		}
		cmd.RegisterFlagCompletionFunc(o.name, o.completion())
	}
}

// chosen reports whether a setting is among those asked for; none stands for all.
func chosen(only []string, name string) bool { return len(only) == 0 || slices.Contains(only, name) }

// optionHelp renders the settings by group for help, all or only some.
func optionHelp(only ...string) string {
	all := defaultSettings()
	width := 0
	for _, o := range all.options() {
		width = max(width, len("--"+o.name))
	}
	help := ""
	for _, group := range all.groups() {
		title := "\n" + group.title + "\n"
		for _, o := range group.options {
			if chosen(only, o.name) {
				help, title = help+title+o.helpLine(width), ""
			}
		}
	}
	return help
}

// helpLine explains a setting in help, on two lines where its synopsis is wider than it may be.
func (o option) helpLine(width int) string {
	line := strings.TrimSpace(o.synopsis())
	if len(line) > width {
		line += fmt.Sprintf("\n  %-*s", width, "")
	}
	return fmt.Sprintf("  %-*s  %s\n", width, line, o.help)
}

func (o option) synopsis() string { return "--" + o.name + " " + o.value }

// wrongValue says of a flag, a variable or a place in a file that its value cannot be used, and why.
func wrongValue(where, text string, err error) error {
	return usagef("%s %q: %w", where, userInformation.ReplaceAllString(text, "//…@"), err)
}

// userInformation is the part of a URL that belongs in no log.
var userInformation = regexp.MustCompile(`//[^/]*@`)

// variableName is the environment variable of a setting.
func variableName(name string) string {
	return "CONFORM_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// read takes what no flag gave from the environment and the configuration file.
func (s *settings) read(environ map[string]string) error {
	if err := s.applyEnvironment(environ); err != nil {
		return err
	}
	return s.applyFile()
}

// applyEnvironment takes settings that no flag gave from CONFORM_… variables; empty ones count as
// not set.
func (s *settings) applyEnvironment(environ map[string]string) error {
	for _, o := range s.options() {
		text := environ[variableName(o.name)]
		if text == "" || s.from[o.name] > fromEnvironment {
			continue
		}
		items := []string{text}
		if o.name == "report" {
			items = strings.Split(text, ",")
		}
		for _, item := range items {
			if err := o.at.set(item); err != nil {
				return wrongValue(variableName(o.name), item, err)
			}
		}
		s.from[o.name] = fromEnvironment
	}
	return nil
}

// The variables by which the AWS SDKs and tools name an endpoint, the specific one first.
var endpointVariables = []string{"AWS_ENDPOINT_URL_CLOUDTRAIL", "AWS_ENDPOINT_URL"}

// resolveTarget decides what is tested, from settings of different origins. A bare run tests the
// embedded server: a variable that was set for other tools must never choose what is written to.
func (s *settings) resolveTarget(environ map[string]string) error {
	target, url := s.from["target"], s.from["endpoint"]
	switch {
	case url > target:
		s.target = targetEndpoint
	case url == target && url != fromDefault && s.target != targetEndpoint:
		return usagef("--target %s and --endpoint contradict each other; leave one of them out", s.target)
	}
	if s.target == targetAccount {
		s.endpoint = ""
		return s.resolveAccount(environ)
	}
	if len(s.regions) > 2 {
		return usagef("--regions %q: are more than two Regions; give the home Region and at most one more", strings.Join(s.regions, ","))
	}
	switch {
	case s.target == targetEmbedded:
		s.endpoint = ""
		return nil
	case s.endpoint != "":
		return nil
	}
	for _, name := range endpointVariables {
		if text := environ[name]; text != "" {
			if err := textField(&s.endpoint, checkEndpoint).set(text); err != nil {
				return wrongValue(name, text, err)
			}
			return nil
		}
	}
	return usagef("--target endpoint needs --endpoint URL, or one of the variables %s", strings.Join(endpointVariables, " and "))
}

// unusedNotes lists what was set and has no effect on the chosen target.
func (s *settings) unusedNotes(environ map[string]string) (notes []string) {
	note := func(name, why string) bool {
		given := s.from[name] != fromDefault
		if given {
			notes = append(notes, "--"+name+" has no effect "+why)
		}
		return given
	}
	if s.target != targetAccount {
		for _, o := range s.account.options() {
			if note(o.name, "without --target account") {
				break // one is enough
			}
		}
	}
	if s.target != targetEmbedded {
		return notes
	}
	given := func(name string) bool { return environ[name] != "" }
	if i := slices.IndexFunc(endpointVariables, given); i >= 0 && s.from["target"] == fromDefault {
		notes = append(notes, "testing the embedded server; "+endpointVariables[i]+
			" is set, and '--target endpoint' would test what it names")
	}
	note("bucket", "on the embedded server; --endpoint URL tests another")
	note("use-environment-credentials", "on the embedded server; --endpoint URL tests another")
	return notes
}

var _ pflag.Value = flagValue{}

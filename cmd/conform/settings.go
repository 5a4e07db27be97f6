package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/generators/machine"
	"github.com/insightconform/conform/internal/explore"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports/formats"
	"github.com/insightconform/conform/targets/embedded"
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
	set      func(s *settings, text string) error
	flagOnly bool // no key of a configuration file
}

// optionGroups lists the settings in the order in which help shows them.
var optionGroups = []struct {
	title   string
	options []option
}{
	{"What is tested", []option{
		{name: "target", value: "embedded|endpoint|account", help: "the server that comes with conform, one at a URL, or the service in a sandbox account (default embedded)", set: setTarget},
		{name: "endpoint", value: "URL", help: "where the target listens; implies --target endpoint", set: setEndpoint},
		{name: "regions", value: "A,B", kind: kindList, help: "the Regions to use: the home Region, and a second one; in an account as many as you like", set: setRegions},
		{name: "bucket", value: "NAME", help: "an S3 bucket for trails, where the target's S3 cannot make one", set: setBucket},
		{name: "fault", value: "NAME", help: "make the embedded server wrong on purpose, in one of the ways that 'conform serve --fault list' lists", set: setFault},
		{name: "eventual", kind: kindSwitch, help: "the target is eventually consistent: wait for what was written before calling an answer wrong", set: setSwitch(func(s *settings) *bool { return &s.eventual })},
		{name: "settle", value: "DURATION", kind: kindDuration, help: "how long an eventually consistent target may take to show what was written (default 1m); implies --eventual", set: setSettle},
		{name: "use-environment-credentials", kind: kindSwitch, help: "sign with the credentials of the environment instead of test/test", set: setSwitch(func(s *settings) *bool { return &s.environmentCredentials })},
	}},
	{"In an account", accountOptionList},
	{"How much is tried", []option{
		{name: "suite", value: "systematic,complete,random", kind: kindList, help: "the suites to run (default systematic,random)", set: setSuites},
		{name: "depth", value: "0|1|2", kind: kindNumber, help: "the complete suites catch every fault with up to this many extra states (default 0)", set: setDepth},
		{name: "machine", value: "NAME,…", kind: kindList, help: "the machines of the complete suites, as 'conform plan' lists them (default trail,two-trails,stores)", set: setMachines},
		{name: "shard", value: "I/N", help: "run only the I-th of N equal shares, from 1; auto asks the environment of a fleet; 'conform merge' joins their reports", set: setShard},
		{name: "resume", value: "FILE", help: "keep the progress in this JSON report, and go on from it if it is there", set: setResume},
		{name: "requests", value: "N", kind: kindNumber, help: "send at most N requests (default: the systematic suite whole, then 5,000)", set: setRequests},
		{name: "time", value: "DURATION", kind: kindDuration, help: "end after this time, such as 30s or 5m", set: setTime},
		{name: "timeout", value: "DURATION", kind: kindDuration, help: "wait this long for an answer (default 10s)", set: setTimeout},
		{name: "pace", value: "RATES", help: "send no more than so many requests a second in each Region, such as writes=1,reads=10; slower where the target throttles (default: as fast as it answers)", set: setPace},
		{name: "workers", value: "N", kind: kindNumber, help: "test this many worlds side by side (default: what the target can take)", set: setWorkers},
		{name: "seed", value: "N", kind: kindNumber, help: "repeat the run that had this seed (default: a random one)", set: setSeed},
	}},
	{"What counts", []option{
		{name: "fail-on", value: "documented|observed|inferred", help: "the weakest level of evidence that fails the run (default observed)", set: setFailOn},
		{name: "order", value: "FILE", help: "hold the target to an error order of its own", set: setOrder},
		{name: "baseline", value: "FILE", help: "accept the divergences that this file lists with a reason; a stale entry fails the run", set: setBaseline},
		{name: "update-baseline", kind: kindSwitch, help: "write what was found to the file of --baseline, reasons kept", set: setSwitch(func(s *settings) *bool { return &s.updateBaseline })},
		{name: "shrink-requests", value: "N", kind: kindNumber, help: "spend at most N requests on shortening what is found (default 2000)", set: setShrinkRequests},
	}},
	{"What is written", []option{
		{name: "report", value: "FORMAT[=PATH]", kind: kindList, help: formatNames() + ", to standard output or a file; ndjson is written as the run goes; repeatable (default text)", set: addReport},
		{name: "traces", value: "DIR", help: "keep a trace of each confirmed divergence here, and replay those that are there first; none keeps none (default conform-traces/TARGET)", set: setTraces},
		{name: "prune", kind: kindSwitch, help: "remove the traces of what is fixed", set: setSwitch(func(s *settings) *bool { return &s.prune })},
		{name: "keep-account-ids", kind: kindSwitch, help: "leave account ids in traces as they are", set: setSwitch(func(s *settings) *bool { return &s.keepAccounts })},
		{name: "quiet", kind: kindSwitch, help: "say nothing but the verdict and the rules that fail the run", set: setSwitch(func(s *settings) *bool { return &s.quiet })},
		{name: "verbose", kind: kindSwitch, help: "say of each divergence where its rule comes from, with every request and answer; list every deviation", set: setSwitch(func(s *settings) *bool { return &s.verbose })},
	}},
	{"Where settings come from", []option{
		{name: "config", value: "FILE", help: "read settings from a YAML file whose keys are these flags' names", set: setConfig, flagOnly: true},
	}},
}

// runOptions returns all settings of a run by name.
func runOptions() map[string]option {
	byName := map[string]option{}
	for _, group := range optionGroups {
		for _, o := range group.options {
			byName[o.name] = o
		}
	}
	return byName
}

func setTarget(s *settings, text string) error {
	if text != targetEmbedded && text != targetEndpoint && text != targetAccount {
		return fmt.Errorf("is no target; use %s, %s or %s", targetEmbedded, targetEndpoint, targetAccount)
	}
	s.target = text
	return nil
}

func setEndpoint(s *settings, text string) error {
	if _, err := endpoint.CheckURL(text); err != nil {
		return err
	}
	s.endpoint = text
	return nil
}

var regionName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

func setRegions(s *settings, text string) error {
	regions, err := splitList(text)
	if err != nil {
		return err
	}
	for _, region := range regions {
		if !regionName.MatchString(region) {
			return fmt.Errorf("%q is no Region; write it like us-east-1,eu-west-1", region)
		}
	}
	s.regions = regions
	return nil
}

func setBucket(s *settings, text string) error {
	if text == "" || strings.ContainsAny(text, " /\t\r\n") {
		return fmt.Errorf("is no name of a bucket; write it like my-bucket")
	}
	s.bucket = text
	return nil
}

func setSuites(s *settings, text string) error {
	suites, err := splitList(text)
	if err != nil {
		return err
	}
	for _, suite := range suites {
		if !slices.Contains(explore.Suites, suite) {
			return fmt.Errorf("%q is no suite; use one or several of %s, with commas between", suite, strings.Join(explore.Suites, ", "))
		}
	}
	s.suites = suites
	return nil
}

func setDepth(s *settings, text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > conform.MaxDepth {
		return fmt.Errorf("must be a whole number from 0 to %d", conform.MaxDepth)
	}
	s.depth = n
	return nil
}

func setMachines(s *settings, text string) error {
	machines, err := splitList(text)
	if err != nil {
		return err
	}
	for _, name := range machines {
		if known := machine.Names(); !slices.Contains(known, name) {
			return fmt.Errorf("%q is no machine; use one or several of %s, with commas between", name, strings.Join(known, ", "))
		}
	}
	s.machines = machines
	return nil
}

func setShard(s *settings, text string) error {
	s.shardAuto = text == shardAuto
	if s.shardAuto {
		return nil // the environment is asked once all settings are read
	}
	i, n, _, err := parseShard(text, nil)
	s.shard = conform.Shard{Index: i - 1, Count: n}
	return err
}

func setResume(s *settings, text string) error {
	if text == "" {
		return fmt.Errorf("is no file")
	}
	s.resume = text
	return nil
}

// splitList reads a list with commas and refuses empty and repeated items.
func splitList(text string) ([]string, error) {
	var list []string
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		switch {
		case item == "":
			return nil, fmt.Errorf("has an empty item; write a list like A,B")
		case slices.Contains(list, item):
			return nil, fmt.Errorf("names %q twice; once is enough", item)
		}
		list = append(list, item)
	}
	return list, nil
}

// maxRequests and maxWorkers keep a slip of the finger from asking for the impossible.
const (
	maxRequests = 1_000_000_000
	maxWorkers  = 256
)

func setRequests(s *settings, text string) (err error) {
	s.requests, err = wholeNumber(text, maxRequests)
	return err
}

func setWorkers(s *settings, text string) (err error) {
	s.workers, err = wholeNumber(text, maxWorkers)
	return err
}

func wholeNumber(text string, highest int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > highest {
		return 0, fmt.Errorf("must be a whole number from 1 to %d", highest)
	}
	return n, nil
}

func setSeed(s *settings, text string) error {
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil || seed == 0 {
		return fmt.Errorf("must be a whole number from 1 to %d", uint64(1<<64-1))
	}
	s.seed = seed
	return nil
}

func setTime(s *settings, text string) (err error) {
	s.time, err = positiveDuration(text)
	return err
}

func setTimeout(s *settings, text string) (err error) {
	s.timeout, err = positiveDuration(text)
	return err
}

func setSettle(s *settings, text string) (err error) {
	s.settle, err = positiveDuration(text)
	return err
}

func setPace(s *settings, text string) error {
	rates, err := pace.Parse(text)
	s.pace = &rates
	return err
}

func positiveDuration(text string) (time.Duration, error) {
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

func setFailOn(s *settings, text string) error {
	level, err := model.ParseLevel(text)
	if err != nil {
		return fmt.Errorf("is no level; use documented, observed or inferred")
	}
	s.failOn = level
	return nil
}

func setOrder(s *settings, text string) error {
	s.order = text
	return checkPath(text)
}

func setFault(s *settings, text string) error {
	if _, ok := embedded.FaultNamed(text); !ok {
		return noFault(text)
	}
	s.fault = text
	return nil
}

// noFault says of a name that no fault has it.
func noFault(name string) error {
	var names []string
	for _, f := range embedded.Faults {
		names = append(names, f.Name)
	}
	return fmt.Errorf("is no fault; %s", suggestion(nearest(name, names), "conform serve --fault list"))
}

func setBaseline(s *settings, text string) error {
	s.baseline = text
	return checkPath(text)
}

func setTraces(s *settings, text string) error {
	s.traces = text
	return checkPath(text)
}

func setShrinkRequests(s *settings, text string) (err error) {
	s.shrinkRequests, err = wholeNumber(text, maxRequests)
	return err
}

// setSwitch makes the setter of a switch.
func setSwitch(field func(*settings) *bool) func(*settings, string) error {
	return func(s *settings, text string) error {
		on, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("must be true or false")
		}
		*field(s) = on
		return nil
	}
}

func setConfig(s *settings, text string) error {
	s.config = text
	return checkPath(text)
}

func checkPath(text string) error {
	if text == "" {
		return fmt.Errorf("is no path; give that of a file")
	}
	return nil
}

func addReport(s *settings, text string) error {
	sink, err := formats.Parse(text)
	if err != nil {
		return err
	}
	for _, other := range s.sinks {
		if other.Path != sink.Path {
			continue
		}
		if sink.Path == "" {
			return fmt.Errorf("a second report for standard output; write one of them to a file with =PATH")
		}
		return fmt.Errorf("two reports for the same file %s; give each one of its own", sink.Path)
	}
	s.sinks = append(s.sinks, sink)
	return nil
}

// flagValue connects a setting with its flag.
type flagValue struct {
	option   option
	settings *settings
}

func (v flagValue) String() string { return "" }

func (v flagValue) Type() string { return v.option.value }

func (v flagValue) Set(text string) error {
	if err := v.option.set(v.settings, text); err != nil {
		return err
	}
	v.settings.from[v.option.name] = fromFlag
	return nil
}

// addRunFlags gives the command a flag for each setting.
func addRunFlags(cmd *cobra.Command, s *settings) { addFlags(cmd, s) }

// addFlags adds the flags of the settings with the given names, of all where there are none.
func addFlags(cmd *cobra.Command, s *settings, names ...string) {
	for _, group := range optionGroups {
		for _, o := range group.options {
			if len(names) > 0 && !slices.Contains(names, o.name) {
				continue
			}
			flag := cmd.Flags().VarPF(flagValue{o, s}, o.name, "", o.help)
			if o.kind == kindSwitch {
				flag.NoOptDefVal = "true"
			}
			cmd.RegisterFlagCompletionFunc(o.name, o.completion())
		}
	}
}

// optionHelp renders the settings by group for help, all or only some.
func optionHelp(only ...string) string {
	width := 0
	synopsis := func(o option) string { return strings.TrimSpace("--" + o.name + " " + o.value) }
	for _, o := range runOptions() {
		width = max(width, len("--"+o.name))
	}
	var b strings.Builder
	for _, group := range optionGroups {
		title := "\n" + group.title + "\n"
		for _, o := range group.options {
			if !chosen(only, o.name) {
				continue
			}
			b.WriteString(title)
			title = ""
			if line := synopsis(o); len(line) <= width {
				fmt.Fprintf(&b, "  %-*s  %s\n", width, line, o.help)
			} else {
				fmt.Fprintf(&b, "  %s\n  %-*s  %s\n", line, width, "", o.help)
			}
		}
	}
	return b.String()
}

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

// applyEnvironment takes settings that no flag gave from CONFORM_… variables; empty ones count as
// not set.
func (s *settings) applyEnvironment(environ map[string]string) error {
	for _, group := range optionGroups {
		for _, o := range group.options {
			text := environ[variableName(o.name)]
			if text == "" || s.from[o.name] > fromEnvironment {
				continue
			}
			items := []string{text}
			if o.name == "report" {
				items = strings.Split(text, ",")
			}
			for _, item := range items {
				if err := o.set(s, item); err != nil {
					return wrongValue(variableName(o.name), item, err)
				}
			}
			s.from[o.name] = fromEnvironment
		}
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
	if s.target == targetEmbedded {
		s.endpoint = ""
		return nil
	}
	if s.endpoint != "" {
		return nil
	}
	for _, name := range endpointVariables {
		if text := environ[name]; text != "" {
			if err := setEndpoint(s, text); err != nil {
				return wrongValue(name, text, err)
			}
			return nil
		}
	}
	return usagef("--target endpoint needs --endpoint URL, or one of the variables %s", strings.Join(endpointVariables, " and "))
}

// unusedNotes lists what was set and has no effect on the chosen target.
func (s *settings) unusedNotes(environ map[string]string) []string {
	if s.target != targetAccount {
		for _, o := range accountOptionList {
			if s.from[o.name] != fromDefault {
				return append([]string{fmt.Sprintf("--%s has no effect without --target account", o.name)}, s.unusedHere(environ)...)
			}
		}
	}
	return s.unusedHere(environ)
}

// unusedHere does so for settings other than those of an account.
func (s *settings) unusedHere(environ map[string]string) []string {
	if s.target != targetEmbedded {
		return nil
	}
	var notes []string
	if s.from["target"] == fromDefault {
		for _, name := range endpointVariables {
			if environ[name] != "" {
				notes = append(notes, fmt.Sprintf("testing the embedded server; %s is set, and '--target endpoint' would test what it names", name))
				break
			}
		}
	}
	for _, name := range []string{"bucket", "use-environment-credentials"} {
		if s.from[name] != fromDefault {
			notes = append(notes, fmt.Sprintf("--%s has no effect on the embedded server; --endpoint URL tests another", name))
		}
	}
	return notes
}

var _ pflag.Value = flagValue{}

package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/generators/machine"
	"github.com/insightconform/conform/internal/explore"
	"github.com/insightconform/conform/internal/proxy"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/formats"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/targets/account"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/endpoint"
	"github.com/insightconform/conform/targets/pace"
	"github.com/insightconform/conform/targets/wire"
)

// settings is what a run is told, from whatever source.
type settings struct {
	run      conform.Options // without what is read from files, until that is
	caFile   string
	endpoint endpoint.Options // Regions and Timeout hold for every target
	account  account.Options
	server   embedded.ServerOptions
	pace     pace.Rates // zero is as fast as the target answers

	target                string
	config, resume        string
	order, baseline       string
	traces                string
	prune, updateBaseline bool
	watching              bool // a run goes on after each restart of the target
	told                  bool // of the verdict, by what follows
	shardAuto             bool // the environment of a fleet says which
	planning              bool // nothing is sent to an account
	quiet, verbose        bool
	sinks                 []formats.Sink

	// Of single commands.
	address, form, precedence string
	logged                    bool // a line for each request to the stand-in
	proxy                     proxy.Options
	lasts                     time.Duration // the proxy; 0 is until it is interrupted
	profile, out, check       string
	evidence                  string
	faults                    []string
	yes, asJSON, pairs, full  bool

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

func defaultSettings() *settings {
	return &settings{
		target:   targetEmbedded,
		run:      conform.Options{FailOn: model.Observed},
		endpoint: endpoint.Options{Timeout: endpoint.DefaultTimeout},
		from:     map[string]origin{},
	}
}

// option is a flag. Of a setting it is an environment variable too and, but for the file's own, a key of the configuration file.
type option struct {
	name  string
	value string // how its value is named in help; a list of choices is separated by |
	at    field
	help  string
}

// flag is an option as pflag sets it.
type flag struct {
	option
	given []string
}

func (f *flag) String() string { return "" }
func (f *flag) Type() string   { return f.value }

// Set takes what is given again as more of a list; of anything else, one value is enough.
func (f *flag) Set(text string) error {
	f.given = append(f.given, text)
	switch {
	case len(f.given) == 1 || f.at.adds:
	case f.at.form == aList:
		text = strings.Join(f.given, ",")
	case f.at.form == aSwitch && text == f.given[0]:
	default:
		return fmt.Errorf("is the second value, after %q; give one", wire.WithoutUser(f.given[0]))
	}
	return f.at.set(text)
}

// flagGroup has flags under a title.
type flagGroup = plain.Group[string, option]

// groups lists the settings in the order in which help shows them.
func (s *settings) groups() []flagGroup {
	return []flagGroup{
		{Key: "What is tested", Items: []option{
			{"target", "embedded|endpoint|account", textField(&s.target, checkTarget),
				"the server that comes with conform, one at a URL, or the service in a sandbox account (default embedded)"},
			{"endpoint", "URL", textField(&s.endpoint.URL, checkEndpoint),
				"where the target listens; implies --target endpoint"},
			{"wait", "DURATION", durationField(&s.endpoint.Wait), "wait so long until the target listens (default: not at all)"},
			{"header", "NAME: VALUE", field{s.addHeader, func() string { return "" }, aList, true},
				"send this header too; repeatable. It is in no report"},
			{"ca-file", "FILE", textField(&s.caFile, checkPath),
				"trust the certificates of this PEM file instead of the system's"},
			{"regions", "A,B", listField(&s.endpoint.Regions, checkRegion),
				"the Regions to use: the home Region, and a second one; in an account as many as you like"},
			{"bucket", "NAME", textField(&s.endpoint.Bucket, checkBucket),
				"an S3 bucket for trails, where the target's S3 cannot make one"},
			{"fault", "NAME", faultField(&s.server.Fault, ""),
				"make the embedded server wrong on purpose, in one of the ways that 'conform serve --fault list' lists; repeatable"},
			serverOptions(&s.server)[0], serverOptions(&s.server)[1], serverOptions(&s.server)[2],
			{"eventual", "", switchField(&s.run.Eventual),
				"the target is eventually consistent: wait for what was written before calling an answer wrong"},
			{"settle", "DURATION", durationField(&s.run.Settle),
				"how long an eventually consistent target may take to show what was written (default 1m); implies --eventual"},
			{"use-environment-credentials", "", switchField(&s.endpoint.UseEnvironmentCredentials),
				"sign with the credentials of the environment instead of test/test"},
		}},
		{Key: "In an account", Items: []option{
			{"account", "ID,…", field{s.addAccounts, func() string { return listText(s.account.Accounts) }, aList, true},
				"the id of the account that may be changed; repeatable. Any other is refused"},
			{"ledger", "FILE", textField(&s.account.Ledger, checkPath),
				"the file that lists what runs have created (default conform/ledger.jsonl in your state directory)"},
			{"prefix", "PREFIX", textField(&s.account.Prefix, checkPrefix),
				"what all names begin with, 8 characters or more (default: the ledger's, a random one at first)"},
			{"allow-logging", "", switchField(&s.account.AllowLogging), "send StartLogging too, which costs money"},
			{"stores", "", switchField(&s.account.Stores),
				"test event data stores too, which cost money and stay from run to run"},
			{"allow-unknown-alias", "", switchField(&s.account.AllowUnknownAlias),
				"use an account whose alias cannot be read; one with 'prod' in its alias is always refused"},
			{"allow-management-account", "", switchField(&s.account.AllowManagementAccount),
				"use an organization's management account"},
		}},
		{Key: "How much is tried", Items: []option{
			{"budget", strings.Join(explore.BudgetNames(), "|"), textField(&s.run.Budget, explore.CheckBudget),
				"how much, by name: quick is at most 1,500 requests, and nightly all suites, the complete ones at depth 1; what is given beside it goes first"},
			{"suite", "systematic,complete,random,concurrent", listField(&s.run.Suites, oneOf("suite", explore.Suites)),
				"the suites to run (default systematic,random, then concurrent in part where the target is fit for it)"},
			{"only", "RULE,…", listField(&s.run.Only, explore.CheckPattern),
				"test these rules alone: rules, families such as put/*, operations or capabilities; repeatable"},
			{"skip", "RULE,…", listField(&s.run.Skip, explore.CheckPattern),
				"leave these out, and report nothing of them; repeatable"},
			{"clients", "N", numberField(&s.run.Clients, 2, conform.MaxClients),
				"the clients that the concurrent suite has at once (default 4)"},
			{"depth", "0|1|2", numberField(&s.run.Depth, 0, conform.MaxDepth),
				"the complete suites catch every fault with up to this many extra states (default 0)"},
			{"machine", "NAME,…", listField(&s.run.Machines, oneOf("machine", machine.Names())),
				"the machines of the complete suites, as 'conform plan' lists them (default trail,two-trails,stores)"},
			{"shard", "I/N", field{s.setShard, func() string { return s.run.Shard.String() }, aText, false},
				"run only the I-th of N equal shares, from 1; auto asks the environment of a fleet; 'conform merge' joins their reports"},
			{"resume", "FILE", textField(&s.resume, checkPath),
				"keep the progress in this JSON report, and go on from it if it is there"},
			{"requests", "N", numberField(&s.run.Requests, 1, maxRequests),
				"send at most N requests (default: the systematic suite whole, then 5,000)"},
			{"time", "DURATION", durationField(&s.run.Time),
				"end after this time, such as 30s or 5m; trying again and cleaning up take ten seconds more at most"},
			{"timeout", "DURATION", durationField(&s.endpoint.Timeout), "wait this long for an answer (default 10s)"},
			{"pace", "RATES", fieldOf(&s.pace, aText, pace.Parse, pace.Rates.String),
				"send no more than so many requests a second in each Region, such as writes=1,reads=10; slower where the target throttles (default: as fast as it answers)"},
			{"workers", "N", numberField(&s.run.Workers, 1, maxWorkers),
				"test this many worlds side by side (default: what the target can take)"},
			{"seed", "N", numberField(&s.run.Seed, 1, math.MaxUint64),
				"repeat the run that had this seed (default: a random one)"},
		}},
		{Key: "What counts", Items: []option{
			{"fail-on", "documented|observed|inferred", fieldOf(&s.run.FailOn, aText, parseLevel, model.Level.String),
				"the weakest level of evidence that fails the run (default observed)"},
			{"order", "FILE", textField(&s.order, checkPath), "hold the target to an error order of its own"},
			{"baseline", "FILE", textField(&s.baseline, checkPath),
				"accept the divergences that this file lists with a reason; a stale entry fails the run"},
			{"fail-fast", "", switchField(&s.run.FailFast),
				"end with the first divergence that fails the run, confirmed and shortened"},
			{"update-baseline", "", switchField(&s.updateBaseline),
				"write what was found to the file of --baseline, reasons kept"},
			{"expect", "NAME,…", listField(&s.run.Expect, oneOf("capability", reports.CapabilityNames())),
				"fail where the target lacks one of these capabilities of the report; those of --baseline are expected too"},
			{"shrink-requests", "N", numberField(&s.run.ShrinkRequests, 1, maxRequests),
				"spend at most N requests on shortening what is found (default 2000)"},
		}},
		{Key: "What is written", Items: []option{
			{"report", "FORMAT[=PATH]", field{s.addReport, func() string { return "" }, aList, true},
				formatNames() + ", to standard output or a file; ndjson is written as the run goes; repeatable (default text)"},
			{"traces", "DIR", textField(&s.traces, checkPath),
				"keep a trace of each confirmed divergence here, and replay those that are there first; none keeps none (default conform-traces/TARGET)"},
			{"name", "NAME", textField(&s.run.Name, checkName),
				"what the target is called in reports, and in comparisons of them"},
			{"target-version", "VERSION", textField(&s.run.TargetVersion, checkName),
				"its version, kept in reports beside the name"},
			{"prune", "", switchField(&s.prune), "remove the traces of what is fixed"},
			{"keep-account-ids", "", switchField(&s.account.KeepAccountIDs), "leave account ids in traces as they are"},
			{"quiet", "", switchField(&s.quiet), "say nothing but the verdict and the rules that fail the run"},
			{"verbose", "", switchField(&s.verbose),
				"say of each divergence where its rule comes from, with every request and answer; list every deviation"},
		}},
		{Key: "Where settings come from", Items: []option{
			{"config", "FILE", textField(&s.config, checkPath),
				"read settings from a YAML file whose keys are these flags' names"},
		}},
	}
}

// serverOptions are the quotas of the embedded server, and the weather over it.
func serverOptions(server *embedded.ServerOptions) []option {
	return []option{
		{"quota-trails", "N", numberField(&server.TrailQuota, 0, maxRequests),
			"the most trails that the embedded server allows in a Region; the service allows 5 (default: any number)"},
		{"quota-stores", "N", numberField(&server.StoreQuota, 0, maxRequests),
			"the most event data stores that it allows there, deleted ones included; the service allows 10"},
		{"weather", "KIND,…", listField(&server.Weather, checkWeather),
			"let trouble befall the embedded server's connections: " + strings.Join(weathers, ", ")}}
}

// byName returns the settings by name.
func (s *settings) byName() map[string]option {
	all := map[string]option{}
	for _, group := range s.groups() {
		for _, o := range group.Items {
			all[o.name] = o
		}
	}
	return all
}

// chosen lists the settings that have one of the names.
func (s *settings) chosen(names ...string) (groups []flagGroup) {
	for _, group := range s.groups() {
		group.Items = slices.DeleteFunc(group.Items, func(o option) bool { return !slices.Contains(names, o.name) })
		if len(group.Items) > 0 {
			groups = append(groups, group)
		}
	}
	return groups
}

// maxSynopsis is how wide a flag with its value may be for its help to stand on the same line.
const maxSynopsis = 29

// flagHelp renders flags for help.
func flagHelp(groups []flagGroup) string {
	synopsis := func(o option) string {
		letter := shorthands[o.name]
		return strings.TrimSpace(plain.When(letter != "", "-"+letter+", ") + "--" + o.name + " " + o.value)
	}
	width := 0
	for _, group := range groups {
		for _, o := range group.Items {
			width = max(width, min(plain.Length(synopsis(o)), maxSynopsis))
		}
	}
	var b strings.Builder
	for _, group := range groups {
		fmt.Fprintf(&b, "\n%s\n", group.Key)
		for _, o := range group.Items {
			line := synopsis(o)
			line += plain.When(plain.Length(line) > width, fmt.Sprintf("\n  %-*s", width, ""))
			fmt.Fprintf(&b, "  %-*s  %s\n", width, line, o.help)
		}
	}
	return b.String()
}

// wrongValue says of a flag, a variable or a place in a file that its value cannot be used, and why.
func wrongValue(where, text string, err error) error {
	return usagef("%s %q: %w", where, wire.WithoutUser(text), err)
}

// The variables by which the AWS SDKs and tools name an endpoint, the specific one first.
var endpointVariables = []string{"AWS_ENDPOINT_URL_CLOUDTRAIL", "AWS_ENDPOINT_URL"}

// resolveTarget decides what is tested. A variable that was set for other tools must never choose what is written to.
func (s *settings) resolveTarget(environ map[string]string) error {
	target, url := s.from["target"], s.from["endpoint"]
	switch {
	case url > target:
		s.target = targetEndpoint
	case url == target && url != fromDefault && s.target != targetEndpoint:
		return usagef("--target %s and --endpoint contradict each other; leave one of them out", s.target)
	}
	if s.target != targetEndpoint {
		s.endpoint.URL = ""
	}
	regions := s.endpoint.Regions
	switch {
	case s.target == targetAccount:
		return s.resolveAccount(environ)
	case len(regions) > 2:
		return usagef("--regions %q: are more than two Regions; give the home Region and at most one more", strings.Join(regions, ","))
	case s.target == targetEmbedded, s.endpoint.URL != "":
		return nil
	}
	for _, name := range endpointVariables {
		if text := environ[name]; text != "" {
			return s.byName()["endpoint"].setAll([]string{text}, name)
		}
	}
	return usagef("--target endpoint needs --endpoint URL, or one of the variables %s", strings.Join(endpointVariables, " and "))
}

// unusedNotes lists what was set and has no effect on the chosen target.
func (s *settings) unusedNotes(environ map[string]string) (notes []string) {
	given := func(name string) bool { return s.from[name] != fromDefault }
	names := append([]string{"account"}, accountNames...)
	if i := slices.IndexFunc(names, given); s.target != targetAccount && i >= 0 { // one is enough
		notes = append(notes, "--"+names[i]+" has no effect without --target account")
	}
	for _, name := range []string{"wait", "header", "ca-file"} {
		if s.target == targetAccount && given(name) {
			notes = append(notes, "--"+name+" has no effect in an account")
		}
	}
	if s.target != targetEmbedded {
		for _, name := range []string{"fault", "quota-trails", "quota-stores", "weather"} {
			if given(name) {
				notes = append(notes, "--"+name+" has an effect on the embedded server alone")
			}
		}
		return notes
	}
	if i := slices.IndexFunc(endpointVariables, func(name string) bool { return environ[name] != "" }); i >= 0 && !given("target") {
		notes = append(notes, "testing the embedded server; "+endpointVariables[i]+
			" is set, and '--target endpoint' would test what it names")
	}
	for _, name := range []string{"bucket", "use-environment-credentials", "wait", "header", "ca-file"} {
		if given(name) {
			notes = append(notes, "--"+name+" has no effect on the embedded server; --endpoint URL tests another")
		}
	}
	return notes
}

// The settings that say which target is tested and how requests are sent, in the order in which commands have them.
var (
	accountNames = []string{"ledger", "prefix", "allow-logging", "stores", "allow-unknown-alias", "allow-management-account"}
	targetNames  = []string{"ca-file", "fault", "quota-trails", "quota-stores", "weather", "regions", "bucket", "eventual", "settle", "use-environment-credentials"}
	mannerNames  = []string{"timeout", "pace"}
)

// command is the full command that repeats a run with these settings.
func (s *settings) command(seed uint64, workers int) string {
	ran := *s
	ran.run.Seed, ran.run.Workers = seed, workers
	how := []string{"budget", "suite"}
	if slices.Contains(s.run.Suites, conform.Complete) || s.run.Depth > 0 {
		how = append(how, "depth", "machine")
	}
	return "conform run" + ran.targetWords() + ran.words(how, true) +
		ran.words(slices.Concat([]string{"clients", "shard", "requests", "time"}, mannerNames, []string{"workers", "seed", "only", "skip", "order", "fail-on", "fail-fast", "baseline",
			"expect", "name", "target-version"}), false)
}

// replaying is the command that plays a trace which a run with these settings has kept again.
func (s *settings) replaying(trace *reports.Trace) string {
	return s.replayingAll([]string{trace.Name()})
}

// replayingAll is the command that plays what is named.
func (s *settings) replayingAll(names []string) string {
	return "conform replay " + strings.Join(plain.Texts(names, plain.ShellWord), " ") +
		s.words([]string{"traces"}, false) + s.targetWords() + s.words(append(mannerNames, "order"), false)
}

// ofReplay are the settings that a replay uses.
func (s *settings) ofReplay() []flagGroup {
	groups := s.chosen(slices.Concat(accountNames, targetNames, mannerNames,
		[]string{"target", "endpoint", "wait", "header", "account", "order", "traces", "report", "quiet", "verbose", "config"})...)
	own := map[string]string{
		"report":  "text, json, html, junit or markdown, to standard output or a file; repeatable (default text)",
		"traces":  "the folder where names and rules are looked for (default conform-traces/TARGET)",
		"quiet":   "say nothing but what diverges, and the count",
		"verbose": "show the steps of what is fixed too, and the file of each trace"}
	for _, group := range groups {
		for i, o := range group.Items {
			group.Items[i].help = cmp.Or(own[o.name], o.help)
		}
	}
	return groups
}

// ofJudge are the settings that judging recordings uses.
func (s *settings) ofJudge() []flagGroup {
	groups := s.chosen("report", "fail-on", "settle", "quiet", "verbose")
	own := map[string]string{
		"report": "text, json, html, junit or markdown, to standard output or a file; repeatable (default text)",
		"settle": "how long the real service may take to show what was written (default 1m)"}
	for _, group := range groups {
		for i, o := range group.Items {
			group.Items[i].help = cmp.Or(own[o.name], o.help)
		}
	}
	groups = append(groups, ownFlags("Evidence", option{"evidence", "FILE", textField(&s.evidence, anyText),
		"write what answers of the real service say of rules, and nothing that tells whose they are"})...)
	return groups
}

// targetWords says which target is tested: an account by a variable, unless account ids are to be kept.
func (s *settings) targetWords() string {
	which := ""
	switch s.target {
	case targetEndpoint:
		which = s.words([]string{"endpoint"}, false)
	case targetAccount:
		account := plain.When(s.account.KeepAccountIDs, s.words([]string{"account"}, false))
		which = " --target account" + cmp.Or(account, ` --account "$CONFORM_ACCOUNT"`) + s.words(accountNames, false)
	}
	return which + s.words(targetNames, false)
}

// words are the flags that give the settings with these names: all, or those without their default.
func (s *settings) words(names []string, all bool) string {
	var b strings.Builder
	given, usual := s.byName(), defaultSettings().byName()
	for _, name := range names {
		o := given[name]
		text := o.at.text()
		switch {
		case text == "" || !all && text == usual[name].at.text(), name == "ledger" && s.from[name] == fromDefault:
		case o.at.form == aSwitch:
			b.WriteString(" --" + name)
		default:
			b.WriteString(" --" + name + " " + plain.ShellWord(text))
		}
	}
	return b.String()
}

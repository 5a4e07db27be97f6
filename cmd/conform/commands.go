package main

import (
	"context"
	"io"
	"math"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/insightconform/conform/generators/machine"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports/formats"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/reports/scripts"
	"github.com/insightconform/conform/targets/embedded"
)

// subcommand is one of the commands. Where its usage names no arguments, it takes none.
type subcommand struct {
	use, short, long string // the flags stand in the place of {flags}
	flags            []flagGroup
	ready            func(*settings, context.Context, map[string]string) error // completes the settings from the environment
	run              func(ctx context.Context, s *settings, args []string) error
	arguments        cobra.CompletionFunc
}

// commands are those of conform, in the order of its help. Just one of them uses the settings.
func (p *process) commands(s *settings) []subcommand {
	return []subcommand{
		{"run", "Test a target", runHelp, s.ofRun(), (*settings).resolve, p.testTarget, nil},
		{"plan", "Say what a run would do, and how long it takes", planHelp, s.groups(), (*settings).resolve, p.plan, nil},
		{"merge FILE…", "Join the reports of the shards of a run", mergeHelp, ownFlags("Flags",
			option{"report", "FORMAT[=PATH]", field{set: s.addReport, adds: true}, "as of 'conform run' (default text)"},
		), nil, p.merge, nil},
		{"replay TRACE|DIR|NAME|RULE…", "Play recorded divergences again", replayHelp, s.ofReplay(), (*settings).resolve, p.replay, completeTraces},
		{"judge FILE…", "Judge calls that were recorded", judgeHelp, s.ofJudge(), nil, p.judge, nil},
		{"proxy", "Stand between tests and an emulator, and judge what passes", proxyHelp, s.ofProxy(), nil, p.passOn, nil},
		{"report FILE…", "Write the report of an earlier run in another format", reportHelp, ownFlags("Flags",
			option{"to", "FORMAT[=PATH]", field{set: s.addReport, adds: true}, formatNames() + "; to standard output or a file; repeatable (default text)"},
			option{"precedence", "FILE", textField(&s.precedence, anyText),
				"put a learned precedence of errors into the report"},
			option{"verbose", "", switchField(&s.verbose), "all that 'conform run --verbose' shows, in text"},
		), nil, p.convert, nil},
		{"history FILE|DIR…", "Show since when rules fail, from run to run", historyHelp, ownFlags("Flags",
			option{"to", "FORMAT[=PATH]", field{set: s.addReport, adds: true}, "text or html; to standard output or a file; repeatable (default text)"},
		), nil, p.history, nil},
		{"matrix FILE…", "Set several targets side by side, and draw badges", matrixHelp, ownFlags("Flags",
			option{"to", "FORMAT[=PATH]", field{set: s.addMatrix, adds: true}, plain.Alternatives(formats.MatrixNames(), plain.MaxShown) +
				"; to standard output, a file, or for badges a folder; repeatable (default text)"},
		), nil, p.matrix, nil},
		{"export TRACE|NAME|RULE --as FORM", "Turn a recorded divergence into a script", exportHelp, ownFlags("Flags",
			option{"as", strings.Join(scripts.ShortForms, "|"), textField(&s.form, anyText), "the form of the script"},
			option{"full", "", switchField(&s.full),
				"the long form: any endpoint and Region, all members compared, everything deleted"},
			option{"traces", "DIR", textField(&s.traces, checkPath),
				"the folder where names and rules are looked for (default conform-traces)"},
		), nil, p.export, completeTraces},
		{"learn", "Find out which error a target selects first", learnHelp, append(ownFlags("What is kept",
			option{"profile", "PATH", textField(&s.profile, anyText), "write an error order file, as --order takes it"},
			option{"out", "PATH", textField(&s.out, anyText),
				"write the precedence matrix with all requests and answers, as JSON"},
			option{"verbose", "", switchField(&s.verbose), "show each pair"},
		), append(s.groups()[:1], s.chosen("timeout", "keep-account-ids", "config")...)...), (*settings).resolve, p.learn, nil},
		{"diff A B", "Compare two reports or two error orders", diffHelp, ownFlags("Flags",
			option{"json", "", switchField(&s.asJSON), "write the differences as JSON"},
		), nil, p.diff, nil},
		{"rules [ID]", "Explain the rules", rulesHelp, nil, nil, p.rules, completeRules},
		{"vectors", "Write the rules as test data for any language", vectorsHelp, ownFlags("Flags",
			option{"out", "DIR", textField(&s.out, checkPath), "write the vectors, their schema and the runners into this folder"},
			option{"check", "DIR", textField(&s.check, checkPath), "say what has changed since the set in this folder"},
		), nil, p.vectors, nil},
		{"serve", "Serve the reference over HTTP", serveHelp, ownFlags("Flags", append([]option{
			{"addr", "HOST:PORT", textField(&s.address, anyText), "where to listen (default " + defaultAddress + "); port 0 takes a free one"},
			{"fault", "NAME", faultField(&s.server.Fault, listFaults),
				"be wrong on purpose in one way; repeatable. 'list' lists the ways and ends"},
			{"log", "", switchField(&s.logged), "write a line for each request to standard error"},
		}, serverOptions(&s.server)...)...), nil, p.serve, nil},
		{"selftest", "Test conform itself on wrong servers", selftestHelp, ownFlags("Flags",
			option{"fault", "NAME", listField(&s.faults, checkFault),
				"test with this fault alone; repeatable ('conform serve --fault list' lists them; default all)"},
			option{"pairs", "", switchField(&s.pairs), "test each fault behind each flaw that is common among emulators, too"},
			option{"seed", "N", numberField(&s.run.Seed, 1, math.MaxUint64), "of the random exploration (default 1)"},
			option{"json", "PATH", textField(&s.out, checkPath),
				"write the result for machines, too; - is standard output, and then no text"},
		), nil, p.testItself, nil},
		{"sweep", "Delete what runs have left in an account", sweepHelp, append(ownFlags("What is done",
			option{"yes", "", switchField(&s.yes), "delete what is found (default: list it)"},
		), s.chosen("account", "regions", "ledger", "prefix", "allow-unknown-alias", "allow-management-account", "timeout", "config")...),
			(*settings).read, p.sweep, nil},
		{"iam-policy", "Print the permissions that a run in an account needs", policyHelp,
			s.chosen("regions", "prefix", "allow-logging", "stores", "config"), (*settings).read, p.policy, nil},
		{"version", "Print the version", "Usage: conform version\n\n" +
			"Prints the version of conform and of Go, and the revision that it was built from\nwhere the build knows it.\n", nil, nil, p.printVersion, nil},
	}
}

// printVersion prints the version, and the revision where the build knows it.
func (p *process) printVersion(context.Context, *settings, []string) error {
	lines := "conform " + fullVersion() + "\n"
	if info, ok := debug.ReadBuildInfo(); ok {
		built := revision(info.Settings)
		lines += plain.When(built != "", built+"\n")
	}
	_, err := io.WriteString(p.stdout, lines)
	return err
}

// ownFlags are those of one command.
func ownFlags(title string, options ...option) []flagGroup {
	return []flagGroup{{Key: title, Items: options}}
}

func (p *process) newCommand(c subcommand, s *settings) *cobra.Command {
	cmd := &cobra.Command{Use: c.use, Short: c.short, Long: strings.Replace(c.long, "{flags}\n", flagHelp(c.flags), 1), ValidArgsFunction: c.arguments}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		cmd.Flags().Visit(func(f *pflag.Flag) { s.from[f.Name] = fromFlag })
		s.planning = c.use == "plan"
		if c.ready != nil {
			if err := c.ready(s, cmd.Context(), p.environ); err != nil {
				return err
			}
		}
		if len(s.sinks) == 0 {
			s.sinks = []formats.Sink{{Format: formats.Text}}
		}
		return c.run(cmd.Context(), s, args)
	}
	if !strings.Contains(c.use, " ") {
		cmd.Args = noArguments
	}
	for _, group := range c.flags {
		for _, o := range group.Items {
			flag := cmd.Flags().VarPF(&flag{option: o}, o.name, shorthands[o.name], o.help)
			if o.at.form == aSwitch {
				flag.NoOptDefVal = "true"
			}
			cmd.RegisterFlagCompletionFunc(o.name, o.completion())
		}
	}
	return cmd
}

// shorthands are the letters that flags have besides.
var shorthands = map[string]string{"quiet": "q", "verbose": "v"}

// completion says what may stand after the flag of a setting.
func (o option) completion() cobra.CompletionFunc {
	choices := strings.Split(o.value, "|")
	switch {
	case o.name == "suite":
		return completeList(strings.Split(o.value, ","))
	case o.name == "machine":
		return completeList(machine.Names())
	case o.name == "report", o.name == "to":
		return completeFormats
	case o.name == "fault":
		offer := func(f embedded.Fault) string { return f.Name + "\t" + f.Describe }
		return cobra.FixedCompletions(plain.Texts(slices.Concat(embedded.Faults, embedded.Races), offer), cobra.ShellCompDirectiveNoFileComp)
	case o.value == "DIR":
		return cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)
	case o.value == "PATH":
		return cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault)
	case o.value == "FILE":
		return cobra.FixedCompletions([]string{"yaml", "yml", "json"}, cobra.ShellCompDirectiveFilterFileExt)
	case len(choices) > 1:
		return cobra.FixedCompletions(choices, cobra.ShellCompDirectiveNoFileComp)
	}
	return cobra.NoFileCompletions
}

// completeList completes the last item of a list with commas by what is not yet in it.
func completeList(items []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		before := typed[:strings.LastIndex(typed, ",")+1]
		var offers []string
		for _, item := range items {
			if !strings.Contains(","+before, ","+item+",") {
				offers = append(offers, before+item)
			}
		}
		return offers, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// completeFormats offers formats, those of a matrix for its command, and files after the =.
func completeFormats(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	if strings.Contains(typed, "=") {
		return nil, cobra.ShellCompDirectiveDefault
	}
	var offers []string
	names := formats.Names()
	if cmd.Name() == "matrix" {
		names = formats.MatrixNames()
	}
	for _, format := range names {
		offers = append(offers, format, format+"=")
	}
	return offers, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

func completeRules(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	offers := []string{string(model.Order) + "\tthe order in which errors are selected"}
	for _, family := range families() {
		if model.RuleOf(model.ID(family.Key)) == nil {
			offers = append(offers, family.Key)
		}
	}
	offers = append(offers, plain.Texts(model.Rules, func(r model.Rule) string { return string(r.ID) + "\t" + r.Statement })...)
	return offers, cobra.ShellCompDirectiveNoFileComp
}

// completeTraces leaves it to the shell to find files and folders: a trace may be anywhere.
var completeTraces = cobra.FixedCompletions([]string{"json"}, cobra.ShellCompDirectiveFilterFileExt)

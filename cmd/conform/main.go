// Command conform tests whether a server behaves as CloudTrail's PutInsightSelectors is documented
// to. Run it without arguments for help.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"net/http"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/hbollon/go-edlib"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/internal/selftest"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/account"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/endpoint"
	"github.com/insightconform/conform/targets/pace"
	"github.com/insightconform/conform/targets/wire"

	// The roots of trust for a machine that has none, such as an image from scratch. Those of the machine,
	// or of SSL_CERT_FILE, go first.
	_ "golang.org/x/crypto/x509roots/fallback"
)

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(600) // a run makes much garbage and keeps little
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(144 << 20) // ten times what a run keeps of a target that answers as it should
	}
	log.SetOutput(io.Discard)      // where net/http tells what a server sent unasked
	signal.Ignore(syscall.SIGPIPE) // which a connection that is closed raises, too
	heeded := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as it is under nohup
		heeded = append(heeded, syscall.SIGHUP)
	}
	ctx, interrupt := signal.NotifyContext(context.Background(), heeded...)
	// A second signal ends the process at once, but a session that is closed sends several.
	context.AfterFunc(ctx, func() { signal.Reset(os.Interrupt, syscall.SIGTERM) })
	stdout, stderr := output{os.Stdout, interrupt}, output{os.Stderr, interrupt}
	os.Exit(production.run(ctx, os.Args[1:], os.Stdin, stdout, stderr, os.Environ()))
}

// run is the whole command but for the process around it, and returns its exit code. Cancelling ctx interrupts it.
func (parts wiring) run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, environ []string) (code int) {
	p := &process{wiring: parts, stdout: stdout, stderr: stderr, stdin: stdin, environ: map[string]string{}}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		p.environ[name] = value
	}
	defer func() {
		if failure := recover(); failure != nil {
			p.complain(fmt.Sprintf("internal error: %v; please report it (CONFORM_DEBUG=1 shows where)", failure))
			if p.environ["CONFORM_DEBUG"] != "" {
				stderr.Write(debug.Stack())
			}
			code = reports.ExitFailed
		}
	}()
	root := p.rootCommand()
	root.SetArgs(append([]string{}, args...)) // cobra takes nil for the process's own
	err := root.ExecuteContext(ctx)
	if err == nil {
		return reports.ExitConforms
	}
	if ended, ok := errors.AsType[exitCode](err); ok {
		return int(ended)
	}
	if code = exitCodeOf(ctx, err); code == reports.ExitInterrupted && !errors.Is(err, syscall.EPIPE) {
		p.complain("interrupted")
	} else if code != reports.ExitInterrupted {
		// The class of a usage error says nothing that its text does not say better.
		p.complain(strings.Replace(err.Error(), targets.ErrUsage.Error()+": ", "", 1))
	}
	return code
}

// process is one invocation of the command.
type process struct {
	wiring
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        map[string]string
}

// complain says in one line on standard error what is wrong.
func (p *process) complain(message string) {
	fmt.Fprintf(p.stderr, "conform: %s\n", withoutUsers(message))
}

// userInformation is what seems to stand before the host of a URL within a text.
var userInformation = regexp.MustCompile(`(//)[^\s"]*@|[^\s"/:=]+:[^\s"/][^\s"]*@`)

// withoutUsers is a message as it may be shown, in one line: whatever was given may be a URL with a password.
func withoutUsers(message string) string {
	return plain.OneLine(userInformation.ReplaceAllString(message, "$1…@"))
}

// exitCode ends the command without another word; what there is to say has been said.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// usagef returns an error of wrong usage or configuration.
func usagef(format string, arguments ...any) error {
	return usageError{fmt.Errorf(format, arguments...)}
}

type usageError struct{ error }

func (e usageError) Unwrap() []error { return []error{e.error, targets.ErrUsage} }

// exitCodeOf returns the exit code of an error. What an interruption has ended is not known to be out of reach.
func exitCodeOf(ctx context.Context, err error) int {
	cut := ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, targets.ErrUnreachable) ||
		errors.Is(err, targets.ErrInconclusive))
	switch {
	case err == nil:
		return reports.ExitConforms
	case cut, errors.Is(err, syscall.EPIPE): // or nobody reads any more
		return reports.ExitInterrupted
	case errors.Is(err, targets.ErrRefused):
		return reports.ExitRefused
	case errors.Is(err, targets.ErrUsage):
		return reports.ExitUsage
	case errors.Is(err, targets.ErrUnreachable), errors.Is(err, targets.ErrInconclusive):
		return reports.ExitInconclusive
	}
	return reports.ExitFailed
}

// wiring names the parts that the command puts together; tests put others in their place.
type wiring struct {
	target   func(settings) (targets.Target, error) // that is no account
	account  func(settings) account.Options         // tests send it elsewhere
	conform  func(context.Context, targets.Target, conform.Options) (*reports.Report, error)
	selftest func(context.Context, selftest.Options) (*reports.Selftest, error)
}

var production = wiring{settings.newTarget, settings.accountOptions, conform.Run, selftest.Run}

// newTarget makes the embedded server, or what stands for the one at a URL.
func (s settings) newTarget() (targets.Target, error) {
	var pacer endpoint.Pacer
	if s.pace != (pace.Rates{}) {
		pacer = pace.New(s.pace)
	}
	if s.target == targetEndpoint {
		s.endpoint.Conns, s.endpoint.Pace, s.endpoint.Proxy = s.run.Workers, pacer, http.ProxyFromEnvironment
		return endpoint.New(s.endpoint)
	}
	return embedded.NewTarget(embedded.Options{ServerOptions: s.server, Regions: s.endpoint.Regions,
		Timeout: s.endpoint.Timeout, Workers: s.run.Workers, Pace: pacer}), nil
}

// open makes the target that the settings choose, and says what was set in vain.
func (p *process) open(ctx context.Context, s *settings) (targets.Target, error) {
	if err := s.readCAs(ctx); err != nil {
		return nil, err
	}
	for _, note := range s.unusedNotes(p.environ) {
		if !s.quiet {
			p.complain(note)
		}
	}
	if s.target == targetAccount {
		return account.New(p.account(*s))
	}
	return p.target(*s)
}

const rootHelp = `conform tells whether a server behaves as CloudTrail's PutInsightSelectors is
documented to. It sends sequences of requests, compares every answer with a
reference model, and reports each distinct divergence once.

See it work, on the server that comes with it
  conform run

Test an emulator
  conform run --endpoint http://127.0.0.1:5000

Be sure of it, as far as tests can be: complete suites, with a certificate
  conform plan --suite complete --depth 1
  conform run --suite complete --depth 1 --endpoint http://127.0.0.1:5000

Keep the result for machines and for people
  conform run --endpoint http://127.0.0.1:5000 --report text --report json=report.json

Understand what was found
  conform rules put/replaces-list   one rule: its source, an example, a server that breaks it
  conform rules                     all rules, by family

See whether it is fixed, or show it to someone without conform
  conform replay put/replaces-list --endpoint http://127.0.0.1:5000
  conform export TRACE --as awscli

Fail a build on new divergences only
  conform run --endpoint http://127.0.0.1:5000 --baseline known.yaml --update-baseline
  conform run --endpoint http://127.0.0.1:5000 --baseline known.yaml

Judge what your own tests ask of an emulator
  conform proxy --upstream http://127.0.0.1:5000

Use the reference in the place of the service
  conform serve --addr 127.0.0.1:8080

Commands
%s  completion   write a completion script for your shell
  help         help about a command

Flags
  --help       this help, or that of a command
  --version    the version of conform

'conform run --help' explains its flags and the exit codes.
`

func (p *process) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "conform",
		Short:         "Test whether a server behaves as PutInsightSelectors is documented to",
		Version:       fullVersion(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	root.SetVersionTemplate("conform {{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		width, _ := p.terminal(p.stdout)
		fmt.Fprint(p.stdout, plain.FoldLines(reflowed(cmd.Long), cmp.Or(width, helpWidth)))
	})
	s, list := defaultSettings(), ""
	s.address = cmp.Or(p.environ[variableName("addr")], defaultAddress)
	for _, c := range p.commands(s) {
		cmd := p.newCommand(c, s)
		root.AddCommand(cmd)
		list += fmt.Sprintf("  %-12s %s\n", cmd.Name(), strings.ToLower(cmd.Short[:1])+cmd.Short[1:])
	}
	root.Long = fmt.Sprintf(rootHelp, list)
	root.SetHelpCommand(p.newCommand(subcommand{use: "help [COMMAND]", short: "Help about a command", long: "Usage: conform help [COMMAND]\n",
		run: func(_ context.Context, _ *settings, args []string) error {
			about, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(root, args[0])
			}
			return about.Help()
		}}, s))
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.InitDefaultCompletionCmd() // keeps the output it finds
	if completion, _, err := root.Find([]string{"completion"}); err == nil {
		explainCompletion(completion)
	}
	return root
}

// explainCompletion gives cobra's completion command help in the form of the other commands.
func explainCompletion(cmd *cobra.Command) {
	cmd.Long = `Usage: conform completion bash|fish|powershell|zsh

Writes a script that completes commands, flags, their values and rules.

  source <(conform completion bash)          bash, in this shell
  source <(conform completion zsh)           zsh, in this shell
  conform completion fish | source           fish, in this shell
`
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usagef("there is no completion for %q; use bash, fish, powershell or zsh", args[0])
		}
		return cmd.Help()
	}
	for _, shell := range cmd.Commands() {
		shell.Long = cmd.Long
		shell.Args = noArguments
	}
}

// helpWidth is that of help where no terminal has one.
const helpWidth = 80

// reflowed joins the lines of a text that belong together: running text, and what hangs below what two spaces set off.
func reflowed(text string) string {
	var out []string
	hang := -1 // where what goes on with the last line begins
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		told := strings.TrimLeft(line, " ")
		if last, at := len(out)-1, len(line)-len(told); told != "" && at == hang {
			out[last] += " " + told
			continue
		} else if hang = -1; told != "" && at == 0 {
			hang = 0
		} else if gap := strings.LastIndex(told, "  "); gap >= 0 {
			hang = at + gap + len("  ")
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n") + "\n"
}

func unknownCommand(root *cobra.Command, name string) error {
	names := plain.Texts(root.Commands(), (*cobra.Command).Name)
	return usagef("there is no command %q; %s", wire.WithoutUser(name), suggestion(nearest(name, names), "conform --help"))
}

// noArguments refuses what stands beside the flags, with a guess at what was meant.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	first := wire.WithoutUser(args[0])
	meant := plain.When(cmd.Name() == "run" && strings.Contains(first, ":"), "did you mean --endpoint "+first+"?")
	hint := cmp.Or(meant, fmt.Sprintf("see '%s --help'", cmd.CommandPath()))
	return usagef("'%s' takes no argument %q; %s", cmd.CommandPath(), first, hint)
}

// flagError turns the flag parser's errors into one line that names the flag and the remedy.
func flagError(cmd *cobra.Command, err error) error {
	if errors.Is(err, pflag.ErrHelp) {
		return err
	}
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		name := unknown.GetSpecifiedName()
		if unknown.GetSpecifiedShortnames() != "" {
			return usagef("there is no flag -%s; see '%s --help'", name, cmd.CommandPath())
		}
		return usagef("there is no flag --%s; %s", name, flagSuggestion(cmd, name))
	}
	if missing, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		flag := missing.GetFlag()
		return usagef("--%s needs a value: --%s %s", flag.Name, flag.Name, flag.Value.Type())
	}
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return wrongValue("--"+invalid.GetFlag().Name, invalid.GetValue(), errors.Unwrap(invalid))
	}
	return usagef("%w; see '%s --help'", err, cmd.CommandPath())
}

// flagSuggestion looks for a flag of a similar name, here or at another command.
func flagSuggestion(cmd *cobra.Command, name string) string {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	if near := nearest("--"+name, names); len(near) > 0 {
		return suggestion(near, cmd.CommandPath()+" --help")
	}
	commands := cmd.Root().Commands()
	slices.SortStableFunc(commands, func(a, b *cobra.Command) int { // run has most flags, and is meant most often
		return strings.Compare(strings.TrimPrefix(a.Name(), "run"), strings.TrimPrefix(b.Name(), "run"))
	})
	for _, other := range commands {
		if other != cmd && other.Flags().Lookup(name) != nil {
			return fmt.Sprintf("'%s' has one", other.CommandPath())
		}
	}
	return suggestion(nil, cmd.CommandPath()+" --help")
}

// suggestion says what was probably meant, or where to look.
func suggestion(near []string, help string) string {
	meant := plain.When(len(near) > 0, "did you mean "+strings.Join(near, " or ")+"?")
	return cmp.Or(meant, fmt.Sprintf("see '%s'", help))
}

// version is that of a build which knows nothing of the repository: go build -ldflags '-X main.version=v1.2.3'.
var version string

// shortVersion is the one that the build was told, or that of the module. Where it has no tag, that names the revision
// and says whether there are changes.
func shortVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && version == "" {
		return info.Main.Version
	}
	return version
}

// revision says in words which one of the repository was built; empty where the build does not know.
func revision(settings []debug.BuildSetting) string {
	vcs := map[string]string{}
	for _, s := range settings {
		vcs[s.Key] = s.Value
	}
	if vcs["vcs.revision"] == "" {
		return ""
	}
	return "revision " + vcs["vcs.revision"] + " of " + vcs["vcs.time"] +
		plain.When(vcs["vcs.modified"] == "true", ", with uncommitted changes")
}

// fullVersion names that of Go, too.
func fullVersion() string {
	return cmp.Or(shortVersion(), "(unknown version)") + ", " + runtime.Version()
}

// maxSuggestions is how many names a suggestion offers.
const maxSuggestions = 3

// nearest returns the known names that someone who wrote name may have meant: those that are closest.
func nearest(name string, known []string) (names []string) {
	name = strings.ToLower(name)
	bare := strings.TrimLeft(name, "-")
	closest := math.MaxInt
	for _, k := range known {
		d := edlib.OSADamerauLevenshteinDistance(name, k) // a swap of neighbours counts as one
		if len(bare) >= 3 && strings.Contains(k, bare) {
			d = min(d, 2)
		} else if d > 1+len(bare)/4 {
			continue
		}
		if d < closest {
			closest, names = d, nil
		}
		if d == closest && len(names) < maxSuggestions {
			names = append(names, k)
		}
	}
	return names
}

// Command conform tests whether a server behaves as CloudTrail's PutInsightSelectors is documented
// to. Run it without arguments for help.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/internal/selftest"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/account"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/endpoint"
	"github.com/insightconform/conform/targets/pace"

	// The roots of trust for a machine that has none, such as an image from scratch. Those of the machine,
	// or of SSL_CERT_FILE, go first.
	_ "golang.org/x/crypto/x509roots/fallback"
)

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(600) // a run makes much garbage and keeps little
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(production.run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ()))
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
	// The class of a usage error says nothing that its text does not say better.
	p.complain(strings.Replace(err.Error(), targets.ErrUsage.Error()+": ", "", 1))
	return exitCodeOf(ctx, err)
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
	fmt.Fprintf(p.stderr, "conform: %s\n", plain.OneLine(message))
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

// exitCodeOf returns the exit code of an error.
func exitCodeOf(ctx context.Context, err error) int {
	switch {
	case err == nil:
		return reports.ExitConforms
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
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
		s.endpoint.Conns, s.endpoint.Pace = s.run.Workers, pacer
		return endpoint.New(s.endpoint)
	}
	return embedded.NewTarget(embedded.Options{ServerOptions: s.server, Regions: s.endpoint.Regions,
		Timeout: s.endpoint.Timeout, Workers: s.run.Workers, Pace: pacer}), nil
}

// open makes the target that the settings choose, and says what was set in vain.
func (p *process) open(s *settings) (targets.Target, error) {
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

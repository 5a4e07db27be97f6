// Bench compares conform with what people use instead: Hypothesis's rule-based state machines and
// rapid's, over the same alphabet, against the same faults of the same server. See docs/comparison.md.
//
//	cd bench && go run . -write ../docs/comparison.md
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/internal/files"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/embedded"
)

const usage = `Usage: go run . [flags]

Compares conform with Hypothesis and rapid on the faults of the embedded server.
Hypothesis is taken from python3, or from the interpreter in BENCH_PYTHON.

Flags
  -tools LIST     which tools, separated by commas (default conform,hypothesis,rapid)
  -faults LIST    names of faults, or the part of a rule's id before the slash; all by default
  -seeds N        how often each tool meets each fault (default 3)
  -budget N       requests until the first detection (default 5000)
  -reduce N       requests for reducing what the first seed has found (default 2000)
  -jobs N         runs side by side (default 2)
  -time DURATION  after so long reduce nothing more, and begin no further seed;
                  0 is no limit (default 0)
  -write FILE     write the page there instead of to standard output
`

// settings say what is compared.
type settings struct {
	tools          []string
	faults         []embedded.Fault
	excluded       map[string]string // faults out of reach, and why
	seeds          int
	budget, reduce int
	jobs           int
	limit          time.Duration
	write          string
	command        string // that repeats it
}

func main() {
	testing.Init() // which rapid asks for testing.Short
	_ = flag.CommandLine.Parse(nil)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	s, err := readSettings(os.Args[1:])
	if err == nil {
		err = s.run(ctx)
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Print(usage)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		if errors.Is(err, targets.ErrUsage) {
			os.Exit(reports.ExitUsage)
		}
		os.Exit(reports.ExitFailed)
	}
}

func wrongUsage(format string, a ...any) error {
	return fmt.Errorf("%w: %s", targets.ErrUsage, fmt.Sprintf(format, a...))
}

func readSettings(args []string) (*settings, error) {
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	s := &settings{excluded: map[string]string{}, command: strings.Join(append([]string{"cd bench && go run ."}, args...), " ")}
	chosen := fs.String("tools", strings.Join(tools, ","), "")
	faults := fs.String("faults", "", "")
	fs.IntVar(&s.seeds, "seeds", 3, "")
	fs.IntVar(&s.budget, "budget", 5_000, "")
	fs.IntVar(&s.reduce, "reduce", conform.DefaultShrinkRequests, "")
	fs.IntVar(&s.jobs, "jobs", 2, "")
	fs.DurationVar(&s.limit, "time", 0, "")
	fs.StringVar(&s.write, "write", "", "")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil, err
		}
		return nil, wrongUsage("%v; see -help", err)
	}
	if fs.NArg() > 0 {
		return nil, wrongUsage("%q is no flag; see -help", fs.Arg(0))
	}
	if s.seeds < 1 || s.budget < 1 || s.reduce < 0 || s.jobs < 1 || s.limit < 0 {
		return nil, wrongUsage("-seeds, -budget and -jobs must be at least 1, -reduce and -time not negative")
	}
	for tool := range strings.SplitSeq(*chosen, ",") {
		if !slices.Contains(tools, tool) {
			return nil, wrongUsage("there is no tool %q for -tools; use %s", tool, strings.Join(tools, ", "))
		}
		s.tools = append(s.tools, tool)
	}
	return s, s.choose(*faults)
}

// choose takes the faults that are asked for, as far as the alphabet reaches them.
func (s *settings) choose(list string) error {
	var wanted []string
	if list != "" {
		wanted = strings.Split(list, ",")
	}
	for _, name := range wanted {
		if !slices.ContainsFunc(embedded.Faults, func(f embedded.Fault) bool { return meant(f, name) }) {
			return wrongUsage("-faults: %q is neither a fault nor a family of rules; 'conform serve --fault list' lists them", name)
		}
	}
	for _, f := range embedded.Faults {
		if wanted != nil && !slices.ContainsFunc(wanted, func(name string) bool { return meant(f, name) }) {
			continue
		}
		if ok, why := reachable(f); !ok {
			s.excluded[f.Name] = why
			continue
		}
		s.faults = append(s.faults, f)
	}
	if len(s.faults) == 0 {
		return wrongUsage("-faults: none of them is within the alphabet of the comparison; %s", s.why())
	}
	return nil
}

func meant(f embedded.Fault, name string) bool { return f.Name == name || f.Rule.Family() == name }

// why counts the reasons for which faults are left out.
func (s *settings) why() string {
	counts := map[string]int{}
	var order []string
	for _, f := range embedded.Faults {
		if why := s.excluded[f.Name]; why != "" {
			if counts[why]++; counts[why] == 1 {
				order = append(order, why)
			}
		}
	}
	for i, why := range order {
		order[i] = fmt.Sprintf("%d %s", counts[why], why)
	}
	return strings.Join(order, ", ")
}

func (s *settings) run(ctx context.Context) error {
	p := &page{settings: s}
	if slices.Contains(s.tools, toolHypothesis) {
		var err error
		if p.hypothesis, err = hypothesisVersion(ctx); err != nil {
			return wrongUsage("%s has no Hypothesis; 'pip install hypothesis', set BENCH_PYTHON, or leave it out of -tools", python())
		}
	}
	results, err := s.results(ctx, os.Stderr)
	if err != nil {
		return err
	}
	p.add(results)
	if s.write == "" {
		return p.render(os.Stdout)
	}
	return files.Write(s.write, p.render)
}

// results runs every tool against every fault, seed by seed, and returns whole seeds alone.
func (s *settings) results(ctx context.Context, progress io.Writer) ([]result, error) {
	started := time.Now()
	over := func() bool { return s.limit > 0 && time.Since(started) > s.limit }
	var all []result
	for seed := range uint64(s.seeds) {
		if seed > 0 && over() {
			fmt.Fprintf(progress, "the time is over: %d of %d seeds\n", seed, s.seeds)
			break
		}
		var trials []trial
		for _, f := range s.faults {
			for _, tool := range s.tools {
				reduce := s.reduce
				if seed > 0 {
					reduce = 0
				}
				trials = append(trials, trial{tool, f.Name, seed + 1, s.budget, reduce})
			}
		}
		round, err := s.round(ctx, trials, over, progress)
		if err != nil {
			return nil, err
		}
		all = append(all, round...)
	}
	return all, nil
}

// round runs trials, some side by side.
func (s *settings) round(ctx context.Context, trials []trial, over func() bool, progress io.Writer) ([]result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	results := make([]result, len(trials))
	next := make(chan int)
	var wait sync.WaitGroup
	var mu sync.Mutex
	for range s.jobs {
		wait.Go(func() {
			for i := range next {
				if over() {
					trials[i].reduce = 0
				}
				r, err := trials[i].run(ctx)
				if err != nil {
					cancel(fmt.Errorf("%s against %s, seed %d: %w", trials[i].tool, trials[i].fault, trials[i].seed, err))
					continue
				}
				results[i] = r
				mu.Lock()
				fmt.Fprintln(progress, r)
				mu.Unlock()
			}
		})
	}
	for i := range trials {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	wait.Wait()
	return results, context.Cause(ctx)
}

// family is what the page groups a fault by.
func family(f embedded.Fault) string {
	if f.Deep {
		return "deep"
	}
	return f.Rule.Family()
}

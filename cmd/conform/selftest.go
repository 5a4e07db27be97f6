package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/insightconform/conform/internal/files"
	"github.com/insightconform/conform/internal/selftest"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/reports/text"
)

const selftestHelp = `Usage: conform selftest [--fault NAME]… [--seed N] [--json PATH]

Tests conform itself: runs the default suite against the server that comes with
it, once without a fault and once with each of its faults, until the fault is
caught. Shows which rule caught which fault, and after how many requests.

A walk beside the reference tells beforehand which faults are wrong at all:
  wrong       some answer is one that no rule accepts; the run must catch it
  tolerated   some answers change, each to an accepted one; the run must report
              deviations and no violation
  equivalent  no answer changes; the run must report nothing

  conform selftest
  conform selftest --fault appends-selectors --fault trail/not-found/wrong-code
{flags}

Exit codes
    0  each fault came out as it must, and each rule that claims something
       caught at least one (counted where all faults are tested)
    2  wrong usage
    4  conform failed: it missed a wrong server, accused a right one, or the run
       itself broke
  130  interrupted; the result is partial
`

func (p *process) selftestCommand() *cobra.Command {
	var faults []string
	var path string
	s := defaultSettings()
	addFault := func(text string) error {
		faults = append(faults, text)
		return checkFault(text)
	}
	flags := ownFlags("Flags",
		option{"fault", "NAME", field{set: addFault}, "test with this fault alone; repeatable ('conform serve --fault list' lists them; default all)"},
		option{"seed", "N", numberField(&s.run.Seed, 1, math.MaxUint64), "of the random exploration (default 1)"},
		option{"json", "PATH", textField(&path, checkPath), "write the result for machines, too; - is standard output, and then no text"})
	return newCommand("selftest", "Test conform itself on wrong servers", selftestHelp, s, flags, func(ctx context.Context, s *settings, _ []string) error {
		return p.testItself(ctx, max(1, s.run.Seed), faults, path)
	})
}

// testItself runs the self-test and writes its result.
func (p *process) testItself(ctx context.Context, seed uint64, faults []string, path string) error {
	toFile := path != "" && path != "-"
	if toFile {
		if err := mustBeWritable("--json "+path, path, "; give a path that can be written"); err != nil {
			return err
		}
	}
	progress, started := p.progress(&settings{}), time.Now()
	result, err := p.selftest(ctx, selftest.Options{Seed: seed, Faults: faults, Progress: func(now selftest.Progress) {
		progress.Show(reports.Update{Phase: fmt.Sprintf("%d of %d servers", now.Done, now.Total), Requests: now.Requests,
			Rate: float64(now.Requests) / time.Since(started).Seconds(), Divergences: now.Caught})
	}})
	progress.Close()
	if err != nil {
		return err
	}
	result.Version, result.Command = shortVersion(), strings.Join(append([]string{"conform selftest"}, faults...), " --fault ")+fmt.Sprintf(" --seed %d", seed)
	asJSON := func(w io.Writer) error { return plain.WriteJSON(w, result) }
	if path == "-" {
		err = asJSON(p.stdout)
	} else {
		err = text.Selftest(p.stdout, result, p.textOptions(&settings{}))
	}
	if err != nil {
		return err
	}
	if toFile {
		if err := files.Write(path, asJSON); err != nil {
			p.complain("--json " + path + ": " + err.Error())
			return exitCode(reports.WorseExit(result.ExitCode, reports.ExitFailed))
		}
	}
	return exitCode(result.ExitCode)
}

package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/insightconform/conform/internal/files"
	"github.com/insightconform/conform/internal/learn"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/reports/text"
)

const learnHelp = `Usage: conform learn [flags]

Finds out which error a target selects first where a request breaks several
rules: asks for each rule alone, then for each two that one request can break
together, every time twice and in a fresh world.

  conform learn --endpoint http://127.0.0.1:5000
  conform learn --endpoint http://127.0.0.1:5000 --profile order.json
  conform run --endpoint http://127.0.0.1:5000 --order order.json

The profile holds only the pairs that were told apart. A run with it reports,
at level observed, where the target no longer selects them in that order.
{flags}

Exit codes: 0 learned, 2 wrong usage or configuration, 3 inconclusive: nothing
listens or no error could be measured, 130 interrupted, no file is written.
`

func (p *process) learnCommand() *cobra.Command {
	var profile, out string
	s := defaultSettings()
	flags := ownFlags("What is kept",
		option{"profile", "PATH", textField(&profile, anyText), "write an error order file, as --order takes it"},
		option{"out", "PATH", textField(&out, anyText), "write the precedence matrix with all requests and answers, as JSON"},
		option{"verbose", "", switchField(&s.verbose), "show each pair"})
	// What is tested, and of the other settings of a run those that learning has too.
	flags = append(flags, s.groups()[0])
	flags = append(flags, s.chosen("timeout", "keep-account-ids", "config")...)
	return p.targetCommand("learn", "Find out which error a target selects first", learnHelp, s, flags,
		func(ctx context.Context, s *settings, _ []string) error { return p.learn(ctx, s, profile, out) })
}

func (p *process) learn(ctx context.Context, s *settings, profile, out string) error {
	if profile != "" && profile == out {
		return usagef("--profile and --out name the same file %s; give each its own", profile)
	}
	for _, file := range [][2]string{{"--profile ", profile}, {"--out ", out}} {
		if err := mustBeWritable(file[0]+file[1], file[1], ""); err != nil {
			return err
		}
	}
	target, err := p.open(s)
	if err != nil {
		return err
	}
	progress := p.progress(s)
	defer progress.Close()
	o := s.runOptions()
	learned, problem := learn.Learn(ctx, target, learn.Options{Eventual: o.Eventual, Settle: o.Settle, Progress: progress.Show, Version: o.Version})
	progress.Close()
	if learned == nil {
		return problem
	}
	if err := text.Precedence(p.stdout, learned, p.textOptions(s)); err != nil {
		return err
	}
	switch {
	case ctx.Err() != nil:
		p.complain("interrupted; what is not covered was not asked, and no file is written")
		return exitCode(reports.ExitInterrupted)
	case problem != nil:
		p.complain(problem.Error() + "; no file is written")
		return exitCode(reports.ExitInconclusive)
	}
	return s.keepLearned(learned, profile, out)
}

// keepLearned writes the files that were asked for.
func (s *settings) keepLearned(learned *reports.Precedence, profile, out string) error {
	if out != "" {
		if err := files.Write(out, func(w io.Writer) error { return learned.JSON(w, s.account.KeepAccountIDs) }); err != nil {
			return err
		}
	}
	if profile == "" {
		return nil
	}
	name := "learned from " + learned.Target.Name
	if s.target == targetEndpoint { // the port of the embedded server says nothing
		name += " " + learned.Target.Endpoint
	}
	order, err := learned.Profile(name)
	if err != nil {
		return err
	}
	return files.Write(profile, func(w io.Writer) error { return plain.WriteJSON(w, order) })
}

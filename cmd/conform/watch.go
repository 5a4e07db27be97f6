package main

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/insightconform/conform/internal/explore"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/formats"
	"github.com/insightconform/conform/reports/text"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/endpoint"
)

// ofRun are the settings that a run uses.
func (s *settings) ofRun() []flagGroup {
	groups := s.groups()
	i := slices.IndexFunc(groups, func(g flagGroup) bool { return g.Key == "How much is tried" })
	groups[i].Items = append(groups[i].Items, option{"watch", "", switchField(&s.watching),
		"run again each time that the target at --endpoint was restarted, with --budget quick unless told otherwise, and say what changed; Ctrl-C ends it"})
	return groups
}

// canWatch refuses what cannot be run again and again.
func (s *settings) canWatch() error {
	switch {
	case s.target != targetEndpoint:
		return usagef("--watch waits for a restart of what listens at a URL; give it with --endpoint URL")
	case s.resume != "":
		return usagef("--watch and --resume contradict each other; leave one of them out")
	}
	for _, sink := range s.sinks {
		if sink.Path == "" && sink.Format != formats.Text {
			return usagef("--report %s: --watch tells on standard output what changes; write the report to a file with =PATH",
				sink)
		}
	}
	return nil
}

// watching is a target that is tested each time that it was restarted.
type watching struct {
	*process
	settings *settings
	restarts *endpoint.Restarts
	known    []reports.Divergence
	traces   map[string]*reports.Trace // of what was found, by signature
	again    bool                      // a run has ended
}

// watch runs the suites now and after each restart of the target, until it is interrupted, which is its regular end.
func (p *process) watch(ctx context.Context, s *settings) error {
	if err := s.canWatch(); err != nil {
		return err
	}
	if s.run.Budget == "" && s.run.Requests == 0 && s.run.Time == 0 {
		s.run.Budget = explore.Quick
	}
	if err := errors.Join(s.readInputs(ctx), s.readCAs(ctx)); err != nil {
		return err
	}
	o := s.endpoint
	o.Proxy = http.ProxyFromEnvironment
	restarts, err := endpoint.WatchRestarts(ctx, o)
	if err != nil {
		return err
	}
	w := &watching{process: p, settings: s, restarts: restarts, traces: map[string]*reports.Trace{}}
	var last error = exitCode(reports.ExitInterrupted)
	for w.restarts.AwaitAnswers(ctx, func(why string) { p.complain(why + "; waiting for it") }) {
		restarts.Happened() // what was before
		ended, err := w.run(ctx)
		switch {
		case errors.Is(err, errRestarted):
			p.complain("the target was restarted while it was tested, which says nothing; testing it again")
			continue
		case err == nil:
			last = ended
		case ctx.Err() == nil:
			return err
		}
		if !restarts.Await(ctx) {
			break
		}
	}
	return last
}

// errRestarted says that some answers of a run were another server's.
var errRestarted = errors.New("the target was restarted")

// run tests the target once and says what changed. It returns how the run ended, and an error where no other will do better.
func (w *watching) run(ctx context.Context) (ended, err error) {
	s := *w.settings
	if w.again {
		s.sinks = slices.DeleteFunc(slices.Clone(s.sinks), func(sink formats.Sink) bool { return sink.Path == "" })
		s.run.Traces = nil
		if err := errors.Join(s.readKnown(ctx), s.readBaseline(ctx)); err != nil {
			return nil, err
		}
		s.told = true
	}
	for _, d := range w.known {
		kept := func(t *reports.Trace) bool { return t.Signature == d.Signature }
		if !slices.ContainsFunc(s.run.Traces, kept) {
			s.run.Traces = append(s.run.Traces, w.traces[d.Signature])
		}
	}
	report, ended := w.process.test(ctx, &s)
	var code exitCode
	switch {
	case ctx.Err() == nil && w.restarts.Happened():
		return nil, errRestarted
	case report == nil && ctx.Err() == nil && errors.Is(ended, targets.ErrUnreachable):
		w.complain(ended.Error())
		return exitCode(reports.ExitInconclusive), nil
	case report == nil || !errors.As(ended, &code) || code > reports.ExitInconclusive || code == reports.ExitUsage:
		return nil, ended
	}
	changes := reports.Changes(w.known, report)
	if options := w.textOptions(&s); w.again {
		err = text.Changes(w.stdout, changes, options)
	}
	err = errors.Join(err, text.Watched(w.stdout, report, changes, time.Now(), w.textOptions(&s)))
	w.known, w.again = nil, true
	for _, c := range changes {
		if c.Known() && (c.What != reports.ChangeUnclear || c.Divergence.Status == reports.Confirmed) {
			w.known = append(w.known, c.Divergence)
		}
	}
	for _, d := range report.Divergences {
		w.traces[d.Signature] = reports.NewTrace(report, d, s.account.KeepAccountIDs)
	}
	return ended, err
}

package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/insightconform/conform/internal/proxy"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/formats"
)

const proxyHelp = `Usage: conform proxy --upstream URL [--addr HOST:PORT] [flags]

Stands on loopback between your own tests and an emulator. Every request goes on
unchanged, and every answer comes back unchanged, those of other services too.
What concerns Insights is judged on the way, from whatever was there before: a
rule is violated only where no state explains an answer. Divergences are told as
they happen, and the report is written at the end, which is Ctrl-C, SIGTERM or
--for. Nothing is sent but what passes, and no host of AWS is passed to.

  conform proxy --upstream http://127.0.0.1:5000
  conform proxy --upstream http://127.0.0.1:5000 --addr 127.0.0.1:0 --for 10m
  conform proxy --upstream http://127.0.0.1:5000 --record calls.har

The first line is 'proxy listens on http://HOST:PORT'. Give that to your tests
as the endpoint URL, such as AWS_ENDPOINT_URL. docs/proxy.md shows it with
pytest and moto, with 'go test', with Terraform and in CI.
{flags}

Exit codes
    0  at least one call was judged, and none contradicts a rule
    1  one does, at the level of --fail-on or above
    2  wrong usage, or an address or a file that cannot be used
    3  nothing could be judged, or the emulator was gone at the end
    4  conform itself failed, or a file could not be written
    5  refused for safety: an upstream of AWS, or an address that is not loopback
`

const defaultProxyAddress = "127.0.0.1:8081"

// ofProxy are the settings that a proxy uses.
func (s *settings) ofProxy() []flagGroup {
	groups := ownFlags("What it does",
		option{"upstream", "URL", textField(&s.proxy.Upstream, checkEndpoint), "where the emulator listens"},
		option{"addr", "HOST:PORT", textField(&s.proxy.Address, anyText), "where to listen, on loopback (default " + defaultProxyAddress + "); port 0 takes a free one"},
		option{"for", "DURATION", durationField(&s.lasts), "end after this time, such as 30s or 5m (default: on Ctrl-C or SIGTERM)"},
		option{"record", "PATH", textField(&s.proxy.Record, checkPath),
			"keep what passed, without credentials, for 'conform judge': as HAR where the name ends in .har, else as events"})
	groups = append(groups, s.chosen("ca-file", "fail-on", "report", "quiet", "verbose")...)
	for _, group := range groups {
		for i, o := range group.Items {
			if o.name == "report" {
				group.Items[i].help = "text, json, html, junit or markdown, to standard output or a file; repeatable (default text)"
			}
		}
	}
	return groups
}

// passOn is a proxy until it is interrupted, which is its regular end.
func (p *process) passOn(ctx context.Context, s *settings, _ []string) error {
	if s.proxy.Upstream == "" {
		return usagef("'conform proxy' needs --upstream URL, where the emulator listens, such as http://127.0.0.1:5000")
	}
	for _, sink := range s.sinks {
		if sink.Format == formats.NDJSON {
			return usagef("--report %s: --record PATH writes the events of a proxy; use one of text, json, html, junit, markdown", sink)
		}
	}
	if err := s.mustWriteReports("--report"); err != nil {
		return err
	}
	if err := mustBeWritable("--record "+s.proxy.Record, s.proxy.Record, "; give a path that can be written"); err != nil {
		return err
	}
	if err := s.readCAs(ctx); err != nil {
		return err
	}
	progress := p.progress(s)
	defer progress.Close()
	o := s.proxy
	o.Address, o.RootCAs, o.FailOn, o.Version, o.Found = cmp.Or(o.Address, defaultProxyAddress), s.endpoint.RootCAs, s.run.FailOn, shortVersion(), progress.Found
	passing, err := proxy.New(o)
	if err != nil {
		return err
	}
	if s.lasts > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.lasts)
		defer cancel()
	}
	if _, err := fmt.Fprintf(p.stdout, "proxy listens on %s\n", passing.URL()); err != nil {
		return err
	}
	report, problem := passing.Run(ctx)
	progress.Close()
	if problem != nil {
		p.complain(cmp.Or(s.proxy.Record, passing.URL()) + ": " + problem.Error())
		report.ExitCode = reports.WorseExit(report.ExitCode, reports.ExitFailed)
	}
	code := p.writeReports(s.sinks, report, p.textOptions(s))
	p.verdict(s, report)
	return exitCode(code)
}

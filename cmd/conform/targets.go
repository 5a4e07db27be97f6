package main

import (
	"context"
	"net/http"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/internal/selftest"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/account"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/endpoint"
	"github.com/insightconform/conform/targets/pace"
)

// wiring names the parts that the command puts together; tests put others in their place.
type wiring struct {
	embedded func(settings) (targets.Target, error)
	endpoint func(settings) (targets.Target, error)
	account  func(settings) account.Options // tests send it elsewhere
	conform  func(context.Context, targets.Target, conform.Options) (*reports.Report, error)
	server   func(fault string) (http.Handler, error)
	selftest func(context.Context, selftest.Options) (*reports.Selftest, error)
}

var production = wiring{
	embedded: func(s settings) (targets.Target, error) {
		return embedded.NewTarget(embedded.Options{ServerOptions: embedded.ServerOptions{Fault: s.fault}, Regions: s.endpoint.Regions,
			Timeout: s.endpoint.Timeout, Workers: s.run.Workers, Pace: s.pacer()}), nil
	},
	endpoint: func(s settings) (targets.Target, error) {
		s.endpoint.Conns, s.endpoint.Pace = s.run.Workers, s.pacer()
		return endpoint.New(s.endpoint)
	},
	account: settings.accountOptions,
	conform: conform.Run,
	server: func(fault string) (http.Handler, error) {
		return embedded.NewServer(embedded.ServerOptions{Fault: fault})
	},
	selftest: selftest.Run,
}

// open makes the target that the settings choose, and says what was set in vain.
func (p *process) open(s *settings) (targets.Target, error) {
	for _, note := range s.unusedNotes(p.environ) {
		if !s.quiet {
			p.complain(note)
		}
	}
	switch s.target {
	case targetEndpoint:
		return p.endpoint(*s)
	case targetAccount:
		return account.New(p.account(*s))
	}
	return p.embedded(*s)
}

// pacer is nil where nothing is to be paced.
func (s settings) pacer() endpoint.Pacer {
	if s.pace == (pace.Rates{}) {
		return nil
	}
	return pace.New(s.pace)
}

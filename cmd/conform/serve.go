package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/insightconform/conform/targets/embedded"
)

const serveHelp = `Usage: conform serve [--addr HOST:PORT] [--fault NAME] [--quota-trails N] [--quota-stores N]

Serves the reference model over HTTP, so that it can stand in for CloudTrail:
the AWS JSON 1.1 protocol, any credentials, state in memory only. Ends on Ctrl-C.

  conform serve
  AWS_ENDPOINT_URL_CLOUDTRAIL=http://127.0.0.1:8080 aws cloudtrail get-insight-selectors …
{flags}
`

// listFaults is the value of --fault that lists them.
const listFaults = "list"

const defaultAddress = "127.0.0.1:8080"

func (p *process) serveCommand() *cobra.Command {
	address, server := cmp.Or(p.environ[variableName("addr")], defaultAddress), embedded.ServerOptions{}
	run := func(ctx context.Context, _ *settings, _ []string) error {
		if server.Fault == listFaults {
			return p.listFaults()
		}
		return p.serve(ctx, address, server)
	}
	flags := append([]option{
		{"addr", "HOST:PORT", textField(&address, anyText), "where to listen (default " + defaultAddress + "); port 0 takes a free one"},
		{"fault", "NAME", textField(&server.Fault, anyText), "be wrong on purpose in one way; 'list' lists the ways and ends"},
	}, quotaOptions(&server)...)
	return newCommand("serve", "Serve the reference over HTTP", serveHelp, defaultSettings(), ownFlags("Flags", flags...), run)
}

// listFaults writes a line for each fault of the embedded server: its name, its rule, and what it does otherwise.
func (p *process) listFaults() error {
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, f := range embedded.Faults {
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.Name, f.Rule, f.Describe)
	}
	return table.Flush()
}

// serve answers requests until ctx is cancelled, which is its regular end.
func (p *process) serve(ctx context.Context, address string, o embedded.ServerOptions) error {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return usagef("--addr %q: is no HOST:PORT; write it like %s", address, defaultAddress)
	}
	if err := checkFault(o.Fault); o.Fault != "" && err != nil {
		return usagef("--fault %q: %w", o.Fault, err)
	}
	handler, err := embedded.NewServer(o)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if operation, ok := errors.AsType[*net.OpError](err); ok {
		err = operation.Err // without the address, which is named
	}
	if err != nil {
		return usagef("--addr %s: cannot listen there (%w); choose another, or port 0 for a free one", address, err)
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          log.New(p.stderr, "conform: ", 0),
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if server.Shutdown(grace) != nil {
			server.Close()
		}
	})
	defer stop()
	fmt.Fprintf(p.stdout, "serving the reference on http://%s\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	<-stopped
	return nil
}

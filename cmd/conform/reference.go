package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/insightconform/conform/internal/explore"
	"github.com/insightconform/conform/internal/files"
	"github.com/insightconform/conform/internal/selftest"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/evidence"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/describe"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/reports/text"
	"github.com/insightconform/conform/targets/embedded"
)

const rulesHelp = `Usage: conform rules [ID]

Shows what conform holds a target to: all rules by family, the rules of one
family, or one rule in full, with its source, an example, and a server that
breaks it.

  conform rules
  conform rules put
  conform rules put/replaces-list
  conform rules order               the order in which errors are selected
`

func (p *process) rules(ctx context.Context, _ *settings, args []string) (err error) {
	width, _ := p.terminal(p.stdout)
	text := ""
	files, err := evidence.Files()
	if err != nil {
		return err
	}
	seen := evidence.Sum(files)
	switch len(args) {
	case 0:
		text = ruleTable(seen, families()...)
	case 1:
		text, err = explain(ctx, args[0], seen)
	default:
		err = usagef("'conform rules' explains one rule at a time; leave out %q", args[1])
	}
	if err == nil {
		_, err = fmt.Fprint(p.stdout, plain.FoldLines(text, width))
	}
	return err
}

// families has the rules by family, in the order in which the table starts them.
func families() []plain.Group[string, model.Rule] {
	return plain.GroupBy(model.Rules, func(r model.Rule) string { return r.ID.Family() })
}

func ruleTable(seen map[model.ID]evidence.Seen, families ...plain.Group[string, model.Rule]) string {
	idWidth := 0
	for i := range model.Rules {
		idWidth = max(idWidth, len(model.Rules[i].ID))
	}
	tables := plain.Texts(families, func(family plain.Group[string, model.Rule]) string {
		table := family.Key + "\n"
		for _, rule := range family.Items {
			told := seen[rule.ID].String()
			table += fmt.Sprintf("  %-*s  %-10s  %s%s\n", idWidth, rule.ID, rule.Level, rule.Statement, plain.When(told != "", " ("+told+")"))
		}
		return table
	})
	return strings.Join(tables, "\n")
}

// explain renders one rule, one family, or the error order.
func explain(ctx context.Context, name string, seen map[model.ID]evidence.Seen) (string, error) {
	if rule := model.RuleOf(model.ID(name)); rule != nil {
		return explainRule(ctx, rule, seen[rule.ID])
	}
	if name == string(model.Order) {
		return explainOrder(seen[model.Order]), nil
	}
	for _, family := range families() {
		if family.Key == name {
			return ruleTable(seen, family), nil
		}
	}
	names := append([]string{string(model.Order)}, plain.Texts(model.Rules, func(r model.Rule) string { return string(r.ID) })...)
	return "", usagef("there is no rule %q; %s", name, suggestion(nearest(name, names), "conform rules"))
}

func explainRule(ctx context.Context, rule *model.Rule, seen evidence.Seen) (string, error) {
	var b strings.Builder
	field := func(name, text string) { fmt.Fprintf(&b, "%-10s  %s\n", name, text) }
	fmt.Fprintf(&b, "%s\n\n%s\n\n", rule.ID, rule.Statement)
	field("level", rule.Level.String()+": "+describe.LevelMeanings[rule.Level])
	if rule.OfRead != 0 {
		field("", rule.OfRead.String()+" for what a Get shows of it")
	}
	if rule.OfMalformed != 0 {
		field("", rule.OfMalformed.String()+" for malformed requests and values of a wrong type")
	}
	label := "source"
	for _, source := range describe.Sources(rule.Source) {
		field(label, source)
		label = ""
	}
	if told := seen.String(); told != "" {
		field("evidence", told)
	}
	if len(seen.Alternatives) > 0 {
		field("", "accepted alternatives that were seen: "+strings.Join(seen.Alternatives, ", "))
	}
	for _, answer := range describe.Answers(rule) {
		field(answer[0], answer[1])
	}
	if rule.RefusalOnly {
		field("", "the sources name no code: another refusal diverges at level inferred")
	}
	if len(rule.Needs) > 0 {
		needs := plain.Texts(rule.Needs, func(c model.Capability) string { return string(c) })
		field("tried with", "targets that offer "+strings.Join(needs, ", "))
	}
	steps, err := explore.Illustrate(ctx, embedded.InProcess(embedded.ServerOptions{}), rule.ID)
	if err != nil {
		return "", err
	}
	if len(steps) > 0 {
		fmt.Fprint(&b, "\nExample: a short case that tries it, with the right answers\n")
		for _, line := range describe.Exchange(steps) {
			fmt.Fprintln(&b, "  "+line)
		}
	}
	if rule.OfClients() {
		fmt.Fprint(&b, "\nIt takes several clients at once. docs/concurrency.md says what a run shows of it.\n")
	}
	if rule.OfMocks() {
		fmt.Fprint(&b, "\nNo server can break it. docs/testing-a-go-mock.md shows how a mock copies what it keeps and hands out.\n")
	}
	faults := slices.DeleteFunc(slices.Concat(embedded.Faults, embedded.Races), func(f embedded.Fault) bool { return f.Rule != rule.ID })
	slices.SortStableFunc(faults, func(a, b embedded.Fault) int { // those that show at once first
		return strings.Compare(strconv.FormatBool(a.Deep), strconv.FormatBool(b.Deep))
	})
	if len(faults) > 0 {
		fmt.Fprint(&b, "\nBroken on purpose by\n")
		for i, f := range faults {
			if left := len(faults) - i; i >= shownFaults && left > 1 {
				fmt.Fprintf(&b, "  … and %d more; 'conform serve --fault list' lists all\n", left)
				break
			}
			fmt.Fprintf(&b, "  %s\n    %s\n", f.Name, f.Describe)
		}
		suite := ""
		if rule.OfClients() {
			suite = "--suite concurrent "
		}
		fmt.Fprintf(&b, "\nSee it caught\n  conform run %s--fault %s\n", suite, faults[0].Name)
	}
	return b.String(), nil
}

// shownFaults is how many faults the explanation of a rule lists.
const shownFaults = 3

func explainOrder(seen evidence.Seen) string {
	var b strings.Builder
	fmt.Fprint(&b, "order\n\nOf a request that breaks several rules, the reference answers the first in this order. No public\n"+
		"source documents one, so the code of any other broken rule is accepted and listed as a deviation.\n\n")
	for i, id := range model.ErrorRules() {
		rule := model.RuleOf(id)
		fmt.Fprintf(&b, "%3d  %-32s %s\n", i+1, id, rule.Code)
	}
	if told := seen.String(); told != "" {
		fmt.Fprintf(&b, "\nAt the real service: another code %s, with %s\n", told, strings.Join(seen.Alternatives, ", "))
	}
	return b.String()
}

const serveHelp = `Usage: conform serve [--addr HOST:PORT] [--fault NAME] [--log]

Serves the reference model over HTTP, so that it can stand in for CloudTrail:
the AWS JSON 1.1 protocol, any credentials, every Region, state in memory only.
Settings and tags of trails and event data stores are read back as they were
given. docs/stand-in.md tells what it answers. Ends on Ctrl-C.

  conform serve
  conform serve --addr 127.0.0.1:0 --log        a free port, a line for each request
  AWS_ENDPOINT_URL_CLOUDTRAIL=http://127.0.0.1:8080 aws cloudtrail get-insight-selectors …
{flags}
`

// listFaults is the value of --fault that lists them.
const listFaults = "list"

const defaultAddress = "127.0.0.1:8080"

// listFaults writes a line for each fault and race of the embedded server: its name, its rule, and what it does otherwise.
func (p *process) listFaults() error {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, f := range slices.Concat(embedded.Faults, embedded.Races) {
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.Name, cmp.Or(f.Rule, "none"), f.Describe)
	}
	table.Flush()
	width, _ := p.terminal(p.stdout)
	_, err := fmt.Fprint(p.stdout, plain.FoldLines(b.String(), width))
	return err
}

// serve answers requests until ctx is cancelled, which is its regular end.
func (p *process) serve(ctx context.Context, s *settings, _ []string) error {
	address, o := s.address, s.server
	if o.Fault == listFaults {
		return p.listFaults()
	}
	if _, _, err := net.SplitHostPort(address); err != nil || strings.Contains(address, "@") {
		return usagef("--addr %q: is no HOST:PORT; write it like %s", address, defaultAddress)
	}
	o.StandIn = true
	if s.logged {
		lines := log.New(p.stderr, "", log.Ltime) // whole lines, whoever writes
		o.Log = func(line string) { lines.Print(line) }
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

const selftestHelp = `Usage: conform selftest [--fault NAME]… [--pairs] [--seed N] [--json PATH]

Tests conform itself: runs the default suite against the server that comes with
it, once without a fault and once with each of its faults, until the fault is
caught. Shows which rule caught which fault, and after how many requests.

A walk beside the reference tells beforehand which faults are wrong at all:
  wrong       some answer is one that no rule accepts; the run must catch it
  tolerated   some answers change, each to an accepted one; the run must report
              deviations and no violation
  equivalent  no answer changes; the run must report nothing

With --pairs each fault is tried again behind each of ten flaws that are common
among emulators, such as a Get that answers an empty list. Unless the walk finds
that the flaw hides the fault, it must be caught under the same rule as alone.

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

// testItself runs the self-test and writes its result.
func (p *process) testItself(ctx context.Context, s *settings, _ []string) error {
	o, path := selftest.Options{Seed: max(1, s.run.Seed), Faults: s.faults, Pairs: s.pairs}, s.out
	file := plain.When(path != "-", path)
	if err := mustBeWritable("--json "+file, file, "; give a path that can be written"); err != nil {
		return err
	}
	progress, started := p.progress(s), time.Now()
	o.Progress = func(now selftest.Progress) {
		progress.Show(reports.Update{Phase: fmt.Sprintf("%d of %d servers", now.Done, now.Total), Requests: now.Requests,
			Rate: float64(now.Requests) / time.Since(started).Seconds(), Divergences: now.Caught})
	}
	result, err := p.selftest(ctx, o)
	progress.Close()
	if err != nil {
		return err
	}
	result.Version = shortVersion()
	result.Command = strings.Join(append([]string{"conform selftest"}, o.Faults...), " --fault ") +
		fmt.Sprintf(" --seed %d", o.Seed) + plain.When(o.Pairs, " --pairs")
	asJSON := func(w io.Writer) error { return plain.WriteJSON(w, result) }
	if path == "-" {
		err = asJSON(p.stdout)
	} else {
		err = text.Selftest(p.stdout, result, p.textOptions(s))
	}
	if err != nil {
		return err
	}
	if file != "" {
		if err := files.Write(file, asJSON); err != nil {
			p.complain("--json " + file + ": " + err.Error())
			return exitCode(reports.WorseExit(result.ExitCode, reports.ExitFailed))
		}
	}
	return exitCode(result.ExitCode)
}

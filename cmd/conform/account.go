package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"github.com/insightconform/conform/internal/explore"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/account"
	"github.com/insightconform/conform/targets/account/gate"
	"github.com/insightconform/conform/targets/pace"
)

// resolveAccount completes the settings of the account target, which takes only credentials from the environment.
func (s *settings) resolveAccount(environ map[string]string) error {
	if len(s.account.Accounts) == 0 && !s.planning {
		return usagef("--target account needs --account ID, the account that may be changed")
	}
	if len(s.endpoint.Regions) == 0 {
		return usagef("--target account needs --regions A,B: it takes none from the environment")
	}
	for _, name := range []string{"bucket", "use-environment-credentials", "fault"} {
		if s.from[name] != fromDefault {
			return usagef("--%s and --target account contradict each other; leave one of them out", name)
		}
	}
	// Where no setting names the ledger, it is in the user's state directory.
	switch state, home := environ["XDG_STATE_HOME"], environ["HOME"]; {
	case s.account.Ledger != "":
	case filepath.IsAbs(state):
		s.account.Ledger = filepath.Join(state, "conform", "ledger.jsonl")
	case filepath.IsAbs(home):
		s.account.Ledger = filepath.Join(home, ".local", "state", "conform", "ledger.jsonl")
	default:
		s.account.Ledger = "conform-ledger.jsonl"
	}
	return nil
}

func (s settings) accountOptions() account.Options {
	o, rates := s.account, cmp.Or(s.pace, pace.Default)
	o.Proxy = http.ProxyFromEnvironment
	o.Regions, o.Timeout, o.Settle, o.Pace = s.endpoint.Regions, s.endpoint.Timeout, s.run.Settle, pace.New(rates)
	return o
}

const policyHelp = `Usage: conform iam-policy --regions A,B [flags]

Prints, as JSON, the IAM policy that permits just what 'conform run --target
account' with the same flags sends. It names no account, and limits what it
permits to names with the prefix. Without --prefix, to those with conform-,
which every random prefix begins with. Nothing is sent.

  conform iam-policy --regions us-east-1 > policy.json
{flags}
`

func (p *process) policy(_ context.Context, s *settings, _ []string) error {
	policy, err := gate.Policy(s.account.Prefix, s.endpoint.Regions, s.account.AllowLogging, s.account.Stores)
	if err == nil {
		_, err = p.stdout.Write(policy.JSON())
	}
	return err
}

const sweepHelp = `Usage: conform sweep --account ID --regions A,B [flags]

Finds what runs with --target account have left after a crash or without
permissions: trails, the bucket with its objects, event data stores. It lists
them; with --yes it deletes them. What it finds by the ledger, or without one
by --prefix, must bear the tag of a ledger, else it is kept.

  conform sweep --account ID --regions us-east-1
  conform sweep --account ID --regions us-east-1 --yes
  conform sweep --account ID --regions us-east-1 --prefix conform-night1 --yes

Ends with exit code 0, or 3 where something could not be looked at or deleted,
and 5 where a guard refused.
{flags}
`

func (p *process) sweep(ctx context.Context, s *settings, _ []string) error {
	s.target = targetAccount
	if err := s.resolveAccount(p.environ); err != nil {
		return usagef("%s", strings.Replace(err.Error(), "--target account", "'conform sweep'", 1))
	}
	if s.account.Prefix != "" && s.from["ledger"] == fromDefault {
		s.account.Ledger = ""
	}
	items, err := account.Sweep(ctx, p.account(*s), s.yes)
	for _, item := range items {
		what := cmp.Or(plain.When(item.Name == "", fmt.Sprintf("%ss in %s", item.Kind, item.Region)), fmt.Sprint(item.Resource))
		line := strings.TrimSuffix(fmt.Sprintf("%-12s  %s: %s", item.State, what, item.Why), ": ")
		if _, problem := fmt.Fprintln(p.stdout, plain.OneLine(line)); problem != nil {
			return problem
		}
	}
	has := func(state account.State) bool {
		return slices.ContainsFunc(items, func(x account.Item) bool { return x.State == state })
	}
	switch {
	case err != nil:
		return err
	case len(items) == 0:
		fmt.Fprintln(p.stdout, "nothing is left")
	case !s.yes && has(account.Found):
		fmt.Fprintln(p.stdout, "nothing was deleted; --yes deletes")
	}
	if has(account.Failed) {
		return exitCode(reports.ExitInconclusive)
	}
	return nil
}

// planAccount plans a run in an account without sending anything.
func (p *process) planAccount(ctx context.Context, s *settings) (*reports.Plan, error) {
	o := p.account(*s)
	info := targets.Info{Name: targetAccount, Region: strings.Join(o.Regions, ","), Eventual: true}
	plan, err := explore.PlanWithin(ctx, info, account.Capabilities(o), explore.Options(s.runOptions()))
	if err != nil {
		return nil, err
	}
	worlds, writes, reads := plan.Totals()
	planned, err := account.Plan(o, worlds, writes, reads)
	if err != nil {
		return nil, err
	}
	plan.Details, plan.Regions = planned, len(o.Regions)
	plan.Besides = []reports.PlannedSuite{{Name: "bringing trails back to the state of new ones",
		Writes: planned.Writes - writes, Reads: planned.Reads - reads}}
	var made, costs [][2]string
	for _, r := range planned.Resources {
		made = append(made, [2]string{string(r.Kind), fmt.Sprintf("%d, %s: %s", r.Count, r.Where, r.Why)})
	}
	for _, c := range planned.Costs {
		costs = append(costs, [2]string{"", fmt.Sprintf("%s: %s; %s", c.What, c.Cost, c.Why)})
	}
	plan.Sections = []plain.Group[string, [2]string]{
		{Key: "what is created", Items: made},
		{Key: "what it may cost; look the prices up", Items: costs},
		{Key: "permissions", Items: [][2]string{{"policy", "conform iam-policy prints it; --report json has it here"}}},
	}
	return plan, nil
}

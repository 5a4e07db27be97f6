package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/internal/testing/accounttest"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/account"
	"github.com/insightconform/conform/targets/account/gate"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/naming"
)

// inCloud runs the command with all requests of the account target sent to a test's cloud.
func inCloud(t *testing.T, c *accounttest.Cloud) func(args ...string) result {
	parts := production
	parts.account = func(s settings) account.Options {
		o := s.accountOptions()
		o.Settle, o.Pace = 300*time.Millisecond, nil
		return c.Options(t, o)
	}
	home := t.TempDir()
	return func(args ...string) result {
		var stdout, stderr bytes.Buffer
		code := parts.run(t.Context(), args, strings.NewReader(""), &stdout, &stderr, []string{"HOME=" + home, "CONFORM_SETTLE=50ms"})
		return result{code, stdout.String(), stderr.String()}
	}
}

func TestAccountCommands(t *testing.T) {
	c := accounttest.Start(t, embedded.ServerOptions{Fault: "appends-selectors"})
	conform := inCloud(t, c)
	dir := t.TempDir()
	t.Chdir(dir)
	in := []string{"--account", accounttest.Account, "--regions", "us-east-1"}
	with := func(first string, more ...string) []string { return append(append([]string{first}, in...), more...) }

	got := conform(with("run", "--target", "account", "--requests", "1500", "--seed", "3", "--report", "text", "--report", "json=report.json")...)
	require.Equal(t, reports.ExitDiverges, got.code, got.stdout+got.stderr)
	require.Contains(t, got.stdout, "account in us-east-1")
	require.Contains(t, got.stdout, `--target account --account "$CONFORM_ACCOUNT" --regions us-east-1`)
	require.Empty(t, c.Left())
	require.NotEmpty(t, c.Requests())
	traces, err := filepath.Glob("conform-traces/account/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, traces)
	replay := conform(append([]string{"replay", "conform-traces/account", "--target", "account"}, in...)...)
	require.Equal(t, reports.ExitDiverges, replay.code, replay.stdout+replay.stderr)
	all := got.stdout + got.stderr + replay.stdout + replay.stderr
	require.NoError(t, filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			data, _ := os.ReadFile(path)
			all += string(data)
		}
		return err
	}))
	for _, secret := range []string{accounttest.KeyID, accounttest.Secret, accounttest.Token, accounttest.Account, "assumed-role/sandbox", "Signature="} {
		assert.NotContains(t, all, secret)
	}

	// A crash, and the sweep after it.
	ledger := filepath.Join(dir, "ledger.jsonl")
	target, err := account.New(c.Options(t, account.Options{Ledger: ledger, Settle: time.Second}))
	require.NoError(t, err)
	_, err = target.Open(t.Context())
	require.NoError(t, err)
	w, err := naming.Wrap(target).NewWorld(t.Context())
	require.NoError(t, err)
	require.NoError(t, w.Do(t.Context(), generators.Create("alpha")).Err)
	got = conform(with("sweep", "--ledger", ledger)...)
	require.Equal(t, reports.ExitRefused, got.code)
	require.Contains(t, got.stderr, "refused by the guard ledger: "+ledger+" is in use by another run")
	left := len(c.Left())
	data, err := os.ReadFile(ledger) // another name for what the crash would leave behind
	require.NoError(t, err)
	ledger += ".crash"
	require.NoError(t, os.WriteFile(ledger, data, 0o600))
	got = conform(with("sweep", "--ledger", ledger)...)
	require.Equal(t, reports.ExitConforms, got.code, got.stderr)
	require.Equal(t, left, strings.Count(got.stdout, "would delete  "), got.stdout)
	require.Len(t, c.Left(), left)
	got = conform(with("sweep", "--ledger", ledger, "--yes")...)
	require.Equal(t, reports.ExitConforms, got.code, got.stderr)
	require.Equal(t, left, strings.Count(got.stdout, "deleted       "), got.stdout)
	require.Empty(t, c.Left())
	got = conform(with("sweep", "--ledger", ledger, "--yes")...)
	require.Equal(t, "nothing is left\n", got.stdout)
	require.NoError(t, target.Close())
	liar := c.AddTrail("us-east-1", "conform-night1-x", nil)
	got = conform(with("sweep", "--prefix", "conform-night1", "--yes")...)
	require.Equal(t, reports.ExitConforms, got.code, got.stderr)
	require.Regexp(t, `^kept          trail conform-night1-x in us-east-1: it does not bear the tag conform-ledger of the ledger\n$`, got.stdout)
	require.Equal(t, []string{liar}, c.Left())
	c.Fault = func(s accounttest.Seen, _ int) *accounttest.Fault {
		if s.Op == "ListTags" {
			return &accounttest.Fault{Code: "AccessDeniedException"}
		}
		return nil
	}
	got = conform(with("sweep", "--prefix", "conform-night1", "--yes")...)
	require.Equal(t, reports.ExitInconclusive, got.code, got.stdout)
	c.Fault = nil

	for _, test := range []struct {
		change func()
		args   []string
		guard  string
	}{
		{func() {}, []string{"--account", "999988887777"}, "account"},
		{func() { c.Aliases = []string{"PROD"} }, nil, "alias"},
		{func() { c.Aliases, c.Organization = nil, c.Account }, nil, "management-account"},
	} {
		test.change()
		for _, args := range [][]string{{"run", "--target", "account"}, {"sweep", "--yes"}, {"replay", traces[0], "--target", "account"}} {
			args = append(args, "--regions", "us-east-1", "--account")
			if test.args != nil {
				args = append(args, test.args[1])
			} else {
				args = append(args, accounttest.Account)
			}
			got := conform(args...)
			require.Equal(t, reports.ExitRefused, got.code, "%s: %s", args, got.stderr)
			require.Regexp(t, `^conform: refused by the guard `+test.guard+`: [^\n]+\n$`, got.stderr)
			require.NotContains(t, got.stderr, accounttest.Account)
		}
	}
}

func TestAccountIsNeverImplied(t *testing.T) {
	f := passing()
	got := f.run(t.Context(), []string{"AWS_PROFILE=x", "AWS_REGION=us-east-1"}, "run", "--account", accounttest.Account, "--regions", "us-east-1")
	require.Equal(t, 0, got.code)
	require.Equal(t, targetEmbedded, f.settings.target)
	require.Contains(t, got.stderr, "--account has no effect without --target account")
}

func TestWrongUsageOfAccounts(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"run", "--target", "account"}, `--target account needs --account ID, the account that may be changed`},
		{[]string{"run", "--target", "account", "--account", "1"}, `--account "1": is no account id, which has 12 digits`},
		{[]string{"run", "--target", "account", "--account", accounttest.Account}, `--target account needs --regions A,B: it takes none from the environment`},
		{[]string{"run", "--target", "account", "--account", "111122223333", "--regions", "us-east-1"}, `--account: 111122223333 is a number that AWS keeps for examples`},
		{[]string{"run", "--target", "account", "--endpoint", "http://127.0.0.1:1"}, `--target account and --endpoint contradict each other; leave one of them out`},
		{[]string{"run", "--target", "account", "--account", accounttest.Account, "--regions", "us-east-1", "--bucket", "x"}, `--bucket and --target account contradict each other; leave one of them out`},
		{[]string{"run", "--target", "account", "--account", accounttest.Account, "--regions", "mars-1x"}, `--regions: "mars-1x" is no Region; write one such as us-east-1`},
		{[]string{"run", "--prefix", "short"}, `--prefix "short": is no prefix; give 8 to 24 lower-case letters, digits and single dashes, such as conform-night1`},
		{[]string{"sweep", "--regions", "us-east-1"}, `'conform sweep' needs --account ID, the account that may be changed`},
		{[]string{"sweep", "all"}, `'conform sweep' takes no argument "all"; see 'conform sweep --help'`},
		{[]string{"iam-policy"}, `name the Regions with --regions, such as --regions us-east-1`},
	} {
		parts := passing().wiring()
		parts.account = settings.accountOptions
		var stdout, stderr bytes.Buffer
		code := parts.run(t.Context(), test.args, strings.NewReader(""), &stdout, &stderr, nil)
		assert.Equal(t, reports.ExitUsage, code, test.args)
		assert.Regexp(t, `^conform: `+regexp.QuoteMeta(test.want)+`\n$`, stderr.String())
		assert.Empty(t, stdout.String())
	}
}

func TestPolicyCommand(t *testing.T) {
	config := write(t, "conform.yaml", "target: account\naccount: [\""+accounttest.Account+"\"]\nregions: [us-east-1, eu-west-1]\nallow-logging: true\n")
	got := passing().run(t.Context(), nil, "iam-policy", "--config", config)
	require.Equal(t, 0, got.code, got.stderr)
	var policy gate.Document
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &policy))
	want, err := gate.Policy(gate.PolicyOptions{Regions: []string{"us-east-1", "eu-west-1"}, Logging: true})
	require.NoError(t, err)
	require.Equal(t, string(want.JSON()), got.stdout)
	require.NotContains(t, got.stdout, accounttest.Account)
}

// TestPlanOfAnAccount: a plan says what is created, sent, paid and permitted, names no account and
// sends nothing, since nothing could be sent.
func TestPlanOfAnAccount(t *testing.T) {
	parts := production
	parts.account = func(s settings) account.Options {
		o := s.accountOptions()
		o.Ledger = filepath.Join(t.TempDir(), "ledger.jsonl")
		return o
	}
	plan := func(args ...string) result {
		var stdout, stderr bytes.Buffer
		code := parts.run(t.Context(), append([]string{"plan", "--target", "account"}, args...), strings.NewReader(""), &stdout, &stderr, nil)
		return result{code, stdout.String(), stderr.String()}
	}
	cheap := plan("--regions", "us-east-1")
	require.Equal(t, 0, cheap.code, cheap.stderr)
	for _, want := range []string{"what is created", "  bucket ", "  trail ", "1 write and 10 reads a second", "trails that do not log: nothing", "conform iam-policy prints it"} {
		assert.Contains(t, cheap.stdout, want)
	}
	assert.NotContains(t, cheap.stdout, "event data store")
	dear := plan("--regions", "us-east-1,eu-west-1", "--allow-logging", "--stores", "--suite", "systematic,complete")
	require.Equal(t, 0, dear.code, dear.stderr)
	for _, want := range []string{"Insights: $", "event data stores: $", "complete stores"} {
		assert.Contains(t, dear.stdout, want)
	}
	asJSON := plan("--regions", "us-east-1", "--report", "json")
	assert.Contains(t, asJSON.stdout, `"Action"`)
	assert.Equal(t, reports.ExitUsage, plan().code, "Regions must be named")
}

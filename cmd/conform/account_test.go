package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/internal/testing/mototest"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/account"
	"github.com/insightconform/conform/targets/account/gate"
	"github.com/insightconform/conform/targets/account/ledger"
	"github.com/insightconform/conform/targets/naming"
	"github.com/insightconform/conform/targets/wire"
)

// sandboxAccount is the id of the account that tests use.
const sandboxAccount = "404142434445"

// sandbox is an account at moto, as somebody sees it who assumed a role there. The command's requests go
// through a proxy.
type sandbox struct {
	credentials  aws.Credentials
	organization *organizations.Client
	iam          *iam.Client
	s3           *s3.Client
	cloudtrail   *cloudtrail.Client

	proxy       string
	requests    atomic.Int64 // that went through the proxy
	tagsRefused atomic.Bool  // ListTags is refused there
}

func startSandbox(t *testing.T) *sandbox {
	t.Setenv("MOTO_ACCOUNT_ID", sandboxAccount)
	at := mototest.Start(t)
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: &at, Credentials: credentials.NewStaticCredentialsProvider("any", "any", "")}
	role, err := sts.NewFromConfig(cfg).AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::" + sandboxAccount + ":role/sandbox"), RoleSessionName: aws.String("night")})
	require.NoError(t, err)
	got := role.Credentials
	b := &sandbox{credentials: aws.Credentials{AccessKeyID: *got.AccessKeyId, SecretAccessKey: *got.SecretAccessKey, SessionToken: *got.SessionToken}}
	cfg.Credentials = credentials.StaticCredentialsProvider{Value: b.credentials}
	b.organization, b.iam, b.cloudtrail = organizations.NewFromConfig(cfg), iam.NewFromConfig(cfg), cloudtrail.NewFromConfig(cfg)
	b.s3 = s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	to, err := url.Parse(at)
	require.NoError(t, err)
	moto := httputil.NewSingleHostReverseProxy(to)
	b.proxy = served(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.requests.Add(1)
		_, operation, _ := strings.Cut(r.Header.Get(wire.TargetHeader), wire.ShortPrefix)
		switch {
		case operation == "ListTags" && b.tagsRefused.Load():
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write(value.Obj("__type", "AccessDeniedException", "Message", "").AppendJSON(nil))
			return
		case operation == "ListEventDataStores": // moto does not know it
			_, _ = io.WriteString(w, "{}")
			return
		}
		moto.ServeHTTP(w, r)
	}))
	return b
}

// options have all requests of the account target go to the sandbox.
func (b *sandbox) options(t *testing.T, o account.Options) account.Options {
	return account.ForTest(t, o, b.proxy, credentials.StaticCredentialsProvider{Value: b.credentials})
}

// command runs the command in the sandbox.
func (b *sandbox) command(t *testing.T) func(args ...string) result {
	parts := production
	parts.account = func(s settings) account.Options {
		o := s.accountOptions()
		o.Settle, o.Pace = 300*time.Millisecond, nil
		return b.options(t, o)
	}
	home := t.TempDir()
	return func(args ...string) result {
		var stdout, stderr bytes.Buffer
		code := parts.run(t.Context(), args, strings.NewReader(""), &stdout, &stderr, []string{"HOME=" + home, "CONFORM_SETTLE=50ms"})
		return result{code, stdout.String(), stderr.String()}
	}
}

// left lists the trails and buckets whose names begin as those of runs do.
func (b *sandbox) left(t *testing.T) (names []string) {
	trails, err := b.cloudtrail.DescribeTrails(t.Context(), &cloudtrail.DescribeTrailsInput{})
	require.NoError(t, err)
	for _, x := range trails.TrailList {
		names = append(names, *x.Name)
	}
	buckets, err := b.s3.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	require.NoError(t, err)
	for _, x := range buckets.Buckets {
		names = append(names, *x.Name)
	}
	return slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, ledger.DefaultPrefix) })
}

func TestAccountCommands(t *testing.T) {
	c := startSandbox(t)
	conform := c.command(t)
	dir := t.TempDir()
	t.Chdir(dir)
	in := []string{"--account", sandboxAccount, "--regions", "us-east-1"}
	with := func(first string, more ...string) []string { return append(append([]string{first}, in...), more...) }

	got := conform(with("run", "--target", "account", "--requests", "200", "--shrink-requests", "20", "--seed", "3", "--report", "text", "--report", "json=report.json")...)
	require.Equal(t, reports.ExitDiverges, got.code, got.stdout+got.stderr)
	require.Contains(t, got.stdout, "account in us-east-1")
	require.Contains(t, got.stdout, `--target account --account "$CONFORM_ACCOUNT" --regions us-east-1`)
	require.Empty(t, c.left(t))
	require.NotZero(t, c.requests.Load())
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
	for _, secret := range []string{c.credentials.AccessKeyID, c.credentials.SecretAccessKey, c.credentials.SessionToken, sandboxAccount, "assumed-role/sandbox", "Signature="} {
		require.NotEmpty(t, secret)
		assert.NotContains(t, all, secret)
	}

	// A crash, and the sweep after it.
	path := filepath.Join(dir, "ledger.jsonl")
	target, err := account.New(c.options(t, account.Options{Accounts: []string{sandboxAccount}, Regions: []string{"us-east-1"}, Ledger: path, Settle: time.Second}))
	require.NoError(t, err)
	_, err = target.Open(t.Context())
	require.NoError(t, err)
	w, err := naming.Wrap(target).NewWorld(t.Context())
	require.NoError(t, err)
	require.NoError(t, w.Do(t.Context(), generators.Create("alpha")).Err)
	got = conform(with("sweep", "--ledger", path)...)
	require.Equal(t, reports.ExitRefused, got.code)
	require.Contains(t, got.stderr, "refused by the guard ledger: "+path+" is in use by another run")
	left := len(c.left(t))
	require.NotZero(t, left)
	data, err := os.ReadFile(path) // another name for what the crash would leave behind
	require.NoError(t, err)
	path += ".crash"
	require.NoError(t, os.WriteFile(path, data, 0o600))
	got = conform(with("sweep", "--ledger", path)...)
	require.Equal(t, reports.ExitConforms, got.code, got.stdout+got.stderr)
	require.Equal(t, left, strings.Count(got.stdout, "would delete  "), got.stdout)
	require.Len(t, c.left(t), left)
	got = conform(with("sweep", "--ledger", path, "--yes")...)
	require.Equal(t, reports.ExitConforms, got.code, got.stdout+got.stderr)
	require.Equal(t, left, strings.Count(got.stdout, "deleted       "), got.stdout)
	require.Empty(t, c.left(t))
	got = conform(with("sweep", "--ledger", path, "--yes")...)
	require.Equal(t, "nothing is left\n", got.stdout)
	require.NoError(t, target.Close())

	// A trail that only looks like one of a run.
	const liar = "conform-night1-x"
	_, err = c.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("other")})
	require.NoError(t, err)
	_, err = c.cloudtrail.CreateTrail(t.Context(), &cloudtrail.CreateTrailInput{Name: aws.String(liar), S3BucketName: aws.String("other")})
	require.NoError(t, err)
	got = conform(with("sweep", "--prefix", "conform-night1", "--yes")...)
	require.Equal(t, reports.ExitConforms, got.code, got.stdout+got.stderr)
	require.Regexp(t, `^kept          trail conform-night1-x in us-east-1: it does not bear the tag conform-ledger of the ledger\n$`, got.stdout)
	require.Equal(t, []string{liar}, c.left(t))
	c.tagsRefused.Store(true)
	got = conform(with("sweep", "--prefix", "conform-night1", "--yes")...)
	require.Equal(t, reports.ExitInconclusive, got.code, got.stdout)
	c.tagsRefused.Store(false)

	for _, test := range []struct {
		change  func() error
		account string
		guard   string
	}{
		{func() error { return nil }, "999988887777", "account"},
		{func() error {
			_, err := c.iam.CreateAccountAlias(t.Context(), &iam.CreateAccountAliasInput{AccountAlias: aws.String("PROD")})
			return err
		}, sandboxAccount, "alias"},
		{func() error {
			_, err := c.iam.DeleteAccountAlias(t.Context(), &iam.DeleteAccountAliasInput{AccountAlias: aws.String("PROD")})
			_, err2 := c.organization.CreateOrganization(t.Context(), &organizations.CreateOrganizationInput{})
			return errors.Join(err, err2)
		}, sandboxAccount, "management-account"},
	} {
		require.NoError(t, test.change())
		for _, args := range [][]string{{"run", "--target", "account"}, {"sweep", "--yes"}, {"replay", traces[0], "--target", "account"}} {
			args = append(args, "--regions", "us-east-1", "--account", test.account)
			got := conform(args...)
			require.Equal(t, reports.ExitRefused, got.code, "%s: %s", args, got.stderr)
			require.Regexp(t, `^conform: refused by the guard `+test.guard+`: [^\n]+\n$`, got.stderr)
			require.NotContains(t, got.stderr, sandboxAccount)
		}
	}
}

func TestAccountIsNeverImplied(t *testing.T) {
	f := passing()
	got := f.run(t.Context(), []string{"AWS_PROFILE=x", "AWS_REGION=us-east-1"}, "run", "--account", sandboxAccount, "--regions", "us-east-1")
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
		{[]string{"run", "--target", "account", "--account", sandboxAccount}, `--target account needs --regions A,B: it takes none from the environment`},
		{[]string{"run", "--target", "account", "--account", "111122223333", "--regions", "us-east-1"}, `--account: 111122223333 is a number that AWS keeps for examples`},
		{[]string{"run", "--target", "account", "--endpoint", "http://127.0.0.1:1"}, `--target account and --endpoint contradict each other; leave one of them out`},
		{[]string{"run", "--target", "account", "--account", sandboxAccount, "--regions", "us-east-1", "--bucket", "x"}, `--bucket and --target account contradict each other; leave one of them out`},
		{[]string{"run", "--target", "account", "--account", sandboxAccount, "--regions", "mars-1x"}, `--regions: "mars-1x" is no Region; write one such as us-east-1`},
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
	config := write(t, "conform.yaml", "target: account\naccount: [\""+sandboxAccount+"\"]\nregions: [us-east-1, eu-west-1]\nallow-logging: true\n")
	got := passing().run(t.Context(), nil, "iam-policy", "--config", config)
	require.Equal(t, 0, got.code, got.stderr)
	var policy gate.Document
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &policy))
	want, err := gate.Policy("", []string{"us-east-1", "eu-west-1"}, true, false)
	require.NoError(t, err)
	require.Equal(t, string(want.JSON()), got.stdout)
	require.NotContains(t, got.stdout, sandboxAccount)
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
	for _, p := range []result{cheap, dear} { // one number for one thing, and the parts make up the whole
		writes, total := 0, -1
		for _, line := range regexp.MustCompile(`(?m)^ *(sends|in all) .*?([0-9,]+) writes`).FindAllStringSubmatch(p.stdout, -1) {
			n, err := strconv.Atoi(strings.ReplaceAll(line[2], ",", ""))
			require.NoError(t, err)
			if line[1] == "sends" {
				writes += n
			} else {
				assert.Negative(t, total, "there is one total")
				total = n
			}
		}
		assert.Equal(t, writes, total, p.stdout)
		assert.Equal(t, 1, strings.Count(p.stdout, "\nin all "))
		assert.NotRegexp(t, `minutes|(?m)^ *[a-z]+( [a-z]+)?[A-Z]`, p.stdout, "units alike, and no label runs into its text")
	}
	asJSON := plan("--regions", "us-east-1", "--report", "json")
	assert.Contains(t, asJSON.stdout, `"Action"`)
	assert.Equal(t, reports.ExitUsage, plan().code, "Regions must be named")
}

// TestNumbersOfTheAccountPage: what the page says of rules and minutes is what 'conform plan' says.
func TestNumbersOfTheAccountPage(t *testing.T) {
	text := strings.Join(strings.Fields(page(t, "docs/nightly-account-check.md")), " ")
	for flags, minutes := range map[string]bool{"": true, "--allow-logging": true, "--allow-logging --stores": false} {
		args := append([]string{"plan", "--target", "account", "--account", sandboxAccount, "--regions", "us-east-1"}, strings.Fields(flags)...)
		got := command(t, args...)
		require.Equal(t, 0, got.code, got.stderr)
		rules := regexp.MustCompile(`rules +(\d+ of \d+) can be judged`).FindStringSubmatch(got.stdout)
		require.NotNil(t, rules, got.stdout)
		assert.Contains(t, text, rules[1], flags)
		takes := regexp.MustCompile(`in all .*: ([\d.]+ min) at`).FindStringSubmatch(got.stdout)
		require.NotNil(t, takes, got.stdout)
		assert.True(t, !minutes || strings.Contains(text, takes[1]), "%s: %s", flags, takes[1])
	}
}

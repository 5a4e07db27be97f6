package account_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/generators"
	pipeline "github.com/insightconform/conform/internal/run"
	"github.com/insightconform/conform/internal/testing/mototest"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/account"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/naming"
)

// TestBadDaysMidway: in the middle of a run something happens that is not the target's behaviour. The
// run says so, keeps what it has, and a sweep finishes the clean-up.
func TestBadDaysMidway(t *testing.T) {
	const from = 60 // the n-th Put or Get from which on it happens
	after := func(f cloudFault) func(seenRequest, int) *cloudFault {
		var n atomic.Int32
		return func(s seenRequest, _ int) *cloudFault {
			if s.Op == "PutInsightSelectors" || n.Load() >= from {
				if n.Add(1) >= from {
					return &f
				}
			}
			return nil
		}
	}
	only := func(op, code string) func(seenRequest, int) *cloudFault {
		return func(s seenRequest, n int) *cloudFault {
			if s.Op == op && n > 3 {
				return &cloudFault{Code: code, Message: "User: arn:aws:sts::404142434445:assumed-role/sandbox/night is not authorized to perform: cloudtrail:" + op}
			}
			return nil
		}
	}
	for _, test := range []struct {
		name, reason string
		fault        func(seenRequest, int) *cloudFault
		dirty        bool // the clean-up cannot work either
		verdict      reports.Verdict
	}{
		{"expired credentials", "the credentials have expired", after(cloudFault{Code: "ExpiredTokenException", Message: "The security token included in the request is expired"}), true, reports.Inconclusive},
		{"a clock that jumps", "the clock of this machine", after(cloudFault{Code: "InvalidSignatureException", Message: "Signature expired: 20260101T000000Z is now earlier than 20260101T001500Z"}), true, reports.Inconclusive},
		{"a network cut", "stopped answering", after(cloudFault{Drop: true}), true, reports.Inconclusive},
		{"Put denied", "PutInsightSelectors answered AccessDeniedException", only("PutInsightSelectors", "AccessDeniedException"), false, reports.Inconclusive},
		{"Get denied", "GetInsightSelectors answered AccessDeniedException", only("GetInsightSelectors", "AccessDeniedException"), false, reports.Inconclusive},
		{"GetEventSelectors denied", "", only("GetEventSelectors", "AccessDeniedException"), false, reports.Conforms},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := startCloud(t, embedded.ServerOptions{})
			c.Fault = test.fault
			o := options(t, c, account.Options{Timeout: time.Second, Settle: 100 * time.Millisecond})
			report, err := run(t, o, conform.Options{Requests: 2000})
			require.NoError(t, err)
			require.NotNil(t, report)
			require.Equal(t, test.verdict, report.Verdict, report.Reason)
			require.Empty(t, report.Divergences, shown(t, report))
			require.Contains(t, report.Reason, test.reason)
			require.NotZero(t, report.Requests)
			if test.dirty {
				require.NotEmpty(t, c.Left())
				require.Contains(t, strings.Join(report.Notes, "\n"), "conform sweep")
			}
			c.Heal()
			sweep(t, o, true)
			require.Empty(t, c.Left())
		})
	}
}

func TestInterruption(t *testing.T) {
	c := startCloud(t, embedded.ServerOptions{})
	ctx, interrupt := context.WithCancel(t.Context())
	c.Fault = func(s seenRequest, n int) *cloudFault {
		if s.Op == "PutInsightSelectors" && n == 50 {
			interrupt()
		}
		return nil
	}
	target, err := account.New(options(t, c, account.Options{}))
	require.NoError(t, err)
	report, err := conform.Run(ctx, target, conform.Options{Seed: 1, Settle: settle})
	require.NoError(t, err)
	require.Equal(t, reports.Interrupted, report.Verdict)
	require.Empty(t, c.Left(), "the clean-up goes on")
}

// The environment that makes this test binary a run in an account.
const (
	childURL    = "CONFORM_TEST_CLOUD"
	childLedger = "CONFORM_TEST_LEDGER"
)

// TestChild is the process that TestKill kills.
func TestChild(t *testing.T) {
	url := os.Getenv(childURL)
	if url == "" {
		t.Skip("run by TestKill")
	}
	o := account.ForTest(t, account.Options{Accounts: []string{testAccount}, Regions: []string{"us-east-1"}, Ledger: os.Getenv(childLedger), Settle: time.Second},
		url, credentials.NewStaticCredentialsProvider(testKeyID, testSecret, testToken))
	_, _ = run(t, o, conform.Options{})
}

// TestKill ends a run with SIGKILL in its middle.
func TestKill(t *testing.T) {
	c := startCloud(t, embedded.ServerOptions{})
	reached := make(chan struct{})
	c.mu.Lock() // the requests come from another process
	c.Fault = func(s seenRequest, n int) *cloudFault {
		if s.Op == "CreateTrail" && n == 8 {
			close(reached)
		}
		return nil
	}
	c.mu.Unlock()
	o := options(t, c, account.Options{})
	cmd := exec.Command(os.Args[0], "-test.run=^TestChild$")
	cmd.Env = append(os.Environ(), childURL+"="+c.URL, childLedger+"="+o.Ledger)
	require.NoError(t, cmd.Start())
	select {
	case <-reached:
	case <-time.After(2 * time.Minute):
		t.Error("the run does not get on")
	}
	require.NoError(t, cmd.Process.Signal(syscall.SIGKILL))
	_ = cmd.Wait()
	require.NotEmpty(t, c.Left())
	c.Heal()
	sweep(t, o, true)
	require.Empty(t, c.Left())
}

var (
	signatures = regexp.MustCompile(`Signature=|AWS4-HMAC|X-Amz-Security-Token|x-amz-security-token|\bA[KS]IA[A-Z0-9]{12,}`)
	anyAccount = regexp.MustCompile(testAccount)
)

// TestNoSecretInAnyOutput runs on a server with faults, and with answers that repeat what was signed,
// and looks through all that was written.
func TestNoSecretInAnyOutput(t *testing.T) {
	for _, fault := range []string{"put/appends-list", ""} {
		if fault != "" {
			if _, ok := embedded.FaultNamed(fault); !ok {
				fault = embedded.Faults[0].Name
			}
		}
		c := startCloud(t, embedded.ServerOptions{Fault: fault})
		dir := t.TempDir()
		c.Fault = func(s seenRequest, n int) *cloudFault {
			if s.Op == "GetTrail" && n%3 == 0 {
				return &cloudFault{Code: "InvalidTrailNameException", Message: "arn:aws:sts::" + c.Account + ":assumed-role/sandbox/night with " + testKeyID + "/" + testSecret +
					" The Canonical String for this request should have been 'POST\n/\n\nx-amz-security-token:" + testToken + "\nSignature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef' " + c.Account}
			}
			return nil
		}
		report, err := run(t, options(t, c, account.Options{Ledger: filepath.Join(dir, "ledger.jsonl")}), conform.Options{Requests: 1500})
		require.NoError(t, err)
		if fault != "" {
			require.NotEmpty(t, report.Divergences)
		}
		_, err = reports.WriteTraces(filepath.Join(dir, "traces"), report, false)
		require.NoError(t, err)
		var all bytes.Buffer
		all.WriteString(shown(t, report))
		require.NoError(t, reports.JSON(&all, report))
		plain, err := json.Marshal(report) // also what no rendering shows
		require.NoError(t, err)
		all.Write(plain)
		require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				data, _ := os.ReadFile(path)
				all.Write(data)
			}
			return err
		}))
		for _, secret := range []string{testKeyID, testSecret, testToken, "assumed-role/sandbox"} {
			assert.False(t, bytes.Contains(all.Bytes(), []byte(secret)), secret)
		}
		assert.Empty(t, signatures.FindAllString(all.String(), 3))
		assert.Empty(t, anyAccount.FindAllString(all.String(), 3))
		if fault != "" {
			assert.Contains(t, all.String(), model.DefaultWorld.Account)
		}
	}
}

func TestReplayOfAForeignTrace(t *testing.T) {
	c := startCloud(t, embedded.ServerOptions{})
	theirs := c.AddTrail("us-east-1", "production", nil)
	trace := &reports.Trace{Signature: "x", Steps: []reports.Step{{Operation: string(model.OpPut), Request: value.Obj("TrailName", theirs, "InsightSelectors", value.ListOf())}}}
	target, err := account.New(options(t, c, account.Options{}))
	require.NoError(t, err)
	_, err = pipeline.Replay(t.Context(), target, []*reports.Trace{trace}, pipeline.Options{Settle: settle})
	require.ErrorIs(t, err, targets.ErrRefused)
	require.Equal(t, []string{theirs}, c.Left())
	for _, seen := range c.Requests() {
		require.NotContains(t, seen.Body, "trail/production")
	}
}

func TestStores(t *testing.T) {
	c := startCloud(t, embedded.ServerOptions{})
	o := options(t, c, account.Options{Stores: true})
	report, err := run(t, o, conform.Options{Requests: 1500})
	require.NoError(t, err)
	require.Equal(t, reports.Conforms, report.Verdict, shown(t, report))
	stores := c.Left()
	require.NotEmpty(t, stores, "stores outlast the run")
	require.LessOrEqual(t, len(stores), 8)
	report, err = run(t, o, conform.Options{Requests: 1500, Seed: 2})
	require.NoError(t, err)
	require.Equal(t, reports.Conforms, report.Verdict, shown(t, report))
	require.Subset(t, c.Left(), stores)
	require.LessOrEqual(t, len(c.Left()), 8)
	sweep(t, o, true)
	require.Empty(t, c.Left())

	// The service is closed to new accounts.
	c = startCloud(t, embedded.ServerOptions{})
	c.Fault = func(s seenRequest, _ int) *cloudFault {
		if strings.HasSuffix(s.Op, "EventDataStore") || strings.HasSuffix(s.Op, "EventDataStores") {
			return &cloudFault{Code: "OperationNotPermittedException", Message: "not open to new customers"}
		}
		return nil
	}
	report, err = run(t, options(t, c, account.Options{Stores: true}), conform.Options{Requests: 600})
	require.NoError(t, err)
	require.Empty(t, report.Divergences, shown(t, report))
	require.Contains(t, report.NotCovered[string(model.CanStores)], "CreateEventDataStore answered OperationNotPermittedException")
}

// TestOnMoto runs the whole flow on an independent implementation of all five services.
func TestOnMoto(t *testing.T) {
	t.Setenv("MOTO_ACCOUNT_ID", testAccount)
	url := mototest.Start(t)
	o := account.ForTest(t, account.Options{Accounts: []string{testAccount}, Regions: []string{"us-east-1", "eu-west-1"}, Ledger: ledgerPath(t), Settle: 300 * time.Millisecond},
		url, credentials.NewStaticCredentialsProvider(testKeyID, testSecret, ""))
	report, err := run(t, o, conform.Options{Requests: 800, ShrinkRequests: 100})
	require.NoError(t, err)
	require.Equal(t, reports.Diverges, report.Verdict, shown(t, report))
	require.NotContains(t, shown(t, report), testAccount)
	require.NotContains(t, strings.Join(report.Notes, "\n"), "could not be deleted")
	found := map[model.ID]bool{}
	for _, d := range report.Divergences {
		found[d.Rule] = true
	}
	for _, rule := range []model.ID{model.PutReplacesList, model.PutEmptyDisables, model.GetNotEnabled} {
		assert.True(t, found[rule], rule)
	}
	require.Empty(t, sweep(t, o, false), "nothing is left")

	// After a crash, a sweep by the tag alone finds all.
	crash := o
	crash.Ledger, crash.Prefix = ledgerPath(t), "conform-night1"
	target, err := opened(t, crash)
	require.NoError(t, err)
	w, err := naming.Wrap(target).NewWorld(t.Context())
	require.NoError(t, err)
	require.NoError(t, w.Do(t.Context(), generators.Create("alpha")).Err)
	account.Abandon(target)
	done := sweep(t, byPrefix(crash), true)
	require.Len(t, done[account.Deleted], 3, done)
	require.Empty(t, sweep(t, byPrefix(crash), false)[account.Found])
	require.Empty(t, sweep(t, crash, false)[account.Found])

	// An organization's management account.
	t.Run("management account", func(t *testing.T) {
		cmd := exec.Command("aws", "--endpoint-url", url, "--region", "us-east-1", "organizations", "create-organization")
		cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Skipf("the AWS CLI is not to be had: %s", out)
		}
		_, err := opened(t, o)
		require.ErrorContains(t, err, "by the guard management-account:")
	})
}

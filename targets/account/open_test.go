package account_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/account"
	"github.com/insightconform/conform/targets/account/ledger"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/naming"
)

func opened(t *testing.T, o account.Options) (*account.Target, error) {
	t.Helper()
	target, err := account.New(o)
	require.NoError(t, err)
	_, err = target.Open(t.Context())
	return target, err
}

// writes counts the requests that change something.
func writes(c *cloud) (n int) {
	for _, seen := range c.Requests() {
		switch seen.Service {
		case "cloudtrail":
			if !strings.HasPrefix(seen.Op, "Get") && !strings.HasPrefix(seen.Op, "List") && !strings.HasPrefix(seen.Op, "Describe") {
				n++
			}
		case "s3":
			if !strings.HasPrefix(seen.Op, "GET") && !strings.HasPrefix(seen.Op, "HEAD") {
				n++
			}
		}
	}
	return n
}

// addObjects puts objects into the bucket whose name has the prefix.
func addObjects(c *cloud, prefix string, keys ...string) {
	for name, objects := range c.Buckets {
		for _, key := range keys {
			if strings.HasPrefix(name, prefix) {
				objects[key] = "{}"
			}
		}
	}
}

func TestGuardsAtTheStart(t *testing.T) {
	deny := func(op string) func(seenRequest, int) *cloudFault {
		return func(s seenRequest, _ int) *cloudFault {
			if s.Op == op {
				return &cloudFault{Status: 403, Code: "AccessDenied", Message: "User: arn:aws:sts::404142434445:assumed-role/sandbox/night is not authorized"}
			}
			return nil
		}
	}
	for _, test := range []struct {
		name, guard string // an empty guard admits
		cloud       func(*cloud)
		options     account.Options
	}{
		{"plain", "", func(*cloud) {}, account.Options{}},
		{"another account", "account", func(*cloud) {}, account.Options{Accounts: []string{"999988887777", "404142434446"}}},
		{"one of several accounts", "", func(*cloud) {}, account.Options{Accounts: []string{"999988887777", testAccount}}},
		{"a production alias", "alias", func(c *cloud) { c.Aliases = []string{"my-production"} }, account.Options{}},
		{"a production alias in capitals", "alias", func(c *cloud) { c.Aliases = []string{"sandbox", "PrOd7"} }, account.Options{AllowUnknownAlias: true}},
		{"a harmless alias", "", func(c *cloud) { c.Aliases = []string{"sandbox"} }, account.Options{}},
		{"an alias that cannot be read", "alias", func(c *cloud) { c.Fault = deny("ListAccountAliases") }, account.Options{}},
		{"an alias that need not be read", "", func(c *cloud) { c.Fault = deny("ListAccountAliases") }, account.Options{AllowUnknownAlias: true}},
		{"a management account", "management-account", func(c *cloud) { c.Organization = c.Account }, account.Options{}},
		{"a management account that is allowed", "", func(c *cloud) { c.Organization = c.Account }, account.Options{AllowManagementAccount: true}},
		{"a member account", "", func(c *cloud) { c.Organization = "999988887777" }, account.Options{}},
		{"an unreadable organization", "management-account", func(c *cloud) { c.Fault = deny("DescribeOrganization") }, account.Options{}},
		{"an organization without a manager", "management-account", func(c *cloud) { c.Organization = "none" }, account.Options{}},
		{"no room", "quota", func(c *cloud) {
			for i := range 5 {
				c.AddTrail("us-east-1", fmt.Sprintf("theirs-%d", i), nil)
			}
		}, account.Options{}},
		{"room for one", "", func(c *cloud) {
			for i := range 4 {
				c.AddTrail("us-east-1", fmt.Sprintf("theirs-%d", i), nil)
			}
		}, account.Options{}},
		{"no room in the second Region", "quota", func(c *cloud) {
			for i := range 5 {
				c.AddTrail("eu-west-1", fmt.Sprintf("theirs-%d", i), nil)
			}
		}, account.Options{Regions: []string{"us-east-1", "eu-west-1"}}},
		{"another ledger's prefix", "prefix", func(c *cloud) {
			c.AddTrail("us-east-1", "conform-night1-x", map[string]string{ledger.TagKey: "another"})
		},
			account.Options{Prefix: "conform-night1"}},
		{"a prefix of its own", "", func(c *cloud) { c.AddTrail("us-east-1", "conform-night12-x", nil) }, account.Options{Prefix: "conform-night1"}},
		{"trails without tags", "tag", func(c *cloud) {
			c.Fault = func(s seenRequest, _ int) *cloudFault {
				if s.Op == "ListTags" {
					return &cloudFault{Code: "AccessDeniedException"}
				}
				return nil
			}
		}, account.Options{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := startCloud(t, embedded.ServerOptions{})
			test.cloud(c)
			before := writes(c)
			target, err := opened(t, options(t, c, test.options))
			if test.guard == "" {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, targets.ErrRefused)
				require.ErrorContains(t, err, "by the guard "+test.guard+":")
				require.NotContains(t, err.Error(), testAccount)
				if test.guard != "tag" {
					require.Zero(t, writes(c)-before, "%+v", c.Requests())
				}
			}
			closing := target.Close()
			if test.guard != "tag" {
				require.NoError(t, closing)
				for _, left := range c.Left() {
					require.NotContains(t, left, "conform-night1-a")
				}
			}
		})
	}
}

func TestWrongOptions(t *testing.T) {
	for _, o := range []account.Options{
		{}, {Accounts: []string{"x"}, Regions: []string{"us-east-1"}}, {Accounts: []string{"1234567890123"}, Regions: []string{"us-east-1"}},
		{Accounts: []string{"111122223333"}, Regions: []string{"us-east-1"}}, {Accounts: []string{testAccount}},
		{Accounts: []string{testAccount}, Regions: []string{"us-east-1", "us-east-1"}}, {Accounts: []string{testAccount}, Regions: []string{"evil.example/"}},
		{Accounts: []string{testAccount}, Regions: []string{"us-east-1", "cn-north-1"}}, {Accounts: []string{testAccount}, Regions: []string{"us-east-1"}, Prefix: "short"},
		{Accounts: []string{testAccount}, Regions: []string{"us-east-1"}, Prefix: "Conform-Night"}, {Accounts: []string{testAccount}, Regions: []string{"us-east-1"}, Prefix: "aws-conform"},
		{Accounts: []string{testAccount}, Regions: []string{"us-east-1"}},
	} {
		_, err := account.New(o)
		assert.ErrorIs(t, err, targets.ErrUsage, "%+v", o)
	}
}

func TestRefusalsWithinAWorld(t *testing.T) {
	c := startCloud(t, embedded.ServerOptions{})
	theirs := c.AddTrail("us-east-1", "production", nil)
	target, err := opened(t, options(t, c, account.Options{}))
	require.NoError(t, err)
	w, err := naming.Wrap(target).NewWorld(t.Context())
	require.NoError(t, err)
	require.NoError(t, w.Do(t.Context(), generators.Create("alpha")).Err)
	before := writes(c)
	raw := `{"TrailName": "production", "InsightSelectors": []}`
	for _, test := range []struct {
		guard string
		r     model.Request
	}{
		{"region", model.Request{Op: model.OpPut, Region: "ap-south-1", Input: value.Obj("TrailName", "alpha")}},
		{"account", model.Request{Op: model.OpPut, Input: value.Obj("TrailName", "arn:aws:cloudtrail:us-east-1:999988887777:trail/alpha")}},
		{"account", generators.Put(theirs, 0)},
		{"prefix", model.Request{Op: model.OpPut, Raw: &raw}},
		{"operation", model.Request{Op: "DeleteChannel", Input: value.Obj("Channel", "x")}},
		{"operation", model.Request{Op: model.OpUpdate, Input: value.Obj("Name", "alpha", "IsOrganizationTrail", true)}},
		{"operation", model.Request{Op: model.OpUpdate, Input: value.Obj("Name", "alpha", "S3BucketName", "production")}},
		{"operation", model.Request{Op: model.OpCreate, Input: value.Obj("Name", "beta", "S3BucketName", "conform-bucket", "KmsKeyId", "alias/production")}},
		{"ownership", model.Request{Op: model.OpCreate, Input: value.Obj("Name", "beta", "S3BucketName", "production")}},
	} {
		reply := w.Do(t.Context(), test.r)
		require.ErrorIs(t, reply.Err, targets.ErrRefused, "%+v", test.r)
		require.ErrorContains(t, reply.Err, "by the guard "+test.guard+":")
	}
	for _, r := range generators.Updates("alpha") {
		require.NoError(t, w.Do(t.Context(), r).Err, "%+v", r)
	}
	require.Equal(t, before+5, writes(c), "what changes more than the trail is not sent")
	// Names of theirs become ours.
	for _, r := range []model.Request{generators.Put("production", 0), generators.Delete("production"), generators.PutEvents("production", generators.EventClasses()[1]),
		generators.Put(strings.ReplaceAll(theirs, testAccount, model.DefaultWorld.Account), 0)} {
		reply := w.Do(t.Context(), r)
		require.NoError(t, reply.Err, r)
		require.Equal(t, "TrailNotFoundException", reply.Answer.Code, r)
	}
	require.NoError(t, w.Close(t.Context()))
	require.NoError(t, target.Close())
	require.Equal(t, []string{theirs}, c.Left())
}

func TestPoolLendsTrailsOnlyLikeNew(t *testing.T) {
	c := startCloud(t, embedded.ServerOptions{})
	target, err := opened(t, options(t, c, account.Options{AllowLogging: true}))
	require.NoError(t, err)
	do := func(w targets.World, r model.Request) targets.Reply {
		reply := w.Do(t.Context(), r)
		require.NoError(t, reply.Err)
		return reply
	}
	world := func(ctx context.Context) targets.World {
		w, err := naming.Wrap(target).NewWorld(ctx)
		require.NoError(t, err)
		return w
	}
	lent := func(r targets.Reply) bool { return len(r.Sent) == 0 && r.Answer.Outcome == model.Succeeded }
	on := generators.Put("alpha", model.MakeSelectors(model.Management, 0))

	w := world(t.Context())
	require.False(t, lent(do(w, generators.Create("alpha"))))
	require.Equal(t, model.Succeeded, do(w, on).Answer.Outcome)
	require.NoError(t, w.Close(t.Context()))

	w = world(t.Context())
	require.True(t, lent(do(w, generators.Create("alpha"))))
	require.Equal(t, "InsightNotEnabledException", do(w, generators.Get("alpha")).Answer.Code)
	require.Equal(t, model.DefaultWorld.TrailARN("us-east-1", "alpha"), do(w, on).Answer.TrailARN)
	require.Equal(t, "TrailNotFoundException", do(w, generators.Get("Alpha")).Answer.Code)
	do(w, generators.Delete("alpha"))
	require.Equal(t, "TrailNotFoundException", do(w, generators.Get("alpha")).Answer.Code)
	require.False(t, lent(do(w, generators.Create("alpha"))), "a new trail of that name")
	require.Equal(t, "InsightNotEnabledException", do(w, generators.Get("alpha")).Answer.Code)
	require.NoError(t, w.Close(t.Context()))

	w = world(targets.Fresh.On(t.Context()))
	require.False(t, lent(do(w, generators.Create("alpha"))), "a fresh world takes nothing used")
	require.NoError(t, w.Close(t.Context()))

	// What sleeps in a stopped trail must not wake up in another world.
	w = world(t.Context())
	require.True(t, lent(do(w, generators.Create("alpha"))))
	do(w, generators.Start("alpha"))
	do(w, on)
	do(w, generators.Stop("alpha"))
	require.NoError(t, w.Close(t.Context()))
	w = world(t.Context())
	require.False(t, lent(do(w, generators.Create("alpha"))))
	require.NoError(t, w.Close(t.Context()))

	// Six worlds of one trail each find room, one after the other.
	for i := range 6 {
		w = world(t.Context())
		require.Equal(t, model.Succeeded, do(w, generators.Create(fmt.Sprintf("name-%d", i))).Answer.Outcome)
		require.NoError(t, w.Close(t.Context()))
	}
	w = world(t.Context())
	for i := range 5 {
		require.Equal(t, model.Succeeded, do(w, generators.Create(fmt.Sprintf("more-%d", i))).Answer.Outcome)
	}
	require.Equal(t, "MaximumNumberOfTrailsExceededException", do(w, generators.Create("more-5")).Answer.Code)
	require.NoError(t, w.Close(t.Context()))
	require.NoError(t, target.Close())
	require.Empty(t, c.Left())
}

func TestBucketIsClosedToAllButItsTrails(t *testing.T) {
	c := startCloud(t, embedded.ServerOptions{})
	target, err := opened(t, options(t, c, account.Options{Prefix: "conform-night1"}))
	require.NoError(t, err)
	bucket := ""
	for _, name := range c.Left() {
		if strings.HasPrefix(name, "conform-night1-") {
			bucket = name
		}
	}
	policy := c.Extra[bucket+"?policy"]
	require.Contains(t, policy, "arn:aws:cloudtrail:us-east-1:"+testAccount+":trail/conform-night1-*")
	require.Contains(t, policy, `"Action":"s3:GetBucketAcl"`)
	require.Contains(t, policy, "bucket-owner-full-control")
	require.Equal(t, 4, strings.Count(c.Extra[bucket+"?publicAccessBlock"], ">true<"))
	addObjects(c, "conform-night1-", "AWSLogs/a", "AWSLogs/b/c")
	require.NoError(t, target.Close())
	require.Empty(t, c.Left())
}

func TestLedger(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "below", "ledger.jsonl")
	l, err := ledger.Open(path, testAccount, "")
	require.NoError(t, err)
	prefix := l.Prefix
	require.Regexp(t, `^conform-[a-z2-7]{8}$`, prefix)
	_, err = ledger.Open(path, testAccount, "")
	require.ErrorContains(t, err, "in use by another run")
	require.ErrorIs(t, err, targets.ErrRefused)
	require.NoError(t, l.Close())
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.False(t, strings.Contains(string(data), testAccount), testAccount)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	_, err = ledger.Open(path, "999988887777", "")
	require.ErrorIs(t, err, targets.ErrRefused)
	require.ErrorContains(t, err, "belongs to another account")
	_, err = ledger.Open(path, testAccount, "conform-other")
	require.ErrorIs(t, err, targets.ErrUsage)

	line := func(event, name string) string {
		return fmt.Sprintf(`{"event":%q,"kind":"trail","region":"us-east-1","name":%q}`+"\n", event, name)
	}
	for _, test := range []struct {
		add  string
		live int
		err  bool
	}{
		{"", 0, false},
		{line("intend", prefix+"-a"), 1, false},
		{line("intend", prefix+"-a") + line("made", prefix+"-a") + line("gone", prefix+"-a"), 0, false},
		{line("gone", prefix+"-a") + line("intend", prefix+"-a"), 1, false},
		{line("intend", prefix+"-a") + `{"event":"gone","kind":"tr`, 1, false}, // a crash while writing
		{line("intend", "production"), 0, true},
		{line("deleted", prefix+"-a"), 0, true},
		{"garbage\n" + line("intend", prefix+"-a"), 0, true},
	} {
		require.NoError(t, os.WriteFile(path, append(slices.Clone(data), test.add...), 0o600))
		l, err := ledger.Open(path, testAccount, "")
		if test.err {
			require.ErrorIs(t, err, targets.ErrUsage, test.add)
			continue
		}
		require.NoError(t, err, test.add)
		require.Len(t, l.Live(), test.live, test.add)
		require.NoError(t, l.Close())
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, strings.HasSuffix(string(after), "\n"))
	}
	// A file that is no ledger, or one that is damaged, stays as it is.
	for _, other := range []string{"{}\n", "ghp_token", "ghp_token\n", "\n", " ", `{"schema":"conform-ledger/2"`, string(data) + "garbage\nno end", "\xef\xbb\xbf" + string(data),
		`{"schema":"conform-ledger/1"` + "\n", strings.Repeat("a\n", 10_000)} {
		require.NoError(t, os.WriteFile(path, []byte(other), 0o600))
		_, err = ledger.Open(path, testAccount, "")
		require.ErrorIs(t, err, targets.ErrUsage, other)
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, other, string(after))
	}
	require.NoError(t, os.WriteFile(path, append(slices.Clone(data), "no end"...), 0o600))
	_, err = ledger.Open(path, "999988887777", "")
	require.ErrorIs(t, err, targets.ErrRefused)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(data)+"no end", string(after), "that of another account")
	// What a crash leaves of the first line is begun anew, and so is nothing at all.
	for _, begun := range []string{"", "{", `{"schema":"conf`, `{"schema":"conform-ledger/1","id":"abc`, strings.TrimSuffix(string(data), "\n")} {
		require.NoError(t, os.WriteFile(path, []byte(begun), 0o600))
		l, err := ledger.Open(path, testAccount, "")
		require.NoError(t, err, begun)
		require.NoError(t, l.Close())
		again, err := ledger.Open(path, testAccount, "")
		require.NoError(t, err, begun)
		require.Equal(t, l.ID, again.ID)
		require.NoError(t, again.Close())
	}
	_, err = ledger.Open(os.DevNull, testAccount, "")
	require.ErrorIs(t, err, targets.ErrUsage)
	_, err = ledger.Open(dir, testAccount, "")
	require.ErrorIs(t, err, targets.ErrUsage)
}

// TestLedgerComesBeforeEachCreation looks into the ledger at the moment at which a creation arrives.
func TestLedgerComesBeforeEachCreation(t *testing.T) {
	c := startCloud(t, embedded.ServerOptions{})
	o := options(t, c, account.Options{Stores: true})
	var missing []string
	c.Fault = func(s seenRequest, _ int) *cloudFault {
		name := ""
		if body, err := value.Parse([]byte(s.Body)); err == nil && strings.HasPrefix(s.Op, "Create") {
			name = body.Get("Name").Text()
		} else if s.Service == "s3" && strings.HasPrefix(s.Op, "PUT /") && !strings.Contains(s.Op, "?") {
			name = strings.TrimPrefix(s.Op, "PUT /")
		}
		data, _ := os.ReadFile(o.Ledger)
		if name != "" && !strings.Contains(string(data), `"intend"`) || name != "" && !strings.Contains(string(data), `"name":"`+name+`"`) {
			missing = append(missing, name)
		}
		return nil
	}
	target, err := opened(t, o)
	require.NoError(t, err)
	w, err := naming.Wrap(target).NewWorld(t.Context())
	require.NoError(t, err)
	w.Do(t.Context(), generators.Create("beta"))
	w.Do(t.Context(), generators.CreateStore(0, generators.SourceStore))
	require.NoError(t, w.Close(t.Context()))
	require.NoError(t, target.Close())
	require.Empty(t, missing)
}

func sweep(t *testing.T, o account.Options, remove bool) map[account.State][]string {
	t.Helper()
	items, err := account.Sweep(t.Context(), o, remove)
	require.NoError(t, err)
	byState := map[account.State][]string{}
	for _, item := range items {
		byState[item.State] = append(byState[item.State], item.Name+" "+item.Why)
	}
	return byState
}

// byPrefix has a sweep look through the account instead of the ledger.
func byPrefix(o account.Options) account.Options {
	o.Ledger = ""
	return o
}

// crashed opens a target, makes trails, and forgets it without closing, as a crash would.
func crashed(t *testing.T, c *cloud, o account.Options) {
	t.Helper()
	target, err := opened(t, o)
	require.NoError(t, err)
	w, err := naming.Wrap(target).NewWorld(t.Context())
	require.NoError(t, err)
	for _, name := range []string{"alpha", "beta"} {
		require.NoError(t, w.Do(t.Context(), generators.Create(name)).Err)
	}
	addObjects(c, "conform-", "AWSLogs/x")
	account.Abandon(target)
}

func TestSweep(t *testing.T) {
	for _, forgotten := range []bool{false, true} {
		t.Run(fmt.Sprint(forgotten), func(t *testing.T) {
			c := startCloud(t, embedded.ServerOptions{})
			o := options(t, c, account.Options{Prefix: "conform-night1"})
			theirs := c.AddTrail("us-east-1", "production", map[string]string{ledger.TagKey: "x"})
			crashed(t, c, o)
			liar := c.AddTrail("us-east-1", "conform-night1-liar", nil) // bears the prefix, not the tag
			c.Buckets["conform-night1-liar"] = map[string]string{"precious": ""}
			left := c.Left()

			options := o
			if forgotten {
				options = byPrefix(o)
			}
			found := sweep(t, options, false)
			require.Len(t, found[account.Found], 3, found)
			require.Equal(t, left, c.Left(), "a dry run")
			done := sweep(t, options, true)
			require.Len(t, done[account.Deleted], 3, done)
			require.Equal(t, []string{liar, theirs, "conform-night1-liar"}, c.Left())
			if forgotten {
				require.Len(t, done[account.Kept], 2)
				require.Contains(t, done[account.Kept][0], "does not bear the tag")
			} else {
				require.Empty(t, sweep(t, options, true), "nothing is left in the ledger")
			}
		})
	}
}

// TestSweepOfAnUntaggedBucket: the ledger alone does not make one ours. What a crash leaves untagged is empty.
func TestSweepOfAnUntaggedBucket(t *testing.T) {
	for _, test := range []struct {
		name    string
		objects map[string]string
		tags    map[string]string
		deleted bool
	}{
		{"empty", map[string]string{}, nil, true},
		{"full", map[string]string{"precious": ""}, nil, false},
		{"someone else's", map[string]string{}, map[string]string{"owner": "them"}, false},
		{"someone else's, full", map[string]string{"precious": ""}, map[string]string{"owner": "them"}, false},
		{"another ledger's", map[string]string{}, map[string]string{ledger.TagKey: "another"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := startCloud(t, embedded.ServerOptions{})
			o := options(t, c, account.Options{Prefix: "conform-night1"})
			l, err := ledger.Open(o.Ledger, testAccount, o.Prefix)
			require.NoError(t, err)
			const name = "conform-night1-abcdefgh2345"
			require.NoError(t, l.Write(ledger.Intend, ledger.Bucket.In("us-east-1", name)))
			require.NoError(t, l.Close())
			c.Buckets[name], c.Tags[name] = test.objects, test.tags
			state := account.Kept
			if test.deleted {
				state = account.Deleted
				require.Len(t, sweep(t, o, false)[account.Found], 1)
			}
			done := sweep(t, o, true)
			require.Len(t, done[state], 1, done)
			if test.deleted {
				require.Empty(t, c.Left())
				return
			}
			require.Equal(t, []string{name}, c.Left())
			require.Equal(t, test.tags, c.Tags[name])
			require.Equal(t, test.objects, c.Buckets[name])
			target, err := opened(t, o) // which sweeps too
			require.NoError(t, err)
			require.ErrorContains(t, target.Close(), "1 resources could not be deleted")
			require.Contains(t, c.Left(), name)
		})
	}
}

func TestSweepGuards(t *testing.T) {
	c := startCloud(t, embedded.ServerOptions{})
	o := options(t, c, account.Options{})
	crashed(t, c, o)
	left := c.Left()
	for _, change := range []func(*account.Options){
		func(s *account.Options) { s.Accounts = []string{"999988887777"} },
		func(s *account.Options) { c.Aliases = []string{"production"} },
	} {
		s := o
		change(&s)
		_, err := account.Sweep(t.Context(), s, true)
		require.ErrorIs(t, err, targets.ErrRefused)
	}
	c.Aliases = nil
	s := o
	s.Regions = []string{"eu-west-1"}
	_, err := account.Sweep(t.Context(), s, true)
	require.ErrorIs(t, err, targets.ErrUsage)
	require.ErrorContains(t, err, "--regions")
	_, err = account.Sweep(t.Context(), byPrefix(o), true)
	require.ErrorIs(t, err, targets.ErrUsage)
	// Another ledger's tag keeps a sweep by ledger from touching what bears the same name.
	require.Equal(t, left, c.Left())
	require.Len(t, sweep(t, o, true)[account.Deleted], 3)
}

func TestNextRunRemovesWhatACrashLeft(t *testing.T) {
	c := startCloud(t, embedded.ServerOptions{})
	o := options(t, c, account.Options{})
	crashed(t, c, o)
	require.NotEmpty(t, c.Left())
	target, err := opened(t, o)
	require.NoError(t, err)
	require.NoError(t, target.Close())
	require.Empty(t, c.Left())
}

// TestCrashAtEachRequest stops everything at one request after the other, as kill -9 would, with the
// request carried out or not. A sweep always finishes the job.
func TestCrashAtEachRequest(t *testing.T) {
	for at := 1; ; at++ {
		finished := false
		for _, applied := range []bool{false, true} {
			c := startCloud(t, embedded.ServerOptions{})
			o := options(t, c, account.Options{Settle: 20 * time.Millisecond, Timeout: time.Second})
			n := 0
			ctx, crash := context.WithCancel(t.Context())
			c.Fault = func(s seenRequest, _ int) *cloudFault {
				if n++; n >= at {
					crash()
					return &cloudFault{Drop: true, Applied: applied && n == at}
				}
				return nil
			}
			target, err := account.New(o)
			require.NoError(t, err)
			if _, err = target.Open(ctx); err == nil {
				if w, err := naming.Wrap(target).NewWorld(ctx); err == nil {
					w.Do(ctx, generators.Create("beta"))
					w.Do(ctx, generators.Delete("beta"))
				}
			}
			account.Abandon(target)
			finished = ctx.Err() == nil
			crash()
			c.Heal()
			items, err := account.Sweep(t.Context(), o, true)
			require.NoError(t, err)
			require.Empty(t, c.Left(), "request %d, applied %v: %+v", at, applied, items)
		}
		if finished {
			return
		}
	}
}

func TestBadDaysAtTheStart(t *testing.T) {
	for _, test := range []struct {
		name  string
		class error
		want  string
		fault func(s seenRequest, n int) *cloudFault
	}{
		{"expired credentials", targets.ErrInconclusive, "the credentials have expired", func(s seenRequest, _ int) *cloudFault {
			return &cloudFault{Status: 403, Code: "ExpiredToken", Message: "The security token included in the request is expired"}
		}},
		{"a wrong clock", targets.ErrInconclusive, "the clock of this machine is wrong", func(s seenRequest, _ int) *cloudFault {
			return &cloudFault{Status: 403, Code: "SignatureDoesNotMatch", Message: "Signature expired: 20260101T000000Z is now earlier than 20260101T001500Z"}
		}},
		{"a wrong clock, by its code", targets.ErrInconclusive, "the clock of this machine is wrong", func(s seenRequest, _ int) *cloudFault {
			return &cloudFault{Code: "RequestExpired", Message: "Request has expired."}
		}},
		{"a Region without CloudTrail", targets.ErrInconclusive, "does not offer", func(s seenRequest, _ int) *cloudFault {
			if s.Service == "cloudtrail" {
				return &cloudFault{Code: "UnsupportedOperationException"}
			}
			return nil
		}},
		{"a Region that does not answer", targets.ErrUnreachable, "whether the Region exists", func(s seenRequest, _ int) *cloudFault {
			if s.Service == "cloudtrail" {
				return &cloudFault{Drop: true}
			}
			return nil
		}},
		{"a denied creation", targets.ErrInconclusive, "conform iam-policy", func(s seenRequest, _ int) *cloudFault {
			if s.Op == "CreateTrail" {
				return &cloudFault{Code: "AccessDeniedException"}
			}
			return nil
		}},
		{"a denied bucket", targets.ErrInconclusive, "conform iam-policy", func(s seenRequest, _ int) *cloudFault {
			if s.Service == "s3" && strings.HasPrefix(s.Op, "PUT") {
				return &cloudFault{Status: 403, Code: "AccessDenied"}
			}
			return nil
		}},
		{"Insights need logging", targets.ErrInconclusive, "--allow-logging", func(s seenRequest, _ int) *cloudFault {
			if s.Op == "PutInsightSelectors" {
				return &cloudFault{Code: "InvalidParameterException"}
			}
			return nil
		}},
		{"Insights show only where logged", targets.ErrInconclusive, "--allow-logging", func(s seenRequest, _ int) *cloudFault {
			if s.Op == "GetInsightSelectors" {
				return &cloudFault{Code: "InsightNotEnabledException"}
			}
			return nil
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := startCloud(t, embedded.ServerOptions{})
			c.Fault = test.fault
			target, err := opened(t, options(t, c, account.Options{Timeout: 2 * time.Second}))
			require.ErrorIs(t, err, test.class)
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), testAccount)
			c.Heal()
			require.NoError(t, target.Close())
			require.Empty(t, c.Left())
			require.False(t, errors.Is(err, targets.ErrRefused))
		})
	}
}

// paced counts what the target asks of its pace.
type paced struct {
	mu        sync.Mutex
	waits     map[string]int
	throttled map[string]int
}

func (p *paced) Wait(ctx context.Context, region string, write bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waits[fmt.Sprint(region, write)]++
	return ctx.Err()
}

func (p *paced) Throttled(region string, write bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.throttled[fmt.Sprint(region, write)]++
}

func TestPaceIsAskedBeforeEachRequest(t *testing.T) {
	c := startCloud(t, embedded.ServerOptions{})
	c.Fault = func(s seenRequest, n int) *cloudFault {
		if s.Op == "ListTags" && n == 1 || s.Op == "DeleteTrail" && n == 1 {
			return &cloudFault{Code: "ThrottlingException", Message: "Rate exceeded"}
		}
		return nil
	}
	p := &paced{waits: map[string]int{}, throttled: map[string]int{}}
	target, err := opened(t, options(t, c, account.Options{Pace: p, Regions: []string{"us-east-1", "eu-west-1"}}))
	require.NoError(t, err)
	w, err := naming.Wrap(target).NewWorld(t.Context())
	require.NoError(t, err)
	away := generators.Create("beta")
	away.Region = model.DefaultWorld.Away
	require.Equal(t, model.Succeeded, w.Do(t.Context(), away).Answer.Outcome)
	require.NoError(t, w.Close(t.Context()))
	require.NoError(t, target.Close())
	require.Empty(t, c.Left(), "throttling is waited out")
	sent := map[string]int{}
	for _, seen := range c.Requests() {
		if seen.Service == "cloudtrail" {
			write := !strings.HasPrefix(seen.Op, "Get") && !strings.HasPrefix(seen.Op, "List") && !strings.HasPrefix(seen.Op, "Describe")
			sent[fmt.Sprint(seen.Region, write)]++
		}
	}
	require.Equal(t, sent, p.waits)
	require.Equal(t, map[string]int{"us-east-1false": 1, "us-east-1true": 1}, p.throttled)
}

func TestNewBucketShowsLate(t *testing.T) {
	c := startCloud(t, embedded.ServerOptions{})
	c.Fault = func(s seenRequest, n int) *cloudFault {
		if s.Op == "CreateTrail" && n < 4 {
			return &cloudFault{Code: []string{"S3BucketDoesNotExistException", "InsufficientS3BucketPolicyException", "MaximumNumberOfTrailsExceededException"}[n-1]}
		}
		return nil
	}
	target, err := opened(t, options(t, c, account.Options{}))
	require.NoError(t, err)
	require.NoError(t, target.Close())
	require.Empty(t, c.Left())
}

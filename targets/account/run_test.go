package account_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/text"
	"github.com/insightconform/conform/targets/account"
	"github.com/insightconform/conform/targets/account/ledger"
	"github.com/insightconform/conform/targets/embedded"
)

func ledgerPath(t *testing.T) string { return filepath.Join(t.TempDir(), "ledger.jsonl") }

// options are those of a test that need not wait long for anything.
func options(t *testing.T, c *cloud, o account.Options) account.Options {
	if o.Ledger == "" {
		o.Ledger = ledgerPath(t)
	}
	if o.Settle == 0 {
		o.Settle = 500 * time.Millisecond
	}
	return c.Options(t, o)
}

// settle is how long the clouds of tests may take to show what was written: they show it at once.
const settle = 50 * time.Millisecond

func run(t *testing.T, o account.Options, options conform.Options) (*reports.Report, error) {
	t.Helper()
	target, err := account.New(o)
	require.NoError(t, err)
	if options.Seed == 0 {
		options.Seed = 1
	}
	options.Settle = settle
	return conform.Run(t.Context(), target, options)
}

func shown(t *testing.T, r *reports.Report) string {
	var b bytes.Buffer
	require.NoError(t, text.Report(&b, r, text.Options{}))
	return b.String()
}

// checkRequests looks through all that has arrived: nothing concerns a trail or bucket without the
// prefix, or a Region that was not named.
func checkRequests(t *testing.T, c *cloud, o account.Options) {
	t.Helper()
	prefix, err := ledger.ReadPrefix(t.Context(), o.Ledger)
	require.NoError(t, err)
	for _, seen := range c.Requests() {
		if seen.Service != "cloudtrail" {
			continue
		}
		require.Contains(t, o.Regions, seen.Region, seen)
		body, err := value.Parse([]byte(seen.Body))
		if err != nil {
			continue
		}
		for _, member := range []string{"Name", "TrailName", "trailName"} {
			if name := body.Get(member).Text(); model.ValidTrailName(name) {
				require.True(t, strings.HasPrefix(name, prefix+"-"), "%+v", seen)
			}
		}
	}
}

func TestWholeRunOnTheReference(t *testing.T) {
	t.Parallel()
	for _, logging := range []bool{false, true} {
		for _, regions := range [][]string{{"us-east-1"}, {"eu-west-1", "us-east-1"}} {
			t.Run(fmt.Sprint(logging, regions), func(t *testing.T) {
				c := startCloud(t, embedded.ServerOptions{})
				o := options(t, c, account.Options{AllowLogging: logging, Regions: regions})
				report, err := run(t, o, conform.Options{Requests: 2500})
				require.NoError(t, err)
				require.Equal(t, reports.Conforms, report.Verdict, shown(t, report))
				require.Empty(t, report.Divergences)
				require.Empty(t, c.Left())
				require.Equal(t, len(regions), report.Workers)
				checkRequests(t, c, o)
			})
		}
	}
}

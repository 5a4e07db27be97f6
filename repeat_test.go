package conform_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/embedded"
)

// timeless is the JSON of a report without what the clock has decided.
func timeless(t *testing.T, r *reports.Report) string {
	t.Helper()
	c := *r
	c.Started, c.DurationSeconds, c.FirstConfirmedSeconds, c.RequestsPerSecond, c.Timeline = time.Time{}, 0, 0, 0, nil
	c.RuleSeconds = nil
	data, err := json.MarshalIndent(&c, "", " ")
	require.NoError(t, err)
	return string(data)
}

// TestRunsRepeat: a run with the same seed and number of workers sends the same requests and says the same, whichever
// of its workers is the fastest.
func TestRunsRepeat(t *testing.T) {
	const workers = 5
	for _, c := range []struct {
		name, fault string
		options     conform.Options
	}{
		{"complete", "", conform.Options{Suites: []string{conform.Complete}, Depth: 1, Machines: []string{"management", "stores"}}},
		{"complete, faulty", "appends-selectors", conform.Options{Suites: []string{conform.Complete}, Machines: []string{"management"}, Depth: 1}},
		{"default, faulty", "get-drops-data", conform.Options{Requests: 4000}},
		{"all, faulty", "appends-selectors", conform.Options{Suites: []string{conform.Systematic, conform.Complete, conform.Random},
			Machines: []string{"management"}, Requests: 6000}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			first := ""
			for n := range 3 {
				options := c.options
				options.Seed, options.Workers = 7, workers
				target := unevenly{embedded.InProcess(embedded.ServerOptions{Fault: c.fault}), n}
				report, err := conform.Run(t.Context(), target, options)
				require.NoError(t, err)
				assert.Equal(t, c.fault == "", len(report.Divergences) == 0)
				got := timeless(t, report)
				if first == "" {
					first = got
				}
				require.Empty(t, cmp.Diff(first, got), "run %d", n+1)
			}
		})
	}
}

// unevenly is a target some of whose worlds take longer, in each run other ones.
type unevenly struct {
	targets.Target
	run int
}

func (u unevenly) NewWorld(ctx context.Context) (targets.World, error) {
	if rand.IntN(4) == 0 {
		time.Sleep(time.Duration(u.run) * 300 * time.Microsecond)
	}
	return u.Target.NewWorld(ctx)
}

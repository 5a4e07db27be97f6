package run_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/internal/run"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/formats"
	"github.com/insightconform/conform/reports/text"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/embedded"
)

// recorder keeps which operations were called, and which requests were malformed or named the other target prefix.
type recorder struct {
	targets.Target
	mu   sync.Mutex
	ops  map[model.Op]int
	wire int
	arns int // malformed ones of trails
}

func (r *recorder) NewWorld(ctx context.Context) (targets.World, error) {
	world, err := r.Target.NewWorld(ctx)
	return recordedWorld{world, r}, err
}

type recordedWorld struct {
	targets.World
	by *recorder
}

func (w recordedWorld) Do(ctx context.Context, r model.Request) targets.Reply {
	w.by.mu.Lock()
	w.by.ops[r.Op]++
	if r.Malformed() || r.OtherTarget {
		w.by.wire++
	}
	if name := r.Input.Get("TrailName").Text(); strings.HasPrefix(name, "arn:") && !strings.HasPrefix(name, "arn:aws:cloudtrail:") {
		w.by.arns++
	}
	w.by.mu.Unlock()
	return w.World.Do(ctx, r)
}

func recorded(t *testing.T, fault string, o run.Options) (*recorder, *reports.Report) {
	t.Helper()
	target := &recorder{Target: embedded.InProcess(embedded.ServerOptions{Fault: fault}), ops: map[model.Op]int{}}
	o.Seed, o.Workers, o.Requests = 1, 2, 6000
	report, err := run.Run(t.Context(), target, o)
	require.NoError(t, err)
	return target, report
}

// TestOnly: what is left out is not asked, not reported, and not covered, with the reason.
func TestOnly(t *testing.T) {
	sent, report := recorded(t, "trail/arn-syntax/ignored+misspells-insight-selectors+appends-selectors", run.Options{Only: []string{"put/*", "get/*"}})
	assert.Zero(t, sent.wire)
	assert.Zero(t, sent.arns)
	assert.Zero(t, sent.ops[model.OpTrail]+sent.ops[model.OpCreateStore]+sent.ops[model.OpUpdate]+sent.ops[model.OpStop])
	assert.Positive(t, sent.ops[model.OpPut], sent.ops)
	for id, c := range report.Coverage.Rules {
		if slices.Contains([]string{"put", "get"}, id.Family()) {
			assert.NotContains(t, c.Why, "left out", id)
			continue
		}
		assert.False(t, c.Applicable || c.Exercised, id)
		if rule := model.RuleOf(id); !rule.Silent {
			assert.Contains(t, c.Why, "left out by only put/*,get/*", id)
		}
	}
	require.Len(t, report.Divergences, 1)
	assert.Equal(t, model.PutReplacesList, report.Divergences[0].Rule)
	require.Len(t, report.LeftOut, 1)
	assert.Equal(t, "only put/*,get/*", report.LeftOut[0].By)
	states, applicable, judged := report.Coverage.Counts()
	assert.Equal(t, states[reports.RuleNotCovered], len(report.LeftOut[0].Rules))
	assert.Equal(t, applicable, judged)

	all := len(report.LeftOut[0].Rules) + applicable
	said := fmt.Sprintf("%d of %d rules by --only put/*,get/*", len(report.LeftOut[0].Rules), all)
	for format, wanted := range map[string]string{"text": "\nleft out    " + said + "\n", "html": ">" + said + "<",
		"markdown": "| left out | " + strings.ReplaceAll(said, "*", "&#42;"),
		"junit":    `message="not covered: left out by only put/*,get/*"`, "json": `"by": "only put/*,get/*"`} {
		var shown bytes.Buffer
		require.NoError(t, formats.Sink{Format: format}.Write(&shown, report, text.Options{}))
		assert.Contains(t, shown.String(), wanted, format)
		assert.Equal(t, format == "json", strings.Contains(shown.String(), reports.NotNeeded), "%s: what was left out is no feature that the target lacks")
	}
}

// TestLeftOutJoined: what two parts have left out is left out of the whole, and parts that left out other rules are of
// other runs.
func TestLeftOutJoined(t *testing.T) {
	shard := func(i int, only ...string) *reports.Report {
		_, r := recorded(t, "", run.Options{Only: only, Suites: []string{"systematic"}, Shard: reports.Shard{Index: i, Count: 2}})
		return r
	}
	first := shard(0, "put/*")
	whole, err := reports.Join(first, shard(1, "put/*"))
	require.NoError(t, err)
	assert.Equal(t, first.LeftOut, whole.LeftOut)
	_, err = reports.Join(first, shard(1, "get/*"))
	assert.ErrorContains(t, err, `left out is "only put/*" in one and "only get/*" in another`)
}

func TestSkip(t *testing.T) {
	sent, report := recorded(t, "misspells-insight-selectors+flag-always-set", run.Options{Skip: []string{"wire/members", "event-data-stores", "GetTrail"}})
	assert.Zero(t, sent.ops[model.OpCreateStore]+sent.ops[model.OpTrail])
	assert.Positive(t, sent.wire)
	assert.Equal(t, reports.ExitConforms, report.ExitCode, report.Reason)
	assert.Contains(t, report.Coverage.Rules[model.WireMembers].Why, "left out by skip wire/members")
	assert.Contains(t, report.Coverage.Rules[model.StoreEnables].Why, "left out by skip event-data-stores")
}

// TestSkippedBaseline: an entry of a rule that is left out is not stale.
func TestSkippedBaseline(t *testing.T) {
	_, before := recorded(t, "appends-selectors", run.Options{})
	baseline := reports.UpdatedBaseline(nil, before)
	_, report := recorded(t, "", run.Options{Skip: []string{"put/*"}, Baseline: baseline})
	assert.Equal(t, reports.ExitConforms, report.ExitCode, report.Reason)
	updated := reports.UpdatedBaseline(baseline, report)
	assert.NotEmpty(t, updated.Entries)
	assert.Equal(t, baseline.Capabilities, updated.Capabilities)
}

func TestSelectionsThatNameNothing(t *testing.T) {
	for _, o := range []run.Options{{Only: []string{"putt/*"}}, {Skip: []string{"GetTrial"}}, {Only: []string{"put/["}}, {Skip: []string{"*/*"}},
		{Only: []string{"put/*"}, Suites: []string{"complete"}}} {
		_, err := run.Run(t.Context(), embedded.InProcess(embedded.ServerOptions{}), o)
		assert.ErrorIs(t, err, targets.ErrUsage, "only %v, skip %v", o.Only, o.Skip)
	}
}

// TestFailFast: the run ends with the first divergence, in its shortest form.
func TestFailFast(t *testing.T) {
	_, whole := recorded(t, "appends-selectors", run.Options{})
	_, report := recorded(t, "appends-selectors", run.Options{FailFast: true})
	require.Len(t, report.Divergences, 1)
	assert.Equal(t, reports.Confirmed, report.Divergences[0].Status)
	assert.Len(t, report.Divergences[0].Steps, len(whole.Divergences[0].Steps))
	assert.Less(t, report.Requests, whole.Requests/2)
	assert.Equal(t, reports.ExitDiverges, report.ExitCode)
}

// TestEvidenceThatIsLeftOutKeepsNothing: where each read that would show a rule breaks one that is left out, the rule is
// not judged.
func TestEvidenceThatIsLeftOutKeepsNothing(t *testing.T) {
	for fault, verdict := range map[string]reports.Verdict{"": reports.Conforms, "get-off-answers-no-list": reports.Inconclusive} {
		_, report := recorded(t, fault, run.Options{Only: []string{"store/disable"}})
		assert.Equal(t, verdict, report.Verdict, fault)
		assert.Equal(t, verdict == reports.Conforms, report.Coverage.Rules[model.StoreDisable].Exercised, fault)
	}
}

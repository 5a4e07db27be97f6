package conform_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/embedded"
)

// wavering answers one Get in forty wrongly, at random.
type wavering struct {
	targets.Target
	mu     sync.Mutex
	random *rand.Rand
}

func newWavering(fault string, seed uint64) *wavering {
	return &wavering{Target: embedded.InProcess(embedded.ServerOptions{Fault: fault}), random: rand.New(rand.NewPCG(seed, 1))}
}

func (w *wavering) now() (bool, int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.random.IntN(40) == 0, w.random.IntN(3)
}

func (w *wavering) NewWorld(ctx context.Context) (targets.World, error) {
	world, err := w.Target.NewWorld(ctx)
	return &waveringWorld{world, w}, err
}

type waveringWorld struct {
	targets.World
	target *wavering
}

func (w *waveringWorld) Do(ctx context.Context, r model.Request) targets.Reply {
	reply := w.World.Do(ctx, r)
	if r.Op != model.OpGet {
		return reply
	}
	wrong, how := w.target.now()
	switch a := &reply.Answer; {
	case !wrong || a.Outcome != model.Succeeded:
	case how == 0:
		*a = model.Refusal("InsightNotEnabledException")
	case how == 1:
		*a = model.Refusal("TrailNotFoundException")
	default:
		a.Selectors = model.MakeSelectors(model.Management, 0)
		if a.Selectors == w.World.Do(ctx, r).Answer.Selectors {
			a.Selectors = model.MakeSelectors(0, model.Data)
		}
	}
	return reply
}

// TestSeenNowAndThen: a Get that is wrong now and then is one finding with its rate, whatever the seed, under whatever
// rules chance would confirm it; and no chance hides, nor renames, what another fault shows each time.
func TestSeenNowAndThen(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		report, err := conform.Run(t.Context(), newWavering("", seed), conform.Options{Seed: seed, Workers: 1, Requests: 8000})
		require.NoError(t, err)
		require.Len(t, rulesOf(report), 1, explain(report, func(model.ID) bool { return true }))
		d := report.Divergences[0]
		assert.Equal(t, reports.Unrepeated, d.Status)
		assert.Equal(t, model.Documented, d.Level)
		assert.Equal(t, string(model.OpGet), d.Operation)
		assert.Regexp(t, `^\d+ of \d\d\d\d GetInsightSelectors requests$`, d.Rate)
		assert.Equal(t, reports.ExitDiverges, report.ExitCode, report.Reason)
		t.Log(d.Signature, d.Rate, report.ConfirmRequests)
	}
	for _, fault := range []string{"appends-selectors", "delete-turns-sibling-off", "start-brings-back-earlier-put"} {
		alone, err := conform.Run(t.Context(), embedded.InProcess(embedded.ServerOptions{Fault: fault}), conform.Options{Seed: 1, Workers: 1})
		require.NoError(t, err)
		for seed := range uint64(3) {
			report, err := conform.Run(t.Context(), newWavering(fault, seed), conform.Options{Seed: 1, Workers: 1})
			require.NoError(t, err)
			var confirmed []string
			for _, d := range report.Divergences {
				if d.Status == reports.Confirmed {
					confirmed = append(confirmed, d.Signature)
				}
			}
			var wanted []string
			for _, d := range alone.Divergences {
				wanted = append(wanted, d.Signature)
			}
			assert.ElementsMatch(t, wanted, confirmed, "%s, seed %d\n%s", fault, seed, explain(report, func(model.ID) bool { return true }))
			assert.LessOrEqual(t, len(report.Divergences)-len(confirmed), 1, explain(report, func(model.ID) bool { return true }))
			t.Log(fault, alone.ConfirmRequests, report.ConfirmRequests)
		}
	}
}

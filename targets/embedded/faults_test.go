package embedded

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
)

func openInProcess(t *testing.T, o ServerOptions) targets.Target {
	target := InProcess(o)
	_, err := target.Open(context.Background())
	require.NoError(t, err)
	return target
}

// Every fault must show outside what the reference page accepts, unless it is computed.
func TestEveryFaultShows(t *testing.T) {
	const walks, steps = 1600, 300
	for _, fault := range Faults {
		if fault.Computed {
			continue
		}
		t.Run(fault.Name, func(t *testing.T) {
			t.Parallel()
			target := openInProcess(t, ServerOptions{Fault: fault.Name})
			for seed := range uint64(walks) {
				if f := walk(t, target, seed, steps); f != nil {
					t.Logf("walk %d: %s", seed, f)
					return
				}
			}
			t.Errorf("no answer in %d walks was wrong", walks)
		})
	}
}

func TestFaultTable(t *testing.T) {
	names := map[string]bool{}
	shape := regexp.MustCompile(`^[a-z0-9-]+(/[a-z0-9-]+)*$`)
	caught := map[model.ID]bool{}
	deep := 0
	for _, f := range Faults {
		assert.False(t, names[f.Name], "%s stands twice", f.Name)
		names[f.Name] = true
		assert.Regexp(t, shape, f.Name)
		assert.NotEmpty(t, f.Describe, f.Name)
		for _, id := range append([]model.ID{f.Rule}, f.AlsoRules...) {
			if rule := model.RuleOf(id); assert.NotNil(t, rule, "%s: rule %s", f.Name, id) {
				assert.False(t, rule.Silent, "%s: rule %s claims nothing", f.Name, id)
			}
		}
		caught[f.Rule] = true
		if f.Deep {
			deep++
		}
	}
	for _, rule := range model.Rules {
		assert.True(t, rule.Silent || !rule.Everywhere() || caught[rule.ID], "no fault breaks %s", rule.ID)
	}
	assert.GreaterOrEqual(t, deep, 14)
}

func TestUnknownFault(t *testing.T) {
	_, err := NewServer(ServerOptions{Fault: "none-such"})
	require.ErrorIs(t, err, targets.ErrUsage)
	_, err = InProcess(ServerOptions{Fault: "none-such"}).Open(context.Background())
	require.ErrorIs(t, err, targets.ErrUsage)
	_, err = NewTarget(Options{ServerOptions: ServerOptions{Fault: "none-such"}}).Open(context.Background())
	require.ErrorIs(t, err, targets.ErrUsage)
}

// TestFaultsAtOnce: names joined by + are faults at once, the later over what the earlier make of a call.
func TestFaultsAtOnce(t *testing.T) {
	for _, name := range append(slices.Clone(Flaws), "appends-selectors+misspells-trail-arn", "flag-never-set+drops-categories+errors-with-404") {
		f, ok := FaultNamed(name)
		require.True(t, ok, name)
		assert.Equal(t, name, f.Name)
	}
	for _, name := range []string{"", "+", "none-such", "appends-selectors+", "appends-selectors+none-such", "+appends-selectors"} {
		_, ok := FaultNamed(name)
		assert.False(t, ok, name)
	}
	target := InProcess(ServerOptions{Fault: "appends-selectors+misspells-trail-arn+errors-with-404"})
	_, err := target.Open(t.Context())
	require.NoError(t, err)
	w, err := target.NewWorld(t.Context())
	require.NoError(t, err)
	one, other := model.MakeSelectors(model.Management, 0), model.MakeSelectors(0, model.Management)
	for _, r := range []model.Request{generators.Create("alpha"), generators.Start("alpha"), generators.Put("alpha", one), generators.Put("alpha", other)} {
		assert.Equal(t, http.StatusOK, w.Do(t.Context(), r).Status)
	}
	got := w.Do(t.Context(), generators.Get("alpha"))
	assert.Equal(t, one|other, got.Answer.Selectors)
	assert.Contains(t, string(got.Received), `"TrailArn"`)
	assert.Equal(t, http.StatusNotFound, w.Do(t.Context(), generators.Get("no-such-trail")).Status)
}

// TestCodesOfNeighbours: there are two faults for each two neighbours of the error order.
func TestCodesOfNeighbours(t *testing.T) {
	order := model.ErrorRules()
	for i := range order[1:] {
		for name, code := range map[string]string{
			string(order[i]) + "/code-of-next":       model.RuleOf(order[i+1]).Code,
			string(order[i+1]) + "/code-of-previous": model.RuleOf(order[i]).Code,
		} {
			f, ok := FaultNamed(name)
			require.True(t, ok, name)
			assert.Contains(t, f.Describe, " "+code+",", name)
		}
	}
}

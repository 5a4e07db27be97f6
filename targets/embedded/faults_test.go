package embedded

import (
	"context"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
	const walks, steps = 400, 300
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
		assert.True(t, rule.Silent || caught[rule.ID], "no fault breaks %s", rule.ID)
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

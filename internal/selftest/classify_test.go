package selftest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/targets/embedded"
)

func TestClassify(t *testing.T) {
	classes, bound, err := classesOfAll()
	require.NoError(t, err)
	onThePage(t, bound.Requests, "requests in each of", bound.States, "states")
	counts, byName := map[class]int{}, map[string]classified{}
	for i, f := range embedded.Faults {
		c := classes[i]
		counts[c.class]++
		byName[f.Name] = c
		assert.Equal(t, c.class == wrong, c.witness != "", "%s is %s, witness %q", f.Name, c.class, c.witness)
		assert.Equal(t, c.class == tolerated, c.changed > 0, "%s is %s, changes %d answers", f.Name, c.class, c.changed)
		if !f.Computed {
			assert.Equal(t, wrong, c.class, f.Name)
		}
	}
	t.Log(counts, bound)
	onThePage(t, "| a wrong answer |", counts[wrong], "|")
	onThePage(t, "| changed answers, all accepted |", counts[tolerated], "|")
	onThePage(t, "| no change |", counts[equivalent], "|")

	// What follows from the table by eye: the code of the neighbour is the rule's own, is one that it
	// accepts, or neither.
	for name, want := range map[string]class{
		"selector/type-missing/code-of-next":      equivalent,
		"store/not-found/code-of-next":            equivalent,
		"kms/policy/code-of-next":                 tolerated,
		"bucket/missing/ignored":                  tolerated,
		"trail/arn-syntax/code-of-previous":       tolerated,
		"put/duplicate-type-differing/ignored":    tolerated,
		"trail/not-found/code-of-next":            wrong,
		"org/no-service-role/code-of-next":        wrong,
		"store/destination-not-insight/ignored":   wrong,
		"bucket/missing/wrong-code":               wrong,
		"input/selectors-missing/code-of-next":    tolerated,
		"input/trail-and-store/code-of-previous":  equivalent,
		"trail/name-syntax/code-of-previous":      wrong,
		"kms/unusable/code-of-previous":           tolerated,
		"put/duplicate-type-differing/wrong-code": wrong,
	} {
		assert.Equal(t, want, byName[name].class, name)
	}
}

func TestClassifyInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := classify(ctx, embedded.Faults[:3])
	require.ErrorIs(t, err, context.Canceled)
}

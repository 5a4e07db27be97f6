package embedded

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/model"
)

// classified classifies all faults once for all tests.
var classified = sync.OnceValues(func() (map[string]Classified, WalkBound) {
	faults := slices.AppendSeq(slices.Clone(Faults), maps.Values(oddFaults))
	all, bound, err := Classify(context.Background(), faults)
	if err != nil {
		panic(err)
	}
	classes := map[string]Classified{}
	for i, f := range faults {
		classes[f.Name] = all[i]
	}
	return classes, bound
})

func TestClassify(t *testing.T) {
	classes, bound := classified()
	assert.Greater(t, bound.States, 1000)
	assert.Greater(t, bound.Requests, 600)
	counts := map[Class]int{}
	for _, f := range Faults {
		c := classes[f.Name]
		counts[c.Class]++
		assert.Equal(t, c.Class == Wrong, c.Witness != "", "%s is %s, witness %q", f.Name, c.Class, c.Witness)
		assert.Equal(t, c.Class == Tolerated, c.Changed > 0, "%s is %s, changes %d answers", f.Name, c.Class, c.Changed)
		if !f.Computed {
			assert.Equal(t, Wrong, c.Class, f.Name)
		}
	}
	t.Log(counts, bound)

	// What follows from the table by eye: the code of the neighbour is the rule's own, is one that it
	// accepts, or neither.
	for name, want := range map[string]Class{
		"selector/type-missing/code-of-next":      Equivalent,
		"store/not-found/code-of-next":            Equivalent,
		"kms/policy/code-of-next":                 Tolerated,
		"bucket/missing/ignored":                  Tolerated,
		"trail/arn-syntax/code-of-previous":       Tolerated,
		"put/duplicate-type-differing/ignored":    Tolerated,
		"trail/not-found/code-of-next":            Wrong,
		"org/no-service-role/code-of-next":        Wrong,
		"store/destination-not-insight/ignored":   Wrong,
		"bucket/missing/wrong-code":               Wrong,
		"input/selectors-missing/code-of-next":    Tolerated,
		"input/trail-and-store/code-of-previous":  Equivalent,
		"trail/name-syntax/code-of-previous":      Wrong,
		"kms/unusable/code-of-previous":           Tolerated,
		"put/duplicate-type-differing/wrong-code": Wrong,
	} {
		assert.Equal(t, want, classes[name].Class, name)
	}
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

// oddFaults are classified beside the others: their class is known by how they are made.
var oddFaults = map[Class]Fault{
	Equivalent: {Name: "none", start: forgetful(func(c *call) result { return c.pass() })},
	Tolerated:  {Name: "accepted", start: answering(model.TrailHomeRegion, "", codeTrailARN, "").start},
	Wrong: {Name: "stores nothing, and answers as if it did", start: forgetful(func(c *call) result {
		x := c.pass()
		if i, ok := c.putsOnTrail(); ok && x.succeeded() && c.request.OtherTarget && c.enables() {
			return x.withInsights(i, 0)
		}
		return x
	})},
}

func TestOddClasses(t *testing.T) {
	classes, _ := classified()
	for want, f := range oddFaults {
		assert.Equal(t, want, classes[f.Name].Class, f.Name)
	}
}

func TestClassifyInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := Classify(ctx, Faults[:3])
	require.ErrorIs(t, err, context.Canceled)
}

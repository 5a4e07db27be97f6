package model

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Which step of a history is blamed, and how a divergence is signed. Which rule it is stands with the
// rules.

func TestBlamedStep(t *testing.T) {
	for _, c := range []struct {
		about  string
		course []step // the last answer is not allowed
		rule   ID
		op     Op
		back   int // how many steps before the last one
	}{
		{"the answer itself", trail(put("call:Management").answers(yes("error"))), "put/stores", OpPut, 0},
		{"a refusal", trail(put("call").answers(no("NobodyHeardOfIt"))), "put/stores", OpPut, 0},
		{"a Get that shows what a refused Put had in it",
			trail(put("error"), put("call", "x").answers(no("InvalidInsightSelectors")), getTrail, get.answers(yes("call"))), "error/atomic", OpPut, 2},
		{"a Get that shows what was there before a Put", trail(put("call"), put("error"), get.answers(yes("call", "error"))), "put/replaces-list", OpPut, 1},
		{"with reads in between", trail(put("call"), put("error"), getTrail, getEvents, get.answers(yes("call", "error"))), "put/replaces-list", OpPut, 3},
		{"with calls that have no business with Insights", trail(put("call"), put(), start, get.answers(yes("call"))), "put/empty-disables", OpPut, 2},
		{"a Get that was right before", trail(put("call"), put("error"), get, get.answers(yes("call", "error"))), "get/reflects-put", OpGet, 0},
		{"an update after a Get that was right", trail(put("call"), get, update, get.answers(notEnabled)), "trail/update-keeps", OpUpdate, 1},
		{"a Put on another trail", two(put("call"), get, putTo("other", "error"), get.answers(yes("error"))), "state/isolated", OpPut, 1},
		{"a trail that is there again", trail(put("call"), remove, create, start, get.answers(yes("call"))), "trail/delete-forgets", OpCreate, 2},
		{"a trail that is still there", trail(put("call"), remove, get.answers(yes("call"))), "trail/delete-forgets", OpGet, 0},
		{"a guard that does not hold", stores(putStore("call"), updateStore(source, "reads").answers(ok)), "store/update-guard", OpUpdateStore, 0},
		{"a wrong HasInsightSelectors", trail(put("call"), get, getTrail.answers(hasNot)), "trail/has-insight-selectors", OpTrail, 0},
	} {
		x := newRun().play(c.course...)
		require.False(t, x.verdict.Allowed, "%s\n%s", c.about, x.log())
		require.Len(t, x.history, len(c.course), "%s\n%s", c.about, x.log())
		f := Blame(x.history, x.verdict.Expected)
		assert.Equal(t, c.rule, f.Rule, "%s\n%s", c.about, x.log())
		assert.Equal(t, c.op, f.Operation, "%s\n%s", c.about, x.log())
		assert.Equal(t, len(c.course)-c.back, f.Step+1, "%s: the step\n%s", c.about, x.log())
	}
}

// TestFindings: a finding says what was expected and what came.
func TestFindings(t *testing.T) {
	blame := func(course ...step) Finding {
		x := newRun().play(course...)
		require.False(t, x.verdict.Allowed, x.log())
		return Blame(x.history, x.verdict.Expected)
	}
	f := blame(trail(putTo("ab", "call").answers(no("InvalidParameter")))...)
	assert.Equal(t, "InvalidTrailNameException", f.Expected[0])
	assert.Contains(t, f.Expected, "TrailNotFoundException")
	assert.Equal(t, "InvalidParameterException", f.Actual)
	assert.Equal(t, "trail/name-syntax|PutInsightSelectors|InvalidTrailNameException|InvalidParameterException", f.Signature())

	assert.Equal(t, blame(trail(putTo("a", "error").answers(no("InvalidParameter")))...).Signature(), f.Signature(),
		"another request that shows the same has the same signature")
	assert.NotEqual(t, blame(trail(getOf("ab").answers(no("InvalidParameter")))...).Signature(), f.Signature(), "not of another operation")
	assert.NotEqual(t, blame(trail(putTo("ab", "call").answers(no("Validation")))...).Signature(), f.Signature(), "not for another code")
}

// TestBlameKnowsWhatWasPossible: where an earlier answer was lost, either of its outcomes explains a Get.
func TestBlameKnowsWhatWasPossible(t *testing.T) {
	x := newRun().play(trail(put("call").answers(reply{}), put("error"), get.answers(yes("call", "error")))...)
	require.False(t, x.verdict.Allowed)
	assert.Equal(t, ID("put/replaces-list"), Blame(x.history, x.verdict.Expected).Rule, x.log())
}
